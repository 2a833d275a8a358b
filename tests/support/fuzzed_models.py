"""One seed, one changed model: which it is, what is changed, and what becomes of it when it is asked."""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from asking import Outcome, Tell, ask
from mutations import mutated, mutated_skops
from variants import VARIANTS, Fitted, fitted

SKOPS_SHARE = 0.15
REFIT_SHARE = 0.1


class FuzzedModels:
    """Changed models of the given variants, made by number.

    Parameters
    ----------
    folder
        where the model under way is kept; what stays there when a child ends is what ended it.
    names
        of `VARIANTS`; seed `n` changes the one at `n` modulo their number.
    """

    def __init__(self, folder: Path, names: Sequence[str] = tuple(VARIANTS)) -> None:
        self._file = folder / "model"
        self.names = tuple(names)
        self._saved = [pickle.dumps(fitted(name).model) for name in names]
        self._skops = [_skops(fitted(name).model) for name in names]

    def name(self, seed: int) -> str:
        """The variant that the seed changes."""
        return self.names[seed % len(self.names)]

    def made(self, seed: int) -> tuple[bytes, str, bool]:
        """The model file, what was changed, and whether it is to be trained again."""
        random = np.random.default_rng(seed)
        refit = bool(random.random() < REFIT_SHARE)
        honest = self._skops[seed % len(self.names)]
        as_skops = honest is not None and random.random() < SKOPS_SHARE
        while True:
            # a cycle cannot be written down; another change of the same seed takes its place
            with contextlib.suppress(
                pickle.PicklingError, RecursionError, AttributeError, TypeError, ValueError
            ):
                if honest is not None and as_skops:
                    return *mutated_skops(honest, random), refit
                return *mutated(pickle.loads(self._saved[seed % len(self.names)]), random), refit

    def become(self, seed: int, tell: Tell) -> Outcome:
        """Make the model, read it and ask it."""
        data, _how, refit = self.made(seed)
        sample: Fitted = fitted(self.name(seed))
        self._file.write_bytes(data)
        return replace(ask(self._file, sample.others, sample.y_others, tell, refit=refit), seed=seed)


def _skops(model: Any) -> bytes | None:
    """The model as skops writes it; None where it cannot, or is not installed."""
    try:
        import skops.io

        return bytes(skops.io.dumps(model))
    except Exception:  # noqa: BLE001 (whatever it says, there is no such file)
        return None
