"""What must be protected: whole-number cells, the rows they are published in, the equations between them.

Belongs here: the statement of one problem of complementary suppression, its checks, and what can be left out before
solving (known cells, determined cells, repeated and dependent equations). Does not belong here: which rule hides a
cell (the rules), the search for a pattern (``pattern``), and where cells come from.

An attacker knows the equations, every cell that is shown and, of every cell that is hidden, its bounds ``lower`` and
``upper``. What he can still believe about the hidden cells is written as moves from the truth: whole numbers, one for
each cell, that the equations send to zero. A shown cell has move 0. Cells of one row are hidden together or not at all:
a published row has a number of people, a numerator and a complement, and one decision.
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
        weight: what hiding it costs; the weights of a row add up, to at least 1 when it may be hidden.
        status: must_hide (a rule hides it), may_hide, must_show (published before), known (public, structural zero).
        lower: the least that an attacker who sees nothing would believe.
        upper: the most, None when there is none.
        lower_level: the attacker must believe in a value of at most ``value - lower_level``.
        upper_level: the attacker must believe in a value of at least ``value + upper_level``.
        sliding_level: his highest and lowest value must differ by at least this.
        row: the row it is published in, whose cells are hidden together or not at all; None when it stands alone.
            A cell without levels that must be hidden is free: a sum that nobody publishes, the slack of an inequality.
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
    row: Hashable | None = None

    @property
    def needs_protection(self) -> bool:
        """Whether a rule hides it and asks for an interval."""
        levels = max(self.lower_level, self.upper_level, self.sliding_level)
        return self.status is Status.MUST_HIDE and levels > 0


@dataclass(frozen=True, slots=True)
class Equation:
    """Sum of coefficient × cell = constant, in whole numbers.

    Attributes:
        terms: pairs of a cell's key and its coefficient; each cell once.
        constant: the right-hand side.
    """

    terms: tuple[tuple[Hashable, int], ...]
    constant: int = 0


@dataclass(frozen=True)
class Unprotectable:
    """A primary cell that stays too narrow whatever is hidden.

    Attributes:
        key: the cell.
        lowest: the least that the attacker can believe, everything hidden.
        highest: the most.
    """

    key: Hashable
    lowest: int
    highest: int


@dataclass(frozen=True, eq=False)
class Component:
    """Cells that hang together, without what the attacker knows anyway; moves are zero at the truth.

    Cells hang together by equations, and by the row that they share as long as hiding it is a choice.

    Attributes:
        keys: of the cells, in their order.
        values: the true counts.
        row: place of each cell's row.
        row_keys: of the rows, in the order of their first cells.
        weights: cost of hiding each row; 0 for one that must be hidden, which is hidden whatever it costs.
        must_hide: which rows must be hidden.
        primary: which cells must be hidden.
        down: how far each cell can fall by its own bound.
        up: how far it can rise.
        lower_levels: required fall of a primary cell.
        upper_levels: required rise.
        sliding_levels: required distance between highest and lowest.
        matrix: linearly independent equations × cells; the moves it sends to zero are possible.
        signs: of the equations, when each cell lies in at most two and, with these signs, is added in one and taken off
            in the other: the component is a network. None when it is not.
    """

    keys: tuple[Hashable, ...]
    values: Ints
    row: Ints
    row_keys: tuple[Hashable, ...]
    weights: Ints
    must_hide: NDArray[np.bool_]
    primary: NDArray[np.bool_]
    down: Ints
    up: Ints
    lower_levels: Ints
    upper_levels: Ints
    sliding_levels: Ints
    matrix: sparse.csr_array
    signs: tuple[int, ...] | None


@dataclass(frozen=True, eq=False)
class Problem:
    """Cells and equations, in an order that does not depend on how they were handed over.

    Attributes:
        cells: sorted by key.
        equations: without repeats.

    Raises:
        ValueError: for a key that occurs twice, an equation that does not hold on the true values, a value outside its
            own bounds, a row whose cells are not decided together, a weight below 1 on a row that may be hidden, or a
            negative level. No value is shown.
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
        for row, members in self.rows_of(cells).items():
            _check_row(row, members)
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

    @staticmethod
    def rows_of(cells: Iterable[Cell]) -> dict[Hashable, list[Cell]]:
        """Cells by row, in the order of their first cells; a cell that stands alone is a row named after it."""
        rows: dict[Hashable, list[Cell]] = {}
        for cell in cells:
            rows.setdefault(cell.key if cell.row is None else cell.row, []).append(cell)
        return rows

    def components(self) -> tuple[list[Component], list[Unprotectable]]:
        """Split into what can be solved apart.

        Returns:
            The components that hold a primary cell that needs protection, in order of their first cell; and the primary
            cells that are lost whatever is hidden: their value follows from what the attacker knows, or their own
            bounds are too narrow and nothing else is said of them.
        """
        place = {cell.key: at for at, cell in enumerate(self.cells)}
        hideable = {at for at, cell in enumerate(self.cells) if cell.status in (Status.MUST_HIDE, Status.MAY_HIDE)}
        equations = [
            {place[key]: c for key, c in equation.terms if place[key] in hideable} for equation in self.equations
        ]
        determined = _drop_determined(equations)
        equations = _without_repeats(equations)
        tied = {at for equation in equations for at in equation}
        lost = []
        for at, cell in enumerate(self.cells):
            if cell.needs_protection and at not in tied:
                own = (0, 0) if at in determined else _own_reach(cell)
                if not _reaches(cell, *own):
                    lost.append(Unprotectable(cell.key, cell.value - own[0], cell.value + own[1]))
        # A row of which a cell is determined still costs what all its cells weigh.
        rows = self.rows_of(self.cells)
        chosen = {
            row: tuple(place[cell.key] for cell in members)
            for row, members in rows.items()
            if members[0].status is Status.MAY_HIDE
        }
        weights = {row: sum(cell.weight for cell in rows[row]) for row in chosen}
        together = [tied.intersection(members) for members in chosen.values()]
        found = []
        for members, own_equations in _connected(tied, equations, together):
            if any(self.cells[at].needs_protection for at in members):
                found.append(_component([self.cells[at] for at in members], members, own_equations, weights))
        return found, lost


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
    if cell.weight < 0:
        raise ValueError(f"cell {cell.key!r} has a negative weight")
    if min(cell.lower_level, cell.upper_level, cell.sliding_level) < 0:
        raise ValueError(f"cell {cell.key!r} has a negative protection level")


