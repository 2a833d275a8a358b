"""What it is that somebody sent in place of a zip."""

from __future__ import annotations

from typing import Final

from leakgauge.targets.compression import unpacked_head
from leakgauge.targets.formats import HEAD_BYTES, Format, kind_in_bundle

_MAGIC: Final = (
    (b"\x1f\x8b", "a gzip file"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ\x00", "an xz file"),
    (b"\x28\xb5\x2f\xfd", "a zstandard file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"PAR1", "a parquet file"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"%PDF", "a PDF document"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"UEsDB", "a zip in base64"),
)
_ARCHIVES: Final = ("archive", "archive (tar.gz, .tgz)")
_RECORD_IO: Final = b"\x0a\x23\xd7\xce"


def recognise(head: bytes) -> str | None:
    """The kind of file that starts with `head`, in words; None when it is none that is known."""
    if _is_tar(unpacked_head(head, HEAD_BYTES)):
        return "a compressed tar archive (tar.gz, .tgz)"
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if _is_tar(head):
        return "a tar archive"
    if head.startswith(_RECORD_IO):
        return "a RecordIO record, which a batch transform makes unless its SplitType is None"
    model = kind_in_bundle(head, "")
    if isinstance(model, Format):
        return f"{model.words}, without a bundle around it"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"--") and b"ontent-" in text:
        return "a multipart form (with curl use --data-binary, not -F)"
    if text.startswith((b"{", b"[")):
        return "JSON"
    if text.startswith(b"<"):
        return "HTML or XML"
    if b"\0" not in head and b"," in head and b"\n" in head:
        return "a CSV table"
    return None


def is_archive(head: bytes) -> bool:
    """Whether it is an archive of another kind than zip."""
    return (recognise(head) or "").endswith(_ARCHIVES)


def _is_tar(head: bytes) -> bool:
    return head[257:262] == b"ustar"
