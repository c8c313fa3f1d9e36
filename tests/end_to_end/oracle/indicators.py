"""Every indicator of version 1, counted by brute force with loops and dictionaries over the true rows.

Belongs here: the figures as a reader of the definitions would count them on a list of clients. Slow and plain on
purpose: no SQL, no data frames, nothing of the product. A row is a dictionary of the contract's Dutch column names with
Python values (``date``, ``int``, ``bool``, ``str``, ``None``); the order of the rows is their order in the file.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

Row = dict[str, Any]

RESIDENTIAL = {"35", "36", "37", "38", "43", "44"}
AMBULATORY = {"32", "34", "45"}
SINCE = date(2015, 1, 1)  # reopened files count from the start of the consortia
BASELINE_DAYS = 30
NEW_START_DAYS = 365


@dataclass
class Delivered:
    """One delivered version.

    Attributes:
        consortium: ``tom``, ``go`` or ``boost``.
        period: half-year, like ``2024-H1``.
        version: 1, 2, ...
        tables: the true rows per table, without those that must be refused.
        counts: whether it may count: complete, and not rejected.
    """

    consortium: str
    period: str
    version: int
    tables: dict[str, list[Row]]
    counts: bool = True


@dataclass(frozen=True)
class Cell:
    """A figure; ``value`` is None when there is nothing to divide by, ``persons`` None when it is not told."""

    n: int
    numerator: int
    value: float | None
    persons: int | None = None
    sum_of_squares: int | None = None
    places: int | None = None


@dataclass(frozen=True)
class Places:
    """Where figures are counted: the districts, their municipality, and the residents of each."""

    municipality: str
    districts: tuple[str, ...]
    residents: dict[str, int] = field(hash=False)

    @property
    def areas(self) -> tuple[str, ...]:
        """All districts and the municipality."""
        return (*self.districts, self.municipality)

    def inside(self, district: str | None, area: str) -> bool:
        """Whether a row of a district (None: the whole municipality) belongs to an area."""
        return area in (self.municipality, district)


def read_places(districts_csv: Path, residents_csv: Path) -> Places:
    """Read the districts and the population of the latest year from the reference files."""
    with districts_csv.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with residents_csv.open(encoding="utf-8", newline="") as file:
        residents = {row["code"].strip(): int(row["population"]) for row in csv.DictReader(file)}
    municipality = next(row["district_code"] for row in rows if row["district_level"] == "municipality")
    districts = tuple(row["district_code"] for row in rows if row["district_level"] == "district")
    return Places(municipality, districts, residents)


def starts_on(period: str) -> date:
    """First day of a half-year."""
    year, half = period.split("-H")
    return date(int(year), 1 if half == "1" else 7, 1)


def ends_on(period: str) -> date:
    """Last day of a half-year."""
    year, half = period.split("-H")
    return date(int(year), 6, 30) if half == "1" else date(int(year), 12, 31)


def shift(period: str, steps: int) -> str:
    """The half-year ``steps`` later, or earlier when negative."""
    year, half = period.split("-H")
    count = int(year) * 2 + int(half) - 1 + steps
    return f"{count // 2}-H{count % 2 + 1}"


def falls_in(day: date | None, period: str) -> bool:
    """Whether a day is told and lies in the half-year."""
    return day is not None and starts_on(period) <= day <= ends_on(period)


def counting(deliveries: Iterable[Delivered]) -> list[Delivered]:
    """Of each consortium and half-year the highest version that may count, in order of time."""
    best: dict[tuple[str, str], Delivered] = {}
    for delivery in deliveries:
        key = (delivery.consortium, delivery.period)
        if delivery.counts and (key not in best or best[key].version < delivery.version):
            best[key] = delivery
    return [best[key] for key in sorted(best)]


class Known:
    """What is known of a consortium at the end of a half-year for which it delivered."""

    def __init__(self, deliveries: list[Delivered], consortium: str, period: str) -> None:
        self.period = period
        self.start, self.end = starts_on(period), ends_on(period)
        self.so_far = [d for d in deliveries if d.consortium == consortium and d.period <= period]
        (self.own,) = [d for d in self.so_far if d.period == period]
        self.homes: dict[str, str] = {}
        for delivery in self.so_far:
            for row in delivery.tables.get("clienten", []):
                self.homes[row["client_id"]] = row["wijkcode"]
        self.pairs = {"zelfredzaamheid": pairs(self, "zelfredzaamheid"), "participatie": pairs(self, "participatie")}

    def rows(self, table: str) -> list[Row]:
        """The rows of the half-year's own delivery."""
        return self.own.tables.get(table, [])

    def history(self, table: str) -> list[Row]:
        """The rows of all deliveries up to this one, in order of delivery and file."""
        return [row for delivery in self.so_far for row in delivery.tables.get(table, [])]

    def states(self, table: str, key: str) -> list[Row]:
        """The latest known state of each keyed thing."""
        return list({row[key]: row for row in self.history(table)}.values())

    def home(self, row: Row) -> str:
        """The district of a row's client, as last known."""
        return self.homes[row["client_id"]]


