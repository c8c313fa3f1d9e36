"""Conventions of the dbt project that dbt itself does not check, read from its manifest."""

from __future__ import annotations

import json

import pytest
from sqlfluff.core import FluffConfig, Linter

from pipeline.publication.checks import COUNCIL_TABLES, EXPECTED_TABLES
from pipeline.settings import DBT_PROJECT
from pipeline.warehouse.manifest import ensure_manifest, mart_columns

PROTECTED = {"marts", "council"}
SCHEMAS = {"staging", "intermediate", "cells", "reference", *PROTECTED}


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
        ("council", True),
    }


def test_the_council_s_tables_have_the_names_that_partners_know_and_no_others(manifest: dict) -> None:
    tables = {schema: set() for schema in PROTECTED}
    for node in relations(manifest).values():
        tables.setdefault(node["schema"], set()).add(node["alias"])
    assert tables["council"] == set(COUNCIL_TABLES) - {"release"}
    assert tables["council"] < tables["marts"]
    assert tables["marts"] == set(EXPECTED_TABLES) - {"release", "fct_revision"}


def test_columns_of_a_mart_are_those_of_its_contract() -> None:
    columns = mart_columns("fct_life_domain")
    assert columns[:2] == [("consortium_code", "varchar"), ("life_domain_code", "varchar")]
    assert columns[-1] == ("is_pending", "boolean")
    with pytest.raises(KeyError):
        mart_columns("fct_unknown")


def test_no_test_reads_both_halves(manifest: dict) -> None:
    nodes = relations(manifest)
    spanning = [
        test["name"]
        for test in manifest["nodes"].values()
        if test["resource_type"] == "test"
        and len({nodes[key]["schema"] in PROTECTED for key in test["depends_on"]["nodes"] if key in nodes}) != 1
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
    assert readers == PROTECTED


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


@pytest.mark.parametrize("folder", ["intermediate", "cells", "marts", "council"])
def test_spark_can_read_the_sql(spark: Linter, folder: str) -> None:
    paths = sorted((DBT_PROJECT / "models" / folder).glob("*.sql"))
    violations = {path.stem: spark.parse_string(path.read_text(), fname=str(path)).violations for path in paths}
    assert violations
    assert {model: [str(error) for error in errors] for model, errors in violations.items() if errors} == {}


def test_spark_would_object_to_sql_of_duckdb_only(spark: Linter) -> None:
    assert spark.parse_string("select [x for x in [1, 2]] from t\n").violations
