"""Opens a scikit-learn model file without running anything of it.

    bytes ─▶ decompress (with a limit) ─▶ scanner: what does it ask for?
                                            │ anything not on the list: UnsafeModel, all of it named
                                            ▼
          Loaded ◀─ estimator checks ◀─ upgrade ◀─ construction, from the very same bytes

The kind of file is told from its contents, never from its name.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sklearn

from leakgauge.errors import LeakgaugeError, UnsafeModel, UnsupportedModel
from leakgauge.targets.compression import content_of, decompress
from leakgauge.targets.formats import PICKLE, SKOPS, Format, recognise
from leakgauge.targets.libraries import check_installed
from leakgauge.targets.pickles.allow_list import LOOKED_AT_CLASSES, Pair
from leakgauge.targets.pickles.construction import Construction
from leakgauge.targets.pickles.refusals import refused
from leakgauge.targets.pickles.scanner import Scanner
from leakgauge.targets.pickles.virtual_machine import Budget, VirtualMachine
from leakgauge.targets.signs import ARCHIVE_SIGN
from leakgauge.targets.sklearn.checks import estimators
from leakgauge.targets.sklearn.guarded import guard
from leakgauge.targets.sklearn.old_versions import Version, upgrade
from leakgauge.targets.sklearn.samplers import forget_training
from leakgauge.targets.sklearn.skops import load_skops
from leakgauge.targets.unread_formats import Unread, not_read

OLDEST_VERSION: Version = (0, 24)
"""The oldest scikit-learn whose models are brought up to date."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is spent on a model file at most.

    Parameters
    ----------
    bytes
        size of the file, and of its contents when unpacked.
    instructions
        number of pickle instructions; a forest of 1,000 trees has about 100,000.
    """

    bytes: int = 2**30
    instructions: int = 5_000_000


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model from a file.

    Parameters
    ----------
    estimator
        the object in the file, brought up to date. Not yet known to be a fitted classifier.
    saved_by
        the version of scikit-learn that saved it, `None` when the file does not say.
    warnings
        sentences for the report.
    """

    estimator: Any
    saved_by: str | None
    warnings: tuple[str, ...]


def load_model(path: Path, *, limits: Limits | None = None, looked_at: bool = False) -> Loaded:
    """The model in a `.pkl`, `.pickle`, `.joblib` or `.skops` file.

    Parameters
    ----------
    path
        the file; its name is not looked at.
    limits
        default `Limits()`.
    looked_at
        whether the model is looked at alone, and may therefore be one that answers nothing: the file may
        hold an estimator of `LOOKED_AT` as the model or the last step of its Pipeline.

    Raises
    ------
    UnsafeModel
        `refused_globals`, with everything that the file asks for and must not have in
        `details["globals"]`; `refused_settings` for a part that is on the list, in a form that
        reads files or calls functions; or `refused_instructions`.
    UnsupportedModel
        `empty_file`, `not_a_model`, `unreadable`, `future_version`, `version_too_old`,
        `lz4_not_installed`, `xgboost_not_installed` and so on; what the models of such libraries
        deserve.
    LimitExceeded
        `model_too_large`, `too_many_instructions`.
    """
    bounds = limits or Limits()
    data = content_of(path, limit=bounds.bytes)
    if data.startswith(ARCHIVE_SIGN) and recognise(data) is SKOPS:
        model, versions = load_skops(data, limit=bounds.bytes)
        return _finished(lambda: model, versions)
    data = decompress(data, limit=bounds.bytes)
    # before a byte of it is taken for an instruction: `P`, say, is one
    _refuse_other_formats(data)
    also = LOOKED_AT_CLASSES if looked_at else frozenset[Pair]()
    scan, fetched = _scan(data, bounds, also)
    construction = Construction(Budget(bounds.instructions), also)
    machine = VirtualMachine(io.BytesIO(data), construction, construction.budget, fetched)
    return _finished(machine.run, frozenset(scan.versions))


def _refuse_other_formats(data: bytes) -> None:
    """Refuse, by its name, a file that is of another format by its bytes.

    Raises
    ------
    UnsupportedModel
        `not_a_model`.
    """
    match recognise(data):
        case Format(words=words) as found if found not in (PICKLE, SKOPS):
            raise not_read(f"{words}, compressed twice", "Send it as it was before it was compressed.")
        case Unread(words=words, way_in=way_in):
            raise not_read(words, way_in)


