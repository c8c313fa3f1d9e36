"""CBS and Kadaster: boundaries of districts, and of the municipality as their union.

Belongs here: from GeoJSON in the Dutch grid (RD New, EPSG:28992, metres) to well-known text.
"""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import shapely
from shapely.geometry import MultiPolygon, shape

from pipeline.monitors.contracts import load_contract
from pipeline.monitors.source_files import OPEN_DATA, files, region_level, region_names

MONITOR = "cbs_wijken"

_RD_NEW = "EPSG::28992"
# RD New's own extent in metres; what lies outside is in another grid, whatever the file says.
_RD_EXTENT = (0, 300_000, 300_000, 625_000)


def read(folder: Path = OPEN_DATA) -> pd.DataFrame:
    """All bundled boundaries, districts and municipalities.

    Args:
        folder: folder of the register of bundled files.

    Returns:
        One row per region and year; geometry_wkt is a valid MULTIPOLYGON in metres of RD New; columns as in
        ``expectations/monitors/cbs_wijken.yml``.

    Raises:
        ValueError: for another coordinate system, or a geometry that is invalid, empty or outside the grid.
    """
    names = region_names(folder)
    tables = [_read_geojson(file, names) for file in files(MONITOR, "geojson", folder).itertuples()]
    return pd.concat(tables, ignore_index=True)[load_contract(MONITOR).names]


def _read_geojson(file: object, names: pd.Series) -> pd.DataFrame:
    """One file: its districts, and the municipality around them."""
    collection = json.loads(file.path.read_text(encoding="utf-8"))
    if not collection["crs"]["properties"]["name"].endswith(_RD_NEW):
        raise ValueError(f"{file.path.name} is not in RD New (EPSG:28992)")
    districts = pd.DataFrame(
        {
            "region_code": [feature["properties"]["code"] for feature in collection["features"]],
            "region_name": [feature["properties"]["name"] for feature in collection["features"]],
            "geometry": [shape(feature["geometry"]) for feature in collection["features"]],
        }
    )
    for code, geometry in zip(districts["region_code"], districts["geometry"], strict=True):
        _check(code, geometry)
    municipality_codes = "GM" + districts["region_code"].str[2:6]
    municipalities = pd.DataFrame(
        [
            {"region_code": code, "region_name": names[code], "geometry": shapely.union_all(members.to_list())}
            for code, members in districts.groupby(municipality_codes)["geometry"]
        ]
    )
    regions = pd.concat([municipalities, districts], ignore_index=True)
    return pd.DataFrame(
        {
            "year": file.year,
            "region_code": regions["region_code"],
            "region_name": regions["region_name"],
            "region_level": region_level(regions["region_code"]),
            "geometry_wkt": regions["geometry"].map(_to_wkt),
            "vintage": file.vintage,
            "source": file.attribution,
        }
    )


def _check(code: str, geometry: shapely.Geometry) -> None:
    if geometry.is_empty or not geometry.is_valid:
        raise ValueError(f"the boundary of {code} is empty or invalid: {shapely.is_valid_reason(geometry)}")
    if not shapely.box(*_RD_EXTENT).contains(geometry):
        raise ValueError(f"the boundary of {code} lies outside the Dutch grid")


def _to_wkt(geometry: shapely.Geometry) -> str:
    whole = geometry if isinstance(geometry, MultiPolygon) else MultiPolygon([geometry])
    # Normalised, so that the same shape always is the same text; a millimetre is finer than any boundary.
    return shapely.to_wkt(shapely.normalize(whole), rounding_precision=3, trim=True)
