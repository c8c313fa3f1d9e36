"""People in care over the half-years: they enter, stay, move, leave, and some come back.

Belongs here: what the clients of Tom and GO have in common, and the tables ``clienten`` and ``dossiers``. Each period
of care is a spell; each spell has one file. How a spell ends is planned when it begins and told when the day has come,
so that a half-year never depends on later ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.periods import HalfYear
from pipeline.simulation.chance import (
    MISSING,
    Table,
    as_days,
    day_number,
    extend,
    half_year_number,
    identifiers,
    on_workday,
    pick,
    stream,
)
from pipeline.simulation.districts import Districts

AGE_GROUPS = np.array(["0-17", "18-44", "45-64", "65-79", "80+"], dtype=object)
_LOWER_AGES = np.array([0, 18, 45, 65, 80])
DECEASED = "02"

_HALF_YEAR_DAYS = 182.6
_YEARS_BEFORE_START = 12  # spells that began before the consortium did, and still run
_SHORTEST_SPELL = 14
_MOVES_PER_HALF_YEAR = 0.018
_FILE_NOT_MENTIONED = 0.005
_PREVIOUS_FILE_KNOWN = 0.93
# Administrations close files on the last day of a half-year.
_CLOSING_WEEKS_DAYS = 25
_CLOSED_ON_LAST_DAY = 0.3


@dataclass(frozen=True)
class CareModel:
    """What distinguishes the caseload of one consortium.

    Attributes:
        consortium: consortium code.
        in_care: expected clients in care at any one day, per district and age group.
        ages: lowest and highest age (years) at entry, per age group.
        lengths: draws the days of care for a number of new spells that begin on given days.
        mean_length: mean days of care, so that the caseload keeps its size.
        growth: growth of the inflow per half-year, as a share.
        returns: share of those leaving who come back one day.
        return_gap: median days until they come back.
        reasons: codes of the reason of closing.
        reason_weights: weights of the reasons per closing spell, from age (years) and the half-year's number.
    """

    consortium: str
    in_care: np.ndarray
    ages: np.ndarray
    lengths: Callable[[np.random.Generator, np.ndarray], np.ndarray]
    mean_length: float
    growth: float
    returns: float
    return_gap: float
    reasons: tuple[str, ...]
    reason_weights: Callable[[np.ndarray, int], np.ndarray]


@dataclass(frozen=True)
class Arrivals:
    """What a half-year added: numbers of the new clients and of the new spells."""

    clients: np.ndarray
    spells: np.ndarray


class Caseload:
    """Clients and their spells of care, moved forward half-year by half-year.

    Attributes:
        clients: per client ``identifier``, ``district`` (number) and ``birth`` (day number).
        spells: per spell ``identifier`` (of its file), ``client``, ``start``, ``end`` (day numbers), ``previous``
            (spell or MISSING) and ``reason`` (number of the reason of closing or MISSING).
        present: spells that run on any day of the current half-year; at most one per client.
    """

    def __init__(self, seed: int, districts: Districts, model: CareModel, starts: HalfYear) -> None:
        self.model = model
        self._seed = seed
        self._districts = districts
        self.period: HalfYear | None = None
        nothing = np.empty(0, dtype=np.int64)
        self.clients = {"identifier": np.empty(0, dtype=object), "district": nothing, "birth": nothing}
        self.spells = {
            "identifier": np.empty(0, dtype=object),
            **dict.fromkeys(("client", "start", "end", "previous", "reason"), nothing),
        }
        self._returning = {"client": nothing, "start": nothing, "previous": nothing}
        self.present = nothing
        self._running = nothing
        self._load_earlier(starts)

    def _inflow(self, half_year: int) -> np.ndarray:
        """Expected new clients per half-year, per district and age group."""
        turnover = _HALF_YEAR_DAYS / self.model.mean_length
        return self.model.in_care * turnover * (1 - self.model.returns) * (1 + self.model.growth * half_year)

    def _load_earlier(self, starts: HalfYear) -> None:
        """Spells that began before the consortium did and still run when it starts."""
        rng = stream(self._seed, self.model.consortium, "earlier")
        first = day_number(starts.starts_on)
        # No one has come back yet, so that those who will be returning later are counted here as new.
        inflow = self._inflow(half_year_number(starts)) / (1 - self.model.returns)
        counts = rng.poisson(inflow * 2 * _YEARS_BEFORE_START)
        start = first - 1 - rng.integers(0, round(365.25 * _YEARS_BEFORE_START), counts.sum())
        end = start + np.maximum(self.model.lengths(rng, start), _SHORTEST_SPELL)
        kept = end >= first
        clients = self._add_clients(rng, counts, start, kept)
        self._running = self._add_spells(clients, start[kept], end[kept], np.full(len(clients), MISSING))

    def _add_clients(
        self, rng: np.random.Generator, counts: np.ndarray, start: np.ndarray, kept: np.ndarray | None = None
    ) -> np.ndarray:
        """Add ``counts`` clients per district and age group who begin on days ``start``; their numbers."""
        district, group = (np.repeat(axis.ravel(), counts.ravel()) for axis in np.indices(counts.shape))
        low, high = self.model.ages[group].T
        birth = (start - 365.25 * (low + rng.random(len(group)) * (high - low))).astype(np.int64)
        if kept is not None:
            district, birth = district[kept], birth[kept]
        numbers = len(self.clients["birth"]) + np.arange(len(birth))
        identifier = identifiers(self._seed, self.model.consortium, "C", numbers)
        extend(self.clients, identifier=identifier, district=district, birth=birth)
        return numbers

    def _add_spells(self, client: np.ndarray, start: np.ndarray, end: np.ndarray, previous: np.ndarray) -> np.ndarray:
        numbers = len(self.spells["client"]) + np.arange(len(client))
        extend(
            self.spells,
            identifier=identifiers(self._seed, self.model.consortium, "D", numbers),
            client=client,
            start=start,
            end=end,
            previous=previous,
            reason=np.full(len(client), MISSING),
        )
        return numbers

    def advance(self, period: HalfYear) -> Arrivals:
        """Move everybody to the end of ``period``, the half-year after the previous call's."""
        rng = stream(self._seed, self.model.consortium, "caseload", half_year_number(period))
        first, last = day_number(period.starts_on), day_number(period.ends_on)
        self.period = period
        self._move(rng)
        due = self._returning["start"] <= last
        returning = {name: values[due] for name, values in self._returning.items()}
        self._returning = {name: values[~due] for name, values in self._returning.items()}
        counts = rng.poisson(self._inflow(half_year_number(period)))
        entered = on_workday(first + rng.integers(0, last - first + 1, counts.sum()), first)
        new_clients = self._add_clients(rng, counts, entered)
        start = np.concatenate([returning["start"], entered])
        end = start + np.maximum(self.model.lengths(rng, start), _SHORTEST_SPELL)
        spells = self._add_spells(
            np.concatenate([returning["client"], new_clients]),
            start,
            end,
            np.concatenate([returning["previous"], np.full(len(new_clients), MISSING)]),
        )
        self.present = np.concatenate([self._running, spells])
        self._close(rng, period)
        return Arrivals(new_clients, spells)

    def _move(self, rng: np.random.Generator) -> None:
        """Some of those in care move to another district; bigger districts attract more of them."""
        if len(self._districts) == 1:
            return
        movers = self.spells["client"][self._running[rng.random(len(self._running)) < _MOVES_PER_HALF_YEAR]]
        weights = np.tile(self._districts.population, (len(movers), 1))
        weights[np.arange(len(movers)), self.clients["district"][movers]] = 0
        self.clients["district"][movers] = pick(rng, weights)

    def _close(self, rng: np.random.Generator, period: HalfYear) -> None:
        """Close the spells that end in the half-year, say why, and plan who comes back when."""
        last = day_number(period.ends_on)
        ends = self.spells["end"]
        heaped = (ends[self.present] > last - _CLOSING_WEEKS_DAYS) & (ends[self.present] < last)
        heaped &= rng.random(len(heaped)) < _CLOSED_ON_LAST_DAY
        ends[self.present[heaped]] = last
        closing = self.present[ends[self.present] <= last]
        self._running = self.present[ends[self.present] > last]
        age = (last - self.clients["birth"][self.spells["client"][closing]]) / 365.25
        reason = pick(rng, self.model.reason_weights(age, half_year_number(period)))
        self.spells["reason"][closing] = reason
        deceased = np.array(self.model.reasons, dtype=object)[reason] == DECEASED
        back = ~deceased & (rng.random(len(closing)) < self.model.returns)
        gap = self.model.return_gap * np.exp(0.9 * rng.standard_normal(len(closing)))
        start = ends[closing] + 30 + gap.astype(np.int64)
        # A delivery has one row per client: who is back within the half-year is so in the next one.
        start = np.where(start <= last, start + 184, start)
        known = rng.random(len(closing)) < _PREVIOUS_FILE_KNOWN
        extend(
            self._returning,
            client=self.spells["client"][closing][back],
            start=on_workday(start, last + 1)[back],
            previous=np.where(known, closing, MISSING)[back],
        )

    def ages(self, spells: np.ndarray) -> np.ndarray:
        """Ages in years at the end of the half-year, of the clients of some spells."""
        birth = self.clients["birth"][self.spells["client"][spells]]
        return (day_number(self.period.ends_on) - birth) / 365.25

    def tables(self) -> dict[str, Table]:
        """The tables ``clienten`` and ``dossiers`` of the current half-year."""
        rng = stream(self._seed, self.model.consortium, "files", half_year_number(self.period))
        first, last = day_number(self.period.starts_on), day_number(self.period.ends_on)
        present = self.present[np.argsort(self.spells["client"][self.present], kind="stable")]
        spells = {name: values[present] for name, values in self.spells.items()}
        client = spells["client"]
        running = spells["end"] > last
        left_on = as_days(spells["end"], missing=running)
        group = np.searchsorted(_LOWER_AGES, self.ages(present), side="right") - 1
        clients = {
            "client_id": self.clients["identifier"][client],
            "wijkcode": self._districts.codes[self.clients["district"][client]],
            "leeftijdsgroep": AGE_GROUPS[group],
            "in_zorg_sinds": as_days(spells["start"]),
            "uit_zorg_op": left_on,
        }
        reasons = np.array([*self.model.reasons, ""], dtype=object)
        previous = np.append(self.spells["identifier"], "")
        files = {
            "dossier_id": spells["identifier"],
            "client_id": clients["client_id"],
            "geopend_op": clients["in_zorg_sinds"],
            "gesloten_op": left_on,
            "reden_sluiting": reasons[np.where(running, MISSING, spells["reason"])],
            "vorig_dossier_id": previous[spells["previous"]],
        }
        # A running file that is not mentioned is not thereby closed: that happens, so it is in the deliveries.
        left_out = running & (spells["start"] < first) & (rng.random(len(present)) < _FILE_NOT_MENTIONED)
        return {"clienten": clients, "dossiers": {name: values[~left_out] for name, values in files.items()}}
