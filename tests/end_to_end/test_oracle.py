"""The whole product against the oracle: deliveries in at one end, every figure compared at the other.

Fails when any figure of any indicator, district and half-year differs from the brute-force count, when a row is refused
or accepted wrongly, or when a version counts that should not. Run the by-hand tests first: they say who is right.
"""

from __future__ import annotations

import csv
import json
import math
import os
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest
from oracle import by_hand
from oracle.deliveries import PERSONAL_DATA, Package, World, write_package
from oracle.indicators import Cell, answer_cells, counting, indicator_cells, life_domain_cells, read_places

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "seeds"
PLACES = read_places(REFERENCE / "districts.csv", REFERENCE / "open_data" / "cbs_kwb" / "kwb_2022_wijken_GM0484.csv")
BY_HAND = "by hand"
# Between them the worlds hold every awkward case several times over; one of them is enough for every day.
# half of the last decimal in which a figure is shown
HALF_A_UNIT = {
    "proportion": lambda n: 0.005 if n < 1000 else 0.0005,
    "ratio": lambda n: 0.5 if n < 1000 else 0.05,
    "rate": lambda n: 0.05,
    "mean": lambda n: 0.05 if n < 200 else 0.005,
    "count": lambda n: 0,
}
SEEDS = tuple(pytest.param(seed, marks=pytest.mark.slow) for seed in (101, 102, 110))


def _reference(name: str) -> list[dict[str, str]]:
    with (REFERENCE / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


REGISTRY = {row["indicator_code"]: row for row in _reference("indicators")}
THRESHOLDS = {row["threshold_code"]: float(row["value"]) for row in _reference("thresholds")}
DOMAINS = {row["life_domain_code"] for row in _reference("life_domains")}


@dataclass(frozen=True)
class Run:
    """A world that went through the product: what was sent, where the results are, how the command ended."""

    packages: list[Package] = field(repr=False)
    home: Path
    done: subprocess.CompletedProcess[str] = field(repr=False)

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Rows of a query on the warehouse."""
        with duckdb.connect(str(self.home / "warehouse.duckdb"), read_only=True) as connection:
            relation = connection.execute(sql)
            names = [column[0] for column in relation.description]
            return [dict(zip(names, row, strict=True)) for row in relation.fetchall()]

    def expected(self) -> dict[tuple[str, str, str, str], Cell]:
        """The oracle's figures."""
        return indicator_cells([package.true_rows() for package in self.packages], PLACES)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str | int], Run]:
    """Worlds by seed, or the one made by hand; each goes through the product once."""

    @cache
    def processed(seed: str | int) -> Run:
        rng = random.Random(seed)
        packages = by_hand.packages() if seed == BY_HAND else World(rng, PLACES.districts, PLACES.residents).packages()
        home = tmp_path_factory.mktemp("home")
        for package in packages:
            write_package(home / "inbox", package, rng)
        return Run(packages, home, _run_product(home, tmp_path_factory.mktemp("user")))

    def succeeded(seed: str | int) -> Run:
        run = processed(seed)
        assert run.done.returncode == 0, run.done.stdout[-3000:] + run.done.stderr[-3000:]
        return run

    return succeeded


@pytest.fixture(params=[BY_HAND, *SEEDS], ids=str)
def run(request: pytest.FixtureRequest, runs: Callable[[str | int], Run]) -> Run:
    """Each world after the other."""
    return runs(request.param)


