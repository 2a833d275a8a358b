"""Which file plays which part, told from names alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol, TypeAlias

from leakgauge.bundle.limits import Limits
from leakgauge.bundle.model import BundledFile
from leakgauge.bundle.names import folded, is_junk, shown_name
from leakgauge.errors import BadBundle, JsonValue, UnsupportedModel

_TABLE_SUFFIXES: Final = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")
_IMAGE_SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".npy")
_IMAGE_FOLDERS: Final = ("auxiliary", "reference")
LABELLED: Final = "labelled"
_CLASS: Final = re.compile(r"0|[1-9][0-9]{0,4}", re.ASCII)
NESTED_ZIP: Final = "data.zip"
TABLE_ROLES: Final = ("members", "subjects")
_SET_FOLDERS: Final = {
    **dict.fromkeys(("training", "train", "members"), "member_pictures"),
    **dict.fromkeys(("subject", "subjects", "test"), "subject_pictures"),
}
SET_ROLES: Final = tuple(
    f"{side}_{part}" for side in ("member", "subject") for part in ("pictures", "images", "labels")
)
"""Roles of the files of image sets: pictures in a folder for each class, or arrays of images and labels."""

Data: TypeAlias = Literal["tables", "image sets", "input image"]
"""What an audit is about besides the model; it decides which audit it is and which models it takes."""
MODEL_FOR: Final[Mapping[Data, str]] = {
    "tables": "table model",
    "image sets": "image model",
    "input image": "image model",
}


def _names(stems: Sequence[str], suffixes: Sequence[str]) -> tuple[str, ...]:
    return tuple(stem + suffix for stem in stems for suffix in suffixes)


_ACCEPTED: Final[Mapping[str, tuple[str, ...]]] = {
    "table model": _names(("model",), (".pkl", ".pickle", ".joblib", ".skops")),
    "image model": _names(("model",), (".h5", ".hdf5", ".keras", ".onnx")),
    "members": _names(("train_mia", "train", "members"), _TABLE_SUFFIXES),
    "subjects": _names(("test_mia", "test", "subject", "subjects"), _TABLE_SUFFIXES),
    "member_images": ("training_images.npy", "x_train.npy"),
    "member_labels": ("training_labels.npy", "y_train.npy"),
    "subject_images": ("subject_images.npy", "x_test.npy"),
    "subject_labels": ("subject_labels.npy", "y_test.npy"),
    "image": _names(("input_image",), _IMAGE_SUFFIXES),
    "evaluator": _names(("evaluator",), (".h5", ".hdf5", ".keras", ".onnx")),
    "parameters": ("parameters.json",),
}
_ROLE_OF: Final = {name: role for role, names in _ACCEPTED.items() for name in names}

_DESCRIBED: Final = {
    "table model": "scikit-learn model",
    "image model": "image classifier",
    "members": "table of members (training data)",
    "subjects": "table of subjects (non-members)",
    "member_images": "array of members' images",
    "member_labels": "array of members' labels",
    "subject_images": "array of subjects' images",
    "subject_labels": "array of subjects' labels",
    "image": "image of the target class",
    "evaluator": "classifier that judges drawings",
    "parameters": "parameter file",
}


class Source(Protocol):
    """A file that may be used, wherever it is."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Folders and name, as the sender wrote them."""

    def settle(self, name: str, into: Path, *, disk_name: str) -> BundledFile:
        """Its content as a file on disk, counted and hashed."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A source with its place in the bundle, cleared of a top folder, case and Unicode variants."""

    source: Source
    folders: tuple[str, ...]
    name: str
    shown: str

    @property
    def role(self) -> str | None:
        """The part that the name says it plays, None for none."""
        if self.folders and self.folders[0] in _IMAGE_FOLDERS:
            if not self.name.endswith(_IMAGE_SUFFIXES):
                return None
            if len(self.folders) == 1:
                return self.folders[0]
            return LABELLED if self.labelled is not None else None
        if self.folders and self.folders[0] in _SET_FOLDERS and self.name.endswith(_IMAGE_SUFFIXES):
            return _SET_FOLDERS[self.folders[0]]
        return _ROLE_OF.get(self.name)

    @property
    def labelled(self) -> int | None:
        """The class that the file's folder below `reference` or a set says it is of, None for none."""
        if len(self.folders) == 2 and self._in_classes and _CLASS.fullmatch(self.folders[1]):
            return int(self.folders[1])
        return None

    @property
    def depth(self) -> int:
        """Folders above the file, not counting the folders that name classes."""
        sorted_by_class = self.labelled is not None or self.role in SET_ROLES
        return len(self.folders) - (sorted_by_class and len(self.folders) == 2)

    @property
    def _in_classes(self) -> bool:
        return self.folders[0] == "reference" or self.folders[0] in _SET_FOLDERS


