"""Change and comparison: the words at their limits, tests against scipy, known truth, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pipeline.reliability import change, comparison

NAN = np.nan
POPULATION = [5, 10, 25, 40, 20]
squares = st.lists(st.integers(0, 30), min_size=16, max_size=16).map(lambda n: np.array(n).reshape(4, 4))


# Change


def test_a_change_is_beyond_its_expectation_only_when_the_interval_leaves_it_out():
    words = change.change_word(([0.28, 0.27, 0.1, -0.2, NAN], [0.6, 0.5, 0.27, 0.26, NAN]), 0.27)
    assert words.tolist() == ["beyond", "within", "within", "below", "unknown"]


def test_group_change_by_hand():
    # Forty clients, half up one and half up none: mean .5, variance .25641, half-width .16195.
    found = change.group_change([40, 0], [20, 0], [20, 0], 2.5, 3.4, 0.7, 0.95)
    assert found.change[0] == 0.5
    assert np.allclose((found.low[0], found.high[0]), (0.33805, 0.66195), atol=1e-5)
    assert (found.expected[0], found.word.tolist()) == (pytest.approx(0.27), ["beyond", "unknown"])


@pytest.mark.parametrize("true_change", [0.0, 0.5])
def test_regression_alone_is_seldom_called_change_and_real_change_is_found(true_change):
    rng = np.random.default_rng(3)
    words = []
    for _ in range(400):
        truth = rng.normal(3.4, np.sqrt(0.7), 400)
        first, last = (truth + rng.normal(0, np.sqrt(0.3), 400) for _ in range(2))
        low = first < 2.8
        moved = last[low] + true_change - first[low]
        words.append(
            change.group_change(low.sum(), moved.sum(), (moved**2).sum(), first[low].mean(), 3.4, 0.7, 0.95).word.item()
        )
    share = words.count("beyond") / len(words)
    assert share <= 0.04 if true_change == 0 else share >= 0.9


def test_measurement_error_of_a_perfect_rating_and_what_is_refused():
    assert change.measurement_error(1, 1) == 0
    assert np.isnan(change.reliable_change(1, 2, 1, 1))
    assert np.isnan(change.detectable_change(1, 0.7, 0))
    for wrong in (
        lambda: change.measurement_error(-1, 0.5),
        lambda: change.measurement_error(1, [1.2]),
        lambda: change.expected_by_regression(1, 2, -0.1),
        lambda: change.detectable_change(1, 0.5, -3),
        lambda: change.floor_and_ceiling([-1, 2]),
    ):
        with pytest.raises(ValueError, match=r"^1 "):
            wrong()


def test_moves_without_change_keep_the_population_as_it_is():
    everybody = change.expected_moves(POPULATION, POPULATION, 0.7)
    assert everybody.up == pytest.approx(everybody.down, abs=1e-3)
    low, high = change.expected_moves([[1, 0, 0, 0, 0], [0, 0, 0, 0, 1]], POPULATION, 0.7)[0]
    assert low > 0.5
    assert high == 0


def test_moves_have_the_reliability_that_was_asked_for():
    scores = np.arange(1, 6)
    shares = np.array(POPULATION) / 100
    again = change.second_rating_chances(POPULATION, 0.6)
    joint = shares[:, None] * again
    mean = (shares * scores).sum()
    covariance = (joint * np.outer(scores - mean, scores - mean)).sum()
    assert covariance / (shares * (scores - mean) ** 2).sum() == pytest.approx(0.6, abs=1e-6)
    assert np.allclose(again.sum(axis=1), 1)
    # Simulated: two ratings of the same clients cut at the same places.
    unrelated = change.expected_moves(POPULATION, POPULATION, 0.0)
    assert unrelated.same == pytest.approx((shares**2).sum(), abs=1e-6)


def test_moves_of_nobody_and_of_a_score_that_the_population_lacks():
    moves = change.expected_moves([[0, 0, 0], [1, 0, 0], [0, 1, 1]], [0, 5, 5], 0.5)
    assert np.isnan([part[:2] for part in moves]).all()
    assert sum(part[2] for part in moves) == pytest.approx(1)
    for wrong in (lambda: change.expected_moves([1, 2], [0, 0], 0.5), lambda: change.expected_moves([1], [1], 1.0)):
        with pytest.raises(ValueError, match=r"population|reliability"):
            wrong()


@settings(deadline=None)
@given(squares)
def test_symmetry_tests_do_not_know_which_rating_was_first(table):
    for test in (change.bowker, change.stuart_maxwell):
        found, turned = test(table), test(table.T)
        assert np.allclose(found, turned, equal_nan=True)
        assert np.isnan(found.statistic) or (found.statistic >= -1e-9 and 0 <= found.p_value <= 1)


def test_two_scores_are_mcnemars_test_and_no_change_is_no_test():
    expected = (15 - 5) ** 2 / 20
    for test in (change.bowker, change.stuart_maxwell):
        found = test([[[30, 15], [5, 40]], [[30, 0], [0, 40]]])
        assert found.statistic[0] == pytest.approx(expected)
        assert found.freedom.tolist() == [1, 0]
        assert np.isnan([found.statistic[1], found.p_value[1]]).all()


def test_scores_that_nobody_has_take_no_degree_of_freedom():
    table = np.zeros((5, 5))
    table[:3, :3] = [[5, 4, 1], [2, 8, 6], [0, 3, 9]]
    small, large = (test.statistic for test in (change.stuart_maxwell(table[:3, :3]), change.stuart_maxwell(table)))
    assert small == pytest.approx(large)
    assert change.stuart_maxwell(table).freedom == 2
    assert change.bowker(table).freedom == 3


def test_floor_and_ceiling():
    low, high = change.floor_and_ceiling([[2, 3, 5], [0, 0, 0]])
    assert (low[0], high[0]) == (0.2, 0.5)
    assert np.isnan([low[1], high[1]]).all()


# Comparison


@settings(deadline=None)
@given(st.integers(5, 400), st.floats(0.05, 0.95))
def test_funnel_limits_hold_the_target_and_nest(n, target):
    inner, outer = (comparison.funnel_limits(n, target, confidence) for confidence in (0.95, 0.998))
    assert 0 <= outer[0] <= inner[0] <= inner[1] <= outer[1] <= 1
    count = inner[1] * n
    assert stats.binom.cdf(np.floor(count - 1), n, target) < 0.975 <= stats.binom.cdf(np.ceil(count), n, target) + 1e-12


def test_funnel_limits_turn_with_the_target_and_know_no_empty_district():
    low, high = comparison.funnel_limits([60, 0], 0.8, 0.95)
    assert np.isnan([low[1], high[1]]).all()
    assert comparison.funnel_limits(60, 0.8, 0.95)[0] < 0.8 < high[0]
    # Between two counts the limit moves on smoothly: the exact chance on one side, by straight lines.
    r = stats.binom.ppf(0.975, 60, 0.8)
    at, before = stats.binom.cdf([r, r - 1], 60, 0.8)
    assert high[0] == pytest.approx((r - (at - 0.975) / (at - before)) / 60)


def test_over_dispersion_widens_the_limits_and_shrinks_the_distance():
    for tau_squared in (0.0, 0.0047):
        low, high = comparison.dispersed_limits(80, 0.756, tau_squared, 0.95)
        z = comparison.dispersed_z(high * 80, 80, 0.756, tau_squared)
        assert z == pytest.approx(1.959964, abs=1e-6)
        assert comparison.dispersed_z(low * 80, 80, 0.756, tau_squared) == pytest.approx(-1.959964, abs=1e-6)
    wide, narrow = (comparison.dispersed_limits(80, 0.756, tau, 0.95) for tau in (0.0047, 0.0))
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_dispersion_of_few_or_equal_districts():
    assert comparison.dispersion([8, 16, 0], [10, 20, 0]) == (pytest.approx(0), 0, 0.8)
    assert np.isnan(comparison.dispersion([], [])).all()
    assert np.isnan(comparison.dispersion([8], [10]).tau_squared)


def test_each_family_is_adjusted_for_itself():
    adjusted = comparison.benjamini_hochberg([0.01, 0.02, NAN, 0.04, 0.03], ["a", "a", "a", "b", "b"])
    assert np.allclose(adjusted, [0.02, 0.02, NAN, 0.04, 0.04], equal_nan=True)
    assert np.isnan(comparison.benjamini_hochberg([NAN])).all()
    assert comparison.benjamini_hochberg([]).shape == (0,)
    with pytest.raises(ValueError, match="2 p-values lie outside"):
        comparison.benjamini_hochberg([-0.1, 1.1, 0.5])


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.randoms())
def test_adjusting_does_not_depend_on_the_order(p_values, shuffler):
    order = list(range(len(p_values)))
    shuffler.shuffle(order)
    adjusted = comparison.benjamini_hochberg(p_values)
    assert np.allclose(adjusted[order], comparison.benjamini_hochberg(np.array(p_values)[order]))
    assert (adjusted >= np.array(p_values) - 1e-12).all()


def test_no_word_for_a_trend_before_five_points():
    four, five = comparison.trend([1, 2, 3, 4]), comparison.trend([0.1, 0.2, 0.4, 0.8, 0.9])
    words = comparison.trend_word(*zip(*[(t.points, t.tau, t.p_exact) for t in (four, five)], strict=True))
    assert words.tolist() == ["too_short", "rising"]
    assert comparison.trend_word([5, 5, 6], [-1, 0.2, NAN], [0.0167, 0.8, NAN]).tolist() == ["falling", "none", "none"]


def test_a_half_year_without_a_figure_leaves_a_gap_in_time():
    found = comparison.trend([1, NAN, 3, 4, 5, 6])
    assert (found.points, found.tau, found.slope) == (5, pytest.approx(1), 1)
    assert np.isnan(comparison.trend([2, 2, 2]).p_exact)
    assert np.isnan(comparison.trend([NAN, 2])[1:]).all()


def test_ties_count_all_orders_of_the_values():
    # Of 60 orders of 1 1 1 2 3, two distinct pairs of ends: 1 1 1 2 3 and its reverse reach the largest score.
    assert comparison.trend([1, 1, 1, 2, 3]).p_exact == pytest.approx(2 / 20)
    long = comparison.trend([1, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    assert long.p_exact < 0.001


def test_in_line_deviates_or_undecided_at_the_margin():
    bounds = ([-0.1, -0.1, 0.1, 0.11, -0.3, NAN], [0.1, 0.11, 0.3, 0.3, -0.11, NAN])
    expected = ["in_line", "undecided", "undecided", "deviates", "deviates", "undecided"]
    assert comparison.against_margin(bounds, 0.1).tolist() == expected
    with pytest.raises(ValueError, match="1 margins are negative"):
        comparison.against_margin((0, 1), -0.1)


def test_mean_difference_is_welchs():
    rng = np.random.default_rng(9)
    x, y = rng.integers(1, 6, 60).astype(float), rng.integers(2, 6, 25).astype(float)
    sums = [(len(a), a.sum(), (a**2).sum()) for a in (x, y)]
    found = comparison.mean_difference(*sums[0], *sums[1], 0.95)
    expected = stats.ttest_ind(x, y, equal_var=False)
    interval = expected.confidence_interval(0.95)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == (pytest.approx(interval.low), pytest.approx(interval.high))
    wider = comparison.mean_difference(*sums[0], *sums[1], 0.95, design_effect_1=2)
    assert wider.low < found.low < found.high < wider.high
    assert comparison.mean_difference(3, 12, 48, 3, 12, 48, 0.95)[1:] == (0, 0, 1)
    assert np.isnan(comparison.mean_difference(1, 4, 16, 30, 90, 300, 0.95).p_value)


def test_equal_means_may_hide_what_is_said_to_the_own_team():
    # The same mean 4.0; nobody tells the own team that it is bad, one in ten tells the other party.
    own, independent = [0, 0, 30, 60, 30], [6, 2, 8, 14, 30]
    found = comparison.own_against_independent(own, independent, range(1, 6), 2, 0.95)
    assert found.means.difference == 0
    assert found.means.p_value == 1
    assert found.negative_shares.difference == pytest.approx(-8 / 60)
    assert found.negative_shares.high < 0
    assert found.negative_shares.p_value < 0.001


def test_own_against_an_independent_party_that_asked_nobody():
    found = comparison.own_against_independent([0, 0, 3, 6, 3], [0] * 5, range(1, 6), 2, 0.95)
    assert np.isnan(found.means.p_value)
    assert np.isnan(found.negative_shares.low)
    with pytest.raises(ValueError, match="one place for each answer"):
        comparison.own_against_independent([1, 2], [1, 2], range(1, 6), 2, 0.95)


def test_the_detectable_difference_is_found_four_times_in_five():
    rng = np.random.default_rng(10)
    found = float(comparison.detectable_difference(60, 60))
    x, y = rng.binomial(60, 0.8, 4000), rng.binomial(60, 0.8 - found, 4000)
    power = (comparison.share_difference(x, 60, y, 60, 0.95).p_value <= 0.05).mean()
    assert power == pytest.approx(0.8, abs=0.03)
    mean = comparison.detectable_mean_difference(1.0, 60, 60)
    a, b = rng.normal(0, 1, (2000, 60)), rng.normal(mean, 1, (2000, 60))
    assert (stats.ttest_ind(a, b, axis=1).pvalue <= 0.05).mean() == pytest.approx(0.8, abs=0.03)


def test_detectable_difference_at_the_ends():
    assert comparison.detectable_difference(60, 60, share=0.2) == comparison.detectable_difference(60, 60, share=0.8)
    assert np.isnan(comparison.detectable_difference(0, 60))
    assert comparison.detectable_difference(2, 2) == 1
    with pytest.raises(ValueError, match="power"):
        comparison.detectable_difference(60, 60, power=80)
