"""From a model file to a target: the row of the table of formats that its bytes tell opens it."""

from __future__ import annotations

from pathlib import Path

from leakgauge.targets.formats import Format, format_of, recognise
from leakgauge.targets.images.facts import ChannelOrder, ImageModel, InputRange, InputSettings
from leakgauge.targets.images.refusals import unsupported
from leakgauge.targets.protocol import TableTarget
from leakgauge.targets.unread_formats import Unread


def open_table_model(path: Path) -> TableTarget:
    """The model of table rows in the file `path`, ready for queries.

    Raises
    ------
    UnsafeModel, UnsupportedModel, LimitExceeded
        each with its own problem word.
    """
    target: TableTarget = format_of(path, "tables").load("tables", path)
    return target


def open_image_model(
    path: Path,
    *,
    image_size: tuple[int, int],
    input_range: InputRange | None = None,
    channel_order: ChannelOrder | None = None,
) -> ImageModel:
    """The image classifier in the file `path`, ready for queries.

    Parameters
    ----------
    image_size, input_range, channel_order
        what the sender says about the model's input; see `InputSettings`.

    Raises
    ------
    UnsafeModel, UnsupportedModel, LimitExceeded
        each with its own problem word.
    """
    _refuse_what_is_none(path)
    settings = InputSettings(image_size=image_size, input_range=input_range, channel_order=channel_order)
    model: ImageModel = format_of(path, "images").load("images", path, settings)
    return model


def _refuse_what_is_none(path: Path) -> None:
    """Refuse a file whose bytes say that it is no image classifier."""
    if path.stat().st_size == 0:
        raise unsupported("model_empty", "The model file is empty.")
    with path.open("rb") as stream:
        found = recognise(stream)
    if isinstance(found, Format) and "images" not in found.audited_on:
        raise unsupported("model_of_tables", f"The model file is {found.words}; it was not opened.")
    if isinstance(found, Unread) and found.image_problem is not None:
        raise unsupported(found.image_problem, f"The model file is {found.words}.")
