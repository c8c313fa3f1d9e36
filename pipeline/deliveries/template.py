"""An empty workbook to fill: a sheet per table of a consortium, made from the contracts.

Belongs here: the workbook. Does not belong here: the words of a contract (``documentation.py``), what becomes of a
forgotten example row (``example.py``), and making a delivery of what was filled in (``pack.py``).
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping
from datetime import date, time
from pathlib import Path

from openpyxl import Workbook
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter, quote_sheetname
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from pipeline.deliveries.contract import CONTRACT_VERSION, Column, Contract, consortium_name, contracts_for
from pipeline.deliveries.documentation import code_groups, explanation
from pipeline.deliveries.example import EXAMPLE_MARK, marked
from pipeline.deliveries.workbook import CODES_SHEET, EXPLANATION_SHEET

_LAST_ROW = 1_048_576
_LONGEST_MESSAGE = 255  # of Excel, for an input message and for a list that is not in a range
_LONGEST_ERROR = 225
_FORMATS = {"integer": "0", "date": "dd-mm-yyyy", "time": "hh:mm"}
_AS_TEXT = "@"  # otherwise Excel takes the zero off 02 and makes a date of 0-17 and of 2024-01
_WIDTHS = (20, 22, 11, 42, 70, 26)
_MOST = 10**9  # stands for a number without a maximum
_LINE = 15  # height of a line of text, in points

_STEPS = (
    "Vul per tabel het blad met die naam. Zet elke rij vanaf rij 3, of typ over de voorbeeldrij heen.",
    f"Rij 2 is een voorbeeld: de eerste cel begint met {EXAMPLE_MARK}. Haal die rij weg. Blijft zij staan, dan telt "
    "zij niet mee.",
    "Laat rij 1 met de kolomnamen staan. Donkere kolomnamen zijn verplicht: vul die in elke rij. Lichte kolomnamen mag "
    "u leeg laten.",
    "Ga op een cel staan om te zien wat erin hoort. Bij codes kiest u uit een lijst. De codes staan onderaan dit blad.",
    "Typ datums als 31-12-2024, tijden als 9:30 en maanden als 2024-01.",
    "Plakt u gegevens uit een ander programma? Kies dan Plakken speciaal, Waarden. Dan blijven de lijsten en de uitleg "
    "staan.",
    "Zet nergens namen, burgerservicenummers, e-mailadressen, telefoonnummers, rekeningnummers of adressen. Voeg geen "
    "bladen toe.",
    "Sla de werkmap op in een eigen map. Geef dan deze opdrachten: effectmonitor deliver pack MAP en "
    "effectmonitor deliver check MAP. De eerste maakt de levering af, de tweede zegt wat er nog aan te verbeteren is.",
)
_EXAMPLE_NOTE = (
    f"Dit is een voorbeeldrij. Haal haar weg of typ eroverheen. Zolang de eerste cel met {EXAMPLE_MARK} begint, telt "
    "de rij niet mee."
)
_FONT = "Calibri"
_REQUIRED_FILL = PatternFill("solid", start_color="1F4E79")
_OPTIONAL_FILL = PatternFill("solid", start_color="DDE7F0")
_EXAMPLE_FILL = PatternFill("solid", start_color="FFF4D6")
_REQUIRED_FONT = Font(name=_FONT, bold=True, color="FFFFFF")
_OPTIONAL_FONT = Font(name=_FONT, color="1F3A57")
_EXAMPLE_FONT = Font(name=_FONT, italic=True, color="5F5F5F")
_TITLE_FONT = Font(name=_FONT, bold=True, size=16, color="1F4E79")
_SECTION_FONT = Font(name=_FONT, bold=True, size=13, color="1F4E79")
_LINK_FONT = Font(name=_FONT, color="0B5394", underline="single")
_WRAPPED = Alignment(wrap_text=True, vertical="top")
_RULE = Border(bottom=Side(style="thin", color="B8C4D0"))


def write_template(consortium: str, path: Path) -> Path:
    """Write the workbook of a consortium.

    Args:
        consortium: ``tom``, ``go`` or ``boost``.
        path: the ``.xlsx`` file to make.

    Returns:
        The path.

    Raises:
        ContractError: for another consortium.
        FileExistsError: when the file is already there; it may have been filled in.
    """
    contracts = contracts_for(consortium)
    path.parent.mkdir(parents=True, exist_ok=True)
    workbook = Workbook()
    workbook.properties.title = f"Sjabloon voor de levering van {consortium_name(consortium)}"
    workbook.properties.subject = f"Leveringscontract, versie {CONTRACT_VERSION}"
    workbook.properties.creator = "Effectmonitor"
    workbook.properties.language = "nl-NL"
    _write_explanation(workbook.active, consortium, contracts)
    sheets = {table: workbook.create_sheet(table) for table in contracts}
    ranges = _write_codes(workbook.create_sheet(CODES_SHEET), contracts)
    for table, contract in contracts.items():
        _write_table(sheets[table], contract, ranges)
    with path.open("xb") as handle:
        workbook.save(handle)
    return path


# --- the sheet of a table ---


def _write_table(sheet: Worksheet, contract: Contract, ranges: Mapping[tuple[str, str], str]) -> None:
    sheet.sheet_properties.tabColor = "1F4E79" if contract.required else "B8C4D0"
    sheet.freeze_panes = "A2"
    _set_up_page(sheet, f"{contract.title}{'' if contract.required else ' (niet verplicht)'}")
    sheet.print_title_rows = "1:1"
    for number, column in enumerate(contract.columns, start=1):
        letter = get_column_letter(number)
        number_format = _FORMATS.get(column.type, _AS_TEXT)
        heading, example = sheet.cell(1, number, column.name), sheet.cell(2, number, _example(column, number == 1))
        heading.font, heading.fill = (
            (_REQUIRED_FONT, _REQUIRED_FILL) if column.required else (_OPTIONAL_FONT, _OPTIONAL_FILL)
        )
        heading.number_format = _AS_TEXT
        heading.comment = _comment(_heading_note(contract, column, is_first=number == 1))
        example.font, example.fill = _EXAMPLE_FONT, _EXAMPLE_FILL
        example.number_format = _AS_TEXT if number == 1 else number_format
        if number == 1:
            example.comment = _comment(_EXAMPLE_NOTE)
        dimension = sheet.column_dimensions[letter]
        dimension.number_format = number_format
        longest = max(len(column.name), len(marked(column.example) if number == 1 else column.example))
        dimension.width = min(max(longest, 12), 48) + 3
        validation = _validation(column, letter, ranges.get((contract.table, column.name)))
        validation.add(f"{letter}2:{letter}{_LAST_ROW}")
        sheet.add_data_validation(validation)


def _example(column: Column, is_first: bool) -> str | int | date | time:
    """The example as a person would type it, in the form in which the program keeps it."""
    if is_first:
        return marked(column.example)
    if column.type == "integer":
        return int(column.example)
    if column.type == "date":
        return date.fromisoformat(column.example)
    if column.type == "time":
        return time.fromisoformat(column.example)
    return column.example


def _as_typed(column: Column) -> str:
    return f"{date.fromisoformat(column.example):%d-%m-%Y}" if column.type == "date" else column.example


def _heading_note(contract: Contract, column: Column, is_first: bool) -> str:
    parts = [_told(column), f"Voorbeeld: {_as_typed(column)}"]
    if is_first:
        optional = "" if contract.required else " Deze tabel is niet verplicht: laat haar leeg als u haar niet levert."
        parts.insert(0, f"Tabel {contract.table}. {contract.description.strip()}{optional}")
    return "\n\n".join(parts)


def _told(column: Column) -> str:
    kind = _plain(explanation(column))
    return (
        f"{'Verplicht' if column.required else 'Mag leeg blijven'}. {kind[0].upper()}{kind[1:]}. "
        f"{column.description.strip()}"
    )


def _comment(text: str) -> Comment:
    lines = sum(max(1, math.ceil(len(line) / 48)) for line in text.split("\n"))
    return Comment(text, "Effectmonitor", width=340, height=30 + 17 * lines)


def _validation(column: Column, letter: str, codes: str | None) -> DataValidation:
    """What the program lets people type in a column, with the column's explanation beside the cell."""
    first = f"{letter}2"
    rule: dict[str, str] = {}
    error = ""
    if codes:
        rule = {"type": "list", "formula1": codes}
        error = f"Kies een code uit de lijst. De codes staan ook op het blad {EXPLANATION_SHEET}."
    elif column.type == "boolean":
        rule, error = {"type": "list", "formula1": '"ja,nee"'}, "Kies ja of nee."
    elif column.type == "integer":
        lowest, highest = _bounds(column)
        rule = {"type": "whole", "operator": "between", "formula1": str(lowest), "formula2": str(highest)}
        error = f"Vul een heel getal in, {lowest} tot en met {highest}."
        if highest == _MOST:
            rule = {"type": "whole", "operator": "greaterThanOrEqual", "formula1": str(lowest)}
            error = f"Vul een heel getal in, {lowest} of meer."
    elif column.type == "date":
        rule = {"type": "date", "operator": "between", "formula1": "DATE(1900,1,1)", "formula2": "DATE(2099,12,31)"}
        error = "Vul een bestaande datum in, zoals 31-12-2024."
    elif column.type == "time":
        rule = {"type": "time", "operator": "between", "formula1": "TIME(0,0,0)", "formula2": "TIME(23,59,59)"}
        error = "Vul een tijd in, zoals 9:30."
    elif column.type == "month":
        parts = f'MID({first},5,1)="-",ISNUMBER(VALUE(LEFT({first},4))),ISNUMBER(VALUE(RIGHT({first},2)))'
        rule = {"type": "custom", "formula1": f"AND(LEN({first})=7,{parts})"}
        error = "Vul een maand in als jaar en maand, zoals 2024-01."
    return DataValidation(
        **rule,
        allow_blank=True,
        showErrorMessage=bool(rule),
        errorTitle=column.name[:32],
        error=error[:_LONGEST_ERROR] or None,
        showInputMessage=True,
        promptTitle=column.name[:32],
        prompt=textwrap.shorten(_told(column), _LONGEST_MESSAGE, placeholder=" …"),
    )


