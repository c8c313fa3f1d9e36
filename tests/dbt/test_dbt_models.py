"""The models on a small world, from Parquet to marts; every expected number was counted by hand."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
from dbt_runs import run_dbt
from small_world import GM, OUD, RID, ZEG

EMPTY = (0, 0, None)
CELLS = [
    # 30 days make a pair, 29 do not; the first rating ever is the baseline
    ("tom_zrm_verbeterd_of_stabiel", OUD, "2023-H1", (1, 1, 1.0)),
    ("tom_zrm_verbeterd_of_stabiel", RID, "2023-H1", EMPTY),
    ("tom_zrm_verbeterd", GM, "2023-H1", (1, 1, 1.0)),
    ("tom_doel_bereikt", OUD, "2023-H1", (1, 0, 0.0)),
    # the second version counts: a is 4, not 1, and lives in Ridderveld
    ("tom_zrm_verbeterd", OUD, "2023-H2", (1, 0, 0.0)),
    ("tom_zrm_verbeterd", RID, "2023-H2", (1, 1, 1.0)),
    ("tom_zrm_verbeterd", GM, "2023-H2", (2, 1, 0.5)),
    ("tom_doel_bereikt", RID, "2023-H2", (1, 1, 1.0)),
    ("tom_participatie_verbeterd_of_stabiel", RID, "2023-H2", EMPTY),
    # the baseline is from before the half-year without delivery; second ratings and other editions do not count
    ("tom_zrm_verbeterd_of_stabiel", OUD, "2024-H2", (1, 1, 1.0)),
    ("tom_zrm_verbeterd", OUD, "2024-H2", (1, 0, 0.0)),
    ("tom_zrm_verbeterd", GM, "2024-H2", (2, 1, 0.5)),
    ("tom_participatie_verbeterd_of_stabiel", RID, "2024-H2", (1, 0, 0.0)),
    # a client's files move along; b's stay open and in place though 2024-H2 does not mention b
    ("tom_heropende_dossiers", OUD, "2023-H1", (2, 0, 0.0)),
    ("tom_heropende_dossiers", OUD, "2023-H2", (1, 1, 100.0)),
    ("tom_heropende_dossiers", RID, "2023-H2", (1, 0, 0.0)),
    ("tom_heropende_dossiers", OUD, "2024-H2", (1, 1, 100.0)),
    ("tom_heropende_dossiers", GM, "2024-H2", (2, 1, 50.0)),
    ("tom_tevredenheid_clienten", OUD, "2023-H1", (1, 8, 8.0)),
    ("tom_tevredenheid_clienten", GM, "2023-H1", (2, 14, 7.0)),
    ("tom_tevredenheid_stakeholders", GM, "2023-H1", (1, 7, 7.0)),
    ("tom_gehoord", OUD, "2023-H1", EMPTY),
    ("tom_gehoord", GM, "2023-H1", (1, 1, 1.0)),
    # counts instead of records: the total, not its categories
    ("tom_eigen_regie", OUD, "2023-H2", (40, 30, 0.75)),
    ("tom_eigen_regie", RID, "2023-H2", EMPTY),
    ("tom_eigen_regie", GM, "2023-H2", (40, 30, 0.75)),
    ("go_uitval", OUD, "2023-H2", (2, 1, 0.5)),
    ("go_verblijf", OUD, "2023-H2", (1, 0, 0.0)),
    ("go_uithuisplaatsing", OUD, "2023-H2", (1, 0, 0.0)),
    ("go_ambulant_aandeel", OUD, "2023-H2", (2, 1, 0.5)),
    ("go_doel_bereikt", OUD, "2023-H2", (2, 1, 0.5)),
    ("go_ambulant_aanbod", OUD, "2023-H2", (1, 1, 1.0)),
    ("go_ambulant_aanbod", GM, "2023-H2", (2, 2, 2.0)),
    ("go_ambulant_aanbod", RID, "2023-H2", (0, 0, 0.0)),
    ("go_geen_nieuwe_start", OUD, "2024-H2", (2, 1, 0.5)),
    ("go_uitval", OUD, "2024-H2", EMPTY),
    ("boost_bereik", OUD, "2023-H1", (1000, 30, 30.0)),
    ("boost_bereik", GM, "2023-H1", (3005, 30, 1000 * 30 / 3005)),
    ("boost_bereik", RID, "2023-H1", EMPTY),  # no population known
    ("boost_vrijwilligers", OUD, "2023-H1", (1000, 5, 5.0)),
    ("boost_toeleiding_schuldhulp", OUD, "2023-H1", (1000, 3, 3.0)),
]


@pytest.mark.parametrize(("indicator", "area", "period", "expected"), CELLS)
def test_indicator_cell(warehouse, indicator: str, area: str, period: str, expected: tuple) -> None:
    cell = warehouse.execute(
        "select n, numerator, value from cells.indicator_cell "
        "where (indicator_code, district_code, period) = (?, ?, ?)",
        [indicator, area, period],
    ).fetchone()
    assert cell == pytest.approx(expected)


def test_unsound_rows_are_not_known_of_a_log_of_before_they_were_counted(warehouse) -> None:
    found = warehouse.execute(
        "select distinct consortium_code, period, rows_unsound from staging.stg_deliveries__tables order by all"
    ).fetchall()
    assert ("go", "2023-H2", None) in found
    assert {unsound for consortium, period, unsound in found if (consortium, period) != ("go", "2023-H2")} == {0}


def test_cells_are_the_full_grid_of_delivered_half_years(warehouse) -> None:
    found = warehouse.execute(
        "select consortium_code, period, count(*), max(delivery_version) from cells.indicator_cell "
        "group by all order by all"
    ).fetchall()
    assert found == [
        ("boost", "2023-H1", 4 * 17, 1),
        ("go", "2023-H2", 8 * 17, 1),
        ("go", "2024-H2", 8 * 17, 1),
        ("tom", "2023-H1", 9 * 17, 1),
        ("tom", "2023-H2", 9 * 17, 2),
        ("tom", "2024-H2", 9 * 17, 1),
    ]


def test_sums_for_intervals(warehouse) -> None:
    mark = "select persons, sum_of_squares, places from cells.indicator_cell where district_code = 'GM0484' and "
    mean = warehouse.execute(mark + "indicator_code = 'tom_tevredenheid_clienten' and period = '2023-H1'").fetchone()
    offers = warehouse.execute(mark + "indicator_code = 'go_ambulant_aanbod' and period = '2023-H2'").fetchone()
    counted = warehouse.execute(mark + "indicator_code = 'tom_eigen_regie' and period = '2023-H2'").fetchone()
    rate = warehouse.execute(mark + "indicator_code = 'boost_bereik'").fetchone()
    assert (mean, offers, counted, rate) == ((2, 100, None), (None, None, 15), (40, None, None), (3005, None, None))


def test_life_domains(warehouse) -> None:
    found = warehouse.execute(
        "select district_code, period, n, improved, stable, worsened, stable_low, rated, low, goals, goals_reached, "
        "persons from cells.life_domain_cell where life_domain_code = 'financien' and rated > 0 "
        "order by period, district_code"
    ).fetchall()
    assert found == [
        (GM, "2023-H1", 1, 1, 0, 0, 0, 3, 1, 1, 0, 1),
        (OUD, "2023-H1", 1, 1, 0, 0, 0, 2, 0, 1, 0, 1),
        (RID, "2023-H1", 0, 0, 0, 0, 0, 1, 1, 0, 0, 0),
        (GM, "2023-H2", 2, 1, 0, 1, 0, 2, 1, 1, 1, 2),
        (OUD, "2023-H2", 1, 0, 0, 1, 0, 1, 1, 0, 0, 1),
        (RID, "2023-H2", 1, 1, 0, 0, 0, 1, 0, 1, 1, 1),
        (GM, "2024-H2", 2, 1, 1, 0, 1, 3, 1, 1, 1, 2),
        (OUD, "2024-H2", 1, 0, 1, 0, 1, 2, 1, 0, 0, 1),
        (RID, "2024-H2", 1, 1, 0, 0, 0, 1, 0, 1, 1, 1),
    ]


def test_answers(warehouse) -> None:
    found = warehouse.execute(
        "select target_group, question_code, asked, n, sum, sum_of_squares, agree from cells.answer_cell "
        f"where district_code = '{GM}' order by all"
    ).fetchall()
    assert found == [
        ("client", "gehoord", 2, 1, 4, 16, 1),
        ("client", "tevredenheid", 2, 2, 14, 100, None),
        ("stakeholder", "tevredenheid", 1, 1, 7, 49, None),
    ]


def test_mart_covers_every_half_year_from_the_first_delivery(warehouse) -> None:
    found = warehouse.execute("select period, count(*) from marts.fct_indicator group by all order by all").fetchall()
    assert found == [(period, 21 * 17) for period in ("2023-H1", "2023-H2", "2024-H1", "2024-H2")]


@pytest.mark.parametrize(
    ("indicator", "area", "period", "expected"),
    [
        ("tom_zrm_verbeterd", GM, "2023-H2", (2, 1, 0.5, 0.25, 0.75, "published", 2, "A", "F")),
        ("tom_zrm_verbeterd", GM, "2024-H2", (2, 1, 0.5, 0.25, 0.75, "published", 1, "P", "F")),
        ("tom_zrm_verbeterd", RID, "2023-H2", (*[None] * 5, "suppressed_primary", 2, "Q", "A")),
        ("tom_zrm_verbeterd", ZEG, "2023-H2", (*[None] * 5, "no_data", 2, "M", "F")),
        ("tom_zrm_verbeterd", GM, "2024-H1", (*[None] * 5, "no_data", None, "L", "F")),
        # of a mean no sum, and one decimal
        ("tom_tevredenheid_clienten", GM, "2023-H1", (2, None, 7.0, 6.8, 7.3, "published", 1, "A", "F")),
    ],
)
def test_indicator_mart(warehouse, indicator: str, area: str, period: str, expected: tuple) -> None:
    row = warehouse.execute(
        "select n, numerator, value, ci_low, ci_high, status, delivery_version, obs_status, conf_status, "
        "verdict, verdict_reason, pooled_over from marts.fct_indicator "
        "where (indicator_code, district_code, period) = (?, ?, ?)",
        [indicator, area, period],
    ).fetchone()
    reasons = {
        "published": ("indicative", "test"),
        "suppressed_primary": ("not_publishable", "Te weinig personen om te tonen."),
        "no_data": (
            "not_publishable",
            f"Er {'zijn geen gegevens in' if expected[6] else 'is geen levering over'} dit halfjaar.",
        ),
    }
    assert row == (*expected, *reasons[expected[5]], None)


def test_life_domain_mart(warehouse) -> None:
    found = warehouse.execute(
        "select district_code, n, low_share, goal_attainment, status, low_status, goal_status "
        "from marts.fct_life_domain "
        f"where life_domain_code = 'financien' and period = '2024-H2' and district_code in ('{GM}', '{OUD}', '{ZEG}') "
        "order by all"
    ).fetchall()
    assert found == [
        (GM, 2, 0.33, 1.0, *["published"] * 3),
        (OUD, None, None, None, "suppressed_primary", "suppressed_primary", "no_data"),
        (ZEG, *[None] * 3, *["no_data"] * 3),
    ]


def test_a_figure_that_waits_is_the_one_that_was_kept(warehouse) -> None:
    found = warehouse.execute(
        "select n, numerator, value, delivery_version, obs_status from marts.fct_indicator where is_pending"
    ).fetchall()
    assert found == [(9, 3, 0.33, 0, "P")]


def test_the_council_gets_the_municipality_only(warehouse) -> None:
    figure = "where indicator_code = 'tom_zrm_verbeterd' and period = '2024-H2'"
    found = warehouse.execute(
        "select district_code, n, numerator, value, status, delivery_version, obs_status, verdict_reason "
        f"from council.fct_indicator {figure}"
    ).fetchall()
    reason = "Het cijfer is een aanwijzing: het kan ook iets hoger of lager zijn."
    assert found == [(GM, 2, 1, 0.5, "published", 1, "P", reason)]
    for table in ("dim_district", "fct_indicator", "fct_life_domain"):
        areas = warehouse.execute(f"select distinct district_code from council.{table}").fetchall()
        assert areas == [(GM,)], table
    outcomes = warehouse.execute(
        "select n, improved, low_share, status from council.fct_life_domain "
        "where life_domain_code = 'financien' and period = '2024-H2'"
    ).fetchall()
    assert outcomes == [(2, 1, pytest.approx(1 / 3), "published")]


def test_dimensions(warehouse) -> None:
    districts = warehouse.execute(
        "select population, vintage, geometry from marts.dim_district "
        f"where district_code in ('{GM}', '{OUD}', '{RID}') order by district_code"
    ).fetchall()
    assert districts == [(3005, "2020", None), (1000, "2022", "MULTIPOLYGON EMPTY"), (None, None, None)]
    periods = warehouse.execute("select period, delivery_status from marts.dim_period order by 1 desc").fetchall()
    assert periods[:3] == [("2024-H2", "provisional"), ("2024-H1", "revised"), ("2023-H2", "final")]
    assert (len(periods), periods[-1]) == (20, ("2015-H1", "final"))
    domains = warehouse.execute(
        "select life_domain_code, position_2013, position_2017 from marts.dim_life_domain "
        "where life_domain_code in ('huisvesting', 'adl', 'basale_adl') order by all"
    ).fetchall()
    assert domains == [("adl", 8, None), ("basale_adl", None, 9), ("huisvesting", 3, 4)]
    reasons = warehouse.execute("select closing_reason_code from reference.closing_reasons order by 1").fetchall()
    assert reasons[0] == ("02",)


def test_narratives_and_monitors(warehouse) -> None:
    stories = warehouse.execute(
        "select district_code, story, actions, delivery_version from marts.fct_narrative order by all"
    ).fetchall()
    assert stories == [
        (GM, "Meer tijd per gesprek.", "Zo doorgaan.", 1),
        (OUD, "Rustig halfjaar.", None, 1),
    ]
    figures = warehouse.execute(
        "select monitor, year, group_code, district_code, value, marker, obs_status, vintage from marts.fct_monitor "
        "order by all"
    ).fetchall()
    assert figures == [
        ("cbs_kwb", 2020, "", GM, 3005.0, None, "A", "2021-03-01_t20"),
        ("cbs_kwb", 2020, "", OUD, 900.0, None, "A", "2021-03-01_t20"),
        ("cbs_kwb", 2022, "", OUD, 1000.0, None, "A", "2023-03-01_t22"),
        ("ggd_gezondheid", 2020, "18+", "BU04840112", None, "secret", "Q", "2021-01-01_50120NED"),
        ("ggd_gezondheid", 2020, "18+", OUD, 47.0, None, "E", "2021-01-01_50120NED"),
    ]


def test_published_tables_carry_their_descriptions(warehouse) -> None:
    without = warehouse.execute(
        "select table_name, column_name from duckdb_columns() "
        "where schema_name in ('marts', 'council') and comment is null union all "
        "select table_name, null from duckdb_tables() where schema_name in ('marts', 'council') and comment is null"
    ).fetchall()
    assert without == []


def test_every_column_of_every_table_is_described_and_no_other(built: Path, warehouse) -> None:
    nodes = json.loads((built / "target" / "manifest.json").read_text())["nodes"].values()
    described = {
        (node["schema"], node["alias"], column["name"])
        for node in nodes
        for column in node.get("columns", {}).values()
        if node["resource_type"] in ("model", "seed") and column["description"]
    }
    columns = warehouse.execute(
        "select schema_name, table_name, column_name from duckdb_columns() "
        "where schema_name in ('staging', 'intermediate', 'cells', 'marts', 'council', 'reference')"
    ).fetchall()
    assert described == set(columns)


def test_a_cell_without_a_verdict_stops_the_mart_and_leaves_the_last_one(built: Path) -> None:
    warehouse = str(built / "warehouse.duckdb")
    verdicts = "disclosure.indicator_status where indicator_code = 'tom_gehoord' and district_code = 'GM0484'"
    with duckdb.connect(warehouse) as connection:
        connection.execute(f"create table main.kept as from {verdicts}; delete from {verdicts}")
        before = connection.execute("select count(*) from marts.fct_indicator").fetchone()
    try:
        outcome = run_dbt("run", "--select", "fct_indicator", folder=built)
        with duckdb.connect(warehouse, read_only=True) as connection:
            after = connection.execute("select count(*) from marts.fct_indicator").fetchone()
    finally:
        with duckdb.connect(warehouse) as connection:
            connection.execute("insert into disclosure.indicator_status from main.kept; drop table main.kept")
    assert outcome.failures["model.effectmonitor.fct_indicator"][0] == "error"
    assert before == after


def test_without_deliveries_the_marts_have_dimensions_and_no_figures(rows_without_deliveries: dict[str, int]) -> None:
    facts = {name: rows for name, rows in rows_without_deliveries.items() if name.startswith("fct_")}
    assert facts == dict.fromkeys(
        (
            "fct_indicator",
            "fct_life_domain",
            "fct_narrative",
            "fct_monitor",
            "fct_survey_reliability",
            "fct_indicator_pooled",
            "fct_reliability_check",
        ),
        0,
    )
    assert (rows_without_deliveries["dim_period"], rows_without_deliveries["dim_district"]) == (0, 17)
