"""Runs a built image with the SageMaker SDK (version 3) in local mode: a second opinion on version 2's.

    python container/local_test/sagemaker_local_v3.py IMAGE FOLDER {training,transform} BUNDLE

Version 3 starts training containers without an argument, which the entry point takes for a training
job by the files that lie there.
"""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

os.environ.update(
    AWS_ACCESS_KEY_ID="local",
    AWS_SECRET_ACCESS_KEY="local",  # noqa: S106 - local mode wants one, and nobody checks it
    AWS_DEFAULT_REGION="us-east-1",
    AWS_EC2_METADATA_DISABLED="true",
    SAGEMAKER_USER_CONFIG_OVERRIDE=str(Path(__file__).with_name("telemetry-off.yaml")),
    PATH=f"/usr/bin:{os.environ['PATH']}",
)

import boto3
from sagemaker.core.local.local_session import LocalSagemakerClient, LocalSession
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData
from sagemaker.train.model_trainer import Mode

ROLE = "arn:aws:iam::111122223333:role/local"


def training(image: str, bundle: Path, folder: Path) -> None:
    """One training job over the bundle; what it leaves is below `folder`."""
    channel = folder / "channel"
    channel.mkdir(parents=True, exist_ok=True)
    shutil.copy(bundle, channel)
    trainer = ModelTrainer(
        training_image=image,
        training_mode=Mode.LOCAL_CONTAINER,
        compute=Compute(instance_type="local_cpu", instance_count=1),
        hyperparameters={"seed": 7},
        role=ROLE,
        sagemaker_session=_session(folder),
        local_container_root=str(folder),
        base_job_name="leakgauge",
    )
    channels = [InputData(channel_name="training", data_source=str(channel))]
    trainer.train(input_data_config=channels, wait=True, logs=True)


def transform(image: str, bundle: Path, folder: Path) -> None:
    """One batch transform over the bundle; the report is `transformed/<name>.out`."""
    for name in ("model", "bundles", "transformed"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "model" / "nothing").touch()
    shutil.copy(bundle, folder / "bundles")
    client = LocalSagemakerClient(_session(folder))
    container = {"Image": image, "ModelDataUrl": (folder / "model").as_uri(), "Environment": {}}
    client.create_model("leakgauge", container)
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": (folder / "bundles").as_uri()}}
    client.create_transform_job(
        "leakgauge",
        "leakgauge",
        TransformInput={"DataSource": source, "ContentType": "application/zip"},
        TransformOutput={"S3OutputPath": (folder / "transformed").as_uri(), "Accept": "application/json"},
        TransformResources={"InstanceType": "local", "InstanceCount": 1},
        BatchStrategy="SingleRecord",
        MaxPayloadInMB=100,
    )


def _session(folder: Path) -> LocalSession:
    session = LocalSession(boto3.Session(region_name="us-east-1"))
    session.config = {"local": {"local_code": True, "container_root": str(folder)}}
    return session


def main() -> None:
    """Run one scenario as the command line asks."""
    scenarios = {"training": training, "transform": transform}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image")
    parser.add_argument("folder", type=Path)
    parser.add_argument("scenario", choices=scenarios)
    parser.add_argument("bundle", type=Path)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    scenarios[asked.scenario](asked.image, asked.bundle, asked.folder.resolve())


if __name__ == "__main__":
    main()
