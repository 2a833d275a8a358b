"""Runs a built image the way SageMaker does, with the SageMaker SDK (version 2) in local mode.

    python container/local_test/sagemaker_local.py IMAGE FOLDER SCENARIO BUNDLE [BUNDLE ...]

`transform` sends every bundle through a batch transform, `endpoint` the first one to an endpoint,
`training` audits it in a training job (a folder of loose files does as well as a zip), `training-2` and
`training-4` on so many instances, and `failing-training` expects that job to fail. What comes back is left in
FOLDER; nothing is uploaded, no account is needed. The SDK never looks at the HTTP status of an answer: look
at what it says.
"""

from __future__ import annotations

import argparse
import functools
import logging
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

# Before the SDK is imported: it reads these at import, and would otherwise ask the network who we are.
os.environ.update(
    AWS_ACCESS_KEY_ID="local",
    AWS_SECRET_ACCESS_KEY="local",  # noqa: S106 - local mode wants one, and nobody checks it
    AWS_DEFAULT_REGION="us-east-1",
    AWS_EC2_METADATA_DISABLED="true",
    SAGEMAKER_SUPPRESS_V2_WARNING="1",
    SAGEMAKER_USER_CONFIG_OVERRIDE=str(Path(__file__).with_name("telemetry-off.yaml")),
    # The SDK calls `docker` by name; distributions put the engine's own client here.
    PATH=f"/usr/bin:{os.environ['PATH']}",
)

import boto3
from sagemaker.estimator import Estimator
from sagemaker.local import LocalSession
from sagemaker.model import Model
from sagemaker.predictor import Predictor

ROLE = "arn:aws:iam::111122223333:role/local"
ZIP = "application/zip"
JSON = "application/json"


def transform(image: str, bundles: Sequence[Path], folder: Path) -> None:
    """Leave `transformed/<name>.out` for every bundle."""
    inputs = _made(folder / "bundles")
    for bundle in bundles:
        shutil.copy(bundle, inputs)
    transformer = _model(image, folder).transformer(
        1,
        "local",
        strategy="SingleRecord",
        max_payload=100,
        accept=JSON,
        output_path=_address(_made(folder / "transformed")),
    )
    transformer.transform(_address(inputs), content_type=ZIP, split_type=None, wait=False, logs=False)


def endpoint(image: str, bundles: Sequence[Path], folder: Path) -> None:
    """Leave the answer to the first bundle in `predicted.json`."""
    predictor = _model(image, folder).deploy(1, "local")
    try:
        answer = predictor.predict(
            bundles[0].read_bytes(),
            initial_args={"ContentType": ZIP, "Accept": JSON, "CustomAttributes": "trace=7"},
        )
    finally:
        predictor.delete_endpoint()
    (folder / "predicted.json").write_bytes(answer)


def training(image: str, bundles: Sequence[Path], folder: Path, *, instances: int = 1) -> None:
    """Leave `trained/model.tar.gz` and `trained/output.tar.gz`."""
    if bundles[0].is_dir():
        channel = bundles[0]
    else:
        channel = _made(folder / "channel")
        shutil.copy(bundles[0], channel)
    estimator = Estimator(
        image,
        ROLE,
        instances,
        "local",
        output_path=_address(_made(folder / "trained")),
        sagemaker_session=_session(folder),
        hyperparameters={"seed": 7},
        metric_definitions=[{"Name": "attack_auc", "Regex": "attack_auc=([0-9.]+);"}],
    )
    estimator.fit({"training": _address(channel)})


def failing_training(image: str, bundles: Sequence[Path], folder: Path) -> None:
    """Leave `trained/output.tar.gz` with the reason in it.

    Raises
    ------
    SystemExit
        when the job does not fail.
    """
    try:
        training(image, bundles, folder)
    except RuntimeError as error:
        print(f"the job failed, as it should: {error}")
    else:
        raise SystemExit("the job should have failed")


SCENARIOS: dict[str, Callable[[str, Sequence[Path], Path], None]] = {
    "transform": transform,
    "endpoint": endpoint,
    "training": training,
    "training-2": functools.partial(training, instances=2),
    "training-4": functools.partial(training, instances=4),
    "failing-training": failing_training,
}


def _model(image: str, folder: Path) -> Model:
    # The images bring all they need; SageMaker still wants model data to be named.
    data = _made(folder / "model")
    (data / "nothing").touch()
    return Model(
        image_uri=image,
        model_data=_address(data),
        role=ROLE,
        sagemaker_session=_session(folder),
        predictor_cls=Predictor,
    )


def _session(folder: Path) -> LocalSession:
    session = LocalSession(boto3.Session(region_name="us-east-1"))
    session.config = {"local": {"local_code": True, "container_root": str(_made(folder / "containers"))}}
    return session


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _address(folder: Path) -> str:
    return folder.resolve().as_uri()


def main(arguments: Sequence[str]) -> None:
    """Run one scenario as the command line asks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("image")
    parser.add_argument("folder", type=Path)
    parser.add_argument("scenario", choices=SCENARIOS)
    parser.add_argument("bundles", nargs="+", type=Path)
    asked = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING)
    SCENARIOS[asked.scenario](asked.image, asked.bundles, asked.folder.resolve())


if __name__ == "__main__":
    main(sys.argv[1:])
