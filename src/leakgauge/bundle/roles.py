"""Which file plays which part: told from names, and for a model under any name from its first bytes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from leakgauge.bundle.limits import MOST_TOP_FOLDERS, Limits
from leakgauge.bundle.model import BundledFile
from leakgauge.bundle.names import folded, is_junk, shown_name
from leakgauge.bundle.recognise import is_archive
from leakgauge.bundle.role_names import (
    ACCEPTED,
    ANSWER_ROLES,
    ARRAY_ROLES,
    DATA_WORDS,
    DESCRIBED,
    IMAGE_FOLDERS,
    IMAGE_SUFFIXES,
    KNOWLEDGE_ROLES,
    LABELLED,
    MODEL_DATA,
    NESTED_ZIP,
    REFERENCE_ANSWERS,
    ROLE_OF,
    SET_FOLDERS,
    SET_ROLES,
    TABLE_ROLES,
    TABLE_SUFFIXES,
    Data,
    names,
)
from leakgauge.errors import BadBundle, JsonValue, UnsupportedModel
from leakgauge.targets import formats
from leakgauge.targets.exports import WITH_TENSORFLOW
from leakgauge.targets.signs import Data as ModelData
from leakgauge.targets.unread_formats import Unread

_ROWS: Final = re.compile(rb"\x93NUMPY.{2,8}\{[^}]*'shape': \([0-9]+, [0-9]+\)", re.DOTALL)
"""An NPY file of two axes."""
_CLASS: Final = re.compile(r"0|[1-9][0-9]{0,4}", re.ASCII)


def _models_on(data: ModelData) -> tuple[str, ...]:
    return names(("model",), formats.suffixes_of(data))


def _model_data(data: Data) -> ModelData:
    return "tables" if data in ("tables", "auxiliary records") else "images"


def _accepted(role: str) -> tuple[str, ...]:
    """The names by which a file plays the role."""
    of_models = (names((role,), formats.suffixes_of(data)) for data in MODEL_DATA.get(role, ()))
    return (*ACCEPTED.get(role, ()), *(name for names in of_models for name in names))


def _role_of(name: str) -> str | None:
    if name in ROLE_OF:
        return ROLE_OF[name]
    return next((role for role in MODEL_DATA if name in _accepted(role)), None)


def _way_in(data: Data) -> str:
    """What to send with such data."""
    names = ", ".join(_models_on(_model_data(data)))
    if _model_data(data) == "tables":
        return f"With tables comes a classifier of their rows, as one of: {names}."
    return (
        f"With images comes an image classifier, as one of: {names}. A scikit-learn model is audited with "
        f"tables, train_mia.csv and test_mia.csv, or with arrays of rows, of two axes."
    )


class Source(Protocol):
    """A file that may be used, wherever it is."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Folders and name, as the sender wrote them."""

    def head(self, count: int) -> bytes:
        """Its first `count` bytes, fewer where it is shorter, none where it cannot be read."""

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
        if self.folders and self.folders[0] in IMAGE_FOLDERS:
            if not self.name.endswith(IMAGE_SUFFIXES):
                return None
            if len(self.folders) == 1:
                return self.folders[0]
            return LABELLED if self.labelled is not None else None
        if self.folders == (REFERENCE_ANSWERS,):
            return REFERENCE_ANSWERS if self.name.endswith(TABLE_SUFFIXES) else None
        if self.folders and self.folders[0] in SET_FOLDERS and self.name.endswith(IMAGE_SUFFIXES):
            return SET_FOLDERS[self.folders[0]]
        return _role_of(self.name)

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
        return self.folders[0] == "reference" or self.folders[0] in SET_FOLDERS


def place(sources: Sequence[Source], *, limits: Limits) -> list[Placed]:
    """Sources that count, below their common top folder if they have one; refuses twins and depth."""
    counting = [source for source in sources if not is_junk(source.parts)]
    if not counting:
        raise BadBundle(
            "no_files",
            "There is no file in it.",
            hint="A bundle holds a model and its data; the README lists the names.",
        )
    tops = _top_folders([source.parts for source in counting])
    placed: list[Placed] = []
    seen: set[tuple[str, ...]] = set()
    for source in counting:
        parts = source.parts[tops:]
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
            hint=WITH_TENSORFLOW,
        )
    for item in placed:
        if item.depth > limits.depth:
            raise limits.exceeded("depth", f"{item.shown} lies {len(item.folders)} folders deep.")
    return placed


