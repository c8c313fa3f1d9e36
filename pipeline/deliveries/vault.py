"""The deliveries' part of the vault, and the quarantine: where files lie and how they are written.

Belongs here: folders, the typed empty files, atomic writes, and the log of judged deliveries. The log of a delivery is
written last: without it the other files do not count and the delivery is simply judged again. One process receives a
delivery at a time.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.deliveries.contract import Contract, load_contracts
from pipeline.deliveries.profile import ColumnProfile, TableProfile
from pipeline.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

EMPTY = "_empty.parquet"
LOG = "_log"
LOG_TABLES = "_log_tables"
LOG_PROFILES = "_log_profiles"

_ARROW_TYPES = {"VARCHAR": pa.string(), "BIGINT": pa.int64(), "DATE": pa.date32(), "BOOLEAN": pa.bool_()}
_DELIVERY = [("consortium", pa.string()), ("period", pa.string()), ("version", pa.int32())]
_COUNTS = [("rows_received", pa.int64()), ("rows_accepted", pa.int64()), ("rows_refused", pa.int64())]
_TABLE_COUNTS = [*_COUNTS, ("rows_unsound", pa.int64())]
LOG_SCHEMA = pa.schema(
    [
        *_DELIVERY,
        ("status", pa.string()),
        ("created", pa.timestamp("us")),
        ("received_at", pa.timestamp("us")),
        ("package_hash", pa.string()),
        ("contract", pa.int32()),
        *_COUNTS,
        ("correction_of_final", pa.bool_()),
        ("erased_at", pa.timestamp("us")),
        ("removed_at", pa.timestamp("us")),
    ]
)
LOG_TABLES_SCHEMA = pa.schema([*_DELIVERY, ("table_name", pa.string()), *_TABLE_COUNTS])
LOG_PROFILES_SCHEMA = pa.schema(
    [
        *_DELIVERY,
        ("table_name", pa.string()),
        ("rows", pa.int64()),
        ("column_name", pa.string()),
        ("missing", pa.int64()),
        ("clients", pa.int64()),
    ]
)


@dataclass(frozen=True)
class LogEntry:
    """What the log says of a judged delivery version.

    Attributes:
        status: ``accepted``, ``partially_accepted`` or ``rejected``.
        created: moment at which the consortium made it, UTC; None when it does not say.
        received_at: moment at which it was judged, UTC.
        package_hash: hash of its content.
        contract: version of the contract it follows; None when it does not say.
        tables: received, accepted, refused and unsound rows per table, as in ``TableCount``.
        correction_of_final: whether it says to correct a half-year whose figures are final.
        erased_at: moment at which a person was last removed from it, UTC; None when that never happened. Rows and hash
            are those of after it.
        removed_at: moment at which its rows were removed because their term was over, UTC; None while they are there.
    """

    status: str
    created: datetime | None
    received_at: datetime
    package_hash: str
    contract: int | None
    tables: dict[str, tuple[int, int, int, int | None]]
    correction_of_final: bool = False
    erased_at: datetime | None = None
    removed_at: datetime | None = None


def vault_schema(contract: Contract) -> pa.Schema:
    """Columns and types of a table in the vault: those of the contract, then where the row came from."""
    columns = [(column.name, _ARROW_TYPES[column.sql_type]) for column in contract.columns]
    return pa.schema([*columns, *_DELIVERY, ("row_number", pa.int64())])


def table_path(settings: Settings, table: str, consortium: str, period: str, version: int) -> Path:
    """File of a delivered table, of the log (``_log``), or of ``_log_tables`` or ``_log_profiles``."""
    return settings.vault / "deliveries" / table / consortium / period / f"v{version}.parquet"


def quarantine_path(settings: Settings, table: str, consortium: str, period: str, version: int) -> Path:
    """File of the refused rows of a delivered table."""
    return settings.quarantine / consortium / period / f"v{version}" / f"{table}.parquet"


def receipt_folder(settings: Settings, consortium: str, period: str, version: int) -> Path:
    """Folder of the receipts of a delivery version."""
    return settings.receipts / consortium / period / f"v{version}"


def ensure_vault(settings: Settings) -> None:
    """Make each table's folder with a typed file of 0 rows, so that readers never meet an empty folder."""
    schemas = {table: vault_schema(contract) for table, contract in load_contracts().items()}
    schemas |= {LOG: LOG_SCHEMA, LOG_TABLES: LOG_TABLES_SCHEMA, LOG_PROFILES: LOG_PROFILES_SCHEMA}
    for table, schema in schemas.items():
        path = settings.vault / "deliveries" / table / EMPTY
        if not path.is_file() or not pq.read_schema(path).equals(schema):
            write_table(schema.empty_table(), path)


def write_table(rows: pa.Table, path: Path) -> None:
    """Write a small table as Parquet, as a whole or not at all."""
    with _whole_file(path) as partial:
        pq.write_table(rows, partial)


