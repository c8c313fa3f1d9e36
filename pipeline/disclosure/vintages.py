"""What earlier releases told of counts that have not changed since.

A reader keeps old tables. Where a table was corrected, the old sums still hold of the old counts, and those of them
that are as they were are the counts of today: together with the new sums they can tell more than either.

Belongs here: the sums of earlier releases, with a count of its own for each earlier value. Does not belong here: the
sums of today (counts), and what is shown (protect).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

from pipeline.disclosure.counts import POOLED, Count, Derived, Key, Relations, Row
from pipeline.disclosure.history import History
from pipeline.disclosure.rules import CATEGORIES, Judgement, Need, increment_needs
from pipeline.periods import HalfYear

State = Mapping[Key, Mapping[str, int]]


@dataclass
class Earlier:
    """Adds the sums of earlier releases to those of today.

    Attributes:
        history: what has left.
        judge: what the rules on one figure say of earlier counts: kind and counts by name, of a figure.
        known: indicator_code, relation, other_code, per line of ``seeds/indicator_relations.csv``.
        sensitive: whether the numerator of an indicator describes people's situation.
        limits: thresholds by half-year.
        members: the parts of pooled figures.
        final: half-years that are final now.
    """

    history: History
    judge: Callable[[Row, Mapping[str, int]], Judgement]
    known: Sequence[tuple[str, str, str]]
    sensitive: Callable[[str], bool]
    limits: Callable
    members: Mapping[Key, Sequence[Key]]
    final: Collection[str]
    _names: dict[tuple[Key, str], dict[tuple[int, bool], Count]] = field(default_factory=dict)

    def relations(self, rows: Sequence[Row]) -> Relations:
        """Sums that held of these figures in earlier releases and do not hold of what is true today."""
        found = Relations()
        place = {row.key: row for row in rows}
        tables: dict[Key, list[Row]] = {}
        for row in rows:
            if row.key.subject != POOLED:
                tables.setdefault(row.key._replace(district_code=""), []).append(row)
        for table, members in sorted(tables.items()):
            for since, state in self.history.tables.get(table, ()):
                there = [row for row in members if row.key in state]
                if not all(_is_as_today(row, state) for row in there):
                    self._table(found, there, state, since)
            for row in members if table.period not in self.final else ():
                self._changes(
                    found, row, [state for _, state in self.history.tables.get(table, ()) if row.key in state]
                )
            self._beside(found, place, table)
        for at in sorted({at for table in tables for at in self._pools_of.get(table, ())}):
            number, key, counts = self.history.pooled_told[at]
            parts = [place[part] for part in self.members.get(key, ()) if part in place]
            if parts:
                self._pool(found, key, counts, parts, number)
        return found

    @cached_property
    def _pools_of(self) -> dict[Key, set[int]]:
        """Places of the pooled figures that were told, by table that they take a part of."""
        places: dict[Key, set[int]] = {}
        for at, (_, key, _) in enumerate(self.history.pooled_told):
            for part in self.members.get(key, ()):
                places.setdefault(part._replace(district_code=""), set()).add(at)
        return places

    def _table(self, found: Relations, members: Sequence[Row], state: State, since: int) -> None:
        whole = [row for row in members if row.is_municipality]
        districts = [row for row in members if not row.is_municipality]
        for row in members:
            names = {"proportion": ("numerator", "complement"), "categories": CATEGORIES}.get(row.kind, ())
            if names:
                n = self._count(found, row, "n", state)
                found.sums.append({n: 1} | {self._count(found, row, name, state): -1 for name in names})
        if len(whole) != 1 or not districts:
            return
        for name in _summed(whole[0]):
            terms = {self._count(found, whole[0], name, state): -1}
            terms |= {self._count(found, row, name, state): 1 for row in districts}
            elsewhere = -sum(_values(row, state)[name] for row in districts) + _values(whole[0], state)[name]
            if elsewhere:
                low = 0 if elsewhere > 0 else None
                terms[found.derive(whole[0].key, f"{name} elsewhere before {since}", elsewhere, low)] = 1
            found.sums.append(terms)

    def _changes(self, found: Relations, row: Row, states: Sequence[State]) -> None:
        """A small change of a hidden count, from one release to the next, is a count too (D3)."""
        width = self.limits(row.key.period).width
        today = {row.key: row.stored_counts}
        for before, after in pairwise([*states, today]):
            then, now = _values(row, before), _values(row, after)
            for name in row.secret_counts if row.kind != "mean" else ("n",):
                change = now[name] - then[name]
                if not 0 < abs(change) < width:
                    continue
                old, new = self._count(found, row, name, before), self._count(found, row, name, after)
                # of what was told the figure waits, and what would tell its change
                if old == new or (old in found.derived and found.derived[old].is_known):
                    continue
                terms = {new: 1, old: -1}
                terms[found.derive(row.key, f"change from {old.name} to {new.name}", change, None, Need(width))] = -1
                found.sums.append(terms)

    def _beside(self, found: Relations, place: Mapping[Key, Row], table: Key) -> None:
        """Figures on the same people, and the half-year before of a cumulative one, as they were together."""
        for code, relation, other in self.known:
            if code != table.code:
                continue
            names: tuple[str, ...] = ("numerator",) if relation == "numerator_within" else ("n",)
            beside = table._replace(code=other)
            if relation == "cumulative":
                beside = table._replace(period=str(HalfYear.parse(table.period).shift(-1)))
                names = ("n", "numerator")
            moments = {since for each in (table, beside) for since, _ in self.history.tables.get(each, ())}
            for since in sorted(moments):
                state, then = self._state(table, since), self._state(beside, since)
                for key in sorted(state):
                    mine, theirs = place.get(key), place.get(beside._replace(district_code=key.district_code))
                    if mine is None or theirs is None or theirs.key not in then:
                        continue
                    if not (_is_as_today(mine, state) and _is_as_today(theirs, then)):
                        for name in names:
                            self._together(found, (mine, state), (theirs, then), name, relation, since)

    def _together(
        self, found: Relations, one: tuple[Row, State], other: tuple[Row, State], name: str, relation: str, since: int
    ) -> None:
        (row, state), (beside, then) = one, other
        mine, theirs = _values(row, state)[name], _values(beside, then)[name]
        terms = {self._count(found, row, name, state): 1, self._count(found, beside, name, then): -1}
        if relation == "cumulative":
            growth = mine - theirs
            need = increment_needs(self.limits(row.key.period), name, growth, self.sensitive(row.key.code))
            low = 0 if growth >= 0 else None
            terms[found.derive(row.key, f"{name} increment before {since}", growth, low, need)] = -1
        elif relation == "same_n":
            if mine != theirs:
                return
        elif mine > theirs:
            return
        else:
            terms[found.derive(row.key, f"{name} beyond before {since}", theirs - mine)] = 1
        found.sums.append(terms)

    def _pool(self, found: Relations, key: Key, counts: Mapping[str, int], parts: Sequence[Row], number: int) -> None:
        states = {part.key: self._state(part.key._replace(district_code=""), number) for part in parts}
        for name in _summed(parts[0]):
            there = [part for part in parts if part.key in states[part.key]]
            total = sum(_values(part, states[part.key])[name] for part in there)
            if all(_is_as_today(part, states[part.key]) for part in there) or total != counts.get(name):
                continue
            told = Count(key, f"{name} told in {number}")
            found.derived[told] = Derived(told, counts[name], is_known=True)
            terms = {told: 1}
            terms |= {self._count(found, part, name, states[part.key]): -1 for part in there}
            found.sums.append(terms)

    def _state(self, table: Key, number: int) -> State:
        """A table as it was at a release; empty when it was not there yet."""
        states = [state for since, state in self.history.tables.get(table, ()) if since <= number]
        return states[-1] if states else {}

    def _count(self, found: Relations, row: Row, name: str, state: State) -> Count:
        """The count of today where the figure is that of today, or one for the earlier value."""
        values = _values(row, state)
        value = values[name]
        if _is_as_today(row, state):
            return Count(row.key, name)
        # the 0 of nobody, which the status tells, is not the 0 of some people
        is_nobody = values["n"] == 0
        values_of = self._names.setdefault((row.key, name), {})
        count = values_of.setdefault((value, is_nobody), Count(row.key, f"{name} before, {len(values_of)}"))
        if count not in found.derived:
            is_known = is_nobody or value in self.history.ever_of_partners(row.key, name)
            need = None if is_known else self._need(row, values, name)
            low = min(value, 1) if name == "n" else 0
            found.derived[count] = Derived(count, value, low, need, is_known)
        return count

    def _need(self, row: Row, values: Mapping[str, int], name: str) -> Need | None:
        return self.judge(row, values).needs.get(name)


def _values(row: Row, state: State) -> dict[str, int]:
    """The counts of a figure in an earlier state, with what follows from them."""
    counts = dict(state[row.key]) if row.key in state else {}
    if counts and row.kind == "proportion":
        counts["complement"] = counts["n"] - counts["numerator"]
    return counts


def _is_as_today(row: Row, state: State) -> bool:
    """Whether nothing in a figure has changed since; residents are known anyway."""
    then = state[row.key]
    names = [name for name in row.counts if name in then and not (row.kind == "rate" and name == "n")]
    return all(then[name] == row.counts[name] for name in names)


def _summed(row: Row) -> tuple[str, ...]:
    if row.kind == "categories":
        return ("n", *CATEGORIES)
    # a sum of scores is told to a rounding only
    return {"rate": ("numerator",), "mean": ("n",), "count": ()}.get(row.kind, ("n", "numerator"))
