"""How many of the people who were drawn answered, and which questions they answered.

Belongs here: rates from the counts of final dispositions and of asked and answered items, and how much response differs
between groups of the people who were drawn.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from pipeline.reliability.arrays import Floats, floats, or_nan, ratio, refuse


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


class Representativity(NamedTuple):
    """How evenly groups responded.

    Attributes:
        mean: response propensity of all who were drawn, from 0 to 1.
        deviation: S, standard deviation of the groups' propensities over the people who were drawn.
        r_indicator: R = 1 - 2S; 1 when all groups respond alike.
        variation: CV = S/mean, which bounds the bias of a mean in standard deviations of what is measured.
    """

    mean: Floats
    deviation: Floats
    r_indicator: Floats
    variation: Floats


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


def representativity(responded: ArrayLike, drawn: ArrayLike) -> Representativity:
    """R-indicator and coefficient of variation of response propensities (Schouten, Cobben and Bethlehem 2009).

    A person's propensity is the response of his or her group, p_g = r_g/n_g. Small groups differ by chance alone, which
    would make every small survey look selective; that expected part is taken off (Shlomo, Skinner and Schouten 2012,
    here for groups in closed form):

        S² = N/(N - 1) (sum w_g (p_g - p)² - sum w_g (1 - w_g) p_g (1 - p_g)/(n_g - 1)),  w_g = n_g/N, not below 0.

    Of a group of one person the noise is not known; the overall p (1 - p) stands for it.

    Args:
        responded: how many of each group responded, shape (..., groups).
        drawn: how many of each group were drawn; groups of nobody do not count, so shorter rows may be filled with 0.

    Returns:
        One of each per leading index; NaN with fewer than two groups, the variation also when nobody responded.

    Raises:
        ValueError: for more responses than people, or a negative number.
    """
    responded, drawn = floats(responded, drawn)
    refuse((responded < 0) | (responded > drawn), "groups have more responses than people, or fewer than 0")
    total = drawn.sum(axis=-1)
    usable = (drawn > 0).sum(axis=-1) >= 2
    total = or_nan(total, usable)
    mean = responded.sum(axis=-1) / total
    weight = drawn / total[..., None]
    own = responded / np.where(drawn > 0, drawn, 1.0)
    overall = (mean * (1 - mean))[..., None]
    noise = np.where(drawn > 1, own * (1 - own) / np.where(drawn > 1, drawn - 1, 1.0), overall)
    seen = (weight * (own - mean[..., None]) ** 2).sum(axis=-1)
    by_chance = (weight * (1 - weight) * noise).sum(axis=-1)
    deviation = np.sqrt(total / (total - 1) * np.maximum(seen - by_chance, 0))
    return Representativity(mean, deviation, 1 - 2 * deviation, ratio(deviation, mean))
