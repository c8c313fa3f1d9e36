"""How numbers, shares, moments and row numbers are written for a Dutch reader.

Belongs here: notation that several pages share. Does not belong here: sentences.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from pipeline.periods import HalfYear, local_time

MONTHS = (
    "januari",
    "februari",
    "maart",
    "april",
    "mei",
    "juni",
    "juli",
    "augustus",
    "september",
    "oktober",
    "november",
    "december",
)
# what one decimal of a percentage can show
_VISIBLE = 0.0005
# from three times as many on, "keer zo veel" says more than a percentage
_TIMES = 3


def day(value: date) -> str:
    """``1 januari 2024``."""
    return f"{value.day} {MONTHS[value.month - 1]} {value.year}"


def moment(value: datetime) -> str:
    """A moment in UTC without zone, as the clock in the Netherlands showed it: ``11 juli 2024 om 10.30 uur``."""
    local = local_time(value)
    return f"{day(local)} om {local:%H.%M} uur"


def half_year(period: str) -> str:
    """``2024-H1`` as ``eerste halfjaar 2024``."""
    parsed = HalfYear.parse(period)
    return f"{'eerste' if parsed.half == 1 else 'tweede'} halfjaar {parsed.year}"


def number(value: int) -> str:
    """``10.000``."""
    return f"{value:,}".replace(",", ".")


def percent(share: float) -> str:
    """A share as ``1,7 %``; never ``0 %`` for what is not nothing."""
    if 0 < share < _VISIBLE:
        return "minder dan 0,1 %"
    return f"{share * 100:.1f}".removesuffix(".0").replace(".", ",") + " %"


def change(now: int, before: int) -> str:
    """What became of a number: ``gelijk``, ``40 % minder``, ``3,5 keer zo veel``, ``nieuw``."""
    if now == before:
        return "gelijk"
    if not before:
        return "nieuw"
    if now >= _TIMES * before:
        return f"{now / before:.1f}".removesuffix(".0").replace(".", ",") + " keer zo veel"
    share = abs(now - before) / before
    if share < _VISIBLE:
        return "vrijwel gelijk"
    return f"{percent(share)} {'meer' if now > before else 'minder'}"


def row_numbers(rows: Iterable[int], limit: int | None = None) -> tuple[str, int]:
    """Row numbers with neighbours taken together: ``3-7, 12``.

    Args:
        rows: row numbers, ascending.
        limit: how many ranges at most; None for all.

    Returns:
        The text, and how many rows it names.
    """
    ranges: list[list[int]] = []
    for row in rows:
        if ranges and row == ranges[-1][1] + 1:
            ranges[-1][1] = row
        elif limit is not None and len(ranges) == limit:
            break
        else:
            ranges.append([row, row])
    texts = (f"{first}" if first == last else f"{first}-{last}" for first, last in ranges)
    return ", ".join(texts), sum(last - first + 1 for first, last in ranges)


def rows_and_more(rows: Iterable[int], count: int, limit: int) -> str:
    """Row numbers as far as there is room, and how many rows there are besides: ``3-7, 12 en nog 40``.

    Args:
        rows: row numbers, ascending.
        count: of how many rows in all.
        limit: how many ranges at most.
    """
    shown, named = row_numbers(rows, limit)
    return f"{shown} en nog {number(count - named)}" if count > named else shown
