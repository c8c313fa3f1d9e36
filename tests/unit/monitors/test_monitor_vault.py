"""The monitors' vault: vintages that are written once, and contracts that notice."""

from __future__ import annotations

import subprocess
import sys

import duckdb
import pandas as pd
import pytest

from pipeline.monitors import cbs_kwb, cbs_wijken, ggd_gezondheid, vault
from pipeline.monitors.contracts import MONITORS, load_contract
from pipeline.monitors.suite import check
from pipeline.settings import PROJECT_ROOT, Settings

SOURCES = {"cbs_kwb": cbs_kwb, "ggd_gezondheid": ggd_gezondheid, "cbs_wijken": cbs_wijken}


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(home=tmp_path, environment="test")


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return {monitor: source.read() for monitor, source in SOURCES.items()}


def small(value: float | None = 1.0, vintage: str = "2024-11_T", marker: str | None = None) -> pd.DataFrame:
    """A table of one health figure."""
    row = {
        "table_id": "T",
        "year": 2020,
        "age_group": "18+",
        "margin": "value",
        "region_code": "GM0001",
        "region_name": "Ergens",
        "region_level": "municipality",
        "measure": "Eenzaam",
        "value": value,
        "value_text": None if value is None else str(value),
        "marker": marker,
        "vintage": vintage,
        "source": "test",
    }
    return pd.DataFrame([row]).astype({"value": float})


def in_vault(settings: Settings, monitor: str) -> list[str]:
    return sorted(path.name for path in (settings.vault / "monitors" / monitor).iterdir())


def test_an_empty_vault_has_typed_files_without_rows(settings):
    vault.ensure_vault(settings)
    for monitor in MONITORS:
        assert in_vault(settings, monitor) == ["_empty.parquet"]
        found = duckdb.sql(f"select * from '{settings.vault}/monitors/{monitor}/*.parquet'")
        assert found.columns == load_contract(monitor).names
        assert found.fetchall() == []
    types = dict(zip(found.columns, map(str, found.types), strict=True))
    assert (types["year"], types["geometry_wkt"]) == ("INTEGER", "VARCHAR")


@pytest.mark.parametrize("monitor", MONITORS)
def test_a_load_writes_each_vintage_and_the_same_load_changes_nothing(settings, tables, monitor):
    first = vault.store(settings, monitor, tables[monitor])
    assert [load.vintage for load in first] == sorted(tables[monitor]["vintage"].unique())
    assert all(load.is_new for load in first)
    assert sum(load.rows for load in first) == len(tables[monitor])
    assert in_vault(settings, monitor) == [*(load.path.name for load in first), "_empty.parquet"]
    before = {load.path: (load.path.stat().st_mtime_ns, load.path.read_bytes()) for load in first}
    second = vault.store(settings, monitor, tables[monitor])
    assert [(load.vintage, load.path, load.is_new) for load in second] == [
        (load.vintage, load.path, False) for load in first
    ]
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in before} == before


def test_the_vault_gives_back_what_was_read(settings, tables):
    vault.store(settings, "cbs_kwb", tables["cbs_kwb"])
    found = duckdb.sql(f"select * from '{settings.vault}/monitors/cbs_kwb/*.parquet'").df()
    key = list(load_contract("cbs_kwb").key)
    expected = tables["cbs_kwb"].sort_values(key, ignore_index=True)
    found = found.sort_values(key, ignore_index=True)
    for column in expected:
        same = (found[column] == expected[column]) | (found[column].isna() & expected[column].isna())
        assert same.all(), column


def test_another_content_under_the_same_vintage_becomes_a_revision(settings):
    names = []
    for value in (1.0, 2.0, 2.0, 1.0, 1.0):
        (load,) = vault.store(settings, "ggd_gezondheid", small(value))
        names.append((load.vintage, load.is_new))
    assert names == [
        ("2024-11_T", True),
        ("2024-11_T-r2", True),
        ("2024-11_T-r2", False),
        ("2024-11_T-r3", True),
        ("2024-11_T-r3", False),
    ]
    kept = duckdb.sql(f"select vintage, value from '{settings.vault}/monitors/ggd_gezondheid/*.parquet' order by 1")
    assert kept.fetchall() == [("2024-11_T", 1.0), ("2024-11_T-r2", 2.0), ("2024-11_T-r3", 1.0)]


