"""Rounding instead of hiding (T1): when it is chosen, what it shows, and that nobody can tell what a rule protects."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_figures import MUNICIPALITY, area, frames

from pipeline.disclosure import steps
from pipeline.disclosure.controlled_rounding import NoRounding, rounded
from pipeline.disclosure.counts import Count, Key
from pipeline.disclosure.history import History, Settled, history_of
from pipeline.disclosure.rounding import lots
from pipeline.disclosure.steps import decide
from pipeline.settings import Settings

HEARD, MARK, REOPENED = "tom_gehoord", "tom_tevredenheid_clienten", "tom_heropende_dossiers"
BETTER, BETTER_OR_SAME = "tom_zrm_verbeterd", "tom_zrm_verbeterd_of_stabiel"
NOW, BEFORE = "2024-H1", "2023-H2"
SMALL = [(7, 4), (8, 5), (12, 6), (6, 1), (30, 12)]
BASE, WIDTH, PEOPLE, SIDE, SURE = 5, 5, 10, 5, 30

# where a decision on a warehouse finds its frames
TABLES = {
    "cells": "cells.indicator_cell",
    "domains": "cells.life_domain_cell",
    "pooled": "reliability.pooled_cell",
    "members": "reliability.pooled_member",
    "verdicts": "reliability.verdict",
    "intervals": "reliability.cell_interval",
    "periods": "intermediate.int_periods__list",
} | {name: f"reference.{name}" for name in ("indicators", "thresholds", "questions")}
TABLES["relations"] = "reference.indicator_relations"

LOT = lots(lambda consortium: f"a key of {consortium}".encode())


def counts(made: dict[str, pd.DataFrame], code: str = HEARD, period: str = NOW) -> dict[str, tuple[int, int]]:
    table = made["rounded_indicator"]
    mine = table[(table["indicator_code"] == code) & (table["period"] == period)]
    return dict(zip(mine["district_code"], zip(mine["n"], mine["numerator"], strict=True), strict=True))


def statuses(made: dict[str, pd.DataFrame], code: str = HEARD, period: str = NOW) -> pd.DataFrame:
    table = made["indicator_status"]
    return table[(table["indicator_code"] == code) & (table["period"] == period)].set_index("district_code")


# When


def test_a_table_of_which_much_would_be_hidden_is_rounded_when_that_is_chosen():
    read = frames({(HEARD, NOW): SMALL})
    hidden = decide(read, History())
    assert statuses(hidden)["status"].str.startswith("suppressed").mean() > 0.3
    assert hidden["rounded_indicator"].empty
    made = decide(read, History(), lot=LOT)
    assert set(statuses(made)["status"]) == {"published"} and statuses(made)["rule"].isna().all()
    told = counts(made)
    assert set(told) == set(read["cells"]["district_code"])
    for row in read["cells"].itertuples():
        n, numerator = told[row.district_code]
        assert n % BASE == numerator % BASE == 0 and n > 0
        assert max(abs(n - row.n), abs(numerator - row.numerator), abs(n - numerator - row.n + row.numerator)) < BASE
    *districts, whole = (told[place] for place in sorted(told, key=lambda place: place == MUNICIPALITY))
    assert tuple(map(sum, zip(*districts, strict=True))) == whole


def test_a_table_of_which_little_would_be_hidden_is_not():
    read = frames({(HEARD, NOW): [(6, 3), (60, 30), (70, 35), (80, 40), (90, 45), (50, 25), (40, 20)]})
    plain, made = decide(read, History()), decide(read, History(), lot=LOT)
    assert made["rounded_indicator"].empty
    pd.testing.assert_frame_equal(plain["indicator_status"], made["indicator_status"])


def test_a_share_is_told_on_enough_rounded_people_only():
    table = decide(frames({(HEARD, NOW): SMALL}), History(), lot=LOT)["rounded_indicator"]
    is_enough = table["n"] >= SURE
    assert is_enough.any() and not is_enough.all()
    shares = (table["numerator"] / table["n"]).round(2).where(is_enough)
    pd.testing.assert_series_equal(table["value"], shares, check_names=False)


def test_indicators_on_the_same_people_are_rounded_together():
    read = frames({(BETTER_OR_SAME, NOW): SMALL, (BETTER, NOW): [(n, max(0, few - 2)) for n, few in SMALL]})
    made = decide(read, History(), lot=LOT)
    wide, narrow = counts(made, BETTER_OR_SAME), counts(made, BETTER)
    assert len(wide) == len(SMALL) + 1
    for place, (n, numerator) in wide.items():
        assert narrow[place][0] == n and narrow[place][1] <= numerator


def test_outcomes_of_a_life_domain_are_rounded_without_the_shares_beside_them():
    outcomes = {("financien", NOW): [(3, 4, 2), (6, 3, 1), (9, 8, 3), (5, 5, 5), (12, 4, 2)]}
    made = decide(frames({}, outcomes), History(), lot=LOT)
    table = made["rounded_life_domain"].set_index("district_code")
    assert len(table) == 6
    whole, names = table.loc[MUNICIPALITY], ["n", "improved", "stable", "worsened"]
    assert (table[names[1:]].sum(axis=1) == table["n"]).all()
    assert (table.drop(MUNICIPALITY)[names].sum() == whole[names].astype(int)).all()
    assert set(made["life_domain_status"]["low_status"]) == {"suppressed_secondary"}


@pytest.mark.parametrize("code", [MARK, REOPENED, "boost_bereik"])
def test_means_ratios_and_rates_are_hidden_as_before(code):
    figures = [(n, 7 * n) for n, _ in SMALL] if code == MARK else SMALL
    assert decide(frames({(code, NOW): figures}), History(), lot=LOT)["rounded_indicator"].empty


def test_where_the_municipality_is_too_uncertain_nothing_is_rounded():
    read = frames({(HEARD, NOW): SMALL}, verdicts={(HEARD, MUNICIPALITY, NOW, ""): "not_publishable"})
    assert decide(read, History(), lot=LOT)["rounded_indicator"].empty
    of_district = frames({(HEARD, NOW): SMALL}, verdicts={(HEARD, area(1), NOW, ""): "not_publishable"})
    assert len(decide(of_district, History(), lot=LOT)["rounded_indicator"]) == 6


def test_where_no_rounding_adds_up_hiding_remains():
    # twelve times one person: each is at least 5 where somebody is counted
    read = frames({(HEARD, NOW): [(1, 1)] * 12})
    made = decide(read, History(), lot=LOT)
    assert made["rounded_indicator"].empty
    pd.testing.assert_frame_equal(made["indicator_status"], decide(read, History())["indicator_status"])


def test_a_pooled_figure_with_a_rounded_part_is_not_offered():
    pools = {
        (HEARD, area(1), NOW, "two_half_years"): [(HEARD, area(1), NOW), (HEARD, area(1), BEFORE)],
        (HEARD, area(1), NOW, "neighbouring_districts"): [(HEARD, area(1), NOW), (HEARD, area(2), NOW)],
        (HEARD, area(2), BEFORE, "neighbouring_districts"): [(HEARD, area(2), BEFORE), (HEARD, area(1), BEFORE)],
    }
    wide = [(60, 30), (70, 35), (80, 40), (90, 45), (50, 25)]
    read = frames({(HEARD, NOW): SMALL, (HEARD, BEFORE): wide}, pools=pools)
    table = decide(read, History(), lot=LOT)["pooled_status"]
    assert dict(zip(zip(table["period"], table["pooled_over"], strict=True), table["status"], strict=True)) == {
        (NOW, "two_half_years"): "not_offered",
        (NOW, "neighbouring_districts"): "not_offered",
        (BEFORE, "neighbouring_districts"): "published",
    }


def test_the_council_keeps_its_nearest_multiples():
    read = frames({(HEARD, NOW): SMALL})
    plain, made = (decide(read, History(), lot=lot)["council_indicator"] for lot in (None, LOT))
    pd.testing.assert_frame_equal(plain, made)
    (row,) = made.to_dict("records")
    # partners read the same number where the sums allow it
    assert counts(decide(read, History(), lot=LOT))[MUNICIPALITY] == (row["n"], row["numerator"]) == (65, 30)


@pytest.mark.parametrize(("chosen", "rows"), [("hide", 0), ("round", 6)])
def test_the_setting_chooses(tmp_path, chosen, rows):
    read = frames({(HEARD, NOW): SMALL})
    with duckdb.connect() as warehouse:
        for schema in ("cells", "reliability", "reference", "intermediate"):
            warehouse.execute(f"create schema {schema}")
        for name, table in TABLES.items():
            warehouse.register("_frame", read[name])
            warehouse.execute(f"create table {table} as from _frame")
            warehouse.unregister("_frame")
        steps.protect_cells(warehouse, Settings(home=tmp_path, environment="test", much_hidden=chosen))
        told = warehouse.execute(
            "select n, numerator, n % 5 + numerator % 5, is_rounded, is_pending from disclosure.rounded_indicator"
        ).fetchall()
        assert warehouse.execute("select count(*) from disclosure.rounded_life_domain").fetchone() == (0,)
    assert len(told) == rows
    assert {each[2:] for each in told} <= {(0, True, False)}


# What left before


def left(read: dict, made: dict, *, exact: bool = False) -> History:
    """A release for partners that showed what was rounded, or the true counts."""
    lines = []
    told = counts(made)
    for row in read["cells"].itertuples():
        if not row.n:
            continue
        n, numerator = (row.n, row.numerator) if exact else told[row.district_code]
        key = ("fct_indicator", "tom", HEARD, row.district_code, NOW, "")
        lines += [(*key, name, float(value), not exact) for name, value in (("n", n), ("numerator", numerator))]
    columns = ["table_name", "consortium_code", "code", "district_code", "period", "pooled_over", "column_name"]
    values = pd.DataFrame(lines, columns=[*columns, "value", "is_rounded"])
    values = values.assign(number=1, release_id="partners-0001", audience="partners", at="2024-09-01", is_pending=False)
    settled = {
        Key("indicator", "tom", HEARD, row.district_code, NOW): Settled(
            "published" if row.n else "no_data", {"n": row.n, "numerator": row.numerator, "persons": row.persons}
        )
        for row in read["cells"].itertuples()
    }
    return history_of(values.assign(delivery_status="revised"), settled)


def test_what_was_rounded_once_is_shown_with_the_very_same_counts():
    read = frames({(HEARD, NOW): SMALL})
    first = decide(read, History(), lot=LOT)
    history = left(read, first)
    # also with other lots, and when it is not chosen any more
    for lot in (LOT, lots(lambda consortium: b"another key"), None):
        again = decide(read, history, lot=lot)
        pd.testing.assert_frame_equal(again["rounded_indicator"], first["rounded_indicator"])
        assert not statuses(again)["is_pending"].any()


def test_a_correction_of_what_was_rounded_waits_as_a_whole():
    before = frames({(HEARD, NOW): [*SMALL, (0, 0)]})
    history = left(before, decide(before, History(), lot=LOT))
    after = frames({(HEARD, NOW): [(27, 14), *SMALL[1:], (0, 0)]}, periods=[NOW, "2025-H1"])
    table = statuses(decide(after, history, lot=LOT))
    waits = table.drop(area(6))
    assert waits["is_pending"].all() and set(waits["kept_from"]) == {"partners-0001"}
    assert decide(after, history, lot=LOT)["rounded_indicator"].empty
    # who comes in a district of nobody stays away
    late = frames({(HEARD, NOW): [*SMALL, (40, 20)]})
    found = statuses(decide(late, history, lot=LOT))
    assert (found.loc[area(6), "status"], found.loc[area(6), "rule"]) == ("suppressed_secondary", "D3")
    assert found.drop(area(6))["is_pending"].all()


def test_beside_exact_counts_that_left_nothing_is_rounded():
    read = frames({(HEARD, NOW): SMALL})
    history = left(read, decide(read, History(), lot=LOT), exact=True)
    assert decide(read, history, lot=LOT)["rounded_indicator"].empty
    # of a half-year that left hidden nothing is known but that it was hidden, so it stays so
    hidden = replace(history, shown=History().shown, ever=History().ever)
    assert decide(read, hidden, lot=LOT)["rounded_indicator"].empty


# What a reader can tell: all tables that agree with what is shown, by trying them


def worlds(told: list[tuple[int, ...]], total: tuple[int, ...]) -> list[tuple[tuple[int, ...], ...]]:
    """All tables of sides per district within the base of what is shown, that add up to known sides of the whole."""

    def sides(shown: tuple[int, ...]):
        spans = [range(max(0, side - BASE + 1), side + BASE) for side in shown]
        return [each for each in product(*spans) if each and sum(each) >= 1 and abs(sum(each) - sum(shown)) < BASE]

    found = [()]
    *first, last = told
    for shown in first:
        found = [(*world, each) for world in found for each in sides(shown)]
    ends = set(sides(last))
    closed = []
    for world in found:
        rest = tuple(whole - sum(parts) for whole, parts in zip(total, zip(*world, strict=True), strict=True))
        if rest in ends:
            closed.append((*world, rest))
    return closed


@st.composite
def small_tables(draw) -> list[tuple[int, int]]:
    figures = draw(st.lists(st.tuples(st.integers(1, 24), st.integers(0, 24)), min_size=3, max_size=3))
    return [(n, min(n, numerator)) for n, numerator in figures]


@settings(max_examples=40, deadline=None)
@given(small_tables())
def test_every_protected_count_keeps_its_width_by_trying_all_tables(figures):
    made = decide(frames({(HEARD, NOW): figures}), History(), lot=LOT)
    told = counts(made)
    if not told:
        return
    shown = [(told[area(at)][1], told[area(at)][0] - told[area(at)][1]) for at in range(1, 4)]
    true = [(numerator, n - numerator) for n, numerator in figures]
    whole = tuple(map(sum, zip(*true, strict=True)))
    assert tuple(map(sum, zip(*shown, strict=True))) == (
        told[MUNICIPALITY][1],
        told[MUNICIPALITY][0] - told[MUNICIPALITY][1],
    )
    if sum(whole) < PEOPLE or min(whole) < SIDE:
        return
    # the strongest reader: he knows the municipality exactly
    found = worlds(shown, whole)
    assert tuple(true) in found
    for at, (numerator, complement) in enumerate(true):
        n = numerator + complement
        if n < PEOPLE:
            assert len({sum(world[at]) for world in found}) >= WIDTH
        for side, value in enumerate((numerator, complement)):
            if n < PEOPLE or value < SIDE:
                assert len({world[at][side] for world in found}) >= WIDTH


# Lots


def _table(inner: list[list[int]]) -> tuple[list, list]:
    """Cells and equations of lines and columns with their totals."""
    lines = [[*line, sum(line)] for line in inner]
    full = [*lines, [sum(column) for column in zip(*lines, strict=True)]]
    cells = [((at, place), value) for at, line in enumerate(full) for place, value in enumerate(line)]
    last, end = len(full) - 1, len(full[0]) - 1
    equations = [{(at, end): 1, **{(at, place): -1 for place in range(end)}} for at in range(len(full))]
    equations += [{(last, place): 1, **{(at, place): -1 for at in range(last)}} for place in range(len(full[0]))]
    return cells, equations


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 20), min_size=2, max_size=2), min_size=2, max_size=3),
    st.lists(st.lists(st.integers(0, 20), min_size=2, max_size=2), min_size=3, max_size=3),
    st.integers(0, 9),
)
def test_every_table_less_than_the_base_away_could_be_the_true_one(inner, other, seed):
    """With the lots that favour it, the other table is shown as the same multiples."""
    other = other[: len(inner)]
    cells, equations = _table(inner)
    key = lots(lambda consortium: f"{consortium}{seed}".encode())
    drawn = {place: key(Count(Key("", "tom", str(place), "", ""), "")) for place, _ in cells}
    answer = rounded(cells, equations, BASE, lots=drawn)
    assert all(
        value % BASE == 0 and abs(answer[place] - count) < BASE for place, count in cells for value in [answer[place]]
    )
    assert all(sum(c * answer[place] for place, c in terms.items()) == 0 for terms in equations)
    # the other table, moved to within the base of what is shown
    near = [
        [max(0, answer[at, place] + value % (2 * BASE - 1) - BASE + 1) for place, value in enumerate(line)]
        for at, line in enumerate(other)
    ]
    cells, equations = _table(near)
    if any(abs(answer[place] - count) >= BASE for place, count in cells):
        return
    favour = {place: 0.0 if answer[place] > count else 0.999 for place, count in cells}
    assert rounded(cells, equations, BASE, lots=favour) == answer


def test_lots_draw_each_count_up_or_down():
    cells = [(name, 3) for name in "abcd"]
    assert rounded(cells, [], 5, lots={"a": 0.0, "b": 0.59, "c": 0.6, "d": 0.99}) == {"a": 5, "b": 5, "c": 0, "d": 0}
    assert rounded([("a", 1)], [], 5, lots={"a": 0.9}, somebody={"a"}) == {"a": 5}
    assert rounded([("a", 0)], [], 5, lots={"a": 0.0}, somebody={"a"}) == {"a": 0}
    districts = [{"GM": 1, "a": -1, "b": -1}]
    # what comes first outweighs both others
    lot = {"GM": 0.9, "a": 0.0, "b": 0.0}
    assert rounded([("GM", 6), ("a", 3), ("b", 3)], districts, 5, lots=lot, first={"GM"})["GM"] == 5


def test_with_lots_no_count_goes_the_base_away_or_without_a_lot():
    halves = [("a", 1), ("b", 2)]
    with pytest.raises(NoRounding):
        rounded(halves, [{"b": 1, "a": -2}], 5, lots={"a": 0.0, "b": 0.0}, somebody={"a"})
    with pytest.raises(ValueError, match="1 keys have no lot"):
        rounded(halves, [], 5, lots={"a": 0.0})


def test_lots_are_the_same_whenever_they_are_drawn_and_others_with_another_key():
    drawn = [LOT(Count(Key("indicator", "tom", HEARD, area(at), NOW), "n")) for at in range(1, 200)]
    again = lots(lambda consortium: f"a key of {consortium}".encode())
    assert drawn == [again(Count(Key("indicator", "tom", HEARD, area(at), NOW), "n")) for at in range(1, 200)]
    other = lots(lambda consortium: b"another key")
    assert drawn[0] != other(Count(Key("indicator", "tom", HEARD, area(1), NOW), "n"))
    assert all(0 <= each < 1 for each in drawn) and 0.4 < sum(drawn) / len(drawn) < 0.6
