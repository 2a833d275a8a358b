"""The demo's addresses and its one worker, over a sandbox that does as it is told."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time

import pytest

from leakgauge.defences.output import OUTPUT_DEFENCES
from leakgauge.demo.app import TRAINING_CHOICES, create_app
from leakgauge.demo.cache import Cache, default_folder
from leakgauge.demo.server import demo, keras_cache
from leakgauge.demo.state import State
from leakgauge.demo.worker import Worker
from leakgauge.errors import AuditFailed, BadParameters, UnsupportedModel
from leakgauge.sandbox.parent import Sandbox

FACTS = {
    "data": "toy digits",
    "baseline": {"accuracy": {"value": 0.9, "low": 0.8, "high": 0.95, "n": 50}, "privacy": None},
    "hardened": {"accuracy": {"value": 0.8, "low": 0.7, "high": 0.9, "n": 50}, "privacy": None},
    "defences": [],
}


class ObedientSandbox(Sandbox):
    """Leaves what children leave; stops at `gate` in mid-work, where it can be cancelled."""

    def __init__(self):
        super().__init__(only="inversion")
        self.gate = threading.Event()
        self.gate.set()
        self.asked = []
        self.words = []
        self.fails_with = None

    def run(self, source, output, *, overrides, progress, cancelled, shown, job, timeout=None):
        what = job.name
        self.asked.append((what, dict(overrides)))
        progress.report("half way", 0.5)
        if what == "demo_training":
            shown({"model": "baseline", "epoch": 1, "epochs": 2, "loss": 0.5})
        else:
            shown({"side": "baseline", "attack": "spsa", "queries": 6, "image": "aaaa", "loss": 1.5})
        for words in self.words:
            shown(words)
        while not self.gate.wait(0.01):
            if cancelled.is_set():
                raise AuditFailed("cancelled", "Called off.", hint="Again?")
        if self.fails_with is not None:
            raise self.fails_with
        output.mkdir()
        if what == "demo_training":
            for name in ("baseline.onnx", "hardened.onnx", "held_out.npz"):
                (output / name).write_bytes(b"x")
            for digit in range(10):
                (output / f"original_{digit}.png").write_bytes(b"png%d" % digit)
            (output / "models.json").write_text(json.dumps(FACTS))
        else:
            result = {"digit": overrides["digit"], "output": overrides["output"], "verdict": {}}
            (output / "result.json").write_text(json.dumps(result))
            (output / "report.zip").write_bytes(b"zipped")


@pytest.fixture
def worker(tmp_path):
    sandbox = ObedientSandbox()
    worker = Worker(sandbox=sandbox, cache=Cache(tmp_path, "digits"), data="digits", source=tmp_path)
    yield worker
    sandbox.gate.set()
    worker.close()


@pytest.fixture
def client(worker):
    return create_app(worker, names=["demo.example"]).test_client()


def idle(worker):
    until(lambda: worker.state.read()["busy"] is None)
    return worker.state.read()


def until(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def halted(worker):
    """A training that has come half way and waits there."""
    sandbox = worker._sandbox
    sandbox.gate.clear()
    worker.train(["dropout"])
    until(lambda: worker.state.read()["training"] and worker.state.read()["training"]["baseline"])
    return sandbox


def test_the_page_offers_every_choice_and_asks_nobody_else(client):
    answer = client.get("/")
    text = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert len(re.findall(r'type="radio"', text)) == 10
    for names in TRAINING_CHOICES:
        assert f'value="{" ".join(names)}"' in text
    for row in OUTPUT_DEFENCES:
        assert re.search(rf'value="{row.name}(=[0-9.]+)?"', text), f"the demo does not offer {row.name}"
    assert re.findall(r'(?:src|href)="(?!/)[^"]*"', text) == []
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for name in ("page.js", "page.css", "icon.svg"):
        static = client.get(f"/static/{name}")
        assert static.status_code == 200
        assert static.headers["Content-Security-Policy"] == policy
        script = static.get_data(as_text=True)
        static.close()
        assert "//" not in script.replace("http://www.w3.org/2000/svg", "").replace("\n//", "").replace(
            "; //", ""
        )


def test_serving_the_page_needs_no_framework():
    program = (
        "import sys, leakgauge.demo.server; "
        "frameworks = {'tensorflow', 'keras', 'torch', 'sklearn', 'pandas', 'onnxruntime'}; "
        "print(sorted(frameworks & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_the_first_start_trains_and_then_attacks(worker):
    worker.begin()
    state = idle(worker)
    assert [what for what, _ in worker._sandbox.asked] == ["demo_training", "demo_attack"]
    assert state["models"] == FACTS
    assert state["result"]["digit"] == 3
    assert sorted(state["originals"]) == [str(digit) for digit in range(10)]


def test_the_next_start_shows_at_once_what_was_there(worker, tmp_path):
    worker.begin()
    idle(worker)
    again = Worker(
        sandbox=(sandbox := ObedientSandbox()),
        cache=Cache(tmp_path, "digits"),
        data="digits",
        source=tmp_path,
    )
    again.begin()
    state = again.state.read()
    assert state["busy"] is None
    assert state["result"]["digit"] == 3
    assert sandbox.asked == []
    again.close()


@pytest.mark.parametrize("broken", [b"", b"{", b"[]", b"\xff"])
def test_what_is_broken_in_the_cache_is_made_anew(worker, tmp_path, broken):
    worker.begin()
    idle(worker)
    (Cache(tmp_path, "digits").models / "models.json").write_bytes(broken)
    assert Cache(tmp_path, "digits").facts() is None


def test_one_thing_at_a_time(worker, client):
    sandbox = halted(worker)
    for path, body in (("/train", {"defences": ["dropout"]}), ("/attack", {"digit": 1, "output": []})):
        answer = client.post(path, json=body)
        assert answer.status_code == 409
        assert answer.json["error"]["code"] == "busy.busy"
    sandbox.gate.set()
    idle(worker)
    assert [what for what, _ in sandbox.asked] == ["demo_training", "demo_attack"]
    assert client.post("/attack", json={"digit": 1, "output": ["rounding=2"]}).status_code == 202
    assert idle(worker)["result"] == {"digit": 1, "output": ["rounding=2"], "verdict": {}}


def test_a_page_opened_in_mid_training_sees_all_of_it(worker, client):
    halted(worker)
    answer = client.get("/events", buffered=False)
    assert answer.mimetype == "text/event-stream"
    first = next(answer.response)
    answer.close()
    state = json.loads(first.removeprefix(b"data: ") if isinstance(first, bytes) else first[6:])
    assert state["busy"] == "training"
    assert state["training"] == {"defences": ["dropout"], "epochs": 2, "baseline": [0.5], "hardened": []}
    assert state["fraction"] == 0.5


def test_cancelling_keeps_what_was_there(worker, client):
    worker.begin()
    idle(worker)
    halted(worker)
    assert client.post("/cancel", json={}).json == {"cancelled": True}
    state = idle(worker)
    assert state["notice"].startswith("Cancelled")
    assert state["models"] == FACTS
    assert state["result"]["digit"] == 3
    assert client.post("/cancel", json={}).json == {"cancelled": False}
    worker._sandbox.gate.set()
    assert client.post("/train", json={"defences": ["dropout"]}).status_code == 202
    idle(worker)


def test_without_models_there_is_nothing_to_attack(worker, client):
    halted(worker)
    client.post("/cancel", json={})
    idle(worker)
    answer = client.post("/attack", json={"digit": 3, "output": []})
    assert answer.status_code == 422
    assert answer.json["error"]["code"] == "bad_parameters.no_models"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/attack", {"digit": 10, "output": []}),
        ("/attack", {"digit": -1, "output": []}),
        ("/attack", {"digit": True, "output": []}),
        ("/attack", {"digit": "3", "output": []}),
        ("/attack", {"output": []}),
        ("/attack", {"digit": 3, "output": ["no_such_defence"]}),
        ("/attack", {"digit": 3, "output": ["rounding=many"]}),
        ("/attack", {"digit": 3, "output": "rounding"}),
        ("/attack", {"digit": 3, "output": [1]}),
        ("/train", {"defences": ["no_such_defence"]}),
        ("/train", {"defences": ["label_smoothing", "negative_label_smoothing"]}),
        ("/train", {"defences": ["dropout"] * 50}),
        ("/train", []),
        ("/train", "dropout"),
    ],
)
def test_what_does_not_fit_is_refused_in_words_and_starts_nothing(worker, client, path, body):
    answer = client.post(path, json=body)
    assert answer.status_code == 422
    assert answer.json["error"]["hint"]
    assert worker._sandbox.asked == []
    assert worker.state.read()["busy"] is None


def test_forms_of_other_sites_and_other_names_are_not_let_in(worker, client):
    assert client.post("/train", data={"defences": "dropout"}).status_code == 415
    assert (
        client.post("/train", data=b'{"defences": ["dropout"]}', content_type="text/plain").status_code == 415
    )
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 422
    assert client.get("/", headers={"Host": "localhost.evil.example:80"}).status_code == 422
    assert client.get("/", headers={"Host": "localhost:1234"}).status_code == 200
    assert client.post("/train", data=b" " * 20_000, content_type="application/json").status_code == 413
    assert client.get("/static/../worker.py").status_code == 404
    assert worker._sandbox.asked == []


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST:8000", "localhost.", "127.0.0.1", "127.0.0.1:8000", "[::1]", "[::1]:8000"),
        *("192.0.2.7:80", "demo.example", "Demo.Example:443"),
    ],
)
def test_addresses_and_its_own_names_are_answered(client, host):
    assert client.get("/state", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "evil.example:8000", "evil"),
        *(
            "demo.example.evil",
            "localhost@evil.example",
            "[::1",
            "[::1].evil.example",
            "localhost evil",
            "2130706433",
        ),
    ],
)
@pytest.mark.parametrize("path", ["/", "/state", "/events", "/report.zip", "/static/page.js", "/nowhere"])
def test_other_names_are_refused_whatever_they_ask_for(client, host, path):
    answer = client.get(path, headers={"Host": host})
    assert answer.status_code in (400, 422)
    assert b"busy" not in answer.data


def test_listening_on_every_address_lets_no_other_name_in(tmp_path, monkeypatch):
    monkeypatch.setattr("leakgauge.demo.server.Sandbox", lambda **_: ObedientSandbox())
    monkeypatch.setattr(ObedientSandbox, "start", lambda self: None)
    with demo(host="0.0.0.0", port=0, folder=tmp_path, names=["mine.example"]) as server:
        client = server.app.test_client()
        for host, status in (
            ("evil.example", 422),
            ("192.0.2.1", 200),
            ("mine.example", 200),
            ("localhost", 200),
        ):
            assert client.get("/state", headers={"Host": host}).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 202),
        ({"Origin": "http://localhost"}, 202),
        ({"Origin": "https://localhost", "Sec-Fetch-Site": "same-origin"}, 202),
        ({"Sec-Fetch-Site": "none"}, 202),
        ({"Origin": "http://evil.example"}, 422),
        ({"Origin": "http://localhost:81"}, 422),
        ({"Origin": "http://localhost.evil.example"}, 422),
        ({"Origin": "null"}, 422),
        ({"Origin": ""}, 422),
        ({"Sec-Fetch-Site": "cross-site"}, 422),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"}, 422),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 422),
    ],
)
def test_other_pages_start_nothing(worker, client, headers, status):
    assert client.post("/cancel", json={}, headers=headers).status_code == status


def test_a_link_from_elsewhere_opens_the_page(client):
    navigation = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert client.get("/", headers=navigation).status_code == 200
    assert client.get("/state", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 9_000,
        b"[" * 4_900 + b"]" * 4_900,
        b'{"a":' * 1_500 + b"1" + b"}" * 1_500,
        b'{"digit": 3, "output": ' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"digit": ' + b"9" * 9_000 + b"}",
        b'{"digit": NaN, "output": []}',
        b'{"digit": 3, "output": ["\xff"]}',
        b"{",
        b"",
    ],
)
def test_json_that_is_hostile_is_refused_in_words(worker, client, body):
    answer = client.post("/attack", data=body, content_type="application/json")
    assert answer.status_code in (400, 422)
    assert answer.json["error"]["hint"]
    assert worker._sandbox.asked == []


def test_the_report_is_there_once_something_was_reconstructed(worker, client):
    assert client.get("/report.zip").status_code == 422
    worker.begin()
    idle(worker)
    answer = client.get("/report.zip")
    assert answer.data == b"zipped"
    assert "leakgauge-before-after.zip" in answer.headers["Content-Disposition"]
    answer.close()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            UnsupportedModel("odd", "The model is odd.", hint="Take another."),
            "The model is odd. Take another.",
        ),
        (ZeroDivisionError("secret"), "Something went wrong"),
    ],
)
def test_what_goes_wrong_is_told_and_the_worker_is_free_again(worker, error, told):
    worker._sandbox.fails_with = error
    worker.begin()
    state = idle(worker)
    assert state["notice"].startswith(told)
    assert "secret" not in state["notice"]
    worker._sandbox.fails_with = None
    worker.train(["dropout"])
    assert idle(worker)["notice"] == ""


def test_a_childs_word_is_not_taken_on_trust(worker):
    worker._sandbox.words = [
        {},
        {"model": "no such model", "epochs": 1, "loss": 1},
        {"side": "x"},
        {"side": 1},
    ]
    worker.begin()
    state = idle(worker)
    assert state["notice"] == ""
    assert state["training"]["baseline"] == [0.5]


def test_who_looks_on_gets_the_last_state_and_is_sent_home_at_the_end():
    state = State(models=None, originals={}, result=None)
    version, first = state.newer_than(-1, timeout=0.01)
    assert (version, json.loads(first)) == (0, state.read())
    assert state.newer_than(0, timeout=0.01) is None
    for n in range(1, 6):
        state.report("stage", n / 10)
    version, last = state.newer_than(0, timeout=0.01)
    assert (version, json.loads(last)["fraction"]) == (5, 0.5)
    waiting = []
    thread = threading.Thread(target=lambda: waiting.append(state.newer_than(5, timeout=20)))
    thread.start()
    state.close()
    thread.join(5)
    assert waiting == [None]


def test_what_is_read_is_a_copy():
    state = State(models=None, originals={}, result=None)
    state.begin_attack(1, ["noise=1"])
    state.read()["live"]["baseline"]["curve"].append("spoiled")
    assert state.read()["live"]["baseline"]["curve"] == []
    state.add_preview({"side": "baseline", "attack": "nes", "queries": 1, "image": "", "loss": 0.5})
    assert state.read()["live"]["defended"]["curve"] == []


def test_folders_and_ports_that_cannot_be_had_are_named(tmp_path):
    assert default_folder({"XDG_CACHE_HOME": "/somewhere"}).as_posix() == "/somewhere/leakgauge/demo"
    assert default_folder({"XDG_CACHE_HOME": "relative"}).parts[-3:] == (".cache", "leakgauge", "demo")
    (tmp_path / "file").touch()
    with pytest.raises(BadParameters) as refused:
        Cache(tmp_path / "file", "digits")
    assert refused.value.problem == "folder"
    with (
        pytest.raises(BadParameters) as refused,
        demo(host="192.0.2.1", port=1, folder=tmp_path / "kept"),
    ):
        pass
    assert refused.value.problem == "port"
    assert keras_cache({"KERAS_HOME": str(tmp_path)}) is None
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "mnist.npz").touch()
    assert keras_cache({"KERAS_HOME": str(tmp_path)}) == tmp_path / "datasets"
