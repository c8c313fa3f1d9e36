"""Canaries: unique values planted all over deliveries are found nowhere outside the inbox after a run.

Each consortium delivers one half-year three times: a delivery that is accepted but for a few rows, one in which every
column holds what it may not, and one with personal data. What a column is meant to carry further is listed in
``MEANT``, with how far.
"""

from __future__ import annotations

import csv
import hashlib
import itertools
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from pipeline.deliveries.contract import Column, Contract, contracts_for
from pipeline.publication.marts_file import open_marts
from pipeline.settings import CONSORTIA

PERIOD = "2024-H1"
CANARY = re.compile(rb"kanarie\d{7}zx")

_KEPT = {"vault", "quarantine", "warehouse.duckdb"}
# Free text of the contract, and the one identifier that is not about a person: which folders may hold them. All else
# stays in the inbox.
MEANT = {
    ("duiding", "verhaal"): _KEPT | {"releases", "published"},
    ("duiding", "verklaring"): _KEPT | {"releases", "published"},
    ("duiding", "acties"): _KEPT | {"releases", "published"},
    ("aanbod", "aanbod_id"): _KEPT,
    ("aanbod", "omschrijving"): _KEPT,
    ("gesprekken", "team"): _KEPT,
    ("gesprekken", "stakeholder_type"): _KEPT,
    ("bezoek", "voorziening"): _KEPT,
    ("aantallen", "categorie"): _KEPT,
}

Row = dict[str, str]
Tables = dict[str, list[Row]]


class Flock:
    """Hands out canaries, and remembers where each may be found."""

    def __init__(self) -> None:
        self.numbers = itertools.count(1)
        self.places: dict[bytes, set[str]] = {}
        self.of_identifier: dict[str, str] = {}

    def new(self, places: set[str] | None = None) -> str:
        canary = f"Kanarie{next(self.numbers):07d}Zx"
        self.places[canary.lower().encode()] = places or set()
        return canary

    def for_identifier(self, identifier: str) -> str:
        return self.of_identifier.setdefault(identifier, self.new())


