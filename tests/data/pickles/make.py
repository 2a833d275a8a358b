"""Makes the old models in this folder; run once by each scikit-learn version, see README.md.

    python make.py FOLDER

writes `FOLDER/<version>.zip` with `<kind>.pkl` or `<kind>.joblib` of every kind, and `probabilities.json`.
It must run on Python 3.8 with scikit-learn 0.24 as well as on today's, so it keeps to what both know.
"""

import json
import pickle
import sys
import tempfile
import warnings
import zipfile
from pathlib import Path

import joblib
import numpy as np
import sklearn
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import BernoulliNB, GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, RadiusNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

VERSION = tuple(int(part) for part in sklearn.__version__.split(".")[:2])
# the kinds that are stored the way joblib stores them, one for each compression that joblib brings
JOBLIB_COMPRESSIONS = {
    "forest_joblib": 0,
    "extra_trees": ("zlib", 3),
    "k_neighbors": ("gzip", 3),
    "svc": ("bz2", 3),
    "mlp": ("xz", 3),
    "hist_gradient_boosting": ("lzma", 3),
}


def data(binary):
    """(90, 4) rows of iris and (90,) classes of them: few, so that the files stay small."""
    x, y = load_iris(return_X_y=True)
    x, y = x[::5], y[::5]
    x = np.vstack([x, x[:, ::-1] / 2 + 1, x + 0.35])
    y = np.concatenate([y, (y + 1) % 3, y])
    return (x, (y == 1).astype(int)) if binary else (x, y)


def hist_gradient_boosting():
    """The class, behind the import that it needed before 1.0."""
    if VERSION < (1, 0):
        from sklearn.experimental import enable_hist_gradient_boosting  # noqa: F401 (its import is its effect)
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier


