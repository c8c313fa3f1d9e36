"""`python tests/benchmarks/disclosure_yardstick.py --tauargus PYTHON`: the solver beside the yardstick, and at scale.

The same single-release tables go to the solver and to the optimal suppression of pytauargus 0.6 (the OPT of τ-Argus on
HiGHS). Both get the same file in the JJ format: the same cells, margins, bounds and levels, every cell at weight 1, so
that the objective is the number of hidden cells. pytauargus is a tool of this benchmark only: it runs under an
interpreter of its own (PYTHON, with pytauargus installed), each table in a process and an empty folder of its own, as
it can crash and leaves values behind. Its seconds are told twice: of its solver alone, and of the whole process. With
`--home HOME` the tables of that installation's newest half-year come first: its districts by the outcomes of each life
domain, and by the sides of each share.

Then half-years of simulated municipalities are protected, row by row of all districts and neighbourhoods, and the
seconds of a sample are extrapolated to the 342 municipalities of the Netherlands. Nothing here asserts.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
from rich.console import Console
from rich.table import Table

from pipeline.disclosure.pattern import cheapest_pattern
from pipeline.disclosure.problem import Cell, Equation, Problem, Status, protection_levels

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "disclosure"))
from jj_format import numbered, read_jj, write_jj
from suppression_tables import THRESHOLD, WIDTH, counts, table, total

_MUNICIPALITIES, _PROCESSORS = 342, 2
_DOMAINS = 13
_OUTCOMES = ("improved", "stable", "worsened")

# Name, how many tables, sizes without margins, mean count.
_SHAPES = (
    ("16 districts x 3 outcomes", 39, (16, 3), (8, 20, 40)),
    ("16 districts x 2 sides", 21, (16, 2), (20, 60, 150)),
    ("16 districts x 13 domains", 6, (16, 13), (15, 30, 100)),
    ("29 districts x 20 domains", 4, (29, 20), (20, 150)),
    ("69 districts x 40 groups", 3, (69, 40), (30, 300)),
    ("3 x 4 x 13", 2, (3, 4, 13), (20, 60)),
)

_YARDSTICK = """
import sys, time
from pytauargus import HiTaSCtrl
begin = time.perf_counter()
code = HiTaSCtrl().full_jj(in_file_jj="table.jj", out_file="hidden.txt", max_time=int(sys.argv[1]))
print(code, time.perf_counter() - begin)
"""


@dataclass
class _Outcome:
    """What one engine did with the tables of one shape."""

    hidden: list[int | None]
    seconds: float
    process_seconds: float = 0.0


def _tables(number: int, shape: tuple[int, ...], means: tuple[int, ...]) -> list[Problem]:
    made = []
    for seed in range(number):
        made.append(_plain(counts(shape, seed, float(means[seed % len(means)]))))
    return made


def _plain(counted: np.ndarray) -> Problem:
    """A table of which every cell weighs 1, as both engines read it."""
    weighed = table(counted)
    plain = Problem(tuple(replace(cell, weight=1) for cell in weighed.cells), weighed.equations)
    return read_jj(write_jj(numbered(plain)))


def _tables_of_release(home: Path) -> dict[str, list[Problem]]:
    """The tables of the newest half-year of an installation, by their shape."""
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as warehouse:
        domains = warehouse.execute(
            "select consortium_code || ' ' || life_domain_code, improved, stable, worsened "
            "from cells.life_domain_cell where district_code not like 'GM%' "
            "and period = (select max(period) from cells.life_domain_cell) order by all"
        ).fetchall()
        shares = warehouse.execute(
            "select indicator_code, numerator, n - numerator from cells.indicator_cell "
            "join reference.indicators using (indicator_code) where kind = 'proportion' "
            "and district_code not like 'GM%' and period = (select max(period) from cells.indicator_cell) order by all"
        ).fetchall()
    return {
        name: [_plain(np.array([values for _, *values in rows])) for _, rows in groupby(read, itemgetter(0))]
        for name, read in (("life domains of a release", domains), ("shares of a release", shares))
    }


def _solve(problems: list[Problem]) -> _Outcome:
    begin = time.perf_counter()
    patterns = [cheapest_pattern(problem) for problem in problems]
    seconds = time.perf_counter() - begin
    return _Outcome([len(pattern.secondary) for pattern in patterns], seconds, seconds)


def _yardstick(problems: list[Problem], python: str, limit: int) -> _Outcome:
    outcome = _Outcome([], 0.0)
    for problem in problems:
        with TemporaryDirectory() as folder:
            (Path(folder) / "table.jj").write_text(write_jj(problem))
            begin = time.perf_counter()
            command = [python, "-c", _YARDSTICK, str(limit)]
            answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            outcome.process_seconds += time.perf_counter() - begin
            if answer.returncode or not answer.stdout.startswith("0 "):
                outcome.hidden.append(None)
                continue
            outcome.seconds += float(answer.stdout.split()[1])
            outcome.hidden.append(len((Path(folder) / "hidden.txt").read_text().split()))
    return outcome


def _compare(console: Console, python: str, limit: int, home: Path | None) -> None:
    found = Table(title="hidden cells besides the primary ones, and seconds")
    for name in ("tables", "number", "cells", "hidden", "yardstick", "fewer", "more", "failed"):
        found.add_column(name, justify="left" if name == "tables" else "right")
    for name in ("seconds", "its solver", "its process", "ratio solver", "ratio process"):
        found.add_column(name, justify="right")
    sums = np.zeros(3)
    tables = _tables_of_release(home) if home else {}
    tables |= {name: _tables(number, shape, means) for name, number, shape, means in _SHAPES}
    for name, problems in tables.items():
        ours, theirs = _solve(problems), _yardstick(problems, python, limit)
        both = [(own, their) for own, their in zip(ours.hidden, theirs.hidden, strict=True) if their is not None]
        sums += (ours.seconds, theirs.seconds, theirs.process_seconds)
        found.add_row(
            name,
            str(len(problems)),
            str(len(problems[0].cells)),
            str(sum(own for own, _ in both)),
            str(sum(their for _, their in both)),
            str(sum(own < their for own, their in both)),
            str(sum(own > their for own, their in both)),
            str(theirs.hidden.count(None)),
            *_seconds(ours.seconds, theirs.seconds, theirs.process_seconds),
        )
    found.add_row("all", *[""] * 7, *_seconds(*sums))
    console.print(found)


def _seconds(ours: float, solver: float, process: float) -> tuple[str, ...]:
    return f"{ours:.2f}", f"{solver:.2f}", f"{process:.2f}", f"{solver / ours:.1f}", f"{process / ours:.1f}"


def _row(area: str, domain: int, people: np.ndarray, weight: int) -> list[Cell]:
    """One row of a life domain: hidden when it counts few people, a small side, or everybody on one side."""
    n = int(people.sum())
    row = f"{domain:02d} {area}"
    if n == 0:
        return [Cell(f"{row} {name}", 0, status=Status.KNOWN) for name in ("n", *_OUTCOMES)]
    few, small = n < THRESHOLD, [0 < side < WIDTH for side in people]
    primary = few or any(small) or n in people
    status = Status.MUST_HIDE if primary else Status.MAY_HIDE
    cells = []
    least = [THRESHOLD if few else 0, *(WIDTH if each else 0 for each in small)]
    for name, value, above in zip(("n", *_OUTCOMES), (n, *people.tolist()), least, strict=True):
        levels = protection_levels(value, WIDTH, above) if primary else {}
        cells.append(Cell(f"{row} {name}", value, weight if name == "n" else 0, status, row=row, **levels))
    return cells


def _municipality(seed: int) -> list[Problem]:
    """A half-year: each life domain of all neighbourhoods, districts and the municipality, in numbers by chance."""
    rng = np.random.default_rng(seed)
    districts = 1 + int(rng.poisson(9 * rng.lognormal(0, 0.6)))
    neighbourhoods = [1 + int(rng.poisson(3.3)) for _ in range(districts)]
    inhabitants = rng.lognormal(0, 1, sum(neighbourhoods))
    problems = []
    for domain in range(_DOMAINS):
        mean = rng.uniform(2, 30) * inhabitants
        people = rng.poisson(mean[:, None] * rng.dirichlet((6, 8, 3)))
        cells, equations, at, wholes = [], [], 0, []
        for district, number in enumerate(neighbourhoods):
            parts = {f"d{district:03d}.{place:02d}": people[at + place] for place in range(number)}
            at += number
            wholes.append((f"d{district:03d}", sum(parts.values())))
            for area, counted in (*parts.items(), wholes[-1]):
                cells += _row(area, domain, counted, int(counted.sum()).bit_length() + (4 if "." not in area else 0))
            equations += _adding_up(domain, wholes[-1][0], list(parts))
        counted = people.sum(axis=0)
        cells += _row("gm", domain, counted, 10 * int(counted.sum()).bit_length() + 1)
        equations += _adding_up(domain, "gm", [area for area, _ in wholes])
        areas = ("gm", *(area for area, _ in wholes), *(c.key.split()[1] for c in cells if c.key.endswith(" n")))
        for area in dict.fromkeys(areas):
            equations.append(total(f"{domain:02d} {area} n", [f"{domain:02d} {area} {side}" for side in _OUTCOMES]))
        problems.append(Problem(tuple(cells), tuple(equations)))
    return problems


def _adding_up(domain: int, whole: str, parts: list[str]) -> list[Equation]:
    return [
        total(f"{domain:02d} {whole} {name}", [f"{domain:02d} {part} {name}" for part in parts])
        for name in ("n", *_OUTCOMES)
    ]


def _scale(console: Console, sample: int) -> None:
    seconds, cells, rows, hidden, widest = 0.0, 0, 0, 0, 0.0
    for seed in range(sample):
        begin = time.perf_counter()
        problems = _municipality(seed)
        patterns = [cheapest_pattern(problem) for problem in problems]
        seconds += time.perf_counter() - begin
        cells += sum(len(problem.cells) for problem in problems)
        rows += sum(len(problem.rows_of(problem.cells)) for problem in problems)
        hidden += sum(len(pattern.hidden_rows) for pattern in patterns)
        widest = max(widest, *(pattern.gap for pattern in patterns))
    everything = seconds / sample * _MUNICIPALITIES / _PROCESSORS / 60
    console.print(
        f"{sample} municipalities, one half-year of {_DOMAINS} domains: {cells:,} cells, {rows:,} rows of which"
        f" {hidden:,} hidden, largest gap {widest:.1%}, {seconds:.1f} s on one processor.\n"
        f"{_MUNICIPALITIES} municipalities: {cells / sample * _MUNICIPALITIES:,.0f} cells, {everything:.1f} minutes on"
        f" {_PROCESSORS} processors."
    )


def main() -> None:
    """Compare and extrapolate."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tauargus", metavar="PYTHON", help="an interpreter that has pytauargus 0.6")
    parser.add_argument("--home", type=Path, help="an installation of which a release is compared too")
    parser.add_argument("--limit", type=int, default=60, help="seconds for one table of the yardstick")
    parser.add_argument("--sample", type=int, default=12, help="municipalities measured")
    chosen = parser.parse_args()
    console = Console(width=160)
    if chosen.tauargus:
        _compare(console, chosen.tauargus, chosen.limit, chosen.home)
    _scale(console, chosen.sample)


if __name__ == "__main__":
    main()
