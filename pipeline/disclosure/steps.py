"""The step of this room on an open warehouse: read cells and pooled cells, decide, write.

Belongs here: which tables are read and written. Does not belong here: a rule, or Dagster (assets.py).
"""

from __future__ import annotations

import duckdb
import pandas as pd

from pipeline.disclosure.first_protection import protect_indicators, protect_life_domains
from pipeline.disclosure.pooled_figures import protect_pooled
from pipeline.warehouse.connection import replace_table

_AREA = "district_code, period"
# per table: what it decides on, and the key of that
STATUS_TABLES = {
    "indicator_status": ("cells.indicator_cell", f"consortium_code, indicator_code, {_AREA}"),
    "life_domain_status": ("cells.life_domain_cell", f"consortium_code, life_domain_code, {_AREA}"),
    "pooled_status": ("reliability.pooled_cell", f"consortium_code, indicator_code, {_AREA}, pooled_over"),
}


def protect_cells(warehouse: duckdb.DuckDBPyConnection) -> dict[str, pd.DataFrame]:
    """Decide for every cell and pooled cell whether it may be shown, and write that.

    Args:
        warehouse: with cells, reference and the pooled cells and verdicts of reliability.

    Returns:
        The tables written, by name.
    """
    cells, domains, pooled, members, verdicts, indicators, thresholds = (
        warehouse.execute(f"select * from {table}").df()
        for table in (
            "cells.indicator_cell",
            "cells.life_domain_cell",
            "reliability.pooled_cell",
            "reliability.pooled_member",
            "reliability.verdict",
            "reference.indicators",
            "reference.thresholds",
        )
    )
    of_cells = protect_indicators(cells, indicators, thresholds)
    made = {
        "indicator_status": of_cells,
        "life_domain_status": protect_life_domains(domains, thresholds),
        "pooled_status": protect_pooled(pooled, members, cells, of_cells, verdicts, indicators, thresholds),
    }
    for name, frame in made.items():
        source, _ = STATUS_TABLES[name]
        replace_table(warehouse, "disclosure", name, frame, f"Status of every row of {source}; written by disclosure")
    return made


def without_status(warehouse: duckdb.DuckDBPyConnection, name: str) -> int:
    """How many cells a status table says nothing about.

    Args:
        warehouse: after ``protect_cells``.
        name: one of ``STATUS_TABLES``.
    """
    source, key = STATUS_TABLES[name]
    found = warehouse.execute(
        f"select count(*) from {source} c left join disclosure.{name} s using ({key}) where s.status is null"
    ).fetchone()
    return int(found[0])
