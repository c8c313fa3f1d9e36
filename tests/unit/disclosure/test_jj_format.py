"""Problems in the JJ format of τ-Argus are read as they are written, and solved or safely given up."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from jj_format import numbered, read_jj, write_jj
from suppression_judge import open_cells
from suppression_tables import counts, half_years, shared_people, table

from pipeline.disclosure.pattern import cheapest_pattern
from pipeline.disclosure.problem import Cell, Equation, Status

INSTANCES = Path(__file__).parent / "jj"


def _read(name: str):
    return read_jj((INSTANCES / f"{name}.jj").read_text())


def test_cells_are_read_with_bounds_and_levels():
    problem = _read("investment")
    assert problem.cells[11] == Cell(11, 22, 22, Status.MUST_HIDE, 0, 44, 5, 8, 0)
    assert problem.cells[0] == Cell(0, 190, 190, Status.MAY_HIDE, 0, 380)
    assert len(problem.equations) == 8
    assert Equation(((0, 1), (1, -1), (2, -1), (3, -1))) in problem.equations


def test_decimals_are_read_in_their_smallest_unit_and_levels_rounded_up():
    text = "0\n2\n0 2.5 1 u 0 9 0.25 0.14 0\n1 2.5 1 s 0 9 0 0 0\n1\n0.0 2 : 0 (1) 1 (-1)\n"
    assert read_jj(text).cells[0] == Cell(0, 25, 1, Status.MUST_HIDE, 0, 90, 3, 2, 0)


@pytest.mark.parametrize(
    "text",
    [
        "1\n1\n0 1 1 s 0 2 0 0 0\n0\n",
        "0\n1\n0 1 1 s 0 2\n0\n",
        "0\n1\n0 1 1 q 0 2 0 0 0\n0\n",
        "0\n2\n0 1 1 s 0 2 0 0 0\n1 1 1 s 0 2 0 0 0\n1\n0 3 : 0 (1) 1 (-1)\n",
    ],
)
def test_what_is_not_the_format_is_refused(text):
    with pytest.raises(ValueError):
        read_jj(text)


@pytest.mark.parametrize(
    "problem", [table(counts((2, 3), 4)), half_years(2, 3, 5), shared_people(3, 2, 6)], ids=["table", "chain", "shared"]
)
def test_what_is_written_is_read_again(problem):
    plain = numbered(problem)
    again = read_jj(write_jj(plain))
    assert [(c.key, c.value, c.weight, c.status) for c in again.cells] == [
        (c.key, c.value, c.weight, c.status) for c in plain.cells
    ]
    assert again.equations == plain.equations
    assert cheapest_pattern(again).secondary == cheapest_pattern(plain).secondary


# The table of investments is the example of Fischetti & Salazar-González (2001).
@pytest.mark.parametrize(
    ("name", "secondary", "lost"),
    [("investment", {9, 13, 15}, set()), ("half_years", {1, 4}, set()), ("given_away", set(), {1})],
)
def test_instances_are_solved(name, secondary, lost):
    problem = _read(name)
    pattern = cheapest_pattern(problem)
    assert set(pattern.secondary) == secondary
    assert {cell.key for cell in pattern.unprotectable} == set(open_cells(problem, set(pattern.hidden))) == lost
    for cheaper in _patterns_below(problem, pattern.objective):
        assert open_cells(problem, cheaper), cheaper


def _patterns_below(problem, cost: int):
    """Every pattern that weighs less."""
    primary = {cell.key for cell in problem.cells if cell.status is Status.MUST_HIDE}
    free = [cell for cell in problem.cells if cell.status is Status.MAY_HIDE and cell.weight < cost]
    for size in range(len(free) + 1):
        for chosen in combinations(free, size):
            if sum(cell.weight for cell in chosen) < cost:
                yield primary | {cell.key for cell in chosen}
