"""`output.csv`: the table that subscribers' scripts parse, column for column."""

from __future__ import annotations

import csv
import io

from leakgauge.report.model import InversionReport, MembershipReport, Report
from leakgauge.text import Sink, printable

MEMBERSHIP_COLUMNS = (
    "Percentage Data",
    "Member Accuracy",
    "Non-member Accuracy",
    "Attack Accuracy",
    "Attack Model",
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


def _fraction(value: float) -> str:
    # rounding twice as report.json does keeps the two files in step; adding zero turns -0.0 into 0.0
    return f"{round(round(value, 6), 4) + 0.0:.4f}"
