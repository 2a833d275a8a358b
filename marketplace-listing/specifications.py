"""What the two products are, as the requests that create them. Pure functions; nothing is sent here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from pydantic import BaseModel

from leakgauge.parameters import InversionParameters, MembershipParameters, ProfilesParameters

Kind: TypeAlias = Literal["membership", "inversion"]
Request: TypeAlias = dict[str, Any]

ZIP: Final = "application/zip"
ANSWERS: Final = ["application/zip", "application/json", "text/csv", "text/html", "application/pdf"]
INSTANCES: Final = ["ml.m5.xlarge", "ml.m5.2xlarge", "ml.m5.4xlarge", "ml.c5.2xlarge", "ml.c5.4xlarge"]
"""Without an accelerator: an audit uses none. The first one is what the listing's figures are from."""
MAX_PAYLOAD_MB: Final = 100
MAX_SECONDS: Final = 3_600
TRAINING_VOLUME_GB: Final = 10

_PARAMETERS: Final[Mapping[Kind, tuple[type[BaseModel], ...]]] = {
    "membership": (MembershipParameters,),
    "inversion": (ProfilesParameters, InversionParameters),
}
"""Of each audit that a product runs; where two have a parameter of one name, the last describes it."""
_DESCRIPTIONS: Final[Mapping[Kind, str]] = {
    "membership": "Measures whether an attacker can tell who was in the training data of a scikit-learn "
    "classifier, with 95% intervals.",
    "inversion": "Measures whether an attacker can reconstruct the training images of an image classifier, "
    "or the profiles of the classes of a model of tables, from its answers, with 95% intervals.",
}
_METRICS: Final[Mapping[Kind, tuple[str, ...]]] = {
    "membership": ("attack_auc", "attack_accuracy", "attack_advantage"),
    "inversion": ("attack_leakage",),
}
_SERVICE_DESCRIPTION_CHARACTERS: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """One version of one product, and what the seller's account brings.

    Attributes
    ----------
    kind:
        which of the two products.
    version:
        of the library; its dots become dashes in names.
    image:
        address of the pushed image, in the account and region of the products.
    role:
        ARN of the role that runs the validation.
    samples:
        S3 prefix that holds sample bundles; they and the logs become public with the product.
    output:
        S3 prefix for what the validation writes.
    """

    kind: Kind
    version: str
    image: str
    role: str
    samples: str
    output: str

    @property
    def name(self) -> str:
        """Name of the product's resources, as `leakgauge-membership-0-1-0`."""
        return f"leakgauge-{self.kind}-{self.version.replace('.', '-')}"


def model_package(publication: Publication) -> Request:
    """Arguments of `create_model_package`: the product for endpoints and batch transforms."""
    return {
        "ModelPackageName": publication.name,
        "ModelPackageDescription": _DESCRIPTIONS[publication.kind],
        "InferenceSpecification": _inference(publication),
        "ValidationSpecification": {
            "ValidationRole": publication.role,
            "ValidationProfiles": [
                {
                    "ProfileName": "sample",
                    "TransformJobDefinition": _transform(
                        samples=publication.samples,
                        output=publication.output,
                        instance_type=INSTANCES[0],
                        instances=1,
                    ),
                }
            ],
        },
        "CertifyForMarketplace": True,
    }


def algorithm(publication: Publication) -> Request:
    """Arguments of `create_algorithm`: the same image, for training jobs."""
    return {
        "AlgorithmName": publication.name,
        "AlgorithmDescription": _DESCRIPTIONS[publication.kind],
        "TrainingSpecification": {
            "TrainingImage": publication.image,
            "SupportedHyperParameters": _hyperparameters(publication.kind),
            "SupportedTrainingInstanceTypes": list(INSTANCES),
            "SupportsDistributedTraining": publication.kind == "membership",
            "MetricDefinitions": [
                {"Name": name, "Regex": f"^{name}=([0-9.eE+-]+);"} for name in _METRICS[publication.kind]
            ],
            "TrainingChannels": _channels(publication.kind),
        },
        "InferenceSpecification": _inference(publication),
        "ValidationSpecification": {
            "ValidationRole": publication.role,
            "ValidationProfiles": [
                {
                    "ProfileName": "sample",
                    "TrainingJobDefinition": _training(publication),
                    "TransformJobDefinition": _transform(
                        samples=publication.samples,
                        output=publication.output,
                        instance_type=INSTANCES[0],
                        instances=1,
                    ),
                }
            ],
        },
        "CertifyForMarketplace": True,
    }


