"""What receiving leaves behind: once, whole, and never touched again."""

from __future__ import annotations

import logging
import os

import duckdb
import pyarrow.parquet as pq
import pytest
from handmade_deliveries import all_bytes, found

from pipeline.deliveries.intake import judge_delivery, receive
from pipeline.deliveries.vault import is_judged, read_log, table_path
from pipeline.settings import Settings, SettingsError


def produced(settings: Settings) -> dict[str, bytes]:
    """All files that receiving made, by name."""
    return {name: content for name, content in all_bytes(settings.home).items() if not name.startswith("inbox/")}


@pytest.mark.parametrize("consortium", ["tom", "go", "boost"])
def test_a_valid_delivery_is_accepted_wholly(make, settings, consortium, vault_rows):
    delivery = make(consortium)
    outcome = receive(delivery.write(), settings)
    assert (outcome.consortium, outcome.period, outcome.version) == (consortium, "2024-H1", 1)
    assert (outcome.status, outcome.findings) == ("accepted", ())
    assert outcome.seconds > 0
    assert outcome.receipt == settings.receipts / consortium / "2024-H1" / "v1" / "receipt.json"
    for table, rows in delivery.tables.items():
        count = outcome.tables[table]
        assert (count.received, count.accepted, count.refused) == (len(rows), len(rows), 0)
        assert len(vault_rows(table, consortium)) == len(rows)
    assert not settings.quarantine.exists()


def test_the_log_tells_what_was_judged(make, settings):
    delivery = make("boost")
    delivery.tables["bezoek"][0]["bezoeken"] = "veel"
    receive(delivery.write(), settings)
    log = duckdb.connect().execute(
        "select * exclude (received_at, package_hash) from read_parquet(?)",
        [str(settings.vault / "deliveries" / "_log" / "*" / "*" / "v*.parquet")],
    )
    assert " ".join(column[0] for column in log.description) == (
        "consortium period version status created contract rows_received rows_accepted rows_refused "
        "correction_of_final erased_at removed_at"
    )
    ((place, status, created, contract, received, accepted, refused, corrects_final, *changed),) = [
        (row[:3], *row[3:]) for row in log.fetchall()
    ]
    assert changed == [None, None]
    assert (place, status, contract) == (("boost", "2024-H1", 1), "partially_accepted", 1)
    assert corrects_final is False
    assert created.isoformat() == "2024-07-10T07:00:00"  # UTC
    assert (received, accepted, refused) == (272, 271, 1)
    tables = pq.read_table(settings.vault / "deliveries/_log_tables/boost/2024-H1/v1.parquet").to_pylist()
    assert tables[0] == {
        "consortium": "boost",
        "period": "2024-H1",
        "version": 1,
        "table_name": "bezoek",
        "rows_received": 60,
        "rows_accepted": 59,
        "rows_refused": 1,
        "rows_unsound": 0,
    }
    assert sum(row["rows_received"] for row in tables) == received


def test_receiving_twice_changes_nothing(make, settings):
    delivery = make("boost")
    delivery.tables["bezoek"][0]["bezoeken"] = "veel"
    folder = delivery.write()
    first = receive(folder, settings)
    before = produced(settings)
    second = receive(folder, settings)
    assert (second.status, second.findings, second.receipt) == ("unchanged", (), first.receipt)
    assert second.tables == first.tables
    assert produced(settings) == before


def test_a_rejected_delivery_is_logged_and_leaves_no_rows(make, settings):
    delivery = make("boost")
    del delivery.tables["toeleiding"]
    folder = delivery.write()
    assert receive(folder, settings).status == "rejected"
    assert read_log(settings, "boost", "2024-H1", 1).status == "rejected"
    assert not table_path(settings, "bezoek", "boost", "2024-H1", 1).exists()
    assert receive(folder, settings).status == "unchanged"


def test_a_correction_is_a_new_version_and_the_old_one_stays(make, settings, vault_rows):
    delivery = make("boost")
    receive(delivery.write(), settings)
    before = produced(settings)
    delivery.version = 2
    delivery.tables["bezoek"][0]["bezoeken"] = "500"
    assert receive(delivery.write(), settings).status == "accepted"
    after = produced(settings)
    assert {name: after[name] for name in before} == before
    assert vault_rows("bezoek", "boost", version=1)[0]["bezoeken"] == 410
    assert vault_rows("bezoek", "boost", version=2)[0]["bezoeken"] == 500
    assert vault_rows("bezoek", "boost", version=2)[0]["version"] == 2