def _bounds(column: Column) -> tuple[int, int]:
    if column.scale:
        ends = [bound for bounds in column.scale.bounds.values() for bound in bounds]
        return min(*ends, column.scale.no_opinion), max(ends)
    return column.minimum or 0, column.maximum if column.maximum is not None else _MOST


# --- the lists to choose from ---


def _write_codes(sheet: Worksheet, contracts: Mapping[str, Contract]) -> dict[tuple[str, str], str]:
    """Write every code list once, in a column of its own, and return per table and column the range it lies in."""
    sheet.sheet_state = "hidden"
    ranges: dict[tuple[str, str], str] = {}
    written: dict[tuple[str, ...], str] = {}
    for table, contract in contracts.items():
        for column in contract.columns:
            if not column.codes:
                continue
            codes = column.codes.allowed
            if codes not in written:
                number = len(written) + 1
                for row, value in enumerate((column.name, *codes), start=1):
                    sheet.cell(row, number, value).number_format = _AS_TEXT
                letter = get_column_letter(number)
                written[codes] = f"{quote_sheetname(sheet.title)}!${letter}$2:${letter}${len(codes) + 1}"
            ranges[table, column.name] = written[codes]
    return ranges


# --- the explanation ---


def _write_explanation(sheet: Worksheet, consortium: str, contracts: Mapping[str, Contract]) -> None:
    sheet.title = EXPLANATION_SHEET
    sheet.sheet_view.showGridLines = False
    _set_up_page(sheet, sheet.title)
    for number, width in enumerate(_WIDTHS, start=1):
        sheet.column_dimensions[get_column_letter(number)].width = width
    sheet["A1"] = f"Sjabloon voor de levering van {consortium_name(consortium)}"
    sheet["A1"].font = _TITLE_FONT
    sheet["A2"].font = Font(name=_FONT)
    sheet["A2"] = f"Leveringscontract, versie {CONTRACT_VERSION}. Voor één halfjaar."
    _section(sheet, "Zo vult u het in")
    for number, step in enumerate(_STEPS, start=1):
        _paragraph(sheet, f"{number}.  {step}")
    _section(sheet, "De tabellen")
    _heading(sheet, ("Blad", "", "Verplicht", "Eén rij per", "Inhoud"))
    for contract in contracts.values():
        row = (contract.table, contract.title, _yes(contract.required), ", ".join(contract.key), contract.description)
        _row(sheet, row)
        link = sheet.cell(sheet.max_row, 1)
        link.hyperlink, link.font = f"#{quote_sheetname(contract.table)}!A1", _LINK_FONT
    _section(sheet, "De kolommen")
    _heading(sheet, ("Blad", "Kolom", "Verplicht", "Inhoud", "Uitleg", "Voorbeeld"))
    for contract in contracts.values():
        for column in contract.columns:
            told = (_yes(column.required), _plain(explanation(column)), column.description, _as_typed(column))
            _row(sheet, (contract.table, column.name, *told))
    _section(sheet, "De codes")
    _heading(sheet, ("Kolom", "Code", "", "Betekenis"))
    for group in code_groups(contracts.values()):
        for code, label in group.codes.items():
            bounds = " (schaal {} tot en met {})".format(*group.scale.bounds[code]) if group.scale else ""
            only = f" (bij {group.depends_on} {group.value})" if group.depends_on else ""
            _row(sheet, (group.column, code, "", f"{label}{only}{bounds}"))


