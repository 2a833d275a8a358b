"""The `docker run` lines of the pages start what they say, and it answers from within."""

from __future__ import annotations

import re
import shlex
import time
import uuid

import pytest
from containers import PATIENCE, docker
from snippets import PAGES, shell

pytestmark = pytest.mark.images

LINES = [
    (f"{page}:{line}", text)
    for page in PAGES
    for line, text in shell(page)
    if text.startswith("docker run ") and "..." not in text
]
_ASK = """
import http.client
for port in (8080, 8000):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/ping" if port == 8080 else "/")
        print(connection.getresponse().status)
    except OSError:
        pass
"""


def test_pages_show_how_to_start_a_container():
    assert len(LINES) >= 3


@pytest.mark.parametrize(("place", "text"), LINES)
def test_a_line_of_a_page_starts_what_answers(place, text):
    name = f"leakgauge-test-{uuid.uuid4().hex[:12]}"
    _, _, *words = shlex.split(text)
    # a volume of its own: one of that name may be somebody's
    words = [re.sub("^leakgauge-[a-z]+:", f"{name}:", word) for word in words]
    docker("run", "--detach", "--name", name, *words)
    try:
        ends = time.monotonic() + PATIENCE
        while docker("exec", name, "python3", "-c", _ASK, check=False).stdout.strip() != b"200":
            said = docker("logs", name)
            assert time.monotonic() < ends, f"{place}\n{said.stdout.decode()}{said.stderr.decode()}"
            time.sleep(0.5)
    finally:
        docker("rm", "--force", "--volumes", name, check=False)
        docker("volume", "rm", "--force", name, check=False)
