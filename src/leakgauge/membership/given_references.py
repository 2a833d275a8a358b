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
from leakgauge.defences.output import Setting, changed
from leakgauge.errors import BadBundle
from leakgauge.membership.answer_tables import columns_called, probabilities_in
from leakgauge.membership.label_column import DEFAULT_LABEL
from leakgauge.membership.labels import TRUTH, named, places_among
from leakgauge.membership.pool import ReferenceAnswers
from leakgauge.membership.tables import Table, read_tables
from leakgauge.progress import Progress
from leakgauge.report.model import Attacker, Notice
from leakgauge.targets.protocol import BoolArray, FloatArray, IntArray

IN_TRAINING: Final = "in_training"
"""The column that says which records a reference model was trained on."""
NONE_SENT: Final = (
    "No reference models to compare with: no answers of any came with the tables (reference_answers/), and "
    "without the model none can be trained here."
)


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
        (n,) probability that it gives to each true label.
    right
        (n,) whether that is the first of the largest.
    """

    name: str
    in_training: BoolArray
    p_y: FloatArray
    right: BoolArray

    @classmethod
    def of(
        cls,
        name: str,
        probabilities: FloatArray,
        in_training: BoolArray,
        y: IntArray,
        defences: Sequence[Setting] = (),
    ) -> ReferenceModel:
        """Of (n, k) probabilities, behind as much of the target's output defences as can be repeated."""
        # behind a defence that lets labels alone through, no attack looks at these models
        repeatable = [
            setting
            for setting in defences
            if setting.defence.repeatable and setting.defence.gives == "probabilities"
        ]
        seen = changed(probabilities, probabilities, repeatable)
        return cls(name, in_training, seen[np.arange(len(y)), y], seen.argmax(axis=1) == y)

    def at(self, places: IntArray) -> ReferenceModel:
        """The same of some of the records, in another order."""
        return ReferenceModel(self.name, self.in_training[places], self.p_y[places], self.right[places])


def read_reference_models(
    files: Sequence[BundledFile],
    *,
    limits: Limits,
    classes: NDArray[Any],
    y: IntArray,
    defences: Sequence[Setting],
) -> list[ReferenceModel]:
    """The models of `reference_answers/`, each of all members and then all non-members.

    Parameters
    ----------
    classes
        (k,) the target's.
    y
        (n,) positions of the true labels, of members and then of non-members, as their tables have them.

    Raises
    ------
    BadBundle
        `lengths_differ`, `no_in_training`, `classes_do_not_fit`, `rows_differ`, and errors of tables.
    """
    models = []
    for file in files:
        (table,) = read_tables([file.path], names=[file.name], limits=limits, expected=(IN_TRAINING,))
        models.append(_model_in(table, classes, y, defences))
    return models


class GivenReferences:
    """The reference models of one audit, where others trained them; see `ReferenceModels`.

    Parameters
    ----------
    models
        each of the records of the pool, in its order.
    """

    seconds_left = None
    """Nothing is trained, so no time is used up."""

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


def _model_in(
    table: Table, classes: NDArray[Any], y: IntArray, defences: Sequence[Setting]
) -> ReferenceModel:
    if len(table.frame) != len(y):
        raise BadBundle(
            "lengths_differ",
            f"{table.name} has {len(table.frame):,} rows, members and non-members are {len(y):,} records.",
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
    of_classes = _of_classes(table.name, [name for name in columns if name not in (marks, label)], classes)
    if label is not None:
        _check_labels(table, label, classes, y)
    return ReferenceModel.of(
        table.name, probabilities_in(table, of_classes, exact=True), _marked(table, marks), y, defences
    )


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


def _check_labels(table: Table, column: str, classes: NDArray[Any], y: IntArray) -> None:
    """See that the rows are those of the tables, as far as labels can tell."""
    differing = places_among(table.frame[column], classes) != y
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


def reference_models_from(
    given: Sequence[tuple[Any, Any]], *, classes: NDArray[Any], y: IntArray, defences: Sequence[Setting]
) -> list[ReferenceModel]:
    """Reference models in the caller's memory.

    Parameters
    ----------
    given
        for each model (n, k) probabilities of members and then of non-members, and (n,) which of them it was
        trained on. Columns of an array are in the order of `classes`, those of a DataFrame go by their names.

    Raises
    ------
    BadBundle
        `classes_do_not_fit`, `lengths_differ`, `not_marks`, `not_probabilities`.
    """
    models, n_classes = [], len(classes)
    for number, (probabilities, in_training) in enumerate(given):
        name = f"reference_answers[{number}]"
        if isinstance(probabilities, pd.DataFrame):
            by_name = probabilities.rename(columns=str)
            probabilities = by_name[[*_of_classes(name, list(by_name.columns), classes)]]
        array = np.asarray(probabilities, dtype=np.float64)
        marks = np.asarray(in_training)
        if array.shape != (len(y), n_classes) or marks.shape != (len(y),):
            raise BadBundle(
                "lengths_differ",
                f"{name} has probabilities of shape {array.shape} and marks of shape {marks.shape}; there "
                f"are {len(y):,} records and {n_classes} classes.",
                hint="Pass one row and one mark for each member and then for each non-member.",
            )
        if not np.isin(marks, (0, 1)).all():
            raise BadBundle(
                "not_marks",
                f"{name} marks records with something else than 0 and 1.",
                hint="Pass True of the records that this reference model was trained on.",
            )
        frame = pd.DataFrame(array, columns=[str(place) for place in range(n_classes)])
        table = Table(name, frame, has_header=True, warnings=(), lines=None)
        checked = probabilities_in(table, list(frame.columns), exact=True)
        models.append(ReferenceModel.of(name, checked, marks.astype(np.bool_), y, defences))
    return models
