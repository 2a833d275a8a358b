"""What answers for an ONNX model: some thirty times as fast as `model.predict`, on one core."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from leakgauge.errors import UnsupportedModel
from leakgauge.targets.images.pixels import as_type
from leakgauge.targets.images.probing import CHUNK
from leakgauge.threads import processors

INPUT_TYPES: Final[Mapping[str, np.dtype[Any]]] = {
    "tensor(float)": np.dtype(np.float32),
    "tensor(float16)": np.dtype(np.float16),
    "tensor(double)": np.dtype(np.float64),
    "tensor(uint8)": np.dtype(np.uint8),
    "tensor(int32)": np.dtype(np.int32),
    "tensor(int64)": np.dtype(np.int64),
}
"""Types of arrays that images are put into, as ONNX Runtime calls them."""


class Session:
    """An ONNX model at work on one thread, so that equal questions get equal answers.

    Raises
    ------
    UnsupportedModel
        `onnx_cannot_be_opened`.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # an error is raised as well; its text would go to standard error
        try:
            self._session = onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime raises classes of its own that share no base
            raise UnsupportedModel(
                "onnx_cannot_be_opened",
                "ONNX Runtime cannot open the model.",
                hint='Check that onnxruntime.InferenceSession("model.onnx") opens it where it was made, or '
                "export it at another operator set. skl2onnx needs a table whose numbers are all of one "
                "type, such as float32.",
            ) from error

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of what it must be given."""
        return tuple(entry.name for entry in self._session.get_inputs())

    @property
    def input_type(self) -> np.dtype[Any]:
        """Of what numbers its first input is an array; 32-bit floats where NumPy has no such type."""
        return INPUT_TYPES.get(self._session.get_inputs()[0].type, np.dtype(np.float32))

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> list[Any]:
        """All outputs, in their order; fails with whatever ONNX Runtime raises."""
        found: list[Any] = self._session.run(None, dict(feeds))
        return found


class OnnxEngine:
    """Answers images.

    Parameters
    ----------
    chunk
        most images that it is asked about at a time.
    batch
        images that the model takes at a time, neither more nor fewer; None for any number.
    """

    name = "ONNX Runtime"

    def __init__(self, model: onnx.ModelProto, *, chunk: int = CHUNK, batch: int | None = None) -> None:
        self._session = Session(model)
        self._input = self._session.inputs[0]
        self._dtype = self._session.input_type
        self._chunk = batch or chunk
        self._batch = batch

    def outputs(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, n_outputs) raw outputs, asked for in chunks so that memory stays small.

        Several chunks are asked about at a time, each on a processor of its own: what one of them is
        answered does not depend on how many there are.
        """
        if len(images) <= self._chunk:
            return self._answer(images)
        chunks = [images[at : at + self._chunk] for at in range(0, len(images), self._chunk)]
        with ThreadPoolExecutor(min(processors(), len(chunks))) as pool:
            return np.concatenate(list(pool.map(self._answer, chunks)))

    def _answer(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        missing = 0 if self._batch is None else self._batch - len(images)
        if missing:
            images = np.concatenate([images, np.repeat(images[-1:], missing, axis=0)])
        asked = np.ascontiguousarray(as_type(images, self._dtype))
        answer: NDArray[Any] = self._session.run({self._input: asked})[0]
        kept = answer[: len(images) - missing] if missing else answer
        scores = np.asarray(kept, dtype=np.float32)
        # networks that end in a pooling layer keep its axes, one number long
        return scores[..., 0, 0] if scores.ndim == 4 and scores.shape[2:] == (1, 1) else scores
