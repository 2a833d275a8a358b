"""The inversion audit: a bundle in, a report and its images out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue

from leakgauge.attack_table import chosen_attacks, distributions_of
from leakgauge.bundle import InversionBundle
from leakgauge.errors import AuditFailed
from leakgauge.exhaustion import Time, check_that_something_else_failed
from leakgauge.images.files import to_png
from leakgauge.images.image import Images
from leakgauge.inversion.attacks import ATTACKS
from leakgauge.inversion.conclusions import insights, recommendations
from leakgauge.inversion.evaluation import evaluated, prototypes, recognition
from leakgauge.inversion.evasion import Evade, robustness_curve
from leakgauge.inversion.high_contrast import as_queried
from leakgauge.inversion.inputs import Inputs, read_inputs
from leakgauge.inversion.masking import judged as judged_masking
from leakgauge.inversion.measure import (
    Measured,
    consensus,
    mean_image,
    measure,
    reference_for,
    robustness,
)
from leakgauge.inversion.protocol import Attack, CurvePoint
from leakgauge.inversion.running import CONTROL_ITERATIONS, Run, choose_controls, plan, run_attacks
from leakgauge.inversion.similarity import pearson, similarity
from leakgauge.inversion.time_budget import within
from leakgauge.inversion.verdict import headline, verdict
from leakgauge.parameters import InversionParameters, inversion_parameters
from leakgauge.progress import Progress, Share
from leakgauge.randomness import generator_for
from leakgauge.report.gate import held_to
from leakgauge.report.model import (
    Audited,
    Failed,
    InversionMeasured,
    InversionMetrics,
    InversionReport,
    InversionTarget,
    LossPoint,
    Notice,
    Reconstruction,
    SimilarityRow,
    Snapshot,
)
from leakgauge.report.versions import versions_of
from leakgauge.targets.protocol import Target

ORIGINAL = "original.png"
VERSIONS_OF = (
    "numpy",
    "scipy",
    "tensorflow-cpu",
    "keras",
    "onnxruntime",
    "tf2onnx",
    "scikit-image",
    "pillow",
)
OF_EVASION = ("secml-torch", "torch")


def audit_bundle(
    bundle: InversionBundle,
    overrides: Mapping[str, JsonValue],
    progress: Progress,
    *,
    trained_prior: Path | None = None,
    evade: Evade | None = None,
    time: Time | None = None,
) -> Audited:
    """Audit an inversion bundle.

    Parameters
    ----------
    bundle
        the checked files.
    overrides
        parameters that win over the bundle's own `parameters.json`.
    trained_prior
        a prior's file, for bundles that bring no auxiliary images.
    evade
        the search of a reference library, for a curve of robustness; None where there is none.
    time
        the audit's, which its steps share; None for no limit.

    Raises
    ------
    LeakgaugeError
        for a bundle, parameters or a model that cannot be audited.
    """
    progress.report("reading the bundle", 0.0)
    file = bundle.parameters.path if bundle.parameters else None
    parameters = inversion_parameters(file, overrides)
    chosen = chosen_attacks(parameters.attacks, ATTACKS, reference_libraries=parameters.reference_libraries)
    found = read_inputs(bundle, parameters, trained_prior=trained_prior)
    inputs = within(found, chosen, seconds=parameters.time_budget)
    audited = audit(
        inputs,
        parameters=parameters,
        attacks=chosen,
        inputs_sha256={**bundle.sha256, **dict(inputs.prior.sha256)},
        progress=progress,
        evade=evade,
        time=time,
    )
    return held_to(audited, parameters.policy)


def audit(
    inputs: Inputs,
    *,
    parameters: InversionParameters,
    attacks: Sequence[Attack],
    inputs_sha256: Mapping[str, str],
    progress: Progress,
    evade: Evade | None = None,
    time: Time | None = None,
) -> Audited:
    """Run every attack, hold what it drew against the image, and draw the conclusions.

    Parameters
    ----------
    evade
        as `audit_bundle`; used where the reference libraries are asked for.
    time
        as `audit_bundle`.

    Raises
    ------
    AuditFailed
        when not one attack could be run to its end.
    MemoryError, AuditTimeout
        when that was for want of memory or time alone.
    """
    target, seed = inputs.target, parameters.seed
    controls = choose_controls(
        inputs.facts.classes, inputs.classes, rng=generator_for(seed, "classes to compare with")
    )
    outcomes = run_attacks(
        plan(attacks, inputs.settings, inputs.prior.space),
        target,
        classes=inputs.classes,
        controls=controls,
        budget=parameters.query_budget,
        seed=seed,
        progress=Share(progress, 0.05, 0.75 if evade and parameters.reference_libraries else 0.95),
        time=time,
    )
    runs = [outcome for outcome in outcomes if isinstance(outcome, Run)]
    failed = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    if failed and not runs:
        check_that_something_else_failed([outcome.reason for outcome in failed])
        raise AuditFailed(
            "every_attack_failed",
            "Not one attack could be run to its end.",
            hint="Send the bundle to the maintainers, or try other parameters.",
        )

    evasion = None
    if parameters.reference_libraries:
        share = (time or Time()).share(1)
        evasion = robustness_curve(
            inputs, evade, seed=seed, progress=share.limiting(Share(progress, 0.75, 0.95))
        )

    progress.report("writing the report", 0.96)
    asking = {run.attack.name for run in runs if run.attack.threat_model != "model_file"}
    files = {ORIGINAL: to_png(inputs.original)}
    reconstructions: list[Reconstruction] = []
    snapshots: list[Snapshot] = []
    measured: dict[str, InversionMeasured] = {}
    for run in runs:
        for number in inputs.classes:
            found = _measure(run, number, inputs, attacks=len(asking), seed=seed)
            reconstruction, shots = _describe(run, number, found, inputs, files)
            reconstructions.append(reconstruction)
            snapshots.extend(shots)
            if number == inputs.original_class:
                measured[run.attack.name] = _measured(run, found)
    reconstructions = list(
        evaluated(
            reconstructions,
            runs,
            inputs.evaluation,
            original=inputs.original,
            original_class=inputs.original_class,
        )
    )
    described = tuple(
        measured[outcome.attack.name] if isinstance(outcome, Run) else outcome for outcome in outcomes
    )
    own = [
        found
        for found in reconstructions
        if found.target_class == inputs.original_class and found.attack in asking
    ]
    recognised = int(target.labels(inputs.original[None])[0]) == inputs.original_class
    told = recognition([run for run in runs if run.attack.name in asking], inputs.evaluation)
    judged = verdict(described, own, recognised=recognised, recognition=told)
    carrying = headline(described, own, recognition=told)
    drawing = None if carrying is None else carrying.drawing
    # without an attack that asks, the table tells of the white-box reference that stands first
    told_of = drawing.attack if drawing is not None else next((run.attack.name for run in runs), None)
    shots = [
        shot for shot in snapshots if (shot.attack, shot.target_class) == (told_of, inputs.original_class)
    ]
    report = InversionReport(
        verdict=judged,
        parameters=parameters.model_dump(mode="json"),
        inputs=dict(inputs_sha256),
        versions=versions_of(
            VERSIONS_OF,
            if_installed=[
                *distributions_of(attacks),
                *(OF_EVASION if parameters.reference_libraries else []),
            ],
        ),
        seed=seed,
        target=_target(inputs),
        masking=judged_masking(inputs.examined, judged.severity),
        warnings=(*inputs.notices, *_run_notices(runs, controls, parameters)),
        insights=insights(drawing, shots, measured),
        attacks=described,
        table=tuple(SimilarityRow(shot.iterations, shot.similarity.ssim) for shot in shots),
        original=ORIGINAL,
        reconstructions=tuple(reconstructions),
        snapshots=tuple(snapshots),
        loss_curve=tuple(_curve(runs, inputs)),
        recommendations=recommendations(judged.severity, shots),
        prior=inputs.prior.known,
        evaluator=inputs.evaluation.evaluator,
        prototypes=prototypes(runs, inputs.evaluation.labelled),
        recognition=told,
        evasion=evasion,
        headline=None if drawing is None else drawing.attack,
    )
    return Audited(report, files)


def _measure(run: Run, number: int, inputs: Inputs, *, attacks: int, seed: int) -> Measured:
    reference = reference_for(inputs.original, run.space, inputs.references)
    taken_for = int(_asked(run, inputs).labels(consensus(run.drawn[number])[None])[0])
    return measure(
        run,
        number,
        reference,
        n_classes=inputs.facts.classes,
        recognised=taken_for == number,
        attacks=attacks,
        rng=generator_for(seed, "smooth noise"),
    )


def _describe(
    run: Run, number: int, found: Measured, inputs: Inputs, files: dict[str, bytes]
) -> tuple[Reconstruction, list[Snapshot]]:
    """The report's account of one drawing; its images go into `files`."""
    name = run.attack.name
    shots = []
    for frame in run.drawn[number].frames:
        image = mean_image(frame.images)
        file_name = f"{name}_class{number}_{frame.iterations}.png"
        files[file_name] = to_png(image)
        likeness = similarity(image, inputs.original)
        shots.append(Snapshot(name, number, frame.iterations, frame.queries, file_name, likeness))
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
            rank=found.rank,
            ssim_chance=found.ssim_chance,
            ssim_ceiling=reference.ssim_ceiling,
        ),
        shots,
    )


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


