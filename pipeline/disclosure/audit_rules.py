"""Which counts may not be known: the rules of disclosure control on the true counts, as the audit reads them.

Belongs here: P1, P3 and P4 per row, with the counts that must stay uncertain when a row breaks one. Written for the
audit and from the rules alone: the code that chooses what to hide is not used here, and does not use this. Not here:
what the attacker knows (evidence).

A row has up to four counts: n, numerator, complement of an indicator; n, improved, stable, worsened of a life domain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.periods import HalfYear

Whole = NDArray[np.int64]
Mask = NDArray[np.bool_]

PARTNERS, COUNCIL = "partners", "council"
INDICATOR, POOLED, LIFE_DOMAIN = "indicator", "pooled", "life_domain"
COUNTS = {
    INDICATOR: ("n", "numerator", "complement"),
    POOLED: ("n", "numerator", "complement"),
    LIFE_DOMAIN: ("n", "improved", "stable", "worsened"),
}
ABSENT = -1
N, NUMERATOR, COMPLEMENT = 0, 1, 2
OUTCOMES = (1, 2, 3)
# for the council a group is small when it has fewer people than this many times the minimum
_SMALL_GROUP = 5


@dataclass(frozen=True)
class Limits:
    """Thresholds that hold at the end of each row's half-year.

    Attributes:
        people: below this a number of people is hidden.
        side: below this a small side is hidden.
        width: so many values of a hidden count stay possible.
        dominance: from this share on one side stands for nearly everybody.
        base: counts for the council are multiples of it.
    """

    people: Whole
    side: Whole
    width: Whole
    dominance: NDArray[np.float64]
    base: Whole


@dataclass(frozen=True)
class Broken:
    """What the rules say of rows.

    Attributes:
        rule: P1, P3 or P4 per row; '' when the row may be shown.
        asked: per row and count what is asked: 0 nothing, 1 the width, more: besides, that a value of at least this
            stays possible.
        asked_of_others: the same for n minus each outcome of a life domain, by which everybody else is meant.
    """

    rule: NDArray[np.object_]
    asked: Whole
    asked_of_others: Whole


def limits(rows: pd.DataFrame, thresholds: pd.DataFrame) -> Limits:
    """The thresholds of each row.

    Args:
        rows: period.
        thresholds: threshold_code, value, valid_from, valid_to (``seeds/thresholds.csv``).

    Raises:
        ValueError: when not exactly one value of a threshold holds at the end of a half-year.
    """
    periods = rows["period"].unique()

    def of(code: str) -> NDArray[np.float64]:
        some = thresholds[thresholds["threshold_code"] == code]
        since, until = (pd.to_datetime(some[column]) for column in ("valid_from", "valid_to"))
        found = {}
        for period in periods:
            day = pd.Timestamp(HalfYear.parse(period).ends_on)
            holds = some["value"][(since <= day) & (until.isna() | (until >= day))]
            if len(holds) != 1:
                raise ValueError(f"{len(holds)} values of threshold {code} hold at the end of {period}")
            found[period] = float(holds.iloc[0])
        return rows["period"].map(found).to_numpy(dtype=float)

    people, side, width, base = (
        np.round(of(code)).astype(np.int64)
        for code in ("minimum_persons", "minimum_small_side", "protection_width", "rounding_base")
    )
    return Limits(people, side, width, of("dominance_share"), base)


def broken(
    rows: pd.DataFrame, counts: Whole, persons: Whole, limit: Limits, audience: str, *, present: Mask | None = None
) -> Broken:
    """Hold the rules against rows.

    Args:
        rows: subject, kind and sensitive_side (of the indicator).
        counts: the four counts of each row; ``ABSENT`` where there is none.
        persons: people behind the figure; ``ABSENT`` where it is n.
        limit: the thresholds of each row.
        audience: ``partners`` or ``council``.
        present: rows to judge; those with data when None.
    """
    kind, sensitive = rows["kind"].to_numpy(object), rows["sensitive_side"].to_numpy(object)
    is_life = (rows["subject"] == LIFE_DOMAIN).to_numpy()
    n = counts[:, N]
    judged = (n > 0) & (kind != "count")
    if present is not None:
        judged &= present
    behind = np.where(persons == ABSENT, n, persons)
    few = judged & ((n < limit.people) | (behind < limit.people))

    has_sides = np.isin(kind, ["proportion", "ratio", "rate"])
    of_numerator = has_sides & np.isin(sensitive, ["numerator", "both"])
    of_complement = (kind == "proportion") & np.isin(sensitive, ["complement", "both"])
    small = np.zeros(counts.shape, dtype=bool)
    low = (counts > 0) & (counts < limit.side[:, np.newaxis])
    small[:, NUMERATOR] = np.where(is_life, low[:, 1], of_numerator & low[:, NUMERATOR])
    small[:, COMPLEMENT] = np.where(is_life, low[:, 2], of_complement & low[:, COMPLEMENT])
    small[:, 3] = is_life & low[:, 3]
    small &= judged[:, np.newaxis]

    # Nobody on one side is everybody on the other.
    about_all = judged & (kind == "proportion") & (sensitive != "none")
    nobody = np.zeros(counts.shape, dtype=bool)
    nobody[:, NUMERATOR] = about_all & (counts[:, NUMERATOR] == 0)
    nobody[:, COMPLEMENT] = about_all & (counts[:, COMPLEMENT] == 0)
    others = np.where(is_life[:, np.newaxis], n[:, np.newaxis] - counts[:, 1:], ABSENT)
    nobody_else = (judged & is_life)[:, np.newaxis] & (others == 0)
    if audience == COUNCIL:
        few_alike = judged & (n < _SMALL_GROUP * limit.people)
        for at, other in ((NUMERATOR, COMPLEMENT), (COMPLEMENT, NUMERATOR)):
            nobody[:, other] |= about_all & few_alike & (counts[:, at] >= limit.dominance * n)
        share = counts[:, 1:] >= (limit.dominance * n)[:, np.newaxis]
        nobody_else |= (few_alike & is_life)[:, np.newaxis] & share

    protected = small | nobody
    rule = np.select(
        [few, small.any(axis=1), nobody.any(axis=1) | nobody_else.any(axis=1)], ["P1", "P3", "P4"], ""
    ).astype(object)
    # Of a figure on too few people all counts keep their width; n, besides, may be as large as a figure that is shown.
    asked = np.where(few[:, np.newaxis] & (counts != ABSENT), 1, np.where(protected, limit.side[:, np.newaxis], 0))
    asked[:, N] = np.where(few, limit.people, 0)
    # Residents are known to everybody.
    asked[kind == "rate", N] = 0
    alone = nobody_else & ~few[:, np.newaxis]
    return Broken(rule, asked, np.where(alone, limit.side[:, np.newaxis], 0))
