"""What the reliability step finds reaches the receipt of the version that counts: once, whole, and no other."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest
from handmade_deliveries import all_bytes
from hypothesis import given
from hypothesis import strategies as st

from pipeline.automation import HALF_YEARS
from pipeline.deliveries.assets import RECEIPT_INTERVIEWS_NEEDED, build_delivery_assets
from pipeline.deliveries.findings import Finding, Judgement, TableCount
from pipeline.deliveries.intake import receive
from pipeline.deliveries.receipt_page import receipt_page
from pipeline.deliveries.receipts import receipt, write_receipt
from pipeline.deliveries.reliability_note import Needed, note, tell_needed
from pipeline.deliveries.vault import receipt_folder
from pipeline.settings import Settings
from pipeline.warehouse.connection import open_warehouse, replace_table

JUDGEMENT = Judgement(
    "tom",
    "2024-H1",
    2,
    "partially_accepted",
    datetime(2024, 7, 10, 7),
    1,
    "ab" * 32,
    {"gesprekken": TableCount(100, 99, 1)},
    (Finding("row", "unknown_code", "Deze code bestaat niet.", "gesprekken", "wijze", 1, (7,)),),
)
_COLUMNS = (
    "consortium_code",
    "period",
    "target_group",
    "indicator_code",
    "district_code",
    "n",
    "verdict",
    "needed_for_indicative",
    "needed_for_reliable",
    "limited_by_clients",
)
_SURVEY = ("tom", "2024-H1", "client")
ROWS = [
    dict(zip(_COLUMNS, values, strict=True))
    for values in (
        (*_SURVEY, "tom_gehoord", "WK048471", 6, "not_publishable", 39, 88, True),
        (*_SURVEY, "tom_gehoord", "WK048401", 41, "not_publishable", 4, 53, False),
        (*_SURVEY, "tom_gehoord", "GM0484", 1203, "reliable", 0, 0, False),
        (*_SURVEY, "tom_tevredenheid_clienten", "WK048402", 57, "indicative", 0, 31, False),
        (*_SURVEY, "tom_tevredenheid_clienten", "WK048470", 0, "not_publishable", None, None, False),
        ("tom", "2024-H1", "stakeholder", "tom_tevredenheid_stakeholders", "GM0484", 99, "indicative", 0, 0, False),
    )
]
TOLD = [
    ("tom_tevredenheid_clienten", "Boskoop"),
    ("tom_tevredenheid_clienten", "Ridderveld"),
    ("tom_tevredenheid_stakeholders", "Alphen aan den Rijn"),
    ("tom_gehoord", "Alphen aan den Rijn"),
    ("tom_gehoord", "Oudshoorn"),
    ("tom_gehoord", "Zwammerdam"),
]


def needed(*rows: dict, version: int = 2) -> list[Needed]:
    return [Needed("tom", "2024-H1", version, rows)]


@pytest.fixture
def sent(settings) -> Path:
    """Folder of the receipt of version 2, as it was sent."""
    folder = receipt_folder(settings, "tom", "2024-H1", 2)
    write_receipt(folder, receipt(JUDGEMENT, datetime(2024, 7, 11, 8, 30)))
    return folder


def test_the_receipt_tells_it_by_name_and_in_order(settings, sent):
    before = json.loads((sent / "receipt.json").read_text(encoding="utf-8"))
    findings = (sent / "findings.csv").read_bytes()
    assert tell_needed(settings, needed(*ROWS)) == ["updated"]
    content = json.loads((sent / "receipt.json").read_text(encoding="utf-8"))
    told = content.pop("interviews_needed")
    assert content == before
    assert (sent / "findings.csv").read_bytes() == findings
    assert [(row["indicator_code"], row["district_name"]) for row in told] == TOLD
    assert told[-1] == {
        "indicator_code": "tom_gehoord",
        "indicator_nl": "Cliënt voelt zich gehoord",
        "target_group": "client",
        "district_code": "WK048471",
        "district_name": "Zwammerdam",
        "district_level": "district",
        "n": 6,
        "verdict": "not_publishable",
        "needed_for_indicative": 39,
        "needed_for_reliable": 88,
        "limited_by_clients": True,
    }
    # the page can be made again from the JSON alone
    page = (sent / "receipt.html").read_text(encoding="utf-8")
    assert page == receipt_page(content | {"interviews_needed": told}, "findings.csv")
    assert "Hoe zeker zijn uw cijfers?" in page
    assert sorted(path.name for path in sent.iterdir()) == ["findings.csv", "receipt.html", "receipt.json"]


def test_telling_it_twice_writes_nothing(settings, sent):
    tell_needed(settings, needed(*ROWS))
    before = {path: path.stat().st_mtime_ns for path in sent.iterdir()}
    assert tell_needed(settings, needed(*ROWS)) == ["unchanged"]
    assert {path: path.stat().st_mtime_ns for path in sent.iterdir()} == before


def test_other_verdicts_take_the_place_of_those_before(settings, sent):
    first = all_bytes(sent)
    tell_needed(settings, needed(ROWS[0]))
    assert tell_needed(settings, needed(*ROWS)) == ["updated"]
    rejudged = all_bytes(sent)
    # nothing is left to tell: the receipt is again what it was before
    assert tell_needed(settings, needed()) == ["updated"]
    assert all_bytes(sent) == first
    tell_needed(settings, needed(*ROWS))
    assert all_bytes(sent) == rejudged


@given(st.permutations(ROWS))
def test_the_order_of_the_rows_is_of_no_account(rows):
    assert note(rows) == note(ROWS)


def test_a_write_that_broke_off_is_made_good(settings, sent):
    before = (sent / "receipt.json").read_bytes()
    hindrance = sent / ".receipt.json.part"
    hindrance.mkdir()
    with pytest.raises(OSError, match=r"receipt\.json"):
        tell_needed(settings, needed(*ROWS))
    assert (sent / "receipt.json").read_bytes() == before
    hindrance.rmdir()
    assert tell_needed(settings, needed(*ROWS)) == ["updated"]
    page = (sent / "receipt.html").read_text(encoding="utf-8")
    assert page == receipt_page(json.loads((sent / "receipt.json").read_text(encoding="utf-8")), "findings.csv")


@pytest.mark.parametrize("kept", [None, "{", "[]", '{"version": 2}'])
def test_a_receipt_that_is_gone_or_older_is_left_as_it_is(settings, sent, kept):
    if kept is None:
        (sent / "receipt.json").unlink()
    else:
        (sent / "receipt.json").write_text(kept, encoding="utf-8")
    before = all_bytes(sent)
    write_receipt(receipt_folder(settings, "tom", "2024-H1", 3), receipt(replace(JUDGEMENT, version=3)))
    assert tell_needed(settings, needed(*ROWS) + needed(*ROWS, version=3)) == ["skipped", "updated"]
    assert all_bytes(sent) == before


def test_where_there_is_nothing_to_tell_no_receipt_is_missed(settings):
    assert tell_needed(settings, needed()) == ["unchanged"]
    assert not settings.receipts.exists()


# --- the asset ---


def add(settings: Settings) -> dict[str, dg.MetadataValue]:
    """Materialise the asset, and return its metadata."""
    (asset,) = [each for each in build_delivery_assets(settings, HALF_YEARS) if RECEIPT_INTERVIEWS_NEEDED in each.keys]
    with dg.DagsterInstance.ephemeral() as instance:
        done = dg.materialize([asset], instance=instance)
    (event,) = done.get_asset_materialization_events()
    return event.materialization.metadata


def build_warehouse(settings: Settings, deliveries: list[tuple], rows: list[dict] | None = None) -> None:
    with open_warehouse(settings) as warehouse:
        names = ["consortium_code", "period", "delivery_version", "is_counting"]
        frame = pd.DataFrame(deliveries, columns=names)
        replace_table(warehouse, "staging", "stg_deliveries__deliveries", frame, "")
        if rows is not None:
            replace_table(warehouse, "reliability", "interviews_needed", pd.DataFrame(rows, columns=_COLUMNS), "")


def test_only_the_version_that_counts_is_told_and_receiving_again_changes_no_byte(make, settings):
    delivery = make("boost")
    receive(delivery.write(), settings)
    delivery.version = 2
    delivery.tables["gesprekken"][0]["wijze"] = "duif"
    receive(delivery.write(), settings)
    delivery.version = 3
    del delivery.tables["bezoek"]
    assert receive(delivery.write(), settings).status == "rejected"
    rows = [row | {"consortium_code": "boost"} for row in ROWS]
    sent = all_bytes(settings.receipts)
    versions = [("boost", "2024-H1", number, number == 2) for number in (1, 2, 3)]
    build_warehouse(settings, [*versions, ("go", "2023-H2", 1, True)], [*rows, rows[0] | {"period": "2020-H1"}])
    metadata = add(settings)
    assert (metadata["receipts_updated"].value, metadata["receipts_skipped"].value, metadata["rows"].value) == (1, 0, 6)
    preview = metadata["preview"].value.splitlines()
    assert preview[2:] == ["| 2024-H1 | boost | 2 | 6 | 1 | 2 | 3 | updated |"]
    after = all_bytes(settings.receipts)
    assert {name for name in after if after[name] != sent[name]} == {
        "boost/2024-H1/v2/receipt.html",
        "boost/2024-H1/v2/receipt.json",
    }
    told = json.loads(after["boost/2024-H1/v2/receipt.json"])["interviews_needed"]
    assert [(row["needed_for_indicative"], row["needed_for_reliable"]) for row in told[:2]] == [(None, None), (0, 31)]
    assert receive(replace(delivery.folder, path=delivery.path.with_name("2"), version=2), settings).status == (
        "unchanged"
    )
    assert add(settings)["receipts_updated"].value == 0
    assert all_bytes(settings.receipts) == after


def test_a_receipt_that_was_lost_is_named_and_stops_nothing(settings):
    build_warehouse(settings, [("tom", "2024-H1", 2, True)], ROWS)
    metadata = add(settings)
    assert metadata["receipts_skipped"].value == 1
    assert metadata["preview"].value.endswith("| 2024-H1 | tom | 2 | 6 | 1 | 2 | 3 | skipped |")


def test_before_the_reliability_step_there_is_nothing_to_tell(settings):
    assert add(settings)["preview"].value == "nothing to tell yet"
    build_warehouse(settings, [("tom", "2024-H1", 2, True)])
    assert add(settings)["preview"].value == "nothing to tell yet"