# The columns that two ratings must share to form a pair, besides the client.
SCALE = {"zelfredzaamheid": ("domein", "zrm_versie"), "participatie": ()}


def pairs(known: Known, table: str) -> list[tuple[Row, Row]]:
    """(baseline, current) per client and scale; of the baseline's day, the first rating in the file."""
    found = []
    history = known.history(table)
    for current in current_ratings(known, table):
        same = [
            row
            for row in history
            if not row["tweede_beoordeling"]
            and row["client_id"] == current["client_id"]
            and all(row[column] == current[column] for column in SCALE[table])
            and (current["meetdatum"] - row["meetdatum"]).days >= BASELINE_DAYS
        ]
        if same:
            baseline = same[0]
            for row in same:
                if row["meetdatum"] < baseline["meetdatum"]:
                    baseline = row
            found.append((baseline, current))
    return found


def current_ratings(known: Known, table: str) -> list[Row]:
    """The last first-hand rating in the half-year per client and scale; of one day, the last in the file."""
    last: dict[tuple[Any, ...], Row] = {}
    for row in known.history(table):
        if row["tweede_beoordeling"] or not falls_in(row["meetdatum"], known.period):
            continue
        key = (row["client_id"], *(row[column] for column in SCALE[table]))
        if key not in last or row["meetdatum"] >= last[key]["meetdatum"]:
            last[key] = row
    return list(last.values())


Count = Callable[[Known, Places, str], Cell]  # of an area, at the end of a half-year


def proportion(n: int, numerator: int, persons: int) -> Cell:
    """A share between 0 and 1."""
    return Cell(n, numerator, numerator / n if n else None, persons)


def zrm_improved_or_stable(known: Known, places: Places, area: str) -> Cell:
    """Clients with a pair: at least one domain not worse."""
    clients, good = set(), set()
    for baseline, current in known.pairs["zelfredzaamheid"]:
        if places.inside(known.home(current), area):
            clients.add(current["client_id"])
            if current["score"] >= baseline["score"]:
                good.add(current["client_id"])
    return proportion(len(clients), len(good), len(clients))


def zrm_improved(known: Known, places: Places, area: str) -> Cell:
    """Clients with a pair: at least one domain better and none worse."""
    clients, better, worse = set(), set(), set()
    for baseline, current in known.pairs["zelfredzaamheid"]:
        if places.inside(known.home(current), area):
            clients.add(current["client_id"])
            if current["score"] > baseline["score"]:
                better.add(current["client_id"])
            if current["score"] < baseline["score"]:
                worse.add(current["client_id"])
    return proportion(len(clients), len(better - worse), len(clients))


def participation(known: Known, places: Places, area: str) -> Cell:
    """Clients with a ladder pair: rung not lower."""
    clients, good = set(), set()
    for baseline, current in known.pairs["participatie"]:
        if places.inside(known.home(current), area):
            clients.add(current["client_id"])
            if current["trede"] >= baseline["trede"]:
                good.add(current["client_id"])
    return proportion(len(clients), len(good), len(clients))


def zrm_goal_reached(known: Known, places: Places, area: str) -> Cell:
    """Pairs whose baseline has a goal: goal reached."""
    n, reached, clients = 0, 0, set()
    for baseline, current in known.pairs["zelfredzaamheid"]:
        if baseline["doelscore"] is not None and places.inside(known.home(current), area):
            n += 1
            reached += current["score"] >= baseline["doelscore"]
            clients.add(current["client_id"])
    return proportion(n, reached, len(clients))


