"""Questions answered in words, and advice, each from a figure that was measured in this audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from leakgauge.report.model import (
    Insight,
    InversionMeasured,
    Recommendation,
    Reconstruction,
    Severity,
    Snapshot,
)

NEARLY_ALL = 0.9
"""Share of the final similarity at which a reconstruction counts as nearly done."""


def insights(
    reconstruction: Reconstruction | None,
    snapshots: Sequence[Snapshot],
    measured: Mapping[str, InversionMeasured],
) -> tuple[Insight, ...]:
    """What the reconstruction of the image's class shows, and how soon it shows it.

    Parameters
    ----------
    reconstruction
        the verdict's; None where no attack only asked.
    snapshots
        on the way to the reconstruction.
    """
    if reconstruction is None:
        return ()
    attack = measured[reconstruction.attack]
    metrics = attack.metrics
    found = [
        Insight(
            name="likeness",
            question="Is the reconstruction like the image beyond what guessing reaches?",
            sentence=(
                f"{attack.title}: its similarity is {reconstruction.similarity.pearson:.2f}; "
                f"{reconstruction.chance_source} "
                f"reaches {reconstruction.chance:.2f}. It reconstructs the class's typical image, not "
                "this very image."
            ),
            figures={"pearson": metrics.pearson, "leakage": reconstruction.leakage_corrected},
        )
    ]
    early = nearly_done(snapshots)
    if early is not None:
        first, last = early
        found.append(
            Insight(
                name="effort",
                question="How many queries does an attacker need?",
                sentence=(
                    f"{attack.title}: after {first.queries:,} of {last.queries:,} queries the "
                    f"reconstruction's similarity is {first.similarity.pearson:.2f}, and "
                    f"{last.similarity.pearson:.2f} at the end."
                ),
                figures={"pearson": metrics.pearson},
            )
        )
    return tuple(found)


def nearly_done(snapshots: Sequence[Snapshot]) -> tuple[Snapshot, Snapshot] | None:
    """The first snapshot with nearly all of the final similarity, and the last; None for one alone."""
    shots = sorted(snapshots, key=lambda shot: shot.iterations)
    if len(shots) < 2 or shots[-1].similarity.pearson <= 0:
        return None
    last = shots[-1]
    first = next(shot for shot in shots if shot.similarity.pearson >= NEARLY_ALL * last.similarity.pearson)
    return None if first.queries == last.queries else (first, last)


def recommendations(severity: Severity, snapshots: Sequence[Snapshot]) -> tuple[Recommendation, ...]:
    """Advice that a figure of this audit speaks for; none where nothing leaks or nothing was measured.

    Parameters
    ----------
    snapshots
        on the way to the verdict's reconstruction.
    """
    if severity not in (Severity.MODERATE, Severity.HIGH, Severity.CRITICAL):
        return ()
    early = nearly_done(snapshots)
    if early is None:
        return ()
    first, last = early
    return (
        Recommendation(
            title="Limit queries per caller, and expect it to slow an attacker, not to stop one",
            text=(
                "Answer fewer probability queries to one caller than the reconstruction takes, and watch for "
                "callers that send many similar images."
            ),
            because=(
                f"{first.queries:,} queries were enough for a similarity of {first.similarity.pearson:.2f}; "
                f"{last.queries:,} reach {last.similarity.pearson:.2f}."
            ),
        ),
    )
