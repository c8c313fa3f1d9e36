"""Pieces of work over processes: the same results, in the same order."""

from __future__ import annotations

import os
from operator import neg

import pytest

from pipeline.processes import spread

TASKS = list(range(100))


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    monkeypatch.setattr("pipeline.processes._cores", lambda: 2)


@pytest.mark.parametrize("worth", [0, 10_000])
def test_results_come_in_the_order_of_the_tasks(worth):
    told = []
    # large and small ones in turn, as they are started by size
    sizes = [each % 7 for each in TASKS]
    assert spread(neg, TASKS, sizes, worth, lambda done, of: told.append((done, of))) == [-each for each in TASKS]
    assert told == [(done, len(TASKS)) for done in range(1, len(TASKS) + 1)]


def test_little_work_stays_in_this_process():
    assert spread(_process, TASKS, [1] * len(TASKS), 101) == [os.getpid()] * len(TASKS)
    assert spread(_process, [1], [1000], 0) == [os.getpid()]


def test_much_work_goes_to_others():
    assert os.getpid() not in spread(_process, TASKS, [1] * len(TASKS), 100)


def _process(task: int) -> int:
    return os.getpid()
