"""At the sender identifiers become pseudonyms, and nothing else changes."""

from __future__ import annotations

import csv
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner
from handmade_deliveries import Delivery, all_bytes, fill_workbook, valid_tables

from pipeline.cli import main
from pipeline.deliveries.contract import contracts_for
from pipeline.deliveries.intake import judge_delivery, receive
from pipeline.deliveries.package import delivery_folder
from pipeline.deliveries.prepare import PrepareFault, findings_text, prepare, prepared_text
from pipeline.deliveries.pseudonyms import pseudonym
from pipeline.deliveries.template import write_template
from pipeline.periods import HalfYear

KEY = "k3y-of-the-consortium-itself-0123456789"


@pytest.fixture
def key_file(tmp_path) -> Path:
    path = tmp_path / "keys" / "tom.key"
    path.parent.mkdir()
    path.write_text(KEY + "\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def own(tmp_path) -> Delivery:
    """A delivery as the consortium has it."""
    return Delivery("tom", tmp_path / "own", tables=valid_tables("tom"))


def rows(folder: Path, table: str) -> list[dict[str, str]]:
    with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle, delimiter=";"))


def values(delivery: Delivery, table: str, name: str) -> list[str]:
    return [row[name] for row in delivery.tables[table]]


def test_identifiers_become_pseudonyms_and_nothing_else_changes(own, tmp_path, key_file):
    target = tmp_path / "send" / "tom" / "2024-H1" / "2"
    own.tables["zelfredzaamheid"][3]["meetdatum"] = "31-02-2024"
    own.tables["duiding"][0]["verhaal"] = 'Meer "inwoners"; en zelfs\neen tweede regel, é'
    prepared = prepare(own.write().path, target, key_file)
    for table, contract in contracts_for("tom").items():
        before, after = own.tables[table], rows(target, table)
        assert len(after) == len(before)
        for old, new in zip(before, after, strict=True):
            for column in contract.columns:
                value = old[column.name]
                if column.entity and value:
                    value = pseudonym(KEY.encode(), column.entity, value)
                assert new[column.name] == value
    assert {each.table for each in prepared.tables if not each.pseudonymised} == {"duiding", "aantallen"}
    assert (prepared.packed.contents.delivery.version, prepared.packed.contents.delivery.path) == (2, target)
    assert sorted(path.name for path in target.parent.iterdir()) == ["2"]
    judgement = judge_delivery(target)
    assert [(finding.rule, finding.rows) for finding in judgement.findings] == [("not_a_date", (4,))]


def test_no_identifier_and_no_key_is_in_what_is_sent_or_printed(own, tmp_path, key_file):
    prepared = prepare(own.write().path, tmp_path / "send", key_file)
    written = b"".join(all_bytes(tmp_path / "send").values()) + prepared_text(prepared, key_file).encode()
    assert KEY.encode() not in written
    for table, contract in contracts_for("tom").items():
        for column in contract.columns:
            if column.entity:
                assert not [
                    row for row in own.tables[table] if row[column.name] and row[column.name].encode() in written
                ]


def test_the_municipality_recognises_a_client_over_time_and_tables(own, tmp_path, key_file, settings, vault_rows):
    """Of both half-years and all tables the same client, though it never saw the client's identifier."""
    later = Delivery("tom", own.inbox, period="2024-H2", tables=valid_tables("tom"))
    later.tables = {"clienten": later.tables["clienten"], "dossiers": later.tables["dossiers"]}
    for row in later.tables["dossiers"]:
        row |= {"gesloten_op": "", "reden_sluiting": ""}
    for name, changed in (("zelfredzaamheid", "2024-07-03"), ("participatie", "2024-07-03")):
        later.tables[name] = [row | {"meetdatum": changed} for row in own.tables[name]]
    later.tables["gesprekken"] = [row | {"afgenomen_op": "2024-09-09"} for row in own.tables["gesprekken"]]
    later.tables |= {name: own.tables[name] for name in ("antwoorden", "duiding", "aantallen")}
    for delivery in (own, later):
        target = settings.inbox / "tom" / delivery.period / "1"
        prepare(delivery.write().path, target, key_file)
        assert receive(delivery_folder(target), settings).status == "accepted"
    first = [row["client_id"] for row in vault_rows("clienten")]
    assert first == [row["client_id"] for row in vault_rows("clienten", period="2024-H2")]
    assert first == [row["client_id"] for row in vault_rows("zelfredzaamheid", period="2024-H2")]
    inner = [pseudonym(KEY.encode(), "client", row["client_id"]) for row in own.tables["clienten"]]
    assert first == [pseudonym(settings.pseudonym_key("tom"), "client", each) for each in inner]


