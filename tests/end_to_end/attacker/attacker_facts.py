"""Everything that an attacker can write down about counts of people, from files that were published.

Belongs here: what is published and when, what everybody knows besides (definitions, residents, the rules), and the
facts that follow: sums over districts, equal and nested people, rounding, cumulative figures, pooled figures,
corrections. Nothing of the product is used, so that a mistake there is not repeated here. Not here: what follows from
the facts together (attacker).

Every fact is held against the truth: one that is false would lead the attacker astray, so it is set apart
(``Facts.false``) and a caller can see that what was published was not the truth.
"""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import pandas as pd

# The rules as they are told to everybody.
PERSONS = 10
SMALL_SIDE = 5
WIDTH = 5
ROUNDING = 5
NEARLY_ALL = Fraction(9, 10)

TABLES = ("fct_indicator", "fct_indicator_pooled", "fct_life_domain")
PARTNERS, COUNCIL = "partners", "council"
OUTCOMES = ("improved", "stable", "worsened")
PRIMARY, SECONDARY, PUBLISHED, NO_DATA, UNRELIABLE = (
    "suppressed_primary",
    "suppressed_secondary",
    "published",
    "no_data",
    "unreliable",
)

# Read from the definitions: who counts the same people, and whose people are among whose.
SAME_PEOPLE = (("tom_zrm_verbeterd_of_stabiel", "tom_zrm_verbeterd"), ("go_verblijf", "go_uithuisplaatsing"))
NUMERATOR_WITHIN = (("tom_zrm_verbeterd", "tom_zrm_verbeterd_of_stabiel"),)
PEOPLE_WITHIN = (("go_verblijf", "go_ambulant_aandeel"), ("go_uithuisplaatsing", "go_ambulant_aandeel"))
CUMULATIVE = ("tom_heropende_dossiers",)
# Of these n is a number of clients, so there are no more than residents.
COUNTS_CLIENTS = (
    "tom_zrm_verbeterd_of_stabiel",
    "tom_zrm_verbeterd",
    "tom_participatie_verbeterd_of_stabiel",
    "go_verblijf",
    "go_uithuisplaatsing",
    "go_ambulant_aandeel",
    "go_geen_nieuwe_start",
)
_LOWEST_SCORE, _HIGHEST_SCORE = 1, 10
# How figures are rounded: decimals, and from which n on there is one more.
_DECIMALS = {"proportion": 2, "mean": 1, "ratio": 0, "rate": 1}
_FINER_FROM = {"proportion": 1000, "mean": 200, "ratio": 1000, "rate": math.inf}

# What an attacker may suppose beyond what he can be sure of.
LABELS = "labels"  # a figure hidden as too small is too small, and one hidden for another's sake is not
UNCHANGED = "unchanged"  # a hidden count is the same as in the release before when that happens to be so

Key = tuple[Hashable, ...]

_SAID = {
    "indicator": ("status", "is_pending", "n", "numerator", "value"),
    "domain": ("status", "is_pending", "n", *OUTCOMES, "low_share", "goal_attainment"),
}


@dataclass(frozen=True)
class Indicator:
    """What the registry tells everybody."""

    kind: str
    sensitive_side: str
    scale: float


def read_indicators(path: Path) -> dict[str, Indicator]:
    """The registry of indicators, by code."""
    with path.open(encoding="utf-8", newline="") as file:
        return {
            row["indicator_code"]: Indicator(row["kind"], row["sensitive_side"], float(row["scale"]))
            for row in csv.DictReader(file)
        }


@dataclass(frozen=True)
class Truth:
    """The true counts at the moment of a release.

    Attributes:
        cells: as ``cells.indicator_cell``.
        domains: as ``cells.life_domain_cell``.
        pooled: as ``reliability.pooled_cell``.
        members: as ``reliability.pooled_member``.
    """

    cells: pd.DataFrame
    domains: pd.DataFrame
    pooled: pd.DataFrame
    members: pd.DataFrame

    @classmethod
    def from_counts(cls, counts: pd.DataFrame, members: pd.DataFrame) -> Truth:
        """From the sealed files of a release: true_count (one line per count) and pool_member."""
        area = ["consortium_code", "code", "district_code", "period"]

        def wide(subject: str, code: str, names: Sequence[str], key: Sequence[str] = area) -> pd.DataFrame:
            own = counts[counts["subject"] == subject]
            frame = own.pivot_table(index=list(key), columns="count_name", values="value", aggfunc="first")
            return frame.reindex(columns=list(names)).reset_index().rename(columns={"code": code})

        return cls(
            wide("indicator", "indicator_code", ("n", "numerator", "persons")),
            wide(
                "life_domain",
                "life_domain_code",
                ("n", *OUTCOMES, "persons", "rated", "low", "goals", "goals_reached"),
            ),
            wide("pooled", "indicator_code", ("n", "numerator", "persons"), [*area, "pooled_over"]),
            members,
        )


