"""An attacker on everything that was published: which hidden counts he finds, and how closely.

Belongs here: what follows from the facts (attacker_facts). Two readers: a curious one, who subtracts and compares, and
one with a computer, who asks for the least and the most that a hidden count can be, in whole numbers. Written apart
from the product and using nothing of it, so that a mistake in its own audit shows here.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import highspy
import numpy as np
from attacker_facts import (
    COUNCIL,
    LABELS,
    UNCHANGED,
    WIDTH,
    Choice,
    Fact,
    Facts,
    Indicator,
    Release,
    Secret,
    collect,
)
from numpy.typing import NDArray
from scipy import sparse

Whole = NDArray[np.int64]

_FIT = 1e-6
# A limit on what an unknown can be, for choices only: "small, or else anything up to this".
_ANYTHING = 100_000
_FAR = 10_000
# One thread, as every other HiGHS object of the process; the same question gets the same answer.
_OPTIONS = {
    "output_flag": False,
    "threads": 1,
    "random_seed": 0,
    "mip_max_nodes": 5_000,
    "mip_rel_gap": 0.0,
    "mip_abs_gap": 0.5,
    "mip_feasibility_tolerance": 1e-8,
}
LABEL_READER = "partner who reads labels"
_ROUNDS_OF_A_READER = 2
_ROUNDS_OF_A_COMPUTER = 30


@dataclass(frozen=True)
class Leak:
    """A secret that is found out.

    Attributes:
        secret: the count.
        low: the least that it can be.
        high: the most.
        why: ``width`` when too few whole numbers are left, ``small`` when it is sure to be small.
    """

    secret: Secret
    low: int
    high: int
    why: str

    def __str__(self) -> str:
        return f"{self.secret.name} ({self.secret.rule}): {self.low} to {self.high} ({self.why})"


@dataclass(frozen=True)
class Outcome:
    """What an attack found.

    Attributes:
        leaks: secrets that are found out.
        undecided: secrets for which the search was given up.
        secrets: how many were tried.
        false: what was published and is not true.
    """

    leaks: list[Leak]
    undecided: list[Secret]
    secrets: int
    false: list[str]

    def __str__(self) -> str:
        found = "\n".join(f"  {leak}" for leak in self.leaks[:20])
        return f"{len(self.leaks)} of {self.secrets} found, {len(self.undecided)} undecided\n{found}"


def attack_as_everybody(
    history: Sequence[Release],
    indicators: Mapping[str, Indicator],
    residents: Mapping[str, int],
    but: str | None = None,
) -> dict[str, Outcome]:
    """The attacks of all readers on all releases together.

    Args:
        history: releases in order of time.
        indicators: the registry, by code.
        residents: per area.
        but: a reader who stays out of it.

    Returns:
        By reader: ``curious partner`` (subtracts and compares), ``partner`` (with a computer), ``partner who reads
        labels`` (knows by which rule a figure can be hidden), ``partner who guesses`` (takes what he cannot see
        changing as unchanged), ``council``.
    """
    readers = {
        "curious partner": (read_curiously, {}),
        "partner": (attack, {}),
        LABEL_READER: (attack, {"supposing": (LABELS,)}),
        "partner who guesses": (attack, {"supposing": (UNCHANGED,)}),
        "council": (attack, {"reader": COUNCIL}),
    }
    return {
        name: read(collect(history, indicators, residents, **how))
        for name, (read, how) in readers.items()
        if name != but
    }


def read_curiously(facts: Facts) -> Outcome:
    """What a reader finds who subtracts and compares figures, each figure once or twice."""
    low, high = _bounds(facts, _ROUNDS_OF_A_READER)
    leaks = []
    for secret in facts.secrets:
        least, most = _range(secret.terms, low, high)
        why = _too_close(secret, least, most)
        if why:
            leaks.append(Leak(secret, _whole(least), _whole(most), why))
    return Outcome(leaks, [], len(facts.secrets), facts.false)


def attack(facts: Facts) -> Outcome:
    """What a reader with a computer finds: for each secret the least and the most, in whole numbers.

    Both are exact for a secret that is found out by more than one fact at a time; nobody looks further than what makes
    a secret safe.

    Args:
        facts: what he knows, with the truth, which only serves as the first of the worlds that are possible.
    """
    same = _same_unknowns(facts)
    known = _known(facts, same)
    parts = _parts(facts, same, known)
    low, high = _bounds(facts, _ROUNDS_OF_A_COMPUTER)
    for at, first in enumerate(same):
        low[first], high[first] = max(low[first], low[at]), min(high[first], high[at])
    leaks, undecided = [], []
    by_part: dict[int, list[tuple[Secret, dict[int, int], int]]] = defaultdict(list)
    part_of = {at: number for number, part in enumerate(parts) for at in part.columns}
    for secret in facts.secrets:
        terms, constant = _reduced(secret.terms, same, known)
        least, most = _range(terms, low, high)
        why = _too_close(secret, least + constant, most + constant)
        if why:
            leaks.append(Leak(secret, _whole(least + constant), _whole(most + constant), why))
        else:
            # a secret may have been in several parts; it makes them one
            by_part[part_of[min(terms)]].append((secret, terms, constant))
    for number in sorted(by_part):
        search = _Search(parts[number], facts, low, high)
        for secret, terms, constant in by_part[number]:
            least, most, sure = search.range(terms, constant, secret)
            why = _too_close(secret, least, most)
            if why and sure:
                leaks.append(Leak(secret, least, most, why))
            elif why:
                undecided.append(secret)
    return Outcome(leaks, undecided, len(facts.secrets), facts.false)


def explain(facts: Facts, leak: Leak) -> list[str]:
    """The facts that a leak leans on: without any one of them it would not be there."""
    reach = set(leak.secret.terms)
    # all facts that touch what touches the secret, as far as it goes; then one by one left out
    todo = [*facts.facts, *facts.choices]
    chosen: list[Fact | Choice] = []
    grown = True
    while grown:
        grown = False
        for each in list(todo):
            places = _places(each)
            if places & reach:
                reach |= places
                chosen.append(each)
                todo.remove(each)
                grown = True

    def leaks(some: Sequence[Fact | Choice]) -> bool:
        alone = Facts(
            facts.names,
            facts.values,
            [each for each in some if isinstance(each, Fact)],
            [each for each in some if isinstance(each, Choice)],
            secrets=[leak.secret],
        )
        return bool(attack(alone).leaks)

    size = max(1, len(chosen) // 2)
    while True:
        at = 0
        while at < len(chosen):
            without = chosen[:at] + chosen[at + size :]
            if leaks(without):
                chosen = without
            else:
                at += size
        if size == 1:
            return [f"{each.source} [{_shown(each)}]" for each in chosen]
        size = max(1, size // 2)


def _shown(each: Fact | Choice) -> str:
    if isinstance(each, Choice):
        return "one of several"
    if each.low == each.high:
        return str(each.low)
    return f"{'' if each.low is None else each.low} to {'' if each.high is None else each.high}"


def _too_close(secret: Secret, low: float, high: float) -> str | None:
    if high - low + 1 < WIDTH:
        return "width"
    if secret.at_least is not None and high < secret.at_least:
        return "small"
    return None


def _range(terms: Mapping[int, int], low: Sequence[float], high: Sequence[float]) -> tuple[float, float]:
    """The least and the most of a sum whose unknowns are within bounds."""
    return (
        sum(c * (low[at] if c > 0 else high[at]) for at, c in terms.items()),
        sum(c * (high[at] if c > 0 else low[at]) for at, c in terms.items()),
    )


def _whole(value: float) -> int:
    return int(value) if math.isfinite(value) else (10**9 if value > 0 else -(10**9))


def _places(each: Fact | Choice) -> set[int]:
    if isinstance(each, Fact):
        return set(each.terms)
    return {at for option in each.options for fact in option for at in fact.terms}


def _bounds(facts: Facts, rounds: int) -> tuple[list[float], list[float]]:
    """Bounds of each unknown after so many rounds of working out one fact at a time."""
    low, high = [-math.inf] * len(facts.names), [math.inf] * len(facts.names)
    for fact in facts.facts:
        if len(fact.terms) == 1:
            _tighten(fact, low, high, low, high)
    touching: dict[int, list[int]] = defaultdict(list)
    for number, fact in enumerate(facts.facts):
        for at in fact.terms:
            touching[at].append(number)
    todo: Iterable[int] = range(len(facts.facts))
    for _ in range(rounds):
        before_low, before_high = list(low), list(high)
        for number in todo:
            _tighten(facts.facts[number], before_low, before_high, low, high)
        moved = [at for at in range(len(low)) if (low[at], high[at]) != (before_low[at], before_high[at])]
        todo = sorted({number for at in moved for number in touching[at]})
    return low, high


def _tighten(
    fact: Fact, from_low: Sequence[float], from_high: Sequence[float], low: list[float], high: list[float]
) -> None:
    """What one fact says of each of its unknowns, the others within their bounds."""
    if fact.high is not None:
        _tighten_one_side(fact.terms, fact.high, from_low, from_high, low, high)
    if fact.low is not None:
        opposite = {at: -coefficient for at, coefficient in fact.terms.items()}
        _tighten_one_side(opposite, -fact.low, from_low, from_high, low, high)


def _tighten_one_side(
    terms: Mapping[int, int],
    limit: int,
    from_low: Sequence[float],
    from_high: Sequence[float],
    low: list[float],
    high: list[float],
) -> None:
    """The same for: sum <= limit."""
    least = {at: c * (from_low[at] if c > 0 else from_high[at]) for at, c in terms.items()}
    endless = [at for at, value in least.items() if not math.isfinite(value)]
    if len(endless) > 1:
        return
    total = sum(value for value in least.values() if math.isfinite(value))
    for at in endless or terms:
        room = limit - (total if endless else total - least[at])
        if terms[at] > 0:
            high[at] = min(high[at], math.floor(room / terms[at] + _FIT))
        else:
            low[at] = max(low[at], math.ceil(room / terms[at] - _FIT))


# ---- making the facts fewer ------------------------------------------------------------------------------------------


def _same_unknowns(facts: Facts) -> list[int]:
    """Per unknown the first one that is known to be equal to it."""
    first = list(range(len(facts.names)))

    def find(at: int) -> int:
        while first[at] != at:
            first[at] = first[first[at]]
            at = first[at]
        return at

    for fact in facts.facts:
        if fact.low == 0 == fact.high and sorted(fact.terms.values()) == [-1, 1]:
            one, other = sorted(find(at) for at in fact.terms)
            first[other] = one
    return [find(at) for at in range(len(first))]


def _known(facts: Facts, same: Sequence[int]) -> dict[int, int]:
    """Unknowns that follow one after the other from equations in which they are alone."""
    equations: list[dict[int, int]] = []
    rights: list[int] = []
    where: dict[int, list[int]] = defaultdict(list)
    for fact in facts.facts:
        if fact.low is None or fact.low != fact.high:
            continue
        terms, _ = _reduced(fact.terms, same, {})
        for at in terms:
            where[at].append(len(equations))
        equations.append(terms)
        rights.append(fact.low)
    known: dict[int, int] = {}
    todo = deque(number for number, terms in enumerate(equations) if len(terms) == 1)
    while todo:
        terms = equations[todo.popleft()]
        if len(terms) != 1:
            continue
        ((at, _),) = terms.items()
        known[at] = facts.values[at]
        for number in where[at]:
            if equations[number].pop(at, None) is not None and len(equations[number]) == 1:
                todo.append(number)
    return known


def _reduced(terms: Mapping[int, int], same: Sequence[int], known: Mapping[int, int]) -> tuple[dict[int, int], int]:
    """A sum in what is still unknown, and what the rest adds to it."""
    left: dict[int, int] = defaultdict(int)
    constant = 0
    for at, coefficient in terms.items():
        if same[at] in known:
            constant += coefficient * known[same[at]]
        else:
            left[same[at]] += coefficient
    return {at: coefficient for at, coefficient in left.items() if coefficient}, constant


@dataclass
class _Part:
    """Unknowns that hang together, with what is known of them."""

    columns: list[int]
    rows: list[tuple[dict[int, int], int | None, int | None]]
    choices: list[list[list[tuple[dict[int, int], int | None, int | None]]]]


def _parts(facts: Facts, same: Sequence[int], known: Mapping[int, int]) -> list[_Part]:
    """Cut what is known into parts that share no unknown."""

    def left(fact: Fact) -> tuple[dict[int, int], int | None, int | None]:
        terms, constant = _reduced(fact.terms, same, known)
        return (
            terms,
            None if fact.low is None else fact.low - constant,
            None if fact.high is None else fact.high - constant,
        )

    rows = [row for row in map(left, facts.facts) if row[0]]
    choices = []
    for choice in facts.choices:
        options = [[left(fact) for fact in option] for option in choice.options]
        # what is known already settles some: an option that is false goes, one that is true makes the choice empty
        options = [option for option in options if all(terms or _within(0, lo, hi) for terms, lo, hi in option)]
        if all(any(terms for terms, _, _ in option) for option in options):
            choices.append(options)
    first = list(range(len(facts.names)))

    def find(at: int) -> int:
        while first[at] != at:
            first[at] = first[first[at]]
            at = first[at]
        return at

    def join(places: Iterable[int]) -> None:
        places = list(places)
        for at in places[1:]:
            first[find(at)] = find(places[0])

    for terms, _, _ in rows:
        join(terms)
    for options in choices:
        join(at for option in options for terms, _, _ in option for at in terms)
    for secret in facts.secrets:
        join(_reduced(secret.terms, same, known)[0])
    parts: dict[int, _Part] = {}
    for at in range(len(first)):
        if same[at] == at and at not in known:
            parts.setdefault(find(at), _Part([], [], [])).columns.append(at)
    for row in rows:
        parts[find(next(iter(row[0])))].rows.append(row)
    for options in choices:
        place = next(at for option in options for terms, _, _ in option for at in terms)
        parts[find(place)].choices.append(options)
    return list(parts.values())


def _within(value: int, low: int | None, high: int | None) -> bool:
    return (low is None or low <= value) and (high is None or value <= high)


# ---- the least and the most ------------------------------------------------------------------------------------------


class _Search:
    """Worlds of one part that agree with everything known, and the least and the most of sums in them."""

    def __init__(self, part: _Part, facts: Facts, low: Sequence[float], high: Sequence[float]) -> None:
        self.place = {at: number for number, at in enumerate(part.columns)}
        truth = [facts.values[at] for at in part.columns]
        lows, highs = [low[at] for at in part.columns], [high[at] for at in part.columns]
        rows = [
            (self._placed(terms), -math.inf if least is None else least, math.inf if most is None else most)
            for terms, least, most in part.rows
            if len(terms) > 1  # one alone is a bound already
        ]
        for options in part.choices:
            switches = range(len(truth), len(truth) + len(options))
            rows.append((dict.fromkeys(switches, 1), 1, math.inf))
            for switch, option in zip(switches, options, strict=True):
                lows.append(0)
                highs.append(1)
                truth.append(
                    int(all(_within(sum(c * facts.values[at] for at, c in t.items()), lo, hi) for t, lo, hi in option))
                )
                for terms, least, most in option:
                    # switched off, the limit is out of the way
                    bottom, top = (max(min(end, _ANYTHING), -_ANYTHING) for end in _range(terms, low, high))
                    if least is not None:
                        rows.append(({**self._placed(terms), switch: bottom - least}, bottom, math.inf))
                    if most is not None:
                        rows.append(({**self._placed(terms), switch: top - most}, -math.inf, top))
        self.low, self.high = np.array(lows, float), np.array(highs, float)
        self.bottom, self.top = np.array([row[1] for row in rows], float), np.array([row[2] for row in rows], float)
        entries = [(number, at, c) for number, (terms, _, _) in enumerate(rows) for at, c in sorted(terms.items())]
        numbers, places, values = np.array(entries, dtype=np.int64).reshape(-1, 3).T
        self.matrix = sparse.csr_matrix((values, (numbers, places)), shape=(len(rows), len(truth)))
        self.truth = np.array(truth, dtype=np.int64)
        self.switches = np.arange(len(part.columns), len(truth), dtype=np.int32)
        self.worlds = self.truth[np.newaxis]
        self._programs: dict[str, highspy.Highs] = {}

    def _placed(self, terms: Mapping[int, int]) -> dict[int, int]:
        return {self.place[at]: coefficient for at, coefficient in terms.items()}

    def _is_world(self, world: Whole) -> bool:
        """Checked in whole numbers, so that no rounding of a solver is believed."""
        sums = self.matrix @ world
        within = (world >= self.low).all() and (world <= self.high).all()
        return bool(within and (sums >= self.bottom).all() and (sums <= self.top).all())

    def range(self, terms: Mapping[int, int], constant: int, secret: Secret) -> tuple[int, int, bool]:
        """The least and the most of a sum, sought until it is safe; and whether that is certain."""
        objective = np.zeros(len(self.truth), dtype=np.int64)
        for at, coefficient in terms.items():
            objective[self.place[at]] = coefficient
        ends = {1: math.inf, -1: math.inf}
        needed: dict[int, int] = {}
        for sign in (1, -1):
            low, high = self._attained(objective, constant)
            if _too_close(secret, low, high) is None:
                return low, high, True
            wanted = max(secret.at_least or 0, low + WIDTH - 1) if sign > 0 else WIDTH - 1 - high
            needed[sign] = wanted - sign * constant
            if not self._step(sign * objective, needed[sign]):
                ends[sign] = self._furthest(sign * objective) + sign * constant
        least = -math.floor(ends[-1] + _FIT) if math.isfinite(ends[-1]) else -math.inf
        most = math.floor(ends[1] + _FIT) if math.isfinite(ends[1]) else math.inf
        if _too_close(secret, least, most):
            return _whole(least), _whole(most), True
        low, high = self._attained(objective, constant)
        if _too_close(secret, low, high) is None:
            return low, high, True
        is_up, is_down = (self._climb(sign * objective, needed[sign]) for sign in (1, -1))
        return *self._attained(objective, constant), is_up and is_down

    def _attained(self, objective: Whole, constant: int) -> tuple[int, int]:
        values = self.worlds @ objective
        return int(values.min()) + constant, int(values.max()) + constant

    def _step(self, objective: Whole, needed: int) -> bool:
        """The shortest way from the truth to what is needed; it moves few unknowns, and then mostly by whole steps.

        Returns:
            False when nothing leads there.
        """
        program = self._program("steps")
        used = np.flatnonzero(objective)
        places = np.concatenate([used, used + len(objective)]).astype(np.int32)
        values = np.concatenate([objective[used], -objective[used]]).astype(float)
        program.addRow(float(needed - objective @ self.truth), highspy.kHighsInf, len(places), places, values)
        program.run()
        status = program.getModelStatus()
        is_kept = self._keep_steps(program)
        if not is_kept and status == highspy.HighsModelStatus.kOptimal and len(self.switches):
            # with the choices as they are in truth
            both = np.concatenate([self.switches, self.switches + len(objective)]).astype(np.int32)
            nothing = np.zeros(len(both))
            program.changeColsBounds(len(both), both, nothing, nothing)
            program.run()
            self._keep_steps(program)
            program.changeColsBounds(len(both), both, nothing, nothing + 1)
        program.deleteRows(1, np.array([program.getNumRow() - 1], dtype=np.int32))
        return status != highspy.HighsModelStatus.kInfeasible

    def _keep_steps(self, program: highspy.Highs) -> bool:
        if program.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return False
        up, down = np.array(program.getSolution().col_value).reshape(2, -1)
        return self._keep(self.truth + up - down)

    def _furthest(self, objective: Whole) -> float:
        """The most that a sum can be, were people not whole."""
        program = self._program("parts")
        columns = np.arange(len(objective), dtype=np.int32)
        program.changeColsCost(len(objective), columns, -objective.astype(float))
        program.run()
        is_found = program.getModelStatus() == highspy.HighsModelStatus.kOptimal
        return -program.getInfo().objective_function_value if is_found else math.inf

    def _climb(self, objective: Whole, needed: int) -> bool:
        """Look for a world in which the sum is as much as is needed, or as much as it can be; False when given up."""
        program = self._program("people")
        used = np.flatnonzero(objective).astype(np.int32)
        columns = np.arange(len(objective), dtype=np.int32)
        program.changeColsCost(len(objective), columns, -objective.astype(float))
        # whole worlds may lie far apart: beyond what is needed there may be one where none is nearer
        most = float(needed + _FAR)
        program.addRow(-highspy.kHighsInf, most, len(used), used, objective[used].astype(float))
        program.setOptionValue("objective_target", -float(needed) + _FIT)
        program.run()
        status, solution = program.getModelStatus(), np.array(program.getSolution().col_value)
        program.deleteRows(1, np.array([program.getNumRow() - 1], dtype=np.int32))
        if status == highspy.HighsModelStatus.kInfeasible:
            raise AssertionError("for the attacker the truth itself is impossible: a fact is wrong")
        is_done = status in (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kObjectiveTarget)
        return len(solution) == len(objective) and self._keep(solution) and is_done

    def _keep(self, solution: NDArray[np.float64]) -> bool:
        world = np.rint(solution).astype(np.int64)
        if np.abs(solution - world).max(initial=0) > 1e-4 or not self._is_world(world):
            return False
        self.worlds = np.vstack([self.worlds, world])
        return True

    def _program(self, of: str) -> highspy.Highs:
        """One of three: of whole ``people``, of ``parts`` of people, or of ``steps`` up and down from the truth."""
        if of not in self._programs:
            is_steps = of == "steps"
            offset = self.matrix @ self.truth if is_steps else np.zeros(len(self.bottom))
            low = np.zeros(2 * len(self.truth)) if is_steps else self.low
            high = np.concatenate([self.high - self.truth, self.truth - self.low]) if is_steps else self.high
            matrix = sparse.csr_matrix(sparse.hstack([self.matrix, -self.matrix])) if is_steps else self.matrix
            model = highspy.HighsLp()
            model.num_col_, model.num_row_ = len(low), len(offset)
            model.col_cost_ = np.ones(len(low)) if is_steps else np.zeros(len(low))
            model.col_lower_, model.col_upper_ = low, high
            model.row_lower_, model.row_upper_ = self.bottom - offset, self.top - offset
            model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
            model.a_matrix_.start_, model.a_matrix_.index_ = matrix.indptr, matrix.indices
            model.a_matrix_.value_ = matrix.data.astype(float)
            if of == "people":
                model.integrality_ = [highspy.HighsVarType.kInteger] * len(low)
            program = highspy.Highs()
            for option, value in _OPTIONS.items():
                program.setOptionValue(option, value)
            program.passModel(model)
            self._programs[of] = program
        return self._programs[of]
