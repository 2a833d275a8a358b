"""The membership audit: a bundle, or what a caller holds in memory, in; a report out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import monotonic

from pydantic import JsonValue

from leakgauge.attacks.table import chosen_attacks, distributions_of
from leakgauge.bundle import AnswersBundle, ImageMembershipBundle, MembershipBundle
from leakgauge.exhaustion import Deadline, Time
from leakgauge.membership.answers import GivenAnswers, read_answers, take_answers
from leakgauge.membership.attacks import ATTACKS
from leakgauge.membership.conclusions import conclude
from leakgauge.membership.evidence import Evidence
from leakgauge.membership.gathering import gather
from leakgauge.membership.image_inputs import read_image_inputs
from leakgauge.membership.in_memory import InMemory, read_in_memory
from leakgauge.membership.inputs import Inputs, read_inputs
from leakgauge.membership.left_out import not_everything
from leakgauge.membership.live import read_live
from leakgauge.membership.proportions import (
    Proportions,
    absent_attack_models,
    missing_shares,
)
from leakgauge.membership.protocol import Attack
from leakgauge.membership.trainers import HERE, Trainers
from leakgauge.parameters import (
    MembershipParameters,
    answers_in_memory_parameters,
    answers_parameters,
    image_membership_parameters,
    in_memory_parameters,
    live_parameters,
    membership_parameters,
)
from leakgauge.progress import Progress
from leakgauge.report import risk
from leakgauge.report.gate import held_to
from leakgauge.report.model import (
    Audited,
    MembershipReport,
    Notice,
)
from leakgauge.report.versions import versions_of
from leakgauge.targets.endpoints.asking import Service

VERSIONS_OF = ("numpy", "scipy", "scikit-learn")


def audit_bundle(
    bundle: MembershipBundle | AnswersBundle | ImageMembershipBundle,
    overrides: Mapping[str, JsonValue],
    progress: Progress,
    *,
    time: Time | None = None,
    trainers: Trainers = HERE,
) -> Audited:
    """Audit a membership bundle: of a model of tables or of images, or of answers alone.

    Parameters
    ----------
    bundle
        the checked files.
    overrides
        parameters that win over the bundle's own `parameters.json`.
    time
        the audit's, which its steps share; None for no limit.
    trainers
        who trains reference models.

    Raises
    ------
    LeakgaugeError
        for a bundle, parameters or a model that cannot be audited.
    """
    file = bundle.parameters.path if bundle.parameters else None
    match bundle:
        case MembershipBundle():
            of_tables = membership_parameters(file, overrides)
            read: Callable[[], Inputs] = partial(read_inputs, bundle, of_tables)
            return conduct(read, of_tables, bundle.sha256, progress, time, trainers)
        case AnswersBundle():
            of_answers = answers_parameters(file, overrides)
            read = partial(read_answers, bundle, of_answers)
            return conduct(read, of_answers, bundle.sha256, progress, time)
        case ImageMembershipBundle():
            of_images = image_membership_parameters(file, overrides)
            read = partial(read_image_inputs, bundle, of_images)
            return conduct(read, of_images, bundle.sha256, progress, time)


def audit_live(
    bundle: MembershipBundle,
    overrides: Mapping[str, JsonValue],
    progress: Progress,
    *,
    service: Service,
    time: Time | None = None,
) -> Audited:
    """Audit a live service with the tables of a bundle; parameters and errors as `audit_bundle`."""
    parameters = live_parameters(bundle.parameters.path if bundle.parameters else None, overrides)
    read = partial(read_live, bundle, parameters, service)
    return conduct(read, parameters, bundle.sha256, progress, time)


def audit_in_memory(source: InMemory, overrides: Mapping[str, JsonValue], progress: Progress) -> Audited:
    """Audit a model with records, all of them in the caller's memory; errors as `audit_bundle`."""
    parameters = in_memory_parameters(overrides)
    return conduct(partial(read_in_memory, source, parameters), parameters, source.sha256, progress)


