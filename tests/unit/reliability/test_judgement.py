"""Grades at, just under and just over every threshold, what they mean for a figure, and what is said of it."""

from __future__ import annotations

import re
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.reliability.arrays import quantile
from pipeline.reliability.judgement import CHECKS, EFFECTS, GRADES, judge, rejudged, verdicts
from pipeline.reliability.thresholds import Thresholds

# Written out once more: what the municipality changes in its seed changes nothing here.
VALUES = {
    "minimum_persons": 10,
    "confidence_level": 0.95,
    "reliable_effective_n": 60,
    "publishable_effective_n": 30,
    "reliable_share_width": 0.20,
    "publishable_share_width": 0.30,
    "publishable_relative_width": 1.30,
    "negligible_width": 0.05,
    "reliable_rate_width": 0.65,
    "publishable_rate_width": 1.60,
    "reliable_mean_half_width": 0.20,
    "publishable_mean_half_width": 0.40,
    "reliable_alpha": 0.70,
    "publishable_alpha": 0.60,
    "minimum_item_rest": 0,
    "reliable_item_nonresponse": 0.05,
    "publishable_item_nonresponse": 0.20,
    "publishable_integrity_faults": 0.02,
    "independent_share": 0.10,
    "independent_minimum": 20,
    "reliable_backcheck": 0.80,
    "publishable_backcheck": 0.667,
    "minimum_backcheck_pairs": 20,
    "reliable_rating_agreement": 0.70,
    "publishable_rating_agreement": 0.50,
    "minimum_double_ratings": 50,
    "reliable_interviewers": 9,
    "minimum_interviewers": 2,
    "reliable_interviewer_effect": 0.05,
    "notable_interviewer_effect": 0.10,
    "reliable_weights_effect": 1.5,
    "publishable_weights_effect": 2,
    "reliable_propensity_cv": 0.30,
    "reliable_floor_ceiling": 0.15,
    "trend_floor_ceiling": 0.50,
    "fabrication_level": 0.01,
    "minimum_trend_points": 5,
    "mode_margin": 0.10,
    "funnel_confidence": 0.95,
    "funnel_outer_confidence": 0.998,
    "conversation_level": 0.10,
}
R, I, N = GRADES  # noqa: E741
EMPTY = dict.fromkeys(("value", "second_value", "ci_low", "ci_high", "n", "n_eff", "scale_range"), np.nan)
CELL = ["indicator_code", "district_code", "period", "pooled_over"]

