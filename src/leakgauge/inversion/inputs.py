"""From a bundle to what an inversion audit works on: the target, the image, the classes to reconstruct."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from leakgauge.bundle import BundledFile, InversionBundle
from leakgauge.defences.output import DefendedTarget, defended_notice, not_undone, settings_of
from leakgauge.errors import BadBundle, BadParameters
from leakgauge.exhaustion import Deadline
from leakgauge.images.files import read_image
from leakgauge.images.fitting import fit
from leakgauge.images.image import Images
from leakgauge.inversion.evaluation import Evaluation, choose_evaluation
from leakgauge.inversion.masking import Examined
from leakgauge.inversion.objective import Prior
from leakgauge.inversion.pixel_range import settle_range
from leakgauge.inversion.priors.background import background_of
from leakgauge.inversion.priors.choice import ChosenPrior, choose_prior
from leakgauge.inversion.priors.low_frequencies import low_frequencies
from leakgauge.inversion.priors.pca import MOST_NUMBERS, evenly
from leakgauge.inversion.probing import probed, too_slow
from leakgauge.inversion.protocol import AttackSettings
from leakgauge.inversion.start import start_among_data
from leakgauge.parameters import InversionParameters, pixel_values
from leakgauge.randomness import generator_for
from leakgauge.report.model import Notice
from leakgauge.targets.images.facts import ImageModel, ImageModelFacts, Network
from leakgauge.targets.opening import open_image_model
from leakgauge.targets.protocol import Target

_HIGH_CONTRAST = Notice(
    "edges",
    "The model hardly tells smooth images apart, and does so with sharp edges: every query of the attacks "
    "was made high-contrast. Reconstructions are shown as they are, and evaluated in high contrast.",
)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What an audit works on.

    Attributes
    ----------
    target
        the model, behind the output defences that were asked for.
    facts
        what was found out about the model itself.
    original
        (height, width, channels) the user's image.
    original_class
        the class that the image belongs to.
    classes
        the classes to reconstruct, in ascending order.
    references
        further images of the class, for the ceiling.
    settings
        what every attack is told.
    prior
        what attacks with a prior are given besides, if there is one.
    examined
        what the target's answers hide, and how they are read.
    evaluation
        who evaluates the reconstructions, and the labelled images that classes are known by.
    """

    target: Target
    facts: ImageModelFacts
    original: Images
    original_class: int
    classes: tuple[int, ...]
    references: tuple[Images, ...]
    settings: AttackSettings
    prior: ChosenPrior
    examined: Examined
    evaluation: Evaluation
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class InMemory:
    """Models that the caller holds, open already: the one under audit, and perhaps an evaluator."""

    model: ImageModel
    evaluator: ImageModel | None = None


def read_inputs(
    bundle: InversionBundle,
    parameters: InversionParameters,
    *,
    trained_prior: Path | None = None,
    in_memory: InMemory | None = None,
    deadline: Deadline | None = None,
) -> Inputs:
    """Open the model and the images of a bundle; `in_memory` are the models that it does not bring.

    Raises
    ------
    LeakgaugeError
        for a model, an image or parameters that no audit can be run on.
    """
    defences = not_undone(settings_of(parameters.defences))
    image = read_image(bundle.image, input_range=pixel_values(parameters.input_range))
    target = _target(bundle, image.values.shape, parameters, in_memory)
    shape = target.facts.shape
    original = fit(image, shape, resize=parameters.resize)
    sent = _sent_images(bundle, parameters, target.facts)
    slow = too_slow(target, len(sent.auxiliary) + sum(map(len, sent.labelled.values())), deadline)
    range_notices = slow or _range_notices(bundle, parameters, target, original.values, sent)
    prior = choose_prior(() if slow else sent.auxiliary, original.values, target, trained=trained_prior)
    likeliest = int(target.labels(original.values[None])[0])
    classes = _classes(parameters, target.facts.classes, likeliest)
    _check_names(parameters, target.facts.classes)
    original_class = likeliest if likeliest in classes else classes[0]
    evaluator = _evaluator(bundle, parameters, shape, in_memory)
    evaluation = choose_evaluation(evaluator, sent.labelled, target.facts, seed=parameters.seed)
    background, background_notices = background_of(
        original.values, asked=parameters.background, input_range=target.facts.input_range
    )
    asked: Target = DefendedTarget(target, defences) if defences else target
    known = [original.values, *sent.references, *sent.labelled.get(original_class, ())]
    high_contrast, examined = probed(asked, known, sent.auxiliary, unasked=bool(slow), seed=parameters.seed)
    start, start_notices = _start_for(asked, examined, parameters, sent, background, shape)
    notices = (
        *range_notices,
        *defended_notice(settings_of(parameters.defences)),
        *(*original.notices, *_class_notices(classes, original_class, likeliest)),
        *background_notices,
        *start_notices,
        *prior.notices,
        *([_HIGH_CONTRAST] if high_contrast else []),
        *evaluation.notices,
    )
    return Inputs(
        target=asked,
        facts=target.facts,
        original=original.values,
        original_class=original_class,
        classes=classes,
        references=tuple(known[1:]),
        settings=_settings(parameters, examined, start, background, high_contrast, target.network),
        prior=prior,
        evaluation=evaluation,
        examined=examined,
        notices=notices,
    )


