"""The professionals who rate and interview: their teams, and what is peculiar to each of them.

Belongs here: rater and interviewer effects, and the coming and going of staff. The same people rate and interview,
because the teams interview their own clients.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.simulation.chance import identifiers, stream

_TURNOVER_PER_HALF_YEAR = 0.06
_STRICTNESS = 0.12  # standard deviation in score points between raters
# Interviewer effect: rho of .03 on answers with a variance of about 1.
_INTERVIEWER_EFFECT = (0.03 / 0.97) ** 0.5


class Staff:
    """Professionals per team; a slot is a post that one professional after another fills.

    Attributes:
        teams: names of the teams.
        identifier: identifier of the professional now in each slot.
        strictness: how many score points a rater in the slot rates too low.
        warmth: how much better clients answer to the interviewer in the slot, in standard deviations.
    """

    def __init__(self, seed: int, consortium: str, teams: Sequence[str], sizes: np.ndarray) -> None:
        self._seed = seed
        self._consortium = consortium
        self.teams = np.array(teams, dtype=object)
        self._sizes = np.asarray(sizes)
        self._first = np.cumsum(self._sizes) - self._sizes
        slots = int(self._sizes.sum())
        self._hired = 0
        self.identifier = np.empty(slots, dtype=object)
        self.strictness = np.empty(slots)
        self.warmth = np.empty(slots)
        self._hire(stream(seed, consortium, "staff"), np.arange(slots))

    def _hire(self, rng: np.random.Generator, slots: np.ndarray) -> None:
        numbers = self._hired + np.arange(len(slots))
        self._hired += len(slots)
        self.identifier[slots] = identifiers(self._seed, self._consortium, "M", numbers)
        self.strictness[slots] = rng.normal(0, _STRICTNESS, len(slots))
        self.warmth[slots] = rng.normal(0, _INTERVIEWER_EFFECT, len(slots))

    def advance(self, half_year: int) -> None:
        """Replace those who leave."""
        rng = stream(self._seed, self._consortium, "staff", half_year)
        self._hire(rng, np.flatnonzero(rng.random(len(self.identifier)) < _TURNOVER_PER_HALF_YEAR))

    def slots(self, team: np.ndarray, lot: np.ndarray, at_most: np.ndarray | None = None) -> np.ndarray:
        """The slot that falls to each lot (0 up to 1) in its team, out of the first ``at_most`` (default: all)."""
        sizes = self._sizes if at_most is None else np.minimum(self._sizes, at_most)
        return self._first[team] + (lot * sizes[team]).astype(np.int64)

    def colleague(self, rng: np.random.Generator, team: np.ndarray, of: np.ndarray) -> np.ndarray:
        """A slot of the given team other than ``of``; every team has at least two."""
        step = 1 + (rng.random(len(team)) * (self._sizes[team] - 1)).astype(np.int64)
        return self._first[team] + (of - self._first[team] + step) % self._sizes[team]
