"""Delivery folders of three consortia, made from small random worlds that are dense with awkward cases.

Belongs here: the random worlds and the writer of delivery folders (CSV and ``datapackage.json``), after the delivery
contract only. It knows which rows are true and which were planted as faults, which versions must be rejected and which
are still on their way. It uses nothing of the product, so that the two cannot share a misunderstanding.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from .indicators import INDICATORS, PER_HUNDRED, PER_THOUSAND, Delivered, Row, ends_on, falls_in, shift, starts_on

Rows = dict[str, dict[str, list[Row]]]  # per half-year and table

# The contract's columns; * = required value.
CONTRACT = {
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
    "aantallen": "indicator* wijkcode* categorie noemer* teller*",
}
# What may occur once in a table of a delivery.
KEYS = {
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
    "aantallen": ("indicator", "wijkcode", "categorie"),
}
DELIVERS = {
    "tom": ("clienten", "dossiers", "zelfredzaamheid", "participatie", "gesprekken", "antwoorden", "duiding"),
    "go": ("clienten", "dossiers", "trajecten", "doelen", "aanbod", "gesprekken", "antwoorden", "duiding"),
    "boost": ("bezoek", "toeleiding", "gesprekken", "antwoorden", "duiding"),
}
LEAVES = ("zelfredzaamheid", "participatie", "trajecten", "doelen", "aanbod", "bezoek", "toeleiding", "antwoorden")
DOMAINS = {
    "2013": ("financien", "dagbesteding", "huisvesting", "verslaving", "adl", "sociaal_netwerk", "justitie"),
    "2017": (
        "financien",
        "werk_opleiding",
        "tijdsbesteding",
        "huisvesting",
        "middelengebruik",
        "basale_adl",
        "justitie",
    ),
}
QUESTIONS = {
    "tom": ("tevredenheid", "gehoord", "eigen_regie", "ceo_vindbaar", "ceo_redden"),
    "go": ("tevredenheid", "gehoord", "ceo_snel"),
    "boost": ("tevredenheid", "eigen_regie"),
}
CARE_FORMS = ("31", "32", "33", "34", "35", "36", "37", "38", "43", "44", "45", "46", "48", "54")
CLOSING_REASONS = ("31", "32", "32", "33", "34", "02", "38", None)
# Steps between ratings; a baseline counts from 30 days.
RATING_STEPS = (0, 0, 1, 15, 29, 29, 30, 30, 31, 31, 60, 120, 181, 182, 365)
# Steps between the closing of a file and the next; a new start counts within 365 days, not on the day itself.
REOPEN_STEPS = (0, 1, 30, 90, 364, 365, 366, 400)

PERSONAL_DATA = ("111222333", "j.jansen@voorbeeld.nl")  # the first passes the test of a citizen service number
MAXIMUM_FAULTS = 0.015  # safely below the contract's 2 %
SPOILED_SHARES = (0.09, 0.02)  # of a table that makes the delivery rejected: more than this


@dataclass
class Line:
    """A row as delivered; ``fault`` names what is wrong with it, None for a true row."""

    row: Row
    fault: str | None = None


@dataclass
class Package:
    """A delivery version to write.

    Attributes:
        consortium: ``tom``, ``go`` or ``boost``.
        period: half-year.
        version: 1, 2, ...
        lines: the rows per table in file order.
        spoiled: why the whole version must not count: ``too_many_faults``, ``missing_table``, ``missing_column``,
            ``personal_data`` (all rejected), ``hash`` or ``no_descriptor`` (not complete); None when it may count.
    """

    consortium: str
    period: str
    version: int
    lines: dict[str, list[Line]]
    spoiled: str | None = None

    @property
    def label(self) -> str:
        """Which version it is, for messages."""
        return f"{self.consortium} {self.period} v{self.version} ({self.spoiled or 'may count'})"

    @property
    def rejected(self) -> bool:
        """Whether the version is complete and must be rejected."""
        return self.spoiled not in (None, "hash", "no_descriptor")

    @property
    def faults(self) -> dict[str, int]:
        """Planted faults per table that has any."""
        counts = {table: sum(line.fault is not None for line in lines) for table, lines in self.lines.items()}
        return {table: count for table, count in counts.items() if count}

    def true_rows(self) -> Delivered:
        """The version as the oracle counts it."""
        tables = {name: [line.row for line in lines if line.fault is None] for name, lines in self.lines.items()}
        return Delivered(self.consortium, self.period, self.version, tables, counts=self.spoiled is None)


# --- writing ---


def columns_of(table: str) -> list[str]:
    """The columns of a table in the contract's order."""
    return [name.rstrip("*") for name in CONTRACT[table].split()]


def required_columns(table: str) -> list[str]:
    """The columns that may not be empty."""
    return [name.rstrip("*") for name in CONTRACT[table].split() if name.endswith("*")]


