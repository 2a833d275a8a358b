"""The range of a pixel, found by what the model says of every image in each of the usual ranges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from leakgauge.estimates import proportion
from leakgauge.images.image import Images
from leakgauge.report.model import Notice
from leakgauge.targets.images.facts import ImageModel, InputRange, range_setting, range_words, usual_ranges
from leakgauge.targets.protocol import FloatArray

NOT_KNOWN = "input_range_not_known"
"""The code of the notice after which no class is attacked."""
SATURATED = 1e-12
"""Probability left to all other classes below which an answer speaks of an input out of range."""
_MOST_IMAGES = 100
"""Images that are asked about in each range, evenly taken."""
_FEWEST_FOR_VARIETY = 8
_LEAST_VARIETY = 0.1
"""Nats that an answer says about the image it is given for, on average, below which it says nothing."""
_CLEARLY = 2.0
"""How much more varied answers are than those in every other range where variety alone decides."""


@dataclass(frozen=True, slots=True)
class _Answers:
    """What the model says with pixels in one range.

    Attributes
    ----------
    range
        the range.
    right, labelled
        images that it gives their class, of so many with one.
    variety
        nats of information about the image in an answer: none where every image gets the same one.
    likeliest
        the class of the user's image.
    """

    range: InputRange
    right: int
    labelled: int
    variety: float
    likeliest: int


def settle_range(
    target: ImageModel,
    original: Images,
    others: Sequence[Images],
    *,
    labelled: Mapping[int, Sequence[Images]],
    class_is_asked: bool,
) -> tuple[Notice, ...]:
    """Find the range of a pixel and let the model take it; what a report must say of it comes first.

    Agreement with the labels decides, then the variety of answers. A range that was asked for, or that
    the model's entrance speaks of, stays, and is contradicted where labels do.

    Parameters
    ----------
    original
        (height, width, channels) the user's image.
    others
        images without a class.
    labelled
        images by their class, `original` among them where its class is known.
    class_is_asked
        whether the class to reconstruct was named.

    Returns
    -------
    What is to be said; a notice `NOT_KNOWN` where nothing decides and the class of the image depends on it.
    """
    facts = target.facts
    answers = _answers(target, original, others, labelled)
    taken = next(one for one in answers if one.range == facts.scale)
    if facts.range_source == "asked":
        return ()
    best = _by_labels(answers) or (_by_variety(answers) if facts.range_source == "assumed" else None)
    if best is not None and best is not taken:
        if facts.range_source == "assumed":
            target.take_range(best.range)
            return (_found(best, taken),)
        return (_contradicted(best, taken),)
    notices = _saturated(target, original)
    if best is taken or facts.range_source != "assumed":
        return notices
    if not class_is_asked and len({one.likeliest for one in answers}) > 1:
        return (_not_known(answers),)
    return (_assumed(taken, answers), *notices)


def _answers(
    target: ImageModel,
    original: Images,
    others: Sequence[Images],
    labelled: Mapping[int, Sequence[Images]],
) -> list[_Answers]:
    classed = [(image, number) for number, images in sorted(labelled.items()) for image in images]
    classed = classed[:: -(-len(classed) // _MOST_IMAGES) or 1]
    further = list(others[:: -(-len(others) // _MOST_IMAGES) or 1])
    images = np.stack([original, *(image for image, _ in classed), *further])
    numbers = np.array([number for _, number in classed], dtype=np.int64)
    facts = target.facts
    usual = usual_ranges(facts.shape[2])
    ranges = usual if facts.scale in usual else (facts.scale, *usual)
    found = []
    for one in ranges:
        said = target.probabilities_within(images, one)
        labels = said.argmax(axis=1)
        right = int((labels[1 : 1 + len(numbers)] == numbers).sum())
        found.append(_Answers(one, right, len(numbers), _variety(said), int(labels[0])))
    return found


def _variety(said: FloatArray) -> float:
    """The mutual information of image and class in (n, n_classes) answers, in nats."""

    def entropy(rows: FloatArray) -> FloatArray:
        return np.asarray(-(rows * np.log(np.maximum(rows, 1e-12))).sum(axis=-1))

    return (
        float(entropy(said.mean(axis=0)) - entropy(said).mean()) if len(said) >= _FEWEST_FOR_VARIETY else 0.0
    )


def _by_labels(answers: Sequence[_Answers]) -> _Answers | None:
    """The range in which the model is surely right more often than in all others."""
    if not answers[0].labelled:
        return None
    shares = [proportion(one.right, one.labelled) for one in answers]
    best = max(range(len(answers)), key=lambda place: shares[place].value)
    others = [share.high for place, share in enumerate(shares) if place != best]
    return answers[best] if shares[best].low > max(others) else None


def _by_variety(answers: Sequence[_Answers]) -> _Answers | None:
    """The range in which answers tell images apart, where in all others they hardly do."""
    best, *others = sorted(answers, key=lambda one: one.variety, reverse=True)
    decides = best.variety >= _LEAST_VARIETY and best.variety >= _CLEARLY * others[0].variety
    agrees = best.right == max(one.right for one in answers)
    return best if decides and agrees else None


def _found(best: _Answers, assumed: _Answers) -> Notice:
    return Notice(
        "input_range_found",
        f"The range of a pixel was found by the model's answers: pixels {range_words(best.range)}"
        + (
            f", where it is right about {best.right} of {best.labelled} images with a class, and with pixels "
            f"{range_words(assumed.range)} about {assumed.right}."
            if best.labelled and best.right > assumed.right
            else f", where its answers tell images apart; with pixels {range_words(assumed.range)} they "
            "hardly do."
        )
        + f' If that is wrong, set "input_range": {range_setting(assumed.range)}.',
    )


def _contradicted(best: _Answers, taken: _Answers) -> Notice:
    return Notice(
        "input_range",
        f"The model's first layers speak of pixels {range_words(taken.range)}, with which it is right about "
        f"{taken.right} of {taken.labelled} images; with pixels {range_words(best.range)} it is about "
        f'{best.right}. Set "input_range": {range_setting(best.range)} if that is its range.',
    )


def _assumed(taken: _Answers, answers: Sequence[_Answers]) -> Notice:
    likely = [one for one in answers if one is not taken and one.right > taken.right]
    others = "; ".join(
        f"with pixels {range_words(one.range)} the image is of class {one.likeliest}"
        for one in answers
        if one is not taken and one.likeliest != taken.likeliest
    )
    doubt = f" It is right about more of them {range_words(likely[0].range)}." if likely else ""
    return Notice(
        "input_range",
        f"Which range of a pixel the model was trained on could not be told; pixels "
        f"{range_words(taken.range)} were assumed, and the image is then of class {taken.likeliest}"
        + (f" ({others})." if others else ", as it is in every usual range.")
        + doubt
        + " Set input_range, or bring labelled images, reference/CLASS/*.png: in a wrong range, no "
        "reconstruction says anything.",
    )


def _saturated(target: ImageModel, original: Images) -> tuple[Notice, ...]:
    answer = target.probabilities(original[None])[0]
    if float(np.delete(answer, answer.argmax()).sum()) >= SATURATED:
        return ()
    return (
        Notice(
            "saturated",
            "The model leaves nothing to any other class. That is a sign of pixels in a wrong range, here "
            f"{range_words(target.facts.scale)}: set input_range to the range that it was trained on.",
        ),
    )


def _not_known(answers: Sequence[_Answers]) -> Notice:
    said = "; ".join(f"with pixels {range_words(one.range)} class {one.likeliest}" for one in answers)
    return Notice(
        NOT_KNOWN,
        "The range of a pixel that the model was trained on could not be told, and the class of the image "
        f"depends on it: {said}. No class was attacked by a guess. Set input_range ([0, 1], [0, 255], "
        '[-1, 1] or "imagenet"), or class_to_attack to the class of the image, or bring labelled images, '
        "reference/CLASS/*.png, by which the range is found.",
    )
