"""Boosters of XGBoost, LightGBM and CatBoost: what their answers and their files show, beside other tools.

    python benchmarks/boosters.py [--seeds 10] [--peers 10] [--adult attributes_Adult_35222.csv.gz]
        [--into benchmarks/results]

runs all of it, with what is installed; `pip install adversarial-robustness-toolbox sacroml torch catboost`
brings the rest.

Digits, and the census table of Mehnaz et al. 2022 with its categorical columns (2,000 records of it,
skipped aloud where the file is not given). Half of the records are members. The library's own
classifier is trained on them with 30 rounds and its defaults, saved in the library's own format and as
a pickle, and opened as an audit opens it.

`boosters.md` gets, for each library and table, mean and standard deviation over the seeds: the largest
difference between our answers and the library's, the AUC of our attacks, whether a sanitised file answers
to the last bit and what its attacks still find; and for the first `--peers` seeds what the Adversarial
Robustness Toolbox's attack models and SACRO-ML's worst-case attack make of the same model. A library or peer
that is not installed, or cannot take the model, is named on the page.

RMIA and LiRA stand there three times, so that it shows where a difference comes from: as the audit runs
them; as their papers have them (`as_published`, below, from the papers alone) with the reference models of
the audit; and so with reference models that the library's own class trained on random halves.
"""

from __future__ import annotations

import argparse
import importlib
import pickle
import re
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from leakgauge.attacks.row import Unsuited
from leakgauge.errors import InputError
from leakgauge.estimates import area_under_roc
from leakgauge.membership.attacks import boosting_equations, leaf_counts, lira, loss, rmia
from leakgauge.membership.held_out import splits
from leakgauge.membership.pool import Pool, SharedAnswers
from leakgauge.membership.reference_models import Plan, ReferenceModels
from leakgauge.membership.training_sets import TrainingData
from leakgauge.progress import Silent
from leakgauge.randomness import generator_for
from leakgauge.targets.formats import sanitizer_of
from leakgauge.targets.opening import open_table_model
from membership_peers import Scored, sacro_worst_case
from membership_targets import Case

MODELS = 16
ROUNDS = 30
RECORDS = 2_000
Data = tuple[Any, np.ndarray]
Figures = dict[str, float]


def digits() -> Data:
    """Eight by eight digits and their ten classes."""
    x, y = load_digits(return_X_y=True)
    return pd.DataFrame(x, columns=[f"pixel{place}" for place in range(x.shape[1])]), y


def adult(path: Path) -> Data:
    """The census table, its texts as pandas' categories, and who earns more."""
    frame = pd.read_csv(path).sample(RECORDS, random_state=0).reset_index(drop=True)
    y = (frame.pop("income") == ">50K").to_numpy().astype(int)
    texts = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
    return frame.astype(dict.fromkeys(texts, "category")), y


@dataclass(frozen=True, slots=True)
class Library:
    """A library: its package, an untrained classifier of a seed and a table, and what saves one of it."""

    name: str
    package: str
    classifier: Callable[[Any, int, pd.DataFrame], Any]
    save: Callable[[Any, Path], None]

    def untrained(self, seed: int, x: pd.DataFrame) -> Any:
        """A classifier for such a table; `ImportError` where the library is not installed."""
        return self.classifier(importlib.import_module(self.package), seed, x)


LIBRARIES = (
    Library(
        "XGBoost",
        "xgboost",
        lambda package, seed, _: package.XGBClassifier(
            n_estimators=ROUNDS, enable_categorical=True, random_state=seed, n_jobs=1
        ),
        lambda model, path: model.save_model(path.with_suffix(".ubj")),
    ),
    Library(
        "LightGBM",
        "lightgbm",
        lambda package, seed, _: package.LGBMClassifier(
            n_estimators=ROUNDS, random_state=seed, n_jobs=1, verbose=-1
        ),
        lambda model, path: model.booster_.save_model(path.with_suffix(".txt")),
    ),
    Library(
        "CatBoost",
        "catboost",
        lambda package, seed, x: package.CatBoostClassifier(
            n_estimators=ROUNDS,
            random_state=seed,
            thread_count=1,
            verbose=False,
            allow_writing_files=False,
            cat_features=list(x.select_dtypes("category")),
        ),
        lambda model, path: model.save_model(str(path.with_suffix(".cbm"))),
    ),
)


