"""Districts against each other, sources against each other, half-years after each other.

Belongs here: funnel limits, tests that are many, differences against a margin, trends. A word (``in_line``,
``rising``) is part of the published tables; what it does to a verdict is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from pipeline.reliability.arrays import Bounds, Floats, check_confidence, floats, or_nan, quantile, ratio, refuse
from pipeline.reliability.precision import difference_score, mean_and_variance, newcombe, population_n

LEAST_TREND_POINTS = 5
# All orders of eight values are 40,320; beyond that ties make the exact p-value dear.
_MOST_TIED_POINTS = 8


class Dispersion(NamedTuple):
    """How much districts differ beyond chance: phi (1 = chance), tau² on the arcsine scale, the overall share."""

    phi: float
    tau_squared: float
    target: float


class Difference(NamedTuple):
    """First minus second, its interval, and the p-value of no difference."""

    difference: Floats
    low: Floats
    high: Floats
    p_value: Floats


class OwnAgainstIndependent(NamedTuple):
    """Own team minus independent party: of the means, and of the shares of negative answers."""

    means: Difference
    negative_shares: Difference


class Trend(NamedTuple):
    """Number of points, Kendall's tau, its exact two-sided p-value, and the median slope per half-year."""

    points: int
    tau: float
    p_exact: float
    slope: float


def funnel_limits(n: ArrayLike, target: ArrayLike, confidence: float) -> Bounds:
    """Exact binomial limits of a funnel plot, interpolated (Spiegelhalter 2005, appendix A.1.1).

    With r the smallest count of which P(X <= r) exceeds p, the limit is (r - a)/n,
    a = (P(X <= r) - p)/(P(X <= r) - P(X <= r - 1)).

    Args:
        n: number of answers of a district; NaN comes back where it is 0.
        target: the share around which districts are expected.
        confidence: between 0 and 1: 0.95 and 0.998 by custom.

    Returns:
        Lower and upper limit, from 0 to 1.

    Raises:
        ValueError: for a target or confidence outside 0..1, or a negative number.
    """
    n, target = floats(n, target)
    check_confidence(confidence)
    refuse((target < 0) | (target > 1), "targets lie outside 0..1")
    refuse(n < 0, "numbers of answers are negative")

    def limit(p: float) -> Floats:
        count = stats.binom.ppf(p, n, target)
        up_to, before = stats.binom.cdf(count, n, target), stats.binom.cdf(count - 1, n, target)
        within = ratio(up_to - p, up_to - before)
        return or_nan(np.clip((count - within) / np.where(n > 0, n, 1), 0, 1), n > 0)

    return limit((1 - confidence) / 2), limit((1 + confidence) / 2)


def dispersion(numerator: ArrayLike, n: ArrayLike, *, winsorised: float = 0.1) -> Dispersion:
    """Over-dispersion of shares over districts (Spiegelhalter 2005), on the arcsine scale.

    z = 2 sqrt(n) (asin sqrt(x/n) - asin sqrt(target)), the extremes brought in to their quantiles; phi is the mean of
    z², tau² = max(0, (n phi - (n - 1))/(sum w - sum w²/sum w)) with w = 4n (DerSimonian and Laird).

    Args:
        numerator: how many of n, per district.
        n: number of answers per district; districts without any do not count.
        winsorised: the part at either end that is brought in.

    Returns:
        phi, tau² and the overall share; tau² is 0 where phi shows no more than chance, NaN with fewer than two
        districts.

    Raises:
        ValueError: for a numerator outside 0..n.
    """
    numerator, n = _share(numerator, n)
    some = n > 0
    numerator, n = numerator[some], n[some]
    if len(n) == 0:
        return Dispersion(np.nan, np.nan, np.nan)
    target = numerator.sum() / n.sum()
    z = _arcsine_z(numerator, n, target, 0.0)
    z = np.clip(z, *np.quantile(z, [winsorised, 1 - winsorised]))
    phi = float((z**2).mean())
    weight = 4 * n
    below = weight.sum() - (weight**2).sum() / weight.sum()
    tau_squared = max(0.0, (len(n) * phi - (len(n) - 1)) / below) if len(n) > 1 else np.nan
    return Dispersion(phi, float(tau_squared), float(target))


