"""A delivered file without some of its rows: where a person stands in it, and the same file with those rows empty.

Belongs here: finding and blanking rows in CSV, Excel and what else lies in the inbox. Does not belong here: which files
(``inbox.py``) and what else becomes of a person (``erasure.py``).

A row that is taken out leaves an empty row: the numbers in receipts keep pointing at the rows that the sender has. In a
CSV file all else stays as it was, byte for byte. A workbook is written anew with the values of its cells, because what
Excel keeps beside them (old texts, pivot tables, comments) may hold the person too.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import warnings
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from pipeline.deliveries import delimited, workbook
from pipeline.deliveries.contract import Contract
from pipeline.deliveries.findings import DeliveryFault
from pipeline.deliveries.headings import BLANK, folded, positions
from pipeline.deliveries.package import Resource
from pipeline.deliveries.pseudonyms import pseudonym

CLIENT = "client"
OTHER = "other"  # rows that belong to no table of the contract

_BOMS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_ENCODINGS = ("utf-8", "cp1252", "utf-16-le", "utf-16-be")
_BLOCK = 1 << 22
_SHORTEST_MENTION = 6  # signs: what is shorter stands in dates and numbers by chance
_ARCHIVES = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF", b"\x1f\x8b")


@dataclass
class Person:
    """Whose rows are looked for; nothing of it is ever shown.

    Attributes:
        consortium: who delivered the person.
        key: the consortium's pseudonym key.
        pseudonym: of the person, as in the vault.
        identifier: as the consortium writes it; None while only the pseudonym is known.
    """

    consortium: str
    key: bytes = field(repr=False)
    pseudonym: str = field(repr=False)
    identifier: str | None = field(default=None, repr=False)
    _others: set[str] = field(default_factory=set, repr=False)

    def learn(self, cell: str) -> bool:
        """Whether an identifier is that of the person; if so it is known from now on."""
        text = cell.strip(BLANK)
        if not text or text in self._others:
            return False
        if pseudonym(self.key, CLIENT, text) != self.pseudonym:
            self._others.add(text)
            return False
        self.identifier = text
        return True


@dataclass(frozen=True)
class FileRows:
    """Rows of a file in which the person stands.

    Attributes:
        blank: writes the file without them, from the first path to the second.
        rows: how many, per table.
        is_mentioned: whether a text outside those rows holds the identifier too.
    """

    blank: Callable[[Path, Path], None] | None
    rows: Mapping[str, int]
    is_mentioned: bool = False


class Unsearchable(Exception):
    """A file cannot be looked into: an old, locked or broken workbook or another archive."""


def client_columns(contract: Contract) -> tuple[str, ...]:
    """The columns of a table that name a client."""
    return tuple(column.name for column in contract.columns if column.entity == CLIENT)


def client_cells(resource: Resource, contract: Contract) -> Iterator[str]:
    """All cells of a readable table that name a client; nothing of one that cannot be read."""
    try:
        table = _read(resource, contract)
        places = positions(table.headings, client_columns(contract)).values()
        for _, cells in _rows_of(table):
            yield from (cells[place] for place in places if place < len(cells))
    except DeliveryFault:
        return


def mentions(text: str, person: Person) -> bool:
    """Whether a text holds the identifier as a word of its own; False for one that is too short to tell."""
    word = _word(person.identifier)
    return word is not None and word.search(text) is not None


def find_rows(path: Path, tables: Mapping[str, tuple[Resource, Contract]], person: Person) -> FileRows:
    """The rows of one file in which the person stands.

    In a table of the contract these are the rows whose client is the person, and of rows or tables that cannot be taken
    over anyway (too many cells, no such column, no table of the contract) all that hold the identifier.

    Args:
        path: the file.
        tables: per name what the descriptor says of the tables in it, and their contract.
        person: with the identifier.

    Raises:
        Unsearchable: when nobody can look into it.
    """
    with path.open("rb") as handle:
        start = handle.read(4)
    if start.startswith(_ARCHIVES[:2]) or path.suffix.lower() == ".xlsx":
        return _in_workbook(path, tables, person)
    if start in _ARCHIVES:
        raise Unsearchable
    if not _holds(path, person.identifier):
        return FileRows(None, {})
    if len(tables) == 1:
        ((resource, contract),) = tables.values()
        try:
            return _in_csv(resource, contract, person)
        except DeliveryFault:
            pass  # it could not be taken over: all its lines that name the person go
    return _in_text(path, next(iter(tables), OTHER), person)


# --- CSV ---


def _read(resource: Resource, contract: Contract) -> delimited.DelimitedFile | workbook.Sheet:
    if workbook.is_workbook(resource):
        return workbook.read_sheet(resource, contract.names)
    return delimited.read_file(resource, contract.names)


def _rows_of(table: delimited.DelimitedFile | workbook.Sheet) -> Iterator[tuple[int, list[str]]]:
    return table.rows if isinstance(table, workbook.Sheet) else table.rows()


def _chosen(
    rows: Iterator[tuple[int, list[str]]], width: int, places: Collection[int], person: Person
) -> tuple[set[int], bool]:
    """The numbers of the person's rows, and whether another row mentions him."""
    numbers: set[int] = set()
    is_mentioned = False
    for number, cells in rows:
        trimmed = [cell.strip(BLANK) for cell in cells]
        is_sound = bool(places) and (len(cells) == width or (len(cells) > width and not any(trimmed[width:])))
        looked_at = [trimmed[place] for place in places] if is_sound else trimmed
        if person.identifier in looked_at:
            numbers.add(number)
        elif not is_mentioned:
            is_mentioned = mentions("\n".join(trimmed), person)
    return numbers, is_mentioned


