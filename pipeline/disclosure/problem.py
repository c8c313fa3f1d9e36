"""What must be protected: whole-number cells, the equations between them, and what each hidden cell needs.

Belongs here: the statement of one problem of complementary suppression, its checks, and what can be left out before
solving (known cells, determined cells, repeated and dependent equations). Does not belong here: which rule hides a
cell (the rules), the search for a pattern (``pattern``), and where cells come from.

An attacker knows the equations, every cell that is shown and, of every cell that is hidden, its bounds ``lower`` and
``upper``. What he can still believe about the hidden cells is written as moves from the truth: whole numbers, one for
each cell, that the equations send to zero. A shown cell has move 0.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from math import gcd

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

# Stands for no upper bound. A bound that the attacker does not have only makes him stronger, so a pattern that is safe
# with it is safe without; it costs optimality only where protecting one cell would move another by more than this.
NO_UPPER_BOUND = 1_000_000

# Row operations spent on looking for dependent equations; those not looked at are kept, which is always safe.
_ELIMINATION_BUDGET = 20_000_000

Ints = NDArray[np.int64]


class Status(StrEnum):
    """What may happen to a cell."""

    MUST_HIDE = "must_hide"
    MAY_HIDE = "may_hide"
    MUST_SHOW = "must_show"
    KNOWN = "known"


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure.

    Attributes:
        key: its name; keys of one problem can be sorted, and their order settles every choice.
        value: the true count.
        weight: what hiding it costs, at least 1 when it may be hidden.
        status: must_hide (a rule hides it), may_hide, must_show (published before), known (public, structural zero).
        lower: the least that an attacker who sees nothing would believe.
        upper: the most, None when there is none.
        lower_level: the attacker must believe in a value of at most ``value - lower_level``.
        upper_level: the attacker must believe in a value of at least ``value + upper_level``.
        sliding_level: his highest and lowest value must differ by at least this.
    """

    key: Hashable
    value: int
    weight: int = 1
    status: Status = Status.MAY_HIDE
    lower: int = 0
    upper: int | None = None
    lower_level: int = 0
    upper_level: int = 0
    sliding_level: int = 0


@dataclass(frozen=True, slots=True)
class Equation:
    """Sum of coefficient × cell = constant, in whole numbers.

    Attributes:
        terms: pairs of a cell's key and its coefficient; each cell once.
        constant: the right-hand side.
    """

    terms: tuple[tuple[Hashable, int], ...]
    constant: int = 0


@dataclass(frozen=True, eq=False)
class Component:
    """Cells that hang together, without what the attacker knows anyway; moves are zero at the truth.

    Attributes:
        keys: of the cells, in their order.
        values: the true counts.
        weights: cost of hiding; 0 for a primary cell, which is hidden whatever it costs.
        primary: which cells must be hidden.
        down: how far each cell can fall by its own bound.
        up: how far it can rise.
        lower_levels: required fall of a primary cell.
        upper_levels: required rise.
        sliding_levels: required distance between highest and lowest.
        matrix: linearly independent equations × cells; the moves it sends to zero are possible.
    """

    keys: tuple[Hashable, ...]
    values: Ints
    weights: Ints
    primary: NDArray[np.bool_]
    down: Ints
    up: Ints
    lower_levels: Ints
    upper_levels: Ints
    sliding_levels: Ints
    matrix: sparse.csr_array


@dataclass(frozen=True, eq=False)
class Problem:
    """Cells and equations, in an order that does not depend on how they were handed over.

    Attributes:
        cells: sorted by key.
        equations: without repeats.

    Raises:
        ValueError: for a key that occurs twice, an equation that does not hold on the true values, a value outside its
            own bounds, a weight below 1 on a cell that may be hidden, or a negative level. No value is shown.
    """

    cells: tuple[Cell, ...]
    equations: tuple[Equation, ...]

    def __post_init__(self) -> None:
        cells = tuple(sorted(self.cells, key=lambda cell: cell.key))
        place = {cell.key: at for at, cell in enumerate(cells)}
        if len(place) < len(cells):
            raise ValueError(f"{len(cells) - len(place)} keys occur more than once")
        for cell in cells:
            _check_cell(cell)
        object.__setattr__(self, "cells", cells)
        rows = [_checked_terms(equation, cells, place) for equation in self.equations]
        normal = sorted(
            {_normal(terms, equation.constant) for terms, equation in zip(rows, self.equations, strict=True)}
        )
        object.__setattr__(
            self,
            "equations",
            tuple(
                Equation(tuple((cells[at].key, c) for at, c in terms), constant) for terms, constant in normal if terms
            ),
        )

    def components(self) -> tuple[list[Component], list[Cell]]:
        """Split into what can be solved apart.

        Returns:
            The components that hold a primary cell, in order of their first cell; and the primary cells whose value
            follows from what the attacker knows, whatever is hidden.
        """
        place = {cell.key: at for at, cell in enumerate(self.cells)}
        hideable = {at for at, cell in enumerate(self.cells) if cell.status in (Status.MUST_HIDE, Status.MAY_HIDE)}
        rows = [{place[key]: c for key, c in equation.terms if place[key] in hideable} for equation in self.equations]
        determined = _drop_determined(rows)
        rows = _without_repeats(rows)
        found = []
        for members, equations in _connected(hideable - determined, rows):
            if any(self.cells[at].status is Status.MUST_HIDE for at in members):
                found.append(_component([self.cells[at] for at in members], members, equations))
        given_away = [self.cells[at] for at in sorted(determined) if self.cells[at].status is Status.MUST_HIDE]
        return found, given_away


