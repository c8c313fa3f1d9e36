"""Erasing a person through the command: nothing of him is left anywhere, all others and all judgements stay."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from handmade_deliveries import Delivery, all_bytes, fill_workbook, valid_tables

from pipeline.cli import main
from pipeline.deliveries.erasure import unfinished
from pipeline.deliveries.inbox import finish_replacements
from pipeline.deliveries.intake import find_deliveries, receive
from pipeline.deliveries.pack import find_contents, pack
from pipeline.deliveries.pseudonyms import pseudonym
from pipeline.deliveries.template import write_template
from pipeline.deliveries.vault import read_log
from pipeline.settings import PROJECT_ROOT, Settings
from pipeline.warehouse.connection import open_warehouse, warehouse_lock

CLIENT = "Gezin-4711/b"  # of no other identifier a part
CLIENT_TABLES = {"clienten", "dossiers", "zelfredzaamheid", "participatie"}


def command(settings: Settings, *arguments: str, typed: str = f"{CLIENT}\n") -> Result:
    """Run the command; the identifier comes over standard input."""
    result = CliRunner(env={"EFFECTMONITOR_ENVIRONMENT": "test"}).invoke(
        main, ["--home", str(settings.home), *arguments], input=typed
    )
    assert CLIENT not in result.output
    assert of_tom(settings) not in result.output
    return result


def erase(settings: Settings, *arguments: str, **more: Any) -> Result:
    return command(settings, "erase", "--consortium", "tom", "--no-run", *arguments, **more)


def of_tom(settings: Settings) -> str:
    return pseudonym(settings.pseudonym_key("tom"), "client", CLIENT)


def named(tables: dict[str, list[dict[str, str]]], place: int = 7) -> dict[str, list[dict[str, str]]]:
    """The same tables in which one client has the identifier of these tests."""
    return {
        table: [row | {"client_id": CLIENT} if row.get("client_id") == f"C-{place:06d}" else row for row in rows]
        for table, rows in tables.items()
    }


def renew_descriptor(folder: Path) -> None:
    descriptor = json.loads((folder / "datapackage.json").read_text())
    for resource in descriptor["resources"]:
        content = (folder / resource["path"]).read_bytes()
        resource |= {"bytes": len(content), "hash": f"sha256:{hashlib.sha256(content).hexdigest()}"}
    (folder / "datapackage.json").write_text(json.dumps(descriptor))


def contents(path: Path) -> list[bytes]:
    """The bytes of a file, and its values where the file packs them."""
    found = [path.read_bytes()]
    if path.suffix == ".parquet":
        found.append(str(pq.read_table(path, partitioning=None).to_pylist()).encode())
    elif path.suffix == ".duckdb":
        with duckdb.connect(str(path), read_only=True) as connection:
            for schema, table in connection.execute("select schema_name, table_name from duckdb_tables()").fetchall():
                found.append(str(connection.execute(f'select * from "{schema}"."{table}"').fetchall()).encode())
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            found += [archive.read(name) for name in archive.namelist()]
    return found


def places(settings: Settings) -> set[str]:
    """The files in which the person can be found."""
    wanted = [form.encode(each) for form in (CLIENT, of_tom(settings)) for each in ("utf-8", "utf-16-le")]
    return {
        str(path.relative_to(settings.home))
        for path in settings.home.rglob("*")
        if path.is_file() and any(each in content for content in contents(path) for each in wanted)
    }


def vault(settings: Settings) -> dict[str, list[dict]]:
    """All rows of vault and quarantine that are not the person's."""
    paths = [*settings.vault.rglob("v*.parquet"), *settings.quarantine.rglob("*.parquet")]
    return {
        str(path.relative_to(settings.home)): [
            row
            for row in pq.read_table(path, partitioning=None).to_pylist()
            if row.get("client_id") != of_tom(settings)
        ]
        for path in sorted(paths)
        if "_log" not in str(path)
    }


