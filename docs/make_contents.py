"""Prints docs/contents.md from the list that the code goes by; `make docs` writes it."""

from __future__ import annotations

from pathlib import Path

from leakgauge.targets.sklearn.kept_data import KEPT_DATA, OF_BOOSTERS

_HEAD = """# What a model file holds

<!-- Made by docs/make_contents.py from the list that the code goes by. Do not edit. -->

Some models *are* their training table: nearest neighbours, kernel machines and Gaussian processes answer
from the records themselves, and encoders keep every category, so also names and numbers of persons. Whoever
has the file needs no attack.

    leakgauge contents model.pkl train.csv        # compared with the table, value by value
    leakgauge contents model.pkl                  # what such models are known to keep
    leakgauge contents bundle.zip                 # a membership bundle: its members are the table

In Python:

    import leakgauge
    leakgauge.contents("model.pkl", "train.csv").sentence
    leakgauge.contents(model, X_train, y_train)   # a fitted estimator in memory

The answer is one sentence (“This file contains all 4,000 training records, whole.”), then each
attribute with what of the table stands there, and what to do. No value is shown unless
`--include-values` asks for a few. The same stands in the report of a membership audit, under “If
the file leaks”, and as `contents` in `report.json`. The file is opened as untrusted, in the
sandbox; clusterers, densities and outlier detectors, which no audit takes, are opened as well, and
no method of theirs is called.

## How it is compared

**Where.** Every part of the model is looked into: in Pipelines, unions, column transformers, votes, stacks,
bags, the copies of a calibrated model, and what a search found. A part behind other steps keeps the rows as
these steps gave them, so the table is sent through the same steps and compared with what comes out; the
report then says “as the steps before give them”. Copies in many parts are one row, with their number.

**Rows.** A record stands in an array where one of its rows has the same value in every column: to the last
bit, or to nine digits where a step computed them. A model that was fitted on 32-bit floats is compared in
32 bits.

**Chance.** Every row of three yes-or-no columns stands in any array of noughts and ones. An equal row
therefore counts as the record only where chance is ruled out:

- the array follows the *order* of the table (all of it, a part of it as in the folds of
  calibration, or the rows that another attribute names), which must happen by chance in fewer than
  one of 1,000 tables; or
- the row is *rare*: m rows of the array would hold its values by chance fewer than .01 times, m Π p
  < .01, where p is the share of the column's rows with this value, and at most 10¹⁻ᵏ for a number
  of k digits that one record alone has.

Equal rows that are neither are counted apart, as “may be chance”, and never called records.

**Labels and targets** count where an attribute gives every one of them in the order of the table:
codes of classes, weights of balanced classes (one weight a class), targets on whatever scale.
**Single values and words** count where the attribute is known to keep them, else only from seven
digits or signs on; “of one record alone” says how many point to a single record, as a name or a
rare word does.

What is not found word for word may still be *rebuilt* from what was learned. The sentence never
says “safe”.

## What estimators keep
"""

_TAIL = """
That the list is whole is held by a test: every estimator of the installed scikit-learn is fitted on
a table that occurs nowhere else, and compared value by value by a walk that knows nothing of
estimators. No record that this finds is missed, and none is reported that it does not find.

## What `leakgauge sanitize` leaves

It takes out what no answer needs (the rows marked “no” above, beside seeds, counts and impurities
of trees), checks that every answer stays the same to the last bit, and names what stays. Measured
by `leakgauge contents` (benchmarks/model_contents.py; 300 records of 8 columns of scikit-learn's
digits):
"""

_RESULTS = Path(__file__).parents[1] / "benchmarks" / "results" / "model_contents.md"
_WORDS = {
    "records": "whole records",
    "targets": "targets",
    "labels": "labels",
    "values": "single values",
    "tokens": "words",
}


def document() -> str:
    """The page."""
    lines = [_HEAD, "| estimator | attribute | holds | answers need it | remedy |", "|---" * 5 + "|"]
    for row in (*KEPT_DATA, *OF_BOOSTERS):
        names = ", ".join(f"`{name}`" for name in sorted(row.estimators) if not name.startswith("_"))
        hidden = {"_BinaryGaussianProcessClassifierLaplace": "GaussianProcessClassifier"}
        hidden["_BinMapper"] = "HistGradientBoosting…"
        inner = [f"`{hidden[name]}`" for name in sorted(row.estimators) if name in hidden]
        named = ", ".join([part for part in (names, *inner) if part])
        needed = "yes" if row.answers_need_it else "no"
        lines.append(f"| {named} | `{row.attribute}` | {_WORDS[row.holds]} | {needed} | {row.remedy} |")
    measured = (_RESULTS.read_text().partition("\n\n")[2]).rstrip()
    return "\n".join([*lines, _TAIL, measured, ""])


if __name__ == "__main__":
    print(document(), end="")
