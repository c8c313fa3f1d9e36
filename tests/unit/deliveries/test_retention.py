"""Retention through the command and the asset: what is past its term goes, and nothing else."""

from __future__ import annotations

import json
import os
import shutil
from datetime import UTC, date, datetime

import dagster as dg
import pytest
from click.testing import CliRunner, Result
from handmade_deliveries import Delivery, all_bytes, valid_tables

from pipeline.automation import RETENTION_JOB
from pipeline.cli import main
from pipeline.definitions import build_definitions
from pipeline.deliveries import retention
from pipeline.deliveries.intake import find_deliveries, receive
from pipeline.deliveries.retention import RetentionError, apply_retention, end_of_term, read_rules
from pipeline.deliveries.vault import read_log
from pipeline.deliveries.versions import removed_then
from pipeline.periods import day_of
from pipeline.settings import Settings

BOOST = ("boost", "2024-H1")


def made_on(settings: Settings) -> date:
    """The day on which the installation below was made: not today's, when a midnight has passed since."""
    return day_of(read_log(settings, *BOOST, 1).received_at)


def after(settings: Settings, term: str) -> date:
    return end_of_term(made_on(settings), term)


def what(items) -> set[tuple[str, str]]:
    return {(item.rule.dataset, item.place) for item in items}


@pytest.fixture
def lived_in(made: Settings, settings: Settings) -> Settings:
    """A copy of the installation below, for one test."""
    shutil.copytree(made.home, settings.home)
    return settings


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Settings:
    """Boost: version 1 and 2 accepted, 3 rejected, 4 still arriving; an earlier moment; two releases."""
    settings = Settings(home=tmp_path_factory.mktemp("made") / "home", environment="test")
    for version in (1, 2, 3, 4):
        delivery = Delivery("boost", settings.inbox, version=version, tables=valid_tables("boost"))
        delivery.tables["bezoek"][0]["bezoeken"] = "veel"
        if version == 3:
            del delivery.tables["bezoek"]
        delivery.write()
        if version == 4:
            (delivery.path / "bezoek.csv").unlink()
    statuses = [receive(folder, settings).status for folder in find_deliveries(settings)]
    assert statuses == ["partially_accepted", "partially_accepted", "rejected", "incomplete"]
    moment = settings.home / "as_of" / "2024-08-15T000000Z"
    moment.mkdir(parents=True)
    (moment / "warehouse.duckdb").write_bytes(b"rows")
    for number in (1, 2):
        folder = settings.releases / f"partners-000{number}"
        for name in ("proof", "files", "sealed"):
            (folder / name).mkdir(parents=True)
            (folder / name / "content").write_text("content")
        record = {
            "release_id": folder.name,
            "audience": "partners",
            "created_at": f"{made_on(settings)}T12:00:0{number}",
        }
        (folder / "release.json").write_text(json.dumps(record))
    (settings.home / "ledger").mkdir()
    (settings.home / "ledger" / "chain.jsonl").write_text("{}\n")
    return settings


def test_before_any_term_is_over_nothing_goes_and_all_is_told(lived_in):
    before = all_bytes(lived_in.home)
    report = apply_retention(lived_in, made_on(lived_in))
    assert report.removed == ()
    files = all_bytes(lived_in.home)
    files.pop("warehouse.lock", None)
    assert files == before
    assert what(report.coming) == {
        *(("delivered_files", f"boost 2024-H1 v{version}") for version in (1, 2, 3)),
        *(("refused_rows", f"boost 2024-H1 v{version}") for version in (1, 2)),
        ("stalled_deliveries", "boost 2024-H1 v4"),
        ("replaced_rows", "boost 2024-H1 v1"),
        ("counting_rows", "boost 2024-H1 v2"),
        ("receipts", "boost 2024-H1 v1"),
        ("receipts", "boost 2024-H1 v3"),
        ("earlier_moments", "2024-08-15T000000Z"),
        ("audit_proofs", "partners-0001"),
    }
    assert {rule.dataset for rule in report.kept} >= {"releases", "ledger", "erasure_log"}
    assert [item.due for item in report.coming] == sorted(item.due for item in report.coming)