def _check_row(row: Hashable, cells: list[Cell]) -> None:
    """Refuse a row that cannot be decided as a whole."""
    if len(cells) > 1 and any(cell.row is None for cell in cells):
        raise ValueError(f"row {row!r} has the name of a cell that stands alone")
    shown = (Status.MUST_SHOW, Status.KNOWN)
    if len({Status.MUST_SHOW if cell.status in shown else cell.status for cell in cells}) > 1:
        raise ValueError(f"row {row!r} has cells that must be hidden, may be hidden or are shown side by side")
    if cells[0].status is Status.MAY_HIDE and sum(cell.weight for cell in cells) < 1:
        raise ValueError(f"row {row!r} may be hidden and needs a weight of at least 1")


def _own_reach(cell: Cell) -> tuple[int, int]:
    """How far a cell can fall and rise by its own bounds."""
    rise = NO_UPPER_BOUND if cell.upper is None else min(cell.upper - cell.value, NO_UPPER_BOUND)
    return min(cell.value - cell.lower, NO_UPPER_BOUND), rise


def _reaches(cell: Cell, fall: int, rise: int) -> bool:
    """Whether this fall and rise are what the cell needs."""
    return fall >= cell.lower_level and rise >= cell.upper_level and fall + rise >= cell.sliding_level


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


def _connected(
    cells: set[int], rows: list[dict[int, int]], together: list[set[int]]
) -> Iterable[tuple[list[int], list[dict[int, int]]]]:
    """Groups of cells that share equations or must stay together, with those equations."""
    parent = {at: at for at in cells}

    def root(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    for row in (*rows, *(group for group in together if group)):
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


def _component(
    cells: list[Cell], members: list[int], rows: list[dict[int, int]], row_weights: dict[Hashable, int]
) -> Component:
    """Arrays of one component, its dependent equations left out."""
    column = {at: place for place, at in enumerate(members)}
    local = [{column[at]: c for at, c in row.items()} for row in rows]
    network = _network(local)
    local = [local[at] for at in (independent_rows(local) if network is None else network)]
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

    reach = np.array([_own_reach(cell) for cell in cells], dtype=np.int64)
    row_place: dict[Hashable, int] = {}
    row = [row_place.setdefault(cell.key if cell.row is None else cell.row, len(row_place)) for cell in cells]
    return Component(
        keys=tuple(cell.key for cell in cells),
        values=values,
        row=np.array(row, dtype=np.int64),
        row_keys=tuple(row_place),
        weights=np.array([row_weights.get(key, 0) for key in row_place], dtype=np.int64),
        must_hide=np.array([key not in row_weights for key in row_place]),
        primary=primary,
        down=reach[:, 0],
        up=reach[:, 1],
        lower_levels=levels("lower_level"),
        upper_levels=levels("upper_level"),
        sliding_levels=levels("sliding_level"),
        matrix=sparse.csr_array((coefficients, (at, place)), shape=(len(local), len(cells)), dtype=np.int64),
        signs=None if network is None else tuple(network.values()),
    )


def _network(rows: list[dict[int, int]]) -> dict[int, int] | None:
    """The independent rows of a network and their signs; None when it is none.

    Rows that are tied to each other add up to nothing, and so one of them follows from the others, unless a cell lies
    in one of them only.
    """
    where: dict[int, list[tuple[int, int]]] = {}
    for at, row in enumerate(rows):
        for column, c in row.items():
            there = where.setdefault(column, [])
            if len(there) == 2 or c not in (1, -1):
                return None
            there.append((at, c))
    beside: list[list[tuple[int, int]]] = [[] for _ in rows]
    has_end = [False] * len(rows)
    for there in where.values():
        (one, a), (other, b) = there[0], there[-1]
        if len(there) == 1:
            has_end[one] = True
        else:
            beside[one].append((other, -a * b))
            beside[other].append((one, -a * b))
    sign: dict[int, int] = {}
    dropped = set()
    for first in range(len(rows)):
        if first in sign:
            continue
        sign[first] = 1
        tied = [first]
        for at in tied:
            for other, factor in beside[at]:
                if other not in sign:
                    sign[other] = sign[at] * factor
                    tied.append(other)
                elif sign[other] != sign[at] * factor:
                    return None
        if not any(has_end[at] for at in tied):
            # the longest: what is left has fewest terms
            dropped.add(max(tied, key=lambda at: (len(rows[at]), at)))
    return {at: sign[at] for at in range(len(rows)) if at not in dropped}


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