def _section(sheet: Worksheet, text: str) -> None:
    cell = sheet.cell(sheet.max_row + 2, 1, text)
    cell.font = _SECTION_FONT


def _paragraph(sheet: Worksheet, text: str) -> None:
    row = sheet.max_row + 1
    sheet.merge_cells(start_row=row, start_column=1, end_row=row, end_column=5)
    cell = sheet.cell(row, 1, text)
    cell.alignment = _WRAPPED
    # no program fits the height of merged cells to their text
    sheet.row_dimensions[row].height = _LINE * math.ceil(len(text) / (0.95 * sum(_WIDTHS[:5]))) + 3


def _heading(sheet: Worksheet, names: Iterable[str]) -> None:
    row = sheet.max_row + 1
    for number, name in enumerate(names, start=1):
        cell = sheet.cell(row, number, name)
        cell.font, cell.fill = _REQUIRED_FONT, _REQUIRED_FILL


def _row(sheet: Worksheet, values: Iterable[str]) -> None:
    row = sheet.max_row + 1
    lines = 1
    for number, value in enumerate(values, start=1):
        text = value.strip()
        cell = sheet.cell(row, number, text)
        cell.alignment, cell.border, cell.number_format = _WRAPPED, _RULE, _AS_TEXT
        lines = max(lines, len(textwrap.wrap(text, _WIDTHS[number - 1])))
    sheet.row_dimensions[row].height = _LINE * lines + 2


def _set_up_page(sheet: Worksheet, title: str) -> None:
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = sheet.PAPERSIZE_A4
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.page_margins.left = sheet.page_margins.right = 0.4
    sheet.oddHeader.left.text = title
    sheet.oddFooter.right.text = "&P van &N"


def _plain(markdown: str) -> str:
    return markdown.replace("`", "")


def _yes(is_so: bool) -> str:
    return "ja" if is_so else "nee"