def test_files_go_after_a_month_and_nothing_is_judged_again(lived_in):
    vault, receipts = all_bytes(lived_in.vault), all_bytes(lived_in.receipts)
    assert what(apply_retention(lived_in, date.fromordinal(after(lived_in, "P1M").toordinal() - 1)).removed) == set()
    report = apply_retention(lived_in, after(lived_in, "P1M"))
    assert {item.rule.dataset for item in report.removed} == {"delivered_files", "earlier_moments"}
    assert [folder.version for folder in find_deliveries(lived_in)] == [4]
    assert (all_bytes(lived_in.vault), all_bytes(lived_in.receipts)) == (vault, receipts)
    # the same files again are the same delivery; the next version is compared with the ones before it
    second = Delivery("boost", lived_in.inbox, version=2, tables=valid_tables("boost"))
    second.tables["bezoek"][0]["bezoeken"] = "veel"
    assert receive(second.write(), lived_in).status == "unchanged"
    fifth = receive(Delivery("boost", lived_in.inbox, version=5, tables=valid_tables("boost")).write(), lived_in)
    assert fifth.status == "accepted"
    assert json.loads(fifth.receipt.read_text())["previous_version"]["version"] == 3


def test_a_delivery_that_waits_or_still_grows_stays(lived_in):
    Delivery("boost", lived_in.inbox, version=6, tables=valid_tables("boost")).write()
    report = apply_retention(lived_in, after(lived_in, "P3M"))
    assert ("stalled_deliveries", "boost 2024-H1 v4") in what(report.removed)
    assert [folder.version for folder in find_deliveries(lived_in)] == [6]
    growing = Delivery("boost", lived_in.inbox, version=7, tables=valid_tables("boost"))
    growing.write()
    (growing.path / "datapackage.json").unlink()
    later = datetime.combine(after(lived_in, "P2M"), datetime.min.time(), UTC).timestamp()
    os.utime(growing.path / "bezoek.csv", (later, later))
    apply_retention(lived_in, after(lived_in, "P3M"))
    assert [folder.version for folder in find_deliveries(lived_in)] == [6, 7]


def test_replaced_rows_go_and_the_version_that_counts_stays(lived_in):
    counting = (lived_in.vault / "deliveries" / "bezoek" / "boost" / "2024-H1" / "v2.parquet").read_bytes()
    report = apply_retention(lived_in, after(lived_in, "P2Y"))
    assert {("replaced_rows", "boost 2024-H1 v1"), ("refused_rows", "boost 2024-H1 v2")} <= what(report.removed)
    names = {str(path.relative_to(lived_in.vault)) for path in lived_in.vault.rglob("v*.parquet")}
    assert not any(name.endswith("v1.parquet") and "/_log" not in name for name in names)
    assert (lived_in.vault / "deliveries" / "bezoek" / "boost" / "2024-H1" / "v2.parquet").read_bytes() == counting
    assert not list(lived_in.quarantine.rglob("*.parquet"))
    first, second = (read_log(lived_in, *BOOST, version) for version in (1, 2))
    assert (first.removed_at is None, second.removed_at) == (False, None)
    assert first.status == "partially_accepted"
    # as of a moment at which the first counted, nothing can be computed any more
    assert removed_then(lived_in, first.received_at) == "boost 2024-H1 v1"
    assert removed_then(lived_in, second.received_at) is None
    assert apply_retention(lived_in, after(lived_in, "P2Y")).removed == ()


def test_a_term_runs_from_the_day_in_the_municipality(lived_in):
    for path in lived_in.releases.glob("*/release.json"):
        content = json.loads(path.read_text())
        path.write_text(json.dumps(content | {"created_at": "2024-12-31T23:30:00"}))
    items = apply_retention(lived_in, made_on(lived_in), dry_run=True)
    due = {item.due for item in (*items.removed, *items.coming) if item.rule.dataset == "audit_proofs"}
    (rule,) = (rule for rule in read_rules() if rule.dataset == "audit_proofs")
    assert due == {end_of_term(date(2025, 1, 1), rule.term)}


def test_an_earlier_moment_of_which_the_rows_are_gone_is_refused(lived_in):
    apply_retention(lived_in, after(lived_in, "P2Y"))
    moment = read_log(lived_in, *BOOST, 1).received_at.isoformat()
    result = run(lived_in, "run", "--as-of", moment)
    assert result.exit_code == 1
    assert "the rows of boost 2024-H1 v1, which counted then, were removed" in result.output


def test_what_is_needed_against_attackers_is_never_removed(lived_in):
    kept = {**all_bytes(lived_in.home / "ledger"), **all_bytes(lived_in.releases)}
    apply_retention(lived_in, date(2999, 1, 1))
    left = {**all_bytes(lived_in.home / "ledger"), **all_bytes(lived_in.releases)}
    assert {name for name in kept if name not in left} == {"partners-0001/proof/content"}
    # the receipt of what counts stays too, and what was judged stays judged
    assert [path.parent.name for path in lived_in.receipts.rglob("receipt.json")] == ["v2"]
    assert read_log(lived_in, *BOOST, 2).removed_at


