"""Whether raters agree: kappas, Gwet's coefficients, Krippendorff's alpha.

Belongs here: agreement from pair counts, coincidences and moments, and thin functions that count them. The scale is
always passed in full: a category that nobody happened to use is still one that could have been chosen, and the
coefficients depend on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from pipeline.reliability.arrays import Floats, check_confidence, floats, or_nan, ratio, refuse
from pipeline.reliability.precision import clopper_pearson

Weights = Literal["unweighted", "linear", "quadratic"]
Level = Literal["nominal", "ordinal", "interval", "ratio"]


class Gwet(NamedTuple):
    """Gwet's coefficient, its standard error over units, and the bounds of its interval."""

    coefficient: Floats
    standard_error: Floats
    low: Floats
    high: Floats


def pair_table(first: ArrayLike, second: ArrayLike, scale: Sequence[float]) -> Floats:
    """Count pairs of ratings: rows the first rater, columns the second, in the order of the scale.

    Args:
        first: a rating per unit; NaN is none, and its pair does not count.
        second: the other rating.
        scale: every category, also those that do not occur.

    Returns:
        A table of q × q counts.

    Raises:
        ValueError: for a rating outside the scale.
    """
    ratings = np.stack(floats(first, second), axis=-1).reshape(-1, 2)
    places = _places(ratings, scale)
    both = (places >= 0).all(axis=1)
    q = len(scale)
    return np.bincount(places[both, 0] * q + places[both, 1], minlength=q * q).reshape(q, q).astype(float)


def category_counts(ratings: ArrayLike, scale: Sequence[float]) -> Floats:
    """How many raters put each unit in each category.

    Args:
        ratings: one row per unit, one column per rater; NaN is no rating.
        scale: every category, also those that do not occur.

    Returns:
        Units × categories.

    Raises:
        ValueError: for a rating outside the scale, or anything but a table.
    """
    values = np.asarray(ratings, dtype=float)
    if values.ndim != 2:
        raise ValueError(f"ratings form a table of two dimensions, not {values.ndim}")
    places = _places(values, scale)
    return (places[:, :, None] == np.arange(len(scale))).sum(axis=1).astype(float)


def quadratic_kappa(first: ArrayLike, second: ArrayLike) -> float:
    """Cohen's kappa with quadratic weights (1968) of two raters.

    Args:
        first: a rating per unit; NaN is none, and its pair does not count.
        second: the other rating.

    Returns:
        As ``quadratic_kappa_from_sums``.
    """
    x, y = floats(first, second)
    both = ~(np.isnan(x) | np.isnan(y))
    x, y = x[both], y[both]
    return float(quadratic_kappa_from_sums(x.size, x.sum(), y.sum(), (x**2).sum(), (y**2).sum(), (x * y).sum()))


def quadratic_kappa_from_sums(
    n: ArrayLike, sum_x: ArrayLike, sum_y: ArrayLike, sum_xx: ArrayLike, sum_yy: ArrayLike, sum_xy: ArrayLike
) -> Floats:
    """Quadratic weighted kappa by moments, which does not depend on the categories that occur.

    1 - mean((x - y)²) / (var(x) + var(y) + (mean x - mean y)²), variances divided by n.

    Args:
        n: number of pairs.
        sum_x: sum of the first ratings.
        sum_y: sum of the second ratings.
        sum_xx: sum of the squares of the first.
        sum_yy: sum of the squares of the second.
        sum_xy: sum of the products.

    Returns:
        Kappa, from -1 to 1; NaN without pairs, or when all ratings are one and the same.

    Raises:
        ValueError: for sums that no pairs can have.
    """
    n, sum_x, sum_y, sum_xx, sum_yy, sum_xy = floats(n, sum_x, sum_y, sum_xx, sum_yy, sum_xy)
    apart = sum_xx + sum_yy - 2 * sum_xy
    # n² times the expected squared distance of unrelated ratings; exact in whole numbers.
    by_chance = n * (sum_xx + sum_yy) - 2 * sum_x * sum_y
    refuse((n < 0) | (apart < -1e-9 * (sum_xx + sum_yy)), "sets of sums belong to no pairs of ratings")
    return 1 - ratio(n * apart, by_chance)


