"""Models of other libraries and in other wrappings, as people have them, and what becomes of each.

A model was trained on one half of a table and saved as its users save it. It counts as audited where the
attacks measure something and the report's training accuracy is the model's own. One that is refused has a way
in that the refusal names; what comes of it counts likewise.
"""

from __future__ import annotations

import io
import os
import pickle
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cloudpickle
import joblib
import numpy as np
import pandas as pd
from cases import CASES, audited
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from leakgauge.errors import LeakgaugeError
from leakgauge.targets.exports import TORCH

COLUMNS = ("age", "income", "visits", "score")
PMML = b"""<?xml version="1.0"?>
<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><Header/><DataDictionary/>
<RegressionModel functionName="classification"/></PMML>
"""

Files = Mapping[str, bytes]


class Doubled(BaseEstimator, TransformerMixin):
    """A transformer of one's own."""

    def fit(self, x: Any, y: Any = None) -> Doubled:
        return self

    def transform(self, x: Any) -> Any:
        return np.asarray(x) * 2


@cache
def table() -> pd.DataFrame:
    """Rows of three classes, the first half of them to train on."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, len(COLUMNS)))
    y = (x[:, 0] + rng.normal(size=300) > 0).astype(int) + (x[:, 1] > 0.8)
    return pd.DataFrame(x, columns=list(COLUMNS)).assign(label=y)


def halves() -> tuple[pd.DataFrame, pd.DataFrame]:
    return table()[:150], table()[150:]


def trained(model: Any) -> Any:
    """The model, fitted to the first half."""
    members, _ = halves()
    return model.fit(members[list(COLUMNS)], members["label"])


def csv(frames: Sequence[pd.DataFrame] | None = None) -> Files:
    members, others = frames or halves()
    return {
        name: frame.to_csv(index=False).encode()
        for name, frame in (("train_mia.csv", members), ("test_mia.csv", others))
    }


@dataclass(frozen=True)
class Made:
    """A bundle, and how often the model itself is right on its members."""

    files: Files
    accuracy: float


def made(name: str, content: bytes, predict: Callable[[Any], Any], data: Files | None = None) -> Made:
    members, _ = halves()
    right = np.asarray(predict(members[list(COLUMNS)])).ravel() == members["label"].to_numpy()
    return Made({name: content, **(csv() if data is None else data)}, float(right.mean()))


def saved(model: Any, save: Callable[[Path], Any], suffix: str) -> bytes:
    """What a library writes to a path."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"model{suffix}"
        save(path)
        return path.read_bytes()


@cache
def logistic() -> Any:
    return trained(LogisticRegression())


@cache
def forest() -> Any:
    return trained(RandomForestClassifier(20, max_depth=4, random_state=0))


def pickled(
    model: Any, name: str = "model.pkl", *, inside: Callable[[Any], Any] = lambda model: model
) -> Made:
    return made(name, pickle.dumps(inside(model)), model.predict)


def joblibbed(model: Any) -> Made:
    file = io.BytesIO()
    joblib.dump(model, file)
    return made("model.joblib", file.getvalue(), model.predict)


# --- boosters -----------------------------------------------------------------------------------------


@cache
def xgboosted() -> Any:
    import xgboost

    return trained(xgboost.XGBClassifier(n_estimators=20, max_depth=3, n_jobs=1))


@cache
def lightgbm_model() -> Any:
    import lightgbm

    return trained(lightgbm.LGBMClassifier(n_estimators=20, n_jobs=1, verbose=-1))


@cache
def catboosted() -> Any:
    import catboost

    return trained(
        catboost.CatBoostClassifier(30, depth=4, thread_count=1, verbose=0, allow_writing_files=False)
    )


def catboost_file(form: str) -> Made:
    model = catboosted()
    content = saved(model, lambda path: model.save_model(path, format=form), f".{form}")
    return made(f"model.{form}", content, model.predict)


def xgboost_file(form: str, name: str) -> Made:
    return made(name, bytes(xgboosted().get_booster().save_raw(form)), xgboosted().predict)


def lightgbm_text(name: str) -> Made:
    return made(name, lightgbm_model().booster_.model_to_string().encode(), lightgbm_model().predict)


def xgboost_booster() -> Made:
    return made("model.pkl", pickle.dumps(xgboosted().get_booster()), xgboosted().predict)


def in_a_pipeline() -> Made:
    import xgboost
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), xgboost.XGBClassifier(n_estimators=20, max_depth=3, n_jobs=1))
    return pickled(trained(model))


def smote() -> Made:
    from imblearn.over_sampling import SMOTE
    from imblearn.pipeline import make_pipeline as with_samplers

    return pickled(trained(with_samplers(SMOTE(random_state=0), RandomForestClassifier(20, random_state=0))))


