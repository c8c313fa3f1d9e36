"""Tables over the wire: the same figures as the bundled files, what is fetched and when, and the assets in a run."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from functools import cache

import dagster as dg
import duckdb
import odata_server
import pandas as pd
import pytest

from pipeline.monitors import cbs_kwb, ggd_gezondheid, vault
from pipeline.monitors.assets import FETCH_TAG, build_monitor_assets
from pipeline.monitors.odata import CATALOGUES, ODataClient, ODataError
from pipeline.monitors.refresh import refresh, without_looking
from pipeline.monitors.registry import MonitorTable, municipalities, tables_of
from pipeline.monitors.source_files import RawTable, modified_at, stem
from pipeline.monitors.statline import column_name, describe, read_table
from pipeline.settings import SEEDS, Settings

KWB = MonitorTable("cbs_kwb", 2020, "84799NED", "cbs_v3", "CBS, Kerncijfers wijken en buurten 2020")
KWB_V4 = replace(KWB, catalogue="cbs_v4")
HEALTH = MonitorTable(
    "ggd_gezondheid", None, "50090NED", "dataderden_v3", "RIVM, GGD'en en CBS, Gezondheid per wijk en buurt"
)
SOURCES = {"cbs_kwb": cbs_kwb, "ggd_gezondheid": ggd_gezondheid}


@pytest.fixture
def server() -> Iterator[odata_server.ODataServer]:
    with odata_server.running() as server:
        server.page_size = 5000
        for table in (odata_server.kwb_v3(), odata_server.health()):
            server.add(table)
        yield server


@pytest.fixture
def client(server) -> Iterator[ODataClient]:
    with a_client(server.url) as client:
        yield client


@pytest.fixture
def fetching(tmp_path, server) -> Settings:
    """An installation that reads the local server."""
    return Settings(home=tmp_path / "home", environment="test", odata_base=server.url)


def a_client(url: str) -> ODataClient:
    return ODataClient(url, connect_seconds=1, read_seconds=10, repeats=1, pause_seconds=0.01)


def read(client: ODataClient, table: MonitorTable) -> RawTable:
    return read_table(client, table, describe(client, table), SOURCES[table.monitor].ASKED, municipalities())


def same(found: pd.DataFrame, expected: pd.DataFrame, *without: str) -> None:
    key = [column for column in ("year", "age_group", "region_code", "measure") if column in expected]
    frames = [
        table.drop(columns=list(without)).sort_values(key, ignore_index=True).astype(object)
        for table in (found, expected)
    ]
    frames = [table.where(table.notna(), None) for table in frames]
    pd.testing.assert_frame_equal(*frames)


def outcomes(settings: Settings, monitor: str = "cbs_kwb") -> dict[str, tuple[str, str | None]]:
    with a_client(settings.odata_base) as client:
        return {each.table_id: (each.status, each.vintage) for each in refresh(settings, monitor, client)}


@cache
def bundled_figures(monitor: str) -> pd.DataFrame:
    return SOURCES[monitor].read()


def bundle(settings: Settings) -> None:
    vault.store(settings, "cbs_kwb", bundled_figures("cbs_kwb"), modified_at=modified_at("cbs_kwb"))


# ---- the register -------------------------------------------------------------------------------------------------


def test_the_register_names_each_table_once_and_where_it_is():
    register = pd.read_csv(SEEDS / "monitor_tables.csv", dtype=str)
    assert not register.duplicated(["monitor", "table_id"]).any()
    assert set(register["catalogue"]) <= set(CATALOGUES)
    assert set(register["certainty"]) <= {"confirmed", "third_party"}
    kwb = tables_of("cbs_kwb", date(2026, 1, 1))
    assert [table.year for table in kwb] == list(range(2014, 2026))
    assert {table.table_id for table in tables_of("ggd_gezondheid", date(2026, 1, 1))} == {"50090NED", "50120NED"}
    assert tables_of("cbs_wijken", date(2026, 1, 1)) == []
    assert municipalities() == ["0484"]


def test_a_table_that_is_no_longer_fetched_has_an_end(tmp_path):
    path = tmp_path / "tables.csv"
    text = (SEEDS / "monitor_tables.csv").read_text(encoding="utf-8")
    path.write_text(text.replace("2014-01-01,,", "2014-01-01,2024-12-31,"), encoding="utf-8")
    assert tables_of("cbs_kwb", date(2024, 12, 31), path)[0].year == 2014
    assert tables_of("cbs_kwb", date(2025, 1, 1), path)[0].year == 2015


# ---- the same figures ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", [KWB, KWB_V4], ids=["v3", "v4"])
def test_key_figures_over_the_wire_are_those_of_the_bundled_file(client, server, table):
    server.add(odata_server.kwb_v4())
    raw = read(client, table)
    bundled = bundled_figures("cbs_kwb")
    bundled = bundled[bundled["table_id"] == "84799NED"]
    same(cbs_kwb.map_table(raw), bundled)
    assert raw.url.startswith(client.root(table.catalogue, "84799NED")) and "?" not in raw.url


def test_health_over_the_wire_is_that_of_the_bundled_files(client, server):
    server.page_size = 100
    server.add(odata_server.health(whole=True))
    same(ggd_gezondheid.map_table(read(client, HEALTH)), bundled_figures("ggd_gezondheid"), "vintage")


def test_numbers_that_shift_do_not_matter_over_the_wire(client, server):
    table = server.tables[f"{odata_server.V3}/84799NED"]

    def shifted(key: str) -> str:
        return key if stem(key) == key else f"{stem(key)}_{900 - int(key.rpartition('_')[2])}"

    table.sets["DataProperties"] = [
        {**row, "Key": row["Key"] and shifted(row["Key"])} for row in table.sets["DataProperties"]
    ]
    table.sets["TypedDataSet"] = [
        {shifted(key): value for key, value in row.items()} for row in table.sets["TypedDataSet"]
    ]
    bundled = bundled_figures("cbs_kwb")
    same(cbs_kwb.map_table(read(client, KWB)), bundled[bundled["table_id"] == "84799NED"])


def test_a_title_gives_the_name_of_its_column():
    path = SEEDS / "open_data" / "cbs_kwb" / "kwb_2020_84799NED_DataProperties.csv"
    topics = pd.read_csv(path).query("Type == 'Topic'")
    assert topics["Title"].map(column_name).to_list() == topics["Key"].map(stem).to_list()


def test_an_asterisk_means_provisional(client, server):
    table = server.tables[f"{odata_server.V3}/84799NED"]
    for row in table.sets["DataProperties"]:
        if row["Key"] == "AantalInwoners_5":
            row["Title"] = "Aantal inwoners**"
    mapped = cbs_kwb.map_table(read(client, KWB))
    assert set(mapped.loc[mapped["measure"] == "AantalInwoners", "status"]) == {"provisional"}
    assert set(mapped.loc[mapped["measure"] == "Mannen", "status"]) == {"final"}


def test_the_moment_of_change_is_dutch_time_in_both_versions(client, server):
    server.add(odata_server.kwb_v4()).description["Modified"] = "2020-11-06T00:30:00+00:00"
    assert describe(client, KWB).modified == datetime(2021, 3, 26, 2)
    assert describe(client, KWB_V4).modified == datetime(2020, 11, 6, 1, 30)


# ---- tables that are not whole ------------------------------------------------------------------------------------


def _few(table: odata_server.Table) -> None:
    table.sets["TableInfos"][0]["RecordCount"] = 5


def _undated(table: odata_server.Table) -> None:
    table.sets["TableInfos"][0]["Modified"] = None


def _no_geography(table: odata_server.Table) -> None:
    table.sets["DataProperties"] = table.sets["DataProperties"][1:]


def _emptied(table: odata_server.Table) -> None:
    table.sets["TypedDataSet"] = table.sets["TypedDataSet"][117:]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_few, "117 rows arrived of a table that has 5"),
        (_undated, "does not say when it was last changed"),
        (_no_geography, "has no dimension of regions"),
        (_emptied, "has no rows for this municipality"),
    ],
)
def test_a_table_that_cannot_be_whole_is_refused(client, server, change, message):
    change(server.tables[f"{odata_server.V3}/84799NED"])
    with pytest.raises(ODataError, match=message):
        read(client, KWB)


def test_a_wrong_number_of_rows_is_refused_and_an_unknown_number_is_not(client, server):
    server.fail("$count", "wrong count")
    with pytest.raises(ODataError, match="117 rows arrived where the server counts 118"):
        read(client, KWB)
    server.fail("$count", "403")
    assert len(read(client, KWB).cells) == 117


def test_a_server_that_ignores_the_question_is_noticed(client, server, monkeypatch):
    monkeypatch.setattr(odata_server, "_condition", lambda text: lambda row: True)
    with pytest.raises(ODataError, match="regions that were not asked for, for example BU09990101"):
        read(client, KWB)


def test_a_missing_column_is_named(client, server):
    for row in server.tables[f"{odata_server.V3}/84799NED"].sets["TypedDataSet"]:
        del row["AantalInwoners_5"]
    with pytest.raises(ValueError, match="84799NED misses columns that its properties describe: AantalInwoners_5"):
        cbs_kwb.map_table(read(client, KWB))


# ---- what is fetched, and what serves -----------------------------------------------------------------------------


def test_what_has_not_changed_since_the_bundled_file_is_not_fetched(fetching, server):
    bundle(fetching)
    found = outcomes(fetching)
    assert found["84799NED"] == ("unchanged", "2021-03-26_84799NED")
    assert found["85318NED"] == ("bundled", "2024-11_85318NED")
    assert found["86165NED"] == ("missing", None)
    assert server.asked("84799NED") == [f"/{odata_server.V3}/84799NED/TableInfos?$format=json"]


def test_a_change_makes_a_vintage_and_the_next_look_finds_nothing_new(fetching, server):
    bundle(fetching)
    table = server.tables[f"{odata_server.V3}/84799NED"]
    table.sets["TableInfos"][0]["Modified"] = "2023-11-02T02:00:00"
    table.sets["TypedDataSet"][0]["WmoClienten_89"] = 4275
    assert outcomes(fetching)["84799NED"] == ("fetched", "2023-11-02_84799NED")
    server.requests.clear()
    assert outcomes(fetching)["84799NED"] == ("unchanged", "2023-11-02_84799NED")
    assert len(server.asked("84799NED")) == 1
    values = duckdb.sql(
        f"select vintage, value from '{fetching.vault}/monitors/cbs_kwb/*.parquet' "
        "where measure = 'WmoClienten' and region_code = 'GM0484' order by 1"
    ).fetchall()
    assert values == [("2021-03-26_84799NED", None), ("2023-11-02_84799NED", 4275)]
    (load,) = [each for each in vault.loads(fetching, "cbs_kwb") if each.origin == "odata"]
    assert load.modified_at == datetime(2023, 11, 2, 2)
    assert load.url == f"{server.url}/{odata_server.V3}/84799NED/TypedDataSet"
    assert (load.rows, load.table_id) == (13221, "84799NED")
    # the bundled file is loaded in every run and never looks new
    before = sorted(path.name for path in (fetching.vault / "monitors" / "cbs_kwb").iterdir())
    bundle(fetching)
    assert sorted(path.name for path in (fetching.vault / "monitors" / "cbs_kwb").iterdir()) == before


def test_two_changes_on_one_day_are_two_vintages_and_the_bundled_file_stays_known(fetching, server):
    bundle(fetching)
    table = server.tables[f"{odata_server.V3}/84799NED"]
    table.sets["TableInfos"][0]["Modified"] = "2021-03-26T14:00:00"
    table.sets["TypedDataSet"][0]["WmoClienten_89"] = 4275
    assert outcomes(fetching)["84799NED"] == ("fetched", "2021-03-26_84799NED-r2")
    names = sorted(path.name for path in (fetching.vault / "monitors" / "cbs_kwb").iterdir())
    bundle(fetching)
    assert sorted(path.name for path in (fetching.vault / "monitors" / "cbs_kwb").iterdir()) == names
    assert outcomes(fetching)["84799NED"] == ("unchanged", "2021-03-26_84799NED-r2")


def test_a_change_elsewhere_in_the_table_is_remembered(fetching, server):
    bundle(fetching)
    server.tables[f"{odata_server.V3}/84799NED"].sets["TableInfos"][0]["Modified"] = "2021-03-26T14:00:00"
    assert outcomes(fetching)["84799NED"] == ("fetched", "2021-03-26_84799NED")
    assert outcomes(fetching)["84799NED"] == ("unchanged", "2021-03-26_84799NED")


def test_one_failing_table_leaves_the_others_alone(fetching, server):
    server.add(odata_server.health("50120NED"))
    broken = server.tables[f"{odata_server.THIRD_PARTIES}/50090NED"]
    broken.sets["UntypedDataSet"][0]["Eenzaam_28"] = "    veel"
    with a_client(server.url) as client:
        first, second = refresh(fetching, "ggd_gezondheid", client)
    assert (first.table_id, first.status) == ("50090NED", "missing")
    assert first.reason == ("the table has another form than expected: neither a number nor a known mark: veel")
    assert (second.status, second.reason, second.vintage) == ("fetched", "", "2022-06-14_50120NED")


def test_a_table_that_breaks_its_contract_does_not_enter(fetching, server):
    for row in server.tables[f"{odata_server.THIRD_PARTIES}/50090NED"].sets["UntypedDataSet"]:
        row["Eenzaam_28"] = "   145.9"
    with a_client(server.url) as client:
        outcome = next(refresh(fetching, "ggd_gezondheid", client))
    assert outcome.status == "missing"
    assert outcome.reason.endswith("it does not meet expect_column_values_to_be_between(value)")
    assert vault.loads(fetching, "ggd_gezondheid") == []


@pytest.mark.parametrize("killed", ["before the log", "before the vintage has its name"])
def test_a_load_that_was_killed_ends_the_same(fetching, server, monkeypatch, killed):
    written, whole = [], vault._write

    def stop(table, path) -> None:
        if not path.name.startswith("_") and killed == "before the vintage has its name":
            path.with_name(f".{path.name}.part").write_bytes(b"PAR1")
            raise KeyboardInterrupt
        if path.parent.parent.name == vault.LOG:
            raise KeyboardInterrupt
        written.append(path)
        whole(table, path)

    with monkeypatch.context() as patch:
        patch.setattr(vault, "_write", stop)
        with pytest.raises(KeyboardInterrupt):
            outcomes(fetching, "ggd_gezondheid")
    assert vault.loads(fetching, "ggd_gezondheid") == []
    assert outcomes(fetching, "ggd_gezondheid")["50090NED"] == ("fetched", "2022-06-14_50090NED")
    files = sorted(path.name for path in (fetching.vault / "monitors" / "ggd_gezondheid").glob("*.parquet"))
    assert files == ["2022-06-14_50090NED.parquet", "_empty.parquet"]
    assert [load.vintage for load in vault.loads(fetching, "ggd_gezondheid")] == ["2022-06-14_50090NED"]


def test_the_log_is_typed_also_when_nothing_was_loaded(fetching):
    vault.ensure_vault(fetching)
    found = duckdb.sql(f"select * from '{fetching.vault}/monitors/_log/**/*.parquet'")
    assert found.fetchall() == []
    assert dict(zip(found.columns, map(str, found.types), strict=True))["modified_at"] == "TIMESTAMP"
    assert [each.status for each in without_looking(fetching, "cbs_kwb")] == ["missing"] * 12


# ---- the assets ---------------------------------------------------------------------------------------------------


def run(settings: Settings, monitor: str, *, looks: bool = True) -> tuple[dict, dict[str, dg.AssetCheckEvaluation]]:
    """A real run of a monitor's asset: what it says of itself, and its checks."""
    (asset,) = [each for each in build_monitor_assets(settings) if each.key.path[-1] == monitor]
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([asset], instance=instance, tags={FETCH_TAG: "true"} if looks else {})
    assert result.success
    (materialization,) = result.asset_materializations_for_node(f"monitors__{monitor}")
    metadata = {name: value.value for name, value in materialization.metadata.items()}
    return metadata, {each.check_name: each for each in result.get_asset_check_evaluations()}


