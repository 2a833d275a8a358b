"""Tables rebuilt from forests, beside the published code of Ferry et al. 2024 on the same forests.

    python benchmarks/reconstruction_peers.py DATA DRAFT [--sizes 100] [--seeds 3] [--first-seed 300]

DATA is as for `reconstruction.py`; DRAFT is a copy of https://github.com/vidalt/DRAFT, whose `DRAFT.py` needs
OR-Tools. Both get a default forest of scikit-learn on binary columns, and both read its true bags. Exact
rows are compared in the order of the training table. CPU seconds are of one process; OR-Tools works in one
thread: on the table where that was tried, eight together took no fewer seconds.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from leakgauge.model_contents.reconstruction import rebuild
from leakgauge.progress import Silent
from reconstruction import BINARY, binary


def ours(model: Any) -> np.ndarray:
    """Rows as leakgauge rebuilds them."""
    rows: np.ndarray = rebuild(model, rng=np.random.default_rng(0), progress=Silent(), seconds=3_600.0).x
    return rows


def published(model: Any, seconds: float) -> np.ndarray | None:
    """Rows as the published code gives them; None where it finds none in time."""
    from DRAFT import DRAFT

    found = DRAFT(model).fit(timeout=seconds, n_jobs=1, seed=0)["reconstructed_data"]
    return None if found is None else np.asarray(found)


def measured(search: Callable[[], np.ndarray | None], x: np.ndarray) -> str:
    """Two cells: CPU seconds, and the share of rows that came back as they are, in order."""
    begun = time.process_time()
    found = search()
    seconds = time.process_time() - begun
    exact = "none found" if found is None else f"{(found == x).all(axis=1).mean():.3f}"
    return f"{seconds:.1f} | {exact}"


def main() -> None:
    """Print one line for each forest."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("draft", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=1_800.0, help="by the clock, for the published code")
    asked = parser.parse_args()
    sys.path.append(str(asked.draft))
    print("| table | rows | seed | ours, CPU s | exact rows | DRAFT, CPU s | exact rows |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for n in asked.sizes:
        for name in BINARY:
            for seed in range(asked.first_seed, asked.first_seed + asked.seeds):
                table = binary(asked.data, name, n, seed)
                if table is None:
                    continue
                x, y = table
                model = RandomForestClassifier(random_state=seed).fit(x, y)
                cells = [name, str(n), str(seed), measured(partial(ours, model), x)]
                cells.append(measured(partial(published, model, asked.seconds), x))
                print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