def cohen_kappa(table: ArrayLike, weights: Weights = "unweighted") -> Floats:
    """Cohen's kappa (1960) of pair counts on the full list of categories, (po - pe)/(1 - pe).

    Args:
        table: counts, shape (..., q, q), as ``pair_table``.
        weights: credit for near misses, by the distance between categories.

    Returns:
        Kappa; NaN without pairs, or when both raters used one and the same category.

    Raises:
        ValueError: for negative counts or a table that is not square.
    """
    shares, q = _shares(table)
    credit = _credit(q, weights)
    observed = (shares * credit).sum(axis=(-2, -1))
    rows, columns = shares.sum(axis=-1), shares.sum(axis=-2)
    expected = (rows[..., :, None] * columns[..., None, :] * credit).sum(axis=(-2, -1))
    return ratio(observed - expected, _rounded(1 - expected))


def agreement_within(table: ArrayLike, steps: int = 0) -> Floats:
    """The share of pairs that lie at most so many categories apart; 0 is exact agreement.

    Args:
        table: counts, shape (..., q, q), as ``pair_table``.
        steps: how far apart still agrees.

    Returns:
        From 0 to 1; NaN without pairs.

    Raises:
        ValueError: for negative counts or a table that is not square.
    """
    shares, q = _shares(table)
    apart = np.abs(np.subtract.outer(np.arange(q), np.arange(q)))
    return (shares * (apart <= steps)).sum(axis=(-2, -1))


def gwet(
    ratings: ArrayLike, scale: Sequence[float], weights: Weights = "unweighted", *, confidence: float = 0.95
) -> Gwet:
    """Gwet's AC1 (unweighted, 2008) or AC2 (weighted, 2014) of any number of raters, gaps allowed.

    Args:
        ratings: one row per unit, one column per rater; NaN is no rating.
        scale: every category, also those that do not occur; near misses get credit by place on it.
        weights: credit for near misses.
        confidence: of the bounds, between 0 and 1.

    Returns:
        As ``gwet_from_counts``.

    Raises:
        ValueError: for a rating outside the scale, or a confidence outside 0..1.
    """
    return gwet_from_counts(category_counts(ratings, scale), None, weights, confidence=confidence)


def gwet_of_pairs(table: ArrayLike, weights: Weights = "unweighted", *, confidence: float = 0.95) -> Gwet:
    """Gwet's AC1 or AC2 of two raters from pair counts.

    Args:
        table: counts, shape (..., q, q), as ``pair_table``, on the full scale.
        weights: credit for near misses.
        confidence: of the bounds, between 0 and 1.

    Returns:
        As ``gwet_from_counts``, one per table.

    Raises:
        ValueError: for negative counts, a table that is not square, or a confidence outside 0..1.
    """
    counts, q = _square(table)
    one = np.eye(q)
    patterns = (one[:, None, :] + one[None, :, :]).reshape(q * q, q)
    return gwet_from_counts(patterns, counts.reshape(*counts.shape[:-2], q * q), weights, confidence=confidence)


