"""The data package: its folder, its descriptor, and whether it has arrived as a whole.

Belongs here: what can be said of a delivery without reading its tables. Does not belong here: the tables
(``reader.py``).
"""

from __future__ import annotations

import codecs
import difflib
import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from pipeline.deliveries.contract import CONTRACT_VERSION, load_contracts
from pipeline.deliveries.findings import DeliveryFault, Finding
from pipeline.periods import HalfYear, as_utc, today
from pipeline.settings import CONSORTIA, Settings

DESCRIPTOR = "datapackage.json"
MAXIMUM_DESCRIPTOR_BYTES = 1_000_000

_MAXIMUM_RESOURCES = 100
_MAXIMUM_NAME, _MAXIMUM_PATH = 100, 500  # signs; part of a path may have 255 bytes at most
_MAXIMUM_PART = 255
_HASH = re.compile(r"^(sha256:)?([0-9a-f]{64})$")
_VERSION = re.compile(r"[1-9][0-9]{0,5}")
_CUT_WORD = re.compile(r"t|tr|tru|f|fa|fal|fals|n|nu|nul|-")


@dataclass(frozen=True)
class DeliveryFolder:
    """One delivery version in the inbox.

    Attributes:
        path: its folder.
        consortium: ``tom``, ``go`` or ``boost``.
        period: half-year, like ``2024-H1``.
        version: 1, 2, …
    """

    path: Path
    consortium: str
    period: str
    version: int

    @property
    def half_year(self) -> HalfYear:
        """The period as a half-year."""
        return HalfYear.parse(self.period)


@dataclass(frozen=True)
class Resource:
    """One data file of a delivery.

    Attributes:
        name: table.
        path: the file.
        sha256: hash of the file as it lies there, hex.
        delimiter, quote: from the dialect, or None when it does not say.
        encoding: as declared, or None.
        is_alone: whether no other table lies in the same file; a workbook may hold several.
    """

    name: str
    path: Path
    sha256: str
    delimiter: str | None
    quote: str | None
    encoding: str | None
    is_alone: bool = True


@dataclass(frozen=True)
class Package:
    """A delivery that has arrived as a whole.

    Attributes:
        folder: where it lies and what it is.
        created: moment at which the consortium made it, UTC without zone.
        contract: version of the contract it follows.
        resources: its files, in the order of the descriptor.
        package_hash: hash of all that decides the outcome: names, files, dialects and encodings, and the flag below.
        correction_of_final: whether it says to correct a half-year whose figures are final.
    """

    folder: DeliveryFolder
    created: datetime
    contract: int
    resources: tuple[Resource, ...]
    package_hash: str
    correction_of_final: bool = False


class Incomplete(Exception):
    """The delivery is still arriving: it is left alone. Carries the tables that are not there yet."""

    def __init__(self, missing: tuple[str, ...]) -> None:
        super().__init__("still arriving")
        self.missing = missing


class PackageFault(DeliveryFault):
    """The descriptor or the files contradict the contract; carries the hash that stands for this content."""

    def __init__(self, finding: Finding, package_hash: str, created: datetime | None = None) -> None:
        super().__init__(finding)
        self.package_hash = package_hash
        self.created = created


def find_deliveries(settings: Settings) -> list[DeliveryFolder]:
    """All delivery folders in the inbox, whatever their state, by consortium, period and version.

    Folders whose names are no consortium, half-year or version are not deliveries; see ``unrecognised_folders``.
    """
    found = [_as_delivery(path) for path in settings.inbox.glob("*/*/*") if path.is_dir()]
    return sorted((folder for folder in found if folder), key=lambda each: (each.consortium, each.period, each.version))


def unrecognised_folders(settings: Settings) -> list[Path]:
    """Folders that hold a descriptor but lie where no delivery can: a mistyped consortium, period or version."""
    holders = {path.parent for path in settings.inbox.rglob(DESCRIPTOR)}
    # a survey may come with a descriptor of its own; it is no delivery of a consortium
    holders = {path for path in holders if not path.is_relative_to(settings.monitor_inbox)}
    return sorted(
        path for path in holders if len(path.relative_to(settings.inbox).parts) != 3 or not _as_delivery(path)
    )


def delivery_folder(path: Path) -> DeliveryFolder:
    """What a folder outside the inbox delivers, as its descriptor says.

    Args:
        path: folder with a descriptor.

    Raises:
        Incomplete: when there is no descriptor.
        PackageFault: when the descriptor does not tell consortium, period and version.
    """
    content, text_hash = _read_descriptor(path)
    if wrong := wrong_fields(content):
        raise PackageFault(_field_finding(wrong[0]), text_hash)
    return DeliveryFolder(path, content["consortium"], content["period"], content["version"])


