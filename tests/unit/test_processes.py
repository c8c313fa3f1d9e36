"""Pieces of work over processes: the same results, in the same order."""

from __future__ import annotations

import os
import time

import pytest

from pipeline.processes import Workers

TASKS = list(range(100))
SIZES = [1 + each % 7 for each in TASKS]


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    monkeypatch.setattr("pipeline.processes._cores", lambda: 2)


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr("pipeline.processes._TRIED", 0)
    monkeypatch.setattr("pipeline.processes._WORTH_A_START", 0)


def told(task: int) -> tuple[int, int]:
    return task, os.getpid()


def slow(task: int) -> int:
    time.sleep(0.05)
    return os.getpid()


def test_results_come_in_the_order_of_the_tasks(at_once):
    reports = []
    with Workers() as workers:
        found = workers.spread(told, TASKS, SIZES, lambda done, of: reports.append((done, of)))
    assert [task for task, _ in found] == TASKS
    assert os.getpid() not in {process for _, process in found}
    assert reports == [(done, len(TASKS)) for done in range(1, len(TASKS) + 1)]


def test_little_work_stays_in_this_process():
    with Workers() as workers:
        assert workers.spread(told, TASKS, SIZES) == [(task, os.getpid()) for task in TASKS]


def test_a_single_piece_stays_in_this_process(at_once):
    with Workers() as workers:
        assert workers.spread(told, [1], [1000]) == [(1, os.getpid())]


def test_what_is_left_goes_to_others_once_it_is_seen_to_be_much():
    with Workers() as workers:
        first = workers.spread(slow, TASKS, [1] * len(TASKS))
        # the smallest are done here, and tell how much is left: more than four seconds
        assert os.getpid() in first and len(set(first)) > 1
        # processes that are there are used
        assert os.getpid() not in workers.spread(slow, TASKS[:8], [1] * 8)


def test_a_failure_is_told_and_leaves_no_process(at_once):
    with pytest.raises(ZeroDivisionError), Workers() as workers:
        workers.spread(inverse, TASKS, SIZES)


def inverse(task: int) -> float:
    return 1 / task
