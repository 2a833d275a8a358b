"""A broker that asks a double of a service, and the sandbox's end of its socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from service_protocols import MLflow, OpenInference, PlainJson, SageMaker, TensorFlowServing
from service_rows import DIGITS, answers_of_small_forest, rows_of, small_forest
from services import Service, serving

from leakgauge.endpoints.broker import Broker
from leakgauge.endpoints.reading import read_endpoint
from leakgauge.row_pipe import read_message, write_message

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


@contextmanager
def brokered(
    name: str, service: Service, *, environment: Mapping[str, str] = ENVIRONMENT, **changed: Any
) -> Iterator[Asker]:
    """A broker of the double `service`, ready to be asked about digits."""
    protocol = read_endpoint(settings_of(name, service, **changed))
    ours, theirs = socket.socketpair()
    with (
        mock.patch.dict(os.environ, FOR_AWS),
        mock.patch("leakgauge.endpoints.calling._BACKOFF", 0.01),
        Broker(protocol, environment) as broker,
        ours,
    ):
        broker.facts()
        broker.attach(theirs)
        asker = Asker(ours)
        asker.say({"columns": [[name, "number"] for name in DIGITS]})
        yield asker
        ours.shutdown(socket.SHUT_RDWR)


@contextmanager
def asked_of(name: str, *faults: Any, **changed: Any) -> Iterator[tuple[Service, Asker]]:
    """A double with faults, and a broker of it."""
    with (
        serving(PROTOCOLS[name](), answers_of_small_forest, *faults) as service,
        brokered(name, service, **changed) as asker,
    ):
        yield service, asker


def kept_in(folder: Path) -> bytes:
    """All bytes of all files below a folder."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
