"""Which further rows must be hidden: the cheapest pattern that keeps every primary cell protected.

Belongs here: the exact search per component and its proof (Fischetti & Salazar-González 2001: a master program over the
rows that may be hidden, with inequalities from attacks). Does not belong here: the statement of the problem
(``problem``), the attacks themselves (``attacker``), and the audit of what was published.
"""

from __future__ import annotations

import time
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import gcd

import highspy
import numpy as np

from pipeline.disclosure.attacker import Attacker, Failure, Floats, Mask, new_solver, run
from pipeline.disclosure.network import attacker_of
from pipeline.disclosure.problem import Component, Ints, Problem, Status, Unprotectable

_WHOLE = 1e-6
_BOUND_ERROR = 1e-4  # a bound this little above a possible weight does not exclude it
_CUTS_A_ROUND = 200
_CUTS_A_DIVE = 40
_ROUNDS_WITHOUT_GAIN = 2
_TIGHTENING = 0.5  # of the time may go by before there is a pattern that is worth its name
# Taking out what is not needed gains some hundredths; a pattern that is much dearer than the best need not be tried.
_WORTH_THINNING = 1.05
# While inequalities are still missing, the patterns of the first part of the gap are looked at first.
_FIRST_PART = 0.3
# Linear programs after which looking for a pattern of the master is left to the program in whole numbers.
_STEPS_OF_A_DIVE = 40
# A shown cell counts as hidden this little when prices are sought: of many prices those come out that blame few.
_FAINTLY_HIDDEN = 1e-3


@dataclass(frozen=True)
class Solved:
    """What was found for one component.

    Attributes:
        cells: number of cells that could move.
        primaries: how many of them must be hidden.
        objective: weight of the rows hidden besides.
        bound: no safe pattern weighs less than this.
        gap: (objective - bound) / objective, 0 when the pattern is proved cheapest.
        rounds: master programs solved.
        seconds: time spent.
    """

    cells: int
    primaries: int
    objective: int
    bound: int
    gap: float
    rounds: int
    seconds: float


@dataclass(frozen=True)
class Pattern:
    """A pattern that was attacked and held.

    Attributes:
        hidden: keys of all hidden cells, primary ones too.
        secondary: keys of the cells hidden to protect others.
        hidden_rows: the rows of the hidden cells, in the order of their first cells; a cell that stands alone is a row
            named after it.
        secondary_rows: the rows of the secondary cells.
        unprotectable: primary cells that no pattern protects; the others are protected all the same.
        objective: weight of the secondary rows.
        bound: no safe pattern weighs less.
        gap: (objective - bound) / objective, 0 when proved cheapest.
        rounds: master programs solved.
        seconds: time spent.
        components: the same for each component.
    """

    hidden: tuple[Hashable, ...]
    secondary: tuple[Hashable, ...]
    hidden_rows: tuple[Hashable, ...]
    secondary_rows: tuple[Hashable, ...]
    unprotectable: tuple[Unprotectable, ...]
    objective: int
    bound: int
    gap: float
    rounds: int
    seconds: float
    components: tuple[Solved, ...]


def cheapest_pattern(problem: Problem, seconds_per_component: float = 30.0) -> Pattern:
    """Find the cheapest safe pattern of hidden cells.

    Args:
        problem: cells and equations.
        seconds_per_component: when the proof takes longer, the best safe pattern so far is taken, with its gap. Only
            then can two runs on one problem differ.

    Returns:
        The pattern; every primary cell in it has whole-number proofs that were checked exactly, except those listed as
        unprotectable, whose levels were lowered to what can be reached.
    """
    begin = time.monotonic()
    components, lost = problem.components()
    besides: set[Hashable] = set()
    solved = []
    for component in components:
        search = _Search(component, seconds_per_component)
        hidden = search.solve()
        besides.update(component.row_keys[row] for row in np.flatnonzero(hidden & ~component.must_hide))
        lost += search.unprotectable
        solved.append(search.report())
    rows = problem.rows_of(problem.cells)
    hidden_rows = [row for row, cells in rows.items() if cells[0].status is Status.MUST_HIDE or row in besides]
    secondary_rows = [row for row in hidden_rows if row in besides]
    objective, bound = sum(part.objective for part in solved), sum(part.bound for part in solved)
    return Pattern(
        hidden=tuple(sorted(cell.key for row in hidden_rows for cell in rows[row])),
        secondary=tuple(sorted(cell.key for row in secondary_rows for cell in rows[row])),
        hidden_rows=tuple(hidden_rows),
        secondary_rows=tuple(secondary_rows),
        unprotectable=tuple(sorted(lost, key=lambda cell: cell.key)),
        objective=objective,
        bound=bound,
        gap=_gap(objective, bound),
        rounds=sum(part.rounds for part in solved),
        seconds=time.monotonic() - begin,
        components=tuple(solved),
    )


