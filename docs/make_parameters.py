"""Writes docs/parameters.md from the descriptions in `leakgauge.parameters`.

python docs/make_parameters.py > docs/parameters.md
"""

from __future__ import annotations

from pydantic import BaseModel

from leakgauge.parameters import (
    AnswersInMemoryParameters,
    AnswersParameters,
    ImageMembershipParameters,
    InMemoryParameters,
    InversionParameters,
    MembershipParameters,
    ProfilesParameters,
)
from leakgauge.parameters.values import Parameters

HEAD = """\
# Parameters

Put them into `parameters.json` in the bundle, pass them to the command line as
`--parameter NAME=VALUE`, to Python as `parameters={...}`, or to a SageMaker
training job as hyperparameters; the latter three win over the file. Unknown
names, values that do not fit, and parameters that would do nothing in the audit
are refused, all of them at once.
"""


def refused(parameters: type[Parameters]) -> str:
    """What an audit does not take, by the reasons that it gives."""
    reasons: dict[str, list[str]] = {}
    for name, reason in parameters.not_taken.items():
        reasons.setdefault(reason, []).append(f"`{name}`")
    lines = [f"* {', '.join(names)}: {reason}." for reason, names in reasons.items()]
    return "\n".join(["Refused there, since they would do nothing:", "", *lines, ""])


def table(title: str, parameters: type[BaseModel], *, beside: type[BaseModel] | None = None) -> str:
    """One audit's parameters as a Markdown table, without those that stand under another already."""
    known = beside.model_fields if beside else {}
    rows = [
        f"| `{name}` | {(field.description or '').replace('|', chr(92) + '|')} |"
        for name, field in parameters.model_fields.items()
        if name not in known
    ]
    return "\n".join([f"## {title}", "", "| name | what it does |", "|---|---|", *rows, ""])


def document() -> str:
    """The whole page."""
    return "\n".join(
        [
            HEAD,
            table("Membership audit", MembershipParameters),
            f"Of a table of answers ([answers.md](answers.md)). {refused(AnswersParameters)}",
            f"Of answers in memory (`leakgauge.audit_answers`). {refused(AnswersInMemoryParameters)}",
            f"Of a model in memory (`leakgauge.audit(model, ...)`). {refused(InMemoryParameters)}",
            table(
                "Membership audit over image sets, besides",
                ImageMembershipParameters,
                beside=MembershipParameters,
            ),
            refused(ImageMembershipParameters),
            table("Inversion audit", InversionParameters),
            table("Inversion audit of a model of tables: class profiles", ProfilesParameters),
        ]
    )


if __name__ == "__main__":
    print(document(), end="")
