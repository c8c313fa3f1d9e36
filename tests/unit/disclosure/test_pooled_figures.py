"""Pooled figures beside the figures that they are pooled from: nothing small follows."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.disclosure.first_protection import protect_indicators
from pipeline.disclosure.pooled_figures import protect_pooled
from pipeline.settings import SEEDS

THRESHOLDS = pd.read_csv(SEEDS / "thresholds.csv")
INDICATORS = pd.DataFrame(
    {"indicator_code": ["heard", "mark"], "kind": ["proportion", "mean"], "sensitive_side": ["both", "none"]}
)
GM = "GM0484"
NOW, BEFORE = "2024-H1", "2023-H2"
KEY = ["consortium_code", "indicator_code", "district_code", "period", "pooled_over"]
CELL = KEY[:4]


def world(counts: dict[str, dict[str, tuple[int, int]]], indicator: str = "heard") -> pd.DataFrame:
    """Cells from period -> district -> (n, numerator), with their municipality."""
    rows = []
    for period, districts in counts.items():
        whole = tuple(sum(each[at] for each in districts.values()) for at in (0, 1))
        for code, (n, numerator) in {**districts, GM: whole}.items():
            rows.append(("tom", indicator, code, period, n, numerator, numerator / n if n else None, n))
    return pd.DataFrame(rows, columns=[*CELL, "n", "numerator", "value", "persons"])


def pools(cells: pd.DataFrame, *chosen: tuple[str, str, list[tuple[str, str]]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Pooled cells and their members, from (district, step, [(member district, member period)]), all of NOW."""
    value = cells.set_index(["indicator_code", "district_code", "period"])
    indicator = cells["indicator_code"].iloc[0]
    sums, members = [], []
    for district, step, parts in chosen:
        key = ("tom", indicator, district, NOW, step)
        part = value.loc[[(indicator, *each) for each in parts]]
        sums.append((*key, part["n"].sum(), part["numerator"].sum(), part["persons"].sum()))
        members += [(*key, indicator, *each) for each in parts]
    names = ["member_indicator", "member_district", "member_period"]
    return pd.DataFrame(sums, columns=[*KEY, "n", "numerator", "persons"]), pd.DataFrame(members, columns=KEY + names)


def decide(cells, pooled, members, unreliable=()) -> dict[tuple[str, str], tuple[str, str | None]]:
    statuses = protect_indicators(cells, INDICATORS, THRESHOLDS)
    verdicts = pd.concat([cells[CELL].assign(pooled_over=""), pooled[KEY]], ignore_index=True)
    back = [(row.district_code, row.period, row.pooled_over) in set(unreliable) for row in verdicts.itertuples()]
    verdicts["verdict"] = np.where(back, "not_publishable", "indicative")
    result = protect_pooled(pooled, members, cells, statuses, verdicts, INDICATORS, THRESHOLDS)
    rules = [None if pd.isna(rule) else rule for rule in result["rule"]]
    keys = zip(result["district_code"], result["pooled_over"], strict=True)
    return dict(zip(keys, zip(result["status"], rules, strict=True), strict=True))


TWO = "two_half_years"
BESIDE = "neighbouring_districts"


def test_a_hidden_half_year_would_follow_from_the_shown_one_and_both_together():
    cells = world({BEFORE: {"WK1": (40, 20), "WK2": (30, 15)}, NOW: {"WK1": (8, 6), "WK2": (9, 5)}})
    pooled, members = pools(cells, ("WK1", TWO, [("WK1", BEFORE), ("WK1", NOW)]))
    assert decide(cells, pooled, members) == {("WK1", TWO): ("suppressed_secondary", "D4")}


def test_two_hidden_half_years_may_be_shown_together():
    cells = world(
        {BEFORE: {"WK1": (8, 5), "WK2": (9, 4), "WK3": (30, 15)}, NOW: {"WK1": (8, 5), "WK2": (9, 5), "WK3": (30, 15)}}
    )
    pooled, members = pools(cells, ("WK1", TWO, [("WK1", BEFORE), ("WK1", NOW)]))
    # of the other half of each municipality's remainder 18 people are left
    assert decide(cells, pooled, members) == {("WK1", TWO): ("published", None)}


def test_a_figure_that_was_only_too_uncertain_may_follow():
    cells = world({BEFORE: {"WK1": (40, 20), "WK2": (30, 15)}, NOW: {"WK1": (25, 12), "WK2": (40, 20)}})
    pooled, members = pools(cells, ("WK1", TWO, [("WK1", BEFORE), ("WK1", NOW)]))
    assert decide(cells, pooled, members, [("WK1", NOW, "")]) == {("WK1", TWO): ("published", None)}


