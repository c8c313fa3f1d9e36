"""Retention: what is past its term goes, and what comes next is told. The terms are in ``seeds/retention.csv``.

Belongs here: what each dataset of that seed consists of, and when its term begins. Does not belong here: the terms
themselves, and the erasure of one person (``erasure.py``).

What an attacker may know is never removed: releases and the ledger of all that left stay for good. Nor does a version
go by the term of replaced rows while it counts. What is removed goes whole: the log of a delivery says so first, and
being killed in between is made good by the next time.
"""

from __future__ import annotations

import json
import re
import shutil
from calendar import monthrange
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from pipeline.deliveries.contract import load_contracts, read_seed
from pipeline.deliveries.inbox import finish_replacements, remove_from_inbox
from pipeline.deliveries.package import find_deliveries, has_arrived
from pipeline.deliveries.vault import (
    LOG,
    judged_versions,
    quarantine_path,
    read_log,
    receipt_folder,
    table_path,
    write_log,
)
from pipeline.deliveries.versions import stopped_counting
from pipeline.periods import HalfYear, day_of, now
from pipeline.settings import CONSORTIA, Settings
from pipeline.warehouse.connection import warehouse_lock

COLUMNS = ("dataset", "zone", "what", "term ends")

_TERM = re.compile(r"P(?=\d)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?")
_COMING_SHOWN = 20

_Place = tuple[str, str, int]


class RetentionError(ValueError):
    """``seeds/retention.csv`` cannot be followed; the message says which row and why."""


@dataclass(frozen=True)
class Rule:
    """A row of ``seeds/retention.csv``; without a term nothing is removed by time."""

    dataset: str
    zone: str
    term: str
    start_event: str
    basis: str
    reason: str


@dataclass(frozen=True)
class Item:
    """Something that goes as a whole.

    Attributes:
        rule: what it falls under.
        place: what it is, in words.
        due: the day on which its term is over.
        remove: removes it.
    """

    rule: Rule
    place: str
    due: date
    remove: Callable[[], None]


@dataclass(frozen=True)
class Report:
    """What retention did.

    Attributes:
        removed: what was removed; what would be, of a dry run.
        coming: what goes later, the first to go first.
        kept: the rules by which nothing is removed by time.
        is_dry: whether nothing was removed.
    """

    removed: tuple[Item, ...]
    coming: tuple[Item, ...]
    kept: tuple[Rule, ...]
    is_dry: bool


def apply_retention(settings: Settings, today: date, *, dry_run: bool = False) -> Report:
    """Remove everything of which the term is over.

    Args:
        settings: the installation.
        today: the day to judge by.
        dry_run: only say what would be removed.

    Raises:
        RetentionError: when the seed cannot be followed; nothing is removed then.
        WarehouseBusy: when a run holds the warehouse for too long.
    """
    rules = read_rules()
    with warehouse_lock(settings):
        if not dry_run:
            finish_replacements(settings)
        items = [
            Item(rule, place, end_of_term(start, rule.term), remove)
            for rule in rules
            if rule.term
            for place, start, remove in _DATASETS[rule.dataset][rule.start_event](settings)
        ]
        items.sort(key=lambda each: (each.due, each.rule.dataset, each.place))
        over = tuple(each for each in items if each.due <= today)
        for each in () if dry_run else over:
            each.remove()
    coming = tuple(each for each in items if each.due > today)
    return Report(over, coming, tuple(rule for rule in rules if not rule.term), dry_run)


def read_rules() -> tuple[Rule, ...]:
    """The rules of the seed, each of which can be followed.

    Raises:
        RetentionError: for a dataset, a start or a term that nobody knows, or a dataset without a rule.
    """
    rules = tuple(Rule(**row) for row in read_seed("retention"))
    for rule in rules:
        if not rule.term and not rule.start_event:
            continue
        if not _TERM.fullmatch(rule.term):
            raise RetentionError(f"seeds/retention.csv, {rule.dataset}: {rule.term!r} is no term like P1Y or P6M")
        if rule.start_event not in _DATASETS.get(rule.dataset, {}):
            known = ", ".join(_DATASETS.get(rule.dataset, {})) or "none: it is not removed by time"
            raise RetentionError(
                f"seeds/retention.csv, {rule.dataset}: the term cannot run from {rule.start_event!r}; known: {known}"
            )
    if missing := set(_DATASETS) - {rule.dataset for rule in rules}:
        raise RetentionError(f"seeds/retention.csv has no row for {', '.join(sorted(missing))}")
    return rules


def end_of_term(start: date, term: str) -> date:
    """The day on which a term is over; of 31 August and six months the last of February.

    Args:
        start: first day.
        term: duration of ISO 8601 in years, months, weeks and days.
    """
    years, months, weeks, days = (int(part or 0) for part in _TERM.fullmatch(term).groups())
    place = start.year * 12 + start.month - 1 + years * 12 + months
    year, month = place // 12, place % 12 + 1
    day = min(start.day, monthrange(year, month)[1])
    return date(year, month, day) + timedelta(weeks=weeks, days=days)


def as_rows(items: Sequence[Item]) -> list[tuple[str, str, str, str]]:
    """Items as rows under ``COLUMNS``."""
    return [(each.rule.dataset, each.rule.zone, each.place, str(each.due)) for each in items]


def retention_text(report: Report) -> str:
    """A report as lines for who asked."""
    verb = "would be removed" if report.is_dry else "removed"
    lines = [f"{len(report.removed)} {verb}", *(_line(each) for each in report.removed)]
    lines += ["", f"{len(report.coming)} to come" if report.coming else "nothing to come"]
    lines += [_line(each) for each in report.coming[:_COMING_SHOWN]]
    if len(report.coming) > _COMING_SHOWN:
        lines.append(f"  and {len(report.coming) - _COMING_SHOWN} later")
    lines += ["", f"not removed by time: {', '.join(rule.dataset for rule in report.kept)} (seeds/retention.csv)"]
    return "\n".join(lines)


