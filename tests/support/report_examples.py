"""Reports as audits make them, with figures computed from drawn scores, for tests to render and to break."""

from __future__ import annotations

import dataclasses
import functools
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from leakgauge.estimates import (
    Estimate,
    RateAtLimit,
    area_estimate,
    clopper_pearson,
    cross_fitted_decisions,
    empirical_epsilon,
    mean_of_two,
    proportion,
    step_roc,
    true_positive_rate_at,
)
from leakgauge.report.model import (
    Audited,
    Evaluator,
    EvasionMeasured,
    EvasionPoint,
    ExposedRecord,
    Failed,
    Insight,
    InversionMeasured,
    InversionMetrics,
    InversionReport,
    InversionTarget,
    Judgement,
    LossPoint,
    Masking,
    MembershipMeasured,
    MembershipMetrics,
    MembershipReport,
    MembershipTarget,
    NotApplicable,
    Notice,
    PriorKnowledge,
    ProportionRow,
    Prototypes,
    Recognition,
    Recommendation,
    Reconstruction,
    Report,
    Severity,
    Similarity,
    SimilarityRow,
    Slice,
    Snapshot,
    Tradeoffs,
    TriedChange,
    Verdict,
)

LIMITS = ("0.01", "0.001")
CORRECTED = 0.995


def share(value: float, n: int) -> Estimate:
    return proportion(round(value * n), n)


def measured(
    name: str, title: str, threat_model: Any, citation: str, *, strength: float, n: int, queries: int = 0
) -> MembershipMeasured:
    rng = np.random.default_rng([len(name), n])
    member = np.arange(2 * n) < n
    scores = np.where(member, rng.normal(strength, 1.4, 2 * n), rng.normal(0, 1, 2 * n))
    roc = step_roc(scores, member)
    decisions = cross_fitted_decisions(scores, member, rng=rng)
    sides = [
        (int(decisions[member].sum()), n),
        (int((~decisions[~member]).sum()), n),
    ]
    accuracy = mean_of_two(*(proportion(*side) for side in sides))
    kept = np.unique(np.geomspace(1, 2 * n, 120).astype(int) - 1)
    return MembershipMeasured(
        name=name,
        title=title,
        threat_model=threat_model,
        citation=citation,
        queries=queries,
        metrics=MembershipMetrics(
            auc=area_estimate(scores, member),
            auc_corrected=area_estimate(scores, member, confidence=CORRECTED),
            accuracy=accuracy,
            accuracy_corrected=mean_of_two(*(proportion(*side, confidence=CORRECTED) for side in sides)),
            accuracy_per_class=accuracy,
            member_accuracy=proportion(*sides[0]),
            non_member_accuracy=proportion(*sides[1]),
            advantage=Estimate(2 * accuracy.value - 1, 2 * accuracy.low - 1, 2 * accuracy.high - 1, 2 * n),
            tpr_at_fpr={key: true_positive_rate_at(roc, float(key)) for key in LIMITS},
            tpr_at_fpr_corrected={
                key: true_positive_rate_at(roc, float(key), confidence=CORRECTED) for key in LIMITS
            },
            empirical_epsilon=empirical_epsilon(roc),
        ),
        roc=tuple((float(roc.false_positives[at] / n), float(roc.true_positives[at] / n)) for at in kept),
        reads="how many training records of each class stand in each leaf"
        if threat_model == "model_file"
        else None,
    )


