from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from template_target import SIDE, TemplateTarget, public_images, templates

from leakgauge.attacks.row import Unsuited
from leakgauge.errors import UnsupportedModel
from leakgauge.exhaustion import OUT_OF_MEMORY, Time
from leakgauge.inversion.attacks import ATTACKS
from leakgauge.inversion.priors.low_frequencies import low_frequencies
from leakgauge.inversion.priors.pca import principal_components
from leakgauge.inversion.protocol import Attack, AttackSettings, Frame, Reconstructed
from leakgauge.inversion.running import Run, choose_controls, informed, run_attacks
from leakgauge.inversion.similarity import pearson
from leakgauge.inversion.time_budget import FEWEST_ITERATIONS
from leakgauge.progress import Silent
from leakgauge.report.model import Failed, NotApplicable

SHAPE = (SIDE, SIDE, 1)
RELATIVES = public_images(60)
RELATED = principal_components(list(RELATIVES))
BY_NAME = {attack.name: attack for attack in ATTACKS}
ASKING = [attack for attack in ATTACKS if attack.threat_model != "model_file"]
STARTED = [attack for attack in ATTACKS if attack.name in ("spsa", "cma_es", "label_only", "nes")]


def settings(start: float = 0.5, **changes: object) -> AttackSettings:
    plain = AttackSettings(
        space=low_frequencies(np.full(SHAPE, start, dtype=np.float32)), iterations=(300,), seeds=2
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # the fields are those of AttackSettings


def told_to(attack: Attack, **changes: object) -> AttackSettings:
    """What the attack is told; one that looks up gets images to do so."""
    told = settings(**changes)  # type: ignore[arg-type]  # as above
    return informed(told, RELATED.space, RELATIVES) if attack.looks_up else told


def reconstruct(
    attack: Attack,
    target_class: int,
    told: AttackSettings,
    *,
    budget: int = 10**6,
    seed: int = 0,
    sharpness: float = 40.0,
) -> Reconstructed:
    return attack.reconstruct(
        TemplateTarget(sharpness=sharpness),
        target_class,
        budget=budget,
        rng=np.random.default_rng(seed),
        progress=Silent(),
        settings=told,
    )


@pytest.mark.parametrize("attack", ASKING, ids=lambda attack: attack.name)
@pytest.mark.parametrize("target_class", [0, 1, 2])
def test_a_reconstruction_is_most_like_its_own_class(attack: Attack, target_class: int) -> None:
    reconstruction = reconstruct(attack, target_class, told_to(attack)).frames[-1].images.mean(axis=0)
    similarity = [pearson(reconstruction, template) for template in templates()]
    assert int(np.argmax(similarity)) == target_class
    # no auxiliary image is much like the template of class 1
    assert similarity[target_class] > (0.1 if attack.looks_up else 0.4)


@pytest.mark.parametrize("attack", ASKING, ids=lambda attack: attack.name)
@pytest.mark.parametrize("budget", [4, 7, 50, 403])
def test_the_budget_is_never_passed(attack: Attack, budget: int) -> None:
    target = TemplateTarget()
    try:
        reconstructed = attack.reconstruct(
            target,
            0,
            budget=budget,
            rng=np.random.default_rng(0),
            progress=Silent(),
            settings=told_to(attack),
        )
    except Unsuited:  # some need more than a pair for their first step, and must then ask nothing
        assert budget < 403
        assert target.queries == 0
        return
    assert target.queries <= budget
    assert reconstructed.frames[-1].queries == target.queries


@pytest.mark.parametrize("attack", ASKING, ids=lambda attack: attack.name)
def test_a_budget_below_one_pair_is_not_applicable(attack: Attack) -> None:
    with pytest.raises(Unsuited):
        reconstruct(attack, 0, told_to(attack), budget=3)


@pytest.mark.parametrize("attack", ASKING, ids=lambda attack: attack.name)
def test_the_same_seed_reconstructs_the_same_and_another_does_not(attack: Attack) -> None:
    random = attack.name not in ("auxiliary_mean", "auxiliary_labels", "auxiliary_image")
    first, again, other = (
        reconstruct(attack, 0, told_to(attack), seed=seed).frames[-1].images for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert np.array_equal(first, other) != random


@pytest.mark.parametrize("attack", ASKING, ids=lambda attack: attack.name)
def test_a_snapshot_is_what_a_shorter_run_gives(attack: Attack) -> None:
    long = reconstruct(attack, 0, told_to(attack, iterations=(50, 120, 300)))
    assert [frame.iterations for frame in long.frames] == [50, 120, 300]
    for frame in long.frames:
        short = reconstruct(attack, 0, told_to(attack, iterations=(frame.iterations,))).frames[-1]
        assert np.array_equal(short.images, frame.images)
        assert short.queries == frame.queries


@pytest.mark.parametrize("rate", [1e-6, 0.01, 0.2, 0.5, 1.0])
@pytest.mark.parametrize("start", [0.0, 0.5, 1.0])
def test_no_learning_rate_wrecks_the_reconstruction(rate: float, start: float) -> None:
    reconstructed = reconstruct(ATTACKS[0], 1, settings(start, learning_rate=rate, iterations=(600,)))
    assert pearson(reconstructed.frames[-1].images.mean(axis=0), templates()[1]) > 0.4
    departed = [notice.code for notice in reconstructed.departures]
    assert departed == ([] if rate == 0.2 else ["learning_rate"])


def test_the_loss_falls_and_the_confidence_rises() -> None:
    curve = reconstruct(ATTACKS[0], 0, settings(1.0)).curve
    assert curve[-1].loss < curve[0].loss
    assert curve[-1].confidence > curve[0].confidence
    assert [point.iteration for point in curve] == sorted({point.iteration for point in curve})


def test_a_target_that_is_hard_to_convince_is_reconstructed_all_the_same() -> None:
    reconstructed = reconstruct(ATTACKS[0], 0, settings(iterations=(600,)), sharpness=4.0)
    assert pearson(reconstructed.frames[-1].images.mean(axis=0), templates()[0]) > 0.4


@pytest.mark.parametrize("attack", ASKING, ids=lambda attack: attack.name)
def test_answers_that_are_all_but_flat_are_reconstructed_from_as_well(attack: Attack) -> None:
    plain = reconstruct(attack, 1, told_to(attack))
    flat = reconstruct(attack, 1, told_to(attack, temperature=1e-6), sharpness=40e-6)
    similarity = pearson(flat.frames[-1].images.mean(axis=0), plain.frames[-1].images.mean(axis=0))
    assert similarity > 0.99


def test_a_budget_cuts_the_run_and_says_so() -> None:
    reconstructed = reconstruct(ATTACKS[0], 0, settings(iterations=(50, 300)), budget=400)
    assert [frame.iterations for frame in reconstructed.frames] == [50, 100]
    assert [notice.code for notice in reconstructed.departures] == ["iterations_cut"]


class LabelsAlone(TemplateTarget):
    has_probabilities = False

    def labels(self, x):  # type: ignore[no-untyped-def]  # a double
        return super().probabilities(x).argmax(axis=1)

    def probabilities(self, x):  # type: ignore[no-untyped-def]  # a double
        raise AssertionError("asked for probabilities")


@pytest.mark.parametrize("target_class", [0, 1, 2])
def test_labels_alone_are_enough_and_nothing_else_is_asked(target_class: int) -> None:
    label_only = next(attack for attack in ATTACKS if attack.name == "label_only")
    reconstructed = label_only.reconstruct(
        LabelsAlone(),
        target_class,
        budget=10**6,
        rng=np.random.default_rng(0),
        progress=Silent(),
        settings=settings(iterations=(600,)),
    )
    reconstruction = reconstructed.frames[-1].images.mean(axis=0)
    similarity = [pearson(reconstruction, template) for template in templates()]
    assert int(np.argmax(similarity)) == target_class
    assert reconstructed.departures == ()


def test_a_class_that_no_image_bears_is_said_and_ends_within_the_budget() -> None:
    class Never(LabelsAlone):
        def labels(self, x):  # type: ignore[no-untyped-def]  # a double
            return np.zeros_like(super().labels(x))

    label_only = next(attack for attack in ATTACKS if attack.name == "label_only")
    target = Never()
    reconstructed = label_only.reconstruct(
        target,
        1,
        budget=2_400,
        rng=np.random.default_rng(0),
        progress=Silent(),
        settings=settings(iterations=(600,)),
    )
    assert [notice.code for notice in reconstructed.departures] == ["no_start"]
    assert target.queries <= 2_400
    assert np.isfinite(reconstructed.frames[-1].images).all()


@pytest.mark.parametrize("attack", [one for one in ATTACKS if one.by_default], ids=lambda attack: attack.name)
def test_the_shortest_audit_in_a_hurry_still_pays_for_a_step_of_every_attack(attack: Attack) -> None:
    told = told_to(attack, iterations=(FEWEST_ITERATIONS,))
    reconstructed = reconstruct(attack, 0, told, budget=2 * FEWEST_ITERATIONS * told.seeds)
    assert reconstructed.curve or attack.name.startswith("auxiliary")


class NeverTheClass(TemplateTarget):
    """Gives every image another label than the first."""

    def labels(self, x):  # type: ignore[no-untyped-def]  # a double
        return np.maximum(super().labels(x), 1)


@pytest.mark.parametrize("iterations", [3, 6, 12, 25, 26, 60, 300])
def test_looking_for_a_start_leaves_queries_for_the_search(iterations: int) -> None:
    """However few they are, half of them at least are steps, and the curve shows them."""
    target, told = NeverTheClass(), settings(iterations=(iterations,))
    found = BY_NAME["label_only"].reconstruct(
        target, 0, budget=10**6, rng=np.random.default_rng(0), progress=Silent(), settings=told
    )
    assert found.curve
    assert [notice.code for notice in found.departures] == ["no_start"]
    assert target.queries <= 2 * told.seeds * iterations


@pytest.mark.parametrize("attack", STARTED, ids=lambda attack: attack.name)
def test_a_budget_that_a_look_up_leaves_no_step_of_is_said(attack: Attack) -> None:
    told = informed(settings(iterations=(1,), seeds=4), RELATED.space, RELATIVES)
    try:
        assert reconstruct(attack, 0, told).curve
    except Unsuited as reason:
        assert "does not pay for one step" in str(reason)  # noqa: PT017 -- either will do


@pytest.mark.parametrize("attack", ASKING, ids=lambda attack: attack.name)
@pytest.mark.parametrize("temperature", [0.5, 3.0])
def test_answers_a_rounding_below_0_or_off_1_break_no_attack(attack: Attack, temperature: float) -> None:
    class Rounded(TemplateTarget):
        def probabilities(self, x):  # type: ignore[no-untyped-def]  # a double
            answers = super().probabilities(x) * (1 + 1e-6)
            answers[answers < 0.2] = -1e-8
            return answers

    told = told_to(attack, iterations=(40,), temperature=temperature)
    with np.errstate(all="raise", under="ignore"):
        found = attack.reconstruct(
            Rounded(), 0, budget=10**6, rng=np.random.default_rng(0), progress=Silent(), settings=told
        )
    assert np.isfinite(found.frames[-1].images).all()
    assert all(np.isfinite([point.loss, point.confidence]).all() for point in found.curve)


# ------------------------------------------------------------ looking a class up among auxiliary images

LOOK_UPS = [attack for attack in ATTACKS if attack.looks_up]


@pytest.mark.parametrize("attack", LOOK_UPS, ids=lambda attack: attack.name)
def test_without_images_nothing_is_looked_up_and_the_reason_says_what_to_bring(attack: Attack) -> None:
    for told in (settings(), informed(settings(), RELATED.space)):
        with pytest.raises(Unsuited, match="folder auxiliary"):
            reconstruct(attack, 0, told)


def test_the_mean_is_weighted_by_probability_within_the_images_of_each_seed() -> None:
    told = informed(settings(seeds=3), RELATED.space, RELATIVES)
    (found,) = reconstruct(BY_NAME["auxiliary_mean"], 1, told).frames
    weights = TemplateTarget().probabilities(RELATIVES)[:, 1]
    for seed in range(3):
        expected = np.average(RELATIVES[seed::3], axis=0, weights=weights[seed::3])
        np.testing.assert_allclose(found.images[seed], expected, atol=1e-5)
    assert found.queries == len(RELATIVES)


def test_from_labels_it_is_the_mean_of_those_that_bear_the_label_and_no_probability_is_asked() -> None:
    told = informed(settings(seeds=1), RELATED.space, RELATIVES)
    found = BY_NAME["auxiliary_labels"].reconstruct(
        LabelsAlone(), 2, budget=10**6, rng=np.random.default_rng(0), progress=Silent(), settings=told
    )
    bearing = RELATIVES[TemplateTarget().labels(RELATIVES) == 2]
    np.testing.assert_allclose(found.frames[-1].images[0], bearing.mean(axis=0), atol=1e-5)


def test_a_label_that_no_image_bears_is_said_and_shows_the_plain_mean() -> None:
    unlike = np.repeat(templates()[:1], 30, axis=0)
    told = informed(settings(seeds=2), RELATED.space, unlike)
    found = reconstruct(BY_NAME["auxiliary_labels"], 1, told)
    assert [notice.code for notice in found.departures] == ["none_looked_up"]
    np.testing.assert_allclose(found.frames[-1].images[0], templates()[0], atol=1e-5)


def test_all_classes_are_looked_up_in_the_same_answers() -> None:
    target = TemplateTarget()
    told = informed(settings(), RELATED.space, RELATIVES)
    for number in range(3):
        BY_NAME["auxiliary_mean"].reconstruct(
            target, number, budget=10**6, rng=np.random.default_rng(0), progress=Silent(), settings=told
        )
    assert target.queries == len(RELATIVES)


@pytest.mark.parametrize("attack", STARTED, ids=lambda attack: attack.name)
def test_a_search_that_looks_up_first_stays_within_its_budget_and_knows_its_class(attack: Attack) -> None:
    target = TemplateTarget()
    told = informed(settings(), RELATED.space, RELATIVES)
    found = attack.reconstruct(
        target, 1, budget=403, rng=np.random.default_rng(0), progress=Silent(), settings=told
    )
    assert target.queries == found.frames[-1].queries <= 403
    similarity = [pearson(found.frames[-1].images.mean(axis=0), template) for template in templates()]
    assert int(np.argmax(similarity)) == 1


@pytest.mark.parametrize("answer", [0.0, 1.0], ids=["nothing of the class", "all of the class"])
def test_answers_without_any_difference_break_no_look_up(answer: float) -> None:
    class Flat(TemplateTarget):
        def probabilities(self, x):  # type: ignore[no-untyped-def]  # a double
            rows = np.zeros((len(x), 3))
            rows[:, 0], rows[:, 1] = answer, 1.0 - answer
            return rows

    told = informed(settings(iterations=(100,)), RELATED.space, RELATIVES)
    for attack in [*LOOK_UPS, *STARTED]:
        found = attack.reconstruct(
            Flat(), 0, budget=10**6, rng=np.random.default_rng(0), progress=Silent(), settings=told
        )
        assert np.isfinite(found.frames[-1].images).all(), attack.name


# ------------------------------------------------------------ running a table row


def test_what_is_reconstructed_does_not_depend_on_the_number_of_processors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def reconstructions(processors: int) -> list[np.ndarray]:
        monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(processors)))
        told = settings(iterations=(30,))
        outcomes = run_attacks(
            [(attack, told) for attack in ATTACKS if attack.by_default],
            TemplateTarget(),
            classes=(0, 1),
            controls=(2,),
            budget=None,
            seed=0,
            progress=Silent(),
        )
        return [end.reconstructed[0].frames[-1].images for end in outcomes if isinstance(end, Run)]

    one, four = reconstructions(1), reconstructions(4)
    assert len(one) == len(four) == 3
    assert all(np.array_equal(first, second) for first, second in zip(one, four, strict=True))


