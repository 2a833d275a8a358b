"""The audit of class profiles: a bundle in, a report and its table out."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from leakgauge.attacks.running import check_that_one_ran
from leakgauge.attacks.table import chosen_attacks, distributions_of
from leakgauge.bundle import ProfilesBundle
from leakgauge.exhaustion import Time
from leakgauge.parameters import ProfilesParameters, profiles_parameters
from leakgauge.profiles.attacks import ATTACKS
from leakgauge.profiles.conclusions import insights, recommendations
from leakgauge.profiles.description import attacks_of, class_name, profiles_of, rows_of, target_of
from leakgauge.profiles.inputs import Inputs, read_inputs
from leakgauge.profiles.running import evidence_of, run_attacks
from leakgauge.profiles.verdict import headline, verdict
from leakgauge.progress import Progress, Share
from leakgauge.report.gate import held_to
from leakgauge.report.model import Audited, NotApplicable, ProfilesReport
from leakgauge.report.profiles_table import PROFILES_CSV, profiles_csv
from leakgauge.report.versions import versions_of

VERSIONS_OF = ("numpy", "scipy", "pandas", "scikit-learn")


def audit_bundle(
    bundle: ProfilesBundle,
    overrides: Mapping[str, JsonValue],
    progress: Progress,
    *,
    time: Time | None = None,
) -> Audited:
    """Audit a bundle of class profiles.

    Parameters
    ----------
    overrides
        parameters that win over the bundle's own `parameters.json`.
    time
        the audit's, which its attacks share; None for no limit.

    Raises
    ------
    LeakgaugeError
        for a bundle, parameters or a model that cannot be audited.
    """
    progress.report("reading the bundle", 0.0)
    file = bundle.parameters.path if bundle.parameters else None
    parameters = profiles_parameters(file, overrides)
    return audit(
        read_inputs(bundle, parameters),
        parameters=parameters,
        inputs_sha256=bundle.sha256,
        progress=progress,
        time=time,
    )


def audit(
    inputs: Inputs,
    *,
    parameters: ProfilesParameters,
    inputs_sha256: Mapping[str, str],
    progress: Progress,
    time: Time | None = None,
) -> Audited:
    """Run every attack on every class, hold the profiles against the real ones, and conclude.

    Raises
    ------
    AuditFailed
        when not one attack could be run to its end.
    MemoryError, AuditTimeout
        when that was for want of memory or time alone.
    """
    attacks = chosen_attacks(parameters.attacks, ATTACKS, reference_libraries=parameters.reference_libraries)
    evidence = evidence_of(inputs, seed=parameters.seed)
    outcomes = run_attacks(
        attacks,
        inputs,
        evidence,
        budget=parameters.query_budget,
        seed=parameters.seed,
        progress=Share(progress, 0.1, 0.95),
        time=time,
    )
    check_that_one_ran(
        [outcome for outcome in outcomes if not isinstance(outcome, NotApplicable)],
        hint="Try other parameters; if it fails with the defaults too, report a fault.",
    )
    progress.report("writing the report", 0.96)
    described = attacks_of(outcomes, inputs)
    found = headline(described)
    counts = {class_name(inputs, number): count for number, count in inputs.reference_counts.items()}
    concluded = verdict(described, inputs.known, reference_counts=counts if inputs.has_reference else {})
    profiles = profiles_of(outcomes, inputs, evidence)
    report = ProfilesReport(
        verdict=concluded,
        parameters=parameters.model_dump(mode="json"),
        inputs=dict(inputs_sha256),
        versions=versions_of(VERSIONS_OF, if_installed=[*distributions_of(attacks), *inputs.model.packages]),
        seed=parameters.seed,
        target=target_of(inputs),
        auxiliary=inputs.known,
        warnings=inputs.notices,
        insights=insights(profiles, found),
        attacks=described,
        table=rows_of(profiles),
        profiles=profiles,
        recommendations=recommendations(described, found, concluded.severity),
        headline=None if found is None else found.attack.name,
        headline_class=None if found is None else found.target_class,
    )
    return held_to(Audited(report, {PROFILES_CSV: profiles_csv(report)}), parameters.policy)
