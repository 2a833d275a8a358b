"""A reader of untrusted bytes under a coverage-guided fuzzer (atheris, which is libFuzzer for Python).

    python tests/fuzz/fuzz_reader.py READER FOLDER -runs=10000 [-seed=1 and other options of libFuzzer]

READER is one of `READERS`. Every input must be read or refused with an error of the tree; any other
exception, a crash, a hang or too much memory ends the run with a code that is not 0 and leaves the input in
FOLDER, which must be empty. So does an input that gets the reader to start a program, open a connection or
write a file elsewhere.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import shutil
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import atheris
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

with atheris.instrument_imports(include=["leakgauge"]):
    from leakgauge.bundle import BundledFile, ImageArrays, Limits, unpack
    from leakgauge.endpoints.answers import row_answers
    from leakgauge.endpoints.protocols.base import from_json
    from leakgauge.endpoints.reading import read_endpoint
    from leakgauge.errors import LeakgaugeError
    from leakgauge.images.files import read_image
    from leakgauge.membership.image_sets import FittedSet, labelled_images, positions
    from leakgauge.parameters import decode_hyperparameters, inversion_parameters, membership_parameters
    from leakgauge.tables import read_table
    from leakgauge.targets.boosters import catboost_cbm, catboost_json, lightgbm_reading, xgboost_reading
    from leakgauge.targets.boosters.catboost_checks import check
    from leakgauge.targets.endpoints.forms import read_form
    from leakgauge.targets.onnx.file import read_onnx
    from leakgauge.targets.onnx.outputs import outputs_of
    from leakgauge.targets.sklearn.reading import load_model

import bad_inputs
import hostile_corpus
import image_bundles
import onnx_tables
from PIL import Image

SCHEMA = "schema.json"
LIMITS = Limits(unpacked_bytes=1 << 22)
LONGEST_SEED = 1 << 14
"""Bytes; longer ones are slow to read, and others are like them but for their length."""
XGBOOST_VERSION = "999.0"
"""As if that were installed: files of a later version are refused by their number alone."""
FORBIDDEN = frozenset(
    (
        *("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.kill"),
        *("socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo", "ctypes.dlopen"),
        *("os.chmod", "os.chown", "os.link", "os.symlink", "os.rename"),
    )
)


class Fence:
    """An audit hook that remembers what a reader must not do; exceptions alone could be swallowed."""

    def __init__(self, own: Path) -> None:
        self._own = str(own)
        self.watching = False
        self.crossed: list[str] = []

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.watching:
            return
        if event in FORBIDDEN or (event == "open" and self._writes_elsewhere(*arguments)):
            self.crossed.append(f"{event} {arguments!r}"[:500])
            raise PermissionError(event)

    def _writes_elsewhere(self, path: object, mode: object, flags: object) -> bool:
        # a descriptor was opened by its path before, which is when it was looked at
        named = not isinstance(path, int)
        writes = isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))
        return named and writes and not str(path).startswith(self._own)


def fuzz_zip(folder: Path, file: Path) -> None:
    into = folder / "unpacked"
    shutil.rmtree(into, ignore_errors=True)
    unpack(file, into, limits=LIMITS)


def fuzz_table(folder: Path, file: Path) -> None:
    del folder
    read_table(file, name="members.csv", limits=LIMITS)


def fuzz_parameters(folder: Path, file: Path) -> None:
    del folder
    decode_hyperparameters({"iterations": file.read_bytes().decode("utf-8", "replace")})
    for read in (membership_parameters, inversion_parameters):
        with contextlib.suppress(LeakgaugeError):
            read(file, {})


def fuzz_pickle(folder: Path, file: Path) -> None:
    del folder
    load_model(file)


def fuzz_array(folder: Path, file: Path) -> None:
    """The input as an array of images, then as one of labels, each beside a sound other."""
    for name, content in image_bundles.arrays().items():
        (folder / name).write_bytes(content)
    sound = (folder / "training_images.npy", folder / "training_labels.npy")
    for images, labels in ((file, sound[1]), (sound[0], file)):
        with contextlib.suppress(LeakgaugeError):
            arrays = ImageArrays(BundledFile("x.npy", images, ""), BundledFile("y.npy", labels, ""))
            found = labelled_images(arrays, input_range=None)
            FittedSet(found, positions(found, 10), (8, 8, 1), resize=True).digests()


def fuzz_skops(folder: Path, file: Path) -> None:
    """The input as the schema of a skops file, beside the arrays of a sound one."""
    with zipfile.ZipFile(folder / "model.skops", "w") as archive:
        for name, content in skops_parts().items():
            archive.writestr(name, file.read_bytes() if name == SCHEMA else content)
    load_model(folder / "model.skops")


def fuzz_image(folder: Path, file: Path) -> None:
    del folder
    read_image(BundledFile("image.png", file, ""), input_range=None)


def fuzz_onnx(folder: Path, file: Path) -> None:
    del folder
    read_onnx(file)


def fuzz_onnx_table(folder: Path, file: Path) -> None:
    del folder
    outputs_of(read_onnx(file, takes_tables=True).graph)


def fuzz_xgboost(folder: Path, file: Path) -> None:
    """The input as a model, and what would be written anew of it."""
    del folder
    xgboost_reading.loads(file.read_bytes(), installed=XGBOOST_VERSION).dumps()


def fuzz_lightgbm(folder: Path, file: Path) -> None:
    """The input as a model, and what would be written anew of it."""
    del folder
    lightgbm_reading.loads(file.read_bytes().decode("utf-8", "replace")).dumps()


def fuzz_catboost(folder: Path, file: Path) -> None:
    """The input as a model, and what would be written anew of it."""
    del folder
    data = file.read_bytes()
    reader = catboost_cbm if data.startswith(catboost_cbm.SIGN) else catboost_json
    catboost_cbm.dumps(check(reader.loads(data)))


def fuzz_configuration(folder: Path, file: Path) -> None:
    """The input as the configuration of a Keras model."""
    del folder
    keras_reader().read_config(file.read_bytes())


def fuzz_service(folder: Path, file: Path) -> None:
    """The input as what a service says of its model, and of three rows, in each protocol."""
    del folder
    said, classes = file.read_bytes(), np.array(["no", "yes"])
    for settings in services():
        protocol = read_endpoint(settings)
        with contextlib.suppress(LeakgaugeError):
            protocol.read_metadata(from_json(said))
        with contextlib.suppress(LeakgaugeError):
            answers = row_answers(protocol.in_reply(said, 3), 3)
            reading = read_form("auto", answers, classes)
            read = reading.labels if reading.gives == "labels" else reading.probabilities
            read(answers)


def services() -> list[dict[str, Any]]:
    """Settings of each protocol."""
    model = {"url": "http://localhost", "model": "m"}
    return [
        {"protocol": "open-inference", **model, "output": "predict_proba"},
        {"protocol": "tensorflow-serving", **model},
        {"protocol": "mlflow", "url": "http://localhost"},
        {"protocol": "sagemaker", "endpoint": "m"},
        {
            "protocol": "json",
            "url": "http://localhost",
            "request": {"rows": "$rows"},
            "answer": "result[*].[no, yes]",
        },
    ]


def replies() -> list[bytes]:
    rows = [[0.25, 0.75]] * 3
    tensor = {"name": "predict_proba", "shape": [3, 2], "datatype": "FP64", "data": [0.25, 0.75] * 3}
    inputs = [{"name": "x", "datatype": "FP64", "shape": [-1, 2]}]
    size = {"tensor_shape": {"dim": [{"size": "-1"}, {"size": "2"}]}}
    signature = {"signature_def": {"signature_def": {"serving_default": {"inputs": {"x": size}}}}}
    said: list[Any] = [
        {"outputs": [tensor]},
        {"predictions": rows},
        {"predictions": ["no", "yes", "no"]},
        {"predictions": [{"p": row} for row in rows]},
        {"result": [{"no": 0.25, "yes": 0.75}] * 3},
        {"inputs": inputs},
        {"metadata": signature},
    ]
    return [*(json.dumps(each).encode() for each in said), b"0.25,0.75\n" * 3, b"no\nyes\nno\n"]


def zips() -> list[bytes]:
    return [bad_inputs.bundle(), *(one.body for one in bad_inputs.bad_inputs())]


def files(name: str) -> list[bytes]:
    return [one.content for one in hostile_corpus.corpus() if one.file == name]


def pickles() -> list[bytes]:
    model = pickle.loads(bad_inputs.forest())
    lone = model.estimators_[0]
    return [
        *(pickle.dumps(lone, protocol) for protocol in range(6)),
        bad_inputs.forest(),
        *files("model.pkl"),
    ]


@cache
def skops_parts() -> dict[str, bytes]:
    """A small model as skops writes it, by the names in the zip."""
    import skops.io

    model = pickle.loads(bad_inputs.forest()).estimators_[0]
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(model))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def images() -> list[bytes]:
    made = []
    for mode in ("L", "RGB", "RGBA", "P", "I;16"):
        for form in ("PNG", "JPEG"):
            file = io.BytesIO()
            with contextlib.suppress(OSError):  # JPEG knows two of them
                Image.new(mode, (4, 4)).save(file, form)
                made.append(file.getvalue())
    return [*made, *image_bundles.arrays().values()]


@cache
def keras_reader() -> ModuleType:
    """Imported for its own reader alone, since Keras takes long; and before anything is watched."""
    with atheris.instrument_imports(include=["leakgauge"]):
        from leakgauge.targets.keras import config

    return config


def boosted(kind: str) -> list[bytes]:
    """Small models of one library, in each of its formats."""
    x, y = np.arange(24.0).reshape(12, 2) % 7, np.arange(12) % 3
    if kind == "lightgbm":
        import lightgbm

        settings = {"n_estimators": 1, "min_child_samples": 1, "n_jobs": 1, "verbose": -1}
        estimators = (lightgbm.LGBMClassifier, lightgbm.LGBMRegressor)
        return [one(**settings).fit(x, y).booster_.model_to_string().encode() for one in estimators]
    if kind == "catboost":
        from fuzzed_files import catboost_models

        return [*catboost_models("cbm"), *catboost_models("json")]
    import xgboost

    booster = xgboost.XGBClassifier(n_estimators=1, max_depth=2, n_jobs=1).fit(x, y).get_booster()
    return [
        bytes(booster.save_raw("json")),
        bytes(booster.save_raw("ubj")),
        bytes(booster.__getstate__()["handle"]),
    ]


def configurations() -> list[bytes]:
    keras_reader()
    layers = [
        {"module": "keras.layers", "class_name": name, "config": {"name": name, "units": 3}}
        for name in ("InputLayer", "Dense", "Lambda")
    ]
    whole = {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": layers}}
    return [json.dumps(whole).encode(), json.dumps(layers[1]).encode()]


@dataclass(frozen=True)
class Fuzzed:
    """A reader, and what its mutations begin with."""

    read: Callable[[Path, Path], None]
    seeds: Callable[[], list[bytes]]


READERS = {
    "zip": Fuzzed(fuzz_zip, zips),
    "table": Fuzzed(fuzz_table, lambda: [bad_inputs.csv(bad_inputs.MEMBERS), *files("train_mia.csv")]),
    "parameters": Fuzzed(fuzz_parameters, lambda: [b'{"iterations": [1, 2]}', *files("parameters.json")]),
    "pickle": Fuzzed(fuzz_pickle, pickles),
    "skops": Fuzzed(fuzz_skops, lambda: [skops_parts()[SCHEMA]]),
    "image": Fuzzed(fuzz_image, images),
    "onnx": Fuzzed(fuzz_onnx, lambda: [image_bundles.onnx_model()]),
    "onnx table": Fuzzed(fuzz_onnx_table, lambda: [onnx_tables.classifier(onnx_tables.two_leaves())]),
    "xgboost": Fuzzed(fuzz_xgboost, lambda: boosted("xgboost")),
    "lightgbm": Fuzzed(fuzz_lightgbm, lambda: boosted("lightgbm")),
    "catboost": Fuzzed(fuzz_catboost, lambda: boosted("catboost")),
    "configuration": Fuzzed(fuzz_configuration, configurations),
    "service": Fuzzed(fuzz_service, replies),
    "array": Fuzzed(fuzz_array, lambda: list(image_bundles.arrays().values())),
}


def main(reader: str, folder: Path, options: list[str]) -> None:
    """Fuzz until libFuzzer ends the process, which it does without a word to Python."""
    fuzzed = READERS[reader]
    seeds = folder / "seeds"
    seeds.mkdir()
    for place, seed in enumerate(seed for seed in fuzzed.seeds() if len(seed) <= LONGEST_SEED):
        (seeds / f"{place:04}").write_bytes(seed)
    fence = Fence(folder)
    sys.addaudithook(fence)
    file = folder / "input"

    def one_input(data: bytes) -> None:
        file.write_bytes(data)
        fence.watching = True
        try:
            fuzzed.read(folder, file)
        except LeakgaugeError:
            pass
        finally:
            fence.watching = False
        if fence.crossed:
            raise AssertionError(fence.crossed)

    limits = [f"-max_len={LONGEST_SEED}", "-rss_limit_mb=4096", f"-artifact_prefix={folder}/"]
    atheris.Setup([sys.argv[0], *limits, *options, str(seeds)], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