def reopened_files(known: Known, places: Places, area: str) -> Cell:
    """Reopened files since 2015 per 100 clients with a file in that time."""
    clients, reopened = set(), 0
    for file in known.states("dossiers", "dossier_id"):
        if not places.inside(known.home(file), area) or file["geopend_op"] > known.end:
            continue
        if file["gesloten_op"] is None or file["gesloten_op"] >= SINCE:
            clients.add(file["client_id"])
        if file["vorig_dossier_id"] and file["geopend_op"] >= SINCE:
            reopened += 1
    return Cell(len(clients), reopened, 100 * reopened / len(clients) if clients else None, len(clients))


def answers(known: Known, places: Places, area: str, target: str, question: str) -> list[tuple[str, int]]:
    """(respondent, answer) to a question in completed interviews with a target group, the zeros among them.

    The respondent of a re-interview is the one of the interview that it checks.
    """
    asked = {}
    for row in known.rows("gesprekken"):
        if row["doelgroep"] == target and row["uitkomst"] == "afgerond" and places.inside(row["wijkcode"], area):
            asked[row["gesprek_id"]] = row["hercontrole_van"] or row["gesprek_id"]
    return [
        (asked[row["gesprek_id"]], row["antwoord"])
        for row in known.rows("antwoorden")
        if row["gesprek_id"] in asked and row["vraag"] == question
    ]


def mean_mark(target: str) -> Count:
    """Mean of the mark from 1 to 10."""

    def count(known: Known, places: Places, area: str) -> Cell:
        given = [(who, mark) for who, mark in answers(known, places, area, target, "tevredenheid") if mark != 0]
        n, total = len(given), sum(mark for _, mark in given)
        squares = sum(mark * mark for _, mark in given)
        return Cell(n, total, total / n if n else None, len({who for who, _ in given}), squares)

    return count


def agreeing(question: str) -> Count:
    """Share of clients who answer 4 or 5."""

    def count(known: Known, places: Places, area: str) -> Cell:
        given = [(who, answer) for who, answer in answers(known, places, area, "client", question) if answer != 0]
        return proportion(len(given), sum(answer in (4, 5) for _, answer in given), len({who for who, _ in given}))

    return count


def dropped_out(known: Known, places: Places, area: str) -> Cell:
    """Files closed in the half-year: closed by the client alone."""
    closed = [
        file
        for file in known.states("dossiers", "dossier_id")
        if falls_in(file["gesloten_op"], known.period) and places.inside(known.home(file), area)
    ]
    return proportion(
        len(closed), sum(file["reden_sluiting"] == "32" for file in closed), len({f["client_id"] for f in closed})
    )


def goals_reached(known: Known, places: Places, area: str) -> Cell:
    """Goals judged in the half-year: reached in full."""
    judged = [
        goal
        for goal in known.states("doelen", "doel_id")
        if falls_in(goal["beoordeeld_op"], known.period)
        and goal["resultaat"] is not None
        and places.inside(known.home(goal), area)
    ]
    return proportion(
        len(judged), sum(goal["resultaat"] == "gehaald" for goal in judged), len({g["client_id"] for g in judged})
    )


def no_new_start(known: Known, places: Places, area: str) -> Cell:
    """Clients whose file closed in the half-year a year earlier: no other file opened within 365 days after."""
    files = known.states("dossiers", "dossier_id")
    a_year_earlier = shift(known.period, -2)
    clients, again = set(), set()
    for closed in files:
        if not falls_in(closed["gesloten_op"], a_year_earlier) or not places.inside(known.home(closed), area):
            continue
        clients.add(closed["client_id"])
        for other in files:
            if other["client_id"] == closed["client_id"] and other["dossier_id"] != closed["dossier_id"]:
                days = (other["geopend_op"] - closed["gesloten_op"]).days
                if 1 <= days <= NEW_START_DAYS:
                    again.add(closed["client_id"])
    return proportion(len(clients), len(clients - again), len(clients))


def running_at_end(known: Known, places: Places, area: str) -> list[Row]:
    """Trajectories that still run when the half-year is over."""
    return [
        row
        for row in known.rows("trajecten")
        if row["gestart_op"] <= known.end
        and (row["geeindigd_op"] is None or row["geeindigd_op"] > known.end)
        and places.inside(known.home(row), area)
    ]


def residential(known: Known, places: Places, area: str) -> Cell:
    """Clients with a running trajectory at the end: in residential care."""
    running = running_at_end(known, places, area)
    clients = {row["client_id"] for row in running}
    return proportion(
        len(clients), len({row["client_id"] for row in running if row["vorm"] in RESIDENTIAL}), len(clients)
    )


