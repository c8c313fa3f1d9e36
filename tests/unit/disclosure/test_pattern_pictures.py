"""Pictures of the pattern: what they say and show, that no count of people is in them, and what they refuse."""

from __future__ import annotations

import json
import struct
from itertools import pairwise

import duckdb
import pandas as pd
import pytest

from pipeline.disclosure import pictures, portraits
from pipeline.pictures import png

INDICATORS = pd.DataFrame(
    {
        "indicator_code": ["go_b", "tom_a", "go_c"],
        "position": [12, 1, 9],
        "name_nl": ["Uithuisplaatsing", "Zelfredzaamheid verbeterd en nergens verslechterd", 'Drop "out"'],
    }
)
CONSORTIA = pd.DataFrame({"consortium_code": ["tom", "go"], "name": ["Tom in de buurt", "GO! voor jeugd"]})
DISTRICTS = pd.DataFrame(
    {
        "district_code": ["WK3", "WK2", "GM1"],
        "district_name": ["'s-Wijk", "Aarlanderveen", "Zeegemeente"],
        "district_level": ["district", "district", "municipality"],
    }
)
STATUSES = pd.DataFrame(
    [
        ("tom", "tom_a", "GM1", "2024-H1", "published", False),
        ("tom", "tom_a", "WK2", "2024-H1", "published", True),
        ("tom", "tom_a", "WK3", "2024-H1", "suppressed_primary", False),
        ("go", "go_b", "GM1", "2024-H1", "published", False),
        ("go", "go_b", "WK2", "2024-H1", "suppressed_secondary", False),
        ("go", "go_b", "WK3", "2024-H1", "suppressed_primary", False),
        ("go", "go_c", "GM1", "2024-H1", "unreliable", False),
        ("go", "go_c", "WK2", "2024-H1", "no_data", False),
        ("go", "go_c", "WK3", "2024-H1", "published", None),
        ("go", "go_c", "WK3", "2023-H2", "suppressed_primary", False),
    ],
    columns=["consortium_code", "indicator_code", "district_code", "period", "status", "is_pending"],
)
FIGURES = pd.DataFrame(
    [
        ("partners", "2024-H1", 352, 267, 77, 8, 10, 0.9999, 1234567, 1234567, 0.0, 0.84),
        ("partners", "2023-H2", 350, 250, 80, 20, 0, 0.98, 1234567, 1234000, 0.0004, 12.345),
        ("council", "2024-H1", 21, 19, 1, 0, 0, 0.75, 1234567, 1200000, 0.028, 0.1),
        ("council", "2023-H2", 0, 0, 0, 0, 0, None, 0, 0, None, 0.1),
    ],
    columns=[
        "audience",
        "period",
        "rows",
        "shown",
        "hidden_primary",
        "hidden_secondary",
        "pending",
        "information_kept",
        "objective",
        "bound",
        "gap",
        "seconds",
    ],
)


def _pattern(statuses: pd.DataFrame = STATUSES, period: str = "2024-H1"):
    return pictures.pattern_picture(statuses, INDICATORS, DISTRICTS, CONSORTIA, period)


def _rows(chart) -> list[dict]:
    return [row for rows in chart.to_dict()["datasets"].values() for row in rows]


def _boxes(chart) -> dict[tuple[str, str], str]:
    return {(row["indicator_code"], row["district_code"]): row["code"] for row in _rows(chart) if "row" in row}


def test_each_cell_of_the_half_year_has_its_status_and_a_pending_one_its_own():
    assert _boxes(_pattern()) == {
        ("tom_a", "GM1"): "published",
        ("tom_a", "WK2"): "pending",
        ("tom_a", "WK3"): "suppressed_primary",
        ("go_b", "GM1"): "published",
        ("go_b", "WK2"): "suppressed_secondary",
        ("go_b", "WK3"): "suppressed_primary",
        ("go_c", "GM1"): "unreliable",
        ("go_c", "WK2"): "no_data",
        ("go_c", "WK3"): "published",
    }


def test_the_title_says_the_half_year_and_how_much_is_shown():
    title = _pattern().to_dict()["title"]
    assert title["text"] == "Wat mag worden getoond? 2024-H1"
    assert title["subtitle"][0].startswith("4 van de 8 cijfers worden getoond (50\u00a0%).")


def test_the_legend_counts_each_status_and_has_the_boxes_of_the_matrix():
    rows = _rows(_pattern())
    legend = {row["code"]: row for row in rows if "text" in row}
    assert [row["text"] for row in legend.values()] == [
        "getoond (3)",
        "oud cijfer, wijziging wacht (1)",
        "verborgen om een ander cijfer te beschermen (1)",
        "verborgen: zegt te veel over personen (2)",
        "te onzeker (1)",
        "geen gegevens (1)",
    ]
    look = ["fill", "edge", "ink", "sign"]
    for row in rows:
        if "row" in row:
            assert [row[each] for each in look] == [legend[row["code"]][each] for each in look]
    # by sign and by fill alone, each status is told apart
    assert len({row["sign"] for row in legend.values()}) == len({row["fill"] for row in legend.values()}) == 6


def test_fills_differ_in_grey():
    fills = {row["fill"] for row in _rows(_pattern()) if "text" in row}
    parts = [[int(fill[at : at + 2], 16) for at in (1, 3, 5)] for fill in fills - {"white"}]
    greys = sorted([0.299 * red + 0.587 * green + 0.114 * blue for red, green, blue in parts] + [255])
    assert min(high - low for low, high in pairwise(greys)) > 8


