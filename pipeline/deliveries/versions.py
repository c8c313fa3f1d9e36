"""Which versions arrived when: the rule for a correction of a half-year whose figures are final.

Belongs here: questions to the log over several versions. Does not belong here: one version's log (``vault.py``) or the
choice of the version that counts (``dbt_project/``).

A half-year is final once the first half of the next calendar year, or anything later, has been accepted from any
consortium; ``dim_period`` says the same of the published figures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow.parquet as pq

from pipeline.deliveries.findings import Finding
from pipeline.deliveries.package import Package
from pipeline.deliveries.vault import LOG, judged_versions, read_log
from pipeline.periods import HalfYear, day_of
from pipeline.settings import Settings

_COLUMNS = ["consortium", "period", "version", "status", "received_at"]
_ACCEPTED = ("accepted", "partially_accepted")


@dataclass(frozen=True, order=True)
class Arrival:
    """An accepted delivery version and the moment at which it came (UTC); ordered by that moment."""

    received_at: datetime
    consortium: str
    period: str
    version: int


def first_arrival(settings: Settings) -> datetime | None:
    """Moment at which the first delivery that was accepted came (UTC), None when there is none."""
    return min((each.received_at for each in _arrivals(settings)), default=None)


def made_final_by(settings: Settings, period: HalfYear) -> Arrival | None:
    """The delivery that made the figures of a half-year final, or None while they may still change freely."""
    first_of_next_year = HalfYear(period.year + 1, 1)
    later = (each for each in _arrivals(settings) if HalfYear.parse(each.period) >= first_of_next_year)
    return min(later, default=None)


def removed_then(settings: Settings, moment: datetime) -> str | None:
    """The first delivery that counted at a moment (UTC) and has lost its rows since; None when all are there."""
    counted: dict[tuple[str, str], Arrival] = {}
    for each in _arrivals(settings):
        place = (each.consortium, each.period)
        if each.received_at <= moment and (place not in counted or each.version > counted[place].version):
            counted[place] = each
    for each in sorted(counted.values(), key=lambda each: (each.consortium, each.period)):
        entry = read_log(settings, each.consortium, each.period, each.version)
        if entry.removed_at:
            return f"{each.consortium} {each.period} v{each.version}"
    return None


def stopped_counting(settings: Settings, consortium: str, period: str) -> dict[int, datetime | None]:
    """When each judged version of a half-year stopped counting (UTC); None for the one that still does.

    A version that was rejected never counted: for it the moment is that of its judgement.
    """
    entries = {
        version: read_log(settings, consortium, period, version)
        for version in judged_versions(settings, consortium, period)
    }
    stopped: dict[int, datetime | None] = {}
    for version, entry in entries.items():
        later = [each.received_at for other, each in entries.items() if other > version and each.status in _ACCEPTED]
        if entry.status not in _ACCEPTED:
            stopped[version] = entry.received_at
        else:
            # one that came after a higher version never counted either
            stopped[version] = max(min(later), entry.received_at) if later else None
    return stopped


def final_period_findings(settings: Settings, package: Package) -> list[Finding]:
    """What the rule for final half-years says of a delivery: that it is refused, a notice, or nothing.

    Only a correction is refused: the consortium has an accepted version from before the half-year became final. The
    first delivery of an old half-year, and a whole history that is received again, need no flag.

    Args:
        settings: the installation.
        package: a delivery that has not been judged yet.
    """
    folder = package.folder
    # most deliveries are first versions: only a correction needs the whole log
    earlier = list(_arrivals(settings, folder.consortium, folder.period))
    if not earlier and not package.correction_of_final:
        return []
    final = made_final_by(settings, folder.half_year)
    if final is None:
        return [_needless()] if package.correction_of_final else []
    if package.correction_of_final or not any(each < final for each in earlier):
        return []
    return [_refused(final)]


def _refused(final: Arrival) -> Finding:
    day = day_of(final.received_at)
    sentence = (
        "De cijfers van dit halfjaar zijn definitief sinds de levering van "
        f"{final.consortium} over {final.period} (versie {final.version}, ontvangen op {day:%d-%m-%Y}). Overleg eerst "
        "met de gemeente. Is de correctie afgesproken, zet dan in datapackage.json correction_of_final op true en "
        "lever opnieuw, met een hoger versienummer."
    )
    return Finding("delivery", "final_period", sentence)


def _needless() -> Finding:
    sentence = (
        "In datapackage.json staat correction_of_final op true, maar de cijfers van dit halfjaar zijn nog niet "
        "definitief. U kunt dit weglaten."
    )
    return Finding("notice", "final_period_flag", sentence)


def _arrivals(settings: Settings, consortium: str = "*", period: str = "*") -> Iterator[Arrival]:
    for path in sorted((settings.vault / "deliveries" / LOG).glob(f"{consortium}/{period}/v*.parquet")):
        yield from _accepted(path)


def _accepted(path: Path) -> list[Arrival]:
    rows = pq.read_table(path, columns=_COLUMNS, partitioning=None).to_pylist()
    return [
        Arrival(row["received_at"], row["consortium"], row["period"], row["version"])
        for row in rows
        if row["status"] in _ACCEPTED
    ]
