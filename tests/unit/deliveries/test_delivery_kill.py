"""Being killed at any moment of the intake, and running again, gives what an undisturbed run gives."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.settings import PROJECT_ROOT

PROGRAM = Path(__file__).with_name("killed_intake.py")
MOMENTS = 4  # in the quick suite; the slow one takes them all


def run(home: Path, moment: int | None = None) -> subprocess.CompletedProcess:
    command = [sys.executable, str(PROGRAM), str(home), *([str(moment)] if moment else [])]
    environment = os.environ | {"PYTHONPATH": str(PROJECT_ROOT)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def outcome_of(home: Path) -> dict[str, Any]:
    """All that was produced, without the moment at which it was."""
    found: dict[str, Any] = {}
    for path in sorted(home.rglob("*")):
        name = str(path.relative_to(home))
        if path.is_dir() or name.startswith("inbox/"):
            continue
        if path.suffix == ".parquet":
            table = pq.read_table(path, partitioning=None)
            found[name] = table.drop_columns([each for each in ("received_at",) if each in table.column_names])
        elif path.suffix == ".json":
            found[name] = json.loads(path.read_text()) | {"received_at": None}
        elif path.suffix in (".html", ".txt"):
            found[name] = None  # tells the moment in words, and otherwise what the JSON tells
        else:
            found[name] = path.read_bytes()
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> tuple[Path, dict[str, Any], int]:
    """An inbox with a correction and a rejected delivery, what comes of it, and how many moments there are."""
    from handmade_deliveries import Delivery, valid_tables

    home = tmp_path_factory.mktemp("kill") / "home"
    for consortium, version in (("boost", 1), ("boost", 2), ("go", 1)):
        delivery = Delivery(consortium, home / "inbox", tables=valid_tables(consortium), version=version)
        if (consortium, version) == ("boost", 2):
            delivery.tables["bezoek"][0]["bezoeken"] = "veel"
        if consortium == "go":
            del delivery.tables["clienten"]
        delivery.write()
    fresh = home.with_name("fresh")
    shutil.copytree(home, fresh)
    done = run(home)
    assert done.returncode == 0, done.stderr
    return fresh, outcome_of(home), int(done.stdout)


def check(undisturbed: tuple[Path, dict[str, Any], int], tmp_path: Path, moment: int) -> None:
    fresh, expected, _ = undisturbed
    home = tmp_path / f"home{moment}"
    shutil.copytree(fresh, home)
    assert run(home, moment).returncode == -signal.SIGKILL
    again = run(home)
    assert again.returncode == 0, again.stderr
    found = outcome_of(home)
    # rows of a killed run may lie in its scratch folder for a day, where nobody else can read them
    scratch = {name for name in found if name.startswith("work/")}
    assert found.keys() - scratch == expected.keys(), moment
    assert [name for name in expected if found[name] != expected[name]] == [], moment
    shutil.rmtree(home)


def test_a_run_killed_now_and_then_is_made_good(undisturbed, tmp_path):
    last = undisturbed[2]
    for number in range(MOMENTS):
        check(undisturbed, tmp_path, 1 + number * (last - 1) // (MOMENTS - 1))


@pytest.mark.slow
def test_a_run_killed_at_any_moment_is_made_good(undisturbed, tmp_path):
    for moment in range(1, undisturbed[2] + 1):
        check(undisturbed, tmp_path, moment)


def test_what_was_accepted_before_stays_as_it_is(undisturbed, tmp_path):
    fresh = undisturbed[0]
    home = tmp_path / "home"
    shutil.copytree(fresh, home)
    second = home / "inbox" / "boost" / "2024-H1" / "2"
    second.rename(tmp_path / "later")
    assert run(home).returncode == 0
    before = {name: path.read_bytes() for path in (home / "vault").rglob("v1.parquet") if (name := str(path))}
    (tmp_path / "later").rename(second)
    assert run(home, 12).returncode == -signal.SIGKILL
    assert {name: Path(name).read_bytes() for name in before} == before
