"""Opening an image classifier: what attacks must know about it is found out here.

Layout, channels, range, and whether the head gives probabilities or logits are
told by test where a test can tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from leakgauge.errors import LeakgaugeError, LimitExceeded, UnsupportedModel
from leakgauge.targets.images.facts import ChannelOrder, ImageModelFacts, RangeSource
from leakgauge.targets.images.refusals import ModelFormat, not_finite, sniff, unsupported
from leakgauge.targets.images.target import ImageTarget, Layout
from leakgauge.targets.onnx.engine import CHUNK, Engine, OnnxEngine, engine_for_keras
from leakgauge.targets.score_rows import rounding_step, scores_kept

MAX_SIDE = 1024
MIN_SIDE = 4
MAX_CLASSES = 10_000
PROBE_IMAGES = 64
ROW_SUM_TOLERANCE = 1e-3
FAR_OUT = 1e3
"""Factor by which probes leave the range of a pixel: it drives logits past 1 and leaves sigmoids below."""
UNIT_RANGE = (0.0, 1.0)
_CHUNK_NUMBERS = 64_000_000
"""Activations that one chunk may hold at a time, in numbers; a quarter of a gigabyte."""
_IMAGE_CHANNELS = (1, 3, 4)
_FOR_KERAS = ("keras", "tensorflow", "h5py")


@dataclass(frozen=True, slots=True)
class _Told:
    """What the sender says about the model's input; None where nothing is said."""

    picture_size: tuple[int, int]
    input_range: tuple[float, float] | None
    channel_order: ChannelOrder | None


@dataclass(frozen=True, slots=True)
class _Input:
    """The model's input: its layout, (height, width, channels), and the shape in the model's own order."""

    layout: Layout
    shape: tuple[int, int, int]
    arranged: tuple[int, ...]

    def probes(self, input_range: tuple[float, float]) -> NDArray[np.float32]:
        """(64, *arranged) pictures from flat to noisy, always the same ones."""
        rng = np.random.default_rng(0)
        flat = rng.random((PROBE_IMAGES, 1, 1, self.shape[2]))
        noise = rng.random((PROBE_IMAGES, *self.shape))
        weight = np.linspace(0.0, 1.0, PROBE_IMAGES).reshape(-1, 1, 1, 1)
        low, high = input_range
        pictures = low + (high - low) * ((1 - weight) * flat + weight * noise)
        return self.layout.arrange(pictures.astype(np.float32))


def open_image_model(
    path: Path,
    *,
    picture_size: tuple[int, int],
    input_range: tuple[float, float] | None = None,
    channel_order: ChannelOrder | None = None,
) -> ImageTarget:
    """The classifier in the file `path`, ready for queries.

    Parameters
    ----------
    picture_size: (height, width) taken where the model leaves its input size free.
    input_range: what the sender says about the range of a pixel, if anything.
    channel_order: what the sender says about the place of the channel axis, if anything.

    Raises
    ------
    UnsafeModel, UnsupportedModel, LimitExceeded
        each with its own problem word.
    """
    kind = sniff(path)
    told = _Told(picture_size, input_range, channel_order)
    return _open_onnx(path, told) if kind == "onnx" else _open_keras(path, kind, told)


