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
from pipeline.reliability.judgement import CHECKS, GRADES, judge, rejudged, verdict_version, verdicts
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
# what raters are judged on as a group, whatever district their ratings are of
_OF_RATERS = ("double_ratings",)
# a cell measures these on its own answers
_OF_ITSELF = ("item_nonresponse", "floor_ceiling", "interviewers", "weights_effect")
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
    confidence = now["confidence_level"]
    indicators = warehouse.execute("select * from reference.indicators order by all").df()
    own = warehouse.execute("select * from cells.indicator_cell order by all").df().assign(pooled_over=ITSELF)
    members = pool_members(
        own,
        indicators,
        warehouse.execute("select * from reference.districts order by all").df(),
        warehouse.execute("select district_code, neighbour_code from reliability.neighbour order by all").df(),
    )
    pooled = pooled_cells(own, members, indicators)
    usual_effect = now["usual_interviewer_effect"]
    cells = _described(warehouse, pd.concat([own, pooled], ignore_index=True), members, indicators, usual_effect)
    precision = cell_precision(cells, confidence)
    behind = pd.concat(
        [
            _of_surveys(warehouse, cells, members, indicators),
            measure_deliveries(warehouse, cells, members),
            _of_ratings(warehouse, cells),
        ],
        ignore_index=True,
    )
    checks = _judged(cells, precision, behind, now)
    verdict = _complete(verdicts(checks, KEY), cells)
    verdict = _with_history(verdict, cells, behind, thresholds, now, day)
    verdict = lower(verdict, lowerings, day)
    kept = _ladder(verdict)
    tables = [frame.merge(kept, on=KEY) for frame in (precision, pooled, members, checks, verdict)]
    intervals, pooled, members, checks, verdict = tables
    return Assessment(
        cell_interval=intervals[[*KEY, "n_eff", "design_effect", "ci_low", "ci_high", "method"]],
        pooled_cell=pooled,
        pooled_member=members[[*KEY, *MEMBER]],
        check=checks,
        verdict=verdict.assign(threshold_version=verdict_version(now)),
        interviews_needed=_needed(cells, precision, verdict, now, confidence),
    )


