"""Erasing a person: from inbox, quarantine, vault and warehouse, and a log of it that tells nothing of the person.

Belongs here: what is removed in which order, and the log. Does not belong here: rows of files (``blanking.py``), the
inbox (``inbox.py``) and the rebuilding of the figures, which any run does.

A person is what one consortium calls ``client_id``: all rows with it go, in every table and every version. Interviews
and answers carry no ``client_id``: nothing in them leads to a person. What is made from the rows goes first (warehouse,
places of earlier moments, scratch), so that an erasure that was interrupted is finished by the same command again.

There is no list of erased people, not even as keyed hashes: it would be a register of exactly those who asked to be
forgotten. Who is delivered again after an erasure is therefore back; the consortium has to remove the person too.
"""

from __future__ import annotations

import json
import os
import shutil
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import TypeVar

import duckdb
import pyarrow.parquet as pq

from pipeline.deliveries.blanking import CLIENT, Person, client_columns
from pipeline.deliveries.contract import Contract, consortium_name, contracts_for
from pipeline.deliveries.findings import TableCount
from pipeline.deliveries.headings import BLANK
from pipeline.deliveries.inbox import FolderRows, Left, blank_in_inbox, find_in_inbox, finish_replacements
from pipeline.deliveries.judge import UNSOUND
from pipeline.deliveries.parsing import literal
from pipeline.deliveries.pseudonyms import pseudonym
from pipeline.deliveries.vault import (
    LOG,
    judged_versions,
    quarantine_path,
    read_log,
    table_path,
    write_log,
    write_query,
)
from pipeline.periods import now
from pipeline.settings import Settings
from pipeline.warehouse.connection import warehouse_lock

STARTED, FINISHED = "started", "finished"
INBOX, VAULT, QUARANTINE = "inbox", "vault", "quarantine"

_T = TypeVar("_T")


@dataclass(frozen=True)
class _File:
    """A Parquet file with rows of the person."""

    path: Path
    zone: str
    table: str
    period: str
    version: int
    rows: int


@dataclass(frozen=True)
class Found:
    """All rows of a person; it holds no identifier.

    Attributes:
        consortium: who delivered them.
        files: Parquet files of vault and quarantine.
        folders: folders of the inbox.
        left: what somebody has to look at.
    """

    consortium: str
    files: tuple[_File, ...]
    folders: tuple[FolderRows, ...]
    left: tuple[Left, ...]

    @property
    def rows(self) -> dict[str, dict[str, int]]:
        """Rows per zone and table."""
        counts: dict[str, Counter[str]] = {}
        for file in self.files:
            counts.setdefault(file.zone, Counter())[file.table] += file.rows
        for folder in self.folders:
            counts.setdefault(INBOX, Counter()).update(folder.rows)
        return {zone: dict(sorted(tables.items())) for zone, tables in sorted(counts.items())}

    @property
    def versions(self) -> list[tuple[str, int]]:
        """Half-year and version of every delivery that holds the person."""
        found = {(file.period, file.version) for file in self.files}
        found |= {(each.delivery.period, each.delivery.version) for each in self.folders if each.delivery}
        return sorted(found)

    def __bool__(self) -> bool:
        return bool(self.files or self.folders)


class ErasureError(ValueError):
    """An erasure cannot begin or go on; the message holds nothing of the person."""


@dataclass(frozen=True)
class Erased:
    """What an erasure did.

    Attributes:
        found: the rows that were found, and are removed now.
        rebuild: whether the figures have to be rebuilt: rows were removed, now or by an erasure that was interrupted.
        was_interrupted: whether the erasure before it had not ended.
    """

    found: Found
    rebuild: bool
    was_interrupted: bool


def erase_person(settings: Settings, person: Person, by: str, confirm: Callable[[int], None] | None = None) -> Erased:
    """Erase a person from everything but the published figures, which the next run rebuilds.

    Args:
        settings: the installation.
        person: whom to erase.
        by: who does it, for the log.
        confirm: called with the number of rows before anything is removed; what it raises stops the erasure.

    Raises:
        ErasureError: when it stops half-way; the same command finishes it.
        WarehouseBusy: when a run holds the warehouse for too long.
    """
    with warehouse_lock(settings):
        was_interrupted = unfinished(settings, person.consortium)
        found = _safely(lambda: find_person(settings, person))
        if not found and not was_interrupted:
            return Erased(found, False, False)
        if found and confirm:
            confirm(sum(sum(tables.values()) for tables in found.rows.values()))
        _safely(lambda: erase(settings, person, found, by))
        return Erased(found, True, was_interrupted)