def test_the_order_of_rows_makes_no_revision(settings, tables):
    vault.store(settings, "cbs_wijken", tables["cbs_wijken"])
    (load,) = vault.store(settings, "cbs_wijken", tables["cbs_wijken"].iloc[::-1])
    assert not load.is_new


def test_a_table_without_a_column_or_a_required_value_is_not_stored(settings):
    with pytest.raises(ValueError, match="misses columns: marker, value"):
        vault.store(settings, "ggd_gezondheid", small().drop(columns=["value", "marker"]))
    with pytest.raises(ValueError, match="region_name"):
        vault.store(settings, "ggd_gezondheid", small().assign(region_name=None))
    assert in_vault(settings, "ggd_gezondheid") == ["_empty.parquet"]


def test_a_changed_contract_renews_the_empty_file(settings):
    vault.ensure_vault(settings)
    path = settings.vault / "monitors" / "cbs_kwb" / vault.EMPTY
    duckdb.sql(f"copy (select 1 as other limit 0) to '{path}'")
    vault.ensure_vault(settings)
    assert duckdb.sql(f"select * from '{path}'").columns == load_contract("cbs_kwb").names


# ---- contracts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("monitor", MONITORS)
def test_the_bundled_monitors_keep_their_contracts(tables, monitor):
    result = check(tables[monitor], load_contract(monitor))
    assert result.failed == ()
    assert result.success
    assert result.rows == len(tables[monitor])
    assert result.evaluated >= 13


@pytest.mark.parametrize("monitor", MONITORS)
def test_a_contract_describes_every_column(monitor):
    contract = load_contract(monitor)
    assert set(contract.key) <= set(contract.names)
    assert all(column.description.endswith(".") for column in contract.columns)
    assert contract.title and contract.description and contract.source and contract.licence


@pytest.mark.parametrize(
    ("change", "failed"),
    [
        ({"value": 101.0}, "expect_column_values_to_be_between(value)"),
        ({"value": -99997.0}, "expect_column_values_to_be_between(value)"),
        ({"age_group": "75+"}, "expect_column_values_to_be_in_set(age_group)"),
        ({"region_name": None}, "expect_column_values_to_not_be_null(region_name)"),
        ({"region_code": "GM0484    "}, "expect_column_values_to_match_regex(region_code)"),
        ({"measure": "Eenzaam_28"}, "expect_column_values_to_not_match_regex(measure)"),
        ({"marker": "not_asked"}, "expect_column_values_to_be_null(value)"),
        ({"value": None}, "expect_column_values_to_not_be_null(value)"),
        ({"marker": "secret", "value": None}, "expect_column_values_to_not_be_in_set(marker)"),
    ],
)
def test_a_broken_table_is_told_by_rule_and_never_by_value(change, failed):
    table = small()
    for column, value in change.items():
        table[column] = pd.Series([value], dtype=float if column == "value" else object)
    result = check(table, load_contract("ggd_gezondheid"))
    assert not result.success
    assert result.failed == (failed,)


def test_a_double_row_and_a_strange_column_break_the_contract():
    contract = load_contract("ggd_gezondheid")
    double = check(pd.concat([small(), small(2.0)], ignore_index=True), contract)
    key = "table_id, year, age_group, margin, region_code, measure"
    assert double.failed == (f"expect_compound_columns_to_be_unique({key})",)
    strange = check(small().assign(extra=1), contract)
    assert [name.split("(")[0] for name in strange.failed] == ["expect_table_columns_to_match_ordered_list"]


def test_a_municipality_without_residents_breaks_the_contract(tables):
    table = tables["cbs_kwb"].copy()
    residents = (table["measure"] == "AantalInwoners") & (table["region_code"] == "GM0484")
    table.loc[residents, ["value", "value_text"]] = None
    table.loc[residents, "marker"] = "not_available"
    assert check(table, load_contract("cbs_kwb")).failed == ("expect_column_values_to_not_be_null(value)",)


def test_great_expectations_is_imported_by_the_check_only():
    code = (
        "import sys; from pipeline.monitors import cbs_kwb, ggd_gezondheid, cbs_wijken, suite, vault; "
        "sys.exit('great_expectations' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, check=False).returncode == 0