def _described(
    warehouse: duckdb.DuckDBPyConnection,
    cells: pd.DataFrame,
    members: pd.DataFrame,
    indicators: pd.DataFrame,
    usual_effect: float,
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
    described["rho"] = described["rho"].where(described["rho"].notna() | ~survey, usual_effect)
    # of answers that came as counts nobody knows who took them: they stand alone
    alone = (described["n"] - described["answered"]).clip(lower=0)
    described["sum_of_squared_sizes"] = described["sum_of_squared_sizes"] + alone
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


def _judged(cells: pd.DataFrame, precision: pd.DataFrame, behind: pd.DataFrame, thresholds: Thresholds) -> pd.DataFrame:
    """Every check of every cell, judged once: of what a pooled figure rests on, the worst counts."""
    confidence = thresholds["confidence_level"]
    measurements = pd.concat(
        [measure_precision(cells, precision, confidence), _of_funnel(cells, precision), behind], ignore_index=True
    )
    asked = cells.loc[cells["question_code"].notna(), "indicator_code"].unique()
    of_surveys = measurements["indicator_code"].isin(asked)
    measurements["counted_nl"] = np.where(of_surveys, "gesprekken", "mensen")
    checks = judge(measurements, thresholds)
    counts_as, grade = (pd.Categorical(checks[name], GRADES).codes for name in ("counts_as", "grade"))
    # both sorts are stable: of equals the first one stays
    worst = checks.iloc[np.lexsort((-grade, -counts_as))].drop_duplicates([*KEY, "check_code"])
    return worst.sort_index().reset_index(drop=True)


def _resting_on(cells: pd.DataFrame, members: pd.DataFrame) -> pd.DataFrame:
    """Keys of cells with somebody, beside the cells that they add up: a cell itself first, then its pools' members."""
    somebody = cells.loc[cells["n"] > 0, KEY]
    itself = somebody[somebody["pooled_over"] == ITSELF].assign(
        member_indicator=lambda rows: rows["indicator_code"],
        member_district=lambda rows: rows["district_code"],
        member_period=lambda rows: rows["period"],
    )
    return pd.concat([itself, members[[*KEY, *MEMBER]].merge(somebody, on=KEY)], ignore_index=True)


def _of_surveys(
    warehouse: duckdb.DuckDBPyConnection, cells: pd.DataFrame, members: pd.DataFrame, indicators: pd.DataFrame
) -> pd.DataFrame:
    """Measurements of whole surveys and questions, at every cell that rests on them.

    A pooled figure rests on the surveys of all its members: a half-year or a consortium whose answers are not to be
    relied on does not become so in company.
    """
    measured = warehouse.execute("select * from reliability.survey_check order by all").df()
    # what a cell can say of itself it says itself (cells.py)
    measured = measured[~measured["check_code"].isin(_OF_ITSELF)].rename(
        columns={"consortium_code": "asker", "period": "member_period", "district_code": "member_district"}
    )
    asked = indicators.loc[
        indicators["question_code"].notna(), ["indicator_code", "consortium_code", "target_group", "question_code"]
    ].rename(columns={"indicator_code": "member_indicator", "consortium_code": "asker"})
    rests = _resting_on(cells, members).merge(asked, on="member_indicator")
    survey, about = ["asker", "target_group", "member_period"], ["question_code", "member_district"]
    of_one = measured[about].ne("")
    found = []
    # of a check that is there for the question or the district, the one for all is left aside
    for own in ([True, True], [True, False], [False, True], [False, False]):
        same = [name for name, is_own in zip(about, own, strict=True) if is_own]
        rows = measured[of_one.eq(own).all(axis=1)]
        found.append(rests.merge(rows.drop(columns=[name for name in about if name not in same]), on=[*survey, *same]))
    silent = pd.DataFrame({"check_code": _MUST_SHOW}).assign(value=0.0, second_value=0.0, n=0.0)
    found.append(rests.merge(silent, how="cross"))
    rows = pd.concat(found, ignore_index=True).drop_duplicates([*KEY, *MEMBER, "check_code"])
    # what a cell's own survey says comes first
    other = rows["member_period"].ne(rows["period"]) | rows["member_indicator"].ne(rows["indicator_code"])
    return pd.concat([rows[~other], rows[other]]).reindex(columns=MEASUREMENT).drop_duplicates(ignore_index=True)


def measure_deliveries(
    warehouse: duckdb.DuckDBPyConnection, cells: pd.DataFrame, members: pd.DataFrame
) -> pd.DataFrame:
    """Check ``delivery_integrity``: the part of the rows behind a figure that is unsound. Surveys: see surveys.py.

    Where the unsound rows are not known, because the delivery was judged before they were counted, all refused rows
    stand in for them.

    Args:
        warehouse: with ``staging.stg_deliveries__tables``.
        cells: the five keys, n, question_code and counted_from (tables, with ';' between them).
        members: the five keys of pooled cells and member_period.

    Returns:
        Measurements, of cells with delivered rows; of a figure over two half-years one for each delivery.
    """
    tables = warehouse.execute(
        """
        select consortium_code, period, table_name, rows_received, coalesce(rows_unsound, rows_refused) as rows_unsound
        from staging.stg_deliveries__tables
        """
    ).df()
    counted = cells.loc[cells["question_code"].isna(), [*KEY, "counted_from"]]
    delivered = _resting_on(cells, members)[[*KEY, "member_period"]].drop_duplicates().merge(counted, on=KEY)
    needs = delivered.assign(table_name=delivered["counted_from"].str.split(";")).explode("table_name")
    parts = needs.merge(
        tables.rename(columns={"period": "member_period"}), on=["consortium_code", "member_period", "table_name"]
    )
    by = [*KEY, "member_period"]
    summed = parts.groupby(by, sort=False)[["rows_received", "rows_unsound"]].sum().reset_index()
    summed = summed[summed["rows_received"] > 0]
    return summed.assign(
        check_code="delivery_integrity",
        value=summed["rows_unsound"] / summed["rows_received"],
        n=summed["rows_received"].astype(float),
    ).reindex(columns=MEASUREMENT)


def _of_ratings(warehouse: duckdb.DuckDBPyConnection, cells: pd.DataFrame) -> pd.DataFrame:
    """Measurements of ratings at their cells; how raters agree counts as much for what is pooled of their ratings."""
    measured = warehouse.execute("select * from reliability.rating_check order by all").df()
    steps = cells.loc[(cells["n"] > 0) & (cells["pooled_over"] != ITSELF), KEY]
    pooled = steps.merge(measured[measured["check_code"].isin(_OF_RATERS)], on=CELL)
    own = measured.assign(pooled_over=ITSELF).merge(cells.loc[cells["n"] > 0, KEY], on=KEY)
    return pd.concat([own, pooled], ignore_index=True).reindex(columns=MEASUREMENT)


def _complete(judged: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """One verdict for every cell: also where nothing was measured."""
    every = cells[[*KEY, "n", "kind"]].merge(judged, on=KEY, how="left")
    nobody = (every["n"] == 0) & (every["kind"] != "count")
    unmeasured = every["verdict"].isna() | nobody
    every.loc[unmeasured, "verdict"] = np.where(nobody[unmeasured], "not_publishable", "reliable")
    every.loc[unmeasured, "reason_nl"] = np.where(nobody[unmeasured], NO_DATA, NO_CHECKS)
    every.loc[unmeasured, "deciding"] = ""
    return every[[*KEY, "verdict", "reason_nl", "deciding"]]


def _with_history(
    verdict: pd.DataFrame,
    cells: pd.DataFrame,
    behind: pd.DataFrame,
    thresholds: pd.DataFrame,
    now: Thresholds,
    day: date,
) -> pd.DataFrame:
    """Say so where thresholds that changed since the half-year changed the verdict.

    A half-year from before there was a threshold has no earlier verdict to compare with.
    """
    ends = {period: HalfYear.parse(period).ends_on for period in verdict["period"].unique()}
    held = {period: Thresholds.on(thresholds, min(end, day)) for period, end in ends.items()}
    then = []
    for period, at in sorted(held.items()):
        values = _values(at)
        if values == _values(now) or None in values.values():
            continue
        its = cells[cells["period"] == period].reset_index(drop=True)
        precision = cell_precision(its, at["confidence_level"])
        then.append(verdicts(_judged(its, precision, behind[behind["period"] == period], at), KEY))
    if not then:
        return verdict
    sentence = rejudged(verdict, pd.concat(then, ignore_index=True))
    return verdict.assign(reason_nl=(verdict["reason_nl"] + " " + sentence).str.strip())


def _values(thresholds: Thresholds) -> dict[str, float | None]:
    return {code: thresholds.values.get(code) for check in CHECKS.values() for code in check.thresholds}


def _ladder(verdict: pd.DataFrame) -> pd.DataFrame:
    """Keys of the cells to keep: all own ones, and the ladders of those that may not be published."""
    own = verdict["pooled_over"] == ITSELF
    kept_back = verdict.loc[own & (verdict["verdict"] == "not_publishable"), CELL]
    return pd.concat([verdict.loc[own, KEY], verdict.loc[~own, KEY].merge(kept_back, on=CELL)], ignore_index=True)


def _needed(
    cells: pd.DataFrame, precision: pd.DataFrame, verdict: pd.DataFrame, now: Thresholds, confidence: float
) -> pd.DataFrame:
    asked = (cells["pooled_over"] == ITSELF) & cells["question_code"].notna() & (cells["n"] > 0)
    known = asked & (cells["sum_of_squares"].notna() | (cells["kind"] == "proportion"))
    return further_interviews(
        cells[known].reset_index(drop=True),
        precision[known.to_numpy()].reset_index(drop=True),
        verdict[verdict["pooled_over"] == ITSELF],
        now,
        confidence,
    )
