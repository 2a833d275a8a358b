"""Files of images, networks and CatBoost models, changed by number and read as an audit reads them.

Keras configurations and JSON are changed in their tree, ONNX models in their messages, all others in their
bytes.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
from asking import Outcome, Tell
from mutations import changed, places
from PIL import Image

from leakgauge.bundle import BundledFile
from leakgauge.errors import LeakgaugeError
from leakgauge.images.files import read_image
from leakgauge.targets.images.facts import InputSettings

Random = np.random.Generator
Change = Callable[[bytes, Random], bytes]

_PNG = b"\x89PNG\r\n\x1a\n"
_SETTINGS = InputSettings(image_size=(8, 8))


class FuzzedFiles:
    """Changed files of one kind, made by number.

    Parameters
    ----------
    folder
        where the file under way is kept; what stays there when a child ends is what ended it.
    kind
        of `KINDS`.
    """

    def __init__(self, folder: Path, kind: str) -> None:
        self._file = folder / "file"
        make, self._change, self._read = KINDS[kind]
        self._honest = make()

    def made(self, seed: int) -> bytes:
        """The changed file."""
        return self._change(self._honest[seed % len(self._honest)], np.random.default_rng(seed))

    def become(self, seed: int, tell: Tell) -> Outcome:
        """Make the file and read it."""
        self._file.write_bytes(self.made(seed))
        tell("read")
        try:
            self._read(self._file)
        except LeakgaugeError as error:
            return Outcome(seed, "refused", error.code)
        return Outcome(seed, "answered")


# --- changes --------------------------------------------------------------------------------------------


def in_bytes(data: bytes, random: Random) -> bytes:
    """One to four changes: a bit, a byte, a word of an extreme, a piece left out or doubled."""
    new = bytearray(data)
    for _ in range(int(random.integers(1, 5))):
        if len(new) < 16:
            break
        # headers decide more than what they describe
        reach = len(new) if random.random() < 0.5 else min(len(new), 600)
        at, length = int(random.integers(reach)), int(random.choice([1, 2, 4, 8, 64]))
        match int(random.integers(6)):
            case 0:
                new[at] ^= 1 << int(random.integers(8))
            case 1:
                new[at] = int(random.choice([0, 1, 0x7F, 0x80, 0xFF]))
            case 2:
                new[at : at + length] = b"\xff" * length
            case 3:
                new[at : at + length] = b""
            case 4:
                new[at:at] = new[at : at + length]
            case _:
                other = int(random.integers(len(new)))
                new[at : at + length] = new[other : other + length]
    return bytes(new)


def in_pixels(data: bytes, random: Random) -> bytes:
    """An image with changed bytes; the checksums of a PNG are made right, which would hide the change."""
    new = in_bytes(data, random)
    if not new.startswith(_PNG) or random.random() < 0.1:
        return new
    sealed, at = bytearray(new[: len(_PNG)]), len(_PNG)
    while at + 12 <= len(new):
        length = int.from_bytes(new[at : at + 4], "big")
        chunk = new[at + 4 : at + 8 + length]
        sealed += new[at : at + 4] + chunk + zlib.crc32(chunk).to_bytes(4, "big")
        at += 12 + length
    return bytes(sealed)


def in_configuration(data: bytes, random: Random) -> bytes:
    """A `.keras` archive whose configuration has one to three parts changed."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["config.json"] = _changed_json(parts["config.json"], random)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


def _changed_json(text: bytes, random: Random) -> bytes:
    while True:
        holder = [json.loads(text)]
        for _ in range(int(random.integers(1, 4))):
            known = list(places(holder))
            place = known[int(random.integers(len(known)))]
            place.replace(changed(place.value, known, random)[0])
        try:
            return json.dumps(holder[0], default=str).encode("utf-8", "surrogatepass")
        except (ValueError, TypeError, RecursionError):
            continue


def in_messages(data: bytes, random: Random) -> bytes:
    """An ONNX model with one to three fields of its messages changed."""
    model = onnx.load_model_from_string(data)
    for _ in range(int(random.integers(1, 4))):
        message = model
        while True:  # a walk down from the model, which ends at a field of plain values
            fields = message.ListFields()
            if not fields:
                break
            descriptor, value = fields[int(random.integers(len(fields)))]
            repeated = not isinstance(value, str | bytes | int | float) and hasattr(value, "__len__")
            if repeated and len(value):
                at = int(random.integers(len(value)))
                if hasattr(value[at], "ListFields") and random.random() < 0.8:
                    message = value[at]
                    continue
                del value[at]
            elif hasattr(value, "ListFields"):
                message = value
                continue
            else:
                _set_plain(message, descriptor.name, value, random)
            break
    return bytes(model.SerializeToString())


def _set_plain(message: Any, name: str, value: Any, random: Random) -> None:
    if isinstance(value, bytes):
        setattr(message, name, in_bytes(value, random))
    elif isinstance(value, str):
        setattr(message, name, str(random.choice(["", "x", "Add", "Loop", "Gemm", "Reshape", "axis", "y"])))
    elif isinstance(value, int):
        try:
            setattr(message, name, int(random.choice([0, 1, 2, 3, 7, 11, -1, 2**31 - 1, 2**40])))
        except ValueError:  # an enumeration, or a smaller number
            message.ClearField(name)
    else:
        setattr(message, name, float(random.choice([0.0, np.nan, np.inf, -1e30])))


