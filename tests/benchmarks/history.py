"""`make bench-disclosure`: protection and audit of a full history, and of one half-year on top of it.

Twenty-four half-years of all consortia on the real districts. Measured are

- everything at once, as if nothing had left yet: the protection of all half-years, and the audit of both releases;
- the last half-year on top of a published history: the decision, which keeps what is unchanged, and the audit.

The baseline is what dbt takes to make the cells of the same half-years. Nothing here asserts; tests never measure time.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table
from run import STEPS, measured

from pipeline.periods import HalfYear
from pipeline.settings import Settings

_HALF_YEARS = 24
_CELLS, _PROTECTION = "warehouse: staging to cells", "disclosure: first protection"
# from deliveries to what is to be protected
_BEFORE = (
    "simulate",
    "deliveries: intake",
    "monitors: load",
    _CELLS,
    "reliability: surveys",
    "reliability: ratings and change",
    "reliability: verdicts",
)


def _release(settings: Settings, *_: object) -> int:
    """A candidate for each audience."""
    from pipeline.publication.release import WAREHOUSE_SCHEMAS, make_release

    return sum(sum(make_release(settings, audience)[0].rows.values()) for audience in WAREHOUSE_SCHEMAS)


def _audit(settings: Settings, *_: object) -> int:
    """The hidden counts that were attacked; a release that is not safe is told."""
    from pipeline.disclosure.audit import audit_release, newest
    from pipeline.publication.release import WAREHOUSE_SCHEMAS

    attacked = 0
    for audience in WAREHOUSE_SCHEMAS:
        verdict = audit_release(settings, newest(settings, audience))
        if not verdict.is_safe:
            raise SystemExit(f"{verdict.release_id} is not safe: {verdict.sentences()[0]}")
        attacked += verdict.protected
    return attacked


def _publish(settings: Settings, *_: object) -> int:
    from pipeline.publication.life import publish_waiting
    from pipeline.publication.release import WAREHOUSE_SCHEMAS

    return len([publish_waiting(settings, audience) for audience in WAREHOUSE_SCHEMAS])


def _forget(settings: Settings, *_: object) -> int:
    """As if nothing had left yet."""
    gone = (settings.releases, settings.ledger, settings.approvals, settings.published)
    for folder in gone:
        shutil.rmtree(folder, ignore_errors=True)
    return len(gone)


def main() -> None:
    """Run every step in a process of its own and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--half-years", type=int, default=_HALF_YEARS)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    chosen = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 120)
    steps = dict(STEPS)
    after = (("marts", steps["warehouse: marts"]), ("releases", _release), ("audit", _audit))
    plan = [("history", name, steps[name]) for name in _BEFORE]
    plan += [("history", "protection", steps[_PROTECTION])]
    plan += [("history", name, step) for name, step in after] + [("history", "publish", _publish)]
    plan += [("one more", name, steps[name]) for name in _BEFORE]
    plan += [("one more", "protection", steps[_PROTECTION])]
    plan += [("one more", name, step) for name, step in after]
    plan += [("all at once", "forget what left", _forget), ("all at once", "protection", steps[_PROTECTION])]
    plan += [("all at once", name, step) for name, step in after]
    first = HalfYear(2015, 1)
    found: dict[str, dict[str, float]] = {}
    with TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder), environment="test")
        for part, name, step in plan:
            last = first.shift(chosen.half_years - (2 if part == "history" else 1))
            with console.status(f"{part}: {name}"):
                found[f"{part}: {name}"] = measured(step, (settings, chosen.scale, first, last))
            console.print(f"{part}: {name}: {found[f'{part}: {name}']['seconds']:.1f} s")
    baseline = found[f"one more: {_CELLS}"]["seconds"]
    table = Table(title=f"{chosen.half_years} half-years from {first}, scale {chosen.scale:g}", title_justify="left")
    for heading in ("step", "seconds", "of the cells", "peak MB", "items"):
        table.add_column(heading, justify="left" if heading == "step" else "right")
    for name, each in found.items():
        each["ratio"] = each["seconds"] / baseline
        table.add_row(
            name, f"{each['seconds']:.1f}", f"{each['ratio']:.2f}", f"{each['megabytes']:.0f}", f"{each['items']:,}"
        )
    console.print(table)
    whole = sum(found[f"all at once: {name}"]["seconds"] for name in ("protection", "audit"))
    console.print(
        f"protection and audit of all {chosen.half_years} half-years: {whole:.1f} s; decision on one more:"
        f" {found['one more: protection']['seconds']:.1f} s"
    )
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
