"""An empty workbook to fill: a sheet per table of a consortium, made from the contracts.

Belongs here: the workbook. A delivery itself is CSV; the first sheet says how to get there.
"""

from __future__ import annotations

from pathlib import Path

from openpyxl import Workbook
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from pipeline.deliveries.contract import CONTRACT_VERSION, Contract, contracts_for
from pipeline.deliveries.documentation import explanation

_STEPS = (
    "Elke tabel heeft een eigen blad. Vul vanaf rij 2 en haal de voorbeeldrij (schuin) weg.",
    "Verander de kolomnamen niet. Kolommen met een * zijn verplicht; de * hoort niet bij de naam en staat alleen hier.",
    "Lever elk blad als CSV-bestand: kies in Excel Opslaan als, CSV UTF-8.",
    "Zet geen namen, burgerservicenummers, e-mailadressen, telefoonnummers of adressen in de bestanden.",
)
_HEADING = PatternFill("solid", start_color="DDE7F0")
_LONGEST = 60


def write_template(consortium: str, path: Path) -> Path:
    """Write the workbook of a consortium.

    Args:
        consortium: ``tom``, ``go`` or ``boost``.
        path: the ``.xlsx`` file to make or replace.

    Returns:
        The path.

    Raises:
        ContractError: for another consortium.
    """
    contracts = contracts_for(consortium)
    workbook = Workbook()
    _explain(workbook.active, consortium, contracts)
    for contract in contracts.values():
        sheet = workbook.create_sheet(contract.table)
        sheet.append(list(contract.names))
        sheet.append([column.example for column in contract.columns])
        sheet.freeze_panes = "A2"
        for number, column in enumerate(contract.columns, start=1):
            heading, example = sheet.cell(1, number), sheet.cell(2, number)
            heading.font, heading.fill = Font(bold=True), _HEADING
            example.font = Font(italic=True, color="777777")
            # as text: Excel would take the zero off 02 and make a date of 0-17
            sheet.column_dimensions[get_column_letter(number)].number_format = "@"
            example.number_format = "@"
            _widen(sheet, number, max(len(column.name), len(column.example)))
    path.parent.mkdir(parents=True, exist_ok=True)
    workbook.save(path)
    return path


def _explain(sheet: Worksheet, consortium: str, contracts: dict[str, Contract]) -> None:
    sheet.title = "Uitleg"
    sheet.append([f"Leveringscontract versie {CONTRACT_VERSION}: sjabloon voor {consortium}"])
    sheet["A1"].font = Font(bold=True, size=14)
    for step in _STEPS:
        sheet.append([step])
    sheet.append([])
    sheet.append(["Tabel", "Kolom", "Inhoud", "Uitleg"])
    for cell in sheet[sheet.max_row]:
        cell.font, cell.fill = Font(bold=True), _HEADING
    for contract in contracts.values():
        for column in contract.columns:
            name = f"{column.name} *" if column.required else column.name
            sheet.append([contract.table, name, explanation(column).replace("`", ""), column.description.strip()])
    for number, width in enumerate((18, 22, _LONGEST, _LONGEST), start=1):
        _widen(sheet, number, width)


def _widen(sheet: Worksheet, number: int, width: int) -> None:
    sheet.column_dimensions[get_column_letter(number)].width = min(width, _LONGEST) + 3
