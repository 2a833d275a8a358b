"""The table of output defences: one file and one row each.

To add a defence, write a file beside these with a `change` function (see
`protocol.AnswerTransform`), add its row here and one in `docs/defences.md`; `settings_of` then
knows it by name, and so do the command line, the comparison and the demo page.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence

from leakgauge.defences.output import label_only, logit_clipping, noise, rounding, temperature, top_k
from leakgauge.defences.output.protocol import OutputDefence, Strength
from leakgauge.defences.output.target import DefendedTarget, Setting, changed, changed_numbers, not_undone
from leakgauge.errors import BadParameters
from leakgauge.report.model import Notice

__all__ = [
    "OUTPUT_DEFENCES",
    "DefendedTarget",
    "OutputDefence",
    "Setting",
    "Strength",
    "changed",
    "changed_numbers",
    "check_suits_numbers",
    "defended_notice",
    "not_undone",
    "settings_of",
]

SHOKRI = "Shokri et al. 2017, Membership Inference Attacks Against Machine Learning Models"
WEI = "cf. Wei et al. 2023, Mitigating Memorization of Noisy Labels by Clipping the Model Prediction"
GUO = "Guo et al. 2017, On Calibration of Modern Neural Networks"
JIA = "cf. Jia et al. 2019, MemGuard"

OUTPUT_DEFENCES: tuple[OutputDefence, ...] = (
    OutputDefence(
        "logit_clipping",
        "Clipped logits",
        "The surest answers are understated and classes far behind become equal; labels stay.",
        WEI,
        logit_clipping.change,
        Strength("nats below the likeliest", 3.0, 0.1, 50.0),
    ),
    OutputDefence(
        "rounding",
        "Rounded answers",
        "Callers lose the further decimals; labels stay.",
        SHOKRI,
        rounding.change,
        Strength("decimals", 2, 0, 9, whole=True),
        change_numbers=rounding.change_numbers,
    ),
    OutputDefence(
        "top_k",
        "Largest probabilities only",
        "Callers lose the order and size of all other classes; labels stay.",
        SHOKRI,
        top_k.change,
        Strength("classes", 3, 1, 10_000, whole=True),
        demonstrated=1,
    ),
    OutputDefence(
        "label_only",
        "Label only",
        "Callers lose every probability: no ranking, no threshold; labels stay.",
        SHOKRI,
        label_only.change,
        gives="labels",
    ),
    OutputDefence(
        "temperature",
        "Softened probabilities",
        "Probabilities understate how sure the model is; labels and their order stay.",
        GUO,
        temperature.change,
        Strength("times the temperature", 5.0, 1.0, 1_000.0),
        invertible=True,
    ),
    OutputDefence(
        "noise",
        "Noisy probabilities",
        "Probabilities are off by a random factor, and close calls change their label.",
        JIA,
        noise.change,
        Strength("nats of standard deviation", 1.0, 0.0, 20.0),
        keeps_labels=False,
        repeatable=False,
    ),
)


def settings_of(
    spellings: Sequence[str], table: Sequence[OutputDefence] | None = None
) -> tuple[Setting, ...]:
    """Defences as a user writes them (`rounding=2`, `label_only`), in the order of application.

    A defence without a number has its default strength.

    Parameters
    ----------
    table
        the rows that are known; None for `OUTPUT_DEFENCES`.

    Raises
    ------
    BadParameters
        `unknown_defence` for a name that is not in the table; `defence_strength` for a number that
        is none, out of range, not whole where it must be, or given where there is nothing to set.
    """
    return tuple(_setting(spelling, OUTPUT_DEFENCES if table is None else table) for spelling in spellings)


def defended_notice(settings: Sequence[Setting]) -> tuple[Notice, ...]:
    """What a reader of the report must know where answers were defended: they are not the model's own."""
    if not settings:
        return ()
    passed = ", then ".join(setting.title for setting in settings)
    message = f"Every answer passed through an output defence before an attack saw it: {passed}."
    undone = settings[len(not_undone(settings)) :]
    if undone:
        names = " and ".join(setting.defence.name for setting in undone)
        message += f" Anybody who knows it can undo {names}, so the attacks have done so."
    return (Notice("defended", message),)


def check_suits_numbers(settings: Sequence[Setting]) -> None:
    """Refuse defences that change class probabilities where a model predicts numbers.

    Raises
    ------
    BadParameters
        `defence_of_classes`.
    """
    for setting in settings:
        if setting.defence.change_numbers is None:
            suited = ", ".join(row.name for row in OUTPUT_DEFENCES if row.change_numbers is not None)
            raise BadParameters(
                "defence_of_classes",
                f"The defence {setting.defence.name} changes probabilities of classes, and the model "
                "predicts numbers.",
                hint=f"Leave it out. For a model that predicts numbers there is {suited}.",
            )


def _setting(spelling: str, table: Sequence[OutputDefence]) -> Setting:
    name, equals, number = spelling.strip().partition("=")
    known = {defence.name: defence for defence in table}
    name = name.strip().replace("-", "_")
    defence = known.get(name)
    if defence is None:
        close = difflib.get_close_matches(name[:100].lower(), known, n=1)
        raise BadParameters(
            "unknown_defence",
            "There is no output defence of that name.",
            hint=(f"Did you mean {close[0]}? " if close else "") + f"Choose from: {', '.join(known)}.",
        )
    allowed = defence.strength
    if allowed is None:
        if equals:
            raise _unfit(defence, "has nothing to set", f"Write {defence.name} alone.")
        return Setting(defence)
    if not equals:
        return Setting(defence, allowed.default)
    kind = "a whole number" if allowed.whole else "a number"
    hint = (
        f"Give {kind} of {allowed.unit} from {allowed.least:g} to {allowed.greatest:g}, "
        f"such as {defence.name}={allowed.default:g}."
    )
    try:
        strength = float(number)
    except ValueError:
        raise _unfit(defence, f"is set by {kind}", hint) from None
    if not (math.isfinite(strength) and allowed.least <= strength <= allowed.greatest):
        raise _unfit(defence, f"takes {allowed.least:g} to {allowed.greatest:g}", hint)
    if allowed.whole and not strength.is_integer():
        raise _unfit(defence, f"is set by {kind}", hint)
    return Setting(defence, strength)


def _unfit(defence: OutputDefence, what: str, hint: str) -> BadParameters:
    return BadParameters("defence_strength", f"The defence {defence.name} {what}.", hint=hint)
