"""Independent pieces of work on all cores.

Belongs here: how work is spread over processes. Does not belong here: what the work is.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

# A process takes so many small pieces at a time, so that none waits long for a large one.
_AT_A_TIME = 4
_FEW = 40


def spread(
    work: Callable[[Task], Result],
    tasks: Sequence[Task],
    sizes: Sequence[int],
    worth: int,
    report: Callable[[int, int], None] = lambda done, of: None,
) -> list[Result]:
    """Do pieces of work that have nothing to do with each other.

    Args:
        work: a function of a module, what goes in and comes out can be pickled.
        tasks: in any order.
        sizes: roughly what each costs, in any unit.
        worth: from this size in all it pays to start processes, which takes a second or two.
        report: told how many of how many are done.

    Returns:
        The results in the order of the tasks; the same on any number of cores.
    """
    cores = _cores()
    found: list[Result] = []
    if cores == 1 or len(tasks) < 2 or sum(sizes) < worth:
        for task in tasks:
            found.append(work(task))
            report(len(found), len(tasks))
        return found
    # the largest first: they would keep one process busy at the end while the others have nothing left
    order = sorted(range(len(tasks)), key=lambda at: -sizes[at])
    # a fork would copy the threads of a running database half-way through what they do
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(cores, len(tasks)), mp_context=context) as pool:
        chunk = 1 if len(tasks) < _FEW else _AT_A_TIME
        for result in pool.map(work, [tasks[at] for at in order], chunksize=chunk):
            found.append(result)
            report(len(found), len(tasks))
    place = {at: rank for rank, at in enumerate(order)}
    return [found[place[at]] for at in range(len(tasks))]


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
