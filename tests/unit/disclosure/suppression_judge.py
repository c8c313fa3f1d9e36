"""Judges of a pattern that share nothing with the solver: every whole move counted out, or scipy's own programs."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import lcm

import numpy as np
from scipy import optimize

from pipeline.disclosure.problem import Cell, Problem, Status

_FAR = 10_000


class Enumeration:
    """Every whole move of a small problem, and from these the protection under every pattern at once."""

    def __init__(self, problem: Problem) -> None:
        self.cells = [cell for cell in problem.cells if cell.status in (Status.MUST_HIDE, Status.MAY_HIDE)]
        rows: dict[object, list[int]] = {}
        for at, cell in enumerate(self.cells):
            if cell.status is Status.MAY_HIDE:
                rows.setdefault(cell.key if cell.row is None else cell.row, []).append(at)
        self.free = list(rows.values())
        moves = _every_move(problem, self.cells)
        masks = np.zeros(len(moves), dtype=np.int64)
        for bit, row in enumerate(self.free):
            masks += (moves[:, row] != 0).any(axis=1).astype(np.int64) << bit
        self.reach = {}
        for at, cell in enumerate(self.cells):
            if cell.status is Status.MUST_HIDE:
                self.reach[cell.key] = (
                    _furthest(masks, moves[:, at], len(self.free)),
                    _furthest(masks, -moves[:, at], len(self.free)),
                )

    def safe(self) -> np.ndarray:
        """For each pattern (a bit for each row that may be hidden) whether all that can be protected is protected."""
        safe = np.ones(1 << len(self.free), dtype=bool)
        for cell in self.cells:
            if cell.status is Status.MUST_HIDE:
                up, down = self.reach[cell.key]
                for reach, level in ((up, cell.upper_level), (down, cell.lower_level), (up + down, cell.sliding_level)):
                    safe &= reach >= min(level, reach[-1])
        return safe

    def unprotectable(self) -> set:
        """Primary cells that no pattern protects."""
        return {cell.key for cell in self.cells if cell.status is Status.MUST_HIDE and not self._protected(cell, -1)}

    def optimum(self) -> int:
        """The weight of the cheapest safe pattern."""
        weights = np.array([sum(self.cells[at].weight for at in row) for row in self.free], dtype=np.int64)
        patterns = np.arange(1 << len(self.free))
        cost = ((patterns[:, None] >> np.arange(len(self.free))) & 1) @ weights
        return int(cost[self.safe()].min())

    def is_safe(self, hidden: set) -> bool:
        """Whether one pattern protects all that can be protected."""
        bits = [{self.cells[at].key in hidden for at in row} for row in self.free]
        assert all(len(bit) == 1 for bit in bits), "a row is hidden in part"
        return bool(self.safe()[sum(1 << at for at, bit in enumerate(bits) if True in bit)])

    def _protected(self, cell: Cell, pattern: int) -> bool:
        up, down = (int(reach[pattern]) for reach in self.reach[cell.key])
        return up >= cell.upper_level and down >= cell.lower_level and up + down >= cell.sliding_level


def interval(problem: Problem, hidden: set, key: object, whole: bool = True) -> tuple[int, int]:
    """What the attacker can believe of a cell, by scipy's mixed-integer programs.

    Args:
        problem: cells and equations.
        hidden: keys of the hidden cells.
        key: the cell.
        whole: that he knows that counts are whole.

    Returns:
        The least and the most; the most is far away when there is no bound.
    """
    place = {cell.key: at for at, cell in enumerate(problem.cells)}
    matrix = np.zeros((len(problem.equations), len(place)))
    for row, equation in enumerate(problem.equations):
        for name, coefficient in equation.terms:
            matrix[row, place[name]] = coefficient
    right = np.array([equation.constant for equation in problem.equations])
    low = np.array([cell.lower if cell.key in hidden else cell.value for cell in problem.cells], dtype=float)
    high = np.array(
        [(_FAR if cell.upper is None else cell.upper) if cell.key in hidden else cell.value for cell in problem.cells],
        dtype=float,
    )
    ends = []
    for sign in (1, -1):
        cost = np.zeros(len(place))
        cost[place[key]] = sign
        constraints = [optimize.LinearConstraint(matrix, right, right)] if len(right) else []
        answer = optimize.milp(
            cost,
            integrality=np.full(len(place), int(whole)),
            bounds=optimize.Bounds(low, high),
            constraints=constraints,
        )
        assert answer.status == 0, answer.message
        ends.append(round(sign * answer.fun))
    return ends[0], ends[1]


def open_cells(problem: Problem, hidden: set) -> list:
    """Primary cells that a pattern leaves less protected than they need."""
    found = []
    for cell in problem.cells:
        if cell.status is Status.MUST_HIDE:
            low, high = interval(problem, hidden, cell.key)
            enough = low <= cell.value - cell.lower_level and high >= cell.value + cell.upper_level
            if not (enough and high - low >= cell.sliding_level):
                found.append(cell.key)
    return found


def _every_move(problem: Problem, cells: list[Cell]) -> np.ndarray:
    """All whole moves within bounds that the equations send to zero."""
    place = {cell.key: at for at, cell in enumerate(cells)}
    pivots: dict[int, dict[int, Fraction]] = {}
    for equation in problem.equations:
        row = {place[key]: Fraction(coefficient) for key, coefficient in equation.terms if key in place}
        for column, pivot in pivots.items():
            row = _less(row, pivot, column)
        if row:
            column = max(row)
            row = {at: value / row[column] for at, value in row.items()}
            pivots = {other: _less(pivot, row, column) for other, pivot in pivots.items()} | {column: row}
    independent = [at for at in range(len(cells)) if at not in pivots]
    low = np.array([cell.lower - cell.value for cell in cells])
    high = np.array([cell.upper - cell.value for cell in cells])
    choices = np.array(list(product(*(range(low[at], high[at] + 1) for at in independent))), dtype=np.int64)
    moves = np.zeros((len(choices), len(cells)), dtype=np.int64)
    moves[:, independent] = choices
    good = np.ones(len(choices), dtype=bool)
    for column, pivot in pivots.items():
        common = lcm(*(value.denominator for value in pivot.values()))
        total = -choices @ np.array([int(pivot.get(at, 0) * common) for at in independent], dtype=np.int64)
        good &= total % common == 0
        moves[:, column] = total // common
    return moves[good & (moves >= low).all(axis=1) & (moves <= high).all(axis=1)]


def _less(row: dict[int, Fraction], pivot: dict[int, Fraction], column: int) -> dict[int, Fraction]:
    """The row without this column."""
    if column not in row:
        return row
    less = {at: row.get(at, 0) - row[column] * pivot.get(at, 0) for at in row.keys() | pivot.keys()}
    return {at: value for at, value in less.items() if value}


def _furthest(masks: np.ndarray, reach: np.ndarray, bits: int) -> np.ndarray:
    """For each pattern the furthest move that stays within it."""
    best = np.zeros(1 << bits, dtype=np.int64)
    np.maximum.at(best, masks, reach)
    for bit in range(bits):
        halves = best.reshape(-1, 2, 1 << bit)
        halves[:, 1] = np.maximum(halves[:, 0], halves[:, 1])
    return best
