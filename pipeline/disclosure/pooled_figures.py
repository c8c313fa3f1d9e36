"""Which pooled figures may be shown beside the figures that they are pooled from.

Belongs here: what subtraction of shown figures from a pooled one would give away. Not here: what is taken together
(reliability), and how closely a hidden figure can be bounded.

A pooled figure is hidden
    P1, P3  when it is itself on too few people or has a small sensitive side, as any figure;
    D4      when, with everything that is shown already, a hidden small figure would follow from it, or the part of it
            that nobody knows is itself too small to show.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.disclosure.first_protection import (
    NO_DATA,
    PRIMARY,
    PUBLISHED,
    SECONDARY,
    Counts,
    Rules,
    indicator_counts,
    indicator_rules,
)

UNRELIABLE = "unreliable"
NOT_OFFERED = "not_offered"
KEY = ["consortium_code", "indicator_code", "district_code", "period", "pooled_over"]
_CELL = ["indicator_code", "district_code", "period"]
_MEMBER = ["member_indicator", "member_district", "member_period"]
_MUNICIPALITY = "GM"
# arithmetic modulo a prime is exact, and its products fit in 64 bits
_PRIME = 2_147_483_647


def protect_pooled(
    pooled: pd.DataFrame,
    members: pd.DataFrame,
    cells: pd.DataFrame,
    statuses: pd.DataFrame,
    verdicts: pd.DataFrame,
    indicators: pd.DataFrame,
    thresholds: pd.DataFrame,
) -> pd.DataFrame:
    """Decide for each pooled figure whether it may be shown.

    Figures are taken in order of their key and ladder, and of each ladder the first that is allowed; it counts as shown
    for the next.

    Args:
        pooled: the five keys, n, numerator, persons, as in ``reliability.pooled_cell``, in the order of the ladder.
        members: the five keys and member_indicator, member_district, member_period; districts or municipalities.
        cells: as in ``cells.indicator_cell``.
        statuses: indicator_code, district_code, period, status of those cells, as ``protect_indicators`` gives them.
        verdicts: the five keys and verdict; a pooled figure that is not publishable is not shown.
        indicators: as in ``protect_indicators``.
        thresholds: as in ``protect_indicators``.

    Returns:
        One row per pooled figure: the five keys, status (``published``, ``suppressed_primary``,
        ``suppressed_secondary``, ``unreliable`` when its verdict keeps it back, ``not_offered`` when an earlier step of
        the same ladder is shown) and rule.
    """
    if pooled.empty:
        return pooled[KEY].assign(status="", rule=None).astype("str")
    table = pooled.reset_index(drop=True)
    verdict = table[KEY].merge(verdicts[[*KEY, "verdict"]], on=KEY, how="left")["verdict"].to_numpy(object)
    counts = indicator_counts(table)
    rules = indicator_rules(table, indicators, thresholds)
    rule = rules(counts, np.arange(len(table)))
    status = np.where(verdict == "not_publishable", UNRELIABLE, np.where(rule != "", PRIMARY, PUBLISHED)).astype(object)
    rule = np.where(status == PRIMARY, rule, "").astype(object)
    own = cells.merge(statuses[[*_CELL, "status"]], on=_CELL)
    own = own.merge(verdicts.loc[verdicts["pooled_over"] == "", [*_CELL, "verdict"]], on=_CELL, how="left").reset_index(
        drop=True
    )
    parts = members.merge(table[KEY].assign(pool=np.arange(len(table))), on=KEY)
    ladder, shown = table.groupby(KEY[:4], sort=False).ngroup().to_numpy(), set()
    for group in _connected(table, parts):
        system = _System(own[own["indicator_code"].isin(group)].reset_index(drop=True))
        mine = np.flatnonzero(table["indicator_code"].isin(group).to_numpy() & (status == PUBLISHED))
        atoms = system.atoms_of(parts[parts["pool"].isin(mine)])
        for pool in mine.tolist():
            if ladder[pool] in shown:
                status[pool] = NOT_OFFERED
            elif system.may_show(atoms[pool], lambda sums, row=pool: _breaks(rules, sums, row)):
                shown.add(ladder[pool])
            else:
                status[pool], rule[pool] = SECONDARY, "D4"
    # what comes after the step that is shown is not needed, whatever it is
    before = pd.Series(status == PUBLISHED).groupby(ladder).cumsum().to_numpy() - (status == PUBLISHED)
    status, rule = np.where(before > 0, NOT_OFFERED, status), np.where(before > 0, "", rule)
    return table[KEY].assign(status=status, rule=np.where(rule == "", None, rule)).astype("str")


class _System:
    """What is shown of one group of indicators, as equations over the cells of districts.

    Args:
        own: cells with counts and status; districts and the municipality.
    """

    def __init__(self, own: pd.DataFrame) -> None:
        whole = own["district_code"].str.startswith(_MUNICIPALITY)
        atoms = own[~whole].reset_index(drop=True)
        self._place = {key: at for at, key in enumerate(atoms[_CELL].itertuples(index=False, name=None))}
        self._counts: Counts = indicator_counts(atoms)
        self._secret = (atoms["status"] == PRIMARY).to_numpy()
        self._by_moment = atoms.groupby(["indicator_code", "period"]).indices
        self._rows = np.zeros((0, len(atoms)), dtype=np.int64)
        self._pivots = np.zeros(0, dtype=np.int64)
        self._shown: list[NDArray[np.bool_]] = []
        # that a district counts nobody is shown too; and of what is only too uncertain the measurements are shown
        visible = own["status"].isin([NO_DATA, PUBLISHED])
        for key, is_whole in zip(
            own.loc[visible, _CELL].itertuples(index=False, name=None), whole[visible], strict=True
        ):
            row = self._vector(key, is_whole)
            self._rows, self._pivots = _with(self._rows, self._pivots, row)
            self._shown.append(row)

    def atoms_of(self, parts: pd.DataFrame) -> dict[int, NDArray[np.bool_]]:
        """The districts' cells in each pool."""
        found: dict[int, NDArray[np.bool_]] = {}
        for pool, *key in parts[["pool", *_MEMBER]].itertuples(index=False, name=None):
            row = self._vector(tuple(key), key[1].startswith(_MUNICIPALITY))
            found[pool] = found[pool] | row if pool in found else row
        return found

    def may_show(self, pool: NDArray[np.bool_], breaks) -> bool:
        """Whether showing a pool gives nothing small away; when so, it counts as shown from then on.

        Args:
            pool: its cells.
            breaks: whether a line of counts breaks a primary rule.
        """
        rows, pivots = _with(self._rows, self._pivots, pool)
        known = np.zeros(self._rows.shape[1], dtype=bool)
        known[pivots[(rows != 0).sum(axis=1) == 1]] = True
        if (known & self._secret).any():
            return False
        # what lies between two figures of which one is part of the other follows by subtraction
        shown = np.array([np.zeros_like(pool), *self._shown])
        within, around = ~(shown & ~pool).any(axis=1), ~(pool & ~shown).any(axis=1)
        for left in np.vstack([pool & ~shown[within], shown[around] & ~pool]) & ~known:
            if left.any() and breaks(self._counts[left].sum(axis=0)):
                return False
        self._rows, self._pivots = rows, pivots
        self._shown.append(pool)
        return True

    def _vector(self, key: tuple, is_whole: bool) -> NDArray[np.bool_]:
        row = np.zeros(len(self._place), dtype=bool)
        if is_whole:
            row[self._by_moment.get((key[0], key[2]), [])] = True
        else:
            row[self._place[key]] = True
        return row


