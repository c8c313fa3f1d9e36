"""Which cells may be shown: small counts are hidden, and so is what would give them away by subtraction.

Belongs here: the rules on one table at a time (one indicator or life domain, one half-year): districts add up to their
municipality, whose code starts with GM. Not here: what follows from several tables together (indicators on the same
people, cumulative figures, earlier releases), and how closely a hidden figure can be bounded.

Rules, with thresholds from ``seeds/thresholds.csv``:
    P1  a figure on fewer than ``minimum_persons`` people is hidden.
    P3  a figure is hidden when a sensitive side of it counts 1 up to ``minimum_small_side`` - 1 people.
    D5  a figure is hidden when a hidden one would follow from it: the hidden districts of a shown municipality are at
        least two, and their sum, which subtraction gives, keeps P1 and P3 itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.periods import HalfYear

PUBLISHED = "published"
PRIMARY = "suppressed_primary"
SECONDARY = "suppressed_secondary"
NO_DATA = "no_data"

_MUNICIPALITY = "GM"
_INDICATOR_KEY = ["consortium_code", "indicator_code", "district_code", "period"]
_LIFE_DOMAIN_KEY = ["consortium_code", "life_domain_code", "district_code", "period"]
_INDICATOR_COUNTS = ["n", "persons", "numerator"]
_LIFE_DOMAIN_COUNTS = [
    "n",
    "persons",
    "rated",
    "goals",
    "improved",
    "stable",
    "worsened",
    "stable_low",
    "low",
    "goals_reached",
]
_KINDS_WITH_A_SMALL_SIDE = ["proportion", "ratio", "rate"]

Counts = NDArray[np.int64]
Mask = NDArray[np.bool_]
# (counts, row) -> the rule that hides each line of counts ('' when none does); the row says which table they belong to.
Rules = Callable[[Counts, NDArray[np.int64] | int], NDArray[np.object_]]


def protect_indicators(cells: pd.DataFrame, indicators: pd.DataFrame, thresholds: pd.DataFrame) -> pd.DataFrame:
    """Decide for each indicator cell whether it may be shown.

    Args:
        cells: consortium_code, indicator_code, district_code, period, n, numerator, value, persons, as in
            ``cells.indicator_cell``. Without persons, n stands for them.
        indicators: indicator_code, kind, sensitive_side (numerator, complement, both, none).
        thresholds: threshold_code, value, valid_from, valid_to, as in ``seeds/thresholds.csv``.

    Returns:
        One row per cell, ordered by its key: the four keys, status (``published``, ``suppressed_primary``,
        ``suppressed_secondary``, ``no_data``) and rule (P1, P3, D5; missing when nothing is hidden).

    Raises:
        ValueError: for an unknown indicator, a cell without n or numerator, a cell that occurs twice, or a period
            without threshold.
    """
    table = _ordered(cells, _INDICATOR_KEY)
    kind = kinds(table, indicators)
    rules = indicator_rules(table, indicators, thresholds)
    counts = indicator_counts(table)
    # An offer count of 0 is a value; a share of nobody is not.
    no_data = (counts[:, 0] == 0) & table["value"].isna().to_numpy()
    # Persons are never shown. Residents are known to everybody, and CBS rounds them.
    summed = np.isin(_INDICATOR_COUNTS, "persons") | ((kind == "rate")[:, np.newaxis] & np.isin(_INDICATOR_COUNTS, "n"))
    return _protect(table, _INDICATOR_KEY, counts, rules, no_data=no_data, summed=summed)


def kinds(cells: pd.DataFrame, indicators: pd.DataFrame) -> NDArray[np.object_]:
    """The kind of each cell's indicator.

    Raises:
        ValueError: for an unknown indicator.
    """
    unknown = sorted(set(cells["indicator_code"]) - set(indicators["indicator_code"]))
    if unknown:
        raise ValueError(f"cells of unknown indicators: {', '.join(unknown)}")
    return indicators.set_index("indicator_code").loc[cells["indicator_code"], "kind"].to_numpy(object)


def indicator_counts(cells: pd.DataFrame) -> Counts:
    """n, persons and numerator of each cell, one line each; without persons, n stands for them."""
    return _counts(cells.assign(persons=cells["persons"].fillna(cells["n"])), _INDICATOR_COUNTS)


def indicator_rules(cells: pd.DataFrame, indicators: pd.DataFrame, thresholds: pd.DataFrame) -> Rules:
    """P1 and P3 as they hold for each of these cells.

    Args:
        cells: indicator_code and period.
        indicators: as in ``protect_indicators``.
        thresholds: as in ``protect_indicators``.

    Returns:
        A function of lines of ``indicator_counts`` and the place of the cell whose rules they are held against.
    """
    kind = kinds(cells, indicators)
    sides = indicators.set_index("indicator_code")["sensitive_side"]
    sensitive = sides.loc[cells["indicator_code"]].to_numpy(object)
    has_small_side = np.isin(kind, _KINDS_WITH_A_SMALL_SIDE)
    of_numerator = has_small_side & np.isin(sensitive, ["numerator", "both"])
    # Only the complement of a proportion counts people: reopened files are not part of the clients.
    of_complement = (kind == "proportion") & np.isin(sensitive, ["complement", "both"])
    # A number of offers says nothing about a person.
    minimum = np.where(kind == "count", 0, _threshold(cells, thresholds, "minimum_persons"))
    small_side = _threshold(cells, thresholds, "minimum_small_side")

    def rules(counts: Counts, row: NDArray[np.int64] | int) -> NDArray[np.object_]:
        n, persons, numerator = (counts[..., position] for position in range(3))
        small = of_numerator[row] & _is_small(numerator, small_side[row])
        small |= of_complement[row] & _is_small(n - numerator, small_side[row])
        return _name((n < minimum[row]) | (persons < minimum[row]), small)

    return rules


def protect_life_domains(cells: pd.DataFrame, thresholds: pd.DataFrame) -> pd.DataFrame:
    """Decide for each life-domain cell whether it may be shown; a cell is shown or hidden as a whole.

    P1 holds for each figure's denominator (pairs, persons, ratings, pairs with a goal), P3 for each outcome and for
    the goals that were not reached.

    Args:
        cells: consortium_code, life_domain_code, district_code, period, n, improved, stable, worsened, stable_low,
            rated, low, goals, goals_reached, persons, as in ``cells.life_domain_cell``.
        thresholds: threshold_code, value, valid_from, valid_to, as in ``seeds/thresholds.csv``.

    Returns:
        One row per cell, ordered by its key: the four keys, status and rule as in ``protect_indicators``.

    Raises:
        ValueError: for a cell that misses a count or occurs twice, or a period without threshold.
    """
    table = _ordered(cells, _LIFE_DOMAIN_KEY)
    minimum = _threshold(table, thresholds, "minimum_persons")
    small_side = _threshold(table, thresholds, "minimum_small_side")

    def rules(counts: Counts, row: NDArray[np.int64] | int) -> NDArray[np.object_]:
        n, persons, rated, goals = (counts[..., position] for position in range(4))
        few = (n < minimum[row]) | (persons < minimum[row])
        # Nobody rated, or nobody with a goal: that figure is not there, and the others may stand.
        few |= _is_small(rated, minimum[row]) | _is_small(goals, minimum[row])
        not_reached = goals - counts[..., -1]
        small = _is_small(not_reached, small_side[row])
        for outcome in range(4, counts.shape[-1]):
            small |= _is_small(counts[..., outcome], small_side[row])
        return _name(few, small)

    counts = _counts(table, _LIFE_DOMAIN_COUNTS)
    summed = np.broadcast_to(np.isin(_LIFE_DOMAIN_COUNTS, "persons"), counts.shape)
    return _protect(table, _LIFE_DOMAIN_KEY, counts, rules, no_data=counts[:, 0] == 0, summed=summed)


def _protect(
    table: pd.DataFrame,
    key: list[str],
    counts: Counts,
    rules: Rules,
    *,
    no_data: Mask,
    summed: Mask,
) -> pd.DataFrame:
    """Primary rules on every cell, then what each municipality needs besides.

    Args:
        table: the cells, ordered by key.
        key: its key columns.
        counts: the counts of each cell, n first.
        rules: the primary rules.
        no_data: cells whose n is 0, of which nothing else is shown.
        summed: counts in which nobody can subtract from the municipality's own figure, because it is not shown or not
            the sum of its districts; here its districts' sum stands for it.
    """
    # A cell that counts nobody in any way is known to everybody. One with n = 0 and another count hides that count.
    occupied = counts.any(axis=1)
    rule = np.where(occupied, rules(counts, np.arange(len(table))), "")
    is_total = table["district_code"].str.startswith(_MUNICIPALITY).to_numpy()
    hidden = rule != ""
    group_key = [column for column in key if column != "district_code"]
    for members in table.groupby(group_key, sort=False).indices.values():
        total = members[is_total[members]]
        districts = members[~is_total[members]]
        if len(total) != 1 or not len(districts):
            continue
        whole = np.where(summed[total[0]], counts[districts].sum(axis=0), counts[total[0]])
        equation = _Equation(
            counts[districts], whole, occupied[districts], lambda sums, row=total[0]: rules(sums, row) != ""
        )
        more, hide_total = equation.complete(hidden[districts], bool(hidden[total[0]]))
        rule[districts[more]] = "D5"
        if hide_total:
            rule[total] = "D5"
    rule[no_data] = ""
    status = np.select([no_data, rule == "D5", rule != ""], [NO_DATA, SECONDARY, PRIMARY], PUBLISHED)
    # Text even where no row has a rule, or no row is there: a database would make numbers of it.
    return table[key].assign(status=status, rule=np.where(rule == "", None, rule)).astype("str")


@dataclass(frozen=True)
class _Equation:
    """Districts that add up to a municipality.

    Attributes:
        counts: one line per district, in order of code.
        total: the municipality's line.
        occupied: districts that count anybody; the others are known to be 0, and hiding them protects nothing.
        breaks: whether lines of counts break a primary rule.
    """

    counts: Counts
    total: Counts
    occupied: Mask
    breaks: Callable[[Counts], Mask]

    def complete(self, hidden: Mask, total_is_hidden: bool) -> tuple[Mask, bool]:
        """What to hide besides: districts, and whether the municipality.

        Args:
            hidden: districts that are hidden already.
            total_is_hidden: whether the municipality is hidden already.
        """
        start, hidden = hidden, hidden.copy()
        # Smallest n first; a stable sort leaves ties in order of code.
        by_size = np.argsort(self.counts[:, 0], kind="stable")
        if total_is_hidden:
            candidates = [district for district in by_size if self.occupied[district]]
            if not hidden.any() and candidates:
                hidden[candidates[0]] = True
            return hidden & ~start, False
        while self._gives_away(hidden[np.newaxis])[0]:
            candidates = np.array([at for at in by_size if self.occupied[at] and not hidden[at]], dtype=int)
            if not len(candidates):
                return hidden & ~start, True
            # The smallest one that settles it; a small one with a count of 0 may settle nothing.
            trials = np.repeat(hidden[np.newaxis], len(candidates), axis=0)
            trials[np.arange(len(candidates)), candidates] = True
            settles = ~self._gives_away(trials)
            hidden[candidates[settles.argmax() if settles.any() else 0]] = True
        return hidden & ~start, False

    def _gives_away(self, hidden: Mask) -> Mask:
        """For each pattern of hidden districts: whether subtraction from the shown municipality gives too much away."""
        how_many = hidden.sum(axis=1)
        together = hidden.astype(np.int64) @ self.counts
        # What the attacker finds. It differs from `together` when the municipality counts people of no district.
        found = self.total - (~hidden).astype(np.int64) @ self.counts
        unsafe = (how_many == 1) | ((how_many > 0) & self.breaks(together))
        return unsafe | (found.any(axis=1) & self.breaks(found))


def _ordered(cells: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """The cells in the order of their key, whatever order they came in."""
    table = cells.sort_values(key, ignore_index=True)
    if table.duplicated(key).any():
        raise ValueError(f"{int(table.duplicated(key).sum())} cells occur more than once")
    return table


def _counts(table: pd.DataFrame, columns: list[str]) -> Counts:
    missing = [column for column in columns if table[column].isna().any()]
    if missing:
        raise ValueError(f"cells without {', '.join(missing)}")
    return table[columns].to_numpy(dtype=np.int64)


def _threshold(table: pd.DataFrame, thresholds: pd.DataFrame, code: str) -> Counts:
    """The threshold that holds on the last day of each cell's period."""
    of_code = thresholds[thresholds["threshold_code"] == code]
    valid_from, valid_to = (pd.to_datetime(of_code[column]) for column in ("valid_from", "valid_to"))
    values = {}
    for period in table["period"].unique():
        day = pd.Timestamp(HalfYear.parse(period).ends_on)
        holding = of_code["value"][(valid_from <= day) & (valid_to.isna() | (valid_to >= day))]
        if len(holding) != 1:
            raise ValueError(f"{len(holding)} values of threshold {code} hold at the end of {period}; expected one")
        values[period] = int(float(holding.iloc[0]))
    return table["period"].map(values).to_numpy(dtype=np.int64)


def _is_small(count: Counts, threshold: Counts) -> Mask:
    return (count > 0) & (count < threshold)


def _name(few: Mask, small: Mask) -> NDArray[np.object_]:
    return np.where(few, "P1", np.where(small, "P3", "")).astype(object)
