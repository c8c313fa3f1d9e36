"""Personal data in any cell rejects the delivery, and is found back nowhere; what only looks like it passes."""

from __future__ import annotations

import json
import logging
from uuid import UUID

import duckdb
import pyarrow.parquet as pq
import pytest
from handmade_deliveries import all_bytes, found
from hypothesis import given
from hypothesis import strategies as st
from stdnum.nl import bsn

from pipeline.deliveries.findings import Finding
from pipeline.deliveries.guard import find_personal_data
from pipeline.deliveries.intake import judge_delivery, receive
from pipeline.deliveries.personal_data import HARMLESS_SHAPES, kinds_in
from pipeline.deliveries.reader import RawTable
from pipeline.deliveries.receipts import receipt, receipt_text

PERSONAL = {
    "bsn": [
        "111222333",
        "Mevrouw (111222333) was blij.",
        "1112.22.333",
        "111 222 333",
        "111-222-333",
        "11 12 22 333",
        "BSN: 111222333.",
        "BSN111222333",
        "C-111222333",
        "nummer\u00a0111222333",
    ],
    "email": ["j.jansen@voorbeeld.nl", "Mail naar J.Jansen+zorg@mail.voorbeeld.nl voor het verslag.", "a@b.co"],
    "phone": [
        "0612345678",
        "06-12345678",
        "06 12 34 56 78",
        "06.1234.5678",
        "+31612345678",
        "+31 6 12345678",
        "+31 (0)6 12345678",
        "0031612345678",
        "bel 0172-423456.",
        "(0172) 42 34 56",
        "010-4123456",
        "tel.0612345678",
        "088 1234567",
    ],
    "iban": ["NL91ABNA0417164300", "op NL91 ABNA 0417 1643 00.", "nl91abna0417164300", "BE71096123456769"],
    "address": [
        "Dorpsstraat 12",
        "woont in de dorpsstraat 12a te Boskoop",
        "Prins Hendrikstraat nr. 4",
        "Laan van Rhijn 12",
        "Rijndijk 12 heeft hulp",
        "Burgemeester Visserpark 7",
        "2405 AB 12",
        "2405AB12",
        "2405ab, 12",
        "12a, 2405 AB Alphen",
    ],
}
HARMLESS = [
    "C-000123",
    "D-004711",
    "000012345",
    "C-000000012",
    "123456789",
    "0123456789",
    "T-2024-01-123",
    "2024GO123",
    "WK048402",
    "0-17",
    "80+",
    "550e8400-e29b-41d4-a716-446655440000",
    "a0612345-0612-4456-8890-111222333444",
    "deadbeefdeadbeefdeadbeefdeadbeef",
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "01-07-2024",
    "06-12-2024 12:00",
    "2024-01-31T09:30:00",
    "09:30",
    "0.111222333",
    "1.250.000",
    "Van 10 naar 12 inwoners in 2023 en 2024.",
    "WE BEGONNEN IN 2015 EN 3 JAAR LATER",
    "In Hazerswoude-Rijndijk 12 deelnemers, op de Arbeidsmarkt 2024 minder.",
    "De weekmarkt 3 keer per week; ervaring 3, verbetering 4.",
    "Op weg naar 2025: tussen 9.00 en 17.00 uur open.",
    "Sinds 1-1-2024 12 gesprekken; 85 procent is tevreden.",
    "Wijkteam Ridderveld 2",
    "Buurthuis 01",
]


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in PERSONAL.items() for text in texts])
def test_personal_data_is_recognised(kind, text):
    assert kinds_in(text) == (kind,)
    assert kinds_in(f"Het gaat om {text} en verder niets") == (kind,)


def test_the_selection_in_duckdb_misses_nothing():
    texts = [text for texts in PERSONAL.values() for text in texts]
    connection = duckdb.connect()
    connection.execute("create table raw (row_number bigint, cells integer, surplus varchar, c0 varchar)")
    connection.executemany("insert into raw values (?, 1, null, ?)", list(enumerate(texts)))
    findings = find_personal_data(connection, "duiding", RawTable("raw", ("verhaal",)), ("verhaal",))
    assert sorted(row for finding in findings for row in finding.rows) == list(range(len(texts)))
    assert {finding.rule: finding.count for finding in findings} == {
        f"personal_data_{kind}": len(texts) for kind, texts in PERSONAL.items()
    }


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_passes(text):
    assert kinds_in(text) == ()


@pytest.mark.parametrize(
    "piece", ["a", ".", "a.", "A-", "1 ", "straat", "06 ", "NL91 ", "2405 AB ", "Laan van A", "a@"]
)
def test_a_very_long_cell_is_searched_to_its_end(piece):
    # a pattern that looks back at every sign would never come there
    assert "email" in kinds_in(f"{piece * 10_000} jan@voorbeeld.nl")


@given(st.integers(1, 999_999_999))
def test_exactly_the_eleven_test_decides(number: int):
    text = f"{number:09d}"
    # smaller numbers do not occur as BSN, but do as serial numbers
    assert ("bsn" in kinds_in(text)) == (bsn.is_valid(text) and number >= 1_000_000)