def balanced_forest() -> Made:
    from imblearn.ensemble import BalancedRandomForestClassifier

    return pickled(trained(BalancedRandomForestClassifier(20, random_state=0)))


# --- networks -----------------------------------------------------------------------------------------


@cache
def keras_content() -> tuple[bytes, Callable[[Any], Any]]:
    import keras

    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(16, activation="relu"), keras.layers.Dense(3, activation="softmax")]
    model = keras.Sequential([keras.Input((len(COLUMNS),)), *layers])
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam")
    members, _ = halves()
    model.fit(members[list(COLUMNS)].to_numpy(), members["label"].to_numpy(), epochs=20, verbose=0)
    return saved(model, model.save, ".keras"), lambda x: model.predict(x.to_numpy(), verbose=0).argmax(axis=1)


def keras_on_csv() -> Made:
    return made("model.keras", *keras_content())


def keras_on_arrays() -> Made:
    data = {}
    for side, frame in zip(("train", "test"), halves(), strict=True):
        for name, values in (("x", frame[list(COLUMNS)]), ("y", frame["label"])):
            file = io.BytesIO()
            np.save(file, values.to_numpy())
            data[f"{name}_{side}.npy"] = file.getvalue()
    content, predict = keras_content()
    return made("model.keras", content, predict, data)


def skl2onnx_file(name: str) -> Made:
    from skl2onnx import to_onnx

    model = trained(LogisticRegression())
    network = to_onnx(model, halves()[0][list(COLUMNS)].to_numpy(dtype=np.float32)[:1])
    return made(name, network.SerializeToString(), model.predict)


@cache
def torch_network() -> Any:
    import torch

    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(len(COLUMNS), 16), torch.nn.ReLU(), torch.nn.Linear(16, 3))
    optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
    members, _ = halves()
    x = torch.tensor(members[list(COLUMNS)].to_numpy(), dtype=torch.float32)
    y = torch.tensor(members["label"].to_numpy())
    for _ in range(100):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimiser.step()
    return model


def torch_answers(x: Any) -> Any:
    import torch

    return torch_network().eval()(torch.tensor(x.to_numpy(), dtype=torch.float32)).argmax(dim=1).numpy()


def exported(line: str, **names: Any) -> Made:
    """What a line of a refusal writes, run as it stands but for the number of columns."""
    import torch

    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            exec(line.replace("COLUMNS", str(len(COLUMNS))), {"torch": torch, **names})
            content = Path("model.onnx").read_bytes()
        finally:
            os.chdir(before)
    return made("model.onnx", content, torch_answers)


def torch_file(name: str, *, weights: bool = False) -> Made:
    import torch

    model = torch_network()
    content = saved(model, lambda path: torch.save(model.state_dict() if weights else model, path), ".pt")
    return made(name, content, torch_answers)


def torch_export() -> Made:
    return exported(TORCH.format(model="model"), model=torch_network())


def skorch_pickle() -> Made:
    with zipfile.ZipFile(CASES / "models" / "skorch_pickle.zip") as archive:
        content = archive.read(next(name for name in archive.namelist() if name.endswith(".pkl")))
    return made("model.pkl", content, torch_answers)


def skorch_export() -> Made:
    class Net:
        module_ = torch_network()

    return exported(TORCH.format(model="model.module_"), model=Net())


# --- wrappings ----------------------------------------------------------------------------------------


def pmml(name: str) -> Made:
    return made(name, PMML, logistic().predict)


def own_transformer() -> Made:
    return pickled(trained(make_pipeline(Doubled(), LogisticRegression())))


def applied_before() -> Made:
    """The tables after the transformer, and what is left of the Pipeline."""
    model = trained(make_pipeline(Doubled(), LogisticRegression()))
    changed = [frame.assign(**(frame[list(COLUMNS)] * 2)) for frame in halves()]
    return made("model.pkl", pickle.dumps(model[-1]), model.predict, csv(changed))


def with_a_lambda() -> Made:
    model = trained(make_pipeline(FunctionTransformer(lambda x: np.tanh(x)), LogisticRegression()))
    return made("model.pkl", cloudpickle.dumps(model), model.predict)


def with_numpys_function() -> Made:
    return pickled(trained(make_pipeline(FunctionTransformer(np.tanh), LogisticRegression())))


def by_cloudpickle() -> Made:
    return made("model.pkl", cloudpickle.dumps(logistic()), logistic().predict)


@dataclass(frozen=True)
class Case:
    """A model, and what was tried where it is refused.

    Attributes
    ----------
    way, tried
        the way in that the refusal names, in words, and what makes it.
    """

    name: str
    make: Callable[[], Made]
    way: str = ""
    tried: Callable[[], Made] | None = None


