"""Taking a person's rows out of the inbox, with every delivery as complete and as judged as it was.

Belongs here: which files lie there, the descriptor that is renewed with them, and how one folder takes the place of
another. Does not belong here: the rows of one file (``blanking.py``), vault and quarantine (``erasure.py``).

A delivery is replaced as a whole: the new folder is made beside the old one, which then steps aside until the log knows
the new content. Being killed in between is made good by ``finish_replacements``, before anything is judged again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.deliveries.blanking import (
    FileRows,
    Person,
    Unsearchable,
    client_cells,
    client_columns,
    find_rows,
    mentions,
)
from pipeline.deliveries.contract import Contract, contracts_for
from pipeline.deliveries.delimited import SEPARATORS
from pipeline.deliveries.package import (
    DESCRIPTOR,
    DeliveryFolder,
    Incomplete,
    PackageFault,
    Resource,
    find_deliveries,
    has_arrived,
    read_package,
    unrecognised_folders,
)
from pipeline.deliveries.receipts import RECEIPT
from pipeline.deliveries.vault import is_judged, read_log, receipt_folder, write_log, write_text
from pipeline.periods import now
from pipeline.settings import CONSORTIA, Settings

UNSEARCHABLE = "a file cannot be searched: look into it yourself"
ARRIVING = "still arriving: erase again when it has been judged, or remove the folder"
LINKED = "a link was not followed: look into it yourself"
MENTIONED = "the identifier also stands outside the rows of the person: look into it yourself"

_ELSEWHERE = "a folder that is no delivery"
_MAKING, _ASIDE = ".replacing-new", ".replacing-old"


@dataclass(frozen=True)
class Left:
    """Something of the inbox that somebody has to look at: where it lies, and why."""

    place: str
    reason: str


@dataclass(frozen=True)
class FolderRows:
    """A folder of the inbox in which the person stands.

    Attributes:
        path: the folder.
        delivery: which delivery it is; None when it is none.
        files: per file the rows in it.
    """

    path: Path
    delivery: DeliveryFolder | None
    files: Mapping[Path, FileRows]

    @property
    def rows(self) -> dict[str, int]:
        """Rows per table."""
        counts: dict[str, int] = {}
        for found in self.files.values():
            for table, count in found.rows.items():
                counts[table] = counts.get(table, 0) + count
        return counts


def find_in_inbox(settings: Settings, person: Person) -> tuple[list[FolderRows], list[Left]]:
    """Where the person stands in what was delivered; learns the identifier where only the pseudonym is known.

    Args:
        settings: the installation.
        person: whom to look for.

    Returns:
        The folders to change, and what somebody has to look at.
    """
    parcels = list(_parcels(settings, person.consortium))
    if person.identifier is None and not any(_learn(files, person) for _, _, files in parcels):
        # no delivery that can be read holds the person
        parcels = []
    found: list[FolderRows] = []
    left: dict[Left, None] = {}
    for path, delivery, files in parcels:
        # names of files come from outside, and may say anything
        place = f"{delivery.consortium}/{delivery.period}/{delivery.version}" if delivery else _ELSEWHERE
        changed: dict[Path, FileRows] = {}
        reasons = [LINKED] if path.is_symlink() else []
        for file, tables in files.items():
            if file.is_symlink():
                reasons.append(LINKED)
                continue
            try:
                rows = find_rows(file, tables, person)
            except Unsearchable:
                reasons.append(UNSEARCHABLE)
                continue
            if rows.blank:
                changed[file] = rows
            if rows.is_mentioned or mentions(str(file.relative_to(path)), person):
                reasons.append(MENTIONED)
        if changed and delivery and not _is_settled(settings, delivery) and not has_arrived(delivery):
            reasons.append(ARRIVING)  # what is still being written cannot be changed
        elif changed:
            found.append(FolderRows(path, delivery, changed))
        left |= dict.fromkeys(Left(place, reason) for reason in reasons)
    return found, list(left)


def blank_in_inbox(settings: Settings, found: FolderRows) -> None:
    """Replace a folder by one without the person's rows; a delivery that was judged stays judged.

    Args:
        settings: the installation.
        found: what ``find_in_inbox`` found in it.
    """
    making, aside = _beside(found.path, _MAKING), _beside(found.path, _ASIDE)
    shutil.rmtree(making, ignore_errors=True)
    shutil.copytree(found.path, making, copy_function=_link, symlinks=True)
    changed = {}
    for file, rows in found.files.items():
        name = file.relative_to(found.path)
        before = _digest(file)
        target = making / name
        target.unlink()
        rows.blank(file, target)
        with target.open("rb") as handle:
            os.fsync(handle.fileno())
        changed[name.as_posix()] = before, _digest(target)
    _renew_descriptor(making / DESCRIPTOR, changed)
    found.path.rename(aside)
    making.rename(found.path)
    if found.delivery:
        _keep_judged(settings, found.delivery, aside)
    shutil.rmtree(aside)


def remove_from_inbox(path: Path) -> None:
    """Remove a folder of the inbox as a whole or not at all; what is left when it is interrupted goes the next time.

    Args:
        path: the folder of a delivery.
    """
    aside = _beside(path, _ASIDE)
    path.rename(aside)
    shutil.rmtree(aside)
    with suppress(OSError):
        path.parent.rmdir()  # the half-year, when nothing is left of it


def finish_replacements(settings: Settings) -> None:
    """Finish what an interrupted erasure left in the inbox; nothing happens when there is nothing."""
    for aside in sorted(settings.inbox.rglob(f".*{_ASIDE}")):
        path = aside.with_name(aside.name[1 : -len(_ASIDE)])
        making = _beside(path, _MAKING)
        if not path.exists() and making.exists():
            making.rename(path)
        delivery = _delivery_at(settings, path)
        if delivery:
            _keep_judged(settings, delivery, aside)
        shutil.rmtree(aside)
    for making in sorted(settings.inbox.rglob(f".*{_MAKING}")):
        shutil.rmtree(making)


def _parcels(
    settings: Settings, consortium: str
) -> Iterator[tuple[Path, DeliveryFolder | None, dict[Path, dict[str, tuple[Resource, Contract]]]]]:
    """Folders with files of the consortium: deliveries, what lies beside them, and folders that are nobody's."""
    contracts = contracts_for(consortium)
    deliveries = [each for each in find_deliveries(settings) if each.consortium == consortium]
    for delivery in deliveries:
        yield delivery.path, delivery, _files(delivery.path, contracts)
    mine = settings.inbox / consortium
    others = set(_strays(mine, {delivery.path for delivery in deliveries}))
    elsewhere = (
        path
        for path in unrecognised_folders(settings)
        if not any(path.is_relative_to(settings.inbox / name) for name in CONSORTIA)
    )
    for path in sorted({*others, *elsewhere}):
        yield path, None, {file: {} for file in sorted(path.iterdir()) if file.is_file() and file.name != DESCRIPTOR}


