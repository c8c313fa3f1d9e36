"""A folder of files becomes a delivery, or the sender is told what does not fit."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner
from handmade_deliveries import fill_workbook, valid_tables

from pipeline.cli import main
from pipeline.deliveries.contract import contracts_for
from pipeline.deliveries.intake import judge_delivery, receive
from pipeline.deliveries.pack import Contents, PackFault, find_contents, pack, packed_text
from pipeline.deliveries.package import delivery_folder, read_package
from pipeline.deliveries.template import write_template
from pipeline.periods import HalfYear

SAID = {"consortium": "tom", "period": HalfYear(2024, 1), "version": 1}


@pytest.fixture
def folder(make) -> Path:
    """A folder with the CSV files of a valid delivery of tom, named as a delivery, without a descriptor."""
    delivery = make().write()
    (delivery.path / "datapackage.json").unlink()
    return delivery.path


def descriptor(folder: Path) -> dict:
    return json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))


def packed(folder: Path, **said) -> Contents:
    return pack(find_contents(folder, **said)).contents


def workbook(path: Path, sheets: dict[str, list[list]]) -> Path:
    """Write a workbook with these rows per sheet."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_a_packed_folder_is_received_as_it_is(folder, settings):
    before = datetime.now(UTC)
    packed(folder)
    package = read_package(delivery_folder(folder))
    assert (package.folder.consortium, package.folder.period, package.folder.version) == ("tom", "2024-H1", 1)
    assert timedelta(seconds=-1) < package.created.replace(tzinfo=UTC) - before < timedelta(minutes=1)
    assert [resource.name for resource in package.resources] == list(contracts_for("tom"))
    assert set(descriptor(folder)) == {"name", "created", "consortium", "period", "version", "contract", "resources"}
    assert receive(package.folder, settings).status == "accepted"
    assert [path.name for path in folder.glob("*.json*")] == ["datapackage.json"]


def test_what_a_folder_is_comes_from_options_then_its_name_then_its_descriptor(folder, tmp_path):
    packed(folder, version=3)
    assert descriptor(folder)["version"] == 3
    packed(folder)
    assert descriptor(folder)["version"] == 1  # the name of the folder, not the earlier descriptor
    elsewhere = folder.rename(tmp_path / "uitvoer")
    packed(elsewhere)
    assert (descriptor(elsewhere)["consortium"], descriptor(elsewhere)["period"]) == ("tom", "2024-H1")
    (elsewhere / "datapackage.json").write_text('{"consortium": "tom", "period": "2024-H3", "version": true}')
    with pytest.raises(PackFault, match=r"--period .* --version") as fault:
        find_contents(elsewhere)
    assert "--consortium" not in str(fault.value)
    (elsewhere / "datapackage.json").write_text("{")
    with pytest.raises(PackFault, match=r"--consortium .* --period .* --version"):
        find_contents(elsewhere)
    packed(elsewhere, **SAID)
    assert judge_delivery(elsewhere).status == "accepted"


def test_packing_again_follows_the_files_and_keeps_what_was_declared(folder):
    packed(folder, correction_of_final=True)
    first = descriptor(folder)
    assert first["correction_of_final"] is True
    first["resources"][0] |= {"dialect": {"delimiter": ";"}, "encoding": "windows-1252"}
    first["created"] = "2020-01-01T00:00:00Z"
    (folder / "datapackage.json").write_text(json.dumps(first))
    (folder / "duiding.csv").write_text("indicator;wijkcode;verhaal;verklaring;acties\n")
    packed(folder)
    again = descriptor(folder)
    assert again["correction_of_final"] is True
    assert again["created"] > first["created"]
    assert again["resources"][0] == first["resources"][0]
    assert again["resources"] != first["resources"]
    assert judge_delivery(folder).tables["duiding"].received == 0
    packed(folder, period=HalfYear(2024, 2))
    assert "correction_of_final" not in descriptor(folder)  # that was said of another half-year


@pytest.mark.parametrize("name", ["Clienten.CSV", "CLIËNTEN.csv", " clienten .csv"])
def test_a_file_is_known_by_its_name_however_it_is_typed(folder, name):
    (folder / "clienten.csv").rename(folder / name)
    assert packed(folder).tables[0].path.name == name
    assert judge_delivery(folder).status == "accepted"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("Clienten 2024.csv", "Clienten 2024.csv heet niet zoals een tabel. Bedoelt u clienten?"),
        ("export.csv", "export.csv heet niet zoals een tabel. De tabellen zijn: clienten, dossiers"),
        ("trajecten.csv", "trajecten.csv: de tabel trajecten hoort niet bij de levering van tom"),
        ("Dossiers.csv", "De tabel dossiers staat er twee keer: in Dossiers.csv en in dossiers.csv"),
        ("clienten.xls", "clienten.xls kan niet mee: lever CSV of Excel (.xlsx)"),
        ("clienten.ods", "clienten.ods kan niet mee"),
        ("clienten.txt", "clienten.txt kan niet mee"),
        ("gesprekken.xlsx", "gesprekken.xlsx is niet te lezen als Excel-werkmap"),
    ],
)
def test_what_does_not_fit_is_told(folder, name, sentence):
    (folder / name).write_bytes(b"PK\x03\x04")
    with pytest.raises(PackFault) as fault:
        find_contents(folder)
    assert sentence in str(fault.value)
    assert not (folder / "datapackage.json").exists()


