"""A zip or a folder -> a checked `Bundle` on disk.

What comes in is not trusted. Three rules hold throughout:

* no name from the sender ever reaches the file system: unpacked files get names
  of ours, so that no path can leave the folder they are written into;
* sizes that an archive declares may refuse it early, but only bytes counted
  while reading let it pass;
* a file has one name however it came (in a zip, in `data.zip`, loose, in a
  folder, in capitals), so that the same content gives the same report.

Nothing in here parses a table, an image or a model.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import IO, Final, Literal, Protocol, TypeAlias

from leakgauge.errors import BadBundle, BadParameters, JsonValue, LimitExceeded, UnsupportedModel

Kind = Literal["membership", "inversion"]

_KIB: Final = 1024
_MIB: Final = 1024 * _KIB
_CHUNK: Final = 256 * _KIB
_ENVIRONMENT_PREFIX: Final = "LEAKGAUGE_MAX_"

# --- limits -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one bundle may ask for. Every field can be set as `LEAKGAUGE_MAX_<FIELD>`.

    Attributes
    ----------
    upload_bytes:
        size of the zip as sent.
    unpacked_bytes:
        size of everything in it together, `data.zip` and decompressed tables included.
    ratio:
        unpacked bytes for each packed byte of one entry; not held against entries that unpack to
        less than 1 MiB, where sparse but honest tables reach any ratio.
    entries:
        files and folders in the zip or folder; in `data.zip` again as many.
    depth:
        folders above a file, not counting one top folder that holds everything.
    table_rows, table_columns:
        size of one table.
    """

    upload_bytes: int = 100 * _MIB
    unpacked_bytes: int = 1024 * _MIB
    ratio: int = 200
    entries: int = 1_000
    depth: int = 1
    table_rows: int = 1_000_000
    table_columns: int = 10_000

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Limits:
        """Defaults, overridden by the variables that are set.

        Raises
        ------
        BadParameters
            `invalid_limit`, with every variable that is not a positive whole number.
        """
        found: dict[str, int] = {}
        problems: list[JsonValue] = []
        for limit in fields(cls):
            variable = _variable(limit.name)
            text = environ.get(variable, "").strip()
            if not text:
                continue
            if re.fullmatch(r"0*[1-9][0-9]{0,14}", text, re.ASCII):
                found[limit.name] = int(text)
            else:
                problems.append({"parameter": variable, "message": "must be a whole number from 1 to 10^15"})
        if problems:
            names = ", ".join(str(problem["parameter"]) for problem in problems if isinstance(problem, dict))
            raise BadParameters(
                "invalid_limit",
                f"{names}: not a positive whole number.",
                hint="Set the variable to a plain number without unit or separators, or unset it.",
                details={"problems": problems},
            )
        return replace(cls(), **found)

    def exceeded(self, limit: str, message: str) -> LimitExceeded:
        """The error for a `limit` (a field's name) that was hit; `message` says by what."""
        allowed: int = getattr(self, limit)
        return LimitExceeded(
            limit,
            f"{message} The limit is {allowed:,}.",
            hint=f"Send less, or run where {_variable(limit)} allows more.",
            details={"limit": limit, "allowed": allowed},
        )


def _variable(limit: str) -> str:
    return _ENVIRONMENT_PREFIX + limit.upper()


# --- what a bundle is -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BundledFile:
    """One file that an audit uses.

    Attributes
    ----------
    name:
        its name for messages and reports, in lower case and without the folders that it came in:
        `train_mia.csv`, `auxiliary/0.png`. `path` may be called otherwise.
    path:
        where its bytes are.
    sha256:
        hexadecimal digest of those bytes.
    """

    name: str
    path: Path
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipBundle:
    """A model with the records it was trained on and records it was not.

    Attributes
    ----------
    root:
        the folder that holds the files: the scratch folder of a zip, the folder itself of loose files.
    ignored:
        names of files that no audit uses, sorted, safe to print.
    limits:
        what the tables are held to when they are read.
    """

    root: Path
    model: BundledFile
    members: BundledFile
    subjects: BundledFile
    parameters: BundledFile | None
    ignored: tuple[str, ...]
    limits: Limits
    kind: Literal["membership"] = field(default="membership", init=False)

    @property
    def sha256(self) -> dict[str, str]:
        """Digest of every used file by its name, sorted by name."""
        return _digests(self.model, self.members, self.subjects, self.parameters)


