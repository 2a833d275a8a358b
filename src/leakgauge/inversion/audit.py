"""The inversion audit: a bundle in, a report and its images out."""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from pydantic import JsonValue

from leakgauge.attacks.running import check_that_one_ran
from leakgauge.attacks.table import chosen_attacks, distributions_of
from leakgauge.bundle import InversionBundle
from leakgauge.exhaustion import Deadline, Time
from leakgauge.images.files import to_png
from leakgauge.inversion.attacks import ATTACKS
from leakgauge.inversion.class_names import parameters_of
from leakgauge.inversion.conclusions import insights, recommendations
from leakgauge.inversion.description import Described, describe, loss_curve, target_of
from leakgauge.inversion.evaluation import prototypes, recognition
from leakgauge.inversion.evasion import Evade, robustness_curve
from leakgauge.inversion.inputs import InMemory, Inputs, read_inputs
from leakgauge.inversion.masking import masking_of
from leakgauge.inversion.pixel_range import NOT_KNOWN
from leakgauge.inversion.protocol import Attack
from leakgauge.inversion.running import (
    CONTROL_CLASSES,
    Run,
    choose_controls,
    plan,
    run_attacks,
)
from leakgauge.inversion.time_budget import Planned, deadline_of, not_everything, within
from leakgauge.inversion.verdict import headline, verdict
from leakgauge.parameters import InversionParameters
from leakgauge.progress import Progress, Share
from leakgauge.randomness import generator_for
from leakgauge.report.gate import held_to
from leakgauge.report.model import (
    Audited,
    EvasionMeasured,
    Failed,
    InversionReport,
    NotApplicable,
    Notice,
    Recognition,
    Reconstruction,
    SimilarityRow,
    Snapshot,
    Verdict,
)
from leakgauge.report.versions import versions_of

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
AFTER = 0.2
"""Share of a `time_budget` beyond the end of its searches at which all else is broken off."""
OF_EVASION = ("secml-torch", "torch")


Shortened: TypeAlias = Callable[[Inputs, Sequence[Attack]], tuple[Inputs, tuple[Attack, ...]]]


