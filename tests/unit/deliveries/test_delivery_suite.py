"""Great Expectations agrees with the judgement on good rows, and by itself sees what is wrong with bad ones."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pandas as pd
import pytest
from handmade_deliveries import Delivery, valid_tables

from pipeline.deliveries.contract import load_contracts
from pipeline.deliveries.intake import find_deliveries, receive
from pipeline.deliveries.suite import build_suite, validate_accepted
from pipeline.deliveries.vault import ensure_vault, read_accepted
from pipeline.settings import PROJECT_ROOT, Settings


@pytest.fixture(scope="module")
def accepted(tmp_path_factory) -> dict[str, pd.DataFrame]:
    """Accepted rows of all consortia, per table."""
    settings = Settings(home=tmp_path_factory.mktemp("suite"), environment="test")
    for consortium in ("tom", "go", "boost"):
        Delivery(consortium, settings.inbox, tables=valid_tables(consortium)).write()
    assert {receive(folder, settings).status for folder in find_deliveries(settings)} == {"accepted"}
    return {table: read_accepted(settings, table, {"2024-H1"}) for table in load_contracts()}


@pytest.mark.parametrize("table", load_contracts())
def test_accepted_rows_keep_their_contract(accepted, table):
    contract = load_contracts()[table]
    result = validate_accepted(contract, accepted[table])
    assert (result.success, result.failed) == (True, ())
    assert result.rows == len(accepted[table]) > 0
    assert result.evaluated == result.successful == len(build_suite(contract).expectations) > len(contract.columns)


def test_no_rows_keep_every_contract(settings):
    ensure_vault(settings)
    for table in ("zelfredzaamheid", "antwoorden", "aantallen"):
        result = validate_accepted(load_contracts()[table], read_accepted(settings, table, {"2024-H1"}))
        assert (result.success, result.rows) == (True, 0)


_UNIQUE = "expect_compound_columns_to_be_unique"
_ORDER = "expect_column_pair_values_a_to_be_greater_than_b"
# Per table: what is made of the first row, and which expectations must see it.
BAD: dict[str, tuple[dict[str, Any], set[str]]] = {
    "clienten": (
        {"client_id": "C-000001", "wijkcode": "WK036301", "uit_zorg_op": pd.Timestamp("2023-01-01").date()},
        {
            "expect_column_values_to_match_regex(client_id)",
            "expect_column_values_to_be_in_set(wijkcode)",
            f"{_ORDER}(uit_zorg_op, in_zorg_sinds)",
        },
    ),
    "dossiers": (
        {"vorig_dossier_id": "D-1", "geopend_op": pd.Timestamp("1899-01-01").date()},
        {"expect_column_values_to_match_regex(vorig_dossier_id)", "expect_column_values_to_be_between(geopend_op)"},
    ),
    "zelfredzaamheid": (
        {"domein": "adl", "score": 6, "tweede_beoordeling": None},
        {
            "expect_column_values_to_be_in_set(domein)",
            "expect_column_values_to_be_between(score)",
            "expect_column_values_to_not_be_null(tweede_beoordeling)",
        },
    ),
    "participatie": ({"trede": 0}, {"expect_column_values_to_be_between(trede)"}),
    "trajecten": ({"vorm": "99"}, {"expect_column_values_to_be_in_set(vorm)"}),
    "doelen": (
        {"client_id": None, "resultaat": "bijna"},
        {"expect_column_values_to_not_be_null(client_id)", "expect_column_values_to_be_in_set(resultaat)"},
    ),
    "aanbod": ({"plaatsen": -1}, {"expect_column_values_to_be_between(plaatsen)"}),
    "bezoek": (
        {"maand": "2024-13", "unieke_bezoekers": 900},
        {"expect_column_values_to_match_regex(maand)", f"{_ORDER}(bezoeken, unieke_bezoekers)"},
    ),
    "toeleiding": ({"naar": "politie"}, {"expect_column_values_to_be_in_set(naar)"}),
    "gesprekken": (
        {"begonnen_om": "9:05", "wijze": "fax"},
        {"expect_column_values_to_match_regex(begonnen_om)", "expect_column_values_to_be_in_set(wijze)"},
    ),
    "antwoorden": ({"vraag": "gehoord", "antwoord": 6}, {"expect_column_values_to_be_in_set(antwoord)"}),
    "duiding": ({"verhaal": None}, {"expect_column_values_to_not_be_null(verhaal)"}),
    "aantallen": (
        {"indicator": "tom_gehoord", "teller": 99},
        {f"{_ORDER}(noemer, teller)"},
    ),
}


@pytest.mark.parametrize("table", load_contracts())
def test_bad_rows_are_seen_and_not_repeated(accepted, table):
    contract = load_contracts()[table]
    change, expected = BAD[table]
    rows = accepted[table].to_dict("records")
    rows[0] = rows[0] | change
    result = validate_accepted(contract, pd.DataFrame(rows))
    assert not result.success
    assert set(result.failed) == expected
    assert result.successful == result.evaluated - len(result.failed)
    values = [value for value in change.values() if isinstance(value, str)]
    assert not [value for value in values if value in " ".join(result.failed)]


def test_a_double_key_is_seen(accepted):
    contract = load_contracts()["bezoek"]
    frame = accepted["bezoek"]
    result = validate_accepted(contract, pd.concat([frame, frame.head(1)]))
    assert result.failed == (f"{_UNIQUE}(wijkcode, maand, voorziening)",)


def test_a_column_too_many_or_too_few_is_seen(accepted):
    contract = load_contracts()["bezoek"]
    assert not validate_accepted(contract, accepted["bezoek"].assign(naam="x")).success
    assert not validate_accepted(contract, accepted["bezoek"].drop(columns="bezoeken")).success


def test_the_intake_does_not_wait_for_great_expectations():
    program = (
        "import sys, pipeline.deliveries.intake, pipeline.deliveries.suite, pipeline.deliveries.template\n"
        "print('great_expectations' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=PROJECT_ROOT)
    assert done.stdout.strip() == "False"
