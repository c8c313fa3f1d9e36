"""The oracle itself: its figures against a world worked out by hand, and the worlds that it makes."""

from __future__ import annotations

import csv
import hashlib
import json
import random
from pathlib import Path

import pytest
from oracle import by_hand
from oracle.deliveries import CONTRACT, DELIVERS, KEYS, MAXIMUM_FAULTS, World, required_columns, write_package
from oracle.indicators import INDICATORS, counting, indicator_cells, life_domain_cells, read_places

SEEDS = Path(__file__).resolve().parents[2] / "seeds"
PLACES = read_places(SEEDS / "districts.csv", SEEDS / "open_data" / "cbs_kwb" / "kwb_2022_wijken_GM0484.csv")
HAND_DELIVERED = [package.true_rows() for package in by_hand.packages()]
HAND_CELLS = indicator_cells(HAND_DELIVERED, PLACES)


@pytest.mark.parametrize("case", by_hand.CASES, ids=lambda case: case.name)
def test_figures_are_those_worked_out_by_hand(case: by_hand.Case) -> None:
    for (indicator, district, period), figure in case.figures.items():
        cell = HAND_CELLS[(case.consortium, indicator, district, period)]
        assert (cell.n, cell.numerator, cell.value) == figure, (indicator, district, period)


def test_without_a_delivery_there_is_no_figure() -> None:
    periods = {(consortium, period) for consortium, _, _, period in HAND_CELLS}
    assert periods == {(c, period) for c, delivered in by_hand.PERIODS.items() for period in delivered}


def test_each_delivered_half_year_has_the_full_grid() -> None:
    expected = sum(len(INDICATORS[d.consortium]) * 17 for d in counting(HAND_DELIVERED))
    assert len(HAND_CELLS) == expected


def test_outcomes_per_life_domain_by_hand() -> None:
    cells = life_domain_cells(HAND_DELIVERED, PLACES, ["financien", "huisvesting"])
    money = cells[("financien", "WK048407", by_hand.A)]
    assert (money.n, money.improved, money.stable, money.worsened) == (3, 2, 0, 1)
    assert (money.rated, money.low, money.goals, money.goals_reached) == (3, 1, 1, 1)
    housing = cells[("huisvesting", "WK048407", by_hand.A)]
    assert (housing.n, housing.improved, housing.stable, housing.worsened, housing.stable_low) == (2, 0, 1, 1, 1)


def _world(seed: int) -> World:
    return World(random.Random(seed), PLACES.districts, PLACES.residents)


@pytest.fixture(scope="module")
def worlds() -> list[World]:
    return [_world(seed) for seed in range(8)]


def test_the_same_seed_gives_the_same_deliveries(tmp_path: Path) -> None:
    contents = []
    for attempt in ("first", "second"):
        world = _world(7)
        for package in world.packages():
            write_package(tmp_path / attempt, package, world.rng)
        files = sorted(path for path in (tmp_path / attempt).rglob("*") if path.is_file())
        contents.append([(path.relative_to(tmp_path / attempt), path.read_bytes()) for path in files])
    assert contents[0] == contents[1]


def test_worlds_hold_the_awkward_cases_and_bearable_faults(worlds: list[World]) -> None:
    stories, faults = set(), set()
    for world in worlds:
        for package in world.packages():
            stories.add(package.spoiled)
            assert set(package.lines) - {"aantallen"} == set(DELIVERS[package.consortium])
            for table, count in package.faults.items():
                share = count / len(package.lines[table])
                faults |= {(table, line.fault) for line in package.lines[table] if line.fault}
                if package.spoiled is None:
                    assert share <= MAXIMUM_FAULTS
                    assert len(package.lines[table]) > 100
                else:
                    assert share > 0.02
    assert stories >= {None, "too_many_faults", "missing_table", "missing_column", "personal_data", "hash"}
    assert {name for _, name in faults} >= {
        "wrong_district",
        "off_scale",
        "unknown_code",
        "duplicate",
        "unknown_client",
    }


def test_true_rows_keep_the_contract(worlds: list[World]) -> None:
    for world in worlds[:4]:
        for delivery in counting(package.true_rows() for package in world.packages()):
            clients = {row["client_id"] for row in delivery.tables.get("clienten", [])}
            for table, rows in delivery.tables.items():
                keys = {tuple(row[column] or None for column in KEYS[table]) for row in rows}
                assert len(keys) == len(rows), table
                for row in rows:
                    assert set(row) == {name.rstrip("*") for name in CONTRACT[table].split()}
                    assert all(row[column] is not None for column in required_columns(table))
                    assert row.get("client_id") in clients or "client_id" not in row
                    assert row.get("wijkcode") in {*PLACES.districts, None}


def test_figures_of_random_worlds_are_not_trivial(worlds: list[World]) -> None:
    """A world in which an indicator is always empty, or always full, would test nothing."""
    filled: set[str] = set()
    partial: set[str] = set()
    for world in worlds:
        cells = indicator_cells([package.true_rows() for package in world.packages()], PLACES)
        filled |= {indicator for (_, indicator, _, _), cell in cells.items() if cell.n}
        partial |= {indicator for (_, indicator, _, _), cell in cells.items() if 0 < cell.numerator != cell.n}
    everything = {indicator for indicators in INDICATORS.values() for indicator in indicators}
    assert filled == everything
    assert partial == everything - {"go_ambulant_aanbod"}


def test_a_written_delivery_reads_back(tmp_path: Path) -> None:
    """Whatever the dress, the numbers of rows and the hashes of the descriptor hold."""
    rng = random.Random(3)
    for package in by_hand.packages():
        folder = write_package(tmp_path, package, rng)
        descriptor = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
        for resource in descriptor["resources"]:
            content = (folder / resource["path"]).read_bytes()
            assert resource["hash"] == "sha256:" + hashlib.sha256(content).hexdigest()
            encoding = next(e for e in ("utf-16", "utf-8-sig", "cp1252") if _decodes(content, e))
            text = content.decode(encoding)
            rows = list(csv.reader(text.splitlines(), delimiter=_separator(text)))
            assert len(rows) - 1 == len(package.lines[resource["name"]])


def _decodes(content: bytes, encoding: str) -> bool:
    if encoding == "utf-16" and content[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        return False
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _separator(text: str) -> str:
    header = text.splitlines()[0]
    return max(";,\t", key=header.count)