def test_rows_keep_their_numbers_also_behind_an_example_and_blank_rows(own, tmp_path, key_file):
    header, *lines = own.content("clienten").decode().splitlines()
    example = "VOORBEELD C-000123;WK048402;45-64;14-03-2023;"
    lines = [example, *lines[:10], ";;;;", *lines[10:]]
    lines[41] = lines[41].replace("18-44", "19-44")
    own.texts["clienten"] = "\n".join([header, *lines]).encode()
    for table in ("dossiers", "zelfredzaamheid", "participatie"):
        refused = lines[41].split(";")[0]
        own.tables[table] = [row for row in own.tables[table] if row["client_id"] != refused]
    prepared = prepare(own.write().path, tmp_path / "send", key_file)
    assert [notice.rule for notice in prepared.tables[0].notices] == ["example_row"]
    assert b"VOORBEELD" not in (tmp_path / "send" / "clienten.csv").read_bytes()
    own_rows = [(each.rule, each.rows) for each in judge_delivery(own.path).findings if each.level == "row"]
    sent_rows = [(each.rule, each.rows) for each in judge_delivery(tmp_path / "send").findings]
    assert own_rows == sent_rows == [("unknown_code", (42,))]


def test_a_filled_template_is_prepared_row_for_row(own, tmp_path, key_file):
    (tmp_path / "book").mkdir()
    own.tables["clienten"].insert(7, dict.fromkeys(own.tables["clienten"][0], ""))  # a blank row
    fill_workbook(write_template("tom", tmp_path / "book" / "tom.xlsx"), own.tables)
    said = {"consortium": "tom", "period": HalfYear(2024, 1), "version": 1}
    prepare(tmp_path / "book", tmp_path / "send", key_file, **said)
    for table, first in (("clienten", 0), ("dossiers", 1)):  # of clienten the example was typed over
        sent = rows(tmp_path / "send", table)[first:]
        wanted = [pseudonym(KEY.encode(), "client", each) if each else "" for each in values(own, table, "client_id")]
        assert [row["client_id"] for row in sent] == wanted
    assert judge_delivery(tmp_path / "send").findings == ()


def test_columns_outside_the_contract_stay_at_home(own, tmp_path, key_file):
    for row in own.tables["clienten"]:
        row["Intern nummer"] = "CANARY-7"
    prepared = prepare(own.write().path, tmp_path / "send", key_file)
    assert prepared.tables[0].left_out == ("Intern nummer",)
    assert b"CANARY" not in b"".join(all_bytes(tmp_path / "send").values())
    assert judge_delivery(tmp_path / "send").findings == ()


