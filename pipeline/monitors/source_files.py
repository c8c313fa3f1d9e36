"""What the sources have in common: the register of bundled files, region codes, and cells that hold no number.

Belongs here: reading that two or more sources share, and the raw table that a bundled file and a table over the wire
both give, so that each source maps it in one way. Does not belong here: the form of one source, or requests.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.settings import SEEDS

OPEN_DATA = SEEDS / "open_data"
REGION = "WijkenEnBuurten"

_LEVELS = {"NL": "country", "GM": "municipality", "WK": "district", "BU": "neighbourhood"}
_NUMBER_SUFFIX = re.compile(r"_\d+$")
# Swing and the WFS of CBS write a reason as a number; none of them is ever a value.
_SENTINELS = {
    -99991: "not_available",
    -99995: "not_available",
    -99996: "secret",
    -99997: "secret",
}


@dataclass(frozen=True)
class Question:
    """What a monitor asks of its tables over the wire.

    Attributes:
        data_set: the data set of version 3. The typed one has numbers and no reason why one is missing; the untyped one
            has padded text, with ``.`` for unknown or secret and nothing for impossible.
        levels: prefixes of the regions.
        where: a further condition, or empty.
    """

    data_set: str
    levels: tuple[str, ...] = ("GM", "WK", "BU")
    where: str = ""


@dataclass(frozen=True)
class RawTable:
    """A table as its publisher has it: a row per region (and age, and year), a column per measure, all cells text.

    Attributes:
        name: name of the file, or of the table at its publisher; for messages.
        table_id: the publisher's identifier.
        year: year that it describes; None when its rows carry their years.
        vintage: date and table, so that vintages sort in time.
        attribution: to print with the figures.
        cells: stripped text; nothing where the source has nothing; the regions in column ``WijkenEnBuurten``.
        properties: the publisher's description of the columns (``DataProperties``), or None.
        names: names of the regions by code.
        url: where it was read, without the question; None for a file.
    """

    name: str
    table_id: str
    year: int | None
    vintage: str
    attribution: str
    cells: pd.DataFrame
    properties: pd.DataFrame | None
    names: pd.Series
    url: str | None = None


def check_columns(raw: RawTable) -> None:
    """Compare the columns of a table with their description, where there is one.

    Raises:
        ValueError: for a table without regions, a column that is not described or a described one that is not there.
    """
    if REGION not in raw.cells:
        raise ValueError(f"{raw.name} has no column of regions")
    if raw.properties is None:
        return
    measures = {column for column in raw.cells if stem(column) != column}
    described = set(raw.properties.loc[raw.properties["Type"] == "Topic", "Key"])
    if undescribed := sorted(measures - described):
        raise ValueError(f"{raw.name} has columns that its properties do not describe: {', '.join(undescribed)}")
    if missing := sorted(described - measures):
        raise ValueError(f"{raw.name} misses columns that its properties describe: {', '.join(missing)}")


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


def bundled_table(file: Any, names: pd.Series, properties: pd.DataFrame | None = None) -> RawTable:
    """A bundled file as its publisher has it.

    Args:
        file: a row of ``files``.
        names: names of the regions by code.
        properties: the description of its columns, where there is one.
    """
    return RawTable(
        name=file.path.name,
        table_id=file.table_id,
        year=file.year,
        vintage=file.vintage,
        attribution=file.attribution,
        cells=read_text(file.path),
        properties=properties,
        names=names,
    )


def modified_at(monitor: str, folder: Path = OPEN_DATA) -> dict[str, datetime]:
    """When the publisher had last changed the bundled tables, by vintage, where that is known."""
    register = pd.read_csv(folder / "files.csv", dtype=str)
    known = register[(register["monitor"] == monitor) & register["modified_at"].notna()]
    vintages = known["vintage_date"] + "_" + known["table_id"]
    return dict(zip(vintages, map(datetime.fromisoformat, known["modified_at"]), strict=True))


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
