"""The intake: from a delivery folder to a judgement, and from a judgement to vault, quarantine, receipt and log.

Belongs here: the order of the steps and what becomes of a delivery as a whole. A delivery's fault is its own: it never
stops the next one. Being killed halfway leaves a delivery without log, and it is then simply received again.
"""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, replace
from pathlib import Path

import duckdb

from pipeline.deliveries import dutch
from pipeline.deliveries.contract import Contract, contracts_for, load_contracts
from pipeline.deliveries.counts import both_forms, counted_indicators, dispensable_tables, replaceable_tables
from pipeline.deliveries.earlier import earlier_deliveries
from pipeline.deliveries.example import set_aside_examples
from pipeline.deliveries.findings import DeliveryFault, Finding, Judgement, TableCount
from pipeline.deliveries.guard import find_personal_data, shown_column
from pipeline.deliveries.judge import judge_rows, quarantine_rows, vault_rows
from pipeline.deliveries.package import (
    DeliveryFolder,
    Incomplete,
    Package,
    PackageFault,
    Resource,
    delivery_folder,
    find_deliveries,
    read_package,
    shown_resource,
)
from pipeline.deliveries.profile import profile_table
from pipeline.deliveries.pseudonyms import install_pseudonyms
from pipeline.deliveries.reader import RawTable, read_other_sheets, read_table
from pipeline.deliveries.receipts import RECEIPT, receipt, write_receipt
from pipeline.deliveries.scratch import open_scratch
from pipeline.deliveries.vault import (
    LogEntry,
    clear_version,
    ensure_vault,
    quarantine_path,
    read_log,
    receipt_folder,
    table_path,
    write_log,
    write_profiles,
    write_query,
)
from pipeline.deliveries.versions import final_period_findings
from pipeline.periods import now
from pipeline.settings import Settings

__all__ = [
    "DeliveryFolder",
    "Judgement",
    "Outcome",
    "find_deliveries",
    "judge_delivery",
    "receive",
]

_LOGGER = logging.getLogger(__name__)
_CONFLICT = "-conflict"
_DAY = 86_400
_COLUMNS_NAMED = 20
_OTHER_SHEET = "een ander blad"


@dataclass(frozen=True)
class Outcome:
    """What receiving a delivery did.

    Attributes:
        consortium, period, version: the delivery.
        status: ``accepted``, ``partially_accepted``, ``rejected``, ``unchanged`` (received before: nothing was written)
            or ``incomplete`` (still arriving: nothing was written).
        tables: counts per table; those of the log when it is unchanged.
        findings: what was found; empty when it is unchanged.
        receipt: the receipt in JSON, its page lies beside it; None when there is none.
        seconds: how long it took.
    """

    consortium: str
    period: str
    version: int
    status: str
    tables: Mapping[str, TableCount]
    findings: tuple[Finding, ...]
    receipt: Path | None
    seconds: float


def judge_delivery(folder: Path | DeliveryFolder) -> Judgement:
    """Judge a delivery and write nothing.

    Args:
        folder: a delivery of the inbox, or any folder with a descriptor, which then tells what it delivers.

    Returns:
        The judgement; a fault in the delivery is a finding, never an exception.
    """
    known = folder if isinstance(folder, DeliveryFolder) else None
    try:
        known = known or delivery_folder(folder)
        package = read_package(known)
        with tempfile.TemporaryDirectory() as work, open_scratch(Path(work)) as connection:
            return _judge(connection, package)
    except Incomplete as arriving:
        return _incomplete(known, arriving)
    except PackageFault as fault:
        return _rejected(known, fault)
    except Exception as error:
        return _failed(known, error)


def receive(folder: DeliveryFolder, settings: Settings) -> Outcome:
    """Judge a delivery and keep what was decided: accepted rows, refused rows, receipt and log.

    A version that has been judged is settled. The same content again is ``unchanged``; other content under the same
    version is rejected with a receipt of its own, and what the first left stays as it is.

    Args:
        folder: a delivery of the inbox.
        settings: the installation.

    Returns:
        The outcome. A technical failure is a rejected outcome too, but is not logged: the delivery is tried again.

    Raises:
        SettingsError: when there is no pseudonym key; that is no fault of the delivery.
    """
    started = time.monotonic()
    key = settings.pseudonym_key(folder.consortium)
    try:
        judgement, path = _receive(folder, settings, key)
    except Exception as error:
        judgement, path = _failed(folder, error), None
    return Outcome(
        consortium=folder.consortium,
        period=folder.period,
        version=folder.version,
        status=judgement.status,
        tables=judgement.tables,
        findings=judgement.findings,
        receipt=path,
        seconds=time.monotonic() - started,
    )