def out_of_home(known: Known, places: Places, area: str) -> Cell:
    """The same clients: placed out of home."""
    running = running_at_end(known, places, area)
    clients = {row["client_id"] for row in running}
    return proportion(len(clients), len({row["client_id"] for row in running if row["uithuisplaatsing"]}), len(clients))


def ambulatory_share(known: Known, places: Places, area: str) -> Cell:
    """Clients with a trajectory that ran on any day of the half-year: with an ambulatory one."""
    clients, ambulatory = set(), set()
    for row in known.rows("trajecten"):
        ended = row["geeindigd_op"]
        runs = row["gestart_op"] <= known.end and (ended is None or ended >= known.start)
        if runs and places.inside(known.home(row), area):
            clients.add(row["client_id"])
            if row["vorm"] in AMBULATORY:
                ambulatory.add(row["client_id"])
    return proportion(len(clients), len(ambulatory), len(clients))


def ambulatory_offers(known: Known, places: Places, area: str) -> Cell:
    """Offers running at the end, with their places; one without a district counts for the municipality only."""
    offers = [
        row
        for row in known.rows("aanbod")
        if row["gestart_op"] <= known.end
        and (row["gestopt_op"] is None or row["gestopt_op"] > known.end)
        and places.inside(row["wijkcode"], area)
    ]
    return Cell(len(offers), len(offers), float(len(offers)), places=sum(row["plaatsen"] for row in offers))


def busiest_months(column: str) -> Count:
    """Highest month per provision, summed, per 1,000 residents."""

    def count(known: Known, places: Places, area: str) -> Cell:
        highest: dict[tuple[str, str], int] = {}
        for row in known.rows("bezoek"):
            if places.inside(row["wijkcode"], area):
                key = (row["wijkcode"], row["voorziening"])
                highest[key] = max(highest.get(key, 0), row[column])
        return per_thousand(sum(highest.values()), places.residents[area])

    return count


def referrals_to_debt_relief(known: Known, places: Places, area: str) -> Cell:
    """Referrals to debt relief per 1,000 residents."""
    referred = sum(
        row["aantal"]
        for row in known.rows("toeleiding")
        if row["naar"] == "schuldhulp" and places.inside(row["wijkcode"], area)
    )
    return per_thousand(referred, places.residents[area])


def per_thousand(numerator: int, residents: int) -> Cell:
    """A rate; the residents are the people behind it."""
    return Cell(residents, numerator, 1000 * numerator / residents, residents)


INDICATORS = {
    "tom": {
        "tom_zrm_verbeterd_of_stabiel": zrm_improved_or_stable,
        "tom_zrm_verbeterd": zrm_improved,
        "tom_participatie_verbeterd_of_stabiel": participation,
        "tom_heropende_dossiers": reopened_files,
        "tom_tevredenheid_clienten": mean_mark("client"),
        "tom_tevredenheid_stakeholders": mean_mark("stakeholder"),
        "tom_gehoord": agreeing("gehoord"),
        "tom_eigen_regie": agreeing("eigen_regie"),
        "tom_doel_bereikt": zrm_goal_reached,
    },
    "go": {
        "go_uitval": dropped_out,
        "go_tevredenheid_clienten": mean_mark("client"),
        "go_doel_bereikt": goals_reached,
        "go_geen_nieuwe_start": no_new_start,
        "go_verblijf": residential,
        "go_uithuisplaatsing": out_of_home,
        "go_ambulant_aandeel": ambulatory_share,
        "go_ambulant_aanbod": ambulatory_offers,
    },
    "boost": {
        "boost_bereik": busiest_months("unieke_bezoekers"),
        "boost_tevredenheid_bezoekers": mean_mark("client"),
        "boost_vrijwilligers": busiest_months("vrijwilligers"),
        "boost_toeleiding_schuldhulp": referrals_to_debt_relief,
    },
}
# What a counted figure (noemer, teller) means: the factor between teller / noemer and the value.
PER_HUNDRED = {"tom_heropende_dossiers"}
PER_THOUSAND = {"boost_bereik", "boost_vrijwilligers", "boost_toeleiding_schuldhulp"}


