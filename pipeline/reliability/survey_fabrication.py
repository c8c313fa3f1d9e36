"""Teams whose interviews look less like interviews than those of their peers: a reason for re-interviews, no verdict.

Belongs here: which teams of a survey and half-year have a signal, from the wide answers and the counts of odd times.
The tests are in ``fabrication``. A team is compared with the other teams of its survey, never an interviewer with
another, and outside this module only numbers and districts are known.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.reliability.comparison import benjamini_hochberg
from pipeline.reliability.fabrication import irv, long_string, more_than_peers, near_duplicates
from pipeline.reliability.survey_answers import WideAnswers
from pipeline.reliability.survey_rows import CONSORTIUM, SURVEY, check_rows, sums

# With fewer answers equal ones say nothing.
_LEAST_ANSWERS = 5
# A run of so many of ten, and a spread below which somebody hardly moved (survey_methods, 1.6).
_LONG_RUN = 8
_LITTLE_VARIATION = 0.30
_TEAM = [*SURVEY, "team"]
_TESTS = ["alike", "long_string", "little_variation", "too_short", "too_many_that_day"]


def fabrication_signals(
    wide: WideAnswers,
    times: pd.DataFrame,
    questions: pd.DataFrame,
    thresholds: Mapping[str, float],
) -> pd.DataFrame:
    """The teams of each survey and half-year, with what sets them apart from their peers.

    Five marks: interviews that are alike but for one answer; long runs of one answer (8 or more questions, or all of at
    least 5); hardly any variation (a standard deviation below .30 over at least 5 questions); interviews far shorter
    than usual; more interviews on one day than one person can do. Runs and variation are about the five-point
    questions. Days with too many interviews come in lumps of more than ``most_interviews_per_day``, so not interviews
    but such lumps are counted there. Each mark is adjusted over the teams of the survey and half-year (Benjamini and
    Hochberg 1995): in the long run at most ``fabrication_level`` of the half-years without any fabrication show a
    signal by a given mark. An interview without a team counts with its district.

    Args:
        wide: as ``survey_answers.wide_answers``.
        times: as ``int_interviews__time``.
        questions: question_code, scale_max.
        thresholds: fabrication_level, usual_interviewer_effect, most_interviews_per_day.

    Returns:
        One row per survey, half-year and team: district_code (where it has most interviews of this survey), interviews,
        an adjusted p-value per mark (NaN where it cannot be tested) and signal.
    """
    level, rho = thresholds["fabrication_level"], thresholds["usual_interviewer_effect"]
    patterns = _patterns(wide, questions, level, rho)
    clock = _clock(times, rho, thresholds["most_interviews_per_day"])
    table = patterns.merge(clock, on=_TEAM, how="outer", suffixes=("", "_timed")).sort_values(_TEAM, ignore_index=True)
    for name in ("district_code", "interviews"):
        table[name] = table[name].where(table[name].notna(), table.pop(f"{name}_timed"))
    return table.assign(signal=(table[_TESTS] <= level).any(axis=1))[
        [*_TEAM, "district_code", "interviews", *_TESTS, "signal"]
    ]


def _patterns(wide: WideAnswers, questions: pd.DataFrame, level: float, rho: float) -> pd.DataFrame:
    found = []
    five = questions.set_index("question_code")["scale_max"].reindex(wide.questions).eq(5).to_numpy()
    meta = wide.meta.assign(team=_named(wide.meta["team"], wide.meta["district_code"]).astype("category"))
    where = sums(meta.assign(interviews=1.0), [*_TEAM, "district_code"], ["interviews"])
    for key, rows in meta.groupby(SURVEY, observed=True).indices.items():
        answers = wide.answers[rows]
        asked = (answers > 0).any(axis=0)
        if asked.sum() < _LEAST_ANSWERS:
            continue
        team = meta["team"].iloc[rows].astype("str").to_numpy()
        likeness = near_duplicates(_gaps(answers[:, asked]), team, level=level).set_index("team")
        marks = _marks(answers[:, asked & five])
        per = pd.DataFrame({"team": team, **marks, "n": 1.0}).groupby("team").sum()
        per = per.reindex(likeness.index)
        adjusted = {name: benjamini_hochberg(more_than_peers(per[name], per["n"], rho=rho)) for name in marks}
        found.append(
            pd.DataFrame({"team": likeness.index, "alike": likeness["p_adjusted"].to_numpy(), **adjusted}).assign(
                **dict(zip(SURVEY, key, strict=True)), interviews=likeness["interviews"].to_numpy(float)
            )
        )
    columns = [*_TEAM, "interviews", *_TESTS[:3]]
    patterns = pd.concat(found)[columns] if found else pd.DataFrame(columns=columns)
    return patterns.merge(_largest(where, _TEAM), on=_TEAM)


def _marks(answers: NDArray[np.int8]) -> dict[str, NDArray[np.float64]]:
    """Which interviews have a long run or hardly any variation, 1 or 0."""
    values = _gaps(answers)
    given = (answers > 0).sum(axis=1)
    enough = given >= _LEAST_ANSWERS
    lowest = np.where(answers > 0, answers, np.int8(127)).min(axis=1, initial=127)
    all_equal = enough & (lowest == answers.max(axis=1, initial=0))
    return {
        "long_string": (all_equal | (long_string(values) >= _LONG_RUN)).astype(float),
        "little_variation": (enough & (irv(values) < _LITTLE_VARIATION)).astype(float),
    }


def _clock(times: pd.DataFrame, rho: float, most_per_day: float) -> pd.DataFrame:
    each = times.assign(team=_named(times["team"], times["district_code"]))
    per = sums(each, _TEAM, ["interviews", "timed", "too_short", "too_many_that_day"])
    lump = most_per_day + 1
    per["days"], per["long_days"] = np.ceil(per["interviews"] / lump), np.floor(per["too_many_that_day"] / lump)
    found = []
    for _, survey in per.groupby(SURVEY):
        found.append(
            survey[[*_TEAM, "interviews"]].assign(
                too_short=benjamini_hochberg(more_than_peers(survey["too_short"], survey["timed"], rho=rho)),
                too_many_that_day=benjamini_hochberg(more_than_peers(survey["long_days"], survey["days"], rho=rho)),
            )
        )
    columns = [*_TEAM, "interviews", *_TESTS[3:]]
    clock = pd.concat(found)[columns] if found else pd.DataFrame(columns=columns)
    home = sums(each, [*_TEAM, "district_code"], ["interviews"])
    return clock.merge(_largest(home, _TEAM), on=_TEAM)


def _named(team: pd.Series, district: pd.Series) -> pd.Series:
    """The team, or the district where no team is named: each team works in its own."""
    names, districts = team.astype("str"), district.astype("str")
    return names.where(names.fillna("") != "", districts)


def _largest(each: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """Per key the district with most interviews; of several the first by code."""
    order = each.sort_values([*key, "interviews", "district_code"], ascending=[True] * len(key) + [False, True])
    return order.drop_duplicates(key)[[*key, "district_code"]]


def _gaps(answers: NDArray[np.int8]) -> NDArray[np.float64]:
    return np.where(answers > 0, answers, np.nan).astype(float)


def signals_per_consortium(signals: pd.DataFrame) -> pd.DataFrame:
    """Number of teams with a signal per consortium and half-year: consortium_code, period, teams_with_signal."""
    per = signals.groupby([*CONSORTIUM, "team"])["signal"].any().reset_index()
    return sums(per, CONSORTIUM, ["signal"]).rename(columns={"signal": "teams_with_signal"})


def fabrication_checks(signals: pd.DataFrame, surveys: pd.DataFrame) -> pd.DataFrame:
    """The check ``fabrication_signal``.

    Args:
        signals: as ``fabrication_signals``.
        surveys: consortium_code, target_group, period of the surveys to give them to.

    Returns:
        Measurements: the consortium's number of teams with a signal in any of its surveys (n is its number of teams),
        and 1 or 0 for each district where a team has most of its interviews, repeated for each of the consortium's
        surveys.
    """
    teams = signals.groupby([*CONSORTIUM, "team"])["signal"].any().reset_index().assign(teams=1.0)
    whole = surveys[SURVEY].merge(sums(teams, CONSORTIUM, ["signal", "teams"]), on=CONSORTIUM)
    where = sums(signals, [*CONSORTIUM, "team", "district_code"], ["interviews"])
    home = _largest(where, [*CONSORTIUM, "team"]).merge(teams, on=[*CONSORTIUM, "team"])
    districts = home.groupby([*CONSORTIUM, "district_code"])["signal"].max().reset_index()
    per = surveys[SURVEY].merge(districts, on=CONSORTIUM)
    return pd.concat(
        [
            check_rows(whole, "fabrication_signal", whole["signal"], n=whole["teams"]),
            check_rows(per, "fabrication_signal", per["signal"]),
        ],
        ignore_index=True,
    )
