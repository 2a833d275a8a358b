"""The gate: a report held to a policy passes, fails, or leaves the question open.

Every rule looks at interval ends, never at points:

    failed        the lower end of an attack's interval lies above the limit
    passed        the upper ends of all attacks that ran lie within the limit
    inconclusive  neither, or the figure is withheld, an attack failed, or no
                  attack gave the figure at all

An attack that is not applicable, that failed, or that was never asked for says
nothing about the risk: it can keep a rule from passing and can never make it
pass. Where the report itself warns that its figures cannot be trusted in one
direction (tables that differ, an image of another class), the rules do not
conclude in that direction either.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from leakgauge.policy import InversionLimits, MembershipLimits, Policy, ProfilesLimits
from leakgauge.report.formatting import CHANCE
from leakgauge.report.formatting import limit as rate_words
from leakgauge.report.gate_limits import AnyAttack, Reading, held, readings_of
from leakgauge.report.model import (
    AttributeMeasured,
    Audited,
    Failed,
    GateOutcome,
    GateResult,
    InversionMeasured,
    InversionReport,
    MembershipMeasured,
    MembershipReport,
    ModelContents,
    NotApplicable,
    ProfilesMeasured,
    ProfilesReport,
    Report,
    RuleResult,
    Severity,
)

_SEVERITIES = (Severity.LOW, Severity.MODERATE, Severity.HIGH, Severity.CRITICAL)
_TABLES_DIFFER = "tables_differ"
_OTHER_CLASS = "other_class"
_DOES_NOT_FIT = "does_not_fit_members"

ABOUT_CLASSES = frozenset({"entropy", "modified_entropy", "label_only", "black_box_art"})
"""Attacks that are never applicable to regressors, so that no policy can require them of one."""


def gate(report: Report, policy: Policy | None = None) -> GateResult:
    """Hold `report` to `policy`, by default to the default one."""
    limits = Policy() if policy is None else policy
    if isinstance(report, MembershipReport):
        found = _membership_rules(report, limits.membership)
    elif isinstance(report, InversionReport):
        found = _inversion_rules(report, limits.inversion)
    else:
        found = _profiles_rules(report, limits.profiles)
    rules = [_doubted(rule, report) for rule in found]
    if not rules:
        rules = [
            RuleResult(
                "policy",
                f"The policy holds {report.kind} reports to something",
                GateOutcome.INCONCLUSIVE,
                f"Every limit for {report.kind} reports is switched off, so no rule applies.",
            )
        ]
    outcome = _worst([rule.outcome for rule in rules])
    return GateResult(outcome, _sentence(outcome, rules), tuple(rules))


def held_to(audited: Audited, policy: Policy | None) -> Audited:
    """What an audit made, held to the policy that its parameters name; as it is where they name none."""
    if policy is None:
        return audited
    return replace(audited, report=replace(audited.report, gate=gate(audited.report, policy)))


def _membership_rules(report: MembershipReport, limits: MembershipLimits) -> Iterable[RuleResult]:
    answers = [
        attack
        for attack in report.attacks
        if attack.threat_model != "model_file" and limits.attacker in ("candidates", attack.attacker)
    ]
    if limits.attacker == "population" and not report.attackers:
        yield RuleResult(
            "attacker",
            "The report tells attackers apart",
            GateOutcome.INCONCLUSIVE,
            f"A report of schema {report.schema_version} does not say who can run its attacks; audit again.",
        )
    yield from _severity_rule(_found(report, limits.attacker), limits.max_severity)
    if limits.max_auc is not None:
        yield held(
            "max_auc",
            f"No attack on the model's answers reaches an AUC above {limits.max_auc:.3g}",
            limits.max_auc,
            readings_of(answers, MembershipMeasured, lambda attack: attack.metrics.auc_corrected),
        )
    for key, share in limits.max_tpr_at_fpr.items():
        yield held(
            f"max_tpr_at_fpr.{key}",
            f"No attack on the model's answers finds more than {100 * share:.3g} % of members at "
            f"{rate_words(key)} false positives (TPR at {rate_words(key)} FPR)",
            share,
            readings_of(
                answers,
                MembershipMeasured,
                lambda attack, key=key: attack.metrics.tpr_at_fpr_corrected.get(key),  # type: ignore[misc] # mypy infers no type for a lambda with a default
            ),
        )
    if limits.max_accuracy is not None:
        yield held(
            "max_accuracy",
            f"No attack on the model's answers reaches a balanced accuracy above "
            f"{100 * limits.max_accuracy:.3g} %",
            limits.max_accuracy,
            readings_of(answers, MembershipMeasured, lambda attack: attack.metrics.accuracy_corrected),
        )
    if limits.guessing_margin is not None:
        margin = limits.guessing_margin
        yield held(
            "guessing_margin",
            f"No attack on the model's answers beats guessing, to within {100 * margin:.3g} points of "
            "balanced accuracy",
            CHANCE + margin,
            readings_of(answers, MembershipMeasured, lambda attack: attack.metrics.accuracy_corrected),
            broken_above=CHANCE,
        )
    yield from _file_rules(report, limits)
    yield from _attribute_rules(report, limits)
    # what is about classes is asked of no model that predicts numbers
    left_out = ABOUT_CLASSES if report.target.errors is not None else frozenset()
    yield from _required(report.attacks, [name for name in limits.required_attacks if name not in left_out])


def _file_rules(report: MembershipReport, limits: MembershipLimits) -> Iterable[RuleResult]:
    if limits.max_model_file_auc is not None:
        file = [attack for attack in report.attacks if attack.threat_model == "model_file"]
        yield held(
            "max_model_file_auc",
            f"No attack on the model file reaches an AUC above {limits.max_model_file_auc:.3g}",
            limits.max_model_file_auc,
            readings_of(file, MembershipMeasured, lambda attack: attack.metrics.auc_corrected),
        )
    if limits.max_records_in_file is not None:
        yield _records_rule(report.contents, limits.max_records_in_file)


def _attribute_rules(report: MembershipReport, limits: MembershipLimits) -> Iterable[RuleResult]:
    """Limits on what the model leaks of sensitive columns; no column, no figure."""
    for rule, what, limit, on_file in (
        ("max_attribute_leakage", "the model's answers", limits.max_attribute_leakage, False),
        ("max_model_file_attribute_leakage", "the model file", limits.max_model_file_attribute_leakage, True),
    ):
        if limit is not None:
            title = (
                f"No attack on {what} names a sensitive column of more than {100 * limit:.3g} % of members"
            )
            yield held(rule, f"{title} beyond other people", limit, _of_attributes(report, on_file=on_file))


def _of_attributes(report: MembershipReport, *, on_file: bool) -> list[Reading]:
    """Readings of all attacks on all columns, by both figures of leakage."""
    found = []
    for column in report.attributes.columns if report.attributes else ():
        if column.withheld is not None:
            title = f"“{column.name}”"
            absent = Failed(column.name, title, "labels", "", column.withheld)
            found.append(Reading(absent, missing=column.withheld))
        for one in column.attacks:
            if (one.threat_model == "model_file") != on_file:
                continue
            attack = replace(one, title=f"{one.title} on “{column.name}”")
            if isinstance(attack, Failed):
                found.append(Reading(attack, missing=f"failed ({attack.reason})"))
            elif isinstance(attack, AttributeMeasured) and not attack.sees_given:
                metrics = attack.metrics
                figures = (metrics.leakage_corrected, metrics.leakage_balanced_corrected)
                found += [Reading(attack, figure.low, figure.high) for figure in figures if figure]
    return found


def _records_rule(contents: ModelContents | None, most: int) -> RuleResult:
    """Whether few enough training records stand in the model file, or can be rebuilt from it."""
    rule = "max_records_in_file"
    title = f"At most {most:,} training records stand in the model file, or were rebuilt from it"
    if contents is None or contents.records is None:
        reason = "The model file was not compared with the training records, so nobody knows what it holds."
        return RuleResult(rule, title, GateOutcome.INCONCLUSIVE, reason)
    compared = contents.rebuilt.compared if contents.rebuilt else None
    rebuilt = round(compared.exact_rows * compared.records) if compared else 0
    outcome = GateOutcome.FAILED if max(contents.records, rebuilt) > most else GateOutcome.PASSED
    also = f", and {rebuilt:,} were rebuilt from it" if compared else ""
    return RuleResult(
        rule,
        title,
        outcome,
        f"Of {contents.compared:,} records, {contents.records:,} stand in the file{also}.",
    )


def _inversion_rules(report: InversionReport, limits: InversionLimits) -> Iterable[RuleResult]:
    answers = [attack for attack in report.attacks if attack.threat_model != "model_file"]
    file = [attack for attack in report.attacks if attack.threat_model == "model_file"]
    yield from _severity_rule([report.verdict.severity], limits.max_severity)
    for rule, title, limit, attacks in (
        ("max_leakage", "the model's answers", limits.max_leakage, answers),
        ("max_model_file_leakage", "the model file", limits.max_model_file_leakage, file),
    ):
        if limit is not None:
            yield held(
                rule,
                f"No attack on {title} reconstructs the class with a leakage above {limit:.3g}",
                limit,
                readings_of(attacks, InversionMeasured, lambda attack: attack.metrics.leakage),
            )
    yield from _required(report.attacks, limits.required_attacks)


def _profiles_rules(report: ProfilesReport, limits: ProfilesLimits) -> Iterable[RuleResult]:
    yield from _severity_rule([report.verdict.severity], limits.max_severity)
    if limits.max_gain is not None:
        yield held(
            "max_gain",
            f"No attack on the model's answers comes nearer to a class's profile by more than "
            f"{limits.max_gain:.3g}",
            limits.max_gain,
            readings_of(
                report.attacks,
                ProfilesMeasured,
                lambda attack: None if attack.metrics is None else attack.metrics.gain_corrected,
            ),
        )
    if limits.max_leakage is not None:
        yield held(
            "max_leakage",
            f"No attack on the model's answers tells a class's profile with a leakage above "
            f"{limits.max_leakage:.3g}",
            limits.max_leakage,
            readings_of(
                report.attacks,
                ProfilesMeasured,
                lambda attack: None if attack.metrics is None else attack.metrics.leakage_corrected,
            ),
        )
    yield from _required(report.attacks, limits.required_attacks)


# ---------------------------------------------------------------- rules without a figure


def _found(report: MembershipReport, attacker: str) -> list[Severity]:
    """The severity by the attacks of an attacker, and the one that lies as near where it is borderline."""
    finding = next((one for one in report.attackers if one.attacker == attacker), None)
    if finding is None:
        return [report.verdict.severity]
    return [finding.severity, *([finding.borderline] if finding.borderline is not None else [])]


def _severity_rule(found: Sequence[Severity], most: str | None) -> Iterable[RuleResult]:
    """Whether a severity, or each of two between which the report is borderline, is within `most`."""
    if most is None:
        return
    title = f"The verdict is {most} or better"
    words = " or ".join(severity.value for severity in found)
    if Severity.INCONCLUSIVE in found:
        yield RuleResult("max_severity", title, GateOutcome.INCONCLUSIVE, f"The verdict is {words}.")
        return
    broken = {_SEVERITIES.index(severity) > _SEVERITIES.index(Severity(most)) for severity in found}
    if len(broken) > 1:
        reason = f"The verdict is borderline, {words}: another seed may give the one or the other."
        yield RuleResult("max_severity", title, GateOutcome.INCONCLUSIVE, reason)
        return
    outcome = GateOutcome.FAILED if broken == {True} else GateOutcome.PASSED
    yield RuleResult("max_severity", title, outcome, f"The verdict is {words}.")


def _required(attacks: Sequence[AnyAttack], names: Sequence[str]) -> Iterable[RuleResult]:
    """A rule for each attack that must have given its figures."""
    found = {attack.name: attack for attack in attacks}
    for name in names:
        attack = found.get(name)
        rule, title = f"required_attacks.{name}", f"The attack {name} was measured"
        if attack is None:
            reason = f"The audit did not run {name}; leave it among its attacks, or out of required_attacks."
        elif isinstance(attack, NotApplicable):
            reason = f"{attack.title} is not applicable: {_sentence_end(attack.reason)} " + _WHERE_TRUE
        elif isinstance(attack, Failed):
            reason = f"{attack.title} failed: {_sentence_end(attack.reason)}"
        else:
            yield RuleResult(rule, title, GateOutcome.PASSED, f"{attack.title} was measured.", attack=name)
            continue
        yield RuleResult(rule, title, GateOutcome.INCONCLUSIVE, reason, attack=name)


_WHERE_TRUE = "If that is how the model is offered, leave the attack out of required_attacks."


def _sentence_end(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


# ---------------------------------------------------------------- taken together


def _doubted(rule: RuleResult, report: Report) -> RuleResult:
    """The rule, undone where the report's own warnings forbid its conclusion."""
    warned = {notice.code for notice in report.warnings}
    if rule.limit is None:
        return rule
    if (
        rule.outcome is GateOutcome.FAILED
        and _TABLES_DIFFER in warned
        and report.verdict.severity is Severity.INCONCLUSIVE
    ):
        doubt = "But members and non-members differ by as much without the model, so this may not be a leak."
        return replace(rule, outcome=GateOutcome.INCONCLUSIVE, reason=f"{rule.reason} {doubt}")
    if rule.outcome is GateOutcome.PASSED and _OTHER_CLASS in warned:
        doubt = (
            "But the model assigns the image to another class, so a dissimilar reconstruction proves nothing."
        )
        return replace(rule, outcome=GateOutcome.INCONCLUSIVE, reason=f"{rule.reason} {doubt}")
    if rule.outcome is GateOutcome.PASSED and _DOES_NOT_FIT in warned:
        doubt = "But the model does not fit its own members, so the attacks may have missed every leak."
        return replace(rule, outcome=GateOutcome.INCONCLUSIVE, reason=f"{rule.reason} {doubt}")
    return rule


def _worst(outcomes: Sequence[GateOutcome]) -> GateOutcome:
    order = (GateOutcome.FAILED, GateOutcome.INCONCLUSIVE, GateOutcome.PASSED)
    return next(outcome for outcome in order if outcome in outcomes)


def _sentence(outcome: GateOutcome, rules: Sequence[RuleResult]) -> str:
    if outcome is GateOutcome.PASSED:
        return f"Passed: the report keeps all {len(rules)} rules of the policy."
    deciding = [rule for rule in rules if rule.outcome is outcome]
    what = "are broken" if outcome is GateOutcome.FAILED else "cannot be decided"
    if len(deciding) == 1:
        what = what.replace("are ", "is ")
    return f"{outcome.value.capitalize()}: {len(deciding)} of {len(rules)} rules {what}. {deciding[0].reason}"
