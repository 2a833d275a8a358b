"""Changed models, images and networks, read and asked as an audit does, by the hundred thousand.

    python benchmarks/fuzzing.py [--models 100000] [--files 2000] [--first 0] [--results FILE]
    python benchmarks/fuzzing.py --show SEED         what the seed changes, and what becomes of it
    python benchmarks/fuzzing.py --culprit SEED      which seeds before it make a child end at this one
    python benchmarks/fuzzing.py --save SEED FILE    the changed model file

Every seed takes one of the fitted models of `tests/support/variants.py` in turn, changes one to four
things in it wherever they lie, saves it as a pickle, a joblib file or a skops file, and has it read and
asked in a child process; one of ten is also trained again, as reference models are. Then come `--files` of
each other kind (`tests/support/fuzzed_files.py`). A child that ends by a signal, an answer that takes
too long and an exception that is no error of ours are findings, with which the run fails. FILE, by
default benchmarks/results/fuzzing.md, gets the figures. CONTRIBUTING.md says how to run it with
AddressSanitizer.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from asking import Outcome, asked, culprits  # noqa: E402 - lies beside the tests, as do the next two
from fuzzed_models import REFIT_SHARE, SKOPS_SHARE, FuzzedModels  # noqa: E402
from variants import VARIANTS  # noqa: E402

FINDINGS = ("signal", "time-out", "unexpected")
WORDS = ("refused", "declared", "answered", "slow fit", *FINDINGS)
SECONDS = 60.0
"""Silence after which a child is ended; an audit's own limit is longer."""
MEMORY = 3 << 30
WITH_TENSORFLOW = ("hdf5", "keras")
"""It reserves more addresses than it uses, and every child starts it anew."""
SANITIZED = "libasan" in os.environ.get("LD_PRELOAD", "")

_ABOUT = f"""
A model is one of the fitted ones of `tests/support/variants.py` with one to four parts changed,
wherever they lie: attributes and parameters, arrays and their types, nodes of trees, rows of search
trees, the insides of sparse matrices, positions of random generators. {SKOPS_SHARE:.0%} are skops files, the
others pickles and joblib files. {REFIT_SHARE:.0%} are also trained again, as reference models are.

*Refused*: by the reader, with an error of its own. *Declared*: an error of ours when it was asked.
*Slow fit*: training took longer than {SECONDS:.0f} s, which an audit's time limit ends. *Unexpected*: an
exception that is no error of ours.
"""


@dataclass
class Tally:
    """What became of the files of one kind so far."""

    words: Counter[str] = field(default_factory=Counter)
    details: Counter[tuple[str, str]] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, name: str, outcome: Outcome) -> None:
        """Count one more."""
        self.words[outcome.word] += 1
        self.details[outcome.word, outcome.detail] += 1
        if outcome.word in FINDINGS:
            self.findings.append(f"{name}, seed {outcome.seed}: {outcome.word}, {outcome.detail}")
            print(self.findings[-1], flush=True)


def _row(word: str, counts: Sequence[int]) -> str:
    return f"| {word} | {' | '.join(f'{count:,}' for count in counts)} |"


def page(tallies: dict[str, Tally], kinds: int) -> str:
    """The figures."""
    models = tallies["models"]
    cores, load = os.cpu_count(), os.getloadavg()[0]
    sanitizer = "yes, in scikit-learn's compiled parts" if SANITIZED else "no"
    head = [
        "# Changed files that were read and asked",
        "",
        "Written by `python benchmarks/fuzzing.py`.",
        _ABOUT,
        "| | |",
        "|---|---|",
        f"| models, of kinds | {models.words.total():,}, {kinds} |",
        f"| AddressSanitizer | {sanitizer} |",
        f"| minutes for the models | {models.seconds / 60:.0f} |",
        f"| load of the machine at the end; processors | {load:.0f}; {cores} |",
        "",
        f"| what became of them | {' | '.join(tallies)} |",
        "|---" * (len(tallies) + 1) + "|",
        *(
            f"| {word} | {' | '.join(f'{each.words[word]:,}' for each in tallies.values())} |"
            for word in WORDS
        ),
        "",
        "| models: in words | |",
        "|---|---|",
        *(f"| {word} {detail} | {count:,} |" for (word, detail), count in models.details.most_common(25)),
    ]
    found = [f"- {line}" for each in tallies.values() for line in each.findings]
    return "\n".join([*head, *(["", "Findings:", "", *found] if found else [])]) + "\n"


def main(chosen: argparse.Namespace, names: Sequence[str], folder: Path) -> int:
    """Ask them all; 1 when there was a finding."""
    tallies = {"models": Tally()}
    fuzzed = FuzzedModels(folder, names)
    seeds = range(chosen.first, chosen.first + chosen.models)
    begun = time.monotonic()
    for outcome in asked(seeds, fuzzed.become, seconds=SECONDS, memory=None if SANITIZED else MEMORY):
        tally = tallies["models"]
        tally.add(fuzzed.name(outcome.seed), outcome)
        tally.seconds = time.monotonic() - begun
        if tally.words.total() % 1000 == 0:  # what is done when it is stopped early is not lost
            chosen.results.write_text(page(tallies, len(names)))
    if chosen.files:
        from fuzzed_files import KINDS, FuzzedFiles  # ONNX is imported for these alone

        for kind in KINDS:
            tallies[kind] = Tally()
            files = FuzzedFiles(folder, kind)
            slow = kind in WITH_TENSORFLOW
            limits = {
                "seconds": 5 * SECONDS if slow else SECONDS,
                "memory": None if SANITIZED or slow else MEMORY,
            }
            for outcome in asked(range(chosen.files), files.become, **limits):
                tallies[kind].add(kind, outcome)
    chosen.results.write_text(page(tallies, len(names)))
    return int(any(tally.findings for tally in tallies.values()))


def show(fuzzed: FuzzedModels, seed: int) -> None:
    """What a seed changes, and what becomes of it."""
    data, how, refit = fuzzed.made(seed)
    print(fuzzed.name(seed), f"{len(data)} bytes", "trained again" if refit else "", how, sep="\n")
    print(*asked([seed], fuzzed.become, seconds=SECONDS, memory=None))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=int, default=100_000)
    parser.add_argument("--files", type=int, default=2_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results" / "fuzzing.md")
    parser.add_argument("--kinds", nargs="*", default=[""], help="parts of names of variants")
    parser.add_argument("--show", type=int)
    parser.add_argument("--culprit", type=int)
    parser.add_argument("--save", nargs=2)
    options = parser.parse_args()
    among = [name for name in VARIANTS if any(part in name for part in options.kinds)]
    with tempfile.TemporaryDirectory() as kept:
        if options.show is not None:
            show(FuzzedModels(Path(kept), among), options.show)
        elif options.culprit is not None:
            changed = FuzzedModels(Path(kept), among)
            for each in [*culprits(options.culprit, changed.become, seconds=SECONDS), options.culprit]:
                show(changed, each)
        elif options.save:
            Path(options.save[1]).write_bytes(FuzzedModels(Path(kept), among).made(int(options.save[0]))[0])
        else:
            sys.exit(main(options, among, Path(kept)))
