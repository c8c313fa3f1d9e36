"""The contracts say what section 4 of the design says, and a contract that contradicts itself is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pipeline.deliveries.contract import ContractError, contracts_for, load_contracts
from pipeline.settings import EXPECTATIONS

# Table: who delivers it, and its columns with * = required.
DESIGN = {
    "clienten": ("tom go", "client_id* wijkcode* leeftijdsgroep* in_zorg_sinds* uit_zorg_op"),
    "dossiers": ("tom go", "dossier_id* client_id* geopend_op* gesloten_op reden_sluiting vorig_dossier_id"),
    "zelfredzaamheid": (
        "tom",
        "client_id* meetdatum* zrm_versie* domein* score* doelscore beoordelaar_id* tweede_beoordeling",
    ),
    "participatie": ("tom", "client_id* meetdatum* trede* doeltrede beoordelaar_id* tweede_beoordeling"),
    "trajecten": ("go", "traject_id* client_id* vorm* gestart_op* geeindigd_op uithuisplaatsing"),
    "doelen": ("go", "doel_id* client_id* afgesproken_op* beoordeeld_op resultaat"),
    "aanbod": ("go", "aanbod_id* wijkcode omschrijving* gestart_op* gestopt_op plaatsen*"),
    "bezoek": ("boost", "wijkcode* maand* voorziening* bezoeken* unieke_bezoekers* vrijwilligers*"),
    "toeleiding": ("boost", "wijkcode* maand* naar* aantal*"),
    "gesprekken": (
        "tom go boost",
        "gesprek_id* wijkcode* doelgroep* stakeholder_type uitkomst* afgenomen_op begonnen_om duur_minuten wijze team "
        "interviewer_id onafhankelijk hercontrole_van",
    ),
    "antwoorden": ("tom go boost", "gesprek_id* vraag* antwoord*"),
    "duiding": ("tom go boost", "indicator* wijkcode verhaal* verklaring acties"),
    "aantallen": ("tom go boost", "indicator* wijkcode* categorie noemer* teller*"),
}


def test_tables_and_columns_are_those_of_the_design():
    contracts = load_contracts()
    told = {
        table: (
            " ".join(contract.consortia),
            " ".join(f"{column.name}{'*' if column.required else ''}" for column in contract.columns),
        )
        for table, contract in contracts.items()
    }
    assert told == DESIGN
    assert [table for table, contract in contracts.items() if not contract.required] == ["aantallen"]


def test_each_consortium_has_its_own_tables_and_indicators():
    for consortium in ("tom", "go", "boost"):
        contracts = contracts_for(consortium)
        assert list(contracts) == [table for table, (who, _) in DESIGN.items() if consortium in who.split()]
        indicators = contracts["duiding"].column("indicator").codes.allowed
        assert indicators
        assert all(code.startswith(f"{consortium}_") for code in indicators)
        assert contracts["aantallen"].column("indicator").codes.allowed == indicators


def test_codes_come_from_the_seeds():
    contracts = load_contracts()
    districts = contracts["clienten"].column("wijkcode").codes.allowed
    assert len(districts) == 16
    assert "GM0484" not in districts
    assert contracts["dossiers"].column("reden_sluiting").codes.allowed[:3] == ("02", "20", "31")
    domains = contracts["zelfredzaamheid"].column("domein").codes
    assert {version: len(codes) for version, codes in domains.per.items()} == {"2013": 11, "2017": 13}
    scale = contracts["antwoorden"].column("antwoord").scale
    assert scale.bounds["tevredenheid"] == (1, 10)
    assert scale.bounds["gehoord"] == (1, 5)
    assert scale.no_opinion == 0


def test_examples_are_as_the_contract_asks():
    for contract in load_contracts().values():
        for column in contract.columns:
            assert column.example
            if column.codes:
                assert column.example in column.codes.allowed


def test_unknown_consortium_is_refused():
    with pytest.raises(ContractError, match="unknown consortium"):
        contracts_for("tim")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: table.update(colour="red"), "unknown keys: colour"),
        (lambda table: table.update(required="yes"), "true or false"),
        (lambda table: table.update(key=["nummer"]), "nummer"),
        (lambda table: table.update(key=[]), "not there"),
        (lambda table: table.update(consortia=["tim"]), "tim"),
        (lambda table: table.update(table="Cliënten"), "lower-case"),
        (lambda table: table.pop("title"), "title"),
        (lambda table: table["columns"][0].update(type="number"), "unknown type"),
        (lambda table: table["columns"][0].update(maximum=3), "no minimum"),
        (lambda table: table["columns"][0].update(colour="red"), "unknown keys: colour"),
        (lambda table: table["columns"].append(table["columns"][0]), "twice"),
        (lambda table: table["columns"][1].pop("values"), "a code has values"),
        (lambda table: table["columns"][1].update(values=[1, 2]), "as text"),
        (lambda table: table["columns"][1]["values"].update(seed="provinces"), "provinces"),
        (lambda table: table["columns"][1]["values"].update(where={"district_level": "street"}), "no codes"),
        (lambda table: table["columns"][3].pop("moment"), "moment"),
        (lambda table: table["columns"][3].update(moment="someday"), "moment"),
        (lambda table: table["columns"][4].update(not_before="geboren_op"), "geboren_op"),
        (lambda table: table["columns"][0].update(references="dossiers.dossier_id"), "does not come before"),
        (lambda table: table.update(expectations=[{"type": "expect_table_row_count_to_equal"}]), "or_equal"),
    ],
)
def test_contract_that_contradicts_itself_is_refused(tmp_path: Path, change, words):
    table = yaml.safe_load((EXPECTATIONS / "deliveries" / "clienten.yml").read_text(encoding="utf-8"))
    change(table)
    (tmp_path / "clienten.yml").write_text(yaml.safe_dump(table), encoding="utf-8")
    with pytest.raises(ContractError, match=words):
        load_contracts(folder=tmp_path)


def test_reference_must_name_the_key_of_a_table(tmp_path: Path):
    for name in ("clienten.yml", "dossiers.yml"):
        table = yaml.safe_load((EXPECTATIONS / "deliveries" / name).read_text(encoding="utf-8"))
        if name == "dossiers.yml":
            table["columns"][1]["references"] = "clienten.wijkcode"
        (tmp_path / name).write_text(yaml.safe_dump(table), encoding="utf-8")
    with pytest.raises(ContractError, match="must refer to the key"):
        load_contracts(folder=tmp_path)
