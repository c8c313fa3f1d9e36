"""Small inboxes for tests that need real deliveries."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.periods import HalfYear
from pipeline.settings import Settings
from pipeline.simulation import simulate


@pytest.fixture
def make_inbox() -> Callable[[Settings], list[Path]]:
    """Fill an inbox with the deliveries of boost for 2023-H2 and 2024-H1, and return their folders."""

    def fill(settings: Settings) -> list[Path]:
        simulate(settings.inbox, HalfYear(2023, 2), HalfYear(2024, 1), scale=0.05, fault_share=0, corrections=False)
        for other in ("tom", "go"):
            shutil.rmtree(settings.inbox / other)
        return sorted(settings.inbox.glob("boost/*/1"))

    return fill
