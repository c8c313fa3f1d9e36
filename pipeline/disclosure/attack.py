"""What an attacker knows about hidden counts, in whole numbers.

Belongs here: unknowns (counts of people, sums of scores), what is known of them (published figures, sums that add up,
rounded shares and means), which of them must stay hidden and how well, and who knows his own contribution. Plain
Python, nothing but whole numbers. Not here: which figures are hidden and why, the search for other values that agree
with everything (witnesses), and the check of what was found (proof).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from operator import index

FIGURE = "figure"
QUOTIENT = "quotient"
EQUATION = "equation"
LIMIT = "limit"
OWN = "own"

# Beyond this many decimals a solver of floating-point numbers cannot tell neighbouring whole numbers apart.
_MOST_DECIMALS = 4


@dataclass(frozen=True)
class Unknown:
    """A whole number, with the bounds that everybody knows; None is no bound."""

    name: str
    low: int | None = 0
    high: int | None = None


@dataclass(frozen=True)
class Row:
    """low <= sum of coefficient x unknown <= high.

    Attributes:
        terms: unknown and coefficient, not 0.
        low: None when there is no lower bound.
        high: None when there is no upper bound.
        tie: the bounds are the ties of a rounding. The attacker sees which way the true value went; so a value on a tie
            counts as possible only when the true value is on that tie too.
    """

    terms: tuple[tuple[str, int], ...]
    low: int | None
    high: int | None
    tie: bool = False


@dataclass(frozen=True)
class Fact:
    """Something the attacker knows.

    Attributes:
        name: unique; where it stands, for a reader.
        kind: ``figure`` (a published value), ``quotient`` (a published share, rate or mean), ``equation`` (sums that
            add up), ``limit`` (a part is no more than its whole) or ``own`` (an insider's contribution).
        rows: what follows from it.
    """

    name: str
    kind: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Protection:
    """What is asked for a hidden count.

    Attributes:
        unknown: the count.
        width: at least so many different whole numbers stay possible.
        at_least: a value of at least this stays possible; None when nothing is asked.
        at_most: a value of at most this stays possible; for changes, which may be negative.
    """

    unknown: str
    width: int
    at_least: int | None = None
    at_most: int | None = None

    def is_met(self, values: Iterable[int]) -> bool:
        """Whether these possible values are enough."""
        different = set(values)
        return (
            len(different) >= self.width
            and (self.at_least is None or max(different) >= self.at_least)
            and (self.at_most is None or min(different) <= self.at_most)
        )


@dataclass(frozen=True)
class Insider:
    """Somebody who is counted himself.

    Attributes:
        name: unique.
        knows: unknown, low and high, as closely as he knows them.
        sees_himself_in: the unknowns of which he knows everything that there is to hide; they are not audited.
    """

    name: str
    knows: tuple[tuple[str, int | None, int | None], ...]
    sees_himself_in: tuple[str, ...] = ()


@dataclass(frozen=True)
class System:
    """Everything the attacker knows, what must stay hidden, and the truth.

    The truth is in it because an audit starts there: what is published has to agree with it, and what the attacker
    finds possible lies around it. A system is confidential.

    Attributes:
        unknowns: in a fixed order.
        facts: in a fixed order.
        protections: the hidden counts.
        truth: the true value of every unknown.

    Raises:
        ValueError: for a name that occurs twice, is unknown or has no true value.
    """

    unknowns: tuple[Unknown, ...]
    facts: tuple[Fact, ...]
    protections: tuple[Protection, ...]
    truth: Mapping[str, int]

    def __post_init__(self) -> None:
        """Refuse a system that contradicts itself."""
        for what, names in (
            ("unknowns", [unknown.name for unknown in self.unknowns]),
            ("facts", [fact.name for fact in self.facts]),
            ("protections", [protection.unknown for protection in self.protections]),
        ):
            if len(set(names)) != len(names):
                raise ValueError(f"{what} with the same name: {', '.join(_repeated(names)[:5])}")
        used = {name for fact in self.facts for row in fact.rows for name, _ in row.terms}
        used |= {protection.unknown for protection in self.protections}
        strange = sorted(used - self.position.keys())
        if strange:
            raise ValueError(f"not among the unknowns: {', '.join(strange[:5])}")
        if self.truth.keys() != self.position.keys():
            strange = self.truth.keys() ^ self.position.keys()
            raise ValueError(f"{len(strange)} unknowns without a true value, or the reverse")

    @cached_property
    def position(self) -> dict[str, int]:
        """Place of each unknown in ``unknowns``."""
        return {unknown.name: at for at, unknown in enumerate(self.unknowns)}

    def limits(self, row: Row) -> tuple[int | None, int | None]:
        """Lowest and highest sum of a row, ties included only where the truth is on them."""
        if not row.tie:
            return row.low, row.high
        true = self.total(row, self.truth)
        low = row.low if row.low is None or true == row.low else row.low + 1
        high = row.high if row.high is None or true == row.high else row.high - 1
        return low, high

    @staticmethod
    def total(row: Row, values: Mapping[str, int]) -> int:
        """The sum of a row, exactly."""
        return sum(coefficient * values[name] for name, coefficient in row.terms)

    def with_insider(self, person: Insider) -> System:
        """The same system for somebody who knows his own contribution besides."""
        rows = tuple(Row(((name, 1),), low, high) for name, low, high in person.knows)
        return replace(self, facts=(*self.facts, Fact(f"insider {person.name}", OWN, rows)))

    def contradictions(self) -> list[str]:
        """Names of unknowns and facts that the truth does not agree with; empty when all is well."""
        return list(self._contradictions)

    @cached_property
    def _contradictions(self) -> list[str]:
        return [
            unknown.name for unknown in self.unknowns if not within(self.truth[unknown.name], unknown.low, unknown.high)
        ] + [
            fact.name
            for fact in self.facts
            if not all(within(self.total(row, self.truth), row.low, row.high) for row in fact.rows)
        ]

    @cached_property
    def fingerprint(self) -> str:
        """A hash over everything in the system, so that a proof of one system is not taken for that of another."""
        content = [
            [[unknown.name, unknown.low, unknown.high, self.truth[unknown.name]] for unknown in self.unknowns],
            [
                [fact.name, fact.kind, [[row.terms, row.low, row.high, row.tie] for row in fact.rows]]
                for fact in self.facts
            ],
            [[asked.unknown, asked.width, asked.at_least, asked.at_most] for asked in self.protections],
        ]
        return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()


@dataclass
class Knowledge:
    """Gathers what an attacker knows, fact by fact; ``system`` closes it.

    The same order of calls gives the same system. Values are whole numbers; anything else is refused with a TypeError.
    """

    _unknowns: list[Unknown] = field(default_factory=list)
    _facts: list[Fact] = field(default_factory=list)
    _protections: list[Protection] = field(default_factory=list)

    def unknown(self, name: str, low: int | None = 0, high: int | None = None) -> str:
        """A count that figures or equations speak of, whether it is published or not.

        Args:
            name: unique.
            low: what everybody knows it is at least; None for a change, which may be negative.
            high: what everybody knows it is at most, such as the residents of a district.

        Returns:
            The name.
        """
        self._unknowns.append(Unknown(name, _whole(low), _whole(high)))
        return name

    def figure(self, name: str, unknown: str, value: int, within: int = 0) -> None:
        """A published value.

        Args:
            name: where it stands.
            unknown: what it is the value of.
            value: as published.
            within: how far the true value may be from it: 2 for a nearest multiple of 5, 4 for controlled rounding
                to 5.
        """
        value, within = index(value), index(within)
        self._facts.append(Fact(name, FIGURE, (Row(((unknown, 1),), value - within, value + within),)))

    def equation(self, name: str, terms: Mapping[str, int], value: int = 0) -> None:
        """Coefficients x unknowns add up to a value."""
        self._facts.append(Fact(name, EQUATION, (Row(_terms(terms), index(value), index(value)),)))

    def sum(self, name: str, total: str, parts: Iterable[str]) -> None:
        """A total is the sum of its parts: districts, categories, half-years, pooled cells, a release and a change."""
        terms = {total: -1}
        for part in parts:
            terms[part] = terms.get(part, 0) + 1
        self.equation(name, terms)

    def at_most(self, name: str, part: str, whole: str) -> None:
        """A part is no more than its whole."""
        self._facts.append(Fact(name, LIMIT, (Row(_terms({whole: 1, part: -1}), 0, None),)))

    def quotient(self, name: str, numerator: str, denominator: str, shown: str | Decimal, per: int = 100) -> None:
        """A published rounded quotient: a share in per cent (``per`` 100), a rate (1,000), a mean of scores (1).

        With u the unit of the last decimal, per x numerator lies between (shown - u/2) x denominator and
        (shown + u/2) x denominator.

        Args:
            name: where it stands.
            numerator: the unknown above the line.
            denominator: the unknown below it; at least 1, because a share of nobody is not published.
            shown: as it is printed, with all its decimals ("33", "33.0").
            per: what the quotient is multiplied by before it is shown.

        Raises:
            TypeError: when shown is a float, which does not say how it was rounded.
            ValueError: for more than four decimals.
        """
        doubled, unit = _printed(shown)
        scale = 2 * unit * index(per)
        at_least = Row(_terms({numerator: scale, denominator: -(doubled - 1)}), 0, None, tie=True)
        at_most = Row(_terms({numerator: scale, denominator: -(doubled + 1)}), None, 0, tie=True)
        self._facts.append(Fact(name, QUOTIENT, (at_least, at_most, Row(((denominator, 1),), 1, None))))

    def scale(self, name: str, total: str, people: str, lowest: int, highest: int) -> None:
        """A sum of scores lies between everybody at the lowest and everybody at the highest score of its scale."""
        rows = (
            Row(_terms({total: 1, people: -index(lowest)}), 0, None),
            Row(_terms({total: 1, people: -index(highest)}), None, 0),
        )
        self._facts.append(Fact(name, LIMIT, rows))

    def hide(self, unknown: str, width: int, at_least: int | None = None, at_most: int | None = None) -> None:
        """Ask protection for a count; the parameters are those of ``Protection``."""
        self._protections.append(Protection(unknown, index(width), _whole(at_least), _whole(at_most)))

    def system(self, truth: Mapping[str, int]) -> System:
        """The system, with the true value of every unknown.

        Raises:
            ValueError: as ``System``.
        """
        true = {name: index(value) for name, value in truth.items()}
        return System(tuple(self._unknowns), tuple(self._facts), tuple(self._protections), true)


def insiders(system: System) -> list[Insider]:
    """One person for each hidden count that counts anybody, who knows his own contribution.

    Who is alone in it knows that it is 1, and learns nothing from himself. Who is not alone knows that it is 1 or more.
    """
    people = []
    for protection in system.protections:
        name, true = protection.unknown, system.truth[protection.unknown]
        if true == 1:
            people.append(Insider(name, ((name, 1, 1),), sees_himself_in=(name,)))
        elif true > 1:
            people.append(Insider(name, ((name, 1, None),)))
    return people


def within(value: int, low: int | None, high: int | None) -> bool:
    """Whether a value lies between two bounds, of which None is no bound."""
    return (low is None or value >= low) and (high is None or value <= high)


def _terms(terms: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple((name, index(coefficient)) for name, coefficient in terms.items() if coefficient)


def _whole(value: int | None) -> int | None:
    return None if value is None else index(value)


def _printed(shown: str | Decimal) -> tuple[int, int]:
    """Twice the printed number in units of its last decimal, and how many of those units make 1."""
    if not isinstance(shown, str | Decimal):
        raise TypeError("a rounded figure is given as it is printed, not as a floating-point number")
    number = Decimal(shown)
    decimals = max(0, -int(number.as_tuple().exponent))
    if decimals > _MOST_DECIMALS:
        raise ValueError(f"a figure of {decimals} decimals is not a rounded one")
    unit = 10**decimals
    return 2 * int(number * unit), unit


def _repeated(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})
