"""A system of an attacker's knowledge for HiGHS, and the three questions that an audit asks it.

Belongs here: what is left of a system after substitution of what is known, cut into parts that share nothing, and
linear and whole-number programs on such a part. Answers are checked in whole numbers before they are given; what HiGHS
says cannot be done is believed. Not here: which questions to ask (witnesses), and the pattern of hidden cells, whose
solver shares nothing with this.

All solver objects of one process need the same number of threads, or HiGHS refuses to run.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import highspy
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pipeline.disclosure.attack import Fact, System

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

# One thread and no limit in seconds: the same question gets the same answer on every machine.
_OPTIONS = {
    "output_flag": False,
    "threads": 1,
    "parallel": "off",
    "random_seed": 0,
    # The primal simplex goes on from the answer before, which a new question leaves possible.
    "simplex_strategy": 4,
    "mip_rel_gap": 0.0,
    "mip_abs_gap": 0.5,
    "mip_feasibility_tolerance": 1e-7,
    "primal_feasibility_tolerance": 1e-8,
}
_NODES = 20_000
# Repairing a fractional answer needs any whole one, not the best.
_NODES_FOR_REPAIR = 20
_GAP_OF_REPAIR = 0.1
# Unknowns around one of which a value is looked for, a few first.
_NEAR = (40, 200)
_FRACTION = 1e-5
_PRICE_OF_NOISE = 0.05

ATTAINED = "attained"
UNBOUNDED = "unbounded"
NONE = "none"
UNDECIDED = "undecided"
_STATUS = highspy.HighsModelStatus
_CERTAIN = {_STATUS.kUnbounded: UNBOUNDED, _STATUS.kInfeasible: NONE}


@dataclass(frozen=True)
class Part:
    """Unknowns that hang together by equations and inequalities, and nothing else.

    Attributes:
        unknowns: their places in the system, ascending.
        low: lower bound of each; -inf for none.
        high: upper bound of each; inf for none.
        rows: coefficients, one line per row.
        row_low: lower bound of each row.
        row_high: upper bound of each row.
        truth: the true values.
    """

    unknowns: tuple[int, ...]
    low: Floats
    high: Floats
    rows: sparse.csr_array
    row_low: Floats
    row_high: Floats
    truth: Whole

    def allows(self, values: Whole) -> bool:
        """Whether whole numbers satisfy every bound and row; whole numbers below 2^53 are exact here."""
        totals = self.rows @ values
        return bool(
            (values >= self.low).all()
            and (values <= self.high).all()
            and (totals >= self.row_low).all()
            and (totals <= self.row_high).all()
        )


@dataclass(frozen=True)
class Wish:
    """Where a value should go: at least ``value`` (direction 1), at most (-1), or exactly (0)."""

    column: int
    direction: int
    value: int


@dataclass(frozen=True)
class Extreme:
    """The lowest or highest value of an unknown.

    Attributes:
        status: ``attained`` (values are there), ``unbounded``, ``none`` (nothing is possible at all) or ``undecided``.
        values: whole numbers that the part allows; when undecided the best that were found, or None.
    """

    status: str
    values: Whole | None


def parts(system: System) -> tuple[list[Part], dict[int, int]]:
    """Cut a system into parts that share no unknown.

    Args:
        system: whose truth contradicts nothing.

    Returns:
        The parts, in the order of their first unknown, and the value of each unknown that follows at once.
    """
    low: list[int | None] = [unknown.low for unknown in system.unknowns]
    high: list[int | None] = [unknown.high for unknown in system.unknowns]
    rows = [
        ([(system.position[name], coefficient) for name, coefficient in row.terms], *system.limits(row))
        for fact in system.facts
        for row in fact.rows
    ]
    rows_of: list[list[int]] = [[] for _ in system.unknowns]
    for at, (terms, _, _) in enumerate(rows):
        for unknown, _ in terms:
            rows_of[unknown].append(at)

    is_free = [least is None or least != most for least, most in zip(low, high, strict=True)]

    # A row on a single unknown is a bound; a bound that leaves one value goes into all rows of that unknown.
    queue = deque(range(len(rows)))
    while queue:
        terms, least, most = rows[queue.popleft()]
        free = [term for term in terms if is_free[term[0]]]
        if len(free) != 1:
            continue
        unknown, coefficient = free[0]
        rest = sum(factor * low[other] for other, factor in terms if other != unknown)
        ends = [None if end is None else end - rest for end in (least, most)]
        if coefficient < 0:
            coefficient, ends = -coefficient, [None if end is None else -end for end in reversed(ends)]
        if ends[0] is not None and (low[unknown] is None or -(-ends[0] // coefficient) > low[unknown]):
            low[unknown] = -(-ends[0] // coefficient)
        if ends[1] is not None and (high[unknown] is None or ends[1] // coefficient < high[unknown]):
            high[unknown] = ends[1] // coefficient
        if low[unknown] is not None and low[unknown] == high[unknown]:
            is_free[unknown] = False
            queue.extend(rows_of[unknown])

    open_rows = []
    for terms, least, most in rows:
        free = [term for term in terms if is_free[term[0]]]
        if len(free) > 1:
            rest = sum(coefficient * low[unknown] for unknown, coefficient in terms if not is_free[unknown])
            ends = (None if end is None else end - rest for end in (least, most))
            open_rows.append((free, *ends))
    known = {unknown: low[unknown] for unknown in range(len(low)) if not is_free[unknown]}
    return _cut(system, low, high, open_rows), known


def _cut(system: System, low: list, high: list, rows: list) -> list[Part]:
    """The parts of unknowns with different bounds and rows of at least two of them."""
    count = len(system.unknowns)
    pairs = [(terms[0][0], unknown) for terms, _, _ in rows for unknown, _ in terms[1:]]
    links = sparse.coo_array((np.ones(len(pairs)), tuple(np.array(pairs, dtype=int).reshape(-1, 2).T)), (count, count))
    _, labels = sparse.csgraph.connected_components(links, directed=False)
    members: dict[int, list[int]] = {}
    for unknown in range(count):
        if low[unknown] is None or low[unknown] != high[unknown]:
            members.setdefault(labels[unknown], []).append(unknown)
    rows_of: dict[int, list] = {label: [] for label in members}
    for row in rows:
        rows_of[labels[row[0][0][0]]].append(row)
    return [_part(system, low, high, unknowns, rows_of[label]) for label, unknowns in members.items()]


def _part(system: System, low: list, high: list, unknowns: list[int], rows: list) -> Part:
    column = {unknown: at for at, unknown in enumerate(unknowns)}
    entries = [
        (line, column[unknown], coefficient)
        for line, (terms, _, _) in enumerate(rows)
        for unknown, coefficient in terms
    ]
    lines, columns, coefficients = np.array(entries, dtype=np.int64).reshape(-1, 3).T
    return Part(
        tuple(unknowns),
        _bounds([low[unknown] for unknown in unknowns], -np.inf),
        _bounds([high[unknown] for unknown in unknowns], np.inf),
        sparse.csr_array((coefficients, (lines, columns)), (len(rows), len(unknowns))),
        _bounds([least for _, least, _ in rows], -np.inf),
        _bounds([most for _, _, most in rows], np.inf),
        np.array([system.truth[system.unknowns[unknown].name] for unknown in unknowns], dtype=np.int64),
    )


def _bounds(ends: Sequence[int | None], none: float) -> Floats:
    return np.array([none if end is None else end for end in ends], dtype=float)


class Programs:
    """Programs on one part. Each starts where the one before ended, which is many times faster than anew."""

    def __init__(self, part: Part, counts: Sequence[int]) -> None:
        """Prepare them.

        Args:
            part: whose coefficients hold in all programs; the bounds may differ from one to the next.
            counts: columns of which anything may be wished.
        """
        self._part = part
        self._counts = np.array(counts, dtype=np.int32)

    # Solvers are made when they are needed: of most parts an earlier attack left all worlds.
    @cached_property
    def _ends(self) -> highspy.Highs:
        part = self._part
        return _solver(_model(np.zeros(len(part.unknowns)), part.low, part.high, *_rows(part)))

    @cached_property
    def _wishes(self) -> highspy.Highs:
        # Per count a shortfall u <= 0 that is at most x - value upwards, and at most value - x downwards.
        part, size, many = self._part, len(self._part.unknowns), len(self._counts)
        rows = _with_shortfalls(part.rows, self._counts)
        solver = _solver(
            _model(
                np.zeros(size + many),
                np.concatenate([part.low, np.full(many, -np.inf)]),
                np.concatenate([part.high, np.zeros(many)]),
                rows,
                np.concatenate([part.row_low, np.full(2 * many, -np.inf)]),
                np.concatenate([part.row_high, np.full(2 * many, np.inf)]),
            )
        )
        # Here everything changes from one program to the next; the dual simplex was measured twice as fast.
        solver.setOptionValue("simplex_strategy", 1)
        return solver

    def best(self, part: Part, wishes: Sequence[Wish]) -> Whole | None:
        """Whole numbers that meet many wishes at once, or come near.

        One linear program makes the sum of what is left to wish for as small as it can be; going further than wished
        counts for nothing. Counts without a wish had better keep their true value: a world that moves few counts agrees
        with what many insiders know. A fractional answer is repaired by a short search among whole numbers.

        Args:
            part: the part, with the bounds that hold.
            wishes: at most one per count.

        Returns:
            Values that the part allows, or None when none were found.
        """
        size, many = len(part.unknowns), len(self._counts)
        true = part.truth[self._counts].astype(float)
        upward, downward, price = true.copy(), -true, np.full(many, _PRICE_OF_NOISE)
        at = {column: place for place, column in enumerate(self._counts.tolist())}
        for wish in wishes:
            place = at[wish.column]
            upward[place] = wish.value if wish.direction >= 0 else -np.inf
            downward[place] = -wish.value if wish.direction <= 0 else -np.inf
            price[place] = 1
        solver = self._wishes
        first = part.rows.shape[0]
        lines = np.arange(first, first + 2 * many, dtype=np.int32)
        solver.changeRowsBounds(2 * many, lines, np.concatenate([upward, downward]), np.full(2 * many, np.inf))
        solver.changeColsCost(many, np.arange(size, size + many, dtype=np.int32), price)
        if _solve(solver, part) != _STATUS.kOptimal:
            return None
        found = _whole(part, solver)
        if found is None:
            found = self._repair(part, upward, downward, price)
        return found

    def _repair(self, part: Part, upward: Floats, downward: Floats, price: Floats) -> Whole | None:
        """A short search for whole numbers among what the fractional answer moves; the rest keeps its true value."""
        moving = _moving(part, self._wishes)
        inner = self._inner(part, moving)
        places = np.full(len(part.unknowns), -1)
        places[moving] = np.arange(len(moving))
        wished = np.flatnonzero(places[self._counts] >= 0)
        size, many = len(moving), len(wished)
        if not many:
            return None
        model = _model(
            np.concatenate([np.zeros(size), price[wished]]),
            np.concatenate([inner.low, np.full(many, -np.inf)]),
            np.concatenate([inner.high, np.zeros(many)]),
            _with_shortfalls(inner.rows, places[self._counts[wished]]),
            np.concatenate([inner.row_low, upward[wished], downward[wished]]),
            np.concatenate([inner.row_high, np.full(2 * many, np.inf)]),
        )
        search = _search(model, inner, _NODES_FOR_REPAIR, gap=_GAP_OF_REPAIR)
        return _outer(part, moving, _whole(inner, search))

    def _inner(self, part: Part, moving: Whole) -> Part:
        """The part in which only some unknowns move; all others have their true value."""
        rows = self._by_column[:, moving].tocsr()
        touched = np.flatnonzero(np.diff(rows.indptr))
        rows = rows[touched]
        truth = part.truth[moving]
        fixed = self._true_sums[touched] - rows @ truth
        return Part(
            tuple(part.unknowns[at] for at in moving),
            part.low[moving],
            part.high[moving],
            rows,
            part.row_low[touched] - fixed,
            part.row_high[touched] - fixed,
            truth,
        )

    @cached_property
    def _by_column(self) -> sparse.csc_array:
        return self._part.rows.tocsc()

    @cached_property
    def _true_sums(self) -> Whole:
        return self._part.rows @ self._part.truth

    def extreme(self, part: Part, column: int, direction: int) -> Extreme:
        """The lowest (direction -1) or highest (1) whole value of one unknown.

        Args:
            part: the part, with the bounds that hold.
            column: the unknown.
            direction: -1 or 1.
        """
        solver = self._ends
        solver.changeColCost(column, float(direction))
        status = _solve(solver, part)
        if status in _CERTAIN:
            answer = Extreme(_CERTAIN[status], None)
        elif status == _STATUS.kOptimal and (found := _whole(part, solver)) is not None:
            answer = Extreme(ATTAINED, found)
        else:
            answer = self._nearby(part, column, direction) if status == _STATUS.kOptimal else None
            answer = answer or self._whole_extreme(part)
        solver.changeColCost(column, 0.0)
        return answer

    def beside(self, part: Part, column: int, value: int) -> Whole | None:
        """Whole numbers in which one unknown has a value and only what is near it moves; None when none were found.

        Most values are possible by an exchange between a few counts, which is found long before a program on all.

        Args:
            part: the part, with the bounds that hold.
            column: the unknown.
            value: its value.
        """
        low, high = part.low.copy(), part.high.copy()
        low[column] = high[column] = value
        held = replace(part, low=low, high=high)
        near = np.array([column])
        for most in _NEAR:
            if len(near) >= most:
                continue
            while len(near) < most:
                rows = np.unique(self._by_column[:, near].indices)
                further = np.unique(part.rows[rows].indices)
                if len(further) == len(near):
                    break
                near = further
            inner = self._inner(held, near)
            search = _search(
                _model(np.zeros(len(near)), inner.low, inner.high, *_rows(inner)), inner, _NODES_FOR_REPAIR
            )
            found = _outer(held, near, _whole(inner, search))
            if found is not None or len(near) == len(part.unknowns):
                return found
        return None

    def leant_on(self, part: Part, column: int) -> NDArray[np.int64]:
        """Rows on which the bounds of an unknown lean in linear programs: those with a price."""
        used = np.zeros(part.rows.shape[0], dtype=bool)
        for direction in (-1, 1):
            self._ends.changeColCost(column, float(direction))
            if _solve(self._ends, part) == _STATUS.kOptimal:
                used |= np.abs(self._ends.getSolution().row_dual) > _FRACTION
        self._ends.changeColCost(column, 0.0)
        return np.flatnonzero(used)

    def _nearby(self, part: Part, column: int, direction: int) -> Extreme | None:
        """The extreme among whole numbers of what the fractional answer moves, when that goes as far as it did."""
        furthest = np.floor(direction * self._ends.getSolution().col_value[column] + _FRACTION)
        if column in self._counts:
            # first by a program that moves little else
            low, high = part.low.copy(), part.high.copy()
            low[column] = high[column] = direction * furthest
            found = self.best(replace(part, low=low, high=high), [Wish(column, 0, int(direction * furthest))])
            if found is not None:
                return Extreme(ATTAINED, found)
        moving = np.union1d(_moving(part, self._ends), [column])
        inner = self._inner(part, moving)
        cost = np.where(moving == column, float(direction), 0.0)
        search = _search(_model(cost, inner.low, inner.high, *_rows(inner)), inner, _NODES_FOR_REPAIR)
        found = _outer(part, moving, _whole(inner, search))
        if found is None or direction * found[column] < furthest:
            return None
        return Extreme(ATTAINED, found)

    def _whole_extreme(self, part: Part) -> Extreme:
        search = _search(self._ends.getLp(), part, _NODES)
        status = search.getModelStatus()
        if status == _STATUS.kInfeasible:
            return Extreme(NONE, None)
        found = _whole(part, search)
        return Extreme(ATTAINED if status == _STATUS.kOptimal and found is not None else UNDECIDED, found)


def uncut(system: System, facts: Sequence[Fact], unknown: str) -> tuple[Part, NDArray[np.int64]]:
    """Some facts as one part in which nothing has been substituted, so that facts can be left out again.

    Args:
        system: which the facts belong to.
        facts: some of its facts.
        unknown: an unknown that is in the part whatever the facts say.

    Returns:
        The part, and for each of its rows the place of its fact.
    """
    names = {name for fact in facts for row in fact.rows for name, _ in row.terms} | {unknown}
    rows = [
        ([(system.position[name], coefficient) for name, coefficient in row.terms], *system.limits(row))
        for fact in facts
        for row in fact.rows
    ]
    low = [each.low for each in system.unknowns]
    high = [each.high for each in system.unknowns]
    part = _part(system, low, high, sorted(system.position[name] for name in names), rows)
    return part, np.repeat(np.arange(len(facts)), [len(fact.rows) for fact in facts])


def _model(cost: Floats, low: Floats, high: Floats, rows: sparse.csr_array, least: Floats, most: Floats):
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = len(cost), len(least)
    model.sense_ = highspy.ObjSense.kMaximize
    model.col_cost_, model.col_lower_, model.col_upper_ = cost, low, high
    model.row_lower_, model.row_upper_ = least, most
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_ = rows.indptr.astype(np.int32)
    model.a_matrix_.index_ = rows.indices.astype(np.int32)
    model.a_matrix_.value_ = rows.data.astype(float)
    return model


def _rows(part: Part) -> tuple[sparse.csr_array, Floats, Floats]:
    return part.rows, part.row_low, part.row_high


def _solver(model: highspy.HighsLp) -> highspy.Highs:
    solver = highspy.Highs()
    for option, value in _OPTIONS.items():
        solver.setOptionValue(option, value)
    if solver.passModel(model) == highspy.HighsStatus.kError:
        raise RuntimeError("HiGHS refuses a system of an attacker's knowledge")
    return solver


def _solve(solver: highspy.Highs, part: Part) -> highspy.HighsModelStatus:
    """Run a program with the bounds of a part; a start that leads nowhere is forgotten."""
    size = len(part.unknowns)
    lines = part.rows.shape[0]
    solver.changeColsBounds(size, np.arange(size, dtype=np.int32), part.low, part.high)
    solver.changeRowsBounds(lines, np.arange(lines, dtype=np.int32), part.row_low, part.row_high)
    for _ in range(2):
        if solver.run() == highspy.HighsStatus.kError:
            raise RuntimeError("HiGHS did not run; every solver of this process needs the same number of threads")
        if solver.getModelStatus() in (_STATUS.kOptimal, *_CERTAIN):
            break
        solver.clearSolver()
    return solver.getModelStatus()


def _with_shortfalls(rows: sparse.csr_array, counts: Whole) -> sparse.csr_array:
    """Rows, and two more for each count: the count less its shortfall, and its opposite less its shortfall."""
    many = len(counts)
    shortfall = sparse.identity(many, dtype=np.int64)
    column = sparse.csr_array(
        (np.ones(many, dtype=np.int64), (np.arange(many), counts)), shape=(many, rows.shape[1]), dtype=np.int64
    )
    return sparse.block_array([[rows, None], [column, -shortfall], [-column, -shortfall]], format="csr")


def _moving(part: Part, solver: highspy.Highs) -> Whole:
    """The unknowns that an answer moves, or that cannot keep their true value."""
    values = np.array(solver.getSolution().col_value[: len(part.unknowns)])
    still = np.abs(values - part.truth) < _FRACTION
    still &= (part.truth >= part.low) & (part.truth <= part.high)
    return np.flatnonzero(~still)


def _outer(part: Part, moving: Whole, values: Whole | None) -> Whole | None:
    """All unknowns, when some move to these values; None when the part does not allow it."""
    if values is None:
        return None
    whole = part.truth.copy()
    whole[moving] = values
    return whole if part.allows(whole) else None


def _search(model: highspy.HighsLp, part: Part, nodes: int, gap: float = 0.0) -> highspy.Highs:
    """A program as a search among whole numbers, of so many nodes at most; shortfalls follow from the rest."""
    kinds = [highspy.HighsVarType.kInteger] * len(part.unknowns)
    model.integrality_ = kinds + [highspy.HighsVarType.kContinuous] * (model.num_col_ - len(part.unknowns))
    search = _solver(model)
    search.setOptionValue("mip_max_nodes", nodes)
    search.setOptionValue("mip_rel_gap", gap)
    if model.num_col_ == len(part.unknowns) and part.allows(part.truth):
        start = highspy.HighsSolution()
        start.col_value = part.truth.tolist()
        search.setSolution(start)
    search.run()
    return search


def _whole(part: Part, solver: highspy.Highs) -> Whole | None:
    """The answer in whole numbers, when it is whole and the part allows it."""
    solution = solver.getSolution()
    if not solution.value_valid:
        return None
    values = np.array(solution.col_value[: len(part.unknowns)])
    rounded = np.rint(values)
    if np.abs(values - rounded).max(initial=0) > _FRACTION:
        return None
    whole = rounded.astype(np.int64)
    return whole if part.allows(whole) else None