@pytest.fixture
def lived_in(made: Settings, settings: Settings) -> Settings:
    """A copy of the deliveries below, for one test."""
    shutil.copytree(made.home, settings.home)
    return settings


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Settings:
    """Deliveries in many dresses, all judged: versions 1 (CSV), 2 (UTF-16), 3 (a workbook), 4 (rejected), and go."""
    settings = Settings(home=tmp_path_factory.mktemp("made") / "home", environment="test")
    for version, dress in ((1, {}), (2, {"encoding": "utf-16", "separator": "\t", "line_end": "\r\n"})):
        tables = named(valid_tables("tom"))
        tables["participatie"][10]["trede"] = "9"
        tables["dossiers"][6]["geopend_op"] = "gisteren"  # of the person: the row is refused
        Delivery("tom", settings.inbox, version=version, tables=tables, **dress).write()
    folder = settings.inbox / "tom" / "2024-H1" / "3"
    folder.mkdir()
    write_template("tom", folder / "tom.xlsx")
    fill_workbook(folder / "tom.xlsx", named(valid_tables("tom")))
    pack(find_contents(folder))
    book = openpyxl.load_workbook(folder / "tom.xlsx")
    book.create_sheet("Kladblok")["B3"] = f" {CLIENT} "
    book.save(folder / "tom.xlsx")
    renew_descriptor(folder)
    rejected = Delivery("tom", settings.inbox, version=4, tables=named(valid_tables("tom")))
    del rejected.tables["zelfredzaamheid"]
    rejected.texts["oude_lijst"] = f'naam;nummer\nx;"{CLIENT}"\ny;2\n'.encode()
    rejected.texts["participatie"] = f'client_id;trede\n{CLIENT};"2\n'.encode()  # a quote that is never closed
    rejected.write()
    same = named(valid_tables("go"))
    Delivery("go", settings.inbox, tables=same).write()
    statuses = [receive(folder, settings).status for folder in find_deliveries(settings)]
    assert statuses == ["accepted", "partially_accepted", "partially_accepted", "accepted", "rejected"]
    with open_warehouse(settings) as warehouse:
        warehouse.execute("create table clients as select ? as client_key", [of_tom(settings)])
    for folder in (settings.home / "as_of" / "2024-08-15T000000Z", settings.home / "work" / "left"):
        folder.mkdir(parents=True)
        (folder / "rows.txt").write_text(CLIENT)
    return settings


def test_nothing_of_the_person_is_left_and_all_others_are_as_they_were(lived_in):
    before = vault(lived_in)
    go = all_bytes(lived_in.inbox / "go")
    assert len(places(lived_in)) > 20
    result = erase(lived_in)
    assert result.exit_code == 0, result.output
    # the other consortium calls another person the same: that one is not erased
    assert {place.split("/")[1] for place in places(lived_in)} == {"go"}
    assert all_bytes(lived_in.inbox / "go") == go
    assert vault(lived_in) == before
    assert not lived_in.warehouse.exists()
    assert not (lived_in.home / "as_of").exists()
    for words in ("4 delivery versions", "Interviews and answers carry no client_id", "Ask Tom in de buurt to remove"):
        assert words in result.output


def test_every_version_stays_judged_and_keeps_counting(lived_in):
    receipts = all_bytes(lived_in.receipts)
    erase(lived_in)
    versions = {version: read_log(lived_in, "tom", "2024-H1", version) for version in (1, 2, 3, 4)}
    log = all_bytes(lived_in.vault / "deliveries" / "_log")
    outcomes = [receive(folder, lived_in) for folder in find_deliveries(lived_in)]
    assert {outcome.status for outcome in outcomes} == {"unchanged"}
    assert all_bytes(lived_in.vault / "deliveries" / "_log") == log
    assert all_bytes(lived_in.receipts) == receipts
    assert [each.status for each in versions.values()] == [
        "partially_accepted",
        "partially_accepted",
        "accepted",
        "rejected",
    ]
    assert all(each.erased_at for each in versions.values())
    assert read_log(lived_in, "go", "2024-H1", 1).erased_at is None
    # one row less of each: received, accepted, refused, unsound
    assert versions[1].tables["clienten"] == (59, 59, 0, 0)
    assert versions[1].tables["dossiers"] == (59, 59, 0, 0)
    assert versions[1].tables["participatie"] == (59, 58, 1, 1)
    assert versions[3].tables["zelfredzaamheid"] == (59, 59, 0, 0)
    assert versions[1].tables["gesprekken"] == (60, 60, 0, 0)


def test_in_the_inbox_only_the_rows_of_the_person_become_empty(lived_in):
    inbox = all_bytes(lived_in.inbox / "tom")
    erase(lived_in)
    after = all_bytes(lived_in.inbox / "tom")
    assert after.keys() == inbox.keys()
    for version, encoding, end in (("1", "utf-8", "\n"), ("2", "utf-16", "\r\n")):
        for table in CLIENT_TABLES:
            name = f"2024-H1/{version}/{table}.csv"
            lines = inbox[name].decode(encoding).split(end)
            expected = [("" if CLIENT in line else line) for line in lines]
            assert after[name] == end.join(expected).encode(encoding), name
        assert after[f"2024-H1/{version}/gesprekken.csv"] == inbox[f"2024-H1/{version}/gesprekken.csv"]
    assert after["2024-H1/4/oude_lijst.csv"] == b"naam;nummer\n\ny;2\n"
    assert after["2024-H1/4/participatie.csv"] == b"client_id;trede\n\n"