def write_package(inbox: Path, package: Package, rng: random.Random) -> Path:
    """Write one delivery version in a random but allowed dress: encoding, separator, dates, order of the columns."""
    folder = inbox / package.consortium / package.period / str(package.version)
    folder.mkdir(parents=True)
    tables = list(package.lines)
    rng.shuffle(tables)
    required_tables = [table for table in tables if table != "aantallen"]
    without_table = rng.choice(required_tables) if package.spoiled == "missing_table" else None
    without_column = _a_filled_table(package, rng) if package.spoiled == "missing_column" else None
    resources = []
    for table in tables:
        if table == without_table:
            continue
        encoding = rng.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16", "windows-1252"))
        separator = rng.choice(";;,\t")
        columns = _shuffled_columns(table, package.lines[table], rng)
        if table == without_column:
            columns.remove(rng.choice(required_columns(table)))
        rows = [line.row for line in package.lines[table]]
        content = _csv_text(columns, rows, separator, rng).encode("cp1252" if encoding == "windows-1252" else encoding)
        path = folder / rng.choice((f"{table}.csv", f"export_{table}.csv"))
        path.write_bytes(content)
        resource: dict[str, Any] = {
            "name": table,
            "path": path.name,
            "bytes": len(content),
            "hash": "sha256:" + hashlib.sha256(content).hexdigest(),
        }
        if rng.random() < 0.5:
            resource["dialect"] = {"delimiter": separator}
        if rng.random() < 0.5:
            resource["encoding"] = encoding.removesuffix("-sig")
        resources.append(resource)
    if package.spoiled == "hash":
        path = folder / rng.choice(resources)["path"]
        path.write_bytes(path.read_bytes() + b"\r\n")
    if package.spoiled != "no_descriptor":
        _write_descriptor(folder, package, resources, rng)
    return folder


def _write_descriptor(folder: Path, package: Package, resources: list[dict[str, Any]], rng: random.Random) -> None:
    sent_on = ends_on(package.period) + timedelta(days=10 * package.version)
    descriptor = {
        "name": f"{package.consortium}-{package.period.lower()}-v{package.version}",
        "created": f"{sent_on.isoformat()}T09:{package.version:02d}:00" + rng.choice(("Z", "+02:00")),
        "consortium": package.consortium,
        "period": package.period,
        "version": package.version,
        "contract": 1,
        "resources": resources,
    }
    text = json.dumps(descriptor, indent=rng.choice((None, 2)), ensure_ascii=False)
    (folder / "datapackage.json").write_text(text, encoding="utf-8")


def _a_filled_table(package: Package, rng: random.Random) -> str:
    return rng.choice([table for table, lines in package.lines.items() if lines])


def _shuffled_columns(table: str, lines: list[Line], rng: random.Random) -> list[str]:
    """The columns in any order; an optional column that holds nothing may be absent."""
    required = required_columns(table)
    columns = []
    for column in columns_of(table):
        empty = all(line.row.get(column) is None for line in lines)
        if column in required or not empty or rng.random() < 0.5:
            columns.append(column)
    if rng.random() < 0.7:
        rng.shuffle(columns)
    return columns


def _csv_text(columns: list[str], rows: list[Row], separator: str, rng: random.Random) -> str:
    date_style = rng.choice(("iso", "dutch", "mixed"))
    buffer = io.StringIO()
    writer = csv.writer(
        buffer,
        delimiter=separator,
        quoting=rng.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)),
        lineterminator=rng.choice(("\n", "\r\n")),
    )
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_written(row.get(column), date_style, rng) for column in columns])
    return buffer.getvalue()


def _written(value: Any, date_style: str, rng: random.Random) -> str:
    if value is None:
        return ""
    if value is True:
        return "ja"
    if value is False:
        return rng.choice(("nee", "nee", ""))  # nee is the default
    if isinstance(value, date):
        dutch = date_style == "dutch" or (date_style == "mixed" and rng.random() < 0.5)
        return value.strftime("%d-%m-%Y") if dutch else value.isoformat()
    return str(value)


# --- worlds ---


@dataclass
class Person:
    """A client: where they live in each half-year in which they are in care, and since when they are."""

    client_id: str
    age_group: str
    since: date
    homes: dict[str, str] = field(default_factory=dict)
    left_on: date | None = None


