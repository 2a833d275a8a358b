"""The table of protocols: one file and one row each.

To add one, write a file beside these with a subclass of `base.Protocol` (or `base.HttpProtocol`), and add its
row here and a section to docs/endpoints.md. Settings choose a row by `protocol`.
"""

from __future__ import annotations

from typing import Final

from leakgauge.endpoints.protocols.base import Protocol
from leakgauge.endpoints.protocols.json_template import JsonTemplate
from leakgauge.endpoints.protocols.mlflow import Mlflow
from leakgauge.endpoints.protocols.open_inference import OpenInference
from leakgauge.endpoints.protocols.sagemaker import Sagemaker
from leakgauge.endpoints.protocols.tensorflow_serving import TensorflowServing

PROTOCOLS: Final[dict[str, type[Protocol]]] = {
    "open-inference": OpenInference,
    "tensorflow-serving": TensorflowServing,
    "mlflow": Mlflow,
    "sagemaker": Sagemaker,
    "json": JsonTemplate,
}
"""By the name that settings know it by."""
