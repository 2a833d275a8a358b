"""The audit: where a bundle, its audit and the report meet."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter

from leakgauge.bundle import (
    AnswersBundle,
    Bundle,
    ImageMembershipBundle,
    InversionBundle,
    Limits,
    MembershipBundle,
    ProfilesBundle,
    open_bundle,
)
from leakgauge.errors import BadBundle, JsonValue
from leakgauge.exhaustion import Time
from leakgauge.extras import installed, keep_triton_out, needed
from leakgauge.installation import Kind
from leakgauge.jobs.request import JobRequest
from leakgauge.jobs.request import Service as LiveService
from leakgauge.progress import Display, Progress
from leakgauge.report.model import Audited, ServiceUse
from leakgauge.report.writers import write

if TYPE_CHECKING:  # each image holds the libraries of one kind of audit alone
    from leakgauge.images.image import Images
    from leakgauge.targets.images.facts import Network
    from leakgauge.targets.protocol import IntArray

_SERVICE_USE: Final = TypeAdapter(ServiceUse)

_QUESTIONS: dict[Kind, str] = {
    "membership": "a model, or its answers, with members and non-members",
    "inversion": "an image classifier with an image, or a model of tables with auxiliary records",
}


def audit(request: JobRequest, display: Display) -> None:
    """Audit the bundle of `request` and write the finished report folder.

    Raises
    ------
    LeakgaugeError
        whatever the bundle, its parameters or its model deserve; `bad_bundle.other_kind` when
        this installation runs the other kind of audit.
    """
    limits, live = Limits.from_environment(os.environ), request.service is not None
    bundle = open_bundle(request.source, request.scratch, limits=limits, live=live)
    if request.only is not None and bundle.kind != request.only:
        raise BadBundle(
            "other_kind",
            f"The bundle holds {_QUESTIONS[bundle.kind]}, which asks for the {bundle.kind} audit; "
            f"here runs the {request.only} audit.",
            hint=f"Send it to leakgauge-{bundle.kind}, or send {_QUESTIONS[request.only]}.",
        )
    display.opened("model")
    # what reads tables and opens models of them comes with one extra, whatever the audit
    with needed("membership" if isinstance(bundle, ProfilesBundle) else bundle.kind):
        audited = _audited(bundle, request, display)
    write(audited, request.report)


def _audited(bundle: Bundle, request: JobRequest, progress: Progress) -> Audited:
    time = Time(request.time_left)
    overrides = dict(request.overrides)
    # an audit of profiles has nothing that could be cut short, and takes no such parameter
    if request.time_budget is not None and not isinstance(bundle, ProfilesBundle):
        overrides["time_budget"] = request.time_budget
    # Imported late: each image holds the libraries of one kind alone.
    match bundle:
        case _ if request.service is not None:
            return _audited_live(bundle, request.service, overrides, request, progress, time)
        case MembershipBundle() | AnswersBundle() | ImageMembershipBundle():
            from leakgauge.membership.audit import audit_bundle as audit_membership
            from leakgauge.membership.trainers import HERE, Elsewhere

            trainers = HERE if request.models is None else Elsewhere(request.models)
            return audit_membership(bundle, overrides, progress, time=time, trainers=trainers)
        case ProfilesBundle():
            from leakgauge.profiles.audit import audit_bundle as audit_profiles

            return audit_profiles(bundle, overrides, progress, time=time)
        case InversionBundle():
            from leakgauge.inversion.audit import audit_bundle as audit_inversion
            from leakgauge.inversion.evasion import LIBRARY

            return audit_inversion(
                bundle,
                overrides,
                progress,
                trained_prior=request.trained_prior,
                time=time,
                evade=_evade if installed(LIBRARY) else None,
            )


def _audited_live(
    bundle: Bundle,
    live: LiveService,
    overrides: dict[str, JsonValue],
    request: JobRequest,
    progress: Progress,
    time: Time,
) -> Audited:
    """The audit of a live service, whose report says what it was asked."""
    from leakgauge.targets.endpoints.asking import Service

    service = Service(live.facts, live.descriptor)
    match bundle:
        case MembershipBundle():
            from leakgauge.membership.audit import audit_live as audit_membership

            audited = audit_membership(bundle, overrides, progress, service=service, time=time)
        case InversionBundle():
            from leakgauge.inversion.live import audit_live as audit_inversion

            audited = audit_inversion(
                bundle, overrides, progress, service=service, trained_prior=request.trained_prior, time=time
            )
        case _:
            raise ValueError("no bundle that a live service is audited with")
    used = _SERVICE_USE.validate_python(
        service.account()
        | {"title": live.facts.title, "address": live.facts.address, "most_rows": live.facts.rows}
    )
    return replace(audited, report=replace(audited.report, service=used))


def _evade(network: Network, images: Images, labels: IntArray, *, radius: float, seed: int) -> Images:
    keep_triton_out()
    # imported where it is used: PyTorch takes seconds, and few audits ask for a reference library
    from leakgauge.reference.secml_torch import evade

    return evade(network, images, labels, radius=radius, seed=seed)
