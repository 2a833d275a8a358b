"""Models with one part changed, read and asked as an audit does, by the hundred thousand.

    python benchmarks/fuzzing.py [--models 100000] [--first 0] [--results FILE]
    python benchmarks/fuzzing.py --show SEED         what the seed changes, and what becomes of it
    python benchmarks/fuzzing.py --save SEED FILE    the changed model file

Every seed takes one of the fitted models of `tests/support/variants.py` in turn, changes one to four
things in it wherever they lie, saves it as a pickle, a joblib file or a skops file, and has it read and
asked in a child process; one of ten is also trained again, as reference models are. A child that ends
by a signal, an answer that takes too long and an exception that is no error of ours are findings. FILE,
by default benchmarks/results/fuzzing.md, gets the figures.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from asking import Outcome, asked  # noqa: E402 - lies beside the tests, as does the next
from fuzzed_models import FuzzedModels  # noqa: E402

FINDINGS = ("signal", "time-out", "unexpected")
WORDS = ("refused", "declared", "answered", "slow fit", *FINDINGS)
SECONDS = 60.0
"""Silence after which a child is ended; an audit's own limit is longer."""


@dataclass
class Tally:
    """What became of the models so far."""

    words: Counter[str] = field(default_factory=Counter)
    details: Counter[tuple[str, str]] = field(default_factory=Counter)
    findings: list[tuple[str, Outcome]] = field(default_factory=list)

    def add(self, name: str, outcome: Outcome) -> None:
        """Count one more."""
        self.words[outcome.word] += 1
        if outcome.word in FINDINGS:
            self.findings.append((name, outcome))
            print(outcome.seed, name, outcome.word, outcome.detail, flush=True)
        else:
            self.details[outcome.word, outcome.detail] += 1

    def page(self, kinds: int, seconds: float) -> str:
        """The figures."""
        lines = [
            "# Changed models that were asked",
            "",
            f"{self.words.total():,} changed models of {kinds} kinds, in {seconds / 60:.0f} minutes.",
            "",
            "| what became of them | models |",
            "|---|---|",
            *(f"| {word} | {self.words[word]:,} |" for word in WORDS),
            "",
            "| in words | models |",
            "|---|---|",
            *(f"| {word} {detail} | {count:,} |" for (word, detail), count in self.details.most_common(30)),
            "",
            *(f"- {name}, seed {found.seed}: {found.word}, {found.detail}" for name, found in self.findings),
        ]
        return "\n".join(lines).rstrip() + "\n"


def main(fuzzed: FuzzedModels, models: int, first: int, results: Path, *, memory: int | None) -> int:
    """Ask them all; 1 when there was a finding."""
    tally = Tally()
    begun = time.monotonic()
    seeds = range(first, first + models)
    for outcome in asked(seeds, fuzzed.become, seconds=SECONDS, memory=memory):
        tally.add(fuzzed.name(outcome.seed), outcome)
        done = tally.words.total()
        if done % 1000 == 0 or done == models:  # what is done when it is stopped early is not lost
            results.write_text(tally.page(len(fuzzed.names), time.monotonic() - begun))
    return int(bool(tally.findings))


def show(fuzzed: FuzzedModels, seed: int) -> None:
    """What a seed changes, and what becomes of it."""
    data, how, refit = fuzzed.made(seed)
    print(fuzzed.name(seed), f"{len(data)} bytes", "trained again" if refit else "", how, sep="\n")
    print(*asked([seed], fuzzed.become, seconds=SECONDS))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results" / "fuzzing.md")
    parser.add_argument("--no-memory-limit", action="store_true", help="as AddressSanitizer needs it")
    parser.add_argument("--show", type=int)
    parser.add_argument("--save", nargs=2)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        models_of = FuzzedModels(Path(folder))
        if chosen.show is not None:
            show(models_of, chosen.show)
        elif chosen.save:
            Path(chosen.save[1]).write_bytes(models_of.made(int(chosen.save[0]))[0])
        else:
            limit = None if chosen.no_memory_limit else 4 << 30
            sys.exit(main(models_of, chosen.models, chosen.first, chosen.results, memory=limit))
