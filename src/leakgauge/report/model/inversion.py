"""The report of an inversion audit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from leakgauge.estimates import Estimate
from leakgauge.report.model.common import (
    SCHEMA_VERSION,
    AttackOutcome,
    AuditReport,
    Failed,
    GateResult,
    Insight,
    NotApplicable,
    Notice,
    Recommendation,
    ServiceUse,
)


@dataclass(frozen=True, slots=True)
class Similarity:
    """Similarity of two images in the same range. `psnr` is in decibels, None for equal images."""

    pearson: float
    ssim: float
    mse: float
    psnr: float | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What an independent classifier makes of a reconstruction.

    `recognised` is whether it recognises the class of the reconstruction, `confidence` the probability it
    gives it. `feature_distance` is the distance of the reconstruction, in the input of its last layer,
    from the mean of real images of the class: the initial image of the attack lies
    at 1, the real ones at `real_distance` in the mean. None where there is nothing to compare.
    """

    recognised: bool
    confidence: float
    feature_distance: float | None
    real_distance: float | None


@dataclass(frozen=True, slots=True)
class Evaluator:
    """The classifier that evaluates reconstructions and never answers an attack.

    It comes with the `bundle` or was trained on its labelled `reference` images. `accuracy` is
    on labelled images that it has not been trained on here, None where there are none.
    """

    source: Literal["bundle", "reference"]
    accuracy: Estimate | None


@dataclass(frozen=True, slots=True)
class Prototypes:
    """Reconstructions as prototypes: the share of reference images nearest to that of their own class.

    `ceiling` is the same share with the means of the classes' other images in place of reconstructions.
    """

    attack: str
    classes: int
    accuracy: Estimate
    chance: float
    ceiling: float


@dataclass(frozen=True, slots=True)
class Recognition:
    """The share of an attack's reconstructions, one for each class, that the evaluator takes for their class.

    Its interval is corrected for the number of attacks. `chance` is what guessing reaches;
    `resolves` says whether so few reconstructions could tell the two apart at all.
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

    `image` names a PNG of the report folder. `chance` is the best similarity
    (Pearson) that can be had without querying the target, `chance_source` what
    reached it, `ceiling` the similarity that would count as a full leak.
    `leakage` is (similarity − chance) / (ceiling − chance), clipped to 0..1,
    with its interval over seeds; `leakage_corrected` is the same value with an
    interval corrected for the number of attacks, which the verdict uses;
    `robustness` is 100 (1 − leakage).
    `confidence` is the target's probability for the class on this image (1 or
    0 by its label, where it gives labels alone);
    `rank` the place (1 = best) that the attacked class takes among all classes
    when their references are ordered by similarity to it, None without references for all. `ssim_chance` and
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
    user's image; None for classes that the image is not of.
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
class InversionMeasured(AttackOutcome):
    """An attack that ran; `with_prior` where it searched among images like the attacker's own."""

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


Mask: TypeAlias = Literal["rounded", "truncated", "labels_only", "clipped", "flat", "away_from_data"]


@dataclass(frozen=True, slots=True)
class Masking:
    """What the target's answers hide, as far as asking it `queries` times shows, and what that is worth.

    `found` names how: rounded to multiples of `step`; truncated to the likeliest
    `classes_kept`; labels only; clipped at an end; flat, as by a raised
    temperature, which is no defence; or away from data, where it answers differently. `steepness` is how
    many times as fast as on average answers along lines from real images change in the steepest tenth: 1
    for a linear model, None where none told. `slope_hidden` is the share of smooth
    images to which a close neighbour got the very same answer; None where it
    was not measured. `effect` is over the worst of all attacks, those from labels
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
    steepness: float | None = None


@dataclass(frozen=True, slots=True)
class PriorKnowledge:
    """What attacks with a prior were given: principal components of images that are the attacker's own.

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
    """Accuracy of the model on images that were attacked within `radius`.

    No pixel is changed by more than `radius`, a share of the range from black to white.
    """

    radius: float
    right: Estimate


@dataclass(frozen=True, slots=True)
class EvasionMeasured(AttackOutcome):
    """How far images must be changed until the model misclassifies them, by a reference library.

    `curve` is over `pictures` of the user's own, of `classes` classes, in ascending order of the radius, and
    never rises. It is not leakage and never part of the verdict; a stronger attack may lower it.
    """

    pictures: int
    classes: int
    queries: int
    curve: tuple[EvasionPoint, ...]
    status: Literal["measured"] = "measured"


@dataclass(frozen=True, slots=True)
class InversionReport(AuditReport):
    """Can an attacker reconstruct the training data from the model's answers?

    `evasion` is a reference library's, None where it was not requested. `headline` names the attack
    that the verdict, the insights and `table` are about, None where no attack used queries alone.
    """

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
    service: ServiceUse | None = None
    schema_version: str = SCHEMA_VERSION
    kind: Literal["inversion"] = "inversion"
