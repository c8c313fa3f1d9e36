"""The receipt tells people and machines the same, in Dutch, and the same again after an interruption."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from pathlib import Path

import pytest
from handmade_deliveries import all_bytes

from pipeline.deliveries import dutch
from pipeline.deliveries.findings import Finding, Judgement, TableCount, shown_heading
from pipeline.deliveries.intake import receive
from pipeline.deliveries.receipts import findings_csv, findings_of, receipt, receipt_text, write_receipt
from pipeline.deliveries.vault import table_path

JUDGEMENT = Judgement(
    consortium="tom",
    period="2024-H1",
    version=2,
    status="partially_accepted",
    created=datetime(2024, 7, 10, 7, 0),
    contract=1,
    package_hash="ab" * 32,
    tables={"clienten": TableCount(100, 75, 25)},
    findings=(
        Finding(
            "row",
            "unknown_code",
            "Deze code bestaat niet.",
            "clienten",
            "wijkcode",
            30,
            (1, *range(3, 27)),
            ("-5", "X1"),
        ),
        Finding("notice", "extra_column", "Deze kolom is niet overgenomen: opmerking.", "clienten"),
    ),
)


def lines_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff")), delimiter=";"))


def test_a_receipt_is_three_files_of_the_same_content(tmp_path):
    content = receipt(JUDGEMENT, datetime(2024, 7, 11, 8, 30))
    path = write_receipt(tmp_path / "receipts", content)
    assert sorted(each.name for each in path.parent.iterdir()) == ["findings.csv", "receipt.html", "receipt.json"]
    assert json.loads(path.read_text(encoding="utf-8")) == content
    assert content["received_at"] == "2024-07-11T08:30:00"
    assert content["receipt_number"] == "abababababab"
    assert content["tables"] == [{"table": "clienten", "rows_received": 100, "rows_accepted": 75, "rows_refused": 25}]
    assert content["findings"][0]["rows"] == [1, *range(3, 27)]
    assert content["findings"][0]["rule"] == "unknown_code"
    assert findings_of(content) == JUDGEMENT.findings
    page = path.with_suffix(".html").read_text(encoding="utf-8")
    assert "11 juli 2024 om 10.30 uur" in page  # as the clock in the Netherlands showed it
    assert "1, 3-26 en nog 5 rijen" in page


def test_findings_open_in_a_dutch_excel(tmp_path):
    path = write_receipt(tmp_path, receipt(JUDGEMENT)).with_name("findings.csv")
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    heading, *lines = lines_of(path.read_text(encoding="utf-8"))
    assert heading == ["table", "column", "rule", "row_number", "sentence_nl", "level", "examples"]
    assert [line[3] for line in lines] == ["1", *(str(row) for row in range(3, 27)), ""]
    # what begins like a formula is text
    assert lines[0] == ["clienten", "wijkcode", "unknown_code", "1", "Deze code bestaat niet.", "row", "'-5, X1"]
    assert lines[-1] == ["clienten", "", "extra_column", "", JUDGEMENT.findings[1].sentence, "notice", ""]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula(start):
    finding = Finding("row", "rule", f"{start}1", f"{start}clienten", f"{start}c", 1, (1,), (f"{start}2",))
    cells = lines_of(findings_csv(receipt(Judgement(None, None, None, status="rejected", findings=(finding,)))))[1]
    assert not [cell for cell in cells if cell[:1] == start]
    assert cells.count(f"'{start}1") == 1


def test_the_text_is_readable():
    text = receipt_text(receipt(JUDGEMENT))
    lines = text.splitlines()
    assert lines[2:8] == [
        "Uitkomst    Gedeeltelijk aangenomen",
        "Rijen       100 ontvangen, 75 aangenomen, 25 geweigerd",
        "Consortium  Tom in de buurt (tom)",
        "Halfjaar    eerste halfjaar 2024 (2024-H1)",
        "Versie      2",
        "Beoordeeld  proef: nog niet verstuurd",
    ]
    content, information = text.index("2. INHOUDELIJKE CONTROLE"), text.index("3. TER INFORMATIE")
    assert content < text.index("  Deze code bestaat niet.") < information < text.index("niet overgenomen")
    assert "  Rijen: 1, 3-26 en nog 5." in lines
    assert "  Bijvoorbeeld: -5, X1." in lines
    assert lines[-1] == "Rij 1 is de eerste rij onder de kolomnamen."
    assert all(len(line) <= 100 for line in lines)


def test_every_status_tells_what_to_do(make, settings):
    def told(path) -> str:
        return " ".join(receipt_text(json.loads(path.read_text(encoding="utf-8"))).split())

    delivery = make("boost")
    assert "U hoeft niets te verbeteren." in told(receive(delivery.write(), settings).receipt)
    delivery.version = 2
    del delivery.tables["bezoek"]
    rejected = told(receive(delivery.write(), settings).receipt)
    assert "Afgewezen" in rejected
    assert "Reden: een verplichte tabel of kolom ontbreekt." in rejected
    assert "als versie 3 of hoger" in rejected
    assert "De verplichte tabel bezoek ontbreekt" in rejected
    delivery.version = 3
    delivery.tables["bezoek"] = make("boost").tables["bezoek"]
    delivery.tables["duiding"][0]["verhaal"] = "Mail naar jan@example.org"
    personal = told(receive(delivery.write(), settings).receipt)
    assert "Reden: er staan persoonsgegevens in." in personal
    assert "datalek" in personal
    text = receipt_text(receipt(Judgement(None, None, None, status="incomplete")))
    assert "Nog niet compleet" in text
    assert "Consortium  onbekend" in text


def test_before_sending_the_version_stays_the_same(make):
    trial, sent = (receipt(JUDGEMENT, moment)["next_steps_nl"][-1] for moment in (None, datetime(2024, 7, 11)))
    assert "Het versienummer verandert pas als u haar hebt verstuurd." in trial
    assert "als versie 3 of hoger" in sent


def steps(*findings: Finding, status: str = "rejected") -> dict[str, str]:
    content = receipt(Judgement("tom", "2024-H1", 1, status=status, findings=findings))
    return {step["step"]: step["state"] for step in content["technical_check"]}


def test_the_technical_check_stops_where_reading_stops():
    names = ["descriptor", "files", "form", "tables", "personal_data"]
    assert steps(status="accepted") == dict.fromkeys(names, "passed")
    unreached = dict.fromkeys(names[1:], "not_reached")
    assert steps(Finding("delivery", "descriptor_unreadable", "x")) == {"descriptor": "failed"} | unreached
    hashes = steps(Finding("table", "hash_mismatch", "x", "bezoek"))
    assert list(hashes.values()) == ["passed", "failed", "not_reached", "not_reached", "not_reached"]
    both = steps(
        Finding("table", "unreadable_file", "x", "clienten"),
        Finding("table", "missing_column", "x", "dossiers", "client_id"),
        Finding("table", "personal_data_bsn", "x", "dossiers", "kolom 3"),
    )
    assert list(both.values()) == ["passed", "passed", "failed", "failed", "failed"]
    # what could not be read may hold more
    unread = steps(Finding("table", "unreadable_file", "x", "clienten"))
    assert list(unread.values()) == ["passed", "passed", "failed", "partial", "partial"]
    # read as a whole, and refused for what its description says
    late = Judgement(
        "tom",
        "2024-H1",
        2,
        status="rejected",
        tables={"clienten": TableCount(9, 0, 0)},
        findings=(Finding("delivery", "final_period", "x"),),
    )
    assert [step["state"] for step in receipt(late)["technical_check"]] == ["failed", *["passed"] * 4]
    arriving = steps(Finding("notice", "incomplete", "x"), status="incomplete")
    assert arriving == dict.fromkeys(names, "not_reached") | {"files": "failed"}
    assert set(steps(Finding("delivery", "technical_failure", "x")).values()) == {"not_reached"}
    # found in the rows: the technical check has nothing against them
    assert set(steps(Finding("table", "too_many_refused", "x", "clienten")).values()) == {"passed"}


def test_the_steps_point_where_the_fault_is():
    def told(*findings: Finding) -> str:
        judgement = Judgement("tom", "2024-H1", 1, status="rejected", findings=findings)
        return " ".join(receipt(judgement)["next_steps_nl"])

    too_many = (Finding("table", "too_many_refused", "x", "clienten"), Finding("row", "not_a_date", "x", "clienten"))
    assert "Kijk onder 2 wat" in told(*too_many)
    assert "Kijk onder 1 en 2 wat" in told(*too_many, Finding("table", "missing_column", "x", "dossiers"))
    assert "deliver pack" in told(Finding("delivery", "descriptor_unreadable", "x"))
    assert "administratie" not in told(Finding("table", "hash_mismatch", "x", "clienten"))


def test_an_interrupted_receipt_is_the_same_but_for_its_moment(make, settings):
    def without_moment(folder: Path) -> dict[str, str]:
        files = {name: content.decode() for name, content in all_bytes(folder).items()}
        received = json.loads(files["receipt.json"])["received_at"]
        words = dutch.moment(datetime.fromisoformat(received))
        return {name: text.replace(received, "").replace(words, "") for name, text in files.items()}

    delivery = make("boost")
    receive(delivery.write(), settings)
    delivery.version = 2
    delivery.tables["bezoek"][0]["bezoeken"] = "veel"
    folder = receive(delivery.write(), settings).receipt.parent
    before = without_moment(folder)
    assert "Wat is er veranderd ten opzichte van versie 1" in before["receipt.html"]
    # killed just before the log
    table_path(settings, "_log", "boost", "2024-H1", 2).unlink()
    assert receive(delivery.folder, settings).status == "partially_accepted"
    assert without_moment(folder) == before
    after = all_bytes(settings.receipts)
    assert receive(delivery.folder, settings).status == "unchanged"
    assert all_bytes(settings.receipts) == after


def test_a_heading_that_could_be_a_value_is_told_by_its_place():
    assert shown_heading("Opmerking extra", 7) == "Opmerking extra"
    for heading in ("C-000123", "12", "", "a" * 50, "x@y", "rij=1", "Piet de Vries", "Jansen-Bakker"):
        assert shown_heading(heading, 7) == "kolom 7"