def proportion_rows(n: int) -> tuple[ProportionRow, ...]:
    rows = []
    for place, (attack, model) in enumerate(
        (("learned_nn", "NN"), ("learned_rf", "RF"), ("learned_gb", "GB"))
    ):
        for percentage in range(10, 100, 10):
            held_out = max(n * (100 - percentage) // 100, 10)
            level = 0.60 + 0.025 * place + 0.05 * (1 - np.exp(-percentage / 25))
            members, others = share(level + 0.09, held_out), share(level - 0.09, held_out)
            rows.append(
                ProportionRow(
                    percentage=percentage,
                    records=2 * n * percentage // 100,
                    attack=attack,
                    attack_model=model,  # type: ignore[arg-type]  # a literal of the tuple above
                    member_accuracy=members,
                    non_member_accuracy=others,
                    attack_accuracy=mean_of_two(members, others),
                )
            )
    return tuple(rows)


def membership_report(*, n: int = 898, classes: int = 10) -> MembershipReport:
    rows = proportion_rows(n)
    best = tuple(
        max((row for row in rows if row.percentage == at), key=lambda row: row.attack_accuracy.value)
        for at in range(10, 100, 10)
    )
    rng = np.random.default_rng(5)
    per_class = max(n // classes, 1)
    slices = []
    for label in range(classes):
        value = 0.58 + 0.3 * float(rng.random())
        low, high = clopper_pearson(round(value * per_class), per_class)
        enough = per_class >= 8 and label != classes - 1
        slices.append(
            Slice(
                by="class",
                name=str(label),
                members=per_class,
                non_members=per_class,
                auc=Estimate(value, min(low, value), max(high, value), 2 * per_class) if enough else None,
                accuracy=share(value - 0.05, 2 * per_class) if enough else None,
                withheld=None if enough else "fewer than 8 members",
            )
        )
    slices += [
        Slice("group", group, 300, 280, share(value, 580), share(value - 0.06, 580))
        for group, value in (("under 30", 0.81), ("30 to 60", 0.70), ("over 60", 0.74))
    ]
    return MembershipReport(
        verdict=Verdict(
            Severity.HIGH,
            "An attacker who sees only the model’s probabilities is right about 75 of 100 records; "
            "guessing gives 50.",
            (
                "Learned attack, random forest: AUC 0.835, between 0.81 and 0.86 with the interval corrected "
                "for the number of attacks.",
                "At 1 % false positives it finds 21 % of the members.",
            ),
        ),
        parameters={"label_column": "label", "proportions": list(range(10, 100, 10)), "seed": 0},
        inputs={"model.pkl": "3b" * 32, "train_mia.csv": "a0" * 32, "test_mia.csv": "7f" * 32},
        versions={"leakgauge": "0.1.0", "numpy": "2.4.6", "scikit-learn": "1.9.1", "torch": "2.13.0"},
        seed=0,
        target=MembershipTarget(
            type="RandomForestClassifier",
            classes=tuple(str(label) for label in range(classes)),
            features=64,
            members=n,
            non_members=n,
            train_accuracy=share(1.0, n),
            test_accuracy=share(0.962, n),
        ),
        warnings=(Notice("duplicates", "3 rows stand in both files; they were dropped before the audit."),),
        insights=(
            Insight(
                "ease",
                "How easily is it told that a record was in the training data?",
                "Easily: shown a member and a non-member, an attacker who sees only probabilities picks the "
                "member in 84 of 100 cases.",
                {"area_under_roc": share(0.835, n), "accuracy": share(0.752, 2 * n)},
            ),
            Insight(
                "difficulty",
                "How hard is it to build a better attack?",
                "The leak has been read out already: beyond 180 known records neither more data nor a richer "
                "attack model gains more than two points.",
                {"gain_from_more_data": Estimate(0.011, -0.014, 0.035, 2 * n)},
            ),
        ),
        attacks=(
            measured(
                "gap", "Prediction correct?", "labels", "Yeom et al. 2018", strength=0.3, n=n, queries=2 * n
            ),
            measured(
                "loss",
                "Loss threshold",
                "probabilities",
                "Yeom et al. 2018",
                strength=1.0,
                n=n,
                queries=2 * n,
            ),
            measured(
                "entropy", "Entropy threshold", "probabilities", "Song & Mittal 2021", strength=0.9, n=n
            ),
            measured(
                "learned_rf",
                "Learned attack, random forest",
                "probabilities",
                "Shokri et al. 2017",
                strength=1.5,
                n=n,
                queries=2 * n,
            ),
            measured(
                "rmia",
                "Relative likelihood (RMIA)",
                "probabilities",
                "Zarifzadeh et al. 2024",
                strength=2.2,
                n=n,
                queries=2 * n,
            ),
            Failed(
                "lira",
                "Likelihood ratio (LiRA)",
                "probabilities",
                "Carlini et al. 2022",
                "the reference models did not finish in their share of the time",
            ),
            measured("leaf_counts", "Leaf counts", "model_file", "cf. Ferry et al. 2024", strength=3.0, n=n),
            NotApplicable(
                "boosting_equations",
                "Boosting equations",
                "model_file",
                "this work",
                "the target is a forest, not a boosted ensemble",
            ),
        ),
        table=best,
        leak_by_proportion=rows,
        slices=tuple(slices),
        records=tuple(
            ExposedRecord(row, "rmia", proportion(place // 3, n))
            for place, row in enumerate(range(3, 400, 13))
        ),
        recommendations=(
            Recommendation(
                "Ask for more records in a leaf",
                "Train again with min_samples_leaf=5.",
                "the strongest attack on probabilities fell from AUC 0.84 to 0.64 (0.62–0.66), "
                "for 1.3 points of accuracy.",
            ),
            Recommendation(
                "Do not publish the model file",
                "What training left in the file tells more than the answers do.",
                "with the file AUC 0.98, with probabilities 0.93.",
            ),
        ),
        tradeoffs=Tradeoffs(
            changes=(
                TriedChange(
                    "as it is", "As it is", "as_it_is", share(0.96, n), "rmia", share(0.84, 2 * n), None, None
                ),
                *(
                    TriedChange(
                        name,
                        title,
                        kind,  # type: ignore[arg-type]  # a literal of the tuples below
                        share(accuracy, n),
                        "rmia",
                        share(leakage, 2 * n),
                        Estimate(accuracy - 0.96, accuracy - 0.99, accuracy - 0.93, n),
                        Estimate(leakage - 0.84, leakage - 0.88, leakage - 0.80, 2 * n),
                    )
                    for name, title, kind, accuracy, leakage in (
                        ("min_samples_leaf=5", "Leaves of at least 5 records", "training", 0.95, 0.64),
                        ("n_estimators=25", "Only 25 trees", "training", 0.95, 0.76),
                        ("1 decimal", "Answers to one decimal", "output", 0.96, 0.80),
                    )
                ),
            ),
            reference_models=4,
            knee="min_samples_leaf=5",
            sentence="Of 3 changes tried, “leaves of at least 5 records” is the knee: it takes the AUC of "
            "the quick attacks from 0.84 to 0.64 (0.62 to 0.66) and costs 1.3 points of accuracy.",
            left_out=("Trees at most 8 deep: no time was left",),
        ),
    )


def png(seed: int, *, size: int = 28) -> bytes:
    """A small grey image of a blob, without an imaging library."""
    y, x = np.mgrid[0:size, 0:size]
    grey = 200 * np.exp(-((x - size / 2) ** 2 + (y - 9 - seed % 9) ** 2) / 40)
    noise = np.random.default_rng(seed).normal(0, 8, (size, size))
    pixels = np.clip(grey + noise, 0, 255).astype(np.uint8)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def inversion_audited(*, classes: int = 10, size: int = 28) -> Audited:
    files = {"original.png": png(99, size=size)}
    reconstructions, snapshots, curve = [], [], []
    for target_class in range(classes):
        for place, iterations in enumerate((250, 500, 1000, 1500)):
            name = f"spsa-{target_class}-{iterations}.png"
            files[name] = png(10 * target_class + place, size=size)
            likeness = Similarity(0.2 + 0.1 * place, 0.15 + 0.08 * place, 0.09 - 0.01 * place, 10.5 + place)
            snapshots.append(Snapshot("spsa", target_class, iterations, 2 * iterations, name, likeness))
        leakage = Estimate(0.31 - 0.02 * target_class, 0.1, 0.42, 3)
        reconstructions.append(
            Reconstruction(
                attack="spsa",
                target_class=target_class,
                image=f"spsa-{target_class}-1500.png",
                queries=3000,
                iterations=1500,
                similarity=Similarity(0.55 - 0.02 * target_class, 0.41, 0.06, 12.3),
                chance=0.33,
                chance_source="drawings of other classes",
                ceiling=1.0,
                leakage=leakage,
                leakage_corrected=Estimate(leakage.value, 0.05, 0.48, 3),
                robustness=Estimate(100 * (1 - leakage.value), 58.0, 90.0, 3),
                confidence=0.999,
                rank=1 + target_class % 3 if target_class else None,
                ssim_chance=0.3,
                ssim_ceiling=1.0,
                judgement=Judgement(True, 0.9, 0.6, 0.4) if target_class else None,
            )
        )
        curve += [
            LossPoint(
                "spsa",
                target_class,
                at,
                2 * at,
                float(9 - 15 * (1 - np.exp(-at / 300)) + target_class / 5),
                float(1 / (1 + np.exp(-(at - 300) / 80))),
                float(0.5 - 0.5 * np.exp(-at / 400)) if target_class == 0 else None,
            )
            for at in range(0, 1501, 50)
        ]
    report = InversionReport(
        verdict=Verdict(
            Severity.MODERATE,
            "From the model’s answers alone an attacker draws an image that comes 31 of 100 steps "
            "from chance towards your image.",
            ("SPSA, class 0: leakage 31 % (10–42), over 3 seeds.",),
        ),
        parameters={"class_to_attack": 1, "learning_rate": 1e-7, "iterations": [250, 500, 1000, 1500]},
        inputs={"model.keras": "5d" * 32, "input_image.png": "11" * 32},
        versions={"leakgauge": "0.1.0", "keras": "3.15.1"},
        seed=0,
        target=InversionTarget(
            "convolutional network",
            "keras",
            classes,
            (size, size, 1),
            (0.0, 1.0),
            "probabilities",
            "onnxruntime",
        ),
        masking=Masking(
            ("rounded",),
            0.01,
            None,
            Estimate(0.25, 0.18, 0.33, 128),
            529,
            "slope_only",
            "The model’s probabilities are rounded to steps of 0.01. This hides the slope.",
        ),
        warnings=(),
        insights=(
            Insight(
                "queries",
                "How many questions does it take?",
                "After 1,000 of 3,000 queries the drawing was as good as it got.",
                {"queries": Estimate(1000, 800, 1400, 3)},
            ),
        ),
        attacks=(
            InversionMeasured(
                "spsa",
                "Simultaneous perturbation (SPSA)",
                "probabilities",
                "Spall 1992",
                3000 * classes,
                InversionMetrics(
                    Estimate(0.22, 0.11, 0.33, 3 * classes),
                    Estimate(78.0, 67.0, 89.0, 3 * classes),
                    Estimate(0.46, 0.39, 0.52, 3 * classes),
                    Estimate(0.41, 0.36, 0.46, 3 * classes),
                ),
            ),
            NotApplicable(
                "miface", "MIFace", "model_file", "Fredrikson et al. 2015", "no gradients in ONNX files"
            ),
        ),
        table=tuple(SimilarityRow(at, 0.15 + at / 6000) for at in (250, 500, 1000, 1500)),
        original="original.png",
        reconstructions=tuple(reconstructions),
        snapshots=tuple(snapshots),
        loss_curve=tuple(curve),
        recommendations=(
            Recommendation(
                "Round the answers", "Return two decimals.", "leakage of SPSA fell from 31 to 12 %."
            ),
        ),
        prior=PriorKnowledge("bundle", 899, 40),
        evaluator=Evaluator("reference", Estimate(0.94, 0.9, 0.97, 200)),
        prototypes=(Prototypes("spsa", classes, Estimate(0.62, 0.58, 0.66, 500), 1 / classes, 0.79),),
        recognition=(Recognition("spsa", Estimate(0.9, 0.5, 1.0, classes), 1 / classes, classes > 4),),
        evasion=EvasionMeasured(
            "pgd_secml_torch",
            "Evasion by SecML-Torch: projected gradient descent",
            "model_file",
            "Madry et al. 2018",
            200,
            classes,
            1_400,
            tuple(
                EvasionPoint(levels / 255, proportion(right, 200))
                for levels, right in (
                    (0, 196),
                    (1, 195),
                    (2, 190),
                    (4, 171),
                    (8, 120),
                    (16, 31),
                    (32, 2),
                    (64, 0),
                )
            ),
        ),
    )
    return Audited(report, files)


def with_every_text(value: Report, replace: Callable[[str], str]) -> Report:
    """`value` with every free text replaced; fields that choose among fixed words stay."""
    fixed = {
        "kind",
        "status",
        "threat_model",
        "severity",
        "schema_version",
        "by",
        "attack_model",
        "output",
        "source",
        "found",
        "effect",
    }
    images = {"image", "original"}

    def visit(item: Any) -> Any:
        if isinstance(item, str):
            return replace(item)
        if isinstance(item, tuple | list):
            return type(item)(visit(part) for part in item)
        if isinstance(item, dict):
            return {replace(key) if key not in LIMITS else key: visit(part) for key, part in item.items()}
        if dataclasses.is_dataclass(item) and not isinstance(item, type):
            changed = {
                part.name: visit(getattr(item, part.name))
                for part in dataclasses.fields(item)
                if part.name not in fixed | images
            }
            return dataclasses.replace(item, **changed)
        return item

    result: Report = visit(value)
    return result


REACH = 0.03
"""How far the ends of the area of a `release` lie from it."""


@functools.cache
def _base():
    return membership_report(n=60)


@functools.cache
def _attack():
    return measured("rmia", "Rmia", "probabilities", "someone", strength=0.1, n=60)


def release(area, *, rate=0.05, reach=REACH, **changed):
    """A report whose only attack has the given area, within `reach`, and rate of members found."""
    found = None if rate is None else RateAtLimit(rate, rate - 0.04, rate + 0.04, 400, 4)
    withheld = RateAtLimit(None, None, None, 400, 0, "too few non-members")
    metrics = dataclasses.replace(
        _attack().metrics,
        auc_corrected=Estimate(area, area - reach, area + reach, 800),
        tpr_at_fpr_corrected={"0.01": found or withheld},
    )
    attack = dataclasses.replace(_attack(), metrics=metrics)
    return dataclasses.replace(_base(), attacks=(attack,), **changed)