class World:
    """A random world: its consecutive half-years, and the people in care of one consortium after the other.

    Args:
        rng: source of all chance; the same seed gives the same deliveries.
        districts: codes of the municipality's districts.
        residents: residents per district, for figures delivered as counts.
    """

    def __init__(self, rng: random.Random, districts: tuple[str, ...], residents: dict[str, int]) -> None:
        self.rng = rng
        self.residents = residents
        self.districts = list(districts)
        # A few districts hold most people, some hold one or two, some nobody.
        self.weights = [self.rng.choice((0, 0.3, 0.3, 1, 8, 20)) for _ in self.districts]
        self.weights[self.rng.randrange(len(self.districts))] = 20
        first = shift("2018-H1", self.rng.randrange(0, 7))
        self.periods = [shift(first, step) for step in range(self.rng.randint(4, 6))]

    def district(self) -> str:
        """A district, drawn by weight."""
        return self.rng.choices(self.districts, self.weights)[0]

    def day_in(self, period: str) -> date:
        """A day of a half-year, often its first or last."""
        start, end = starts_on(period), ends_on(period)
        return self.rng.choice((start, end, *(self._between(start, end) for _ in range(4))))

    def _between(self, first: date, last: date) -> date:
        return first + timedelta(days=self.rng.randint(0, (last - first).days))

    def as_known(self, row: Row, end_column: str, period: str) -> Row:
        """The row as it stands at the end of a half-year: an end that still has to come is seldom known already."""
        ended = row[end_column]
        announced = ends_on(period) + timedelta(days=200 if self.rng.random() < 0.2 else 0)
        return row | {end_column: ended if ended is not None and ended <= announced else None}

    def packages(self) -> list[Package]:
        """All versions of all deliveries, in the order in which they were sent."""
        rng = self.rng
        # Dealt out rather than drawn, so that no kind of delivery comes up all the time.
        deck = ["plain"] * 5 + ["corrected"] * 3 + ["spoiled_correction"] * 3
        deck += ["spoiled_first", "incomplete_correction", "corrected_twice"]
        packages: list[Package] = []
        for consortium in ("tom", "go", "boost"):
            rng.shuffle(deck)
            periods = list(self.periods)
            late = rng.choice(periods[:2]) if rng.random() < 0.3 else periods[0]
            delivered = self._deliveries_of(consortium)
            skipped = rng.choice(periods[1:-1]) if consortium != "go" or rng.random() < 0.5 else None
            for number, period in enumerate(p for p in periods if p >= late):
                if period == skipped:
                    if rng.random() < 0.5:
                        packages.append(self._spoil(Package(consortium, period, 1, delivered[period])))
                    continue
                packages += self._versions(deck[number], Package(consortium, period, 1, delivered[period]))
        return packages

    def _versions(self, story: str, true: Package) -> Iterator[Package]:
        """The versions of one delivery: the true one, and what came before or after it."""
        if story == "plain":
            yield self._with_faults(true)
        elif story == "corrected":
            yield self._with_faults(self._muddled(true, 1))
            yield self._with_faults(self._as_version(true, 2))
        elif story == "spoiled_correction":
            yield self._with_faults(true)
            yield self._spoil(self._muddled(true, 2))
        elif story == "spoiled_first":
            yield self._spoil(self._muddled(true, 1))
            yield self._with_faults(self._as_version(true, 2))
        elif story == "incomplete_correction":
            yield self._with_faults(true)
            unfinished = self._muddled(true, 2)
            unfinished.spoiled = self.rng.choice(("hash", "no_descriptor"))
            yield unfinished
        else:
            yield self._with_faults(self._muddled(true, 1))
            yield self._spoil(self._muddled(true, 2))
            yield self._with_faults(self._as_version(true, 3))

    @staticmethod
    def _as_version(package: Package, version: int) -> Package:
        return Package(package.consortium, package.period, version, package.lines)

    # --- the people and what happens to them ---

    def _deliveries_of(self, consortium: str) -> dict[str, dict[str, list[Line]]]:
        """The true lines of a consortium per half-year and table, in file order."""
        rows: Rows = {period: {table: [] for table in DELIVERS[consortium]} for period in self.periods}
        if consortium == "boost":
            self._visits(rows)
        else:
            people = self._people(self.rng.choice((30, 80, 150, 300)), consortium)
            for period in self.periods:
                rows[period]["clienten"] = [self._client_row(p, period) for p in people if period in p.homes]
            self._files(people, rows)
            if consortium == "tom":
                self._zrm_ratings(people, rows)
                self._ladder_ratings(people, rows)
            else:
                self._trajectories(people, rows)
                self._goals(people, rows)
                self._offers(rows)
        self._interviews(consortium, rows)
        for period in self.periods:
            self._narratives(consortium, rows[period])
            if self.rng.random() < 0.35:
                self._counts(consortium, rows[period])
            for table in rows[period]:
                if table in LEAVES and self.rng.random() < 0.05:
                    rows[period][table] = []
                self.rng.shuffle(rows[period][table])
        return {
            period: {table: [Line(row) for row in table_rows] for table, table_rows in tables.items()}
            for period, tables in rows.items()
        }

    def _people(self, count: int, consortium: str) -> list[Person]:
        rng = self.rng
        ages = ("0-17", "18-44") if consortium == "go" else ("18-44", "45-64", "65-79", "80+")
        # Identifiers are text: 7 and 007 are two people. The consortia use the same ones for different people.
        names = [str(n) for n in range(1, 9)] + [f"{n:03d}" for n in range(1, 9)]
        names += [f"C{n}" for n in range(count)]
        people = []
        for name in names[:count]:
            first = rng.choice((0, 0, 0, rng.randrange(len(self.periods))))
            last = rng.choice((len(self.periods) - 1,) * 3 + (rng.randrange(first, len(self.periods)),))
            present = self.periods[first : last + 1]
            if len(present) > 2 and rng.random() < 0.1:
                present.remove(present[rng.randrange(1, len(present) - 1)])
            start = starts_on(present[0])
            early = (date(2014, 12, 31), date(2015, 1, 1), self._between(date(2015, 1, 1), start))
            person = Person(name, rng.choice(ages), rng.choice((*early, start, self.day_in(present[0]))))
            home = self.district()
            for period in present:
                if rng.random() < 0.15:
                    home = self.district()
                person.homes[period] = home
            if rng.random() < 0.3:
                person.left_on = max(self.day_in(present[-1]), person.since)
            people.append(person)
        return people

    @staticmethod
    def _client_row(person: Person, period: str) -> Row:
        return {
            "client_id": person.client_id,
            "wijkcode": person.homes[period],
            "leeftijdsgroep": person.age_group,
            "in_zorg_sinds": person.since,
            "uit_zorg_op": person.left_on if falls_in(person.left_on, period) else None,
        }

    def _rating_days(self, person: Person) -> Iterator[date]:
        """Days of rating, at awkward distances, as far as the person is in care on them."""
        first = next(iter(person.homes))
        day = self.rng.choice((self.day_in(first), ends_on(first) - timedelta(days=self.rng.randint(0, 32))))
        while day <= ends_on(self.periods[-1]):
            if period_of(day) in person.homes:
                yield day
            if self.rng.random() < 0.25:
                return
            day += timedelta(days=self.rng.choice(RATING_STEPS))

    def _rated(self, days: Iterable[date], rate: Callable[[date], Row], rows: Rows, table: str) -> None:
        """Deliver first-hand ratings, and second ratings on the same or another day, which must not count."""
        rng = self.rng
        on_day: dict[date, int] = {}
        for day in days:
            on_day[day] = on_day.get(day, 0) + 1
            kinds = [rng.choice((None, False)), *[True] * (rng.random() < 0.2)]
            if rng.random() < 0.04:
                kinds = [True]
            for second in kinds:
                rater = f"R{on_day[day]}{'b' if second else ''}"
                rating = rate(day) | {"beoordelaar_id": rater, "tweede_beoordeling": second}
                rows[period_of(day)][table].append(rating)

    def _zrm_ratings(self, people: list[Person], rows: Rows) -> None:
        rng = self.rng
        for person in people:
            changes_on = rng.choice((date.min, date.max, self.day_in(rng.choice(self.periods))))
            for number in rng.sample(range(7), rng.choice((0, 1, 2, 4))):
                both_versions = rng.random() < 0.1
                days = list(self._rating_days(person))
                level = rng.randint(1, 5)
                for version, old in (("2013", True), ("2017", False)):
                    rate = partial(self._zrm_rating, person, version, DOMAINS[version][number], level)
                    rated = (day for day in days if both_versions or (day < changes_on) == old)
                    self._rated(rated, rate, rows, "zelfredzaamheid")

    def _zrm_rating(self, person: Person, version: str, domain: str, level: int, day: date) -> Row:
        return {
            "client_id": person.client_id,
            "meetdatum": day,
            "zrm_versie": version,
            "domein": domain,
            "score": min(5, max(1, level + self.rng.choice((-1, 0, 0, 0, 1)))),
            "doelscore": self.rng.choice((None, None, self.rng.randint(1, 5))),
        }

    def _ladder_ratings(self, people: list[Person], rows: Rows) -> None:
        for person in people:
            if self.rng.random() < 0.6:
                rate = partial(self._ladder_rating, person, self.rng.randint(1, 6))
                self._rated(self._rating_days(person), rate, rows, "participatie")

    def _ladder_rating(self, person: Person, level: int, day: date) -> Row:
        return {
            "client_id": person.client_id,
            "meetdatum": day,
            "trede": min(6, max(1, level + self.rng.choice((-1, 0, 0, 1)))),
            "doeltrede": self.rng.choice((None, self.rng.randint(1, 6))),
        }

    def _files(self, people: list[Person], rows: Rows) -> None:
        """Chains of files: closed on awkward days, reopened, not mentioned, closed by mistake."""
        rng = self.rng
        for person in people:
            for chain in range(rng.choice((0, 1, 1, 1, 2))):
                opened = rng.choice((person.since, self.day_in(rng.choice(list(person.homes)))))
                previous = f"oud-{person.client_id}" if rng.random() < 0.1 else None
                for number in range(4):
                    closed = self.day_in(rng.choice(list(person.homes))) if rng.random() < 0.7 else None
                    if closed is not None and closed < opened:
                        closed = None
                    file = {
                        "dossier_id": f"D{person.client_id}-{chain}-{number}",
                        "client_id": person.client_id,
                        "geopend_op": opened,
                        "gesloten_op": closed,
                        "reden_sluiting": rng.choice(CLOSING_REASONS),
                        "vorig_dossier_id": previous,
                    }
                    self._deliver_file(person, file, rows)
                    if closed is None or rng.random() < 0.25:
                        break
                    opened = closed + timedelta(days=rng.choice(REOPEN_STEPS))
                    if period_of(opened) not in person.homes:
                        break
                    previous = file["dossier_id"] if rng.random() < 0.8 else None

    def _deliver_file(self, person: Person, file: Row, rows: Rows) -> None:
        rng = self.rng
        for period in person.homes:
            if not runs_in(file["geopend_op"], file["gesloten_op"], period) or rng.random() < 0.12:
                continue
            row = self.as_known(file, "gesloten_op", period)
            if row["gesloten_op"] is None:
                row["reden_sluiting"] = None
            rows[period]["dossiers"].append(row)
            after = shift(period, 1)
            if falls_in(row["gesloten_op"], period) and after in person.homes and rng.random() < 0.12:
                # It turns out not to be closed, or to be closed later.
                closed = rng.choice((None, self.day_in(after)))
                reason = None if closed is None else rng.choice(CLOSING_REASONS)
                rows[after]["dossiers"].append(row | {"gesloten_op": closed, "reden_sluiting": reason})

    def _trajectories(self, people: list[Person], rows: Rows) -> None:
        rng = self.rng
        for person in people:
            for number in range(rng.choice((0, 1, 1, 2, 3))):
                started = rng.choice((person.since, self.day_in(rng.choice(list(person.homes)))))
                ended = rng.choice((None, self.day_in(rng.choice(list(person.homes)))))
                if ended is not None and ended < started:
                    ended = None
                trajectory = {
                    "traject_id": f"T{person.client_id}-{number}",
                    "client_id": person.client_id,
                    "vorm": rng.choice(CARE_FORMS),
                    "gestart_op": started,
                    "geeindigd_op": ended,
                    "uithuisplaatsing": rng.choice((None, False, True)),
                }
                for period in person.homes:
                    if runs_in(started, ended, period):
                        rows[period]["trajecten"].append(self.as_known(trajectory, "geeindigd_op", period))

    def _goals(self, people: list[Person], rows: Rows) -> None:
        rng = self.rng
        for person in people:
            for number in range(rng.choice((0, 1, 1, 2, 3))):
                agreed = self.day_in(rng.choice(list(person.homes)))
                goal = {"doel_id": f"G{person.client_id}-{number}", "client_id": person.client_id}
                goal |= {"afgesproken_op": agreed, "beoordeeld_op": None, "resultaat": None}
                for period in [p for p in person.homes if p >= period_of(agreed)]:
                    judged = self.day_in(period) if rng.random() < 0.35 else None
                    if judged is not None and judged >= agreed:
                        # A goal may be judged again in a later half-year: each half-year counts its own judgement.
                        result = rng.choice(("gehaald", "gehaald", "deels", "niet", None))
                        goal = goal | {"beoordeeld_op": judged, "resultaat": result}
                        rows[period]["doelen"].append(goal)
                    elif period == period_of(agreed):
                        rows[period]["doelen"].append(goal)

    def _offers(self, rows: Rows) -> None:
        rng = self.rng
        for number in range(rng.randint(5, 15)):
            started = rng.choice((date(2015, 1, 1), self.day_in(rng.choice(self.periods))))
            stopped = rng.choice((None, self.day_in(rng.choice(self.periods))))
            if stopped is not None and stopped < started:
                stopped = None
            offer = {
                "aanbod_id": f"A{number}",
                "wijkcode": rng.choice((None, self.district(), self.district())),
                "omschrijving": rng.choice(("Weerbaarheid; samen sterk", "Gezinscoach, thuis", 'Groep "Sterk"')),
                "gestart_op": started,
                "gestopt_op": stopped,
                "plaatsen": rng.randint(0, 40),
            }
            for period in self.periods:
                if runs_in(started, stopped, period) and rng.random() < 0.9:
                    rows[period]["aanbod"].append(self.as_known(offer, "gestopt_op", period))

    def _visits(self, rows: Rows) -> None:
        rng = self.rng
        provisions = ("Buurtkamer", "Inloop 't Trefpunt", "Eettafel; warm", "Café Samen", "Repair, reparatie")
        for period in self.periods:
            months = [f"{starts_on(period).year}-{starts_on(period).month + step:02d}" for step in range(6)]
            for district in sorted({self.district() for _ in range(6)}):
                for provision in rng.sample(provisions, rng.randint(1, len(provisions))):
                    for month in rng.sample(months, rng.randint(1, 6)):
                        unique = rng.choice((0, rng.randint(1, 9), rng.randint(10, 300)))
                        row = {"wijkcode": district, "maand": month, "voorziening": provision}
                        row |= {"bezoeken": unique + rng.randint(0, 500), "unieke_bezoekers": unique}
                        rows[period]["bezoek"].append(row | {"vrijwilligers": rng.randint(0, 12)})
                for month in rng.sample(months, rng.randint(0, 6)):
                    for target in rng.sample(("schuldhulp", "wmo", "jeugd", "werk", "overig"), rng.randint(1, 5)):
                        row = {"wijkcode": district, "maand": month, "naar": target, "aantal": rng.randint(0, 9)}
                        rows[period]["toeleiding"].append(row)

    def _interviews(self, consortium: str, rows: Rows) -> None:
        """Interviews and answers: refused and partial ones, stakeholders, re-interviews, answers of 0."""
        rng = self.rng
        for period in self.periods:
            interviews = rows[period]["gesprekken"]
            for number in range(rng.choice((0, 15, 40, 80))):
                stakeholder = rng.random() < 0.25
                outcome = rng.choice(("afgerond",) * 6 + ("deels", "geweigerd", "niet_bereikt", "overig"))
                talked = outcome in ("afgerond", "deels")
                first_talks = [row for row in interviews if row["hercontrole_van"] is None]
                again = rng.choice(first_talks) if first_talks and talked and rng.random() < 0.08 else None
                interview = {
                    "gesprek_id": f"I{period}-{number}",
                    "wijkcode": again["wijkcode"] if again else self.district(),
                    "doelgroep": again["doelgroep"] if again else "stakeholder" if stakeholder else "client",
                    "stakeholder_type": again["stakeholder_type"] if again else "school" if stakeholder else None,
                    "uitkomst": outcome,
                    "afgenomen_op": self.day_in(period) if talked else None,
                    "begonnen_om": f"{rng.randint(8, 20):02d}:{rng.randint(0, 59):02d}" if talked else None,
                    "duur_minuten": rng.randint(5, 90) if talked else None,
                    "wijze": rng.choice(("huisbezoek", "telefoon", "online", "papier")) if talked else None,
                    "team": rng.choice(("Noord", "Zuid")),
                    "interviewer_id": f"V{rng.randint(1, 6)}",
                    "onafhankelijk": rng.choice((None, False, True)),
                    "hercontrole_van": again["gesprek_id"] if again else None,
                }
                interviews.append(interview)
                for question in QUESTIONS[consortium] if talked else ():
                    if rng.random() < 0.85:
                        highest = 10 if question == "tevredenheid" else 5
                        answer = rng.choice((0, highest, *(rng.randint(1, highest) for _ in range(6))))
                        row = {"gesprek_id": interview["gesprek_id"], "vraag": question, "antwoord": answer}
                        rows[period]["antwoorden"].append(row)

    def _narratives(self, consortium: str, tables: dict[str, list[Row]]) -> None:
        for indicator in self.rng.sample(list(INDICATORS[consortium]), self.rng.randint(0, 3)):
            tables["duiding"].append(
                {
                    "indicator": indicator,
                    "wijkcode": self.rng.choice((None, self.district())),
                    "verhaal": "Wij zagen meer mensen; ook 's avonds, én in het weekend.\nDat is nieuw.",
                    "verklaring": self.rng.choice((None, 'Er was een "open week".')),
                    "acties": None,
                }
            )

    def _counts(self, consortium: str, tables: dict[str, list[Row]]) -> None:
        """Figures that a consortium delivers as counts: they replace its records for that indicator."""
        rng = self.rng
        tables["aantallen"] = []
        possible = [name for name in INDICATORS[consortium] if name != "go_ambulant_aanbod"]
        for indicator in rng.sample(possible, rng.randint(1, 2)):
            for district in sorted({self.district() for _ in range(5)}):
                split = ["vrouw", "man"] if rng.random() < 0.5 else []
                total = [None] if not split or rng.random() < 0.5 else []
                for category in total + split:
                    n = self.residents[district] if indicator in PER_THOUSAND else rng.randint(0, 60)
                    if indicator in PER_HUNDRED | PER_THOUSAND:
                        numerator = rng.randint(0, 30)
                    elif "tevredenheid" in indicator:
                        numerator = sum(rng.randint(1, 10) for _ in range(n))
                    else:
                        numerator = rng.randint(0, n)
                    row = {"indicator": indicator, "wijkcode": district, "categorie": category}
                    tables["aantallen"].append(row | {"noemer": n, "teller": numerator})

    # --- what goes wrong in a delivery ---

    def _muddled(self, package: Package, version: int) -> Package:
        """Another version of a delivery, valid in itself: rows left out, scores and districts changed."""
        rng = self.rng
        lines: dict[str, list[Line]] = {}
        for table, true_lines in package.lines.items():
            kept = [line.row for line in true_lines if table not in LEAVES or rng.random() < 0.7]
            lines[table] = [Line(row | self._other_values(table, row)) for row in kept]
        return Package(package.consortium, package.period, version, lines)

    def _other_values(self, table: str, row: Row) -> Row:
        rng = self.rng
        if table == "clienten" and rng.random() < 0.5:
            return {"wijkcode": self.district()}
        if table == "dossiers" and row["gesloten_op"] is not None:
            return {"reden_sluiting": rng.choice(CLOSING_REASONS)}
        changes: dict[str, Callable[[], Row]] = {
            "zelfredzaamheid": lambda: {"score": rng.randint(1, 5)},
            "participatie": lambda: {"trede": rng.randint(1, 6)},
            "trajecten": lambda: {"vorm": rng.choice(CARE_FORMS)},
            "doelen": lambda: {"resultaat": rng.choice(("gehaald", "niet")) if row["beoordeeld_op"] else None},
            "bezoek": lambda: {"bezoeken": 900, "unieke_bezoekers": 900, "vrijwilligers": 90},
            "toeleiding": lambda: {"aantal": row["aantal"] + 50},
            "antwoorden": lambda: {"antwoord": rng.randint(0, 5)},
            "aantallen": lambda: {"noemer": row["noemer"] + 7},
        }
        return changes[table]() if table in changes else {}

    def _with_faults(self, package: Package) -> Package:
        """Plant faulty rows in tables that are large enough to bear them."""
        rng = self.rng
        lines = dict(package.lines)
        bearable = {
            table: int(len(true_lines) * MAXIMUM_FAULTS) if len(true_lines) > 100 else 0
            for table, true_lines in lines.items()
        }
        if "clienten" in lines and rng.random() < 0.7:
            self._lose_a_client(lines, bearable)
        for table in [name for name in lines if name in FAULTS and bearable[name]]:
            lines[table] = self._planted(table, lines[table], rng.randint(0, bearable[table]))
        return Package(package.consortium, package.period, package.version, lines)

    def _lose_a_client(self, lines: dict[str, list[Line]], bearable: dict[str, int]) -> None:
        """Give a client a wrong district: the row is refused, and with it all that refers to it."""
        behind: dict[str, dict[str, int]] = {}
        for table, rows in lines.items():
            for line in rows:
                if "client_id" in line.row:
                    counts = behind.setdefault(line.row["client_id"], {})
                    counts[table] = counts.get(table, 0) + 1
        fit = [name for name, counts in behind.items() if all(counts[t] <= bearable[t] for t in counts)]
        if not fit:
            return
        lost = max(fit, key=lambda name: (sum(behind[name].values()), name))
        for table, count in behind[lost].items():
            bearable[table] -= count
            change = {"wijkcode": "WK036301"} if table == "clienten" else {}
            name = "wrong_district" if table == "clienten" else "unknown_client"
            lines[table] = [
                Line(line.row | change, name) if line.row["client_id"] == lost else line for line in lines[table]
            ]

    def _spoil(self, package: Package) -> Package:
        """Make a version that must be rejected as a whole."""
        rng = self.rng
        lines = dict(package.lines)
        reason = rng.choice(("too_many_faults",) * 4 + ("missing_table", "missing_column", "personal_data"))
        large = [table for table in lines if table in FAULTS and len(lines[table]) >= 20]
        if reason == "too_many_faults" and not large:
            reason = "missing_table"
        if reason == "too_many_faults":
            table = rng.choice(large)
            share = rng.choice(SPOILED_SHARES)
            count = int(len(lines[table]) * share / (1 - share)) + 1
            lines[table] = self._planted(table, lines[table], count)
        if reason == "personal_data":
            story = f"Het verslag van mevrouw ({rng.choice(PERSONAL_DATA)}) volgt."
            row = {"indicator": next(iter(INDICATORS[package.consortium])), "wijkcode": self.districts[0]}
            lines["duiding"] = [Line(row | {"verhaal": story})]
        return Package(package.consortium, package.period, package.version, lines, spoiled=reason)

    def _planted(self, table: str, true_lines: list[Line], count: int) -> list[Line]:
        """Add faulty rows, each made from a true row; a duplicate comes after it, so that the true one is the first."""
        rng = self.rng
        lines = list(true_lines)
        for number in range(count):
            template = rng.choice([line for line in lines if line.fault is None])
            name, fault = rng.choice(FAULTS[table])
            row = dict(template.row)
            # A refused row takes no key: a sound row with that key counts, whichever comes first.
            if name != "duplicate" and rng.random() < 0.7:
                row |= {column: f"{row[column]}x{number}" for column in OWN_KEYS.get(table, ())}
            place = lines.index(template) + 1 if name == "duplicate" else 0
            lines.insert(rng.randint(place, len(lines)), Line(row | fault(rng, row), name))
        return lines


