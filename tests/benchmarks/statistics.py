"""`make bench-statistics`: seconds and memory of all statistics on ten million answers, beside a baseline of that run.

One million interviews of ten questions each, of one consortium over twelve years, lie in the vault. The baseline is the
least that any statistic must do: DuckDB reads the answers once and adds them up per question and half-year. Nothing
here asserts; tests never measure time.
"""

from __future__ import annotations

import argparse
import csv
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from pipeline.periods import HalfYear
from pipeline.settings import SEEDS, Settings

_QUESTIONS = ("tevredenheid", "gehoord", "eigen_regie", "ceo_vindbaar", "ceo_snel", "ceo_serieus", "ceo_oplossingen")
_QUESTIONS += ("ceo_kwaliteit", "ceo_past", "ceo_doen")
_FIRST, _HALF_YEARS = HalfYear(2015, 1), 22
_INTERVIEWERS = 160
_BOUNDS = np.array([-1.6, -0.9, -0.2, 0.8])


def _fill_vault(settings: Settings, answers: int) -> int:
    """Interviews with a common opinion, a warmth per interviewer and a level per district; times that can be."""
    from pipeline.deliveries.vault import LOG_SCHEMA, LOG_TABLES_SCHEMA, ensure_vault
    from pipeline.monitors import cbs_kwb, cbs_wijken, ggd_gezondheid
    from pipeline.monitors.vault import store

    ensure_vault(settings)
    for each in (cbs_kwb, ggd_gezondheid, cbs_wijken):
        store(settings, each.MONITOR, each.read())
    with (SEEDS / "districts.csv").open(encoding="utf-8") as file:
        districts = [row["district_code"] for row in csv.DictReader(file) if row["district_level"] == "district"]
    each_half_year = answers // len(_QUESTIONS) // _HALF_YEARS
    rng = np.random.default_rng(1)
    written = 0
    for number in range(_HALF_YEARS):
        period = _FIRST.shift(number)
        warmth = rng.normal(0, 0.2, (len(districts), _INTERVIEWERS))
        district = rng.integers(0, len(districts), each_half_year)
        interviewer = rng.integers(0, _INTERVIEWERS, each_half_year)
        opinion = rng.standard_normal((each_half_year, 1)) + warmth[district, interviewer][:, None]
        given = np.searchsorted(_BOUNDS, opinion * 0.7 + 0.7 * rng.standard_normal((each_half_year, len(_QUESTIONS))))
        days = np.array([period.starts_on + timedelta(days=int(day)) for day in range(180)])
        keys = [f"{number:02d}-{at:09d}" for at in range(each_half_year)]
        place = {"consortium": "tom", "period": str(period), "version": 1}
        interviews = {
            "gesprek_id": keys,
            "wijkcode": np.array(districts)[district],
            "doelgroep": np.full(each_half_year, "client"),
            "uitkomst": np.full(each_half_year, "afgerond"),
            "afgenomen_op": days[rng.integers(0, 180, each_half_year)],
            "begonnen_om": np.array([f"{hour:02d}:00" for hour in range(9, 18)])[rng.integers(0, 9, each_half_year)],
            "duur_minuten": rng.integers(15, 50, each_half_year),
            "wijze": np.full(each_half_year, "huisbezoek"),
            "team": np.array(districts)[district],
            "interviewer_id": [f"i{a}-{b}" for a, b in zip(district.tolist(), interviewer.tolist(), strict=True)],
            "onafhankelijk": rng.random(each_half_year) < 0.1,
        }
        replies = {
            "gesprek_id": np.repeat(np.array(keys), len(_QUESTIONS)),
            "vraag": np.tile(np.array(_QUESTIONS), each_half_year),
            "antwoord": (1 + given).ravel()
            * np.tile(np.r_[2, np.ones(len(_QUESTIONS) - 1, dtype=int)], each_half_year),
        }
        for name, columns in (("gesprekken", interviews), ("antwoorden", replies)):
            rows = len(columns["gesprek_id"])
            written += rows
            _write(settings, name, columns | {key: [value] * rows for key, value in place.items()}, period, rows)
        log = place | {"status": "accepted", "contract": 1, "package_hash": "", "correction_of_final": False}
        log |= {"created": datetime(2026, 1, 1), "received_at": datetime(2026, 1, 1)}
        log |= dict.fromkeys(("rows_received", "rows_accepted", "rows_refused"), 0)
        folder = settings.vault / "deliveries"
        for name, schema, rows in (("_log", LOG_SCHEMA, [log]), ("_log_tables", LOG_TABLES_SCHEMA, [])):
            path = folder / name / "tom" / str(period) / "v1.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.Table.from_pylist(rows, schema), path)
    return written


