"""Controlled rounding: additive, as close as can be, the same every time, and refused where there is none."""

from __future__ import annotations

import random
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.disclosure.controlled_rounding import NoRounding, rounded

SHAPES = [(1,), (3,), (5,), (2, 2), (2, 3), (3, 3), (2, 2, 2)]


def _with_totals(inner: np.ndarray) -> np.ndarray:
    """A table of any number of dimensions with all its totals, at place 0."""
    for axis in range(inner.ndim):
        inner = np.concatenate([inner.sum(axis=axis, keepdims=True), inner], axis=axis)
    return inner


def _problem(inner: np.ndarray) -> tuple[list, list]:
    """Cells and equations: each total is the sum of its line."""
    full = _with_totals(inner)
    equations = []
    for axis in range(full.ndim):
        for line in product(*(range(1 if at == axis else size) for at, size in enumerate(full.shape))):
            cells = [(*line[:axis], at, *line[axis + 1 :]) for at in range(full.shape[axis])]
            equations.append({cells[0]: 1, **dict.fromkeys(cells[1:], -1)})
    return [(index, int(full[index])) for index in np.ndindex(full.shape)], equations


def _least_distance(inner: np.ndarray, base: int, within: int) -> int | None:
    """The total distance of the best of all roundings less than ``within`` away, by trying them."""
    flat = inner.ravel()
    allowed = [[each for each in range(0, value + within, base) if abs(each - value) < within] for value in flat]
    tried = np.array(list(product(*allowed))).T.reshape(*inner.shape, -1)
    target = _with_totals(inner)[..., np.newaxis]
    found = tried
    for axis in range(inner.ndim):
        found = np.concatenate([found.sum(axis=axis, keepdims=True), found], axis=axis)
    away = np.abs(found - target).reshape(-1, tried.shape[-1])
    fits = (away < within).all(axis=0)
    return int(away[:, fits].sum(axis=0).min()) if fits.any() else None


def _distances(cells: list, answer: dict) -> list[int]:
    return [abs(answer[key] - value) for key, value in cells]


@st.composite
def tables(draw) -> np.ndarray:
    shape = draw(st.sampled_from(SHAPES))
    count = int(np.prod(shape))
    return np.array(draw(st.lists(st.integers(0, 23), min_size=count, max_size=count))).reshape(shape)


@settings(max_examples=60, deadline=None)
@given(tables(), st.sampled_from([2, 3, 5]))
def test_it_is_the_closest_of_all_roundings_and_adds_up(inner, base):
    cells, equations = _problem(inner)
    best = _least_distance(inner, base, base)
    answer = rounded(cells, equations, base)
    distances = _distances(cells, answer)
    assert all(each % base == 0 and each >= 0 for each in answer.values())
    assert all(sum(c * answer[key] for key, c in terms.items()) == 0 for terms in equations)
    if best is not None:
        assert max(distances) < base
        assert sum(distances) == best
    else:
        assert inner.ndim == 3
        assert base <= max(distances) < 2 * base
        assert sum(distances) == _least_distance(inner, base, 2 * base)


def test_districts_and_their_municipality_worked_by_hand():
    # 12 + 8 + 3 = 23: to the nearest would be 10 + 10 + 5 = 25, which already adds up
    cells = [("GM", 23), ("a", 12), ("b", 8), ("c", 3)]
    districts = [{"GM": 1, "a": -1, "b": -1, "c": -1}]
    assert rounded(cells, districts, 5) == {"GM": 25, "a": 10, "b": 10, "c": 5}
    # 6 + 6 + 6 = 18: to the nearest 5 + 5 + 5 is not 20; one district gives way
    answer = rounded([("GM", 18), ("a", 6), ("b", 6), ("c", 6)], districts, 5)
    assert sorted(answer.values()) in ([5, 5, 5, 15], [5, 5, 10, 20])
    assert answer["GM"] == answer["a"] + answer["b"] + answer["c"]
    assert sum(_distances([("GM", 18), ("a", 6), ("b", 6), ("c", 6)], answer)) == 6


def test_multiples_stay_and_nobody_stays_nobody():
    cells = [("GM", 40), ("a", 0), ("b", 25), ("c", 15)]
    assert rounded(cells, [{"GM": 1, "a": -1, "b": -1, "c": -1}], 5) == dict(cells)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=6))
def test_numerator_and_complement_add_up_to_n_in_each_district_and_the_municipality(districts):
    full = [*districts, tuple(map(sum, zip(*districts, strict=True)))]
    cells = [((at, part), int(v)) for at, (x, y) in enumerate(full) for part, v in (("x", x), ("y", y), ("n", x + y))]
    equations = [{(at, "n"): 1, (at, "x"): -1, (at, "y"): -1} for at in range(len(full))]
    last = len(full) - 1
    for part in "xyn":
        equations.append({(last, part): 1, **{(at, part): -1 for at in range(last)}})
    answer = rounded(cells, equations, 5)
    assert max(_distances(cells, answer)) < 5
    assert all(sum(c * answer[key] for key, c in terms.items()) == 0 for terms in equations)


def test_the_order_of_cells_and_equations_does_not_matter():
    inner = np.random.default_rng(4).integers(0, 40, size=(6, 5))
    cells, equations = _problem(inner)
    first = rounded(cells, equations, 5)
    for seed in range(3):
        shuffle = random.Random(seed).shuffle
        shuffle(cells)
        shuffle(equations)
        turned = [dict(reversed(terms.items())) for terms in equations]
        assert rounded(cells, [*turned, turned[0]], 5) == first


def test_three_dimensions_may_need_the_next_multiple():
    # of all 2^8 roundings of the eight counts none has every total less than 2 away
    inner = np.array([[[0, 3], [5, 5]], [[2, 4], [4, 3]]])
    assert _least_distance(inner, 2, 2) is None
    cells, equations = _problem(inner)
    distances = _distances(cells, rounded(cells, equations, 2))
    assert (max(distances), sum(distances)) == (2, _least_distance(inner, 2, 4))


def test_a_negative_change_rounds_too_and_a_count_never_goes_below_nobody():
    assert rounded([("change", -3), ("new", 9), ("old", 12)], [{"new": 1, "old": -1, "change": -1}], 5) == {
        "change": -5,
        "new": 10,
        "old": 15,
    }


def test_where_no_rounding_exists_it_says_so_without_a_count():
    # a hundred times one person: 0 or 5 persons are 0 or 500
    with pytest.raises(NoRounding, match="no additive rounding to 5 of these 2 cells"):
        rounded([("a", 1), ("b", 100)], [{"b": 1, "a": -100}], 5)


def test_what_is_not_a_problem_is_refused_without_a_count():
    with pytest.raises(ValueError, match="1 keys occur more than once"):
        rounded([("a", 3), ("a", 3)], [], 5)
    with pytest.raises(ValueError, match="equations name 1 cells that do not exist"):
        rounded([("a", 3)], [{"a": 1, "b": -1}], 5)
    with pytest.raises(ValueError, match="an equation does not hold on the counts"):
        rounded([("a", 3), ("b", 7)], [{"a": 1, "b": -1}], 5)
    with pytest.raises(ValueError, match="at least 2"):
        rounded([("a", 3)], [], 1)


def test_cells_without_equations_go_to_the_nearest():
    assert rounded([("a", 3), ("b", 7)], [], 5) == {"a": 5, "b": 5}
    assert rounded([], [], 5) == {}
