"""Masked answers: what the target's answers hide, found out by asking.

Rounding the answers, naming only the likeliest classes or the label alone
hides the slope that searches follow, and often not what was learned (Carlini &
Wagner 2017 and Athalye, Carlini & Wagner 2018 on masked gradients, for another
kind of attack). An audit has to know: the objective must not follow digits that
are not there, and a reader must not take a hidden slope for a removed leak.

A few hundred images are asked about: smooth random ones, each with a close
neighbour, and the way between images of different labels, halved until it is
short. Between two labels a softmax passes through every share, however sure it
is; an answer that jumps was made to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from leakgauge.estimates import Estimate, proportion
from leakgauge.images.image import Images
from leakgauge.inversion.away_from_data import BORDER, MEAN_OF, AwayFromData, examine_lines
from leakgauge.inversion.objective import LEAST_PROBABILITY
from leakgauge.inversion.priors.low_frequencies import coarse_images, low_frequencies
from leakgauge.report.model import Mask, Masking, Severity
from leakgauge.targets.protocol import BoolArray, FloatArray, Target
from leakgauge.targets.score_rows import rounding_step

IMAGES = 128
CONTRAST = 0.25
"""Standard deviation of the images' pixels."""
NEAR = 0.02
"""The same, of the difference between an image and its neighbour."""
PAIRS, HALVINGS = 6, 24
USUAL_SPREAD = 2.0
"""Spread of trained networks that the prior's weight was chosen on; others are brought to it."""
LABEL_FLOOR = 0.05
"""Probability given to what a label rules out: how sure it is, nobody can tell."""
TIED_ROWS = 0.25
NEARLY_EVERY = 0.95
FLAT = 0.95
"""Probability that no answer reaches where answers are called flat."""
SPREAD_OF_REAL = 1.6
"""Spread of trained networks' answers to real images over that to smooth ones, in the middle of 36: from .7
to 4."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found, and how answers are to be read.

    Attributes
    ----------
    found, step, classes_kept, slope_hidden, queries
        as in `report.model.Masking`.
    floor
        smallest probability sentences from 0.
    temperature
        what log probabilities are divided by; see `objective.log_odds`.
    away
        what was found on lines away from real images; None where answers are masked so that every line
        would be steep.
    """

    found: tuple[Mask, ...]
    floor: float
    temperature: float
    step: float | None = None
    classes_kept: int | None = None
    slope_hidden: Estimate | None = None
    queries: int = 0
    away: AwayFromData | None = None


def examine(target: Target, original: Images, *, rng: np.random.Generator) -> Examined:
    """Ask the target about images that show how its answers are made.

    Parameters
    ----------
    original
        (height, width, channels) the user's image, one more to ask about.
    """
    if not target.has_probabilities:
        return Examined(("labels_only",), LABEL_FLOOR, temperature=1.0)
    asked_before = target.queries
    space = low_frequencies(np.full_like(original, 0.5))
    z = space.scattered(IMAGES, contrast=CONTRAST, rng=rng)
    # around black images bear more labels than around grey
    around_black = coarse_images(np.zeros_like(original), IMAGES, rng=rng)
    images = np.concatenate([space.images(z), around_black, original[None]])
    answers = target.probabilities(images)
    step = space.scattered(IMAGES, contrast=NEAR, rng=rng)
    neighbours = target.probabilities(space.images(z + step))
    between = _between(target, images, answers)
    rows = np.concatenate([answers, neighbours, between])

    masks: list[Mask] = []
    kept, size, floor = None, None, LEAST_PROBABILITY
    if len(between) and bool((rows.max(axis=1) == 1.0).all()):
        masks.append("labels_only")
        floor = LABEL_FLOOR
    else:
        kept = _classes_kept(rows)
        shown = np.sort(rows, axis=1)[:, -kept:] if kept else rows  # the shared number lies on no grid
        if kept:
            masks.append("truncated")
        size = rounding_step(shown)
        if size:
            masks.append("rounded")
            floor = size / 2
        if not kept and not size and _clipped(rows):
            masks.append("clipped")
        if not masks and rows.max() < FLAT:
            masks.append("flat")
    unmoved = (answers[:IMAGES] == neighbours).all(axis=1)
    spread = _spread(answers[:IMAGES])
    plain = not masks or masks == ["flat"]  # what is masked has no spread of its own to go by
    return Examined(
        tuple(masks),
        floor,
        temperature=spread / USUAL_SPREAD if plain and spread > 0 else 1.0,
        step=size,
        classes_kept=kept,
        slope_hidden=proportion(int(unmoved.sum()), IMAGES),
        queries=target.queries - asked_before,
    )


