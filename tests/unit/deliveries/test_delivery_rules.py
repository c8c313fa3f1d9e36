"""Every rule of the contract, per table: exactly the rows that break it, with all that is wrong with each."""

from __future__ import annotations

from typing import Any

import pyarrow.parquet as pq
import pytest
from handmade_deliveries import Delivery

from pipeline.deliveries.contract import contracts_for
from pipeline.deliveries.findings import TableCount
from pipeline.deliveries.intake import judge_delivery, receive
from pipeline.deliveries.vault import table_path

Said = set[tuple[int, str | None, str]]


def said(outcome: Any, table: str) -> Said:
    """Row number, column and rule of every finding on a row of a table."""
    return {
        (row, finding.column, finding.rule)
        for finding in outcome.findings
        for row in finding.rows
        if finding.table == table and finding.level == "row"
    }


def spoiled(delivery: Delivery, table: str, faults: list[tuple[dict[str, str], set[tuple[str, str]]]]) -> Said:
    """Spoil the first rows of a table, one fault each; returns what must be said of them."""
    expected = set()
    for number, (change, told) in enumerate(faults):
        delivery.tables[table][number] |= change
        expected |= {(number + 1, column, rule) for column, rule in told}
    return expected


def one(column: str, value: str, rule: str) -> tuple[dict[str, str], set[tuple[str, str]]]:
    return {column: value}, {(column, rule)}


