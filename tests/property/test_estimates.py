"""The statistics hold on what they promise, for any scores."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import betabinom, binomtest, norm
from sklearn.metrics import matthews_corrcoef, roc_auc_score

from leakgauge.estimates import (
    Estimate,
    RateAtLimit,
    StepRoc,
    area_difference,
    area_estimate,
    area_under_roc,
    balanced_accuracy,
    clopper_pearson,
    confidence_for,
    cross_fitted_decisions,
    empirical_epsilon,
    for_chosen_threshold,
    for_cross_fitting,
    matthews_correlation,
    mean_of,
    mean_of_two,
    paired_difference,
    precision_at_prior,
    proportion,
    share_difference,
    step_roc,
    true_positive_rate_at,
)

examples = settings(max_examples=60, derandomize=True, deadline=None)


@st.composite
def scored_pools(draw: st.DrawFn, least: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Scores with many ties, and who is a member; both sides are there."""
    members = draw(st.integers(least, 40))
    non_members = draw(st.integers(least, 40))
    levels = draw(st.integers(1, 12))
    scores = draw(
        st.lists(st.integers(0, levels), min_size=members + non_members, max_size=members + non_members)
    )
    member = np.r_[np.ones(members, bool), np.zeros(non_members, bool)]
    return np.array(scores, float), member


@examples
@given(st.integers(0, 200), st.integers(0, 200), st.sampled_from([0.9, 0.95, 0.995]))
def test_clopper_pearson_is_the_exact_interval(first: int, second: int, confidence: float) -> None:
    successes, n = min(first, second), max(first, second)
    low, high = clopper_pearson(successes, n, confidence=confidence)
    if n == 0:
        assert (low, high) == (0.0, 1.0)
        return
    expected = binomtest(successes, n).proportion_ci(confidence, method="exact")
    assert low == pytest.approx(expected.low, abs=1e-9)
    assert high == pytest.approx(expected.high, abs=1e-9)


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="4 successes in 3 trials"):
        clopper_pearson(4, 3)
    with pytest.raises(ValueError, match="no records"):
        proportion(0, 0)


def test_an_estimate_holds_its_own_value() -> None:
    with pytest.raises(ValueError, match="outside"):
        Estimate(0.5, 0.6, 0.7, 10)


@examples
@given(scored_pools())
def test_area_is_the_mann_whitney_area(pool: tuple[np.ndarray, np.ndarray]) -> None:
    scores, member = pool
    assert area_under_roc(scores, member) == pytest.approx(roc_auc_score(member, scores))
    assert area_under_roc(-scores, member) == pytest.approx(1 - area_under_roc(scores, member))


@examples
@given(scored_pools())
def test_the_interval_of_an_area_holds_it_and_widens_with_confidence(
    pool: tuple[np.ndarray, np.ndarray],
) -> None:
    scores, member = pool
    plain = area_estimate(scores, member)
    wide = area_estimate(scores, member, confidence=0.999)
    assert wide.low <= plain.low <= plain.value <= plain.high <= wide.high


@examples
@given(scored_pools(least=1), st.sampled_from([0.95, 0.9964]))
def test_the_interval_of_an_area_is_turned_by_turning_the_scores_and_follows_their_order_alone(
    pool: tuple[np.ndarray, np.ndarray], confidence: float
) -> None:
    scores, member = pool
    found = area_estimate(scores, member, confidence=confidence)
    turned = area_estimate(-scores, member, confidence=confidence)
    assert (turned.low, turned.high) == pytest.approx((1 - found.high, 1 - found.low), abs=1e-12)
    swapped = area_estimate(scores, ~member, confidence=confidence)
    assert (swapped.low, swapped.high) == pytest.approx((1 - found.high, 1 - found.low), abs=1e-12)
    shuffled = np.random.default_rng(0).permutation(len(member))
    again = area_estimate(np.exp(scores)[shuffled], member[shuffled], confidence=confidence)
    assert (again.low, again.high) == pytest.approx((found.low, found.high), abs=1e-12)


