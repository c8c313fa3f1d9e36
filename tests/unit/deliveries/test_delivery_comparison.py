"""A delivery is laid beside the version and the half-year before it, and an odd jump becomes a question."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from itertools import pairwise

import pyarrow.parquet as pq
import pytest
from handmade_deliveries import all_bytes
from hypothesis import given
from hypothesis import strategies as st

from pipeline.deliveries import dutch
from pipeline.deliveries.comparison import Earlier, choose_earlier, compare
from pipeline.deliveries.findings import Finding, Judgement, TableCount
from pipeline.deliveries.intake import judge_delivery, receive
from pipeline.deliveries.profile import ColumnProfile, TableProfile
from pipeline.deliveries.vault import read_profiles, table_path


def judgement(period: str = "2024-H1", version: int = 2, status: str = "accepted", **changes) -> Judgement:
    return Judgement("tom", period, version, status, **changes)


def of_size(rows: int, clients: int, missing: int = 0, **changes) -> Judgement:
    columns = {"client_id": ColumnProfile(0, clients), "uit_zorg_op": ColumnProfile(missing)}
    return judgement(
        tables={"clienten": TableCount(rows, rows, 0)}, profiles={"clienten": TableProfile(rows, columns)}, **changes
    )


# --- which one ---


def test_the_version_and_the_half_year_before_it_are_chosen():
    versions = [judgement(version=number, status="rejected") for number in (1, 3, 4, 6)]
    half_years = [
        judgement("2023-H2", 1),
        judgement("2023-H2", 2, "partially_accepted"),
        judgement("2023-H2", 3, "rejected"),
        judgement("2023-H1", 9),
        judgement("2024-H2", 9),
        replace(judgement("2023-H2", 8), consortium="go"),
    ]
    chosen = choose_earlier(judgement(version=5), [*half_years, *versions])
    # what was judged of the half-year itself, what counts of the one before
    assert (chosen.version, chosen.half_year) == (versions[2], half_years[1])
    assert choose_earlier(judgement(version=1), [*versions, half_years[2]]) == Earlier()
    assert choose_earlier(Judgement(None, None, None, "incomplete"), versions) == Earlier()


# --- against the version before ---


def test_faults_are_solved_remain_or_are_new():
    def row(rule: str, table: str, count: int = 1) -> Finding:
        return Finding("row", rule, rule, table, "column", count, tuple(range(1, count + 1)))

    before = judgement(
        version=1,
        status="rejected",
        tables={"clienten": TableCount(10, 0, 4), "bezoek": TableCount(3, 0, 1)},
        findings=(
            Finding("delivery", "missing_table", "Weg.", "dossiers"),
            row("gone", "clienten", 3),
            row("kept", "clienten", 5),
            row("unseen", "bezoek"),
            Finding("notice", "extra_column", "Extra.", "clienten"),
        ),
    )
    now = judgement(
        tables={"clienten": TableCount(12, 11, 1), "dossiers": TableCount(7, 6, 1)},
        findings=(
            Finding("table", "unreadable_file", "Kapot.", "bezoek"),
            row("kept", "clienten", 2),
            row("new", "dossiers"),
        ),
    )
    found = compare(now, Earlier(version=before))["previous_version"]
    assert (found["version"], found["status"]) == (1, "rejected")
    assert [each["rule"] for each in found["solved"]] == ["missing_table", "gone"]
    assert [(each["rule"], each["count_now"], each["count_before"]) for each in found["remaining"]] == [("kept", 2, 5)]
    assert [each["rule"] for each in found["new"]] == ["unreadable_file", "new"]
    # bezoek could not be read: nobody knows whether its fault is solved
    assert "unseen" not in json.dumps(found)
    assert [list(each.values()) for each in found["tables"]] == [
        ["clienten", 12, 10, 1, 4],
        ["dossiers", 7, None, 1, None],
        ["bezoek", None, 3, None, 1],
    ]


def test_what_was_not_judged_is_not_compared():
    nothing = judgement(status="rejected", findings=(Finding("delivery", "descriptor_unreadable", "Kapot."),))
    found = compare(nothing, Earlier(of_size(50, 50, version=1), of_size(50, 50, period="2023-H2")))
    assert all("niet beoordeeld" in each["not_compared_nl"] for each in found.values())
    assert not any("solved" in each or "tables" in each for each in found.values())
    # after a version that nobody could read, what was wrong with it is solved
    after = compare(of_size(50, 50), Earlier(version=replace(nothing, version=1)))["previous_version"]
    assert [each["rule"] for each in after["solved"]] == ["descriptor_unreadable"]
    assert compare(of_size(50, 50), Earlier()) == {"previous_version": None, "previous_half_year": None}


# --- against the half-year before ---


@pytest.mark.parametrize(
    ("now", "before", "questions"),
    [
        (of_size(60, 60), of_size(79, 79), []),  # 24 % fewer
        (of_size(48, 48), of_size(80, 80), ["er 40 % minder cliënten in de tabel clienten staan? Nu zijn het er 48, "]),
        (of_size(100, 60), of_size(80, 60), ["er 25 % meer rijen in de tabel clienten staan? "]),
        (of_size(400, 90), of_size(100, 100), ["er 4 keer zo veel rijen in de tabel clienten staan? "]),
        (of_size(29, 29), of_size(10, 10), []),  # small tables jump by chance
        (of_size(30, 30), of_size(10, 10), ["er 3 keer zo veel cliënten"]),
        (of_size(0, 0), of_size(80, 80), ["er geen cliënten in de tabel clienten staan? In het vorige halfjaar waren"]),
        (of_size(80, 80), of_size(0, 0), ["er nu 80 cliënten in de tabel clienten staan, en in het vorige halfjaar g"]),
        (of_size(100, 100, 9), of_size(100, 100), []),
        (
            of_size(100, 100, 10),
            of_size(100, 100),
            ["uit_zorg_op in de tabel clienten vaker leeg is? Nu in 10 % van de rijen, in het vorige halfjaar in 0 %."],
        ),
        (of_size(100, 100, 5), of_size(100, 100, 50), ["uit_zorg_op in de tabel clienten minder vaak leeg is? "]),
        (of_size(29, 29, 29), of_size(100, 29), ["er 71 % minder rijen"]),
    ],
)
def test_an_odd_jump_is_a_question(now, before, questions):
    found = compare(now, Earlier(half_year=replace(before, period="2023-H2")))["previous_half_year"]
    assert len(found["questions_nl"]) == len(questions)
    for told, expected in zip(found["questions_nl"], questions, strict=True):
        assert told.startswith(f"Klopt het dat {expected}")
    (table,) = found["tables"]
    assert (table["rows_now"], table["rows_before"]) == (
        now.tables["clienten"].received,
        before.profiles["clienten"].rows,
    )
    marked = [
        table["rows_are_notable"],
        table["clients_are_notable"],
        *(each["is_notable"] for each in found["columns"]),
    ]
    assert any(marked) == bool(questions)


def test_a_table_that_is_gone_is_a_question():
    before = replace(of_size(80, 80), period="2023-H2")
    now = judgement(tables={"dossiers": TableCount(5, 5, 0)}, profiles={"dossiers": TableProfile(5)})
    found = compare(now, Earlier(half_year=before))["previous_half_year"]
    assert found["questions_nl"] == [
        "Klopt het dat er geen rijen in de tabel clienten staan? In het vorige halfjaar waren het er 80."
    ]


# --- the profile, and the vault ---


def test_a_profile_counts_rows_clients_and_empty_cells(make):
    delivery = make("tom")
    clients, files = delivery.tables["clienten"], delivery.tables["dossiers"]
    clients[0]["uit_zorg_op"] = "2024-05-01"
    clients[1]["uit_zorg_op"] = "geen datum"  # cannot be read, yet is not empty
    clients[2]["leeftijdsgroep"] = " "
    for row in files[:10]:
        row["client_id"] = "C-000001"
    for row in delivery.tables["gesprekken"]:
        del row["wijze"]
    profiles = judge_delivery(delivery.write()).profiles
    assert set(profiles) == set(delivery.tables)
    assert profiles["clienten"].rows == 60
    assert profiles["clienten"].columns["uit_zorg_op"] == ColumnProfile(58)
    assert profiles["clienten"].columns["leeftijdsgroep"] == ColumnProfile(1)
    assert (profiles["clienten"].clients, profiles["dossiers"].clients, profiles["gesprekken"].clients) == (
        60,
        51,
        None,
    )
    assert profiles["gesprekken"].columns["wijze"] == ColumnProfile(60)
    # empty means nee there
    assert "tweede_beoordeling" not in profiles["zelfredzaamheid"].columns


def test_rows_of_another_width_are_left_out_of_a_profile(make):
    delivery = make("boost")
    delivery.texts["bezoek"] = delivery.content("bezoek") + b"WK048401;2024-01\n"
    profile = judge_delivery(delivery.write()).profiles["bezoek"]
    assert (profile.rows, profile.columns["bezoeken"].missing) == (60, 0)


def test_profiles_lie_beside_the_log_and_hold_counts_only(make, settings):
    delivery = make("tom")
    del delivery.tables["participatie"]
    folder = delivery.write()
    assert receive(folder, settings).status == "rejected"
    assert read_profiles(settings, "tom", "2024-H1", 1) == judge_delivery(folder).profiles
    rows = pq.read_table(table_path(settings, "_log_profiles", "tom", "2024-H1", 1), partitioning=None).to_pylist()
    assert set(rows[0]) == {
        *("consortium", "period", "version", "table_name", "rows", "column_name", "missing", "clients")
    }
    assert "C-0000" not in str(rows)
    assert read_profiles(settings, "tom", "2024-H1", 2) == {}


def test_the_receipt_compares_with_what_the_vault_knows(make, settings):
    def content(outcome) -> dict:
        return json.loads(outcome.receipt.read_text(encoding="utf-8"))

    earlier = make("boost", period="2023-H2")
    earlier.tables["bezoek"] = [
        row | {"maand": f"2023-{int(row['maand'][5:]) + 6:02d}", "voorziening": f"{row['voorziening']} {extra}"}
        for row in earlier.tables["bezoek"]
        for extra in (1, 2)
    ]
    for row in earlier.tables["toeleiding"]:
        row["maand"] = f"2023-{int(row['maand'][5:]) + 6:02d}"
    for row in earlier.tables["gesprekken"]:
        row["afgenomen_op"] = "2023-11-09"
    assert receive(earlier.write(), settings).status == "accepted"
    delivery = make("boost")
    delivery.tables["bezoek"][0]["bezoeken"] = "veel"
    first = content(receive(delivery.write(), settings))
    assert first["previous_version"] is None
    assert first["previous_half_year"]["questions_nl"] == [
        "Klopt het dat er 50 % minder rijen in de tabel bezoek staan? Nu zijn het er 60, in het vorige halfjaar 120."
    ]
    # the inbox is short-lived: nothing of an earlier delivery is read again
    shutil.rmtree(settings.inbox)
    delivery.version = 3
    delivery.tables["bezoek"][0]["bezoeken"] = "410"
    third = content(receive(delivery.write(), settings))
    assert third["previous_version"]["version"] == 1
    assert [each["rule"] for each in third["previous_version"]["solved"]] == ["not_an_integer"]
    # what a trial check says of the same folders
    trial = compare(
        judge_delivery(delivery.path), Earlier(judge_delivery(delivery.path), judge_delivery(earlier.write()))
    )
    assert trial["previous_half_year"] == third["previous_half_year"]


def test_a_receipt_that_was_moved_away_stops_nobody(make, settings):
    delivery = make("boost")
    receive(delivery.write(), settings).receipt.write_text("{")
    delivery.version = 2
    outcome = receive(delivery.write(), settings)
    assert outcome.status == "accepted"
    assert json.loads(outcome.receipt.read_text(encoding="utf-8"))["previous_version"] is None
    assert all_bytes(settings.receipts)["boost/2024-H1/v1/receipt.json"] == b"{"


# --- notation ---


@given(st.sets(st.integers(1, 60)), st.one_of(st.none(), st.integers(0, 5)))
def test_row_numbers_name_each_row_once(rows, limit):
    text, named = dutch.row_numbers(sorted(rows), limit)
    parts = [part.split("-") for part in text.split(", ") if part]
    read = [row for part in parts for row in range(int(part[0]), int(part[-1]) + 1)]
    assert read == sorted(rows)[:named]
    assert limit is None or len(parts) <= limit
    if limit is None:
        assert named == len(rows)
        # neighbours stand together
        assert all(int(after[0]) > int(before[-1]) + 1 for before, after in pairwise(parts))


def test_figures_are_written_as_in_the_netherlands():
    assert dutch.number(1234567) == "1.234.567"
    shares = (0, 1 / 60, 0.02, 1, 0.0001)
    assert [dutch.percent(share) for share in shares] == ["0 %", "1,7 %", "2 %", "100 %", "minder dan 0,1 %"]
    assert [dutch.change(*pair) for pair in ((5, 5), (5, 0), (48, 80), (9, 8), (35, 10), (10_001, 10_000))] == [
        *("gelijk", "nieuw", "40 % minder", "12,5 % meer", "3,5 keer zo veel", "vrijwel gelijk")
    ]
    assert dutch.half_year("2024-H2") == "tweede halfjaar 2024"
