"""Worlds of one part of a system, for an outsider and for each insider.

Belongs here: the search for other values of a part that agree with everything published, and the counts for which
there are not enough of them. Nothing here has to be trusted for a count that is called safe: the worlds prove it, and
``proof`` checks them without a solver. Not here: the whole system and which facts give a count away (witnesses), the
solver's programs (attack_solver).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.disclosure.attack import Insider, Protection
from pipeline.disclosure.attack_solver import ATTAINED, UNBOUNDED, UNDECIDED, Part, Programs, Whole, Wish

# Counts are tried one by one, which answers for certain, when so few are left or so many rounds gave nothing new. A
# round costs as much as one count alone, so that rounds pay as soon as there are two.
_FEW = 1
_PATIENCE = 6
# Sums of new sums, of which there are few layers: a pool, its sides.
_PASSES = 4


@dataclass(frozen=True)
class Leak:
    """A hidden count that is not protected as asked.

    Attributes:
        unknown: the count.
        insider: who can tell; None for everybody.
        low: the lowest value that is possible; None when there is no bound.
        high: the highest value that is possible; None when there is no bound.
        values: the possible values one by one, ascending; None when they were not counted, because they are all that
            lie between low and high or because the bounds alone are too close.
        proven: False when the search was broken off; then it may be safe, but nothing shows that it is.
        facts: names of the facts that together give this away, none of which can be missed; empty when not explained.
    """

    unknown: str
    insider: str | None
    low: int | None
    high: int | None
    values: tuple[int, ...] | None
    proven: bool
    facts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Task:
    """One part of a system, with all that a search of it needs.

    Attributes:
        part: the part.
        columns: columns of its unknowns, by name.
        protections: what is asked of them.
        people: insiders who know something of it.
        passed: hidden counts that insiders do not try to derive.
        remembered: per world of an earlier attack the values that differed from the truth then, by column.
    """

    part: Part
    columns: Mapping[str, int]
    protections: Sequence[Protection]
    people: Sequence[Insider]
    passed: Collection[str]
    remembered: Sequence[Mapping[int, int]]

    @property
    def effort(self) -> int:
        """Hidden counts of which no earlier world says anything."""
        moved = set().union(*self.remembered)
        return sum(self.columns[asked.unknown] not in moved for asked in self.protections)


@dataclass(frozen=True)
class Found:
    """What a search of one part gave; worlds are by column."""

    leaks: Sequence[Leak]
    by_insiders: Sequence[Leak]
    worlds: Sequence[Mapping[int, int]]


def search_worlds(task: Task) -> Found:
    """Search one part for worlds, and tell what its hidden counts leak."""
    search = Search(task.part, task.columns, task.protections)
    search.remember(task.remembered)
    leaks = search.outsider()
    by_insiders = search.insiders(task.people, passed_over={leak.unknown for leak in leaks} | set(task.passed))
    return Found(leaks, by_insiders, search.worlds())


class Search:
    """Worlds of one part; every world that is found serves all counts and all attackers."""

    def __init__(self, part: Part, columns: Mapping[str, int], protections: Sequence[Protection]) -> None:
        """Prepare a search.

        Args:
            part: a part of a system.
            columns: columns of its unknowns, by name.
            protections: what is asked for counts of this part.
        """
        self.part = part
        self._column = columns
        self._protections = protections
        self._columns = np.array([columns[asked.unknown] for asked in protections], dtype=np.int64)
        self._width = np.array([asked.width for asked in self._protections])
        self._at_least = _limits([asked.at_least for asked in self._protections], -np.inf)
        self._at_most = _limits([asked.at_most for asked in self._protections], np.inf)
        self._programs = Programs(part, self._columns.tolist())
        # The first line is the truth, which is possible too; lines beyond the known worlds are spare room.
        self._pool = part.truth[np.newaxis].copy()
        self._known_worlds = {part.truth.tobytes()}

    def remember(self, worlds: Sequence[Mapping[int, int]]) -> None:
        """Take over worlds of an earlier attack that agree with everything and are of use.

        What the earlier attack did not know, as a sum that was told since, follows what it is made of.
        """
        everything = np.arange(len(self._protections))
        new = np.ones(len(self.part.unknowns), dtype=bool)
        new[sorted(set().union(*worlds))] = False
        occurs = np.bincount(self.part.rows.indices, minlength=len(new))
        lacking = self._lacking(self.part, everything).sum()
        for changes in worlds:
            if not lacking:
                return
            world = self.part.truth.copy()
            world[list(changes)] = list(changes.values())
            world = self._completed(world, new, occurs)
            if world is None or world.tobytes() in self._known_worlds:
                continue
            self._keep(world)
            left = self._lacking(self.part, everything).sum()
            if left == lacking:
                self._known_worlds.discard(world.tobytes())
            lacking = left

    def _completed(self, world: Whole, new: NDArray[np.bool_], occurs: Whole) -> Whole | None:
        """A world in which unknowns that it says nothing of take what is left for them; None when that does not fit."""
        part = self.part
        for _ in range(_PASSES):
            if part.allows(world):
                return world
            gap = part.row_low - part.rows @ world
            wrong = np.flatnonzero((part.row_low == part.row_high) & (gap != 0))
            moved = False
            for row in wrong.tolist():
                columns = part.rows.indices[part.rows.indptr[row] : part.rows.indptr[row + 1]]
                factors = part.rows.data[part.rows.indptr[row] : part.rows.indptr[row + 1]]
                at = np.flatnonzero(new[columns] & (np.abs(factors) == 1))
                if len(at):
                    # a sum occurs in fewer rows than what it is made of
                    least = at[np.argmin(occurs[columns[at]])]
                    rest = int(part.row_low[row] - factors @ world[columns])
                    world[columns[least]] += rest * factors[least]
                    moved |= rest != 0
            if not moved:
                return None
        return None

    def outsider(self) -> list[Leak]:
        """What everybody can derive."""
        return self._audit(None, self.part, np.arange(len(self._protections)))

    def insiders(self, people: Sequence[Insider], passed_over: Collection[str]) -> list[Leak]:
        """What each person can derive who knows more; counts that everybody can derive are passed over."""
        known = [(person, part) for person in people if (part := self._as_known_by([person])) is not None]
        audited = {
            person.name: np.array(
                [
                    at
                    for at, asked in enumerate(self._protections)
                    if asked.unknown not in passed_over and asked.unknown not in person.sees_himself_in
                ],
                dtype=np.int64,
            )
            for person, _ in known
        }
        # Worlds that a whole group believes in serve each of its members.
        for group in np.array_split(np.arange(len(known)), round(len(known) ** 0.5) or 1):
            together = {
                int(cell)
                for person, part in (known[at] for at in group)
                for cell in self._left(part, audited[person.name])
            }
            if together:
                part = self._as_known_by([known[at][0] for at in group])
                self._rounds(part, np.array(sorted(together)))
        return [leak for person, part in known for leak in self._audit(person.name, part, audited[person.name])]

    def _as_known_by(self, people: Sequence[Insider]) -> Part | None:
        """This part with what these people know together; None when they know nothing of it."""
        low, high, knows = self.part.low.copy(), self.part.high.copy(), False
        for person in people:
            for name, least, most in person.knows:
                column = self._column.get(name)
                if column is not None:
                    knows = True
                    low[column] = max(low[column], -np.inf if least is None else least)
                    high[column] = min(high[column], np.inf if most is None else most)
        if not knows:
            return None
        part = replace(self.part, low=low, high=high)
        if not part.allows(part.truth):
            raise ValueError(f"the truth contradicts what insider {people[0].name} knows")
        return part

    def one(self, insider: str | None, part: Part, cell: int) -> Leak | None:
        """Everything that is possible for one count, until it is enough."""
        asked, column = self._protections[cell], int(self._columns[cell])
        if self._is_soon_enough(part, cell):
            return None
        proven = True
        ends: list[int | None] = []
        for direction in (-1, 1):
            answer = self._programs.extreme(part, column, direction)
            self._keep(answer.values)
            proven &= answer.status != UNDECIDED
            seen = self._values(part, cell)
            ends.append(None if answer.status == UNBOUNDED else (min(seen) if direction < 0 else max(seen)))
        low, high = ends
        # Without an upper end a value of at_least is somewhere; the nearest one serves.
        if asked.at_least is not None and high is None:
            proven &= self._next(part, cell, asked.at_least, 1)[1]
        if asked.at_most is not None and low is None:
            proven &= self._next(part, cell, asked.at_most, -1)[1]
        too_low = asked.at_least is not None and high is not None and high < asked.at_least
        too_high = asked.at_most is not None and low is not None and low > asked.at_most
        too_close = low is not None and high is not None and high - low + 1 < asked.width
        if too_low or too_high or too_close:
            return Leak(asked.unknown, insider, low, high, None, proven)
        values, sure = self._values_around(part, cell)
        proven &= sure
        if not self._lacking(part, np.array([cell])).any():
            return None
        return Leak(asked.unknown, insider, low, high, tuple(sorted(values)), proven)

    def _is_soon_enough(self, part: Part, cell: int) -> bool:
        """Whether values near the truth are enough; where they are, its ends, harder to find, do not matter."""
        asked, true = self._protections[cell], int(part.truth[self._columns[cell]])
        for limit, direction in ((asked.at_least, 1), (asked.at_most, -1)):
            is_beyond = limit is not None and (true - limit) * direction < 0
            if is_beyond and self._next(part, cell, limit, direction)[0] is None:
                return False
        self._values_around(part, cell)
        return not self._lacking(part, np.array([cell])).any()

    def _values_around(self, part: Part, cell: int) -> tuple[set[int], bool]:
        """One value after another, away from the truth on either side, until there are enough or no more.

        Returns:
            The values, and whether no search was broken off.
        """
        true, sure = int(part.truth[self._columns[cell]]), True
        reached, values = {1: true, -1: true}, {true}
        while reached and self._lacking(part, np.array([cell])).any():
            for direction in list(reached):
                value, ended = self._next(part, cell, reached[direction] + direction, direction)
                sure &= ended
                if value is None:
                    del reached[direction]
                else:
                    reached[direction] = value
                    values.add(value)
        return values, sure

    def worlds(self) -> list[dict[int, int]]:
        """What differs from the truth in each world that was found, by column."""
        return [
            {int(column): int(world[column]) for column in np.flatnonzero(world != self.part.truth)}
            for world in self._pool[1 : len(self._known_worlds)]
        ]

    def _audit(self, insider: str | None, part: Part, audited: NDArray[np.int64]) -> list[Leak]:
        leaks = []
        for cell in self._rounds(part, audited):
            # A world that was found for another count may have settled this one meanwhile.
            if self._lacking(part, np.array([cell])).any():
                leak = self.one(insider, part, cell)
                leaks += [] if leak is None else [leak]
        return leaks

    def _rounds(self, part: Part, audited: NDArray[np.int64]) -> list[int]:
        """Move many counts at once until that gives nothing more; returns the counts that are left."""
        turn = stalled = 0
        before = None
        while True:
            left = self._left(part, audited)
            lacking = self._lacking(part, left).sum()
            stalled = stalled + 1 if before is not None and lacking >= before else 0
            if len(left) <= _FEW or stalled == _PATIENCE:
                return left.tolist()
            before = lacking
            # Counts that can only be exchanged for each other must not go the same way; any two differ in some bit.
            bit, inverse = divmod(turn, 2)
            bit %= max(1, len(left).bit_length())
            values = self._possible(part, self._columns[left])
            wishes = [
                self._wish(part, cell, set(seen), upward=bool((rank >> bit) & 1) != bool(inverse), turn=turn)
                for rank, (cell, seen) in enumerate(zip(left, values.T.tolist(), strict=True))
            ]
            self._keep(self._programs.best(part, [wish for wish in wishes if wish is not None]))
            turn += 1

    def _wish(self, part: Part, cell: int, seen: set[int], *, upward: bool, turn: int) -> Wish | None:
        """Where this count should go in a round, given the values that it can have already."""
        asked, column = self._protections[cell], int(self._columns[cell])
        true, least, most = int(part.truth[column]), min(seen), max(seen)
        if upward and asked.at_least is not None and most < asked.at_least:
            return Wish(column, 1, asked.at_least)
        if not upward and asked.at_most is not None and least > asked.at_most:
            return Wish(column, -1, asked.at_most)
        if len(seen) >= asked.width:
            return None
        if most - least + 1 < asked.width:
            return Wish(column, 1, true + asked.width - 1) if upward else Wish(column, -1, true - asked.width + 1)
        # Wide enough, but with gaps between the values that were seen: aim at one of them.
        around = range(max(least, true - asked.width), min(most, true + asked.width) + 1)
        gaps = [value for value in around if value not in seen]
        wanted = [value for value in gaps if (value > true) == upward] or gaps
        return Wish(column, 0, wanted[turn // 2 % len(wanted)]) if wanted else None

    def _next(self, part: Part, cell: int, start: int, direction: int) -> tuple[int | None, bool]:
        """The first possible value from start on, going up (1) or down (-1), and whether the search ended."""
        if start in self._values(part, cell):
            return start, True
        column = int(self._columns[cell])
        if not part.low[column] <= start <= part.high[column]:
            return None, True
        near = self._programs.beside(part, column, start)
        if near is not None:
            self._keep(near)
            return start, True
        end = (part.low if direction > 0 else part.high).copy()
        end[column] = start
        beyond = replace(part, low=end) if direction > 0 else replace(part, high=end)
        answer = self._programs.extreme(beyond, column, -direction)
        self._keep(answer.values)
        value = int(answer.values[column]) if answer.status == ATTAINED else None
        return value, answer.status != UNDECIDED

    def _left(self, part: Part, cells: NDArray[np.int64]) -> NDArray[np.int64]:
        """Counts that lack something, in their order."""
        if not len(cells):
            return cells
        columns = self._columns[cells]
        possible = self._possible(part, columns)
        # One bit per value near the truth tells the different ones; most counts need no closer look.
        bits = np.left_shift(np.uint64(1), np.clip(possible - part.truth[columns] + 32, 0, 63).astype(np.uint64))
        different = np.bitwise_count(np.bitwise_or.reduce(bits, axis=0))
        ends = (possible.max(axis=0) >= self._at_least[cells]) & (possible.min(axis=0) <= self._at_most[cells])
        doubtful = cells[~ends | (different < self._width[cells])]
        return doubtful[self._lacking(part, doubtful) > 0]

    def _lacking(self, part: Part, cells: NDArray[np.int64]) -> NDArray[np.int64]:
        """How much is lacking for each count: values to find, and ends to reach."""
        values = np.sort(self._possible(part, self._columns[cells]), axis=0)
        different = 1 + (np.diff(values, axis=0) != 0).sum(axis=0)
        return (
            np.maximum(0, self._width[cells] - different)
            + (values[-1] < self._at_least[cells])
            + (values[0] > self._at_most[cells])
        )

    def _values(self, part: Part, cell: int) -> set[int]:
        return set(self._possible(part, self._columns[[cell]]).ravel().tolist())

    def _possible(self, part: Part, columns: NDArray[np.int64]) -> Whole:
        """Values of some unknowns in the worlds that agree with what this attacker knows; the truth comes first."""
        worlds = self._pool[: len(self._known_worlds)]
        closer = np.flatnonzero((part.low > self.part.low) | (part.high < self.part.high))
        if not len(closer):
            return worlds[:, columns]
        values = worlds[:, closer]
        believed = ((values >= part.low[closer]) & (values <= part.high[closer])).all(axis=1)
        return worlds[np.ix_(believed, columns)]

    def _keep(self, world: Whole | None) -> None:
        if world is None or world.tobytes() in self._known_worlds:
            return
        if len(self._known_worlds) == len(self._pool):
            self._pool = np.vstack([self._pool, np.empty_like(self._pool)])
        self._pool[len(self._known_worlds)] = world
        self._known_worlds.add(world.tobytes())


def _limits(ends: Sequence[int | None], none: float) -> NDArray[np.float64]:
    return np.array([none if end is None else end for end in ends], dtype=float)
