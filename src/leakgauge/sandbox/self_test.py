"""Whether the sandbox holds, found out by trying: what `leakgauge doctor` tells."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from leakgauge.errors import AuditFailed
from leakgauge.jobs.table import SELF_TEST
from leakgauge.progress import Silent
from leakgauge.sandbox.lockdown import LAYERS, NO_ISOLATION, REQUIRED, hide_from_others
from leakgauge.sandbox.output import read_document
from leakgauge.sandbox.parent import Sandbox
from leakgauge.sandbox.resources import ResourceLimits
from leakgauge.sandbox.user_isolation import obstacle

_SECONDS = 60.0
_NO_LANDLOCK = "this kernel or container engine does not offer Landlock"


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What was found.

    Attributes
    ----------
    layers
        those in force, in the order in which they were put on.
    missing
        the others, each with the reason.
    trials
        what a child tried, and whether it was refused.
    refusal
        why no audit starts here, and what to do; None where audits start.
    """

    layers: tuple[str, ...]
    missing: dict[str, str]
    trials: dict[str, bool]
    refusal: str | None = None

    @property
    def sound(self) -> bool:
        """Whether audits start, every required layer is in force and every trial was refused."""
        return (
            self.refusal is None
            and all(self.trials.values())
            and not any(name in self.missing for name in REQUIRED)
        )


def run_self_test() -> SelfTest:
    """Lock a child down as for an audit, and let it try what an audit must not be able to do.

    Raises
    ------
    LeakgaugeError
        when no child can be started or locked down at all.
    """
    hide_from_others()
    with (
        Sandbox(limits=ResourceLimits.from_environment(), job=SELF_TEST) as sandbox,
        sandbox.private_folder() as folder,
        sandbox.private_folder() as other,
    ):
        (folder / "source").touch(mode=0o600)
        (other / "rows").touch(mode=0o600)
        try:
            layers = sandbox.run(
                folder / "source",
                folder / "found",
                overrides={"other": str(other), "doctor": os.getpid()},
                progress=Silent(),
                timeout=_SECONDS,
            )
        except AuditFailed as error:
            if error.problem != NO_ISOLATION:
                raise
            missing = {"landlock": _NO_LANDLOCK, "identity": _no_users()}
            return SelfTest((), missing, {}, f"{error.message} {error.hint}")
        (found_name,) = SELF_TEST.leaves
        trials = read_document(folder / "found" / found_name)
    why = {
        "landlock": _NO_LANDLOCK,
        "identity": _no_users(),
        "seccomp": "libseccomp is missing, and LEAKGAUGE_SANDBOX=relaxed accepts that",
    }
    missing = {name: why.get(name, "unknown") for name in LAYERS if name not in layers}
    return SelfTest(layers, missing, {name: refused is True for name, refused in trials.items()})


def _no_users() -> str:
    return obstacle(Path(tempfile.gettempdir()).resolve() / "workspace") or "not asked for"
