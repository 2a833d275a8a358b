"""What a bundle is, once it has been checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from leakgauge.bundle.limits import Limits

Kind = Literal["membership", "inversion"]


@dataclass(frozen=True, slots=True)
class BundledFile:
    """One file that an audit uses.

    Attributes
    ----------
    name
        its name for messages and reports, in lower case and without the folders that it came in:
        `train_mia.csv`, `auxiliary/0.png`. `path` may be called otherwise.
    path
        where its bytes are.
    sha256
        hexadecimal digest of those bytes.
    """

    name: str
    path: Path
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipBundle:
    """A model with the records it was trained on and records it was not.

    Attributes
    ----------
    model
        None for one that is asked as a service.
    labels
        of members and of non-members, where the two are arrays of rows without them; else none.
    population
        optional other records of the same source, which an attacker may train on.
    reference_answers
        optional tables of what reference models answered that were trained elsewhere, sorted by name.
    root
        the folder that holds the files: the scratch folder of a zip, the folder itself of loose files.
    ignored
        names of files that no audit uses, sorted, safe to print.
    limits
        what the tables are held to when they are read.
    """

    root: Path
    model: BundledFile | None
    members: BundledFile
    non_members: BundledFile
    labels: tuple[BundledFile, ...] = ()
    population: BundledFile | None = None
    reference_answers: tuple[BundledFile, ...] = ()
    parameters: BundledFile | None
    ignored: tuple[str, ...]
    limits: Limits
    kind: Literal["membership"] = field(default="membership", init=False)

    @property
    def sha256(self) -> dict[str, str]:
        """Digest of every used file by its name, sorted by name."""
        return _digests(
            *(self.model, self.members, self.non_members, self.population, self.parameters),
            *self.labels,
            *self.reference_answers,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswersBundle:
    """What a model answered about records that it was trained on and records that it was not; no model.

    Attributes
    ----------
    members, non_members
        tables of answers with the true labels.
    reference_answers
        optional tables of what reference models answered about the same records, sorted by name.
    root, ignored, limits
        as in `MembershipBundle`.
    """

    root: Path
    members: BundledFile
    non_members: BundledFile
    reference_answers: tuple[BundledFile, ...]
    parameters: BundledFile | None
    ignored: tuple[str, ...]
    limits: Limits
    kind: Literal["membership"] = field(default="membership", init=False)

    @property
    def sha256(self) -> dict[str, str]:
        """Digest of every used file by its name, sorted by name."""
        return _digests(self.members, self.non_members, *self.reference_answers, self.parameters)


@dataclass(frozen=True, slots=True)
class ImageFolder:
    """A set of labelled images, each in a file.

    Attributes
    ----------
    name
        the set's folder, for messages.
    images
        (class, image) sorted by the image's name.
    """

    name: str
    images: tuple[tuple[int, BundledFile], ...]

    @property
    def files(self) -> tuple[BundledFile, ...]:
        """Every file of the set."""
        return tuple(file for _, file in self.images)


@dataclass(frozen=True, slots=True)
class ImageArrays:
    """A set of labelled images in two NPY files."""

    images: BundledFile
    labels: BundledFile

    @property
    def files(self) -> tuple[BundledFile, ...]:
        """Every file of the set."""
        return (self.images, self.labels)


ImageSet: TypeAlias = ImageFolder | ImageArrays


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageMembershipBundle:
    """An image classifier with the images it was trained on and images it was not.

    Attributes
    ----------
    model
        None for one in the caller's memory.
    root, ignored, limits
        as in `MembershipBundle`.
    """

    root: Path
    model: BundledFile | None
    members: ImageSet
    non_members: ImageSet
    parameters: BundledFile | None
    ignored: tuple[str, ...]
    limits: Limits
    kind: Literal["membership"] = field(default="membership", init=False)

    @property
    def sha256(self) -> dict[str, str]:
        """Digest of every used file by its name, sorted by name."""
        return _digests(self.model, *self.members.files, *self.non_members.files, self.parameters)


@dataclass(frozen=True, slots=True, kw_only=True)
class InversionBundle:
    """An image classifier with an image of the class to reconstruct.

    Attributes
    ----------
    model
        None for one in the caller's memory, or one that is asked as a service.
    auxiliary, reference
        optional public images for an attack with a prior, and further images of the class for the
        ceiling; sorted by name.
    labelled
        optional reference images by class, as (class, image), sorted.
    evaluator
        optional second classifier, which evaluates reconstructions.
    class_names
        optional text with a name of a class on each line, in the order of the model's outputs.
    root, ignored, limits
        as in `MembershipBundle`.
    """

    root: Path
    model: BundledFile | None
    image: BundledFile
    auxiliary: tuple[BundledFile, ...]
    reference: tuple[BundledFile, ...]
    labelled: tuple[tuple[int, BundledFile], ...] = ()
    evaluator: BundledFile | None = None
    class_names: BundledFile | None = None
    parameters: BundledFile | None
    ignored: tuple[str, ...]
    limits: Limits
    kind: Literal["inversion"] = field(default="inversion", init=False)

    @property
    def sha256(self) -> dict[str, str]:
        """Digest of every used file by its name, sorted by name."""
        labelled = (file for _, file in self.labelled)
        return _digests(
            *(self.model, self.image, self.evaluator, self.class_names, self.parameters),
            *(*self.auxiliary, *self.reference, *labelled),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfilesBundle:
    """A model of tables with what an attacker on the profiles of its classes has.

    Attributes
    ----------
    auxiliary
        records of the attacker's own, or what their values may be.
    holds_ranges
        whether it is the latter.
    reference
        optional real records with labels, by which profiles are measured.
    model, root, ignored, limits
        as in `MembershipBundle`.
    """

    root: Path
    model: BundledFile
    auxiliary: BundledFile
    holds_ranges: bool = False
    reference: BundledFile | None = None
    parameters: BundledFile | None
    ignored: tuple[str, ...]
    limits: Limits
    kind: Literal["inversion"] = field(default="inversion", init=False)

    @property
    def sha256(self) -> dict[str, str]:
        """Digest of every used file by its name, sorted by name."""
        return _digests(self.model, self.auxiliary, self.reference, self.parameters)


Bundle: TypeAlias = (
    MembershipBundle | AnswersBundle | ImageMembershipBundle | InversionBundle | ProfilesBundle
)


def _digests(*files: BundledFile | None) -> dict[str, str]:
    return dict(sorted((file.name, file.sha256) for file in files if file is not None))
