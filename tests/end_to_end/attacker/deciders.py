"""Ways to decide what is shown, and a run of releases in which one of them decides.

Belongs here: the form of a decision, a run of releases one after the other, and two deciders that are not good enough:
the attacker has to find what they give away.

A decider is called once per release with the true cells, life domains, pooled cells and their members, and the releases
before it, and gives per audience the tables that leave: ``decide(cells, domains, pooled, members, history)`` ->
{"partners": {"fct_indicator": ..., "fct_indicator_pooled": ..., "fct_life_domain": ...}, "council": {...}}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np
import pandas as pd
from attacker_facts import (
    COUNCIL,
    NO_DATA,
    OUTCOMES,
    PARTNERS,
    PERSONS,
    PRIMARY,
    PUBLISHED,
    SECONDARY,
    SMALL_SIDE,
    Indicator,
    Release,
    Truth,
)

Published = Mapping[str, Mapping[str, pd.DataFrame]]
Decide = Callable[[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame, Sequence[Release]], Published]

_AREA = ["district_code", "period"]
_INDICATOR_KEY = ["consortium_code", "indicator_code", *_AREA]
_DOMAIN_KEY = ["consortium_code", "life_domain_code", *_AREA]
_INDICATOR_SHOWN = ["n", "numerator", "value"]
_DOMAIN_SHOWN = ["n", *OUTCOMES, "low_share", "goal_attainment"]


class TrueTables(Protocol):
    """What is true at one release."""

    cells: pd.DataFrame
    domains: pd.DataFrame
    pooled: pd.DataFrame
    members: pd.DataFrame


def play(releases: Iterable[TrueTables], decide: Decide) -> list[Release]:
    """Releases one after the other, each decided with those before it in sight."""
    history: list[Release] = []
    for release in releases:
        published = decide(release.cells, release.domains, release.pooled, release.members, tuple(history))
        truth = Truth(release.cells, release.domains, release.pooled, release.members)
        history.append(Release(truth, published))
    return history


def naive(indicators: Mapping[str, Indicator]) -> Decide:
    """Hides what is small itself and nothing else."""

    def decide(
        cells: pd.DataFrame,
        domains: pd.DataFrame,
        pooled: pd.DataFrame,
        members: pd.DataFrame,
        history: Sequence[Release],
    ) -> Published:
        return _published(cells, domains, pooled, indicators, lambda frame, small, key: np.zeros(len(frame), bool))

    return decide


def table_by_table(indicators: Mapping[str, Indicator]) -> Decide:
    """Protects each table for itself: of each at least two districts are hidden, and together they are not small."""
    return lambda cells, domains, pooled, members, history: _published(
        cells, domains, pooled.iloc[:0], indicators, _company
    )


def _company(frame: pd.DataFrame, small: np.ndarray, key: list[str]) -> np.ndarray:
    """Districts that are hidden to keep the small ones company: the next larger ones."""
    more = np.zeros(len(frame), dtype=bool)
    n = frame["n"].to_numpy()
    whole = frame["district_code"].str.startswith("GM").to_numpy()
    for places in frame.groupby([key[1], "period"], sort=False).indices.values():
        parts = places[~whole[places] & (n[places] > 0)]
        hidden = parts[small[parts]]
        rest = parts[~small[parts]]
        # where the municipality is hidden, one district that is hidden too is enough
        for place in rest[np.argsort(n[rest], kind="stable")]:
            if not len(hidden) or (len(hidden) > 1 and n[hidden].sum() >= 3 * PERSONS):
                break
            more[place] = True
            hidden = np.append(hidden, place)
        else:
            if len(hidden):
                more[places[whole[places]]] = True
    return more


def _published(
    cells: pd.DataFrame,
    domains: pd.DataFrame,
    pooled: pd.DataFrame,
    indicators: Mapping[str, Indicator],
    company: Callable[[pd.DataFrame, np.ndarray, list[str]], np.ndarray],
) -> Published:
    shown = _indicators(cells, indicators, company)
    ladder = _pooled(pooled, indicators)
    outcomes = _domains(domains, company)
    return {
        PARTNERS: {"fct_indicator": shown, "fct_indicator_pooled": ladder, "fct_life_domain": outcomes},
        COUNCIL: {
            "fct_indicator": _rounded(shown, _INDICATOR_SHOWN[:2]),
            "fct_life_domain": _rounded(outcomes, ["n", *OUTCOMES]),
        },
    }


def _indicators(cells: pd.DataFrame, indicators: Mapping[str, Indicator], company: Callable) -> pd.DataFrame:
    small = _small_indicators(cells, indicators)
    kind = cells["indicator_code"].map(lambda code: indicators[code].kind).to_numpy()
    empty = (cells["n"].to_numpy() == 0) & (kind != "count")
    frame = cells[[*_INDICATOR_KEY, *_INDICATOR_SHOWN, "delivery_version"]].copy()
    frame["value"] = _rounded_values(frame, kind)
    frame.loc[kind == "mean", "numerator"] = np.nan
    return _with_status(frame, small, company(cells, small, _INDICATOR_KEY) & ~small, empty, _INDICATOR_SHOWN)


def _pooled(pooled: pd.DataFrame, indicators: Mapping[str, Indicator]) -> pd.DataFrame:
    if pooled.empty:
        return pooled.reindex(columns=[*_INDICATOR_KEY, "pooled_over", *_INDICATOR_SHOWN, "status", "is_pending"])
    small = _small_indicators(pooled, indicators)
    kind = pooled["indicator_code"].map(lambda code: indicators[code].kind).to_numpy()
    frame = pooled[[*_INDICATOR_KEY, "pooled_over", *_INDICATOR_SHOWN]].copy()
    frame["value"] = _rounded_values(frame, kind)
    frame.loc[kind == "mean", "numerator"] = np.nan
    nothing = np.zeros(len(frame), dtype=bool)
    return _with_status(frame, small, nothing, nothing, _INDICATOR_SHOWN)


def _domains(domains: pd.DataFrame, company: Callable) -> pd.DataFrame:
    n = domains["n"].to_numpy()
    small = (n < PERSONS) | (domains["persons"] < PERSONS).to_numpy()
    for outcome in OUTCOMES:
        count = domains[outcome].to_numpy()
        small |= ((count > 0) & (count < SMALL_SIDE)) | (count == n)
    frame = domains[[*_DOMAIN_KEY, "n", *OUTCOMES, "delivery_version"]].copy()
    for share, whole, part in (("low_share", "rated", "low"), ("goal_attainment", "goals", "goals_reached")):
        of, count = domains[whole].to_numpy(float), domains[part].to_numpy(float)
        told = (of >= PERSONS) & (count >= SMALL_SIDE) & (of - count >= SMALL_SIDE)
        frame[share] = np.where(told, np.round(count / np.where(of > 0, of, 1), 2), np.nan)
    return _with_status(frame, small & (n > 0), company(domains, small, _DOMAIN_KEY) & ~small, n == 0, _DOMAIN_SHOWN)


def _small_indicators(cells: pd.DataFrame, indicators: Mapping[str, Indicator]) -> np.ndarray:
    n, numerator = cells["n"].to_numpy(), cells["numerator"].to_numpy()
    persons = pd.to_numeric(cells["persons"]).fillna(cells["n"]).to_numpy(float)
    kind = cells["indicator_code"].map(lambda code: indicators[code].kind).to_numpy()
    side = cells["indicator_code"].map(lambda code: indicators[code].sensitive_side).to_numpy()
    small = ((n < PERSONS) | (persons < PERSONS)) & (n > 0)
    of_numerator = np.isin(side, ["numerator", "both"]) & (kind != "mean")
    of_complement = np.isin(side, ["complement", "both"]) & (kind == "proportion")
    small |= of_numerator & (numerator > 0) & (numerator < SMALL_SIDE)
    small |= of_complement & (n - numerator > 0) & (n - numerator < SMALL_SIDE)
    small |= (kind == "proportion") & (side != "none") & ((numerator == 0) | (numerator == n)) & (n > 0)
    return small & (kind != "count")


def _rounded_values(frame: pd.DataFrame, kind: np.ndarray) -> np.ndarray:
    n = frame["n"].to_numpy()
    decimals = np.select(
        [kind == "proportion", kind == "mean", kind == "ratio", kind == "rate"],
        [np.where(n < 1000, 2, 3), np.where(n < 200, 1, 2), np.where(n < 1000, 0, 1), np.full(len(n), 1)],
        6,
    )
    values = frame["value"].to_numpy(float)
    return np.array([round(value, int(by)) for value, by in zip(values, decimals, strict=True)])


def _with_status(
    frame: pd.DataFrame, small: np.ndarray, more: np.ndarray, empty: np.ndarray, shown: list[str]
) -> pd.DataFrame:
    frame["status"] = np.select([empty, small, more], [NO_DATA, PRIMARY, SECONDARY], PUBLISHED)
    frame["is_pending"] = False
    frame[shown] = frame[shown].astype(float)
    frame.loc[frame["status"] != PUBLISHED, shown] = np.nan
    return frame.reset_index(drop=True)


def _rounded(frame: pd.DataFrame, counts: list[str]) -> pd.DataFrame:
    """For the council: the municipality only, counts to multiples of 5."""
    whole = frame[frame["district_code"].str.startswith("GM")].copy()
    whole[counts] = (whole[counts] / 5).round() * 5
    return whole.reset_index(drop=True)
