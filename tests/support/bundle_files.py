"""Files that make a bundle, and what becomes of them when they are sent."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from leakgauge.bundle import Bundle, Limits, unpack
from leakgauge.errors import InputError

TABLES = {"train_mia.csv": b"a,label\n1,0\n", "test_mia.csv": b"a,label\n2,0\n"}
MEMBERSHIP = {"model.pkl": b"\x80\x04N.", **TABLES}
INVERSION = {"model.keras": b"PK", "input_image.png": b"\x89PNG", "parameters.json": b"{}"}


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def opened(files: dict[str, bytes], tmp_path: Path, limits: Limits | None = None) -> Bundle:
    tmp_path.mkdir(exist_ok=True)
    upload = tmp_path / "upload"
    upload.write_bytes(zipped(files))
    return unpack(upload, tmp_path / "into", limits=limits or Limits())


def laid_out(files: dict[str, bytes], folder: Path) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def refused(files: dict[str, bytes], tmp_path: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        opened(files, tmp_path)
    return caught.value
