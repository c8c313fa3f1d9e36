"""Which tables of the public monitors exist: ``seeds/monitor_tables.csv``, and the municipalities to ask them about.

Belongs here: reading those seeds without pandas, because Dagster loads this with its definitions.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from pipeline.settings import SEEDS


@dataclass(frozen=True)
class MonitorTable:
    """A table at its publisher.

    Attributes:
        monitor: monitor that it belongs to.
        year: year that it describes; None when its rows carry their years.
        table_id: the publisher's identifier.
        catalogue: where it is, a key of ``odata.CATALOGUES``.
        attribution: to print with its figures.
    """

    monitor: str
    year: int | None
    table_id: str
    catalogue: str
    attribution: str


def tables_of(monitor: str, on: date, path: Path = SEEDS / "monitor_tables.csv") -> list[MonitorTable]:
    """The tables of a monitor that are read over the wire.

    Args:
        monitor: name of the monitor.
        on: day on which the register must hold.
        path: the register.

    Returns:
        In the order of the register; none for a monitor that comes as files only.
    """
    return [
        MonitorTable(
            monitor=row["monitor"],
            year=int(row["year"]) if row["year"] else None,
            table_id=row["table_id"],
            catalogue=row["catalogue"],
            attribution=row["attribution"],
        )
        for row in _rows(path)
        if row["monitor"] == monitor and row["valid_from"] <= on.isoformat() <= (row["valid_to"] or "9999-12-31")
    ]


def municipalities(path: Path = SEEDS / "districts.csv") -> list[str]:
    """Codes of the municipalities that the districts belong to, without ``GM``."""
    return sorted({row["municipality_code"].removeprefix("GM") for row in _rows(path)})


@cache
def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))