def test_a_run_that_looks_says_what_became_of_each_table(fetching, server):
    metadata, checks = run(fetching, "ggd_gezondheid")
    assert metadata["source"] == "1 fetched, 1 missing"
    assert "| 50090NED |  | fetched |  | 2022-06-14_50090NED | " in metadata["tables"]
    assert "| 50120NED |  | missing | the table is not there |" in metadata["tables"]
    check = checks["is_fresh"]
    assert not check.passed and check.severity == dg.AssetCheckSeverity.WARN and not check.blocking
    assert check.metadata["not_fresh"].value == "50120NED: the table is not there"
    assert checks["contract"].passed

    server.add(odata_server.health("50120NED"))
    metadata, checks = run(fetching, "ggd_gezondheid")
    assert metadata["source"] == "1 unchanged, 1 fetched"
    assert checks["is_fresh"].passed


def test_without_a_connection_the_bundled_vintages_serve_and_the_asset_says_so(tmp_path):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{closed.getsockname()[1]}"
    metadata, checks = run(Settings(home=tmp_path / "home", environment="test", odata_base=base), "cbs_kwb")
    assert metadata["source"] == "10 missing, 2 bundled"
    assert "| 84799NED | 2020 | bundled | no connection to 127.0.0.1 |" in metadata["tables"]
    assert not checks["is_fresh"].passed
    assert checks["contract"].passed


def test_a_run_that_does_not_look_stays_off_the_network_and_gives_no_verdict(fetching, server):
    metadata, checks = run(fetching, "cbs_kwb", looks=False)
    assert server.requests == []
    assert set(checks) == {"contract"}
    assert metadata["source"] == "10 missing, 2 bundled"
    assert "this run does not look at the source" in metadata["tables"]
