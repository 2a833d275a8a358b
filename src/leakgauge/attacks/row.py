"""A row of a table of attacks, and what keeps it from being run.

A row with a `library` needs a module that an extra of its own brings (`extras.LIBRARIES`). The library is
looked for before anything is done, so that nothing else need know whether it is there. What the extra
`reference` brings are the attacks of other tools, set beside ours.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Final

from leakgauge.extras import installed, not_installed
from leakgauge.report.model import Attacker, Failed, NotApplicable, ThreatModel
from leakgauge.targets.protocol import Target

NOT_INSTALLED: Final = not_installed("art")
"""Why an attack of a reference library that is not there was not run."""


class Unsuited(Exception):  # noqa: N818 -- an outcome that the report states, not an error
    """The attack cannot be run on this target; the message says why, for the report."""


class Stopped(Exception):  # noqa: N818 -- an outcome that the report states, not an error
    """The attack broke a rule of the audit and was ended; the message says which, for the report."""


@dataclass(frozen=True, slots=True)
class Row:
    """What the rows of both tables of attacks say.

    Attributes
    ----------
    name
        what the user and `report.json` call the attack by.
    title
        what the report calls it.
    threat_model
        what the attack sees.
    citation
        its source, for the report.
    by_default
        whether it runs when the user names no attacks.
    library
        the module that it needs beside those of the audit, one of `extras.LIBRARIES`; else None.
    attacker
        what it takes beside the model's answers: the list of candidates, or at most other data of the
        same source; None where nothing of the kind matters.
    """

    name: str
    title: str
    threat_model: ThreatModel
    citation: str
    _: KW_ONLY
    by_default: bool = True
    library: str | None = None
    attacker: Attacker | None = None

    def check_installed(self) -> None:
        """Look for the library, if there is one.

        Raises
        ------
        Unsuited
            where it is not installed.
        """
        if self.library is not None and not installed(self.library):
            raise Unsuited(not_installed(self.library))

    def check_suits(self, target: Target) -> None:
        """Look for the library and for the answers that the attack reads.

        Raises
        ------
        Unsuited
            where the library is not installed, or the target gives labels alone to an attack that reads
            probabilities.
        """
        self.check_installed()
        if self.threat_model == "probabilities" and not target.has_probabilities:
            raise Unsuited("The model gives labels alone; this attack reads probabilities.")

    def not_applicable(self, reason: str) -> NotApplicable:
        """The outcome of an attack that cannot be run."""
        return NotApplicable(
            self.name, self.title, self.threat_model, self.citation, reason, attacker=self.attacker
        )

    def failed(self, reason: str) -> Failed:
        """The outcome of an attack that should have run and did not."""
        return Failed(self.name, self.title, self.threat_model, self.citation, reason, attacker=self.attacker)
