"""Signs of careless or invented interviews: a reason for a re-interview, never a verdict on a person.

Belongs here: patterns in the answers of one interview, likeness of interviews of one team against its peers, and times
that cannot be. A fixed rule ("85 % of the answers are equal") raises a false alarm for one honest interview in seven on
ten questions, so likeness is always measured against what other teams' answers would show.
"""

from __future__ import annotations

import math
import zlib

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from pipeline.reliability.arrays import Floats, floats, or_nan, refuse
from pipeline.reliability.comparison import benjamini_hochberg
from pipeline.reliability.interviewers import USUAL_RHO

# A stratum of peers holds at least so many, and twice the team's own, so that draws differ.
_LEAST_PEERS = 20
# Numbers that are sorted at a time: few enough for a processor's cache, and for a large team to stop early.
_AT_ONCE = 25_000
# With so many sets at least as alike a team is far from a signal, and no more are drawn.
_CLEARLY_HONEST = 10
_POSITION_BITS = 10


def long_string(answers: ArrayLike) -> Floats:
    """The longest run of equal answers in the order of the questions; a gap ends a run.

    Args:
        answers: one row per interview, one column per question; NaN is no answer.

    Returns:
        One number per interview, 0 without answers.

    Raises:
        ValueError: for anything but a table.
    """
    values = _table(answers)
    run, longest = np.zeros(len(values)), np.zeros(len(values))
    for item in range(values.shape[1]):
        given = ~np.isnan(values[:, item])
        goes_on = given & (values[:, item] == values[:, item - 1]) if item else np.zeros(len(values), bool)
        run = np.where(goes_on, run + 1, given)
        longest = np.maximum(longest, run)
    return longest


def irv(answers: ArrayLike) -> Floats:
    """Intra-individual response variability: the sample standard deviation within one interview (Dunn et al. 2018).

    Args:
        answers: one row per interview, one column per question of one scale; NaN is no answer.

    Returns:
        One number per interview, NaN with fewer than two answers.

    Raises:
        ValueError: for anything but a table.
    """
    values = _table(answers)
    given = ~np.isnan(values)
    n = given.sum(axis=1)
    several = or_nan(n, n >= 2)
    filled = np.where(given, values, 0.0)
    mean = filled.sum(axis=1) / several
    squares = (np.where(given, values - mean[:, None], 0.0) ** 2).sum(axis=1)
    return np.sqrt(squares / (several - 1))


def nearest_match(answers: ArrayLike, team: ArrayLike) -> Floats:
    """The highest share of equal answers that each interview has with another one of its team.

    Questions that both left open count as equal.

    Args:
        answers: one row per interview, one column per question; NaN is no answer.
        team: of each interview.

    Returns:
        From 0 to 1; NaN for the only interview of a team.

    Raises:
        ValueError: for anything but a table.
    """
    codes = _codes(_table(answers))
    items = codes.shape[1]
    best = np.full(len(codes), np.nan)
    for members in _members(team, len(codes)).values():
        if len(members) < 2 or not items:
            continue
        each = (codes[members][:, :, None] == np.arange(codes.max() + 1)).reshape(len(members), -1).astype(np.float32)
        for block in range(0, len(members), 500):
            equal = each[block : block + 500] @ each.T
            equal[np.arange(len(equal)), np.arange(block, block + len(equal))] = -1
            best[members[block : block + 500]] = equal.max(axis=1) / items
    return best


