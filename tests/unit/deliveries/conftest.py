"""A maker of deliveries and a reader of the vault, for the tests of the intake."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import pytest
from handmade_deliveries import Delivery, valid_tables

from pipeline.deliveries.intake import Outcome, find_deliveries, receive
from pipeline.settings import Settings


@pytest.fixture
def make(settings: Settings) -> Callable[..., Delivery]:
    """A valid delivery of a consortium, not yet written."""

    def valid(consortium: str = "tom", **changes: Any) -> Delivery:
        return Delivery(consortium, settings.inbox, tables=valid_tables(consortium), **changes)

    return valid


@pytest.fixture
def receive_all(settings: Settings) -> Callable[[], list[Outcome]]:
    """Receive all that lies in the inbox."""
    return lambda: [receive(folder, settings) for folder in find_deliveries(settings)]


@pytest.fixture
def vault_rows(settings: Settings) -> Callable[..., list[dict[str, Any]]]:
    """Read the accepted rows of a table of one delivery, in order."""

    def read(table: str, consortium: str = "tom", period: str = "2024-H1", version: int = 1) -> list[dict[str, Any]]:
        path = settings.vault / "deliveries" / table / consortium / period / f"v{version}.parquet"
        frame = duckdb.connect().execute("select * from read_parquet(?) order by row_number", [str(path)])
        names = [column[0] for column in frame.description]
        return [dict(zip(names, row, strict=True)) for row in frame.fetchall()]

    return read
