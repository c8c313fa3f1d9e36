"""How many of the people who were drawn answered, and which questions they answered.

Belongs here: rates from the counts of final dispositions and of asked and answered items.
"""

from __future__ import annotations

from typing import NamedTuple

from numpy.typing import ArrayLike

from pipeline.reliability.arrays import Floats, floats, ratio, refuse


class ResponseRates(NamedTuple):
    """Shares from 0 to 1, NaN where nobody was drawn; the names are those of AAPOR's Standard Definitions."""

    rr1: Floats
    rr2: Floats
    rr3: Floats
    rr4: Floats
    rr5: Floats
    rr6: Floats
    coop1: Floats
    ref1: Floats


def response_rates(
    complete: ArrayLike,
    partial: ArrayLike,
    refused: ArrayLike,
    not_contacted: ArrayLike,
    other: ArrayLike,
    unknown_household: ArrayLike = 0,
    unknown_other: ArrayLike = 0,
    *,
    eligible: ArrayLike = 1.0,
) -> ResponseRates:
    """Response, cooperation and refusal rates (American Association for Public Opinion Research, Standard Definitions).

    RR1 = I/(I + P + R + NC + O + UH + UO); RR2 counts partial interviews too; RR3 and RR4 count only the part e of the
    unknown ones as eligible, RR5 and RR6 none. COOP1 = I/(I + P + R + O), REF1 = R over the denominator of RR1.

    Args:
        complete: I, completed interviews.
        partial: P, partly completed.
        refused: R, refusals and break-offs.
        not_contacted: NC, never reached.
        other: O, reached but not able.
        unknown_household: UH, unknown whether there is somebody to ask.
        unknown_other: UO, unknown for another reason.
        eligible: e, the part of the unknown ones that would have been asked, from 0 to 1.

    Returns:
        The eight rates, each an array.

    Raises:
        ValueError: for a negative count, or e outside 0..1.
    """
    i, p, r, nc, o, uh, uo, e = floats(
        complete, partial, refused, not_contacted, other, unknown_household, unknown_other, eligible
    )
    refuse((i < 0) | (p < 0) | (r < 0) | (nc < 0) | (o < 0) | (uh < 0) | (uo < 0), "sets of dispositions are negative")
    refuse((e < 0) | (e > 1), "shares of eligible cases lie outside 0..1")
    known, unknown = i + p + r + nc + o, uh + uo
    return ResponseRates(
        rr1=ratio(i, known + unknown),
        rr2=ratio(i + p, known + unknown),
        rr3=ratio(i, known + e * unknown),
        rr4=ratio(i + p, known + e * unknown),
        rr5=ratio(i, known),
        rr6=ratio(i + p, known),
        coop1=ratio(i, i + p + r + o),
        ref1=ratio(r, known + unknown),
    )


def item_nonresponse(asked: ArrayLike, answered: ArrayLike) -> Floats:
    """The share of respondents who were asked a question and did not answer it.

    Args:
        asked: how many were asked.
        answered: how many of them gave an answer; "no opinion" is none.

    Returns:
        From 0 to 1, NaN where nobody was asked.

    Raises:
        ValueError: for more answers than questions, or a negative number.
    """
    asked, answered = floats(asked, answered)
    refuse((answered < 0) | (answered > asked), "questions have more answers than were asked, or fewer than 0")
    return ratio(asked - answered, asked)