_PICKLED = "the classifier, pickled"
_EXPORT = "`torch.onnx.export(…)`, the line in the refusal"
MODELS = (
    Case("CatBoost, `.cbm`", lambda: catboost_file("cbm")),
    Case("CatBoost, `.json`", lambda: catboost_file("json")),
    Case("CatBoostClassifier, pickle", lambda: pickled(catboosted())),
    Case("LightGBM, text as `.txt`", lambda: lightgbm_text("model.txt")),
    Case("LightGBM, text as `model.pkl`", lambda: lightgbm_text("model.pkl")),
    Case("LGBMClassifier, pickle", lambda: pickled(lightgbm_model())),
    Case("XGBoost, `.json`", lambda: xgboost_file("json", "model.json")),
    Case("XGBoost, `.ubj`", lambda: xgboost_file("ubj", "model.ubj")),
    Case("XGBoost, JSON as `model.pkl`", lambda: xgboost_file("json", "model.pkl")),
    Case("XGBClassifier, pickle", lambda: pickled(xgboosted())),
    Case("XGBClassifier, joblib", lambda: joblibbed(xgboosted())),
    Case("XGBoost Booster, pickle", xgboost_booster),
    Case("XGBClassifier in a Pipeline", in_a_pipeline),
    Case("imbalanced-learn Pipeline with SMOTE", smote),
    Case("BalancedRandomForestClassifier", balanced_forest),
    Case("Keras on a CSV", keras_on_csv),
    Case("Keras on NPY rows", keras_on_arrays),
    Case("skl2onnx on a CSV", lambda: skl2onnx_file("model.onnx")),
    Case("PyTorch ONNX on a CSV", torch_export),
    Case("ONNX named `model.pkl`", lambda: skl2onnx_file("model.pkl")),
    Case("PyTorch, `torch.save` as `.pt`", lambda: torch_file("model.pt"), _EXPORT, torch_export),
    Case("PyTorch, `torch.save` as `.pkl`", lambda: torch_file("model.pkl"), _EXPORT, torch_export),
    Case("PyTorch, state dict", lambda: torch_file("model.pt", weights=True), _EXPORT, torch_export),
    Case("skorch, pickle", skorch_pickle, _EXPORT, skorch_export),
    Case("PMML as `.pmml`", lambda: pmml("model.pmml"), _PICKLED, lambda: pickled(logistic())),
    Case("PMML as `.xml`", lambda: pmml("model.xml"), _PICKLED, lambda: pickled(logistic())),
    Case("a dictionary that holds a model", lambda: pickled(forest(), inside=lambda model: {"model": model})),
    Case("a list that holds a model", lambda: pickled(forest(), inside=lambda model: [model])),
    Case("a tuple that holds a model", lambda: pickled(forest(), inside=lambda model: (model, COLUMNS))),
    Case("`clf.pkl`", lambda: pickled(forest(), "clf.pkl")),
    Case("`model.sav`", lambda: pickled(forest(), "model.sav")),
    Case(
        "a transformer class of one's own",
        own_transformer,
        "the transformer applied to the tables before, the rest pickled",
        applied_before,
    ),
    Case(
        "a lambda, by cloudpickle",
        with_a_lambda,
        "`FunctionTransformer(np.tanh)` in its place",
        with_numpys_function,
    ),
    Case("LogisticRegression, by cloudpickle", by_cloudpickle),
)


@dataclass(frozen=True)
class Outcome:
    """What became of a model: `audited`, `refused` with a way in that works, or `open`."""

    word: str
    detail: str


def measured(made: Made) -> str | None:
    """None where the audit of a bundle is sound; else what is wrong with it."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "bundle"
        folder.mkdir()
        for name, content in made.files.items():
            (folder / name).write_bytes(content)
        report = audited(folder, attacks=["gap", "loss", "rmia"])
    accuracy = report.target.train_accuracy
    if accuracy is None or abs(accuracy.value - made.accuracy) > 0.01:
        return f"the training accuracy is not the model's own, {made.accuracy:.3f}"
    if any(attack.status != "measured" for attack in report.attacks if attack.name in ("gap", "loss")):
        return "an attack measured nothing"
    return None


def outcome(case: Case) -> Outcome:
    """What becomes of a model, and of the way in where it is refused."""
    try:
        wrong = measured(case.make())
    except LeakgaugeError as error:
        if case.tried is None:
            return Outcome("open", f"refused ({error.code}): {error.message}")
        try:
            wrong = measured(case.tried())
        except LeakgaugeError as second:
            return Outcome("open", f"the way in is refused ({second.code}): {second.message}")
        return Outcome("refused", f"`{error.code}`; {case.way}") if wrong is None else Outcome("open", wrong)
    return Outcome("audited", "") if wrong is None else Outcome("open", wrong)