@pytest.mark.parametrize(("members", "non_members"), [(3, 3), (1, 1), (40, 9), (20, 400)])
def test_perfect_separation_is_as_certain_as_so_many_successes(members: int, non_members: int) -> None:
    member = np.arange(members + non_members) < members
    found = area_estimate(member.astype(float), member)
    low, _ = clopper_pearson(min(members, non_members), min(members, non_members))
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(low)


@pytest.mark.parametrize("n", [20, 100, 2_000])
def test_one_pair_in_the_wrong_order_hardly_moves_the_interval(n: int) -> None:
    member = np.arange(2 * n) >= n
    perfect = area_estimate(np.arange(2.0 * n), member)
    one_wrong = np.arange(2.0 * n)
    one_wrong[[n - 1, n]] = one_wrong[[n, n - 1]]
    nearly = area_estimate(one_wrong, member)
    assert abs(perfect.low - nearly.low) < 0.2 * (1 - perfect.low)


def test_scores_that_are_all_alike_are_not_certain() -> None:
    found = area_estimate(np.zeros(120), np.arange(120) < 60)
    assert found.low < 0.49 < found.value == 0.5 < 0.51 < found.high


@pytest.mark.parametrize("confidence", [0.95, 0.9964])
@pytest.mark.parametrize(("members", "non_members"), [(20, 20), (60, 600)])
@pytest.mark.parametrize(
    ("form", "shift"),
    [
        ("normal", 0.0),
        ("normal", 1.0),
        ("normal", 2.0),
        ("normal", 4.0),
        ("some below all", 0.0),
        ("yes or no", 0.1),
    ],
)
def test_few_records_do_not_lift_an_area_above_its_true_value(
    members: int, non_members: int, form: str, shift: float, confidence: float
) -> None:
    """A bootstrap of 1,000 replicates did so in three times as many samples as it said."""
    rng = np.random.default_rng(11)
    member = np.arange(members + non_members) < members
    repeats, above, below = 400, 0, 0
    for _ in range(repeats):
        if form == "normal":
            scores, truth = rng.normal(size=len(member)) + shift * member, norm.cdf(shift / np.sqrt(2))
        elif form == "some below all":
            scores, truth = np.where(member, rng.random(len(member)) < 0.98, 0.5), 0.98
        else:
            scores, truth = (rng.random(len(member)) < 0.85 + shift * member).astype(float), 0.5 + shift / 2
        found = area_estimate(scores, member, confidence=confidence)
        above += found.low > truth
        below += found.high < truth
    meant = (1 - confidence) / 2
    chance = 3 * np.sqrt(meant * (1 - meant) / repeats)
    assert above <= (meant + chance) * repeats
    # how often no record of a rare kind is seen cannot be had in steps of 2.5 %
    assert below <= (0.02 * (form == "some below all") + 1.5 * meant + chance) * repeats


@examples
@given(scored_pools(), st.sampled_from([0.0, 0.05, 0.1, 0.25, 0.5, 1.0]))
def test_the_step_roc_never_passes_the_limit_and_never_splits_a_tie(
    pool: tuple[np.ndarray, np.ndarray], limit: float
) -> None:
    scores, member = pool
    roc = step_roc(scores, member)
    rate = true_positive_rate_at(roc, limit) if limit else true_positive_rate_at(roc, 1e-9)
    allowed = int(limit * roc.non_members + 1e-9)
    best = max(
        (
            int((scores[member] >= t).sum())
            for t in np.unique(scores)
            if (scores[~member] >= t).sum() <= allowed
        ),
        default=0,
    )
    assert rate.false_positives <= allowed
    if allowed < 3:
        assert rate.value is None
        assert rate.withheld
    else:
        assert rate.value == pytest.approx(best / roc.members)
        assert rate.low <= rate.value <= rate.high


def test_equal_scores_give_the_attacker_nothing_at_a_low_rate() -> None:
    scores, member = np.zeros(2000), np.arange(2000) < 1000
    assert true_positive_rate_at(step_roc(scores, member), 0.01).value == 0.0
    assert area_under_roc(scores, member) == 0.5
    assert empirical_epsilon(step_roc(scores, member)) == 0.0


