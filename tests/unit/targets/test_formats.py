"""The table of formats is the one place that knows them: a new kind of model is one file and one row."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import toy_format
from bundle_files import laid_out, refused
from cases import audited
from format_samples import SAMPLES, SIDE, X

from leakgauge.errors import UnsupportedModel
from leakgauge.report.model import MembershipMeasured, NotApplicable
from leakgauge.targets import formats
from leakgauge.targets.formats import FORMATS, Format, format_of, kind_in_bundle, sanitizer_of
from leakgauge.targets.opening import open_image_model, open_table_model
from leakgauge.targets.signs import Data
from leakgauge.targets.unread_formats import UNREAD

PAGE = Path(__file__).parents[3] / "docs" / "supported-models.md"

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def str_of(value: Format | str) -> str:
    return value.name if isinstance(value, Format) else value


def missing_places(rows: Iterable[Format]) -> list[str]:
    """What a row still needs besides itself, each with the place where it belongs."""
    page = PAGE.read_text()
    found = []
    for row in rows:
        if f"| `{row.name}` |" not in page:
            found.append(f"docs/supported-models.md has no line for {row.name}: run `make docs`")
        found += [
            f"tests/support/format_samples.py has no sample of {row.name} on {data}"
            for data in row.audited_on
            if (row.name, data) not in SAMPLES
        ]
        places = [place for place in (*row.loaders.values(), row.sanitizer) if place is not None]
        found += [f"{place}, of {row.name}, is nowhere" for place in places if not is_there(place)]
    return found


def is_there(place: str) -> bool:
    module, _, name = place.partition(":")
    spec = importlib.util.find_spec(module)
    return spec is not None and f"def {name}(" in Path(spec.origin).read_text()


def test_every_row_has_its_line_in_the_docs_its_sample_and_its_file() -> None:
    assert missing_places(FORMATS) == []


def test_what_a_new_row_lacks_is_named() -> None:
    lacking = Format(
        name="brittle", words="a brittle model", suffixes=(".b",), loaders={"tables": "brittle:open"}
    )
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("brittle")
    assert missing_places([lacking]) == [
        "docs/supported-models.md has no line for brittle: run `make docs`",
        "tests/support/format_samples.py has no sample of brittle on tables",
        "brittle:open, of brittle, is nowhere",
    ]


def test_rows_do_not_stand_in_each_others_way() -> None:
    names = [row.name for row in FORMATS]
    suffixes = [suffix for row in (*FORMATS, *UNREAD) for suffix in row.suffixes]
    assert len(set(names)) == len(names)
    assert len(set(suffixes)) == len(suffixes)
    assert all(row.starts is not None or row.entries for row in (*FORMATS, *UNREAD))
    for data in ("tables", "images"):
        (default,) = [row for row in FORMATS if row.default_on == data]
        assert data in default.audited_on


@pytest.mark.parametrize(
    ("row", "data"), [(row, data) for row in FORMATS for data in row.audited_on], ids=str_of
)
def test_a_sample_is_told_by_its_bytes_opened_and_asked(row: Format, data: Data, tmp_path: Path) -> None:
    written = tmp_path / f"model{row.suffixes[0]}"
    SAMPLES[row.name, data](written)
    path = written.rename(tmp_path / "upload")  # the bytes must do
    assert format_of(path, data) is row
    assert kind_in_bundle(path.read_bytes()[: formats.HEAD_BYTES], "upload") is row
    if data == "tables":
        target = open_table_model(path)
        assert target.n_features == X.shape[1]
        answers = target.probabilities(X)
        assert target.labels(X).shape == (len(X),)
    else:
        target = open_image_model(path, image_size=(SIDE, SIDE))
        assert target.facts.format == row.name
        answers = target.probabilities(np.zeros((5, SIDE, SIDE, 1), dtype=np.float32))
    assert np.allclose(answers.sum(axis=1), 1.0)
    assert target.gives == "probabilities"
    assert (target.estimator is None) == (target.form is None)
    assert target.type_name


@pytest.mark.parametrize("row", [row for row in FORMATS if row.audited_on == ("tables",)], ids=str_of)
def test_a_model_of_tables_is_no_image_classifier(row: Format, tmp_path: Path) -> None:
    path = tmp_path / f"model{row.suffixes[0]}"
    SAMPLES[row.name, "tables"](path)
    with pytest.raises(UnsupportedModel) as caught:
        open_image_model(path, image_size=(SIDE, SIDE))
    assert caught.value.problem == "model_of_tables"
    assert row.words in caught.value.message


@pytest.mark.parametrize(
    ("row", "data"), [(row, data) for row in FORMATS if row.modules for data in row.audited_on], ids=str_of
)
def test_what_a_loader_needs_and_lacks_is_told_with_the_way_in(
    row: Format, data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"model{row.suffixes[0]}"
    SAMPLES[row.name, data](path)
    monkeypatch.setattr(formats, "find_spec", lambda module: None if module == row.modules[0] else object())
    with pytest.raises(UnsupportedModel) as caught:
        format_of(path, data).load(data, path)
    assert caught.value.problem == f"{row.library.lower()}_not_installed"
    assert caught.value.hint == row.without


# --- a toy format, in one file and one row -----------------------------------------------------------


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Format:
    monkeypatch.setattr(formats, "FORMATS", (*FORMATS, toy_format.ROW))
    return toy_format.ROW


def toy_bundle() -> dict[str, bytes]:
    """A toy that knows its 60 members by heart, with as many others."""
    rng = np.random.default_rng(3)
    records = [
        [*map(float, pair.round(3)), str(label)]
        for pair, label in zip(rng.normal(size=(120, 2)), rng.choice(["no", "yes"], size=120), strict=True)
    ]
    tables = [
        "".join(["a,b,label\n", *(f"{a},{b},{label}\n" for a, b, label in side)]).encode()
        for side in (records[:60], records[60:])
    ]
    model = {"columns": 2, "classes": ["no", "yes"], "members": records[:60]}
    return {
        "model.toy": b"TOY1 " + json.dumps(model).encode(),
        "train_mia.csv": tables[0],
        "test_mia.csv": tables[1],
    }


@pytest.mark.parametrize("name", ["model.toy", "clf.bin"])
def test_a_toy_format_is_audited(toy: Format, name: str, tmp_path: Path) -> None:
    files = toy_bundle()
    report = audited(laid_out({name: files.pop("model.toy"), **files}, tmp_path / "bundle"))
    assert report.target.type == "Toy"
    assert "The model is a toy." in [notice.message for notice in report.warnings]
    found = {attack.name: attack for attack in report.attacks}
    assert isinstance(found["loss"], MembershipMeasured)
    assert found["loss"].metrics.auc.value > 0.9
    for of_clones in ("rmia", "lira"):
        assert isinstance(found[of_clones], NotApplicable)


def test_a_toy_file_that_is_broken_is_refused_by_its_own_reader(toy: Format, tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.write_bytes(b"TOY1 {}")
    with pytest.raises(UnsupportedModel, match="The toy is broken"):
        open_table_model(path)


def test_a_format_without_a_sanitizer_says_so(toy: Format, tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.write_bytes(toy_bundle()["model.toy"])
    with pytest.raises(UnsupportedModel) as caught:
        sanitizer_of(path)
    assert caught.value.problem == "not_sanitized"
    assert "a toy model" in caught.value.message


def test_bundles_name_the_toy(toy: Format, tmp_path: Path) -> None:
    tables = {name: content for name, content in toy_bundle().items() if name != "model.toy"}
    assert "model.toy" in refused(tables, tmp_path / "a").hint
    images = {"model.toy": b"TOY1 {}", "input_image.png": b"\x89PNG"}
    error = refused(images, tmp_path / "b")
    assert error.code == "bad_bundle.wrong_model"
    assert "a toy model" in error.message


def test_without_its_row_a_toy_is_nothing_that_is_known(tmp_path: Path) -> None:
    files = toy_bundle()
    assert refused({"clf.bin": files.pop("model.toy"), **files}, tmp_path).code == "bad_bundle.no_model"