def own_references(library: Library, data: Data, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(M, n) what models of the library say of the true labels, and (M, n) who they were trained on.

    Every pair of models is trained on a random half of the pool and on the other.
    """
    x, y = data
    rng = np.random.default_rng(10_000 + seed)
    n, p, inside = len(y), np.empty((MODELS, len(y))), np.zeros((MODELS, len(y)), dtype=bool)
    for pair in range(MODELS // 2):
        order = rng.permutation(n)
        for which, rows in enumerate((order[: n // 2], order[n // 2 :])):
            model = library.untrained(int(rng.integers(2**31)), x).fit(x.iloc[rows], y[rows])
            columns = {label: place for place, label in enumerate(np.ravel(model.classes_).tolist())}
            answers = model.predict_proba(x).astype(np.float64)
            p[2 * pair + which] = answers[np.arange(n), [columns[label] for label in y.tolist()]]
            inside[2 * pair + which, rows] = True
    return p, inside


def as_published(p: np.ndarray, inside: np.ndarray, member: np.ndarray, own: np.ndarray, of: str) -> Figures:
    """RMIA and LiRA after their papers.

    LiRA is the online attack with one variance for all records (Carlini et al. 2022, equation 4), RMIA the
    online one with gamma 1 and the pool as population (Zarifzadeh et al. 2024, equations 2 to 6).

    Parameters
    ----------
    p, inside
        as `own_references` gives them.
    own
        (n,) the target's probability of each record's true label.
    of
        whose the reference models are.
    """

    def logit(values: np.ndarray) -> np.ndarray:
        kept = np.clip(values, 1e-7, 1 - 1e-7)
        return np.log(kept) - np.log1p(-kept)

    phi, of_target = logit(p.astype(np.float64)), logit(own)
    means = [np.nanmean(np.where(chosen, phi, np.nan), axis=0) for chosen in (inside, ~inside)]
    spread = [
        np.sqrt(np.nanmean(np.where(chosen, (phi - mean) ** 2, np.nan)))
        for chosen, mean in zip((inside, ~inside), means, strict=True)
    ]
    densities = [norm.logpdf(of_target, mean, sd) for mean, sd in zip(means, spread, strict=True)]
    ratio = own / np.maximum(p.mean(axis=0), 1e-12)
    dominated = (ratio[:, None] >= ratio[None, :]).mean(axis=1)
    return {
        f"lira as published, {of} reference models": area_under_roc(densities[0] - densities[1], member),
        f"rmia as published, {of} reference models": area_under_roc(dominated, member),
    }


def model_file(target: Any, pool: Pool, seed: int, of: str) -> Iterator[tuple[str, float]]:
    """The attacks on the model file."""
    answers = SharedAnswers(target, pool)
    for attack in (leaf_counts, boosting_equations):
        name = attack.__name__.rpartition(".")[2]
        with suppress(Unsuited):
            scores = attack.score(answers, pool, rng=generator_for(seed, name), progress=Silent())
            yield f"{name}{of}", area_under_roc(scores, pool.member)


def black_box(target: Any, pool: Pool, seed: int) -> Iterator[tuple[str, float]]:
    """Small loss, and our attacks with reference models."""
    plan = Plan(target.estimator, target.classes, models=MODELS, seed=seed)
    answers = SharedAnswers(target, pool, references=ReferenceModels(plan, TrainingData.of(pool)))
    own = answers.likelihood(pool)
    for attack in (loss, rmia, lira):
        name = attack.__name__.rpartition(".")[2]
        scores = attack.score(answers, pool, rng=generator_for(seed, name), progress=Silent())
        yield name, area_under_roc(scores, pool.member)
    trained = answers.reference_answers(Silent())
    yield from as_published(trained.p_y, trained.trained_on, pool.member, own, "the audit's").items()


def sanitised(path: Path, model: Any, pool: Pool) -> tuple[Any, Figures]:
    """The target of the sanitised file, and whether it answers to the last bit."""
    scratch = path.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    new = path.with_name(f"new{path.suffix}")
    new.write_bytes(sanitizer_of(path)(path, scratch, Silent()).content)
    target = open_table_model(new)
    alike = np.array_equal(target.estimator.predict_proba(pool.x), model.predict_proba(pool.x))
    return target, {f"bit-identical {path.suffix}": float(alike)}


def toolbox(of: Case, models: int) -> Iterator[Scored]:  # noqa: ARG001 -- the contestants' signature
    """The Adversarial Robustness Toolbox's attack models, given the answers, as it wraps no such class."""
    import torch
    from art.attacks.inference.membership_inference import MembershipInferenceBlackBox
    from art.estimators.classification import BlackBoxClassifier

    x, y = np.asarray(of.pool.x, dtype=np.float32), of.pool.y
    ask = of.target.estimator.predict_proba
    classifier = BlackBoxClassifier(ask, x.shape[1:], len(of.target.classes))
    for kind in ("nn", "rf", "gb"):
        scores = np.empty(len(of.pool))
        for split in splits(of.pool.member, percentage=80, rng=generator_for(of.seed, f"toolbox {kind}")):
            torch.manual_seed(split.seed)
            np.random.seed(split.seed)  # noqa: NPY002 -- the toolbox draws from the global generator
            attack = MembershipInferenceBlackBox(classifier, attack_model_type=kind)
            inside, outside = split.known_members, split.known_non_members
            attack.fit(x[inside], y[inside], x[outside], y[outside])
            found = np.asarray(attack.infer(x[split.test], y[split.test], probabilities=True))
            scores[split.test] = found[:, -1] if found.ndim == 2 else found
        yield Scored(f"ART {kind}", area_under_roc(scores, of.pool.member), None, 0.0)


def peers(target: Any, pool: Pool, seed: int, told: set[str]) -> Figures:
    """The other tools on the same model, as far as they are installed and take the table; else `told`."""
    figures: Figures = {}
    for contestant in (toolbox, sacro_worst_case):
        try:
            rows = list(contestant(Case(target, pool, seed), MODELS))
            figures |= {row.attack: row.auc for row in rows if row.auc is not None}
        except ImportError as error:
            told.add(f"{contestant.__name__}: {error.name} is not installed.")
        except Exception as error:  # noqa: BLE001 -- whatever a peer makes of a table, it is named
            kind = target.type_name
            reason = re.sub(r"'[^']*'", "…", str(error))[:200]  # whichever value of a table it was
            told.add(f"{contestant.__name__} on a {kind}: {type(error).__name__}: {reason}")
    return figures


def run(library: Library, data: Data, seed: int, *, with_peers: bool, told: set[str]) -> Figures:
    """Every figure of one model; what a peer could not do is `told`."""
    x, y = data
    known, unknown, known_y, unknown_y = train_test_split(x, y, test_size=0.5, random_state=seed, stratify=y)
    model = library.untrained(seed, x).fit(known, known_y)
    rows, labels = pd.concat([known, unknown], ignore_index=True), np.concatenate([known_y, unknown_y])
    pool = Pool(rows, labels, np.arange(len(labels)) < len(known), np.arange(len(labels)) + 1)
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "model"
        library.save(model, raw)
        (own_format,) = Path(folder).iterdir()
        pickled = Path(folder) / "model.pkl"
        pickled.write_bytes(pickle.dumps(model))
        targets = {path.suffix: open_table_model(path) for path in (own_format, pickled)}
        theirs = model.predict_proba(rows).astype(np.float64)
        figures: Figures = {
            "largest difference": max(
                float(np.abs(target.probabilities(rows) - theirs).max()) for target in targets.values()
            )
        }
        target = targets[".pkl"]
        figures |= dict(black_box(target, pool, seed))
        own = theirs[np.arange(len(labels)), labels]
        references = own_references(library, (rows, labels), seed)
        figures |= as_published(*references, pool.member, own, "the library's")
        figures |= dict(model_file(targets[own_format.suffix], pool, seed, ""))
        for path in (own_format, pickled):
            bare, alike = sanitised(path, model, pool)
            figures |= alike
        figures |= dict(model_file(bare, pool, seed, ", sanitised pickle"))
    if with_peers:
        figures |= of_peers(library, model, target, pool, seed, told)
    return figures


def of_peers(library: Library, model: Any, target: Any, pool: Pool, seed: int, told: set[str]) -> Figures:
    """The peers on the same model; on its like of plain arrays, which they ask for, where all are numbers."""
    if len(pool.x.select_dtypes("category").columns):
        return peers(target, pool, seed, told)
    plain = Pool(pool.x.to_numpy(), pool.y, pool.member, pool.row)
    again = library.untrained(seed, pool.x).fit(plain.x[plain.member], plain.y[plain.member])
    if not np.array_equal(again.predict_proba(plain.x), model.predict_proba(pool.x)):
        raise AssertionError("the model of arrays is another")
    with tempfile.TemporaryDirectory() as folder:
        pickled = Path(folder) / "model.pkl"
        pickled.write_bytes(pickle.dumps(again))
        return peers(open_table_model(pickled), plain, seed, told)


def table(name: str, every: list[Figures]) -> list[str]:
    """Markdown rows of one library and table."""
    rows = []
    for key in dict.fromkeys(key for figures in every for key in figures):
        values = np.array([figures[key] for figures in every if key in figures])
        shown = (
            f"{values.max():.1e}"
            if key == "largest difference"
            else f"{values.mean():.3f} ± {values.std():.3f}"
        )
        if key.startswith("bit-identical"):
            shown = f"{int(values.sum())} of {len(values)}"
        rows.append(f"| {name} | {key} | {shown} | {len(values)} |")
    return rows


def page(every: dict[str, list[Figures]], told: set[str], asked: argparse.Namespace) -> str:
    """The results page."""
    called = f"--seeds {asked.seeds} --peers {asked.peers}{' --adult' if asked.adult else ''}"
    lines = [
        "# Boosters, what their answers and their files show",
        "",
        f"Written by `benchmarks/boosters.py {called}`, which says how. Mean ± standard deviation of the AUC "
        f"over the seeds; {MODELS} reference models, {ROUNDS} rounds, and else each library's defaults.",
        "",
        *(f"- {text}" for text in sorted(told)),
        *([""] if told else []),
        "| model | figure | mean ± standard deviation | seeds |",
        "|---|---|---:|---:|",
        *(row for name, figures in every.items() for row in table(name, figures)),
        "",
        "What the audit's LiRA adds to the published one with the same reference models is its shrinkage of "
        "means and variances (`membership/attacks/lira.py`). What the published attack differs by between "
        "both sets of reference models is due to the settings in the file and to the draw of training sets.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print the figures of each model as soon as they are known, and write the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--peers", type=int, default=10)
    parser.add_argument("--adult", type=Path)
    parser.add_argument("--into", type=Path, default=Path(__file__).parent / "results")
    asked = parser.parse_args()
    asked.into.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    tables: dict[str, Data] = {"digits": digits()}
    told: set[str] = set()
    if asked.adult is None:
        told.add("The census table is left out: it was not given as --adult.")
    else:
        tables["census"] = adult(asked.adult)
    every: dict[str, list[Figures]] = {}
    for seed in range(asked.seeds):
        for kind, data in tables.items():
            for library in LIBRARIES:
                name = f"{library.name}, {kind}"
                try:
                    figures = run(library, data, seed, with_peers=seed < asked.peers, told=told)
                except ImportError as error:
                    told.add(f"{library.name} is left out: {error.name} is not installed.")
                    continue
                except InputError as error:
                    told.add(f"{name} is left out, since it is refused: {error.message}")
                    continue
                every.setdefault(name, []).append(figures)
                print(name, seed, {key: round(value, 4) for key, value in figures.items()}, flush=True)
                (asked.into / "boosters.md").write_text(page(every, told, asked))
    print(*sorted(told), sep="\n")


if __name__ == "__main__":
    main()
