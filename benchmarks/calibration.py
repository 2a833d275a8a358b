"""Do the intervals hold what they promise, and how often is an innocent model accused?

    python benchmarks/calibration.py [--samples 400] [--splits 200] [--pools 100] [--sections NAME ...]
        [--parts TEXT ...]

Every section draws the same audit again and again where the truth is known, and counts
how often an interval holds it, lies above it or below it, and how wide it is beside the
narrowest that could cover: 3.92 standard deviations of the figure over these very audits.

known: scores from distributions whose areas and rates are known.
borders: true figures at the border of a severity, and how often an audit calls them beyond it.
epsilon: mechanisms whose ε is known, and how often its lower bound lies above it.
forests: forests on one large table, whose leak over all records is taken for the truth;
audits see records drawn from it. The reference models stay the same: what another draw of
them would change is not in these figures.
learned: attack models, cross-fitted on answers that depend on membership a little or not at all.
references: attacks with reference models, the draw of these models included.
innocent: models that have seen neither table, audited by every attack that applies.

`calibration.md` gets the tables when all sections run; a section alone, or the parts of it that hold one
of the texts (`--sections innocent --parts "few records"`), is printed. Every part has random numbers of
its own, so it gives the same rows whatever else runs.
"""

from __future__ import annotations

import argparse
import pickle
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from scipy.integrate import quad
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

import leakgauge
from leakgauge.estimates import (
    CONFIDENCE,
    Estimate,
    RateAtLimit,
    area_estimate,
    area_under_roc,
    balanced_accuracy,
    confidence_for,
    cross_fitted_decisions,
    empirical_epsilon,
    for_chosen_threshold,
    step_roc,
    true_positive_rate_at,
)
from leakgauge.membership.attacks import ATTACKS, lira, loss, rmia
from leakgauge.membership.held_out import features_of_classes, held_out_scores
from leakgauge.membership.measure import FALSE_POSITIVE_LIMITS, decide, measure
from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.membership.proportions import LEARNERS
from leakgauge.membership.reference_models import Plan, ReferenceModels
from leakgauge.membership.running import without_each_round
from leakgauge.membership.training_sets import TrainingData
from leakgauge.progress import Silent
from leakgauge.report.model import MembershipMeasured, MembershipReport, Severity
from leakgauge.report.risk import LOW_FALSE_POSITIVES, SHOWN
from leakgauge.targets.sklearn.target import SklearnTarget

SIZES = ((300, 300), (2_000, 2_000), (6_500, 6_500), (4_000, 400), (400, 4_000))
"""Members and non-members of the audits."""
LEARNED_SIZES = ((300, 300), (2_000, 2_000), (4_000, 400), (400, 4_000))
"""Those at which attack models can be trained often enough."""
TRIED = (1, 2, 12)
"""Numbers of attacks in an audit, for which intervals are corrected."""
REFERENCED = tuple(attack for attack in ATTACKS if attack.referenced)
LEAST_HELD, MOST_WIDE = 0.93, 1.5
FEATURES = 8
TABLE, LEAVES, REFERENCES = 8_000, (1, 5, 20), 8
"""Records on either side of the table of forests, records in the leaves of each, reference models."""

Rng = np.random.Generator
Interval = Estimate | RateAtLimit
Draw = Callable[[int, Rng], np.ndarray]


# ------------------------------------------------------------------ counting