def _target(inputs: Inputs) -> InversionTarget:
    facts = inputs.facts
    return InversionTarget(
        type=facts.kind,
        format=facts.format,
        classes=facts.classes,
        input_shape=facts.shape,
        input_range=facts.input_range,
        output=facts.output,
        engine=facts.engine,
    )


def _curve(runs: Sequence[Run], inputs: Inputs) -> list[LossPoint]:
    def likeness(run: Run, number: int, point: CurvePoint) -> float | None:
        if number != inputs.original_class or point.coefficients is None:
            return None
        return pearson(mean_image(run.space.images(point.coefficients)), inputs.original)

    return [
        LossPoint(
            attack=run.attack.name,
            target_class=number,
            iteration=point.iteration,
            queries=point.queries,
            loss=point.loss,
            confidence=point.confidence,
            likeness=likeness(run, number, point),
        )
        for run in runs
        for number, drawn in run.drawn.items()
        for point in drawn.curve
    ]


def _run_notices(
    runs: Sequence[Run], controls: Sequence[int], parameters: InversionParameters
) -> tuple[Notice, ...]:
    departures = [notice for run in runs for drawn in run.drawn.values() for notice in drawn.departures]
    notices = list(dict.fromkeys(departures))
    done = {
        run.attack.title: max(ends)
        for run in runs
        if (ends := [drawn.done_at for drawn in run.drawn.values() if drawn.done_at is not None])
    }
    notices += [
        Notice(
            "converged",
            f"{title}: drawings that no longer changed ended early, after at most {queries:,} queries; "
            "later rows repeat them.",
        )
        for title, queries in done.items()
    ]
    if controls and parameters.iterations[-1] > CONTROL_ITERATIONS:
        notices.append(
            Notice(
                "controls",
                f"The other classes that chance is measured by were drawn for {CONTROL_ITERATIONS:,} of the "
                f"{parameters.iterations[-1]:,} iterations; drawings hardly change after that.",
            )
        )
    if parameters.seeds == 1:
        notices.append(
            Notice("one_seed", "With one seed there is no interval: it is given as wide as it can be.")
        )
    return tuple(notices)
