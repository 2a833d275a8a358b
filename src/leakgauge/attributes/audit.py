"""The audit of attribute inference: column by column, attack by attack."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from leakgauge.attacks.row import Unsuited
from leakgauge.attacks.running import run_one
from leakgauge.attributes import columns as sensitive_columns
from leakgauge.attributes.attacks import ATTACKS
from leakgauge.attributes.columns import LEAST_RECORDS, NotMeasured
from leakgauge.attributes.combining import combined
from leakgauge.attributes.imputation import Imputation, dealt, imputed
from leakgauge.attributes.measure import measure, named, parts
from leakgauge.attributes.protocol import Attack, Question
from leakgauge.attributes.records import Records, Retrained, Sensitive
from leakgauge.attributes.references import References
from leakgauge.attributes.verdict import FIGURES, column_verdict, strongest, verdict
from leakgauge.estimates import Estimate, confidence_for
from leakgauge.exhaustion import Time, unless_it_runs_out
from leakgauge.progress import Progress, Share
from leakgauge.randomness import generator_for
from leakgauge.report.model import (
    AttributeColumn,
    AttributeInference,
    AttributeMeasured,
    Failed,
    NotApplicable,
    Severity,
    Verdict,
)
from leakgauge.targets.protocol import FloatArray, IntArray, ModelTarget

DETERMINED = 0.999
"""Share that the imputation gets right from which on the other columns say the value outright."""

_DETERMINED = (
    "The other columns determine this one, as those of a one-hot encoding do, so that nothing is left to "
    "infer. Give the model one column for it, or leave it out."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is asked for.

    Attributes
    ----------
    names
        of the sensitive columns; None to choose some.
    retrained, missing
        as of `References`.
    rounds
        pairs of reference models.
    shift
        area under the ROC curve of a classifier that tells members from non-members without the target; None
        where they differ in nothing.
    """

    names: Sequence[str] | None
    retrained: Retrained | None
    missing: str
    rounds: int
    shift: Estimate | None
    seed: int


@dataclass(frozen=True, slots=True)
class _Task:
    """A column with the records that have one of its values; `place` among all that are measured."""

    column: Sensitive
    rows: IntArray
    place: int


def not_measured(reason: str) -> AttributeInference:
    """The outcome where nothing can be measured at all."""
    return AttributeInference(
        Verdict(Severity.INCONCLUSIVE, f"Attribute inference was not measured. {reason}", ()), withheld=reason
    )


def infer(
    records: Records, target: ModelTarget, plan: Plan, *, progress: Progress, time: Time
) -> AttributeInference | None:
    """Attack every sensitive column with every attack; None where nobody named one and none can be chosen.

    Raises
    ------
    BadParameters
        for a name of no column.
    """
    if plan.names is None:
        positions = sensitive_columns.chosen(
            records, target, rng=generator_for(plan.seed, "choosing columns")
        )
    else:
        positions = sensitive_columns.named(records, plan.names)
    if not positions:
        return None
    found: dict[int, AttributeColumn | _Task] = {}
    for position in positions:
        try:
            column, has_one = sensitive_columns.sensitive(records, position)
        except NotMeasured as reason:
            found[position] = _withheld(records.names[position], str(reason))
        else:
            place = sum(isinstance(task, _Task) for task in found.values())
            found[position] = _Task(column, np.flatnonzero(has_one), place)
    tasks = [task for task in found.values() if isinstance(task, _Task)]
    references = References(
        records,
        [(task.column, task.rows) for task in tasks],
        plan.retrained,
        rounds=plan.rounds,
        rng=generator_for(plan.seed, "reference models of attributes"),
        missing=plan.missing,
    )
    done = [
        _within_time(task, len(tasks), records, target, references, plan, progress, time)
        if isinstance(task, _Task)
        else task
        for task in found.values()
    ]
    return verdict(done, chosen=plan.names is None, shift=plan.shift)


def _withheld(name: str, reason: str) -> AttributeColumn:
    return AttributeColumn(
        name, Verdict(Severity.INCONCLUSIVE, f"“{name}” was not measured. {reason}", ()), withheld=reason
    )


def _within_time(
    task: _Task,
    tasks: int,
    records: Records,
    target: ModelTarget,
    references: References,
    plan: Plan,
    progress: Progress,
    time: Time,
) -> AttributeColumn:
    share = Share(progress, task.place / tasks, (task.place + 1) / tasks)
    limited = time.share(tasks - task.place + 1).limiting(share)
    name = task.column.name
    return unless_it_runs_out(
        lambda: _measured(task, tasks, records, target, references, plan, limited),
        instead=lambda reason: _withheld(name, reason),
    )


