"""A frozen part costs the reference models only where it learned from labels, and the report tells of it."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from cases import CASES, audited
from pools import inputs_of, records
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier, StackingClassifier
from sklearn.feature_selection import SelectFromModel, SelectKBest, SelectorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import BayesianRidge, LinearRegression
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV, TunedThresholdClassifierCV
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.preprocessing import StandardScaler, TargetEncoder
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import all_estimators
from sklearn.utils.validation import check_is_fitted

from leakgauge.attacks.row import Unsuited
from leakgauge.membership.frozen_parts import frozen_in, that_learned_from_labels
from leakgauge.membership.reference_models import Plan, ReferenceModels
from leakgauge.membership.training_sets import TrainingData
from leakgauge.progress import Silent
from leakgauge.report.model import MembershipMeasured

X, Y = records(90, seed=0)
POSITIVE = np.abs(X)

QUICK = {"random_state": 0, "max_iter": 5, "cv": 2}
NOT_OF_TABLES = {
    "ColumnTransformer": "holds others",
    "FeatureUnion": "holds others",
    "Pipeline": "holds others",
    "SparseCoder": "learns nothing",
    "PatchExtractor": "of images",
    "DictVectorizer": "of dictionaries",
    "FeatureHasher": "of dictionaries",
    "HashingVectorizer": "of text",
    "CountVectorizer": "of text",
    "TfidfVectorizer": "of text",
    "LabelEncoder": "of labels",
    "LabelBinarizer": "of labels",
    "MultiLabelBinarizer": "of labels",
    "KernelCenterer": "of kernels",
    "TSNE": "transforms no other records",
    "IsotonicRegression": "of one column",
}
TAKES = {
    "CCA": (1,),
    "PLSCanonical": (1,),
    "PLSRegression": (1,),
    "PLSSVD": (1,),
    "GaussianRandomProjection": (3,),
    "SparseRandomProjection": (3,),
    "RFE": (DecisionTreeClassifier(max_depth=2, random_state=0),),
    "RFECV": (DecisionTreeClassifier(max_depth=2, random_state=0),),
    "SelectFromModel": (DecisionTreeClassifier(max_depth=2, random_state=0),),
    "SequentialFeatureSelector": (DecisionTreeClassifier(max_depth=2, random_state=0),),
    "StackingClassifier": ([("one", DecisionTreeClassifier(max_depth=2))],),
    "StackingRegressor": ([("one", LinearRegression())],),
    "VotingClassifier": ([("one", DecisionTreeClassifier(max_depth=2))],),
    "VotingRegressor": ([("one", LinearRegression())],),
}
TRANSFORMERS = {name: kind for name, kind in all_estimators("transformer") if name not in NOT_OF_TABLES}


def transformed(transformer, y):
    blank = clone(transformer)
    settings = blank.get_params()
    blank.set_params(
        **{name: value for name, value in QUICK.items() if settings.get(name, QUICK) is not QUICK}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = blank.fit(POSITIVE, y)
        answer = fitted.transform(POSITIVE)
    return fitted, np.asarray(answer.todense() if hasattr(answer, "todense") else answer, dtype=float)


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_what_learns_from_labels_is_known_of_every_transformer(name: str) -> None:
    """Fitted on the same rows with other labels, it transforms alike exactly if it reads none."""
    transformer = TRANSFORMERS[name](*TAKES.get(name, ()))
    fitted, answer = transformed(transformer, Y)
    _, other = transformed(transformer, np.roll(Y, 7) * (1 - np.arange(len(Y)) % 2))
    differs = answer.shape != other.shape or not np.allclose(answer, other, equal_nan=True)
    found = that_learned_from_labels([FrozenEstimator(fitted)])
    if differs:
        assert found is not None
    elif name == "VarianceThreshold" or not isinstance(fitted, SelectorMixin):
        # other selectors may choose the same columns for other labels
        assert found is None


def frozen(part, *, y=Y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return FrozenEstimator(part.fit(X, y))


def scaler():
    return frozen(StandardScaler())


TREE = DecisionTreeClassifier(random_state=0)

KEPT = {
    "scaler": lambda: make_pipeline(scaler(), TREE),
    "two": lambda: make_pipeline(make_union(scaler(), frozen(PCA(3))), TREE),
    "a Pipeline": lambda: make_pipeline(frozen(make_pipeline(StandardScaler(), PCA(3))), TREE),
    "one in another": lambda: make_pipeline(FrozenEstimator(scaler()), TREE),
    "columns": lambda: make_pipeline(
        make_column_transformer((scaler(), list(range(X.shape[1]))), remainder="drop"), TREE
    ),
    "inside a calibration": lambda: CalibratedClassifierCV(make_pipeline(scaler(), TREE), cv=2),
    "a learned imputer": lambda: make_pipeline(_imputer(), TREE),
}

COSTS = {
    "a classifier": (lambda: CalibratedClassifierCV(frozen(TREE), cv=2), "DecisionTreeClassifier"),
    "a threshold": (lambda: FixedThresholdClassifier(frozen(TREE, y=Y > 0)), "DecisionTreeClassifier"),
    "the whole": (lambda: frozen(make_pipeline(StandardScaler(), TREE)), "Pipeline.*DecisionTreeClassifier."),
    "a selection": (lambda: make_pipeline(frozen(SelectKBest(k=3)), TREE), "SelectKBest"),
    "both": (
        lambda: make_pipeline(frozen(make_pipeline(StandardScaler(), SelectKBest(k=3))), TREE),
        "SelectKBest",
    ),
    "both, apart": (lambda: make_pipeline(scaler(), frozen(SelectKBest(k="all")), TREE), "SelectKBest"),
    "one in another": (
        lambda: make_pipeline(FrozenEstimator(make_pipeline(frozen(SelectKBest(k=3)))), TREE),
        "SelectKBest",
    ),
    "a projection": (
        lambda: make_pipeline(frozen(LinearDiscriminantAnalysis()), TREE),
        "LinearDiscriminantAnalysis",
    ),
    "an encoder": (lambda: make_pipeline(frozen(TargetEncoder(cv=2)), TREE), "TargetEncoder"),
    "a selector's model": (lambda: make_pipeline(frozen(SelectFromModel(TREE)), TREE), "SelectFromModel"),
    "a search": (
        lambda: make_pipeline(frozen(GridSearchCV(_chooses_by_labels(), {"0__k": [2, 3]}, cv=2)), TREE),
        "GridSearchCV",
    ),
}


def _chooses_by_labels():
    return Pipeline([("0", SelectKBest()), ("1", PCA(2))])


def _imputer():
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401 -- opens the next import
    from sklearn.impute import IterativeImputer

    return frozen(IterativeImputer(BayesianRidge(), random_state=0))


@pytest.mark.parametrize("name", KEPT)
def test_what_learned_from_features_is_kept_and_told(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = KEPT[name]().fit(X, Y)
    inputs = inputs_of(model, (X[:45], Y[:45]), (X[45:], Y[45:]))
    kept = [pickle.dumps(part.estimator) for part in frozen_in(model)]
    trained = ReferenceModels(
        Plan(model, inputs.target.classes, models=2, seed=0), TrainingData.of(inputs.pool)
    )
    answers = trained(Silent())
    assert answers.p_y[answers.trained_on].mean() > answers.p_y[~answers.trained_on].mean()
    (notice,) = trained.notices
    assert notice.code == "frozen_part"
    assert "features" in notice.message
    assert kept == [pickle.dumps(part.estimator) for part in frozen_in(model)]


@pytest.mark.parametrize("name", COSTS)
def test_what_learned_from_labels_cannot_be_kept(name: str) -> None:
    make, named = COSTS[name]
    y = (Y > 0).astype(int) if name == "a threshold" else Y
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = make().fit(X, y)
    inputs = inputs_of(model, (X[:45], y[:45]), (X[45:], y[45:]))
    trained = ReferenceModels(
        Plan(model, inputs.target.classes, models=2, seed=0), TrainingData.of(inputs.pool)
    )
    with pytest.raises(Unsuited, match=f"a {named}, is frozen and learned from labels"):
        trained(Silent())
    assert trained.notices == ()


@pytest.mark.parametrize(
    "make",
    [
        lambda: StackingClassifier([("one", clone(TREE).fit(X, Y))], cv="prefit"),
        lambda: make_pipeline(SelectFromModel(clone(TREE).fit(X, Y), prefit=True), TREE),
        lambda: TunedThresholdClassifierCV(clone(TREE).fit(X, Y > 0), cv="prefit", refit=False),
    ],
    ids=["stacking", "selection", "threshold"],
)
def test_models_fitted_before_are_not_trained_again(make) -> None:
    model = make()
    y = (Y > 0) if isinstance(model, TunedThresholdClassifierCV) else Y
    model.fit(X, y)
    inputs = inputs_of(model, (X[:45], y[:45]), (X[45:], y[45:]))
    trained = ReferenceModels(
        Plan(model, inputs.target.classes, models=2, seed=0), TrainingData.of(inputs.pool)
    )
    with pytest.raises(Unsuited, match="fitted before"):
        trained(Silent())


def test_a_bundle_with_a_frozen_scaler_is_compared_with_reference_models() -> None:
    report = audited(CASES / "models" / "Frozen_in_pipe.zip")
    outcomes = {attack.name: attack for attack in report.attacks}
    assert isinstance(outcomes["rmia"], MembershipMeasured)
    assert isinstance(outcomes["lira"], MembershipMeasured)
    assert "frozen_part" in [notice.code for notice in report.warnings]


def test_a_frozen_scaler_does_not_change_what_is_found() -> None:
    """The frozen scaler is the target's own; beside one trained again the scores hardly differ."""
    members, others = records(300, seed=1), records(300, seed=2)
    found = []
    for first in (StandardScaler(), FrozenEstimator(StandardScaler().fit(members[0]))):
        model = make_pipeline(first, RandomForestClassifier(20, random_state=0)).fit(*members)
        inputs = inputs_of(model, members, others)
        plan = Plan(model, inputs.target.classes, models=4, seed=0)
        found.append(ReferenceModels(plan, TrainingData.of(inputs.pool))(Silent()).p_y)
    assert np.abs(found[0] - found[1]).mean() < 0.02


