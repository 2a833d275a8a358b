"""Prints docs/supported-models.md from the tables that the code goes by; `make docs` writes it."""

from __future__ import annotations

# parts that scikit-learn hides until asked for them are read too
import sklearn.experimental.enable_halving_search_cv
import sklearn.experimental.enable_iterative_imputer  # noqa: F401 (makes the two known)
from sklearn.utils import all_estimators

from leakgauge.targets.formats import FORMATS
from leakgauge.targets.onnx.ml_operators import ML_OPERATORS
from leakgauge.targets.pickles.allow_list import ARRAY_FUNCTIONS, CLASSES, DISTRIBUTIONS, METRICS
from leakgauge.targets.pickles.estimators import ESTIMATORS
from leakgauge.targets.pickles.refusals import (
    LIBRARIES,
    NOT_BEFORE_A_CLASSIFIER,
    REFUSED_FORMS,
    REFUSED_PARTS,
)
from leakgauge.targets.sklearn.checks.estimators import CONTRACTS

_HEAD = """# Models that are read

<!-- Made by docs/make_supported_models.py from the tables that the code goes by. Do not edit. -->

A file is recognised by its bytes; its name decides only where the bytes do not. A file of another format is
refused with the name of that format and what to send instead.
"""

_NETWORKS = """
## Networks on tables

An ONNX graph (of PyTorch, skl2onnx, tf2onnx and others) or a Keras file (Sequential or functional) of a
classifier of table rows is audited by its answers.

Inputs
: One matrix of shape (rows, columns), whose columns are those of the table in their order; one input for each
  column, which takes the column of its name (`age__years_` is `age (years)`); or groups of columns,
  in their order. Floats of any length, whole numbers, truth values, text. An empty cell is NaN where the
  input takes floats, and an empty text where it takes text. A number of rows that is fixed is
  asked for in such parts.

Outputs
: Probabilities, as a matrix or as a list of mappings (ZipMap); one sigmoid for two classes; logits, whose
  softmax or sigmoid is taken; labels beside them or alone. The report says what was taken for what.

Classes
: The names that the file holds (keys of ZipMap, labels of the classifier's operator). A file without names,
  such as those of PyTorch and Keras, numbers its outputs from 0: the labels in the tables are these
  numbers.

ONNX files may use the standard operators without loops and branches, and those of `ai.onnx.ml` whose parts
are checked before they reach compiled code: {operators}.
Weights in other files are refused.

Keras files are opened in safe mode, without Lambda layers. `StringLookup`, `IntegerLookup`, `Hashing`,
`HashedCrossing`, `CategoryEncoding` and `Discretization` are read; a vocabulary that is the name of a file is
refused. Keras needs `leakgauge[inversion]`. The image of the membership audit does not hold it: export the
model to ONNX there.

A network that gives one number a row says neither whether it is a score of two classes nor a prediction. The
labels do: 0 and 1 alone are classes, other numbers are predicted, and the report says which it took them for.

Such a file holds no recipe, so no reference models are trained and no mitigations tried. What needs answers
alone is measured, and answers of reference models of your own may come along in `reference_answers/`.
"""

_SCIKIT_LEARN = """
## Models of scikit-learn

A model file is a pickle (pickle, joblib or cloudpickle, any protocol, compressed or not) or a skops
file with one fitted scikit-learn classifier or regressor, alone or inside a Pipeline, a
ColumnTransformer, a search, a voting ensemble and so on, saved by scikit-learn 0.24 or later. Nothing in
the file is run: it may use the names below, each for one purpose, and no others. A skops file
may hold the same; it is read without skops.

A test fits, saves, opens, queries and audits every classifier, every regressor, every wrapper, every
transformer before a classifier and every text model of the installed scikit-learn. A new release of
scikit-learn fails that test until its new parts are supported or listed below with a reason.

The model decides what a label is: a classifier's labels are its classes, a regressor's are numbers. A
regressor predicts one number; one that predicts several (`MultiOutputRegressor`, `RegressorChain`, any
regressor fitted on several columns) is refused as `multi_output`.
"""