def test_counting_rows_wait_for_the_last_half_year_of_their_consortium(lived_in):
    Delivery(
        "boost",
        lived_in.inbox,
        period="2024-H2",
        tables={
            table: [{**row, **({"maand": "2024-09"} if "maand" in row else {})} for row in rows]
            for table, rows in valid_tables("boost").items()
            if table in ("bezoek", "duiding")
        }
        | {"toeleiding": [{"wijkcode": "WK048401", "maand": "2024-09", "naar": "wmo", "aantal": "3"}]}
        | {
            "gesprekken": [row | {"afgenomen_op": "2024-10-09"} for row in valid_tables("boost")["gesprekken"]],
            "antwoorden": valid_tables("boost")["antwoorden"],
        },
    ).write()
    (outcome,) = [receive(each, lived_in) for each in find_deliveries(lived_in) if each.period == "2024-H2"]
    assert outcome.status == "accepted", outcome.findings
    due = {
        item.place: item.due
        for item in apply_retention(lived_in, made_on(lived_in)).coming
        if item.rule.dataset == "counting_rows"
    }
    assert due == {"boost 2024-H1 v2": date(2029, 12, 31), "boost 2024-H2 v1": date(2029, 12, 31)}


def run(settings: Settings, *arguments: str) -> Result:
    return CliRunner(env={"EFFECTMONITOR_ENVIRONMENT": "test"}).invoke(main, ["--home", str(settings.home), *arguments])


def test_the_command_says_what_goes_and_what_comes(lived_in):
    before = all_bytes(lived_in.inbox)
    old = datetime(2024, 1, 1, tzinfo=UTC).timestamp()
    moment = lived_in.home / "as_of" / "2024-08-15T000000Z"
    for path in (moment / "warehouse.duckdb", moment):
        os.utime(path, (old, old))
    dry = run(lived_in, "retention", "--dry-run")
    assert dry.exit_code == 0
    assert "1 would be removed" in dry.output
    assert moment.is_dir()
    done = run(lived_in, "retention")
    assert done.exit_code == 0
    for words in ("1 removed", "2024-02-01  warehouse   earlier_moments", "to come", "delivered_files", "ledger"):
        assert words in done.output
    assert not moment.exists()
    assert all_bytes(lived_in.inbox) == before


def test_the_asset_reports_what_it_removed_and_what_comes_next(lived_in):
    old = datetime(2024, 1, 1, tzinfo=UTC).timestamp()
    moment = lived_in.home / "as_of" / "2024-08-15T000000Z"
    for path in (moment / "warehouse.duckdb", moment):
        os.utime(path, (old, old))
    job = build_definitions(lived_in).resolve_job_def(RETENTION_JOB)
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance)
    (event,) = result.get_asset_materialization_events()
    metadata = event.materialization.metadata
    assert metadata["removed"].value == 1
    assert "earlier_moments" in metadata["removed_now"].value
    assert "delivered_files" in metadata["coming"].value
    assert metadata["next"].value == str(after(lived_in, "P1M"))


@pytest.mark.parametrize(
    ("start", "term", "end"),
    [
        ("2024-08-31", "P6M", "2025-02-28"),
        ("2024-02-29", "P1Y", "2025-02-28"),
        ("2024-01-31", "P1M1W", "2024-03-07"),
        ("2024-11-30", "P1Y2M3D", "2026-02-02"),
        ("2024-12-31", "P0D", "2024-12-31"),
    ],
)
def test_terms_are_those_of_the_calendar(start, term, end):
    assert end_of_term(date.fromisoformat(start), term) == date.fromisoformat(end)


@pytest.mark.parametrize(
    ("dataset", "change", "said"),
    [
        ("receipts", {"term": "5 jaar"}, "is no term"),
        ("receipts", {"term": "P"}, "is no term"),
        ("receipts", {"start_event": "delivery_judged"}, "cannot run from"),
        ("ledger", {"term": "P1Y", "start_event": "release_made"}, "it is not removed by time"),
        ("receipts", {"dataset": "reciepts"}, "cannot run from"),
    ],
)
def test_a_seed_that_cannot_be_followed_removes_nothing(lived_in, monkeypatch, dataset, change, said):
    rows = [row | change if row["dataset"] == dataset else row for row in retention.read_seed("retention")]
    monkeypatch.setattr(retention, "read_seed", lambda name: tuple(rows))
    before = all_bytes(lived_in.inbox)
    with pytest.raises(RetentionError, match=said):
        apply_retention(lived_in, date(2999, 1, 1))
    assert all_bytes(lived_in.inbox) == before


def test_every_dataset_has_a_rule_with_its_ground():
    rules = read_rules()
    assert len({rule.dataset for rule in rules}) == len(rules)
    assert all(rule.basis and rule.reason for rule in rules)
    zones = {"inbox", "vault", "quarantine", "receipts", "warehouse", "releases", "proof", "dagster"}
    assert {rule.zone for rule in rules} == zones
