"""Simulated half-years and deliveries that the tests of this folder look at; made once."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from pipeline.periods import HalfYear, between
from pipeline.simulation import SimulationSummary, World, simulate


@pytest.fixture(scope="session")
def history() -> dict[tuple[str, str], pd.DataFrame]:
    """Everything delivered over 2018-H1 to 2026-H1 at full size, without faults; column ``period`` added."""
    world = World(seed=1)
    parts: dict[tuple[str, str], list[pd.DataFrame]] = {}
    for period in between(HalfYear(2018, 1), HalfYear(2026, 1)):
        world.advance_to(period)
        for consortium in world.delivering():
            for name, table in world.tables(consortium).items():
                parts.setdefault((consortium, name), []).append(pd.DataFrame(table).assign(period=str(period)))
    return {key: pd.concat(frames, ignore_index=True) for key, frames in parts.items()}


@pytest.fixture(scope="session")
def sent(tmp_path_factory: pytest.TempPathFactory) -> SimulationSummary:
    """Deliveries over 2022-H2 to 2023-H2, smaller; one of them rejected and some corrected."""
    inbox: Path = tmp_path_factory.mktemp("simulated") / "inbox"
    return simulate(inbox, HalfYear(2022, 2), HalfYear(2023, 2), scale=0.4, fault_share=0.008)
