"""How often a record that is called a member is one, where members are as rare as they are in life.

Sources: Bayes' rule; Jayaraman et al. 2021, Revisiting Membership Inference Under Realistic Assumptions
(precision at priors other than one half).
"""

from __future__ import annotations

from leakgauge.estimates.figures import Estimate


def precision_at_prior(true_positive_rate: Estimate, false_positive_rate: Estimate, prior: float) -> Estimate:
    """The share of members among the records that an attack calls members.

    Precision rises with the one rate and falls with the other. Its interval goes from the worst pair of
    their ends to the best, so it holds at least as often as theirs do where both are uncertain, and exactly
    as often where the false-positive rate is known.

    Parameters
    ----------
    prior
        the share of members, above 0 and below 1, among the records that the attacker tries.

    Raises
    ------
    ValueError
        for a prior out of range, or rates of 0 both: nothing is called a member then.
    """
    if not 0.0 < prior < 1.0:
        raise ValueError(f"{prior} is no prior")
    if true_positive_rate.value == false_positive_rate.value == 0.0:
        raise ValueError("nothing is called a member")

    def precision(found: float, false: float) -> float:
        called = prior * found + (1.0 - prior) * false
        return prior * found / called if called > 0.0 else 0.0

    value = precision(true_positive_rate.value, false_positive_rate.value)
    return Estimate(
        value,
        min(precision(true_positive_rate.low, false_positive_rate.high), value),
        max(precision(true_positive_rate.high, false_positive_rate.low), value),
        true_positive_rate.n + false_positive_rate.n,
    )