RULES = {
    ("tom", "clienten"): [
        one("client_id", "", "missing_value"),
        one("wijkcode", "", "missing_value"),
        one("wijkcode", "WK036301", "unknown_code"),
        one("wijkcode", "GM0484", "unknown_code"),
        one("leeftijdsgroep", "18-64", "unknown_code"),
        one("leeftijdsgroep", "17-jan", "unknown_code"),
        one("leeftijdsgroep", "+0-17", "formula_text"),
        one("client_id", "=A2", "formula_text"),
        one("client_id", "1,23457E+17", "rounded_identifier"),
        one("client_id", "#N/B", "excel_error"),
        one("wijkcode", "#VERW!", "excel_error"),
        one("in_zorg_sinds", "#N/A", "excel_error"),
        one("in_zorg_sinds", "", "missing_value"),
        one("in_zorg_sinds", "31-02-2023", "not_a_date"),
        one("in_zorg_sinds", "1899-12-31", "before_1900"),
        one("in_zorg_sinds", "2024-07-01", "after_period"),
        one("uit_zorg_op", "2025-07-01", "after_period"),
        one("uit_zorg_op", "2023-03-13", "before_start"),
        one("uit_zorg_op", "01/13/2024", "not_a_date"),
        ({"uit_zorg_op": "1899-12-31"}, {("uit_zorg_op", "before_1900"), ("uit_zorg_op", "before_start")}),
        (
            {"wijkcode": "elders", "leeftijdsgroep": "", "in_zorg_sinds": "gisteren"},
            {("wijkcode", "unknown_code"), ("leeftijdsgroep", "missing_value"), ("in_zorg_sinds", "not_a_date")},
        ),
    ],
    ("tom", "dossiers"): [
        one("dossier_id", " ", "missing_value"),
        one("client_id", "C-999999", "unknown_reference"),
        one("client_id", "", "missing_value"),
        one("client_id", "c-000004", "unknown_reference"),
        one("geopend_op", "2024-07-01", "after_period"),
        one("geopend_op", "", "missing_value"),
        one("gesloten_op", "2025-07-01", "after_period"),
        one("gesloten_op", "2023-03-13", "before_start"),
        one("reden_sluiting", "3", "unknown_code"),
        one("reden_sluiting", "99", "unknown_code"),
    ],
    ("tom", "zelfredzaamheid"): [
        one("client_id", "C-999999", "unknown_reference"),
        one("meetdatum", "2023-12-31", "outside_period"),
        one("meetdatum", "1-7-2024", "outside_period"),
        one("meetdatum", "1899-01-01", "before_1900"),
        one("zrm_versie", "2010", "unknown_code"),
        one("domein", "adl", "code_does_not_fit"),
        one("domein", "slapen", "unknown_code"),
        ({"zrm_versie": "2013", "domein": "werk_opleiding"}, {("domein", "code_does_not_fit")}),
        one("score", "0", "out_of_range"),
        one("score", "6", "out_of_range"),
        one("score", "-1", "out_of_range"),
        one("score", "2,5", "not_an_integer"),
        one("score", "", "missing_value"),
        one("doelscore", "6", "out_of_range"),
        one("beoordelaar_id", "", "missing_value"),
        one("tweede_beoordeling", "misschien", "not_a_boolean"),
    ],
    ("tom", "participatie"): [
        one("client_id", "C-999999", "unknown_reference"),
        one("meetdatum", "2024-07-01", "outside_period"),
        one("trede", "0", "out_of_range"),
        one("trede", "7", "out_of_range"),
        one("doeltrede", "7", "out_of_range"),
        one("beoordelaar_id", "", "missing_value"),
    ],
    ("go", "trajecten"): [
        one("client_id", "C-999999", "unknown_reference"),
        one("vorm", "99", "unknown_code"),
        one("vorm", "39", "unknown_code"),
        one("gestart_op", "2024-07-01", "after_period"),
        one("geeindigd_op", "2025-07-01", "after_period"),
        one("geeindigd_op", "2023-09-03", "before_start"),
        one("uithuisplaatsing", "onbekend", "not_a_boolean"),
    ],
    ("go", "doelen"): [
        one("client_id", "C-999999", "unknown_reference"),
        one("afgesproken_op", "", "missing_value"),
        ({"afgesproken_op": "2024-07-01", "beoordeeld_op": ""}, {("afgesproken_op", "after_period")}),
        one("beoordeeld_op", "2024-07-01", "after_period"),
        one("beoordeeld_op", "2023-09-10", "before_start"),
        one("resultaat", "bijna", "unknown_code"),
    ],
    ("go", "aanbod"): [
        one("aanbod_id", "", "missing_value"),
        one("wijkcode", "GM0484", "unknown_code"),
        one("omschrijving", "", "missing_value"),
        one("gestart_op", "2024-07-01", "after_period"),
        one("gestopt_op", "2021-12-31", "before_start"),
        one("plaatsen", "-1", "out_of_range"),
        one("plaatsen", "1.000", "not_an_integer"),
    ],
    ("boost", "bezoek"): [
        one("wijkcode", "", "missing_value"),
        one("maand", "2024-07", "outside_period"),
        one("maand", "2023-12", "outside_period"),
        one("maand", "2-1-2024", "not_a_month"),
        one("maand", "jan-24", "not_a_month"),
        one("voorziening", "", "missing_value"),
        one("bezoeken", "veel", "not_an_integer"),
        one("unieke_bezoekers", "-1", "out_of_range"),
        one("unieke_bezoekers", "411", "out_of_order"),
        one("vrijwilligers", "", "missing_value"),
    ],
    ("boost", "toeleiding"): [
        one("naar", "politie", "unknown_code"),
        one("maand", "2024-13", "not_a_month"),
        one("aantal", "-1", "out_of_range"),
        one("aantal", "", "missing_value"),
    ],
    ("boost", "gesprekken"): [
        one("wijkcode", "WK9999", "unknown_code"),
        one("doelgroep", "buurman", "unknown_code"),
        one("uitkomst", "", "missing_value"),
        one("uitkomst", "klaar", "unknown_code"),
        one("afgenomen_op", "2024-07-01", "outside_period"),
        one("begonnen_om", "25:00", "not_a_time"),
        one("begonnen_om", "9.05", "not_a_time"),
        one("duur_minuten", "1441", "out_of_range"),
        one("wijze", "fax", "unknown_code"),
        one("onafhankelijk", "soms", "not_a_boolean"),
    ],
    ("boost", "antwoorden"): [
        one("gesprek_id", "G-999999", "unknown_reference"),
        one("vraag", "weer", "unknown_code"),
        one("antwoord", "11", "out_of_scale"),
        one("antwoord", "-1", "out_of_scale"),
        ({"vraag": "gehoord", "antwoord": "6"}, {("antwoord", "out_of_scale")}),
        one("antwoord", "", "missing_value"),
        one("antwoord", "geen mening", "not_an_integer"),
        ({"vraag": "weer", "antwoord": "99"}, {("vraag", "unknown_code")}),
    ],
    ("boost", "duiding"): [
        (
            {"indicator": "tom_gehoord", "verhaal": "@SOM(A1)"},
            {("indicator", "unknown_code"), ("verhaal", "formula_text")},
        )
    ],
    ("tom", "aantallen"): [({"teller": "49"}, {("teller", "out_of_order")})],
}