def _settings(
    parameters: InversionParameters,
    examined: Examined,
    start: Images,
    background: float,
    high_contrast: bool,
    network: Network | None,
) -> AttackSettings:
    return AttackSettings(
        space=low_frequencies(start),
        iterations=parameters.iterations,
        seeds=parameters.seeds,
        learning_rate=parameters.learning_rate,
        prior=Prior(background=background),
        network=network,
        floor=examined.floor,
        temperature=examined.temperature,
        high_contrast=high_contrast,
    )


def _target(
    bundle: InversionBundle,
    size: Sequence[int],
    parameters: InversionParameters,
    in_memory: InMemory | None,
) -> ImageModel:
    if bundle.model is not None:
        return _opened(bundle.model, size, parameters)
    if in_memory is None:
        raise ValueError("neither the bundle nor the caller has a model")
    return in_memory.model


def _opened(file: BundledFile, size: Sequence[int], parameters: InversionParameters) -> ImageModel:
    return open_image_model(
        file.path,
        image_size=(size[0], size[1]),
        input_range=parameters.input_range,
        channel_order=parameters.channel_order,
    )


@dataclass(frozen=True, slots=True)
class _SentImages:
    """The images of a bundle besides the one of the class under attack, fitted to the model."""

    auxiliary: Sequence[Images]
    references: Sequence[Images]
    labelled: Mapping[int, Sequence[Images]]


def _sent_images(
    bundle: InversionBundle, parameters: InversionParameters, facts: ImageModelFacts
) -> _SentImages:
    def read(file: BundledFile) -> Images:
        found = read_image(file, input_range=pixel_values(parameters.input_range))
        return fit(found, facts.shape, resize=parameters.resize).values

    most = MOST_NUMBERS // math.prod(facts.shape)
    references = [read(file) for file in bundle.reference]
    auxiliary = [read(file) for file in evenly(bundle.auxiliary, most=most)]
    labelled: dict[int, list[Images]] = {}
    for number, file in evenly(_of_known_classes(bundle.labelled, facts.classes), most=most):
        labelled.setdefault(number, []).append(read(file))
    return _SentImages(auxiliary, references, labelled)


def _range_notices(
    bundle: InversionBundle,
    parameters: InversionParameters,
    target: ImageModel,
    original: Images,
    sent: _SentImages,
) -> tuple[Notice, ...]:
    """Settle the range of a pixel, and what is to be said of it."""
    known = {**sent.labelled, **_of_asked_class(parameters, original, sent)}
    # what is asked over a line, or is the caller's own, takes images as they come: few questions, no guess
    comes_with_file = bundle.model is not None
    return settle_range(
        target,
        original,
        sent.auxiliary if comes_with_file else (),
        labelled=known if comes_with_file else {},
        class_is_asked=parameters.class_to_attack is not None or not comes_with_file,
    )


def _of_asked_class(
    parameters: InversionParameters, original: Images, sent: _SentImages
) -> Mapping[int, Sequence[Images]]:
    """The user's image and its references, where one class was asked for: then they are of that class."""
    asked = parameters.class_to_attack
    if not isinstance(asked, tuple) or len(asked) != 1:
        return {}
    return {asked[0]: [original, *sent.references, *sent.labelled.get(asked[0], ())]}


def _evaluator(
    bundle: InversionBundle,
    parameters: InversionParameters,
    shape: Sequence[int],
    in_memory: InMemory | None,
) -> ImageModel | None:
    """The classifier that comes with the model to evaluate reconstructions, if one does."""
    if in_memory is not None and in_memory.evaluator is not None:
        return in_memory.evaluator
    if bundle.evaluator is None:
        return None
    if bundle.model is not None and bundle.evaluator.sha256 == bundle.model.sha256:
        raise BadBundle(
            "evaluator_is_model",
            "The evaluator is the very model under audit, which would evaluate its own answers.",
            hint="Bring a classifier that was trained apart, or leave it out.",
        )
    return _opened(bundle.evaluator, shape, parameters)


