"""The attack models that are trained on known members and non-members."""

from __future__ import annotations

import inspect
import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier

from leakgauge.estimates import area_estimate, for_cross_fitting
from leakgauge.membership import attack_networks, held_out
from leakgauge.membership.attacks import ATTACKS, label_only, learned_nn, learned_rf
from leakgauge.membership.held_out import AttackModel, fold_by_fold, folds_for, held_out_scores, splits
from leakgauge.membership.measure import measure, slices
from leakgauge.membership.pool import Pool
from leakgauge.membership.proportions import LEARNERS
from leakgauge.progress import Calling, Silent
from leakgauge.report.model import Slice

RNG = np.random.default_rng
MEMBER = np.arange(240) < 120


def features(seed: int = 0) -> np.ndarray:
    drawn = RNG(seed).normal(size=(240, 4))
    drawn[MEMBER, 1] += 1.0
    drawn[:, 3] = 7.0  # says nothing, and has no spread to divide by
    return drawn


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.label)
def test_what_a_split_does_not_know_changes_nothing(learner) -> None:
    attack_model: AttackModel = learner.attack_model
    seen, cut = features(), list(splits(MEMBER, percentage=40, rng=RNG(0)))
    usual = list(attack_model(seen, MEMBER, cut, progress=Silent()))
    for split, scores in zip(cut, usual, strict=True):
        hidden = np.setdiff1d(np.arange(240), split.known)
        lied = MEMBER.copy()
        lied[hidden] = ~lied[hidden]
        (alone,) = attack_model(seen, lied, [split], progress=Silent())
        np.testing.assert_allclose(alone, scores, atol=1e-4)
        assert ((scores >= 0) & (scores <= 1)).all()
        assert scores[MEMBER[split.test]].mean() > scores[~MEMBER[split.test]].mean() + 0.1


def test_the_networks_tell_how_far_they_are() -> None:
    told: list[float] = []
    cut = list(splits(MEMBER, percentage=90, rng=RNG(0)))
    learned_nn.attack_model(features(), MEMBER, cut, progress=Calling(lambda _, done: told.append(done)))
    assert told == sorted(told)
    assert len(told) >= attack_networks.PASSES
    assert told[-1] == 1.0


@pytest.mark.slow
def test_the_networks_take_the_steps_of_adamw_on_a_one_cycle_schedule() -> None:
    ours = torch.nn.Parameter(torch.linspace(-1.0, 1.0, 12).reshape(3, 4))
    theirs = torch.nn.Parameter(ours.detach().clone())
    steps = attack_networks._Steps.of([ours], 50)
    optimiser = torch.optim.AdamW(
        [theirs],
        lr=attack_networks.LEARNING_RATE,
        weight_decay=attack_networks.WEIGHT_DECAY,
        foreach=False,
        fused=True,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, attack_networks.LEARNING_RATE, total_steps=50)
    for _ in range(50):
        steps.take(torch.autograd.grad((ours**2).sum(), [ours]))
        optimiser.zero_grad()
        (theirs**2).sum().backward()
        optimiser.step()
        schedule.step()
        assert torch.equal(ours, theirs)