def kinds():
    """Name of a kind to (unfitted model, whether it is fitted on two classes only)."""
    tree = DecisionTreeClassifier(max_depth=3, random_state=0)
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), [0, 1]),
            ("bins", KBinsDiscretizer(n_bins=3, encode="onehot-dense", strategy="uniform"), [2]),
            ("categories", OneHotEncoder(handle_unknown="ignore"), [3]),
        ]
    )
    found = {
        "tree": (DecisionTreeClassifier(max_depth=4, random_state=0), False),
        "forest": (RandomForestClassifier(4, max_depth=4, random_state=0), False),
        "forest_joblib": (RandomForestClassifier(3, max_depth=3, random_state=0), False),
        "ada_boost": (AdaBoostClassifier(n_estimators=3, random_state=0), False),
        "ada_boost_binary": (AdaBoostClassifier(n_estimators=3, random_state=0), True),
        "gradient_boosting": (GradientBoostingClassifier(n_estimators=2, max_depth=2, random_state=0), False),
        "gradient_boosting_binary": (
            GradientBoostingClassifier(n_estimators=2, max_depth=2, random_state=0),
            True,
        ),
        "gradient_boosting_exponential": (
            GradientBoostingClassifier(loss="exponential", n_estimators=3, max_depth=2, random_state=0),
            True,
        ),
        "hist_gradient_boosting": (
            hist_gradient_boosting()(max_iter=2, max_leaf_nodes=4, min_samples_leaf=5, random_state=0),
            False,
        ),
        "hist_gradient_boosting_binary": (
            hist_gradient_boosting()(max_iter=2, max_leaf_nodes=4, min_samples_leaf=5, random_state=0),
            True,
        ),
        "extra_trees": (ExtraTreesClassifier(3, max_depth=4, random_state=0), False),
        "bagging": (BaggingClassifier(n_estimators=2, random_state=np.random.RandomState(0)), False),
        "voting": (
            VotingClassifier([("tree", tree), ("logistic", LogisticRegression(max_iter=500))], voting="soft"),
            False,
        ),
        "stacking": (StackingClassifier([("tree", tree), ("bayes", GaussianNB())], cv=2), False),
        "logistic": (LogisticRegression(max_iter=500), False),
        "logistic_binary": (LogisticRegression(max_iter=500), True),
        "logistic_cv": (LogisticRegressionCV(Cs=2, cv=2, max_iter=500), False),
        "sgd": (SGDClassifier(loss="modified_huber", random_state=0), False),
        "k_neighbors": (KNeighborsClassifier(algorithm="kd_tree"), False),
        "k_neighbors_ball": (KNeighborsClassifier(algorithm="ball_tree", metric="manhattan"), False),
        "radius_neighbors": (RadiusNeighborsClassifier(radius=3.0, algorithm="brute"), False),
        "svc": (SVC(probability=True, random_state=0), False),
        "svc_binary": (SVC(probability=True, random_state=0), True),
        "mlp": (MLPClassifier((5,), max_iter=30, random_state=0), False),
        "mlp_binary": (MLPClassifier((5,), max_iter=30, early_stopping=True, random_state=0), True),
        "gaussian_bayes": (GaussianNB(), False),
        "multinomial_bayes": (MultinomialNB(), False),
        "bernoulli_bayes": (BernoulliNB(binarize=2.0), False),
        "linear_discriminant": (LinearDiscriminantAnalysis(), False),
        "quadratic_discriminant": (QuadraticDiscriminantAnalysis(reg_param=0.1), False),
        "calibrated": (CalibratedClassifierCV(GaussianNB(), cv=2), False),
        "calibrated_isotonic": (CalibratedClassifierCV(GaussianNB(), cv=2, method="isotonic"), False),
        "pipeline": (
            make_pipeline(StandardScaler(), RandomForestClassifier(2, max_depth=3, random_state=0)),
            False,
        ),
        "columns": (make_pipeline(columns, DecisionTreeClassifier(max_depth=3, random_state=0)), False),
        "search": (GridSearchCV(tree, {"max_depth": [2, 3]}, cv=2), False),
    }
    if VERSION < (1, 8):
        # one binary model per class, as `liblinear` always and the parameter `multi_class` on demand gave
        found["logistic_liblinear"] = (LogisticRegression(solver="liblinear", C=0.5), False)
        found["logistic_one_vs_rest"] = (LogisticRegression(multi_class="ovr", max_iter=500), False)
        found["logistic_multinomial_binary"] = (
            LogisticRegression(multi_class="multinomial", max_iter=500),
            True,
        )
    if VERSION >= (1, 3):
        # before, its compiled stages mixed up rows and classes when the first guess came in Fortran order
        found["gradient_boosting_init"] = (
            GradientBoostingClassifier(init=GaussianNB(), n_estimators=2, max_depth=2, random_state=0),
            False,
        )
    if VERSION < (1, 6):
        found["ada_boost_discrete"] = (
            AdaBoostClassifier(n_estimators=3, algorithm="SAMME", random_state=0),
            False,
        )
    return found


def write(folder):
    """Fit and store every kind; return the probabilities of its own version, by file."""
    expected = {}
    for name, (model, binary) in kinds().items():
        x, y = data(binary)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(x, y)
            probabilities = model.predict_proba(x[::5])
        if name in JOBLIB_COMPRESSIONS:
            file = name + ".joblib"
            joblib.dump(model, str(folder / file), compress=JOBLIB_COMPRESSIONS[name])
        else:
            file = name + ".pkl"
            (folder / file).write_bytes(pickle.dumps(model, protocol=4))
        expected[file] = {"binary": binary, "probabilities": np.round(probabilities, 12).tolist()}
    return expected


def main(folder):
    """Put this version's models and their probabilities into one archive."""
    with tempfile.TemporaryDirectory() as temporary:
        models = Path(temporary)
        expected = write(models)
        (models / "probabilities.json").write_text(json.dumps(expected))
        archive = Path(folder) / (sklearn.__version__ + ".zip")
        with zipfile.ZipFile(str(archive), "w", zipfile.ZIP_DEFLATED) as target:
            for file in sorted(models.iterdir()):
                target.write(str(file), file.name)


if __name__ == "__main__":
    main(sys.argv[1])