def erasure_text(erased: Erased) -> str:
    """What was done, as sentences for who did it."""
    found = erased.found
    name = consortium_name(found.consortium)
    if found:
        half_years = ", ".join(sorted({period for period, _ in found.versions})) or "no half-year"
        lines = [f"Removed from {len(found.versions)} delivery versions of {name} ({half_years}):"]
        lines += [
            f"  {zone:<12}{table:<18}{count:>8} rows"
            for zone, tables in found.rows.items()
            for table, count in tables.items()
        ]
    else:
        lines = [f"Nothing of this person was found in what {name} delivered."]
        if erased.was_interrupted:
            lines.append(
                "An earlier erasure had been interrupted. If it was of this person it has ended now; if it was of "
                "another, give that one again."
            )
    lines += [f"Left, {each.place}: {each.reason}" for each in found.left]
    if erased.rebuild:
        lines += [
            "Interviews and answers carry no client_id: nothing in them leads to this person, and they stay.",
            f"Ask {name} to remove the person too: who is in a later delivery is back.",
            "Backups of before today still hold the person.",
        ]
    return "\n".join(lines)


def person_of(
    settings: Settings, consortium: str, identifier: str | None = None, pseudonym_hex: str | None = None
) -> Person:
    """The person that an identifier or a pseudonym stands for.

    Args:
        settings: the installation.
        consortium: who delivered the person.
        identifier: as the consortium writes it; blanks around it do not count.
        pseudonym_hex: as in the vault, instead of the identifier.

    Raises:
        ErasureError: when neither is right.
        SettingsError: when there is no pseudonym key.
    """
    key = settings.pseudonym_key(consortium)
    if pseudonym_hex is not None:
        text = pseudonym_hex.strip(BLANK).lower()
        if len(text) != 64 or set(text) - set("0123456789abcdef"):
            raise ErasureError("a pseudonym has 64 hexadecimal digits")
        return Person(consortium, key, text)
    text = (identifier or "").strip(BLANK)
    if not text:
        raise ErasureError("there is no identifier: nothing was looked for")
    return Person(consortium, key, pseudonym(key, CLIENT, text), text)


def find_person(settings: Settings, person: Person) -> Found:
    """Look for a person in inbox, vault and quarantine. Changes nothing but what an interrupted erasure left behind.

    Args:
        settings: the installation; the caller holds the warehouse's lock.
        person: whom to look for.
    """
    finish_replacements(settings)
    folders, left = find_in_inbox(settings, person)
    return Found(person.consortium, tuple(_find_rows(settings, person)), tuple(folders), tuple(left))


def erase(settings: Settings, person: Person, found: Found, by: str) -> None:
    """Remove all rows that were found, and all that was made from them.

    Args:
        settings: the installation; the caller holds the warehouse's lock.
        person: whom to erase.
        found: what ``find_person`` found under the same lock.
        by: who does it, for the log.
    """
    number = _write_event(settings, STARTED, found, by)
    remove_derived(settings)
    with duckdb.connect() as connection:
        connection.execute("set variable person = ?", [person.pseudonym])
        for file in found.files:
            columns = client_columns(contracts_for(person.consortium)[file.table])
            kept = " and ".join(f"\"{name}\" is distinct from getvariable('person')" for name in columns)
            write_query(connection, f"select * from {_source(file.path)} where {kept}", file.path)
    _renew_counts(settings, person.consortium)
    for folder in found.folders:
        blank_in_inbox(settings, folder)
    _write_event(settings, FINISHED, found, by, number)


def remove_derived(settings: Settings) -> None:
    """Remove the warehouse and all else that is made from rows: any run makes it again.

    A table that is only rebuilt would leave its old pages in the file.

    Args:
        settings: the installation; the caller holds the warehouse's lock.
    """
    shutil.rmtree(settings.home / "as_of", ignore_errors=True)
    shutil.rmtree(settings.home / "work", ignore_errors=True)
    for path in settings.home.glob(f"{settings.warehouse.name}*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for zone in (settings.vault / "deliveries", settings.quarantine):
        for path in zone.rglob(".*.part"):  # of a write that was interrupted
            path.unlink()


def unfinished(settings: Settings, consortium: str) -> bool:
    """Whether the last erasure of a consortium began and did not end."""
    events = [each for each in read_erasures(settings) if each["consortium"] == consortium]
    return bool(events) and events[-1]["event"] == STARTED


def read_erasures(settings: Settings) -> list[dict]:
    """The log of erasures, oldest first."""
    if not settings.erasure_log.is_file():
        return []
    lines = settings.erasure_log.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.endswith("}")]  # a torn line is of a write that was interrupted


