"""Publish one of the two products: push its image, create model package and algorithm, prove them.

    python marketplace-listing/publish.py membership --registry REGISTRY --role ARN --bucket NAME --dry-run

With `--dry-run` every request is printed and checked against the service's own description, and
nothing is sent. Without it the same requests go out, in the same order: push, sample, model package
(which SageMaker validates by the profile in it), algorithm, and a batch transform over the sample.
What the listing itself says is entered by hand in the AWS Marketplace Management Portal.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import transform
from installed import library
from service_model import problems
from specifications import (
    INSTANCES,
    Kind,
    Publication,
    Request,
    algorithm,
    model,
    model_package,
    transform_job,
)

from leakgauge import __version__

boto3 = library("boto3")

ROOT = Path(__file__).resolve().parents[1]
POLL_SECONDS = 30.0
_DOCKER = os.environ.get("DOCKER", "docker")
_PENDING = {"Pending", "InProgress"}

Tell = Callable[[str], None]


class PublishingFailedError(Exception):
    """SageMaker refused or did not validate a product; the message holds its reasons."""


def requests(publication: Publication) -> list[tuple[str, Request]]:
    """(operation, arguments) of all that is created for a product, in order."""
    package = (
        f"arn:aws:sagemaker:{_region(publication)}:{_account(publication)}:model-package/{publication.name}"
    )
    return [
        ("CreateModelPackage", model_package(publication)),
        ("CreateAlgorithm", algorithm(publication)),
        ("CreateModel", model(name=publication.name, role=publication.role, package=package)),
        (
            "CreateTransformJob",
            transform_job(
                name=publication.name,
                model_name=publication.name,
                samples=publication.samples,
                output=publication.output,
                instance_type=INSTANCES[0],
                instances=1,
            ),
        ),
    ]


def found_problems(publication: Publication) -> list[str]:
    """What the service would refuse of any of the requests."""
    return [
        problem for operation, request in requests(publication) for problem in problems(operation, request)
    ]


def push(ecr: Any, *, local_image: str, publication: Publication) -> None:
    """Tag and push the image to the registry of the account, logged in for this once.

    Raises
    ------
    subprocess.CalledProcessError
        when the engine's client fails; it has said why.
    """
    registry = publication.image.partition("/")[0]
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    user, _, password = base64.b64decode(token).decode().partition(":")
    for words, given in (
        (["login", "--username", user, "--password-stdin", registry], password),
        (["tag", local_image, publication.image], None),
        (["push", publication.image], None),
    ):
        subprocess.run([_DOCKER, *words], input=given, text=True, check=True)  # noqa: S603 - our own words


def upload_sample(s3: Any, *, bundle: Path, publication: Publication) -> None:
    """Put the sample bundle, and nothing else, under the prefix that the validation reads."""
    place = transform.Location.parse(publication.samples)
    s3.upload_file(str(bundle), place.bucket, f"{place.prefix.rstrip('/')}/{bundle.name}")


def create_model_package(
    sagemaker: Any, publication: Publication, *, tell: Tell, poll_seconds: float = POLL_SECONDS
) -> str:
    """Create the model package and wait for its validation; its ARN.

    Raises
    ------
    PublishingFailedError
        with the reasons of the service.
    """
    arn: str = sagemaker.create_model_package(**model_package(publication))["ModelPackageArn"]

    def described() -> tuple[str, Mapping[str, Any]]:
        found = sagemaker.describe_model_package(ModelPackageName=arn)
        return found["ModelPackageStatus"], found.get("ModelPackageStatusDetails", {})

    _wait_validated(described, "model package", tell=tell, poll_seconds=poll_seconds)
    return arn


def create_algorithm(
    sagemaker: Any, publication: Publication, *, tell: Tell, poll_seconds: float = POLL_SECONDS
) -> str:
    """Create the algorithm and wait for its validation; its ARN. Errors as `create_model_package`."""
    arn: str = sagemaker.create_algorithm(**algorithm(publication))["AlgorithmArn"]

    def described() -> tuple[str, Mapping[str, Any]]:
        found = sagemaker.describe_algorithm(AlgorithmName=publication.name)
        return found["AlgorithmStatus"], found.get("AlgorithmStatusDetails", {})

    _wait_validated(described, "algorithm", tell=tell, poll_seconds=poll_seconds)
    return arn


def prove(
    sagemaker: Any,
    s3: Any,
    publication: Publication,
    *,
    package: str,
    folder: Path,
    tell: Tell,
    poll_seconds: float = POLL_SECONDS,
) -> list[transform.Outcome]:
    """Send the sample through a batch transform with the finished package, as a subscriber would.

    Raises
    ------
    PublishingFailedError
        when the job fails, or the sample comes back without a report.
    """
    try:
        transform.run(
            sagemaker,
            s3,
            package=package,
            role=publication.role,
            bundles=publication.samples,
            output=publication.output,
            instances=1,
            tell=tell,
            poll_seconds=poll_seconds,
        )
    except transform.TransformFailedError as error:
        raise PublishingFailedError(f"The validating transform job failed: {error}") from error
    outcomes = transform.collect(s3, bundles=publication.samples, output=publication.output, folder=folder)
    without = [outcome for outcome in outcomes if outcome.kind != publication.kind]
    if without:
        raise PublishingFailedError(f"{without[0].bundle}: {without[0].verdict}")
    return outcomes


def _wait_validated(
    described: Callable[[], tuple[str, Mapping[str, Any]]], what: str, *, tell: Tell, poll_seconds: float
) -> None:
    status, details = described()
    while status in _PENDING:
        tell(f"{what}: {status}")
        time.sleep(poll_seconds)
        status, details = described()
    tell(f"{what}: {status}")
    if status != "Completed":
        steps = [*details.get("ValidationStatuses", ()), *details.get("ImageScanStatuses", ())]
        reasons = [step["FailureReason"] for step in steps if step.get("FailureReason")]
        raise PublishingFailedError(f"The {what} is {status}. {' '.join(reasons)}".strip())


def _account(publication: Publication) -> str:
    return publication.image.partition(".")[0]


def _region(publication: Publication) -> str:
    return publication.image.split(".")[3]


@click.command(help=__doc__)
@click.argument("kind", type=click.Choice(["membership", "inversion"]))
@click.option("--registry", required=True, help="Your registry: ACCOUNT.dkr.ecr.REGION.amazonaws.com.")
@click.option("--role", required=True, help="ARN of the role that runs the validation.")
@click.option("--bucket", required=True, help="Bucket for the sample and what the validation writes.")
@click.option("--dry-run", is_flag=True, help="Print and check the requests; send nothing.")
def main(kind: Kind, registry: str, role: str, bucket: str, dry_run: bool) -> None:
    """Publish, or show what publishing would send; exit code 1 for a request that would be refused."""
    release = __version__
    publication = Publication(
        kind=kind,
        version=release,
        image=f"{registry}/leakgauge-{kind}:{release}",
        role=role,
        samples=f"s3://{bucket}/leakgauge-{kind}/{release}/sample/",
        output=f"s3://{bucket}/leakgauge-{kind}/{release}/validation/",
    )
    found = found_problems(publication)
    for problem in found:
        click.echo(problem, err=True)
    if found:
        raise SystemExit(1)
    if dry_run:
        for operation, request in requests(publication):
            click.echo(json.dumps({operation: request}, indent=2, ensure_ascii=False))
        return
    session = boto3.Session(region_name=_region(publication))
    sagemaker, s3 = session.client("sagemaker"), session.client("s3")
    push(session.client("ecr"), local_image=f"leakgauge-{kind}", publication=publication)
    upload_sample(s3, bundle=ROOT / "sample-input" / f"{kind}.zip", publication=publication)
    try:
        package = create_model_package(sagemaker, publication, tell=click.echo)
        create_algorithm(sagemaker, publication, tell=click.echo)
        outcomes = prove(
            sagemaker, s3, publication, package=package, folder=ROOT / "build" / kind, tell=click.echo
        )
    except PublishingFailedError as error:
        click.echo(str(error), err=True)
        raise SystemExit(4) from error
    click.echo(transform.as_table(outcomes))


if __name__ == "__main__":
    main()
