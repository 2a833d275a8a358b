"""An installation without the libraries of an audit says which line installs them, through every door."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from bundle_files import MEMBERSHIP, zipped
from report_examples import membership_report

import leakgauge
from leakgauge.errors import AuditFailed
from leakgauge.extras import ACCOUNTANT, LIBRARIES, MODULES, check, installed, needed
from leakgauge.inversion.attacks import ATTACKS as INVERSION_ATTACKS
from leakgauge.membership.attacks import ATTACKS as MEMBERSHIP_ATTACKS
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
NETWORK_LINE = "pip install 'leakgauge[membership-nn]'"
MEMBERSHIP_LINE = "pip install 'leakgauge[membership]'"
INVERSION_LINE = "pip install 'leakgauge[inversion]'"
SERVE_LINE = "pip install 'leakgauge[serve]'"
PDF_LINE = "pip install 'leakgauge[pdf]'"
DEMO_LINE = "pip install 'leakgauge[demo]'"
AUDIT = "import leakgauge; leakgauge.audit('tables.zip')"


def runner(tmp_path, absent):
    """Runs a command where none of the modules `absent` can be imported, by any process."""
    (tmp_path / "sitecustomize.py").write_text(BLOCKER.format(absent=sorted(absent)))

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


@pytest.fixture
def bare(tmp_path):
    """Run a command in the base installation, which has no module of any extra."""
    (tmp_path / "tables.zip").write_bytes(zipped(MEMBERSHIP))
    (tmp_path / "images.zip").write_bytes(zipped({"net.onnx": b"\x08\x08\x12\x01x", "input_image.png": b"x"}))
    (tmp_path / "report.json").write_bytes(to_json(membership_report(n=60)))
    extras = {module for modules in MODULES.values() for module in modules}
    return runner(tmp_path, extras | {*LIBRARIES, ACCOUNTANT, "werkzeug"})


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["audit", "tables.zip"], MEMBERSHIP_LINE),
        (["audit", "images.zip"], INVERSION_LINE),
        (["sanitize", "tables.zip", "-o", "new.pkl"], MEMBERSHIP_LINE),
        (["compare", "tables.zip", "--defence", "rounding=2"], MEMBERSHIP_LINE),
        (["demo", "--port", "0"], DEMO_LINE),
        (["serve"], SERVE_LINE),
        (["report", "report.json", "--pdf"], PDF_LINE),
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


def test_the_base_installation_has_its_commands_and_its_public_names(bare):
    assert "serve" in bare("-m", "leakgauge", "--help").stdout
    names = bare("-c", "import leakgauge; print(*(getattr(leakgauge, name) for name in leakgauge.__all__))")
    assert (names.returncode, names.stderr) == (0, "")


@pytest.fixture(scope="module")
def without_torch(tmp_path_factory):
    """A sample's report.json, made where there is all but PyTorch."""
    folder = tmp_path_factory.mktemp("without-torch")
    attacks = 'attacks=["gap", "learned_nn", "learned_rf"]'
    parameters = (attacks, "tradeoffs=false", "proportions=[50, 90]", "max_records=200")
    done = runner(folder, {"torch"})(
        *("-m", "leakgauge", "audit", str(ROOT / "sample-input" / "membership.zip"), "-o", "report"),
        *(word for parameter in parameters for word in ("--parameter", parameter)),
    )
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "report" / "report.json").read_bytes())


def test_without_torch_the_row_of_the_network_tells_what_brings_it_and_the_others_stand(without_torch):
    outcomes = {attack["name"]: attack for attack in without_torch["attacks"]}
    assert outcomes["learned_nn"]["status"] == "not_applicable"
    assert NETWORK_LINE in outcomes["learned_nn"]["reason"]
    assert outcomes["gap"]["status"] == outcomes["learned_rf"]["status"] == "measured"


def test_without_torch_the_table_of_shares_has_the_other_rows_and_tells_what_it_lacks(without_torch):
    rows = {(row["percentage"], row["attack_model"]) for row in without_torch["leak_by_proportion"]}
    assert rows == {(50, "RF"), (90, "RF")}
    (notice,) = (told for told in without_torch["warnings"] if told["code"] == "attack_model_not_installed")
    assert "learned_nn" in notice["message"]
    assert NETWORK_LINE in notice["message"]