def _of_known_classes(
    labelled: Sequence[tuple[int, BundledFile]], n_classes: int
) -> Sequence[tuple[int, BundledFile]]:
    beyond = sorted({number for number, _ in labelled if number >= n_classes})
    if beyond:
        raise BadBundle(
            "reference_class",
            f"The folder reference has class {beyond[0]}, the model no class above {n_classes - 1}.",
            hint="Name the folders after the model's outputs, numbered from 0.",
        )
    return labelled


def _classes(parameters: InversionParameters, n_classes: int, likeliest: int) -> tuple[int, ...]:
    asked = parameters.class_to_attack
    if asked is None:
        return (likeliest,)
    if asked == "all":
        return tuple(range(n_classes))
    beyond = sorted(number for number in asked if number >= n_classes)
    if beyond:
        message = f"the model has classes 0 to {n_classes - 1}, not {', '.join(map(str, beyond))}"
        raise BadParameters.about(
            "class_to_attack",
            message,
            problem="class_out_of_range",
            message=f"class_to_attack: {message}.",
            hint="Classes are numbered from 0, in the order of the model's outputs.",
        )
    return tuple(sorted(asked))


def _check_names(parameters: InversionParameters, n_classes: int) -> None:
    names = parameters.class_names
    if names is None or len(names) == n_classes:
        return
    message = f"holds {len(names):,} names, the model has {n_classes:,} classes"
    raise BadParameters.about(
        "class_names",
        message,
        problem="class_names",
        message=f"class_names {message}.",
        hint="Name every class once, in the order of the model's outputs.",
    )


def _start_for(
    target: Target,
    examined: Examined,
    parameters: InversionParameters,
    sent: _SentImages,
    background: float,
    shape: tuple[int, int, int],
) -> tuple[Images, tuple[Notice, ...]]:
    """The image that attacks start from, of those that the target takes for data where that matters."""
    start, notices = _start(parameters, shape, sent.auxiliary)
    if "away_from_data" not in examined.found:
        return start, notices
    rng = generator_for(parameters.seed, "start among data")
    start, among_data = start_among_data(target, start, background, rng=rng)
    return start, (*notices, *among_data)


def _start(
    parameters: InversionParameters, shape: tuple[int, int, int], auxiliary: Sequence[Images]
) -> tuple[Images, tuple[Notice, ...]]:
    """The image that attacks start from, and a notice where it is not quite the one asked for."""
    match parameters.initialization:
        case "white":
            return np.ones(shape, dtype=np.float32), ()
        case "black":
            return np.zeros(shape, dtype=np.float32), ()
        case "random":
            rng = np.random.default_rng([parameters.seed, len(shape)])
            # noise finer than the search reaches would stay in the reconstruction to its end
            coarse = rng.random((4, 4, shape[2]))
            rows = np.linspace(0, 3, shape[0]).round().astype(int)
            columns = np.linspace(0, 3, shape[1]).round().astype(int)
            notice = Notice(
                "initialization",
                "The random start is made of coarse patches: noise of single pixels would stay for good.",
            )
            return coarse[rows][:, columns].astype(np.float32), (notice,)
        case "average" if auxiliary:
            return np.mean(np.stack(auxiliary), axis=0).astype(np.float32), ()
        case "average":
            notice = Notice(
                "initialization",
                "The average of auxiliary images was asked for and there are none; grey was used.",
            )
            return np.full(shape, 0.5, dtype=np.float32), (notice,)
        case "grey":
            return np.full(shape, 0.5, dtype=np.float32), ()


def _class_notices(classes: tuple[int, ...], original_class: int, likeliest: int) -> tuple[Notice, ...]:
    notices = []
    if likeliest != original_class:
        notices.append(
            Notice(
                "other_class",
                f"The model takes the image for class {likeliest}, not for class {original_class}: "
                "the similarity says little if the image is not of the class.",
            )
        )
    if len(classes) > 1:
        notices.append(
            Notice(
                "one_original",
                f"There is one image, of class {original_class}: only the reconstruction of that class "
                "can be "
                "measured against it, the others are shown.",
            )
        )
    return tuple(notices)
