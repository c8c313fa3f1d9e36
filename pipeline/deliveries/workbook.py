"""Excel workbooks: which sheet holds a table, and its cells as the texts that a CSV file would have.

Belongs here: what is peculiar to Excel. calamine reads the cells; it keeps a whole sheet in memory and makes room for
the rectangle from its first cell to its last. That is why every workbook is examined first: what it unpacks to, and how
far its cells reach. No text of the file reaches a message.
"""

from __future__ import annotations

import datetime as dt
import re
import zipfile
import zlib
from array import array
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain
from pathlib import Path
from typing import IO, Any
from xml.etree import ElementTree
from xml.parsers import expat

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from pipeline.deliveries.findings import DeliveryFault, Finding
from pipeline.deliveries.headings import BLANK, LINES_SEARCHED, check_headings, check_title_rows, folded
from pipeline.deliveries.package import Resource

EXPLANATION_SHEET, CODES_SHEET = "Uitleg", "codes"  # the sheets of the template that are no table
ERROR = "#N/A"  # stands for every error of a formula: calamine leaves such cells empty

_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0"  # .xls, and any workbook with a password
_SUFFIXES = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
_WORKBOOK, _RELATIONS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"

_MAXIMUM_MEMBERS = 2_000
_MAXIMUM_UNPACKED = 600_000_000
_MAXIMUM_RATIO, _FREE_OF_RATIO = 200, 10_000_000
_MAXIMUM_CELLS = 8_400_000  # a full sheet of eight columns; calamine takes some 70 bytes for each
_ROWS, _COLUMNS = 1_048_576, 16_384  # of a sheet
_LETTERS = re.compile(r"[A-Za-z]{1,3}")
_BLOCK = 1 << 16
_DIGITS = 15  # that Excel keeps of a number

_AS_XLSX = "Sla het op als gewone Excel-werkmap (.xlsx) zonder wachtwoord, of als CSV UTF-8, en lever dat bestand."
_BROKEN = "De Excel-werkmap is beschadigd of onvolledig. Open haar in Excel, sla haar opnieuw op en lever dat bestand."
_TOO_LARGE = "De Excel-werkmap is te groot om te lezen. Lever deze tabel als CSV UTF-8."
_FAR_CELL = (
    "In de Excel-werkmap staat een cel heel ver onder of rechts van een tabel. Verwijder de rijen en kolommen buiten "
    "de tabel en sla de werkmap opnieuw op."
)


@dataclass(frozen=True)
class Sheet:
    """A sheet with a table.

    Attributes:
        headings: as delivered, trimmed.
        rows: the rows that hold anything, with their number: 1 is the sheet row under the headings.
        name: name of the sheet.
        heading_row: the sheet row of the headings, 1 is the first; 0 when it has none.
    """

    headings: tuple[str, ...]
    rows: Iterator[tuple[int, list[str]]]
    name: str
    heading_row: int


@dataclass(frozen=True)
class _Contents:
    """What was seen of a workbook before it is read.

    Attributes:
        rule, sentence: why it cannot be read, or None.
        errors: per sheet the cells with an error, as row times ``_COLUMNS`` plus column, both from 0, in order.
    """

    rule: str | None = None
    sentence: str | None = None
    errors: dict[str, array] | None = None


def is_workbook(resource: Resource) -> bool:
    """Whether a file is a workbook or another archive, or has the name of one."""
    with resource.path.open("rb") as handle:
        start = handle.read(4)
    return start in (_ZIP, _OLE) or (bool(start) and resource.path.suffix.lower() in _SUFFIXES)


def read_sheet(resource: Resource, known: Collection[str]) -> Sheet:
    """Find a table's sheet and its column names.

    Args:
        resource: the workbook, and the table that is wanted of it.
        known: column names of the contract.

    Raises:
        DeliveryFault: when it is no sound ``.xlsx`` workbook, or has no usable sheet or row of column names.
    """
    status = resource.path.stat()
    contents = _examine(resource.path, status.st_size, status.st_mtime_ns)
    if contents.rule:
        raise _fault(resource, contents.rule, contents.sentence)
    try:
        with resource.path.open("rb") as handle, CalamineWorkbook.from_filelike(handle) as workbook:
            sheet = workbook.get_sheet_by_name(_sheet_name(workbook, resource))
    except CalamineError:
        raise _fault(resource, "unreadable_file", _BROKEN) from None
    lines = _lines(sheet, contents.errors.get(sheet.name, array("q")))
    first = []
    for line in lines:
        first.append(line)
        if len(first) == LINES_SEARCHED:
            break
    if not first:
        raise _fault(resource, "unreadable_file", "Het blad is leeg: ook de rij met kolomnamen ontbreekt.")
    check_title_rows(first, known, resource.name)
    heading_row, cells = first[0]
    headings = tuple(cell.strip(BLANK) for cell in cells)
    check_headings(headings, known, resource.name)
    rows = ((number - heading_row, cells) for number, cells in chain(first[1:], lines))
    return Sheet(headings, rows, sheet.name, heading_row)


