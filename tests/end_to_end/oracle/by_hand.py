"""A small world whose figures were worked out by hand: one awkward case per district.

Belongs here: cases with their rows and the figures that a careful reader of the definitions gets, as literal numbers.
The oracle must reproduce them, and so must the product. Half-years: A = 2021-H1, B = 2021-H2, C = 2022-H1, D = 2022-H2.
Tom skips C and Boost skips B.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from .deliveries import DELIVERS, Line, Package
from .indicators import Row

A, B, C, D = "2021-H1", "2021-H2", "2022-H1", "2022-H2"
PERIODS = {"tom": (A, B, D), "go": (A, B, C, D), "boost": (A, C, D)}

Figure = tuple[int, int, float | None]  # n, numerator, value


@dataclass(frozen=True)
class Case:
    """One situation: where it plays, what is delivered, what the figures are.

    Attributes:
        name: the situation in words.
        rows: table and row per half-year, in file order.
        figures: (indicator, district, period) to figure.
    """

    name: str
    consortium: str
    rows: dict[str, list[tuple[str, Row]]]
    figures: dict[tuple[str, str, str], Figure]


def day(text: str) -> date:
    """A day, like ``2021-03-01``."""
    return date.fromisoformat(text)


def client(name: str, district: str) -> tuple[str, Row]:
    """A client in care since 2015."""
    row = {"client_id": name, "wijkcode": district, "leeftijdsgroep": "18-44", "in_zorg_sinds": date(2015, 1, 1)}
    return "clienten", row | {"uit_zorg_op": None}


def zrm(name: str, on: str, score: int, **other: Any) -> tuple[str, Row]:
    """A rating on the matrix of 2017, domain financien, unless told otherwise."""
    row = {"client_id": name, "meetdatum": day(on), "zrm_versie": "2017", "domein": "financien", "score": score}
    return "zelfredzaamheid", row | {"doelscore": None, "beoordelaar_id": "r1", "tweede_beoordeling": False} | other


def rung(name: str, on: str, trede: int) -> tuple[str, Row]:
    """A rating on the ladder."""
    row = {"client_id": name, "meetdatum": day(on), "trede": trede, "doeltrede": None}
    return "participatie", row | {"beoordelaar_id": "r1", "tweede_beoordeling": False}


def file(
    key: str, name: str, opened: str, closed: str | None = None, reason: str | None = None, previous: str | None = None
) -> tuple[str, Row]:
    """A file."""
    row = {"dossier_id": key, "client_id": name, "geopend_op": day(opened)}
    row |= {"gesloten_op": day(closed) if closed else None, "reden_sluiting": reason, "vorig_dossier_id": previous}
    return "dossiers", row


def trajectory(
    key: str, name: str, form: str, started: str, ended: str | None = None, away: bool = False
) -> tuple[str, Row]:
    """A trajectory."""
    row = {"traject_id": key, "client_id": name, "vorm": form, "gestart_op": day(started)}
    return "trajecten", row | {"geeindigd_op": day(ended) if ended else None, "uithuisplaatsing": away}


def goal(key: str, name: str, agreed: str, judged: str | None = None, result: str | None = None) -> tuple[str, Row]:
    """A goal."""
    row = {"doel_id": key, "client_id": name, "afgesproken_op": day(agreed)}
    return "doelen", row | {"beoordeeld_op": day(judged) if judged else None, "resultaat": result}


def offer(key: str, district: str | None, places: int, started: str, stopped: str | None = None) -> tuple[str, Row]:
    """An ambulatory offer."""
    row = {"aanbod_id": key, "wijkcode": district, "omschrijving": "Gezinscoach", "gestart_op": day(started)}
    return "aanbod", row | {"gestopt_op": day(stopped) if stopped else None, "plaatsen": places}


def interview(key: str, district: str, target: str = "client", **other: Any) -> tuple[str, Row]:
    """A completed interview, unless told otherwise."""
    row = {"gesprek_id": key, "wijkcode": district, "doelgroep": target, "stakeholder_type": None}
    row |= {"uitkomst": "afgerond", "afgenomen_op": None, "begonnen_om": None, "duur_minuten": None, "wijze": None}
    row |= {"team": None, "interviewer_id": None, "onafhankelijk": None, "hercontrole_van": None}
    return "gesprekken", row | other


def answer(key: str, question: str, given: int) -> tuple[str, Row]:
    """An answer."""
    return "antwoorden", {"gesprek_id": key, "vraag": question, "antwoord": given}


def visits(district: str, month: str, provision: str, unique: int, volunteers: int) -> tuple[str, Row]:
    """A month of a provision."""
    row = {"wijkcode": district, "maand": month, "voorziening": provision, "bezoeken": 3 * unique}
    return "bezoek", row | {"unieke_bezoekers": unique, "vrijwilligers": volunteers}


def referred(district: str, month: str, target: str, number: int) -> tuple[str, Row]:
    """Referrals in a month."""
    return "toeleiding", {"wijkcode": district, "maand": month, "naar": target, "aantal": number}


def counted(indicator: str, district: str, n: int, numerator: int, category: str | None = None) -> tuple[str, Row]:
    """A figure delivered as counts."""
    row = {"indicator": indicator, "wijkcode": district, "categorie": category}
    return "aantallen", row | {"noemer": n, "teller": numerator}


NOTHING: Figure = (0, 0, None)
STABLE, BETTER = "tom_zrm_verbeterd_of_stabiel", "tom_zrm_verbeterd"
LADDER, GOAL, REOPENED = "tom_participatie_verbeterd_of_stabiel", "tom_doel_bereikt", "tom_heropende_dossiers"
MARK, STAKEHOLDER_MARK, HEARD = "tom_tevredenheid_clienten", "tom_tevredenheid_stakeholders", "tom_gehoord"

CASES = (
    Case(
        "a baseline lies 30 days before: not 29, and one rating is no pair",
        "tom",
        {
            A: [
                *(client(name, "WK048401") for name in ("one", "days29", "days30", "days31")),
                zrm("one", "2021-03-01", 2),
                zrm("days29", "2021-03-01", 2),
                zrm("days29", "2021-03-30", 3),
                zrm("days30", "2021-03-01", 2),
                zrm("days30", "2021-03-31", 3),
                zrm("days31", "2021-03-01", 3),
                zrm("days31", "2021-04-01", 2),
            ]
        },
        {(STABLE, "WK048401", A): (2, 1, 0.5), (BETTER, "WK048401", A): (2, 1, 0.5), (GOAL, "WK048401", A): NOTHING},
    ),
    Case(
        "two ratings on one day: the first of the baseline's day, the last of the current day",
        "tom",
        {
            A: [
                client("other_scores", "WK048402"),
                client("same_scores", "WK048402"),
                zrm("other_scores", "2021-01-10", 4),
                zrm("other_scores", "2021-01-10", 2, beoordelaar_id="r2"),
                zrm("other_scores", "2021-05-10", 5),
                zrm("other_scores", "2021-05-10", 3, beoordelaar_id="r2"),  # 4 -> 3: worse
                zrm("same_scores", "2021-01-10", 3),
                zrm("same_scores", "2021-01-10", 3, beoordelaar_id="r2"),
                zrm("same_scores", "2021-05-10", 3),  # 3 -> 3: stable
            ]
        },
        {(STABLE, "WK048402", A): (2, 1, 0.5), (BETTER, "WK048402", A): (2, 0, 0.0)},
    ),
    Case(
        "no pair across versions, and pairs of both versions count",
        "tom",
        {
            A: [
                client("changed", "WK048403"),
                client("rated_twice", "WK048403"),
                zrm("changed", "2021-01-10", 2, zrm_versie="2013"),
                zrm("changed", "2021-05-10", 4),
                zrm("rated_twice", "2021-06-01", 2, zrm_versie="2013", domein="dagbesteding"),
                zrm("rated_twice", "2021-06-01", 3),
            ],
            B: [
                client("changed", "WK048403"),
                client("rated_twice", "WK048403"),
                zrm("changed", "2021-09-10", 3),  # against the 4 of version 2017: worse
                zrm("rated_twice", "2021-12-31", 3, zrm_versie="2013", domein="dagbesteding"),  # better
                zrm("rated_twice", "2021-12-31", 3),  # stable
            ],
        },
        {
            (STABLE, "WK048403", A): NOTHING,
            (STABLE, "WK048403", B): (2, 1, 0.5),
            (BETTER, "WK048403", B): (2, 1, 0.5),
        },
    ),
    Case(
        "second ratings never count, as baseline nor as current",
        "tom",
        {
            A: [
                client("checked", "WK048404"),
                client("second_only", "WK048404"),
                zrm("checked", "2021-01-10", 1, tweede_beoordeling=True),
                zrm("checked", "2021-02-10", 3),
                zrm("checked", "2021-06-10", 3),
                zrm("checked", "2021-06-20", 1, tweede_beoordeling=True),
                zrm("second_only", "2021-01-10", 1, tweede_beoordeling=True),
                zrm("second_only", "2021-06-10", 3),
            ]
        },
        {(STABLE, "WK048404", A): (1, 1, 1.0), (BETTER, "WK048404", A): (1, 0, 0.0)},
    ),
    Case(
        "a client who moves counts where they live in the half-year; a file moves along",
        "tom",
        {
            A: [
                client("mover", "WK048405"),
                zrm("mover", "2021-01-10", 2),
                zrm("mover", "2021-06-01", 3),
                file("mover-1", "mover", "2020-01-01", previous="mover-0"),
            ],
            B: [client("mover", "WK048406"), zrm("mover", "2021-09-01", 2)],  # against the 2 of January: stable
        },
        {
            (BETTER, "WK048405", A): (1, 1, 1.0),
            (BETTER, "WK048406", A): NOTHING,
            (BETTER, "WK048405", B): NOTHING,
            (BETTER, "WK048406", B): (1, 0, 0.0),
            (STABLE, "WK048406", B): (1, 1, 1.0),
            (REOPENED, "WK048405", A): (1, 1, 100.0),
            (REOPENED, "WK048405", B): NOTHING,
            (REOPENED, "WK048406", B): (1, 1, 100.0),
        },
    ),
    Case(
        "several domains: one better and one worse is not improved; goals are those of the baseline",
        "tom",
        {
            A: [
                *(client(name, "WK048407") for name in ("mixed", "down", "up")),
                zrm("mixed", "2021-01-10", 2, doelscore=3),
                zrm("mixed", "2021-06-10", 3),  # better, goal reached
                zrm("mixed", "2021-01-10", 3, domein="huisvesting", doelscore=4),
                zrm("mixed", "2021-06-10", 2, domein="huisvesting"),  # worse, goal missed
                zrm("down", "2021-01-10", 3),
                zrm("down", "2021-06-10", 1, doelscore=1),  # worse; a goal set now is no goal of this pair
                zrm("up", "2021-01-10", 4),
                zrm("up", "2021-06-10", 5),  # better
                zrm("up", "2021-01-10", 1, domein="huisvesting"),
                zrm("up", "2021-06-10", 1, domein="huisvesting"),  # stable
            ]
        },
        {
            (STABLE, "WK048407", A): (3, 2, 2 / 3),
            (BETTER, "WK048407", A): (3, 1, 1 / 3),
            (GOAL, "WK048407", A): (2, 1, 0.5),
        },
    ),
    Case(
        "the ladder: first against last, what lies between does not count; a pair may cross half-years",
        "tom",
        {
            A: [
                *(client(name, "WK048408") for name in ("level", "peak", "summer")),
                rung("level", "2021-01-05", 2),
                rung("level", "2021-06-30", 2),
                rung("peak", "2021-01-05", 3),
                rung("peak", "2021-03-05", 5),
                rung("peak", "2021-06-05", 2),
                rung("summer", "2021-06-20", 1),
            ],
            B: [client("summer", "WK048408"), rung("summer", "2021-07-20", 2)],  # 30 days
        },
        {(LADDER, "WK048408", A): (2, 1, 0.5), (LADDER, "WK048408", B): (1, 1, 1.0)},
    ),
    Case(
        "files: reopened before 2015, on its first day, twice; open ones that are no longer mentioned stay open",
        "tom",
        {
            A: [
                *(client(name, "WK048409") for name in ("before", "first_day", "twice")),
                file("before-1", "before", "2014-05-01", previous="before-0"),
                file("first-1", "first_day", "2015-01-01", previous="first-0"),
                file("twice-1", "twice", "2020-02-01", "2021-01-01", "31"),
                file("twice-2", "twice", "2021-02-01", "2021-06-30", "31", previous="twice-1"),
            ],
            B: [
                client("twice", "WK048409"),
                client("new", "WK048409"),
                file("twice-3", "twice", "2021-07-01", previous="twice-2"),
                file("new-1", "new", "2021-08-01"),
            ],
        },
        {(REOPENED, "WK048409", A): (3, 2, 100 * 2 / 3), (REOPENED, "WK048409", B): (4, 3, 75.0)},
    ),
    Case(
        "interviews: only completed ones, 0 is no answer, stakeholders apart, a re-interview counts",
        "tom",
        {
            A: [
                interview("i1", "WK048431"),
                answer("i1", "tevredenheid", 8),
                answer("i1", "gehoord", 4),
                interview("i2", "WK048431"),
                answer("i2", "tevredenheid", 0),
                answer("i2", "gehoord", 3),
                interview("i3", "WK048431", uitkomst="deels"),
                answer("i3", "tevredenheid", 2),
                interview("i4", "WK048431", uitkomst="geweigerd"),
                interview("i5", "WK048431", "stakeholder", stakeholder_type="school"),
                answer("i5", "tevredenheid", 6),
                answer("i5", "gehoord", 1),
                interview("i6", "WK048431", hercontrole_van="i1"),
                answer("i6", "tevredenheid", 7),
                answer("i6", "gehoord", 5),
                interview("i8", "WK048431"),
                answer("i8", "gehoord", 0),
            ]
        },
        {
            (MARK, "WK048431", A): (2, 15, 7.5),
            (STAKEHOLDER_MARK, "WK048431", A): (1, 6, 6.0),
            (HEARD, "WK048431", A): (3, 2, 2 / 3),
            ("tom_eigen_regie", "WK048431", A): NOTHING,
        },
    ),
    Case(
        "counts instead of records: the total where told, else the categories; the records no longer count",
        "tom",
        {
            D: [
                counted(HEARD, "WK048445", 20, 15),
                counted(HEARD, "WK048445", 12, 10, "vrouw"),
                counted(HEARD, "WK048445", 8, 5, "man"),
                counted(HEARD, "WK048471", 6, 3, "vrouw"),
                counted(HEARD, "WK048471", 4, 4, "man"),
                interview("i7", "WK048431"),
                answer("i7", "gehoord", 5),
                answer("i7", "eigen_regie", 2),
            ]
        },
        {
            (HEARD, "WK048445", D): (20, 15, 0.75),
            (HEARD, "WK048471", D): (10, 7, 0.7),
            (HEARD, "WK048431", D): NOTHING,
            (HEARD, "GM0484", D): (30, 22, 22 / 30),
            ("tom_eigen_regie", "WK048431", D): (1, 0, 0.0),
        },
    ),
    Case(
        "a half-year is missing: the baseline of before it is still the baseline",
        "tom",
        {
            A: [client("patient", "WK048470"), zrm("patient", "2021-06-30", 2)],
            D: [client("patient", "WK048470"), zrm("patient", "2022-12-31", 4)],
        },
        {(BETTER, "WK048470", A): NOTHING, (BETTER, "WK048470", B): NOTHING, (BETTER, "WK048470", D): (1, 1, 1.0)},
    ),
    Case(
        "the corrected version counts, not the first one nor a rejected third",  # see the packages below
        "tom",
        {A: [client("corrected", "WK048491"), zrm("corrected", "2021-01-10", 2), zrm("corrected", "2021-05-10", 3)]},
        {(BETTER, "WK048491", A): (1, 1, 1.0)},
    ),
    Case(
        "files closed on the last day, the first day, without a reason",
        "go",
        {
            A: [
                *(client(name, "WK048401") for name in ("last_day", "first_day", "next_day")),
                file("last", "last_day", "2020-01-01", "2021-06-30", "32"),
                file("first", "first_day", "2020-01-01", "2021-01-01"),
                file("next", "next_day", "2020-01-01"),
            ],
            B: [client("next_day", "WK048401"), file("next", "next_day", "2020-01-01", "2021-07-01", "31")],
        },
        {("go_uitval", "WK048401", A): (2, 1, 0.5), ("go_uitval", "WK048401", B): (1, 0, 0.0)},
    ),
    Case(
        "a file that turns out not to be closed: what was known at the time stays",
        "go",
        {
            A: [client("mistaken", "WK048402"), file("mistaken-1", "mistaken", "2020-01-01", "2021-03-01", "32")],
            B: [client("mistaken", "WK048402"), file("mistaken-1", "mistaken", "2020-01-01")],
        },
        {
            ("go_uitval", "WK048402", A): (1, 1, 1.0),
            ("go_uitval", "WK048402", B): NOTHING,
            ("go_geen_nieuwe_start", "WK048402", C): NOTHING,
        },
    ),
    Case(
        "a new start: within 365 days after closing, not on the day itself; counted where the client lived last",
        "go",
        {
            A: [
                *(client(n, "WK048403") for n in ("day365", "day366", "day0", "often", "last_day2", "gone")),
                file("365-1", "day365", "2020-01-01", "2021-03-01", "31"),
                file("366-1", "day366", "2020-01-01", "2021-03-01", "31"),
                file("0-1", "day0", "2020-01-01", "2021-03-01", "31"),
                file("0-2", "day0", "2021-03-01"),
                file("often-1", "often", "2020-01-01", "2021-02-01", "31"),
                file("often-2", "often", "2021-03-01", "2021-05-01", "31"),
                file("last-1", "last_day2", "2020-01-01", "2021-06-30", "31"),
                file("gone-1", "gone", "2020-01-01", "2021-04-01", "31"),
            ],
            C: [
                client("day365", "WK048404"),
                client("day366", "WK048403"),
                client("last_day2", "WK048403"),
                file("365-2", "day365", "2022-03-01"),
                file("366-2", "day366", "2022-03-02"),
                file("last-2", "last_day2", "2022-06-30"),
            ],
        },
        {
            # day366, day0 and gone did not come back; often and last_day2 did.
            ("go_geen_nieuwe_start", "WK048403", C): (5, 3, 0.6),
            ("go_geen_nieuwe_start", "WK048404", C): (1, 0, 0.0),
            ("go_geen_nieuwe_start", "WK048403", B): NOTHING,
            ("go_geen_nieuwe_start", "WK048403", D): NOTHING,
        },
    ),
    Case(
        "trajectories: ended on the last or first day, several at once, residential and ambulatory mixed",
        "go",
        {
            A: [
                *(client(name, "WK048405") for name in ("away", "ends_last", "both", "came_home", "ends_first")),
                trajectory("t1", "away", "35", "2020-01-01"),
                trajectory("t2", "ends_last", "45", "2020-01-01", "2021-06-30"),
                trajectory("t3", "both", "45", "2020-01-01"),
                trajectory("t4", "both", "43", "2021-06-30", away=True),
                trajectory("t5", "came_home", "35", "2020-01-01", "2021-03-01", away=True),
                trajectory("t6", "came_home", "31", "2021-03-01"),
                trajectory("t7", "ends_first", "32", "2020-01-01", "2021-01-01"),
            ]
        },
        {
            ("go_verblijf", "WK048405", A): (3, 2, 2 / 3),
            ("go_uithuisplaatsing", "WK048405", A): (3, 1, 1 / 3),
            ("go_ambulant_aandeel", "WK048405", A): (5, 3, 0.6),
            ("go_verblijf", "WK048405", B): NOTHING,  # trajectories are those of the half-year's own delivery
        },
    ),
    Case(
        "goals: partly is not reached, a goal may be judged again",
        "go",
        {
            A: [
                client("striver", "WK048406"),
                goal("g1", "striver", "2020-11-01", "2021-01-01", "gehaald"),
                goal("g2", "striver", "2021-02-01", "2021-06-30", "deels"),
                goal("g3", "striver", "2021-02-01", "2021-05-01", "niet"),
                goal("g4", "striver", "2021-02-01", "2021-05-01"),
                goal("g5", "striver", "2021-02-01"),
            ],
            B: [client("striver", "WK048406"), goal("g2", "striver", "2021-02-01", "2021-07-01", "gehaald")],
        },
        {("go_doel_bereikt", "WK048406", A): (3, 1, 1 / 3), ("go_doel_bereikt", "WK048406", B): (1, 1, 1.0)},
    ),
    Case(
        "offers: stopped on the last day, for the whole municipality",
        "go",
        {
            A: [
                offer("o1", "WK048407", 8, "2021-06-30"),
                offer("o2", "WK048407", 4, "2020-01-01", "2021-06-30"),
                offer("o3", None, 10, "2015-01-01"),
            ]
        },
        {
            ("go_ambulant_aanbod", "WK048407", A): (1, 1, 1.0),
            ("go_ambulant_aanbod", "GM0484", A): (2, 2, 2.0),
            ("go_ambulant_aanbod", "GM0484", B): (0, 0, 0.0),
        },
    ),
    Case(
        "visits: the busiest month of each provision in each district; months without visits",
        "boost",
        {
            A: [
                visits("WK048401", "2021-01", "Buurtkamer", 10, 3),
                visits("WK048401", "2021-03", "Buurtkamer", 30, 2),
                visits("WK048401", "2021-01", "Inloop", 5, 1),
                visits("WK048401", "2021-06", "Inloop", 4, 6),
                visits("WK048409", "2021-01", "Buurtkamer", 8, 0),
            ]
        },
        {
            ("boost_bereik", "WK048401", A): (9580, 35, 35000 / 9580),
            ("boost_vrijwilligers", "WK048401", A): (9580, 9, 9000 / 9580),
            ("boost_bereik", "WK048409", A): (40, 8, 200.0),
            ("boost_vrijwilligers", "WK048409", A): (40, 0, 0.0),
            ("boost_bereik", "WK048402", A): (13585, 0, 0.0),
            ("boost_bereik", "GM0484", A): (112926, 43, 43000 / 112926),
            ("boost_bereik", "WK048401", C): (9580, 0, 0.0),
        },
    ),
    Case(
        "referrals: to debt relief only",
        "boost",
        {
            A: [
                referred("WK048405", "2021-01", "schuldhulp", 3),
                referred("WK048405", "2021-02", "schuldhulp", 4),
                referred("WK048405", "2021-02", "wmo", 9),
            ]
        },
        {("boost_toeleiding_schuldhulp", "WK048405", A): (8005, 7, 7000 / 8005)},
    ),
)


def packages() -> list[Package]:
    """The deliveries of all cases together; Tom's first half-year in three versions, of which the second counts."""
    made = []
    for consortium, periods in PERIODS.items():
        for period in periods:
            tables: dict[str, list[Row]] = {table: [] for table in DELIVERS[consortium]}
            for case in CASES:
                for table, row in case.rows.get(period, []) if case.consortium == consortium else ():
                    tables.setdefault(table, []).append(row)
            made.append(_package(consortium, period, 1, tables))
    first = made[0]
    before = {name: [line.row for line in lines] for name, lines in first.lines.items()}
    wrong = [
        row | {"score": 1} if row["client_id"] == "corrected" and row["score"] == 3 else row
        for row in before["zelfredzaamheid"]
    ]
    without_ratings = {name: rows for name, rows in before.items() if name != "zelfredzaamheid"}
    rejected = _package(first.consortium, first.period, 3, without_ratings | {"zelfredzaamheid": []})
    rejected.spoiled = "missing_table"
    return [
        _package(first.consortium, first.period, 1, before | {"zelfredzaamheid": wrong}),
        _package(first.consortium, first.period, 2, before),
        rejected,
        *made[1:],
    ]


def _package(consortium: str, period: str, version: int, tables: dict[str, list[Row]]) -> Package:
    return Package(consortium, period, version, {name: [Line(row) for row in rows] for name, rows in tables.items()})
