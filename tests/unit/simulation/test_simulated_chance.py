"""Streams of chance, days and identifiers."""

from __future__ import annotations

import re
from datetime import date

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.simulation.chance import as_days, day_number, identifiers, on_workday, pick, stream


@given(
    numbers=st.lists(st.integers(0, 200**4 - 1), min_size=2, max_size=50, unique=True),
    seed=st.integers(0, 10**6),
    consortium=st.sampled_from(["tom", "go", "boost"]),
)
def test_different_numbers_are_different_identifiers(numbers: list[int], seed: int, consortium: str) -> None:
    made = identifiers(seed, consortium, "C", np.array(numbers))
    assert len(set(made)) == len(numbers)


@given(numbers=st.lists(st.integers(0, 200**4 - 1), min_size=1, max_size=50), seed=st.integers(0, 10**6))
def test_an_identifier_cannot_be_taken_for_a_number_of_a_person(numbers: list[int], seed: int) -> None:
    for text in identifiers(seed, "tom", "C", np.array(numbers)):
        assert re.fullmatch(r"C-(\d[b-df-hj-np-tv-xz]){4}", text)


def test_a_client_number_says_nothing_about_the_other_consortium() -> None:
    numbers = np.arange(5000)
    assert not set(identifiers(1, "tom", "C", numbers)) & set(identifiers(1, "go", "C", numbers))


def test_a_stream_depends_on_seed_and_subject_only() -> None:
    drawn = stream(1, "tom", "scores", 3).random(5)
    assert (drawn == stream(1, "tom", "scores", 3).random(5)).all()
    assert (drawn != stream(2, "tom", "scores", 3).random(5)).all()
    assert (drawn != stream(1, "tom", "scores", 4).random(5)).all()
    assert (drawn != stream(1, "go", "scores", 3).random(5)).all()


@given(day=st.dates(date(2015, 1, 1), date(2030, 1, 1)), slack=st.integers(0, 3))
def test_a_weekend_becomes_the_friday_before_unless_that_is_too_early(day: date, slack: int) -> None:
    moved = as_days(on_workday(np.array([day_number(day)]), day_number(day) - slack))[0].item()
    too_early = day.weekday() - 4 > slack
    if day.weekday() < 5 or too_early:
        assert moved == day
    else:
        assert moved.weekday() == 4
        assert 0 < (day - moved).days <= 2


def test_pick_follows_the_weights() -> None:
    drawn = pick(stream(1, "pick"), np.tile([0.0, 3.0, 0.0, 1.0], (20_000, 1)))
    assert set(drawn) == {1, 3}
    assert abs((drawn == 1).mean() - 0.75) < 0.02
