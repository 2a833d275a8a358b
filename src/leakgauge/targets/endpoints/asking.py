"""Rows into the pipe, answers out of it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from leakgauge.errors import AuditFailed, JsonValue, LeakgaugeError
from leakgauge.row_pipe import (
    MOST_CELLS,
    MOST_ROWS,
    Answer,
    Cell,
    Column,
    ServiceFacts,
)
from leakgauge.socket_messages import read_message, write_message


class Service:
    """A live service, asked through a socket. Several threads may ask.

    Parameters
    ----------
    facts
        what is known of it.
    descriptor
        of the socket.

    Attributes
    ----------
    left
        how many more rows it may be asked about; one that was asked before costs none.
    requests_left
        how many more requests they may go in; None for any number.
    """

    def __init__(self, facts: ServiceFacts, descriptor: int) -> None:
        self.facts = facts
        self.left = facts.rows
        self.requests_left = facts.requests
        self._descriptor = descriptor
        self._widest = 1
        self._one_at_a_time = threading.Lock()

    def name_columns(self, columns: Sequence[Column]) -> None:
        """Say what columns all rows have; once, of tables, before anything is asked."""
        self._exchange({"columns": [[column.name, column.kind] for column in columns]})

    def ask(self, rows: Sequence[Sequence[Cell]], *, repeat: int = 0) -> list[Answer]:
        """What the service says of each row.

        Parameters
        ----------
        repeat
            0, or the number of a further answer to the same rows.

        Raises
        ------
        LeakgaugeError
            whatever the broker met.
        """
        if not rows:
            return []
        found: list[Answer] = []
        while len(found) < len(rows):
            # no question, and no answer, is larger than a message can be
            step = max(min(MOST_ROWS, MOST_CELLS // max(len(rows[0]), self._widest)), 1)
            some = rows[len(found) : len(found) + step]
            if self.requests_left is not None:
                self.requests_left -= -(-len(some) // self.facts.rows_of_request)
            answers = self._exchange({"ask": some, "repeat": repeat}).get("answers")
            if not isinstance(answers, list) or len(answers) != len(some):
                raise _lost()
            found += answers
            widths = [len(each) for each in answers if isinstance(each, list | dict)]
            self._widest = max([self._widest, *widths])
        return found

    def account(self) -> dict[str, JsonValue]:
        """What was asked until now, and what it cost."""
        account = self._exchange({"account": True}).get("account")
        if not isinstance(account, dict):
            raise _lost()
        return account

    def _exchange(self, message: dict[str, Any]) -> dict[str, Any]:
        with self._one_at_a_time:
            try:
                write_message(self._descriptor, message)
                reply = read_message(self._descriptor)
            except (OSError, ValueError):
                raise _lost() from None
            if reply is None:
                raise _lost()
            if "error" in reply:
                raise LeakgaugeError.from_body(reply)
            self.left = int(reply.get("left", self.left))
            return reply


def _lost() -> AuditFailed:
    return AuditFailed(
        "broker",
        "The process that asks the service took the rows for none, or has gone.",
        hint="Start the audit again: what was answered is kept. If it fails so again, report a fault.",
    )
