"""Whole worlds, decided release by release and then attacked: a decider that is not good enough is found out.

Fails when the attacker misses what a decider gives away that looks at single figures or at single tables. The same
worlds and the same attack hold for every decider.
"""

from __future__ import annotations

from functools import cache

import pytest
import worlds
from attacker import LABEL_READER, Outcome, attack, attack_as_everybody, explain
from attacker_facts import collect, read_indicators
from deciders import naive, play, table_by_table
from product import product

from pipeline.settings import SEEDS

INDICATORS = read_indicators(SEEDS / "indicators.csv")
DECIDERS = {"naive": naive, "table by table": table_by_table}


@cache
def attacked(world: str, decider: str) -> Outcome:
    """What a partner with a computer finds."""
    history = play(worlds.WORLDS[world](), DECIDERS[decider](INDICATORS))
    return attack(collect(history, INDICATORS, worlds.residents()))


@pytest.mark.parametrize("world", worlds.WORLDS)
def test_hiding_small_figures_alone_is_not_enough(world: str):
    outcome = attacked(world, "naive")
    assert outcome.leaks
    assert outcome.undecided == []
    assert outcome.false == []


def test_a_district_of_three_is_found_in_every_table():
    found = {leak.secret.name.removeprefix("n of ").split()[0] for leak in attacked("three clients", "naive").leaks}
    counted = {code for code, indicator in INDICATORS.items() if indicator.kind not in ("count", "rate")}
    assert counted | set(worlds.LIFE_DOMAINS) <= found


def test_tables_protected_one_by_one_are_safe_where_nothing_links_them():
    assert attacked("three clients", "table by table").leaks == []


@pytest.mark.parametrize("world", ["cumulative by one", "equal people"])
def test_tables_protected_one_by_one_are_not_safe_together(world: str):
    assert attacked(world, "table by table").leaks


@pytest.mark.parametrize(
    ("world", "rule"), [("a correction of one", "D3"), ("an erased client", "D3"), ("cumulative by one", "D5")]
)
def test_a_change_of_one_is_found_everywhere(world: str, rule: str):
    outcome = attacked(world, "naive")
    of_one = [leak for leak in outcome.leaks if leak.secret.rule == rule and abs(leak.secret.truth) == 1]
    assert of_one
    assert all(leak.low == leak.high == leak.secret.truth for leak in of_one)


def test_equal_people_are_found_by_looking_at_both_indicators():
    history = play(worlds.equal_people(), table_by_table(INDICATORS))
    facts = collect(history, INDICATORS, worlds.residents())
    leak = next(leak for leak in attack(facts).leaks if leak.secret.name.startswith("n of"))
    assert any("the same people" in line for line in explain(facts, leak))


def test_every_reader_attacks():
    history = play(worlds.equal_people(), naive(INDICATORS))
    outcomes = attack_as_everybody(history, INDICATORS, worlds.residents())
    found = {
        reader: {leak.secret.name.split(" (release")[0] for leak in outcome.leaks}
        for reader, outcome in outcomes.items()
    }
    assert all(outcome.false == [] for outcome in outcomes.values())
    # who has a computer finds what a curious reader finds, and who supposes more finds no less
    assert found["curious partner"] <= found["partner"] <= found["partner who guesses"]
    # the council sees the municipality only, and rounded
    assert found["council"] == set()
    # that both are hidden as too small on one side makes the few left over fewer
    assert found[LABEL_READER]


def test_a_history_with_late_deliveries_corrections_and_a_release_taken_back():
    history = play(worlds.random_history(half_years=2), table_by_table(INDICATORS))
    facts = collect(history, INDICATORS, worlds.residents())
    outcome = attack(facts)
    assert facts.false == outcome.undecided == []
    assert {leak.secret.rule for leak in outcome.leaks} >= {"D3", "D5"}


@pytest.mark.slow
def test_twelve_half_years():
    history = play(worlds.random_history(), naive(INDICATORS))
    outcome = attack(collect(history, INDICATORS, worlds.residents()))
    assert {leak.secret.rule for leak in outcome.leaks} >= {"P1", "P3", "P4", "D3", "D5"}
    assert outcome.false == []


def attacked_by_all(releases: list) -> dict[str, Outcome]:
    """What every reader finds in what the product shows, but who takes the words of the statuses as facts.

    That a figure is labelled as breaking a rule says that it does: docs/methods/disclosure.md, what is not protected.
    """
    outcomes = attack_as_everybody(play(releases, product), INDICATORS, worlds.residents(), but=LABEL_READER)
    assert any(outcome.secrets for outcome in outcomes.values())
    return outcomes


@pytest.mark.parametrize(
    "world",
    [
        "three clients",
        "a correction of one",
        "cumulative by one",
        "an erased client",
        "equal people",
        pytest.param("all but one hidden", marks=pytest.mark.slow),
    ],
)
def test_nobody_is_found_in_what_the_product_shows(world: str):
    for reader, outcome in attacked_by_all(worlds.WORLDS[world]()).items():
        assert (outcome.leaks, outcome.undecided, outcome.false) == ([], [], []), reader


@pytest.mark.slow
@pytest.mark.parametrize("half_years", [4, 12])
def test_nobody_is_found_in_a_history_with_corrections_late_deliveries_and_a_release_taken_back(half_years: int):
    for reader, outcome in attacked_by_all(worlds.random_history(half_years=half_years)).items():
        assert (outcome.leaks, outcome.undecided, outcome.false) == ([], [], []), reader
