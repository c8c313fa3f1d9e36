"""The monitors' part of the vault: one Parquet file per vintage, written once and never replaced.

Belongs here: folders, names, the writing of files, and the log that says of each vintage where it came from. The
vintage's name comes from the source (its date and table); when the same source is read differently later, that reading
becomes a revision beside the first one. The log is written after the vintage: who is killed in between writes it the
next time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.monitors.contracts import MONITORS, SURVEYS, load_contract
from pipeline.periods import now
from pipeline.settings import Settings

EMPTY = "_empty.parquet"
LOG = "_log"
ORIGINS = ("bundled", "odata", "file")

_MOMENT = pa.timestamp("us")
LOG_SCHEMA = pa.schema(
    [
        pa.field("monitor", pa.string(), nullable=False),
        pa.field("vintage", pa.string(), nullable=False),
        pa.field("table_id", pa.string(), nullable=False),
        pa.field("modified_at", _MOMENT),
        pa.field("loaded_at", _MOMENT, nullable=False),
        pa.field("rows", pa.int64(), nullable=False),
        pa.field("origin", pa.string(), nullable=False),
        pa.field("url", pa.string()),
    ]
)


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


@dataclass(frozen=True)
class Load:
    """What the log says of a vintage.

    Attributes:
        monitor: name of the monitor.
        vintage: name of the vintage.
        table_id: the publisher's table.
        modified_at: when the publisher had last changed it, in Dutch time; None when that is not known.
        loaded_at: when it entered the vault, UTC.
        rows: its rows.
        origin: ``bundled`` with the software, ``odata`` (over the wire) or ``file`` (put in the inbox).
        url: where it was read, without the question; None for a file.
    """

    monitor: str
    vintage: str
    table_id: str
    modified_at: datetime | None
    loaded_at: datetime
    rows: int
    origin: str
    url: str | None


def ensure_vault(settings: Settings) -> None:
    """Make each monitor's folder with a typed file of 0 rows, so that readers never meet an empty folder."""
    for monitor in (*MONITORS, *SURVEYS):
        path = settings.vault / "monitors" / monitor / EMPTY
        empty = load_contract(monitor).schema.empty_table()
        if not path.is_file() or pq.read_schema(path) != empty.schema:
            _write(empty, path)
    log = settings.vault / "monitors" / LOG / EMPTY
    if not log.is_file() or pq.read_schema(log) != LOG_SCHEMA:
        _write(LOG_SCHEMA.empty_table(), log)


def loads(settings: Settings, monitor: str) -> list[Load]:
    """The log of a monitor: the vintage that serves last, per table.

    A vintage that the publisher changed later comes later; one of which that is not known comes first.
    """
    paths = (settings.vault / "monitors" / LOG / monitor).glob("*.parquet")
    found = [Load(**row) for path in paths for row in pq.read_table(path, partitioning=None).to_pylist()]
    return sorted(found, key=lambda load: (load.modified_at or datetime.min, load.vintage))


def store(
    settings: Settings,
    monitor: str,
    table: pd.DataFrame,
    *,
    origin: str = "bundled",
    modified_at: Mapping[str, datetime] | None = None,
    url: str | None = None,
) -> list[Vintage]:
    """Write each vintage of a long table to the vault, and then its log.

    The same content again changes nothing. Another content under the same vintage becomes ``<vintage>-r2``, ``-r3``, …

    Args:
        settings: where the vault is.
        monitor: name of the monitor.
        table: its long table, columns as in its contract.
        origin: ``bundled``, ``odata`` or ``file``.
        modified_at: when the publisher had last changed each vintage, where known.
        url: where it was read, without the question.

    Returns:
        One entry per vintage in the table, in order of name.

    Raises:
        ValueError: when the table does not have the columns and types of the contract, or for an unknown origin.
    """
    if origin not in ORIGINS:
        raise ValueError(f"unknown origin {origin!r}; expected one of {', '.join(ORIGINS)}")
    ensure_vault(settings)
    contract = load_contract(monitor)
    missing = sorted(set(contract.names) - set(table.columns))
    if missing:
        raise ValueError(f"the table of {monitor} misses columns: {', '.join(missing)}")
    ordered = table.sort_values(list(contract.key), ignore_index=True)
    stored = []
    for name, rows in ordered.groupby("vintage", sort=True):
        arrow = pa.Table.from_pandas(rows, contract.schema, preserve_index=False)
        vintage = _store_vintage(settings, monitor, str(name), arrow, origin)
        _log(settings, vintage, str(name), origin, (modified_at or {}).get(str(name)), url)
        stored.append(vintage)
    return stored


def ensure_logged(settings: Settings, monitor: str, vintage: str, origin: str) -> None:
    """Log a vintage that the vault already has, when who stored it was killed before its log was written."""
    path = settings.vault / "monitors" / monitor / f"{vintage}.parquet"
    rows = pq.read_metadata(path).num_rows
    _log(settings, Vintage(monitor, vintage, path, rows, is_new=False), vintage, origin, None, None)


def _store_vintage(settings: Settings, monitor: str, vintage: str, rows: pa.Table, origin: str) -> Vintage:
    folder = settings.vault / "monitors" / monitor
    name, known, revision = vintage, [], 1
    while (path := folder / f"{name}.parquet").is_file():
        known.append(path)
        revision += 1
        name = f"{vintage}-r{revision}"
    # what came over the wire under the same name must not make the bundled file look new, run after run
    same_origin = [path for path in known if _origin(settings, monitor, path.stem) in (origin, None)]
    for latest in dict.fromkeys([*known[-1:], *same_origin[-1:]]):
        if pq.read_table(latest, partitioning=None).drop_columns("vintage").equals(rows.drop_columns("vintage")):
            return Vintage(monitor, latest.stem, latest, rows.num_rows, is_new=False)
    position = rows.schema.get_field_index("vintage")
    renamed = pa.array([name] * rows.num_rows, pa.string())
    _write(rows.set_column(position, rows.schema.field(position), renamed), path)
    return Vintage(monitor, name, path, rows.num_rows, is_new=True)


def _log_path(settings: Settings, monitor: str, vintage: str) -> Path:
    return settings.vault / "monitors" / LOG / monitor / f"{vintage}.parquet"


def _origin(settings: Settings, monitor: str, vintage: str) -> str | None:
    path = _log_path(settings, monitor, vintage)
    return pq.read_table(path, partitioning=None)["origin"][0].as_py() if path.is_file() else None


def _log(
    settings: Settings, vintage: Vintage, name: str, origin: str, modified_at: datetime | None, url: str | None
) -> None:
    """Log a vintage once; and again when its publisher changed the table without changing these rows."""
    path = _log_path(settings, vintage.monitor, vintage.vintage)
    if path.is_file():
        (known,) = pq.read_table(path, partitioning=None).to_pylist()
        if modified_at is None or (known["modified_at"] or datetime.min) >= modified_at:
            return
        # the rows have been there since the first load: that moment and its origin stay
        _write(pa.Table.from_pylist([known | {"modified_at": modified_at, "url": url}], LOG_SCHEMA), path)
        return
    load = Load(
        monitor=vintage.monitor,
        vintage=vintage.vintage,
        table_id=name.partition("_")[2] or name,
        modified_at=modified_at,
        loaded_at=now(),
        rows=vintage.rows,
        origin=origin,
        url=url,
    )
    _write(pa.Table.from_pylist([asdict(load)], LOG_SCHEMA), path)


def _write(table: pa.Table, path: Path) -> None:
    """Write a file as a whole: under a name that no reader's pattern matches first, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.part")
    pq.write_table(table, partial)
    partial.replace(path)
