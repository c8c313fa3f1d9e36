"""Pictures: what they may hold, that they are drawn the same each time, and what they say without data."""

from __future__ import annotations

import json
import struct

import pandas as pd
import pytest

from pipeline.pictures import png
from pipeline.reliability import pictures
from pipeline.reliability.comparison import dispersion, funnel_limits

NAMES = {"tom": "Tom in de buurt", "go": 'GO! "voor" jeugd', "share": "Cliënt voelt zich 'gehoord'"} | {
    f"WK{number}": f'\'s-Wijk "{number}" \\ [x]' for number in range(12)
}
SHARES = pd.DataFrame(
    {
        "indicator_code": "share",
        "district_code": [*(f"WK{number}" for number in range(12)), "GM1"],
        "n": [40, 60, 80, 100, 120, 140, 160, 180, 200, 220, 10, 9, 4321],
        "numerator": [28, 43, 55, 71, 83, 98, 113, 126, 139, 60, 7, 6, 3000],
    }
).assign(persons=lambda rows: rows["n"])
VERDICTS = pd.DataFrame(
    [
        (consortium, f"{2015 + number // 2}-H{number % 2 + 1}", verdict, cells)
        for consortium in ("tom", "go")
        for number in range(23)
        for verdict, cells in (("reliable", 5), ("indicative", 30), ("not_publishable", 64), ("hidden", 1))
    ],
    columns=["consortium_code", "period", "verdict", "cells"],
)
EFFECTS = pd.DataFrame(
    [
        ("tom", "client", "2024-H1", 0.04, 0.01),
        ("tom", "stakeholder", "2024-H1", 0.03, None),
        ("tom", "client", "2024-H2", 0.12, 0.02),
    ],
    columns=["consortium_code", "target_group", "period", "rho", "rho_se"],
)
CHANGES = pd.DataFrame(
    {
        "life_domain_code": ["a", "b", "c", "d"],
        "name_nl": ["Financiën", 'Werk & "opleiding"', "Justitie", "Te klein om te tonen"],
        "mean_change": [0.5, 0.2, -0.3, 0.777],
        "change_low": [0.3, 0.1, -0.5, 0.7],
        "change_high": [0.7, 0.3, -0.1, 0.8],
        "expected_change": [0.25, 0.2, 0.1, 0.1],
        "n": [200, 10, 80, 9],
    }
)
CELLS = pd.DataFrame(
    {
        "district_code": ["WK1", "WK2", "WK3", "GM1"],
        "district_name": ["'s-Wijk", 'Wijk "2"', "Te klein om te tonen", "Gemeente"],
        "n": [120, 10, 55, 1250],
        "persons": [120, 10, 9, 1250],
        "value": [0.7, 0.5, 0.777, 0.6],
        "ci_low": [0.6, 0.2, 0.4, 0.57],
        "ci_high": [0.8, 0.8, 0.9, 0.63],
        "verdict": ["reliable", "not_publishable", "not_publishable", "reliable"],
        "unit": "share",
    }
)
CHARTS = {
    "funnel": (SHARES, lambda frame: pictures.funnel(frame, NAMES, "Tom, 2024-H1", 10, 0.95, 0.998)),
    "verdict_shares": (VERDICTS, lambda frame: pictures.verdict_shares(frame, NAMES)),
    "interviewer_effects": (EFFECTS, lambda frame: pictures.interviewer_effects(frame, NAMES, 0.95, 0.05, 0.1)),
    "domain_changes": (CHANGES, lambda frame: pictures.domain_changes(frame, "Tom, 2024-H1", 10)),
    "district_intervals": (CELLS, lambda frame: pictures.district_intervals(frame, "Gehoord, 2024-H1", 10)),
}
each_chart = pytest.mark.parametrize("name", CHARTS)


def _rows(chart) -> list[dict]:
    return [row for rows in chart.to_dict()["datasets"].values() for row in rows]


def _text(chart) -> str:
    return json.dumps(chart.to_dict(), ensure_ascii=False)


@each_chart
def test_a_frame_becomes_a_picture_of_sane_size_whatever_the_order_of_its_rows(name):
    frame, draw = CHARTS[name]
    chart = draw(frame)
    assert draw(frame.sample(frac=1, random_state=1)).to_dict() == chart.to_dict()
    picture = png(chart)
    width, height = struct.unpack(">II", picture[16:24])
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert (900 <= width <= 1020, 200 <= height <= 900) == (True, True)
    assert 5_000 < len(picture) < 120_000


def test_the_same_frame_gives_the_same_bytes():
    frame, draw = CHARTS["district_intervals"]
    assert png(draw(frame)) == png(draw(frame))


@each_chart
def test_without_data_it_says_so(name):
    frame, draw = CHARTS[name]
    assert _rows(draw(frame.head(0))) == [{"text": "geen gegevens"}]


@each_chart
def test_keys_of_persons_are_refused_and_so_is_a_second_row(name):
    frame, draw = CHARTS[name]
    for column in ("interviewer_key", "beoordelaar_id"):
        with pytest.raises(ValueError, match=f"no keys of persons: {column}"):
            draw(frame.assign(**{column: "a"}))
    with pytest.raises(ValueError, match="one row per"):
        draw(pd.concat([frame, frame.head(1)]))
    with pytest.raises(ValueError, match="misses columns"):
        draw(frame.drop(columns=frame.columns[0]))


