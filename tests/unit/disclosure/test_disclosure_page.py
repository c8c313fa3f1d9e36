"""The tables of ``docs/methods/disclosure.md`` are what the product computes, and its subtractions are right."""

from __future__ import annotations

import re

import pytest

from pipeline.disclosure.controlled_rounding import rounded
from pipeline.disclosure.pattern import cheapest_pattern
from pipeline.disclosure.problem import Cell, Equation, Problem, Status, protection_levels
from pipeline.settings import PROJECT_ROOT

PAGE = (PROJECT_ROOT / "docs" / "methods" / "disclosure.md").read_text(encoding="utf-8")
TABLES = [
    re.findall(r"^\| (\w+) \| (\d+) \| (\w*) ?\|$", table, re.MULTILINE)
    for table in re.findall(r"\| area \| n \| rule \|\n((?:\|.*\n)+)", PAGE)
]
T, WIDTH = 10, 5


def _cells(table: list[tuple[str, str, str]]) -> list[Cell]:
    return [
        Cell(area, int(n), status=Status.MUST_HIDE, **protection_levels(int(n), WIDTH, T))
        if int(n) < T
        else Cell(area, int(n), weight=int(n))
        for area, n, _ in table
    ]


def _sum(table: list[tuple[str, str, str]]) -> Equation:
    (whole, *_), *parts = table
    return Equation(((whole, 1), *((area, -1) for area, *_ in parts)))


def test_the_page_has_two_tables_of_five_districts():
    assert [len(table) for table in TABLES] == [6, 6]


@pytest.mark.parametrize("table", TABLES, ids=["one", "two"])
def test_the_page_hides_what_the_cheapest_pattern_hides(table):
    pattern = cheapest_pattern(Problem(tuple(_cells(table)), (_sum(table),)))
    assert {area for area, _, rule in table if rule == "P1"} == {area for area, n, _ in table if int(n) < T}
    assert set(pattern.secondary) == {area for area, _, rule in table if rule == "D5"}
    assert not pattern.unprotectable


@pytest.mark.parametrize("table", TABLES, ids=["one", "two"])
def test_its_subtractions_are_those_of_its_tables(table):
    shown = [int(n) for area, n, rule in table[1:] if not rule]
    alone = [int(n) for _, n, rule in table[1:] if rule != "P1"]
    hidden = int(table[0][1]) - sum(shown)
    by_rule = int(table[0][1]) - sum(alone)
    assert f"{table[0][1]} − {' − '.join(map(str, alone))} = {by_rule}" in PAGE
    assert hidden == sum(int(n) for _, n, rule in table[1:] if rule)
    # P7 by hand: from 0 to what is left for all hidden districts together
    assert hidden + 1 >= WIDTH and hidden >= T
    assert by_rule < T


def test_rounding_each_to_the_nearest_need_not_add_up_but_controlled_rounding_does():
    assert "three districts of 6\nare 5 each, but 18 is 20" in PAGE
    answer = rounded([("whole", 18), *((each, 6) for each in "abc")], [{"whole": 1, "a": -1, "b": -1, "c": -1}], 5)
    assert answer["whole"] == answer["a"] + answer["b"] + answer["c"]


def test_each_threshold_that_the_page_names_exists():
    named = set(re.findall(r"`((?:minimum|protection|rounding|dominance)_\w+)`", PAGE))
    seeds = (PROJECT_ROOT / "seeds" / "thresholds.csv").read_text(encoding="utf-8")
    assert named == {
        "minimum_persons",
        "minimum_small_side",
        "protection_width",
        "rounding_base",
        "rounding_instead_share",
        "dominance_share",
    }
    assert all(f"\n{code}," in seeds for code in named)


def test_its_rounded_table_adds_up_and_lies_within_the_base():
    table = [
        tuple(map(int, row))
        for row in re.findall(r"^\| (?:\w+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", PAGE, re.MULTILINE)
    ]
    whole, *parts = table
    assert len(parts) == 4 and tuple(map(sum, zip(*parts, strict=True))) == whole
    for n, shown_n, numerator, shown in table:
        assert shown_n % 5 == shown % 5 == 0
        assert max(abs(shown_n - n), abs(shown - numerator), abs(shown_n - shown - n + numerator)) < 5
