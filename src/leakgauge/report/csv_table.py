"""`output.csv`: the table that subscribers' scripts parse, column for column."""

from __future__ import annotations

import csv
import io

from leakgauge.report.model import (
    AttributeInference,
    AttributeMeasured,
    InversionReport,
    MembershipReport,
    Report,
)
from leakgauge.text import Sink, printable

MEMBERSHIP_COLUMNS = (
    "Percentage Data",
    "Member Accuracy",
    "Non-member Accuracy",
    "Attack Accuracy",
    "Attack Model",
)
ATTRIBUTE_COLUMNS = (
    "Column",
    "Attack",
    "Sees",
    "Members",
    "Members without the model",
    "Non-members",
    "Non-members without the model",
    "Adds",
    "Adds low",
    "Adds high",
    "Leakage",
    "Leakage low",
    "Leakage high",
)
INVERSION_COLUMNS = ("No of iterations", "Similarity")
PROFILES_COLUMNS = ("Class", "Column", "Error", "Chance", "Ceiling")


def to_csv(report: Report) -> bytes:
    r"""The report's `table` as UTF-8 CSV with a header, lines ending in `\n`.

    Percentages are whole numbers; accuracies, similarities and distances have four decimals, and are empty
    where nothing was there to measure them with.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    if isinstance(report, MembershipReport):
        table.writerow(MEMBERSHIP_COLUMNS)
        for row in report.table:
            accuracies = (row.member_accuracy, row.non_member_accuracy, row.attack_accuracy)
            fractions = (_fraction(accuracy.value) for accuracy in accuracies)
            table.writerow([row.percentage, *fractions, printable(row.attack_model, Sink.CSV)])
    elif isinstance(report, InversionReport):
        table.writerow(INVERSION_COLUMNS)
        for point in report.table:
            table.writerow([point.iterations, _fraction(point.similarity)])
    else:
        table.writerow(PROFILES_COLUMNS)
        for found in report.table:
            names = (printable(name, Sink.CSV) for name in (found.target_class, found.column))
            distances = (found.error, found.chance, found.ceiling)
            figures = ("" if distance is None else _fraction(distance) for distance in distances)
            table.writerow([*names, *figures])
    return text.getvalue().encode()


def attributes_to_csv(found: AttributeInference) -> bytes:
    """The table of `attributes.csv`, in the form of `to_csv`: a row for each column and attack that ran.

    Shares of records with four decimals; intervals are corrected for the number of columns and attacks.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(ATTRIBUTE_COLUMNS)
    for column in found.columns:
        for attack in column.attacks:
            if not isinstance(attack, AttributeMeasured):
                continue
            metrics = attack.metrics
            sides = (metrics.members, metrics.non_members)
            shares = [share.value for side in sides for share in (side.attack, side.imputation)]
            for figure in (metrics.adds_corrected, metrics.leakage_corrected):
                shares += [figure.value, figure.low, figure.high]
            names = (column.name, attack.name, attack.threat_model)
            table.writerow([*(printable(name, Sink.CSV) for name in names), *map(_fraction, shares)])
    return text.getvalue().encode()


def _fraction(value: float) -> str:
    # rounding twice as report.json does keeps the two files in step; adding zero turns -0.0 into 0.0
    return f"{round(round(value, 6), 4) + 0.0:.4f}"