def wrong_fields(said: Mapping[str, Any]) -> list[str]:
    """Which of ``consortium``, ``period`` and ``version`` are not there or not right.

    Args:
        said: what a descriptor, a folder name or a person says of a delivery.
    """
    consortium, period, version = (said.get(name) for name in ("consortium", "period", "version"))
    is_right = {
        "consortium": consortium in CONSORTIA,
        "period": isinstance(period, str) and _is_period(period),
        "version": isinstance(version, int) and not isinstance(version, bool) and _is_version(str(version)),
    }
    return [name for name, right in is_right.items() if not right]


def has_arrived(folder: DeliveryFolder) -> bool:
    """Whether a delivery can be judged: all files are there in their declared size, or the descriptor is at fault.

    It reads the descriptor only, so that it can be asked often. Judging a descriptor at fault is what tells the
    consortium.
    """
    try:
        content, _, _ = _read_declared(folder)
    except Incomplete:
        return False
    except PackageFault:
        return True
    return not _arriving(folder, content["resources"])


def read_package(folder: DeliveryFolder) -> Package:
    """Read the descriptor and hold it against the folder and the files.

    Args:
        folder: the delivery.

    Returns:
        The package, of which every file is there with the declared hash.

    Raises:
        Incomplete: the descriptor or a file is missing, or a file has fewer bytes than declared.
        PackageFault: the descriptor is wrong, a path leaves the folder, or a hash does not hold.
    """
    content, _, created = _read_declared(folder)
    declared = content["resources"]
    if missing := _arriving(folder, declared):
        raise Incomplete(missing)
    paths = [folder.path / entry["path"] for entry in declared]
    digests = {path: _digest(path) for path in set(paths)}
    resources = tuple(
        _resource(entry, path, digests[path], paths.count(path) == 1)
        for entry, path in zip(declared, paths, strict=True)
    )
    corrects_final = content.get("correction_of_final", False)
    package_hash = _package_hash(content["contract"], resources, corrects_final)
    for entry, resource in zip(declared, resources, strict=True):
        if resource.sha256 != _HASH.match(entry["hash"].lower())[2] or resource.path.stat().st_size != entry["bytes"]:
            sentence = (
                "Het bestand is niet het bestand dat datapackage.json beschrijft: de controlesom klopt niet. "
                "Maak de levering opnieuw en stuur haar met een nieuw versienummer."
            )
            finding = Finding("table", "hash_mismatch", sentence, table=shown_resource(resource.name))
            raise PackageFault(finding, package_hash, created)
    return Package(folder, created, content["contract"], resources, package_hash, corrects_final)


def shown_resource(name: str) -> str:
    """The name of a table of the contract, or which one a delivered name resembles; that name could hold anything."""
    if name in load_contracts():
        return name
    near = difflib.get_close_matches(name.lower(), load_contracts(), 1, 0.8)
    return f"een tabel die lijkt op {near[0]}" if near else "een onbekende tabel"


def _as_delivery(path: Path) -> DeliveryFolder | None:
    consortium, period, version = path.parts[-3:]
    if consortium not in CONSORTIA or not _is_period(period) or not _is_version(version):
        return None
    return DeliveryFolder(path, consortium, period, int(version))


def _is_period(text: str) -> bool:
    try:
        return str(HalfYear.parse(text)) == text
    except ValueError:
        return False


def _is_version(text: str) -> bool:
    return _VERSION.fullmatch(text) is not None


def _read_descriptor(folder: Path) -> tuple[dict[str, Any], str]:
    path = folder / DESCRIPTOR
    if path.is_symlink():
        sentence = "datapackage.json is een verwijzing naar een ander bestand. Zet het bestand zelf in de map."
        raise PackageFault(Finding("delivery", "unsafe_path", sentence), hashlib.sha256(b"").hexdigest())
    if not path.is_file() or not (size := path.stat().st_size):
        raise Incomplete(())
    with path.open("rb") as handle:
        raw = handle.read(MAXIMUM_DESCRIPTOR_BYTES)
    text_hash = hashlib.sha256(raw).hexdigest()
    try:
        if size > MAXIMUM_DESCRIPTOR_BYTES:
            raise ValueError("too large")
        content = json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_fields, parse_constant=_no_number)
        if not isinstance(content, dict):
            raise ValueError("no object")
    except _RepeatedField:
        sentence = "In datapackage.json staat een veld twee keer, zodat niet duidelijk is wat geldt. Laat er één staan."
        raise PackageFault(Finding("delivery", "descriptor_unreadable", sentence), text_hash) from None
    except (ValueError, RecursionError) as error:
        if size <= MAXIMUM_DESCRIPTOR_BYTES and _is_cut_off(raw, error):
            raise Incomplete(()) from None
        # the parser's own words would repeat the text
        sentence = "datapackage.json is niet te lezen: het is geen geldige JSON in UTF-8, of het is te groot."
        raise PackageFault(Finding("delivery", "descriptor_unreadable", sentence), text_hash) from None
    return content, text_hash


