"""Pseudonymising at the sender: from a folder with identifiers to a delivery in which there are none.

Belongs here: the key that the consortium keeps, and the way of a table through pseudonyms into a new file. The scheme
is that of ``pseudonyms.py``; the municipality puts its own over it. Does not belong here: judging (``intake.py``) and
the descriptor (``pack.py``).
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipeline.deliveries import dutch
from pipeline.deliveries.contract import Contract, contracts_for
from pipeline.deliveries.example import set_aside_examples
from pipeline.deliveries.findings import DeliveryFault, Finding
from pipeline.deliveries.guard import find_personal_data, shown_column
from pipeline.deliveries.pack import Contents, FoundTable, Packed, find_contents, pack, packed_text
from pipeline.deliveries.parsing import literal, trimmed
from pipeline.deliveries.pseudonyms import install_pseudonyms
from pipeline.deliveries.reader import RawTable, read_table
from pipeline.deliveries.scratch import open_scratch
from pipeline.periods import HalfYear

_SHORTEST_KEY = 32
_ROWS_SHOWN = 20


class PrepareFault(ValueError):
    """Why nothing was prepared, in Dutch, for the sender.

    Attributes:
        findings: what was found in the tables, if that is why.
    """

    def __init__(self, sentence: str, findings: tuple[Finding, ...] = ()) -> None:
        super().__init__(sentence)
        self.findings = findings


@dataclass(frozen=True)
class PreparedTable:
    """What was done with a table.

    Attributes:
        table: its name.
        rows: rows in the new file, also empty ones.
        pseudonymised: columns in which identifiers were replaced.
        left_out: headings of columns that are not in the contract, as far as they may be shown.
        notices: what else there is to tell.
    """

    table: str
    rows: int
    pseudonymised: tuple[str, ...]
    left_out: tuple[str, ...]
    notices: tuple[Finding, ...]


@dataclass(frozen=True)
class Prepared:
    """A pseudonymised delivery that is ready.

    Attributes:
        packed: the new delivery.
        tables: what was done with each table.
    """

    packed: Packed
    tables: tuple[PreparedTable, ...]


def prepare(
    folder: Path,
    target: Path,
    key_file: Path,
    *,
    new_key: bool = False,
    consortium: str | None = None,
    period: HalfYear | None = None,
    version: int | None = None,
    correction_of_final: bool = False,
) -> Prepared:
    """Make a delivery in which every identifier is a pseudonym, with the rows in the same places.

    The columns of the contract are taken over as they are, right or wrong, except those that hold identifiers: of these
    nothing is taken over but pseudonyms. The new folder appears as a whole or not at all.

    Args:
        folder: holds the tables of the consortium.
        target: the folder to make; it may be there when it is empty.
        key_file: holds the key of the consortium.
        new_key: make that key first.
        consortium, period, version: of the delivery, where the names of the folders and the descriptor do not tell.
        correction_of_final: whether it corrects a half-year that is final.

    Raises:
        PackFault: when the folder holds no delivery.
        PrepareFault: when a table, the target or the key is not right.
    """
    _check_target(folder.resolve(), target.resolve())
    key = None if new_key else _read_key(key_file)
    if new_key:
        _check_new_key(key_file, target)
    contents = find_contents(
        folder,
        consortium=consortium,
        period=period,
        version=version,
        correction_of_final=correction_of_final,
        named_after=target,
    )
    contracts = contracts_for(contents.delivery.consortium)
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = target.parent / f".{target.name}.{secrets.token_hex(4)}"
    # identifiers go through a folder of the system's, never through the one that is sent
    with tempfile.TemporaryDirectory() as scratch, open_scratch(Path(scratch)) as connection:
        raws, notices = _read(connection, contents, contracts)
        key = key or _write_key(key_file)
        install_pseudonyms(connection, key)
        _make_pseudonyms(connection, raws, contracts)
        staging.mkdir()
        try:
            tables = [
                _write(connection, contracts[table], raw, staging, tuple(notices[table])) for table, raw in raws.items()
            ]
            pack(_at(contents, staging))
            _put(staging, target)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
    packed = _at(contents, target)
    return Prepared(Packed(packed, {each.path: each.path.stat().st_size for each in packed.tables}), tuple(tables))


def prepared_text(prepared: Prepared, new_key: Path | None) -> str:
    """What was done, in Dutch, for the sender.

    Args:
        prepared: what ``prepare`` made.
        new_key: the file of the key when it was made, to warn about it.
    """
    lines = [packed_text(prepared.packed), ""]
    for each in prepared.tables:
        replaced = f"vervangen in {', '.join(each.pseudonymised)}" if each.pseudonymised else "geen kenmerken"
        lines.append(f"  {each.table:<18}{each.rows:>12} rijen, {replaced}")
        if each.left_out:
            lines.append(f"  {'':<18}niet overgenomen: {', '.join(each.left_out)}")
        lines += findings_text(each.notices)
    lines += [
        "",
        "De kenmerken zijn vervangen met uw eigen sleutel. Verstuur alleen de nieuwe map. Bewaar uw eigen map: de "
        "rijnummers in het ontvangstbewijs horen bij uw eigen rijen.",
    ]
    if new_key:
        lines += [
            "",
            f"Uw nieuwe sleutel staat in {new_key}. Bewaar haar goed, met een kopie op een andere veilige plaats, en "
            "geef haar aan niemand. Raakt zij kwijt, dan worden uw cliënten in volgende leveringen niet meer herkend.",
        ]
    return "\n".join(lines)


def findings_text(findings: tuple[Finding, ...]) -> list[str]:
    """Findings as lines for the sender.

    Args:
        findings: what was found.
    """
    lines = []
    for each in findings:
        lines += [f"- {', '.join(part for part in (each.table, each.column) if part)}", f"  {each.sentence}"]
        if each.rows:
            lines.append(f"  Rijen: {dutch.rows_and_more(each.rows, each.count, _ROWS_SHOWN)}.")
    return lines


# --- the key ---


def _read_key(path: Path) -> bytes:
    if not path.is_file():
        raise PrepareFault(
            f"Het sleutelbestand {path} is er niet. Geef het bestand met de sleutel van uw consortium op. Is er nog "
            "geen sleutel, geef dan --new-key mee."
        )
    if os.name == "posix" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise PrepareFault(f"Anderen kunnen het sleutelbestand {path} lezen. Geef eerst: chmod 600 {path}")
    key = path.read_bytes().strip()
    if len(key) < _SHORTEST_KEY:
        raise PrepareFault(f"In het sleutelbestand {path} staan minder dan {_SHORTEST_KEY} tekens: dat is te kort.")
    return key


def _check_new_key(path: Path, target: Path) -> None:
    if path.exists() or path.is_symlink():
        raise PrepareFault(
            f"Het sleutelbestand {path} is er al en wordt niet overschreven. Laat --new-key weg om die sleutel te "
            "gebruiken."
        )
    if path.resolve().is_relative_to(target.resolve()):
        raise PrepareFault("De sleutel hoort niet in de map die u verstuurt. Bewaar haar op een andere plaats.")


def _write_key(path: Path) -> bytes:
    key = secrets.token_hex(32)
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        handle.write(key + "\n")
        handle.flush()
        os.fsync(handle.fileno())
    return key.encode()


# --- from table to table ---


def _read(
    connection: duckdb.DuckDBPyConnection, contents: Contents, contracts: Mapping[str, Contract]
) -> tuple[dict[str, RawTable], dict[str, list[Finding]]]:
    """All tables as read, without example rows, and what there is to tell of each.

    Raises:
        PrepareFault: when a table cannot be read, holds personal data, or has rows whose cells are out of place.
    """
    raws: dict[str, RawTable] = {}
    notices: dict[str, list[Finding]] = {}
    faults: list[Finding] = []
    for found in contents.tables:
        contract = contracts[found.table]
        try:
            raw = read_table(connection, found.resource(), f"raw_{found.table}", contract.names)
        except DeliveryFault as fault:
            faults.append(fault.finding)
            continue
        raws[found.table] = raw
        faults.extend(find_personal_data(connection, found.table, raw, contract.names))
        notices[found.table] = set_aside_examples(connection, contract, raw)
        faults.extend(_out_of_place(connection, contract, raw))
    if faults:
        raise PrepareFault(
            "Er is niets gemaakt. Verbeter eerst wat hieronder staat en geef de opdracht opnieuw.", tuple(faults)
        )
    return raws, notices


def _out_of_place(connection: duckdb.DuckDBPyConnection, contract: Contract, raw: RawTable) -> list[Finding]:
    """Where it cannot be known which cells are identifiers, nothing can be sent."""
    if not raw.positions(contract.names):
        sentence = "In deze tabel staat geen enkele kolomnaam uit het leveringscontract."
        return [Finding("table", "missing_column", sentence, contract.table)]
    rows = connection.execute(
        f"select row_number from {raw.relation} where cells <> ? or surplus is not null order by row_number",
        [len(raw.headings)],
    ).fetchall()
    if not rows:
        return []
    sentence = (
        "Deze rijen hebben te weinig of te veel cellen. Dan is niet te zien welke cel een kenmerk is. Controleer het "
        "scheidingsteken en de aanhalingstekens."
    )
    numbers = tuple(number for (number,) in rows[:_ROWS_SHOWN])
    return [Finding("table", "row_width", sentence, contract.table, None, len(rows), numbers)]


def _make_pseudonyms(
    connection: duckdb.DuckDBPyConnection, raws: Mapping[str, RawTable], contracts: Mapping[str, Contract]
) -> None:
    """Make a table ``pseudonyms_<entity>`` (identifier, pseudonym): an identifier in many rows is hashed once.

    A missing identifier is not in it, and so stays missing.
    """
    places: dict[str, list[str]] = {}
    for table, raw in raws.items():
        for name, place in raw.positions(contracts[table].names).items():
            if entity := contracts[table].column(name).entity:
                select = f"select {trimmed(f'c{place}')} as identifier from {raw.relation}"
                places.setdefault(entity, []).append(select)
    for entity, selects in places.items():
        connection.execute(
            f"create table pseudonyms_{entity} as "
            f"select identifier, pseudonym({literal(entity)}, identifier) as pseudonym "
            f"from (select distinct identifier from ({' union all '.join(selects)}) where identifier is not null)"
        )


def _write(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    raw: RawTable,
    folder: Path,
    notices: tuple[Finding, ...],
) -> PreparedTable:
    places = raw.positions(contract.names)
    taken = [column for column in contract.columns if column.name in places]
    cells, joins = [], []
    for column in taken:
        cell = f"delivered.c{places[column.name]}"
        if column.entity:
            alias = f"of_{column.name}"
            joins.append(f"left join pseudonyms_{column.entity} as {alias} on {trimmed(cell)} = {alias}.identifier")
            cell = f"{alias}.pseudonym"
        cells.append(f'{cell} as "{column.name}"')
    (last,) = connection.execute(f"select coalesce(max(row_number), 0) from {raw.relation}").fetchone()
    path = folder / f"{contract.table}.csv"
    # a row for every number, also of blank rows: the receipt must point at the rows that the sender has
    connection.execute(
        f"""
        copy (
            select {", ".join(cells)}
            from (
                select * from {raw.relation}
                union all by name
                select row_number from range(1, {last + 1}) as numbers (row_number)
                anti join {raw.relation} using (row_number)
            ) as delivered
            {" ".join(joins)}
            order by delivered.row_number
        ) to {literal(str(path))} (format csv, header true, delimiter ';', quote '"', escape '"')
        """
    )
    raw.drop(connection)
    return PreparedTable(
        table=contract.table,
        rows=last,
        pseudonymised=tuple(column.name for column in taken if column.entity),
        left_out=tuple(
            shown_column(heading, place)
            for place, heading in enumerate(raw.headings)
            if heading and place not in places.values()
        ),
        notices=notices,
    )


def _at(contents: Contents, folder: Path) -> Contents:
    """The same delivery as it is prepared: a CSV file per table in another folder."""
    delivery = contents.delivery
    return Contents(
        delivery=type(delivery)(folder, delivery.consortium, delivery.period, delivery.version),
        is_correction_of_final=contents.is_correction_of_final,
        tables=tuple(FoundTable(each.table, folder / f"{each.table}.csv") for each in contents.tables),
        left_out=contents.left_out,
        missing=contents.missing,
    )


# --- the target ---


def _check_target(folder: Path, target: Path) -> None:
    if target.is_relative_to(folder) or folder.is_relative_to(target):
        raise PrepareFault("De nieuwe map mag niet in de map met uw gegevens liggen, en ook niet eromheen.")
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise PrepareFault(f"{target} is er al en is niet leeg. Kies een map die nog niet bestaat.")


def _put(staging: Path, target: Path) -> None:
    with suppress(FileNotFoundError):
        target.rmdir()  # empty; not every system renames over a folder
    staging.rename(target)