def _top_folders(paths: Sequence[tuple[str, ...]]) -> int:
    """How many folders lie around everything and mean nothing; of more than there may be, the first alone."""
    count = 0
    while True:
        tops = {folded(path[count]) for path in paths}
        shortest = min(map(len, paths)) - count
        if len(tops) > 1 or shortest < 2 or tops <= {*IMAGE_FOLDERS, REFERENCE_ANSWERS}:
            break
        # a set alone in its zip; a bundle may also lie in a folder that happens to be called "training"
        if tops <= set(SET_FOLDERS) and shortest > 2:
            break
        count += 1
    return count if count <= MOST_TOP_FOLDERS else 1


def is_part(item: Placed) -> bool:
    """Whether the file is part of a bundle: by its name, or a model by its first bytes."""
    return item.role not in (None, "parameters") or (item.role is None and _kind(item) is not None)


def is_image(item: Placed) -> bool:
    """Whether the name is that of an image, wherever it lies."""
    return item.name.endswith(IMAGE_SUFFIXES)


def models_among(roles: Mapping[str, list[Placed]], placed: Sequence[Placed]) -> list[Placed]:
    """The files that can be the model: those that a known name calls so, else whatever the bytes say."""
    named = roles.get("model", [])
    if named:
        return named
    _explain_bare_model(placed)
    return [item for item in placed if item.role is None and item.name != NESTED_ZIP and _kind(item)]


def tell_data(
    roles: Mapping[str, list[Placed]],
    *,
    models: Sequence[Placed],
    has_data_zip: bool,
    placed: Sequence[Placed],
) -> Data:
    """What the audit is about; without data, what the model is for."""
    found: list[Data] = []
    if holds_rows(roles):
        found.append("tables")
    elif any(role in roles for role in SET_ROLES):
        found.append("image sets")
    if any(role in roles for role in KNOWLEDGE_ROLES):
        found.append("auxiliary records")
    if any(role in roles for role in TABLE_ROLES) or (has_data_zip and not found):
        found.append("tables")
    if any(role in roles for role in ANSWER_ROLES):
        found.append("answers")
    if "image" in roles:
        found.append("input image")
    if len(found) > 1:
        raise BadBundle(
            "two_kinds",
            f"The bundle holds {' and '.join(found)}, so it could mean either of two audits.",
            hint="Send two bundles: tables, answers or image sets for a membership audit; input_image.* for "
            "an inversion audit, or auxiliary.csv for one of class profiles.",
        )
    if found:
        return found[0]
    refuse_several("model", models, accepted=_accepted("model"))
    if models:
        kind = _kind(models[0])
        return "input image" if isinstance(kind, formats.Format) and "images" in kind.audited_on else "tables"
    raise BadBundle(
        "unknown_kind",
        "The bundle holds neither tables nor images under a name that is known, nor a model.",
        hint="A membership audit needs model.pkl, train_mia.csv and test_mia.csv, or model.onnx and image "
        "sets in training/ and subject/, or members_answers.csv and non_members_answers.csv; an inversion "
        "audit needs model.keras and input_image.png or, for class profiles, model.pkl and auxiliary.csv."
        + _about_strangers(placed),
        details={"found": _found(placed)},
    )


def holds_rows(roles: Mapping[str, list[Placed]]) -> bool:
    """Whether the records are arrays of two axes, rows of a table, and neither tables nor images."""
    arrays = [item for role in ARRAY_ROLES for item in roles.get(role, [])]
    others = {*TABLE_ROLES, *SET_FOLDERS.values()}
    return (
        bool(arrays)
        and others.isdisjoint(roles)
        and all(_ROWS.match(item.source.head(formats.HEAD_BYTES)) for item in arrays)
    )


def _kind(item: Placed) -> formats.Format | Unread | None:
    return formats.kind_in_bundle(item.source.head(formats.HEAD_BYTES), item.name)


def _explain_bare_model(placed: Sequence[Placed]) -> None:
    """Keras and skops files are zips themselves and get sent without a bundle around them."""
    names = {item.name for item in placed if not item.folders}
    whole = next((kind for kind in formats.archives() if names.issuperset(kind.loose)), None)
    if whole is not None:
        raise BadBundle(
            "bare_model",
            f"This looks like the inside of {whole.words}, not like a bundle.",
            hint="Put the model file, unchanged, into a zip together with its data.",
        )


