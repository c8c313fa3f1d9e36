"""What Dagster loads: names, partitions, triggers, and how little it costs to load."""

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from pipeline.automation import (
    AS_OF_RUN,
    HALF_YEARLY_RUN,
    HALF_YEARS,
    MONITORS_REFRESH,
    RETENTION_JOB,
    build_inbox_sensor,
)
from pipeline.definitions import build_definitions
from pipeline.deliveries.assets import RECEIPT_INTERVIEWS_NEEDED, RETENTION
from pipeline.deliveries.intake import find_deliveries, receive
from pipeline.settings import PROJECT_ROOT, Settings

SNAPSHOT = Path(__file__).parent / "definitions.json"
ROOMS = {"deliveries", "monitors", "warehouse", "reliability", "disclosure", "publication"}


@pytest.fixture(scope="module")
def definitions(tmp_path_factory):
    return build_definitions(Settings(home=tmp_path_factory.mktemp("home"), environment="test"))


def _snapshot(definitions: dg.Definitions) -> dict:
    graph = definitions.resolve_asset_graph()
    repository = definitions.get_repository_def()
    return {
        "assets": sorted(
            f"{key.to_user_string()} [{graph.get(key).group_name}]" for key in graph.materializable_asset_keys
        ),
        "checks": sorted(f"{key.asset_key.to_user_string()}: {key.name}" for key in graph.asset_check_keys),
        "jobs": sorted(job.name for job in repository.get_all_jobs() if not job.name.startswith("__")),
        "schedules": sorted(f"{each.name}: {each.cron_schedule}" for each in repository.schedule_defs),
        "sensors": sorted(each.name for each in repository.sensor_defs),
    }


def test_names_are_those_that_were_reviewed(definitions):
    """`python tests/dagster/test_definitions.py` rewrites the reviewed list."""
    assert _snapshot(definitions) == json.loads(SNAPSHOT.read_text())


def test_every_asset_lives_in_a_room_and_says_what_it_is(definitions):
    graph = definitions.resolve_asset_graph()
    for key in graph.materializable_asset_keys:
        node = graph.get(key)
        assert node.group_name in ROOMS, key
        assert node.description, key
        assert node.owners, key
        assert node.kinds, key


def test_delivered_tables_are_partitioned_by_half_year_since_2015(definitions):
    graph = definitions.resolve_asset_graph()
    # receipts and terms of all half-years are looked after at once
    keys = [
        key
        for key in graph.materializable_asset_keys
        if key.path[0] == "deliveries" and key not in (RECEIPT_INTERVIEWS_NEEDED, RETENTION)
    ]
    assert len(keys) == 14
    assert {graph.get(key).partitions_def for key in keys} == {HALF_YEARS}
    assert HALF_YEARS.get_partition_keys()[:3] == ["2015-01", "2015-07", "2016-01"]


def test_receipts_are_added_to_by_the_half_yearly_run_alone(tmp_path):
    settings = Settings(home=tmp_path, environment="test")
    definitions = build_definitions(settings.at(datetime(2024, 8, 15)))
    adding = {
        name
        for name in (HALF_YEARLY_RUN, MONITORS_REFRESH, AS_OF_RUN)
        if RECEIPT_INTERVIEWS_NEEDED in definitions.resolve_job_def(name).asset_layer.executable_asset_keys
    }
    assert adding == {HALF_YEARLY_RUN}


def test_retention_is_no_part_of_a_run(definitions):
    jobs = (HALF_YEARLY_RUN, MONITORS_REFRESH, RETENTION_JOB)
    keys = {name: definitions.resolve_job_def(name).asset_layer.executable_asset_keys for name in jobs}
    assert keys[RETENTION_JOB] == {RETENTION}
    assert not any(RETENTION in keys[name] for name in (HALF_YEARLY_RUN, MONITORS_REFRESH))


def test_dbt_models_show_their_columns(definitions):
    node = definitions.resolve_asset_graph().get(dg.AssetKey(["marts", "fct_indicator"]))
    columns = {column.name: column for column in node.metadata["dagster/column_schema"].columns}
    assert columns["value"].description
    assert columns["n"].type == "bigint"


def test_checks_that_guard_publication_block_it(definitions):
    graph = definitions.resolve_asset_graph()
    blocking = {key for key in graph.asset_check_keys if graph.get_check_spec(key).blocking}
    guarded = {key.asset_key.to_user_string() for key in blocking}
    assert {
        "deliveries/clienten",
        "monitors/cbs_kwb",
        "cells/indicator_cell",
        "reliability/cell_interval",
        "disclosure/indicator_status",
        "marts/fct_indicator",
        "publication/partners_candidate",
    } <= guarded


def test_loading_imports_neither_great_expectations_nor_plotting_nor_dbt():
    heavy = ("great_expectations", "altair", "vl_convert", "dbt", "dagster_dbt", "scipy", "pandas", "shapely")
    code = f"import sys, pipeline.definitions; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT_ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_schedules_and_sensor_run_by_themselves_in_production_only(tmp_path):
    def statuses(environment):
        settings = Settings(home=tmp_path, environment=environment, key_folder=tmp_path)
        repository = build_definitions(settings).get_repository_def()
        return {each.default_status.value for each in (*repository.schedule_defs, *repository.sensor_defs)}

    assert statuses("demo") == {"STOPPED"}
    assert statuses("production") == {"RUNNING"}


def test_half_yearly_schedule_runs_the_half_year_that_ended(definitions):
    repository = definitions.get_repository_def()
    schedule = repository.get_schedule_def("half_yearly")
    for moment, expected in ((datetime(2026, 8, 20, 6), "2026-01"), (datetime(2026, 2, 20, 6), "2025-07")):
        when = moment.replace(tzinfo=ZoneInfo("Europe/Amsterdam"))
        with dg.build_schedule_context(scheduled_execution_time=when, repository_def=repository) as context:
            data = schedule.evaluate_tick(context)
        assert [request.tags["dagster/partition"] for request in data.run_requests] == [expected]


def _tick(settings: Settings, instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    with dg.build_sensor_context(instance=instance, definitions=build_definitions(settings)) as context:
        return build_inbox_sensor(settings).evaluate_tick(context).run_requests


def test_sensor_waits_for_a_whole_delivery_and_asks_once_per_version(settings, make_inbox):
    _, second = make_inbox(settings)
    with dg.DagsterInstance.ephemeral() as instance:
        whole = sorted(path for path in second.iterdir() if path.name != "datapackage.json")[0]
        kept = whole.read_bytes()
        whole.write_bytes(kept[:-1])
        requests = _tick(settings, instance)
        assert [request.partition_key for request in requests] == ["2023-07"]
        whole.write_bytes(kept)
        requests = _tick(settings, instance)
        keys = {request.run_key for request in requests}
        assert keys == {"boost/2023-H2/v1", "boost/2024-H1/v1"}
        for folder in find_deliveries(settings):
            receive(folder, settings)
        assert not _tick(settings, instance)


if __name__ == "__main__":
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        loaded = build_definitions(Settings(home=Path(folder), environment="test"))
        SNAPSHOT.write_text(json.dumps(_snapshot(loaded), indent=1) + "\n")