@dataclass(frozen=True, slots=True, kw_only=True)
class InversionBundle:
    """An image classifier with an image of the class to draw.

    Attributes
    ----------
    auxiliary, reference:
        optional public images for an attack with a prior, and further images of the class for the
        ceiling; sorted by name.
    root, ignored, limits:
        as in `MembershipBundle`.
    """

    root: Path
    model: BundledFile
    image: BundledFile
    auxiliary: tuple[BundledFile, ...]
    reference: tuple[BundledFile, ...]
    parameters: BundledFile | None
    ignored: tuple[str, ...]
    limits: Limits
    kind: Literal["inversion"] = field(default="inversion", init=False)

    @property
    def sha256(self) -> dict[str, str]:
        """Digest of every used file by its name, sorted by name."""
        return _digests(self.model, self.image, *self.auxiliary, *self.reference, self.parameters)


Bundle: TypeAlias = MembershipBundle | InversionBundle


def _digests(*files: BundledFile | None) -> dict[str, str]:
    return dict(sorted((file.name, file.sha256) for file in files if file is not None))


# --- which file plays which part --------------------------------------------------------------------

_TABLE_SUFFIXES: Final = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")
_IMAGE_SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".npy")
_IMAGE_FOLDERS: Final = ("auxiliary", "reference")
_NESTED_ZIP: Final = "data.zip"
_TABLE_ROLES: Final = ("members", "subjects")


def _names(stems: Sequence[str], suffixes: Sequence[str]) -> tuple[str, ...]:
    return tuple(stem + suffix for stem in stems for suffix in suffixes)


_ACCEPTED: Final[Mapping[str, tuple[str, ...]]] = {
    "membership model": _names(("model",), (".pkl", ".pickle", ".joblib", ".skops")),
    "inversion model": _names(("model",), (".h5", ".hdf5", ".keras", ".onnx")),
    "members": _names(("train_mia", "train", "members"), _TABLE_SUFFIXES),
    "subjects": _names(("test_mia", "test", "subject", "subjects"), _TABLE_SUFFIXES),
    "image": _names(("input_image",), _IMAGE_SUFFIXES),
    "parameters": ("parameters.json",),
}
_ROLE_OF: Final = {name: role for role, names in _ACCEPTED.items() for name in names}

_DESCRIBED: Final = {
    "membership model": "scikit-learn model",
    "inversion model": "image classifier",
    "members": "table of members (training data)",
    "subjects": "table of subjects (non-members)",
    "image": "image of the target class",
    "parameters": "parameter file",
}


class _Source(Protocol):
    """A file that may be used, wherever it is."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Folders and name, as the sender wrote them."""

    def settle(self, name: str, into: Path, *, disk_name: str) -> BundledFile:
        """Its content as a file on disk, counted and hashed."""


@dataclass(frozen=True, slots=True)
class _Placed:
    """A source with its place in the bundle, cleared of a top folder, case and Unicode variants."""

    source: _Source
    folders: tuple[str, ...]
    name: str
    shown: str

    @property
    def role(self) -> str | None:
        if len(self.folders) == 1 and self.folders[0] in _IMAGE_FOLDERS:
            return self.folders[0] if self.name.endswith(_IMAGE_SUFFIXES) else None
        return _ROLE_OF.get(self.name)


# --- opening ----------------------------------------------------------------------------------------


def open_bundle(source: Path, scratch: Path, *, limits: Limits) -> Bundle:
    """The bundle in `source`, a zip or a folder.

    Parameters
    ----------
    source:
        a zip, or a folder as `open_folder` takes it.
    scratch:
        an empty folder of ours, made if missing, for what has to be unpacked.

    Raises
    ------
    BadBundle, LimitExceeded, UnsupportedModel
        as `unpack` and `open_folder` do; `not_found` when there is nothing at `source`.
    """
    if source.is_dir():
        return open_folder(source, scratch, limits=limits)
    if source.is_file():
        return unpack(source, scratch, limits=limits)
    raise BadBundle(
        "not_found",
        "There is no file or folder of that name.",
        hint="Name a zip or a folder that holds a model and its data.",
    )


