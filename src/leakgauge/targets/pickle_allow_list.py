"""What a pickled model may ask for: exact (module, name) pairs, sorted by what may be done with each.

A pickle is a program. The only part of it that reaches outside its own lists
and numbers is a *global*, a (module, name) pair, so the list of globals is the
list of everything a model file can touch. Three rules keep it tight:

- pairs are exact. `sklearn.datasets._base` imports `os`, so a rule for a whole
  module, or a name with a dot in it, hands out `os.system`;
- a pair is allowed *for one use*. `CLASSES` may be made empty and given their
  attributes, `VALUES` may be stored and nothing else, and the few things that a
  pickle really calls stand in `pickle_construction` as functions of our own;
- nothing may hold or run a function of the sender's: no callable is on the list
  but scikit-learn's own, and those named in `CONDITIONAL` are allowed only in
  the one form in which scikit-learn itself writes them.

`INERT` names what no prediction uses (losses, optimisers, scorers, folds'
random generators): whatever the file asks of them gives an empty object.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

Pair: TypeAlias = tuple[str, str]


def _pairs(table: Mapping[str, str]) -> frozenset[Pair]:
    return frozenset((module, name) for module, names in table.items() for name in names.split())


CLASSES = _pairs(
    {
        # trees and ensembles
        "sklearn.tree._classes": (
            "DecisionTreeClassifier DecisionTreeRegressor ExtraTreeClassifier ExtraTreeRegressor"
        ),
        "sklearn.ensemble._forest": (
            "RandomForestClassifier RandomForestRegressor ExtraTreesClassifier ExtraTreesRegressor"
        ),
        "sklearn.ensemble._bagging": "BaggingClassifier BaggingRegressor",
        "sklearn.ensemble._gb": "GradientBoostingClassifier GradientBoostingRegressor",
        "sklearn.ensemble._hist_gradient_boosting.binning": "_BinMapper",
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting": (
            "HistGradientBoostingClassifier HistGradientBoostingRegressor"
        ),
        "sklearn.ensemble._hist_gradient_boosting.predictor": "TreePredictor",
        "sklearn.ensemble._stacking": "StackingClassifier StackingRegressor",
        "sklearn.ensemble._voting": "VotingClassifier VotingRegressor",
        "sklearn.ensemble._weight_boosting": "AdaBoostClassifier AdaBoostRegressor",
        # linear models and support vectors
        "sklearn.linear_model._base": "LinearRegression",
        "sklearn.linear_model._coordinate_descent": "ElasticNet Lasso",
        "sklearn.linear_model._logistic": "LogisticRegression LogisticRegressionCV",
        "sklearn.linear_model._perceptron": "Perceptron",
        "sklearn.linear_model._ridge": "Ridge RidgeClassifier RidgeClassifierCV",
        "sklearn.linear_model._stochastic_gradient": "SGDClassifier SGDRegressor",
        "sklearn.svm._classes": "LinearSVC LinearSVR NuSVC NuSVR SVC SVR",
        # neighbours, networks, probabilistic models
        "sklearn.discriminant_analysis": "LinearDiscriminantAnalysis QuadraticDiscriminantAnalysis",
        "sklearn.gaussian_process._gpc": "GaussianProcessClassifier _BinaryGaussianProcessClassifierLaplace",
        "sklearn.gaussian_process.kernels": (
            "CompoundKernel ConstantKernel DotProduct ExpSineSquared Exponentiation Matern "
            "Product RBF RationalQuadratic Sum WhiteKernel"
        ),
        "sklearn.naive_bayes": "BernoulliNB CategoricalNB ComplementNB GaussianNB MultinomialNB",
        "sklearn.neighbors._classification": "KNeighborsClassifier RadiusNeighborsClassifier",
        "sklearn.neighbors._nearest_centroid": "NearestCentroid",
        "sklearn.neighbors._regression": "KNeighborsRegressor",
        "sklearn.neural_network._multilayer_perceptron": "MLPClassifier MLPRegressor",
        # wrappers
        "sklearn.calibration": "CalibratedClassifierCV _CalibratedClassifier _SigmoidCalibration",
        "sklearn.compose._column_transformer": "ColumnTransformer make_column_selector",
        "sklearn.dummy": "DummyClassifier DummyRegressor",
        "sklearn.frozen._frozen": "FrozenEstimator",
        "sklearn.isotonic": "IsotonicRegression",
        "sklearn.model_selection._classification_threshold": (
            "FixedThresholdClassifier TunedThresholdClassifierCV"
        ),
        "sklearn.model_selection._search": "GridSearchCV RandomizedSearchCV",
        "sklearn.model_selection._search_successive_halving": "HalvingGridSearchCV HalvingRandomSearchCV",
        "sklearn.model_selection._split": (
            "GroupKFold KFold LeaveOneOut PredefinedSplit RepeatedKFold RepeatedStratifiedKFold "
            "ShuffleSplit StratifiedGroupKFold StratifiedKFold StratifiedShuffleSplit TimeSeriesSplit"
        ),
        "sklearn.multiclass": (
            "OneVsOneClassifier OneVsRestClassifier OutputCodeClassifier _ConstantPredictor"
        ),
        "sklearn.pipeline": "FeatureUnion Pipeline",
        "sklearn.utils._bunch": "Bunch",
        # preparation of the input
        "sklearn.decomposition._incremental_pca": "IncrementalPCA",
        "sklearn.decomposition._pca": "PCA",
        "sklearn.decomposition._truncated_svd": "TruncatedSVD",
        "sklearn.feature_selection._from_model": "SelectFromModel",
        "sklearn.feature_selection._rfe": "RFE RFECV",
        "sklearn.feature_selection._univariate_selection": (
            "GenericUnivariateSelect SelectFdr SelectFpr SelectFwe SelectKBest SelectPercentile"
        ),
        "sklearn.feature_selection._variance_threshold": "VarianceThreshold",
        "sklearn.impute._base": "MissingIndicator SimpleImputer",
        "sklearn.impute._knn": "KNNImputer",
        "sklearn.preprocessing._data": (
            "Binarizer MaxAbsScaler MinMaxScaler Normalizer PowerTransformer QuantileTransformer "
            "RobustScaler StandardScaler"
        ),
        "sklearn.preprocessing._discretization": "KBinsDiscretizer",
        "sklearn.preprocessing._encoders": "OneHotEncoder OrdinalEncoder",
        "sklearn.preprocessing._function_transformer": "FunctionTransformer",
        "sklearn.preprocessing._label": "LabelBinarizer LabelEncoder MultiLabelBinarizer",
        "sklearn.preprocessing._polynomial": "PolynomialFeatures SplineTransformer",
        "sklearn.preprocessing._target_encoder": "TargetEncoder",
        # containers and plain data that models keep
        "collections": "OrderedDict",
        "scipy.interpolate._bsplines": "BSpline",
        "scipy.sparse._csr": "csr_array csr_matrix",
        "scipy.sparse._csc": "csc_array csc_matrix",
    }
)
"""Made with `cls.__new__(cls)` and filled with attributes; never called."""

VALUES = _pairs(
    {
        "builtins": "bool dict float int list object str tuple",
        "numpy": (
            "bool bool_ bytes_ complex128 complex64 float16 float32 float64 floating generic inexact int16 "
            "int32 int64 int8 intc integer intp longlong ndarray number object_ str_ uint16 uint32 uint64 "
            "uint8"
        ),
        "numpy.random._mt19937": "MT19937",
        "sklearn.utils.validation": "check_array",
        "pandas.core.indexes.base": "Index",
        "sklearn.feature_selection._mutual_info": "mutual_info_classif mutual_info_regression",
        "sklearn.feature_selection._univariate_selection": "chi2 f_classif f_regression r_regression",
        "sklearn.metrics._dist_metrics": (
            "BrayCurtisDistance64 CanberraDistance64 ChebyshevDistance64 EuclideanDistance64 "
            "HammingDistance64 ManhattanDistance64 MinkowskiDistance64 SEuclideanDistance64"
        ),
        "sklearn.neighbors._ball_tree": "BallTree",
        "sklearn.neighbors._kd_tree": "KDTree",
    }
)
"""Stored as they are, or named as an argument: types, and scikit-learn's own score functions."""

