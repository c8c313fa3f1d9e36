"""The simulated municipality: the three consortia side by side, moved forward half-year by half-year.

Belongs here: which districts a team serves, who is approached for an interview, and the tables per consortium. Does not
belong here: files, faults and corrections (``deliveries.py``).
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import date

import numpy as np

from pipeline.periods import FIRST_YEAR, HalfYear
from pipeline.settings import CONSORTIA, SEEDS
from pipeline.simulation import surveys
from pipeline.simulation.boost import BoostWorld
from pipeline.simulation.chance import Table, half_year_number, stream
from pipeline.simulation.districts import Districts, DistrictSize, read_district_sizes
from pipeline.simulation.go import GoWorld
from pipeline.simulation.narratives import narratives
from pipeline.simulation.tom import TomWorld

FIRST_HALF_YEAR = HalfYear(FIRST_YEAR, 1)
ZRM_SWITCH = HalfYear(2021, 2)

_OWN_TEAM_FROM = 2000  # residents; smaller districts share a team of Tom
_YOUTH_TEAMS = 5
_BOOST_TEAMS = 4

_TOM_APPROACHED = 0.6  # of the clients in care in the half-year
_GO_APPROACHED = 0.42
_BOOST_APPROACHED = 0.0062  # of the residents
# Stakeholders approached per district, and per resident on top of that.
_STAKEHOLDERS = {"tom": (4, 1 / 700), "go": (2, 1 / 1200), "boost": (1, 1 / 2500)}


class World:
    """Everybody who is served by the consortia, from the first half-year on.

    The same seed, scale and districts give the same world, whatever is read from it and however far it is moved.

    Args:
        seed: zero or higher.
        scale: factor on the number of clients, visits and interviews.
        districts: sizes of the districts; default the districts in the project's open data.
        zrm_switch: half-year in which the teams of Tom change from the 2013 to the 2017 edition of the matrix.

    Raises:
        ValueError: for a negative seed, a scale that is not positive, or no districts.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        scale: float = 1.0,
        districts: Sequence[DistrictSize] | None = None,
        zrm_switch: HalfYear = ZRM_SWITCH,
    ) -> None:
        if seed < 0:
            raise ValueError("the seed must be zero or higher")
        if not scale > 0:
            raise ValueError("the scale factor must be above zero")
        self._seed = seed
        self._scale = scale
        self.districts = Districts(read_district_sizes() if districts is None else districts)
        self._starts = _starts()
        self.period: HalfYear | None = None
        tom_team, tom_teams = self._tom_teams()
        go_team, go_teams = self._areas(self.districts.youth(), _YOUTH_TEAMS, "Jeugdteam")
        boost_team, boost_teams = self._areas(self.districts.population, _BOOST_TEAMS, "Boostteam")
        place = (seed, scale, self.districts)
        self._worlds = {
            "tom": TomWorld(*place, tom_team, tom_teams, self._starts["tom"], zrm_switch),
            "go": GoWorld(*place, go_team, go_teams, self._starts["go"]),
            "boost": BoostWorld(*place, boost_team, boost_teams, self._starts["boost"]),
        }
        models = (
            ("tom", surveys.TOM, tom_team),
            ("go", surveys.GO, go_team),
            ("boost", surveys.BOOST, boost_team),
        )
        self._surveys = {
            name: surveys.Survey(seed, model, self.districts, team, self._worlds[name].staff, scale)
            for name, model, team in models
        }

    def _tom_teams(self) -> tuple[np.ndarray, list[str]]:
        """A team per district; the small districts share one."""
        own = self.districts.population >= _OWN_TEAM_FROM
        teams = [f"Tom-team {name}" for name, has_own in zip(self.districts.names, own, strict=True) if has_own]
        team_of = np.cumsum(own) - 1
        if not own.all():
            team_of[~own] = len(teams)
            teams.append("Tom-team Buitengebied")
        return team_of, teams

    def _areas(self, weights: np.ndarray, count: int, name: str) -> tuple[np.ndarray, list[str]]:
        count = min(count, len(self.districts))
        return self.districts.areas(weights, count), [f"{name} {number}" for number in range(1, count + 1)]

    def advance(self) -> HalfYear:
        """Move to the next half-year (the first call: to 2015-H1) and return it."""
        self.period = FIRST_HALF_YEAR if self.period is None else self.period.shift(1)
        for consortium in self.delivering():
            self._worlds[consortium].advance(self.period)
            self._surveys[consortium].advance(self.period)
        return self.period

    def advance_to(self, period: HalfYear) -> None:
        """Move forward until the current half-year is ``period``.

        Raises:
            ValueError: when the world is already past it: time does not go back.
        """
        if self.period is not None and period < self.period:
            raise ValueError(f"the world is at {self.period} and cannot go back to {period}")
        while self.period != period:
            self.advance()

    def delivering(self, period: HalfYear | None = None) -> tuple[str, ...]:
        """The consortia that exist in a half-year (default: the current one)."""
        when = period or self.period
        return tuple(name for name in CONSORTIA if when is not None and self._starts[name] <= when)

    def tables(self, consortium: str) -> dict[str, Table]:
        """What a consortium delivers over the current half-year, by the names of the contract, without faults.

        Raises:
            ValueError: when the consortium does not exist yet.
        """
        if consortium not in self.delivering():
            raise ValueError(f"{consortium} does not deliver over {self.period}")
        tables = self._worlds[consortium].tables()
        clients, stakeholders = self._approached(consortium, tables)
        tables |= self._surveys[consortium].tables(self.period, clients, stakeholders)
        tables["duiding"] = narratives(self._seed, consortium, self.period, self.districts)
        return tables

    def _approached(self, consortium: str, tables: dict[str, Table]) -> tuple[np.ndarray, np.ndarray]:
        """How many clients and stakeholders are approached for an interview, per district."""
        rng = stream(self._seed, consortium, "approached", half_year_number(self.period))
        base, per_resident = _STAKEHOLDERS[consortium]
        stakeholders = rng.poisson(self._scale * (base + self.districts.population * per_resident))
        if consortium == "boost":
            return rng.poisson(self._scale * self.districts.population * _BOOST_APPROACHED), stakeholders
        share = {"tom": _TOM_APPROACHED, "go": _GO_APPROACHED}[consortium]
        in_care = (tables["clienten"]["wijkcode"][:, None] == self.districts.codes).sum(axis=0)
        return rng.binomial(in_care, share), stakeholders


def _starts() -> dict[str, HalfYear]:
    """First half-year of each consortium."""
    with (SEEDS / "consortia.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    return {row["consortium_code"]: HalfYear.containing(date.fromisoformat(row["starts_on"])) for row in rows}
