"""The inversion audit of a live service, within the rows that it may be asked.

An audit of a file asks some hundred thousand times, which costs nothing; a service is asked about ten
thousand rows by default. Shorter reconstructions show less, so all rows go to one attack, the one that
suits the answers best. What was left out, and what it would take, is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from leakgauge.bundle import InversionBundle
from leakgauge.errors import BadParameters
from leakgauge.exhaustion import Time
from leakgauge.inversion.audit import audit_bundle
from leakgauge.inversion.inputs import InMemory, Inputs
from leakgauge.inversion.pace import FEWEST_ITERATIONS
from leakgauge.inversion.protocol import Attack
from leakgauge.inversion.running import choose_controls
from leakgauge.parameters import live_inversion_parameters
from leakgauge.progress import Progress
from leakgauge.randomness import generator_for
from leakgauge.report.model import Audited, Notice
from leakgauge.targets.endpoints.asking import Service
from leakgauge.targets.endpoints.images import open_image_service
from leakgauge.targets.images.facts import InputSettings

_BEST: Final = {"labels_only": "label_only", "rounded": "cma_es", "truncated": "cma_es"}
"""The attack that comes first where answers are so masked; where they are not, the first of the table."""


def audit_live(
    bundle: InversionBundle,
    overrides: Mapping[str, JsonValue],
    progress: Progress,
    *,
    service: Service,
    trained_prior: Path | None = None,
    time: Time | None = None,
) -> Audited:
    """Audit a live service with the images of a bundle; parameters and errors as `audit_bundle`."""
    parameters = live_inversion_parameters(bundle.parameters.path if bundle.parameters else None, overrides)
    settings = InputSettings(
        image_size=(0, 0), input_range=parameters.input_range, channel_order=parameters.channel_order
    )
    target, remarks = open_image_service(service, settings)

    def shortened(inputs: Inputs, attacks: Sequence[Attack]) -> tuple[Inputs, tuple[Attack, ...]]:
        about = tuple(Notice("service", text) for text in remarks)
        return within_rows(replace(inputs, notices=(*about, *inputs.notices)), attacks, service)

    return audit_bundle(
        bundle,
        overrides,
        progress,
        trained_prior=trained_prior,
        time=time,
        in_memory=InMemory(target),
        shortened=shortened,
    )


def within_rows(
    inputs: Inputs, attacks: Sequence[Attack], service: Service
) -> tuple[Inputs, tuple[Attack, ...]]:
    """What the rows that are left allow: everything, or one attack, shortened, and the reason for the others.

    Raises
    ------
    BadParameters
        `service_rows` where they allow nothing that shows anything.
    """
    asked, spent = inputs.settings.iterations[-1], service.facts.rows - service.left
    spare = min(2 * service.facts.rows_of_request, service.left // 10)
    affordable = (service.left - spare) // _rows_of_iteration(inputs)
    if service.requests_left is not None:
        # every class is searched by itself, and asks in each iteration once
        affordable = min(affordable, int(0.95 * service.requests_left) // _reconstructions(inputs))
    runs = [_runs(attack, inputs) for attack in attacks]
    if sum(runs) * asked <= affordable:
        return inputs, tuple(attacks)
    chosen = _first_choice([attack for attack in attacks if not attack.looks_up] or attacks, inputs)
    share = runs[list(attacks).index(chosen)]
    most = min(affordable // share, asked)
    if most < min(FEWEST_ITERATIONS, asked):
        raise _too_few(spent + spare + FEWEST_ITERATIONS * share * _rows_of_iteration(inputs))
    wanted = f"{spent + spare + asked * sum(runs) * _rows_of_iteration(inputs):,}"
    notice = Notice(
        "service_rows",
        f"The service may be asked about {service.facts.rows:,} rows. They went to one attack, "
        f"{chosen.title}, for {most:,} of {asked:,} iterations. With about {wanted} rows "
        "every attack could be run in full; longer reconstructions show more.",
    )
    reason = (
        f"Left out: the service may be asked about {service.facts.rows:,} rows, and all attacks in full take "
        f"about {wanted}. Raise limits.rows in the settings of the service, or name this attack alone."
    )
    kept = tuple(after for after in inputs.settings.iterations if after < most)
    settings = replace(inputs.settings, iterations=(*kept, most))
    return (
        replace(inputs, settings=settings, notices=(*inputs.notices, notice)),
        tuple(attack if attack is chosen else attack.without(reason) for attack in attacks),
    )


def _runs(attack: Attack, inputs: Inputs) -> int:
    """How often an attack is run: once more in the space of a prior."""
    if inputs.prior.space is None:
        return 0 if attack.looks_up else 1
    return 1 if attack.looks_up or not attack.takes_prior else 2


def _rows_of_iteration(inputs: Inputs) -> int:
    """Rows of one iteration of one attack on all classes: a pair for each seed."""
    return 2 * inputs.settings.seeds * _reconstructions(inputs)


def _reconstructions(inputs: Inputs) -> int:
    """Classes that one attack reconstructs, those that chance is measured by included."""
    others = choose_controls(
        inputs.facts.classes, inputs.classes, rng=generator_for(0, "classes to compare with")
    )
    return len(inputs.classes) + len(others)


def _first_choice(attacks: Sequence[Attack], inputs: Inputs) -> Attack:
    """The attack that suits the answers best, of those that were asked for."""
    best = next((_BEST[mask] for mask in inputs.examined.found if mask in _BEST), None)
    named = [attack for attack in attacks if attack.name == best]
    return [*named, *attacks][0]


def _too_few(rows: int) -> BadParameters:
    return BadParameters.about(
        "limits.rows",
        "too small",
        problem="service_rows",
        message=f"An inversion audit of this service takes {rows:,} rows at least.",
        hint="Raise limits.rows in the settings, or limits.cost where that is what holds it back. Fewer "
        "seeds or classes in parameters.json need fewer.",
    )