# Check, threshold that is approached, column that does so, direction of worse, grade just better than it, at it and
# just worse than it, and the other columns.
LIMITS = [
    ("privacy_minimum", 10, "value", -1, (R, R, N), {}),
    ("effective_n", 60, "value", -1, (R, R, I), {}),
    ("effective_n", 30, "value", -1, (I, I, N), {}),
    ("share_width", 0.20, "value", 1, (R, R, I), {"second_value": 0.5}),
    ("share_width", 0.30, "value", 1, (I, N, N), {"second_value": 0.5}),
    ("share_width", 1.30, "second_value", 1, (R, R, N), {"value": 0.10}),
    ("share_width", 1.30, "second_value", 1, (I, I, N), {"value": 0.25}),
    ("share_width", 0.05, "value", 1, (R, R, N), {"second_value": 2.0}),
    ("share_width", 0.05, "value", 1, (R, R, N), {"second_value": np.inf}),
    ("share_width", 0.05, "value", 1, (R, R, N), {}),
    ("rate_width", 0.65, "value", 1, (R, R, I), {}),
    ("rate_width", 1.60, "value", 1, (I, I, N), {}),
    ("mean_half_width", 0.20, "value", 1, (R, R, I), {"scale_range": 4}),
    ("mean_half_width", 0.40, "value", 1, (I, I, N), {"scale_range": 4}),
    ("mean_half_width", 0.45, "value", 1, (R, R, I), {"scale_range": 9}),
    ("mean_half_width", 0.90, "value", 1, (I, I, N), {"scale_range": 9}),
    ("scale_consistency", 0.70, "value", -1, (R, R, I), {"second_value": 0.3}),
    ("scale_consistency", 0.60, "value", -1, (I, I, N), {"second_value": 0.3}),
    ("scale_consistency", 0.70, "value", -1, (R, R, I), {}),
    ("scale_consistency", 0.0, "second_value", -1, (R, R, N), {"value": 0.9}),
    ("item_nonresponse", 0.05, "value", 1, (R, I, I), {}),
    ("item_nonresponse", 0.20, "value", 1, (I, I, N), {}),
    ("delivery_integrity", 0.0, "value", 1, (R, R, I), {}),
    ("delivery_integrity", 0.02, "value", 1, (I, I, N), {}),
    ("dispositions_complete", 1.0, "value", -1, (R, R, I), {}),
    ("independent_part", 0.10, "value", -1, (R, R, I), {"second_value": 20}),
    ("independent_part", 20, "second_value", -1, (R, R, I), {"value": 0.10}),
    ("independent_part", 0.10, "value", -1, (I, I, I), {}),
    ("backcheck_agreement", 0.80, "ci_low", -1, (R, R, I), {"value": 0.9, "n": 20}),
    ("backcheck_agreement", 0.667, "ci_low", -1, (I, I, N), {"value": 0.9, "n": 20}),
    ("backcheck_agreement", 20, "n", -1, (R, R, I), {"value": 0.9, "ci_low": 0.85}),
    ("backcheck_agreement", 0.667, "ci_low", -1, (I, I, I), {"value": 0.9, "n": 19}),
    ("double_ratings", 0.70, "value", -1, (R, R, I), {"second_value": 0.9, "n": 50}),
    ("double_ratings", 0.70, "second_value", -1, (R, R, I), {"value": 0.9, "n": 50}),
    ("double_ratings", 0.70, "value", -1, (R, R, I), {"n": 50}),
    ("double_ratings", 50, "n", -1, (R, R, I), {"value": 0.9, "second_value": 0.9}),
    ("double_ratings", 0.50, "value", -1, (I, I, N), {"second_value": 0.4, "n": 50}),
    ("double_ratings", 0.50, "second_value", -1, (I, I, N), {"value": 0.4, "n": 50}),
    ("double_ratings", 0.50, "second_value", -1, (I, I, N), {"value": 0.4, "n": 49}),
    ("double_ratings", 0.50, "value", -1, (I, I, I), {"second_value": 0.9, "n": 50}),
    ("group_change", 0.20, "ci_low", -1, (R, I, I), {"value": 0.3, "second_value": 0.20, "ci_high": 0.4}),
    ("group_change", 0.20, "ci_high", 1, (R, I, I), {"value": 0.1, "second_value": 0.20, "ci_low": 0.0}),
    ("interviewers", 9, "value", -1, (R, R, I), {}),
    ("interviewers", 2, "value", -1, (I, I, N), {}),
    ("interviewer_effect", 0.05, "value", 1, (R, R, I), {}),
    ("interviewer_effect", 0.10, "value", 1, (I, I, I), {}),
    ("weights_effect", 1.5, "value", 1, (R, R, I), {}),
    ("weights_effect", 2.0, "value", 1, (I, I, N), {}),
    ("response_propensity", 0.30, "value", 1, (R, R, I), {}),
    ("floor_ceiling", 0.15, "value", 1, (R, R, I), {}),
    ("floor_ceiling", 0.50, "value", 1, (I, I, I), {}),
    ("fabrication_signal", 0.0, "value", 1, (R, R, I), {}),
    ("trend_points", 5, "value", -1, (R, R, I), {}),
    ("own_against_independent", 0.10, "ci_high", 1, (R, R, I), {"value": 0.0, "ci_low": -0.05}),
    ("own_against_independent", -0.10, "ci_low", -1, (R, R, I), {"value": 0.0, "ci_high": 0.05}),
    ("own_against_independent", 0.10, "ci_low", 1, (I, I, I), {"value": 0.2, "ci_high": 0.3}),
    ("funnel", quantile(0.95), "value", 1, (R, R, I), {"second_value": 0.05}),
    ("funnel", quantile(0.998), "value", 1, (I, I, N), {"second_value": 0.01}),
    ("funnel", -quantile(0.95), "value", -1, (R, R, I), {"second_value": 0.05}),
    ("funnel", -quantile(0.998), "value", -1, (I, I, N), {"second_value": 0.01}),
]
COUNTING = {
    "privacy_minimum": (R, I, N),
    "effective_n": (R, I, N),
    "share_width": (R, I, N),
    "rate_width": (R, I, N),
    "mean_half_width": (R, I, N),
    "item_nonresponse": (R, I, N),
    "delivery_integrity": (R, I, N),
    "backcheck_agreement": (R, I, N),
    "double_ratings": (R, I, N),
    "dispositions_complete": (R, I, I),
    "independent_part": (R, I, I),
    "interviewers": (R, R, I),
    "weights_effect": (R, R, I),
}