def test_a_workbook_keeps_all_other_cells(lived_in, tmp_path):
    path = lived_in.inbox / "tom" / "2024-H1" / "3" / "tom.xlsx"
    shutil.copy(path, tmp_path / "before.xlsx")
    erase(lived_in)
    before, after = (openpyxl.load_workbook(each, data_only=True) for each in (tmp_path / "before.xlsx", path))
    assert after.sheetnames == before.sheetnames
    for sheet in before:
        for row in sheet.iter_rows():
            own = any(isinstance(cell.value, str) and cell.value.strip() == CLIENT for cell in row)
            for cell in row:
                found = after[sheet.title][cell.coordinate]
                assert found.value == (None if own else cell.value), (sheet.title, cell.coordinate)
                if not own and cell.value is not None:
                    assert found.number_format == cell.number_format


def test_a_delivery_that_waits_is_judged_as_if_the_person_were_not_in_it(lived_in, settings):
    """A receipt on it points at the rows that the sender has."""
    waiting = Delivery("tom", settings.inbox, version=5, tables=named(valid_tables("tom")))
    waiting.tables["clienten"][20]["leeftijdsgroep"] = "honderd"
    waiting.write()
    erase(settings)
    outcome = receive(waiting.folder, settings)
    assert outcome.status == "partially_accepted"
    assert outcome.tables["participatie"].received == 59
    rows = {finding.rows for finding in outcome.findings if finding.table == "clienten"}
    assert rows == {(21,)}
    assert not any(place.startswith(("inbox/tom", "vault/deliveries/clienten/tom")) for place in places(settings))


def test_by_pseudonym_it_is_the_same(lived_in, tmp_path):
    other = Settings(home=tmp_path / "other", environment="test")
    shutil.copytree(lived_in.home, other.home)
    erase(lived_in)
    result = erase(other, "--pseudonym", of_tom(other).upper())
    assert result.exit_code == 0
    assert all_bytes(other.inbox).keys() == all_bytes(lived_in.inbox).keys()
    assert places(other) == places(lived_in)
    assert vault(other) == vault(lived_in)


def test_who_is_not_found_changes_nothing_and_says_so(lived_in):
    before = all_bytes(lived_in.home)
    for arguments, typed in (
        (("--client", "C-999999"), ""),
        (("--pseudonym", "0" * 64), ""),
        ((), "c-000001\n"),  # another one to who counts small letters
    ):
        result = erase(lived_in, *arguments, typed=typed)
        assert result.exit_code == 1
        assert "Nothing of this person was found" in result.output
    assert all_bytes(lived_in.home) == before
    for arguments, typed in (((), "\n"), (("--pseudonym", "abc"), "")):
        assert erase(lived_in, *arguments, typed=typed).exit_code == 1
    assert erase(lived_in, "--client", "C-000001", "--pseudonym", "0" * 64).exit_code == 2
    assert all_bytes(lived_in.home) == before


def test_the_log_tells_what_was_done_and_nothing_of_whom(lived_in):
    erase(lived_in, "--by", "M. de Wit")
    assert command(lived_in, "erase", "--consortium", "tom", "--no-run", "--client", "C-000001").exit_code == 0
    lines = [json.loads(line) for line in lived_in.erasure_log.read_text().splitlines()]
    assert [(each["number"], each["event"]) for each in lines] == [
        (1, "started"),
        (1, "finished"),
        (2, "started"),
        (2, "finished"),
    ]
    first = lines[1]
    assert set(first) == {
        "number",
        "at",
        "event",
        "consortium",
        "by",
        "rows",
        "delivery_versions",
        "half_years",
        "left_to_look_at",
    }
    assert (first["consortium"], first["by"], first["delivery_versions"]) == ("tom", "M. de Wit", 4)
    assert first["half_years"] == ["2024-H1"]
    assert first["rows"]["vault"] == {"clienten": 3, "dossiers": 1, "participatie": 3, "zelfredzaamheid": 3}
    assert first["rows"]["quarantine"] == {"dossiers": 2}
    assert first["rows"]["inbox"] == {
        "clienten": 4,
        "dossiers": 4,
        "other": 2,
        "participatie": 4,
        "zelfredzaamheid": 3,
    }
    # the second person has as many rows but for the sheet and the list: not to be told from the first
    assert lines[3]["rows"]["vault"]["clienten"] == 3


