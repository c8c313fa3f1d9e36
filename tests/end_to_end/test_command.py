"""The product through its command, as a data engineer uses it: a demo, a correction, a kill, two runs at once."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import openpyxl
import pyarrow.parquet as pq
import pytest

from pipeline.publication.marts_file import open_marts

FIRST, LAST, NEXT, SCALE = "2023-H2", "2024-H1", "2024-H2", "0.1"


def effectmonitor(home: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
    """Run the command on an installation and return what it printed."""
    command = [sys.executable, "-m", "pipeline.cli", "--home", str(home), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def marts(home: Path) -> Path:
    return home / "published" / "partners" / "marts.duckdb"


def figures(home: Path) -> list[tuple]:
    """All published figures, without the version of the delivery."""
    with open_marts(marts(home)) as reader:
        return reader.execute("select * from marts.fct_indicator order by all").fetchall()


def bytes_of(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> tuple[Path, str]:
    """A demo that has run, and what it printed."""
    home = tmp_path_factory.mktemp("demo") / "home"
    done = effectmonitor(home, "demo", "--from", FIRST, "--to", LAST, "--scale", SCALE)
    return home, done.stdout


@pytest.fixture(scope="module")
def lived_in(demo, tmp_path_factory) -> Path:
    """A copy of the demo in which the tests below go on one after the other."""
    home = tmp_path_factory.mktemp("lived_in") / "home"
    shutil.copytree(demo[0], home)
    return home


def test_demo_says_what_came_in_what_came_out_and_what_to_try(demo):
    home, printed = demo
    counted = ("Deliveries", "received", "accepted", "refused", "set aside", "shown", "hidden")
    for words in (*counted, str(marts(home)), "Try"):
        assert words in printed
    query = printed.split('effectmonitor query "')[1].split('"')[0]
    answer = effectmonitor(home, "query", query, "--limit", "5")
    assert "Aarlanderveen" in answer.stdout
    assert "status" in answer.stdout


def test_every_table_and_column_of_the_published_file_is_described(demo):
    with open_marts(marts(demo[0])) as reader:
        bare = reader.execute(
            "select table_name, column_name from duckdb_columns() where schema_name = 'marts' and comment is null "
            "union all select table_name, null from duckdb_tables() where comment is null"
        ).fetchall()
        assert bare == []
        names = {row[0] for row in reader.execute("select table_name from duckdb_tables()").fetchall()}
    assert {"fct_indicator", "fct_life_domain", "fct_narrative", "dim_district", "dim_period", "release"} <= names


def test_no_figure_on_fewer_than_ten_people_is_shown_and_hidden_ones_are_empty(demo):
    with open_marts(marts(demo[0])) as reader:
        few = reader.execute(
            "select count(*) from marts.fct_indicator join marts.dim_indicator using (indicator_code) "
            "where kind <> 'count' and n < 10"
        ).fetchone()
        hidden = reader.execute(
            "select count(*), count(n), count(numerator), count(value), count(ci_low) from marts.fct_indicator "
            "where status like 'suppressed%'"
        ).fetchone()
    assert few == (0,)
    assert hidden[0] > 0
    assert hidden[1:] == (0, 0, 0, 0)


def test_the_monitors_keep_secret_and_not_asked_apart(demo):
    with open_marts(marts(demo[0])) as reader:
        found = reader.execute(
            "select marker, count(value), count(*) > 0 from marts.fct_monitor where monitor = 'ggd_gezondheid' "
            "and marker is not null group by 1 order by 1"
        ).fetchall()
        lonely = reader.execute(
            "select value from marts.fct_monitor where monitor = 'ggd_gezondheid' and measure = 'Eenzaam' "
            "and year = 2020 and group_code = '18+' and district_code = 'GM0484'"
        ).fetchall()
    assert found == [("not_asked", 0, True), ("secret", 0, True)]
    assert lonely == [(45.9,)]


def test_a_survey_breaks_in_2021_and_shows_no_figure_on_few_people(demo):
    with open_marts(marts(demo[0])) as reader:
        breaks = reader.execute(
            "select year, obs_status, series_id, comparable_code, comparability from marts.fct_monitor "
            "where monitor = 'ceo_wmo' and measure = 'ceo_snel' and group_code = '' "
            "and year between 2020 and 2022 order by 1"
        ).fetchall()
        few = reader.execute(
            "select marker, count(*) > 0, count(n), count(value), count(margin), min(obs_status) "
            "from marts.fct_monitor where monitor = 'ceo_wmo' and marker = 'too_few' group by 1"
        ).fetchall()
        least = reader.execute("select min(n) >= 10 from marts.fct_monitor where value is not null").fetchall()
    assert breaks == [
        (2020, "A", "ceo_snel_2016", "ceo_snel", "same"),
        (2021, "B", "ceo_snel_2021", "ceo_snel", "similar"),
        (2022, "A", "ceo_snel_2021", "ceo_snel", "similar"),
    ]
    assert few == [("too_few", True, 0, 0, 0, "Q")]
    assert least == [(True,)]


def test_running_again_changes_nothing(lived_in):
    parts = ("vault", "receipts", "quarantine", "releases", "ledger", "approvals", "published")

    def content() -> dict[str, str]:
        # when a proof was last checked is told anew by each check
        files = {f"{part}/{name}": text for part in parts for name, text in bytes_of(lived_in / part).items()}
        return {name: text for name, text in files.items() if not name.endswith(".checked.json")}

    before = content()
    effectmonitor(lived_in, "run", "--from", FIRST, "--to", LAST)
    assert content() == before


@pytest.mark.slow  # the same without the command: tests/unit/monitors/test_monitor_refresh.py
def test_a_look_at_the_monitors_without_a_connection_changes_nothing_and_says_so(lived_in, monkeypatch):
    # nobody answers at this port
    monkeypatch.setenv("EFFECTMONITOR_ODATA", "http://127.0.0.1:9")
    before = {part: bytes_of(lived_in / part) for part in ("vault", "published")}
    printed = effectmonitor(lived_in, "monitors", "refresh").stdout
    assert "cbs_kwb 84799NED: bundled, no connection to 127.0.0.1, 13221 rows" in printed
    assert "ggd_gezondheid 50120NED: missing, no connection to 127.0.0.1, 0 rows" in printed
    assert {part: bytes_of(lived_in / part) for part in before} == before


_AS_OF_TABLES = ("fct_indicator", "fct_life_domain", "fct_narrative", "fct_revision", "dim_period")


def _correct(home: Path, period: str, change: Callable[[dict], dict]) -> None:
    """Deliver boost once more as the next version, with its visits changed."""
    versions = sorted((home / "inbox" / "boost" / period).iterdir(), key=lambda path: int(path.name))
    target = versions[-1].with_name(str(int(versions[-1].name) + 1))
    shutil.copytree(versions[-1], target)
    descriptor = json.loads((target / "datapackage.json").read_text())
    descriptor["version"] = int(target.name)
    for resource in descriptor["resources"]:
        path = target / resource["path"]
        if resource["name"] == "bezoek":
            delimiter = resource.get("dialect", {}).get("delimiter", ",")
            encoding = resource.get("encoding", "utf-8")
            with path.open(encoding=encoding, newline="") as handle:
                rows = list(csv.DictReader(handle, delimiter=delimiter))
            with path.open("w", encoding=encoding, newline="") as handle:
                writer = csv.DictWriter(handle, rows[0].keys(), delimiter=delimiter)
                writer.writeheader()
                writer.writerows(change(row) for row in rows)
        content = path.read_bytes()
        resource["bytes"], resource["hash"] = len(content), f"sha256:{hashlib.sha256(content).hexdigest()}"
    (target / "datapackage.json").write_text(json.dumps(descriptor))


_VOLUNTEERS = (
    "select value, delivery_version from {} where indicator_code = 'boost_vrijwilligers' "
    "and district_code = 'GM0484' order by period"
)


def test_a_correction_replaces_a_rejected_one_does_not_and_an_old_reader_keeps_his_file(lived_in):
    reader = duckdb.connect(str(marts(lived_in)), read_only=True)
    old = reader.execute(_VOLUNTEERS.format("marts.marts.fct_indicator")).fetchall()
    _correct(lived_in, LAST, lambda row: row | {"vrijwilligers": str(int(row["vrijwilligers"] or 0) + 5)})
    _correct(lived_in, FIRST, lambda row: row | {"wijkcode": "WK999999"})
    # the next half-year comes in the same run
    effectmonitor(lived_in, "simulate", "--from", FIRST, "--to", NEXT, "--scale", SCALE)
    printed = effectmonitor(lived_in, "run").stdout
    assert "rejected" in printed
    assert reader.execute(_VOLUNTEERS.format("marts.marts.fct_indicator")).fetchall() == old
    reader.close()
    with open_marts(marts(lived_in)) as fresh:
        new = fresh.execute(_VOLUNTEERS.format("marts.fct_indicator")).fetchall()
        releases = fresh.execute("select release_id from marts.release order by 1").fetchall()
    assert new[0] == old[0]
    assert new[1][0] > old[1][0]
    assert new[1][1] == old[1][1] + 1
    assert releases == [("partners-0001",), ("partners-0002",)]


def test_each_published_figure_that_changed_is_told_with_its_reason(lived_in):
    with open_marts(marts(lived_in)) as reader:
        told = reader.execute(
            "select old < new, new_delivery_version - old_delivery_version, reason, reason_nl, release "
            "from marts.fct_revision where indicator_code = 'boost_vrijwilligers' and district_code = 'GM0484'"
        ).fetchall()
        elsewhere = reader.execute(
            f"select count(*) from marts.fct_revision where period = '{NEXT}' or consortium_code <> 'boost' "
            "or reason <> 'correction'"
        ).fetchone()
    sentence = told[0][3]
    assert told == [(True, 1, "correction", sentence, "partners-0002")]
    assert sentence.startswith(f"Levering boost {LAST} versie ")
    assert elsewhere == (0,)
    assert "changed: " in effectmonitor(lived_in, "release", "show", "partners-0002").stdout


def test_a_final_half_year_is_corrected_on_purpose_only(lived_in):
    receipts = sorted((lived_in / "receipts" / "boost" / FIRST).glob("v*/receipt.json"))
    rules = {finding["rule"] for finding in json.loads(receipts[-1].read_text())["findings"]}
    assert "final_period" in rules


@pytest.mark.slow
def test_an_earlier_moment_gives_the_figures_of_then(lived_in):
    before = {part: bytes_of(lived_in / part) for part in ("vault", "receipts", "releases", "ledger", "published")}
    warehouse = hashlib.sha256((lived_in / "warehouse.duckdb").read_bytes()).hexdigest()
    first = lived_in / "releases" / "partners-0001"
    events = [json.loads(line) for line in (lived_in / "ledger" / "chain.jsonl").read_text().splitlines()]
    (moment,) = [each["at"] for each in events if (each["event"], each["release_id"]) == ("published", first.name)]
    printed = effectmonitor(lived_in, "run", "--as-of", moment).stdout
    assert "computed, not released" in printed
    (place,) = (lived_in / "as_of").iterdir()
    files = place / "published" / "partners"
    assert str(files / "marts.duckdb") in printed.replace("\n", "")
    with open_marts(first / "files" / "marts.duckdb") as reader:
        kept = {table: reader.execute(f"from marts.{table} order by all").fetchall() for table in _AS_OF_TABLES}
    with open_marts(files / "marts.duckdb") as reader:
        for table, rows in kept.items():
            assert reader.execute(f"from marts.{table} order by all").fetchall() == rows, table
        told = reader.execute("select release_id, state, approved_by from marts.release").fetchall()
    assert told == [("partners-0001", "published", "demo-approver")]
    assert sorted(path.name for path in (files / "csv").iterdir()) == sorted(
        path.name for path in (first / "files" / "csv").iterdir()
    )
    sql = "select max(period), max(delivery_status) from marts.dim_period where delivery_status <> 'final'"
    asked = effectmonitor(lived_in, "query", "--as-of", moment, sql).stdout
    assert LAST in asked
    assert "provisional" in asked
    # nothing else has moved
    assert {part: bytes_of(lived_in / part) for part in before} == before
    assert hashlib.sha256((lived_in / "warehouse.duckdb").read_bytes()).hexdigest() == warehouse


def test_what_breaks_the_contract_in_the_vault_stops_publication(lived_in):
    before = bytes_of(lived_in / "published")
    spoiled = sorted((lived_in / "vault" / "deliveries" / "clienten").glob(f"tom/{LAST}/v*.parquet"))[-1]
    rows = duckdb.sql(f"select * replace ('jong' as leeftijdsgroep) from '{spoiled}'").to_arrow_table()
    pq.write_table(rows, spoiled)
    done = effectmonitor(lived_in, "run", "--period", LAST, check=False)
    assert done.returncode != 0
    assert "check contract of deliveries/clienten failed" in done.stdout
    assert "nothing new was published" in done.stderr
    assert "jong" not in done.stdout + done.stderr
    assert bytes_of(lived_in / "published") == before


@pytest.mark.slow  # being killed during the intake has quick tests of its own
@pytest.mark.parametrize("seconds", [6, 14, 25])
def test_after_a_kill_the_next_run_gives_what_an_undisturbed_one_gives(demo, tmp_path, seconds):
    home = tmp_path / "home"
    shutil.copytree(demo[0] / "inbox", home / "inbox")
    command = [sys.executable, "-m", "pipeline.cli", "--home", str(home), "run", "--from", FIRST, "--to", LAST]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    effectmonitor(home, "run", "--from", FIRST, "--to", LAST)
    assert figures(home) == figures(demo[0])
    assert _rows(home) == _rows(demo[0])


def _rows(home: Path) -> list[tuple]:
    source = f"read_parquet('{home}/vault/deliveries/_log/**/v*.parquet')"
    return duckdb.sql(
        f"select consortium, period, version, status, rows_accepted, rows_refused from {source} order by all"
    ).fetchall()


@pytest.mark.slow
def test_two_runs_at_once_wait_for_each_other(demo, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(demo[0] / "inbox", home / "inbox")
    command = [sys.executable, "-m", "pipeline.cli", "--home", str(home), "run", "--from", FIRST, "--to", LAST]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(2)
    ]
    for process in processes:
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output
    assert figures(home) == figures(demo[0])


def test_wrong_words_are_answered_with_what_would_be_right(tmp_path):
    home = tmp_path / "home"
    for arguments, sentence in (
        (("run", "--period", "2024"), "write it as 2024-H1"),
        (("run", "--from", "2024-H1"), "--from and --to go together"),
        (("run", "--period", "2024-H1", "--from", "2023-H1", "--to", "2024-H1"), "not both"),
        (("query", "select 1"), "nothing is published yet"),
        (("release", "show", "partners-0009"), "release list"),
        (("run", "--as-of", "gisteren"), "write it as 2024-08-15"),
        (("run", "--as-of", "2024-08-15", "--period", "2024-H1"), "--as-of takes no deliveries"),
        (("run", "--as-of", "2024-08-15"), "no delivery has been accepted yet"),
        (("query", "--as-of", "2024-08-15", "select 1"), "run --as-of"),
    ):
        done = effectmonitor(home, *arguments, check=False)
        assert done.returncode != 0
        assert sentence in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


def test_before_the_first_delivery_there_are_no_figures(demo):
    done = effectmonitor(demo[0], "run", "--as-of", "2020-01-01", check=False)
    assert done.returncode != 0
    assert "the first delivery was accepted at" in done.stderr
    assert not (demo[0] / "as_of").exists()


def test_production_runs_no_demo(tmp_path, monkeypatch):
    monkeypatch.setenv("EFFECTMONITOR_ENVIRONMENT", "production")
    for name in ("KEYS", "PEOPLE", "MAKER"):
        monkeypatch.setenv(f"EFFECTMONITOR_{name}", str(tmp_path))
    done = effectmonitor(tmp_path / "home", "demo", check=False)
    assert done.returncode != 0
    assert "does not run in production" in done.stderr


def test_a_run_without_deliveries_says_where_they_belong(tmp_path):
    home = tmp_path / "home"
    done = effectmonitor(home, "run", check=False)
    assert done.returncode != 0
    assert str(home / "inbox") in done.stderr.replace("\n", "")


def test_a_look_at_the_monitors_before_any_delivery_says_what_comes_first(tmp_path):
    done = effectmonitor(tmp_path / "home", "monitors", "refresh", check=False)
    assert done.returncode == 1
    assert "nothing has been delivered yet" in done.stderr


def test_a_delivery_in_a_mistyped_folder_is_pointed_at(tmp_path):
    wrong = tmp_path / "home" / "inbox" / "tom" / "2024H1" / "1"
    wrong.mkdir(parents=True)
    (wrong / "datapackage.json").write_text("{}")
    printed = effectmonitor(tmp_path / "home", "status").stdout
    assert str(wrong) in printed.replace("\n", "")
    assert "inbox/tom/2024-H1/1" in printed


def test_the_consortium_sees_the_judgement_before_sending(demo, tmp_path):
    home, _ = demo
    folder = sorted((home / "inbox" / "boost" / LAST).iterdir())[0]
    assert effectmonitor(tmp_path, "deliver", "check", str(folder)).stdout.startswith("ONTVANGSTBEWIJS")
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    next(copy.glob("bezoek*")).unlink()
    assert effectmonitor(tmp_path, "deliver", "check", str(copy), check=False).returncode == 2
    descriptor = json.loads((copy / "datapackage.json").read_text())
    descriptor["resources"] = [entry for entry in descriptor["resources"] if entry["name"] != "bezoek"]
    (copy / "datapackage.json").write_text(json.dumps(descriptor))
    rejected = effectmonitor(tmp_path, "deliver", "check", str(copy), check=False)
    assert rejected.returncode == 1
    assert "bezoek" in rejected.stdout
    assert not (tmp_path / "vault").exists()


def test_the_template_has_a_sheet_per_table(tmp_path):
    effectmonitor(tmp_path, "deliver", "template", "tom", "--to", str(tmp_path / "tom.xlsx"))
    sheets = openpyxl.load_workbook(tmp_path / "tom.xlsx", read_only=True).sheetnames
    assert {"clienten", "dossiers", "zelfredzaamheid", "gesprekken", "antwoorden"} <= set(sheets)