def _scan(data: bytes, limits: Limits, also: frozenset[Pair]) -> tuple[Scanner, frozenset[int]]:
    """What a file asks for, and which places in its memo it fetches."""
    scan = Scanner(Budget(limits.instructions), also)
    machine = VirtualMachine(io.BytesIO(data), scan, scan.budget)
    failure: Exception | None = None
    try:
        machine.run()
    except LeakgaugeError:
        raise
    except Exception as error:  # noqa: BLE001 (raised below, unless what was found before weighs more)
        failure = error
    if scan.refused:
        if all(module.startswith("sklearn.") for module, _name in scan.refused):
            _check_versions(scan.versions)  # a later version may have moved its own classes
        raise refused(scan.refused)
    if scan.instructions:
        raise UnsafeModel(
            "refused_instructions",
            "The model file refers to things outside of itself, as PyTorch files and shelves do.",
            hint="Send a fitted scikit-learn model, saved with pickle, joblib or skops.",
            details={"instructions": [*sorted(scan.instructions)]},
        )
    if failure is not None:
        raise unreadable() from failure
    check_installed(scan.libraries)
    return scan, frozenset(machine.fetches)


def _check_versions(versions: Collection[str]) -> str | None:
    """The oldest version in the file.

    Raises
    ------
    UnsupportedModel
        `future_version` for a later minor version than the installed one: what it changed
        is unknown here, and a wrong probability is worse than none. Later patches of the
        same minor version are let through with a warning, since scikit-learn keeps its
        attributes within one. `version_too_old` for what the upgrade does not cover.
    """
    known = sorted((version for version in versions if _minor(version)), key=_numbers)
    if not known:
        return None
    oldest, newest = known[0], known[-1]
    if _numbers(newest)[:2] > _numbers(sklearn.__version__)[:2]:
        raise UnsupportedModel(
            "future_version",
            f"The model was saved by scikit-learn {newest}, and {sklearn.__version__} is installed here.",
            hint=f"Fit and save the model with scikit-learn {sklearn.__version__} or earlier.",
            details={"saved_by": newest, "installed": sklearn.__version__},
        )
    if _numbers(oldest)[:2] < OLDEST_VERSION:
        raise UnsupportedModel(
            "version_too_old",
            f"The model was saved by scikit-learn {oldest}; models of 0.24 and later can be read.",
            hint=f"Fit and save the model with scikit-learn {sklearn.__version__}.",
            details={"saved_by": oldest, "installed": sklearn.__version__},
        )
    return oldest


def _minor(version: str) -> bool:
    return re.match(r"[0-9]{1,4}\.[0-9]{1,4}(\D|$)", version) is not None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"[0-9]{1,9}", version)[:3])


def _finished(make: Callable[[], object], versions: Collection[str]) -> Loaded:
    """The model that is made, brought up to date and checked, with what the report should say about it.

    Raises
    ------
    UnsupportedModel
        `unreadable` where a step fails, and what `_check_versions` raises.
    """
    saved_by = _check_versions(versions)
    installed = sklearn.__version__
    numbers = _numbers(saved_by or installed)
    try:
        model = make()
        kept = forget_training(model)
        upgrade(model, saved_by=(numbers[0], numbers[1]))
        estimators.check(model)
        remarks = (*kept, *guard(model))
    except LeakgaugeError:
        raise
    except Exception as error:  # a file can make any step fail in any way; all of them mean the same
        raise unreadable() from error
    warnings: tuple[str, ...] = ()
    if saved_by is not None and numbers[:2] < _numbers(installed)[:2]:
        warnings = (f"The model was saved by scikit-learn {saved_by} and upgraded in memory to {installed}.",)
    elif saved_by is not None and numbers > _numbers(installed):
        warnings = (
            f"The model was saved by scikit-learn {saved_by}, a little later than {installed} used here.",
        )
    return Loaded(estimator=model, saved_by=saved_by, warnings=(*warnings, *remarks))


def unreadable() -> UnsupportedModel:
    """The error for a file whose parts do not hold together, in whatever way."""
    return UnsupportedModel(
        "unreadable",
        "The model file is damaged, or its parts contradict each other.",
        hint="Save the model again with pickle or joblib and send the whole file.",
    )
