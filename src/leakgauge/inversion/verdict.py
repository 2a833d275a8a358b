"""From figures to a verdict: the one rule by which an inversion audit is called bad or not.

Leakage is the share of the way from what guessing reaches to a full leak. The
rule looks at the ends of its interval over seeds, never at the value itself,
for the attack that showed most, and of those that showed as much for one that an
evaluator confirms. The worst is the one that luck favoured most, so what was shown
is read from an interval corrected for their number:

    critical      leakage at least .60                  (lower end, corrected)
    high          leakage at least .30                  (lower end, corrected)
    moderate      leakage at least .10                  (lower end, corrected),
                  or an evaluator recognises more reconstructions than guessing explains
    inconclusive  instead of these three where the similarity may be luck, see below
    low           every attack's leakage at most .15    (upper end),
                  and an evaluator recognises none of them beyond guessing
    inconclusive  none of these, or no attack ran

Similarity to one image cannot rule a leak out: a reconstruction that anybody would read
may be less like this very image than the reconstruction of another class is. Without
an independent classifier that says what reconstructions show, nothing is called "low";
nor where the model itself does not take the image for its class, since the
reconstruction of another class is unlike it whatever leaks. And similarity to one image
may be luck, with which seeds have nothing to do: a few in a hundred networks that
learned nothing reconstruct, again and again, something like it. An attack whose reconstructions
an evaluator that could tell recognises neither here nor in other classes has shown
nothing by similarity alone. What an attacker with images of the same kind has to beat is
the most similar of these, too: a stranger's image may be much like the user's.

Without auxiliary images nothing is known of an attacker who has some, and every verdict says so. Where the
target answers differently away from data that is the attacker who matters, since no other asks
about data: then nothing is called "low" without one.

One attack carries the verdict, its headline: the one that showed most, or whose reconstructions
are recognised, or whose similarity may be luck. The verdict's figures, the short answers
and `output.csv` are all about that one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from leakgauge.exhaustion import NOT_AUDITED
from leakgauge.report import thresholds
from leakgauge.report.model import (
    Failed,
    InversionMeasured,
    NotApplicable,
    Recognition,
    Reconstruction,
    Severity,
    Verdict,
)

SHOWN = thresholds.INVERSION
RULED_OUT = thresholds.LEAKAGE_RULED_OUT
_TYPICAL = (
    "A reconstruction shows the class's typical image, not this very image: where one class is one person or "
    "one object, its typical image is that person or object."
)
_MISSING = (
    "What is missing is someone to say what the reconstructions show: labelled images, at least ten of each "
    "class as reference/CLASS/*.png, or an evaluator.keras in the bundle."
)
_NOT_COVERED = (
    "Attackers who have images of the same kind are not covered: put at least 20 into the folder auxiliary."
)

Outcome = InversionMeasured | NotApplicable | Failed


@dataclass(frozen=True, slots=True)
class Headline:
    """The attack that carries the verdict, by its reconstruction of the image's class.

    Attributes
    ----------
    shown
        how bad its similarity alone is, None where that shows nothing.
    read
        what an evaluator recognises of its reconstructions, where that is what shows the leak.
    may_be_luck
        whether an evaluator that recognises nothing stands against its similarity.
    """

    reconstruction: Reconstruction
    shown: Severity | None = None
    read: Recognition | None = None
    may_be_luck: bool = False


def headline(
    outcomes: Sequence[Outcome],
    reconstructions: Sequence[Reconstruction],
    *,
    recognition: Sequence[Recognition] = (),
) -> Headline | None:
    """The attack that carries the verdict; None where none that only asks was run. As `verdict`."""
    asking = {attack.name for attack in _asking(outcomes)}
    candidates = {found.attack: found for found in reconstructions if found.attack in asking}
    if not candidates:
        return None
    evaluated = {one.attack: one for one in recognition if one.attack in candidates}
    lucky = [found for name, found in candidates.items() if _may_be_luck(found, evaluated.get(name))]
    sound = [found for found in candidates.values() if found not in lucky]
    read = [one for one in evaluated.values() if one.shown]
    worst = max((_badness(found) for found in sound), default=0)
    # of those that show as much, one that an evaluator confirms
    alike = [found for found in sound if _badness(found) == worst > 0]
    confirmed = [found for found in alike if _confirmed(found, evaluated.get(found.attack))]
    if confirmed or (alike and not (read and worst == 1)):
        best = _worst(confirmed or alike)
        return Headline(best, shown=SHOWN[-worst][0])
    if read:
        plainest = max(read, key=lambda one: one.share.low)
        return Headline(candidates[plainest.attack], read=plainest)
    return Headline(_worst(lucky), may_be_luck=True) if lucky else Headline(_worst(sound))


def verdict(
    outcomes: Sequence[Outcome],
    reconstructions: Sequence[Reconstruction],
    *,
    recognised: bool,
    recognition: Sequence[Recognition] = (),
    in_full: bool = True,
    misled: bool = False,
) -> Verdict:
    """The verdict over all attacks that only ask; white-box references never count.

    Parameters
    ----------
    reconstructions
        those of the class that the user's image belongs to.
    recognised
        whether the model takes the image for that class.
    recognition
        what the evaluator says of each attack's reconstructions, empty without one.
    in_full
        whether no search was ended or left out for lack of time: what a short one does not show, a
        longer one may.
    misled
        whether the target answers differently away from data.
    """
    found = headline(outcomes, reconstructions, recognition=recognition)
    if found is None:
        return Verdict(
            Severity.INCONCLUSIVE,
            _why_nothing_ran(outcomes),
            tuple(
                f"{outcome.title}: {outcome.reason}"
                for outcome in outcomes
                if not isinstance(outcome, InversionMeasured)
            ),
        )
    measured = {attack.name: attack for attack in _asking(outcomes)}
    covered = any(attack.with_prior for attack in measured.values())
    decided = _decided(
        found,
        measured,
        reconstructions,
        recognised=recognised,
        recognition=recognition,
        misled=misled and not covered,
        in_full=in_full,
    )
    return decided if covered else replace(decided, reasons=(*decided.reasons, _NOT_COVERED))


def _decided(
    found: Headline,
    measured: Mapping[str, InversionMeasured],
    reconstructions: Sequence[Reconstruction],
    *,
    recognised: bool,
    recognition: Sequence[Recognition],
    misled: bool,
    in_full: bool,
) -> Verdict:
    """The verdict over the attacks that only ask, of which there are some."""
    attack = measured[found.reconstruction.attack]
    asked, figures = _asked(attack, found.reconstruction.queries), _figures(attack, found.reconstruction)
    if found.shown is not None or found.read is not None or found.may_be_luck:
        return _something_shown(found, asked, figures)
    evaluated = {one.attack: one for one in recognition}
    if not in_full and not misled:
        return Verdict(
            Severity.INCONCLUSIVE,
            f"{asked} an attacker reconstructs nothing of class {found.reconstruction.target_class} that can "
            "be told reliably from a guess; time ran out before the searches had come to their end.",
            (figures, _TYPICAL, "Raise time_budget: what a short search does not show, a longer one may."),
        )
    return _nothing_shown(
        found.reconstruction.target_class,
        asked,
        figures,
        unlike=recognised
        and all(other.leakage.high <= RULED_OUT for other in reconstructions if other.attack in measured),
        evaluated=all(name in evaluated and evaluated[name].resolves for name in measured),
        misled=misled,
    )


def _why_nothing_ran(outcomes: Sequence[Outcome]) -> str:
    """The sentence where no attack that asks was run: the reason itself, where time was lacking."""
    for outcome in outcomes:
        if not isinstance(outcome, InversionMeasured) and outcome.reason.startswith(NOT_AUDITED):
            return outcome.reason
    return (
        "No attack that only asks was run on this model, so nothing is known about what its answers give "
        "away."
    )


def _something_shown(found: Headline, asked: str, figures: str) -> Verdict:
    """The verdict where the headline's attack showed something, be it by luck."""
    if found.shown is not None:
        share = round(100 * found.reconstruction.leakage.value)
        return Verdict(
            found.shown,
            f"{asked} an attacker reconstructs what class {found.reconstruction.target_class} typically "
            f"looks like: the reconstruction goes {share} % of the way from a guess to a full leak.",
            (figures, _TYPICAL),
        )
    if found.read is not None:
        count = round(found.read.share.value * found.read.share.n)
        return Verdict(
            Severity.MODERATE,
            f"{asked} an attacker reconstructs classes so that an independent classifier recognises "
            f"{count} of {found.read.share.n}, where guessing reaches one in {round(1 / found.read.chance)}.",
            (figures, _TYPICAL),
        )
    return Verdict(
        Severity.INCONCLUSIVE,
        f"{asked} an attacker reconstructs something more like the image than a guess, but an independent "
        "classifier recognises neither this reconstruction nor those of other classes: one image may be "
        "alike by luck.",
        (figures, "Another image of the class would tell: luck does not strike twice."),
    )


