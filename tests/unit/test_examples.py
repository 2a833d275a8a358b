"""The notebooks of `examples/` run, from their first cell to their last, in a process of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
NEEDED = {"boosters-from-memory.ipynb": ("xgboost", "lightgbm"), "pipeline-with-text.ipynb": ("sklearn",)}
PRINTED = {
    "boosters-from-memory.ipynb": ("rmia", "lira"),
    "pipeline-with-text.ipynb": ("beats guessing", "The change reduces the leak"),
}
REPORTS = {"boosters-from-memory.ipynb": 2, "pipeline-with-text.ipynb": 1}
"""How many pages a notebook shows."""
LAST = {"boosters-from-memory.ipynb": "True", "pipeline-with-text.ipynb": "'reduces'"}
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
        [sys.executable, "-c", PROGRAM, str(EXAMPLES / name)], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    return ended.stdout


def test_every_notebook_is_tested():
    assert sorted(NEEDED) == NOTEBOOKS


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_kept_without_outputs(name):
    """What it shows is of the day it was run; a diff of it shows nothing else."""
    for cell in json.loads((EXAMPLES / name).read_text())["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs(name):
    missing = [module for module in NEEDED[name] if find_spec(module) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    *printed, shown = run(name).splitlines()
    text = "\n".join(printed)
    assert all(words in text for words in PRINTED[name])
    values = json.loads(shown)
    reports = [one for one in values if one["text"].startswith("<MembershipResult: ")]
    assert len(reports) == REPORTS[name]
    assert all("<iframe" in one["page"] for one in reports)
    assert values[-1]["text"] == LAST[name]
