"""Bundles of tables from the files that play their parts, and files put where audits read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from leakgauge.bundle.limits import Budget
from leakgauge.bundle.model import AnswersBundle, BundledFile, MembershipBundle, ProfilesBundle
from leakgauge.bundle.names import shown_name
from leakgauge.bundle.role_names import (
    ANSWER_ROLES,
    ARRAY_ROLES,
    KNOWLEDGE_ROLES,
    LABEL_ROLES,
    LABELLED,
    POPULATION,
    REFERENCE_ANSWERS,
    REFERENCE_RECORDS,
    TABLE_ROLES,
)
from leakgauge.bundle.roles import Placed, holds_rows, only, optional
from leakgauge.errors import BadBundle


def tables_bundle(
    model: Placed | None,
    roles: Mapping[str, list[Placed]],
    placed: Sequence[Placed],
    ignored: Sequence[str],
    root: Path,
    into: Path,
    budget: Budget,
) -> MembershipBundle:
    """The bundle of a membership audit on tables, or on arrays of rows."""
    in_arrays = holds_rows(roles)
    of_records = ARRAY_ROLES if in_arrays else TABLE_ROLES
    members, non_members = (only(role, roles, placed=placed) for role in of_records)
    labels = [only(role, roles, placed=placed) for role in LABEL_ROLES] if in_arrays else []
    parameters, population = optional("parameters", roles), optional(POPULATION, roles)
    if in_arrays and population is not None:
        ignored, population = [*ignored, population.shown], None
    return MembershipBundle(
        root=root,
        model=settle_model(model, into),
        members=settle(members, into),
        non_members=settle(non_members, into),
        labels=tuple(settle(item, into) for item in labels),
        population=settle(population, into) if population else None,
        reference_answers=settle_folder(REFERENCE_ANSWERS, roles, into),
        parameters=settle(parameters, into) if parameters else None,
        ignored=tuple(sorted(ignored)),
        limits=budget.limits,
    )


def profiles_bundle(
    model: Placed,
    roles: Mapping[str, list[Placed]],
    ignored: Sequence[str],
    root: Path,
    into: Path,
    budget: Budget,
) -> ProfilesBundle:
    """The bundle of an audit of class profiles.

    Raises
    ------
    BadBundle
        `two_auxiliaries` for records beside ranges.
    """
    known = [item for item in (optional(role, roles) for role in KNOWLEDGE_ROLES) if item is not None]
    if len(known) > 1:
        raise BadBundle(
            "two_auxiliaries",
            f"The bundle has {known[0].shown} and {known[1].shown}: one with records, one without.",
            hint="Keep the one that the audit is about.",
        )
    parameters, reference = optional("parameters", roles), optional(REFERENCE_RECORDS, roles)
    return ProfilesBundle(
        root=root,
        model=settle_one_model(model, into),
        auxiliary=settle(known[0], into),
        holds_ranges=known[0].role == "ranges",
        reference=settle(reference, into) if reference else None,
        parameters=settle(parameters, into) if parameters else None,
        ignored=tuple(sorted(ignored)),
        limits=budget.limits,
    )


def answers_bundle(
    roles: Mapping[str, list[Placed]],
    everything: Sequence[Placed],
    ignored: Sequence[str],
    root: Path,
    into: Path,
    budget: Budget,
) -> AnswersBundle:
    """The bundle of a membership audit of a model's answers."""
    members, non_members = (only(role, roles, placed=everything) for role in ANSWER_ROLES)
    parameters = optional("parameters", roles)
    return AnswersBundle(
        root=root,
        members=settle(members, into),
        non_members=settle(non_members, into),
        reference_answers=settle_folder(REFERENCE_ANSWERS, roles, into),
        parameters=settle(parameters, into) if parameters else None,
        ignored=tuple(sorted(ignored)),
        limits=budget.limits,
    )


def settle(item: Placed, into: Path) -> BundledFile:
    """The file under its own name, one of those that are known."""
    return item.source.settle(item.name, into, disk_name=item.name)


def settle_model(item: Placed | None, into: Path) -> BundledFile | None:
    """As `settle_one_model`; None where a service stands in the model's place."""
    return None if item is None else settle_one_model(item, into)


def settle_one_model(item: Placed, into: Path) -> BundledFile:
    """The model under a name of ours where its own is no known one."""
    known = item.role is not None
    return item.source.settle(
        item.name if known else shown_name(item.name), into, disk_name=item.name if known else "model"
    )


def settle_folder(role: str, roles: Mapping[str, list[Placed]], into: Path) -> tuple[BundledFile, ...]:
    """The files of a folder that is a role, by name."""
    items = sorted(roles.get(role, ()), key=lambda item: item.name)
    return tuple(
        item.source.settle(
            f"{role}/{item.name}", into / role, disk_name=f"{number:04d}{Path(item.name).suffix}"
        )
        for number, item in enumerate(items)
    )


def settle_labelled(roles: Mapping[str, list[Placed]], into: Path) -> tuple[tuple[int, BundledFile], ...]:
    """The labelled reference images, each with its class, by class and name."""
    items = sorted(
        (item.labelled, item.name, item) for item in roles.get(LABELLED, ()) if item.labelled is not None
    )
    return tuple(
        (
            number,
            item.source.settle(
                f"reference/{number}/{name}",
                into / LABELLED,
                disk_name=f"{place:04d}{Path(name).suffix}",
            ),
        )
        for place, (number, name, item) in enumerate(items)
    )