def _nothing_shown(
    target_class: int, asked: str, figures: str, *, unlike: bool, evaluated: bool, misled: bool
) -> Verdict:
    """The verdict where no attack showed anything.

    Parameters
    ----------
    unlike
        whether a leak by similarity is ruled out for every attack.
    evaluated
        whether an evaluator that could tell has looked at every attack's reconstructions.
    misled
        whether every attack was misled, as it asked away from data alone.
    """
    if misled:
        return Verdict(
            Severity.INCONCLUSIVE,
            f"{asked} an attacker reconstructs nothing of class {target_class}, but the model answers "
            "differently away from data, and that is where this attacker asked. It says nothing of one who "
            "has images of the same kind.",
            (figures, _TYPICAL),
        )
    if unlike and evaluated:
        return Verdict(
            Severity.LOW,
            f"{asked} an attacker reconstructs nothing of class {target_class} that is noticeably more "
            "like the image than a guess, and nothing that an independent classifier recognises.",
            (figures, _TYPICAL),
        )
    if unlike:
        return Verdict(
            Severity.INCONCLUSIVE,
            f"{asked} an attacker reconstructs nothing of class {target_class} that is noticeably more "
            "like the image than a guess. One image cannot rule out that the class is reconstructed.",
            (
                figures,
                _TYPICAL,
                *([] if evaluated else [_MISSING]),
            ),
        )
    return Verdict(
        Severity.INCONCLUSIVE,
        f"{asked} the reconstruction of class {target_class} cannot be told reliably from a guess, nor can "
        "a leak be ruled out.",
        (
            figures,
            _TYPICAL,
            "More seeds narrow the interval: set seeds in parameters.json." if evaluated else _MISSING,
        ),
    )


