"""The rules on one figure at a time: which counts are too small to show, and how well a hidden one must be protected.

Belongs here: P1 (few people), P3 (small side), P4 (everybody or nobody) and what P7 asks for a count that they hide,
with thresholds from ``seeds/thresholds.csv``. Does not belong here: what follows from several figures together
(protect), and the audit, which has these rules in code of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import pandas as pd

from pipeline.periods import HalfYear

PUBLISHED = "published"
PRIMARY = "suppressed_primary"
SECONDARY = "suppressed_secondary"
NO_DATA = "no_data"

FEW, SMALL_SIDE, EVERYBODY = "P1", "P3", "P4"
CATEGORIES = ("improved", "stable", "worsened")
# rule P4 looks at groups of fewer than so many times the minimum
_SMALL_GROUP = 5


@dataclass(frozen=True)
class Limits:
    """The thresholds that hold for one half-year.

    Attributes:
        persons: a figure on fewer people is hidden (t).
        small_side: a sensitive side of 1 up to this minus one is hidden.
        width: a hidden count keeps at least so many possible whole numbers.
        base: counts for the public are multiples of this, and so are those of a table that is rounded.
        dominance: a share from which one side of a small group is hidden for the public.
        much: a table of which more than this share would be hidden may be rounded instead.
        sure: on fewer people than this chance weighs more than a share.
    """

    persons: int
    small_side: int
    width: int
    base: int
    dominance: float
    much: float
    sure: float


@dataclass(frozen=True)
class Need:
    """What a hidden count must keep.

    Attributes:
        width: so many different possible whole numbers.
        at_least: a value of at least this stays possible; 0 when nothing is asked.
    """

    width: int
    at_least: int = 0


@dataclass(frozen=True)
class Judgement:
    """The rule that hides a figure, and the counts that need protection for it.

    Attributes:
        rule: P1, P3 or P4; empty when the figure may be shown as far as these rules go.
        needs: per count of the figure, or ``others of <category>``, what it must keep.
    """

    rule: str
    needs: Mapping[str, Need]


MAY_SHOW = Judgement("", {})


def limits_of(thresholds: pd.DataFrame):
    """The thresholds per half-year.

    Args:
        thresholds: threshold_code, value, valid_from, valid_to, as in ``seeds/thresholds.csv``.

    Returns:
        A function of a half-year such as ``2024-H1``; it raises ValueError when not exactly one value of a threshold
        holds on its last day.
    """
    whole = ("minimum_persons", "minimum_small_side", "protection_width", "rounding_base")
    codes = (*whole, "dominance_share", "rounding_instead_share", "publishable_effective_n")
    valid_from, valid_to = (pd.to_datetime(thresholds[column]) for column in ("valid_from", "valid_to"))

    @cache
    def of(period: str) -> Limits:
        day = pd.Timestamp(HalfYear.parse(period).ends_on)
        holds = (valid_from <= day) & (valid_to.isna() | (valid_to >= day))
        found = []
        for code in codes:
            values = thresholds["value"][holds & (thresholds["threshold_code"] == code)]
            if len(values) != 1:
                raise ValueError(f"{len(values)} values of threshold {code} hold at the end of {period}; expected one")
            found.append(float(values.iloc[0]))
        return Limits(*(int(value) for value in found[: len(whole)]), *found[len(whole) :])

    return of


def judge_indicator(
    kind: str,
    sensitive: str,
    counts: Mapping[str, int],
    persons: int,
    limits: Limits,
    public: bool = False,
    scores: tuple[int, int] | None = None,
) -> Judgement:
    """Judge one indicator figure.

    Args:
        kind: proportion, mean, ratio, rate or count.
        sensitive: which side of it describes people's situation: numerator, complement, both or none.
        counts: n and numerator.
        persons: how many people are behind it.
        limits: the thresholds of its half-year.
        public: for the public a dominant side of a small group is hidden too.
        scores: of a mean, the lowest and highest score that can be given.
    """
    n, numerator = counts["n"], counts["numerator"]
    # A number of offers says nothing about a person, and nobody is nothing to hide.
    if kind == "count" or (n == 0 and numerator == 0):
        return MAY_SHOW
    sides = {}
    if kind in ("proportion", "ratio", "rate") and sensitive in ("numerator", "both"):
        sides["numerator"] = numerator
    # Only the complement of a proportion counts people: reopened files are not part of the clients.
    if kind == "proportion" and sensitive in ("complement", "both"):
        sides["complement"] = n - numerator
    need = Need(limits.width, limits.small_side)
    small = {name: need for name, side in sides.items() if 0 < side < limits.small_side}
    nobody = {}
    if kind == "proportion" and sides:
        nobody = {name: need for name, side in (("numerator", numerator), ("complement", n - numerator)) if side == 0}
    if n < limits.persons or persons < limits.persons:
        # Residents are public. How many people are behind a figure is not shown, but its counts would hint at it.
        needs = {} if kind == "rate" else {"n": Need(limits.width, limits.persons if n < limits.persons else 0)}
        needs |= {"numerator": Need(limits.width)} if kind in ("proportion", "ratio", "rate") else {}
        needs |= {"complement": Need(limits.width)} if kind == "proportion" else {}
        return Judgement(FEW, needs | small | nobody)
    if small:
        return Judgement(SMALL_SIDE, small | nobody)
    # a mean at an end of its scale tells what everybody answered (M1)
    if kind == "mean" and scores and numerator in (n * scores[0], n * scores[1]):
        return Judgement(EVERYBODY, {"numerator": Need(limits.width)})
    dominant = public and kind == "proportion" and sides and _dominates(max(numerator, n - numerator), n, limits)
    return Judgement(EVERYBODY, nobody) if nobody or dominant else MAY_SHOW


def judge_categories(counts: Mapping[str, int], persons: int, limits: Limits, public: bool = False) -> Judgement:
    """Judge the outcomes of one life domain.

    Args:
        counts: n, improved, stable and worsened.
        persons: how many clients are behind them.
        limits: the thresholds of its half-year.
        public: as in ``judge_indicator``.
    """
    n = counts["n"]
    if n == 0:
        return MAY_SHOW
    small = {name: Need(limits.width, limits.small_side) for name in CATEGORIES if 0 < counts[name] < limits.small_side}
    everybody = {f"others of {name}": Need(limits.width, limits.small_side) for name in CATEGORIES if counts[name] == n}
    if n < limits.persons or persons < limits.persons:
        needs = {"n": Need(limits.width, limits.persons if n < limits.persons else 0)}
        return Judgement(FEW, needs | {name: Need(limits.width) for name in CATEGORIES} | small | everybody)
    if small:
        return Judgement(SMALL_SIDE, small | everybody)
    dominant = public and _dominates(max(counts[name] for name in CATEGORIES), n, limits)
    return Judgement(EVERYBODY, everybody) if everybody or dominant else MAY_SHOW


def judge_share(part: int, whole: int, limits: Limits) -> str:
    """The rule that hides a share both sides of which describe people's situation; empty when it may be shown.

    Args:
        part: above the line.
        whole: below it; a share of nobody is judged as one of few.
        limits: the thresholds of its half-year.
    """
    if whole < limits.persons:
        return FEW
    if 0 < min(part, whole - part) < limits.small_side:
        return SMALL_SIDE
    return EVERYBODY if min(part, whole - part) == 0 else ""


def increment_needs(limits: Limits, count: str, increment: int, sensitive: bool) -> Need | None:
    """What the increase of a cumulative count in one half-year must keep; None when it may be known (P1, P3).

    Args:
        limits: the thresholds of the half-year.
        count: n or numerator.
        increment: by how much it grew; negative when people moved away.
        sensitive: whether the numerator describes people's situation.
    """
    if count == "n" and 0 < abs(increment) < limits.persons:
        return Need(limits.width, limits.persons if increment > 0 else 0)
    if count == "numerator" and sensitive and 0 < abs(increment) < limits.small_side:
        return Need(limits.width, limits.small_side if increment > 0 else 0)
    return None


def _dominates(side: int, n: int, limits: Limits) -> bool:
    return n < _SMALL_GROUP * limits.persons and side >= limits.dominance * n
