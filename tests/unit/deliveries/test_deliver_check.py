"""``effectmonitor deliver check`` at the consortium's desk: no installation, no key, the same judgement and receipt."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result
from handmade_deliveries import all_bytes

from pipeline.cli import main
from pipeline.deliveries.intake import receive


@pytest.fixture
def check():
    """Run the command."""

    def run(*arguments) -> Result:
        return CliRunner().invoke(main, ["deliver", "check", *map(str, arguments)])

    return run


def test_the_exit_code_tells_the_outcome(make, check):
    delivery = make("boost")
    folder = delivery.write().path
    accepted = check(folder)
    assert accepted.exit_code == 0
    assert accepted.stdout.startswith("ONTVANGSTBEWIJS")
    assert "U kunt de levering versturen." in accepted.stdout
    delivery.tables["bezoek"][0]["bezoeken"] = "veel"
    assert check(delivery.write().path).exit_code == 0
    del delivery.tables["toeleiding"]
    assert check(delivery.write().path).exit_code == 1
    (folder / "bezoek.csv").unlink()
    incomplete = check(folder)
    assert incomplete.exit_code == 2
    assert "Nog niet of niet geheel aangekomen: bezoek." in incomplete.stdout


def test_it_needs_no_installation_and_no_key(make, check, monkeypatch, tmp_path):
    folder = make("boost").write().path
    monkeypatch.setenv("EFFECTMONITOR_ENVIRONMENT", "production")
    monkeypatch.chdir(tmp_path)
    before = all_bytes(tmp_path)
    assert check(folder).exit_code == 0
    assert all_bytes(tmp_path) == before
    assert CliRunner().invoke(main, ["status"]).exit_code == 1  # everything else does need it


def test_the_receipt_is_the_one_that_would_come_back(make, check, settings, tmp_path):
    delivery = make("boost")
    delivery.tables["bezoek"][0]["bezoeken"] = "veel"
    folder = delivery.write()
    done = check(folder.path, "--receipt", tmp_path / "new" / "receipt")
    assert str(tmp_path / "new" / "receipt" / "receipt.html") in done.stderr
    files = all_bytes(tmp_path / "new" / "receipt")
    assert sorted(files) == ["findings.csv", "receipt.html", "receipt.json"]
    sent = receive(folder, settings).receipt
    assert files["findings.csv"] == sent.with_name("findings.csv").read_bytes()
    trial, real = json.loads(files["receipt.json"]), json.loads(sent.read_text(encoding="utf-8"))
    assert {name for name in real if real[name] != trial[name]} == {"received_at", "next_steps_nl"}
    assert "Proefcontrole" in files["receipt.html"].decode()


def test_an_incomplete_delivery_gets_a_page_too(make, check, tmp_path):
    folder = make("boost").write().path
    (folder / "datapackage.json").unlink()
    assert check(folder, "--receipt", tmp_path / "receipt").exit_code == 2
    assert "Nog niet compleet" in (tmp_path / "receipt" / "receipt.html").read_text(encoding="utf-8")


def test_earlier_folders_are_compared_with(make, check, tmp_path):
    delivery = make("boost")
    delivery.tables["bezoek"][0]["bezoeken"] = "veel"
    first = delivery.write().path
    delivery.version = 2
    delivery.tables["bezoek"][0]["bezoeken"] = "410"
    second = delivery.write().path
    stranger = make("go").write().path
    done = check(second, "--previous", first, "--previous", stranger)
    assert done.exit_code == 0
    assert "Fouten: 1 opgelost, 0 gebleven, 0 nieuw." in done.stdout
    assert f"niet vergeleken met {stranger}" in done.stderr
    assert str(first) not in done.stderr
    assert "opgelost" not in check(second).stdout