@dataclass
class Count:
    """The intervals of one figure over many audits, and what they should hold."""

    truth: float | None = None
    values: list[float] = field(default_factory=list)
    lows: list[float] = field(default_factory=list)
    highs: list[float] = field(default_factory=list)

    def add(self, interval: Interval) -> None:
        """Count one interval; a figure that is withheld is none."""
        if interval.value is not None:
            self.values.append(interval.value)
            self.lows.append(interval.low)
            self.highs.append(interval.high)

    @property
    def held(self) -> float:
        """The share of intervals that hold the truth."""
        return float(np.mean((np.array(self.lows) <= self.true) & (self.true <= np.array(self.highs))))

    @property
    def above(self) -> float:
        """The share of intervals that lie above the truth."""
        return float(np.mean(np.array(self.lows) > self.true))

    @property
    def below(self) -> float:
        """The share of intervals that lie below the truth."""
        return float(np.mean(np.array(self.highs) < self.true))

    @property
    def true(self) -> float:
        """The truth; where none is known, the mean over the audits."""
        return float(np.mean(self.values)) if self.truth is None else self.truth

    @property
    def width(self) -> float:
        """The mean width."""
        return float(np.mean(np.array(self.highs) - np.array(self.lows)))

    @property
    def beside_narrowest(self) -> float:
        """The mean width by that of the narrowest that could cover; NaN where the figure never varies."""
        spread = 2 * stats.norm.isf((1 - CONFIDENCE) / 2) * float(np.std(self.values))
        return self.width / spread if spread > 0.0 else float("nan")

    def row(self) -> str:
        """Cells of a table; bold where the interval holds the truth too seldom, or is too wide."""
        wide = self.beside_narrowest
        return " | ".join(
            (
                f"{self.true:.3f}",
                _marked(f"{self.held:.1%}", self.held < LEAST_HELD),
                f"{self.above:.1%}",
                f"{self.below:.1%}",
                f"{self.width:.3f}",
                "" if np.isnan(wide) else _marked(f"{wide:.2f}", wide > MOST_WIDE),
            )
        )


COUNTED = ("truth", "held", "above", "below", "mean width", "beside the narrowest")


def _marked(text: str, mark: bool) -> str:
    return f"**{text}**" if mark else text


def counted(
    label: str, one_audit: Callable[[], Mapping[str, Interval]], truths: Mapping[str, float], repeats: int
) -> Iterator[str]:
    """Rows on the figures of an audit that is drawn so many times; what has no truth is held to its mean."""
    counts: dict[str, Count] = {}
    for _ in range(repeats):
        for figure, interval in one_audit().items():
            counts.setdefault(figure, Count(truths.get(figure))).add(interval)
    for figure, count in counts.items():
        if count.values:
            yield f"| {label} | {figure} | {count.row()} |"


def figures(
    scores: np.ndarray, member: np.ndarray, rng: Rng, given: float | None = None
) -> dict[str, Interval]:
    """The figures of an attack that learns nothing, as a report has them; `given` is its own threshold."""
    roc = step_roc(scores, member)
    chosen = for_chosen_threshold(balanced_accuracy(cross_fitted_decisions(scores, member, rng=rng), member))
    found: dict[str, Interval] = {"AUC": area_estimate(scores, member)}
    if given is not None:
        found["accuracy, threshold given"] = balanced_accuracy(scores >= given, member)
    found["accuracy, threshold chosen"] = chosen
    for limit in FALSE_POSITIVE_LIMITS:
        found[rate_name(limit)] = true_positive_rate_at(roc, float(limit))
    return found


def rate_name(limit: str) -> str:
    """What rows call the rate at a limit."""
    return f"TPR at {float(limit):.1%}"


def sides(members: int, non_members: int) -> str:
    """What rows call an audit of so many records."""
    return f"{members:,} + {non_members:,}"


# -------------------------------------------------------------- known scores


@dataclass(frozen=True)
class KnownScores:
    """Distributions of the scores of members and non-members, and the figures they have."""

    name: str
    members: Draw
    non_members: Draw
    rate: Callable[[float], float]
    area: float
    threshold: float
    accuracy: float

    def drawn(self, members: int, non_members: int, rng: Rng) -> tuple[np.ndarray, np.ndarray]:
        """Scores of an audit, and who is a member."""
        scores = np.concatenate([self.members(members, rng), self.non_members(non_members, rng)])
        return scores, np.arange(len(scores)) < members

    @property
    def truths(self) -> dict[str, float]:
        """The true figures, by the names of rows."""
        rates = {rate_name(limit): self.rate(float(limit)) for limit in FALSE_POSITIVE_LIMITS}
        return {"AUC": self.area, "accuracy, threshold given": self.accuracy, **rates}