@st.composite
def resolvable_pools(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Scores with few or many ties whose non-members resolve a false-positive rate of a tenth."""
    members, non_members = draw(st.integers(1, 60)), draw(st.integers(30, 90))
    levels = draw(st.sampled_from([1, 3, 20, 10_000]))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    member = np.arange(members + non_members) < members
    lead = draw(st.sampled_from([-1, 0, 1, 3]))
    return rng.integers(0, levels, len(member)) + lead * levels / 3 * member, member


def ends(scores: np.ndarray, member: np.ndarray, confidence: float = 0.95) -> tuple[float, float]:
    found = true_positive_rate_at(step_roc(scores, member), 0.1, confidence=confidence)
    assert 0 <= found.low <= found.value <= found.high <= 1
    return found.low, found.high


@examples
@given(resolvable_pools())
def test_the_interval_of_a_rate_widens_with_confidence(pool: tuple[np.ndarray, np.ndarray]) -> None:
    found = [ends(*pool, confidence) for confidence in (0.5, 0.8, 0.95, 0.99, 0.9999)]
    for (low, high), (lower, higher) in itertools.pairwise(found):
        assert lower <= low + 1e-7
        assert higher >= high - 1e-7


@examples
@given(resolvable_pools(), st.sampled_from([lambda s: 5 * s - 3, lambda s: np.exp(s / s.max()), np.cbrt]))
def test_the_interval_of_a_rate_depends_on_the_order_of_scores_alone(
    pool: tuple[np.ndarray, np.ndarray], rising: Callable[[np.ndarray], np.ndarray]
) -> None:
    scores, member = pool
    scores = scores - scores.min() + 1.0
    assert ends(rising(scores), member) == ends(scores, member)
    shuffled = np.random.default_rng(0).permutation(len(member))
    assert ends(scores[shuffled], member[shuffled]) == ends(scores, member)


@examples
@given(st.integers(1, 60), st.integers(30, 90), st.integers(0, 2**16), st.integers(0, 200))
def test_a_member_that_scores_higher_never_lowers_the_rate_and_a_non_member_never_raises_it(
    members: int, non_members: int, which: int, by: int
) -> None:
    member = np.arange(members + non_members) < members
    scores = np.random.default_rng(which).permutation(len(member)).astype(float)  # no two are equal
    raised = scores.copy()
    raised[which % len(member)] += by + 0.5
    (low, high), (new_low, new_high) = ends(scores, member), ends(raised, member)
    sign = 1 if member[which % len(member)] else -1
    assert sign * (new_low - low) >= -1e-7
    assert sign * (new_high - high) >= -1e-7


def test_the_interval_of_a_rate_is_that_of_its_own_mixture_drawn_at_random() -> None:
    """Draw how many non-members are beyond the threshold, then the rate given the members there."""
    rng = np.random.default_rng(0)
    member = np.arange(700) < 300
    scores = rng.normal(size=700) + member
    others = np.concatenate([[np.inf], np.sort(scores[~member])[::-1]])
    above = (scores[member] > others[:, None]).sum(axis=1)
    beyond = rng.binomial(400, 0.05, size=200_000)
    upper = rng.integers(0, 2, size=200_000)  # the threshold lies between two non-members
    above = above[beyond + upper]
    drawn = rng.beta(np.maximum(above + upper, 1e-12), 301 - upper - above)
    found = true_positive_rate_at(step_roc(scores, member), 0.05)
    expected = np.quantile(drawn, [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=0.004)


def test_where_non_members_abound_the_interval_of_a_rate_is_the_members_binomial_one() -> None:
    roc = StepRoc(
        thresholds=np.array([2.0, 1.0, 0.0]),
        true_positives=np.array([30, 31, 100]),
        false_positives=np.array([900_000, 1_100_000, 10_000_000]),
        members=100,
        non_members=10_000_000,
    )
    found = true_positive_rate_at(roc, 0.1)
    low, high = clopper_pearson(30, 100)
    assert low <= found.low <= low + 0.01  # mid-P, a little within the exact one
    assert high - 0.01 <= found.high <= high


def test_where_members_abound_the_interval_of_a_rate_is_the_thresholds_own() -> None:
    """Then only the threshold is uncertain: between the order statistics that Binomial(400, .01) names."""
    n, members = 400, 10_000_000
    roc = StepRoc(
        thresholds=-np.arange(n, dtype=float),
        true_positives=np.linspace(members // 2 // n, members // 2, n).astype(np.int64),
        false_positives=np.arange(1, n + 1),
        members=members,
        non_members=n,
    )
    found = true_positive_rate_at(roc, 0.01)
    step = 0.5 / n
    # P(at most 0 beyond) = .018 and P(at least 9 beyond) = .021 are tails below .025, the next ones are not
    assert found.low == pytest.approx(1 * step, abs=1.1 * step)
    assert found.high == pytest.approx(9 * step, abs=1.1 * step)


@pytest.mark.parametrize(
    ("members", "others", "low", "high"),
    [(0.0, 0.0, 0.0, 0.004), (0.0, 1.0, 0.0, 0.004), (1.0, 0.0, 0.996, 1.0)],
    ids=["all alike", "all members below", "all members above"],
)
def test_rates_of_scores_with_no_middle(members: float, others: float, low: float, high: float) -> None:
    member = np.arange(2000) < 1000
    found = true_positive_rate_at(step_roc(np.where(member, members, others), member), 0.01)
    assert low <= found.low <= found.high <= high
    assert found.low < found.high


def test_a_rate_is_stated_from_three_false_positives_on() -> None:
    rng = np.random.default_rng(0)

    def rate(non_members: int) -> RateAtLimit:
        member = np.arange(50 + non_members) < 50
        return true_positive_rate_at(step_roc(rng.normal(size=50 + non_members), member), 0.01)

    assert rate(299).low is rate(299).high is None
    assert rate(300).low is not None


def test_perfect_scores_of_few_non_members_are_not_certain() -> None:
    """With 300 of them, one in twenty samples has none beyond the true threshold at 1 %."""
    member = np.arange(600) < 300
    found = true_positive_rate_at(step_roc(member.astype(float), member), 0.01, confidence=0.99)
    assert (found.value, found.low) == (1.0, 0.0)


@pytest.mark.parametrize(("members", "non_members"), [(300, 300), (4000, 400), (400, 4000)])
@pytest.mark.parametrize("form", ["far apart", "votes", "a jump at the limit"])
def test_the_interval_of_a_rate_holds_the_true_rate(members: int, non_members: int, form: str) -> None:
    """At 4,000 + 400 an interval that takes the threshold as known holds it in one of four."""
    rng = np.random.default_rng(11)
    member = np.arange(members + non_members) < members
    if form != "far apart":  # votes of trees: equal scores abound
        trees, *shapes = (50, 2.7, 0.3, 1.5, 1.5) if form == "votes" else (100, 2.4, 0.6, 1.65, 1.35)
        inside, outside = betabinom(trees, *shapes[:2]), betabinom(trees, *shapes[2:])
        truth = max(inside.sf(votes) for votes in range(trees + 1) if outside.sf(votes) <= 0.01)
    else:
        truth = norm.sf(norm.isf(0.01) - 1.0)
    repeats, below, above = 150, 0, 0
    for _ in range(repeats):
        if form != "far apart":
            scores = np.where(
                member,
                inside.rvs(len(member), random_state=rng),
                outside.rvs(len(member), random_state=rng),
            ).astype(float)
        else:
            scores = rng.normal(size=len(member)) + member
        found = true_positive_rate_at(step_roc(scores, member), 0.01)
        below += found.high < truth
        above += found.low > truth
    # .93 less two standard errors of this simulation
    assert below + above <= (0.07 + 0.042) * repeats


@pytest.mark.parametrize("broken", [np.array([0.0, np.nan]), np.array([0.0, np.inf])])
def test_scores_that_are_not_finite_are_refused(broken: np.ndarray) -> None:
    with pytest.raises(ValueError, match="finite"):
        step_roc(broken, np.array([True, False]))


def test_one_sided_pools_are_refused() -> None:
    with pytest.raises(ValueError, match="both"):
        area_under_roc(np.zeros(3), np.ones(3, bool))
    with pytest.raises(ValueError, match="same"):
        area_under_roc(np.zeros(3), np.ones(4, bool))


@examples
@given(scored_pools(least=12), st.integers(0, 5))
def test_cross_fitted_thresholds_never_read_the_record_they_judge(
    pool: tuple[np.ndarray, np.ndarray], seed: int
) -> None:
    scores, member = pool
    before = cross_fitted_decisions(scores, member, rng=np.random.default_rng(seed), folds=len(scores))
    # a threshold chosen with the record in it could follow the record's score; one chosen without
    # it can only flip the decision the way the score moves
    raised = scores.copy()
    raised[0] += 100.0
    after = cross_fitted_decisions(raised, member, rng=np.random.default_rng(seed), folds=len(scores))
    assert after[0] >= before[0]


def test_noise_is_not_called_better_than_guessing() -> None:
    rng = np.random.default_rng(0)
    accuracies = []
    for _ in range(40):
        scores, member = rng.normal(size=400), rng.permutation(400) < 200
        accuracies.append(balanced_accuracy(cross_fitted_decisions(scores, member, rng=rng), member).value)
    # thresholds chosen and judged on the same records would read about .55 here
    assert abs(np.mean(accuracies) - 0.5) < 0.015


def test_strata_get_their_own_thresholds() -> None:
    rng = np.random.default_rng(1)
    strata = np.repeat([0, 1], 400)
    member = np.tile(np.repeat([True, False], 200), 2)
    scores = member + 10.0 * strata + rng.normal(scale=0.1, size=800)
    common = cross_fitted_decisions(scores, member, rng=np.random.default_rng(0))
    own = cross_fitted_decisions(scores, member, rng=np.random.default_rng(0), strata=strata)
    assert balanced_accuracy(common, member).value < 0.8
    assert balanced_accuracy(own, member).value > 0.99


@examples
@given(st.integers(1, 60), st.integers(1, 60), st.data())
def test_mover_lies_between_its_parts(first_n: int, second_n: int, data: st.DataObject) -> None:
    first = proportion(data.draw(st.integers(0, first_n)), first_n)
    second = proportion(data.draw(st.integers(0, second_n)), second_n)
    mean = mean_of_two(first, second)
    assert min(first.low, second.low) - 1e-12 <= mean.low <= mean.value <= mean.high
    assert mean.high <= max(first.high, second.high) + 1e-12
    assert mean.n == first_n + second_n


def test_epsilon_of_randomised_response_is_not_overstated() -> None:
    """Scores drawn as an (ε, 0)-private mechanism draws them never demonstrate more than ε, but in 5 %."""
    epsilon = 1.0
    rng = np.random.default_rng(3)
    truthful = np.exp(epsilon) / (1 + np.exp(epsilon))
    member = np.arange(4000) < 2000
    over, found = 0, []
    for _ in range(100):
        told = np.where(rng.random(4000) < truthful, member, ~member).astype(float)
        found.append(empirical_epsilon(step_roc(told, member)))
        over += found[-1] > epsilon
    assert over <= 8
    assert np.mean(found) > 0.6  # and it is not so shy that it says nothing


def test_intervals_cover_what_they_promise() -> None:
    """The area's interval holds the true area, and that of balanced accuracy the true accuracy, in ≥ 93 %."""
    rng = np.random.default_rng(5)
    shift, n, repeats = 0.5, 300, 200
    true_area = norm.cdf(shift / np.sqrt(2))
    true_accuracy = norm.cdf(shift / 2)
    member = np.arange(2 * n) < n
    area_hits = accuracy_hits = 0
    for _ in range(repeats):
        scores = rng.normal(size=2 * n) + shift * member
        area = area_estimate(scores, member)
        area_hits += area.low <= true_area <= area.high
        accuracy = balanced_accuracy(scores >= shift / 2, member)
        accuracy_hits += accuracy.low <= true_accuracy <= accuracy.high
    assert area_hits >= 0.91 * repeats  # .93 less two standard errors of this simulation
    assert accuracy_hits >= 0.93 * repeats


@examples
@given(st.integers(1, 60), st.data(), st.integers(2, 20))
def test_cross_fitting_widens_to_both_sides_and_never_beyond_a_share(
    n: int, data: st.DataObject, folds: int
) -> None:
    plain = proportion(data.draw(st.integers(0, n)), n)
    wide = for_cross_fitting(plain, folds)
    assert 0 <= wide.low <= plain.low <= wide.value == plain.value <= plain.high <= wide.high <= 1
    for near, far, end in ((plain.low, wide.low, 0), (plain.high, wide.high, 1)):
        assert far == end or abs(far - plain.value) == pytest.approx(
            abs(near - plain.value) * np.sqrt(1 + folds / (folds - 1))
        )
    assert for_cross_fitting(plain, None) == plain
    withheld = RateAtLimit(None, None, None, 9, 0, "too few")
    assert for_cross_fitting(withheld, folds) == withheld


@pytest.mark.parametrize("strata", [None, np.arange(400) % 4 < 2])
def test_the_accuracy_of_a_chosen_threshold_allows_for_the_choice(strata: np.ndarray | None) -> None:
    """Taken for given, thresholds would leave out guessing in one of ten pools."""
    rng = np.random.default_rng(2)
    member = np.arange(400) < 200
    repeats, missed, missed_as_given = 250, 0, 0
    for _ in range(repeats):
        decisions = cross_fitted_decisions(rng.normal(size=400), member, rng=rng, strata=strata)
        given = balanced_accuracy(decisions, member)
        found = for_chosen_threshold(given)
        missed += not found.low <= 0.5 <= found.high
        missed_as_given += not given.low <= 0.5 <= given.high
    assert missed <= 0.07 * repeats
    assert missed_as_given > 0.07 * repeats


def test_pairing_is_kept() -> None:
    rng = np.random.default_rng(0)
    member = np.arange(1000) < 500
    first = np.where(rng.random(1000) < 0.7, member, ~member)
    same = paired_difference(first, first, member, rng=rng)
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)
    better = first.copy()
    better[np.flatnonzero(first != member)[:100]] = member[np.flatnonzero(first != member)[:100]]
    gain = paired_difference(better, first, member, rng=rng)
    assert gain.value == pytest.approx(0.1)
    assert 0.07 < gain.low < gain.high < 0.13
    learned = paired_difference(better, first, member, rng=np.random.default_rng(0), folds=10)
    usual = paired_difference(better, first, member, rng=np.random.default_rng(0))
    assert learned.low < usual.low < learned.value == usual.value < usual.high < learned.high
    worst = paired_difference(~member, member, member, rng=rng, folds=10)
    assert (worst.low, worst.value) == (-1.0, -1.0)


