"""The image sets of a membership bundle: images in a folder for each class, or two arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, NoReturn, TypeAlias

from leakgauge.bundle.model import BundledFile, ImageArrays, ImageFolder, ImageSet
from leakgauge.bundle.role_names import ABOUT_SETS
from leakgauge.bundle.roles import Placed, in_code, only
from leakgauge.errors import BadBundle

Side: TypeAlias = Literal["member", "non_member"]
_NAMED: Mapping[Side, str] = {"member": "members (training data)", "non_member": "non-members"}


def image_set(
    side: Side, roles: Mapping[str, list[Placed]], *, placed: Sequence[Placed]
) -> Callable[[Path], ImageSet]:
    """One side's set, whole; what is given back settles its files in a folder.

    Raises
    ------
    BadBundle
        `no_<side>s`, `two_<side>s`, `no_<side>_images`, `no_<side>_labels` (with the side as in `in_code`),
        `picture_without_class` or `class_folder`, each with the layout that is wanted.
    """
    files = roles.get(f"{side}_image_files", [])
    arrays = [role for role in (f"{side}_images", f"{side}_labels") if role in roles]
    if not files and not arrays:
        raise BadBundle(
            f"no_{in_code(side)}s", f"The bundle holds no image set of {_NAMED[side]}.", hint=ABOUT_SETS
        )
    if arrays:
        images = only(f"{side}_images", roles, placed=placed)
        labels = only(f"{side}_labels", roles, placed=placed)
        if files:
            _refuse_two(side, (images.shown, files[0].shown))
        return lambda into: ImageArrays(_settle(images, into), _settle(labels, into))
    folders = sorted({item.folders[0] for item in files})
    if len(folders) > 1:
        _refuse_two(side, folders)
    classed = sorted((_path(item), _class_of(item), item) for item in files)
    return lambda into: ImageFolder(
        folders[0],
        tuple(
            (
                number,
                item.source.settle(
                    name, into / f"{side}_image_files", disk_name=f"{place:06d}{Path(name).suffix}"
                ),
            )
            for place, (name, number, item) in enumerate(classed)
        ),
    )


def _settle(item: Placed, into: Path) -> BundledFile:
    return item.source.settle(item.name, into, disk_name=item.name)


def _path(item: Placed) -> str:
    return "/".join((*item.folders, item.name))


def _class_of(item: Placed) -> int:
    if item.labelled is not None:
        return item.labelled
    if len(item.folders) == 1:
        raise BadBundle(
            "picture_without_class",
            f"{item.shown} lies in no folder that says its class.",
            hint=f"Put every image into a folder named by its class number. {ABOUT_SETS}",
        )
    raise BadBundle(
        "class_folder",
        f"{item.shown} lies in a folder that is not named by a class number.",
        hint="Name the folders after the model's outputs, numbered from 0.",
    )


def _refuse_two(side: Side, found: Sequence[str]) -> NoReturn:
    raise BadBundle(
        f"two_{in_code(side)}s",
        f"The bundle has more than one image set of {_NAMED[side]}: {', '.join(found[:5])}.",
        hint="Keep the one that the audit is about.",
    )
