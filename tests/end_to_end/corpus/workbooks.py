"""The corpus in Excel: workbooks as people fill and spoil them. Imported for what it adds to ``cases.CASES``."""

from __future__ import annotations

import datetime as dt
import io
import itertools
import re
import struct
import zipfile
from collections.abc import Callable

import openpyxl

from corpus.cases import ACCEPTED, PARTIAL, REJECTED, case, set_cell
from corpus.parcel import BSN, MARK, Parcel

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + struct.pack("<24xHH", 62, 3) + b"\0" * 2_000
Sheets = dict[str, list[list[object]]]


def sheet_of(parcel: Parcel, table: str) -> list[list[object]]:
    rows = parcel.tables[table]
    return [list(rows[0]), *(list(row.values()) for row in rows)]


def workbook(sheets: Sheets, finish: Callable[[openpyxl.Workbook], None] | None = None) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    if finish:
        finish(book)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def as_workbook(parcel: Parcel, table: str = "bezoek", finish=None, name: str | None = None) -> None:
    """Deliver one table as a workbook, the others as CSV."""
    content = workbook({name or table: sheet_of(parcel, table)}, finish)
    parcel.put(table, content, path=f"{table}.xlsx")


def as_one_workbook(parcel: Parcel, more: Sheets | None = None, finish=None, names=str) -> None:
    """Deliver all tables in one workbook."""
    content = workbook({names(table): sheet_of(parcel, table) for table in parcel.tables} | (more or {}), finish)
    for table in parcel.tables:
        parcel.put(table, content, path="levering.xlsx")