def model(*, name: str, role: str, package: str) -> Request:
    """Arguments of `create_model`: a model package ready to run, cut off from the network."""
    return {
        "ModelName": name,
        "ExecutionRoleArn": role,
        "PrimaryContainer": {"ModelPackageName": package},
        "EnableNetworkIsolation": True,
    }


def transform_job(
    *, name: str, model_name: str, samples: str, output: str, instance_type: str, instances: int
) -> Request:
    """Arguments of `create_transform_job`: every object under the S3 prefix `samples` is one bundle."""
    return {
        "TransformJobName": name,
        "ModelName": model_name,
        # An audit that failed would fail again: it is not random.
        "ModelClientConfig": {"InvocationsTimeoutInSeconds": MAX_SECONDS, "InvocationsMaxRetries": 0},
        **_transform(samples=samples, output=output, instance_type=instance_type, instances=instances),
    }


def _transform(*, samples: str, output: str, instance_type: str, instances: int) -> Request:
    return {
        "MaxConcurrentTransforms": 1,
        "MaxPayloadInMB": MAX_PAYLOAD_MB,
        "BatchStrategy": "SingleRecord",
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": samples}},
            "ContentType": ZIP,
            "CompressionType": "None",
            "SplitType": "None",
        },
        "TransformOutput": {"S3OutputPath": output, "Accept": "application/json", "AssembleWith": "None"},
        "TransformResources": {"InstanceType": instance_type, "InstanceCount": instances},
    }


def _training(publication: Publication) -> Request:
    return {
        "TrainingInputMode": "File",
        "InputDataConfig": [
            {
                "ChannelName": "training",
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": publication.samples,
                        "S3DataDistributionType": "FullyReplicated",
                    }
                },
                "ContentType": ZIP,
                "CompressionType": "None",
            }
        ],
        "OutputDataConfig": {"S3OutputPath": publication.output},
        "ResourceConfig": {
            "InstanceType": INSTANCES[0],
            "InstanceCount": 1,
            "VolumeSizeInGB": TRAINING_VOLUME_GB,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": MAX_SECONDS},
    }


def _inference(publication: Publication) -> Request:
    return {
        "Containers": [{"Image": publication.image}],
        "SupportedTransformInstanceTypes": list(INSTANCES),
        "SupportedRealtimeInferenceInstanceTypes": list(INSTANCES),
        "SupportedContentTypes": [ZIP],
        "SupportedResponseMIMETypes": list(ANSWERS),
    }


def _channels(kind: Kind) -> list[Request]:
    """The bundle's channel; for inversion also that of the images which a prior is made of."""
    channels = {"training": "The bundle, as one zip or as loose files."}
    if kind == "inversion":
        channels["auxiliary"] = "With the hyperparameter task=prior, instead of a bundle: images for a prior."
    return [
        {
            "Name": name,
            "Description": description,
            "IsRequired": len(channels) == 1,
            "SupportedContentTypes": [ZIP],
            "SupportedCompressionTypes": ["None"],
            "SupportedInputModes": ["File", "FastFile"],
        }
        for name, description in channels.items()
    ]


def _hyperparameters(kind: Kind) -> list[Request]:
    """The audit's own parameters. All are free text to the service; the audit checks them itself."""
    described = {
        name: field.description or ""
        for parameters in _PARAMETERS[kind]
        for name, field in parameters.model_fields.items()
    }
    if kind == "inversion":
        described["task"] = "audit, the default, or prior: make a prior from the images in channel auxiliary."
    return [
        {
            "Name": name,
            "Description": _shortened(description),
            "Type": "FreeText",
            "IsTunable": False,
            "IsRequired": False,
        }
        for name, description in described.items()
    ]


def _shortened(text: str) -> str:
    if len(text) <= _SERVICE_DESCRIPTION_CHARACTERS:
        return text
    return text[: _SERVICE_DESCRIPTION_CHARACTERS - 1].rsplit(" ", 1)[0] + "…"
