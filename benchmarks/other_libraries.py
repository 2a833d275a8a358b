"""Models of other libraries and in other wrappings, as people have them: audited, or refused with a way in.

    python benchmarks/other_libraries.py [--results FILE]

The models are those of `tests/support/other_libraries.py`, which says what counts. FILE, by default
benchmarks/results/other_libraries.md, gets the table; the run fails where a model is neither. It needs the
extras membership, inversion and catboost, and PyTorch, skl2onnx and cloudpickle. skorch is not needed: its
pickle lies with the tests.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from other_libraries import MODELS, Outcome, outcome  # noqa: E402 - lies beside the tests

LEAST_AUDITED = 26


def page(outcomes: Mapping[str, Outcome]) -> str:
    """The results, as Markdown."""
    words = [one.word for one in outcomes.values()]
    rows = [
        f"| {number} | {name} | {one.word} | {one.detail} |"
        for number, (name, one) in enumerate(outcomes.items(), start=1)
    ]
    return "\n".join(
        [
            "# Models of other libraries",
            "",
            "From `benchmarks/other_libraries.py`, which says what counts. Of "
            f"{len(words)} models {words.count('audited')} are audited, {words.count('refused')} are refused "
            f"with a way in that was tried and works, and {words.count('open')} are neither.",
            "",
            "| | model | | refused as; what was tried in its place and is audited |",
            "|---:|---|---|---|",
            *rows,
            "",
        ]
    )


def main(results: Path) -> int:
    """Try them all; 1 where one is neither audited nor has a way in, or too few are audited."""
    found: dict[str, Outcome] = {}
    for case in MODELS:
        with contextlib.redirect_stdout(io.StringIO()):
            found[case.name] = outcome(case)
        print(f"{case.name}: {found[case.name].word} {found[case.name].detail}", flush=True)
    results.write_text(page(found))
    words = [one.word for one in found.values()]
    return int("open" in words or words.count("audited") < LEAST_AUDITED)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--results", type=Path, default=ROOT / "benchmarks" / "results" / "other_libraries.md"
    )
    sys.exit(main(parser.parse_args().results))