def test_a_link_is_refused_and_other_files_are_named(folder, tmp_path):
    (folder / "leesmij.txt").write_text("x")
    (folder / "~$tom.xlsx").write_text("x")
    (folder / ".DS_Store").write_text("x")
    (folder / "oud").mkdir()
    assert packed(folder).left_out == ("leesmij.txt", "oud")
    (tmp_path / "elders.csv").write_bytes((folder / "duiding.csv").read_bytes())
    (folder / "duiding.csv").unlink()
    (folder / "duiding.csv").symlink_to(tmp_path / "elders.csv")
    with pytest.raises(PackFault, match=r"duiding\.csv is een verwijzing"):
        find_contents(folder)


def test_a_folder_without_tables_is_no_delivery(tmp_path):
    (tmp_path / "leesmij.md").write_text("x")
    with pytest.raises(PackFault, match="geen tabel"):
        find_contents(tmp_path, **SAID)


def test_a_missing_table_is_said_at_once(folder):
    (folder / "dossiers.csv").unlink()
    (folder / "aantallen.csv").unlink()
    found = packed(folder)
    assert found.missing == ("dossiers",)
    assert "niet gevonden: dossiers." in packed_text(pack(found))


def test_the_sheets_of_a_workbook_are_tables(tmp_path):
    path = write_template("tom", tmp_path / "tom.xlsx")
    found = packed(tmp_path, **SAID)
    # only the example stands in it: a required table is an empty one, an optional table is not delivered
    assert [each.table for each in found.tables] == [table for table in contracts_for("tom") if table != "aantallen"]
    assert found.left_out == ("tom.xlsx, blad aantallen: niet ingevuld",)
    resources = descriptor(tmp_path)["resources"]
    assert {(each["path"], each["bytes"]) for each in resources} == {("tom.xlsx", path.stat().st_size)}
    assert len({each["hash"] for each in resources}) == 1
    assert "tom.xlsx, blad duiding" in packed_text(pack(found))


def test_a_workbook_for_one_table_may_have_any_sheet_name(tmp_path):
    rows = [["client_id", "wijkcode"], ["C-1", "WK048401"]]
    workbook(tmp_path / "Clienten.xlsx", {"Blad1": rows, "Blad2": []})
    found = packed(tmp_path, **SAID)
    assert [(each.table, each.sheet) for each in found.tables] == [("clienten", "Blad1")]


@pytest.mark.parametrize(
    ("sheets", "sentence"),
    [
        ({"clienten": [["a"]], "Adressen": [["naam"], ["x"]]}, "Blad Adressen in tom.xlsx heet niet zoals een tabel"),
        ({"dosiers": [["a"]]}, "Bedoelt u dossiers?"),
        ({"clienten": [["a"]], "trajecten": [["b"]]}, "de tabel trajecten hoort niet bij"),
        ({"clienten": [["a"]], "Cliënten": [["b"]]}, "De tabel clienten staat er twee keer"),
        ({"Uitleg": [["a"]], "clienten": []}, "In tom.xlsx is geen blad ingevuld"),
    ],
)
def test_a_sheet_that_is_no_table_does_not_travel_along(tmp_path, sheets, sentence):
    workbook(tmp_path / "tom.xlsx", sheets)
    with pytest.raises(PackFault) as fault:
        find_contents(tmp_path, **SAID)
    assert sentence in str(fault.value)


def test_a_table_in_a_file_and_in_a_workbook_is_told(folder):
    workbook(folder / "boek.xlsx", {"clienten": [["client_id"], ["C-1"]]})
    with pytest.raises(PackFault, match=r"twee keer: in boek\.xlsx, blad clienten en in clienten\.csv"):
        find_contents(folder)


def test_from_template_to_receipt(tmp_path, settings):
    """By hand, as a consortium does it: template, filled, packed, checked, delivered, receipt."""
    run = CliRunner().invoke
    path = tmp_path / "tom" / "2024-H1" / "1" / "levering tom.xlsx"
    assert run(main, ["deliver", "template", "tom", "--to", str(path)]).exit_code == 0
    again = run(main, ["deliver", "template", "tom", "--to", str(path)])
    assert (again.exit_code, "is er al" in again.output) == (1, True)
    fill_workbook(path, valid_tables("tom"))
    done = run(main, ["deliver", "pack", str(path.parent)])
    assert done.exit_code == 0, done.output
    assert f"deliver check {path.parent}" in done.output
    checked = run(main, ["deliver", "check", str(path.parent)])
    assert checked.exit_code == 0, checked.output
    place = settings.inbox / "tom" / "2024-H1" / "1"
    place.parent.mkdir(parents=True)
    path.parent.rename(place)
    outcome = receive(delivery_folder(place), settings)
    assert outcome.status == "accepted"
    assert {finding.rule for finding in outcome.findings} == {"example_row"}
    counts = {table: (count.received, count.accepted) for table, count in outcome.tables.items()}
    assert counts == {table: (len(rows), len(rows)) for table, rows in valid_tables("tom").items()}
    assert outcome.receipt.is_file()