def write_query(connection: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    """Write the rows of a query as Parquet, as a whole or not at all.

    Args:
        connection: where the query runs.
        query: SQL without a semicolon.
        path: the file to make or replace.
    """
    with _whole_file(path) as partial:
        connection.execute(f"copy ({query}) to '{_quoted(partial)}' (format parquet, compression zstd)")


def write_text(text: str, path: Path) -> None:
    """Write a text in UTF-8, as a whole or not at all."""
    with _whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def clear_version(settings: Settings, consortium: str, period: str, version: int) -> None:
    """Remove what an interrupted receipt of a delivery version left behind. Never called for a version in the log."""
    for table in load_contracts():
        for place in (table_path, quarantine_path):
            path = place(settings, table, consortium, period, version)
            path.unlink(missing_ok=True)
            _partial(path).unlink(missing_ok=True)


def write_profiles(
    settings: Settings, consortium: str, period: str, version: int, profiles: Mapping[str, TableProfile]
) -> None:
    """Write the statistics of a delivery version's tables; before its log, which makes them count."""
    place = {"consortium": consortium, "period": period, "version": version}
    rows = [
        place
        | {"table_name": table, "rows": profile.rows, "column_name": name}
        | {"missing": column.missing, "clients": column.clients}
        for table, profile in profiles.items()
        for name, column in profile.columns.items()
    ]
    path = table_path(settings, LOG_PROFILES, consortium, period, version)
    write_table(pa.Table.from_pylist(rows, LOG_PROFILES_SCHEMA), path)


def read_profiles(settings: Settings, consortium: str, period: str, version: int) -> dict[str, TableProfile]:
    """The statistics of a delivery version per table; none when it was judged before they were kept."""
    path = table_path(settings, LOG_PROFILES, consortium, period, version)
    profiles: dict[str, TableProfile] = {}
    for row in pq.read_table(path, partitioning=None).to_pylist() if path.is_file() else []:
        profile = profiles.setdefault(row["table_name"], TableProfile(row["rows"], {}))
        profile.columns[row["column_name"]] = ColumnProfile(row["missing"], row["clients"])
    return profiles


def write_log(settings: Settings, consortium: str, period: str, version: int, entry: LogEntry) -> None:
    """Write the log of a judged delivery version: first per table, then the one that makes it count."""
    place = {"consortium": consortium, "period": period, "version": version}
    names = [name for name, _ in _TABLE_COUNTS]
    tables = [
        place | {"table_name": table} | dict(zip(names, counts, strict=True)) for table, counts in entry.tables.items()
    ]
    totals = {name: sum(row[name] for row in tables) for name, _ in _COUNTS}
    row: dict[str, Any] = place | totals
    for name in ("status", "created", "received_at", "package_hash", "contract", "correction_of_final"):
        row[name] = getattr(entry, name)
    row |= {"erased_at": entry.erased_at, "removed_at": entry.removed_at}
    write_table(
        pa.Table.from_pylist(tables, LOG_TABLES_SCHEMA), table_path(settings, LOG_TABLES, consortium, period, version)
    )
    write_table(pa.Table.from_pylist([row], LOG_SCHEMA), table_path(settings, LOG, consortium, period, version))


def read_log(settings: Settings, consortium: str, period: str, version: int) -> LogEntry | None:
    """The log of a delivery version, or None when it has not been judged."""
    path = table_path(settings, LOG, consortium, period, version)
    if not path.is_file():
        return None
    # partitioning: a folder above it with "=" in its name would become a column
    (row,) = pq.read_table(path, partitioning=None).to_pylist()
    tables = pq.read_table(table_path(settings, LOG_TABLES, consortium, period, version), partitioning=None).to_pylist()
    return LogEntry(
        status=row["status"],
        created=row["created"],
        received_at=row["received_at"],
        package_hash=row["package_hash"],
        contract=row["contract"],
        # a log of before a column says nothing of it
        tables={each["table_name"]: tuple(each.get(name) for name, _ in _TABLE_COUNTS) for each in tables},
        correction_of_final=bool(row.get("correction_of_final")),
        erased_at=row.get("erased_at"),
        removed_at=row.get("removed_at"),
    )


def judged_versions(settings: Settings, consortium: str, period: str) -> list[int]:
    """The versions of a half-year that have been judged, the highest first."""
    folder = table_path(settings, LOG, consortium, period, 1).parent
    return sorted((int(path.stem.removeprefix("v")) for path in folder.glob("v*.parquet")), reverse=True)


def is_judged(settings: Settings, consortium: str, period: str, version: int) -> bool:
    """Whether a delivery version has been judged, whatever became of it."""
    return table_path(settings, LOG, consortium, period, version).is_file()


def read_accepted(settings: Settings, table: str, periods: Collection[str]) -> pd.DataFrame:
    """The accepted rows of a table, of every consortium and every version of these half-years.

    Args:
        settings: the installation.
        table: a table of the contract.
        periods: half-years, like ``2024-H1``.

    Returns:
        Columns as in the vault; no rows when nothing was accepted.
    """
    folder = settings.vault / "deliveries" / table
    paths = sorted(path for period in periods for path in folder.glob(f"*/{period}/v*.parquet"))
    tables = [pq.read_table(path, partitioning=None) for path in paths]
    return pa.concat_tables([vault_schema(load_contracts()[table]).empty_table(), *tables]).to_pandas()


@contextmanager
def _whole_file(path: Path) -> Iterator[Path]:
    """A place to write beside the file; what is written there then takes the file's place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _partial(path)
    try:
        yield partial
        with partial.open("rb") as handle:
            os.fsync(handle.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _partial(path: Path) -> Path:
    # a name that no reader's pattern matches, and always the same: an interrupted write is overwritten by the next
    return path.with_name(f".{path.name}.part")


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
