"""The pooling ladder: what a figure that says too little is taken together with.

Belongs here: which cells each step adds up, and their sums. Does not belong here: whether a step may be shown (a
verdict and disclosure control decide).

Steps, in this order:
    two_half_years          the district in this half-year and the one before
    neighbouring_districts  the district and the districts that share a boundary with it, in this half-year
    consortium              all districts in which the consortium works, in this half-year
    municipality            the same question to the same people, asked by all consortia, in this half-year
"""

from __future__ import annotations

import pandas as pd

from pipeline.periods import HalfYear

STEPS = ("two_half_years", "neighbouring_districts", "consortium", "municipality")
CELL = ["consortium_code", "indicator_code", "district_code", "period"]
MEMBER = ["member_indicator", "member_district", "member_period"]
_SUMS = ["n", "numerator", "persons", "sum_of_squares"]


def pool_members(
    cells: pd.DataFrame, indicators: pd.DataFrame, districts: pd.DataFrame, neighbours: pd.DataFrame
) -> pd.DataFrame:
    """The cells that each step of the ladder adds up, for every cell that has a ladder.

    A step is left out where it would add nobody. A count has no ladder, nor has a cell without anybody: a pooled figure
    would speak of others only. Figures that count the same people again each half-year are not taken together over
    half-years (``pools_over_time`` in ``seeds/indicators.csv``).

    Args:
        cells: consortium_code, indicator_code, district_code, period and n, as in ``cells.indicator_cell``.
        indicators: indicator_code, kind, pools_over_time, question_code and target_group.
        districts: district_code, district_level and municipality_code.
        neighbours: district_code and neighbour_code, as ``neighbouring_districts`` gives them.

    Returns:
        The four keys, pooled_over (a step), and the member: member_indicator, member_district, member_period. The cell
        itself is among its members.
    """
    counted = cells.loc[cells["n"] > 0, [*CELL, "n"]].merge(
        indicators[["indicator_code", "kind", "pools_over_time", "question_code", "target_group"]], on="indicator_code"
    )
    counted = counted[counted["kind"] != "count"]
    own = counted[CELL].assign(
        member_indicator=counted["indicator_code"],
        member_district=counted["district_code"],
        member_period=counted["period"],
    )
    there = counted[["indicator_code", "district_code", "period"]]
    earlier = {period: str(HalfYear.parse(period).shift(-1)) for period in counted["period"].unique()}
    before = own[counted["pools_over_time"].astype(bool).to_numpy()].copy()
    # text even where nothing is left
    before["member_period"] = before["period"].map(earlier).astype("str")
    beside = own.merge(neighbours[["district_code", "neighbour_code"]], on="district_code")
    beside["member_district"] = beside.pop("neighbour_code")
    levels = districts.loc[districts["district_level"] == "district", ["district_code", "municipality_code"]]
    whole = own.merge(levels, on="district_code")
    whole["member_district"] = whole.pop("municipality_code")
    other = _asked_by_others(counted, districts)
    ladder = [
        _step("two_half_years", own, _existing(before, there)),
        _step("neighbouring_districts", own, _existing(beside, there)),
        _step("consortium", None, _larger(_existing(whole, there), counted)),
        _step("municipality", None, other),
    ]
    columns = [*CELL, "pooled_over", *MEMBER]
    order = pd.Categorical(pd.concat(ladder)["pooled_over"], STEPS, ordered=True)
    return (
        pd.concat(ladder, ignore_index=True)[columns]
        .assign(_order=order)
        .sort_values([*CELL, "_order", *MEMBER], ignore_index=True)
        .drop(columns="_order")
    )


def pooled_cells(cells: pd.DataFrame, members: pd.DataFrame, indicators: pd.DataFrame) -> pd.DataFrame:
    """Sums of the members of each pooled cell.

    Args:
        cells: the four keys, n, numerator, persons, sum_of_squares, as in ``cells.indicator_cell``.
        members: as ``pool_members`` gives them.
        indicators: indicator_code and scale.

    Returns:
        The four keys, pooled_over, n, numerator, value (scale x numerator / n), persons, sum_of_squares (missing when
        it is missing for one of the members) and members (their number).
    """
    parts = members.merge(
        cells[["indicator_code", "district_code", "period", *_SUMS]].rename(
            columns=dict(zip(["indicator_code", "district_code", "period"], MEMBER, strict=True))
        ),
        on=MEMBER,
    )
    by = parts.groupby([*CELL, "pooled_over"], sort=False)
    summed = by[["n", "numerator", "persons"]].sum()
    squares = by["sum_of_squares"]
    summed["sum_of_squares"] = squares.sum().where(squares.count() == by.size())
    summed["members"] = by.size()
    pooled = summed.reset_index()
    scale = pooled["indicator_code"].map(indicators.set_index("indicator_code")["scale"]).astype(float)
    pooled["value"] = scale * pooled["numerator"] / pooled["n"]
    return pooled[[*CELL, "pooled_over", "n", "numerator", "value", "persons", "sum_of_squares", "members"]]


def _asked_by_others(counted: pd.DataFrame, districts: pd.DataFrame) -> pd.DataFrame:
    """Cells of the whole municipality in which another consortium asked the same people the same question."""
    municipality = districts.loc[districts["district_level"] == "municipality", "district_code"]
    asked = counted[counted["question_code"].notna() & counted["district_code"].isin(municipality)]
    question = ["question_code", "target_group", "kind", "period"]
    theirs = asked[[*question, "district_code", "indicator_code", "consortium_code"]].rename(
        columns={"indicator_code": "member_indicator", "district_code": "member_district", "consortium_code": "asker"}
    )
    pooled = (
        counted[[*CELL, *question[:3]]].merge(theirs, on=question).assign(member_period=lambda rows: rows["period"])
    )
    consortia = pooled.groupby(CELL)["asker"].transform("nunique")
    return pooled.loc[consortia > 1, [*CELL, *MEMBER]]


def _existing(members: pd.DataFrame, there: pd.DataFrame) -> pd.DataFrame:
    """Only members that count anybody."""
    return members.merge(
        there.rename(columns=dict(zip(["indicator_code", "district_code", "period"], MEMBER, strict=True))), on=MEMBER
    )


def _larger(members: pd.DataFrame, counted: pd.DataFrame) -> pd.DataFrame:
    """Only members that count more people than the cell alone."""
    n = counted.set_index(["indicator_code", "district_code", "period"])["n"]
    alone = n.reindex(pd.MultiIndex.from_frame(members[["indicator_code", "district_code", "period"]])).to_numpy()
    together = n.reindex(pd.MultiIndex.from_frame(members[MEMBER])).to_numpy()
    return members[together > alone]


def _step(name: str, own: pd.DataFrame | None, others: pd.DataFrame) -> pd.DataFrame:
    """One step: the other members, and the cell itself where it is not a part of those already."""
    if own is None:
        return others.assign(pooled_over=name)
    mine = own.merge(others[CELL].drop_duplicates(), on=CELL)
    return pd.concat([mine, others], ignore_index=True).assign(pooled_over=name)
