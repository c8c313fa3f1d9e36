"""Intervals, planning numbers and response rates: their ends, their order, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pipeline.reliability import precision, response

counts = st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
ANSWERS = [8, 9, 7, 10, 6]
SUMS = (5, sum(ANSWERS), sum(answer**2 for answer in ANSWERS))


@settings(deadline=None)
@given(counts)
def test_exact_and_jeffreys_hold_the_share_and_agree_with_scipy(share):
    numerator, n = share
    low, high = precision.clopper_pearson(numerator, n, 0.95)
    expected = stats.binomtest(numerator, n).proportion_ci(0.95, method="exact")
    assert np.allclose((low, high), (expected.low, expected.high), atol=1e-10)
    inner_low, inner_high = precision.jeffreys(numerator, n, 0.95)
    assert 0 <= low <= inner_low <= numerator / n <= inner_high <= high <= 1


@pytest.mark.parametrize("interval", [precision.clopper_pearson, precision.jeffreys, precision.share_interval])
def test_nobody_and_everybody_end_exactly_and_no_answers_are_unknown(interval):
    low, high = interval([0, 20, 0], [20, 20, 0], 0.95)
    assert (low[0], high[1]) == (0.0, 1.0)
    assert np.isnan([low[2], high[2]]).all()


@pytest.mark.parametrize("interval", [precision.clopper_pearson, precision.jeffreys, precision.share_interval])
def test_shares_that_cannot_be_are_refused_by_number(interval):
    with pytest.raises(ValueError, match=r"^2 shares have a numerator outside 0..n$"):
        interval([-1, 11, 5], 10, 0.95)


def test_an_effective_number_need_not_be_whole():
    low, high = precision.clopper_pearson(0.5 * 38.2, 38.2, 0.95)
    wide, narrow = (precision.clopper_pearson(n / 2, n, 0.95) for n in (38, 39))
    assert wide[0] < low < narrow[0] < narrow[1] < high < wide[1]


def test_a_product_a_hair_beside_the_ends_is_the_end():
    low, high = precision.clopper_pearson([1e-300, 30 * (1 - 1e-16), 30 + 1e-12], 30, 0.95)
    assert (low[0], high[1], high[2]) == (0.0, 1.0, 1.0)
    assert precision.newcombe(30 + 1e-12, 30, 0, 30, 0.95)[1] == 1


@settings(deadline=None)
@given(counts, st.integers(0, 3000), st.floats(1, 4))
def test_a_small_population_narrows_and_a_design_effect_widens(share, more, effect):
    numerator, n = share
    plain = precision.share_interval(numerator, n, 0.95)
    finite = precision.share_interval(numerator, n, 0.95, population=n + more)
    clustered = precision.share_interval(numerator, n, 0.95, design_effect=effect)
    assert precision.half_width(finite) <= precision.half_width(plain) + 1e-12
    assert precision.half_width(clustered) >= precision.half_width(plain) - 1e-12
    for low, high in (plain, finite, clustered):
        assert 0 <= low <= numerator / n <= high <= 1


def test_when_everybody_answered_the_share_is_known():
    low, high = precision.share_interval([7, 1, 0], [10, 1, 0], 0.95, population=[10, 1, 0])
    assert low[:2].tolist() == high[:2].tolist() == [0.7, 1.0]
    assert np.isnan(low[2])
    assert np.isinf(precision.population_n([10, 1], [10, 1])).all()


@pytest.mark.parametrize("interval", [lambda **how: precision.share_interval(5, 10, 0.95, **how)])
def test_more_answers_than_people_are_refused(interval):
    with pytest.raises(ValueError, match="1 samples are negative or larger"):
        interval(population=9)
    with pytest.raises(ValueError, match="1 design effects are not above 0"):
        interval(design_effect=0)


def test_mean_interval_by_hand():
    # Mean 8, variance 2.5, deff 1.25: four effective answers, t with 3 degrees of freedom 3.182446; half of 10 people.
    low, high = precision.mean_interval(*SUMS, 0.95, population=10, design_effect=1.25)
    half = 3.182446 * np.sqrt(2.5 / 4 * 0.5)
    assert (low, high) == (pytest.approx(8 - half, abs=1e-6), pytest.approx(8 + half, abs=1e-6))


def test_mean_interval_without_design_is_students():
    from pipeline.reliability.intervals import t_interval

    assert np.allclose(precision.mean_interval(*SUMS, 0.95), t_interval(*SUMS, 0.95))
    assert np.isnan(precision.mean_interval([0, 1], [0, 8], [0, 64], 0.95)).all()
    with pytest.raises(ValueError, match="too small for their sum"):
        precision.mean_interval(2, 20, 100, 0.95)


@settings(deadline=None, max_examples=30)
@given(counts, counts)
def test_differences_turn_with_their_sides_and_stay_in_range(first, second):
    for method in (precision.newcombe, precision.miettinen_nurminen):
        low, high = method(*first, *second, 0.95)
        turned = method(*second, *first, 0.95)
        assert np.allclose((low, high), (-turned[1], -turned[0]), atol=1e-9)
        assert -1 <= low <= first[0] / first[1] - second[0] / second[1] <= high <= 1


def test_miettinen_nurminen_solves_its_own_equation():
    low, high = precision.miettinen_nurminen([56, 9, 0], [70, 10, 20], [48, 3, 0], [80, 10, 10], 0.95)
    for bound, sign in ((low, 1), (high, -1)):
        score = precision.difference_score([56, 9, 0], [70, 10, 20], [48, 3, 0], [80, 10, 10], bound)
        assert np.allclose(score, sign * 1.959964, atol=1e-5)


def test_a_difference_with_an_empty_side_is_unknown():
    assert np.isnan(precision.miettinen_nurminen(1, 2, 0, 0, 0.95)).all()
    assert np.isnan(precision.newcombe(0, 0, 1, 2, 0.95)).all()


def test_difference_of_published_figures_with_uneven_margins():
    # Zou and Donner's formula by hand: 7.0 (6.5 to 7.3) minus 6.0 (5.8 to 6.4).
    found = precision.difference_interval(7.0, (6.5, 7.3), 6.0, (5.8, 6.4))
    assert np.allclose(found, (1.0, 1 - np.hypot(0.5, 0.4), 1 + np.hypot(0.3, 0.2)))


@settings(deadline=None)
@given(st.floats(0, 1), st.sampled_from([0.1, 0.2, 0.3]))
def test_so_many_interviews_are_enough_and_one_less_is_not(share, width):
    n = precision.interviews_needed(share, width, 0.95)
    for size, expected in ((n, True), (n - 1, False)):
        if size:
            low, high = precision.clopper_pearson(np.round(share * size), size, 0.95)
            assert (high - low < width) == expected


def test_interviewers_ask_for_more_interviews_and_few_clients_for_fewer():
    assert precision.interviews_needed(0.5, 0.3, 0.95, design_effect=1.57) == 74
    needed = precision.interviews_needed(0.5, [0.2, 0.3], 0.95, population=200)
    assert needed.tolist() == [69, 39]
    assert (precision.population_n(needed, 200) >= [104, 47]).all()
    assert (precision.population_n(needed - 1, 200) < [104, 47]).all()
    assert np.isnan(precision.interviews_needed(np.nan, 0.3, 0.95))
    assert precision.interviews_needed(0.5, 0.2, 0.95, population=20) <= 20


def test_interviews_for_a_mean():
    needed = precision.interviews_needed_for_mean([1.0, 0.8, 0.0], 0.2, 0.95)
    assert needed.tolist() == [99, 64, 2]
    assert stats.t.ppf(0.975, 98) / np.sqrt(99) <= 0.2 < stats.t.ppf(0.975, 97) / np.sqrt(98)


@pytest.mark.parametrize(
    ("method", "nominal"), [(precision.share_interval, (0.93, 0.97)), (precision.clopper_pearson, (0.95, 0.99))]
)
def test_coverage_of_shares_summed_over_every_outcome(method, nominal):
    # Exact, not simulated: the chance of each outcome, where its interval holds the truth.
    covered = []
    for n in range(30, 110, 7):
        x = np.arange(n + 1)
        low, high = method(x, n, 0.95)
        for truth in np.linspace(0.1, 0.9, 33):
            covered.append(stats.binom.pmf(x, n, truth)[(low <= truth) & (truth <= high)].sum())
    assert nominal[0] <= np.mean(covered) <= nominal[1]
    if method is precision.share_interval:
        assert np.mean(covered) == pytest.approx(0.95, abs=0.005)
    else:
        assert min(covered) >= 0.95


def test_coverage_among_few_clients_summed_over_every_outcome():
    covered = []
    for population in (80, 120, 200, 400, 1000):
        for part in (0.2, 0.4, 0.6):
            n = round(population * part)
            x = np.arange(n + 1)
            low, high = precision.share_interval(x, n, 0.95, population=population)
            for having in range(population // 10, population - population // 10, max(1, population // 40)):
                chance = stats.hypergeom.pmf(x, population, having, n)
                covered.append(chance[(low <= having / population) & (having / population <= high)].sum())
    assert np.mean(covered) == pytest.approx(0.95, abs=0.01)
    assert min(covered) > 0.85


def test_coverage_of_means_and_differences():
    rng = np.random.default_rng(20241)
    truth, scale = np.array([0.02, 0.05, 0.13, 0.35, 0.45]), np.arange(1, 6)
    answers = rng.choice(scale, p=truth, size=(4000, 50)).astype(float)
    low, high = precision.mean_interval(50, answers.sum(axis=1), (answers**2).sum(axis=1), 0.95)
    assert np.mean((low <= truth @ scale) & (truth @ scale <= high)) == pytest.approx(0.95, abs=0.01)
    x, y = rng.binomial(60, 0.8, 4000), rng.binomial(150, 0.7, 4000)
    for method in (precision.newcombe, precision.miettinen_nurminen):
        low, high = method(x, 60, y, 150, 0.95)
        assert np.mean((low <= 0.1) & (high >= 0.1)) == pytest.approx(0.95, abs=0.012)


def test_response_of_nobody_and_impossible_dispositions():
    assert np.isnan(response.response_rates(0, 0, 0, 0, 0)).all()
    with pytest.raises(ValueError, match="1 sets of dispositions are negative"):
        response.response_rates([1, -1], 0, 0, 0, 0)
    with pytest.raises(ValueError, match=r"outside 0\.\.1"):
        response.response_rates(1, 0, 0, 0, 0, eligible=1.5)


@settings(deadline=None)
@given(st.lists(st.integers(0, 500), min_size=7, max_size=7), st.floats(0, 1))
def test_response_rates_are_shares_in_a_known_order(dispositions, eligible):
    rates = response.response_rates(*dispositions, eligible=eligible)
    if sum(dispositions[:5]):
        assert 0 <= rates.rr1 <= rates.rr3 <= rates.rr5 <= 1
        assert rates.rr1 <= rates.rr2 <= rates.rr4 <= rates.rr6 <= 1


def test_item_nonresponse():
    assert response.item_nonresponse([60, 10, 0], [57, 10, 0])[:2].tolist() == [0.05, 0.0]
    assert np.isnan(response.item_nonresponse(0, 0))
    with pytest.raises(ValueError, match="1 questions have more answers"):
        response.item_nonresponse(5, 6)
