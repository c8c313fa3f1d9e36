"""Steps of the pooling ladder: whom each adds, their sums, and where there is no step."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.reliability.pooling import CELL, MEMBER, pool_members, pooled_cells

NOW, BEFORE = "2024-H1", "2023-H2"
INDICATORS = pd.DataFrame(
    [
        ("tom_share", "proportion", 1, True, "heard", "client"),
        ("tom_mark", "mean", 1, True, "mark", "client"),
        ("go_mark", "mean", 1, True, "mark", "client"),
        ("boost_mark", "mean", 1, True, "mark", "stakeholder"),
        ("tom_rated", "proportion", 1, False, None, None),
        ("tom_ratio", "ratio", 100, True, None, None),
        ("tom_count", "count", 1, True, None, None),
    ],
    columns=["indicator_code", "kind", "scale", "pools_over_time", "question_code", "target_group"],
)
DISTRICTS = pd.DataFrame(
    {
        "district_code": ["GM1", "A", "B", "C"],
        "district_level": ["municipality", "district", "district", "district"],
        "municipality_code": "GM1",
    }
)
# A lies beside B; nothing lies beside C
NEIGHBOURS = pd.DataFrame({"district_code": ["A", "B"], "neighbour_code": ["B", "A"]})


def cells(*rows):
    """Cells of (indicator, district, period, n, numerator, persons, sum of squares)."""
    table = pd.DataFrame(
        rows, columns=["indicator_code", "district_code", "period", "n", "numerator", "persons", "sum_of_squares"]
    )
    table["consortium_code"] = table["indicator_code"].str.split("_").str[0]
    return table.astype({"sum_of_squares": float})


def members(table):
    return pool_members(table, INDICATORS, DISTRICTS, NEIGHBOURS)


def steps(table, indicator, district, period=NOW):
    """Members of each step of one figure."""
    found = members(table)
    of = found[(found[CELL[1:]] == [indicator, district, period]).all(axis=1)]
    return {
        step: sorted(rows[MEMBER].itertuples(index=False, name=None))
        for step, rows in of.groupby("pooled_over", sort=False)
    }


WHOLE = cells(
    ("tom_share", "A", NOW, 5, 3, 5, None),
    ("tom_share", "B", NOW, 7, 4, 7, None),
    ("tom_share", "C", NOW, 20, 9, 20, None),
    ("tom_share", "GM1", NOW, 32, 16, 32, None),
    ("tom_share", "A", BEFORE, 6, 6, 6, None),
    ("tom_share", "GM1", BEFORE, 6, 6, 6, None),
)


def test_every_step_adds_what_it_says_in_the_order_of_the_ladder():
    found = steps(WHOLE, "tom_share", "A")
    assert list(found) == ["two_half_years", "neighbouring_districts", "consortium"]
    assert found == {
        "two_half_years": [("tom_share", "A", BEFORE), ("tom_share", "A", NOW)],
        "neighbouring_districts": [("tom_share", "A", NOW), ("tom_share", "B", NOW)],
        "consortium": [("tom_share", "GM1", NOW)],
    }


def test_their_sums():
    found = pooled_cells(WHOLE, members(WHOLE), INDICATORS)
    of = found[(found["district_code"] == "A") & (found["period"] == NOW)].set_index("pooled_over")
    columns = ["n", "numerator", "value", "persons", "members"]
    assert of[columns].T.to_dict("list") == {
        "two_half_years": [11, 9, 9 / 11, 11, 2],
        "neighbouring_districts": [12, 7, 7 / 12, 12, 2],
        "consortium": [32, 16, 0.5, 32, 1],
    }


def test_no_step_where_it_would_add_nobody():
    # B has nobody in the half-year before, C no neighbour
    assert list(steps(WHOLE, "tom_share", "B")) == ["neighbouring_districts", "consortium"]
    assert list(steps(WHOLE, "tom_share", "C")) == ["consortium"]
    # the only district in which anybody was asked is the consortium
    assert steps(WHOLE, "tom_share", "A", BEFORE) == {}
    emptied = WHOLE.assign(n=WHOLE["n"].where(WHOLE["district_code"] != "B", 0))
    assert list(steps(emptied, "tom_share", "A")) == ["two_half_years", "consortium"]
    # half-years ago is not the half-year before
    longer = WHOLE.assign(period=WHOLE["period"].replace(BEFORE, "2023-H1"))
    assert "two_half_years" not in steps(longer, "tom_share", "A")


def test_the_municipality_s_own_figure_is_taken_together_over_time_only():
    assert steps(WHOLE, "tom_share", "GM1") == {
        "two_half_years": [("tom_share", "GM1", BEFORE), ("tom_share", "GM1", NOW)]
    }


def test_figures_that_count_the_same_people_again_are_not_added_over_time():
    again = WHOLE.assign(indicator_code="tom_rated")
    assert list(steps(again, "tom_rated", "A")) == ["neighbouring_districts", "consortium"]


def test_counts_and_cells_without_anybody_have_no_ladder():
    assert members(WHOLE.assign(indicator_code="tom_count")).empty
    nobody = WHOLE.assign(n=WHOLE["n"].where((WHOLE["district_code"] != "A") | (WHOLE["period"] != NOW), 0))
    assert steps(nobody, "tom_share", "A") == {}


ASKED = [
    ("tom_mark", "A", NOW, 5, 40, 5, 330),
    ("tom_mark", "GM1", NOW, 9, 70, 9, 600),
    ("go_mark", "GM1", NOW, 50, 350, 50, 2500),
    ("boost_mark", "GM1", NOW, 80, 500, 80, 4000),
    ("tom_share", "A", NOW, 5, 3, 5, None),
    ("tom_share", "GM1", NOW, 9, 6, 9, None),
]


def test_the_municipality_adds_consortia_that_asked_the_same_people_the_same_question():
    table = cells(*ASKED)
    both = [("go_mark", "GM1", NOW), ("tom_mark", "GM1", NOW)]
    assert steps(table, "tom_mark", "A") == {"consortium": [("tom_mark", "GM1", NOW)], "municipality": both}
    assert steps(table, "go_mark", "GM1") == {"municipality": both}
    # another target group, and a question of one consortium
    assert steps(table, "boost_mark", "GM1") == {}
    assert list(steps(table, "tom_share", "A")) == ["consortium"]
    found = pooled_cells(table, members(table), INDICATORS).set_index([*CELL[1:], "pooled_over"])
    row = found.loc[("tom_mark", "A", NOW, "municipality")]
    assert row[["n", "numerator", "sum_of_squares", "members"]].tolist() == [59, 420, 3100, 2]
    # without anybody who answered another consortium adds nobody
    alone = table.assign(n=table["n"].where(table["indicator_code"] != "go_mark", 0))
    assert list(steps(alone, "tom_mark", "A")) == ["consortium"]


def test_two_indicators_of_one_consortium_are_not_two_consortia():
    twice = INDICATORS[INDICATORS["indicator_code"] == "tom_mark"].assign(indicator_code="tom_mark_again")
    table = cells(
        ("tom_mark", "A", NOW, 5, 40, 5, 330),
        ("tom_mark", "GM1", NOW, 9, 70, 9, 600),
        ("tom_mark_again", "GM1", NOW, 9, 70, 9, 600),
    )
    found = pool_members(table, pd.concat([INDICATORS, twice]), DISTRICTS, NEIGHBOURS)
    assert "municipality" not in set(found["pooled_over"])


def test_squares_that_are_missing_of_one_member_are_missing_of_the_pool():
    table = cells(("tom_mark", "A", NOW, 5, 40, 5, 330), ("tom_mark", "A", BEFORE, 5, 40, 5, None))
    found = pooled_cells(table, members(table), INDICATORS)
    assert found["sum_of_squares"].isna().all() and found["value"].tolist() == [8]
    known = table.fillna(300)
    assert pooled_cells(known, members(known), INDICATORS)["sum_of_squares"].tolist() == [630]


def test_a_ratio_keeps_its_scale():
    table = cells(("tom_ratio", "A", NOW, 50, 1, 40, None), ("tom_ratio", "A", BEFORE, 150, 3, 140, None))
    found = pooled_cells(table, members(table), INDICATORS).iloc[0]
    assert (found["value"], found["persons"]) == (2.0, 180)


def test_nothing_gives_typed_nothing():
    empty = WHOLE.iloc[:0]
    found = members(empty)
    assert list(found) == [*CELL, "pooled_over", *MEMBER]
    assert pooled_cells(empty, found, INDICATORS).empty


@settings(max_examples=5, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_cells_does_not_matter(random):
    rows = [*cells(*ASKED).itertuples(index=False, name=None), *WHOLE.itertuples(index=False, name=None)]
    columns = list(WHOLE)
    table = pd.DataFrame(rows, columns=columns).drop_duplicates(CELL)
    mixed = table.sample(frac=1, random_state=random.randint(0, 9999))
    expected = pooled_cells(table, members(table), INDICATORS)
    pd.testing.assert_frame_equal(pooled_cells(mixed, members(mixed), INDICATORS), expected)


def test_a_pool_says_no_less_than_its_cell():
    found = pooled_cells(WHOLE, members(WHOLE), INDICATORS).merge(WHOLE, on=CELL, suffixes=("", "_own"))
    assert (found["n"] > found["n_own"]).all()
    assert found["n"].sum() == pytest.approx(sum([11, 12, 32, 12, 32, 32, 38]))