def thresholds(day: date = date(2026, 1, 1), **changed: float) -> Thresholds:
    """The values above, some of them changed from 2025 on."""
    rows = [
        (code, value, "2015-01-01", "2024-12-31" if code in changed else None) for code, value in VALUES.items()
    ] + [(code, value, "2025-01-01", None) for code, value in changed.items()]
    return Thresholds.on(pd.DataFrame(rows, columns=["threshold_code", "value", "valid_from", "valid_to"]), day)


def measurements(*rows: dict) -> pd.DataFrame:
    return pd.DataFrame([{"check_code": "", **EMPTY, **row} for row in rows], columns=["check_code", *EMPTY])


def judged(check: str, **columns: float) -> pd.Series:
    return judge(measurements({"check_code": check, **columns}), thresholds()).iloc[0]


def checks_of(*rows: tuple[str, str, str]) -> pd.DataFrame:
    """District, check and what it counts as; the sentence is the code in capitals."""
    return pd.DataFrame(
        {
            "indicator_code": "tom_gehoord",
            "district_code": [row[0] for row in rows],
            "period": "2024-H1",
            "pooled_over": None,
            "check_code": [row[1] for row in rows],
            "value": 1.0,
            "counts_as": [row[2] for row in rows],
            "reason_nl": [row[1].upper() + "." for row in rows],
        }
    )


@pytest.mark.parametrize(("check", "limit", "column", "worse", "grades", "others"), LIMITS)
def test_grade_just_better_than_at_and_just_worse_than_each_threshold(check, limit, column, worse, grades, others):
    steps = [-1e-6, -0.5e-9, 0.0, 0.5e-9, 1e-6]
    rows = [{"check_code": check, **others, column: limit + worse * step} for step in steps]
    found = judge(measurements(*rows), thresholds())
    better, at, over = grades
    assert found["grade"].tolist() == [better, at, at, at, over]
    counts = COUNTING.get(check, (R, R, R))
    assert found["counts_as"].tolist() == [counts[GRADES.index(grade)] for grade in found["grade"]]


def test_every_check_has_its_thresholds_and_effect_tested():
    assert set(CHECKS) == {row[0] for row in LIMITS}
    for check in CHECKS.values():
        counts = tuple(GRADES[rank] for rank in EFFECTS[check.effect])
        assert counts == COUNTING.get(check.code, (R, R, R)), check.code
    used = {code for check in CHECKS.values() for code in check.thresholds}
    assert used == set(VALUES)


@pytest.mark.parametrize(
    ("check", "columns", "limits"),
    [
        ("effective_n", {"value": 41}, (60, 30)),
        ("mean_half_width", {"value": 0.5, "scale_range": 9}, (0.45, 0.90)),
        ("privacy_minimum", {"value": 12}, (10, 10)),
        ("floor_ceiling", {"value": 0.2}, (0.15, np.nan)),
        ("dispositions_complete", {"value": 1}, (1, np.nan)),
        ("funnel", {"value": 1, "second_value": 1}, (quantile(0.95), quantile(0.998))),
    ],
)
def test_limits_and_version_stand_beside_the_grade(check, columns, limits):
    row = judged(check, **columns)
    assert np.allclose((row["threshold_reliable"], row["threshold_indicative"]), limits, equal_nan=True)
    assert row["threshold_version"] == thresholds().version(CHECKS[check].thresholds)


def test_measurements_stay_as_they_are_in_their_order():
    rows = measurements({"check_code": "funnel", "value": 3.0}, {"check_code": "effective_n", "value": 70.0})
    rows = rows.assign(district_code=["WK1", "WK2"]).set_index(pd.Index([7, 3]))
    pd.testing.assert_frame_equal(judge(rows, thresholds())[rows.columns], rows)