def dispersed_limits(n: ArrayLike, target: ArrayLike, tau_squared: ArrayLike, confidence: float) -> Bounds:
    """Funnel limits that allow for over-dispersion: target ± z sqrt(1/(4n) + tau²) on the arcsine scale.

    Args:
        n: number of answers of a district; NaN comes back where it is 0.
        target: the overall share.
        tau_squared: as ``dispersion``.
        confidence: between 0 and 1.

    Returns:
        Lower and upper limit, from 0 to 1.

    Raises:
        ValueError: for a target or confidence outside 0..1.
    """
    n, target, tau_squared = floats(n, target, tau_squared)
    refuse((target < 0) | (target > 1), "targets lie outside 0..1")
    half = quantile(confidence) * np.sqrt(1 / (4 * or_nan(n, n > 0)) + tau_squared)
    middle = np.arcsin(np.sqrt(target))
    return tuple(np.sin(np.clip(middle + side * half, 0, np.pi / 2)) ** 2 for side in (-1, 1))


def dispersed_z(numerator: ArrayLike, n: ArrayLike, target: ArrayLike, tau_squared: ArrayLike = 0.0) -> Floats:
    """How many standard errors a district lies from the overall share, over-dispersion allowed for.

    Args:
        numerator: how many of n.
        n: number of answers; NaN comes back where it is 0.
        target: the overall share.
        tau_squared: as ``dispersion``.

    Returns:
        Standard normal deviates.

    Raises:
        ValueError: for a numerator outside 0..n.
    """
    numerator, n = _share(numerator, n)
    return _arcsine_z(numerator, or_nan(n, n > 0), *floats(target, tau_squared))


def benjamini_hochberg(p_values: ArrayLike, family: Sequence | None = None) -> Floats:
    """P-values adjusted for the number of tests in their family (Benjamini and Hochberg 1995).

    Args:
        p_values: one per test; NaN is no test and does not count.
        family: to which family each test belongs; None when all are one.

    Returns:
        Adjusted p-values in the same order: at most the level means rejected at that false discovery rate.

    Raises:
        ValueError: for a p-value outside 0..1.
    """
    p_values = np.asarray(p_values, dtype=float)
    refuse((p_values < 0) | (p_values > 1), "p-values lie outside 0..1")
    adjusted = np.full(p_values.shape, np.nan)
    families = (
        np.zeros(len(p_values), int) if family is None else pd.factorize(np.asarray(family), use_na_sentinel=False)[0]
    )
    known = ~np.isnan(p_values)
    for one in np.unique(families[known]):
        of_family = known & (families == one)
        adjusted[of_family] = stats.false_discovery_control(p_values[of_family])
    return adjusted


def trend(values: ArrayLike) -> Trend:
    """Kendall's tau of a series against time with its exact p-value, and Sen's slope.

    Args:
        values: one figure per half-year in order; NaN is a half-year without a figure.

    Returns:
        Points, tau, p and slope, NaN with fewer than two points or when all are equal (slope 0 then). With ties p
        counts all orders of the values, up to eight; from nine points with ties it is the normal approximation.
    """
    series = np.asarray(values, dtype=float)
    when = np.flatnonzero(~np.isnan(series))
    seen = series[when]
    points = len(seen)
    if points < 2:
        return Trend(points, np.nan, np.nan, np.nan)
    first, second = np.triu_indices(points, 1)
    slope = float(np.median((seen[second] - seen[first]) / (when[second] - when[first])))
    if len(set(seen)) == 1:
        return Trend(points, np.nan, np.nan, slope)
    tied = len(set(seen)) < points
    if tied and points <= _MOST_TIED_POINTS:
        orders = np.array(list(permutations(seen)))
        scores = np.sign(orders[:, second] - orders[:, first]).sum(axis=1)
        score = np.sign(seen[second] - seen[first]).sum()
        p_exact = float(np.mean(np.abs(scores) >= abs(score)))
        tau = stats.kendalltau(when, seen, method="asymptotic").statistic
    else:
        tau, p_exact = stats.kendalltau(when, seen, method="asymptotic" if tied else "exact")
    return Trend(points, float(tau), float(p_exact), slope)


def trend_word(points: ArrayLike, tau: ArrayLike, p_value: ArrayLike, level: float = 0.05) -> NDArray[np.str_]:
    """The word that a series allows; with four points even an unbroken rise has p = .083, so none before five.

    Args:
        points: number of half-years with a figure.
        tau: Kendall's tau.
        p_value: exact, or adjusted for the number of series that are looked at.
        level: at most this p-value counts.

    Returns:
        ``too_short``, ``rising``, ``falling`` or ``none``.
    """
    points, tau, p_value = floats(points, tau, p_value)
    sure = p_value <= level
    return np.select(
        [points < LEAST_TREND_POINTS, sure & (tau > 0), sure & (tau < 0)], ["too_short", "rising", "falling"], "none"
    )


