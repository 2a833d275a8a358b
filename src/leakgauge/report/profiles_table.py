"""`profiles.csv`: the profiles of all classes, a row for each number and for each value of a column."""

from __future__ import annotations

import csv
import io
from typing import Final

from leakgauge.report.model import ProfilesReport
from leakgauge.text import Sink, printable

PROFILES_CSV: Final = "profiles.csv"
COLUMNS: Final = ("Class", "Column", "Value", "Everybody", "Attacker", "Real")


def profiles_csv(report: ProfilesReport) -> bytes:
    r"""The profiles as UTF-8 CSV with a header, lines ending in `\n`.

    Of a column of numbers the means, with an empty `Value`; of any other the shares of each value. `Real` is
    empty without reference records.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for profile in report.profiles:
        for column in profile.columns:
            if column.kind == "number":
                means = (column.everybody, column.attacker, column.real)
                table.writerow([*_names(profile.target_class, column.name, ""), *map(_figure, means)])
            for value in column.values:
                shares = (value.everybody, value.attacker, value.real)
                table.writerow(
                    [*_names(profile.target_class, column.name, value.value), *map(_figure, shares)]
                )
    return text.getvalue().encode()


def _names(*texts: str) -> list[str]:
    return [printable(text, Sink.CSV) for text in texts]


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
