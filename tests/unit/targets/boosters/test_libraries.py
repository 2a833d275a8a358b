"""A library that is installed and does not load is told by its name, in every kind of file."""

from __future__ import annotations

import importlib
import pickle

import pytest
import xgboost

from boosters import numbers
from leakgauge.errors import UnsupportedModel
from leakgauge.targets import libraries
from leakgauge.targets.formats import FORMATS
from leakgauge.targets.opening import open_table_model
from leakgauge.targets.pickles.estimators import BOOSTERS


@pytest.mark.parametrize("form", ["ubj", "pickle"])
@pytest.mark.parametrize("failure", [OSError("libgomp.so.1"), ImportError("no such module")])
def test_a_library_that_does_not_load_is_told_by_its_name(form, failure, tmp_path, monkeypatch):
    model = xgboost.XGBClassifier(n_estimators=1, n_jobs=1).fit(*numbers())
    content = pickle.dumps(model) if form == "pickle" else bytes(model.get_booster().save_raw("ubj"))
    (tmp_path / "model").write_bytes(content)

    def broken(name):
        if name.endswith("xgboost_opening"):
            raise failure
        return importlib.import_module(name)

    monkeypatch.setattr(libraries, "importlib", type("Broken", (), {"import_module": staticmethod(broken)}))
    with pytest.raises(UnsupportedModel) as caught:
        open_table_model(tmp_path / "model")
    assert caught.value.problem == "xgboost_not_installed"
    assert "libgomp1" in caught.value.hint
    assert type(failure).__name__ in caught.value.message


def test_every_library_of_pickles_has_its_row_of_files():
    assert {package for row in FORMATS for package in row.modules} >= BOOSTERS.keys()
