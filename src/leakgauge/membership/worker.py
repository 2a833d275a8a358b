"""A worker: trains reference models of somebody else's audit, one after the other, as it is told."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

from pydantic import JsonValue

from leakgauge import model_pipe
from leakgauge.attacks.row import Unsuited
from leakgauge.bundle import MembershipBundle
from leakgauge.errors import BadParameters
from leakgauge.exhaustion import release
from leakgauge.membership.gathering import plan_of, training_data_of
from leakgauge.membership.inputs import read_inputs
from leakgauge.membership.reference_models import refitting_of
from leakgauge.membership.refitting import Refitting
from leakgauge.membership.trainers import HERE, Fit, bytes_of, positions_from
from leakgauge.parameters import membership_parameters
from leakgauge.socket_messages import read_message, write_message


def work(bundle: MembershipBundle, overrides: Mapping[str, JsonValue], descriptor: int) -> int:
    """Train what is asked for through a socket until its other end closes; how many models that were.

    The bundle is read as the audit itself reads it, so that rows have the same positions.

    Raises
    ------
    LeakgaugeError
        for a bundle, parameters or a model that cannot be audited.
    OSError, ValueError
        for what is no message.
    """
    parameters = membership_parameters(bundle.parameters.path if bundle.parameters else None, overrides)
    inputs = read_inputs(bundle, parameters)
    data = training_data_of(inputs)
    refitting = refitting_of(plan_of(inputs, parameters), data)
    trained = 0
    while (message := read_message(descriptor)) is not None:
        asked = model_pipe.Fit.from_message(message.get("train"))
        fit = Fit(
            positions_from(asked.rows, below=len(data.y)),
            positions_from(asked.queried, below=data.scored),
            asked.seed,
            "its rows",
        )
        answers = _answers(refitting, fit)
        write_message(descriptor, model_pipe.answers_message(answers))
        trained += answers is not None
    return trained


def _answers(refitting: Refitting, fit: Fit) -> bytes | None:
    """What the model answers; None where it cannot be trained, which the audit will find and tell itself."""
    with warnings.catch_warnings(action="ignore"):
        try:
            (answers,) = HERE.answers(refitting, [fit], batch=1)
        except (Unsuited, BadParameters, MemoryError) as error:
            release(error)
            return None
    return bytes_of(answers)
