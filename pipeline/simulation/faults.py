"""Slips that real deliveries have, put into simulated ones on purpose, with a record of every row that was spoiled.

Belongs here: which rows are made faulty and how, and what a corrected delivery changes. A few rows per table at most,
so that a delivery is accepted in part; a rejected delivery is one in which an export has gone wrong as a whole.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import cycle
from typing import TypeAlias

import numpy as np

# A table as it will be written: columns of text.
TextTable: TypeAlias = dict[str, list[str]]

DUPLICATE = "duplicate_key"
UNKNOWN_CLIENT = "unknown_client"
REFUSED_CLIENT = "refused_client"
MISSING_VALUE = "missing_value"
OUTSIDE_MUNICIPALITY = "district_outside_municipality"
UNKNOWN_CODE = "unknown_code"
OUT_OF_SCALE = "score_out_of_scale"
OUT_OF_REASON = "date_out_of_reason"

HIGHEST_SHARE = 0.01  # of the rows of a table; from 2 % on a delivery is rejected
REJECTED_SHARE = 0.08

_NEIGHBOURS = ("WK056901", "WK188401", "WK190101", "WK054700")  # districts of other municipalities
_YEAR = re.compile(r"20(?=\d\d)")


@dataclass(frozen=True)
class FaultyRow:
    """A row that the contract refuses.

    Attributes:
        table: table of the delivery.
        row_number: 1 is the first row under the heading.
        column: column at fault (for a duplicate: the first column).
        rule: kind of fault; ``refused_client`` for a row without fault of its own, whose client's row is refused.
    """

    table: str
    row_number: int
    column: str
    rule: str


@dataclass(frozen=True)
class _Slip:
    """A way to spoil a row: what to write in a column, given what stood there."""

    rule: str
    column: str
    write: Callable[[str], str]


def _wrong(rule: str, column: str, value: str) -> _Slip:
    return _Slip(rule, column, lambda original: value)


def _next_century(column: str) -> _Slip:
    # A year such as 2024 becomes 2124, in any notation of dates.
    return _Slip(OUT_OF_REASON, column, lambda original: _YEAR.sub("21", original, count=1))


_TWICE = _Slip(DUPLICATE, "", str)
_STRANGER = _Slip(UNKNOWN_CLIENT, "client_id", lambda original: f"{original}x")


def _slips(elsewhere: str) -> dict[str, tuple[_Slip, ...]]:
    """The slips that occur in each table; ``elsewhere`` is a district of another municipality."""
    district = _wrong(OUTSIDE_MUNICIPALITY, "wijkcode", elsewhere)
    return {
        "clienten": (
            district,
            _wrong(UNKNOWN_CODE, "leeftijdsgroep", "30-44"),
            _wrong(MISSING_VALUE, "in_zorg_sinds", ""),
            _next_century("in_zorg_sinds"),
            _TWICE,
        ),
        "dossiers": (
            _wrong(UNKNOWN_CODE, "reden_sluiting", "99"),
            _wrong(MISSING_VALUE, "geopend_op", ""),
            _next_century("geopend_op"),
            _STRANGER,
            _TWICE,
        ),
        "zelfredzaamheid": (
            _wrong(OUT_OF_SCALE, "score", "6"),
            _wrong(OUT_OF_SCALE, "score", "0"),
            _wrong(UNKNOWN_CODE, "domein", "vrije_tijd"),
            _wrong(UNKNOWN_CODE, "zrm_versie", "2015"),
            _wrong(MISSING_VALUE, "score", ""),
            _wrong(MISSING_VALUE, "beoordelaar_id", ""),
            _next_century("meetdatum"),
            _STRANGER,
            _TWICE,
        ),
        "participatie": (
            _wrong(OUT_OF_SCALE, "trede", "7"),
            _wrong(MISSING_VALUE, "meetdatum", ""),
            _next_century("meetdatum"),
            _STRANGER,
            _TWICE,
        ),
        "trajecten": (
            _wrong(UNKNOWN_CODE, "vorm", "99"),
            _wrong(MISSING_VALUE, "vorm", ""),
            _next_century("gestart_op"),
            _STRANGER,
            _TWICE,
        ),
        "doelen": (
            _wrong(UNKNOWN_CODE, "resultaat", "bijna"),
            _wrong(MISSING_VALUE, "afgesproken_op", ""),
            _next_century("afgesproken_op"),
            _STRANGER,
            _TWICE,
        ),
        "bezoek": (
            district,
            _wrong(MISSING_VALUE, "bezoeken", ""),
            _next_century("maand"),
            _TWICE,
        ),
        "toeleiding": (
            district,
            _wrong(UNKNOWN_CODE, "naar", "bijstand"),
            _wrong(MISSING_VALUE, "aantal", ""),
            _TWICE,
        ),
        "gesprekken": (
            district,
            _wrong(UNKNOWN_CODE, "uitkomst", "verhuisd"),
            _wrong(MISSING_VALUE, "doelgroep", ""),
            _next_century("afgenomen_op"),
            _TWICE,
        ),
        "antwoorden": (
            _wrong(OUT_OF_SCALE, "antwoord", "11"),
            _wrong(UNKNOWN_CODE, "vraag", "ceo_wachttijd"),
            _wrong(MISSING_VALUE, "antwoord", ""),
            _TWICE,
        ),
    }


# What goes wrong in an export as a whole: scores from 0, codes with a prefix, an empty column.
_BROKEN_EXPORTS = {
    "tom": ("zelfredzaamheid", _wrong(OUT_OF_SCALE, "score", "0")),
    "go": ("trajecten", _Slip(UNKNOWN_CODE, "vorm", lambda original: f"JZ{original}")),
    "boost": ("bezoek", _wrong(MISSING_VALUE, "unieke_bezoekers", "")),
}


class _Spoiler:
    """Spoils rows of a delivery and remembers which; no row is spoiled twice."""

    def __init__(self, tables: Mapping[str, TextTable], rng: np.random.Generator) -> None:
        self.tables = {name: {column: list(cells) for column, cells in table.items()} for name, table in tables.items()}
        self.rng = rng
        self.faults: list[FaultyRow] = []
        self.counts: Counter[str] = Counter()  # faulty rows per table
        self._touched: dict[str, set[int]] = {name: set() for name in tables}

    def spoil(self, table: str, row: int, slip: _Slip) -> bool:
        """Make a row faulty (rows count from 0 here); False when this slip cannot be made there."""
        columns = self.tables[table]
        if row in self._touched[table]:
            return False
        if slip is _TWICE:
            self._touched[table] |= {row, len(next(iter(columns.values())))}
            for cells in columns.values():
                cells.append(cells[row])
            self._note(table, len(next(iter(columns.values()))) - 1, next(iter(columns)), DUPLICATE)
            return True
        original = columns[slip.column][row]
        written = slip.write(original)
        if not original or written == original:
            return False
        columns[slip.column][row] = written
        self._touched[table].add(row)
        self._note(table, row, slip.column, slip.rule)
        return True

    def refuse(self, table: str, row: int) -> None:
        """Note a row that is refused because its client's row is."""
        self._touched[table].add(row)
        self._note(table, row, "client_id", REFUSED_CLIENT)

    def _note(self, table: str, row: int, column: str, rule: str) -> None:
        self.faults.append(FaultyRow(table, row + 1, column, rule))
        self.counts[table] += 1


