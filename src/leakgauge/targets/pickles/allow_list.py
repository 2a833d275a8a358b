"""What a pickled model may ask for: exact (module, name) pairs, sorted by what may be done with each.

A pickle is a program. The only part of it that reaches outside its own lists
and numbers is a *global*, a (module, name) pair, so the list of globals is the
list of everything a model file can touch. Three rules keep it tight:

- pairs are exact. `sklearn.datasets._base` imports `os`, so a rule for a whole
  module, or a name with a dot in it, hands out `os.system`;
- a pair is allowed *for one use*. `CLASSES` may be made empty and given their
  attributes, `VALUES` may be stored and nothing else, and the few things that a
  pickle really calls stand in `construction` as functions of our own;
- nothing may hold or run a function of the sender's: no callable is on the list
  but those of scikit-learn, NumPy and SciPy, each for the attributes that
  `sklearn.checks.estimators` names, and what stands in `CONDITIONAL` is allowed only in the one
  form in which these libraries themselves write it.

`INERT` names what no prediction uses (losses, optimisers, random generators):
whatever the file asks of them gives an empty object.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from leakgauge.targets.pickles.estimators import BOOSTERS, ESTIMATORS, LOOKED_AT

Pair: TypeAlias = tuple[str, str]


def _pairs(table: Mapping[str, str]) -> frozenset[Pair]:
    return frozenset((module, name) for module, names in table.items() for name in names.split())


_HELPERS = _pairs(
    {
        "collections": "OrderedDict",
        "scipy.interpolate._bsplines": "BSpline",
        "scipy.sparse._csc": "csc_array csc_matrix",
        "scipy.sparse._csr": "csr_array csr_matrix",
        "sklearn.calibration": "_CalibratedClassifier",
        "sklearn.compose._column_transformer": "make_column_selector",
        "sklearn.ensemble._hist_gradient_boosting.predictor": "TreePredictor",
        "sklearn.gaussian_process.kernels": (
            "CompoundKernel ConstantKernel DotProduct ExpSineSquared Exponentiation Matern "
            "PairwiseKernel Product RBF RationalQuadratic Sum WhiteKernel"
        ),
        "sklearn.metrics._scorer": "_CurveScorer _MultimetricScorer _PassthroughScorer _Scorer",
        "sklearn.model_selection._split": (
            "GroupKFold GroupShuffleSplit KFold LeaveOneGroupOut LeaveOneOut LeavePGroupsOut LeavePOut "
            "PredefinedSplit RepeatedKFold RepeatedStratifiedKFold ShuffleSplit StratifiedGroupKFold "
            "StratifiedKFold StratifiedShuffleSplit TimeSeriesSplit _CVIterableWrapper"
        ),
        "sklearn.utils._bunch": "Bunch",
    }
)
"""Parts of estimators, containers and plain data that models keep."""

CLASSES = _HELPERS.union(*(_pairs(modules) for modules in ESTIMATORS.values()))
"""Made with `cls.__new__(cls)` and filled with attributes; never called."""

LOOKED_AT_CLASSES = _pairs(LOOKED_AT)
"""Likewise, where a file is opened to look at it alone; see `estimators.LOOKED_AT`."""

ARRAY_FUNCTIONS = _pairs(
    {
        "numpy": (
            "abs absolute amax amin arccos arccosh arcsin arcsinh arctan arctanh around cbrt ceil conj "
            "conjugate cos cosh deg2rad degrees exp exp2 expm1 fabs fix floor imag invert isfinite isinf "
            "isnan log log10 log1p log2 logical_not max mean median min nan_to_num nanmax nanmean nanmedian "
            "nanmin nanstd nansum nanvar negative positive rad2deg radians real reciprocal rint round sign "
            "signbit sin sinc sinh sqrt square std sum tan tanh trunc var"
        ),
        "scipy.special": "cbrt exp10 exp2 expit expm1 log1p log_expit logit",
        "sklearn.preprocessing._data": "binarize normalize",
    }
)
"""NumPy's and SciPy's own functions of one array that `FunctionTransformer` and pooling may apply."""

SCORE_FUNCTIONS = _pairs(
    {
        "sklearn.feature_selection._mutual_info": "mutual_info_classif mutual_info_regression",
        "sklearn.feature_selection._univariate_selection": "chi2 f_classif f_regression r_regression",
    }
)
"""What feature selection ranks features by."""

METRICS = _pairs(
    {
        "sklearn.metrics._classification": (
            "accuracy_score balanced_accuracy_score brier_score_loss cohen_kappa_score d2_brier_score "
            "d2_log_loss_score f1_score fbeta_score hamming_loss hinge_loss jaccard_score log_loss "
            "matthews_corrcoef precision_score recall_score zero_one_loss"
        ),
        "sklearn.metrics._ranking": (
            "average_precision_score coverage_error dcg_score label_ranking_average_precision_score "
            "label_ranking_loss ndcg_score roc_auc_score top_k_accuracy_score"
        ),
        "sklearn.metrics._regression": (
            "d2_absolute_error_score d2_pinball_score d2_tweedie_score explained_variance_score max_error "
            "mean_absolute_error mean_absolute_percentage_error mean_gamma_deviance mean_pinball_loss "
            "mean_poisson_deviance mean_squared_error mean_squared_log_error mean_tweedie_deviance "
            "median_absolute_error r2_score root_mean_squared_error root_mean_squared_log_error"
        ),
        "sklearn.metrics._scorer": "negative_likelihood_ratio positive_likelihood_ratio",
        "sklearn.metrics.cluster._supervised": (
            "adjusted_mutual_info_score adjusted_rand_score completeness_score fowlkes_mallows_score "
            "homogeneity_score mutual_info_score normalized_mutual_info_score rand_score v_measure_score"
        ),
    }
)
"""What a scorer may compute."""

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
        "pandas.core.indexes.range": "RangeIndex",
        "sklearn.metrics._dist_metrics": (
            "BrayCurtisDistance64 CanberraDistance64 ChebyshevDistance64 DiceDistance64 EuclideanDistance64 "
            "HammingDistance64 HaversineDistance64 JaccardDistance64 MahalanobisDistance64 "
            "ManhattanDistance64 MinkowskiDistance64 RogersTanimotoDistance64 RussellRaoDistance64 "
            "SEuclideanDistance64 SokalMichenerDistance64 SokalSneathDistance64"
        ),
        "sklearn.neighbors._ball_tree": "BallTree",
        "sklearn.neighbors._kd_tree": "KDTree",
    }
) | (ARRAY_FUNCTIONS | SCORE_FUNCTIONS | METRICS)
"""Stored as they are, or named as an argument: types, and scikit-learn's own score functions."""

