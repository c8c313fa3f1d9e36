"""The page and the template say what the contract says."""

from __future__ import annotations

import openpyxl
import pytest

from pipeline.deliveries.contract import ContractError, contracts_for, load_contracts
from pipeline.deliveries.documentation import documentation, write_documentation
from pipeline.deliveries.intake import receive
from pipeline.deliveries.template import write_template
from pipeline.settings import PROJECT_ROOT


def test_the_page_in_the_repository_is_the_generated_one(tmp_path):
    committed = PROJECT_ROOT / "docs" / "contract" / "leveringscontract.md"
    assert write_documentation(tmp_path).read_bytes() == committed.read_bytes(), "run `make docs`"


def test_the_page_tells_every_table_column_and_code():
    page = documentation()
    for contract in load_contracts().values():
        assert f"\n### {contract.table}\n" in page
        for column in contract.columns:
            assert f"| `{column.name}` |" in page
            assert all(f"`{code}`" in page for code in (column.codes.allowed if column.codes else ()))
    assert "meer dan 2 procent" in page
    assert "{" not in page


@pytest.mark.parametrize("consortium", ["tom", "go", "boost"])
def test_the_template_has_a_sheet_per_table(tmp_path, consortium):
    workbook = openpyxl.load_workbook(write_template(consortium, tmp_path / "new" / "sjabloon.xlsx"))
    contracts = contracts_for(consortium)
    assert workbook.sheetnames == ["Uitleg", *contracts]
    for contract in contracts.values():
        headings, example = workbook[contract.table].iter_rows(values_only=True)
        assert headings == contract.names
        assert example == tuple(column.example for column in contract.columns)
    told = {(row[0], row[1]) for row in workbook["Uitleg"].iter_rows(values_only=True)}
    assert ("gesprekken", "wijkcode *") in told
    assert ("gesprekken", "team") in told


def test_the_examples_of_the_template_make_a_valid_delivery(make, settings):
    for consortium in ("tom", "go", "boost"):
        delivery = make(consortium)
        contracts = contracts_for(consortium)
        delivery.tables = {
            table: [{column.name: column.example for column in contract.columns}]
            for table, contract in contracts.items()
        }
        for table in ("duiding", "aantallen"):
            delivery.tables[table][0]["indicator"] = contracts[table].column("indicator").codes.allowed[0]
        outcome = receive(delivery.write(), settings)
        assert outcome.status == "accepted"
        # every table is filled, so that the example of aantallen says again what the records say
        assert {finding.rule for finding in outcome.findings} <= {"both_forms"}


def test_there_is_no_template_for_others(tmp_path):
    with pytest.raises(ContractError):
        write_template("tim", tmp_path / "sjabloon.xlsx")
