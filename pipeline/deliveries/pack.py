"""Making a delivery of a folder of files: which file is which table, and the descriptor ``datapackage.json``.

Belongs here: what a consortium's own folder holds, and the words for what does not fit. Does not belong here: judging
(``intake.py``). These sentences go to the screen of the sender alone, so they may name files and sheets.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.deliveries import dutch
from pipeline.deliveries.contract import CONTRACT_VERSION, Contract, consortium_name, contracts_for, load_contracts
from pipeline.deliveries.example import is_marked
from pipeline.deliveries.headings import folded
from pipeline.deliveries.package import DESCRIPTOR, MAXIMUM_DESCRIPTOR_BYTES, DeliveryFolder, Resource, wrong_fields
from pipeline.deliveries.vault import write_text
from pipeline.deliveries.workbook import CODES_SHEET, EXPLANATION_SHEET
from pipeline.periods import HalfYear
from pipeline.settings import CONSORTIA

_TABLES = (".csv", ".xlsx")
_NOT_TAKEN = (".xls", ".xlsm", ".xlsb", ".ods", ".tsv", ".txt")
_SHEETS_OF_TEMPLATE = (folded(EXPLANATION_SHEET), folded(CODES_SHEET))


class PackFault(ValueError):
    """Why no delivery can be made of a folder, in Dutch, for the sender."""


@dataclass(frozen=True)
class FoundTable:
    """A table in a folder.

    Attributes:
        table: name of the resource.
        path: file in which it lies.
        sheet: sheet of the workbook, None for a CSV file.
        dialect, encoding: as an earlier descriptor of the folder declares them for this file, or None.
    """

    table: str
    path: Path
    sheet: str | None = None
    dialect: Mapping[str, str] | None = None
    encoding: str | None = None

    @property
    def place(self) -> str:
        """Where it lies, in words."""
        is_named = self.sheet is None or _table_named(self.path.stem) == self.table
        return self.path.name if is_named else f"{self.path.name}, blad {self.sheet}"

    def resource(self) -> Resource:
        """The table as what the readers read; its hash is not known yet."""
        dialect = self.dialect or {}
        return Resource(self.table, self.path, "", dialect.get("delimiter"), dialect.get("quoteChar"), self.encoding)


@dataclass(frozen=True)
class Contents:
    """What a folder delivers.

    Attributes:
        delivery: the folder, and which consortium, half-year and version it is.
        is_correction_of_final: whether it says that it corrects a half-year that is final.
        tables: its tables, in the order of the contract.
        left_out: names of files and sheets that are not part of the delivery.
        missing: required tables that are not there.
    """

    delivery: DeliveryFolder
    is_correction_of_final: bool
    tables: tuple[FoundTable, ...]
    left_out: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Packed:
    """A delivery that is ready.

    Attributes:
        contents: what it holds.
        sizes: bytes of each of its files.
    """

    contents: Contents
    sizes: Mapping[Path, int]


def find_contents(
    folder: Path,
    *,
    consortium: str | None = None,
    period: HalfYear | None = None,
    version: int | None = None,
    correction_of_final: bool = False,
    named_after: Path | None = None,
) -> Contents:
    """Find the tables of a folder, and whose, of which half-year and which version they are.

    What is not given is taken from the name of the folder (``<consortium>/<period>/<version>``), and otherwise from the
    descriptor that is already there.

    Args:
        folder: holds the files.
        consortium, period, version: of the delivery.
        correction_of_final: whether it corrects a half-year that is final.
        named_after: a folder whose name comes before that of ``folder``.

    Raises:
        PackFault: when that cannot be known, or when something in the folder does not fit in a delivery.
    """
    earlier = _earlier_descriptor(folder)
    said: dict[str, Any] = {"consortium": consortium, "period": str(period) if period else None, "version": version}
    for source in (*(_said_by_name(each) for each in (named_after, folder) if each), earlier):
        said = {name: value or source.get(name) for name, value in said.items()}
    delivery = _delivery(folder, said)
    contracts = contracts_for(delivery.consortium)
    left_out: list[str] = []
    found: dict[str, FoundTable] = {}
    for each in _tables_in(folder, delivery.consortium, contracts, left_out):
        if each.table in found:
            raise PackFault(
                f"De tabel {each.table} staat er twee keer: in {found[each.table].place} en in {each.place}. "
                "Laat er één staan."
            )
        found[each.table] = _as_declared(each, earlier)
    if not found:
        names = " of ".join(f"{table}.csv" for table in list(contracts)[:2])
        raise PackFault(
            "In deze map staat geen tabel. Zet er CSV-bestanden of Excel-werkmappen (.xlsx) in die heten zoals de "
            f"tabel, bijvoorbeeld {names}, of het ingevulde sjabloon."
        )
    is_same = (earlier.get("consortium"), earlier.get("period")) == (delivery.consortium, delivery.period)
    return Contents(
        delivery=delivery,
        is_correction_of_final=correction_of_final or (is_same and earlier.get("correction_of_final") is True),
        tables=tuple(found[table] for table in contracts if table in found),
        left_out=tuple(left_out),
        missing=tuple(each.table for each in contracts.values() if each.required and each.table not in found),
    )


def pack(contents: Contents) -> Packed:
    """Write the descriptor of a delivery, in place of an earlier one; nothing else in the folder changes.

    Args:
        contents: what ``find_contents`` found.
    """
    delivery = contents.delivery
    files = {path: _measured(path) for path in dict.fromkeys(each.path for each in contents.tables)}
    resources = []
    for each in contents.tables:
        size, digest = files[each.path]
        entry: dict[str, Any] = {"name": each.table, "path": each.path.name, "bytes": size, "hash": f"sha256:{digest}"}
        if each.dialect:
            entry["dialect"] = dict(each.dialect)
        if each.encoding:
            entry["encoding"] = each.encoding
        resources.append(entry)
    descriptor: dict[str, Any] = {
        "name": f"{delivery.consortium}-{delivery.period}-v{delivery.version}".lower(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "consortium": delivery.consortium,
        "period": delivery.period,
        "version": delivery.version,
        "contract": CONTRACT_VERSION,
    }
    if contents.is_correction_of_final:
        descriptor["correction_of_final"] = True
    descriptor["resources"] = resources
    write_text(json.dumps(descriptor, ensure_ascii=False, indent=2) + "\n", delivery.path / DESCRIPTOR)
    return Packed(contents, {path: size for path, (size, _) in files.items()})


def packed_text(packed: Packed) -> str:
    """What was packed, in Dutch, for the sender.

    Args:
        packed: what ``pack`` made.
    """
    contents = packed.contents
    delivery = contents.delivery
    lines = [
        f"Levering van {consortium_name(delivery.consortium)}, {delivery.period}, versie {delivery.version}"
        + (", een verbetering van een definitief halfjaar" if contents.is_correction_of_final else ""),
        "",
    ]
    for each in contents.tables:
        size = dutch.number(packed.sizes[each.path])
        lines.append(f"  {each.table:<18}{each.place:<46}{size:>16} bytes")
    if contents.left_out:
        lines += ["", f"Niet meegenomen: {', '.join(contents.left_out)}."]
    if contents.missing:
        lines += [
            "",
            f"Let op, verplicht maar niet gevonden: {', '.join(contents.missing)}. De levering wordt zo afgewezen.",
        ]
    return "\n".join([*lines, "", f"Geschreven: {delivery.path / DESCRIPTOR}"])


# --- whose delivery it is ---


def _earlier_descriptor(folder: Path) -> dict[str, Any]:
    """The descriptor that is already there, or nothing: it is about to be replaced."""
    path = folder / DESCRIPTOR
    try:
        if path.is_symlink() or path.stat().st_size > MAXIMUM_DESCRIPTOR_BYTES:
            return {}
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _said_by_name(folder: Path) -> dict[str, Any]:
    """What the name of a folder says, when it is that of a delivery."""
    parts = folder.resolve().parts[-3:]
    if len(parts) < 3 or not parts[2].isdecimal():
        return {}
    said = {"consortium": parts[0], "period": parts[1], "version": int(parts[2])}
    return {} if wrong_fields(said) else said


def _delivery(folder: Path, said: Mapping[str, Any]) -> DeliveryFolder:
    options = {
        "consortium": f"--consortium ({', '.join(CONSORTIA)})",
        "period": "--period (bijvoorbeeld 2024-H1)",
        "version": "--version (1 voor de eerste levering van het halfjaar, 2 voor de eerste verbetering)",
    }
    if wrong := wrong_fields(said):
        raise PackFault(
            f"Geef nog op: {'; '.join(options[name] for name in wrong)}. Dat hoeft niet als de map "
            "<consortium>/<halfjaar>/<versie> heet, bijvoorbeeld tom/2024-H1/1."
        )
    return DeliveryFolder(folder, said["consortium"], said["period"], said["version"])


# --- which file is which table ---


def _tables_in(
    folder: Path, consortium: str, contracts: Mapping[str, Contract], left_out: list[str]
) -> Iterator[FoundTable]:
    for path in sorted(folder.iterdir()):
        if path.is_symlink():
            raise PackFault(f"{path.name} is een verwijzing naar een ander bestand. Zet het bestand zelf in de map.")
        if path.name == DESCRIPTOR or path.name.startswith((".", "~$")):
            continue  # what systems and open office programs leave behind
        suffix = path.suffix.lower()
        if path.is_dir() or suffix not in (*_TABLES, *_NOT_TAKEN):
            left_out.append(path.name)
        elif suffix in _NOT_TAKEN:
            if suffix in (".tsv", ".txt") and _table_named(path.stem) is None:
                left_out.append(path.name)
                continue
            raise PackFault(f"{path.name} kan niet mee: lever CSV of Excel (.xlsx). Sla het bestand opnieuw op.")
        elif suffix == ".csv":
            yield FoundTable(_own_table(path.stem, path.name, consortium, contracts), path)
        else:
            yield from _sheets_in(path, consortium, contracts, left_out)


def _sheets_in(
    path: Path, consortium: str, contracts: Mapping[str, Contract], left_out: list[str]
) -> Iterator[FoundTable]:
    filled = {
        name: rows for name, rows in _rows_per_sheet(path).items() if rows and folded(name) not in _SHEETS_OF_TEMPLATE
    }
    if not filled:
        raise PackFault(f"In {path.name} is geen blad ingevuld.")
    first = next(iter(filled))
    if len(filled) == 1 and _table_named(path.stem) and not _table_named(first):
        # a workbook for one table: its sheet may have any name
        yield FoundTable(_own_table(path.stem, path.name, consortium, contracts), path, first)
        return
    for name, rows in filled.items():
        # a sheet that is no table is not just left out: it would travel along unseen, whoever is in it
        table = _own_table(name, f"Blad {name} in {path.name}", consortium, contracts)
        if rows == 1 and not contracts[table].required:
            left_out.append(f"{path.name}, blad {name}: niet ingevuld")
        else:
            yield FoundTable(table, path, name)


def _own_table(name: str, place: str, consortium: str, contracts: Mapping[str, Contract]) -> str:
    """The table of the consortium that a file or sheet is named after."""
    table = _table_named(name)
    if table in contracts:
        return table
    if table:
        raise PackFault(f"{place}: de tabel {table} hoort niet bij de levering van {consortium}. Haal haar weg.")
    near = difflib.get_close_matches(folded(name), contracts, 1, 0.6)
    meant = f" Bedoelt u {near[0]}? Geef het dan die naam." if near else ""
    raise PackFault(
        f"{place} heet niet zoals een tabel.{meant} De tabellen zijn: {', '.join(contracts)}. "
        "Haal weg wat niet bij de levering hoort."
    )


def _table_named(name: str) -> str | None:
    """The table of the contract that is meant, by the same rule as the one by which its sheet is found."""
    return next((table for table in load_contracts() if folded(table) == folded(name)), None)


def _rows_per_sheet(path: Path) -> dict[str, int]:
    """Per sheet 0 when it has no content, 1 for headings only, 2 when a row stands under them that is no example."""
    from openpyxl import load_workbook

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about what openpyxl would not write again: nothing is written here
            workbook = load_workbook(path, read_only=True, data_only=True)
            try:
                return {
                    sheet.title: _rows_at_the_top(sheet.iter_rows(values_only=True)) for sheet in workbook.worksheets
                }
            finally:
                workbook.close()
    except Exception:  # of a broken workbook the library raises whatever it stumbles over
        raise PackFault(
            f"{path.name} is niet te lezen als Excel-werkmap. Staat er een wachtwoord op? Open het bestand in Excel en "
            "sla het opnieuw op als Excel-werkmap (.xlsx), zonder wachtwoord."
        ) from None


def _rows_at_the_top(rows: Iterable[tuple[Any, ...]]) -> int:
    found = 0
    for row in rows:
        cells = [cell for cell in row if cell is not None and str(cell).strip()]
        if not cells or (found and is_marked(cells[0])):
            continue
        found += 1
        if found == 2:
            break
    return found


def _as_declared(found: FoundTable, earlier: Mapping[str, Any]) -> FoundTable:
    """With the dialect and the encoding that the earlier descriptor has for this table in this file."""
    resources = earlier.get("resources")
    for entry in resources if isinstance(resources, list) else []:
        if isinstance(entry, dict) and (entry.get("name"), entry.get("path")) == (found.table, found.path.name):
            dialect, encoding = entry.get("dialect"), entry.get("encoding")
            return FoundTable(
                table=found.table,
                path=found.path,
                sheet=found.sheet,
                dialect=dialect if isinstance(dialect, dict) else None,
                encoding=encoding if isinstance(encoding, str) else None,
            )
    return found


def _measured(path: Path) -> tuple[int, str]:
    """Bytes and hash of a file, of one reading."""
    with path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
        return handle.tell(), digest