def _asking(outcomes: Sequence[Outcome]) -> list[InversionMeasured]:
    """The attacks that gave a figure by asking alone."""
    return [
        outcome
        for outcome in outcomes
        if isinstance(outcome, InversionMeasured) and outcome.threat_model != "model_file"
    ]


def _worst(found: Sequence[Reconstruction]) -> Reconstruction:
    return max(found, key=lambda one: (one.leakage_corrected.low, one.leakage.value))


def _badness(found: Reconstruction) -> int:
    """How bad the similarity alone is, as a place in `SHOWN` from its end; 0 where it shows nothing."""
    return sum(found.leakage_corrected.low >= limit for _, limit in SHOWN)


def _confirmed(found: Reconstruction, evaluated: Recognition | None) -> bool:
    """Whether an evaluator recognises this reconstruction, or those of other classes beyond guessing."""
    read = found.judgement is not None and found.judgement.recognised
    return read or (evaluated is not None and evaluated.shown)


def _may_be_luck(found: Reconstruction, evaluated: Recognition | None) -> bool:
    """Whether a similarity beyond guessing stands against an evaluator that recognises nothing of it."""
    return (
        found.leakage_corrected.low >= SHOWN[-1][1]
        and evaluated is not None
        and evaluated.resolves
        and not evaluated.shown
        and found.judgement is not None
        and not found.judgement.recognised
    )


def _asked(attack: InversionMeasured, queries: int) -> str:
    known = " and images of the same kind" if attack.with_prior else ""
    return f"With {queries:,} queries for {attack.threat_model}{known}"


def _figures(attack: InversionMeasured, found: Reconstruction) -> str:
    return (
        f"{attack.title}: similarity {found.similarity.pearson:.2f} (Pearson) against {found.chance:.2f} by "
        f"chance ({found.chance_source}) and {found.ceiling:.2f} for a full leak; leakage "
        f"{found.leakage.value:.2f}, 95 % interval {found.leakage_corrected.low:.2f} to "
        f"{found.leakage_corrected.high:.2f} over {found.leakage.n} seeds, corrected for "
        "the number of attacks."
    )