def test_what_cannot_be_searched_or_still_arrives_is_told(lived_in):
    old = lived_in.inbox / "tom" / "2024-H1" / "4" / "lijst.xls"
    old.write_bytes(b"\xd0\xcf\x11\xe0" + b"x" * 100)
    arriving = Delivery("tom", lived_in.inbox, version=6, tables=named(valid_tables("tom")))
    arriving.write()
    (arriving.path / "datapackage.json").unlink()
    story = Delivery("tom", lived_in.inbox, version=7, tables=named(valid_tables("tom")))
    story.tables["duiding"][0]["verhaal"] = f"Over {CLIENT} valt veel te zeggen."
    story.write()
    loose = lived_in.inbox / "tom" / "kladblok.txt"
    loose.write_text(f"bel {CLIENT}\nbel de rest\n")
    mistyped = lived_in.inbox / "Tom" / "2024-H1" / "1"
    shutil.copytree(lived_in.inbox / "tom" / "2024-H1" / "1", mistyped)
    (lived_in.inbox / "datapackage.json").write_text("{}")
    result = erase(lived_in)
    assert result.exit_code == 3
    left = [line for line in result.output.splitlines() if line.startswith("Left")]
    assert sorted(line.split(":")[0] for line in left) == [
        "Left, tom/2024-H1/4",
        "Left, tom/2024-H1/6",
        "Left, tom/2024-H1/7",
    ]
    assert loose.read_text() == "\nbel de rest\n"
    assert {place.split("/")[3] for place in places(lived_in) if place.split("/")[1] != "go"} == {"6", "7"}


PROGRAM = Path(__file__).with_name("killed_erasure.py")


def run_killed(home: Path, moment: int) -> subprocess.CompletedProcess:
    command = [sys.executable, str(PROGRAM), str(home), str(moment)]
    environment = os.environ | {"PYTHONPATH": str(PROJECT_ROOT)}
    return subprocess.run(command, input=CLIENT, capture_output=True, text=True, env=environment, check=False)


@pytest.fixture(scope="module")
def undisturbed(made, tmp_path_factory) -> tuple[Settings, int]:
    """An installation after an erasure, and how many moments that had."""
    home = tmp_path_factory.mktemp("undisturbed") / "home"
    shutil.copytree(made.home, home)
    done = run_killed(home, 0)
    assert done.returncode == 0, done.stderr
    return Settings(home=home, environment="test"), int(done.stdout)


def check_killed(made: Settings, undisturbed: Settings, home: Path, moment: int) -> None:
    shutil.copytree(made.home, home)
    killed = Settings(home=home, environment="test")
    assert run_killed(home, moment).returncode == -signal.SIGKILL, moment
    if moment % 2:  # the intake may come in between: it judges nothing anew
        finish_replacements(killed)
        assert {receive(folder, killed).status for folder in find_deliveries(killed)} == {"unchanged"}, moment
    again = erase(killed)
    assert again.exit_code == 0, (moment, again.output)
    assert inbox_of(killed) == inbox_of(undisturbed), moment
    assert vault(killed) == vault(undisturbed), moment
    assert places(killed) == places(undisturbed), moment
    for version in (1, 2, 3, 4):
        logs = [read_log(each, "tom", "2024-H1", version).tables for each in (killed, undisturbed)]
        assert logs[0] == logs[1], (moment, version)
    assert {receive(folder, killed).status for folder in find_deliveries(killed)} == {"unchanged"}, moment
    assert not list(killed.home.rglob(".*")), moment
    assert not unfinished(killed, "tom")
    shutil.rmtree(home)


def inbox_of(settings: Settings) -> dict[str, object]:
    """All files of the inbox; of a workbook its cells, and no hash of it: it tells when it was made."""
    found: dict[str, object] = dict(all_bytes(settings.inbox))
    for path in settings.inbox.rglob("*.xlsx"):
        book = openpyxl.load_workbook(path)
        found[str(path.relative_to(settings.inbox))] = [list(sheet.values) for sheet in book]
        del found[str((path.parent / "datapackage.json").relative_to(settings.inbox))]
    return found


def test_an_erasure_that_was_killed_now_and_then_is_finished_by_the_next(made, undisturbed, tmp_path):
    settings, last = undisturbed
    for moment in (last // 3, last * 2 // 3 | 1):
        check_killed(made, settings, tmp_path / "home", moment)


@pytest.mark.slow
def test_an_erasure_that_was_killed_at_any_moment_is_finished_by_the_next(made, undisturbed, tmp_path):
    settings, last = undisturbed
    for moment in range(1, last + 1):
        check_killed(made, settings, tmp_path / "home", moment)


def test_an_erasure_waits_for_the_run_that_holds_the_warehouse(lived_in, monkeypatch):
    monkeypatch.setattr(warehouse_lock.__wrapped__, "__kwdefaults__", {"shared": False, "wait_seconds": 0})
    before = all_bytes(lived_in.home)
    with warehouse_lock(lived_in):
        result = erase(lived_in)
    assert result.exit_code == 1
    assert "in use by another run" in result.output
    assert all_bytes(lived_in.home) == before


def test_boost_delivers_nobody(settings):
    Delivery("boost", settings.inbox, tables=valid_tables("boost")).write()
    result = command(settings, "erase", "--consortium", "boost", "--no-run")
    assert result.exit_code == 1
