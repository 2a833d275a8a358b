"""The demo's addresses and its one worker, over a sandbox that does as it is told."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time

import pytest

from leakgauge.defences.output import OUTPUT_DEFENCES
from leakgauge.defences.training import TRAINING_DEFENCES
from leakgauge.demo.app import create_app
from leakgauge.demo.cache import Cache, default_folder
from leakgauge.demo.choices import LEVELS, OUTPUT_LEVELS, DataSet, choices, chosen
from leakgauge.demo.server import demo, keras_cache
from leakgauge.demo.state import Kept, Request, State
from leakgauge.demo.worker import Worker
from leakgauge.errors import AuditFailed, BadParameters, UnsupportedModel
from leakgauge.sandbox.parent import Sandbox

FACTS = {
    "data": "toy digits",
    "baseline": {"accuracy": {"value": 0.9, "low": 0.8, "high": 0.95, "n": 50}, "privacy": None},
    "defences": [],
    "seed": 0,
}
ASKED = {"target": 1, "defence": "guard", "level": "usual", "similar": False}
SETS = (DataSet("digits", "Digits"), DataSet("faces", "Faces"))


class ObedientSandbox(Sandbox):
    """Leaves what children leave; stops at `gate` in mid-work, where it can be cancelled."""

    def __init__(self):
        super().__init__(only="inversion")
        self.gate = threading.Event()
        self.gate.set()
        self.asked = []
        self.words = []
        self.fails_with = None

    def run(self, source, output, *, overrides, progress, job, cancelled=None, shown=None):
        what = job.name
        self.asked.append((what, dict(overrides)))
        progress.report("half way", 0.5)
        if what == "demo_training":
            shown({"model": "baseline", "epoch": 1, "epochs": 2, "loss": 0.5})
        elif what == "demo_attack":
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
            for name in ("baseline", "guarded-usual", "evaluator"):
                (output / f"{name}.onnx").write_bytes(b"x")
            for name in ("held_out", "similar"):
                (output / f"{name}.npz").write_bytes(b"x")
            for digit in range(10):
                (output / f"original_{digit}.png").write_bytes(b"png%d" % digit)
            trained = [{"name": name} for name in overrides["defences"]]
            (output / "models.json").write_text(
                json.dumps(FACTS | {"defences": trained, "seed": overrides["seed"]})
            )
        elif what == "demo_attack":
            (output / "result.json").write_text(json.dumps({"request": overrides["request"]}))
            (output / "replay.json").write_text('{"frames": []}')
        elif what == "demo_comparison":
            (output / "compared.json").write_text(json.dumps({"request": overrides["request"]}))
            (output / "report.zip").write_bytes(b"zipped")
            (output / "comparison.html").write_bytes(b"a page")
        elif what == "demo_customers":
            (output / "customers.json").write_text(json.dumps({"seed": overrides["seed"]}))
        else:
            (output / "comparison.pdf").write_bytes((source / "comparison.html").read_bytes() + b" as a PDF")


@pytest.fixture
def worker(tmp_path):
    sandbox = ObedientSandbox()
    worker = Worker(sandbox=sandbox, folder=tmp_path, sets=SETS)
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
    worker.train("label_smoothing")
    until(lambda: worker.state.read()["training"] and worker.state.read()["training"]["baseline"])
    return sandbox


def test_the_page_offers_every_choice_and_asks_nobody_else(client):
    answer = client.get("/")
    text = answer.get_data(as_text=True)
    assert answer.status_code == 200
    for name in ("data", "target"):
        assert len(re.findall(f'type="radio" name="{name}"', text)) == {"data": 2, "target": 10}[name]
    offered = set(" ".join(re.findall(r'<option value="([^"]+)"', text)).split())
    assert {row.name for row in (*OUTPUT_DEFENCES, *TRAINING_DEFENCES)} <= offered
    assert re.findall(r'(?:src|href)="(?!/)[^"]*"', text) == []
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for name in ("page.js", "charts.js", "customers.js", "page.css", "icon.svg"):
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
    assert state["result"]["request"] == {"target": 3, "defence": "guard", "level": "usual", "similar": False}
    assert sorted(state["originals"]) == [str(digit) for digit in range(10)]


def test_the_next_start_shows_at_once_what_was_there(worker, tmp_path):
    worker.begin()
    idle(worker)
    again = Worker(
        sandbox=(sandbox := ObedientSandbox()),
        folder=tmp_path,
        sets=SETS,
    )
    again.begin()
    state = again.state.read()
    assert state["busy"] is None
    assert state["result"]["request"]["target"] == 3
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
    for path, body in (
        ("/train", {"defence": "dp_sgd"}),
        ("/attack", ASKED),
        ("/show", {"data": "faces"}),
        ("/customers", {}),
        ("/compare", {}),
    ):
        answer = client.post(path, json=body)
        assert answer.status_code == 409
        assert answer.json["error"]["code"] == "busy.busy"
    sandbox.gate.set()
    idle(worker)
    assert [what for what, _ in sandbox.asked] == ["demo_training", "demo_attack"]
    asked = ASKED | {"defence": "rounding", "level": "light", "similar": True}
    assert client.post("/attack", json=asked).status_code == 202
    assert idle(worker)["result"] == {"request": asked}
    _, overrides = sandbox.asked[-1]
    assert (overrides["model"], overrides["output"]) == ("baseline", ["rounding=3"])
    assert overrides["similar"] is True


def test_other_images_have_models_of_their_own(worker, client):
    worker.begin()
    idle(worker)
    assert client.post("/show", json={"data": "faces"}).status_code == 202
    state = idle(worker)
    assert (state["data"], state["result"]["request"]["target"]) == ("faces", 3)
    assert [overrides.get("data") for _, overrides in worker._sandbox.asked] == [
        "digits",
        None,
        "faces",
        None,
    ]
    assert client.post("/show", json={"data": "digits"}).status_code == 202
    assert idle(worker)["data"] == "digits"
    assert len(worker._sandbox.asked) == 4  # they are there still


def test_a_defence_in_training_is_attacked_once_models_were_trained_with_it(worker, client):
    worker.begin()
    idle(worker)
    asked = ASKED | {"defence": "dropout weight_decay"}
    refused = client.post("/attack", json=asked)
    assert (refused.status_code, refused.json["error"]["code"]) == (422, "bad_parameters.not_trained")
    assert client.post("/train", json={"defence": asked["defence"]}).status_code == 202
    state = idle(worker)
    assert state["result"]["request"] == asked | {"target": 3}
    assert worker._sandbox.asked[-1][1]["model"] == "hardened"
    assert state["models"]["seed"] == 1  # trained anew, from other weights
    assert client.post("/attack", json=asked).status_code == 202
    idle(worker)


def test_customers_are_invented_when_somebody_asks_and_others_the_next_time(worker, client):
    assert worker.state.read()["customers"] is None
    for seed in (0, 1):
        assert client.post("/customers", json={}).status_code == 202
        assert idle(worker)["customers"] == {"seed": seed}


@pytest.mark.parametrize("choice", choices(), ids=lambda choice: choice.value)
def test_every_choice_is_a_defence_at_every_level(choice):
    found = [chosen(choice.value, level) for level in LEVELS]
    assert len(set(found)) == (3 if choice.levels else 1)
    assert all(one.training == choice.training for one in found)


def test_levels_belong_to_output_defences_that_have_a_strength():
    for row in OUTPUT_DEFENCES:
        assert (row.name in OUTPUT_LEVELS) == (row.strength is not None)


def test_a_page_opened_in_mid_training_sees_all_of_it(worker, client):
    halted(worker)
    answer = client.get("/events", buffered=False)
    assert answer.mimetype == "text/event-stream"
    first = next(answer.response)
    answer.close()
    state = json.loads(first.removeprefix(b"data: ") if isinstance(first, bytes) else first[6:])
    assert state["busy"] == "training"
    assert state["training"] == {
        "defences": ["label_smoothing"],
        "epochs": 2,
        "baseline": [0.5],
        "hardened": [],
    }
    assert state["fraction"] == 0.5


def test_cancelling_keeps_what_was_there(worker, client):
    worker.begin()
    idle(worker)
    halted(worker)
    assert client.post("/cancel", json={}).json == {"cancelled": True}
    state = idle(worker)
    assert state["notice"].startswith("Cancelled")
    assert state["models"] == FACTS
    assert state["result"]["request"]["target"] == 3
    assert client.post("/cancel", json={}).json == {"cancelled": False}
    worker._sandbox.gate.set()
    assert client.post("/train", json={"defence": "dp_sgd"}).status_code == 202
    idle(worker)


def test_without_models_there_is_nothing_to_attack(worker, client):
    halted(worker)
    client.post("/cancel", json={})
    idle(worker)
    for path, body, problem in (("/attack", ASKED, "no_models"), ("/compare", {}, "no_attack")):
        answer = client.post(path, json=body)
        assert answer.status_code == 422
        assert answer.json["error"]["code"] == f"bad_parameters.{problem}"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/attack", ASKED | {"target": 10}),
        ("/attack", ASKED | {"target": -1}),
        ("/attack", ASKED | {"target": True}),
        ("/attack", ASKED | {"target": "3"}),
        ("/attack", {"defence": "guard", "level": "usual"}),
        ("/attack", ASKED | {"defence": "no_such_defence"}),
        ("/attack", ASKED | {"defence": "rounding=2"}),
        ("/attack", ASKED | {"defence": ["rounding"]}),
        ("/attack", ASKED | {"defence": "dropout"}),
        ("/attack", ASKED | {"level": "strongest"}),
        ("/attack", ASKED | {"level": 1}),
        ("/attack", ASKED | {"similar": "yes"}),
        ("/attack", ASKED | {"similar": 1}),
        ("/train", {"defence": "no_such_defence"}),
        ("/train", {"defence": ["dropout"]}),
        ("/train", {}),
        ("/show", {"data": "mnist"}),
        ("/show", {"data": "../digits"}),
        ("/show", {"data": 1}),
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
    assert client.post("/train", data={"defence": "dp_sgd"}).status_code == 415
    assert client.post("/train", data=b'{"defence": "dp_sgd"}', content_type="text/plain").status_code == 415
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
@pytest.mark.parametrize(
    "path", ["/", "/state", "/events", "/report.zip", "/report.pdf", "/static/page.js", "/nowhere"]
)
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
        b'{"target": 3, "defence": ' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"target": ' + b"9" * 9_000 + b"}",
        b'{"target": NaN, "defence": "guard"}',
        b'{"target": 3, "defence": "\xff"}',
        b"{",
        b"",
    ],
)
def test_json_that_is_hostile_is_refused_in_words(worker, client, body):
    answer = client.post("/attack", data=body, content_type="application/json")
    assert answer.status_code in (400, 422)
    assert answer.json["error"]["hint"]
    assert worker._sandbox.asked == []


@pytest.mark.parametrize(
    ("path", "content", "called"),
    [
        ("/report.zip", b"zipped", "leakgauge-before-after.zip"),
        ("/report.html", b"a page", "leakgauge-before-after.html"),
        ("/report.pdf", b"a page as a PDF", "leakgauge-before-after.pdf"),
    ],
)
def test_a_report_is_there_once_all_classes_were_compared_and_until_models_change(
    worker, client, path, content, called
):
    worker.begin()
    idle(worker)
    assert client.get(path).json["error"]["code"] == "bad_parameters.no_report"
    assert client.post("/attack", json=ASKED | {"defence": "rounding", "similar": True}).status_code == 202
    idle(worker)
    assert client.post("/compare", json={}).status_code == 202
    assert idle(worker)["comparison"] == {"request": {"defence": "rounding", "level": "usual"}}
    _, overrides = worker._sandbox.asked[-1]
    assert (overrides["model"], overrides["output"]) == ("baseline", ["rounding=2"])
    answer = client.get(path)
    assert answer.data == content
    assert called in answer.headers["Content-Disposition"]
    answer.close()
    assert client.post("/train", json={"defence": "dropout weight_decay"}).status_code == 202
    assert idle(worker)["comparison"] is None
    assert client.get(path).json["error"]["code"] == "bad_parameters.no_report"


def test_an_attack_can_be_shown_again_once_there_was_one(worker, client):
    assert client.get("/replay.json").json["error"]["code"] == "bad_parameters.no_attack"
    worker.begin()
    idle(worker)
    answer = client.get("/replay.json")
    assert answer.data == b'{"frames": []}'
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
    worker.train("label_smoothing")
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
    state = State(Kept("digits", None, {}, None, None), customers=None)
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
    state = State(Kept("digits", None, {}, None, None), customers=None)
    state.begin_attack(Request(1, "noise"))
    state.read()["live"]["baseline"]["curves"]["spoiled"] = []
    assert state.read()["live"]["baseline"]["curves"] == {}
    state.add_preview({"side": "baseline", "attack": "nes", "queries": 1, "image": "", "loss": 0.5})
    assert state.read()["live"]["defended"]["curves"] == {}


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


def test_what_others_put_into_the_cache_stops_no_start_and_is_left_alone(tmp_path):
    cache = Cache(tmp_path, "digits")
    root = tmp_path / next(tmp_path.iterdir()).name
    (root / ".DS_Store").write_bytes(b"of a file manager")
    (root / ".new-of-another-demo").mkdir()
    (root / ".new-left-over").mkdir()
    os.utime(root / ".new-left-over", (0, 0))
    Cache(tmp_path, "digits")
    assert {path.name for path in root.iterdir()} == {".DS_Store", ".new-of-another-demo"}
    finished = tmp_path / "finished"
    finished.mkdir()
    cache.keep_models(finished)
    cache.keep_models(finished)
    assert {path.name for path in root.iterdir()} == {".DS_Store", ".new-of-another-demo", "models"}
