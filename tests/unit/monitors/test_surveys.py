"""Surveys in the inbox: vintages in order of arrival, refused files that stop nothing, and the mapping of questions."""

from __future__ import annotations

import csv
import os
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from pipeline.deliveries.package import find_deliveries, unrecognised_folders
from pipeline.monitors.assets import build_monitor_assets
from pipeline.monitors.contracts import SURVEYS
from pipeline.monitors.survey_files import question_key
from pipeline.monitors.surveys import load_surveys
from pipeline.monitors.vault import loads
from pipeline.settings import SEEDS, Settings
from pipeline.simulation import simulate_surveys

SECRET = "zeldzaamwoord"


def put(settings: Settings, name: str, *rows: str, at: int = 0, monitor: str = "ceo_wmo") -> Path:
    path = settings.monitor_inbox / monitor / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["jaar;vraag;groep;gebied;n;waarde;marge", *rows, ""]))
    os.utime(path, (at, at))
    return path


def outcomes(settings: Settings, monitor: str = "ceo_wmo") -> list[tuple]:
    return [(file.name, file.status, file.vintage) for file in load_surveys(settings, monitor)]


def in_vault(settings: Settings, monitor: str = "ceo_wmo") -> list[tuple]:
    rows = duckdb.sql(f"from '{settings.vault}/monitors/{monitor}/*.parquet'")
    return rows.project("vintage, file_id, year, value").order("vintage, year").fetchall()


# ---- vintages -----------------------------------------------------------------------------------------------------


def test_without_files_there_is_nothing_and_the_vault_can_be_read(settings):
    assert [load_surveys(settings, monitor) for monitor in SURVEYS] == [[], [], []]
    assert in_vault(settings) == []


def test_the_same_file_is_known_and_a_changed_one_is_a_revision(settings):
    put(settings, "CEO Wmo 2024.csv", "2024;ceo_snel;;;400;80;")
    assert outcomes(settings) == [("CEO Wmo 2024.csv", "new", "0001_ceo-wmo-2024")]
    # a later date alone, or another order or form of the same figures, changes nothing
    put(settings, "CEO Wmo 2024.csv", "", "2024 ;ceo_snel;totaal;GM0484;400;80,0;", at=9)
    assert outcomes(settings) == [("CEO Wmo 2024.csv", "known", "0001_ceo-wmo-2024")]
    put(settings, "CEO Wmo 2024.csv", "2024;ceo_snel;;;400;81;")
    assert outcomes(settings) == [("CEO Wmo 2024.csv", "new", "0002_ceo-wmo-2024")]
    # back to what it was is a change too
    put(settings, "CEO Wmo 2024.csv", "2024;ceo_snel;;;400;80;")
    assert outcomes(settings) == [("CEO Wmo 2024.csv", "new", "0003_ceo-wmo-2024")]
    assert [row[3] for row in in_vault(settings)] == [80.0, 81.0, 80.0]


def test_a_copy_under_another_name_is_known(settings):
    put(settings, "b.csv", "2024;ceo_snel;;;400;80;")
    load_surveys(settings, "ceo_wmo")
    put(settings, "a.csv", "2024;ceo_snel;;;400;80;", at=1)
    assert outcomes(settings) == [("b.csv", "known", "0001_b"), ("a.csv", "known", "0001_b")]
    assert len(in_vault(settings)) == 1


def test_each_vintage_is_logged_also_after_a_kill(settings):
    put(settings, "b.csv", "2024;ceo_snel;;;400;80;")
    load_surveys(settings, "ceo_wmo")
    (load,) = loads(settings, "ceo_wmo")
    assert (load.vintage, load.table_id, load.rows, load.origin) == ("0001_b", "b", 1, "file")
    (settings.vault / "monitors" / "_log" / "ceo_wmo" / "0001_b.parquet").unlink()
    load_surveys(settings, "ceo_wmo")
    (again,) = loads(settings, "ceo_wmo")
    assert replace(again, loaded_at=load.loaded_at) == load


def test_files_that_wait_together_arrive_in_the_order_of_their_dates(settings):
    put(settings, "a.csv", "2024;ceo_snel;;;400;81;", at=200)
    put(settings, "b.csv", "2024;ceo_snel;;;400;80;", at=100)
    assert [vintage for *_, vintage in outcomes(settings)] == ["0001_b", "0002_a"]


def test_what_left_the_inbox_stays_in_the_vault(settings):
    path = put(settings, "a.csv", "2024;ceo_snel;;;400;81;")
    load_surveys(settings, "ceo_wmo")
    path.unlink()
    assert outcomes(settings) == []
    assert in_vault(settings) == [("0001_a", "a", 2024, 81.0)]


def test_a_monitor_sees_its_own_folder_only_and_no_hidden_files(settings):
    put(settings, "a.csv", "2024;Mobiliteit;;;400;81;", monitor="ipa")
    put(settings, "~$a.csv", "x")
    put(settings, ".a.csv.part", "x")
    assert outcomes(settings) == []
    assert outcomes(settings, "ipa") == [("a.csv", "new", "0001_a")]


# ---- refused files ------------------------------------------------------------------------------------------------


