"""What a service has answered before, on disk: no row is asked twice, also when an audit was cut off.

One SQLite file a service. A row is known by a digest of the service, the columns and the cells, so the file
holds no record and no secret, only answers. It is for its owner alone to read. Since another model may come
to stand behind the same address, an answer is good for a day.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from leakgauge.endpoints.answers import row_answers
from leakgauge.errors import AuditFailed, BadParameters, LeakgaugeError
from leakgauge.row_pipe import Answer, Cell, Column
from leakgauge.strict_json import parse

_VERSION: Final = 1
_AT_ONCE: Final = 500
KEPT_SECONDS: Final = 86_400
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS answers "
    "(row BLOB PRIMARY KEY, answer TEXT NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID"
)


def usual_folder(environment: Mapping[str, str]) -> Path:
    """Where caches lie unless the settings say otherwise."""
    home = environment.get("XDG_CACHE_HOME", "")
    return (Path(home) if home else Path.home() / ".cache") / "leakgauge" / "endpoints"


class Cache:
    """Answers of one service.

    Parameters
    ----------
    identity
        all that decides which model answers and in which form.
    folder
        where the file lies; None keeps answers in memory, for as long as the audit runs.

    Attributes
    ----------
    path
        the file; None for none.

    Raises
    ------
    BadParameters
        `cache` for a folder in which none can be made, or a file there that is none.
    """

    def __init__(self, identity: Sequence[str], folder: Path | None) -> None:
        named = json.dumps([_VERSION, *identity]).encode()
        self._service = hashlib.sha256(named).digest()
        self.path = None if folder is None else folder / f"{self._service.hex()[:32]}.sqlite"
        try:
            place = ":memory:" if self.path is None else _private(self.path)
            # whoever asks holds a lock, in whatever thread
            self._database = sqlite3.connect(place, check_same_thread=False)
            self._prepare()
        except (OSError, sqlite3.Error):
            raise BadParameters.about(
                "cache",
                "no file can be kept there",
                problem="cache",
                message="Answers cannot be kept in the folder that the settings name for them.",
                hint="Name a folder of yours as cache, or set cache to false: then an audit that is cut off "
                "asks everything again.",
            ) from None

    def _prepare(self) -> None:
        try:
            with self._database:
                self._database.execute(_TABLE)
                self._database.execute("DELETE FROM answers WHERE at < ?", (time.time() - KEPT_SECONDS,))
        except sqlite3.Error:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def keys(self, columns: Sequence[Column], rows: Iterable[Sequence[Cell]], *, repeat: int) -> list[bytes]:
        """What each row is known by; a row that is asked again has another key with each repeat."""
        head = json.dumps([[column.name, column.kind] for column in columns] + [repeat])
        begun = hashlib.sha256(self._service + head.encode())
        keys = []
        for row in rows:
            digest = begun.copy()
            digest.update(json.dumps(row, allow_nan=False).encode())
            keys.append(digest.digest())
        return keys

    def known(self, keys: Sequence[bytes]) -> dict[bytes, Answer]:
        """Those of the answers that are there."""
        found: dict[bytes, Answer] = {}
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            marks = ",".join("?" * len(some))
            query = f"SELECT row, answer FROM answers WHERE row IN ({marks})"  # noqa: S608 -- marks alone
            for key, text in self._rows(query, some):
                answer = _read(text)
                if answer is not None:
                    found[key] = answer
        return found

    def _rows(self, query: str, values: Sequence[bytes]) -> list[tuple[bytes, str]]:
        try:
            return self._database.execute(query, values).fetchall()
        except sqlite3.Error:
            raise _unusable("read") from None

    def keep(self, answers: Mapping[bytes, Answer]) -> None:
        """Write answers down, all or none, before anything else is asked.

        Raises
        ------
        AuditFailed
            `cache` where the file cannot be written.
        """
        now = int(time.time())
        rows = [(key, json.dumps(answer, allow_nan=False), now) for key, answer in answers.items()]
        try:
            with self._database:
                self._database.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", rows)
        except sqlite3.Error:
            raise _unusable("written down") from None


def _unusable(done: str) -> AuditFailed:
    return AuditFailed(
        "cache",
        f"Answers of the service cannot be {done}: the disk is full, or the file is locked or damaged.",
        hint="Make room in the folder of the cache, or name another one as cache in the settings.",
    )


def _private(path: Path) -> Path:
    """The path of a file that nobody else can read, made if missing."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)
    return path


def _read(text: str) -> Answer | None:
    """An answer out of the file, which somebody else may have written in; None for what is none."""
    try:
        (answer,) = row_answers([parse(text.encode())], 1)
    except (ValueError, AttributeError, LeakgaugeError):
        return None
    return answer
