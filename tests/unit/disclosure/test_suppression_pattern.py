"""The cheapest safe pattern: equal to the best of all patterns, safe in other hands, the same every time."""

from __future__ import annotations

import random

import numpy as np
import pytest
from suppression_judge import Enumeration, interval, open_cells
from suppression_tables import (
    cell,
    counts,
    half_years,
    shared_people,
    small_cell,
    sums_and_differences,
    table,
    together,
    total,
)

from pipeline.disclosure.pattern import cheapest_pattern
from pipeline.disclosure.problem import Cell, Equation, Problem, Status, protection_levels


def _hidden(value: int, key: str = "a", **more) -> Cell:
    return Cell(key, value, status=Status.MUST_HIDE, **protection_levels(value, 5, 10), **more)


def _small(shape: tuple[int, ...], seed: int) -> Problem:
    generator = np.random.default_rng(seed)
    return table(generator.integers(0, 6, size=shape), lambda key, value: small_cell(key, value, generator))


def _linked(seed: int) -> Problem:
    """Two tables that share the counts per district."""
    generator = np.random.default_rng(seed)
    n = generator.integers(2, 7, size=2)
    first = generator.binomial(n, 0.5)
    second = generator.binomial(n, 0.5)

    def make(key: str, value: int) -> Cell:
        return small_cell(key, value, np.random.default_rng([seed, *key.encode()]))

    sides = []
    for letter, part in (("a", first), ("b", second)):
        both = table(np.stack([part, n - part], axis=1), make, letter)
        shared = {letter + f"{at:03d}.000": f"n{at:03d}" for at in range(3)}
        cells = tuple(make(shared[c.key], c.value) if c.key in shared else c for c in both.cells)
        equations = tuple(
            Equation(tuple((shared.get(key, key), c) for key, c in equation.terms)) for equation in both.equations
        )
        sides.append(Problem(cells, equations))
    return together(*sides)


SMALL = {
    "relations": sums_and_differences,
    "one_way": lambda seed: _small((4,), seed),
    "two_way": lambda seed: _small((2, 3), seed),
    "three_way": lambda seed: _small_three_way(seed),
    "linked": _linked,
}


def _small_three_way(seed: int) -> Problem:
    """Two by two by two; of the totals only a few may be hidden, as all patterns must be counted out."""
    generator = np.random.default_rng(seed)

    def make(key: str, value: int) -> Cell:
        made = small_cell(key, value, generator)
        if "000" in key and generator.random() < 0.6:
            return Cell(key, value, status=Status.MUST_SHOW)
        return made

    return table(generator.integers(0, 6, size=(2, 2, 2)), make)


@pytest.mark.parametrize("shape", SMALL)
def test_nothing_cheaper_is_safe(shape):
    compared = 0
    for seed in range(60):
        problem = SMALL[shape](seed)
        judge_size = sum(c.status is Status.MAY_HIDE for c in problem.cells)
        if judge_size > 14 or not any(c.status is Status.MUST_HIDE for c in problem.cells):
            continue
        judge = Enumeration(problem)
        pattern = cheapest_pattern(problem)
        assert judge.is_safe(set(pattern.secondary)), seed
        assert pattern.objective == judge.optimum() == pattern.bound, seed
        assert {lost.key for lost in pattern.unprotectable} == judge.unprotectable(), seed
        compared += 1
    assert compared > 20
