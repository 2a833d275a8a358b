"""Why a model file is refused: told by where the thing that it asks for comes from.

Five kinds, the one that matters most first: what runs code or reaches files, a
part of another library, code of the sender's own, a part of Python itself, and a
part of scikit-learn or of what it is built on that is not on the list. Every door
says the same, since pickles and skops files are refused here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from leakgauge.errors import UnsafeModel
from leakgauge.targets.exports import EXPORT_TORCH, KERAS, WITH_KERAS, WITH_TENSORFLOW
from leakgauge.targets.pickles.allow_list import Pair
from leakgauge.targets.pickles.checks import printable

Kind: TypeAlias = Literal["code", "library", "own", "python", "scikit-learn"]


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


@dataclass(frozen=True, slots=True)
class Library:
    """A library whose models people send.

    Parameters
    ----------
    name
        as the library writes itself.
    way_in
        what works today; sentences.
    """

    name: str
    way_in: str


_BOOSTING = (
    "Models of {name} cannot be audited yet. The nearest model that can is scikit-learn's "
    "HistGradientBoostingClassifier, fitted on the same data with the same number and size of trees."
)
_BOOSTERS = (
    "Of {name} these are audited: {classes}, and its own files. Rankers and classes of your own are not."
)
_NETWORK = (
    "A network is audited as ONNX. Export it where it was made: {export}. Send model.onnx in the place of "
    "the pickle."
)
_NETWORK_INSIDE = (
    "Export the PyTorch network inside it to ONNX with torch.onnx.export, with one output of class scores, "
    "and send model.onnx in the place of the pickle."
)
_TRANSFORMER = (
    "Replace its transformers by scikit-learn's own (OneHotEncoder, TargetEncoder, SimpleImputer, "
    "ColumnTransformer and the like); or apply them to the tables before the audit, and save what is left of "
    "the Pipeline."
)
_OTHER = "Its models cannot be audited yet. Send a classifier made of scikit-learn's own classes."
_RESAMPLING = (
    "Of {name}, the Pipeline, the samplers in it and the balanced ensembles are read. In the place of "
    "anything else, a Pipeline of a sampler and a classifier can be audited."
)
_BY_VALUE = (
    "cloudpickle and dill store functions and classes of your own as code, and code of a model file is never "
    "run. Use scikit-learn's ready-made transformers, or apply your own to the tables before the audit and "
    "save what is left of the Pipeline."
)
_ON_GPU = (
    "Its models keep their numbers on a graphics card. Where the model has as_sklearn(), save what that "
    "gives; else fit the scikit-learn classifier of the same name."
)
_PATCHED = "Turn the patch off (sklearnex.unpatch_sklearn()), fit the same classifier again and save that."


def _library(name: str, way_in: str, **parts: str) -> Library:
    return Library(name, way_in.format(name=name, **parts) if parts or "{name}" in way_in else way_in)


_CATBOOST = _library("CatBoost", _BOOSTERS, classes="CatBoostClassifier, CatBoostRegressor and CatBoost")
LIBRARIES: Mapping[str, Library] = {
    "xgboost": _library(
        "XGBoost",
        _BOOSTERS,
        classes="XGBClassifier, XGBRegressor, XGBRFClassifier, XGBRFRegressor and Booster",
    ),
    "lightgbm": _library("LightGBM", _BOOSTERS, classes="LGBMClassifier, LGBMRegressor and Booster"),
    "catboost": _CATBOOST,
    "_catboost": _CATBOOST,
    "ngboost": _library("NGBoost", _BOOSTING),
    "interpret": _library("InterpretML", _BOOSTING),
    "imblearn": _library("imbalanced-learn", _RESAMPLING),
    "skorch": _library("skorch", _NETWORK, export=EXPORT_TORCH.format(model="model.module_")),
    "torch": _library("PyTorch", _NETWORK, export=EXPORT_TORCH.format(model="model")),
    "pytorch_lightning": _library("PyTorch Lightning", _NETWORK, export=EXPORT_TORCH.format(model="model")),
    "lightning": _library("PyTorch Lightning", _NETWORK, export=EXPORT_TORCH.format(model="model")),
    "fastai": _library("fastai", _NETWORK_INSIDE),
    "pytorch_tabnet": _library("TabNet", _NETWORK_INSIDE),
    "keras": _library("Keras", f"{WITH_KERAS} Or save the model as .keras."),
    "tensorflow": _library("TensorFlow", WITH_TENSORFLOW),
    "scikeras": _library("SciKeras", _NETWORK, export=KERAS.format(model="model.model_")),
    "jax": _library("JAX", _NETWORK, export="with jax2onnx"),
    "flax": _library("Flax", _NETWORK, export="with jax2onnx"),
    "mxnet": _library("MXNet", _OTHER),
    "tabpfn": _library("TabPFN", _OTHER),
    "cuml": _library("cuML", _ON_GPU),
    "cudf": _library("cuDF", _ON_GPU),
    "cupy": _library("CuPy", _ON_GPU),
    "sklearnex": _library("Extension for Scikit-learn", _PATCHED),
    "daal4py": _library("Extension for Scikit-learn", _PATCHED),
    "onedal": _library("Extension for Scikit-learn", _PATCHED),
    "mlxtend": _library("mlxtend", _OTHER),
    "category_encoders": _library("category_encoders", _TRANSFORMER),
    "feature_engine": _library("Feature-engine", _TRANSFORMER),
    "sklearn_pandas": _library("sklearn-pandas", _TRANSFORMER),
    "skrub": _library("skrub", _TRANSFORMER),
    "dirty_cat": _library("dirty_cat", _TRANSFORMER),
    "optbinning": _library("OptBinning", _TRANSFORMER),
    "tsfresh": _library("tsfresh", _TRANSFORMER),
    "featuretools": _library("Featuretools", _TRANSFORMER),
    "umap": _library("UMAP", _TRANSFORMER),
    "boruta": _library("Boruta", _TRANSFORMER),
    "nltk": _library("NLTK", _TRANSFORMER),
    "spacy": _library("spaCy", _TRANSFORMER),
    "gensim": _library("Gensim", _TRANSFORMER),
    "sentence_transformers": _library("Sentence Transformers", _TRANSFORMER),
    "transformers": _library("Transformers", _OTHER),
    "statsmodels": _library("statsmodels", _OTHER),
    "autogluon": _library("AutoGluon", _OTHER),
    "flaml": _library("FLAML", _OTHER),
    "tpot": _library("TPOT", _OTHER),
    "autosklearn": _library("auto-sklearn", _OTHER),
    "pycaret": _library("PyCaret", _OTHER),
    "h2o": _library("H2O", _OTHER),
    "pyspark": _library("Spark", _OTHER),
    "dask_ml": _library("Dask-ML", _OTHER),
    "dask": _library("Dask", _OTHER),
    "hdbscan": _library("hdbscan", _OTHER),
    "deslib": _library("DESlib", _OTHER),
    "river": _library("River", _OTHER),
    "sktime": _library("sktime", _OTHER),
    "aeon": _library("aeon", _OTHER),
    "imodels": _library("imodels", _OTHER),
    "pgmpy": _library("pgmpy", _OTHER),
    "diffprivlib": _library("diffprivlib", _OTHER),
    "fairlearn": _library("Fairlearn", _OTHER),
    "aif360": _library("AI Fairness 360", _OTHER),
    "sklearn_crfsuite": _library("sklearn-crfsuite", _OTHER),
    "skopt": _library(
        "scikit-optimize", "Save the classifier that the search found, search.best_estimator_, by itself."
    ),
    "optuna": _library("Optuna", "Save the classifier that the study found, fitted, by itself."),
    "mlflow": _library("MLflow", "Save the scikit-learn classifier itself with pickle, joblib or skops."),
    "polars": _library("polars", "Fit the model on pandas tables or NumPy arrays."),
    "cloudpickle": _library("cloudpickle", _BY_VALUE),
    "dill": _library("dill", _BY_VALUE),
}
"""Other libraries, by the package that a pickle names."""

_BY_VALUE_ROOTS = frozenset({"cloudpickle", "dill"})

_NAMES: Mapping[str, str] = {
    "joblib": "joblib",
    "numpy": "NumPy",
    "pandas": "pandas",
    "pyarrow": "Arrow",
    "scipy": "SciPy",
    "sklearn": "scikit-learn",
}
_FOUNDATIONS = frozenset(_NAMES)

_WAYS_OUT = (
    "Use scikit-learn's ready-made transformers (FunctionTransformer may apply NumPy's own functions, such "
    "as numpy.log1p); or apply your own code to the tables before the audit, and save what is left of the "
    "Pipeline with pickle, joblib or skops."
)

# reach files, the network or other programs, or run what they are given
_CODE_ROOTS = _words(
    "_io _pickle _posixsubprocess _socket asyncio bdb cProfile code codeop commands concurrent ctypes",
    "doctest ftplib glob http imp importlib inspect io linecache marshal multiprocessing nt ntpath os pdb",
    "pickle pip pkgutil platform posix posixpath profile pty pydoc requests runpy setuptools shelve shutil",
    "signal smtplib socket socketserver sqlite3 ssl subprocess sys tempfile timeit trace urllib urllib3",
    "webbrowser xmlrpc zipfile zipimport",
)
_CODE_NAMES: Mapping[str, frozenset[str]] = {
    "builtins": _words(
        "__import__ breakpoint compile delattr eval exec execfile exit file globals help input locals open",
        "quit setattr vars",
    ),
    "copyreg": _words("__newobj__ __newobj_ex__ add_extension"),
    "joblib": _words("load"),
    "joblib.numpy_pickle": _words("load"),
    "numpy": _words("fromfile genfromtxt load loadtxt memmap save savez"),
    "numpy._core.multiarray": _words("fromfile"),
    "pandas": _words("read_csv read_pickle"),
    "sklearn": _words("show_versions"),
}
# hold bytes in memory, and nothing else
_HARMLESS = frozenset({(module, name) for module in ("_io", "io") for name in ("BytesIO", "StringIO")})
_CODE_MODULES = (
    "numpy.distutils",
    "numpy.f2py",
    "numpy.lib._npyio_impl",
    "numpy.lib.npyio",
    "numpy.testing",
    "pandas.core.computation",
    "pandas.io",
    "scipy.io",
    "sklearn.datasets",
)

REFUSED_PARTS: Mapping[str, str] = {
    "AffinityPropagation": "finds clusters; it neither classifies nor transforms rows",
    "AgglomerativeClustering": "finds clusters; it neither classifies nor transforms rows",
    "BayesianGaussianMixture": "finds clusters; it neither classifies nor transforms rows",
    "ClassicalMDS": "cannot transform rows that it was not fitted on, so it stands before no classifier",
    "DBSCAN": "finds clusters; it neither classifies nor transforms rows",
    "EllipticEnvelope": "finds outliers; it neither classifies nor transforms rows",
    "GaussianMixture": "finds clusters; it neither classifies nor transforms rows",
    "HDBSCAN": "finds clusters; it neither classifies nor transforms rows",
    "IsolationForest": "finds outliers; it neither classifies nor transforms rows",
    "KernelDensity": "estimates a density; it neither classifies nor transforms rows",
    "LocalOutlierFactor": "finds outliers; it neither classifies nor transforms rows",
    "MDS": "cannot transform rows that it was not fitted on, so it stands before no classifier",
    "MeanShift": "finds clusters; it neither classifies nor transforms rows",
    "OPTICS": "finds clusters; it neither classifies nor transforms rows",
    "OneClassSVM": "finds outliers; it neither classifies nor transforms rows",
    "PatchExtractor": "takes images as arrays of three dimensions, and the rows of a table are none",
    "SGDOneClassSVM": "finds outliers; it neither classifies nor transforms rows",
    "SpectralBiclustering": "finds clusters; it neither classifies nor transforms rows",
    "SpectralClustering": "finds clusters; it neither classifies nor transforms rows",
    "SpectralCoclustering": "finds clusters; it neither classifies nor transforms rows",
    "SpectralEmbedding": "cannot transform rows that it was not fitted on, so it stands before no classifier",
    "TSNE": "cannot transform rows that it was not fitted on, so it stands before no classifier",
    # parts of estimators that are on the list, in one form of theirs
    "PyFuncDistance": "calls a function of your own for every pair of rows",
    "PyFuncDistance32": "calls a function of your own for every pair of rows",
    "PyFuncDistance64": "calls a function of your own for every pair of rows",
}
"""What of scikit-learn a model file may not hold, and why; the documentation shows it."""

NOT_BEFORE_A_CLASSIFIER: Mapping[str, str] = {
    "CCA": "scikit-learn's own Pipeline cannot fit it before a classifier: it gives two tables",
    "DictVectorizer": "takes mappings, and the records of a table are rows",
    "IsotonicRegression": "gives a vector, and a classifier takes a table; inside calibration it is read",
    "KernelCenterer": "takes a table of kernel values between records, not records",
    "LabelBinarizer": "transforms labels, not records; inside classifiers it is read",
    "LabelEncoder": "transforms labels, not records; inside classifiers it is read",
    "MultiLabelBinarizer": "transforms labels, not records; inside classifiers it is read",
    "PLSCanonical": "scikit-learn's own Pipeline cannot fit it before a classifier: it gives two tables",
    "PLSRegression": "scikit-learn's own Pipeline cannot fit it before a classifier: it gives two tables",
    "PLSSVD": "scikit-learn's own Pipeline cannot fit it before a classifier: it gives two tables",
}
"""Transformers that are read, and that stand before no classifier of tables; why."""

REFUSED_FORMS: Mapping[str, str] = {
    '`input="filename"` and `input="file"` of text vectorisers': "they read files that the table names",
    "functions of your own (`func`, `metric`, `kernel`, `analyzer`, `tokenizer`, `score_func`, ...)": (
        "code of a model file is never run"
    ),
    "`token_pattern` with repeats inside repeats": "a search for it can take exponential time on some texts",
    '`kernel="precomputed"` and `metric="precomputed"`': (
        "their rows are values between a record and every record of the training data"
    ),
    "a `memory` among the settings that a search tries": "a cache keeps results in files and reads them back",
}
"""Forms of estimators that are on the list which are refused all the same, and why."""


def kind_of(module: str, name: str) -> Kind:
    """Where a global that is not on the list comes from."""
    module = {"__builtin__": "builtins", "copy_reg": "copyreg"}.get(module, module)
    module = module.replace("numpy.core.", "numpy._core.")
    root = module.partition(".")[0]
    ours = root in _FOUNDATIONS
    python = root in sys.stdlib_module_names
    if (root in _CODE_ROOTS and (module, name) not in _HARMLESS) or name in _CODE_NAMES.get(module, ()):
        return "code"
    # a name with a dot reaches through a module into what that imports
    if module.startswith(_CODE_MODULES) or ("." in name and (ours or python)):
        return "code"
    if root in LIBRARIES and root not in _BY_VALUE_ROOTS:
        return "library"
    return "scikit-learn" if ours else "python" if python else "own"


def refused(pairs: Iterable[Pair]) -> UnsafeModel:
    """The error `refused_globals` for everything that a file asks for and must not have.

    Parameters
    ----------
    pairs
        (module, name) of each, in the order of asking; at least one.

    Returns
    -------
    UnsafeModel
        what matters most is told in words; all of it is in `details["globals"]`, at most 100.
    """
    asked = list(pairs)
    kinds: dict[Kind, list[Pair]] = {}
    for pair in asked:
        kinds.setdefault(kind_of(*pair), []).append(pair)
    (message, hint) = next(tell(kinds[kind], asked) for kind, tell in _SENTENCES.items() if kind in kinds)
    return UnsafeModel(
        "refused_globals",
        message,
        hint=hint,
        details={"globals": [_full_name(module, name) for module, name in asked[:100]]},
    )


def _code(pairs: Sequence[Pair], asked: Sequence[Pair]) -> tuple[str, str]:
    first = [*pairs, *(pair for pair in asked if pair not in pairs)]
    return (
        f"The model file asks to run code or to reach files: {_list(first)}. Nothing of it was run.",
        "Do not open this file by other means unless you know who made it. Save the fitted scikit-learn "
        "classifier again with pickle, joblib or skops.",
    )


def _library_of(pairs: Sequence[Pair], _asked: Sequence[Pair]) -> tuple[str, str]:
    found = list(dict.fromkeys(LIBRARIES[module.partition(".")[0]] for module, _name in pairs))
    names = list(dict.fromkeys(library.name for library in found))
    return (
        f"The model file holds a model of {_and(names)} ({_list(pairs)}), not of scikit-learn alone; "
        "it was not opened.",
        found[0].way_in,
    )


def _own(pairs: Sequence[Pair], _asked: Sequence[Pair]) -> tuple[str, str]:
    if any(module.partition(".")[0] in _BY_VALUE_ROOTS for module, _name in pairs):
        return (
            f"The model file holds a function or a class of your own, stored as code ({_list(pairs)}); "
            "nothing of it was run.",
            _BY_VALUE,
        )
    return (
        "The model file needs code of your own, or of a library that is not known here: "
        f"{_list(pairs)}. Nothing of it was run.",
        _WAYS_OUT,
    )


def _python(pairs: Sequence[Pair], _asked: Sequence[Pair]) -> tuple[str, str]:
    return (
        f"The model file asks for parts of Python that are not read from model files: {_list(pairs)}. "
        "Nothing of it was run.",
        _WAYS_OUT,
    )


def _scikit_learn(pairs: Sequence[Pair], _asked: Sequence[Pair]) -> tuple[str, str]:
    named = [
        f"{_full_name(module, name)} ({REFUSED_PARTS[name]})"
        if name in REFUSED_PARTS
        else _full_name(module, name)
        for module, name in pairs[:5]
    ]
    whose = list(dict.fromkeys(_NAMES[module.partition(".")[0]] for module, _name in pairs))
    return (
        f"The model file holds parts of {_and(whose)} that are not supported: {', '.join(named)}"
        f"{_more(pairs)}. It was not opened.",
        "Fit the classifier without them and save it again, or apply those parts to the tables before the "
        "audit.",
    )


_SENTENCES: Mapping[Kind, Callable[[Sequence[Pair], Sequence[Pair]], tuple[str, str]]] = {
    "code": _code,
    "library": _library_of,
    "own": _own,
    "python": _python,
    "scikit-learn": _scikit_learn,
}
"""What is said of each kind, the one that matters most first."""


def _list(pairs: Sequence[Pair]) -> str:
    return ", ".join(_full_name(module, name) for module, name in pairs[:5]) + _more(pairs)


def _more(pairs: Sequence[Pair]) -> str:
    return f" and {len(pairs) - 5} more" if len(pairs) > 5 else ""


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _full_name(module: str, name: str) -> str:
    return printable(f"{module}.{name}", 120)
