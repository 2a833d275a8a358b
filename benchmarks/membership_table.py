"""The figures of the membership benchmark as a Markdown table and an image."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from leakgauge.report.html import svg
from membership_targets import boosted, recipes

HEAD = """# Membership attacks beside those of other tools

Written by `benchmarks/membership.py`, which says how. Mean ± standard deviation over the seeds
of split and target; *found* is the share of members found at 1 % false alarms (ties against the
attacker). CPU seconds are of one attack on one target, over all threads; what RMIA and LiRA pay
for their reference models stands in a line of its own. Peers, and those of ours that take long,
have fewer seeds where the table says so: the first of the others'. All attacks with reference
or shadow models use {models} of them. Ours come first, then the peers.

"""
ROW = 30.0
LEFT = 170.0
PANEL = 250.0
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1b1f24; } .tick { fill: #545c66; }
.grid { stroke: #dcdfe3; } .a { fill: #1f5fa8; stroke: #1f5fa8; } .b { fill: #b04a0c; stroke: #b04a0c; }
.c { fill: #6f4aa3; stroke: #6f4aa3; } .d { fill: #136f63; stroke: #136f63; }
.hollow { fill: none; stroke-width: 1.5; } .page { fill: #ffffff; }
@media (prefers-color-scheme: dark) {
  text { fill: #e8eaed; } .tick { fill: #a4acb6; } .grid { stroke: #343a42; } .page { fill: #14171a; }
  .a { fill: #7db6f5; stroke: #7db6f5; } .b { fill: #f2a06b; stroke: #f2a06b; }
  .c { fill: #c4a6f0; stroke: #c4a6f0; } .d { fill: #5cc7b6; stroke: #5cc7b6; }
  .hollow { fill: none; }
}
"""


@dataclass(frozen=True, slots=True)
class Family:
    """Attacks that are drawn as one: the best of them by mean area."""

    title: str
    attacks: tuple[str, ...]
    shape: int
    class_: str


