"""What every test shares: a clean environment, and an installation of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.settings import Settings

os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
os.environ["GX_ANALYTICS_ENABLED"] = "false"
_OURS = (
    "EFFECTMONITOR_HOME",
    "EFFECTMONITOR_ENVIRONMENT",
    "EFFECTMONITOR_KEYS",
    "EFFECTMONITOR_PEOPLE",
    "EFFECTMONITOR_MAKER",
    "EFFECTMONITOR_MUCH_HIDDEN",
    "EFFECTMONITOR_ODATA",
    "EFFECTMONITOR_BY",
    "DAGSTER_HOME",
)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the developer's own installation."""
    for name in _OURS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An empty installation."""
    return Settings(home=tmp_path / "home", environment="test")
