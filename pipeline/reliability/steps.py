"""The steps of this room on an open warehouse: read, compute, write.

Belongs here: which tables each step reads and writes. Does not belong here: a statistic, or Dagster (assets.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import duckdb
import pandas as pd

from pipeline.reliability import tables
from pipeline.reliability.assess import Assessment, assess
from pipeline.reliability.lowering import problems
from pipeline.reliability.neighbours import neighbouring_districts
from pipeline.reliability.progress import change_tables
from pipeline.reliability.survey_answers import wide_answers
from pipeline.reliability.surveys import survey_tables
from pipeline.reliability.tables import Table
from pipeline.reliability.thresholds import Thresholds


def find_neighbours(warehouse: duckdb.DuckDBPyConnection) -> tuple[pd.DataFrame, list[str]]:
    """Write which districts lie beside each other, from the newest boundaries.

    Args:
        warehouse: with staging.

    Returns:
        The pairs, and the districts without neighbours.
    """
    districts = warehouse.execute(
        "select region_code, geometry_wkt from staging.stg_monitors__districts "
        "where region_level = 'district' qualify year = max(year) over ()"
    ).df()
    pairs = neighbouring_districts(districts)
    tables.write_table(warehouse, tables.NEIGHBOUR, pairs)
    return pairs, sorted(set(districts["region_code"]) - set(pairs["district_code"]))


def measure_surveys(warehouse: duckdb.DuckDBPyConnection, thresholds: Thresholds) -> dict[str, pd.DataFrame]:
    """Measure every survey and write its tables.

    Args:
        warehouse: with staging, intermediate and reference.
        thresholds: of the day of judging.

    Returns:
        The tables written, by name.
    """
    frames = {name: _read(warehouse, f"intermediate.{name}") for name in tables.SURVEY_MODELS}
    frames["questions"] = _read(warehouse, "reference.questions")
    frames["delivered_rows"] = _read(warehouse, "staging.stg_deliveries__tables")
    measured = survey_tables(frames, wide_answers(warehouse), thresholds)
    return _write(warehouse, tables.OF_SURVEYS, measured)


def measure_ratings(warehouse: duckdb.DuckDBPyConnection, thresholds: Thresholds) -> dict[str, pd.DataFrame]:
    """Measure ratings and change, and write their tables.

    Args:
        warehouse: with intermediate and reference.
        thresholds: of the day of judging.

    Returns:
        The tables written, by name.
    """
    measured = change_tables(warehouse, thresholds, thresholds["confidence_level"])
    return _write(warehouse, tables.OF_RATINGS, measured)


def judge_cells(warehouse: duckdb.DuckDBPyConnection, day: date) -> Assessment:
    """Judge every cell and its ladder, and write the tables.

    Args:
        warehouse: with cells and the tables of the other steps.
        day: of judging.
    """
    thresholds, lowerings = _read(warehouse, "reference.thresholds"), _read(warehouse, "reference.verdict_lowerings")
    assessment = assess(warehouse, thresholds, lowerings, day)
    _write(warehouse, tables.OF_CELLS, assessment.tables())
    return assessment


def lowering_problems(warehouse: duckdb.DuckDBPyConnection) -> list[str]:
    """What is wrong with lowered verdicts where it stops nothing, as sentences.

    Args:
        warehouse: with reference.
    """
    return problems(_read(warehouse, "reference.verdict_lowerings"))


def thresholds_of(warehouse: duckdb.DuckDBPyConnection, day: date) -> Thresholds:
    """The thresholds that hold on a day.

    Args:
        warehouse: with reference.
        day: of judging.
    """
    return Thresholds.on(_read(warehouse, "reference.thresholds"), day)


def intervals_without_their_figure(warehouse: duckdb.DuckDBPyConnection) -> int:
    """How many intervals exclude the figure that they belong to, or have reversed bounds.

    Args:
        warehouse: with the judged cells.
    """
    found = warehouse.execute(
        """
        select count(*)
        from reliability.cell_interval as intervals
        join (
            select consortium_code, indicator_code, district_code, period, '' as pooled_over, value
            from cells.indicator_cell
            union all
            select consortium_code, indicator_code, district_code, period, pooled_over, value
            from reliability.pooled_cell
        ) as figures using (consortium_code, indicator_code, district_code, period, pooled_over)
        where intervals.ci_low > figures.value + 1e-9
            or intervals.ci_high < figures.value - 1e-9
            or intervals.ci_low > intervals.ci_high
        """
    ).fetchone()
    return int(found[0])


def _read(warehouse: duckdb.DuckDBPyConnection, table: str) -> pd.DataFrame:
    # in a fixed order: a sum of fractions ends differently in another one
    return warehouse.execute(f"select * from {table} order by all").df()


def _write(
    warehouse: duckdb.DuckDBPyConnection, made: tuple[Table, ...], measured: Mapping[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    for table in made:
        tables.write_table(warehouse, table, measured[table.name])
    return {table.name: measured[table.name] for table in made}
