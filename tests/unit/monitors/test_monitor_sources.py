"""The bundled monitors against figures that their publishers show elsewhere, and against odd files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import shapely

from pipeline.monitors import cbs_kwb, cbs_wijken, ggd_gezondheid
from pipeline.monitors.source_files import OPEN_DATA, files, read_cells, region_level, stem

MUNICIPALITY = "GM0484"


@pytest.fixture(scope="module")
def kwb() -> pd.DataFrame:
    return cbs_kwb.read()


@pytest.fixture(scope="module")
def health() -> pd.DataFrame:
    return ggd_gezondheid.read()


@pytest.fixture(scope="module")
def boundaries() -> pd.DataFrame:
    return cbs_wijken.read()


@pytest.fixture
def open_data(tmp_path) -> Path:
    """A copy of the bundled files that a test may change."""
    return Path(shutil.copytree(OPEN_DATA, tmp_path / "open_data"))


def cell(table: pd.DataFrame, **where: object) -> pd.Series:
    found = table[(table[list(where)] == pd.Series(where)).all(axis=1)]
    assert len(found) == 1, where
    return found.iloc[0]


# ---- what sources share -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "name"),
    [("Eenzaam_28", "Eenzaam"), ("k_0Tot15Jaar_8", "k_0Tot15Jaar"), ("ScholenBinnen3Km_109", "ScholenBinnen3Km")],
)
def test_a_measure_loses_its_number_only(column, name):
    assert stem(column) == name


def test_a_region_has_the_level_of_its_prefix():
    codes = pd.Series(["NL01", "GM0484", "WK048401", "BU04840101"])
    assert region_level(codes).to_list() == ["country", "municipality", "district", "neighbourhood"]
    with pytest.raises(ValueError, match="of no known level: PV28"):
        region_level(pd.Series(["GM0484", "PV28"]))


def test_marks_are_never_values():
    cells = read_cells(
        pd.Series(["12.5", "0", "", ".", "-99997", "-99995.0", "-99996", "-99991", "-3"]),
        blank="not_asked",
        dot="secret",
    )
    assert cells["value"].dropna().to_list() == [12.5, 0.0, -3.0]
    assert cells["value_text"].dropna().to_list() == ["12.5", "0", "-3"]
    assert cells["marker"].iloc[2:8].to_list() == [
        "not_asked",
        "secret",
        "secret",
        "not_available",
        "secret",
        "not_available",
    ]
    assert (cells["marker"].isna() == cells["value"].notna()).all()


def test_an_unknown_mark_is_refused():
    with pytest.raises(ValueError, match="neither a number nor a known mark: x"):
        read_cells(pd.Series(["1", "x"]), blank="not_asked", dot="secret")


def test_every_bundled_file_is_in_the_register_or_told_about():
    register = pd.read_csv(OPEN_DATA / "files.csv")
    listed = {OPEN_DATA / row.monitor / row.file for row in register.itertuples()}
    bundled = {path for path in OPEN_DATA.glob("*/*") if path.is_file()}
    assert bundled - listed == {OPEN_DATA / "cbs_kwb" / "kwb_2020_84799NED_TableInfos.json"}
    assert listed <= bundled
    text = (OPEN_DATA / "SOURCES.md").read_text(encoding="utf-8")
    for path in bundled - set((OPEN_DATA / "ggd_gezondheid").iterdir()):
        assert path.name in text


def test_a_form_without_a_file_is_refused():
    with pytest.raises(LookupError, match="names no file of monitor cbs_kwb in form untyped"):
        files("cbs_kwb", "untyped")


def test_the_register_has_cbss_own_date_of_the_table():
    described = json.loads((OPEN_DATA / "cbs_kwb" / "kwb_2020_84799NED_TableInfos.json").read_text(encoding="utf-8"))
    typed = files("cbs_kwb", "typed").iloc[0]
    assert typed["vintage"] == f"{described['Modified'][:10]}_{described['Identifier']}"
    assert typed["year"] == int(described["Period"])


# ---- CBS, Kerncijfers wijken en buurten ---------------------------------------------------------------------------


def test_kwb_holds_two_tables_in_full(kwb):
    regions = kwb.groupby(["table_id", "region_level"])["region_code"].nunique().to_dict()
    assert regions == {
        ("84799NED", "municipality"): 1,
        ("84799NED", "district"): 16,
        ("84799NED", "neighbourhood"): 100,
        ("85318NED", "municipality"): 1,
        ("85318NED", "district"): 16,
    }
    assert kwb.groupby("table_id")["measure"].nunique().to_dict() == {"84799NED": 113, "85318NED": 15}


@pytest.mark.parametrize(
    ("year", "region", "measure", "value", "unit"),
    [
        (2020, MUNICIPALITY, "AantalInwoners", 111897, "aantal"),
        (2020, "WK048409", "AantalInwoners", 40, "aantal"),
        (2020, MUNICIPALITY, "k_0Tot15Jaar", 18322, "aantal"),
        (2020, MUNICIPALITY, "OppervlakteTotaal", 13250, "ha"),
        (2020, "WK048401", "MateVanStedelijkheid", 2, "code"),
        (2022, MUNICIPALITY, "AantalInwoners", 112926, "aantal"),
        (2022, "WK048409", "AantalInwoners", 40, "aantal"),
        (2022, MUNICIPALITY, "PercentageInwoners0Tot15Jaar", 16, "%"),
        (2022, MUNICIPALITY, "OppervlakteTotaal", 13249, "ha"),
        (2022, "WK048401", "OppervlakteTotaal", 643, "ha"),
        (2022, "WK048401", "MateVanStedelijkheid", 2, "code"),
        (2022, "WK048408", "GemiddeldeWoningwaarde", 373, "x 1 000 euro"),
    ],
)
def test_kwb_figures_keep_their_value_and_unit(kwb, year, region, measure, value, unit):
    found = cell(kwb, year=year, region_code=region, measure=measure)
    assert (found["value"], found["unit"]) == (value, unit)
    assert pd.isna(found["marker"])


def test_kwb_districts_are_rounded_and_need_not_add_up(kwb):
    residents = kwb[(kwb["measure"] == "AantalInwoners") & (kwb["year"] == 2020)]
    assert residents.loc[residents["region_level"] == "district", "value"].sum() == 111865


def test_a_kwb_measure_is_one_quantity_in_one_unit(kwb):
    assert kwb.groupby("measure")["unit"].nunique().max() == 1
    assert not kwb.duplicated(["table_id", "year", "region_code", "measure"]).any()
    # Electricity and gas both have a column Appartement.
    assert {"GemiddeldElektriciteitsverbruikAppartement", "GemiddeldAardgasverbruikAppartement"} <= set(kwb["measure"])
    assert "Appartement" not in set(kwb["measure"])


def test_kwb_missing_figures_are_rows_with_a_marker(kwb):
    for year, region, measure in [
        (2020, "WK048401", "WmoClienten"),
        (2022, "WK048409", "GemiddeldeWoningwaarde"),
        (2020, MUNICIPALITY, "IndelingswijzigingWijkenEnBuurten"),
    ]:
        found = cell(kwb, year=year, region_code=region, measure=measure)
        assert found["marker"] == "not_available"
        assert found[["value", "value_text"]].isna().all()


def test_kwb_codes_stay_text(kwb):
    found = cell(kwb, year=2020, region_code="BU04840101", measure="MeestVoorkomendePostcode")
    assert found["value_text"] == "2401"
    assert pd.isna(found["value"]) and pd.isna(found["marker"])


def test_kwb_says_what_is_provisional(kwb):
    status = kwb[kwb["year"] == 2020].groupby("measure")["status"].first()
    assert status["PersonenPerSoortUitkeringBijstand"] == "provisional"
    assert status["AantalInwoners"] == "final"


def test_kwb_regions_have_their_own_names(kwb):
    names = kwb.groupby("region_code")["region_name"].unique()
    assert names["WK048401"].tolist() == ["Oudshoorn"]
    assert names["BU04840101"].tolist() == ["Gnephoek"]


def test_kwb_vintages_name_date_and_table(kwb):
    assert kwb.groupby("table_id")["vintage"].unique().explode().to_dict() == {
        "84799NED": "2021-03-26_84799NED",
        "85318NED": "2024-11_85318NED",
    }


@pytest.mark.parametrize(
    ("name", "column", "message"),
    [
        ("kwb_2020_84799NED_GM0484_typed.csv", "Nieuw_117", "properties do not describe: Nieuw_117"),
        ("kwb_2022_wijken_GM0484.csv", "income_top", "columns of unknown meaning: income_top"),
    ],
)
def test_a_kwb_column_that_nobody_describes_is_refused(open_data, name, column, message):
    path = open_data / "cbs_kwb" / name
    pd.read_csv(path, dtype=str).assign(**{column: "1"}).to_csv(path, index=False)
    with pytest.raises(ValueError, match=message):
        cbs_kwb.read(open_data)


# ---- Gezondheid per wijk en buurt ---------------------------------------------------------------------------------


def test_health_figures_are_all_there(health):
    groups = [(year, age) for year in (2012, 2016, 2020) for age in ("18+", "18-65", "65+")]
    groups.remove((2020, "18-65"))
    assert health.groupby(["year", "age_group"])["region_code"].nunique().to_dict() == dict.fromkeys(groups, 118)
    assert health["measure"].nunique() == 35
    assert health["region_level"].value_counts(normalize=True).round(3)["neighbourhood"] == round(100 / 118, 3)


@pytest.mark.parametrize(
    ("measure", "municipality", "country"),
    [
        ("ErvarenGezondheidGoedZeerGoed", 80.8, 78.4),
        ("Eenzaam", 45.9, 47.0),
        ("ErnstigZeerErnstigEenzaam", 10.1, 11.2),
        ("MatigVeelRegieOverEigenLeven", 91.3, 90.1),
        ("Mantelzorger", 13.4, 13.6),
        ("Vrijwilligerswerk", 26.6, 24.6),
        ("MoeiteMetRondkomen", 12.6, 13.9),
    ],
)
def test_health_figures_of_2020_are_those_of_the_publisher(health, measure, municipality, country):
    of_adults = {"year": 2020, "age_group": "18+", "measure": measure}
    assert cell(health, region_code=MUNICIPALITY, **of_adults)["value"] == municipality
    assert cell(health, region_code="NL01", **of_adults)["value"] == country


def test_secret_health_figures_are_the_small_neighbourhoods(health):
    adults = health[(health["year"] == 2020) & (health["age_group"] == "18+")]
    secret = adults[adults["marker"] == "secret"]
    assert secret.groupby("region_code").size().to_dict() == dict.fromkeys(
        ["BU04840506", "BU04840605", "BU04840812", "BU04847102"], 32
    )
    assert pd.notna(cell(adults, region_code="WK048409", measure="Eenzaam")["value"])


def test_what_was_not_asked_was_not_asked_of_anybody(health):
    by_measure = health.assign(not_asked=health["marker"] == "not_asked").groupby(["year", "age_group", "measure"])
    assert set(by_measure["not_asked"].mean()) == {0.0, 1.0}
    asked_in_2012 = health[(health["year"] == 2012) & (health["marker"] != "not_asked")]["measure"]
    assert not {"SociaalEenzaam", "MatigVeelRegieOverEigenLeven", "Vrijwilligerswerk"} & set(asked_in_2012)


def test_health_regions_have_names_and_no_padding(health):
    assert cell(health, year=2012, age_group="18+", region_code="NL01", measure="Eenzaam")["region_name"] == "Nederland"
    assert (
        cell(health, year=2012, age_group="18+", region_code="WK048470", measure="Eenzaam")["region_name"] == "Boskoop"
    )
    assert (health["region_code"] == health["region_code"].str.strip()).all()


def test_numbers_that_shift_between_tables_do_not_matter(open_data, health):
    for path in (open_data / "ggd_gezondheid").iterdir():
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        shifted = {name: f"{stem(name)}_{900 - at}" for at, name in enumerate(table) if stem(name) != name}
        table.rename(columns=shifted)[sorted(table.rename(columns=shifted))].to_csv(path, index=False)
    key = ["year", "age_group", "region_code", "measure"]
    pd.testing.assert_frame_equal(
        ggd_gezondheid.read(open_data).sort_values(key, ignore_index=True), health.sort_values(key, ignore_index=True)
    )


@pytest.mark.parametrize(
    ("column", "value", "part"),
    [("Leeftijd", "99999", "age_group"), ("Marges", "MOG0095", "margin"), ("Perioden", "2020KW01", "year")],
)
def test_health_codes_of_unknown_meaning_are_refused(open_data, column, value, part):
    path = open_data / "ggd_gezondheid" / "gezondheid_50090NED_GM0484_2020_18plus_untyped.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table.assign(**{column: value}).to_csv(path, index=False)
    with pytest.raises(ValueError, match=f"codes of unknown meaning for {part}"):
        ggd_gezondheid.read(open_data)


# ---- boundaries ---------------------------------------------------------------------------------------------------


def test_boundaries_are_valid_and_the_municipality_is_the_union(boundaries):
    shapes = dict(zip(boundaries["region_code"], shapely.from_wkt(boundaries["geometry_wkt"]), strict=True))
    assert len(shapes) == 17
    assert all(shape.is_valid and shape.geom_type == "MultiPolygon" for shape in shapes.values())
    whole = shapes.pop(MUNICIPALITY)
    assert whole.equals(shapely.union_all(list(shapes.values())))
    # No overlap between districts. CBS: 13,249 hectares; these are simplified shapes.
    assert whole.area == pytest.approx(sum(shape.area for shape in shapes.values()), rel=1e-9)
    assert whole.area / 10_000 == pytest.approx(13249, rel=1e-3)


def test_boundaries_know_their_names_and_levels(boundaries):
    levels = boundaries.set_index("region_code")["region_level"]
    assert levels[MUNICIPALITY] == "municipality"
    assert (levels.drop(MUNICIPALITY) == "district").all()
    assert cell(boundaries, region_code=MUNICIPALITY)["region_name"] == "Alphen aan den Rijn"


def _change_boundaries(folder: Path, change) -> None:
    path = folder / "cbs_wijken" / "wijken_2022_GM0484_rd.geojson"
    collection = json.loads(path.read_text(encoding="utf-8"))
    change(collection)
    path.write_text(json.dumps(collection), encoding="utf-8")


def _set_first_ring(ring: list[list[float]]):
    return lambda collection: collection["features"][0]["geometry"].update(coordinates=[[ring]])


def _to_degrees(collection: dict) -> None:
    collection["crs"]["properties"]["name"] = "urn:ogc:def:crs:OGC:1.3:CRS84"


BOW_TIE = [[100_000, 460_000], [101_000, 461_000], [101_000, 460_000], [100_000, 461_000], [100_000, 460_000]]
DEGREES = [[4.6, 52.1], [4.7, 52.1], [4.7, 52.2], [4.6, 52.1]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_to_degrees, "is not in RD New"),
        (_set_first_ring(BOW_TIE), "boundary of WK048401 is empty or invalid: Self-intersection"),
        (_set_first_ring(DEGREES), "lies outside the Dutch grid"),
    ],
)
def test_boundaries_that_cannot_be_are_refused(open_data, change, message):
    _change_boundaries(open_data, change)
    with pytest.raises(ValueError, match=message):
        cbs_wijken.read(open_data)
