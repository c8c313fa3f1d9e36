"""The published files of a release: one DuckDB file, and the same tables as Parquet and CSV.

Belongs here: writing and swapping files. Does not belong here: which figures may be shown (disclosure) or what a
release is (release.py).
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

# DuckDB clients from 1.0 on can open this; newer storage saves little on tables of this size
STORAGE_VERSION = "v1.0.0"
SCHEMA = "marts"
MARTS_FILE = "marts.duckdb"


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


def mart_tables(warehouse: duckdb.DuckDBPyConnection) -> list[str]:
    """Names of the tables in the warehouse's marts, in alphabetical order."""
    rows = warehouse.execute(
        "select table_name from duckdb_tables() "
        "where schema_name = ? and database_name = current_database() order by table_name",
        [SCHEMA],
    ).fetchall()
    return [row[0] for row in rows]


def content_hash(warehouse: duckdb.DuckDBPyConnection, tables: Sequence[str]) -> str:
    """A hash over every value of the given marts, independent of row order.

    Args:
        warehouse: open connection on the warehouse.
        tables: names of marts.

    Returns:
        64 hexadecimal characters.
    """
    digest = hashlib.sha256()
    for table in tables:
        digest.update(table.encode())
        relation = warehouse.execute(f'select * from {SCHEMA}."{table}" order by all')
        digest.update(repr([(column[0], str(column[1])) for column in relation.description]).encode())
        while rows := relation.fetchmany(10_000):
            digest.update(repr(rows).encode())
    return digest.hexdigest()


def write_files(
    warehouse: duckdb.DuckDBPyConnection, folder: Path, release_rows: Sequence[Mapping[str, object]]
) -> dict[str, int]:
    """Write ``marts.duckdb``, ``parquet/`` and ``csv/`` of the current marts into a folder.

    Args:
        warehouse: open connection on the warehouse.
        folder: an empty folder.
        release_rows: rows of the table ``release`` (columns as in ``RELEASE_COLUMNS``).

    Returns:
        Rows per table.
    """
    for part in ("parquet", "csv"):
        (folder / part).mkdir(parents=True)
    tables = mart_tables(warehouse)
    path = folder / MARTS_FILE
    warehouse.execute(f"attach {_text(str(path))} as published (storage_version {_text(STORAGE_VERSION)})")
    try:
        warehouse.execute(f"create schema published.{SCHEMA}")
        for table in tables:
            _copy_table(warehouse, table)
        _write_release_table(warehouse, release_rows)
        counts = {}
        for table in [*tables, "release"]:
            source = f'(select * from published.{SCHEMA}."{table}" order by all)'
            for kind in ("parquet", "csv"):
                target = _text(str(folder / kind / f"{table}.{kind}"))
                warehouse.execute(f"copy {source} to {target} (format {kind}{', header' if kind == 'csv' else ''})")
            row = warehouse.execute(f'select count(*) from published.{SCHEMA}."{table}"').fetchone()
            counts[table] = row[0] if row else 0
        warehouse.execute("checkpoint published")
    finally:
        warehouse.execute("detach published")
    return counts


RELEASE_COLUMNS: Mapping[str, tuple[str, str]] = {
    "release_id": ("varchar", "Name of the release, audience and number"),
    "audience": ("varchar", "For whom: partners or council"),
    "period": ("varchar", "Latest half-year with data in the release"),
    "created_at": ("timestamp", "When the release was made, UTC"),
    "inputs": ("varchar", "Delivery versions and monitor vintages that it was computed from, as JSON"),
    "code_version": ("varchar", "Version of the software that computed it"),
    "approved_by": ("varchar", "Who approved the release; empty while approval is not in use"),
    "content_hash": ("varchar", "Hash over all figures of the release"),
}


def _copy_table(warehouse: duckdb.DuckDBPyConnection, table: str) -> None:
    warehouse.execute(f'create table published.{SCHEMA}."{table}" as select * from {SCHEMA}."{table}" order by all')
    comment = warehouse.execute(
        "select comment from duckdb_tables() "
        "where schema_name = ? and table_name = ? and database_name = current_database()",
        [SCHEMA, table],
    ).fetchone()
    _comment(warehouse, f'table published.{SCHEMA}."{table}"', comment[0] if comment else None)
    columns = warehouse.execute(
        "select column_name, comment from duckdb_columns() "
        "where schema_name = ? and table_name = ? and database_name = current_database()",
        [SCHEMA, table],
    ).fetchall()
    for name, text in columns:
        _comment(warehouse, f'column published.{SCHEMA}."{table}"."{name}"', text)


def _write_release_table(warehouse: duckdb.DuckDBPyConnection, rows: Sequence[Mapping[str, object]]) -> None:
    columns = ", ".join(f"{name} {kind}" for name, (kind, _) in RELEASE_COLUMNS.items())
    warehouse.execute(f"create table published.{SCHEMA}.release ({columns})")
    marks = ", ".join("?" for _ in RELEASE_COLUMNS)
    for row in rows:
        warehouse.execute(
            f"insert into published.{SCHEMA}.release values ({marks})", [row[name] for name in RELEASE_COLUMNS]
        )
    _comment(warehouse, f"table published.{SCHEMA}.release", "Every release of this audience, one row each")
    for name, (_, text) in RELEASE_COLUMNS.items():
        _comment(warehouse, f"column published.{SCHEMA}.release.{name}", text)


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
