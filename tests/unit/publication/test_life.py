"""The life of a release with real keys and files: two people, refusals, withdrawal, and what a kill leaves."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner

from pipeline.cli import main
from pipeline.disclosure.ledger import append, entries, published_values, verify
from pipeline.publication import life
from pipeline.publication.approval import content_problems, sign, signature_problems
from pipeline.publication.assets import build_publication_assets
from pipeline.publication.life import approve, publish_waiting, withdraw
from pipeline.publication.marts_file import open_marts
from pipeline.publication.people import PeopleError, approvers, make_keys, private_key
from pipeline.publication.release import (
    ReleaseError,
    current_release,
    find_release,
    make_release,
    release_state,
    release_states,
)
from pipeline.settings import Settings

FIRST, SECOND, THIRD = "partners-0001", "partners-0002", "partners-0003"


def _events(settings: Settings) -> list[tuple[str, str, str]]:
    return [(each.release_id, each.event, each.by) for each in entries(settings)]


def _shown(settings: Settings, audience: str = "partners") -> int | None:
    """The figure that readers see, in all three forms; None when nothing is published."""
    folder = settings.published / audience
    if not folder.exists():
        return None
    with open_marts(folder / "marts.duckdb") as marts:
        shown = marts.execute("select n from marts.fct_indicator").fetchone()
        for source in ("parquet", "csv"):
            assert marts.execute(f"select n from '{folder}/{source}/fct_indicator.{source}'").fetchone() == shown
    return shown[0]


def _told(settings: Settings, audience: str = "partners") -> list[tuple]:
    """What the published table of releases says."""
    with open_marts(settings.published / audience / "marts.duckdb") as marts:
        query = "select release_id, state, made_by, approved_by, published_at is not null from {} order by 1"
        told = marts.execute(query.format("marts.release")).fetchall()
        source = f"'{settings.published / audience / 'parquet' / 'release.parquet'}'"
        assert marts.execute(query.format(source)).fetchall() == told
    return told


def test_in_production_a_candidate_waits_until_a_second_person_approves_it(production, keys, show):
    show(20)
    release, is_new = make_release(production)
    assert (release.release_id, is_new, release.made_by) == (FIRST, True, "els")
    outcome = publish_waiting(production, "partners")
    assert (outcome.release, outcome.file, _shown(production)) == (None, None, None)
    assert outcome.sentences == (
        f"{FIRST} waits for approval (made by els): jan or piet can, "
        f"with `effectmonitor release approve {FIRST} --by NAME`",
    )
    assert published_values(production).empty
    approved = approve(production, FIRST, "jan", keys["jan"])
    assert approved.sentences == (f"{FIRST} is published: made by els, approved by jan",)
    assert _shown(production) == 20
    assert _told(production) == [(FIRST, "published", "els", "jan", True)]
    assert _events(production) == [(FIRST, "candidate", "els"), (FIRST, "approved", "jan"), (FIRST, "published", "jan")]
    assert set(published_values(production)["release_id"]) == {FIRST}
    assert verify(production) == []
    again = publish_waiting(production, "partners")
    assert (again.sentences, len(entries(production))) == ((), 3)


def test_outside_production_a_run_approves_by_the_second_demo_identity_and_says_so(settings, show):
    show(20)
    make_release(settings)
    outcome = publish_waiting(settings, "partners")
    assert "made by demo-maker, approved by demo-approver (two demo identities" in outcome.sentences[0]
    assert _told(settings) == [(FIRST, "published", "demo-maker", "demo-approver", True)]
    before = {path: path.read_bytes() for path in settings.published.rglob("*") if path.is_file()}
    assert make_release(settings)[1] is False
    publish_waiting(settings, "partners")
    assert {path: path.read_bytes() for path in settings.published.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("by", "key", "message"),
    [
        ("els", "els", "els made partners-0001, so somebody else approves it: jan or piet can"),
        ("kees", "jan", "'kees' is not known here; EFFECTMONITOR_PEOPLE knows els, jan, piet"),
        ("../els", "els", "is not known here"),
        ("jan", "piet", "is not that of jan"),
        ("jan", "nobody", "there is no private key at"),
    ],
)
def test_who_may_not_approve_hears_why_and_nothing_happens(waiting, keys, tmp_path, by, key, message):
    with pytest.raises((ReleaseError, PeopleError), match=message):
        approve(waiting, FIRST, by, keys.get(key, tmp_path / "nobody.key"))
    assert (release_state(waiting, FIRST), _shown(waiting)) == ("candidate", None)
    assert not waiting.approvals.exists()


def test_two_names_with_one_key_are_one_person(waiting, keys):
    alias = waiting.people_folder / "elsbeth.pub"
    alias.write_bytes((waiting.people_folder / "els.pub").read_bytes())
    (waiting.people_folder / "klaas.pub").write_text("no key")
    assert approvers(waiting, "els") == ["jan", "piet"]
    with pytest.raises(ReleaseError, match="somebody else approves it"):
        approve(waiting, FIRST, "elsbeth", keys["els"])
    with pytest.raises(PeopleError, match="holds no Ed25519 public key"):
        approve(waiting, FIRST, "klaas", keys["jan"])


def test_only_a_candidate_can_be_approved(waiting, keys):
    approve(waiting, FIRST, "jan", keys["jan"])
    with pytest.raises(ReleaseError, match=f"{FIRST} is published: only a candidate"):
        approve(waiting, FIRST, "piet", keys["piet"])
    for name in ("partners-0009", "../partners-0001"):
        with pytest.raises(ReleaseError, match="there is no release"):
            approve(waiting, name, "piet", keys["piet"])


@pytest.mark.parametrize(
    "spoil",
    ["files/marts.duckdb", "files/csv/fct_indicator.csv", "sealed/true_count.parquet", "files/csv/extra.csv", None],
)
def test_a_release_that_is_not_as_it_was_made_is_neither_approved_nor_published(waiting, keys, spoil):
    folder = waiting.releases / FIRST
    if spoil:
        with (folder / spoil).open("ab") as file:
            file.write(b" ")
        expected = f"{spoil} is not as it was made"
    else:
        record = json.loads((folder / "release.json").read_text())
        (folder / "release.json").write_text(json.dumps(record | {"made_by": "piet"}))
        expected = "release.json of partners-0001 is not as it was made"
    with pytest.raises(ReleaseError, match=expected):
        approve(waiting, FIRST, "jan", keys["jan"])
    assert (release_state(waiting, FIRST), _shown(waiting)) == ("candidate", None)


def test_what_the_audit_finds_unsafe_is_not_approved(waiting, keys, verdict):
    verdict.safe, verdict.sentences = False, ["WK1 can be derived"]
    with pytest.raises(ReleaseError, match="partners-0001 cannot be approved: WK1 can be derived"):
        approve(waiting, FIRST, "jan", keys["jan"])
    verdict.sentences = []
    with pytest.raises(ReleaseError, match="the audit finds partners-0001 unsafe"):
        approve(waiting, FIRST, "jan", keys["jan"])
    assert (release_state(waiting, FIRST), _shown(waiting)) == ("candidate", None)


def test_outside_production_too_an_unsafe_release_stops(settings, show, verdict):
    show(20)
    make_release(settings)
    verdict.safe = False
    with pytest.raises(ReleaseError, match="unsafe"):
        publish_waiting(settings, "partners")
    assert _shown(settings) is None


def _signature(settings: Settings, name: str) -> Path:
    return settings.approvals / f"{name}.json"


def _foreign_signature(settings: Settings, keys: dict[str, Path]) -> None:
    _signature(settings, FIRST).write_text(_signature(settings, SECOND).read_text())


def _claimed_by_another(settings: Settings, keys: dict[str, Path]) -> None:
    text = _signature(settings, FIRST).read_text().replace('"jan"', '"piet"')
    _signature(settings, FIRST).write_text(text)


def _new_content_hash(settings: Settings, keys: dict[str, Path]) -> None:
    record = settings.releases / FIRST / "release.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"content_hash": "0" * 64}))


def _other_key(settings: Settings, keys: dict[str, Path]) -> None:
    _, public = make_keys("jan", settings.home / "new")
    public.replace(settings.people_folder / "jan.pub")


def _bits(settings: Settings, keys: dict[str, Path]) -> None:
    content = json.loads(_signature(settings, FIRST).read_text())
    given = content["signatures"][0]
    given["ed25519"] = ("A" if given["ed25519"][0] != "A" else "B") + given["ed25519"][1:]
    _signature(settings, FIRST).write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("tamper", "sentence"),
    [
        (_foreign_signature, "does not belong to the ledger"),
        (_claimed_by_another, "not signed by a second person"),
        (_new_content_hash, "the signature of jan is not of partners-0001 as it is now"),
        (_other_key, "was made with another key"),
        (_bits, "the signature of jan is not of partners-0001"),
        (lambda settings, keys: _signature(settings, FIRST).unlink(), "the signature of partners-0001 is gone"),
        (lambda settings, keys: _signature(settings, FIRST).write_text("{"), "cannot be read"),
        (lambda settings, keys: (settings.people_folder / "jan.pub").unlink(), "cannot be checked: 'jan' is not known"),
    ],
)
def test_a_signature_that_was_tampered_with_is_found_and_puts_nothing_in_place(history, keys, tamper, sentence):
    assert signature_problems(history, find_release(history, FIRST)) == []
    tamper(history, keys)
    (found,) = signature_problems(history, find_release(history, FIRST))
    assert sentence in found
    outcome = withdraw(history, SECOND, "piet", "een fout")
    assert outcome.sentences[0] == f"{SECOND} is withdrawn: nothing is published for partners any more"
    assert f"{FIRST} cannot be put back in place" in outcome.sentences[1]
    assert _shown(history) is None


def test_a_ledger_that_was_rewritten_as_a_whole_no_longer_fits_the_signatures(history):
    chain = history.ledger / "chain.jsonl"
    written = entries(history)
    chain.unlink()
    for each in written:
        if each.event == "published":
            record = history.releases / each.release_id / "files" / "marts.duckdb"
            append(history, each.event, each.release_id, each.audience, each.by, marts_file=record)
        else:
            append(history, each.event, each.release_id, each.audience, each.by, "a reason that was not there")
    assert verify(history) == []
    assert "does not belong to the ledger" in signature_problems(history, find_release(history, FIRST))[0]
    with pytest.raises(ReleaseError, match="cannot be put in place"):
        publish_waiting(history, "partners")


def test_a_ledger_that_does_not_hold_stops_every_step(history, keys, show):
    chain = history.ledger / "chain.jsonl"
    lines = chain.read_text().splitlines(keepends=True)
    show(40)
    make_release(history)
    chain.write_text(chain.read_text().replace('"by": "jan"', '"by": "kees"', 1))
    for step in (
        lambda: make_release(history),
        lambda: approve(history, THIRD, "jan", keys["jan"]),
        lambda: publish_waiting(history, "partners"),
        lambda: withdraw(history, SECOND, "jan", "een fout"),
    ):
        with pytest.raises(ReleaseError, match=r"line 2 of the ledger \(partners-0001, approved\) was changed"):
            step()
    chain.write_text("".join(lines))
    with pytest.raises(ReleaseError, match="does not know partners-0003"):
        make_release(history)


def test_a_withdrawn_release_disappears_and_the_one_before_it_is_put_back(history, show):
    assert (_shown(history), release_states(history)) == (30, {FIRST: "superseded", SECOND: "published"})
    outcome = withdraw(history, SECOND, "piet", "een levering klopte niet")
    assert outcome.sentences == (f"{SECOND} is withdrawn", f"{FIRST} is put back in place")
    assert (_shown(history), release_states(history)) == (20, {FIRST: "published", SECOND: "withdrawn"})
    assert _told(history) == [(FIRST, "published", "els", "jan", True), (SECOND, "withdrawn", "els", "jan", True)]
    last = [each for each in entries(history) if each.event == "withdrawn"]
    assert [(each.release_id, each.by, each.reason) for each in last] == [(SECOND, "piet", "een levering klopte niet")]
    # what left has left, and its folder stays
    assert set(published_values(history)["release_id"]) == {FIRST, SECOND}
    assert (history.releases / SECOND / "files" / "marts.duckdb").is_file()
    # the same figures do not come back by themselves, others do
    release, is_new = make_release(history)
    assert (release.release_id, is_new, release_state(history, SECOND)) == (SECOND, False, "withdrawn")
    assert publish_waiting(history, "partners").release.release_id == FIRST
    show(31)
    assert make_release(history)[0].release_id == THIRD
    assert verify(history) == []


def test_when_all_are_withdrawn_nothing_is_published(history):
    withdraw(history, FIRST, "piet", "een fout")
    assert (_shown(history), _told(history)[0][:2]) == (30, (FIRST, "withdrawn"))
    outcome = withdraw(history, SECOND, "els", "nog een fout")
    assert outcome.sentences == (f"{SECOND} is withdrawn: nothing is published for partners any more",)
    assert (_shown(history), current_release(history)) == (None, None)
    assert publish_waiting(history, "partners").sentences == ()
    assert _shown(history) is None


def test_a_withdrawal_that_makes_no_sense_is_refused(history, show):
    withdraw(history, SECOND, "piet", "een fout")
    for name, by, reason, message in (
        (SECOND, "piet", "nog eens", "has been withdrawn before"),
        (FIRST, "kees", "een fout", "'kees' is not known"),
        (FIRST, "piet", "  ", "say why"),
        ("partners-0009", "piet", "een fout", "there is no release"),
    ):
        with pytest.raises((ReleaseError, PeopleError), match=message):
            withdraw(history, name, by, reason)
    for n in (40, 50):
        show(n)
        make_release(history)
    with pytest.raises(ReleaseError, match="was replaced before it was published"):
        withdraw(history, THIRD, "piet", "een fout")


def test_a_candidate_that_is_withdrawn_is_never_published(waiting, keys):
    withdraw(waiting, FIRST, "jan", "de cijfers kloppen niet")
    with pytest.raises(ReleaseError, match="only a candidate"):
        approve(waiting, FIRST, "jan", keys["jan"])
    assert make_release(waiting)[1] is False
    assert publish_waiting(waiting, "partners").sentences == ()
    assert published_values(waiting).empty


def test_a_newer_candidate_takes_the_place_of_one_that_waits(history, show):
    show(40)
    make_release(history)
    assert make_release(history)[1] is False
    show(41)
    make_release(history)
    assert release_states(history)[THIRD] == "superseded"
    assert entries(history)[-2].reason == "partners-0004 was made before it was published"
    # figures as published: nothing has to be approved any more
    show(30)
    release, is_new = make_release(history)
    assert (release.release_id, is_new, release_states(history)["partners-0004"]) == (SECOND, False, "superseded")
    assert entries(history)[-1].reason == f"the figures are again those of {SECOND}"
    # figures of before that: a change, so a release of its own
    show(20)
    assert make_release(history)[1] is True


def test_a_kill_between_approval_and_publication_is_made_good_by_the_next_step(waiting, keys, show, monkeypatch):
    release = find_release(waiting, FIRST)
    sign(waiting, release, "jan", keys["jan"])
    assert release_state(waiting, FIRST) == "approved"
    assert publish_waiting(waiting, "partners").sentences == (f"{FIRST} is published: made by els, approved by jan",)
    # after the ledger, before the files
    show(30)
    make_release(waiting)
    monkeypatch.setattr(life, "_settle", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        approve(waiting, SECOND, "jan", keys["jan"])
    monkeypatch.undo()
    assert _shown(waiting) == 20
    publish_waiting(waiting, "partners")
    assert (_shown(waiting), release_states(waiting)) == (30, {FIRST: "superseded", SECOND: "published"})
    # in the middle of a withdrawal
    append(waiting, "withdrawn", SECOND, "partners", "jan", "een fout")
    publish_waiting(waiting, "partners")
    assert (_shown(waiting), release_states(waiting)) == (20, {FIRST: "published", SECOND: "withdrawn"})


def test_an_approval_without_its_signature_is_given_again(waiting, keys):
    release = find_release(waiting, FIRST)
    append(waiting, "approved", FIRST, "partners", "jan")
    assert "waits for approval" in publish_waiting(waiting, "partners").sentences[0]
    with pytest.raises(ReleaseError, match="els made"):
        approve(waiting, FIRST, "els", keys["els"])
    approve(waiting, FIRST, "piet", keys["piet"])
    assert _told(waiting) == [(FIRST, "published", "els", "piet", True)]
    assert content_problems(waiting, release) == signature_problems(waiting, release) == []


def test_a_candidate_without_files_is_left_behind(production, show):
    show(20)
    append(production, "candidate", FIRST, "partners", "els")
    assert publish_waiting(production, "partners").sentences == ()
    assert make_release(production)[0].release_id == SECOND
    assert release_states(production) == {FIRST: "superseded", SECOND: "candidate"}


def test_published_files_that_somebody_changed_are_put_right(history):
    folder = history.published / "partners"
    (folder / "csv" / "fct_indicator.csv").write_text("n\n3\n")
    (folder / "parquet" / "fct_indicator.parquet").unlink()
    publish_waiting(history, "partners")
    assert _shown(history) == 30
    (history.releases / SECOND).rename(history.home / "elsewhere")
    with pytest.raises(ReleaseError, match="partners-0002 is gone: put it back"):
        publish_waiting(history, "partners")
    assert _shown(history) == 30


def test_audiences_have_releases_of_their_own(production, keys, show):
    show(20, council_n=25)
    make_release(production)
    release, _ = make_release(production, "council")
    assert release.release_id == "council-0001"
    assert "fct_revision" not in release.rows
    approve(production, "council-0001", "jan", keys["jan"])
    assert (_shown(production), _shown(production, "council")) == (None, 25)
    assert _told(production, "council") == [("council-0001", "published", "els", "jan", True)]
    show(20, council_n=30)
    assert make_release(production)[1] is False
    assert make_release(production, "council")[0].release_id == "council-0002"
    withdraw(production, "council-0001", "jan", "een fout")
    assert (_shown(production, "council"), release_state(production, FIRST)) == (None, "candidate")


def test_demo_and_people_never_share_an_installation(settings, production, show):
    show(20)
    make_release(production)
    with pytest.raises(ReleaseError, match="set EFFECTMONITOR_ENVIRONMENT=production"):
        make_release(settings)
    other = settings.home / "demo"
    demo = replace(settings, home=other)
    other.mkdir()
    demo.warehouse.write_bytes(settings.warehouse.read_bytes())
    make_release(demo)
    with pytest.raises(ReleaseError, match="give production an EFFECTMONITOR_HOME of its own"):
        make_release(replace(production, home=other))


def test_production_says_who_makes_a_release(production, show):
    show(20)
    for name, message in ((None, "EFFECTMONITOR_MAKER is not set"), ("Els de Wit", "is no name")):
        with pytest.raises(PeopleError, match=message):
            make_release(replace(production, maker=name))


def test_keys_are_private_and_never_overwritten(production, tmp_path):
    secret, public = make_keys("truus", tmp_path / "own")
    assert secret.stat().st_mode & 0o777 == 0o600
    with pytest.raises(PeopleError, match="is there already"):
        make_keys("truus", tmp_path / "own")
    with pytest.raises(PeopleError, match="is no name"):
        make_keys("../truus", tmp_path / "own")
    public.rename(production.people_folder / "truus.pub")
    assert private_key(production, "truus", secret).public_key()
    secret.chmod(0o640)
    with pytest.raises(PeopleError, match="chmod 600"):
        private_key(production, "truus", secret)
    secret.chmod(0o600)
    secret.write_text("no key")
    with pytest.raises(PeopleError, match="holds no Ed25519 private key"):
        private_key(production, "truus", secret)


def test_a_run_in_production_succeeds_and_says_what_waits(production, show):
    show(20)
    make_release(production)
    _, published = build_publication_assets(production, {"partners": []})
    done = dg.materialize([published])
    (event,) = done.get_asset_materialization_events()
    assert f"{FIRST} waits for approval" in event.materialization.metadata["done"].value
    assert "release" not in event.materialization.metadata


@pytest.fixture
def command(production, keys, monkeypatch):
    """The command, as somebody at the production server types it."""
    for name, value in {
        "ENVIRONMENT": "production",
        "HOME": production.home,
        "KEYS": production.home,
        "PEOPLE": production.people_folder,
        "MAKER": "els",
    }.items():
        monkeypatch.setenv(f"EFFECTMONITOR_{name}", str(value))
    monkeypatch.setenv("HOME", str(production.home))

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(main, ["release", *arguments])
        return done.exit_code, " ".join(done.output.split())

    return run


def test_the_command_makes_keys_approves_shows_and_withdraws(command, production, show):
    code, said = command("keys", "truus")
    assert code == 0
    own = production.home / ".effectmonitor"
    assert f"public key: {own / 'truus.pub'}: put it into" in said
    (own / "truus.pub").rename(production.people_folder / "truus.pub")
    show(20)
    make_release(production)
    assert "waits for approval (made by els): jan or piet or truus can" in command("show", FIRST)[1]
    code, said = command("approve", FIRST, "--by", "els")
    assert (code, "there is no private key at" in said) == (1, True)
    code, said = command("approve", FIRST, "--by", "truus")
    assert (code, said) == (0, f"{FIRST} is published: made by els, approved by truus")
    assert "its files are as they were made, and its signatures hold" in command("show", FIRST)[1]
    listed = command("list")[1]
    assert all(word in listed for word in (FIRST, "published", "els", "truus", "2024-H1"))
    code, said = command("withdraw", FIRST, "--by", "jan", "--reason", "een fout in [de] bron")
    assert (code, said) == (0, f"{FIRST} is withdrawn: nothing is published for partners any more")
    shown = command("show", FIRST)[1]
    assert "withdrawn" in shown
    assert "[de]" in shown
    _signature(production, FIRST).write_text("{}")
    assert "approve partners-0001 again" in command("show", FIRST)[1]
    assert command("show", "partners-0009")[0] == 1