def test_blanks_around_an_identifier_do_not_make_another_client(own, tmp_path, key_file):
    own.tables["dossiers"][0]["client_id"] = "\u00a0" + own.tables["dossiers"][0]["client_id"] + " "
    own.tables["dossiers"][6]["vorig_dossier_id"] = "  "
    prepare(own.write().path, tmp_path / "send", key_file)
    sent = rows(tmp_path / "send", "dossiers")
    assert sent[0]["client_id"] == rows(tmp_path / "send", "clienten")[0]["client_id"]
    assert sent[6]["vorig_dossier_id"] == ""
    assert judge_delivery(tmp_path / "send").status == "accepted"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (b"client_id;wijkcode\nC-1;123456782\n", "personal_data_bsn"),
        (b"client_id;wijkcode\nWK048401\nC-2;WK048401;C-3\n", "row_width"),
        (b"clientnummer;wijk\nC-1;WK048401\n", "missing_column"),
        (b"", "unreadable_file"),
    ],
)
def test_nothing_is_made_of_a_table_that_may_hold_what_must_not_leave(own, tmp_path, key_file, text, rule):
    own.texts["clienten"] = text
    source = own.write().path
    before = all_bytes(source)
    new = tmp_path / "keys" / "new.key"
    with pytest.raises(PrepareFault) as fault:
        prepare(source, tmp_path / "send" / "a", new, new_key=True)
    assert [finding.rule for finding in fault.value.findings] == [rule]
    assert not [line for line in findings_text(fault.value.findings) if "123456782" in line or "C-1" in line]
    assert list((tmp_path / "send").iterdir()) == []
    assert all_bytes(source) == before
    assert not new.exists()


def test_a_key_is_made_once_and_kept_to_oneself(own, tmp_path):
    run = CliRunner().invoke
    path, source = tmp_path / "new" / "tom.key", str(own.write().path)
    command = ["deliver", "prepare", source, "--key", str(path), "--to"]
    done = run(main, [*command, str(tmp_path / "one"), "--new-key"])
    assert done.exit_code == 0, done.output
    assert "Raakt zij kwijt" in done.output
    key = path.read_text().strip()
    assert len(key) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert key not in done.output
    again = run(main, [*command, str(tmp_path / "two"), "--new-key"])
    assert (again.exit_code, "wordt niet overschreven" in again.output) == (1, True)
    assert path.read_text().strip() == key
    done = run(main, [*command, str(tmp_path / "two")])
    assert (done.exit_code, "Raakt zij kwijt" in done.output) == (0, False)
    one, two = all_bytes(tmp_path / "one"), all_bytes(tmp_path / "two")
    assert {name: one[name] for name in one if name.endswith(".csv")} == {
        name: two[name] for name in two if name.endswith(".csv")
    }


@pytest.mark.parametrize(
    ("content", "mode", "sentence"),
    [
        (None, 0, "is er niet"),
        (KEY, 0o640, "chmod 600"),
        ("x" * 31, 0o600, "minder dan 32 tekens"),
    ],
)
def test_a_key_that_is_not_safe_is_not_used(own, tmp_path, content, mode, sentence):
    path = tmp_path / "tom.key"
    if content:
        path.write_text(content)
        path.chmod(mode)
    with pytest.raises(PrepareFault, match=sentence) as fault:
        prepare(own.write().path, tmp_path / "send", path)
    assert not content or content not in str(fault.value)


def test_the_target_is_a_new_folder_of_its_own(own, tmp_path, key_file):
    source = own.write().path
    for target in (source, source / "send", source.parent):
        with pytest.raises(PrepareFault, match="nieuwe map"):
            prepare(source, target, key_file)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").touch()
    with pytest.raises(PrepareFault, match="niet leeg"):
        prepare(source, tmp_path / "full", key_file)
    (tmp_path / "empty").mkdir()
    with pytest.raises(PrepareFault, match="De sleutel hoort niet"):
        prepare(source, tmp_path / "empty", tmp_path / "empty" / "tom.key", new_key=True)
    prepare(source, tmp_path / "empty", key_file, correction_of_final=True)
    assert b'"correction_of_final": true' in (tmp_path / "empty" / "datapackage.json").read_bytes()


def test_what_cannot_be_written_leaves_nothing_behind(own, tmp_path, key_file, monkeypatch):
    def broken(*_):
        raise OSError(28, "No space left on device", "disk")

    monkeypatch.setattr("pipeline.deliveries.prepare.pack", broken)
    with pytest.raises(OSError, match="No space"):
        prepare(own.write().path, tmp_path / "send" / "a", key_file)
    assert list((tmp_path / "send").iterdir()) == []