@given(st.uuids())
def test_uuids_pass(mark: UUID):
    assert kinds_in(str(mark)) == ()


@given(st.integers(0, 999_999), st.sampled_from("CDGMOT"))
def test_identifiers_with_a_prefix_pass(number: int, letter: str):
    assert kinds_in(f"{letter}-{number:06d}") == ()


@given(st.dates())
def test_dates_pass(day):
    for text in (
        day.isoformat(),
        f"{day.day}-{day.month}-{day.year:04d}",
        f"{day.day:02d}/{day.month:02d}/{day.year:04d}",
    ):
        assert kinds_in(text) == ()


# In each kind of column: an identifier, a code, a date, a number, free text, a column outside the contract.
PLACES = [
    ("clienten", "client_id", "client_id"),
    ("clienten", "wijkcode", "wijkcode"),
    ("clienten", "in_zorg_sinds", "in_zorg_sinds"),
    ("zelfredzaamheid", "score", "score"),
    ("duiding", "verhaal", "verhaal"),
    ("duiding", "opmerking", "opmerking"),
]
CANARIES = {
    "bsn": "111222333",
    "email": "j.jansen@voorbeeld.nl",
    "phone": "0612345678",
    "iban": "NL91ABNA0417164300",
    "address": "Dorpsstraat 12",
    "birth_date": "geb. 12-03-1985",
    "name": "mw. Bakkersma",
}


@pytest.mark.parametrize(("kind", "canary"), CANARIES.items())
def test_a_canary_anywhere_rejects_and_is_found_back_nowhere(make, settings, caplog, kind, canary):
    caplog.set_level(logging.DEBUG)
    delivery = make("tom")
    delivery.tables["duiding"][0]["opmerking"] = ""
    for number, (table, column, _) in enumerate(PLACES):
        row = delivery.tables[table][number if table != "duiding" else 0]
        row[column] = f"{row[column]} {canary}".strip()
    outcome = receive(delivery.write(), settings)
    assert outcome.status == "rejected"
    rule = f"personal_data_{kind}"
    assert {(table, column) for name, table, column in found(outcome) if name == rule} == {
        (table, label) for table, _, label in PLACES
    }
    assert {finding.rows for finding in outcome.findings if finding.rule == rule} == {(1,), (2,), (3,), (4,)}
    assert_nowhere(settings, canary)
    assert canary not in caplog.text
    assert canary not in str(outcome)
    judgement = judge_delivery(delivery.folder)
    assert canary not in str(judgement)
    assert canary not in receipt_text(receipt(judgement))
    assert not list(settings.vault.glob("deliveries/clienten/tom/**/*.parquet"))
    assert not settings.quarantine.exists()


def assert_nowhere(settings, canary: str) -> None:
    """Neither in the bytes of any file that was made, nor in the decoded cells of any Parquet file."""
    assert list(settings.receipts.rglob("*.html"))
    for folder in settings.home.iterdir():
        if folder == settings.inbox:
            continue
        for name, content in all_bytes(folder).items():
            assert canary.encode() not in content, name
            assert canary not in name
            if name.endswith(".parquet"):
                assert canary not in json.dumps(pq.read_table(folder / name).to_pylist(), default=str), name


def test_canaries_in_unexpected_places_are_found(make, settings):
    """In a row that is too long, a heading, a table that is not the consortium's, a file in another encoding."""
    canary = CANARIES["email"]
    delivery = make("boost", encoding="utf-16")
    bezoek = delivery.content("bezoek").decode("utf-16").splitlines()
    bezoek[2] += f";{canary}"
    delivery.texts["bezoek"] = "\n".join(bezoek).encode("utf-16")
    delivery.texts["toeleiding"] = (
        delivery.content("toeleiding").decode("utf-16").replace("aantal", f"aantal;{canary}", 1).encode()
    )
    delivery.texts["participatie"] = f"client_id;opmerking\n1;{canary}\n".encode()
    outcome = receive(delivery.write(), settings)
    assert outcome.status == "rejected"
    personal = {place for place in found(outcome) if place[0].startswith("personal_data")}
    assert personal == {
        ("personal_data_email", "bezoek", "voorbij de laatste kolom"),
        ("personal_data_heading", "toeleiding", "kolom 5"),
        ("personal_data_email", "participatie", "opmerking"),
    }
    assert_nowhere(settings, canary)


