"""ONNX classifiers: their files checked, and the engine that answers."""
