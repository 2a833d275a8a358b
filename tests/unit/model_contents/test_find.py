"""Training data inside compositions, behind steps, in odd forms, and in files that hold other rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import BisectingKMeans, KMeans
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    BaggingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import RFE
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from leakgauge.model_contents.find import TrainingTable, contents_of
from leakgauge.model_contents.in_memory import contents_of_estimator
from leakgauge.progress import Silent

N = 120
RANDOM = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "age": RANDOM.integers(18, 90, N),
        "income": RANDOM.normal(3e4, 1e4, N).round(2),
        "colour": RANDOM.choice(["red", "green", "blue"], N),
        "name": [f"person {place}" for place in range(N)],
    }
)
NUMBERS = FRAME[["age", "income"]]
Y = (FRAME["income"] + RANDOM.normal(0, 5e3, N) > 3e4).astype(int).to_numpy()
TABLE, OF_NUMBERS = TrainingTable(FRAME, Y), TrainingTable(NUMBERS, Y)


def prepared() -> ColumnTransformer:
    return make_column_transformer(
        (StandardScaler(), ["age", "income"]),
        (OneHotEncoder(handle_unknown="ignore"), ["colour", "name"]),
    )


def fields_of(contents: Any) -> dict[str, Any]:
    return {f"{field.estimator}.{field.attribute}": field for field in contents.fields}


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(prepared(), KNeighborsClassifier()),
        make_pipeline(prepared(), PCA(3), KNeighborsClassifier()),
        make_pipeline(FeatureUnion([("a", prepared()), ("b", prepared())]), KNeighborsClassifier()),
        CalibratedClassifierCV(make_pipeline(prepared(), KNeighborsClassifier()), cv=5),
        GridSearchCV(
            Pipeline([("a", prepared()), ("b", KNeighborsClassifier())]), {"b__n_neighbors": [2, 3]}
        ),
        VotingClassifier([("a", make_pipeline(prepared(), KNeighborsClassifier()))]),
        make_pipeline(make_pipeline(prepared()), VotingClassifier([("a", KNeighborsClassifier())])),
    ],
    ids=["pipeline", "components", "union", "calibrated", "search", "vote", "nested"],
)
def test_transformed_rows_are_found_as_the_steps_before_give_them(model):
    contents = contents_of(model.fit(FRAME, Y), TABLE)
    assert contents.sentence == (
        f"This file contains all {N} training records, whole, as the steps before transform them."
    )
    rows = fields_of(contents)["KNeighborsClassifier._fit_X"]
    assert (rows.found, rows.of, rows.as_given) == (N, N, False)


def test_copies_of_a_calibrated_model_are_one_field():
    model = CalibratedClassifierCV(KNeighborsClassifier(), cv=5).fit(NUMBERS, Y)
    rows = fields_of(contents_of(model, OF_NUMBERS))["KNeighborsClassifier._fit_X"]
    assert (rows.copies, rows.size, rows.found, rows.in_order) == (5, 96, N, True)
    assert rows.path == "calibrated_classifiers_[].estimator"


@pytest.mark.parametrize("algorithm", ["brute", "kd_tree", "ball_tree"])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_neighbours_in_whatever_numbers(algorithm, kind):
    rows = NUMBERS.to_numpy().astype(kind)
    contents = contents_of(KNeighborsClassifier(algorithm=algorithm).fit(rows, Y), OF_NUMBERS)
    assert all(field.found == N for field in contents.fields)
    assert contents.records == N


def test_sparse_rows():
    rows = sparse.random_array((N, 40), density=0.1, rng=np.random.default_rng(1), format="csr")
    contents = contents_of(KNeighborsClassifier().fit(rows, Y), TrainingTable(rows, Y))
    assert contents.records == N
    assert contents_of(SVC().fit(rows, Y), TrainingTable(rows, Y)).records > 0
    dense = contents_of(KNeighborsClassifier().fit(rows, Y), TrainingTable(rows.toarray(), Y))
    assert dense.records == N


def test_missing_values_are_equal():
    from sklearn.impute import KNNImputer

    rows = NUMBERS.astype(float).mask(RANDOM.random((N, 2)) < 0.2)
    assert contents_of(KNNImputer().fit(rows), TrainingTable(rows)).records >= 0.9 * N


def test_columns_of_records_are_no_whole_records():
    model = BaggingClassifier(KNeighborsClassifier(), max_features=0.5, random_state=0).fit(NUMBERS, Y)
    contents = contents_of(model, OF_NUMBERS)
    assert contents.records == 0
    assert not fields_of(contents)["KNeighborsClassifier._fit_X"].all_columns
    assert "some columns of" in contents.sentence
    chosen = RFE(LogisticRegression(), n_features_to_select=1).fit(StandardScaler().fit_transform(NUMBERS), Y)
    assert contents_of(chosen, OF_NUMBERS).records == 0


def test_rows_beside_other_columns():
    model = StackingClassifier(
        [("a", LogisticRegression(max_iter=500))], KNeighborsClassifier(), passthrough=True
    )
    assert contents_of(model.fit(NUMBERS, Y), OF_NUMBERS).records == N


@pytest.mark.parametrize("kind", [KMeans, BisectingKMeans])
def test_a_centre_of_one_record_is_that_record(kind):
    rows = np.vstack([RANDOM.normal(size=(40, 3)), [[90.0, 91.0, 92.0]]])
    model = kind(2, random_state=0).fit(rows)
    contents = contents_of(model, TrainingTable(rows))
    assert [(field.attribute, contents.records) for field in contents.fields] == [("cluster_centers_", 1)]
    assert [field.attribute for field in contents_of(model, None).fields] == ["cluster_centers_"]


@pytest.mark.parametrize("kind", [KMeans, BisectingKMeans])
def test_centres_of_many_records_are_none(kind):
    model = kind(2, random_state=0).fit(RANDOM.normal(size=(40, 3)))
    assert not contents_of(model, None).fields


def test_class_weights_give_every_label_in_order():
    forest = RandomForestClassifier(3, class_weight="balanced").fit(NUMBERS, Y)
    labels = fields_of(contents_of(forest, OF_NUMBERS))["RandomForestClassifier._sample_weight"]
    assert (labels.holds, labels.found, labels.in_order, labels.answers_need_it) == ("labels", N, True, False)
    assert "labels in the order of the table" in contents_of(forest, None).sentence
    plain = RandomForestClassifier(3).fit(NUMBERS, Y, sample_weight=RANDOM.random(N))
    assert contents_of(plain, None).fields == ()


def test_targets_also_where_they_are_scaled():
    targets = FRAME["income"].to_numpy()
    rows = NUMBERS.to_numpy() / [50.0, 1e4]
    model = GaussianProcessRegressor(RBF(0.1), normalize_y=True).fit(rows, targets)
    found = fields_of(contents_of(model, TrainingTable(rows, targets)))
    assert found["GaussianProcessRegressor.y_train_"].in_order
    wrapped = TransformedTargetRegressor(KNeighborsRegressor(), func=np.log, inverse_func=np.exp)
    assert contents_of(wrapped.fit(rows, np.abs(targets)), TrainingTable(rows, targets)).records == N


def test_words_and_identifiers():
    documents = np.array([f"hello this is person{place}" for place in range(N)], dtype=object)
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(documents, Y)
    words = fields_of(contents_of(model, TrainingTable(documents, Y)))["TfidfVectorizer.vocabulary_"]
    assert (words.holds, words.found, words.of, words.single) == ("tokens", N + 3, N + 3, N)
    names = fields_of(contents_of(make_pipeline(prepared(), LogisticRegression()).fit(FRAME, Y), TABLE))
    assert names["OneHotEncoder.categories_"].single == N


def test_histograms_of_boosting_hold_values():
    rows = RANDOM.normal(size=(400, 2)).round(6)
    model = HistGradientBoostingClassifier(max_iter=2).fit(rows, rows[:, 0] > 0)
    contents = contents_of(model, TrainingTable(rows))
    bins = fields_of(contents)["_BinMapper.bin_thresholds_"]
    assert bins.found > 0
    assert not bins.answers_need_it


# --- chance ---------------------------------------------------------------------------------------

BITS = RANDOM.integers(0, 2, (2 * N, 3)).astype(float)


def test_equal_rows_of_few_values_are_no_records_of_another_table():
    model = KNeighborsClassifier().fit(BITS[:N], Y)
    other = contents_of(model, TrainingTable(BITS[N:]))
    assert other.records == 0
    assert fields_of(other)["KNeighborsClassifier._fit_X"].common == N
    assert "chance" in other.sentence
    own = contents_of(model, TrainingTable(BITS[:N]))
    assert own.records == N
    both = contents_of(model, TrainingTable(BITS))
    assert both.records == N


def test_a_table_in_another_order_is_found_by_its_rare_rows():
    model = KNeighborsClassifier().fit(NUMBERS, Y)
    shuffled = NUMBERS.sample(frac=1.0, random_state=0)
    contents = contents_of(model, TrainingTable(shuffled))
    assert contents.records == N
    assert not fields_of(contents)["KNeighborsClassifier._fit_X"].in_order


def test_a_copy_of_a_column_makes_no_row_rarer():
    wide = np.repeat(BITS[:, :1], 30, axis=1)
    model = KNeighborsClassifier().fit(wide[:N], Y)
    assert contents_of(model, TrainingTable(wide[N:])).records == 0


def test_support_vectors_of_few_values_are_counted_once():
    model = SVC().fit(BITS[:N], Y)
    vectors = fields_of(contents_of(model, TrainingTable(BITS[:N])))["SVC.support_vectors_"]
    assert vectors.found == len(model.support_)
    assert vectors.common == N - len(model.support_)


def test_rows_that_nearly_agree_do_not_count():
    rows = RANDOM.normal(size=(N, 4)) + 1.7e9
    model = KNeighborsClassifier().fit(rows, Y)
    assert contents_of(model, TrainingTable(rows)).records == N
    assert contents_of(model, TrainingTable(rows + 1e-6)).records == 0


# --- values, and what cannot be read --------------------------------------------------------------


def test_values_are_shown_where_they_were_asked_for_alone():
    model = make_pipeline(prepared(), LogisticRegression()).fit(FRAME, Y)
    quiet = contents_of(model, TABLE)
    assert all(field.examples == () for field in quiet.fields)
    assert "person" not in repr(quiet)
    shown = fields_of(contents_of(model, TABLE, include_values=True))
    assert all(one.startswith("person ") for one in shown["OneHotEncoder.categories_"].examples)
    rows = contents_of(KNeighborsClassifier().fit(NUMBERS, Y), OF_NUMBERS, include_values=True).fields[0]
    assert rows.examples[0] == f"{FRAME.age[0]}.0, {FRAME.income[0]}"


def test_rows_that_cannot_be_followed_are_listed():
    model = make_pipeline(StandardScaler(), KNeighborsClassifier()).fit(NUMBERS, Y)
    contents = contents_of(model, TrainingTable(NUMBERS.assign(more=1.0), Y))
    rows = fields_of(contents)["KNeighborsClassifier._fit_X"]
    assert (rows.size, rows.found) == (N, None)
    assert f"contains {N} records, whole; they could not be compared" in contents.sentence
    chosen = KNeighborsClassifier().fit(NUMBERS, Y)
    assert "could not be compared" in contents_of(chosen, TrainingTable(NUMBERS.assign(more=1.0))).sentence


def test_a_model_with_itself_inside_ends():
    model = VotingClassifier([("a", KNeighborsClassifier())]).fit(NUMBERS, Y)
    model.estimators_.append(model)
    model.more = {"deep": model.estimators_}
    assert contents_of(model, OF_NUMBERS).records == N


def test_kernel_values_are_no_records():
    kernel = KernelRidge(kernel="precomputed").fit(np.eye(N), Y)
    assert contents_of(kernel, None).fields == ()


def test_labels_must_fit_the_rows():
    model = KNeighborsClassifier().fit(NUMBERS, Y)
    with pytest.raises(Exception, match="120 rows and 119 labels"):
        contents_of_estimator(model, NUMBERS, Y[1:], Silent(), include_values=False)
    with pytest.raises(Exception, match="no list says what it keeps"):
        contents_of_estimator(len, NUMBERS, Y, Silent(), include_values=False)
