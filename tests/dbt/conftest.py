"""A warehouse built from a small world by the real dbt, shared by the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from dbt_runs import MARTS, UNTIL_CELLS, run_dbt
from small_vault import SmallVault
from small_world import fill_vault, write_python_tables


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of vault and warehouse; one for all tests, so that dbt parses the project once."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def rows_without_deliveries(folder: Path) -> dict[str, int]:
    """Rows per mart after a build on an empty vault, before anybody delivered."""
    SmallVault(folder / "vault")
    build(folder, "--exclude-resource-type", "test", "unit_test")
    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as connection:
        tables = connection.execute("select table_name from duckdb_tables() where schema_name = 'marts'").fetchall()
        return {name: connection.execute(f"select count(*) from marts.{name}").fetchone()[0] for (name,) in tables}


@pytest.fixture(scope="session")
def built(folder: Path, rows_without_deliveries: dict[str, int]) -> Path:
    """Folder with a warehouse, both halves built with all data tests and unit tests."""
    fill_vault(SmallVault(folder / "vault"))
    build(folder)
    return folder


def build(folder: Path, *arguments: str) -> None:
    """The two halves, with Python's tables in between, as a run of the pipeline does."""
    first = run_dbt("build", *UNTIL_CELLS, *arguments, folder=folder)
    assert first.returncode == 0, first.output
    write_python_tables(folder / "warehouse.duckdb")
    second = run_dbt("build", *MARTS, *arguments, folder=folder)
    assert second.returncode == 0, second.output


@pytest.fixture
def warehouse(built: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(built / "warehouse.duckdb"), read_only=True) as connection:
        yield connection
