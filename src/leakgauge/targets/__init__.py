"""Models under audit, as black boxes: from the bytes of a file to a target that answers.

`protocol` says what an audit asks of a target, `formats` which files are read and by what, and `opening`
opens one. A room for each kind of file: `pickles` and `sklearn`, `keras`, `onnx`; `images` and `tables`
hold what the last two share, by what their models are audited on.
"""
