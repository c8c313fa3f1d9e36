"""Scales, raters and interviewers: sums against the raw table, edges, invariants, known truth."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.reliability import agreement, consistency, interviewers

NAN = np.nan
SCALE = range(1, 6)
pairs = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=40)


def one_factor(rng, n, items=10, loading=0.65):
    """Answers of a scale with one factor; alpha and omega are known."""
    factor = rng.standard_normal((n, 1))
    return loading * factor + np.sqrt(1 - loading**2) * rng.standard_normal((n, items))


# Consistency


def test_respondents_with_a_gap_are_left_out():
    rng = np.random.default_rng(1)
    answers = one_factor(rng, 50, 4)
    holes = np.vstack([answers, [1.0, NAN, 5.0, 2.0]])
    assert consistency.cronbach_alpha(holes) == consistency.cronbach_alpha(answers)
    assert consistency.omega_total(holes) == consistency.omega_total(answers)


@pytest.mark.parametrize("answers", [np.empty((0, 3)), [[1, 2, 3]], [[4], [5], [3]], [[1, 1], [1, 1], [1, 1]]])
def test_alpha_of_too_little_is_unknown(answers):
    assert np.isnan(consistency.cronbach_alpha(answers))


def test_a_reversed_item_shows_in_its_item_rest_correlation():
    answers = one_factor(np.random.default_rng(2), 300, 5)
    answers[:, 3] *= -1
    found = consistency.item_rest_correlations(answers)
    assert found[3] < 0 < found[[0, 1, 2, 4]].min()
    assert np.isnan(consistency.item_rest_correlations([[1, 5], [2, 5], [4, 5]])).all()


def test_item_rest_is_the_correlation_with_the_total_of_the_others():
    answers = one_factor(np.random.default_rng(3), 80, 4)
    expected = [np.corrcoef(answers[:, i], np.delete(answers, i, axis=1).sum(axis=1))[0, 1] for i in range(4)]
    assert np.allclose(consistency.item_rest_correlations(answers), expected)


@settings(deadline=None, max_examples=15)
@given(st.lists(st.floats(0.3, 0.95), min_size=3, max_size=8), st.floats(0.2, 5))
def test_omega_of_an_exact_one_factor_covariance_is_known(loadings, scale):
    loadings = np.array(loadings)
    covariance = (np.outer(loadings, loadings) + np.diag(1 - loadings**2)) * scale
    expected = loadings.sum() ** 2 / (loadings.sum() ** 2 + (1 - loadings**2).sum())
    assert consistency.omega_total_from_covariance(covariance) == pytest.approx(expected, abs=1e-5)


def test_omega_equals_alpha_when_items_load_alike_and_takes_many_matrices():
    same = np.full((6, 6), 0.4) + 0.6 * np.eye(6)
    alpha = consistency.cronbach_alpha_from_sums(6, np.trace(same), same.sum())
    found = consistency.omega_total_from_covariance(np.stack([same, 4 * same, np.full((6, 6), NAN)]))
    assert np.allclose(found[:2], alpha, atol=1e-6)
    assert np.isnan(found[2])


@pytest.mark.parametrize(
    "covariance",
    [np.eye(2) + 0.5, np.ones((4, 4)), np.diag([1.0, 1.0, 0.0]), [[1, 0.9, 0.9], [0.9, 1, 0.2], [0.9, 0.2, 1]]],
    ids=["two items", "copies", "constant item", "Heywood"],
)
def test_omega_without_a_proper_solution_is_unknown(covariance):
    assert np.isnan(consistency.omega_total_from_covariance(covariance))


def test_alpha_intervals_refuse_what_cannot_be_and_know_no_interval_of_one_item():
    with pytest.raises(ValueError, match="1 alphas are above 1"):
        consistency.feldt_interval([0.8, 1.2], 50, 5, 0.95)
    for interval in (consistency.feldt_interval, consistency.bonett_interval):
        assert np.isnan(interval([0.8, 0.8], [50, 1], [1, 5], 0.95)).all()


def test_number_of_respondents_that_the_method_asks_for():
    # With ten items the lower bound reaches .60 at 93, 33 and 15 respondents for alpha .70, .75 and .80.
    for alpha, n in ((0.70, 93), (0.75, 33), (0.80, 15)):
        assert consistency.feldt_interval(alpha, n, 10, 0.95)[0] >= 0.60
        assert consistency.feldt_interval(alpha, n - 1, 10, 0.95)[0] < 0.60


def test_coverage_of_the_intervals_of_alpha():
    rng = np.random.default_rng(4)
    truth = 10 * 0.65**2 / (1 + 9 * 0.65**2)
    alphas = np.array([consistency.cronbach_alpha(one_factor(rng, 60)) for _ in range(1500)])
    for interval in (consistency.feldt_interval, consistency.bonett_interval):
        low, high = interval(alphas, 60, 10, 0.95)
        assert np.mean((low <= truth) & (truth <= high)) == pytest.approx(0.95, abs=0.015)


# Agreement


def test_a_rating_outside_the_scale_is_refused():
    with pytest.raises(ValueError, match="1 ratings lie outside the scale"):
        agreement.pair_table([1, 6], [1, 2], SCALE)
    with pytest.raises(ValueError, match="2 ratings lie outside the scale"):
        agreement.category_counts([[0, 2.5, NAN]], SCALE)


def test_pairs_of_which_one_rating_is_missing_do_not_count():
    first, second = [1, 2, NAN, 4], [1, NAN, 3, 5]
    assert agreement.pair_table(first, second, SCALE).sum() == 2
    assert agreement.quadratic_kappa(first, second) == agreement.quadratic_kappa([1, 4], [1, 5])


@settings(deadline=None, max_examples=40)
@given(pairs)
def test_kappas_by_moments_and_by_table_agree_and_do_not_know_who_came_first(rated):
    x, y = np.array(rated, dtype=float).T
    table = agreement.pair_table(x, y, SCALE)
    by_moments, by_table = agreement.quadratic_kappa(x, y), agreement.cohen_kappa(table, "quadratic")
    assert np.allclose(by_moments, by_table, equal_nan=True)
    assert np.isnan(by_moments) == (len(set(x) | set(y)) == 1)
    for weights in ("unweighted", "linear", "quadratic"):
        kappa, gwet = agreement.cohen_kappa(table, weights), agreement.gwet_of_pairs(table, weights)
        assert np.isnan(kappa) or -1 - 1e-9 <= kappa <= 1 + 1e-9
        assert gwet.coefficient <= 1 + 1e-9
        assert np.isnan(gwet.low) or gwet.low <= gwet.coefficient + 1e-9 <= gwet.high + 2e-9
        assert np.allclose(kappa, agreement.cohen_kappa(table.T, weights), equal_nan=True)
        assert np.allclose(gwet, agreement.gwet_of_pairs(table.T, weights), equal_nan=True)


@settings(deadline=None)
@given(pairs, st.randoms())
def test_krippendorff_and_gwet_give_the_same_from_pairs_and_from_raw_ratings_in_any_order(rated, shuffler):
    table = agreement.pair_table(*np.array(rated, dtype=float).T, SCALE)
    shuffler.shuffle(rated)
    raw = np.array(rated, dtype=float)
    for level in ("nominal", "ordinal", "interval", "ratio"):
        from_pairs = agreement.krippendorff_from_coincidences(table + table.T, SCALE, level)
        assert np.allclose(from_pairs, agreement.krippendorff_alpha(raw, SCALE, level), equal_nan=True)
    for weights in ("unweighted", "quadratic"):
        same = zip(agreement.gwet_of_pairs(table, weights), agreement.gwet(raw, SCALE, weights), strict=True)
        assert all(np.allclose(a, b, equal_nan=True) for a, b in same)


def test_many_tables_at_once():
    tables = np.random.default_rng(5).integers(0, 9, (4, 3, 5, 5))
    found = agreement.gwet_of_pairs(tables, "quadratic")
    single = agreement.gwet_of_pairs(tables[2, 1], "quadratic")
    assert found.low.shape == (4, 3)
    assert np.allclose([part[2, 1] for part in found], single)
    assert agreement.cohen_kappa(tables).shape == agreement.agreement_within(tables, 1).shape == (4, 3)


def test_one_category_one_rater_and_nobody():
    assert np.isnan(agreement.quadratic_kappa([3, 3], [3, 3]))
    assert np.isnan(agreement.krippendorff_alpha([[3, 3], [3, 3]], SCALE, "ordinal"))
    assert np.isnan(agreement.fleiss_kappa([[3, 3], [3, 3]], SCALE))
    # Gwet's coefficient is there for this very case.
    assert agreement.gwet([[3, 3], [3, 3]], SCALE).coefficient == 1
    for ratings in ([[3, NAN], [NAN, 4]], np.empty((0, 2))):
        assert np.isnan(agreement.gwet(ratings, SCALE)).all()
        assert np.isnan(agreement.krippendorff_alpha(ratings, SCALE, "nominal"))
        assert np.isnan(agreement.fleiss_kappa(ratings, SCALE))
        assert np.isnan(agreement.quadratic_kappa(*np.array(ratings).T))
    assert np.isnan(agreement.agreement_within(np.zeros((5, 5))))


def test_full_agreement_of_few_is_no_certainty():
    few, many = (agreement.gwet_of_pairs(np.eye(5) * n, "quadratic") for n in (1, 40))
    assert few.coefficient == many.coefficient == few.high == 1
    assert few.low < 0.7 < many.low < 1


def test_steps_apart():
    table = agreement.pair_table([1, 2, 3, 5], [1, 3, 1, 1], SCALE)
    assert [float(agreement.agreement_within(table, steps)) for steps in (0, 1, 2, 4)] == [0.25, 0.5, 0.75, 1.0]


def test_coverage_of_gwets_interval():
    rng = np.random.default_rng(6)
    chance = np.array([0.05, 0.1, 0.2, 0.3, 0.35])
    noise = np.array([0.1, 0.8, 0.1])
    table = np.zeros((5, 5))
    for score in range(5):
        for step, p in zip((-1, 0, 1), noise, strict=True):
            table[score, min(max(score + step, 0), 4)] += chance[score] * p
    truth = agreement.gwet_of_pairs(table, "quadratic").coefficient
    found = agreement.gwet_of_pairs(rng.multinomial(60, table.ravel(), 3000).reshape(-1, 5, 5), "quadratic")
    assert np.mean((found.low <= truth) & (truth <= found.high)) == pytest.approx(0.96, abs=0.015)
    # Plus and minus so many standard errors would not do.
    half = 2 * found.standard_error
    assert np.mean(np.abs(found.coefficient - truth) <= half) < 0.94


def test_gwets_standard_error_as_published():
    # Gwet's R package irrCAC prints .14295 for the unweighted coefficient of these twelve units.
    ratings = np.array(
        [
            [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
            [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
            [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
            [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
        ]
    ).T
    assert agreement.gwet(ratings, SCALE).standard_error == pytest.approx(0.14295, abs=5e-6)


# Interviewers


def test_interviewer_effect_from_an_analysis_of_variance_by_hand():
    # Groups 1 2 3 and 3 4 5 6: n0 = (7 - 25/7)/1, MSB = 10.7143, MSW = 7/5.
    found = interviewers.interviewer_effect([1, 2, 3, 3, 4, 5, 6, NAN], ["a"] * 3 + ["b"] * 4 + ["c"])
    each, between, within = 7 - 25 / 7, 3 * (2 - 24 / 7) ** 2 + 4 * (4.5 - 24 / 7) ** 2, 7 / 5
    assert found.per_interviewer == pytest.approx(each)
    assert found.rho == pytest.approx((between - within) / (between + (each - 1) * within))
    assert found.standard_error > 0


@pytest.mark.parametrize(("answers", "who"), [([], []), ([1, 2], "aa"), ([1, 2], "ab"), ([3, 3, 3, 3], "aabb")])
def test_interviewer_effect_of_too_little_is_unknown(answers, who):
    assert np.isnan(interviewers.interviewer_effect(answers, np.array(list(who))).rho)


def test_sums_that_no_answers_can_have_are_refused():
    with pytest.raises(ValueError, match="1 groups have sums that no answers can have"):
        interviewers.interviewer_effect_from_sums(2, 10, 50, 250, 30, 100, 120)
    with pytest.raises(ValueError, match="1 groups have more interviewers"):
        interviewers.interviewer_effect_from_sums(3, 2, 2, 2, 4, 8, 8)


def test_the_error_of_rho_is_that_of_simulated_interviewers():
    rng = np.random.default_rng(7)
    who = np.repeat(np.arange(26), [20, 40] * 13)
    found = []
    for _ in range(600):
        answers = np.sqrt(0.1) * rng.standard_normal(26)[who] + np.sqrt(0.9) * rng.standard_normal(len(who))
        found.append(interviewers.interviewer_effect(answers, who)[:2])
    rho, error = np.array(found).T
    assert rho.mean() == pytest.approx(0.1, abs=0.01)
    assert np.sqrt((error**2).mean()) == pytest.approx(rho.std(), rel=0.1)


def test_pooling_weighs_by_what_an_estimate_says_and_keeps_a_floor():
    weight = interviewers.rho_weight([13, 4], [780, 80], [13 * 3600, 4 * 400], [13 * 216000, 4 * 8000])
    assert weight[0] > 5 * weight[1]
    pooled = interviewers.pooled_rho([0.08, 0.02], weight)
    assert pooled == pytest.approx(np.average([0.08, 0.02], weights=weight))
    assert interviewers.pooled_rho([[-0.02, 0.0], [NAN, NAN]], [[1, 1], [NAN, NAN]]).tolist() == [0.01, 0.03]
    assert interviewers.pooled_rho([], []) == 0.03


def test_effective_numbers():
    assert interviewers.weights_design_effect([4, 4, 0], [4, 8, 0], [4, 32, 0])[:2].tolist() == [1.0, 2.0]
    assert np.isnan(interviewers.weights_design_effect(0, 0, 0))
    assert interviewers.effective_n(157, 1.0, interviewers.interviewer_design_effect(20, 0.03)) == pytest.approx(100)
    assert interviewers.interviewer_design_effect(0.5, 0.03) == 1
    for wrong in (
        lambda: interviewers.weights_design_effect(4, 8, 10),
        lambda: interviewers.interviewer_design_effect(20, 1.2),
        lambda: interviewers.effective_n(10, 0),
    ):
        with pytest.raises(ValueError, match=r"^1 "):
            wrong()


def test_design_effect_keeps_the_coverage_of_a_share_that_interviewers_colour():
    rng = np.random.default_rng(8)
    shares = rng.beta(0.7 * 97 / 3, 0.3 * 97 / 3, (3000, 12))
    x = rng.binomial(15, shares).sum(axis=1)
    from pipeline.reliability.precision import share_interval

    effect = interviewers.interviewer_design_effect(15, 0.03)
    low, high = share_interval(x, 180, 0.95, design_effect=effect)
    assert np.mean((low <= 0.7) & (high >= 0.7)) == pytest.approx(0.95, abs=0.01)
    low, high = share_interval(x, 180, 0.95)
    assert np.mean((low <= 0.7) & (high >= 0.7)) < 0.92


@settings(deadline=None, max_examples=30)
@given(st.integers(3, 12), st.integers(2, 5), st.integers(0, 2**31))
def test_intraclass_correlations_are_ordered_and_do_not_depend_on_the_order_of_units(n, k, seed):
    rng = np.random.default_rng(seed)
    ratings = rng.integers(1, 6, (n, k)).astype(float)
    found = np.array(interviewers.icc(ratings))
    assert np.allclose(found, interviewers.icc(rng.permutation(ratings)), equal_nan=True)
    assert np.isnan(found[:3]).all() or (found[:3] <= 1 + 1e-9).all()


def test_intraclass_correlation_of_one_judge_or_full_agreement():
    assert np.isnan(interviewers.icc([[1], [2], [3]])).all()
    same = np.tile([[1.0], [2.0], [5.0]], 3)
    assert np.allclose(interviewers.icc(same), 1)
    assert np.isnan(interviewers.absolute_agreement_interval(*interviewers.mean_squares(same), 0.95)).all()
    gaps = np.vstack([same, [4, NAN, 4]])
    assert interviewers.mean_squares(gaps)[0] == 3


def test_coincidences_count_pairs_of_one_unit():
    # Of three raters each unit weighs three: one pair of categories counts as a half.
    found = agreement.coincidences([[1, 2, 2], [3, NAN, NAN]], [1, 2, 3])
    assert found.tolist() == [[0, 1, 0], [1, 1, 0], [0, 0, 0]]
    assert sum(1 for _ in combinations(range(3), 2)) == found.sum()


def test_an_effect_counts_by_how_much_it_says():
    drawn = interviewers.towards_usual([0.2, 0.2, 0.2, 0.2, NAN], [0.0, 0.05, np.inf, NAN, 0.01], 0.03, 0.05)
    assert np.allclose(drawn, [0.2, 0.115, 0.03, 0.03, 0.03])
    with pytest.raises(ValueError, match="spreads"):
        interviewers.towards_usual(0.1, 0.1, 0.03, 0.0)