def toy(reconstruct: object) -> Attack:
    return Attack("toy", "A toy", "probabilities", "nobody", reconstruct)  # type: ignore[arg-type]  # a double


def all_grey(target, target_class, *, budget, rng, progress, settings):  # type: ignore[no-untyped-def]  # a double
    target.probabilities(settings.space.start[None])
    images = np.repeat(settings.space.start[None], settings.seeds, axis=0)
    return Reconstructed((Frame(settings.iterations[-1], 1, images),), ())


def run(attack: Attack, *, budget: int | None = None) -> object:
    (outcome,) = run_several([attack], budget=budget)
    return outcome


def run_several(
    attacks: Sequence[Attack], *, budget: int | None = None, time: Time | None = None
) -> tuple[object, ...]:
    return run_attacks(
        [(attack, settings(iterations=(10,))) for attack in attacks],
        TemplateTarget(),
        classes=(0,),
        controls=(1, 2),
        budget=budget,
        seed=0,
        progress=Silent(),
        time=time,
    )


def test_a_toy_attack_is_one_function_and_one_row() -> None:
    outcome = run(toy(all_grey))
    assert isinstance(outcome, Run)
    assert outcome.queries == 3
    assert set(outcome.reconstructed) == {0}
    assert set(outcome.controls) == {1, 2}