def optional(role: str, roles: Mapping[str, list[Placed]]) -> Placed | None:
    """The one file of a role, or None; several are refused."""
    found = roles.get(role, [])
    refuse_several(role, found, accepted=_accepted(role))
    return found[0] if found else None


def in_code(role: str) -> str:
    """The role as error codes have it: of non-members they say `subject`, as the names of their files do."""
    return role if role in ANSWER_ROLES else role.replace("non_member", "subject").replace(".", "_")


def only(role: str, roles: Mapping[str, list[Placed]], *, placed: Sequence[Placed]) -> Placed:
    """The one file of a role that must be there."""
    found = optional(role, roles)
    if found is not None:
        return found
    hint = f"Name it one of: {', '.join(_accepted(role))}."
    raise BadBundle(
        f"no_{in_code(role)}",
        f"The bundle has no {DESCRIBED[role]}.",
        hint=hint + _about_strangers(placed) if role in TABLE_ROLES else hint,
        details={"accepted": list(_accepted(role)), "found": _found(placed)},
    )


def the_model(models: Sequence[Placed], *, data: Data, placed: Sequence[Placed]) -> Placed:
    """The one file that can be the model; refuses one that is plainly for other data."""
    refuse_several("model", models, accepted=_models_on(_model_data(data)))
    if models:
        (model,) = models
        kind = _kind(model)
        if isinstance(kind, formats.Format) and _model_data(data) not in kind.audited_on:
            raise BadBundle(
                "wrong_model",
                f"The data are {DATA_WORDS[data]}, but {model.shown} is {kind.words}, which is audited on "
                f"{' and '.join(kind.audited_on)}.",
                hint=_way_in(data),
            )
        return model
    if any(item.name.endswith(formats.WEIGHTS_ALONE) for item in placed):
        raise UnsupportedModel(
            "weights_only",
            "The bundle holds a file of weights without the model's architecture.",
            hint='Export the whole model with model.save("model.keras").',
        )
    archives = [
        item.shown
        for item in placed
        if item.role is None and is_archive(item.source.head(formats.HEAD_BYTES))
    ]
    if archives:
        raise BadBundle(
            "packed_model",
            f"The bundle has no model, but an archive, {archives[0]}.",
            hint="If the model is in it, unpack it and put the model file itself into the bundle.",
        )
    names = _models_on(_model_data(data))
    raise BadBundle(
        "no_model",
        "The bundle has no model.",
        hint=f"With {DATA_WORDS[data]}, name it one of: {', '.join(names)}. A model file that is the only "
        "one may have any name.",
        details={"accepted": [*names], "found": _found(placed)},
    )


def not_live(data: Data) -> BadBundle:
    """The error for data that no live service is audited with."""
    return BadBundle(
        "not_live",
        f"The data are {DATA_WORDS[data]}; a live service is audited with tables or with an input image.",
        hint="Send members.csv and non_members.csv, or input_image.png. Answers that are there already are "
        "audited without asking the service: leave --endpoint out.",
    )


def _about_strangers(placed: Sequence[Placed]) -> str:
    """A sentence about the tables whose names say nothing. Which one holds members is never guessed."""
    names = sorted(item.shown for item in placed if item.role is None and item.name.endswith(TABLE_SUFFIXES))
    if not names:
        return ""
    found = ", ".join(names[:5])
    return (
        f" The names of {found} do not tell whose records they hold: call the table of records that the "
        "model was trained on train_mia.csv and the other one test_mia.csv (or .parquet, .tsv, .csv.gz)."
    )


def refuse_several(role: str, found: Sequence[Placed], *, accepted: Sequence[str]) -> None:
    """Raise `two_<role>` when more than one file plays the same part."""
    if len(found) < 2:
        return
    names = sorted(item.shown for item in found)
    raise BadBundle(
        f"two_{in_code(role)}",
        f"The bundle has more than one {DESCRIBED.get(role, role)}: {', '.join(names[:5])}.",
        hint="Keep the one that the audit is about."
        + (f" Or give only that one a known name, such as {accepted[0]}." if role == "model" else ""),
        details={"found": [*names], "accepted": list(accepted)},
    )


def _found(placed: Sequence[Placed]) -> list[JsonValue]:
    return [item.shown for item in placed[:20]]