def unpack(archive: Path, into: Path, *, limits: Limits) -> Bundle:
    """The bundle in a zip; the files that an audit uses are written into `into`, mode 0600.

    Raises
    ------
    BadBundle
        for a file that is not a sound, plain zip of stored or deflated entries (nothing before or
        after the archive, so that every reader sees the same files), for names that point elsewhere,
        and for missing or doubled parts of an audit. Each has its own `problem`.
    LimitExceeded
        with the limit's name as `problem`.
    UnsupportedModel
        for a SavedModel folder or a file of weights in place of a model.
    """
    size = archive.stat().st_size
    if size > limits.upload_bytes:
        raise limits.exceeded("upload_bytes", f"The zip has {size:,} bytes.")
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    budget = _Budget(limits)
    with ExitStack() as stack:
        sources = stack.enter_context(_zipped(archive, label="", budget=budget))
        return _assemble(sources, root=into, into=into, budget=budget, stack=stack)


def open_folder(folder: Path, scratch: Path, *, limits: Limits) -> Bundle:
    """The bundle whose files lie loose in `folder`, or in one zip that lies there alone.

    `folder` is only read: loose files stay where they are, and only a `data.zip` or the lone zip is
    unpacked, into `scratch`. Hidden files and folders (checkpoints of notebooks among them) do not count.

    Raises
    ------
    BadBundle, LimitExceeded, UnsupportedModel
        as `unpack` does; further `link` and `special_file` for a used file that is not a plain one.
    """
    budget = _Budget(limits)
    sources = _loose(folder, budget=budget)
    if len(sources) == 1 and sources[0].parts[-1].lower().endswith(".zip"):
        lone = sources[0]
        with lone.open():
            pass  # refuses links and special files before the path is handed on
        return unpack(lone.path, scratch, limits=limits)
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as stack:
        return _assemble(sources, root=folder, into=scratch, budget=budget, stack=stack)


def _assemble(
    sources: Sequence[_Source], *, root: Path, into: Path, budget: _Budget, stack: ExitStack
) -> Bundle:
    placed = _place(sources, limits=budget.limits)
    nested = [item for item in placed if item.name == _NESTED_ZIP]
    _refuse_several("data.zip", nested, accepted=(_NESTED_ZIP,))
    ignored = [item.shown for item in placed if item.role is None and item not in nested]
    roles: dict[str, list[_Placed]] = {}
    for item in placed:
        if item.role is not None:
            roles.setdefault(item.role, []).append(item)
    for item in nested:
        for inner in _tables_in(item, into=into, budget=budget, stack=stack):
            if inner.role in _TABLE_ROLES:
                roles.setdefault(inner.role, []).append(inner)
            else:
                ignored.append(f"{_NESTED_ZIP}/{inner.shown}")

    kind = _tell_kind(roles, has_data_zip=bool(nested), placed=placed)
    model = _only(f"{kind} model", roles, placed=placed)
    parameters = _optional("parameters", roles)
    if kind == "membership":
        ignored += [item.shown for role in ("auxiliary", "reference") for item in roles.get(role, ())]
        members, subjects = (_only(role, roles, placed=placed) for role in _TABLE_ROLES)
        return MembershipBundle(
            root=root,
            model=_settle(model, into),
            members=_settle(members, into),
            subjects=_settle(subjects, into),
            parameters=_settle(parameters, into) if parameters else None,
            ignored=tuple(sorted(ignored)),
            limits=budget.limits,
        )
    image = _only("image", roles, placed=placed)
    return InversionBundle(
        root=root,
        model=_settle(model, into),
        image=_settle(image, into),
        auxiliary=_settle_folder("auxiliary", roles, into),
        reference=_settle_folder("reference", roles, into),
        parameters=_settle(parameters, into) if parameters else None,
        ignored=tuple(sorted(ignored)),
        limits=budget.limits,
    )


def _settle(item: _Placed, into: Path) -> BundledFile:
    return item.source.settle(item.name, into, disk_name=item.name)