def near_duplicates(
    answers: ArrayLike,
    team: ArrayLike,
    *,
    different: int = 1,
    draws: int = 199,
    level: float = 0.01,
    at_most: int = 600,
    seed: int = 0,
) -> pd.DataFrame:
    """Teams of which more interviews are alike than among as many interviews of other teams.

    For each team the share of interviews that differ in at most one answer from another one of the team is compared
    with that share in sets of peers: for each of its interviews one of another team with as many answers and the same
    total (or the nearest totals), no interview twice. So a team whose clients are simply more satisfied is compared
    with satisfied clients. p = (1 + sets at least as alike)/(1 + sets); where that is too coarse for the number of
    teams more sets are drawn (Besag and Clifford 1991; Sandve et al. 2011), and p is adjusted over all teams
    (Benjamini and Hochberg 1995).

    Args:
        answers: one row per interview, one column per question; NaN is no answer, and counts as an answer of its own.
        team: of each interview; an interviewer may stand in the place of a team.
        different: 1, or 0 for exact duplicates: how many answers may differ.
        draws: sets of peers at first, 199 or more; of a large team fewer once ten sets were at least as alike.
        level: at which a team gets a signal, on the adjusted p-value.
        at_most: of a larger team so many interviews are compared, drawn at random; ``compared`` says so.
        seed: the same seed and answers give the same result, whatever the order of the rows.

    Returns:
        One row per team, by name as text: team, interviews, compared, alike (share of the compared ones),
        alike_among_peers (mean over the sets), draws, p_value, p_adjusted and signal. p is NaN for a team of one or
        with fewer than 20 peers.

    Raises:
        ValueError: for another number of differing answers, fewer than 199 draws, a level outside 0..1, or more than
            1,000 compared interviews.
    """
    if different not in (0, 1):
        raise ValueError("interviews are compared up to 0 or 1 different answers")
    if draws < 199:
        raise ValueError("fewer than 199 draws say too little")
    if not 0 < level < 1 or not 2 <= at_most <= 2**_POSITION_BITS:
        raise ValueError("a level lies between 0 and 1, and 2 to 1,024 interviews of a team are compared")
    table = _table(answers)
    everybody = _Everybody(table, team, different)
    teams = [everybody.team(name, rows, at_most, seed) for name, rows in everybody.members.items()]
    judged = [one for one in teams if one.comparable]
    # Enough to tell a single team among all of them apart, with something to spare.
    most = math.ceil(2 * len(judged) / level)
    open_, wanted = judged, draws
    while open_:
        for one in open_:
            one.draw(wanted - one.draws)
        adjusted = benjamini_hochberg([one.p_value for one in judged])
        open_ = [
            one
            for one, p_adjusted in zip(judged, adjusted, strict=True)
            if p_adjusted > level and one.as_alike < _CLEARLY_HONEST and one.draws < most
        ]
        candidates = len(open_) + int((adjusted <= level).sum())
        wanted = min(most, max(2 * wanted, math.ceil(len(judged) / level / max(1, candidates))))
    adjusted = benjamini_hochberg([one.p_value for one in teams])
    return pd.DataFrame(
        {
            "team": [one.name for one in teams],
            "interviews": [one.interviews for one in teams],
            "compared": [len(one.rows) for one in teams],
            "alike": [one.alike for one in teams],
            "alike_among_peers": [one.among_peers for one in teams],
            "draws": [one.draws for one in teams],
            "p_value": [one.p_value for one in teams],
            "p_adjusted": adjusted,
            "signal": adjusted <= level,
        }
    )


def more_than_peers(flagged: ArrayLike, n: ArrayLike, *, rho: float = USUAL_RHO) -> Floats:
    """Whether a team has more flagged interviews (long strings, hardly any variation, odd times) than its peers.

    The chance of so many or more among n under a beta-binomial with the other teams' share, (x + 1/2)/(n + 1), and the
    correlation that answers to one team have anyway; without that correlation honest teams would be flagged often.

    Args:
        flagged: interviews with the mark, per team, shape (teams,).
        n: interviews, per team.
        rho: correlation within a team, between 0 and 1.

    Returns:
        One-sided p-values, to be adjusted over teams; NaN for a team without interviews or without peers.

    Raises:
        ValueError: for more flagged interviews than there are, or a rho that is not between 0 and 1.
    """
    flagged, n = floats(flagged, n)
    refuse((flagged < 0) | (flagged > n), "teams have more marked interviews than interviews, or fewer than 0")
    if not 0 < rho < 1:
        raise ValueError("a correlation lies between 0 and 1")
    peers, theirs = np.nansum(n) - n, np.nansum(flagged) - flagged
    share = (theirs + 0.5) / (peers + 1)
    scale = (1 - rho) / rho
    # Also for a team whose peers have none, the sum over at most n + 1 outcomes is exact.
    chance = stats.betabinom.sf(flagged - 1, n, share * scale, (1 - share) * scale)
    return or_nan(np.clip(chance, 0, 1), (n > 0) & (peers > 0))