@pytest.mark.parametrize("check", list(CHECKS))
def test_what_cannot_be_measured_lowers_nothing_unless_a_figure_needs_it(check):
    row = judged(check, n=100)
    needed = ("privacy_minimum", "effective_n", "share_width", "rate_width", "mean_half_width")
    expected = (N, N) if check in needed else (I, I) if check == "double_ratings" else (I, R)
    assert (row["grade"], row["counts_as"]) == expected
    assert "niet te meten" in row["reason_nl"]


def test_a_rate_of_nothing_has_no_bounded_uncertainty():
    assert judged("rate_width", value=np.inf)["counts_as"] == N


def test_everybody_answered_counts_for_any_number():
    row = judged("effective_n", value=np.inf)
    assert row["counts_as"] == R
    assert row["reason_nl"] == "Iedereen om wie het gaat, telt mee in het cijfer."


def test_without_anybody_known_the_interviewers_cap():
    row = judged("interviewers", value=0)
    assert row["counts_as"] == I
    assert "niet bekend wie" in row["reason_nl"]


DIRECTIONS = [
    ("privacy_minimum", "value", 1, 20, {}),
    ("effective_n", "value", 1, 100, {}),
    ("share_width", "value", -1, 0.5, {"second_value": 1.0}),
    ("share_width", "value", -1, 0.5, {"second_value": 2.0}),
    ("share_width", "second_value", -1, 3.0, {"value": 0.15}),
    ("rate_width", "value", -1, 3.0, {}),
    ("mean_half_width", "value", -1, 1.0, {"scale_range": 4}),
    ("scale_consistency", "value", 1, 1.0, {"second_value": 0.2}),
    ("scale_consistency", "second_value", 1, 1.0, {"value": 0.8}),
    ("item_nonresponse", "value", -1, 0.5, {}),
    ("delivery_integrity", "value", -1, 0.05, {}),
    ("dispositions_complete", "value", 1, 1.0, {}),
    ("independent_part", "value", 1, 0.3, {"second_value": 30}),
    ("independent_part", "second_value", 1, 40, {"value": 0.2}),
    ("backcheck_agreement", "ci_low", 1, 1.0, {"value": 1.0, "n": 30}),
    ("double_ratings", "value", 1, 1.0, {"second_value": 0.6, "n": 60}),
    ("double_ratings", "second_value", 1, 1.0, {"value": 0.4, "n": 60}),
    ("double_ratings", "n", 1, 100, {"value": 0.8, "second_value": 0.8}),
    ("double_ratings", "n", 1, 100, {"value": 0.4, "second_value": 0.4}),
    ("interviewers", "value", 1, 15, {}),
    ("interviewer_effect", "value", -1, 0.2, {}),
    ("weights_effect", "value", -1, 3.0, {}),
    ("response_propensity", "value", -1, 1.0, {}),
    ("floor_ceiling", "value", -1, 1.0, {}),
    ("fabrication_signal", "value", -1, 5, {}),
    ("trend_points", "value", 1, 10, {}),
    ("own_against_independent", "ci_high", -1, 0.3, {"value": 0.0, "ci_low": -0.05}),
    ("funnel", "value", -1, 5.0, {"second_value": 0.05}),
]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=30))
def test_a_better_value_never_gives_a_worse_grade(parts):
    rows = [
        {"check_code": check, **others, column: part * most}
        for check, column, better, most, others in DIRECTIONS
        for part in sorted(parts, reverse=better < 0)
    ]
    found = judge(measurements(*rows), thresholds())
    for name in ("grade", "counts_as"):
        ranks = found[name].map(GRADES.index).to_numpy().reshape(len(DIRECTIONS), len(parts))
        worse = (np.diff(ranks, axis=1) > 0).any(axis=1)
        assert not worse.any(), [row[:2] for row, is_worse in zip(DIRECTIONS, worse, strict=True) if is_worse]


def test_a_funnel_does_not_care_on_which_side():
    rows = [{"check_code": "funnel", "value": sign * z} for z in (1.0, 2.5, 4.0) for sign in (-1, 1)]
    assert judge(measurements(*rows), thresholds())["grade"].tolist() == [R, R, I, I, N, N]


