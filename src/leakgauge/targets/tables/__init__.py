"""Models of table rows that answer and cannot be trained again: what ONNX and Keras files share."""
