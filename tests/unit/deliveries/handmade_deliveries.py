"""Deliveries made by hand: a valid one of each consortium, which a test alters before it is written."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl

from pipeline.deliveries.contract import load_contracts
from pipeline.deliveries.intake import DeliveryFolder, Outcome

CLIENTS = 60  # one refused row of sixty is 1.7 %: below the limit of 2 %
DISTRICTS = ("WK048401", "WK048402", "WK048470")

Row = dict[str, str]


def _clients() -> list[Row]:
    return [
        {
            "client_id": f"C-{number:06d}",
            "wijkcode": DISTRICTS[number % 3],
            "leeftijdsgroep": "18-44",
            "in_zorg_sinds": "2023-03-14",
            "uit_zorg_op": "",
        }
        for number in range(1, CLIENTS + 1)
    ]


def _files() -> list[Row]:
    return [
        {
            "dossier_id": f"D-{number:06d}",
            "client_id": f"C-{number:06d}",
            "geopend_op": "14-3-2023",
            "gesloten_op": "31/05/2024" if number % 4 == 0 else "",
            "reden_sluiting": "32" if number % 4 == 0 else "",
            "vorig_dossier_id": "D-900001" if number == 7 else "",
        }
        for number in range(1, CLIENTS + 1)
    ]


def _interviews() -> list[Row]:
    return [
        {
            "gesprek_id": f"G-{number:06d}",
            "wijkcode": DISTRICTS[number % 3],
            "doelgroep": "client",
            "stakeholder_type": "",
            "uitkomst": "afgerond",
            "afgenomen_op": "2024-04-09",
            "begonnen_om": "9:05",
            "duur_minuten": "35",
            "wijze": "huisbezoek",
            "team": "Team Ridderveld",
            "interviewer_id": "M-021",
            "onafhankelijk": "nee",
            "hercontrole_van": "",
        }
        for number in range(1, CLIENTS + 1)
    ]


def _answers(question: str, highest: int) -> list[Row]:
    return [
        {"gesprek_id": f"G-{number:06d}", "vraag": question, "antwoord": str(number % (highest + 1))}
        for number in range(1, CLIENTS + 1)
    ]


def _narratives(indicator: str) -> list[Row]:
    row = {"indicator": indicator, "wijkcode": "", "verhaal": "Meer inwoners weten ons te vinden.", "verklaring": ""}
    return [row | {"acties": "In het najaar volgt een tweede inlooppunt."}]


def _counts(indicator: str) -> list[Row]:
    return [{"indicator": indicator, "wijkcode": "WK048401", "categorie": "", "noemer": "48", "teller": "37"}]


def _ratings() -> list[Row]:
    return [
        {
            "client_id": f"C-{number:06d}",
            "meetdatum": "2024-03-21",
            "zrm_versie": "2017",
            "domein": "financien",
            "score": "3,0",
            "doelscore": "4",
            "beoordelaar_id": "M-017",
            "tweede_beoordeling": "",
        }
        for number in range(1, CLIENTS + 1)
    ]


def _ladder() -> list[Row]:
    return [
        {
            "client_id": f"C-{number:06d}",
            "meetdatum": "2024-03-21",
            "trede": "2",
            "doeltrede": "",
            "beoordelaar_id": "M-017",
            "tweede_beoordeling": "ja" if number % 10 == 0 else "",
        }
        for number in range(1, CLIENTS + 1)
    ]


def _trajectories() -> list[Row]:
    return [
        {
            "traject_id": f"T-{number:06d}",
            "client_id": f"C-{number:06d}",
            "vorm": "45",
            "gestart_op": "2023-09-04",
            "geeindigd_op": "",
            "uithuisplaatsing": "NEE",
        }
        for number in range(1, CLIENTS + 1)
    ]


def _goals() -> list[Row]:
    return [
        {
            "doel_id": f"O-{number:06d}",
            "client_id": f"C-{number:06d}",
            "afgesproken_op": "2023-09-11",
            "beoordeeld_op": "2024-04-30",
            "resultaat": "gehaald" if number % 2 else "",
        }
        for number in range(1, CLIENTS + 1)
    ]


def _offers() -> list[Row]:
    row = {"omschrijving": "Gezinsbegeleiding aan huis", "gestart_op": "2022-01-01", "gestopt_op": "", "plaatsen": "24"}
    return [{"aanbod_id": f"A-{number:04d}", "wijkcode": ""} | row for number in range(1, CLIENTS + 1)]


def _visits() -> list[Row]:
    return [
        {
            "wijkcode": DISTRICTS[number % 3],
            "maand": f"2024-{number % 6 + 1:02d}",
            "voorziening": f"Buurthuis {number:02d}",
            "bezoeken": "410",
            "unieke_bezoekers": "132",
            "vrijwilligers": "14",
        }
        for number in range(1, CLIENTS + 1)
    ]


def _referrals() -> list[Row]:
    targets = ("schuldhulp", "wmo", "jeugd", "werk", "overig")
    return [
        {"wijkcode": district, "maand": f"2024-{month:02d}", "naar": target, "aantal": "3"}
        for district in DISTRICTS
        for month in range(1, 7)
        for target in targets
    ]


def valid_tables(consortium: str) -> dict[str, list[Row]]:
    """The tables of a delivery of 2024-H1 in which nothing is wrong."""
    if consortium == "boost":
        tables = {"bezoek": _visits(), "toeleiding": _referrals()}
    else:
        tables = {"clienten": _clients(), "dossiers": _files()}
    if consortium == "tom":
        tables |= {"zelfredzaamheid": _ratings(), "participatie": _ladder()}
    if consortium == "go":
        tables |= {"trajecten": _trajectories(), "doelen": _goals(), "aanbod": _offers()}
    indicator = {"tom": "tom_gehoord", "go": "go_uitval", "boost": "boost_bereik"}[consortium]
    # what is delivered as counts is not asked in the interviews: nothing arrives in both forms
    asked, counted = {
        "tom": (("tevredenheid", 10), "tom_gehoord"),
        "go": (("gehoord", 5), "go_tevredenheid_clienten"),
        "boost": (("gehoord", 5), "boost_tevredenheid_bezoekers"),
    }[consortium]
    tables |= {"gesprekken": _interviews(), "antwoorden": _answers(*asked), "duiding": _narratives(indicator)}
    return tables | {"aantallen": _counts(counted)}


@dataclass
class Delivery:
    """A delivery that can still be altered: change ``tables``, ``texts`` or ``descriptor``, then ``write`` it.

    Attributes:
        tables: rows per table.
        texts: for a table, the file's bytes instead of its rows.
        descriptor: fields that replace those of the descriptor.
        resources: per table, fields that replace those of its resource.
        separator, encoding, line_end: dress of the files.
    """

    consortium: str
    inbox: Path
    period: str = "2024-H1"
    version: int = 1
    tables: dict[str, list[Row]] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)
    descriptor: dict[str, Any] = field(default_factory=dict)
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    separator: str = ";"
    encoding: str = "utf-8"
    line_end: str = "\n"

    @property
    def path(self) -> Path:
        return self.inbox / self.consortium / self.period / str(self.version)

    @property
    def folder(self) -> DeliveryFolder:
        return DeliveryFolder(self.path, self.consortium, self.period, self.version)

    def content(self, table: str) -> bytes:
        if table in self.texts:
            return self.texts[table]
        rows = self.tables[table]
        buffer = io.StringIO(newline="")
        writer = csv.writer(buffer, delimiter=self.separator, lineterminator=self.line_end)
        writer.writerows([rows[0], *(row.values() for row in rows)])
        return buffer.getvalue().encode(self.encoding)

    def write(self) -> DeliveryFolder:
        self.path.mkdir(parents=True, exist_ok=True)
        resources = []
        for table in [*self.tables, *(set(self.texts) - set(self.tables))]:
            content = self.content(table)
            (self.path / f"{table}.csv").write_bytes(content)
            resource = {"name": table, "path": f"{table}.csv", "bytes": len(content)}
            resource["hash"] = "sha256:" + hashlib.sha256(content).hexdigest()
            resources.append(resource | self.resources.get(table, {}))
        descriptor = {
            "name": f"{self.consortium}-{self.period.lower()}",
            "created": "2024-07-10T09:00:00+02:00",
            "consortium": self.consortium,
            "period": self.period,
            "version": self.version,
            "contract": 1,
            "resources": resources,
        } | self.descriptor
        self.write_descriptor(json.dumps(descriptor).encode())
        return self.folder

    def write_descriptor(self, content: bytes) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / "datapackage.json").write_bytes(content)


def fill_workbook(path: Path, tables: dict[str, list[Row]]) -> None:
    """Type tables into a template; in clienten over the example, in the other sheets the example is forgotten."""
    book = openpyxl.load_workbook(path)
    contracts = load_contracts()
    for table, rows in tables.items():
        for number, row in enumerate(rows, start=2 if table == "clienten" else 3):
            for place, column in enumerate(contracts[table].columns, start=1):
                book[table].cell(number, place, _as_excel_keeps(row[column.name], column.type))
    book.save(path)


def _as_excel_keeps(text: str, kind: str) -> object:
    """What Excel makes of a text that a person types in a column of that kind."""
    if not text:
        return None
    if kind == "integer":
        return float(text.replace(",", "."))
    if kind == "date":
        first, month, last = re.split("[-/]", text)
        return datetime(*(int(part) for part in ((first, month, last) if len(first) == 4 else (last, month, first))))
    if kind == "time":
        return datetime.strptime(text, "%H:%M").time()
    return text


def all_bytes(folder: Path) -> dict[str, bytes]:
    """Every file under a folder: its relative path and its content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def found(outcome: Outcome) -> set[tuple[str, str | None, str | None]]:
    """What an outcome found: rule, table and column."""
    return {(finding.rule, finding.table, finding.column) for finding in outcome.findings}
