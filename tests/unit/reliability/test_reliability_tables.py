"""The tables of the room as they are written, and the pictures that are made of them."""

from __future__ import annotations

import duckdb
import pandas as pd
import pytest
from small_warehouse import DAY, DISTRICTS, MUNICIPALITY, THRESHOLDS, World

from pipeline.reliability import portraits, tables
from pipeline.reliability.thresholds import Thresholds

_AS_WRITTEN = {"varchar": "VARCHAR", "double": "DOUBLE", "bigint": "BIGINT", "boolean": "BOOLEAN"}
NOW = Thresholds.on(THRESHOLDS, DAY)
PNG = "](data:image/png;base64,iVBORw0KGgo"


def types(connection, table):
    rows = connection.execute(
        "select column_name, data_type from information_schema.columns "
        "where table_schema = 'reliability' and table_name = ? order by ordinal_position",
        [table.name],
    ).fetchall()
    return dict(rows)


@pytest.fixture(scope="module")
def world():
    world = World()
    for period, rho in (("2023-H2", 0.03), ("2024-H1", 0.06)):
        world.survey(period, rho)
        for number, district in enumerate(DISTRICTS[:6]):
            world.asked("tom_gehoord", district, period, 60 - 4 * number, [8] * 10)
        world.asked("tom_gehoord", DISTRICTS[6], period, 4, [2, 2])
        world.cell("tom_gehoord", MUNICIPALITY, period, 484, 304)
    world.cell("go_ambulant_aanbod", DISTRICTS[0], "2024-H1", 3, 3)
    return world


@pytest.fixture(scope="module")
def judged(world):
    return world.assess()


@pytest.fixture(scope="module")
def written(world, judged):
    """The warehouse after every step of the room."""
    with world.warehouse() as connection:
        change = {
            "consortium_code": "tom",
            "instrument": "zrm",
            "life_domain_code": "financien",
            "district_code": MUNICIPALITY,
            "period": "2024-H1",
            "n": 60,
            "mean_start": 2.5,
            "mean_change": 0.4,
            "change_low": 0.3,
            "change_high": 0.5,
            "expected_change": 0.27,
        }
        given = {
            tables.DOMAIN_CHANGE.name: pd.DataFrame([change]),
            **vars(judged),
        }
        for table in tables.TABLES:
            if table.name in given:
                tables.write_table(connection, table, given[table.name].reindex(columns=list(table.columns)))
        yield connection


@pytest.mark.parametrize("table", tables.TABLES, ids=lambda table: table.name)
def test_a_table_is_typed_also_when_it_is_empty(table):
    with duckdb.connect() as connection:
        tables.write_table(connection, table, pd.DataFrame(columns=list(table.columns)))
        expected = {name: _AS_WRITTEN[kind] for name, kind in table.columns.items()}
        assert types(connection, table) == expected
        # and the same where one row knows nothing, and another column comes along
        nothing = pd.DataFrame([dict.fromkeys(table.columns)]).assign(more=1)
        tables.write_table(connection, table, nothing)
        assert types(connection, table) == expected
        assert connection.execute(f"select count(*) from reliability.{table.name}").fetchone() == (1,)
        with pytest.raises(KeyError):
            tables.write_table(connection, table, nothing.drop(columns=list(table.columns)[-1]))
    assert table.description.endswith(".")


def test_what_is_judged_fits_its_tables(judged, written):
    names = [table.name for table in tables.TABLES]
    assert len(names) == len(set(names))
    for name, frame in vars(judged).items():
        table = tables.TABLES[names.index(name)]
        assert set(table.columns) <= set(frame), name
        count = written.execute(f"select count(*) from reliability.{name}").fetchone()[0]
        assert count == len(frame) > 0 or name in ("pooled_cell", "pooled_member")


def test_pictures_of_what_was_measured(written):
    shown = (
        portraits.of_surveys(written, NOW) | portraits.of_ratings(written, NOW) | portraits.of_verdicts(written, NOW)
    )
    assert set(shown) == {"interviewer_effect", "domain_change", "verdict", "cell_interval", "check"}
    assert all(text.startswith("![") and PNG in text for text in shown.values())
    assert len(set(shown.values())) == 5


def test_pictures_where_there_is_nothing_yet():
    with World().warehouse() as connection:
        for table in tables.TABLES:
            tables.write_table(connection, table, pd.DataFrame(columns=list(table.columns)))
        shown = {}
        for of in (portraits.of_surveys, portraits.of_ratings, portraits.of_verdicts):
            shown |= of(connection, NOW)
    assert len(shown) == 5 and all(PNG in text for text in shown.values())
