"""The counts of people behind all figures, and what everybody knows of how they hang together.

Belongs here: figures as rows of counts, and the relations between counts: districts add up to the municipality, sides
and categories to n, pooled figures are sums of their parts, indicators on the same people share their n, a cumulative
figure grows from half-year to half-year (rules D4 and D5). Does not belong here: what may be shown (rules, protect).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import pandas as pd

from pipeline.disclosure.rules import CATEGORIES, MAY_SHOW, Judgement, Need, increment_needs
from pipeline.periods import HalfYear

INDICATOR, LIFE_DOMAIN, POOLED = "indicator", "life_domain", "pooled"
MUNICIPALITY = "GM"


class Key(NamedTuple):
    """What a figure is about; keys can be sorted."""

    subject: str
    consortium_code: str
    code: str
    district_code: str
    period: str
    pooled_over: str = ""


class Count(NamedTuple):
    """One count of a figure."""

    key: Key
    name: str


@dataclass
class Row:
    """One figure: it is shown or hidden as a whole.

    Attributes:
        key: what it is about.
        kind: proportion, mean, ratio, rate, count or categories.
        counts: its counts that a reader sees or can compute; never empty.
        persons: how many people are behind it.
        judgement: what the rules on one figure say.
        verdict: of reliability; None when there is none.
    """

    key: Key
    kind: str
    counts: dict[str, int]
    persons: int
    judgement: Judgement = MAY_SHOW
    verdict: str | None = None

    @property
    def is_municipality(self) -> bool:
        """Whether it is about the municipality as a whole."""
        return self.key.district_code.startswith(MUNICIPALITY)

    @property
    def has_data(self) -> bool:
        """Whether anybody is counted; an offer count of 0 is a value too."""
        return self.kind == "count" or any(self.counts.values()) or self.persons > 0

    @property
    def stored_counts(self) -> dict[str, int]:
        """Counts that tables and releases hold, without the complement, which follows."""
        return {name: value for name, value in self.counts.items() if name != "complement"}

    @property
    def secret_counts(self) -> dict[str, int]:
        """Counts that an attacker does not know from elsewhere; residents are public.

        The sum of the scores behind a mean counts as if it were shown with it: it is only told to a rounding, and what
        is safe beside the exact sum is safe beside that.
        """
        if self.kind == "count":
            return {}
        if self.kind == "rate":
            return {"numerator": self.counts["numerator"]}
        return self.counts

    @property
    def all_counts(self) -> dict[str, int]:
        """The secret counts, with those that only protection needs."""
        others = {
            name: self.counts["n"] - self.counts[name.removeprefix("others of ")]
            for name in self.judgement.needs
            if name.startswith("others of ")
        }
        return self.secret_counts | others


@dataclass(frozen=True)
class Derived:
    """A count that is never shown itself: an increment, a slack of an inequality, people of no known district.

    Attributes:
        count: its name.
        value: the true value.
        lower: the least that everybody knows it is; None when it may be anything.
        need: what it must keep, None when nothing.
        is_known: whether it was told.
    """

    count: Count
    value: int
    lower: int | None = 0
    need: Need | None = None
    is_known: bool = False


@dataclass
class Relations:
    """Sums that everybody knows to hold, and the derived counts in them.

    Attributes:
        sums: each a mapping of count to coefficient that adds up to 0.
        derived: counts beside those of rows.
    """

    sums: list[dict[Count, int]] = field(default_factory=list)
    derived: dict[Count, Derived] = field(default_factory=dict)

    def derive(self, key: Key, name: str, value: int, lower: int | None = 0, need: Need | None = None) -> Count:
        """Add a derived count."""
        count = Count(key, name)
        self.derived[count] = Derived(count, value, lower, need)
        return count


def indicator_rows(cells: pd.DataFrame, kinds: Mapping[str, str], subject: str = INDICATOR) -> list[Row]:
    """Rows of indicator cells or pooled cells, in order of their keys.

    Args:
        cells: consortium_code, indicator_code, district_code, period, n, numerator, persons (and pooled_over).
        kinds: kind per indicator.
        subject: indicator or pooled.

    Raises:
        ValueError: for an unknown indicator, a cell without n or numerator, or one that occurs twice.
    """
    unknown = sorted(set(cells["indicator_code"]) - kinds.keys())
    if unknown:
        raise ValueError(f"cells of unknown indicators: {', '.join(unknown)}")
    columns = ["n", "numerator"]
    missing = [column for column in columns if cells[column].isna().any()]
    if missing:
        raise ValueError(f"cells without {', '.join(missing)}")
    persons = cells["persons"].fillna(cells["n"])
    pooled = cells["pooled_over"] if "pooled_over" in cells else [""] * len(cells)
    rows = []
    for consortium, code, area, period, over, n, numerator, people in zip(
        cells["consortium_code"],
        cells["indicator_code"],
        cells["district_code"],
        cells["period"],
        pooled,
        cells["n"].astype(int),
        cells["numerator"].astype(int),
        persons.astype(int),
        strict=True,
    ):
        counts = {"n": int(n), "numerator": int(numerator)}
        if kinds[code] == "proportion":
            counts["complement"] = int(n - numerator)
        rows.append(Row(Key(subject, consortium, code, area, period, over), kinds[code], counts, int(people)))
    return _once(rows)


def life_domain_rows(domains: pd.DataFrame) -> list[Row]:
    """Rows of life-domain cells, in order of their keys.

    Args:
        domains: consortium_code, life_domain_code, district_code, period, n, improved, stable, worsened, persons.

    Raises:
        ValueError: for a cell that misses a count or occurs twice.
    """
    columns = ["n", *CATEGORIES, "persons"]
    missing = [column for column in columns if domains[column].isna().any()]
    if missing:
        raise ValueError(f"cells without {', '.join(missing)}")
    keys = domains[["consortium_code", "life_domain_code", "district_code", "period"]].itertuples(
        index=False, name=None
    )
    values = domains[columns].astype(int).itertuples(index=False, name=None)
    return _once(
        [
            Row(Key(LIFE_DOMAIN, *key), "categories", dict(zip(("n", *CATEGORIES), counts, strict=True)), persons)
            for key, (*counts, persons) in zip(keys, values, strict=True)
        ]
    )


def _once(rows: list[Row]) -> list[Row]:
    if len({row.key for row in rows}) < len(rows):
        raise ValueError(f"{len(rows) - len({row.key for row in rows})} cells occur more than once")
    return sorted(rows, key=lambda row: row.key)


def relations_between(
    rows: Sequence[Row],
    known: pd.DataFrame,
    sensitive: Mapping[str, str],
    limits,
    members: Mapping[Key, Sequence[Key]],
    scores: Mapping[str, tuple[int, int]],
) -> Relations:
    """What everybody knows of how the counts of these rows hang together.

    A relation is used where it holds on the true counts: counts that a consortium delivers instead of records need not
    fit together.

    Args:
        rows: figures; a relation with a figure that is not among them is left out.
        known: indicator_code, relation, other_code, as in ``seeds/indicator_relations.csv``.
        sensitive: sensitive side per indicator.
        limits: thresholds by half-year, as ``limits_of`` gives them.
        members: the parts of pooled figures.
        scores: lowest and highest score per indicator that is a mean.
    """
    found = Relations()
    place = {row.key: row for row in rows}
    for row in rows:
        _within_row(found, row)
        if row.kind == "mean" and row.has_data:
            _within_scale(found, row, *scores[row.key.code])
    _areas(found, rows)
    for code, relation, other in known[["indicator_code", "relation", "other_code"]].itertuples(index=False, name=None):
        mine = [row for row in rows if row.key.subject == INDICATOR and row.key.code == code]
        if relation == "cumulative":
            _increments(found, mine, place, sensitive[code] in ("numerator", "both"), limits)
        else:
            _beside(found, mine, place, relation, other)
    for row in rows:
        if row.key.subject == POOLED:
            _parts(found, row, [place[key] for key in members.get(row.key, ()) if key in place], members)
    return found


def _within_row(found: Relations, row: Row) -> None:
    """Sides and categories add up to n."""
    names = {"proportion": ("numerator", "complement"), "categories": CATEGORIES}.get(row.kind)
    if names:
        found.sums.append({Count(row.key, "n"): 1} | {Count(row.key, name): -1 for name in names})
    for name in row.judgement.needs:
        if name.startswith("others of "):
            category = name.removeprefix("others of ")
            found.sums.append({Count(row.key, "n"): 1, Count(row.key, category): -1, Count(row.key, name): -1})


def _within_scale(found: Relations, row: Row, lowest: int, highest: int) -> None:
    """A sum of scores lies between everybody at the lowest and everybody at the highest score (M1)."""
    n, total = row.counts["n"], row.counts["numerator"]
    above = found.derive(row.key, "above the lowest", total - lowest * n)
    below = found.derive(row.key, "below the highest", highest * n - total)
    found.sums.append({Count(row.key, "numerator"): 1, Count(row.key, "n"): -lowest, above: -1})
    found.sums.append({Count(row.key, "n"): highest, Count(row.key, "numerator"): -1, below: -1})


def _areas(found: Relations, rows: Iterable[Row]) -> None:
    """Districts add up to the municipality; people of no known district are an atom of their own."""
    tables: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        if row.key.subject != POOLED:
            tables[row.key._replace(district_code="")].append(row)
    for key, members in sorted(tables.items()):
        whole = [row for row in members if row.is_municipality]
        districts = [row for row in members if not row.is_municipality]
        if len(whole) != 1 or not districts:
            continue
        for name in _summed(whole[0]):
            total = whole[0].counts[name]
            terms = {Count(whole[0].key, name): -1} | {Count(row.key, name): 1 for row in districts}
            elsewhere = total - sum(row.counts[name] for row in districts)
            if elsewhere:
                terms[found.derive(key, f"{name} elsewhere", elsewhere, 0 if elsewhere > 0 else None)] = 1
            found.sums.append(terms)


def _summed(row: Row) -> tuple[str, ...]:
    if row.kind == "categories":
        return ("n", *CATEGORIES)
    return tuple(name for name in ("n", "numerator") if name in row.secret_counts)


def _beside(found: Relations, mine: Sequence[Row], place: Mapping[Key, Row], relation: str, other: str) -> None:
    """Indicators on the same people."""
    name = "numerator" if relation == "numerator_within" else "n"
    for row in mine:
        beside = place.get(row.key._replace(code=other))
        if beside is None:
            continue
        difference = beside.counts[name] - row.counts[name]
        if difference < 0 or (difference and relation == "same_n"):
            continue
        terms = {Count(beside.key, name): 1, Count(row.key, name): -1}
        if relation != "same_n":
            terms[found.derive(row.key, f"{name} beyond {other}", difference)] = -1
        found.sums.append(terms)


def _increments(found: Relations, mine: Sequence[Row], place: Mapping[Key, Row], sensitive: bool, limits) -> None:
    """A cumulative figure is the one before and its increment."""
    for row in mine:
        before = place.get(row.key._replace(period=str(HalfYear.parse(row.key.period).shift(-1))))
        if before is None:
            continue
        for name in ("n", "numerator"):
            growth = row.counts[name] - before.counts[name]
            need = increment_needs(limits(row.key.period), name, growth, sensitive)
            increment = found.derive(row.key, f"{name} increment", growth, 0 if growth >= 0 else None, need)
            found.sums.append({Count(row.key, name): 1, Count(before.key, name): -1, increment: -1})


def _parts(found: Relations, row: Row, parts: Sequence[Row], members: Mapping[Key, Sequence[Key]]) -> None:
    """A pooled figure is the sum of its parts; parts without a figure count nobody."""
    for name in _summed(row):
        if row.counts[name] == sum(part.counts[name] for part in parts):
            found.sums.append({Count(row.key, name): 1} | {Count(part.key, name): -1 for part in parts})