@pytest.mark.parametrize(
    ("check", "columns", "reason"),
    [
        (
            "effective_n",
            {"value": 41},
            "Het cijfer telt als 41 gesprekken; 60 is nodig voor betrouwbaar, 30 om te tonen.",
        ),
        ("effective_n", {"value": 82.4}, "Het cijfer telt als 82 gesprekken; 60 is genoeg."),
        (
            "effective_n",
            {"value": 1},
            "Het cijfer telt als 1 gesprek; 60 is nodig voor betrouwbaar, 30 om te tonen.",
        ),
        (
            "effective_n",
            {"value": 59.96},
            "Het cijfer telt als 59,96 gesprekken; 60 is nodig voor betrouwbaar, 30 om te tonen.",
        ),
        ("privacy_minimum", {"value": 3}, "Het cijfer gaat over minder dan 10 mensen. Daarom tonen we het niet."),
        (
            "share_width",
            {"value": 0.2999, "second_value": 0.5},
            "De onzekerheid is 29,99 procentpunt breed; tot en met 20 is betrouwbaar, tonen kan onder 30.",
        ),
        (
            "share_width",
            {"value": 0.12, "second_value": 1.5},
            "De onzekerheid is 1,5 keer zo groot als het cijfer zelf; tonen kan tot en met 1,3 keer.",
        ),
        (
            "mean_half_width",
            {"value": 0.7, "scale_range": 9},
            "Het gemiddelde is zeker op 0,70 punt na; tot en met 0,45 is betrouwbaar, tonen kan tot en met 0,9.",
        ),
        (
            "item_nonresponse",
            {"value": 0.125},
            "Van de mensen aan wie deze vraag is gesteld, gaf 12,5 % geen antwoord; onder 5 % is betrouwbaar, "
            "tonen kan tot en met 20 %.",
        ),
        (
            "independent_part",
            {"value": 0, "second_value": 0},
            "Geen enkel gesprek is gevoerd of herhaald door een andere partij; 10 % en 20 gesprekken zijn nodig. "
            "Daarom is het cijfer hoogstens indicatief.",
        ),
        (
            "backcheck_agreement",
            {"value": 0.9, "ci_low": 0.5, "n": 3},
            "Van deze vraag zijn 3 antwoorden uit herhaalde gesprekken te vergelijken; 20 is nodig. Daarom is het "
            "cijfer hoogstens indicatief.",
        ),
        (
            "double_ratings",
            {"value": 0.62, "second_value": 0.81, "n": 54},
            "Twee beoordelaars zijn het over 54 dubbele beoordelingen zo eens (kappa 0,62, AC2 0,81); vanaf 0,7 en 50 "
            "beoordelingen is betrouwbaar.",
        ),
        (
            "group_change",
            {"value": 0.31, "second_value": 0.12, "ci_low": 0.2, "ci_high": 0.42},
            "De verandering (0,31) is groter dan vanzelf te verwachten was (0,12). Toeval verklaart dat niet.",
        ),
        (
            "group_change",
            {"value": 0.05, "second_value": 0.27, "ci_low": -0.05, "ci_high": 0.15},
            "De verandering (0,05) is kleiner dan vanzelf te verwachten was (0,27). Toeval verklaart dat niet.",
        ),
        (
            "interviewers",
            {"value": 1},
            "De gesprekken zijn gevoerd door 1 persoon; 2 is het minste. Daarom is het cijfer hoogstens indicatief.",
        ),
        (
            "fabrication_signal",
            {"value": 1},
            "Bij 1 team lijken gesprekken veel op elkaar. Dat vraagt herhaalde gesprekken; het is geen oordeel over "
            "iemand.",
        ),
        (
            "own_against_independent",
            {"value": -0.24, "ci_low": -0.36, "ci_high": -0.12},
            "Eigen team en andere partij verschillen 24 procentpunt, meer dan de marge van 10. Dat is reden voor een "
            "gesprek.",
        ),
    ],
)
def test_the_reason_names_the_number_and_the_limit(check, columns, reason):
    assert judged(check, **columns)["reason_nl"] == reason


