"""What reconstructions show to an independent evaluator, and how well they serve as prototypes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from leakgauge.errors import BadBundle
from leakgauge.estimates import Estimate, confidence_for, proportion
from leakgauge.images.image import Images
from leakgauge.inversion.evaluators import (
    LEAST_ACCURACY,
    EvaluatorModel,
    SuppliedEvaluator,
    accuracy_of,
    train_evaluator,
)
from leakgauge.inversion.high_contrast import images_as_queried
from leakgauge.inversion.measure import consensus
from leakgauge.inversion.running import Run
from leakgauge.report.model import Evaluator, Judgement, Notice, Prototypes, Recognition, Reconstruction
from leakgauge.targets.images.facts import ImageModel, ImageModelFacts
from leakgauge.targets.protocol import FloatArray

Labelled = Mapping[int, Sequence[Images]]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The evaluator of an audit, if it has one, and the labelled images that it knows classes by."""

    classifier: EvaluatorModel | None
    evaluator: Evaluator | None
    labelled: Labelled
    notices: tuple[Notice, ...] = ()

    @property
    def rules_out(self) -> bool:
        """Whether that it recognises nothing says anything: not where it is often wrong on real images."""
        if self.evaluator is None:
            return False
        accuracy = self.evaluator.accuracy
        return accuracy is None or accuracy.low >= LEAST_ACCURACY

    def knows(self, number: int) -> bool:
        """Whether the evaluator can have learnt the class: one trained here saw labelled classes alone."""
        return self.evaluator is not None and (self.evaluator.source == "bundle" or number in self.labelled)


def choose_evaluation(
    brought: ImageModel | None, labelled: Labelled, facts: ImageModelFacts, *, seed: int
) -> Evaluation:
    """The evaluator that the bundle brings, else one trained on its labelled images.

    Parameters
    ----------
    brought
        the opened `evaluator` of the bundle.
    labelled
        reference images by class.
    facts
        of the target, whose classes the evaluator must know.

    Raises
    ------
    BadBundle
        `evaluator_unlike` for one with other classes or another input than the target.
    """
    if brought is not None:
        if (brought.facts.classes, brought.facts.shape) != (facts.classes, facts.shape):
            raise BadBundle(
                "evaluator_unlike",
                "The evaluator has other classes or takes other images than the model under audit.",
                hint="Train it on the same classes, in the same order, and at the same size.",
            )
        classifier = SuppliedEvaluator(brought)
        accuracy = _accuracy(classifier, labelled) if labelled else None
        return Evaluation(classifier, Evaluator("bundle", accuracy), labelled)
    if not labelled:
        return Evaluation(None, None, labelled)
    try:
        trained, accuracy = train_evaluator(labelled, n_classes=facts.classes, seed=seed)
    except ValueError as lacking:
        return Evaluation(None, None, labelled, (_no_evaluator(str(lacking)),))
    if accuracy.low <= 1 / len(labelled):
        share = f"{100 * accuracy.value:.0f} %"
        why = f"the one trained on these reference images is right on {share} of those it had not seen"
        return Evaluation(None, None, labelled, (_no_evaluator(why),))
    return Evaluation(trained, Evaluator("reference", accuracy), labelled)


def evaluated(
    reconstructions: Sequence[Reconstruction],
    runs: Sequence[Run],
    evaluation: Evaluation,
    *,
    original: Images,
    original_class: int,
) -> tuple[Reconstruction, ...]:
    """The reconstructions with what the evaluator says of each; as they are without an evaluator."""
    classifier = evaluation.classifier
    if classifier is None:
        return tuple(reconstructions)
    by_name = {run.attack.name: run for run in runs}
    found = []
    for one in reconstructions:
        run, number = by_name[one.attack], one.target_class
        if not evaluation.knows(number):
            found.append(one)
            continue
        reconstruction, start = (
            _read(run, number),
            images_as_queried(run.space.start, high_contrast=run.settings.high_contrast),
        )
        real = list(evaluation.labelled.get(number, ()))
        if number == original_class and not real:
            real = [original]
        probabilities = classifier.probabilities(reconstruction[None])[0]
        distance = _feature_distance(classifier, reconstruction, start, real) if real else None
        found.append(
            replace(
                one,
                judgement=Judgement(
                    recognised=int(probabilities.argmax()) == number,
                    confidence=float(probabilities[number]),
                    feature_distance=distance[0] if distance else None,
                    real_distance=distance[1] if distance else None,
                ),
            )
        )
    return tuple(found)


