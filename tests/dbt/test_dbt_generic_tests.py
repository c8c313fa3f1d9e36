"""The project's own generic tests: each on rows that must pass and rows that must fail, in a dbt project of VALUES."""

from __future__ import annotations

import pytest
import yaml
from dbt_runs import run_dbt

from pipeline.settings import DBT_PROJECT

ON_DISTRICTS = {"group_by": ["period"], "columns": ["n", "numerator"], "districts": "ref('districts')"}

# test, arguments, columns of the VALUES, rows, how many rows it must object to
CASES = [
    ("unique_combination", {"columns": ["a", "b"]}, "a, b", "(1, 1), (1, 2), (2, 1)", 0),
    ("unique_combination", {"columns": ["a", "b"]}, "a, b", "(1, 1), (1, 1), (2, 1), (2, 1), (3, 1)", 2),
    ("unique_combination", {"columns": ["a", "b"]}, "a, b", "(1, null), (1, null)", 1),
    ("not_above", {"ceilings": {"a": "b"}}, "a, b", "(1, 1), (1, 2), (null, 1), (1, null)", 0),
    ("not_above", {"ceilings": {"a": "b", "b": "c"}}, "a, b, c", "(2, 1, 1), (1, 3, 1), (1, 1, 1)", 2),
    ("between", {"bounds": {"a": [0, 1]}}, "a", "(0.0), (1.0), (0.5), (null)", 0),
    ("between", {"bounds": {"a": [0, 1], "b": [1, 5]}}, "a, b", "(-0.01, 1), (1.01, 1), (0.5, 6), (1, 5)", 3),
    ("only_values", {"words": {"a": ["x", "y"]}}, "a", "('x'), ('y'), (null)", 0),
    ("only_values", {"words": {"a": ["x"], "b": ["y"]}}, "a, b", "('x', 'x'), ('z', 'y'), ('x', 'y')", 2),
    ("filled", {"columns": ["a", "b"]}, "a, b", "(1, 0), (2, 0)", 0),
    ("filled", {"columns": ["a", "b"]}, "a, b", "(1, null), (null, 2), (1, 1)", 2),
    ("known_codes", {"tables": {"district_code": "ref('districts')"}}, "district_code", "('WK1'), (null)", 0),
    (
        "known_codes",
        {"tables": {"district_code": "ref('districts')", "period": "ref('periods')"}},
        "district_code, period",
        "('WK1', 'a'), ('WK9', 'a'), ('GM1', 'b'), ('WK9', 'b')",
        3,
    ),
    ("adds_up", {"total": "t", "parts": ["a", "b"]}, "t, a, b", "(3, 1, 2), (0, 0, 0)", 0),
    ("adds_up", {"total": "t", "parts": ["a", "b"]}, "t, a, b", "(3, 1, 1), (0, 0, 0)", 1),
    (
        "null_unless_published",
        {"columns": ["n", "value"]},
        "status, n, value",
        "('published', 12, 0.5), ('no_data', null, null), ('suppressed_primary', null, null)",
        0,
    ),
    (
        "null_unless_published",
        {"columns": ["n", "value"]},
        "status, n, value",
        "('suppressed_primary', 3, null), ('suppressed_secondary', null, 0.0), ('no_data', 0, null), "
        "(null, null, null)",
        4,
    ),
    (
        "null_unless_published",
        {"columns": ["n"], "always": ["value"]},
        "status, n, value",
        "('published', null, 0.5), ('published', 1, null), ('no_data', null, null)",
        1,
    ),
    (
        "municipality_is_sum",
        ON_DISTRICTS,
        "period, district_code, n, numerator",
        "('a', 'WK1', 3, 1), ('a', 'WK2', 4, null), ('a', 'GM1', 7, 1), ('b', 'GM1', 0, null)",
        0,
    ),
    (
        "municipality_is_sum",
        ON_DISTRICTS,
        "period, district_code, n, numerator",
        # one too many, one numerator wrong, no municipality, the municipality twice
        "('a', 'WK1', 3, 1), ('a', 'GM1', 4, 1), ('b', 'WK1', 3, 1), ('b', 'GM1', 3, 2), ('c', 'WK1', 3, 1), "
        "('d', 'WK1', 6, 2), ('d', 'GM1', 3, 1), ('d', 'GM1', 3, 1)",
        4,
    ),
]


@pytest.fixture(scope="module")
def objections(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """Rows that each case's test objects to, by the name of the case's model."""
    folder = tmp_path_factory.mktemp("generic_tests")
    models = folder / "models"
    models.mkdir()
    project = {
        "name": "generic_tests",
        "profile": "effectmonitor",
        "macro-paths": [str(DBT_PROJECT / "macros"), str(DBT_PROJECT / "tests" / "generic")],
        "flags": {"require_generic_test_arguments_property": True},
    }
    (folder / "dbt_project.yml").write_text(yaml.safe_dump(project))
    (folder / "profiles.yml").write_text((DBT_PROJECT / "profiles.yml").read_text())
    districts = "('GM1', 'municipality'), ('WK1', 'district'), ('WK2', 'district')"
    (models / "districts.sql").write_text(f"select * from (values {districts}) as t(district_code, district_level)")
    (models / "periods.sql").write_text("select 'a' as period")
    described = []
    for number, (test, arguments, columns, rows, _) in enumerate(CASES):
        name = f"case_{number}"
        (models / f"{name}.sql").write_text(f"select * from (values {rows}) as t({columns})")
        tests = [{test: {"name": f"objections_to_{name}", "arguments": arguments}}]
        described.append({"name": name, "data_tests": tests})
    (models / "cases.yml").write_text(yaml.safe_dump({"models": described}))
    outcome = run_dbt("build", folder=folder, project=folder)
    found = {}
    for unique_id, (status, failures) in outcome.failures.items():
        if unique_id.startswith("test."):
            assert status in ("pass", "fail"), outcome.output
            found[unique_id.split(".")[2].removeprefix("objections_to_")] = failures
    return found


@pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{case[0]}_{case[-1]}" for case in CASES])
def test_objects_to(objections: dict[str, int], number: int) -> None:
    assert objections[f"case_{number}"] == CASES[number][-1]


def test_every_generic_test_has_a_case_that_passes_and_one_that_fails() -> None:
    own = {path.stem for path in (DBT_PROJECT / "tests" / "generic").glob("*.sql")}
    assert {case[0] for case in CASES if case[-1] == 0} == own
    assert {case[0] for case in CASES if case[-1] > 0} == own
