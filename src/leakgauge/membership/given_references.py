"""Reference models that were trained elsewhere: what they answered, and who was in their training data.

Where a model cannot be trained again here, its owner may train such models himself, on records as they stand
in the tables, and send a table for each. One that was trained on some of the records in question is a
reference model of the attacker who knows the candidates; one that was trained on none of them, of the
attacker who has other data. The best design are pairs, one on a random half of all records and one on the
other half: then each record has as many models on either side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leakgauge.attacks.row import Unsuited
from leakgauge.bundle import BundledFile, Limits
from leakgauge.defences.output import Setting, changed, changed_numbers
from leakgauge.errors import BadBundle
from leakgauge.membership.answer_tables import PREDICTED, columns_called, predictions_in, probabilities_in
from leakgauge.membership.pool import ReferenceAnswers
from leakgauge.membership.residuals import ErrorScale
from leakgauge.progress import Progress
from leakgauge.report.model import Attacker, Notice
from leakgauge.tables import Table, read_tables
from leakgauge.tables.label_column import DEFAULT_LABEL
from leakgauge.tables.labels import TRUTH, named, places_among
from leakgauge.tables.numeric_labels import numbers_in
from leakgauge.targets.protocol import BoolArray, FloatArray, IntArray, LabelArray

IN_TRAINING: Final = "in_training"
"""The column that says which records a reference model was trained on."""
NONE_SENT: Final = (
    "No reference models to compare with: no answers of any came with the tables (reference_answers/), and "
    "without the model none can be trained here."
)


@dataclass(frozen=True, slots=True, eq=False)
class Audited:
    """What is to be known of the target, to read the answers of models like it.

    Attributes
    ----------
    classes
        (k,) its classes; none of a regressor.
    y
        (n,) positions of the true labels, or the true numbers, of members and then of non-members, as their
        tables have them.
    defences
        its output defences.
    scale
        what a regressor's errors are measured in; None for a classifier.
    """

    classes: NDArray[Any]
    y: LabelArray
    defences: Sequence[Setting] = ()
    scale: ErrorScale | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceModel:
    """What one of them says of `n` records.

    Attributes
    ----------
    name
        for messages.
    in_training
        (n,) which records it was trained on.
    p_y
        (n,) probability that it gives to each true label; of a regressor, that of `ErrorScale.likelihood`.
    right
        (n,) whether that is the first of the largest; of a regressor, whether it comes near.
    """

    name: str
    in_training: BoolArray
    p_y: FloatArray
    right: BoolArray

    @classmethod
    def of(cls, name: str, answers: FloatArray, in_training: BoolArray, target: Audited) -> ReferenceModel:
        """Of (n, k) probabilities or (n, 1) numbers, behind those of the target's defences that repeat."""
        y, scale = target.y, target.scale
        if scale is not None:
            repeatable = [setting for setting in target.defences if setting.defence.repeatable]
            numbers = changed_numbers(answers[:, 0], answers, repeatable)
            return cls(name, in_training, scale.likelihood(numbers, y), scale.right(numbers, y))
        # behind a defence that lets labels alone through, no attack looks at these models
        repeatable = [
            setting
            for setting in target.defences
            if setting.defence.repeatable and setting.defence.gives == "probabilities"
        ]
        seen = changed(answers, answers, repeatable)
        return cls(name, in_training, seen[np.arange(len(y)), y], seen.argmax(axis=1) == y)

    def at(self, places: IntArray) -> ReferenceModel:
        """The same of some of the records, in another order."""
        return ReferenceModel(self.name, self.in_training[places], self.p_y[places], self.right[places])


def read_reference_models(
    files: Sequence[BundledFile], *, limits: Limits, target: Audited
) -> list[ReferenceModel]:
    """The models of `reference_answers/`, each of all members and then all non-members.

    Raises
    ------
    BadBundle
        `lengths_differ`, `no_in_training`, `classes_do_not_fit`, `no_predicted`, `rows_differ`, and errors
        of tables.
    """
    models = []
    for file in files:
        (table,) = read_tables([file.path], names=[file.name], limits=limits, expected=(IN_TRAINING,))
        models.append(_model_in(table, target))
    return models