def _settle_folder(role: str, roles: Mapping[str, list[_Placed]], into: Path) -> tuple[BundledFile, ...]:
    items = sorted(roles.get(role, ()), key=lambda item: item.name)
    return tuple(
        item.source.settle(
            f"{role}/{item.name}", into / role, disk_name=f"{number:04d}{Path(item.name).suffix}"
        )
        for number, item in enumerate(items)
    )


def _tables_in(item: _Placed, *, into: Path, budget: _Budget, stack: ExitStack) -> list[_Placed]:
    """What lies in `data.zip`, under the same checks and the same budget."""
    archive = item.source.settle(_NESTED_ZIP, into, disk_name=_NESTED_ZIP)
    sources = stack.enter_context(_zipped(archive.path, label=_NESTED_ZIP, budget=budget))
    if isinstance(item.source, _ZippedFile):
        # a copy of ours; the open handle keeps its bytes readable for as long as they are needed
        archive.path.unlink()
    placed = _place(sources, limits=budget.limits)
    for inner in placed:
        if inner.name.endswith(".zip"):
            raise BadBundle(
                "nested_zip",
                f"{_NESTED_ZIP} holds another zip, {inner.shown}.",
                hint=f"Put the two tables into {_NESTED_ZIP} directly.",
            )
    return placed


# --- telling roles ----------------------------------------------------------------------------------


def _place(sources: Sequence[_Source], *, limits: Limits) -> list[_Placed]:
    """Sources that count, below their common top folder if they have one; refuses twins and depth."""
    counting = [source for source in sources if not _is_junk(source.parts)]
    if not counting:
        raise BadBundle(
            "no_files",
            "There is no file in it.",
            hint="A bundle holds a model and its data; the README lists the names.",
        )
    tops = {_folded(source.parts[0]) for source in counting}
    has_top = len(tops) == 1 and all(len(source.parts) > 1 for source in counting)
    if has_top and tops <= set(_IMAGE_FOLDERS):
        has_top = False
    placed: list[_Placed] = []
    seen: set[tuple[str, ...]] = set()
    for source in counting:
        parts = source.parts[1:] if has_top else source.parts
        folded = tuple(_folded(part) for part in parts)
        item = _Placed(source, folded[:-1], folded[-1], shown="/".join(_shown(part) for part in parts))
        if folded in seen:
            raise BadBundle(
                "duplicate_name",
                f"{item.shown} is there twice (names are compared without regard to case).",
                hint="Keep one of the two.",
            )
        seen.add(folded)
        placed.append(item)
    if any(item.name == "saved_model.pb" for item in placed):
        raise UnsupportedModel(
            "saved_model",
            "The bundle holds a TensorFlow SavedModel folder, not a Keras file.",
            hint='Load it where it was made and export it with model.save("model.keras").',
        )
    for item in placed:
        if len(item.folders) > limits.depth:
            raise limits.exceeded("depth", f"{item.shown} lies {len(item.folders)} folders deep.")
    return placed


def _tell_kind(roles: Mapping[str, list[_Placed]], *, has_data_zip: bool, placed: Sequence[_Placed]) -> Kind:
    """The audit that the data are for; without data, the audit that the model is for."""
    has_tables = has_data_zip or any(role in roles for role in _TABLE_ROLES)
    has_image = "image" in roles
    if has_tables and has_image:
        raise BadBundle(
            "two_kinds",
            "The bundle holds tables and an input image, so it could mean either audit.",
            hint="Send two bundles: tables for a membership audit, input_image.* for an inversion audit.",
        )
    if has_tables or has_image:
        kind: Kind = "membership" if has_tables else "inversion"
        other = "inversion" if has_tables else "membership"
        strangers = roles.get(f"{other} model", [])
        if strangers and f"{kind} model" in roles:
            _refuse_several("model", [*roles[f"{kind} model"], *strangers], accepted=())
        if strangers:
            raise BadBundle(
                "wrong_model",
                f"The data are those of a {kind} audit, but {strangers[0].shown} is a model for "
                f"{other} audits.",
                hint=f"A {kind} audit takes one of: {', '.join(_ACCEPTED[f'{kind} model'])}.",
            )
        return kind
    models = [*roles.get("membership model", ()), *roles.get("inversion model", ())]
    _refuse_several("model", models, accepted=())
    if models:
        return "membership" if "membership model" in roles else "inversion"
    _explain_bare_model(placed)
    raise BadBundle(
        "unknown_kind",
        "The bundle holds neither tables nor an input image nor a model under a name that is known.",
        hint="A membership audit needs model.pkl, train_mia.csv and test_mia.csv; "
        "an inversion audit needs model.keras and input_image.png.",
        details={"found": _found(placed)},
    )