def protection_levels(value: int, width: int, threshold: int) -> dict[str, int]:
    """Levels that keep a hidden count wide, and possibly large enough to be shown (rule P7).

    Args:
        value: the true count.
        width: how many whole numbers the attacker must be left with.
        threshold: the count from which a figure may be shown; one below it must not be known to be below it.

    Returns:
        ``lower_level``, ``upper_level`` and ``sliding_level`` for ``Cell``.
    """
    return {"lower_level": 0, "upper_level": max(0, threshold - value), "sliding_level": max(0, width - 1)}


def independent_rows(rows: list[dict[int, int]]) -> list[int]:
    """Which equations say something that the others do not.

    Exact elimination in whole numbers: to drop an equation that does say something would overrate the protection.

    Args:
        rows: column to coefficient, for each equation.

    Returns:
        Places of rows that span all of them; without repeats or dependent rows as far as the budget reaches.
    """
    kept, core = _peel(rows)
    often: dict[int, int] = {}
    for at in core:
        for column in rows[at]:
            often[column] = often.get(column, 0) + 1
    # Rare columns first: they give pivots that fill few other rows.
    rank = {column: place for place, column in enumerate(sorted(often, key=lambda column: (often[column], column)))}
    pivots: dict[int, dict[int, int]] = {}
    spent = 0
    for at in sorted(core, key=lambda at: (len(rows[at]), at)):
        row = {rank[column]: c for column, c in rows[at].items()}
        while row and spent < _ELIMINATION_BUDGET:
            first = min(row)
            pivot = pivots.get(first)
            if pivot is None:
                break
            spent += len(row) + len(pivot)
            row = _eliminated(row, pivot, first)
        if row:
            kept.append(at)
            pivots.setdefault(min(row), row)
    return sorted(kept)


def _check_cell(cell: Cell) -> None:
    """Refuse what cannot be a cell; the message names the cell, never its value."""
    if not cell.lower <= cell.value <= (cell.value if cell.upper is None else cell.upper):
        raise ValueError(f"cell {cell.key!r} lies outside its own bounds")
    if cell.status is Status.MAY_HIDE and cell.weight < 1:
        raise ValueError(f"cell {cell.key!r} may be hidden and needs a weight of at least 1")
    if min(cell.lower_level, cell.upper_level, cell.sliding_level) < 0:
        raise ValueError(f"cell {cell.key!r} has a negative protection level")


def _checked_terms(equation: Equation, cells: tuple[Cell, ...], place: dict[Hashable, int]) -> list[tuple[int, int]]:
    """Places and coefficients of an equation that holds on the truth, without zero coefficients."""
    terms: dict[int, int] = {}
    for key, coefficient in equation.terms:
        if key not in place:
            raise ValueError(f"an equation names a cell {key!r} that does not exist")
        if place[key] in terms:
            raise ValueError(f"an equation names cell {key!r} twice")
        terms[place[key]] = int(coefficient)
    if sum(c * cells[at].value for at, c in terms.items()) != equation.constant:
        raise ValueError(f"an equation on {[key for key, _ in equation.terms][:6]!r} does not hold on the true values")
    return sorted((at, c) for at, c in terms.items() if c)


