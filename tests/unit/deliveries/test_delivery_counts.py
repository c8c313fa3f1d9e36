"""The counts form: `aantallen` in place of records, wholly or for some indicators, and both at once."""

from __future__ import annotations

import pytest
from handmade_deliveries import found

from pipeline.deliveries.contract import contracts_for, read_seed
from pipeline.deliveries.counts import dispensable_tables
from pipeline.deliveries.intake import receive

OF_PEOPLE = {
    "tom": ("clienten", "dossiers", "zelfredzaamheid", "participatie", "gesprekken", "antwoorden"),
    "go": ("clienten", "dossiers", "trajecten", "doelen", "aanbod", "gesprekken", "antwoorden"),
    "boost": ("bezoek", "toeleiding", "gesprekken", "antwoorden"),
}


def counts(*indicators: str) -> list[dict[str, str]]:
    row = {"wijkcode": "WK048401", "categorie": "", "noemer": "48", "teller": "37"}
    return [{"indicator": indicator} | row for indicator in indicators]


def indicators_of(consortium: str) -> list[str]:
    return [row["indicator_code"] for row in read_seed("indicators") if row["consortium_code"] == consortium]


@pytest.mark.parametrize("consortium", ["tom", "go", "boost"])
def test_counts_for_every_indicator_need_no_records_at_all(make, settings, consortium, vault_rows):
    delivery = make(consortium)
    delivery.tables = {"duiding": delivery.tables["duiding"], "aantallen": counts(*indicators_of(consortium))}
    outcome = receive(delivery.write(), settings)
    assert (outcome.status, outcome.findings) == ("accepted", ())
    assert len(vault_rows("aantallen", consortium)) == len(indicators_of(consortium))


@pytest.mark.parametrize("consortium", ["tom", "go", "boost"])
def test_one_indicator_without_counts_still_needs_its_records(make, settings, consortium):
    for left_out in indicators_of(consortium):
        given = [code for code in indicators_of(consortium) if code != left_out]
        absent = OF_PEOPLE[consortium]
        (sources,) = (
            row["counted_from"].split(";") for row in read_seed("indicators") if row["indicator_code"] == left_out
        )
        assert dispensable_tables(contracts_for(consortium), ("duiding", "aantallen"), given) == set(absent) - set(
            sources
        )


def test_a_table_that_counts_do_not_replace_wholly_is_missed(make, settings):
    delivery = make("tom")
    del delivery.tables["zelfredzaamheid"]
    delivery.tables["aantallen"] = counts("tom_zrm_verbeterd", "tom_zrm_verbeterd_of_stabiel")
    outcome = receive(delivery.write(), settings)
    assert outcome.status == "rejected"
    assert found(outcome) == {("missing_table", "zelfredzaamheid", None)}
    assert "aantallen" in outcome.findings[0].sentence
    second = make("tom", version=2)
    del second.tables["zelfredzaamheid"]
    second.tables["aantallen"] = counts("tom_zrm_verbeterd", "tom_zrm_verbeterd_of_stabiel", "tom_doel_bereikt")
    assert receive(second.write(), settings).status == "accepted"


def test_refused_counts_replace_nothing(make, settings):
    delivery = make("boost")
    del delivery.tables["toeleiding"]
    delivery.tables["aantallen"] = counts("boost_toeleiding_schuldhulp")
    delivery.tables["aantallen"][0]["teller"] = "veel"
    outcome = receive(delivery.write(), settings)
    assert ("missing_table", "toeleiding", None) in found(outcome)


def test_a_table_that_others_refer_to_stays_needed(make, settings):
    delivery = make("go")
    people = ("clienten", "dossiers", "trajecten", "gesprekken", "antwoorden", "aanbod")
    delivery.tables = {name: rows for name, rows in delivery.tables.items() if name not in people}
    delivery.tables["aantallen"] = counts(*indicators_of("go"))
    outcome = receive(delivery.write(), settings)
    assert ("missing_table", "clienten", None) in found(outcome)  # the goals are of clients


def test_both_forms_of_the_same_figures_are_told(make, settings):
    delivery = make("tom")
    delivery.tables["aantallen"] = counts("tom_zrm_verbeterd", "tom_gehoord", "tom_tevredenheid_clienten")
    outcome = receive(delivery.write(), settings)
    assert outcome.status == "accepted"
    # gehoord is not asked in these interviews, tevredenheid is; clients are no figures of their own
    assert found(outcome) == {("both_forms", "zelfredzaamheid", None), ("both_forms", "antwoorden", None)}
    sentences = {finding.table: finding.sentence for finding in outcome.findings}
    assert "tom_zrm_verbeterd" in sentences["zelfredzaamheid"]
    assert "tom_tevredenheid_clienten" in sentences["antwoorden"]
    assert "tom_gehoord" not in sentences["antwoorden"]


def test_every_indicator_names_tables_of_its_consortium():
    for row in read_seed("indicators"):
        assert set(row["counted_from"].split(";")) <= set(contracts_for(row["consortium_code"]))
