"""Many patterns at once, on all cores.

Belongs here: how problems are spread over processes. Does not belong here: how one is solved (pattern).
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from pipeline.disclosure.pattern import Pattern, cheapest_pattern
from pipeline.disclosure.problem import Problem

# A new process costs a second or two before it does anything: fewer cells than this are solved sooner without.
_WORTH_A_PROCESS = 4000
# one process takes so many small problems at a time, so that none waits long for a large one
_AT_A_TIME = 4


def cheapest_patterns(
    problems: Sequence[Problem], seconds_per_component: float, report: Callable[[int, int], None]
) -> list[Pattern]:
    """Solve problems that have nothing to do with each other.

    Args:
        problems: in any order.
        seconds_per_component: as in ``cheapest_pattern``.
        report: told how many of how many are done.

    Returns:
        Their patterns in the same order; the same on any number of cores.
    """
    solve = partial(cheapest_pattern, seconds_per_component=seconds_per_component)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    found: list[Pattern] = []
    if cores == 1 or sum(len(problem.cells) for problem in problems) < _WORTH_A_PROCESS:
        for problem in problems:
            found.append(solve(problem))
            report(len(found), len(problems))
        return found
    # the largest first: they would keep one process busy at the end while the others have nothing left
    order = sorted(range(len(problems)), key=lambda at: -len(problems[at].cells))
    # a fork would copy the threads of a running database half-way through what they do
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(cores, mp_context=context) as pool:
        for pattern in pool.map(solve, [problems[at] for at in order], chunksize=1 if len(order) < 40 else _AT_A_TIME):
            found.append(pattern)
            report(len(found), len(problems))
    place = {at: rank for rank, at in enumerate(order)}
    return [found[place[at]] for at in range(len(problems))]