@pytest.mark.parametrize(
    ("check", "columns", "words"),
    [
        ("interviewer_effect", {"value": 0.11}, "reden voor een gesprek"),
        ("floor_ceiling", {"value": 0.51}, "niets over een trend"),
        ("funnel", {"value": 2.5, "second_value": 0.10}, "reden voor een gesprek"),
    ],
)
def test_beyond_a_further_limit_the_reason_says_more(check, columns, words):
    name = "second_value" if check == "funnel" else "value"
    milder = {**columns, name: columns[name] + (0.01 if check == "funnel" else -0.01)}
    assert words in judged(check, **columns)["reason_nl"]
    assert words not in judged(check, **milder)["reason_nl"]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 200) | st.integers(-12, -1).map(lambda power: 60 - 10.0**power), min_size=1))
def test_rounding_never_contradicts_the_grade(values):
    rows = measurements(*({"check_code": "effective_n", "value": value} for value in values))
    found = judge(rows, thresholds())
    told = found["reason_nl"].str.extract(r"telt als ([\d,]+) ")[0].str.replace(",", ".").astype(float)
    assert judge(rows.assign(value=told), thresholds())["grade"].tolist() == found["grade"].tolist()


def test_what_a_figure_counts_may_have_another_name():
    rows = measurements({"check_code": "effective_n", "value": 41}, {"check_code": "effective_n", "value": 42})
    found = judge(rows.assign(counted_nl=["dossiers", None]), thresholds())["reason_nl"]
    assert found[0].startswith("Het cijfer telt als 41 dossiers; ")
    assert found[1].startswith("Het cijfer telt als 42 gesprekken; ")


@pytest.mark.parametrize("check", list(CHECKS))
def test_every_sentence_is_one_or_two_short_ones(check):
    others = {"ci_low": 0.0, "ci_high": 0.3, "n": 60, "scale_range": 4}
    grid = [0.0, 0.01, 0.1, 0.25, 0.55, 0.65, 0.85, 1.0, 1.7, 3.0, 12.0, 100.0, np.nan]
    rows = [{"check_code": check, **others, "value": a, "second_value": b} for a in grid for b in grid]
    for reason in judge(measurements(*rows), thresholds())["reason_nl"]:
        assert re.fullmatch(r"[A-Z0-9][^.]*\.( [A-Z][^.]*\.)?", reason), reason
        assert not re.search(r"nan|inf|onbekend", reason), reason
        assert len(reason) <= 190, reason


def test_unknown_checks_missing_columns_and_scales_without_range_are_refused():
    with pytest.raises(ValueError, match="unknown checks: luck"):
        judged("luck", value=1)
    with pytest.raises(ValueError, match="measurements without n, value"):
        judge(measurements({"check_code": "funnel"}).drop(columns=["n", "value"]), thresholds())
    with pytest.raises(ValueError, match="1 measurements of mean_half_width without the range"):
        judged("mean_half_width", value=0.1)


def test_nothing_to_judge_gives_nothing():
    none = judge(measurements(), thresholds())
    assert none.empty
    assert {"grade", "counts_as", "reason_nl"} <= set(none.columns)
    assert verdicts(checks_of(("WK1", "funnel", R)).iloc[:0], CELL).empty


def test_the_verdict_is_the_worst_of_what_counts_with_its_own_reasons_only():
    checks = checks_of(
        ("WK1", "effective_n", I),
        ("WK1", "share_width", N),
        ("WK1", "independent_part", I),
        ("WK2", "effective_n", R),
        ("WK2", "independent_part", I),
        ("WK2", "funnel", R),
    )
    found = verdicts(checks, CELL)
    assert list(found.columns) == [*CELL, "verdict", "reason_nl", "deciding"]
    assert found["district_code"].tolist() == ["WK1", "WK2"]
    assert found["verdict"].tolist() == [N, I]
    assert found["reason_nl"].tolist() == ["SHARE_WIDTH.", "INDEPENDENT_PART."]
    assert found["deciding"].tolist() == ["share_width", "independent_part"]


def test_reasons_begin_with_what_blocks_and_are_three_at_most():
    codes = ["interviewers", "dispositions_complete", "backcheck_agreement", "share_width", "effective_n"]
    found = verdicts(checks_of(*(("WK1", code, I) for code in codes)), CELL).iloc[0]
    assert found["deciding"] == "effective_n;share_width;backcheck_agreement;dispositions_complete;interviewers"
    assert found["reason_nl"] == "EFFECTIVE_N. SHARE_WIDTH. BACKCHECK_AGREEMENT."


