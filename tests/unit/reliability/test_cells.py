"""Precision of cells: design effects and intervals by hand, how often intervals hold the truth, and the funnel."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import simulated_cells as simulated
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pipeline.reliability.cells import KEY, MEASUREMENT, cell_precision, measure_funnel, measure_precision
from pipeline.reliability.comparison import benjamini_hochberg, dispersion

Z = stats.norm.ppf(0.975)
OF_CELLS = ["scale_range", "asked", "answered", "interviewers", "at_an_end", "trend_points", "weights_effect"]


def precise(kind, n, numerator, **more):
    return cell_precision(simulated.cells(kind, np.atleast_1d(n), numerator, **more), 0.95)


def measured(table, **more):
    """Measurements by check of one cell."""
    full = table.assign(value=table["scale"] * table["numerator"] / table["n"], **dict.fromkeys(OF_CELLS, np.nan))
    full = full.assign(**more)
    rows = measure_precision(full, cell_precision(full, 0.95), 0.95)
    assert list(rows) == MEASUREMENT
    return rows.set_index("check_code")


def wilson(share, n):
    middle = share + Z**2 / (2 * n)
    half = Z * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return (middle - half) / (1 + Z**2 / n), (middle + half) / (1 + Z**2 / n)


def test_a_share_of_answers_counts_for_n_over_its_design_effect():
    # 30 answers to one interviewer, 20 and 10 to others: (900 + 400 + 100)/60 = 23.33
    found = precise("proportion", 60, 45, rho=0.05, sum_of_squared_sizes=1400).iloc[0]
    effect = 1 + (1400 / 60 - 1) * 0.05
    assert found["design_effect"] == pytest.approx(effect) and found["n_eff"] == pytest.approx(60 / effect)
    assert (found["ci_low"], found["ci_high"]) == pytest.approx(wilson(0.75, 60 / effect))
    assert found["method"] == "wilson"


def test_answers_without_an_interviewer_stand_alone():
    alone = precise("proportion", [60, 60], 45, rho=0.05, sum_of_squared_sizes=[60, np.nan])
    assert alone["design_effect"].tolist() == [1, 1]


def test_clients_are_a_finite_population_unless_more_answered():
    found = precise("proportion", [60, 60, 60, 59], [45, 45, 45, 59], rho=0.0, population=[200, np.nan, 59, 59])
    assert found["n_eff"].tolist() == pytest.approx([60 * 199 / 140, 60, 60, np.inf])
    assert found["population"].isna().tolist() == [False, True, True, False]
    assert found.loc[0, ["ci_low", "ci_high"]].tolist() == pytest.approx(wilson(0.75, 60 * 199 / 140))
    assert found.loc[3, ["ci_low", "ci_high"]].tolist() == [1, 1]


def test_several_figures_of_one_person_count_for_persons():
    # 90 pairs of ratings of 30 people; a population of interviewers does not come into it
    found = precise("proportion", [90, 90, 90], 60, persons=[30, 90, 0])
    assert found["design_effect"].tolist() == [3, 1, 1]
    assert found.loc[0, ["n_eff", "ci_low", "ci_high"]].tolist() == pytest.approx([30, *wilson(2 / 3, 30)])
    # of a survey the answers of one question are persons already
    assert precise("proportion", 90, 60, persons=30, rho=0.0)["n_eff"].tolist() == [90]


def test_a_mean_has_student_s_interval_on_n_over_its_design_effect():
    # forty marks of 6 and forty of 8 among 160 clients
    found = precise(
        "mean", 80, 560, sum_of_squares=40 * 36 + 40 * 64, rho=0.03, sum_of_squared_sizes=800, population=160
    ).iloc[0]
    effect = 1 + 9 * 0.03
    error = np.sqrt(80 / 79 * effect / 80 * (1 - 0.5))
    half = stats.t.ppf(0.975, 80 / effect - 1) * error
    assert (found["ci_low"], found["ci_high"]) == pytest.approx((7 - half, 7 + half))
    assert found["n_eff"] == pytest.approx(80 / effect * 159 / 80)
    assert found["method"] == "student_t"


def test_rates_ratios_and_counts():
    table = pd.concat(
        [
            simulated.cells("rate", [8000], 40, scale=1000.0),
            simulated.cells("ratio", [200], 40, scale=100.0, persons=150),
            simulated.cells("count", [12], 12, persons=np.nan),
        ],
        ignore_index=True,
    )
    found = cell_precision(table, 0.95)
    assert found["method"].tolist() == ["byar", "byar", "none"]
    low = 40 * (1 - 1 / 360 - Z / (3 * np.sqrt(40))) ** 3
    assert found["ci_low"].tolist()[:2] == pytest.approx([low / 8, low / 2])
    assert found["n_eff"].isna().all() and found["design_effect"].isna().all() and np.isnan(found["ci_low"][2])
    rows = measured(table.iloc[[2]], interviewers=3.0)
    assert rows.empty


def test_cells_without_anybody_or_with_one_answer_have_no_interval():
    found = precise("proportion", [0, 1], [0, 1], rho=0.03, sum_of_squared_sizes=[0, 1])
    assert np.isnan(found["ci_low"][0]) and found["ci_high"].tolist()[1] == 1
    assert found["method"].tolist() == ["none", "wilson"]
    lonely = precise("mean", [0, 1, 2], [0, 7, 14], sum_of_squares=[0, 49, 98], rho=0.0)
    assert lonely["method"].tolist() == ["none", "none", "student_t"]
    assert measured(simulated.cells("proportion", [0], 0, rho=0.0)).empty


def test_the_exact_width_stands_on_the_effective_number():
    rows = measured(simulated.cells("proportion", [60], 45, rho=0.05, sum_of_squared_sizes=1400))
    n = 60 / (1 + (1400 / 60 - 1) * 0.05)
    low, high = stats.beta.ppf(0.025, 0.75 * n, 0.25 * n + 1), stats.beta.ppf(0.975, 0.75 * n + 1, 0.25 * n)
    assert rows.loc["share_width", "value"] == pytest.approx(high - low)
    assert rows.loc["share_width", "second_value"] == pytest.approx((high - low) / 0.75)
    assert rows.loc["effective_n", ["value", "n", "n_eff"]].tolist() == pytest.approx([n, 60, n])
    everybody = measured(simulated.cells("proportion", [60], 45, rho=0.0, population=60))
    assert everybody.loc["share_width", "value"] == 0 and everybody.loc["effective_n", "value"] == np.inf
    assert measured(simulated.cells("proportion", [60], 0)).loc["share_width", "second_value"] == np.inf


def test_what_else_a_cell_says_of_itself():
    table = simulated.cells("mean", [80], 560, sum_of_squares=4000, rho=0.0, sum_of_squared_sizes=800)
    rows = measured(
        table,
        scale_range=9.0,
        asked=100.0,
        answered=80.0,
        interviewers=5.0,
        at_an_end=0.25,
        trend_points=3.0,
        weights_effect=1.2,
    )
    assert rows["value"].drop("mean_half_width").to_dict() == {
        "privacy_minimum": 80,
        "effective_n": 80,
        "item_nonresponse": pytest.approx(0.2),
        "interviewers": 5,
        "weights_effect": 1.2,
        "floor_ceiling": 0.25,
        "trend_points": 3,
    }
    half = stats.t.ppf(0.975, 79) * np.sqrt(80 / 79 / 80)
    assert rows.loc["mean_half_width", ["value", "scale_range"]].tolist() == pytest.approx([half, 9])
    assert rows.loc["item_nonresponse", "n"] == 100
    # whose interviewers nobody knows has none; what is no survey has no such check
    assert measured(table).loc["interviewers", "value"] == 0
    assert "interviewers" not in measured(simulated.cells("proportion", [80], 40)).index


def test_a_rate_is_judged_by_its_width_and_nothing_happened_is_infinitely_wide():
    found = measured(simulated.cells("rate", [8000, 8000], [40, 0], scale=1000.0)).loc["rate_width", "value"]
    assert found.tolist() == [pytest.approx(_byar_width(40) / 40), np.inf]


def _byar_width(count):
    ends = (count, -1), (count + 1, 1)
    low, high = (number * (1 - 1 / (9 * number) + side * Z / (3 * np.sqrt(number))) ** 3 for number, side in ends)
    return high - low


def test_sums_that_cannot_be_are_refused_without_a_value():
    with pytest.raises(ValueError, match="numerator outside") as refused:
        precise("proportion", 41, 77)
    assert "77" not in str(refused.value)
    with pytest.raises(ValueError, match="sum of squares too small"):
        precise("mean", 41, 77, sum_of_squares=1)


# How often an interval of 95 % holds the truth. With 4,000 draws every design here lies from 94 to 96 %; where few of
# few answers are all that can be (19 in 20 of 32 of 80 clients) it is 97 %, because there is no value in between.


@pytest.mark.parametrize(("population", "part"), [(80, 0.4), (200, 0.6), (1000, 0.2)])
@pytest.mark.parametrize("share", [0.5, 0.8])
def test_coverage_of_shares_in_finite_populations(population, part, share):
    rng = np.random.default_rng(population)
    held = simulated.shares_of_finite_populations(rng, 2000, population, int(population * part), share)
    assert 0.93 <= held.mean() <= 0.97


@pytest.mark.parametrize(("population", "part"), [(80, 0.2), (200, 0.4), (400, 0.6)])
def test_coverage_of_means_in_finite_populations(population, part):
    rng = np.random.default_rng(population)
    held = simulated.means_of_finite_populations(rng, 1000, population, int(population * part))
    assert 0.93 <= held.mean() <= 0.97


@pytest.mark.parametrize("kind", ["proportion", "mean"])
@pytest.mark.parametrize("rho", [0.03, 0.05, 0.1])
def test_coverage_with_interviewers_who_took_different_numbers(kind, rho):
    sizes = [5, 5, 5, 10, 10, 10, 15, 15, 20, 20, 20, 25, 30, 35, 40, 60]
    held = simulated.answers_to_interviewers(np.random.default_rng(5), 1000, kind, rho, sizes)
    assert 0.93 <= held.mean() <= 0.97


def test_without_the_design_effect_the_interval_would_hold_the_truth_too_seldom():
    rng = np.random.default_rng(6)
    sizes = np.array([20] * 15)
    chance = rng.beta(0.7 * 9, 0.3 * 9, (1000, 15))
    total = rng.binomial(sizes, chance).sum(axis=1)
    naive = simulated.cells("proportion", np.full(1000, 300), total)
    assert simulated.covered(naive, 0.7).mean() < 0.8


# The funnel


def districts(shares, n=400, consortium="tom", period="2024-H1", rho=0.0):
    table = simulated.cells("proportion", np.full(len(shares), n), np.round(np.array(shares) * n), rho=rho)
    return table.assign(
        consortium_code=consortium,
        indicator_code="tom_share",
        period=period,
        district_code=[f"WK{number}" for number in range(len(shares))],
    )


def funnel(table):
    return measure_funnel(table, cell_precision(table, 0.95))


def test_districts_inside_between_and_outside_the_limits():
    rng = np.random.default_rng(3)
    shares = [*np.clip(rng.normal(0.7, 0.02, 40), 0, 1), 0.7, 0.635, 0.5]
    table = districts(shares)
    found = funnel(table).set_index("district_code")
    counts, n = np.round(np.array(shares) * 400), np.full(43, 400.0)
    spread = dispersion(counts, n)
    z = (np.arcsin(np.sqrt(counts / n)) - np.arcsin(np.sqrt(spread.target))) / np.sqrt(1 / 1600 + spread.tau_squared)
    assert found["value"].tolist() == pytest.approx(z.tolist())
    inner, outer = stats.norm.ppf([0.975, 0.999])
    distance = found["value"].abs()
    assert distance["WK40"] < inner < distance["WK41"] < outer < distance["WK42"]
    p_value = 2 * stats.norm.sf(np.abs(z))
    assert found["second_value"].tolist() == pytest.approx(benjamini_hochberg(p_value).tolist())
    assert found.loc["WK41", "second_value"] > 0.05 > p_value[41]


def test_each_consortium_and_half_year_is_a_family_of_tests():
    shares = [0.7, 0.71, 0.69, 0.7, 0.6]
    one = districts(shares)
    more = [one, districts(shares, period="2024-H2"), districts(shares, consortium="go")]
    together = funnel(pd.concat(more, ignore_index=True))
    alone = funnel(one)
    # a second half-year of the same indicator has a whole of its own; the same indicator twice in one is one whole
    same = together[(together["period"] == "2024-H2")]
    assert same["second_value"].tolist() == pytest.approx(alone["second_value"].tolist())
    second = pd.concat([one, districts([0.7] * 5).assign(indicator_code="tom_other")], ignore_index=True)
    of_two = funnel(second)
    assert (of_two["second_value"].to_numpy()[:5] >= alone["second_value"].to_numpy() - 1e-12).all()
    assert of_two["second_value"][4] == pytest.approx(2 * alone["second_value"][4])


def test_the_funnel_knows_interviewers_and_no_finite_population():
    shares = [0.7, 0.71, 0.69, 0.66]
    loose = districts(shares, rho=0.05).assign(sum_of_squared_sizes=400 * 20, population=401)
    found = funnel(loose)
    assert found["n_eff"].tolist() == pytest.approx([400 / 1.95] * 4)
    # no more spread than chance gives: z shrinks with the root of the design effect
    plain = funnel(districts(shares))["value"] / np.sqrt(1.95)
    assert found["value"].tolist() == pytest.approx(plain.tolist())


def test_two_districts_means_and_nobody_are_in_no_funnel():
    assert funnel(districts([0.7, 0.5])).empty
    nobody = districts([0.7, 0.5, 0.6]).assign(n=[400.0, 400.0, 0.0], numerator=[280.0, 200.0, 0.0])
    assert funnel(nobody).empty
    means = districts([0.7, 0.5, 0.6]).assign(kind="mean", sum_of_squares=400.0)
    assert funnel(means).empty
    assert list(funnel(districts([0.5, 0.6]))) == MEASUREMENT
    # all the same says nothing and divides by nothing
    assert funnel(districts([1, 1, 1]))["value"].tolist() == [0, 0, 0]


@settings(max_examples=8, deadline=None)
@given(st.permutations(range(12)))
def test_the_order_of_cells_does_not_matter(order):
    table = districts(np.linspace(0.5, 0.9, 12), rho=0.03).assign(
        sum_of_squared_sizes=np.arange(12) * 100.0 + 400, population=np.arange(12) * 50.0 + 300
    )
    mixed = table.iloc[list(order)].reset_index(drop=True)
    for of in (lambda rows: cell_precision(rows, 0.95), funnel):
        plain = [of(rows).sort_values(KEY, ignore_index=True) for rows in (table, mixed)]
        pd.testing.assert_frame_equal(*plain)
