"""Intervals against published values, against other implementations, and for every size."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pipeline.reliability.intervals import byar, cell_intervals, t_interval, wilson

# Newcombe (1998), Statistics in Medicine 17, table I, method 3; 95 %.
NEWCOMBE_WILSON = [
    (81, 263, 0.2553, 0.3662),
    (15, 148, 0.0624, 0.1605),
    (0, 20, 0.0, 0.1611),
    (1, 29, 0.0061, 0.1718),
]
SCORES = [8, 9, 7, 10, 6]


@pytest.mark.parametrize(("numerator", "n", "low", "high"), NEWCOMBE_WILSON)
def test_wilson_gives_newcombes_published_intervals(numerator, n, low, high):
    assert np.allclose(wilson(numerator, n, 0.95), (low, high), atol=5e-5)


def test_wilson_ends_exactly_at_0_and_1():
    low, high = wilson([0, 20], 20, 0.95)
    assert low[0] == 0.0
    assert high[1] == 1.0


def test_wilson_of_nobody_is_unknown():
    assert np.isnan(wilson(0, 0, 0.95)).all()


@given(
    st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.sampled_from([0.8, 0.95, 0.998]),
)
def test_wilson_agrees_with_scipy_and_holds_the_share(share, confidence):
    numerator, n = share
    low, high = wilson(numerator, n, confidence)
    expected = stats.binomtest(numerator, n).proportion_ci(confidence, method="wilson")
    assert np.allclose((low, high), (expected.low, expected.high), atol=1e-12)
    assert 0 <= low <= numerator / n <= high <= 1


@pytest.mark.parametrize(("numerator", "n"), [(-1, 10), (11, 10)])
def test_wilson_refuses_a_numerator_outside_n(numerator, n):
    with pytest.raises(ValueError, match="1 shares have a numerator outside"):
        wilson([numerator, 5], [n, 10], 0.95)


def test_t_interval_by_hand():
    # Mean 8, variance 2.5, standard error √0.5; the 97.5 % point of t with 4 degrees of freedom is 2.776445.
    low, high = t_interval(5, sum(SCORES), sum(score**2 for score in SCORES), 0.95)
    assert (low, high) == (pytest.approx(8 - 1.963243, abs=1e-6), pytest.approx(8 + 1.963243, abs=1e-6))


@given(st.lists(st.integers(1, 10), min_size=2, max_size=200), st.sampled_from([0.8, 0.95, 0.998]))
def test_t_interval_agrees_with_scipy_on_the_answers_themselves(answers, confidence):
    low, high = t_interval(len(answers), sum(answers), sum(answer**2 for answer in answers), confidence)
    if len(set(answers)) == 1:
        assert low == high == answers[0]
    else:
        expected = stats.ttest_1samp(answers, 0).confidence_interval(confidence)
        assert np.allclose((low, high), (expected.low, expected.high), rtol=1e-9)


@pytest.mark.parametrize("n", [0, 1])
def test_t_interval_needs_two_answers(n):
    assert np.isnan(t_interval(n, 8 * n, 64 * n, 0.95)).all()


def test_t_interval_refuses_impossible_sums():
    with pytest.raises(ValueError, match="sum of squares that is too small"):
        t_interval(2, 20, 100, 0.95)


def test_byar_gives_published_bounds():
    # 95 % lower bound of 100 events: tests of the UK Health Security Agency's Python package of public health methods.
    # Upper bound, and both as a ratio to 90 expected: documentation of the Ruby library byar, which takes z = 1.96.
    low, high = byar(100, 1, 1, 0.95)
    assert low == pytest.approx(81.36210549052788, abs=1e-9)
    assert high == pytest.approx(121.628347271806, abs=1e-3)
    assert np.allclose(byar(100, 90, 1, 0.95), (0.9040199067337297, 1.3514260807978444), atol=1e-5)


def test_byar_is_within_a_fifth_of_a_per_cent_of_the_exact_bounds_from_ten_events():
    # The accuracy that Public Health England's technical guide on confidence intervals (2018) states for 95 %.
    count = np.arange(10, 5000)
    low, high = byar(count, 1, 1, 0.95)
    exact_low, exact_high = stats.chi2.ppf(0.025, 2 * count) / 2, stats.chi2.ppf(0.975, 2 * count + 2) / 2
    assert np.abs(low / exact_low - 1).max() < 0.002
    assert np.abs(high / exact_high - 1).max() < 0.002


@given(st.integers(0, 10_000), st.integers(1, 200_000), st.sampled_from([0.8, 0.95, 0.9999]))
def test_byar_holds_the_rate_and_scales(count, exposure, confidence):
    low, high = byar(count, exposure, 1000, confidence)
    assert 0 <= low <= 1000 * count / exposure < high
    assert np.allclose(byar(count, exposure, 1, confidence), (low / 1000, high / 1000))


def test_byar_starts_exactly_at_0_and_knows_no_rate_of_nobody():
    low, high = byar([0, 0], [500, 0], 1000, 0.95)
    assert low[0] == 0.0
    # Exact: -ln(0.025) = 3.689 events; Byar's formula gives 3.668.
    assert high[0] == pytest.approx(2 * 3.668, abs=1e-3)
    assert np.isnan([low[1], high[1]]).all()


def test_byar_refuses_negative_counts():
    with pytest.raises(ValueError, match="1 rates have a negative count"):
        byar([-1, 3], 10, 1, 0.95)


@pytest.mark.parametrize("confidence", [0, 1, 95])
@pytest.mark.parametrize("interval", [lambda c: wilson(1, 2, c), lambda c: byar(1, 2, 1, c)])
def test_a_confidence_is_a_probability(interval, confidence):
    with pytest.raises(ValueError, match="between 0 and 1"):
        interval(confidence)


INDICATORS = pd.DataFrame(
    [
        ("share", "proportion", 1),
        ("reopened", "ratio", 100),
        ("grade", "mean", 1),
        ("reach", "rate", 1000),
        ("offers", "count", 1),
    ],
    columns=["indicator_code", "kind", "scale"],
)


def cells(*rows: tuple) -> pd.DataFrame:
    """Cells of (indicator, n, numerator, sum of squares), each in a district of its own."""
    return pd.DataFrame(
        [
            ("tom", code, f"WK0484{position:02}", "2024-H1", n, numerator, squares)
            for position, (code, n, numerator, squares) in enumerate(rows, start=1)
        ],
        columns=["consortium_code", "indicator_code", "district_code", "period", "n", "numerator", "sum_of_squares"],
    )


def test_each_kind_of_indicator_gets_its_own_interval_in_the_unit_of_its_value():
    table = cells(
        ("reach", 500, 0, None),
        ("share", 263, 81, None),
        ("grade", 5, sum(SCORES), sum(score**2 for score in SCORES)),
        ("offers", 3, 3, None),
        ("reopened", 90, 100, None),
    )
    result = cell_intervals(table, INDICATORS, 0.95)
    assert list(result) == [
        "consortium_code",
        "indicator_code",
        "district_code",
        "period",
        "ci_low",
        "ci_high",
        "method",
    ]
    assert result["indicator_code"].to_list() == table["indicator_code"].to_list()
    assert result["method"].to_list() == ["byar", "wilson", "student_t", "none", "byar"]
    expected_low = [0.0, 0.2553, 8 - 1.963243, np.nan, 90.40199]
    expected_high = [7.336, 0.3662, 8 + 1.963243, np.nan, 135.1426]
    assert np.allclose(result["ci_low"], expected_low, atol=1e-3, equal_nan=True)
    assert np.allclose(result["ci_high"], expected_high, atol=1e-3, equal_nan=True)


def test_too_few_people_for_an_interval_means_no_method():
    table = cells(("share", 0, 0, None), ("grade", 1, 8, 64), ("grade", 0, 0, None), ("reach", 0, 0, None))
    result = cell_intervals(table, INDICATORS, 0.95)
    assert result["method"].to_list() == ["none"] * 4
    assert result[["ci_low", "ci_high"]].isna().all(axis=None)


def test_no_cells_give_no_intervals_of_the_right_types():
    found = duckdb.from_df(cell_intervals(cells(), INDICATORS, 0.95))
    assert found.fetchall() == []
    assert list(map(str, found.types)) == ["VARCHAR"] * 4 + ["DOUBLE"] * 2 + ["VARCHAR"]


def test_nullable_integers_of_the_warehouse_are_read():
    table = cells(("grade", 5, 40, 330), ("share", 20, 0, None))
    table = table.astype({"n": "Int64", "numerator": "Int64", "sum_of_squares": "Int64"})
    assert cell_intervals(table, INDICATORS, 0.95)["method"].to_list() == ["student_t", "wilson"]


def test_impossible_counts_are_refused_by_indicator_and_without_a_number():
    with pytest.raises(ValueError, match=r"^1 shares have a numerator outside 0\.\.n; among the cells of share$"):
        cell_intervals(cells(("share", 10, 17, None), ("reach", 500, 3, None)), INDICATORS, 0.95)


def test_unknown_indicators_and_kinds_are_refused():
    with pytest.raises(ValueError, match="unknown indicators: surprise"):
        cell_intervals(cells(("surprise", 10, 1, None)), INDICATORS, 0.95)
    with pytest.raises(ValueError, match="unknown kinds of indicator: median"):
        cell_intervals(cells(), INDICATORS.assign(kind="median"), 0.95)
