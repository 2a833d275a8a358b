from __future__ import annotations

import sys
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from storage import BUCKET

LISTING = Path(__file__).parents[3] / "marketplace-listing"
sys.path.insert(0, str(LISTING))

REGION = "us-east-1"


@pytest.fixture(autouse=True)
def nobody(monkeypatch):
    """No credentials of whoever runs the tests, and none looked for."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/nowhere",
        "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def aws():
    with mock_aws():
        yield


@pytest.fixture
def s3(aws):
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


@pytest.fixture
def sagemaker(aws):
    return boto3.client("sagemaker")