def timing_faults(
    interviews: pd.DataFrame,
    starts_on: pd.Timestamp,
    ends_on: pd.Timestamp,
    today: pd.Timestamp,
    *,
    shortest_part: float = 1 / 3,
    most_per_day: int = 12,
) -> pd.DataFrame:
    """Interviews at times that cannot be, or hardly.

    Args:
        interviews: taken_on (date), started_at and ended_at (timestamps), interviewer; each may be missing, and what
            cannot be judged is no fault. Interviews that nobody took (online, on paper) have no interviewer.
        starts_on: first day of the half-year.
        ends_on: last day of it.
        today: the day after which an interview lies in the future.
        shortest_part: an interview is too short under this part of the median duration.
        most_per_day: one interviewer takes at most so many on one day.

    Returns:
        One row per interview with the same index: ends_before_start, in_future, outside_half_year and overlaps (hard
        faults), too_short and too_many_that_day (to compare with peers).
    """
    started, ended = (pd.to_datetime(interviews[name]) for name in ("started_at", "ended_at"))
    taken = pd.to_datetime(interviews["taken_on"]).fillna(started.dt.normalize())
    who = interviews["interviewer"]
    minutes = (ended - started).dt.total_seconds() / 60
    possible = minutes > 0
    per_day = taken.groupby([who, taken.dt.normalize()]).transform("size").reindex(interviews.index)
    return pd.DataFrame(
        {
            "ends_before_start": minutes < 0,
            "in_future": (taken.dt.normalize() > today) | (ended.dt.normalize() > today),
            "outside_half_year": (taken.dt.normalize() < starts_on) | (taken.dt.normalize() > ends_on),
            "overlaps": _overlaps(who, started.where(possible), ended.where(possible)),
            "too_short": (minutes >= 0) & (minutes < shortest_part * minutes[possible].median()),
            "too_many_that_day": (per_day > most_per_day).fillna(False),
        },
        index=interviews.index,
    ).astype(bool)


def _overlaps(who: pd.Series, started: pd.Series, ended: pd.Series) -> NDArray[np.bool_]:
    """Whether an interview shares time with another one of the same interviewer; the end of one may start the next."""
    times = pd.DataFrame({"who": who.to_numpy(), "started": started.to_numpy(), "ended": ended.to_numpy()})
    times = times.dropna().sort_values(["who", "started", "ended"], kind="stable")
    by = times.groupby("who")
    # The latest end so far: a long interview may cover more than the next one.
    before = times["ended"].groupby(times["who"]).cummax().groupby(times["who"]).shift()
    after = by["started"].shift(-1)
    hit = (before > times["started"]) | (after < times["ended"])
    found = np.zeros(len(who), dtype=bool)
    found[times.index[hit]] = True
    return found


