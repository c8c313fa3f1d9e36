"""Signs of fabrication: single patterns, teams of known honesty, impossible times."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.reliability import fabrication
from pipeline.reliability.comparison import benjamini_hochberg

NAN = np.nan
# Four or five of five for two thirds, or a five for nearly half, of the answers; alpha about .87.
DISCERNING, SATISFIED = (-1.75, -1.1, -0.45, 0.45), (-2.0, -1.5, -0.9, 0.05)


def honest(rng, n, *, items=10, cuts=DISCERNING, shift=0.0, loading=0.65):
    """Interviews with one factor; the shift moves a team's clients or its interviewer's hand."""
    answers = loading * (rng.standard_normal((n, 1)) + shift) + np.sqrt(1 - loading**2) * rng.standard_normal(
        (n, items)
    )
    return np.digitize(answers, cuts) + 1.0


def partly_copied(rng, answers, share=0.3, changed=1):
    """Replace a share of the interviews by others of the team with so many answers changed."""
    n, items = answers.shape
    answers = answers.copy()
    copies = rng.choice(n, round(share * n), replace=False)
    originals = np.setdiff1d(np.arange(n), copies)
    answers[copies] = answers[rng.choice(originals, len(copies))]
    for row in copies:
        for item in rng.choice(items, changed, replace=False):
            answers[row, item] = rng.choice([score for score in range(1, 6) if score != answers[row, item]])
    return answers


def world(seed, *, sizes=(40, 81), teams=13, copying=1, rho=0.03, **how):
    """Answers and teams; the first ``copying`` teams copied."""
    rng = np.random.default_rng(seed)
    # A shift of the factor that gives the answers this correlation within teams.
    spread = np.sqrt(rho / (1 - rho)) / 0.65
    made = [honest(rng, rng.integers(*sizes), shift=spread * rng.standard_normal(), **how) for _ in range(teams)]
    made[:copying] = [partly_copied(rng, answers) for answers in made[:copying]]
    return np.concatenate(made), np.repeat([f"team {number:02}" for number in range(teams)], [len(m) for m in made])


def alarms(worlds, copying=1, **how):
    """Share of honest teams and of copying teams with a signal."""
    found = [fabrication.near_duplicates(*world(seed, copying=copying, **how))["signal"] for seed in range(worlds)]
    honest_ones = np.mean([signal[copying:] for signal in found])
    return honest_ones, np.mean([signal[:copying] for signal in found]) if copying else 1.0


def test_copying_teams_are_found_and_honest_ones_left_alone():
    false, power = alarms(10)
    assert false <= 0.02
    assert power >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize(
    "how",
    [
        {},
        {"sizes": (40, 41)},
        {"sizes": (80, 81), "cuts": SATISFIED},
        {"cuts": SATISFIED},
        {"rho": 0.06},
        {"rho": 0.1},
        {"items": 12},
        {"items": 20},
        {"loading": 0.5},
        {"copying": 5},
        {"teams": 3},
        {"teams": 40, "copying": 1},
        {"teams": 13, "copying": 0},
    ],
    ids=str,
)
def test_false_alarms_and_power_over_many_worlds(how):
    false, power = alarms(100, **how)
    assert false <= 0.02
    assert power >= 0.9


def test_a_satisfied_team_is_no_suspect():
    rng = np.random.default_rng(11)
    made = [honest(rng, 60) for _ in range(12)] + [honest(rng, 60, shift=1.2)]
    found = fabrication.near_duplicates(np.concatenate(made), np.repeat(range(13), 60))
    happy = found.set_index("team").loc[12]
    # The published rule of 85 % would accuse it: far more of its interviews are alike than those of the others.
    assert happy["alike"] > 2 * found["alike"].median()
    assert not happy["signal"]


def test_the_result_is_the_same_for_the_same_seed_and_any_order_of_rows():
    answers, team = world(5, teams=6)
    order = np.random.default_rng(0).permutation(len(team))
    first, again = (fabrication.near_duplicates(answers, team) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    turned = fabrication.near_duplicates(answers[order], team[order])
    pd.testing.assert_frame_equal(first, turned)
    part, turned = (fabrication.near_duplicates(answers[at], team[at], at_most=30) for at in (slice(None), order))
    pd.testing.assert_frame_equal(part, turned)


def test_alike_means_at_most_one_answer_different_within_the_team():
    answers = [[1, 2, 3, 4], [1, 2, 3, 5], [1, 2, 4, 4], [5, 5, 5, 5], [1, NAN, 3, 4], [5, 5, 5, 5]]
    team = ["a", "a", "b", "a", "a", "b"]
    near = fabrication.near_duplicates(answers, team)
    assert near["team"].to_list() == ["a", "b"]
    # The first of team a resembles the second and the fifth, and the last has its match in the other team only.
    assert near["alike"].to_list() == [0.75, 0.0]
    assert fabrication.near_duplicates(answers, team, different=0)["alike"].to_list() == [0.0, 0.0]
    assert near["p_value"].isna().all()
    assert not near["signal"].any()


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(1, 3), min_size=4, max_size=4), min_size=2, max_size=30))
def test_alike_by_sorting_is_alike_by_comparing_every_two(answers):
    answers = np.array(answers, dtype=float)
    apart = (answers[:, None] != answers[None]).sum(axis=2) + 9 * np.eye(len(answers))
    team = np.full(len(answers), "one")
    for different in (0, 1):
        found = fabrication.near_duplicates(answers, team, different=different)["alike"].item()
        assert found == pytest.approx((apart.min(axis=1) <= different).mean())
    assert np.allclose(fabrication.nearest_match(answers, team), 1 - apart.min(axis=1) / 4)


def test_teams_of_one_and_interviews_without_a_team():
    answers, team = world(2, teams=4)
    team = team.astype(object)
    team[:3] = None
    team[3] = "alone"
    found = fabrication.near_duplicates(answers, team).set_index("team")
    assert found["interviews"].sum() == len(answers) - 3
    assert np.isnan(found.loc["alone", "p_value"])
    assert np.isnan(fabrication.nearest_match(answers, team)[3])
    empty = fabrication.near_duplicates(np.empty((0, 10)), [])
    assert empty.empty
    assert list(empty) == list(found.reset_index())


def test_of_a_large_team_a_part_is_compared_and_told():
    answers, team = world(3, teams=4)
    found = fabrication.near_duplicates(answers, team, at_most=30)
    assert (found["compared"] == 30).all()
    assert (found["interviews"] >= 40).all()


def test_refused_arguments():
    for how in ({"different": 2}, {"draws": 99}, {"level": 0}, {"at_most": 5000}):
        with pytest.raises(ValueError, match=r"compared|draws|level"):
            fabrication.near_duplicates([[1, 2]], ["a"], **how)
    with pytest.raises(ValueError, match="as many teams"):
        fabrication.near_duplicates([[1, 2]], ["a", "b"])
    with pytest.raises(ValueError, match="two dimensions"):
        fabrication.long_string([1, 2, 3])


@pytest.mark.slow
def test_a_million_interviews_take_less_than_a_minute():
    import time

    rng = np.random.default_rng(1)
    answers = np.concatenate([honest(rng, 100_000) for _ in range(10)])
    team = rng.integers(0, 300, len(answers))
    started = time.process_time()
    fabrication.near_duplicates(answers, team)
    assert time.process_time() - started < 60


def test_long_string():
    answers = [[3, 3, 3, 4, 4], [1, 2, 1, 2, 1], [5, 5, NAN, 5, 5], [NAN] * 5, [4] * 5]
    assert fabrication.long_string(answers).tolist() == [3, 1, 2, 0, 5]


def test_irv_divides_by_one_less():
    found = fabrication.irv([[1, 2, 3, 4, 5], [4, 4, 4, 4, 4], [1, NAN, 5, NAN, NAN], [3, NAN, NAN, NAN, NAN]])
    assert found[:3] == pytest.approx([np.sqrt(2.5), 0, np.sqrt(8)])
    assert np.isnan(found[3])


def test_more_marks_than_peers_allows_for_what_a_team_shares_anyway():
    n = np.full(13, 60)
    marked = np.full(13, 6)
    marked[0] = 40
    found = fabrication.more_than_peers(marked, n)
    assert found[0] < 1e-6
    assert found[1:].min() > 0.05
    assert fabrication.more_than_peers([0, 0], [10, 10]).tolist() == [1, 1]
    assert np.isnan(fabrication.more_than_peers([1, 0], [10, 0])).all()
    with pytest.raises(ValueError, match="1 teams have more marked"):
        fabrication.more_than_peers([11, 1], [10, 10])


def test_long_strings_of_honest_teams_raise_few_alarms():
    rng = np.random.default_rng(12)
    signals = []
    for _ in range(60):
        answers = [honest(rng, 60, shift=0.27 * rng.standard_normal()) for _ in range(13)]
        marked = [(fabrication.long_string(team) >= 8).sum() for team in answers]
        signals.append(benjamini_hochberg(fabrication.more_than_peers(marked, [60] * 13)) <= 0.01)
    assert np.mean(signals) <= 0.02


def interviews(*rows):
    """Interviews of (interviewer, start, end), the day taken from the start."""
    table = pd.DataFrame(rows, columns=["interviewer", "started_at", "ended_at"])
    table["started_at"], table["ended_at"] = (pd.to_datetime(table[name]) for name in ("started_at", "ended_at"))
    return table.assign(taken_on=table["started_at"].dt.normalize())


def faults(table, **how):
    """Which interviews have which fault, in the first half of 2024 as seen on 10 June."""
    days = (pd.Timestamp(day) for day in ("2024-01-01", "2024-06-30", "2024-06-10"))
    found = fabrication.timing_faults(table, *days, **how)
    return {name: found.index[found[name]].to_list() for name in found if found[name].any()}


def test_times_that_cannot_be():
    table = interviews(
        ("a", "2024-03-01 10:00", "2024-03-01 10:30"),
        ("a", "2024-03-01 12:00", "2024-03-01 11:30"),
        ("b", "2024-06-11 10:00", "2024-06-11 10:30"),
        ("b", "2023-12-31 10:00", "2023-12-31 10:30"),
        ("b", "2024-03-01 10:00", "2024-03-01 10:09"),
        ("b", "2024-03-02 10:00", "2024-03-02 10:10"),
    )
    assert faults(table) == {"ends_before_start": [1], "in_future": [2], "outside_half_year": [3], "too_short": [4]}


def test_overlap_is_of_one_interviewer_and_the_end_may_be_the_next_start():
    table = interviews(
        ("a", "2024-03-01 10:00", "2024-03-01 12:00"),
        ("a", "2024-03-01 10:10", "2024-03-01 10:40"),
        ("a", "2024-03-01 11:30", "2024-03-01 12:10"),
        ("a", "2024-03-01 12:10", "2024-03-01 12:40"),
        ("b", "2024-03-01 10:00", "2024-03-01 10:30"),
        (None, "2024-03-01 10:00", "2024-03-01 10:30"),
        (None, "2024-03-01 10:00", "2024-03-01 10:30"),
    ).sample(frac=1, random_state=1)
    assert sorted(faults(table)["overlaps"]) == [0, 1, 2]


def test_too_many_on_one_day():
    day = [("a", f"2024-03-01 {hour:02}:00", f"2024-03-01 {hour:02}:30") for hour in range(7, 20)]
    table = interviews(*day, ("b", "2024-03-01 10:00", "2024-03-01 10:30"), (None, "2024-03-01 10:00", None))
    assert faults(table) == {"too_many_that_day": list(range(13))}
    assert faults(table.drop(index=0)) == {}


def test_what_is_not_known_is_no_fault():
    table = pd.DataFrame(
        {"interviewer": ["a", None], "started_at": [pd.NaT] * 2, "ended_at": [pd.NaT] * 2, "taken_on": [pd.NaT] * 2}
    )
    assert faults(table) == {}
    assert faults(table.iloc[:0]) == {}