def requirements_unmet(problem: Problem) -> list[Hashable]:
    """Attack a pattern that is settled: no cell of the problem may be hidden any more.

    Args:
        problem: cells that must be hidden or are shown, and equations.

    Returns:
        Keys of the cells whose protection does not hold, sorted; every other one has whole-number proofs that were
        checked exactly.

    Raises:
        ValueError: when a cell may still be hidden.
    """
    if any(cell.status is Status.MAY_HIDE for cell in problem.cells):
        raise ValueError("a pattern with cells that may still be hidden is not settled")
    components, lost = problem.components()
    open_keys = [cell.key for cell in lost]
    for component in components:
        open_keys += [component.keys[at] for at in attacker_of(component).unproved(component.must_hide)]
    return sorted(open_keys)


def _gap(objective: int, bound: int) -> float:
    return (objective - bound) / objective if objective > bound else 0.0


class _Search:
    """The search on one component."""

    def __init__(self, component: Component, seconds: float) -> None:
        self._begin = time.monotonic()
        self._deadline = self._begin + seconds
        self._tight_enough = self._begin + _TIGHTENING * seconds
        self._component = component
        self._attacker = attacker_of(component)
        self._free = np.flatnonzero(~component.must_hide)
        self._step = gcd(*(int(weight) for weight in component.weights[self._free])) or 1
        self._rounds = 0
        self._loose = True
        self._suspects: dict[int, int] = {}
        self._bound = 0
        self._best: Mask | None = None
        self.unprotectable: list[Unprotectable] = []

    def solve(self) -> Mask:
        """The pattern, as a mask over the component's rows."""
        component = self._component
        if self._attacker.holds(component.must_hide):
            self._best = component.must_hide
            return self._best
        for cell in self._attacker.lower_to_attainable():
            self._give_up(cell)
        self._best = np.ones(len(component.row_keys), dtype=bool)
        if len(self._free):
            self._master = _Master(component, self._attacker)
            self._tighten()
        while not self._proved() and time.monotonic() < self._deadline:
            if not self._branch():
                break
        for cell in self._attacker.unproved(self._best):
            # Never seen; a cell that is not proved safe is told, whatever the reason.
            if component.keys[cell] not in {lost.key for lost in self.unprotectable}:
                self._give_up(cell)
        return self._best

    def report(self) -> Solved:
        """Figures of the search."""
        objective = self._cost(self._best)
        bound = objective if self._proved() else min(self._bound, objective)
        return Solved(
            cells=len(self._component.keys),
            primaries=int(self._component.primary.sum()),
            objective=objective,
            bound=bound,
            gap=_gap(objective, bound),
            rounds=self._rounds,
            seconds=time.monotonic() - self._begin,
        )

    def _give_up(self, cell: int) -> None:
        """List a cell as unprotectable, with what is left of it when everything is hidden."""
        fall, rise = self._attacker.interval(cell, np.ones(len(self._component.row_keys), dtype=bool))
        value = int(self._component.values[cell])
        self.unprotectable.append(Unprotectable(self._component.keys[cell], value - fall, value + rise))

    def _cost(self, hidden: Mask) -> int:
        return int(self._component.weights[hidden].sum())

    def _proved(self) -> bool:
        return self._cost(self._best) - self._bound < self._step

    def _raise_bound(self, value: float) -> None:
        """No pattern weighs less than a lower bound rounded up to what weights can add up to."""
        self._bound = max(self._bound, int(np.ceil(value / self._step - _BOUND_ERROR)) * self._step)

    def _tighten(self) -> None:
        """Add inequalities to the master without whole numbers until no attack breaks it or nothing is gained."""
        idle, last = 0, -1.0
        while True:
            value, x = self._master.relaxed()
            self._rounds += 1
            self._raise_bound(value)
            if self._proved():
                return
            if np.abs(x - np.rint(x)).max(initial=0) < _WHOLE and self._attacker.holds(x > 0.5):
                self._keep(x > 0.5)
                return
            idle = idle + 1 if value < last + 1e-4 * max(1.0, last) else 0
            last = max(last, value)
            faint = np.maximum(x, _FAINTLY_HIDDEN)
            added = self._master.add(self._attacker.failures_at(faint, _CUTS_A_ROUND), x)
            if not added:
                added = self._master.add(self._attacker.failures_at(x, _CUTS_A_ROUND), x)
            if not added:
                added = self._master.link(self._attacker.idle_rows(x), x)
            if not added or idle >= _ROUNDS_WITHOUT_GAIN or time.monotonic() > self._tight_enough:
                break
        # What the master hides for the most part is likely to be hidden; what it hides in part counts as cheap.
        self._improve(self._component.must_hide | (x > 0.5), self._component.weights * (1.02 - x))

    def _branch(self) -> bool:
        """Solve the master in whole numbers and attack its pattern; False when nothing can be gained any more."""
        cost = self._cost(self._best)
        seconds = self._deadline - time.monotonic()
        target = self._bound + int(_FIRST_PART * (cost - self._bound)) // self._step * self._step
        if not self._loose or target > cost - self._step:
            target = cost - self._step
        outcome = self._master.dived(target) or self._master.whole(target, self._step, seconds)
        self._rounds += 1
        value, hidden = outcome
        self._raise_bound(value)
        if self._proved():
            return False
        if hidden is None:
            # nothing up to the target: the bound has risen, or the time is over
            return True
        before = self._master.size
        safe = self._dive(hidden)
        if safe is not None:
            self._keep(safe)
            if self._cost(safe) < cost * _WORTH_THINNING:
                self._keep_if_safe(self._thinned(safe, safe & ~hidden))
        return self._master.size > before or safe is not None

    def _dive(self, hidden: Mask) -> Mask | None:
        """Attack a pattern, add the inequalities it breaks, hide what these ask for besides, until it holds.

        None when what it asks for costs too much to be of use.
        """
        hidden = hidden.copy()
        enough = max(self._cost(self._best) * _WORTH_THINNING, self._cost(self._best) + self._step)
        while time.monotonic() < self._deadline and self._cost(hidden) < enough:
            failures = self._attacker.attack(hidden, whole=False)
            if not failures:
                if not self._attacker.unproved(hidden):
                    return hidden
                failures = self._attacker.attack(hidden, whole=True)
                if not failures:
                    return hidden
            x = hidden.astype(float)
            added = self._master.add(
                self._attacker.failures_at(np.maximum(x, _FAINTLY_HIDDEN), _CUTS_A_DIVE, failures), x
            )
            added += self._master.link(self._attacker.idle_rows(x), x)
            if not added:
                added = self._master.add([failure for failure in failures if failure.prices], x)
            if not added:
                self._master.forbid(self._widest_unsafe(hidden, failures[0]))
            hidden = self._master.completed(hidden)
        return None

    def _widest_unsafe(self, hidden: Mask, failure: Failure) -> Mask:
        """A pattern that still fails, to which no row can be added without mending it."""
        wide = hidden.copy()
        for row in self._free[np.argsort(-self._component.weights[self._free], kind="stable")]:
            if not wide[row] and time.monotonic() < self._deadline:
                wide[row] = True
                fall, rise = self._attacker.interval(failure.cell, wide)
                reach = sum(rise if side > 0 else fall for side in failure.sides)
                wide[row] = reach < failure.level
        return wide

    def _improve(self, hidden: Mask, cost: Floats) -> None:
        """Complete a pattern cheaply, take out what is not needed, keep it when it is the best so far.

        Linear attacks come first; a pattern that holds against them is rarely broken by one in whole numbers.
        """
        hidden = self._completed(hidden, cost, whole=False)
        if time.monotonic() < self._deadline:
            hidden = self._thinned(hidden, hidden)
        if not self._keep_if_safe(hidden) and not self._keep_if_safe(self._completed(hidden, cost, whole=True)):
            self._keep(np.ones(len(hidden), dtype=bool))

    def _keep(self, hidden: Mask) -> None:
        """Keep a pattern that is safe when it is the cheapest so far."""
        if self._best is None or self._cost(hidden) < self._cost(self._best):
            self._best = hidden

    def _keep_if_safe(self, hidden: Mask) -> bool:
        """As ``_keep``, for a pattern of which this is not known; False when it is not."""
        if self._best is not None and self._cost(hidden) >= self._cost(self._best):
            return True
        safe = not self._attacker.unproved(hidden)
        if safe:
            self._keep(hidden)
        return safe

    def _completed(self, hidden: Mask, cost: Floats, whole: bool) -> Mask:
        """A safe pattern that holds these rows; all of them when no cheaper one is found."""
        standing = self._attacker.recall(hidden, whole)
        full = self._attacker.protect(hidden, standing, cost)
        return np.ones(len(hidden), dtype=bool) if full is None else full

    def _thinned(self, hidden: Mask, among: Mask) -> Mask:
        """Show again what is not needed among some rows, dear rows first."""
        standing = self._attacker.recall(hidden, whole=False)
        if self._attacker.first_failure(hidden, standing, self._suspects) is not None:
            return hidden
        extra = self._free[(hidden & among)[self._free]]
        for row in extra[np.lexsort((extra, -self._component.weights[extra]))]:
            if time.monotonic() > self._deadline:
                break
            less = hidden.copy()
            less[row] = False
            if self._master.excludes(less):
                continue
            tried = standing.without(int(row))
            failure = self._attacker.first_failure(less, tried, self._suspects)
            if failure is None:
                hidden, standing = less, tried
            elif failure.prices:
                self._master.add([failure], less.astype(float))
        return hidden