def _explain_bare_model(placed: Sequence[_Placed]) -> None:
    """Keras and skops files are zips themselves and get sent without a bundle around them."""
    names = {item.name for item in placed if not item.folders}
    if {"config.json", "metadata.json"} <= names or "schema.json" in names:
        raise BadBundle(
            "bare_model",
            "This looks like the inside of a model file (.keras or .skops), not like a bundle.",
            hint="Put the model file, unchanged, into a zip together with its data.",
        )


def _optional(role: str, roles: Mapping[str, list[_Placed]]) -> _Placed | None:
    found = roles.get(role, [])
    _refuse_several(role, found, accepted=_ACCEPTED[role])
    return found[0] if found else None


def _only(role: str, roles: Mapping[str, list[_Placed]], *, placed: Sequence[_Placed]) -> _Placed:
    found = _optional(role, roles)
    if found is not None:
        return found
    if role == "inversion model" and any(item.name.endswith(".weights.h5") for item in placed):
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


def _refuse_several(role: str, found: Sequence[_Placed], *, accepted: Sequence[str]) -> None:
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


def _found(placed: Sequence[_Placed]) -> list[JsonValue]:
    return [item.shown for item in placed[:20]]


# --- names ------------------------------------------------------------------------------------------

_JUNK: Final = frozenset({"__macosx", "thumbs.db", "desktop.ini", "__pycache__"})
_LONGEST_PART: Final = 255
_LONGEST_PATH: Final = 1_024
_LONGEST_SHOWN: Final = 80


def _is_junk(parts: tuple[str, ...]) -> bool:
    """Whether operating systems and editors put it there: hidden files, `__MACOSX`, `Thumbs.db`, ..."""
    return any(part.startswith(".") or part.lower() in _JUNK for part in parts)


