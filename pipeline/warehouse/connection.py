"""Opening the warehouse: one writer at a time, readers in between, and a clear word to who must wait.

Belongs here: locks and connections. Does not belong here: any table.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from pipeline.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

_WAIT_SECONDS = 900
_POLL_SECONDS = 0.2


class WarehouseBusy(RuntimeError):
    """Another process holds the warehouse; the message says which file and what to do."""


@contextmanager
def warehouse_lock(settings: Settings, *, shared: bool = False, wait_seconds: float = _WAIT_SECONDS) -> Iterator[None]:
    """Hold the warehouse for this process.

    DuckDB lets one process write and, while it writes, nobody else read. Without a lock the second process fails at
    once; with it, it waits its turn.

    Args:
        settings: the installation.
        shared: True for readers, who may be several.
        wait_seconds: how long to wait before giving up.

    Raises:
        WarehouseBusy: when the lock is not free in time.
    """
    settings.workplace.mkdir(parents=True, exist_ok=True)
    path = settings.workplace / "warehouse.lock"
    with path.open("a") as handle:
        mode = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB
        deadline = time.monotonic() + wait_seconds
        while True:
            try:
                fcntl.flock(handle, mode)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise WarehouseBusy(
                        f"the warehouse is in use by another run ({path}); wait for it to end, or stop it"
                    ) from None
                time.sleep(_POLL_SECONDS)
        try:
            yield
        finally:
            fcntl.flock(handle, fcntl.LOCK_UN)


@contextmanager
def open_warehouse(settings: Settings, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open ``warehouse.duckdb`` under the lock and close it again.

    Args:
        settings: the installation.
        read_only: open for reading; the file must exist then.

    Raises:
        WarehouseBusy: when another program (a query tool, say) has the file open.
        FileNotFoundError: when it is opened for reading before the first run.
    """
    if read_only and not settings.warehouse.exists():
        raise FileNotFoundError(f"there is no warehouse yet at {settings.warehouse}: run `effectmonitor run` first")
    with warehouse_lock(settings, shared=read_only):
        try:
            connection = _connect(settings, read_only=read_only)
        except duckdb.IOException as error:
            if "lock" not in str(error).lower():
                raise
            raise WarehouseBusy(
                f"{settings.warehouse} is open in another program; close it there (analysts read published/ instead)"
            ) from None
        try:
            yield connection
        finally:
            connection.close()


def _connect(settings: Settings, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    if not read_only:
        return duckdb.connect(str(settings.warehouse))
    # attached instead of opened: only so can a reader write another file, a release say, beside it
    connection = duckdb.connect(":memory:")
    location = str(settings.warehouse).replace("'", "''")
    try:
        connection.execute(f"attach '{location}' as warehouse (read_only)")
        connection.execute("use warehouse")
    except duckdb.Error:
        connection.close()
        raise
    return connection


def replace_table(
    warehouse: duckdb.DuckDBPyConnection, schema: str, table: str, frame: pd.DataFrame, description: str
) -> None:
    """Write a frame as a table, in one transaction.

    Args:
        warehouse: connection that may write.
        schema: made when absent.
        table: replaced when present.
        frame: columns as they will be in the table.
        description: becomes the table's comment.
    """
    warehouse.register("_frame", frame)
    try:
        warehouse.execute("begin")
        warehouse.execute(f'create schema if not exists "{schema}"')
        warehouse.execute(f'create or replace table "{schema}"."{table}" as select * from _frame')
        text = description.replace("'", "''")
        warehouse.execute(f'comment on table "{schema}"."{table}" is \'{text}\'')
        warehouse.execute("commit")
    except duckdb.Error:
        warehouse.execute("rollback")
        raise
    finally:
        warehouse.unregister("_frame")
