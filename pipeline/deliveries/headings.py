"""Column names as people type them, and the contract columns that they mean.

Belongs here: when two names are the same, which line of a file holds the names, and lines above it that do not belong
in a table. Does not belong here: reading the lines (``delimited.py``, ``workbook.py``).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence

from pipeline.deliveries.findings import DeliveryFault, Finding

# Spaces, tabs, line ends, and the no-break space that office programs leave behind.
BLANK = " \t\r\n\u00a0\ufeff"

LINES_SEARCHED = 20
MAXIMUM_COLUMNS = 16_384  # of an Excel sheet

_BETWEEN_WORDS = dict.fromkeys(map(ord, " _-.\u00a0\u2010\u2011\u2013"))
_BEHIND = "*:"
_LONGEST = 200  # signs; what is longer is a story


def folded(name: str) -> str:
    """A column name without what people vary: case, accents, what stands between words, and ``*`` or ``:`` behind it.

    Two names mean the same column when they are equal after this. A name with any other sign keeps it, so that it
    equals no name of the contract.

    Args:
        name: any text.
    """
    bare = name.strip(BLANK).rstrip(_BEHIND + BLANK)
    if len(bare) > _LONGEST:
        return bare
    if not bare.isascii():
        bare = "".join(sign for sign in unicodedata.normalize("NFKD", bare) if not unicodedata.combining(sign))
    return bare.translate(_BETWEEN_WORDS).casefold()


def positions(headings: Sequence[str], names: Collection[str]) -> dict[str, int]:
    """Place of each of these columns that is there, however its heading is typed."""
    places = {folded(heading): place for place, heading in reversed(list(enumerate(headings)))}
    return {name: places[folded(name)] for name in names if folded(name) in places}


def check_headings(headings: Sequence[str], known: Collection[str], table: str) -> None:
    """Refuse headings with which a table cannot be read.

    Args:
        headings: as delivered.
        known: column names of the contract.
        table: name of the table.

    Raises:
        DeliveryFault: a column of the contract stands there twice, or there are absurdly many columns.
    """
    if len(headings) > MAXIMUM_COLUMNS:
        sentence = f"De tabel heeft meer dan {MAXIMUM_COLUMNS} kolommen. Controleer het scheidingsteken."
        raise DeliveryFault(Finding("table", "unreadable_file", sentence, table=table))
    forms = [folded(heading) for heading in headings]
    for name in known:
        if forms.count(folded(name)) > 1:
            sentence = (
                "Deze kolom staat twee keer in het bestand. Hoofdletters, spaties en accenten in een kolomnaam maken "
                "geen verschil. Laat er één staan."
            )
            raise DeliveryFault(Finding("table", "duplicate_column", sentence, table=table, column=name))


def check_title_rows(lines: Sequence[tuple[int, Sequence[str]]], known: Collection[str], table: str) -> None:
    """Refuse a table with a title or an explanation above its column names.

    Args:
        lines: the first lines that hold anything: their number in the file, 1 for the first, and their cells.
        known: column names of the contract.
        table: name of the table.

    Raises:
        DeliveryFault: the first line holds few of the column names and a later one holds most of them.
    """
    found = [len(positions(cells, known)) for _, cells in lines]
    enough = len(known) / 2
    if not found or found[0] >= enough or max(found) < enough:
        return
    number, _ = lines[found.index(max(found))]
    above = f"rij 1 tot en met {number - 1}" if number > 2 else "rij 1"
    sentence = (
        "Boven de kolomnamen staan titelregels of lege regels. De eerste rij moet de kolomnamen bevatten: "
        f"haal {above} weg."
    )
    raise DeliveryFault(Finding("table", "title_rows", sentence, table=table))