def _folded(part: str) -> str:
    """One spelling for all that a case-insensitive or Unicode-normalising file system takes for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", part).casefold())


def _shown(name: str) -> str:
    """`name`, printable and short enough for a message."""
    printable = "".join(
        character if character.isprintable() else character.encode("unicode_escape", "surrogatepass").decode()
        for character in name
    )
    return printable if len(printable) <= _LONGEST_SHOWN else printable[: _LONGEST_SHOWN - 1] + "…"


def _safe_parts(name: str) -> tuple[str, ...]:
    """Folders and file name of an entry; () for the folder `.` itself.

    Raises
    ------
    BadBundle
        when the name could mean a place outside the archive, on any system.
    """
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise _bad_name("control_character", name, "holds a control character")
    if "\\" in name:
        raise _bad_name("backslash_path", name, "holds a backslash")
    if name.startswith("/"):
        raise _bad_name("absolute_path", name, "is an absolute path")
    if re.match(r"[A-Za-z]:", name):
        raise _bad_name("drive_letter", name, "starts with a drive letter")
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if ".." in parts:
        raise _bad_name("path_traversal", name, "leads out of the archive")
    if len(name) > _LONGEST_PATH or any(len(part.encode()) > _LONGEST_PART for part in parts):
        raise _bad_name("name_too_long", name, "is too long a name")
    return parts


def _bad_name(problem: str, name: str, what: str) -> BadBundle:
    return BadBundle(
        problem,
        f"The entry {_shown(name)} {what}.",
        hint="Zip plain files with plain relative names, all in one folder.",
        details={"entry": _shown(name)},
    )


# --- counting ---------------------------------------------------------------------------------------


class _Budget:
    """Bytes that may still be unpacked, shared by a bundle and the `data.zip` in it."""

    __slots__ = ("_left", "limits")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._left = limits.unpacked_bytes

    def spend(self, count: int, name: str) -> None:
        self._left -= count
        if self._left < 0:
            raise self.limits.exceeded(
                "unpacked_bytes", f"Unpacking stopped at {name}: the bundle holds too many bytes."
            )

    def check_ratio(self, unpacked: int, packed: int, name: str) -> None:
        if unpacked > _MIB and unpacked > self.limits.ratio * packed:
            raise self.limits.exceeded("ratio", f"{name} unpacks to far more than it was packed into.")

    def check_entries(self, count: int) -> None:
        if count > self.limits.entries:
            raise self.limits.exceeded("entries", "There are too many files and folders in it.")


# --- loose files ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _LooseFile:
    path: Path
    parts: tuple[str, ...]
    budget: _Budget

    def open(self) -> IO[bytes]:
        """The file for reading, if it is a plain one. Never blocks on a pipe."""
        shown = _shown("/".join(self.parts))
        if self.path.is_symlink():
            raise BadBundle("link", f"{shown} is a link.", hint="Put the file itself in its place.")
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise BadBundle(
                "unreadable", f"{shown} cannot be read.", hint="Check that the file may be read."
            ) from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise BadBundle(
                "special_file", f"{shown} is not a plain file.", hint="Put a plain file in its place."
            )
        return os.fdopen(descriptor, "rb")

    def settle(self, name: str, into: Path, *, disk_name: str) -> BundledFile:
        del into, disk_name  # the folder is only read: the file stays where it is
        digest = hashlib.sha256()
        with self.open() as content:
            while chunk := content.read(_CHUNK):
                self.budget.spend(len(chunk), name)
                digest.update(chunk)
        return BundledFile(name, self.path, digest.hexdigest())


def _loose(folder: Path, *, budget: _Budget) -> list[_LooseFile]:
    """Files below `folder` that count, as deep as a bundle can be and one level further."""
    found: list[_LooseFile] = []
    waiting: list[tuple[Path, tuple[str, ...]]] = [(folder, ())]
    seen = 0
    while waiting:
        place, above = waiting.pop()
        try:
            entries = sorted(os.scandir(place), key=lambda entry: entry.name)
        except OSError as error:
            raise BadBundle(
                "unreadable", "A folder cannot be read.", hint="Check that the folder may be read."
            ) from error
        for entry in entries:
            parts = (*above, entry.name)
            if _is_junk(parts):
                continue
            seen += 1
            budget.check_entries(seen)
            if entry.is_dir(follow_symlinks=False):
                if len(above) <= budget.limits.depth + 1:
                    waiting.append((Path(entry.path), parts))
            else:
                found.append(_LooseFile(Path(entry.path), parts, budget))
    return found


# --- zips -------------------------------------------------------------------------------------------

_END_RECORD: Final = struct.Struct("<4s4H2LH")
_END_RECORD_64: Final = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64: Final = struct.Struct("<4sLQL")
_LOCAL_HEADER: Final = struct.Struct("<4s5H3L2H")
_LONGEST_COMMENT: Final = 0xFFFF
# names, extra fields and comments included: honest entries need about a tenth of it
_DIRECTORY_BYTES_PER_ENTRY: Final = 1_024
_ENCRYPTED_FLAGS: Final = 0x1 | 0x40 | 0x2000
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True, slots=True)
class _ZippedFile:
    archive: zipfile.ZipFile
    info: zipfile.ZipInfo
    parts: tuple[str, ...]
    budget: _Budget

    def settle(self, name: str, into: Path, *, disk_name: str) -> BundledFile:
        into.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = into / disk_name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        digest = hashlib.sha256()
        count = 0
        with os.fdopen(descriptor, "wb") as target, _explained(name), self.archive.open(self.info) as content:
            while chunk := content.read(_CHUNK):
                count += len(chunk)
                self.budget.spend(len(chunk), name)
                self.budget.check_ratio(count, self.info.compress_size, name)
                digest.update(chunk)
                target.write(chunk)
        if count != self.info.file_size:
            raise _damaged("size_mismatch", f"{name} unpacks to another size than the zip states.")
        return BundledFile(name, path, digest.hexdigest())


@contextmanager
def _zipped(archive: Path, *, label: str, budget: _Budget) -> Iterator[list[_ZippedFile]]:
    """The files in a zip, once it is clear that the archive as a whole is sound."""
    what = label or "The upload"
    with archive.open("rb") as handle:
        directory = _check_frame(handle, what, budget)
        try:
            opened = zipfile.ZipFile(handle)
        except (
            zipfile.BadZipFile,
            NotImplementedError,
            ValueError,
            OSError,
            EOFError,
            struct.error,
        ) as error:
            raise _damaged("damaged_directory", f"{what} has a damaged table of contents.") from error
        with opened:
            infos = opened.infolist()
            if len(infos) != directory.entries or opened.start_dir != directory.start:
                raise _damaged("damaged_directory", f"{what} contradicts itself about its contents.")
            files = _check_entries(opened, infos, budget)
            _check_extents(handle, infos, directory)
            yield files


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Turns what the zip reader raises on broken bytes into errors that name the entry."""
    try:
        yield
    except zipfile.BadZipFile as error:
        if "CRC" in str(error):
            raise _damaged(
                "checksum_mismatch", f"{name} does not have the checksum it should have."
            ) from error
        raise _damaged("damaged_entry", f"{name} is damaged inside the zip.") from error
    except (zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, struct.error) as error:
        raise _damaged("damaged_entry", f"{name} is damaged inside the zip.") from error