@pytest.mark.slow
def test_to_train_the_networks_does_not_import_the_compiler_of_pytorch() -> None:
    code = (
        "import sys, numpy as np\n"
        "from leakgauge.membership.attacks import learned_nn\n"
        "from leakgauge.membership.held_out import splits\n"
        "from leakgauge.progress import Silent\n"
        "rng, member = np.random.default_rng(0), np.arange(60) < 30\n"
        "cut = list(splits(member, percentage=50, rng=rng))\n"
        "learned_nn.attack_model(rng.normal(size=(60, 3)), member, cut, progress=Silent())\n"
        "print('torch' in sys.modules, 'torch._dynamo' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["True", "False"]


def test_every_attack_that_learns_from_the_pool_says_so() -> None:
    learning = {
        attack.name
        for attack in ATTACKS
        if "held_out_scores" in vars(inspect.getmodule(attack.score) or held_out)
    }
    assert learning == {attack.name for attack in ATTACKS if attack.cross_fitted}
    assert {"learned_nn", "label_only", "black_box_art"} <= learning


def test_what_learned_from_nothing_is_not_called_better_than_guessing() -> None:
    """Taken for independent, out-of-fold scores would leave out guessing in one of five pools."""
    rng = RNG(5)
    member = np.arange(600) < 300
    attack_model = fold_by_fold(label_only.fit_and_score)
    missed, missed_as_independent, repeats = 0, 0, 80
    for _ in range(repeats):
        scores = held_out_scores(
            attack_model, rng.normal(size=(600, 7)), member, percentage=90, rng=rng, progress=Silent()
        )
        usual = area_estimate(scores, member)
        found = for_cross_fitting(usual, folds_for(90))
        missed += not found.low <= 0.5 <= found.high
        missed_as_independent += not usual.low <= 0.5 <= usual.high
    assert missed <= 0.12 * repeats  # .07 and two standard errors of this simulation
    assert missed_as_independent >= 0.12 * repeats


def test_every_figure_of_an_attack_that_learns_allows_for_it() -> None:
    pool = Pool(np.zeros((600, 1)), np.arange(600) % 2, np.arange(600) < 300, np.arange(600))
    scores = RNG(0).normal(size=600) + pool.member
    usual, found = (
        measure(scores, scores >= 0.5, pool, comparisons=9, rng=RNG(1), cross_fitted=learns)
        for learns in (False, True)
    )
    for name in (
        "auc",
        "auc_corrected",
        "accuracy",
        "accuracy_corrected",
        "accuracy_per_class",
        "member_accuracy",
        "non_member_accuracy",
        "advantage",
    ):
        narrow, wide = getattr(usual, name), getattr(found, name)
        assert wide.low < narrow.low < wide.value == narrow.value < narrow.high < wide.high, name
    for rates, wider in (
        (usual.tpr_at_fpr, found.tpr_at_fpr),
        (usual.tpr_at_fpr_corrected, found.tpr_at_fpr_corrected),
    ):
        assert wider["0.1"].low < rates["0.1"].low < rates["0.1"].high < wider["0.1"].high
        assert wider["0.001"] == rates["0.001"]  # withheld
    assert_slices_widen(
        *(
            slices(scores, scores >= 0.5, pool, class_names=("a", "b"), cross_fitted=learns)
            for learns in (False, True)
        ),
        ("auc", "accuracy"),
    )


def test_every_figure_of_a_chosen_threshold_allows_for_it() -> None:
    pool = Pool(np.zeros((600, 1)), np.arange(600) % 2, np.arange(600) < 300, np.arange(600))
    scores = RNG(0).normal(size=600) + pool.member
    given, chosen = (
        measure(scores, scores >= 0.5, pool, comparisons=9, rng=RNG(1), threshold_chosen=chosen)
        for chosen in (False, True)
    )
    for name in ("accuracy", "accuracy_corrected", "member_accuracy", "non_member_accuracy", "advantage"):
        narrow, wide = getattr(given, name), getattr(chosen, name)
        assert wide.low < narrow.low < wide.value == narrow.value < narrow.high < wide.high, name
    assert chosen.accuracy_per_class == given.accuracy_per_class  # its thresholds are always chosen
    assert (chosen.auc, chosen.tpr_at_fpr) == (given.auc, given.tpr_at_fpr)  # no threshold enters
    learned = [
        measure(
            scores, scores >= 0.5, pool, comparisons=9, rng=RNG(1), cross_fitted=True, threshold_chosen=it
        )
        for it in (False, True)
    ]
    assert learned[0] == learned[1]  # wide enough already
    assert_slices_widen(
        *(
            slices(scores, scores >= 0.5, pool, class_names=("a", "b"), threshold_chosen=chosen)
            for chosen in (False, True)
        ),
        ("accuracy",),
    )


def assert_slices_widen(narrow: tuple[Slice, ...], wide: tuple[Slice, ...], names: tuple[str, ...]) -> None:
    for one, other in zip(narrow, wide, strict=True):
        for name in names:
            assert getattr(other, name).low < getattr(one, name).low, name
            assert getattr(other, name).high > getattr(one, name).high, name


@pytest.mark.parametrize(
    ("known", "rows"), [(400, 400), (1_000, 1_000), (1_600, 1_000), (3_000, 1_500), (9_000, 4_000)]
)
def test_trees_of_the_forest_are_grown_on_half_of_many_records(monkeypatch, known: int, rows: int) -> None:
    made = []

    class OneTree(RandomForestClassifier):
        def __init__(self, **settings: int) -> None:
            made.append(settings)
            super().__init__(**{**settings, "n_estimators": 1})

    monkeypatch.setattr(learned_rf, "RandomForestClassifier", OneTree)
    seen, member = RNG(0).normal(size=(known, 1)), np.arange(known) % 2 == 0
    assert learned_rf.fit_and_score(seen, member, seen[:7], seed=0).shape == (7,)
    assert [settings["max_samples"] for settings in made] == [rows]