def examine_away(
    examined: Examined,
    target: Target,
    given: Sequence[Images],
    auxiliary: Sequence[Images],
    *,
    rng: np.random.Generator,
) -> Examined:
    """What was found, and whether the target answers differently away from data; see `away_from_data`.

    Parameters
    ----------
    given, auxiliary
        as `away_from_data.examine_lines`.
    """
    if _steps_anyway(examined):
        return examined
    asked_before = target.queries
    away = examine_lines(target, given, auxiliary, rng=rng)
    found, temperature = examined.found, examined.temperature
    if away.found:
        found = (*found, "away_from_data")
        real = np.stack([*given, *auxiliary])
        # to smooth images another map has answered, whose spread is not the model's
        if len(real) >= MEAN_OF:
            spread = _spread(target.probabilities(real[:IMAGES]))
            temperature = spread / SPREAD_OF_REAL / USUAL_SPREAD or 1.0
    queries = examined.queries + target.queries - asked_before
    return replace(examined, found=found, away=away, temperature=temperature, queries=queries)


def _steps_anyway(examined: Examined) -> bool:
    """Whether answers are masked in a way that makes any line steep."""
    return any(mask != "flat" for mask in examined.found)


def masking_of(examined: Examined, severity: Severity) -> Masking:
    """What the masking is worth, given the verdict over all attacks on the masked answers."""
    masked = [mask for mask in examined.found if mask != "flat"]
    effect: Literal["none", "slope_only", "no_leak_shown", "undecided"]
    if not masked:
        effect = "none"
    elif severity is Severity.LOW:
        effect = "no_leak_shown"
    else:
        effect = "undecided" if severity is Severity.INCONCLUSIVE else "slope_only"
    sentences = " ".join(_sentence(mask, examined) for mask in examined.found) or (
        "The model answers with probabilities that hide nothing."
        if examined.queries
        else "What the model's answers hide was not looked for, for lack of time."
    )
    return Masking(
        found=examined.found,
        step=examined.step,
        classes_kept=examined.classes_kept,
        slope_hidden=examined.slope_hidden,
        queries=examined.queries,
        effect=effect,
        sentence=" ".join(filter(None, (sentences, _WORTH[effect], _not_asked(examined)))),
        steepness=examined.away.statistic if examined.away else None,
    )


_WORTH: Final[Mapping[str, str]] = {
    "none": "",
    "slope_only": "This misleads some attacks and does not remove the leak: others reconstruct the class all "
    "the same.",
    "no_leak_shown": "No attack, those from labels alone included, reconstructed more than a guess. "
    "Whether that is owed to the masking, only an audit of the model without it can tell.",
    "undecided": "Whether it removes a leak or only misleads attacks is not decided.",
}


def _sentence(mask: Mask, examined: Examined) -> str:
    match mask:
        case "labels_only":
            return "The model answers with labels alone."
        case "truncated":
            return (
                f"The model gives a score to the {examined.classes_kept} likeliest classes only; what they "
                "leave was read as shared evenly among the others."
            )
        case "rounded":
            return f"The model's probabilities are rounded to steps of {examined.step:g}."
        case "clipped":
            return "The model's scores are cut off at an end, where several classes share one number."
        case "flat":
            return (
                "The model's answers are flat, as a raised temperature or an unsure model makes them. That "
                "is no defence: the attacks divide it out."
            )
        case "away_from_data":
            steepness = examined.away.statistic if examined.away else None
            return (
                "The model answers differently away from data: on lines that lead away from real images its "
                f"answers change {steepness or 0.0:.1f} times as fast within a short stretch as on average. "
                f"Networks that hide nothing stay below {BORDER:g}. What is learned there says nothing of "
                "the training data, and an attacker who has images of the same kind does not ask there."
            )