def other_sheets(resource: Resource, tables: Collection[str]) -> Iterator[tuple[str, Sheet]]:
    """The sheets of a sound workbook from which no table of the delivery is taken, with their name.

    They have no headings: row 1 is the first row of the sheet. The template's own sheets are left out.

    Args:
        resource: a table that was taken from the workbook.
        tables: names of all tables that are taken from it.
    """
    status = resource.path.stat()
    contents = _examine(resource.path, status.st_size, status.st_mtime_ns)
    if contents.rule:
        return
    with resource.path.open("rb") as handle, CalamineWorkbook.from_filelike(handle) as workbook:
        taken = {folded(name) for name in (*tables, _sheet_name(workbook, resource), EXPLANATION_SHEET, CODES_SHEET)}
        for each in workbook.sheets_metadata:
            if each.typ == SheetTypeEnum.WorkSheet and folded(each.name) not in taken:
                sheet = workbook.get_sheet_by_name(each.name)
                yield each.name, Sheet(("",) * sheet.width, _lines(sheet, array("q")), each.name, 0)


def all_sheets(resource: Resource) -> Iterator[tuple[str, Sheet]]:
    """Every sheet of a workbook with its name, without headings: row 1 is the first row of the sheet.

    Args:
        resource: any table in the workbook.

    Raises:
        DeliveryFault: when it is no sound ``.xlsx`` workbook.
    """
    status = resource.path.stat()
    contents = _examine(resource.path, status.st_size, status.st_mtime_ns)
    if contents.rule:
        raise _fault(resource, contents.rule, contents.sentence)
    with resource.path.open("rb") as handle, CalamineWorkbook.from_filelike(handle) as workbook:
        for each in workbook.sheets_metadata:
            if each.typ == SheetTypeEnum.WorkSheet:
                sheet = workbook.get_sheet_by_name(each.name)
                yield each.name, Sheet(("",) * sheet.width, _lines(sheet, array("q")), each.name, 0)


