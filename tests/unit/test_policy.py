"""Policy files as people write them, and as they must not be taken."""

from __future__ import annotations

import json

import pytest
import yaml

from leakgauge.errors import BadParameters
from leakgauge.inversion import verdict as inversion_verdict
from leakgauge.inversion.attacks import ATTACKS as INVERSION_ATTACKS
from leakgauge.membership.attacks import ATTACKS as MEMBERSHIP_ATTACKS
from leakgauge.parameters import membership_parameters
from leakgauge.policy import (
    SHIPPED,
    InversionLimits,
    MembershipLimits,
    Policy,
    policy_of,
    read_policy,
    shipped,
)
from leakgauge.report import risk
from leakgauge.report.model import Severity
from leakgauge.strict_yaml import MAX_BYTES


def test_nothing_is_the_default_policy() -> None:
    for nothing in (b"", b"{}", b"# only a comment\n", b"version: 1\n"):
        assert policy_of(nothing) == Policy()


def test_the_defaults_are_where_reports_say_high_and_name_attacks_that_exist() -> None:
    high = next(line for line in risk.SHOWN if line[0] is Severity.HIGH)
    assert MembershipLimits().max_auc == high[1]
    assert MembershipLimits().max_tpr_at_fpr == {risk.LOW_FALSE_POSITIVES: high[2]}
    assert InversionLimits().max_leakage == dict(inversion_verdict.SHOWN)[Severity.HIGH]
    assert set(MembershipLimits().required_attacks) <= {attack.name for attack in MEMBERSHIP_ATTACKS}
    assert set(InversionLimits().required_attacks) <= {attack.name for attack in INVERSION_ATTACKS}


def test_a_whole_policy_is_read_and_survives_the_way_through_parameters() -> None:
    written = b"""
    version: 1
    membership:
      max_auc: 0.6
      max_tpr_at_fpr: {0.010: .05, "0.1": 0.2}
      max_severity: low
      max_model_file_auc: 0.9
      required_attacks: [rmia]
    inversion:
      max_leakage: null
      required_attacks: []
    """
    policy = policy_of(written)
    assert policy.membership.max_tpr_at_fpr == {"0.01": 0.05, "0.1": 0.2}
    assert policy.membership.required_attacks == ("rmia",)
    assert policy.inversion.max_leakage is None
    through = json.loads(json.dumps(policy.model_dump(mode="json")))
    assert membership_parameters(overrides={"policy": through}).policy == policy
    assert policy_of(yaml.safe_dump(through).encode()) == policy
    assert membership_parameters().policy is None
    assert membership_parameters(overrides={"policy": {}}).policy == Policy()


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("membership: {max_acu: 0.7}", ["membership.max_acu: is unknown; did you mean max_auc?"]),
        ("membrship: {}", ["membrship: is unknown; did you mean membership?"]),
        ("version: 2", ["version"]),
        ("version: true", ["version"]),
        ("membership: {max_auc: 70}", ["membership.max_auc"]),
        ("membership: {max_auc: '0.7'}", ["membership.max_auc: must be a number"]),
        ("membership: {max_auc: yes}", ["membership.max_auc: must be a number"]),
        ("membership: {max_auc: .nan}", ["membership.max_auc"]),
        ("membership: {max_auc: 0.4}", ["membership.max_auc"]),
        ("membership: 0.7", ["membership: must be an object"]),
        ("membership: {max_tpr_at_fpr: {0.01: 5}}", ["membership.max_tpr_at_fpr.0.01"]),
        ("membership: {max_tpr_at_fpr: {often: 0.1}}", ["often is no false-positive rate"]),
        ("membership: {max_tpr_at_fpr: {1.5: 0.1}}", ["between 0 and 1"]),
        ("membership: {max_tpr_at_fpr: {'0.010': 0.1, '0.01': 0.2}}", ["names the rate 0.01 twice"]),
        ("membership: {max_severity: critical}", ["membership.max_severity"]),
        ("membership: {required_attacks: rmia}", ["required_attacks: must be a list"]),
        ("membership: {required_attacks: [a, a]}", ["must not name anything twice"]),
        (
            "membership: {max_auc: 9, max_acu: 1}\ninversion: {max_leakage: no}",
            ["membership.max_auc", "membership.max_acu", "inversion.max_leakage"],
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_name_all_at_once(written: str, told: list[str]) -> None:
    with pytest.raises(BadParameters) as refused:
        policy_of(written.encode())
    assert refused.value.problem == "policy"
    assert all(words in refused.value.message for words in told), refused.value.message
    assert len(refused.value.details["problems"]) == len(told)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (b"- max_auc", "names with values"),
        (b"1: 2", "names with values"),
        (
            b"membership: {max_auc: 0.6}\nmembership: {max_auc: 0.9}",
            "membership stands in it twice at line 2",
        ),
        (b"membership: {max_auc: 0.6, max_auc: 0.9}", "max_auc stands in it twice"),
        (b"membership: &limits {max_auc: 0.6}\ninversion: *limits", "references"),
        (b"membership: !!python/object/apply:os.system ['true']", "is not taken"),
        (b"membership: [unclosed", "is not taken"),
        (b"a: b: c", "is not taken"),
        (b"\xff\xfe\x00", "is not"),
        (b"a: \x07", "is not YAML"),
        (b"--- {}\n--- {}", "is not taken"),
        (b"#" * (MAX_BYTES + 1), "larger than 64 KiB"),
        (b"[" * 3_000, "nested too deep"),
    ],
    ids=range(13),
)
def test_hostile_and_broken_files_are_refused(written: bytes, told: str) -> None:
    with pytest.raises(BadParameters) as refused:
        policy_of(written)
    assert refused.value.problem == "policy_file"
    assert told in refused.value.message


def test_a_file_that_cannot_be_read_is_told_without_its_path(tmp_path) -> None:
    with pytest.raises(BadParameters) as refused:
        read_policy(tmp_path / "secret-name.yaml")
    assert "secret-name" not in refused.value.message
    assert "No such file" in refused.value.message


def test_a_policy_among_parameters_is_refused_by_its_whole_name() -> None:
    with pytest.raises(BadParameters) as refused:
        membership_parameters(overrides={"policy": {"membership": {"max_acu": 0.7}}})
    assert "policy.membership.max_acu: is unknown; did you mean max_auc?" in refused.value.message


@pytest.mark.parametrize("name", SHIPPED)
def test_a_policy_that_comes_along_goes_by_its_name_and_names_attacks_that_exist(name: str) -> None:
    policy = read_policy(name)
    assert policy != Policy()
    assert policy == policy_of(shipped(name))
    assert membership_parameters(overrides={"policy": name}).policy == policy
    assert set(policy.membership.required_attacks) <= {attack.name for attack in MEMBERSHIP_ATTACKS}
    assert set(policy.inversion.required_attacks) <= {attack.name for attack in INVERSION_ATTACKS}
    for kind in ("membership", "inversion", "profiles"):
        assert getattr(policy, kind).max_severity == "low"


def test_a_name_that_is_no_policy_is_told_which_there_are(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadParameters) as told:
        read_policy("avsis")
    assert told.value.code == "bad_parameters.policy_file"
    assert all(name in told.value.hint for name in SHIPPED)
    with pytest.raises(BadParameters) as told:
        membership_parameters(overrides={"policy": "../policies/aisvs"})
    assert "aisvs, edpb-strict" in told.value.message
    # a file is taken by its path, whatever it is called
    (tmp_path / "aisvs").write_text("version: 1")
    assert read_policy("./aisvs") == Policy()
    assert read_policy("aisvs") != Policy()
