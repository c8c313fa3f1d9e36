"""`make bench`: seconds and memory of each room on a simulated history, beside a baseline of the same run.

Machines differ and are noisy, so the figure to compare is the ratio. The baseline is the least that any intake must do:
DuckDB reads the same CSV files as text and writes them as Parquet. Nothing here asserts; tests never measure time.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from pipeline.periods import HalfYear
from pipeline.settings import Settings


def _simulate(settings: Settings, scale: float, first: HalfYear, last: HalfYear) -> int:
    from pipeline.simulation import simulate

    made = simulate(settings.inbox, first, last, scale=scale)
    return sum(made.rows.values())


def _baseline(settings: Settings, *_: object) -> int:
    import duckdb

    target = settings.home / "baseline.parquet"
    rows = 0
    with duckdb.connect() as connection:
        for path in sorted(settings.inbox.rglob("*.csv")):
            source = f"read_csv('{path}', all_varchar = true, encoding = 'latin-1', ignore_errors = true)"
            rows += connection.execute(f"copy (from {source}) to '{target}' (format parquet)").fetchone()[0]
    return rows


def _intake(settings: Settings, *_: object) -> int:
    from pipeline.deliveries.intake import find_deliveries, receive
    from pipeline.deliveries.vault import ensure_vault

    ensure_vault(settings)
    outcomes = [receive(folder, settings) for folder in find_deliveries(settings)]
    return sum(count.received for outcome in outcomes for count in outcome.tables.values())


def _monitors(settings: Settings, *_: object) -> int:
    from pipeline.monitors import cbs_kwb, cbs_wijken, ggd_gezondheid
    from pipeline.monitors.vault import store

    sources = (cbs_kwb, ggd_gezondheid, cbs_wijken)
    return sum(vintage.rows for each in sources for vintage in store(settings, each.MONITOR, each.read()))


def _build(settings: Settings, *, protected: bool) -> int:
    from pipeline.publication.release import WAREHOUSE_SCHEMAS
    from pipeline.warehouse.build import run_build
    from pipeline.warehouse.manifest import ensure_manifest, read_graph

    schemas = WAREHOUSE_SCHEMAS.values()
    nodes = read_graph(ensure_manifest()).nodes.values()
    return len(list(run_build(settings, [node.name for node in nodes if (node.schema in schemas) == protected])))


def _cells(settings: Settings, *_: object) -> int:
    return _build(settings, protected=False)


def _surveys(settings: Settings, *_: object) -> int:
    from pipeline.reliability import steps
    from pipeline.warehouse.connection import open_warehouse

    with open_warehouse(settings) as warehouse:
        held = steps.thresholds_of(warehouse, settings.judging_day)
        return sum(len(frame) for frame in steps.measure_surveys(warehouse, held).values())


def _ratings(settings: Settings, *_: object) -> int:
    from pipeline.reliability import steps
    from pipeline.warehouse.connection import open_warehouse

    with open_warehouse(settings) as warehouse:
        held = steps.thresholds_of(warehouse, settings.judging_day)
        return sum(len(frame) for frame in steps.measure_ratings(warehouse, held).values())


def _verdicts(settings: Settings, *_: object) -> int:
    from pipeline.reliability import steps
    from pipeline.warehouse.connection import open_warehouse

    with open_warehouse(settings) as warehouse:
        steps.find_neighbours(warehouse)
        return len(steps.judge_cells(warehouse, settings.judging_day).check)


def _protection(settings: Settings, *_: object) -> int:
    from pipeline.disclosure.steps import protect_cells
    from pipeline.warehouse.connection import open_warehouse

    with open_warehouse(settings) as warehouse:
        return sum(len(frame) for frame in protect_cells(warehouse, settings).values())


def _marts(settings: Settings, *_: object) -> int:
    return _build(settings, protected=True)


def _release(settings: Settings, *_: object) -> int:
    from pipeline.publication.life import publish_waiting
    from pipeline.publication.release import make_release

    release, _ = make_release(settings)
    publish_waiting(settings, release.audience)
    return sum(release.rows.values())


def _definitions(*_: object) -> int:
    import pipeline.definitions

    return len(pipeline.definitions.defs.resolve_asset_graph().materializable_asset_keys)


STEPS: tuple[tuple[str, Callable[..., int]], ...] = (
    ("simulate", _simulate),
    ("baseline: read CSV, write Parquet", _baseline),
    ("deliveries: intake", _intake),
    ("monitors: load", _monitors),
    ("warehouse: staging to cells", _cells),
    ("reliability: surveys", _surveys),
    ("reliability: ratings and change", _ratings),
    ("reliability: verdicts", _verdicts),
    ("disclosure: first protection", _protection),
    ("warehouse: marts", _marts),
    ("publication: release", _release),
    ("load the Dagster definitions", _definitions),
)


def _measure(step: Callable[..., int], arguments: tuple, results: multiprocessing.Queue) -> None:
    started = time.perf_counter()
    items = step(*arguments)
    seconds = time.perf_counter() - started
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    results.put({"seconds": seconds, "items": items, "megabytes": peak / 1024})


def measured(step: Callable[..., int], arguments: tuple) -> dict[str, float]:
    """What a step takes in a process of its own.

    Args:
        step: says how many items it dealt with.
        arguments: of the step.

    Returns:
        ``seconds``, ``items``, ``megabytes`` (peak of that process, and of the largest that it started).

    Raises:
        SystemExit: when the step fails.
    """
    spawn = multiprocessing.get_context("spawn")
    results = spawn.Queue()
    process = spawn.Process(target=_measure, args=(step, arguments, results))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"{step.__name__.strip('_')} failed")
    return results.get()


def main() -> None:
    """Run every step in a process of its own and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--from", dest="first", default="2021-H1")
    parser.add_argument("--to", dest="last", default="2026-H1")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    chosen = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 100)
    found = {}
    with TemporaryDirectory() as folder:
        arguments = (
            Settings(home=Path(folder), environment="test"),
            chosen.scale,
            HalfYear.parse(chosen.first),
            HalfYear.parse(chosen.last),
        )
        for name, step in STEPS:
            with console.status(name):
                found[name] = measured(step, arguments)
    baseline = found[STEPS[1][0]]["seconds"]
    table = Table(title=f"scale {chosen.scale:g}, {chosen.first} to {chosen.last}", title_justify="left")
    for heading in ("step", "seconds", "of baseline", "peak MB", "items"):
        table.add_column(heading, justify="left" if heading == "step" else "right")
    for name, each in found.items():
        each["ratio"] = each["seconds"] / baseline
        table.add_row(
            name, f"{each['seconds']:.1f}", f"{each['ratio']:.1f}", f"{each['megabytes']:.0f}", f"{each['items']:,}"
        )
    console.print(table)
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
