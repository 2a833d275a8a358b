"""What a finished report says in a terminal: in colours to somebody who looks on, in plain lines, or as JSON.

It is read from report.json as a document, since no report needs SciPy to be told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from leakgauge.errors import JsonValue
from leakgauge.sandbox.output import read_document
from leakgauge.text import Sink, printable

EXIT_CODES: Final = {"passed": 0, "failed": 1, "inconclusive": 3}
"""What a gate's outcome is to a shell."""

_PAGE: Final = "report.html"
_TREND: Final = "history.json"
"""There where an earlier report was added."""
_FILES: Final = (_PAGE, "report.json", "output.csv", "attributes.csv", _TREND, "report.pdf")
_COLOURS: Final = {
    "low": "green",
    "moderate": "yellow",
    "high": "dark_orange",
    "critical": "bold red",
    "inconclusive": "cyan",
}
_FIGURES: Final = {
    "membership": ("auc_corrected", "AUC"),
    "inversion": ("leakage", "leakage"),
    "profiles": ("leakage", "leakage"),
}
"""By kind of audit the figure that ranks attacks, and its name."""
_MOST_ATTACKS: Final = 3
_MOST_WARNINGS: Final = 3
_ATTACKERS: Final = {
    "candidates": "knows the candidates",
    "population": "has other data of the source",
}


@dataclass(frozen=True, slots=True)
class Strong:
    """An attack with the figure that ranks it; the ends are those of its interval."""

    attack: str
    figure: str
    value: float
    low: float
    high: float


def strongest(report: Mapping[str, Any], *, on_file: bool = False) -> list[Strong]:
    """The attacks on the answers, or the file, that showed most, by lower ends; errors as `lines`."""
    key, name = _FIGURES.get(str(report.get("kind")), ("", ""))
    found = [
        Strong(
            str(attack["title"]), name, float(figure["value"]), float(figure["low"]), float(figure["high"])
        )
        for attack in report.get("attacks", ())
        if (attack.get("threat_model") == "model_file") is on_file
        and (figure := (attack.get("metrics") or {}).get(key)) is not None
    ]
    return sorted(found, key=lambda attack: -attack.low)[:_MOST_ATTACKS]


def next_step(report: Mapping[str, Any]) -> str:
    """What to do now, in one line; errors as `lines`."""
    advice = report.get("recommendations") or ()
    if advice:
        return str(advice[0]["title"])
    if report["verdict"]["severity"] == "inconclusive":
        return "see on the page what is missing for a verdict"
    return "hold the next model to a policy: leakgauge gate REPORT"


def lines(report: Mapping[str, Any], folder: Path) -> list[str]:
    """The verdict, each attacker's, attributes, the file, the trend since an earlier report, the gate.

    Raises
    ------
    KeyError, TypeError, AttributeError, ValueError
        for what is no such document.
    """
    spoken = [
        str(report["verdict"]["sentence"]),
        *(
            f"An attacker who {_ATTACKERS[finding['attacker']]}: {_severity(finding)}"
            for finding in report.get("attackers", ())
        ),
    ]
    attributes = report.get("attributes")
    if attributes is not None:
        spoken.append(f"What it tells about a person: {attributes['verdict']['sentence']}")
    contents = report.get("contents")
    if contents is not None:
        spoken.append(f"If the file leaks: {contents['sentence']}")
    spoken += [
        f"An attacker who holds the model file: {attack.attack}, {attack.figure} {attack.value:.2f} "
        f"({attack.low:.2f} to {attack.high:.2f})"
        for attack in strongest(report, on_file=True)[:1]
    ]
    since = trend(folder)
    if since is not None:
        spoken.append(f"Since the earlier report: {since}")
    result = report.get("gate")
    return spoken if result is None else [*spoken, str(result["sentence"])]


def trend(folder: Path) -> str | None:
    """What became of the leak since an earlier report; None where none was added. Errors as `lines`."""
    file = folder / _TREND
    return str(read_document(file)["sentence"]) if file.is_file() else None


def exit_code(report: Mapping[str, Any]) -> int:
    """The gate's, 0 without one; errors as `lines`."""
    result = report.get("gate")
    return 0 if result is None else EXIT_CODES[result["outcome"]]


def document(report: Mapping[str, Any], folder: Path) -> dict[str, JsonValue]:
    """The same for programs; errors as `lines`."""
    verdict, result = report["verdict"], report.get("gate")
    return {
        "severity": verdict["severity"],
        "borderline": verdict.get("borderline"),
        "sentence": verdict["sentence"],
        "strongest": [
            {"attack": one.attack, "figure": one.figure, "value": one.value, "low": one.low, "high": one.high}
            for one in strongest(report)
        ],
        "warnings": [notice["message"] for notice in report.get("warnings", ())],
        "next": next_step(report),
        "trend": trend(folder),
        "gate": None if result is None else result["outcome"],
        "exit_code": exit_code(report),
        "files": [str(file) for file in files(folder)],
    }


def files(folder: Path) -> list[Path]:
    """The files of a report folder that people ask for, those that are there."""
    return [folder / name for name in _FILES if (folder / name).is_file()]


def show(report: Mapping[str, Any], folder: Path, console: Console) -> None:
    """Print the ending of an audit for somebody who looks on; errors as `lines`."""
    severity = str(report["verdict"]["severity"])
    said = lines(report, folder)
    console.print()
    console.print(_text(f"Leakage: {_severity(report['verdict'])}", _COLOURS.get(severity, "")))
    console.print(_text(said[0], "bold"))
    attacks = strongest(report)
    if attacks:
        console.print()
        console.print(_table(attacks))
    for line in said[1:]:
        console.print(_text(line))
    console.print()
    warnings = [str(notice["message"]) for notice in report.get("warnings", ())]
    for message in warnings[:_MOST_WARNINGS]:
        console.print(_text(f"Warning: {message}", "yellow"))
    if len(warnings) > _MOST_WARNINGS:
        console.print(_text(f"{len(warnings) - _MOST_WARNINGS} more warnings stand on the page.", "yellow"))
    console.print(_text("Next: ", "bold") + _text(next_step(report)))
    found = files(folder)
    if folder / _PAGE in found:
        address = (folder / _PAGE).resolve().as_uri()
        console.print(_text("Open: ", "bold") + _text(address, f"link {address}"), soft_wrap=True)
    others = ", ".join(file.name for file in found if file.name != _PAGE)
    if others:
        console.print(_text(f"Beside it: {others}"), soft_wrap=True)


def _table(attacks: Sequence[Strong]) -> Table:
    table = Table("Strongest attacks", attacks[0].figure, "interval", box=None, padding=(0, 2, 0, 0))
    for attack in attacks:
        table.add_row(_text(attack.attack), f"{attack.value:.2f}", f"{attack.low:.2f}–{attack.high:.2f}")
    return table


def _severity(finding: Mapping[str, Any]) -> str:
    near = finding.get("borderline")
    return str(finding["severity"]) + (f" (borderline: {near})" if near else "")


def _text(text: str, style: str = "") -> Text:
    return Text(printable(text, Sink.TERMINAL), style=style)
