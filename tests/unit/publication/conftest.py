"""A small warehouse to make releases of, people with keys, and an audit that says what a test wants to hear."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType

import duckdb
import pytest

from pipeline.publication.people import make_keys
from pipeline.settings import Settings
from pipeline.warehouse.connection import open_warehouse


@dataclass
class Verdict:
    """What the audit says next."""

    safe: bool = True
    sentences: list[str] = field(default_factory=list)


@pytest.fixture(autouse=True)
def verdict(monkeypatch: pytest.MonkeyPatch) -> Verdict:
    """The audit attacks real figures, which these small worlds have not: it says what is set here."""
    said = Verdict()
    module = ModuleType("pipeline.disclosure.audit")
    module.audit_release = lambda settings, release_id: said
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return said


@pytest.fixture
def seal() -> Callable[[duckdb.DuckDBPyConnection], None]:
    """Write the confidential tables that a release keeps for its audit, and the half-years that the ledger knows."""

    def write(warehouse: duckdb.DuckDBPyConnection) -> None:
        for schema, table in (("disclosure", "true_count"), ("reliability", "pooled_member")):
            warehouse.execute(f"create schema if not exists {schema}")
            warehouse.execute(
                f"create or replace table {schema}.{table} as select 'n' as count_name, 3::bigint as value"
            )
        for schema in ("marts", "council"):
            warehouse.execute(f"create schema if not exists {schema}")
            warehouse.execute(
                f"create or replace table {schema}.dim_period as select '2024-H1' as period, 'final' as delivery_status"
            )

    return write


@pytest.fixture
def show(settings, seal) -> Callable[..., None]:
    """Fill the warehouse with one figure of each audience; ``n`` is that of the partners' one."""

    def fill(n: int, council_n: int = 20) -> None:
        with open_warehouse(settings) as warehouse:
            seal(warehouse)
            warehouse.execute("create schema if not exists staging")
            warehouse.execute(
                "create or replace table staging.stg_deliveries__deliveries as "
                "select 'tom' as consortium_code, '2024-H1' as period, 1 as delivery_version, true as is_counting"
            )
            for schema, shown in (("marts", n), ("council", council_n)):
                warehouse.execute(
                    f"create or replace table {schema}.fct_monitor as select 'cbs_kwb' as monitor, '1' as vintage"
                )
                warehouse.execute(
                    f"create or replace table {schema}.fct_indicator as select 'tom' as consortium_code, "
                    "'tom_gehoord' as indicator_code, 'WK1' as district_code, '2024-H1' as period, "
                    f"{shown}::bigint as n, 10::bigint as numerator, 0.5::double as value, 'share' as unit, "
                    "'published' as status, 1 as delivery_version"
                )

    return fill


@pytest.fixture
def keys(tmp_path) -> dict[str, Path]:
    """Private keys of three people, whose public keys lie in the folder ``people``."""
    people = tmp_path / "people"
    people.mkdir()
    made = {}
    for name in ("els", "jan", "piet"):
        made[name], public = make_keys(name, tmp_path / "keys")
        public.rename(people / public.name)
    return made


@pytest.fixture
def production(settings, keys, tmp_path) -> Settings:
    """The same installation in production, where els makes releases."""
    return replace(settings, environment="production", people_folder=tmp_path / "people", maker="els")