# What identifies a row by itself; a faulty row that is no duplicate gets one of its own.
OWN_KEYS = {
    "clienten": ("client_id",),
    "dossiers": ("dossier_id",),
    "zelfredzaamheid": ("beoordelaar_id",),
    "participatie": ("beoordelaar_id",),
    "trajecten": ("traject_id",),
    "doelen": ("doel_id",),
    "aanbod": ("aanbod_id",),
    "bezoek": ("voorziening",),
    "gesprekken": ("gesprek_id",),
}


def _always(**changes: Any) -> Callable[[random.Random, Row], Row]:
    return lambda rng, row: changes


_ELSEWHERE = ("wrong_district", lambda rng, row: {"wijkcode": rng.choice(("WK036301", "WK999999", "wijk", None))})
_DUPLICATE = ("duplicate", _always())
_STRANGER = ("unknown_client", _always(client_id="onbekende"))
_BAD_DATES = (date(2099, 1, 1), "31-02-2023", "gisteren", None)

# Per table: name of the fault and what it makes of a row. One fault a row.
FAULTS: dict[str, list[tuple[str, Callable[[random.Random, Row], Row]]]] = {
    "clienten": [
        _ELSEWHERE,
        ("duplicate", _always(leeftijdsgroep="80+")),
        ("unknown_code", _always(leeftijdsgroep="18-64")),
        ("bad_date", lambda rng, row: {"in_zorg_sinds": rng.choice(_BAD_DATES)}),
    ],
    "dossiers": [
        _DUPLICATE,
        _STRANGER,
        ("unknown_code", _always(gesloten_op=None, reden_sluiting="99")),
        ("bad_date", lambda rng, row: {"geopend_op": rng.choice(_BAD_DATES)}),
    ],
    "zelfredzaamheid": [
        ("duplicate", lambda rng, row: {"score": rng.randint(1, 5)}),
        _STRANGER,
        ("off_scale", lambda rng, row: {"score": rng.choice((0, 6, -1, None, "vijf"))}),
        ("off_scale", lambda rng, row: {"doelscore": rng.choice((0, 6))}),
        ("unknown_code", lambda rng, row: {"domein": rng.choice(("onbekend", "slapen"))}),
        ("unknown_code", _always(zrm_versie="2013", domein="werk_opleiding")),
        ("unknown_code", _always(zrm_versie="2017", domein="adl")),
        ("unknown_code", _always(zrm_versie="2010")),
        ("bad_date", lambda rng, row: {"meetdatum": rng.choice(_BAD_DATES)}),
    ],
    "participatie": [
        ("duplicate", lambda rng, row: {"trede": rng.randint(1, 6)}),
        _STRANGER,
        ("off_scale", lambda rng, row: {"trede": rng.choice((0, 7, None))}),
        ("bad_date", lambda rng, row: {"meetdatum": rng.choice(_BAD_DATES)}),
    ],
    "trajecten": [
        _DUPLICATE,
        _STRANGER,
        ("unknown_code", _always(vorm="99")),
        ("bad_date", lambda rng, row: {"gestart_op": rng.choice(_BAD_DATES)}),
    ],
    "doelen": [
        _DUPLICATE,
        _STRANGER,
        ("unknown_code", lambda rng, row: {"resultaat": "bijna"}),
        ("bad_date", lambda rng, row: {"afgesproken_op": rng.choice(_BAD_DATES)}),
    ],
    "bezoek": [
        _ELSEWHERE,
        ("duplicate", _always(vrijwilligers=99)),
        ("not_a_number", lambda rng, row: {"bezoeken": rng.choice(("veel", None))}),
    ],
    "toeleiding": [
        _ELSEWHERE,
        ("duplicate", _always(aantal=99)),
        ("unknown_code", _always(naar="politie")),
    ],
    "gesprekken": [
        _ELSEWHERE,
        _DUPLICATE,
        (
            "unknown_code",
            lambda rng, row: rng.choice(({"doelgroep": "buurman"}, {"uitkomst": "klaar"}, {"wijze": "fax"})),
        ),
    ],
    "antwoorden": [
        ("duplicate", _always(antwoord=1)),
        ("off_scale", lambda rng, row: {"antwoord": rng.choice((-1, 11, 99, None))}),
        ("off_scale", lambda rng, row: {"antwoord": 11 if row["vraag"] == "tevredenheid" else 6}),
        ("unknown_code", _always(vraag="weer")),
    ],
}


# --- the calendar of a world ---


def period_of(day: date) -> str:
    """The half-year of a day."""
    return f"{day.year}-H{1 if day.month <= 6 else 2}"


def runs_in(started: date, ended: date | None, period: str) -> bool:
    """Whether something runs on any day of a half-year, its last day included."""
    return started <= ends_on(period) and (ended is None or ended >= starts_on(period))
