"""What an audit in the sandbox, this program and its workers say to each other of reference models.

    {"workers": true}                                             the audit: how many are there?
    {"train": {"change": "", "rows": "...", "queried": "...", "seed": 7}}
                                                                  the audit, of one model
    {"next": true}                                                the audit: the answers of the model that it
                                                                  has waited for longest
    {"forget": true}                                              the audit wants none of the rest

    {"workers": 4}                                                this program, to each but the next
    {"answers": "...", "workers": 4}                              and to that; null for what no worker brings

    {"train": {...}}                                              this program, to the sandbox of a worker
    {"answers": "..."}                                            which trains it; null where it cannot

They travel as `leakgauge.socket_messages` has it; rows and answers are numbers of fixed width in base64.
Whoever is in a sandbox may be a stranger: a message is read strictly, and answers have exactly the length
that their question asks for. They hold nothing but numbers, and nothing in them is ever unpickled.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from typing import Final

from leakgauge.errors import JsonValue

POSITION_BYTES: Final = 4
"""A row is its position, a little-endian whole number of so many bytes."""
PROBABILITY_BYTES: Final = 8
"""An answer is a little-endian float of so many bytes; whether it is right, a byte of its own."""
_SEEDS = 2**31
_LONGEST_CHANGE = 200


@dataclass(frozen=True, slots=True)
class Fit:
    """A model to be trained and asked.

    Attributes
    ----------
    change
        the name of the change with which it is trained; empty for the model as it is.
    rows
        positions of the records that it is trained on.
    queried
        positions of those that it is asked about.
    seed
        of every part of it that is random.
    """

    change: str
    rows: bytes = field(repr=False)
    queried: bytes = field(repr=False)
    seed: int

    def message(self) -> dict[str, JsonValue]:
        """The model as JSON."""
        rows, queried = _text(self.rows), _text(self.queried)
        return {"change": self.change, "rows": rows, "queried": queried, "seed": self.seed}

    @classmethod
    def from_message(cls, message: object) -> Fit:
        """The model that `message()` described.

        Raises
        ------
        ValueError
            for anything else.
        """
        match message:
            case {
                "change": str() as change,
                "rows": str() as rows,
                "queried": str() as queried,
                "seed": int() as seed,
                **rest,
            } if not rest and len(change) <= _LONGEST_CHANGE and type(seed) is int and 0 <= seed < _SEEDS:
                return cls(change, _positions(rows), _positions(queried), seed)
        raise ValueError("no model to be trained")

    @property
    def records(self) -> int:
        """How many records it is asked about."""
        return len(self.queried) // POSITION_BYTES


def answers_message(answers: bytes | None) -> dict[str, JsonValue]:
    """Answers, or that there are none, as JSON."""
    return {"answers": None if answers is None else _text(answers)}


def read_answers(value: object, records: int) -> bytes | None:
    """What stands under `answers` in a message: a probability and a byte for each record, a byte for all.

    Raises
    ------
    ValueError
        for anything but answers about so many records, or none.
    """
    if value is None:
        return None
    answers = _bytes(value)
    if len(answers) != records * (PROBABILITY_BYTES + 1) + 1:
        raise ValueError("answers of another length")
    return answers


def _positions(text: object) -> bytes:
    positions = _bytes(text)
    if not positions or len(positions) % POSITION_BYTES:
        raise ValueError("no positions")
    return positions


def _text(content: bytes) -> str:
    return b64encode(content).decode("ascii")


def _bytes(text: object) -> bytes:
    if not isinstance(text, str):
        raise ValueError("no text")
    return b64decode(text, validate=True)
