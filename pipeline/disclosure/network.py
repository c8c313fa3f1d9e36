"""Attacks on a component that is a network: every cell lies in two equations, in one of them the other way round.

Belongs here: recognising such a component (a table of two dimensions with its totals is one, in rows or not), and the
same attacks as in ``attacker`` as flows. How far a cell can go is then a greatest flow between its two equations. It is
whole when the bounds are, so that each attack is a proof by itself, and where it ends a smallest cut gives the prices.
Does not belong here: components of another shape, whose attacks are linear programs.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from pipeline.disclosure.attacker import DOWN, UP, Attacker, Failure, Floats, Mask
from pipeline.disclosure.problem import Component, Ints

_TOO_LITTLE = 1e-4  # a level is missed when this part of it is missing
_NOTHING = 1e-9  # less than this left is nothing left
_WHOLE = 1e-6
_HARDLY = 0.01  # what is hidden less than this is taken as shown

# Moves of cells, by place.
Moves = dict[int, int]
# Of each equation: the cells that leave it, the equation that each leads to, and which way.
Beside = list[list[tuple[int, int, int]]]


def attacker_of(component: Component) -> Attacker:
    """The attacker that suits a component.

    Args:
        component: the cells and their equations.
    """
    return Attacker(component) if component.signs is None else NetworkAttacker(component)


class _Standing:
    """What is proved lies with the attacker, by pattern; this says only what counts."""

    def __init__(self, whole: bool) -> None:
        self.whole = whole

    def without(self, row: int) -> _Standing:
        """The same: a row that is shown is left out of each proof that is looked up."""
        return self


class NetworkAttacker(Attacker):
    """Attacks on one component that is a network.

    With the signs of the component each cell is added in the equation that it leads to and taken off in the one that
    it comes from. What lies in one equation only leads to or from one that is not there: the ground, whose place is the
    number of equations.

    Args:
        component: the cells and their equations.
    """

    def __init__(self, component: Component) -> None:
        super().__init__(component)
        self._sign = np.array(component.signs, dtype=float)
        self._falls, self._rises = component.down.tolist(), component.up.tolist()
        self._is_primary = component.primary.tolist()
        # those that need most first: what takes these there takes others along
        cells = np.flatnonzero(component.primary)
        self._primaries = cells[np.argsort(-component.upper_levels[cells], kind="stable")].tolist()
        matrix, n = component.matrix, len(component.keys)
        self._terms: list[list[tuple[int, int]]] = [[] for _ in range(n)]
        self._tail, self._head = [len(self._sign)] * n, [len(self._sign)] * n
        column, data = matrix.indices.tolist(), matrix.data.tolist()
        for row, ((first, last), sign) in enumerate(
            zip(pairwise(matrix.indptr.tolist()), component.signs, strict=True)
        ):
            for at in range(first, last):
                self._terms[column[at]].append((row, data[at]))
                (self._head if data[at] == sign else self._tail)[column[at]] = row
        self._levels = self._all_levels()
        self._proofs: dict[tuple[int, int], tuple[int, Moves]] = {}
        self._pattern: Mask | None = None

    def lower_to_attainable(self) -> list[int]:
        touched = super().lower_to_attainable()
        self._levels = self._all_levels()
        return touched

    def _all_levels(self) -> list[tuple[int, int, int]]:
        """Upper, lower and sliding level of each cell."""
        return list(zip(self.upper.tolist(), self.lower.tolist(), self.sliding.tolist(), strict=True))

    # ---- patterns: flows in whole numbers

    def attack(self, hidden: Mask, whole: bool) -> list[Failure]:
        self._face(hidden)
        return [failure for cell in self._primaries if (failure := self._failure(cell)) is not None]

    def holds(self, hidden: Mask) -> bool:
        self._face(hidden)
        return all(self._is_proved(cell) for cell in self._primaries)

    def unproved(self, hidden: Mask) -> list[int]:
        self._face(hidden)
        return sorted(cell for cell in self._primaries if not self._is_proved(cell))

    def interval(self, cell: int, hidden: Mask) -> tuple[int, int]:
        self._face(hidden)
        rise, fall = (
            self._flow(cell, side, self._far(cell, side), self._beside, self._rises, self._falls)[0]
            for side in (UP, DOWN)
        )
        return fall, rise

    def recall(self, hidden: Mask, whole: bool) -> _Standing:
        return _Standing(whole)

    def first_failure(self, hidden: Mask, standing: _Standing, suspects: dict[int, int]) -> Failure | None:
        self._face(hidden)
        for cell in sorted(self._primaries, key=lambda cell: -suspects.get(cell, 0)):
            failure = self._failure(cell)
            if failure is not None:
                suspects[cell] = suspects.get(cell, 0) + 1
                return failure
        return None

    def protect(
        self, hidden: Mask, standing: _Standing, cost: Floats | None = None, only: int | None = None
    ) -> Mask | None:
        hidden = hidden.copy()
        for cell in self._primaries:
            self._face(hidden)
            reach = dict(zip((UP, DOWN), self._reached(cell)[:2], strict=True))
            for sides, level in self._requirements(cell):
                missing = level - sum(reach[side] for side in sides)
                for side in sides:
                    if missing > 0:
                        goal, moves = self._few_moves(cell, side, reach[side] + missing, hidden, cost, False, sides)
                        if moves is not None and goal > reach[side]:
                            hidden[self.component.row[np.abs(moves) > _WHOLE]] = True
                            missing -= goal - reach[side]
                            reach[side] = goal
                if missing > 0:
                    return None
        return hidden

    def _face(self, hidden: Mask) -> None:
        """Look at a pattern: the attacks that follow are on it."""
        if self._pattern is None or not np.array_equal(self._pattern, hidden):
            self._pattern = hidden.copy()
            cells = hidden[self.component.row]
            self._hidden = cells.tolist()
            self._beside = self._beside_of(np.flatnonzero(cells))

    def _failure(self, cell: int) -> Failure | None:
        """The first requirement of a primary cell that is not met."""
        rise, fall, cuts = self._reached(cell)
        if self._is_enough(cell, rise, fall):
            return None
        reach = {UP: rise, DOWN: fall}
        for sides, level in self._requirements(cell):
            if sum(reach[side] for side in sides) < level:
                return Failure(cell, level, sides, tuple(self._prices_of(cuts.get(side)) for side in sides))
        return None

    def _is_proved(self, cell: int) -> bool:
        """Whether a primary cell is protected, by moves that are checked here and now."""
        rise, fall, _ = self._reached(cell)
        if not self._is_enough(cell, rise, fall):
            return False
        if rise and not self._is_proof(cell, UP, rise):
            rise = 0
        if fall and not self._is_proof(cell, DOWN, fall):
            fall = 0
        return self._is_enough(cell, rise, fall)

    def _is_enough(self, cell: int, rise: int, fall: int) -> bool:
        upper, lower, sliding = self._levels[cell]
        return rise >= upper and fall >= lower and rise + fall >= sliding

    def _reached(self, cell: int) -> tuple[int, int, dict[int, set[int]]]:
        """How far a primary cell can rise and fall, as far as that is asked; and where it ends, if by an equation."""
        upper, lower, sliding = self._levels[cell]
        rise, fall, cuts = 0, 0, {}
        goal = min(self._rises[cell], max(upper, sliding))
        if goal:
            rise, cut = self._known(cell, UP, goal)
            if cut is not None:
                cuts[UP] = cut
        goal = min(self._falls[cell], max(lower, sliding - rise if rise >= upper else sliding))
        if goal > 0:
            fall, cut = self._known(cell, DOWN, goal)
            if cut is not None:
                cuts[DOWN] = cut
        return rise, fall, cuts

    def _known(self, cell: int, side: int, goal: int) -> tuple[int, set[int] | None]:
        """How far a cell goes towards a goal, from an earlier proof if there is one; and where it ends."""
        known = self._proofs.get((cell, side))
        if known is not None and known[0] >= goal:
            hidden = self._hidden
            for each in known[1]:
                if not hidden[each]:
                    break
            else:
                return known[0], None
        sent, moves, cut = self._flow(cell, side, goal, self._beside, self._rises, self._falls)
        if sent:
            moves[cell] = side * sent
            self._keep(moves)
            self._proofs[cell, side] = sent, moves
        return sent, cut

    def _keep(self, moves: Moves) -> None:
        """Keep moves as a proof for the primary cells that they take further than what is known."""
        primary, proofs = self._is_primary, self._proofs
        for cell, move in moves.items():
            if primary[cell]:
                at = (cell, UP) if move > 0 else (cell, DOWN)
                known = proofs.get(at)
                if known is None or known[0] < abs(move):
                    proofs[at] = abs(move), moves

    def _is_proof(self, cell: int, side: int, reach: int) -> bool:
        """Whether the moves that are kept prove this, in whole numbers."""
        amount, moves = self._proofs[cell, side]
        balance: dict[int, int] = {}
        for each, move in moves.items():
            if not self._hidden[each] or not -self._falls[each] <= move <= self._rises[each]:
                return False
            for equation, coefficient in self._terms[each]:
                balance[equation] = balance.get(equation, 0) + coefficient * move
        return moves[cell] * side == amount >= reach and not any(balance.values())

    def _flow(self, cell: int, side: int, goal: float, beside: Beside, rises: list, falls: list) -> tuple:
        """The flow that takes a cell to a goal.

        Returns:
            How far, the moves of the others, and on what side of where it ends it begins; None when it gets there.
        """
        begin, end = (self._head, self._tail) if side == UP else (self._tail, self._head)
        source, sink = begin[cell], end[cell]
        moves: Moves = {}
        sent = 0
        while goal - sent > _NOTHING:
            # the last step of each way there
            last: dict[int, tuple] = {}
            for each, other, way in beside[sink]:
                move = moves.get(each, 0)
                left = falls[each] + move if way > 0 else rises[each] - move
                if left > _NOTHING and each != cell:
                    last[other] = (other, each, -way, left)
            came: dict[int, tuple] = {source: (source, cell, 0, 0)}
            queue = [source]
            if source in last:
                came[sink] = last[source]
                queue = []
            for node in queue:
                for each, other, way in beside[node]:
                    if other in came or each == cell:
                        continue
                    move = moves.get(each, 0)
                    left = rises[each] - move if way > 0 else falls[each] + move
                    if left > _NOTHING:
                        came[other] = (node, each, way, left)
                        if other in last:
                            came[sink] = last[other]
                            break
                        queue.append(other)
                if sink in came:
                    break
            if sink not in came:
                return sent, moves, set(came)
            least, node = goal - sent, sink
            while node != source:
                node, _, _, left = came[node]
                if left < least:
                    least = left
            node = sink
            while node != source:
                node, each, way, _ = came[node]
                moves[each] = moves.get(each, 0) + way * least
            sent += least
        return sent, moves, None

    def _beside_of(self, cells: Ints) -> Beside:
        """For each equation the cells that leave it, where to, and which way."""
        beside: Beside = [[] for _ in range(len(self._sign) + 1)]
        tail, head = self._tail, self._head
        for cell in cells.tolist():
            beside[tail[cell]].append((cell, head[cell], 1))
            beside[head[cell]].append((cell, tail[cell], -1))
        return beside

    def _prices_of(self, cut: set[int] | None) -> Floats:
        """Prices that say that nothing leaves a part of the equations but by the cells on its edge."""
        prices = np.zeros(len(self._sign))
        if cut is not None:
            ground = len(prices)
            inside = [node for node in range(ground) if (node in cut) != (ground in cut)]
            prices[inside] = self._sign[inside] if ground in cut else -self._sign[inside]
        return prices

    # ---- what the master hides in part: the same flows, of parts

    def failures_at(self, x: Floats, limit: int, among: list[Failure] | None = None) -> list[Failure]:
        return super().failures_at(np.where(x > _HARDLY, x, 0.0), limit, among)

    def _push(self, cell: int, side: int, cap: float) -> tuple[float, Floats, Floats]:
        """Push one cell one way within the box: how far it gets, the moves, the prices."""
        own = min(cap, float((self._up if side == UP else self._down)[cell]))
        reach, flow, cut = self._flow(cell, side, own, self._box_beside, self._box_up, self._box_down)
        moves = np.zeros(len(self._cells))
        moves[list(flow)] = list(flow.values())
        moves[cell] = side * reach
        return reach, moves, self._prices_of(cut)

    def _set_box(self, down: Floats, up: Floats) -> None:
        super()._set_box(down, up)
        self._box_up, self._box_down = up.tolist(), down.tolist()
        self._box_beside = self._beside_of(np.flatnonzero((up > 0) | (down > 0)))

    def _failures_at_level(
        self, x: Floats, level: int, group: Ints, sides: tuple[int, ...], limit: int
    ) -> list[Failure]:
        x = x[self.component.row]
        self._set_box(np.minimum(self.component.down, level) * x, np.minimum(self.component.up, level) * x)
        found: list[Failure] = []
        met: set[tuple[int, int]] = set()
        enough = level * (1 - _TOO_LITTLE)
        for cell in group.tolist():
            if len(sides) == 1 and (cell, sides[0]) in met:
                continue
            total, near, far = 0.0, [], []
            for side in sides:
                bound = self._box_up if side == UP else self._box_down
                goal = min(level, bound[cell])
                reach, flow, cut = self._flow(cell, side, goal, self._box_beside, self._box_up, self._box_down)
                met.update((each, UP if move > 0 else DOWN) for each, move in flow.items() if abs(move) >= enough)
                near.append(self._prices_of(cut))
                far.append(self._prices_of(cut and self._other_side(cell, side, flow)))
                total += reach
            if total < enough:
                found += [Failure(cell, level, sides, tuple(near)), Failure(cell, level, sides, tuple(far))]
                if len(found) >= limit:
                    break
        return found

    def _other_side(self, cell: int, side: int, flow: Moves) -> set[int]:
        """Where a flow ends, seen from its end: all equations but those that still lead there."""
        sink = (self._tail if side == UP else self._head)[cell]
        up, down = self._box_up, self._box_down
        there, queue = {sink}, [sink]
        for node in queue:
            for each, other, way in self._box_beside[node]:
                if other not in there and each != cell:
                    move = flow.get(each, 0)
                    left = up[each] - move if way < 0 else down[each] + move
                    if left > _NOTHING:
                        there.add(other)
                        queue.append(other)
        return set(range(len(self._sign) + 1)) - there
