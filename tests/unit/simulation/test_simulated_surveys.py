"""The invented survey files: the same seed gives the same bytes, and the product can read them."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from pipeline.monitors.survey_files import read_survey
from pipeline.simulation import simulate_surveys


def contents(paths: list[Path], inbox: Path) -> dict[str, bytes]:
    return {str(path.relative_to(inbox)): path.read_bytes() for path in paths}


def test_the_same_seed_gives_the_same_bytes_and_nothing_is_overwritten(tmp_path):
    one = contents(simulate_surveys(tmp_path / "one", seed=7), tmp_path / "one")
    other = contents(simulate_surveys(tmp_path / "other", seed=8), tmp_path / "other")
    again = simulate_surveys(tmp_path / "one", seed=7)
    assert contents(again, tmp_path / "one") == one
    assert contents(simulate_surveys(tmp_path / "two", seed=7), tmp_path / "two") == one
    assert one.keys() == other.keys() and all(one[name] != other[name] for name in one)
    with pytest.raises(FileExistsError, match="another file"):
        simulate_surveys(tmp_path / "one", seed=8)
    assert contents(again, tmp_path / "one") == one


def test_every_row_says_that_it_is_invented_and_can_be_read(tmp_path):
    paths = simulate_surveys(tmp_path)
    tables = {path.stem: read_survey(path, path.parent.name) for path in paths}
    assert {source for table in tables.values() for source in table["source"]} == {"Verzonnen voor de demonstratie"}
    years = {year for name, table in tables.items() if name.startswith("ceo_wmo") for year in table["year"]}
    assert years == set(range(2018, 2026))
    # the questionnaire changed in 2021: numbers before, codes after
    assert set(tables["ceo_wmo_2018_2020"]["question"]) == {str(number) for number in range(1, 11)}
    assert not any(question.isdigit() for question in tables["ceo_wmo_2021_2025"]["question"])
    districts = tables["ceo_wmo_2021_2025"].query("region_level == 'district'")
    assert (districts["n"] < 10).any() and (districts["n"] > 30).any()


def test_groups_add_up_to_the_total(tmp_path):
    path = next(path for path in simulate_surveys(tmp_path) if path.stem == "ceo_wmo_2018_2020")
    with path.open(encoding="windows-1252", newline="") as handle:
        rows = [row for row in csv.DictReader(handle, delimiter=";") if row["vraag"] == "1"]
    for year in {row["jaar"] for row in rows}:
        counts = {row["groep"]: int(row["n"]) for row in rows if row["jaar"] == year}
        assert counts["totaal"] == counts["tot 65"] + counts["65+"]