CONSTRUCTORS = _pairs(
    {
        "_codecs": "encode",
        "builtins": "bytearray bytes complex frozenset range set slice",
        "copyreg": "_reconstructor",
        "functools": "partial",
        "joblib.numpy_pickle": "NumpyArrayWrapper",
        "numpy": "dtype",
        "numpy._core.multiarray": "_reconstruct scalar",
        "numpy._core.numeric": "_frombuffer",
        "numpy.random._pickle": "__bit_generator_ctor __randomstate_ctor",
        "pandas._libs.arrays": "__pyx_unpickle_NDArrayBacked",
        "pandas.arrays": "ArrowStringArray",
        "pandas.core.indexes.base": "_new_Index",
        "pyarrow.lib": "_restore_array chunked_array py_buffer type_for_alias",
        "sklearn.compose._column_transformer": "_RemainderColsList",
        "sklearn.metrics._dist_metrics": "newObj",
        "sklearn.neighbors._ball_tree": "newObj",
        "sklearn.neighbors._kd_tree": "newObj",
        "sklearn.tree._tree": "Tree",
    }
)
"""Called by the pickle, and each answered by a checking function of our own (`pickle_construction`)."""

INERT = _pairs(
    {
        "_loss": (
            "CyExponentialLoss CyHalfBinomialLoss CyHalfMultinomialLoss CyHalfSquaredError "
            "__pyx_unpickle_CyExponentialLoss __pyx_unpickle_CyHalfBinomialLoss "
            "__pyx_unpickle_CyHalfMultinomialLoss __pyx_unpickle_CyHalfSquaredError"
        ),
        "builtins": "getattr",
        "numpy": "vectorize",
        "numpy.ma": "MaskedArray",
        "numpy.ma.core": "MaskedArray _mareconstruct",
        "numpy.random._pcg64": "PCG64",
        "numpy.random._pickle": "__generator_ctor",
        "numpy.random.bit_generator": "SeedSequence __pyx_unpickle_SeedSequence",
        "pandas": "StringDtype",
        "pandas.arrays": "StringArray",
        "scipy._lib.array_api_compat.numpy._aliases": "asarray",
        "scipy.stats._continuous_distns": (
            "beta_gen expon_gen gamma_gen halfnorm_gen loguniform_gen lognorm_gen norm_gen reciprocal_gen "
            "uniform_gen"
        ),
        "scipy.stats._discrete_distns": "geom_gen poisson_gen randint_gen",
        "scipy.stats._distn_infrastructure": "rv_continuous_frozen rv_discrete_frozen rv_frozen",
        "sklearn._loss._loss": (
            "CyExponentialLoss CyHalfBinomialLoss CyHalfMultinomialLoss CyHalfSquaredError "
            "__pyx_unpickle_CyExponentialLoss __pyx_unpickle_CyHalfBinomialLoss "
            "__pyx_unpickle_CyHalfMultinomialLoss __pyx_unpickle_CyHalfSquaredError"
        ),
        "sklearn._loss.link": "HalfLogitLink IdentityLink Interval LogLink LogitLink MultinomialLogit",
        "sklearn._loss.loss": "ExponentialLoss HalfBinomialLoss HalfMultinomialLoss HalfSquaredError",
        "sklearn.ensemble._gb_losses": (
            "BinomialDeviance ExponentialLoss LeastSquaresError MultinomialDeviance"
        ),
        "sklearn.ensemble._hist_gradient_boosting.loss": (
            "BinaryCrossEntropy CategoricalCrossEntropy LeastSquares"
        ),
        "sklearn.linear_model._sgd_fast": (
            "CyHalfBinomialLoss EpsilonInsensitive Hinge Huber Log ModifiedHuber SquaredEpsilonInsensitive "
            "SquaredHinge SquaredLoss"
        ),
        "sklearn.metrics._classification": (
            "accuracy_score balanced_accuracy_score f1_score fbeta_score log_loss matthews_corrcoef "
            "precision_score recall_score"
        ),
        "sklearn.metrics._ranking": "average_precision_score roc_auc_score",
        "sklearn.metrics._scorer": (
            "_CurveScorer _PassthroughScorer _PredictScorer _ProbaScorer _Scorer _ThresholdScorer "
            "_passthrough_scorer"
        ),
        "sklearn.model_selection._classification_threshold": "_CurveScorer",
        "sklearn.model_selection._search_successive_halving": "_refit_callable",
        "sklearn.neural_network._stochastic_optimizers": "AdamOptimizer SGDOptimizer",
        "sklearn.utils._metadata_requests": "MetadataRequest MethodMetadataRequest",
    }
)
"""Answered by an empty object: models carry these along, and no prediction uses them."""

