"""Audit every bundle under an S3 prefix with a batch transform, and bring the reports home.

    python marketplace-listing/transform.py --package ARN --role ARN --instances 4
        --bundles s3://bucket/bundles/ --output s3://bucket/reports/ --folder reports/

Every `.zip` under the prefix is one bundle. They are dealt out to the instances; each report comes
back as `<bundle>.zip.out` and is laid into the folder as `<bundle>.json`, with `summary.csv` beside.
"""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from installed import library
from specifications import INSTANCES, model, transform_job

boto3 = library("boto3")

POLL_SECONDS = 15.0
_ENDED = {"Completed", "Failed", "Stopped"}
_OUT = ".out"

Tell = Callable[[str], None]


class TransformFailedError(Exception):
    """The job ended otherwise than completed; the message holds the service's reason."""


@dataclass(frozen=True, slots=True)
class Location:
    """An S3 prefix."""

    bucket: str
    prefix: str

    @classmethod
    def parse(cls, address: str) -> Location:
        """The location that `s3://bucket/prefix` names.

        Raises
        ------
        ValueError
            when it is no such address.
        """
        scheme, _, rest = address.partition("://")
        bucket, _, prefix = rest.partition("/")
        if scheme != "s3" or not bucket:
            raise ValueError(f"{address} is no address of the form s3://bucket/prefix")
        return cls(bucket, prefix)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one bundle: the row of `summary.csv`."""

    bundle: str
    kind: str
    severity: str
    verdict: str


def run(
    sagemaker: Any,
    s3: Any,
    *,
    package: str,
    role: str,
    bundles: str,
    output: str,
    instances: int,
    instance_type: str = INSTANCES[0],
    tell: Tell = print,
    poll_seconds: float = POLL_SECONDS,
) -> str:
    """Run one batch transform to its end; the name of the job.

    The model that is made for it is deleted again, whatever happens.

    Parameters
    ----------
    sagemaker, s3:
        clients of boto3.
    package:
        ARN of the model package.
    tell:
        called with a line now and then.

    Raises
    ------
    TransformFailedError
        with the reason that the service gives; also when there is no bundle.
    """
    expected = len(list(_keys(s3, Location.parse(bundles), suffix=".zip")))
    if not expected:
        raise TransformFailedError(f"There is no .zip under {bundles}.")
    if expected < instances:
        tell(f"{expected} bundles keep {expected} of {instances} instances busy; the others idle")
    name = f"leakgauge-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"
    sagemaker.create_model(**model(name=name, role=role, package=package))
    try:
        request = transform_job(
            name=name,
            model_name=name,
            samples=bundles,
            output=output,
            instance_type=instance_type,
            instances=instances,
        )
        sagemaker.create_transform_job(**request)
        _wait(sagemaker, s3, name, Location.parse(output), expected, tell=tell, poll_seconds=poll_seconds)
    finally:
        sagemaker.delete_model(ModelName=name)
    return name


def collect(s3: Any, *, bundles: str, output: str, folder: Path) -> list[Outcome]:
    """Fetch the report of every bundle into `folder`; one outcome for each bundle, sorted by name.

    A bundle without a report stays in the list, with the severity `missing`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    given, made = Location.parse(bundles), Location.parse(output)
    reports = {key.removeprefix(made.prefix).lstrip("/"): key for key in _keys(s3, made, suffix=_OUT)}
    outcomes = []
    for key in sorted(_keys(s3, given, suffix=".zip")):
        name = key.removeprefix(given.prefix).lstrip("/")
        found = reports.get(name + _OUT)
        if found is None:
            outcomes.append(Outcome(name, "", "missing", "There is no report; see the log of the job."))
            continue
        body = s3.get_object(Bucket=made.bucket, Key=found)["Body"].read()
        path = folder / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        outcomes.append(_outcome(name, body))
    with (folder / "summary.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, [field.name for field in fields(Outcome)], lineterminator="\n")
        table.writeheader()
        table.writerows(asdict(outcome) for outcome in outcomes)
    return outcomes


def _outcome(name: str, body: bytes) -> Outcome:
    """What a report says, or the error that came in its place."""
    try:
        document = json.loads(body)
    except ValueError:
        return Outcome(name, "", "unreadable", "The answer is not a report.json.")
    match document:
        case {"kind": str() as kind, "verdict": {"severity": str() as severity, "sentence": str() as said}}:
            return Outcome(name, kind, severity, said)
        case {"error": {"message": str() as message, "hint": str() as hint}}:
            return Outcome(name, "", "refused", f"{message} {hint}")
        case _:
            return Outcome(name, "", "unreadable", "The answer is not a report.json.")


def _wait(
    sagemaker: Any, s3: Any, name: str, output: Location, expected: int, *, tell: Tell, poll_seconds: float
) -> None:
    begun = time.monotonic()
    while True:
        job = sagemaker.describe_transform_job(TransformJobName=name)
        status = job["TransformJobStatus"]
        done = len(list(_keys(s3, output, suffix=_OUT)))
        tell(f"{status}, {done} of {expected} reports, {time.monotonic() - begun:.0f} s")
        if status in _ENDED:
            break
        time.sleep(poll_seconds)
    if status != "Completed":
        raise TransformFailedError(job.get("FailureReason") or f"The job ended as {status}.")


def _keys(s3: Any, location: Location, *, suffix: str) -> Iterator[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=location.bucket, Prefix=location.prefix)
    for page in pages:
        for found in page.get("Contents", ()):
            if found["Key"].lower().endswith(suffix):
                yield found["Key"]


def as_table(outcomes: Sequence[Outcome]) -> str:
    """Outcomes as aligned lines for a terminal."""
    widths = [
        max((len(getattr(outcome, name)) for outcome in outcomes), default=0)
        for name in ("bundle", "severity")
    ]
    return "\n".join(
        f"{outcome.bundle:<{widths[0]}}  {outcome.severity:<{widths[1]}}  {outcome.verdict}"
        for outcome in outcomes
    )


@click.command(help=__doc__)
@click.option("--package", required=True, help="ARN of the model package that you subscribed to.")
@click.option("--role", required=True, help="ARN of the role that SageMaker acts under.")
@click.option("--bundles", required=True, help="S3 prefix with the bundles.")
@click.option("--output", required=True, help="S3 prefix for the reports; best one that is empty.")
@click.option("--instances", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--instance-type", type=click.Choice(INSTANCES), default=INSTANCES[0], show_default=True)
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), default=Path("reports"))
@click.option("--region", help="By default the one of your AWS configuration.")
def main(
    package: str,
    role: str,
    bundles: str,
    output: str,
    instances: int,
    instance_type: str,
    folder: Path,
    region: str | None,
) -> None:
    """Run, collect, tell; exit code 4 when the job failed, or a bundle has no report."""
    session = boto3.Session(region_name=region)
    s3 = session.client("s3")
    failure = None
    try:
        run(
            session.client("sagemaker"),
            s3,
            package=package,
            role=role,
            bundles=bundles,
            output=output,
            instances=instances,
            instance_type=instance_type,
            tell=click.echo,
        )
    except TransformFailedError as error:
        failure = str(error)
    outcomes = collect(s3, bundles=bundles, output=output, folder=folder)
    click.echo(as_table(outcomes))
    if failure is not None:
        click.echo(failure, err=True)
    if failure is not None or any(outcome.severity in ("missing", "unreadable") for outcome in outcomes):
        raise SystemExit(4)


if __name__ == "__main__":
    main()
