"""One bundle audited without and with output defences, for a comparison of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from leakgauge.errors import BadParameters, JsonValue
from leakgauge.progress import Progress, Share
from leakgauge.report.files import read_report, replace_file
from leakgauge.report.model import Report
from leakgauge.sandbox.output import check_destination, check_writable
from leakgauge.sandbox.parent import Sandbox

MOST_RUNS = 20
COMPARISON_JSON = "comparison.json"
COMPARISON_HTML = "comparison.html"


@dataclass(frozen=True, slots=True)
class BeforeAfter:
    """Reports in pairs, one pair per seed."""

    before: tuple[Report, ...]
    after: tuple[Report, ...]


def audit_before_after(
    sandbox: Sandbox,
    bundle: Path,
    folder: Path,
    *,
    defences: Sequence[str],
    runs: int,
    overrides: Mapping[str, JsonValue],
    progress: Progress,
) -> BeforeAfter:
    """Audit `bundle` as it is and behind `defences`, `runs` times each.

    The reference libraries' rows stand on both sides, unless `overrides` say otherwise.
    The reports land in `before` and `after` (`before-2`, ... for further runs) under `folder`, which is
    tried beforehand. The defended audit goes first, so that a defence that does not exist costs no audit.

    Parameters
    ----------
    overrides
        parameters for all audits; `seed`, 0 without, is counted up from run to run.

    Raises
    ------
    LeakgaugeError
        as an audit does; `BadParameters` `runs` for a number of runs that is out of range.
    """
    if not 1 <= runs <= MOST_RUNS:
        raise BadParameters(
            "runs", f"{runs} runs were asked for.", hint=f"Ask for 1 to {MOST_RUNS}, one pair of audits each."
        )
    first_seed = overrides.get("seed", 0)
    found: dict[str, list[Report]] = {"after": [], "before": []}
    names = [(side, run) for run in range(runs) for side in found]
    outputs = [folder / (side if run == 0 else f"{side}-{run + 1}") for side, run in names]
    check_writable(folder / COMPARISON_JSON)
    for output in outputs:
        check_destination(output, source=bundle)
    for place, ((side, run), output) in enumerate(zip(names, outputs, strict=True)):
        of_run: dict[str, JsonValue] = {
            "reference_libraries": True,
            **overrides,
            "defences": list(defences) if side == "after" else [],
        }
        if isinstance(first_seed, int) and (run or "seed" in overrides):
            of_run["seed"] = first_seed + run
        share = Share(progress, place / len(names), (place + 1) / len(names))
        sandbox.run(bundle, output, overrides=of_run, progress=share, keep=True)
        found[side].append(read_report(output))
    return BeforeAfter(tuple(found["before"]), tuple(found["after"]))


def write_comparison(folder: Path, document: bytes, page: str) -> None:
    """Write `comparison.json` and `comparison.html` into `folder`; errors as `replace_file`."""
    replace_file(folder / COMPARISON_JSON, document)
    replace_file(folder / COMPARISON_HTML, page.encode())