@pytest.mark.parametrize(("consortium", "table"), RULES, ids=[table for _, table in RULES])
def test_each_fault_is_found_on_its_row_and_nothing_else(make, settings, consortium, table):
    delivery = make(consortium)
    expected = spoiled(delivery, table, RULES[consortium, table])
    outcome = receive(delivery.write(), settings)
    assert said(outcome, table) == expected
    assert outcome.tables[table].refused == len({row for row, _, _ in expected})
    path = settings.quarantine / consortium / "2024-H1" / "v1" / f"{table}.parquet"
    quarantined = pq.read_table(path).to_pylist()
    assert {row["row_number"] for row in quarantined} == {row for row, _, _ in expected}
    told = {(row["row_number"], part) for row in quarantined for part in row["findings"].split("; ")}
    assert told == {(row, f"{column}: {rule}") for row, column, rule in expected}


ACCEPTED = {
    ("tom", "clienten"): [
        {"wijkcode": " wk048496 "},
        {"in_zorg_sinds": "1900-01-01"},
        {"in_zorg_sinds": "30-6-2024", "uit_zorg_op": "30-6-2024"},
        {"uit_zorg_op": "2025-06-30"},
        {"leeftijdsgroep": "80+"},
    ],
    ("tom", "dossiers"): [
        {"vorig_dossier_id": "D-NERGENS"},
        {"reden_sluiting": "02"},
        {"reden_sluiting": "2"},
        {"reden_sluiting": "39.0"},
    ],
    ("tom", "zelfredzaamheid"): [
        {"meetdatum": "2024-01-01", "score": "1"},
        {"meetdatum": "30/6/2024", "score": "5.0", "doelscore": ""},
        {"zrm_versie": "2013", "domein": "adl"},
        {"tweede_beoordeling": "JA"},
    ],
    ("go", "doelen"): [
        {"afgesproken_op": "2024-06-30", "beoordeeld_op": "", "resultaat": ""},
        {"resultaat": "", "beoordeeld_op": "2024-06-30"},
    ],
    ("go", "aanbod"): [{"wijkcode": "WK048401", "plaatsen": "0"}],
    ("boost", "bezoek"): [
        {"bezoeken": "0", "unieke_bezoekers": "0", "vrijwilligers": "0"},
        {"bezoeken": "132"},
        {"maand": "1-1-2024"},
        {"maand": "01-2024"},
        {"maand": "jan 2024"},
    ],
    ("boost", "gesprekken"): [
        {"afgenomen_op": "", "begonnen_om": "", "duur_minuten": ""},
        {"hercontrole_van": "G-NERGENS"},
        {"begonnen_om": "23:59:59", "duur_minuten": "0"},
    ],
    ("boost", "antwoorden"): [
        {"vraag": "gehoord", "antwoord": "0"},
        {"vraag": "gehoord", "antwoord": "5"},
        {"vraag": "ceo_snel", "antwoord": "0"},
    ],
    ("tom", "antwoorden"): [{"vraag": "tevredenheid", "antwoord": "0"}, {"vraag": "tevredenheid", "antwoord": "10"}],
    ("boost", "duiding"): [
        {"wijkcode": "WK048401", "verhaal": "- Meer bezoek.\n- Minder wachttijd (twee weken)", "acties": "-"}
    ],
    # a rate or a mean may be above one
    ("boost", "aantallen"): [{"noemer": "10", "teller": "80"}],
}


@pytest.mark.parametrize(("consortium", "table"), ACCEPTED, ids=[f"{table} of {name}" for name, table in ACCEPTED])
def test_what_lies_within_reason_is_accepted(make, settings, consortium, table):
    delivery = make(consortium)
    for number, change in enumerate(ACCEPTED[consortium, table]):
        delivery.tables[table][number] |= change
    outcome = receive(delivery.write(), settings)
    assert (outcome.status, outcome.findings) == ("accepted", ())


