"""From a bundle's files to a target and a pool that fit each other.

Every way in which model and tables may fail to fit has its own error, which
names file, line and column, never a value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leakgauge.bundle import MembershipBundle
from leakgauge.defences.output import DefendedTarget, Setting, defended_notice, not_undone, settings_of
from leakgauge.errors import BadBundle, BadParameters, InputError, UnsupportedModel
from leakgauge.membership.column_types import typed
from leakgauge.membership.label_column import DEFAULT_LABEL, Candidates, Fit, is_index
from leakgauge.membership.labels import known_labels, named, positions_of
from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.membership.tables import Table, read_pair
from leakgauge.membership.tables.inference import has_thousands_separators, inferred
from leakgauge.parameters import MembershipParameters
from leakgauge.randomness import generator_for
from leakgauge.report.model import Notice
from leakgauge.targets.answer_forms import DecisionScores
from leakgauge.targets.input_columns import InputColumns
from leakgauge.targets.protocol import IntArray, Target
from leakgauge.targets.sklearn_pickle import load_model
from leakgauge.targets.sklearn_target import SklearnTarget

LEAST_RECORDS = 20
"""Members, and as many subjects, below which no figure means anything."""
LOOKED_AT = 1_000
"""Members, spread over their table, that the model is asked about to find the label."""
MOST_GROUPS = 100
NAMED_AT_MOST = 5


@dataclass(frozen=True, slots=True)
class Inputs:
    """The target, asked about the pool already, and what a reader must know of both.

    Attributes
    ----------
    features:
        columns of a table, or pixels and channels of a picture.
    versions_of:
        packages, besides those of every audit, that the answers were computed with.
    """

    target: SharedAnswers
    pool: Pool
    model_type: str
    features: int
    notices: tuple[Notice, ...]
    defences: tuple[Setting, ...] = ()
    versions_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of a table play which role, by name or, in a file without header, by number."""

    features: tuple[object, ...]
    label: object
    group: object | None


def read_inputs(bundle: MembershipBundle, parameters: MembershipParameters) -> Inputs:
    """Open the model, read the tables, fit one to the other, and ask the model about every record.

    Raises
    ------
    LeakgaugeError
        for whatever does not fit, with file, line and column.
    """
    asked_for = settings_of(parameters.defences)
    defences = not_undone(asked_for)
    loaded = load_model(bundle.model.path)
    target = SklearnTarget(loaded.estimator)
    told = (*loaded.warnings, *target.remarks)
    notices = [*defended_notice(asked_for), *(Notice("model_file", text) for text in told)]
    tables = read_pair(
        bundle.members.path,
        bundle.subjects.path,
        names=(bundle.members.name, bundle.subjects.name),
        limits=bundle.limits,
        header=parameters.header,
        expected=(*(target.feature_names or ()), *_named_label(parameters)),
    )
    for table in tables:
        _check_size(table)
        notices += [Notice("table", f"{table.name}: {text}") for text in table.warnings]

    columns = _columns(tables, parameters, target, notices)
    _check_same_columns(*tables, columns)
    known = target.input_columns(len(columns.features))
    features = _features(tables, columns, target, known, notices)
    sides = (
        _Side.of(tables[0], features[0], columns, target.classes),
        _Side.of(tables[1], features[1], columns, target.classes),
    )
    pool = _pool(sides, target, known, parameters, notices)
    target = target.reading_scores(pool.x, pool.y)
    notices += _scores_notice(target, defences)
    return Inputs(
        target=_ask(DefendedTarget(target, defences) if defences else target, pool, sides),
        pool=pool,
        model_type=target.type_name,
        features=len(columns.features),
        notices=tuple(notices),
        defences=defences,
    )


@dataclass(frozen=True, slots=True)
class _Side:
    """One table taken apart: features (n, d), labels as positions (n,), groups (n,) or None."""

    table: Table
    features: pd.DataFrame
    y: IntArray
    group: NDArray[np.str_] | None

    @classmethod
    def of(cls, table: Table, features: pd.DataFrame, columns: Columns, classes: NDArray[Any]) -> _Side:
        group = None
        if columns.group is not None:
            group = table.frame[columns.group].fillna("(missing)").astype(str).to_numpy(dtype=np.str_)
        return cls(table, features, positions_of(table, columns.label, classes), group)


def _check_size(table: Table) -> None:
    if len(table.frame) < LEAST_RECORDS:
        raise BadBundle(
            "too_few_records",
            f"{table.name} has {len(table.frame)} records; it takes {LEAST_RECORDS} to say anything.",
            hint="Send as many members and subjects as you can; from some hundreds of each the figures "
            "become useful.",
        )


