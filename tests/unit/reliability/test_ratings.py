"""Agreement of second ratings from counts: by hand, pooled over half-years, and the reliability that follows."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.reliability import ratings
from pipeline.reliability.agreement import gwet, krippendorff_alpha, quadratic_kappa
from pipeline.reliability.interviewers import icc

THRESHOLDS = {"minimum_double_ratings": 50, "usual_rating_reliability": 0.7, "interviewer_effect_half_years": 4}
DOMAIN = {"consortium_code": "tom", "instrument": "zrm", "edition": "2017", "scale_code": "financien"}
LADDER = {"consortium_code": "tom", "instrument": "ladder", "edition": "", "scale_code": "participation"}
PAIRS = [(1, 1, 10), (2, 3, 5), (3, 3, 20), (5, 4, 5), (5, 5, 20)]
STATISTICS = ["exact", "within_one", "kappa", "ac2", "ac2_low", "alpha", "icc"]


def second(period, pairs=PAIRS, scale=DOMAIN):
    return pd.DataFrame([{**scale, "period": period, "first_score": a, "second_score": b, "n": n} for a, b, n in pairs])


def level(*periods, scale=DOMAIN):
    return pd.DataFrame([{**scale, "period": period, "score": 3, "n": 9} for period in periods])


def agreement(counts, levels):
    found = ratings.rating_agreement(counts, levels, THRESHOLDS, 0.95)
    return found.set_index(["scale_code", "period"])


def test_agreement_by_hand_and_as_the_raw_ratings_give_it():
    found = agreement(second("2024-H1"), level("2024-H1")).loc[("financien", "2024-H1")]
    # Fifty of sixty alike, the other ten one step apart. Sums: x 200, y 200, x² 830, y² 810 - 10 lie apart by 1.
    assert (found["pairs"], found["pairs_pooled"], found["within_one"]) == (60, 60, 1)
    assert found["exact"] == pytest.approx(50 / 60)
    x, y = (np.repeat([pair[side] for pair in PAIRS], [pair[2] for pair in PAIRS]).astype(float) for side in (0, 1))
    apart = ((x - y) ** 2).mean()
    assert found["kappa"] == pytest.approx(1 - apart / (x.var() + y.var() + (x.mean() - y.mean()) ** 2))
    assert found["kappa"] == pytest.approx(quadratic_kappa(x, y))
    raw, scale = np.stack([x, y], axis=1), range(1, 6)
    assert found["ac2"] == pytest.approx(gwet(raw, scale, "quadratic").coefficient)
    assert found["alpha"] == pytest.approx(krippendorff_alpha(raw, scale, "ordinal"))
    assert found["reliability"] == found["icc"] == pytest.approx(icc(raw).icc_2_1)
    assert found["reliability_source"] == "second_ratings"


def test_pairs_count_for_four_half_years_and_no_longer():
    periods = ["2023-H2", "2024-H1", "2024-H2", "2025-H1", "2025-H2", "2026-H1"]
    found = agreement(second("2024-H1"), level(*periods)).loc["financien"]
    assert found["pairs"].tolist() == [0, 60, 0, 0, 0, 0]
    assert found["pairs_pooled"].tolist() == [0, 60, 60, 60, 60, 0]
    assert found["reliability"].iloc[[0, 5]].tolist() == [0.7, 0.7]
    assert (found["half_year_kappa"].notna() == [False, True, False, False, False, False]).all()


def test_too_few_pairs_or_no_spread_leave_the_usual_reliability():
    for pairs, source in (([(1, 1, 25), (4, 4, 25)], "second_ratings"), ([(1, 1, 25), (4, 4, 24)], "usual")):
        found = agreement(second("2024-H1", pairs), level("2024-H1")).loc[("financien", "2024-H1")]
        assert found["reliability_source"] == source
        assert found["reliability"] == {"second_ratings": 0.99, "usual": 0.7}[source]
    alike = agreement(second("2024-H1", [(5, 5, 80)]), level("2024-H1")).loc[("financien", "2024-H1")]
    assert (alike["reliability_source"], alike["reliability"], alike["ac2"]) == ("usual", 0.7, 1)
    assert np.isnan(alike["icc"])
    opposite = agreement(second("2024-H1", [(1, 5, 40), (5, 1, 40)]), level("2024-H1")).loc[("financien", "2024-H1")]
    assert (opposite["reliability_source"], opposite["reliability"]) == ("second_ratings", 0)


def test_the_scale_is_the_instrument_s_own():
    pairs = [(1, 2, 3), (2, 2, 30), (3, 2, 27)]
    counts = pd.concat([second("2024-H1", pairs), second("2024-H1", pairs, LADDER)])
    found = agreement(counts, level("2024-H1"))
    matrix, ladder = (found.loc[(code, "2024-H1")] for code in ("financien", "participation"))
    assert matrix["kappa"] == pytest.approx(ladder["kappa"])
    assert matrix["ac2"] < ladder["ac2"]
    with pytest.raises(ValueError, match="outside the scale"):
        agreement(second("2024-H1", [(6, 5, 1)]), level("2024-H1"))
    seeds = Path(__file__).parents[3] / "seeds"
    with (seeds / "participation_ladder.csv").open() as rungs:
        assert ratings.SCORES["ladder"] == tuple(int(row["rung"]) for row in csv.DictReader(rungs))


def test_all_stacks_scales_of_one_edition_and_no_ratings_make_an_empty_table():
    other = {**DOMAIN, "scale_code": "huisvesting"}
    old = {**DOMAIN, "edition": "2013"}
    counts = pd.concat([second("2024-H1"), second("2024-H1", scale=other), second("2024-H1", [(1, 2, 7)], old)])
    found = ratings.rating_agreement(counts, level("2024-H1"), THRESHOLDS, 0.95)
    stacked = found[found["scale_code"] == "all"].set_index("edition")
    assert stacked["pairs"].to_dict() == {"2013": 7, "2017": 120}
    assert not found.duplicated(ratings.SCALE).any()
    empty = ratings.rating_agreement(second("2024-H1")[:0], level("2024-H1")[:0], THRESHOLDS, 0.95)
    assert empty.columns.tolist() == found.columns.tolist()
    assert empty.empty


def test_measurements_take_the_half_year_when_it_has_enough_and_else_what_came_before():
    other = {**DOMAIN, "scale_code": "huisvesting"}
    bad = [(1, 5, 6), (5, 5, 4)]
    counts = pd.concat(
        [
            second("2024-H1"),
            second("2024-H1", [(4, 4, 30)], other),
            second("2024-H2", bad),
            second("2024-H2", bad, other),
        ]
    )
    cells = pd.DataFrame(
        [
            ("tom", instrument, indicator, "WK1", period)
            for instrument, indicator in (("zrm", "tom_zrm_verbeterd"), ("ladder", "tom_participatie"))
            for period in ("2024-H1", "2024-H2")
        ],
        columns=["consortium_code", "instrument", "indicator_code", "district_code", "period"],
    )
    found = ratings.double_rating_measurements(counts, cells, THRESHOLDS, 0.95).set_index(["indicator_code", "period"])
    assert found.columns.tolist() == (
        ["consortium_code", "district_code", "check_code", "value", "second_value", "ci_low", "ci_high", "n", "n_eff"]
    )
    enough, few = (found.loc[("tom_zrm_verbeterd", period)] for period in ("2024-H1", "2024-H2"))
    # Sixty clients of whom thirty were rated twice on another domain too: ninety pairs, sixty of them clients.
    assert (enough["n"], enough["n_eff"]) == (60, 90)
    x, y = (np.repeat([p[side] for p in [*PAIRS, (4, 4, 30)]], [p[2] for p in [*PAIRS, (4, 4, 30)]]) for side in (0, 1))
    assert enough["value"] == pytest.approx(quadratic_kappa(x, y))
    assert enough["ci_low"] < enough["second_value"] < enough["ci_high"]
    # Ten clients in a bad half-year: the ninety pairs before it count too.
    assert (few["n"], few["n_eff"]) == (10, 110)
    assert 0 < few["value"] < enough["value"]
    nobody = found.loc["tom_participatie"]
    assert nobody["n"].tolist() == [0, 0]
    assert nobody["value"].isna().all()
