"""Small municipalities as frames, as the disclosure room reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from pipeline.settings import SEEDS

MUNICIPALITY = "GM0484"
INDICATORS = pd.read_csv(SEEDS / "indicators.csv")
THRESHOLDS = pd.read_csv(SEEDS / "thresholds.csv")
QUESTIONS = pd.read_csv(SEEDS / "questions.csv")
RELATIONS = pd.read_csv(SEEDS / "indicator_relations.csv")
POOL_KEY = ["consortium_code", "indicator_code", "district_code", "period", "pooled_over"]
MEMBER = ["member_indicator", "member_district", "member_period"]

# indicator, half-year -> per district n and numerator; a third number is the persons behind them
Figures = Mapping[tuple[str, str], Iterable[tuple[int, ...]]]
# life domain, half-year -> per district improved, stable, worsened
Outcomes = Mapping[tuple[str, str], Iterable[tuple[int, int, int]]]


def area(position: int) -> str:
    """The code of a district."""
    return f"WK0484{position:02}"


def cells_of(figures: Figures) -> pd.DataFrame:
    """As ``cells.indicator_cell``: the districts and their sum."""
    rows = []
    for (code, period), districts in figures.items():
        consortium, kind = (
            INDICATORS.set_index("indicator_code").loc[code, name] for name in ("consortium_code", "kind")
        )
        counts = [(n, numerator, more[0] if more else n) for n, numerator, *more in districts]
        counts.append(tuple(sum(column) for column in zip(*counts, strict=True)))
        for position, (n, numerator, persons) in enumerate(counts, start=1):
            place = MUNICIPALITY if position == len(counts) else area(position)
            value = numerator / n if n else (0.0 if kind == "count" else None)
            rows.append((consortium, code, place, period, n, numerator, value, persons))
    columns = ["consortium_code", "indicator_code", "district_code", "period", "n", "numerator", "value", "persons"]
    return pd.DataFrame(rows, columns=columns)


def domains_of(outcomes: Outcomes) -> pd.DataFrame:
    """As ``cells.life_domain_cell``; half of the clients score low, and half reach their goal."""
    rows = []
    for (code, period), districts in outcomes.items():
        counts = [tuple(each) for each in districts]
        counts.append(tuple(sum(column) for column in zip(*counts, strict=True)))
        for position, each in enumerate(counts, start=1):
            place = MUNICIPALITY if position == len(counts) else area(position)
            n = sum(each)
            rows.append(("tom", code, place, period, n, *each, 0, n, n // 2, n, n // 2, n))
    columns = ["consortium_code", "life_domain_code", "district_code", "period", "n", "improved", "stable", "worsened"]
    columns += ["stable_low", "rated", "low", "goals", "goals_reached", "persons"]
    return pd.DataFrame(rows, columns=columns)


def frames(
    figures: Figures,
    outcomes: Outcomes | None = None,
    pools: Mapping[tuple[str, str, str, str], Iterable[tuple[str, str, str]]] | None = None,
    verdicts: Mapping[tuple[str, str, str, str], str] | None = None,
    periods: Iterable[str] | None = None,
) -> dict[str, pd.DataFrame]:
    """Everything that a decision reads.

    Args:
        figures: indicators.
        outcomes: life domains.
        pools: indicator, area, half-year and step -> members (indicator, area, half-year).
        verdicts: indicator, area, half-year and step ('' for the figure itself) -> verdict, when not ``reliable``.
        periods: half-years that there are; those of the figures when None.
    """
    cells = cells_of(figures)
    consortium = INDICATORS.set_index("indicator_code")["consortium_code"]
    place = cells.set_index(["indicator_code", "district_code", "period"])
    pooled, members = [], []
    for (code, district, period, step), parts in (pools or {}).items():
        parts = list(parts)
        counts = [int(place.loc[parts, name].sum()) for name in ("n", "numerator", "persons")]
        pooled.append((consortium[code], code, district, period, step, *counts))
        members += [(consortium[code], code, district, period, step, *part) for part in parts]
    pooled = pd.DataFrame(pooled, columns=[*POOL_KEY, "n", "numerator", "persons"])
    said = [(*key, "") for key in cells[POOL_KEY[:-1]].itertuples(index=False, name=None)]
    said += list(pooled[POOL_KEY].itertuples(index=False, name=None))
    verdict = [(*key, (verdicts or {}).get(key[1:], "reliable")) for key in said]
    return {
        "cells": cells,
        "domains": domains_of(outcomes or {}),
        "pooled": pooled,
        "members": pd.DataFrame(members, columns=[*POOL_KEY, *MEMBER]),
        "verdicts": pd.DataFrame(verdict, columns=[*POOL_KEY, "verdict"]),
        "intervals": pd.DataFrame(columns=[*POOL_KEY, "ci_low", "ci_high"]),
        "indicators": INDICATORS,
        "thresholds": THRESHOLDS,
        "relations": RELATIONS,
        "questions": QUESTIONS,
        "periods": pd.DataFrame({"period": sorted(periods or {period for _, period in figures})}),
    }
