"""A target that answers differently away from data is found, whatever answers there, and no other is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from template_target import TemplateTarget, public_images, templates

from leakgauge.defences.output import DefendedTarget, settings_of
from leakgauge.inversion.away_from_data import BORDER, examine_lines, leaves_data, steepness
from leakgauge.inversion.masking import examine, examine_away, masking_of
from leakgauge.inversion.probing import NOT_EXAMINED
from leakgauge.inversion.start import start_among_data
from leakgauge.report.model import Severity

Answers = NDArray[np.float64]
SEEDS = range(3)
DATA = [*templates(), *public_images(12, side=12)]


class Guarded(TemplateTarget):
    """Templates, behind other answers wherever an image is far from the images of `DATA`.

    `away` is what answers there: another random map, or the same class always, or no class in particular.
    """

    def __init__(self, away: str = "map", *, sharpness: float = 40.0, hardness: float = 40.0) -> None:
        super().__init__(sharpness=sharpness)
        self._data = np.stack(DATA).reshape(len(DATA), -1).astype(np.float64)
        self._hardness = hardness
        self._away = away
        self._map = np.random.default_rng(9).standard_normal((3, self._data.shape[1]))

    def probabilities(self, x: Any) -> Answers:
        flat = np.asarray(x, dtype=np.float64).reshape(len(x), -1)
        distance = np.sqrt(((flat[:, None] - self._data) ** 2).mean(axis=2)).min(axis=1)
        near = 1 / (1 + np.exp(np.clip(self._hardness * (distance / 0.12 - 1), -500, 500)))[:, None]
        return np.asarray(near * super().probabilities(x) + (1 - near) * self._elsewhere(flat))

    def _elsewhere(self, flat: Answers) -> Answers:
        if self._away == "map":
            scores = flat @ self._map.T
            likelihood = np.exp(scores - scores.max(axis=1, keepdims=True))
            return np.asarray(likelihood / likelihood.sum(axis=1, keepdims=True))
        rows = {"one class": [0.98, 0.01, 0.01], "unsure": [1 / 3, 1 / 3, 1 / 3]}[self._away]
        return np.tile(rows, (len(flat), 1))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("away", ["map", "one class", "unsure"])
@pytest.mark.parametrize("further", [0, 12])
def test_a_guard_is_found_whatever_it_answers(seed: int, away: str, further: int) -> None:
    found = examine_lines(Guarded(away), DATA[:1], DATA[3 : 3 + further], rng=rng(seed))
    assert found.found


def test_one_image_that_the_guard_takes_for_none_hides_it_from_nobody_with_others() -> None:
    lost, other = [np.full_like(DATA[0], 0.5)], DATA[3:]
    assert not examine_lines(Guarded(), lost, [], rng=rng()).found
    assert examine_lines(Guarded(), lost, other, rng=rng()).found
    assert examine_lines(Guarded(), [*lost, *other], [], rng=rng()).found


@pytest.mark.parametrize("hardness", [60.0, 1e4])
def test_a_guard_is_found_however_hard_its_border_is(hardness: float) -> None:
    assert examine_lines(Guarded(hardness=hardness), DATA[:1], [], rng=rng()).found


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("sharpness", [0.0, 4.0, 40.0, 400.0, 1e4, 1e6])
@pytest.mark.parametrize("further", [0, 12])
def test_a_linear_model_is_none_however_sure_it_is(seed: int, sharpness: float, further: int) -> None:
    found = examine_lines(TemplateTarget(sharpness=sharpness), DATA[:1], DATA[3 : 3 + further], rng=rng(seed))
    assert not found.found
    assert found.statistic is None or found.statistic < BORDER - 0.5


def test_a_linear_model_changes_evenly_and_a_jump_ten_times_as_fast() -> None:
    starts, ends = np.stack(DATA[:1]), np.stack(DATA[1:2])
    assert steepness(TemplateTarget(), starts, ends) == pytest.approx(1.0)

    class Jumping(TemplateTarget):
        def probabilities(self, x: Any) -> Answers:
            far = np.abs(np.asarray(x) - DATA[0]).mean(axis=(1, 2, 3)) > np.abs(DATA[1] - DATA[0]).mean() / 2
            return np.where(far[:, None], [[0.1, 0.8, 0.1]], [[0.8, 0.1, 0.1]])

    assert steepness(Jumping(), starts, ends) == pytest.approx(10.0)


def test_answers_that_never_change_tell_nothing() -> None:
    target = TemplateTarget(sharpness=0.0)
    assert np.isnan(steepness(target, np.stack(DATA[:1]), np.stack(DATA[1:2]))).all()
    assert (leaves_data(target, np.stack(DATA[:2]), rng=rng()) == 0).all()


def test_lines_leave_the_data_only_from_where_it_lies() -> None:
    from_data, from_elsewhere = leaves_data(
        Guarded(), np.stack([DATA[0], np.full_like(DATA[0], 0.5)]), rng=rng()
    )
    assert from_data > BORDER > from_elsewhere


class AroundBlack(Guarded):
    """Data is what is dark."""

    def __init__(self) -> None:
        super().__init__()
        self._data = np.zeros((1, self._data.shape[1]))


def test_a_search_starts_where_the_answers_say_that_data_is() -> None:
    grey = np.full_like(DATA[0], 0.5)
    start, (notice,) = start_among_data(AroundBlack(), grey, 1.0, rng=rng())
    assert (start == 0).all()
    assert notice.code == "start_among_data"
    assert "from black" in notice.message


@pytest.mark.parametrize("background", [0.0, 1.0])
def test_a_start_stays_where_the_answers_speak_for_no_other(background: float) -> None:
    grey = np.full_like(DATA[0], 0.5)
    start, notices = start_among_data(TemplateTarget(), grey, background, rng=rng())
    assert start is grey
    assert notices == ()


def test_one_image_alone_leaves_questions_that_the_report_names() -> None:
    target = Guarded()
    examined = examine(target, DATA[0], rng=rng())
    alone = masking_of(examine_away(examined, target, DATA[:1], [], rng=rng()), Severity.INCONCLUSIVE)
    helped = masking_of(examine_away(examined, target, DATA[:1], DATA[3:], rng=rng()), Severity.INCONCLUSIVE)
    assert alone.found == helped.found == ("away_from_data",)
    assert "to their mean could not be asked" in alone.sentence
    assert "could not be asked" not in helped.sentence
    assert helped.steepness is not None
    assert f"{helped.steepness:.1f} times as fast" in helped.sentence
    assert helped.queries > alone.queries > examined.queries


@pytest.mark.parametrize("defence", ["rounding=1", "top_k=1", "label_only"])
def test_answers_that_jump_anyway_are_not_asked_about_and_the_report_says_so(defence: str) -> None:
    target = DefendedTarget(TemplateTarget(), settings_of([defence]))
    examined = examine(target, DATA[0], rng=rng())
    asked = target.queries
    found = examine_away(examined, target, DATA[:1], [], rng=rng())
    assert target.queries == asked
    assert "away_from_data" not in found.found
    assert "cannot be told from such answers" in masking_of(found, Severity.LOW).sentence
    assert masking_of(found, Severity.LOW).steepness is None


def test_where_nothing_was_asked_no_reason_is_made_up() -> None:
    assert "cannot be told" not in masking_of(NOT_EXAMINED, Severity.INCONCLUSIVE).sentence


def test_a_misleading_map_does_not_set_the_scale_of_the_answers() -> None:
    """The prior's weight is chosen for answers of a usual spread, which images of data show."""
    target = Guarded(sharpness=40.0)
    target._map *= 100
    examined = examine(target, DATA[0], rng=rng())
    found = examine_away(examined, target, DATA[:1], DATA[3:], rng=rng())
    plain = examine(TemplateTarget(sharpness=40.0), DATA[0], rng=rng())
    assert plain.temperature / 4 < found.temperature < 4 * plain.temperature < examined.temperature