FAMILIES = (
    Family("ours, answers (RMIA or LiRA)", ("rmia", "lira"), 0, "a"),
    Family("ours, model file", ("leaf_counts", "bootstrap_replay", "boosting_equations"), 0, "a hollow"),
    Family("ART", ("ART nn", "ART rf", "ART gb"), 1, "b"),
    Family(
        "SACRO-ML LiRA",
        ("SACRO-ML LiRA, offline", "SACRO-ML LiRA, online", "SACRO-ML LiRA, online, a variance each"),
        2,
        "c",
    ),
    Family("SACRO-ML worst case", ("SACRO-ML worst case",), 2, "c hollow"),
    Family("Privacy Meter RMIA", ("Privacy Meter RMIA, offline",), 1, "d hollow"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """What an attack made of a target over all seeds; `auc` and `found` are empty where it has no figures."""

    auc: tuple[float, ...]
    found: tuple[float, ...]
    cpu_seconds: tuple[float, ...]


Lines = Mapping[str, Mapping[str, Line]]


def write(folder: Path, into: Path) -> None:
    """Write `membership.md` and `membership.svg` from the files of figures in `folder`."""
    lines, models = read(folder)
    into.mkdir(parents=True, exist_ok=True)
    head = HEAD.format(models=", ".join(map(str, models)))
    missing = [name for name in recipes(Path()) if name not in lines]
    if missing:
        head += f"**Not run yet:** {', '.join(missing)}.\n\n"
    (into / "membership.md").write_text(head + "![Each target's figures](membership.svg)\n\n" + table(lines))
    (into / "membership.svg").write_text(image(lines))


def read(folder: Path, who: str | None = None) -> tuple[Lines, tuple[int, ...]]:
    """Every target's lines, by attack, ours first; and the numbers of reference models that were used.

    Parameters
    ----------
    who: the only contestant to read; None for all.
    """
    collected: dict[str, dict[str, dict[int, dict[str, float]]]] = defaultdict(lambda: defaultdict(dict))
    models = set()
    files = sorted(folder.glob("*.json" if who is None else f"*.{who}.*.json"))
    parts = [json.loads(text) for file in files if (text := file.read_text())]
    for part in sorted(parts, key=lambda part: (part["who"] not in ("ours", "few-of-ours"), part["seed"])):
        models.add(part["models"])
        for scored in part["scored"]:
            # a seed that two runs have scored counts once
            collected[part["target"]][scored["attack"]][part["seed"]] = scored
    lines = {
        target: {
            attack: Line(
                tuple(one["auc"] for one in scored.values() if one["auc"] is not None),
                tuple(one["found"] for one in scored.values() if one["found"] is not None),
                tuple(one["cpu_seconds"] for one in scored.values()),
            )
            for attack, scored in attacks.items()
        }
        for target, attacks in sorted(collected.items())
    }
    return lines, tuple(sorted(models))


def table(lines: Lines) -> str:
    """The Markdown table."""
    rows = ["| target | attack | seeds | AUC | found | CPU s |", "|---|---|---:|---|---|---:|"]
    for target, attacks in lines.items():
        for attack, line in attacks.items():
            figures = " | ".join(_spread(values) for values in (line.auc, line.found))
            seeds = len(line.cpu_seconds)
            rows.append(f"| {target} | {attack} | {seeds} | {figures} | {np.mean(line.cpu_seconds):.1f} |")
    return "\n".join(rows) + "\n"


def image(lines: Lines) -> str:
    """The best attack of each family on each target: area on the left, members found on the right."""
    legend_rows = (len(FAMILIES) + 2) // 3
    top = 44 + 20 * legend_rows
    width, height = LEFT + 2 * PANEL + 60, top + ROW * len(lines) + 34
    parts = [svg.element("rect", x=0, y=0, width=width, height=height, class_="page")]
    for place, family in enumerate(FAMILIES):
        x, y = 14 + 230 * (place % 3), 18 + 20 * (place // 3)
        parts.append(svg.marker(family.shape, x, y, class_=family.class_))
        parts.append(svg.text(family.title, x + 12, y + 4, class_="label"))
    panels = (
        ("AUC", svg.LinearScale(0.5, 1.0, LEFT, LEFT + PANEL), "auc"),
        (
            "found at 1 % false alarms",
            svg.LinearScale(0.0, 1.0, LEFT + PANEL + 40, LEFT + 2 * PANEL + 40),
            "found",
        ),
    )
    bottom = top + ROW * len(lines)
    for title, across, _ in panels:
        middle = (across.start + across.end) / 2
        parts.append(svg.text(title, middle, top - 10, class_="label", anchor="middle"))
        for value in across.ticks(6):
            parts.append(svg.line(across(value), top, across(value), bottom, class_="grid"))
            parts.append(svg.text(f"{value:.2g}", across(value), bottom + 18, class_="tick", anchor="middle"))
    for row, (target, attacks) in enumerate(lines.items()):
        y = top + ROW * (row + 0.5)
        parts.append(svg.text(target, LEFT - 12, y + 4, class_="label", anchor="end"))
        parts.append(svg.line(LEFT, y, LEFT + 2 * PANEL + 40, y, class_="grid"))
        for family in reversed(FAMILIES):  # ours lie on top
            best = _best(family.attacks, attacks)
            if best is not None:
                for _, across, figure in panels:
                    x = across(float(np.mean(getattr(best, figure))))
                    parts.append(svg.marker(family.shape, x, y, class_=family.class_))
    drawn = svg.drawing(
        width,
        height,
        svg.element("style", STYLE),
        *parts,
        identifier="membership",
        title="Membership attacks beside those of other tools",
        description="For each target the best attack of each family by mean area; membership.md has all.",
    )
    return str(drawn).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1) + "\n"


def _best(names: Sequence[str], attacks: Mapping[str, Line]) -> Line | None:
    present = [attacks[name] for name in names if name in attacks and attacks[name].auc]
    return max(present, key=lambda line: float(np.mean(line.auc)), default=None)


def _spread(values: Sequence[float]) -> str:
    return f"{np.mean(values):.3f} ± {np.std(values):.3f}" if values else ""


LIRA_HEAD = """# LiRA beside SACRO-ML's, and beside itself before

Written by `benchmarks/membership.py lira`, which says how: areas under the ROC curve, and members
found at 1 % false positives. Mean ± standard deviation over the seeds from {first}, which nothing was
chosen on, with {models} reference models. A difference is ours less the other's on the same target,
mean ± standard error of the mean.

## By boosting, beside SACRO-ML

The peer is the best of its modes on each target by mean area. *Same models*: both score the same
reference models. *Its own*: it trains its own, as many; where that was not run, nothing stands.

"""


def write_lira(folder: Path, before: Path | None, into: Path) -> None:
    """Write `lira.md`: ours beside SACRO-ML's by boosting, and beside an earlier version of itself on all."""
    (lines, models), own = read(folder, "lira-alone"), read(folder, "sacro-lira")[0]
    first = min(json.loads(file.read_text())["seed"] for file in folder.glob("*.lira-alone.*.json"))
    parts = [LIRA_HEAD.format(models=", ".join(map(str, models)), first=first)]
    parts.append(
        "| target | seeds | ours AUC | found | peer AUC, same models | found | difference AUC | found "
        "| difference AUC, its own | found |\n|---|---:|---|---|---|---|---|---|---|---|\n"
    )
    for target in (target for target in boosted() if target in lines):
        ours, peer = lines[target]["lira"], _best_of_sacro(lines[target])
        cells = [_spread(values) for one in (ours, peer) for values in (one.auc, one.found)]
        cells += _differences(ours, peer)
        cells += _differences(ours, _best_of_sacro(own[target])) if target in own else ["", ""]
        parts.append(f"| {target} | {len(ours.auc)} | {' | '.join(cells)} |\n")
    if before is not None:
        earlier = read(before, "lira-alone")[0]
        parts.append("\n## On all, beside the version before\n\n")
        parts.append("| target | seeds | AUC | found | before: AUC | found | difference AUC | found |\n")
        parts.append("|---|---:|---|---|---|---|---|---|\n")
        for target in (target for target in lines if "lira" in lines[target] and target in earlier):
            now, then = lines[target]["lira"], earlier[target]["lira"]
            cells = [_spread(values) for one in (now, then) for values in (one.auc, one.found)]
            cells += _differences(now, then)
            parts.append(f"| {target} | {len(now.auc)} | {' | '.join(cells)} |\n")
    (into / "lira.md").write_text("".join(parts))


def _best_of_sacro(attacks: Mapping[str, Line]) -> Line:
    modes = [line for attack, line in attacks.items() if attack.startswith("SACRO-ML LiRA")]
    return max(modes, key=lambda line: float(np.mean(line.auc)))


def _differences(one: Line, other: Line) -> list[str]:
    """Mean ± standard error of the differences in area and in members found, seed by seed."""
    pairs = ((one.auc, other.auc), (one.found, other.found))
    differences = [np.subtract(first[: len(second)], second) for first, second in pairs]
    return [f"{each.mean():+.3f} ± {each.std(ddof=1) / np.sqrt(len(each)):.3f}" for each in differences]
