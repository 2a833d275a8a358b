"""From tables of answers to a target and a pool: the audit of a model that nobody sends.

Records stand in the order of their tables. Nothing of them is known but what the model said, so copies
cannot be told from records that are answered alike, and both stay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leakgauge.bundle import AnswersBundle
from leakgauge.defences.output import (
    DefendedTarget,
    Setting,
    check_suits_numbers,
    defended_notice,
    not_undone,
    settings_of,
)
from leakgauge.errors import BadBundle, BadParameters
from leakgauge.membership.answer_tables import AnswerTable, answers_in, columns_of_answers
from leakgauge.membership.given_references import (
    Audited,
    GivenReferences,
    ReferenceModel,
    places_of,
    read_reference_models,
    reference_models_from,
)
from leakgauge.membership.inputs import Inputs, check_size
from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.membership.pooling import Side, check_groups, sampled
from leakgauge.parameters import AnswersInMemoryParameters, AnswersParameters
from leakgauge.report.model import Notice
from leakgauge.tables import Table, read_tables
from leakgauge.tables.records_in_memory import labels_in, sha256_of
from leakgauge.targets.answers import AnswersTarget, PredictionsTarget
from leakgauge.targets.in_memory import classes_in_order
from leakgauge.targets.protocol import IntArray, ModelTarget

_ANSWERS_ALONE: Final = Notice(
    "answers_alone",
    "The source of this report is a table of answers, not a model. Nothing else could be asked and nothing "
    "trained: attacks on the model file and on changed copies of records are not applicable, no change to "
    "the model was tried, and whether members and non-members come from one source could be looked at by "
    "their labels alone. That the answers are those of the model is taken from whoever sent them.",
)


def read_answers(bundle: AnswersBundle, parameters: AnswersParameters) -> Inputs:
    """Read the tables of answers of a bundle, and of reference models where there are some.

    Raises
    ------
    LeakgaugeError
        for whatever does not fit, with file, line and column.
    """
    asked_for = settings_of(parameters.defences)
    files = (bundle.members, bundle.non_members)
    tables = read_tables(
        [file.path for file in files],
        names=[file.name for file in files],
        limits=bundle.limits,
        header=parameters.header,
        expected=(parameters.label_column or "label",),
    )

    def referenced(target: Audited) -> list[ReferenceModel]:
        return read_reference_models(bundle.reference_answers, limits=bundle.limits, target=target)

    return _inputs(tables, parameters, asked_for, referenced)


@dataclass(frozen=True, slots=True)
class GivenAnswers:
    """Answers in the caller's memory.

    Attributes
    ----------
    members, non_members
        (answers, labels): (n, k) probabilities, or (n,) predicted labels or numbers, and (n,) true labels.
    reference_answers
        for each reference model (n, k) probabilities, or (n,) predicted numbers, of members and then of
        non-members, and (n,) which of them it was trained on.
    classes
        (k,) the labels in the order of the columns; None for those of the members, sorted.
    """

    members: tuple[Any, Any]
    non_members: tuple[Any, Any]
    reference_answers: Sequence[tuple[Any, Any]] = ()
    classes: Sequence[Any] | None = None

    @property
    def sha256(self) -> dict[str, str]:
        """Digests of the answers with their labels, and of each reference model's with its marks."""
        named = {"answers_train, y_train": self.members, "answers_test, y_test": self.non_members}
        named |= {f"reference_answers[{place}]": pair for place, pair in enumerate(self.reference_answers)}
        return {name: sha256_of(*map(_cells, pair)) for name, pair in named.items()}

    @property
    def columns(self) -> list[str]:
        """What the columns of an array are called, after the classes.

        Raises
        ------
        BadBundle, BadParameters
            where their order is not known.
        """
        labels = labels_in(self.members[1], "y_train").dropna().tolist()
        return [str(label) for label in classes_in_order(labels, self.classes).tolist()]


def take_answers(source: GivenAnswers, parameters: AnswersInMemoryParameters) -> Inputs:
    """Answers in memory, as `read_answers` reads them.

    Raises
    ------
    LeakgaugeError
        for whatever does not fit.
    """
    asked_for = settings_of(parameters.defences)
    tables = (
        _table(("answers_train", "y_train"), source.members, source),
        _table(("answers_test", "y_test"), source.non_members, source),
    )

    def referenced(target: Audited) -> list[ReferenceModel]:
        return reference_models_from(source.reference_answers, target=target)

    return _inputs(tables, parameters, asked_for, referenced)


