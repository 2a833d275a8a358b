"""A zip or a folder, opened, checked and assembled into a bundle."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from leakgauge.bundle.assembly import (
    answers_bundle,
    profiles_bundle,
    settle,
    settle_folder,
    settle_labelled,
    settle_model,
    tables_bundle,
)
from leakgauge.bundle.image_sets import image_set
from leakgauge.bundle.limits import Budget, Limits
from leakgauge.bundle.loose import LooseFile, loose_files
from leakgauge.bundle.model import (
    Bundle,
    BundledFile,
    ImageMembershipBundle,
    InversionBundle,
)
from leakgauge.bundle.recognise import is_archive
from leakgauge.bundle.role_names import (
    ANSWER_ROLES,
    CLASS_NAMES,
    KNOWLEDGE_ROLES,
    LABELLED,
    LIVE_DATA,
    NESTED_ZIP,
    POPULATION,
    REFERENCE_ANSWERS,
    REFERENCE_RECORDS,
    SET_ROLES,
    TABLE_ROLES,
    Data,
)
from leakgauge.bundle.roles import (
    Placed,
    Source,
    is_image,
    is_part,
    models_among,
    not_live,
    only,
    optional,
    place,
    refuse_several,
    tell_data,
    the_model,
)
from leakgauge.bundle.zipped import ZippedFile, not_a_zip, zipped_files
from leakgauge.errors import BadBundle
from leakgauge.targets.formats import HEAD_BYTES

_RECORDS = frozenset(
    (
        *(*TABLE_ROLES, POPULATION, *ANSWER_ROLES, REFERENCE_ANSWERS, *SET_ROLES),
        *(*KNOWLEDGE_ROLES, REFERENCE_RECORDS),
    )
)
"""Roles that a file in `data.zip` may play."""
MOST_IMAGES = 100_000
"""Entries among which the images for a prior may be; a bundle holds far fewer."""


def open_bundle(source: Path, scratch: Path, *, limits: Limits, live: bool = False) -> Bundle:
    """The bundle in `source`, a zip or a folder.

    Parameters
    ----------
    source
        a zip, or a folder as `open_folder` takes it.
    scratch
        an empty folder of ours, made if missing, for what has to be unpacked.
    live
        whether a live service stands in the place of the model: a file that could be one is then ignored.

    Raises
    ------
    BadBundle, LimitExceeded, UnsupportedModel
        as `unpack` and `open_folder` do; `not_live` for data that no live service is audited with;
        `not_found` when there is nothing at `source`.
    """
    if source.is_dir():
        return open_folder(source, scratch, limits=limits, live=live)
    if source.is_file():
        return unpack(source, scratch, limits=limits, live=live)
    raise BadBundle(
        "not_found",
        "There is no file or folder of that name.",
        hint="Name a zip or a folder that holds a model and its data.",
    )


def unpack(archive: Path, into: Path, *, limits: Limits, live: bool = False) -> Bundle:
    """The bundle in a zip; the files that an audit uses are written into `into`, mode 0600.

    Raises
    ------
    BadBundle
        for a file that is not a sound, plain zip of stored or deflated entries (nothing before or
        after the archive, so that every reader sees the same files), for names that point elsewhere,
        and for missing or doubled parts of an audit. Each has its own `problem`.
    LimitExceeded
        with the limit's name as `problem`.
    UnsupportedModel
        for a SavedModel folder or a file of weights in place of a model.
    """
    size = archive.stat().st_size
    if size > limits.upload_bytes:
        raise limits.exceeded("upload_bytes", f"The zip has {size:,} bytes.")
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    budget = Budget(limits)
    with ExitStack() as stack:
        sources = stack.enter_context(zipped_files(archive, label="", budget=budget))
        return _assemble(sources, root=into, into=into, budget=budget, stack=stack, live=live)


def open_folder(folder: Path, scratch: Path, *, limits: Limits, live: bool = False) -> Bundle:
    """The bundle whose files lie loose in `folder`, or in the one zip there, beside no file of a bundle.

    `folder` is only read: loose files stay where they are, and only a `data.zip` or the lone zip is
    unpacked, into `scratch`. Hidden files and folders (checkpoints of notebooks among them) do not count.

    Raises
    ------
    BadBundle, LimitExceeded, UnsupportedModel
        as `unpack` does; further `link` and `special_file` for a used file that is not a plain one,
        `two_zips`, and `parameters_outside` for a parameters.json beside the zip that it is for.
    """
    budget = Budget(limits)
    sources = loose_files(folder, budget=budget)
    archive = _lone_zip(sources, is_part=is_part, limits=limits)
    if archive is not None:
        return unpack(archive, scratch, limits=limits, live=live)
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as stack:
        return _assemble(sources, root=folder, into=scratch, budget=budget, stack=stack, live=live)


def open_images(source: Path, scratch: Path, *, limits: Limits) -> tuple[BundledFile, ...]:
    """The images in a folder, or in a zip that `source` is or holds, by name; nothing else there counts.

    Raises
    ------
    BadBundle, LimitExceeded
        as `open_bundle` does; `no_images` where there is none.
    """
    budget = Budget(replace(limits, entries=max(limits.entries, MOST_IMAGES)))
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as stack:
        sources: Sequence[Source] = []
        archive: Path | None = source
        if source.is_dir():
            sources = loose = loose_files(source, budget=budget)
            archive = _lone_zip(loose, is_part=is_image, limits=budget.limits)
        if archive is not None:
            sources = stack.enter_context(zipped_files(archive, label="", budget=budget))
        placed = [item for item in place(sources, limits=budget.limits) if is_image(item)]
        if not placed:
            raise BadBundle(
                "no_images",
                "There is no image in it.",
                hint="Put PNG, JPEG or NPY files there, all of one size.",
            )
        placed.sort(key=lambda item: (item.folders, item.name))
        return tuple(
            item.source.settle(
                "/".join((*item.folders, item.name)),
                scratch,
                disk_name=f"{number:05d}{Path(item.name).suffix}",
            )
            for number, item in enumerate(placed)
        )


def _lone_zip(
    sources: Sequence[LooseFile], *, is_part: Callable[[Placed], bool], limits: Limits
) -> Path | None:
    """The zip in a folder that holds no loose part of what is looked for; None where it does.

    Raises
    ------
    BadBundle
        `two_zips`; `not_a_zip` for an archive of another kind; `parameters_outside`.
    """
    placed = place(sources, limits=limits)
    if any(is_part(item) for item in placed if not item.name.endswith(".zip")):
        return None
    zips = [source for source, item in zip(sources, placed, strict=True) if item.name.endswith(".zip")]
    if not zips:
        for source, item in zip(sources, placed, strict=True):
            head = source.head(HEAD_BYTES)
            if is_archive(head):
                raise not_a_zip(head, item.shown)
        return None
    if len(zips) > 1:
        names = sorted(item.shown for item in placed if item.name.endswith(".zip"))
        raise BadBundle(
            "two_zips",
            f"There is more than one zip: {', '.join(names[:5])}.",
            hint="Keep the one with the bundle.",
            details={"found": [*names]},
        )
    outside = [item.shown for item in placed if item.role == "parameters"]
    if outside:
        raise BadBundle(
            "parameters_outside",
            f"{outside[0]} lies beside the zip, where it would count for nothing.",
            hint="Put it into the zip, or give its values as hyperparameters.",
        )
    (found,) = zips
    with found.open():
        pass  # refuses links and special files before the path is handed on
    return found.path


def _assemble(
    sources: Sequence[Source], *, root: Path, into: Path, budget: Budget, stack: ExitStack, live: bool
) -> Bundle:
    placed = place(sources, limits=budget.limits)
    nested = [item for item in placed if item.name == NESTED_ZIP]
    refuse_several("data.zip", nested, accepted=(NESTED_ZIP,))
    roles = _by_role(placed)
    models = models_among(roles, placed)
    ignored = [item.shown for item in placed if item.role is None and item not in (*nested, *models)]
    inner = [found for item in nested for found in _records_in(item, into=into, budget=budget, stack=stack)]
    everything = [*placed, *inner]
    ignored += _add_records(inner, roles)

    if live:
        # what is asked is the service, whatever lies beside its data
        ignored, models = [*ignored, *(item.shown for item in models)], []
    data = tell_data(roles, models=models, has_data_zip=bool(nested), placed=everything)
    if live and data not in LIVE_DATA:
        raise not_live(data)
    parameters = optional("parameters", roles)
    ignored += _of_another_audit(data, roles)
    if data == "answers":
        return answers_bundle(
            roles, everything, [*ignored, *(item.shown for item in models)], root, into, budget
        )
    model = None if live else the_model(models, data=data, placed=placed)
    if data == "image sets":
        # both sides are looked at before a file of either is unpacked
        take_members = image_set("member", roles, placed=placed)
        take_non_members = image_set("non_member", roles, placed=placed)
        return ImageMembershipBundle(
            root=root,
            model=settle_model(model, into),
            members=take_members(into),
            non_members=take_non_members(into),
            parameters=settle(parameters, into) if parameters else None,
            ignored=tuple(sorted(ignored)),
            limits=budget.limits,
        )
    if data == "tables":
        return tables_bundle(model, roles, everything, ignored, root, into, budget)
    if data == "auxiliary records" and model is not None:
        return profiles_bundle(model, roles, ignored, root, into, budget)
    image = only("image", roles, placed=placed)
    evaluator, class_names = optional("evaluator", roles), optional(CLASS_NAMES, roles)
    return InversionBundle(
        root=root,
        model=settle_model(model, into),
        image=settle(image, into),
        auxiliary=settle_folder("auxiliary", roles, into),
        reference=settle_folder("reference", roles, into),
        labelled=settle_labelled(roles, into),
        evaluator=settle(evaluator, into) if evaluator else None,
        class_names=settle(class_names, into) if class_names else None,
        parameters=settle(parameters, into) if parameters else None,
        ignored=tuple(sorted(ignored)),
        limits=budget.limits,
    )


def _by_role(placed: Sequence[Placed]) -> dict[str, list[Placed]]:
    roles: dict[str, list[Placed]] = {}
    for item in placed:
        if item.role is not None:
            roles.setdefault(item.role, []).append(item)
    return roles


def _add_records(inner: Sequence[Placed], roles: dict[str, list[Placed]]) -> list[str]:
    """Give the records of `data.zip` their roles; names of its other files, which nothing uses."""
    ignored = []
    for item in inner:
        if item.role in _RECORDS:
            roles.setdefault(item.role, []).append(item)
        else:
            ignored.append(f"{NESTED_ZIP}/{item.shown}")
    return ignored


def _of_another_audit(data: Data, roles: Mapping[str, Sequence[Placed]]) -> list[str]:
    """Names of files that have a part in another kind of audit alone."""
    tables = () if data == "tables" else (POPULATION,)
    answers = () if data in ("tables", "answers") else (REFERENCE_ANSWERS,)
    images = () if data == "input image" else ("auxiliary", "reference", LABELLED, "evaluator", CLASS_NAMES)
    profiles = () if data == "auxiliary records" else (*KNOWLEDGE_ROLES, REFERENCE_RECORDS)
    others = (*tables, *answers, *images, *profiles)
    return [item.shown for role in others for item in roles.get(role, ())]


def _records_in(item: Placed, *, into: Path, budget: Budget, stack: ExitStack) -> list[Placed]:
    """What lies in `data.zip`, under the same checks and the same budget."""
    archive = item.source.settle(NESTED_ZIP, into, disk_name=NESTED_ZIP)
    sources = stack.enter_context(zipped_files(archive.path, label=NESTED_ZIP, budget=budget))
    if isinstance(item.source, ZippedFile):
        # a copy of ours; the open handle keeps its bytes readable for as long as they are needed
        archive.path.unlink()
    placed = place(sources, limits=budget.limits)
    for inner in placed:
        if inner.name.endswith(".zip"):
            raise BadBundle(
                "nested_zip",
                f"{NESTED_ZIP} holds another zip, {inner.shown}.",
                hint=f"Put the tables or image sets into {NESTED_ZIP} directly.",
            )
    return placed
