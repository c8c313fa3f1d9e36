"""Excel workbooks give the same tables as CSV; whatever else calls itself a workbook gives a sentence, and no crash."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import duckdb
import pytest
from handmade_deliveries import Delivery, Row, found
from openpyxl import Workbook

from pipeline.deliveries.findings import DeliveryFault
from pipeline.deliveries.intake import receive
from pipeline.deliveries.package import Resource
from pipeline.deliveries.reader import read_table
from pipeline.deliveries.template import write_template

KNOWN = ("gesprek_id", "vraag", "antwoord", "afgenomen_op")


def workbook(sheets: dict[str, list[list[Any]]]) -> Workbook:
    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    return book


def as_bytes(book: Workbook) -> bytes:
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def read(path: Path, content: bytes, **changes: Any) -> list[tuple]:
    """Row numbers and cells, as read."""
    path.write_bytes(content)
    resource = Resource("antwoorden", path, "", None, None, None, **changes)
    connection = duckdb.connect()
    read_table(connection, resource, "raw", KNOWN)
    return connection.execute("select * exclude (cells, surplus) from raw order by row_number").fetchall()


def fault(path: Path, content: bytes, **changes: Any) -> DeliveryFault:
    with pytest.raises(DeliveryFault) as raised:
        read(path, content, **changes)
    assert raised.value.finding.table == "antwoorden"
    assert raised.value.finding.sentence.endswith(".")
    return raised.value


def deliver(delivery: Delivery, books: dict[str, tuple[bytes, list[str]]]) -> None:
    """Write a delivery of which these tables lie in these workbooks instead."""
    delivery.write()
    path = delivery.path / "datapackage.json"
    descriptor = json.loads(path.read_text())
    for name, (content, tables) in books.items():
        (delivery.path / name).write_bytes(content)
        for resource in descriptor["resources"]:
            if resource["name"] in tables:
                (delivery.path / f"{resource['name']}.csv").unlink()
                resource |= {"path": name, "bytes": len(content), "hash": hashlib.sha256(content).hexdigest()}
    path.write_text(json.dumps(descriptor))


def as_excel_would(value: str) -> Any:
    """A text as the cell that Excel makes of it when somebody types it."""
    for form in ("%Y-%m-%d", "%d-%m-%Y", "%d/%m/%Y"):
        try:
            return dt.datetime.strptime(value, form)
        except ValueError:
            pass
    if ":" in value:
        return dt.time.fromisoformat(value.zfill(5))
    if value.lower() in ("ja", "nee"):
        return value.lower() == "ja"
    try:
        return float(value.replace(",", "."))
    except ValueError:
        return value or None


def typed_sheet(rows: list[Row]) -> list[list[Any]]:
    return [list(rows[0]), *([as_excel_would(value) for value in row.values()] for row in rows)]


@pytest.mark.parametrize("consortium", ["tom", "go", "boost"])
def test_one_workbook_with_a_sheet_per_table_is_the_same_delivery(make, settings, vault_rows, consortium):
    tables = make(consortium).tables
    receive(make(consortium).write(), settings)
    book = workbook({"Uitleg": [["Lees dit"]], **{table: typed_sheet(rows) for table, rows in tables.items()}})
    second = make(consortium, version=2)
    deliver(second, {"levering.xlsx": (as_bytes(book), list(tables))})
    outcome = receive(second.folder, settings)
    assert (outcome.status, outcome.findings) == ("accepted", ())
    for table in tables:
        first, again = (vault_rows(table, consortium, version=version) for version in (1, 2))
        assert [row | {"version": 0} for row in first] == [row | {"version": 0} for row in again]


def test_a_workbook_per_table_may_name_its_sheet_freely(make, settings):
    delivery = make("boost")
    books = {
        f"{table}.xlsx": (as_bytes(workbook({"Blad1": typed_sheet(delivery.tables[table])})), [table])
        for table in ("bezoek", "gesprekken")
    }
    deliver(delivery, books)
    outcome = receive(delivery.folder, settings)
    assert (outcome.status, outcome.findings) == ("accepted", ())


def test_the_template_is_read_as_a_delivery(make, settings, tmp_path):
    delivery = make("boost")
    content = write_template("boost", tmp_path / "sjabloon.xlsx").read_bytes()
    deliver(delivery, {"levering.xlsx": (content, list(delivery.tables))})
    outcome = receive(delivery.folder, settings)
    assert not {finding.rule for finding in outcome.findings} & {"missing_column", "missing_sheet", "unreadable_file"}


def test_cells_become_texts_that_the_rules_understand(tmp_path: Path):
    values = {
        dt.date(2024, 3, 31): "2024-03-31",
        dt.datetime(2024, 3, 31): "2024-03-31",
        dt.datetime(2024, 3, 31, 9, 30): "2024-03-31 09:30:00",
        dt.time(9, 5): "09:05",
        dt.time(9, 5, 7): "09:05:07",
        dt.timedelta(hours=9, minutes=30): "09:30",
        True: "ja",
        False: "nee",
        410: "410",
        3.0: "3",
        2.5: "2.5",
        -1: "-1",
        0.1 + 0.2: "0.3",
        123456782: "123456782",
        1.234e17: "1.234E+17",
        "2024-01": "2024-01",
        " x\ny ": " x\ny ",
        "'=1+1": "'=1+1",
        "#N/A": "#N/A",
        "#REF!": "#N/A",
        "=1+1": None,  # a formula that was never calculated has no value
        "": None,
    }
    book = workbook({"antwoorden": [list(KNOWN), *([value] for value in values)]})
    rows = read(tmp_path / "file.xlsx", as_bytes(book))
    last = len(values) - 2  # the last two rows hold nothing
    assert rows == [(n, text, None, None, None) for n, text in enumerate(values.values(), start=1) if n <= last]


def test_a_formula_counts_with_the_value_that_excel_keeps(tmp_path: Path):
    cells = '<row r="2"><c r="A2" t="str"><f>"G"&amp;1</f><v>G1</v></c><c r="C2"><f>3+4</f><v>7</v></c></row>'
    assert read(tmp_path / "file.xlsx", raw_workbook(cells)) == [(1, "G1", None, "7", None)]


def test_row_numbers_are_those_of_the_sheet(tmp_path: Path):
    # the table may begin anywhere; somebody who looks for row 4 counts from the row under the headings
    book = Workbook()
    book.active.title = "antwoorden"
    for place, value in {"C3": "Gesprek ID", "D3": "Vraag *", "E3": "antwoord", "C4": "a", "C7": "b", "E7": 3}.items():
        book.active[place] = value
    assert read(tmp_path / "file.xlsx", as_bytes(book)) == [(1, "a", None, None), (4, "b", None, "3")]


def test_a_sheet_with_headings_only_is_an_empty_table(tmp_path: Path):
    assert read(tmp_path / "file.xlsx", as_bytes(workbook({"x": [list(KNOWN)]}))) == []


def test_a_hidden_sheet_and_the_explanation_are_not_taken(tmp_path: Path):
    book = workbook({"lijsten": [["ja"], ["nee"]], "uitleg": [["Lees dit"]], "Blad1": [list(KNOWN), ["a", "b", 1]]})
    book["lijsten"].sheet_state = "hidden"
    assert read(tmp_path / "file.xlsx", as_bytes(book)) == [(1, "a", "b", "1", None)]


def test_a_workbook_is_known_by_its_content(tmp_path: Path):
    content = as_bytes(workbook({"Blad1": [list(KNOWN), ["a", "b", 1]]}))
    assert read(tmp_path / "file.csv", content) == [(1, "a", "b", "1", None)]
    told = fault(tmp_path / "file.xlsx", b"gesprek_id;vraag\n").finding
    assert (told.rule, "rekenblad" in told.sentence) == ("workbook", True)


@pytest.mark.parametrize(
    ("sheets", "is_alone"),
    [
        (["Blad1", "Blad2"], True),
        (["Blad1"], False),  # several tables share this workbook: each has to name its own
        (["Uitleg"], True),
        (["antwoorden", "Antwoorden "], True),
    ],
)
def test_without_a_sheet_for_the_table_a_sentence_says_so(tmp_path: Path, sheets, is_alone):
    content = as_bytes(workbook({name: [list(KNOWN)] for name in sheets}))
    assert fault(tmp_path / "file.xlsx", content, is_alone=is_alone).finding.rule == "missing_sheet"


def test_title_rows_are_refused_with_what_to_take_away(tmp_path: Path):
    rows = [["Antwoorden eerste halfjaar"], [], ["Opgesteld door de afdeling"], list(KNOWN), ["a", "b", 1]]
    book = workbook({"antwoorden": rows})
    book["antwoorden"].merge_cells("A1:D1")
    finding = fault(tmp_path / "file.xlsx", as_bytes(book)).finding
    assert finding.rule == "title_rows"
    assert "rij 1 tot en met 3" in finding.sentence
    assert "Antwoorden" not in finding.sentence


def test_an_empty_sheet_is_told(tmp_path: Path):
    assert fault(tmp_path / "file.xlsx", as_bytes(workbook({"antwoorden": []}))).finding.rule == "unreadable_file"


def test_a_double_column_is_told(tmp_path: Path):
    finding = fault(tmp_path / "file.xlsx", as_bytes(workbook({"x": [[*KNOWN, "Cliënt", "ANTWOORD *"]]}))).finding
    assert (finding.rule, finding.column) == ("duplicate_column", "antwoord")


# --- what is no sound workbook ---

_NAMESPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_HEADINGS = "".join(
    f'<c r="{letter}1" t="inlineStr"><is><t>{name}</t></is></c>' for letter, name in zip("ABCD", KNOWN, strict=True)
)


def raw_workbook(cells: str, **members: str | bytes) -> bytes:
    """A workbook of one sheet with these cells under the headings, written by hand."""
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    content = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" '
        f'Type="{relations}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_NAMESPACE}" xmlns:r="{relations}">'
        '<sheets><sheet name="antwoorden" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" '
        f'Type="{relations}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{_NAMESPACE}"><dimension ref="A1:XFD1048576"/>'
        f'<sheetData><row r="1">{_HEADINGS}</row>{cells}</sheetData></worksheet>',
    } | members
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in content.items():
            archive.writestr(name, member)
    return buffer.getvalue()


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return buffer.getvalue()


def test_a_large_claimed_dimension_and_formatted_cells_do_not_matter(tmp_path: Path):
    cells = '<row r="2"><c r="A2"><v>5</v></c></row><row r="1048576"><c r="XFD1048576" s="1"/></row>'
    assert read(tmp_path / "file.xlsx", raw_workbook(cells)) == [(1, "5", None, None, None)]


def test_cells_that_do_not_tell_their_place_follow_each_other(tmp_path: Path):
    cells = "<row><c><v>5</v></c><c/><c><v>6</v></c></row><row><c><v>7</v></c></row>"
    rows = read(tmp_path / "file.xlsx", raw_workbook(cells))
    assert rows == [(1, "5", None, "6", None), (2, "7", None, None, None)]


@pytest.mark.parametrize(
    "cell",
    [
        '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
        '<row r="2"><c r="A9999999"><v>1</v></c><c r="XFD2"><v>1</v></c></row>',
        # as namespaces, comments and quotes may hide it
        '<x:row xmlns:x="u" r="1048576"><x:c q=">" r=\'XFD1048576\'><x:v>1</x:v></x:c></x:row>',
        '<row r="1048576"/><row>' + "<c/>" * 200 + "<c><v>1</v></c></row>",
    ],
)
def test_a_cell_far_away_is_refused_before_room_is_made_for_it(tmp_path: Path, cell):
    finding = fault(tmp_path / "file.xlsx", raw_workbook(cell)).finding
    assert finding.rule == "workbook"
    assert "ver onder of rechts" in finding.sentence


@pytest.mark.parametrize(
    "cells",
    [
        '<row r="2"><c r="ZZZZ9"><v>1</v></c></row>',
        '<row r="2"><c r="A99999999999999999999"><v>1</v></c></row>',
        '<row r="2"><c r="A"><v>1</v></c></row>',
        '<row r="x"><c><v>1</v></c></row>',
        '<row r="2"><c r="A2" t="b"><v>x</v></c></row>',
        '<row r="2"><c r="A2" t="s"><v>12</v></c></row>',
        '<row r="2"><c r="A2"><v>1</c></row>',
        "<row",
        "&lol;",
    ],
)
def test_a_sheet_that_is_not_sound_is_refused(tmp_path: Path, cells):
    assert fault(tmp_path / "file.xlsx", raw_workbook(cells)).finding.rule in ("unreadable_file", "workbook")


def test_entities_that_grow_are_refused(tmp_path: Path):
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    sheet = f'<!DOCTYPE x [<!ENTITY e0 "aaaaaaaaaa">{entities}]><worksheet><sheetData>&e9;</sheetData></worksheet>'
    content = raw_workbook("", **{"xl/worksheets/sheet1.xml": sheet})
    assert fault(tmp_path / "file.xlsx", content).finding.rule == "unreadable_file"


def test_a_workbook_that_unpacks_to_very_much_is_refused(tmp_path: Path):
    content = raw_workbook("", **{"xl/media/picture.png": b"\0" * 50_000_000})
    assert len(content) < 100_000
    finding = fault(tmp_path / "file.xlsx", content).finding
    assert (finding.rule, "te groot" in finding.sentence) == ("workbook", True)


def test_a_workbook_that_hides_how_much_it_unpacks_to_is_refused(tmp_path: Path):
    content = bytearray(raw_workbook("", **{"xl/media/picture.png": b"\0" * 50_000_000}))
    size = (50_000_000).to_bytes(4, "little")
    while (place := content.find(size)) >= 0:
        content[place : place + 4] = (10).to_bytes(4, "little")
    assert fault(tmp_path / "file.xlsx", bytes(content)).finding.rule == "unreadable_file"


def test_a_workbook_of_very_many_parts_is_refused(tmp_path: Path):
    content = raw_workbook("", **{f"xl/media/{number}.png": b"" for number in range(2_001)})
    assert fault(tmp_path / "file.xlsx", content).finding.rule == "workbook"


def test_paths_in_a_workbook_lead_nowhere(tmp_path: Path):
    content = raw_workbook(
        '<row r="2"><c r="A2"><v>5</v></c></row>',
        **{"../../outside.txt": b"x", "/outside.txt": b"x", "xl/vbaProject.bin": b"x"},
    )
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    assert read(folder / "file.xlsx", content) == [(1, "5", None, None, None)]
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["file.xlsx"]


@pytest.mark.parametrize(
    ("name", "content", "rule", "word"),
    [
        ("a.xlsx", b"PK\x03\x04", "unreadable_file", "beschadigd"),
        ("a.xlsx", as_bytes(workbook({"x": [[1]]}))[:-200], "unreadable_file", "beschadigd"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "workbook", "oud Excel"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "workbook", "wachtwoord"),
        ("a.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "workbook", "wachtwoord"),
        ("a.xls", b"<html><table>", "workbook", "rekenblad"),
        ("a.xlsm", as_bytes(workbook({"x": [[1]]})), "workbook", "macro"),
        ("a.xlsb", zipped(**{"xl/workbook.bin": b"x"}), "workbook", "binaire"),
        ("a.ods", zipped(**{"mimetype": b"x", "content.xml": b"<x/>"}), "workbook", "OpenDocument"),
        ("a.zip", zipped(**{"antwoorden.csv": b"gesprek_id\n"}), "workbook", "zip-bestand"),
        ("a.xlsx", zipped(**{"xl/workbook.xml": b"<x/>"}), "unreadable_file", "beschadigd"),
        ("a.xlsx", raw_workbook("", **{"xl/workbook.xml": "<workbook"}), "unreadable_file", "beschadigd"),
        ("a.xlsx", raw_workbook("", **{"xl/styles.xml": "<styleSheet"}), "unreadable_file", "beschadigd"),
    ],
)
def test_other_kinds_of_workbooks_are_told_apart(tmp_path: Path, name, content, rule, word):
    finding = fault(tmp_path / name, content).finding
    assert finding.rule == rule
    assert word in finding.sentence


def test_a_broken_workbook_is_the_fault_of_its_tables_alone(make, settings):
    delivery = make("boost", texts={"bezoek": b"PK\x03\x04"})
    other = make("boost", version=2)
    delivery.write()
    other.write()
    outcome = receive(delivery.folder, settings)
    assert outcome.status == "rejected"
    assert found(outcome) == {("unreadable_file", "bezoek", None)}
    assert receive(other.folder, settings).status == "accepted"


def test_errors_and_slips_of_excel_are_told_per_row(make, settings):
    delivery = make("boost")
    sheet = typed_sheet(delivery.tables["gesprekken"])
    headings = sheet[0]
    sheet[1][headings.index("gesprek_id")] = 123456789012345678
    sheet[2][headings.index("team")] = "#VALUE!"
    sheet[3][headings.index("afgenomen_op")] = 45391
    sheet[4][headings.index("afgenomen_op")] = dt.datetime(2024, 4, 9, 9, 30)
    sheet[5][headings.index("begonnen_om")] = 0.395833333333333
    deliver(delivery, {"gesprekken.xlsx": (as_bytes(workbook({"x": sheet})), ["gesprekken"])})
    outcome = receive(delivery.folder, settings)
    told = {
        (finding.rows[0], finding.column, finding.rule): finding.sentence
        for finding in outcome.findings
        if finding.level == "row" and finding.table == "gesprekken"
    }
    assert set(told) == {
        (1, "gesprek_id", "rounded_identifier"),
        (2, "team", "excel_error"),
        (3, "afgenomen_op", "not_a_date"),
        (4, "afgenomen_op", "not_a_date"),
        (5, "begonnen_om", "not_a_time"),
    }
    assert "Excel een datum bewaart" in told[3, "afgenomen_op", "not_a_date"]
    assert "alleen de datum" in told[4, "afgenomen_op", "not_a_date"]
    assert "Excel een tijd bewaart" in told[5, "begonnen_om", "not_a_time"]
