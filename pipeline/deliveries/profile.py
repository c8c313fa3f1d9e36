"""The profile of a delivered table: how many rows, how many clients, how much is missing.

Belongs here: the statistics by which a later delivery is compared with this one. They are counts: a profile holds no
value and no identifier. Does not belong here: comparing (``comparison.py``) and keeping (``vault.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import duckdb

from pipeline.deliveries.contract import Column, Contract

_CLIENT = "client"


@dataclass(frozen=True)
class ColumnProfile:
    """One column of a delivered table.

    Attributes:
        missing: rows in which the cell is empty.
        clients: how many different clients it names; None when it names no clients.
    """

    missing: int
    clients: int | None = None


@dataclass(frozen=True)
class TableProfile:
    """A delivered table.

    Attributes:
        rows: rows with as many cells as there are headings: in the others no cell can be told.
        columns: per column of the contract, also when it was not delivered; a column in which an empty cell has a
            meaning of its own (``tweede_beoordeling``: nee) is not there.
    """

    rows: int
    columns: Mapping[str, ColumnProfile] = field(default_factory=dict)

    @property
    def clients(self) -> int | None:
        """How many different clients the table names; None when it names no clients."""
        return next((column.clients for column in self.columns.values() if column.clients is not None), None)


def profile_table(connection: duckdb.DuckDBPyConnection, contract: Contract) -> TableProfile:
    """Count what a judged table holds, refused rows included.

    Args:
        connection: holds the table ``typed_<table>`` of ``judge.py``.
        contract: the table.
    """
    columns = [column for column in contract.columns if column.default is None]
    missing = ", ".join(f"count_if({_is_missing(column)})" for column in columns)
    source = f"from typed_{contract.table} where not is_malformed"
    rows, *counts = connection.execute(f"select count(*), {missing} {source}").fetchone()
    clients = {}
    for column in columns:
        if column.entity == _CLIENT:
            # one column at a time, as a table that DuckDB can put aside on disk
            distinct = f'select distinct "{column.name}" {source} and "{column.name}" is not null'
            (clients[column.name],) = connection.execute(f"select count(*) from ({distinct})").fetchone()
    return TableProfile(
        rows,
        {
            column.name: ColumnProfile(count, clients.get(column.name))
            for column, count in zip(columns, counts, strict=True)
        },
    )


def _is_missing(column: Column) -> str:
    # a cell that could not be read is not empty
    unreadable = f' and "{column.name}__text" is null' if column.is_parsed else ""
    return f'"{column.name}" is null{unreadable}'
