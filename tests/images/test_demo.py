"""The demo's image: a page that anyone can open, whose models are made at the first start."""

from __future__ import annotations

import io
import json
import time
import zipfile

import pytest
from containers import LOCKED_DOWN, PATIENCE, Served

pytestmark = pytest.mark.images

LONELY = ("--network", "none")
JSON = {"Content-Type": "application/json"}


class Demo(Served):
    """A container with the page behind port 8000."""

    def __init__(self, options):
        super().__init__("demo", (), options=options, port=8000)

    def _answers(self):
        try:
            return self.send("GET", "/").status == 200
        except OSError:
            return False

    def state(self):
        return json.loads(self.send("GET", "/state").body)

    def settled(self):
        """The state once nothing runs any more."""
        ends = time.monotonic() + PATIENCE
        while (found := self.state())["busy"] is not None:
            assert time.monotonic() < ends, self.logs()
            time.sleep(0.2)
        assert found["notice"] == "", self.logs()
        return found

    def ask(self, path, **values):
        return self.send("POST", path, body=json.dumps(values), headers=JSON)


@pytest.mark.parametrize(
    "options",
    [(), tuple(word for word in LOCKED_DOWN if word not in LONELY)],
    ids=["plain", "locked down"],
)
def test_the_page_trains_reconstructs_and_hands_out_its_report(options):
    container = Demo(options)
    try:
        container.wait_up()
        page = container.send("GET", "/")
        assert b"<script" in page.body
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        first = container.settled()
        assert first["models"]["baseline"]["accuracy"]["value"] > 0.9
        assert first["result"]["request"] == first["request"]

        asked = {"target": 5, "defence": "rounding", "level": "usual", "similar": True}
        assert container.ask("/attack", **asked).status == 202
        assert container.ask("/attack", **asked).status == 409
        second = container.settled()
        assert second["result"]["request"] == asked
        for side in ("baseline", "defended"):
            reconstructed = [one["shown"]["image"] for one in (first["result"][side], second["result"][side])]
            assert reconstructed[0] != reconstructed[1]

        # tables take libraries that images do not
        assert container.ask("/customers").status == 202
        assert len(container.settled()["customers"]["records"]) == 8

        # private training takes another library, and a while: enough that it has begun
        assert container.ask("/train", defence="dp_sgd").status == 202
        ends = time.monotonic() + PATIENCE
        while not container.state()["training"]["baseline"]:
            assert time.monotonic() < ends, container.logs()
            time.sleep(0.1)
        assert container.ask("/cancel").status == 202
        ends = time.monotonic() + PATIENCE
        while container.state()["busy"]:
            assert time.monotonic() < ends, container.logs()
            time.sleep(0.1)
        assert "Cancelled" in container.state()["notice"]

        assert container.ask("/compare").status == 202
        container.settled()
        report = container.send("GET", "/report.zip")
        with zipfile.ZipFile(io.BytesIO(report.body)) as archive:
            assert archive.testzip() is None
            assert {"comparison.html", "before/report.html", "after/report.json"} <= set(archive.namelist())
        assert container.send("GET", "/report.pdf").body.startswith(b"%PDF-")
        _, seconds = container.stop()
        assert seconds < 20  # the engine would have killed it after 30
    finally:
        container.remove()
