"""The door to a data file: CSV or Excel of any honest dress becomes a DuckDB table of texts with row numbers.

Belongs here: which of the two a file is, and how rows get into DuckDB. Does not belong here: how CSV
(``delimited.py``) and Excel (``workbook.py``) are read, and what a cell means (``parsing.py``, ``judge.py``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from pipeline.deliveries import delimited, headings, workbook
from pipeline.deliveries.findings import DeliveryFault
from pipeline.deliveries.headings import BLANK
from pipeline.deliveries.package import Resource

# A table of more columns is kept in another form: DuckDB reserves memory for every column.
MANY_COLUMNS = 100
# What is in Python's hands at any moment: a block of so many cells, or so many signs.
_CELLS_AT_ONCE = 160_000
_SIGNS_AT_ONCE = 16_000_000


@dataclass(frozen=True)
class RawTable:
    """A file as it was read.

    The DuckDB table has the columns ``row_number`` (1 is the first row under the headings; empty rows count too, so
    that somebody who opens the file in Excel finds row n in sheet row n + 1), ``cells`` (how many cells the row has),
    ``surplus`` (text beyond the last heading) and ``c0``, ``c1``, … for the cells. Of a table with very many columns it
    has only the cells of the contract's columns; all cells that hold anything are then rows (``row_number``, ``place``,
    ``cell``) of the table ``<relation>_cells``.

    Attributes:
        relation: name of the DuckDB table.
        headings: headings as delivered, trimmed.
        is_wide: whether it has very many columns.
    """

    relation: str
    headings: tuple[str, ...]
    is_wide: bool = False

    def positions(self, names: Collection[str]) -> dict[str, int]:
        """Place of each of these columns that is there, however its heading is typed."""
        return headings.positions(self.headings, names)

    def drop(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Forget the table."""
        connection.execute(f"drop table if exists {self.relation}")
        connection.execute(f"drop table if exists {self.relation}_cells")


def read_table(
    connection: duckdb.DuckDBPyConnection, resource: Resource, relation: str, known: Collection[str]
) -> RawTable:
    """Read a data file into a new DuckDB table.

    Args:
        connection: where the table is made.
        resource: the file, and what the descriptor says of its dialect and encoding.
        relation: name of the table to make.
        known: column names of the contract; they tell the separator where the descriptor does not.

    Raises:
        DeliveryFault: when the file is empty, cannot be read, or has no usable line of column names.
    """
    if workbook.is_workbook(resource):
        sheet = workbook.read_sheet(resource, known)
        return _load(connection, relation, sheet.headings, sheet.rows, known)
    file = delimited.read_file(resource, known)
    is_narrow = len(file.headings) <= MANY_COLUMNS
    if is_narrow and file.is_simple and delimited.load_fast(connection, file, relation):
        return RawTable(relation, file.headings)
    return _load(connection, relation, file.headings, file.rows(), known)


def _schema(places: Iterable[int]) -> pa.Schema:
    fields = [("row_number", pa.int64()), ("cells", pa.int32()), ("surplus", pa.string())]
    return pa.schema(fields + [(f"c{place}", pa.string()) for place in places])


def read_other_sheets(
    connection: duckdb.DuckDBPyConnection, resources: Sequence[Resource], relation: str
) -> Iterator[tuple[str, RawTable]]:
    """What lies in the workbooks of a delivery beside its tables: the name of each sheet, and its cells.

    Args:
        connection: where a table is made of each in turn.
        resources: the tables of the delivery that could be read.
        relation: name of the table to make.
    """
    for path in dict.fromkeys(each.path for each in resources):
        within = [each for each in resources if each.path == path]
        if workbook.is_workbook(within[0]):
            for name, sheet in workbook.other_sheets(within[0], [each.name for each in within]):
                yield name, _load(connection, relation, sheet.headings, sheet.rows, ())