def _receive(folder: DeliveryFolder, settings: Settings, key: bytes) -> tuple[Judgement, Path | None]:
    place = (folder.consortium, folder.period, folder.version)
    ensure_vault(settings)
    package: Package | None = None
    try:
        package = read_package(folder)
        package_hash = package.package_hash
    except Incomplete as arriving:
        return _incomplete(folder, arriving), None
    except PackageFault as fault:
        judgement = _rejected(folder, fault)
        package_hash = fault.package_hash
    receipts = receipt_folder(settings, *place)
    if logged := read_log(settings, *place):
        if logged.package_hash == package_hash:
            tables = {table: TableCount(*counts) for table, counts in logged.tables.items()}
            return Judgement(*place, status="unchanged", tables=tables), receipts / f"{RECEIPT}.json"
        return _conflict(folder, receipts, package_hash)
    clear_version(settings, *place)
    received_at = now()
    if package:
        with _work_folder(settings) as work, open_scratch(work) as connection:
            judgement = _judge(connection, package, final_period_findings(settings, package))
            _write_rows(connection, judgement, settings, key)
    path = write_receipt(receipts, receipt(judgement, received_at, earlier_deliveries(settings, judgement)))
    entry = LogEntry(
        status=judgement.status,
        created=judgement.created,
        received_at=received_at,
        package_hash=package_hash,
        contract=judgement.contract,
        tables={table: astuple(count) for table, count in judgement.tables.items()},
        correction_of_final=bool(package and package.correction_of_final),
    )
    write_profiles(settings, *place, judgement.profiles)
    write_log(settings, *place, entry)
    return judgement, path


# --- judging ---


def _judge(connection: duckdb.DuckDBPyConnection, package: Package, from_history: Sequence[Finding] = ()) -> Judgement:
    folder = package.folder
    contracts = contracts_for(folder.consortium)
    raws: dict[str, RawTable] = {}
    findings = [*from_history]
    for number, resource in enumerate(package.resources):
        contract = contracts.get(resource.name)
        known = contract.names if contract else ()
        table = shown_resource(resource.name)
        try:
            raw = read_table(connection, resource, f"raw_{number}", known)
        except DeliveryFault as fault:
            findings.extend([fault.finding] if contract else [_extra_table(table)])
            continue
        findings.extend(find_personal_data(connection, table, raw, known))
        if contract:
            findings.extend(set_aside_examples(connection, contract, raw))
            raws[resource.name] = raw
            findings.extend(_extra_columns(contract, raw))
        else:
            findings.append(_extra_table(table))
            raw.drop(connection)
    findings.extend(_other_sheets(connection, [each for each in package.resources if each.name in raws]))
    counts, row_findings = judge_rows(connection, raws, contracts, folder.half_year)
    findings.extend(row_findings)
    delivered = {resource.name for resource in package.resources}
    counted = counted_indicators(connection, counts)
    dispensable = dispensable_tables(contracts, delivered, counted)
    findings.extend(
        _missing_table(each)
        for each in contracts.values()
        if each.required and each.table not in delivered | dispensable
    )
    findings.extend(both_forms(connection, contracts, counts, counted))
    judgement = Judgement(
        consortium=folder.consortium,
        period=folder.period,
        version=folder.version,
        status="rejected",
        created=package.created,
        contract=package.contract,
        package_hash=package.package_hash,
        tables=counts,
        findings=tuple(sorted(findings, key=lambda finding: not finding.is_fatal)),
        profiles={table: profile_table(connection, contracts[table]) for table in counts},
    )
    if judgement.has_personal_data:
        # no value of such a delivery is repeated, however harmless it looks
        judgement = replace(judgement, findings=tuple(replace(each, examples=()) for each in judgement.findings))
    if any(finding.is_fatal for finding in findings):
        return replace(judgement, tables={table: replace(count, accepted=0) for table, count in counts.items()})
    some_refused = any(count.refused for count in counts.values())
    return replace(judgement, status="partially_accepted" if some_refused else "accepted")


def _extra_columns(contract: Contract, raw: RawTable) -> list[Finding]:
    known = raw.positions(contract.names)
    if not known:
        return []  # the first line holds no headings, perhaps a row
    extra = [
        shown_column(heading, position)
        for position, heading in enumerate(raw.headings)
        if heading and position not in known.values()
    ]
    if not extra:
        return []
    names = ", ".join(extra[:_COLUMNS_NAMED])
    if len(extra) > _COLUMNS_NAMED:
        names += f" en nog {dutch.number(len(extra) - _COLUMNS_NAMED)} andere"
    sentence = f"Deze kolommen staan niet in het leveringscontract en zijn niet overgenomen: {names}."
    return [Finding("notice", "extra_column", sentence, contract.table)]


def _extra_table(table: str) -> Finding:
    sentence = "Deze tabel hoort niet bij de levering van uw consortium en is niet overgenomen."
    return Finding("notice", "extra_table", sentence, table)


