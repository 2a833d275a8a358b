"""An installation without the libraries of an audit says which line installs them, through every door."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from bundle_files import MEMBERSHIP, zipped
from report_examples import membership_report

from leakgauge.errors import AuditFailed
from leakgauge.extras import ACCOUNTANT, MODULES, check, needed
from leakgauge.report.json_document import to_json

ROOT = Path(__file__).parents[2]
BLOCKER = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocker())
"""
MEMBERSHIP_LINE = "pip install 'leakgauge[membership]'"
INVERSION_LINE = "pip install 'leakgauge[inversion]'"
DEMO_LINE = "pip install 'leakgauge[demo]'"
AUDIT = "import leakgauge; leakgauge.audit('tables.zip')"


@pytest.fixture
def bare(tmp_path):
    """Run a command where none of the extras' modules can be imported, by any process."""
    absent = {module for modules in MODULES.values() for module in modules} | {ACCOUNTANT, "skops"}
    (tmp_path / "sitecustomize.py").write_text(BLOCKER.format(absent=sorted(absent)))
    (tmp_path / "tables.zip").write_bytes(zipped(MEMBERSHIP))
    (tmp_path / "images.zip").write_bytes(zipped({"net.onnx": b"\x08\x08\x12\x01x", "input_image.png": b"x"}))
    (tmp_path / "report.json").write_bytes(to_json(membership_report(n=60)))

    def run(*arguments):
        return subprocess.run(
            [sys.executable, *arguments],
            env=os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT / 'src'}"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["audit", "tables.zip"], MEMBERSHIP_LINE),
        (["audit", "images.zip"], INVERSION_LINE),
        (["sanitize", "tables.zip", "-o", "new.pkl"], MEMBERSHIP_LINE),
        (["compare", "tables.zip", "--defence", "rounding=2"], MEMBERSHIP_LINE),
        (["demo", "--port", "0"], DEMO_LINE),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_the_command_line_tells_the_line_and_nothing_else(bare, arguments, line):
    done = bare("-m", "leakgauge", *arguments)
    assert done.returncode == 4
    assert done.stderr.splitlines()[-1] == f"hint: Install it with: {line}"
    assert sum("extra" in told for told in done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert "{" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("arguments", [["gate", "report.json"], ["compare", "report.json", "report.json"]])
def test_what_needs_no_extra_works_without_one(bare, arguments):
    done = bare("-m", "leakgauge", *arguments)
    assert done.returncode == (1 if arguments[0] == "gate" else 0)
    assert "extra" not in done.stderr


def test_the_python_door_raises_an_error_of_the_tree(bare):
    done = bare("-c", AUDIT)
    assert "leakgauge.errors.AuditFailed: This needs the extra membership" in done.stderr
    caught = f"try: {AUDIT.replace('; ', chr(10) + '    ')}\nexcept Exception as error: print(error.hint)"
    assert bare("-c", caught.replace("try: ", "try:\n    ")).stdout == f"Install it with: {MEMBERSHIP_LINE}\n"


@pytest.mark.parametrize("extra", MODULES)
def test_here_all_are_installed(extra):
    check(extra)


@pytest.mark.parametrize("barred", [{"sklearn"}, {"torch", "pandas"}])
def test_what_is_absent_is_named(barred, monkeypatch):
    for module in barred:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(AuditFailed) as raised, needed("membership"):
        raise AssertionError("what needs it was begun")
    assert set(raised.value.details["modules"]) == barred
    assert MEMBERSHIP_LINE in raised.value.hint


def test_a_module_that_is_missed_later_is_told_alike_but_no_bug_of_ours():
    with pytest.raises(AuditFailed) as raised, needed("membership"):
        raise ModuleNotFoundError("No module named 'skops.io'", name="skops.io")
    assert raised.value.details["modules"] == ["skops"]
    for name in ("leakgauge.nowhere", None):
        with pytest.raises(ModuleNotFoundError), needed("membership"):
            raise ModuleNotFoundError("x", name=name)


def test_dp_sgd_alone_asks_for_the_accountant(monkeypatch):
    monkeypatch.setitem(sys.modules, ACCOUNTANT, None)
    check("demo")
    with pytest.raises(AuditFailed) as raised:
        check("demo", [ACCOUNTANT])
    assert DEMO_LINE in raised.value.hint