def share_difference(
    numerator_1: ArrayLike, n_1: ArrayLike, numerator_2: ArrayLike, n_2: ArrayLike, confidence: float
) -> Difference:
    """The difference between two shares with Newcombe's interval and the p-value of the score test.

    Args:
        numerator_1: how many of n_1; not necessarily whole.
        n_1: number of answers on the first side, or their effective number.
        numerator_2: how many of n_2.
        n_2: number of answers on the second side.
        confidence: between 0 and 1.

    Returns:
        Difference, interval, p-value; NaN where a side is empty.

    Raises:
        ValueError: for a numerator outside 0..n, or a confidence outside 0..1.
    """
    bounds = newcombe(numerator_1, n_1, numerator_2, n_2, confidence)
    x1, n1, x2, n2 = floats(numerator_1, n_1, numerator_2, n_2)
    n1, n2 = or_nan(n1, n1 > 0), or_nan(n2, n2 > 0)
    score = difference_score(x1, n1, x2, n2, 0.0)
    return Difference(x1 / n1 - x2 / n2, *bounds, 2 * stats.norm.sf(np.abs(score)))


def mean_difference(
    n_1: ArrayLike,
    total_1: ArrayLike,
    sum_of_squares_1: ArrayLike,
    n_2: ArrayLike,
    total_2: ArrayLike,
    sum_of_squares_2: ArrayLike,
    confidence: float,
    *,
    design_effect_1: ArrayLike = 1.0,
    design_effect_2: ArrayLike = 1.0,
) -> Difference:
    """The difference between two means with Welch's (1947) interval and p-value, on effective numbers.

    Args:
        n_1: number of answers on the first side; NaN comes back where n/deff of a side is not above 1.
        total_1: sum of its answers.
        sum_of_squares_1: sum of their squares.
        n_2: number of answers on the second side.
        total_2: sum of its answers.
        sum_of_squares_2: sum of their squares.
        confidence: between 0 and 1.
        design_effect_1: of weights and interviewers, on the first side.
        design_effect_2: on the second side.

    Returns:
        Difference, interval, p-value. Without any spread on either side the interval has no width and p is 0 or 1.

    Raises:
        ValueError: for sums that no answers can have, or a confidence outside 0..1.
    """
    check_confidence(confidence)
    parts = []
    for n, total, squares, effect in (
        (n_1, total_1, sum_of_squares_1, design_effect_1),
        (n_2, total_2, sum_of_squares_2, design_effect_2),
    ):
        mean, variance = mean_and_variance(n, total, squares)
        effective = population_n(n, np.nan, effect)
        effective = or_nan(effective, effective > 1)
        parts.append((mean, variance / effective, effective))
    (mean_1, error_1, size_1), (mean_2, error_2, size_2) = parts
    difference, variance = mean_1 - mean_2, error_1 + error_2
    freedom = ratio(variance**2, error_1**2 / (size_1 - 1) + error_2**2 / (size_2 - 1))
    flat = variance == 0
    half = np.where(flat, 0.0, stats.t.ppf((1 + confidence) / 2, freedom) * np.sqrt(variance))
    p_value = 2 * stats.t.sf(np.abs(ratio(difference, np.sqrt(variance))), freedom)
    p_value = np.where(flat, (np.abs(difference) < 1e-12).astype(float), p_value)
    return Difference(difference, difference - half, difference + half, p_value)


def against_margin(bounds: Bounds, margin: ArrayLike) -> NDArray[np.str_]:
    """Two sources against what their way of asking may differ: tested against a margin, not against zero.

    Args:
        bounds: lower and upper bound of the difference.
        margin: what may differ, 0 or more, in the unit of the difference; the margin itself still may.

    Returns:
        ``in_line`` when the interval lies wholly within the margin, ``deviates`` when wholly outside it, else
        ``undecided``, also without an interval.

    Raises:
        ValueError: for a negative margin.
    """
    low, high, margin = floats(*bounds, margin)
    refuse(margin < 0, "margins are negative")
    return np.select(
        [(low >= -margin) & (high <= margin), (low > margin) | (high < -margin)], ["in_line", "deviates"], "undecided"
    )