class _Master:
    """Which rows to hide, as far as the inequalities found so far tell."""

    def __init__(self, component: Component, attacker: Attacker) -> None:
        self._component = component
        self._attacker = attacker
        self._free = np.flatnonzero(~component.must_hide)
        self._column = np.full(len(component.row_keys), -1)
        self._column[self._free] = np.arange(len(self._free))
        self._weights = component.weights[self._free].astype(float)
        self._held: dict[int, list[list[Ints]]] = {}
        self._demands: list[tuple[Ints, Floats]] = []
        self._inequalities: set[tuple[tuple[int, ...], tuple[float, ...]]] = set()
        self._relaxed = new_solver(solver="simplex", presolve="off")
        n = len(self._free)
        columns = np.arange(n, dtype=np.int32)
        empty = np.zeros(0, dtype=np.int32)
        self._relaxed.addCols(n, self._weights, np.zeros(n), np.ones(n), 0, empty, empty, np.zeros(0))
        self._columns = columns
        for inequality in self._first_inequalities():
            self._add_inequality(*inequality)

    def relaxed(self) -> tuple[float, Floats]:
        """The master without whole numbers: its value, and how far each row is hidden."""
        while True:
            run(self._relaxed)
            x = np.clip(np.asarray(self._relaxed.getSolution().col_value), 0, 1)
            if not self._add_links(x):
                break
        self._reduced = np.asarray(self._relaxed.getSolution().col_dual)
        return self._relaxed.getObjectiveValue(), self._full(x)

    def dived(self, target: int) -> tuple[float, Mask] | None:
        """As ``whole``, by hiding one after another what the master mostly hides; None where that leads nowhere."""
        n = len(self._free)
        value, x = self.relaxed()
        x = x[self._free]
        least, most = np.zeros(n), np.ones(n)
        most[self._reduced > target - value + 1e-4] = 0
        path: list[tuple[Floats, Floats, Ints]] = []
        try:
            for _ in range(_STEPS_OF_A_DIVE):
                if x is None:
                    # Back to the last choice: the surest of it alone, or, when it was alone, not that one.
                    if not path:
                        return None
                    least, most, chosen = path.pop()
                    if len(chosen) > 1:
                        chosen = chosen[:1]
                        path.append((least.copy(), most.copy(), chosen))
                        least[chosen] = 1
                    else:
                        most[chosen] = 0
                else:
                    part = np.flatnonzero((x > _WHOLE) & (x < 1 - _WHOLE))
                    if not len(part):
                        return value, self._full(x) > 0.5
                    part = part[np.argsort(-x[part], kind="stable")]
                    chosen = part[x[part] >= min(0.8, x[part[0]])]
                    path.append((least.copy(), most.copy(), chosen))
                    least[chosen] = 1
                self._relaxed.changeColsBounds(n, self._columns, least, most)
                x = None
                is_solved = run(self._relaxed) == highspy.HighsModelStatus.kOptimal
                if is_solved and self._relaxed.getInfo().objective_function_value <= target + 1e-4:
                    x = np.clip(np.asarray(self._relaxed.getSolution().col_value), 0, 1)
            return None
        finally:
            self._relaxed.changeColsBounds(n, self._columns, np.zeros(n), np.ones(n))

    def whole(self, target: int, step: int, seconds: float) -> tuple[float, Mask | None]:
        """The master in whole numbers up to a target: a lower bound, and the pattern that reaches it.

        Only what can be in a pattern up to the target takes part: where there is none, all others weigh more.
        """
        value, _ = self.relaxed()
        # A row whose hiding alone would take the weight above the target is in no pattern up to it, and one that
        # would by not being hidden is in all of them.
        room = target - value + 1e-4
        shut, needed = self._reduced > room, -self._reduced > room
        solver = new_solver(mip_rel_gap=0.0, mip_abs_gap=step * 0.999, time_limit=max(seconds, 0.01))
        solver.passModel(self._relaxed.getLp())
        n = len(self._free)
        solver.changeColsIntegrality(n, self._columns, np.full(n, highspy.HighsVarType.kInteger))
        solver.changeColsBounds(n, self._columns, np.where(needed, 1.0, 0.0), np.where(shut, 0.0, 1.0))
        status = run(solver)
        if status == highspy.HighsModelStatus.kInfeasible:
            return float(target + step), None
        bound = max(value, min(solver.getInfo().mip_dual_bound, float(target + step)))
        found = np.asarray(solver.getSolution().col_value)
        if status != highspy.HighsModelStatus.kOptimal or len(found) != n:
            return bound, None
        if self._weights @ np.rint(found) > target + 0.5 * step:
            return bound, None
        return bound, self._full(found) > 0.5

    def add(self, failures: list[Failure], x: Floats) -> int:
        """Add the inequalities of failures that x breaks."""
        added = 0
        for failure in failures:
            cut = self._attacker.cut(failure)
            if cut is None:
                continue
            places, coefficients = cut
            if (coefficients * x[places]).sum() < 1 - 1e-4:
                added += self._add_inequality(self._column[places], coefficients, 1.0)
        return added

    def link(self, idle: list[tuple[int, Ints]], x: Floats) -> int:
        """Add the inequalities of rows that cannot move as x hides them."""
        added = 0
        for row, places in idle:
            if self._component.must_hide[places].any():
                continue
            if x[places].sum() < x[row] - 1e-4:
                columns = np.append(self._column[places], self._column[row])
                added += self._add_inequality(columns, np.append(np.ones(len(places)), -1.0), 0.0)
        return added

    def excludes(self, hidden: Mask) -> bool:
        """Whether a pattern breaks an inequality, so that it cannot be safe."""
        x = hidden[self._free].astype(float)
        return any((c * x[p]).sum() < 1 - 1e-6 for p, c in self._demands)

    def forbid(self, hidden: Mask) -> None:
        """At least one row more must be hidden than these: hiding fewer never protects better."""
        outside = self._free[~hidden[self._free]]
        self._add_inequality(self._column[outside], np.ones(len(outside)), 1.0)

    def completed(self, hidden: Mask) -> Mask:
        """A pattern with the rows besides that the master without whole numbers takes to meet its inequalities."""
        n = len(self._free)
        kept = hidden[self._free].astype(float)
        self._relaxed.changeColsBounds(n, self._columns, kept, np.ones(n))
        run(self._relaxed)
        x = np.asarray(self._relaxed.getSolution().col_value)
        self._relaxed.changeColsBounds(n, self._columns, np.zeros(n), np.ones(n))
        new = np.where(kept > 0, 0, x)
        more = hidden.copy()
        more[self._free] |= new >= min(0.5, new.max())
        return more

    @property
    def size(self) -> int:
        """How many inequalities there are."""
        return len(self._inequalities)

    def _full(self, x: Floats) -> Floats:
        full = np.ones(len(self._component.row_keys))
        full[self._free] = x
        return full

    def _add_inequality(self, columns: Ints, coefficients: Floats, least: float) -> int:
        key = (tuple(columns.tolist()), tuple(np.round(coefficients, 9).tolist()))
        if key in self._inequalities:
            return 0
        self._inequalities.add(key)
        if least == 1.0:
            self._demands.append((columns, coefficients))
        self._relaxed.addRow(least, highspy.kHighsInf, len(columns), columns.astype(np.int32), coefficients)
        return 1

    def _first_inequalities(self) -> list[tuple[Ints, Floats, float]]:
        """What each equation by itself asks for each primary cell in it."""
        found = []
        component, attacker = self._component, self._attacker
        matrix, shown = component.matrix, ~component.must_hide[component.row]
        needs = ((1, attacker.upper.tolist()), (-1, attacker.lower.tolist()))
        for first, last in pairwise(matrix.indptr.tolist()):
            cells, data = matrix.indices[first:last], matrix.data[first:last].astype(float)
            # the most that the others can add, each way; and how much of it is there anyway
            ways = {way: attacker.most(cells, way * data) for way in (1, -1)}
            there = {way: float(ways[way][~shown[cells]].sum()) for way in ways}
            for at in np.flatnonzero(component.primary[cells]).tolist():
                cell = int(cells[at])
                for side, levels in needs:
                    factor = -side / float(data[at])
                    way = 1 if factor > 0 else -1
                    most = ways[way]
                    if levels[cell] > abs(factor) * (there[way] - most[at]):
                        coefficients = abs(factor) * most
                        coefficients[at] = 0
                        cut = attacker.inequality(cells, coefficients, levels[cell])
                        if cut is not None and len(cut[0]):
                            found.append((self._column[cut[0]], cut[1], 1.0))
        return found

    @cached_property
    def _equations_of_cells(self) -> tuple[list[Ints], list[Ints], dict[int, list[int]]]:
        """Cells and rows of each equation, and for each cell the equations in which no row must be hidden."""
        matrix, rows = self._component.matrix, self._component.row
        cells = [matrix.indices[first:last] for first, last in pairwise(matrix.indptr.tolist())]
        rows_of = [np.unique(rows[there]) for there in cells]
        where: dict[int, list[int]] = {}
        for at, there in enumerate(cells):
            if not self._component.must_hide[rows_of[at]].any():
                for cell in there.tolist():
                    where.setdefault(cell, []).append(at)
        return cells, rows_of, where

    def _holding(self, row: int) -> list[list[Ints]]:
        """Of a row whose cells others hold still: for each of its cells, the other rows in each equation that settles
        it once the cells before it are settled. Nothing for a row whose cells can move each other.
        """
        if row not in self._held:
            cells_of, rows_of, where = self._equations_of_cells
            left = set(np.flatnonzero(self._component.row == row).tolist())
            settled = []
            while left:
                for cell in sorted(left):
                    equations = [
                        at
                        for at in where.get(cell, ())
                        if len(left) == 1 or not left.intersection(cells_of[at]) - {cell}
                    ]
                    if equations:
                        settled.append([rows_of[at][rows_of[at] != row] for at in equations])
                        left.remove(cell)
                        break
                else:
                    settled = []
                    break
            self._held[row] = settled
        return self._held[row]

    def _add_links(self, x: Floats) -> int:
        """A row that may be hidden need not be when no other row is hidden in equations that settle its cells."""
        added = 0
        x = self._full(x)
        for row in self._free[x[self._free] > 1e-4].tolist():
            settled = self._holding(row)
            if not settled:
                continue
            others: set[int] = set()
            for equations in settled:
                others.update(min(equations, key=lambda there: x[there].sum()).tolist())
                if x[list(others)].sum() >= x[row] - 1e-4:
                    break
            else:
                columns = self._column[[*sorted(others), row]]
                added += self._add_inequality(columns, np.append(np.ones(len(others)), -1.0), 0.0)
        return added
