"""The ledger: every value that ever left, and what happened to every release, in a chain that shows any change.

Belongs here: writing an event, reading events and published values back, and finding out whether somebody changed them.
Does not belong here: when a release may go from one state to the next (publication), or what an attacker makes of it.

``ledger/chain.jsonl`` has one line per event and is only ever added to; each line carries the hash of the line before
it. ``ledger/values/<release>.parquet`` holds what a published release showed; its hash stands in the line. Nothing in
it is confidential: it repeats what has left.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from pipeline.periods import now
from pipeline.publication.marts_file import SCHEMA, open_marts
from pipeline.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

PUBLISHED = "published"
# before the first line
BEGINNING = "0" * 64
_CHUNK = 1 << 20
# what a fact table calls the thing that it counts, and the counts and figures of it that can leave
_FACTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "fct_indicator": ("indicator_code", ("n", "numerator", "value")),
    "fct_indicator_pooled": ("indicator_code", ("n", "numerator", "value")),
    "fct_life_domain": (
        "life_domain_code",
        ("n", "improved", "stable", "worsened", "low_share", "goal_attainment"),
    ),
}
_KEY = ("table_name", "consortium_code", "code", "district_code", "period", "pooled_over")
_VALUE_COLUMNS = (*_KEY, "column_name", "value", "is_pending", "is_rounded", "delivery_status")
_STATUSES = ("status", "low_status", "goal_status")


class LedgerError(RuntimeError):
    """The ledger cannot be read or added to; the message says what is wrong with it and what to do."""


@dataclass(frozen=True)
class Entry:
    """One line of the chain.

    Attributes:
        number: 1 for the first line, one more for each next one.
        at: UTC, ISO 8601, without zone.
        event: what happened to the release: ``candidate``, ``approved``, ``published``, ``superseded``, ``withdrawn``
            or ``restored`` (put back in place; nothing new leaves).
        release_id: name of the release.
        audience: ``partners`` or ``council``.
        by: who did it.
        reason: in that person's words; None when it needs none.
        values_file: file under ``ledger/values/`` with what left; only of ``published``.
        values_sha256: hash of that file.
        pattern_hash: hash over which figures the release shows and hides; None when no marts file came with the event.
        previous: hash of the line before this one.
        hash: over all fields above, so over the whole chain up to here.
    """

    number: int
    at: str
    event: str
    release_id: str
    audience: str
    by: str
    reason: str | None
    values_file: str | None
    values_sha256: str | None
    pattern_hash: str | None
    previous: str
    hash: str


def entries(settings: Settings) -> list[Entry]:
    """All events, oldest first; those until then for an installation at an earlier moment.

    Args:
        settings: the installation.

    Raises:
        LedgerError: when a line cannot be read, or the last one was cut off.
    """
    found = [_entry(text, number, settings) for number, text in enumerate(_lines(settings), start=1)]
    if settings.as_of is None:
        return found
    return [each for each in found if datetime.fromisoformat(each.at) <= settings.as_of]


def append(
    settings: Settings,
    event: str,
    release_id: str,
    audience: str,
    by: str,
    reason: str | None = None,
    marts_file: Path | None = None,
) -> Entry:
    """Add an event to the chain; once this returns, it is on the disk.

    Of ``published`` the values file is written first: a kill between file and line leaves a file that nothing speaks
    of, and the next try replaces it. A kill during the line leaves a line that every reader refuses.

    Args:
        settings: the installation.
        event: see ``Entry``.
        release_id: name of the release.
        audience: ``partners`` or ``council``.
        by: who did it.
        reason: in that person's words.
        marts_file: ``marts.duckdb`` of the release; needed for ``published``.

    Raises:
        LedgerError: when the chain is broken, the release was published before, or the installation is one at an
            earlier moment, which only reads.
    """
    if settings.as_of:
        raise LedgerError("figures of an earlier moment are no release: nothing of them goes into the ledger")
    with _locked(settings):
        known = entries(settings)
        values_file, values_hash = None, None
        if event == PUBLISHED:
            if marts_file is None:
                raise LedgerError(f"{release_id} cannot be written as published without its marts file")
            if any(each.event == PUBLISHED and each.release_id == release_id for each in known):
                raise LedgerError(f"{release_id} has been published before; the ledger says that once")
            values_file = f"{release_id}.parquet"
            values_hash = _write_values(_values_folder(settings) / values_file, marts_file)
        open_line = {
            "number": len(known) + 1,
            "at": now().isoformat(timespec="seconds"),
            "event": event,
            "release_id": release_id,
            "audience": audience,
            "by": by,
            "reason": reason,
            "values_file": values_file,
            "values_sha256": values_hash,
            "pattern_hash": pattern_hash(marts_file) if marts_file else None,
            "previous": known[-1].hash if known else BEGINNING,
        }
        entry = Entry(**open_line, hash=_line_hash(open_line))
        _append_line(_chain(settings), json.dumps(asdict(entry), ensure_ascii=False))
        return entry


def verify(settings: Settings) -> list[str]:
    """Whether the ledger is as it was written: every line, their order, every values file, every release in it.

    Lines at the end that were removed show by what they left behind: a release or a signature that the chain does not
    know. Who rewrites the chain as a whole is found by the signatures (``pipeline.publication.approval``), which hold
    its hash.

    Args:
        settings: the installation.

    Returns:
        What is wrong, as sentences; empty when the chain holds.
    """
    try:
        texts = _lines(settings)
    except LedgerError as error:
        return [str(error)]
    problems: list[str] = []
    known: list[Entry] = []
    previous = BEGINNING
    for number, text in enumerate(texts, start=1):
        try:
            entry = _entry(text, number, settings)
        except LedgerError as error:
            return [*problems, str(error)]
        known.append(entry)
        if entry.number != number:
            problems.append(
                f"line {number} of the ledger says that it is number {entry.number}: a line was removed or put in"
            )
        if entry.previous != previous:
            problems.append(
                f"line {number} of the ledger does not follow on the line before it: history was changed there"
            )
        if _line_hash({name: value for name, value in asdict(entry).items() if name != "hash"}) != entry.hash:
            problems.append(f"line {number} of the ledger ({entry.release_id}, {entry.event}) was changed")
        previous = entry.hash
    for entry in known:
        if entry.event == PUBLISHED:
            problems += _values_problems(settings, entry)
    return problems + _left_behind(settings, known)


def published_values(settings: Settings, audiences: Sequence[str] | None = None) -> pd.DataFrame:
    """Every value that ever left, also by a release that was withdrawn.

    Args:
        settings: the installation; at an earlier moment, what had left by then.
        audiences: only what left for these; for all when None.

    Returns:
        One row per value: table_name, consortium_code, code (indicator or life domain), district_code, period,
        pooled_over ('' when not pooled), column_name, value, is_pending, is_rounded, delivery_status (of the period in
        that release), number (of the event, so in order of time), release_id, audience, at.

    Raises:
        LedgerError: when the chain cannot be read, or a values file is gone or was changed.
    """
    import pandas as pd

    parts = []
    for entry in entries(settings):
        if entry.event != PUBLISHED or (audiences is not None and entry.audience not in audiences):
            continue
        if problems := _values_problems(settings, entry):
            raise LedgerError(problems[0])
        frame = pd.read_parquet(_values_folder(settings) / str(entry.values_file))
        if "is_rounded" not in frame:
            # it left before anything was rounded
            frame.insert(frame.columns.get_loc("delivery_status"), "is_rounded", False)
        parts.append(
            frame.assign(number=entry.number, release_id=entry.release_id, audience=entry.audience, at=entry.at)
        )
    if parts:
        return pd.concat(parts, ignore_index=True)
    return pd.DataFrame(columns=[*_VALUE_COLUMNS, "number", "release_id", "audience", "at"])


def pattern_hash(marts_file: Path) -> str:
    """A hash over which figures a marts file shows, hides and keeps waiting; it tells no figure.

    Args:
        marts_file: ``marts.duckdb`` of a release.

    Returns:
        64 hexadecimal characters.
    """
    digest = hashlib.sha256()
    with open_marts(marts_file) as marts:
        for table in _facts(marts):
            present = _columns(marts, table)
            code, _ = _FACTS[table]
            wanted = ["consortium_code", code, "district_code", "period", "pooled_over", *_STATUSES, "is_pending"]
            names = [name for name in wanted if name in present]
            digest.update(repr((table, names)).encode())
            relation = marts.execute(f"select {', '.join(names)} from {SCHEMA}.{table} order by all")
            while rows := relation.fetchmany(10_000):
                digest.update(repr(rows).encode())
    return digest.hexdigest()


@contextmanager
def _locked(settings: Settings) -> Iterator[None]:
    settings.ledger.mkdir(parents=True, exist_ok=True)
    with (settings.ledger / "chain.lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _chain(settings: Settings) -> Path:
    return settings.ledger / "chain.jsonl"


def _values_folder(settings: Settings) -> Path:
    return settings.ledger / "values"


def _lines(settings: Settings) -> list[str]:
    path = _chain(settings)
    if not path.is_file():
        return []
    content = path.read_bytes()
    if content and not content.endswith(b"\n"):
        raise LedgerError(
            f"the last line of {path} was cut off while it was written. What it says has not happened: "
            "remove that line, the text after the last line end, and run again"
        )
    # splitlines() would also cut at marks that people type in a reason
    return content.decode().split("\n")[:-1]


def _entry(text: str, number: int, settings: Settings) -> Entry:
    try:
        read = json.loads(text)
        return Entry(**{field.name: read.pop(field.name) for field in fields(Entry)}, **read)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise LedgerError(f"line {number} of {_chain(settings)} cannot be read: it was changed") from None


def _line_hash(line: Mapping[str, object]) -> str:
    text = json.dumps(line, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _append_line(path: Path, text: str) -> None:
    is_new = not path.exists()
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        content = f"{text}\n".encode()
        if os.write(handle, content) != len(content):
            raise LedgerError(f"{path} could not be added to: is the disk full? The line that was cut off must go")
        os.fsync(handle)
    finally:
        os.close(handle)
    if is_new:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_values(path: Path, marts_file: Path) -> str:
    """Write what a marts file shows, whole or not at all, and return the hash of the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    with open_marts(marts_file) as marts:
        selects = [_shown(marts, table) for table in _facts(marts)]
        target = str(beside).replace("'", "''")
        marts.execute(f"copy ({' union all '.join(selects)} order by all) to '{target}' (format parquet)")
    with beside.open("rb") as handle:
        os.fsync(handle.fileno())
    beside.replace(path)
    _sync_folder(path.parent)
    return _file_hash(path)