def test_an_attack_that_overspends_is_stopped_and_called_failed() -> None:
    def greedy(target, *_args, **_settings):  # type: ignore[no-untyped-def]  # a double
        while True:
            target.labels(np.zeros((100, *SHAPE)))

    outcome = run(toy(greedy), budget=30)
    assert isinstance(outcome, Failed)
    assert "budget" in outcome.reason


def test_an_attack_that_breaks_does_not_take_the_audit_with_it() -> None:
    def broken(*_args, **_settings):  # type: ignore[no-untyped-def]  # a double
        raise ZeroDivisionError("secret")

    outcome = run(toy(broken))
    assert isinstance(outcome, Failed)
    assert "secret" not in outcome.reason


def test_an_attack_out_of_memory_says_so_and_takes_no_other_with_it() -> None:
    def hungry(target, target_class, **settings):  # type: ignore[no-untyped-def]  # a double
        return np.empty(1 << 48) if target_class == 2 else all_grey(target, target_class, **settings)

    rows = [
        replace(toy(reconstruct), name=f"toy {place}") for place, reconstruct in enumerate((hungry, all_grey))
    ]
    failed, other = run_several(rows)
    assert isinstance(failed, Failed)
    assert failed.reason == OUT_OF_MEMORY
    assert isinstance(other, Run)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_attack_without_an_end_leaves_time_for_the_others(place: int) -> None:
    left = [1_000.0]

    def endless(target, target_class, *, progress, **settings):  # type: ignore[no-untyped-def]  # a double
        while True:
            left[0] -= 1.0
            progress.report("reconstructing", 0.5)

    attacks = [all_grey, all_grey]
    attacks.insert(place, endless)
    rows = [replace(toy(reconstruct), name=f"toy {number}") for number, reconstruct in enumerate(attacks)]
    outcomes = run_several(rows, time=Time(lambda: left[0]))
    for number, outcome in enumerate(outcomes):
        assert isinstance(outcome, Failed if number == place else Run)
    assert "used up its share of the audit's time" in outcomes[place].reason  # type: ignore[union-attr]  # it failed
    assert left[0] >= 100.0


