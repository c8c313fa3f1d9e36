"""The proof that no hidden count can be derived, and its check.

Belongs here: how worlds are kept, and a check in whole numbers that uses no solver and believes nothing it is told: not
that a world agrees with what is published, not that there are enough of them. Standard library only. Not here: how
worlds are found (witnesses).

A proof lies around the truth and is as confidential as the truth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import index

from pipeline.disclosure.attack import Insider, Protection, System, within

CONTRADICTS_TRUTH = "contradicts_truth"
OTHER_SYSTEM = "other_system"
MALFORMED = "malformed"
IMPOSSIBLE = "impossible"
NOT_PROTECTED = "not_protected"


@dataclass(frozen=True)
class Proof:
    """Worlds that the attacker cannot tell from the truth.

    Attributes:
        fingerprint: of the system that they belong to.
        worlds: per world the unknowns that differ from the truth, by place in the system, with their values.
    """

    fingerprint: str
    worlds: tuple[Mapping[int, int], ...]

    def record(self) -> dict[str, str | list[int]]:
        """Flat lists for JSON or Parquet: world w has entries starts[w] up to starts[w + 1]."""
        starts, unknowns, values = [0], [], []
        for world in self.worlds:
            unknowns += world.keys()
            values += world.values()
            starts.append(len(unknowns))
        return {"fingerprint": self.fingerprint, "starts": starts, "unknowns": unknowns, "values": values}

    @classmethod
    def load(cls, record: Mapping) -> Proof:
        """Read what ``record`` wrote.

        Raises:
            ValueError: for lists that do not fit together.
        """
        starts, unknowns, values = (
            [index(entry) for entry in record[name]] for name in ("starts", "unknowns", "values")
        )
        if starts[:1] != [0] or starts != sorted(starts) or not starts[-1] == len(unknowns) == len(values):
            raise ValueError("the lists of a stored proof do not fit together")
        worlds = (dict(zip(unknowns[start:end], values[start:end], strict=True)) for start, end in pairwise(starts))
        return cls(record["fingerprint"], tuple(worlds))


@dataclass(frozen=True)
class Objection:
    """Why a proof does not hold.

    Attributes:
        what: ``contradicts_truth`` (a fact or an insider against the truth), ``other_system``, ``malformed`` or
            ``impossible`` (a world), ``not_protected`` (a hidden count with too few other values).
        name: the fact, unknown or hidden count.
        world: which world; None when it is not about one.
        insider: for whom the count is not protected; None for everybody.
    """

    what: str
    name: str
    world: int | None = None
    insider: str | None = None


def check(system: System, proof: Proof, people: Sequence[Insider] = ()) -> list[Objection]:
    """Check a proof, exactly.

    Args:
        system: what the attacker knows, made anew from what is published.
        proof: as found or as stored.
        people: insiders, against each of whom the proof has to hold as well.

    Returns:
        Objections; when there are none, each hidden count is protected as asked. A world that is wrong counts for
        nothing and gives an objection of its own.
    """
    objections = [Objection(CONTRADICTS_TRUTH, name) for name in system.contradictions()]
    if proof.fingerprint != system.fingerprint:
        objections.append(Objection(OTHER_SYSTEM, proof.fingerprint))
    truth = [system.truth[unknown.name] for unknown in system.unknowns]
    rows: list[tuple[int, int | None, int | None, str]] = []
    rows_of: list[list[tuple[int, int]]] = [[] for _ in truth]
    for fact in system.facts:
        for row in fact.rows:
            for name, coefficient in row.terms:
                rows_of[system.position[name]].append((len(rows), coefficient))
            rows.append((system.total(row, system.truth), *system.limits(row), fact.name))
    # Per unknown and value the worlds that have it.
    moved: dict[str, dict[int, list[int]]] = {}
    for number, changes in enumerate(proof.worlds):
        wrong = _wrong(system, truth, rows, rows_of, number, changes)
        objections += wrong
        if not wrong:
            for at, value in changes.items():
                moved.setdefault(system.unknowns[at].name, {}).setdefault(value, []).append(number)
    fallen = {asked.unknown for asked in system.protections if not _holds(system, asked, moved, set())}
    objections += [Objection(NOT_PROTECTED, asked.unknown) for asked in system.protections if asked.unknown in fallen]
    touched = _touched(system, moved, len(proof.worlds)) if people else []
    for person in people:
        objections += _against(system, person, moved, touched, fallen)
    return objections


def _touched(system: System, moved: Mapping[str, Mapping[int, list[int]]], worlds: int) -> list[list[int]]:
    """Per world the places of the hidden counts that have another value in it."""
    touched: list[list[int]] = [[] for _ in range(worlds)]
    for place, asked in enumerate(system.protections):
        for numbers in moved.get(asked.unknown, {}).values():
            for world in numbers:
                touched[world].append(place)
    return touched


def _wrong(
    system: System,
    truth: list[int],
    rows: list[tuple[int, int | None, int | None, str]],
    rows_of: list[list[tuple[int, int]]],
    number: int,
    changes: Mapping[int, int],
) -> list[Objection]:
    """What is wrong with a world. Rows that it leaves alone hold as they do for the truth."""
    whole = all(type(at) is int and type(value) is int for at, value in changes.items())
    if not whole or not all(0 <= at < len(truth) for at in changes):
        return [Objection(MALFORMED, "", number)]
    touched = [system.unknowns[at] for at in sorted(changes)]
    names = [each.name for each in touched if not within(changes[system.position[each.name]], each.low, each.high)]
    # Of each row the sum for the truth is known, so only what changes has to be added.
    sums: dict[int, int] = {}
    for at, value in changes.items():
        step = value - truth[at]
        for line, coefficient in rows_of[at]:
            sums[line] = sums.get(line, 0) + coefficient * step
    broken = []
    for line, change in sums.items():
        total, low, high, _ = rows[line]
        total += change
        if (low is not None and total < low) or (high is not None and total > high):
            broken.append(line)
    names += [rows[line][3] for line in sorted(broken)]
    return [Objection(IMPOSSIBLE, name, number) for name in dict.fromkeys(names)]


def _holds(system: System, asked: Protection, moved: Mapping[str, Mapping[int, list[int]]], without: set[int]) -> bool:
    """Whether the truth and the worlds give a count the values that are asked, without some of the worlds."""
    others = (value for value, worlds in moved.get(asked.unknown, {}).items() if not without.issuperset(worlds))
    return asked.is_met([system.truth[asked.unknown], *others])


def _against(
    system: System,
    person: Insider,
    moved: Mapping[str, Mapping[int, list[int]]],
    touched: Sequence[Sequence[int]],
    fallen: set[str],
) -> list[Objection]:
    """Hidden counts that the worlds which an insider believes in do not protect; others lose nothing by him."""
    if not all(within(system.truth[name], low, high) for name, low, high in person.knows):
        return [Objection(CONTRADICTS_TRUTH, person.name, insider=person.name)]
    disbelieved: set[int] = set()
    for name, low, high in person.knows:
        for value, worlds in moved.get(name, {}).items():
            if not within(value, low, high):
                disbelieved.update(worlds)
    doubtful = set().union(*(touched[world] for world in disbelieved))
    return [
        Objection(NOT_PROTECTED, asked.unknown, insider=person.name)
        for asked in (system.protections[place] for place in sorted(doubtful))
        if asked.unknown not in fallen
        and asked.unknown not in person.sees_himself_in
        and not _holds(system, asked, moved, disbelieved)
    ]
