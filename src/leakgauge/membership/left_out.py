"""What an audit had no time for, by name, and which way that errs."""

from __future__ import annotations

from collections.abc import Iterator

from leakgauge.exhaustion import NOT_AUDITED, readable
from leakgauge.membership.evidence import Evidence
from leakgauge.membership.proportions import Proportions
from leakgauge.membership.tradeoffs import NO_TIME_LEFT
from leakgauge.report.model import AttributeInference, Failed, ModelContents, Notice, Tradeoffs


def not_everything(evidence: Evidence) -> tuple[Notice, ...]:
    """What a reader must know where there was no time for everything; nothing where there was."""
    left_out = [
        *(one.title for one in evidence.outcomes if isinstance(one, Failed) and _late(one.reason)),
        *_shares(evidence.proportions),
        *_changes(evidence.tried),
        *_columns(evidence.attributes),
        *_rebuilding(evidence.contents),
    ]
    if not left_out:
        return ()
    return (
        Notice(
            "no_time_for_everything",
            f"{NOT_AUDITED}: {'; '.join(left_out)}. What was measured stands; what was left out may only "
            f"have shown more leakage. All of it takes about {readable(evidence.seconds)} on this machine. "
            f"{evidence.remedy}",
        ),
    )


def _late(reason: str | None) -> bool:
    return reason is not None and reason.startswith(NOT_AUDITED)


def _shares(proportions: Proportions | None) -> Iterator[str]:
    if proportions is not None and _late(proportions.cut_short):
        yield "attack models at every share of the data"


def _changes(tried: Tradeoffs | None) -> Iterator[str]:
    if tried is None:
        return
    if _late(tried.withheld):
        yield "what mitigations cost and save"
    late = [
        change.removesuffix(f": {NO_TIME_LEFT}") for change in tried.left_out if change.endswith(NO_TIME_LEFT)
    ]
    if late:
        yield f"mitigations ({', '.join(late)})"


def _columns(attributes: AttributeInference | None) -> Iterator[str]:
    if attributes is None:
        return
    if _late(attributes.withheld):
        yield "attribute inference"
    for column in attributes.columns:
        if _late(column.withheld):
            yield f"attribute inference of “{column.name}”"
        for attack in column.attacks:
            if isinstance(attack, Failed) and _late(attack.reason):
                yield f"{attack.title} of “{column.name}”"


def _rebuilding(contents: ModelContents | None) -> Iterator[str]:
    if contents is not None and contents.rebuilt is not None and NOT_AUDITED in contents.rebuilt.sentence:
        yield "whether the training table can be rebuilt"