def _with(
    rows: NDArray[np.int64], pivots: NDArray[np.int64], row: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Equations in reduced echelon form modulo the prime, with one more; a cell is known when a row holds it alone."""
    new = row.astype(np.int64)
    for at in np.flatnonzero(new[pivots]):
        new = (new - new[pivots[at]] * rows[at]) % _PRIME
    filled = np.flatnonzero(new)
    if not len(filled):
        return rows, pivots
    pivot = filled[0]
    new = new * pow(int(new[pivot]), -1, _PRIME) % _PRIME
    rows = rows.copy()
    for at in np.flatnonzero(rows[:, pivot]):
        rows[at] = (rows[at] - rows[at, pivot] * new) % _PRIME
    return np.vstack([rows, new]), np.append(pivots, pivot)


def _connected(table: pd.DataFrame, parts: pd.DataFrame) -> list[list[str]]:
    """Indicators that share a pool belong together."""
    group = {code: {code} for code in table["indicator_code"].unique()}
    pairs = parts[["indicator_code", "member_indicator"]].drop_duplicates()
    for one, other in pairs.itertuples(index=False, name=None):
        together = group[one] | group.get(other, {other})
        for code in together:
            group[code] = together
    return [sorted(codes) for codes in {id(codes): codes for codes in group.values()}.values()]


def _breaks(rules: Rules, sums: Counts, row: int) -> bool:
    return bool((rules(sums[np.newaxis], np.array([row])) != "").any())
