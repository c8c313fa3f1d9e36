"""Districts beside each other: the real ones, and shapes of which it is clear."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import shapely

from pipeline.reliability.neighbours import neighbouring_districts

SHAPES = Path(__file__).parents[3] / "seeds" / "open_data" / "cbs_wijken" / "wijken_2022_GM0484_rd.geojson"


def square(x, y, size=100):
    return shapely.box(x, y, x + size, y + size).wkt


def pairs(**shapes):
    table = pd.DataFrame({"region_code": list(shapes), "geometry_wkt": list(shapes.values())}, dtype=object)
    found = neighbouring_districts(table)
    return dict(zip(found[["district_code", "neighbour_code"]].itertuples(index=False, name=None),
                    found["shared_boundary"], strict=True))  # fmt: skip


@pytest.fixture(scope="module")
def real():
    features = json.loads(SHAPES.read_text(encoding="utf-8"))["features"]
    return pd.DataFrame(
        {
            "region_code": [feature["properties"]["code"] for feature in features],
            "geometry_wkt": [shapely.from_geojson(json.dumps(feature["geometry"])).wkt for feature in features],
            "name": [feature["properties"]["name"] for feature in features],
        }
    )


def test_the_real_districts(real):
    found = neighbouring_districts(real)
    assert found[["district_code", "neighbour_code"]].equals(
        found[["district_code", "neighbour_code"]].sort_values(["district_code", "neighbour_code"], ignore_index=True)
    )
    beside = set(found[["district_code", "neighbour_code"]].itertuples(index=False, name=None))
    assert {(other, one) for one, other in beside} == beside
    assert not any(one == other for one, other in beside)
    assert {one for one, _ in beside} == set(real["region_code"])
    code = real.set_index("name")["region_code"]
    of = {name: {other for one, other in beside if one == code[name]} for name in code.index}
    # Benthuizen touches the rest of the municipality in one place only; Boskoop and Zwammerdam lie far apart
    assert of["Benthuizen"] == {code["Hazerswoude-Dorp"]}
    assert code["Zwammerdam"] not in of["Boskoop"]
    assert code["Ridderveld"] in of["Zegersloot"]
    length = found.set_index(["district_code", "neighbour_code"])["shared_boundary"]
    assert all(length[pair] == length[pair[::-1]] > 10 for pair in beside)


def test_the_order_of_districts_does_not_matter(real):
    expected = neighbouring_districts(real)
    pd.testing.assert_frame_equal(neighbouring_districts(real.iloc[::-1]), expected)


def test_a_point_in_common_makes_no_neighbours():
    found = pairs(a=square(0, 0), b=square(100, 0), c=square(100, 100), d=square(300, 0))
    assert set(found) == {("a", "b"), ("b", "a"), ("b", "c"), ("c", "b")}
    # a metre further on either side is bridged
    assert found[("a", "b")] == pytest.approx(100, abs=2.1)


def test_boundaries_may_lie_centimetres_apart_and_not_metres():
    assert set(pairs(a=square(0, 0), b=square(100.3, 0))) == {("a", "b"), ("b", "a")}
    assert pairs(a=square(0, 0), b=square(103, 0)) == {}


def test_an_island_in_another_district_is_its_neighbour():
    around = shapely.box(0, 0, 300, 300).difference(shapely.box(100, 100, 200, 200)).wkt
    assert pairs(inner=square(100, 100), outer=around)[("inner", "outer")] == pytest.approx(400, abs=5)


@pytest.mark.parametrize("nothing", [None, "", "POLYGON EMPTY", float("nan")])
def test_a_district_without_a_shape_has_no_neighbours(nothing):
    assert set(pairs(a=square(0, 0), b=square(100, 0), c=nothing)) == {("a", "b"), ("b", "a")}


def test_a_shape_that_crosses_itself_is_read_and_one_that_is_no_shape_refused_by_name():
    bow_tie = "POLYGON ((100 0, 200 100, 200 0, 100 100, 100 0))"
    assert ("a", "b") in pairs(a=square(0, 0), b=bow_tie)
    with pytest.raises(ValueError, match="district b "):
        pairs(a=square(0, 0), b="POLYGON ((somewhere))")


def test_without_districts_there_are_no_pairs():
    assert list(neighbouring_districts(pd.DataFrame({"region_code": [], "geometry_wkt": []}))) == [
        "district_code",
        "neighbour_code",
        "shared_boundary",
    ]
