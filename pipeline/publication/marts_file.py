"""The published files of a release: one DuckDB file, and the same tables as Parquet and CSV.

Belongs here: writing and swapping files. Does not belong here: which figures may be shown (disclosure) or what a
release is (release.py).
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

# DuckDB clients from 1.0 on can open this; newer storage saves little on tables of this size
STORAGE_VERSION = "v1.0.0"
SCHEMA = "marts"
MARTS_FILE = "marts.duckdb"
_KINDS = ("parquet", "csv")


@contextmanager
def open_marts(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a published marts file for reading, so that ``marts.fct_indicator`` is a name in it.

    A file opened directly takes its own name as catalog; then ``marts`` would be both catalog and schema, and DuckDB
    refuses two-part names as ambiguous (docs/adr/0006-marts-in-marts.md).

    Args:
        path: a ``marts.duckdb``.
    """
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"attach {_text(str(path))} as effectmonitor (read_only)")
        connection.execute("use effectmonitor")
        yield connection


@contextmanager
def attached(connection: duckdb.DuckDBPyConnection, path: Path, name: str) -> Iterator[None]:
    """Attach a marts file to an open connection for reading, under a name of its own, and detach it again."""
    connection.execute(f"attach {_text(str(path))} as {name} (read_only)")
    try:
        yield
    finally:
        connection.execute(f"detach {name}")


@dataclass(frozen=True)
class OwnTable:
    """A table that a release has beside the marts: about the release itself, not from the warehouse.

    Attributes:
        name: name of the table.
        description: its comment.
        columns: type and description per column.
        rows: one mapping per row, with at least these columns.
    """

    name: str
    description: str
    columns: Mapping[str, tuple[str, str]]
    rows: Sequence[Mapping[str, object]]


def mart_tables(warehouse: duckdb.DuckDBPyConnection, schema: str = SCHEMA) -> list[str]:
    """Names of the tables in a schema of the warehouse, in alphabetical order.

    Args:
        warehouse: open connection on the warehouse.
        schema: the schema with an audience's marts.
    """
    rows = warehouse.execute(
        "select table_name from duckdb_tables() "
        "where schema_name = ? and database_name = current_database() order by table_name",
        [schema],
    ).fetchall()
    return [row[0] for row in rows]


def content_hash(warehouse: duckdb.DuckDBPyConnection, tables: Sequence[str], schema: str = SCHEMA) -> str:
    """A hash over every value of the given marts, independent of row order.

    Args:
        warehouse: open connection on the warehouse.
        tables: names of marts.
        schema: the schema that they are in.

    Returns:
        64 hexadecimal characters.
    """
    digest = hashlib.sha256()
    for table in tables:
        digest.update(table.encode())
        relation = warehouse.execute(f'select * from {schema}."{table}" order by all')
        digest.update(repr([(column[0], str(column[1])) for column in relation.description]).encode())
        while rows := relation.fetchmany(10_000):
            digest.update(repr(rows).encode())
    return digest.hexdigest()


def write_files(
    warehouse: duckdb.DuckDBPyConnection, folder: Path, own_tables: Sequence[OwnTable], schema: str = SCHEMA
) -> dict[str, int]:
    """Write ``marts.duckdb``, ``parquet/`` and ``csv/`` of the current marts into a folder.

    Args:
        warehouse: open connection on the warehouse.
        folder: an empty folder.
        own_tables: what the release has beside the marts.
        schema: the schema of the warehouse with the audience's marts; in the file it is always ``marts``.

    Returns:
        Rows per table.
    """
    for kind in _KINDS:
        (folder / kind).mkdir(parents=True)
    tables = mart_tables(warehouse, schema)
    path = folder / MARTS_FILE
    warehouse.execute(f"attach {_text(str(path))} as published (storage_version {_text(STORAGE_VERSION)})")
    try:
        warehouse.execute(f"create schema published.{SCHEMA}")
        for table in tables:
            _copy_table(warehouse, table, schema)
        for own in own_tables:
            _write_own_table(warehouse, own)
        counts = {}
        for table in [*tables, *(own.name for own in own_tables)]:
            _export_table(warehouse, table, folder)
            row = warehouse.execute(f'select count(*) from published.{SCHEMA}."{table}"').fetchone()
            counts[table] = row[0] if row else 0
        warehouse.execute("checkpoint published")
    finally:
        warehouse.execute("detach published")
    return counts