def _line(item: Item) -> str:
    return f"  {item.due}  {item.rule.zone:<12}{item.rule.dataset:<20}{item.place}"


# --- what there is: in words, from which day its term runs, and how it goes ---

_Found = Iterator[tuple[str, date, Callable[[], None]]]


def _delivered_files(settings: Settings) -> _Found:
    for folder in find_deliveries(settings):
        place = (folder.consortium, folder.period, folder.version)
        if (entry := read_log(settings, *place)) and not folder.path.is_symlink():
            yield _named(place), day_of(entry.received_at), _removal(remove_from_inbox, folder.path)


def _stalled_deliveries(settings: Settings) -> _Found:
    for folder in find_deliveries(settings):
        place = (folder.consortium, folder.period, folder.version)
        if not folder.path.is_symlink() and read_log(settings, *place) is None and not has_arrived(folder):
            changed = max(_changed(path) for path in (folder.path, *folder.path.rglob("*")))
            yield _named(place), changed, _removal(remove_from_inbox, folder.path)


def _refused_rows(settings: Settings) -> _Found:
    for place in _judged(settings):
        folder = quarantine_path(settings, "any", *place).parent
        if folder.is_dir():
            yield _named(place), day_of(read_log(settings, *place).received_at), _removal(shutil.rmtree, folder)


def _replaced_rows(settings: Settings) -> _Found:
    for place, stopped in _stopped(settings):
        if stopped and _rows(settings, place):
            yield _named(place), day_of(stopped), _removal(_remove_rows, settings, place)


def _counting_rows_of_half_year(settings: Settings) -> _Found:
    for place, stopped in _stopped(settings):
        if stopped is None and _rows(settings, place):
            yield _named(place), HalfYear.parse(place[1]).ends_on, _removal(_remove_rows, settings, place)


def _counting_rows_of_consortium(settings: Settings) -> _Found:
    found = list(_counting_rows_of_half_year(settings))
    for consortium in CONSORTIA:
        mine = [each for each in found if each[0].split()[0] == consortium]
        last = max((ended for _, ended, _ in mine), default=None)
        yield from ((place, last, remove) for place, _, remove in mine)


def _receipts(settings: Settings) -> _Found:
    for place, stopped in _stopped(settings):
        folder = receipt_folder(settings, *place)
        if stopped and folder.is_dir():
            yield _named(place), day_of(stopped), _removal(shutil.rmtree, folder)


def _earlier_moments(settings: Settings) -> _Found:
    for folder in sorted((settings.home / "as_of").glob("*/")):
        changed = max(_changed(path) for path in (folder, *folder.glob("*.duckdb")))
        yield folder.name, changed, _removal(shutil.rmtree, folder)


def _audit_proofs(settings: Settings) -> _Found:
    by_audience: dict[str, list[tuple[str, dict]]] = {}
    for path in settings.releases.glob("*/release.json"):
        content = json.loads(path.read_text(encoding="utf-8"))
        by_audience.setdefault(content["audience"], []).append((content["created_at"], content))
    for made in by_audience.values():
        for created_at, content in sorted(made, key=lambda each: (each[0], each[1]["release_id"]))[:-1]:
            folder = settings.releases / content["release_id"] / "proof"
            if folder.is_dir():
                day = day_of(datetime.fromisoformat(created_at))
                yield content["release_id"], day, _removal(shutil.rmtree, folder)


_DATASETS: dict[str, dict[str, Callable[[Settings], _Found]]] = {
    "delivered_files": {"delivery_judged": _delivered_files},
    "stalled_deliveries": {"last_changed": _stalled_deliveries},
    "refused_rows": {"delivery_judged": _refused_rows},
    "replaced_rows": {"stopped_counting": _replaced_rows},
    "counting_rows": {
        "last_half_year_ended": _counting_rows_of_consortium,
        "half_year_ended": _counting_rows_of_half_year,
    },
    "receipts": {"stopped_counting": _receipts},
    "earlier_moments": {"computed": _earlier_moments},
    "audit_proofs": {"release_made": _audit_proofs},
}


def _removal(remove: Callable[..., None], *arguments: object) -> Callable[[], None]:
    return lambda: remove(*arguments)


def _remove_rows(settings: Settings, place: _Place) -> None:
    """The log says it first: figures of a moment at which the version counted cannot be computed from then on."""
    entry = read_log(settings, *place)
    if entry.removed_at is None:
        write_log(settings, *place, replace(entry, removed_at=now()))
    for path in _rows(settings, place):
        path.unlink()


def _rows(settings: Settings, place: _Place) -> list[Path]:
    paths = [table_path(settings, table, *place) for table in load_contracts()]
    return [path for path in paths if path.is_file()]


def _judged(settings: Settings) -> Iterator[_Place]:
    for folder in sorted((settings.vault / "deliveries" / LOG).glob("*/*/")):
        for version in sorted(judged_versions(settings, folder.parent.name, folder.name)):
            yield folder.parent.name, folder.name, version


def _stopped(settings: Settings) -> Iterator[tuple[_Place, datetime | None]]:
    for folder in sorted((settings.vault / "deliveries" / LOG).glob("*/*/")):
        for version, stopped in sorted(stopped_counting(settings, folder.parent.name, folder.name).items()):
            yield (folder.parent.name, folder.name, version), stopped


def _named(place: _Place) -> str:
    return f"{place[0]} {place[1]} v{place[2]}"


def _changed(path: Path) -> date:
    return day_of(datetime.fromtimestamp(path.stat().st_mtime, UTC))
