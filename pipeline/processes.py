"""Independent pieces of work on all cores.

Belongs here: how work is spread over processes. Does not belong here: what the work is.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

# Seconds of work, as far as that can be told, that it takes to make the start of processes worth while.
_WORTH_A_START = 4.0
# Seconds of work that tell it.
_TRIED = 0.5
# A process takes so many small pieces at a time, so that none waits long for a large one.
_AT_A_TIME = 4
_FEW = 40


class Workers:
    """Processes, one per core, that start when there is enough work for them and end with the ``with`` statement."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def spread(
        self,
        work: Callable[[Task], Result],
        tasks: Sequence[Task],
        sizes: Sequence[int],
        report: Callable[[int, int], None] = lambda done, of: None,
    ) -> list[Result]:
        """Do pieces of work that have nothing to do with each other.

        The smallest are done here, until these tell that much is left: new processes take a second or two to start.

        Args:
            work: a function of a module; what goes in and comes out can be pickled.
            tasks: in any order.
            sizes: roughly what each costs, in any unit.
            report: told how many of how many are done.

        Returns:
            The results in the order of the tasks; the same on any number of cores.
        """
        left = sorted(range(len(tasks)), key=lambda at: -sizes[at])
        size_left = sum(sizes)
        found: dict[int, Result] = {}
        begin = time.monotonic()
        while left and not self._is_worth(time.monotonic() - begin, sum(sizes) - size_left, size_left, len(left)):
            at = left.pop()
            found[at] = work(tasks[at])
            size_left -= sizes[at]
            report(len(found), len(tasks))
        if left:
            if self._pool is None:
                # a fork would copy the threads of a running database half-way through what they do
                self._pool = ProcessPoolExecutor(_cores(), mp_context=multiprocessing.get_context("spawn"))
            # the largest first: they would keep one process busy at the end while the others have nothing left
            chunk = 1 if len(left) < _FEW else _AT_A_TIME
            for at, result in zip(left, self._pool.map(work, [tasks[at] for at in left], chunksize=chunk), strict=True):
                found[at] = result
                report(len(found), len(tasks))
        return [found[at] for at in range(len(tasks))]

    def _is_worth(self, seconds: float, size_done: int, size_left: int, tasks_left: int) -> bool:
        """Whether what is left is for processes, given what was done so far."""
        if _cores() == 1 or tasks_left < 2:
            return False
        is_much = seconds >= _TRIED and seconds * size_left >= _WORTH_A_START * size_done
        return self._pool is not None or is_much


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
