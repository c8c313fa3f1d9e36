"""RIVM, GGDs and CBS, Gezondheid per wijk en buurt: estimated shares of adults per district and neighbourhood.

Belongs here: the untyped data set, which has padded keys and numbers and tells ``.`` (unknown or secret) from an
empty cell (not asked in that year). The figures per district are estimates from a model: context for a conversation,
never a sample.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pipeline.monitors.contracts import load_contract
from pipeline.monitors.source_files import (
    OPEN_DATA,
    REGION,
    Question,
    RawTable,
    bundled_table,
    check_columns,
    files,
    read_cells,
    region_level,
    region_names,
    stem,
)

MONITOR = "ggd_gezondheid"
# The country, to compare with; and of the margins the estimate itself.
ASKED = Question(data_set="UntypedDataSet", levels=("NL", "GM", "WK", "BU"), where="startswith(Marges,'MW')")

_AGE_GROUPS = {"20300": "18+", "53115": "18-65", "80200": "65+"}
_MARGINS = {"MW00000": "value"}
_YEAR_PERIOD = r"^(\d{4})JJ00$"
_NOT_MEASURES = (
    "ID",
    "Leeftijd",
    "Marges",
    "WijkenEnBuurten",
    "Perioden",
    "Gemeentenaam",
    "SoortRegio",
    "Codering",
)


def read(folder: Path = OPEN_DATA) -> pd.DataFrame:
    """All bundled health figures as one long table.

    Args:
        folder: folder of the register of bundled files.

    Returns:
        One row per year, age group, region and measure; value in per cent of that age group; columns as in
        ``expectations/monitors/ggd_gezondheid.yml``.

    Raises:
        ValueError: for an unknown age group, margin or period, or a cell that is neither number nor known mark.
    """
    names = region_names(folder)
    tables = [map_table(bundled_table(file, names)) for file in files(MONITOR, "untyped", folder).itertuples()]
    return pd.concat(tables, ignore_index=True)


def map_table(raw: RawTable) -> pd.DataFrame:
    """The untyped data set of one table, long.

    Args:
        raw: the table as its publisher has it.

    Returns:
        Columns as in ``expectations/monitors/ggd_gezondheid.yml``.

    Raises:
        ValueError: for an unknown age group, margin or period, or a cell that is neither number nor known mark.
    """
    check_columns(raw)
    wide = raw.cells
    keys = pd.DataFrame(
        {
            "year": wide["Perioden"].str.extract(_YEAR_PERIOD, expand=False),
            "age_group": wide["Leeftijd"].map(_AGE_GROUPS),
            "margin": wide["Marges"].map(_MARGINS),
            "region_code": wide[REGION],
        }
    )
    unknown = keys.columns[keys.isna().any()].to_list()
    if unknown:
        raise ValueError(f"{raw.name} has codes of unknown meaning for {', '.join(unknown)}")
    # The country is in no list of districts; its name stands where other rows name their municipality.
    municipality = next(column for column in wide if stem(column) == "Gemeentenaam")
    keys["region_name"] = keys["region_code"].map(raw.names).fillna(wide[municipality])
    measures = [column for column in wide if stem(column) not in _NOT_MEASURES]
    long = pd.concat([keys, wide[measures]], axis="columns").melt(
        id_vars=list(keys), var_name="column", value_name="cell"
    )
    cells = read_cells(long["cell"], blank="not_asked", dot="secret")
    mapped = pd.DataFrame(
        {
            "table_id": raw.table_id,
            "year": long["year"].astype(int),
            "age_group": long["age_group"],
            "margin": long["margin"],
            "region_code": long["region_code"],
            "region_name": long["region_name"],
            "region_level": region_level(long["region_code"]),
            "measure": long["column"].map(stem),
            "value": cells["value"],
            "value_text": cells["value_text"],
            "marker": cells["marker"],
            "vintage": raw.vintage,
            "source": raw.attribution,
        }
    )
    return mapped[load_contract(MONITOR).names]
