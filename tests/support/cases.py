"""The bundles of `tests/data/cases`, and what an audit of one gives, in this very process."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from pydantic import JsonValue

from leakgauge.bundle import Limits, MembershipBundle, open_bundle
from leakgauge.errors import LeakgaugeError
from leakgauge.membership import shift
from leakgauge.membership.audit import audit_bundle
from leakgauge.progress import Silent
from leakgauge.report.model import MembershipReport

CASES = Path(__file__).parents[1] / "data" / "cases"

QUICK: dict[str, JsonValue] = {
    "attacks": ["gap", "loss", "rmia", "lira"],
    "reference_models": 4,
    "tradeoffs": False,
}
"""Parameters with which a case takes a second."""


def few_trees() -> AbstractContextManager[object]:
    """Tables are compared by small forests: the usual ones are most of what a quick audit trains."""
    return mock.patch.object(shift, "TREES", 4)


def audited(bundle: Path, **parameters: JsonValue) -> MembershipReport:
    """The report on a membership bundle, a zip or a folder; by default of few attacks."""
    with TemporaryDirectory() as scratch, few_trees():
        opened = open_bundle(bundle, Path(scratch) / "unpacked", limits=Limits())
        assert isinstance(opened, MembershipBundle)
        report = audit_bundle(opened, QUICK | parameters, Silent()).report
    assert isinstance(report, MembershipReport)
    return report


def refusal(bundle: Path, **parameters: JsonValue) -> LeakgaugeError:
    """The error that a bundle is refused with."""
    try:
        audited(bundle, **parameters)
    except LeakgaugeError as error:
        return error
    raise AssertionError(f"{bundle.name} was audited")
