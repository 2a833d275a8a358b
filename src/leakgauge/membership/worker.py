"""A worker: trains reference models of somebody else's audit, one after the other, as it is told."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

from pydantic import JsonValue

from leakgauge import model_pipe
from leakgauge.attacks.row import Unsuited
from leakgauge.bundle import MembershipBundle
from leakgauge.defences.retraining.variants import variants_of
from leakgauge.errors import BadParameters
from leakgauge.exhaustion import release
from leakgauge.membership.gathering import plan_of, training_data_of
from leakgauge.membership.inputs import Inputs, read_inputs
from leakgauge.membership.reference_models import refitting_of
from leakgauge.membership.refitting import Refitting, blank_clone
from leakgauge.membership.tradeoffs import changed
from leakgauge.membership.trainers import HERE, Fit, bytes_of, positions_from
from leakgauge.parameters import MembershipParameters, membership_parameters
from leakgauge.socket_messages import read_message, write_message


def work(bundle: MembershipBundle, overrides: Mapping[str, JsonValue], descriptor: int) -> int:
    """Train what is asked for through a socket until its other end closes; how many models that were.

    The bundle is read as the audit itself reads it, so that rows have the same positions.

    Raises
    ------
    LeakgaugeError
        for a bundle, parameters or a model that cannot be audited.
    OSError, ValueError
        for what is no message, or asks for what there is not.
    """
    parameters = membership_parameters(bundle.parameters.path if bundle.parameters else None, overrides)
    models = _Models(read_inputs(bundle, parameters), parameters)
    trained = 0
    while (message := read_message(descriptor)) is not None:
        answers = models.answers(model_pipe.Fit.from_message(message.get("train")))
        write_message(descriptor, model_pipe.answers_message(answers))
        trained += answers is not None
    return trained


class _Models:
    """The model that is audited, to be trained again as it is or with a change."""

    def __init__(self, inputs: Inputs, parameters: MembershipParameters) -> None:
        self._inputs = inputs
        self._data = training_data_of(inputs)
        self._plan = plan_of(inputs, parameters)
        self._refittings: dict[str, Refitting] = {}

    def answers(self, asked: model_pipe.Fit) -> bytes | None:
        """What a model answers; None where it cannot be trained, which the audit will find and tell itself.

        Raises
        ------
        ValueError
            for records, or a change, that there are not.
        """
        rows = positions_from(asked.rows, below=len(self._data.y))
        queried = positions_from(asked.queried, below=self._data.scored)
        fit = Fit(rows, queried, asked.seed, "its rows", asked.change)
        with warnings.catch_warnings(action="ignore"):
            try:
                (answers,) = HERE.answers(self._refitting(fit.change), [fit], batch=1)
            except (Unsuited, BadParameters, MemoryError) as error:
                release(error)
                return None
        return bytes_of(answers)

    def _refitting(self, change: str) -> Refitting:
        if change not in self._refittings:
            self._refittings[change] = self._new_refitting(change)
        return self._refittings[change]

    def _new_refitting(self, change: str) -> Refitting:
        if not change:
            return refitting_of(self._plan, self._data)
        target, blank = self._inputs.target, blank_clone(self._plan.recipe)
        for variant in variants_of(blank, gives=target.gives):
            if variant.name == change:
                return changed(blank, variant, target, self._data, self._inputs.defences)
        raise ValueError("no such change")
