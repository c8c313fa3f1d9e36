"""Half-years: their names, first and last days, and the keys of the Dagster partitions; and how moments are written.

Belongs here: the calendar. A period is written ``2024-H1``; its partition key is its first month, ``2024-01``, because
a time window is formatted by ``strftime``, which knows no half-years.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

FIRST_YEAR = 2015  # the consortia started in 2015
TIMEZONE = "Europe/Amsterdam"
_ZONE = ZoneInfo(TIMEZONE)
_NAME = re.compile(r"^(\d{4})-H([12])$")
_DAY = re.compile(r"^\d{4}-\d\d-\d\d$")


@dataclass(frozen=True, order=True)
class HalfYear:
    """A half-year, ordered in time.

    Attributes:
        year: calendar year, 2015 or later.
        half: 1 (January-June) or 2 (July-December).
    """

    year: int
    half: int

    @classmethod
    def parse(cls, name: str) -> HalfYear:
        """Read ``2024-H1``.

        Raises:
            ValueError: when the name has another form or lies before 2015.
        """
        match = _NAME.match(name)
        if not match:
            raise ValueError(f"{name!r} is not a half-year; write it as 2024-H1")
        if int(match[1]) < FIRST_YEAR:
            raise ValueError(f"{name!r} lies before {FIRST_YEAR}-H1, the first half-year")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def containing(cls, day: date) -> HalfYear:
        """The half-year in which a day falls."""
        return cls(day.year, 1 if day.month <= 6 else 2)

    @classmethod
    def from_partition_key(cls, key: str) -> HalfYear:
        """Read a Dagster partition key: ``2024-07`` is 2024-H2."""
        year, month = key.split("-")[:2]
        return cls(int(year), 1 if int(month) <= 6 else 2)

    @property
    def partition_key(self) -> str:
        """The Dagster partition key: the first month."""
        return f"{self.year}-{'01' if self.half == 1 else '07'}"

    @property
    def starts_on(self) -> date:
        """First day."""
        return date(self.year, 1 if self.half == 1 else 7, 1)

    @property
    def ends_on(self) -> date:
        """Last day, included."""
        return date(self.year, 6, 30) if self.half == 1 else date(self.year, 12, 31)

    def shift(self, steps: int) -> HalfYear:
        """The half-year ``steps`` later (or earlier, when negative)."""
        index = self.year * 2 + self.half - 1 + steps
        return HalfYear(index // 2, index % 2 + 1)

    def __str__(self) -> str:
        return f"{self.year}-H{self.half}"


def now() -> datetime:
    """This moment in UTC, without zone, as the vault writes moments."""
    return datetime.now(UTC).replace(tzinfo=None)


def as_utc(moment: datetime) -> datetime:
    """A moment in UTC, without zone; one that does not say its offset is taken to be that already."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def local_time(moment: datetime) -> datetime:
    """A moment in UTC, without zone, as the clock in the municipality showed it."""
    return moment.replace(tzinfo=UTC).astimezone(_ZONE)


def day_of(moment: datetime) -> date:
    """The day in the municipality at a moment in UTC, without zone."""
    return local_time(moment).date()


def today() -> date:
    """The day in the municipality, wherever the machine stands: a half-year turns there hours before it does in UTC."""
    return day_of(now())


def last_complete(today: date) -> HalfYear:
    """The last half-year that has ended before ``today``."""
    return HalfYear.containing(today).shift(-1)


def between(first: HalfYear, last: HalfYear) -> Iterator[HalfYear]:
    """All half-years from ``first`` to ``last``, both included."""
    current = first
    while current <= last:
        yield current
        current = current.shift(1)


def parse_moment(text: str) -> datetime:
    """Read ``2024-08-15`` (the end of that day in the municipality) or ``2024-08-15T12:30:00`` (UTC, or with offset).

    Returns:
        The moment in UTC, without zone, as the vault writes moments.

    Raises:
        ValueError: when the text is neither.
    """
    try:
        if _DAY.match(text):
            next_day = datetime.combine(date.fromisoformat(text) + timedelta(days=1), time(), _ZONE)
            return as_utc(next_day) - timedelta(microseconds=1)
        return as_utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is not a moment; write it as 2024-08-15 or 2024-08-15T12:30:00") from None
