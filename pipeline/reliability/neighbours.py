"""Which districts lie beside each other, from their boundaries.

Belongs here: shapes to pairs. Does not belong here: what neighbours are taken together for (pooling.py).
"""

from __future__ import annotations

from itertools import combinations

import pandas as pd

# Boundaries of one publisher fit to the centimetre; this bridges rounding and nothing else. Metres.
_GAP = 1.0


def neighbouring_districts(districts: pd.DataFrame) -> pd.DataFrame:
    """Pairs of districts that share a part of their boundary; one point in common is not enough.

    Args:
        districts: region_code and geometry_wkt (polygons in metres, such as RD New, EPSG:28992).

    Returns:
        district_code, neighbour_code and shared_boundary (metres), each pair in both directions, in order of code. A
        district without a shape has no neighbours.

    Raises:
        ValueError: for a shape that cannot be read; the message names the district.
    """
    # shapely brings numpy and GEOS; only this step needs it
    import shapely

    shapes = {}
    for code, text in zip(districts["region_code"], districts["geometry_wkt"], strict=True):
        if not isinstance(text, str) or not text:
            continue
        try:
            shape = shapely.make_valid(shapely.from_wkt(text))
        except shapely.errors.ShapelyError as error:
            raise ValueError(f"the boundary of district {code} cannot be read as WKT") from error
        if not shape.is_empty:
            shapes[code] = shape
    around = {code: shape.buffer(_GAP) for code, shape in shapes.items()}
    rows = []
    for one, other in combinations(shapes, 2):
        if not around[one].intersects(shapes[other]):
            continue
        # seen from either side: two boundaries are never quite the same line
        shared = min(
            float(shapes[beside].boundary.intersection(around[shape]).length)
            for shape, beside in ((one, other), (other, one))
        )
        # the buffer alone takes in some metres where two shapes meet in a point
        if shared > 10 * _GAP:
            rows += [(one, other, round(shared, 1)), (other, one, round(shared, 1))]
    return pd.DataFrame(sorted(rows), columns=["district_code", "neighbour_code", "shared_boundary"])