_BOOSTERS = """
## Boosting libraries

XGBoost: its own files (`save_model`, JSON or UBJSON) and pickles of `XGBClassifier`, `XGBRegressor`,
`XGBRFClassifier`, `XGBRFRegressor` and `Booster`, alone or inside Pipelines, searches, votes and
calibration. Boosters of trees (`gbtree`, `dart`); categorical columns as the library has them. The objective
says what is predicted: classes (`binary:logistic`, `multi:softprob`, `multi:softmax`) or a number
(`reg:squarederror`, `reg:squaredlogerror`, `reg:absoluteerror`, `reg:pseudohubererror`, `reg:quantileerror`
with one quantile, `reg:logistic`, `reg:gamma`, `reg:tweedie`, `count:poisson`).
Binary files and pickles of before XGBoost 2.1 are told how to be saved anew.

LightGBM: its text (`save_model`, versions 2 to 4 of the format) and pickles of `LGBMClassifier`,
`LGBMRegressor` and `Booster`, likewise. Boosting of every kind (`gbdt`, `dart`, `goss`, `rf`), without linear
leaves; columns of pandas' categories as the library has them. Objectives of classes: `binary`, `multiclass`;
of numbers: `regression` (also with `reg_sqrt`), `regression_l1`, `huber`, `fair`, `poisson`, `quantile`,
`mape`, `gamma`, `tweedie`.

Rankers and survival models are refused: an order within a group, or a time that was cut off, has no error of
one record.

CatBoost: its own files (`save_model`, `.cbm` and JSON) and pickles of `CatBoostClassifier`,
`CatBoostRegressor` and `CatBoost`, likewise. Trees of every kind (`SymmetricTree`, `Depthwise`,
`Lossguide`) with the losses `Logloss`, `CrossEntropy` and `MultiClass`, and of numbers `RMSE`, `MAE`,
`Quantile`, `MAPE`, `Huber`, `Expectile`, `LogCosh`, `Lq`, `Poisson` and `Tweedie`; columns of categories,
compared or as statistics of the training records (CTR), are read as they are spelled. Columns of texts and
of embeddings are not read. It is an extra, `leakgauge[catboost]`, which the images do without: a wheel of
97 MB, 277 MB installed, and 100 MB of what it needs. Where it is missing, a model of numbers is saved as
ONNX, `model.save_model("model.onnx", format="onnx")`, and any model can be audited from memory.

Nothing of such a file reaches the library as it is: the model is read, every child, feature, class and
category of it is checked, and what the library opens is written anew from the checked parts. A file
that holds no labels has the numbers from 0 as its classes, so the label column must hold these.

Reference models are trained by the same library, with the settings in the file. XGBoost's own files hold
none; the learning rate and the L2 penalty are then computed from sums in the trees, and the report says so.
"""

_SAMPLERS = """
## Resampling

Pipelines of imbalanced-learn are read with every sampler of its over-sampling, under-sampling and
combination, in their ready-made forms. Samplers take no part in answers; reference models are trained with
them. `BalancedRandomForestClassifier`, `BalancedBaggingClassifier`, `EasyEnsembleClassifier` and
`RUSBoostClassifier` are read too.
"""

_TEXTS = """
## Texts

A model whose first step is `CountVectorizer`, `TfidfVectorizer` or `HashingVectorizer` takes a list of
texts. Its tables have one column of texts beside the label. Inside a ColumnTransformer a vectoriser
takes its column by name.
"""


def _section(title: str, kind: str) -> list[str]:
    names = [
        f"`{name}`"
        for name, found in all_estimators(type_filter=kind)
        if (found.__module__, found.__name__) in CLASSES
    ]
    return [f"\n## {title}\n", ", ".join(names) + "."]


