"""At least sixty ways to get it wrong, each with the answer it deserves.

Every row is a name, a bundle as bytes, and the status and code that must come
back. The bundles are made here, from one good one that is spoiled in one way.
"""

from __future__ import annotations

import functools
import gzip
import io
import json
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from canary import CANARY
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier


@dataclass(frozen=True)
class BadInput:
    name: str
    body: bytes
    status: int
    code: str


def table(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(n, 3)), columns=["age", "income", "visits"])
    return frame.assign(label=(frame.age + rng.normal(size=n) > 0).astype(int))


MEMBERS, SUBJECTS = table(60, 0), table(60, 1)
FEATURES = ["age", "income", "visits"]


@functools.cache
def forest() -> bytes:
    model = RandomForestClassifier(5, random_state=0).fit(MEMBERS[FEATURES], MEMBERS.label)
    return pickle.dumps(model)


def fitted(estimator: Any, frame: pd.DataFrame = MEMBERS) -> bytes:
    return pickle.dumps(estimator.fit(frame[FEATURES], frame.label))


def zipped(files: Mapping[str, bytes], **options: Any) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def csv(frame: pd.DataFrame, **options: Any) -> bytes:
    return frame.to_csv(index=False, **options).encode()


def bundle(**changes: bytes | None) -> bytes:
    """The good bundle with some files changed, added or, with None, left out. `__` stands for a dot."""
    files: dict[str, bytes | None] = {
        "model.pkl": forest(),
        "train_mia.csv": csv(MEMBERS),
        "test_mia.csv": csv(SUBJECTS),
    }
    files.update({name.replace("__", "."): content for name, content in changes.items()})
    return zipped({name: content for name, content in files.items() if content is not None})


def parameters(**values: Any) -> bytes:
    return bundle(parameters__json=json.dumps(values).encode())


def members(change: Callable[[pd.DataFrame], pd.DataFrame]) -> bytes:
    return bundle(train_mia__csv=csv(change(MEMBERS.copy())))