def continuous(name: str, shape: stats.rv_continuous, shift: float, share: float = 1.0) -> KnownScores:
    """Non-members as `shape` has it, `share` of the members ahead of it by `shift`."""

    def rate(limit: float) -> float:
        return share * shape.sf(shape.isf(limit) - shift) + (1 - share) * limit

    return KnownScores(
        name,
        lambda n, rng: shape.rvs(size=n, random_state=rng) + shift * (rng.random(n) < share),
        lambda n, rng: shape.rvs(size=n, random_state=rng),
        rate,
        area=quad(rate, 0.0, 1.0, limit=200)[0],
        threshold=shape.isf(0.3),
        accuracy=(rate(0.3) + 0.7) / 2,
    )


def votes(name: str, trees: int, members: float, non_members: float) -> KnownScores:
    """Votes of trees, with the given mean share of them: equal scores abound."""
    inside, outside = (stats.betabinom(trees, 3 * mean, 3 * (1 - mean)) for mean in (members, non_members))
    levels = np.arange(trees + 1)
    threshold = float(round(trees * (members + non_members) / 2))
    return KnownScores(
        name,
        lambda n, rng: inside.rvs(n, random_state=rng).astype(float),
        lambda n, rng: outside.rvs(n, random_state=rng).astype(float),
        lambda limit: max(inside.sf(least) for least in range(trees + 1) if outside.sf(least) <= limit),
        area=float(inside.pmf(levels) @ (outside.cdf(levels - 1) + outside.pmf(levels) / 2)),
        threshold=threshold,
        accuracy=(inside.sf(threshold - 1) + outside.cdf(threshold - 1)) / 2,
    )


KNOWN = (
    continuous("nothing", stats.norm(), 0.0),
    continuous("normal, shift .5", stats.norm(), 0.5),
    continuous("normal, shift 1", stats.norm(), 1.0),
    continuous("normal, shift 2", stats.norm(), 2.0),
    continuous("heavy tails (t, 2 degrees), shift 1", stats.t(2), 1.0),
    continuous("2 % of members far out", stats.norm(), 8.0, 0.02),
    continuous("20 % of members far out", stats.norm(), 8.0, 0.2),
    votes("votes of 50 trees", 50, 0.9, 0.5),
    votes("votes of 100 trees", 100, 0.8, 0.55),
)


def on_known_scores(samples: int, rng: Rng) -> Iterator[str]:
    """Rows on every figure of an attack that learns nothing."""
    for members, non_members in SIZES:
        for known in KNOWN:
            one_audit = partial(_known_figures, known, members, non_members, rng)
            label = f"{sides(members, non_members)} | {known.name}"
            yield from counted(label, one_audit, known.truths, samples)


def _known_figures(known: KnownScores, members: int, non_members: int, rng: Rng) -> dict[str, Interval]:
    return figures(*known.drawn(members, non_members, rng), rng, known.threshold)


def called_beyond(samples: int, rng: Rng) -> Iterator[str]:
    """Rows on how often a true figure at the border of a severity is called beyond it."""
    for members, non_members in SIZES:
        for severity, area, rate in SHOWN:
            for figure, known, border in (*_with_area(area), *_with_rate(rate)):
                called = dict.fromkeys(TRIED, 0)
                for _ in range(samples):
                    scores, member = known.drawn(members, non_members, rng)
                    roc = step_roc(scores, member)
                    for attacks in TRIED:
                        confidence = confidence_for(attacks)
                        found: Interval = (
                            area_estimate(scores, member, confidence=confidence)
                            if figure == "AUC"
                            else true_positive_rate_at(roc, float(LOW_FALSE_POSITIVES), confidence=confidence)
                        )
                        called[attacks] += found.low is not None and found.low >= border
                shares = " | ".join(
                    _marked(f"{beyond / samples:.1%}", beyond > 0.025 * samples) for beyond in called.values()
                )
                of = f"{severity.value}, {figure} {border:.2f}"
                yield f"| {sides(members, non_members)} | {of} | {known.name} | {shares} |"


def _with_area(border: float) -> Iterator[tuple[str, KnownScores, float]]:
    """Scores whose area lies at the border, a hair below."""
    shift = np.sqrt(2) * stats.norm.ppf(border) - 1e-9
    yield "AUC", continuous("normal", stats.norm(), shift), border
    yield "AUC", continuous("some far out", stats.norm(), 12.0, 2 * (border - 0.5) - 1e-9), border