def effectmonitor(home: Path, *arguments: str) -> str:
    """Run the command and return all that it printed."""
    command = [sys.executable, "-m", "pipeline.cli", "--home", str(home), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout + done.stderr


def read_tables(folder: Path) -> tuple[dict, Tables]:
    descriptor = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    tables = {}
    for resource in descriptor["resources"]:
        encoding = resource.get("encoding", "utf-8").lower().replace("utf-8", "utf-8-sig")
        with (folder / resource["path"]).open(encoding=encoding, newline="") as handle:
            delimiter = resource.get("dialect", {}).get("delimiter", ",")
            tables[resource["name"]] = [
                {name.lower(): cell for name, cell in row.items()}
                for row in csv.DictReader(handle, delimiter=delimiter)
            ]
    return descriptor, tables


def write_tables(folder: Path, descriptor: dict, tables: Tables, flock: Flock, too_wide: int) -> None:
    """Write a delivery in which the names of the package and its files are canaries, and some rows are too wide."""
    folder.mkdir(parents=True, exist_ok=True)
    resources = []
    for table, rows in tables.items():
        lines = [list(rows[0]), *(list(row.values()) for row in rows)]
        for line in lines[len(lines) - too_wide :]:
            line.append(flock.new())
        path = folder / f"{flock.new()}.csv"
        with path.open("w", encoding="utf-8", newline="") as handle:
            csv.writer(handle, delimiter=";").writerows(lines)
        content = path.read_bytes()
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        resources.append({"name": table, "path": path.name, "bytes": len(content), "hash": digest})
    content = descriptor | {"name": flock.new(), "version": int(folder.name), "resources": resources}
    (folder / "datapackage.json").write_text(json.dumps(content), encoding="utf-8")


def with_canaries(consortium: str, tables: Tables, flock: Flock, far: set[str]) -> Tables:
    """Identifiers and free text become canaries, and each table gets a column more.

    Args:
        far: which of the places where free text may come it can reach from this delivery.
    """
    extra = flock.new()  # its figures keep it out of the receipt
    made = {}
    for table, rows in tables.items():
        contract = contracts_for(consortium)[table]
        kept = {column.name: {} for column in contract.columns if (table, column.name) in MEANT}
        made[table] = []
        for row in rows:
            new = row | {extra: flock.new()}
            for column in contract.columns:
                if not (cell := row.get(column.name)):
                    continue
                if column.name in kept:
                    same = kept[column.name]
                    same.setdefault(cell, f"{cell} {flock.new(MEANT[table, column.name] & far)}")
                    new[column.name] = same[cell]
                elif column.type == "identifier":
                    new[column.name] = flock.for_identifier(cell)
            made[table].append(new)
    return made


def with_wrong_cells(contract: Contract, rows: list[Row], flock: Flock) -> None:
    """In each row one cell, of the next column, holds a canary that cannot be right."""
    columns = [column for column in contract.columns if _can_be_wrong(column)]
    for row, column in zip(rows, itertools.cycle(columns), strict=False):
        row[column.name] = flock.new()


def _can_be_wrong(column: Column) -> bool:
    return column.type != "text" and (column.type != "identifier" or column.references is not None)


@pytest.fixture(scope="module")
def flown(tmp_path_factory) -> tuple[Path, Flock, str]:
    """An installation after a run, the canaries that were planted, and all that was printed."""
    home = tmp_path_factory.mktemp("canaries") / "home"
    flock = Flock()
    printed = [effectmonitor(home, "simulate", "--from", PERIOD, "--to", PERIOD, "--scale", "0.1")]
    for consortium in CONSORTIA:
        inbox = home / "inbox" / consortium / PERIOD
        first = inbox / "1"
        descriptor, tables = read_tables(first)
        for path in first.iterdir():
            path.unlink()
        sound = with_canaries(consortium, tables, flock, _KEPT | {"releases", "published"})
        for table, rows in sound.items():
            if len(rows) > 150 and table != "clienten":  # without a client several rows of his are refused
                with_wrong_cells(contracts_for(consortium)[table], rows[:1], flock)
        write_tables(first, descriptor, sound, flock, 0)
        wrong = with_canaries(consortium, tables, flock, {"quarantine"})
        for table, rows in wrong.items():
            # each column at least once, also in the tables of a few rows
            rows.extend(dict(rows[-1]) for _ in range(20))
            with_wrong_cells(contracts_for(consortium)[table], rows, flock)
        wrong[flock.new()] = [{flock.new(): flock.new()}]
        write_tables(inbox / "2", descriptor, wrong, flock, 1)
        personal = with_canaries(consortium, tables, flock, set())
        personal["duiding"][0]["verhaal"] += " Bel dhr. Kanariestra, 06-12345678."
        write_tables(inbox / "3", descriptor, personal, flock, 1)
    for consortium, version in zip(CONSORTIA, "232", strict=True):
        printed.append(effectmonitor(home, "deliver", "check", str(home / "inbox" / consortium / PERIOD / version)))
    printed.append(effectmonitor(home, "run", "--period", PERIOD))
    return home, flock, "".join(printed)


def test_the_deliveries_became_what_they_were_made_for(flown):
    home, flock, _ = flown
    log = duckdb.sql(
        "select consortium, version, status, rows_refused > 0 "
        f"from read_parquet('{home}/vault/deliveries/_log/**/v*.parquet') order by all"
    ).fetchall()
    assert log == [
        (consortium, version, status, True)
        for consortium in sorted(CONSORTIA)
        for version, status in ((1, "partially_accepted"), (2, "rejected"), (3, "rejected"))
    ]
    for consortium in CONSORTIA:
        rules = [
            {finding["rule"] for finding in json.loads(path.read_text(encoding="utf-8"))["findings"]}
            for path in sorted(home.glob(f"receipts/{consortium}/{PERIOD}/**/receipt.json"))
        ]
        assert {"row_width", "too_many_refused", "extra_table"} <= rules[1]
        assert {"personal_data_name", "personal_data_phone"} <= rules[2]
    assert len(flock.places) > 5_000


def test_no_canary_is_found_outside_the_inbox(flown):
    home, flock, printed = flown
    leaks: dict[str, set[bytes]] = {}
    for path in sorted(home.rglob("*")):
        place = path.relative_to(home).parts[0]
        if place == "inbox":
            continue
        for content in [str(path).encode(), *(_contents(path) if path.is_file() else ())]:
            found = set(CANARY.findall(content.lower()))
            if leaked := {canary for canary in found if place not in flock.places[canary]}:
                leaks.setdefault(str(path.relative_to(home)), set()).update(leaked)
    assert {name: len(found) for name, found in leaks.items()} == {}
    assert not CANARY.search(printed.lower().encode())
    assert "kanariestra" not in printed.lower()


def test_what_is_meant_to_come_through_does(flown):
    """The search can find: each place that a text may reach holds some."""
    home, _, _ = flown
    for place in ("vault", "quarantine", "warehouse.duckdb", "releases", "published"):
        files = [home / place] if (home / place).is_file() else (home / place).rglob("*")
        found = {
            canary
            for path in files
            if path.is_file()
            for content in _contents(path)
            for canary in CANARY.findall(content.lower())
        }
        assert found, place
    with open_marts(home / "published" / "partners" / "marts.duckdb") as reader:
        assert reader.execute("select count(*) from marts.fct_narrative").fetchone()[0] > 0


def _contents(path: Path) -> Iterator[bytes]:
    """The bytes of a file, and its values where the file compresses them."""
    yield path.read_bytes()
    if path.suffix == ".parquet":
        yield str(pq.read_table(path).to_pylist()).encode()
    elif path.suffix == ".duckdb":
        with duckdb.connect(str(path), read_only=True) as connection:
            tables = connection.execute(
                "select database_name, schema_name, table_name from duckdb_tables() where not internal "
                "union all select database_name, schema_name, view_name from duckdb_views() where not internal"
            ).fetchall()
            for table in tables:
                name = ".".join(f'"{part}"' for part in table)
                try:
                    yield str(connection.execute(f"select * from {name}").fetchall()).encode()
                except duckdb.Error:
                    assert table[1].startswith("dbt_test"), table
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from (archive.read(name) for name in archive.namelist())
