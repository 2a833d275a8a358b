"""Writes docs/parameters.md from the descriptions in `leakgauge.parameters`.

python docs/make_parameters.py > docs/parameters.md
"""

from __future__ import annotations

from pydantic import BaseModel

from leakgauge.parameters import InversionParameters, MembershipParameters, PictureMembershipParameters

HEAD = """\
# Parameters

Put them into `parameters.json` in the bundle, pass them to the command line as
`--parameter NAME=VALUE`, to Python as `parameters={...}`, or to a SageMaker
training job as hyperparameters; the latter three win over the file. Unknown
names and values that do not fit are refused, all of them at once.
"""


IMAGE_SETS = """\
`label_column`, `group_column` and `header` are for tables alone. An image classifier cannot be
trained again here, so that `reference_models`, `time_budget` and `tradeoffs` change nothing.
"""


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
            table(
                "Membership audit over image sets, besides",
                PictureMembershipParameters,
                beside=MembershipParameters,
            ),
            IMAGE_SETS,
            table("Inversion audit", InversionParameters),
        ]
    )


if __name__ == "__main__":
    print(document(), end="")
