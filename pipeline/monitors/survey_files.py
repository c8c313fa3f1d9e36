"""Surveys as files (CSV or Excel): from what a municipality or its research agency sends to a long table.

Belongs here: the forms in which a survey file may come, and the sentences that tell what is wrong with one, in Dutch,
because they are handed on to whoever made the file. Does not belong here: which file counts (``surveys.py``).
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
import warnings
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from pipeline.monitors.contracts import load_contract
from pipeline.monitors.source_files import region_level
from pipeline.settings import SEEDS

_COLUMNS = ("jaar", "vraag", "groep", "gebied", "n", "waarde", "marge", "bron")
_REQUIRED = ("jaar", "vraag", "n", "waarde")
_QUESTION_HEADINGS = ("vraag", "schaal")
# for people: the column that asks the question has its own name per monitor
_SHOWN_COLUMNS = {"ipa": ("jaar", "schaal", "groep", "gebied", "n", "waarde", "marge")}

_HIGHEST_BYTES = 5_000_000
_HIGHEST_UNPACKED_BYTES = 50_000_000
_HIGHEST_ROWS = 20_000
_HIGHEST_CELLS = 40  # in a row
_HIGHEST_SIGNS = 200  # in a cell
_ROWS_NAMED = 5

_EVERYBODY = {"", "totaal"}
_MARKERS = {"": "not_available", "-": "not_available", ".": "secret", "x": "secret"}
_YEAR = re.compile(r"(20\d\d)(?:[.,]0{1,2})?")
_WHOLE = re.compile(r"(\d{1,7})(?:[.,]0{1,2})?")
_NUMBER = re.compile(r"(\d{1,3}(?:[.,]\d{1,12})?) ?%?")
_PERSONAL = re.compile(r"@|\d(?:[ .-]?\d){8}")  # as in the contracts


class SurveyFault(Exception):
    """A file cannot be used; ``sentences`` say what is wrong, where, and what to do, without any text of the file."""

    def __init__(self, *sentences: str) -> None:
        super().__init__(f"{len(sentences)} problems")
        self.sentences = sentences


def question_key(question: str) -> str:
    """The form in which questions are compared: small letters, single spaces, no closing mark."""
    return " ".join(unicodedata.normalize("NFKC", question).lower().split()).rstrip(" .?!:;…")


def read_survey(path: Path, monitor: str, seeds: Path = SEEDS) -> pd.DataFrame:
    """Read one survey file.

    Args:
        path: CSV (UTF-8, UTF-16 or Windows-1252; ``;``, ``,`` or tab) or Excel workbook with one filled sheet.
        monitor: ``ceo_wmo``, ``ceo_jeugd`` or ``ipa``.
        seeds: folder of ``districts.csv``.

    Returns:
        Columns as in the monitor's contract, but for file_id and vintage.

    Raises:
        SurveyFault: for a file that is not whole, not readable or not right; no part of it is to be used.
    """
    heading, *rows = _rows(path)
    shown = _SHOWN_COLUMNS.get(monitor, _COLUMNS[:-1])
    places = _places(heading, shown)
    table = _long(rows, places, len(heading), monitor, pd.read_csv(seeds / "districts.csv", dtype=str))
    if table.empty:
        raise SurveyFault("Het bestand heeft geen regels onder de kolomnamen.")
    return table


# ---- from file to cells -------------------------------------------------------------------------------------------


def _rows(path: Path) -> list[list[str]]:
    """All rows as text, the heading first."""
    if path.is_symlink() or not path.is_file():
        raise SurveyFault("Dit is geen gewoon bestand, maar een map of een verwijzing. Zet het bestand zelf in de map.")
    readers = {".csv": _csv_rows, ".xlsx": _excel_rows}
    if path.suffix.lower() not in readers:
        raise SurveyFault("Dit soort bestand wordt niet gelezen. Lever de cijfers als .csv of .xlsx.")
    if path.stat().st_size > _HIGHEST_BYTES:
        raise SurveyFault("Het bestand is groter dan 5 MB. Lever alleen de tabel met uitkomsten.")
    rows = readers[path.suffix.lower()](path)
    if not rows or not any(rows[0]):
        raise SurveyFault("De eerste regel is leeg. Zet daar de kolomnamen.")
    if len(rows) > _HIGHEST_ROWS:
        raise SurveyFault(f"Het bestand heeft meer dan {_HIGHEST_ROWS} regels. Lever alleen de tabel met uitkomsten.")
    return rows


def _csv_rows(path: Path) -> list[list[str]]:
    text = _decoded(path.read_bytes())
    if "\0" in text:
        raise SurveyFault("Het bestand is geen leesbare tekst. Bewaar het opnieuw als CSV (UTF-8).")
    first = text.split("\n", 1)[0]
    # the separator is the one that shows the most of the expected headings
    delimiter = max(";,\t", key=lambda sign: sum(_plain(name) in _known() for name in first.split(sign)))
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        raise SurveyFault(
            "De aanhalingstekens in het bestand kloppen niet, of een cel is te lang. Bewaar het opnieuw als CSV."
        ) from None
    return [[" ".join(cell.split()) for cell in row] for row in rows]


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # five bytes have no sign in Windows-1252
        return content.decode("windows-1252", errors="replace")


def _excel_rows(path: Path) -> list[list[str]]:
    import openpyxl

    try:
        with zipfile.ZipFile(path) as archive:
            if sum(part.file_size for part in archive.infolist()) > _HIGHEST_UNPACKED_BYTES:
                raise SurveyFault("De Excel-werkmap is uitgepakt te groot. Lever alleen de tabel met uitkomsten.")
        with warnings.catch_warnings(action="ignore"):
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
            try:
                sheets = [rows for sheet in book.worksheets if (rows := _sheet_rows(sheet))]
            finally:
                book.close()
    except SurveyFault:
        raise
    # a broken workbook can fail anywhere in the reading library; its words could repeat what the file holds
    except Exception:
        raise SurveyFault(
            "Het bestand is niet te lezen als Excel-werkmap. Open het in Excel en bewaar het opnieuw."
        ) from None
    if len(sheets) > 1:
        raise SurveyFault(
            "De Excel-werkmap heeft meer dan één gevuld blad, misschien verborgen. Laat alleen de uitkomsten staan."
        )
    return sheets[0] if sheets else []


def _sheet_rows(sheet: object) -> list[list[str]]:
    """The filled part of a sheet; what a workbook says about its own size is not believed."""
    sheet.reset_dimensions()
    rows = [
        [_cell_text(cell) for cell in row]
        for row in sheet.iter_rows(max_row=_HIGHEST_ROWS + 1, max_col=_HIGHEST_CELLS + 1)
    ]
    while rows and not any(rows[-1]):
        rows.pop()
    while rows and rows[0] and not rows[0][-1]:
        rows[0].pop()
    for row in rows[1:]:
        row.extend([""] * (len(rows[0]) - len(row)))
        while len(row) > len(rows[0]) and not row[-1]:
            row.pop()
    return rows


def _cell_text(cell: object) -> str:
    value = cell.value
    if isinstance(value, int | float) and not isinstance(value, bool):
        # Excel keeps 84 % as 0.84
        number = round(value * 100, 10) if "%" in str(cell.number_format) else value
        return str(int(number)) if number == int(number) else repr(float(number))
    return "" if value is None else " ".join(str(value).split())


# ---- from cells to figures ----------------------------------------------------------------------------------------


def _plain(heading: str) -> str:
    """A heading without case, accents, spaces and signs."""
    letters = unicodedata.normalize("NFKD", heading).lower()
    return "".join(letter for letter in letters if letter.isalnum())


def _known() -> set[str]:
    return {*_COLUMNS, *_QUESTION_HEADINGS}


def _places(heading: Sequence[str], shown: Sequence[str]) -> dict[str, int]:
    """Where each column stands; columns that nobody asked for are left alone."""
    if len(heading) > _HIGHEST_CELLS:
        raise SurveyFault(f"De eerste regel heeft meer dan {_HIGHEST_CELLS} kolommen. Lever alleen de gevraagde.")
    found: dict[str, int] = {}
    for place, name in enumerate(map(_plain, heading)):
        column = "vraag" if name in _QUESTION_HEADINGS else name
        if column in found and column in _COLUMNS:
            raise SurveyFault(f"De kolom {name} staat er twee keer. Laat er één staan.")
        if column in _COLUMNS:
            found[column] = place
    question = next(name for name in shown if name in _QUESTION_HEADINGS)
    missing = [question if name == "vraag" else name for name in _REQUIRED if name not in found]
    if missing:
        raise SurveyFault(
            f"Deze kolommen ontbreken: {', '.join(missing)}. Zet op de eerste regel de kolomnamen: {', '.join(shown)}."
        )
    return found


class _Problems:
    """What is wrong, by sentence, with the lines it is wrong in."""

    def __init__(self) -> None:
        self._lines: dict[str, list[int]] = {}

    def add(self, sentence: str, *lines: int) -> None:
        self._lines.setdefault(sentence, []).extend(lines)

    def sentences(self) -> list[str]:
        return [f"{_lines_in_words(lines)}: {sentence}" for sentence, lines in self._lines.items()]


def _lines_in_words(lines: Iterable[int]) -> str:
    """Line numbers as words: ``Regel 3``, ``Regels 3, 4 en 9``, ``Regels 3, 4, 5, 6, 7 en nog 12 andere``."""
    numbers = sorted(set(lines))
    if len(numbers) == 1:
        return f"Regel {numbers[0]}"
    if len(numbers) > _ROWS_NAMED:
        named, last = numbers[:_ROWS_NAMED], f"nog {len(numbers) - _ROWS_NAMED} andere"
    else:
        named, last = numbers[:-1], str(numbers[-1])
    return f"Regels {', '.join(map(str, named))} en {last}"


def _long(
    rows: Sequence[Sequence[str]], places: dict[str, int], width: int, monitor: str, areas: pd.DataFrame
) -> pd.DataFrame:
    """One row per figure, or all that is wrong with the file."""
    municipality = areas.loc[areas["district_level"] == "municipality", "district_code"].iloc[0]
    codes = set(areas["district_code"])
    attribution = f"{load_contract(monitor).title}, gemeente"
    problems = _Problems()
    figures: list[dict[str, object]] = []
    lines: dict[tuple, int] = {}
    for line, row in enumerate(rows, start=2):
        if not any(row):
            continue
        if any(row[width:]):
            problems.add(
                "meer cellen dan kolomnamen. Staat er een komma in een getal of tekst? Scheid de kolommen met ;",
                line,
            )
            continue
        if len(row) <= max(places[name] for name in _REQUIRED):
            problems.add("minder cellen dan kolomnamen. Is het bestand heel aangekomen?", line)
            continue
        cells = {name: row[place] if place < len(row) else "" for name, place in places.items()}
        figure = _figure(cells, line, problems, codes, municipality, attribution)
        key = tuple(figure[name] for name in ("year", "question_key", "group_code", "region_code"))
        if None not in key and key in lines:
            problems.add(
                "zelfde jaar, vraag, groep en gebied als een andere regel. Laat er één staan.", lines[key], line
            )
        lines.setdefault(key, line)
        figures.append(figure)
    sentences = problems.sentences()
    shares = [figure["value"] for figure in figures if figure["value"]]
    if shares and max(shares) <= 1:
        sentences.append("Alle waarden liggen tussen 0 en 1. Geef ze in procenten: 84 in plaats van 0,84.")
    if sentences:
        raise SurveyFault(*sentences)
    names = [name for name in load_contract(monitor).names if name not in ("file_id", "region_level", "vintage")]
    table = pd.DataFrame(figures, columns=names).astype(
        {"n": "Int64", "value": "float64", "margin": "float64", "marker": object}
    )
    table["region_level"] = region_level(table["region_code"].astype(str)) if len(table) else None
    return table


def _figure(
    cells: dict[str, str], line: int, problems: _Problems, codes: set[str], municipality: str, attribution: str
) -> dict[str, object]:
    """One row; what is wrong with it goes to ``problems`` and is None here."""
    for name in ("vraag", "groep", "bron"):
        if _PERSONAL.search(cells.get(name, "")):
            problems.add(f"kolom {name} lijkt een persoonsgegeven te bevatten. Haal het weg.", line)
        if cells.get(name, "").startswith(("=", "+", "@")):
            # a spreadsheet would calculate with it once it is published
            problems.add(f"kolom {name} begint met een teken dat Excel als formule leest. Haal dat teken weg.", line)
        if len(cells.get(name, "")) > _HIGHEST_SIGNS:
            problems.add(f"kolom {name} heeft meer dan {_HIGHEST_SIGNS} tekens. Maak de tekst korter.", line)
    key = question_key(cells["vraag"])
    if not key:
        problems.add("de vraag of schaal ontbreekt. Vul haar in.", line)
    year = _YEAR.fullmatch(cells["jaar"])
    if not year or int(year[1]) < 2010:
        problems.add("kolom jaar is geen jaartal vanaf 2010. Schrijf het jaar als 2024.", line)
    area = cells.get("gebied", "").upper() or municipality
    if area not in codes:
        problems.add(
            f"kolom gebied is geen gebied van deze gemeente. Gebruik {municipality}, een WK-code, of laat leeg.",
            line,
        )
    marker = _MARKERS.get(cells["waarde"].lower())
    value = None if marker else _percentage(cells["waarde"])
    if value is None and not marker:
        problems.add("kolom waarde is geen percentage van 0 tot en met 100.", line)
    margin = None if marker or cells.get("marge", "") in _MARKERS else _percentage(cells["marge"])
    if margin is None and not marker and cells.get("marge", "") not in _MARKERS:
        problems.add("kolom marge is geen aantal procentpunten van 0 tot en met 100. Laat leeg wat er niet is.", line)
    n = _WHOLE.fullmatch(cells["n"])
    if not n and (cells["n"] not in _MARKERS or value is not None):
        problems.add("kolom n is geen heel getal. Geef het aantal mensen dat antwoord gaf, zonder punt of komma.", line)
    group = cells.get("groep", "").lower()
    return {
        "year": int(year[1]) if year else None,
        "question": cells["vraag"],
        "question_key": key or None,
        "group_code": "" if group in _EVERYBODY else group,
        "region_code": area,
        "n": int(n[1]) if n else None,
        "value": value,
        "margin": margin,
        "marker": marker,
        "source": cells.get("bron", "") or attribution,
    }


def _percentage(text: str) -> float | None:
    """A number from 0 to 100 with a decimal comma or point, with or without a per cent sign."""
    found = _NUMBER.fullmatch(text)
    number = float(found[1].replace(",", ".")) if found else None
    return number if number is not None and number <= 100 else None
