"""Confidence intervals of shares, means and rates.

Belongs here: closed formulas on arrays, and one function that picks the formula by an indicator's kind. An interval
treats people as independent draws: interviewers, weights and the part of the population that was reached are not in it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from pipeline.reliability.arrays import Bounds, Floats, check_confidence, floats, or_nan, quantile, refuse

KEY = ["consortium_code", "indicator_code", "district_code", "period"]

_METHODS = {"proportion": "wilson", "mean": "student_t", "ratio": "byar", "rate": "byar", "count": "none"}


def wilson(numerator: ArrayLike, n: ArrayLike, confidence: float) -> Bounds:
    """Wilson's score interval of a share (Wilson 1927).

    Args:
        numerator: how many of n, from 0 to n.
        n: how many in all; NaN comes back where it is 0.
        confidence: between 0 and 1, for example 0.95.

    Returns:
        Lower and upper bound, from 0 to 1; exactly 0 when nobody is counted and exactly 1 when everybody is.

    Raises:
        ValueError: for a numerator outside 0..n, or a confidence outside 0..1.
    """
    numerator, n = floats(numerator, n)
    refuse((numerator < 0) | (numerator > n), "shares have a numerator outside 0..n")
    z = quantile(confidence)
    filled = or_nan(n, n > 0)
    share = numerator / filled
    middle = share + z**2 / (2 * filled)
    half = z * np.sqrt(share * (1 - share) / filled + z**2 / (4 * filled**2))
    scale = 1 + z**2 / filled
    # Floating point gives -1e-17 where the bound is 0, and 1 + 1e-16 where it is 1.
    low = np.where(numerator == 0, 0 * filled, np.clip((middle - half) / scale, 0, 1))
    high = np.where(numerator == n, filled / filled, np.clip((middle + half) / scale, 0, 1))
    return low, high


def t_interval(n: ArrayLike, total: ArrayLike, sum_of_squares: ArrayLike, confidence: float) -> Bounds:
    """Student's interval of a mean, from sums.

    Args:
        n: how many answers; NaN comes back where there are fewer than two.
        total: sum of the answers.
        sum_of_squares: sum of their squares.
        confidence: between 0 and 1.

    Returns:
        Lower and upper bound in scale points, not cut off at the scale's ends. Answers that are all equal give an
        interval without width: the formula knows no other spread than the one it sees.

    Raises:
        ValueError: for sums that no answers can have, or a confidence outside 0..1.
    """
    n, total, sum_of_squares = floats(n, total, sum_of_squares)
    check_confidence(confidence)
    several = or_nan(n, n >= 2)
    # n times the squares minus the square of the sum is exact in whole numbers, so equal answers give exactly 0.
    spread = several * sum_of_squares - total**2
    refuse(spread < 0, "means have a sum of squares that is too small for their sum")
    error = np.sqrt(spread / (several - 1)) / several
    half = stats.t.ppf((1 + confidence) / 2, several - 1) * error
    mean = total / several
    return mean - half, mean + half


def byar(count: ArrayLike, exposure: ArrayLike, per: ArrayLike, confidence: float) -> Bounds:
    """Byar's approximation to the exact Poisson interval of a rate or ratio (Breslow and Day 1987, volume II).

    The lower bound of the count is O(1 - 1/9O - z/3√O)³, the upper one the same formula with plus and O + 1. At 95 %
    it lies within 0.2 % of the exact bounds from a count of 10, and is the method of public health statistics in
    England.

    Args:
        count: how many events, 0 or more.
        exposure: residents or clients; NaN comes back where it is 0.
        per: the rate is per so many, for example 1000.
        confidence: between 0 and 1.

    Returns:
        Lower and upper bound per ``per``; the lower one is exactly 0 when nothing was counted.

    Raises:
        ValueError: for a negative count or exposure, or a confidence outside 0..1.
    """
    count, exposure, per = floats(count, exposure, per)
    refuse((count < 0) | (exposure < 0), "rates have a negative count or exposure")
    z = quantile(confidence)
    some = np.where(count > 0, count, 1.0)
    low = some * (1 - 1 / (9 * some) - z / (3 * np.sqrt(some))) ** 3
    one_more = count + 1
    high = one_more * (1 - 1 / (9 * one_more) + z / (3 * np.sqrt(one_more))) ** 3
    # At a very high confidence the cube of a small count is negative.
    low = np.where(count > 0, np.maximum(low, 0), 0 * count)
    unit = per / or_nan(exposure, exposure > 0)
    return low * unit, high * unit


def cell_intervals(cells: pd.DataFrame, indicators: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """The interval of each cell, in the unit of its value.

    Args:
        cells: consortium_code, indicator_code, district_code, period, n, numerator, sum_of_squares (means only), as in
            ``cells.indicator_cell``.
        indicators: indicator_code, kind (proportion, mean, ratio, rate, count) and scale (a value is scale x
            numerator / n).
        confidence: between 0 and 1.

    Returns:
        One row per cell, in the same order: the four keys, ci_low, ci_high (NaN when there is no interval) and method
        (``wilson``, ``student_t``, ``byar``; ``none`` when there is no interval: a count, or too few people for one).

    Raises:
        ValueError: for an indicator or kind that is not known, or counts that cannot be; the message names indicators
            only.
    """
    known = indicators.set_index("indicator_code")
    unknown = sorted(set(cells["indicator_code"]) - set(known.index))
    if unknown:
        raise ValueError(f"cells of unknown indicators: {', '.join(unknown)}")
    strange = sorted(set(known["kind"]) - set(_METHODS))
    if strange:
        raise ValueError(f"unknown kinds of indicator: {', '.join(strange)}")
    method = cells["indicator_code"].map(known["kind"]).map(_METHODS).to_numpy(object)
    scale = cells["indicator_code"].map(known["scale"]).to_numpy(float)
    n, numerator, squares = (_column(cells, name) for name in ("n", "numerator", "sum_of_squares"))
    low, high = np.full(len(cells), np.nan), np.full(len(cells), np.nan)
    formulas = {
        "wilson": lambda at: wilson(numerator[at], n[at], confidence),
        "student_t": lambda at: t_interval(n[at], numerator[at], squares[at], confidence),
        "byar": lambda at: byar(numerator[at], n[at], 1.0, confidence),
    }
    for name, formula in formulas.items():
        at = method == name
        try:
            bounds = formula(at)
        except ValueError as error:
            of = ", ".join(sorted(set(cells["indicator_code"][at])))
            raise ValueError(f"{error}; among the cells of {of}") from None
        low[at], high[at] = (bound * scale[at] for bound in bounds)
    # Text even where no row is there: a database would make numbers of it.
    result = cells[KEY].reset_index(drop=True).assign(method=np.where(np.isnan(low), "none", method)).astype("str")
    return result.assign(ci_low=low, ci_high=high)[[*KEY, "ci_low", "ci_high", "method"]]


def _column(cells: pd.DataFrame, name: str) -> Floats:
    return cells[name].to_numpy(dtype=float, na_value=np.nan)