def _with_rate(border: float) -> Iterator[tuple[str, KnownScores, float]]:
    """Scores whose rate at 1 % false positives lies at the border, a hair below."""
    shift = stats.norm.isf(0.01) - stats.norm.isf(border) - 1e-9
    yield "TPR", continuous("normal", stats.norm(), shift), border
    yield "TPR", continuous("some far out", stats.norm(), 8.0, (border - 0.01) / 0.99 - 1e-9), border


def bounds_on_epsilon(samples: int, rng: Rng) -> Iterator[str]:
    """Rows on how often the lower bound on ε lies above the true one."""

    def response(epsilon: float, member: np.ndarray) -> np.ndarray:
        truthful = rng.random(len(member)) < np.exp(epsilon) / (1 + np.exp(epsilon))
        return np.where(truthful, member, ~member).astype(float)

    def laplace(epsilon: float, member: np.ndarray) -> np.ndarray:
        return rng.laplace(size=len(member)) + epsilon * member

    for members, non_members in SIZES:
        member = np.arange(members + non_members) < members
        for name, mechanism in (("randomised response", response), ("Laplace noise", laplace)):
            for epsilon in (0.0, 0.5, 1.0, 3.0):
                found = np.array(
                    [empirical_epsilon(step_roc(mechanism(epsilon, member), member)) for _ in range(samples)]
                )
                above = float(np.mean(found > epsilon))
                yield (
                    f"| {sides(members, non_members)} | {name} | {epsilon:.1f} "
                    f"| {_marked(f'{above:.1%}', above > 1 - CONFIDENCE)} | {found.mean():.2f} |"
                )


# ------------------------------------------------------------------- forests


