"""Broken and hostile models, images and parameters: each has its own error, nothing runs, nothing hangs."""

from __future__ import annotations

import io
import json
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what TensorFlow's own imports warn about is not ours to fix
    import keras

from leakgauge.bundle import Limits, open_bundle
from leakgauge.errors import LeakgaugeError
from leakgauge.inversion.audit import audit_bundle
from leakgauge.progress import Silent

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

layers = keras.layers
QUICK = {"iterations": 5, "seeds": 1, "class_to_attack": 1}


def classifier(shape: tuple[int | None, ...] = (8, 8, 1), classes: int = 3) -> Any:
    return keras.Sequential(
        [keras.Input(shape), layers.Flatten(), layers.Dense(classes, activation="softmax", name="out")]
    )


def keras_file(model: Any, folder: Path) -> bytes:
    path = folder / "saved.keras"
    model.save(path)
    content = path.read_bytes()
    path.unlink()
    return content


def hdf5_file(model: Any, folder: Path) -> bytes:
    path = folder / "saved.h5"
    model.save(path, include_optimizer=False)
    content = path.read_bytes()
    path.unlink()
    return content


def members(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def zipped(files: dict[str, bytes] | list[tuple[str, bytes]]) -> bytes:
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # duplicate names are the point of one case
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items() if isinstance(files, dict) else files:
                archive.writestr(name, content)
    return stream.getvalue()


def with_config(folder: Path, change: Callable[[dict[str, Any]], None]) -> bytes:
    """A .keras archive whose configuration was changed after saving."""
    files = members(keras_file(classifier(), folder))
    config = json.loads(files["config.json"])
    change(config)
    files["config.json"] = json.dumps(config).encode()
    return zipped(files)


def with_layer(folder: Path, layer: dict[str, Any]) -> bytes:
    def insert(config: dict[str, Any]) -> None:
        config["config"]["layers"].insert(1, layer)

    return with_config(folder, insert)


def edited_hdf5(folder: Path, edit: Callable[[h5py.File], None]) -> bytes:
    path = folder / "edited.h5"
    path.write_bytes(hdf5_file(classifier(), folder))
    with h5py.File(path, "r+") as file:
        edit(file)
    content = path.read_bytes()
    path.unlink()
    return content


def onnx_file(
    *,
    nodes: list[onnx.NodeProto] | None = None,
    batch: int | str = "n",
    kind: int = TensorProto.FLOAT,
    domain: str = "",
    external: bool = False,
) -> bytes:
    weights = helper.make_tensor("w", TensorProto.FLOAT, [64, 3], np.linspace(-1, 1, 192).tolist())
    if external:
        weights.ClearField("float_data")
        weights.data_location = TensorProto.EXTERNAL
        weights.external_data.add(key="location", value="../../secret")
    graph = helper.make_graph(
        nodes
        or [
            helper.make_node("Flatten", ["x"], ["flat"]),
            helper.make_node("MatMul", ["flat", "w"], ["z"]),
            helper.make_node("Softmax", ["z"], ["y"], domain=domain),
        ],
        "graph",
        [helper.make_tensor_value_info("x", kind, [batch, 8, 8, 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, 3])],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


def png(values: np.ndarray, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, format="PNG", **options)
    return stream.getvalue()


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=array.dtype.hasobject)
    return stream.getvalue()


def huge_png() -> bytes:
    """A PNG that declares 60,000 × 60,000 pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"0"))
        + chunk(b"IEND", b"")
    )


def wide_png() -> bytes:
    return png(np.zeros((4_100, 4_100), dtype=np.uint8))


def animated_png() -> bytes:
    frames = [Image.fromarray(np.full((8, 8), value, dtype=np.uint8)) for value in (0, 120, 255)]
    stream = io.BytesIO()
    frames[0].save(stream, format="PNG", save_all=True, append_images=frames[1:])
    return stream.getvalue()


def cmyk_jpeg() -> bytes:
    stream = io.BytesIO()
    Image.new("CMYK", (8, 8)).save(stream, format="JPEG")
    return stream.getvalue()


def npy_with_header(header: bytes) -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(64)


def lying_npy() -> bytes:
    """An NPY header that declares four terabytes."""
    stream = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": (10**6, 10**6)}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue()


GREY = png((np.arange(64, dtype=np.uint8) * 4).reshape(8, 8))
NOISE = png(np.random.default_rng(0).integers(0, 255, (8, 8), dtype=np.uint8))
KERAS_MODULE = {"module": "keras.layers", "registered_name": None}


def dense_of(units: int) -> Callable[[dict[str, Any]], None]:
    def change(config: dict[str, Any]) -> None:
        config["config"]["layers"][-1]["config"]["units"] = units
        config["config"]["layers"][-1].pop("build_config", None)

    return change


def input_of(*shape: int | None) -> Callable[[dict[str, Any]], None]:
    def change(config: dict[str, Any]) -> None:
        config["config"]["layers"][0]["config"]["batch_shape"] = [None, *shape]
        for layer in config["config"]["layers"]:
            layer.pop("build_config", None)
        config.pop("build_config", None)

    return change


def nested(depth: int) -> Callable[[dict[str, Any]], None]:
    def change(config: dict[str, Any]) -> None:
        inner: Any = []
        for _ in range(depth):
            inner = [inner]
        config["config"]["extra"] = inner

    return change


def model_of(*stack: Any, name: str = "keras") -> Callable[[Path], bytes]:
    return lambda folder: keras_file(keras.Sequential(list(stack)), folder)


def two_inputs(folder: Path) -> bytes:
    first, second = keras.Input((8, 8, 1)), keras.Input((8, 8, 1))
    joined = layers.Flatten()(layers.Add()([first, second]))
    return keras_file(keras.Model([first, second], layers.Dense(3, activation="softmax")(joined)), folder)


def two_outputs(folder: Path) -> bytes:
    entry = keras.Input((8, 8, 1))
    flat = layers.Flatten()(entry)
    return keras_file(keras.Model(entry, [layers.Dense(3)(flat), layers.Dense(3)(flat)]), folder)


def not_finite(folder: Path) -> bytes:
    model = classifier()
    model.set_weights([np.full_like(part, np.nan) for part in model.get_weights()])
    return keras_file(model, folder)


def external_storage(file: h5py.File) -> None:
    group = file["model_weights"].create_group("more")
    group.create_dataset("w", shape=(10,), dtype="f4", external=[("/etc/hostname", 0, 40)])


def external_link(file: h5py.File) -> None:
    file["model_weights"]["elsewhere"] = h5py.ExternalLink("/etc/other.h5", "/x")


def soft_link(file: h5py.File) -> None:
    file["model_weights"]["loop"] = h5py.SoftLink("/model_weights")


def virtual_dataset(file: h5py.File) -> None:
    layout = h5py.VirtualLayout(shape=(10,), dtype="f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", shape=(10,))
    file["model_weights"].create_virtual_dataset("v", layout)


def four_terabytes(file: h5py.File) -> None:
    file["model_weights"].create_dataset(
        "big", shape=(10**6, 10**6), dtype="f4", chunks=(100, 100), compression="gzip"
    )


def text_dataset(file: h5py.File) -> None:
    file["model_weights"].create_dataset("t", data=["a", "b"], dtype=h5py.string_dtype())


def without_config(file: h5py.File) -> None:
    del file.attrs["model_config"]


def empty_hdf5(file: h5py.File) -> None:
    without_config(file)
    del file["model_weights"]
    for name in list(file):
        del file[name]


def lambda_file(folder: Path) -> bytes:
    return with_layer(
        folder,
        {
            **KERAS_MODULE,
            "class_name": "Lambda",
            "config": {"function": {"class_name": "__lambda__", "config": {"code": "4wAAAA=="}}},
        },
    )


def lambda_hdf5(folder: Path) -> bytes:
    def change(file: h5py.File) -> None:
        config = json.loads(file.attrs["model_config"])
        config["config"]["layers"].insert(
            1, {"class_name": "Lambda", "config": {"function": ["4wAAAA==", None, None]}}
        )
        file.attrs["model_config"] = json.dumps(config)

    return edited_hdf5(folder, change)


def strange(**layer: Any) -> Callable[[Path], bytes]:
    return lambda folder: with_layer(folder, {"config": {}, "registered_name": None, **layer})


def constant(content: bytes) -> Callable[[Path], bytes]:
    return lambda _: content


def wrong_weights(folder: Path) -> bytes:
    files = members(keras_file(classifier(), folder))
    files["model.weights.h5"] = members(keras_file(classifier(classes=4), folder))["model.weights.h5"]
    return zipped(files)


def archive_with(extra: dict[str, bytes]) -> Callable[[Path], bytes]:
    return lambda folder: zipped(members(keras_file(classifier(), folder)) | extra)


def archive_without(name: str) -> Callable[[Path], bytes]:
    def make(folder: Path) -> bytes:
        files = members(keras_file(classifier(), folder))
        del files[name]
        return zipped(files)

    return make


def members_before_the_first_byte(folder: Path) -> bytes:
    """The end record says that the table of contents lies further back than it does."""
    archive = keras_file(classifier(), folder)
    (offset,) = struct.unpack_from("<L", archive, len(archive) - 6)
    return archive[:-6] + struct.pack("<L", offset + 1_000_000) + archive[-2:]


def broken_deflate(folder: Path) -> bytes:
    """Sound but for the compressed bytes of the configuration."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members(keras_file(classifier(), folder)).items():
            archive.writestr(name, content)
    broken = bytearray(packed.getvalue())
    start = broken.index(b"config.json") + len("config.json")
    broken[start : start + 40] = b"\xff" * 40
    return bytes(broken)


def duplicated(folder: Path) -> bytes:
    files = members(keras_file(classifier(), folder))
    return zipped([*files.items(), ("config.json", b"{}")])


def hdf5_edit(edit: Callable[[h5py.File], None]) -> Callable[[Path], bytes]:
    return lambda folder: edited_hdf5(folder, edit)


LOOP = helper.make_node(
    "Loop", ["", ""], ["y"], body=helper.make_graph([helper.make_node("Identity", ["a"], ["b"])], "g", [], [])
)

BAD_MODELS: dict[str, tuple[str, Callable[[Path], bytes]]] = {
    "empty file": ("unsupported_model.model_empty", constant(b"")),
    "text": ("unsupported_model.not_a_model", constant(b"hello, I am a model" * 9)),
    "some other zip": ("unsupported_model.not_a_model", constant(zipped({"a.txt": b"a"}))),
    "pickle": ("bad_bundle.wrong_model", constant(b"\x80\x04cos\nsystem\n(S'true'\ntR.")),
    "TensorFlow Lite": ("unsupported_model.tflite_model", constant(b"\x1c\0\0\0TFL3" + b"\0" * 64)),
    "PyTorch": ("unsupported_model.torch_model", constant(zipped({"archive/data.pkl": b"\x80\x02."}))),
    "zipped SavedModel": ("unsupported_model.saved_model", constant(zipped({"m/saved_model.pb": b"1"}))),
    "cut archive": (
        "unsupported_model.keras_archive_damaged",
        lambda folder: keras_file(classifier(), folder)[:900],
    ),
    "members before the first byte": (
        "unsupported_model.keras_archive_damaged",
        members_before_the_first_byte,
    ),
    "broken deflate": ("unsupported_model.keras_archive_damaged", broken_deflate),
    "two configurations": ("unsafe_model.keras_duplicate_members", duplicated),
    "vocabulary": ("unsupported_model.keras_extra_members", archive_with({"assets/words.txt": b"a"})),
    "no weights": ("unsupported_model.keras_weights_missing", archive_without("model.weights.h5")),
    "configuration is no JSON": (
        "unsupported_model.config_malformed",
        archive_with({"config.json": b"{"}),
    ),
    "configuration bomb": (
        "limit_exceeded.keras_member_too_large",
        archive_with({"config.json": b" " * (17 * 1024**2)}),
    ),
    "deep configuration": (
        "limit_exceeded.config_too_large",
        lambda folder: with_config(folder, nested(300)),
    ),
    "Lambda": ("unsafe_model.lambda_layer", lambda_file),
    "Lambda in HDF5": ("unsafe_model.lambda_layer", lambda_hdf5),
    "saved program": (
        "unsafe_model.foreign_runtime_layer",
        strange(class_name="TFSMLayer", module="keras.layers", config={"filepath": "/etc"}),
    ),
    "os.system": ("unsafe_model.foreign_module", strange(class_name="system", module="os")),
    "keras.utils.get_file": (
        "unsupported_model.custom_object",
        strange(class_name="get_file", module="keras.utils"),
    ),
    "registered class": (
        "unsupported_model.custom_object",
        strange(class_name="Mine", module=None, registered_name="pkg>Mine"),
    ),
    "unknown function": (
        "unsupported_model.custom_function",
        strange(
            class_name="Activation",
            module="keras.layers",
            config={"activation": {"class_name": "function", "module": "builtins", "config": "eval"}},
        ),
    ),
    "text layer": (
        "unsupported_model.text_model",
        strange(class_name="TextVectorization", module="keras.layers"),
    ),
    "Keras 2 operation": (
        "unsupported_model.keras_2_operation_layer",
        strange(class_name="TensorFlowOpLayer", module=None),
    ),
    "subclassed": (
        "unsupported_model.subclassed_model",
        lambda folder: with_config(folder, lambda config: config.update(class_name="Dense")),
    ),
    "four terabytes of weights": (
        "limit_exceeded.model_too_many_parameters",
        lambda folder: with_config(folder, dense_of(10**10)),
    ),
    "four terabytes of image": (
        "limit_exceeded.model_activations_too_large",
        model_of(
            keras.Input((8, 8, 1)),
            layers.UpSampling2D(125_000),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ),
    ),
    "does not add up": (
        "unsupported_model.cannot_be_rebuilt",
        lambda folder: with_config(folder, dense_of(-3)),
    ),
    "weights of another model": ("unsupported_model.weights_do_not_fit", wrong_weights),
    "two inputs": ("unsupported_model.several_inputs", two_inputs),
    "two outputs": ("unsupported_model.several_outputs", two_outputs),
    "words": (
        "unsupported_model.not_an_image_model",
        model_of(
            keras.Input((20,), dtype="int32"),
            layers.Embedding(10, 4),
            layers.GlobalAveragePooling1D(),
            layers.Dense(3, activation="softmax"),
        ),
    ),
    "table": (
        "unsupported_model.not_an_image_model",
        model_of(keras.Input((20,)), layers.Dense(3, activation="softmax")),
    ),
    "seven channels": (
        "unsupported_model.channels",
        lambda folder: keras_file(classifier((8, 8, 7)), folder),
    ),
    "segmentation": (
        "unsupported_model.not_a_classifier",
        model_of(keras.Input((8, 8, 1)), layers.Conv2D(3, 1, activation="softmax")),
    ),
    "regression": (
        "unsupported_model.regression_head",
        model_of(keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(1)),
    ),
    "too many classes": (
        "limit_exceeded.too_many_classes",
        lambda folder: keras_file(classifier(classes=10_001), folder),
    ),
    "large input": (
        "limit_exceeded.input_too_large",
        model_of(
            keras.Input((2_000, 2_000, 1)),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ),
    ),
    "NaN weights": ("unsupported_model.outputs_not_finite", not_finite),
    "weights only": ("unsupported_model.weights_only", hdf5_edit(without_config)),
    "empty HDF5": ("unsupported_model.hdf5_without_model", hdf5_edit(empty_hdf5)),
    "cut HDF5": (
        "unsupported_model.hdf5_damaged",
        lambda folder: hdf5_file(classifier(), folder)[:700],
    ),
    "external storage": ("unsafe_model.hdf5_external_storage", hdf5_edit(external_storage)),
    "external link": ("unsafe_model.hdf5_external_link", hdf5_edit(external_link)),
    "soft link": ("unsafe_model.hdf5_soft_link", hdf5_edit(soft_link)),
    "virtual dataset": ("unsafe_model.hdf5_virtual_dataset", hdf5_edit(virtual_dataset)),
    "four terabytes declared": ("limit_exceeded.model_declares_too_much", hdf5_edit(four_terabytes)),
    "text in HDF5": ("unsafe_model.hdf5_data_type", hdf5_edit(text_dataset)),
    "ONNX with outside weights": ("unsafe_model.onnx_external_data", constant(onnx_file(external=True))),
    "ONNX custom operator": (
        "unsupported_model.onnx_custom_operators",
        constant(onnx_file(domain="com.example")),
    ),
    "ONNX loop": ("unsupported_model.onnx_control_flow", constant(onnx_file(nodes=[LOOP]))),
    "ONNX fixed batch": ("unsupported_model.onnx_fixed_batch", constant(onnx_file(batch=10**7))),
    "ONNX of truth values": (
        "unsupported_model.onnx_input_type",
        constant(onnx_file(kind=TensorProto.BOOL)),
    ),
    "ONNX that does not add up": (
        "unsupported_model.onnx_cannot_be_opened",
        constant(onnx_file(nodes=[helper.make_node("Softmax", ["nowhere"], ["y"])])),
    ),
}  # fmt: skip

BAD_IMAGES: dict[str, tuple[str, str, bytes]] = {
    "empty": ("bad_bundle.image_empty", "png", b""),
    "text": ("bad_bundle.image_format", "png", b"not an image"),
    "GIF": ("bad_bundle.image_format", "png", b"GIF89a" + b"\0" * 30),
    "cut": ("bad_bundle.image_damaged", "png", NOISE[: len(NOISE) // 2]),
    "cut JPEG": ("bad_bundle.image_damaged", "jpg", b"\xff\xd8\xff\xe0\0\x10JFIF"),
    "animated": ("bad_bundle.image_animated", "png", animated_png()),
    "bomb": ("limit_exceeded.image_too_many_pixels", "png", huge_png()),
    "wide": ("limit_exceeded.image_too_many_pixels", "png", wide_png()),
    "wrong size": ("bad_bundle.image_size", "png", png(np.zeros((9, 8), dtype=np.uint8))),
    "varying alpha": (
        "bad_bundle.image_channels",
        "png",
        png(np.arange(256, dtype=np.uint8).reshape(8, 8, 4)),
    ),
    "CMYK": ("bad_bundle.image_colour_mode", "jpg", cmyk_jpeg()),
    "objects": ("bad_bundle.array_not_numbers", "npy", npy(np.array([[print]], dtype=object))),
    "cut array": ("bad_bundle.array_damaged", "npy", npy(np.zeros((8, 8)))[:-9]),
    "array without header": ("bad_bundle.array_damaged", "npy", b"\x93NUMPY\x01\0\xff\xff"),
    "array header with an open bracket": (
        "bad_bundle.array_damaged",
        "npy",
        npy_with_header(b"{'descr': '|u1', 'fortran_order': False, 'shape': (8, 8"),
    ),
    "array header of mixed keys": (
        "bad_bundle.array_damaged",
        "npy",
        npy_with_header(b"{1: 2, 'shape': ()}"),
    ),
    "array header of sums": ("bad_bundle.array_damaged", "npy", npy_with_header(b"-" * 9_000 + b"1")),
    "array of a negative shape": (
        "bad_bundle.array_damaged",
        "npy",
        npy_with_header(b"{'descr': '|u1', 'fortran_order': False, 'shape': (-8, -8)}"),
    ),
    "four terabyte array": ("limit_exceeded.array_too_large", "npy", lying_npy()),
    "line": ("bad_bundle.array_shape", "npy", npy(np.zeros(64))),
    "five axes": ("bad_bundle.array_shape", "npy", npy(np.zeros((1, 1, 8, 8, 1)))),
    "NaN": ("bad_bundle.array_not_finite", "npy", npy(np.full((8, 8), np.nan))),
    "negative": ("bad_bundle.array_range", "npy", npy(np.full((8, 8), -1.0))),
}

BAD_PARAMETERS: dict[str, tuple[str, object]] = {
    "class beyond the last": ("bad_parameters.class_out_of_range", {"class_to_attack": 3}),
    "class beyond the last in a list": ("bad_parameters.class_out_of_range", {"class_to_attack": [0, 99]}),
    "class below 0": ("bad_parameters.invalid", {"class_to_attack": -1}),
    "class as text": ("bad_parameters.invalid", {"class_to_attack": "one"}),
    "unknown attack": ("bad_parameters.unknown_attack", {"attacks": ["tarot"]}),
    "background out of range": ("bad_parameters.background_out_of_range", {"background": 7.0}),
    "iterations 0": ("bad_parameters.invalid", {"iterations": 0}),
    "iterations negative": ("bad_parameters.invalid", {"iterations": -5}),
    "iterations as text": ("bad_parameters.invalid", {"iterations": "1000"}),
    "iterations 10^9": ("bad_parameters.invalid", {"iterations": 10**9}),
    "learning rate 0": ("bad_parameters.invalid", {"learning_rate": 0}),
    "unknown start": ("bad_parameters.invalid", {"initialization": "pink"}),
}


@pytest.fixture(scope="module")
def good_model() -> bytes:
    """ONNX, which opens in a moment: images and parameters are checked the same way for every format."""
    return onnx_file()


@pytest.fixture(autouse=True, scope="module")
def _fresh_keras() -> Iterator[None]:
    yield
    keras.utils.clear_session()


def run(
    tmp_path: Path, *, model: bytes, image: bytes = GREY, suffix: str = "png", parameters: object = QUICK
) -> Any:
    folder, scratch = tmp_path / "bundle", tmp_path / "scratch"
    folder.mkdir()
    scratch.mkdir()
    (folder / "model.keras").write_bytes(model)
    (folder / f"input_image.{suffix}").write_bytes(image)
    (folder / "parameters.json").write_text(json.dumps(parameters))
    return audit_bundle(open_bundle(folder, scratch, limits=Limits()), {}, Silent())


def refused(code: str, call: Callable[[], object]) -> None:
    with pytest.raises(LeakgaugeError) as caught:
        call()
    assert caught.value.code == code
    assert caught.value.hint
    assert "/" not in caught.value.message.replace("input/output", "")


@pytest.mark.parametrize("case", BAD_MODELS)
def test_a_bad_model_has_its_own_error(case: str, tmp_path: Path) -> None:
    code, make = BAD_MODELS[case]
    model = make(tmp_path)
    refused(code, lambda: run(tmp_path, model=model))


@pytest.mark.parametrize("case", BAD_IMAGES)
def test_a_bad_image_has_its_own_error(case: str, tmp_path: Path, good_model: bytes) -> None:
    code, suffix, image = BAD_IMAGES[case]
    refused(code, lambda: run(tmp_path, model=good_model, image=image, suffix=suffix))


@pytest.mark.parametrize("case", BAD_PARAMETERS)
def test_bad_parameters_have_their_own_error(case: str, tmp_path: Path, good_model: bytes) -> None:
    code, parameters = BAD_PARAMETERS[case]
    refused(code, lambda: run(tmp_path, model=good_model, parameters={**QUICK, **dict(parameters)}))


def test_a_size_mismatch_names_both_sizes(tmp_path: Path, good_model: bytes) -> None:
    with pytest.raises(LeakgaugeError, match=r"10 × 9 pixels.* 8 × 8"):
        run(tmp_path, model=good_model, image=png(np.zeros((9, 10), dtype=np.uint8)))


def test_the_next_good_bundle_works_after_bad_ones(tmp_path: Path) -> None:
    good_model = keras_file(classifier(), tmp_path)
    for case in ("four terabytes of weights", "Lambda", "NaN weights"):
        folder = tmp_path / case.replace(" ", "")
        folder.mkdir()
        code, make = BAD_MODELS[case]
        model = make(folder)
        refused(code, lambda model=model, folder=folder: run(folder, model=model))
    assert run(tmp_path, model=good_model).report.kind == "inversion"


@pytest.mark.parametrize("kind", ["keras", "hdf5", "onnx"])
def test_a_model_is_told_by_its_bytes_not_its_name(kind: str, tmp_path: Path) -> None:
    content = {
        "keras": lambda: keras_file(classifier(), tmp_path),
        "hdf5": lambda: hdf5_file(classifier(), tmp_path),
        "onnx": onnx_file,
    }[kind]()
    assert run(tmp_path, model=content).report.target.format == kind


def test_there_are_forty_bad_inputs_with_codes_of_their_own() -> None:
    codes = {code for code, _ in BAD_MODELS.values()}
    codes |= {code for code, _, _ in BAD_IMAGES.values()} | {code for code, _ in BAD_PARAMETERS.values()}
    assert len(codes) >= 40
