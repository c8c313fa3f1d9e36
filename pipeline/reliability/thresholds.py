"""The thresholds as they held on a day, and the name of the version that they make.

Belongs here: choosing the rows of ``seeds/thresholds.csv`` that hold. Does not belong here: what a threshold is
compared with (``judgement.py``), or any number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import pandas as pd


class ThresholdError(ValueError):
    """No value, or more than one, of a threshold holds; the message names its code."""


@dataclass(frozen=True)
class Thresholds:
    """The thresholds that hold on one day, by code: ``thresholds["confidence_level"]``.

    Attributes:
        day: on which they hold.
        values: value per threshold code, in the unit of the seed.
        valid_from: first day of that value, per code.
    """

    day: date
    values: Mapping[str, float]
    valid_from: Mapping[str, date]

    @classmethod
    def on(cls, frame: pd.DataFrame, day: date) -> Thresholds:
        """Those that hold on a day.

        A code without a value on that day is not an error until somebody asks for it: a threshold may have been added
        later, or have been given up.

        Args:
            frame: threshold_code, value, valid_from, valid_to (last day; empty when it still holds), as in
                ``seeds/thresholds.csv`` or ``reference.thresholds``.
            day: the day.

        Raises:
            ThresholdError: when several values of one code hold, or the one that holds is empty.
        """
        starts, ends = (pd.to_datetime(frame[column]) for column in ("valid_from", "valid_to"))
        at = pd.Timestamp(day)
        holds = (starts <= at) & (ends.isna() | (ends >= at))
        codes, values = frame["threshold_code"][holds], frame["value"][holds].astype(float)
        several = sorted(set(codes[codes.duplicated()]))
        if several:
            raise ThresholdError(f"several values hold on {day.isoformat()} of {', '.join(several)}")
        empty = sorted(codes[values.isna()])
        if empty:
            raise ThresholdError(f"no value is given for {', '.join(empty)}")
        return cls(
            day=day,
            values=dict(zip(codes, values.tolist(), strict=True)),
            valid_from=dict(zip(codes, starts[holds].dt.date, strict=True)),
        )

    def __getitem__(self, code: str) -> float:
        """The value of a threshold.

        Raises:
            ThresholdError: when none holds on that day.
        """
        try:
            return self.values[code]
        except KeyError:
            raise ThresholdError(f"no value of {code} holds on {self.day.isoformat()}") from None

    def version(self, codes: Iterable[str]) -> str:
        """The name of the version that some thresholds make together.

        Two days on which the same values hold give the same name, whatever changed in other thresholds.

        Args:
            codes: threshold codes, in any order.

        Returns:
            The newest first day among them and six hexadecimal digits of codes and values, such as
            ``2015-01-01-3fa91c``; empty without codes.

        Raises:
            ThresholdError: when one of them does not hold.
        """
        values = {code: self[code] for code in sorted(set(codes))}
        if not values:
            return ""
        text = ";".join(f"{code}={value!r}" for code, value in values.items())
        newest = max(self.valid_from[code] for code in values)
        return f"{newest.isoformat()}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"
