"""From a bundle's files to an image classifier and a pool of images that fit each other."""

from __future__ import annotations

import math

import numpy as np

from leakgauge.bundle import ImageMembershipBundle, Limits
from leakgauge.defences.output import DefendedTarget, defended_notice, not_undone, settings_of
from leakgauge.errors import BadBundle, BadParameters
from leakgauge.estimates import Estimate, proportion
from leakgauge.images.image import Images
from leakgauge.membership.image_sets import FittedSet, labelled_images, positions
from leakgauge.membership.inputs import Inputs
from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.membership.pooling import LEAST_RECORDS
from leakgauge.parameters import ImageMembershipParameters, pixel_values
from leakgauge.randomness import generator_for
from leakgauge.report.model import Notice
from leakgauge.tables.labels import NAMED_AT_MOST
from leakgauge.targets.images.facts import ImageModel, InputRange, range_setting, range_words, usual_ranges
from leakgauge.targets.opening import open_image_model
from leakgauge.targets.protocol import BoolArray, IntArray, ModelTarget

MOST_NUMBERS = 200_000_000
"""Pixels and channels of all images of a pool together, which bounds its memory."""
_LOOKED_AT = 200
"""Images of each side by which the range of a pixel is told."""


def read_image_inputs(
    bundle: ImageMembershipBundle,
    parameters: ImageMembershipParameters,
    *,
    model: ImageModel | None = None,
) -> Inputs:
    """Open the model, read both image sets, fit them to it, and ask it about every image.

    Parameters
    ----------
    model
        one that is open already; None for the bundle's.

    Raises
    ------
    LeakgaugeError
        for whatever does not fit, with file and place.
    """
    asked_for = settings_of(parameters.defences)
    defences = not_undone(asked_for)
    sent = [
        labelled_images(found, input_range=pixel_values(parameters.input_range))
        for found in (bundle.members, bundle.non_members)
    ]
    for images in sent:
        _check_size(images.name, len(images.labels), bundle.limits)
    first = sent[0].image(0).values
    if bundle.model is not None:
        model = open_image_model(
            bundle.model.path,
            image_size=(first.shape[0], first.shape[1]),
            input_range=parameters.input_range,
            channel_order=parameters.channel_order,
        )
    if model is None:
        raise ValueError("neither the bundle nor the caller has a model")
    members, non_members = (
        FittedSet(images, positions(images, model.facts.classes), model.facts.shape, parameters.resize)
        for images in sent
    )
    notices = list(defended_notice(asked_for))
    pool = _pool((members, non_members), parameters, notices)
    notices += [*members.notices, *non_members.notices]
    _check_range(model, pool)
    target: ModelTarget = DefendedTarget(model, defences) if defences else model
    answers = SharedAnswers(target, pool)
    answers.remember()
    notices += _no_better_than_guessing(answers, pool)
    return Inputs(
        target=answers,
        pool=pool,
        features=math.prod(model.facts.shape),
        notices=tuple(notices),
        defences=defences,
    )


def _check_size(name: str, images: int, limits: Limits) -> None:
    if images > limits.table_rows:
        raise limits.exceeded("table_rows", f"{name} has {images:,} images.")
    if images < LEAST_RECORDS:
        raise BadBundle(
            "too_few_records",
            f"{name} has {images} images; it takes {LEAST_RECORDS} to say anything.",
            hint="Send as many members and non-members as you can; from some hundreds of each the figures "
            "become useful. A zip takes many images best as arrays, such as training_images.npy.",
        )