def _strays(folder: Path, known: set[Path]) -> Iterator[Path]:
    if folder in known or not folder.is_dir() or folder.is_symlink():
        return
    if any(each.is_file() for each in folder.iterdir()):
        yield folder
    for each in folder.iterdir():
        yield from _strays(each, known)


def _files(folder: Path, contracts: Mapping[str, Contract]) -> dict[Path, dict[str, tuple[Resource, Contract]]]:
    if folder.is_symlink():
        return {}
    found: dict[Path, dict[str, tuple[Resource, Contract]]] = {
        path: {} for path in sorted(folder.rglob("*")) if path.is_file() and path != folder / DESCRIPTOR
    }
    entries = _entries(_descriptor(folder / DESCRIPTOR))
    paths = [folder / entry["path"] for entry in entries]
    for entry, path in zip(entries, paths, strict=True):
        if path in found and entry.get("name") in contracts:
            found[path][entry["name"]] = _resource(entry, path, paths.count(path) == 1), contracts[entry["name"]]
    return found


def _resource(entry: Mapping[str, object], path: Path, is_alone: bool) -> Resource:
    dialect = entry.get("dialect")
    dialect = dialect if isinstance(dialect, dict) else {}
    encoding, delimiter, quote = entry.get("encoding"), dialect.get("delimiter"), dialect.get("quoteChar")
    return Resource(
        name=str(entry["name"]),
        path=path,
        sha256="",
        delimiter=delimiter if delimiter in SEPARATORS else None,
        quote=quote if quote in ('"', "'") else None,
        encoding=encoding if isinstance(encoding, str) else None,
        is_alone=is_alone,
    )


