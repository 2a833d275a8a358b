"""Thousands of hostile and mutated requests to a real server.

    python benchmarks/hostile_requests.py KIND [REQUESTS] [RESULTS]

KIND is membership or inversion. First every file of the hostile corpus goes in, then mutations of
them and of other bundles: good ones, skops files, models of boosting libraries, regressors, answers of
an endpoint in place of a model, zips by several tools, what others sent before. Bytes are changed, cut,
doubled or exchanged, in the zip as a whole or in a file within it; some requests are broken themselves.

Nothing may run, which a canary file and a canary socket would tell: the server is kept from using
Landlock, so that the file could be written. (Root needs a Python for it that other users can read.) No
worker may die, no answer be a 500 or without a name.
RESULTS, by default benchmarks/results/hostile_requests_KIND.md, gets the figures.
"""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import io
import json
import os
import pickle
import random
import socket
import sys
import tempfile
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import skops.io
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

import bad_inputs  # noqa: E402 - lies beside the tests, as do the next two
from hostile_corpus import corpus  # noqa: E402
from served import ZIP, Server, children_of, running  # noqa: E402

ESTIMATORS = (
    LogisticRegression(),
    KNeighborsClassifier(3),
    RandomForestClassifier(3, max_depth=3),
    HistGradientBoostingClassifier(max_iter=3),
    GradientBoostingClassifier(n_estimators=3),
    MLPClassifier((4,), solver="lbfgs", max_iter=2_000),
    make_pipeline(StandardScaler(), SVC()),
)
SEED = 0
CLIENTS = 2
QUICK = {
    "membership": {"attacks": ["gap", "loss"], "proportions": [50], "reference_models": 0},
    "inversion": {"iterations": [20], "seeds": 1, "class_to_attack": 1},
}
CANARY = Path(tempfile.gettempdir()) / "leakgauge-canary"
HEADERS = (
    {"Content-Type": "text/plain"},
    {"Content-Type": "multipart/form-data; boundary=x"},
    {"Accept": "image/png"},
    {"Accept": "text/csv;q=2, */*;q=nonsense"},
    {"X-Amzn-SageMaker-Custom-Attributes": "timeout=soon"},
    {"X-Amzn-SageMaker-Custom-Attributes": "timeout=1"},
    {"X-Request-Id": "../../etc/passwd"},
    {"Content-Encoding": "gzip"},
    {"Expect": "100-continue"},
)


@dataclass
class Tally:
    """What came back."""

    codes: Counter[str] = field(default_factory=Counter)
    unexpected: list[str] = field(default_factory=list)
    broken_off: int = 0
    refused: list[float] = field(default_factory=list)
    served: list[float] = field(default_factory=list)
    """seconds; what is sound in spite of its mutations is audited, which takes its time"""


