"""A delivery counts as arrived when the descriptor and every file are there; what contradicts them is rejected."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from handmade_deliveries import all_bytes, found

from pipeline.deliveries.intake import find_deliveries, judge_delivery, receive
from pipeline.deliveries.package import has_arrived, unrecognised_folders


def test_deliveries_are_found_in_order(make, settings):
    for consortium, period, version in (("tom", "2024-H2", 2), ("tom", "2024-H2", 10), ("go", "2024-H1", 1)):
        make(consortium, period=period, version=version).path.mkdir(parents=True)
    names = [(each.consortium, each.period, each.version) for each in find_deliveries(settings)]
    assert names == [("go", "2024-H1", 1), ("tom", "2024-H2", 2), ("tom", "2024-H2", 10)]
    assert str(find_deliveries(settings)[0].half_year) == "2024-H1"


def test_mistyped_folders_are_no_deliveries_but_are_told(settings):
    for name in (
        "tim/2024-H1/1",
        "tom/2024H1/1",
        "tom/2024-H1/v1",
        "tom/2024-H1/01",
        "tom/2024-H1",
        "tom/2013-H1/1",
        "tom/2024-H1/1 (kopie)",
        "tom/2024-H1/1\n",
        "tom/2024-H1\n/1",
        "tom/2024-H1/\u0661",
    ):
        folder = settings.inbox / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "datapackage.json").write_text("{}")
    assert find_deliveries(settings) == []
    assert len(unrecognised_folders(settings)) == 10


def test_an_inbox_that_is_not_there_holds_nothing(settings):
    assert find_deliveries(settings) == []
    assert unrecognised_folders(settings) == []


def _without_descriptor(delivery):
    (delivery.path / "datapackage.json").unlink()


def _with_empty_descriptor(delivery):
    delivery.write_descriptor(b"")


def _without_a_file(delivery):
    (delivery.path / "bezoek.csv").unlink()


def _with_half_a_file(delivery):
    path = delivery.path / "bezoek.csv"
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("unfinish", [_without_descriptor, _with_empty_descriptor, _without_a_file, _with_half_a_file])
def test_a_delivery_that_is_still_arriving_is_left_alone(make, settings, unfinish):
    delivery = make("boost")
    folder = delivery.write()
    assert has_arrived(folder)
    unfinish(delivery)
    assert not has_arrived(folder)
    before = all_bytes(settings.inbox)
    outcome = receive(folder, settings)
    assert (outcome.status, outcome.receipt, outcome.tables) == ("incomplete", None, {})
    assert judge_delivery(folder).status == "incomplete"
    assert all_bytes(settings.inbox) == before
    assert not settings.receipts.exists()
    delivery.write()
    assert receive(folder, settings).status == "accepted"


@pytest.mark.parametrize("change", ["same size", "more bytes"])
def test_a_file_with_another_hash_is_rejected(make, settings, change):
    delivery = make("boost")
    folder = delivery.write()
    path = delivery.path / "bezoek.csv"
    content = path.read_bytes()
    path.write_bytes(content.replace(b"410", b"411", 1) if change == "same size" else content + b"\n")
    assert has_arrived(folder)
    outcome = receive(folder, settings)
    assert outcome.status == "rejected"
    assert found(outcome) == {("hash_mismatch", "bezoek", None)}
    assert outcome.receipt.is_file()


@pytest.mark.parametrize(
    "content", [b"{", b'{"name": "boo', b'{"name": "\xc3', b'{"version": 1, "flag": tru', b'{"a": {}']
)
def test_a_descriptor_that_is_still_being_written_is_waited_for(make, settings, content):
    delivery = make("boost")
    folder = delivery.write()
    whole = (folder.path / "datapackage.json").read_bytes()
    delivery.write_descriptor(content)
    assert not has_arrived(folder)
    assert receive(folder, settings).status == "incomplete"
    delivery.write_descriptor(whole)
    assert receive(folder, settings).status == "accepted"


@pytest.mark.parametrize(
    "content",
    [
        b"{]",
        b'{"name": NaN}',
        b'{"name": "a", "name": "b"}',
        b"\xff\xfe\x00",
        b"[]",
        b'"text"',
        b"[" * 100_000,
        b'{"name": "' + b"x" * 1_000_001 + b'"}',
    ],
)
def test_a_descriptor_that_cannot_be_read_is_rejected(make, settings, content):
    delivery = make("boost")
    folder = delivery.write()
    delivery.write_descriptor(content)
    assert has_arrived(folder)
    outcome = receive(folder, settings)
    assert outcome.status == "rejected"
    assert found(outcome) == {("descriptor_unreadable", None, None)}
    assert receive(folder, settings).status == "unchanged"


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("name", None, "descriptor_field"),
        ("name", " ", "descriptor_field"),
        ("created", "yesterday", "descriptor_field"),
        ("created", 20240701, "descriptor_field"),
        ("resources", None, "descriptor_field"),
        ("resources", ["bezoek.csv"], "descriptor_field"),
        ("consortium", "tom", "consortium_mismatch"),
        ("consortium", None, "consortium_mismatch"),
        ("period", "2024-H2", "period_mismatch"),
        ("version", 2, "version_mismatch"),
        ("version", "1", "version_mismatch"),
        ("version", True, "version_mismatch"),
        ("contract", 2, "contract_version"),
        ("contract", True, "contract_version"),
        ("contract", None, "contract_version"),
        ("contract", 1.0, "contract_version"),
        ("resources", [{}] * 101, "descriptor_field"),
    ],
)
def test_a_descriptor_with_a_wrong_field_is_rejected(make, settings, field, value, rule):
    outcome = receive(make("boost", descriptor={field: value}).write(), settings)
    assert outcome.status == "rejected"
    assert found(outcome) == {(rule, None, None)}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", None),
        ("path", None),
        ("path", ["bezoek.csv", "bezoek2.csv"]),
        ("bytes", "12"),
        ("bytes", -1),
        ("bytes", True),
        ("hash", "md5:d41d8cd98f00b204e9800998ecf8427e"),
        ("hash", None),
        ("dialect", "csv"),
        ("dialect", {"delimiter": "|"}),
        ("dialect", {"quoteChar": "abc"}),
        ("encoding", 8),
    ],
)
def test_a_resource_with_a_wrong_field_is_rejected(make, settings, field, value):
    outcome = receive(make("boost", resources={"bezoek": {field: value}}).write(), settings)
    assert outcome.status == "rejected"
    (finding,) = outcome.findings
    assert finding.rule == "descriptor_field"
    assert f"resources.{field}" in finding.sentence


def test_a_table_that_is_named_twice_is_rejected(make, settings):
    outcome = receive(make("boost", resources={"bezoek": {"name": "toeleiding"}}).write(), settings)
    assert found(outcome) == {("descriptor_field", None, None)}
    assert "twee keer" in outcome.findings[0].sentence


def test_a_csv_file_holds_one_table(make, settings):
    outcome = receive(make("boost", resources={"bezoek": {"path": "./toeleiding.csv"}}).write(), settings)
    assert found(outcome) == {("descriptor_field", None, None)}
    assert "hetzelfde bestand" in outcome.findings[0].sentence


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("path", "bezoek\n.csv", "niet te zien"),
        ("path", "bezoek\ud800.csv", "niet te zien"),
        ("path", "b" * 256, "te lang"),
        ("path", "é" * 150, "te lang"),
        ("path", "map/" * 200 + "bezoek.csv", "te lang"),
        ("name", "bezoek\x07", "niet te zien"),
        ("name", "b" * 101, "te lang"),
    ],
)
def test_a_name_that_no_file_can_have_is_refused(make, settings, field, value, word):
    outcome = receive(make("boost", resources={"bezoek": {field: value}}).write(), settings)
    assert outcome.status == "rejected"
    (finding,) = outcome.findings
    assert finding.rule == "unsafe_path"
    assert word in finding.sentence


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_folder_that_is_a_link_is_not_followed(make, settings, tmp_path: Path, depth):
    delivery = make("boost")
    folder = delivery.write()
    inside = [delivery.path, *delivery.path.parents][depth]
    outside = inside.rename(tmp_path / "elsewhere")
    inside.symlink_to(outside, target_is_directory=True)
    assert has_arrived(folder)
    (outcome,) = (receive(each, settings) for each in find_deliveries(settings))
    assert outcome.status == "rejected"
    assert found(outcome) == {("unsafe_path", None, None)}
    assert outcome.tables == {}


@pytest.mark.parametrize(
    "path",
    [
        "/etc/hostname",
        "../../../secret.csv",
        "map/../../secret.csv",
        "C:\\secret.csv",
        "C:secret.csv",
        "\\\\server\\secret.csv",
        "..\\secret.csv",
        ".",
        "link.csv",
        "link/bezoek.csv",
        "bezoek.csv\0",
    ],
)
def test_a_path_that_leaves_the_folder_is_rejected(make, settings, tmp_path: Path, path):
    secret = settings.inbox / "secret.csv"
    secret.parent.mkdir(parents=True)
    secret.write_text("wijkcode\n")
    delivery = make("boost", resources={"bezoek": {"path": path}})
    folder = delivery.write()
    (delivery.path / "link.csv").symlink_to(secret)
    (delivery.path / "link").symlink_to(tmp_path, target_is_directory=True)
    outcome = receive(folder, settings)
    assert outcome.status == "rejected"
    assert found(outcome) == {("unsafe_path", "bezoek", None)}
    assert "secret" not in outcome.receipt.read_text()


def test_a_descriptor_that_is_a_link_is_rejected(make, settings, tmp_path: Path):
    delivery = make("boost")
    folder = delivery.write()
    elsewhere = tmp_path / "datapackage.json"
    (delivery.path / "datapackage.json").replace(elsewhere)
    (delivery.path / "datapackage.json").symlink_to(elsewhere)
    assert found(receive(folder, settings)) == {("unsafe_path", None, None)}


def test_files_may_lie_in_a_folder_of_the_delivery(make, settings):
    delivery = make("boost", resources={"bezoek": {"path": "data/bezoek.csv"}})
    folder = delivery.write()
    (delivery.path / "data").mkdir()
    (delivery.path / "bezoek.csv").replace(delivery.path / "data" / "bezoek.csv")
    assert receive(folder, settings).status == "accepted"


def test_a_folder_outside_the_inbox_tells_what_it_delivers(make, tmp_path: Path):
    delivery = make("boost")
    delivery.write()
    elsewhere = delivery.path.rename(tmp_path / "to check")
    judgement = judge_delivery(elsewhere)
    assert (judgement.consortium, judgement.period, judgement.version) == ("boost", "2024-H1", 1)
    assert judgement.status == "accepted"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "to check"]
    assert not (tmp_path / "home" / "vault").exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [("consortium", "tim"), ("consortium", ["tom"]), ("period", "2024"), ("period", 2024), ("version", 0)],
)
def test_a_folder_that_does_not_tell_is_rejected(make, tmp_path: Path, field, value):
    delivery = make("boost", descriptor={field: value})
    delivery.write()
    judgement = judge_delivery(delivery.path.rename(tmp_path / "to check"))
    assert judgement.status == "rejected"
    assert [finding.rule for finding in judgement.findings] == ["descriptor_field"]
    assert judgement.consortium is None


def test_checking_a_folder_without_descriptor_says_so(tmp_path: Path):
    judgement = judge_delivery(tmp_path)
    assert judgement.status == "incomplete"
    assert "datapackage.json" in judgement.findings[0].sentence


def test_the_same_files_sent_again_are_the_same_delivery(make, settings):
    delivery = make("boost")
    receive(delivery.write(), settings)
    delivery.descriptor = {"created": "2024-07-11T10:00:00Z", "title": "nog eens"}
    assert receive(delivery.write(), settings).status == "unchanged"
    descriptor = json.loads((delivery.path / "datapackage.json").read_text())
    assert descriptor["title"] == "nog eens"


def test_the_names_of_a_delivery_are_not_repeated(make, settings, caplog):
    """Not of the package, a file or a table, also when it begins as a table of the contract."""
    delivery = make("tom", descriptor={"name": "levering van j.jansen@voorbeeld.nl"})
    delivery.texts["zelfredzaamheid_Jansen"] = b"client_id\n1\n"
    delivery.texts["dossiers_Jan"] = b"dossier_id\n1\n"
    folder = delivery.write()
    (delivery.path / "clienten.csv").rename(delivery.path / "client_Jan_Jansen_123456782.csv")
    descriptor = json.loads((delivery.path / "datapackage.json").read_text())
    descriptor["resources"][0]["path"] = "client_Jan_Jansen_123456782.csv"
    delivery.write_descriptor(json.dumps(descriptor).encode())
    outcome = receive(folder, settings)
    assert outcome.status == "accepted"
    assert found(outcome) == {
        ("extra_table", "een tabel die lijkt op zelfredzaamheid", None),
        ("extra_table", "een tabel die lijkt op dossiers", None),
    }
    for name, content in all_bytes(settings.home).items():
        if not name.startswith("inbox/"):
            assert not [word for word in (b"Jan", b"jansen", b"123456782") if word in content], name
    assert "Jan" not in caplog.text + str(outcome)