def _other_sheets(connection: duckdb.DuckDBPyConnection, resources: Sequence[Resource]) -> Iterator[Finding]:
    """Sheets that nobody asked for lie in the inbox all the same: they are searched like any table."""
    unasked = False
    for name, raw in read_other_sheets(connection, resources, "other_sheet"):
        unasked = unasked or name not in load_contracts()  # the template has a sheet for a table that may stay away
        yield from find_personal_data(connection, _OTHER_SHEET, raw, ())
    if unasked:
        sentence = "De Excel-werkmap heeft ook bladen die niet bij de levering horen. Zij zijn niet overgenomen."
        yield Finding("notice", "extra_sheet", sentence)


def _missing_table(contract: Contract) -> Finding:
    sentence = (
        f"De verplichte tabel {contract.table} ontbreekt in datapackage.json. Zij mag alleen wegblijven als alle "
        "indicatoren die eruit volgen in aantallen staan."
        if contract.table in replaceable_tables()
        else f"De verplichte tabel {contract.table} ontbreekt in datapackage.json."
    )
    return Finding("delivery", "missing_table", sentence, contract.table)


def _incomplete(folder: DeliveryFolder | None, arriving: Incomplete) -> Judgement:
    names = ", ".join(dict.fromkeys(shown_resource(name) for name in arriving.missing)) or "datapackage.json"
    finding = Finding("notice", "incomplete", f"Nog niet of niet geheel aangekomen: {names}.")
    return Judgement(*_place(folder), status="incomplete", findings=(finding,))


def _rejected(folder: DeliveryFolder | None, fault: PackageFault) -> Judgement:
    return Judgement(
        *_place(folder),
        status="rejected",
        created=fault.created,
        package_hash=fault.package_hash,
        findings=(fault.finding,),
    )


def _failed(folder: DeliveryFolder | None, error: Exception) -> Judgement:
    # the words of the error may repeat a row; its kind and its place cannot
    frame = traceback.extract_tb(error.__traceback__)[-1]
    kind = type(error).__name__
    _LOGGER.error("delivery %s failed: %s at %s:%s", _place(folder), kind, Path(frame.filename).name, frame.lineno)
    sentence = (
        f"De levering kon door een technische oorzaak niet worden beoordeeld ({kind}). Dat hoeft niet aan de levering "
        "te liggen. Zij wordt bij de volgende ronde opnieuw geprobeerd. Blijft dit zo, laat het dan weten aan de "
        "gegevensbeheerder van de gemeente."
    )
    return Judgement(*_place(folder), status="rejected", findings=(Finding("delivery", "technical_failure", sentence),))


def _place(folder: DeliveryFolder | None) -> tuple[str | None, str | None, int | None]:
    return (folder.consortium, folder.period, folder.version) if folder else (None, None, None)


# --- keeping ---


def _write_rows(connection: duckdb.DuckDBPyConnection, judgement: Judgement, settings: Settings, key: bytes) -> None:
    if judgement.has_personal_data:
        return  # refused rows of such a delivery are kept nowhere either
    place = {"consortium": judgement.consortium, "period": judgement.period, "version": judgement.version}
    contracts = contracts_for(judgement.consortium)
    install_pseudonyms(connection, key)
    for table, count in judgement.tables.items():
        if judgement.is_accepted:
            query = vault_rows(contracts[table], f"accepted_{table}", **place)
            write_query(connection, query, table_path(settings, table, **place))
        if count.refused:
            query = quarantine_rows(contracts[table], **place)
            write_query(connection, query, quarantine_path(settings, table, **place))


def _conflict(folder: DeliveryFolder, receipts: Path, package_hash: str) -> tuple[Judgement, Path]:
    sentence = (
        f"Versie {folder.version} van dit halfjaar is al eerder geleverd en beoordeeld, met een andere inhoud. "
        "Die eerdere beoordeling blijft gelden. Geef de verbeterde levering een hoger versienummer."
    )
    judgement = Judgement(
        *_place(folder),
        status="rejected",
        package_hash=package_hash,
        findings=(Finding("delivery", "version_already_delivered", sentence),),
    )
    path = receipts / f"{RECEIPT}{_CONFLICT}.json"
    if path.is_file() and json.loads(path.read_text(encoding="utf-8"))["package_hash"] == package_hash:
        return judgement, path
    return judgement, write_receipt(receipts, receipt(judgement, now()), _CONFLICT)


@contextmanager
def _work_folder(settings: Settings) -> Iterator[Path]:
    """A folder for what DuckDB cannot hold in memory; it may hold raw rows, so nobody else can read it."""
    work = settings.home / "work"
    work.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in work.iterdir():
        if left.is_dir() and time.time() - left.stat().st_mtime > _DAY:
            shutil.rmtree(left, ignore_errors=True)  # left behind by a run that was killed
    with tempfile.TemporaryDirectory(dir=work) as folder:
        yield Path(folder)
