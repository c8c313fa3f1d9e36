"""The product over years, by its command: every half-year delivered, run and published, and then attacked.

Half-years come in turn, with the simulator's own corrections and a rejected delivery, one consortium that is late,
single clients who are taken out afterwards, and a release that is withdrawn. The attacker reads the files of all.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import worlds
from attacker import LABEL_READER, attack_as_everybody
from attacker_facts import Release, Truth, read_indicators, read_published

from pipeline.periods import HalfYear, between
from pipeline.settings import SEEDS

FIRST, HALF_YEARS = HalfYear(2019, 1), 12
LATE = ("go", FIRST.shift(4))
WITHDRAWN_AFTER = FIRST.shift(6)
# in these half-years the one before is corrected by so many clients
FEWER = {("tom", FIRST.shift(3)): 1, ("go", FIRST.shift(7)): 2, ("tom", FIRST.shift(9)): 3}
SCALE = "0.5"


def effectmonitor(home: Path, *arguments: str) -> str:
    """Run the command on an installation and return what it printed."""
    command = [sys.executable, "-m", "pipeline.cli", "--home", str(home), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def without_clients(newest: Path, many: int) -> None:
    """Deliver once more as the next version, without some clients."""
    target = newest.with_name(str(int(newest.name) + 1))
    shutil.copytree(newest, target)
    descriptor = json.loads((target / "datapackage.json").read_text())
    descriptor["version"] = int(target.name)
    forms = {each["name"]: each for each in descriptor["resources"]}

    def rewrite(name: str, keep) -> list[dict[str, str]]:
        form = forms[name]
        path = target / form["path"]
        encoding = {"utf-8": "utf-8-sig"}.get(form["encoding"], form["encoding"])
        with path.open(encoding=encoding, newline="") as handle:
            rows = list(csv.DictReader(handle, delimiter=form["dialect"]["delimiter"]))
        kept = [row for row in rows if keep(row)]
        with path.open("w", encoding=form["encoding"], newline="") as handle:
            writer = csv.DictWriter(handle, rows[0].keys(), delimiter=form["dialect"]["delimiter"])
            writer.writeheader()
            writer.writerows(kept)
        form["bytes"] = path.stat().st_size
        form["hash"] = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
        return rows

    clients = rewrite("clienten", lambda row: True)
    gone = {row["client_id"] for row in clients[10 : 10 + many]}
    for name in forms:
        with (target / forms[name]["path"]).open(encoding="latin-1") as handle:
            if "client_id" in handle.readline():
                rewrite(name, lambda row: row["client_id"] not in gone)
    (target / "datapackage.json").write_text(json.dumps(descriptor))


def deliver(staged: Path, inbox: Path, turn: HalfYear) -> None:
    """What arrives in a half-year's turn: its first versions, and later ones of the half-year before."""
    for version in sorted(staged.glob("*/20*-H*/*")):
        consortium, period = version.parts[-3], HalfYear.parse(version.parts[-2])
        later = version.name != "1" or (consortium, period) == LATE
        if period.shift(int(later)) == turn:
            shutil.copytree(version, inbox / version.relative_to(staged))
    for (consortium, when), many in FEWER.items():
        if when == turn:
            before = inbox / consortium / str(turn.shift(-1))
            without_clients(max(before.glob("*"), key=lambda path: int(path.name)), many)


@pytest.mark.slow
def test_nobody_is_found_in_what_the_product_published_over_the_years(tmp_path):
    home, staged = tmp_path / "home", tmp_path / "staged"
    last = FIRST.shift(HALF_YEARS - 1)
    effectmonitor(staged, "simulate", "--from", str(FIRST), "--to", str(last), "--scale", SCALE)
    for period in between(FIRST, last):
        deliver(staged / "inbox", home / "inbox", period)
        effectmonitor(home, "run")
        if period == WITHDRAWN_AFTER:
            newest = max(path.name for path in (home / "releases").glob("partners-*"))
            effectmonitor(home, "release", "withdraw", newest, "--by", "demo-approver", "--reason", "try")
    history = as_read(home)
    assert len(history) == HALF_YEARS
    assert sum("council" in release.published for release in history) > HALF_YEARS / 2
    registry = read_indicators(SEEDS / "indicators.csv")
    # that a figure is labelled as breaking a rule says that it does: docs/methods/disclosure.md
    outcomes = attack_as_everybody(history, registry, worlds.residents(), but=LABEL_READER)
    for reader, outcome in outcomes.items():
        assert outcome.secrets, reader
        assert (outcome.leaks, outcome.undecided, outcome.false) == ([], [], []), reader
    printed = effectmonitor(home, "audit")
    assert "not safe" not in printed


def as_read(home: Path) -> list[Release]:
    """The releases for partners as they left, each with the council's that left with it."""
    events = [json.loads(line) for line in (home / "ledger" / "chain.jsonl").read_text().splitlines()]
    history: list[Release] = []
    for event in events:
        if event["event"] == "published":
            folder = home / "releases" / event["release_id"]
            files = read_published(folder / "files" / "parquet")
            if event["audience"] == "partners":
                sealed = (
                    pd.read_parquet(folder / "sealed" / f"{name}.parquet") for name in ("true_count", "pool_member")
                )
                history.append(Release(Truth.from_counts(*sealed), {"partners": files}))
            else:
                last = history[-1]
                history[-1] = Release(last.truth, {**last.published, "council": files})
    return history
