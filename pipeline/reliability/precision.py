"""How precise a share, a mean or a difference is: exact and score intervals, and the interviews that they take.

Belongs here: closed formulas and quantiles on counts and sums. An effective number (interviews divided by their design
effect) may stand wherever a number of answers stands, so counts need not be whole. Wilson, Student and Byar without
any of this are in ``intervals``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from pipeline.reliability.arrays import Bounds, Floats, check_confidence, floats, or_nan, quantile, refuse
from pipeline.reliability.intervals import wilson

_WHOLE = 1e-9


def clopper_pearson(numerator: ArrayLike, n: ArrayLike, confidence: float) -> Bounds:
    """The exact binomial interval of a share (Clopper and Pearson 1934), for effective numbers as Korn and Graubard.

    Bounds are the beta quantiles B(a/2; x, n - x + 1) and B(1 - a/2; x + 1, n - x). It covers at least the confidence
    for whatever the share is, and so mostly more: the rule for publishing uses it, the figure itself shows Wilson.

    Args:
        numerator: how many of n, from 0 to n; not necessarily whole.
        n: how many in all, or their effective number; NaN comes back where it is 0.
        confidence: between 0 and 1.

    Returns:
        Lower and upper bound, exactly 0 when nobody is counted and exactly 1 when everybody is.

    Raises:
        ValueError: for a numerator outside 0..n, or a confidence outside 0..1.
    """
    numerator, n = _share(numerator, n)
    check_confidence(confidence)
    tail = (1 - confidence) / 2
    low = stats.beta.ppf(tail, numerator, n - numerator + 1)
    high = stats.beta.ppf(1 - tail, numerator + 1, n - numerator)
    return _at_the_ends(low, high, numerator, n)


def jeffreys(numerator: ArrayLike, n: ArrayLike, confidence: float) -> Bounds:
    """Jeffreys' interval of a share, with the ends of Brown, Cai and DasGupta (2001).

    Bounds are the quantiles of the beta distribution (x + 1/2, n - x + 1/2); the lower one is 0 at x = 0 and the
    upper one 1 at x = n, which many programs leave out.

    Args:
        numerator: how many of n, from 0 to n; not necessarily whole.
        n: how many in all; NaN comes back where it is 0.
        confidence: between 0 and 1.

    Returns:
        Lower and upper bound.

    Raises:
        ValueError: for a numerator outside 0..n, or a confidence outside 0..1.
    """
    numerator, n = _share(numerator, n)
    check_confidence(confidence)
    tail = (1 - confidence) / 2
    low, high = (stats.beta.ppf(at, numerator + 0.5, n - numerator + 0.5) for at in (tail, 1 - tail))
    return _at_the_ends(low, high, numerator, n)


def population_n(n: ArrayLike, population: ArrayLike, design_effect: ArrayLike = 1.0) -> Floats:
    """The number that the answers count for when they are a part of few people: n* = n(N - 1)/(N - n).

    Only for statements about these people in this half-year. A trend, a comparison or another source speaks of what
    could have been, and leaves it out.

    Args:
        n: number of answers, 0 or more.
        population: N, how many people there are in all; NaN or infinite when it is unknown or large.
        design_effect: by which the answers count for less.

    Returns:
        n*, infinite when everybody answered.

    Raises:
        ValueError: for more answers than people, a negative number, or a design effect that is not above 0.
    """
    n, population, design_effect = floats(n, population, design_effect)
    refuse((n < 0) | (n > population), "samples are negative or larger than the population they come from")
    refuse(design_effect <= 0, "design effects are not above 0")
    effective = n / design_effect
    finite = np.isfinite(population)
    people = np.where(finite, population, 2.0)
    left = np.where(finite, people - n, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        corrected = effective * (people - 1) / left
    # One person who answered is everybody: 0/0 otherwise.
    corrected = np.where((left == 0) & (n > 0), np.inf, corrected)
    return np.where(finite, corrected, effective)


def share_interval(
    numerator: ArrayLike,
    n: ArrayLike,
    confidence: float,
    *,
    population: ArrayLike = np.nan,
    design_effect: ArrayLike = 1.0,
) -> Bounds:
    """Wilson's interval of a share on the number that the answers count for: the interval of "these clients".

    Args:
        numerator: how many of n, from 0 to n.
        n: number of answers; NaN comes back where it is 0.
        confidence: between 0 and 1.
        population: how many people there are in all; leave it out for anything but these people in this half-year.
        design_effect: of weights and interviewers.

    Returns:
        Lower and upper bound; both are the share itself when everybody was asked.

    Raises:
        ValueError: for a numerator outside 0..n, more answers than people, or a confidence outside 0..1.
    """
    numerator, n = _share(numerator, n)
    counts_for = population_n(n, population, design_effect)
    share = numerator / or_nan(n, n > 0)
    everybody = np.isinf(counts_for)
    # The product may fall a hair outside 0..n*.
    size = np.where(everybody, 1.0, counts_for)
    low, high = wilson(np.clip(np.nan_to_num(share) * size, 0, size), size, confidence)
    return tuple(np.where(everybody, share, or_nan(bound, ~np.isnan(share))) for bound in (low, high))


def mean_interval(
    n: ArrayLike,
    total: ArrayLike,
    sum_of_squares: ArrayLike,
    confidence: float,
    *,
    population: ArrayLike = np.nan,
    design_effect: ArrayLike = 1.0,
) -> Bounds:
    """Student's interval of a mean with design effect and finite population.

    The standard error is sqrt(deff s²/n (1 - n/N)), the degrees of freedom n/deff - 1.

    Args:
        n: number of answers; NaN comes back where n/deff is not above 1.
        total: sum of the answers.
        sum_of_squares: sum of their squares.
        confidence: between 0 and 1.
        population: how many people there are in all; leave it out for anything but these people in this half-year.
        design_effect: of weights and interviewers.

    Returns:
        Lower and upper bound in scale points, not cut off at the scale's ends.

    Raises:
        ValueError: for sums that no answers can have, more answers than people, or a confidence outside 0..1.
    """
    n, total, sum_of_squares, population, design_effect = floats(n, total, sum_of_squares, population, design_effect)
    check_confidence(confidence)
    refuse((n < 0) | (n > population), "samples are negative or larger than the population they come from")
    refuse(design_effect <= 0, "design effects are not above 0")
    mean, variance = mean_and_variance(n, total, sum_of_squares)
    effective = n / design_effect
    reached = np.where(np.isfinite(population), n / np.where(population > 0, population, 1.0), 0.0)
    usable = effective > 1
    error = np.sqrt(variance / or_nan(effective, usable) * (1 - reached))
    half = stats.t.ppf((1 + confidence) / 2, or_nan(effective - 1, usable)) * error
    return mean - half, mean + half


def mean_and_variance(n: ArrayLike, total: ArrayLike, sum_of_squares: ArrayLike) -> tuple[Floats, Floats]:
    """Mean and sample variance (divided by n - 1) from sums.

    Args:
        n: number of answers.
        total: sum of the answers.
        sum_of_squares: sum of their squares.

    Returns:
        Mean (NaN where n is 0) and variance (NaN where n is below 2).

    Raises:
        ValueError: for sums that no answers can have.
    """
    n, total, sum_of_squares = floats(n, total, sum_of_squares)
    # n times the squares minus the square of the sum is exact in whole numbers, so equal answers give exactly 0.
    spread = n * sum_of_squares - total**2
    refuse((n > 0) & (spread < -_WHOLE * n * sum_of_squares), "means have a sum of squares too small for their sum")
    several = or_nan(n, n >= 2)
    return total / or_nan(n, n > 0), np.maximum(spread, 0) / several / (several - 1)


def difference_interval(
    first: ArrayLike, first_bounds: Bounds, second: ArrayLike, second_bounds: Bounds
) -> tuple[Floats, Floats, Floats]:
    """The interval of a difference from the intervals of its two sides (Zou and Donner 2008).

    d - sqrt((p1 - l1)² + (u2 - p2)²) and d + sqrt((u1 - p1)² + (p2 - l2)²): what is asymmetrical in an interval stays
    so. With two Wilson intervals this is Newcombe's.

    Args:
        first: the estimate from which the other is subtracted.
        first_bounds: its lower and upper bound.
        second: the other estimate.
        second_bounds: its lower and upper bound, at the same confidence.

    Returns:
        Difference, lower and upper bound.
    """
    first, low_1, high_1, second, low_2, high_2 = floats(first, *first_bounds, second, *second_bounds)
    difference = first - second
    low = difference - np.hypot(first - low_1, high_2 - second)
    return difference, low, difference + np.hypot(high_1 - first, second - low_2)


def newcombe(
    numerator_1: ArrayLike, n_1: ArrayLike, numerator_2: ArrayLike, n_2: ArrayLike, confidence: float
) -> Bounds:
    """Newcombe's hybrid score interval of a difference between two shares (1998b, method 10).

    Args:
        numerator_1: how many of n_1, from 0 to n_1; not necessarily whole.
        n_1: number of answers on the first side, or their effective number; NaN comes back where it is 0.
        numerator_2: how many of n_2.
        n_2: number of answers on the second side.
        confidence: between 0 and 1.

    Returns:
        Lower and upper bound of the first share minus the second.

    Raises:
        ValueError: for a numerator outside 0..n, or a confidence outside 0..1.
    """
    sides = [
        (numerator / or_nan(n, n > 0), wilson(numerator, n, confidence))
        for numerator, n in (_share(numerator_1, n_1), _share(numerator_2, n_2))
    ]
    return difference_interval(*sides[0], *sides[1])[1:]


def miettinen_nurminen(
    numerator_1: ArrayLike, n_1: ArrayLike, numerator_2: ArrayLike, n_2: ArrayLike, confidence: float
) -> Bounds:
    """The score interval of a difference between two shares (Miettinen and Nurminen 1985).

    The differences that the score test with the N/(N - 1) variance does not reject, by bisection. The shares that are
    most likely under a given difference solve a cubic equation in closed form.

    Args:
        numerator_1: how many of n_1, from 0 to n_1.
        n_1: number of answers on the first side; NaN comes back where it is 0.
        numerator_2: how many of n_2.
        n_2: number of answers on the second side.
        confidence: between 0 and 1.

    Returns:
        Lower and upper bound of the first share minus the second.

    Raises:
        ValueError: for a numerator outside 0..n, or a confidence outside 0..1.
    """
    numerator_1, n_1 = _share(numerator_1, n_1)
    numerator_2, n_2 = _share(numerator_2, n_2)
    counts = floats(numerator_1, or_nan(n_1, n_1 > 0), numerator_2, or_nan(n_2, n_2 > 0))
    z = quantile(confidence)
    difference = counts[0] / counts[1] - counts[2] / counts[3]

    def bound(end: float) -> Floats:
        inside, outside = difference.copy(), np.full(difference.shape, end)
        for _ in range(60):
            middle = (inside + outside) / 2
            accepted = np.abs(difference_score(*counts, middle)) <= z
            inside, outside = np.where(accepted, middle, inside), np.where(accepted, outside, middle)
        # The end itself belongs to the interval when even that difference is not rejected.
        found = np.where(np.abs(difference_score(*counts, np.full(difference.shape, end))) <= z, end, inside)
        return or_nan(found, ~np.isnan(difference))

    return bound(-1.0), bound(1.0)


def difference_score(
    numerator_1: ArrayLike, n_1: ArrayLike, numerator_2: ArrayLike, n_2: ArrayLike, difference: ArrayLike
) -> Floats:
    """The score statistic of Miettinen and Nurminen: how many standard errors two shares lie from a given difference.

    Args:
        numerator_1: how many of n_1.
        n_1: number of answers on the first side.
        numerator_2: how many of n_2.
        n_2: number of answers on the second side.
        difference: the difference that is tested, from -1 to 1.

    Returns:
        A standard normal deviate; 0 when observed and tested difference are equal.
    """
    x1, n1, x2, n2, delta = floats(numerator_1, n_1, numerator_2, n_2, difference)
    total, events = n1 + n2, x1 + x2
    with np.errstate(divide="ignore", invalid="ignore"):
        # The second share under the difference: the root of total p³ + b p² + c p + d that lies in range.
        b = (n1 + 2 * n2) * delta - total - events
        c = (n2 * delta - total - 2 * x2) * delta + events
        d = x2 * delta * (1 - delta)
        q = b**3 / (27 * total**3) - b * c / (6 * total**2) + d / (2 * total)
        p = np.copysign(np.sqrt(np.maximum(b**2 / (9 * total**2) - c / (3 * total), 0)), q)
        angle = (np.pi + np.arccos(np.clip(np.where(p == 0, 0, q / p**3), -1, 1))) / 3
        second = np.clip(2 * p * np.cos(angle) - b / (3 * total), np.maximum(0, -delta), np.minimum(1, 1 - delta))
        first = np.clip(second + delta, 0, 1)
        variance = (first * (1 - first) / n1 + second * (1 - second) / n2) * total / (total - 1)
        distance = x1 / n1 - x2 / n2 - delta
        score = distance / np.sqrt(variance)
    # Without variance a difference that is not the observed one is impossible.
    return np.where(np.abs(distance) < 1e-12, 0.0, score)


def half_width(bounds: Bounds) -> Floats:
    """Half the width of an interval: the margin of error, in the unit of the figure."""
    low, high = floats(*bounds)
    return (high - low) / 2


def interviews_needed(
    share: ArrayLike,
    width: ArrayLike,
    confidence: float,
    *,
    design_effect: ArrayLike = 1.0,
    population: ArrayLike = np.nan,
    at_least: float = 1,
) -> Floats:
    """The smallest number of interviews for which the exact interval of a share is narrower than wanted.

    The effective number comes from Clopper-Pearson on the whole number that is nearest to the share, times the design
    effect; a finite population asks for fewer, n = n' N/(N - 1 + n').

    Args:
        share: the share that is expected, from 0 to 1.
        width: the interval has to be narrower than this, between 0 and 1.
        confidence: between 0 and 1.
        design_effect: of weights and interviewers, taken as it will be with that many interviews.
        population: how many people there are in all, for a statement about these people only.
        at_least: the effective number below which no figure appears, however narrow.

    Returns:
        Whole numbers as floating point; with a population never more than it holds.

    Raises:
        ValueError: for a share outside 0..1, or a width or confidence outside 0..1 (ends excluded).
    """
    share, width, design_effect, population = floats(share, width, design_effect, population)
    refuse((share < 0) | (share > 1), "shares lie outside 0..1")
    refuse((width <= 0) | (width >= 1), "widths do not lie between 0 and 1")

    def narrow(size: Floats, numerator: Floats) -> NDArray[np.bool_]:
        low, high = clopper_pearson(numerator, size, confidence)
        return high - low < width

    enough = smallest_number(lambda size: narrow(size, share * size), share + width, at_least)
    # A whole numerator may lie half a person nearer to 0 or everybody, and be narrow a few interviews earlier.
    unlikely = np.clip(np.minimum(share, 1 - share), 0.001, 0.5)
    earliest = np.maximum(enough - np.where(share % 1 == 0, 0, np.ceil(0.5 / unlikely) + 5), np.ceil(at_least))
    while True:
        too_wide = ~np.isnan(earliest) & ~narrow(earliest, np.round(share * earliest))
        if not too_wide.any():
            break
        earliest = earliest + too_wide
    return _in_practice(earliest, design_effect, population)


def interviews_needed_for_mean(
    deviation: ArrayLike,
    half: ArrayLike,
    confidence: float,
    *,
    design_effect: ArrayLike = 1.0,
    population: ArrayLike = np.nan,
    at_least: float = 2,
) -> Floats:
    """The smallest number of interviews for which half the interval of a mean is at most as wide as wanted.

    Args:
        deviation: standard deviation of the answers, 0 or more, in scale points.
        half: the half-width that is wanted, above 0, in scale points.
        confidence: between 0 and 1.
        design_effect: of weights and interviewers.
        population: how many people there are in all, for a statement about these people only.
        at_least: the effective number below which no figure appears, however narrow.

    Returns:
        Whole numbers as floating point.

    Raises:
        ValueError: for a negative deviation, a half-width that is not above 0, or a confidence outside 0..1.
    """
    deviation, half, design_effect, population = floats(deviation, half, design_effect, population)
    refuse(deviation < 0, "standard deviations are negative")
    refuse(half <= 0, "half-widths are not above 0")
    check_confidence(confidence)

    def narrow(size: Floats) -> NDArray[np.bool_]:
        return stats.t.ppf((1 + confidence) / 2, size - 1) * deviation / np.sqrt(size) <= half

    return _in_practice(smallest_number(narrow, deviation + half, max(at_least, 2)), design_effect, population)


def smallest_number(narrow: Callable[[Floats], NDArray[np.bool_]], known: Floats, at_least: float = 1) -> Floats:
    """The smallest whole number that is narrow enough, by doubling and bisection.

    Args:
        narrow: whether numbers are large enough, one per row; once true it stays so for all larger ones.
        known: NaN in rows of which nothing can be said.
        at_least: the first number that is tried.

    Returns:
        Whole numbers as floating point, NaN where ``known`` is.
    """
    too_few, enough = np.full(known.shape, np.ceil(at_least) - 1), np.full(known.shape, np.ceil(at_least))
    while (too_wide := ~np.isnan(known) & ~narrow(enough)).any():
        too_few, enough = np.where(too_wide, enough, too_few), np.where(too_wide, 2 * enough, enough)
    while True:
        open_ = enough - too_few > 1
        if not open_.any():
            return or_nan(enough, ~np.isnan(known))
        middle = np.where(open_, np.floor((too_few + enough) / 2), enough)
        fits = narrow(middle)
        too_few, enough = np.where(open_ & ~fits, middle, too_few), np.where(open_ & fits, middle, enough)


def _in_practice(effective: Floats, design_effect: Floats, population: Floats) -> Floats:
    """Interviews for an effective number: more for a design effect, fewer when the population is small."""
    refuse(design_effect <= 0, "design effects are not above 0")
    refuse(population < 1, "populations hold nobody")
    wanted = effective * design_effect
    finite = np.isfinite(population)
    people = np.where(finite, population, 2.0)
    wanted = np.where(finite, wanted * people / (people - 1 + wanted), wanted)
    # The product of whole numbers may end a hair above a whole number.
    return np.ceil(wanted - _WHOLE)


def _share(numerator: ArrayLike, n: ArrayLike) -> list[Floats]:
    numerator, n = floats(numerator, n)
    refuse((numerator < -_WHOLE) | (numerator > n + _WHOLE), "shares have a numerator outside 0..n")
    # A share times an effective number may end a hair beside 0 or n, where the quantiles overflow.
    numerator = np.where(numerator < _WHOLE, np.where(np.isnan(n), np.nan, 0.0), numerator)
    return [np.where(n - numerator < _WHOLE, n, numerator), n]


def _at_the_ends(low: Floats, high: Floats, numerator: Floats, n: Floats) -> Bounds:
    known = (n > 0) & ~np.isnan(numerator)
    return or_nan(np.where(numerator == 0, 0.0, low), known), or_nan(np.where(numerator == n, 1.0, high), known)
