"""Attribute inference within a membership audit: the same model, the same two tables."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from leakgauge.attributes.audit import Plan, infer, not_measured
from leakgauge.attributes.records import Records, Retrained, stacked, taken
from leakgauge.estimates import Estimate
from leakgauge.exhaustion import Time, unless_it_runs_out
from leakgauge.membership.inputs import Inputs
from leakgauge.membership.pool import SharedAnswers
from leakgauge.membership.reference_models import NO_RECIPE
from leakgauge.membership.refitting import Refitting, blank_clone
from leakgauge.membership.training_sets import TrainingData
from leakgauge.parameters import MembershipParameters
from leakgauge.progress import Progress
from leakgauge.report.model import AttributeInference
from leakgauge.targets.protocol import FloatArray, IntArray

MODELS_A_ROUND = 8
"""Reference models of the membership attacks for each pair that is trained here: it answers about every "
"value."""

_ANSWERS_ALONE = "There are answers and no model, so none can be asked about records with another value."
_LIVE = (
    "A live service would have to be asked about every record once with each value, many times the rows that "
    "a membership audit takes. Audit the model in a file instead."
)
_NUMBERS = (
    "The model predicts numbers, and these attacks ask with which value a record's own class is likeliest."
)


def attribute_inference(
    inputs: Inputs,
    target: SharedAnswers,
    parameters: MembershipParameters,
    *,
    shift: Estimate | None,
    progress: Progress,
    time: Time,
) -> AttributeInference | None:
    """What the model tells of sensitive columns; None where that was not asked for, or there are none.

    Raises
    ------
    BadParameters
        for a name of no column.
    """
    pool, names = inputs.pool, parameters.sensitive_columns
    # who names attacks on membership asks for these and no others
    if names == () or (names is None and parameters.attacks is not None) or pool.holds_images:
        return None
    if pool.answers_only:
        return not_measured(_ANSWERS_ALONE)
    if pool.rows_left is not None:
        return not_measured(_LIVE)
    if target.gives == "predictions":
        return not_measured(_NUMBERS)
    if np.ndim(pool.x) != 2:
        return None
    records = Records(
        pool.x,
        np.asarray(pool.y, dtype=np.int64),
        pool.member,
        tuple(map(str, inputs.names)),
        inputs.columns,
        pool.group,
    )
    retrained, missing = _retrained(inputs, records, parameters)
    plan = Plan(
        names=names,
        retrained=retrained,
        missing=missing,
        rounds=max(parameters.reference_models // MODELS_A_ROUND, 1),
        shift=shift,
        seed=parameters.seed,
    )
    with warnings.catch_warnings():
        # of imputers that do not converge, or folds that lack a value
        warnings.simplefilter("ignore")
        return unless_it_runs_out(
            lambda: infer(records, target, plan, progress=progress, time=time),
            instead=not_measured,
        )


def _retrained(
    inputs: Inputs, records: Records, parameters: MembershipParameters
) -> tuple[Retrained | None, str]:
    """What trains copies of the target, or None and the reason."""
    if parameters.reference_models == 0:
        return None, "The parameter reference_models is 0, so there are none to compare the model with."
    if inputs.references is not None:
        return None, "The reference models were trained elsewhere and cannot be asked about other values."
    target, given = inputs.target, inputs.training_data
    if target.recipe is None:
        return None, NO_RECIPE
    if target.form is None:
        return None, "The model gives labels alone; this attack reads probabilities."

    def retrained(rows: IntArray, x: Any, y: IntArray, seed: int) -> FloatArray:
        n = len(records)
        parts, labels = [records.x, x], [records.y, y]
        if given is not None:
            more = _beyond(given, len(rows), np.random.default_rng(seed))
            parts.append(taken(given.x, more))
            labels.append(np.asarray(given.y[more], dtype=np.int64))
            rows = np.append(rows, n + len(y) + np.arange(len(more)))
        data = TrainingData(stacked(parts), np.concatenate(labels), rows, rows[:0], None, n)
        refitting = Refitting.of(
            blank_clone(target.recipe),
            target.classes,
            data,
            form=target.form,
            defences=inputs.defences,
            like=target.recipe,
        )
        asked = np.arange(n, n + len(y))
        return refitting.answers(rows, asked, seed=seed, what="half of the non-members").p_y

    return retrained, ""


def _beyond(given: TrainingData, rows: int, rng: np.random.Generator) -> IntArray:
    """Non-members that no attack scores, so many as a copy of the target's size takes beside `rows` others.

    Together no more than half of all non-members, so that copies differ.
    """
    unscored = given.non_members[given.non_members >= given.scored]
    missing = min(len(given.members), len(given.non_members) // 2) - rows
    return rng.permutation(unscored)[: max(missing, 0)]
