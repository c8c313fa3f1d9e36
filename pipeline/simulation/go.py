"""GO! voor jeugd: children and young people with their trajectories and goals, and the offers there are for them.

Belongs here: which forms of help they get and what becomes of it. The transformation is in it: less residential care,
more help at home, fewer who drop out, each slowly.
"""

from __future__ import annotations

import numpy as np

from pipeline.periods import HalfYear
from pipeline.simulation.caseload import CareModel, Caseload
from pipeline.simulation.chance import (
    MISSING,
    Table,
    as_days,
    day_number,
    extend,
    half_year_number,
    identifiers,
    pick,
    stream,
)
from pipeline.simulation.districts import Districts
from pipeline.simulation.staff import Staff

CONSORTIUM = "go"

# In care at any one day per 1,000 minors and per 1,000 residents of 18-44 (of whom those under 23 count), where need is
# usual. With some 14 months of care that makes about 3,700 different young people a year in Alphen.
_PER_THOUSAND = np.array([82.0, 6.3, 0.0, 0.0, 0.0])
_AGES = np.array([(2, 17.3), (18, 21.5), (45, 64), (65, 79), (80, 96)])
_MEAN_LENGTH = 420.0
_GROWTH = 0.001
_RETURNS = 0.21
_RETURN_GAP = 240.0
_REASONS = ("02", "20", "31", "32", "33", "34", "35", "36", "37", "38", "39")
_REASON_WEIGHTS = np.array([0.1, 1.0, 62.0, 0.0, 2.5, 11.0, 4.0, 1.5, 2.0, 4.5, 2.0])
_DROPOUT = 14.0  # weight of reason 32 when the consortium starts, and what it loses per half-year
_DROPOUT_DECLINE = 0.35

# Forms without residence: weight when the consortium starts, and change per half-year.
_FORMS = {
    "31": (6.0, 0.05),
    "32": (12.0, 0.15),
    "33": (2.0, 0.0),
    "34": (5.0, 0.25),
    "40": (1.0, 0.0),
    "41": (5.0, -0.05),
    "42": (0.6, 0.0),
    "45": (30.0, 0.6),
    "46": (1.6, 0.0),
    "47": (1.2, 0.0),
    "48": (5.5, -0.05),
    "50": (1.5, 0.05),
    "51": (9.0, -0.2),
    "52": (8.0, -0.15),
    "53": (1.0, 0.0),
    "54": (11.0, -0.2),
    "55": (0.5, 0.0),
}
# Forms with residence: weight, and share of the children who are placed out of their home.
_RESIDENTIAL_FORMS = {
    "35": (34.0, 0.88),
    "36": (18.0, 0.85),
    "37": (5.0, 0.95),
    "38": (16.0, 0.70),
    "43": (17.0, 0.40),
    "44": (10.0, 0.45),
}
CARE_FORMS = (*_FORMS, *_RESIDENTIAL_FORMS)
_RESIDENTIAL = 0.074  # share of the new spells that include residence when the consortium starts
_RESIDENTIAL_DECLINE = 0.0022
_PROTECTED = 0.35  # of them under a child protection order too

_GOAL_REACHED = 0.52
_GOAL_REACHED_GROWTH = 0.004
_GOAL_PARTLY = 0.3
_RESULTS = np.array(["gehaald", "deels", "niet", ""], dtype=object)

_YOUTH_PER_PROFESSIONAL = 60

_OFFERS_AT_START = 14
_NEW_OFFERS = 1.8
_OFFERS_STOPPED = 0.03
_FOR_ALL_DISTRICTS = 0.4
_OFFERS = (
    "Gezinscoach aan huis",
    "Jongerencoach op school",
    "Praktijkondersteuner jeugd bij de huisarts",
    "Intensieve begeleiding thuis",
    "Weerbaarheidstraining in de wijk",
    "Steungezinnen",
    "Ambulante crisishulp",
    "Groep voor kinderen van gescheiden ouders",
    "Oudercursus omgaan met druk gedrag",
    "Begeleid zelfstandig worden vanuit huis",
    "Dagopvang na school met begeleiding",
    "Ambulante hulp na verblijf",
)


