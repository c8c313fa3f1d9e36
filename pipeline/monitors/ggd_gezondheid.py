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
    files,
    read_cells,
    read_text,
    region_level,
    region_names,
    stem,
)

MONITOR = "ggd_gezondheid"

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
    tables = [_read_untyped(file, names) for file in files(MONITOR, "untyped", folder).itertuples()]
    return pd.concat(tables, ignore_index=True)[load_contract(MONITOR).names]


def _read_untyped(file: object, names: pd.Series) -> pd.DataFrame:
    """One file, long."""
    wide = read_text(file.path)
    keys = pd.DataFrame(
        {
            "year": wide["Perioden"].str.extract(_YEAR_PERIOD, expand=False),
            "age_group": wide["Leeftijd"].map(_AGE_GROUPS),
            "margin": wide["Marges"].map(_MARGINS),
            "region_code": wide["WijkenEnBuurten"],
        }
    )
    unknown = keys.columns[keys.isna().any()].to_list()
    if unknown:
        raise ValueError(f"{file.path.name} has codes of unknown meaning for {', '.join(unknown)}")
    # The country is in no list of districts; its name stands where other rows name their municipality.
    municipality = next(column for column in wide if stem(column) == "Gemeentenaam")
    keys["region_name"] = keys["region_code"].map(names).fillna(wide[municipality])
    measures = [column for column in wide if stem(column) not in _NOT_MEASURES]
    long = pd.concat([keys, wide[measures]], axis="columns").melt(
        id_vars=list(keys), var_name="column", value_name="cell"
    )
    cells = read_cells(long["cell"], blank="not_asked", dot="secret")
    return pd.DataFrame(
        {
            "table_id": file.table_id,
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
            "vintage": file.vintage,
            "source": file.attribution,
        }
    )
