"""The tables that this room hands on: their columns, types and meaning, and how they are written.

Belongs here: the shape of schema ``reliability`` in the warehouse. Does not belong here: what is in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from pipeline.warehouse.connection import replace_table

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = "reliability"
_TEXT, _NUMBER, _WHOLE, _YES_NO = "varchar", "double", "bigint", "boolean"
_DECIMALS = 9
_CELL = dict.fromkeys(("consortium_code", "indicator_code", "district_code", "period", "pooled_over"), _TEXT)
_MEASUREMENT = dict.fromkeys(("value", "second_value", "ci_low", "ci_high", "n", "n_eff", "scale_range"), _NUMBER)


def _columns(*, texts: str = "", wholes: str = "", numbers: str = "") -> dict[str, str]:
    """Columns by their types, in this order."""
    return {
        **dict.fromkeys(texts.split(), _TEXT),
        **dict.fromkeys(wholes.split(), _WHOLE),
        **dict.fromkeys(numbers.split(), _NUMBER),
    }


@dataclass(frozen=True)
class Table:
    """A table of this room.

    Attributes:
        name: in schema ``reliability``.
        description: one row per what, and what for; becomes the asset's description and the table's comment.
        columns: type per column.
    """

    name: str
    description: str
    columns: Mapping[str, str]


NEIGHBOUR = Table(
    "neighbour",
    "Districts that share a boundary, both ways: what the pooling ladder takes together.",
    {"district_code": _TEXT, "neighbour_code": _TEXT, "shared_boundary": _NUMBER},
)
SURVEY = Table(
    "survey",
    "Per survey, group of teams, district and half-year: response, consistency, interviewers, back-checks, verdict.",
    _columns(
        texts="survey_code consortium_code target_group team_group district_code period",
        wholes="drawn completed",
        numbers="response_rate_1 response_rate_2 response_rate_3 response_rate_4 response_rate_5 response_rate_6 "
        "cooperation_rate refusal_rate item_nonresponse r_indicator propensity_cv",
    )
    | _columns(wholes="items scale_n", numbers="alpha alpha_low alpha_high omega lowest_item_rest")
    | _columns(wholes="interviewers", numbers="rho rho_se design_effect n_eff independent_share")
    | _columns(
        wholes="independent_interviews recheck_pairs",
        numbers="backcheck_agreement backcheck_low backcheck_high mean_difference mean_difference_low "
        "mean_difference_high negative_difference negative_difference_low negative_difference_high",
    )
    | _columns(texts="source_outcome")
    | _columns(wholes="teams_with_signal")
    | _columns(texts="verdict reason"),
)
SURVEY_CHECK = Table(
    "survey_check",
    "Measurements of whole surveys and questions; every cell that rests on them is judged by them.",
    {
        **dict.fromkeys(
            ("consortium_code", "target_group", "period", "question_code", "district_code", "check_code"), _TEXT
        ),
        **{name: kind for name, kind in _MEASUREMENT.items() if name != "scale_range"},
    },
)
INTERVIEWER_EFFECT = Table(
    "interviewer_effect",
    "Per survey and half-year: how alike answers to one interviewer are, pooled over questions and half-years.",
    _columns(texts="consortium_code target_group period", numbers="rho rho_se", wholes="estimates")
    | {"is_default": _YES_NO},
)
RATING_AGREEMENT = Table(
    "rating_agreement",
    "Agreement of second ratings per instrument, edition, scale and half-year.",
    _columns(
        texts="consortium_code instrument edition scale_code period",
        wholes="pairs",
        numbers="half_year_kappa half_year_ac2 half_year_ac2_low half_year_ac2_high",
    )
    | _columns(wholes="pairs_pooled", numbers="exact within_one kappa ac2 ac2_low ac2_high alpha icc reliability")
    | _columns(texts="reliability_source"),
)
RATING_CHECK = Table(
    "rating_check",
    "Measurements of ratings and of change, per cell.",
    {name: kind for name, kind in _CELL.items() if name != "pooled_over"}
    | {"check_code": _TEXT}
    | {name: kind for name, kind in _MEASUREMENT.items() if name != "scale_range"},
)
DOMAIN_CHANGE = Table(
    "domain_change",
    "Mean change per life domain, area and half-year, beside what would be expected if nobody really changed.",
    _columns(
        texts="consortium_code instrument life_domain_code district_code period",
        wholes="n",
        numbers="mean_start mean_change change_low change_high expected_change detectable_change "
        "detectable_group_change improved_share expected_improved_share worsened_share expected_worsened_share "
        "floor_share ceiling_share",
    )
    | _columns(texts="word word_nl"),
)
INDICATOR_CHANGE = Table(
    "indicator_change",
    "The same for the indicators of improvement: the share beside the share expected without real change.",
    _columns(
        texts="consortium_code indicator_code district_code period",
        wholes="n persons",
        numbers="share share_low share_high expected_share",
    )
    | _columns(wholes="pairs", numbers="mean_change expected_change excess_low excess_high")
    | _columns(texts="word word_nl"),
)
CELL_INTERVAL = Table(
    "cell_interval",
    "Interval and effective number of every cell and pooled cell: Wilson for shares, Student's t for means, Byar for "
    "rates and ratios. pooled_over is empty for a cell itself.",
    _CELL | dict.fromkeys(("n_eff", "design_effect", "ci_low", "ci_high"), _NUMBER) | {"method": _TEXT},
)
POOLED_CELL = Table(
    "pooled_cell",
    "Sums of every step of the pooling ladder, up to the first that may be shown.",
    _CELL
    | {"n": _WHOLE, "numerator": _WHOLE, "value": _NUMBER, "persons": _WHOLE, "sum_of_squares": _WHOLE}
    | {"members": _WHOLE},
)
POOLED_MEMBER = Table(
    "pooled_member",
    "The cells that each pooled cell adds up.",
    _CELL | dict.fromkeys(("member_indicator", "member_district", "member_period"), _TEXT),
)
CHECK = Table(
    "check",
    "One row per check and cell: what was measured, the thresholds, and what follows.",
    _CELL
    | {"check_code": _TEXT}
    | _MEASUREMENT
    | dict.fromkeys(("grade", "counts_as"), _TEXT)
    | dict.fromkeys(("threshold_reliable", "threshold_indicative"), _NUMBER)
    | dict.fromkeys(("threshold_version", "reason_nl"), _TEXT),
)
VERDICT = Table(
    "verdict",
    "One verdict for every cell and pooled cell: the worst of its checks, with the reason.",
    _CELL | dict.fromkeys(("verdict", "reason_nl", "deciding", "threshold_version"), _TEXT),
)
INTERVIEWS_NEEDED = Table(
    "interviews_needed",
    "Further interviews that each survey figure needs before it may be shown, and before it is reliable.",
    {name: kind for name, kind in _CELL.items() if name != "pooled_over"}
    | {"target_group": _TEXT, "n": _WHOLE, "verdict": _TEXT}
    | {"needed_for_indicative": _WHOLE, "needed_for_reliable": _WHOLE, "limited_by_clients": _YES_NO},
)

# what each step writes
OF_SURVEYS = (SURVEY, SURVEY_CHECK, INTERVIEWER_EFFECT)
OF_RATINGS = (RATING_AGREEMENT, RATING_CHECK, DOMAIN_CHANGE, INDICATOR_CHANGE)
OF_CELLS = (CELL_INTERVAL, POOLED_CELL, POOLED_MEMBER, CHECK, VERDICT, INTERVIEWS_NEEDED)
TABLES = (NEIGHBOUR, *OF_SURVEYS, *OF_RATINGS, *OF_CELLS)
# dbt's models that surveys are measured from
SURVEY_MODELS = (
    "int_interviews__count",
    "int_interviews__time",
    "int_answers__cluster",
    "int_answers__distribution",
    "int_answers__scale",
    "int_rechecks__count",
    "int_clients__count",
    "int_districts__roll_up",
)
RATING_MODELS = ("int_ratings__second", "int_ratings__change", "int_ratings__level", "int_ratings__pair")


def write_table(warehouse: duckdb.DuckDBPyConnection, table: Table, frame: pd.DataFrame) -> None:
    """Write a frame as one of this room's tables, typed also where it has no rows.

    Args:
        warehouse: connection that may write.
        table: which one.
        frame: with at least its columns; others are left out.

    Raises:
        KeyError: for a column that is missing.
    """
    typed = frame[list(table.columns)]
    columns = ", ".join(
        # the last digits depend on the order in which threads add up; the same deliveries make the same tables
        f'round(cast("{name}" as {kind}), {_DECIMALS}) as "{name}"'
        if kind == _NUMBER
        else f'cast("{name}" as {kind}) as "{name}"'
        for name, kind in table.columns.items()
    )
    # nulls of an empty or all-missing column have no type of their own
    warehouse.register("_typed", typed)
    try:
        relation = warehouse.sql(f"select {columns} from _typed").to_arrow_table()
    finally:
        warehouse.unregister("_typed")
    replace_table(warehouse, SCHEMA, table.name, relation, table.description)
