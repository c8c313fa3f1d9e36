"""A program for the tests of being killed: erases a client of tom, and kills itself at a chosen moment.

    killed_erasure.py HOME MOMENT < IDENTIFIER

A moment is the number of a change to a file or folder under HOME, as in ``killed_intake.py``; with 0 it is not killed
and prints how many there were.
"""

import os
import signal
import sys
from pathlib import Path

from killed_intake import CHANGES

from pipeline.deliveries.erasure import erase_person, person_of
from pipeline.settings import Settings


def main(home: str, moment: int) -> None:
    count = 0

    def watch(event: str, arguments: tuple) -> None:
        nonlocal count
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if (event in CHANGES or writes) and str(arguments[0]).startswith(home):
            count += 1
            if count == moment:
                os.kill(os.getpid(), signal.SIGKILL)

    settings = Settings(home=Path(home), environment="test")
    person = person_of(settings, "tom", sys.stdin.readline())
    sys.addaudithook(watch)
    erase_person(settings, person, "test")
    print(count)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
