"""From a cell's text to a typed value, as SQL expressions: NULL when the text is not of that type.

Belongs here: the forms in which dates, numbers, months, times and yes or no may be written, and the traces of a
spreadsheet. Does not belong here: whether a value is allowed (``judge.py``).
"""

from __future__ import annotations

from pipeline.deliveries.contract import Column
from pipeline.deliveries.dutch import MONTHS
from pipeline.deliveries.headings import BLANK

_MIDNIGHT = r"([T ]0?0:00(:00(\.0+)?)?)?"
_BLANK = " || ".join(f"chr({ord(sign)})" for sign in BLANK)


def literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def trimmed(cell: str) -> str:
    """A cell without blanks around it, NULL when nothing is left.

    Args:
        cell: SQL expression of the cell.
    """
    # trimming of a set of characters is slow, and hardly any cell needs it
    bare = f"left({cell}, 1) between '!' and '~' and right({cell}, 1) between '!' and '~'"
    return f"case when {bare} then {cell} else {trimmed_slowly(cell)} end"


def trimmed_slowly(cell: str) -> str:
    """The same in a shorter expression."""
    return f"nullif(trim({cell}, {_BLANK}), '')"


def typed(text: str, column: Column) -> str:
    """The value of a trimmed cell, NULL when the text is not of the column's type.

    Args:
        text: SQL expression of the trimmed cell.
        column: its column in the contract.
    """
    if column.type == "date":
        return date(text)
    if column.type == "integer":
        return integer(text)
    if column.type == "boolean":
        return boolean(text)
    if column.type == "month":
        return month(text)
    if column.type == "time":
        return time(text)
    if column.codes:
        return code(text, column.codes.allowed)
    return text


def date(text: str) -> str:
    """ISO (2024-12-31) or Dutch (31-12-2024, 1-7-2024, 31/12/2024, 31.12.2024), with or without midnight behind it."""
    iso = rf"'\d{{4}}-\d{{2}}-\d{{2}}{_MIDNIGHT}'"
    dutch = rf"'\d{{1,2}}(-\d{{1,2}}-|/\d{{1,2}}/|\.\d{{1,2}}\.)\d{{4}}{_MIDNIGHT}'"
    return (
        f"case when regexp_full_match({text}, {iso}) then try_cast(left({text}, 10) as date) "
        f"when regexp_full_match({text}, {dutch}) "
        f"then try_strptime(translate(regexp_extract({text}, '^[0-9./-]+'), '/.', '--'), '%d-%m-%Y')::date end"
    )


def integer(text: str) -> str:
    """A whole number, with or without one or two decimals that are zero: 7, 7,0, 7.00.

    Not 1.000: that is a thousand to some and one to others.
    """
    return (
        rf"case when regexp_full_match({text}, '[+-]?\d{{1,18}}([.,]0{{1,2}})?') "
        rf"then try_cast(regexp_extract({text}, '^[+-]?\d+') as bigint) end"
    )


def boolean(text: str) -> str:
    """Yes or no: ja, j, true, waar, 1, nee, n, false, onwaar, 0, in any case."""
    return (
        f"case when lower({text}) in ('ja', 'j', 'true', 'waar', '1') then true "
        f"when lower({text}) in ('nee', 'n', 'false', 'onwaar', '0') then false end"
    )


def month(text: str) -> str:
    """A month as 2024-01, 1-2024, 01/2024 or jan 2024, or as the date that Excel makes of it: its first day."""
    number = " ".join(
        f"when '{name[:3]}' then {place} when '{name}' then {place}" for place, name in enumerate(MONTHS, start=1)
    )
    named = f"lower(regexp_extract({text}, '^[A-Za-z]+'))"
    year_first, year_last = f"left({text}, 4)", f"right({text}, 4)"
    return (
        rf"case when regexp_full_match({text}, '\d{{4}}-(0[1-9]|1[0-2])') then {text} "
        rf"when regexp_full_match({text}, '\d{{4}}[-/][1-9]') then {year_first} || '-0' || right({text}, 1) "
        rf"when regexp_full_match({text}, '\d{{4}}/(0[1-9]|1[0-2])') then replace({text}, '/', '-') "
        rf"when regexp_full_match({text}, '(0?[1-9]|1[0-2])[-/]\d{{4}}') "
        rf"then {year_last} || '-' || lpad(regexp_extract({text}, '^\d+'), 2, '0') "
        rf"when regexp_full_match({text}, '[A-Za-z]{{3,9}}[ -]\d{{4}}') "
        rf"then {year_last} || '-' || lpad((case {named} {number} when 'mrt' then 3 end)::varchar, 2, '0') "
        f"when day({date(text)}) = 1 then strftime({date(text)}, '%Y-%m') end"
    )


def time(text: str) -> str:
    """A time as 9:05, 09:05 or 09:05:00, made into 09:05."""
    return (
        rf"case when regexp_full_match({text}, '([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?') "
        rf"then lpad(regexp_extract({text}, '^\d+:\d+'), 5, '0') end"
    )


def code(text: str, allowed: tuple[str, ...]) -> str:
    """One of a list of codes, whatever the case, written as the list writes it.

    A code of digits may have lost its leading zeros or have gained a decimal that is zero: Excel does the one, other
    programs the other. Only a spelling that fits one code is taken.
    """
    spellings: dict[str, list[str]] = {}
    for each in allowed:
        for spelling in _spellings(each):
            spellings.setdefault(spelling, []).append(each)
    spellings |= {each.lower(): [each] for each in allowed}
    known = " ".join(
        f"when {literal(spelling)} then {literal(codes[0])}" for spelling, codes in spellings.items() if len(codes) == 1
    )
    return f"case lower({text}) {known} end"


def _spellings(code: str) -> set[str]:
    if not (code.isascii() and code.isdigit()):
        return {code.lower()}
    bare = code.lstrip("0") or "0"
    return {code, bare, f"{bare}.0", f"{bare},0"}


def is_formula(text: str) -> str:
    """Whether a spreadsheet would take a trimmed cell for a formula, as an SQL condition.

    It begins with ``=``; or with ``+``, ``-`` or ``@``, and is then neither a number nor a sentence: a single word
    (``+A1``), or with a function or another program in it (``- SOM(A1)``, ``-2+cmd|' /C calc'!A0``).

    Args:
        text: SQL expression of the trimmed cell.
    """
    first = f"left({text}, 1)"
    looks = r"[A-Za-z]\(([a-zà-ÿ]*[^a-zà-ÿ)]|\))|\||^.\S*[A-Za-z0-9]\S*$"
    number = r"[+-][0-9][0-9.,]*%?"
    return (
        f"({first} in ('=', '＝') or {first} in ('+', '-', '@', '＋', '－', '＠') "
        f"and regexp_matches({text}, '{looks}') and not regexp_full_match({text}, '{number}'))"
    )


def is_excel_error(text: str) -> str:
    """Whether a cell holds what Excel shows for a failed formula, in English or Dutch, as an SQL condition."""
    errors = r"#(N/A|N/B|NB|REF!|VERW!|VALUE!|WAARDE!|DIV/0!|DEEL/0!|NAME\?|NAAM\?|NUM!|GETAL!|NULL!|LEEG!|SPILL!)"
    return f"(left({text}, 1) = '#' and regexp_full_match({text}, '{errors}'))"


def is_rounded(text: str) -> str:
    """Whether an identifier has become a rounded number like 1,23457E+17, as an SQL condition."""
    return rf"regexp_full_match({text}, '[0-9]([.,][0-9]+)?[Ee]\+[0-9]+')"
