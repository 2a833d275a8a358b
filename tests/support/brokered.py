"""A broker that asks a double of a service, and the sandbox's end of its socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

from service_protocols import MLflow, OpenInference, PlainJson, SageMaker, TensorFlowServing
from service_rows import DIGITS, answers_of_small_forest, rows_of, small_forest
from services import Service, serving

from leakgauge.bundle import Limits, MembershipBundle, open_bundle
from leakgauge.endpoints.broker import Broker
from leakgauge.endpoints.reading import read_endpoint
from leakgauge.membership.audit import audit_live
from leakgauge.progress import Silent
from leakgauge.report.model import MembershipReport
from leakgauge.socket_messages import read_message, write_message
from leakgauge.targets.endpoints.asking import Service as Pipe

SECRET = "s3cr3t-of-the-service"
"""Stands in the environment of every broker here, for the header Authorization."""
ENVIRONMENT = {"SERVICE_TOKEN": SECRET}
FOR_AWS = {
    "AWS_ACCESS_KEY_ID": "AKIA0",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""For the SDK, which has its own way to credentials."""

PROTOCOLS = {
    "open-inference": OpenInference,
    "tensorflow-serving": TensorFlowServing,
    "mlflow": MLflow,
    "sagemaker-csv": SageMaker,
    "sagemaker-json": SageMaker,
    "json": PlainJson,
}
HTTP = [name for name in PROTOCOLS if not name.startswith("sagemaker")]

_CREDENTIALS = {"credentials": [{"variable": "SERVICE_TOKEN", "prefix": "Bearer "}]}


def settings_of(name: str, service: Service, **changed: Any) -> dict[str, Any]:
    """What a settings file says of a double, with retries that are not waited for long."""
    own: dict[str, dict[str, Any]] = {
        "open-inference": {"url": service.url, "model": "forest", "output": "predict_proba"},
        "tensorflow-serving": {"url": service.url, "model": "forest"},
        "mlflow": {"url": service.url},
        "sagemaker-csv": {"content_type": "text/csv"},
        "sagemaker-json": {"content_type": "application/json"},
        "json": {"url": service.infer_url, "request": {"rows": "$rows"}, "answer": "result.scores"},
    }
    found = {"cache": False, "requests": {"retries": 0, "timeout": 10}, **own[name], **changed}
    if name.startswith("sagemaker"):
        return found | {
            "protocol": "sagemaker",
            "endpoint": "forest",
            "region": "eu-west-1",
            "url": service.url,
        }
    return found | {"protocol": name} | _CREDENTIALS


class Asker:
    """The sandbox's end of a broker's socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def say(self, message: Mapping[str, Any]) -> dict[str, Any] | None:
        """Any message, and the broker's; None where it hung up."""
        try:
            write_message(self._connection.fileno(), message)
            return read_message(self._connection.fileno())
        except (OSError, ValueError):
            return None

    def ask(self, start: int = 0, stop: int = 20, repeat: int = 0) -> dict[str, Any] | None:
        """About members of the forest of digits."""
        members = small_forest()[1]
        cells = rows_of(members[DIGITS][start:stop]).cells
        return self.say({"ask": cells, "repeat": repeat})


def _opened(
    name: str, service: Service, environment: Mapping[str, str], changed: Mapping[str, Any], stack: ExitStack
) -> tuple[Broker, socket.socket]:
    """A broker of a double, and the sandbox's end of its socket."""
    protocol = read_endpoint(settings_of(name, service, **changed))
    stack.enter_context(mock.patch.dict(os.environ, FOR_AWS))
    stack.enter_context(mock.patch("leakgauge.endpoints.calling._BACKOFF", 0.01))
    broker = stack.enter_context(Broker(protocol, environment))
    ours, theirs = socket.socketpair()
    stack.enter_context(ours)
    stack.callback(ours.shutdown, socket.SHUT_RDWR)
    broker.attach(theirs)
    return broker, ours


@contextmanager
def brokered(
    name: str, service: Service, *, environment: Mapping[str, str] = ENVIRONMENT, **changed: Any
) -> Iterator[Asker]:
    """A broker of the double `service`, ready to be asked about digits."""
    with ExitStack() as stack:
        broker, ours = _opened(name, service, environment, changed, stack)
        broker.facts()
        asker = Asker(ours)
        asker.say({"columns": [[name, "number"] for name in DIGITS]})
        yield asker


@contextmanager
def asked_of(name: str, *faults: Any, **changed: Any) -> Iterator[tuple[Service, Asker]]:
    """A double with faults, and a broker of it."""
    with (
        serving(PROTOCOLS[name](), answers_of_small_forest, *faults) as service,
        brokered(name, service, **changed) as asker,
    ):
        yield service, asker


@dataclass
class Audit:
    """What came of an audit: its report, and the account of the broker."""

    report: MembershipReport
    account: dict[str, Any]

    def areas(self) -> dict[str, float]:
        """The area under the curve of every attack that was measured."""
        return {
            each.name: each.metrics.auc.value for each in self.report.attacks if each.status == "measured"
        }

    def told(self) -> str:
        """All warnings."""
        return " ".join(each.message for each in self.report.warnings)


def audited_live(
    name: str, service: Service, data: Path, settings: Mapping[str, Any], **parameters: Any
) -> Audit:
    """An audit of a double that is asked about the tables in a folder, without the sandbox around it."""
    with ExitStack() as stack:
        scratch = stack.enter_context(TemporaryDirectory())
        bundle = open_bundle(data, Path(scratch) / "unpacked", limits=Limits(), live=True)
        assert isinstance(bundle, MembershipBundle)
        broker, ours = _opened(name, service, ENVIRONMENT, settings, stack)
        pipe = Pipe(broker.facts(), ours.fileno())
        report = audit_live(bundle, parameters, Silent(), service=pipe).report
        assert isinstance(report, MembershipReport)
        return Audit(report, pipe.account())
