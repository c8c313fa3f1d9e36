"""CSV of any honest dress: its encoding, separator, quotes, and its rows as texts with their number.

Belongs here: what is peculiar to CSV. No text of the file reaches a message: DuckDB's own errors repeat the row.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb

from pipeline.deliveries.findings import DeliveryFault, Finding
from pipeline.deliveries.headings import BLANK, LINES_SEARCHED, check_headings, check_title_rows, positions
from pipeline.deliveries.package import Resource

SEPARATORS = (";", ",", "\t")

_OTHER_SEPARATORS = ("|", ":", "^")
_ENCODINGS = {
    "utf-8": "utf-8-sig",
    "utf8": "utf-8-sig",
    "utf-8-sig": "utf-8-sig",
    "us-ascii": "utf-8-sig",
    "ascii": "utf-8-sig",
    "utf-16": "utf-16",
    "utf-16le": "utf-16-le",
    "utf-16-le": "utf-16-le",
    "utf-16be": "utf-16-be",
    "utf-16-be": "utf-16-be",
    "windows-1252": "cp1252",
    "cp1252": "cp1252",
    "iso-8859-1": "cp1252",  # as every browser reads it: the difference is control characters that nobody types
    "latin-1": "cp1252",
}
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_BLOCK = 1 << 20
_LONGEST_CELL = 1_000_000
_LONGEST_LINE = 32_000_000
_SEPARATOR_LINE = re.compile(r'^"?sep=(.)"?$', re.IGNORECASE)
# An accented letter or a quotation mark of UTF-8 as Windows-1252 shows it: é as Ã©. No text has these side by side.
_DOUBLE = re.compile("[ÃÂ][\u00a0-\u00bf]|â‚¬|â€[™˜œ“”]")
_EMPTY = "Het bestand is leeg: ook de regel met kolomnamen ontbreekt."

# a cell that is longer is a quote that was never closed; the default of 131,072 signs is less than a long story
csv.field_size_limit(_LONGEST_CELL)


@dataclass(frozen=True)
class DelimitedFile:
    """A CSV file of which the dress is known.

    Attributes:
        headings: as delivered, trimmed.
        is_simple: whether the first line holds the headings and no line after it is blank, in UTF-8, so that DuckDB
            reads and numbers it as Python would.
    """

    resource: Resource
    encoding: str
    delimiter: str
    quote: str
    headings: tuple[str, ...]
    heading_record: int
    is_simple: bool

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """The rows that hold anything, with their number: 1 is the first one under the headings, blank ones count.

        Raises:
            DeliveryFault: on the way, where a row cannot be read.
        """
        number = 0
        with self.resource.path.open(encoding=self.encoding, newline="") as handle:
            try:
                for record, row in enumerate(_records(self.resource, handle, self.delimiter, self.quote), start=1):
                    number = record - self.heading_record
                    if number > 0 and _holds_anything(row):
                        yield number, row
            except csv.Error:
                sentence = (
                    f"Vanaf rij {number + 1} is het bestand niet te lezen: een aanhalingsteken is niet goed gesloten, "
                    "of een cel heeft meer dan een miljoen tekens. Zet een cel met aanhalingstekens erin tussen "
                    "aanhalingstekens en schrijf die erin dubbel."
                )
                raise _unreadable(self.resource, sentence) from None


def read_file(resource: Resource, known: Collection[str]) -> DelimitedFile:
    """Find out the dress of a CSV file.

    Args:
        resource: the file, and what the descriptor says of its dialect and encoding.
        known: column names of the contract; they tell the separator where the descriptor does not.

    Raises:
        DeliveryFault: when the file is empty, not text, or has no usable line of column names.
    """
    if not resource.path.stat().st_size:
        raise _unreadable(resource, _EMPTY)
    encoding, has_blank_lines = _encoding(resource)
    delimiters, skipped = _announced(resource, encoding)
    quote = resource.quote or '"'
    found = []
    for delimiter in delimiters:
        if lines := _first_lines(resource, encoding, delimiter, quote, skipped):
            found.append((lines, delimiter))
    if not found:
        raise _unreadable(resource, "De regel met kolomnamen is niet te lezen: controleer de aanhalingstekens.")
    lines, delimiter = max(found, key=lambda each: _likeness(each[0], known))
    number, cells = lines[0]
    for sign in _OTHER_SEPARATORS:
        if len(cells) == 1 and sign in cells[0] and positions(cells[0].split(sign), known):
            sentence = (
                f"De kolommen zijn gescheiden door het teken {sign}. Gebruik een puntkomma, een komma of een tab."
            )
            raise _unreadable(resource, sentence)
    check_title_rows(lines, known, resource.name)
    headings = tuple(cell.strip(BLANK) for cell in cells)
    check_headings(headings, known, resource.name)
    is_simple = encoding == "utf-8-sig" and number == 1 and not has_blank_lines
    return DelimitedFile(resource, encoding, delimiter, quote, headings, number, is_simple)


def load_fast(connection: duckdb.DuckDBPyConnection, file: DelimitedFile, relation: str) -> bool:
    """Let DuckDB read a simple file, several times faster than row by row.

    Args:
        connection: where the table is made.
        file: the file.
        relation: name of the table to make.

    Returns:
        Whether it could; whatever DuckDB stumbles over has to be read row by row.
    """
    path = str(file.resource.path)
    if any(sign in path for sign in "*?[]{}"):
        return False  # DuckDB would take it for a pattern of several files
    width = len(file.headings)
    columns = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(width))
    try:
        connection.execute(
            f"""
            create or replace table {relation} as
            select row_number() over () as row_number, {width}::integer as cells, null::varchar as surplus, *
            from read_csv(
                $path, auto_detect = false, header = true, delim = $delimiter, quote = $quote, escape = $quote,
                columns = {{{columns}}}, strict_mode = true, null_padding = false, ignore_errors = false,
                max_line_size = {_LONGEST_CELL}, compression = 'none', nullstr = ''
            )
            """,
            {"path": path, "delimiter": file.delimiter, "quote": file.quote},
        )
    except duckdb.Error:
        return False
    return True


def _encoding(resource: Resource) -> tuple[str, bool]:
    """The encoding of the whole file: as its first bytes say, as declared, or the first that fits.

    And whether a line before the last one with text is blank.
    """
    with resource.path.open("rb") as handle:
        start = handle.read(4096)
    for mark, encoding in _BOMS:
        if start.startswith(mark):
            candidates = [encoding]
            break
    else:
        declared = _ENCODINGS.get((resource.encoding or "").lower().replace("_", "-"))
        if declared == "utf-16" or (not resource.encoding and _is_sixteen_bits(start)):
            # without a mark: the empty one of each two bytes tells their order
            candidates = ["utf-16-le" if start[1::2].count(0) >= start[::2].count(0) else "utf-16-be"]
        elif resource.encoding:
            candidates = [declared] if declared else []
        else:
            candidates = ["utf-8-sig", "cp1252"]
    for encoding in candidates:
        survey = _survey(resource.path, encoding)
        if survey and encoding == "cp1252" and survey.has_double:
            sentence = (
                "De tekens zijn niet te lezen: het bestand is geheel of deels in UTF-8, en niet in "
                "Windows-1252. Sla het bestand opnieuw op als CSV UTF-8, en noem geen andere codering."
            )
            raise _unreadable(resource, sentence)
        if survey:
            if survey.has_nul:
                sentence = (
                    "Het bestand bevat tekens die geen tekst zijn (nul-bytes). Het is beschadigd of geen CSV-bestand: "
                    "maak de export opnieuw."
                )
                raise _unreadable(resource, sentence)
            return encoding, survey.has_blank_lines
    if resource.encoding:
        sentence = (
            "De tekens zijn niet te lezen met de codering die datapackage.json noemt. "
            "Sla het bestand op als UTF-8, of noem de juiste codering (utf-8, utf-16 of windows-1252)."
        )
    else:
        sentence = "De tekens zijn niet te lezen. Sla het bestand op als CSV in UTF-8."
    raise _unreadable(resource, sentence)


def _is_sixteen_bits(start: bytes) -> bool:
    # of Dutch text nearly every other byte is empty; a stray empty byte is damage
    return start.count(0) > len(start) / 4


@dataclass(frozen=True)
class _Survey:
    has_nul: bool
    has_blank_lines: bool
    has_double: bool


def _survey(path: Path, encoding: str) -> _Survey | None:
    """What the whole file shows in one pass; None when it is not in this encoding."""
    decoder = codecs.getincrementaldecoder(encoding)()
    has_nul = has_blank = has_double = False
    ends = ""
    try:
        with path.open("rb") as handle:
            while block := handle.read(_BLOCK):
                text = ends + decoder.decode(block)
                has_nul = has_nul or "\0" in text
                has_double = has_double or (encoding == "cp1252" and bool(_DOUBLE.search(text)))
                body = text.rstrip("\r\n")
                has_blank = has_blank or any(double in body for double in ("\n\n", "\r\r", "\n\r"))
                ends = text[len(body) :][-4:]  # blank lines at the end of the file are none
        decoder.decode(b"", final=True)
    except UnicodeError:
        return None
    return _Survey(has_nul, has_blank, has_double)


def _announced(resource: Resource, encoding: str) -> tuple[tuple[str, ...], int]:
    """The separators to try, and how many records come before everything else: Excel may write ``sep=;`` first."""
    with resource.path.open(encoding=encoding, newline="") as handle:
        first = _SEPARATOR_LINE.match(handle.readline(100).rstrip("\r\n"))
    announced = (first[1],) if first and first[1] in SEPARATORS else ()
    separators = (resource.delimiter,) if resource.delimiter else announced or SEPARATORS
    return separators, 1 if announced else 0


def _first_lines(
    resource: Resource, encoding: str, delimiter: str, quote: str, skipped: int
) -> list[tuple[int, list[str]]]:
    """The first records that hold anything, with their place in the file; none with a separator that cannot be right.

    Raises:
        DeliveryFault: when there is nothing in the whole file.
    """
    lines: list[tuple[int, list[str]]] = []
    with resource.path.open(encoding=encoding, newline="") as handle:
        try:
            for number, row in enumerate(_records(resource, handle, delimiter, quote), start=1):
                if number > skipped and _holds_anything(row):
                    lines.append((number, row))
                    if len(lines) == LINES_SEARCHED:
                        break
        except csv.Error:
            return lines  # the line of column names may be sound; what follows is told with its row number
    if not lines:
        raise _unreadable(resource, _EMPTY)
    return lines


def _likeness(lines: list[tuple[int, list[str]]], known: Collection[str]) -> tuple[int, int]:
    return max(len(positions(cells, known)) for _, cells in lines), len(lines[0][1])


def _records(resource: Resource, lines: Iterable[str], delimiter: str, quote: str) -> Iterator[list[str]]:
    # strict: a quote that is not closed would swallow the rows that follow it
    return csv.reader(
        _bounded(resource, lines), delimiter=delimiter, quotechar=quote, skipinitialspace=True, strict=True
    )


def _bounded(resource: Resource, handle) -> Iterator[str]:
    for line in iter(partial(handle.readline, _LONGEST_LINE), ""):
        if len(line) == _LONGEST_LINE:
            raise _unreadable(resource, "Een regel is meer dan 32 miljoen tekens lang: dit is geen gewone CSV-tabel.")
        yield line


def _holds_anything(row: list[str]) -> bool:
    return any(map(str.strip, row))


def _unreadable(resource: Resource, sentence: str) -> DeliveryFault:
    return DeliveryFault(Finding("table", "unreadable_file", sentence, table=resource.name))
