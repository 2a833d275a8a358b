"""What a model file holds of a table: of the members of a bundle, or of one that comes beside the file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.base import BaseEstimator

from leakgauge.attacks.running import unless_it_breaks_off
from leakgauge.bundle import BundledFile, Limits, MembershipBundle
from leakgauge.errors import UnsupportedModel
from leakgauge.membership.inputs import Inputs
from leakgauge.model_contents.find import TrainingTable, contents_of
from leakgauge.model_contents.rebuilt import with_rebuilt
from leakgauge.parameters import MembershipParameters
from leakgauge.progress import Progress, Share
from leakgauge.report.model import ModelContents, Notice
from leakgauge.tables import read_table
from leakgauge.tables.columns import Columns, columns_of, named_label, typed_features
from leakgauge.tables.numeric_labels import labels_of
from leakgauge.targets.formats import PICKLE, format_of
from leakgauge.targets.protocol import TableTarget
from leakgauge.targets.sklearn.model_graph import reads_documents
from leakgauge.targets.sklearn.reading import load_model
from leakgauge.targets.sklearn.target import SklearnTarget

_SKLEARN = PICKLE.loaders["tables"]
"""What opens files of scikit-learn's models, whatever they do."""


def contents_of_members(
    inputs: Inputs,
    progress: Progress,
    notices: list[Notice],
    *,
    seconds_to_rebuild: float,
    seed: int,
) -> ModelContents | None:
    """What the model of an audit holds of the members; None where there is no file to look into.

    Parameters
    ----------
    notices
        to which is added why nothing was compared, where the comparison broke off.
    seconds_to_rebuild
        how long it may be tried to rebuild the table from trees; 0 for not at all.
    """
    model = inputs.target.estimator
    if inputs.members is None or not isinstance(model, BaseEstimator):
        return None

    def not_compared(reason: str) -> None:
        notices.append(Notice("file_not_compared", f"The file was not compared with the members. {reason}"))

    found = unless_it_breaks_off(lambda: contents_of(model, inputs.members, progress), instead=not_compared)
    if found is None or seconds_to_rebuild <= 0.0:
        return found
    return with_rebuilt(found, model, inputs.members, progress, seconds=seconds_to_rebuild, seed=seed)


def contents_of_bundle(
    bundle: MembershipBundle, parameters: MembershipParameters, progress: Progress, *, include_values: bool
) -> ModelContents:
    """What the model in a bundle holds of its members; errors as `contents_of_file`."""
    if bundle.model is None:
        raise ValueError("the bundle has no model")
    return contents_of_file(
        bundle.model.path,
        bundle.members,
        parameters,
        progress,
        limits=bundle.limits,
        include_values=include_values,
    )


def contents_of_file(
    model: Path,
    table: BundledFile | None,
    parameters: MembershipParameters,
    progress: Progress,
    *,
    limits: Limits,
    include_values: bool,
) -> ModelContents:
    """What a model file holds of a table; without one, what it is known to hold of the one it was fitted on.

    Raises
    ------
    UnsupportedModel
        `contents_unread` for a file of another kind than scikit-learn's and boosting libraries'.
    LeakgaugeError
        for a file or a table that cannot be read, and a table that does not fit the model.
    """
    progress.report("opening the model", 0.0)
    opened = _opened(model)
    records = None
    if table is not None:
        progress.report("reading the records", 0.1)
        records = opened.records(table, parameters, limits)
    found = contents_of(opened.estimator, records, Share(progress, 0.1, 0.3), include_values=include_values)
    return with_rebuilt(found, opened.estimator, records, Share(progress, 0.3, 1.0), seed=parameters.seed)


@dataclass(frozen=True, slots=True)
class _Opened:
    """A model file that was opened: its estimator, and the target that it is where it predicts something."""

    estimator: Any
    target: TableTarget | None

    def records(self, file: BundledFile, parameters: MembershipParameters, limits: Limits) -> TrainingTable:
        """The table as the model takes it."""
        names = None if self.target is None else self.target.feature_names
        table = read_table(
            file.path,
            name=file.name,
            limits=limits,
            header=parameters.header,
            expected=(*(names or ()), *named_label(parameters)),
        )
        if self.target is None:
            return TrainingTable(_as_fitted(self.estimator, table.frame))
        features = _features_alone(table.frame, self.target)
        columns = (
            columns_of([table], parameters, self.target, [])
            if features is None
            else Columns(features, None, None)
        )
        known = self.target.input_columns(len(columns.features))
        (typed,) = typed_features([table], columns, self.target, known, [])
        y = None if features else labels_of(self.target).read(table, columns.label)
        return TrainingTable(self.target.as_input(typed), y)


def _features_alone(frame: pd.DataFrame, target: TableTarget) -> tuple[Any, ...] | None:
    """The columns of a table that has the model's features and no label; None for any other."""
    columns, names = list(frame.columns), target.feature_names
    if names is not None and set(columns) & set(names):
        return tuple(names) if set(columns) == set(names) else None
    return tuple(columns) if len(columns) == target.n_features else None


def _opened(model: Path) -> _Opened:
    """The model in a file, whether or not it predicts something."""
    row = format_of(model, "tables")
    if row.loaders.get("tables") != _SKLEARN:
        target: TableTarget = row.load("tables", model)
        if not isinstance(target.estimator, BaseEstimator):
            raise UnsupportedModel(
                "contents_unread",
                f"The model file is {row.words}, of which no list says what it keeps.",
                hint="The contents of scikit-learn, XGBoost, LightGBM and CatBoost files are read.",
            )
        return _Opened(target.estimator, target)
    loaded = load_model(model, looked_at=True).estimator
    try:
        return _Opened(loaded, SklearnTarget(loaded))
    except UnsupportedModel:
        # clusters, densities, transformers: they keep records as well, and predict nothing
        return _Opened(loaded, None)


def _as_fitted(estimator: Any, frame: pd.DataFrame) -> Any:
    """The rows as an estimator that predicts nothing was fitted on them."""
    if reads_documents(estimator):
        return frame.iloc[:, 0].astype(str).to_numpy(dtype=object)
    names = getattr(estimator, "feature_names_in_", None)
    if names is not None and set(names) <= set(frame.columns):
        return frame[list(names)]
    width = getattr(estimator, "n_features_in_", frame.shape[1])
    numbers = frame.iloc[:, :width].apply(pd.to_numeric, errors="coerce")
    return numbers.to_numpy() if bool(numbers.notna().any().all()) else frame.iloc[:, :width]
