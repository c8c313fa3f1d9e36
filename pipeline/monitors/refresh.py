"""Fetching what is new at the publishers, table by table, and saying what became of each.

Belongs here: when a table is fetched, and that one table's failure is never another's. Does not belong here: requests
(``odata.py``), the form of a table (``statline.py``), what its columns mean (the module of the monitor).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import import_module

from pipeline.monitors.contracts import load_contract
from pipeline.monitors.odata import ODataClient, ODataError
from pipeline.monitors.registry import MonitorTable, municipalities, tables_of
from pipeline.monitors.statline import describe, read_table
from pipeline.monitors.suite import check
from pipeline.monitors.vault import Load, loads, store
from pipeline.periods import today
from pipeline.settings import Settings

NOT_LOOKED = "this run does not look at the source"


@dataclass(frozen=True)
class TableOutcome:
    """What became of a table.

    Attributes:
        table_id: the publisher's table.
        year: year that it describes; None when its rows carry their years.
        status: ``fetched`` (a new vintage), ``unchanged`` (ours is the publisher's last one), or, with a reason, what
            serves instead: ``kept`` (the last one that was fetched), ``bundled`` or ``missing`` (nothing).
        reason: why not fresh; empty when it is.
        vintage: the vintage that serves; None when there is none.
        rows: its rows.
    """

    table_id: str
    year: int | None
    status: str
    reason: str
    vintage: str | None
    rows: int


def refresh(settings: Settings, monitor: str, client: ODataClient) -> Iterator[TableOutcome]:
    """Look at each table of a monitor, and fetch those that changed since the last load.

    Args:
        settings: where the vault is.
        monitor: a monitor with tables in the register.
        client: how to read.

    Yields:
        One outcome per table, as soon as it is known.
    """
    for table in tables_of(monitor, today()):
        try:
            yield _refresh_table(settings, table, client)
        except ODataError as error:
            yield _serving(settings, table, error.what)
        except (ValueError, LookupError) as error:
            yield _serving(settings, table, f"the table has another form than expected: {error}")


def without_looking(settings: Settings, monitor: str) -> list[TableOutcome]:
    """What serves per table of a monitor, for a run that stays off the network."""
    return [_serving(settings, table, NOT_LOOKED) for table in tables_of(monitor, today())]


def _refresh_table(settings: Settings, table: MonitorTable, client: ODataClient) -> TableOutcome:
    source = import_module(f"pipeline.monitors.{table.monitor}")
    client.start_table()
    described = describe(client, table)
    known = _loads_of(settings, table)
    if known and known[-1].modified_at and described.modified <= known[-1].modified_at:
        return replace(_serving(settings, table, ""), status="unchanged")
    raw = read_table(client, table, described, source.ASKED, municipalities())
    mapped = source.map_table(raw)
    kept = check(mapped, load_contract(table.monitor))
    if not kept.success:
        raise ValueError(f"it does not meet {', '.join(kept.failed)}")
    store(
        settings,
        table.monitor,
        mapped,
        origin="odata",
        modified_at={raw.vintage: described.modified},
        url=raw.url,
    )
    return replace(_serving(settings, table, ""), status="fetched")


def _serving(settings: Settings, table: MonitorTable, reason: str) -> TableOutcome:
    known: list[Load] = _loads_of(settings, table)
    if not known:
        return TableOutcome(table.table_id, table.year, "missing", reason, None, 0)
    status = "bundled" if known[-1].origin == "bundled" else "kept"
    return TableOutcome(table.table_id, table.year, status, reason, known[-1].vintage, known[-1].rows)


def _loads_of(settings: Settings, table: MonitorTable) -> list[Load]:
    return [load for load in loads(settings, table.monitor) if load.table_id == table.table_id]
