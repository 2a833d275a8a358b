"""The folder that SageMaker lays out for a training job, and what is read from it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from leakgauge.errors import BadBundle, BadParameters, JsonValue
from leakgauge.jobs.table import AUDIT, PRIOR, Job
from leakgauge.parameters import decode_hyperparameters

_TASK = "task"
_CHANNELS: Final = {AUDIT: "training", PRIOR: "auxiliary"}
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Hosts:
    """The instances of a job.

    Attributes
    ----------
    current
        the name of this one.
    names
        of all.
    """

    current: str
    names: tuple[str, ...]

    @property
    def leader(self) -> str:
        """The one that does the audit."""
        return min(self.names)


@dataclass(frozen=True, slots=True)
class JobLayout:
    """Addresses under the root, `/opt/ml` in a container.

    Files that SageMaker does not write in every case (no hyperparameters, no resource
    configuration) count as empty when they are missing.
    """

    root: Path

    @property
    def model(self) -> Path:
        """What SageMaker packs into `model.tar.gz`."""
        return self.root / "model"

    @property
    def output_data(self) -> Path:
        """What SageMaker packs into `output.tar.gz`."""
        return self.root / "output" / "data"

    @property
    def failure(self) -> Path:
        """Where the reason of a failure goes."""
        return self.root / "output" / "failure"

    def job(self) -> Job:
        """What the hyperparameter `task` asks for: `audit`, the default, or `prior`.

        Raises
        ------
        BadParameters
            `unknown_task` for anything else, `prior_parameters` for a prior with other hyperparameters.
        """
        hyperparameters = self._hyperparameters()
        match hyperparameters.pop(_TASK, "audit"):
            case "audit":
                return AUDIT
            case "prior" if not hyperparameters:
                return PRIOR
            case "prior":
                raise BadParameters(
                    "prior_parameters",
                    f"A job with task=prior takes no other hyperparameter; {len(hyperparameters)} more came.",
                    hint="Leave the others out: they are parameters of audits.",
                )
        raise BadParameters(
            "unknown_task",
            "The hyperparameter task is neither audit nor prior.",
            hint="Leave it out for an audit; task=prior makes a prior from the images in channel auxiliary.",
        )

    def overrides(self) -> dict[str, JsonValue]:
        """The hyperparameters but `task`, decoded: parameters that win over the bundle's own.

        Raises
        ------
        BadParameters
            `job_configuration` when they are not strings by name.
        """
        hyperparameters = self._hyperparameters()
        hyperparameters.pop(_TASK, None)
        return hyperparameters

    def _hyperparameters(self) -> dict[str, JsonValue]:
        strings = {}
        for name, value in self._configuration("hyperparameters").items():
            if not isinstance(value, str):
                raise _unreadable("hyperparameters")
            strings[name] = value
        return decode_hyperparameters(strings)

    def hosts(self) -> Hosts | None:
        """The hosts of a job with several instances; None of a job with one.

        Raises
        ------
        BadParameters
            `job_configuration` where it is not told which hosts there are, and which is this.
        BadBundle
            `sharded_channel` when the bundle's files have been dealt out to several instances.
        """
        resources = self._configuration("resourceconfig")
        match resources.get("hosts", []), resources.get("current_host"):
            case [], _:
                return None
            case [*names], str() as current if current in names and all(map(_is_host, names)):
                hosts = Hosts(current, tuple(map(str, names)))
            case _:
                raise BadParameters(
                    "job_configuration",
                    "The job's resourceconfig.json does not tell the names of its hosts, and which this is.",
                    hint="Start the job again. Elsewhere, write hosts and current_host as SageMaker does.",
                )
        if len(set(hosts.names)) == 1:
            return None
        for channel in self._configuration("inputdataconfig").values():
            if isinstance(channel, dict) and channel.get("S3DistributionType") == "ShardedByS3Key":
                raise BadBundle(
                    "sharded_channel",
                    "The channel deals its files out to several instances, so none has the whole bundle.",
                    hint="Use one instance, or the distribution type FullyReplicated.",
                )
        return hosts

    def source(self, job: Job = AUDIT) -> Path:
        """The folder of the job's channel, with the files loose or in a zip.

        Raises
        ------
        BadBundle
            `no_channel` when there is no channel `training` (for a prior: `auxiliary`) and not exactly
            one other.
        """
        wanted = _CHANNELS[job]
        data = self.root / "input" / "data"
        channels = sorted(entry for entry in data.iterdir() if entry.is_dir()) if data.is_dir() else []
        named = [channel for channel in channels if channel.name == wanted] or channels
        if len(named) != 1:
            raise BadBundle(
                "no_channel",
                f"The job has {len(channels)} input channels and none is called {wanted}.",
                hint=f"Put the files, zipped or loose, into the channel {wanted}.",
            )
        return named[0]

    def _configuration(self, name: str) -> dict[str, JsonValue]:
        path = self.root / "input" / "config" / f"{name}.json"
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError):
            raise _unreadable(name) from None
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            raise _unreadable(name) from None
        if not isinstance(value, dict):
            raise _unreadable(name)
        return value


def _is_host(name: object) -> bool:
    return isinstance(name, str) and _HOST.fullmatch(name) is not None


def _unreadable(name: str) -> BadParameters:
    return BadParameters(
        "job_configuration",
        f"The job's {name}.json is not what SageMaker writes.",
        hint="Give every hyperparameter as a string, and start the job again.",
    )
