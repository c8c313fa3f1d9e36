"""Conventions of the dbt project that dbt itself does not check, read from its manifest."""

from __future__ import annotations

import json

import pytest
from sqlfluff.core import FluffConfig, Linter

from pipeline.settings import DBT_PROJECT
from pipeline.warehouse.manifest import ensure_manifest

SCHEMAS = {"staging", "intermediate", "cells", "marts", "reference"}


@pytest.fixture(scope="module")
def manifest() -> dict:
    return json.loads(ensure_manifest().read_text())


def relations(manifest: dict) -> dict[str, dict]:
    return {key: node for key, node in manifest["nodes"].items() if node["resource_type"] in ("model", "seed")}


def test_schemas_carry_the_name_of_their_folder(manifest: dict) -> None:
    assert {node["schema"] for node in relations(manifest).values()} == SCHEMAS


def test_every_table_and_source_is_described(manifest: dict) -> None:
    assert [node["name"] for node in relations(manifest).values() if not node["description"]] == []
    assert [source["name"] for source in manifest["sources"].values() if not source["description"]] == []


def test_contracts_are_enforced_on_the_marts_only(manifest: dict) -> None:
    models = [node for node in relations(manifest).values() if node["resource_type"] == "model"]
    assert {(node["schema"], node["config"]["contract"]["enforced"]) for node in models} == {
        ("staging", False),
        ("intermediate", False),
        ("cells", False),
        ("marts", True),
    }


def test_no_test_reads_both_halves(manifest: dict) -> None:
    nodes = relations(manifest)
    spanning = [
        test["name"]
        for test in manifest["nodes"].values()
        if test["resource_type"] == "test"
        and len({nodes[key]["schema"] == "marts" for key in test["depends_on"]["nodes"] if key in nodes}) != 1
    ]
    assert spanning == []


def test_only_the_marts_read_what_python_computes(manifest: dict) -> None:
    readers = {
        manifest["nodes"][child]["schema"]
        for key, source in manifest["sources"].items()
        if source["source_name"] in ("reliability", "disclosure")
        for child in manifest["child_map"][key]
        if child.startswith("model.")
    }
    assert readers == {"marts"}


def test_sources_carry_the_asset_that_writes_them(manifest: dict) -> None:
    keys = {
        (source["source_name"], source["name"]): source["config"]["meta"]["dagster"]["asset_key"]
        for source in manifest["sources"].values()
    }
    written_together = {("deliveries", "_log"), ("deliveries", "_log_tables"), ("monitors", "_log")}
    assert {keys[pair][1] for pair in written_together} == {"delivery_log", "cbs_kwb"}
    assert {pair: key for pair, key in keys.items() if pair not in written_together and key != list(pair)} == {}


@pytest.fixture(scope="module")
def spark() -> Linter:
    return Linter(config=FluffConfig.from_path(str(DBT_PROJECT), overrides={"dialect": "sparksql"}))


@pytest.mark.parametrize("folder", ["intermediate", "cells", "marts"])
def test_spark_can_read_the_sql(spark: Linter, folder: str) -> None:
    paths = sorted((DBT_PROJECT / "models" / folder).glob("*.sql"))
    violations = {path.stem: spark.parse_string(path.read_text(), fname=str(path)).violations for path in paths}
    assert violations
    assert {model: [str(error) for error in errors] for model, errors in violations.items() if errors} == {}


def test_spark_would_object_to_sql_of_duckdb_only(spark: Linter) -> None:
    assert spark.parse_string("select [x for x in [1, 2]] from t\n").violations
