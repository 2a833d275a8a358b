"""The words that this project does not use, what it uses instead, and where they still are.

    python tests/support/words.py    # rewrites tests/data/words_to_do.txt

Read are all files under src, the documentation and the listing: their names, prose, messages, comments and
identifiers, these split into words (`draw_error`, `DrawError`). A passage of `KEPT` does not count: it is
what users send, a field of `report.json`, or the word in another sense.
"""

from __future__ import annotations

import io
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TO_DO = ROOT / "tests" / "data" / "words_to_do.txt"
READ = (
    "*.md",
    "src/leakgauge/**/*.*",
    "docs/**/*.md",
    "docs/**/*.py",
    "docs/ci/*",
    "marketplace-listing/*",
)
_TEXT = {".py", ".md", ".j2", ".css", ".js", ".svg", ".yml", ".ipynb"}

BANNED = {
    r"subjects?|outsiders?": "non-member",
    r"pictures?|pictured": "image",
    r"drawings?|draws?|drawn|drew": "reconstruction, reconstruct; sample, at random; plot",
    r"ground": "background",
    r"false alarms?|accus(?:e[sd]?|ing)": "false positive",
    r"found at \d[\d.]* ?%(?! (?:false positives|FPR))": "TPR at x % FPR",
    r"judge[sd]?|judging": "evaluator, evaluate",
    r"right on (?:non-)?members|judged right": "training accuracy, test accuracy, balanced accuracy",
    r"likeness(?:es)?|unlikeness": "similarity",
    r"(?:gives?|given|gave|giving) away": "leak, leakage, exposure; release, for a file",
    r"soundness": "estimator checks",
    r"takeover": "output collection",
    r"hangup": "client disconnect",
    r"workbench": "worker",
    r"bootstrap, replayed": "bootstrap-replay attack",
    r"equations of boosting": "residual-equation attack",
    r"counts in the leaves": "leaf-count attack",
}
"""What is not said, as a pattern of whole words, and what is said instead."""

STATISTICS = tuple(
    ROOT / "src" / "leakgauge" / room
    for room in (
        "membership",
        "attributes",
        "estimates",
        "model_contents/leaves",
        "model_contents/reconstruction",
    )
)
"""Rooms where what is drawn is a sample, and nothing else can be meant."""

BANNED_NAMES = {"told", "heard"}
"""Words of identifiers alone; in prose they are plain English."""

BANNED_MODULES = {
    *("ascent", "basis", "board", "components", "course", "drawing", "edges", "ending"),
    *("examination", "ground", "hangup", "judges", "problems", "shelf", "soundness", "space"),
    *("survey", "takeover", "watched", "wire", "wording", "workbench", "yielding"),
}

KEPT = (
    # what users send
    r"\bsubject(?=/|\.csv|\.parquet|_images|_labels|_mia)",
    r"[\"'`]subjects?[\"'`]",
    # fields and codes of report.json and comparison.json
    r"\bdraw_errors?\b|\bDRAW_ERRORS\b|\bDrawError\b",
    r"[\"`]likeness[\"`]|\b(?:point|row)\.likeness\b|\blikeness(?=: float|=)",
    r"`pictures`|\b(?:prior|evasion)\.pictures\b|\bpictures(?=: int\b)",
    r"picture_without_class|members_among_subjects",
    # names in files that are there, seeds that figures hang on, names of before in the change log
    r"[\"']pictures[\"']|generator_for\(seed, \"judge\"\)|\bpictures(?==len)",
    r"`\.(?:edges|judges|drawing|ground)`|`Pictures`",
    # the words in another sense
    r"\bground truth\b",
    r"\bdrawn? at random\b",
    # part of a URL or of a name that is not ours
    r"https?://\S+",
    r"\bImageDraw\b(?:\.Draw\b)?",
)
_KEPT = re.compile("|".join(KEPT))
_BANNED = re.compile(r"\b(?:" + "|".join(BANNED) + r")(?![a-z])", re.IGNORECASE)
_WITHIN_A_NAME = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|_")


@dataclass(frozen=True, slots=True)
class Hit:
    """A word that is not used here; `line` is 0 for the name of a file."""

    word: str
    line: int


def hits_in(text: str) -> Iterator[Hit]:
    """Banned words in a text, line by line, and across the end of a line."""
    words = _WITHIN_A_NAME.sub(" ", _KEPT.sub(" ", text))
    for found in _BANNED.finditer(re.sub(r"[^\S\n]", " ", words).replace("\n", " ")):
        yield Hit(found.group().lower(), words.count("\n", 0, found.start()) + 1)


def hits_of(path: Path) -> list[Hit]:
    """Banned words in a file and in its name."""
    text = path.read_text("utf-8")
    found = list(hits_in(text))
    if any(room in path.parents for room in STATISTICS):
        found = [hit for hit in found if not hit.word.startswith(("draw", "drew"))]
    if path.suffix == ".py":
        names = (
            token
            for token in tokenize.generate_tokens(io.StringIO(text).readline)
            if token.type == tokenize.NAME and BANNED_NAMES & set(token.string.lower().split("_"))
        )
        found += [Hit(token.string, token.start[0]) for token in names]
        if path.stem in BANNED_MODULES:
            found.append(Hit(path.stem, 0))
    return [*found, *(Hit(hit.word, 0) for hit in hits_in(path.name) if path.stem not in BANNED_MODULES)]


def files() -> list[Path]:
    """All files that are read, in order."""
    found = {path for pattern in READ for path in ROOT.glob(pattern)}
    return sorted(path for path in found if path.is_file() and path.suffix in _TEXT)


def counted() -> dict[str, int]:
    """How many banned words each file holds; files without one are left out."""
    counts = {path.relative_to(ROOT).as_posix(): len(hits_of(path)) for path in files()}
    return {name: count for name, count in counts.items() if count}


def to_do() -> dict[str, int]:
    """The files that are known not to be clean yet, with their count."""
    rows = (line.split(" ", 1) for line in TO_DO.read_text("utf-8").splitlines())
    return {name: int(count) for count, name in rows}


if __name__ == "__main__":
    before = to_do() if TO_DO.exists() else {}
    now = counted()
    TO_DO.write_text("".join(f"{count} {name}\n" for name, count in now.items()), "utf-8")
    for name, count in now.items():
        if count > before.get(name, 0):
            print(f"{name}: {count}, before {before.get(name, 0)}", file=sys.stderr)
    print(
        f"{sum(now.values())} words in {len(now)} files to do; before {sum(before.values())} in {len(before)}"
    )
