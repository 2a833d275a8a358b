"""What the files of a bundle are called, by the part that they play, and how messages call them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

from leakgauge.targets.signs import Data as ModelData

TABLE_SUFFIXES: Final = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")
IMAGE_SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".npy")
IMAGE_FOLDERS: Final = ("auxiliary", "reference")
LABELLED: Final = "labelled"
NESTED_ZIP: Final = "data.zip"
TABLE_ROLES: Final = ("members", "non_members")
POPULATION: Final = "population"
"""Role of a table of other records, which is not needed."""
ANSWER_ROLES: Final = ("members_answers", "non_members_answers")
"""Roles of the tables of answers that stand in the place of a model."""
REFERENCE_ANSWERS: Final = "reference_answers"
"""Folder, and role, of the answers of reference models: one table a model."""
SET_FOLDERS: Final = {
    **dict.fromkeys(("training", "train", "members"), "member_image_files"),
    **dict.fromkeys(("subject", "subjects", "test"), "non_member_image_files"),
}
SET_ROLES: Final = tuple(
    f"{side}_{part}" for side in ("member", "non_member") for part in ("image_files", "images", "labels")
)
"""Roles of the files of image sets: images in a folder for each class, or arrays of images and labels."""
ARRAY_ROLES: Final = ("member_images", "non_member_images")
"""Those of them that are arrays of records: of images, or of rows."""
LABEL_ROLES: Final = ("member_labels", "non_member_labels")
KNOWLEDGE_ROLES: Final = ("auxiliary_records", "ranges")
"""Roles of the table of what an attacker on class profiles has, one of which there is."""
REFERENCE_RECORDS: Final = "reference_records"
"""Role of the table of real records that class profiles are measured with, which is not needed."""

CLASS_NAMES: Final = "class_names"
"""Role of the list of what the classes are called, which is not needed."""

Data: TypeAlias = Literal["tables", "answers", "image sets", "input image", "auxiliary records"]
"""What an audit is about besides the model; it decides which audit it is and which models it takes."""


LIVE_DATA: Final[tuple[Data, ...]] = ("tables", "input image")
"""Data that live services are audited with."""


def names(stems: Sequence[str], suffixes: Sequence[str]) -> tuple[str, ...]:
    """Every stem with every suffix."""
    return tuple(stem + suffix for stem in stems for suffix in suffixes)


ACCEPTED: Final[Mapping[str, tuple[str, ...]]] = {
    "members": names(("train_mia", "train", "members"), TABLE_SUFFIXES),
    "non_members": names(("test_mia", "test", "subject", "subjects", "non_members"), TABLE_SUFFIXES),
    POPULATION: names(("population",), TABLE_SUFFIXES),
    "members_answers": names(("members_answers", "train_answers"), TABLE_SUFFIXES),
    "non_members_answers": names(("non_members_answers", "test_answers"), TABLE_SUFFIXES),
    "member_images": ("training_images.npy", "x_train.npy"),
    "member_labels": ("training_labels.npy", "y_train.npy"),
    "non_member_images": ("subject_images.npy", "x_test.npy"),
    "non_member_labels": ("subject_labels.npy", "y_test.npy"),
    "image": names(("input_image",), IMAGE_SUFFIXES),
    "auxiliary_records": names(("auxiliary",), TABLE_SUFFIXES),
    "ranges": names(("ranges",), TABLE_SUFFIXES),
    REFERENCE_RECORDS: names(("reference",), TABLE_SUFFIXES),
    CLASS_NAMES: ("labels.txt", "class_names.txt"),
    "parameters": ("parameters.json",),
}
"""The names by which a file plays a role, models left aside."""
ROLE_OF: Final = {name: role for role, known in ACCEPTED.items() for name in known}
MODEL_DATA: Final[Mapping[str, tuple[ModelData, ...]]] = {
    "model": ("tables", "images"),
    "evaluator": ("images",),
}
"""Roles of model files, and what the models in these roles may be audited on."""

DATA_WORDS: Final[Mapping[Data, str]] = {
    "tables": "tables",
    "answers": "tables of answers",
    "image sets": "image sets",
    "input image": "an input image",
    "auxiliary records": "auxiliary records",
}
DESCRIBED: Final = {
    "model": "model",
    "members": "table of members (training data)",
    "non_members": "table of non-members",
    POPULATION: "table of other records of the same source",
    "members_answers": "table of answers about members",
    "non_members_answers": "table of answers about non-members",
    "member_images": "array of members' images",
    "member_labels": "array of members' labels",
    "non_member_images": "array of non-members' images",
    "non_member_labels": "array of non-members' labels",
    "image": "image of the target class",
    "auxiliary_records": "table of auxiliary records",
    "ranges": "table of ranges",
    REFERENCE_RECORDS: "table of reference records",
    "evaluator": "classifier that evaluates reconstructions",
    CLASS_NAMES: "list of the classes' names",
    "parameters": "parameter file",
}

ABOUT_SETS: Final = (
    "Image sets are training/CLASS/*.png and subject/CLASS/*.png with a folder for each class number, or "
    "training_images.npy, training_labels.npy, subject_images.npy and subject_labels.npy."
)
"""How a bundle holds image sets, for hints."""
