"""Samplers of imbalanced-learn: steps that change a Pipeline's training data and take no part in answers."""

from __future__ import annotations

from leakgauge.targets.sklearn.model_graph import parts_of, resamples

_COLUMNS = ("feature_names_in_", "n_features_in_")


def forget_training(model: object) -> tuple[str, ...]:
    """Take out, in place, what samplers learned: settings alone are needed to train them again.

    Returns
    -------
    tuple of str
        sentences for the report.
    """
    remarks: dict[str, None] = {}
    for part in parts_of(model):
        if not resamples(part):
            continue
        kept = vars(part)
        learned = [name for name in kept if name.endswith("_") and name not in _COLUMNS]
        for name in learned:
            del kept[name]
        if "nn_k_" in learned or "nn_" in learned:
            remarks[
                f"The {type(part).__name__} in the file keeps training records, of which no answer is made; "
                "`leakgauge sanitize` takes them out."
            ] = None
    return tuple(remarks)