def _columns(
    tables: tuple[Table, Table],
    parameters: MembershipParameters,
    target: SklearnTarget,
    notices: list[Notice],
) -> Columns:
    """Decide which column is what, from the table of members."""
    members = tables[0]
    columns: list[Any] = list(members.frame.columns)
    wanted = target.feature_names
    label = _column_named(members, parameters.label_column, "label_column")
    group = _column_named(members, parameters.group_column, "group_column")
    if members.has_header and wanted is not None:
        missing = [name for name in wanted if name not in columns]
        if missing:
            _refuse_missing(missing, columns, members.name)
        extra = [name for name in columns if name not in (*wanted, label, group)]
        if label is None:
            possible = [name for name in extra if not is_index(members.frame[name], name)]
            label = _label_among(possible, tables, target, notices)
            extra.remove(label)
        if extra:
            notices.append(Notice("unused_columns", f"Not used by the model and left out: {_list(extra)}."))
        return Columns(tuple(wanted), label, group)

    expected = target.n_features
    spare = None if expected is None else len(columns) - expected - 1
    if spare == 1:
        if group is not None and group != label:
            columns.remove(group)
        elif columns[0] != label and is_index(members.frame[columns[0]], columns[0]):
            notices.append(
                Notice(
                    "index_column",
                    f"The first column counts the rows and was left out: {named(columns[0])}.",
                )
            )
            columns.pop(0)
    if expected is not None and len(columns) != expected + 1:
        raise BadBundle(
            "columns_do_not_fit",
            f"The model takes {expected} features, and {members.name} has {len(columns)} columns for them "
            "and the label.",
            hint="Send the very columns that the model was trained on, in the same order, and the label; "
            "set label_column in parameters.json if the label is not called “label”.",
        )
    if label is None:

        def fit(candidate: Any) -> float:
            features = tuple(name for name in columns if name != candidate)
            return _share_right(tables, Columns(features, candidate, None), target)

        label = _label_among(columns, tables, target, notices, fit=fit)
    return Columns(tuple(name for name in columns if name != label), label, group)