def _load(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    names: tuple[str, ...],
    rows: Iterator[tuple[int, list[str]]],
    known: Collection[str],
) -> RawTable:
    if len(names) > MANY_COLUMNS:
        places = tuple(sorted(headings.positions(names, known).values()))
        _load_wide(connection, relation, len(names), rows, places)
        return RawTable(relation, names, is_wide=True)
    _load_narrow(connection, relation, len(names), rows)
    return RawTable(relation, names)


def _load_narrow(
    connection: duckdb.DuckDBPyConnection, relation: str, width: int, rows: Iterator[tuple[int, list[str]]]
) -> None:
    schema = _schema(range(width))
    faults: list[DeliveryFault] = []
    batches = (_batch(block, schema, width, range(width)) for block in _blocks(rows, width, faults))
    connection.register("incoming", pa.RecordBatchReader.from_batches(schema, batches))
    try:
        connection.execute(f"create or replace table {relation} as select * from incoming")
    finally:
        connection.unregister("incoming")
    if faults:
        raise faults[0]


def _load_wide(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    width: int,
    rows: Iterator[tuple[int, list[str]]],
    places: tuple[int, ...],
) -> None:
    schema = _schema(places)
    rest = pa.schema([("row_number", pa.int64()), ("place", pa.int32()), ("cell", pa.string())])
    for name, form in ((relation, schema), (f"{relation}_cells", rest)):
        _insert(connection, f"create or replace table {name} as", form.empty_table())
    faults: list[DeliveryFault] = []
    for block in _blocks(rows, width, faults):
        _insert(connection, f"insert into {relation}", _batch(block, schema, width, places))
        numbers, columns, cells = [], [], []
        for number, row in block:
            filled = [place for place, cell in enumerate(row[:width]) if cell]
            numbers += [number] * len(filled)
            columns += filled
            cells += [row[place] for place in filled]
        _insert(connection, f"insert into {relation}_cells", pa.table([numbers, columns, cells], schema=rest))
    if faults:
        raise faults[0]


def _insert(connection: duckdb.DuckDBPyConnection, statement: str, rows: pa.Table | pa.RecordBatch) -> None:
    connection.register("incoming", rows)
    try:
        connection.execute(f"{statement} select * from incoming")
    finally:
        connection.unregister("incoming")


def _blocks(
    rows: Iterator[tuple[int, list[str]]], width: int, faults: list[DeliveryFault]
) -> Iterator[list[tuple[int, list[str]]]]:
    block: list[tuple[int, list[str]]] = []
    room = limit = max(1, _CELLS_AT_ONCE // max(width, 1))
    signs = 0
    try:
        for row in rows:
            block.append(row)
            signs += sum(map(len, row[1]))
            room -= 1
            if not room or signs > _SIGNS_AT_ONCE:
                yield block
                block, room, signs = [], limit, 0
    except DeliveryFault as fault:
        # raised after the stream has ended: an exception would reach DuckDB here, and come back as another one
        faults.append(fault)
        return
    if block:
        yield block


def _batch(block: list[tuple[int, list[str]]], schema: pa.Schema, width: int, places: Iterable[int]) -> pa.RecordBatch:
    numbers = [number for number, _ in block]
    rows = [row for _, row in block]
    counts = [len(row) for row in rows]
    surplus: list[str | None] = [None] * len(rows)
    if set(counts) != {width}:
        for index, row in enumerate(rows):
            beyond = [cell for cell in row[width:] if cell.strip(BLANK)]
            if beyond:
                surplus[index] = " ".join(beyond)
            elif len(row) > width:
                counts[index] = width  # separators at the end of the line, nothing behind them
            rows[index] = row[:width] + [""] * (width - len(row))
    arrays = [
        pa.array(numbers, pa.int64()),
        pa.array(counts, pa.int32()),
        pa.array(surplus, pa.string()),
        *(pa.array([row[place] or None for row in rows], pa.string()) for place in places),
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
