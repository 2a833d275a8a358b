"""The check finds what the service would refuse, and nothing else."""

from __future__ import annotations

import copy

import pytest
from service_model import problems
from specifications import Publication, algorithm, model, model_package, transform_job

PACKAGE = "arn:aws:sagemaker:us-east-1:111122223333:model-package/leakgauge-membership-0-1-0"


def publication(kind="membership", **changes):
    return Publication(
        **{
            "kind": kind,
            "version": "0.1.0",
            "image": "111122223333.dkr.ecr.us-east-1.amazonaws.com/leakgauge:0.1.0",
            "role": "arn:aws:iam::111122223333:role/validation",
            "samples": "s3://bucket-1/sample/",
            "output": "s3://bucket-1/out/",
        }
        | changes
    )


def job(**changes):
    return transform_job(
        **{
            "name": "job-1",
            "model_name": "model-1",
            "samples": "s3://bucket-1/in/",
            "output": "s3://bucket-1/out/",
            "instance_type": "ml.m5.xlarge",
            "instances": 4,
        }
        | changes
    )


def changed(request, path, value):
    request = copy.deepcopy(request)
    *above, last = path
    place = request
    for step in above:
        place = place[step]
    place[last] = value
    return request


@pytest.mark.parametrize("kind", ["membership", "inversion"])
def test_our_own_requests_pass(kind):
    assert problems("CreateModelPackage", model_package(publication(kind))) == []
    assert problems("CreateAlgorithm", algorithm(publication(kind))) == []
    role = publication().role
    assert problems("CreateModel", model(name="model-1", role=role, package=PACKAGE)) == []
    assert problems("CreateTransformJob", job()) == []


PROFILE = ("ValidationSpecification", "ValidationProfiles", 0, "TransformJobDefinition")


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("ModelPackageName",), "under_score", "does not match"),
        (("ModelPackageName",), "x" * 64, "at most 63"),
        (("ModelPackageDescription",), "two\nlines", "does not match"),
        (("ModelPackageDescription",), 7, "must be text"),
        (("CertifyForMarketplace",), "yes", "must be true or false"),
        (("InferenceSpecification", "Containers"), [], "at least 1"),
        (("InferenceSpecification", "Containers"), {}, "must be a list"),
        (("InferenceSpecification", "Containers", 0, "Image"), " ", "does not match"),
        (("InferenceSpecification", "SupportedTransformInstanceTypes", 0), "ml.m5.tiny", "is not one of"),
        (("ValidationSpecification", "ValidationRole"), "role/validation", "does not match"),
        ((*PROFILE, "BatchStrategy"), "ONE_RECORD", "is not one of"),
        ((*PROFILE, "MaxPayloadInMB"), -1, "at least 0"),
        ((*PROFILE, "MaxPayloadInMB"), "100", "must be a whole number"),
        ((*PROFILE, "MaxPayloadInMB"), True, "must be a whole number"),
        ((*PROFILE, "MaxConcurrentTransforms"), 2, "more than the 100 MB"),
        ((*PROFILE, "TransformInput", "DataSource", "S3DataSource", "S3Uri"), "bucket/in", "does not match"),
        ((*PROFILE, "TransformResources", "InstanceCount"), 0, "at least 1"),
        ((*PROFILE, "TransformResources"), None, "must be an object"),
        ((*PROFILE, "Splitting"), "None", "knows no such field"),
    ],
)
def test_each_wrong_value_is_found_where_it_stands(path, value, told):
    found = problems("CreateModelPackage", changed(model_package(publication()), path, value))
    assert any(told in problem for problem in found)
    shown = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    # What is wrong between two fields is told of the object that holds both.
    place = shown.removesuffix(".MaxConcurrentTransforms")
    assert all(problem.startswith(f"CreateModelPackage{place}") for problem in found)


def test_what_is_missing_is_found():
    request = job()
    del request["TransformOutput"]["S3OutputPath"]
    assert problems("CreateTransformJob", request) == [
        "CreateTransformJob.TransformOutput.S3OutputPath: is missing"
    ]


def test_a_job_that_waits_longer_than_the_service_allows():
    request = changed(job(), ("ModelClientConfig", "InvocationsTimeoutInSeconds"), 9_999)
    (found,) = problems("CreateTransformJob", request)
    assert "at most 3600" in found


def test_every_problem_is_told_at_once():
    assert len(problems("CreateTransformJob", job(name="_", model_name="_", instances=0))) == 3


def test_names_and_hyperparameters_follow_the_library():
    request = algorithm(publication("inversion"))
    names = {each["Name"] for each in request["TrainingSpecification"]["SupportedHyperParameters"]}
    assert {"class_to_attack", "iterations", "seed"} <= names
    assert request["AlgorithmName"] == "leakgauge-inversion-0-1-0"
