"""How many more interviews a district needs before its figure may be shown, and before it is reliable.

Belongs here: the number per survey figure. Does not belong here: how the consortium hears of it (deliveries: receipts).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.reliability.arrays import Floats, or_nan, ratio
from pipeline.reliability.cells import exact_width
from pipeline.reliability.pooling import CELL
from pipeline.reliability.precision import (
    half_width,
    mean_and_variance,
    mean_interval,
    population_n,
    smallest_number,
)
from pipeline.reliability.thresholds import Thresholds

_NARROWEST_SCALE = 4.0  # thresholds of means are written for a scale from 1 to 5
_SAME = 1e-9  # as in judgement.py: so near to a threshold is at it


def further_interviews(
    cells: pd.DataFrame, precision: pd.DataFrame, verdicts: pd.DataFrame, thresholds: Thresholds, confidence: float
) -> pd.DataFrame:
    """Further answers that each survey figure needs, at the share or spread and the design effect that it has now.

    The smallest number at which the checks of number and precision (people, effective number, width) would say so.
    What else keeps a verdict down (no independent part, say) no number of interviews mends; the verdict says so.

    Args:
        cells: own survey cells with somebody: the four keys, target_group, kind, n, numerator, sum_of_squares,
            scale_range and clients (in care in the district and half-year; missing when nobody knows them all).
        precision: as ``cells.cell_precision`` gives it, in the same order.
        verdicts: the four keys and verdict, of own cells.
        thresholds: of widths and effective numbers.
        confidence: between 0 and 1.

    Returns:
        The four keys, target_group, n, verdict, needed_for_indicative, needed_for_reliable (whole numbers of further
        answers; 0 when there are enough, missing when it cannot be said) and limited_by_clients (there are fewer
        clients than reliable would take).
    """
    n, numerator, squares, clients, span = (
        cells[name].to_numpy(dtype=float, na_value=np.nan)
        for name in ("n", "numerator", "sum_of_squares", "clients", "scale_range")
    )
    effect = precision["design_effect"].to_numpy(dtype=float)
    people = precision["population"].to_numpy(dtype=float)
    share = (cells["kind"] == "proportion").to_numpy()
    mean = ~share
    wanted = {}
    for level, name in (("indicative", "publishable"), ("reliable", "reliable")):
        total = np.full(len(cells), np.nan)
        at_least = thresholds["minimum_persons"]
        total[share] = smallest_number(
            _share_is_sure(ratio(numerator, n)[share], effect[share], people[share], name, thresholds, confidence),
            n[share],
            at_least,
        )
        centre, variance = mean_and_variance(n[mean], numerator[mean], squares[mean])
        limit = thresholds[f"{name}_mean_half_width"] * span[mean] / _NARROWEST_SCALE
        total[mean] = smallest_number(
            _mean_is_sure(
                centre,
                variance,
                effect[mean],
                people[mean],
                limit,
                thresholds[f"{name}_effective_n"],
                confidence,
            ),
            variance,
            at_least,
        )
        wanted[level] = total
    result = cells[[*CELL, "target_group", "n"]].merge(verdicts[[*CELL, "verdict"]], on=CELL, how="left")
    for level, total in wanted.items():
        result[f"needed_for_{level}"] = _more(total, n)
    unknown_but_all = np.isnan(wanted["reliable"]) & (clients <= n)
    return result.assign(limited_by_clients=(wanted["reliable"] > clients) | unknown_but_all)


def _share_is_sure(
    share: Floats, effect: Floats, people: Floats, name: str, thresholds: Thresholds, confidence: float
) -> Callable[[Floats], NDArray[np.bool_]]:
    """Whether so many answers make a share sure enough: checks effective_n and share_width."""
    least, limit = thresholds[f"{name}_effective_n"], thresholds[f"{name}_share_width"]
    most, negligible = thresholds["publishable_relative_width"], thresholds["negligible_width"]
    # the width that is just too wide to show is not shown; the one that is just reliable is
    reach = limit - _SAME if name == "publishable" else limit + _SAME

    def sure(total: Floats) -> NDArray[np.bool_]:
        counts_for = population_n(np.fmin(total, people), people, effect)
        width = exact_width(share, counts_for, confidence)
        narrow = (width < reach) & ((width <= negligible + _SAME) | (width <= most * share + _SAME * share))
        return narrow & (counts_for >= least - _SAME)

    return sure


def _mean_is_sure(
    centre: Floats, variance: Floats, effect: Floats, people: Floats, limit: Floats, least: float, confidence: float
) -> Callable[[Floats], NDArray[np.bool_]]:
    """Whether so many answers with this spread make a mean sure enough: checks effective_n and mean_half_width."""

    def sure(total: Floats) -> NDArray[np.bool_]:
        answers = np.fmin(total, people)
        squares = variance * (answers - 1) + centre**2 * answers
        bounds = mean_interval(answers, centre * answers, squares, confidence, population=people, design_effect=effect)
        counts_for = population_n(answers, people, effect)
        # answers of everybody leave nothing to be unsure of, however few there are
        return (half_width(bounds) <= limit + _SAME) & (counts_for >= least - _SAME) | np.isinf(counts_for)

    return sure


def _more(total: Floats, n: Floats) -> pd.Series:
    return pd.Series(or_nan(np.maximum(total - n, 0), ~np.isnan(total))).astype("Int64")
