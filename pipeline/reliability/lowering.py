"""A person's judgement on a verdict: lower, signed, dated and for a time; never higher.

Belongs here: applying ``seeds/verdict_lowerings.csv``. Does not belong here: a verdict from measurements
(``judgement.py``).
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from pipeline.periods import HalfYear
from pipeline.reliability.judgement import GRADES

LOWERED = "lowered"
_RANK = {grade: rank for rank, grade in enumerate(GRADES)}
_SIGNED = ("signed_by", "signed_on", "reason", "valid_to")
_WHERE = ("indicator_code", "district_code", "period")


class LoweringError(ValueError):
    """A lowering is not signed, dated, explained, ended or clear; the message names its row and what is wrong."""


def lower(verdicts: pd.DataFrame, lowerings: pd.DataFrame, day: date) -> pd.DataFrame:
    """Lower the verdicts that somebody signed for.

    A lowering works from the day of signing up to and including its last day, on the cell's own figure and on what is
    pooled for it. Of several the lowest verdict counts, and of these the last that was signed.

    Args:
        verdicts: indicator_code, district_code, period, verdict, reason_nl, deciding, as ``judgement.verdicts`` gives.
        lowerings: indicator_code, district_code (empty: all), period (empty: all), verdict, reason, signed_by,
            signed_on, valid_to, as in ``seeds/verdict_lowerings.csv``.
        day: of judging.

    Returns:
        The verdicts in the same order. Where one is lowered, reason_nl begins with who did so, when and why, and
        deciding is ``lowered``. What would not lower changes nothing.

    Raises:
        LoweringError: when a row has no name, date, reason or last day, no indicator, or an unknown verdict or
            period.
    """
    rows = _read(lowerings)
    wrong = _errors(rows)
    if wrong:
        raise LoweringError("; ".join(wrong))
    at = pd.Timestamp(day)
    rows = rows[(rows["signed_on"] <= at) & (rows["valid_to"] >= at)]
    rows = rows.assign(rank=rows["verdict"].map(_RANK)).sort_values(["rank", "signed_on"], kind="stable")

    rank = verdicts["verdict"].map(_RANK).to_numpy(np.int64)
    of = {name: verdicts[name].to_numpy(object) for name in _WHERE}
    chosen = np.full(len(verdicts), -1)
    for position, row in enumerate(rows.itertuples()):
        meant = rank < row.rank
        for name in _WHERE:
            if getattr(row, name):
                meant &= of[name] == getattr(row, name)
        chosen[meant] = position
    lowered = np.flatnonzero(chosen >= 0)
    sentences = np.array([_sentence(row) for row in rows.itertuples()], dtype=object)
    result = {name: verdicts[name].to_numpy(object, copy=True) for name in ("verdict", "reason_nl", "deciding")}
    result["verdict"][lowered] = rows["verdict"].to_numpy(object)[chosen[lowered]]
    result["reason_nl"][lowered] = [
        f"{sentence} {before}".rstrip()
        for sentence, before in zip(sentences[chosen[lowered]], result["reason_nl"][lowered], strict=True)
    ]
    result["deciding"][lowered] = LOWERED
    return verdicts.assign(**result).astype(dict.fromkeys(result, "str"))


def problems(lowerings: pd.DataFrame) -> list[str]:
    """What is wrong with the lowerings, also where it stops nothing.

    Args:
        lowerings: as for ``lower``.

    Returns:
        A sentence per fault: the errors of ``lower``, a verdict that could only raise, and a row that ends before it
        was signed. The reasons themselves are not repeated.
    """
    rows = _read(lowerings)
    raising = [f"row {number} asks for reliable, which could only raise a verdict; it changes nothing"
               for number in rows.index[rows["verdict"] == GRADES[0]]]  # fmt: skip
    ended = rows.index[rows["valid_to"] < rows["signed_on"]]
    return [
        *_errors(rows),
        *raising,
        *(f"row {number} ends before it was signed; it changes nothing" for number in ended),
    ]


def _read(lowerings: pd.DataFrame) -> pd.DataFrame:
    """Texts without spaces around them, empty where they are missing; days as moments; numbered from 1."""
    rows = pd.DataFrame(index=pd.RangeIndex(1, len(lowerings) + 1, name="row"))
    for name in (*_WHERE, "verdict", "reason", "signed_by"):
        texts = lowerings[name].astype(object)
        rows[name] = [text.strip() if isinstance(text, str) else "" for text in texts.where(texts.notna(), "")]
    for name in ("signed_on", "valid_to"):
        rows[name] = pd.to_datetime(lowerings[name].to_numpy(object)).astype("datetime64[us]")
    return rows


def _errors(rows: pd.DataFrame) -> list[str]:
    empty = {name: rows[name].isna() | (rows[name].astype(object) == "") for name in (*_SIGNED, "indicator_code")}
    missing = [f"row {number} has no {name}" for number in rows.index for name in empty if empty[name][number]]
    unknown = rows.index[~rows["verdict"].isin(GRADES)]
    strange = [number for number in rows.index if rows["period"][number] and not _is_period(rows["period"][number])]
    return [
        *missing,
        *(f"row {number} has a verdict other than {' or '.join(GRADES[1:])}" for number in unknown),
        *(f"row {number} has a period that is no half-year such as 2024-H1" for number in strange),
    ]


def _is_period(name: str) -> bool:
    try:
        HalfYear.parse(name)
    except ValueError:
        return False
    return True


def _sentence(row: tuple) -> str:
    end = "" if row.reason.endswith((".", "!", "?")) else "."
    return f"Verlaagd door {row.signed_by} op {row.signed_on:%d-%m-%Y}: {row.reason}{end}"