def _sheet_name(workbook: CalamineWorkbook, resource: Resource) -> str:
    sheets = [sheet for sheet in workbook.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
    named = [sheet.name for sheet in sheets if folded(sheet.name) == folded(resource.name)]
    if len(named) == 1:
        return named[0]
    visible = [sheet.name for sheet in sheets if sheet.visible == SheetVisibleEnum.Visible]
    tables = [name for name in visible if folded(name) != folded(EXPLANATION_SHEET)]
    if resource.is_alone and not named and len(tables) == 1:
        return tables[0]
    sentence = (
        "In de Excel-werkmap heeft geen blad de naam van deze tabel, of hebben meer bladen die. Geef één blad die naam."
    )
    raise _fault(resource, "missing_sheet", sentence)


def _lines(sheet: CalamineSheet, errors: array) -> Iterator[tuple[int, list[str]]]:
    """The sheet rows that hold anything, 1 is the first row of the sheet."""
    left = sheet.start[1] if sheet.start else 0
    following = iter(errors)
    error = next(following, None)
    for index, row in enumerate(sheet.iter_rows()):
        cells = [cell if type(cell) is str else _TEXTS[type(cell)](cell) for cell in row]
        while error is not None and error // _COLUMNS <= index:
            if error // _COLUMNS == index:
                cells[error % _COLUMNS - left] = ERROR
            error = next(following, None)
        if any(map(str.strip, cells)):
            yield index + 1, cells


def _number(value: float) -> str:
    if value.is_integer() and abs(value) < 10**_DIGITS:
        return str(int(value))
    return f"{value:.{_DIGITS}g}".upper()


def _moment(value: dt.datetime) -> str:
    return value.isoformat(" ", "seconds")


def _duration(value: dt.timedelta) -> str:
    minutes, seconds = divmod(round(value.total_seconds()), 60)
    text = f"{minutes // 60:02d}:{minutes % 60:02d}"
    return f"{text}:{seconds:02d}" if seconds else text


def _time(value: dt.time) -> str:
    return _duration(dt.datetime.combine(dt.date.min, value) - dt.datetime.min)


_TEXTS: dict[type, Any] = {
    float: _number,
    int: str,
    bool: lambda value: "ja" if value else "nee",
    dt.datetime: _moment,
    dt.date: dt.date.isoformat,
    dt.time: _time,
    dt.timedelta: _duration,
}


# --- before it is read ---


@lru_cache(maxsize=2)  # several tables may lie in one workbook
def _examine(path: Path, size: int, changed: int) -> _Contents:
    try:
        if not zipfile.is_zipfile(path):
            return _no_zip(path)
        with zipfile.ZipFile(path) as archive:
            return _no_workbook(path, archive) or _too_large(archive, size) or _reach(archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, KeyError):
        return _Contents("unreadable_file", _BROKEN)
    except (expat.ExpatError, ElementTree.ParseError):
        return _Contents("unreadable_file", _BROKEN)


def _no_zip(path: Path) -> _Contents:
    with path.open("rb") as handle:
        start = handle.read(4)
    if start == _ZIP:
        return _Contents("unreadable_file", _BROKEN)
    if start != _OLE:
        sentence = f"Het bestand heeft de naam van een rekenblad, maar is het niet. {_AS_XLSX}"
    elif path.suffix.lower() == ".xls":
        sentence = f"Dit is een oud Excel-bestand (.xls). {_AS_XLSX}"
    else:
        sentence = f"Dit is een Excel-werkmap met een wachtwoord, of een oud Excel-bestand. {_AS_XLSX}"
    return _Contents("workbook", sentence)


def _no_workbook(path: Path, archive: zipfile.ZipFile) -> _Contents | None:
    names = set(archive.namelist())
    if path.suffix.lower() == ".xlsm":
        return _Contents("workbook", f"Dit is een Excel-werkmap met macro's (.xlsm). {_AS_XLSX}")
    if _WORKBOOK in names:
        return None
    if "xl/workbook.bin" in names:
        return _Contents("workbook", f"Dit is een binaire Excel-werkmap (.xlsb). {_AS_XLSX}")
    if "content.xml" in names:
        return _Contents("workbook", f"Dit is een OpenDocument-bestand (.ods). {_AS_XLSX}")
    sentence = "Dit is een zip-bestand en geen Excel-werkmap. Pak het uit en lever de bestanden zelf."
    return _Contents("workbook", sentence)


def _too_large(archive: zipfile.ZipFile, size: int) -> _Contents | None:
    """Whether it unpacks to more than is reasonable: as it declares, and then as it really does."""
    too_large = _Contents("workbook", _TOO_LARGE)
    room = min(_MAXIMUM_UNPACKED, _MAXIMUM_RATIO * size + _FREE_OF_RATIO)
    members = archive.infolist()
    if len(members) > _MAXIMUM_MEMBERS or sum(member.file_size for member in members) > room:
        return too_large
    for member in members:
        with archive.open(member) as stream:
            while block := stream.read(_BLOCK):
                room -= len(block)
                if room < 0:
                    return too_large
    return None


def _reach(archive: zipfile.ZipFile) -> _Contents:
    """How far the cells of each sheet reach, and which of them are errors."""
    errors = {}
    for name, part in _parts(archive):
        # a name may differ in case, or stand there twice: whichever calamine takes has been looked at
        members = [each for each in archive.infolist() if _base_name(each.filename) == part]
        for member in members:
            with archive.open(member) as stream:
                scan = _Scan(stream)
            if scan.area > _MAXIMUM_CELLS:
                return _Contents("workbook", _TOO_LARGE if scan.cells * 4 > scan.area else _FAR_CELL)
            errors[name] = array("q", sorted(scan.errors))
    return _Contents(errors=errors)


def _parts(archive: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    """Name of each sheet, and the file in which its cells are."""
    targets = {}
    for relation in ElementTree.fromstring(archive.read(_RELATIONS)):
        targets[relation.get("Id")] = _base_name(relation.get("Target", ""))
    for element in ElementTree.fromstring(archive.read(_WORKBOOK)).iter():
        if element.tag.rpartition("}")[2] == "sheet":
            for key, value in element.attrib.items():
                if key.rpartition("}")[2] == "id" and value in targets:
                    yield element.get("name", ""), targets[value]


def _base_name(path: str) -> str:
    return re.split(r"[/\\]", path)[-1].lower()


class _Scan:
    """One pass over the cells of a sheet, without their contents.

    Attributes:
        cells: how many cells hold anything.
        area: cells of the rectangle around them.
        errors: cells with an error, as in ``_Contents``.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self.cells = self.area = 0
        self.errors = array("q")
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._handler()
        while block := stream.read(_BLOCK):
            parser.Parse(block, False)
        parser.Parse(b"", True)

    def _handler(self) -> Callable[[str, dict[str, str]], None]:
        """Called for every element: millions of times, so it is one function with few calls in it."""
        row = cell_row = column = -1
        top, bottom, left, right = _ROWS, -1, _COLUMNS, -1
        kinds: dict[str, str] = {}

        def start(name: str, attributes: dict[str, str]) -> None:
            nonlocal row, cell_row, column, top, bottom, left, right
            kind = kinds.get(name) or kinds.setdefault(name, name.rpartition(":")[2])
            if kind == "c":
                if place := attributes.get("r"):
                    letters = place.rstrip("0123456789")
                    cell_row, column = int(place[len(letters) :]) - 1, _column(letters)
                else:
                    cell_row, column = row, column + 1
                if attributes.get("t") == "e":
                    self.errors.append(cell_row * _COLUMNS + column)
            elif kind in ("v", "is"):
                self.cells += 1
                if not (top <= cell_row <= bottom and left <= column <= right):
                    top, bottom = min(top, cell_row), max(bottom, cell_row)
                    left, right = min(left, column), max(right, column)
                    self.area = (bottom - top + 1) * (right - left + 1)
            elif kind == "row":
                row, column = int(attributes.get("r", row + 2)) - 1, -1

        return start


@cache
def _column(letters: str) -> int:
    if not _LETTERS.fullmatch(letters):
        raise ValueError("no column")
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number - 1


def _fault(resource: Resource, rule: str, sentence: str) -> DeliveryFault:
    return DeliveryFault(Finding("table", rule, sentence, table=resource.name))