def test_values_arrive_typed_and_tidy(make, settings, vault_rows):
    delivery = make("tom")
    delivery.tables["clienten"][0] |= {"wijkcode": " wk048496\u00a0"}
    receive(delivery.write(), settings)
    client = vault_rows("clienten")[0]
    assert client["wijkcode"] == "WK048496"
    assert str(client["in_zorg_sinds"]) == "2023-03-14"
    assert client["uit_zorg_op"] is None
    assert (client["consortium"], client["period"], client["version"], client["row_number"]) == ("tom", "2024-H1", 1, 1)
    rating = vault_rows("zelfredzaamheid")[0]
    assert (rating["zrm_versie"], rating["score"], rating["tweede_beoordeling"]) == ("2017", 3, False)
    assert vault_rows("participatie")[9]["tweede_beoordeling"] is True
    interview = vault_rows("gesprekken")[0]
    assert (interview["begonnen_om"], interview["duur_minuten"], interview["onafhankelijk"]) == ("09:05", 35, False)
    assert vault_rows("antwoorden")[10]["antwoord"] == 0
    assert len(client["client_id"]) == 64


def test_absent_optional_columns_are_empty(make, settings, vault_rows):
    delivery = make("tom")
    contracts = contracts_for("tom")
    delivery.tables = {
        table: [{name: row[name] for name in row if contracts[table].column(name).required} for row in rows]
        for table, rows in delivery.tables.items()
    }
    outcome = receive(delivery.write(), settings)
    assert (outcome.status, outcome.findings) == ("accepted", ())
    assert vault_rows("zelfredzaamheid")[0]["doelscore"] is None
    assert vault_rows("zelfredzaamheid")[0]["tweede_beoordeling"] is False
    assert vault_rows("duiding")[0]["wijkcode"] is None


def test_of_a_double_key_the_first_sound_row_stays(make, settings, vault_rows):
    delivery = make("boost")
    rows = delivery.tables["bezoek"]
    rows[10] |= {name: rows[4][name] for name in ("wijkcode", "maand", "voorziening")} | {"bezoeken": "900"}
    outcome = receive(delivery.write(), settings)
    assert outcome.status == "partially_accepted"
    assert said(outcome, "bezoek") == {(11, None, "duplicate_key")}
    kept = vault_rows("bezoek", "boost")
    assert [row["row_number"] for row in kept] == [number for number in range(1, 61) if number != 11]
    assert kept[4]["bezoeken"] == 410


def test_a_refused_row_does_not_drive_out_its_correction(make, settings):
    delivery = make("boost")
    rows = delivery.tables["bezoek"]
    for number in (10, 11):
        rows[number] = dict(rows[4])
    rows[4]["bezoeken"] = "veel"
    outcome = receive(delivery.write(), settings)
    assert said(outcome, "bezoek") == {
        (5, "bezoeken", "not_an_integer"),
        (5, None, "duplicate_key"),
        (12, None, "duplicate_key"),
    }


# of every kind of refusal a row; the last of each says whether it makes the row unsound
UNSOUND = [
    ("tom", "zelfredzaamheid", {"score": "6"}, 1),
    ("tom", "zelfredzaamheid", {"score": "6", "doelscore": "0"}, 1),  # a row counts once
    ("tom", "zelfredzaamheid", {"domein": "adl"}, 0),
    ("tom", "zelfredzaamheid", {"score": "2,5"}, 0),
    ("tom", "zelfredzaamheid", {"score": ""}, 0),
    ("tom", "zelfredzaamheid", {"meetdatum": "2023-12-31"}, 0),
    ("tom", "zelfredzaamheid", {"client_id": "C-999999"}, 0),
    ("tom", "zelfredzaamheid", {"client_id": "C-999999", "score": "0"}, 1),
    ("tom", "participatie", {"trede": "7"}, 1),
    ("tom", "gesprekken", {"duur_minuten": "1441"}, 1),
    ("tom", "gesprekken", {"wijkcode": "elders"}, 0),
    ("tom", "antwoorden", {"antwoord": "-1"}, 1),
    ("tom", "antwoorden", {"antwoord": "veel"}, 0),
    ("tom", "antwoorden", {"vraag": "onbekend"}, 0),
    ("tom", "clienten", {"uit_zorg_op": "2023-03-13"}, 0),
    ("boost", "bezoek", {"bezoeken": "-1"}, 1),
    ("boost", "bezoek", {"bezoeken": "=1+1"}, 0),
]


@pytest.mark.parametrize(("consortium", "table", "change", "unsound"), UNSOUND)
def test_a_refused_row_is_unsound_when_a_number_is_out_of_bounds(make, consortium, table, change, unsound):
    delivery = make(consortium)
    delivery.tables[table][3] |= change
    count = judge_delivery(delivery.write()).tables[table]
    assert (count.refused, count.unsound) == (1, unsound)


