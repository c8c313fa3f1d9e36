"""A judge of deliveries that is written from the text of the contract alone and shares nothing with the simulator.

It reads a folder and tells which rows the contract refuses. It is slow and plain on purpose.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from datetime import date
from pathlib import Path

from pipeline.periods import HalfYear
from pipeline.settings import SEEDS

COLUMNS = {
    "clienten": "client_id* wijkcode* leeftijdsgroep* in_zorg_sinds* uit_zorg_op",
    "dossiers": "dossier_id* client_id* geopend_op* gesloten_op reden_sluiting vorig_dossier_id",
    "zelfredzaamheid": "client_id* meetdatum* zrm_versie* domein* score* doelscore beoordelaar_id* tweede_beoordeling",
    "participatie": "client_id* meetdatum* trede* doeltrede beoordelaar_id* tweede_beoordeling",
    "trajecten": "traject_id* client_id* vorm* gestart_op* geeindigd_op uithuisplaatsing",
    "doelen": "doel_id* client_id* afgesproken_op* beoordeeld_op resultaat",
    "aanbod": "aanbod_id* wijkcode omschrijving* gestart_op* gestopt_op plaatsen*",
    "bezoek": "wijkcode* maand* voorziening* bezoeken* unieke_bezoekers* vrijwilligers*",
    "toeleiding": "wijkcode* maand* naar* aantal*",
    "gesprekken": "gesprek_id* wijkcode* doelgroep* stakeholder_type uitkomst* afgenomen_op begonnen_om duur_minuten "
    "wijze team interviewer_id onafhankelijk hercontrole_van",
    "antwoorden": "gesprek_id* vraag* antwoord*",
    "duiding": "indicator* wijkcode verhaal* verklaring acties",
}
DELIVERED = {
    "tom": ("clienten", "dossiers", "zelfredzaamheid", "participatie", "gesprekken", "antwoorden", "duiding"),
    "go": ("clienten", "dossiers", "trajecten", "doelen", "aanbod", "gesprekken", "antwoorden", "duiding"),
    "boost": ("bezoek", "toeleiding", "gesprekken", "antwoorden", "duiding"),
}
_KEYS = {
    "clienten": ("client_id",),
    "dossiers": ("dossier_id",),
    "zelfredzaamheid": ("client_id", "meetdatum", "zrm_versie", "domein", "beoordelaar_id", "tweede_beoordeling"),
    "participatie": ("client_id", "meetdatum", "beoordelaar_id", "tweede_beoordeling"),
    "trajecten": ("traject_id",),
    "doelen": ("doel_id",),
    "aanbod": ("aanbod_id",),
    "bezoek": ("wijkcode", "maand", "voorziening"),
    "toeleiding": ("wijkcode", "maand", "naar"),
    "gesprekken": ("gesprek_id",),
    "antwoorden": ("gesprek_id", "vraag"),
    "duiding": ("indicator", "wijkcode"),
}
# A date that lies in the half-year, or not after its end.
_IN_PERIOD = {"meetdatum", "afgenomen_op"}
_ORDERED = (
    ("in_zorg_sinds", "uit_zorg_op"),
    ("geopend_op", "gesloten_op"),
    ("gestart_op", "geeindigd_op"),
    ("afgesproken_op", "beoordeeld_op"),
    ("gestart_op", "gestopt_op"),
)
_DATES = {name for pair in _ORDERED for name in pair} | _IN_PERIOD
_ISO = re.compile(r"^(\d{4})-(\d\d)-(\d\d)$")
_DUTCH = re.compile(r"^(\d\d)-(\d\d)-(\d{4})$")
_WHOLE = re.compile(r"^\d+$")


def seed_column(name: str, column: str, **where: str) -> set[str]:
    """Values of a column of a seed."""
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    return {row[column] for row in rows if all(row[key] == value for key, value in where.items())}


def descriptor(folder: Path) -> dict:
    """The descriptor of a delivery."""
    return json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))


def read(folder: Path) -> dict[str, list[dict[str, str]]]:
    """All tables of a delivery, with the dialect and encoding that its descriptor tells, and every hash held."""
    tables = {}
    for resource in descriptor(folder)["resources"]:
        content = (folder / resource["path"]).read_bytes()
        assert len(content) == resource["bytes"]
        assert f"sha256:{hashlib.sha256(content).hexdigest()}" == resource["hash"]
        text = content.decode(resource["encoding"]).removeprefix("\ufeff")
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=resource["dialect"]["delimiter"])
        tables[resource["name"]] = list(reader)
        assert reader.fieldnames == [name.rstrip("*") for name in COLUMNS[resource["name"]].split()]
    return tables


def refused(folder: Path, districts: set[str] | None = None) -> set[tuple[str, int]]:
    """Table and row number of every row that the contract refuses."""
    about = descriptor(folder)
    period = HalfYear.parse(about["period"])
    codes = _codes(
        about["consortium"], districts or seed_column("districts", "district_code", district_level="district")
    )
    tables = read(folder)
    found: dict[str, set[int]] = {}
    for table, rows in tables.items():
        seen: set[tuple[str, ...]] = set()
        found[table] = set()
        for number, row in enumerate(rows, start=1):
            key = tuple(row[name] for name in _KEYS[table])
            if key in seen or not _is_right(table, row, codes, period):
                found[table].add(number)
            seen.add(key)
    for table, column in (("clienten", "client_id"), ("gesprekken", "gesprek_id")):
        for other, rows in tables.items():
            if other == table or table not in tables or (table == "gesprekken" and other != "antwoorden"):
                continue
            good = {row[column] for number, row in enumerate(tables[table], start=1) if number not in found[table]}
            if column in rows[0]:
                found[other] |= {number for number, row in enumerate(rows, start=1) if row[column] not in good}
    return {(table, number) for table, numbers in found.items() for number in numbers}


def _codes(consortium: str, districts: set[str]) -> dict[str, set[str]]:
    return {
        "wijkcode": districts,
        "leeftijdsgroep": {"0-17", "18-44", "45-64", "65-79", "80+"},
        "reden_sluiting": seed_column("closing_reasons", "closing_reason_code"),
        "zrm_versie": {"2013", "2017"},
        "vorm": seed_column("care_forms", "care_form_code"),
        "resultaat": {"gehaald", "deels", "niet"},
        "naar": {"schuldhulp", "wmo", "jeugd", "werk", "overig"},
        "doelgroep": {"client", "stakeholder"},
        "uitkomst": {"afgerond", "deels", "geweigerd", "niet_bereikt", "overig"},
        "wijze": {"huisbezoek", "telefoon", "online", "papier"},
        "vraag": seed_column("questions", "question_code"),
        "indicator": seed_column("indicators", "indicator_code", consortium_code=consortium),
        "tweede_beoordeling": {"ja", "nee"},
        "uithuisplaatsing": {"ja", "nee"},
        "onafhankelijk": {"ja", "nee"},
        "domein 2013": seed_column("life_domains", "life_domain_code", zrm_version="2013"),
        "domein 2017": seed_column("life_domains", "life_domain_code", zrm_version="2017"),
    }


def _is_right(table: str, row: dict[str, str], codes: dict[str, set[str]], period: HalfYear) -> bool:
    required = [name.rstrip("*") for name in COLUMNS[table].split() if name.endswith("*")]
    if any(row[name] == "" for name in required):
        return False
    if any(value and name in codes and value not in codes[name] for name, value in row.items()):
        return False
    if table == "zelfredzaamheid" and row["domein"] not in codes[f"domein {row['zrm_versie']}"]:
        return False
    return _numbers_are_right(table, row) and _dates_are_right(row, period)


def _numbers_are_right(table: str, row: dict[str, str]) -> bool:
    bounds = {"score": (1, 5), "doelscore": (1, 5), "trede": (1, 6), "doeltrede": (1, 6), "duur_minuten": (0, 1440)}
    bounds |= dict.fromkeys(("bezoeken", "unieke_bezoekers", "vrijwilligers", "aantal", "plaatsen"), (0, 10**9))
    if table == "antwoorden":
        bounds["antwoord"] = (0, 10 if row["vraag"] == "tevredenheid" else 5)
    for name, (low, high) in bounds.items():
        value = row.get(name)
        if value and not (_WHOLE.match(value) and low <= int(value) <= high):
            return False
    return not (table == "bezoek" and int(row["unieke_bezoekers"]) > int(row["bezoeken"]))


def _dates_are_right(row: dict[str, str], period: HalfYear) -> bool:
    if "maand" in row and HalfYear.containing(date.fromisoformat(f"{row['maand']}-01")) != period:
        return False
    dates = {name: as_date(value) for name, value in row.items() if name in _DATES and value}
    for name, day in dates.items():
        if day > period.ends_on or (name in _IN_PERIOD and day < period.starts_on) or day.year < 1900:
            return False
    return all(dates[first] <= dates[last] for first, last in _ORDERED if first in dates and last in dates)


def as_date(text: str) -> date:
    """A date in ISO or Dutch notation."""
    if iso := _ISO.match(text):
        return date(*map(int, iso.groups()))
    day, month, year = map(int, _DUTCH.match(text).groups())
    return date(year, month, day)
