"""Each rule on one figure, at its limits."""

from __future__ import annotations

import pandas as pd
import pytest

from pipeline.disclosure.rules import (
    Need,
    increment_needs,
    judge_categories,
    judge_indicator,
    judge_share,
    limits_of,
)
from pipeline.settings import SEEDS

LIMITS = limits_of(pd.read_csv(SEEDS / "thresholds.csv"))("2024-H1")


def judged(kind: str, side: str, n: int, numerator: int, persons: int | None = None, public: bool = False) -> str:
    counts = {"n": n, "numerator": numerator}
    return judge_indicator(kind, side, counts, n if persons is None else persons, LIMITS, public).rule


@pytest.mark.parametrize(
    ("kind", "side", "n", "numerator", "rule"),
    [
        ("proportion", "both", 9, 5, "P1"),
        ("proportion", "both", 10, 5, ""),
        ("mean", "none", 9, 70, "P1"),
        ("mean", "none", 10, 70, ""),
        ("proportion", "both", 50, 4, "P3"),
        ("proportion", "both", 50, 46, "P3"),
        ("proportion", "both", 50, 45, ""),
        ("proportion", "numerator", 50, 46, ""),
        ("proportion", "complement", 50, 4, ""),
        ("proportion", "none", 50, 4, ""),
        ("ratio", "numerator", 50, 4, "P3"),
        ("ratio", "both", 50, 46, ""),
        ("ratio", "numerator", 50, 0, ""),
        ("rate", "numerator", 5000, 4, "P3"),
        ("rate", "numerator", 5000, 0, ""),
        ("rate", "none", 5000, 4, ""),
        ("rate", "none", 9, 4, "P1"),
        ("proportion", "both", 50, 0, "P4"),
        ("proportion", "both", 50, 50, "P4"),
        ("proportion", "numerator", 50, 50, "P4"),
        ("proportion", "none", 50, 50, ""),
        ("count", "none", 0, 0, ""),
        ("count", "none", 3, 3, ""),
        ("mean", "none", 0, 0, ""),
    ],
)
def test_a_figure_is_hidden_by_the_first_rule_that_it_breaks(kind, side, n, numerator, rule):
    assert judged(kind, side, n, numerator) == rule


def test_few_people_behind_many_answers_hide_a_figure():
    assert judged("proportion", "both", 30, 15, persons=9) == "P1"
    assert judged("proportion", "both", 30, 15, persons=10) == ""


def test_for_the_public_one_side_of_a_small_group_may_not_be_nearly_everybody():
    assert judged("proportion", "both", 49, 44, public=True) == ""
    assert judged("proportion", "both", 48, 43, public=True) == ""
    # 90 % of 49 people is 44.1, so 45 would leave a small side; a group of 60 may be 92 %
    assert judged("proportion", "numerator", 49, 45, public=True) == "P4"
    assert judged("proportion", "numerator", 49, 45) == ""
    assert judged("proportion", "both", 60, 55, public=True) == ""


def test_a_hidden_count_must_keep_its_width_and_the_values_that_would_be_shown():
    few = judge_indicator("proportion", "both", {"n": 6, "numerator": 3}, 6, LIMITS)
    assert few.needs == {"n": Need(5, 10), "numerator": Need(5, 5), "complement": Need(5, 5)}
    side = judge_indicator("proportion", "both", {"n": 80, "numerator": 78}, 80, LIMITS)
    assert side.needs == {"complement": Need(5, 5)}
    everybody = judge_indicator("proportion", "both", {"n": 80, "numerator": 80}, 80, LIMITS)
    assert everybody.needs == {"complement": Need(5, 5)}
    residents = judge_indicator("rate", "numerator", {"n": 9, "numerator": 7}, 9, LIMITS)
    assert residents.needs == {"numerator": Need(5)}


@pytest.mark.parametrize(
    ("improved", "stable", "worsened", "persons", "rule"),
    [
        (20, 20, 10, 50, ""),
        (20, 20, 10, 9, "P1"),
        (3, 3, 3, 9, "P1"),
        (20, 26, 4, 50, "P3"),
        (20, 30, 0, 50, ""),
        (50, 0, 0, 50, "P4"),
        (0, 0, 0, 0, ""),
    ],
)
def test_outcomes_are_hidden_together(improved, stable, worsened, persons, rule):
    counts = {"n": improved + stable + worsened, "improved": improved, "stable": stable, "worsened": worsened}
    assert judge_categories(counts, persons, LIMITS).rule == rule


def test_one_outcome_of_a_small_group_may_not_be_nearly_everybody_for_the_public():
    counts = {"n": 45, "improved": 41, "stable": 4, "worsened": 0}
    assert judge_categories({**counts, "improved": 40, "stable": 5}, 45, LIMITS, public=True).rule == ""
    counts = {"n": 58, "improved": 53, "stable": 5, "worsened": 0}
    assert judge_categories(counts, 58, LIMITS, public=True).rule == ""
    counts = {"n": 49, "improved": 45, "stable": 4, "worsened": 0}
    assert judge_categories(counts, 49, LIMITS, public=True).rule == "P3"


@pytest.mark.parametrize(
    ("part", "whole", "rule"),
    [(5, 10, ""), (5, 9, "P1"), (4, 40, "P3"), (36, 40, "P3"), (0, 40, "P4"), (40, 40, "P4"), (0, 0, "P1")],
)
def test_a_share_needs_enough_people_on_both_sides(part, whole, rule):
    assert judge_share(part, whole, LIMITS) == rule


def test_growth_of_a_cumulative_count_is_a_count_of_people():
    assert increment_needs(LIMITS, "n", 1, True) == Need(5, 10)
    assert increment_needs(LIMITS, "n", 9, True) == Need(5, 10)
    assert increment_needs(LIMITS, "n", 10, True) is None
    assert increment_needs(LIMITS, "n", 0, True) is None
    assert increment_needs(LIMITS, "n", -3, True) == Need(5)
    assert increment_needs(LIMITS, "numerator", 4, True) == Need(5, 5)
    assert increment_needs(LIMITS, "numerator", 4, False) is None
    assert increment_needs(LIMITS, "numerator", 5, True) is None


def test_a_half_year_without_a_threshold_is_refused():
    thresholds = pd.read_csv(SEEDS / "thresholds.csv")
    left = thresholds[thresholds["threshold_code"] != "minimum_persons"]
    with pytest.raises(ValueError, match="0 values of threshold minimum_persons hold at the end of 2024-H2"):
        limits_of(left)("2024-H2")
