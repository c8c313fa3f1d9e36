"""What the statistics share: arrays of equal shape, undefined values, normal quantiles.

Belongs here: preparing arguments and refusing what cannot be. Does not belong here: a statistic.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Floats = NDArray[np.float64]
Bounds = tuple[Floats, Floats]


def floats(*values: ArrayLike) -> list[Floats]:
    """The values as floating point, brought to one shape."""
    return list(np.broadcast_arrays(*(np.asarray(value, dtype=float) for value in values)))


def or_nan(values: ArrayLike, usable: NDArray[np.bool_]) -> Floats:
    """The values, NaN where they cannot be used."""
    return np.where(usable, values, np.nan)


def ratio(above: ArrayLike, below: ArrayLike) -> Floats:
    """One divided by the other, NaN where the divisor is 0 or either is unknown."""
    above, below = floats(above, below)
    return above / or_nan(below, below != 0)


def refuse(wrong: NDArray[np.bool_], what: str) -> None:
    """Refuse impossible input.

    Args:
        wrong: true where it is impossible.
        what: the end of a sentence that starts with how many.

    Raises:
        ValueError: when any is wrong; the message holds their number and no value.
    """
    if np.any(wrong):
        raise ValueError(f"{int(np.sum(wrong))} {what}")


def check_confidence(confidence: float) -> None:
    """Refuse a confidence that is no probability, for example 95."""
    if not 0 < confidence < 1:
        raise ValueError("a confidence lies between 0 and 1")


def quantile(confidence: float) -> float:
    """The number of standard errors on either side."""
    check_confidence(confidence)
    return float(stats.norm.ppf((1 + confidence) / 2))


def complete_rows(table: ArrayLike, what: str) -> Floats:
    """The rows of a table without a gap.

    Args:
        table: one row per respondent or unit, one column per item or rater; NaN is a gap.
        what: the table's name in a message.

    Returns:
        The rows that have every value.

    Raises:
        ValueError: when it is not a table.
    """
    values = np.asarray(table, dtype=float)
    if values.ndim != 2:
        raise ValueError(f"{what} form a table of two dimensions, not {values.ndim}")
    return values[~np.isnan(values).any(axis=1)]
