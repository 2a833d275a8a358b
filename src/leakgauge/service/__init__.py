"""The audit over HTTP, as SageMaker wants it. Opens no bundle and imports no framework."""