class _RepeatedField(ValueError):
    """A field stands twice in one object of the descriptor; the parser would take the last one without a word."""


def _fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise _RepeatedField
    return fields


def _no_number(name: str) -> None:
    raise ValueError("NaN and infinity are not JSON")


def _is_cut_off(raw: bytes, error: Exception) -> bool:
    """Whether the text breaks off in the middle of an object: it is still being written."""
    if not raw.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"{"):
        return False
    if isinstance(error, UnicodeDecodeError):
        return error.end == len(raw) and error.reason == "unexpected end of data"
    if not isinstance(error, json.JSONDecodeError):
        return False
    rest = error.doc[error.pos :].rstrip()
    # a text, a number or a word may be cut through; a text that never ends is found where it begins
    return error.msg.startswith("Unterminated string") or not rest or _CUT_WORD.fullmatch(rest) is not None


def _read_declared(folder: DeliveryFolder) -> tuple[dict[str, Any], str, datetime]:
    """The descriptor after all its fields have been checked, the hash of its text, and its moment."""
    if _is_linked(folder):
        sentence = "De map van de levering is een verwijzing naar een andere map. Zet de map zelf in de inbox."
        raise PackageFault(Finding("delivery", "unsafe_path", sentence), hashlib.sha256(b"").hexdigest())
    content, text_hash = _read_descriptor(folder.path)
    created = _created(content)
    problem = _descriptor_problem(content, folder, created)
    if problem:
        raise PackageFault(problem, text_hash, created)
    for entry in content["resources"]:
        if problem := _resource_problem(entry, folder.path):
            raise PackageFault(problem, text_hash, created)
    if problem := _resources_problem(content["resources"]):
        raise PackageFault(problem, text_hash, created)
    return content, text_hash, created


def _is_linked(folder: DeliveryFolder) -> bool:
    """Whether a folder of the inbox is reached through a link: it could lie anywhere."""
    parts = (folder.consortium, folder.period, str(folder.version))
    if folder.path.parts[-3:] != parts:
        return False  # outside the inbox, where somebody pointed at it
    return any(each.is_symlink() for each in (folder.path, *folder.path.parents[:2]))


def _created(content: Mapping[str, Any]) -> datetime | None:
    try:
        return as_utc(datetime.fromisoformat(content["created"]))
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _descriptor_problem(content: Mapping[str, Any], folder: DeliveryFolder, created: datetime | None) -> Finding | None:
    """The first thing that is wrong with the descriptor itself."""
    name = content.get("name")
    resources = content.get("resources")
    for field, is_right in (
        ("name", isinstance(name, str) and bool(name.strip())),
        ("created", created is not None),
        ("resources", isinstance(resources, list) and all(isinstance(entry, dict) for entry in resources)),
    ):
        if not is_right:
            return _field_finding(field)
    if len(resources) > _MAXIMUM_RESOURCES:
        sentence = f"In datapackage.json staan meer dan {_MAXIMUM_RESOURCES} bestanden. Noem elke tabel één keer."
        return Finding("delivery", "descriptor_field", sentence)
    for field, dutch, expected in (
        ("consortium", "het consortium", folder.consortium),
        ("period", "het halfjaar", folder.period),
        ("version", "het versienummer", folder.version),
    ):
        value = content.get(field)
        if value != expected or type(value) is not type(expected):
            sentence = f"In datapackage.json staat bij {field} iets anders dan {dutch} van de map ({expected})."
            return Finding("delivery", f"{field}_mismatch", sentence)
    if folder.half_year.starts_on > today():
        # accepted, a slip like 2042 for 2024 would make the figures of all half-years before it final
        sentence = (
            f"Het halfjaar {folder.period} is nog niet begonnen. Controleer het jaar in de map en de beschrijving."
        )
        return Finding("delivery", "future_period", sentence)
    contract = content.get("contract")
    if contract != CONTRACT_VERSION or type(contract) is not int:
        sentence = (
            f"Deze levering volgt een andere versie van het leveringscontract. Gebruik versie {CONTRACT_VERSION}."
        )
        return Finding("delivery", "contract_version", sentence)
    if not isinstance(content.get("correction_of_final", False), bool):
        sentence = (
            "In datapackage.json staat bij correction_of_final iets anders dan true of false, zonder aanhalingstekens."
        )
        return Finding("delivery", "descriptor_field", sentence)
    return None


def _field_finding(field: str) -> Finding:
    sentence = f"In datapackage.json ontbreekt {field}, of het heeft niet de vorm van het leveringscontract."
    return Finding("delivery", "descriptor_field", sentence)


