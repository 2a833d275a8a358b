"""A prior on disk: principal components that were computed once, for audits to come.

The file is an uncompressed zip of four plain NumPy arrays (what `numpy.savez`
writes), with fixed names and dates: the same images give the same bytes. It is
read as a stranger's: nothing in it is unpickled, no shape that it declares is
believed before the bytes are there.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leakgauge.errors import BadBundle, LimitExceeded
from leakgauge.inversion.priors.pca import LEAST_SPREAD, MOST_COMPONENTS, PcaPrior
from leakgauge.inversion.search_space import SearchSpace

MAX_BYTES = 512 * 1024**2
_DIMENSIONS = {"mean": 3, "axes": 2, "spread": 1, "pictures": 0}
_ORTHONORMAL = 1e-3


def to_bytes(components: PcaPrior) -> bytes:
    """The file's content."""
    arrays = {
        "mean": components.space.start,
        "axes": components.space.axes,
        "spread": components.space.spread,
        "pictures": np.asarray(components.images, dtype=np.int64),
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, np.asarray(array, order="C"), (1, 0), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getvalue())
    return stream.getvalue()


def read_prior(path: Path) -> PcaPrior:
    """The components in a file that `to_bytes` made.

    Raises
    ------
    BadBundle
        `prior_damaged` for anything that is not such a file.
    LimitExceeded
        `prior_too_large`.
    """
    if path.stat().st_size > MAX_BYTES:
        raise LimitExceeded(
            "prior_too_large",
            f"{path.name} is larger than {MAX_BYTES // 1024**2} MB.",
            hint="Make the prior from smaller images.",
        )
    try:
        with zipfile.ZipFile(path) as archive:
            return _checked({name: _array(archive, name) for name in _DIMENSIONS})
    except (
        *(zipfile.BadZipFile, ValueError, KeyError, EOFError, OSError),
        *(SyntaxError, RecursionError, NotImplementedError, RuntimeError, MemoryError, OverflowError),
    ) as error:
        raise BadBundle(
            "prior_damaged",
            f"{path.name} is not a prior that this program has made, or is damaged.",
            hint="Make it anew: a training job with task=prior and images in the channel auxiliary.",
        ) from error


def _array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    member = archive.getinfo(f"{name}.npy")
    if member.compress_type != zipfile.ZIP_STORED or member.file_size > MAX_BYTES:
        raise ValueError("not as written")
    with archive.open(member) as stream:
        content = io.BytesIO(stream.read(MAX_BYTES))
    if np.lib.format.read_magic(content) != (1, 0):
        raise ValueError("not as written")
    shape, fortran, kind = np.lib.format.read_array_header_1_0(content)
    if kind.kind not in "fi" or fortran or len(shape) != _DIMENSIONS[name]:
        raise ValueError("not as written")
    # frombuffer takes what is there; reshape refuses a shape that says something else
    return np.frombuffer(content.read(), dtype=kind).reshape(shape)


def _checked(arrays: dict[str, NDArray[Any]]) -> PcaPrior:
    mean, axes = arrays["mean"].astype(np.float32), arrays["axes"].astype(np.float32)
    spread = arrays["spread"].astype(np.float64)
    sound = (
        1 <= len(axes) <= MOST_COMPONENTS
        and axes.shape[1] == mean.size
        and len(spread) == len(axes)
        and all(bool(np.isfinite(array).all()) for array in (mean, axes, spread))
        and LEAST_SPREAD < float(spread.min()) <= float(spread.max()) <= np.sqrt(mean.size)
        and 0.0 <= float(mean.min()) <= float(mean.max()) <= 1.0
        and bool(np.allclose(axes @ axes.T, np.eye(len(axes)), atol=_ORTHONORMAL))
        and int(arrays["pictures"]) > 0
    )
    if not sound:
        raise ValueError("not components")
    return PcaPrior(SearchSpace(mean, axes, spread), int(arrays["pictures"]))
