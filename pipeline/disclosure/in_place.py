"""Whether what readers open is what was published: the files in place held against the release that they are of.

Belongs here: which release stands in ``published/``, and differences between its files and those in place. Does not
belong here: whether the release itself is safe (release_faults, audit).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from pipeline.disclosure.ledger import PUBLISHED, Entry
from pipeline.publication.marts_file import MARTS_FILE, SCHEMA, attached
from pipeline.settings import Settings

# it is written anew when files are put in place, because only then is everybody known who worked on the release
_OWN = "release"
_MEND = "Find out who changed it; `effectmonitor run` puts the release back"


def in_place(entries: Sequence[Entry], audience: str) -> str | None:
    """The release that stands in an audience's folder according to the ledger; None when there is none."""
    standing = None
    for entry in entries:
        if entry.audience != audience:
            continue
        if entry.event in (PUBLISHED, "restored"):
            standing = entry.release_id
        elif entry.event == "withdrawn" and entry.release_id == standing:
            standing = None
    return standing


def published_faults(settings: Settings, entries: Sequence[Entry], audience: str) -> list[str]:
    """Hold the files in an audience's folder against the release that stands there.

    Args:
        settings: the installation.
        entries: of the ledger.
        audience: partners or council.

    Returns:
        Sentences that name files and tables, never a value; empty when all is well or nothing is in place.
    """
    folder, release_id = settings.published / audience, in_place(entries, audience)
    present = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and path.name[0] != "."}
    if not present:
        return []
    if release_id is None:
        return [f"published/{audience} holds files, but no release stands there: remove them"]
    files = settings.releases / release_id / "files"
    wanted = {path.relative_to(files) for path in files.rglob("*") if path.is_file()}
    faults = [f"published/{audience}/{path} is missing. {_MEND}" for path in sorted(wanted - present)]
    faults += [f"published/{audience}/{path} is no file of {release_id}. {_MEND}" for path in sorted(present - wanted)]
    for path in sorted(wanted & present):
        if path.name == MARTS_FILE:
            faults += [
                f"published/{audience}/{path}: {what} {release_id}. {_MEND}"
                for what in _differences(folder / path, files / path)
            ]
        elif path.stem != _OWN and (folder / path).read_bytes() != (files / path).read_bytes():
            faults.append(f"published/{audience}/{path} is not the file of {release_id}. {_MEND}")
    return faults


def _differences(here: Path, there: Path) -> list[str]:
    """What differs between two marts files, table by table."""
    with duckdb.connect(":memory:") as connection:
        try:
            with attached(connection, here, "here"), attached(connection, there, "there"):
                tables = {
                    name: {
                        row[0]
                        for row in connection.execute(
                            "select table_name from duckdb_tables() where database_name = ?", [name]
                        ).fetchall()
                    }
                    for name in ("here", "there")
                }
                found = [f"table {name} is not in" for name in sorted(tables["here"] - tables["there"])]
                found += [f"it lacks table {name} of" for name in sorted(tables["there"] - tables["here"])]
                for name in sorted((tables["here"] & tables["there"]) - {_OWN}):
                    one, other = (f'select * from {side}.{SCHEMA}."{name}"' for side in ("here", "there"))
                    try:
                        rows = connection.execute(
                            f"select count(*) from (({one} except all {other}) union all ({other} except all {one}))"
                        ).fetchone()[0]
                    except duckdb.Error:
                        found.append(f"table {name} has other columns than in")
                        continue
                    if rows:
                        found.append(f"{rows} rows of table {name} are not as in")
                return found
        except duckdb.Error:
            return ["it cannot be opened, so it is not the file of"]