def _normal(terms: list[tuple[int, int]], constant: int) -> tuple[tuple[tuple[int, int], ...], int]:
    """The same equation without a common factor, its first coefficient positive."""
    if not terms:
        return (), 0
    factor = gcd(*(c for _, c in terms)) * (1 if terms[0][1] > 0 else -1)
    return tuple((at, c // factor) for at, c in terms), constant // factor


def _drop_determined(rows: list[dict[int, int]]) -> set[int]:
    """Cells that are alone in an equation, again and again; they are taken out of the rows."""
    where: dict[int, list[int]] = {}
    for at, row in enumerate(rows):
        for column in row:
            where.setdefault(column, []).append(at)
    alone = [at for at, row in enumerate(rows) if len(row) == 1]
    determined: set[int] = set()
    while alone:
        row = rows[alone.pop()]
        if len(row) != 1:
            continue
        (column,) = row
        determined.add(column)
        for at in where[column]:
            rows[at].pop(column, None)
            if len(rows[at]) == 1:
                alone.append(at)
    return determined


def _without_repeats(rows: list[dict[int, int]]) -> list[dict[int, int]]:
    """Rows that became alike once the known cells were left out, once; empty ones not at all."""
    seen = {_normal(sorted(row.items()), 0)[0] for row in rows}
    return [dict(terms) for terms in sorted(seen) if terms]


def _connected(cells: set[int], rows: list[dict[int, int]]) -> Iterable[tuple[list[int], list[dict[int, int]]]]:
    """Groups of cells that share equations, with those equations."""
    parent = {at: at for at in cells}

    def root(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    for row in rows:
        first, *others = row
        for other in others:
            a, b = sorted((root(first), root(other)))
            parent[b] = a
    members: dict[int, list[int]] = {}
    for at in sorted(cells):
        members.setdefault(root(at), []).append(at)
    equations: dict[int, list[dict[int, int]]] = {at: [] for at in members}
    for row in rows:
        equations[root(next(iter(row)))].append(row)
    return ((members[at], equations[at]) for at in sorted(members))


def _component(cells: list[Cell], members: list[int], rows: list[dict[int, int]]) -> Component:
    """Arrays of one component, its dependent equations left out."""
    column = {at: place for place, at in enumerate(members)}
    local = [{column[at]: c for at, c in row.items()} for row in rows]
    local = [local[at] for at in independent_rows(local)]
    entries = [(at, place, c) for at, row in enumerate(local) for place, c in sorted(row.items())]
    at, place, coefficients = (
        np.array(part, dtype=np.int64) for part in (zip(*entries, strict=True) if entries else ((), (), ()))
    )
    values = np.array([cell.value for cell in cells], dtype=np.int64)
    primary = np.array([cell.status is Status.MUST_HIDE for cell in cells])

    def levels(name: str) -> Ints:
        return np.array(
            [getattr(cell, name) if cell.status is Status.MUST_HIDE else 0 for cell in cells], dtype=np.int64
        )

    return Component(
        keys=tuple(cell.key for cell in cells),
        values=values,
        weights=np.array(
            [0 if hide else cell.weight for cell, hide in zip(cells, primary, strict=True)], dtype=np.int64
        ),
        primary=primary,
        down=np.minimum(values - np.array([cell.lower for cell in cells], dtype=np.int64), NO_UPPER_BOUND),
        up=np.array(
            [NO_UPPER_BOUND if cell.upper is None else min(cell.upper - cell.value, NO_UPPER_BOUND) for cell in cells],
            dtype=np.int64,
        ),
        lower_levels=levels("lower_level"),
        upper_levels=levels("upper_level"),
        sliding_levels=levels("sliding_level"),
        matrix=sparse.csr_array((coefficients, (at, place)), shape=(len(local), len(cells)), dtype=np.int64),
    )


def _peel(rows: list[dict[int, int]]) -> tuple[list[int], list[int]]:
    """Rows with a cell of their own, which are independent of the others; and what is left, where none has one."""
    where: dict[int, set[int]] = {}
    for at, row in enumerate(rows):
        for column in row:
            where.setdefault(column, set()).add(at)
    own = [column for column, at in where.items() if len(at) == 1]
    kept: list[int] = []
    left = set(range(len(rows)))
    while own:
        column = own.pop()
        if len(where[column]) != 1:
            continue
        (at,) = where[column]
        kept.append(at)
        left.discard(at)
        for other in rows[at]:
            where[other].discard(at)
            if len(where[other]) == 1:
                own.append(other)
    return kept, sorted(left)


def _eliminated(row: dict[int, int], pivot: dict[int, int], column: int) -> dict[int, int]:
    """A multiple of the row minus one of the pivot row, so that the column disappears."""
    a, b = pivot[column], row[column]
    common = gcd(a, b)
    a, b = a // common, b // common
    result = {at: a * c for at, c in row.items()}
    for at, c in pivot.items():
        new = result.get(at, 0) - b * c
        if new:
            result[at] = new
        else:
            result.pop(at, None)
    if a not in (1, -1):
        common = gcd(*result.values()) if result else 1
        if common > 1:
            result = {at: c // common for at, c in result.items()}
    return result
