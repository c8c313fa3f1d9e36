"""Reading a CSV file of any honest dress into DuckDB, every cell as text, with its row number.

Belongs here: encodings, separators, quotes, headings, and rows with too few or too many cells. Does not belong here:
what a cell means (``parsing.py``, ``judge.py``). No text of the file reaches a message: DuckDB's own errors repeat the
row.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from pipeline.deliveries.findings import DeliveryFault, Finding
from pipeline.deliveries.package import Resource

SEPARATORS = (";", ",", "\t")

_ENCODINGS = {
    "utf-8": "utf-8-sig",
    "utf8": "utf-8-sig",
    "utf-8-sig": "utf-8-sig",
    "us-ascii": "utf-8-sig",
    "ascii": "utf-8-sig",
    "utf-16": "utf-16",
    "utf-16le": "utf-16-le",
    "utf-16-le": "utf-16-le",
    "utf-16be": "utf-16-be",
    "utf-16-be": "utf-16-be",
    "windows-1252": "cp1252",
    "cp1252": "cp1252",
    "iso-8859-1": "cp1252",  # as every browser reads it: the difference is control characters that nobody types
    "latin-1": "cp1252",
}
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx (a zip file), .xls
_BLOCK = 1 << 20
_ROWS_AT_ONCE = 20_000
_BLANK = " \t\r\n\u00a0\ufeff"
_EMPTY = "Het bestand is leeg: ook de regel met kolomnamen ontbreekt."


@dataclass(frozen=True)
class RawTable:
    """A file as it was read.

    The DuckDB table has the columns ``row_number`` (1 is the first row under the heading), ``cells`` (how many cells
    the row has), ``surplus`` (text beyond the last heading) and ``c0``, ``c1``, … for the cells.

    Attributes:
        relation: name of the DuckDB table.
        headings: headings as delivered, trimmed.
    """

    relation: str
    headings: tuple[str, ...]

    def positions(self, names: Collection[str]) -> dict[str, int]:
        """Place of each of these columns that is there, whatever the case of its heading."""
        lowered = [heading.lower() for heading in self.headings]
        return {name: lowered.index(name) for name in names if name in lowered}


def read_csv(
    connection: duckdb.DuckDBPyConnection, resource: Resource, relation: str, known: Collection[str]
) -> RawTable:
    """Read a data file into a new DuckDB table.

    Args:
        connection: where the table is made.
        resource: the file, and what the descriptor says of its dialect and encoding.
        relation: name of the table to make.
        known: column names of the contract; they tell the separator where the descriptor does not.

    Raises:
        DeliveryFault: when the file is empty, a workbook, not text, or has broken quotes or double headings.
    """
    _refuse_workbook(resource)
    encoding = _encoding(resource)
    headings, dialect, is_plain = _heading(resource, encoding, known)
    lowered = [heading.lower() for heading in headings]
    for name in known:
        if lowered.count(name) > 1:
            sentence = "Deze kolom staat twee keer in het bestand. Laat er één staan."
            raise DeliveryFault(Finding("table", "duplicate_column", sentence, table=resource.name, column=name))
    # DuckDB reads sound UTF-8 files several times faster; whatever it stumbles over is read again row by row
    if not (
        is_plain and encoding == "utf-8-sig" and _read_fast(connection, resource, relation, len(headings), dialect)
    ):
        _read_row_by_row(connection, resource, relation, len(headings), encoding, dialect)
    return RawTable(relation, headings)


def _refuse_workbook(resource: Resource) -> None:
    with resource.path.open("rb") as handle:
        start = handle.read(4)
    if resource.path.suffix.lower() in (".xlsx", ".xlsm", ".xls", ".ods") or start in _WORKBOOKS:
        sentence = "Dit is een Excel-bestand. Lever een CSV-bestand: kies in Excel Opslaan als, CSV UTF-8."
        raise DeliveryFault(Finding("table", "workbook", sentence, table=resource.name))
    if not start:
        raise _unreadable(resource, _EMPTY)


def _encoding(resource: Resource) -> str:
    """The encoding of the whole file: as its first bytes say, as declared, or the first that fits."""
    with resource.path.open("rb") as handle:
        start = handle.read(4096)
    for mark, encoding in _BOMS:
        if start.startswith(mark):
            candidates = [encoding]
            break
    else:
        if resource.encoding:
            candidates = [
                _ENCODINGS[name] for name in [resource.encoding.lower().replace("_", "-")] if name in _ENCODINGS
            ]
        elif b"\0" in start:
            # text without a mark, in which every other byte is empty
            candidates = ["utf-16-le" if start[1::2].count(0) > start[::2].count(0) else "utf-16-be"]
        else:
            candidates = ["utf-8-sig", "cp1252"]
    for encoding in candidates:
        if _decodes(resource.path, encoding):
            return encoding
    if resource.encoding:
        sentence = (
            "De tekens zijn niet te lezen met de codering die datapackage.json noemt. "
            "Sla het bestand op als UTF-8, of noem de juiste codering (utf-8, utf-16 of windows-1252)."
        )
    else:
        sentence = "De tekens zijn niet te lezen. Sla het bestand op als CSV in UTF-8."
    raise _unreadable(resource, sentence)


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as handle:
            while block := handle.read(_BLOCK):
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


@dataclass(frozen=True)
class _Dialect:
    delimiter: str
    quote: str


def _heading(resource: Resource, encoding: str, known: Collection[str]) -> tuple[tuple[str, ...], _Dialect, bool]:
    """The headings, the dialect, and whether the first line holds them: blank lines may come before."""
    with resource.path.open(encoding=encoding, newline="") as handle:
        is_first = bool(next(handle, "").strip(_BLANK))
    found = []
    for delimiter in [resource.delimiter] if resource.delimiter else SEPARATORS:
        dialect = _Dialect(delimiter, resource.quote or '"')
        with resource.path.open(encoding=encoding, newline="") as handle:
            try:
                cells = next(_rows(handle, dialect), None)
            except csv.Error:
                continue  # with another separator the quotes may be right
        if cells is None:
            raise _unreadable(resource, _EMPTY)
        found.append((tuple(cell.strip(_BLANK) for cell in cells), dialect))
    if not found:
        raise _unreadable(resource, "De regel met kolomnamen is niet te lezen: controleer de aanhalingstekens.")
    headings, dialect = max(found, key=lambda each: _likeness(each[0], known))
    return headings, dialect, is_first


def _likeness(headings: tuple[str, ...], known: Collection[str]) -> tuple[int, int]:
    return sum(heading.lower() in known for heading in headings), len(headings)


def _rows(lines: Iterable[str], dialect: _Dialect) -> Iterator[list[str]]:
    """The rows that hold anything, the heading first."""
    # strict: a quote that is not closed would swallow the rows that follow it
    reader = csv.reader(lines, delimiter=dialect.delimiter, quotechar=dialect.quote, skipinitialspace=True, strict=True)
    return (row for row in reader if len(row) > 1 or (row and row[0].strip(_BLANK)))


def _read_fast(
    connection: duckdb.DuckDBPyConnection, resource: Resource, relation: str, width: int, dialect: _Dialect
) -> bool:
    path = str(resource.path)
    if any(sign in path for sign in "*?[]{}"):
        return False  # DuckDB would take it for a pattern of several files
    columns = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(width))
    try:
        connection.execute(
            f"""
            create or replace table {relation} as
            select row_number() over () as row_number, {width}::integer as cells, null::varchar as surplus, *
            from read_csv(
                $path, auto_detect = false, header = true, delim = $delimiter, quote = $quote, escape = $quote,
                columns = {{{columns}}}, strict_mode = true, null_padding = false, ignore_errors = false,
                compression = 'none', nullstr = ''
            )
            """,
            {"path": path, "delimiter": dialect.delimiter, "quote": dialect.quote},
        )
    except duckdb.Error:
        return False
    return True


def _read_row_by_row(
    connection: duckdb.DuckDBPyConnection,
    resource: Resource,
    relation: str,
    width: int,
    encoding: str,
    dialect: _Dialect,
) -> None:
    fields = [("row_number", pa.int64()), ("cells", pa.int32()), ("surplus", pa.string())]
    schema = pa.schema(fields + [(f"c{index}", pa.string()) for index in range(width)])
    faults: list[DeliveryFault] = []
    with resource.path.open(encoding=encoding, newline="") as handle:
        batches = _batches(resource, _rows(handle, dialect), schema, width, faults)
        connection.register("incoming", pa.RecordBatchReader.from_batches(schema, batches))
        try:
            connection.execute(f"create or replace table {relation} as select * from incoming")
        finally:
            connection.unregister("incoming")
    if faults:
        raise faults[0]


def _batches(
    resource: Resource, rows: Iterator[list[str]], schema: pa.Schema, width: int, faults: list[DeliveryFault]
) -> Iterator[pa.RecordBatch]:
    next(rows)  # the headings
    number, block = 1, []
    try:
        for row in rows:
            block.append(row)
            if len(block) == _ROWS_AT_ONCE:
                yield _batch(block, number, schema, width)
                number, block = number + len(block), []
    except csv.Error:
        sentence = (
            f"Vanaf rij {number + len(block)} is het bestand niet te lezen: een aanhalingsteken is niet goed gesloten. "
            "Zet een cel met aanhalingstekens erin tussen aanhalingstekens en schrijf die erin dubbel."
        )
        # raised after the stream has ended: an exception would reach DuckDB here, and come back as another one
        faults.append(_unreadable(resource, sentence))
        return
    if block:
        yield _batch(block, number, schema, width)


def _batch(block: list[list[str]], number: int, schema: pa.Schema, width: int) -> pa.RecordBatch:
    counts = [len(row) for row in block]
    surplus: list[str | None] = [None] * len(block)
    if set(counts) != {width}:
        for index, row in enumerate(block):
            beyond = [cell for cell in row[width:] if cell.strip(_BLANK)]
            if beyond:
                surplus[index] = " ".join(beyond)
            elif len(row) > width:
                counts[index] = width  # separators at the end of the line, nothing behind them
            block[index] = row[:width] + [""] * (width - len(row))
    arrays = [
        pa.array(range(number, number + len(block)), pa.int64()),
        pa.array(counts, pa.int32()),
        pa.array(surplus, pa.string()),
        *(pa.array([cell or None for cell in column], pa.string()) for column in zip(*block, strict=True)),
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _unreadable(resource: Resource, sentence: str) -> DeliveryFault:
    return DeliveryFault(Finding("table", "unreadable_file", sentence, table=resource.name))
