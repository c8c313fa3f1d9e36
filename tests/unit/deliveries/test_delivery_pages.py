"""The page and the template say what the contract says."""

from __future__ import annotations

import openpyxl
import pytest
from openpyxl.utils import get_column_letter

from pipeline.deliveries.contract import Contract, ContractError, contracts_for, load_contracts
from pipeline.deliveries.documentation import documentation, write_documentation
from pipeline.deliveries.findings import TableCount
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


@pytest.fixture(scope="module", params=["tom", "go", "boost"])
def template(request, tmp_path_factory) -> tuple[dict[str, Contract], openpyxl.Workbook]:
    """The contracts of a consortium and its template."""
    path = tmp_path_factory.mktemp("template") / "new" / "sjabloon.xlsx"
    return contracts_for(request.param), openpyxl.load_workbook(write_template(request.param, path))


def test_the_template_has_a_sheet_per_table_with_one_marked_example(template):
    contracts, workbook = template
    assert workbook.sheetnames == ["Uitleg", *contracts, "codes"]
    assert [sheet.title for sheet in workbook if sheet.sheet_state != "visible"] == ["codes"]
    assert workbook.properties.language == "nl-NL"
    for contract in contracts.values():
        sheet = workbook[contract.table]
        headings, example = sheet.iter_rows(values_only=True)
        assert headings == contract.names
        assert example[0] == f"VOORBEELD {contract.columns[0].example}"
        for column, value in zip(contract.columns[1:], example[1:], strict=True):
            shown = value.date().isoformat() if column.type == "date" else str(value)[: len(column.example)]
            assert shown == column.example
        assert sheet.freeze_panes == "A2"


def test_the_template_tells_each_column_where_it_is_filled_in(template):
    contracts, workbook = template
    told = {row[:3] for row in workbook["Uitleg"].iter_rows(values_only=True)}
    for contract in contracts.values():
        sheet = workbook[contract.table]
        prompts = {str(each.sqref): each for each in sheet.data_validations.dataValidation}
        assert len(prompts) == len(contract.columns)
        for number, column in enumerate(contract.columns, start=1):
            letter, heading = get_column_letter(number), sheet.cell(1, number)
            said = "Verplicht" if column.required else "Mag leeg blijven"
            assert (contract.table, column.name, "ja" if column.required else "nee") in told
            assert f"{said}." in heading.comment.text
            assert heading.font.bold == column.required
            rule = prompts[f"{letter}2:{letter}1048576"]
            assert rule.prompt.startswith(f"{said}.")
            # of Excel: with a longer text it says that the file is damaged
            assert len(rule.prompt) <= 255
            assert len(rule.promptTitle) <= 32
            assert len(rule.error or "") <= 225
        assert ("niet verplicht" in sheet["A1"].comment.text) != contract.required


def test_the_lists_of_the_template_hold_the_codes_as_text(template):
    contracts, workbook = template
    for contract in contracts.values():
        sheet = workbook[contract.table]
        rules = {str(each.sqref)[0]: each for each in sheet.data_validations.dataValidation}
        for number, column in enumerate(contract.columns, start=1):
            letter = get_column_letter(number)
            kind = sheet.column_dimensions[letter].number_format
            # what is no number and no moment stays as it is typed: 02, 0-17, 2024-01
            assert kind == {"integer": "0", "date": "dd-mm-yyyy", "time": "hh:mm"}.get(column.type, "@")
            if column.codes:
                name, place = rules[letter].formula1.split("!")
                assert name.strip("'") == "codes"
                codes = tuple(cell.value for (cell,) in workbook["codes"][place.replace("$", "")])
                assert codes == column.codes.allowed
            elif column.type == "boolean":
                assert rules[letter].formula1 == '"ja,nee"'
            elif column.type == "integer":
                lowest = min(0, column.minimum or 0) if column.scale else column.minimum
                assert (rules[letter].type, int(rules[letter].formula1)) == ("whole", lowest)
            elif column.type in ("date", "time", "month"):
                assert rules[letter].type == {"month": "custom"}.get(column.type, column.type)
                assert rules[letter].error


def test_a_template_that_was_filled_in_is_not_written_over(tmp_path):
    path = write_template("tom", tmp_path / "sjabloon.xlsx")
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        write_template("tom", path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("mark", ["VOORBEELD C-000123", " voorbeeld C-000123 ", "Voorbeeld"])
def test_a_forgotten_example_is_told_and_never_counts(make, settings, vault_rows, mark):
    delivery = make()
    clients = delivery.tables["clienten"]
    delivery.tables["clienten"] = [clients[0] | {"client_id": mark}, *clients]
    delivery.tables["aantallen"] = [delivery.tables["aantallen"][0] | {"indicator": mark}]
    outcome = receive(delivery.write(), settings)
    assert outcome.status == "accepted"
    notices = {finding.table: finding for finding in outcome.findings}
    assert {(finding.level, finding.rule, finding.rows) for finding in notices.values()} == {
        ("notice", "example_row", (1,))
    }
    assert set(notices) == {"clienten", "aantallen"}
    assert outcome.tables["clienten"] == TableCount(60, 60, 0, 0)
    assert outcome.tables["aantallen"] == TableCount(0, 0, 0, 0)
    assert [row["row_number"] for row in vault_rows("clienten")] == list(range(2, 62))


def test_an_identifier_that_only_looks_like_an_example_counts(make, settings):
    delivery = make()
    for rows in delivery.tables.values():
        for row in rows:
            if "client_id" in row:
                row["client_id"] = row["client_id"].replace("C-", "VOORBEELDIG-")
    assert receive(delivery.write(), settings).findings == ()


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


@pytest.mark.parametrize("consortium", ["tom", "go", "boost"])
def test_every_example_of_a_code_is_one_of_the_consortium_itself(consortium):
    for contract in contracts_for(consortium).values():
        for column in contract.columns:
            assert column.codes is None or column.example in column.codes.allowed, (contract.table, column.name)