def recognition(runs: Sequence[Run], evaluation: Evaluation) -> tuple[Recognition, ...]:
    """How many reconstructions of each run, of all classes, the evaluator takes for their class.

    One reconstruction that is recognised may be luck; so many of ten are not. The interval
    of each share is corrected for the number of runs.
    """
    if evaluation.classifier is None:
        return ()
    confidence = confidence_for(len(runs))
    found = []
    for run in runs:
        numbers = [number for number in sorted(run.every) if evaluation.knows(number)]
        if not numbers:
            continue
        answers = evaluation.classifier.probabilities(np.stack([_read(run, number) for number in numbers]))
        right, n, chance = int((answers.argmax(axis=1) == numbers).sum()), len(numbers), 1 / answers.shape[1]
        found.append(
            Recognition(
                run.attack.name,
                proportion(right, n, confidence=confidence),
                chance,
                resolves=evaluation.rules_out and proportion(n, n, confidence=confidence).low > chance,
            )
        )
    return tuple(found)


def prototypes(runs: Sequence[Run], labelled: Labelled) -> tuple[Prototypes, ...]:
    """How well each attack's reconstructions serve as prototypes for the labelled images.

    An image is given the class of the reconstruction that it correlates with most, among
    the classes that have both. Chance is one in that many; the ceiling is had with
    the mean of each class's other images in place of a reconstruction.
    """
    found = []
    for run in runs:
        classes = sorted(set(run.every) & {number for number, real in labelled.items() if len(real) > 1})
        if len(classes) < 2:
            continue
        reconstructions = _centred(np.stack([consensus(run.every[number]) for number in classes]))
        right = total = 0
        for place, number in enumerate(classes):
            nearest = (_centred(np.stack(labelled[number])) @ reconstructions.T).argmax(axis=1)
            right, total = right + int((nearest == place).sum()), total + len(nearest)
        found.append(
            Prototypes(
                run.attack.name,
                len(classes),
                proportion(right, total),
                1 / len(classes),
                _means_as_prototypes([np.stack(labelled[number]) for number in classes]),
            )
        )
    return tuple(found)


def _read(run: Run, number: int) -> Images:
    """A class's reconstruction as the target was asked about it, so that an evaluator reads the same."""
    return images_as_queried(consensus(run.every[number]), high_contrast=run.settings.high_contrast)


def _means_as_prototypes(real: Sequence[Images]) -> float:
    """Accuracy of class means on the same images, each left out of the mean of its own class."""
    means = np.stack([images.mean(axis=0) for images in real])
    right = total = 0
    for place, images in enumerate(real):
        n = len(images)
        without = (n * means[place] - images) / np.float32(n - 1)
        flat = _centred(images)
        scores = flat @ _centred(means).T
        scores[:, place] = (flat * _centred(without)).sum(axis=1)
        right, total = right + int((scores.argmax(axis=1) == place).sum()), total + n
    return right / total


def _feature_distance(
    classifier: EvaluatorModel, reconstruction: Images, start: Images, real: Sequence[Images]
) -> tuple[float, float | None] | None:
    """Distance of the reconstruction, and of the real images, to the middle of these; the start's is 1."""
    features = classifier.features(np.stack([reconstruction, start, *real]))
    if features is None:
        return None
    reconstructed, blank, known = features[0], features[1], features[2:]
    middle = known.mean(axis=0)
    unit = float(np.linalg.norm(blank - middle))
    if unit <= 0:
        return None
    spread = float(np.linalg.norm(known - middle, axis=1).mean()) / unit if len(known) > 1 else None
    return float(np.linalg.norm(reconstructed - middle)) / unit, spread


def _centred(images: Images) -> FloatArray:
    flat = images.reshape(len(images), -1).astype(np.float64)
    flat -= flat.mean(axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9))


def _accuracy(classifier: EvaluatorModel, labelled: Labelled) -> Estimate:
    images = np.concatenate([np.stack(real) for real in labelled.values()])
    labels = np.repeat(list(labelled), [len(real) for real in labelled.values()]).astype(np.int64)
    return accuracy_of(classifier, images, labels)


def _no_evaluator(why: str) -> Notice:
    return Notice("no_evaluator", f"No independent classifier evaluates the reconstructions: {why}.")
