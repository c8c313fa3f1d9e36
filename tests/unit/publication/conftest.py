"""A small warehouse to make releases of, people with keys, and an audit that says what a test wants to hear."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType

import duckdb
import pytest

from pipeline.publication.life import approve
from pipeline.publication.people import make_keys
from pipeline.publication.release import make_release
from pipeline.settings import Settings
from pipeline.warehouse.connection import open_warehouse


@dataclass
class Verdict:
    """What the audit says next."""

    is_safe: bool = True
    told: list[str] = field(default_factory=list)

    def sentences(self) -> list[str]:
        return self.told


@pytest.fixture(autouse=True)
def verdict(monkeypatch: pytest.MonkeyPatch) -> Verdict:
    """The audit attacks real figures, which these small worlds have not: it says what is set here."""
    said = Verdict()
    _say(monkeypatch, said)
    return said


def _say(patch: pytest.MonkeyPatch, said: Verdict) -> None:
    module = ModuleType("pipeline.disclosure.audit")
    module.audit_release = lambda settings, release_id, *, use_stored: said
    patch.setitem(sys.modules, module.__name__, module)


def seal(warehouse: duckdb.DuckDBPyConnection) -> None:
    sealed = (("disclosure", "true_count"), ("reliability", "pooled_member"), ("disclosure", "pooled_status"))
    for schema, table in sealed:
        warehouse.execute(f"create schema if not exists {schema}")
        warehouse.execute(f"create or replace table {schema}.{table} as select 'n' as count_name, 3::bigint as value")
    for schema in ("marts", "council"):
        warehouse.execute(f"create schema if not exists {schema}")
        warehouse.execute(
            f"create or replace table {schema}.dim_period as select '2024-H1' as period, 'final' as delivery_status"
        )


def fill(settings: Settings, n: int, council_n: int = 20) -> None:
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


@pytest.fixture(name="seal")
def seal_fixture() -> Callable[[duckdb.DuckDBPyConnection], None]:
    """Write the confidential tables that a release keeps for its audit, and the half-years that the ledger knows."""
    return seal


@pytest.fixture
def show(settings) -> Callable[..., None]:
    """Fill the warehouse with one figure of each audience; ``n`` is that of the partners' one."""
    return partial(fill, settings)


@pytest.fixture(scope="session")
def installations(tmp_path_factory) -> Path:
    """Installations in production to copy, with els who makes releases, and jan and piet.

    ``empty`` has no release yet, ``waiting`` has a candidate with the figure 20, and ``history`` has published two
    releases, of 20 and 30, both approved by jan.
    """
    folder = tmp_path_factory.mktemp("installations")
    started = _production(folder / "started")
    started.people_folder.mkdir(parents=True)
    for name in ("els", "jan", "piet"):
        _, public = make_keys(name, folder / "started" / "keys")
        public.rename(started.people_folder / public.name)
    shutil.copytree(folder / "started", folder / "empty")
    with pytest.MonkeyPatch.context() as patch:
        _say(patch, Verdict())
        for number, n in enumerate((20, 30), start=1):
            fill(started, n)
            make_release(started)
            if number == 1:
                shutil.copytree(folder / "started", folder / "waiting")
            approve(started, f"partners-000{number}", "jan", folder / "started" / "keys" / "jan.key")
    (folder / "started").rename(folder / "history")
    return folder


def _production(folder: Path) -> Settings:
    home = folder / "home"
    return Settings(home=home, environment="production", people_folder=folder / "people", maker="els")


@pytest.fixture
def production(installations, tmp_path) -> Settings:
    """An installation in production without releases; ``show`` fills its warehouse."""
    shutil.copytree(installations / "empty", tmp_path, dirs_exist_ok=True)
    return _production(tmp_path)


@pytest.fixture
def waiting(installations, tmp_path) -> Settings:
    """An installation in production with a candidate."""
    shutil.copytree(installations / "waiting", tmp_path, dirs_exist_ok=True)
    return _production(tmp_path)


@pytest.fixture
def history(installations, tmp_path) -> Settings:
    """An installation in production with two published releases."""
    shutil.copytree(installations / "history", tmp_path, dirs_exist_ok=True)
    return _production(tmp_path)


@pytest.fixture
def keys(tmp_path) -> dict[str, Path]:
    """Where the private keys of the three people lie."""
    return {name: tmp_path / "keys" / f"{name}.key" for name in ("els", "jan", "piet")}
