"""From sums to verdicts: every cell and every step of its ladder measured, judged and explained.

Belongs here: which measurements belong to which cell, and the order of the steps. Does not belong here: a formula
(cells.py, surveys.py, ratings.py, progress.py), a threshold's meaning (judgement.py), what a step adds up (pooling.py).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date

import duckdb
import numpy as np
import pandas as pd

from pipeline.periods import HalfYear
from pipeline.reliability.cells import KEY, MEASUREMENT, cell_precision, measure_funnel, measure_precision
from pipeline.reliability.interviewers import weights_design_effect
from pipeline.reliability.judgement import CHECKS, judge, rejudged, verdict_version, verdicts
from pipeline.reliability.lowering import lower
from pipeline.reliability.needed import further_interviews
from pipeline.reliability.pooling import CELL, MEMBER, pool_members, pooled_cells
from pipeline.reliability.thresholds import Thresholds

ITSELF = ""
# sums over interviewers that add up over consortia: nobody works for two of them under one pseudonym
_ANSWER_SUMS = ["asked", "answered", "interviewers", "sum_of_squared_sizes", "lowest", "highest"]
_REGISTRY = ["indicator_code", "kind", "scale", "question_code", "target_group", "counted_from"]
# a survey that does not say these things is judged as one that did not do them
_MUST_SHOW = ("dispositions_complete", "independent_part", "backcheck_agreement")
# a cell measures these on its own answers
_OF_ITSELF = ("item_nonresponse", "floor_ceiling", "interviewers", "weights_effect")
_NO_MEMBERS = pd.DataFrame(columns=[*KEY, *MEMBER], dtype="str")
NO_DATA = "Er zijn geen gegevens in dit halfjaar."
NO_CHECKS = "Een telling, geen steekproef."


@dataclass(frozen=True)
class Assessment:
    """Tables of the reliability step.

    Attributes:
        cell_interval: the five keys, n_eff, design_effect, ci_low, ci_high, method.
        pooled_cell: the five keys, n, numerator, value, persons, sum_of_squares, members.
        pooled_member: the five keys and the member cells.
        check: one row per check and cell, as ``judgement.judge`` gives them.
        verdict: one row per cell: verdict, reason_nl, deciding, threshold_version.
        interviews_needed: as ``needed.further_interviews`` gives it.
    """

    cell_interval: pd.DataFrame
    pooled_cell: pd.DataFrame
    pooled_member: pd.DataFrame
    check: pd.DataFrame
    verdict: pd.DataFrame
    interviews_needed: pd.DataFrame

    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables by their names in schema ``reliability``."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


def assess(
    warehouse: duckdb.DuckDBPyConnection, thresholds: pd.DataFrame, lowerings: pd.DataFrame, day: date
) -> Assessment:
    """Measure and judge every cell of ``cells.indicator_cell``, and the ladder of those that may not be shown.

    Args:
        warehouse: with schemas cells, intermediate and reference, and the reliability tables neighbour,
            interviewer_effect, survey_check and rating_check.
        thresholds: the seed of thresholds.
        lowerings: the seed of lowered verdicts.
        day: of judging; the thresholds that hold on it hold for all half-years.

    Returns:
        The tables; in them pooled_over is empty for a cell itself. Only a cell that may not be published has a ladder;
        all its steps are there, because disclosure may hide one that its verdict allows.

    Raises:
        ValueError: for sums that cannot be, or a threshold that is missing; no message holds a value of a cell.
    """
    now = Thresholds.on(thresholds, day)
    indicators = warehouse.execute("select * from reference.indicators order by all").df()
    own = warehouse.execute("select * from cells.indicator_cell order by all").df().assign(pooled_over=ITSELF)
    alone = _judged(warehouse, _described(warehouse, own, _NO_MEMBERS, indicators), now, thresholds, lowerings, day)
    districts, neighbours = (
        warehouse.execute(query).df()
        for query in (
            "select * from reference.districts order by all",
            "select district_code, neighbour_code from reliability.neighbour order by all",
        )
    )
    kept_back = alone.verdict.loc[alone.verdict["verdict"] == "not_publishable", CELL]
    members = pool_members(own, indicators, districts, neighbours).merge(kept_back, on=CELL)
    pooled = pooled_cells(own, members, indicators)
    both = _described(warehouse, pd.concat([own, pooled], ignore_index=True), members, indicators)
    ladder = both[both["pooled_over"] != ITSELF].reset_index(drop=True)
    together = _judged(warehouse, ladder, now, thresholds, lowerings, day)
    intervals, checks, verdict = (
        pd.concat([getattr(alone, name), getattr(together, name)], ignore_index=True)
        for name in ("precision", "checks", "verdict")
    )
    return Assessment(
        cell_interval=intervals[[*KEY, "n_eff", "design_effect", "ci_low", "ci_high", "method"]],
        pooled_cell=pooled,
        pooled_member=members[[*KEY, *MEMBER]],
        check=checks,
        verdict=verdict.assign(threshold_version=verdict_version(now)),
        interviews_needed=_needed(alone, now),
    )


@dataclass(frozen=True)
class _Judged:
    """Cells with what was found of them, in the same order but for the checks."""

    cells: pd.DataFrame
    precision: pd.DataFrame
    checks: pd.DataFrame
    verdict: pd.DataFrame


def _judged(
    warehouse: duckdb.DuckDBPyConnection,
    cells: pd.DataFrame,
    now: Thresholds,
    thresholds: pd.DataFrame,
    lowerings: pd.DataFrame,
    day: date,
) -> _Judged:
    """Measure and judge described cells."""
    confidence = now["confidence_level"]
    precision = cell_precision(cells, confidence)
    measurements = pd.concat(
        [
            measure_precision(cells, precision, confidence),
            _of_funnel(cells, precision),
            _of_surveys(warehouse, cells),
            measure_deliveries(warehouse, cells),
            _of_ratings(warehouse, cells),
        ],
        ignore_index=True,
    )
    asked = cells.loc[cells["question_code"].notna(), "indicator_code"]
    measurements["counted_nl"] = np.where(measurements["indicator_code"].isin(asked), "gesprekken", "mensen")
    checks = judge(measurements, now)
    verdict = _complete(verdicts(checks, KEY), cells)
    verdict = _with_history(verdict, measurements, thresholds, now, day)
    return _Judged(cells, precision, checks, lower(verdict, lowerings, day))


def _described(
    warehouse: duckdb.DuckDBPyConnection, cells: pd.DataFrame, members: pd.DataFrame, indicators: pd.DataFrame
) -> pd.DataFrame:
    """Cells with all that ``cell_precision`` and ``measure_precision`` ask."""
    registry = indicators[_REGISTRY]
    described = cells.merge(registry, on="indicator_code", how="left", validate="many_to_one")
    questions = warehouse.execute("select question_code, scale_max - scale_min as scale_range from reference.questions")
    described = described.merge(questions.df(), on="question_code", how="left")
    described = described.merge(_answer_sums(warehouse, cells, members), on=KEY, how="left")
    effects = warehouse.execute("select consortium_code, target_group, period, rho from reliability.interviewer_effect")
    described = described.merge(effects.df(), on=["consortium_code", "target_group", "period"], how="left")
    survey = described["question_code"].notna()
    usual = warehouse.execute(
        "select value from reference.thresholds where threshold_code = 'usual_interviewer_effect' "
        "order by valid_from desc limit 1"
    ).fetchone()
    described["rho"] = described["rho"].where(described["rho"].notna() | ~survey, usual[0])
    described["at_an_end"] = described[["lowest", "highest"]].max(axis=1) / described["answered"]
    described = described.merge(_clients(warehouse, cells, members), on=KEY, how="left")
    of_clients = survey & (described["target_group"] == "client")
    described["clients"] = described["clients"].where(of_clients)
    # two half-years have two populations, and other consortia have clients of their own
    described["population"] = described["clients"].where(
        described["pooled_over"].isin([ITSELF, "neighbouring_districts", "consortium"])
    )
    described["weights_effect"] = described.pop("weights_effect").where(of_clients)
    return described.merge(_points(cells), on=KEY, how="left")


def _answer_sums(warehouse: duckdb.DuckDBPyConnection, cells: pd.DataFrame, members: pd.DataFrame) -> pd.DataFrame:
    """Answers asked and given, interviewers and the sum of their squared numbers, of every cell.

    Within a pool somebody who interviewed in two districts or half-years is one interviewer.
    """
    itself = cells.loc[cells["pooled_over"] == ITSELF, KEY].assign(
        member_indicator=lambda rows: rows["indicator_code"],
        member_district=lambda rows: rows["district_code"],
        member_period=lambda rows: rows["period"],
    )
    crossing = members[members["pooled_over"].isin(["two_half_years", "neighbouring_districts"])]
    warehouse.register("_pools", pd.concat([itself, crossing], ignore_index=True))
    keys = ", ".join(f"pools.{name}" for name in KEY)
    try:
        direct = warehouse.execute(
            f"""
            with per_interviewer as (
                select
                    {keys},
                    answers.interviewer_key,
                    sum(answers.asked) as asked,
                    sum(answers.n) as n,
                    sum(answers.lowest) as lowest,
                    sum(answers.highest) as highest
                from _pools as pools
                join reference.indicators as indicators on pools.member_indicator = indicators.indicator_code
                join intermediate.int_districts__roll_up as areas on pools.member_district = areas.area_code
                join intermediate.int_answers__cluster as answers
                    on answers.consortium_code = indicators.consortium_code
                    and answers.target_group = indicators.target_group
                    and answers.question_code = indicators.question_code
                    and answers.district_code = areas.district_code
                    and answers.period = pools.member_period
                group by all
            )
            select
                {keys.replace("pools.", "")},
                cast(sum(asked) as double) as asked,
                cast(sum(n) as double) as answered,
                cast(count(case when n > 0 then interviewer_key end) as double) as interviewers,
                -- who answered without an interviewer stands alone
                cast(sum(case when interviewer_key is null then n else n * n end) as double) as sum_of_squared_sizes,
                cast(sum(lowest) as double) as lowest,
                cast(sum(highest) as double) as highest
            from per_interviewer
            group by all
            """
        ).df()
    finally:
        warehouse.unregister("_pools")
    whole = members[members["pooled_over"].isin(["consortium", "municipality"])]
    of_member = direct[direct["pooled_over"] == ITSELF].rename(
        columns=dict(zip(["indicator_code", "district_code", "period"], MEMBER, strict=True))
    )
    summed = whole.merge(of_member[[*MEMBER, *_ANSWER_SUMS]], on=MEMBER).groupby(KEY, sort=False)[_ANSWER_SUMS].sum()
    return pd.concat([direct, summed.reset_index()], ignore_index=True)


def _clients(warehouse: duckdb.DuckDBPyConnection, cells: pd.DataFrame, members: pd.DataFrame) -> pd.DataFrame:
    """Clients in care behind each cell of one half-year, and what weighting districts to them would cost.

    The loss by weights is Kish's deff over the districts of which somebody answered, w = clients / answers.
    """
    per_district = warehouse.execute(
        "select consortium_code, district_code, period, clients from intermediate.int_clients__count order by all"
    ).df()
    areas = warehouse.execute(
        "select area_code, district_code from intermediate.int_districts__roll_up order by all"
    ).df()
    own = cells[cells["pooled_over"] == ITSELF]
    itself = own[KEY].assign(member_district=own["district_code"])
    one_moment = members[members["pooled_over"].isin(["neighbouring_districts", "consortium"])]
    parts = pd.concat([itself, one_moment[[*KEY, "member_district"]]], ignore_index=True)
    parts = parts.merge(areas.rename(columns={"area_code": "member_district", "district_code": "atom"}))
    parts = parts.merge(
        per_district.rename(columns={"district_code": "atom"}), on=["consortium_code", "atom", "period"]
    )
    answers = own[["indicator_code", "district_code", "period", "n"]].rename(columns={"district_code": "atom"})
    # of the municipality's own row only who lives in no district would be an atom: that is not known here
    parts = parts.merge(answers, on=["indicator_code", "atom", "period"], how="left")
    is_atom = parts["atom"].isin(areas.loc[areas["area_code"] != areas["district_code"], "district_code"])
    reached = is_atom & (parts["n"] > 0) & (parts["clients"] > 0)
    parts["weight_sum"] = parts["clients"].where(reached)
    parts["weight_squares"] = (parts["clients"] ** 2 / parts["n"].where(reached)).where(reached)
    parts["reached"] = parts["n"].where(reached)
    by = parts.groupby(KEY, sort=False)
    summed = by[["clients", "weight_sum", "weight_squares", "reached"]].sum().assign(districts=by["reached"].count())
    effect = weights_design_effect(summed["reached"], summed["weight_sum"], summed["weight_squares"])
    result = summed.assign(weights_effect=np.where(summed["districts"] > 1, effect, np.nan)).reset_index()
    return result[[*KEY, "clients", "weights_effect"]]


def _points(cells: pd.DataFrame) -> pd.DataFrame:
    """Half-years with a figure up to and with this one, of own cells."""
    own = cells[cells["pooled_over"] == ITSELF].sort_values(CELL)
    points = (own["n"] > 0).groupby([own["indicator_code"], own["district_code"]]).cumsum()
    return own[KEY].assign(trend_points=points.astype(float))


def _of_funnel(cells: pd.DataFrame, precision: pd.DataFrame) -> pd.DataFrame:
    # a municipality is no district of itself
    at = ((cells["pooled_over"] == ITSELF) & ~cells["district_code"].str.startswith("GM")).to_numpy()
    return measure_funnel(cells[at].reset_index(drop=True), precision[at].reset_index(drop=True))


def _of_surveys(warehouse: duckdb.DuckDBPyConnection, cells: pd.DataFrame) -> pd.DataFrame:
    """Measurements of whole surveys and questions, at every cell that rests on them."""
    measured = warehouse.execute("select * from reliability.survey_check order by all").df()
    rests = cells.loc[
        cells["question_code"].notna() & (cells["n"] > 0), [*KEY, "target_group", "question_code"]
    ].rename(columns={"question_code": "question", "district_code": "area"})
    # what a cell can say of itself it says itself (cells.py)
    whole = measured[~measured["check_code"].isin(_OF_ITSELF)]
    joined = rests.merge(whole, on=["consortium_code", "target_group", "period"])
    mine = joined["question_code"].isin([""]) | (joined["question_code"] == joined["question"])
    mine &= joined["district_code"].isin([""]) | (joined["district_code"] == joined["area"])
    # a check of the district goes before one of the question, and that before the one for all
    rows = joined[mine].drop(columns="district_code").rename(columns={"area": "district_code"})
    of_district = joined.loc[mine, "district_code"] != ""
    rows["_own"] = (rows["question_code"] != "").astype(int) + 2 * of_district
    rows = rows.sort_values("_own", kind="stable").drop_duplicates([*KEY, "check_code"], keep="last")
    keys = rests.rename(columns={"area": "district_code"})[KEY]
    silent = keys.merge(pd.DataFrame({"check_code": _MUST_SHOW}), how="cross")
    silent = silent.merge(rows[[*KEY, "check_code"]], on=[*KEY, "check_code"], how="left", indicator=True)
    silent = silent[silent.pop("_merge") == "left_only"].assign(value=0.0, second_value=0.0, n=0.0)
    return pd.concat([rows, silent], ignore_index=True).reindex(columns=MEASUREMENT)


def measure_deliveries(warehouse: duckdb.DuckDBPyConnection, cells: pd.DataFrame) -> pd.DataFrame:
    """Check ``delivery_integrity``: the part of the rows behind a figure that is unsound. Surveys: see surveys.py.

    Where the unsound rows are not known, because the delivery was judged before they were counted, all refused rows
    stand in for them.

    Args:
        warehouse: with ``staging.stg_deliveries__tables``.
        cells: the five keys, consortium_code, n, question_code and counted_from (tables, with ';' between them).

    Returns:
        Measurements, of cells with delivered rows.
    """
    tables = warehouse.execute(
        """
        select consortium_code, period, table_name, rows_received, coalesce(rows_unsound, rows_refused) as rows_unsound
        from staging.stg_deliveries__tables
        """
    ).df()
    counted = cells.loc[cells["question_code"].isna() & (cells["n"] > 0), [*KEY, "counted_from"]]
    needs = counted.assign(table_name=counted["counted_from"].str.split(";")).explode("table_name")
    parts = needs.merge(tables, on=["consortium_code", "period", "table_name"])
    summed = parts.groupby(KEY, sort=False)[["rows_received", "rows_unsound"]].sum().reset_index()
    summed = summed[summed["rows_received"] > 0]
    return summed.assign(
        check_code="delivery_integrity",
        value=summed["rows_unsound"] / summed["rows_received"],
        n=summed["rows_received"].astype(float),
    ).reindex(columns=MEASUREMENT)


def _of_ratings(warehouse: duckdb.DuckDBPyConnection, cells: pd.DataFrame) -> pd.DataFrame:
    """Measurements of ratings; how alike raters rate holds for a pooled figure as for its own."""
    measured = warehouse.execute("select * from reliability.rating_check order by all").df()
    rows = cells[KEY].merge(measured, on=CELL)
    rows = rows[(rows["pooled_over"] == ITSELF) | (rows["check_code"] == "double_ratings")]
    return rows.reindex(columns=MEASUREMENT)


def _complete(judged: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """One verdict for every cell: also where nothing was measured."""
    every = cells[[*KEY, "n", "kind"]].merge(judged, on=KEY, how="left")
    nobody = (every["n"] == 0) & (every["kind"] != "count")
    unmeasured = every["verdict"].isna()
    every.loc[unmeasured, "verdict"] = np.where(nobody[unmeasured], "not_publishable", "reliable")
    every.loc[unmeasured, "reason_nl"] = np.where(nobody[unmeasured], NO_DATA, NO_CHECKS)
    every.loc[unmeasured, "deciding"] = ""
    return every[[*KEY, "verdict", "reason_nl", "deciding"]]


def _with_history(
    verdict: pd.DataFrame, measurements: pd.DataFrame, thresholds: pd.DataFrame, now: Thresholds, day: date
) -> pd.DataFrame:
    """Say so where thresholds that changed since the half-year changed the verdict."""
    ends = {period: HalfYear.parse(period).ends_on for period in verdict["period"].unique()}
    held = {period: Thresholds.on(thresholds, min(end, day)) for period, end in ends.items()}
    changed = {period: at for period, at in held.items() if _values(at) != _values(now)}
    if not changed:
        return verdict
    then = pd.concat(
        [
            verdicts(judge(measurements[measurements["period"] == period], at), KEY)
            for period, at in sorted(changed.items())
        ],
        ignore_index=True,
    )
    sentence = rejudged(verdict, then)
    return verdict.assign(reason_nl=(verdict["reason_nl"] + " " + sentence).str.strip())


def _values(thresholds: Thresholds) -> dict[str, float | None]:
    return {code: thresholds.values.get(code) for check in CHECKS.values() for code in check.thresholds}


def _needed(alone: _Judged, now: Thresholds) -> pd.DataFrame:
    cells = alone.cells
    asked = cells["question_code"].notna() & (cells["n"] > 0)
    known = asked & (cells["sum_of_squares"].notna() | (cells["kind"] == "proportion"))
    return further_interviews(
        cells[known].reset_index(drop=True),
        alone.precision[known.to_numpy()].reset_index(drop=True),
        alone.verdict,
        now,
        now["confidence_level"],
    )
