"""Class profiles: how near they come, on known profiles and on Adult; and nothing where nothing was learned.

    python benchmarks/profiles.py ADULT [--seeds 10] [--nulls 200] [--into benchmarks/results]

ADULT is the table `attributes_Adult_35222.csv.gz` of Mehnaz et al. 2022 (UCI census); its sections are left
out where it is missing. Attackers have 2,000 records of the same source, or the ranges of values; profiles
are measured with 2,000 others.

Known: people whose classes are known to the last parameter. Whether the interval of the gain holds the gain
that very many further records of the class give is counted, too.

Nulls: models trained on shuffled labels, each on another sample, by kind and number of records.

Defences: of the answers, and a logistic regression whose coefficients are noisy enough for differential
privacy (output perturbation, Chaudhuri, Monteleoni & Sarwate 2011; rows scaled into the unit ball).

Seeds begin at 500, apart from those on which anything was chosen. `profiles.md` gets the tables.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import ClassifierMixin
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import leakgauge
from leakgauge.profiles.attacks import ATTACKS
from leakgauge.report.model import ProfileFigures, ProfilesMeasured, ProfilesReport, Severity

FIRST_SEED = 500
RECORDS = 2_000
TRUTH = 20_000
Data = tuple[pd.DataFrame, np.ndarray]
Source = Callable[[int, np.random.Generator], Data]
SHOWN = (Severity.MODERATE, Severity.HIGH, Severity.CRITICAL)


def people(n: int, rng: np.random.Generator) -> Data:
    """Those who default are younger, more indebted and more often from Pune; shoes do not matter."""
    y = np.where(rng.random(n) < 0.3, "default", "paid")
    defaults = y == "default"
    cities = ["Oslo", "Lima", "Pune"]
    city = np.where(
        defaults, rng.choice(cities, n, p=[0.1, 0.3, 0.6]), rng.choice(cities, n, p=[0.6, 0.3, 0.1])
    )
    frame = pd.DataFrame(
        {
            "age": np.where(defaults, 33.0, 45.0) + 9 * rng.normal(size=n),
            "debt": np.where(defaults, 20_000.0, 10_000.0) * rng.gamma(4.0, 0.25, n),
            "kids": rng.poisson(1.5, n),
            "city": city,
            "shoes": 42 + 3 * rng.normal(size=n),
        }
    )
    return frame, y


def rows_of(table: pd.DataFrame, label: str) -> Source:
    """Samples of a table."""

    def sample(n: int, rng: np.random.Generator) -> Data:
        rows = table.iloc[rng.choice(len(table), n, replace=False)].reset_index(drop=True)
        return rows.drop(columns=label), rows[label].to_numpy(dtype=object)

    return sample


def fitted(data: Data, classifier: ClassifierMixin) -> Pipeline:
    """A model of such a table."""
    columns = make_column_transformer(
        (
            OneHotEncoder(handle_unknown="ignore", sparse_output=False),
            make_column_selector(dtype_exclude=np.number),
        ),
        (StandardScaler(), make_column_selector(dtype_include=np.number)),
    )
    return make_pipeline(columns, classifier).fit(*data)


CLASSIFIERS: dict[str, Callable[[], ClassifierMixin]] = {
    "logistic regression": lambda: LogisticRegression(max_iter=500),
    "forest of 100": lambda: RandomForestClassifier(100, random_state=0),
    "naive Bayes": GaussianNB,
}
NULLS: dict[str, Callable[[], ClassifierMixin]] = {
    "logistic regression": lambda: LogisticRegression(max_iter=500),
    "forest of 30": lambda: RandomForestClassifier(30, random_state=0),
    "tree": lambda: DecisionTreeClassifier(random_state=0),
    "naive Bayes": GaussianNB,
}


def audited(
    model: Any, auxiliary: pd.DataFrame, reference: Data, *, ranges: bool = False, **parameters: Any
) -> ProfilesReport:
    """The report of one audit."""
    known = {"ranges": ranges_of(auxiliary)} if ranges else {"auxiliary": auxiliary}
    return leakgauge.audit_profiles(model, **known, reference=reference, progress=False, **parameters)


def ranges_of(frame: pd.DataFrame) -> pd.DataFrame:
    """Lowest and highest of numbers, and the values of any other column."""
    columns = {
        name: [cells.min(), cells.max()] if pd.api.types.is_numeric_dtype(cells) else sorted(set(cells))
        for name, cells in frame.items()
    }
    longest = max(map(len, columns.values()))
    # the last value again fills up a shorter column, and says nothing new
    return pd.DataFrame(
        {name: [*cells, *[cells[-1]] * (longest - len(cells))] for name, cells in columns.items()}
    )


def figures_of(report: ProfilesReport, target_class: str) -> Iterator[tuple[str, ProfileFigures]]:
    """The figures of each attack on one class."""
    for attack in report.attacks:
        if isinstance(attack, ProfilesMeasured):
            for found in attack.classes:
                if found.target_class == target_class and found.figures is not None:
                    yield attack.name, found.figures


def mean_of(figures: Sequence[ProfileFigures], name: str) -> float:
    """The mean of one figure."""
    return float(np.mean([getattr(each, name).value for each in figures]))


def row(title: str, attack: str, figures: Sequence[ProfileFigures]) -> str:
    """A row of a table of figures."""
    error, chance = mean_of(figures, "error"), mean_of(figures, "chance")
    halves = sum(each.error.value <= each.chance.value / 2 for each in figures)
    return (
        f"| {title} | `{attack}` | {error:.3f} | {chance:.3f} | {mean_of(figures, 'ceiling'):.3f} | "
        f"{mean_of(figures, 'gain'):.3f} | {100 * mean_of(figures, 'leakage'):.0f} % | "
        f"{halves} of {len(figures)} |"
    )


HEAD = (
    "| model | attack | distance | chance | ceiling | gain | leakage | at most half of chance |\n"
    "|---|---|---|---|---|---|---|---|"
)


def approach(source: Source, target_class: str, train: int, seeds: range) -> list[str]:
    """Distances of every attack, by model and what the attacker has."""
    lines = [HEAD]
    for ranges in (False, True):
        for title, make in CLASSIFIERS.items():
            found: dict[str, list[ProfileFigures]] = {attack.name: [] for attack in ATTACKS}
            for seed in seeds:
                rng = np.random.default_rng(seed)
                model = fitted(source(train, rng), make())
                report = audited(
                    model,
                    source(RECORDS, rng)[0],
                    source(RECORDS, rng),
                    ranges=ranges,
                    seed=seed,
                    class_to_attack=target_class,
                )
                for name, figures in figures_of(report, target_class):
                    found[name].append(figures)
            name = f"{title}{', ranges alone' if ranges else ''}"
            lines += [row(name, attack, figures) for attack, figures in found.items() if figures]
            print(*lines[-len(ATTACKS) :], sep="\n", flush=True)
    return lines


def coverage(seeds: range) -> str:
    """How often the interval of the gain holds the gain by very many real records."""
    held = asked = 0
    truth, labels = people(TRUTH * 4, np.random.default_rng(0))
    rows = np.flatnonzero(labels == "default")[:TRUTH]
    real = (truth.iloc[rows].reset_index(drop=True), labels[rows])
    for seed in seeds:
        rng = np.random.default_rng(seed)
        model = fitted(people(1_000, rng), LogisticRegression(max_iter=500))
        auxiliary, reference = people(RECORDS, rng)[0], people(RECORDS, rng)
        audit = partial(audited, model, auxiliary, attacks="weighted_records", class_to_attack="default")
        estimate = dict(figures_of(audit(reference), "default"))["weighted_records"].gain
        exact = dict(figures_of(audit(real, max_records=TRUTH), "default"))["weighted_records"].gain
        asked += 1
        held += estimate.low <= exact.value <= estimate.high
    return f"The interval of the gain holds the gain by {TRUTH:,} real records in {held} of {asked} audits."


def nulls(sources: dict[str, Source], count: int) -> list[str]:
    """How often a model that learned nothing is said to tell something."""
    lines = [
        "| table | trained on | model | audits | moderate or worse | low | inconclusive |",
        "|---|---|---|---|---|---|---|",
    ]
    total = shown = 0
    each = max(1, count // (len(sources) * 2 * len(NULLS)))
    for table, source in sources.items():
        for train in (200, 1_000):
            for title, make in NULLS.items():
                severities = []
                for seed in range(FIRST_SEED, FIRST_SEED + each):
                    rng = np.random.default_rng([seed, train])
                    x, y = source(train, rng)
                    model = fitted((x, rng.permutation(y)), make())
                    report = audited(model, source(1_000, rng)[0], source(1_000, rng), query_budget=1_000)
                    severities.append(report.verdict.severity)
                worse = sum(severity in SHOWN for severity in severities)
                low = severities.count(Severity.LOW)
                lines.append(
                    f"| {table} | {train:,} | {title} | {each} | {worse} | {low} | {each - worse - low} |"
                )
                print(lines[-1], flush=True)
                total, shown = total + each, shown + worse
    return [*lines, "", f"Together {shown} of {total} ({100 * shown / total:.1f} %)."]


def private(data: Data, epsilon: float, rng: np.random.Generator) -> Pipeline:
    """A logistic regression with differential privacy by noise on its coefficients."""
    strength = 1e-2

    def into_the_unit_ball(x: np.ndarray) -> np.ndarray:
        return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1.0)

    classifier = LogisticRegression(C=1 / (strength * len(data[0])), fit_intercept=False, max_iter=500)
    model = fitted(data, make_pipeline(FunctionTransformer(into_the_unit_ball), classifier))
    coefficients = classifier.coef_
    norm = rng.gamma(coefficients.size, 2.0 / (len(data[0]) * strength * epsilon))
    direction = rng.normal(size=coefficients.shape)
    classifier.coef_ = coefficients + norm * direction / np.linalg.norm(direction)
    return model


def defended(source: Source, target_class: str, seeds: range) -> list[str]:
    """What defences leave of the weighted and the labelled profile."""
    lines = [
        "| defence | `weighted_records`: gain | leakage | `labelled_records`: gain | leakage |",
        "|---|---|---|---|---|",
    ]
    defences = ("", "rounding=1", "top_k=1", "noise=1", "noise=3", "label_only")
    variants: list[tuple[str, str, float]] = [
        (f"`{name}`" if name else "none, forest of 100", name, 0.0) for name in defences
    ]
    variants += [
        (f"differential privacy, ε = {epsilon:g}", "", epsilon) for epsilon in (100.0, 10.0, 1.0, 0.1)
    ]
    for title, defence, epsilon in variants:
        found: dict[str, list[ProfileFigures]] = {}
        for seed in seeds:
            rng = np.random.default_rng(seed)
            data = source(3_000, rng)
            auxiliary, reference = source(RECORDS, rng)[0], source(RECORDS, rng)
            model = private(data, epsilon, rng) if epsilon else fitted(data, CLASSIFIERS["forest of 100"]())
            report = audited(
                model,
                auxiliary,
                reference,
                attacks=["weighted_records", "labelled_records"],
                defences=[defence] if defence else [],
                class_to_attack=target_class,
            )
            for name, figures in figures_of(report, target_class):
                found.setdefault(name, []).append(figures)
        cells = []
        for attack in ("weighted_records", "labelled_records"):
            figures = found.get(attack, [])
            if figures:
                cells += [f"{mean_of(figures, 'gain'):.3f}", f"{100 * mean_of(figures, 'leakage'):.0f} %"]
            else:
                cells += ["–", "–"]
        lines.append(f"| {title} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    return lines


def main() -> None:
    """Run every section and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("adult", type=Path)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--nulls", type=int, default=200)
    parser.add_argument("--into", type=Path, default=Path("benchmarks/results"))
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    seeds = range(FIRST_SEED, FIRST_SEED + asked.seeds)
    sources: dict[str, Source] = {"people": people}
    if asked.adult.is_file():
        sources["Adult"] = rows_of(pd.read_csv(asked.adult), "income")
    else:
        print(f"{asked.adult.name} is not there: its sections are left out", file=sys.stderr)
    page = [
        "# Class profiles",
        "",
        f"Written by `python benchmarks/profiles.py attributes_Adult_35222.csv.gz --seeds {asked.seeds} "
        f"--nulls {asked.nulls}`, which says how. Means over seeds. The attacker has {RECORDS:,} records, or "
        f"ranges; {RECORDS:,} others are the reference. Distances are standard deviations, or shares of "
        "records, over the columns in the mean.",
        "",
        "## Known profiles: class “default” of generated people, models trained on 1,000",
        "",
        *approach(people, "default", 1_000, seeds),
        "",
        coverage(range(FIRST_SEED, FIRST_SEED + 5 * asked.seeds)),
    ]
    if "Adult" in sources:
        page += [
            *("", "## Adult: class “>50K”, models trained on 3,000", ""),
            *approach(sources["Adult"], ">50K", 3_000, seeds),
            *("", "## Adult: defences", ""),
            *defended(sources["Adult"], ">50K", seeds),
        ]
    page += [
        *("", "## Models that learned nothing (labels shuffled)", ""),
        "With 1,000 auxiliary and as many reference records; the verdict is over all attacks and classes.",
        "",
        *nulls(sources, asked.nulls),
    ]
    (asked.into / "profiles.md").write_text("\n".join(page) + "\n")


if __name__ == "__main__":
    main()
