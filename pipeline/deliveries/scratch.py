"""The DuckDB in which one delivery is read: in a file of its own, with little memory.

Belongs here: how much a delivery may take. Does not belong here: the warehouse (``pipeline/warehouse``).
"""

from __future__ import annotations

from pathlib import Path

import duckdb

# Ten million rows then take less than 1 GB in all; another thread would take some 100 MB more.
_MEMORY = "500MB"
_THREADS = 2


def open_scratch(folder: Path) -> duckdb.DuckDBPyConnection:
    """Open an empty database; it is closed at the end of a ``with``.

    Args:
        folder: an empty folder that nobody else can read: it will hold raw rows. Who made it removes it.
    """
    # in a file: tables that do not fit in memory are written once, and not again and again
    return duckdb.connect(
        str(folder / "scratch.duckdb"),
        config={"temp_directory": str(folder / "spill"), "memory_limit": _MEMORY, "threads": _THREADS},
    )
