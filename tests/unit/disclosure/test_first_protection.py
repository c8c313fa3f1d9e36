"""Examples of each rule, and an attacker who subtracts."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.disclosure.first_protection import protect_indicators, protect_life_domains
from pipeline.settings import SEEDS

THRESHOLDS = pd.read_csv(SEEDS / "thresholds.csv")
INDICATORS = pd.DataFrame(
    [
        ("both", "proportion", "both"),
        ("numerator", "proportion", "numerator"),
        ("complement", "proportion", "complement"),
        ("reopened", "ratio", "numerator"),
        ("reopened_both", "ratio", "both"),
        ("grade", "mean", "none"),
        ("referrals", "rate", "numerator"),
        ("reach", "rate", "none"),
        ("offers", "count", "none"),
    ],
    columns=["indicator_code", "kind", "sensitive_side"],
)
KIND = dict(zip(INDICATORS["indicator_code"], INDICATORS["kind"], strict=True))
SIDE = dict(zip(INDICATORS["indicator_code"], INDICATORS["sensitive_side"], strict=True))
MUNICIPALITY = "GM0484"
PERIOD = "2024-H1"
COUNTS = [
    "n",
    "improved",
    "stable",
    "worsened",
    "stable_low",
    "rated",
    "low",
    "goals",
    "goals_reached",
    "persons",
]


def district(position: int) -> str:
    return f"WK0484{position:02}"


def cell(indicator: str, area: str, n: int, numerator: int, persons: int | None = None, period: str = PERIOD) -> dict:
    value = numerator / n if n else (0.0 if KIND[indicator] == "count" else None)
    return {
        "consortium_code": "tom",
        "indicator_code": indicator,
        "district_code": area,
        "period": period,
        "n": n,
        "numerator": numerator,
        "value": value,
        "persons": n if persons is None else persons,
    }


def table(indicator: str, districts: list[tuple[int, ...]], **municipality: int) -> pd.DataFrame:
    """A municipality that is the sum of districts of (n, numerator[, persons])."""
    rows = [cell(indicator, district(position), *counts) for position, counts in enumerate(districts, start=1)]
    sums = {name: sum(row[name] for row in rows) for name in ("n", "numerator", "persons")} | municipality
    return pd.DataFrame([*rows, cell(indicator, MUNICIPALITY, **sums)])


def statuses(result: pd.DataFrame) -> dict[str, tuple[str, str | None]]:
    """Area -> status and rule; the municipality as ``all``, districts by number."""
    areas = result["district_code"].map(lambda code: "all" if code == MUNICIPALITY else int(code[-2:]))
    rules = [None if pd.isna(rule) else rule for rule in result["rule"]]
    return dict(zip(areas, zip(result["status"], rules, strict=True), strict=True))


def protect(indicator: str, districts: list[tuple[int, ...]], **municipality: int) -> dict[str, tuple[str, str | None]]:
    return statuses(protect_indicators(table(indicator, districts, **municipality), INDICATORS, THRESHOLDS))


SHOWN = ("published", None)
EMPTY = ("no_data", None)
P1 = ("suppressed_primary", "P1")
P3 = ("suppressed_primary", "P3")
D5 = ("suppressed_secondary", "D5")


@pytest.mark.parametrize(
    ("indicator", "counts", "expected"),
    [
        ("both", (10, 5), SHOWN),
        ("both", (9, 5), P1),
        ("both", (20, 10, 9), P1),
        ("both", (0, 0), EMPTY),
        ("both", (20, 4), P3),
        ("both", (20, 1), P3),
        ("both", (20, 0), SHOWN),
        ("both", (20, 16), P3),
        ("both", (20, 15), SHOWN),
        ("both", (20, 20), SHOWN),
        ("both", (4, 2), P1),
        ("numerator", (20, 16), SHOWN),
        ("numerator", (20, 4), P3),
        ("complement", (20, 4), SHOWN),
        ("complement", (20, 16), P3),
        ("reopened", (200, 3), P3),
        ("reopened", (20, 18), SHOWN),
        ("reopened_both", (20, 18), SHOWN),
        ("reopened_both", (20, 2), P3),
        ("grade", (10, 74), SHOWN),
        ("grade", (9, 70), P1),
        ("grade", (12, 12), SHOWN),
        ("referrals", (5000, 4), P3),
        ("referrals", (5000, 5), SHOWN),
        ("referrals", (5000, 0), SHOWN),
        ("referrals", (5, 0), P1),
        ("reach", (5000, 2), SHOWN),
        ("reach", (5, 2), P1),
        ("offers", (1, 1), SHOWN),
        ("offers", (0, 0), SHOWN),
    ],
)
def test_primary_rules(indicator, counts, expected):
    # A district of its own beside two large ones, so that the municipality is safe.
    assert protect(indicator, [counts, (400, 200), (400, 200)])[1] == expected


def test_persons_that_are_missing_are_as_many_as_n():
    cells = table("both", [(9, 5), (40, 20), (50, 20)]).assign(persons=None)
    assert statuses(protect_indicators(cells, INDICATORS, THRESHOLDS))[1] == P1


def test_a_lone_hidden_district_takes_the_smallest_shown_one_with_it():
    assert protect("both", [(4, 2), (60, 30), (20, 10), (20, 10)]) == {
        1: P1,
        2: SHOWN,
        3: D5,
        4: SHOWN,
        "all": SHOWN,
    }


def test_two_hidden_districts_that_are_safe_together_need_no_third():
    assert protect("both", [(9, 4), (8, 4), (60, 30)]) == {1: P1, 2: P1, 3: SHOWN, "all": SHOWN}


def test_hidden_districts_that_hold_too_few_together_take_a_third_with_them():
    assert protect("both", [(4, 2), (5, 3), (60, 30), (30, 15)]) == {1: P1, 2: P1, 3: SHOWN, 4: D5, "all": SHOWN}


def test_the_second_district_is_one_that_makes_the_sum_safe():
    # Together with the smallest one the numerator would still be 3, which subtraction gives.
    assert protect("numerator", [(30, 3), (12, 0), (50, 20), (40, 20)]) == {
        1: P3,
        2: SHOWN,
        3: SHOWN,
        4: D5,
        "all": SHOWN,
    }


def test_without_a_single_district_that_settles_it_the_smallest_ones_follow():
    # With the second district the numerator is still 1, with the third or the fourth the complement is still 3.
    assert protect("both", [(4, 1), (12, 0), (14, 14), (16, 16)]) == {1: P1, 2: D5, 3: D5, 4: SHOWN, "all": SHOWN}


def test_the_municipality_is_hidden_when_no_second_district_counts_anybody():
    # Nine people in the one district and a tenth without a district.
    assert protect("both", [(9, 5), (0, 0)], n=10, numerator=5, persons=10) == {1: P1, 2: EMPTY, "all": D5}


def test_people_of_no_district_are_protected_too():
    result = protect("both", [(40, 20), (50, 20), (60, 30)], n=153, numerator=71, persons=153)
    assert result == {1: D5, 2: D5, 3: SHOWN, "all": SHOWN}


def test_hidden_districts_do_not_count_on_people_of_no_district():
    # Subtraction gives a numerator of 13, of whom 10 have no district: who knows that is left with 3.
    result = protect("both", [(9, 2), (9, 1), (50, 25), (60, 30)], n=148, numerator=68)
    assert result == {1: P1, 2: P1, 3: D5, 4: SHOWN, "all": SHOWN}


def test_persons_need_not_add_up():
    # They are not shown, so nobody can subtract them.
    assert protect("both", [(40, 20), (50, 20)], persons=85) == {1: SHOWN, 2: SHOWN, "all": SHOWN}


def test_a_hidden_municipality_cannot_be_added_up():
    # Its own numerator is too small although each district's is none or enough: a table that does not add up.
    assert protect("both", [(40, 0), (50, 5), (60, 0)], numerator=3) == {1: D5, 2: SHOWN, 3: SHOWN, "all": P3}


def test_a_hidden_municipality_with_a_hidden_district_needs_nothing_more():
    assert protect("both", [(40, 0), (50, 3), (60, 0)]) == {1: SHOWN, 2: P3, 3: SHOWN, "all": P3}


def test_residents_need_not_add_up():
    # CBS rounds them: the districts hold 25 more than the municipality. That is no secret and no reason to hide.
    assert protect("referrals", [(5000, 20), (6000, 0)], n=10975, persons=10975) == {1: SHOWN, 2: SHOWN, "all": SHOWN}
    assert protect("referrals", [(5000, 3), (6000, 9), (40, 0)], n=11025) == {1: P3, 2: D5, 3: SHOWN, "all": SHOWN}


def test_offers_of_no_district_hide_nothing():
    assert protect("offers", [(1, 1), (0, 0)], n=3, numerator=3) == {1: SHOWN, 2: SHOWN, "all": SHOWN}


def test_each_indicator_and_period_is_a_table_of_its_own():
    first = table("both", [(4, 2), (20, 10), (30, 15)])
    second = table("grade", [(40, 300), (20, 150), (30, 200)])
    third = first.assign(period="2024-H2", n=first["n"] + 10, persons=first["persons"] + 10)
    result = protect_indicators(pd.concat([third, second, first]), INDICATORS, THRESHOLDS)
    hidden = result[result["status"].str.startswith("suppressed")]
    assert set(zip(hidden["indicator_code"], hidden["period"], strict=True)) == {("both", PERIOD), ("both", "2024-H2")}
    assert statuses(result[(result["indicator_code"] == "both") & (result["period"] == PERIOD)])[2] == D5
    # n = 14, numerator 2.
    assert statuses(result[result["period"] == "2024-H2"])[1] == P3


def test_the_threshold_of_the_periods_last_day_holds():
    stricter = pd.DataFrame(
        [
            ("minimum_persons", 10, "2015-01-01", "2023-12-31"),
            ("minimum_persons", 20, "2024-01-01", "2024-06-29"),
            ("minimum_persons", 30, "2024-06-30", None),
            ("minimum_small_side", 5, "2015-01-01", None),
        ],
        columns=["threshold_code", "value", "valid_from", "valid_to"],
    )
    cells = pd.concat([table("both", [(20, 10)] * 3).assign(period=period) for period in ("2023-H2", "2024-H1")])
    result = protect_indicators(cells, INDICATORS, stricter)
    assert set(result.loc[result["period"] == "2023-H2", "status"]) == {"published"}
    assert statuses(result[result["period"] == "2024-H1"]) == {1: P1, 2: P1, 3: P1, "all": SHOWN}


@pytest.mark.parametrize("wrong", [THRESHOLDS.iloc[:0], pd.concat([THRESHOLDS, THRESHOLDS])])
def test_a_period_needs_exactly_one_threshold(wrong):
    with pytest.raises(ValueError, match="of threshold minimum_persons hold at the end of 2024-H1; expected one"):
        protect_indicators(table("both", [(20, 10)]), INDICATORS, wrong)


def test_cells_that_cannot_be_judged_are_refused():
    cells = table("both", [(20, 10), (30, 15)])
    with pytest.raises(ValueError, match="cells of unknown indicators: surprise"):
        protect_indicators(cells.assign(indicator_code="surprise"), INDICATORS, THRESHOLDS)
    with pytest.raises(ValueError, match="cells without numerator"):
        protect_indicators(cells.assign(numerator=[None, 15, 25]), INDICATORS, THRESHOLDS)
    with pytest.raises(ValueError, match="1 cells occur more than once"):
        protect_indicators(pd.concat([cells, cells.iloc[:1]]), INDICATORS, THRESHOLDS)


@pytest.mark.parametrize("rows", [0, 4])
def test_statuses_are_text_in_the_warehouse_even_when_nothing_is_hidden(rows):
    cells = table("both", [(20, 10), (30, 15), (40, 20)]).iloc[:rows]
    result = protect_indicators(cells, INDICATORS, THRESHOLDS)
    domains = protect_life_domains(domain_table([SAFE, SAFE, SAFE]).iloc[:rows], THRESHOLDS)
    for frame in (result, domains):
        found = duckdb.from_df(frame)
        assert set(map(str, found.types)) == {"VARCHAR"}
        assert [row[-2:] for row in found.fetchall()] == [SHOWN] * rows


# ---- an attacker who subtracts ------------------------------------------------------------------------------------


def breaks_a_rule(indicator: str, n: int, numerator: int, persons: int) -> bool:
    """The primary rules once more, written from the thresholds' text."""
    if KIND[indicator] == "count" or n == 0:
        return False
    sides = {"numerator": [numerator], "complement": [n - numerator], "both": [numerator, n - numerator], "none": []}
    if KIND[indicator] in ("ratio", "rate"):
        sides["both"] = sides["numerator"]
    return n < 10 or persons < 10 or any(1 <= side <= 4 for side in sides[SIDE[indicator]])


