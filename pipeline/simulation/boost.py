"""Boost: visits to the basic provisions, their volunteers, and the people they refer to help.

Belongs here: how busy a provision is in a month. August is quiet and some provisions close, December has a closing
week, and the pandemic of 2020-2021 kept many people at home.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.periods import HalfYear
from pipeline.simulation.chance import Table, half_year_number, stream
from pipeline.simulation.districts import Districts
from pipeline.simulation.staff import Staff

CONSORTIUM = "boost"


@dataclass(frozen=True)
class _Provision:
    """A kind of provision: visits a month and volunteers per 1,000 residents, visits per visitor, closed in summer."""

    name: str
    visits: float
    visits_each: float
    volunteers: float
    closes_in_summer: bool = False


_PROVISIONS = (
    _Provision("Buurthuis", 105.0, 2.9, 1.7),
    _Provision("Inloop", 52.0, 3.4, 0.6),
    _Provision("Jongerenwerk", 40.0, 3.1, 0.35),
    _Provision("Beweeggroep", 24.0, 2.9, 0.4, closes_in_summer=True),
    _Provision("Eettafel", 15.0, 2.0, 0.5),
    _Provision("Taalhuis", 13.0, 2.5, 0.5, closes_in_summer=True),
    _Provision("Formulierenhulp", 9.0, 1.3, 0.25),
    _Provision("Maatjesproject", 8.0, 2.1, 0.7),
    _Provision("Repaircafé", 6.0, 1.2, 0.3, closes_in_summer=True),
)
# How many of the provisions, from the first on, a district has at least for its size.
_SIZES = np.array([250, 1000, 2500, 5000, 9000])
_PROVISIONS_BY_SIZE = np.array([0, 1, 3, 5, 7, 9])
_STARTED_LATER = 0.25
_LAST_START = 20  # half-years after 2015-H1

_SEASON = np.array([1.0, 1.0, 1.04, 0.98, 0.96, 0.93, 0.72, 0.45, 1.02, 1.08, 1.06, 0.76])
_SUMMER_GAP = 0.65
_GROWTH = 0.006
_VOLUNTEER_GROWTH = 0.004
# Part of the usual visits, per half-year of the pandemic (its number since 2015-H1).
_PANDEMIC = {10: 0.6, 11: 0.55, 12: 0.5, 13: 0.8, 14: 0.9}

# Referrals a month per 1,000 residents, growth per half-year, and how strongly need counts.
_REFERRALS = {
    "schuldhulp": (0.22, 0.025, 2.0),
    "wmo": (0.48, 0.004, 1.0),
    "jeugd": (0.24, 0.008, 1.0),
    "werk": (0.20, 0.0, 1.5),
    "overig": (0.38, 0.0, 1.0),
}
REFERRED_TO = tuple(_REFERRALS)

_RESIDENTS_PER_PROFESSIONAL = 4500


class BoostWorld:
    """The provisions of Boost, moved forward half-year by half-year; arguments as for Tom."""

    def __init__(
        self, seed: int, scale: float, districts: Districts, team_of: np.ndarray, teams: list[str], starts: HalfYear
    ) -> None:
        self._seed = seed
        self._scale = scale
        self._districts = districts
        self.period: HalfYear | None = None
        per_team = np.bincount(team_of, weights=districts.population, minlength=len(teams))
        sizes = np.maximum(np.ceil(per_team * scale / _RESIDENTS_PER_PROFESSIONAL), 4).astype(int)
        self.staff = Staff(seed, CONSORTIUM, teams, sizes)
        rng = stream(seed, CONSORTIUM, "provisions")
        at_least = _PROVISIONS_BY_SIZE[np.searchsorted(_SIZES, districts.population, side="right")]
        shape = (len(districts), len(_PROVISIONS))
        self._exists = np.arange(len(_PROVISIONS)) < at_least[:, None]
        later = (rng.random(shape) < _STARTED_LATER) & (np.arange(len(_PROVISIONS)) > 0)
        first = half_year_number(starts)
        self._starts = np.where(later, first + rng.integers(1, _LAST_START, shape), first)
        self._liked = np.exp(rng.normal(0, 0.22, shape))
        self._staffed = np.exp(rng.normal(0, 0.25, shape))

    def advance(self, period: HalfYear) -> None:
        """Go to ``period``."""
        self.period = period
        self.staff.advance(half_year_number(period))
        # What people like changes slowly.
        rng = stream(self._seed, CONSORTIUM, "liked", half_year_number(period))
        self._liked = self._liked * np.exp(rng.normal(0, 0.03, self._liked.shape))

    def tables(self) -> dict[str, Table]:
        """The tables of visits and referrals of the current half-year."""
        first_month = self.period.starts_on.month
        months = np.arange(first_month, first_month + 6)
        names = np.array([f"{self.period.year}-{month:02d}" for month in months], dtype=object)
        return {"bezoek": self._visits(months, names), "toeleiding": self._referrals(months, names)}

    def _visits(self, months: np.ndarray, names: np.ndarray) -> Table:
        half_year = half_year_number(self.period)
        rng = stream(self._seed, CONSORTIUM, "visits", half_year)
        summer = np.array([provision.closes_in_summer for provision in _PROVISIONS])
        shape = (len(self._districts), len(_PROVISIONS), len(months))
        is_open = (self._exists & (self._starts <= half_year))[:, :, None] & np.ones(shape, dtype=bool)
        gap = rng.random(shape) < _SUMMER_GAP
        is_open &= ~(gap & summer[:, None] & (months == 8))
        residents = self._scale * self._districts.population[:, None, None] / 1000
        visits, each, volunteers = np.array([(p.visits, p.visits_each, p.volunteers) for p in _PROVISIONS]).T
        level = residents * (visits * self._liked)[:, :, None] * _SEASON[months - 1]
        level = level * (1 + _GROWTH * half_year) * _PANDEMIC.get(half_year, 1.0) * np.exp(rng.normal(0, 0.08, shape))
        district, provision, month = np.nonzero(is_open)
        visited = rng.poisson(level[is_open])
        each_now = np.maximum(each[provision] * np.exp(rng.normal(0, 0.07, len(provision))), 1.0)
        unique = np.minimum(np.maximum(np.rint(visited / each_now), visited > 0), visited).astype(np.int64)
        # Volunteers come and go by the half-year, hardly by the month.
        engaged = residents[:, :, 0] * volunteers * self._staffed * (1 + _VOLUNTEER_GROWTH * half_year)
        engaged = rng.poisson(engaged * _PANDEMIC.get(half_year, 1.0) ** 0.3)
        absent = rng.binomial(engaged[district, provision], 0.06)
        return {
            "wijkcode": self._districts.codes[district],
            "maand": names[month],
            "voorziening": np.array([provision.name for provision in _PROVISIONS], dtype=object)[provision],
            "bezoeken": visited,
            "unieke_bezoekers": unique,
            "vrijwilligers": engaged[district, provision] - absent,
        }

    def _referrals(self, months: np.ndarray, names: np.ndarray) -> Table:
        half_year = half_year_number(self.period)
        rng = stream(self._seed, CONSORTIUM, "referrals", half_year)
        rate, growth, weight = np.array(list(_REFERRALS.values())).T
        monthly = rate * (1 + growth * half_year)
        need = self._districts.need[:, None] ** weight
        residents = self._scale * self._districts.population[:, None] / 1000
        expected = (residents * need * monthly)[:, None, :] * (0.4 + 0.6 * _SEASON[months - 1])[:, None]
        counts = rng.poisson(expected)
        district, month, target = np.nonzero(counts)
        return {
            "wijkcode": self._districts.codes[district],
            "maand": names[month],
            "naar": np.array(REFERRED_TO, dtype=object)[target],
            "aantal": counts[district, month, target],
        }
