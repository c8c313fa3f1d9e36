"""Releases, made from a small warehouse by hand."""

import json
from pathlib import Path

import duckdb
import pytest

from pipeline.publication.checks import COUNCIL_TABLES, EXPECTED_TABLES, release_problems
from pipeline.publication.life import publish_waiting
from pipeline.publication.marts_file import STORAGE_VERSION, open_marts
from pipeline.publication.release import ReleaseError, find_release, list_releases, make_release, release_file
from pipeline.warehouse.connection import open_warehouse

# what a release has beside the marts of the warehouse
AREAS = {"dim_district", "fct_indicator", "fct_life_domain"}
OWN = {"fct_revision", "release"}
_TELLING = {
    "fct_indicator": "n, numerator, value, ci_low, ci_high, expected_without_change, change_word, change_reading",
    "fct_indicator_pooled": "n, numerator, value, ci_low, ci_high",
    "fct_life_domain": "n, improved, stable, worsened, low_share, goal_attainment, mean_start, mean_change, "
    "change_low, change_high, expected_change, detectable_change, improved_expected_share, change_word, "
    "change_reading_nl",
}


@pytest.fixture
def filled(settings, seal):
    """A warehouse with all marts: one figure shown, one hidden."""
    with open_warehouse(settings) as warehouse:
        warehouse.execute("create schema staging")
        seal(warehouse)
        warehouse.execute(
            "create table staging.stg_deliveries__deliveries as "
            "select 'tom' as consortium_code, '2024-H1' as period, 2 as delivery_version, true as is_counting"
        )
        for table in EXPECTED_TABLES:
            if table in _TELLING:
                empty = ", ".join(f"null::double as {name.strip()}" for name in _TELLING[table].split(","))
                shown = ", ".join(f"1.5::double as {name.strip()}" for name in _TELLING[table].split(","))
                keys = "'i' as indicator_code, 'l' as life_domain_code, 'tom' as consortium_code, '2024-H1' as period, "
                keys += "'share' as unit, 2 as delivery_version, 'two_half_years' as pooled_over"
                warehouse.execute(
                    f"create table marts.{table} as "
                    f"select {keys}, 'a' as district_code, {shown}, 'published' as status, 'published' as low_status, "
                    "'published' as goal_status union all "
                    f"select {keys}, 'b' as district_code, {empty}, 'suppressed_primary' as status, "
                    "'suppressed_primary' as low_status, 'suppressed_primary' as goal_status"
                )
            elif table == "fct_monitor":
                warehouse.execute("create table marts.fct_monitor as select 'cbs_kwb' as monitor, '2022' as vintage")
            elif table not in (*OWN, "dim_period"):
                codes = [
                    "check_code",
                    "consortium_code",
                    "district_code",
                    "goal_code",
                    "indicator_code",
                    "life_domain_code",
                    "period",
                    "pooled_over",
                    "survey_code",
                    "team_group",
                ]
                columns = ", ".join(f"'x' as {code}" for code in codes)
                warehouse.execute(f"create table marts.{table} as select {columns}")
        for table in EXPECTED_TABLES:
            if table not in OWN:
                warehouse.execute(f"comment on table marts.{table} is 'what it is, with the reader''s quote'")
                for row in warehouse.execute(f"describe marts.{table}").fetchall():
                    warehouse.execute(f"comment on column marts.{table}.{row[0]} is 'described'")
    return settings


def test_a_release_holds_the_same_tables_in_three_forms_with_comments(filled):
    release, is_new = make_release(filled)
    assert is_new
    marts_file = release_file(filled, release)
    assert release_problems(marts_file) == []
    with open_marts(marts_file) as marts:
        comment = marts.execute("select comment from duckdb_tables() where table_name = 'fct_indicator'").fetchone()
        assert comment == ("what it is, with the reader's quote",)
        tags = marts.execute("select tags from duckdb_databases() where not internal").fetchone()[0]
        assert tags["storage_version"].startswith(STORAGE_VERSION)
        expected = marts.execute("select * from marts.fct_indicator order by all").fetchall()
    for kind, reader in (("parquet", "read_parquet"), ("csv", "read_csv")):
        rows = duckdb.sql(f"select * from {reader}('{marts_file.parent / kind}/fct_indicator.{kind}') order by all")
        assert rows.fetchall() == expected
    assert release.inputs_by_kind() == {"deliveries": ["tom/2024-H1/v2"], "monitors": ["cbs_kwb/2022"]}