def _damaged(problem: str, message: str) -> BadBundle:
    return BadBundle(problem, message, hint="Make the zip again and check that all of it is sent.")


@dataclass(frozen=True, slots=True)
class _Directory:
    """Where the central directory starts and how many entries it is said to have."""

    start: int
    entries: int


def _check_frame(handle: IO[bytes], what: str, budget: _Budget) -> _Directory:
    """Finds the end record and refuses all but one archive that fills the file from end to end.

    The reader of the standard library accepts bytes before and after an archive, and reads a table of
    contents of any length: both are looked at here, before it gets to see the file.
    """
    size = handle.seek(0, os.SEEK_END)
    handle.seek(0)
    head = handle.read(512)
    if size == 0:
        raise BadBundle("empty_upload", f"{what} is empty.", hint="Send the zip itself as the body.")
    tail_start = max(0, size - _END_RECORD.size - _LONGEST_COMMENT)
    handle.seek(tail_start)
    tail = handle.read()
    position = tail.rfind(b"PK\x05\x06")
    if position < 0 or len(tail) - position < _END_RECORD.size:
        raise _not_a_zip(head, what)
    end = tail_start + position
    (_, disk, first_disk, here, entries, directory_size, start, comment) = _END_RECORD.unpack_from(
        tail, position
    )
    if end + _END_RECORD.size + comment != size:
        raise _damaged("trailing_bytes", f"{what} goes on after the end of its zip archive.")
    frame_end = end
    if end >= _LOCATOR_64.size + _END_RECORD_64.size:
        handle.seek(end - _LOCATOR_64.size - _END_RECORD_64.size)
        record = _END_RECORD_64.unpack(handle.read(_END_RECORD_64.size))
        locator = _LOCATOR_64.unpack(handle.read(_LOCATOR_64.size))
        if locator[0] == b"PK\x06\x07":
            if record[0] != b"PK\x06\x06":
                raise _damaged("damaged_directory", f"{what} has a damaged table of contents.")
            (_, _, _, _, disk, first_disk, here, entries, directory_size, start) = record
            frame_end = end - _LOCATOR_64.size - _END_RECORD_64.size
    if disk or first_disk or here != entries or head.startswith(b"PK\x07\x08"):
        raise BadBundle(
            "split_zip", f"{what} is one part of a split zip.", hint="Make one zip that is not split."
        )
    if start + directory_size > frame_end:
        raise _damaged("damaged_directory", f"{what} has a table of contents that does not fit into it.")
    if start + directory_size < frame_end or (entries and not head.startswith(b"PK\x03\x04")):
        raise BadBundle(
            "leading_bytes",
            f"{what} does not start with its zip archive; self-extracting archives are not taken either.",
            hint="Send a plain zip.",
        )
    budget.check_entries(entries)
    if directory_size > budget.limits.entries * _DIRECTORY_BYTES_PER_ENTRY:
        raise budget.limits.exceeded("entries", f"{what} has an oversized table of contents.")
    return _Directory(start=start, entries=entries)