def _open_keras(path: Path, kind: ModelFormat, told: _Told) -> ImageTarget:
    if not all(map(find_spec, _FOR_KERAS)):
        raise unsupported(
            "keras_not_installed", "The model is a Keras file, and Keras is not installed here."
        )
    # importing Keras takes seconds and ONNX models do not need it
    from leakgauge.targets.keras.file import activations, open_archive, open_hdf5, rescaled_range
    from leakgauge.targets.keras.network import KerasNetwork

    _one_thread()
    model = open_archive(path) if kind == "keras" else open_hdf5(path)
    _check_ends(len(model.inputs), len(model.outputs))
    entry, end = model.inputs[0], model.outputs[0]
    if "float" not in str(entry.dtype):
        raise unsupported("text_model", "The model takes whole numbers or text, not pictures.")
    found = _read_input(tuple(entry.shape)[1:], told)
    _check_output(tuple(end.shape)[1:])
    rescaled = rescaled_range(model)
    source: RangeSource = "asked" if told.input_range else "rescaling layer" if rescaled else "assumed"
    input_range = told.input_range or rescaled or UNIT_RANGE
    probes = found.probes(input_range)
    chunk = int(np.clip(_CHUNK_NUMBERS // max(activations(model), 1), 1, CHUNK))
    try:
        engine = engine_for_keras(model, found.arranged, probes, chunk=chunk)
    except Exception as error:
        # TensorFlow raises anything at all for a model that does not run
        raise _does_not_run() from error
    name = type(model).__name__
    # the engines were compared on the probes: two answers to each
    target = _ready(engine, found, name, kind, input_range, source, asked=2 * len(probes))
    target.network = KerasNetwork(model, target.facts, found.layout)
    return target


def _open_onnx(path: Path, told: _Told) -> ImageTarget:
    from leakgauge.targets.onnx.file import read_onnx

    model = read_onnx(path)
    stored = {tensor.name for tensor in model.graph.initializer}
    entries = [entry for entry in model.graph.input if entry.name not in stored]
    _check_ends(len(entries), len(model.graph.output))
    tensor = entries[0].type.tensor_type
    if tensor.elem_type != onnx.TensorProto.FLOAT:
        raise unsupported("onnx_input_type", "The ONNX model's input is not an array of 32-bit floats.")
    dimensions = tuple(axis.dim_value or None for axis in tensor.shape.dim)
    if not dimensions or any(length is not None and length < 1 for length in dimensions):
        raise unsupported("not_an_image_model", "The model's input has no shape.")
    found = _read_input(dimensions[1:], told)
    if dimensions[0] not in (None, 1):
        raise unsupported(
            "onnx_fixed_batch", f"The ONNX model takes exactly {dimensions[0]} pictures at a time."
        )
    engine = OnnxEngine(model, chunk=dimensions[0] or CHUNK)
    source: RangeSource = "asked" if told.input_range else "assumed"
    return _ready(engine, found, "ONNX graph", "onnx", told.input_range or UNIT_RANGE, source, asked=0)


def _ready(
    engine: Engine,
    found: _Input,
    name: str,
    kind: ModelFormat,
    input_range: tuple[float, float],
    range_source: RangeSource,
    *,
    asked: int,
) -> ImageTarget:
    """Ask the probes, find out what the head gives, and hand over the target."""
    probes = found.probes(input_range)
    outputs = _ask(engine, probes)
    asked += len(probes)
    if outputs.shape[1] > MAX_CLASSES:
        raise _too_many_classes()
    within = _within_unit(outputs)
    complete = _sums_to_one(outputs)
    truncated = within and not complete and scores_kept(outputs) is not None
    truncated = truncated and float(outputs.sum(axis=1).max()) <= 1 + ROW_SUM_TOLERANCE
    if within and not complete and not truncated:
        within = _within_unit(_ask(engine, probes * np.float32(FAR_OUT)))
        asked += len(probes)
    if outputs.shape[1] == 1 and not within:
        raise unsupported("regression_head", "The model gives one number that is no probability.")
    facts = ImageModelFacts(
        kind=name,
        format=kind,
        shape=found.shape,
        input_range=input_range,
        range_source=range_source,
        output="probabilities" if within else "logits",
        engine=engine.name,
        classes=max(outputs.shape[1], 2),
        rows="truncated" if truncated else "independent" if within and not complete else "complete",
    )
    return ImageTarget(engine, facts, found.layout, queries=asked)


def _ask(engine: Engine, probes: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, n_outputs) finite outputs for the probes."""
    try:
        outputs = engine.outputs(probes)
    except LeakgaugeError:
        raise
    except Exception as error:
        # engines raise classes that share no base
        raise _does_not_run() from error
    if outputs.ndim != 2 or len(outputs) != len(probes) or outputs.shape[1] == 0:
        raise unsupported("not_a_classifier", "The model does not give one row of class scores per picture.")
    if not np.isfinite(outputs).all():
        raise not_finite()
    return outputs


def _within_unit(outputs: NDArray[np.float32]) -> bool:
    return bool((outputs >= 0).all() and (outputs <= 1 + ROW_SUM_TOLERANCE).all())


def _sums_to_one(outputs: NDArray[np.float32]) -> bool:
    """Whether every row sums to 1, as far as rounding its scores lets it."""
    step = rounding_step(outputs)
    tolerance = max(ROW_SUM_TOLERANCE, outputs.shape[1] * step / 2 if step else 0.0)
    return outputs.shape[1] > 1 and bool(np.abs(outputs.sum(axis=1) - 1.0).max() <= tolerance)


def _read_input(declared: tuple[int | None, ...], told: _Told) -> _Input:
    """What an input shape without its batch axis means."""
    height: int | None
    width: int | None
    channels: int | None
    if len(declared) == 2:
        layout, (height, width), channels = Layout("none"), declared, 1
    elif len(declared) != 3:
        raise unsupported(
            "not_an_image_model",
            f"The model's input has {len(declared)} axes besides the batch, not height, width and channels.",
        )
    elif declared[2] in _IMAGE_CHANNELS and told.channel_order != "first":
        layout, (height, width, channels) = Layout("last"), declared
    elif declared[0] in _IMAGE_CHANNELS and told.channel_order != "last":
        layout, (channels, height, width) = Layout("first"), declared
    else:
        raise unsupported("channels", "The model's pictures have neither 1 nor 3 nor 4 channels.")
    shape = (height or told.picture_size[0], width or told.picture_size[1], channels or 1)
    if max(shape) > MAX_SIDE:
        raise LimitExceeded(
            "input_too_large",
            f"The model's pictures are more than {MAX_SIDE} pixels wide or high.",
            hint="Audit a model with a smaller input.",
        )
    if min(shape[:2]) < MIN_SIDE:
        raise unsupported(
            "not_an_image_model", f"The model's pictures are less than {MIN_SIDE} pixels wide or high."
        )
    orders: dict[str, tuple[int, ...]] = {
        "last": shape,
        "first": (shape[2], *shape[:2]),
        "none": shape[:2],
    }
    return _Input(layout, shape, orders[layout.channel_axis])


def _check_ends(inputs: int, outputs: int) -> None:
    if inputs != 1:
        raise unsupported("several_inputs", f"The model takes {inputs} inputs.")
    if outputs != 1:
        raise unsupported("several_outputs", f"The model gives {outputs} outputs.")


def _check_output(declared: tuple[int | None, ...]) -> None:
    if len(declared) != 1 or declared[0] is None:
        raise unsupported("not_a_classifier", "The model does not give one row of class scores per picture.")
    if declared[0] > MAX_CLASSES:
        raise _too_many_classes()


def _too_many_classes() -> LimitExceeded:
    return LimitExceeded(
        "too_many_classes",
        f"The model has more than {MAX_CLASSES:,} classes.",
        hint="Audit a model with fewer classes.",
    )


def _one_thread() -> None:
    """TensorFlow on one thread, so that sums run in one order and results repeat."""
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        # TensorFlow is already at work in this process, with the threads that it was started with
        return


def _does_not_run() -> UnsupportedModel:
    return unsupported("model_does_not_run", "The model fails on a picture of its own input shape.")