def test_the_same_figures_make_no_second_release_and_changed_ones_do(filled):
    first, _ = make_release(filled)
    again, is_new = make_release(filled)
    assert (again, is_new) == (first, False)
    publish_waiting(filled, "partners")
    with open_warehouse(filled) as warehouse:
        warehouse.execute("update marts.fct_indicator set value = 2 where status = 'published'")
    second, is_new = make_release(filled)
    assert is_new
    assert [item.release_id for item in list_releases(filled)] == ["partners-0001", "partners-0002"]
    assert find_release(filled, "partners-0002") == second
    with open_marts(release_file(filled, second)) as marts:
        listed = marts.execute("select release_id, inputs from marts.release order by 1").fetchall()
    assert [row[0] for row in listed] == ["partners-0001", "partners-0002"]
    assert json.loads(listed[0][1]) == first.inputs_by_kind()


def test_a_reader_of_the_old_file_neither_blocks_nor_breaks(filled):
    make_release(filled)
    path = publish_waiting(filled, "partners").file
    reader = duckdb.connect(str(path), read_only=True)
    before = reader.execute("select value from marts.marts.fct_indicator where status = 'published'").fetchone()
    with open_warehouse(filled) as warehouse:
        warehouse.execute("update marts.fct_indicator set value = 2 where status = 'published'")
    make_release(filled)
    publish_waiting(filled, "partners")
    assert reader.execute("select value from marts.marts.fct_indicator where status = 'published'").fetchone() == before
    reader.close()
    with open_marts(path) as fresh:
        assert fresh.execute("select value from marts.fct_indicator where status = 'published'").fetchone() == (2.0,)


def test_files_that_a_release_no_longer_has_disappear(filled):
    make_release(filled)
    target = publish_waiting(filled, "partners").file.parent
    stale = target / "csv" / "fct_old.csv"
    stale.write_text("x")
    publish_waiting(filled, "partners")
    assert not stale.exists()
    assert [path for path in target.rglob("*") if path.name.startswith(".")] == []


def test_what_a_killed_run_left_is_replaced(filled):
    left = filled.releases / ".partners-0001.new" / "files"
    left.mkdir(parents=True)
    (left / "half.parquet").write_text("x")
    half = filled.releases / "partners-0001"
    half.mkdir()
    release, is_new = make_release(filled)
    assert is_new
    assert release.release_id == "partners-0001"
    assert not left.exists()


def test_without_marts_the_message_says_what_to_do(settings):
    with open_warehouse(settings) as warehouse:
        warehouse.execute("create table t (a integer)")
    with pytest.raises(ReleaseError, match="effectmonitor run"):
        make_release(settings)


@pytest.mark.parametrize("table", ["disclosure.true_count", "reliability.pooled_member", "disclosure.pooled_status"])
def test_without_what_the_audit_needs_there_is_no_release(filled, table):
    with open_warehouse(filled) as warehouse:
        warehouse.execute(f"drop table {table}")
    with pytest.raises(ReleaseError, match=f"there is no table {table}"):
        make_release(filled)
    assert list_releases(filled) == []


def test_a_release_keeps_the_confidential_counts_beside_what_is_published(filled):
    release, _ = make_release(filled)
    for name in ("true_count", "pool_member", "pooled_status"):
        sealed = filled.releases / release.release_id / "sealed" / f"{name}.parquet"
        assert duckdb.sql(f"from read_parquet('{sealed}')").fetchall() == [("n", 3)]
    publish_waiting(filled, "partners")
    assert not list(filled.published.rglob("*true_count*"))


