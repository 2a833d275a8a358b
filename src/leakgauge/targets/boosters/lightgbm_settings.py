"""Settings that LightGBM is given here, and the refusal of all others, some of which name files."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any, Final

import lightgbm

from leakgauge.targets.boosters import refusals
from leakgauge.targets.boosters.lightgbm_objectives import LIBRARY, OWN_SETTINGS

OF_THE_CLASS: Final = frozenset(inspect.signature(lightgbm.LGBMClassifier.__init__).parameters) - {
    *("self", "kwargs", "n_jobs", "importance_type"),
}
"""Settings of the scikit-learn estimator that are taken from a file."""
NAMES: Final[Mapping[str, str]] = {
    "boosting": "boosting_type",
    "num_iterations": "n_estimators",
    "min_data_in_leaf": "min_child_samples",
    "min_sum_hessian_in_leaf": "min_child_weight",
    "bagging_fraction": "subsample",
    "bagging_freq": "subsample_freq",
    "feature_fraction": "colsample_bytree",
    "lambda_l1": "reg_alpha",
    "lambda_l2": "reg_lambda",
    "min_gain_to_split": "min_split_gain",
    "bin_construct_sample_cnt": "subsample_for_bin",
    "learning_rate": "learning_rate",
    "num_leaves": "num_leaves",
    "max_depth": "max_depth",
}
"""LightGBM's own names of settings, and the estimator's."""
TRUTHS: Final = frozenset(
    (
        *("bagging_by_query", "boost_from_average", "deterministic", "enable_bundle", "extra_trees"),
        *(
            "feature_pre_filter",
            "force_col_wise",
            "force_row_wise",
            "is_unbalance",
            "reg_sqrt",
            "uniform_drop",
        ),
        *("use_missing", "use_quantized_grad", "xgboost_dart_mode", "zero_as_missing"),
    )
)
FURTHER: Final = TRUTHS | frozenset(
    (
        *("cat_l2", "cat_smooth", "data_sample_strategy", "drop_rate", "feature_fraction_bynode", "max_bin"),
        *("max_cat_threshold", "max_cat_to_onehot", "max_delta_step", "max_drop", "min_data_in_bin"),
        *("min_data_per_group", "monotone_constraints", "monotone_constraints_method", "monotone_penalty"),
        *("neg_bagging_fraction", "other_rate", "path_smooth", "pos_bagging_fraction", "scale_pos_weight"),
        *("sigmoid", "skip_drop", "top_rate", *OWN_SETTINGS),
    )
)
"""Settings that LightGBM takes by its own names, the first of them true or false. None names a file."""
_TAKEN: Final = OF_THE_CLASS | FURTHER | NAMES.keys() | {"n_jobs", "importance_type", "verbose"}
"""Settings that LightGBM is given, whoever sets them: a search inside a file sets some too."""
OF_A_TEXT: Final = FURTHER - {"monotone_constraints"}


def check_settings(settings: Mapping[str, Any]) -> None:
    """Refuse settings that LightGBM is not given, which may name files, and texts that hold such settings.

    LightGBM is told all settings in one text, with spaces between them.

    Raises
    ------
    UnsupportedModel
        `unsupported_booster`.
    """
    for name, value in settings.items():
        parts = value if isinstance(value, list | tuple) else (value,)
        is_several = any(isinstance(part, str) and re.search(r"[\s=]", part) for part in parts)
        if name not in _TAKEN or (is_several and name != "class_weight"):
            raise refusals.unsupported(
                LIBRARY,
                f"The LightGBM model has a setting that is not passed on ({name})",
                "Train it without that setting, or with a single word for it.",
            )
