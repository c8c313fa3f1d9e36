"""The pictures of this room's tables, as Dagster shows them: which rows of the warehouse go into which chart.

Belongs here: queries and headings. Does not belong here: what a chart looks like (pictures.py).
"""

from __future__ import annotations

import duckdb

from pipeline.pictures import as_markdown, png
from pipeline.reliability import pictures, tables
from pipeline.reliability.thresholds import Thresholds


def of_surveys(warehouse: duckdb.DuckDBPyConnection, thresholds: Thresholds) -> dict[str, str]:
    """The picture of interviewer effects over the half-years.

    Args:
        warehouse: with the tables of surveys.
        thresholds: confidence and the lines in the picture.

    Returns:
        Markdown per table.
    """
    effects = warehouse.execute(
        "select consortium_code, target_group, period, rho, case when not is_default then rho_se end as rho_se "
        "from reliability.interviewer_effect"
    ).df()
    chart = pictures.interviewer_effects(
        effects,
        _names(warehouse),
        thresholds["confidence_level"],
        thresholds["reliable_interviewer_effect"],
        thresholds["notable_interviewer_effect"],
    )
    return {tables.INTERVIEWER_EFFECT.name: as_markdown(png(chart), "Interviewereffect per halfjaar")}


def of_ratings(warehouse: duckdb.DuckDBPyConnection, thresholds: Thresholds) -> dict[str, str]:
    """The picture of change per life domain in the latest half-year, of the whole municipality.

    Args:
        warehouse: with the tables of ratings.
        thresholds: the minimum number of people.

    Returns:
        Markdown per table.
    """
    changes = warehouse.execute(
        """
        with domains as (
            select life_domain_code, any_value(name_nl order by zrm_version desc) as name_nl
            from reference.life_domains group by 1
        )
        select changes.*, domains.name_nl
        from reliability.domain_change as changes
        join domains using (life_domain_code)
        join reference.districts as areas using (district_code)
        where areas.district_level = 'municipality'
        qualify changes.period = max(changes.period) over ()
        """
    ).df()
    heading = " ".join(["Tom in de buurt,", *changes["period"].head(1)])
    chart = pictures.domain_changes(changes, heading, thresholds["minimum_persons"])
    return {tables.DOMAIN_CHANGE.name: as_markdown(png(chart), "Verandering per leefgebied")}


def of_verdicts(warehouse: duckdb.DuckDBPyConnection, thresholds: Thresholds) -> dict[str, str]:
    """The pictures of the judged cells: verdicts over time, intervals of the districts, funnel.

    Args:
        warehouse: with the tables of verdicts.
        thresholds: confidence, limits of the funnel and the minimum number of people.

    Returns:
        Markdown per table.
    """
    names, minimum = _names(warehouse), thresholds["minimum_persons"]
    shares = warehouse.execute(
        """
        select
            verdicts.consortium_code,
            verdicts.period,
            -- within this room a figure on too few people is hidden, not judged
            case when cells.persons < ? then 'hidden' else verdicts.verdict end as verdict,
            count(*) as cells
        from reliability.verdict as verdicts
        join cells.indicator_cell as cells using (consortium_code, indicator_code, district_code, period)
        where verdicts.pooled_over = '' and cells.n > 0
        group by all
        """,
        [minimum],
    ).df()
    latest = warehouse.execute(
        """
        select
            cells.consortium_code,
            consortia.name as consortium,
            cells.indicator_code,
            indicators.name_nl,
            cells.district_code,
            areas.district_name,
            cells.period,
            cells.n,
            cells.persons,
            cells.numerator,
            cells.value,
            intervals.ci_low,
            intervals.ci_high,
            verdicts.verdict,
            indicators.unit,
            indicators.kind,
            indicators.question_code
        from cells.indicator_cell as cells
        join (select * exclude (consortium_code) from reference.indicators) as indicators using (indicator_code)
        join reference.consortia as consortia using (consortium_code)
        join reference.districts as areas using (district_code)
        join reliability.cell_interval as intervals
            using (consortium_code, indicator_code, district_code, period)
        join reliability.verdict as verdicts
            using (consortium_code, indicator_code, district_code, period, pooled_over)
        where intervals.pooled_over = '' and cells.n > 0 and cells.persons >= ?
        qualify cells.period = max(cells.period) over ()
        """,
        [minimum],
    ).df()
    # one consortium's, so that the panels can be read
    of_shares = latest[latest["kind"] == "proportion"]
    of_shares = of_shares[of_shares["consortium"] == max(of_shares["consortium"], default="")]
    heading = ", ".join([*of_shares["consortium"].head(1), *of_shares["period"].head(1)]) or "geen aandelen"
    asked = latest[latest["question_code"].notna()]
    first = asked[asked["indicator_code"] == min(asked["indicator_code"], default="")]
    about = ", ".join([*first["name_nl"].head(1), *first["period"].head(1)]) or "geen gesprekken"
    inner, outer = thresholds["funnel_confidence"], thresholds["funnel_outer_confidence"]
    return {
        tables.VERDICT.name: as_markdown(
            png(pictures.verdict_shares(shares, names)), "Deel van de cijfers per oordeel"
        ),
        tables.CELL_INTERVAL.name: as_markdown(
            png(pictures.district_intervals(first, about, minimum)), "Cijfers per wijk met hun interval"
        ),
        tables.CHECK.name: as_markdown(
            png(pictures.funnel(of_shares, names, heading, minimum, inner, outer)), "Trechterplot per wijk"
        ),
    }


def _names(warehouse: duckdb.DuckDBPyConnection) -> dict[str, str]:
    rows = warehouse.execute(
        "select consortium_code, name from reference.consortia "
        "union all select indicator_code, name_nl from reference.indicators "
        "union all select district_code, district_name from reference.districts"
    ).fetchall()
    return dict(rows)