def gwet_from_counts(
    counts: ArrayLike, units: ArrayLike | None, weights: Weights = "unweighted", *, confidence: float = 0.95
) -> Gwet:
    """Gwet's coefficient (pa - pe)/(1 - pe) with pe = T/(q(q - 1)) sum of pi(1 - pi), and its error over units.

    T is the sum of all weights, pi the mean share of each category. The standard error is Gwet's (2014), over the units
    as a sample of many. His bounds, the coefficient plus or minus t standard errors, leave out the truth too often near
    1; here the same error counts on the scale of ln(1 - coefficient), with t of n - 1 degrees of freedom. When no two
    raters ever differ the standard error is 0, which is no certainty: the lower bound is then that of AC1, with Clopper
    and Pearson's lower bound of n out of n in the place of pa. A difference that was not seen so costs what a
    difference by chance costs on average, whatever the weights.

    Args:
        counts: how often each category was chosen, shape (patterns, q), at least one rating per pattern that counts.
        units: how many units have each pattern, shape (..., patterns); None when each pattern is one unit.
        weights: credit for near misses.
        confidence: of the bounds, between 0 and 1.

    Returns:
        Coefficient, standard error, lower and upper bound; NaN without a unit that two raters rated.

    Raises:
        ValueError: for negative counts, one category, or a confidence outside 0..1.
    """
    counts = np.asarray(counts, dtype=float)
    if counts.ndim != 2 or counts.shape[1] < 2:
        raise ValueError("counts form a table of units by two or more categories")
    check_confidence(confidence)
    times = np.ones(len(counts)) if units is None else np.asarray(units, dtype=float)
    refuse(counts < 0, "counts are negative")
    refuse(times < 0, "counts are negative")
    q = counts.shape[1]
    credit = _credit(q, weights)
    raters = counts.sum(axis=1)
    rated, paired = raters >= 1, raters >= 2
    times = times * rated
    n, n_paired = times.sum(axis=-1), (times * paired).sum(axis=-1)
    agreeing = np.where(
        paired, (counts * (counts @ credit - 1)).sum(axis=1) / np.where(paired, raters * (raters - 1), 1), 0
    )
    shares = counts / np.where(rated, raters, 1)[:, None]
    observed = ratio(times @ agreeing, n_paired)
    prevalence = ratio(times @ shares, n[..., None])
    spread = credit.sum() / (q * (q - 1))
    chance = spread * (prevalence * (1 - prevalence)).sum(axis=-1)
    coefficient = ratio(observed - chance, 1 - chance)

    # What each pattern of ratings adds to the coefficient, from observed and from chance agreement.
    own = ratio(n, n_paired)[..., None] * (agreeing - chance[..., None] * paired) / (1 - chance[..., None])
    own_chance = spread * (1 - prevalence) @ shares.T
    own = own - 2 * (1 - coefficient[..., None]) * (own_chance - chance[..., None]) / (1 - chance[..., None])
    squared = (times * (own - coefficient[..., None]) ** 2).sum(axis=-1)
    error = np.sqrt(ratio(squared, or_nan(n * (n - 1), n > 1)))
    distance = 1 - coefficient
    unanimous = observed >= 1 - 1e-12
    factor = np.exp(stats.t.ppf((1 + confidence) / 2, or_nan(n - 1, n > 1)) * ratio(error, distance))
    by_chance = (prevalence * (1 - prevalence)).sum(axis=-1) / (q - 1)
    least = (clopper_pearson(n_paired, n_paired, confidence)[0] - by_chance) / (1 - by_chance)
    low, high = 1 - distance * factor, 1 - distance / factor
    return Gwet(coefficient, error, np.where(unanimous, least, low), np.where(unanimous, coefficient, high))


def fleiss_kappa(ratings: ArrayLike, scale: Sequence[float]) -> float:
    """Fleiss' kappa (1971), over the units that every rater rated.

    Args:
        ratings: one row per unit, one column per rater; NaN is no rating.
        scale: every category.

    Returns:
        As ``fleiss_kappa_from_counts``.

    Raises:
        ValueError: for a rating outside the scale, or anything but a table.
    """
    counts = category_counts(ratings, scale)
    return float(fleiss_kappa_from_counts(counts[counts.sum(axis=1) == np.asarray(ratings).shape[1]]))


def fleiss_kappa_from_counts(counts: ArrayLike) -> Floats:
    """Fleiss' kappa: agreement within units against that expected from the shares of the categories.

    Args:
        counts: how often each category was chosen, shape (..., units, q), the same number of ratings for each unit.

    Returns:
        Kappa; NaN without units, with one rater, or when one category took everything.

    Raises:
        ValueError: for negative counts, or units that differ in their number of ratings.
    """
    counts = np.asarray(counts, dtype=float)
    refuse(counts < 0, "counts are negative")
    raters = counts.sum(axis=-1)
    refuse(raters != raters[..., :1], "units have another number of ratings than the first")
    within = ratio((counts * (counts - 1)).sum(axis=-1), raters * (raters - 1))
    units = np.full(counts.shape[:-2], float(counts.shape[-2]))
    observed = ratio(within.sum(axis=-1), units)
    shares = ratio(counts.sum(axis=-2), counts.sum(axis=(-2, -1))[..., None])
    expected = (shares**2).sum(axis=-1)
    return ratio(observed - expected, _rounded(1 - expected))


def krippendorff_alpha(ratings: ArrayLike, scale: Sequence[float], level: Level) -> float:
    """Krippendorff's alpha of any number of raters, gaps allowed.

    Args:
        ratings: one row per unit, one column per rater; NaN is no rating.
        scale: the categories in rising order, as numbers.
        level: what differences between categories mean.

    Returns:
        As ``krippendorff_from_coincidences``.

    Raises:
        ValueError: for a rating outside the scale, or anything but a table.
    """
    return float(krippendorff_from_coincidences(coincidences(ratings, scale), scale, level))


