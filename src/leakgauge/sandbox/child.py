"""What a child does: where bundle, audit and report meet, models are sanitised and priors are made."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from leakgauge.bundle import (
    Bundle,
    InversionBundle,
    Limits,
    MembershipBundle,
    PictureMembershipBundle,
    open_bundle,
    open_pictures,
)
from leakgauge.errors import BadBundle, BadParameters
from leakgauge.exhaustion import Time
from leakgauge.extras import installed, keep_triton_out, needed
from leakgauge.progress import Progress
from leakgauge.report.model import Audited
from leakgauge.report.writers import write
from leakgauge.sandbox.job import SANITIZED_MODEL, SANITIZED_NOTES, TRAINED_PRIOR, Job, Kind

if TYPE_CHECKING:  # each image holds the libraries of one kind of audit alone
    from leakgauge.pictures.picture import Pictures
    from leakgauge.targets.keras_network import KerasNetwork
    from leakgauge.targets.protocol import IntArray

_QUESTIONS: dict[Kind, str] = {
    "membership": "a model with members and non-members",
    "inversion": "an image classifier with an image",
}


def audit(job: Job, progress: Progress) -> None:
    """Audit the bundle of `job` and write the finished report folder.

    Raises
    ------
    LeakgaugeError
        whatever the bundle, its parameters or its model deserve; `bad_bundle.other_kind` when
        this installation runs the other kind of audit.
    """
    bundle = open_bundle(job.source, job.scratch, limits=Limits.from_environment(os.environ))
    if job.only is not None and bundle.kind != job.only:
        raise BadBundle(
            "other_kind",
            f"The bundle holds {_QUESTIONS[bundle.kind]}, which asks for the {bundle.kind} audit; "
            f"here runs the {job.only} audit.",
            hint=f"Send it to leakgauge-{bundle.kind}, or send {_QUESTIONS[job.only]}.",
        )
    with needed(bundle.kind):
        audited = _audited(bundle, job, progress)
    write(audited, job.report)


def sanitize(job: Job, progress: Progress) -> None:
    """Strip the model file of `job`, and leave the new one beside notes on what was done.

    Raises
    ------
    LeakgaugeError
        whatever the model file deserves; see `leakgauge.defences.sanitize`.
    """
    with needed("membership"):
        # imported late: only an image for membership holds scikit-learn
        from leakgauge.defences.sanitize import sanitize as sanitize_model

        sanitized = sanitize_model(job.source, job.scratch, progress)
    notes = {"removed": sanitized.removed, "remaining": sanitized.remaining}
    (job.report / SANITIZED_MODEL).write_bytes(sanitized.pickled)
    (job.report / SANITIZED_NOTES).write_text(json.dumps(notes), encoding="utf-8")


def prior(job: Job, progress: Progress) -> None:
    """Make a prior for inversion audits from the images in the folder or zip of `job`.

    Raises
    ------
    LeakgaugeError
        whatever the images deserve, see `leakgauge.inversion.components`; `bad_parameters.other_kind`
        where only membership audits run, which need none.
    """
    if job.only == "membership":
        raise BadParameters(
            "other_kind",
            "A prior is for inversion audits; here run membership audits.",
            hint="Run the job with leakgauge-inversion.",
        )
    files = open_pictures(job.source, job.scratch, limits=Limits.from_environment(os.environ))
    with needed("inversion"):
        # imported late: only an image for inversion holds what reads pictures
        from leakgauge.inversion.prior_file import to_bytes
        from leakgauge.inversion.prior_training import components_of

        (job.report / TRAINED_PRIOR).write_bytes(to_bytes(components_of(files, progress)))


def _audited(bundle: Bundle, job: Job, progress: Progress) -> Audited:
    time = Time(job.time_left)
    # Imported late: each image holds the libraries of one kind alone.
    match bundle:
        case MembershipBundle():
            from leakgauge.membership.audit import audit_bundle as audit_membership

            return audit_membership(bundle, job.overrides, progress, time=time)
        case PictureMembershipBundle():
            from leakgauge.membership.audit import audit_pictures
            from leakgauge.targets.image_model import open_image_model

            return audit_pictures(bundle, job.overrides, progress, open_model=open_image_model, time=time)
        case InversionBundle():
            from leakgauge.inversion.audit import audit_bundle as audit_inversion
            from leakgauge.inversion.evasion import LIBRARY

            return audit_inversion(
                bundle,
                job.overrides,
                progress,
                trained_prior=job.trained_prior,
                time=time,
                evade=_evade if installed(LIBRARY) else None,
            )


def _evade(
    network: KerasNetwork, pictures: Pictures, labels: IntArray, *, radius: float, seed: int
) -> Pictures:
    keep_triton_out()
    # imported where it is used: PyTorch takes seconds, and few audits ask for a reference library
    from leakgauge.reference.secml_torch import evade

    return evade(network, pictures, labels, radius=radius, seed=seed)
