"""What interviewers, teams, weights and judges do to a figure: intraclass correlations and design effects.

Belongs here: correlations from sums of squares, and the number of independent answers that is left. Own team and own
district coincide, so an effect between teams is also a difference between districts: take the sums within a district,
and pool over districts and half-years.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from pipeline.reliability.arrays import Bounds, Floats, check_confidence, complete_rows, floats, or_nan, ratio, refuse

LEAST_RHO = 0.01
USUAL_RHO = 0.03


class InterviewerEffect(NamedTuple):
    """Correlation of two answers to the same interviewer, its standard error, and interviews per interviewer (n0)."""

    rho: Floats
    standard_error: Floats
    per_interviewer: Floats


class Icc(NamedTuple):
    """The six intraclass correlations of Shrout and Fleiss (1979), each an array."""

    icc_1_1: Floats
    icc_2_1: Floats
    icc_3_1: Floats
    icc_1_k: Floats
    icc_2_k: Floats
    icc_3_k: Floats


class MeanSquares(NamedTuple):
    """Mean squares of a complete table of n units by k judges."""

    between_units: Floats
    between_judges: Floats
    residual: Floats
    within_units: Floats


def interviewer_effect(answers: ArrayLike, interviewer: ArrayLike) -> InterviewerEffect:
    """The interviewer effect of the answers to one question.

    Args:
        answers: one per interview; NaN is no answer.
        interviewer: who took each interview.

    Returns:
        As ``interviewer_effect_from_sums``.
    """
    values, who = np.asarray(answers, dtype=float), np.asarray(interviewer)
    known = ~np.isnan(values)
    values = values[known]
    _, where = np.unique(who[known], return_inverse=True)
    each = np.bincount(where).astype(float)
    return interviewer_effect_from_sums(
        interviewers=len(each),
        n=each.sum(),
        sum_of_squared_sizes=(each**2).sum(),
        sum_of_cubed_sizes=(each**3).sum(),
        total=values.sum(),
        sum_of_squares=(values**2).sum(),
        explained=(np.bincount(where, values) ** 2 / each).sum(),
    )


def interviewer_effect_from_sums(
    interviewers: ArrayLike,
    n: ArrayLike,
    sum_of_squared_sizes: ArrayLike,
    sum_of_cubed_sizes: ArrayLike,
    total: ArrayLike,
    sum_of_squares: ArrayLike,
    explained: ArrayLike,
) -> InterviewerEffect:
    """rho = (MSB - MSW)/(MSB + (n0 - 1) MSW), n0 = (n - sum m²/n)/(k - 1) (Kish 1962), with Smith's (1956) error.

    Args:
        interviewers: k, who took at least one of the interviews.
        n: number of answers.
        sum_of_squared_sizes: sum over interviewers of m², the square of their number of answers.
        sum_of_cubed_sizes: sum of m³.
        total: sum of the answers.
        sum_of_squares: sum of their squares.
        explained: sum over interviewers of (sum of their answers)²/m.

    Returns:
        rho (from -1/(n0 - 1) to 1), its standard error and n0; NaN with fewer than two interviewers, with one answer
        per interviewer, or when all answers are equal.

    Raises:
        ValueError: for more interviewers than answers, or sums that no answers can have.
    """
    k, n, squares, cubes, total, sum_of_squares, explained = floats(
        interviewers, n, sum_of_squared_sizes, sum_of_cubed_sizes, total, sum_of_squares, explained
    )
    refuse((k < 0) | (k > n), "groups have more interviewers than answers")
    few = 1e-9 * np.abs(sum_of_squares)
    level = np.where(n > 0, total**2 / np.where(n > 0, n, 1.0), 0.0)
    refuse((explained > sum_of_squares + few) | (explained < level - few), "groups have sums that no answers can have")
    usable = (k >= 2) & (n > k)
    k, n = or_nan(k, usable), or_nan(n, usable)
    each = (n - squares / n) / (k - 1)
    between = np.maximum(explained - level, 0) / (k - 1)
    within = np.maximum(sum_of_squares - explained, 0) / (n - k)
    # Rounding is all that is left when every answer is equal.
    varies = (sum_of_squares - level) > few
    rho = or_nan(ratio(between - within, between + (each - 1) * within), varies)
    return InterviewerEffect(rho, np.sqrt(_smith(rho, k, n, each, squares, cubes)), each)


def rho_weight(
    interviewers: ArrayLike,
    n: ArrayLike,
    sum_of_squared_sizes: ArrayLike,
    sum_of_cubed_sizes: ArrayLike,
    rho: ArrayLike = USUAL_RHO,
) -> Floats:
    """How much an estimated rho says: one over the variance that it would have if the usual rho were true.

    The variance at the estimate itself would give small estimates too much weight.

    Args:
        interviewers: k, number of interviewers.
        n: number of answers.
        sum_of_squared_sizes: sum over interviewers of m².
        sum_of_cubed_sizes: sum of m³.
        rho: at which the variance is taken; one for all, or one for each.

    Returns:
        Weights; NaN where no rho can be estimated.
    """
    k, n, squares, cubes = floats(interviewers, n, sum_of_squared_sizes, sum_of_cubed_sizes)
    usable = (k >= 2) & (n > k)
    k, n = or_nan(k, usable), or_nan(n, usable)
    each = (n - squares / n) / (k - 1)
    return 1 / _smith(np.full(k.shape, rho), k, n, each, squares, cubes)


def pooled_rho(rho: ArrayLike, weight: ArrayLike, *, floor: float = LEAST_RHO, default: float = USUAL_RHO) -> Floats:
    """One interviewer effect for many items, districts and half-years: the weighted mean, never below the floor.

    Args:
        rho: estimates, shape (..., estimates); NaN is none.
        weight: as ``rho_weight``, of the same shape.
        floor: an effect is never taken to be smaller.
        default: taken where there is no estimate at all.

    Returns:
        One effect per leading index.

    Raises:
        ValueError: for a negative weight.
    """
    rho, weight = floats(rho, weight)
    refuse(weight < 0, "weights are negative")
    counts = ~(np.isnan(rho) | np.isnan(weight))
    weight = np.where(counts, weight, 0.0)
    together = weight.sum(axis=-1)
    mean = (weight * np.where(counts, rho, 0.0)).sum(axis=-1) / np.where(together > 0, together, 1.0)
    return np.where(together > 0, np.clip(mean, floor, 1.0), default)


def towards_usual(rho: ArrayLike, error: ArrayLike, usual: ArrayLike, spread: ArrayLike) -> Floats:
    """An interviewer effect drawn towards the usual one by how little it says: (rho s² + usual se²)/(s² + se²).

    The mean of a normal effect given a normal estimate of it (Lindley & Smith 1972). A few interviews give estimates
    between nothing and a half; taken as they come they would make figures count for much one half-year and for little
    the next.

    Args:
        rho: the estimate; NaN is none.
        error: its standard error; NaN or infinite says nothing.
        usual: the effect that surveys usually have.
        spread: standard deviation of effects between surveys, above 0.

    Returns:
        The usual effect where there is no estimate.

    Raises:
        ValueError: for a negative error or a spread that is not above 0.
    """
    rho, error, usual, spread = floats(rho, error, usual, spread)
    refuse((error < 0) | (spread <= 0), "errors are negative or spreads not above 0")
    says = 1 / (1 + (np.where(np.isnan(error), np.inf, error) / spread) ** 2)
    return np.where((says > 0) & ~np.isnan(rho), usual + says * (np.nan_to_num(rho) - usual), usual)


def interviewer_design_effect(per_interviewer: ArrayLike, rho: ArrayLike) -> Floats:
    """deff = 1 + (m - 1) rho (Kish 1965): by how much interviewers make the answers count for less.

    Args:
        per_interviewer: m, interviews per interviewer; the sum of m² over n when they differ. Below 1 counts as 1.
        rho: the interviewer effect, from 0 to 1.

    Returns:
        1 or more.

    Raises:
        ValueError: for a rho outside 0..1.
    """
    per_interviewer, rho = floats(per_interviewer, rho)
    refuse((rho < 0) | (rho > 1), "interviewer effects lie outside 0..1")
    return 1 + (np.maximum(per_interviewer, 1) - 1) * rho


def weights_design_effect(n: ArrayLike, sum_of_weights: ArrayLike, sum_of_squared_weights: ArrayLike) -> Floats:
    """deff = n sum(w²)/sum(w)² (Kish 1965): by how much unequal weights make the answers count for less.

    Args:
        n: number of answers.
        sum_of_weights: sum of w.
        sum_of_squared_weights: sum of w².

    Returns:
        1 or more; NaN without answers.

    Raises:
        ValueError: for sums that no weights can have.
    """
    n, total, squares = floats(n, sum_of_weights, sum_of_squared_weights)
    refuse((n < 0) | (squares < 0) | (n * squares < total**2 * (1 - 1e-9)), "groups have sums that no weights can have")
    return np.maximum(ratio(n * squares, total**2), 1.0)


def effective_n(n: ArrayLike, weights_effect: ArrayLike = 1.0, interviewers_effect: ArrayLike = 1.0) -> Floats:
    """n_eff = n/(deff of weights × deff of interviewers): how many independent answers these are worth.

    Args:
        n: number of answers.
        weights_effect: as ``weights_design_effect``.
        interviewers_effect: as ``interviewer_design_effect``.

    Returns:
        The effective number.

    Raises:
        ValueError: for a negative number of answers, or a design effect that is not above 0.
    """
    n, weights_effect, interviewers_effect = floats(n, weights_effect, interviewers_effect)
    refuse(n < 0, "numbers of answers are negative")
    refuse((weights_effect <= 0) | (interviewers_effect <= 0), "design effects are not above 0")
    return n / (weights_effect * interviewers_effect)


def mean_squares(ratings: ArrayLike) -> tuple[int, int, MeanSquares]:
    """Mean squares of ratings, over the units that every judge rated.

    Args:
        ratings: one row per unit, one column per judge; NaN is no rating.

    Returns:
        Number of units, number of judges, and the mean squares (NaN with fewer than two of either).
    """
    values = complete_rows(ratings, "ratings")
    n, k = values.shape
    if n < 2 or k < 2:
        return n, k, MeanSquares(*(np.array(np.nan),) * 4)
    mean = values.mean()
    units = k * ((values.mean(axis=1) - mean) ** 2).sum()
    judges = n * ((values.mean(axis=0) - mean) ** 2).sum()
    # Rounding is all that is left when judges agree on every unit.
    within = max(((values - mean) ** 2).sum() - units, 0.0)
    residual = max(within - judges, 0.0)
    return (
        n,
        k,
        MeanSquares(
            *(
                np.array(sum_ / df)
                for sum_, df in ((units, n - 1), (judges, k - 1), (residual, (n - 1) * (k - 1)), (within, n * (k - 1)))
            )
        ),
    )


def icc(ratings: ArrayLike) -> Icc:
    """The six intraclass correlations of ratings, over the units that every judge rated.

    Args:
        ratings: one row per unit, one column per judge; NaN is no rating.

    Returns:
        As ``icc_from_mean_squares``; ICC(2,1) is McGraw and Wong's ICC(A,1), the absolute agreement of one judge.
    """
    return icc_from_mean_squares(*mean_squares(ratings))


def icc_from_mean_squares(n: ArrayLike, k: ArrayLike, squares: MeanSquares) -> Icc:
    """Shrout and Fleiss (1979): one judge or the mean of k; judges nested, drawn, or the only ones.

    Args:
        n: number of units.
        k: number of judges.
        squares: mean squares, each of the shape of n and k.

    Returns:
        ICC(1,1), (2,1), (3,1), (1,k), (2,k), (3,k); NaN where units and residual have no variance.

    Raises:
        ValueError: for a negative mean square.
    """
    n, k, units, judges, residual, within = floats(n, k, *squares)
    refuse((units < 0) | (judges < 0) | (residual < 0) | (within < 0), "tables have a negative mean square")
    return Icc(
        ratio(units - within, units + (k - 1) * within),
        ratio(units - residual, units + (k - 1) * residual + k * ratio(judges - residual, n)),
        ratio(units - residual, units + (k - 1) * residual),
        ratio(units - within, units),
        ratio(units - residual, units + ratio(judges - residual, n)),
        ratio(units - residual, units),
    )


def absolute_agreement_interval(n: ArrayLike, k: ArrayLike, squares: MeanSquares, confidence: float) -> Bounds:
    """The interval of ICC(A,1), which is ICC(2,1) (McGraw and Wong 1996, table 7).

    F quantiles with n - 1 and v degrees of freedom, v after Satterthwaite.

    Args:
        n: number of units.
        k: number of judges.
        squares: mean squares, each of the shape of n and k.
        confidence: between 0 and 1.

    Returns:
        Lower and upper bound; NaN where the correlation is 1 or not known.

    Raises:
        ValueError: for a confidence outside 0..1.
    """
    n, k, units, judges, residual, within = floats(n, k, *squares)
    check_confidence(confidence)
    agreement = icc_from_mean_squares(n, k, MeanSquares(units, judges, residual, within)).icc_2_1
    agreement = or_nan(agreement, agreement < 1)
    a = k * agreement / (n * (1 - agreement))
    b = 1 + k * agreement * (n - 1) / (n * (1 - agreement))
    freedom = ratio(
        (a * judges + b * residual) ** 2,
        ratio((a * judges) ** 2, k - 1) + ratio((b * residual) ** 2, (n - 1) * (k - 1)),
    )
    at = (1 + confidence) / 2
    below, above = stats.f.ppf(at, n - 1, freedom), stats.f.ppf(at, freedom, n - 1)
    rest = k * judges + (k * n - k - n) * residual
    return (
        ratio(n * (units - below * residual), below * rest + n * units),
        ratio(n * (above * units - residual), rest + n * above * units),
    )


def _smith(rho: Floats, k: Floats, n: Floats, each: Floats, squares: Floats, cubes: Floats) -> Floats:
    """Smith's large-sample variance of an intraclass correlation of groups of unequal size."""
    uneven = squares - 2 * cubes / n + (squares / n) ** 2
    within = (1 + rho * (each - 1)) ** 2 / (n - k)
    between = ((k - 1) * (1 - rho) * (1 + rho * (2 * each - 1)) + rho**2 * uneven) / (k - 1) ** 2
    return 2 * (1 - rho) ** 2 / each**2 * (within + between)
