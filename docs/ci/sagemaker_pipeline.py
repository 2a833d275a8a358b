"""Before deployment: a SageMaker pipeline that registers a model only when the gate has passed.

    audit (processing job in the leakgauge-membership image)
      └─ gate.outcome in report.json is "passed"?  ──yes──▶ register the model
                                                   ──no───▶ fail the pipeline, with the outcome

The processing job ends with exit code 0 whatever the gate says, and any other error as it is: the
condition step decides, so that "failed" and "inconclusive" both stop the deployment and the report
is kept in either case. Needs the SageMaker Python SDK, version 2:

    python sagemaker_pipeline.py ROLE AUDIT_IMAGE BUNDLE POLICY MODEL_IMAGE MODEL_DATA PACKAGE_GROUP
"""

from __future__ import annotations

import sys
from typing import Any

from sagemaker.processing import ProcessingInput, ProcessingOutput, Processor
from sagemaker.workflow.condition_step import ConditionStep
from sagemaker.workflow.conditions import ConditionEquals
from sagemaker.workflow.fail_step import FailStep
from sagemaker.workflow.functions import Join, JsonGet
from sagemaker.workflow.parameters import ParameterString
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.properties import PropertyFile
from sagemaker.workflow.steps import ProcessingStep

AUDIT = (
    "leakgauge audit /opt/ml/processing/input/bundle -o /opt/ml/processing/output/report "
    "--policy /opt/ml/processing/input/policy/policy.yaml; code=$?; "
    # 1 and 3 are answers of the gate, which the condition step reads; all others are errors
    'if [ "$code" -eq 1 ] || [ "$code" -eq 3 ]; then exit 0; fi; exit "$code"'
)


def pipeline(
    *, role: str, image: str, bundle: str, policy: str, register: list[Any], session: Any = None
) -> Pipeline:
    """The pipeline.

    Parameters
    ----------
    role: execution role that the jobs run under.
    image: address of the leakgauge-membership or leakgauge-inversion image.
    bundle: default S3 prefix with the bundle's files, loose.
    policy: S3 address of a file called policy.yaml.
    register: steps to run when the gate has passed, such as a `ModelStep` that registers the model.
    """
    bundle_parameter = ParameterString(name="Bundle", default_value=bundle)
    processor = Processor(
        role=role,
        image_uri=image,
        entrypoint=["/bin/sh", "-c", AUDIT],
        instance_count=1,
        instance_type="ml.m5.xlarge",
        max_runtime_in_seconds=3600,
        sagemaker_session=session,
    )
    report = PropertyFile(name="LeakgaugeReport", output_name="report", path="report.json")
    audit = ProcessingStep(
        name="Audit",
        processor=processor,
        inputs=[
            ProcessingInput(source=bundle_parameter, destination="/opt/ml/processing/input/bundle"),
            ProcessingInput(source=policy, destination="/opt/ml/processing/input/policy"),
        ],
        outputs=[ProcessingOutput(output_name="report", source="/opt/ml/processing/output/report")],
        property_files=[report],
    )
    outcome = JsonGet(step_name=audit.name, property_file=report, json_path="gate.outcome")
    stop = FailStep(name="Stop", error_message=Join(on=" ", values=["The privacy gate says:", outcome]))
    decide = ConditionStep(
        name="GatePassed",
        conditions=[ConditionEquals(left=outcome, right="passed")],
        if_steps=register,
        else_steps=[stop],
    )
    return Pipeline(
        name="leakgauge-before-deployment",
        parameters=[bundle_parameter],
        steps=[audit, decide],
        sagemaker_session=session,
    )


def main() -> None:
    """Create the pipeline, or bring it up to date, with a step that registers an approved package.

    BUNDLE and POLICY are S3 addresses as `pipeline` takes them; MODEL_IMAGE and MODEL_DATA are what
    is to be deployed.
    """
    from sagemaker.model import Model
    from sagemaker.workflow.model_step import ModelStep
    from sagemaker.workflow.pipeline_context import PipelineSession

    role, image, bundle, policy, model_image, model_data, group = sys.argv[1:]
    session = PipelineSession()
    model = Model(image_uri=model_image, model_data=model_data, role=role, sagemaker_session=session)
    register = ModelStep(
        name="Register",
        step_args=model.register(
            content_types=["text/csv"],
            response_types=["text/csv"],
            model_package_group_name=group,
            approval_status="Approved",
        ),
    )
    pipeline(
        role=role, image=image, bundle=bundle, policy=policy, register=[register], session=session
    ).upsert(role_arn=role)


if __name__ == "__main__":
    main()