def _safely(step: Callable[[], _T]) -> _T:
    try:
        return step()
    except Exception as error:
        # the words of the error may repeat a row; its kind and its place cannot
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
        raise ErasureError(f"the erasure stopped ({place}); when that is mended, give the same command again") from None


# --- the rows ---


def _find_rows(settings: Settings, person: Person) -> Iterator[_File]:
    """One pass over the clients' column of every Parquet file of the consortium."""
    with duckdb.connect() as connection:
        for table, contract in _client_tables(person.consortium).items():
            places = {
                VAULT: (settings.vault / "deliveries" / table / person.consortium).glob("*/v*.parquet"),
                QUARANTINE: (settings.quarantine / person.consortium).glob(f"*/v*/{table}.parquet"),
            }
            for zone, paths in places.items():
                yield from _find_in(connection, zone, contract, sorted(paths), person)


def _find_in(
    connection: duckdb.DuckDBPyConnection, zone: str, contract: Contract, paths: Sequence[Path], person: Person
) -> Iterator[_File]:
    if not paths:
        return
    columns = client_columns(contract)
    condition = " or ".join(f'"{name}" = $person' for name in columns)
    rows = connection.execute(
        f"select filename, any_value(period), any_value(version), count(*) "
        f"from read_parquet($paths, filename = true, union_by_name = true, hive_partitioning = false) "
        f"where {condition} group by filename order by filename",
        {"paths": [str(path) for path in paths], "person": person.pseudonym},
    ).fetchall()
    for name, period, version, count in rows:
        yield _File(Path(name), zone, contract.table, period, version, count)


def _client_tables(consortium: str) -> dict[str, Contract]:
    return {table: contract for table, contract in contracts_for(consortium).items() if client_columns(contract)}


def _source(path: Path) -> str:
    return f"read_parquet({literal(str(path))}, hive_partitioning = false)"


def _renew_counts(settings: Settings, consortium: str) -> None:
    """Let the log of every version say how many rows there are now; what was changed is marked.

    The statistics with which the next delivery is compared stay: they say what was delivered, in counts.
    """
    for folder in sorted((settings.vault / "deliveries" / LOG / consortium).glob("*")):
        for version in judged_versions(settings, consortium, folder.name):
            place = (consortium, folder.name, version)
            entry = read_log(settings, *place)
            tables = {
                table: _renewed(settings, table, place, TableCount(*counts)) for table, counts in entry.tables.items()
            }
            renewed = {table: astuple(each) for table, each in tables.items()}
            if renewed != entry.tables:
                write_log(settings, *place, replace(entry, tables=renewed, erased_at=now()))


def _renewed(settings: Settings, table: str, place: tuple[str, str, int], count: TableCount) -> TableCount:
    accepted, refused, unsound = count.accepted, count.refused, count.unsound
    if accepted and (path := table_path(settings, table, *place)).is_file():
        accepted = pq.read_metadata(path).num_rows
    if refused and (path := quarantine_path(settings, table, *place)).is_file():
        refused = pq.read_metadata(path).num_rows
        if refused != count.refused and unsound is not None:
            said = pq.read_table(path, columns=["findings"], partitioning=None).column("findings").to_pylist()
            unsound = sum(any(rule.rpartition(": ")[2] in UNSOUND for rule in each.split("; ")) for each in said)
    received = count.received - (count.accepted - accepted) - (count.refused - refused)
    return TableCount(received, accepted, refused, unsound)


# --- the log ---


def _write_event(settings: Settings, event: str, found: Found, by: str, number: int | None = None) -> int:
    """Add a line to the log, in one write. It holds counts and half-years, and nothing of the person."""
    number = number or max((each["number"] for each in read_erasures(settings)), default=0) + 1
    content = {
        "number": number,
        "at": now().isoformat(timespec="seconds") + "Z",
        "event": event,
        "consortium": found.consortium,
        "by": by,
        "rows": found.rows,
        "delivery_versions": len(found.versions),
        "half_years": sorted({period for period, _ in found.versions}),
        "left_to_look_at": len(found.left),
    }
    settings.erasure_log.parent.mkdir(parents=True, exist_ok=True)
    with settings.erasure_log.open("ab+") as handle:
        handle.seek(0, os.SEEK_END)
        torn = b""
        if handle.tell():
            handle.seek(-1, os.SEEK_END)
            torn = b"" if handle.read(1) == b"\n" else b"\n"
        handle.write(torn + json.dumps(content, ensure_ascii=False).encode() + b"\n")
        handle.flush()
        os.fsync(handle.fileno())
    return number
