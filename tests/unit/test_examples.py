"""The notebooks of `examples/` run, from their first cell to their last, in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
RUN_WITH_THE_IMAGES = "sagemaker-local-mode.ipynb"
"""By `tests/images/test_sagemaker_local.py`, in the environment of the SDK."""
NEEDED = {
    "boosters-from-memory.ipynb": ("xgboost", "lightgbm"),
    "gate-on-a-pull-request.ipynb": ("sklearn",),
    "image-classifier.ipynb": ("keras", "sklearn"),
    "pipeline-with-text.ipynb": ("sklearn",),
}
PRINTED = {
    "boosters-from-memory.ipynb": ("rmia", "lira"),
    "gate-on-a-pull-request.ipynb": (
        "::error",
        "exit code 1",
        "exit code 0",
        "this model leaks less than the earlier model",
    ),
    "image-classifier.ipynb": ("leakage", "test accuracy 0.9"),
    "pipeline-with-text.ipynb": ("beats guessing", "The change reduces the leak"),
}
REPORTS = {
    "boosters-from-memory.ipynb": 2,
    "gate-on-a-pull-request.ipynb": 0,
    "image-classifier.ipynb": 1,
    "pipeline-with-text.ipynb": 1,
}
"""How many pages a notebook shows."""
LAST = {
    "boosters-from-memory.ipynb": "True",
    "gate-on-a-pull-request.ipynb": "(1, 0)",
    "image-classifier.ipynb": "(898, 899)",
    "pipeline-with-text.ipynb": "'reduces'",
}
NOTEBOOKS = sorted(path.name for path in EXAMPLES.glob("*.ipynb"))

PROGRAM = """
import ast, json, sys
namespace = {"__name__": "__main__"}
shown = []
for number, cell in enumerate(json.load(open(sys.argv[1]))["cells"]):
    if cell["cell_type"] != "code":
        continue
    code = ast.parse("".join(cell["source"]))
    # as a notebook does: the value of a last expression is shown
    last = code.body.pop() if code.body and isinstance(code.body[-1], ast.Expr) else None
    exec(compile(code, f"cell {number}", "exec"), namespace)
    if last is not None:
        value = eval(compile(ast.Expression(last.value), f"cell {number}", "eval"), namespace)
        page = getattr(value, "_repr_html_", None)
        shown.append({"cell": number, "text": repr(value), "page": page() if page else None})
print(json.dumps(shown))
"""


def run(name):
    """What the cells of a notebook show, in a fresh interpreter."""
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(EXAMPLES / name)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"LEAKGAUGE_EXAMPLES": str(EXAMPLES)},
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    return ended.stdout


def test_every_notebook_is_tested():
    assert sorted([*NEEDED, RUN_WITH_THE_IMAGES]) == NOTEBOOKS


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_kept_without_outputs(name):
    """What it shows is of the day it was run; a diff of it shows nothing else."""
    for cell in json.loads((EXAMPLES / name).read_text())["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(NEEDED))
def test_a_notebook_runs(name):
    missing = [module for module in NEEDED[name] if find_spec(module) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    *printed, shown = run(name).splitlines()
    text = "\n".join(printed)
    assert all(words in text for words in PRINTED[name])
    values = json.loads(shown)
    reports = [one for one in values if one["text"].startswith(("<MembershipResult: ", "<InversionResult: "))]
    assert len(reports) == REPORTS[name]
    assert all("<iframe" in one["page"] for one in reports)
    assert values[-1]["text"] == LAST[name]
