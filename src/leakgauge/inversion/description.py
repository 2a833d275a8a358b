"""What attacks have reconstructed, in the report's words: figures, snapshots, curves and image files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from leakgauge.images.files import to_png
from leakgauge.images.image import Images
from leakgauge.inversion.evaluation import evaluated
from leakgauge.inversion.high_contrast import as_queried
from leakgauge.inversion.inputs import Inputs
from leakgauge.inversion.measure import (
    Measured,
    consensus,
    mean_image,
    measure,
    rank,
    reference_for,
    robustness,
)
from leakgauge.inversion.protocol import CurvePoint
from leakgauge.inversion.running import Outcome, Run
from leakgauge.inversion.similarity import pearson, similarity
from leakgauge.randomness import generator_for
from leakgauge.report.model import (
    Failed,
    InversionMeasured,
    InversionMetrics,
    InversionTarget,
    LossPoint,
    NotApplicable,
    Reconstruction,
    Snapshot,
)
from leakgauge.targets.images.facts import ImageModelFacts
from leakgauge.targets.protocol import Target


@dataclass(frozen=True, slots=True)
class Described:
    """The attacks of an audit as its report has them.

    Attributes
    ----------
    runs
        attacks that ran, in order.
    attacks
        every attack with its outcome, in order.
    measured
        those that ran, by name, with the figures of the class that the user's image is of.
    reconstructions, snapshots
        of every attacked class, attack by attack.
    files
        the images that these name.
    """

    runs: tuple[Run, ...]
    attacks: tuple[InversionMeasured | NotApplicable | Failed, ...]
    measured: Mapping[str, InversionMeasured]
    reconstructions: tuple[Reconstruction, ...]
    snapshots: tuple[Snapshot, ...]
    files: Mapping[str, bytes]


def describe(outcomes: Sequence[Outcome], inputs: Inputs, *, seed: int) -> Described:
    """Measure every reconstruction against the user's image, and have it evaluated."""
    runs = tuple(outcome for outcome in outcomes if isinstance(outcome, Run))
    asking = sum(run.attack.threat_model != "model_file" for run in runs)
    files: dict[str, bytes] = {}
    reconstructions: list[Reconstruction] = []
    snapshots: list[Snapshot] = []
    measured: dict[str, InversionMeasured] = {}
    for run in runs:
        for number in inputs.classes:
            found = _measure(run, number, inputs, attacks=asking, seed=seed)
            reconstruction, shots = _account(run, number, found, inputs, files)
            reconstructions.append(reconstruction)
            snapshots.extend(shots)
            if number == inputs.original_class:
                measured[run.attack.name] = _measured(run, found)
    return Described(
        runs,
        tuple(measured[outcome.attack.name] if isinstance(outcome, Run) else outcome for outcome in outcomes),
        measured,
        evaluated(
            reconstructions,
            runs,
            inputs.evaluation,
            original=inputs.original,
            original_class=inputs.original_class,
        ),
        tuple(snapshots),
        files,
    )


def target_of(facts: ImageModelFacts) -> InversionTarget:
    """The report's account of the model."""
    return InversionTarget(
        type=facts.kind,
        format=facts.format,
        classes=facts.classes,
        input_shape=facts.shape,
        input_range=facts.input_range,
        output=facts.output,
        engine=facts.engine,
    )


def loss_curve(runs: Sequence[Run], inputs: Inputs) -> tuple[LossPoint, ...]:
    """Every point of every run, with its similarity to the user's image where that is of the class."""

    def correlation(run: Run, number: int, point: CurvePoint) -> float | None:
        if number != inputs.original_class or point.coefficients is None:
            return None
        return pearson(mean_image(run.space.images(point.coefficients)), inputs.original)

    return tuple(
        LossPoint(
            attack=run.attack.name,
            target_class=number,
            iteration=point.iteration,
            queries=point.queries,
            loss=point.loss,
            confidence=point.confidence,
            likeness=correlation(run, number, point),
        )
        for run in runs
        for number, reconstructed in run.reconstructed.items()
        for point in reconstructed.curve
    )


def _measure(run: Run, number: int, inputs: Inputs, *, attacks: int, seed: int) -> Measured:
    reference = reference_for(inputs.original, run.space, inputs.references)
    taken_for = int(_asked(run, inputs).labels(consensus(run.reconstructed[number])[None])[0])
    return measure(
        run,
        number,
        reference,
        recognised=taken_for == number,
        attacks=attacks,
        rng=generator_for(seed, "smooth noise"),
    )


def _account(
    run: Run, number: int, found: Measured, inputs: Inputs, files: dict[str, bytes]
) -> tuple[Reconstruction, list[Snapshot]]:
    """The report's account of one reconstruction; its images go into `files`."""
    name = run.attack.name
    shots = []
    for frame in run.reconstructed[number].frames:
        image = mean_image(frame.images)
        file_name = f"{name}_class{number}_{frame.iterations}.png"
        files[file_name] = to_png(image)
        alike = similarity(image, inputs.original)
        shots.append(Snapshot(name, number, frame.iterations, frame.queries, file_name, alike))
    reference = reference_for(inputs.original, run.space, inputs.references)
    last = shots[-1]
    return (
        Reconstruction(
            attack=name,
            target_class=number,
            image=last.image,
            queries=last.queries,
            iterations=last.iterations,
            similarity=last.similarity,
            chance=found.chance.level,
            chance_source=found.chance.source,
            ceiling=reference.ceiling,
            leakage=found.leakage,
            leakage_corrected=found.leakage_corrected,
            robustness=robustness(found.leakage),
            confidence=_confidence(_asked(run, inputs), found.consensus, number),
            rank=rank(found.consensus, number, _class_means(inputs), classes=inputs.facts.classes),
            ssim_chance=found.ssim_chance,
            ssim_ceiling=reference.ssim_ceiling,
        ),
        shots,
    )


def _class_means(inputs: Inputs) -> dict[int, Images]:
    """The mean image of each class that the bundle shows: of its references, or the user's image."""
    own = [inputs.original, *inputs.references]
    by_class = {inputs.original_class: own, **inputs.evaluation.labelled}
    return {number: mean_image(np.stack(images)) for number, images in by_class.items() if len(images)}


def _asked(run: Run, inputs: Inputs) -> Target:
    """The target as the run asked it."""
    return as_queried(inputs.target, high_contrast=run.settings.high_contrast)


def _confidence(target: Target, image: Images, number: int) -> float:
    """The target's probability for the class; 1 or 0 by its label where it gives labels alone."""
    if target.has_probabilities:
        return float(target.probabilities(image[None])[0, number])
    return float(target.labels(image[None])[0] == number)


def _measured(run: Run, found: Measured) -> InversionMeasured:
    attack = run.attack
    return InversionMeasured(
        attack.name,
        attack.title,
        attack.threat_model,
        attack.citation,
        run.queries,
        InversionMetrics(found.leakage, robustness(found.leakage), found.pearson, found.ssim),
        attack.with_prior,
    )
