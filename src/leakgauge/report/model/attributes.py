"""What an audit found of attribute inference: column by column, a part of the membership report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from leakgauge.estimates import Estimate
from leakgauge.report.model.common import AttackOutcome, Failed, NotApplicable, Verdict


@dataclass(frozen=True, slots=True)
class ConfidentPart:
    """The records about whose value an attacker is sure: those with a posterior of .9 or more.

    `precision` is the share of them named rightly, None where there are none; `recall` the share of all
    records that are named rightly in this way.
    """

    records: int
    precision: Estimate | None
    recall: Estimate


@dataclass(frozen=True, slots=True)
class AttributeSide:
    """What an attacker gets right of the members, or of the non-members.

    `attack` combines the model's answers with the imputation, `imputation` is the same attacker without
    the model, `gain` the first less the second, on the same records; all are shares of records. `balanced`
    and `imputation_balanced` are means over values of the shares that are right, where rare values are named
    more readily; None where fewer than two values have enough records. `mcc` and `imputation_mcc` are
    Matthews' correlation coefficients, 0 for guessing. `alone` is the attack without the imputation, None for
    attacks that decide nothing alone.
    """

    attack: Estimate
    imputation: Estimate
    gain: Estimate
    balanced: Estimate | None
    imputation_balanced: Estimate | None
    mcc: Estimate
    imputation_mcc: Estimate
    confident: ConfidentPart
    imputation_confident: ConfidentPart
    alone: Estimate | None = None


@dataclass(frozen=True, slots=True)
class AttributeMetrics:
    """What one attack on one column is worth.

    `adds` is what the model adds to a guess about anybody: the gain on non-members. `leakage` is what it
    leaks of its own records: the gain on members less that on non-members; `leakage_balanced` is that of
    `AttributeSide.balanced`, which shows what is leaked of those with rare values. The `_corrected` figures
    are the same values with intervals corrected for the number of columns, of attacks and of these two
    figures; the verdict uses those.
    """

    members: AttributeSide
    non_members: AttributeSide
    adds: Estimate
    adds_corrected: Estimate
    leakage: Estimate
    leakage_corrected: Estimate
    leakage_balanced: Estimate | None
    leakage_balanced_corrected: Estimate | None


@dataclass(frozen=True, slots=True)
class AttributeMeasured(AttackOutcome):
    """An attack on one column that ran.

    `sees_given` is True for an attacker who also sees what the model answered about the record as it is; such
    an attack does not enter the verdict.
    """

    queries: int
    metrics: AttributeMetrics
    sees_given: bool = False
    status: Literal["measured"] = "measured"


@dataclass(frozen=True, slots=True)
class AttributePart:
    """The leakage of the attack that showed most, for the records with one value or of one group.

    The figures are None where there are too few records; `withheld` then says so.
    """

    by: Literal["value", "group"]
    name: str
    members: int
    non_members: int
    attack: Estimate | None
    imputation: Estimate | None
    leakage: Estimate | None
    withheld: str | None = None


@dataclass(frozen=True, slots=True)
class AttributeColumn:
    """One sensitive column.

    `values` are what an attacker chooses from; with `intervals` they are intervals of numbers. `imputer` is
    the model by which the attacker without the model guesses best. `strongest` names the attack on the
    answers with the greatest leakage, `strongest_on_file` that on the model file; None where none ran.
    `verdict` is by the first. `withheld` says why the column was not measured, and then there is nothing
    else.
    """

    name: str
    verdict: Verdict
    values: tuple[str, ...] = ()
    intervals: bool = False
    members: int = 0
    non_members: int = 0
    imputer: str = ""
    attacks: tuple[AttributeMeasured | NotApplicable | Failed, ...] = ()
    strongest: str | None = None
    strongest_on_file: str | None = None
    parts: tuple[AttributePart, ...] = ()
    withheld: str | None = None


@dataclass(frozen=True, slots=True)
class AttributeInference:
    """What the model tells about a person to who knows the person's other columns.

    `verdict` is about what it leaks of its own records, `adds_sentence` about what it adds to a guess about
    anybody, `file_sentence` about who holds the model file. `chosen` is whether nobody named the columns.
    `withheld` says why nothing was measured; then there are no columns.
    """

    verdict: Verdict
    adds_sentence: str = ""
    file_sentence: str = ""
    columns: tuple[AttributeColumn, ...] = ()
    chosen: bool = False
    withheld: str | None = None
