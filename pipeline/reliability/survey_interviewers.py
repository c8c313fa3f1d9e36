"""What interviewers and teams do to the answers of a survey, and how many independent interviews are left.

Belongs here: interviewer effects per survey and half-year from the sums per interviewer, and what they make of the
number of interviews. The correlations themselves are in ``interviewers``. Interviewers stay inside: no table that
leaves here holds one.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pipeline.reliability.arrays import quantile
from pipeline.reliability.interviewers import (
    interviewer_design_effect,
    interviewer_effect_from_sums,
    pooled_rho,
    rho_weight,
    towards_usual,
)
from pipeline.reliability.survey_rows import (
    ALL,
    INDEPENDENT,
    OWN,
    SURVEY,
    by_area,
    check_rows,
    is_independent,
    period_index,
    side_by_side,
    sums,
)

_QUESTION = [*SURVEY, "question_code"]
_ANSWERS = ["n", "answer_sum", "answer_sum_of_squares"]
_SUMS = ["interviewers", "n", "sum_of_squared_sizes", "sum_of_cubed_sizes", "sum_of_squares", "explained"]


def interviewer_effects(clusters: pd.DataFrame, thresholds: Mapping[str, float]) -> pd.DataFrame:
    """The interviewer effect of each survey and half-year, pooled over questions and the last half-years.

    A team works in its own district, so interviewers of two districts also differ in whom they visit. Only how
    interviewers differ within their district counts: all sums are taken around the mean of the district, and each
    district beyond the first costs one degree of freedom between interviewers. Interviews of the other party, and those
    that nobody took, do not count. Each question in each half-year gives one estimate; they are pooled by how much each
    says, over the questions and the last ``interviewer_effect_half_years`` half-years of the calendar, this one
    included.

    What is pooled is drawn towards the usual effect by how little it says (``interviewers.towards_usual``). The
    standard error is Smith's at the pooled effect. Questions of one interview are no independent evidence, so
    within a half-year their errors are added as if they were one; half-years are taken to be independent.

    The effect of teams compares districts, each with its own team, in the same way. It holds real differences between
    districts too, and no statistic separates them.

    Args:
        clusters: as ``int_answers__cluster``.
        thresholds: least_interviewer_effect, usual_interviewer_effect, usual_interviewer_effect_spread,
            interviewer_effect_half_years.

    Returns:
        One row per survey and half-year: consortium_code, target_group, period, rho (never below the least, the usual
        one where there is no estimate), rho_se (NaN where there is no estimate), estimates (how many were pooled),
        is_default, team_rho (from 0 to 1) and team_rho_se (NaN with fewer than two districts).
    """
    surveys = sums(clusters, SURVEY, ["n"])[SURVEY]
    own = clusters[~is_independent(clusters) & (clusters["n"] > 0)]
    by_team = sums(own, [*_QUESTION, "district_code"], _ANSWERS)
    usual, window = thresholds["usual_interviewer_effect"], int(thresholds["interviewer_effect_half_years"])
    people = _pooled(
        within_districts(own[own["interviewer_key"].notna()]),
        surveys,
        window,
        floor=thresholds["least_interviewer_effect"],
        default=usual,
        usual=usual,
    )
    drawn = towards_usual(people["rho"], people["rho_se"], usual, thresholds["usual_interviewer_effect_spread"])
    people["rho"] = np.maximum(drawn, thresholds["least_interviewer_effect"])
    teams = _pooled(between_groups(by_team), surveys, window, floor=0.0, default=np.nan, usual=usual)
    result = people.assign(is_default=people["estimates"] == 0)
    return result.assign(team_rho=teams["rho"], team_rho_se=teams["rho_se"])


def within_districts(groups: pd.DataFrame) -> pd.DataFrame:
    """Sums of squares of a question within and between interviewers, around the mean of their district.

    With D districts an analysis of variance around district means has sum(k) - D degrees of freedom between
    interviewers and sum(n) - sum(k) within them. The formulas for one district ask for k - 1 and n - k, so the sums
    pretend that D - 1 interviewers with one answer each are not there; the sums of m² and m³ are chosen so that n0 and
    Smith's measure of unevenness are the sums of those of the districts. With one district nothing changes.

    Args:
        groups: consortium_code, target_group, period, question_code, district_code and one row per interviewer of the
            district with n (above 0), answer_sum, answer_sum_of_squares.

    Returns:
        One row per survey, half-year and question, with the arguments of ``interviewer_effect_from_sums``
        (the total is 0).
    """
    m, total = groups["n"].to_numpy(float), groups["answer_sum"].to_numpy(float)
    each = groups[[*_QUESTION, "district_code"]].assign(
        interviewers=1.0,
        n=m,
        m2=m**2,
        m3=m**3,
        total=total,
        squares=groups["answer_sum_of_squares"].to_numpy(float),
        explained=total**2 / m,
    )
    per = sums(each, [*_QUESTION, "district_code"], ["interviewers", "n", "m2", "m3", "total", "squares", "explained"])
    level, share = per["total"] ** 2 / per["n"], per["m2"] / per["n"]
    per = per[_QUESTION].assign(
        districts=1.0,
        interviewers=per["interviewers"],
        n=per["n"],
        share=share,
        uneven=per["m2"] - 2 * per["m3"] / per["n"] + share**2,
        raw=per["squares"],
        sum_of_squares=per["squares"] - level,
        explained=per["explained"] - level,
    )
    numbers = ["districts", "interviewers", "n", "share", "uneven", "raw", "sum_of_squares", "explained"]
    whole = sums(per, _QUESTION, numbers)
    spent = whole["districts"] - 1
    n = whole["n"] - spent
    squares = n * (whole["share"] - spent)
    # Where every answer equals its district's mean only rounding is left.
    around = np.where(whole["sum_of_squares"] > 1e-9 * whole["raw"], whole["sum_of_squares"], 0.0)
    return whole[_QUESTION].assign(
        interviewers=whole["interviewers"] - spent,
        n=n,
        sum_of_squared_sizes=squares,
        sum_of_cubed_sizes=n / 2 * (squares + (squares / n) ** 2 - whole["uneven"]),
        sum_of_squares=around,
        explained=np.clip(whole["explained"], 0.0, around),
    )


def between_groups(groups: pd.DataFrame) -> pd.DataFrame:
    """Sums of squares of a question within and between groups, whatever these are: as ``within_districts``, in one."""
    return within_districts(groups.assign(district_code=""))


def _pooled(
    each: pd.DataFrame, surveys: pd.DataFrame, window: int, *, floor: float, default: float, usual: float
) -> pd.DataFrame:
    """Estimates per question and half-year, pooled per survey and window of half-years."""
    numbers = [each[name].to_numpy() for name in _SUMS]
    k, n, squares, cubes, spread, explained = numbers
    effect = interviewer_effect_from_sums(k, n, squares, cubes, 0.0, spread, explained)
    estimates = each[SURVEY].assign(
        index=period_index(each["period"]),
        rho=effect.rho,
        weight=rho_weight(k, n, squares, cubes, usual),
        **dict(zip(_SUMS, numbers, strict=True)),
    )
    estimates = estimates[estimates["rho"].notna()].drop(columns="period")
    wanted = surveys.assign(index=period_index(surveys["period"]))
    windows = pd.concat([estimates.assign(index=estimates["index"] + ago, ago=ago) for ago in range(window)])
    # A stable order, so that sums do not depend on the order of the rows.
    windows = windows.merge(wanted, on=["consortium_code", "target_group", "index"])
    windows = windows.sort_values([*SURVEY, "ago", *_SUMS, "rho"], ignore_index=True)
    keys, (rho, weight) = side_by_side(windows, SURVEY, ["rho", "weight"])
    found = keys.assign(
        rho=pooled_rho(rho, weight, floor=floor, default=default), estimates=(~np.isnan(rho)).sum(axis=1)
    )
    windows = windows.merge(found[[*SURVEY, "rho"]], on=SURVEY, suffixes=("_each", ""))
    error = 1 / np.sqrt(rho_weight(*(windows[name] for name in _SUMS[:4]), windows["rho"]))
    together = sums(windows.assign(error=windows["weight"] * error), [*SURVEY, "ago"], ["weight", "error"])
    together = sums(together.assign(error=together["error"] ** 2), SURVEY, ["weight", "error"])
    together["rho_se"] = np.sqrt(together["error"]) / together["weight"]
    result = surveys.merge(found, on=SURVEY, how="left").merge(together[[*SURVEY, "rho_se"]], on=SURVEY, how="left")
    result = result.assign(rho=result["rho"].fillna(default), estimates=result["estimates"].fillna(0).astype(int))
    return result[[*SURVEY, "rho", "rho_se", "estimates"]]


def interviewer_checks(effects: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """The check ``interviewer_effect``: pooled rho with its interval; n is the number of estimates."""
    reach = quantile(confidence) * effects["rho_se"]
    return check_rows(
        effects,
        "interviewer_effect",
        effects["rho"],
        ci_low=np.maximum(effects["rho"] - reach, -1.0),
        ci_high=np.minimum(effects["rho"] + reach, 1.0),
        n=effects["estimates"],
    )


def survey_designs(clusters: pd.DataFrame, effects: pd.DataFrame, areas: pd.DataFrame) -> pd.DataFrame:
    """How many interviewers worked in a survey, and by how much they make its interviews count for less.

    m is the number of interviews that an interview shares its interviewer with on average, itself included
    (sum m²/sum m): with unequal numbers that makes 1 + (m - 1) rho the exact design effect of a mean. An interview that
    nobody took stands alone.

    Args:
        clusters: as ``int_answers__cluster``.
        effects: consortium_code, target_group, period, rho.
        areas: as ``int_districts__roll_up``.

    Returns:
        One row per survey, half-year, district or municipality and team_group (all, own, independent): interviewers,
        per_interviewer and design_effect.
    """
    # Not every question is put to everybody: the one that was put most often counts interviews.
    each = clusters.groupby(
        [*SURVEY, "district_code", "is_independent", "interviewer_key"], observed=True, dropna=False, as_index=False
    )["asked"].max()
    each = by_area(each[each["asked"] > 0].astype(dict.fromkeys([*SURVEY, "district_code"], "str")), areas)
    each["taken"] = each["interviewer_key"].notna()
    grouped = [
        each.assign(team_group=ALL),
        each.assign(team_group=np.where(is_independent(each), INDEPENDENT, OWN)),
    ]
    key = [*SURVEY, "district_code", "team_group"]
    people = pd.concat(grouped, ignore_index=True)
    people = people.groupby([*key, "interviewer_key", "taken"], observed=True, dropna=False, as_index=False)[
        "asked"
    ].sum()
    m = people["asked"].to_numpy(float)
    people = people.assign(m=m, m2=np.where(people["taken"], m**2, m), interviewers=people["taken"].astype(float))
    result = sums(people, key, ["m", "m2", "interviewers"])
    result["per_interviewer"] = result["m2"] / result["m"]
    result = result.merge(effects[[*SURVEY, "rho"]], on=SURVEY, how="left")
    result["design_effect"] = interviewer_design_effect(result["per_interviewer"], result["rho"])
    return result[[*key, "interviewers", "per_interviewer", "design_effect"]]


def question_designs(clusters: pd.DataFrame, effects: pd.DataFrame) -> pd.DataFrame:
    """Design effect of the answers to each question, for own teams and other party apart, as ``survey_designs``.

    Args:
        clusters: as ``int_answers__cluster``.
        effects: consortium_code, target_group, period, rho.

    Returns:
        consortium_code, target_group, period, question_code, is_independent, design_effect.
    """
    key = [*_QUESTION, "is_independent"]
    people = clusters.groupby([*key, "interviewer_key"], observed=True, dropna=False, as_index=False)["n"].sum()
    m = people["n"].to_numpy(float)
    people = people.assign(m=m, m2=np.where(people["interviewer_key"].notna(), m**2, m))
    result = sums(people, key, ["m", "m2"])
    result = result[result["m"] > 0].merge(effects[[*SURVEY, "rho"]], on=SURVEY, how="left")
    result["design_effect"] = interviewer_design_effect(result["m2"] / result["m"], result["rho"])
    return result[[*key, "design_effect"]]
