"""Rounding instead of hiding: which figures get rounded counts, and whether these are safe (rule T1).

Belongs here: when most of what hangs together would be hidden, the rounded counts of all of it, and the proof that a
reader of them cannot narrow down what a rule protects. Does not belong here: finding an additive rounding
(controlled_rounding), what may be hidden (protect), the audit.

What the proof reckons with: a reader knows that every count, also one that follows from others, lies less than the base
from what is shown; that somebody is counted where there is a figure; and exactly what the municipality counts, where no
rule protects that, because the council reads it rounded in another way and its verdict says something about it.
"""

from __future__ import annotations

import hmac
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256

from pipeline.disclosure.controlled_rounding import NoRounding, rounded
from pipeline.disclosure.counts import Count, Key, Relations, Row
from pipeline.disclosure.pattern import cheapest_pattern
from pipeline.disclosure.problem import Cell, Equation, Problem, Status, protection_levels
from pipeline.disclosure.rules import CATEGORIES, MAY_SHOW, Limits

# Of a mean the sum of the scores cannot be rounded so that the mean still says something; of a ratio or a rate one side
# is no part of the other.
KINDS = ("proportion", "categories")

Lot = Callable[[Count], float]
Counts = dict[Key, dict[str, int]]

_SHOWN = {"proportion": ("n", "numerator"), "categories": ("n", *CATEGORIES)}
# the municipality goes to the nearest multiple, as in the council's edition
_NEAREST = 0.5
_ANYTHING = 1_000_000


def lots(key: Callable[[str], bytes]) -> Lot:
    """Lots that nobody can foretell without a consortium's key, and that are the same whenever they are drawn.

    Args:
        key: the secret key of a consortium.

    Returns:
        A number from 0 up to 1 for each count.
    """

    def lot(count: Count) -> float:
        text = "|".join(("rounding", *count.key, count.name))
        digest = hmac.new(key(count.key.consortium_code), text.encode(), sha256).digest()
        return int.from_bytes(digest[:6]) / 2**48

    return lot


def is_much_hidden(rows: Iterable[Row], hidden: Collection[Key], limits: Callable[[str], Limits]) -> bool:
    """Whether of a table more is hidden than may be: one indicator or life domain in one half-year, all areas.

    Args:
        rows: figures that hang together.
        hidden: keys of those that would be hidden.
        limits: thresholds by half-year.
    """
    tables: dict[Key, list[bool]] = defaultdict(list)
    for row in rows:
        if row.has_data:
            tables[row.key._replace(district_code="")].append(row.key in hidden)
    return any(sum(each) > limits(table.period).much * len(each) for table, each in tables.items())


def rounded_counts(
    rows: Sequence[Row],
    relate: Callable[[Sequence[Row]], Relations],
    limits: Callable[[str], Limits],
    lot: Lot,
) -> Counts | None:
    """The counts of figures that hang together, as multiples of the base such that all sums hold.

    Args:
        rows: figures of ``KINDS``, judged.
        relate: what everybody knows of how their counts hang together.
        limits: thresholds by half-year.
        lot: as ``lots`` gives it.

    Returns:
        Per figure with data the counts that are shown; None where there is no such rounding, or it would tell more
        than a rule allows.
    """
    base = max(limits(row.key.period).base for row in rows)
    # what lies behind a rule is no count of its own
    plain = relate([replace(row, judgement=MAY_SHOW) for row in rows])
    true = {Count(row.key, name): value for row in rows for name, value in row.counts.items()}
    true |= {count: derived.value for count, derived in plain.derived.items()}
    whole = {row.key for row in rows if row.is_municipality}
    of_municipality = {count for count in true if count.key in whole}
    try:
        told = rounded(
            sorted(true.items()),
            plain.sums,
            base,
            lots={count: _NEAREST if count in of_municipality else lot(count) for count in true},
            first=of_municipality,
            # a figure of nobody has another status
            somebody={count for count in true if count.name == "n"},
        )
    except NoRounding:
        return None
    if not _is_safe(rows, relate(rows), told, base, limits):
        return None
    return {row.key: {name: told[Count(row.key, name)] for name in _SHOWN[row.kind]} for row in rows if row.counts["n"]}


def _is_safe(
    rows: Sequence[Row],
    relations: Relations,
    told: Mapping[Count, int],
    base: int,
    limits: Callable[[str], Limits],
) -> bool:
    """Whether every count that a rule protects keeps its width beside the rounded counts."""
    cells = []
    for row in rows:
        is_known = not row.counts["n"] or (row.is_municipality and not row.judgement.rule)
        width = limits(row.key.period).width
        for name, value in row.all_counts.items():
            count = Count(row.key, name)
            if is_known:
                cells.append(Cell(count, value, status=Status.KNOWN))
                continue
            lower, upper = _window(told.get(count), base, 1 if name == "n" else 0)
            levels = protection_levels(value, width, 0) if name in row.judgement.needs else {}
            cells.append(Cell(count, value, 1, Status.MUST_HIDE, lower, upper, **levels, row=row.key))
    for count, derived in relations.derived.items():
        lower, upper = _window(told.get(count), base, -_ANYTHING if derived.lower is None else derived.lower)
        cells.append(Cell(count, derived.value, 1, Status.MUST_HIDE, lower, upper))
    problem = Problem(tuple(cells), tuple(Equation(tuple(terms.items())) for terms in relations.sums))
    return not cheapest_pattern(problem).unprotectable


def _window(shown: int | None, base: int, least: int) -> tuple[int, int | None]:
    """From where to where a count may be, when a reader sees it rounded."""
    return (least, None) if shown is None else (max(least, shown - base + 1), shown + base - 1)