def test_a_release_of_before_the_ledger_stops_with_a_clear_word(filled):
    old = filled.releases / "partners-0001" / "release.json"
    old.parent.mkdir(parents=True)
    old.write_text('{"release_id": "partners-0001"}')
    with pytest.raises(ReleaseError, match="does not know partners-0001"):
        make_release(filled)
    with pytest.raises(ReleaseError, match="of a version without a ledger"):
        list_releases(filled)


@pytest.fixture
def of_council(filled):
    """The same warehouse with the council's tables."""
    with open_warehouse(filled) as warehouse:
        for table in COUNCIL_TABLES:
            if table not in OWN:
                columns = "* exclude (expected_without_change)" if table == "fct_indicator" else "*"
                columns += " replace ('GM' || district_code as district_code)" if table in AREAS else ""
                warehouse.execute(f"create or replace table council.{table} as select {columns} from marts.{table}")
                warehouse.execute(f"comment on table council.{table} is 'described'")
                for row in warehouse.execute(f"describe council.{table}").fetchall():
                    warehouse.execute(f"comment on column council.{table}.{row[0]} is 'described'")
    return filled


def test_the_council_gets_its_own_tables_under_the_same_names(of_council):
    release, _ = make_release(of_council, "council")
    marts_file = release_file(of_council, release)
    assert set(release.rows) == set(COUNCIL_TABLES)
    assert release_problems(marts_file, "council") == []
    with open_marts(marts_file) as marts:
        names = {row[0] for row in marts.execute("describe marts.fct_indicator").fetchall()}
    assert "expected_without_change" not in names


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("update marts.fct_indicator set n = 3 where status <> 'published'", "fct_indicator.n is filled in 1 rows"),
        ("drop table marts.dim_goal", "table dim_goal is missing"),
        ("create table marts.fct_narrative (a integer)", "table fct_narrative is not for the council"),
        ("update marts.fct_indicator set district_code = 'WK1'", "fct_indicator has 2 rows about districts"),
    ],
)
def test_the_check_of_the_council_finds_what_was_spoiled(of_council, statement, sentence):
    marts_file = release_file(of_council, make_release(of_council, "council")[0])
    with duckdb.connect() as marts:
        marts.execute(f"attach '{marts_file}' as spoiled")
        marts.execute(f"use spoiled; {statement}")
    assert any(sentence in problem for problem in release_problems(marts_file, "council"))


def _spoil(marts_file: Path, statement: str) -> list[str]:
    with duckdb.connect() as marts:
        marts.execute(f"attach '{marts_file}' as spoiled")
        marts.execute("use spoiled")
        marts.execute(statement)
    return release_problems(marts_file)


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("update marts.fct_indicator set n = 3 where status <> 'published'", "fct_indicator.n is filled in 1 rows"),
        ("update marts.fct_life_domain set n = 3 where status <> 'published'", "fct_life_domain.n is filled"),
        (
            "update marts.fct_life_domain set low_status = 'suppressed_primary'",
            "fct_life_domain.low_share is filled in 1",
        ),
        ("update marts.fct_life_domain set goal_status = 'no_data'", "fct_life_domain.goal_attainment is filled in 1"),
        ("update marts.fct_indicator set status = null", "fct_indicator.status is empty in 2 rows"),
        ("insert into marts.fct_indicator from marts.fct_indicator", "2 keys"),
        ("drop table marts.dim_goal", "table dim_goal is missing"),
        ("alter table marts.fct_indicator drop ci_low", "column fct_indicator.ci_low is missing"),
        ("comment on column marts.dim_period.period is null", "column dim_period.period has no description"),
        ("comment on table marts.dim_period is null", "table dim_period has no description"),
        ("create table marts.extra (a integer)", "parquet/extra.parquet is missing"),
    ],
)
def test_the_check_finds_what_was_spoiled(filled, statement, sentence):
    marts_file = release_file(filled, make_release(filled)[0])
    assert any(sentence in problem for problem in _spoil(marts_file, statement))
