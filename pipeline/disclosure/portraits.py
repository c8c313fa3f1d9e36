"""The pictures and the table of the pattern, as Dagster shows them: which rows of the warehouse go into them.

Belongs here: queries. Does not belong here: what a chart looks like (pictures.py).
"""

from __future__ import annotations

import duckdb

from pipeline.disclosure import pictures
from pipeline.pictures import as_markdown, png


def of_pattern(warehouse: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """What is shown and hidden: the latest half-year, its history, and the figures per half-year.

    Args:
        warehouse: with ``disclosure.indicator_status``, ``disclosure.pattern_figures`` and the reference data.

    Returns:
        Markdown by name: pattern, history, figures.
    """
    statuses = warehouse.execute(
        """
        select consortium_code, indicator_code, district_code, period, status, is_pending
        from disclosure.indicator_status
        qualify period = max(period) over ()
        """
    ).df()
    indicators = warehouse.execute("select indicator_code, position, name_nl from reference.indicators").df()
    districts = warehouse.execute("select district_code, district_name, district_level from reference.districts").df()
    consortia = warehouse.execute("select consortium_code, name from reference.consortia").df()
    figures = warehouse.execute("select * from disclosure.pattern_figures").df()
    period = max(statuses["period"], default="")
    pattern = pictures.pattern_picture(statuses, indicators, districts, consortia, period)
    return {
        "pattern": as_markdown(png(pattern), f"Wat mag worden getoond, {period}: gebieden en indicatoren"),
        "history": as_markdown(png(pictures.pattern_history(figures)), "Deel van de cijfers dat mag worden getoond"),
        "figures": pictures.figures_table(figures),
    }
