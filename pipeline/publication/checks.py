"""What must hold of a release's files before they are put in place; read from the files, not from the warehouse.

Belongs here: completeness and the promise that nothing hidden can be read. Does not belong here: which figures ought to
be hidden (disclosure).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from pipeline.publication.marts_file import open_marts

EXPECTED_TABLES = (
    "dim_consortium",
    "dim_district",
    "dim_goal",
    "dim_indicator",
    "dim_life_domain",
    "dim_period",
    "fct_indicator",
    "fct_indicator_pooled",
    "fct_life_domain",
    "fct_monitor",
    "fct_narrative",
    "fct_reliability_check",
    "fct_revision",
    "fct_survey_reliability",
    "release",
)
COUNCIL_TABLES = (
    "dim_consortium",
    "dim_district",
    "dim_goal",
    "dim_indicator",
    "dim_life_domain",
    "dim_period",
    "fct_indicator",
    "fct_life_domain",
    "release",
)
# per table and column with a status: columns that are empty unless the figure is published
_TELLING = {
    ("fct_indicator", "status"): (
        "n",
        "numerator",
        "value",
        "ci_low",
        "ci_high",
        "expected_without_change",
        "change_word",
        "change_reading",
    ),
    ("fct_indicator_pooled", "status"): ("n", "numerator", "value", "ci_low", "ci_high"),
    ("fct_revision", "old_status"): ("old", "old_n"),
    ("fct_revision", "new_status"): ("new", "new_n"),
    ("fct_life_domain", "status"): (
        "n",
        "improved",
        "stable",
        "worsened",
        "low_share",
        "goal_attainment",
        "mean_start",
        "mean_change",
        "change_low",
        "change_high",
        "expected_change",
        "detectable_change",
        "improved_expected_share",
        "change_word",
        "change_reading_nl",
    ),
    # a share on fewer people than its row, or with a small side, is empty in a row that is shown
    ("fct_life_domain", "low_status"): ("low_share",),
    ("fct_life_domain", "goal_status"): ("goal_attainment",),
}
_COUNCIL_TELLING = {
    ("fct_indicator", "status"): ("n", "numerator", "value", "ci_low", "ci_high"),
    ("fct_life_domain", "status"): ("n", "improved", "stable", "worsened", "low_share", "goal_attainment"),
}
_KEYS = {
    "dim_consortium": ("consortium_code",),
    "dim_district": ("district_code",),
    "dim_goal": ("goal_code",),
    "dim_indicator": ("indicator_code",),
    "dim_life_domain": ("life_domain_code",),
    "dim_period": ("period",),
    "fct_indicator": ("indicator_code", "district_code", "period"),
    "fct_indicator_pooled": ("indicator_code", "district_code", "period", "pooled_over"),
    "fct_life_domain": ("consortium_code", "life_domain_code", "district_code", "period"),
    "fct_reliability_check": ("indicator_code", "district_code", "period", "pooled_over", "check_code"),
    "fct_revision": ("release", "indicator_code", "district_code", "period"),
    "fct_survey_reliability": ("survey_code", "team_group", "district_code", "period"),
    "release": ("release_id",),
}
# tables of areas that the council gets; of districts it gets nothing
_OF_AREAS = {"dim_district", "fct_indicator", "fct_life_domain"}
# where a figure may be absent from one of two releases
_MAY_BE_EMPTY = {"old_status", "new_status"}


def release_problems(marts_file: Path, audience: str = "partners") -> list[str]:
    """Everything that is wrong with a release's marts file, as sentences; an empty list when it may go out.

    Args:
        marts_file: ``marts.duckdb`` of the release, with ``parquet/`` and ``csv/`` beside it.
        audience: whose tables are expected.
    """
    is_council = audience == "council"
    expected, telling = (COUNCIL_TABLES, _COUNCIL_TELLING) if is_council else (EXPECTED_TABLES, _TELLING)
    with open_marts(marts_file) as marts:
        present = {row[0] for row in marts.execute("select table_name from duckdb_tables()").fetchall()}
        problems = [f"table {name} is missing" for name in expected if name not in present]
        # what is for partners alone would pass every other check
        problems += [f"table {name} is not for the council" for name in sorted(present - set(expected)) if is_council]
        for table in sorted(present):
            problems += _undescribed(marts, table)
            problems += [
                f"{kind}/{table}.{kind} is missing"
                for kind in ("parquet", "csv")
                if not (marts_file.parent / kind / f"{table}.{kind}").is_file()
            ]
        for (table, status), columns in sorted(telling.items()):
            problems += _telling(marts, table, status, columns) if table in present else []
        for table in sorted(present & _KEYS.keys()):
            problems += _repeated(marts, table)
        for table in sorted(present & _OF_AREAS) if is_council else ():
            problems += _below_municipality(marts, table)
    return problems


def _undescribed(marts: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    bare = marts.execute(
        "select column_name from duckdb_columns() where table_name = ? and comment is null", [table]
    ).fetchall()
    comment = marts.execute("select comment from duckdb_tables() where table_name = ?", [table]).fetchone()
    problems = [f"column {table}.{row[0]} has no description" for row in bare]
    return problems if comment and comment[0] else [f"table {table} has no description", *problems]


def _telling(marts: duckdb.DuckDBPyConnection, table: str, status: str, columns: Sequence[str]) -> list[str]:
    present = {row[0] for row in marts.execute(f"describe marts.{table}").fetchall()}
    absent = [column for column in (*columns, status) if column not in present]
    if absent:
        return [f"column {table}.{column} is missing" for column in absent]
    problems = []
    for column in columns:
        rows = marts.execute(
            f"select count(*) from marts.{table} where {status} is distinct from 'published' and {column} is not null"
        ).fetchone()
        if rows and rows[0]:
            problems.append(f"{table}.{column} is filled in {rows[0]} rows whose {status} is not published")
    unknown = marts.execute(f"select count(*) from marts.{table} where {status} is null").fetchone()
    if unknown and unknown[0] and status not in _MAY_BE_EMPTY:
        problems.append(f"{table}.{status} is empty in {unknown[0]} rows")
    return problems


def _repeated(marts: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    columns = ", ".join(_KEYS[table])
    found = marts.execute(
        f"select count(*) from (select 1 from marts.{table} group by {columns} having count(*) > 1)"
    ).fetchone()
    return [f"{found[0]} keys ({columns}) occur more than once in {table}"] if found and found[0] else []


def _below_municipality(marts: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    found = marts.execute(f"select count(*) from marts.{table} where district_code not like 'GM%'").fetchone()
    return [f"{table} has {found[0]} rows about districts, which are not for the council"] if found and found[0] else []