def _features(
    tables: tuple[Table, Table],
    columns: Columns,
    target: SklearnTarget,
    known: InputColumns,
    notices: list[Notice],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Features of both tables in the types and by the names that the model knows."""
    both = typed(tables, columns.features, known, notices)
    if target.feature_names is not None:
        for features in both:
            features.columns = pd.Index(target.feature_names)  # a file without header has only places
    return both


def _label_among(
    possible: Sequence[Any],
    tables: tuple[Table, Table],
    target: SklearnTarget,
    notices: list[Notice],
    *,
    fit: Fit | None = None,
) -> Any:
    if not possible:
        raise BadBundle(
            "no_label_column",
            f"Every column of {tables[0].name} is a feature of the model, so none is left for the label.",
            hint="Add the column with the true labels, and name it “label”.",
        )
    return Candidates(tables, possible, target.classes).chosen(notices, fit=fit)


def _share_right(tables: tuple[Table, Table], columns: Columns, target: SklearnTarget) -> float:
    """Mean over the classes of the share of members that the model gets right; 0 where it cannot answer."""
    try:
        _check_same_columns(*tables, columns)
        known = target.input_columns(len(columns.features))
        features, _ = _features(tables, columns, target, known, [])
        labels = tables[0].frame[columns.label]
        found = labels.map(known_labels(labels, target.classes), na_action="ignore").fillna(-1)
        y = found.to_numpy(dtype=np.int64)
        known_ones = np.flatnonzero(y >= 0)
        looked_at = known_ones[:: -(-len(known_ones) // LOOKED_AT)]
        right = target.labels(target.as_input(features.iloc[looked_at])) == y[looked_at]
    except InputError:
        return 0.0
    counts = np.bincount(y[looked_at])
    shares = np.bincount(y[looked_at], weights=right)[counts > 0] / counts[counts > 0]
    return float(shares.mean())


def _named_label(parameters: MembershipParameters) -> tuple[str, ...]:
    """The label's name as a header would hold it; none where the parameter counts columns."""
    name = parameters.label_column or DEFAULT_LABEL
    return () if name.isdecimal() else (name,)


def _column_named(table: Table, name: str | None, parameter: str) -> object | None:
    """The column that a parameter names, by name or, in a file without header, by position from 0."""
    if name is None:
        return None
    columns = list(table.frame.columns)
    if name in columns:
        return name
    if not table.has_header and name.isdecimal() and int(name) < len(columns):
        return int(name)
    close = get_close_matches(name, [str(column) for column in columns], n=1)
    raise BadParameters.about(
        parameter,
        f"no column called “{name}”",
        problem="unknown_column",
        message=f"{table.name} has no column called “{name}”, which {parameter} asks for.",
        hint=f"Did you mean “{close[0]}”?" if close else f"Its columns are {_list(columns)}.",
    )


def _check_same_columns(members: Table, subjects: Table, columns: Columns) -> None:
    needed = [*columns.features, columns.label, *([columns.group] if columns.group is not None else [])]
    present = list(subjects.frame.columns)
    if not subjects.has_header and len(present) != len(members.frame.columns):
        raise BadBundle(
            "columns_differ",
            f"{members.name} has {len(members.frame.columns)} columns, {subjects.name} has {len(present)}.",
            hint="Both tables need the same columns in the same order.",
        )
    missing = [name for name in needed if name not in present]
    if missing:
        _refuse_missing(missing, present, subjects.name)


def _refuse_missing(missing: list[Any], present: list[Any], table: str) -> NoReturn:
    hints = []
    for name in missing[:NAMED_AT_MOST]:
        close = get_close_matches(str(name), [str(column) for column in present], n=1)
        if close:
            hints.append(f"“{close[0]}” may be meant for “{name}”")
    raise BadBundle(
        "missing_columns",
        f"{table} lacks {len(missing)} of the columns that the model needs: {_list(missing)}.",
        hint=("; ".join(hints) + ". " if hints else "")
        + "Send the very columns that the model was trained on, and the label.",
    )


def _pool(
    sides: tuple[_Side, _Side],
    target: SklearnTarget,
    known: InputColumns,
    parameters: MembershipParameters,
    notices: list[Notice],
) -> Pool:
    """Both tables together, without the records that stand in both, cut to size.

    Records stand in the order of a digest of what they hold, so that a table whose rows are
    shuffled gives the same report.
    """
    members, subjects = sides
    digests = _digests(members, subjects)
    in_both = (np.isin(digests[0], digests[1]), np.isin(digests[1], digests[0]))
    kept: list[IntArray] = []
    for side, digest, shared in zip(sides, digests, in_both, strict=True):
        order = np.argsort(digest, kind="stable") if side.group is None else np.lexsort((side.group, digest))
        left = order[~shared[order]]
        if len(left) < LEAST_RECORDS:
            raise BadBundle(
                "members_among_subjects",
                f"{int(shared.sum()):,} of the {len(shared):,} records of {side.table.name} stand in the "
                "other table too, with the same label.",
                hint="Subjects must be records that the model was not trained on.",
            )
        most = parameters.max_records // 2
        if len(left) > most:
            rng = generator_for(parameters.seed, f"sample of {side.table.name}")
            notices.append(
                Notice(
                    "sampled",
                    f"{side.table.name}: {most:,} of {len(left):,} records were drawn at random; raise "
                    "max_records to use more.",
                )
            )
            left = left[np.sort(rng.choice(len(left), most, replace=False))]
        kept.append(left)
    if in_both[0].any():
        rows = ", ".join(str(row + 1) for row in np.flatnonzero(in_both[0])[:NAMED_AT_MOST])
        more = ", …" if in_both[0].sum() > NAMED_AT_MOST else ""
        notices.append(
            Notice(
                "records_in_both_tables",
                f"{int(in_both[0].sum()):,} records of {members.table.name} and {int(in_both[1].sum()):,} of "
                f"{subjects.table.name} stand in both tables and were left out of both (rows {rows}{more} of "
                f"{members.table.name}).",
            )
        )
    features = pd.concat(
        [side.features.iloc[rows] for side, rows in zip(sides, kept, strict=True)], ignore_index=True
    )
    group = None
    if members.group is not None and subjects.group is not None:
        group = np.concatenate([members.group[kept[0]], subjects.group[kept[1]]])
        _check_groups(group)
    return Pool(
        x=target.as_input(features),
        y=np.concatenate([side.y[rows] for side, rows in zip(sides, kept, strict=True)]),
        member=np.repeat([True, False], [len(kept[0]), len(kept[1])]),
        row=np.concatenate(kept) + 1,
        group=group,
        is_read=np.array([column.is_read for column in known.columns], dtype=np.bool_),
    )


def _digests(members: _Side, subjects: _Side) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """(n,) for each table: a number that records of the same features and label share."""
    both = pd.concat([members.features, subjects.features], ignore_index=True)
    for position in range(both.shape[1]):
        if not pd.api.types.is_numeric_dtype(both.dtypes.iloc[position]):
            both.isetitem(position, both.iloc[:, position].astype(object).astype(str).to_numpy(dtype=object))
    digest = pd.util.hash_pandas_object(both, index=False).to_numpy()
    # odd multiplier: mixes the label in without folding two labels onto one digest
    keys = digest + np.concatenate([members.y, subjects.y]).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    first, second = np.split(keys, [len(members.y)])
    return first, second


def _check_groups(group: NDArray[np.str_]) -> None:
    count = len(np.unique(group))
    if count > MOST_GROUPS:
        raise BadParameters.about(
            "group_column",
            f"{count:,} different values",
            problem="too_many_groups",
            message=f"The column that group_column names has {count:,} different values.",
            hint=f"Choose a column with at most {MOST_GROUPS}, such as an age band or a region.",
        )


def _ask(target: Target, pool: Pool, sides: tuple[_Side, _Side]) -> SharedAnswers:
    """The target with its answers about the whole pool, or an error that says why it cannot answer."""
    answers = SharedAnswers(target, pool)
    try:
        answers.labels(pool.x)
        if target.has_probabilities:
            answers.probabilities(pool.x)
    except UnsupportedModel as refusal:
        if refusal.problem == "prediction_failed":
            _blame_a_cell(refusal, sides)
        raise
    answers.queries = 0
    return answers


def _scores_notice(target: SklearnTarget, defences: Sequence[Setting]) -> list[Notice]:
    if not isinstance(target.form, DecisionScores):
        return []
    message = (
        f"A {target.type_name} gives decision scores, not probabilities: how far a record lies from a "
        "boundary, not how likely a class is. Attacks read them as "
        f"softmax(score / {target.form.scale:.3g}), the scale at which they fit these records' labels best."
    )
    if defences:
        message += " The output defences change that softmax, as a service would answer with it."
    return [Notice("decision_scores", message)]


def _blame_a_cell(refusal: UnsupportedModel, sides: tuple[_Side, _Side]) -> None:
    """Raise an error about the first cell that can be why the model could not answer, if there is one."""
    for suspicion in SUSPICIONS:
        for side in sides:
            for name in side.features.columns:
                bad = suspicion.cells(side.features[name], side.table.decimal).to_numpy()
                if bad.any():
                    row = int(np.argmax(bad))
                    others = int(bad.sum()) - 1
                    more = f", as do {others:,} more" if others else ""
                    raise BadBundle(
                        suspicion.problem,
                        f"The model cannot take column {named(name)} of {side.table.name}: "
                        f"{side.table.place(row)} holds {suspicion.what}{more}.",
                        hint=_header_hint(side.table, row, others) + suspicion.hint,
                    ) from refusal


def _header_hint(table: Table, row: int, others: int) -> str:
    """What to do where only the very first record of a file without header is not like the rest."""
    if table.has_header or row or others:
        return ""
    return 'If the first line names the columns, set "header": true in parameters.json. '


def _has_thousands_separators(column: pd.Series[Any], decimal: str) -> pd.Series[bool]:
    """Numbers with thousands separators, where nothing else keeps the column from being one of numbers."""
    if pd.api.types.is_numeric_dtype(column):
        return pd.Series(False, index=column.index)
    cells = column.map(str, na_action="ignore")
    separated = cells.map(lambda cell: has_thousands_separators(cell, decimal=decimal), na_action="ignore")
    other = cells[separated != True]  # noqa: E712 -- missing ones are neither
    if pd.api.types.is_numeric_dtype(inferred(other, decimal=decimal)):
        return separated.fillna(False).astype(bool)
    return pd.Series(False, index=column.index)


def _is_text(column: pd.Series[Any], _decimal: str) -> pd.Series[bool]:
    if pd.api.types.is_numeric_dtype(column):
        return pd.Series(False, index=column.index)
    return pd.to_numeric(column, errors="coerce").isna() & column.notna()


def _is_missing(column: pd.Series[Any], _decimal: str) -> pd.Series[bool]:
    return column.isna()


def _is_too_large(column: pd.Series[Any], _decimal: str) -> pd.Series[bool]:
    if not pd.api.types.is_numeric_dtype(column):
        return pd.Series(False, index=column.index)
    return column.abs() > float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True)
class _Suspicion:
    """A kind of cell that many models cannot take, and what its sender can do about it."""

    problem: str
    what: str
    hint: str
    cells: Callable[[pd.Series[Any], str], pd.Series[bool]]


SUSPICIONS = (
    _Suspicion(
        "thousands_separators",
        "a number with thousands separators",
        'Write numbers without them: 52310, not 52,310. In pandas, read_csv(..., thousands=",") does.',
        _has_thousands_separators,
    ),
    _Suspicion(
        "text_in_numbers",
        "text",
        "Encode text as the model was trained on it, or send the whole Pipeline that encodes it.",
        _is_text,
    ),
    _Suspicion(
        "missing_values",
        "no value",
        "Fill it in as in training, or send the whole Pipeline that imputes it.",
        _is_missing,
    ),
    _Suspicion(
        "infinite_values",
        "an infinite or too large number",
        "Replace it as in training.",
        _is_too_large,
    ),
)


def _list(names: Sequence[Any]) -> str:
    shown = ", ".join(named(name) for name in names[:NAMED_AT_MOST])
    return shown if len(names) <= NAMED_AT_MOST else f"{shown} and {len(names) - NAMED_AT_MOST} more"