@st.composite
def groups(draw: st.DrawFn) -> pd.DataFrame:
    """Tables that add up, full of small counts."""
    tables = []
    for indicator in draw(st.lists(st.sampled_from(sorted(KIND)), min_size=1, max_size=3, unique=True)):
        size = st.integers(10, 60) if KIND[indicator] == "rate" else st.integers(0, 40)
        districts = []
        for n in draw(st.lists(size, min_size=1, max_size=7)):
            most = 10 * n if KIND[indicator] == "mean" else n
            numerator = draw(st.integers(0, most) | st.integers(0, min(most, 6)))
            persons = n if KIND[indicator] == "rate" else draw(st.integers((n + 1) // 2, n))
            districts.append((n, n if KIND[indicator] == "count" else numerator, persons))
        tables.append(table(indicator, districts))
    return pd.concat(tables, ignore_index=True)


def with_status(cells: pd.DataFrame, result: pd.DataFrame, code: str) -> pd.DataFrame:
    key = ["consortium_code", code, "district_code", "period"]
    joined = cells.merge(result, on=key, validate="one_to_one")
    assert len(joined) == len(cells) == len(result)
    return joined


def follows(hidden: np.ndarray, is_total: np.ndarray) -> np.ndarray:
    """Which hidden cells follow exactly from the one equation and everything that is shown."""
    equation = np.where(is_total, 1.0, -1.0)[hidden][np.newaxis]
    unknowns = np.eye(hidden.sum())
    rank = np.linalg.matrix_rank(equation) if hidden.any() else 0
    return np.array([np.linalg.matrix_rank(np.vstack([equation, unknown])) == rank for unknown in unknowns], dtype=bool)


@settings(deadline=None, max_examples=150)
@given(groups())
def test_nothing_that_is_hidden_follows_by_subtraction(cells):
    joined = with_status(cells, protect_indicators(cells, INDICATORS, THRESHOLDS), "indicator_code")
    for indicator, group in joined.groupby("indicator_code"):
        counts = group[["n", "numerator", "persons"]].to_numpy()
        hidden = group["status"].str.startswith("suppressed").to_numpy()
        is_total = (group["district_code"] == MUNICIPALITY).to_numpy()
        broken = np.array([breaks_a_rule(indicator, *line) for line in counts])
        assert not (broken & ~hidden).any()
        assert (group["status"] == "suppressed_primary").to_numpy().tolist() == broken.tolist()
        assert not follows(hidden, is_total).any()
        if hidden.any() and not hidden[is_total][0]:
            assert hidden.sum() >= 2
            found = counts[is_total][0] - counts[~is_total & ~hidden].sum(axis=0)
            assert not breaks_a_rule(indicator, *found)
        if not broken.any():
            assert not hidden.any()


@settings(deadline=None, max_examples=40)
@given(groups(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(cells, random):
    shuffled = cells.sample(frac=1, random_state=random.randrange(2**32))
    expected = protect_indicators(cells, INDICATORS, THRESHOLDS)
    pd.testing.assert_frame_equal(protect_indicators(shuffled, INDICATORS, THRESHOLDS), expected)


# ---- life domains -------------------------------------------------------------------------------------------------

SAFE = {
    "n": 60,
    "improved": 20,
    "stable": 30,
    "worsened": 10,
    "stable_low": 10,
    "rated": 80,
    "low": 20,
    "goals": 30,
    "goals_reached": 15,
    "persons": 60,
}
NOTHING = dict.fromkeys(COUNTS, 0)


def domain_table(districts: list[dict[str, int]]) -> pd.DataFrame:
    rows = [
        {"consortium_code": "tom", "life_domain_code": "financien", "period": PERIOD}
        | {"district_code": district(position)}
        | counts
        for position, counts in enumerate(districts, start=1)
    ]
    sums = {name: sum(row[name] for row in rows) for name in COUNTS}
    return pd.DataFrame([*rows, rows[0] | {"district_code": MUNICIPALITY} | sums])


def protect_domains(*districts: dict[str, int]) -> dict[str, tuple[str, str | None]]:
    return statuses(protect_life_domains(domain_table(list(districts)), THRESHOLDS))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, SHOWN),
        (NOTHING, EMPTY),
        ({"n": 9, "improved": 9, "stable": 0, "worsened": 0, "stable_low": 0}, P1),
        ({"persons": 9}, P1),
        ({"rated": 9, "low": 5}, P1),
        ({"rated": 0, "low": 0}, SHOWN),
        ({"goals": 9, "goals_reached": 9}, P1),
        ({"goals": 0, "goals_reached": 0}, SHOWN),
        ({"improved": 4, "stable": 46}, P3),
        ({"improved": 0, "stable": 50}, SHOWN),
        ({"stable": 1, "improved": 49, "stable_low": 0}, P3),
        ({"worsened": 4, "stable": 36}, P3),
        ({"stable_low": 3}, P3),
        ({"low": 2}, P3),
        ({"goals_reached": 4}, P3),
        ({"goals_reached": 26}, P3),
        ({"goals_reached": 30}, SHOWN),
    ],
)
def test_a_life_domain_row_is_shown_or_hidden_as_a_whole(changes, expected):
    assert protect_domains(SAFE | changes, SAFE, SAFE)[1] == expected


def test_a_lone_hidden_life_domain_takes_another_district_with_it():
    few = SAFE | {"n": 8, "improved": 8, "stable": 0, "worsened": 0, "stable_low": 0, "persons": 8}
    assert protect_domains(few, SAFE, SAFE) == {1: P1, 2: D5, 3: SHOWN, "all": SHOWN}


def test_ratings_without_a_pair_are_no_data_but_do_not_follow_by_subtraction():
    ratings_only = NOTHING | {"rated": 3, "low": 2}
    assert protect_domains(ratings_only, SAFE, SAFE, SAFE) == {1: EMPTY, 2: D5, 3: SHOWN, 4: SHOWN, "all": SHOWN}


def domain_breaks_a_rule(row: dict[str, int]) -> bool:
    if row["n"] < 10 or row["persons"] < 10 or 1 <= row["rated"] <= 9 or 1 <= row["goals"] <= 9:
        return True
    outcomes = [row[name] for name in ("improved", "stable", "worsened", "stable_low", "low", "goals_reached")]
    return any(1 <= count <= 4 for count in [*outcomes, row["goals"] - row["goals_reached"]])


@st.composite
def domain_groups(draw: st.DrawFn) -> pd.DataFrame:
    districts = []
    for _ in range(draw(st.integers(1, 6))):
        outcome = st.integers(0, 30) | st.sampled_from([0, 3, 5, 12])
        improved, stable, worsened = draw(outcome), draw(outcome), draw(outcome)
        n = improved + stable + worsened
        rated = n + draw(st.integers(0, 10))
        goals = draw(st.integers(0, n))
        districts.append(
            {
                "n": n,
                "improved": improved,
                "stable": stable,
                "worsened": worsened,
                "stable_low": draw(st.integers(0, stable)),
                "rated": rated,
                "low": draw(st.integers(0, rated)),
                "goals": goals,
                "goals_reached": draw(st.integers(0, goals)),
                "persons": draw(st.integers((n + 1) // 2, n)),
            }
        )
    return domain_table(districts)


@settings(deadline=None, max_examples=150)
@given(domain_groups())
def test_nothing_of_a_hidden_life_domain_follows_by_subtraction(cells):
    joined = with_status(cells, protect_life_domains(cells, THRESHOLDS), "life_domain_code")
    is_total = (joined["district_code"] == MUNICIPALITY).to_numpy()
    shown = (joined["status"] == "published").to_numpy()
    # Without pairs a row says n = 0 and nothing else; it hides the ratings it has.
    hidden = ~shown & (joined[COUNTS].sum(axis=1) > 0).to_numpy()
    broken = np.array([domain_breaks_a_rule(row) for row in joined[COUNTS].to_dict("records")])
    assert not (broken & shown).any()
    assert ((joined["status"] == "no_data") == (joined["n"] == 0)).all()
    assert not follows(hidden, is_total).any()
    if hidden.any() and shown[is_total][0]:
        counts = joined[COUNTS]
        found = counts[is_total].iloc[0] - counts[shown & ~is_total].sum()
        assert not domain_breaks_a_rule(found.to_dict())
    if not (broken & (joined["n"] > 0).to_numpy()).any() and not hidden.any():
        assert set(joined["status"]) <= {"published", "no_data"}


def test_twelve_years_are_protected_at_once():
    random = np.random.default_rng(484)
    periods = [f"{year}-H{half}" for year in range(2015, 2027) for half in (1, 2)]
    registry = pd.read_csv(SEEDS / "indicators.csv")
    tables = []
    for period in periods:
        for row in registry.itertuples():
            n = random.integers(0, 90, 16)
            cells = pd.DataFrame({"n": n, "numerator": random.binomial(n, 0.3), "district_code": range(1, 17)})
            cells["district_code"] = cells["district_code"].map(district)
            cells.loc[16] = [n.sum(), cells["numerator"].sum(), MUNICIPALITY]
            tables.append(cells.assign(consortium_code="tom", indicator_code=row.indicator_code, period=period))
    cells = pd.concat(tables, ignore_index=True).astype({"n": "int64", "numerator": "int64"})
    cells = cells.assign(persons=cells["n"], value=cells["numerator"] / cells["n"])
    result = protect_indicators(cells, registry, THRESHOLDS)
    assert len(result) == 24 * 21 * 17
    assert set(result["status"]) == {"published", "suppressed_primary", "suppressed_secondary", "no_data"}