def rewrite_table(folder: Path, own: OwnTable) -> None:
    """Replace a release's own table in files that ``write_files`` wrote, in all three forms.

    Args:
        folder: with ``marts.duckdb``, ``parquet/`` and ``csv/``.
        own: the table as it is to be; its columns are those that it has.
    """
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"attach {_text(str(folder / MARTS_FILE))} as published")
        connection.execute("begin")
        connection.execute(f'delete from published.{SCHEMA}."{own.name}"')
        _insert_rows(connection, own)
        connection.execute("commit")
        _export_table(connection, own.name, folder)
        connection.execute("checkpoint published")


def _export_table(connection: duckdb.DuckDBPyConnection, table: str, folder: Path) -> None:
    source = f'(select * from published.{SCHEMA}."{table}" order by all)'
    for kind in _KINDS:
        target = _text(str(folder / kind / f"{table}.{kind}"))
        connection.execute(f"copy {source} to {target} (format {kind}{', header' if kind == 'csv' else ''})")


def _copy_table(warehouse: duckdb.DuckDBPyConnection, table: str, schema: str) -> None:
    warehouse.execute(f'create table published.{SCHEMA}."{table}" as select * from {schema}."{table}" order by all')
    comment = warehouse.execute(
        "select comment from duckdb_tables() "
        "where schema_name = ? and table_name = ? and database_name = current_database()",
        [schema, table],
    ).fetchone()
    _comment(warehouse, f'table published.{SCHEMA}."{table}"', comment[0] if comment else None)
    columns = warehouse.execute(
        "select column_name, comment from duckdb_columns() "
        "where schema_name = ? and table_name = ? and database_name = current_database()",
        [schema, table],
    ).fetchall()
    for name, text in columns:
        _comment(warehouse, f'column published.{SCHEMA}."{table}"."{name}"', text)


def _write_own_table(warehouse: duckdb.DuckDBPyConnection, own: OwnTable) -> None:
    target = f'published.{SCHEMA}."{own.name}"'
    columns = ", ".join(f"{name} {kind}" for name, (kind, _) in own.columns.items())
    warehouse.execute(f"create table {target} ({columns})")
    _insert_rows(warehouse, own)
    _comment(warehouse, f"table {target}", own.description)
    for name, (_, text) in own.columns.items():
        _comment(warehouse, f"column {target}.{name}", text)


def _insert_rows(connection: duckdb.DuckDBPyConnection, own: OwnTable) -> None:
    # the definitions load this module and need no Arrow
    import pyarrow as pa

    if own.rows:
        rows = [{name: row[name] for name in own.columns} for row in own.rows]
        connection.register("_own", pa.Table.from_pylist(rows))
        connection.execute(f'insert into published.{SCHEMA}."{own.name}" select * from _own')
        connection.unregister("_own")


def _comment(warehouse: duckdb.DuckDBPyConnection, target: str, text: str | None) -> None:
    if text:
        warehouse.execute(f"comment on {target} is {_text(text)}")


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def swap_in(release: Path, published: Path) -> None:
    """Put the files of a release in place, each one atomically; the marts file last.

    A reader that holds an old file open keeps reading it; a new reader gets the new one.

    Args:
        release: folder that ``write_files`` filled.
        published: the audience's folder.
    """
    wanted = sorted(path.relative_to(release) for path in release.rglob("*") if path.is_file())
    for relative in sorted(wanted, key=lambda path: path.name == MARTS_FILE):
        target = published / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.new")
        shutil.copyfile(release / relative, beside)
        beside.replace(target)
    for path in sorted(published.rglob("*")):
        if path.is_file() and path.relative_to(published) not in wanted:
            path.unlink()