def test_the_municipality_comes_first_then_districts_by_name_and_indicators_as_in_the_registry():
    matrix = _pattern().to_dict()["vconcat"][1]
    x, y = (matrix["spec"]["layer"][0]["encoding"][axis]["sort"] for axis in "xy")
    assert y == ["Zeegemeente", "'s-Wijk", "Aarlanderveen"]
    assert x == ["Zelfredzaamheid verbeterd en\nnergens verslechterd", 'Drop "out"', "Uithuisplaatsing"]
    assert matrix["facet"]["column"]["sort"] == ["Tom in de buurt", "GO! voor jeugd"]


def test_seventeen_areas_and_twenty_one_indicators_fit_a_thousand_pixels():
    codes = [f"i{number:02}" for number in range(21)]
    areas = [*(f"WK{number:02}" for number in range(16)), "GM1"]
    cells = [("tom", code, area, "2024-H1", "published", False) for code in codes for area in areas]
    chart = pictures.pattern_picture(
        pd.DataFrame(cells, columns=STATUSES.columns),
        pd.DataFrame({"indicator_code": codes, "position": range(21), "name_nl": [f"Naam {code}" for code in codes]}),
        pd.DataFrame({"district_code": areas, "district_name": areas, "district_level": "district"}),
        CONSORTIA,
        "2024-H1",
    )
    picture = png(chart)
    width, height = struct.unpack(">II", picture[16:24])
    assert (850 <= width <= 1020, 450 <= height <= 900) == (True, True)
    assert 5_000 < len(picture) < 120_000


@pytest.mark.parametrize("draw", [_pattern, pictures.pattern_history], ids=["pattern", "history"])
def test_the_order_of_rows_does_not_matter(draw):
    frame = STATUSES if draw is _pattern else FIGURES
    assert draw(frame.sample(frac=1, random_state=3)).to_dict() == draw(frame).to_dict()


def test_without_data_it_says_so():
    for chart in (_pattern(period="2030-H1"), pictures.pattern_history(FIGURES.head(0))):
        assert _rows(chart) == [{"text": "geen gegevens"}]


def test_no_count_of_people_reaches_a_picture():
    drawn = _pattern(STATUSES.assign(n=424242, numerator=424242, rule="P1"))
    assert "424242" not in json.dumps(drawn.to_dict())
    drawn = pictures.pattern_history(FIGURES.assign(n=424242))
    assert "424242" not in json.dumps(drawn.to_dict()) and "1234567" not in json.dumps(drawn.to_dict())


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="no words for 'mooi'"):
        _pattern(STATUSES.assign(status="mooi"))
    with pytest.raises(ValueError, match="one row per consortium_code"):
        _pattern(pd.concat([STATUSES, STATUSES.head(1)]))
    with pytest.raises(ValueError, match="misses columns: is_pending"):
        _pattern(STATUSES.drop(columns="is_pending"))
    with pytest.raises(ValueError, match="no words for 'all'"):
        pictures.pattern_history(FIGURES.assign(audience=["all", *FIGURES["audience"][1:]]))
    with pytest.raises(ValueError, match="shown and hidden ones more than all"):
        pictures.pattern_history(FIGURES.assign(shown=FIGURES["shown"] + 10))
    with pytest.raises(ValueError, match="pending figures are more than those shown"):
        pictures.pattern_history(FIGURES.assign(pending=300))


def test_parts_of_a_half_year_add_up_and_what_is_kept_is_told():
    rows = [row for row in _rows(pictures.pattern_history(FIGURES)) if row["period"] == "2024-H1"]
    told = {(row["audience"], row["part"]): (round(row["upper"], 4), row["kept"]) for row in rows}
    assert told == {
        ("partners", "published"): (round(257 / 352, 4), "99,9\u00a0%"),
        ("partners", "pending"): (round(267 / 352, 4), "99,9\u00a0%"),
        ("partners", "suppressed_secondary"): (round(275 / 352, 4), "99,9\u00a0%"),
        ("partners", "suppressed_primary"): (1.0, "99,9\u00a0%"),
        ("council", "published"): (round(19 / 21, 4), "75,0\u00a0%"),
        ("council", "suppressed_primary"): (round(20 / 21, 4), "75,0\u00a0%"),
        ("council", "unreliable"): (1.0, "75,0\u00a0%"),
    }


def test_the_table_has_the_newest_first_and_rounds_nothing_to_proved_or_complete():
    assert pictures.figures_table(FIGURES).splitlines()[2:] == [
        "| 2024-H1 | council | 19 | 0 | 1 | 0 | 75.0\u00a0% | at most 2.8\u00a0% | 0.1 |",
        "| 2024-H1 | partners | 267 | 10 | 77 | 8 | 99.9\u00a0% | proved | 0.8 |",
        "| 2023-H2 | council | 0 | 0 | 0 | 0 |  | unknown | 0.1 |",
        "| 2023-H2 | partners | 250 | 0 | 80 | 20 | 98.0\u00a0% | under 0.1\u00a0% | 12.3 |",
    ]


def test_the_latest_half_year_of_the_warehouse_becomes_markdown():
    with duckdb.connect() as warehouse:
        warehouse.execute("create schema disclosure; create schema reference")
        frames = {"disclosure.indicator_status": STATUSES, "disclosure.pattern_figures": FIGURES}
        frames |= {"reference.indicators": INDICATORS, "reference.districts": DISTRICTS}
        for name, frame in (frames | {"reference.consortia": CONSORTIA}).items():
            warehouse.register("frame", frame)
            warehouse.execute(f"create table {name} as select * from frame")
        told = portraits.of_pattern(warehouse)
    assert list(told) == ["pattern", "history", "figures"]
    assert told["pattern"].startswith(
        "![Wat mag worden getoond, 2024-H1: gebieden en indicatoren](data:image/png;base64,"
    )
    assert told["history"].startswith("![Deel van de cijfers dat mag worden getoond](data:image/png;base64,")
    assert told["figures"] == pictures.figures_table(FIGURES)
