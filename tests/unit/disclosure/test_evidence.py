"""From releases to what an attacker knows: one unknown per state of a count, and nothing that has no use."""

from __future__ import annotations

import pytest
from audit_world import GM, WIJKEN, Archive, Town, changed, districts, domains, protect

from pipeline.disclosure.evidence import EvidenceError, Left, gather, tell
from pipeline.disclosure.witnesses import attack

HEARD, MARK, HELP = "tom_gehoord", "tom_tevredenheid_clienten", "boost_toeleiding_schuldhulp"
NOW = "2024-H1"


@pytest.fixture
def archive(tmp_path) -> Archive:
    return Archive(tmp_path)


def read(archive: Archive, *names: str):
    folder = archive.settings.releases
    return gather(
        [
            Left(name, name.split("-")[0], folder / name, archive.settings.ledger / "values" / f"{name}.parquet")
            for name in names
        ]
    )


def hiding() -> Town:
    here = Town(counts=districts(HEARD, NOW, [(120, 70), (90, 60), (80, 40), (7, 4)]))
    protect(here)
    return here


def test_a_figure_that_stays_is_one_unknown_and_one_that_changes_is_another(archive):
    here = hiding()
    later = changed(here, counts={(HEARD, WIJKEN[3], NOW): (9, 4)})
    names = [archive.release(here), archive.release(changed(here)), archive.release(later)]
    evidence = read(archive, *names)
    row = evidence.keys.index(f"indicator|tom|{HEARD}|{WIJKEN[3]}|{NOW}|")
    first, second, third = evidence.states[:, row].tolist()
    assert first == second
    # that the numerator of a figure that changed stayed the same is not known
    assert first[1] != third[1] and first[0] != third[0]
    assert evidence.state_value[[first[1], third[1]]].tolist() == [4, 4]
    told = tell(evidence, [0, 1, 2], "partners")
    # insiders are measured in counts of people
    assert told.newest == told.unknowns.keys() - told.changes and told.newest
    system = told.system
    changes = {name: system.truth[name] for name in system.position if "|change|" in name or name.startswith("change")}
    # n and complement of the district; the municipality changed with it
    assert set(changes.values()) == {2}
    assert all(asked.width == 5 for asked in system.protections if asked.unknown in changes)


def test_what_everybody_can_see_is_left_out(archive):
    here = hiding()
    here.counts |= districts("go_uitval", NOW, [(120, 70), (90, 60), (80, 40)])
    here.domains |= domains("financien", NOW, [(30, 40, 20), (25, 35, 15)])
    system = tell(read(archive, archive.release(here)), [0], "partners").system
    assert {name.split("|")[2] for name in system.position} == {HEARD}
    assert attack(system).leaks == ()


def test_the_same_files_give_the_same_system(archive):
    names = [archive.release(hiding()), archive.release(hiding(), "council")]
    one, other = (tell(read(archive, *names), [0, 1], "partners").system for _ in range(2))
    assert one.fingerprint == other.fingerprint
    # what leaves later changes nothing in what was known before
    archive.release(changed(hiding(), counts={(HEARD, WIJKEN[0], NOW): (150, 80)}))
    more = read(archive, *names, "partners-0002")
    assert tell(more, [0, 1], "partners").system.fingerprint == one.fingerprint


def test_council_and_partners_know_different_things(archive):
    here = hiding()
    here.hide((HEARD, GM, NOW))
    council = changed(here, counts=dict.fromkeys([(HEARD, WIJKEN[4], NOW)], (30, 12)))
    del council.hidden[HEARD, GM, NOW]
    evidence = read(archive, archive.release(here), archive.release(council, "council"))
    system = tell(evidence, [0, 1], "partners").system
    rounded = [fact for fact in system.facts if fact.name.startswith("rounded|council-0001")]
    assert rounded and all(row.high - row.low == 4 for fact in rounded for row in fact.rows)
    assert not tell(evidence, [0, 1], "council").system.protections


def test_residents_are_known_and_means_are_rounded_quotients(archive):
    here = Town(counts=districts(HELP, NOW, [(9000, 40), (8000, 30), (40, 2), (7000, 25)]))
    here.counts |= districts(MARK, NOW, [(120, 870), (90, 600), (7, 44), (60, 457)])
    protect(here)
    told = tell(read(archive, archive.release(here)), [0], "partners")
    assert not any(name.split("|")[2] == HELP and name.split("|")[6] == "n" for name in told.unknowns)
    quotients = [fact for fact in told.system.facts if fact.kind == "quotient"]
    # the sum of scores of a shown mean is known as closely as its rounding tells
    assert {fact.name.split("|")[1] for fact in quotients} == {"7.12", "7.6"}
    assert "people" not in " ".join(told.facts.values())
    assert attack(told.system).leaks == ()


def test_people_of_no_district_are_a_number_of_their_own(archive):
    here = hiding()
    # the municipality counts six people more than its districts
    rows = here.rows()
    n, numerator = rows[HEARD, GM, NOW]
    rows[HEARD, GM, NOW] = (n + 6, numerator + 2)
    here.rows = lambda: rows
    told = tell(read(archive, archive.release(here)), [0], "partners")
    elsewhere = {name: told.system.truth[name] for name in told.system.position if name.endswith("|elsewhere")}
    assert sorted(elsewhere.values()) == [2, 6]
    assert told.system.contradictions() == []


@pytest.mark.parametrize("hides", [True, False])
def test_a_pooled_figure_that_was_not_shown_counts_when_it_hides_something_itself(archive, hides):
    before = "2023-H2"
    here = hiding()
    # with both half-years together there are enough people in it, or not
    here.counts |= districts(HEARD, before, [(120, 70), (90, 60), (80, 40), (2, 1) if hides else (20, 10)])
    protect(here)
    pool = (HEARD, WIJKEN[3], NOW, "two_half_years")
    here.pools[pool] = [(HEARD, WIJKEN[3], NOW), (HEARD, WIJKEN[3], before)]
    here.hidden_pools.add(pool)
    told = tell(read(archive, archive.release(here)), [0], "partners")
    pooled = {name for name in told.system.position if name.startswith("pooled")}
    assert bool(pooled) == hides
    assert {name for name in told.unknowns if name.startswith("pooled")} <= pooled
    # its parts are hidden all the same, and safe
    assert any(f"|{NOW}||n|" in name for name in told.unknowns)
    assert attack(told.system).leaks == ()


def test_a_pooled_figure_that_was_not_shown_ties_two_states_of_its_parts(archive):
    """Whose sum stayed while its parts changed, that tells what the parts may be."""
    before = "2023-H2"
    here = hiding()
    here.counts |= districts(HEARD, before, [(120, 70), (90, 60), (80, 40), (20, 10)])
    protect(here)
    pool = (HEARD, WIJKEN[3], NOW, "two_half_years")
    here.pools[pool] = [(HEARD, WIJKEN[3], NOW), (HEARD, WIJKEN[3], before)]
    here.hidden_pools.add(pool)
    later = changed(here, counts={(HEARD, WIJKEN[3], NOW): (9, 5), (HEARD, WIJKEN[3], before): (18, 9)})
    system = tell(read(archive, archive.release(here), archive.release(later)), [0, 1], "partners").system
    sums = [fact.name for fact in system.facts if fact.name.startswith("pool|") and "|n|partners-0001|" in fact.name]
    assert len(sums) == 2


def test_a_release_without_files_cannot_be_read(archive):
    with pytest.raises(EvidenceError, match="the sealed truth of partners-0007 is gone"):
        gather([Left("partners-0007", "partners", archive.settings.releases / "partners-0007")])
