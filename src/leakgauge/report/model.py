"""The report: what an audit found, typed and versioned.

`report.json` is this tree and nothing else; every other file of the report
folder is a view of it. It holds no clock, no path and no duration, so that the
same bundle, parameters and versions give the same bytes.

Versioning: `SCHEMA_VERSION` is `major.minor`. Adding a field with a default, or a
threat model, raises the minor; removing, renaming or changing the meaning of one
raises the major. The JSON Schema under `docs/` is generated from these classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypeAlias

from pydantic import JsonValue

from leakgauge.estimates import Estimate, RateAtLimit

SCHEMA_VERSION = "1.4"

ThreatModel = Literal["labels", "probabilities", "scores", "model_file"]
"""What an attacker sees."""
Attacker = Literal["candidates", "population"]
"""What an attacker holds beside that: a list of candidates, the members among them, from which he learns;
or nothing but other data of the same source."""


class Severity(StrEnum):
    """How bad it is; the rule stands in `report/risk.py`."""

    LOW = "low"
    MODERATE = "moderate"
    HIGH = "high"
    CRITICAL = "critical"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer in one sentence, with the figures that led to it.

    `borderline` is the severity that another seed, and so another draw of reference models or
    folds, may well give; None where it would be the same.
    """

    severity: Severity
    sentence: str
    reasons: tuple[str, ...]
    borderline: Severity | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something about the input that a reader must know to trust the figures."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What to change, and the measured figure that speaks for it."""

    title: str
    text: str
    because: str


@dataclass(frozen=True, slots=True)
class Insight:
    """A question answered in words from computed figures."""

    name: str
    question: str
    sentence: str
    figures: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """An attack that cannot be run on this target, and why; never to be read as "no risk"."""

    name: str
    title: str
    threat_model: ThreatModel
    citation: str
    reason: str
    status: Literal["not_applicable"] = "not_applicable"
    attacker: Attacker | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """An attack that should have run and did not; the audit went on without it."""

    name: str
    title: str
    threat_model: ThreatModel
    citation: str
    reason: str
    status: Literal["failed"] = "failed"
    attacker: Attacker | None = None


class GateOutcome(StrEnum):
    """What became of a report that was held to a policy, or of one rule of it."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule of a policy, held against the report.

    `low` and `high` are the ends of the interval that decided, `attack` names
    the attack it belongs to; None where there is no such figure. `limit` is
    None for rules that are not about a figure.
    """

    rule: str
    title: str
    outcome: GateOutcome
    reason: str
    attack: str | None = None
    limit: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class GateResult:
    """A report held to a policy: failed if any rule is broken, else inconclusive if any could not be told."""

    outcome: GateOutcome
    sentence: str
    rules: tuple[RuleResult, ...]


# ---------------------------------------------------------------- membership


@dataclass(frozen=True, slots=True)
class DrawError:
    """Standard errors of an attack's figures over other seeds, the records being the same.

    What is drawn anew are reference models, or the folds of attacks that learn; all 0 for others.
    """

    auc: float
    accuracy: float
    tpr_at_fpr: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class MembershipMetrics:
    """What one attack's scores are worth.

    `accuracy` is balanced and uses one threshold, `accuracy_per_class` one for
    each class of the target, both chosen on other records than they judge.
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
class MembershipMeasured:
    """An attack that ran; `roc` holds its (false-positive, true-positive) rates, thinned for drawing.

    `attacker` is who can run it; None in reports of schema 1.3 and before. `reads` is what an attack on
    the model file reads there, None for the others and in such reports.
    """

    name: str
    title: str
    threat_model: ThreatModel
    citation: str
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


@dataclass(frozen=True, slots=True)
class Slice:
    """The leak within one class of the target or one group of people.

    `auc` and `accuracy` are None where there are too few records; `withheld`
    then says so.
    """

    by: Literal["class", "group"]
    name: str
    members: int
    non_members: int
    auc: Estimate | None
    accuracy: Estimate | None
    withheld: str | None = None


@dataclass(frozen=True, slots=True)
class ExposedRecord:
    """A member that an attack singles out, by its number among the members, from 1.

    Data rows of a table and pictures of an array count in their order, pictures in folders in the
    order of their full names. `false_positive_rate` is the share of non-members that look at least as
    much like members: the smaller, the more exposed. `tied` is how many members have this very rate,
    this one among them, listed or not: their order is that of their numbers and means nothing. None in
    reports of schema 1.2 and before.
    """

    row: int
    attack: str
    false_positive_rate: Estimate
    tied: int | None = None


@dataclass(frozen=True, slots=True)
class TriedChange:
    """The model with one thing changed: what it then is worth, and what it then gives away.

    `accuracy` is the share of non-members judged right, `leakage` the AUC of
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
class MembershipTarget:
    """The model under audit and the pool it was asked about."""

    type: str
    classes: tuple[str, ...]
    features: int
    members: int
    non_members: int
    train_accuracy: Estimate
    test_accuracy: Estimate