def test_many_comparisons_are_corrected() -> None:
    assert confidence_for(1) == pytest.approx(0.95)
    assert confidence_for(10) == pytest.approx(0.995)


def test_the_difference_of_two_areas_is_that_of_delong() -> None:
    rng = np.random.default_rng(0)
    member = np.arange(70) < 30
    first, second = (np.round(rng.normal(size=70) + shift * member, 1) for shift in (1.0, 0.5))

    def wins(scores: np.ndarray) -> np.ndarray:  # equation 3 of the paper, pair by pair
        gap = scores[member][:, None] - scores[~member]
        return (gap > 0) + 0.5 * (gap == 0)

    gain = wins(first) - wins(second)
    variance = gain.mean(axis=1).var(ddof=1) / 30 + gain.mean(axis=0).var(ddof=1) / 40
    found = area_difference(first, second, member)
    assert found.value == pytest.approx(gain.mean())
    assert found.high - found.value == pytest.approx(1.959964 * np.sqrt(variance), rel=1e-6)


@examples
@given(scored_pools())
def test_a_difference_turns_with_its_sides_and_is_none_from_itself(
    pool: tuple[np.ndarray, np.ndarray],
) -> None:
    scores, member = pool
    other = scores[::-1]
    there, back = area_difference(scores, other, member), area_difference(other, scores, member)
    assert (there.value, there.low) == (pytest.approx(-back.value), pytest.approx(-back.high))
    same = area_difference(scores, scores, member)
    assert (same.low, same.high) == (0.0, 0.0)