def test_too_few_people_is_said_without_a_sentence_that_tells_how_few():
    checks = checks_of(("WK1", "effective_n", N), ("WK1", "privacy_minimum", N), ("WK2", "effective_n", N))
    found = verdicts(checks, CELL)
    assert found["reason_nl"].tolist() == ["PRIVACY_MINIMUM.", "EFFECTIVE_N."]
    assert found["deciding"].tolist() == ["privacy_minimum;effective_n", "effective_n"]


def test_a_check_that_was_measured_twice_decides_once():
    checks = checks_of(("WK1", "double_ratings", N), ("WK1", "effective_n", N), ("WK1", "double_ratings", N))
    assert verdicts(checks, CELL)["deciding"].tolist() == ["effective_n;double_ratings"]


def test_a_reliable_figure_says_how_many_demands_it_meets():
    checks = checks_of(("WK1", "effective_n", R), ("WK1", "item_nonresponse", R), ("WK1", "funnel", R))
    checks = pd.concat([checks, checks_of(("WK1", "weights_effect", R)).assign(value=np.nan)])
    found = verdicts(checks, CELL).iloc[0]
    assert (found["verdict"], found["deciding"]) == (R, "")
    assert found["reason_nl"] == "Het cijfer haalt alle eisen die te toetsen zijn (2)."
    nothing = verdicts(checks_of(("WK1", "funnel", R)), CELL).iloc[0]
    assert nothing["reason_nl"] == "Er is geen eis die dit cijfer lager maakt."


def test_pooled_cells_have_a_verdict_of_their_own():
    checks = checks_of(("WK1", "effective_n", N), ("WK1", "effective_n", I)).assign(pooled_over=[None, "consortium"])
    found = verdicts(checks, CELL)
    assert found["verdict"].tolist() == [N, I]
    assert found["pooled_over"].isna().tolist() == [True, False]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["WK1", "WK2"]), st.sampled_from(list(CHECKS)), st.sampled_from(GRADES)), min_size=1
    )
)
def test_the_verdict_is_the_worst_whatever_the_checks(rows):
    found = verdicts(checks_of(*rows), CELL).set_index("district_code")
    for district, verdict in found["verdict"].items():
        counts = [(check, GRADES.index(counted)) for where, check, counted in rows if where == district]
        worst = max(rank for _, rank in counts)
        assert verdict == GRADES[worst]
        deciding = {check for check, rank in counts if rank == worst and worst > 0}
        assert sorted(filter(None, found["deciding"][district].split(";"))) == sorted(deciding)


def test_a_changed_threshold_judges_history_again_and_says_so():
    rows = measurements(*({"check_code": "effective_n", "value": value} for value in (65, 20, 90)))
    rows = rows.assign(
        indicator_code="tom_gehoord", district_code=["WK1", "WK2", "WK3"], period="2024-H1", pooled_over=None
    )
    stricter = {"reliable_effective_n": 80}
    now = verdicts(judge(rows, thresholds(date(2026, 1, 1), **stricter)), CELL)
    then = verdicts(judge(rows, thresholds(date(2024, 6, 30), **stricter)), CELL)
    assert now["verdict"].tolist() == [I, N, R]
    told = rejudged(now.set_index(pd.Index([5, 6, 7])), then.iloc[::-1])
    assert told.to_dict() == {5: "Onder de drempels van 30-06-2024 was dit betrouwbaar.", 6: "", 7: ""}
    assert rejudged(then, now).tolist() == ["Onder de drempels van 30-06-2024 was dit indicatief.", "", ""]


def test_a_cell_that_was_not_judged_then_has_nothing_to_say():
    now = verdicts(checks_of(("WK1", "effective_n", I), ("WK2", "effective_n", N)), CELL)
    assert rejudged(now, now.iloc[:1].assign(verdict=N)).tolist() == [
        "Onder de drempels van 30-06-2024 was dit niet te tonen.",
        "",
    ]
    with pytest.raises(pd.errors.MergeError):
        rejudged(now, pd.concat([now, now]))