FUNCTION_TRANSFORMER: Pair = ("sklearn.preprocessing._function_transformer", "FunctionTransformer")
PARTIAL: Pair = ("functools", "partial")
CHECK_ARRAY: Pair = ("sklearn.utils.validation", "check_array")
GETATTR: Pair = ("builtins", "getattr")

CONDITIONAL: Mapping[Pair, str] = {
    FUNCTION_TRANSFORMER: 'without a function (`remainder="passthrough"`), or with the check that follows',
    PARTIAL: "of `check_array`, as histogram gradient boosting with categories keeps it",
    GETATTR: "on something inert, as SciPy's distributions for a random search do",
}
"""Pairs that honest models need in one form; the survey refuses every other form by name."""

_MOVED_MODULES: Mapping[str, str] = {
    "__builtin__": "builtins",
    "copy_reg": "copyreg",
    "numpy.core.multiarray": "numpy._core.multiarray",
    "numpy.core.numeric": "numpy._core.numeric",
    "scipy.sparse.csc": "scipy.sparse._csc",
    "scipy.sparse.csr": "scipy.sparse._csr",
    "sklearn.neighbors._dist_metrics": "sklearn.metrics._dist_metrics",
}

_MOVED_PAIRS: Mapping[Pair, Pair] = {
    ("pandas", "Index"): ("pandas.core.indexes.base", "Index"),
    ("builtins", "xrange"): ("builtins", "range"),
    ("sklearn.preprocessing._data", "PolynomialFeatures"): (
        "sklearn.preprocessing._polynomial",
        "PolynomialFeatures",
    ),
    ("sklearn.utils", "Bunch"): ("sklearn.utils._bunch", "Bunch"),
} | {
    ("sklearn.metrics._dist_metrics", name.removesuffix("64")): ("sklearn.metrics._dist_metrics", name)
    for module, name in VALUES
    if module == "sklearn.metrics._dist_metrics"
}


def today(module: str, name: str) -> Pair:
    """Where the pair that an older library wrote stands today; itself when it never moved."""
    pair = (_MOVED_MODULES.get(module, module), name)
    return _MOVED_PAIRS.get(pair, pair)


def is_allowed(module: str, name: str) -> bool:
    """Whether a model file may ask for `name` of `module`, in any role."""
    pair = today(module, name)
    return pair in CLASSES or pair in VALUES or pair in CONSTRUCTORS or pair in INERT