def test_the_interval_of_a_difference_of_shares_covers_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(800):
        first = rng.random(60) < 0.9
        second = np.where(rng.random(60) < 0.15, rng.random(60) < 0.5, first)
        found = share_difference(first, second)
        covered += found.low <= 0.9 - (0.85 * 0.9 + 0.15 * 0.5) <= found.high
    assert covered / 800 > 0.935
    same = share_difference(first, first)
    assert same.low < same.value == 0 < same.high
    with pytest.raises(ValueError, match="no records"):
        share_difference(first[:0], first[:0])


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=3, max_size=60))
def test_matthews_correlation_is_scikit_learns_and_lies_within_its_interval(pairs):
    decided, truth = (np.array(side, dtype=np.int64) for side in zip(*pairs, strict=True))
    found = matthews_correlation(decided, truth)
    assume(len({*decided.tolist(), *truth.tolist()}) > 1)  # of one alone scikit-learn warns
    assert found.value == pytest.approx(matthews_corrcoef(truth, decided), abs=1e-9)
    assert -1.0 <= found.low <= found.value <= found.high <= 1.0


def test_matthews_correlation_covers_that_of_many_records():
    rng = np.random.default_rng(0)
    truth = (rng.random(200_000) < 0.2).astype(np.int64)
    decided = np.where(rng.random(200_000) < 0.8, truth, 1 - truth)
    true_value = matthews_correlation(decided, truth).value
    held = []
    for start in range(0, 60_000, 300):
        part = matthews_correlation(decided[start : start + 300], truth[start : start + 300])
        held.append(part.low <= true_value <= part.high)
    assert np.mean(held) >= 0.9