class GivenReferences:
    """The reference models of one audit, where others trained them; see `ReferenceModels`.

    Parameters
    ----------
    models
        each of the records of the pool, in its order.
    """

    def __init__(self, models: Sequence[ReferenceModel]) -> None:
        self._of: dict[Attacker, list[ReferenceModel]] = {
            "candidates": [model for model in models if model.in_training.any()],
            "population": [model for model in models if not model.in_training.any()],
        }

    def missing_for(self, attacker: Attacker) -> str | None:
        """Why the target was not compared with an attacker's models; None where it was."""
        if not any(self._of.values()):
            return NONE_SENT
        if self._of[attacker]:
            return None
        if attacker == "candidates":
            return "None of the reference models whose answers were sent was trained on a record in question."
        return (
            "Every reference model whose answers were sent was trained on some of these records, and this "
            "attacker has none of them to train on."
        )

    @property
    def accuracy(self) -> float | None:
        """Mean accuracy of the models on records that each was trained on; None without any."""
        models = self._of["candidates"]
        return float(np.mean([model.right[model.in_training].mean() for model in models])) if models else None

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What a reader must know: who trained the models."""
        count = sum(map(len, self._of.values()))
        if not count:
            return ()
        return (
            Notice(
                "reference_answers",
                f"{count:,} reference models were trained elsewhere, {len(self._of['population']):,} of them "
                "on none of these records. What they answered, and which records they were trained on, is "
                "taken from the tables that were sent: if they were trained in another way than the model, "
                "the attacks that use them look weaker or stronger than they are.",
            ),
        )

    def __call__(
        self,
        progress: Progress,  # noqa: ARG002 -- the protocol's signature
        *,
        attacker: Attacker = "candidates",
    ) -> ReferenceAnswers:
        """What the models of an attacker answer about the pool.

        Raises
        ------
        Unsuited
            when there are none.
        """
        missing = self.missing_for(attacker)
        if missing is not None:
            raise Unsuited(missing)
        models = self._of[attacker]
        paired = _in_pairs(models) if attacker == "candidates" else None
        ordered = models if paired is None else paired
        return ReferenceAnswers(
            np.array([model.p_y for model in ordered]),
            np.array([model.in_training for model in ordered]),
            per_round=1 if paired is None else 2,
        )


def _in_pairs(models: Sequence[ReferenceModel]) -> list[ReferenceModel] | None:
    """The models with each beside the one that was trained on the other records; None where one has none."""
    left = list(models)
    paired: list[ReferenceModel] = []
    while left:
        first = left.pop(0)
        other = next((one for one in left if np.array_equal(one.in_training, ~first.in_training)), None)
        if other is None:
            return None
        left.remove(other)
        paired += [first, other]
    return paired


def _model_in(table: Table, target: Audited) -> ReferenceModel:
    if len(table.frame) != len(target.y):
        raise BadBundle(
            "lengths_differ",
            f"{table.name} has {len(table.frame):,} rows, members and non-members are {len(target.y):,} "
            "records.",
            hint="Write one row for each member and then for each non-member, as they stand in their tables.",
        )
    columns = [str(name) for name in table.frame.columns]
    by_name = {name.strip().lower(): name for name in columns}
    if IN_TRAINING not in by_name:
        raise BadBundle(
            "no_in_training",
            f"{table.name} has no column “{IN_TRAINING}”.",
            hint="It says 1 of the records that this reference model was trained on, 0 of the others.",
        )
    marks = by_name[IN_TRAINING]
    label = by_name.get(DEFAULT_LABEL)
    rest = [name for name in columns if name not in (marks, label)]
    if target.scale is None:
        answers = probabilities_in(table, _of_classes(table.name, rest, target.classes), exact=True)
    else:
        answers = predictions_in(table, _of_numbers(table.name, rest))[:, None]
    if label is not None:
        _check_labels(table, label, target)
    return ReferenceModel.of(table.name, answers, _marked(table, marks), target)


def _of_numbers(name: str, columns: Sequence[str]) -> str:
    """The column of predicted numbers: the one that is called so, or the only one."""
    called = [column for column in columns if column.strip().lower() in PREDICTED] or columns
    if len(called) != 1:
        raise BadBundle(
            "no_predicted",
            f"{name} has no column “predicted”, with the number that this reference model predicts.",
            hint="Write it beside in_training, as in the tables of answers.",
        )
    return called[0]


def _of_classes(name: str, columns: Sequence[str], classes: NDArray[Any]) -> tuple[str, ...]:
    """The column of each class."""
    found = columns_called(columns, classes)
    if found is None:
        raise BadBundle(
            "classes_do_not_fit",
            f"{name} has no column of probabilities for each class of the model.",
            hint="Call one column like each class, as in the tables of answers.",
        )
    return found


def _marked(table: Table, column: str) -> BoolArray:
    cells = table.frame[column]
    found = cells.map(lambda cell: TRUTH.get(str(cell).strip().lower()), na_action="ignore")
    bad = found.isna().to_numpy()
    if bad.any():
        raise BadBundle(
            "not_marks",
            f"{table.name}: {table.place(int(np.argmax(bad)))} holds neither 0 nor 1 in column "
            f"{named(column)}.",
            hint="Write 1 of the records that this reference model was trained on, 0 of the others.",
        )
    return found.to_numpy(dtype=np.bool_)


def _check_labels(table: Table, column: str, target: Audited) -> None:
    """See that the rows are those of the tables, as far as labels can tell."""
    if target.scale is None:
        differing = places_among(table.frame[column], target.classes) != target.y
    else:
        differing = ~np.isclose(numbers_in(table.frame[column], table.decimal), target.y)
    if differing.any():
        raise BadBundle(
            "rows_differ",
            f"{table.name}: {table.place(int(np.argmax(differing)))} has another label than the record of "
            f"the same number, as {int(differing.sum()):,} rows in all.",
            hint="Keep the rows of members and then of non-members in the order of their tables.",
        )


def places_of(rows: NDArray[np.int64], member: BoolArray, members: int) -> IntArray:
    """(n,) where the records of a pool stand among all members and then all non-members.

    Parameters
    ----------
    rows
        (n,) their numbers in their own tables, from 1.
    members
        how many the table of members has.
    """
    return np.asarray(np.where(member, rows - 1, members + rows - 1), dtype=np.int64)


def reference_models_from(given: Sequence[tuple[Any, Any]], *, target: Audited) -> list[ReferenceModel]:
    """Reference models in the caller's memory.

    Parameters
    ----------
    given
        for each model (n, k) probabilities, or (n,) predicted numbers, of members and then of non-members,
        and (n,) which of them it was trained on. Columns of an array are in the order of the classes, those
        of a DataFrame go by their names.

    Raises
    ------
    BadBundle
        `classes_do_not_fit`, `lengths_differ`, `not_marks`, `not_probabilities`, `not_numbers`.
    """
    models = []
    wanted = (len(target.y), len(target.classes)) if target.scale is None else (len(target.y), 1)
    for number, (answers, in_training) in enumerate(given):
        name = f"reference_answers[{number}]"
        if isinstance(answers, pd.DataFrame) and target.scale is None:
            by_name = answers.rename(columns=str)
            answers = by_name[[*_of_classes(name, list(by_name.columns), target.classes)]]
        array = np.asarray(answers, dtype=np.float64)
        array = array[:, None] if array.ndim == 1 else array
        marks = np.asarray(in_training)
        if array.shape != wanted or marks.shape != (len(target.y),):
            raise BadBundle(
                "lengths_differ",
                f"{name} has answers of shape {array.shape} and marks of shape {marks.shape}; there "
                f"are {wanted[0]:,} records, with {wanted[1]} "
                f"{'probabilities' if target.scale is None else 'predicted number'} each.",
                hint="Pass one row and one mark for each member and then for each non-member.",
            )
        if not np.isin(marks, (0, 1)).all():
            raise BadBundle(
                "not_marks",
                f"{name} marks records with something else than 0 and 1.",
                hint="Pass True of the records that this reference model was trained on.",
            )
        frame = pd.DataFrame(array, columns=[str(place) for place in range(wanted[1])])
        table = Table(name, frame, has_header=True, warnings=(), lines=None)
        checked = (
            probabilities_in(table, list(frame.columns), exact=True)
            if target.scale is None
            else predictions_in(table, "0")[:, None]
        )
        models.append(ReferenceModel.of(name, checked, marks.astype(np.bool_), target))
    return models