def test_other_content_under_a_judged_version_is_a_conflict(make, settings):
    delivery = make("boost")
    receive(delivery.write(), settings)
    before = produced(settings)
    delivery.tables["bezoek"][0]["bezoeken"] = "500"
    outcome = receive(delivery.write(), settings)
    assert outcome.status == "rejected"
    assert found(outcome) == {("version_already_delivered", None, None)}
    assert outcome.receipt.name == "receipt-conflict.json"
    after = produced(settings)
    assert {name: after[name] for name in before} == before
    assert sorted(set(after) - set(before)) == [
        "receipts/boost/2024-H1/v1/findings-conflict.csv",
        "receipts/boost/2024-H1/v1/receipt-conflict.html",
        "receipts/boost/2024-H1/v1/receipt-conflict.json",
    ]
    receive(delivery.folder, settings)
    assert produced(settings) == after
    # what the first left is still known
    delivery.tables["bezoek"][0]["bezoeken"] = "410"
    assert receive(delivery.write(), settings).status == "unchanged"


def test_one_delivery_at_fault_stops_no_other(make, settings, receive_all):
    make("go").write()
    delivery = make("boost")
    delivery.write()
    delivery.write_descriptor(b"{]")
    make("tom").write()
    assert {outcome.consortium: outcome.status for outcome in receive_all()} == {
        "boost": "rejected",
        "go": "accepted",
        "tom": "accepted",
    }


def test_a_technical_failure_is_told_and_tried_again(make, settings, caplog):
    delivery = make("boost")
    folder = delivery.write()
    settings.receipts.mkdir(parents=True)
    blocked = settings.receipts / "boost"
    blocked.write_text("a file where a folder must come")
    outcome = receive(folder, settings)
    assert outcome.status == "rejected"
    assert outcome.receipt is None
    assert found(outcome) == {("technical_failure", None, None)}
    assert "FileExistsError" in caplog.text or "NotADirectoryError" in caplog.text
    assert str(settings.home) not in caplog.text
    assert not is_judged(settings, "boost", "2024-H1", 1)
    blocked.unlink()
    assert receive(folder, settings).status == "accepted"


def test_no_words_of_an_error_are_repeated(make, settings, caplog):
    caplog.set_level(logging.DEBUG)
    delivery = make("boost")
    folder = delivery.write()
    canary = "zeer-herkenbaar"
    (settings.vault / "deliveries" / "bezoek").mkdir(parents=True)
    (settings.vault / "deliveries" / "bezoek" / "_empty.parquet").write_text(canary)
    outcome = receive(folder, settings)
    assert found(outcome) == {("technical_failure", None, None)}
    assert canary not in caplog.text + str(outcome)


def test_a_missing_key_is_no_fault_of_the_delivery(make, settings):
    delivery = make("boost")
    production = Settings(home=settings.home, environment="production")
    with pytest.raises(SettingsError):
        receive(delivery.write(), production)
    assert not settings.vault.exists()


def test_judging_writes_nothing(make, settings):
    delivery = make("boost")
    delivery.tables["bezoek"][0]["bezoeken"] = "veel"
    folder = delivery.write()
    before = all_bytes(settings.home)
    for place in (folder, folder.path):
        judgement = judge_delivery(place)
        assert judgement.status == "partially_accepted"
        assert judgement.tables["bezoek"].refused == 1
    assert all_bytes(settings.home) == before
    assert receive(folder, settings).findings == judgement.findings


def test_what_an_interrupted_receipt_left_is_done_again(make, settings, vault_rows):
    delivery = make("boost")
    delivery.tables["bezoek"][0]["bezoeken"] = "veel"
    folder = delivery.write()
    receive(folder, settings)
    whole = rows_of(produced(settings))
    # interrupted just before the log; a half-written file lies beside a whole one
    log = table_path(settings, "_log", "boost", "2024-H1", 1)
    log.unlink()
    partial = table_path(settings, "bezoek", "boost", "2024-H1", 1).with_name(".v1.parquet.part")
    partial.write_bytes(b"PAR1 half")
    assert receive(folder, settings).status == "partially_accepted"
    assert rows_of(produced(settings)) == whole
    # interrupted, and then delivered otherwise: nothing of the first may stay
    log.unlink()
    del delivery.tables["toeleiding"]
    delivery.tables["bezoek"][0]["bezoeken"] = "410"
    assert receive(delivery.write(), settings).status == "rejected"
    assert not [name for name in produced(settings) if "/bezoek/boost/" in name or name.startswith("quarantine")]


def rows_of(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files of which every byte follows from the delivery: not the log and the receipt, which hold the moment."""
    return {name: content for name, content in files.items() if "_log/" not in name and "receipts/" not in name}


def test_no_raw_rows_stay_in_the_work_folder(make, settings):
    receive(make("boost").write(), settings)
    assert list((settings.home / "work").iterdir()) == []
    assert (settings.home / "work").stat().st_mode & 0o077 == 0
    old, new = settings.home / "work" / "old", settings.home / "work" / "new"
    for folder in (old, new):
        folder.mkdir()
        (folder / "spill").write_text("C-000001")
    os.utime(old, (0, 0))
    receive(make("boost", version=2).write(), settings)
    # of a run that was killed, and of one that may still be running
    assert [path.name for path in (settings.home / "work").iterdir()] == ["new"]
