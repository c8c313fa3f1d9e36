"""A program for the tests of being killed: receives an inbox, and kills itself at a chosen moment.

    killed_intake.py HOME [MOMENT]

A moment is the number of a change to a file or folder under HOME (made, opened for writing, renamed, removed), counted
from 1, as Python's audit events report them. Without a moment it prints how many there were. A kill is SIGKILL: nothing
is cleaned up, no ``finally`` runs.
"""

import os
import signal
import sys
from pathlib import Path

from pipeline.deliveries.intake import find_deliveries, receive
from pipeline.settings import Settings

CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate")


def main(home: str, moment: int | None) -> None:
    count = 0

    def watch(event: str, arguments: tuple) -> None:
        nonlocal count
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if (event in CHANGES or writes) and str(arguments[0]).startswith(home):
            count += 1
            if count == moment:
                os.kill(os.getpid(), signal.SIGKILL)

    settings = Settings(home=Path(home), environment="test")
    sys.addaudithook(watch)
    for folder in find_deliveries(settings):
        receive(folder, settings)
    print(count)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else None)
