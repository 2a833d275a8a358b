"""The guard: away from data, a random smooth map answers in the model's place.

A search for what a class looks like asks about images that no caller sends. The guard is a few
standard Keras layers around a fitted classifier. They measure an image in five ways, see `ruler`: where it
lies among the training images, and whether it has their contrast, detail and tones. Where a figure
is larger *or smaller* than of nearly all training images, a random linear map of its low frequencies
answers. (Smaller: averages, blurred and empty images are no data either.) A search then
climbs that map, whose image of a class holds nothing of what the class looks like.

It hides and does not remove. The classifier is inside as it was, so whoever holds the file takes the
guard off; and whoever has similar images searches among images that look like data, and passes.
This is the textbook case of gradient masking (Athalye et al. 2018, "Obfuscated Gradients Give a False
Sense of Security"): the page `docs/defences.md` holds what adaptive attacks still find.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.fft import idctn
from sklearn.model_selection import KFold

from leakgauge.defences.training.plan import TrainingPlan, check_classifier
from leakgauge.defences.training.ruler import MEASURES, NEGLIGIBLE, Ruler, dense
from leakgauge.errors import BadParameters, UnsupportedModel
from leakgauge.randomness import generator_for

LOST_SHARE = 0.01
LARGEST_LOST_SHARE = 0.2
FOLDS = 5
STEEPNESS = 40.0
"""Of the sigmoid at a border, in shares of the border or of the room within, whichever is less: a tenth
within it the model has 98 % of the say."""
CUTOFF, SLOPE = 4.0, 0.5
"""Of the map that answers elsewhere: its waves are below so many half periods a side, as in
`inversion.priors`; each has a weight of so many nats for one standard deviation of the pixels."""


def harden(plan: TrainingPlan, *, lost_share: float = LOST_SHARE) -> TrainingPlan:
    """The plan with a guard around the trained classifier; what `guarded` raises comes when it is trained.

    Raises
    ------
    BadParameters
        `privacy_undone` for a plan with DP-SGD: the guard's borders come from the records.
    """

    def wrapped(model: Any, images: NDArray[np.float32], seed: int) -> Any:
        return guarded(model, images, seed=seed, lost_share=lost_share)

    return replace(plan, wrappers=(*plan.wrappers, wrapped))


def guarded(model: Any, images: NDArray[Any], *, seed: int, lost_share: float = LOST_SHARE) -> Any:
    """The classifier behind a guard; it saves, loads in safe mode and converts as any functional model.

    Parameters
    ----------
    model
        a fitted Keras classifier with one input; it gives (n, n_classes) probabilities or logits, and so
        does the guarded one. It is used as it is, not copied.
    images
        (n, height, width, channels) images it was trained on, in the range of pixels that it takes.
    seed
        of the map that answers away from data. It is a key: whoever knows it knows the map.
    lost_share
        strength: about so large a share of real images is answered by the random map too.

    Raises
    ------
    UnsupportedModel
        `not_a_classifier` for a model without one input and one row of at least two scores.
    BadParameters
        `lost_share` out of range; `guard_images` for images that do not fit the model, are too few for
        `lost_share`, are all the same or hold a pixel that is no number.
    """
    check_classifier(model)
    checked = _checked(model, images, lost_share)
    flat = checked.reshape(len(images), -1)
    spread = float(np.sqrt(flat.var(axis=0, dtype=np.float64).mean()))
    if not spread > NEGLIGIBLE * float(np.abs(flat).max()):
        raise _unfit("The images are all the same.", "Give the images that the model was trained on.")
    ruler = Ruler.of(checked, spread, seed=seed)
    image = keras.Input(images.shape[1:], name="image")
    centred = _centred(image, spread * ruler.mean, spread)
    measures = _measured_apart(checked, spread, seed=seed)
    near = _near(ruler.layers(image, centred), ruler, measures, lost_share)
    answers = _answers(model, checked)
    elsewhere = dense(
        centred,
        _misleading_map(flat, answers.argmax(axis=1), images.shape[1:], answers.shape[1], seed=seed),
        activation="softmax" if _are_probabilities(answers) else "linear",
        name="guard_elsewhere",
    )
    layers = keras.layers
    away = layers.Rescaling(-1.0, 1.0, name="guard_away")(near)
    shares = [
        layers.Multiply(name="guard_model")([near, model(image)]),
        layers.Multiply(name="guard_map")([away, elsewhere]),
    ]
    return keras.Model(image, layers.Add(name="guard_answers")(shares))


def _measured_apart(images: NDArray[np.float32], spread: float, *, seed: int) -> NDArray[np.float64]:
    """(n, measures) figures of every training image, by a ruler that was made without it."""
    found = np.empty((len(images), len(MEASURES)))
    for fit, apart in KFold(FOLDS, shuffle=True, random_state=seed).split(images):
        found[apart] = Ruler.of(images[fit], spread, seed=seed).measures(images[apart])
    return found


def _near(features: Any, ruler: Ruler, measures: NDArray[np.float64], lost_share: float) -> Any:
    """(n, 1) how far the model has the say: 1 within all borders, 0 well outside one."""
    share = lost_share / (2 * len(MEASURES))
    gates = []
    for place, name in enumerate(MEASURES):
        borders = _borders(measures[:, place], share)
        room = borders["outer"] - borders.get("inner", 0.0)
        for side, border in borders.items():
            slope = STEEPNESS / min(border, room) * (-1.0 if side == "outer" else 1.0)
            weights = slope * ruler.difference(place, border)
            gate = dense(
                features,
                weights[:-1, None],
                bias=weights[-1:],
                activation="sigmoid",
                name=f"guard_{name}_{side}",
            )
            gates.append(gate)
    return keras.layers.Multiply(name="guard_near")(gates)


def _borders(seen: NDArray[np.float64], share: float) -> dict[str, float]:
    """Outer and inner border of a figure, each with `share` of the images beyond it.

    A figure that is next to nothing, such as what images of few dimensions have beside their axes, has no
    inner border.
    """
    # by Weibull's positions, beyond which so large a share of *other* images is expected
    outer, inner = (float(np.quantile(seen, at, method="weibull")) for at in (1.0 - share, share))
    if inner <= NEGLIGIBLE or outer - inner <= NEGLIGIBLE:
        return {"outer": max(NEGLIGIBLE, outer)}
    return {"outer": outer, "inner": inner}


def _centred(image: Any, mean: NDArray[np.float64], spread: float) -> Any:
    """(n, d) pixels less their mean in units of `spread`."""
    variance = spread**2
    # the epsilon that the layer adds to the variance is taken off before: any range of pixels comes out alike
    normalise = keras.layers.BatchNormalization(
        center=False, scale=False, epsilon=1e-3 * variance, trainable=False, name="guard_centred"
    )
    centred = normalise(keras.layers.Flatten(name="guard_flat")(image))
    normalise.set_weights([mean, np.full(len(mean), (1 - 1e-3) * variance, dtype=np.float32)])
    return centred


def smooth_waves(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """(d, waves) orthonormal cosine waves below `CUTOFF` of (height, width, channels) images, by channel."""
    height, width, channels = shape
    rows, columns = np.nonzero(np.hypot(np.arange(height)[:, None], np.arange(width)[None, :]) < CUTOFF)
    spectra = np.zeros((height, width, len(rows)))
    spectra[rows, columns, np.arange(len(rows))] = 1.0
    waves = idctn(spectra, axes=(0, 1), norm="ortho").reshape(height * width, -1)
    return np.asarray(np.kron(waves, np.eye(channels)))


def _misleading_map(
    flat: NDArray[np.float32], labels: NDArray[np.int64], shape: tuple[int, ...], classes: int, *, seed: int
) -> NDArray[np.float64]:
    """(d, classes) weights: for each class a random smooth image that holds nothing of the class's mean.

    Left to luck, some of the images would look like their class.
    """
    waves = smooth_waves(shape)
    weights = generator_for(seed, "guard").normal(0.0, SLOPE, (waves.shape[1], classes))
    for number in np.unique(labels):
        own = (flat[labels == number].mean(axis=0) - flat.mean(axis=0)) @ waves
        weights[:, number] -= own * (own @ weights[:, number]) / max(float(own @ own), 1e-12)
    return np.asarray(waves @ weights)


def _answers(model: Any, images: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(model.predict(images, batch_size=256, verbose=0))


def _are_probabilities(answers: NDArray[np.float32]) -> bool:
    """Whether the rows of answers are probabilities; otherwise they are logits.

    Raises
    ------
    UnsupportedModel
        `not_a_classifier` where every class has an answer from 0 to 1 of its own.
    """
    within = bool(answers.min() >= 0 and answers.max() <= 1)
    if within and not np.allclose(answers.sum(axis=1), 1.0, atol=1e-3):
        raise UnsupportedModel(
            "not_a_classifier",
            "The model answers for each class by itself, from 0 to 1, and these do not add up to 1.",
            hint="Guard a model that ends in softmax or in logits.",
        )
    return within


def _checked(model: Any, images: NDArray[Any], lost_share: float) -> NDArray[np.float32]:
    """The images as the guard measures them."""
    if not 0.0 < lost_share <= LARGEST_LOST_SHARE:
        raise BadParameters(
            "lost_share",
            "The guard's lost_share is the share of real images that it may answer at random.",
            hint=f"Choose one above 0 and up to {LARGEST_LOST_SHARE:g}; start with {LOST_SHARE:g}.",
        )
    expected = model.inputs[0].shape[1:]
    found = images.shape[1:]
    if (
        len(found) != 3
        or len(expected) != 3
        or any(size is not None and size != given for size, given in zip(expected, found, strict=True))
    ):
        raise _unfit(
            f"The images have the shape {found}, and the model takes {tuple(expected)}.",
            "Give (n, height, width, channels) images in the shape that the model takes.",
        )
    least = math.ceil(4 / lost_share)
    if len(images) < least:
        raise _unfit(
            f"There are {len(images)} images, too few to tell how far out 1 in {least} lies.",
            f"Give at least {least}, or a larger lost_share.",
        )
    checked = np.asarray(images, dtype=np.float32)
    if not np.isfinite(checked).all():
        raise _unfit("A pixel is not a finite number.", "Give images as numbers in the model's range.")
    return checked


def _unfit(message: str, hint: str) -> BadParameters:
    return BadParameters("guard_images", message, hint=hint)