class _Everybody:
    """All interviews: their fingerprints, and the order in which peers are found."""

    def __init__(self, table: Floats, team: ArrayLike, different: int):
        given = ~np.isnan(table)
        total = np.where(given, table, 0.0).sum(axis=1)
        # Interviews with as many answers stand together, by their totals.
        self.key = given.sum(axis=1) * (2 * np.abs(total).max(initial=0) + 1) + total
        whole, but_one = _fingerprints(_codes(table))
        self.prints = but_one if different else whole[:, None]
        # Then by content, so that the order of the rows does not matter to what is drawn.
        self.order = np.lexsort((whole, self.key))
        place = np.empty(len(table), dtype=np.int64)
        place[self.order] = np.arange(len(table))
        self.members = {name: rows[np.argsort(place[rows])] for name, rows in _members(team, len(table)).items()}
        self._team = np.full(len(table), -1)
        for number, rows in enumerate(self.members.values()):
            self._team[rows] = number
        self._sorted_team = self._team[self.order]
        self.assigned = int((self._team >= 0).sum())

    def team(self, name: object, rows: NDArray[np.int64], at_most: int, seed: int) -> _Team:
        random = np.random.default_rng([seed, zlib.crc32(str(name).encode())])
        compared = random.choice(rows, at_most, replace=False, shuffle=False) if len(rows) > at_most else rows
        return _Team(self, name, len(rows), compared, random)

    def peers(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The interviews of other teams, by number of answers and total."""
        others = (self._sorted_team != self._team[rows[0]]) & (self._sorted_team >= 0)
        return self.order[others]


class _Team:
    """One team in the comparison: its own likeness, and the sets of peers drawn so far."""

    def __init__(
        self,
        everybody: _Everybody,
        name: object,
        interviews: int,
        rows: NDArray[np.int64],
        random: np.random.Generator,
    ):
        self.name, self.interviews, self.rows = name, interviews, rows
        self.draws = self.as_alike = 0
        self._everybody, self._random, self._sum = everybody, random, 0.0
        self.alike = float(_alike(everybody.prints[rows][None])[0]) if len(rows) > 1 else math.nan
        self.comparable = len(rows) > 1 and everybody.assigned - interviews >= _LEAST_PEERS

    @property
    def p_value(self) -> float:
        return (1 + self.as_alike) / (1 + self.draws) if self.comparable else math.nan

    @property
    def among_peers(self) -> float:
        return self._sum / self.draws if self.draws else math.nan

    def draw(self, sets: int) -> None:
        """Draw more sets of peers, until ten of all were at least as alike as the team."""
        prints = self._everybody.prints
        peers = self._everybody.peers(self.rows)
        low, high = self._windows(peers)
        in_part = max(1, _AT_ONCE // (prints.shape[1] * len(self.rows)))
        until = self.draws + sets
        while self.draws < until and self.as_alike < _CLEARLY_HONEST:
            places = self._places(min(in_part, until - self.draws), low, high)
            alike = _alike(prints.take(peers.take(places), axis=0))
            self.as_alike += int((alike >= self.alike - 1e-12).sum())
            self._sum += float(alike.sum())
            self.draws += len(places)

    def _windows(self, peers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """From where to where the peers of each interview stand: of its own total, or the nearest if they are few."""
        key = self._everybody.key
        own, where, each = np.unique(key[self.rows], return_inverse=True, return_counts=True)
        low, high = (np.searchsorted(key[peers], own, side) for side in ("left", "right"))
        least = np.minimum(np.maximum(_LEAST_PEERS, 2 * each), len(peers))
        few = high - low < least
        low = np.where(few, np.clip((low + high - least) // 2, 0, len(peers) - least), low)
        return low[where], np.where(few, low + least, high)[where]

    def _places(self, sets: int, low: NDArray[np.int64], high: NDArray[np.int64]) -> NDArray[np.int64]:
        """A peer for each interview in each set, drawn anew where a set holds one twice."""
        shape = (sets, len(low))

        places = low + (self._random.random(shape) * (high - low)).astype(np.int64)
        doubtful = np.arange(sets)
        for _ in range(20):
            tagged = np.sort((places[doubtful] << _POSITION_BITS) | np.arange(shape[1]), axis=1)
            at, column = np.nonzero((tagged[:, 1:] >> _POSITION_BITS) == (tagged[:, :-1] >> _POSITION_BITS))
            if not len(at):
                break
            again = tagged[at, column + 1] & (2**_POSITION_BITS - 1)
            span = (high - low)[again]
            places[doubtful[at], again] = low[again] + (self._random.random(len(at)) * span).astype(np.int64)
            doubtful = doubtful[np.unique(at)]
        # One that stays double counts as alike, which makes a signal less likely.
        return places


def _alike(prints: NDArray[np.uint64]) -> Floats:
    """The share of interviews that have a fingerprint in common with another one, for sets of them.

    Sorting finds equal fingerprints of a set without comparing every two; the place in the set rides in the low bits.

    Args:
        prints: sets × interviews × fingerprints, the low bits empty.

    Returns:
        One share per set.
    """
    sets, size, many = prints.shape
    tagged = (prints | np.arange(size, dtype=np.uint64)[:, None]).reshape(sets, size * many)
    tagged.sort(axis=1)
    at, column = np.nonzero((tagged[:, 1:] ^ tagged[:, :-1]) < 2**_POSITION_BITS)
    place = np.uint64(2**_POSITION_BITS - 1)
    found = np.zeros((sets, size), dtype=bool)
    for shift in (0, 1):
        found[at, (tagged[at, column + shift] & place).astype(np.intp)] = True
    return found.mean(axis=1)


def _fingerprints(codes: NDArray[np.int64]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """A number that two interviews share when they agree, and those that they share when they agree but for one answer.

    A random number for each answer to each question, summed (Zobrist 1970). Of 64 bits the low ones stay empty; two
    unlike interviews out of a thousand share one by chance once in some ten thousand million sets.
    """
    items = codes.shape[1]
    random = np.random.default_rng(0)
    value = random.integers(0, 2**63, size=(items, int(codes.max(initial=0)) + 1), dtype=np.uint64) * np.uint64(2)
    of_each = value[np.arange(items), codes]
    whole = of_each.sum(axis=1, dtype=np.uint64)
    but_one = whole[:, None] - of_each + random.integers(0, 2**63, size=items, dtype=np.uint64)
    place = np.uint64(_POSITION_BITS)
    return whole >> place << place, but_one >> place << place


def _codes(table: Floats) -> NDArray[np.int64]:
    """Answers numbered from 1 in rising order, 0 for none."""
    numbers, _ = pd.factorize(table.ravel(), sort=True)
    return numbers.reshape(table.shape) + 1


def _members(team: ArrayLike, n: int) -> dict[object, NDArray[np.int64]]:
    """The rows of each team, by name as text; an interview without a team belongs to none."""
    names = pd.Series(np.asarray(team, dtype=object))
    if len(names) != n:
        raise ValueError("there are not as many teams named as interviews")
    rows_of = names.groupby(names, sort=False).indices
    return {name: rows_of[name] for name in sorted(rows_of, key=str)}


def _table(answers: ArrayLike) -> Floats:
    values = np.asarray(answers, dtype=float)
    if values.ndim != 2:
        raise ValueError(f"answers form a table of two dimensions, not {values.ndim}")
    return values
