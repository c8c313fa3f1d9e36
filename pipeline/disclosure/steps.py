"""The step of this room on an open warehouse: read cells and what has left, decide, write.

Belongs here: which tables are read and written. Does not belong here: a rule, or Dagster (assets.py).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import duckdb
import pandas as pd

from pipeline.disclosure import council, ledger
from pipeline.disclosure.counts import INDICATOR, LIFE_DOMAIN, POOLED, Key, Row
from pipeline.disclosure.history import PARTNERS, SUBJECTS, History, Settled, Tables, history_of, tables_of
from pipeline.disclosure.protect import (
    POOL,
    UNRELIABLE,
    Decided,
    Decisions,
    Known,
    judged_rows,
    known_from,
    protect,
)
from pipeline.disclosure.rounding import Lot, lots
from pipeline.disclosure.rules import CATEGORIES, NO_DATA, PRIMARY, PUBLISHED, SECONDARY, judge_share
from pipeline.periods import HalfYear
from pipeline.settings import ROUND, Settings
from pipeline.warehouse.connection import replace_table
from pipeline.warehouse.manifest import mart_columns

_SOURCES = {
    "cells": "cells.indicator_cell",
    "domains": "cells.life_domain_cell",
    "pooled": "reliability.pooled_cell",
    "members": "reliability.pooled_member",
    "verdicts": "reliability.verdict",
    "intervals": "reliability.cell_interval",
    "indicators": "reference.indicators",
    "thresholds": "reference.thresholds",
    "relations": "reference.indicator_relations",
    "questions": "reference.questions",
    "periods": "intermediate.int_periods__list",
}
_AREA = "district_code, period"
# per table: what it decides on, and the key of that
STATUS_TABLES = {
    "indicator_status": ("cells.indicator_cell", f"consortium_code, indicator_code, {_AREA}"),
    "life_domain_status": ("cells.life_domain_cell", f"consortium_code, life_domain_code, {_AREA}"),
    "pooled_status": ("reliability.pooled_cell", f"consortium_code, indicator_code, {_AREA}, pooled_over"),
}
# in the shape of the mart that takes rows or counts from them
KEPT_TABLES = {
    "kept_indicator": "fct_indicator",
    "kept_indicator_pooled": "fct_indicator_pooled",
    "kept_life_domain": "fct_life_domain",
    "rounded_indicator": "fct_indicator",
    "rounded_life_domain": "fct_life_domain",
}
OTHER_TABLES = {
    "council_indicator": "The council's figures: the municipality, counts as multiples of the base",
    "council_life_domain": "The council's outcomes per life domain, likewise",
    "true_count": "The exact counts behind every figure, for the audit; confidential",
    "pattern_figures": "What the pattern of hidden figures costs, per audience and half-year",
}
_SHARE_COUNTS = ("rated", "low", "goals", "goals_reached")

Frames = dict[str, pd.DataFrame]


def protect_cells(
    warehouse: duckdb.DuckDBPyConnection,
    settings: Settings,
    report: Callable[[str, int, int], None] = lambda what, done, of: None,
) -> Frames:
    """Decide for every cell and pooled cell whether it may be shown, for both audiences, and write that.

    Args:
        warehouse: with cells, reference and the pooled cells and verdicts of reliability.
        settings: the installation, for what has left before.
        report: told what is being done, how far, and of how many.

    Returns:
        The tables written, by name.
    """
    read = {name: warehouse.execute(f"select * from {table}").df() for name, table in _SOURCES.items()}
    lot = lots(settings.pseudonym_key) if settings.much_hidden == ROUND else None
    made = decide(read, read_history(settings), report, lot)
    for name, frame in made.items():
        if name not in KEPT_TABLES:
            replace_table(warehouse, "disclosure", name, frame, _description(name))
    for name, mart in KEPT_TABLES.items():
        if name in made:
            _write_rounded(warehouse, name, mart, made[name])
        else:
            _write_kept(warehouse, settings, name, mart, made)
    return made


def decide(
    read: Mapping[str, pd.DataFrame],
    history: History,
    report: Callable[[str, int, int], None] = lambda what, done, of: None,
    lot: Lot | None = None,
) -> Frames:
    """Decide on frames, without a warehouse.

    Args:
        read: frames by the names of ``_SOURCES``: cells, domains, pooled, members, verdicts, intervals, indicators,
            thresholds, relations, questions, periods.
        history: what has left.
        report: as in ``protect_cells``.
        lot: by which counts are rounded where hiding would take much of a table; everything is hidden when None.

    Returns:
        All tables of this room but the kept ones, by name; pending figures carry the release that they come from in
        ``kept_from``. Of ``rounded_indicator`` and ``rounded_life_domain`` key, counts and value.
    """
    known = known_from(
        read["indicators"],
        read["thresholds"],
        read["relations"],
        read["members"],
        read["questions"],
        final_periods(read["periods"]),
    )
    known = replace(known, members={**history.members, **known.members})
    rows = judged_rows(read["cells"], read["domains"], read["pooled"], read["verdicts"], known)
    rows = with_earlier_pools(rows, history, known)
    public = council.edition(rows, known)
    ladders = [
        Key(POOLED, *key)
        for key in read["pooled"][
            ["consortium_code", "indicator_code", "district_code", "period", "pooled_over"]
        ].itertuples(index=False, name=None)
    ]
    made = protect(rows, ladders, known, history, public.counts, report, lot=lot)
    public = council.waiting(public, made.decided, history, made.withheld)
    exact = {key for key, each in made.decided.items() if each.status == PUBLISHED} - made.rounded.keys()
    return {
        "indicator_status": _statuses(made, history, INDICATOR, read["cells"]),
        "life_domain_status": _life_domain_statuses(made, history, read["domains"], known),
        "pooled_status": _statuses(made, history, POOLED, read["pooled"]),
        "council_indicator": council.indicator_table(
            public, made.rows, read["indicators"], read["intervals"], read["cells"], history, exact
        ),
        "council_life_domain": council.life_domain_table(public, read["domains"], known, history),
        "rounded_indicator": _rounded_indicators(made, known),
        "rounded_life_domain": _rounded_life_domains(made),
        "true_count": _true_counts(rows, read["domains"]),
        "pattern_figures": _figures(made, public),
    }


def read_history(settings: Settings) -> History:
    """What has left, from the ledger and the releases' own files.

    Args:
        settings: the installation; at an earlier moment, what had left by then.
    """
    events = [each for each in ledger.entries(settings) if each.event == ledger.PUBLISHED and each.audience == PARTNERS]
    truths = {event.number: truth for event in events if (truth := _truth(settings, event.release_id)) is not None}
    uncertain = [_uncertain(settings, event, truths[event.number]) for event in events if event.number in truths]
    told = pd.concat(uncertain, ignore_index=True) if uncertain else None
    tables = tables_of(truths)
    settled, refused = {}, {}
    if events and events[-1].number in truths:
        newest = events[-1]
        settled = _settled(settings, newest.release_id, tables)
        refused = _refused(settings, newest.release_id, truths[newest.number])
    found = history_of(ledger.published_values(settings), settled, _erased(settings), told)
    members = _members(settings, [event.release_id for event in events])
    return replace(found, members=members, tables=tables, refused=refused)


def final_periods(periods: pd.DataFrame) -> set[str]:
    """Half-years that are final: the first half of the next calendar year has been delivered.

    Args:
        periods: period, as in ``intermediate.int_periods__list``.
    """
    half_years = [HalfYear.parse(period) for period in periods["period"]]
    latest = max(half_years, default=None)
    return {str(each) for each in half_years if latest >= HalfYear(each.year + 1, 1)}


def without_status(warehouse: duckdb.DuckDBPyConnection, name: str) -> int:
    """How many cells a status table says nothing about.

    Args:
        warehouse: after ``protect_cells``.
        name: one of ``STATUS_TABLES``.
    """
    source, key = STATUS_TABLES[name]
    found = warehouse.execute(
        f"select count(*) from {source} c left join disclosure.{name} s using ({key}) where s.status is null"
    ).fetchone()
    return int(found[0])


def count_rows(warehouse: duckdb.DuckDBPyConnection, name: str) -> int:
    """Rows of one of this room's tables.

    Args:
        warehouse: after ``protect_cells``.
        name: of a table.
    """
    return int(warehouse.execute(f'select count(*) from disclosure."{name}"').fetchone()[0])


def with_earlier_pools(rows: Sequence[Row], history: History, known: Known) -> list[Row]:
    """The rows, and pooled figures that were shown once and are not offered any more: readers still know them."""
    place = {row.key: row for row in rows}
    found = list(rows)
    for key in history.ever[PARTNERS]:
        parts = [place[part] for part in known.members.get(key, ()) if part in place]
        if key.subject == POOLED and key not in place and parts:
            counts = {name: sum(part.counts[name] for part in parts) for name in parts[0].counts}
            found.append(Row(key, known.kinds[key.code], counts, sum(part.persons for part in parts)))
    return sorted(found, key=lambda row: row.key)


def _statuses(made: Decisions, history: History, subject: str, cells: pd.DataFrame) -> pd.DataFrame:
    """One row per cell, in the order of the keys."""
    names = ["consortium_code", "indicator_code", "district_code", "period"]
    names += ["pooled_over"] if subject == POOLED else []
    wanted = {Key(subject, *key) for key in cells[names].itertuples(index=False, name=None)}
    table = [
        [*key[1 : 1 + len(names)], *_told(made.decided[key]), _kept_from(history, key, made.decided[key])]
        for key in sorted(wanted)
    ]
    return _status_frame(table, [*names, "status", "rule", "is_pending", "kept_from"])


def _life_domain_statuses(made: Decisions, history: History, domains: pd.DataFrame, known: Known) -> pd.DataFrame:
    names = ["consortium_code", "life_domain_code", "district_code", "period"]
    table = []
    for *key, low, rated, reached, goals in domains[[*names, "low", "rated", "goals_reached", "goals"]].itertuples(
        index=False, name=None
    ):
        place = Key(LIFE_DOMAIN, *key)
        decided, limits = made.decided[place], known.limits(place.period)
        status, rule, is_pending = _told(decided)
        shares = [
            SECONDARY
            # their counts are not shown, so they cannot be rounded with the row
            if place in made.rounded
            else (NO_DATA if not whole else PRIMARY if judge_share(part, whole, limits) else PUBLISHED)
            if status == PUBLISHED
            else status
            for part, whole in ((low, rated), (reached, goals))
        ]
        table.append([*key, status, rule, is_pending, *shares, _kept_from(history, place, decided)])
    columns = [*names, "status", "rule", "is_pending", "low_status", "goal_status", "kept_from"]
    return _status_frame(sorted(table, key=lambda line: line[:4]), columns)


def _rounded_indicators(made: Decisions, known: Known) -> pd.DataFrame:
    """Rounded counts, and the share where these are on enough people."""
    table = []
    for key, counts in sorted(made.rounded.items()):
        if key.subject == INDICATOR:
            n, numerator = counts["n"], counts["numerator"]
            limits = known.limits(key.period)
            is_enough = n >= max(limits.persons, limits.sure)
            value = round(numerator / n, council.decimals(made.rows[key].kind, n)) if is_enough else None
            table.append([key.consortium_code, key.code, key.district_code, key.period, n, numerator, value])
    names = ["consortium_code", "indicator_code", "district_code", "period"]
    frame = pd.DataFrame(table, columns=[*names, "n", "numerator", "value"])
    return frame.astype(dict.fromkeys(names, "str") | {"n": "int64", "numerator": "int64", "value": "float64"})


def _rounded_life_domains(made: Decisions) -> pd.DataFrame:
    names, counted = ["consortium_code", "life_domain_code", "district_code", "period"], ["n", *CATEGORIES]
    table = [
        [key.consortium_code, key.code, key.district_code, key.period, *(counts[name] for name in counted)]
        for key, counts in sorted(made.rounded.items())
        if key.subject == LIFE_DOMAIN
    ]
    frame = pd.DataFrame(table, columns=[*names, *counted])
    return frame.astype(dict.fromkeys(names, "str") | dict.fromkeys(counted, "int64"))


def _told(decided: Decided) -> tuple[str, str | None, bool]:
    return decided.status, decided.rule or None, decided.is_pending


def _kept_from(history: History, key: Key, decided: Decided) -> str | None:
    return history.shown[PARTNERS][key].release_id if decided.is_pending else None


def _status_frame(table: list[list], columns: list[str]) -> pd.DataFrame:
    # text also where no row has a rule, or no row is there: a database would make numbers of it
    frame = pd.DataFrame(table, columns=columns)
    return frame.astype({name: "bool" if name == "is_pending" else "str" for name in columns})


def _true_counts(rows: Sequence[Row], domains: pd.DataFrame) -> pd.DataFrame:
    lines = []
    for row in rows:
        lines += [[*row.key, name, value] for name, value in (row.stored_counts | {"persons": row.persons}).items()]
    names = ["consortium_code", "life_domain_code", "district_code", "period"]
    for *key, rated, low, goals, reached in domains[[*names, *_SHARE_COUNTS]].itertuples(index=False, name=None):
        for name, value in zip(_SHARE_COUNTS, (rated, low, goals, reached), strict=True):
            lines.append([*Key(LIFE_DOMAIN, *key), name, int(value)])
    columns = ["subject", "consortium_code", "code", "district_code", "period", "pooled_over", "count_name", "value"]
    return pd.DataFrame(lines, columns=columns).astype(dict.fromkeys(columns[:-1], "str") | {"value": "int64"})


def _figures(made: Decisions, public: council.Edition) -> pd.DataFrame:
    """Per audience and half-year what is shown and hidden, and what the pattern costs."""
    efforts: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    for effort in made.efforts:
        for period in effort.periods:
            for at, spent in enumerate((effort.objective, effort.bound, effort.seconds)):
                efforts[period][at] += spent / len(effort.periods)
    lines = []
    for audience, decided in ((PARTNERS, made.decided), ("council", public.decided)):
        per_period: dict[str, list[tuple[Row, Decided]]] = defaultdict(list)
        for key, each in decided.items():
            if key.subject != POOLED:
                per_period[key.period].append((made.rows[key], each))
        for period, figures in sorted(per_period.items()):
            with_data = [(row, each) for row, each in figures if each.status != NO_DATA]
            count = {status: sum(each.status == status for _, each in with_data) for status in (PRIMARY, SECONDARY)}
            shown = [row for row, each in with_data if each.status == PUBLISHED]
            whole = sum(_worth(row) for row, _ in with_data)
            objective, bound, seconds = efforts[period] if audience == PARTNERS else (0.0, 0.0, 0.0)
            lines.append(
                [
                    audience,
                    period,
                    len(with_data),
                    len(shown),
                    count[PRIMARY],
                    count[SECONDARY],
                    sum(each.is_pending for _, each in with_data),
                    sum(_worth(row) for row in shown) / whole if whole else 1.0,
                    objective,
                    bound,
                    (objective - bound) / objective if objective > bound else 0.0,
                    seconds,
                    json.dumps(_by_rule(each for _, each in with_data)),
                ]
            )
    columns = ["audience", "period", "rows", "shown", "hidden_primary", "hidden_secondary", "pending"]
    columns += ["information_kept", "objective", "bound", "gap", "seconds", "hidden_by_rule"]
    return pd.DataFrame(lines, columns=columns)


def _worth(row: Row) -> int:
    """The people behind a figure; residents would drown everybody else."""
    return row.counts["numerator"] if row.kind == "rate" else row.counts["n"]


def _by_rule(decided) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for each in decided:
        if each.status in (PRIMARY, SECONDARY):
            counts[each.rule] += 1
    return dict(sorted(counts.items()))


def _description(name: str) -> str:
    if name in STATUS_TABLES:
        return f"Status of every row of {STATUS_TABLES[name][0]}; written by disclosure"
    return f"{OTHER_TABLES[name]}; written by disclosure"


def _write_rounded(warehouse: duckdb.DuckDBPyConnection, name: str, mart: str, frame: pd.DataFrame) -> None:
    """Figures with rounded counts, in the shape of their mart; what the mart fills itself is empty."""
    _new_table(warehouse, name, mart, f"Figures of {mart} with rounded counts in place of the true ones")
    warehouse.register("_rounded", frame.assign(is_pending=False, is_rounded=True))
    warehouse.execute(f"insert into disclosure.{name} by name select * from _rounded")
    warehouse.unregister("_rounded")


def _new_table(warehouse: duckdb.DuckDBPyConnection, name: str, mart: str, description: str) -> list[tuple[str, str]]:
    """An empty table in the shape of a mart, whose columns are returned."""
    columns = mart_columns(mart)
    declared = ", ".join(f'"{column}" {kind}' for column, kind in columns)
    warehouse.execute("create schema if not exists disclosure")
    warehouse.execute(f"create or replace table disclosure.{name} ({declared})")
    warehouse.execute(f"comment on table disclosure.{name} is '{description}; written by disclosure'")
    return columns


def _write_kept(warehouse: duckdb.DuckDBPyConnection, settings: Settings, name: str, mart: str, made: Frames) -> None:
    """The rows of figures that are pending, as the release had them in which they were last shown."""
    columns = _new_table(warehouse, name, mart, f"Rows of {mart} that wait with a correction")
    status = {"fct_indicator": "indicator_status", "fct_life_domain": "life_domain_status"}.get(mart, "pooled_status")
    pending = made[status][made[status]["is_pending"]]
    key = STATUS_TABLES[status][1]
    for release_id, keys in pending.groupby("kept_from"):
        file = settings.releases / release_id / "files" / "parquet" / f"{mart}.parquet"
        warehouse.register("_pending", keys)
        described = warehouse.execute("describe select * from read_parquet(?)", [str(file)]).fetchall()
        present = {row[0] for row in described}
        shown = ", ".join(
            "true as is_pending" if column == "is_pending"
            else f'old."{column}"' if column in present
            else f'null as "{column}"'
            for column, _ in columns
        )  # fmt: skip
        warehouse.execute(
            f"insert into disclosure.{name} select {shown} from read_parquet(?) old semi join _pending using ({key})",
            [str(file)],
        )
        warehouse.unregister("_pending")


def _settled(settings: Settings, release_id: str, tables: Tables) -> dict[Key, Settled]:
    """What the newest release made of each figure, and the counts behind it."""
    folder = settings.releases / release_id
    counts = {key: each for states in tables.values() for key, each in states[-1][1].items()}
    found = {}
    for table, subject in SUBJECTS.items():
        if subject == POOLED:
            continue
        code = "life_domain_code" if subject == LIFE_DOMAIN else "indicator_code"
        frame = pd.read_parquet(folder / "files" / "parquet" / f"{table}.parquet")
        names = ["consortium_code", code, "district_code", "period", "status", "is_pending"]
        for *key, status, is_pending in frame[names].itertuples(index=False, name=None):
            place = Key(subject, *key)
            if place in counts and not is_pending:
                found[place] = Settled(PUBLISHED if status == UNRELIABLE else status, counts[place])
    return found


def _refused(settings: Settings, release_id: str, truth: pd.DataFrame) -> dict[Key, dict[str, int]]:
    """Pooled figures that a release did not offer because they would have given something away, with their counts."""
    sealed = settings.releases / release_id / "sealed" / "pooled_status.parquet"
    if not sealed.is_file():
        return {}  # of a version that did not keep it
    frame = pd.read_parquet(sealed)
    key = ["consortium_code", "code", "district_code", "period", "pooled_over"]
    frame = frame[frame["rule"] == POOL].rename(columns={"indicator_code": "code"})[key]
    counts = truth[(truth["subject"] == POOLED) & truth["count_name"].isin(("n", "numerator"))].merge(frame, on=key)
    found: dict[Key, dict[str, int]] = defaultdict(dict)
    for *place, name, value in counts[[*key, "count_name", "value"]].itertuples(index=False, name=None):
        found[Key(POOLED, *place)][name] = int(value)
    return dict(found)


def _truth(settings: Settings, release_id: str) -> pd.DataFrame | None:
    """The exact counts that a release was made of; None when they are gone."""
    path = settings.releases / release_id / "sealed" / "true_count.parquet"
    return pd.read_parquet(path) if path.is_file() else None


def _uncertain(settings: Settings, event: ledger.Entry, truth: pd.DataFrame) -> pd.DataFrame:
    """Counts of the figures that a release did not show because they were too uncertain: its statistics tell them."""
    files = settings.releases / event.release_id / "files" / "parquet"
    if not (files / "fct_indicator.parquet").is_file():
        return pd.DataFrame()
    facts = pd.read_parquet(files / "fct_indicator.parquet")
    facts = facts[facts["status"] == UNRELIABLE].rename(columns={"indicator_code": "code"})
    periods = pd.read_parquet(files / "dim_period.parquet")[["period", "delivery_status"]]
    kinds = pd.read_parquet(files / "dim_indicator.parquet")[["indicator_code", "kind"]]
    key = ["consortium_code", "code", "district_code", "period"]
    counts = truth.query("subject == @INDICATOR and count_name in ('n', 'numerator')")
    found = counts.merge(facts[key], on=key).merge(periods, on="period")
    # how high people scored in all is not told
    found = found.merge(kinds.rename(columns={"indicator_code": "code"}), on="code")
    found = found[(found["kind"] != "mean") | (found["count_name"] == "n")]
    return found.rename(columns={"count_name": "column_name"}).assign(
        table_name="fct_indicator",
        is_pending=False,
        number=event.number,
        release_id=event.release_id,
        audience=event.audience,
        at=event.at,
    )


def _members(settings: Settings, releases: Sequence[str]) -> dict[Key, tuple[Key, ...]]:
    """The parts of the pooled figures of releases, as the last one had them."""
    paths = [settings.releases / release_id / "sealed" / "pool_member.parquet" for release_id in releases]
    frames = [pd.read_parquet(path).assign(number=at) for at, path in enumerate(paths) if path.is_file()]
    if not frames:
        return {}
    pool = ["consortium_code", "indicator_code", "district_code", "period", "pooled_over"]
    every = pd.concat(frames, ignore_index=True)
    every = every[every["number"] == every.groupby(pool)["number"].transform("max")]
    found: dict[Key, list[Key]] = defaultdict(list)
    for *key, code, area, period in every[[*pool, "member_indicator", "member_district", "member_period"]].itertuples(
        index=False, name=None
    ):
        # the consortium of an indicator is the first part of its code
        found[Key(POOLED, *key)].append(Key(INDICATOR, code.split("_")[0], code, area, period))
    return {key: tuple(parts) for key, parts in found.items()}


def _erased(settings: Settings) -> dict[str, str]:
    """Per consortium when somebody was last erased."""
    if not settings.erasure_log.is_file():
        return {}
    found: dict[str, str] = {}
    for line in settings.erasure_log.read_text(encoding="utf-8").splitlines():
        if line.endswith("}"):  # a torn line is of a write that was interrupted, and that is done again
            event = json.loads(line)
            found[event["consortium"]] = max(found.get(event["consortium"], ""), event["at"].removesuffix("Z"))
    return found
