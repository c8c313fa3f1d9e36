"""Leaks that an attacker finds and patterns that hold, against every table of whole numbers that is possible."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from pipeline.disclosure.attack import Insider, Knowledge, System, insiders, within
from pipeline.disclosure.proof import (
    CONTRADICTS_TRUTH,
    IMPOSSIBLE,
    MALFORMED,
    NOT_PROTECTED,
    OTHER_SYSTEM,
    Objection,
    Proof,
    check,
)
from pipeline.disclosure.witnesses import Attack, Leak, attack, explain

# The choices of the disclosure rules: width, threshold of people, threshold of a small side.
WIDTH, PEOPLE, SMALL_SIDE = 5, 10, 5


class Story:
    """Knowledge and its truth, told together."""

    def __init__(self) -> None:
        self.knowledge = Knowledge()
        self.truth: dict[str, int] = {}

    def count(self, name: str, value: int, low: int | None = 0, high: int | None = None) -> str:
        self.truth[name] = value
        return self.knowledge.unknown(name, low, high)

    def show(self, *names: str) -> None:
        for name in names:
            self.knowledge.figure(f"figure of {name}", name, self.truth[name])

    def hide(self, *names: str, at_least: int = PEOPLE) -> None:
        for name in names:
            self.knowledge.hide(name, WIDTH, at_least)

    def system(self) -> System:
        return self.knowledge.system(self.truth)


def districts(values: list[int], shown: list[int]) -> System:
    """Districts of a shown municipality; those that are not shown and small are protected."""
    story = Story()
    names = [story.count(f"district {at}", value) for at, value in enumerate(values)]
    story.count("municipality", sum(values))
    story.knowledge.sum("districts add up", "municipality", names)
    story.show("municipality", *(names[at] for at in shown))
    story.hide(*(names[at] for at, value in enumerate(values) if at not in shown and 0 < value < PEOPLE))
    return story.system()


def attacked(system: System) -> Attack:
    """An attack by everybody; what it says must be what the check of its proof says."""
    people = insiders(system)
    found = attack(system, people)
    objections = check(system, Proof.load(json.loads(json.dumps(found.proof.record()))), people)
    assert {(leak.unknown, leak.insider) for leak in found.leaks + found.insider_leaks} == {
        (objection.name, objection.insider) for objection in objections if objection.what == NOT_PROTECTED
    }
    assert len(objections) == len(found.leaks + found.insider_leaks)
    return found


def only_leak(system: System) -> Leak:
    (leak,) = attacked(system).leaks
    assert leak.proven
    return leak


def room(system: System, name: str) -> tuple[int | None, int | None]:
    """The slow audit: lowest and highest value by two whole-number programs of another library."""
    lines = [(row, system.limits(row)) for fact in system.facts for row in fact.rows]
    matrix = np.zeros((len(lines), len(system.unknowns)))
    for at, (row, _) in enumerate(lines):
        for unknown, coefficient in row.terms:
            matrix[at, system.position[unknown]] += coefficient
    least = [-np.inf if low is None else low for _, (low, _) in lines]
    most = [np.inf if high is None else high for _, (_, high) in lines]
    ends = []
    for direction in (1, -1):
        cost = np.zeros(len(system.unknowns))
        cost[system.position[name]] = direction
        result = milp(
            cost,
            integrality=np.ones(len(cost)),
            bounds=Bounds(
                [-np.inf if unknown.low is None else unknown.low for unknown in system.unknowns],
                [np.inf if unknown.high is None else unknown.high for unknown in system.unknowns],
            ),
            constraints=LinearConstraint(matrix, least, most) if lines else (),
        )
        ends.append(round(result.x[system.position[name]]) if result.status == 0 else None)
    return ends[0], ends[1]


# Leaks that rules on one table do not see


def test_a_single_hidden_district_follows_by_subtraction():
    leak = only_leak(districts([3, 20, 30], shown=[1, 2]))
    assert (leak.low, leak.high) == (3, 3)
    assert set(leak.facts) == {
        "districts add up",
        "figure of municipality",
        "figure of district 1",
        "figure of district 2",
    }


def test_two_hidden_districts_of_few_people_stay_within_their_sum():
    found = attacked(districts([3, 2, 30], shown=[2]))
    assert [(leak.unknown, leak.low, leak.high) for leak in found.leaks] == [("district 0", 0, 5), ("district 1", 0, 5)]


def test_a_district_hidden_beside_a_larger_one_is_safe():
    found = attacked(districts([3, 14, 30], shown=[2]))
    assert not found.leaks
    assert not found.insider_leaks


def test_all_but_one_district_hidden_is_safe_also_from_insiders():
    found = attacked(districts([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 90], shown=[12]))
    assert not found.leaks
    assert not found.insider_leaks


def test_a_correction_of_one_client_is_a_count_of_one():
    story = Story()
    story.count("first release", 40)
    story.count("second release", 41)
    story.count("change", 1, low=None)
    story.knowledge.sum("correction", "second release", ["first release", "change"])
    story.show("first release", "second release")
    story.knowledge.hide("change", WIDTH, at_least=SMALL_SIDE, at_most=-SMALL_SIDE)
    leak = only_leak(story.system())
    assert (leak.low, leak.high) == (1, 1)
    assert set(leak.facts) == {"correction", "figure of first release", "figure of second release"}


def test_a_cumulative_figure_that_grows_by_one_shows_the_one():
    story = Story()
    before = None
    for half_year, value in enumerate([20, 1, 15]):
        new = story.count(f"new {half_year}", value)
        total = story.count(f"until {half_year}", value + (story.truth[before] if before else 0))
        story.knowledge.sum(f"growth {half_year}", total, [new, before] if before else [new])
        story.show(total)
        before = total
    story.hide("new 1")
    leak = only_leak(story.system())
    assert (leak.low, leak.high) == (1, 1)
    assert set(leak.facts) == {"growth 1", "figure of until 0", "figure of until 1"}


def test_leaving_out_one_cumulative_figure_protects_the_growth():
    story = Story()
    for half_year, (value, total) in enumerate([(20, 20), (1, 21), (15, 36)]):
        story.count(f"new {half_year}", value)
        story.count(f"until {half_year}", total)
        parts = [f"new {half_year}", *([f"until {half_year - 1}"] if half_year else [])]
        story.knowledge.sum(f"growth {half_year}", f"until {half_year}", parts)
    story.show("until 0", "until 2")
    story.hide("new 1")
    assert not attacked(story.system()).leaks


def test_the_same_people_under_two_indicators_have_one_n():
    story = Story()
    story.count("clients of indicator A", 7)
    story.count("clients of indicator B", 7)
    story.knowledge.sum("same people", "clients of indicator A", ["clients of indicator B"])
    story.show("clients of indicator B")
    story.hide("clients of indicator A")
    leak = only_leak(story.system())
    assert leak.facts == ("same people", "figure of clients of indicator B")


def test_a_pooled_figure_minus_its_part_gives_the_other_part():
    story = Story()
    story.count("2024-H1", 4)
    story.count("2024-H2", 16)
    story.count("two half-years", 20)
    story.knowledge.sum("pooled", "two half-years", ["2024-H1", "2024-H2"])
    story.show("2024-H2", "two half-years")
    story.hide("2024-H1")
    assert only_leak(story.system()).high == 4


@pytest.mark.parametrize(("n", "shown", "values"), [(12, "25", 1), (200, "13", 1), (200, "13.0", 1), (2000, "25", 20)])
def test_a_rounded_share_pins_a_numerator_of_few_people(n, shown, values):
    story = Story()
    story.count("numerator", round(n * float(shown) / 100))
    story.count("n", n)
    story.knowledge.at_most("part", "numerator", "n")
    story.knowledge.quotient("share", "numerator", "n", shown)
    story.show("n")
    story.hide("numerator", at_least=SMALL_SIDE)
    found = attacked(story.system())
    low, high = room(story.system(), "numerator")
    assert bool(found.leaks) == (values < WIDTH)
    if found.leaks:
        assert (found.leaks[0].low, found.leaks[0].high) == (low, high)
        assert high - low + 1 == values
        assert set(found.leaks[0].facts) == {"share", "figure of n"}


def test_who_rounds_up_from_a_half_gives_that_away():
    def possible(numerator: int, shown: str) -> tuple[int | None, int | None]:
        story = Story()
        story.count("numerator", numerator)
        story.count("n", 200)
        story.knowledge.quotient("share", "numerator", "n", shown)
        story.show("n")
        return room(story.system(), "numerator")

    # 25 of 200 is 12.5 %. Shown as 13 it went up, and so would 27 of 200 (13.5 %), to 14.
    assert possible(25, "13") == (25, 26)
    assert possible(26, "13") == (26, 26)


def test_a_share_leaves_gaps_between_the_possible_numbers():
    story = Story()
    story.count("numerator", 2)
    story.count("n", 6, high=14)
    story.knowledge.quotient("share", "numerator", "n", "33")
    story.hide("n", at_least=PEOPLE)
    leak = only_leak(story.system())
    assert (leak.low, leak.high, leak.values) == (3, 12, (3, 6, 9, 12))
    assert leak.facts == ("share",)


def test_a_mean_at_the_end_of_its_scale_shows_every_answer():
    story = Story()
    answers = [story.count(f"answered {score}", 12 if score == 5 else 0) for score in range(1, 6)]
    story.count("n", 12)
    story.count("sum", 60)
    story.knowledge.sum("answers add up", "n", answers)
    story.knowledge.equation("scores add up", {"sum": -1, **{name: int(name[-1]) for name in answers}})
    story.knowledge.scale("scale", "sum", "n", 1, 5)
    story.knowledge.quotient("mean", "sum", "n", "5.0", per=1)
    story.show("n")
    story.hide("answered 4", at_least=SMALL_SIDE)
    leak = only_leak(story.system())
    assert (leak.low, leak.high) == (0, 0)


def test_a_rounded_municipality_protects_what_an_exact_one_gives_away():
    story = Story()
    story.count("district", 3)
    story.count("others", 20)
    story.count("municipality", 23)
    story.knowledge.sum("districts add up", "municipality", ["district", "others"])
    story.knowledge.figure("others", "others", 20, within=4)
    story.knowledge.figure("municipality", "municipality", 25, within=4)
    story.hide("district")
    assert not attacked(story.system()).leaks


def test_a_published_hidden_count_is_its_own_leak():
    story = Story()
    story.count("clients", 4)
    story.show("clients")
    story.hide("clients")
    assert only_leak(story.system()).facts == ("figure of clients",)


def test_a_count_of_which_nothing_is_known_is_safe():
    story = Story()
    story.count("clients", 4)
    story.hide("clients")
    assert not attacked(story.system()).leaks


def test_residents_bound_what_can_be_hidden_in_a_small_district():
    story = Story()
    story.count("clients", 4, high=8)
    story.hide("clients")
    leak = only_leak(story.system())
    assert (leak.low, leak.high, leak.facts) == (0, 8, ())


# Insiders


def test_who_is_alone_in_a_hidden_count_sees_the_other_one():
    found = attacked(districts([1, 14, 9, 30], shown=[1, 3]))
    assert not found.leaks
    leak, other = found.insider_leaks
    assert (leak.unknown, leak.insider, leak.low, leak.high) == ("district 2", "district 0", 9, 9)
    # Who is one of the nine knows that the other district is not the one with ten.
    assert (other.unknown, other.insider, other.low, other.high) == ("district 0", "district 2", 0, 9)
    system = districts([1, 14, 9, 30], shown=[1, 3])
    person = next(person for person in insiders(system) if person.name == "district 0")
    told = explain(system.with_insider(person), leak)
    assert set(told) == {
        "districts add up",
        "figure of municipality",
        "figure of district 1",
        "figure of district 3",
        "insider district 0",
    }


def test_who_is_counted_among_others_knows_that_there_is_one():
    story = Story()
    story.count("clients", 2, high=5)
    story.knowledge.hide("clients", 6)
    found = attacked(story.system())
    assert not found.leaks
    assert [(leak.low, leak.high) for leak in found.insider_leaks] == [(1, 5)]


def test_an_insider_who_contradicts_the_truth_is_refused():
    system = districts([3, 14, 30], shown=[2])
    liar = Insider("liar", (("district 0", 5, None),))
    with pytest.raises(ValueError, match="insider liar"):
        attack(system, [liar])
    assert Objection(CONTRADICTS_TRUTH, "liar", insider="liar") in check(system, attack(system).proof, [liar])


# Against everything that is possible


@st.composite
def small_systems(draw) -> System:
    """Two categories in two or three districts, with totals, some figures and at most one share."""
    story = Story()
    areas = range(draw(st.integers(2, 3)))
    for area in areas:
        for category in ("yes", "no"):
            story.count(f"{category} {area}", draw(st.integers(0, 3)), high=3)
        story.count(f"n {area}", story.truth[f"yes {area}"] + story.truth[f"no {area}"])
        story.knowledge.sum(f"categories of {area}", f"n {area}", [f"yes {area}", f"no {area}"])
    for category in ("yes", "no", "n"):
        story.count(f"{category} all", sum(story.truth[f"{category} {area}"] for area in areas))
        story.knowledge.sum(f"districts of {category}", f"{category} all", [f"{category} {area}" for area in areas])
    shown = draw(st.sets(st.sampled_from(sorted(story.truth))))
    story.show(*sorted(shown))
    if draw(st.booleans()) and story.truth["n all"]:
        share = (200 * story.truth["yes all"] + story.truth["n all"]) // (2 * story.truth["n all"])
        story.knowledge.quotient("share", "yes all", "n all", str(share))
    for name in sorted(story.truth):
        if name not in shown:
            story.knowledge.hide(name, draw(st.integers(2, 4)), draw(st.sampled_from([None, 2, 3])))
    return story.system()


def possible_worlds(system: System) -> list[dict[str, int]]:
    """Every world, by trying all values of the counts from which the others follow."""
    free = [unknown.name for unknown in system.unknowns if unknown.high is not None]
    areas = sorted({name.split()[1] for name in free})
    worlds = []
    for values in product(range(4), repeat=len(free)):
        world = dict(zip(free, values, strict=True))
        for area in areas:
            world[f"n {area}"] = world[f"yes {area}"] + world[f"no {area}"]
        for category in ("yes", "no", "n"):
            world[f"{category} all"] = sum(world[f"{category} {area}"] for area in areas)
        if all(within(system.total(row, world), *system.limits(row)) for fact in system.facts for row in fact.rows):
            worlds.append(world)
    return worlds


@settings(max_examples=40, deadline=None)
@given(small_systems())
def test_verdicts_are_those_of_trying_every_table(system):
    worlds = possible_worlds(system)
    found = attacked(system)
    leaks = {leak.unknown: leak for leak in found.leaks}
    for asked in system.protections:
        values = sorted({world[asked.unknown] for world in worlds})
        assert asked.is_met(values) == (asked.unknown not in leaks)
        if asked.unknown in leaks:
            leak = leaks[asked.unknown]
            assert (leak.low, leak.high) == (values[0], values[-1])
            assert leak.values is None or leak.values == tuple(values)
    insider_leaks = {(leak.insider, leak.unknown) for leak in found.insider_leaks}
    for person in insiders(system):
        believed = [
            world for world in worlds if all(within(world[name], low, high) for name, low, high in person.knows)
        ]
        for asked in system.protections:
            if asked.unknown not in leaks and asked.unknown not in person.sees_himself_in:
                met = asked.is_met(world[asked.unknown] for world in believed)
                assert met == ((person.name, asked.unknown) not in insider_leaks)


@settings(max_examples=15, deadline=None)
@given(small_systems())
def test_no_fact_of_an_explanation_can_be_missed(system):
    for leak in attack(system).leaks[:3]:
        if leak.values is not None and len(leak.values) != leak.high - leak.low + 1:
            continue
        told = [fact for fact in system.facts if fact.name in leak.facts]
        assert room(replace(system, facts=tuple(told)), leak.unknown) == (leak.low, leak.high)
        for left_out in told:
            fewer = tuple(fact for fact in told if fact is not left_out)
            assert room(replace(system, facts=fewer), leak.unknown) != (leak.low, leak.high)


@pytest.mark.parametrize("seed", range(4))
def test_verdicts_are_those_of_two_programs_per_count(seed):
    # Rows, columns and a third direction: fractional answers occur, so that whole numbers have to be searched.
    random = np.random.default_rng(seed)
    story = Story()
    values = random.integers(0, 12, (3, 3, 3))
    names = np.array([f"cell {at}" for at in range(27)]).reshape(3, 3, 3)
    for name, value in zip(names.ravel(), values.ravel(), strict=True):
        story.count(str(name), int(value))
    for axis in range(3):
        for at, (line, numbers) in enumerate(
            zip(np.moveaxis(names, axis, -1).reshape(9, 3), np.moveaxis(values, axis, -1).reshape(9, 3), strict=True)
        ):
            total = story.count(f"total {axis} {at}", int(numbers.sum()))
            story.knowledge.sum(f"line {axis} {at}", total, [str(name) for name in line])
            story.show(total)
    hidden = random.random(27) < 0.75
    story.show(*(str(name) for name in names.ravel()[~hidden]))
    story.hide(*(str(name) for name in names.ravel()[hidden]), at_least=None)
    system = story.system()
    found = {leak.unknown: leak for leak in attacked(system).leaks}
    for asked in system.protections:
        low, high = room(system, asked.unknown)
        if high - low + 1 < WIDTH:
            assert (found[asked.unknown].low, found[asked.unknown].high) == (low, high)
        elif asked.unknown in found:
            assert len(found[asked.unknown].values) < WIDTH


# The check


def test_planted_wrong_worlds_are_refused():
    system = districts([3, 14, 30], shown=[2])
    proof = attack(system).proof
    assert check(system, proof) == []
    place = system.position["district 0"]

    def planted(world: dict) -> list[Objection]:
        return check(system, replace(proof, worlds=(*proof.worlds, world)))

    assert planted({place: 4}) == [Objection(IMPOSSIBLE, "districts add up", len(proof.worlds))]
    assert planted({place: -1, system.position["district 1"]: 18})[0].name == "district 0"
    shown = system.position["district 2"]
    assert planted({shown: 31, place: 2}) == [Objection(IMPOSSIBLE, "figure of district 2", len(proof.worlds))]
    for malformed in ({place: 4.0}, {place: True}, {-1: 4}, {99: 4}, {"0": 4}):
        assert planted(malformed) == [Objection(MALFORMED, "", len(proof.worlds))]


def test_every_world_that_is_taken_away_or_spoilt_counts_for_nothing():
    system = districts([3, 14, 30], shown=[2])
    proof = attack(system).proof
    assert check(system, replace(proof, worlds=proof.worlds[:2])) == [Objection(NOT_PROTECTED, "district 0")]
    place = system.position["district 0"]
    spoilt = tuple({**world, place: world.get(place, 3) + 1} for world in proof.worlds)
    objections = check(system, replace(proof, worlds=spoilt))
    assert {objection.what for objection in objections} == {IMPOSSIBLE, NOT_PROTECTED}


def test_a_proof_of_another_system_is_refused():
    system = districts([3, 14, 30], shown=[2])
    other = districts([3, 14, 31], shown=[2])
    assert Objection(OTHER_SYSTEM, system.fingerprint) in check(other, attack(system).proof)


def test_lists_that_do_not_fit_together_are_no_proof():
    record = attack(districts([3, 14, 30], shown=[2])).proof.record()
    with pytest.raises(ValueError, match="do not fit"):
        Proof.load(record | {"values": record["values"][:-1]})
    with pytest.raises(TypeError):
        Proof.load(record | {"values": [float(value) for value in record["values"]]})


def test_published_figures_against_the_truth_stop_the_attack_without_telling_values():
    story = Story()
    story.count("clients", 7654)
    story.knowledge.figure("table 3", "clients", 7655)
    with pytest.raises(ValueError, match="table 3") as refusal:
        attack(story.system())
    assert "765" not in str(refusal.value)
    assert check(story.system(), Proof(story.system().fingerprint, ())) == [Objection(CONTRADICTS_TRUTH, "table 3")]


def test_the_check_needs_no_solver():
    code = (
        "import sys; import pipeline.disclosure.proof;"
        "sys.exit(any(name in sys.modules for name in ('highspy', 'scipy', 'numpy', 'pandas')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# What is told


def test_the_same_question_gets_the_same_answer():
    system = districts([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 90], shown=[12])
    people = insiders(system)
    assert attack(system, people) == attack(system, people)


def test_worlds_found_before_serve_when_new_sums_are_told():
    """A hidden sum of two half-years, and its sides, move with the half-year that was there before."""

    def told(pooled: bool) -> System:
        story = Story()
        for part, values in {"before": (3, 2, 1), "shown": (40, 20, 20), "other": (30, 16, 14)}.items():
            n, *sides = [story.count(f"{name} {part}", value) for name, value in zip("nab", values, strict=True)]
            story.knowledge.sum(f"sides {part}", n, sides)
            story.hide(n)
        story.count("municipality", 73)
        story.knowledge.sum("districts add up", "municipality", ["n before", "n shown", "n other"])
        story.show("municipality")
        if pooled:
            for name, now, both in (("n", 5, 8), ("a", 1, 3), ("b", 4, 5)):
                story.count(f"{name} now", now)
                story.count(f"{name} pooled", both)
                story.knowledge.sum(f"pooled {name}", f"{name} pooled", [f"{name} before", f"{name} now"])
                # a part is in more sums than their whole
                story.count(f"{name} beside", 20)
                story.count(f"{name} in all", now + 20)
                story.knowledge.sum(f"{name} add up", f"{name} in all", [f"{name} now", f"{name} beside"])
            story.knowledge.sum("sides now", "n now", ["a now", "b now"])
            story.knowledge.sum("sides pooled", "n pooled", ["a pooled", "b pooled"])
            story.hide("n pooled")
        return story.system()

    earlier, later = told(pooled=False), told(pooled=True)
    worlds = [
        {earlier.unknowns[place].name: value for place, value in world.items()}
        for world in attack(earlier).proof.worlds
    ]
    assert worlds
    again = attack(later, start=worlds)
    assert again.leaks == () and check(later, again.proof) == []
    found = [{later.unknowns[place].name: value for place, value in world.items()} for world in again.proof.worlds]
    for old, new in zip(worlds[:2], found[:2], strict=True):
        # it is there again, with what the sums then are
        assert new == old | {
            f"{name} pooled": old[f"{name} before"] + now for name, now in (("n", 5), ("a", 1), ("b", 4))
        }


def test_any_number_of_processes_gives_the_same_answer(monkeypatch):
    story = Story()
    for town in ("A", "B", "C"):
        names = [story.count(f"{town} {at}", value) for at, value in enumerate((3, 4, 7, 60))]
        story.count(town, 74)
        story.knowledge.sum(f"districts of {town}", town, names)
        story.show(town)
        story.hide(*names[:3])
    # of this town only one district is hidden
    story.show("C 1", "C 2", "C 3")
    alone = attacked(story.system())
    monkeypatch.setattr("pipeline.processes._cores", lambda: 2)
    monkeypatch.setattr("pipeline.processes._TRIED", 0)
    monkeypatch.setattr("pipeline.processes._WORTH_A_START", 0)
    assert attacked(story.system()) == alone
    # what was shown besides is out, and the last one follows
    assert [leak.unknown for leak in alone.leaks] == ["C 0", "C 1", "C 2"]


@pytest.mark.parametrize(
    ("tell", "error"),
    [
        (lambda story: story.knowledge.unknown("clients"), ValueError),
        (lambda story: story.show("clients", "clients"), ValueError),
        (lambda story: story.knowledge.figure("elsewhere", "unheard of", 1), ValueError),
        (lambda story: story.knowledge.unknown("without truth"), ValueError),
        (lambda story: story.knowledge.figure("half", "clients", 1.5), TypeError),
        (lambda story: story.knowledge.quotient("share", "clients", "clients", 33.3), TypeError),
        (lambda story: story.knowledge.quotient("share", "clients", "clients", "33.33333"), ValueError),
    ],
)
def test_what_cannot_be_meant_is_refused(tell, error):
    story = Story()
    story.count("clients", 4)
    with pytest.raises(error):
        tell(story)
        story.system()


# The size of the product


def history(half_years: int, small: int, large: int) -> Story:
    """Clients and who of them reached their goal, per half-year and since the start; small districts are hidden."""
    random = np.random.default_rng(1)
    story = Story()
    areas = [f"WK{at:02}" for at in range(small + large)]
    sides = ("reached", "not reached")
    for half_year in range(half_years):
        new = {}
        for at, area in enumerate(areas):
            low, high = (0, 6) if at < small else (15, 60)
            new |= {(area, side): int(random.integers(low, high)) for side in sides}
            new[area, "n"] = new[area, sides[0]] + new[area, sides[1]]
        new |= {("GM", count): sum(new[area, count] for area in areas) for count in (*sides, "n")}
        for kind in ("new", "since start"):
            for (area, count), value in new.items():
                before = story.truth.get(f"since start {area} {count} {half_year - 1}", 0)
                story.count(f"{kind} {area} {count} {half_year}", value + (before if kind == "since start" else 0))
            for area in [*areas, "GM"]:
                parts = [f"{kind} {area} {side} {half_year}" for side in sides]
                story.knowledge.sum(f"{kind} {area} sides {half_year}", f"{kind} {area} n {half_year}", parts)
            for count in (*sides, "n"):
                parts = [f"{kind} {area} {count} {half_year}" for area in areas]
                story.knowledge.sum(f"{kind} districts {count} {half_year}", f"{kind} GM {count} {half_year}", parts)
        for area, count in new:
            total = f"since start {area} {count} {half_year}"
            parts = [f"new {area} {count} {half_year}"]
            parts += [f"since start {area} {count} {half_year - 1}"] if half_year else []
            story.knowledge.sum(f"growth {area} {count} {half_year}", total, parts)
            if area not in areas[:small]:
                story.show(total)
            else:
                story.hide(
                    *(
                        name
                        for name in (parts[0], total)
                        if 0 < story.truth[name] < (PEOPLE if count == "n" else SMALL_SIDE)
                    ),
                    at_least=PEOPLE if count == "n" else SMALL_SIDE,
                )
    return story


def test_twelve_years_of_thirteen_districts_are_attacked_and_checked_in_seconds():
    system = history(24, small=5, large=8).system()
    found = attack(system)
    assert len(system.unknowns) == 2016
    assert len(system.protections) > 200
    assert not found.leaks
    # Worlds move many counts at once: far fewer than two per count are needed.
    assert len(found.proof.worlds) < len(system.protections) / 2
    assert check(system, found.proof) == []


def test_a_hidden_figure_that_was_put_back_by_hand_is_found_and_named():
    story = history(4, small=5, large=8)
    assert not attack(story.system()).leaks
    name = next(asked.unknown for asked in story.system().protections if asked.unknown.startswith("since start"))
    story.knowledge.figure("hand-edited file", name, story.truth[name])
    leaks = {leak.unknown: leak for leak in attacked(story.system()).leaks}
    assert leaks[name].facts == ("hand-edited file",)
    assert all("hand-edited file" in leak.facts for leak in leaks.values())


def test_a_total_that_was_put_back_is_found_with_what_it_is_subtracted_from():
    story = Story()
    names = [story.count(f"district {at}", value) for at, value in enumerate([3, 2, 40, 60])]
    story.count("municipality", 105)
    story.knowledge.sum("districts add up", "municipality", names)
    story.show("district 2", "district 3")
    story.hide("district 0", "district 1")
    assert not attacked(story.system()).leaks
    story.show("municipality")
    found = attacked(story.system())
    assert [(leak.unknown, leak.high) for leak in found.leaks] == [("district 0", 5), ("district 1", 5)]
    assert all("figure of municipality" in leak.facts for leak in found.leaks)
