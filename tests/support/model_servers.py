"""Real servers of models, MLServer and MLflow, in the environment that `make test-endpoints` makes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import urllib3
from dying import with_this_process
from served import ROOT, wait_until

BIN = ROOT / "build" / "endpoints" / "bin"
_SAVE_FOR_MLFLOW = """
import sys, joblib, mlflow.sklearn
mlflow.sklearn.save_model(
    joblib.load(sys.argv[1]), sys.argv[2], pip_requirements=[], pyfunc_predict_fn=sys.argv[3],
    serialization_format="cloudpickle",
)
"""
_ENVIRONMENT = {
    "PATH": f"{BIN}:{os.environ['PATH']}",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


def free_ports(number: int) -> list[int]:
    """Ports that nobody listened on a moment ago."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(number)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


@contextmanager
def mlserver(model: Path, folder: Path, **declared: object) -> Iterator[str]:
    """MLServer with a scikit-learn model of a joblib file, as `forest`; the address.

    Parameters
    ----------
    declared
        further entries of `model-settings.json`, such as `inputs`; without them the metadata are empty.
    """
    http, grpc, metrics = free_ports(3)
    folder.mkdir()
    settings = {"name": "forest", "implementation": "mlserver_sklearn.SKLearnModel", **declared}
    uri = {"parameters": {"uri": str(model), "version": "v1"}}
    (folder / "model-settings.json").write_text(json.dumps(settings | uri))
    server = {"host": "127.0.0.1", "http_port": http, "grpc_port": grpc, "metrics_port": metrics}
    (folder / "settings.json").write_text(json.dumps(server | {"parallel_workers": 0}))
    url = f"http://127.0.0.1:{http}"
    with _running(["mlserver", "start", folder], folder, url, "/v2/models/forest/ready"):
        yield url


@contextmanager
def mlflow(model: Path, folder: Path, answers: str = "predict_proba") -> Iterator[str]:
    """MLflow's scoring server with a scikit-learn model of a joblib file; the address.

    Parameters
    ----------
    answers
        the method of the model that it answers with.
    """
    (port,) = free_ports(1)
    folder.mkdir()
    subprocess.run(
        [BIN / "python", "-c", _SAVE_FOR_MLFLOW, model, folder / "model", answers],
        check=True,
        env=_ENVIRONMENT,
        capture_output=True,
    )
    command = ["mlflow", "models", "serve", "--env-manager", "local", "-m", folder / "model"]
    command += ["-h", "127.0.0.1", "-p", port]
    url = f"http://127.0.0.1:{port}"
    with _running(command, folder, url, "/ping"):
        yield url


@contextmanager
def _running(words: list[object], folder: Path, url: str, ready: str) -> Iterator[None]:
    log = folder / "log"
    with log.open("wb") as out, urllib3.PoolManager(retries=False) as pool:
        process = subprocess.Popen(
            with_this_process(BIN / words[0], *words[1:]),
            env=_ENVIRONMENT,
            cwd=folder,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )

        def is_ready() -> bool:
            assert process.poll() is None, log.read_text()
            try:
                return pool.request("GET", url + ready, timeout=5).status == 200
            except urllib3.exceptions.HTTPError:
                return False

        try:
            wait_until(is_ready)
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
