"""From a cell's text to a typed value, as SQL expressions: NULL when the text is not of that type.

Belongs here: the forms in which dates, numbers, months, times and yes or no may be written. Does not belong here:
whether a value is allowed (``judge.py``).
"""

from __future__ import annotations

from pipeline.deliveries.contract import Column

# Spaces, tabs, line ends, and the no-break space that office programs leave behind.
_BLANK = "' ' || chr(9) || chr(10) || chr(13) || chr(160) || chr(65279)"


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
    return f"case when {bare} then {cell} else nullif(trim({cell}, {_BLANK}), '') end"


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
    """ISO (2024-12-31, with or without midnight behind it) or Dutch (31-12-2024, 1-7-2024, 31/12/2024)."""
    iso = r"'\d{4}-\d{2}-\d{2}([T ]00:00(:00(\.0+)?)?)?'"
    dutch = r"'\d{1,2}(-\d{1,2}-|/\d{1,2}/)\d{4}'"
    return (
        f"case when regexp_full_match({text}, {iso}) then try_cast(left({text}, 10) as date) "
        f"when regexp_full_match({text}, {dutch}) "
        f"then try_strptime(replace({text}, '/', '-'), '%d-%m-%Y')::date end"
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
    """Yes or no: ja, j, true, 1, nee, n, false, 0, in any case."""
    return (
        f"case when lower({text}) in ('ja', 'j', 'true', '1') then true "
        f"when lower({text}) in ('nee', 'n', 'false', '0') then false end"
    )


def month(text: str) -> str:
    """A month as 2024-01."""
    return rf"case when regexp_full_match({text}, '\d{{4}}-(0[1-9]|1[0-2])') then {text} end"


def time(text: str) -> str:
    """A time as 9:05, 09:05 or 09:05:00, made into 09:05."""
    return (
        rf"case when regexp_full_match({text}, '([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?') "
        rf"then lpad(regexp_extract({text}, '^\d+:\d+'), 5, '0') end"
    )


def code(text: str, allowed: tuple[str, ...]) -> str:
    """One of a list of codes, whatever the case, written as the list writes it."""
    known = " ".join(f"when {literal(each.lower())} then {literal(each)}" for each in allowed)
    return f"case lower({text}) {known} end"