BOOSTER_PAIRS = frozenset[Pair]().union(*(_pairs(modules) for modules in BOOSTERS.values()))
"""What pickles of boosting libraries hold."""

CONSTRUCTORS = BOOSTER_PAIRS | _pairs(
    {
        "_codecs": "encode",
        "builtins": "bytearray bytes complex frozenset getattr range set slice",
        "collections": "defaultdict",
        "copyreg": "_reconstructor",
        "functools": "partial",
        "joblib.numpy_pickle": "NumpyArrayWrapper",
        "numpy": "dtype",
        "numpy._core": "_ufunc_reconstruct",
        "numpy._core.multiarray": "_reconstruct scalar",
        "numpy._core.numeric": "_frombuffer",
        "numpy.random._pickle": "__bit_generator_ctor __randomstate_ctor",
        "pandas._libs.arrays": "__pyx_unpickle_NDArrayBacked",
        "pandas.arrays": "ArrowStringArray",
        "pandas.core.indexes.base": "_new_Index",
        "pyarrow.lib": "_restore_array chunked_array py_buffer type_for_alias",
        "scipy.stats._continuous_distns": (
            "beta_gen cauchy_gen chi2_gen dweibull_gen expon_gen exponnorm_gen gamma_gen halfcauchy_gen "
            "halfnorm_gen invgamma_gen laplace_gen logistic_gen loguniform_gen lognorm_gen norm_gen "
            "pareto_gen powerlaw_gen powernorm_gen rayleigh_gen reciprocal_gen t_gen triang_gen "
            "truncexpon_gen truncnorm_gen uniform_gen weibull_min_gen"
        ),
        "scipy.stats._discrete_distns": (
            "bernoulli_gen binom_gen geom_gen nbinom_gen poisson_gen randint_gen zipf_gen"
        ),
        "scipy.stats._distn_infrastructure": "rv_continuous_frozen rv_discrete_frozen rv_frozen",
        "sklearn.compose._column_transformer": "_RemainderColsList",
        "sklearn.impute._iterative": "_ImputerTriplet",
        "sklearn.metrics._dist_metrics": "newObj",
        "sklearn.metrics._scorer": "_PredictScorer _ProbaScorer _ThresholdScorer",
        "sklearn.neighbors._ball_tree": "newObj",
        "sklearn.neighbors._kd_tree": "newObj",
        "sklearn.tree._tree": "Tree",
    }
)
"""Called by the pickle, and each answered by a checking function of our own (`construction`)."""

_CYTHON_LOSSES = (
    "CyAbsoluteError CyExponentialLoss CyHalfBinomialLoss CyHalfGammaLoss CyHalfMultinomialLoss "
    "CyHalfPoissonLoss CyHalfSquaredError CyHalfTweedieLoss CyHalfTweedieLossIdentity CyHuberLoss "
    "CyPinballLoss"
)
_CYTHON_LOSSES += "".join(f" __pyx_unpickle_{name}" for name in _CYTHON_LOSSES.split())

