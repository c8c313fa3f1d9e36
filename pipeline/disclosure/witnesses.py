"""The attack on a system: other values that agree with everything published, and what cannot be otherwise.

Belongs here: the attack on all parts of a system, which gives worlds (values of all unknowns that the attacker cannot
tell from the truth), and which facts together give a hidden count away. Not here: the search in one part
(world_search), the check of what was found (proof), and the choice of what to hide, with which this shares no code.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.disclosure.attack import Fact, Insider, Protection, System
from pipeline.disclosure.attack_solver import ATTAINED, Part, Programs, parts, uncut
from pipeline.disclosure.proof import Proof
from pipeline.disclosure.world_search import Leak, Search, Task, search_worlds
from pipeline.processes import Workers

# Each takes tenths of a second. A release with more leaks than this has one cause, which the first ones show.
_EXPLAINED = 25


@dataclass(frozen=True)
class Attack:
    """What an attack on a system gave.

    Attributes:
        proof: worlds that prove safety of every hidden count that is in neither list.
        leaks: hidden counts that everybody can derive, in the order of the protections.
        insider_leaks: hidden counts that only an insider can derive, by insider and protection.
    """

    proof: Proof
    leaks: tuple[Leak, ...]
    insider_leaks: tuple[Leak, ...]


def attack(
    system: System,
    people: Sequence[Insider] = (),
    start: Sequence[Mapping[str, int]] = (),
    explained: int = _EXPLAINED,
    of_insiders: Collection[str] | None = None,
) -> Attack:
    """Try to derive every hidden count.

    Args:
        system: what the attacker knows.
        people: insiders, each of whom attacks for himself.
        start: worlds of an earlier attack, by name of unknown; what still agrees with everything need not be found
            again, and the rest is left out.
        explained: so many leaks of the outsider are explained.
        of_insiders: hidden counts that insiders try to derive; all when None.

    Returns:
        The proof of what is safe, and what is not; the first leaks of the outsider are explained.

    Raises:
        ValueError: when the truth contradicts what is published, with the names of facts and no values.
    """
    wrong = system.contradictions()
    if wrong:
        raise ValueError(f"the truth contradicts {len(wrong)} facts, among them: {'; '.join(wrong[:5])}")
    pieces, known = parts(system)
    leaks: dict[str, Leak] = {}
    by_insiders: list[Leak] = []
    passed = {asked.unknown for asked in system.protections if of_insiders is not None} - set(of_insiders or ())
    worlds: list[dict[int, int]] = []
    for protection in system.protections:
        at = system.position[protection.unknown]
        if at in known and not protection.is_met([known[at]]):
            leaks[protection.unknown] = Leak(protection.unknown, None, known[at], known[at], (known[at],), True)
    tasks = _tasks(system, pieces, people, passed, start)
    with Workers() as workers:
        searched = workers.spread(search_worlds, tasks, [task.effort for task in tasks])
    for task, found in zip(tasks, searched, strict=True):
        leaks |= {leak.unknown: leak for leak in found.leaks}
        by_insiders += found.by_insiders
        worlds += ({task.part.unknowns[column]: value for column, value in world.items()} for world in found.worlds)
    order = {protection.unknown: at for at, protection in enumerate(system.protections)}
    ranks = {person.name: rank for rank, person in enumerate(people)}
    of_all = [leaks[name] for name in order if name in leaks]
    return Attack(
        Proof(system.fingerprint, tuple(worlds)),
        tuple(
            replace(leak, facts=explain(system, leak)) if rank < explained else leak for rank, leak in enumerate(of_all)
        ),
        tuple(sorted(by_insiders, key=lambda leak: (ranks[leak.insider], order[leak.unknown]))),
    )


def _tasks(
    system: System,
    pieces: Sequence[Part],
    people: Sequence[Insider],
    passed: Collection[str],
    worlds: Sequence[Mapping[str, int]],
) -> list[Task]:
    """Everything that concerns each part, and nothing else."""
    names = [[system.unknowns[unknown].name for unknown in piece.unknowns] for piece in pieces]
    columns = [{name: column for column, name in enumerate(each)} for each in names]
    piece_of = {name: at for at, each in enumerate(names) for name in each}
    asked: list[list[Protection]] = [[] for _ in pieces]
    for protection in system.protections:
        if protection.unknown in piece_of:
            asked[piece_of[protection.unknown]].append(protection)
    knowing: list[list[Insider]] = [[] for _ in pieces]
    for person in people:
        for at in sorted({piece_of[name] for name, _, _ in person.knows if name in piece_of}):
            knowing[at].append(person)
    remembered: list[list[dict[int, int]]] = [[] for _ in pieces]
    for world in worlds:
        changes: dict[int, dict[int, int]] = {}
        for name, value in world.items():
            at = piece_of.get(name)
            if at is not None:
                changes.setdefault(at, {})[columns[at][name]] = value
        for at, each in changes.items():
            remembered[at].append(each)
    return [
        Task(piece, columns[at], asked[at], knowing[at], passed & set(names[at]), remembered[at])
        for at, piece in enumerate(pieces)
        if asked[at]
    ]


def explain(system: System, leak: Leak) -> tuple[str, ...]:
    """Names of facts that together give a count away as closely as all facts do, none of which can be missed.

    What everybody knows of a count (that it is not negative, the residents of a district) goes without saying. For an
    insider's leak, give the system of ``System.with_insider``.

    Returns:
        The names in the order of the system; none when the leak is not proven.
    """
    if not leak.proven:
        return ()
    near = _near(system, leak.unknown)
    part, fact_of = uncut(system, near, leak.unknown)
    column = part.unknowns.index(system.position[leak.unknown])
    # What linear programs lean on is nearly always enough, and short.
    few = [near[at] for at in np.unique(fact_of[Programs(part, ()).leant_on(part, column)])]
    facts = few if _gives_away(system, few, leak)(np.arange(len(few))) else near
    gives_away = _gives_away(system, facts, leak)
    kept = np.arange(len(facts))
    step = max(1, len(kept) // 2)
    while True:
        at = 0
        while at < len(kept):
            rest = np.delete(kept, slice(at, at + step))
            if gives_away(rest):
                kept = rest
            else:
                at += step
        if step == 1:
            return tuple(facts[place].name for place in kept)
        step //= 2


def _gives_away(system: System, facts: Sequence[Fact], leak: Leak) -> Callable[[NDArray[np.int64]], bool]:
    """A function of some of these facts: whether they leave the count no more room than all facts of the system."""
    part, fact_of = uncut(system, facts, leak.unknown)
    programs, column = Programs(part, ()), part.unknowns.index(system.position[leak.unknown])
    alone = [asked for asked in system.protections if asked.unknown == leak.unknown]

    def gives_away(kept: NDArray[np.int64]) -> bool:
        holds = np.isin(fact_of, kept)
        some = replace(
            part, row_low=np.where(holds, part.row_low, -np.inf), row_high=np.where(holds, part.row_high, np.inf)
        )
        for direction, end, natural in ((-1, leak.low, part.low[column]), (1, leak.high, part.high[column])):
            # Fewer facts never leave less room, so an end that needs no facts is as it was.
            if end is not None and end != natural:
                answer = programs.extreme(some, column, direction)
                if answer.status != ATTAINED or answer.values[column] != end:
                    return False
        if leak.values is None or len(leak.values) == leak.high - leak.low + 1:
            return True
        again = Search(some, {leak.unknown: column}, alone).one(None, some, 0)
        return again is not None and again.values == leak.values

    return gives_away


def _near(system: System, unknown: str) -> list[Fact]:
    """Facts that can matter for an unknown: all that hang together with it, up to what is published itself."""
    published = {
        row.terms[0][0]
        for fact in system.facts
        for row in fact.rows
        if len(row.terms) == 1 and row.low == row.high and abs(row.terms[0][1]) == 1
    }
    facts_of: dict[str, list[int]] = {}
    for at, fact in enumerate(system.facts):
        for name in {name for row in fact.rows for name, _ in row.terms}:
            facts_of.setdefault(name, []).append(at)
    reached, near, queue = {unknown}, set(), [unknown]
    while queue:
        for at in facts_of.get(queue.pop(), []):
            near.add(at)
            names = {name for row in system.facts[at].rows for name, _ in row.terms} - reached
            reached |= names
            queue += sorted(names - published)
    single = {
        at
        for name in reached & published
        for at in facts_of[name]
        if all(len(row.terms) == 1 for row in system.facts[at].rows)
    }
    return [system.facts[at] for at in sorted(near | single)]
