"""What was wrong with the delivery behind a figure: unsound rows count, other refused ones do not."""

from __future__ import annotations

import duckdb
import pandas as pd
import pytest

from pipeline.reliability.assess import measure_deliveries
from pipeline.reliability.cells import KEY
from pipeline.reliability.pooling import MEMBER
from pipeline.reliability.survey_response import integrity

NOW, BEFORE = "2024-H1", "2023-H2"
# of the half-year before, the log does not know which rows were unsound
TABLES = pd.DataFrame(
    [
        ("tom", NOW, "clienten", 100, 2, 0),
        ("tom", NOW, "zelfredzaamheid", 300, 6, 4),
        ("tom", NOW, "gesprekken", 50, 3, 1),
        ("tom", NOW, "antwoorden", 450, 9, 0),
        ("tom", BEFORE, "clienten", 100, 2, None),
        ("tom", BEFORE, "zelfredzaamheid", 300, 6, 0),
        ("tom", BEFORE, "gesprekken", 50, 3, None),
        ("tom", BEFORE, "antwoorden", 450, 9, None),
    ],
    columns=["consortium_code", "period", "table_name", "rows_received", "rows_refused", "rows_unsound"],
)
NO_POOLS = pd.DataFrame(columns=[*KEY, *MEMBER], dtype="str")


@pytest.fixture
def warehouse():
    with duckdb.connect() as connection:
        connection.execute("create schema staging")
        connection.register("tables", TABLES)
        connection.execute(
            "create table staging.stg_deliveries__tables as "
            "select * replace (cast(rows_unsound as bigint) as rows_unsound) from tables"
        )
        yield connection


def test_of_figures_from_records_unsound_rows_count(warehouse):
    cells = pd.DataFrame(
        [
            ("figure", "WK048401", NOW, 12, None, "clienten;zelfredzaamheid"),
            ("figure", "WK048401", BEFORE, 12, None, "clienten;zelfredzaamheid"),
            ("clients", "WK048401", NOW, 12, None, "clienten"),
            ("nobody", "WK048401", NOW, 0, None, "clienten"),
            ("asked", "WK048401", NOW, 12, "tevredenheid", "gesprekken;antwoorden"),
        ],
        columns=["indicator_code", "district_code", "period", "n", "question_code", "counted_from"],
    ).assign(consortium_code="tom", pooled_over="")
    cells = cells.reindex(columns=[*dict.fromkeys([*KEY, *cells])])
    found = measure_deliveries(warehouse, cells, NO_POOLS)
    assert set(found["check_code"]) == {"delivery_integrity"}
    assert found.set_index(["indicator_code", "period"])[["value", "n"]].T.to_dict("list") == {
        ("figure", NOW): [pytest.approx(4 / 400), 400],
        ("figure", BEFORE): [pytest.approx(2 / 400), 400],  # known per table
        ("clients", NOW): [0, 100],
    }


def test_of_surveys_unsound_rows_and_impossible_times_count(warehouse):
    times = pd.DataFrame(
        [("tom", "client", NOW, 1), ("tom", "stakeholder", NOW, 2), ("tom", "client", BEFORE, 4)],
        columns=["consortium_code", "target_group", "period", "hard_faults"],
    )
    # as the asset reads it
    delivered = warehouse.execute("select * from staging.stg_deliveries__tables").df()
    found = integrity(times, delivered).set_index("period")
    assert found.loc[NOW, ["rows_received", "rows_unsound", "hard_faults"]].tolist() == [500, 1, 3]
    assert found.loc[NOW, "fault_share"] == pytest.approx(4 / 500)
    assert found.loc[BEFORE, "rows_unsound"] == 12
    assert found.loc[BEFORE, "fault_share"] == pytest.approx(16 / 500)