def test_a_refused_file_stops_no_other_and_what_the_vault_has_keeps_counting(settings):
    put(settings, "a.csv", "2023;ceo_snel;;;400;81;")
    load_surveys(settings, "ceo_wmo")
    put(settings, "a.csv", f"2023;{SECRET};;;400;810;")
    put(settings, "b.csv", "2024;ceo_snel;;;400;82;", at=1)
    put(settings, "rapport.pdf", at=2)
    assert outcomes(settings) == [
        ("a.csv", "refused", None),
        ("b.csv", "new", "0002_b"),
        ("rapport.pdf", "refused", None),
    ]
    assert in_vault(settings) == [("0001_a", "a", 2023, 81.0), ("0002_b", "b", 2024, 82.0)]
    assert (settings.monitor_inbox / "ceo_wmo" / "a.csv").is_file()
    put(settings, "a.csv", "2023;ceo_snel;;;400;83;")
    assert outcomes(settings)[0] == ("a.csv", "new", "0003_a")


def test_two_files_of_one_name_do_not_replace_each_other_at_every_run(settings):
    put(settings, "ceo 2024.csv", "2024;ceo_snel;;;400;81;")
    put(settings, "ceo_2024.csv", "2024;ceo_snel;;;400;82;", at=1)
    first, second = load_surveys(settings, "ceo_wmo")
    assert (first.status, second.status) == ("new", "refused")
    assert second.problems == (
        "Een ander bestand in deze map heeft bijna dezelfde naam. Geef dit bestand een eigen naam.",
    )
    assert [file.status for file in load_surveys(settings, "ceo_wmo")] == ["known", "refused"]


def test_an_odd_name_is_not_repeated(settings):
    put(settings, "123 456 782.csv", "2024;ceo_snel;;;400;81;")
    put(settings, "jan@x.nl.csv", "2024;ceo_snel;;;400;82;", at=1)
    assert [file.name for file in load_surveys(settings, "ceo_wmo")] == ["een bestand met een ongewone naam"] * 2
    assert not [row for row in in_vault(settings) if "123" in str(row)]


def test_the_asset_warns_and_goes_on(settings):
    import dagster as dg

    put(settings, "goed.csv", "2024;ceo_snel;;;400;81;", "2024;wachttijd;;;400;50;", "2024;Hoe lang?;;;400;51;")
    put(settings, "fout.csv", f"2024;{SECRET};;;400;810;", at=1)
    surveys = [each for each in build_monitor_assets(settings) if each.key.path[-1] in SURVEYS]
    result = dg.materialize(surveys)
    assert result.success
    (material,) = result.asset_materializations_for_node("monitors__ceo_wmo")
    assert material.metadata["not_mapped"].value == "wachttijd (2024), 1 in words"
    assert material.metadata["dagster/row_count"].value == 3
    checks = {check.asset_key.path[-1]: check for check in result.get_asset_check_evaluations()}
    assert {name: check.passed for name, check in checks.items()} == {"ceo_wmo": False, "ceo_jeugd": True, "ipa": True}
    assert {check.severity for check in checks.values()} == {dg.AssetCheckSeverity.WARN}
    assert not any(check.blocking for check in checks.values())
    assert checks["ceo_wmo"].metadata["problems"].value == (
        "- **fout.csv**: Regel 2: kolom waarde is geen percentage van 0 tot en met 100."
    )
    assert SECRET not in str(result.all_events)


# ---- the inbox of deliveries --------------------------------------------------------------------------------------


def test_surveys_are_not_taken_for_deliveries(settings):
    simulate_surveys(settings.inbox)
    folder = settings.monitor_inbox / "ceo_wmo" / "2024"
    folder.mkdir()
    (folder / "datapackage.json").write_text("{}")
    assert find_deliveries(settings) == []
    assert unrecognised_folders(settings) == []


# ---- the mapping --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mapping() -> list[dict[str, str]]:
    with (SEEDS / "monitor_questions.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def span(row: dict[str, str]) -> range:
    return range(int(row["valid_from"]), int(row["valid_to"] or 2100) + 1)


def codes(seed: str, column: str) -> set[str]:
    with (SEEDS / f"{seed}.csv").open(encoding="utf-8", newline="") as handle:
        return {row[column] for row in csv.DictReader(handle)}


def test_the_mapping_is_written_in_the_form_in_which_it_is_searched(mapping):
    assert [row["question"] for row in mapping if question_key(row["question"]) != row["question"]] == []


def test_a_question_has_one_meaning_per_year(mapping):
    meanings = [(row["monitor"], row["question"], year) for row in mapping for year in span(row)]
    assert len(meanings) == len(set(meanings))


def test_counterparts_exist_and_only_comparable_questions_have_one(mapping):
    known = {
        "question": codes("questions", "question_code"),
        "indicator": codes("indicators", "indicator_code"),
        "life_domain": codes("life_domains", "life_domain_code"),
        "": {""},
    }
    for row in mapping:
        assert row["comparable_code"] in known[row["comparable_kind"]], row
        assert (row["comparability"] == "none") == (row["comparable_code"] == ""), row
        assert row["reason"] and row["source"], row


def test_every_question_of_the_wmo_survey_breaks_in_2021(mapping):
    wmo = [row for row in mapping if row["monitor"] == "ceo_wmo"]
    measures = {row["measure"] for row in wmo}
    assert len(measures) == 10
    for first, comparability in (("2016", "same"), ("2021", "similar")):
        rows = [row for row in wmo if row["valid_from"] == first]
        assert {row["measure"] for row in rows} == measures
        assert {row["series_break"] for row in rows} == {"true" if first == "2021" else "false"}
        assert {row["comparability"] for row in rows if row["comparable_code"]} == {comparability}
    # numbers lost their meaning with the list
    assert {row["question"] for row in wmo if 2021 in span(row)}.isdisjoint(map(str, range(1, 11)))
    compared = {row["comparable_code"] for row in wmo if row["comparable_code"]}
    assert compared == {code for code in codes("questions", "question_code") if code.startswith("ceo_")}
