"""Pseudonyms are HMAC-SHA-256 per consortium, in Python and in SQL alike."""

from __future__ import annotations

import hashlib
import hmac

import duckdb
from handmade_deliveries import Delivery, valid_tables
from hypothesis import given
from hypothesis import strategies as st

from pipeline.deliveries.pseudonyms import install_pseudonyms, pseudonym
from pipeline.settings import Settings

CONNECTION = duckdb.connect()
ENTITIES = ("client", "file", "trajectory", "goal", "interview", "professional")


@given(st.binary(min_size=1, max_size=200), st.sampled_from(ENTITIES), st.text(min_size=1, max_size=40))
def test_sql_and_python_give_the_hmac(key: bytes, entity: str, identifier: str):
    identifier = identifier.replace("\0", "")
    expected = hmac.new(key, f"{entity}:{identifier}".encode(), hashlib.sha256).hexdigest()
    assert pseudonym(key, entity, identifier) == expected
    install_pseudonyms(CONNECTION, key)
    assert CONNECTION.execute("select pseudonym(?, ?)", [entity, identifier]).fetchone()[0] == expected


def test_nothing_stays_nothing():
    install_pseudonyms(CONNECTION, b"key")
    assert CONNECTION.execute("select pseudonym('client', null)").fetchone()[0] is None


def test_the_same_client_is_known_over_time_and_never_across(make, receive_all, vault_rows, settings: Settings):
    for consortium in ("tom", "go"):
        for period in ("2024-H1", "2024-H2"):
            delivery = make(consortium, period=period)
            delivery.tables = {
                table: rows for table, rows in delivery.tables.items() if table in ("clienten", "dossiers")
            }
            _fill(delivery)
            delivery.write()
    assert {outcome.status for outcome in receive_all()} == {"accepted"}
    keys = {
        (consortium, period): [row["client_id"] for row in vault_rows("clienten", consortium, period)]
        for consortium in ("tom", "go")
        for period in ("2024-H1", "2024-H2")
    }
    assert keys["tom", "2024-H1"] == keys["tom", "2024-H2"]
    assert not set(keys["tom", "2024-H1"]) & set(keys["go", "2024-H1"])
    assert keys["tom", "2024-H1"][0] == pseudonym(settings.pseudonym_key("tom"), "client", "C-000001")


def test_what_names_one_thing_has_one_pseudonym(make, receive_all, vault_rows, settings: Settings):
    delivery = make("tom")
    delivery.tables["gesprekken"][1]["hercontrole_van"] = "G-000001"
    delivery.tables["gesprekken"][0]["interviewer_id"] = "M-017"
    delivery.write()
    (outcome,) = receive_all()
    assert outcome.status == "accepted"
    key = settings.pseudonym_key("tom")
    interviews = vault_rows("gesprekken")
    assert interviews[1]["hercontrole_van"] == interviews[0]["gesprek_id"] == vault_rows("antwoorden")[0]["gesprek_id"]
    assert interviews[0]["interviewer_id"] == vault_rows("zelfredzaamheid")[0]["beoordelaar_id"]
    files = vault_rows("dossiers")
    assert files[6]["vorig_dossier_id"] == pseudonym(key, "file", "D-900001")
    assert files[0]["vorig_dossier_id"] is None
    # the same mark for two things is two pseudonyms
    assert pseudonym(key, "client", "1") != pseudonym(key, "file", "1")


def _fill(delivery: Delivery) -> None:
    """Headings only for the tables that do not matter here."""
    for table, rows in valid_tables(delivery.consortium).items():
        if table not in delivery.tables and table != "aantallen":
            delivery.texts[table] = (";".join(rows[0]) + "\n").encode()
