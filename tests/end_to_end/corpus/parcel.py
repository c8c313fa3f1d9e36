"""A delivery in the making, and sound tables to start from: what other people's systems would hand over.

Written from the contract page alone. Nothing here uses the product's own code, so that a fault there cannot hide here.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Tables = dict[str, list[Row]]

DISTRICTS = ("WK048401", "WK048402", "WK048403", "WK048404", "WK048405", "WK048406", "WK048408", "WK048470")
CONSORTIA = ("tom", "go", "boost")

# Made up. None of these may be found anywhere outside the inbox.
BSN, PHONE, IBAN = "111222333", "06-12345678", "NL91ABNA0417164300"
EMAIL, ADDRESS = "truus.kwakernaak@voorbeeld.nl", "Kwakernaaksingel 17"
SURNAME = "Kwakernaak"
# What a delivery may hold but no receipt may repeat: a text, a file name, a descriptor's own words; an identifier.
MARK = "Zwartkopmees"
IDENTIFIER = "Rietgorsje"
KEPT_NOWHERE = (BSN, "12345678", "ABNA0417164300", SURNAME, IDENTIFIER)
SECRETS = (*KEPT_NOWHERE, MARK)


@dataclass
class Parcel:
    """A delivery as somebody is about to send it; a case spoils it.

    Attributes:
        consortium, period, version: of the folder.
        tables: rows per table, written as CSV unless ``files`` has the table's file.
        files: bytes per path; what is here is taken as it is.
        resources: resources of the descriptor to put in the place of those that follow from the tables.
        descriptor: fields to change; None takes one away.
        raw_descriptor: what ``datapackage.json`` holds instead of all that.
        afterwards: done with the folder after all is written.
        links: where the folder really lies, when it is not in the inbox itself.
    """

    consortium: str
    period: str
    version: int
    tables: Tables = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    extra: dict[str, dict[str, Any]] = field(default_factory=dict)
    resources: list[dict[str, Any]] | None = None
    descriptor: dict[str, Any] = field(default_factory=dict)
    raw_descriptor: bytes | None = None
    afterwards: Callable[[Path], None] | None = None

    @property
    def day(self) -> str:
        """A day in the half-year."""
        return f"{self.month}-09"

    @property
    def month(self) -> str:
        year, half = self.period.split("-H")
        return f"{year}-{'04' if half == '1' else '10'}"

    def csv(self, table: str, separator: str = ";", ending: str = "\n", quoted: bool = False) -> str:
        """A table as text."""
        rows = self.tables[table]
        lines = [list(rows[0]), *([("" if cell is None else str(cell)) for cell in row.values()] for row in rows)]
        return "".join(separator.join(_cell(cell, separator, quoted) for cell in line) + ending for line in lines)

    def put(self, table: str, content: str | bytes, encoding: str = "utf-8", path: str | None = None) -> None:
        """Deliver a table as these bytes."""
        name = path or f"{table}.csv"
        self.paths[table] = name
        self.files[name] = content if isinstance(content, bytes) else content.encode(encoding)

    def entry(self, table: str) -> dict[str, Any]:
        """How the descriptor tells of a table, to change it."""
        return self.extra.setdefault(table, {})

    def write(self, folder: Path) -> Path:
        """Write the delivery, the descriptor last."""
        folder.mkdir(parents=True)
        contents = dict(self.files)
        for table in self.tables:
            path = self.paths.setdefault(table, f"{table}.csv")
            if path not in contents:
                contents[path] = self.csv(table).encode()
        for path, content in contents.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        (folder / "datapackage.json").write_bytes(self.described(contents))
        if self.afterwards:
            self.afterwards(folder)
        return folder

    def described(self, contents: dict[str, bytes] | None = None) -> bytes:
        """The descriptor."""
        if self.raw_descriptor is not None:
            return self.raw_descriptor
        return json.dumps(self.description(contents or self.files), indent=1).encode()

    def description(self, contents: dict[str, bytes]) -> dict[str, Any]:
        """The descriptor as an object."""
        resources = [
            {
                "name": table,
                "path": path,
                "bytes": len(contents.get(path, b"")),
                "hash": f"sha256:{hashlib.sha256(contents.get(path, b'')).hexdigest()}",
                **self.extra.get(table, {}),
            }
            for table, path in self.paths.items()
        ]
        fields = {
            "name": f"{self.consortium}-{self.period.lower()}-{self.version}",
            "created": f"{int(self.period[:4]) + 1}-01-15T09:30:00+01:00",
            "consortium": self.consortium,
            "period": self.period,
            "version": self.version,
            "contract": 1,
            "resources": resources if self.resources is None else self.resources,
        } | self.descriptor
        return {name: value for name, value in fields.items() if value is not None}


def _cell(cell: str, separator: str, quoted: bool) -> str:
    if quoted or any(sign in cell for sign in (separator, '"', "\n", "\r")):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def sound(consortium: str, period: str, version: int = 1) -> Parcel:
    """A delivery with which nothing is wrong: sixty rows or more per table, so that one refused row is under 2 %."""
    parcel = Parcel(consortium, period, version)
    parcel.tables = copy.deepcopy({"tom": _tom, "go": _go, "boost": _boost}[consortium](parcel))
    return parcel


def _boost(parcel: Parcel) -> Tables:
    year, half = parcel.period.split("-H")
    months = [f"{year}-{number:02d}" for number in (range(1, 7) if half == "1" else range(7, 13))]
    return {
        "bezoek": [
            {
                "wijkcode": district,
                "maand": month,
                "voorziening": "Café d'Oude Sluis",
                "bezoeken": 400 + place,
                "unieke_bezoekers": 120 + place,
                "vrijwilligers": 14,
            }
            for place, district in enumerate(DISTRICTS * 2)
            for month in months
            if place < len(DISTRICTS)
        ]
        + [
            {
                "wijkcode": DISTRICTS[0],
                "maand": month,
                "voorziening": f"Buurthuis {number}",
                "bezoeken": 410,
                "unieke_bezoekers": 132,
                "vrijwilligers": 9,
            }
            for month in months
            for number in (1, 2)
        ],
        "toeleiding": [
            {"wijkcode": district, "maand": month, "naar": to, "aantal": 3}
            for district in DISTRICTS
            for month in months
            for to in ("schuldhulp", "wmo")
        ],
        **_interviews(parcel),
        "duiding": [{"indicator": "boost_bereik", "wijkcode": "", "verhaal": "Het is drukker.", "verklaring": ""}],
    }


def _clients(parcel: Parcel) -> list[Row]:
    return [
        {
            "client_id": f"C-{number:06d}",
            "wijkcode": DISTRICTS[number % len(DISTRICTS)],
            "leeftijdsgroep": "0-17" if parcel.consortium == "go" else "45-64",
            "in_zorg_sinds": "2020-03-14",
            "uit_zorg_op": "",
        }
        for number in range(1, 61)
    ]


def _files(parcel: Parcel) -> list[Row]:
    return [
        {
            "dossier_id": f"D-{number:06d}",
            "client_id": f"C-{number:06d}",
            "geopend_op": "2020-03-14",
            "gesloten_op": parcel.day if number % 4 == 0 else "",
            "reden_sluiting": "02" if number % 4 == 0 else "",
            "vorig_dossier_id": "",
        }
        for number in range(1, 61)
    ]


def _interviews(parcel: Parcel) -> Tables:
    return {
        "gesprekken": [
            {
                "gesprek_id": f"G-{number:06d}",
                "wijkcode": DISTRICTS[number % len(DISTRICTS)],
                "doelgroep": "client",
                "uitkomst": "afgerond",
                "afgenomen_op": parcel.day,
                "begonnen_om": "09:30",
                "duur_minuten": 35,
                "team": "Team Ridderveld",
                "onafhankelijk": "nee",
            }
            for number in range(1, 61)
        ],
        "antwoorden": [
            {"gesprek_id": f"G-{number:06d}", "vraag": "tevredenheid", "antwoord": number % 10 + 1}
            for number in range(1, 61)
        ],
    }


def _story(indicator: str) -> Tables:
    return {"duiding": [{"indicator": indicator, "wijkcode": "", "verhaal": "Het gaat goed.", "verklaring": ""}]}


def _tom(parcel: Parcel) -> Tables:
    return {
        "clienten": _clients(parcel),
        "dossiers": _files(parcel),
        "zelfredzaamheid": [
            {
                "client_id": f"C-{number:06d}",
                "meetdatum": parcel.day,
                "zrm_versie": "2017",
                "domein": "financien",
                "score": 3,
                "doelscore": 4,
                "beoordelaar_id": "M-017",
            }
            for number in range(1, 61)
        ],
        "participatie": [
            {"client_id": f"C-{number:06d}", "meetdatum": parcel.day, "trede": 3, "beoordelaar_id": "M-017"}
            for number in range(1, 61)
        ],
        **_interviews(parcel),
        **_story("tom_gehoord"),
    }


def _go(parcel: Parcel) -> Tables:
    return {
        "clienten": _clients(parcel),
        "dossiers": _files(parcel),
        "trajecten": [
            {
                "traject_id": f"T-{number:06d}",
                "client_id": f"C-{number:06d}",
                "vorm": "45",
                "gestart_op": "2020-04-01",
                "geeindigd_op": "",
                "uithuisplaatsing": "nee",
            }
            for number in range(1, 61)
        ],
        "doelen": [
            {
                "doel_id": f"O-{number:06d}",
                "client_id": f"C-{number:06d}",
                "afgesproken_op": "2020-04-01",
                "beoordeeld_op": parcel.day,
                "resultaat": "gehaald",
            }
            for number in range(1, 61)
        ],
        "aanbod": [
            {
                "aanbod_id": f"A-{number:04d}",
                "wijkcode": "",
                "omschrijving": "Gezinsbegeleiding aan huis",
                "gestart_op": "2020-01-01",
                "plaatsen": 12,
            }
            for number in range(1, 61)
        ],
        **_interviews(parcel),
        **_story("go_uitval"),
    }
