"""What a release is: which inputs, which figures, when, for whom; and how it is made and put in place.

Belongs here: the life of a release. Does not belong here: the files themselves (marts_file.py).
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import duckdb

from pipeline.publication.checks import release_problems
from pipeline.publication.marts_file import MARTS_FILE, OwnTable, content_hash, mart_tables, swap_in, write_files
from pipeline.publication.revisions import carried_table, revision_table
from pipeline.settings import PROJECT_ROOT, Settings
from pipeline.warehouse.connection import open_warehouse

AUDIENCE = "partners"
_RECORD = "release.json"
_COLUMNS: Mapping[str, tuple[str, str]] = {
    "release_id": ("varchar", "Name of the release, audience and number"),
    "audience": ("varchar", "For whom: partners or council"),
    "period": ("varchar", "Latest half-year with data in the release"),
    "created_at": ("timestamp", "When the release was made, UTC"),
    "inputs": ("varchar", "Delivery versions and monitor vintages that it was computed from, as JSON"),
    "code_version": ("varchar", "Version of the software that computed it"),
    "approved_by": ("varchar", "Who approved the release; empty while approval is not in use"),
    "content_hash": ("varchar", "Hash over all figures of the release"),
}


class ReleaseError(RuntimeError):
    """A release cannot be made; the message says what is missing."""


@dataclass(frozen=True)
class Release:
    """One release.

    Attributes:
        release_id: audience and number, as in ``partners-0003``.
        audience: ``partners`` or ``council``.
        period: latest half-year with data.
        created_at: UTC, ISO 8601.
        inputs: delivery versions and monitor vintages, as JSON.
        code_version: version of this software.
        approved_by: who approved it, None while approval is not in use.
        content_hash: hash over all figures.
        rows: rows per table.
    """

    release_id: str
    audience: str
    period: str
    created_at: str
    inputs: str
    code_version: str
    approved_by: str | None
    content_hash: str
    rows: dict[str, int]

    def inputs_by_kind(self) -> dict[str, list[str]]:
        """Delivery versions and monitor vintages, each as a list of names."""
        return json.loads(self.inputs)


def list_releases(settings: Settings, audience: str = AUDIENCE) -> list[Release]:
    """All releases of an audience, oldest first."""
    records = sorted(settings.releases.glob(f"{audience}-*/{_RECORD}"))
    return [Release(**json.loads(path.read_text())) for path in records]


def find_release(settings: Settings, release_id: str) -> Release | None:
    """The release of that name, or None."""
    path = settings.releases / Path(release_id).name / _RECORD
    return Release(**json.loads(path.read_text())) if path.is_file() else None


def make_release(settings: Settings, audience: str = AUDIENCE) -> tuple[Release, bool]:
    """Write a release of the current marts beside the published ones.

    The same figures again make no new release: the latest one is returned.

    Args:
        settings: the installation.
        audience: for whom.

    Returns:
        The release, and whether it is new.

    Raises:
        ReleaseError: when the marts are empty or absent.
    """
    earlier = list_releases(settings, audience)
    with open_warehouse(settings, read_only=True) as warehouse:
        tables = mart_tables(warehouse)
        if "fct_indicator" not in tables:
            raise ReleaseError("there are no marts in the warehouse yet: build them first (`effectmonitor run`)")
        digest = content_hash(warehouse, tables)
        if earlier and earlier[-1].content_hash == digest and _folder(settings, earlier[-1]).is_dir():
            return earlier[-1], False
        inputs, period = _inputs(warehouse)
        release = Release(
            release_id=f"{audience}-{len(earlier) + 1:04d}",
            audience=audience,
            period=period,
            created_at=datetime.now(UTC).replace(microsecond=0, tzinfo=None).isoformat(),
            inputs=inputs,
            code_version=code_version(),
            approved_by=None,
            content_hash=digest,
            rows={},
        )
        return _write(settings, warehouse, release, earlier), True


def _write(
    settings: Settings, warehouse: duckdb.DuckDBPyConnection, release: Release, earlier: Sequence[Release]
) -> Release:
    folder = settings.releases / release.release_id
    scratch = settings.releases / f".{release.release_id}.new"
    # leftovers of a run that was killed half-way
    for path in (scratch, folder):
        shutil.rmtree(path, ignore_errors=True)
    scratch.mkdir(parents=True)
    before = _newest_kept(settings, earlier)
    revisions = revision_table(warehouse, release, before, release_file(settings, before) if before else None)
    rows = write_files(warehouse, scratch / "files", [revisions, _release_table([*earlier, release])])
    complete = Release(**{**asdict(release), "rows": rows})
    (scratch / _RECORD).write_text(json.dumps(asdict(complete), indent=2, ensure_ascii=False) + "\n")
    scratch.replace(folder)
    return complete


def write_as_of(settings: Settings, audience: str = AUDIENCE) -> Path:
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
    earlier = [each for each in list_releases(settings, audience) if _was_made(each, settings.as_of)]
    scratch = settings.workplace / ".files.new"
    shutil.rmtree(scratch, ignore_errors=True)
    with open_warehouse(settings, read_only=True) as warehouse:
        newest = _newest_kept(settings, earlier)
        revisions = carried_table(release_file(settings, newest) if newest else None)
        write_files(warehouse, scratch, [revisions, _release_table(earlier)])
    if problems := release_problems(scratch / MARTS_FILE):
        raise ReleaseError(f"the figures of that moment cannot be shown: {'; '.join(problems)}")
    target = settings.published / audience
    swap_in(scratch, target)
    shutil.rmtree(scratch)
    return target / MARTS_FILE


def _newest_kept(settings: Settings, releases: Sequence[Release]) -> Release | None:
    """The newest of these releases of which the files are still there."""
    return next((each for each in reversed(releases) if release_file(settings, each).is_file()), None)


def _was_made(release: Release, moment: datetime) -> bool:
    return datetime.fromisoformat(release.created_at) <= moment


def _release_table(releases: Sequence[Release]) -> OwnTable:
    return OwnTable(
        "release", "Every release of this audience, one row each", _COLUMNS, [asdict(item) for item in releases]
    )


def _folder(settings: Settings, release: Release) -> Path:
    return settings.releases / release.release_id / "files"


def release_file(settings: Settings, release: Release) -> Path:
    """The marts file of a release in its own folder."""
    return _folder(settings, release) / MARTS_FILE


def publish(settings: Settings, release: Release) -> Path:
    """Put a release in place for its audience.

    Returns:
        The published marts file.
    """
    target = settings.published / release.audience
    swap_in(_folder(settings, release), target)
    return target / MARTS_FILE


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
