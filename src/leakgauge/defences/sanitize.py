"""Sanitising a model file: what the attacks on model files read goes, every answer stays.

file ─▶ open safely ─▶ strip ─▶ pickle ─▶ open again ─▶ same answers? ─▶ bytes
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.model_selection._search import BaseSearchCV

from leakgauge.defences.comparison import same_answers
from leakgauge.defences.strip import remaining, strip
from leakgauge.errors import AuditFailed, UnsupportedModel
from leakgauge.progress import Progress
from leakgauge.targets.formats import format_of
from leakgauge.targets.sklearn import old_versions
from leakgauge.targets.sklearn.booster_files import booster_content
from leakgauge.targets.sklearn.model_graph import parts_of, type_name
from leakgauge.targets.sklearn.reading import load_model


@dataclass(frozen=True, slots=True)
class Sanitized:
    """A model without what it need not tell.

    Attributes
    ----------
    content
        the model's file: a pickle, which joblib reads too, or the format that it came in.
    removed
        what was taken out, in words.
    remaining
        sentences on what it still leaks.
    """

    content: bytes
    removed: tuple[str, ...]
    remaining: tuple[str, ...]


def sanitize(source: Path, scratch: Path, progress: Progress) -> Sanitized:
    """The sanitised form of a model file.

    Parameters
    ----------
    source
        a scikit-learn model file; it is opened as untrusted.
    scratch
        an empty folder to put the new file into for opening it again.

    Raises
    ------
    LeakgaugeError
        what `load_model` raises for a file that cannot be read;
        `UnsupportedModel.nothing_to_strip` for a model of which answers need all, with what it keeps;
        `UnsupportedModel.saved_by_earlier_version` for one that answers differently under the
        installed scikit-learn; `AuditFailed.answers_changed` rather than a changed model.
    """
    progress.report("opening the model", 0.0)
    loaded: object = load_model(source).estimator
    model = _best_of(loaded)
    searched = () if model is loaded else ("the search that found the model, with its results",)
    _refuse_stand_ins(model)
    progress.report("stripping", 0.3)
    stripped = strip(model)
    if not stripped:
        raise _nothing_to_strip(model)
    pickled = pickle.dumps(model, protocol=5)
    progress.report("comparing the answers", 0.6)
    again = scratch / "sanitized.pkl"
    again.write_bytes(pickled)
    if not same_answers(_best_of(load_model(source).estimator), load_model(again).estimator):
        raise _answers_changed()
    return Sanitized(pickled, (*searched, *stripped), remaining(model))


def sanitize_booster(source: Path, scratch: Path, progress: Progress) -> Sanitized:
    """The sanitised form of a file in a boosting library's own format, in the same format.

    Parameters, and errors raised, as in `sanitize`.
    """
    row = format_of(source, "tables")
    progress.report("opening the model", 0.0)
    model = row.load("tables", source).estimator
    progress.report("stripping", 0.3)
    stripped = strip(model)
    content = model.file_like(booster_content(source))
    progress.report("comparing the answers", 0.6)
    again = scratch / "sanitized"
    again.write_bytes(content)
    if not same_answers(row.load("tables", source).estimator, row.load("tables", again).estimator):
        raise _answers_changed()
    return Sanitized(content, stripped, remaining(model))


def _nothing_to_strip(model: Any) -> UnsupportedModel:
    stays = remaining(model)
    return UnsupportedModel(
        "nothing_to_strip",
        f"{_named(model)} has nothing that could be taken out of its file without a change to its answers."
        + "".join(f" {sentence}" for sentence in stays),
        hint="Do not release the file; `leakgauge contents` says what it holds."
        if stays
        else "Audit it as it is; to lower its leak, regularise it and fit it anew.",
    )


def _answers_changed() -> AuditFailed:
    return AuditFailed(
        "answers_changed",
        "The stripped model would not answer exactly as before, so it was not written.",
        hint="Report it as a fault; the model file is untouched.",
    )


def _best_of(model: Any) -> Any:
    """The model that a search found; a search in a search, and so on, is looked through."""
    while isinstance(model, BaseSearchCV) and "best_estimator_" in vars(model):
        model = model.best_estimator_
    return model


def _named(model: Any) -> str:
    return f"A {type_name(model)}" if isinstance(model, BaseEstimator) else "What the file holds"


def _refuse_stand_ins(model: Any) -> None:
    """Refuse models of earlier versions that answer through a class of this package."""
    for part in parts_of(model):
        if type(part).__module__ == old_versions.__name__:
            raise UnsupportedModel(
                "saved_by_earlier_version",
                "The model was saved by an earlier scikit-learn and would answer differently if saved anew.",
                hint="Fit it with the installed scikit-learn, save it, and sanitise that file.",
            )