def _in_csv(resource: Resource, contract: Contract, person: Person) -> FileRows:
    file = delimited.read_file(resource, contract.names)
    names = client_columns(contract)
    if not names:
        return FileRows(None, {}, _mentions(file.rows(), person))
    found = positions(file.headings, names)
    # a table without its client column is not taken over: any cell may then be the identifier
    places = tuple(found.values()) if len(found) == len(names) else ()
    numbers, is_mentioned = _chosen(file.rows(), len(file.headings), places, person)
    records = {file.heading_record + number for number in numbers}

    def blank(source: Path, target: Path) -> None:
        _blank_records(source, target, file, records)

    return FileRows(blank if records else None, {contract.table: len(records)} if records else {}, is_mentioned)


def _mentions(rows: Iterator[tuple[int, list[str]]], person: Person) -> bool:
    return any(mentions("\n".join(cells), person) for _, cells in rows)


def _blank_records(source: Path, target: Path, file: delimited.DelimitedFile, records: set[int]) -> None:
    with source.open("rb") as raw, target.open("wb") as out:
        start = raw.read(3)
        mark = next((each for each in _BOMS if start.startswith(each)), b"")
        encoding = _BOMS.get(mark, "utf-8" if file.encoding == "utf-8-sig" else file.encoding)
        raw.seek(len(mark))
        out.write(mark)
        text = io.TextIOWrapper(raw, encoding=encoding, newline="")
        written = io.TextIOWrapper(out, encoding=encoding, newline="")
        lines: list[str] = []

        def read() -> Iterator[str]:
            for line in text:
                lines.append(line)
                yield line

        rows = csv.reader(read(), delimiter=file.delimiter, quotechar=file.quote, skipinitialspace=True, strict=True)
        for number, _ in enumerate(rows, start=1):
            written.write(_line_end(lines[-1]) if number in records else "".join(lines))
            lines.clear()
        written.flush()


def _line_end(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]


# --- any other text ---


def _in_text(path: Path, table: str, person: Person) -> FileRows:
    content = path.read_bytes()
    mark = next((each for each in _BOMS if content.startswith(each)), b"")
    encoding = _BOMS.get(mark) or _guessed(content)
    words = [re.compile(rf"(?<!\w){re.escape(text)}(?!\w)") for text in _forms(person.identifier, encoding)]

    def split(body: bytes) -> list[str]:
        # what cannot be read comes back as it was
        return body.decode(encoding, "surrogateescape").splitlines(keepends=True)

    lines = split(content[len(mark) :])
    chosen = {place for place, line in enumerate(lines) if any(word.search(line) for word in words)}

    def blank(source: Path, target: Path) -> None:
        kept = split(source.read_bytes()[len(mark) :])
        text = "".join(_line_end(line) if place in chosen else line for place, line in enumerate(kept))
        target.write_bytes(mark + text.encode(encoding, "surrogateescape"))

    return FileRows(blank if chosen else None, {table: len(chosen)} if chosen else {})


def _guessed(content: bytes) -> str:
    start = content[:4096]
    if start.count(0) > len(start) / 4 and len(content) % 2 == 0:
        return "utf-16-le" if start[1::2].count(0) >= start[::2].count(0) else "utf-16-be"
    return "latin-1"  # every byte is a sign: also what is damaged can be searched