def test_torch_is_imported_by_the_attack_that_needs_it_alone():
    program = "import sys, leakgauge.membership.audit, leakgauge.sandbox.child; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_triton_which_ends_a_process_that_has_tensorflow_is_never_loaded(tmp_path):
    (tmp_path / "triton").mkdir()
    (tmp_path / "triton" / "__init__.py").write_text("import os; os._exit(9)")
    program = (
        "import numpy as np\n"
        "from leakgauge.membership.attacks.learned_nn import attack_model\n"
        "from leakgauge.membership.held_out import splits\n"
        "from leakgauge.progress import Silent\n"
        "member, rng = np.arange(60) < 30, np.random.default_rng(0)\n"
        "cut = list(splits(member, percentage=40, rng=rng))\n"
        "attack_model(rng.normal(size=(60, 4)), member, cut, progress=Silent())\n"
    )
    done = runner(tmp_path, set())("-c", program)
    assert done.returncode == 0, done.stderr


def test_a_service_without_torch_starts(tmp_path):
    program = (
        "from leakgauge.sandbox.parent import Sandbox\n"
        "with Sandbox(only='membership', preload=True) as sandbox:\n"
        "    sandbox.start()\n"
        "    print(sandbox.wait_ready(100.0))\n"
    )
    done = runner(tmp_path, {"torch"})("-c", program)
    assert done.stdout == "True\n", done.stderr


def test_every_library_of_a_row_comes_with_an_extra_that_exists():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    rows = [*MEMBERSHIP_ATTACKS, *INVERSION_ATTACKS]
    assert {row.library for row in rows} - {None} <= set(LIBRARIES)
    assert set(MODULES) <= set(extras)
    for library in LIBRARIES.values():
        assert any(need.startswith(library.distribution) for need in extras[library.extra])


def test_the_base_installation_needs_no_library_of_an_extra():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needs = {re.split(r"[^a-z0-9-]", need.lower())[0] for need in project["dependencies"]}
    assert not needs & {"flask", "gunicorn", "torch", "scikit-learn", "pandas", "tensorflow-cpu", "keras"}
    assert not any("torch" in need for need in project["optional-dependencies"]["membership"])


def test_a_folder_that_bears_the_name_of_a_library_is_not_that_library(tmp_path, monkeypatch):
    (tmp_path / "no_such_library").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert not installed("no_such_library")
    (tmp_path / "no_such_library" / "__init__.py").touch()
    assert installed("no_such_library")


def test_the_python_door_raises_an_error_of_the_tree(bare):
    done = bare("-c", AUDIT)
    assert "leakgauge.errors.AuditFailed: This needs the extra membership" in done.stderr
    caught = f"try: {AUDIT.replace('; ', chr(10) + '    ')}\nexcept Exception as error: print(error.hint)"
    assert bare("-c", caught.replace("try: ", "try:\n    ")).stdout == f"Install it with: {MEMBERSHIP_LINE}\n"


@pytest.mark.parametrize("extra", MODULES)
def test_here_all_are_installed(extra):
    check(extra)


@pytest.mark.parametrize("barred", [{"sklearn"}, {"joblib", "pandas"}])
def test_what_is_absent_is_named(barred, monkeypatch):
    for module in barred:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(AuditFailed) as raised, needed("membership"):
        raise AssertionError("what needs it was begun")
    assert set(raised.value.details["modules"]) == barred
    assert MEMBERSHIP_LINE in raised.value.hint


def test_a_module_that_is_missed_later_is_told_alike_but_no_bug_of_ours():
    with pytest.raises(AuditFailed) as raised, needed("membership"):
        raise ModuleNotFoundError("No module named 'scipy.sparse'", name="scipy.sparse")
    assert raised.value.details["modules"] == ["scipy"]
    for name in ("leakgauge.nowhere", None):
        with pytest.raises(ModuleNotFoundError), needed("membership"):
            raise ModuleNotFoundError("x", name=name)


def test_dp_sgd_alone_asks_for_the_accountant(monkeypatch):
    monkeypatch.setitem(sys.modules, ACCOUNTANT, None)
    check("demo")
    with pytest.raises(AuditFailed) as raised:
        check("demo", [ACCOUNTANT])
    assert DEMO_LINE in raised.value.hint


def test_without_mlflow_the_command_that_brings_it_is_told(tmp_path):
    with pytest.raises(AuditFailed) as told:
        leakgauge.log_to_mlflow(tmp_path)
    assert "pip install 'leakgauge[mlflow]'" in told.value.hint