def test_two_pools_that_share_all_but_a_small_district_are_not_both_shown():
    cells = world({NOW: {"WK1": (20, 10), "WK2": (20, 10), "WK3": (8, 4), "WK4": (40, 20), "WK5": (6, 3)}})
    small = [("WK1", NOW), ("WK2", NOW)]
    pooled, members = pools(cells, ("WK1", BESIDE, small), ("WK2", BESIDE, [*small, ("WK3", NOW)]))
    hidden = [("WK1", NOW, ""), ("WK2", NOW, "")]
    found = decide(cells, pooled, members, hidden)
    assert found == {("WK1", BESIDE): ("published", None), ("WK2", BESIDE): ("suppressed_secondary", "D4")}


def test_a_pool_on_too_few_people_is_hidden_as_any_figure():
    cells = world({NOW: {"WK1": (4, 2), "WK2": (5, 3), "WK3": (50, 20)}})
    pooled, members = pools(cells, ("WK1", BESIDE, [("WK1", NOW), ("WK2", NOW)]))
    assert decide(cells, pooled, members) == {("WK1", BESIDE): ("suppressed_primary", "P1")}


def test_a_pool_that_its_verdict_keeps_back_gives_nothing_away():
    cells = world({NOW: {"WK1": (8, 4), "WK2": (30, 12), "WK3": (50, 20)}})
    pooled, members = pools(cells, ("WK1", BESIDE, [("WK1", NOW), ("WK2", NOW)]))
    found = decide(cells, pooled, members, [("WK1", NOW, BESIDE)])
    assert found == {("WK1", BESIDE): ("unreliable", None)}


def test_a_ladder_goes_on_after_a_hidden_step_and_ends_at_the_first_that_is_shown():
    cells = world({BEFORE: {"WK1": (40, 20), "WK2": (30, 15)}, NOW: {"WK1": (8, 6), "WK2": (9, 5), "WK3": (30, 15)}})
    pooled, members = pools(
        cells,
        ("WK1", TWO, [("WK1", BEFORE), ("WK1", NOW)]),
        ("WK1", BESIDE, [("WK1", NOW), ("WK2", NOW)]),
        ("WK1", "consortium", [(GM, NOW)]),
        ("WK1", "municipality", [("WK1", NOW)]),
    )
    assert decide(cells, pooled, members) == {
        ("WK1", TWO): ("suppressed_secondary", "D4"),
        ("WK1", BESIDE): ("published", None),
        ("WK1", "consortium"): ("not_offered", None),
        ("WK1", "municipality"): ("not_offered", None),
    }


def test_without_pools_there_is_nothing_to_decide():
    cells = world({NOW: {"WK1": (8, 4), "WK2": (30, 12)}})
    pooled, members = pools(cells, ("WK1", BESIDE, [("WK1", NOW)]))
    assert decide(cells, pooled.iloc[:0], members.iloc[:0]) == {}


@settings(max_examples=60, deadline=None)
@given(
    counts=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=8, max_size=8),
    chosen=st.lists(st.sets(st.integers(0, 7), min_size=2, max_size=4), min_size=1, max_size=5),
)
def test_nothing_small_is_a_sum_or_difference_of_what_is_shown(counts, chosen):
    """An attacker adds and subtracts up to three shown figures."""
    sizes = [(n, min(n, numerator)) for n, numerator in counts]
    places = [(f"WK{at % 4 + 1}", NOW if at < 4 else BEFORE) for at in range(8)]
    periods = {period: {d: sizes[at] for at, (d, p) in enumerate(places) if p == period} for period in (NOW, BEFORE)}
    cells = world(periods)
    inhabited = [{at for at in parts if sizes[at][0]} for parts in chosen]
    steps = [(f"WK{number + 1}", f"step{number}", [places[at] for at in sorted(parts)])
             for number, parts in enumerate(inhabited) if len(parts) > 1]  # fmt: skip
    if not steps:
        return
    pooled, members = pools(cells, *steps)
    found = decide(cells, pooled, members)
    statuses = protect_indicators(cells, INDICATORS, THRESHOLDS).set_index(["district_code", "period"])["status"]
    shown = []
    for row in cells.itertuples():
        if statuses[row.district_code, row.period] in ("published", "no_data"):
            inside = {(row.district_code, row.period)} if row.district_code != GM else {
                (d, p) for d, p in places if p == row.period}  # fmt: skip
            shown.append(inside)
    shown += [set(parts) for district, step, parts in steps if found[district, step][0] == "published"]
    vectors = np.array([[place in inside for place in places] for inside in shown], dtype=int)
    secret = [at for at, place in enumerate(places) if statuses[place] == "suppressed_primary"]
    for how_many in (1, 2, 3):
        for which in itertools.combinations(range(len(vectors)), how_many):
            for signs in itertools.product((1, -1), repeat=how_many):
                total = sum(sign * vectors[at] for sign, at in zip(signs, which, strict=True))
                if np.abs(total).sum() == 1:
                    assert int(np.flatnonzero(total)[0]) not in secret