def _inputs(
    tables: Sequence[Table],
    parameters: AnswersParameters,
    asked_for: Sequence[Setting],
    referenced: Callable[[Audited], list[ReferenceModel]],
) -> Inputs:
    """The pool of all answers, with what reference models say of it."""
    notices = [_ANSWERS_ALONE, *defended_notice(asked_for)]
    for table in tables:
        check_size(table.name, len(table.frame))
        notices += [Notice("table", f"{table.name}: {text}") for text in table.warnings]
    columns = columns_of_answers(
        tables, label_column=parameters.label_column, group_column=parameters.group_column
    )
    sides = [answers_in(table, columns) for table in tables]
    pool = _pool(sides, parameters, notices)
    if columns.are_numbers:
        check_suits_numbers(asked_for)
    defences = not_undone(asked_for)
    answers: ModelTarget = (
        PredictionsTarget()
        if columns.are_numbers
        else AnswersTarget(columns.classes, has_probabilities=bool(columns.of_classes))
    )
    target = SharedAnswers(DefendedTarget(answers, defences) if defences else answers, pool)
    audited = Audited(
        columns.classes, np.concatenate([side.y for side in sides]), defences, target.error_scale
    )
    places = places_of(pool.row, pool.member, len(sides[0].y))
    return Inputs(
        target=target,
        pool=pool,
        features=0,
        notices=tuple(notices),
        defences=defences,
        references=GivenReferences([model.at(places) for model in referenced(audited)]),
    )


def _pool(sides: Sequence[AnswerTable], parameters: AnswersParameters, notices: list[Notice]) -> Pool:
    kept: list[IntArray] = []
    for side in sides:
        whole = Side(side.table, side.table.frame, side.y, side.group)
        kept.append(sampled(whole, np.arange(len(side.y)), parameters, notices))
    group = None
    if sides[0].group is not None and sides[1].group is not None:
        group = np.concatenate([sides[0].group[kept[0]], sides[1].group[kept[1]]])
        check_groups(group)
    return Pool(
        x=np.concatenate([side.answers[rows] for side, rows in zip(sides, kept, strict=True)]),
        y=np.concatenate([side.y[rows] for side, rows in zip(sides, kept, strict=True)]),
        member=np.repeat([True, False], [len(rows) for rows in kept]),
        row=np.concatenate(kept) + 1,
        group=group,
        answers_only=True,
    )


def _table(names: tuple[str, str], side: tuple[Any, Any], source: GivenAnswers) -> Table:
    """A table as a file would hold it."""
    (name, y_name), (answers, labels) = names, side
    y = labels_in(labels, y_name)
    if isinstance(answers, pd.DataFrame):
        frame = answers.reset_index(drop=True).rename(columns=str)
    else:
        array = np.asarray(answers)
        if array.ndim == 2 and array.shape[1] == 1 and pd.to_numeric(y, errors="coerce").notna().all():
            array = array[:, 0]  # as networks give their numbers
        if array.ndim == 1:
            frame = pd.DataFrame({"predicted": array.tolist()}, dtype=object)
        else:
            frame = pd.DataFrame(array, columns=_fitting(source.columns, name, array))
    if len(frame) != len(y):
        raise BadBundle(
            "lengths_differ",
            f"{name} has {len(frame):,} records and {len(y):,} labels.",
            hint="Pass one label for each record, in the same order.",
        )
    return Table(name, frame.assign(label=y), has_header=True, warnings=(), lines=None)


def _fitting(classes: list[str], name: str, array: NDArray[Any]) -> list[str]:
    if array.ndim != 2 or array.shape[1] != len(classes):
        raise BadParameters.about(
            "classes",
            f"{len(classes)} labels for answers of shape {array.shape}",
            problem="classes_do_not_fit",
            message=f"{name} has shape {array.shape}, and there are {len(classes)} labels.",
            hint="Pass one probability for each class, or predicted labels; name all labels in the order of "
            "the columns: classes=[...]. Without that they are those of y_train, sorted.",
        )
    return classes


def _cells(part: Any) -> pd.DataFrame:
    array = np.asarray(part)
    return pd.DataFrame(array.reshape(len(array), -1))