def audit_answers(source: GivenAnswers, overrides: Mapping[str, JsonValue], progress: Progress) -> Audited:
    """Audit answers in the caller's memory; errors as `audit_bundle`."""
    parameters = answers_in_memory_parameters(overrides)
    return conduct(partial(take_answers, source, parameters), parameters, source.sha256, progress)


def conduct(
    read: Callable[[], Inputs],
    parameters: MembershipParameters,
    sha256: Mapping[str, str],
    progress: Progress,
    time: Time | None = None,
    trainers: Trainers = HERE,
    *,
    clock: Callable[[], float] = monotonic,
) -> Audited:
    """Audit whatever `read` reads, and hold the report to the policy in the parameters; errors as there.

    Parameters
    ----------
    clock
        seconds from any start, never falling: what a `time_budget` is counted by, reading included.
    """
    seconds = parameters.time_budget
    deadline = None if seconds is None else Deadline(seconds, clock() + seconds, clock)
    limited = (time or Time(clock=clock)).within(deadline)
    progress.report("reading the records", 0.0)
    chosen = chosen_attacks(parameters.attacks, ATTACKS, reference_libraries=parameters.reference_libraries)
    report = audit(
        read(),
        parameters=parameters,
        attacks=chosen,
        inputs_sha256=sha256,
        progress=progress,
        time=limited,
        trainers=trainers,
    )
    return held_to(Audited(report), parameters.policy)


def audit(
    inputs: Inputs,
    *,
    parameters: MembershipParameters,
    attacks: Sequence[Attack],
    inputs_sha256: Mapping[str, str],
    progress: Progress,
    time: Time | None = None,
    trainers: Trainers = HERE,
) -> MembershipReport:
    """Run every attack on the pool, measure them all in the same way, and draw the conclusions.

    Raises
    ------
    AuditFailed
        when not one attack could be run to its end.
    MemoryError, AuditTimeout
        when that was for want of memory or time alone.
    """
    evidence = gather(inputs, parameters, attacks, progress, Time() if time is None else time, trainers)
    outcomes, missing = evidence.outcomes, evidence.missing_references
    area = evidence.shift.area if evidence.shift else None
    verdict = risk.verdict(
        outcomes, shift=area, without_references=missing["candidates"], misfit=evidence.misfit
    )
    attackers = tuple(
        risk.finding(
            attacker, outcomes, shift=area, without_references=missing[attacker], misfit=evidence.misfit
        )
        for attacker in risk.ATTACKERS
    )
    conclusions = conclude(evidence, verdict.severity, parameters)
    proportions = evidence.proportions or Proportions((), (), {})
    return MembershipReport(
        verdict=verdict,
        parameters=parameters.model_dump(mode="json"),
        inputs=dict(inputs_sha256),
        versions=versions_of((*VERSIONS_OF, *inputs.target.packages), if_installed=distributions_of(attacks)),
        seed=parameters.seed,
        target=evidence.described,
        warnings=(*inputs.notices, *_notices(evidence, parameters, attacks)),
        insights=conclusions.insights,
        attacks=outcomes,
        table=proportions.best,
        leak_by_proportion=proportions.all,
        slices=conclusions.slices,
        records=conclusions.records,
        recommendations=conclusions.recommendations,
        tradeoffs=evidence.tried,
        attackers=attackers,
        contents=evidence.contents,
        attributes=evidence.attributes,
    )


def _notices(evidence: Evidence, parameters: MembershipParameters, attacks: Sequence[Attack]) -> list[Notice]:
    """What a reader must know to trust the figures, beside what the inputs say."""
    notices = [] if evidence.shift is None else [evidence.shift.notice()]
    if evidence.misfit is not None:
        notices.append(Notice("does_not_fit_members", evidence.misfit))
    notices += (*evidence.notices, *not_everything(evidence))
    if evidence.proportions is not None:
        notices += missing_shares(parameters.proportions, evidence.proportions)
        notices += absent_attack_models(attacks)
    return notices