def _forms(identifier: str, encoding: str) -> set[str]:
    if encoding != "latin-1":
        return {identifier}
    return {identifier.encode(each, "ignore").decode("latin-1") for each in ("utf-8", "cp1252")}


def _holds(path: Path, identifier: str) -> bool:
    """Whether the identifier stands in the bytes of a file, in any encoding of the contract."""
    if any(sign in identifier for sign in "\"'"):
        return True  # written double where it is quoted
    wanted = {identifier.encode(encoding, "ignore") for encoding in _ENCODINGS}
    longest = max(map(len, wanted))
    before = b""
    with path.open("rb") as handle:
        while block := handle.read(_BLOCK):
            if any(each in before + block for each in wanted):
                return True
            before = block[-longest:]
    return False


@lru_cache(maxsize=1)
def _word(identifier: str) -> re.Pattern[str] | None:
    if len(identifier) < _SHORTEST_MENTION:
        return None
    return re.compile(rf"(?<!\w){re.escape(identifier)}(?!\w)")


# --- Excel ---


def _in_workbook(path: Path, tables: Mapping[str, tuple[Resource, Contract]], person: Person) -> FileRows:
    resource = Resource(path.stem, path, "", None, None, None)
    sheets: dict[str, tuple[set[int], str]] = {}
    is_mentioned = False
    names: dict[str, str] = {}
    try:
        for table, (declared, contract) in tables.items():
            try:
                sheet = workbook.read_sheet(declared, contract.names)
            except DeliveryFault:
                continue  # its sheet is searched as one of no table
            columns = client_columns(contract)
            found = positions(sheet.headings, columns)
            names[sheet.name] = table
            if not columns:
                is_mentioned = _mentions(sheet.rows, person) or is_mentioned
            elif len(found) == len(columns):
                numbers, said = _chosen(sheet.rows, len(sheet.headings), list(found.values()), person)
                is_mentioned = is_mentioned or said
                sheets[sheet.name] = {sheet.heading_row + number for number in numbers}, table
            else:
                del names[sheet.name]
        taken = {folded(name) for name in names}
        for name, sheet in workbook.all_sheets(resource):
            if folded(name) not in taken:
                numbers, said = _chosen(sheet.rows, 0, (), person)
                is_mentioned = is_mentioned or said
                sheets[name] = numbers, OTHER
    except (DeliveryFault, zipfile.BadZipFile, ValueError, KeyError, OSError):
        raise Unsearchable from None
    chosen = {name: numbers for name, (numbers, _) in sheets.items() if numbers}
    counts: dict[str, int] = {}
    for numbers, table in sheets.values():
        if numbers:
            counts[table] = counts.get(table, 0) + len(numbers)
    # without rows of his the text may still lie in what Excel keeps beside the cells
    hidden = not is_mentioned and _packed(path, person)
    if not chosen and not hidden:
        return FileRows(None, counts, is_mentioned)

    def blank(source: Path, target: Path) -> None:
        _blank_sheets(source, target, chosen)

    return FileRows(blank, counts, is_mentioned)


def _packed(path: Path, person: Person) -> bool:
    """Whether a text of the workbook is or holds the identifier as a word of its own."""
    with zipfile.ZipFile(path) as archive:
        return any(
            mentions(archive.read(member).decode("utf-8", "replace"), person)
            for member in archive.infolist()
            if member.filename.lower().endswith((".xml", ".rels", ".vml"))
        )


def _blank_sheets(source: Path, target: Path, chosen: Mapping[str, set[int]]) -> None:
    import openpyxl
    from openpyxl.cell import WriteOnlyCell

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what a workbook has beside its cells; the words may repeat it
        old = openpyxl.load_workbook(source, read_only=True, data_only=True)
        try:
            new = openpyxl.Workbook(write_only=True)
            new.epoch = old.epoch
            for sheet in old.worksheets:
                copy = new.create_sheet(sheet.title)
                copy.sheet_state = sheet.sheet_state
                sheet.reset_dimensions()
                left_out = chosen.get(sheet.title, set())
                for number, row in enumerate(sheet.iter_rows(), start=1):
                    cells = []
                    for cell in row if number not in left_out else ():
                        made = WriteOnlyCell(copy, cell.value)
                        if made.data_type == "f":
                            made.data_type = "s"  # a text that begins with =
                        if cell.value is not None and cell.has_style:
                            made.number_format = cell.number_format
                        cells.append(made)
                    copy.append(cells)
            new.save(target)
        finally:
            old.close()