def _run_product(home: Path, user: Path) -> subprocess.CompletedProcess[str]:
    """Process the inbox through the front door, in an environment that holds nothing of the developer's."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(user),
        "LANG": "C.UTF-8",
        "EFFECTMONITOR_HOME": str(home),
        "EFFECTMONITOR_ENVIRONMENT": "test",
    }
    command = [sys.executable, "-m", "pipeline.cli", "run"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def _same(found: float | None, expected: float | None) -> bool:
    if found is None or expected is None:
        return found is expected
    return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-9)


def test_every_figure_is_the_counted_one(run: Run) -> None:
    expected = run.expected()
    found = {
        (row["consortium_code"], row["indicator_code"], row["district_code"], row["period"]): row
        for row in run.rows("select * from cells.indicator_cell")
    }
    assert set(found) - set(expected) == set()
    assert set(expected) - set(found) == set()
    wrong = []
    for key, cell in expected.items():
        row = found[key]
        same = (row["n"], row["numerator"], row["persons"]) == (cell.n, cell.numerator, cell.persons)
        same = same and (row["sum_of_squares"], row["places"]) == (cell.sum_of_squares, cell.places)
        if not same or not _same(row["value"], cell.value):
            wrong.append((key, cell, {name: row[name] for name in ("n", "numerator", "value", "persons")}))
    assert wrong == []


@pytest.mark.parametrize("case", by_hand.CASES, ids=lambda case: case.name)
def test_figures_are_those_worked_out_by_hand(case: by_hand.Case, runs: Callable[[str | int], Run]) -> None:
    found = {
        (row["indicator_code"], row["district_code"], row["period"]): row
        for row in runs(BY_HAND).rows("select * from cells.indicator_cell")
    }
    for key, (n, numerator, value) in case.figures.items():
        assert (found[key]["n"], found[key]["numerator"]) == (n, numerator), key
        assert _same(found[key]["value"], value), key


def test_outcomes_per_life_domain_are_the_counted_ones(run: Run) -> None:
    expected = life_domain_cells([package.true_rows() for package in run.packages], PLACES, DOMAINS)
    found = {
        (row["life_domain_code"], row["district_code"], row["period"]): row
        for row in run.rows("select * from cells.life_domain_cell")
    }
    assert set(found) == set(expected)
    assert [(key, cell) for key, cell in expected.items() if vars(cell) != {n: found[key][n] for n in vars(cell)}] == []


def test_answers_per_question_are_the_counted_ones(run: Run) -> None:
    expected = answer_cells([package.true_rows() for package in run.packages], PLACES)
    found = {
        tuple(row[name] for name in ("consortium_code", "target_group", "question_code", "district_code", "period")): (
            row["asked"],
            row["n"],
            row["sum"],
            row["sum_of_squares"],
            row["agree"],
        )
        for row in run.rows("select * from cells.answer_cell where asked > 0")
    }
    assert found == {key: tuple(vars(cell).values()) for key, cell in expected.items()}


def test_the_version_that_counts_is_told(run: Run) -> None:
    versions = {(d.consortium, d.period): d.version for d in counting(p.true_rows() for p in run.packages)}
    told = run.rows("select distinct consortium_code, period, delivery_version from cells.indicator_cell")
    assert {(row["consortium_code"], row["period"]): row["delivery_version"] for row in told} == versions
    assert len(told) == len(versions)


def test_each_version_gets_the_status_that_it_deserves(run: Run) -> None:
    logs = run.home / "vault" / "deliveries" / "_log" / "*" / "*" / "v*.parquet"
    found = {
        (row["consortium"], row["period"], row["version"]): row["status"]
        for row in run.rows(f"select consortium, period, version, status from read_parquet('{logs}')")
    }
    for package in run.packages:
        status = found.get((package.consortium, package.period, package.version))
        if package.spoiled is None:
            assert status == ("partially_accepted" if package.faults else "accepted"), package.label
        elif package.rejected:
            assert status == "rejected", package.label
        else:  # still on its way, or damaged on the way: either way it may not count
            assert status in (None, "rejected"), package.label


def test_exactly_the_planted_faults_are_in_quarantine(run: Run) -> None:
    for package in run.packages:
        if package.spoiled is not None:
            continue
        folder = run.home / "quarantine" / package.consortium / package.period / f"v{package.version}"
        found = {
            path.stem: run.rows(f"select count(*) as n from read_parquet('{path}')")[0]["n"]
            for path in folder.glob("*.parquet")
        }
        found = {table: count for table, count in found.items() if count}
        assert found == package.faults, package.label


def test_receipts_tell_the_rows_of_each_table(run: Run) -> None:
    for package in run.packages:
        if package.spoiled is None:
            version = f"v{package.version}"
            path = run.home / "receipts" / package.consortium / package.period / version / "receipt.json"
            told = {
                row["table"]: (row["rows_received"], row["rows_accepted"], row["rows_refused"])
                for row in json.loads(path.read_text(encoding="utf-8"))["tables"]
            }
            refused = {table: package.faults.get(table, 0) for table in package.lines}
            assert told == {
                table: (len(lines), len(lines) - refused[table], refused[table])
                for table, lines in package.lines.items()
            }, path


def test_personal_data_is_written_nowhere(run: Run) -> None:
    for path in run.home.rglob("*"):
        if path.is_file() and not path.is_relative_to(run.home / "inbox"):
            content = path.read_bytes()
            assert not any(text.encode() in content for text in PERSONAL_DATA), path


def test_hidden_figures_are_empty_and_say_why(run: Run) -> None:
    expected = run.expected()
    found = {
        (row["consortium_code"], row["indicator_code"], row["district_code"], row["period"]): row
        for row in run.rows("select * from marts.fct_indicator")
    }
    assert set(expected) - set(found) == set()
    for key, row in found.items():
        if row["status"] != "published":
            assert row["status"] in ("suppressed_primary", "suppressed_secondary", "unreliable", "no_data"), key
            assert [row[name] for name in ("n", "numerator", "value", "ci_low", "ci_high")] == [None] * 5, key
        has_data = key in expected and expected[key].value is not None
        assert (row["status"] != "no_data") == has_data, key


def test_no_hidden_figure_follows_by_subtraction(run: Run) -> None:
    """One hidden district beside a shown municipality is the municipality minus the others."""
    statuses: dict[tuple[str, str], dict[str, str]] = {}
    for row in run.rows("select indicator_code, period, district_code, status from marts.fct_indicator"):
        key = (row["indicator_code"], row["period"])
        statuses.setdefault(key, {})[row["district_code"]] = row["status"]
    shown = {key: areas for key, areas in statuses.items() if areas[PLACES.municipality] == "published"}
    assert shown
    for key, areas in shown.items():
        assert sum(status.startswith("suppressed") for status in areas.values()) != 1, key


def test_published_figures_are_true_and_of_enough_people(run: Run) -> None:
    expected = run.expected()
    for row in run.rows("select * from marts.fct_indicator where status = 'published' and pooled_over is null"):
        key = (row["consortium_code"], row["indicator_code"], row["district_code"], row["period"])
        cell, indicator = expected[key], REGISTRY[row["indicator_code"]]
        # the sum of scores behind a mean stays inside, and figures are rounded as rules R1 and M1 say
        is_mean = indicator["kind"] == "mean"
        assert (row["n"], row["numerator"]) == (cell.n, None if is_mean else cell.numerator), key
        assert abs(row["value"] - cell.value) <= HALF_A_UNIT[indicator["kind"]](cell.n) + 1e-9, key
        if indicator["kind"] != "count":
            assert cell.persons >= THRESHOLDS["minimum_persons"], key
        small = range(1, int(THRESHOLDS["minimum_small_side"]))
        if indicator["sensitive_side"] in ("numerator", "both"):
            assert cell.numerator not in small, key
        if indicator["sensitive_side"] in ("complement", "both"):
            assert cell.n - cell.numerator not in small, key