def _measured(
    task: _Task,
    tasks: int,
    records: Records,
    target: ModelTarget,
    references: References,
    plan: Plan,
    progress: Progress,
) -> AttributeColumn:
    """The figures of all attacks on one column."""
    name = task.column.name

    def rng(purpose: str) -> np.random.Generator:
        return generator_for(plan.seed, f"{purpose} {name}")

    asked = records.at(task.rows)
    column = replace(task.column, truth=task.column.truth[task.rows])
    fold = dealt(asked, rng=rng("folds of"))
    guess = imputed(
        asked,
        column.truth,
        len(column.values),
        position=column.position,
        fold=fold,
        rng=rng("imputing"),
        progress=Share(progress, 0.0, 0.3),
    )
    nothing = np.zeros((len(asked), len(column.values), 0))
    baseline = combined(guess.probabilities, nothing, column.truth, asked.member, fold, rng=rng("weighing"))
    if float((named(baseline) == column.truth).mean()) >= DETERMINED:
        return _withheld(name, _DETERMINED)
    question = _question(asked, column, task, guess, baseline, records, target, references, progress)
    comparisons = FIGURES * tasks * sum(not attack.sees_given for attack in ATTACKS)
    outcomes: list[AttributeMeasured | NotApplicable | Failed] = []
    posteriors: dict[str, FloatArray] = {}
    for number, attack in enumerate(ATTACKS):
        part = Share(progress, 0.4 + 0.6 * number / len(ATTACKS), 0.4 + 0.6 * (number + 1) / len(ATTACKS))
        row = attack.seen_on(target.gives)
        attempt = partial(_attempt, row, question, posteriors, rng, comparisons, part)
        outcomes.append(run_one(row, target, attempt))
    best, on_file = strongest(outcomes), strongest(outcomes, on_file=True)
    return AttributeColumn(
        name=name,
        verdict=column_verdict(name, outcomes, shift=plan.shift),
        values=column.values,
        intervals=column.intervals,
        members=int(asked.member.sum()),
        non_members=int((~asked.member).sum()),
        imputer=guess.best,
        attacks=tuple(outcomes),
        strongest=None if best is None else best.name,
        strongest_on_file=None if on_file is None else on_file.name,
        parts=() if best is None else parts(posteriors[best.name], baseline, column, asked),
    )


def _question(
    asked: Records,
    column: Sensitive,
    task: _Task,
    guess: Imputation,
    baseline: FloatArray,
    records: Records,
    target: ModelTarget,
    references: References,
    progress: Progress,
) -> Question:
    """All that attacks on one column can learn, with the model's answers about every value."""
    labels, probabilities = _asked(target, records, task, progress)
    return Question(
        target=target,
        records=asked,
        column=column,
        labels=labels,
        probabilities=probabilities,
        given=_given(target, asked),
        imputed=baseline,
        known=guess.known,
        fold=guess.fold,
        estimator=target.estimator,
        candidate=lambda value: task.column.candidate(records, value, task.rows),
        reference_p_y=partial(references.about, task.place),
    )


def _attempt(
    attack: Attack,
    question: Question,
    posteriors: dict[str, FloatArray],
    rng: Callable[[str], np.random.Generator],
    comparisons: int,
    progress: Progress,
) -> AttributeMeasured:
    """Run and measure one attack, and keep its posterior."""
    progress.report(f"inferring {question.column.name}", 0.0)
    evidence = attack.weigh(question, rng=rng(f"{attack.name} on"), progress=progress)
    evidence = evidence.reshape(*question.imputed.shape, -1)
    found = np.isfinite(evidence).all(axis=(1, 2))
    evidence, guess = evidence[found], question.imputed[found]
    truth, member = question.column.truth[found], question.records.member[found]
    if min(int(member.sum()), int((~member).sum())) < LEAST_RECORDS:
        raise Unsuited("There is time for too few records to say anything.")
    posterior = combined(guess, evidence, truth, member, question.fold[found], rng=rng("weighing"))
    if found.all():
        posteriors[attack.name] = posterior
    metrics = measure(
        posterior,
        guess,
        named(evidence.sum(axis=2)) if attack.decides else None,
        truth,
        member,
        confidence=confidence_for(comparisons),
    )
    return AttributeMeasured(
        attack.name,
        attack.title,
        attack.threat_model,
        attack.citation,
        queries=0 if attack.threat_model == "model_file" else question.labels.size,
        metrics=metrics,
        sees_given=attack.sees_given,
    )


def _asked(
    target: ModelTarget, records: Records, task: _Task, progress: Progress
) -> tuple[IntArray, FloatArray | None]:
    """(n, k) labels and (n, k, n_classes) probabilities of the records with each value."""
    values = len(task.column.values)
    labels, probabilities = [], []
    for value in range(values):
        progress.report(f"asking about {task.column.name}", 0.3 + 0.1 * value / values)
        x = task.column.candidate(records, value, task.rows)
        if target.has_probabilities:
            probabilities.append(target.probabilities(x))
            labels.append(probabilities[-1].argmax(axis=1))
        else:
            labels.append(target.labels(x))
    return np.stack(labels, axis=1), np.stack(probabilities, axis=1) if probabilities else None


def _given(target: ModelTarget, asked: Records) -> FloatArray:
    if target.has_probabilities:
        return target.probabilities(asked.x)
    found: FloatArray = (target.labels(asked.x)[:, None] == np.arange(len(target.classes))).astype(np.float64)
    return found