def _not_asked(examined: Examined) -> str:
    """What could not be asked about, to find out whether the target answers differently away from data."""
    if not examined.found and examined.away is None:
        return ""  # there was no time to ask about anything
    if examined.away is None:
        return "Whether it answers differently away from data cannot be told from such answers."
    left_out = [words for kind, words in _LINES.items() if kind not in examined.away.steepness]
    if examined.away.statistic is None:
        return (
            "Whether it answers differently away from data cannot be told: its answers hardly change, or are "
            "too sure to follow."
        )
    if not left_out:
        return ""
    return (
        f"Without further real images, or where these told nothing, the line {' and '.join(left_out)} could "
        "not be asked about."
    )


_LINES: Final[Mapping[str, str]] = {"blend": "between two of them", "mean": "from one to their mean"}
"""The kinds of lines that take several images."""


def _between(target: Target, images: Images, answers: FloatArray) -> FloatArray:
    """Answers on the way between images of different labels, which is halved around the change."""
    labels = answers.argmax(axis=1)
    partners = [(labels != labels[place]).argmax() for place in range(len(labels))]
    pairs = [(place, int(other)) for place, other in enumerate(partners) if labels[other] != labels[place]]
    if not pairs:
        return np.empty((0, answers.shape[1]))
    chosen = np.array(pairs)[np.linspace(0, len(pairs) - 1, min(PAIRS, len(pairs))).round().astype(int)]
    here, there = images[chosen[:, 0]].copy(), images[chosen[:, 1]].copy()
    found = []
    for _ in range(HALVINGS):
        middle = (here + there) / np.float32(2)
        rows = target.probabilities(middle)
        found.append(rows)
        same = rows.argmax(axis=1) == labels[chosen[:, 0]]
        here[same], there[~same] = middle[same], middle[~same]
    return np.concatenate(found)


def _classes_kept(rows: FloatArray) -> int | None:
    """How many classes have an answer of their own where the rest share one number, in nearly every row."""
    tied = _tied_at_least(rows).sum(axis=1)
    usual = int(np.bincount(tied).argmax())
    # where two classes are exactly as likely, as may happen between two labels, a row differs
    return rows.shape[1] - usual if usual > 1 and (tied == usual).mean() >= NEARLY_EVERY else None


def _tied_at_least(rows: FloatArray) -> BoolArray:
    """(n, n_classes) which classes share the least answer of their row, those passed over that always do.

    Classes that nothing was trained on may have equal weights; that masks nothing.
    """
    tied = rows == rows.min(axis=1, keepdims=True)
    return np.asarray(tied & ~tied.all(axis=0))


def _clipped(rows: FloatArray) -> bool:
    """Whether many answers stop at the same end: the least of a row shared by several classes."""
    least = rows.min(axis=1)
    tied = (_tied_at_least(rows).sum(axis=1) > 1) & (least > LEAST_PROBABILITY)
    highest = rows.max()
    capped = (rows.max(axis=1) == highest) & (highest < 1 - 1e-6)
    distinct = len(np.unique(rows[capped], axis=0)) > 1
    return bool(tied.mean() >= TIED_ROWS or (distinct and capped.mean() >= TIED_ROWS))


def _spread(answers: FloatArray) -> float:
    """Root mean square of log probabilities about their mean over classes, then over images."""
    logs = np.log(np.maximum(answers, LEAST_PROBABILITY))
    logs -= logs.mean(axis=1, keepdims=True)
    logs -= logs.mean(axis=0)
    return float(np.sqrt(np.square(logs).mean()))
