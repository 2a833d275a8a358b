"""The lines that bring a model of another library into a form that is read; tests run each of them."""

from __future__ import annotations

from typing import Final

TORCH: Final = (
    'torch.onnx.export({model}.eval(), (torch.zeros(1, COLUMNS),), "model.onnx", input_names=["x"], '
    'dynamic_axes={{"x": {{0: "rows"}}}}, dynamo=False)'
)
"""Exports a PyTorch network called `model` that reads a table of so many columns."""
KERAS: Final = '{model}.export("model.onnx", format="onnx")'
"""Exports a Keras network; one that was loaded from its file has to be asked once before."""
KERAS_FOLDER: Final = '{model}.export("FOLDER")'
"""Makes a SavedModel of a Keras network, whatever its layers keep."""
SAVED_MODEL: Final = "python -m tf2onnx.convert --saved-model FOLDER --output model.onnx"
"""Exports a SavedModel."""
KERAS_FILE: Final = "python -m tf2onnx.convert --keras FILE --output model.onnx"
"""Exports a Keras file under the TensorFlow that opens it."""

EXPORT_TORCH: Final = (
    TORCH + ", with the number of the table's columns for COLUMNS (of images: channels, height, width; "
    "dynamo=False is the exporter that needs no further package)"
)
WITH_TORCH: Final = (
    f"Export the network to ONNX where its class is at hand: {EXPORT_TORCH.format(model='model')}. Send "
    "model.onnx in the place of this file. Weights alone are loaded into the network first, with "
    'model.load_state_dict(torch.load("model.pt")), a TorchScript file with model = '
    'torch.jit.load("model.pt").'
)
WITH_KERAS: Final = (
    f"Where the model was made, export it with {KERAS.format(model='model')}, for which tf2onnx has to be "
    "installed, and send model.onnx in its place. A model that was loaded from its file is asked once "
    "before: model.predict(x[:1]). A model whose layers keep values, such as Normalization or StringLookup, "
    f"takes two steps: {KERAS_FOLDER.format(model='model')}, then {SAVED_MODEL}."
)
WITH_TENSORFLOW: Final = (
    f"{WITH_KERAS} The second exports any SavedModel. Or save the whole Keras model with "
    'model.save("model.keras") and send that.'
)
