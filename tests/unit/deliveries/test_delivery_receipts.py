"""The receipt tells people and machines the same, in Dutch."""

from __future__ import annotations

import json
from datetime import datetime

from pipeline.deliveries.findings import Finding, Judgement, TableCount, shown_heading
from pipeline.deliveries.intake import receive
from pipeline.deliveries.receipts import receipt, receipt_text, write_receipt

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
            "row", "unknown_code", "Deze code bestaat niet.", "clienten", "wijkcode", 25, tuple(range(1, 26)), ("X1",)
        ),
        Finding("notice", "extra_column", "Deze kolom is niet overgenomen: opmerking.", "clienten"),
    ),
)


def test_text_and_json_tell_the_same(tmp_path):
    path = write_receipt(tmp_path / "receipts", receipt(JUDGEMENT, datetime(2024, 7, 11, 8, 30)))
    content = json.loads(path.read_text(encoding="utf-8"))
    text = path.with_suffix(".txt").read_text(encoding="utf-8")
    assert sorted(each.name for each in path.parent.iterdir()) == ["receipt.json", "receipt.txt"]
    assert text == receipt_text(content)
    assert content["received_at"] == "2024-07-11T08:30:00"
    assert content["tables"] == [{"table": "clienten", "rows_received": 100, "rows_accepted": 75, "rows_refused": 25}]
    assert content["findings"][0]["rows"] == list(range(1, 26))
    assert content["findings"][0]["rule"] == "unknown_code"


def test_the_text_is_readable():
    lines = receipt_text(receipt(JUDGEMENT)).splitlines()
    assert lines[2] == "Consortium  Tom in de buurt (tom)"
    assert "Uitkomst    Gedeeltelijk aangenomen" in lines
    assert "  Deze code bestaat niet." in lines
    assert f"  Rijen: {', '.join(str(row) for row in range(1, 21))} en nog 5." in lines
    assert "  Bijvoorbeeld: X1." in lines
    assert lines[-1] == "Rij 1 is de eerste rij onder de kolomnamen."
    assert not any(line.startswith("Beoordeeld") for line in lines)
    assert all(len(line) <= 100 for line in lines)


def test_every_status_tells_what_to_do(make, settings):
    delivery = make("boost")
    accepted = receive(delivery.write(), settings).receipt.with_suffix(".txt").read_text()
    assert "U hoeft niets te doen" in accepted
    delivery.version = 2
    del delivery.tables["bezoek"]
    rejected = " ".join(receive(delivery.write(), settings).receipt.with_suffix(".txt").read_text().split())
    assert "Afgewezen" in rejected
    assert "hoger versienummer" in rejected
    assert "De verplichte tabel bezoek ontbreekt" in rejected
    text = receipt_text(receipt(Judgement(None, None, None, status="incomplete")))
    assert "Nog niet compleet" in text
    assert "Consortium  onbekend" in text


def test_a_heading_that_could_be_a_value_is_told_by_its_place():
    assert shown_heading("Opmerking extra", 7) == "Opmerking extra"
    for heading in ("C-000123", "12", "", "a" * 50, "x@y", "rij=1", "Piet de Vries", "Jansen-Bakker"):
        assert shown_heading(heading, 7) == "kolom 7"
