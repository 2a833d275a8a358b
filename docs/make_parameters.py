"""Writes docs/parameters.md from the descriptions in `leakgauge.parameters`.

python docs/make_parameters.py > docs/parameters.md
"""

from __future__ import annotations

from pydantic import BaseModel

from leakgauge.parameters import InversionParameters, MembershipParameters

HEAD = """\
# Parameters

Put them into `parameters.json` in the bundle, pass them to the command line as
`--parameter NAME=VALUE`, to Python as `parameters={...}`, or to a SageMaker
training job as hyperparameters; the latter three win over the file. Unknown
names and values that do not fit are refused, all of them at once.
"""


def table(title: str, parameters: type[BaseModel]) -> str:
    """One audit's parameters as a Markdown table."""
    rows = [
        f"| `{name}` | {(field.description or '').replace('|', chr(92) + '|')} |"
        for name, field in parameters.model_fields.items()
    ]
    return "\n".join([f"## {title}", "", "| name | what it does |", "|---|---|", *rows, ""])


def document() -> str:
    """The whole page."""
    return "\n".join(
        [
            HEAD,
            table("Membership audit", MembershipParameters),
            table("Inversion audit", InversionParameters),
        ]
    )


if __name__ == "__main__":
    print(document(), end="")
