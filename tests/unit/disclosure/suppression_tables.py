"""Problems to solve: the shapes that municipal figures come in, made by chance from a seed."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from pipeline.disclosure.problem import Cell, Equation, Problem, Status, protection_levels

THRESHOLD = 10
WIDTH = 5
NO_LEVELS = dict.fromkeys(("lower_level", "upper_level", "sliding_level"), 0)


def cell(key: str, value: int, weight: int | None = None, **more) -> Cell:
    """A count: small ones are hidden, nobody is known, and large ones are dearer."""
    if 0 < value < THRESHOLD:
        return Cell(key, value, 1, Status.MUST_HIDE, **protection_levels(value, WIDTH, THRESHOLD), **more)
    if value == 0:
        return Cell(key, 0, 1, Status.KNOWN, **more)
    return Cell(key, value, weight or int(value).bit_length(), **more)


def total(whole: str, parts: list[str]) -> Equation:
    """Parts that add up to a whole."""
    return Equation(((whole, 1), *((part, -1) for part in parts)))


def name(index: tuple[int, ...]) -> str:
    """The key of a cell of a table; 0 is the total of a dimension."""
    return ".".join(f"{at:03d}" for at in index)


def table(counts: np.ndarray, make=cell, prefix: str = "") -> Problem:
    """A table of any number of dimensions with all its totals."""
    for axis in range(counts.ndim):
        counts = np.concatenate([counts.sum(axis=axis, keepdims=True), counts], axis=axis)
    cells = [make(prefix + name(index), int(counts[index])) for index in np.ndindex(counts.shape)]
    equations = []
    for axis in range(counts.ndim):
        for index in np.ndindex(tuple(1 if at == axis else size for at, size in enumerate(counts.shape))):
            line = [(*index[:axis], at, *index[axis + 1 :]) for at in range(counts.shape[axis])]
            equations.append(total(prefix + name(line[0]), [prefix + name(at) for at in line[1:]]))
    return Problem(tuple(cells), tuple(equations))


def counts(shape: tuple[int, ...], seed: int, mean: float = 30.0) -> np.ndarray:
    """Skewed counts: many small, few large."""
    return np.random.default_rng(seed).geometric(1 / mean, size=shape) - 1


def together(*problems: Problem) -> Problem:
    """One problem of several that share cells."""
    cells = {cell.key: cell for problem in problems for cell in problem.cells}
    return Problem(tuple(cells.values()), tuple(equation for problem in problems for equation in problem.equations))


def half_years(districts: int, periods: int, seed: int, mean: float = 6.0, make=cell) -> Problem:
    """Cumulative figures per district and municipality, with the increase of each half-year as a cell of its own."""
    new = counts((districts, periods), seed, mean)
    cells, equations = [], []
    areas = [f"d{at:02d}" for at in range(districts)]
    for area, values in [*zip(areas, new, strict=True), ("gm", new.sum(axis=0))]:
        running = values.cumsum()
        for period in range(periods):
            cells.append(make(f"{area}.so_far.{period:02d}", int(running[period])))
            if period:
                cells.append(make(f"{area}.new.{period:02d}", int(values[period])))
        for before, period in pairwise(range(periods)):
            parts = [f"{area}.so_far.{before:02d}", f"{area}.new.{period:02d}"]
            equations.append(total(f"{area}.so_far.{period:02d}", parts))
    for period in range(periods):
        for kind in ("so_far", "new") if period else ("so_far",):
            ends = f"{kind}.{period:02d}"
            equations.append(total(f"gm.{ends}", [f"{area}.{ends}" for area in areas]))
    return Problem(tuple(cells), tuple(equations))


def shared_people(districts: int, indicators: int, seed: int, mean: float = 40.0, make=cell) -> Problem:
    """Indicators on the same people: numerator and complement add up to one n, districts to the municipality."""
    generator = np.random.default_rng(seed)
    people = generator.geometric(1 / mean, size=districts)
    areas = [f"d{at:02d}" for at in range(districts)]
    figures = {"n": people}
    for at in range(indicators):
        yes = generator.binomial(people, generator.uniform(0.05, 0.95))
        figures[f"i{at:02d}.yes"], figures[f"i{at:02d}.no"] = yes, people - yes
    cells, equations = [], []
    for figure, values in figures.items():
        for area, value in [*zip(areas, values, strict=True), ("gm", values.sum())]:
            cells.append(make(f"{area}.{figure}", int(value)))
        equations.append(total(f"gm.{figure}", [f"{area}.{figure}" for area in areas]))
    for at in range(indicators):
        for area in [*areas, "gm"]:
            equations.append(total(f"{area}.n", [f"{area}.i{at:02d}.yes", f"{area}.i{at:02d}.no"]))
    return Problem(tuple(cells), tuple(equations))


def sums_and_differences(seed: int) -> Problem:
    """A few counts, and figures derived from them with coefficients from -2 to 2."""
    generator = np.random.default_rng(seed)
    base, derived = int(generator.integers(3, 6)), int(generator.integers(2, 7))
    values = generator.integers(0, 9, size=base).tolist()
    equations = []
    for _ in range(derived):
        take = generator.choice(len(values), size=min(len(values), int(generator.integers(2, 4))), replace=False)
        coefficients = generator.choice([-2, -1, 1, 1, 1, 1], size=len(take))
        values.append(int(sum(c * values[at] for at, c in zip(take, coefficients, strict=True))))
        terms = [(f"c{at:02d}", int(c)) for at, c in zip(take, coefficients, strict=True)]
        equations.append(Equation((*terms, (f"c{len(values) - 1:02d}", -1))))
    return Problem(
        tuple(small_cell(f"c{at:02d}", value, generator) for at, value in enumerate(values)), tuple(equations)
    )


def small_cell(key: str, value: int, generator: np.random.Generator) -> Cell:
    """A cell with narrow bounds, any status and low levels, so that all its moves can be counted out."""
    status = generator.choice(
        [Status.MUST_HIDE, Status.MAY_HIDE, Status.MUST_SHOW, Status.KNOWN], p=[0.25, 0.6, 0.08, 0.07]
    )
    down, up = (int(generator.integers(1, 4)) for _ in range(2))
    levels = _levels(down, up, generator) if status == Status.MUST_HIDE else NO_LEVELS
    return Cell(key, value, int(generator.integers(1, 8)), Status(status), value - down, value + up, **levels)


def in_rows(problem: Problem, seed: int) -> Problem:
    """The same relations, the cells published in a few rows at random."""
    generator = np.random.default_rng(seed)
    rows = int(generator.integers(2, 8))
    statuses = [Status(generator.choice(list(Status), p=[0.3, 0.55, 0.1, 0.05])) for _ in range(rows)]
    cells = []
    for made in problem.cells:
        row = int(generator.integers(rows))
        levels = _levels(made.value - made.lower, made.upper - made.value, generator)
        cells.append(
            replace(made, row=row, status=statuses[row], **(levels if statuses[row] is Status.MUST_HIDE else NO_LEVELS))
        )
    return Problem(tuple(cells), problem.equations)


def areas_in_rows(seed: int) -> Problem:
    """Two or three areas and their sum, one or two indicators: rows of people, numerator and mostly a complement.

    People of both indicators may be the same and one numerator may lie within the other (a free slack); bounds may be
    negative; not every cell of a row that must be hidden needs protection; of a row only one cell need weigh anything.
    """
    generator = np.random.default_rng(seed)
    areas, kinds = int(generator.integers(2, 4)), int(generator.integers(1, 3))
    with_complement = generator.random() < 0.7
    people = generator.integers(2, 7, size=areas)
    cells, equations = {}, []
    for kind in range(kinds):
        numerator = generator.binomial(people, 0.5)
        figures = {"n": people, "yes": numerator} | ({"no": people - numerator} if with_complement else {})
        for area in range(areas + 1):
            status = Status(generator.choice(["must_hide", "may_hide", "must_show"], p=[0.3, 0.6, 0.1]))
            for figure, values in figures.items():
                value = int(values.sum() if area == areas else values[area])
                key, down, up = f"{kind}.{figure}.{area}", *(int(far) for far in generator.integers(1, 3, size=2))
                needs = status is Status.MUST_HIDE and generator.random() < 0.6
                levels = _levels(down, up, generator) if needs else NO_LEVELS
                weight = int(generator.integers(1, 8)) if figure == "n" else int(generator.integers(0, 3))
                cells[key] = Cell(key, value, weight, status, value - down, value + up, row=f"{kind}:{area}", **levels)
            if with_complement:
                equations.append(total(f"{kind}.n.{area}", [f"{kind}.yes.{area}", f"{kind}.no.{area}"]))
        for figure in figures:
            equations.append(total(f"{kind}.{figure}.{areas}", [f"{kind}.{figure}.{area}" for area in range(areas)]))
    for area in range(areas + 1) if kinds == 2 else ():
        if generator.random() < 0.7:
            equations.append(total(f"0.n.{area}", [f"1.n.{area}"]))
        if generator.random() < 0.3:
            apart = cells[f"0.yes.{area}"].value - cells[f"1.yes.{area}"].value
            slack = Cell(f"slack.{area}", apart, 1, Status.MUST_HIDE, min(0, apart), apart + 3)
            cells[slack.key] = slack
            equations.append(total(f"0.yes.{area}", [f"1.yes.{area}", slack.key]))
    return Problem(tuple(cells.values()), tuple(equations))


def _levels(down: int, up: int, generator: np.random.Generator) -> dict[str, int]:
    """Levels that the cell's own bounds allow."""
    return {
        "lower_level": int(generator.integers(0, down + 1)),
        "upper_level": int(generator.integers(0, up + 1)),
        "sliding_level": int(generator.integers(0, down + up + 1)),
    }