# --- honest files ---------------------------------------------------------------------------------------


def _network() -> Any:
    import keras

    layers = keras.layers
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(3, activation="softmax"),
        ]
    )


def _saved(suffix: str) -> list[bytes]:
    """The network, saved in a child: TensorFlow does not outlive a fork once it has worked."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"model{suffix}"
        child = os.fork()
        if child == 0:
            with contextlib.suppress(Exception):
                _network().save(file)
            os._exit(0)
        os.waitpid(child, 0)
        return [file.read_bytes()]


def _onnx() -> list[bytes]:
    import image_bundles

    return [image_bundles.onnx_model(), image_bundles.onnx_model(channels_first=True, channels=3)]


def catboost_models(form: str) -> list[bytes]:
    """CatBoost's models of numbers, of nodes, and of categories with statistics of every kind."""
    from catboost import CatBoostClassifier

    from leakgauge.targets.boosters import catboost_cbm, catboost_json_writing

    frame = catboost_rows()
    y = np.arange(len(frame)) * 7 % 3
    settings: list[dict[str, Any]] = [{}, {"max_ctr_complexity": 3}, {"grow_policy": "Lossguide"}]
    settings += [
        {"one_hot_max_size": 9},
        {"simple_ctr": ["Buckets", "Counter"], "combinations_ctr": ["Counter"]},
    ]
    made = []
    for more in settings:
        model = CatBoostClassifier(
            iterations=8,
            depth=3,
            learning_rate=0.5,
            cat_features=["town", "size"],
            thread_count=1,
            verbose=0,
            allow_writing_files=False,
            **more,
        )
        content = model.fit(frame, y)._serialize_model()
        made.append(content if form == "cbm" else catboost_json_writing.dumps(catboost_cbm.loads(content)))
    return made


def catboost_rows() -> pd.DataFrame:
    """Rows with two columns of categories."""
    n = np.arange(60)
    towns, sizes = np.array(["Aachen", "Bonn", "Celle", "Dortmund"]), np.array(["3", "5"])
    return pd.DataFrame({"a": np.sin(n), "town": towns[n * 5 % 4], "size": sizes[n * n % 2], "b": n % 7})


def _images() -> list[bytes]:
    random = np.random.default_rng(0)
    made = []
    for mode, shape in (("L", (8, 8)), ("RGB", (8, 8, 3)), ("RGBA", (8, 8, 4))):
        image = Image.fromarray(random.integers(0, 256, shape, dtype=np.uint8))
        for form, options in (("PNG", {}), ("JPEG", {"quality": 80})):
            if (mode, form) != ("RGBA", "JPEG"):
                file = io.BytesIO()
                image.save(file, form, **options)
                made.append(file.getvalue())
    palette = io.BytesIO()
    Image.fromarray(random.integers(0, 256, (8, 8), dtype=np.uint8)).convert("P").save(palette, "PNG")
    for array in (
        random.random((8, 8, 1)).astype(np.float32),
        random.integers(0, 256, (8, 8), dtype=np.uint8),
    ):
        file = io.BytesIO()
        np.save(file, array)
        made.append(file.getvalue())
    return [*made, palette.getvalue()]


# --- readers --------------------------------------------------------------------------------------------


def _ask(target: Any) -> None:
    facts = target.facts
    target.probabilities(np.zeros((2, *facts.shape), dtype=np.float32))


def _read_keras(name: str, path: Path) -> None:
    from leakgauge.targets.keras import reading

    _ask(getattr(reading, name)(path, _SETTINGS))


def _read_onnx(path: Path) -> None:
    from leakgauge.targets.onnx.reading import open_onnx_model

    _ask(open_onnx_model(path, _SETTINGS))


def _read_catboost(path: Path) -> None:
    from leakgauge.targets.opening import open_table_model

    target = open_table_model(path)
    frame = catboost_rows()
    rows = frame.iloc[:, : target.n_features]
    if target.n_features == frame.shape[1]:
        target.probabilities(rows.assign(a=np.nan, town="Emden"))
    target.probabilities(rows)
    for _trees in target.estimator.held_rounds(rows):
        pass
    for _table in target.estimator.counted_records(rows, np.zeros(len(rows), dtype=np.int64)):
        pass


def _read_image(path: Path) -> None:
    read_image(BundledFile("image", path, ""), input_range=None)


KINDS: Mapping[str, tuple[Callable[[], list[bytes]], Change, Callable[[Path], None]]] = {
    "catboost": (partial(catboost_models, "json"), _changed_json, _read_catboost),
    "catboost bytes": (partial(catboost_models, "cbm"), in_bytes, _read_catboost),
    "hdf5": (partial(_saved, ".h5"), in_bytes, partial(_read_keras, "open_hdf5_model")),
    "image": (_images, in_pixels, _read_image),
    "keras": (partial(_saved, ".keras"), in_configuration, partial(_read_keras, "open_keras_model")),
    "onnx": (_onnx, in_messages, _read_onnx),
    "onnx bytes": (_onnx, in_bytes, _read_onnx),
}
"""For each kind: honest files, how they are changed, and what reads them."""