@dataclass(frozen=True)
class Release:
    """What left at one moment, and what was true then.

    A withdrawn release is a release like any other: who has read it keeps it.

    Attributes:
        truth: the true counts at that moment.
        published: per audience the tables that left, by name.
    """

    truth: Truth
    published: Mapping[str, Mapping[str, pd.DataFrame]]


def read_published(folder: Path) -> dict[str, pd.DataFrame]:
    """The tables of one release from its Parquet files; a table that is not there is left out."""
    paths = {name: folder / f"{name}.parquet" for name in TABLES}
    return {name: pd.read_parquet(path) for name, path in paths.items() if path.exists()}


@dataclass(frozen=True)
class Fact:
    """low <= sum of coefficient x unknown <= high, in whole numbers; None is no limit."""

    terms: Mapping[int, int]
    low: int | None
    high: int | None
    source: str


@dataclass(frozen=True)
class Choice:
    """At least one of these holds, and the attacker does not know which; each is a list of facts that hold together."""

    options: tuple[tuple[Fact, ...], ...]
    source: str


@dataclass(frozen=True)
class Secret:
    """A count that a reader must not find out.

    Attributes:
        name: which count, in words.
        terms: the count as a sum of unknowns.
        truth: its true value.
        rule: why it must stay hidden.
        at_least: what the reader must keep thinking possible; None when only the width counts.
        audience: who must not find out.
    """

    name: str
    terms: Mapping[int, int]
    truth: int
    rule: str
    at_least: int | None
    audience: str


@dataclass
class Facts:
    """Unknown counts with their true values, and what is known of them.

    Attributes:
        names: of each unknown.
        values: the true value of each unknown.
        facts: what is known.
        choices: what is known to be one of several.
        false: what was published or supposed and is not true.
        secrets: what must not be found out.
    """

    names: list[Key] = field(default_factory=list)
    values: list[int] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)
    false: list[str] = field(default_factory=list)
    secrets: list[Secret] = field(default_factory=list)
    _place: dict[Key, int] = field(default_factory=dict)
    _seen: dict[tuple, int] = field(default_factory=dict)
    _secret: set[tuple] = field(default_factory=set)

    def unknown(self, name: Key, value: int) -> int:
        """The place of an unknown, new or known already."""
        if name not in self._place:
            self._place[name] = len(self.names)
            self.names.append(name)
            self.values.append(int(value))
        return self._place[name]

    def value(self, terms: Mapping[int, int]) -> int:
        """The true value of a sum of unknowns."""
        return sum(coefficient * self.values[at] for at, coefficient in terms.items())

    def holds(self, fact: Fact) -> bool:
        """Whether a fact agrees with the truth."""
        value = self.value(fact.terms)
        return (fact.low is None or fact.low <= value) and (fact.high is None or value <= fact.high)

    def know(
        self, terms: Mapping[int, int], low: int | None, high: int | None, source: str, *, supposed: bool = False
    ) -> None:
        """Add a fact once; one that does not hold is set apart, or dropped when it was only supposed."""
        terms = {at: coefficient for at, coefficient in terms.items() if coefficient}
        fact = Fact(terms, low, high, source)
        if not terms:
            return
        if not self.holds(fact):
            if not supposed:
                self.false.append(source)
            return
        mark = (tuple(sorted(terms.items())), low, high)
        if mark not in self._seen:
            self._seen[mark] = len(self.facts)
            self.facts.append(fact)

    def choose(
        self, options: Sequence[Sequence[tuple[Mapping[int, int], int | None, int | None]]], source: str
    ) -> None:
        """Add that at least one of several holds; a supposition, dropped when none does."""
        listed = tuple(tuple(Fact(dict(terms), low, high, source) for terms, low, high in one) for one in options)
        true = [one for one in listed if all(self.holds(fact) for fact in one)]
        if not true:
            return
        if len(listed) == 1:
            for fact in listed[0]:
                self.know(fact.terms, fact.low, fact.high, source)
            return
        mark = (source, tuple(tuple(sorted(fact.terms.items())) for one in listed for fact in one))
        if mark not in self._seen:
            self._seen[mark] = -1
            self.choices.append(Choice(listed, source))

    def hide(
        self,
        name: str,
        terms: Mapping[int, int],
        rule: str,
        at_least: int | None,
        audience: str,
    ) -> None:
        """Add a secret once."""
        terms = {at: coefficient for at, coefficient in terms.items() if coefficient}
        mark = (tuple(sorted(terms.items())), at_least, audience)
        if terms and mark not in self._secret:
            self._secret.add(mark)
            self.secrets.append(Secret(name, terms, self.value(terms), rule, at_least, audience))


def index_of(period: str) -> int:
    """Half-years in order."""
    return int(period[:4]) * 2 + int(period[-1]) - 1


