"""What a positive prediction is worth: its precision at a few priors, by the attack that showed most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from leakgauge.estimates import Estimate, precision_at_prior
from leakgauge.report import formatting, risk
from leakgauge.report.model import MembershipReport, Report

PRIORS: Final = (0.01, 0.10, 0.50)
"""Shares of members among the records that an attacker tries: a needle in a haystack, a list of candidates,
and the half that the attacks are measured at."""


@dataclass(frozen=True, slots=True)
class PrecisionRow:
    """One threshold of the attack: the limit on its false-positive rate, as reports key it.

    `precisions` follow `PRIORS`; they are none where `withheld` says why.
    """

    limit: str
    precisions: tuple[Estimate, ...]
    withheld: str | None = None


@dataclass(frozen=True, slots=True)
class PrecisionTable:
    """The attack on the answers that showed most, threshold by threshold."""

    attack: str
    rows: tuple[PrecisionRow, ...]

    def at(self, limit: str, prior: float) -> Estimate | None:
        """The precision at a limit and one of `PRIORS`; None where it is withheld or not there."""
        row = next((row for row in self.rows if row.limit == limit and row.precisions), None)
        return row.precisions[PRIORS.index(prior)] if row else None


def precision_table(report: Report) -> PrecisionTable | None:
    """The table of a membership report; None where no attack on the answers was measured.

    The rates are those whose intervals are corrected for the number of attacks. Each is about the threshold
    whose true false-positive rate is the limit, and its interval carries the error in placing it, so the
    limit enters as it is.
    """
    worst = risk.headline(report.attacks) if isinstance(report, MembershipReport) else None
    if worst is None:
        return None
    rows = []
    for key, found in worst.metrics.tpr_at_fpr_corrected.items():
        limit, rate = formatting.limit_value(key), formatting.rate(found)
        if limit is None:
            continue
        if rate is None:
            rows.append(PrecisionRow(key, (), found.withheld or "no reason was given"))
            continue
        exact = Estimate(limit, limit, limit, 0)
        rows.append(PrecisionRow(key, tuple(precision_at_prior(rate, exact, prior) for prior in PRIORS)))
    return PrecisionTable(worst.title, tuple(rows))