class Runs:
    """Pickles as a call of `function(*arguments)`."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


def code_running() -> dict[str, bytes]:
    """Ten kinds of pickles that would run code, each touching the canary if it could."""
    import importlib
    import os
    import runpy
    import subprocess
    import types

    command = f"touch {CANARY}"
    told = command.encode()
    protocol_0 = b"cos\nsystem\n(S'%b'\ntR." % told
    dotted = b"\x80\x04\x8c\x16sklearn.datasets._base\x8c\x09os.system\x93\x8c%c%b\x85R." % (len(told), told)
    instance = b"(S'%b'\nios\nsystem\n." % told
    return {
        "os.system": pickle.dumps(Runs(os.system, command)),
        "subprocess": pickle.dumps(Runs(subprocess.Popen, ["touch", str(CANARY)])),
        "eval": pickle.dumps(Runs(eval, f"__import__('os').system('{command}')")),
        "exec": pickle.dumps(Runs(exec, f"import os; os.system('{command}')")),
        "runpy": pickle.dumps(Runs(runpy.run_path, f"{CANARY}.py")),
        "import": pickle.dumps(Runs(importlib.import_module, "antigravity")),
        "partial": pickle.dumps(functools.partial(os.system, command)),
        "protocol 0": protocol_0,
        "dotted name": dotted,
        "INST": instance,
        "getattr": pickle.dumps(Runs(getattr, Runs(importlib.import_module, "os"), "system")),
        "simple namespace": pickle.dumps(types.SimpleNamespace(call=Runs(os.system, command))),
        "function transformer": pickle.dumps(
            make_pipeline(FunctionTransformer(pickle.loads, check_inverse=False), StandardScaler())
        ),
    }


def overlapping() -> bytes:
    """Two entries of the directory that point at the same bytes."""
    honest = bundle()
    with zipfile.ZipFile(io.BytesIO(honest)) as archive:
        first, second = archive.infolist()[:2]
    start = honest.rindex(b"PK\x01\x02", 0, honest.rindex(b"PK\x05\x06"))
    directory = honest.index(b"PK\x01\x02")
    entry = directory + 46 + len(first.filename)  # the second entry of the directory
    spoiled = bytearray(honest)
    assert start >= directory
    struct.pack_into("<L", spoiled, entry + 42, first.header_offset)
    assert second.header_offset != first.header_offset
    return bytes(spoiled)


def bomb() -> bytes:
    return bundle(train_mia__csv=b"0" * (300 << 20))


def encrypted() -> bytes:
    spoiled = bytearray(bundle())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        spoiled[spoiled.index(signature) + flags] |= 1
    return bytes(spoiled)


def link() -> bytes:
    packed = io.BytesIO(bundle(test_mia__csv=None))
    with zipfile.ZipFile(packed, "a") as archive:
        entry = zipfile.ZipInfo("test_mia.csv")
        entry.external_attr = 0o120777 << 16
        archive.writestr(entry, "/etc/passwd")
    return packed.getvalue()


def tar() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("model.pkl"))
    return packed.getvalue()


def from_the_future() -> bytes:
    return forest().replace(_version().encode(), b"9" + _version()[1:].encode())


def _version() -> str:
    import sklearn

    return sklearn.__version__


@functools.cache
def bad_inputs() -> tuple[BadInput, ...]:
    rows: list[tuple[str, bytes, int, str]] = [
        # the archive
        ("nothing at all", b"", 400, "bad_bundle.empty_body"),
        ("text", b"hello, is this the audit?", 400, "bad_bundle.not_a_zip"),
        ("a bare pickle", forest(), 400, "bad_bundle.not_a_zip"),
        ("gzip", gzip.compress(b"x" * 100), 400, "bad_bundle.not_a_zip"),
        ("tar", tar(), 400, "bad_bundle.not_a_zip"),
        ("truncated", bundle()[:-200], 400, "bad_bundle.truncated_zip"),
        ("first half", bundle()[:2000], 400, "bad_bundle.truncated_zip"),
        ("empty zip", zipped({}), 400, "bad_bundle.no_files"),
        ("bomb", bomb(), 413, "limit_exceeded.ratio"),
        ("overlapping", overlapping(), 400, "bad_bundle.overlapping_entries"),
        ("slip", zipped({"../model.pkl": forest()}), 400, "bad_bundle.path_traversal"),
        ("absolute", zipped({"/etc/model.pkl": forest()}), 400, "bad_bundle.absolute_path"),
        ("drive", zipped({"C:\\model.pkl": forest()}), 400, "bad_bundle.drive_letter"),
        ("encrypted", encrypted(), 400, "bad_bundle.encrypted"),
        ("link", link(), 400, "bad_bundle.link"),
        ("two of one name", bundle(MODEL__PKL=forest()), 400, "bad_bundle.duplicate_name"),
        ("too deep", zipped({"a/b/c/model.pkl": forest()}), 413, "limit_exceeded.depth"),
        ("too many", zipped({f"{n}.txt": b"" for n in range(1200)}), 413, "limit_exceeded.entries"),
        # what is in it
        ("no model", bundle(model__pkl=None), 400, "bad_bundle.no_model"),
        ("two models", bundle(model__joblib=forest()), 400, "bad_bundle.two_model"),
        ("no members", bundle(train_mia__csv=None), 400, "bad_bundle.no_members"),
        ("no subjects", bundle(test_mia__csv=None), 400, "bad_bundle.no_subjects"),
        ("two members", bundle(members__csv=csv(MEMBERS)), 400, "bad_bundle.two_members"),
        ("other files", zipped({"readme.txt": b"hello"}), 400, "bad_bundle.unknown_kind"),
        # the model
        *(
            (f"runs code by {kind}", bundle(model__pkl=data), 422, "unsafe_model.refused_globals")
            for kind, data in code_running().items()
        ),
        (
            "a regressor of several numbers",
            bundle(
                model__pkl=pickle.dumps(
                    RandomForestRegressor(3).fit(MEMBERS[FEATURES], MEMBERS[FEATURES].iloc[:, :2])
                )
            ),
            422,
            "unsupported_model.multi_output",
        ),
        (
            "clusterer",
            bundle(model__pkl=pickle.dumps(KMeans(2).fit(MEMBERS[FEATURES]))),
            422,
            "unsupported_model.not_a_classifier",
        ),
        (
            "transformer",
            bundle(model__pkl=fitted(StandardScaler())),
            422,
            "unsupported_model.not_a_classifier",
        ),
        (
            "unfitted",
            bundle(model__pkl=pickle.dumps(RandomForestClassifier())),
            422,
            "unsupported_model.not_fitted",
        ),
        ("a dictionary", bundle(model__pkl=pickle.dumps({"model": 1})), 422, "unsupported_model.not_a_model"),
        ("truncated model", bundle(model__pkl=forest()[:-100]), 422, "unsupported_model.unreadable"),
        ("empty model", bundle(model__pkl=b""), 422, "unsupported_model.empty_file"),
        ("text model", bundle(model__pkl=b"<html>not found</html>"), 422, "unsupported_model.not_a_model"),
        ("from the future", bundle(model__pkl=from_the_future()), 422, "unsupported_model.future_version"),
        (
            "two outputs",
            bundle(
                model__pkl=pickle.dumps(
                    DecisionTreeClassifier().fit(MEMBERS[FEATURES], MEMBERS[["label", "label"]].to_numpy())
                )
            ),
            422,
            "unsupported_model.multi_output",
        ),
        (
            "one class",
            bundle(
                model__pkl=pickle.dumps(
                    DecisionTreeClassifier().fit(MEMBERS[FEATURES], np.ones(len(MEMBERS)))
                )
            ),
            422,
            "unsupported_model.single_class",
        ),
        # the tables
        ("three rows", members(lambda t: t[:3]), 400, "bad_bundle.too_few_records"),
        ("no rows", members(lambda t: t[:0]), 400, "bad_bundle.no_rows"),
        ("empty table", bundle(train_mia__csv=b""), 400, "bad_bundle.empty_table"),
        ("one column", members(lambda t: t[["label"]]), 400, "bad_bundle.too_few_columns"),
        ("a column less", members(lambda t: t.drop(columns="age")), 400, "bad_bundle.missing_columns"),
        (
            "a column misspelt",
            members(lambda t: t.rename(columns={"age": "Age"})),
            400,
            "bad_bundle.missing_columns",
        ),
        (
            "subjects lack a column",
            bundle(test_mia__csv=csv(SUBJECTS.drop(columns="age"))),
            400,
            "bad_bundle.missing_columns",
        ),
        ("ragged", bundle(train_mia__csv=csv(MEMBERS) + b"1,2,3,4,5,6\n"), 400, "bad_bundle.ragged_row"),
        (
            "unterminated quote",
            bundle(train_mia__csv=csv(MEMBERS) + b'"1,2,3,1\n'),
            400,
            "bad_bundle.unterminated_quote",
        ),
        ("latin-1", bundle(train_mia__csv=csv(MEMBERS) + b"\xe9,2,3,1\n"), 400, "bad_bundle.encoding"),
        ("NUL", bundle(train_mia__csv=csv(MEMBERS) + b"1\x00,2,3,1\n"), 400, "bad_bundle.nul_byte"),
        (
            "twice a column",
            bundle(train_mia__csv=csv(MEMBERS).replace(b"income", b"age", 1)),
            400,
            "bad_bundle.duplicate_columns",
        ),
        (
            "broken parquet",
            bundle(train_mia__csv=None, train_mia__parquet=b"PAR1" + b"\0" * 50),
            400,
            "bad_bundle.damaged_parquet",
        ),
        (
            "broken gzip",
            bundle(train_mia__csv=gzip.compress(csv(MEMBERS))[:-30]),
            400,
            "bad_bundle.damaged_gzip",
        ),
        (
            "an image",
            bundle(train_mia__csv=b"\x89PNG\r\n\x1a\n" + b"\0" * 50),
            400,
            "bad_bundle.encoding",
        ),
        ("one label", members(lambda t: t.assign(label=1)), 400, "bad_bundle.one_label"),
        (
            "missing label",
            members(lambda t: t.assign(label=t.label.where(t.index != 7))),
            400,
            "bad_bundle.missing_labels",
        ),
        (
            "unseen label",
            members(lambda t: t.assign(label=t.label.where(t.index != 7, 9))),
            400,
            "bad_bundle.unknown_labels",
        ),
        (
            "text label",
            members(lambda t: t.assign(label=t.label.map({0: "no", 1: "yes"}))),
            400,
            "bad_bundle.unknown_labels",
        ),
        (
            "text",
            members(lambda t: t.assign(age=t.age.astype(str).where(t.index != 5, "old"))),
            400,
            "bad_bundle.text_in_numbers",
        ),
        (
            "infinite",
            members(lambda t: t.assign(age=t.age.where(t.index != 5, np.inf))),
            400,
            "bad_bundle.infinite_values",
        ),
        (
            "missing value",
            bundle(
                model__pkl=fitted(LogisticRegression()),
                train_mia__csv=csv(MEMBERS.assign(age=MEMBERS.age.where(MEMBERS.index != 5))),
            ),
            400,
            "bad_bundle.missing_values",
        ),
        (
            "members are subjects",
            bundle(test_mia__csv=csv(MEMBERS)),
            400,
            "bad_bundle.members_among_non_members",
        ),
        # the parameters
        ("not JSON", bundle(parameters__json=b"{seed: 1"), 422, "bad_parameters.not_json"),
        ("not an object", bundle(parameters__json=b"[1]"), 422, "bad_parameters.not_an_object"),
        ("unknown parameter", parameters(sead=1), 422, "bad_parameters.invalid"),
        ("seed as text", parameters(seed="one"), 422, "bad_parameters.invalid"),
        ("proportion of 95", parameters(proportions=[95]), 422, "bad_parameters.invalid"),
        ("no proportions", parameters(proportions=[]), 422, "bad_parameters.invalid"),
        ("unknown attack", parameters(attacks=["tarot"]), 422, "bad_parameters.unknown_attack"),
        ("unknown label column", parameters(label_column="lable"), 422, "bad_parameters.unknown_column"),
        ("unknown group column", parameters(group_column="region"), 422, "bad_parameters.unknown_column"),
        (
            "a group for each",
            parameters(group_column="age", max_records=1000),
            422,
            "bad_parameters.too_many_groups",
        ),
    ]
    return tuple(BadInput(*row) for row in rows)
