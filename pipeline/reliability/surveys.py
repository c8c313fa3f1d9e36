"""The reliability of surveys, in tables: what was measured of each, and one row per survey and half-year.

Belongs here: putting together what the modules ``survey_*`` compute, from the sums that dbt made and the wide answers.
Does not belong here: a statistic, or how a measurement is judged (``judgement``).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pipeline.reliability.arrays import ratio
from pipeline.reliability.judgement import judge, verdicts
from pipeline.reliability.survey_answers import WideAnswers
from pipeline.reliability.survey_fabrication import fabrication_checks, fabrication_signals
from pipeline.reliability.survey_interviewers import (
    interviewer_checks,
    interviewer_effects,
    question_designs,
    survey_designs,
)
from pipeline.reliability.survey_items import item_checks, nonresponse, omegas, scale_checks, scales
from pipeline.reliability.survey_response import propensities, response_by_area, response_checks
from pipeline.reliability.survey_rows import (
    ALL,
    CHECK_KEY,
    INDEPENDENT,
    OWN,
    SURVEY,
    check_rows,
    compact,
    is_municipality,
)
from pipeline.reliability.survey_sources import backcheck_checks, backchecks, source_checks, source_differences
from pipeline.reliability.thresholds import Thresholds

FRAMES = (
    "int_interviews__count",
    "int_interviews__time",
    "int_answers__cluster",
    "int_answers__distribution",
    "int_answers__scale",
    "int_rechecks__count",
    "int_clients__count",
    "int_districts__roll_up",
    "questions",
    "delivered_rows",
)
SURVEY_KEY = ["survey_code", "team_group", "district_code", "period"]
_WHOLE = [
    "r_indicator",
    "propensity_cv",
    "items",
    "scale_n",
    "alpha",
    "alpha_low",
    "alpha_high",
    "omega",
    "lowest_item_rest",
    "recheck_pairs",
    "backcheck_agreement",
    "backcheck_low",
    "backcheck_high",
    "mean_difference",
    "mean_difference_low",
    "mean_difference_high",
    "negative_difference",
    "negative_difference_low",
    "negative_difference_high",
    "source_outcome",
    "teams_with_signal",
]
_COUNTS = [
    "drawn",
    "completed",
    "items",
    "scale_n",
    "interviewers",
    "independent_interviews",
    "recheck_pairs",
    "teams_with_signal",
]
_COLUMNS = [
    "survey_code",
    "consortium_code",
    "target_group",
    "team_group",
    "district_code",
    "period",
    "drawn",
    "completed",
    *(f"response_rate_{number}" for number in range(1, 7)),
    "cooperation_rate",
    "refusal_rate",
    "item_nonresponse",
    *_WHOLE[:9],
    "interviewers",
    "rho",
    "rho_se",
    "design_effect",
    "n_eff",
    "independent_share",
    "independent_interviews",
    *_WHOLE[9:],
    "verdict",
    "reason",
]
_ROW = [*SURVEY, "district_code", "team_group"]
# What a district has of its own stands there in the place of the survey's.
_PER_DISTRICT = ("item_nonresponse", "fabrication_signal")


def survey_tables(
    frames: Mapping[str, pd.DataFrame], wide: WideAnswers, thresholds: Thresholds
) -> dict[str, pd.DataFrame]:
    """All statistics of all surveys.

    Args:
        frames: the tables of ``FRAMES``: dbt's models of these names, ``questions`` (the seed) and ``delivered_rows``
            (consortium_code, period, table_name, rows_received, rows_refused, rows_unsound of each delivery that
            counts).
        wide: as ``survey_answers.wide_answers``.
        thresholds: that hold on the day of judging.

    Returns:
        ``interviewer_effect``: per survey and half-year, see ``survey_interviewers.interviewer_effects``.
        ``survey_check``: measurements, columns ``survey_rows.CHECK_COLUMNS``; question_code or district_code '' stands
        for all.
        ``source_difference``: own teams against another party per question, see
        ``survey_sources.source_differences``.
        ``survey``: one row per survey, half-year and team_group for the municipality, and per district for all
        interviews together; what is not measured at that level is NULL. rho is that of the own teams' interviewers.
        Differences are own minus independent; that of means in parts of a scale's range. The verdict is the worst that
        the checks of the survey allow, with the number of independent interviews (n_eff) it rests on; for a district
        without that number, which each of its figures is judged on by itself.
    """
    counts, clusters, areas = (
        frames[name] for name in ("int_interviews__count", "int_answers__cluster", "int_districts__roll_up")
    )
    clusters = compact(clusters, [*SURVEY, "question_code", "district_code", "interviewer_key"])
    questions, confidence = frames["questions"], thresholds["confidence_level"]
    minimum = thresholds["minimum_persons"]
    effects = interviewer_effects(clusters, thresholds)
    scale = scales(frames["int_answers__scale"], confidence)
    agreement = backchecks(frames["int_rechecks__count"], questions, confidence)
    designs = question_designs(clusters, effects)
    differences = source_differences(frames["int_answers__distribution"], questions, designs, thresholds)
    signals = fabrication_signals(wide, frames["int_interviews__time"], questions, thresholds)
    surveys = counts[SURVEY].drop_duplicates().sort_values(SURVEY, ignore_index=True)
    fabrication = fabrication_checks(signals, surveys)
    checks = pd.concat(
        [
            scale_checks(scale),
            item_checks(clusters, areas),
            response_checks(
                counts,
                frames["int_interviews__time"],
                frames["delivered_rows"],
                frames["int_clients__count"],
                minimum,
            ),
            backcheck_checks(agreement),
            interviewer_checks(effects, confidence),
            fabrication,
            source_checks(differences),
        ],
        ignore_index=True,
    ).sort_values(CHECK_KEY, ignore_index=True)

    rows = _rows(counts, areas, minimum)
    rows = rows.merge(nonresponse(clusters, areas)[[*_ROW, "item_nonresponse"]], on=_ROW, how="left")
    rows = rows.merge(survey_designs(clusters, effects, areas).drop(columns="per_interviewer"), on=_ROW, how="left")
    rows = rows.merge(effects[[*SURVEY, "rho", "rho_se"]], on=SURVEY, how="left")
    of_own = is_municipality(rows) & (rows["team_group"] != INDEPENDENT)
    rows[["rho", "rho_se"]] = rows[["rho", "rho_se"]].where(of_own, axis=0)
    rows["n_eff"] = rows["completed"] / rows["design_effect"]

    of_survey = {
        "propensity": propensities(counts, minimum).drop(columns="drawn"),
        "scale": scale,
        "omega": omegas(wide, frames["int_answers__scale"]),
        "agreement": _of_survey(agreement).rename(
            columns={
                "pairs": "recheck_pairs",
                "agreement": "backcheck_agreement",
                "agreement_low": "backcheck_low",
                "agreement_high": "backcheck_high",
            }
        ),
        "differences": _of_survey(differences).rename(columns={"outcome": "source_outcome"}),
        "signals": _of_survey(fabrication[fabrication["district_code"] == ""]).rename(
            columns={"value": "teams_with_signal"}
        ),
    }
    whole = surveys
    for table in of_survey.values():
        columns = [name for name in table if name in _WHOLE]
        whole = whole.merge(table[[*SURVEY, *columns]], on=SURVEY, how="left")
    whole = whole.assign(team_group=ALL)
    rows = _beside(rows, whole)
    rows = rows.merge(_verdicts(rows, checks, thresholds), on=_ROW, how="left")
    rows["survey_code"] = rows["consortium_code"] + "_" + rows["target_group"]
    survey = rows[_COLUMNS].astype(dict.fromkeys(_COUNTS, "Int64")).sort_values(SURVEY_KEY, ignore_index=True)
    return {
        "interviewer_effect": effects,
        "survey_check": checks,
        "source_difference": differences,
        "survey": survey,
    }


def _rows(counts: pd.DataFrame, areas: pd.DataFrame, minimum_persons: float) -> pd.DataFrame:
    """The rows of the survey table, with what the counts of interviews tell."""
    response = response_by_area(counts, areas, minimum_persons)
    number = response["completed_independent"] + response["rechecks_completed"]
    together = response.assign(
        team_group=ALL,
        independent_share=ratio(number, response["completed"]),
        independent_interviews=number,
    )
    municipality = response.loc[is_municipality(response), [*SURVEY, "district_code"]]
    completed, independent = (response.loc[municipality.index, name] for name in ("completed", "completed_independent"))
    # To which party somebody who did not take part would have spoken is not delivered, so no rates per party.
    parties = [
        municipality.assign(team_group=OWN, completed=completed - independent),
        municipality.assign(team_group=INDEPENDENT, completed=independent),
    ]
    return pd.concat([together, *parties], ignore_index=True)


def _of_survey(table: pd.DataFrame) -> pd.DataFrame:
    """The rows about all questions together."""
    return table[table["question_code"] == ""]


def _beside(rows: pd.DataFrame, whole: pd.DataFrame) -> pd.DataFrame:
    """What is known of a survey as a whole, beside its row for the municipality."""
    rows = rows.merge(whole, on=[*SURVEY, "team_group"], how="left")
    numbers = [name for name in _WHOLE if name != "source_outcome"]
    of_district = ~is_municipality(rows)
    rows.loc[of_district, numbers] = np.nan
    rows["source_outcome"] = rows["source_outcome"].where(~of_district).astype("str")
    return rows


def _verdicts(rows: pd.DataFrame, checks: pd.DataFrame, thresholds: Thresholds) -> pd.DataFrame:
    """Verdict and reason of each row of the survey table."""
    general = checks[(checks["question_code"] == "") & (checks["district_code"] == "")].drop(columns="district_code")
    local = checks[(checks["question_code"] == "") & (checks["district_code"] != "")].assign(team_group=ALL)
    keys = rows[_ROW]
    is_whole = is_municipality(keys)
    measured = [
        keys[is_whole].merge(general, on=SURVEY),
        keys[~is_whole].merge(general[~general["check_code"].isin(_PER_DISTRICT)], on=SURVEY),
        keys[~is_whole].merge(local, on=_ROW),
        # An interview without answers counts for nothing.
        check_rows(rows[is_whole], "effective_n", rows.loc[is_whole, "n_eff"].fillna(0.0)).assign(
            team_group=rows.loc[is_whole, "team_group"].to_numpy()
        ),
    ]
    judged = judge(pd.concat(measured, ignore_index=True).assign(scale_range=np.nan), thresholds)
    return verdicts(judged, _ROW)[[*_ROW, "verdict", "reason_nl"]].rename(columns={"reason_nl": "reason"})
