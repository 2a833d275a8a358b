"""Every classifier, wrapper, Pipeline and text model that the installed scikit-learn makes, small and fitted.

`VARIANTS` names each; `fitted(name)` fits it on tables of a hundred rows and gives model and tables.
A class of scikit-learn that stands nowhere here fails `tests/contract/test_all_of_scikit_learn.py`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import scipy.stats as st
import sklearn.experimental.enable_halving_search_cv
import sklearn.experimental.enable_iterative_imputer  # noqa: F401 (makes the two importable)
from sklearn import (
    cluster,
    compose,
    decomposition,
    ensemble,
    feature_selection,
    impute,
    manifold,
    neighbors,
    preprocessing,
    random_projection,
    svm,
)
from sklearn import kernel_approximation as approximation
from sklearn import linear_model as linear
from sklearn import model_selection as search
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.covariance import MinCovDet
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.feature_extraction import FeatureHasher, text
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessClassifier, kernels
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics import f1_score, fbeta_score, make_scorer
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neural_network import BernoulliRBM, MLPClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier
from sklearn.utils import all_estimators

N_ROWS = 80
_WORDS = [
    *("invoice", "payment", "overdue", "meeting", "agenda", "minutes"),
    *("parcel", "delivery", "refund", "contract", "offer", "late"),
]


@dataclass(frozen=True)
class Fitted:
    """A fitted model, the rows it was fitted on and as many others, and the labels of both."""

    model: Any
    members: pd.DataFrame
    others: pd.DataFrame
    y_members: np.ndarray[Any, Any]
    y_others: np.ndarray[Any, Any]


Table = Callable[[], tuple[pd.DataFrame, np.ndarray[Any, Any]]]


@cache
def _numbers() -> tuple[pd.DataFrame, np.ndarray[Any, Any]]:
    random = np.random.default_rng(1)
    y = np.tile([0, 1], N_ROWS)
    x = random.gamma(2.0, size=(2 * N_ROWS, 6)) + 0.8 * y[:, None]
    return pd.DataFrame(x / 4, columns=[f"f{place}" for place in range(6)]).round(4), y


def _two_columns() -> tuple[pd.DataFrame, np.ndarray[Any, Any]]:
    frame, y = _numbers()
    return frame[["f0", "f1"]], y


def _with_gaps() -> tuple[pd.DataFrame, np.ndarray[Any, Any]]:
    frame, y = _numbers()
    return frame.mask(np.random.default_rng(2).random(frame.shape) < 0.1), y


def _codes() -> tuple[pd.DataFrame, np.ndarray[Any, Any]]:
    frame, y = _numbers()
    return (frame * 2).clip(0, 3).round().astype(int), y


def _mixed() -> tuple[pd.DataFrame, np.ndarray[Any, Any]]:
    frame, y = _numbers()
    random = np.random.default_rng(3)
    colours = np.array(["red", "green", "blue", "teal"], dtype=object)
    return frame.assign(colour=colours[random.integers(0, 4, len(y))], note=_documents(random, y)), y


def _documents(random: np.random.Generator, y: np.ndarray[Any, Any]) -> list[str]:
    words = np.array(_WORDS)
    return [" ".join(random.choice(words[: 8 + label * 4], size=7)) for label in y]


def _texts() -> tuple[pd.DataFrame, np.ndarray[Any, Any]]:
    _frame, y = _numbers()
    return pd.DataFrame({"text": _documents(np.random.default_rng(4), y)}), y


@dataclass(frozen=True)
class Variant:
    """How to make a model.

    `form` says how it was fitted: on a `frame`, an `array`, or the `documents` of the only column.
    `refusal` names the problem that the audit answers with instead of a report.
    """

    family: str
    make: Callable[[], Any]
    table: Table = _numbers
    form: str = "frame"
    several_labels: bool = False
    refusal: str | None = None


def _logistic() -> Any:
    return linear.LogisticRegression(max_iter=200)


def _forest() -> Any:
    return ensemble.RandomForestClassifier(5, max_depth=4, random_state=0)


_SETTINGS: dict[str, dict[str, Any]] = {
    "AdaBoostClassifier": {"n_estimators": 5},
    "BaggingClassifier": {"n_estimators": 3},
    "CategoricalNB": {"min_categories": 4},
    "ExtraTreesClassifier": {"n_estimators": 5},
    "GradientBoostingClassifier": {"n_estimators": 5},
    "HistGradientBoostingClassifier": {"max_iter": 5},
    "LogisticRegressionCV": {"cv": 2, "Cs": 3},
    "MLPClassifier": {"max_iter": 20, "hidden_layer_sizes": (5,)},
    "RandomForestClassifier": {"n_estimators": 5},
    "RadiusNeighborsClassifier": {"radius": 0.7},
}

# those that wrap another one stand in `_wrappers`
_WRAP = frozenset(
    {
        "CalibratedClassifierCV", "ClassifierChain", "FixedThresholdClassifier", "MultiOutputClassifier",
        "OneVsOneClassifier", "OneVsRestClassifier", "OutputCodeClassifier", "SelfTrainingClassifier",
        "StackingClassifier", "TunedThresholdClassifierCV", "VotingClassifier",
    }
)  # fmt: skip


def _classifiers() -> dict[str, Variant]:
    found = {
        name: Variant(
            "classifiers",
            lambda kind=kind, name=name: kind(**_SETTINGS.get(name, {})),
            table=_codes if name == "CategoricalNB" else _numbers,
        )
        for name, kind in all_estimators(type_filter="classifier")
        if name not in _WRAP
    }
    more: dict[str, Callable[[], Any]] = {
        "KNeighborsClassifier brute": lambda: neighbors.KNeighborsClassifier(algorithm="brute"),
        "KNeighborsClassifier ball": lambda: neighbors.KNeighborsClassifier(
            algorithm="ball_tree", metric="manhattan", weights="distance"
        ),
        "KNeighborsClassifier mahalanobis": lambda: neighbors.KNeighborsClassifier(
            metric="mahalanobis", metric_params={"VI": np.eye(6)}
        ),
        "RadiusNeighborsClassifier brute": lambda: neighbors.RadiusNeighborsClassifier(
            0.4, algorithm="brute"
        ),
        "RadiusNeighborsClassifier label": lambda: neighbors.RadiusNeighborsClassifier(0.2, outlier_label=0),
        "LabelSpreading knn": lambda: LabelSpreading(kernel="knn"),
        "GaussianProcess kernels": lambda: GaussianProcessClassifier(
            kernels.ConstantKernel() * kernels.RBF() + kernels.PairwiseKernel(metric="linear")
        ),
        "GradientBoosting init": lambda: ensemble.GradientBoostingClassifier(
            n_estimators=3, init=_logistic()
        ),
        "LinearDiscriminantAnalysis shrinkage": lambda: LinearDiscriminantAnalysis(
            solver="lsqr", shrinkage="auto"
        ),
        "LinearDiscriminantAnalysis robust": lambda: LinearDiscriminantAnalysis(
            solver="eigen", covariance_estimator=MinCovDet(random_state=0)
        ),
        "LinearSVC": lambda: svm.LinearSVC(),
        "SGD hinge": lambda: linear.SGDClassifier(loss="modified_huber", average=True),
        "LogisticRegressionCV scored": lambda: linear.LogisticRegressionCV(
            cv=2, Cs=2, scoring=make_scorer(f1_score)
        ),
        "MLP early stopping": lambda: MLPClassifier((4,), early_stopping=True, max_iter=15),
        "NearestCentroid manhattan": lambda: neighbors.NearestCentroid(metric="manhattan"),
    }
    return found | {name: Variant("classifiers", make) for name, make in more.items()}


_BASES: dict[str, Callable[[], Any]] = {"logistic": _logistic, "forest": _forest, "bayes": GaussianNB}


def _grid(base: Any) -> dict[str, list[Any]]:
    for name, values in {"C": [0.1, 1.0], "max_depth": [2, 4], "var_smoothing": [1e-9, 1e-3]}.items():
        if name in base.get_params():
            return {name: values}
    raise AssertionError(base)


def _distribution(base: Any) -> dict[str, Any]:
    chosen = {
        "C": st.loguniform(0.1, 10),
        "max_depth": st.randint(2, 5),
        "var_smoothing": st.uniform(0, 1e-3),
    }
    return {name: chosen[name] for name in _grid(base)}


_AROUND: dict[str, Callable[[Any], Any]] = {
    "AdaBoost": lambda base: ensemble.AdaBoostClassifier(base, n_estimators=3),
    "Bagging": lambda base: ensemble.BaggingClassifier(base, n_estimators=3, max_features=4),
    "Calibrated isotonic": lambda base: CalibratedClassifierCV(base, method="isotonic", cv=2),
    "Calibrated sigmoid": lambda base: CalibratedClassifierCV(base, cv=2, ensemble=False),
    "Calibrated temperature": lambda base: CalibratedClassifierCV(base, method="temperature", cv=2),
    "FixedThreshold": lambda base: search.FixedThresholdClassifier(base, threshold=0.4),
    "GridSearch": lambda base: search.GridSearchCV(base, _grid(base), cv=2),
    "GridSearch f1": lambda base: search.GridSearchCV(
        base, _grid(base), cv=search.KFold(2, shuffle=True, random_state=0), scoring="f1"
    ),
    "GridSearch metrics": lambda base: search.GridSearchCV(
        base,
        _grid(base),
        cv=2,
        scoring={"a": "roc_auc", "b": make_scorer(f1_score, average="macro")},
        refit="a",
    ),
    "HalvingGridSearch": lambda base: search.HalvingGridSearchCV(base, _grid(base), cv=2, random_state=0),
    "HalvingRandomSearch": lambda base: search.HalvingRandomSearchCV(
        base, _distribution(base), cv=2, random_state=0, n_candidates=2
    ),
    "RandomizedSearch": lambda base: search.RandomizedSearchCV(
        base, _distribution(base), n_iter=2, cv=2, random_state=0
    ),
    "OneVsOne": OneVsOneClassifier,
    "OneVsRest": OneVsRestClassifier,
    "OutputCode": lambda base: OutputCodeClassifier(base, random_state=0),
    "SelfTraining": lambda base: SelfTrainingClassifier(base, max_iter=2),
    "Stacking": lambda base: ensemble.StackingClassifier([("a", base), ("b", GaussianNB())], cv=2),
    "Stacking passthrough": lambda base: ensemble.StackingClassifier(
        [("a", base)], cv=2, passthrough=True, final_estimator=_forest()
    ),
    "TunedThreshold": lambda base: search.TunedThresholdClassifierCV(base, cv=2, thresholds=20),
    "TunedThreshold f1": lambda base: search.TunedThresholdClassifierCV(
        base, cv=2, thresholds=20, scoring="f1"
    ),
    "TunedThreshold scorer": lambda base: search.TunedThresholdClassifierCV(
        base, cv=2, thresholds=20, scoring=make_scorer(fbeta_score, beta=2)
    ),
    "Voting hard": lambda base: ensemble.VotingClassifier([("a", base), ("b", GaussianNB())]),
    "Voting soft": lambda base: ensemble.VotingClassifier(
        [("a", base), ("b", neighbors.KNeighborsClassifier())], voting="soft", weights=[2, 1]
    ),
}


def _wrappers() -> dict[str, Variant]:
    found = {
        f"{around} of {base}": Variant("meta-estimators", lambda wrap=wrap, inner=inner: wrap(inner()))
        for around, wrap in _AROUND.items()
        for base, inner in _BASES.items()
    }
    more: dict[str, Callable[[], Any]] = {
        "RFE": lambda: feature_selection.RFE(_logistic(), n_features_to_select=3),
        "RFECV": lambda: feature_selection.RFECV(_logistic(), cv=2),
        "Calibrated of LinearSVC": lambda: CalibratedClassifierCV(svm.LinearSVC(), cv=2),
        "OneVsOne of SVC": lambda: OneVsOneClassifier(svm.SVC()),
        "a search in a Pipeline": lambda: make_pipeline(
            preprocessing.StandardScaler(),
            search.RandomizedSearchCV(
                _logistic(),
                {"C": st.expon(scale=2)},
                n_iter=2,
                cv=2,
                scoring=make_scorer(f1_score),
                random_state=0,
            ),
        ),
        "a halving search in a vote": lambda: ensemble.VotingClassifier(
            [("a", search.HalvingGridSearchCV(_logistic(), {"C": [0.1, 1]}, cv=2)), ("b", GaussianNB())]
        ),
        "a Pipeline in a search": lambda: search.GridSearchCV(
            Pipeline([("scale", preprocessing.StandardScaler()), ("model", _logistic())]),
            {"scale": [preprocessing.MinMaxScaler(), "passthrough"], "model__C": [0.1, 1]},
            cv=2,
        ),
        "a frozen part in a Pipeline": lambda: make_pipeline(
            FrozenEstimator(preprocessing.StandardScaler().fit(_numbers()[0][:N_ROWS])), _logistic()
        ),
        "a threshold of a calibrated forest": lambda: search.TunedThresholdClassifierCV(
            CalibratedClassifierCV(_forest(), cv=2), cv=2, thresholds=10, scoring="balanced_accuracy"
        ),
    }
    return (
        found
        | {name: Variant("meta-estimators", make) for name, make in more.items()}
        | {
            name: Variant(
                "meta-estimators",
                lambda kind=kind: kind(_logistic()),
                several_labels=True,
                refusal="multi_output",
            )
            for name, kind in (("ClassifierChain", ClassifierChain), ("MultiOutput", MultiOutputClassifier))
        }
    )


_BEFORE: dict[str, Callable[[], Any]] = {
    "AdditiveChi2Sampler": approximation.AdditiveChi2Sampler,
    "BernoulliRBM": lambda: BernoulliRBM(4, n_iter=2, random_state=0),
    "Binarizer": lambda: preprocessing.Binarizer(threshold=0.5),
    "Birch": lambda: cluster.Birch(n_clusters=3, threshold=0.2),
    "BisectingKMeans": lambda: cluster.BisectingKMeans(3, random_state=0),
    "ColumnTransformer": lambda: compose.ColumnTransformer(
        [
            ("a", preprocessing.StandardScaler(), ["f0", "f1"]),
            ("b", preprocessing.KBinsDiscretizer(3), slice(2, 4)),
        ],
        remainder="passthrough",
    ),
    "DictionaryLearning": lambda: decomposition.DictionaryLearning(3, max_iter=3, random_state=0),
    "FactorAnalysis": lambda: decomposition.FactorAnalysis(3, random_state=0),
    "FastICA": lambda: decomposition.FastICA(3, random_state=0, whiten="unit-variance"),
    "FeatureAgglomeration": lambda: cluster.FeatureAgglomeration(3),
    "FeatureUnion": lambda: FeatureUnion([("a", decomposition.PCA(2)), ("b", preprocessing.RobustScaler())]),
    "FunctionTransformer": lambda: preprocessing.FunctionTransformer(
        np.log1p, inverse_func=np.expm1, feature_names_out="one-to-one"
    ),
    "GaussianRandomProjection": lambda: random_projection.GaussianRandomProjection(3, random_state=0),
    "GenericUnivariateSelect": lambda: feature_selection.GenericUnivariateSelect(param=50),
    "IncrementalPCA": lambda: decomposition.IncrementalPCA(3),
    "Isomap": lambda: manifold.Isomap(n_neighbors=10),
    "IterativeImputer": lambda: impute.IterativeImputer(max_iter=2, random_state=0),
    "KBinsDiscretizer": lambda: preprocessing.KBinsDiscretizer(4),
    "KMeans": lambda: cluster.KMeans(3, n_init=1, random_state=0),
    "KNNImputer": impute.KNNImputer,
    "KNeighborsTransformer": neighbors.KNeighborsTransformer,
    "KernelPCA": lambda: decomposition.KernelPCA(3, kernel="rbf"),
    "LatentDirichletAllocation": lambda: decomposition.LatentDirichletAllocation(
        3, max_iter=2, random_state=0
    ),
    "LinearDiscriminantAnalysis": LinearDiscriminantAnalysis,
    "LocallyLinearEmbedding": lambda: manifold.LocallyLinearEmbedding(n_neighbors=10, random_state=0),
    "MaxAbsScaler": preprocessing.MaxAbsScaler,
    "MinMaxScaler": preprocessing.MinMaxScaler,
    "MiniBatchDictionaryLearning": lambda: decomposition.MiniBatchDictionaryLearning(
        3, max_iter=3, random_state=0, transform_algorithm="lasso_cd"
    ),
    "MiniBatchKMeans": lambda: cluster.MiniBatchKMeans(3, n_init=1, random_state=0),
    "MiniBatchNMF": lambda: decomposition.MiniBatchNMF(3, random_state=0, max_iter=5),
    "MiniBatchSparsePCA": lambda: decomposition.MiniBatchSparsePCA(3, max_iter=3, random_state=0),
    "MissingIndicator": lambda: FeatureUnion(
        [("a", impute.MissingIndicator(features="all")), ("b", impute.SimpleImputer(strategy="median"))]
    ),
    "NMF": lambda: decomposition.NMF(3, max_iter=50, random_state=0),
    "NeighborhoodComponentsAnalysis": lambda: neighbors.NeighborhoodComponentsAnalysis(
        3, max_iter=5, random_state=0
    ),
    "Normalizer": preprocessing.Normalizer,
    "Nystroem": lambda: approximation.Nystroem(n_components=10, random_state=0),
    "OneHotEncoder": lambda: preprocessing.OneHotEncoder(
        handle_unknown="infrequent_if_exist", min_frequency=5
    ),
    "OrdinalEncoder": lambda: preprocessing.OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1
    ),
    "PCA": lambda: decomposition.PCA(3),
    "PolynomialCountSketch": lambda: approximation.PolynomialCountSketch(n_components=8, random_state=0),
    "PolynomialFeatures": preprocessing.PolynomialFeatures,
    "PowerTransformer": preprocessing.PowerTransformer,
    "QuantileTransformer": lambda: preprocessing.QuantileTransformer(n_quantiles=20, random_state=0),
    "RBFSampler": lambda: approximation.RBFSampler(n_components=8, random_state=0),
    "RFE": lambda: feature_selection.RFE(_logistic(), n_features_to_select=3),
    "RFECV": lambda: feature_selection.RFECV(_logistic(), cv=2),
    "RadiusNeighborsTransformer": lambda: neighbors.RadiusNeighborsTransformer(radius=0.8),
    "RandomTreesEmbedding": lambda: ensemble.RandomTreesEmbedding(4, max_depth=3, random_state=0),
    "RobustScaler": preprocessing.RobustScaler,
    "SelectFdr": feature_selection.SelectFdr,
    "SelectFpr": feature_selection.SelectFpr,
    "SelectFromModel": lambda: feature_selection.SelectFromModel(linear.Lasso(alpha=0.01)),
    "SelectFwe": feature_selection.SelectFwe,
    "SelectKBest": lambda: feature_selection.SelectKBest(feature_selection.chi2, k=3),
    "SelectPercentile": lambda: feature_selection.SelectPercentile(
        feature_selection.mutual_info_classif, percentile=50
    ),
    "SequentialFeatureSelector": lambda: feature_selection.SequentialFeatureSelector(
        GaussianNB(), n_features_to_select=2, cv=2
    ),
    "SimpleImputer": lambda: impute.SimpleImputer(add_indicator=True),
    "SkewedChi2Sampler": lambda: approximation.SkewedChi2Sampler(n_components=8, random_state=0),
    "SparseCoder": lambda: decomposition.SparseCoder(np.eye(6), transform_algorithm="lasso_lars"),
    "SparsePCA": lambda: decomposition.SparsePCA(3, max_iter=3, random_state=0),
    "SparseRandomProjection": lambda: random_projection.SparseRandomProjection(3, random_state=0),
    "SplineTransformer": preprocessing.SplineTransformer,
    "StackingClassifier": lambda: ensemble.StackingClassifier([("a", GaussianNB())], cv=2),
    "StackingRegressor": lambda: ensemble.StackingRegressor([("a", linear.Ridge())], cv=2),
    "StandardScaler": preprocessing.StandardScaler,
    "TargetEncoder": lambda: preprocessing.TargetEncoder(cv=2, random_state=0),
    "TfidfTransformer": text.TfidfTransformer,
    "TruncatedSVD": lambda: decomposition.TruncatedSVD(3, random_state=0),
    "VarianceThreshold": feature_selection.VarianceThreshold,
    "VotingClassifier": lambda: ensemble.VotingClassifier(
        [("a", GaussianNB()), ("b", _logistic())], voting="soft"
    ),
    "VotingRegressor": lambda: ensemble.VotingRegressor([("a", linear.Ridge()), ("b", KernelRidge())]),
}
_TABLES: dict[str, Table] = {
    "IterativeImputer": _with_gaps,
    "KNNImputer": _with_gaps,
    "MissingIndicator": _with_gaps,
    "OneHotEncoder": _codes,
    "OrdinalEncoder": _codes,
    "SimpleImputer": _with_gaps,
    "TargetEncoder": _codes,
}


def _mixed_columns(*more: tuple[str, Any, Any]) -> Any:
    numbers = [f"f{place}" for place in range(6)]
    return compose.ColumnTransformer(
        [("numbers", preprocessing.StandardScaler(), numbers), *more], remainder="drop"
    )


def _pipelines() -> dict[str, Variant]:
    found = {
        f"{name} before a classifier": Variant(
            "Pipelines",
            lambda make=make: make_pipeline(make(), _logistic()),
            table=_TABLES.get(name, _numbers),
        )
        for name, make in _BEFORE.items()
    }
    more = {
        "one-hot in a ColumnTransformer": Variant(
            "Pipelines",
            lambda: make_pipeline(
                _mixed_columns(("c", preprocessing.OneHotEncoder(drop="first"), ["colour"])), _forest()
            ),
            table=_mixed,
        ),
        "columns by dtype": Variant(
            "Pipelines",
            lambda: make_pipeline(
                compose.make_column_transformer(
                    (preprocessing.StandardScaler(), compose.make_column_selector(dtype_include=np.number)),
                    (preprocessing.OrdinalEncoder(), compose.make_column_selector(pattern="^colour$")),
                ),
                _logistic(),
            ),
            table=_mixed,
        ),
        "log of some columns": Variant(
            "Pipelines",
            lambda: make_pipeline(
                compose.ColumnTransformer(
                    [
                        (
                            "l",
                            preprocessing.FunctionTransformer(np.sqrt, feature_names_out="one-to-one"),
                            ["f0"],
                        )
                    ],
                    remainder=preprocessing.StandardScaler(),
                ),
                _logistic(),
            ),
        ),
        "pooled by the median": Variant(
            "Pipelines",
            lambda: make_pipeline(cluster.FeatureAgglomeration(2, pooling_func=np.median), _logistic()),
        ),
        "boosting of categories": Variant(
            "Pipelines",
            lambda: make_pipeline(
                preprocessing.StandardScaler(),
                ensemble.HistGradientBoostingClassifier(max_iter=3, categorical_features=[0, 1]),
            ).set_params(standardscaler="passthrough"),
            table=_codes,
        ),
        "sparse polynomials": Variant(
            "Pipelines",
            lambda: make_pipeline(
                preprocessing.OneHotEncoder(handle_unknown="ignore"),
                preprocessing.PolynomialFeatures(2, interaction_only=True),
                feature_selection.SelectKBest(feature_selection.chi2, k=20),
                _logistic(),
            ),
            table=_codes,
        ),
        "two angles": Variant(
            "Pipelines",
            lambda: make_pipeline(
                "passthrough", neighbors.KNeighborsClassifier(metric="haversine", algorithm="ball_tree")
            ),
            table=_two_columns,
        ),
    }
    for regressor in (
        linear.BayesianRidge(),
        neighbors.KNeighborsRegressor(),
        ensemble.ExtraTreesRegressor(3),
    ):
        more[f"imputed by {type(regressor).__name__}"] = Variant(
            "Pipelines",
            lambda regressor=regressor: make_pipeline(
                impute.IterativeImputer(clone(regressor), max_iter=2, random_state=0), _logistic()
            ),
            table=_with_gaps,
        )
    return found | more


def _text_models() -> dict[str, Variant]:
    vectorisers: dict[str, Callable[[], Any]] = {
        "CountVectorizer": text.CountVectorizer,
        "HashingVectorizer": lambda: text.HashingVectorizer(n_features=2**10, alternate_sign=False),
        "TfidfVectorizer": lambda: text.TfidfVectorizer(stop_words="english", ngram_range=(1, 2)),
        "TfidfVectorizer chars": lambda: text.TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 3)),
        "CountVectorizer words given": lambda: text.CountVectorizer(vocabulary=_WORDS),
        "CountVectorizer split": lambda: text.CountVectorizer(tokenizer=str.split, token_pattern=None),
        "CountVectorizer and TfidfTransformer": lambda: make_pipeline(
            text.CountVectorizer(), text.TfidfTransformer()
        ),
        "a union of vectorisers": lambda: FeatureUnion(
            [("a", text.CountVectorizer()), ("b", text.TfidfVectorizer(analyzer="char"))]
        ),
    }
    alone = {
        f"{name} alone": Variant(
            "text", lambda make=make: make_pipeline(make(), MultinomialNB()), table=_texts, form="documents"
        )
        for name, make in vectorisers.items()
    }
    beside = {
        f"{name} in a ColumnTransformer": Variant(
            "text",
            lambda make=make: make_pipeline(_mixed_columns(("text", make(), "note")), _logistic()),
            table=_mixed,
        )
        for name, make in vectorisers.items()
    }
    more = {
        "topics": Variant(
            "text",
            lambda: make_pipeline(
                text.CountVectorizer(), decomposition.LatentDirichletAllocation(3, max_iter=2), _logistic()
            ),
            table=_texts,
            form="documents",
        ),
        "latent semantics": Variant(
            "text",
            lambda: make_pipeline(text.TfidfVectorizer(), decomposition.TruncatedSVD(3), _forest()),
            table=_texts,
            form="documents",
        ),
        "a calibrated text model": Variant(
            "text",
            lambda: CalibratedClassifierCV(make_pipeline(text.TfidfVectorizer(), svm.LinearSVC()), cv=2),
            table=_texts,
            form="documents",
        ),
        "a search over text models": Variant(
            "text",
            lambda: search.GridSearchCV(
                make_pipeline(text.TfidfVectorizer(), _logistic()),
                {"tfidfvectorizer__lowercase": [True]},
                cv=2,
            ),
            table=_texts,
            form="documents",
        ),
        "FeatureHasher": Variant(
            "text",
            lambda: make_pipeline(FeatureHasher(32, input_type="string"), _logistic()),
            table=lambda: (_mixed()[0][["colour", "note"]], _mixed()[1]),
            form="array",
        ),
    }
    return alone | beside | more


VARIANTS: dict[str, Variant] = _classifiers() | _wrappers() | _pipelines() | _text_models()


def names_before_a_classifier() -> frozenset[str]:
    """The transformers that some variant has before its classifier."""
    return frozenset(_BEFORE) | {
        "HashingVectorizer",
        "TfidfVectorizer",
        "FeatureHasher",
    }


@cache
def fitted(name: str) -> Fitted:
    """The variant, fitted on the first half of its table."""
    variant = VARIANTS[name]
    frame, y = variant.table()
    members, others = frame[:N_ROWS], frame[N_ROWS:]
    rows: Any = members
    if variant.form == "array":
        rows = members.to_numpy()
    elif variant.form == "documents":
        rows = members.iloc[:, 0].tolist()
    labels: Any = np.c_[y, 1 - y][:N_ROWS] if variant.several_labels else y[:N_ROWS]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the small models have not converged, and the like
        model = variant.make().fit(rows, labels)
    return Fitted(model, members, others.reset_index(drop=True), y[:N_ROWS], y[N_ROWS:])