def _write(settings: Settings, name: str, columns: dict, period: HalfYear, rows: int) -> None:
    from pipeline.deliveries.contract import load_contracts
    from pipeline.deliveries.vault import vault_schema

    schema = vault_schema(load_contracts()[name])
    columns = columns | {"row_number": np.arange(1, rows + 1)}
    arrays = [
        pa.array(columns[field.name], field.type) if field.name in columns else pa.nulls(rows, field.type)
        for field in schema
    ]
    path = settings.vault / "deliveries" / name / "tom" / str(period) / "v1.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), path)


def _baseline(settings: Settings, _: int) -> int:
    import duckdb

    source = f"read_parquet('{settings.vault}/deliveries/antwoorden/**/*.parquet', union_by_name = true)"
    query = f"select vraag, period, count(*), sum(antwoord), sum(antwoord * antwoord) from {source} group by all"
    return len(duckdb.sql(query).fetchall())


def _models(settings: Settings, schemas: set[str]) -> int:
    from pipeline.warehouse.build import run_build
    from pipeline.warehouse.manifest import ensure_manifest, read_graph

    nodes = read_graph(ensure_manifest()).nodes.values()
    return len(list(run_build(settings, [node.name for node in nodes if node.schema in schemas])))


def _staging(settings: Settings, _: int) -> int:
    return _models(settings, {"reference", "staging"})


def _sums(settings: Settings, _: int) -> int:
    return _models(settings, {"intermediate", "cells"})


def _surveys(settings: Settings, _: int) -> int:
    from pipeline.reliability import steps
    from pipeline.warehouse.connection import open_warehouse

    with open_warehouse(settings) as warehouse:
        held = steps.thresholds_of(warehouse, settings.judging_day)
        return sum(len(frame) for frame in steps.measure_surveys(warehouse, held).values())


def _verdicts(settings: Settings, _: int) -> int:
    from pipeline.reliability import steps
    from pipeline.warehouse.connection import open_warehouse

    with open_warehouse(settings) as warehouse:
        steps.measure_ratings(warehouse, steps.thresholds_of(warehouse, settings.judging_day))
        steps.find_neighbours(warehouse)
        return len(steps.judge_cells(warehouse, settings.judging_day).check)


STEPS: tuple[tuple[str, Callable[..., int]], ...] = (
    ("fill the vault", _fill_vault),
    ("baseline: add up the answers", _baseline),
    ("dbt: reference and staging", _staging),
    ("dbt: sums and cells, with their tests", _sums),
    ("surveys: all statistics", _surveys),
    ("ratings, verdicts and ladder", _verdicts),
)


def _measure(step: Callable[..., int], arguments: tuple, results: multiprocessing.Queue) -> None:
    started = time.perf_counter()
    items = step(*arguments)
    seconds = time.perf_counter() - started
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    processor = sum(each.ru_utime + each.ru_stime for each in usage)
    results.put((seconds, processor, max(each.ru_maxrss for each in usage) / 1024, items))


def main() -> None:
    """Run every step in a process of its own and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=int, default=10_000_000)
    chosen = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    table = Table(title=f"{chosen.answers:,} answers", title_justify="left")
    for heading in ("step", "seconds", "processor seconds", "of baseline", "peak MB", "items"):
        table.add_column(heading, justify="left" if heading == "step" else "right")
    console = Console(width=None if sys.stdout.isatty() else 110)
    baseline = None
    with TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder), environment="test")
        for name, step in STEPS:
            with console.status(name):
                results = spawn.Queue()
                process = spawn.Process(target=_measure, args=(step, (settings, chosen.answers), results))
                process.start()
                process.join()
                if process.exitcode:
                    raise SystemExit(f"{name} failed")
                seconds, processor, megabytes, items = results.get()
            baseline = seconds if step is _baseline else baseline
            ratio = f"{seconds / baseline:.1f}" if baseline else ""
            table.add_row(name, f"{seconds:.1f}", f"{processor:.1f}", ratio, f"{megabytes:.0f}", f"{items:,}")
    console.print(table)


if __name__ == "__main__":
    main()
