"""The vault has a typed file for every table before anything is delivered, and all files of a table fit together."""

from __future__ import annotations

import duckdb
import pyarrow.parquet as pq
import pytest
from handmade_deliveries import all_bytes

from pipeline.deliveries.contract import load_contracts
from pipeline.deliveries.findings import TableCount
from pipeline.deliveries.intake import receive
from pipeline.deliveries.vault import (
    ensure_vault,
    is_judged,
    read_accepted,
    read_log,
    table_path,
    vault_schema,
    write_query,
)


def test_every_table_can_be_read_before_anything_is_delivered(settings):
    ensure_vault(settings)
    for table in (*load_contracts(), "_log", "_log_tables", "_log_profiles"):
        pattern = str(settings.vault / "deliveries" / table / "**" / "*.parquet")
        assert duckdb.connect().execute("select count(*) from read_parquet(?)", [pattern]).fetchone() == (0,)
    before = {path: path.stat().st_mtime_ns for path in settings.vault.rglob("*.parquet")}
    assert len(before) == 16
    ensure_vault(settings)
    assert {path: path.stat().st_mtime_ns for path in settings.vault.rglob("*.parquet")} == before


def test_an_empty_file_of_an_older_contract_is_replaced(settings):
    ensure_vault(settings)
    path = settings.vault / "deliveries" / "clienten" / "_empty.parquet"
    pq.write_table(pq.read_table(path).drop_columns("uit_zorg_op"), path)
    ensure_vault(settings)
    assert pq.read_schema(path).equals(vault_schema(load_contracts()["clienten"]))


def test_rows_and_empty_files_have_the_same_columns_and_types(make, settings, receive_all):
    for consortium in ("tom", "go", "boost"):
        make(consortium).write()
    receive_all()
    for table in (*load_contracts(), "_log", "_log_tables", "_log_profiles"):
        paths = sorted((settings.vault / "deliveries" / table).rglob("*.parquet"))
        assert len(paths) > 1
        described = {
            tuple(duckdb.connect().execute("describe select * from read_parquet(?)", [str(path)]).fetchall())
            for path in paths
        }
        assert len(described) == 1, table


def test_a_log_of_before_unsound_rows_were_counted_does_not_know_them(make, settings):
    folder = make("boost").write()
    counted = receive(folder, settings).tables
    path = table_path(settings, "_log_tables", "boost", "2024-H1", 1)
    pq.write_table(pq.read_table(path, partitioning=None).drop_columns("rows_unsound"), path)
    assert read_log(settings, "boost", "2024-H1", 1).tables["bezoek"] == (60, 60, 0, None)
    again = receive(folder, settings)
    assert again.status == "unchanged"
    assert again.tables == {
        table: TableCount(count.received, count.accepted, count.refused) for table, count in counted.items()
    }


def test_types_are_those_of_the_contract():
    types = {field.name: str(field.type) for field in vault_schema(load_contracts()["gesprekken"])}
    assert types["gesprek_id"] == types["begonnen_om"] == types["team"] == "string"
    assert (types["afgenomen_op"], types["duur_minuten"], types["onafhankelijk"]) == ("date32[day]", "int64", "bool")
    assert list(types)[-4:] == ["consortium", "period", "version", "row_number"]
    assert (types["version"], types["row_number"]) == ("int32", "int64")


def test_accepted_rows_are_read_by_half_year(make, settings):
    assert not is_judged(settings, "boost", "2024-H1", 1)
    for version in (1, 2):
        receive(make("boost", version=version).write(), settings)
    delivery = make("boost", version=3)
    del delivery.tables["bezoek"]
    receive(delivery.write(), settings)
    assert is_judged(settings, "boost", "2024-H1", 3)
    assert read_log(settings, "boost", "2024-H1", 4) is None
    frame = read_accepted(settings, "bezoek", {"2024-H1", "2024-H2"})
    assert len(frame) == 120
    assert list(frame.columns) == vault_schema(load_contracts()["bezoek"]).names
    assert read_accepted(settings, "bezoek", {"2024-H2"}).empty
    assert read_accepted(settings, "trajecten", {"2024-H1"}).empty


def test_a_failed_write_leaves_the_old_file(settings):
    path = settings.home / "a=1" / "rows.parquet"
    connection = duckdb.connect()
    write_query(connection, "select 1 as number", path)
    before = all_bytes(settings.home)
    with pytest.raises(duckdb.Error):
        write_query(connection, "select error('half way') from range(10)", path)
    assert all_bytes(settings.home) == before