def coincidences(ratings: ArrayLike, scale: Sequence[float]) -> Floats:
    """Pairs of ratings of one unit by two raters, each unit weighing as many as it has ratings.

    For two raters without gaps this is a table of pairs plus its transpose.

    Args:
        ratings: one row per unit, one column per rater; NaN is no rating.
        scale: every category.

    Returns:
        A symmetrical table of q × q; units with one rating do not count.

    Raises:
        ValueError: for a rating outside the scale, or anything but a table.
    """
    counts = category_counts(ratings, scale)
    raters = counts.sum(axis=1)
    counts, raters = counts[raters >= 2], raters[raters >= 2]
    shared = counts / (raters - 1)[:, None]
    return counts.T @ shared - np.diag(shared.sum(axis=0))


def krippendorff_from_coincidences(table: ArrayLike, scale: Sequence[float], level: Level) -> Floats:
    """Krippendorff's alpha (2011), 1 - (n - 1) sum(o d)/sum(n_c n_k d).

    d is 1 between different categories (nominal), (c - k)² (interval), ((c - k)/(c + k))² (ratio), or the square of
    the number of ratings from c to k, the ends for half (ordinal).

    Args:
        table: coincidences, shape (..., q, q).
        scale: the categories in rising order, as numbers.
        level: what differences between categories mean.

    Returns:
        Alpha, at most 1; NaN without pairs, or when one category took everything.

    Raises:
        ValueError: for negative counts, a table that does not fit the scale, or an unknown level.
    """
    counts, q = _square(table)
    values = np.asarray(scale, dtype=float)
    if len(values) != q:
        raise ValueError(f"a scale of {len(values)} does not fit a table of {q}")
    frequency = counts.sum(axis=-1)
    total = frequency.sum(axis=-1)
    distance = _distance(frequency, values, level)
    observed = (counts * distance).sum(axis=(-2, -1))
    expected = (frequency[..., :, None] * frequency[..., None, :] * distance).sum(axis=(-2, -1))
    return 1 - ratio((total - 1) * observed, expected)


def _distance(frequency: Floats, values: Floats, level: Level) -> Floats:
    apart = np.subtract.outer(values, values)
    if level == "nominal":
        return (apart != 0).astype(float)
    if level == "interval":
        return apart**2
    if level == "ratio":
        together = np.add.outer(values, values)
        return np.where(together == 0, 0.0, apart / np.where(together == 0, 1.0, together)) ** 2
    if level == "ordinal":
        middle = np.cumsum(frequency, axis=-1) - frequency / 2
        return (middle[..., :, None] - middle[..., None, :]) ** 2
    raise ValueError("a level is nominal, ordinal, interval or ratio")


def _credit(q: int, weights: Weights) -> Floats:
    if q < 2:
        raise ValueError("a scale has two or more categories")
    apart = np.abs(np.subtract.outer(np.arange(q), np.arange(q))) / (q - 1)
    if weights == "unweighted":
        return np.eye(q)
    if weights == "linear":
        return 1 - apart
    if weights == "quadratic":
        return 1 - apart**2
    raise ValueError("weights are unweighted, linear or quadratic")


def _places(ratings: Floats, scale: Sequence[float]) -> NDArray[np.int64]:
    """The place of each rating on the scale, -1 for none."""
    values = np.asarray(scale, dtype=float)
    order = np.argsort(values)
    at = np.searchsorted(values[order], ratings).clip(0, len(values) - 1)
    given = ~np.isnan(ratings)
    refuse(given & (values[order][at] != ratings), "ratings lie outside the scale")
    return np.where(given, order[at], -1)


def _square(table: ArrayLike) -> tuple[Floats, int]:
    counts = np.asarray(table, dtype=float)
    if counts.ndim < 2 or counts.shape[-1] != counts.shape[-2]:
        raise ValueError("pair counts form square tables")
    refuse(counts < 0, "counts are negative")
    return counts, counts.shape[-1]


def _shares(table: ArrayLike) -> tuple[Floats, int]:
    counts, q = _square(table)
    return ratio(counts, counts.sum(axis=(-2, -1), keepdims=True)), q


def _rounded(value: Floats) -> Floats:
    """0 where only rounding is left."""
    return np.where(np.abs(value) < 1e-12, 0.0, value)
