"""One small world, written by hand, for all tests of the models.

Tom delivers 2023-H1, 2023-H2 (three versions, the last one rejected) and 2024-H2; GO! 2023-H2 and 2024-H2; Boost
2023-H1. Nobody delivers 2024-H1. Belongs here: rows, and what Python would compute from the cells. The numbers to
expect stand in the tests.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
from small_vault import SmallVault

from pipeline.disclosure.steps import KEPT_TABLES
from pipeline.reliability.tables import TABLES
from pipeline.warehouse.manifest import mart_columns

GM, OUD, RID, ZEG = "GM0484", "WK048401", "WK048402", "WK048403"


def client(key: str, district: str) -> dict:
    return {"client_id": key, "wijkcode": district, "leeftijdsgroep": "18-44", "in_zorg_sinds": "2020-01-01"}


def zrm(key: str, day: str, score: int, **other: object) -> dict:
    row = {"client_id": key, "meetdatum": day, "zrm_versie": "2017", "domein": "financien", "score": score}
    return row | {"beoordelaar_id": "r", "tweede_beoordeling": False} | other


def rung(key: str, day: str, height: int) -> dict:
    return {"client_id": key, "meetdatum": day, "trede": height, "beoordelaar_id": "r"}


def interview(key: str, district: str, target: str = "client") -> dict:
    return {"gesprek_id": key, "wijkcode": district, "doelgroep": target, "uitkomst": "afgerond"}


def answer(key: str, question: str, value: int) -> dict:
    return {"gesprek_id": key, "vraag": question, "antwoord": value}


def fill_vault(vault: SmallVault) -> None:
    vault.deliver(
        "tom",
        "2023-H1",
        {
            "clienten": [client("a", OUD), client("b", OUD), client("c", RID)],
            "dossiers": [
                {"dossier_id": "a1", "client_id": "a", "geopend_op": "2022-05-01"},
                {"dossier_id": "b1", "client_id": "b", "geopend_op": "2023-01-10", "gesloten_op": "2023-06-30"},
            ],
            "zelfredzaamheid": [
                zrm("a", "2023-02-01", 2, doelscore=4),
                zrm("a", "2023-03-03", 3),  # 30 days later: a pair
                zrm("b", "2023-02-01", 3),
                zrm("b", "2023-03-02", 5),  # 29 days later: none
                zrm("c", "2023-02-01", 2),
            ],
            "gesprekken": [interview("i1", OUD), interview("i2", RID), interview("i3", OUD, "stakeholder")],
            "antwoorden": [
                answer("i1", "tevredenheid", 8),
                answer("i1", "gehoord", 0),
                answer("i2", "tevredenheid", 6),
                answer("i2", "gehoord", 4),
                answer("i3", "tevredenheid", 7),
            ],
            "duiding": [
                {"indicator": "tom_gehoord", "wijkcode": OUD, "verhaal": "Rustig halfjaar."},
                {"indicator": "tom_gehoord", "verhaal": "Meer tijd per gesprek.", "acties": "Zo doorgaan."},
            ],
        },
    )
    vault.deliver("tom", "2023-H2", {"clienten": [client("a", OUD)], "zelfredzaamheid": [zrm("a", "2023-10-01", 1)]})
    vault.deliver(
        "tom",
        "2023-H2",
        {
            "clienten": [client("a", RID), client("b", OUD)],  # a has moved
            "dossiers": [
                {"dossier_id": "a1", "client_id": "a", "geopend_op": "2022-05-01", "gesloten_op": "2023-12-31"},
                {"dossier_id": "b2", "client_id": "b", "geopend_op": "2023-08-01", "vorig_dossier_id": "b1"},
            ],
            "zelfredzaamheid": [zrm("a", "2023-10-01", 4), zrm("b", "2023-10-01", 2)],
            "participatie": [rung("a", "2023-10-01", 3)],
            "aantallen": [
                {"indicator": "tom_eigen_regie", "wijkcode": OUD, "noemer": 40, "teller": 30},
                {"indicator": "tom_eigen_regie", "wijkcode": OUD, "categorie": "18-44", "noemer": 10, "teller": 9},
            ],
        },
        version=2,
        status="partially_accepted",
    )
    vault.deliver("tom", "2023-H2", {}, version=3, status="rejected")
    vault.deliver(
        "tom",
        "2024-H2",
        {
            "clienten": [client("a", RID), client("c", OUD)],  # b is not mentioned, c has moved
            "zelfredzaamheid": [
                zrm("a", "2024-07-01", 4),
                zrm("c", "2024-08-01", 2),
                zrm("c", "2024-09-01", 5, tweede_beoordeling=True),
                zrm("c", "2024-10-01", 5, zrm_versie="2013"),
            ],
            "participatie": [rung("a", "2024-09-01", 2)],
        },
    )
    vault.deliver(
        "go",
        "2023-H2",
        {
            "clienten": [client("d", OUD), client("e", OUD)],
            "dossiers": [
                {"dossier_id": "d1", "client_id": "d", "geopend_op": "2022-01-01", "gesloten_op": "2023-12-31"}
                | {"reden_sluiting": "32"},
                {"dossier_id": "e1", "client_id": "e", "geopend_op": "2022-01-01", "gesloten_op": "2023-07-01"}
                | {"reden_sluiting": "31"},
            ],
            "trajecten": [
                {"traject_id": "t1", "client_id": "d", "vorm": "35", "gestart_op": "2023-01-01"}
                | {"geeindigd_op": "2023-12-31", "uithuisplaatsing": True},  # the last day: no longer at the end
                {"traject_id": "t2", "client_id": "e", "vorm": "45", "gestart_op": "2023-12-31"},
            ],
            "doelen": [
                {"doel_id": "g1", "client_id": "d", "afgesproken_op": "2023-07-01", "beoordeeld_op": "2023-11-01"}
                | {"resultaat": "gehaald"},
                {"doel_id": "g2", "client_id": "e", "afgesproken_op": "2023-07-01", "beoordeeld_op": "2023-11-01"}
                | {"resultaat": "deels"},
            ],
            "aanbod": [
                {"aanbod_id": "o1", "wijkcode": OUD, "omschrijving": "x", "gestart_op": "2022-01-01", "plaatsen": 10},
                {"aanbod_id": "o2", "omschrijving": "y", "gestart_op": "2022-01-01", "plaatsen": 5},
            ],
        },
        log_knows_unsound=False,
    )
    vault.deliver(
        "go",
        "2024-H2",
        {
            "clienten": [client("d", OUD), client("e", OUD)],
            "dossiers": [{"dossier_id": "d2", "client_id": "d", "geopend_op": "2024-12-30"}],  # 365 days after d1
        },
    )
    visit = {"wijkcode": OUD, "voorziening": "Buurthuis", "bezoeken": 99}
    vault.deliver(
        "boost",
        "2023-H1",
        {
            "bezoek": [
                visit | {"maand": "2023-01", "unieke_bezoekers": 30, "vrijwilligers": 2},
                visit | {"maand": "2023-02", "unieke_bezoekers": 20, "vrijwilligers": 5},
            ],
            "toeleiding": [{"wijkcode": OUD, "maand": "2023-01", "naar": "schuldhulp", "aantal": 3}],
        },
    )
    residents = {"measure": "AantalInwoners", "unit": "aantal", "status": "final", "source": "CBS"}
    district = residents | {"region_code": OUD, "region_name": "Oudshoorn", "region_level": "district"}
    municipality = residents | {"region_code": GM, "region_name": "Alphen", "region_level": "municipality"}
    vault.load(
        "cbs_kwb",
        "2021-03-01_t20",
        [
            municipality | {"table_id": "t20", "year": 2020, "value": 3005.0},
            district | {"table_id": "t20", "year": 2020, "value": 900.0},
        ],
    )
    vault.load("cbs_kwb", "2022-03-01_t22", [district | {"table_id": "t22", "year": 2022, "value": 950.0}])
    vault.load("cbs_kwb", "2023-03-01_t22", [district | {"table_id": "t22", "year": 2022, "value": 1000.0}])
    lonely = {"table_id": "50120NED", "year": 2020, "age_group": "18+", "margin": "value", "measure": "Eenzaam"}
    lonely |= {"region_name": "x", "source": "RIVM"}
    vault.load(
        "ggd_gezondheid",
        "2021-01-01_50120NED",
        [
            lonely | {"region_code": OUD, "region_level": "district", "value": 47.0},
            lonely | {"region_code": "BU04840112", "region_level": "neighbourhood", "marker": "secret"},
        ],
    )
    boundary = {"region_code": OUD, "region_name": "Oudshoorn", "region_level": "district", "source": "CBS"}
    boundary |= {"year": 2022, "geometry_wkt": "MULTIPOLYGON EMPTY"}
    vault.load("cbs_wijken", "2022-01-01_wijken", [boundary])


def write_python_tables(warehouse: Path) -> None:
    """What Python computes between the two halves: here everything on one person is hidden, and one figure waits."""
    key = "consortium_code, {code}, district_code, period"
    status = "case n when 0 then 'no_data' when 1 then 'suppressed_primary' else 'published' end"
    waits = f"(indicator_code, district_code, period) = ('go_ambulant_aandeel', '{OUD}', '2023-H2')"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema if not exists reliability")
        for table in TABLES:
            columns = ", ".join(f'"{name}" {kind}' for name, kind in table.columns.items())
            connection.execute(f'create or replace table reliability."{table.name}" ({columns})')
        connection.execute(f"""
            create schema if not exists disclosure;
            create or replace table reliability.cell_interval as
                select
                    {key.format(code="indicator_code")},
                    '' as pooled_over,
                    value - 0.25 as ci_low,
                    value + 0.25 as ci_high,
                    'test' as method
                from cells.indicator_cell;
            insert into reliability.survey by name
                select
                    'tom_client' as survey_code, consortium_code, 'client' as target_group, 'all' as team_group,
                    district_code, period, n as completed, 0.333 as response_rate_1, 'indicative' as verdict,
                    'test' as reason
                from cells.indicator_cell
                where indicator_code = 'tom_gehoord';
            insert into reliability.verdict by name
                select
                    {key.format(code="indicator_code")},
                    '' as pooled_over,
                    case n when 1 then 'not_publishable' else 'indicative' end as verdict,
                    'test' as reason_nl,
                    'version' as threshold_version
                from cells.indicator_cell;
            create or replace table reliability.domain_change as
                select
                    {key.format(code="life_domain_code")}, 'zrm' as instrument,
                    cast(2 as double) as mean_start,
                    cast(improved - worsened as double) / n as mean_change,
                    cast(-4 as double) as change_low,
                    cast(4 as double) as change_high,
                    cast(0 as double) as expected_change,
                    cast(1.5 as double) as detectable_change,
                    cast(0.3 as double) as expected_improved_share,
                    'within' as word,
                    'test' as word_nl
                from cells.life_domain_cell
                where n > 0;
            create or replace table disclosure.pooled_status (
                consortium_code varchar, indicator_code varchar, district_code varchar, period varchar,
                pooled_over varchar, status varchar, rule varchar, is_pending boolean
            );
            create or replace table disclosure.indicator_status as
                select
                    {key.format(code="indicator_code")}, {status} as status, cast(null as varchar) as rule,
                    {waits} as is_pending
                from cells.indicator_cell;
            create or replace table disclosure.life_domain_status as
                select
                    {key.format(code="life_domain_code")}, {status} as status, cast(null as varchar) as rule,
                    false as is_pending, {status} as low_status,
                    case goals when 0 then 'no_data' else {status} end as goal_status
                from cells.life_domain_cell;
            create or replace table disclosure.council_indicator as
                select
                    {key.format(code="indicator_code")}, {status} as status, cast(null as varchar) as rule,
                    false as is_pending, n, numerator, value, value - 0.25 as ci_low, value + 0.25 as ci_high
                from cells.indicator_cell
                where district_code = '{GM}';
            create or replace table disclosure.council_life_domain as
                select
                    {key.format(code="life_domain_code")}, {status} as status, cast(null as varchar) as rule,
                    false as is_pending, n, improved, stable, worsened, cast(low as double) / rated as low_share,
                    cast(null as double) as goal_attainment
                from cells.life_domain_cell
                where district_code = '{GM}';
        """)
        for kept, mart in KEPT_TABLES.items():
            columns = ", ".join(f'"{name}" {kind}' for name, kind in mart_columns(mart))
            connection.execute(f"create or replace table disclosure.{kept} ({columns})")
        connection.execute("""
            insert into disclosure.kept_indicator by name
                select
                    consortium_code, indicator_code, district_code, period, 9 as n, 3 as numerator,
                    0.33 as value, 'share' as unit, 'reliable' as verdict, 'as before' as verdict_reason, status,
                    0 as delivery_version,
                    'P' as obs_status, 'F' as conf_status, is_pending
                from disclosure.indicator_status
                where is_pending
        """)
