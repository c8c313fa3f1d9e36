"""What came in and what came out, in figures: for the end of a run and for ``effectmonitor status``.

Belongs here: counting in the delivery log and in the published marts. Does not belong here: printing (cli.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import duckdb

from pipeline.publication.approval import approved_by
from pipeline.publication.life import waits
from pipeline.publication.marts_file import open_marts
from pipeline.publication.people import DEMO_PEOPLE
from pipeline.publication.release import WAREHOUSE_SCHEMAS, current_release, waiting_release
from pipeline.settings import Settings


@dataclass(frozen=True)
class Summary:
    """State of an installation.

    Attributes:
        deliveries: number of judged delivery versions per status.
        rows: rows received, accepted, refused, and set aside with a rejected delivery, over all judged versions.
        cells: indicator figures per status in the published marts.
        indicators: number of indicators with at least one published figure.
        periods: first and last half-year in the published marts, None when nothing is published.
        pooled: figures of the pooling ladder that are shown in the place of another one.
        latest: newest figures of the municipality: period, indicator, value, lower and upper bound, unit, verdict.
        release: name of the published release.
        published: per audience what it reads now, who made it and who approved it, as sentences.
        waiting: releases that wait for approval, and who can give it, as sentences.
    """

    deliveries: dict[str, int] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    cells: dict[str, int] = field(default_factory=dict)
    indicators: int = 0
    periods: tuple[str, str] | None = None
    latest: list[tuple] = field(default_factory=list)
    pooled: int = 0
    release: str | None = None
    published: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()


def summarise(settings: Settings, audience: str = "partners") -> Summary:
    """Count what was delivered and what is published.

    Args:
        settings: the installation.
        audience: whose release to read.
    """
    deliveries, rows = _delivered(settings)
    published, waiting = _released(settings)
    marts_file = settings.published / audience / "marts.duckdb"
    if not marts_file.exists():
        return Summary(deliveries=deliveries, rows=rows, published=published, waiting=waiting)
    with open_marts(marts_file) as marts:
        cells = dict(marts.execute("select status, count(*) from marts.fct_indicator group by 1 order by 1").fetchall())
        indicators = marts.execute(
            "select count(distinct indicator_code) from marts.fct_indicator where status = 'published'"
        ).fetchone()[0]
        # a release of before there was a ladder has no such table
        pooled = marts.execute(
            "select coalesce(sum(estimated_size), 0) > 0 from duckdb_tables() where table_name = 'fct_indicator_pooled'"
        ).fetchone()[0]
        if pooled:
            pooled = marts.execute(
                "select count(*) from marts.fct_indicator_pooled where status = 'published'"
            ).fetchone()[0]
        periods = marts.execute("select min(period), max(period) from marts.fct_indicator").fetchone()
        release = marts.execute("select max(release_id) from marts.release where state = 'published'").fetchone()[0]
        latest = marts.execute(
            """
            select f.period, d.name_nl, f.value, f.ci_low, f.ci_high, f.unit, f.verdict
            from marts.fct_indicator f
            join marts.dim_indicator d using (indicator_code)
            join marts.dim_district a using (district_code)
            where a.district_level = 'municipality' and f.status = 'published' and f.value is not null
              and f.period = (select max(period) from marts.fct_indicator where status = 'published')
            order by f.consortium_code desc, f.indicator_code
            """
        ).fetchall()
    return Summary(deliveries, rows, cells, indicators, periods, latest, int(pooled), release, published, waiting)


def _released(settings: Settings) -> tuple[tuple[str, ...], tuple[str, ...]]:
    published, waiting = [], []
    for audience in WAREHOUSE_SCHEMAS:
        if release := current_release(settings, audience):
            approver = approved_by(settings, release.release_id)
            is_demo = " (demo identities)" if approver in DEMO_PEOPLE else ""
            published.append(f"{release.release_id}, made by {release.made_by}, approved by {approver}{is_demo}")
        if release := waiting_release(settings, audience):
            waiting.append(waits(settings, release))
    return tuple(published), tuple(waiting)


def _delivered(settings: Settings) -> tuple[dict[str, int], dict[str, int]]:
    log = settings.vault / "deliveries" / "_log"
    if not any(log.rglob("v*.parquet")):
        return {}, {}
    known = f"where received_at <= timestamp '{settings.as_of.isoformat()}'" if settings.as_of else ""
    source = f"(from read_parquet('{log}/**/*.parquet', union_by_name = true) {known})"
    with duckdb.connect() as reader:
        statuses = dict(reader.execute(f"select status, count(*) from {source} group by 1 order by 1").fetchall())
        received, accepted, refused = reader.execute(
            f"select sum(rows_received), sum(rows_accepted), sum(rows_refused) from {source}"
        ).fetchone()
    counts = {"received": int(received), "accepted": int(accepted), "refused": int(refused)}
    # of a rejected delivery the sound rows are neither accepted nor refused
    return statuses, counts | {"set_aside": counts["received"] - counts["accepted"] - counts["refused"]}
