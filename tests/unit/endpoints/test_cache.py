"""Answers that are kept: private, not for ever, and never taken on trust."""

from __future__ import annotations

import sqlite3

import pytest

from leakgauge.endpoints import cache as caches
from leakgauge.endpoints.cache import Cache, usual_folder
from leakgauge.errors import AuditFailed, BadParameters
from leakgauge.row_pipe import Column

COLUMNS = (Column("a", "number"), Column("b", "text"))
ROWS = [[1.5, "secret-cell"], [2.5, None]]


@pytest.fixture
def opened(tmp_path):
    """Makes caches, and closes them."""
    made = []

    def make(*identity, folder=tmp_path / "cache"):
        made.append(Cache(identity or ("service",), folder))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_what_was_kept_is_there_the_next_time(opened):
    first = opened()
    keys = first.keys(COLUMNS, ROWS, repeat=0)
    answers = dict(zip(keys, [[0.25, 0.75], {"no": 0.5, "yes": 0.5}], strict=True))
    first.keep(answers)
    again = opened()
    assert again.keys(COLUMNS, ROWS, repeat=0) == keys
    assert again.known(keys) == answers


def test_a_row_is_known_by_all_that_makes_it():
    with_all = Cache(("service",), None)
    other = Cache(("another service",), None)
    swapped = (COLUMNS[1], COLUMNS[0])
    renamed = (Column("c", "number"), COLUMNS[1])
    keys = {
        *with_all.keys(COLUMNS, [[1.5, "x"]], repeat=0),
        *with_all.keys(COLUMNS, [[1.5, "x"]], repeat=1),
        *with_all.keys(COLUMNS, [[1.5, "y"]], repeat=0),
        *with_all.keys(COLUMNS, [["1.5", "x"]], repeat=0),
        *with_all.keys(COLUMNS, [[1.5, None]], repeat=0),
        *with_all.keys(swapped, [[1.5, "x"]], repeat=0),
        *with_all.keys(renamed, [[1.5, "x"]], repeat=0),
        *with_all.keys((), [[1.5, "x"]], repeat=0),
        *other.keys(COLUMNS, [[1.5, "x"]], repeat=0),
    }
    for each in (with_all, other):
        each.close()
    assert len(keys) == 9


def test_the_file_is_the_owner_s_alone_and_holds_no_record(opened, tmp_path):
    folder = tmp_path / "new" / "folder"
    held = opened(folder=folder)
    held.keep({key: [0.5, 0.5] for key in held.keys(COLUMNS, ROWS, repeat=0)})
    assert held.path is not None
    assert held.path.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert b"secret-cell" not in held.path.read_bytes()


def test_a_file_that_others_could_read_is_closed_to_them(opened, tmp_path):
    path = opened().path
    path.chmod(0o644)
    opened()
    assert path.stat().st_mode & 0o777 == 0o600


def test_answers_of_yesterday_are_asked_for_again(opened, monkeypatch):
    held = opened()
    keys = held.keys(COLUMNS, ROWS, repeat=0)
    held.keep({key: [0.5, 0.5] for key in keys})
    now = caches.time.time()
    monkeypatch.setattr(caches.time, "time", lambda: now + caches.KEPT_SECONDS - 60)
    assert len(opened().known(keys)) == 2
    monkeypatch.setattr(caches.time, "time", lambda: now + caches.KEPT_SECONDS + 60)
    assert opened().known(keys) == {}


@pytest.mark.parametrize("text", ["", "{", "[NaN]", "null", "[]", '{"a": "b"}', "1e999", b"\xff"])
def test_what_somebody_else_wrote_there_is_no_answer(opened, text):
    held = opened()
    (key,) = held.keys(COLUMNS, ROWS[:1], repeat=0)
    held.keep({key: [0.5, 0.5]})
    with sqlite3.connect(held.path) as database:
        database.execute("UPDATE answers SET answer = ?", (text,))
    database.close()
    assert held.known([key]) == {}


def test_more_rows_than_a_query_takes_are_found(opened):
    held = opened()
    rows = [[float(number), "x"] for number in range(2_345)]
    keys = held.keys(COLUMNS, rows, repeat=0)
    held.keep({key: [float(number)] for number, key in enumerate(keys)})
    assert held.known(keys) == {key: [float(number)] for number, key in enumerate(keys)}


def test_a_folder_that_cannot_be_is_refused(opened, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadParameters) as caught:
        opened(folder=tmp_path / "file" / "cache")
    assert caught.value.code == "bad_parameters.cache"


def test_a_link_in_its_place_is_not_followed(opened, tmp_path):
    path = opened().path
    path.unlink()
    (tmp_path / "elsewhere").write_text("precious")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadParameters):
        opened()
    assert (tmp_path / "elsewhere").read_text() == "precious"


def test_a_damaged_file_is_refused_or_told(opened):
    path = opened().path
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 5_000)
    with pytest.raises((BadParameters, AuditFailed)):
        opened().known([b"x"])


def test_the_usual_folder_is_in_the_user_s_cache(tmp_path):
    assert usual_folder({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "leakgauge" / "endpoints"
    assert usual_folder({}).parts[-3:] == (".cache", "leakgauge", "endpoints")
