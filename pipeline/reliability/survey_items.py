"""The questions of a survey: whether they form a scale, who left them open, whether answers pile up at an end.

Belongs here: per survey and half-year from sums per question. Formulas are in ``consistency`` and ``response``.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.reliability.arrays import ratio
from pipeline.reliability.consistency import cronbach_alpha_from_sums, feldt_interval, omega_total
from pipeline.reliability.response import item_nonresponse
from pipeline.reliability.survey_answers import WideAnswers
from pipeline.reliability.survey_rows import (
    ALL,
    INDEPENDENT,
    OWN,
    SURVEY,
    by_area,
    check_rows,
    is_independent,
    is_municipality,
    sums,
)


def scales(items: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Alpha of each survey's five-point questions with Feldt's interval, and the weakest item.

    Args:
        items: as ``int_answers__scale``.
        confidence: between 0 and 1.

    Returns:
        consortium_code, target_group, period, items, scale_n, alpha, alpha_low, alpha_high, lowest_item_rest.

    Raises:
        ValueError: when the rows of a survey are not as many as its items.
    """
    each = items.groupby(SURVEY, observed=True).agg(
        rows=("question_code", "size"),
        items=("items", "max"),
        scale_n=("n", "max"),
        variances=("item_variance", "sum"),
        total_variance=("total_variance", "max"),
        lowest_item_rest=("item_rest_correlation", "min"),
    )
    table = each.astype(float).reset_index()
    if (table["rows"] != table["items"]).any():
        raise ValueError("a scale has another number of items than rows")
    alpha = cronbach_alpha_from_sums(table["items"], table["variances"], table["total_variance"])
    low, high = feldt_interval(alpha, table["scale_n"], table["items"], confidence)
    return table[[*SURVEY, "items", "scale_n"]].assign(
        alpha=alpha, alpha_low=low, alpha_high=high, lowest_item_rest=table["lowest_item_rest"]
    )


def scale_checks(scale: pd.DataFrame) -> pd.DataFrame:
    """The check ``scale_consistency``: Feldt's lower bound, and beside it the lowest item-rest correlation."""
    return check_rows(
        scale,
        "scale_consistency",
        scale["alpha_low"],
        second_value=scale["lowest_item_rest"],
        ci_low=scale["alpha_low"],
        ci_high=scale["alpha_high"],
        n=scale["scale_n"],
    )


def nonresponse(clusters: pd.DataFrame, areas: pd.DataFrame) -> pd.DataFrame:
    """How many of the questions put to people stayed without an answer, "no opinion" among them.

    Args:
        clusters: as ``int_answers__cluster``.
        areas: as ``int_districts__roll_up``.

    Returns:
        One row per survey, half-year, district or municipality and team_group, over all questions together: asked, n
        (answered), item_nonresponse.
    """
    each = by_area(sums(clusters, [*SURVEY, "district_code", "is_independent"], ["asked", "n"]), areas)
    grouped = pd.concat(
        [
            each.assign(team_group=ALL),
            each.assign(team_group=np.where(is_independent(each), INDEPENDENT, OWN)),
        ],
        ignore_index=True,
    )
    table = sums(grouped, [*SURVEY, "district_code", "team_group"], ["asked", "n"])
    return table.assign(item_nonresponse=item_nonresponse(table["asked"], table["n"]))


def item_checks(clusters: pd.DataFrame, areas: pd.DataFrame) -> pd.DataFrame:
    """The checks ``item_nonresponse`` and ``floor_ceiling``.

    Args:
        clusters: as ``int_answers__cluster``.
        areas: as ``int_districts__roll_up``.

    Returns:
        Measurements per question, for each district and for the municipality: the part of those asked who gave no
        answer; the larger of the shares of answers at either end of the scale, with the smaller one as second_value.
        Item non-response also over all questions: per district, and for the survey as a whole.
    """
    key, numbers = [*SURVEY, "question_code", "district_code"], ["asked", "n", "lowest", "highest"]
    per = sums(by_area(sums(clusters, key, numbers), areas), key, numbers)
    ends = [ratio(per[name], per["n"]) for name in ("lowest", "highest")]
    together = sums(per, [*SURVEY, "district_code"], ["asked", "n"])
    whole = together[is_municipality(together)].drop(columns="district_code")
    missing = [
        check_rows(table, "item_nonresponse", item_nonresponse(table["asked"], table["n"]), n=table["asked"])
        for table in (per, together[~is_municipality(together)], whole)
    ]
    piled = check_rows(per, "floor_ceiling", np.maximum(*ends), second_value=np.minimum(*ends), n=per["n"])
    return pd.concat([*missing, piled], ignore_index=True)


def omegas(wide: WideAnswers, items: pd.DataFrame) -> pd.DataFrame:
    """McDonald's omega of each survey's scale, over the people who answered all its questions.

    Args:
        wide: as ``survey_answers.wide_answers``.
        items: as ``int_answers__scale``; says which questions form the scale.

    Returns:
        consortium_code, target_group, period, omega; NaN where there is no proper solution.
    """
    place = {code: number for number, code in enumerate(wide.questions)}
    rows_of = wide.meta.groupby(SURVEY, observed=True).indices
    found = []
    for key, codes in items.groupby(SURVEY, observed=True)["question_code"]:
        answers = wide.answers[rows_of.get(key, [])][:, sorted(place[code] for code in codes)]
        complete = answers[(answers > 0).all(axis=1)]
        found.append([*key, omega_total(complete)])
    return pd.DataFrame(found, columns=[*SURVEY, "omega"]).astype({"omega": float})