def _facts(marts: duckdb.DuckDBPyConnection) -> list[str]:
    rows = marts.execute("select table_name from duckdb_tables() where schema_name = ?", [SCHEMA]).fetchall()
    found = [table for table in _FACTS if (table,) in rows]
    if "fct_indicator" not in found or ("dim_period",) not in rows:
        raise LedgerError("a marts file without fct_indicator or dim_period is no release")
    return found


def _columns(marts: duckdb.DuckDBPyConnection, table: str) -> set[str]:
    return {row[0] for row in marts.execute(f"describe {SCHEMA}.{table}").fetchall()}


def _shown(marts: duckdb.DuckDBPyConnection, table: str) -> str:
    """The query for all that a fact table shows, one row per value."""
    code, counts = _FACTS[table]
    present = _columns(marts, table)
    # the council's figures are rounded to fives and never wait
    marks = ", ".join(
        f"coalesce({mark}, false) as {mark}" if mark in present else f"false as {mark}"
        for mark in ("is_pending", "is_rounded")
    )
    pooled_over = "coalesce(pooled_over, '')" if table == "fct_indicator_pooled" else "''"
    return " union all ".join(
        f"select '{table}' as table_name, consortium_code, {code} as code, district_code, period, "
        f"{pooled_over} as pooled_over, '{count}' as column_name, {count}::double as value, "
        f"{marks}, dim_period.delivery_status "
        f"from {SCHEMA}.{table} left join {SCHEMA}.dim_period using (period) where {count} is not null"
        for count in counts
        if count in present
    )


