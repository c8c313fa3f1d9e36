"""The statement of a suppression problem: refused when it cannot be true, and cut down to what matters."""

from __future__ import annotations

import numpy as np
import pytest
from suppression_tables import cell, counts, shared_people, table, total

from pipeline.disclosure.problem import (
    Cell,
    Equation,
    Problem,
    Status,
    Unprotectable,
    independent_rows,
    protection_levels,
)


@pytest.mark.parametrize(("value", "upper"), [(1, 9), (9, 1), (10, 0), (40, 0)])
def test_levels_leave_five_whole_numbers_and_what_may_be_shown(value, upper):
    assert protection_levels(value, 5, 10) == {"lower_level": 0, "upper_level": upper, "sliding_level": 4}


@pytest.mark.parametrize(
    ("cells", "equations", "says"),
    [
        ((Cell("a", 1), Cell("a", 2)), (), "more than once"),
        ((Cell("a", 5, upper=4),), (), "outside its own bounds"),
        ((Cell("a", -1),), (), "outside its own bounds"),
        ((Cell("a", 5, weight=0),), (), "weight"),
        ((Cell("a", 5, weight=-1), Cell("b", 5, weight=3)), (), "negative weight"),
        ((Cell("a", 5, 0, row="r"), Cell("b", 7654, 0, row="r")), (), "row 'r' may be hidden"),
        ((Cell("a", 5, row="r"), Cell("b", 7654, status=Status.MUST_HIDE, row="r")), (), "row 'r' has cells that"),
        ((Cell("a", 5, row="r"), Cell("b", 7654, status=Status.KNOWN, row="r")), (), "row 'r' has cells that"),
        ((Cell("a", 5), Cell("b", 7654, row="a")), (), "row 'a' has the name of a cell"),
        ((Cell("a", 5, upper_level=-1),), (), "negative"),
        ((Cell("a", 5), Cell("b", 7654)), (Equation((("a", 1), ("b", -1))),), "does not hold"),
        ((Cell("a", 5),), (Equation((("a", 1), ("b", -1))),), "does not exist"),
        ((Cell("a", 5),), (Equation((("a", 1), ("a", -1))),), "twice"),
    ],
)
def test_what_cannot_be_is_refused_without_telling_a_value(cells, equations, says):
    with pytest.raises(ValueError, match=says) as refusal:
        Problem(cells, equations)
    assert "7654" not in str(refusal.value)


def test_one_equation_in_other_words_is_one_equation():
    cells = (Cell("a", 3), Cell("b", 5), Cell("c", 8))
    equations = (total("c", ["a", "b"]), Equation((("b", -2), ("a", -2), ("c", 2))), Equation((("a", 0), ("b", 0))))
    assert len(Problem(cells, equations).equations) == 1


def test_cells_that_do_not_meet_are_solved_apart():
    parts = [table(counts((2, 2), seed, 12), prefix=prefix) for seed, prefix in ((1, "a"), (2, "b"))]
    cells = tuple(made for part in parts for made in part.cells)
    components, lost = Problem(cells, tuple(e for part in parts for e in part.equations)).components()
    assert lost == []
    assert [{key[0] for key in component.keys} for component in components] == [{"a"}, {"b"}]


def test_cells_that_meet_only_in_a_row_are_solved_together():
    """As long as hiding the row is a choice; a row that must be hidden ties nothing."""
    sums = (total("gm.n", ["a.n", "b.n"]), total("gm.yes", ["a.yes", "b.yes"]))

    def problem(status: Status) -> Problem:
        rows = {"a": (3, 2, Status.MUST_HIDE), "b": (30, 12, status), "gm": (33, 14, Status.MAY_HIDE)}
        cells = []
        for area, (people, yes, may) in rows.items():
            needs = {"sliding_level": 4} if area == "a" else {}
            cells += [Cell(f"{area}.n", people, 1, may, row=area if area == "b" else None, **needs)]
            cells += [Cell(f"{area}.yes", yes, 1, may, row=area if area == "b" else None, **needs)]
        return Problem(tuple(cells), sums)

    (component,), _ = problem(Status.MAY_HIDE).components()
    assert component.row_keys == ("a.n", "a.yes", "b", "gm.n", "gm.yes")
    assert component.row.tolist() == [0, 1, 2, 2, 3, 4]
    assert component.weights.tolist() == [0, 0, 2, 1, 1]
    apart, _ = problem(Status.MUST_HIDE).components()
    assert [component.keys for component in apart] == [("a.n", "b.n", "gm.n"), ("a.yes", "b.yes", "gm.yes")]


def test_shown_and_known_cells_may_share_a_row():
    Problem((Cell("a", 5, status=Status.MUST_SHOW, row="r"), Cell("b", 6, status=Status.KNOWN, row="r")), ())


def test_components_without_a_small_cell_need_no_search():
    components, _ = Problem((cell("a", 30), cell("b", 20), cell("c", 50)), (total("c", ["a", "b"]),)).components()
    assert components == []


def test_a_cell_that_follows_from_what_is_known_is_lost():
    """b follows from the first equation, and then a from the second, whatever is hidden."""
    cells = (cell("a", 4), Cell("b", 30), Cell("c", 34, status=Status.MUST_SHOW), Cell("d", 30, status=Status.KNOWN))
    components, lost = Problem(cells, (total("c", ["a", "b"]), total("d", ["b"]))).components()
    assert components == []
    assert [made.key for made in lost] == ["a"]


def test_a_cell_that_nothing_is_said_of_needs_only_its_own_bounds():
    wide = Cell("a", 4, status=Status.MUST_HIDE, upper_level=6, sliding_level=4)
    narrow = Cell("b", 4, status=Status.MUST_HIDE, upper=6, sliding_level=7)
    components, lost = Problem((wide, narrow), ()).components()
    assert components == []
    assert lost == [Unprotectable("b", 0, 6)]


@pytest.mark.parametrize("shape", [(2, 3), (3, 4), (2, 3, 2), (3, 3, 3)])
def test_what_follows_from_other_equations_is_left_out(shape):
    problem = table(counts(shape, 3, 200.0), lambda key, value: Cell(key, value))
    place = {made.key: at for at, made in enumerate(problem.cells)}
    rows = [{place[key]: c for key, c in equation.terms} for equation in problem.equations]
    kept = independent_rows(rows)
    dense = np.zeros((len(rows), len(place)))
    for at, row in enumerate(rows):
        dense[at, list(row)] = list(row.values())
    assert len(kept) == np.linalg.matrix_rank(dense) == np.linalg.matrix_rank(dense[kept])


def test_equations_with_other_coefficients_are_compared_exactly():
    rows = [{0: 2, 1: 3}, {1: 3, 2: -5}, {0: 2, 1: 6, 2: -5}, {0: 2, 1: 6, 2: -4}]
    assert len(independent_rows(rows)) == 3


def test_moves_of_a_component_are_those_of_the_problem():
    problem = shared_people(3, 2, 4)
    (component,), _ = problem.components()
    value = {made.key: made.value for made in problem.cells}
    assert component.values.tolist() == [value[key] for key in component.keys]
    assert (component.down == component.values).all()
    assert set(component.keys) == {made.key for made in problem.cells if made.status is not Status.KNOWN}
