"""Who answered a survey: response, representation, the independent part, and what was wrong with its delivery.

Belongs here: per survey, half-year and district, from counts of interviews. Formulas are in ``response``.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.reliability.arrays import ratio
from pipeline.reliability.interviewers import weights_design_effect
from pipeline.reliability.response import representativity, response_rates
from pipeline.reliability.survey_rows import CONSORTIUM, SURVEY, by_area, check_rows, side_by_side, sums

_COUNTS = [
    "drawn",
    "completed",
    "partial",
    "refused",
    "not_contacted",
    "other",
    "completed_independent",
    "rechecks_completed",
]
_RATES = {
    "rr1": "response_rate_1",
    "rr2": "response_rate_2",
    "rr3": "response_rate_3",
    "rr4": "response_rate_4",
    "rr5": "response_rate_5",
    "rr6": "response_rate_6",
    "coop1": "cooperation_rate",
    "ref1": "refusal_rate",
}
# The tables in which a survey is delivered, and those that hold a client register.
_SURVEY_TABLES = ("gesprekken", "antwoorden")
_OF_CLIENTS = "client"


def response_by_area(counts: pd.DataFrame, areas: pd.DataFrame, minimum_persons: float) -> pd.DataFrame:
    """Counts and AAPOR rates of each survey and half-year, per district and for the municipality.

    The contract knows no outcome "unknown whether there is somebody to ask", so RR3 and RR5 equal RR1. A survey that
    tells nothing of people who did not take part has no rates: they would all be 100 %.

    Args:
        counts: as ``int_interviews__count``.
        areas: as ``int_districts__roll_up``.
        minimum_persons: as ``dispositions_complete``.

    Returns:
        consortium_code, target_group, period, district_code, the counts, response_rate_1 to response_rate_6,
        cooperation_rate, refusal_rate.
    """
    complete = dispositions_complete(counts, minimum_persons)
    table = sums(by_area(counts, areas), [*SURVEY, "district_code"], _COUNTS).merge(complete, on=SURVEY)
    rates = response_rates(*(table[name] for name in ("completed", "partial", "refused", "not_contacted", "other")))
    known = table["dispositions_complete"].to_numpy(bool)
    rates = {name: np.where(known, getattr(rates, code), np.nan) for code, name in _RATES.items()}
    return table.drop(columns="dispositions_complete").assign(**rates)


def dispositions_complete(counts: pd.DataFrame, minimum_persons: float) -> pd.DataFrame:
    """Whether a survey tells what became of everybody who was drawn, or only of those who took part.

    Nobody reaches all and is refused by none: where at least ``minimum_persons`` were drawn a refusal, a person who was
    not reached or another reason must occur. Among fewer, an interview that was broken off will do.

    Args:
        counts: as ``int_interviews__count``.
        minimum_persons: below this number drawn, less is asked.

    Returns:
        consortium_code, target_group, period, dispositions_complete.
    """
    table = sums(counts, SURVEY, _COUNTS)
    without = table["refused"] + table["not_contacted"] + table["other"]
    few = table["drawn"] < minimum_persons
    complete = np.where(few, table["drawn"] > table["completed"], without > 0).astype(bool)
    return table[SURVEY].assign(dispositions_complete=complete)


def propensities(counts: pd.DataFrame, minimum_persons: float) -> pd.DataFrame:
    """R-indicator and variation of response propensities over districts, of surveys whose dispositions are complete.

    Args:
        counts: as ``int_interviews__count``.
        minimum_persons: as ``dispositions_complete``.

    Returns:
        consortium_code, target_group, period, drawn, r_indicator, propensity_cv; NaN with one district.
    """
    per = sums(counts, [*SURVEY, "district_code"], ["completed", "drawn"])
    keys, (completed, drawn) = side_by_side(per, SURVEY, ["completed", "drawn"])
    found = representativity(np.nan_to_num(completed), np.nan_to_num(drawn))
    table = keys.assign(drawn=np.nansum(drawn, axis=1)).merge(dispositions_complete(counts, minimum_persons), on=SURVEY)
    known = table.pop("dispositions_complete").to_numpy(bool)
    return table.assign(
        r_indicator=np.where(known, found.r_indicator, np.nan), propensity_cv=np.where(known, found.variation, np.nan)
    )


def independent_parts(counts: pd.DataFrame) -> pd.DataFrame:
    """Interviews that another party took or repeated, as a number and as a share of the completed ones.

    A re-interview counts as one; the interview that it repeats is in the denominator.

    Args:
        counts: as ``int_interviews__count``.

    Returns:
        One row per survey and half-year, with the figures of all surveys of its consortium together:
        independent_share, independent_interviews, completed.
    """
    table = sums(counts, SURVEY, ["completed", "completed_independent", "rechecks_completed"])
    table["number"] = table["completed_independent"] + table["rechecks_completed"]
    whole = table.groupby(CONSORTIUM)[["number", "completed"]].transform("sum")
    return table[SURVEY].assign(
        independent_share=ratio(whole["number"], whole["completed"]),
        independent_interviews=whole["number"],
        completed=whole["completed"],
    )


def integrity(times: pd.DataFrame, delivered: pd.DataFrame) -> pd.DataFrame:
    """The part of a consortium's survey rows that is unsound or cannot have happened.

    (unsound rows of gesprekken and antwoorden + interviews with a hard fault in their times) / rows received. Faults
    are taken over all surveys of the consortium: it is one delivery. Where the unsound rows are not known (NaN),
    because the delivery was judged before they were counted, all refused rows stand in for them.

    Args:
        times: as ``int_interviews__time``.
        delivered: consortium_code, period, table_name, rows_received, rows_refused, rows_unsound, of the delivery
            that counts.

    Returns:
        consortium_code, period, rows_received, rows_unsound, hard_faults, fault_share; only for deliveries with rows.
    """
    tables = delivered[delivered["table_name"].isin(_SURVEY_TABLES)]
    tables = tables.assign(rows_unsound=tables["rows_unsound"].fillna(tables["rows_refused"]))
    received = sums(tables, CONSORTIUM, ["rows_received", "rows_unsound"])
    result = received.merge(sums(times, CONSORTIUM, ["hard_faults"]), on=CONSORTIUM, how="left")
    result["hard_faults"] = result["hard_faults"].fillna(0.0)
    result["fault_share"] = ratio(result["rows_unsound"] + result["hard_faults"], result["rows_received"])
    return result


def weights_effects(counts: pd.DataFrame, clients: pd.DataFrame) -> pd.DataFrame:
    """What it would cost to weight the districts of a client survey to the client register: Kish's design effect.

    Each interview of district h weighs N_h/n_h, its clients over its interviews.

    Args:
        counts: as ``int_interviews__count``.
        clients: as ``int_clients__count``.

    Returns:
        consortium_code, target_group, period, completed, weights_effect; only client surveys of consortia with a
        register.
    """
    per = sums(counts[counts["target_group"] == _OF_CLIENTS], [*SURVEY, "district_code"], ["completed"])
    per = per.merge(clients, on=["consortium_code", "district_code", "period"])
    # A district without interviews cannot be weighted, one without clients has nobody to stand for.
    per = per[(per["completed"] > 0) & (per["clients"] > 0)]
    per["squares"] = per["clients"].astype(float) ** 2 / per["completed"]
    table = sums(per, SURVEY, ["completed", "clients", "squares"])
    return table[[*SURVEY, "completed"]].assign(
        weights_effect=weights_design_effect(table["completed"], table["clients"], table["squares"])
    )


def response_checks(
    counts: pd.DataFrame,
    times: pd.DataFrame,
    delivered: pd.DataFrame,
    clients: pd.DataFrame,
    minimum_persons: float,
) -> pd.DataFrame:
    """The checks ``delivery_integrity``, ``dispositions_complete``, ``independent_part``, ``weights_effect`` and
    ``response_propensity``.

    Args:
        counts: as ``int_interviews__count``.
        times: as ``int_interviews__time``.
        delivered: as ``integrity``.
        clients: as ``int_clients__count``.
        minimum_persons: as ``dispositions_complete``.

    Returns:
        Measurements. Delivery and independent part are the consortium's, repeated for each of its surveys;
        second_value is the part of hard time faults, the number of independent interviews, the R-indicator.
    """
    complete = dispositions_complete(counts, minimum_persons)
    whole = complete[SURVEY].merge(integrity(times, delivered), on=CONSORTIUM)
    parts, weights, propensity = (
        independent_parts(counts),
        weights_effects(counts, clients),
        propensities(counts, minimum_persons),
    )
    drawn = sums(counts, SURVEY, ["drawn"])["drawn"]
    return pd.concat(
        [
            check_rows(
                whole,
                "delivery_integrity",
                whole["fault_share"],
                second_value=ratio(whole["hard_faults"], whole["rows_received"]),
                n=whole["rows_received"],
            ),
            check_rows(complete, "dispositions_complete", complete["dispositions_complete"], n=drawn),
            check_rows(
                parts,
                "independent_part",
                parts["independent_share"].fillna(0.0),
                second_value=parts["independent_interviews"],
                n=parts["completed"],
            ),
            check_rows(weights, "weights_effect", weights["weights_effect"], n=weights["completed"]),
            check_rows(
                propensity,
                "response_propensity",
                propensity["propensity_cv"],
                second_value=propensity["r_indicator"],
                n=propensity["drawn"],
            ),
        ],
        ignore_index=True,
    )
