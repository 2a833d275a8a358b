"""The report of a membership audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from leakgauge.estimates import Estimate, RateAtLimit
from leakgauge.report.model.attributes import AttributeInference
from leakgauge.report.model.common import (
    EXACT,
    SCHEMA_VERSION,
    Attacker,
    AttackOutcome,
    AuditReport,
    Failed,
    GateResult,
    Insight,
    NotApplicable,
    Notice,
    Recommendation,
    ServiceUse,
    Severity,
)
from leakgauge.report.model.file_contents import ModelContents


@dataclass(frozen=True, slots=True)
class DrawError:
    """Standard errors of an attack's figures over other seeds, the records being the same.

    What changes with the seed are the reference models, or the folds of attacks that learn; all 0 for others.
    """

    auc: float
    accuracy: float
    tpr_at_fpr: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class MembershipMetrics:
    """What one attack's scores are worth.

    `accuracy` is balanced and uses one threshold, `accuracy_per_class` one for
    each class of the target, or of a regressor for each fifth of the labels, both chosen on other records
    than those they are applied to.
    `advantage` is 2 × accuracy − 1. `tpr_at_fpr` is keyed by the limit on the
    false-positive rate. The `_corrected` figures are the same values with
    intervals corrected for the number of attacks tried; the verdict uses those.
    `draw_error` is a part of all of them; None in reports of schema 1.3 and before.
    """

    auc: Estimate
    auc_corrected: Estimate
    accuracy: Estimate
    accuracy_corrected: Estimate
    accuracy_per_class: Estimate
    member_accuracy: Estimate
    non_member_accuracy: Estimate
    advantage: Estimate
    tpr_at_fpr: Mapping[str, RateAtLimit]
    tpr_at_fpr_corrected: Mapping[str, RateAtLimit]
    empirical_epsilon: float
    draw_error: DrawError | None = None


@dataclass(frozen=True, slots=True)
class MembershipMeasured(AttackOutcome):
    """An attack that ran; `roc` holds its (false-positive, true-positive) rates, thinned for charts.

    `attacker` is who can run it; None in reports of schema 1.3 and before. `reads` is what an attack on
    the model file reads there, None for the others and in such reports.
    """

    queries: int
    metrics: MembershipMetrics
    roc: tuple[tuple[float, float], ...]
    status: Literal["measured"] = "measured"
    attacker: Attacker | None = None
    reads: str | None = None


@dataclass(frozen=True, slots=True)
class AttackerFinding:
    """What one attacker was shown to do: the attack on the answers that showed most, and what follows.

    Who holds the candidates can do all that the other can, so all attacks are his. `attack` and
    the figures, whose intervals are corrected for the number of attacks, are None where none could be run;
    `borderline` is as in `Verdict`.
    """

    attacker: Attacker
    severity: Severity
    sentence: str
    attack: str | None
    auc: Estimate | None
    tpr_at_1_percent_fpr: RateAtLimit | None
    borderline: Severity | None = None


@dataclass(frozen=True, slots=True)
class ProportionRow:
    """One attack model trained on one share of the attack data.

    `percentage` of the pool's members and of its non-members, `records` in all,
    were known to the attacker; the accuracies are on records it never saw.
    """

    percentage: int
    records: int
    attack: str
    attack_model: Literal["NN", "RF", "GB"]
    member_accuracy: Estimate
    non_member_accuracy: Estimate
    attack_accuracy: Estimate


SlicedBy = Literal["class", "band", "group"]
"""Classes of a classifier, fifths of the numbers that a regressor predicts, or groups of people."""


@dataclass(frozen=True, slots=True)
class Slice:
    """The leak within one class of the target, one fifth of the true numbers, or one group of people.

    `auc` and `accuracy` are None where there are too few records; `withheld`
    then says so.
    """

    by: SlicedBy
    name: str
    members: int
    non_members: int
    auc: Estimate | None
    accuracy: Estimate | None
    withheld: str | None = None


@dataclass(frozen=True, slots=True)
class ExposedRecord:
    """A member that an attack singles out, by its number among the members, from 1.

    Data rows of a table and images of an array count in their order, images in folders in the
    order of their full names. `false_positive_rate` is the share of non-members that look at least as
    much like members: the smaller, the more exposed. `tied` is how many members have this very rate,
    this one among them, listed or not: their order is that of their numbers and means nothing. None in
    reports of schema 1.2 and before. `draw_error` is the standard error of the rate over other seeds, and so
    other reference models, the records being the same; None where no such attack shows the record, and in
    reports of schema 1.6 and before.
    """

    row: int
    attack: str
    false_positive_rate: Estimate
    tied: int | None = None
    draw_error: float | None = None


@dataclass(frozen=True, slots=True)
class TriedChange:
    """The model with one thing changed: its accuracy and its leakage.

    `accuracy` is the test accuracy (on the non-members), `leakage` the AUC of
    `attack`, the strongest of a few quick attacks on the answers. The
    differences are to the first of all changes, the model trained again as it
    is, on the same records; None for that one itself. Their intervals are
    corrected for the number of changes.
    """

    name: str
    title: str
    kind: Literal["as_it_is", "training", "output"]
    accuracy: Estimate
    attack: str
    leakage: Estimate
    accuracy_difference: Estimate | None
    leakage_difference: Estimate | None


@dataclass(frozen=True, slots=True)
class Tradeoffs:
    """What each of a few changes costs in accuracy and saves in leakage.

    `knee` names the change that saves the larger share of the leak for the
    share of accuracy that it costs, None where none was shown to pay;
    `sentence` says so in words. `withheld` says why nothing was tried, and
    `left_out` what else was not and why.
    """

    changes: tuple[TriedChange, ...]
    reference_models: int
    knee: str | None
    sentence: str
    left_out: tuple[str, ...]
    withheld: str | None = None


@dataclass(frozen=True, slots=True)
class PredictionErrors:
    """How far a regressor's predictions lie from the true numbers, in the unit of the labels.

    Root mean squares and means of the absolute errors, on members (`train`) and non-members (`test`).
    `tolerance` is half the typical distance of the true numbers from their median. All of them keep six
    significant digits, since the unit may be any.
    """

    tolerance: float = field(metadata=EXACT)
    train_rmse: Estimate = field(metadata=EXACT)
    test_rmse: Estimate = field(metadata=EXACT)
    train_mae: Estimate = field(metadata=EXACT)
    test_mae: Estimate = field(metadata=EXACT)


@dataclass(frozen=True, slots=True)
class MembershipTarget:
    """The model under audit and the pool of records.

    A regressor has no `classes`, and `errors` instead; its accuracies are the shares of records that it
    predicts within `errors.tolerance`. `errors` is None for classifiers and in reports of schema 1.4 and
    before.
    """

    type: str
    classes: tuple[str, ...]
    features: int
    members: int
    non_members: int
    train_accuracy: Estimate
    test_accuracy: Estimate
    errors: PredictionErrors | None = None


@dataclass(frozen=True, slots=True)
class MembershipReport(AuditReport):
    """Can an attacker tell who was in the training data?

    `verdict` is over the stronger of the `attackers`, which are none in reports of schema 1.3 and before.
    `contents` is what the model file holds of the members, word for word; None where there is no file that
    could be read so, and in reports of schema 1.5 and before. `attributes` is what the model tells of a
    person's sensitive columns; None where that was not asked for, and in reports of schema 1.6 and before.
    """

    target: MembershipTarget
    warnings: tuple[Notice, ...]
    insights: tuple[Insight, ...]
    attacks: tuple[MembershipMeasured | NotApplicable | Failed, ...]
    table: tuple[ProportionRow, ...]
    leak_by_proportion: tuple[ProportionRow, ...]
    slices: tuple[Slice, ...]
    records: tuple[ExposedRecord, ...]
    recommendations: tuple[Recommendation, ...]
    gate: GateResult | None = None
    tradeoffs: Tradeoffs | None = None
    attackers: tuple[AttackerFinding, ...] = ()
    service: ServiceUse | None = None
    contents: ModelContents | None = None
    attributes: AttributeInference | None = None
    schema_version: str = SCHEMA_VERSION
    kind: Literal["membership"] = "membership"
