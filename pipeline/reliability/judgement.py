"""From measurement to verdict: which grade a check gets, what it means for the figure, and the reason in plain Dutch.

Belongs here: the registry of checks with their effects, the rules for grades, the sentences, and the verdict of a cell.
Does not belong here: measuring, the thresholds themselves (``seeds/thresholds.csv``), a person's lowering
(``lowering.py``), or what may be shown for reasons of privacy (``disclosure``).

A value that lies within 1e-9 of a threshold is that threshold: 0.1 + 0.2 is 0.3 here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.periods import HalfYear
from pipeline.reliability.arrays import Floats, quantile
from pipeline.reliability.comparison import against_margin
from pipeline.reliability.thresholds import Thresholds

Texts = NDArray[np.object_]
Codes = NDArray[np.int8]
Mask = NDArray[np.bool_]

GRADES = ("reliable", "indicative", "not_publishable")
GRADES_NL = {"reliable": "betrouwbaar", "indicative": "indicatief", "not_publishable": "niet te tonen"}
_RELIABLE, _INDICATIVE, _NOT_PUBLISHABLE = range(3)

# What each grade contributes to the verdict.
EFFECTS: dict[str, tuple[int, int, int]] = {
    "blocks": (_RELIABLE, _INDICATIVE, _NOT_PUBLISHABLE),
    "caps": (_RELIABLE, _INDICATIVE, _INDICATIVE),
    "warns_or_caps": (_RELIABLE, _RELIABLE, _INDICATIVE),
    "warns": (_RELIABLE, _RELIABLE, _RELIABLE),
    "informs": (_RELIABLE, _RELIABLE, _RELIABLE),
    "blocks_scale": (_RELIABLE, _RELIABLE, _RELIABLE),
}
_NUMBERS = ("value", "second_value", "ci_low", "ci_high", "n", "scale_range")
_SAME = 1e-9
_SCALE_RANGE = 4.0  # the seed gives half-widths for answers from 1 to 5
_MOST_REASONS = 3


@dataclass(frozen=True)
class _Rows:
    """The measurements of one check, as arrays of equal length."""

    value: Floats
    second_value: Floats
    ci_low: Floats
    ci_high: Floats
    n: Floats
    scale_range: Floats
    counted_nl: Texts


@dataclass(frozen=True)
class _Judged:
    """Grades and sentences of one check; a limit may be one number or one per row."""

    grade: Codes
    reason: Texts
    measured: Mask
    reliable_at: Floats | float = np.nan
    indicative_at: Floats | float = np.nan


@dataclass(frozen=True)
class Check:
    """A check on a figure.

    Attributes:
        code: the value of check_code.
        number: of the table of checks; 3 and 4 are one question put to shares, rates and means.
        name_nl: its name in Dutch.
        effect: what its grade does to the verdict, a key of ``EFFECTS``.
        thresholds: codes of the thresholds that decide its grade and sentence, and make its threshold_version.
        unmeasured: what it contributes when its value is unknown. Without its precision a figure cannot be shown, and
            without second ratings it is indicative; what else is unknown does not lower it.
    """

    code: str
    number: int
    name_nl: str
    effect: str
    thresholds: tuple[str, ...]
    unmeasured: str = "reliable"
    rule: Callable[[_Rows, Thresholds], _Judged] = field(kw_only=True, repr=False, compare=False)


def judge(measurements: pd.DataFrame, thresholds: Thresholds) -> pd.DataFrame:
    """Judge each measurement.

    Args:
        measurements: check_code, value, second_value, ci_low, ci_high, n, scale_range (points from lowest to highest
            answer; mean_half_width only), and the keys of the cell, which are not looked at. Optionally counted_nl,
            what effective_n counts ("dossiers", "bezoekers"); "gesprekken" where it is missing.
        thresholds: that hold on the day of judging.

    Returns:
        The measurements in the same order, with grade (``reliable``, ``indicative``, ``not_publishable``), counts_as
        (the same words: what it contributes to the verdict), threshold_reliable and threshold_indicative (the limits
        of these grades, in the unit of what is judged; NaN when there is none), threshold_version (empty for a check
        without thresholds) and reason_nl (one or two sentences).

    Raises:
        ValueError: for an unknown check, a missing column, or a mean without the range of its scale.
        ThresholdError: when a threshold does not hold.
    """
    missing = sorted({"check_code", *_NUMBERS} - set(measurements.columns))
    if missing:
        raise ValueError(f"measurements without {', '.join(missing)}")
    numbers = {name: measurements[name].to_numpy(dtype=float, na_value=np.nan) for name in _NUMBERS}
    size = len(measurements)
    counted = np.full(size, "gesprekken", dtype=object)
    if "counted_nl" in measurements:
        counted = (
            measurements["counted_nl"].astype(object).where(measurements["counted_nl"].notna(), counted).to_numpy()
        )
    which, codes = pd.factorize(measurements["check_code"])
    unknown = sorted(set(codes) - set(CHECKS))
    if unknown or (which < 0).any():
        raise ValueError(f"unknown checks: {', '.join(unknown) or 'empty'}")

    grade, counts_as = np.zeros(size, dtype=np.int8), np.zeros(size, dtype=np.int8)
    reliable_at, indicative_at = np.full(size, np.nan), np.full(size, np.nan)
    version, reason = np.full(size, "", dtype=object), np.full(size, "", dtype=object)
    for position, code in enumerate(codes):
        check = CHECKS[code]
        at = np.flatnonzero(which == position)
        rows = _Rows(**{name: column[at] for name, column in numbers.items()}, counted_nl=counted[at])
        judged = check.rule(rows, thresholds)
        unmeasured = GRADES.index(check.unmeasured)
        grade[at] = np.where(judged.measured, judged.grade, max(unmeasured, _INDICATIVE))
        counts_as[at] = np.where(judged.measured, np.asarray(EFFECTS[check.effect])[judged.grade], unmeasured)
        reliable_at[at], indicative_at[at] = judged.reliable_at, judged.indicative_at
        version[at] = thresholds.version(check.thresholds)
        reason[at] = np.where(judged.measured, judged.reason, _not_measured(check))
    words = np.asarray(GRADES, dtype=object)
    return measurements.assign(
        grade=words[grade],
        counts_as=words[counts_as],
        threshold_reliable=reliable_at,
        threshold_indicative=indicative_at,
        threshold_version=version,
        reason_nl=reason,
    ).astype(dict.fromkeys(("grade", "counts_as", "threshold_version", "reason_nl"), "str"))


def verdicts(checks: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """The verdict of each cell: the worst of what its checks contribute.

    Args:
        checks: the keys (NULL counts as a value), check_code, value, counts_as and reason_nl, as ``judge`` gives them.
        keys: columns that make a cell.

    Returns:
        One row per cell, in order of first appearance: the keys, verdict, reason_nl (the sentences of the checks that
        determine it, blocking ones first, at most three; one sentence when it is reliable) and deciding (the codes of
        all checks that determine it, in the same order and joined by ``;``; empty when it is reliable). Where the
        minimum for privacy is not reached its sentence stands alone: another one would tell how few people there are.
    """
    cell = checks.groupby(keys, dropna=False, sort=False).ngroup().to_numpy()
    cells = int(cell.max()) + 1 if len(cell) else 0
    rank = checks["counts_as"].map({grade: rank for rank, grade in enumerate(GRADES)}).to_numpy(np.int8)
    worst = np.zeros(cells, dtype=np.int8)
    np.maximum.at(worst, cell, rank)

    code = checks["check_code"].to_numpy(object)
    importance = checks["check_code"].map(_IMPORTANCE).to_numpy(np.int64)
    at = np.flatnonzero((rank == worst[cell]) & (rank > _RELIABLE))
    at = at[np.lexsort((importance[at], cell[at]))]
    # a check that was measured twice in a cell decides once
    again = np.zeros(len(at), dtype=bool)
    again[1:] = (cell[at][1:] == cell[at][:-1]) & (importance[at][1:] == importance[at][:-1])
    at = at[~again]
    place = pd.Series(cell[at]).groupby(cell[at]).cumcount().to_numpy()
    too_few = np.zeros(cells, dtype=bool)
    too_few[cell[at[code[at] == "privacy_minimum"]]] = True

    deciding, reason = np.full(cells, "", dtype=object), _all_passed(checks, cell, worst)
    sentences = checks["reason_nl"].to_numpy(object)
    for position in range(int(place.max()) + 1 if len(place) else 0):
        here = at[place == position]
        of = cell[here]
        deciding[of] = code[here] if position == 0 else deciding[of] + ";" + code[here]
        if position < _MOST_REASONS:
            told = here if position == 0 else here[~too_few[of]]
            of = cell[told]
            reason[of] = sentences[told] if position == 0 else reason[of] + " " + sentences[told]
    first = np.full(cells, len(cell), dtype=np.int64)
    np.minimum.at(first, cell, np.arange(len(cell)))
    result = checks[keys].iloc[first].reset_index(drop=True)
    result = result.assign(verdict=np.asarray(GRADES, dtype=object)[worst], reason_nl=reason, deciding=deciding)
    return result.astype({"verdict": "str", "reason_nl": "str", "deciding": "str"})


def rejudged(now: pd.DataFrame, then: pd.DataFrame) -> pd.Series:
    """What a changed threshold did to each verdict.

    Args:
        now: verdicts under the thresholds of today, as ``verdicts`` gives them; one of the keys is period.
        then: verdicts of the same measurements under the thresholds that held at the end of each half-year. Both before
            anybody lowers them: a person's judgement is no threshold.

    Returns:
        For each row of ``now``, with its index: "Onder de drempels van 30-06-2024 was dit betrouwbaar." where the
        verdict was another one, else empty.

    Raises:
        MergeError: when a cell stands twice in ``then``.
    """
    keys = [column for column in now.columns if column not in ("verdict", "reason_nl", "deciding")]
    before = now[keys].merge(then[[*keys, "verdict"]], on=keys, how="left", validate="many_to_one")["verdict"]
    was, verdict = before.to_numpy(object), now["verdict"].to_numpy(object)
    changed = before.notna().to_numpy() & (was != verdict)
    days = {period: f"{HalfYear.parse(period).ends_on:%d-%m-%Y}" for period in now["period"][changed].unique()}
    sentence = np.full(len(now), "", dtype=object)
    sentence[changed] = [
        f"Onder de drempels van {days[period]} was dit {GRADES_NL[old]}."
        for period, old in zip(now["period"][changed], was[changed], strict=True)
    ]
    return pd.Series(sentence, index=now.index, name="rejudged_nl", dtype="str")


def verdict_version(thresholds: Thresholds) -> str:
    """The version of the thresholds that verdicts are made under: of those of all checks.

    Args:
        thresholds: that hold on the day of judging.
    """
    return thresholds.version(code for check in CHECKS.values() for code in check.thresholds)


def _all_passed(checks: pd.DataFrame, cell: NDArray[np.int64], worst: Codes) -> Texts:
    """The sentence of a reliable cell: how many demands could be put to it."""
    counting = {code for code, check in CHECKS.items() if EFFECTS[check.effect][_NOT_PUBLISHABLE] > _RELIABLE}
    measured = checks["check_code"].isin(counting).to_numpy() & checks["value"].notna().to_numpy()
    passed = np.bincount(cell, weights=measured, minlength=len(worst)).astype(np.int64)
    text = {
        number: f"Het cijfer haalt alle eisen die te toetsen zijn ({number})."
        if number
        else "Er is geen eis die dit cijfer lager maakt."
        for number in np.unique(passed).tolist()
    }
    return np.array([text[number] for number in passed.tolist()], dtype=object)


def _not_measured(check: Check) -> str:
    meaning = {
        "reliable": "Dat verlaagt het oordeel niet.",
        "indicative": "Daarom is het cijfer ten hoogste indicatief.",
        "not_publishable": "Daarom tonen we het cijfer niet.",
    }[check.unmeasured]
    return f"{check.name_nl}: dit is niet te meten. {meaning}"


# Comparing with thresholds, and telling numbers so that they do not contradict the grade.


def _snap(values: Floats, *limits: Floats | float) -> Floats:
    """The values, with those that are a limit but for floating point made equal to it."""
    for limit in limits:
        values = np.where(np.abs(values - limit) <= _SAME, limit, values)
    return values


def _grades(reliable: Mask, indicative: Mask | bool = True) -> Codes:
    return np.where(reliable, _RELIABLE, np.where(indicative, _INDICATIVE, _NOT_PUBLISHABLE)).astype(np.int8)


def _one(grades: Codes, *sentences: Texts | str) -> Texts:
    """Per row the sentence of its grade: the first one for reliable, the last one for all grades that have none."""
    result = np.full(len(grades), "", dtype=object)
    for grade in np.unique(grades):
        at = grades == grade
        sentence = sentences[min(grade, len(sentences) - 1)]
        result[at] = sentence if isinstance(sentence, str) else sentence[at]
    return result


def _dutch(number: float, decimals: int) -> str:
    return f"{number:.{decimals}f}".replace(".", ",")


def _limit(value: float, factor: float = 1.0) -> str:
    """A threshold as people write it: without decimals that say nothing."""
    return f"{round(value * factor, 9):.9g}".replace(".", ",")


def _told(values: Floats, decimals: int, *limits: Floats | float, factor: float = 1.0) -> Texts:
    """Numbers in Dutch, with more decimals where rounding would carry them to or over a limit.

    Each distinct number is written once, which makes half a million of them quick.
    """
    told = np.full(len(values), "onbekend", dtype=object)
    left = np.isfinite(values)
    for places in range(decimals, 13):
        if not left.any():
            break
        rounded = np.round(values * factor, places) + 0.0
        fits = left.copy()
        for limit in limits:
            fits &= _side(rounded, np.multiply(limit, factor), factor) == _side(values, limit, 1.0)
        fits = left if places == 12 else fits
        distinct, inverse = np.unique(rounded[fits], return_inverse=True)
        told[fits] = np.array([_dutch(number, places) for number in distinct.tolist()], dtype=object)[inverse]
        left &= ~fits
    return told


def _side(values: Floats, limit: Floats | float, factor: float) -> Floats:
    distance = values - limit
    return np.sign(np.where(np.abs(distance) <= _SAME * factor / 2, 0.0, distance))


# The rules. Each gives the grades and sentences of its rows; the boundaries are those of the table of checks.


def _privacy_minimum(rows: _Rows, thresholds: Thresholds) -> _Judged:
    minimum = thresholds["minimum_persons"]
    grade = _grades(_snap(rows.value, minimum) >= minimum, False)
    # never how many people there are
    reason = _one(
        grade,
        f"Het cijfer gaat over {_limit(minimum)} mensen of meer.",
        f"Het cijfer gaat over minder dan {_limit(minimum)} mensen. Daarom tonen we het niet.",
    )
    return _Judged(grade, reason, ~np.isnan(rows.value), minimum, minimum)


def _effective_n(rows: _Rows, thresholds: Thresholds) -> _Judged:
    enough, least = thresholds["reliable_effective_n"], thresholds["publishable_effective_n"]
    value = _snap(rows.value, enough, least)
    grade = _grades(value >= enough, value >= least)
    number = _told(value, 0, enough, least)
    counted = np.where((number == "1") & (rows.counted_nl == "gesprekken"), "gesprek", rows.counted_nl)
    counts = "Het cijfer telt als " + number + " " + counted
    reason = _one(
        grade,
        np.where(
            np.isinf(value),
            "Iedereen om wie het gaat, telt mee in het cijfer.",
            counts + f"; {_limit(enough)} is genoeg.",
        ),
        counts + f"; {_limit(enough)} is nodig voor betrouwbaar, {_limit(least)} om te tonen.",
    )
    return _Judged(grade, reason, ~np.isnan(value), enough, least)


def _share_width(rows: _Rows, thresholds: Thresholds) -> _Judged:
    narrow, wide = thresholds["reliable_share_width"], thresholds["publishable_share_width"]
    most, negligible = thresholds["publishable_relative_width"], thresholds["negligible_width"]
    width = _snap(rows.value, narrow, wide, negligible)
    # a share of 0 has no relative width: any width is too much then
    relative = _snap(np.where(np.isnan(rows.second_value), np.inf, rows.second_value), most)
    small = (relative > most) & (width > negligible)
    grade = _grades((width <= narrow) & ~small, (width < wide) & ~small)
    points = "De onzekerheid is " + _told(width, 0, narrow, wide, negligible, factor=100) + " procentpunt breed"
    times = np.where(
        np.isinf(relative),
        points + ", veel meer dan het cijfer zelf. Daarom tonen we het niet.",
        "De onzekerheid is "
        + _told(relative, 1, most)
        + f" keer zo groot als het cijfer zelf; tonen kan tot en met {_limit(most)} keer.",
    )
    limits = f"; tot en met {_limit(narrow, 100)} is betrouwbaar, tonen kan onder {_limit(wide, 100)}."
    reason = _one(
        grade,
        points + f"; tot en met {_limit(narrow, 100)} is betrouwbaar.",
        points + limits,
        np.where(width >= wide, points + limits, times),
    )
    return _Judged(grade, reason, np.isfinite(width), narrow, wide)


def _rate_width(rows: _Rows, thresholds: Thresholds) -> _Judged:
    narrow, wide = thresholds["reliable_rate_width"], thresholds["publishable_rate_width"]
    width = _snap(rows.value, narrow, wide)
    grade = _grades(width <= narrow, width <= wide)
    size = "De onzekerheid is " + _told(width, 0, narrow, wide, factor=100) + " % van het cijfer"
    reason = _one(
        grade,
        size + f"; tot en met {_limit(narrow, 100)} % is betrouwbaar.",
        size + f"; tot en met {_limit(narrow, 100)} % is betrouwbaar, tonen kan tot en met {_limit(wide, 100)} %.",
    )
    return _Judged(grade, reason, np.isfinite(width), narrow, wide)


def _mean_half_width(rows: _Rows, thresholds: Thresholds) -> _Judged:
    measured = np.isfinite(rows.value)
    unusable = measured & ~(rows.scale_range > 0)
    if unusable.any():
        raise ValueError(f"{int(unusable.sum())} measurements of mean_half_width without the range of their scale")
    longer = rows.scale_range / _SCALE_RANGE
    narrow = thresholds["reliable_mean_half_width"] * longer
    wide = thresholds["publishable_mean_half_width"] * longer
    half = _snap(rows.value, narrow, wide)
    grade = _grades(half <= narrow, half <= wide)
    size = "Het gemiddelde is zeker op " + _told(half, 2, narrow, wide) + " punt na"
    fine = "; tot en met " + _limits(narrow) + " is betrouwbaar"
    reason = _one(grade, size + fine + ".", size + fine + ", tonen kan tot en met " + _limits(wide) + ".")
    return _Judged(grade, reason, measured, narrow, wide)


def _limits(values: Floats) -> Texts:
    distinct, inverse = np.unique(values, return_inverse=True)
    return np.array([_limit(value) for value in distinct.tolist()], dtype=object)[inverse]


def _scale_consistency(rows: _Rows, thresholds: Thresholds) -> _Judged:
    good, least = thresholds["reliable_alpha"], thresholds["publishable_alpha"]
    lowest = thresholds["minimum_item_rest"]
    bound, item_rest = _snap(rows.value, good, least), _snap(rows.second_value, lowest)
    against = item_rest < lowest
    grade = _grades((bound >= good) & ~against, (bound >= least) & ~against)
    size = "De samenhang van de vragen is ten minste " + _told(bound, 2, good, least) + " (1 is volledig)"
    limits = f"; vanaf {_limit(good)} is betrouwbaar, één score voor alle vragen kan vanaf {_limit(least)}."
    turned = "Een vraag gaat tegen de andere in (samenhang " + _told(item_rest, 2, lowest) + "). "
    reason = _one(
        grade,
        size + f"; vanaf {_limit(good)} is betrouwbaar.",
        size + limits,
        np.where(
            against, turned + "Samen geven de vragen geen score; elke vraag apart blijft bruikbaar.", size + limits
        ),
    )
    return _Judged(grade, reason, np.isfinite(bound), good, least)


def _item_nonresponse(rows: _Rows, thresholds: Thresholds) -> _Judged:
    few, most = thresholds["reliable_item_nonresponse"], thresholds["publishable_item_nonresponse"]
    share = _snap(rows.value, few, most)
    grade = _grades(share < few, share <= most)
    open_ = (
        "Van de mensen aan wie deze vraag is gesteld, gaf "
        + _told(share, 1, few, most, factor=100)
        + " % geen antwoord"
    )
    reason = _one(
        grade,
        open_ + f"; onder {_limit(few, 100)} % is betrouwbaar.",
        open_ + f"; onder {_limit(few, 100)} % is betrouwbaar, tonen kan tot en met {_limit(most, 100)} %.",
    )
    return _Judged(grade, reason, np.isfinite(share), few, most)


def _delivery_integrity(rows: _Rows, thresholds: Thresholds) -> _Judged:
    most = thresholds["publishable_integrity_faults"]
    share = _snap(rows.value, 0.0, most)
    grade = _grades(share <= 0, share <= most)
    faults = "Van de geleverde rijen is " + _told(share, 1, 0.0, most, factor=100) + " % dubbel of onmogelijk"
    reason = _one(
        grade,
        "Geen enkele geleverde rij is dubbel of onmogelijk.",
        faults + f"; alleen 0 % is betrouwbaar, tonen kan tot en met {_limit(most, 100)} %.",
    )
    return _Judged(grade, reason, np.isfinite(share), 0.0, most)


def _dispositions_complete(rows: _Rows, thresholds: Thresholds) -> _Judged:
    grade = _grades(_snap(rows.value, 1.0) >= 1)
    reason = _one(
        grade,
        "Van elk gesprek is de uitkomst bekend, ook als iemand niet meedeed.",
        "Niet van elk gesprek is de uitkomst bekend, zoals geweigerd of niet bereikt. "
        "Daarom is het cijfer hoogstens indicatief.",
    )
    return _Judged(grade, reason, np.isfinite(rows.value), 1.0)


def _independent_part(rows: _Rows, thresholds: Thresholds) -> _Judged:
    part, least = thresholds["independent_share"], thresholds["independent_minimum"]
    share, number = _snap(rows.value, part), _snap(rows.second_value, least)
    grade = _grades((share >= part) & (number >= least))
    done = "Van de gesprekken is " + _told(share, 1, part, factor=100) + " % gevoerd of herhaald door een andere partij"
    some = np.where(np.isnan(number), done, done + " (" + _told(number, 0, least) + " gesprekken)")
    needed = f"; {_limit(part, 100)} % en {_limit(least)} gesprekken zijn nodig."
    none = "Geen enkel gesprek is gevoerd of herhaald door een andere partij" + needed
    reason = _one(
        grade,
        some + f"; {_limit(part, 100)} % en {_limit(least)} gesprekken is genoeg.",
        np.where(share > 0, some + needed, none) + " Daarom is het cijfer hoogstens indicatief.",
    )
    return _Judged(grade, reason, np.isfinite(share), part)


def _backcheck_agreement(rows: _Rows, thresholds: Thresholds) -> _Judged:
    good, least = thresholds["reliable_backcheck"], thresholds["publishable_backcheck"]
    pairs = thresholds["minimum_backcheck_pairs"]
    bound, n = _snap(rows.ci_low, good, least), _snap(np.nan_to_num(rows.n), pairs)
    few = n < pairs
    grade = _grades((bound >= good) & ~few, (bound >= least) | few)
    same = "De overeenstemming met herhaalde gesprekken is ten minste " + _told(bound, 2, good, least)
    same = same + " (1 is helemaal gelijk)"
    reason = np.where(
        few,
        "Van deze vraag zijn "
        + _told(n, 0, pairs)
        + f" antwoorden uit herhaalde gesprekken te vergelijken; {_limit(pairs)} "
        "is nodig. Daarom is het cijfer hoogstens indicatief.",
        _one(
            grade,
            same + f"; vanaf {_limit(good)} is betrouwbaar.",
            same + f"; vanaf {_limit(good)} is betrouwbaar, tonen kan vanaf {_limit(least)}.",
        ),
    )
    return _Judged(grade, reason, few | np.isfinite(rows.value + bound), good, least)


def _double_ratings(rows: _Rows, thresholds: Thresholds) -> _Judged:
    good, least = thresholds["reliable_rating_agreement"], thresholds["publishable_rating_agreement"]
    pairs = thresholds["minimum_double_ratings"]
    kappa, n = _snap(rows.value, good, least), _snap(np.nan_to_num(rows.n), pairs)
    # without AC2 kappa decides alone
    ac2 = _snap(np.where(np.isnan(rows.second_value), kappa, rows.second_value), good, least)
    worse, better = np.minimum(kappa, ac2), np.maximum(kappa, ac2)
    grade = _grades((worse >= good) & (n >= pairs), better >= least)
    both = " (kappa " + _told(kappa, 2, good, least) + ", AC2 " + _told(ac2, 2, good, least) + ")"
    alone = " (kappa " + _told(kappa, 2, good, least) + ")"
    agree = "Twee beoordelaars zijn het over " + _told(n, 0, pairs) + " dubbele beoordelingen zo eens"
    agree = agree + np.where(np.isnan(rows.second_value), alone, both)
    reason = _one(
        grade,
        agree + f"; vanaf {_limit(good)} is betrouwbaar.",
        agree + f"; vanaf {_limit(good)} en {_limit(pairs)} beoordelingen is betrouwbaar.",
        agree + f"; onder {_limit(least)} tonen we geen verandering.",
    )
    return _Judged(grade, reason, np.isfinite(kappa), good, least)


def _group_change(rows: _Rows, thresholds: Thresholds) -> _Judged:
    expected = rows.second_value
    low, high = _snap(rows.ci_low, expected), _snap(rows.ci_high, expected)
    above, below = low > expected, high < expected
    grade = _grades(above | below)
    change, usual = _told(rows.value, 2, expected), _told(expected, 2)
    reason = np.where(
        above | below,
        "De verandering (" + change + ") is " + np.where(above, "groter", "kleiner").astype(object)
        + " dan vanzelf te verwachten was (" + usual + "). Toeval verklaart dat niet.",
        "De verandering (" + change + ") is niet te onderscheiden van wat vanzelf te verwachten was (" + usual + ").",
    )  # fmt: skip
    return _Judged(grade, reason, np.isfinite(rows.value + expected + low + high))


def _interviewers(rows: _Rows, thresholds: Thresholds) -> _Judged:
    many, least = thresholds["reliable_interviewers"], thresholds["minimum_interviewers"]
    number = _snap(rows.value, many, least)
    grade = _grades(number >= many, number >= least)
    rests = "De gesprekken zijn gevoerd door " + _told(number, 0, many, least)
    rests = rests + np.where(number == 1, " persoon", " mensen").astype(object)
    reason = _one(
        grade,
        rests + f"; {_limit(many)} is genoeg.",
        rests + f"; pas vanaf {_limit(many)} is te zien hoeveel dat uitmaakt.",
        np.where(
            number > 0,
            rests + f"; {_limit(least)} is het minste. Daarom is het cijfer hoogstens indicatief.",
            "Het is niet bekend wie de gesprekken voerden. Daarom is het cijfer hoogstens indicatief.",
        ),
    )
    return _Judged(grade, reason, np.isfinite(number), many, least)


def _interviewer_effect(rows: _Rows, thresholds: Thresholds) -> _Judged:
    usual, notable = thresholds["reliable_interviewer_effect"], thresholds["notable_interviewer_effect"]
    rho = _snap(rows.value, usual, notable)
    grade = _grades(rho <= usual)
    part = "Van de verschillen tussen antwoorden hangt " + _told(rho, 1, usual, notable, factor=100)
    part = part + f" % samen met wie het gesprek voerde; tot en met {_limit(usual, 100)} % is gewoon."
    reason = np.where(rho > notable, part + " Dat is reden voor een gesprek.", part)
    return _Judged(grade, reason, np.isfinite(rho), usual)


def _weights_effect(rows: _Rows, thresholds: Thresholds) -> _Judged:
    even, uneven = thresholds["reliable_weights_effect"], thresholds["publishable_weights_effect"]
    effect = _snap(rows.value, even, uneven)
    grade = _grades(effect <= even, effect <= uneven)
    times = np.where(
        np.isinf(effect),
        "De weging naar wijken komt niet uit.",
        "De weging naar wijken vraagt "
        + _told(effect, 1, even, uneven)
        + " keer zoveel gesprekken voor een even zeker cijfer; "
        f"tot en met {_limit(even)} is betrouwbaar.",
    )
    capped = f" Boven {_limit(uneven)} is het cijfer hoogstens indicatief."
    reason = _one(grade, times, times + capped)
    return _Judged(grade, reason, ~np.isnan(effect), even, uneven)


def _response_propensity(rows: _Rows, thresholds: Thresholds) -> _Judged:
    even = thresholds["reliable_propensity_cv"]
    spread = _snap(rows.value, even)
    grade = _grades(spread <= even)
    size = "De kans om mee te doen loopt tussen groepen " + _told(spread, 0, even, factor=100) + " % uiteen"
    size = size + f"; tot en met {_limit(even, 100)} % is goed."
    return _Judged(grade, _one(grade, size, size + " Het cijfer kan daardoor scheef zijn."), np.isfinite(spread), even)


def _floor_ceiling(rows: _Rows, thresholds: Thresholds) -> _Judged:
    fine, most = thresholds["reliable_floor_ceiling"], thresholds["trend_floor_ceiling"]
    share = _snap(rows.value, fine, most)
    grade = _grades(share <= fine)
    end = _told(share, 0, fine, most, factor=100) + " % gaf het laagste of het hoogste antwoord"
    end = end + f"; tot en met {_limit(fine, 100)} % is goed."
    reason = np.where(share > most, end + f" Boven {_limit(most, 100)} % zeggen we niets over een trend.", end)
    return _Judged(grade, reason, np.isfinite(share), fine)


def _fabrication_signal(rows: _Rows, thresholds: Thresholds) -> _Judged:
    number = _snap(rows.value, 0.0)
    grade = _grades(number <= 0)
    found = "Bij " + _told(number, 0) + np.where(number == 1, " team", " teams").astype(object)
    reason = _one(
        grade,
        "De gesprekken lijken niet meer op elkaar dan gewoon is.",
        found + " lijken gesprekken veel op elkaar. Dat vraagt herhaalde gesprekken; het is geen oordeel over iemand.",
    )
    return _Judged(grade, reason, np.isfinite(number), 0.0)


def _trend_points(rows: _Rows, thresholds: Thresholds) -> _Judged:
    enough = thresholds["minimum_trend_points"]
    points = _snap(rows.value, enough)
    grade = _grades(points >= enough)
    number = _told(points, 0, enough) + np.where(points == 1, " halfjaar heeft", " halfjaren hebben").astype(object)
    reason = _one(
        grade,
        number + f" een cijfer; {_limit(enough)} is genoeg voor een trend.",
        number + f" een cijfer; een trend noemen we pas vanaf {_limit(enough)}.",
    )
    return _Judged(grade, reason, np.isfinite(points), enough)


def _own_against_independent(rows: _Rows, thresholds: Thresholds) -> _Judged:
    margin = thresholds["mode_margin"]
    low, high = (_snap(bound, margin, -margin) for bound in (rows.ci_low, rows.ci_high))
    outcome = against_margin((low, high), margin)
    grade = _grades(outcome == "in_line")
    apart = (
        "Eigen team en andere partij verschillen " + _told(np.abs(rows.value), 0, margin, factor=100) + " procentpunt"
    )
    reason = np.select(
        [outcome == "in_line", outcome == "deviates"],
        [
            apart + f"; dat blijft binnen de marge van {_limit(margin, 100)}.",
            apart + f", meer dan de marge van {_limit(margin, 100)}. Dat is reden voor een gesprek.",
        ],
        apart
        + f". Of dat binnen de marge van {_limit(margin, 100)} blijft, is met zo weinig gesprekken niet te zeggen.",
    ).astype(object)
    return _Judged(grade, reason, np.isfinite(rows.value + low + high), margin)


def _funnel(rows: _Rows, thresholds: Thresholds) -> _Judged:
    inner, outer = (quantile(thresholds[code]) for code in ("funnel_confidence", "funnel_outer_confidence"))
    level = thresholds["conversation_level"]
    distance, p_value = _snap(np.abs(rows.value), inner, outer), _snap(rows.second_value, level)
    grade = _grades(distance <= inner, distance <= outer)
    far = " (afstand " + _told(distance, 1, inner, outer) + "; tot en met " + _dutch(inner, 2) + " is gewoon)."
    talk = np.where(p_value <= level, " Dat is reden voor een gesprek.", " Bij zoveel wijken kan dat toeval zijn.")
    reason = _one(
        grade,
        "Het gebied verschilt niet meer van het geheel dan door toeval te verwachten is" + far,
        "Het gebied verschilt van het geheel" + far + talk.astype(object),
        "Het gebied verschilt sterk van het geheel" + far + " Dat is reden voor een gesprek.",
    )
    return _Judged(grade, reason, np.isfinite(distance), inner, outer)


_ALL = (
    Check(
        "privacy_minimum",
        1,
        "Aantal mensen",
        "blocks",
        ("minimum_persons",),
        "not_publishable",
        rule=_privacy_minimum,
    ),
    Check(
        "effective_n",
        2,
        "Aantal waarvoor het cijfer telt",
        "blocks",
        ("reliable_effective_n", "publishable_effective_n"),
        "not_publishable",
        rule=_effective_n,
    ),
    Check(
        "share_width",
        3,
        "Onzekerheid van een aandeel",
        "blocks",
        ("reliable_share_width", "publishable_share_width", "publishable_relative_width", "negligible_width"),
        "not_publishable",
        rule=_share_width,
    ),
    Check(
        "rate_width",
        3,
        "Onzekerheid van een verhouding",
        "blocks",
        ("reliable_rate_width", "publishable_rate_width"),
        "not_publishable",
        rule=_rate_width,
    ),
    Check(
        "mean_half_width",
        4,
        "Onzekerheid van een gemiddelde",
        "blocks",
        ("reliable_mean_half_width", "publishable_mean_half_width"),
        "not_publishable",
        rule=_mean_half_width,
    ),
    Check(
        "scale_consistency",
        5,
        "Samenhang van de vragen",
        "blocks_scale",
        ("reliable_alpha", "publishable_alpha", "minimum_item_rest"),
        rule=_scale_consistency,
    ),
    Check(
        "item_nonresponse",
        6,
        "Vraag niet beantwoord",
        "blocks",
        ("reliable_item_nonresponse", "publishable_item_nonresponse"),
        rule=_item_nonresponse,
    ),
    Check(
        "delivery_integrity",
        7,
        "Fouten in de levering",
        "blocks",
        ("publishable_integrity_faults",),
        rule=_delivery_integrity,
    ),
    Check("dispositions_complete", 8, "Uitkomst van elk gesprek", "caps", (), rule=_dispositions_complete),
    Check(
        "independent_part",
        9,
        "Gesprekken door een andere partij",
        "caps",
        ("independent_share", "independent_minimum"),
        rule=_independent_part,
    ),
    Check(
        "backcheck_agreement",
        10,
        "Overeenstemming van herhaalde gesprekken",
        "blocks",
        ("reliable_backcheck", "publishable_backcheck", "minimum_backcheck_pairs"),
        rule=_backcheck_agreement,
    ),
    Check(
        "double_ratings",
        11,
        "Overeenstemming van beoordelaars",
        "blocks",
        ("reliable_rating_agreement", "publishable_rating_agreement", "minimum_double_ratings"),
        "indicative",
        rule=_double_ratings,
    ),
    Check("group_change", 13, "Verandering van de groep", "informs", ("confidence_level",), rule=_group_change),
    Check(
        "interviewers",
        14,
        "Aantal gespreksvoerders",
        "warns_or_caps",
        ("reliable_interviewers", "minimum_interviewers"),
        rule=_interviewers,
    ),
    Check(
        "interviewer_effect",
        15,
        "Invloed van de gespreksvoerder",
        "informs",
        ("reliable_interviewer_effect", "notable_interviewer_effect"),
        rule=_interviewer_effect,
    ),
    Check(
        "weights_effect",
        16,
        "Weging naar wijken",
        "warns_or_caps",
        ("reliable_weights_effect", "publishable_weights_effect"),
        rule=_weights_effect,
    ),
    Check(
        "response_propensity",
        17,
        "Kans om mee te doen",
        "warns",
        ("reliable_propensity_cv",),
        rule=_response_propensity,
    ),
    Check(
        "floor_ceiling",
        18,
        "Laagste en hoogste antwoord",
        "warns",
        ("reliable_floor_ceiling", "trend_floor_ceiling"),
        rule=_floor_ceiling,
    ),
    Check("fabrication_signal", 19, "Gelijkende gesprekken", "warns", ("fabrication_level",), rule=_fabrication_signal),
    Check("trend_points", 20, "Halfjaren met een cijfer", "informs", ("minimum_trend_points",), rule=_trend_points),
    Check(
        "own_against_independent",
        21,
        "Eigen team naast andere partij",
        "informs",
        ("mode_margin",),
        rule=_own_against_independent,
    ),
    Check(
        "funnel",
        22,
        "Gebied naast het geheel",
        "informs",
        ("funnel_confidence", "funnel_outer_confidence", "conversation_level"),
        rule=_funnel,
    ),
)
CHECKS: dict[str, Check] = {check.code: check for check in _ALL}
# Order of reasons: what can block before what can only cap, and then by number.
_IMPORTANCE = {
    check.code: place
    for place, check in enumerate(sorted(_ALL, key=lambda check: (list(EFFECTS).index(check.effect), check.number)))
}
