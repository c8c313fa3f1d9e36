"""What the sources have in common: the register of bundled files, region codes, and cells that hold no number.

Belongs here: reading that two or more sources share. Does not belong here: the form of one source.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from pipeline.settings import SEEDS

OPEN_DATA = SEEDS / "open_data"

_LEVELS = {"NL": "country", "GM": "municipality", "WK": "district", "BU": "neighbourhood"}
_NUMBER_SUFFIX = re.compile(r"_\d+$")
# Swing and the WFS of CBS write a reason as a number; none of them is ever a value.
_SENTINELS = {
    -99991: "not_available",
    -99995: "not_available",
    -99996: "secret",
    -99997: "secret",
}


def files(monitor: str, form: str, folder: Path = OPEN_DATA) -> pd.DataFrame:
    """The bundled files of a monitor in one form, from the register ``files.csv``.

    Args:
        monitor: ``cbs_kwb``, ``ggd_gezondheid`` or ``cbs_wijken``; also the folder of the files.
        form: what kind of file, for example ``typed``.
        folder: folder of the register.

    Returns:
        One row per file: path, table_id, year, vintage (date and table, so that they sort in time), attribution.

    Raises:
        LookupError: when the register names no such file.
    """
    register = pd.read_csv(folder / "files.csv", dtype=str)
    found = register[(register["monitor"] == monitor) & (register["form"] == form)]
    if found.empty:
        raise LookupError(f"files.csv names no file of monitor {monitor} in form {form}")
    return pd.DataFrame(
        {
            "path": [folder / monitor / name for name in found["file"]],
            "table_id": found["table_id"].to_list(),
            "year": found["year"].astype(int).to_list(),
            "vintage": (found["vintage_date"] + "_" + found["table_id"]).to_list(),
            "attribution": found["attribution"].to_list(),
        }
    )


def read_text(path: Path) -> pd.DataFrame:
    """Read a CSV as text only: an empty cell stays an empty string, ``.`` stays ``.``, padding is stripped."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    return table.apply(lambda column: column.str.strip())


def stem(column: str) -> str:
    """The name of a measure without its number, which shifts from table to table: ``Eenzaam_28`` is ``Eenzaam``."""
    return _NUMBER_SUFFIX.sub("", column)


def region_level(codes: pd.Series) -> pd.Series:
    """The level of each region by the prefix of its code.

    Raises:
        ValueError: for a prefix that is not NL, GM, WK or BU.
    """
    levels = codes.str[:2].map(_LEVELS)
    if levels.isna().any():
        unknown = sorted(set(codes[levels.isna()]))
        raise ValueError(f"region codes of no known level: {', '.join(unknown)}")
    return levels


def region_names(folder: Path = OPEN_DATA) -> pd.Series:
    """Names of municipality, districts and neighbourhoods by code, in the newest division that is bundled."""
    newest = files("cbs_kwb", "regions", folder).sort_values("year")["path"].iloc[-1]
    table = read_text(newest)
    return table.set_index("Key")["Title"]


def read_cells(cells: pd.Series, *, blank: str, dot: str) -> pd.DataFrame:
    """Tell numbers from the marks that stand where a number is missing.

    Args:
        cells: stripped text of one or more measures.
        blank: marker of an empty cell in this source.
        dot: marker of ``.`` in this source.

    Returns:
        With the same index: value (a number or missing), value_text (as the source has it; missing when there is a
        marker), marker (``secret``, ``not_asked``, ``not_available``; missing when there is a value).

    Raises:
        ValueError: when a cell holds anything else.
    """
    numbers = pd.to_numeric(cells, errors="coerce")
    markers = cells.map({"": blank, ".": dot}).astype(object)
    markers = markers.where(markers.notna(), numbers.map(_SENTINELS).astype(object))
    marked = markers.notna()
    unreadable = cells[numbers.isna() & ~marked]
    if not unreadable.empty:
        raise ValueError(f"neither a number nor a known mark: {', '.join(sorted(set(unreadable)))}")
    return pd.DataFrame(
        {
            "value": numbers.where(~marked),
            "value_text": cells.astype(object).where(~marked, None),
            "marker": markers.where(marked, None),
        },
        index=cells.index,
    )