def rewritten(content: bytes, part: str, change: Callable[[str], str]) -> bytes:
    """A workbook with one of its XML files changed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.namelist():
            data = old.read(member)
            new.writestr(member, change(data.decode()).encode() if member == part else data)
    return buffer.getvalue()


SHEET = "xl/worksheets/sheet1.xml"


@case(ACCEPTED)
def workbook_with_a_sheet_per_table(parcel: Parcel) -> None:
    as_one_workbook(parcel)


@case(ACCEPTED)
def workbook_with_explanation_and_codes(parcel: Parcel) -> None:
    more = {"Uitleg": [["Lees dit eerst"], ["Vragen? Bel uw contactpersoon."]], "codes": [["wijkcode"], ["WK048401"]]}

    def hide(book: openpyxl.Workbook) -> None:
        book["codes"].sheet_state = "hidden"

    as_one_workbook(parcel, more, hide, str.upper)


@case(ACCEPTED)
def workbook_per_table(parcel: Parcel) -> None:
    for table in parcel.tables:
        as_workbook(parcel, table, name="Blad1")


@case(ACCEPTED)
def workbook_without_its_suffix(parcel: Parcel) -> None:
    parcel.put("bezoek", workbook({"bezoek": sheet_of(parcel, "bezoek")}), path="bezoek.csv")


@case(REJECTED, "workbook", says="rekenblad")
def csv_with_the_suffix_of_a_workbook(parcel: Parcel) -> None:
    parcel.put("bezoek", parcel.csv("bezoek"), path="bezoek.xlsx")


@case(ACCEPTED)
def dates_and_times_of_excel(parcel: Parcel) -> None:
    day = dt.date.fromisoformat(parcel.day)
    midnight = dt.datetime.combine(day, dt.time())
    forms = [day, midnight, f"{day:%d-%m-%Y}", parcel.day]
    hours = [dt.time(9, 30), "09:30", dt.timedelta(hours=9, minutes=30)]
    for place, row in enumerate(parcel.tables["gesprekken"]):
        row["afgenomen_op"] = forms[place % 4]
        row["begonnen_om"] = hours[place % 3]
        row["onafhankelijk"] = [True, False, "nee"][place % 3]
        row["duur_minuten"] = [35, 35.0, "35"][place % 3]
    as_workbook(parcel, "gesprekken")


@case(ACCEPTED)
def months_that_excel_made_dates(parcel: Parcel) -> None:
    for row in parcel.tables["toeleiding"]:
        row["maand"] = dt.date.fromisoformat(f"{row['maand']}-01")
    as_workbook(parcel, "toeleiding")


@case(PARTIAL, "not_a_date", "unknown_reference", says="tijd", refused=2)
def moment_instead_of_a_date(parcel: Parcel) -> None:
    set_cell(parcel, "gesprekken", "afgenomen_op", dt.datetime.fromisoformat(f"{parcel.day}T14:05:00"))
    as_workbook(parcel, "gesprekken")


@case(REJECTED, "title_rows", says="titel")
def merged_title_above_the_column_names(parcel: Parcel) -> None:
    def title(book: openpyxl.Workbook) -> None:
        sheet = book["bezoek"]
        sheet.insert_rows(1, 2)
        sheet["A1"] = "Bezoek per maand"
        sheet.merge_cells("A1:F1")

    as_workbook(parcel, finish=title)


@case(PARTIAL, "not_an_integer", refused=1)
def empty_rows_between(parcel: Parcel) -> None:
    set_cell(parcel, "bezoek", "bezoeken", "veel", row=2)

    def insert(book: openpyxl.Workbook) -> None:
        book["bezoek"].insert_rows(3, 3)

    as_workbook(parcel, finish=insert)


@case(ACCEPTED)
def hidden_rows_columns_and_a_filter(parcel: Parcel) -> None:
    def hide(book: openpyxl.Workbook) -> None:
        sheet = book["bezoek"]
        sheet.column_dimensions["B"].hidden = True
        sheet.row_dimensions[3].hidden = True
        sheet.auto_filter.ref = "A1:F10"
        sheet.freeze_panes = "B2"

    as_workbook(parcel, finish=hide)


@case(ACCEPTED)
def table_on_a_hidden_sheet(parcel: Parcel) -> None:
    def hide(book: openpyxl.Workbook) -> None:
        book["toeleiding"].sheet_state = "hidden"

    as_one_workbook(parcel, finish=hide)


@case(ACCEPTED, "extra_sheet", says="bladen")
def pivot_on_another_sheet(parcel: Parcel) -> None:
    as_one_workbook(parcel, {"draaitabel": [["wijk", "som"], ["Oudshoorn", 410], [MARK, 3]]})


@case(REJECTED, "personal_data_bsn", "extra_sheet", says="Persoonsgegevens")
def personal_data_on_another_sheet(parcel: Parcel) -> None:
    as_one_workbook(parcel, {"kladblok": [["nummer"], [BSN], [int(BSN)]]})


@case(REJECTED, "personal_data_bsn", "out_of_scale", says="Persoonsgegevens")
def personal_data_as_a_number(parcel: Parcel) -> None:
    set_cell(parcel, "antwoorden", "antwoord", int(BSN))
    as_workbook(parcel, "antwoorden")


@case(ACCEPTED)
def formula_with_its_outcome(parcel: Parcel) -> None:
    as_workbook(parcel)

    def with_formula(xml: str) -> str:
        return re.sub(r'(<c r="D2"[^>]*>)<v>', r"\1<f>200+SUM(E2:E3)</f><v>", xml)

    parcel.put("bezoek", rewritten(parcel.files["bezoek.xlsx"], SHEET, with_formula), path="bezoek.xlsx")


@case(PARTIAL, "missing_value", refused=1)
def formula_that_was_never_calculated(parcel: Parcel) -> None:
    set_cell(parcel, "bezoek", "bezoeken", "=200+200")
    as_workbook(parcel)


@case(PARTIAL, "excel_error", says="#N/B", refused=1)
def formula_that_failed(parcel: Parcel) -> None:
    set_cell(parcel, "bezoek", "bezoeken", "#N/A")
    as_workbook(parcel)


@case(ACCEPTED, by="go")
def leading_zero_lost(parcel: Parcel) -> None:
    for row in parcel.tables["dossiers"]:
        row["reden_sluiting"] = row["reden_sluiting"] and int(row["reden_sluiting"])
    as_workbook(parcel, "dossiers")


@case(PARTIAL, "rounded_identifier", says="afgerond", refused=1, by="go")
def long_identifier_rounded(parcel: Parcel) -> None:
    row = dict(parcel.tables["doelen"][0], doel_id=123456789012345678901.0)
    parcel.tables["doelen"].append(row)
    as_workbook(parcel, "doelen")


@case(REJECTED, "missing_sheet", says="blad")
def sheet_missing(parcel: Parcel) -> None:
    content = workbook({table: sheet_of(parcel, table) for table in parcel.tables if table != "toeleiding"})
    for table in parcel.tables:
        parcel.put(table, content, path="levering.xlsx")


@case(REJECTED, "unreadable_file", says="leeg")
def empty_sheet(parcel: Parcel) -> None:
    parcel.put("bezoek", workbook({"bezoek": []}), path="bezoek.xlsx")


@case(REJECTED, "workbook", says="wachtwoord")
def workbook_with_a_password(parcel: Parcel) -> None:
    parcel.put("bezoek", OLE, path="bezoek.xlsx")


@case(REJECTED, "workbook", says=".xls")
def workbook_of_before_2007(parcel: Parcel) -> None:
    parcel.put("bezoek", OLE, path="bezoek.xls")


@case(REJECTED, "unreadable_file", says="beschadigd")
def workbook_cut_off(parcel: Parcel) -> None:
    as_workbook(parcel)
    parcel.put("bezoek", parcel.files["bezoek.xlsx"][:-900], path="bezoek.xlsx")


@case(REJECTED, "unreadable_file", says="beschadigd")
def workbook_with_broken_xml(parcel: Parcel) -> None:
    as_workbook(parcel)
    broken = rewritten(parcel.files["bezoek.xlsx"], SHEET, lambda xml: xml.replace("</row>", "", 1))
    parcel.put("bezoek", broken, path="bezoek.xlsx")


@case(REJECTED, "workbook", says="zip-bestand")
def zip_that_is_no_workbook(parcel: Parcel) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("bezoek.csv", parcel.csv("bezoek"))
    parcel.put("bezoek", buffer.getvalue(), path="bezoek.xlsx")


@case(REJECTED, "workbook", says="te groot")
def zip_bomb(parcel: Parcel) -> None:
    as_workbook(parcel)
    blown = rewritten(
        parcel.files["bezoek.xlsx"], SHEET, lambda xml: xml.replace("<sheetData>", "<sheetData>" + " " * 120_000_000)
    )
    parcel.put("bezoek", blown, path="bezoek.xlsx")


@case(REJECTED, "unreadable_file", says="beschadigd")
def entities_that_explode(parcel: Parcel) -> None:
    as_workbook(parcel)
    names = "abcdefghijkl"
    entities = '<!ENTITY a "ha">' + "".join(
        f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in itertools.pairwise(names)
    )
    declared = f"<!DOCTYPE worksheet [{entities}]>"
    content, texts = parcel.files["bezoek.xlsx"], "xl/sharedStrings.xml"
    blown = rewritten(content, texts, lambda xml: declared + xml.replace("Buurthuis", "&l;"))
    blown = rewritten(blown, SHEET, lambda xml: declared + xml.replace("<v>", "<v>&l;", 1))
    parcel.put("bezoek", blown, path="bezoek.xlsx")


@case(ACCEPTED)
def dimension_of_all_columns(parcel: Parcel) -> None:
    as_workbook(parcel)
    wide = rewritten(
        parcel.files["bezoek.xlsx"],
        SHEET,
        lambda xml: re.sub(r'<dimension ref="[^"]*"', '<dimension ref="A1:XFD1048576"', xml),
    )
    parcel.put("bezoek", wide, path="bezoek.xlsx")


@case(REJECTED, "workbook", says="ver")
def cell_in_the_farthest_corner(parcel: Parcel) -> None:
    def far(book: openpyxl.Workbook) -> None:
        book["bezoek"]["XFD1048576"] = MARK

    as_workbook(parcel, finish=far)
