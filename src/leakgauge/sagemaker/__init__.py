"""The audit as a SageMaker training job."""
