"""Tom in de buurt: clients of the Wmo with their ratings on the Zelfredzaamheid-Matrix and the Participatieladder.

Belongs here: how self-reliance and participation develop, and how they are rated. Every client has a true level per
life domain that moves slowly; a rating is that level plus the rater's error. People ask for help when things are worse
than usual, so part of the improvement is regression to the mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.periods import HalfYear
from pipeline.simulation.caseload import CareModel, Caseload
from pipeline.simulation.chance import MISSING, Table, as_days, day_number, half_year_number, on_workday, stream
from pipeline.simulation.districts import Districts
from pipeline.simulation.staff import Staff

CONSORTIUM = "tom"

# Clients in care at any one day per 1,000 residents of each age group, where need is usual.
_PER_THOUSAND = np.array([0.0, 12.0, 21.0, 43.0, 150.0])
_AGES = np.array([(0, 17), (18, 44), (45, 64), (65, 79), (80, 96)])
_MEAN_LENGTH = 800.0
_GROWTH = 0.004
_RETURNS = 0.22
_RETURN_GAP = 260.0
_REASONS = ("02", "20", "31", "32", "33", "34", "35", "36", "38", "39")
_REASON_WEIGHTS = np.array([2.0, 1.0, 52.0, 9.0, 2.0, 10.0, 8.0, 2.0, 5.0, 4.0])
_REASON_WEIGHTS_OLD = np.array([30.0, 1.0, 26.0, 4.0, 1.0, 6.0, 8.0, 2.0, 4.0, 18.0])

_CLIENTS_PER_PROFESSIONAL = 22


@dataclass(frozen=True)
class _Domain:
    """A life domain of the 2017 edition: usual level, how often it is rated, and how it ages."""

    code: str
    level: float
    rated: float
    ageing: float = 0.0


_DOMAINS = (
    _Domain("financien", 3.4, 0.72),
    _Domain("werk_opleiding", 3.1, 0.40),
    _Domain("tijdsbesteding", 3.2, 0.65),
    _Domain("huisvesting", 3.9, 0.42),
    _Domain("huiselijke_relaties", 3.8, 0.42),
    _Domain("geestelijke_gezondheid", 3.2, 0.70),
    _Domain("lichamelijke_gezondheid", 3.3, 0.58, ageing=-0.05),
    _Domain("middelengebruik", 4.3, 0.22),
    _Domain("basale_adl", 4.0, 0.40, ageing=-0.06),
    _Domain("instrumentele_adl", 3.4, 0.50, ageing=-0.07),
    _Domain("sociaal_netwerk", 3.2, 0.68),
    _Domain("maatschappelijke_participatie", 3.1, 0.58),
    _Domain("justitie", 4.8, 0.14),
)
# Each domain of the 2013 edition, and the domains of the 2017 edition that it became.
_DOMAINS_2013 = {
    "financien": ("financien",),
    "dagbesteding": ("werk_opleiding", "tijdsbesteding"),
    "huisvesting": ("huisvesting",),
    "huiselijke_relaties": ("huiselijke_relaties",),
    "geestelijke_gezondheid": ("geestelijke_gezondheid",),
    "lichamelijke_gezondheid": ("lichamelijke_gezondheid",),
    "verslaving": ("middelengebruik",),
    "adl": ("basale_adl", "instrumentele_adl"),
    "sociaal_netwerk": ("sociaal_netwerk",),
    "maatschappelijke_participatie": ("maatschappelijke_participatie",),
    "justitie": ("justitie",),
}
LIFE_DOMAINS = {"2013": tuple(_DOMAINS_2013), "2017": tuple(domain.code for domain in _DOMAINS)}
_TO_2013 = np.array([[new.code in old for old in _DOMAINS_2013.values()] for new in _DOMAINS], dtype=float)

# How many of the domains that could matter are rated: little for a light question, nearly all for a heavy one.
_BREADTH = np.array([0.3, 0.8, 1.15])
_BREADTH_SHARES = np.array([0.25, 0.35, 0.4])

_RECOVERY = 0.22  # part of the distance to the usual level that closes by itself in a half-year
_EFFECT = 0.015  # score points that support adds per half-year, on the domains it is about
_EFFECT_GROWTH = 0.001
_EFFECT_BETWEEN_DISTRICTS = 0.02
_WOBBLE = 0.29
_RATING_ERROR = 0.40

_LADDER_LEVEL = np.array([3.2, 3.4, 3.1, 2.7, 2.1])
_LADDER_EFFECT = 0.06
_LADDER_ERROR = 0.33

_SECOND_RATINGS = 0.08
_SAME_DAY = 0.005


@dataclass(frozen=True)
class _Moments:
    """Moments of rating: which client, when, by which slot, and whether it is a second rating of another moment."""

    client: np.ndarray
    day: np.ndarray
    rater: np.ndarray
    second: np.ndarray

    def __getitem__(self, chosen: np.ndarray) -> _Moments:
        return _Moments(self.client[chosen], self.day[chosen], self.rater[chosen], self.second[chosen])


class TomWorld:
    """The clients of Tom, moved forward half-year by half-year.

    Args:
        seed: seed of the simulation.
        scale: factor on the number of clients.
        districts: where they live.
        team_of: team per district.
        teams: names of the teams.
        starts: first half-year.
        zrm_switch: half-year in which the teams change from the 2013 to the 2017 edition, each on a day of its own.
    """

    def __init__(
        self,
        seed: int,
        scale: float,
        districts: Districts,
        team_of: np.ndarray,
        teams: list[str],
        starts: HalfYear,
        zrm_switch: HalfYear,
    ) -> None:
        in_care = (
            scale * districts.population[:, None] * districts.shares * _PER_THOUSAND / 1000 * districts.need[:, None]
        )
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
                reason_weights=_reason_weights,
            ),
            starts,
        )
        self._seed = seed
        self._team_of = team_of
        clients_per_team = np.bincount(team_of, weights=in_care.sum(axis=1), minlength=len(teams))
        self.staff = Staff(
            seed, CONSORTIUM, teams, np.maximum(np.ceil(clients_per_team / _CLIENTS_PER_PROFESSIONAL), 4).astype(int)
        )
        switch = stream(seed, CONSORTIUM, "switch")
        first, last = day_number(zrm_switch.starts_on), day_number(zrm_switch.ends_on)
        self._switch_day = switch.integers(first + 14, last - 13, len(teams))
        self._effect = _EFFECT + switch.normal(0, _EFFECT_BETWEEN_DISTRICTS, len(districts))
        self._today = day_number(starts.starts_on)
        self._usual = np.empty((0, len(_DOMAINS)))
        self._level = np.empty((0, len(_DOMAINS)))
        self._concerns = np.empty((0, len(_DOMAINS)), dtype=bool)
        self._goal = np.empty((0, len(_DOMAINS)), dtype=np.int64)
        self._ladder = np.empty((0, 2))  # usual rung and present rung
        self._ladder_goal = np.empty(0, dtype=np.int64)
        self._lot = np.empty(0)  # which professional of the team has the client
        self._settle(stream(seed, CONSORTIUM, "earlier levels"), np.arange(len(self.caseload.clients["birth"])))

    def advance(self, period: HalfYear) -> None:
        """Move everybody to the end of ``period``."""
        half_year = half_year_number(period)
        rng = stream(self._seed, CONSORTIUM, "levels", half_year)
        known = len(self._lot)
        self._today = day_number(period.ends_on)
        self.staff.advance(half_year)
        arrivals = self.caseload.advance(period)
        spells = self.caseload.spells
        self._settle(rng, arrivals.clients)
        self._relapse(rng, spells["client"][arrivals.spells][spells["client"][arrivals.spells] < known])
        staying = spells["client"][np.setdiff1d(self.caseload.present, arrivals.spells)]
        self._develop(rng, staying, half_year)

    def _settle(self, rng: np.random.Generator, clients: np.ndarray) -> None:
        """Give new clients their levels, the domains that concern them, and their goals."""
        count, domains = len(clients), len(_DOMAINS)
        usual_level = np.array([domain.level for domain in _DOMAINS])
        usual = usual_level + 0.55 * rng.standard_normal((count, 1)) + 0.6 * rng.standard_normal((count, domains))
        rated = np.array([domain.rated for domain in _DOMAINS]) + np.where(usual < usual_level - 0.3, 0.12, -0.05)
        breadth = rng.choice(_BREADTH, (count, 1), p=_BREADTH_SHARES)
        concerns = rng.random((count, domains)) < rated * breadth
        concerns[np.arange(count), (usual - usual_level).argmin(axis=1)] = True
        level = usual - concerns * np.abs(rng.normal(0.75, 0.4, (count, domains)))
        step = _goal_step(rng, (count, domains))
        goal = np.clip(np.rint(level) + step, 1, 5).astype(np.int64)
        has_goal = concerns & (rng.random((count, domains)) < 0.6)
        group = np.searchsorted([18, 45, 65, 80], self._ages(clients), side="right")
        usual_rung = _LADDER_LEVEL[group] + 0.85 * rng.standard_normal(count)
        rung = usual_rung - np.abs(rng.normal(0.35, 0.3, count))
        ladder_goal = np.clip(np.rint(rung) + _goal_step(rng, (count,)), 1, 6).astype(np.int64)
        self._usual = np.vstack([self._usual, usual])
        self._level = np.vstack([self._level, level])
        self._concerns = np.vstack([self._concerns, concerns])
        self._goal = np.vstack([self._goal, np.where(has_goal, goal, MISSING)])
        self._ladder = np.vstack([self._ladder, np.column_stack([usual_rung, rung])])
        self._ladder_goal = np.append(self._ladder_goal, np.where(rng.random(count) < 0.5, ladder_goal, MISSING))
        self._lot = np.append(self._lot, rng.random(count))

    def _ages(self, clients: np.ndarray) -> np.ndarray:
        return (self._today - self.caseload.clients["birth"][clients]) / 365.25

    def _relapse(self, rng: np.random.Generator, clients: np.ndarray) -> None:
        """Who comes back does so because things went wrong again."""
        drop = np.abs(rng.normal(0.5, 0.3, (len(clients), len(_DOMAINS))))
        self._level[clients] -= self._concerns[clients] * drop

    def _develop(self, rng: np.random.Generator, clients: np.ndarray, half_year: int) -> None:
        """Half a year of support, recovery and ageing."""
        effect = self._effect[self.caseload.clients["district"][clients]] + _EFFECT_GROWTH * half_year
        gain = self._concerns[clients] * effect[:, None]
        ageing = np.array([domain.ageing for domain in _DOMAINS])
        gain = gain + np.where(self._ages(clients)[:, None] >= 65, ageing, 0.0)
        self._usual[clients] += gain
        level = self._level[clients]
        wobble = rng.normal(0, _WOBBLE, level.shape)
        self._level[clients] = level + gain + _RECOVERY * (self._usual[clients] - level) + wobble
        usual, rung = self._ladder[clients].T
        rung = rung + _LADDER_EFFECT + _RECOVERY * (usual - rung) + rng.normal(0, 0.2, len(clients))
        self._ladder[clients] = np.column_stack([usual + _LADDER_EFFECT / 2, rung])

    def tables(self) -> dict[str, Table]:
        """The tables of clients, files and ratings of the current half-year."""
        tables = self.caseload.tables()
        moments = self._moments()
        half_year = half_year_number(self.caseload.period)
        rng = stream(self._seed, CONSORTIUM, "scores", half_year)
        tables["zelfredzaamheid"] = self._zrm(rng, moments)
        tables["participatie"] = self._participation(stream(self._seed, CONSORTIUM, "ladder", half_year), moments)
        return tables

    def _moments(self) -> _Moments:
        """When who is rated by whom: soon after entry and then about twice a year."""
        period, present = self.caseload.period, self.caseload.present
        rng = stream(self._seed, CONSORTIUM, "moments", half_year_number(period))
        spells = self.caseload.spells
        start, client = spells["start"][present], spells["client"][present]
        first, last = day_number(period.starts_on), day_number(period.ends_on)
        opens, closes = np.maximum(start, first), np.minimum(spells["end"][present], last)
        length = closes - opens
        new = start >= first
        count = len(present)
        chance = np.where(new, 0.95, 0.9 * np.minimum(1, (length + 1) / 60))
        day = opens + (rng.random(count) * (np.where(new, np.minimum(length, 28), length) + 1)).astype(np.int64)
        rated = rng.random(count) < chance
        leaves = spells["end"][present] <= last
        again_chance = np.where(new, 0.4, 0.12) + 0.25 * leaves
        left = closes - (day + 45)
        again_day = day + 45 + (rng.random(count) * (np.maximum(left, 0) + 1)).astype(np.int64)
        again = rated & (left >= 0) & (rng.random(count) < again_chance)
        client = np.concatenate([client[rated], client[again]])
        day = np.concatenate([on_workday(day, opens)[rated], on_workday(again_day, opens)[again]])
        closes = np.concatenate([closes[rated], closes[again]])
        team = self._team_of[self.caseload.clients["district"][client]]
        rater = self.staff.slots(team, self._lot[client])
        by_another = rng.random(len(client))
        second = by_another < _SECOND_RATINGS
        same_day = by_another > 1 - _SAME_DAY
        colleague = self.staff.colleague(rng, team, rater)
        second_day = on_workday(np.minimum(day + rng.integers(0, 6, len(day)), closes), day)
        return _Moments(
            client=np.concatenate([client, client[same_day], client[second]]),
            day=np.concatenate([day, day[same_day], second_day[second]]),
            rater=np.concatenate([rater, colleague[same_day], colleague[second]]),
            second=np.repeat([False, True], [len(client) + same_day.sum(), second.sum()]),
        )

    def _zrm(self, rng: np.random.Generator, moments: _Moments) -> Table:
        """One row per moment and domain that was rated."""
        team = self._team_of[self.caseload.clients["district"][moments.client]]
        new_edition = moments.day >= self._switch_day[team]
        # The domains that concern a client are mostly rated each time, the others hardly ever: no more is collected
        # than is needed. What is rated goes by client and half-year, so that a second rating covers the same domains.
        clients = len(self._lot)
        chance = np.where(self._concerns, 0.93, 0.03)
        covered = (rng.random((clients, len(_DOMAINS))) < chance)[moments.client]
        worst = self._level[moments.client].argmin(axis=1)
        covered[np.arange(len(covered)), worst] |= ~covered.any(axis=1)
        level, goal = self._level[moments.client], self._goal[moments.client]
        error = rng.normal(0, _RATING_ERROR, level.shape) - self.staff.strictness[moments.rater][:, None]
        parts = []
        for version, chosen, to_edition in (
            ("2013", ~new_edition, _TO_2013),
            ("2017", new_edition, np.eye(len(_DOMAINS))),
        ):
            moment, domain = np.nonzero(covered[chosen] @ to_edition)
            score = (level[chosen] @ (to_edition / to_edition.sum(axis=0)))[moment, domain]
            score = score + (error[chosen] @ to_edition / np.sqrt(to_edition.sum(axis=0)))[moment, domain]
            # Where two domains were one before, the higher of both goals counts.
            goals = np.column_stack([np.where(part > 0, goal[chosen], MISSING).max(axis=1) for part in to_edition.T])
            rated = moments[chosen][moment]
            parts.append(
                {
                    "client_id": self.caseload.clients["identifier"][rated.client],
                    "meetdatum": as_days(rated.day),
                    "zrm_versie": np.full(len(moment), version, dtype=object),
                    "domein": np.array(LIFE_DOMAINS[version], dtype=object)[domain],
                    "score": np.clip(np.rint(score), 1, 5).astype(np.int64),
                    "doelscore": np.where(rated.second, MISSING, goals[moment, domain]),
                    "beoordelaar_id": self.staff.identifier[rated.rater],
                    "tweede_beoordeling": rated.second,
                }
            )
        table = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        order = np.lexsort((table["tweede_beoordeling"], table["meetdatum"]))
        return {name: values[order] for name, values in table.items()}

    def _participation(self, rng: np.random.Generator, moments: _Moments) -> Table:
        """One row per moment on which the ladder was rated."""
        lot = rng.random(len(self._lot))[moments.client]
        rated = moments[lot < 0.8]
        rung = self._ladder[rated.client, 1] + rng.normal(0, _LADDER_ERROR, len(rated.client))
        rung = rung - self.staff.strictness[rated.rater]
        order = np.lexsort((rated.second, rated.day))
        rated, rung = rated[order], rung[order]
        return {
            "client_id": self.caseload.clients["identifier"][rated.client],
            "meetdatum": as_days(rated.day),
            "trede": np.clip(np.rint(rung), 1, 6).astype(np.int64),
            "doeltrede": np.where(rated.second, MISSING, self._ladder_goal[rated.client]),
            "beoordelaar_id": self.staff.identifier[rated.rater],
            "tweede_beoordeling": rated.second,
        }


def _lengths(rng: np.random.Generator, start: np.ndarray) -> np.ndarray:
    """Days of care: a third short, about eight months, the others some three years."""
    short = rng.gamma(2.0, 120.0, len(start))
    long = rng.gamma(1.3, 846.0, len(start))
    return np.where(rng.random(len(start)) < 0.35, short, long).astype(np.int64)


def _reason_weights(age: np.ndarray, half_year: int) -> np.ndarray:
    """Weights of the reasons of closing: old people die or move to long-term care more often."""
    return np.where(age[:, None] >= 80, _REASON_WEIGHTS_OLD, _REASON_WEIGHTS)


def _goal_step(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """How far a goal lies above the present level: mostly one step."""
    return np.searchsorted([0.15, 0.8], rng.random(shape), side="right")