def _file_hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while part := handle.read(_CHUNK):
            digest.update(part)
    return digest.hexdigest()


def _values_problems(settings: Settings, entry: Entry) -> list[str]:
    path = _values_folder(settings) / f"{entry.release_id}.parquet"
    if entry.values_file != path.name:
        return [f"line {entry.number} of the ledger does not name the values of {entry.release_id}"]
    if not path.is_file():
        return [f"the values that left with {entry.release_id} are gone: put {path} back from a copy"]
    if _file_hash(path) != entry.values_sha256:
        return [f"the values that left with {entry.release_id} were changed: put {path} back from a copy"]
    return []


def _left_behind(settings: Settings, known: Sequence[Entry]) -> list[str]:
    """Releases and signatures that the chain does not know: it is written before them, so lines were removed."""
    made = {entry.release_id for entry in known}
    approved = {entry.release_id for entry in known if entry.event == "approved"}
    records = sorted(path.parent.name for path in settings.releases.glob("[!.]*/release.json"))
    signatures = sorted(path.stem for path in settings.approvals.glob("[!.]*.json"))
    return [
        f"the ledger does not know {name}, which lies in {settings.releases}: lines were removed"
        for name in records
        if name not in made
    ] + [
        f"the ledger does not know that {name} was approved, but it is signed: lines were removed"
        for name in signatures
        if name not in approved
    ]