def test_rows_with_a_key_that_another_row_has_are_unsound(make, settings):
    delivery = make("boost")
    rows = delivery.tables["bezoek"]
    rows[10] |= {name: rows[4][name] for name in ("wijkcode", "maand", "voorziening")} | {"bezoeken": "-1"}
    rows[11] = dict(rows[4])
    rows[12]["wijkcode"] = "elders"
    outcome = receive(delivery.write(), settings)
    # so many that the delivery is rejected; it is logged all the same
    assert outcome.tables["bezoek"] == TableCount(60, 0, 3, 2)
    path = table_path(settings, "_log_tables", "boost", "2024-H1", 1)
    logged = {row["table_name"]: row["rows_unsound"] for row in pq.read_table(path, partitioning=None).to_pylist()}
    assert logged == {table: 2 if table == "bezoek" else 0 for table in delivery.tables}


def test_without_its_key_and_without_numbers_no_row_is_unsound(make):
    delivery = make("tom")
    for row in delivery.tables["clienten"]:
        del row["client_id"]
    assert judge_delivery(delivery.write()).tables["clienten"].unsound == 0


def test_empty_parts_of_a_key_are_equal(make, settings):
    delivery = make("tom")
    delivery.tables["duiding"].append(dict(delivery.tables["duiding"][0]))
    delivery.tables["aantallen"].append(dict(delivery.tables["aantallen"][0]))
    delivery.tables["zelfredzaamheid"][1] = delivery.tables["zelfredzaamheid"][0] | {"tweede_beoordeling": "nee"}
    delivery.tables["zelfredzaamheid"][2] = delivery.tables["zelfredzaamheid"][0] | {"tweede_beoordeling": "ja"}
    outcome = receive(delivery.write(), settings)
    assert said(outcome, "duiding") == {(2, None, "duplicate_key")}
    assert said(outcome, "aantallen") == {(2, None, "duplicate_key")}
    assert said(outcome, "zelfredzaamheid") == {(2, None, "duplicate_key")}


def test_rows_about_a_refused_client_are_refused_too(make, settings):
    delivery = make("tom")
    delivery.tables["clienten"][7]["leeftijdsgroep"] = "onbekend"
    outcome = receive(delivery.write(), settings)
    assert outcome.status == "partially_accepted"
    for table in ("dossiers", "zelfredzaamheid", "participatie"):
        assert said(outcome, table) == {(8, "client_id", "unknown_reference")}
    assert {table: count.accepted for table, count in outcome.tables.items()} == {
        "clienten": 59,
        "dossiers": 59,
        "zelfredzaamheid": 59,
        "participatie": 59,
        "gesprekken": 60,
        "antwoorden": 60,
        "duiding": 1,
        "aantallen": 1,
    }


def test_answers_to_a_refused_interview_are_refused_too(make, settings):
    delivery = make("boost")
    delivery.tables["gesprekken"][3]["uitkomst"] = ""
    outcome = receive(delivery.write(), settings)
    assert said(outcome, "antwoorden") == {(4, "gesprek_id", "unknown_reference")}


def test_short_and_long_rows_are_refused_alone(make, settings, vault_rows):
    delivery = make("boost")
    lines = delivery.content("bezoek").decode().splitlines()
    lines[3] = lines[3].rsplit(";", 1)[0]
    delivery.texts["bezoek"] = "\n".join(lines).encode()
    outcome = receive(delivery.write(), settings)
    assert outcome.status == "partially_accepted"
    assert said(outcome, "bezoek") == {(3, None, "row_width")}
    (row,) = pq.read_table(settings.quarantine / "boost" / "2024-H1" / "v1" / "bezoek.parquet").to_pylist()
    assert (row["row_number"], row["wijkcode"], row["findings"]) == (3, None, "row_width")
    assert len(vault_rows("bezoek", "boost")) == 59


def test_two_percent_may_be_refused_and_no_more(make, settings):
    delivery = make("boost")
    template = delivery.tables["bezoek"][0]
    delivery.tables["bezoek"] = [template | {"voorziening": f"Buurthuis {number}"} for number in range(100)]
    for number in (3, 5):
        delivery.tables["bezoek"][number]["bezoeken"] = "veel"
    outcome = receive(delivery.write(), settings)
    assert outcome.status == "partially_accepted"
    assert outcome.tables["bezoek"].refused == 2
    delivery.version = 2
    delivery.tables["bezoek"][7]["bezoeken"] = "veel"
    outcome = receive(delivery.write(), settings)
    assert outcome.status == "rejected"
    (fatal,) = (finding for finding in outcome.findings if finding.is_fatal)
    assert (fatal.rule, fatal.table) == ("too_many_refused", "bezoek")
    assert "meer dan 2 procent" in fatal.sentence
    assert (outcome.tables["bezoek"].accepted, outcome.tables["bezoek"].refused) == (0, 3)
    assert outcome.tables["toeleiding"].accepted == 0