def final_periods(periods: Iterable[str]) -> set[str]:
    """Half-years that no later delivery changes any more: those of years before the year of the last one."""
    indices = {period: index_of(period) for period in periods}
    latest = max(indices.values(), default=0)
    return {period for period, index in indices.items() if latest >= (index // 2 + 1) * 2}


def is_municipality(area: str) -> bool:
    """Whether an area is the municipality, to which districts add up."""
    return area.startswith("GM")


def collect(
    history: Sequence[Release],
    indicators: Mapping[str, Indicator],
    residents: Mapping[str, int],
    reader: str = PARTNERS,
    supposing: Collection[str] = (),
) -> Facts:
    """Everything that a reader can write down, and what he must not find out.

    Args:
        history: releases in order of time.
        indicators: the registry, by code.
        residents: per area.
        reader: who attacks. A partner reads both audiences' files, the council only its own.
        supposing: ``LABELS`` or ``UNCHANGED``, what he supposes besides.

    Returns:
        Facts and secrets.
    """
    return _Collector(history, indicators, residents, reader, frozenset(supposing)).collect()


@dataclass
class _Moment:
    """One release with its truth as dictionaries; keys are (code, area, period)."""

    indicator: dict[Key, dict[str, int]]
    domain: dict[Key, dict[str, int]]
    pooled: dict[Key, dict[str, int]]
    members: dict[Key, list[Key]]
    final: set[str]


class _Collector:
    def __init__(
        self,
        history: Sequence[Release],
        indicators: Mapping[str, Indicator],
        residents: Mapping[str, int],
        reader: str,
        supposing: frozenset[str],
    ) -> None:
        self.history, self.indicators, self.residents = history, indicators, residents
        self.reader, self.supposing = reader, supposing
        self.facts = Facts()
        self.moments = [_moment(release.truth) for release in history]
        self.vintage: list[dict[Key, int]] = self._vintages()
        # per audience and row: when it was last shown, for the change since
        self.last_shown: dict[Key, int] = {}
        self._records: dict[int, list[dict]] = {}
        self._read_before: set[tuple] = set()

    def collect(self) -> Facts:
        for at in range(len(self.moments)):
            self._everybody_knows(at)
            for audience, tables in self.history[at].published.items():
                if self.reader == COUNCIL and audience != COUNCIL:
                    continue
                self._read(at, audience, tables)
            self._secrets(at)
        return self.facts

    # ---- which counts there are -----------------------------------------------------------------------------------

    def _vintages(self) -> list[dict[Key, int]]:
        """Per release and cell the release since which its table has not changed: the same counts are one unknown."""
        result: list[dict[Key, int]] = []
        for at, moment in enumerate(self.moments):
            now: dict[Key, int] = {}
            for subject in ("indicator", "domain"):
                cells = getattr(moment, subject)
                before = getattr(self.moments[at - 1], subject) if at else {}
                # n of residents may be revised without a delivery, and is known to everybody
                changed = {
                    (key[0], key[2])
                    for key, counts in cells.items()
                    if key not in before or self._counted(key, counts) != self._counted(key, before[key])
                }
                for key, counts in cells.items():
                    if UNCHANGED in self.supposing:
                        same = key in before and self._counted(key, counts) == self._counted(key, before[key])
                    else:
                        same = (key[0], key[2]) not in changed
                    now[subject, *key] = result[at - 1][subject, *key] if same else at
            result.append(now)
        return result

    def _counted(self, key: Key, counts: Mapping[str, int]) -> dict[str, int]:
        """The counts that are secret."""
        if key[0] in self.indicators and self.indicators[key[0]].kind == "rate":
            return {"numerator": counts["numerator"]}
        return {name: value for name, value in counts.items() if name != "persons"}

    def _count(self, at: int, subject: str, key: Key, name: str) -> int:
        """The unknown of one count as it was at one release."""
        counts = getattr(self.moments[at], subject)[key]
        return self.facts.unknown((subject, *key, self.vintage[at][subject, *key], name), counts[name])

    def _n(self, at: int, key: Key) -> int:
        return self._count(at, "indicator", key, "n")

    def _numerator(self, at: int, key: Key) -> int:
        return self._count(at, "indicator", key, "numerator")

    def _rows(self, frame: pd.DataFrame | None) -> list[dict]:
        """Rows of a published table, turned into dictionaries once."""
        if id(frame) not in self._records:
            self._records[id(frame)] = _rows(frame)
        return self._records[id(frame)]

    def _is_first(self, at: int, audience: str, subject: str, key: Key, row: Mapping) -> bool:
        """Whether a row says something that an earlier release did not say of the same counts."""
        said = tuple(None if pd.isna(row.get(name)) else row[name] for name in _SAID[subject] if name in row)
        mark = (audience, subject, key, self.vintage[at][subject, *key], said)
        if mark in self._read_before:
            return False
        self._read_before.add(mark)
        return True

    def _is_new(self, at: int, subject: str, key: Key) -> bool:
        """Whether a cell was not in the release before, or in a table that was otherwise."""
        return self.vintage[at][subject, *key] == at

    # ---- what everybody knows -------------------------------------------------------------------------------------

    def _everybody_knows(self, at: int) -> None:
        moment, know = self.moments[at], self.facts.know
        for key in moment.indicator:
            if not self._is_new(at, "indicator", key):
                continue
            code, area, period = key
            indicator = self.indicators[code]
            if indicator.kind == "count":
                continue
            where = f"{code} {area} {period}"
            numerator = self._numerator(at, key)
            know({numerator: 1}, 0, None, f"{where}: nobody counts less than nobody")
            if indicator.kind == "rate":
                continue
            n = self._n(at, key)
            know({n: 1}, 0, None, f"{where}: nobody counts less than nobody")
            if indicator.kind == "proportion":
                know({n: 1, numerator: -1}, 0, None, f"{where}: the numerator is a part")
            if indicator.kind == "mean":
                know({numerator: 1, n: -_LOWEST_SCORE}, 0, None, f"{where}: lowest score", supposed=True)
                know({n: _HIGHEST_SCORE, numerator: -1}, 0, None, f"{where}: highest score", supposed=True)
            if code in COUNTS_CLIENTS and area in self.residents:
                know({n: 1}, None, self.residents[area], f"{where}: residents", supposed=True)
        for key in moment.domain:
            if self._is_new(at, "domain", key):
                self._domain_shape(at, key)
        self._sums(at)
        self._same_people(at)
        self._cumulative(at)

    def _domain_shape(self, at: int, key: Key) -> None:
        where, know = " ".join(map(str, key)), self.facts.know
        count = {
            name: self._count(at, "domain", key, name) for name in self.moments[at].domain[key] if name != "persons"
        }
        for each in count.values():
            know({each: 1}, 0, None, f"{where}: nobody counts less than nobody")
        know({count["n"]: 1, **{count[outcome]: -1 for outcome in OUTCOMES}}, 0, 0, f"{where}: the outcomes add up")
        if "rated" in count:
            for small, large in (("n", "rated"), ("low", "rated"), ("goals", "n"), ("goals_reached", "goals")):
                know({count[large]: 1, count[small]: -1}, 0, None, f"{where}: {small} within {large}", supposed=True)

    def _sums(self, at: int) -> None:
        for subject in ("indicator", "domain"):
            cells = getattr(self.moments[at], subject)
            tables: dict[Key, list[Key]] = defaultdict(list)
            for key in cells:
                tables[key[0], key[2]].append(key)
            for (code, period), keys in tables.items():
                whole = [key for key in keys if is_municipality(str(key[1]))]
                parts = [key for key in keys if not is_municipality(str(key[1]))]
                if len(whole) != 1 or not parts or not any(self._is_new(at, subject, key) for key in keys):
                    continue
                for name in cells[whole[0]]:
                    kind = self.indicators[code].kind if subject == "indicator" else "domain"
                    if name == "persons" or kind == "count" or (kind == "rate" and name == "n"):
                        continue
                    terms = {self._count(at, subject, whole[0], name): 1}
                    for part in parts:
                        terms[self._count(at, subject, part, name)] = -1
                    # where people of no district are counted, districts are only a part
                    value = self.facts.value(terms)
                    self.facts.know(terms, 0, None if value else 0, f"{code} {period}: {name} of districts add up")

    def _same_people(self, at: int) -> None:
        cells, know = self.moments[at].indicator, self.facts.know
        related = {code for pair in (*SAME_PEOPLE, *NUMERATOR_WITHIN, *PEOPLE_WITHIN) for code in pair}
        for key in cells:
            code, *place = key
            if code not in related:
                continue
            where = " ".join(map(str, place))
            for one, other in SAME_PEOPLE:
                if code == one and (other, *place) in cells:
                    terms = {self._n(at, key): 1, self._n(at, (other, *place)): -1}
                    know(terms, 0, 0, f"{one} and {other} {where}: the same people", supposed=True)
            for one, other in NUMERATOR_WITHIN:
                if code == one and (other, *place) in cells:
                    terms = {self._numerator(at, (other, *place)): 1, self._numerator(at, key): -1}
                    know(terms, 0, None, f"{one} within {other} {where}", supposed=True)
            for one, other in PEOPLE_WITHIN:
                if code == one and (other, *place) in cells:
                    terms = {self._n(at, (other, *place)): 1, self._n(at, key): -1}
                    know(terms, 0, None, f"people of {one} within {other} {where}", supposed=True)

    def _cumulative(self, at: int) -> None:
        for key, before in self._steps(at):
            for name in ("n", "numerator"):
                terms = {
                    self._count(at, "indicator", key, name): 1,
                    self._count(at, "indicator", before, name): -1,
                }
                where = " ".join(map(str, key))
                self.facts.know(terms, 0, None, f"{where}: {name} only grows", supposed=True)

    def _steps(self, at: int) -> Iterable[tuple[Key, Key]]:
        """Cells of cumulative indicators with the cell of the half-year before."""
        cells = self.moments[at].indicator
        by_index = {index_of(str(key[2])): key[2] for key in cells}
        for key in cells:
            if key[0] in CUMULATIVE:
                before = (key[0], key[1], by_index.get(index_of(str(key[2])) - 1))
                if before in cells:
                    yield key, before

    # ---- what is published ----------------------------------------------------------------------------------------

    def _read(self, at: int, audience: str, tables: Mapping[str, pd.DataFrame]) -> None:
        for row in self._rows(tables.get("fct_indicator")):
            key = (row["indicator_code"], row["district_code"], row["period"])
            if key not in self.moments[at].indicator or self.indicators[key[0]].kind == "count":
                continue
            if self._is_first(at, audience, "indicator", key, row):
                self._read_indicator(at, audience, key, row)
        for row in self._rows(tables.get("fct_life_domain")):
            key = (row["life_domain_code"], row["district_code"], row["period"])
            if key in self.moments[at].domain and self._is_first(at, audience, "domain", key, row):
                self._read_domain(at, audience, key, row)
        for row in self._rows(tables.get("fct_indicator_pooled")):
            key = (row["indicator_code"], row["district_code"], row["period"], row["pooled_over"])
            if key in self.moments[at].pooled and row["status"] == PUBLISHED and not _is(row, "is_pending"):
                self._read_pooled(at, key, row)

    def _read_indicator(self, at: int, audience: str, key: Key, row: Mapping) -> None:
        kind, where = self.indicators[key[0]].kind, " ".join(map(str, key))
        n = None if kind == "rate" else self._n(at, key)
        numerator = self._numerator(at, key)
        if row["status"] == NO_DATA:
            for each in (n, numerator):
                if each is not None:
                    self.facts.know({each: 1}, 0, 0, f"{where}: no data", supposed=True)
            return
        if row["status"] != PUBLISHED:
            if n is not None:
                self.facts.know({n: 1}, 1, None, f"{where}: hidden, so there are some", supposed=True)
            if LABELS in self.supposing and audience == PARTNERS:
                self._read_label(kind, self.indicators[key[0]], n, numerator, row["status"], where)
            return
        if _is(row, "is_pending"):
            return  # what it says was read when it was first shown
        base = ROUNDING if audience == COUNCIL else 1
        if n is not None and _has(row, "n"):
            self._read_count(n, row["n"], base, f"{where}: n")
        if _has(row, "numerator"):
            self._read_count(numerator, row["numerator"], base, f"{where}: numerator")
        if _has(row, "value"):
            self._read_value(key, row, {n: 1} if n is not None else {}, {numerator: 1}, where, rounded=base > 1)

    def _read_pooled(self, at: int, key: Key, row: Mapping) -> None:
        where, kind = " ".join(map(str, key)), self.indicators[str(key[0])].kind
        n, numerator = self._pool(at, key)
        if n is not None and _has(row, "n"):
            self.facts.know(n, int(row["n"]), int(row["n"]), f"{where}: n pooled")
        if _has(row, "numerator"):
            self.facts.know(numerator, int(row["numerator"]), int(row["numerator"]), f"{where}: numerator pooled")
        if _has(row, "value"):
            self._read_value(key, row, n if kind != "rate" and n else {}, numerator, where, rounded=False)

    def _pool(self, at: int, key: Key) -> tuple[dict[int, int] | None, dict[int, int]]:
        """n and numerator of a pooled figure as sums of cells' counts; n is None where it counts residents."""
        cells = self.moments[at].indicator
        members = [member for member in self.moments[at].members.get(key, []) if member in cells]
        numerator = {self._numerator(at, member): 1 for member in members}
        if any(self.indicators[str(member[0])].kind == "rate" for member in members):
            return None, numerator
        return {self._n(at, member): 1 for member in members}, numerator

    def _read_count(self, unknown: int, shown: float, base: int, source: str) -> None:
        around = base // 2
        self.facts.know({unknown: 1}, int(shown) - around, int(shown) + around, source)

    def _read_value(
        self,
        key: Key,
        row: Mapping,
        n: Mapping[int, int],
        numerator: Mapping[int, int],
        where: str,
        *,
        rounded: bool,
    ) -> None:
        """A rounded figure between two straight lines: (figure - half a unit) n <= numerator <= (figure + half) n."""
        indicator, value = self.indicators[str(key[0])], float(row["value"])
        shown_n = float(row["n"]) if _has(row, "n") else None
        if not n:
            return  # a rate on residents whose numerator is shown tells no more
        least = _DECIMALS[indicator.kind] + (shown_n is not None and shown_n >= _FINER_FROM[indicator.kind])
        half = _half_unit(value, least)
        if shown_n is not None and _has(row, "numerator"):
            if not rounded:
                return  # both counts are shown
            from_shown = indicator.scale * float(row["numerator"]) / shown_n if shown_n else math.nan
            if abs(from_shown - value) <= half + 1e-9:
                return  # worked out from the rounded counts, which are known
        self._between(n, numerator, value, half, indicator.scale, where)

    def _between(
        self,
        whole: Mapping[int, int],
        part: Mapping[int, int],
        value: float,
        half: Fraction,
        scale: float,
        where: str,
    ) -> None:
        middle, by = Fraction(str(round(value, 8))), Fraction(str(scale))
        for line, sign in (((middle - half) / by, 1), ((middle + half) / by, -1)):
            terms: dict[int, int] = defaultdict(int)
            for at, coefficient in part.items():
                terms[at] += sign * coefficient * line.denominator
            for at, coefficient in whole.items():
                terms[at] -= sign * coefficient * line.numerator
            self.facts.know(dict(terms), 0, None, f"{where}: rounded figure")

    def _read_domain(self, at: int, audience: str, key: Key, row: Mapping) -> None:
        where = " ".join(map(str, key))
        count = {
            name: self._count(at, "domain", key, name) for name in self.moments[at].domain[key] if name != "persons"
        }
        if row["status"] == NO_DATA:
            for name in ("n", *OUTCOMES):
                self.facts.know({count[name]: 1}, 0, 0, f"{where}: no data", supposed=True)
            return
        if row["status"] != PUBLISHED:
            self.facts.know({count["n"]: 1}, 1, None, f"{where}: hidden, so there are some", supposed=True)
            if LABELS in self.supposing and audience == PARTNERS:
                self._read_domain_label(count, row["status"], where)
            return
        if _is(row, "is_pending"):
            return
        base = ROUNDING if audience == COUNCIL else 1
        for name in ("n", *OUTCOMES):
            if _has(row, name):
                self._read_count(count[name], row[name], base, f"{where}: {name}")
        for share, whole, part in (("low_share", "rated", "low"), ("goal_attainment", "goals", "goals_reached")):
            if _has(row, share) and whole in count:
                value = float(row[share])
                self._between({count[whole]: 1}, {count[part]: 1}, value, _half_unit(value, 2), 1, f"{where}: {share}")
                self.facts.know({count[whole]: 1}, PERSONS, None, f"{where}: {share} shown", supposed=True)
                for small in ({count[part]: 1}, {count[whole]: 1, count[part]: -1}):
                    self.facts.know(small, SMALL_SIDE, None, f"{where}: {share} shown", supposed=True)

    # ---- what the label of a hidden figure tells who knows the rules -----------------------------------------------

    def _read_label(
        self, kind: str, indicator: Indicator, n: int | None, numerator: int, status: str, where: str
    ) -> None:
        sides = []
        if indicator.sensitive_side in ("numerator", "both") and kind != "mean":
            sides.append({numerator: 1})
        if indicator.sensitive_side in ("complement", "both") and kind == "proportion" and n is not None:
            sides.append({n: 1, numerator: -1})
        zero_is_small = kind == "proportion"
        if status == PRIMARY:
            options = [[(side, 0 if zero_is_small else 1, SMALL_SIDE - 1)] for side in sides]
            if n is not None:
                options.append([({n: 1}, 1, PERSONS - 1)])
            self.facts.choose(options, f"{where}: hidden as too small")
            return
        if n is not None:
            self.facts.know({n: 1}, PERSONS, None, f"{where}: not too few", supposed=True)
        for side in sides:
            if zero_is_small:
                self.facts.know(side, SMALL_SIDE, None, f"{where}: no small side", supposed=True)
            else:
                self.facts.choose([[(side, 0, 0)], [(side, SMALL_SIDE, None)]], f"{where}: no small side")

    def _read_domain_label(self, count: Mapping[str, int], status: str, where: str) -> None:
        n, outcomes = count["n"], [count[name] for name in OUTCOMES]
        if status == PRIMARY:
            options: list = [[({n: 1}, 1, PERSONS - 1)]]
            options += [[({each: 1}, 1, SMALL_SIDE - 1)] for each in outcomes]
            options += [[({n: 1, each: -1}, 0, 0)] for each in outcomes]
            self.facts.choose(options, f"{where}: hidden as too small")
            return
        self.facts.know({n: 1}, PERSONS, None, f"{where}: not too few", supposed=True)
        for each in outcomes:
            self.facts.know({n: 1, each: -1}, 1, None, f"{where}: not everybody the same", supposed=True)
            self.facts.choose([[({each: 1}, 0, 0)], [({each: 1}, SMALL_SIDE, None)]], f"{where}: no small side")

    # ---- what must not be found out -------------------------------------------------------------------------------

    def _secrets(self, at: int) -> None:
        for key, counts in self.moments[at].indicator.items():
            if self.indicators[key[0]].kind != "count":
                self._indicator_secrets(at, key, counts)
        for key, counts in self.moments[at].domain.items():
            self._domain_secrets(at, key, counts)
        if self.reader == PARTNERS:
            self._pooled_secrets(at)
        for key, before in self._steps(at):
            self._step_secrets(at, key, before)
        self._change_secrets(at)

    def _hide(self, at: int, name: str, terms: Mapping[int, int], rule: str, at_least: int | None) -> None:
        # for who knows the rules, the label itself already tells that there are few
        floor = None if LABELS in self.supposing else at_least
        self.facts.hide(f"{name} (release {at + 1})", terms, rule, floor, self.reader)

    def _indicator_secrets(self, at: int, key: Key, counts: Mapping[str, int]) -> None:
        indicator, where = self.indicators[key[0]], " ".join(map(str, key))
        n = None if indicator.kind == "rate" else {self._n(at, key): 1}
        self._counted_secrets(at, where, indicator, counts, n, {self._numerator(at, key): 1})

    def _counted_secrets(
        self,
        at: int,
        where: str,
        indicator: Indicator,
        counts: Mapping[str, int],
        n: Mapping[int, int] | None,
        numerator: Mapping[int, int],
    ) -> None:
        if counts["n"] == 0:
            return
        sides = []
        if indicator.kind != "mean" and indicator.sensitive_side in ("numerator", "both"):
            sides.append(("numerator", counts["numerator"], numerator))
        if indicator.kind == "proportion" and n is not None and indicator.sensitive_side in ("complement", "both"):
            rest = dict(n)
            for place, coefficient in numerator.items():
                rest[place] = rest.get(place, 0) - coefficient
            sides.append(("complement", counts["n"] - counts["numerator"], rest))
        if n is not None and (counts["n"] < PERSONS or counts["persons"] < PERSONS):
            self._hide(at, f"n of {where}", n, "P1", PERSONS)
            self._hide(at, f"numerator of {where}", numerator, "P1", None)
            for name, _, terms in sides:
                self._hide(at, f"{name} of {where}", terms, "P1", None)
        for name, value, terms in sides:
            if 1 <= value < SMALL_SIDE:
                self._hide(at, f"{name} of {where}", terms, "P3", SMALL_SIDE)
            elif indicator.kind == "proportion" and (value == 0 or self._nearly_all(counts["n"], counts["n"] - value)):
                self._hide(at, f"{name} of {where}", terms, "P4", SMALL_SIDE)
        if indicator.kind == "mean" and n is not None:
            for name, end, sign in (("lowest", _LOWEST_SCORE, -1), ("highest", _HIGHEST_SCORE, 1)):
                if counts["numerator"] == end * counts["n"]:
                    rest = {place: sign * end * coefficient for place, coefficient in n.items()}
                    for place, coefficient in numerator.items():
                        rest[place] = rest.get(place, 0) - sign * coefficient
                    self._hide(at, f"points from the {name} score of {where}", rest, "M1", None)

    def _nearly_all(self, n: int, side: int) -> bool:
        return self.reader == COUNCIL and n < 5 * PERSONS and side >= NEARLY_ALL * n

    def _domain_secrets(self, at: int, key: Key, counts: Mapping[str, int]) -> None:
        where = " ".join(map(str, key))

        def of(name: str) -> dict[int, int]:
            return {self._count(at, "domain", key, name): 1}

        def rest(whole: str, part: str) -> dict[int, int]:
            return {self._count(at, "domain", key, whole): 1, self._count(at, "domain", key, part): -1}

        if counts["n"]:
            if counts["n"] < PERSONS or counts["persons"] < PERSONS:
                self._hide(at, f"n of {where}", of("n"), "P1", PERSONS)
                for name in OUTCOMES:
                    self._hide(at, f"{name} of {where}", of(name), "P1", None)
            for name in OUTCOMES:
                if 1 <= counts[name] < SMALL_SIDE:
                    self._hide(at, f"{name} of {where}", of(name), "P3", SMALL_SIDE)
                if counts[name] == counts["n"] or self._nearly_all(counts["n"], counts[name]):
                    self._hide(at, f"not {name} of {where}", rest("n", name), "P4", SMALL_SIDE)
        for whole, part in (("rated", "low"), ("goals", "goals_reached")):
            if not counts.get(whole):
                continue
            if counts[whole] < PERSONS:
                self._hide(at, f"{whole} of {where}", of(whole), "P1", PERSONS)
            for name, terms in ((part, of(part)), (f"not {part}", rest(whole, part))):
                if self.facts.value(terms) < SMALL_SIDE:
                    rule = "P3" if self.facts.value(terms) else "P4"
                    self._hide(at, f"{name} of {where}", terms, rule, SMALL_SIDE)

    def _pooled_secrets(self, at: int) -> None:
        tables = self.history[at].published.get(PARTNERS, {})
        for row in self._rows(tables.get("fct_indicator_pooled")):
            key = (row["indicator_code"], row["district_code"], row["period"], row["pooled_over"])
            counts = self.moments[at].pooled.get(key)
            if counts is not None and row["status"] == PRIMARY:
                n, numerator = self._pool(at, key)
                self._counted_secrets(at, " ".join(map(str, key)), self.indicators[str(key[0])], counts, n, numerator)

    def _step_secrets(self, at: int, key: Key, before: Key) -> None:
        where = " ".join(map(str, key))
        for name, most, floor in (("n", PERSONS, PERSONS), ("numerator", SMALL_SIDE, SMALL_SIDE)):
            terms = {
                self._count(at, "indicator", key, name): 1,
                self._count(at, "indicator", before, name): -1,
            }
            if 1 <= self.facts.value(terms) < most:
                self._hide(at, f"growth of {name} of {where}", terms, "D5", floor)

    def _change_secrets(self, at: int) -> None:
        """Small changes since a row was last shown to this reader, while its half-year is not final.

        What became final in the end may be known, so a change on the way to it is no secret any more.
        """
        final = self.moments[-1].final
        for (audience, subject, *rest), then in list(self.last_shown.items()):
            key = tuple(rest)
            if audience != self.reader or key[2] in final:
                continue
            if key not in getattr(self.moments[at], subject):
                continue
            for now, name, counted in self._changes(at, subject, key, then):
                if counted and 1 <= abs(self.facts.value(now)) < SMALL_SIDE:
                    self._hide(at, f"change of {name} of {' '.join(map(str, key))}", now, "D3", None)
        # a row that is shown now was compared with when it was shown before
        for audience, tables in self.history[at].published.items():
            if audience == self.reader:
                self._mark_shown(at, audience, tables)

    def _mark_shown(self, at: int, audience: str, tables: Mapping[str, pd.DataFrame]) -> None:
        for table, subject, code in (
            ("fct_indicator", "indicator", "indicator_code"),
            ("fct_life_domain", "domain", "life_domain_code"),
        ):
            for row in self._rows(tables.get(table)):
                if row["status"] == PUBLISHED and not _is(row, "is_pending"):
                    self.last_shown[audience, subject, row[code], row["district_code"], row["period"]] = at

    def _changes(self, at: int, subject: str, key: Key, then: int) -> Iterable[tuple[dict[int, int], str, bool]]:
        def change(name: str) -> dict[int, int]:
            terms: dict[int, int] = defaultdict(int)
            terms[self._count(at, subject, key, name)] += 1
            terms[self._count(then, subject, key, name)] -= 1
            return dict(terms)

        if subject == "domain":
            for name in ("n", *OUTCOMES):
                yield change(name), name, True
            return
        indicator = self.indicators[key[0]]
        if indicator.kind == "count":
            return
        if indicator.kind != "rate":
            yield change("n"), "n", True
        people = indicator.kind != "mean" and indicator.sensitive_side in ("numerator", "both")
        yield change("numerator"), "numerator", people
        if indicator.kind == "proportion" and indicator.sensitive_side in ("complement", "both"):
            complement: dict[int, int] = defaultdict(int)
            for name, sign in (("n", 1), ("numerator", -1)):
                for place, coefficient in change(name).items():
                    complement[place] += sign * coefficient
            yield dict(complement), "complement", True


def _moment(truth: Truth) -> _Moment:
    def table(frame: pd.DataFrame, key: Sequence[str], names: Sequence[str]) -> dict[Key, dict[str, int]]:
        found = {}
        for row in _rows(frame):
            counts = {name: row[name] for name in names if name in row}
            if "persons" in counts and pd.isna(counts["persons"]):
                counts["persons"] = counts["n"]
            found[tuple(row[name] for name in key)] = {
                name: int(value) for name, value in counts.items() if not pd.isna(value)
            }
        return found

    area = ["district_code", "period"]
    members: dict[Key, list[Key]] = defaultdict(list)
    for row in _rows(truth.members):
        pool = tuple(row[name] for name in ("indicator_code", *area, "pooled_over"))
        members[pool].append((row["member_indicator"], row["member_district"], row["member_period"]))
    cells = table(truth.cells, ["indicator_code", *area], ("n", "numerator", "persons"))
    return _Moment(
        cells,
        table(
            truth.domains,
            ["life_domain_code", *area],
            ("n", *OUTCOMES, "rated", "low", "goals", "goals_reached", "persons"),
        ),
        table(truth.pooled, ["indicator_code", *area, "pooled_over"], ("n", "numerator", "persons")),
        dict(members),
        final_periods(str(key[2]) for key in cells),
    )


def _rows(frame: pd.DataFrame | None) -> list[dict]:
    return [] if frame is None else frame.to_dict("records")


def _has(row: Mapping, name: str) -> bool:
    return name in row and not pd.isna(row[name])


def _is(row: Mapping, name: str) -> bool:
    return _has(row, name) and bool(row[name])


def _half_unit(value: float, least: int) -> Fraction:
    """Half of the last decimal that is written, of at least so many decimals."""
    decimals = next((count for count in range(least, 7) if abs(round(value, count) - value) < 1e-9), 7)
    return Fraction(1, 2 * 10**decimals)