def detectable_difference(
    n_1: ArrayLike, n_2: ArrayLike, *, share: ArrayLike = 0.8, power: float = 0.8, confidence: float = 0.95
) -> Floats:
    """The smallest difference between two shares that a comparison finds with the given power.

    By Cohen's (1988) arcsine: h = (z of the confidence + z of the power) sqrt(1/n1 + 1/n2), taken from the share
    towards one half, where differences are hardest to see.

    Args:
        n_1: answers on one side, or their effective number; NaN comes back where it is 0.
        n_2: answers on the other side.
        share: the share on one side.
        power: between 0 and 1.
        confidence: of the two-sided test, between 0 and 1.

    Returns:
        From 0 to 1; 1 means that no difference would be found.

    Raises:
        ValueError: for a share, power or confidence outside 0..1.
    """
    n_1, n_2, share = floats(n_1, n_2, share)
    refuse((share < 0) | (share > 1), "shares lie outside 0..1")
    reach = _reach(power, confidence) * np.sqrt(1 / or_nan(n_1, n_1 > 0) + 1 / or_nan(n_2, n_2 > 0))
    # Seen from the upper half of the scale; the lower half is its mirror.
    upper = np.maximum(share, 1 - share)
    angle = np.arcsin(np.sqrt(upper)) - reach / 2
    return np.where(np.isnan(angle), np.nan, np.where(angle < 0, 1.0, upper - np.sin(np.maximum(angle, 0)) ** 2))


def detectable_mean_difference(
    deviation: ArrayLike, n_1: ArrayLike, n_2: ArrayLike, *, power: float = 0.8, confidence: float = 0.95
) -> Floats:
    """The smallest difference between two means that a comparison finds with the given power.

    Args:
        deviation: standard deviation of the answers, 0 or more.
        n_1: answers on one side, or their effective number; NaN comes back where it is 0.
        n_2: answers on the other side.
        power: between 0 and 1.
        confidence: of the two-sided test, between 0 and 1.

    Returns:
        In scale points.

    Raises:
        ValueError: for a negative deviation, or a power or confidence outside 0..1.
    """
    deviation, n_1, n_2 = floats(deviation, n_1, n_2)
    refuse(deviation < 0, "standard deviations are negative")
    return _reach(power, confidence) * deviation * np.sqrt(1 / or_nan(n_1, n_1 > 0) + 1 / or_nan(n_2, n_2 > 0))


def own_against_independent(
    own: ArrayLike,
    independent: ArrayLike,
    scale: Sequence[float],
    negative_up_to: float,
    confidence: float,
    *,
    own_design_effect: ArrayLike = 1.0,
    independent_design_effect: ArrayLike = 1.0,
) -> OwnAgainstIndependent:
    """Answers given to a consortium's own team against those given to another party.

    Means may agree while the strongly negative answers go to the other party only, so both are compared.

    Args:
        own: how many gave each answer to the own team, shape (..., q).
        independent: how many gave each answer to the other party, shape (..., q).
        scale: the answers as numbers, in the order of the counts.
        negative_up_to: the highest answer that is negative.
        confidence: between 0 and 1.
        own_design_effect: of the own team's answers.
        independent_design_effect: of the other party's answers.

    Returns:
        Two differences, own minus independent.

    Raises:
        ValueError: for negative counts, or counts that do not fit the scale.
    """
    own, independent = np.asarray(own, dtype=float), np.asarray(independent, dtype=float)
    values = np.asarray(scale, dtype=float)
    refuse(own < 0, "counts are negative")
    refuse(independent < 0, "counts are negative")
    if own.shape[-1] != len(values) or independent.shape[-1] != len(values):
        raise ValueError("counts have one place for each answer of the scale")
    sums, negatives = [], []
    for counts, effect in ((own, own_design_effect), (independent, independent_design_effect)):
        n = counts.sum(axis=-1)
        sums.append((n, counts @ values, counts @ values**2))
        effective = population_n(n, np.nan, effect)
        below = ratio((counts * (values <= negative_up_to)).sum(axis=-1), n)
        negatives.append((np.where(n > 0, np.clip(np.nan_to_num(below) * effective, 0, effective), 0.0), effective))
    return OwnAgainstIndependent(
        mean_difference(
            *sums[0],
            *sums[1],
            confidence,
            design_effect_1=own_design_effect,
            design_effect_2=independent_design_effect,
        ),
        share_difference(*negatives[0], *negatives[1], confidence),
    )


def _reach(power: float, confidence: float) -> float:
    if not 0 < power < 1:
        raise ValueError("a power lies between 0 and 1")
    return quantile(confidence) + float(stats.norm.ppf(power))


def _arcsine_z(numerator: Floats, n: Floats, target: ArrayLike, tau_squared: ArrayLike) -> Floats:
    distance = np.arcsin(np.sqrt(numerator / n)) - np.arcsin(np.sqrt(target))
    return distance / np.sqrt(1 / (4 * n) + tau_squared)


def _share(numerator: ArrayLike, n: ArrayLike) -> list[Floats]:
    numerator, n = floats(numerator, n)
    refuse((numerator < 0) | (numerator > n), "shares have a numerator outside 0..n")
    return [numerator, n]
