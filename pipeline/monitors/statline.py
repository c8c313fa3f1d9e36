"""A table of StatLine, in version 3 or 4 of the protocol, as the same raw table that a bundled file gives.

Belongs here: what a table consists of over the wire (data set, properties, dimensions), and whether all of it arrived.
Does not belong here: requests (``odata.py``), and what the columns mean (the module of the monitor).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from pipeline.monitors.odata import ODataClient, ODataError, any_of, question
from pipeline.monitors.registry import MonitorTable
from pipeline.monitors.source_files import REGION, Question, RawTable
from pipeline.periods import as_utc, local_time

_REGION_KINDS = ("GeoDetail", "GeoDimension")
# The value attribute of a figure that cannot exist; all other reasons for a missing figure are a point in version 3.
_IMPOSSIBLE = "Impossible"


@dataclass(frozen=True)
class Description:
    """What a table says of itself.

    Attributes:
        modified: moment at which the publisher last changed it, in Dutch time.
        rows: number of its rows (of its figures in version 4), of all regions together; None when it does not say.
    """

    modified: datetime
    rows: int | None


def describe(client: ODataClient, table: MonitorTable) -> Description:
    """What a table says of itself: one small request, before all others.

    Raises:
        ODataError: when the table cannot be read or does not say when it was last changed.
    """
    root = client.root(table.catalogue, table.table_id)
    if _is_v4(table):
        found, count = client.document(f"{root}/Properties"), "ObservationCount"
    else:
        found, count = next(client.rows(f"{root}/TableInfos{question(format='json')}"), {}), "RecordCount"
    try:
        moment = datetime.fromisoformat(str(found.get("Modified")))
    except ValueError:
        raise ODataError("the table does not say when it was last changed", root) from None
    rows = str(found.get(count))
    return Description(
        # version 3 writes Dutch time without saying so, version 4 says its offset
        modified=local_time(as_utc(moment)).replace(tzinfo=None) if moment.tzinfo else moment,
        rows=int(rows) if rows.isdecimal() else None,
    )


def read_table(
    client: ODataClient, table: MonitorTable, described: Description, asked: Question, municipalities: Sequence[str]
) -> RawTable:
    """Read the rows of the municipalities, the description of the columns and the names of the regions.

    Args:
        client: how to read.
        table: which table.
        described: what it says of itself.
        asked: which rows of it.
        municipalities: codes without ``GM``; districts and neighbourhoods carry them in their own code.

    Raises:
        ODataError: when not all of it arrives, or nothing.
    """
    beginnings = [level if level == "NL" else level + code for level in asked.levels for code in municipalities]
    beginnings = list(dict.fromkeys(beginnings))
    read = _read_v4 if _is_v4(table) else _read_v3
    cells, properties, names, url = read(client, table, asked, beginnings)
    if described.rows is not None and len(cells) > described.rows:
        raise ODataError(f"{len(cells)} rows arrived of a table that has {described.rows}", url)
    strange = sorted({code for code in cells[REGION] if not code.startswith(tuple(beginnings))})
    if strange:
        raise ODataError(f"the server gives regions that were not asked for, for example {strange[0]}", url)
    return RawTable(
        name=table.table_id,
        table_id=table.table_id,
        year=table.year,
        vintage=f"{described.modified:%Y-%m-%d}_{table.table_id}",
        attribution=table.attribution,
        cells=cells,
        properties=properties,
        names=names,
        url=url,
    )


_Parts = tuple[pd.DataFrame, pd.DataFrame, pd.Series, str]


def _read_v3(client: ODataClient, table: MonitorTable, asked: Question, beginnings: list[str]) -> _Parts:
    """Version 3: wide rows, with the properties of their columns."""
    root = client.root(table.catalogue, table.table_id)
    properties = pd.DataFrame(client.rows(f"{root}/DataProperties{question(format='json')}"))
    region = _region(zip(properties["Key"], properties["Type"], strict=True), root)
    names = _rows(client, f"{root}/{region}", any_of("Key", beginnings), format="json")
    rows = _counted_rows(client, f"{root}/{asked.data_set}", any_of(region, beginnings), asked.where, "ID", table)
    cells = pd.DataFrame(rows).rename(columns={region: REGION})
    for column in ("ID", "ParentID"):
        properties[column] = pd.to_numeric(properties[column])
    return _text(cells), properties, _names(names, "Key"), f"{root}/{asked.data_set}"


def _read_v4(client: ODataClient, table: MonitorTable, asked: Question, beginnings: list[str]) -> _Parts:
    """Version 4: a row per figure, turned into the wide rows and properties of version 3."""
    root = client.root(table.catalogue, table.table_id)
    dimensions = [(row["Identifier"], row["Kind"]) for row in client.rows(f"{root}/Dimensions")]
    region = _region(dimensions, root)
    measures = pd.DataFrame(client.rows(f"{root}/MeasureCodes"))
    groups = pd.DataFrame(client.rows(f"{root}/MeasureGroups"))
    names = _rows(client, f"{root}/{region}Codes", any_of("Identifier", beginnings))
    figures = _counted_rows(client, f"{root}/Observations", any_of(region, beginnings), asked.where, "Id", table)
    keys = measures["Title"].map(column_name) + "_" + measures["Index"]
    topics = pd.DataFrame(
        {
            "ID": "measure " + measures["Identifier"],
            "ParentID": measures["MeasureGroupId"],
            "Type": "Topic",
            "Key": keys,
            "Title": measures["Title"],
            "Description": measures["Description"],
            "Datatype": measures["DataType"],
            "Unit": measures["Unit"],
        }
    )
    titles = pd.DataFrame(
        {"ID": groups["Id"], "ParentID": groups["ParentId"], "Type": "TopicGroup", "Title": groups["Title"]}
    )
    key_of = dict(zip(measures["Identifier"], keys, strict=True))
    others = [name for name, _ in dimensions if name != region]
    wide: dict[tuple, dict[str, Any]] = {}
    for figure in figures:
        if figure["Measure"] not in key_of:
            raise ODataError(f"measure {figure['Measure']} is not among the measures of the table", root)
        place = {REGION: figure[region], **{name: figure[name] for name in others}}
        wide.setdefault(tuple(place.values()), place)[key_of[figure["Measure"]]] = _figure(figure)
    cells = pd.DataFrame(list(wide.values()), columns=[REGION, *others, *keys])
    return _text(cells), pd.concat([topics, titles]), _names(names, "Identifier"), f"{root}/Observations"


def column_name(title: str) -> str:
    """The name that version 3 gives to the column of a measure, without its number.

    It follows from the title, as all columns of table 84799NED show: words joined, each with a capital, without
    accents, and ``k_`` before a digit.
    """
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    name = "".join(word[:1].upper() + word[1:] for word in re.findall(r"[A-Za-z0-9]+", plain))
    return f"k_{name}" if name[:1].isdigit() else name


def _figure(figure: dict[str, Any]) -> str:
    """The cell that version 3 would have for a figure."""
    for part in ("StringValue", "Value"):
        if figure.get(part) is not None:
            return str(figure[part])
    return "" if figure.get("ValueAttribute") == _IMPOSSIBLE else "."


def _is_v4(table: MonitorTable) -> bool:
    return table.catalogue.endswith("_v4")


def _counted_rows(
    client: ODataClient, url: str, filters: list[str], where: str, key: str, table: MonitorTable
) -> list[dict[str, Any]]:
    """All rows, compared with the number that the server says there are."""
    filters = [f"({condition}) and {where}" for condition in filters] if where else filters
    options = {} if _is_v4(table) else {"format": "json"}
    rows = list(_rows(client, url, filters, key, **options))
    if not rows:
        raise ODataError("the table has no rows for this municipality", url)
    counts = [client.count(f"{url}/$count{question(filter=condition)}") for condition in filters]
    known = [count for count in counts if count is not None]
    if len(known) == len(filters) and sum(known) != len(rows):
        raise ODataError(f"{len(rows)} rows arrived where the server counts {sum(known)}", url)
    return rows


def _rows(
    client: ODataClient, url: str, filters: Iterable[str], key: str | None = None, **options: str
) -> Iterator[dict[str, Any]]:
    for condition in filters:
        yield from client.rows(url + question(**options, filter=condition), key)


def _region(dimensions: Iterable[tuple[str, str]], root: str) -> str:
    found = [name for name, kind in dimensions if kind in _REGION_KINDS]
    if len(found) != 1:
        raise ODataError("the table has no dimension of regions, or more than one", root)
    return found[0]


def _names(rows: Iterable[dict[str, Any]], key: str) -> pd.Series:
    pairs = {str(row[key]).strip(): str(row["Title"]).strip() for row in rows}
    return pd.Series(pairs, dtype=object)


def _text(cells: pd.DataFrame) -> pd.DataFrame:
    """Cells as text without padding, nothing for null, as in a bundled file."""
    cells = cells[[column for column in cells if "odata." not in column]]
    return cells.astype(object).where(cells.notna(), "").astype(str).apply(lambda column: column.str.strip())
