"""Any service that takes JSON: a template of the request, and a path to the answers in the reply.

In the template the text `$rows` stands for the rows as lists, `$records` for the rows as objects by the
names of their columns, `$columns` for these names; `$row` and `$record` for one alone, and then a request
asks about one. The path is an expression of JMESPath.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from leakgauge.endpoints.protocols.base import HttpProtocol, Rows, from_json, to_json
from leakgauge.endpoints.protocols.paths import Path, at_path
from leakgauge.endpoints.settings import Template
from leakgauge.endpoints.transport import Request
from leakgauge.errors import JsonValue

_MANY = ("$rows", "$records")
_ONE = ("$row", "$record")


def _texts_in(document: Any) -> Iterator[str]:
    inner: Any = ()
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict):
        inner = document.values()
    elif isinstance(document, list | tuple):
        inner = document
    for each in inner:
        yield from _texts_in(each)


def _has_rows(template: Any) -> Any:
    found = {text for text in _texts_in(template) if text in (*_MANY, *_ONE)}
    if len(found) != 1:
        raise ValueError("must hold one of $rows, $records, $row and $record, where the rows go")
    return template


class JsonTemplate(HttpProtocol):
    """Settings of a service that takes and gives JSON in a form of its own."""

    title: ClassVar = "JSON over HTTP"

    protocol: Literal["json"] = "json"
    request_template: Annotated[Template, AfterValidator(_has_rows)] = Field(
        alias="request",
        description="The body of a request. In it `$rows` stands for the rows as lists, `$records` for the "
        "rows as objects, `$columns` for the names of the columns; `$row` or `$record` for a single one.",
    )
    answer: Path = Field(
        description="Where the answers stand in a reply: a JMESPath expression, such as `predictions` or "
        "`results[*].[no, yes]`. It gives a list of one answer for each row; of a request for a single row "
        "it may give that one's answer."
    )

    @property
    def identity(self) -> tuple[str, ...]:
        """Further the template and the path."""
        template = to_json(self.request_template).decode()
        return (*super().identity, template, self.answer)

    @property
    def one_at_a_time(self) -> bool:
        """Whether the template holds a single row."""
        return any(text in _ONE for text in _texts_in(self.request_template))

    def request(self, rows: Rows) -> Request:
        """The template with the rows in it."""
        lists, records = rows.nested(), rows.records() if rows.columns else []
        names: list[JsonValue] = [column.name for column in rows.columns]
        filled: dict[str, JsonValue] = {"$rows": lists, "$records": records, "$columns": names}
        if self.one_at_a_time:
            filled |= {"$row": lists[0], "$record": records[0] if records else None}
        return Request(to_json(_filled(self.request_template, filled)), self.url)

    def in_reply(self, body: bytes, rows: int) -> JsonValue:
        """What the path leads to."""
        return at_path(self.answer, from_json(body), rows)


def _filled(template: Any, values: dict[str, JsonValue]) -> JsonValue:
    if isinstance(template, str):
        return values.get(template, template)
    if isinstance(template, dict):
        return {str(name): _filled(each, values) for name, each in template.items()}
    if isinstance(template, list | tuple):
        return [_filled(each, values) for each in template]
    return template  # type: ignore[no-any-return]  # a number, true, false or null of the settings