def place(sources: Sequence[Source], *, limits: Limits) -> list[Placed]:
    """Sources that count, below their common top folder if they have one; refuses twins and depth."""
    counting = [source for source in sources if not is_junk(source.parts)]
    if not counting:
        raise BadBundle(
            "no_files",
            "There is no file in it.",
            hint="A bundle holds a model and its data; the README lists the names.",
        )
    tops = {folded(source.parts[0]) for source in counting}
    has_top = len(tops) == 1 and all(len(source.parts) > 1 for source in counting)
    if has_top and tops <= set(_IMAGE_FOLDERS):
        has_top = False
    # a set alone in its zip; a bundle may also lie in a folder that happens to be called "training"
    if has_top and tops <= set(_SET_FOLDERS) and all(len(source.parts) > 2 for source in counting):
        has_top = False
    placed: list[Placed] = []
    seen: set[tuple[str, ...]] = set()
    for source in counting:
        parts = source.parts[1:] if has_top else source.parts
        key = tuple(folded(part) for part in parts)
        item = Placed(source, key[:-1], key[-1], shown="/".join(shown_name(part) for part in parts))
        if key in seen:
            raise BadBundle(
                "duplicate_name",
                f"{item.shown} is there twice (names are compared without regard to case).",
                hint="Keep one of the two.",
            )
        seen.add(key)
        placed.append(item)
    if any(item.name == "saved_model.pb" for item in placed):
        raise UnsupportedModel(
            "saved_model",
            "The bundle holds a TensorFlow SavedModel folder, not a Keras file.",
            hint='Load it where it was made and export it with model.save("model.keras").',
        )
    for item in placed:
        if item.depth > limits.depth:
            raise limits.exceeded("depth", f"{item.shown} lies {len(item.folders)} folders deep.")
    return placed


def is_picture(item: Placed) -> bool:
    """Whether the name is that of an image, wherever it lies."""
    return item.name.endswith(_IMAGE_SUFFIXES)


def tell_data(roles: Mapping[str, list[Placed]], *, has_data_zip: bool, placed: Sequence[Placed]) -> Data:
    """What the audit is about; without data, what the model is for."""
    found: list[Data] = []
    if any(role in roles for role in SET_ROLES):
        found.append("image sets")
    if any(role in roles for role in TABLE_ROLES) or (has_data_zip and not found):
        found.append("tables")
    if "image" in roles:
        found.append("input image")
    if len(found) > 1:
        raise BadBundle(
            "two_kinds",
            f"The bundle holds {' and '.join(found)}, so it could mean either of two audits.",
            hint="Send two bundles: tables or image sets for a membership audit, input_image.* for an "
            "inversion audit.",
        )
    if found:
        data = found[0]
        wanted = MODEL_FOR[data]
        other = "image model" if wanted == "table model" else "table model"
        strangers = roles.get(other, [])
        if strangers and wanted in roles:
            refuse_several("model", [*roles[wanted], *strangers], accepted=())
        if strangers:
            raise BadBundle(
                "wrong_model",
                f"The data are {_with_article(data)}, but {strangers[0].shown} is no {_DESCRIBED[wanted]}.",
                hint=f"With {_with_article(data)} comes one of: {', '.join(_ACCEPTED[wanted])}."
                + (f" {ABOUT_SETS}" if data == "tables" else ""),
            )
        return data
    models = [*roles.get("table model", ()), *roles.get("image model", ())]
    refuse_several("model", models, accepted=())
    if models:
        return "tables" if "table model" in roles else "input image"
    _explain_bare_model(placed)
    raise BadBundle(
        "unknown_kind",
        "The bundle holds neither tables nor images nor a model under a name that is known.",
        hint="A membership audit needs model.pkl, train_mia.csv and test_mia.csv, or model.onnx and image "
        "sets in training/ and subject/; an inversion audit needs model.keras and input_image.png.",
        details={"found": _found(placed)},
    )


ABOUT_SETS: Final = (
    "Image sets are training/CLASS/*.png and subject/CLASS/*.png with a folder for each class number, or "
    "training_images.npy, training_labels.npy, subject_images.npy and subject_labels.npy."
)
"""How a bundle holds image sets, for hints."""


def _with_article(data: Data) -> str:
    return f"an {data}" if data == "input image" else data


def _explain_bare_model(placed: Sequence[Placed]) -> None:
    """Keras and skops files are zips themselves and get sent without a bundle around them."""
    names = {item.name for item in placed if not item.folders}
    if {"config.json", "metadata.json"} <= names or "schema.json" in names:
        raise BadBundle(
            "bare_model",
            "This looks like the inside of a model file (.keras or .skops), not like a bundle.",
            hint="Put the model file, unchanged, into a zip together with its data.",
        )


def optional(role: str, roles: Mapping[str, list[Placed]]) -> Placed | None:
    """The one file of a role, or None; several are refused."""
    found = roles.get(role, [])
    refuse_several(role, found, accepted=_ACCEPTED[role])
    return found[0] if found else None


def only(role: str, roles: Mapping[str, list[Placed]], *, placed: Sequence[Placed]) -> Placed:
    """The one file of a role that must be there."""
    found = optional(role, roles)
    if found is not None:
        return found
    if role == "image model" and any(item.name.endswith(".weights.h5") for item in placed):
        raise UnsupportedModel(
            "weights_only",
            "The bundle holds a file of weights without the model's architecture.",
            hint='Export the whole model with model.save("model.keras").',
        )
    raise BadBundle(
        f"no_{_word(role)}",
        f"The bundle has no {_DESCRIBED[role]}.",
        hint=f"Name it one of: {', '.join(_ACCEPTED[role])}.",
        details={"accepted": list(_ACCEPTED[role]), "found": _found(placed)},
    )


def refuse_several(role: str, found: Sequence[Placed], *, accepted: Sequence[str]) -> None:
    """Raise `two_<role>` when more than one file plays the same part."""
    if len(found) < 2:
        return
    names = sorted(item.shown for item in found)
    raise BadBundle(
        f"two_{_word(role)}",
        f"The bundle has more than one {_DESCRIBED.get(role, role)}: {', '.join(names[:5])}.",
        hint="Keep the one that the audit is about.",
        details={"found": [*names], "accepted": list(accepted)},
    )


def _word(role: str) -> str:
    return "model" if role.endswith("model") else role.replace(".", "_")


def _found(placed: Sequence[Placed]) -> list[JsonValue]:
    return [item.shown for item in placed[:20]]
