"""The ε that a run of DP-SGD has spent, from Google's `dp-accounting`."""

from __future__ import annotations

from dataclasses import dataclass

from leakgauge.defences.training.plan import Privacy


@dataclass(frozen=True, slots=True)
class PrivacySpent:
    """(ε, δ)-differential privacy of a finished run, adding or removing one record."""

    epsilon: float
    delta: float


def privacy_spent(privacy: Privacy, *, records: int, lot: int, steps: int) -> PrivacySpent:
    """What `steps` steps cost, each on a lot that every record enters with probability lot / records.

    Composed by privacy loss distributions (Koskela et al. 2020; Doroshenko et al. 2022), which
    give a tighter bound than Rényi divergences. δ is 1 / records², below the one in `records`
    that would let a mechanism publish a record outright.
    """
    # imported where it is used: only models that are trained with DP-SGD need it
    from dp_accounting import GaussianDpEvent, PoissonSampledDpEvent, SelfComposedDpEvent
    from dp_accounting.pld import PLDAccountant

    accountant = PLDAccountant()
    step = PoissonSampledDpEvent(min(1.0, lot / records), GaussianDpEvent(privacy.noise_multiplier))
    accountant.compose(SelfComposedDpEvent(step, steps))
    delta = 1.0 / records**2
    return PrivacySpent(float(accountant.get_epsilon(delta)), delta)
