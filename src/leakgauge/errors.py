"""Every error the package raises on purpose, as one tree.

    LeakgaugeError                  500  exit 4
    ├── InputError                       exit 2   the sender's side: change the input
    │   ├── BadBundle               400           the zip, folder, tables or image
    │   ├── UnsupportedModel        422           a model we cannot audit
    │   ├── UnsafeModel             422           a model file that asks for more than a model needs
    │   ├── BadParameters           422           parameters.json or a hyperparameter; all problems at once
    │   └── LimitExceeded           413           too large, too many, too deep, too much memory
    ├── ServiceFailed               502  exit 4   a live service under audit, or the network to it
    ├── AuditTimeout                504  exit 4   the audit did not finish in the time it was given
    ├── Busy                        503  exit 4   every slot is taken; come back later
    └── AuditFailed                 500  exit 4   our side; the log holds the same id

An error says what happened (`message`), whose side it is on (its class) and
what to do next (`hint`). `code` is stable and meant for programs:
`bad_bundle.not_a_zip`. Messages may name files, rows and columns of the
sender, never values found in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self, TypeAlias

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"


class LeakgaugeError(Exception):
    """Base of the tree.

    Parameters
    ----------
    problem
        what went wrong as a snake_case word, the second half of `code`.
    message
        one sentence: what happened, and where.
    hint
        one sentence: what to do next.
    details
        further facts for a program, JSON-compatible.
    """

    family: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 4

    def __init__(
        self,
        problem: str,
        message: str,
        *,
        hint: str,
        details: Mapping[str, JsonValue] | None = None,
    ) -> None:
        super().__init__(message)
        self.problem = problem
        self.message = message
        self.hint = hint
        self.details: dict[str, JsonValue] = dict(details or {})

    @property
    def code(self) -> str:
        """Stable name of the problem, `family.problem`."""
        return f"{self.family}.{self.problem}"

    def body(self) -> dict[str, JsonValue]:
        """The JSON that a caller receives."""
        return {
            "error": {
                "code": self.code,
                "message": self.message,
                "hint": self.hint,
                "details": self.details,
            }
        }

    @classmethod
    def from_body(cls, body: Mapping[str, JsonValue]) -> LeakgaugeError:
        """The error that `body()` described, as an instance of its own class.

        Raises
        ------
        ValueError
            when `body` is not of the form that `body()` gives.
        """
        error = body.get("error")
        if not isinstance(error, dict):
            raise ValueError("no error object")
        code, message, hint = error.get("code"), error.get("message"), error.get("hint")
        details = error.get("details")
        if not (isinstance(code, str) and isinstance(message, str) and isinstance(hint, str)):
            raise ValueError("code, message and hint must be strings")
        family, _, problem = code.partition(".")
        kind = _families().get(family)
        if kind is None:
            raise ValueError(f"unknown error family {family!r}")
        return kind(problem, message, hint=hint, details=details if isinstance(details, dict) else None)

    def with_details(self, **details: JsonValue) -> Self:
        """The same error with further details."""
        self.details.update(details)
        return self


class InputError(LeakgaugeError):
    """The sender's side: a changed input can succeed."""

    family = "input"
    status = 400
    exit_code = 2


class BadBundle(InputError):
    """The zip or folder, or a table or image in it, is not what an audit needs."""

    family = "bad_bundle"
    status = 400


class UnsupportedModel(InputError):
    """The model was read, or recognised, but no audit can be run on it."""

    family = "unsupported_model"
    status = 422


class UnsafeModel(InputError):
    """The model file asks for more than a model needs; nothing of it was run."""

    family = "unsafe_model"
    status = 422


class BadParameters(InputError):
    """Parameters that do not fit; `details["problems"]` lists all of them."""

    family = "bad_parameters"
    status = 422

    @classmethod
    def about(cls, parameter: str, what: str, *, problem: str, message: str, hint: str) -> Self:
        """The error when one parameter alone does not fit, and `what` is the matter with it."""
        listed: list[JsonValue] = [{"parameter": parameter, "message": what}]
        return cls(problem, message, hint=hint, details={"problems": listed})


class LimitExceeded(InputError):
    """The input is larger than this installation accepts."""

    family = "limit_exceeded"
    status = 413


class ServiceFailed(LeakgaugeError):
    """The live service under audit did not answer, or with what is no answer; or the network is at fault."""

    family = "service"
    status = 502


class AuditTimeout(LeakgaugeError):
    """The audit ran out of the time that it was given."""

    family = "audit_timeout"
    status = 504


class Busy(LeakgaugeError):
    """Every audit slot is taken. `retry_after` is in seconds."""

    family = "busy"
    status = 503

    @property
    def retry_after(self) -> int:
        """Seconds after which a retry has a chance."""
        seconds = self.details.get("retry_after", 10)
        return seconds if isinstance(seconds, int) else 10


class AuditFailed(LeakgaugeError):
    """Our side: the audit ended without an answer. `details["id"]` stands in the log too."""

    family = "audit_failed"


def _families() -> dict[str, type[LeakgaugeError]]:
    found: dict[str, type[LeakgaugeError]] = {}
    waiting: list[type[LeakgaugeError]] = [LeakgaugeError]
    while waiting:
        kind = waiting.pop()
        found[kind.family] = kind
        waiting.extend(kind.__subclasses__())
    return found