def main(kind: str, requests: int, results: Path) -> int:
    """Send them all; 1 when one of the promises was broken."""
    CANARY.unlink(missing_ok=True)
    tally, lock = Tally(), threading.Lock()
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        folder_for_all_users() as folder,
        running(
            folder,
            app=None,
            under=[sys.executable, ROOT / "tests" / "support" / "old_kernel.py"],
            LEAKGAUGE_AUDIT=kind,
        ) as server,
    ):
        listening.setblocking(False)
        known: list[tuple[bytes, str | None]] = [*cases(kind, port=listening.getsockname()[1])]
        known += [(body, None) for body in others(kind)]
        first = server.invoke(known[0][0])  # the libraries are imported by then
        if first.status != 200:
            sys.exit(f"no audit starts here, so nothing would be shown: {first.code}; see `leakgauge doctor`")
        family = [server.worker, *children_of(server.worker)]
        waiting = iter(stream(kind, known, requests))

        def work() -> None:
            while True:
                with lock:
                    item = next(waiting, None)
                if item is None:
                    return
                answer(server, *item, tally, lock)

        begun = time.monotonic()
        threads = [threading.Thread(target=work) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.monotonic() - begun
        deaths = [server.worker, *children_of(server.worker)] != family
        try:
            listening.accept()
            called = True
        except BlockingIOError:
            called = False
        crashed = [line for line in server.lines() if '"unexpected"' in line or "audit failed" in line]
    return told(kind, tally, len(known), took, executed=CANARY.exists() or called, deaths=deaths,
                crashed=crashed, results=results)  # fmt: skip


@contextlib.contextmanager
def folder_for_all_users() -> Iterator[Path]:
    """A temporary folder that any user may enter: without Landlock, root's audits have users of their own."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o711)
        yield Path(name)


def told(kind: str, tally: Tally, known: int, took: float, *, executed: bool, deaths: bool,
         crashed: list[str], results: Path) -> int:  # fmt: skip
    """Write and judge the figures."""
    sent = len(tally.refused) + len(tally.served)
    failures = sum(count for code, count in tally.codes.items() if code.startswith("500"))
    nameless = sum(count for code, count in tally.codes.items() if code.endswith(" ?"))
    slow = sorted(tally.refused)[int(0.99 * len(tally.refused))]
    rows = {
        "requests": f"{sent:,}, of which {known:,} of the corpus",
        "load of the machine at the end; processors": f"{os.getloadavg()[0]:.0f}; {os.cpu_count()}",
        "code executed": "yes" if executed else "none",
        "worker or fork server died": "yes" if deaths else "never",
        "answers of 500": str(failures),
        "answers without a name": str(nameless),
        "connections broken off": str(tally.broken_off),
        "of the corpus, another error than its own": str(len(tally.unexpected)),
        "seconds to a refusal: median, 99 %, longest": _spread(tally.refused),
        "seconds to a report: median, 99 %, longest": _spread(tally.served),
        "requests a second": f"{sent / took:.1f}",
    }
    lines = ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]
    lines += ["", "| answer | times |", "|---|---|"]
    lines += [f"| {code} | {count} |" for code, count in tally.codes.most_common()]
    text = "\n".join(lines) + "\n"
    print(text)
    print("\n".join([*tally.unexpected[:40], *crashed[:40]]))
    results.parent.mkdir(exist_ok=True)
    command = f"python benchmarks/hostile_requests.py {kind} {sent}"
    results.write_text(f"# Hostile requests: {kind}\n\nWritten by `{command}`.\n\n{text}")
    return 1 if executed or deaths or failures or nameless or tally.broken_off or slow > 2.0 else 0


def _spread(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    places = [min(int(len(ordered) * share), len(ordered) - 1) for share in (0.5, 0.99, 1)]
    return ", ".join(f"{ordered[place]:.2f}" for place in places) if ordered else "none"


def answer(
    server: Server, body: bytes, headers: dict[str, str], code: str | None, tally: Tally, lock: threading.Lock
) -> None:
    """Send one request and count what comes back."""
    begun = time.monotonic()
    try:
        reply = server.send("POST", "/invocations", body=body, headers=ZIP | headers)
        status, found = reply.status, reply.code if reply.status != 200 else "served"
    except (OSError, http.client.HTTPException):
        with lock:
            tally.broken_off += 1
        return
    except (ValueError, KeyError):
        found = "?"
    with lock:
        (tally.served if status == 200 else tally.refused).append(time.monotonic() - begun)
        tally.codes[f"{status} {found}"] += 1
        if code is not None and found != code:
            tally.unexpected.append(f"{code} expected, {found} found")


def stream(
    kind: str, known: list[tuple[bytes, str | None]], requests: int
) -> Iterator[tuple[bytes, dict[str, str], str | None]]:
    """The corpus, then mutations, `requests` in all."""
    rng = random.Random(SEED)  # noqa: S311 - to be repeated, not to be secret
    for body, code in known[:requests]:
        yield body, {}, code
    bases = [body for body, _ in known if len(body) < 1 << 20]
    good = good_bundle(kind)
    for _ in range(requests - len(known)):
        base = good if rng.random() < 0.25 else rng.choice(bases)
        if rng.random() < 0.6:
            body = within(rng, base, kind) or mutated(rng, base, rng.choice(bases))
        else:
            body = mutated(rng, base, rng.choice(bases))
        yield body, rng.choice(HEADERS) if rng.random() < 0.05 else {}, None


def within(rng: random.Random, bundle: bytes, kind: str) -> bytes | None:
    """The bundle with one of its files mutated and the zip sound; None when it is no sound zip."""
    try:
        with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > 4 << 20:
                return None
            files = {name: archive.read(name) for name in archive.namelist()}
    except Exception:  # noqa: BLE001 - what the standard library raises on hostile zips is without end
        return None
    if not files:
        return None
    name = rng.choice(list(files))
    files[name] = mutated(rng, files[name], rng.choice(list(files.values())))
    files.setdefault("parameters.json", json.dumps(QUICK[kind]).encode())
    return bad_inputs.zipped(files)


def mutated(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """`data` with one to four changes."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        place, size = rng.randrange(len(changed) + 1), rng.choice((1, 2, 4, 16, 200))
        match rng.randrange(7):
            case 0:
                changed[place : place + size] = rng.randbytes(len(changed[place : place + size]))
            case 1:
                del changed[place : place + size]
            case 2:
                changed[place:place] = rng.randbytes(size)
            case 3:
                changed[place:place] = changed[place : place + size]
            case 4:
                start = rng.randrange(len(other) + 1)
                changed[place : place + size] = other[start : start + size]
            case 5:
                changed[place : place + size] = rng.choice((b"\0", b"\xff", b"9")) * size
            case 6 if rng.random() < 0.2:
                del changed[place:]
    return bytes(changed)


def good_bundle(kind: str) -> bytes:
    """A bundle whose audit ends at once."""
    if kind == "membership":
        return bad_inputs.bundle(parameters__json=json.dumps(QUICK[kind]).encode())
    images = module("test_images_and_keras_files")
    return bad_inputs.zipped(
        {
            "model.onnx": images.onnx_file(),
            "input_image.png": images.GREY,
            "parameters.json": json.dumps(QUICK[kind]).encode(),
        }
    )


def cases(kind: str, *, port: int) -> Iterator[tuple[bytes, str]]:
    """(bundle, expected code) of everything hostile that there is for a kind."""
    yield good_bundle(kind), "served"
    for make, problem in module("test_zip_layout").REFUSED.values():
        yield make(), f"bad_bundle.{problem}"
    for make, code in module("test_zips").REFUSED.values():
        body = make()
        yield body, code if body else "bad_bundle.empty_body"
    if kind == "membership":
        for bad in bad_inputs.bad_inputs():
            yield bad.body, bad.code
        for hostile in corpus(canary=str(CANARY), port=port):
            yield bad_inputs.bundle(**{hostile.file.replace(".", "__"): hostile.content}), hostile.code
        return
    images = module("test_images_and_keras_files")
    good = {"input_image.png": images.GREY, "parameters.json": json.dumps(QUICK[kind]).encode()}
    with tempfile.TemporaryDirectory() as folder:
        for code, build in images.BAD_MODELS.values():
            yield bad_inputs.zipped({"model.keras": build(Path(folder)), **good}), code
    model = {"model.onnx": images.onnx_file(), "parameters.json": good["parameters.json"]}
    for code, suffix, image in images.BAD_IMAGES.values():
        yield bad_inputs.zipped({**model, f"input_image.{suffix}": image}), code
    for code, values in images.BAD_PARAMETERS.values():
        changed = json.dumps(QUICK[kind] | dict(values)).encode()
        yield bad_inputs.zipped({**model, **good, "parameters.json": changed}), code
    for hostile in corpus(canary=str(CANARY), port=port):
        if hostile.file == "parameters.json":
            yield bad_inputs.zipped({**model, **good, hostile.file: hostile.content}), hostile.code


def others(kind: str) -> Iterator[bytes]:
    """Bundles of other kinds, good ones and others; what is right for them is tested elsewhere."""
    data = ROOT / "tests" / "data"
    for path in sorted([*data.glob("cases/**/*.zip"), *data.glob("zips/*.zip")]):
        if path.stat().st_size < 1 << 20:
            with zipfile.ZipFile(path) as archive:
                files = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
            yield bad_inputs.zipped({**files, "parameters.json": json.dumps(QUICK[kind]).encode()})
    if kind == "inversion":  # which asks models of images alone, and has those of its corpus
        return
    quick = {"parameters__json": json.dumps(QUICK[kind]).encode()}
    for name, content in models():
        yield bad_inputs.bundle(**{"model__pkl": None, **quick, name.replace(".", "__"): content})
    for model in (None, b""):  # answers of an endpoint, with no model beside them
        answers = bad_inputs.MEMBERS[["label"]].assign(p0=0.25, p1=0.75)
        table = bad_inputs.csv(answers)
        yield bad_inputs.bundle(**quick, model__pkl=model, train_mia__csv=table, test_mia__csv=table)


def models() -> Iterator[tuple[str, bytes]]:
    """Model files of several libraries, by name; of those that are installed."""
    x, y = bad_inputs.MEMBERS.drop(columns="label"), bad_inputs.MEMBERS["label"]
    for estimator in ESTIMATORS:
        yield "model.skops", skops.io.dumps(estimator.fit(x, y))
    for regressor in (
        RandomForestRegressor(3),
        LinearRegression(),
        GradientBoostingRegressor(n_estimators=3),
    ):
        yield "model.pkl", pickle.dumps(regressor.fit(x, y))
        yield "model.skops", skops.io.dumps(regressor)
    if importlib.util.find_spec("xgboost"):
        import xgboost

        booster = xgboost.XGBClassifier(n_estimators=3).fit(x, y)
        for form in ("json", "ubj"):
            yield f"model.{form}", bytes(booster.get_booster().save_raw(form))
        yield "model.pkl", pickle.dumps(booster)
    if importlib.util.find_spec("lightgbm"):
        import lightgbm

        booster = lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(x, y)
        yield "model.txt", booster.booster_.model_to_string().encode()
        yield "model.pkl", pickle.dumps(booster)
    if importlib.util.find_spec("catboost"):
        import catboost

        booster = catboost.CatBoostClassifier(3, verbose=False, allow_writing_files=False).fit(x, y)
        with tempfile.TemporaryDirectory() as folder:
            for form in ("cbm", "json"):
                path = Path(folder) / f"model.{form}"
                booster.save_model(path, format=form)
                yield path.name, path.read_bytes()
        yield "model.pkl", pickle.dumps(booster)


def module(name: str):
    """One of the tests' modules, by its file: their folder is no package."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, ROOT / "tests" / "hostile" / f"{name}.py")
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


if __name__ == "__main__":
    chosen, *rest = sys.argv[1:]
    number = int(rest[0]) if rest else 10_000
    default = ROOT / "benchmarks" / "results" / f"hostile_requests_{chosen}.md"
    sys.exit(main(chosen, number, Path(rest[1]) if len(rest) > 1 else default))