@pytest.mark.parametrize("table", ["clienten", "dossiers", "participatie", "gesprekken", "antwoorden", "duiding"])
def test_a_delivery_without_a_required_table_is_rejected(make, settings, table):
    delivery = make("tom")
    del delivery.tables[table]
    outcome = receive(delivery.write(), settings)
    assert outcome.status == "rejected"
    assert [(each.rule, each.table) for each in outcome.findings] == [("missing_table", table)]


def test_counts_are_optional(make, settings):
    delivery = make("boost")
    del delivery.tables["aantallen"]
    assert receive(delivery.write(), settings).status == "accepted"


def test_a_table_of_another_consortium_is_ignored_and_told(make, settings):
    delivery = make("boost", texts={"participatie": b"client_id\n1\n", "jan_jansen": b"PK\x03\x04"})
    outcome = receive(delivery.write(), settings)
    assert outcome.status == "accepted"
    assert {(each.level, each.rule, each.table) for each in outcome.findings} == {
        ("notice", "extra_table", "participatie"),
        ("notice", "extra_table", "een onbekende tabel"),
    }
    assert "jansen" not in outcome.receipt.read_text()


@pytest.mark.parametrize(("table", "column"), [("clienten", "client_id"), ("zelfredzaamheid", "score")])
def test_a_delivery_without_a_required_column_is_rejected(make, settings, table, column):
    delivery = make("tom")
    for row in delivery.tables[table]:
        del row[column]
    outcome = receive(delivery.write(), settings)
    assert outcome.status == "rejected"
    # nothing is said of the rows: what follows from a missing column is noise
    assert [(each.rule, each.table, each.column) for each in outcome.findings] == [("missing_column", table, column)]


def test_tables_with_headings_only_are_accepted(make, settings, vault_rows):
    delivery = make("tom")
    delivery.texts = {table: (";".join(rows[0]) + "\n").encode() for table, rows in delivery.tables.items()}
    outcome = receive(delivery.write(), settings)
    assert outcome.status == "accepted"
    assert {count.received for count in outcome.tables.values()} == {0}
    assert vault_rows("clienten") == []


@pytest.mark.parametrize(
    ("table", "column", "value", "words"),
    [
        ("clienten", "in_zorg_sinds", "14-3-23", "twee cijfers"),
        ("clienten", "in_zorg_sinds", "45000", "Excel een datum bewaart"),
        ("clienten", "in_zorg_sinds", "14-3-2023 09:30", "staat een tijd"),
        ("clienten", "leeftijdsgroep", "17-jan", "een datum gemaakt"),
        ("gesprekken", "duur_minuten", "1.000", "duizend of één"),
        ("gesprekken", "begonnen_om", "0,39583", "Excel een tijd bewaart"),
    ],
)
def test_usual_slips_have_a_sentence_of_their_own(make, settings, table, column, value, words):
    delivery = make("tom")
    delivery.tables[table][0][column] = value
    (told,) = (each for each in judge_delivery(delivery.write()).findings if each.column == column)
    assert (told.count, told.rows) == (1, (1,))
    assert words in told.sentence


def test_no_example_can_run_as_a_formula(make):
    delivery = make("tom")
    delivery.tables["clienten"][0]["wijkcode"] = "=WK048401"
    delivery.tables["clienten"][1]["leeftijdsgroep"] = "@18-44"
    delivery.tables["zelfredzaamheid"][2]["score"] = "+5x"
    assert [finding.examples for finding in judge_delivery(delivery.write()).findings if finding.examples] == []


def test_sentences_are_for_people(make, settings):
    delivery = make("boost")
    spoiled(delivery, "bezoek", RULES["boost", "bezoek"])
    outcome = receive(delivery.write(), settings)
    for finding in outcome.findings:
        assert finding.sentence[0].isupper()
        assert finding.sentence.endswith(".")
        assert "None" not in finding.sentence
    assert "Het getal moet 0 of hoger zijn." in outcome.receipt.with_suffix(".html").read_text(encoding="utf-8")
