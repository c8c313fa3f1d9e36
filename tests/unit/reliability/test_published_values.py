"""Every statistic against values that others published or computed; A01 and so on name the acceptance values."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.reliability import agreement, change, comparison, consistency, interviewers, precision, response

NAN = np.nan
# Thirty departments, seven scores (Chatterjee and Price 1977).
ATTITUDE = np.array(
    """43 51 30 39 61 92 45|63 64 51 54 63 73 47|71 70 68 69 76 86 48|61 63 45 47 54 84 35|81 78 56 66 71 83 47
    |43 55 49 44 54 49 34|58 67 42 56 66 68 35|71 75 50 55 70 66 41|72 82 72 67 71 83 31|67 61 45 47 62 80 41
    |64 53 53 58 58 67 34|67 60 47 39 59 74 41|69 62 57 42 55 63 25|68 83 83 45 59 77 35|77 77 54 72 79 77 46
    |81 90 50 72 60 54 36|74 85 64 69 79 79 63|65 60 65 75 55 80 60|65 70 46 57 75 85 46|50 58 68 54 64 78 52
    |50 40 33 34 43 64 33|64 61 52 62 66 80 41|53 66 52 50 63 80 37|40 37 42 58 50 57 49|63 54 42 48 66 75 33
    |66 77 66 63 88 76 72|78 75 58 74 80 78 49|48 57 44 45 51 83 38|85 85 71 71 77 74 55|82 82 39 59 64 78 39
    """.replace("|", " ").split(),
    dtype=float,
).reshape(30, 7)
# Six targets, four judges (Shrout and Fleiss 1979, table 2).
JUDGES = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float)
# Twenty subjects, three raters, 1 to 6.
_ANXIETY = "332 361 344 464 523 542 221 346 531 231 221 632 133 533 221 221 113 233 432 342"
ANXIETY = np.array([list(one) for one in _ANXIETY.split()], dtype=float)
# Thirty patients, six psychiatrists, five diagnoses (Fleiss 1971): how many named each.
DIAGNOSES = np.array(
    [
        *([0, 0, 0, 6, 0], [0, 3, 0, 0, 3], [0, 1, 4, 0, 1], [0, 0, 0, 0, 6], [0, 3, 0, 3, 0], [2, 0, 4, 0, 0]),
        *([0, 0, 4, 0, 2], [2, 0, 3, 1, 0], [2, 0, 0, 4, 0], [0, 0, 0, 0, 6], [1, 0, 0, 5, 0], [1, 1, 0, 4, 0]),
        *([0, 3, 3, 0, 0], [1, 0, 0, 5, 0], [0, 2, 0, 3, 1], [0, 0, 5, 0, 1], [3, 0, 0, 1, 2], [5, 1, 0, 0, 0]),
        *([0, 2, 0, 4, 0], [1, 0, 2, 0, 3], [0, 0, 0, 0, 6], [0, 1, 0, 5, 0], [0, 2, 0, 1, 3], [2, 0, 0, 4, 0]),
        *([1, 0, 0, 4, 1], [0, 5, 0, 1, 0], [4, 0, 0, 0, 2], [0, 2, 0, 4, 0], [1, 0, 5, 0, 0], [0, 0, 0, 0, 6]),
    ],
    dtype=float,
)
# Four observers, twelve units, with gaps (Krippendorff 2011, data C).
KRIPPENDORFF = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
).T
# The same data as Gwet (2014) uses them.
GWET = KRIPPENDORFF
EYES = np.array([[1520, 266, 124, 66], [234, 1512, 432, 78], [117, 362, 1772, 205], [36, 82, 179, 492]]).T
FUNNEL = (
    [61, 48, 75, 33, 90, 52, 40, 27, 118, 66, 29, 84, 45],
    [80, 70, 88, 52, 110, 71, 61, 30, 150, 95, 48, 101, 60],
)
NEWCOMBE = ([81, 15, 0, 1], [263, 148, 20, 29])


def test_a01_alpha():
    assert consistency.cronbach_alpha(ATTITUDE) == pytest.approx(0.8431427696, abs=1e-9)


def test_a02_feldt():
    low, high = consistency.feldt_interval(0.84314276956476, 30, 7, 0.95)
    assert (low, high) == (pytest.approx(0.7393756856, abs=1e-9), pytest.approx(0.9157730722, abs=1e-9))


def test_feldt_with_the_degrees_of_freedom_that_the_documentation_names():
    low, high = consistency.feldt_interval(0.85, 89, 7, 0.95)
    assert (low, high) == (pytest.approx(0.7970649, abs=1e-7), pytest.approx(0.8931666, abs=1e-7))


def test_a03_bonett():
    low, high = consistency.bonett_interval(consistency.cronbach_alpha(ATTITUDE), 30, 7, 0.95)
    assert (low, high) == (pytest.approx(0.7237989898, abs=1e-9), pytest.approx(0.9109192587, abs=1e-9))


def test_a04_item_rest():
    expected = [0.67126206, 0.74210971, 0.56071111, 0.71444550, 0.78627559, 0.26503434, 0.46081055]
    assert np.allclose(consistency.item_rest_correlations(ATTITUDE), expected, rtol=0, atol=1e-7)


def test_a11_six_intraclass_correlations():
    expected = [0.16574177, 0.28976378, 0.71484071, 0.44279713, 0.62005055, 0.90931554]
    assert np.allclose(interviewers.icc(JUDGES), expected, rtol=0, atol=1e-8)


def test_a12_interval_of_absolute_agreement():
    bounds = interviewers.absolute_agreement_interval(*interviewers.mean_squares(JUDGES), 0.95)
    assert np.allclose(bounds, (0.01878651, 0.76108437), rtol=0, atol=1e-6)


def test_a16_absolute_agreement_and_fleiss_kappa():
    assert interviewers.icc(ANXIETY).icc_2_1 == pytest.approx(0.1979982594, abs=1e-9)
    assert agreement.fleiss_kappa(ANXIETY, range(1, 7)) == pytest.approx(-0.0410764873, abs=1e-9)


def test_a17_fleiss_kappa():
    assert agreement.fleiss_kappa_from_counts(DIAGNOSES) == pytest.approx(0.4302445201, abs=1e-9)


@pytest.mark.parametrize(
    ("level", "expected"),
    [("nominal", 0.7434210526), ("ordinal", 0.8153875038), ("interval", 0.8491071429), ("ratio", 0.7974027747)],
)
def test_a20_krippendorff(level, expected):
    assert agreement.krippendorff_alpha(KRIPPENDORFF, range(1, 6), level) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("weights", "expected"), [("unweighted", 0.77544), ("linear", 0.85874), ("quadratic", 0.91400)]
)
def test_a21_gwet(weights, expected):
    assert agreement.gwet(GWET, range(1, 6), weights).coefficient == pytest.approx(expected, abs=6e-6)


def test_gwet_on_a_longer_scale_gives_another_coefficient():
    assert agreement.gwet(GWET, range(1, 7), "quadratic").coefficient == pytest.approx(0.947, abs=5e-4)


def test_a23_the_prevalence_paradox():
    table = [[118, 5], [2, 0]]
    assert agreement.agreement_within(table) == pytest.approx(0.944, abs=1e-6)
    assert agreement.cohen_kappa(table) == pytest.approx(-0.0233918, abs=1e-6)
    assert agreement.gwet_of_pairs(table).coefficient == pytest.approx(0.9407763, abs=1e-6)


def test_a24_quadratic_kappa_with_categories_that_do_not_occur():
    x, y = [1, 2, 5, 5, 2, 1, 5, 1], [1, 5, 2, 5, 2, 2, 5, 1]
    assert agreement.quadratic_kappa(x, y) == pytest.approx(0.6082474227, abs=1e-9)
    table = agreement.pair_table(x, y, range(1, 6))
    assert agreement.cohen_kappa(table, "quadratic") == pytest.approx(0.6082474227, abs=1e-9)


def test_a25_wilson():
    low, high = precision.share_interval(*NEWCOMBE, 0.95)
    assert np.allclose(low, [0.2553, 0.0624, 0, 0.0061], rtol=0, atol=5e-5)
    assert np.allclose(high, [0.3662, 0.1605, 0.1611, 0.1718], rtol=0, atol=5e-5)


def test_a26_clopper_pearson():
    low, high = precision.clopper_pearson(*NEWCOMBE, 0.95)
    assert np.allclose(low, [0.25273675, 0.05784401, 0, 0.00087265], rtol=0, atol=1e-7)
    assert np.allclose(high, [0.36762192, 0.16165049, 0.16843347, 0.17764430], rtol=0, atol=1e-7)


def test_a27_jeffreys():
    low, high = precision.jeffreys([81, 15, 1, 0], [263, 148, 29, 20], 0.95)
    assert np.allclose(low, [0.25452193, 0.06044852, 0.00374617, 0], rtol=0, atol=1e-7)
    assert np.allclose(high[:3], [0.36564750, 0.15764314, 0.15007769], rtol=0, atol=1e-7)


def test_a28_newcombe():
    assert np.allclose(precision.newcombe(56, 70, 48, 80, 0.95), (0.0524, 0.3339), rtol=0, atol=5e-5)


def test_a29_miettinen_nurminen():
    assert np.allclose(precision.miettinen_nurminen(56, 70, 48, 80, 0.95), (0.0528, 0.3382), rtol=0, atol=5e-5)


def test_a31_benjamini_hochberg():
    # The fifteen p-values of Benjamini and Hochberg (1995), section 4.1.
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528]
    adjusted = comparison.benjamini_hochberg([*p, 0.7590, 1.0])
    assert np.allclose(adjusted[:5], [0.0015, 0.003, 0.0095, 0.035625, 0.0603], rtol=0, atol=1e-9)
    assert (adjusted <= 0.05).sum() == 4


def test_a32_symmetry_of_eyes():
    bowker, stuart_maxwell = change.bowker(EYES), change.stuart_maxwell(EYES)
    assert (bowker.statistic, bowker.freedom) == (pytest.approx(19.10655, abs=1e-4), 6)
    assert (stuart_maxwell.statistic, stuart_maxwell.freedom) == (pytest.approx(11.95657, abs=1e-4), 3)


def test_a34_reliable_change():
    error = change.measurement_error(7.5, 0.8)
    assert error == pytest.approx(3.354102, abs=1e-6)
    assert error * np.sqrt(2) == pytest.approx(4.743416, abs=1e-6)
    assert change.reliable_change(47.5, 32.5, 7.5, 0.8) == pytest.approx(-3.162278, abs=1e-6)


def test_a35_detectable_change():
    assert change.measurement_error(1, 0.6) == pytest.approx(0.632456, abs=1e-6)
    assert change.detectable_change(1, 0.6) == pytest.approx(1.753045, abs=1e-6)


def test_detectable_change_of_one_client_and_of_forty():
    reliability = [0.5, 0.6, 0.7, 0.8, 0.87, 0.9]
    assert np.allclose(change.detectable_change(1, reliability), [1.96, 1.75, 1.52, 1.24, 1.00, 0.88], atol=5e-3)
    assert np.allclose(change.detectable_change(1, reliability, 40), [0.31, 0.28, 0.24, 0.20, 0.16, 0.14], atol=5e-3)


def test_a40_dispersion_of_a_funnel():
    found = comparison.dispersion(*FUNNEL)
    assert np.allclose(found, (2.25851484616, 0.00468551806793, 0.755905511811), rtol=0, atol=1e-9)


def test_a42_response_rates():
    found = response.response_rates(60, 5, 20, 10, 2, 6, 2, eligible=0.8)
    expected = [0.5714286, 0.6190476, 0.5802708, 0.6286267, 0.6185567, 0.6701031]
    assert np.allclose(found[:6], expected, rtol=0, atol=1e-7)
    assert (found.coop1, found.ref1) == (pytest.approx(60 / 87), pytest.approx(20 / 105))


def test_a44_exact_kendall():
    assert comparison.trend([1, 2, 3, 4]).p_exact == pytest.approx(0.0833333, abs=1e-6)
    assert comparison.trend([9, 7, 6, 4, 1]).p_exact == pytest.approx(0.0166667, abs=1e-6)


def test_effective_numbers_that_the_method_asks_for():
    shares = [0.5, 0.7, 0.8, 0.9]
    assert precision.interviews_needed(shares, 0.30, 0.95, at_least=30).tolist() == [47, 40, 32, 30]
    assert precision.interviews_needed(shares, 0.20, 0.95, at_least=30).tolist() == [104, 88, 70, 42]
    assert precision.population_n(60, 200) == pytest.approx(85.29, abs=5e-3)


def test_differences_that_a_comparison_can_find():
    found = comparison.detectable_difference([40, 60, 60, 100, 500], [40, 60, 150, 300, 500])
    assert np.allclose(found, [0.29, 0.23, 0.19, 0.14, 0.075], atol=5e-3)


def test_kish_design_effects_and_the_error_of_thirteen_teams():
    assert np.allclose(
        interviewers.interviewer_design_effect([10, 20, 35, 60], [0.01, 0.03, 0.03, 0.1]), [1.09, 1.57, 2.02, 6.9]
    )
    answers = np.zeros(13 * 60)
    found = 1 / np.sqrt(interviewers.rho_weight(13, len(answers), 13 * 60**2, 13 * 60**3, 0.03))
    assert found == pytest.approx(0.018, abs=5e-4)


def test_regression_to_the_mean_without_help():
    assert change.expected_by_regression(2.5, 3.4, 0.7) == pytest.approx(0.27)


def test_cohens_kappa_with_linear_weights_by_hand():
    # Seven of ten agree and three are one step apart, which earns half: .85.
    table = [[4, 1, 0], [1, 2, 1], [0, 0, 1]]
    rows, columns = np.array([5, 4, 1]) / 10, np.array([5, 3, 2]) / 10
    credit = 1 - np.abs(np.subtract.outer(range(3), range(3))) / 2
    expected = (np.outer(rows, columns) * credit).sum()
    assert agreement.cohen_kappa(table, "linear") == pytest.approx((0.85 - expected) / (1 - expected))