class GoWorld:
    """The young people of GO, moved forward half-year by half-year; arguments as for Tom."""

    def __init__(
        self, seed: int, scale: float, districts: Districts, team_of: np.ndarray, teams: list[str], starts: HalfYear
    ) -> None:
        residents = districts.population[:, None] * districts.shares
        in_care = scale * residents * _PER_THOUSAND / 1000 * districts.need[:, None] ** 0.5
        self._seed = seed
        self._scale = scale
        self._districts = districts
        self._starts = starts
        self.caseload = Caseload(
            seed,
            districts,
            CareModel(
                consortium=CONSORTIUM,
                in_care=in_care,
                ages=_AGES,
                lengths=_lengths,
                mean_length=_MEAN_LENGTH,
                growth=_GROWTH,
                returns=_RETURNS,
                return_gap=_RETURN_GAP,
                reasons=_REASONS,
                reason_weights=self._reason_weights,
            ),
            starts,
        )
        per_team = np.bincount(team_of, weights=in_care.sum(axis=1), minlength=len(teams))
        sizes = np.maximum(np.ceil(per_team / _YOUTH_PER_PROFESSIONAL), 4).astype(int)
        self.staff = Staff(seed, CONSORTIUM, teams, sizes)
        nothing = np.empty(0, dtype=np.int64)
        self._trajectories = dict.fromkeys(("spell", "start", "end", "form", "placed"), nothing)
        self._goals = dict.fromkeys(("spell", "agreed", "judged", "result"), nothing)
        self._offers = dict.fromkeys(("district", "start", "end", "places", "kind"), nothing)
        rng = stream(seed, CONSORTIUM, "earlier plans")
        self._plan(rng, np.arange(len(self.caseload.spells["start"])))
        self._open_offers(rng, day_number(starts.starts_on) - rng.integers(1, 900, _OFFERS_AT_START))

    def advance(self, period: HalfYear) -> None:
        """Move everybody to the end of ``period``."""
        half_year = half_year_number(period)
        rng = stream(self._seed, CONSORTIUM, "plans", half_year)
        self.staff.advance(half_year)
        arrivals = self.caseload.advance(period)
        self._plan(rng, arrivals.spells)
        first, last = day_number(period.starts_on), day_number(period.ends_on)
        self._open_offers(rng, rng.integers(first, last + 1, rng.poisson(_NEW_OFFERS)))

    def _reason_weights(self, age: np.ndarray, half_year: int) -> np.ndarray:
        """Weights of the reasons of closing: drop-out declines slowly."""
        weights = np.tile(_REASON_WEIGHTS, (len(age), 1))
        since_start = max(half_year - half_year_number(self._starts), 0)
        weights[:, _REASONS.index("32")] = max(_DROPOUT - _DROPOUT_DECLINE * since_start, 4.0)
        return weights

    def _half_years(self, days: np.ndarray) -> np.ndarray:
        """Half-years since the consortium started, zero for days before."""
        return np.maximum((days - day_number(self._starts.starts_on)) / 182.6, 0)

    def _plan(self, rng: np.random.Generator, spells: np.ndarray) -> None:
        """Plan the trajectories and goals of new spells."""
        start = self.caseload.spells["start"][spells]
        length = self.caseload.spells["end"][spells] - start
        count = len(spells)
        # Residence goes with long care.
        share = np.maximum(_RESIDENTIAL - _RESIDENTIAL_DECLINE * self._half_years(start), 0.01)
        residential = rng.random(count) < share * np.clip(length / _MEAN_LENGTH, 0.3, 3.0)
        trajectories = rng.random(count)
        several, three = trajectories < 0.34, trajectories < 0.08
        first_until = np.where(several, rng.uniform(0.4, 1.0, count), 1.0)
        second_from = first_until * rng.uniform(0.15, 0.9, count)
        moved_in = np.where(rng.random(count) < 0.6, 0.0, rng.uniform(0.05, 0.3, count))
        moved_out = np.where(rng.random(count) < 0.4, 1.0, rng.uniform(0.6, 0.95, count))
        whole = np.ones(count)
        protected = residential & (rng.random(count) < _PROTECTED)
        pieces = (
            # (which spells, from part of the length, until part of the length, kind)
            (~residential, 0 * whole, first_until, "form"),
            (~residential & several, second_from, whole, "form"),
            (~residential & three, 0.2 * whole, 0.7 * whole, "form"),
            (residential, moved_in, moved_out, "residence"),
            (residential & (moved_in > 0), 0 * whole, moved_in, "form"),
            (residential & (moved_out < 1), moved_out, whole, "form"),
            (protected, 0 * whole, whole, "protection"),
        )
        for chosen, from_part, until_part, kind in pieces:
            begins = start[chosen] + (from_part * length)[chosen].astype(np.int64)
            ends = np.maximum(start[chosen] + (until_part * length)[chosen].astype(np.int64), begins + 1)
            form, placed = self._forms(rng, begins, kind)
            extend(self._trajectories, spell=spells[chosen], start=begins, end=ends, form=form, placed=placed)
        self._plan_goals(rng, spells, start, length)

    def _forms(self, rng: np.random.Generator, begins: np.ndarray, kind: str) -> tuple[np.ndarray, np.ndarray]:
        """The form of trajectories that begin on given days, and whether they are out-of-home placements (1 or 0)."""
        if kind == "protection":
            form = np.full(len(begins), CARE_FORMS.index("48"))
            return form, np.zeros_like(form)
        if kind == "residence":
            weights, out_of_home = np.array(list(_RESIDENTIAL_FORMS.values())).T
            form = pick(rng, np.tile(weights, (len(begins), 1)))
            placed = (rng.random(len(form)) < out_of_home[form]).astype(np.int64)
            return form + len(_FORMS), placed
        weights, change = np.array(list(_FORMS.values())).T
        form = pick(rng, np.maximum(weights + change * self._half_years(begins)[:, None], 0.1))
        return form, np.zeros_like(form)

    def _plan_goals(self, rng: np.random.Generator, spells: np.ndarray, start: np.ndarray, length: np.ndarray) -> None:
        """One goal soon after the start, more in long care; judged after some months or at the end, or never."""
        more = rng.poisson(0.7 + length / 420)
        spell = np.concatenate([spells, np.repeat(spells, more)])
        begin, span = (np.concatenate([values, np.repeat(values, more)]) for values in (start, length))
        soon = np.arange(len(spell)) < len(spells)
        wait = np.where(soon, rng.integers(10, 45, len(spell)), rng.random(len(spell)) * span)
        agreed = begin + np.minimum(wait, span).astype(np.int64)
        judged = agreed + rng.integers(80, 240, len(spell))
        too_late = judged > begin + span
        judged = np.where(too_late, begin + span, judged)
        judged = np.where(too_late & (rng.random(len(spell)) < 0.15), MISSING, judged)
        reached = _GOAL_REACHED + _GOAL_REACHED_GROWTH * self._half_years(agreed)
        lot = rng.random(len(spell))
        result = (lot >= reached).astype(np.int64) + (lot >= reached + _GOAL_PARTLY)
        extend(self._goals, spell=spell, agreed=agreed, judged=judged, result=result)

    def _open_offers(self, rng: np.random.Generator, start: np.ndarray) -> None:
        """New ambulatory offers that begin on given days: in a district with many young people, or for all."""
        count = len(start)
        district = pick(rng, np.tile(self._districts.youth() ** 0.7, (count, 1)))
        extend(
            self._offers,
            district=np.where(rng.random(count) < _FOR_ALL_DISTRICTS, MISSING, district),
            start=start,
            end=start + 200 + (rng.exponential(182.6 / _OFFERS_STOPPED, count)).astype(np.int64),
            places=np.maximum(np.rint(self._scale * rng.integers(6, 31, count)), 1).astype(np.int64),
            kind=rng.integers(0, len(_OFFERS), count),
        )

    def tables(self) -> dict[str, Table]:
        """The tables of clients, files, trajectories, goals and offers of the current half-year."""
        tables = self.caseload.tables()
        period = self.caseload.period
        first, last = day_number(period.starts_on), day_number(period.ends_on)
        client_of = self.caseload.clients["identifier"][self.caseload.spells["client"]]
        numbers, trajectories = _chosen(
            self._trajectories, (self._trajectories["start"] <= last) & (self._trajectories["end"] >= first)
        )
        tables["trajecten"] = {
            "traject_id": identifiers(self._seed, CONSORTIUM, "T", numbers),
            "client_id": client_of[trajectories["spell"]],
            "vorm": np.array(CARE_FORMS, dtype=object)[trajectories["form"]],
            "gestart_op": as_days(trajectories["start"]),
            "geeindigd_op": as_days(trajectories["end"], missing=trajectories["end"] > last),
            "uithuisplaatsing": trajectories["placed"] == 1,
        }
        agreed, judged = self._goals["agreed"], self._goals["judged"]
        dated = ((agreed >= first) & (agreed <= last)) | ((judged >= first) & (judged <= last))
        numbers, goals = _chosen(self._goals, dated)
        open_goal = (goals["judged"] == MISSING) | (goals["judged"] > last)
        tables["doelen"] = {
            "doel_id": identifiers(self._seed, CONSORTIUM, "G", numbers),
            "client_id": client_of[goals["spell"]],
            "afgesproken_op": as_days(goals["agreed"]),
            "beoordeeld_op": as_days(goals["judged"], missing=open_goal),
            "resultaat": _RESULTS[np.where(open_goal, MISSING, goals["result"])],
        }
        numbers, offers = _chosen(self._offers, (self._offers["start"] <= last) & (self._offers["end"] >= first))
        tables["aanbod"] = {
            "aanbod_id": identifiers(self._seed, CONSORTIUM, "A", numbers),
            "wijkcode": np.append(self._districts.codes, "")[offers["district"]],
            "omschrijving": np.array(_OFFERS, dtype=object)[offers["kind"]],
            "gestart_op": as_days(offers["start"]),
            "gestopt_op": as_days(offers["end"], missing=offers["end"] > last),
            "plaatsen": offers["places"],
        }
        return tables


def _lengths(rng: np.random.Generator, start: np.ndarray) -> np.ndarray:
    """Days of care."""
    return rng.gamma(1.5, _MEAN_LENGTH / 1.5, len(start)).astype(np.int64)


def _chosen(store: dict[str, np.ndarray], rows: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The numbers of the chosen rows, and their columns."""
    return np.flatnonzero(rows), {name: values[rows] for name, values in store.items()}