def test_copies_share_what_is_frozen_and_not_the_wrapper(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pipelines write on their steps while they fit, and several are fitted at once."""
    model = make_pipeline(make_union(scaler(), frozen(PCA(3))), TREE).fit(X, Y)
    seen = []
    fit = Pipeline.fit

    def spy(self, *args, **more):
        seen.append(frozen_in(self))
        return fit(self, *args, **more)

    monkeypatch.setattr(Pipeline, "fit", spy)
    inputs = inputs_of(model, (X[:45], Y[:45]), (X[45:], Y[45:]))
    plan = Plan(model, inputs.target.classes, models=4, seed=0)
    ReferenceModels(plan, TrainingData.of(inputs.pool))(Silent())
    assert len(seen) == 4
    assert len({id(part) for parts in seen for part in parts}) == 8
    assert {id(part.estimator) for parts in seen for part in parts} == {
        id(part.estimator) for part in frozen_in(model)
    }


def test_the_frozen_parts_of_a_model_are_each_found_once() -> None:
    part = scaler()
    assert frozen_in(make_pipeline(part, TREE)) == (part,)
    assert frozen_in(part) == (part,)
    assert frozen_in(TREE) == ()
    check_is_fitted(part.estimator)
    assert pd.Series(part.transform(X)[:, 0]).std() == pytest.approx(1.0, rel=0.01)
