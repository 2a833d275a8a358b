"""What a container does with and without words: the rules that SageMaker's clients rely on."""

from __future__ import annotations

import pytest
from containers import docker, image, serving

pytestmark = pytest.mark.images


def test_without_a_word_it_serves(kind):
    with serving(kind, words=()) as container:
        assert container.send("GET", "/ping").status == 200


def test_without_a_word_it_trains_where_a_job_is_laid_out(kind, tmp_path):
    (tmp_path / "input" / "config").mkdir(parents=True)
    (tmp_path / "input" / "config" / "resourceconfig.json").write_text("{}")
    done = docker("run", "--rm", "--volume", f"{tmp_path}:/opt/ml", image(kind), check=False)
    assert done.returncode == 2
    assert "no_channel" in (tmp_path / "output" / "failure").read_text()


@pytest.mark.parametrize("word", ["serve", "train"])
def test_the_two_words_are_programs_on_the_path(kind, word):
    found = docker("run", "--rm", image(kind), "sh", "-c", f"command -v {word}").stdout.decode().strip()
    assert found == f"/opt/program/{word}"


def test_other_words_are_run_as_they_are(kind):
    assert docker("run", "--rm", image(kind), "echo", "a  b", "$HOME").stdout == b"a  b $HOME\n"
    assert docker("run", "--rm", image(kind), "sh", "-c", "exit 7", check=False).returncode == 7


def test_the_command_line_is_there(kind):
    done = docker("run", "--rm", image(kind), "leakgauge", "--version")
    assert done.stdout.startswith(b"leakgauge, version ")