def test_interviewers_of_one_survey_are_never_drawn_apart():
    each = pd.concat([EFFECTS.head(1), EFFECTS.head(1).assign(rho=0.2)]).assign(interviewer=["a", "b"])
    with pytest.raises(ValueError, match="one row per consortium_code, target_group, period"):
        pictures.interviewer_effects(each, NAMES, 0.95, 0.05, 0.1)
    drawn = pictures.interviewer_effects(EFFECTS.assign(interviewer="J. Jansen"), NAMES, 0.95, 0.05, 0.1)
    assert "Jansen" not in _text(drawn)


@pytest.mark.parametrize("name", ["domain_changes", "district_intervals"])
def test_cells_below_the_minimum_are_not_in_the_chart(name):
    frame, draw = CHARTS[name]
    drawn = draw(frame)
    assert "Te klein" not in _text(drawn)
    assert "0.777" not in _text(drawn)
    assert len({row["n"] for row in _rows(drawn) if "n" in row}) == len(frame) - 1


def test_a_funnel_tells_nothing_of_districts_below_the_minimum():
    drawn = CHARTS["funnel"][1](SHARES)
    assert "WK11" not in _text(drawn) and "Wijk 11" not in _text(drawn)
    assert {row["n"] for row in _rows(drawn) if "district_name" in row} == set(SHARES["n"]) - {9, 4321}
    other = SHARES.assign(numerator=SHARES["numerator"].mask(SHARES["n"] == 9, 0))
    assert _text(CHARTS["funnel"][1](other)) == _text(drawn)


def test_a_funnel_holds_exact_limits_and_those_with_over_dispersion():
    frame = pictures.funnel_frame(SHARES, NAMES, 10, 0.95, 0.998).set_index("district_code")
    districts = SHARES[SHARES["district_code"].str.startswith("WK") & (SHARES["n"] >= 10)]
    _, tau_squared, target = dispersion(districts["numerator"], districts["n"])
    assert frame.index.tolist() == sorted(districts["district_code"])
    assert set(frame["target"]) == {target}
    assert set(frame["tau_squared"]) == {tau_squared}
    assert frame.loc["WK3", ["low", "high"]].tolist() == [float(each) for each in funnel_limits(100, target, 0.95)]
    assert (frame["dispersed_low"] > frame["dispersed_outer_low"]).all()
    assert frame.loc["WK3", "value"] == 0.71
    assert frame["place"].to_dict() == dict.fromkeys(frame.index, "inside") | {"WK9": "outside"}


def test_districts_apart_are_named_and_the_others_are_not():
    named = [row["name"] for row in _rows(CHARTS["funnel"][1](SHARES)) if "name" in row]
    assert named == [NAMES["WK9"]]


@pytest.mark.parametrize("numerator", [0, 50])
def test_a_funnel_of_districts_that_do_not_differ(numerator):
    same = pd.DataFrame(
        {
            "indicator_code": "share",
            "district_code": ["WK1", "WK2"],
            "n": [50, 50],
            "numerator": numerator,
            "persons": 50,
        }
    )
    assert {row["place"] for row in _rows(CHARTS["funnel"][1](same)) if "place" in row} == {"binnen 95\u00a0%"}
    assert _rows(CHARTS["funnel"][1](same.head(1))) == [{"text": "geen gegevens"}]


def test_verdicts_of_the_last_ten_years_add_up_to_all_cells():
    rows = _rows(pictures.verdict_shares(VERDICTS, NAMES))
    assert sorted({row["period"] for row in rows})[0] == "2016-H2"
    last = [row for row in rows if row["period"] == "2026-H1" and row["consortium_code"] == "go"]
    assert [(row["word"], row["lower"], row["upper"], row["label"], row["total"]) for row in last] == [
        ("betrouwbaar", 0, 0.05, "", ""),
        ("indicatief", pytest.approx(0.05), 0.35, "30\u00a0%", ""),
        ("niet te publiceren", pytest.approx(0.35), 0.99, "64\u00a0%", ""),
        ("verborgen", pytest.approx(0.99), 1, "", "100"),
    ]


def test_unknown_words_are_refused():
    with pytest.raises(ValueError, match="no words for 'mooi'"):
        pictures.verdict_shares(VERDICTS.assign(verdict=["mooi", *VERDICTS["verdict"][1:]]), NAMES)
    with pytest.raises(ValueError, match="no words for 'mooi'"):
        pictures.district_intervals(CELLS.assign(verdict="mooi"), "", 10)
    with pytest.raises(ValueError, match="no words for 'mooi'"):
        pictures.interviewer_effects(EFFECTS.tail(1).assign(target_group="mooi"), NAMES, 0.95, 0.05, 0.1)


def test_an_assumed_effect_has_no_interval():
    rows = {row["group"]: row for row in _rows(pictures.interviewer_effects(EFFECTS.head(2), NAMES, 0.95, 0.05, 0.1))}
    assert (rows["cliënten"]["measured"], rows["stakeholders"]["measured"]) == (True, False)
    assert rows["cliënten"]["high"] == pytest.approx(0.04 + 1.959964 * 0.01)
    assert rows["stakeholders"]["low"] is None


def test_change_is_worded_against_what_comes_without_help():
    words = {
        row["life_domain_code"]: row["word"] for row in _rows(CHARTS["domain_changes"][1](CHANGES)) if "word" in row
    }
    assert words == {
        "a": "meer dan te verwachten was",
        "b": "niet te onderscheiden van de verwachting",
        "c": "minder dan te verwachten was",
    }


def test_figures_may_be_decimals_or_missing():
    figures = CELLS.astype({"n": object, "value": object})
    figures.loc[0, "value"] = None
    drawn = _rows(pictures.district_intervals(figures, "", 10))
    assert "WK1" not in {row.get("district_code") for row in drawn}
