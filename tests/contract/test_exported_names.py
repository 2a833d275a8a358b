"""The public names are these and no others: adding or losing one is a decision, not an accident."""

from __future__ import annotations

import leakgauge
from leakgauge.errors import LeakgaugeError
from leakgauge.membership.attacks import ATTACKS


def test_the_package_exports_what_it_promises() -> None:
    assert leakgauge.__all__ == [
        "AuditFailed",
        "AuditTimeout",
        "BadBundle",
        "BadParameters",
        "Busy",
        "Comparison",
        "Effect",
        "Estimate",
        "GateOutcome",
        "GateResult",
        "InputError",
        "InversionReport",
        "LeakgaugeError",
        "LimitExceeded",
        "MembershipReport",
        "Report",
        "Severity",
        "UnsafeModel",
        "UnsupportedModel",
        "audit",
        "compare",
        "compare_defence",
        "gate",
    ]
    assert all(hasattr(leakgauge, name) for name in leakgauge.__all__)


def test_the_table_of_membership_attacks() -> None:
    assert [(attack.name, attack.threat_model) for attack in ATTACKS] == [
        ("gap", "labels"),
        ("loss", "probabilities"),
        ("entropy", "probabilities"),
        ("modified_entropy", "probabilities"),
        ("learned_nn", "probabilities"),
        ("learned_rf", "probabilities"),
        ("learned_gb", "probabilities"),
        ("label_only", "labels"),
        ("rmia", "probabilities"),
        ("lira", "probabilities"),
        ("leaf_counts", "model_file"),
        ("bootstrap_replay", "model_file"),
        ("boosting_equations", "model_file"),
        ("black_box_art", "probabilities"),
    ]
    assert all(attack.citation for attack in ATTACKS)


def test_every_error_has_a_status_and_survives_the_wire() -> None:
    for name in ("BadBundle", "UnsupportedModel", "UnsafeModel", "BadParameters", "LimitExceeded"):
        kind = getattr(leakgauge, name)
        error = kind("some_problem", "What happened.", hint="What next.", details={"row": 3})
        again = LeakgaugeError.from_body(error.body())
        assert type(again) is kind
        assert again.body() == error.body()
        assert 400 <= kind.status < 500
        assert kind.exit_code == 2
