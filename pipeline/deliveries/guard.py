"""The personal-data guard: finds what has no place in a delivery, in any cell of any column, and never repeats it.

Belongs here: the search through a table as it was read, and headings that announce personal data. A pattern in DuckDB
selects the cells that could hold something; Python then looks closely at those alone. Does not belong here: what
personal data looks like (``personal_data.py``, ``personal_names.py``).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from functools import lru_cache

import duckdb

from pipeline.deliveries.findings import Finding, shown_heading
from pipeline.deliveries.personal_data import HARMLESS_SHAPES, PREFILTER, kinds_in, plain_text
from pipeline.deliveries.personal_names import is_name
from pipeline.deliveries.reader import RawTable

_KINDS = {
    "bsn": "een burgerservicenummer",
    "email": "een e-mailadres",
    "phone": "een telefoonnummer",
    "iban": "een rekeningnummer",
    "address": "een adres met huisnummer",
    "birth_date": "een geboortedatum",
    "name": "de naam van een persoon",
    "heading": "een kolom met persoonsgegevens",
}
_ROWS_SHOWN = 1_000
_TEXTS_REMEMBERED = 10_000
_BEYOND = "voorbij de laatste kolom"
# In a column of identifiers also what has no digit at all and a blank or a comma: it may be a name.
_IDENTIFIER_PREFILTER = f"{PREFILTER}|^[^0-9]+[ ,.][^0-9]*$"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_HEADINGS = _words(
    "bsn bsnnummer bsnnr burgerservicenummer burgerservicenr sofinummer sofinr sofi voornaam voornamen achternaam "
    "achternamen roepnaam tussenvoegsel tussenvoegsels voorvoegsel voorvoegsels voorletter voorletters initialen "
    "geslachtsnaam familienaam meisjesnaam geboortedatum geboortedag geboortedat geboortedt geboorteplaats "
    "geboren gebdatum gebdat gebdag gebdt gebplaats dob birthdate dateofbirth birthday naw nawgegevens adres "
    "adressen adresgegevens woonadres huisadres address straat straatnaam street huisnummer huisnr postcode "
    "postcodes zipcode telefoon telefoonnummer telefoonnr tel telnr telnummer phone phonenumber mobiel mobiele "
    "mobielnummer mobielnr gsm gsmnummer gsmnr whatsapp email emails emailadres emailadressen mail mailadres "
    "mailadressen iban ibannummer rekeningnummer rekeningnr bankrekening bankrekeningnummer bankrekeningnr "
    "bankrek paspoort paspoortnummer paspoortnr rijbewijs rijbewijsnummer identiteitskaart idkaart "
    "identiteitsbewijs contactpersoon surname lastname firstname fullname"
)
# "naam" in a heading is a person's, unless the heading says whose it is.
_THINGS = _words(
    "wijk buurt team gemeente voorziening organisatie instelling domein vraag indicator aanbod activiteit traject "
    "consortium locatie product project programma bestand kolom tabel veld groep school plaats regio bedrijf aanbieder "
    "zorgaanbieder thema cursus code weergave merk systeem doel district dienst afdeling methode training interventie "
    "partner partij kern dorp stad gebied doelgroep categorie"
)
_NAME_ENDING = re.compile(r"(?:namen|naam|names|name)$")


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
    places = {place: name for name, place in raw.positions(known).items()}
    found = []
    for place, heading in enumerate(raw.headings):
        if place not in places and (_is_personal_heading(heading) or kinds_in(heading)):
            found.append(_finding(table, f"kolom {place + 1}", "heading", []))
    labels = [
        *(places.get(place) or shown_column(heading, place) for place, heading in enumerate(raw.headings)),
        _BEYOND,
    ]
    rows: dict[tuple[int, str], list[int]] = {}
    full = set()
    kinds_of = lru_cache(_TEXTS_REMEMBERED)(kinds_in)  # the same text stands in many rows
    identifiers = {place for place, label in enumerate(labels) if _holds_identifiers(label)}
    for place, number, text in _candidates(connection, raw, identifiers):
        if place in full:
            continue  # the delivery is rejected anyhow
        kinds = kinds_of(text)
        if place in identifiers and "name" not in kinds and is_name(plain_text(text)):
            kinds = (*kinds, "name")
        for kind in kinds:
            numbers = rows.setdefault((place, kind), [])
            numbers.append(number)
            if len(numbers) >= _ROWS_SHOWN:
                full.add(place)
    found.extend(_finding(table, labels[place], kind, sorted(rows[place, kind])) for place, kind in sorted(rows))
    return found


def shown_column(heading: str, place: int) -> str:
    """What to call a column that is not in the contract: its heading, unless that could be a value or personal data.

    Args:
        heading: as delivered.
        place: 0 for the first column.
    """
    return f"kolom {place + 1}" if kinds_in(heading) else shown_heading(heading, place + 1)


def _candidates(
    connection: duckdb.DuckDBPyConnection, raw: RawTable, identifiers: Collection[int]
) -> Iterator[tuple[int, int, str]]:
    """Place of the column, row number and text of each cell that could hold something."""
    sources = [(str(len(raw.headings)), "surplus", raw.relation, "cell")]
    if raw.is_wide:
        of_people = f"place in ({', '.join(map(str, sorted(identifiers)))})" if identifiers else "false"
        cells = f"from {raw.relation}_cells where"
        sources.append(("place", "cell", f"({cells} not {of_people})", "cell"))
        sources += [("place", "cell", f"({cells} {of_people})", "identifier")] if identifiers else []
    else:
        sources += [
            (str(place), f"c{place}", raw.relation, "identifier" if place in identifiers else "cell")
            for place in range(len(raw.headings))
        ]
    query = " union all ".join(
        f"select {place}, row_number, {cell} from {relation} where {_could_hold(cell, pattern)}"
        for place, cell, relation, pattern in sources
    )
    patterns = {"harmless": HARMLESS_SHAPES, "cell": PREFILTER, "identifier": _IDENTIFIER_PREFILTER}
    used = {name: pattern for name, pattern in patterns.items() if f"${name}" in query}
    cursor = connection.cursor()
    cursor.execute(query, used)
    while block := cursor.fetchmany(10_000):
        yield from block
    cursor.close()


def _could_hold(cell: str, pattern: str) -> str:
    """SQL that selects the cells to look at closely."""
    return f"case when regexp_full_match({cell}, $harmless) then false else regexp_matches({cell}, ${pattern}) end"


def _holds_identifiers(label: str) -> bool:
    return label.lower().endswith(("_id", " id"))


def _is_personal_heading(heading: str) -> bool:
    # clientNaam, geb_datum, Cliëntnaam and "E-mail adres" are told apart by their parts and by what these make together
    apart = re.sub(r"(?<=[a-zà-ÿ])(?=[A-ZÀ-Þ])", " ", plain_text(heading)).lower()
    plain = unicodedata.normalize("NFKD", apart).encode("ascii", "ignore").decode()
    if re.search(r"(?<![0-9])06[ _-]?(?:nummer|nr)", plain):
        return True
    words = re.findall(r"[a-z]+", plain)
    joined = {"".join(words[start:end]) for start in range(len(words)) for end in range(start + 1, start + 4)}
    if _HEADINGS & (joined | {"".join(words)}):
        return True
    named = [_NAME_ENDING.sub("", word) for word in words if _NAME_ENDING.search(word)]
    about = {*named, *words}
    about |= {word.removesuffix("s").removesuffix("en") for word in about}
    return bool(named) and not _THINGS & about


def _finding(table: str, label: str, kind: str, rows: list[int]) -> Finding:
    where = "Volgens de kop is dit" if kind == "heading" else "Hier staat"
    sentence = (
        f"{where} {_KINDS[kind]}. Persoonsgegevens horen niet in een levering; daarom is de hele levering afgewezen. "
        "Haal ze weg en lever opnieuw."
    )
    if len(rows) >= _ROWS_SHOWN:
        sentence += f" Er zijn meer rijen dan de eerste {_ROWS_SHOWN}."
    return Finding("table", f"personal_data_{kind}", sentence, table, label, len(rows), tuple(rows))
