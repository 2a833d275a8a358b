"""From figures to a verdict: the one rule by which an inversion audit is called bad or not.

Leakage is the share of the way from what guessing reaches to a full leak. The
rule looks at the ends of its interval over seeds, never at the value itself,
for the attack that showed most. That is the one that luck favoured most, so
what was shown is read from an interval corrected for their number:

    critical      leakage at least .60                  (lower end, corrected)
    high          leakage at least .30                  (lower end, corrected)
    moderate      leakage at least .10                  (lower end, corrected),
                  or an evaluator recognises more drawings than guessing explains
    inconclusive  instead of these three where the likeness may be luck, see below
    low           every attack's leakage at most .15    (upper end),
                  and an evaluator recognises none of them beyond guessing
    inconclusive  none of these, or no attack ran

Likeness to one picture cannot rule a leak out: a drawing that anybody would read
may be less like this very picture than the drawing of another class is. Without
an independent classifier that says what drawings show, nothing is called "low";
nor where the model itself does not take the picture for its class, since the
drawing of another class is unlike it whatever leaks. And likeness to one picture
may be luck, with which seeds have nothing to do: a few in a hundred networks that
learned nothing draw, again and again, something like it. An attack whose drawings
an evaluator that could tell recognises neither here nor in other classes has shown
nothing by likeness alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from leakgauge.report.model import (
    Failed,
    InversionMeasured,
    NotApplicable,
    Recognition,
    Reconstruction,
    Severity,
    Verdict,
)

SHOWN: tuple[tuple[Severity, float], ...] = (
    (Severity.CRITICAL, 0.60),
    (Severity.HIGH, 0.30),
    (Severity.MODERATE, 0.10),
)
RULED_OUT = 0.15

Outcome = InversionMeasured | NotApplicable | Failed


def verdict(
    outcomes: Sequence[Outcome],
    reconstructions: Sequence[Reconstruction],
    *,
    recognised: bool,
    recognition: Sequence[Recognition] = (),
) -> Verdict:
    """The verdict over all attacks that only ask; white-box references never count.

    Parameters
    ----------
    reconstructions: those of the class that the user's picture belongs to.
    recognised: whether the model takes the picture for that class.
    recognition: what the evaluator says of each attack's drawings, empty without one.
    """
    measured = {
        outcome.name: outcome
        for outcome in outcomes
        if isinstance(outcome, InversionMeasured) and outcome.threat_model != "model_file"
    }
    candidates = [found for found in reconstructions if found.attack in measured]
    if not candidates:
        return Verdict(
            Severity.INCONCLUSIVE,
            "No attack that only asks was run on this model, so nothing is known about what its answers give "
            "away.",
            tuple(
                f"{outcome.title}: {outcome.reason}"
                for outcome in outcomes
                if not isinstance(outcome, InversionMeasured)
            ),
        )
    judged = {one.attack: one for one in recognition if one.attack in measured}
    lucky = [found for found in candidates if _may_be_luck(found, judged.get(found.attack))]
    worst = _worst([found for found in candidates if found not in lucky] or lucky)
    reasons = (
        _figures(measured[worst.attack], worst),
        "A drawing shows the class's typical image, not this very picture: where one class is one person "
        "or one object, its typical image is that person or object.",
    )
    shown = next((severity for severity, limit in SHOWN if worst.leakage_corrected.low >= limit), None)
    asked = _asked(measured[worst.attack], worst.queries)
    if shown is not None and worst not in lucky:
        share = round(100 * worst.leakage.value)
        return Verdict(
            shown,
            f"{asked} an attacker draws what class {worst.target_class} typically looks like: the drawing "
            f"goes {share} % of the way from a guess to a full leak.",
            reasons,
        )
    read = [one for one in judged.values() if one.shown]
    if read:
        plainest = max(read, key=lambda one: one.share.low)
        queries = max(found.queries for found in candidates if found.attack == plainest.attack)
        asked = _asked(measured[plainest.attack], queries)
        count = round(plainest.share.value * plainest.share.n)
        return Verdict(
            Severity.MODERATE,
            f"{asked} an attacker draws classes so that an independent classifier recognises {count} of "
            f"{plainest.share.n}, where guessing reaches one in {round(1 / plainest.chance)}.",
            reasons,
        )
    if lucky:
        likest = _worst(lucky)
        return Verdict(
            Severity.INCONCLUSIVE,
            f"{_asked(measured[likest.attack], likest.queries)} an attacker draws something more like the "
            "picture than a guess, but an independent classifier recognises neither this drawing nor those "
            "of other classes: one picture may be alike by luck.",
            (
                _figures(measured[likest.attack], likest),
                "Another picture of the class would tell: luck does not strike twice.",
            ),
        )
    unlike = recognised and all(found.leakage.high <= RULED_OUT for found in candidates)
    if unlike and all(name in judged and judged[name].resolves for name in measured):
        return Verdict(
            Severity.LOW,
            f"{asked} an attacker draws nothing of class {worst.target_class} that is noticeably more "
            "like the picture than a guess, and nothing that an independent classifier recognises.",
            reasons,
        )
    if unlike:
        return Verdict(
            Severity.INCONCLUSIVE,
            f"{asked} an attacker draws nothing of class {worst.target_class} that is noticeably more "
            "like the picture than a guess. One picture cannot rule out that the class is drawn.",
            (
                *reasons,
                "To have drawings judged, put an evaluator.keras or labelled images, at least ten of each "
                "class as reference/CLASS/*.png, into the bundle.",
            ),
        )
    return Verdict(
        Severity.INCONCLUSIVE,
        f"{asked} the drawing of class {worst.target_class} cannot be told reliably from a guess, nor can a "
        "leak be ruled out.",
        (*reasons, "More seeds narrow the interval: set seeds in parameters.json."),
    )


def _worst(found: Sequence[Reconstruction]) -> Reconstruction:
    return max(found, key=lambda one: (one.leakage_corrected.low, one.leakage.value))


def _may_be_luck(found: Reconstruction, judged: Recognition | None) -> bool:
    """Whether a likeness beyond guessing stands against a judge that recognises nothing of the attack."""
    return (
        found.leakage_corrected.low >= SHOWN[-1][1]
        and judged is not None
        and judged.resolves
        and not judged.shown
        and found.judgement is not None
        and not found.judgement.recognised
    )


def _asked(attack: InversionMeasured, queries: int) -> str:
    known = " and pictures of the same kind" if attack.with_prior else ""
    return f"With {queries:,} queries for {attack.threat_model}{known}"


def _figures(attack: InversionMeasured, found: Reconstruction) -> str:
    return (
        f"{attack.title}: likeness {found.similarity.pearson:.2f} (Pearson) against {found.chance:.2f} by "
        f"chance ({found.chance_source}) and {found.ceiling:.2f} for a full leak; leakage "
        f"{found.leakage.value:.2f}, 95 % interval {found.leakage_corrected.low:.2f} to "
        f"{found.leakage_corrected.high:.2f} over {found.leakage.n} seeds, corrected for "
        "the number of attacks."
    )
