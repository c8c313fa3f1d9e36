"""Reproducible chance: one stream of random numbers per subject and half-year, and the identifiers drawn from it.

Belongs here: what every simulated consortium shares about seeds, days and identifiers. A stream is keyed by what it is
for, so what is drawn for one half-year never depends on which other half-years were asked for.
"""

from __future__ import annotations

import zlib
from datetime import date
from typing import TypeAlias

import numpy as np

from pipeline.periods import FIRST_YEAR, HalfYear

# A table of a delivery: columns of objects (text), whole numbers (MISSING when empty), booleans or days.
Table: TypeAlias = dict[str, np.ndarray]

MISSING = -1
NO_DAY = np.datetime64("NaT", "D")

# Digit and consonant in turn: never nine digits in a row, a postcode, or a word.
_PAIRS = np.array([digit + letter for digit in "0123456789" for letter in "bcdfghjklmnpqrstvwxz"], dtype=object)
_CODES = len(_PAIRS) ** 4
_STEP = 741_103_597  # shares no factor with _CODES, so that different numbers give different codes


def stream(seed: int, *subject: str | int) -> np.random.Generator:
    """The random numbers for one subject.

    Args:
        seed: seed of the whole simulation, zero or higher.
        subject: what the numbers are for, such as ``"tom", "ratings", 12``.
    """
    key = zlib.crc32("/".join(map(str, subject)).encode())
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, key])))


def half_year_number(period: HalfYear) -> int:
    """Half-years since the first one: 2015-H1 is 0."""
    return (period.year - FIRST_YEAR) * 2 + period.half - 1


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - date(1970, 1, 1)).days


def as_days(numbers: np.ndarray, missing: np.ndarray | None = None) -> np.ndarray:
    """Day numbers as ``datetime64[D]``, empty where ``missing``."""
    days = np.asarray(numbers, dtype=np.int64).view("datetime64[D]")
    return days if missing is None else np.where(missing, NO_DAY, days)


def on_workday(numbers: np.ndarray, earliest: np.ndarray | int) -> np.ndarray:
    """Move day numbers in a weekend to the Friday before, unless that lies before ``earliest``."""
    weekday = (numbers + 3) % 7  # 1970-01-01 was a Thursday; Monday is 0
    friday = numbers - np.maximum(weekday - 4, 0)
    return np.where(friday >= earliest, friday, numbers)


def extend(store: dict[str, np.ndarray], **columns: np.ndarray) -> None:
    """Add rows to a store of columns."""
    for name, values in columns.items():
        store[name] = np.concatenate([store[name], values])


def pick(rng: np.random.Generator, probabilities: np.ndarray) -> np.ndarray:
    """Draw a column number per row of a table of probabilities (rows need not add up to one)."""
    cumulative = np.cumsum(probabilities, axis=1)
    drawn = rng.random((len(probabilities), 1)) * cumulative[:, -1:]
    return np.minimum((drawn >= cumulative).sum(axis=1), probabilities.shape[1] - 1)


def identifiers(seed: int, consortium: str, prefix: str, numbers: np.ndarray) -> np.ndarray:
    """Identifiers such as ``C-1b2c3d4f``: one per number, different for different numbers.

    Args:
        seed: seed of the simulation; another seed gives other identifiers.
        consortium: consortium code; the same number is another identifier elsewhere.
        prefix: letter of the entity.
        numbers: whole numbers from 0 up to 1.6e9.
    """
    offset = zlib.crc32(f"{seed}/{consortium}/{prefix}".encode()) % _CODES
    codes = (np.asarray(numbers, dtype=np.int64) * _STEP + offset) % _CODES
    base = len(_PAIRS)
    text = _PAIRS[codes % base]
    for power in (1, 2, 3):
        text = text + _PAIRS[codes // base**power % base]
    return f"{prefix}-" + text