INERT = _pairs(
    {
        "_loss": _CYTHON_LOSSES,
        # a Pipeline's cache: no file of it is opened, and clones go without
        "joblib._store_backends": "FileSystemStoreBackend",
        "joblib.memory": "Memory",
        "numpy": "vectorize",
        "numpy.ma": "MaskedArray",
        "numpy.ma.core": "MaskedArray _mareconstruct",
        "numpy.random._pcg64": "PCG64",
        "numpy.random._pickle": "__generator_ctor",
        "numpy.random.bit_generator": "SeedSequence __pyx_unpickle_SeedSequence",
        "pandas": "StringDtype",
        "pandas.arrays": "StringArray",
        "scipy._lib.array_api_compat.numpy._aliases": "asarray",
        "sklearn._loss._loss": _CYTHON_LOSSES,
        "sklearn._loss.link": "HalfLogitLink IdentityLink Interval LogLink LogitLink MultinomialLogit",
        "sklearn._loss.loss": (
            "AbsoluteError ExponentialLoss HalfBinomialLoss HalfGammaLoss HalfMultinomialLoss "
            "HalfPoissonLoss HalfSquaredError HalfTweedieLoss HalfTweedieLossIdentity HuberLoss PinballLoss"
        ),
        "sklearn.cluster._birch": "_CFNode _CFSubcluster",
        "sklearn.cluster._bisect_k_means": "_BisectingTree",
        "sklearn.cluster._kmeans": "_kmeans_single_elkan _kmeans_single_lloyd",
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
        "sklearn.metrics._scorer": "_passthrough_scorer",
        "sklearn.model_selection._search_successive_halving": "_refit_callable",
        "sklearn.neural_network._stochastic_optimizers": "AdamOptimizer SGDOptimizer",
        "sklearn.utils._metadata_requests": "MetadataRequest MethodMetadataRequest",
    }
)
"""Answered by an empty object: models carry these along, and no prediction uses them."""

PARTIAL: Pair = ("functools", "partial")
CHECK_ARRAY: Pair = ("sklearn.utils.validation", "check_array")
GETATTR: Pair = ("builtins", "getattr")

STRING_METHODS = frozenset({"casefold", "lower", "rsplit", "split", "splitlines", "strip", "upper"})
"""Methods of `str` that a text vectoriser may split and prepare documents with."""

DISTRIBUTIONS = frozenset(pair for pair in CONSTRUCTORS if pair[1].endswith("_gen"))
"""SciPy's distributions that a random search may sample from."""

CONDITIONAL: Mapping[Pair, str] = {
    PARTIAL: "of `check_array`, as histogram gradient boosting with categories keeps it",
    GETATTR: "for a method of `str`, or on what SciPy's distributions for a random search carry along",
}
"""Pairs that honest models need in one form; the scanner refuses every other form by name."""

_MOVED_MODULES: Mapping[str, str] = {
    "__builtin__": "builtins",
    "copy_reg": "copyreg",
    "numpy.core": "numpy._core",
    "numpy.core.multiarray": "numpy._core.multiarray",
    "numpy.core.numeric": "numpy._core.numeric",
    "scipy.sparse.csc": "scipy.sparse._csc",
    "scipy.sparse.csr": "scipy.sparse._csr",
    "sklearn.neighbors._dist_metrics": "sklearn.metrics._dist_metrics",
}

_MOVED_PAIRS: Mapping[Pair, Pair] = {
    ("pandas", "Index"): ("pandas.core.indexes.base", "Index"),
    ("pandas", "RangeIndex"): ("pandas.core.indexes.range", "RangeIndex"),
    ("pandas.core.indexes.numeric", "Float64Index"): ("pandas.core.indexes.base", "Index"),
    ("pandas.core.indexes.numeric", "Int64Index"): ("pandas.core.indexes.base", "Index"),
    ("pandas.core.indexes.numeric", "NumericIndex"): ("pandas.core.indexes.base", "Index"),
    ("pandas.core.indexes.numeric", "UInt64Index"): ("pandas.core.indexes.base", "Index"),
    ("builtins", "unicode"): ("builtins", "str"),
    ("builtins", "xrange"): ("builtins", "range"),
    ("sklearn.model_selection._classification_threshold", "_CurveScorer"): (
        "sklearn.metrics._scorer",
        "_CurveScorer",
    ),
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

_HOMES_OF_FUNCTIONS: Mapping[str, str] = {
    "numpy._core._multiarray_umath": "numpy",
    "numpy._core.fromnumeric": "numpy",
    "numpy._core.umath": "numpy",
    "numpy.core._multiarray_umath": "numpy",
    "numpy.core.fromnumeric": "numpy",
    "numpy.core.umath": "numpy",
    "numpy.lib.function_base": "numpy",
    "numpy.lib.nanfunctions": "numpy",
    "numpy.lib.type_check": "numpy",
    "numpy.lib.ufunclike": "numpy",
    "scipy.special._special_ufuncs": "scipy.special",
    "scipy.special._ufuncs": "scipy.special",
}
"""Modules that a pickle may name for a function, and the one that its users know it by."""


def today(module: str, name: str) -> Pair:
    """Where the pair that an older library wrote stands today; itself when it never moved."""
    public = (_HOMES_OF_FUNCTIONS.get(module, module), name)
    if public in ARRAY_FUNCTIONS:
        return public
    pair = (_MOVED_MODULES.get(module, module), name)
    return _MOVED_PAIRS.get(pair, pair)


def is_allowed(module: str, name: str) -> bool:
    """Whether a model file may ask for `name` of `module`, in any role."""
    pair = today(module, name)
    return pair in CLASSES or pair in VALUES or pair in CONSTRUCTORS or pair in INERT