def audit_bundle(
    bundle: InversionBundle,
    overrides: Mapping[str, JsonValue],
    progress: Progress,
    *,
    trained_prior: Path | None = None,
    evade: Evade | None = None,
    time: Time | None = None,
    in_memory: InMemory | None = None,
    shortened: Shortened | None = None,
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
    in_memory
        models that the bundle does not bring, and the caller holds.
    shortened
        makes attacks and their settings fit what the model may be asked; without it, `time_budget` does.

    Raises
    ------
    LeakgaugeError
        for a bundle, parameters or a model that cannot be audited.
    """
    begun = clock.monotonic()
    progress.report("reading the bundle", 0.0)
    parameters = parameters_of(bundle, overrides)
    chosen = chosen_attacks(parameters.attacks, ATTACKS, reference_libraries=parameters.reference_libraries)
    deadline = deadline_of(parameters.time_budget, begun=begun)
    found = read_inputs(
        bundle, parameters, trained_prior=trained_prior, in_memory=in_memory, deadline=deadline
    )
    if shortened is not None:
        planned = Planned(*shortened(found, chosen))
    else:
        planned = within(found, chosen, deadline=deadline, progress=progress)
    inputs = planned.inputs
    audited = audit(
        inputs,
        parameters=parameters,
        attacks=planned.attacks,
        most_controls=planned.controls,
        deadline=planned.deadline,
        inputs_sha256={**bundle.sha256, **dict(inputs.prior.sha256)},
        progress=progress,
        evade=evade,
        time=_backstop(time, deadline),
    )
    return held_to(audited, parameters.policy)


def _backstop(time: Time | None, deadline: Deadline | None) -> Time:
    """The audit's time, and of a `time_budget` a little more than it is: searches end by themselves."""
    if deadline is not None:
        deadline = replace(deadline, end=deadline.clock() + deadline.left + AFTER * deadline.seconds)
    return (time or Time()).within(deadline)


def audit(
    inputs: Inputs,
    *,
    parameters: InversionParameters,
    attacks: Sequence[Attack],
    inputs_sha256: Mapping[str, str],
    progress: Progress,
    most_controls: int = CONTROL_CLASSES,
    deadline: Deadline | None = None,
    evade: Evade | None = None,
    time: Time | None = None,
) -> Audited:
    """Run every attack, hold what it reconstructed against the image, and conclude.

    Parameters
    ----------
    most_controls
        classes to compare with, at most.
    deadline
        when reconstructing must end; None for as long as it takes.
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
    seed = parameters.seed
    outcomes = _not_attacked(inputs, attacks) or run_attacks(
        plan(attacks, inputs.settings, inputs.prior.space, inputs.prior.images),
        inputs.target,
        classes=inputs.classes,
        controls=_controls(inputs, seed=seed, most=most_controls),
        budget=parameters.query_budget,
        seed=seed,
        progress=Share(progress, 0.1, 0.75 if evade and parameters.reference_libraries else 0.95),
        time=time,
        deadline=deadline,
    )
    tried = [outcome for outcome in outcomes if not isinstance(outcome, NotApplicable)]
    check_that_one_ran(tried, hint="Try other parameters; if it fails with the defaults too, report a fault.")
    evasion = _evasion(inputs, evade, parameters, progress, time or Time())
    progress.report("writing the report", 0.96)
    described = describe(outcomes, inputs, seed=seed)
    hurried = not_everything(described.runs, attacks, controls=most_controls, deadline=deadline)
    return _assembled(
        described,
        inputs,
        parameters,
        warnings=(*inputs.notices, *hurried, *_run_notices(described.runs, parameters)),
        in_full=not hurried,
        inputs_sha256=inputs_sha256,
        versions=_versions(attacks, parameters),
        evasion=evasion,
    )


def _controls(inputs: Inputs, *, seed: int, most: int) -> tuple[int, ...]:
    rng = generator_for(seed, "classes to compare with")
    return choose_controls(inputs.facts.classes, inputs.classes, rng=rng, most=most)


def _not_attacked(inputs: Inputs, attacks: Sequence[Attack]) -> tuple[NotApplicable, ...]:
    """Every attack as not applicable where nobody knows which class the image is of; else none."""
    if not any(notice.code == NOT_KNOWN for notice in inputs.notices):
        return ()
    reason = "The range of a pixel is not known, and the class of the image depends on it: set input_range."
    return tuple(attack.not_applicable(reason) for attack in attacks)


def _assembled(
    described: Described,
    inputs: Inputs,
    parameters: InversionParameters,
    *,
    warnings: tuple[Notice, ...],
    inputs_sha256: Mapping[str, str],
    versions: Mapping[str, str],
    evasion: EvasionMeasured | NotApplicable | Failed | None,
    in_full: bool,
) -> Audited:
    """The report with its conclusions, and its images."""
    concluded = _conclude(described, inputs, in_full=in_full)
    report = InversionReport(
        verdict=concluded.verdict,
        parameters=parameters.model_dump(mode="json"),
        inputs=dict(inputs_sha256),
        versions=versions,
        seed=parameters.seed,
        target=target_of(inputs.facts),
        masking=masking_of(inputs.examined, concluded.verdict.severity),
        warnings=warnings,
        insights=insights(concluded.carrying, concluded.snapshots, described.measured),
        attacks=described.attacks,
        table=tuple(SimilarityRow(shot.iterations, shot.similarity.ssim) for shot in concluded.snapshots),
        original=ORIGINAL,
        reconstructions=described.reconstructions,
        snapshots=described.snapshots,
        loss_curve=loss_curve(described.runs, inputs),
        recommendations=recommendations(concluded.verdict.severity, concluded.snapshots),
        prior=inputs.prior.known,
        evaluator=inputs.evaluation.evaluator,
        prototypes=prototypes(described.runs, inputs.evaluation.labelled),
        recognition=concluded.recognition,
        evasion=evasion,
        headline=None if concluded.carrying is None else concluded.carrying.attack,
    )
    return Audited(report, {ORIGINAL: to_png(inputs.original), **described.files})


def _evasion(
    inputs: Inputs, evade: Evade | None, parameters: InversionParameters, progress: Progress, time: Time
) -> EvasionMeasured | NotApplicable | Failed | None:
    """Robustness against evasion, where the reference libraries are asked for."""
    if not parameters.reference_libraries:
        return None
    limited = time.share(1).limiting(Share(progress, 0.75, 0.95))
    return robustness_curve(inputs, evade, seed=parameters.seed, progress=limited)


@dataclass(frozen=True, slots=True)
class _Conclusion:
    """The verdict, the reconstruction that carries it, and the snapshots on the way to that one."""

    verdict: Verdict
    carrying: Reconstruction | None
    snapshots: tuple[Snapshot, ...]
    recognition: tuple[Recognition, ...]


def _conclude(described: Described, inputs: Inputs, *, in_full: bool) -> _Conclusion:
    asking = [run for run in described.runs if run.attack.threat_model != "model_file"]
    names = {run.attack.name for run in asking}
    own = [
        found
        for found in described.reconstructions
        if found.target_class == inputs.original_class and found.attack in names
    ]
    found = recognition(asking, inputs.evaluation)
    recognised = int(inputs.target.labels(inputs.original[None])[0]) == inputs.original_class
    leading = headline(described.attacks, own, recognition=found)
    carrying = None if leading is None else leading.reconstruction
    # without an attack that asks, the table is that of the white-box reference that stands first
    first = next((run.attack.name for run in described.runs), None)
    shown = (first if carrying is None else carrying.attack, inputs.original_class)
    return _Conclusion(
        verdict(
            described.attacks,
            own,
            recognised=recognised,
            recognition=found,
            in_full=in_full,
            misled="away_from_data" in inputs.examined.found,
        ),
        carrying,
        tuple(shot for shot in described.snapshots if (shot.attack, shot.target_class) == shown),
        found,
    )


def _versions(attacks: Sequence[Attack], parameters: InversionParameters) -> dict[str, str]:
    evasion = OF_EVASION if parameters.reference_libraries else ()
    return versions_of(VERSIONS_OF, if_installed=[*distributions_of(attacks), *evasion])


def _run_notices(runs: Sequence[Run], parameters: InversionParameters) -> tuple[Notice, ...]:
    departures = [
        notice
        for run in runs
        for reconstructed in run.reconstructed.values()
        for notice in reconstructed.departures
    ]
    notices = list(dict.fromkeys(departures))
    done = {
        run.attack.title: max(ends)
        for run in runs
        if (
            ends := [
                reconstructed.done_at
                for reconstructed in run.reconstructed.values()
                if reconstructed.done_at is not None
            ]
        )
    }
    notices += [
        Notice(
            "converged",
            f"{title}: reconstructions that no longer changed, or of which the model's answers promised no "
            f"more, ended early, after at most {queries:,} queries; later rows repeat them.",
        )
        for title, queries in done.items()
    ]
    if parameters.seeds == 1:
        notices.append(
            Notice("one_seed", "With one seed there is no interval: it is given as wide as it can be.")
        )
    return tuple(notices)