def _formats() -> list[str]:
    lines = ["", "| format | file | audited with | installed by | `leakgauge sanitize` |", "|---" * 5 + "|"]
    for row in FORMATS:
        names = ", ".join(f"`{suffix}`" for suffix in row.suffixes)
        extras = [f"`leakgauge[{extra}]`" for extra in row.extras]
        cells = (
            f"`{row.name}`",
            f"{row.words}: {names}",
            " and ".join(row.audited_on),
            " or ".join(extras),
            "yes" if row.sanitizer else "no",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _contracts() -> list[str]:
    words = (
        "scikit-learn's compiled code compares neither two shapes nor an index with a range. What it takes "
        "for granted is checked, whatever the file says, before a model is asked anything."
    )
    lines = [
        "\n## What is checked of fitted estimators\n",
        words + "\n",
        "| estimators | what compiled code does | what must hold |",
        "|---|---|---|",
    ]
    for family, contract in CONTRACTS.items():
        names = sorted(name for found in ESTIMATORS[family].values() for name in found.split())
        cells = [f"`{rule.attribute}`: {rule.trusted}" for rule in contract.rules]
        for array in contract.arrays:
            lengths = " × ".join(length or "any number" for length in array.shape)
            below = f", each below the number of {array.below}" if array.below else ""
            cells.append(f"`{array.attribute}`: {lengths}{below}")
        estimators = ", ".join(f"`{name}`" for name in names)
        lines.append(f"| {estimators} | {contract.because} | {'; '.join(cells) or 'nothing more'} |")
    return lines


def _table(title: str, words: str, head: tuple[str, str], rows: dict[str, str]) -> list[str]:
    lines = [f"\n## {title}\n", words + "\n", f"| {head[0]} | {head[1]} |", "|---|---|"]
    return lines + [f"| {name} | {reason} |" for name, reason in rows.items()]


def _by_module(pairs: frozenset[tuple[str, str]]) -> list[str]:
    modules = sorted({module for module, _name in pairs})
    return [
        f"- `{module}`: " + ", ".join(f"`{name}`" for where, name in sorted(pairs) if where == module)
        for module in modules
    ]


def document() -> str:
    """The whole page."""
    operators = ", ".join(f"`{name}`" for name in ML_OPERATORS)
    networks = _NETWORKS.format(operators=operators).rstrip()
    lines = [_HEAD.rstrip(), *_formats(), networks, _SCIKIT_LEARN.rstrip()]
    lines += _section("Classifiers", "classifier")
    lines += _section("Transformers", "transformer")
    lines += _section("Regressors", "regressor")
    lines += [_BOOSTERS.rstrip(), _SAMPLERS.rstrip(), _TEXTS.rstrip()]
    lines += ["\n## Functions\n", "`FunctionTransformer`, pooling and imputing may apply:\n"]
    lines += _by_module(ARRAY_FUNCTIONS)
    lines += ["\nScorers may compute:\n", *_by_module(METRICS)]
    names = ", ".join(f"`{name.removesuffix('_gen')}`" for _module, name in sorted(DISTRIBUTIONS))
    lines += [f"\nRandom searches may sample from `scipy.stats`: {names}."]
    lines += _contracts()
    lines += _table(
        "Read, but not before a classifier of tables",
        "The file opens; a Pipeline with such a step cannot be queried with the rows of a table.",
        ("part", "why"),
        {f"`{name}`": reason for name, reason in NOT_BEFORE_A_CLASSIFIER.items()},
    )
    lines += _table(
        "Refused parts of scikit-learn",
        "An audit refuses a file that holds one of these by its name, with this reason; "
        "[`leakgauge contents`](contents.md) opens pickles of the estimators among them.",
        ("part", "why"),
        {f"`{name}`": reason for name, reason in REFUSED_PARTS.items()},
    )
    lines += _table(
        "Refused forms of parts that are read",
        "The refusal names the estimator and the setting.",
        ("form", "why"),
        dict(REFUSED_FORMS),
    )
    lines += _table(
        "Other libraries",
        "A model of another library is refused by the library's name, with the way in that works today. "
        "[What becomes of 34 models](../benchmarks/results/other_libraries.md) was tried.",
        ("library", "what to do"),
        {library.name: library.way_in for library in LIBRARIES.values()},
    )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(document(), end="")