def _pool(
    sides: tuple[FittedSet, FittedSet], parameters: ImageMembershipParameters, notices: list[Notice]
) -> Pool:
    """Both sets together, without the images that stand in both, cut to size."""
    in_both = _in_both(*sides)
    in_memory = max(MOST_NUMBERS // math.prod(sides[0].shape), 2 * LEAST_RECORDS)
    most = min(parameters.max_records, in_memory) // 2
    kept = [
        _kept(side, shared, most, parameters, notices) for side, shared in zip(sides, in_both, strict=True)
    ]
    if in_both[0].any():
        numbers = ", ".join(str(place + 1) for place in np.flatnonzero(in_both[0])[:NAMED_AT_MOST])
        more = ", …" if in_both[0].sum() > NAMED_AT_MOST else ""
        notices.append(
            Notice(
                "records_in_both_tables",
                f"{int(in_both[0].sum()):,} images of {sides[0].images.name} and "
                f"{int(in_both[1].sum()):,} of {sides[1].images.name} stand in both sets with the same "
                f"label and were left out of both (numbers {numbers}{more} of {sides[0].images.name}).",
            )
        )
    x: Images = np.empty((sum(map(len, kept)), *sides[0].shape), dtype=np.float32)
    filled = 0
    for side, places in zip(sides, kept, strict=True):
        for place in places:
            x[filled] = side.take(int(place))
            filled += 1
    return Pool(
        x=x,
        y=np.concatenate([side.y[places] for side, places in zip(sides, kept, strict=True)]),
        member=np.repeat([True, False], [len(places) for places in kept]),
        row=np.concatenate(kept) + 1,
    )


def _in_both(members: FittedSet, non_members: FittedSet) -> tuple[BoolArray, BoolArray]:
    """(n,) for each set: whether the same image with the same label stands in the other set too."""
    ours, theirs = members.digests(), non_members.digests()
    shared = set(ours) & set(theirs)
    first, second = (
        np.array([digest in shared for digest in digests], dtype=np.bool_) for digests in (ours, theirs)
    )
    return first, second


def _kept(
    side: FittedSet,
    shared: BoolArray,
    most: int,
    parameters: ImageMembershipParameters,
    notices: list[Notice],
) -> IntArray:
    """(k,) places of the images that are used, ascending."""
    name = side.images.name
    left = np.flatnonzero(~shared)
    if len(left) < LEAST_RECORDS:
        raise BadBundle(
            "members_among_non_members",
            f"{int(shared.sum()):,} of the {len(shared):,} images of {name} stand in the other set too, "
            "with the same label.",
            hint="Non-members must be images that the model was not trained on.",
        )
    if len(left) <= most:
        return left
    rng = generator_for(parameters.seed, f"sample of {name}")
    remedy = (
        "raise max_records to use more"
        if most == parameters.max_records // 2
        else "more of this size do not fit into memory"
    )
    notices.append(
        Notice("sampled", f"{name}: {most:,} of {len(left):,} images were sampled at random; {remedy}.")
    )
    return np.sort(rng.choice(left, most, replace=False))


def _check_range(model: ImageModel, pool: Pool) -> None:
    """Refuse a range of a pixel that nobody stated where the model knows the images in another.

    A model that is asked in the wrong range answers at random, and would look as if it kept its
    members to itself.

    Raises
    ------
    BadParameters
        `input_range`, with both ranges.
    """
    facts = model.facts
    if facts.range_source != "assumed":
        return
    members, non_members = np.flatnonzero(pool.member), np.flatnonzero(~pool.member)
    looked_at = np.concatenate([side[:: -(-len(side) // _LOOKED_AT)] for side in (members, non_members)])
    x, y = pool.x[looked_at], pool.y[looked_at]

    def right_within(found: InputRange) -> Estimate:
        right = model.probabilities_within(x, found).argmax(axis=1) == y
        return proportion(int(right.sum()), len(right))

    assumed = right_within(facts.input_range)
    usual = usual_ranges(facts.shape[2])
    others = {found: right_within(found) for found in usual if found != facts.input_range}
    best, share = max(others.items(), key=lambda other: other[1].value)
    if share.low > assumed.high:
        message = (
            f"with pixels {range_words(facts.input_range)} the model is right about "
            f"{100 * assumed.value:.0f} % of the images, with pixels {range_words(best)} about "
            f"{100 * share.value:.0f} %"
        )
        raise BadParameters.about(
            "input_range",
            message,
            problem="input_range",
            message=f"The range of a pixel is not stated, and the usual one is wrong: {message}.",
            hint=f'Set "input_range": {range_setting(best)} in parameters.json if the model was '
            f"trained on that, else {range_setting(facts.input_range)}.",
        )


def _no_better_than_guessing(target: SharedAnswers, pool: Pool) -> list[Notice]:
    """What a reader must know of labels that the model does not share, whatever the reason."""
    right = (target.labels(pool.x) == pool.y)[pool.member]
    target.queries = 0
    share = proportion(int(right.sum()), len(right))
    if share.low > 1 / len(target.classes):
        return []
    return [
        Notice(
            "labels_do_not_fit",
            f"The model is right about {100 * share.value:.0f} % of its own training images, no better "
            "than a guess. Check that class numbers are in the order of the model's outputs, and that "
            "pixels are in the range that it was trained on.",
        )
    ]