def test_an_unsuited_attack_is_not_applicable_with_its_reason() -> None:
    def unsuited(*_args, **_settings):  # type: ignore[no-untyped-def]  # a double
        raise Unsuited("not for this one")

    outcome = run(toy(unsuited))
    assert isinstance(outcome, NotApplicable)
    assert outcome.reason == "not for this one"


def test_controls_are_the_other_classes_at_most_nine() -> None:
    rng = np.random.default_rng(0)
    assert choose_controls(3, (1,), rng=rng) == (0, 2)
    assert choose_controls(3, (0, 1, 2), rng=rng) == ()
    many = choose_controls(1_000, (7,), rng=rng)
    assert len(many) == 9
    assert 7 not in many


@pytest.mark.parametrize("classes", [(0,), (0, 1, 2)], ids=["one thread", "several"])
def test_what_the_user_must_mend_ends_the_audit_and_is_no_attack_s_failure(classes: tuple[int, ...]) -> None:
    class Damaged(TemplateTarget):
        def probabilities(self, x: object) -> np.ndarray:
            if self.queries > 100:
                raise UnsupportedModel("outputs_not_finite", "Not a number.", hint="Check the weights.")
            return super().probabilities(x)

    with pytest.raises(UnsupportedModel, match="Not a number"):
        run_attacks(
            [(attack, settings(iterations=(30,))) for attack in ATTACKS if attack.by_default],
            Damaged(),
            classes=classes,
            controls=(),
            budget=None,
            seed=0,
            progress=Silent(),
        )
