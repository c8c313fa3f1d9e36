"""The product's own decision, in the form that the attacker plays it: cells in, published tables out.

The marts of a release are SQL that needs a whole warehouse; here the same is done to frames, so that a world of twelve
half-years takes seconds. The test of a whole run attacks the real files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd
from attacker_facts import Release
from deciders import Published

from pipeline.disclosure import steps
from pipeline.disclosure.council import decimals
from pipeline.disclosure.counts import INDICATOR, LIFE_DOMAIN, POOLED, Key
from pipeline.disclosure.history import History, Settled, history_of, tables_of
from pipeline.settings import SEEDS

_AREA = ["district_code", "period"]
_INDICATOR = ["consortium_code", "indicator_code", *_AREA]
_POOLED = [*_INDICATOR, "pooled_over"]
_DOMAIN = ["consortium_code", "life_domain_code", *_AREA]
_TABLES = {
    "fct_indicator": ("indicator_status", _INDICATOR, ["n", "numerator", "value"]),
    "fct_indicator_pooled": ("pooled_status", _POOLED, ["n", "numerator", "value"]),
    "fct_life_domain": (
        "life_domain_status",
        _DOMAIN,
        ["n", "improved", "stable", "worsened", "low_share", "goal_attainment"],
    ),
}
_SUBJECT = {"fct_indicator": INDICATOR, "fct_indicator_pooled": POOLED, "fct_life_domain": LIFE_DOMAIN}
INDICATORS = pd.read_csv(SEEDS / "indicators.csv")


def product(
    cells: pd.DataFrame,
    domains: pd.DataFrame,
    pooled: pd.DataFrame,
    members: pd.DataFrame,
    history: Sequence[Release],
    decide=steps.decide,
) -> Published:
    """Decide as the product does; every figure is taken to be certain enough."""
    keys = [cells.assign(pooled_over="")[_POOLED], pooled.reindex(columns=_POOLED)]
    verdicts = pd.concat(keys, ignore_index=True).assign(verdict="reliable")
    made = decide(
        {
            "cells": cells,
            "domains": domains,
            "pooled": pooled,
            "members": members,
            "verdicts": verdicts,
            "intervals": pd.DataFrame(columns=[*_POOLED, "ci_low", "ci_high"]),
            "indicators": INDICATORS,
            "thresholds": pd.read_csv(SEEDS / "thresholds.csv"),
            "relations": pd.read_csv(SEEDS / "indicator_relations.csv"),
            "questions": pd.read_csv(SEEDS / "questions.csv"),
            "periods": pd.DataFrame({"period": sorted(set(cells["period"]))}),
        },
        _history(history),
    )
    partners = {
        "fct_indicator": _shown(made, "fct_indicator", _figures(cells), history),
        "fct_indicator_pooled": _shown(made, "fct_indicator_pooled", _figures(pooled), history),
        "fct_life_domain": _shown(made, "fct_life_domain", _outcomes(domains), history),
    }
    partners["fct_indicator_pooled"] = partners["fct_indicator_pooled"].query("status != 'not_offered'")
    council = {
        "fct_indicator": made["council_indicator"],
        "fct_life_domain": made["council_life_domain"],
    }
    return {"partners": partners, "council": council}


def _figures(cells: pd.DataFrame) -> pd.DataFrame:
    """Values as the marts round them."""
    kinds = dict(zip(INDICATORS["indicator_code"], INDICATORS["kind"], strict=True))
    frame = cells.copy()
    kind = frame["indicator_code"].map(kinds)
    frame["value"] = [
        None if pd.isna(value) else round(float(value), decimals(each, int(n)))
        for value, each, n in zip(frame["value"], kind, frame["n"], strict=True)
    ]
    frame["numerator"] = frame["numerator"].astype(float).where(kind != "mean")
    return frame


def _outcomes(domains: pd.DataFrame) -> pd.DataFrame:
    frame = domains.copy()
    frame["low_share"] = (frame["low"] / frame["rated"]).round(2)
    frame["goal_attainment"] = (frame["goals_reached"] / frame["goals"]).round(2)
    return frame


def _shown(
    made: Mapping[str, pd.DataFrame], table: str, figures: pd.DataFrame, history: Sequence[Release]
) -> pd.DataFrame:
    """Figures where they are published, old ones where they wait."""
    name, key, columns = _TABLES[table]
    status = made[name]
    frame = status.merge(figures[[*key, *columns]], on=key, how="left")
    frame[columns] = frame[columns].astype(float)
    frame.loc[frame["status"] != "published", columns] = float("nan")
    if table == "fct_life_domain":
        for share, its in (("low_share", "low_status"), ("goal_attainment", "goal_status")):
            frame.loc[frame[its] != "published", share] = float("nan")
    for release, waiting in frame[frame["is_pending"]].groupby("kept_from"):
        old = history[int(release.split("-")[1])].published["partners"][table].set_index(key)
        places = pd.MultiIndex.from_frame(waiting[key])
        frame.loc[waiting.index, columns] = old.loc[places, columns].to_numpy(float)
    return frame


def _history(history: Sequence[Release]) -> History:
    """What left, as the ledger would have it."""
    parts = []
    for at, release in enumerate(history):
        final = steps.final_periods(pd.DataFrame({"period": sorted(set(release.truth.cells["period"]))}))
        for audience, tables in release.published.items():
            for table, frame in tables.items():
                _, key, columns = _TABLES[table]
                shown = [each for each in columns if each in frame]
                long = frame.melt([*key, "is_pending"], shown, "column_name", "shown")
                long = long.rename(
                    columns={"indicator_code": "code", "life_domain_code": "code", "shown": "value"}
                ).dropna(subset=["value"])
                long["delivery_status"] = long["period"].map(lambda each, final=final: "final" if each in final else "")
                parts.append(
                    long.assign(
                        number=at,
                        release_id=f"partners-{at}" if audience == "partners" else f"council-{at}",
                        audience=audience,
                        at=f"{at:06}",
                        table_name=table,
                        pooled_over=long.get("pooled_over", ""),
                    )
                )
    if not parts:
        return History()
    published = pd.concat(parts, ignore_index=True)
    members: dict[Key, list[Key]] = {}
    for release in history:
        found: dict[Key, list[Key]] = {}
        for *pool, code, area, period in release.truth.members[
            [*_POOLED, "member_indicator", "member_district", "member_period"]
        ].itertuples(index=False, name=None):
            found.setdefault(Key(POOLED, *pool), []).append(Key(INDICATOR, code.split("_")[0], code, area, period))
        members |= found
    tables = tables_of({at: _counts(release) for at, release in enumerate(history)})
    return replace(history_of(published, _settled(history[-1])), members=members, tables=tables)


def _counts(release: Release) -> pd.DataFrame:
    """The true counts of a release, one line per count."""
    parts = []
    for subject, frame, code, names in (
        (INDICATOR, release.truth.cells, "indicator_code", ["n", "numerator"]),
        (LIFE_DOMAIN, release.truth.domains, "life_domain_code", ["n", "improved", "stable", "worsened"]),
    ):
        key = ["consortium_code", "code", *_AREA]
        long = frame.rename(columns={code: "code"})[[*key, *names]].melt(key, var_name="count_name")
        parts.append(long.assign(subject=subject, value=long["value"].astype(int)))
    return pd.concat(parts, ignore_index=True)


def _settled(release: Release) -> dict[Key, Settled]:
    found = {}
    truths = {"fct_indicator": release.truth.cells, "fct_life_domain": release.truth.domains}
    for table, truth in truths.items():
        _, key, columns = _TABLES[table]
        names = [name for name in columns if name in ("n", "numerator", "improved", "stable", "worsened")]
        frame = release.published["partners"][table]
        both = frame[[*key, "status", "is_pending"]].merge(truth[[*key, *names]], on=key)
        for *place, status, is_pending, in_order in zip(
            *(both[name] for name in key),
            both["status"],
            both["is_pending"],
            both[names].astype(int).itertuples(index=False, name=None),
            strict=True,
        ):
            if not is_pending:
                found[Key(_SUBJECT[table], *place)] = Settled(status, dict(zip(names, in_order, strict=True)))
    return found