def with_slips(
    tables: Mapping[str, TextTable], share: float, district_codes: Collection[str], rng: np.random.Generator
) -> tuple[dict[str, TextTable], list[FaultyRow]]:
    """A copy of the tables in which up to a share of the rows of each table is faulty.

    Rows that are refused because their client's row is, count too; small tables get none.

    Args:
        tables: a delivery without faults.
        share: faulty rows per row, at most ``HIGHEST_SHARE``.
        district_codes: districts of the municipality.
        rng: chance.

    Returns:
        The tables, and the faulty rows by table and row number.
    """
    elsewhere = next(code for code in _NEIGHBOURS if code not in district_codes)
    slips = _slips(elsewhere)
    rows = {name: len(next(iter(table.values()))) for name, table in tables.items()}
    budget = {name: int(share * rows[name]) if name in slips else 0 for name in tables}
    spoiler = _Spoiler(tables, rng)
    if budget.get("clienten"):
        _spoil_clients(spoiler, slips["clienten"], budget)
    for name in tables:
        if name == "clienten" or not budget[name]:
            continue
        candidates = iter(rng.permutation(_candidates(name, tables[name])).tolist())
        kinds = cycle([slips[name][number] for number in rng.permutation(len(slips[name]))])
        slip = next(kinds)
        for row in candidates:
            if spoiler.counts[name] >= budget[name]:
                break
            if spoiler.spoil(name, row, slip):
                slip = next(kinds)
    return spoiler.tables, sorted(spoiler.faults, key=lambda fault: (fault.table, fault.row_number))


