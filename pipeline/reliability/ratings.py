"""How well raters agree on one client at one moment: the table of second ratings, and the reliability that it gives.

Belongs here: from counts of double ratings to agreement per scale and half-year. The coefficients themselves are in
``agreement`` and ``interviewers``; what the reliability means for change is in ``progress``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipeline.periods import HalfYear
from pipeline.reliability.agreement import (
    agreement_within,
    cohen_kappa,
    gwet_of_pairs,
    krippendorff_from_coincidences,
)
from pipeline.reliability.arrays import Floats
from pipeline.reliability.interviewers import icc

if TYPE_CHECKING:
    from pipeline.reliability.thresholds import Thresholds

# scores of the Zelfredzaamheid-Matrix as in its manual, rungs as in seeds/participation_ladder.csv
SCORES: dict[str, tuple[int, ...]] = {"zrm": (1, 2, 3, 4, 5), "ladder": (1, 2, 3, 4, 5, 6)}
SCALE = ["consortium_code", "instrument", "edition", "scale_code", "period"]
ALL = "all"

# pairs that all agree prove no rating without error, and the chances of a second rating need some
_MOST_RELIABLE = 0.99


def rating_agreement(
    second_counts: pd.DataFrame, level_counts: pd.DataFrame, thresholds: Thresholds, confidence: float
) -> pd.DataFrame:
    """Agreement of second ratings with first ones, per scale and half-year.

    Coefficients are on the full scale, near misses count by their squared distance (alpha: ordinal), and they are NaN
    where they are not defined. Unless they say half_year they are over the pooled pairs: those of this half-year and of
    the ones before, ``interviewer_effect_half_years`` in all.

    Args:
        second_counts: as ``intermediate.int_ratings__second``: the five keys, first_score, second_score, n.
        level_counts: as ``intermediate.int_ratings__level``: the five keys, score, n. Every scale that is rated in a
            half-year gets a row, with or without second ratings.
        thresholds: minimum_double_ratings, usual_rating_reliability, interviewer_effect_half_years.
        confidence: of the bounds of AC2, between 0 and 1.

    Returns:
        consortium_code, instrument, edition, scale_code, period; pairs (of the half-year), half_year_kappa,
        half_year_ac2, half_year_ac2_low, half_year_ac2_high; pairs_pooled, exact, within_one (shares of pairs), kappa
        (Cohen), ac2, ac2_low, ac2_high (Gwet), alpha (Krippendorff), icc (ICC(A,1)); reliability, and
        reliability_source: ``second_ratings`` when the pooled pairs reach the minimum and have an ICC, cut off at 0
        and .99, else ``usual``. Scale ``all`` stacks the scales of an instrument and edition; its ICC also holds the
        differences between scales, and change does not use it.

    Raises:
        ValueError: for a score outside the scale.
    """
    keys = pd.concat([level_counts[SCALE], second_counts[SCALE]])
    keys = pd.concat([keys, keys.assign(scale_code=ALL)]).drop_duplicates().sort_values(SCALE, ignore_index=True)
    counts = pd.concat([second_counts, second_counts.assign(scale_code=ALL)], ignore_index=True)
    found = _agreement(keys, counts, thresholds, confidence)
    own = (found["pairs_pooled"] >= thresholds["minimum_double_ratings"]) & found["icc"].notna()
    return found.assign(
        reliability=found["icc"].clip(0, _MOST_RELIABLE).where(own, thresholds["usual_rating_reliability"]),
        reliability_source=np.where(own, "second_ratings", "usual"),
    )


def double_rating_measurements(
    second_counts: pd.DataFrame, cells: pd.DataFrame, thresholds: Thresholds, confidence: float
) -> pd.DataFrame:
    """Measurements of check ``double_ratings`` for the figures that come from ratings.

    Raters are judged for the municipality as a whole, all scales and editions of an instrument together. With enough
    double ratings the half-year speaks for itself; with fewer the pooled pairs give the coefficients, because a handful
    says nothing, while n remains what was done in this half-year.

    Args:
        second_counts: as ``rating_agreement``.
        cells: consortium_code, instrument, indicator_code, district_code, period.
        thresholds: minimum_double_ratings, interviewer_effect_half_years.
        confidence: between 0 and 1.

    Returns:
        The four keys of a cell, check_code, value (quadratic kappa), second_value (AC2), ci_low, ci_high (of AC2), n
        (double ratings of the half-year, counted on the scale that has most: a client who is rated twice on thirteen
        domains is one) and n_eff (pairs that the coefficients rest on); one row per cell, also without any.
    """
    group = ["consortium_code", "instrument", "period"]
    counts = second_counts.assign(edition=ALL, scale_code=ALL)
    keys = cells[group].drop_duplicates().assign(edition=ALL, scale_code=ALL)[SCALE].reset_index(drop=True)
    found = _agreement(keys, counts, thresholds, confidence)
    units = second_counts.groupby(SCALE)["n"].sum().groupby([*group, "edition"]).max().groupby(group).sum()
    found = found.join(units.rename("units"), on=group)
    found["units"] = found["units"].fillna(0)
    alone = found["units"] >= thresholds["minimum_double_ratings"]
    measured = found[group].assign(
        check_code="double_ratings",
        value=found["half_year_kappa"].where(alone, found["kappa"]),
        second_value=found["half_year_ac2"].where(alone, found["ac2"]),
        ci_low=found["half_year_ac2_low"].where(alone, found["ac2_low"]),
        ci_high=found["half_year_ac2_high"].where(alone, found["ac2_high"]),
        n=found["units"].astype(float),
        n_eff=found["pairs"].where(alone, found["pairs_pooled"]).astype(float),
    )
    return cells.merge(measured, on=group, how="left").drop(columns="instrument")


def over_half_years(counts: pd.DataFrame, half_years: int) -> pd.DataFrame:
    """The counts of each half-year with those of the half-years before it.

    Args:
        counts: period, n, and whatever tells counts apart.
        half_years: how many in all, this one included.

    Returns:
        The same columns; also half-years of which only an earlier one has counts.
    """
    later = {
        shift: {period: str(HalfYear.parse(period).shift(shift)) for period in counts["period"].unique()}
        for shift in range(half_years)
    }
    # text even where there is nothing: a frame would make numbers of it
    periods = [counts["period"].map(later[shift]).astype("str") for shift in range(half_years)]
    moved = pd.concat([counts.assign(period=period) for period in periods])
    return moved.groupby([name for name in counts.columns if name != "n"], as_index=False, dropna=False)["n"].sum()


def _agreement(keys: pd.DataFrame, counts: pd.DataFrame, thresholds: Thresholds, confidence: float) -> pd.DataFrame:
    """Coefficients per row of keys, from the counts of that half-year and from the pooled ones."""
    pooled_counts = over_half_years(counts, int(thresholds["interviewer_effect_half_years"]))
    parts = []
    # every instrument, also one without rows: so an empty table has its columns
    for instrument, scores in SCORES.items():
        own = keys[keys["instrument"] == instrument]
        half_year, pooled = (_pair_tables(own, some, scores) for some in (counts, pooled_counts))
        now, gwet = (gwet_of_pairs(tables, "quadratic", confidence=confidence) for tables in (half_year, pooled))
        parts.append(
            own.assign(
                pairs=half_year.sum(axis=(1, 2)).astype(int),
                half_year_kappa=cohen_kappa(half_year, "quadratic"),
                half_year_ac2=now.coefficient,
                half_year_ac2_low=now.low,
                half_year_ac2_high=now.high,
                pairs_pooled=pooled.sum(axis=(1, 2)).astype(int),
                exact=agreement_within(pooled),
                within_one=agreement_within(pooled, 1),
                kappa=cohen_kappa(pooled, "quadratic"),
                ac2=gwet.coefficient,
                ac2_low=gwet.low,
                ac2_high=gwet.high,
                alpha=krippendorff_from_coincidences(pooled + pooled.swapaxes(1, 2), scores, "ordinal"),
                icc=[_icc(table, scores) for table in pooled],
            )
        )
    return pd.concat(parts).sort_index()


def _pair_tables(keys: pd.DataFrame, counts: pd.DataFrame, scores: tuple[int, ...]) -> Floats:
    """One table of first by second score per row of keys, on the full scale."""
    own = keys[SCALE].assign(place=np.arange(len(keys))).merge(counts, on=SCALE)
    if not own[["first_score", "second_score"]].isin(scores).all(axis=None):
        raise ValueError("second ratings lie outside the scale")
    tables = np.zeros((len(keys), len(scores), len(scores)))
    at = tuple(own[name].to_numpy(int) - scores[0] for name in ("first_score", "second_score"))
    np.add.at(tables, (own["place"].to_numpy(int), *at), own["n"].to_numpy(float))
    return tables


def _icc(table: Floats, scores: tuple[int, ...]) -> float:
    pairs = np.array([(first, second) for first in scores for second in scores])
    return float(icc(np.repeat(pairs, table.astype(int).ravel(), axis=0)).icc_2_1)