@dataclass(frozen=True, slots=True)
class MembershipReport:
    """Can an attacker tell who was in the training data?

    `verdict` is over the stronger of the `attackers`, which are none in reports of schema 1.3 and before.
    """

    verdict: Verdict
    parameters: Mapping[str, JsonValue]
    inputs: Mapping[str, str]
    versions: Mapping[str, str]
    seed: int
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
    schema_version: str = SCHEMA_VERSION
    kind: Literal["membership"] = "membership"


# ----------------------------------------------------------------- inversion


@dataclass(frozen=True, slots=True)
class Similarity:
    """Likeness of two images in the same range. `psnr` is in decibels, None for equal images."""

    pearson: float
    ssim: float
    mse: float
    psnr: float | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What an independent classifier makes of a drawing.

    `recognised` is whether it takes the drawing for its class, `confidence` the probability it
    gives it. `feature_distance` is how far the drawing lies, in the input of its last layer,
    from the middle of real pictures of the class: the picture that the attack starts from lies
    at 1, the real ones at `real_distance` in the mean. None where there is nothing to compare.
    """

    recognised: bool
    confidence: float
    feature_distance: float | None
    real_distance: float | None


@dataclass(frozen=True, slots=True)
class Evaluator:
    """The classifier that judges drawings and never answers an attack.

    It comes with the `bundle` or was trained on its labelled `reference` images. `accuracy` is
    on labelled images that it has not been trained on here, None where there are none.
    """

    source: Literal["bundle", "reference"]
    accuracy: Estimate | None


@dataclass(frozen=True, slots=True)
class Prototypes:
    """Drawings as prototypes: the share of labelled reference images that are nearest to their own class's.

    `ceiling` is the same share with the means of the classes' other images in place of drawings.
    """

    attack: str
    classes: int
    accuracy: Estimate
    chance: float
    ceiling: float


@dataclass(frozen=True, slots=True)
class Recognition:
    """The share of an attack's drawings, one for each class, that the evaluator takes for their class.

    Its interval is corrected for the number of attacks. `chance` is what guessing reaches;
    `resolves` says whether so few drawings could tell the two apart at all.
    """

    attack: str
    share: Estimate
    chance: float
    resolves: bool

    @property
    def shown(self) -> bool:
        """Whether more is recognised than guessing explains."""
        return self.share.low > self.chance


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """The consensus over seeds of one attack on one class.

    `image` names a PNG of the report folder. `chance` is the best likeness
    (Pearson) that can be had without asking the target, `chance_source` what
    reached it, `ceiling` the likeness that would count as a full leak.
    `leakage` is (similarity − chance) / (ceiling − chance), clipped to 0..1,
    with its interval over seeds; `leakage_corrected` is the same value with an
    interval corrected for the number of attacks, which the verdict uses;
    `robustness` is 100 (1 − leakage).
    `confidence` is the target's probability for the class on this image (1 or
    0 by its label, where it gives labels alone);
    `rank` the place (1 = best) that the attacked class takes among all classes
    when their references are ordered by likeness, None when it was not asked. `ssim_chance` and
    `ssim_ceiling` are chance and ceiling in SSIM, None in older reports; `judgement` is None
    without an independent classifier that knows the class.
    """

    attack: str
    target_class: int
    image: str
    queries: int
    iterations: int
    similarity: Similarity
    chance: float
    chance_source: str
    ceiling: float
    leakage: Estimate
    leakage_corrected: Estimate
    robustness: Estimate
    confidence: float
    rank: int | None
    ssim_chance: float | None = None
    ssim_ceiling: float | None = None
    judgement: Judgement | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The consensus of a run after `iterations` of it; `image` names a PNG of the report folder."""

    attack: str
    target_class: int
    iterations: int
    queries: int
    image: str
    similarity: Similarity


@dataclass(frozen=True, slots=True)
class LossPoint:
    """Where a run stood after `queries` of them, over all seeds.

    `loss` is the attack's (negative objective; mean over seeds), `confidence` the
    target's, `likeness` the Pearson correlation that the consensus had with the
    user's picture; None for classes that the picture is not of.
    """

    attack: str
    target_class: int
    iteration: int
    queries: int
    loss: float
    confidence: float
    likeness: float | None


@dataclass(frozen=True, slots=True)
class InversionMetrics:
    """Over all attacked classes, with intervals over seeds and classes."""

    leakage: Estimate
    robustness: Estimate
    pearson: Estimate
    ssim: Estimate


