"""What a changed rating says: measurement error, regression to the mean, and the word that may be used.

Belongs here: change of one client and of a group against what would be seen without any effect, and the symmetry of
tables of first and last ratings. Agreement of raters at one moment is in ``agreement``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

from pipeline.reliability.arrays import Bounds, Floats, floats, or_nan, quantile, ratio, refuse
from pipeline.reliability.precision import mean_interval


class SymmetryTest(NamedTuple):
    """A chi-square statistic, its degrees of freedom and its p-value; NaN, 0 and NaN when nothing changed."""

    statistic: Floats
    freedom: Floats
    p_value: Floats


class GroupChange(NamedTuple):
    """Mean change with its interval, the change expected without effect, and the word that follows."""

    change: Floats
    low: Floats
    high: Floats
    expected: Floats
    word: NDArray[np.str_]


class Moves(NamedTuple):
    """Shares of a group that a second rating puts higher, at the same score, and lower."""

    up: Floats
    same: Floats
    down: Floats


def measurement_error(deviation: ArrayLike, reliability: ArrayLike) -> Floats:
    """SEM = SD sqrt(1 - r): the standard error of one rating.

    Args:
        deviation: standard deviation of the ratings over clients.
        reliability: r, from 0 to 1; rather the ICC of second ratings than alpha, which understates what raters add.

    Returns:
        In scale points.

    Raises:
        ValueError: for a negative deviation, or a reliability outside 0..1.
    """
    deviation, reliability = floats(deviation, reliability)
    refuse(deviation < 0, "standard deviations are negative")
    refuse((reliability < 0) | (reliability > 1), "reliabilities lie outside 0..1")
    return deviation * np.sqrt(1 - reliability)


def detectable_change(
    deviation: ArrayLike, reliability: ArrayLike, n: ArrayLike = 1, *, confidence: float = 0.95
) -> Floats:
    """The minimal detectable change, z sqrt(2) SEM / sqrt(n): MDC95 of one client, or of the mean of a group.

    Args:
        deviation: standard deviation of the ratings over clients.
        reliability: r, from 0 to 1.
        n: number of clients; NaN comes back where it is 0.
        confidence: between 0 and 1.

    Returns:
        In scale points.

    Raises:
        ValueError: for a negative deviation or number, or a reliability or confidence outside 0..1.
    """
    n = np.asarray(n, dtype=float)
    refuse(n < 0, "groups have a negative number of clients")
    return quantile(confidence) * np.sqrt(2 / or_nan(n, n > 0)) * measurement_error(deviation, reliability)


def reliable_change(first: ArrayLike, last: ArrayLike, deviation: ArrayLike, reliability: ArrayLike) -> Floats:
    """The reliable change index of Jacobson and Truax (1991), (last - first)/(sqrt(2) SEM).

    Args:
        first: score before.
        last: score after.
        deviation: standard deviation of the scores over clients.
        reliability: r, from 0 to 1.

    Returns:
        A standard normal deviate when nothing changed; NaN where the scores have no error.

    Raises:
        ValueError: for a negative deviation, or a reliability outside 0..1.
    """
    first, last = floats(first, last)
    return ratio(last - first, np.sqrt(2) * measurement_error(deviation, reliability))


def expected_by_regression(start: ArrayLike, population_mean: ArrayLike, reliability: ArrayLike) -> Floats:
    """The change expected without any effect, (1 - r)(population mean - mean at the start).

    People come when things go badly, also by chance: their next rating lies nearer to the population's mean.

    Args:
        start: the group's mean at the start.
        population_mean: mean of the population that the group was drawn from by its low score.
        reliability: r, from 0 to 1.

    Returns:
        In scale points; positive for a group that started low.

    Raises:
        ValueError: for a reliability outside 0..1.
    """
    start, population_mean, reliability = floats(start, population_mean, reliability)
    refuse((reliability < 0) | (reliability > 1), "reliabilities lie outside 0..1")
    return (1 - reliability) * (population_mean - start)


def change_word(bounds: Bounds, expected: ArrayLike) -> NDArray[np.str_]:
    """The word that a change allows: does its interval leave out what was to be expected anyway?

    Args:
        bounds: lower and upper bound of the change.
        expected: the change expected without effect, of the same unit.

    Returns:
        ``beyond`` when the whole interval lies above the expectation, ``below`` when it lies under it, ``within`` when
        it holds it, and ``unknown`` without an interval or expectation.
    """
    low, high, expected = floats(*bounds, expected)
    words = np.select([low > expected, high < expected], ["beyond", "below"], "within")
    return np.where(np.isnan(low + high + expected), "unknown", words)


def group_change(
    n: ArrayLike,
    total_change: ArrayLike,
    sum_of_squared_changes: ArrayLike,
    start: ArrayLike,
    population_mean: ArrayLike,
    reliability: ArrayLike,
    confidence: float,
) -> GroupChange:
    """Mean change of a group against the change expected from regression to the mean.

    The interval is Student's over the clients' changes, so that measurement error is in it. It treats the expectation
    as known, and is careful: over clients who start at different scores changes spread more than what is unexplained.

    Args:
        n: number of clients with two ratings.
        total_change: sum of last minus first rating.
        sum_of_squared_changes: sum of the squares of that.
        start: mean of the first ratings.
        population_mean: mean of the population that the group was drawn from by its low score.
        reliability: r, from 0 to 1.
        confidence: between 0 and 1.

    Returns:
        Change, interval, expectation and word (see ``change_word``).

    Raises:
        ValueError: for sums that no changes can have, or a reliability or confidence outside 0..1.
    """
    n, total_change, sum_of_squared_changes, start, population_mean, reliability = floats(
        n, total_change, sum_of_squared_changes, start, population_mean, reliability
    )
    expected = expected_by_regression(start, population_mean, reliability)
    bounds = mean_interval(n, total_change, sum_of_squared_changes, confidence)
    return GroupChange(ratio(total_change, n), *bounds, expected, change_word(bounds, expected))


def expected_moves(start: ArrayLike, population: ArrayLike, reliability: float) -> Moves:
    """The shares that go up, stay and go down when nobody changes: regression and measurement error on a short scale.

    The group is followed from the scores that it started at, by the chances of ``second_rating_chances``.

    Args:
        start: how many of the group started at each score, shape (..., q), lowest first.
        population: how many of the population have each score, shape (q,).
        reliability: correlation of two ratings of unchanged clients, from 0 to below 1.

    Returns:
        Three shares that add up to 1; NaN for a group of nobody, or one that started at a score that the population
        does not have.

    Raises:
        ValueError: for negative counts, an empty population, or a reliability outside 0..1.
    """
    return moves(start, second_rating_chances(population, reliability))


def moves(start: ArrayLike, chances: ArrayLike) -> Moves:
    """The shares of a group that go up, stay and go down by given chances.

    Args:
        start: how many of the group started at each score, shape (..., q), lowest first.
        chances: of each second rating (columns) given the first one (rows), shape (q, q).

    Returns:
        Three shares that add up to 1; NaN for a group of nobody, or one that started at a score without chances.

    Raises:
        ValueError: for negative counts, or a group on another scale than the chances.
    """
    start, chances = np.asarray(start, dtype=float), np.asarray(chances, dtype=float)
    refuse(start < 0, "counts are negative")
    q = len(chances)
    if chances.shape != (q, q) or start.shape[-1:] != (q,):
        raise ValueError("a population has one count for each score of the group")
    shares = ratio(start, start.sum(axis=-1, keepdims=True))
    # A score that nobody starts at says nothing, whether the population has it or not.
    joint = np.where(shares[..., None] == 0, 0.0, shares[..., None] * chances)
    above, below = np.triu(np.ones((q, q)), 1), np.tril(np.ones((q, q)), -1)
    up, down = (joint * above).sum(axis=(-2, -1)), (joint * below).sum(axis=(-2, -1))
    return Moves(up, 1 - up - down, down)


def second_rating_chances(population: ArrayLike, reliability: float) -> Floats:
    """The chance of each second rating given the first one, for clients who do not change.

    Two ratings of an unchanged client are two draws of a bivariate normal, cut where the population's shares say, with
    the correlation that gives the scores the reliability asked for. Floor and ceiling are so part of the expectation.

    Args:
        population: how many of the population have each score, shape (q,), lowest first.
        reliability: correlation of two ratings of unchanged clients, from 0 to below 1.

    Returns:
        Shape (q, q), rows the first rating; a row adds up to 1, and is NaN for a score that the population does not
        have.

    Raises:
        ValueError: for negative counts, an empty population, or a reliability outside 0..1.
    """
    population = np.asarray(population, dtype=float)
    refuse(population < 0, "counts are negative")
    if population.ndim != 1 or population.sum() == 0:
        raise ValueError("a population has one count for each score, and somebody in it")
    if not 0 <= reliability < 1:
        raise ValueError("a reliability lies from 0 to below 1")
    return _second_rating(population / population.sum(), reliability)


def bowker(table: ArrayLike) -> SymmetryTest:
    """Bowker's test of symmetry (1948): do as many clients go from a score to another as the other way?

    The sum of (n_ij - n_ji)²/(n_ij + n_ji), with one degree of freedom for each pair of scores that occurs.

    Args:
        table: counts, shape (..., q, q): first rating by last rating.

    Returns:
        Statistic, degrees of freedom, p-value.

    Raises:
        ValueError: for negative counts or a table that is not square.
    """
    counts = _square(table)
    turned = np.swapaxes(counts, -1, -2)
    both = np.triu(counts + turned, 1)
    occurs = both > 0
    statistic = np.where(occurs, (counts - turned) ** 2 / np.where(occurs, both, 1), 0).sum(axis=(-2, -1))
    return _chi_square(statistic, occurs.sum(axis=(-2, -1)))


def stuart_maxwell(table: ArrayLike) -> SymmetryTest:
    """The test of Stuart (1955) and Maxwell (1970): are first and last ratings spread alike over the scores?

    d' V⁻ d with d the differences of the margins and V their covariance; scores at which nobody arrives or leaves
    drop out, and take their degree of freedom with them.

    Args:
        table: counts, shape (..., q, q): first rating by last rating.

    Returns:
        Statistic, degrees of freedom, p-value.

    Raises:
        ValueError: for negative counts or a table that is not square.
    """
    counts = _square(table)
    rows, columns = counts.sum(axis=-1), counts.sum(axis=-2)
    difference = rows - columns
    own = np.einsum("...ii->...i", counts)
    covariance = -(counts + np.swapaxes(counts, -1, -2))
    at = np.arange(counts.shape[-1])
    covariance[..., at, at] = rows + columns - 2 * own
    freedom = np.linalg.matrix_rank(covariance, hermitian=True)
    statistic = np.einsum("...i,...ij,...j->...", difference, np.linalg.pinv(covariance, hermitian=True), difference)
    return _chi_square(statistic, freedom)


def floor_and_ceiling(counts: ArrayLike) -> tuple[Floats, Floats]:
    """The shares at the lowest and at the highest score of a scale (Terwee 2007: above 15 % is a floor or ceiling).

    Args:
        counts: how many have each score, shape (..., q), lowest first and the whole scale.

    Returns:
        Two shares; NaN without anybody.

    Raises:
        ValueError: for negative counts.
    """
    counts = np.asarray(counts, dtype=float)
    refuse(counts < 0, "counts are negative")
    total = counts.sum(axis=-1)
    return ratio(counts[..., 0], total), ratio(counts[..., -1], total)


def _second_rating(shares: Floats, reliability: float) -> Floats:
    """The distribution of a second rating for each first one (rows), on the population's shares."""
    q = len(shares)
    upper = np.cumsum(shares).clip(0, 1)
    lower = upper - shares
    cuts = stats.norm.ppf(upper)
    cuts[-1] = np.inf
    # Midpoints of equal parts of each score's probability, so that a wide tail needs no bounds.
    parts = (np.arange(400) + 0.5) / 400
    inside = stats.norm.ppf(np.clip(lower[:, None] + shares[:, None] * parts, 1e-300, 1 - 1e-16))

    def conditional(correlation: float) -> Floats:
        reach = (cuts - correlation * inside[:, :, None]) / np.sqrt(1 - correlation**2)
        return np.diff(stats.norm.cdf(reach).mean(axis=1), prepend=0, axis=1)

    scores = np.arange(q)
    mean = (shares * scores).sum()
    variance = (shares * (scores - mean) ** 2).sum()

    def too_low(correlation: float) -> float:
        products = (shares[:, None] * conditional(correlation) * np.outer(scores - mean, scores - mean)).sum()
        return products - reliability * variance

    most = 0.9999
    if variance == 0 or reliability == 0:
        correlation = reliability
    else:
        correlation = optimize.brentq(too_low, 0, most) if too_low(most) > 0 else most
    return np.where(shares[:, None] > 0, conditional(correlation), np.nan)


def _chi_square(statistic: Floats, freedom: ArrayLike) -> SymmetryTest:
    freedom = np.asarray(freedom, dtype=float)
    known = or_nan(statistic, freedom > 0)
    return SymmetryTest(known, freedom, stats.chi2.sf(known, np.where(freedom > 0, freedom, 1)))


def _square(table: ArrayLike) -> Floats:
    counts = np.asarray(table, dtype=float)
    if counts.ndim < 2 or counts.shape[-1] != counts.shape[-2]:
        raise ValueError("first by last ratings form square tables")
    refuse(counts < 0, "counts are negative")
    return counts
