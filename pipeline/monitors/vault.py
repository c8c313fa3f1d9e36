"""The monitors' part of the vault: one Parquet file per vintage, written once and never replaced.

Belongs here: folders, names and the writing of files. The vintage's name comes from the source (its date and table);
when the same source is read differently later, that reading becomes a revision beside the first one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.monitors.contracts import MONITORS, SURVEYS, load_contract
from pipeline.settings import Settings

EMPTY = "_empty.parquet"


@dataclass(frozen=True)
class Vintage:
    """One load of a monitor in the vault.

    Attributes:
        monitor: name of the monitor.
        vintage: name of the vintage, as in the column and the file name.
        path: its file.
        rows: its rows.
        is_new: whether this load wrote it; False when the vault already had exactly this.
    """

    monitor: str
    vintage: str
    path: Path
    rows: int
    is_new: bool


def ensure_vault(settings: Settings) -> None:
    """Make each monitor's folder with a typed file of 0 rows, so that readers never meet an empty folder."""
    for monitor in (*MONITORS, *SURVEYS):
        path = settings.vault / "monitors" / monitor / EMPTY
        empty = load_contract(monitor).schema.empty_table()
        if not path.is_file() or pq.read_schema(path) != empty.schema:
            _write(empty, path)


def store(settings: Settings, monitor: str, table: pd.DataFrame) -> list[Vintage]:
    """Write each vintage of a long table to the vault.

    The same content again changes nothing. Another content under the same vintage becomes ``<vintage>-r2``, ``-r3``, …

    Args:
        settings: where the vault is.
        monitor: name of the monitor.
        table: its long table, columns as in its contract.

    Returns:
        One entry per vintage in the table, in order of name.

    Raises:
        ValueError: when the table does not have the columns and types of the contract.
    """
    ensure_vault(settings)
    contract = load_contract(monitor)
    missing = sorted(set(contract.names) - set(table.columns))
    if missing:
        raise ValueError(f"the table of {monitor} misses columns: {', '.join(missing)}")
    ordered = table.sort_values(list(contract.key), ignore_index=True)
    folder = settings.vault / "monitors" / monitor
    return [
        _store_vintage(folder, monitor, str(vintage), pa.Table.from_pandas(rows, contract.schema, preserve_index=False))
        for vintage, rows in ordered.groupby("vintage", sort=True)
    ]


def _store_vintage(folder: Path, monitor: str, vintage: str, rows: pa.Table) -> Vintage:
    name, latest, revision = vintage, None, 1
    while (path := folder / f"{name}.parquet").is_file():
        latest, revision = path, revision + 1
        name = f"{vintage}-r{revision}"
    if latest and pq.read_table(latest).drop_columns("vintage").equals(rows.drop_columns("vintage")):
        return Vintage(monitor, latest.stem, latest, rows.num_rows, is_new=False)
    position = rows.schema.get_field_index("vintage")
    renamed = pa.array([name] * rows.num_rows, pa.string())
    _write(rows.set_column(position, rows.schema.field(position), renamed), path)
    return Vintage(monitor, name, path, rows.num_rows, is_new=True)


def _write(table: pa.Table, path: Path) -> None:
    """Write a file as a whole: under a name that no reader's pattern matches first, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.part")
    pq.write_table(table, partial)
    partial.replace(path)