def _descriptor(path: Path) -> object:
    """What the descriptor says, however faulty it is; None when it cannot be read."""
    with suppress(OSError, ValueError, RecursionError):
        if not path.is_symlink():
            return json.loads(path.read_text(encoding="utf-8-sig"))
    return None


def _entries(content: object) -> list[dict]:
    resources = content.get("resources") if isinstance(content, dict) else None
    return [
        entry
        for entry in (resources if isinstance(resources, list) else [])
        if isinstance(entry, dict) and isinstance(entry.get("path"), str) and isinstance(entry.get("name"), str)
    ]


def _learn(files: Mapping[Path, Mapping[str, tuple[Resource, Contract]]], person: Person) -> bool:
    return any(
        person.learn(cell)
        for tables in files.values()
        for resource, contract in tables.values()
        if client_columns(contract)
        for cell in client_cells(resource, contract)
    )


def _renew_descriptor(path: Path, changed: Mapping[str, tuple[tuple[str, int], tuple[str, int]]]) -> None:
    """Sizes and hashes of the changed files; one that did not hold before does not hold after."""
    content = _descriptor(path)
    is_renewed = False
    for entry in _entries(content):
        if (name := Path(entry["path"]).as_posix()) not in changed:
            continue
        (old_hash, old_size), (new_hash, new_size) = changed[name]
        declared = entry.get("hash")
        if isinstance(declared, str) and declared.lower().removeprefix("sha256:") == old_hash:
            entry["hash"] = f"sha256:{new_hash}"
        if entry.get("bytes") == old_size:
            entry["bytes"] = new_size
        is_renewed = True
    if is_renewed:
        path.unlink()  # a link to the old one
        write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", path)


def _keep_judged(settings: Settings, delivery: DeliveryFolder, aside: Path) -> None:
    """Let the log, and the receipt of a conflict, know the content without the person."""
    before, after = _hash(replace(delivery, path=aside)), _hash(delivery)
    if before is None or after is None or before == after:
        return
    place = (delivery.consortium, delivery.period, delivery.version)
    logged = read_log(settings, *place)
    if logged and logged.package_hash == before:
        write_log(settings, *place, replace(logged, package_hash=after, erased_at=now()))
    conflict = receipt_folder(settings, *place) / f"{RECEIPT}-conflict.json"
    if conflict.is_file():
        content = json.loads(conflict.read_text(encoding="utf-8"))
        if content["package_hash"] == before:
            write_text(json.dumps(content | {"package_hash": after}, ensure_ascii=False, indent=2) + "\n", conflict)


def _hash(delivery: DeliveryFolder) -> str | None:
    try:
        return read_package(delivery).package_hash
    except PackageFault as fault:
        return fault.package_hash
    except Incomplete:
        return None


def _delivery_at(settings: Settings, path: Path) -> DeliveryFolder | None:
    return next((each for each in find_deliveries(settings) if each.path == path), None)


def _is_settled(settings: Settings, delivery: DeliveryFolder) -> bool:
    return is_judged(settings, delivery.consortium, delivery.period, delivery.version)


def _beside(path: Path, suffix: str) -> Path:
    # no version is named so: the intake does not see it
    return path.with_name(f".{path.name}{suffix}")


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _digest(path: Path) -> tuple[str, int]:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest(), path.stat().st_size
