"""What a release is: which inputs, which figures, when, for whom, in which state; and how a candidate is made.

Belongs here: making a candidate, and reading releases and their states. Does not belong here: approval and signatures
(approval.py), publishing and withdrawing (life.py), the files themselves (marts_file.py).

What a release holds stands in its ``release.json``, which never changes. What happened to it, and by whom, stands in
the ledger alone: that is where a later change of who made or approved something shows.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import duckdb

from pipeline.disclosure.ledger import append, entries, pattern_hash, verify
from pipeline.periods import now
from pipeline.publication.checks import release_problems
from pipeline.publication.marts_file import MARTS_FILE, OwnTable, content_hash, mart_tables, swap_in, write_files
from pipeline.publication.people import DEMO_PEOPLE, maker
from pipeline.publication.revisions import carried_table, revision_table
from pipeline.settings import PROJECT_ROOT, Settings
from pipeline.warehouse.connection import open_warehouse

PARTNERS = "partners"
COUNCIL = "council"
# where the protected tables of each audience lie in the warehouse
WAREHOUSE_SCHEMAS = {PARTNERS: "marts", COUNCIL: "council"}
_RECORD = "release.json"
# put back in place is published, after another one was withdrawn
_STATES = {
    "candidate": "candidate",
    "approved": "approved",
    "published": "published",
    "restored": "published",
    "superseded": "superseded",
    "withdrawn": "withdrawn",
}
_SEALED = {
    "true_count": ("disclosure", "true_count"),
    "pool_member": ("reliability", "pooled_member"),
    "pooled_status": ("disclosure", "pooled_status"),
}
_COLUMNS: Mapping[str, tuple[str, str]] = {
    "release_id": ("varchar", "Name of the release, audience and number"),
    "audience": ("varchar", "For whom: partners or council"),
    "period": ("varchar", "Latest half-year with data in the release"),
    "created_at": ("timestamp", "When the release was made, UTC"),
    "made_by": ("varchar", "Who made the release"),
    "inputs": ("varchar", "Delivery versions and monitor vintages that it was computed from, as JSON"),
    "code_version": ("varchar", "Version of the software that computed it"),
    "state": (
        "varchar",
        "published (the one to read), superseded (a later one took its place), withdrawn (not to be used) or candidate "
        "(not published yet)",
    ),
    "approved_by": ("varchar", "Who approved the release, never its maker; NULL for a candidate"),
    "published_at": ("timestamp", "When it was first published, UTC; NULL for a candidate"),
    "content_hash": ("varchar", "Hash over all figures of the release"),
}


class ReleaseError(RuntimeError):
    """A release cannot be made, approved or withdrawn; the message says what is missing."""


@dataclass(frozen=True)
class Release:
    """One release, as it was made.

    Attributes:
        release_id: audience and number, as in ``partners-0003``.
        audience: ``partners`` or ``council``.
        period: latest half-year with data.
        created_at: UTC, ISO 8601.
        made_by: who made it.
        inputs: delivery versions and monitor vintages, as JSON.
        code_version: version of this software.
        content_hash: hash over all figures.
        pattern_hash: hash over which figures are shown and hidden.
        rows: rows per table.
        files: hash of each file of it, by its path in the release's folder.
    """

    release_id: str
    audience: str
    period: str
    created_at: str
    made_by: str
    inputs: str
    code_version: str
    content_hash: str
    pattern_hash: str
    rows: dict[str, int]
    files: dict[str, str]

    def inputs_by_kind(self) -> dict[str, list[str]]:
        """Delivery versions and monitor vintages, each as a list of names."""
        return json.loads(self.inputs)


def list_releases(settings: Settings, audience: str = PARTNERS) -> list[Release]:
    """All releases of an audience whose files were made, oldest first."""
    records = sorted(settings.releases.glob(f"{audience}-*/{_RECORD}"))
    return [_read(path) for path in records]


def find_release(settings: Settings, release_id: str) -> Release | None:
    """The release of that name, or None."""
    path = settings.releases / Path(release_id).name / _RECORD
    return _read(path) if path.is_file() else None


def release_states(settings: Settings, audience: str = PARTNERS) -> dict[str, str]:
    """The state of every release of an audience, oldest release first; at an earlier moment, its state of then.

    Args:
        settings: the installation.
        audience: for whom.
    """
    return {each.release_id: _STATES[each.event] for each in entries(settings) if each.audience == audience}


def release_state(settings: Settings, release_id: str) -> str | None:
    """``candidate``, ``approved``, ``published``, ``superseded`` or ``withdrawn``; None when nobody knows the release.

    Args:
        settings: the installation.
        release_id: name of a release.
    """
    states = [_STATES[each.event] for each in entries(settings) if each.release_id == release_id]
    return states[-1] if states else None


def waiting_release(settings: Settings, audience: str = PARTNERS) -> Release | None:
    """The release that is made and not published yet, or None."""
    names = _in_state(settings, audience, ("candidate", "approved"))
    # a run that was killed may have left a name without files
    return find_release(settings, names[-1]) if names else None


def current_release(settings: Settings, audience: str = PARTNERS) -> Release | None:
    """The release that an audience reads now, or None.

    Args:
        settings: the installation.
        audience: for whom.

    Raises:
        ReleaseError: when the folder of that release is gone.
    """
    names = _in_state(settings, audience, ("published",))
    release = find_release(settings, names[-1]) if names else None
    if names and release is None:
        raise ReleaseError(f"{settings.releases / names[-1]} is gone: put it back from a copy")
    return release


def _in_state(settings: Settings, audience: str, states: Sequence[str]) -> list[str]:
    return [name for name, state in release_states(settings, audience).items() if state in states]


@contextmanager
def one_at_a_time(settings: Settings) -> Iterator[None]:
    """Let one program at a time make, approve, publish or withdraw releases."""
    settings.releases.mkdir(parents=True, exist_ok=True)
    with (settings.releases / ".lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def make_release(settings: Settings, audience: str = PARTNERS) -> tuple[Release, bool]:
    """Write a candidate release of the current marts beside the published ones.

    The same figures again make no new release: that of the current, the waiting or the withdrawn release that has them
    is returned (``release_state`` tells which). A new candidate takes the place of one that still waits.

    Args:
        settings: the installation.
        audience: for whom.

    Returns:
        The release, and whether it is new.

    Raises:
        ReleaseError: when marts or confidential counts are empty or absent, when the ledger does not hold, or when
            releases of real people would be made under a demo name.
    """
    by = maker(settings)
    schema = WAREHOUSE_SCHEMAS[audience]
    with one_at_a_time(settings):
        require_ledger(settings)
        _keep_demo_and_people_apart(settings, by)
        with open_warehouse(settings, read_only=True) as warehouse:
            tables = mart_tables(warehouse, schema)
            if "fct_indicator" not in tables:
                raise ReleaseError(
                    f"there are no tables for {audience} in the warehouse yet: build them first (`effectmonitor run`)"
                )
            digest = content_hash(warehouse, tables, schema)
            if same := _same_content(settings, audience, digest):
                _supersede_waiting(settings, same, f"the figures are again those of {same.release_id}")
                return same, False
            inputs, period = _inputs(warehouse)
            release = Release(
                release_id=_next_name(settings, audience),
                audience=audience,
                period=period,
                created_at=now().isoformat(timespec="seconds"),
                made_by=by,
                inputs=inputs,
                code_version=code_version(),
                content_hash=digest,
                pattern_hash="",
                rows={},
                files={},
            )
            return _write(settings, warehouse, release), True


def _same_content(settings: Settings, audience: str, digest: str) -> Release | None:
    """A release with this content that is out, waits, or was withdrawn: what was withdrawn does not come back so."""
    states = release_states(settings, audience)
    found = [
        release
        for release in list_releases(settings, audience)
        if states.get(release.release_id) in ("candidate", "approved", "published", "withdrawn")
        and release.content_hash == digest
        and release_file(settings, release).is_file()
    ]
    # what is out or waits says more than what was withdrawn before it
    return max(found, key=lambda each: (states[each.release_id] != "withdrawn", each.release_id), default=None)


def _next_name(settings: Settings, audience: str) -> str:
    numbers = [int(name.rsplit("-", 1)[1]) for name in release_states(settings, audience)]
    return f"{audience}-{max(numbers, default=0) + 1:04d}"


def _keep_demo_and_people_apart(settings: Settings, by: str) -> None:
    """Stop where a demo would add to the releases of people, or people to those of a demo."""
    is_demo = by in DEMO_PEOPLE
    if all((each.by in DEMO_PEOPLE) == is_demo for each in entries(settings)):
        return
    if is_demo:
        raise ReleaseError(
            "people made releases here, and a demo may not add to them: set EFFECTMONITOR_ENVIRONMENT=production"
        )
    raise ReleaseError(f"a demo made releases in {settings.releases}: give production an EFFECTMONITOR_HOME of its own")


def require_ledger(settings: Settings) -> None:
    """Stop when the ledger is not as it was written.

    Args:
        settings: the installation.

    Raises:
        ReleaseError: with what is wrong: without a whole ledger nobody knows what has left.
    """
    if problems := verify(settings):
        raise ReleaseError(f"the ledger does not hold, so nothing can leave: {'; '.join(problems)}")


def _write(settings: Settings, warehouse: duckdb.DuckDBPyConnection, release: Release) -> Release:
    folder = settings.releases / release.release_id
    scratch = settings.releases / f".{release.release_id}.new"
    # leftovers of a run that was killed half-way
    for path in (*settings.releases.glob(".*.new"), folder):
        shutil.rmtree(path, ignore_errors=True)
    scratch.mkdir(parents=True)
    own = [release_table(settings, release.audience, release)]
    if release.audience == PARTNERS:
        before = _newest_kept(settings)
        own.append(revision_table(warehouse, release, before, release_file(settings, before) if before else None))
    rows = write_files(warehouse, scratch / "files", own, WAREHOUSE_SCHEMAS[release.audience])
    _write_sealed(warehouse, scratch / "sealed")
    complete = replace(
        release, rows=rows, files=file_hashes(scratch), pattern_hash=pattern_hash(scratch / "files" / MARTS_FILE)
    )
    (scratch / _RECORD).write_text(json.dumps(asdict(complete), indent=2, ensure_ascii=False) + "\n")
    # the ledger first: what lies in releases/ and is not in it shows that lines were removed
    _supersede_waiting(settings, complete, f"{complete.release_id} was made before it was published")
    append(
        settings,
        "candidate",
        complete.release_id,
        complete.audience,
        complete.made_by,
        marts_file=scratch / "files" / MARTS_FILE,
    )
    scratch.replace(folder)
    return complete


def _write_sealed(warehouse: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """What the audit attacks and the next release has to know, as it was when the release was made; confidential."""
    folder.mkdir()
    for name, (schema, table) in _SEALED.items():
        found = warehouse.execute(
            "select 1 from duckdb_tables() "
            "where schema_name = ? and table_name = ? and database_name = current_database()",
            [schema, table],
        ).fetchone()
        if not found:
            raise ReleaseError(f"there is no table {schema}.{table} in the warehouse: without it no audit is possible")
        target = str(folder / f"{name}.parquet").replace("'", "''")
        warehouse.execute(f"copy (select * from {schema}.{table} order by all) to '{target}' (format parquet)")


def _supersede_waiting(settings: Settings, by_this: Release, reason: str) -> None:
    for name, state in release_states(settings, by_this.audience).items():
        if state in ("candidate", "approved") and name != by_this.release_id:
            append(settings, "superseded", name, by_this.audience, maker(settings), reason)


def file_hashes(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file of a release, published and sealed, by its path.

    Args:
        folder: of the release.
    """
    paths = sorted(path for part in ("files", "sealed") for path in (folder / part).rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def write_as_of(settings: Settings, audience: str = PARTNERS) -> Path:
    """Write the marts of an earlier moment as files, as a release has them; it makes no release.

    Beside the marts they hold what an audience knew at that moment: the releases until then and their revisions.

    Args:
        settings: the installation at an earlier moment (``Settings.at``), whose marts have been built.
        audience: for whom.

    Returns:
        The marts file.

    Raises:
        ReleaseError: when the files would not be safe or complete; nothing is put in place then.
    """
    scratch = settings.workplace / ".files.new"
    shutil.rmtree(scratch, ignore_errors=True)
    with open_warehouse(settings, read_only=True) as warehouse:
        own = [release_table(settings, audience)]
        if audience == PARTNERS:
            newest = _newest_kept(settings)
            own.append(carried_table(release_file(settings, newest) if newest else None))
        write_files(warehouse, scratch, own, WAREHOUSE_SCHEMAS[audience])
    if problems := release_problems(scratch / MARTS_FILE, audience):
        raise ReleaseError(f"the figures of that moment cannot be shown: {'; '.join(problems)}")
    target = settings.published / audience
    swap_in(scratch, target)
    shutil.rmtree(scratch)
    return target / MARTS_FILE


def _newest_kept(settings: Settings) -> Release | None:
    """The newest release that partners got, that was not withdrawn, and of which the files are still there."""
    got = {each.release_id for each in entries(settings) if each.event == "published"}
    states = release_states(settings)
    return next(
        (
            release
            for release in reversed(list_releases(settings))
            if release.release_id in got
            and states[release.release_id] != "withdrawn"
            and release_file(settings, release).is_file()
        ),
        None,
    )


def release_table(settings: Settings, audience: str, candidate: Release | None = None) -> OwnTable:
    """The table of what an audience got: every release that was ever published, with its state now.

    Args:
        settings: the installation; at an earlier moment, what had been published by then.
        audience: for whom.
        candidate: a release that is being made, which the table tells too.
    """
    of_audience = [each for each in entries(settings) if each.audience == audience]
    approved_by = {each.release_id: each.by for each in of_audience if each.event == "approved"}
    published_at = {each.release_id: each.at for each in of_audience if each.event == "published"}
    states = release_states(settings, audience)
    rows = [
        asdict(release)
        | {
            "state": states[release.release_id],
            "approved_by": approved_by.get(release.release_id),
            "published_at": datetime.fromisoformat(published_at[release.release_id]),
        }
        for release in list_releases(settings, audience)
        if release.release_id in published_at
    ]
    if candidate:
        rows.append(asdict(candidate) | {"state": "candidate", "approved_by": None, "published_at": None})
    return OwnTable("release", "Every release that this audience got, one row each", _COLUMNS, rows)


def release_folder(settings: Settings, release: Release) -> Path:
    """The folder of a release: its record, what is published of it, and what is sealed."""
    return settings.releases / release.release_id


def release_file(settings: Settings, release: Release) -> Path:
    """The marts file of a release in its own folder."""
    return release_folder(settings, release) / "files" / MARTS_FILE


def _read(path: Path) -> Release:
    try:
        return Release(**json.loads(path.read_text()))
    except TypeError:
        raise ReleaseError(
            f"{path} is of a version without a ledger, so nobody knows what left with it: "
            f"move {path.parent.parent} away"
        ) from None


def code_version() -> str:
    """Version of this software, with the commit when it runs from a checkout."""
    try:
        number = version("effectmonitor")
    except PackageNotFoundError:
        number = "0"
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
    )
    return f"{number}+{commit.stdout.strip()}" if commit.returncode == 0 else number


def _inputs(warehouse: duckdb.DuckDBPyConnection) -> tuple[str, str]:
    deliveries = warehouse.execute(
        "select consortium_code, period, delivery_version from staging.stg_deliveries__deliveries "
        "where is_counting order by all"
    ).fetchall()
    if not deliveries:
        raise ReleaseError("no delivery has been accepted yet: there is nothing to publish")
    vintages = warehouse.execute("select distinct monitor, vintage from marts.fct_monitor order by all").fetchall()
    inputs = {
        "deliveries": [f"{consortium}/{period}/v{number}" for consortium, period, number in deliveries],
        "monitors": [f"{monitor}/{vintage}" for monitor, vintage in vintages],
    }
    return json.dumps(inputs), max(period for _, period, _ in deliveries)
