"""How many more interviews a district needs before its figure may be shown, and before it is reliable.

Belongs here: the number per survey figure. Does not belong here: how the consortium hears of it (deliveries: receipts).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.reliability.arrays import Floats, ratio
from pipeline.reliability.pooling import CELL
from pipeline.reliability.precision import interviews_needed, interviews_needed_for_mean, mean_and_variance
from pipeline.reliability.thresholds import Thresholds

_NARROWEST_SCALE = 4.0  # thresholds of means are written for a scale from 1 to 5


def further_interviews(
    cells: pd.DataFrame, precision: pd.DataFrame, verdicts: pd.DataFrame, thresholds: Thresholds, confidence: float
) -> pd.DataFrame:
    """Further answers that each survey figure needs, at the share or spread and the design effect that it has now.

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
        clients than that).
    """
    n, numerator, squares, clients, span = (
        cells[name].to_numpy(dtype=float, na_value=np.nan)
        for name in ("n", "numerator", "sum_of_squares", "clients", "scale_range")
    )
    effect = precision["design_effect"].to_numpy(dtype=float)
    people = precision["population"].to_numpy(dtype=float)
    share = (cells["kind"] == "proportion").to_numpy()
    _, variance = mean_and_variance(n, np.where(share, 0.0, numerator), np.where(share, 0.0, squares))
    wanted = {}
    for level in ("indicative", "reliable"):
        name = {"indicative": "publishable", "reliable": "reliable"}[level]
        at_least = thresholds[f"{name}_effective_n"]
        total = np.full(len(cells), np.nan)
        total[share] = interviews_needed(
            ratio(numerator, n)[share],
            thresholds[f"{name}_share_width"],
            confidence,
            design_effect=effect[share],
            population=people[share],
            at_least=at_least,
        )
        half = thresholds[f"{name}_mean_half_width"] * span[~share] / _NARROWEST_SCALE
        total[~share] = interviews_needed_for_mean(
            np.sqrt(variance[~share]),
            half,
            confidence,
            design_effect=effect[~share],
            population=people[~share],
            at_least=at_least,
        )
        wanted[level] = total
    result = cells[[*CELL, "target_group", "n"]].merge(verdicts[[*CELL, "verdict"]], on=CELL, how="left")
    for level, total in wanted.items():
        result[f"needed_for_{level}"] = _more(total, n)
    return result.assign(limited_by_clients=(wanted["reliable"] > clients) | (clients <= n))


def _more(total: Floats, n: Floats) -> pd.Series:
    return pd.Series(np.where(np.isnan(total), np.nan, np.maximum(total - n, 0))).astype("Int64")
