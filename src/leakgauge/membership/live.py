"""From a live service and tables to a target and a pool that fit each other, within the rows it may be asked.

Which column holds the label and in which order classes stand cannot be found out by asking, as with a model:
it would cost rows. So the label column has its name, and classes are those of the settings or of the members.
Rows are spent in this order: to find out what the answers are; on the records, several times where answers
change; on attacks that ask about changed copies, if enough are left.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leakgauge.bundle import MembershipBundle
from leakgauge.defences.output import settings_of
from leakgauge.errors import BadBundle
from leakgauge.membership.attacks.label_only import fewest_rows
from leakgauge.membership.inputs import Inputs, fitted_inputs, sides_of, tables_of, with_references
from leakgauge.membership.pooling import LEAST_RECORDS
from leakgauge.parameters import LiveParameters
from leakgauge.report.model import Notice
from leakgauge.tables import Table
from leakgauge.tables.inference import inferred
from leakgauge.tables.label_column import DEFAULT_LABEL
from leakgauge.targets.endpoints.asking import Service
from leakgauge.targets.endpoints.table import EndpointTarget
from leakgauge.targets.in_memory import classes_in_order

_WORTH_ROBUSTNESS = 100
"""Records of each side from which on changed copies tell more than further records, of labels alone."""


def read_live(bundle: MembershipBundle, parameters: LiveParameters, service: Service) -> Inputs:
    """Read the tables of a bundle, and ask a live service about their records.

    Raises
    ------
    LeakgaugeError
        for whatever does not fit, and where the service does not answer.
    """
    asked_for = settings_of(parameters.defences)
    notices: list[Notice] = []
    tables = tables_of(bundle, parameters, service.facts.columns or (), notices)
    label = _label_column(tables[0], parameters)
    named = parameters.model_copy(update={"label_column": str(label)})
    target = EndpointTarget(service, _classes(tables[0], label, service))
    sides, known = sides_of(tables, named, target, notices)
    notices += [Notice("service", text) for text in target.open(sides[0].features)]
    records = min(sum(len(side.y) for side in sides[:2]), parameters.max_records)
    # what is sent again after a failure counts too
    spare = min(2 * service.facts.rows_of_request, service.left // 10)
    most = _most_records(service.left - spare, labels_alone=target.gives == "labels")
    notices += [Notice("service", text) for text in target.settle(min(records, most))]
    sized = named.model_copy(update={"max_records": min(most, parameters.max_records)})
    inputs = fitted_inputs(target, sides, known, sized, notices, asked_for=asked_for)
    inputs = with_references(inputs, bundle, sides)
    pool = replace(inputs.pool, rows_left=target.rows_left)
    more = _what_more_would_bring(records, len(pool), service)
    return replace(inputs, pool=pool, notices=(*inputs.notices, more))


def _label_column(members: Table, parameters: LiveParameters) -> Any:
    """The label's column, by its name."""
    columns = list(members.frame.columns)
    if parameters.label_column is not None:
        name = parameters.label_column
        return int(name) if not members.has_header and name.isdecimal() else name
    by_name = [name for name in columns if str(name).strip().lower() == DEFAULT_LABEL]
    if not by_name:
        raise BadBundle(
            "no_label_column",
            f"{members.name} has no column called “{DEFAULT_LABEL}”.",
            hint="Name the column with the true labels as label_column in parameters.json. It is not looked "
            "for by asking, which would cost rows.",
        )
    return by_name[0]


def _classes(members: Table, label: Any, service: Service) -> NDArray[Any]:
    """(n_classes,) the labels in the order of the probabilities; none of a regressor."""
    if service.facts.answers == "predictions":
        return np.empty(0)
    cells = members.frame[label] if label in members.frame.columns else pd.Series(dtype=object)
    if isinstance(cells.dtype, pd.StringDtype) or cells.dtype == object:
        cells = inferred(cells, decimal=members.decimal)
    return classes_in_order(cells.dropna().tolist(), service.facts.classes)


def _most_records(left: int, *, labels_alone: bool) -> int:
    """How many records a service can be asked about with so many rows."""
    if labels_alone:
        with_copies = left // (1 + fewest_rows(1))
        if with_copies >= 2 * _WORTH_ROBUSTNESS:
            return with_copies
    return max(left, 2 * LEAST_RECORDS)


def _what_more_would_bring(records: int, scored: int, service: Service) -> Notice:
    """What was done within the rows, and what would be with more of them."""
    spent = service.facts.rows - service.left
    sentences = [f"The service may be asked about {service.facts.rows:,} rows."]
    if scored < records:
        narrower = 1.0 - math.sqrt(scored / records)
        sentences.append(
            f"With {spent + records - scored:,} all {records:,} records could be scored, not {scored:,}, and "
            f"intervals would be about {narrower:.0%} narrower."
        )
    needed = fewest_rows(scored)
    if service.left < needed:
        sentences.append(
            f"With {spent + needed:,} the attack from labels on changed copies of these records (label_only) "
            "could be run too."
        )
    if len(sentences) == 1:
        sentences.append("More of them would bring nothing.")
    return Notice("service_rows", " ".join(sentences))
