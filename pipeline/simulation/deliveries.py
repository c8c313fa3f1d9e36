"""Deliveries as the consortia send them: from a simulated half-year to data packages in the inbox.

Belongs here: when which version is sent, how each consortium writes its files, and the descriptor. A folder is complete
once its descriptor is there, so that is written last, and in one move.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path

import numpy as np

from pipeline.periods import HalfYear, between
from pipeline.simulation.chance import MISSING, Table, half_year_number, stream
from pipeline.simulation.districts import DistrictSize
from pipeline.simulation.faults import (
    HIGHEST_SHARE,
    FaultyRow,
    TextTable,
    corrected,
    with_broken_export,
    with_slips,
)
from pipeline.simulation.world import FIRST_HALF_YEAR, ZRM_SWITCH, World

DESCRIPTOR = "datapackage.json"
CONTRACT = 1

# Of every eleven half-years one has a rejected delivery, of another consortium each time.
_REJECTED_EVERY, _REJECTED_AT = 11, 6
_REJECTED_ORDER = ("tom", "go", "boost")
# Each consortium corrects one delivery in three years.
_CORRECTED_EVERY = 6
_CORRECTED_AT = {"tom": 3, "go": 1, "boost": 5}

_MAXIMUM_REFUSED = 0.02  # of the rows of a table, by the contract

_FIRST_VERSION_AFTER = (33, 43)  # days after the half-year
_NEXT_VERSION_AFTER = (14, 35)  # days after the first version


@dataclass(frozen=True)
class FileForm:
    """How a consortium writes its files."""

    delimiter: str
    encoding: str
    byte_order_mark: bytes
    dutch_dates: bool


_FORMS = {
    "tom": FileForm(";", "utf-8", b"\xef\xbb\xbf", dutch_dates=True),
    "go": FileForm(",", "utf-8", b"", dutch_dates=False),
    "boost": FileForm(";", "windows-1252", b"", dutch_dates=True),
}


@dataclass(frozen=True)
class SimulatedDelivery:
    """One delivery that was written.

    Attributes:
        consortium, period, version: which.
        folder: where.
        created: moment on its descriptor, UTC.
        rows: rows per table.
        faults: the rows that the contract refuses.
        status: what the municipality will decide: ``accepted``, ``partially_accepted`` or ``rejected``.
    """

    consortium: str
    period: HalfYear
    version: int
    folder: Path
    created: datetime
    rows: Mapping[str, int]
    faults: tuple[FaultyRow, ...]
    status: str


@dataclass(frozen=True)
class SimulationSummary:
    """What ``simulate`` wrote, and the truth about it.

    Attributes:
        inbox: where.
        deliveries: in the order in which they were written: by half-year, consortium and version.
    """

    inbox: Path
    deliveries: tuple[SimulatedDelivery, ...]

    @property
    def rows(self) -> dict[str, int]:
        """Rows per table over all deliveries."""
        totals: dict[str, int] = {}
        for delivery in self.deliveries:
            for table, count in delivery.rows.items():
                totals[table] = totals.get(table, 0) + count
        return totals

    def write_truth(self, path: Path) -> None:
        """Write all faulty rows as CSV: consortium, period, version, table, row_number, column, rule.

        Raises:
            ValueError: when the file would lie in the inbox, among what the municipality receives.
        """
        if path.resolve().is_relative_to(self.inbox.resolve()):
            raise ValueError("the truth does not belong in the inbox")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as handle:
            writer = csv.writer(handle, lineterminator="\n")
            writer.writerow(("consortium", "period", "version", "table", "row_number", "column", "rule"))
            for delivery in self.deliveries:
                for fault in delivery.faults:
                    which = (delivery.consortium, str(delivery.period), delivery.version)
                    writer.writerow((*which, fault.table, fault.row_number, fault.column, fault.rule))


def simulate(
    inbox: Path,
    first: HalfYear,
    last: HalfYear,
    *,
    seed: int = 1,
    scale: float = 1.0,
    districts: Sequence[DistrictSize] | None = None,
    fault_share: float = 0.003,
    corrections: bool = True,
    zrm_switch: HalfYear = ZRM_SWITCH,
    progress: Callable[[str, int, int], None] | None = None,
) -> SimulationSummary:
    """Write the deliveries of all consortia over a range of half-years.

    The same arguments give the same bytes, and a half-year's deliveries are the same whatever range they are part of.
    A delivery that is already there is left alone.

    Args:
        inbox: folder under which ``<consortium>/<period>/<version>/`` is made.
        first, last: half-years, both included. A consortium delivers from its own first half-year on.
        seed: zero or higher.
        scale: factor on the number of clients, visits and interviews.
        districts: sizes of the districts; default the districts in the project's open data.
        fault_share: faulty rows per row of a table, 0 to 0.01.
        corrections: whether some deliveries get a second version, of which one because the first is rejected.
        zrm_switch: half-year in which Tom changes from the 2013 to the 2017 edition of the Zelfredzaamheid-Matrix.
        progress: called before each delivery and at the end with what is written, how many are done, and how many there
            are.

    Raises:
        ValueError: for a range that ends before it begins or begins before 2015-H1, or arguments out of bounds.
        FileExistsError: when another delivery lies where one would be written; nothing is overwritten.
    """
    if last < first or first < FIRST_HALF_YEAR:
        raise ValueError(f"the range {first} to {last} is not a range of half-years from {FIRST_HALF_YEAR} on")
    if not 0 <= fault_share <= HIGHEST_SHARE:
        raise ValueError(f"the share of faulty rows must lie between 0 and {HIGHEST_SHARE}")
    world = World(seed=seed, scale=scale, districts=districts, zrm_switch=zrm_switch)
    codes = set(world.districts.codes)
    written: list[SimulatedDelivery] = []
    total = _planned(world, first, last, corrections)
    for period in between(first, last):
        world.advance_to(period)
        for consortium in world.delivering():
            clean = {name: _as_text(table, _FORMS[consortium]) for name, table in world.tables(consortium).items()}
            for version in range(1, _versions(consortium, period, corrections) + 1):
                name = f"{consortium} {period} v{version}"
                if progress:
                    progress(name, len(written), total)
                tables, faults = _version(clean, consortium, period, version, seed, fault_share, codes, corrections)
                written.append(_write(inbox, consortium, period, version, seed, tables, faults))
    if progress:
        progress("", total, total)
    return SimulationSummary(inbox, tuple(written))


def has_rejected_delivery(consortium: str, period: HalfYear) -> bool:
    """Whether the first version of this delivery is one that must be rejected as a whole."""
    span, place = divmod(half_year_number(period), _REJECTED_EVERY)
    return place == _REJECTED_AT and _REJECTED_ORDER[span % len(_REJECTED_ORDER)] == consortium


def has_correction(consortium: str, period: HalfYear) -> bool:
    """Whether the consortium sends a second version of this delivery because it changed its mind on some rows."""
    corrects = half_year_number(period) % _CORRECTED_EVERY == _CORRECTED_AT[consortium]
    return corrects and not has_rejected_delivery(consortium, period)


def _versions(consortium: str, period: HalfYear, corrections: bool) -> int:
    again = has_rejected_delivery(consortium, period) or has_correction(consortium, period)
    return 2 if corrections and again else 1


def _planned(world: World, first: HalfYear, last: HalfYear, corrections: bool) -> int:
    """How many deliveries there will be."""
    return sum(
        _versions(consortium, period, corrections)
        for period in between(first, last)
        for consortium in world.delivering(period)
    )


def _version(
    clean: Mapping[str, TextTable],
    consortium: str,
    period: HalfYear,
    version: int,
    seed: int,
    fault_share: float,
    district_codes: Collection[str],
    corrections: bool,
) -> tuple[dict[str, TextTable], list[FaultyRow]]:
    """The tables of one version, and its faulty rows: a second version has none."""
    rng = stream(seed, consortium, "version", version, half_year_number(period))
    if version == 2:
        if has_correction(consortium, period):
            return corrected(clean, consortium, rng), []
        return dict(clean), []
    if corrections and has_rejected_delivery(consortium, period):
        return with_broken_export(clean, consortium, rng)
    return with_slips(clean, fault_share, district_codes, rng)


def _as_text(table: Table, form: FileForm) -> TextTable:
    return {name: _cells(values, form) for name, values in table.items()}


def _cells(values: np.ndarray, form: FileForm) -> list[str]:
    """A column as text: empty where a value is missing."""
    if values.dtype.kind == "M":
        texts = np.where(np.isnat(values), "", np.datetime_as_string(values, unit="D")).tolist()
        if form.dutch_dates:
            return [f"{text[8:]}-{text[5:7]}-{text[:4]}" if text else "" for text in texts]
        return texts
    if values.dtype.kind == "b":
        return np.where(values, "ja", "nee").tolist()
    if values.dtype.kind == "i":
        return ["" if number == MISSING else str(number) for number in values.tolist()]
    return values.tolist()


def _write(
    inbox: Path,
    consortium: str,
    period: HalfYear,
    version: int,
    seed: int,
    tables: Mapping[str, TextTable],
    faults: Sequence[FaultyRow],
) -> SimulatedDelivery:
    """Write one delivery: the files, then the descriptor."""
    form = _FORMS[consortium]
    folder = inbox / consortium / str(period) / str(version)
    contents = {name: _file_bytes(table, form) for name, table in tables.items()}
    created = _created(seed, consortium, period, version)
    descriptor = _descriptor(consortium, period, version, created, contents, form)
    place = folder / DESCRIPTOR
    if not place.exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            (folder / f"{name}.csv").write_bytes(content)
        arriving = folder / f".{DESCRIPTOR}.arriving"
        arriving.write_bytes(descriptor)
        arriving.replace(place)
    elif place.read_bytes() != descriptor:
        raise FileExistsError(f"another delivery lies in {folder}; remove it or choose another folder")
    rows = {name: len(next(iter(table.values()))) for name, table in tables.items()}
    return SimulatedDelivery(
        consortium=consortium,
        period=period,
        version=version,
        folder=folder,
        created=created,
        rows=rows,
        faults=tuple(faults),
        status=_status(faults, rows),
    )


def _status(faults: Sequence[FaultyRow], rows: Mapping[str, int]) -> str:
    refused = Counter(fault.table for fault in faults)
    if any(count > _MAXIMUM_REFUSED * rows[table] for table, count in refused.items()):
        return "rejected"
    return "partially_accepted" if refused else "accepted"


def _file_bytes(table: TextTable, form: FileForm) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=form.delimiter, lineterminator="\r\n")
    writer.writerow(table)
    writer.writerows(zip(*table.values(), strict=True))
    return form.byte_order_mark + text.getvalue().encode(form.encoding)


def _created(seed: int, consortium: str, period: HalfYear, version: int) -> datetime:
    """When the delivery was made: five to six weeks after the half-year, a second version some weeks later."""
    rng = stream(seed, consortium, "created", half_year_number(period))
    waits = rng.integers(*_FIRST_VERSION_AFTER), rng.integers(*_NEXT_VERSION_AFTER)
    day = period.ends_on + timedelta(days=int(sum(waits[:version])))
    workday = day - timedelta(days=max(day.weekday() - 4, 0))
    minutes = int(rng.integers(8 * 60, 17 * 60))
    return datetime.combine(workday, time(minutes // 60, minutes % 60))


def _descriptor(
    consortium: str,
    period: HalfYear,
    version: int,
    created: datetime,
    contents: Mapping[str, bytes],
    form: FileForm,
) -> bytes:
    package = {
        "name": f"{consortium}-{period}-v{version}".lower(),
        "created": f"{created.isoformat()}Z",
        "consortium": consortium,
        "period": str(period),
        "version": version,
        "contract": CONTRACT,
        "resources": [
            {
                "name": name,
                "path": f"{name}.csv",
                "bytes": len(content),
                "hash": f"sha256:{hashlib.sha256(content).hexdigest()}",
                "dialect": {"delimiter": form.delimiter},
                "encoding": form.encoding,
            }
            for name, content in contents.items()
        ],
    }
    return (json.dumps(package, indent=2, ensure_ascii=False) + "\n").encode()
