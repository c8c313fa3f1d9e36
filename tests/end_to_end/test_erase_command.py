"""A person is erased from an installation that has run and published: the whole way, through the command."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from pipeline.deliveries.pseudonyms import pseudonym
from pipeline.publication.marts_file import open_marts
from pipeline.settings import Settings

FIRST, LAST = "2023-H2", "2024-H1"


def effectmonitor(home: Path, *arguments: str, typed: str = "") -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "pipeline.cli", "--home", str(home), *arguments]
    return subprocess.run(command, input=typed, capture_output=True, text=True, check=False)


def holders(home: Path, values: list[str]) -> set[str]:
    """The files in which one of these values stands, also where the file packs it."""
    wanted = [value.encode() for value in values]
    found = set()
    for path in (each for each in home.rglob("*") if each.is_file()):
        content = [path.read_bytes()]
        if path.suffix == ".parquet":
            content.append(str(pq.read_table(path, partitioning=None).to_pylist()).encode())
        elif path.suffix == ".duckdb":
            with duckdb.connect(str(path), read_only=True) as connection:
                tables = connection.execute(
                    "select database_name, schema_name, table_name from duckdb_tables() where not internal"
                ).fetchall()
                for table in tables:
                    name = ".".join(f'"{part}"' for part in table)
                    content.append(str(connection.execute(f"select * from {name}").fetchall()).encode())
        if any(value in each for value in wanted for each in content):
            found.add(str(path.relative_to(home)))
    return found


@pytest.mark.slow
def test_an_erased_person_is_nowhere_and_the_figures_are_rebuilt(tmp_path):
    home = tmp_path / "home"
    done = effectmonitor(home, "demo", "--from", FIRST, "--to", LAST, "--scale", "0.1")
    assert done.returncode == 0, done.stdout + done.stderr
    (first,) = home.glob(f"inbox/tom/{LAST}/1/zelfredzaamheid.csv")
    encoding = json.loads((first.parent / "datapackage.json").read_text())["resources"][0].get("encoding", "utf-8")
    with first.open(encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="") as handle:
        lines = handle.read().splitlines()
    delimiter = max(";,\t", key=lines[0].count)
    rows = list(csv.DictReader(lines, delimiter=delimiter))
    client = rows[0][next(name for name in rows[0] if name.strip().lower() == "client_id")]
    hidden = pseudonym(Settings(home=home).pseudonym_key("tom"), "client", client)
    assert {"warehouse.duckdb"} < holders(home, [client, hidden])
    log = duckdb.sql(f"select count(*) from read_parquet('{home}/vault/deliveries/_log/**/v*.parquet')").fetchone()

    done = effectmonitor(home, "erase", "--consortium", "tom", "--by", "privacy officer", typed=f"{client}\n")
    assert done.returncode == 0, done.stdout + done.stderr
    assert client not in done.stdout + done.stderr
    assert holders(home, [client, hidden]) == set()
    assert (home / "warehouse.duckdb").is_file()
    with open_marts(home / "published" / "partners" / "marts.duckdb") as reader:
        assert reader.execute("select count(*) > 0 from marts.fct_indicator where status = 'published'").fetchone() == (
            True,
        )

    # a run of all half-years judges nothing anew
    receipts = {path: path.stat().st_mtime_ns for path in home.glob("receipts/tom/**/findings*.csv")}
    done = effectmonitor(home, "run", "--from", FIRST, "--to", LAST)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {path: path.stat().st_mtime_ns for path in home.glob("receipts/tom/**/findings*.csv")} == receipts
    assert holders(home, [client, hidden]) == set()
    again = duckdb.sql(f"select count(*) from read_parquet('{home}/vault/deliveries/_log/**/v*.parquet')").fetchone()
    assert again == log
    done = effectmonitor(home, "erase", "--consortium", "tom", typed=f"{client}\n")
    assert done.returncode == 1