@dataclass(frozen=True, slots=True)
class InversionMeasured:
    """An attack that ran; `with_prior` where it searched among pictures like the attacker's own."""

    name: str
    title: str
    threat_model: ThreatModel
    citation: str
    queries: int
    metrics: InversionMetrics
    with_prior: bool = False
    status: Literal["measured"] = "measured"


@dataclass(frozen=True, slots=True)
class InversionTarget:
    """The image classifier under audit. `input_shape` is (height, width, channels)."""

    type: str
    format: str
    classes: int
    input_shape: tuple[int, int, int]
    input_range: tuple[float, float]
    output: Literal["probabilities", "logits"]
    engine: str


Mask: TypeAlias = Literal["rounded", "truncated", "labels_only", "clipped", "flat"]


@dataclass(frozen=True, slots=True)
class Masking:
    """What the target's answers hide, as far as asking it `queries` times shows, and what that is worth.

    `found` names how: rounded to multiples of `step`; truncated to the likeliest
    `classes_kept`; labels only; clipped at an end; or flat, as by a raised
    temperature, which is no defence. `slope_hidden` is the share of smooth
    pictures to which a close neighbour got the very same answer; None where it
    was not asked. `effect` is over the worst of all attacks, those from labels
    included: "none" where nothing is masked, "slope_only" where a leak is shown all
    the same, "no_leak_shown", or "undecided".
    """

    found: tuple[Mask, ...]
    step: float | None
    classes_kept: int | None
    slope_hidden: Estimate | None
    queries: int
    effect: Literal["none", "slope_only", "no_leak_shown", "undecided"]
    sentence: str


@dataclass(frozen=True, slots=True)
class PriorKnowledge:
    """What attacks with a prior were given: principal components of pictures that are the attacker's own.

    They come from the `bundle` or were `trained` on before. `pictures` is how many there were,
    `components` in how many directions the search went.
    """

    source: Literal["bundle", "trained"]
    pictures: int
    components: int


@dataclass(frozen=True, slots=True)
class SimilarityRow:
    """A row of `output.csv`: SSIM of the verdict's attack's consensus after so many iterations."""

    iterations: int
    similarity: float


@dataclass(frozen=True, slots=True)
class EvasionPoint:
    """The share of pictures that the model still takes for their class, whatever was tried within `radius`.

    No pixel is changed by more than `radius`, a share of the range from black to white.
    """

    radius: float
    right: Estimate


@dataclass(frozen=True, slots=True)
class EvasionMeasured:
    """How far pictures must be changed until the model mistakes them, as a peer's attack finds.

    `curve` is over `pictures` of the user's own, of `classes` classes, in ascending order of the radius, and
    never rises. It is no leak and never a part of the verdict; a stronger attack may find less right.
    """

    name: str
    title: str
    threat_model: ThreatModel
    citation: str
    pictures: int
    classes: int
    queries: int
    curve: tuple[EvasionPoint, ...]
    status: Literal["measured"] = "measured"


@dataclass(frozen=True, slots=True)
class InversionReport:
    """Can an attacker draw the training data from the model's answers?

    `evasion` is a reference library's, None where these were not asked for. `headline` names the attack
    that the verdict, the insights and `table` are about, None where no attack only asked.
    """

    verdict: Verdict
    parameters: Mapping[str, JsonValue]
    inputs: Mapping[str, str]
    versions: Mapping[str, str]
    seed: int
    target: InversionTarget
    masking: Masking
    warnings: tuple[Notice, ...]
    insights: tuple[Insight, ...]
    attacks: tuple[InversionMeasured | NotApplicable | Failed, ...]
    table: tuple[SimilarityRow, ...]
    original: str
    reconstructions: tuple[Reconstruction, ...]
    snapshots: tuple[Snapshot, ...]
    loss_curve: tuple[LossPoint, ...]
    recommendations: tuple[Recommendation, ...]
    prior: PriorKnowledge | None = None
    evaluator: Evaluator | None = None
    prototypes: tuple[Prototypes, ...] = ()
    recognition: tuple[Recognition, ...] = ()
    evasion: EvasionMeasured | NotApplicable | Failed | None = None
    gate: GateResult | None = None
    headline: str | None = None
    schema_version: str = SCHEMA_VERSION
    kind: Literal["inversion"] = "inversion"


Report: TypeAlias = MembershipReport | InversionReport


@dataclass(frozen=True, slots=True)
class Audited:
    """A report and the further files (images) that belong into its folder, by plain name."""

    report: Report
    files: Mapping[str, bytes] = field(default_factory=dict)