def test_a_mean_of_estimates_is_that_of_two_and_narrower_than_each():
    one, other = proportion(30, 100), proportion(50, 100)
    assert mean_of([one, other]) == mean_of_two(one, other)
    four = mean_of([one, other, one, other])
    assert four.high - four.low < mean_of_two(one, other).high - mean_of_two(one, other).low
    with pytest.raises(ValueError, match="no estimates"):
        mean_of([])


def rates(least: float = 0.0) -> st.SearchStrategy[Estimate]:
    """A rate with an interval around it."""
    return st.tuples(*[st.floats(least, 1.0)] * 3).map(sorted).map(lambda x: Estimate(x[1], x[0], x[2], 100))


@examples
@given(rates(1e-3), rates(), st.floats(1e-3, 1 - 1e-3))
def test_precision_is_bayes_rule_at_every_end_and_grows_with_the_prior(found, false, prior) -> None:
    precision = precision_at_prior(found, false, prior)
    # counted by hand: of a million records tried, so many are called members rightly, and so many wrongly
    right, wrong = 1e6 * prior * found.value, 1e6 * (1 - prior) * false.value
    assert precision.value == pytest.approx(right / (right + wrong))
    assert precision.low == pytest.approx(prior * found.low / (prior * found.low + (1 - prior) * false.high))
    assert precision.high == pytest.approx(
        prior * found.high / (prior * found.high + (1 - prior) * false.low)
    )
    assert 0.0 <= precision.low <= precision.value <= precision.high <= 1.0
    rarer = precision_at_prior(found, false, prior / 2)
    assert rarer.value <= precision.value + 1e-12


def test_precision_of_nothing_and_at_no_prior_is_refused() -> None:
    none, some = Estimate(0.0, 0.0, 0.0, 9), Estimate(0.5, 0.4, 0.6, 9)
    with pytest.raises(ValueError, match="nothing is called"):
        precision_at_prior(none, none, 0.5)
    for prior in (0.0, 1.0, -0.1, float("nan")):
        with pytest.raises(ValueError, match="prior"):
            precision_at_prior(some, some, prior)
    assert precision_at_prior(none, some, 0.5).high == 0.0
    assert precision_at_prior(some, none, 0.01).low == 1.0
    # where guessing finds as many members as non-members, precision is the prior
    assert precision_at_prior(some, Estimate(0.5, 0.5, 0.5, 9), 0.1).value == pytest.approx(0.1)