def _candidates(name: str, table: TextTable) -> np.ndarray:
    """Rows that can be spoiled without more rows being refused for it: of the interviews, those without answers."""
    if name == "gesprekken":
        return np.flatnonzero(~np.isin(table["uitkomst"], ("afgerond", "deels")))
    return np.arange(len(next(iter(table.values()))))


def _spoil_clients(spoiler: _Spoiler, slips: tuple[_Slip, ...], budget: Mapping[str, int]) -> None:
    """Spoil rows of clients who occur little elsewhere: their other rows are refused with them.

    They take at most half of what may be faulty in any other table.
    """
    identifiers = spoiler.tables["clienten"]["client_id"]
    elsewhere = {
        name: Counter(table["client_id"])
        for name, table in spoiler.tables.items()
        if "client_id" in table and name != "clienten"
    }
    shuffled = spoiler.rng.permutation(len(identifiers)).tolist()
    fewest_first = sorted(shuffled, key=lambda row: sum(counts[identifiers[row]] for counts in elsewhere.values()))
    refused = dict.fromkeys(elsewhere, 0)
    lost: set[str] = set()
    kinds = cycle([slips[number] for number in spoiler.rng.permutation(len(slips))])
    candidates = iter(fewest_first)
    for _ in range(budget["clienten"]):
        slip, row = next(kinds), next(candidates)
        would_be = {name: refused[name] + counts[identifiers[row]] for name, counts in elsewhere.items()}
        if any(number > budget[name] // 2 for name, number in would_be.items()):
            slip = _TWICE
        elif slip is not _TWICE:
            refused = would_be
            lost.add(identifiers[row])
        spoiler.spoil("clienten", row, slip)
    for name in elsewhere:
        for row, client in enumerate(spoiler.tables[name]["client_id"]):
            if client in lost:
                spoiler.refuse(name, row)


def with_broken_export(
    tables: Mapping[str, TextTable], consortium: str, rng: np.random.Generator
) -> tuple[dict[str, TextTable], list[FaultyRow]]:
    """A copy of the tables in which one export went wrong, so that the whole delivery is rejected."""
    name, slip = _BROKEN_EXPORTS[consortium]
    spoiler = _Spoiler(tables, rng)
    rows = len(tables[name][slip.column])
    for row in rng.permutation(rows)[: int(np.ceil(REJECTED_SHARE * rows))].tolist():
        spoiler.spoil(name, row, slip)
    return spoiler.tables, sorted(spoiler.faults, key=lambda fault: fault.row_number)


def corrected(tables: Mapping[str, TextTable], consortium: str, rng: np.random.Generator) -> dict[str, TextTable]:
    """A copy of the tables with the changes that a consortium makes when it looks at its delivery again.

    Only what is dated in the half-year changes, so that later deliveries agree with the correction.
    """
    new = {name: {column: list(cells) for column, cells in table.items()} for name, table in tables.items()}

    def change(table: str, column: str, share: float, rewrite: Callable[[str], str]) -> None:
        cells = new[table][column]
        rows = [row for row, cell in enumerate(cells) if rewrite(cell) != cell]
        for row in rng.permutation(rows)[: int(np.ceil(share * len(rows)))].tolist():
            cells[row] = rewrite(cells[row])

    if consortium == "tom":
        change("zelfredzaamheid", "score", 0.004, lambda score: str(int(score) + 1 if int(score) < 4 else 4))
        change("dossiers", "reden_sluiting", 0.02, lambda reason: "34" if reason == "31" else reason)
    elif consortium == "go":
        change("doelen", "resultaat", 0.02, lambda result: "deels" if result == "gehaald" else result)
        change("dossiers", "reden_sluiting", 0.02, lambda reason: "34" if reason == "31" else reason)
    else:
        change("bezoek", "bezoeken", 0.05, lambda visits: str(int(visits) + int(visits) // 8 + 1))
        change("bezoek", "vrijwilligers", 0.05, lambda volunteers: str(int(volunteers) + 1))
    return new
