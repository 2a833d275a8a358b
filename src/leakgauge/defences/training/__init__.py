"""Defences of a Keras classifier, in its training or around it once trained: one file and one row each.

To add one, write a file beside these with a function `harden(plan)` that gives a changed
`TrainingPlan`, and add its row; the file's name is the row's name. The table itself imports no
framework: a page can list the defences without waiting for TensorFlow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from leakgauge.errors import BadParameters

if TYPE_CHECKING:
    from leakgauge.defences.training.plan import TrainingPlan


@dataclass(frozen=True, slots=True)
class TrainingDefence:
    """A row of the table. `cost` says what the owner of the model pays for it."""

    name: str
    title: str
    cost: str
    citation: str

    def harden(self, plan: TrainingPlan) -> TrainingPlan:
        """The plan with this defence at its default strength.

        Raises
        ------
        UnsupportedModel, BadParameters
            where the defence does not fit the model, or another defence of the plan.
        """
        home = import_module(f"{__name__}.{self.name}")
        hardened: TrainingPlan = home.harden(plan)
        return hardened


TRAINING_DEFENCES: tuple[TrainingDefence, ...] = (
    TrainingDefence(
        "dropout",
        "Dropout",
        "More epochs to the same accuracy; answers cost no more than before.",
        "Srivastava et al. 2014, Dropout: A Simple Way to Prevent Neural Networks from Overfitting",
    ),
    TrainingDefence(
        "weight_decay",
        "Weight decay",
        "Accuracy where the weight is too large; nothing to train or to answer.",
        "Krogh & Hertz 1991, A Simple Weight Decay Can Improve Generalization",
    ),
    TrainingDefence(
        "label_smoothing",
        "Label smoothing",
        "Confidence is capped by design. It can make reconstructions of a class better, not worse.",
        "Szegedy et al. 2016, Rethinking the Inception Architecture for Computer Vision",
    ),
    TrainingDefence(
        "negative_label_smoothing",
        "Negative label smoothing",
        "Some accuracy, and probabilities that no longer mean how sure the model is.",
        "Struppek, Hintersdorf & Kersting 2024, Be Careful What You Smooth For",
    ),
    TrainingDefence(
        "dp_sgd",
        "DP-SGD",
        "Accuracy, and several times the training time: each example has a gradient of its own.",
        "Abadi et al. 2016, Deep Learning with Differential Privacy",
    ),
    TrainingDefence(
        "random_erasing",
        "Random erasing",
        "More epochs to the same accuracy; answers cost no more than before.",
        "Tran et al. 2024, Defending against Model Inversion Attacks via Random Erasing",
    ),
    TrainingDefence(
        "anti_adversarial",
        "Anti-adversarial training",
        "Some accuracy, six times the training time, and a model that small disturbances mislead.",
        "Torp, Smith & Breuer 2026, Reducing Information Dependency Does Not Cause Training Data Privacy",
    ),
    TrainingDefence(
        "decoys",
        "Decoys",
        "Some accuracy, and twice the training time; answers cost no more than before.",
        "cf. Gong et al. 2023, Protecting Commercial Web APIs from Model Inversion Attacks",
    ),
    TrainingDefence(
        "guard",
        "Guard",
        "About 1 real image in 100 is answered at random. Hides only: not from a file, nor similar images.",
        "cf. Athalye et al. 2018, Obfuscated Gradients Give a False Sense of Security",
    ),
)


def training_defences(names: Sequence[str]) -> tuple[TrainingDefence, ...]:
    """The rows with these names, in the order of the table.

    Raises
    ------
    BadParameters
        `unknown_defence` for a name that is not in the table.
    """
    known = {defence.name for defence in TRAINING_DEFENCES}
    unknown = sorted(set(names) - known)
    if unknown:
        raise BadParameters(
            "unknown_defence",
            f"There is no training defence called {', '.join(unknown)}.",
            hint=f"Choose from: {', '.join(defence.name for defence in TRAINING_DEFENCES)}.",
        )
    return tuple(defence for defence in TRAINING_DEFENCES if defence.name in names)