def delivered_as_counts(known: Known, places: Places, indicator: str, area: str) -> Cell:
    """A figure that was delivered as counts: of each district the total where told, else the sum of its categories."""
    n = numerator = 0
    for district in places.districts:
        if not places.inside(district, area):
            continue
        rows = [r for r in known.rows("aantallen") if r["indicator"] == indicator and r["wijkcode"] == district]
        totals = [row for row in rows if row["categorie"] is None] or rows
        n += sum(row["noemer"] for row in totals)
        numerator += sum(row["teller"] for row in totals)
    factor = 100 if indicator in PER_HUNDRED else 1000 if indicator in PER_THOUSAND else 1
    return Cell(n, numerator, factor * numerator / n if n else None, persons=n)


def indicator_cells(deliveries: Iterable[Delivered], places: Places) -> dict[tuple[str, str, str, str], Cell]:
    """All figures: (consortium, indicator, district, period) to cell, the municipality among the districts."""
    deliveries = counting(deliveries)
    cells = {}
    for delivery in deliveries:
        known = Known(deliveries, delivery.consortium, delivery.period)
        as_counts = {row["indicator"] for row in known.rows("aantallen")}
        for indicator, count in INDICATORS[delivery.consortium].items():
            for area in places.areas:
                key = (delivery.consortium, indicator, area, delivery.period)
                if indicator in as_counts:
                    cells[key] = delivered_as_counts(known, places, indicator, area)
                else:
                    cells[key] = count(known, places, area)
    return cells


@dataclass(frozen=True)
class DomainCell:
    """Outcomes on a life domain: pairs by direction, current ratings, pairs with a goal."""

    n: int
    improved: int
    stable: int
    worsened: int
    stable_low: int
    rated: int
    low: int
    goals: int
    goals_reached: int


def life_domain_cells(
    deliveries: Iterable[Delivered], places: Places, domains: Iterable[str]
) -> dict[tuple[str, str, str], DomainCell]:
    """Outcomes of Tom per (life domain, district, period), both versions of the matrix together."""
    deliveries = counting(deliveries)
    cells = {}
    for delivery in deliveries:
        if delivery.consortium != "tom":
            continue
        known = Known(deliveries, "tom", delivery.period)
        all_pairs = known.pairs["zelfredzaamheid"]
        all_rated = current_ratings(known, "zelfredzaamheid")
        for domain in sorted(set(domains)):
            for area in places.areas:
                two = [
                    (first["score"], last["score"], first["doelscore"])
                    for first, last in all_pairs
                    if last["domein"] == domain and places.inside(known.home(last), area)
                ]
                rated = [
                    row["score"]
                    for row in all_rated
                    if row["domein"] == domain and places.inside(known.home(row), area)
                ]
                goals = [(last, goal) for _, last, goal in two if goal is not None]
                cells[(domain, area, delivery.period)] = DomainCell(
                    n=len(two),
                    improved=sum(last > first for first, last, _ in two),
                    stable=sum(last == first for first, last, _ in two),
                    worsened=sum(last < first for first, last, _ in two),
                    stable_low=sum(last == first <= 2 for first, last, _ in two),
                    rated=len(rated),
                    low=sum(score <= 2 for score in rated),
                    goals=len(goals),
                    goals_reached=sum(last >= goal for last, goal in goals),
                )
    return cells


@dataclass(frozen=True)
class AnswerCell:
    """Answers to a question: asked, answered, their sum and sum of squares, and how many agree (4 or 5 of 5)."""

    asked: int
    n: int
    total: int
    squares: int
    agree: int | None


def answer_cells(deliveries: Iterable[Delivered], places: Places) -> dict[tuple[str, str, str, str, str], AnswerCell]:
    """Answers per (consortium, target group, question, district, period), only where the question was asked."""
    deliveries = counting(deliveries)
    cells = {}
    for delivery in deliveries:
        known = Known(deliveries, delivery.consortium, delivery.period)
        questions = {row["vraag"] for row in known.rows("antwoorden")}
        for target in ("client", "stakeholder"):
            for question in questions:
                for area in places.areas:
                    asked = [answer for _, answer in answers(known, places, area, target, question)]
                    given = [answer for answer in asked if answer != 0]
                    if asked:
                        cells[(delivery.consortium, target, question, area, delivery.period)] = AnswerCell(
                            asked=len(asked),
                            n=len(given),
                            total=sum(given),
                            squares=sum(a * a for a in given),
                            agree=None if question == "tevredenheid" else sum(a >= 4 for a in given),
                        )
    return cells