def _check_entries(
    archive: zipfile.ZipFile, infos: Sequence[zipfile.ZipInfo], budget: _Budget
) -> list[_ZippedFile]:
    """Names, types, encryption, compression and declared sizes, of every entry, used or not."""
    files: list[_ZippedFile] = []
    declared = 0
    for info in infos:
        # `filename` has been cut at a NUL byte by the reader; the original has not
        parts = _safe_parts(info.orig_filename)
        shown = _shown(info.orig_filename)
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind == stat.S_IFLNK:
            raise BadBundle(
                "link", f"The entry {shown} is a link.", hint="Zip the file itself (zip without -y)."
            )
        is_folder = info.orig_filename.endswith("/")
        if kind not in (0, stat.S_IFDIR if is_folder else stat.S_IFREG):
            raise BadBundle(
                "special_file", f"The entry {shown} is not a plain file.", hint="Zip plain files only."
            )
        if info.flag_bits & _ENCRYPTED_FLAGS:
            raise BadBundle("encrypted", f"The entry {shown} is encrypted.", hint="Zip without a password.")
        if is_folder or not parts:
            continue
        if info.compress_type not in _METHODS:
            raise BadBundle(
                "unknown_compression",
                f"The entry {shown} is compressed by an unusual method (number {info.compress_type}).",
                hint="Zip with the usual method, deflate, or without compression.",
            )
        declared += info.file_size
        if declared > budget.limits.unpacked_bytes:
            raise budget.limits.exceeded("unpacked_bytes", f"By {shown} the zip has declared too many bytes.")
        budget.check_ratio(info.file_size, info.compress_size, shown)
        files.append(_ZippedFile(archive, info, parts, budget))
    return files


def _check_extents(handle: IO[bytes], infos: Sequence[zipfile.ZipInfo], directory: _Directory) -> None:
    """No two entries may share bytes: a few kilobytes that count many times make any size."""
    taken_until, taken_by = 0, ""
    for info in sorted(infos, key=lambda info: info.header_offset):
        shown = _shown(info.orig_filename)
        if info.header_offset < taken_until:
            raise BadBundle(
                "overlapping_entries",
                f"The entries {taken_by} and {shown} share bytes of the zip.",
                hint="Make the zip again with a usual tool.",
            )
        handle.seek(info.header_offset)
        header = handle.read(_LOCAL_HEADER.size)
        if len(header) < _LOCAL_HEADER.size or not header.startswith(b"PK\x03\x04"):
            raise _damaged("damaged_entry", f"The entry {shown} is not where the table of contents says.")
        *_, name_length, extra_length = _LOCAL_HEADER.unpack(header)
        taken_until = info.header_offset + len(header) + name_length + extra_length + info.compress_size
        taken_by = shown
        if taken_until > directory.start:
            raise _damaged("damaged_entry", f"The entry {shown} runs into the table of contents.")
    if infos and min(info.header_offset for info in infos) > 0:
        raise BadBundle(
            "leading_bytes", "Something stands before the first entry of the zip.", hint="Send a plain zip."
        )


_MAGIC: Final = (
    (b"\x1f\x8b", "a gzip file"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ\x00", "an xz file"),
    (b"\x28\xb5\x2f\xfd", "a zstandard file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file (a bare .h5 model?)"),
    (b"PAR1", "a parquet file"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"%PDF", "a PDF document"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"UEsDB", "a zip in base64"),
)
_PICKLE_PROTOCOLS: Final = range(2, 6)


def _not_a_zip(head: bytes, what: str) -> BadBundle:
    if head.startswith((b"PK\x03\x04", b"PK\x07\x08")):
        return _damaged("truncated_zip", f"{what} starts like a zip, but its end is missing.")
    recognised = _recognise(head)
    return BadBundle(
        "not_a_zip",
        f"{what} is not a zip" + (f": it looks like {recognised}." if recognised else "."),
        hint="Put the model and its data into one zip and send that, byte for byte, as the body.",
        details={"recognised": recognised},
    )


def _recognise(head: bytes) -> str | None:
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if head[257:262] == b"ustar":
        return "a tar archive"
    if head[:1] == b"\x80" and head[1:2] and head[1] in _PICKLE_PROTOCOLS:
        return "a bare pickle"
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