def records(n: int, rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    """(n, 8) features and (n,) labels of three classes that can be learned in part."""
    x = rng.normal(size=(n, FEATURES))
    return x, np.digitize(x[:, 0] + x[:, 1] + 1.5 * rng.normal(size=n), [-1.0, 1.0]).astype(np.int64)


def on_forests(splits: int, rng: Rng) -> Iterator[str]:
    """Rows on every figure of attacks on forests, with one set of reference models for each."""
    for leaf in LEAVES:
        scored, member = scores_on_forest(leaf, rng)
        for attack, scores in scored.items():
            whole = step_roc(scores, member)
            truths = {"AUC": area_under_roc(scores, member)} | {
                rate_name(limit): true_positive_rate_at(whole, float(limit)).value
                for limit in FALSE_POSITIVE_LIMITS
            }
            for members, non_members in SIZES:
                one_audit = partial(_forest_figures, scores, member, members, non_members, rng)
                label = f"{sides(members, non_members)} | leaf of {leaf}, {attack}"
                yield from counted(label, one_audit, truths, splits)


def _forest_figures(
    scores: np.ndarray, member: np.ndarray, members: int, non_members: int, rng: Rng
) -> dict[str, Interval]:
    """The figures of an audit that sees so many records of the table, drawn with replacement."""
    rows = [rng.choice(np.flatnonzero(side), n) for side, n in ((member, members), (~member, non_members))]
    return figures(scores[np.concatenate(rows)], np.arange(members + non_members) < members, rng)


def scores_on_forest(leaf: int, rng: Rng) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Scores of three attacks on all records of a table that a forest was trained on half of."""
    x, y = records(2 * TABLE, rng)
    member = np.arange(2 * TABLE) < TABLE
    pool = Pool(x, y, member, np.arange(2 * TABLE))
    forest = RandomForestClassifier(50, min_samples_leaf=leaf, random_state=0).fit(x[:TABLE], y[:TABLE])
    target = SklearnTarget(forest)
    plan = Plan(forest, target.classes, models=REFERENCES, seed=0)
    answers = SharedAnswers(target, pool, references=ReferenceModels(plan, TrainingData.of(pool)))
    scored = {
        module.__name__.rpartition(".")[2]: module.score(answers, pool, rng=rng, progress=Silent())
        for module in (loss, rmia, lira)
    }
    return scored, member


@dataclass(frozen=True)
class Table:
    """A kind of table that is split at random, and how many records of each side are sent."""

    name: str
    members: int
    non_members: int
    repeated: float = 0.0
    rare: float = 0.0


TABLES = (
    Table("plain", 300, 300),
    Table("a third of the records stand twice", 300, 300, repeated=0.33),
    Table("two classes of 1.5 % each", 300, 300, rare=0.015),
    Table("few records", 60, 60),
    Table("ten members to one", 600, 60),
    Table("ten non-members to one", 60, 600),
)


def innocent(table: Table, splits: int, rng: Rng) -> Iterator[str]:
    """A row on how often a model is accused by tables that it has never seen."""
    said = {"moderate or worse": 0, "some corrected interval above guessing": 0, "low": 0}
    for _ in range(splits):
        report = _innocent_audit(table, rng)
        said["moderate or worse"] += report.verdict.severity not in (Severity.LOW, Severity.INCONCLUSIVE)
        said["low"] += report.verdict.severity is Severity.LOW
        ran = [attack for attack in report.attacks if isinstance(attack, MembershipMeasured)]
        above = any(attack.metrics.auc_corrected.low > 0.5 for attack in ran)
        said["some corrected interval above guessing"] += above
    shares = " | ".join(f"{count / splits:.1%}" for count in said.values())
    yield f"| {sides(table.members, table.non_members)} | {table.name} | {shares} |"


def _innocent_audit(table: Table, rng: Rng) -> MembershipReport:
    """An audit, through the files, of a forest that was trained on other records of the source."""

    def drawn(n: int) -> pd.DataFrame:
        x, y = records(n, rng)
        if table.rare:
            y = np.where(rng.random(n) < 2 * table.rare, rng.integers(3, 5, n), y)
        rows = np.where(rng.random(n) < table.repeated, rng.integers(0, n, n), np.arange(n))
        return pd.DataFrame(x[rows], columns=[f"c{k}" for k in range(FEATURES)]).assign(label=y[rows])

    seen = drawn(1_000)
    model = RandomForestClassifier(40, min_samples_leaf=5, random_state=int(rng.integers(2**31)))
    model.fit(seen.drop(columns="label"), seen.label)
    sent = drawn(table.members + table.non_members)
    sent = sent[sent.label.isin(model.classes_)]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "model.pkl").write_bytes(pickle.dumps(model))
        sent[: table.members].to_csv(Path(folder) / "train_mia.csv", index=False)
        sent[table.members :].to_csv(Path(folder) / "test_mia.csv", index=False)
        parameters = {"seed": int(rng.integers(2**31)), "proportions": [90], "tradeoffs": False}
        return leakgauge.audit(Path(folder), parameters=parameters)


def attacks_that_learn(members: int, non_members: int, pools: int, rng: Rng) -> Iterator[str]:
    """Rows on every figure of attack models that are scored out of fold."""
    guessing = {"AUC": 0.5, "accuracy, threshold given": 0.5, "accuracy, one for each class": 0.5} | {
        rate_name(limit): float(limit) for limit in FALSE_POSITIVE_LIMITS
    }
    for learner in LEARNERS:
        for leaks in (False, True):
            one_audit = partial(_learned, learner.attack_model, members, non_members, leaks, rng)
            tell = "tell a little" if leaks else "tell nothing"
            label = f"{sides(members, non_members)} | {learner.label}, answers {tell}"
            yield from counted(label, one_audit, {} if leaks else guessing, pools)


def _learned(attack_model, members: int, non_members: int, leaks: bool, rng: Rng) -> dict[str, Interval]:
    """The figures of one audit by an attack model."""
    n = members + non_members
    member, y = np.arange(n) < members, rng.integers(0, 3, n)
    answers = rng.gamma(1.0, size=(n, 3))
    answers[np.arange(n), y] += leaks * rng.gamma(0.3 + 1.2 * member)
    seen = features_of_classes(answers / answers.sum(axis=1, keepdims=True), y)
    scores = held_out_scores(attack_model, seen, member, percentage=90, rng=rng, progress=Silent())
    pool = Pool(seen, y, member, np.arange(n))
    found = measure(scores, scores >= 0.5, pool, comparisons=1, rng=rng, cross_fitted=True)
    rates = {rate_name(limit): rate for limit, rate in found.tpr_at_fpr.items()}
    return {
        "AUC": found.auc,
        "accuracy, threshold given": found.accuracy,
        "accuracy, one for each class": found.accuracy_per_class,
        **rates,
    }


# ----------------------------------------------------------- reference models


@dataclass(frozen=True)
class Trainable:
    """An untrained model and records that it learns in part; `innocent` targets have seen other records."""

    name: str
    model: Any
    features: int
    sizes: tuple[tuple[int, int], ...]
    innocent: bool = False


TRAINABLE = (
    Trainable("logistic regression, 50 features", LogisticRegression(max_iter=200), 50, SIZES),
    Trainable("forest", RandomForestClassifier(20, min_samples_leaf=5), FEATURES, SIZES[:1] + SIZES[3:]),
    Trainable(
        "forest that has seen neither table",
        RandomForestClassifier(20, min_samples_leaf=5),
        FEATURES,
        SIZES[:1],
        innocent=True,
    ),
)


def with_reference_models(
    trainable: Trainable, members: int, non_members: int, pools: int, rng: Rng
) -> Iterator[str]:
    """Rows on attacks with reference models, everything drawn anew: records, target and references."""
    label = f"{sides(members, non_members)} | {trainable.name}"
    truths = {}
    if trainable.innocent:
        rates = {rate_name(limit): float(limit) for limit in FALSE_POSITIVE_LIMITS}
        truths = {
            f"`{attack.name}`: {figure}": truth
            for attack in REFERENCED
            for figure, truth in {"AUC": 0.5, "accuracy": 0.5, **rates}.items()
        }
    one_audit = partial(_referenced, trainable, members, non_members, rng)
    yield from counted(label, one_audit, truths, pools)


def _referenced(trainable: Trainable, members: int, non_members: int, rng: Rng) -> dict[str, Interval]:
    def drawn(n: int) -> tuple[np.ndarray, np.ndarray]:
        x = rng.normal(size=(n, trainable.features))
        return x, (x[:, 0] + x[:, 1] + rng.normal(size=n) > 0).astype(np.int64)

    x, y = drawn(members + non_members)
    member = np.arange(len(y)) < members
    model = clone(trainable.model)
    if "random_state" in model.get_params():
        model.set_params(random_state=int(rng.integers(2**31)))
    model.fit(*(drawn(members) if trainable.innocent else (x[member], y[member])))
    target = SklearnTarget(model)
    pool = Pool(x, y, member, np.arange(len(y)) + 1)
    seed = int(rng.integers(2**31))
    plan = Plan(model, target.classes, models=16, seed=seed)
    references = ReferenceModels(plan, TrainingData.of(pool))
    answers = SharedAnswers(target, pool, references=references)
    found: dict[str, Interval] = {}
    for attack in REFERENCED:
        scores = attack.score(answers, pool, rng=rng, progress=Silent())
        metrics = measure(
            scores,
            decide(scores, pool, threshold=None, rng=rng),
            pool,
            comparisons=1,
            rng=rng,
            threshold_chosen=True,
            replicates=without_each_round(attack, answers, pool, seed=seed),
        )
        named = {"AUC": metrics.auc, "accuracy": metrics.accuracy}
        named |= {rate_name(limit): rate for limit, rate in metrics.tpr_at_fpr.items()}
        found |= {f"`{attack.name}`: {figure}": interval for figure, interval in named.items()}
    return found


# --------------------------------------------------------------------- pages


@dataclass(frozen=True)
class Section:
    """A table of the page: what it is about, its columns, and by name what makes the rows of each part."""

    name: str
    title: str
    about: str
    columns: tuple[str, ...]
    parts: Mapping[str, Callable[[Rng], Iterable[str]]]

    def lines(self, holding: Sequence[str]) -> Iterator[str]:
        """The section in Markdown, of the parts whose names hold one of the texts."""
        yield f"\n## {self.title}\n\n{self.about}\n"
        yield f"| {' | '.join(self.columns)} |\n|{'---|' * len(self.columns)}"
        for name, rows in self.parts.items():
            if any(text in name for text in holding):
                yield from rows(np.random.default_rng([2026, *self.name.encode(), *name.encode()]))


def sections(samples: int, splits: int, pools: int) -> tuple[Section, ...]:
    """All sections, in the order of the page."""

    def chance(repeats: int) -> str:
        return f"Chance moves a share of 95 % by {2 * np.sqrt(0.05 * 0.95 / repeats):.1%}."

    def counts(*first: str) -> tuple[str, ...]:
        return ("members + non-members", *first, "figure", *COUNTED)

    return (
        Section(
            "known",
            "Known scores",
            f"{samples} audits a row. The truth of a chosen threshold is the mean over the audits. "
            f"{chance(samples)}",
            counts("scores"),
            {"": partial(on_known_scores, samples)},
        ),
        Section(
            "borders",
            "A true figure at the border of a severity, called beyond it",
            f"{samples} audits a row, by so many attacks; bold above 2.5 %, which chance moves by "
            f"{2 * np.sqrt(0.025 * 0.975 / samples):.1%}. TPR is at 1 % false positives.",
            ("members + non-members", "border", "scores", *(f"attacks: {tried}" for tried in TRIED)),
            {"": partial(called_beyond, samples)},
        ),
        Section(
            "epsilon",
            "The lower bound on ε",
            f"{samples} audits a row; bold where it lies above the true ε in more than 5 %.",
            ("members + non-members", "mechanism", "true ε", "lies above it", "mean bound"),
            {"": partial(bounds_on_epsilon, samples)},
        ),
        Section(
            "forests",
            "Forests",
            f"{splits} audits a row, of records drawn with replacement from {TABLE:,} members and as many "
            f"non-members; {REFERENCES} reference models, the same throughout. {chance(splits)}",
            counts("forest, attack"),
            {"": partial(on_forests, splits)},
        ),
        Section(
            "learned",
            "Attacks that learn",
            f"{pools} pools a row; the truth is guessing, or the mean over the pools. With 6,500 "
            f"on both sides the ten attack models of a pool take too long to be trained so often. "
            f"{chance(pools)} The standard deviation over the pools, and with it the last column, is "
            f"itself uncertain by {1 / np.sqrt(2 * pools):.0%}.",
            counts("attack model"),
            {sides(*size): partial(attacks_that_learn, *size, pools) for size in LEARNED_SIZES},
        ),
        Section(
            "references",
            "Attacks with reference models",
            f"{pools} audits a row: records, target and reference models are drawn anew each time. The "
            "truth is the mean over the audits, and guessing where the target has seen neither table. "
            f"{chance(pools)}",
            counts("target"),
            {
                f"{trainable.name}, {sides(*size)}": partial(with_reference_models, trainable, *size, pools)
                for trainable in TRAINABLE
                for size in trainable.sizes
            },
        ),
        Section(
            "innocent",
            "Models that have seen neither table",
            f"{max(splits // 5, 1)} audits a row, by every attack that applies.",
            (
                "members + non-members",
                "table",
                "moderate or worse",
                "some interval above guessing",
                "low",
            ),
            {table.name: partial(innocent, table, max(splits // 5, 1)) for table in TABLES},
        ),
    )


def main() -> None:
    """Run the sections and write their tables."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--samples", type=int, default=400)
    arguments.add_argument("--splits", type=int, default=200)
    arguments.add_argument("--pools", type=int, default=100)
    arguments.add_argument("--sections", nargs="+", metavar="NAME", help="only these; nothing is written")
    arguments.add_argument("--parts", nargs="+", metavar="TEXT", help="only parts that hold one of these")
    arguments.add_argument("--into", type=Path, default=Path(__file__).parent / "results")
    asked = arguments.parse_args()
    samples, splits, pools = asked.samples, asked.splits, asked.pools
    lines = [
        "# Calibration of membership audits\n",
        f"Written by `python benchmarks/calibration.py --samples {samples} --splits {splits} "
        f"--pools {pools}`, which says how. Intervals are at 95 %. Bold: the interval holds the truth "
        f"in less than {LEAST_HELD:.0%}, or is more than {MOST_WIDE} times as wide as the narrowest that "
        "could cover.",
    ]
    for section in sections(samples, splits, pools):
        if asked.sections and section.name not in asked.sections:
            continue
        for line in section.lines(asked.parts or ("",)):
            print(line, flush=True)
            lines.append(line)
    if not asked.sections and not asked.parts:
        (asked.into / "calibration.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