def _resources_problem(entries: list[dict[str, Any]]) -> Finding | None:
    """What is wrong with the files together."""
    names = [entry["name"] for entry in entries]
    if len(set(names)) != len(names):
        sentence = (
            "Een tabel staat twee keer in datapackage.json, misschien als CSV en als Excel. Noem elke tabel één keer."
        )
        return Finding("delivery", "descriptor_field", sentence)
    paths = [str(PurePosixPath(entry["path"])) for entry in entries]
    if any(paths.count(path) > 1 and not path.lower().endswith(".xlsx") for path in paths):
        sentence = "Twee tabellen wijzen naar hetzelfde bestand. Dat kan alleen bij een Excel-werkmap (.xlsx)."
        return Finding("delivery", "descriptor_field", sentence)
    return None


def _resource_problem(entry: Mapping[str, Any], folder: Path) -> Finding | None:
    """What is wrong with the description of one file."""
    name, path, size, digest = (entry.get(key) for key in ("name", "path", "bytes", "hash"))
    dialect, encoding = entry.get("dialect"), entry.get("encoding")
    for field, is_right in (
        ("name", isinstance(name, str) and bool(name)),
        ("path", isinstance(path, str) and bool(path)),
        ("bytes", isinstance(size, int) and not isinstance(size, bool) and size >= 0),
        ("hash", isinstance(digest, str) and bool(_HASH.match(digest.lower()))),
        ("dialect", dialect is None or isinstance(dialect, dict)),
        ("encoding", encoding is None or isinstance(encoding, str)),
    ):
        if not is_right:
            return _field_finding(f"resources.{field}")
    if problem := _name_problem(name, path):
        return Finding("delivery", "unsafe_path", problem, table=shown_resource(name))
    for field, allowed in (("delimiter", (";", ",", "\t")), ("quoteChar", ('"', "'"))):
        if (dialect or {}).get(field) not in (None, *allowed):
            return _field_finding(f"resources.dialect.{field}")
    if not _stays_inside(path, folder):
        sentence = (
            "Het pad van een bestand wijst buiten de map van de levering, is een verwijzing, of is geen gewoon "
            "bestand. Zet elk bestand zelf in de map."
        )
        return Finding("delivery", "unsafe_path", sentence, table=shown_resource(name))
    return None


def _name_problem(name: str, path: str) -> str | None:
    if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in name + path):
        return "De naam van een tabel of bestand bevat tekens die niet te zien zijn. Gebruik letters, cijfers, _ en -."
    too_long = max(len(part.encode()) for part in path.split("/")) > _MAXIMUM_PART
    if too_long or len(path) > _MAXIMUM_PATH or len(name) > _MAXIMUM_NAME:
        return "De naam van een tabel of bestand is te lang. Noem het bestand naar de tabel."
    return None


def _stays_inside(path: str, folder: Path) -> bool:
    # as Windows reads it too: a backslash or a drive letter would otherwise pass for part of a name
    if PureWindowsPath(path).anchor or PurePosixPath(path).is_absolute() or ".." in re.split(r"[/\\]", path):
        return False
    if "://" in path:
        return False  # a data package may name a web address; a delivery brings its files along
    place = folder
    for part in PurePosixPath(path).parts:
        place = place / part
        if place.is_symlink():
            return False
    # what is there and no ordinary file, like a folder or a pipe, can never arrive
    return place != folder and (place.is_file() or not place.exists())


def _arriving(folder: DeliveryFolder, declared: list[dict[str, Any]]) -> tuple[str, ...]:
    """The tables whose file is not there, or has fewer bytes than declared."""
    places = {entry["name"]: (folder.path / entry["path"], entry["bytes"]) for entry in declared}
    return tuple(name for name, (path, size) in places.items() if not path.is_file() or path.stat().st_size < size)


def _resource(entry: Mapping[str, Any], path: Path, digest: str, is_alone: bool) -> Resource:
    dialect = entry.get("dialect") or {}
    return Resource(
        name=entry["name"],
        path=path,
        sha256=digest,
        delimiter=dialect.get("delimiter"),
        quote=dialect.get("quoteChar"),
        encoding=entry.get("encoding"),
        is_alone=is_alone,
    )


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _package_hash(contract: int, resources: tuple[Resource, ...], corrects_final: bool) -> str:
    # without `created`: the same files sent again under the same version are the same delivery
    content = [[each.name, each.sha256, each.delimiter, each.quote, each.encoding] for each in resources]
    # with the flag: what was refused for want of it cannot be let in under the same version
    flags = ["correction_of_final"] if corrects_final else []
    return hashlib.sha256(json.dumps([contract, sorted(content, key=str), *flags]).encode()).hexdigest()
