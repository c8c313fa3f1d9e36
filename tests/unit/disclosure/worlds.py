"""Made-up counts of a municipality in which it is hard to hide anybody, the same for the same seed.

Belongs here: the true cells and pooled cells of one release after another, with the columns of ``cells.indicator_cell``,
``cells.life_domain_cell``, ``reliability.pooled_cell`` and ``reliability.pooled_member``. Districts add up to the
municipality; people who are the same under two indicators are equally many. Not here: what may be shown of it.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import pandas as pd

from pipeline.periods import HalfYear, between
from pipeline.reliability.pooling import pool_members, pooled_cells
from pipeline.settings import SEEDS

GM = "GM0484"
RIETVELD = "WK048409"
LIFE_DOMAINS = ("financien", "huisvesting", "sociaal_netwerk", "verslaving")
FIRST = HalfYear(2018, 1)
CELL = ["consortium_code", "indicator_code", "district_code", "period"]
DOMAIN_CELL = ["consortium_code", "life_domain_code", "district_code", "period"]
INDICATOR_COLUMNS = [*CELL, "n", "numerator", "value", "persons", "sum_of_squares", "places", "delivery_version"]
DOMAIN_COUNTS = ["n", "improved", "stable", "worsened", "stable_low", "rated", "low", "goals", "goals_reached", "persons"]
DOMAIN_COLUMNS = [*DOMAIN_CELL, *DOMAIN_COUNTS, "delivery_version"]

_SAME_PEOPLE = {"tom_zrm_verbeterd": "tom_zrm_verbeterd_of_stabiel", "go_uithuisplaatsing": "go_verblijf"}
_CUMULATIVE = "tom_heropende_dossiers"
_CHANCE = {
    "tom_zrm_verbeterd_of_stabiel": 0.85,
    "tom_zrm_verbeterd": 0.5,
    "go_uitval": 0.2,
    "go_verblijf": 0.25,
    "go_uithuisplaatsing": 0.2,
    "boost_bereik": 0.05,
    "boost_vrijwilligers": 0.01,
    "boost_toeleiding_schuldhulp": 0.002,
}


@dataclass(frozen=True)
class TrueRelease:
    """What is true at the moment of one release.

    Attributes:
        cells: as ``cells.indicator_cell``.
        domains: as ``cells.life_domain_cell``.
        pooled: as ``reliability.pooled_cell``.
        members: as ``reliability.pooled_member``.
        is_withdrawn: whether the release is taken back afterwards.
    """

    cells: pd.DataFrame = field(repr=False)
    domains: pd.DataFrame = field(repr=False)
    pooled: pd.DataFrame = field(repr=False)
    members: pd.DataFrame = field(repr=False)
    is_withdrawn: bool = False


@cache
def registry() -> pd.DataFrame:
    """The indicators of the product."""
    return pd.read_csv(SEEDS / "indicators.csv")


@cache
def residents() -> dict[str, int]:
    """Residents per district, rounded by their publisher; the municipality has its own figure."""
    with (SEEDS / "open_data" / "cbs_kwb" / "kwb_2022_wijken_GM0484.csv").open(encoding="utf-8", newline="") as file:
        found = {row["code"]: int(row["population"]) for row in csv.DictReader(file)}
    districts = {code: count for code, count in found.items() if code.startswith("WK")}
    return {**districts, GM: sum(districts.values()) + 15}


def districts() -> tuple[str, ...]:
    """Codes of the districts, in order."""
    return tuple(sorted(code for code in residents() if code != GM))


def neighbours() -> pd.DataFrame:
    """Each district beside the next one and the last beside the first: made up, but everybody may know it."""
    codes = districts()
    pairs = [(one, other) for one, other in zip(codes, codes[1:] + codes[:1], strict=True)]
    return pd.DataFrame(sorted(pairs + [(b, a) for a, b in pairs]), columns=["district_code", "neighbour_code"])


class Draft:
    """Counts per district that can be changed person by person, before they are added up.

    Attributes:
        indicator: (indicator, district, period) -> n, numerator.
        domain: (life domain, district, period) -> the counts of a life-domain cell.
        version: (consortium, period) -> delivery version.
    """

    def __init__(self) -> None:
        self.indicator: dict[tuple[str, str, str], dict[str, int]] = {}
        self.domain: dict[tuple[str, str, str], dict[str, int]] = {}
        self.version: dict[tuple[str, str], int] = {}

    def copy(self) -> Draft:
        """An independent copy."""
        other = Draft()
        other.indicator = {key: dict(counts) for key, counts in self.indicator.items()}
        other.domain = {key: dict(counts) for key, counts in self.domain.items()}
        other.version = dict(self.version)
        return other

    def change(self, district: str, period: str, people: int, *, indicators: Sequence[str] | None = None) -> None:
        """So many people more (or fewer) in every table of a district; each of them improved, reopened, moved in, ...

        A cumulative figure keeps them in later half-years. Where nobody is left, nobody is taken away.
        """
        for (code, where, when), counts in self.indicator.items():
            if where != district or (indicators is not None and code not in indicators):
                continue
            if when == period or (code == _CUMULATIVE and when > period):
                kind = _kind(code)
                own = max(people, -counts["n"])
                if kind == "count":
                    continue
                if kind != "rate":
                    counts["n"] += own
                if kind == "mean":
                    counts["numerator"] = min(max(counts["numerator"] + 7 * own, counts["n"]), 10 * counts["n"])
                else:
                    counts["numerator"] = max(counts["numerator"] + people, 0)
                    if kind == "proportion":
                        counts["numerator"] = min(counts["numerator"], counts["n"])
        is_in_domains = indicators is None or any(code.startswith("tom") for code in indicators)
        for (_, where, when), counts in self.domain.items():
            if is_in_domains and where == district and when == period:
                own = max(people, -counts["improved"])
                for name in ("n", "improved", "rated", "persons"):
                    counts[name] += own

    def release(self, *, pooled: str = "none", is_withdrawn: bool = False) -> TrueRelease:
        """The cells of districts and municipality, and the pooled cells.

        Args:
            pooled: ``none``, ``some`` (where fewer than 15 people are counted) or ``all``.
            is_withdrawn: whether the release is taken back afterwards.
        """
        cells, domains = self._cells(), self._domains()
        if pooled == "none":
            members = pd.DataFrame(columns=[*CELL, "pooled_over", "member_indicator", "member_district", "member_period"])
            empty = [*CELL, "pooled_over", "n", "numerator", "value", "persons", "sum_of_squares", "members"]
            return TrueRelease(cells, domains, pd.DataFrame(columns=empty), members, is_withdrawn)
        members = pool_members(cells, registry(), _levels(), neighbours())
        if pooled == "some":
            few = cells.loc[cells["n"] < 15, CELL]
            members = members.merge(few, on=CELL)
        return TrueRelease(cells, domains, pooled_cells(cells, members, registry()), members, is_withdrawn)

    def _cells(self) -> pd.DataFrame:
        scale = dict(zip(registry()["indicator_code"], registry()["scale"], strict=True))
        whole: dict[tuple[str, str, str], dict[str, int]] = {}
        for (code, _, period), counts in self.indicator.items():
            total = whole.setdefault((code, GM, period), {"n": 0, "numerator": 0})
            for name, count in counts.items():
                total[name] += count
        rows = []
        for (code, area, period), counts in sorted({**self.indicator, **whole}.items()):
            kind, consortium = _kind(code), code.split("_")[0]
            n = residents()[area] if kind == "rate" else counts["n"]
            numerator = counts["numerator"]
            value = float(numerator) if kind == "count" else (scale[code] * numerator / n if n else None)
            rows.append(
                {
                    "consortium_code": consortium,
                    "indicator_code": code,
                    "district_code": area,
                    "period": period,
                    "n": n,
                    "numerator": numerator,
                    "value": value,
                    "persons": None if kind == "count" else n,
                    # a spread of one point: the squares are never shown
                    "sum_of_squares": round(numerator**2 / n) + n if kind == "mean" and n else None,
                    "places": 10 * n if kind == "count" else None,
                    "delivery_version": self.version[consortium, period],
                }
            )
        frame = pd.DataFrame(rows, columns=INDICATOR_COLUMNS)
        return frame.astype({"value": float, "persons": "Int64", "sum_of_squares": "Int64", "places": "Int64"})

    def _domains(self) -> pd.DataFrame:
        whole: dict[tuple[str, str, str], dict[str, int]] = {}
        for (code, _, period), counts in self.domain.items():
            total = whole.setdefault((code, GM, period), dict.fromkeys(DOMAIN_COUNTS, 0))
            for name, count in counts.items():
                total[name] += count
        rows = [
            {
                "consortium_code": "tom",
                "life_domain_code": code,
                "district_code": area,
                "period": period,
                **counts,
                "delivery_version": self.version["tom", period],
            }
            for (code, area, period), counts in sorted({**self.domain, **whole}.items())
        ]
        return pd.DataFrame(rows, columns=DOMAIN_COLUMNS)


def draw(
    seed: int,
    periods: int = 1,
    *,
    size: Callable[[str], int] | None = None,
    indicators: Sequence[str] | None = None,
    life_domains: Sequence[str] = LIFE_DOMAINS,
    steady: bool = False,
) -> Draft:
    """Counts of so many half-years.

    Args:
        seed: the same seed, the same counts.
        periods: how many half-years, from ``FIRST`` on.
        size: people per table in a district; by default one per 150 residents, as small as Rietveld's is.
        indicators: codes; all by default.
        life_domains: codes.
        steady: exactly ``size`` people in every table, half of them on either side; without it as chance has it.
    """
    generator = np.random.default_rng(seed)
    draft = Draft()
    size = size or (lambda district: max(residents()[district] // 150, 2))
    codes = list(registry()["indicator_code"]) if indicators is None else list(indicators)
    halves = [str(half) for half in between(FIRST, FIRST.shift(periods - 1))]
    for period in halves:
        for consortium in ("tom", "go", "boost"):
            draft.version[consortium, period] = 1
        for district in districts():
            people = size(district)
            for code in codes:
                draft.indicator[code, district, period] = _drawn(draft, generator, code, district, period, people, steady)
            for code in life_domains:
                draft.domain[code, district, period] = _drawn_domain(generator, people, steady)
    return draft


def three_clients(seed: int = 1) -> list[TrueRelease]:
    """One district has 3 clients in every table; the others have enough."""
    draft = draw(seed, size=lambda district: 3 if district == RIETVELD else 40 + int(district[-2:]) % 30, steady=True)
    return [draft.release(pooled="some")]


def all_but_one_hidden(seed: int = 2) -> list[TrueRelease]:
    """One district has enough people in every table; the others have few."""
    enough = districts()[1]
    draft = draw(seed, size=lambda district: 60 if district == enough else 3 + int(district[-2:]) % 5)
    return [draft.release(pooled="some")]


def correction_of_one(seed: int = 3) -> list[TrueRelease]:
    """A corrected delivery counts one client more in one district, in every table."""
    before = draw(seed, size=lambda district: 30 + int(district[-2:]) % 40, steady=True)
    after = before.copy()
    after.change(districts()[4], str(FIRST), 1)
    after.version = dict.fromkeys(after.version, 2)
    return [before.release(), after.release()]


def cumulative_by_one(seed: int = 4, periods: int = 4) -> list[TrueRelease]:
    """Each half-year one client and one reopened file more in some districts, and released each time."""
    draft = draw(seed, 1, size=lambda district: 30 + int(district[-2:]) % 40, steady=True, indicators=[_CUMULATIVE])
    releases = []
    for number in range(periods):
        period = str(FIRST.shift(number))
        if number:
            before = str(FIRST.shift(number - 1))
            draft.version["tom", period] = 1
            for place, district in enumerate(districts()):
                grown = dict(draft.indicator[_CUMULATIVE, district, before])
                more = 1 if place % 3 == number % 3 else 12
                draft.indicator[_CUMULATIVE, district, period] = {name: count + more for name, count in grown.items()}
        releases.append(draft.copy().release())
    return releases


def erased_client(seed: int = 5) -> list[TrueRelease]:
    """One client of one district is gone from every table of two half-years; deliveries keep their version."""
    before = draw(seed, 2, size=lambda district: 30 + int(district[-2:]) % 40, steady=True)
    after = before.copy()
    for period in (str(FIRST), str(FIRST.shift(1))):
        after.change(districts()[6], period, -1)
    return [before.release(), after.release()]


def equal_people(seed: int = 6) -> list[TrueRelease]:
    """The same people under two indicators, of which each has few on one side, in other districts."""
    pairs = ["tom_zrm_verbeterd_of_stabiel", "tom_zrm_verbeterd", "go_verblijf", "go_uithuisplaatsing"]
    draft = draw(seed, size=lambda district: 24 + int(district[-2:]) % 40, steady=True, indicators=pairs)
    codes = districts()
    for one, other in zip(pairs[::2], pairs[1::2], strict=True):
        for code, place, numerator in ((one, 1, -2), (one, 2, -3), (other, 4, 2), (other, 5, 3)):
            counts = draft.indicator[code, codes[place], str(FIRST)]
            counts["numerator"] = numerator % counts["n"] if numerator < 0 else numerator
        # a district with few people is hidden under both, and needs company under both
        for code in (one, other):
            draft.indicator[code, codes[7], str(FIRST)] = {"n": 6, "numerator": 4 if code == one else 3}
        for place in range(len(codes)):
            large, small = (draft.indicator[code, codes[place], str(FIRST)] for code in (one, other))
            if code.startswith("tom"):
                small["numerator"] = min(small["numerator"], large["numerator"])
    return [draft.release()]


def random_history(seed: int = 7, half_years: int = 12, *, pooled: str = "some") -> list[TrueRelease]:
    """Half-years released in turn, with late deliveries, corrections of some clients and a release taken back.

    In each release the newest half-year is new; now and then a consortium delivers a half-year later, and now and then
    an earlier half-year is delivered anew with a few people more or fewer.
    """
    generator = np.random.default_rng([seed, half_years])
    full = draw(seed, half_years)
    late = {
        (consortium, number)
        for consortium in ("tom", "go", "boost")
        for number in range(half_years - 1)
        if generator.random() < 0.15
    }
    withdrawn = int(generator.integers(1, max(half_years - 1, 2)))
    releases = []
    for number in range(half_years):
        for consortium in ("tom", "go", "boost"):
            if number and generator.random() < 0.35:
                period = str(FIRST.shift(int(generator.integers(max(0, number - 3), number))))
                full.version[consortium, period] += 1
                own = [code for code in registry()["indicator_code"] if code.startswith(consortium)]
                for district in generator.choice(districts(), size=int(generator.integers(1, 5)), replace=False):
                    people = int(generator.choice([-2, -1, 1, 1, 2, 3, 7]))
                    full.change(str(district), period, people, indicators=own)
        releases.append(_until(full, number, late).release(pooled=pooled, is_withdrawn=number == withdrawn))
    return releases


WORLDS: dict[str, Callable[[], list[TrueRelease]]] = {
    "three clients": three_clients,
    "all but one hidden": all_but_one_hidden,
    "a correction of one": correction_of_one,
    "cumulative by one": cumulative_by_one,
    "an erased client": erased_client,
    "equal people": equal_people,
}


def _until(full: Draft, number: int, late: set[tuple[str, int]]) -> Draft:
    """What is delivered at the release of one half-year."""
    delivered = {
        (consortium, str(FIRST.shift(at)))
        for consortium in ("tom", "go", "boost")
        for at in range(number + 1)
        if at < number or (consortium, at) not in late
    }
    draft = full.copy()
    draft.indicator = {
        key: counts for key, counts in draft.indicator.items() if (key[0].split("_")[0], key[2]) in delivered
    }
    draft.domain = {key: counts for key, counts in draft.domain.items() if ("tom", key[2]) in delivered}
    return draft


@cache
def _kind(code: str) -> str:
    return str(registry().set_index("indicator_code").loc[code, "kind"])


def _levels() -> pd.DataFrame:
    codes = [GM, *districts()]
    levels = ["municipality", *["district"] * (len(codes) - 1)]
    return pd.DataFrame({"district_code": codes, "district_level": levels, "municipality_code": GM})


def _drawn(
    draft: Draft, generator: np.random.Generator, code: str, district: str, period: str, people: int, steady: bool
) -> dict[str, int]:
    """n and numerator of one indicator in one district."""
    kind = _kind(code)
    if kind == "count":
        offers = int(generator.integers(0, 4))
        return {"n": offers, "numerator": offers}
    if kind == "rate":
        expected = people // 2 if steady else residents()[district] * _CHANCE[code]
        return {"n": 0, "numerator": int(expected if steady else generator.poisson(expected))}
    if code in _SAME_PEOPLE and (_SAME_PEOPLE[code], district, period) in draft.indicator:
        same = draft.indicator[_SAME_PEOPLE[code], district, period]
        n, most = same["n"], same["numerator"] if code.startswith("tom") else same["n"]
        return {"n": n, "numerator": min(n // 2 if steady else int(generator.binomial(n, _CHANCE[code])), most)}
    if code == "go_ambulant_aandeel" and ("go_verblijf", district, period) in draft.indicator:
        n = draft.indicator["go_verblijf", district, period]["n"] + (0 if steady else int(generator.poisson(people / 6)))
    else:
        n = people if steady else int(generator.poisson(people))
    if code == _CUMULATIVE:
        before = draft.indicator.get((code, district, str(HalfYear.parse(period).shift(-1))), {"n": 0, "numerator": 0})
        more = n if not before["n"] else int(generator.poisson(people / 4))
        again = n // 2 if steady else int(generator.binomial(more, 0.3))
        return {"n": before["n"] + more, "numerator": before["numerator"] + again}
    if kind == "mean":
        return {"n": n, "numerator": 7 * n if steady else int(generator.integers(4, 11, size=n).sum())}
    return {"n": n, "numerator": n // 2 if steady else int(generator.binomial(n, _CHANCE.get(code, 0.6)))}


def _drawn_domain(generator: np.random.Generator, people: int, steady: bool) -> dict[str, int]:
    n = people if steady else int(generator.poisson(people))
    improved, worsened = (n // 3, n // 3) if steady else map(int, generator.multinomial(n, [0.45, 0.2, 0.35])[:2])
    stable = n - improved - worsened
    rated = n + (0 if steady else int(generator.poisson(people / 4)))
    low = rated // 2 if steady else int(generator.binomial(rated, 0.4))
    goals = n // 2 if steady else int(generator.binomial(n, 0.6))
    reached = goals // 2 if steady else int(generator.binomial(goals, 0.5))
    return {
        "n": n,
        "improved": improved,
        "stable": stable,
        "worsened": worsened,
        "stable_low": min(stable, low) // 2,
        "rated": rated,
        "low": low,
        "goals": goals,
        "goals_reached": reached,
        "persons": n,
    }
