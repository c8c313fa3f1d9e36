"""The personal-data guard: finds what has no place in a delivery, in any cell of any column, and never repeats it.

Belongs here: the patterns of a citizen service number (BSN), e-mail address, telephone number, IBAN, address with house
number, and of headings that announce such data. A pattern in DuckDB selects the cells that could hold something; Python
then looks closely at those alone. Dates, UUIDs, hexadecimal marks and identifiers with a prefix pass.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from functools import cache

import duckdb
from stdnum import iban
from stdnum.nl import bsn, postcode

from pipeline.deliveries.contract import read_seed
from pipeline.deliveries.findings import Finding, shown_heading
from pipeline.deliveries.reader import RawTable

_KINDS = {
    "bsn": "een burgerservicenummer",
    "email": "een e-mailadres",
    "phone": "een telefoonnummer",
    "iban": "een rekeningnummer",
    "address": "een adres met huisnummer",
    "heading": "een kolom met persoonsgegevens",
}
_ROWS_SHOWN = 1_000
_BEYOND = "voorbij de laatste kolom"

# --- what the cells are searched for first (RE2: no look-around) ---

_STREET_ENDINGS = "straat|laan|weg|plein|kade|gracht|dijk|singel|hof|pad|steeg|dreef|plantsoen|park|markt"
_PREFILTER = "|".join(
    (
        r"@",
        r"[0-9]{9}",
        r"[0-9]{3}[ .-][0-9]{3}[ .-][0-9]{3}|[0-9]{2}[ .][0-9]{2}[ .]([0-9]{2}[ .])?[0-9]{3}",
        r"(\+|\b00)31[ .(-]*[0-9]|\b0[1-9]([ ().-]*[0-9]){8}",
        r"\b[A-Za-z]{2}[0-9]{2} ?[A-Za-z0-9]{4} ?[A-Za-z0-9]{4}",
        rf"(?i:({_STREET_ENDINGS}|laan van [^0-9]+)[ ,]+(nr|nummer)?[. ]*[0-9])",
        r"[1-9][0-9]{3} ?[A-Z]{2}[ ,]|[1-9][0-9]{3}[a-z]{2}[ ,]+[0-9]|[1-9][0-9]{3} ?[A-Z]{2}[0-9]",
        r"[0-9][A-Za-z]?[ ,]+[1-9][0-9]{3} ?[A-Z]{2}\b",
    )
)

# --- what is then looked for in the cells that remain ---

# Lengths are bounded throughout: a cell of a hundred thousand signs must not keep the search busy for minutes.
_EMAIL = re.compile(r"[\w.%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,}")
_BSN = re.compile(
    r"(?<!\w)(?<!\d[.,])(?:(?i:bsn))?"
    r"(\d{9}|\d{3}([ .-])\d{3}\2\d{3}|\d{4}([ .])\d{2}\3\d{3}|\d{2}([ .])\d{2}\4\d{2}\4\d{3})"
    r"(?!\w|[.,]\d)"
)
_IBAN_START = re.compile(r"(?<![\w-])[A-Za-z]{2}\d{2}")
_IBAN_LENGTHS = (15, 34)
_WORD = re.compile(r"[A-Za-z0-9]+")
_WORDS = re.compile(r"[A-Za-z0-9]+(?: [A-Za-z0-9]+)*")
_AREA_CODES = (
    # three digits and seven behind them, then four digits and six
    r"(?:1[035]|2[0346]|3[03568]|4[0356]|5[0358]|7\d|8[4578])",
    r"(?:11[1-8]|16[1-8]|17[24]|18[0-7]|22[2-9]|25[125]|29[479]|31[3-8]|32[01]|34[1-8]"
    r"|41[1-8]|47[58]|48[15-8]|49[2-57-9]|51[1-9]|52[1-9]|54[1-8]|56[126]|57[0-8]|59[1-9])",
)
_NATIONAL = (
    rf"(?:6[ .-]?[1-58](?:[ .-]?\d){{7}}|{_AREA_CODES[0]}\)?[ .-]?[1-9](?:[ .-]?\d){{6}}"
    rf"|{_AREA_CODES[1]}\)?[ .-]?[1-9](?:[ .-]?\d){{5}})"
)
_PHONE = re.compile(rf"(?<![\w+-])(?<!\d[.,])\(?(?:0|(?:\+|00)31[ .-]?(?:\(0\)[ .-]?)?){_NATIONAL}(?![\w]|[.-]\d)")
# A number counts as a house number when it is no year, and when nothing that can be counted comes after it.
_COUNTED = (
    "keer|maal|procent|uur|uren|minuten|dagen|dag|weken|week|maanden|jaar|jaren|mensen|personen|inwoners|bewoners|"
    "cli.nten|gezinnen|kinderen|jongeren|ouders|ouderen|deelnemers|bezoekers|vrijwilligers|bezoeken|gesprekken|groepen|"
    "plekken|plaatsen|activiteiten|nieuwe|extra|andere|huishoudens|woningen|organisaties|teams|verschillende"
)
_HOUSE = rf"(?!(?:19|20)\d\d\b)\d{{1,4}}(?:[ -]?[A-Za-z]\b|-\d+)?(?![\w%]|[.,:]\d|\s+(?:{_COUNTED})\b)"
_STREET = re.compile(
    rf"(?<!\w)(?:(?i:[a-zà-ÿ'.-]{{2,40}}(?:straat|laan|gracht|kade|singel|steeg|dreef|plantsoen))"
    rf"|[A-ZÀ-Þ][\w'.-]{{1,40}}(?:{_STREET_ENDINGS})"
    rf"|[Ll]aan van (?:de[rn]? |het )?[A-ZÀ-Þ]\w{{1,40}})[ ,]+(?:nr\.? ?|nummer )?{_HOUSE}"
)
# "2015 EN 3" is a year and "2024GO123" a mark; with a space only behind the letters it is a postcode.
_POSTCODE = r"(?!20[0-3]\d(?: |[A-Z]{2}\d))[1-9]\d{3} ?[A-Z]{2}"
_POSTCODE_THEN_HOUSE = re.compile(
    rf"(?<!\w)({_POSTCODE}|[1-9]\d{{3}}[a-z]{{2}})"
    r"(?:[ ,]+(?:nr\.? ?|huisnummer |nummer )?|(?<=[A-Z]))\d{1,5}(?!\d)"
)
_HOUSE_THEN_POSTCODE = re.compile(rf"(?<!\w)\d{{1,4}} ?[A-Za-z]?(?:-\d+)?[ ,]+({_POSTCODE})(?!\w)")

# Digits that belong together in another way; they would make numbers with their neighbours.
_HARMLESS = re.compile(
    r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b"
    r"|\b\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?"
    r"|\b\d{1,2}([-/.])\d{1,2}\1\d{4}\b(?: \d{1,2}:\d{2}(?::\d{2})?)?"
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_HEADINGS = _words(
    "bsn burgerservicenummer sofinummer voornaam voornamen achternaam roepnaam tussenvoegsel voorletters initialen "
    "geslachtsnaam familienaam meisjesnaam clientnaam geboortedatum geboortedag geboorteplaats adres woonadres straat "
    "straatnaam huisnummer postcode telefoon telefoonnummer tel telnr mobiel mobielnummer gsm email emailadres mail "
    "mailadres iban rekeningnummer bankrekening paspoortnummer"
)
# "naam" in a heading is a person's, unless the heading says whose it is.
_THINGS = _words(
    "wijk buurt team gemeente voorziening organisatie instelling domein vraag indicator aanbod activiteit traject "
    "consortium locatie product"
)


def find_personal_data(
    connection: duckdb.DuckDBPyConnection, table: str, raw: RawTable, known: Collection[str]
) -> list[Finding]:
    """Search all cells and headings of a table as it was read.

    Args:
        connection: where the table is.
        table: its name in the contract.
        raw: the table as read.
        known: column names of its contract; other headings may not be repeated freely.

    Returns:
        One finding per column and kind, with row numbers and never a value.
    """
    found = []
    names = {position: name for name, position in raw.positions(known).items()}
    for position, heading in enumerate(raw.headings):
        if position not in names and (_is_personal_heading(heading) or kinds_in(heading)):
            found.append(_finding(table, f"kolom {position + 1}", "heading", []))
    labels = [names.get(position) or _label(heading, position) for position, heading in enumerate(raw.headings)]
    labels.append(_BEYOND)
    rows: dict[tuple[int, str], list[int]] = {}
    full = set()
    for place, number, text in _candidates(connection, raw):
        if place in full:
            continue  # the delivery is rejected anyhow
        for kind in kinds_in(text):
            numbers = rows.setdefault((place, kind), [])
            numbers.append(number)
            if len(numbers) >= _ROWS_SHOWN:
                full.add(place)
    found.extend(_finding(table, labels[place], kind, sorted(rows[place, kind])) for place, kind in sorted(rows))
    return found


def kinds_in(text: str) -> tuple[str, ...]:
    """The kinds of personal data in a text, out of bsn, email, phone, iban, address.

    Args:
        text: any text.
    """
    plain = " ".join(text.split())  # no-break spaces and line ends become spaces
    kinds = []
    if _EMAIL.search(plain):
        kinds.append("email")
    for number in _ibans(plain):
        kinds.append("iban")
        plain = plain.replace(number, "#")  # its digits are no telephone number
    plain = _HARMLESS.sub("#", plain)
    if any(_is_bsn(match[1]) for match in _BSN.finditer(plain)):
        kinds.append("bsn")
    if _PHONE.search(plain):
        kinds.append("phone")
    if _has_address(plain):
        kinds.append("address")
    return tuple(sorted(set(kinds)))


def _candidates(connection: duckdb.DuckDBPyConnection, raw: RawTable) -> Iterator[tuple[int, int, str]]:
    """Place of the column, row number and text of each cell that could hold something."""
    sources = [(str(len(raw.headings)), "surplus", raw.relation)]
    if raw.is_wide:
        sources.append(("place", "cell", f"{raw.relation}_cells"))
    else:
        sources += [(str(place), f"c{place}", raw.relation) for place in range(len(raw.headings))]
    selects = [
        f"select {place}, row_number, {cell} from {relation} where regexp_matches({cell}, $pattern)"
        for place, cell, relation in sources
    ]
    cursor = connection.cursor()
    cursor.execute(" union all ".join(selects), {"pattern": _PREFILTER})
    while block := cursor.fetchmany(10_000):
        yield from block
    cursor.close()


def _ibans(text: str) -> Iterator[str]:
    # it may stand in groups, and words before and behind look like a group: try each start with each end of a word
    for start in _IBAN_START.finditer(text):
        for word in _WORD.finditer(text, start.start()):
            candidate = text[start.start() : word.end()]
            length = len(candidate.replace(" ", ""))
            if length > _IBAN_LENGTHS[1] or not _WORDS.fullmatch(candidate):
                break
            if length >= _IBAN_LENGTHS[0] and iban.is_valid(candidate):
                yield candidate
                break


def _is_bsn(text: str) -> bool:
    # numbers below 1,000,000 do not occur as BSN, but do as serial numbers with leading zeros
    return bsn.is_valid(text) and not bsn.compact(text).startswith("000")


def _has_address(text: str) -> bool:
    if any(postcode.is_valid(match[1]) for match in _POSTCODE_THEN_HOUSE.finditer(text)):
        return True
    if any(postcode.is_valid(match[1]) for match in _HOUSE_THEN_POSTCODE.finditer(text)):
        return True
    for name in _place_names():
        text = text.replace(name, "#")
    return _STREET.search(text) is not None


@cache
def _place_names() -> tuple[str, ...]:
    """District names that end like a street: "in Hazerswoude-Rijndijk 12 deelnemers" is no address."""
    names = (row["district_name"] for row in read_seed("districts"))
    return tuple(name for name in names if re.search(f"({_STREET_ENDINGS})$", name))


def _is_personal_heading(heading: str) -> bool:
    plain = unicodedata.normalize("NFKD", heading.lower()).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z]+", plain)
    if _HEADINGS & {*words, "".join(words)}:
        return True
    return "naam" in words and not _THINGS & set(words)


def _label(heading: str, position: int) -> str:
    return f"kolom {position + 1}" if kinds_in(heading) else shown_heading(heading, position + 1)


def _finding(table: str, label: str, kind: str, rows: list[int]) -> Finding:
    where = "De kop is" if kind == "heading" else "Hier staat"
    sentence = (
        f"{where} {_KINDS[kind]}. Persoonsgegevens horen niet in een levering; daarom is de hele levering afgewezen. "
        "Haal ze weg en lever opnieuw."
    )
    if len(rows) >= _ROWS_SHOWN:
        sentence += f" Er zijn meer rijen dan de eerste {_ROWS_SHOWN}."
    return Finding("table", f"personal_data_{kind}", sentence, table, label, len(rows), tuple(rows))
