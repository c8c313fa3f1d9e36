"""The attacker inside the solver: how far a hidden cell can be from the truth, given what is shown.

Belongs here: the linear and whole-number programs of one component, the proofs that they leave behind, and the settings
that every HiGHS object of the process shares. Does not belong here: which cells to hide (``pattern``), and the audit
before publication, which shares no code with the solver.

A pattern says of each row of cells whether it is hidden; the attacks are on the cells.

A proof is a list of whole moves that the equations send to zero: it is checked exactly, so that no verdict "safe" rests
on a solver's arithmetic. A verdict "not safe" rests on the solver; a wrong one costs a cell, not a secret.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import highspy
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pipeline.disclosure.problem import Component, Ints

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

UP, DOWN = 1, -1

_FREE = 1_000.0  # how far the cells of a row may move each other when it is asked whether others hold the row still
_FIT = 1e-6  # how far a linear program's outcome may be from a whole number, or from a level, and still count as there
_DENOMINATOR = 60  # prices close to a multiple of 1/60 are taken to be that multiple


def new_solver(**options: Any) -> highspy.Highs:
    """A HiGHS object with the settings that make runs repeatable.

    One thread everywhere: objects of one process that ask for different numbers of threads fail to run, silently.

    Args:
        options: further HiGHS options.

    Returns:
        An empty solver.
    """
    solver = highspy.Highs()
    for name, setting in {"output_flag": False, "threads": 1, "parallel": "off", "random_seed": 0, **options}.items():
        solver.setOptionValue(name, setting)
    return solver


def load(solver: highspy.Highs, matrix: sparse.csr_array, columns: int) -> None:
    """Give a solver the equations matrix × columns = 0, all columns fixed at 0.

    Args:
        solver: an empty solver.
        matrix: the equations.
        columns: number of columns.
    """
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = columns, matrix.shape[0]
    model.col_cost_ = model.col_lower_ = model.col_upper_ = np.zeros(columns)
    model.row_lower_ = model.row_upper_ = np.zeros(matrix.shape[0])
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_ = matrix.indptr.astype(np.int32)
    model.a_matrix_.index_ = matrix.indices.astype(np.int32)
    model.a_matrix_.value_ = matrix.data.astype(np.float64)
    solver.passModel(model)


def run(solver: highspy.Highs) -> highspy.HighsModelStatus:
    """Run a solver; a run that stops without a verdict is repeated once from scratch.

    Args:
        solver: with its model.

    Returns:
        The status.

    Raises:
        RuntimeError: when the solver gives no verdict.
    """
    known = highspy.HighsModelStatus
    for _ in range(2):
        solver.run()
        status = solver.getModelStatus()
        if status in (known.kOptimal, known.kInfeasible, known.kTimeLimit):
            return status
        solver.clearSolver()
    raise RuntimeError(f"HiGHS stopped with status {solver.modelStatusToString(status)}")


@dataclass(frozen=True)
class Failure:
    """A requirement that a pattern does not meet.

    Attributes:
        cell: place of the primary cell in the component.
        level: what it needs.
        sides: the directions that count together.
        prices: of the equations, for each side, when a linear attack shows the failure; None when only an attack in
            whole numbers does.
    """

    cell: int
    level: int
    sides: tuple[int, ...]
    prices: tuple[Floats, ...] | None


class Standing:
    """What has been proved for the primary cells of a component under some pattern.

    Args:
        component: the cells.
        whole: only moves that were checked as whole numbers count; otherwise also those of a linear program.
    """

    def __init__(self, component: Component, whole: bool) -> None:
        self.whole = whole
        self.primaries = np.flatnonzero(component.primary)
        self._row = component.row
        self.reach = {side: np.zeros(len(self.primaries)) for side in (UP, DOWN)}
        self.moves = {side: np.zeros((len(self.primaries), len(component.keys)), np.float32) for side in (UP, DOWN)}

    def learn(self, moves: Floats, wanted: Mask) -> dict[int, Ints]:
        """Keep a proof for each wanted primary cell that it takes further than the one at hand; which these are."""
        there = moves[self.primaries]
        further = {side: np.flatnonzero(wanted & (side * there > self.reach[side] + _FIT)) for side in (UP, DOWN)}
        self.replace(moves, further)
        return further

    def without(self, row: int) -> Standing:
        """What remains proved when a row is shown."""
        left, cells = copy(self), self._row == row
        left.reach = {
            side: np.where(self.moves[side][:, cells].any(axis=1), 0, self.reach[side]) for side in (UP, DOWN)
        }
        left.moves = {side: self.moves[side].copy() for side in (UP, DOWN)}
        return left

    def under(self, hidden: Mask, whole: bool) -> Standing:
        """What remains proved when only these rows are hidden."""
        left, shown = copy(self), ~hidden[self._row]
        left.whole = whole
        left.moves = {side: self.moves[side].copy() for side in (UP, DOWN)}
        left.reach = {
            side: np.where((self.moves[side][:, shown] != 0).any(axis=1), 0, self.reach[side]) for side in (UP, DOWN)
        }
        return left

    def replace(self, moves: Floats, further: dict[int, Ints]) -> None:
        """Keep these moves for some primary cells, whatever was kept before."""
        for side in (UP, DOWN):
            self.reach[side][further[side]] = side * moves[self.primaries[further[side]]]
            self.moves[side][further[side]] = moves


class Attacker:
    """Attacks on one component.

    Args:
        component: the cells and their equations.
    """

    def __init__(self, component: Component) -> None:
        self.component = component
        self.upper = component.upper_levels.copy()
        self.lower = component.lower_levels.copy()
        self.sliding = component.sliding_levels.copy()
        self._cells = np.arange(len(component.keys), dtype=np.int32)
        self._everything = np.ones(len(component.row_keys), dtype=bool)
        self._share = 1.0 / np.bincount(component.row, minlength=len(component.row_keys))[component.row]
        self._transposed = component.matrix.T.tocsr().astype(np.float64)
        self._whole: highspy.Highs | None = None
        self._prices: dict[bool, highspy.Highs] = {}
        self._down = self._up = np.zeros(len(self._cells))
        self._moved = False

    @cached_property
    def _remembered(self) -> Standing:
        return Standing(self.component, whole=True)

    @cached_property
    def _linear(self) -> highspy.Highs:
        solver = new_solver(solver="simplex", presolve="off", simplex_strategy=4)
        load(solver, self.component.matrix, len(self._cells))
        return solver

    def lower_to_attainable(self) -> list[int]:
        """Lower the levels that cannot be reached even with everything hidden to what can be reached.

        Returns:
            Places of the primary cells concerned.
        """
        touched = sorted({failure.cell for failure in self.attack(self._everything, whole=True)})
        for cell in touched:
            reach = self.interval(cell, self._everything)
            self.upper[cell] = min(self.upper[cell], reach[1])
            self.lower[cell] = min(self.lower[cell], reach[0])
            self.sliding[cell] = min(self.sliding[cell], reach[0] + reach[1])
        return touched

    def interval(self, cell: int, hidden: Mask) -> tuple[int, int]:
        """How far a cell can really fall and rise under a pattern, in whole numbers.

        Args:
            cell: its place.
            hidden: the rows that are hidden.

        Returns:
            Fall and rise.
        """
        down, up = self._whole_box(hidden)
        fall = self._push_whole(cell, DOWN, int(self.component.down[cell]), down, up)
        rise = self._push_whole(cell, UP, int(self.component.up[cell]), down, up)
        return int(-fall[cell]), int(rise[cell])

    def attack(self, hidden: Mask, whole: bool) -> list[Failure]:
        """Try every requirement on a pattern.

        Args:
            hidden: the rows that are hidden.
            whole: whether the attacker knows that counts are whole.

        Returns:
            The requirements that are not met.
        """
        standing = self.recall(hidden, whole)
        self._set_box(*self._whole_box(hidden))
        self._attack_together(standing)
        failures: list[Failure] = []
        for at in np.flatnonzero(~self._met(standing)):
            failures += self._attack_one(int(at), standing)
        return failures

    def unproved(self, hidden: Mask) -> list[int]:
        """Primary cells whose protection has no proof in whole numbers; each proof is checked exactly, here and now.

        Args:
            hidden: the rows that are hidden.

        Returns:
            Their places.
        """
        standing = self.recall(hidden, whole=True)
        self._set_box(*self._whole_box(hidden))
        self._attack_together(standing)
        for at in np.flatnonzero(~self._met(standing)):
            self.protect(hidden, standing, only=int(at))
        moving = hidden[self.component.row]
        down, up = np.where(moving, self.component.down, 0), np.where(moving, self.component.up, 0)
        checked = copy(standing)
        for side in (UP, DOWN):
            moves = standing.moves[side].astype(np.int64)
            holds = (moves >= -down).all(axis=1) & (moves <= up).all(axis=1)
            holds &= ~(self.component.matrix @ moves.T).any(axis=0)
            reach = side * moves[np.arange(len(moves)), standing.primaries]
            checked.reach = {**checked.reach, side: np.where(holds, reach, 0)}
        return standing.primaries[~self._met(checked)].tolist()

    def failures_at(self, x: Floats, limit: int, among: list[Failure] | None = None) -> list[Failure]:
        """Requirements that a master solution, whole or not, does not meet.

        Each move is cut off at the level at stake, as a cell can contribute no more than that to a cut.

        Args:
            x: how far each row is hidden, 0 to 1; 1 for those that must be.
            limit: stop after so many.
            among: look at these requirements only.

        Returns:
            The failures, with prices.
        """
        groups: dict[tuple[tuple[int, ...], int], list[int]] = {}
        if among is None:
            for cell in np.flatnonzero(self.component.primary):
                for sides, level in self._requirements(int(cell)):
                    # A sliding level that the other two add up to says nothing of its own.
                    if level > 0 and (len(sides) == 1 or level > self.upper[cell] + self.lower[cell]):
                        groups.setdefault((sides, level), []).append(int(cell))
        else:
            for failure in among:
                groups.setdefault((failure.sides, failure.level), []).append(failure.cell)
        found: list[Failure] = []
        for (sides, level), cells in sorted(groups.items()):
            if len(found) < limit:
                found += self._failures_at_level(x, level, np.array(cells), sides, limit - len(found))
        return found

    def cut(self, failure: Failure) -> tuple[Ints, Floats] | None:
        """The inequality that a failure implies: sum of coefficient × hidden >= 1 over the rows that may be hidden.

        Whatever the prices, this holds for every safe pattern: moves that the equations send to zero satisfy
        move(cell) = sum of r × move with r = unit(cell) + prices × equations, and a move is bounded by its cell's own
        bounds when it is hidden and 0 when not (Fischetti & Salazar-González 2001, section 4). The coefficients of the
        cells of one row add up. Those above the right-hand side are cut down to it; rows that are hidden anyway are
        moved to the right.

        Args:
            failure: with prices.

        Returns:
            Places of rows and coefficients, None when the inequality says nothing.
        """
        coefficients = np.zeros(len(self._cells))
        for side, prices in zip(failure.sides, failure.prices or (), strict=True):
            r = self._transposed @ _clean(prices)
            r[failure.cell] += side
            r[np.abs(r) < 1e-9] = 0
            coefficients += self.most(self._cells, r)
        return self.inequality(self._cells, coefficients, failure.level)

    def most(self, cells: Ints, r: Floats) -> Floats:
        """The most that moves of these cells can add to a sum of r × move."""
        return np.where(r > 0, r * self.component.up[cells], -r * self.component.down[cells])

    def inequality(self, cells: Ints, coefficients: Floats, level: int) -> tuple[Ints, Floats] | None:
        """The inequality sum of coefficient × hidden >= level over some cells, by row; see ``cut``."""
        coefficients = np.bincount(self.component.row[cells], coefficients, minlength=len(self._everything))
        needed = level - coefficients[self.component.must_hide].sum()
        if needed <= _FIT:
            return None
        coefficients = np.minimum(coefficients / needed, 1.0)
        coefficients[self.component.must_hide] = 0
        # Rounded up a little, so that the inequality never asks more than it may.
        places = np.flatnonzero(coefficients > 1e-9)
        return places, np.minimum(np.ceil(coefficients[places] * 1e9) / 1e9, 1.0)

    def idle_rows(self, x: Floats) -> list[tuple[int, Ints]]:
        """Rows that are hidden more than the rows around them let them move, and the inequalities that this breaks.

        A row that need not be hidden and of which no cell can move follows from what is shown, so it might as well be
        shown: hidden(row) <= sum of hidden over the other rows of combinations of equations, one for each of its cells,
        in which no other cell of the row occurs (for rows of one cell the bridgeless inequalities of Fischetti &
        Salazar-González 2001). A row whose cells move each other has no such inequality.

        Args:
            x: how far each row is hidden, 0 to 1.

        Returns:
            For each the row, and places of the others.
        """
        row = self.component.row
        box = x[row]
        self._set_box(box, box)
        best = np.zeros(len(x))
        found = []
        for place in np.flatnonzero(~self.component.must_hide & (x > 0.01)):
            prices = {}
            for cell in np.flatnonzero(row == place):
                if best[place] < x[place] - 1e-4:
                    _, moves, prices[int(cell)] = self._push(int(cell), UP, 1)
                    np.maximum.at(best, row, np.abs(moves))
            if best[place] < x[place] - 1e-4:
                others = self._holding(int(place), prices)
                if others is not None:
                    found.append((int(place), others))
        return found

    def _holding(self, place: int, prices: dict[int, Floats]) -> Ints | None:
        """The rows that hold every cell of a row still; None when its cells can move each other."""
        row, box = self.component.row, (self._down, self._up)
        own = row == place
        if len(prices) > 1:
            self._set_box(*(np.where(own, _FREE, side) for side in box))
            prices = {cell: self._push(cell, UP, 1)[2] for cell in prices}
            self._set_box(*box)
        held = np.zeros(len(self._everything), dtype=bool)
        for cell, price in prices.items():
            there = np.abs(self._transposed @ _clean(price)) > 1e-9
            if not there[cell] or there[own].sum() > 1:
                return None
            held[row[there & ~own]] = True
        return np.flatnonzero(held)

    def protect(
        self, hidden: Mask, standing: Standing, cost: Floats | None = None, only: int | None = None
    ) -> Mask | None:
        """Prove what is not proved yet by few moves, and hide the cheapest rows that these need.

        One primary cell after the other, what was hidden for one being free for the next (Kelly, Golden & Assad 1992).

        Args:
            hidden: the rows to begin with.
            standing: what is proved, and what counts as proof; it is added to.
            cost: of hiding each row; None when no row more may be hidden.
            only: look at one primary cell, by its place among them.

        Returns:
            The pattern with the rows hidden besides, None when some requirement is not met.
        """
        hidden = hidden.copy()
        if only is None:
            self._set_box(*self._whole_box(hidden))
            self._attack_together(standing)
        for at in np.flatnonzero(~self._met(standing)) if only is None else [only]:
            cell = int(standing.primaries[at])
            for sides, level in self._requirements(cell):
                missing = level - sum(int(standing.reach[side][at] + _FIT) for side in sides)
                for side in sides:
                    if missing > 0:
                        have = int(standing.reach[side][at] + _FIT)
                        goal, moves = self._few_moves(cell, side, have + missing, hidden, cost, standing.whole, sides)
                        if moves is not None and goal > have:
                            hidden[self.component.row[np.abs(moves) > _FIT]] = True
                            self.teach(standing, moves)
                            missing -= goal - have
                if missing > 0:
                    return None
        return hidden

    def holds(self, hidden: Mask) -> bool:
        """Whether a pattern is proved safe; soon said when it is not.

        Args:
            hidden: the rows that are hidden.

        Returns:
            True when every protection has a checked proof in whole numbers.
        """
        standing = self.recall(hidden, whole=False)
        self._set_box(*self._whole_box(hidden))
        self._attack_together(standing)
        if any(self._attack_one(int(at), standing) for at in np.flatnonzero(~self._met(standing))):
            return False
        return not self.unproved(hidden)

    def first_failure(self, hidden: Mask, standing: Standing, suspects: dict[int, int]) -> Failure | None:
        """Prove what is not proved yet against linear attacks, and stop at the first requirement that is not met.

        Args:
            hidden: the rows that are hidden.
            standing: what is proved; it is added to.
            suspects: how often each primary cell failed before, by its place among them; the worst are tried first.

        Returns:
            The failure, with prices; None when the pattern holds.
        """
        missing = np.flatnonzero(~self._met(standing))
        if len(missing):
            self._set_box(*self._whole_box(hidden))
        for at in sorted(missing.tolist(), key=lambda at: -suspects.get(at, 0)):
            if not self._met(standing)[at]:
                failures = self._attack_sparsely(at, hidden, standing)
                if failures:
                    suspects[at] = suspects.get(at, 0) + 1
                    return failures[0]
        return None

    def _attack_sparsely(self, at: int, hidden: Mask, standing: Standing) -> list[Failure]:
        """Push one primary cell every way it needs, with few moves; as far as it goes where these do not exist."""
        cell = int(standing.primaries[at])
        for sides, level in self._requirements(cell):
            for side in sides:
                have = int(standing.reach[side][at] + _FIT)
                goal = level - sum(int(standing.reach[each][at] + _FIT) for each in sides) + have
                if have < goal <= self._far(cell, side):
                    moves = self._priced(cell, side, goal, hidden, None, whole=False)
                    if moves is not None:
                        self.teach(standing, moves)
                        break
        return self._attack_one(at, standing)

    def recall(self, hidden: Mask, whole: bool) -> Standing:
        """What is known from earlier attacks to hold under a pattern.

        Args:
            hidden: the rows that are hidden.
            whole: whether only moves in whole numbers are to count from here on.

        Returns:
            What is proved, by moves in whole numbers.
        """
        return self._remembered.under(hidden, whole)

    def teach(self, standing: Standing, moves: Floats) -> None:
        """Add moves to what is proved, as far as they count.

        Args:
            standing: what is proved.
            moves: from a linear program.
        """
        whole = self.exact(moves)
        if whole is not None:
            moves = whole.astype(float)
            self._remembered.replace(moves, standing.learn(moves, ~self._met(standing)))
        elif not standing.whole:
            standing.learn(np.where(np.abs(moves) > _FIT, moves, 0.0), ~self._met(standing))

    def exact(self, moves: Floats) -> Ints | None:
        """The whole moves that a solver meant.

        Args:
            moves: its outcome.

        Returns:
            Moves that the equations send to zero exactly, within the cells' own bounds; None when these are not whole.
        """
        whole = np.rint(moves)
        if np.abs(moves - whole).max(initial=0) > _FIT:
            return None
        whole = whole.astype(np.int64)
        inside = (whole >= -self.component.down).all() and (whole <= self.component.up).all()
        return whole if inside and not (self.component.matrix @ whole).any() else None

    def _requirements(self, cell: int) -> list[tuple[tuple[int, ...], int]]:
        """Sides that count together and what they need, for one primary cell."""
        return [
            ((UP,), int(self.upper[cell])),
            ((DOWN,), int(self.lower[cell])),
            ((UP, DOWN), int(self.sliding[cell])),
        ]

    def _cheapest(
        self, cell: int, side: int, level: int, hidden: Mask, cost: Floats | None, whole: bool
    ) -> Floats | None:
        """Moves that take a cell to a level at the least cost of hiding what moves; None when there are none."""
        moves = self._priced(cell, side, level, hidden, cost, whole=False)
        if moves is not None and whole and self.exact(moves) is None:
            return self._priced(cell, side, level, hidden, cost, whole=True)
        return moves

    def _priced(
        self, cell: int, side: int, level: int, hidden: Mask, cost: Floats | None, whole: bool
    ) -> Floats | None:
        """As ``_cheapest``, by a linear program or by one in whole numbers."""
        n = len(self._cells)
        row, both = self.component.row, np.arange(2 * n, dtype=np.int32)
        solver = self._prices.get(whole)
        if solver is None:
            options = {"mip_rel_gap": 0.01} if whole else {"solver": "simplex", "presolve": "off"}
            solver = self._prices[whole] = new_solver(**options)
            matrix = sparse.csr_array(sparse.hstack([self.component.matrix, -self.component.matrix]))
            load(solver, matrix, 2 * n)
            if whole:
                solver.changeColsIntegrality(2 * n, both, np.full(2 * n, highspy.HighsVarType.kInteger))
        high = np.concatenate([self.component.up, self.component.down]).astype(float)
        if cost is None:
            high[~np.tile(hidden[row], 2)] = 0
            cost = np.zeros(len(hidden))
        low = np.zeros(2 * n)
        moving, still = (cell, cell + n) if side == UP else (cell + n, cell)
        low[moving], high[still] = level, 0
        # The share of its row's cost that a cell pays for each unit, as it can move no further than the level or its
        # bound; and a little for every unit, so that few cells move.
        price = np.where(hidden, 0.0, cost)[row] * self._share
        per_unit = np.tile(price, 2) / np.clip(np.minimum(high, level), 1, None) + 1e-5
        solver.changeColsCost(2 * n, both, per_unit)
        solver.changeColsBounds(2 * n, both, low, high)
        if run(solver) != highspy.HighsModelStatus.kOptimal:
            return None
        values = np.asarray(solver.getSolution().col_value)
        return values[:n] - values[n:]

    def _few_moves(
        self, cell: int, side: int, goal: int, hidden: Mask, cost: Floats | None, whole: bool, sides: tuple[int, ...]
    ) -> tuple[int, Floats | None]:
        """Cheap moves that take a cell to a goal, or where two sides count together as far as it can go."""
        bound = self.component.up if side == UP else self.component.down
        goal = int(min(goal, bound[cell]))
        moves = self._cheapest(cell, side, goal, hidden, cost, whole)
        if moves is None and len(sides) > 1:
            reach = self.interval(cell, hidden if cost is None else self._everything)
            goal = min(goal, reach[1] if side == UP else reach[0])
            moves = self._cheapest(cell, side, goal, hidden, cost, whole)
        return goal, moves

    def _far(self, cell: int, side: int) -> int:
        """How far a cell can go by its own bound."""
        return int((self.component.up if side == UP else self.component.down)[cell])

    def _needs(self, side: int) -> Ints:
        return self.upper if side == UP else self.lower

    def _cap(self, cell: int, side: int) -> int:
        """How far it is of use to push a cell."""
        bound = self.component.up if side == UP else self.component.down
        return int(min(bound[cell], max(self._needs(side)[cell], self.sliding[cell])))

    def _met(self, standing: Standing) -> Mask:
        at = standing.primaries
        up, down = standing.reach[UP], standing.reach[DOWN]
        up, down = up + _FIT, down + _FIT
        return (up >= self.upper[at]) & (down >= self.lower[at]) & (up + down >= self.sliding[at])

    def _whole_box(self, hidden: Mask) -> tuple[Floats, Floats]:
        moving = hidden[self.component.row]
        return np.where(moving, self.component.down, 0.0), np.where(moving, self.component.up, 0.0)

    def _set_box(self, down: Floats, up: Floats) -> None:
        self._down, self._up = down, up
        self._moved = True

    def _optimum(self, cost: Floats, caps: list[tuple[int, int, float]]) -> tuple[Floats, Floats]:
        """Moves of least cost within the box and the caps (cell, side, cap), and the prices of the equations."""
        if self._moved:
            self._linear.changeColsBounds(len(self._cells), self._cells, -self._down, self._up)
            self._moved = False
        for cell, side, cap in caps:
            down, up = self._down[cell], self._up[cell]
            down, up = (down, min(up, cap)) if side == UP else (min(down, cap), up)
            self._linear.changeColBounds(cell, -down, up)
        self._linear.changeColsCost(len(self._cells), self._cells, cost)
        if run(self._linear) != highspy.HighsModelStatus.kOptimal:
            raise RuntimeError("an attack that must have an answer has none")
        solution = self._linear.getSolution()
        for cell, _, _ in caps:
            self._linear.changeColBounds(cell, -self._down[cell], self._up[cell])
        return np.asarray(solution.col_value), np.asarray(solution.row_dual)

    def _push(self, cell: int, side: int, cap: float) -> tuple[float, Floats, Floats]:
        """Push one cell one way: how far it gets, the moves, the prices."""
        cost = np.zeros(len(self._cells))
        cost[cell] = -side
        moves, prices = self._optimum(cost, [(cell, side, cap)])
        return side * float(moves[cell]), moves, prices

    def _push_whole(self, cell: int, side: int, cap: int, down: Floats, up: Floats) -> Ints:
        """Push one cell one way in whole moves."""
        n = len(self._cells)
        if self._whole is None:
            self._whole = new_solver(mip_rel_gap=0.0)
            load(self._whole, self.component.matrix, n)
            self._whole.changeColsIntegrality(n, self._cells, np.full(n, highspy.HighsVarType.kInteger))
        low, high, cost = -down, up.copy(), np.zeros(n)
        if side == UP:
            high[cell] = min(high[cell], cap)
        else:
            low[cell] = max(low[cell], -cap)
        cost[cell] = -side
        self._whole.changeColsBounds(n, self._cells, low, high)
        self._whole.changeColsCost(n, self._cells, cost)
        run(self._whole)
        moves = self.exact(np.asarray(self._whole.getSolution().col_value))
        return np.zeros(n, dtype=np.int64) if moves is None else moves

    def _attack_together(self, standing: Standing) -> None:
        """Push many cells at once, for as long as that settles many."""
        at = standing.primaries
        open_before = len(at)
        for turn in range(2 * len(at)):
            still_open = int((~self._met(standing)).sum())
            if still_open <= 2 or (turn >= 2 and turn % 2 == 0 and still_open > open_before * 0.8):
                return
            if turn % 2 == 0:
                open_before = still_open
            side = (UP, DOWN)[turn % 2]
            slides = standing.reach[UP] + standing.reach[DOWN] < self.sliding[at] - _FIT
            cells = at[(standing.reach[side] < self._needs(side)[at] - _FIT) | slides]
            if len(cells):
                cost = np.zeros(len(self._cells))
                cost[cells] = -side
                self.teach(standing, self._optimum(cost, [(int(c), side, self._cap(int(c), side)) for c in cells])[0])

    def _attack_one(self, at: int, standing: Standing) -> list[Failure]:
        """Push one primary cell every way it needs."""
        cell = int(standing.primaries[at])
        failures = []
        reached: dict[int, tuple[float, Floats]] = {}
        for sides, level in self._requirements(cell):
            if failures or sum(standing.reach[side][at] for side in sides) >= level - _FIT:
                continue
            for side in sides:
                if side not in reached:
                    reach, moves, prices = self._push(cell, side, self._cap(cell, side))
                    reached[side] = reach, prices
                    self.teach(standing, moves)
            if sum(reached[side][0] for side in sides) < level - _FIT:
                failures.append(Failure(cell, level, sides, tuple(reached[side][1] for side in sides)))
            elif standing.whole:
                # To the level, and if that is no whole move, past it.
                for side, far in product(sides, (False, True)):
                    if sum(standing.reach[each][at] for each in sides) < level:
                        bound = self.component.up if side == UP else self.component.down
                        cap = int(bound[cell]) if far else self._cap(cell, side)
                        self.teach(standing, self._push_whole(cell, side, cap, self._down, self._up).astype(float))
                if sum(standing.reach[side][at] for side in sides) < level:
                    failures.append(Failure(cell, level, sides, None))
        return failures

    def _failures_at_level(
        self, x: Floats, level: int, group: Ints, sides: tuple[int, ...], limit: int
    ) -> list[Failure]:
        """As ``failures_at`` for primary cells with one level."""
        x = x[self.component.row]
        self._set_box(np.minimum(self.component.down, level) * x, np.minimum(self.component.up, level) * x)
        best = {side: np.zeros(len(self._cells)) for side in (UP, DOWN)}

        def remember(moves: Floats) -> None:
            best[UP] = np.maximum(best[UP], moves)
            best[DOWN] = np.maximum(best[DOWN], -moves)

        for side in sides if len(group) > 2 else ():
            cost = np.zeros(len(self._cells))
            cost[group] = -side
            remember(self._optimum(cost, [(int(cell), side, level) for cell in group])[0])
        found: list[Failure] = []
        for cell in group:
            if sum(best[side][cell] for side in sides) >= level - _FIT:
                continue
            prices, total = [], 0.0
            for side in sides:
                reach, moves, price = self._push(int(cell), side, level)
                remember(moves)
                prices.append(price)
                total += reach
            if total < level * (1 - 1e-4):
                found.append(Failure(int(cell), level, sides, tuple(prices)))
                if len(found) >= limit:
                    break
        return found


def _clean(prices: Floats) -> Floats:
    """Prices as the simple fractions that they nearly are."""
    simple = np.rint(prices * _DENOMINATOR) / _DENOMINATOR
    return np.where(np.abs(prices - simple) < 1e-7, simple, prices)