@pytest.mark.parametrize(
    "heading",
    [
        "naam",
        "Voornaam",
        "ACHTERNAAM",
        "naam_client",
        "Cliëntnaam",
        "bsn",
        "BSN nummer",
        "geboortedatum",
        "Geboorte datum",
        "adres",
        "postcode",
        "huisnummer",
        "telefoon",
        "Tel.nr",
        "e-mail",
        "E-mailadres",
        "E_mail adres",
        "clientNaam",
        "naamOuder1",
        "medewerkernaam",
        "namen ouders",
        "geb_datum",
        "Geb.dat.",
        "gebDatum",
        "06-nummer",
        "06 nr",
        "NAW",
        "NAW-gegevens",
        "mobiel nr",
        "bsn-nr",
        "BSNNummer",
        "Burger service nummer",
        "contactpersoon",
        "last_name",
        "Jansen, geb. 12-03-1985",
        "mw. J. de Vries",
    ],
)
def test_a_column_that_announces_personal_data_is_found(heading):
    findings = searched(heading)
    assert [(finding.rule, finding.column, finding.level) for finding in findings] == [
        ("personal_data_heading", "kolom 2", "table")
    ]
    assert heading not in str(findings)


@pytest.mark.parametrize(
    "heading",
    [
        "wijknaam",
        "naam team",
        "voorziening_naam",
        "wijkNaam",
        "organisatienaam",
        "namen van de groepen",
        "voornaamste reden",
        "plaats",
        "geboortejaar",
        "gebied",
        "hotel",
        "opmerking",
    ],
)
def test_a_heading_about_things_passes(heading):
    assert searched(heading) == []


def searched(heading: str) -> list[Finding]:
    """What is found in an empty table with this heading behind one of the contract."""
    connection = duckdb.connect()
    connection.execute("create table raw (row_number bigint, cells integer, surplus varchar, c0 varchar, c1 varchar)")
    return find_personal_data(connection, "bezoek", RawTable("raw", ("voorziening", heading)), ("voorziening",))


def test_a_column_that_announces_personal_data_rejects(make, settings):
    delivery = make("boost")
    for row in delivery.tables["bezoek"]:
        row["Cliëntnaam"] = ""
    outcome = receive(delivery.write(), settings)
    assert outcome.status == "rejected"
    assert ("personal_data_heading", "bezoek", "kolom 7") in found(outcome)


@given(st.from_regex(rf"\A(?:{HARMLESS_SHAPES})\Z"))
def test_the_shapes_that_are_not_looked_at_hold_nothing(text: str):
    assert kinds_in(text) == ()


def test_a_delivery_with_personal_data_repeats_no_other_values_either(make, settings):
    delivery = make("boost")
    delivery.tables["bezoek"][3]["wijkcode"] = "WK036301"
    assert receive(delivery.write(), settings).findings[0].examples == ("WK036301",)
    delivery = make("boost", version=2)
    delivery.tables["bezoek"][3]["wijkcode"] = "WK036301"
    delivery.tables["bezoek"][4]["voorziening"] = CANARIES["email"]
    outcome = receive(delivery.write(), settings)
    assert ("unknown_code", "bezoek", "wijkcode") in found(outcome)
    assert not any(finding.examples for finding in outcome.findings)


def test_no_refused_value_that_could_name_someone_is_repeated(make, settings):
    delivery = make("tom")
    for number, value in enumerate(("Jansen", "C-000123", "Piet de Vries", "telefoon2", "telefon")):
        delivery.tables["gesprekken"][number]["wijze"] = value
    delivery.tables["gesprekken"][5]["duur_minuten"] = "C-000123"
    delivery.tables["gesprekken"][6]["duur_minuten"] = "0012345"
    delivery.tables["gesprekken"][7]["duur_minuten"] = "2,5"
    delivery.tables["gesprekken"][8]["afgenomen_op"] = "bij Jansen"
    delivery.tables["gesprekken"][9]["afgenomen_op"] = "30-02-2024"
    outcome = receive(delivery.write(), settings)
    shown = {(finding.column, finding.rule): finding.examples for finding in outcome.findings if finding.level == "row"}
    assert shown["wijze", "unknown_code"] == ("telefon", "telefoon2")
    assert shown["duur_minuten", "not_an_integer"] == ("2,5",)
    assert shown["afgenomen_op", "not_a_date"] == ("30-02-2024",)
    text = outcome.receipt.with_suffix(".html").read_text(encoding="utf-8") + outcome.receipt.read_text()
    assert not [word for word in ("Jansen", "C-000123", "Vries", "0012345") if word in text]
    path = settings.quarantine / "tom" / "2024-H1" / "v1" / "gesprekken.parquet"
    kept = str(duckdb.connect().execute("select * from read_parquet(?)", [str(path)]).fetchall())
    assert not [word for word in ("Jansen", "C-000123", "Vries", "G-000001") if word in kept]


def test_a_column_full_of_numbers_is_searched_to_the_limit_only(make, settings):
    numbers = [number for number in range(100_000_000, 100_060_000) if bsn.is_valid(str(number))]
    delivery = make("boost")
    header = delivery.content("bezoek").split(b"\n", 1)[0].decode()
    lines = "".join(f"WK048401;2024-01;{number};1;1;1\n" for number in numbers)
    delivery.texts["bezoek"] = f"{header}\n{lines}".encode()
    outcome = receive(delivery.write(), settings)
    (finding,) = (each for each in outcome.findings if each.rule == "personal_data_bsn")
    assert finding.count == 1_000
    assert "meer rijen" in finding.sentence
