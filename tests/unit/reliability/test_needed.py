"""Interviews still needed: with the number told the checks are content, with one fewer they are not."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from small_warehouse import THRESHOLDS

from pipeline.reliability.cells import KEY, cell_precision, measure_precision
from pipeline.reliability.judgement import judge, verdicts
from pipeline.reliability.needed import further_interviews
from pipeline.reliability.thresholds import Thresholds

NOW = Thresholds.on(THRESHOLDS, date(2026, 9, 1))
CELL = KEY[:4]
_UNUSED = ["asked", "answered", "interviewers", "at_an_end", "trend_points", "weights_effect"]
_CHECKS = ["privacy_minimum", "effective_n", "share_width", "mean_half_width"]
RANK = {"not_publishable": 0, "indicative": 1, "reliable": 2}


def table(kind, n, average, *, deviation=np.nan, per=1.0, rho=0.03, clients=np.nan, scale_range=9.0):
    """Figures of a survey from what they look like: average answer, spread, answers per interviewer."""
    n, average, deviation, per, clients = (
        np.asarray(column, float) for column in np.broadcast_arrays(n, average, deviation, per, clients)
    )
    return pd.DataFrame(
        {
            "consortium_code": "tom",
            "indicator_code": [f"i{number}" for number in range(len(n))],
            "district_code": "WK1",
            "period": "2024-H1",
            "pooled_over": "",
            "target_group": "client",
            "kind": kind,
            "scale": 1.0,
            "n": n,
            "numerator": average * n,
            "persons": n,
            "sum_of_squares": deviation**2 * (n - 1) + average**2 * n,
            "sum_of_squared_sizes": per * n,
            "rho": rho,
            "clients": clients,
            "population": np.where(clients >= n, clients, np.nan),
            "scale_range": scale_range,
            "value": average,
            **dict.fromkeys(_UNUSED, np.nan),
        }
    )


def needed(cells):
    precision = cell_precision(cells, 0.95)
    own = cells[CELL].assign(verdict="indicative")
    return further_interviews(cells, precision, own, NOW, 0.95)


def grades(cells):
    """The verdict of the checks on number and precision, as they are judged."""
    rows = measure_precision(cells, cell_precision(cells, 0.95), 0.95)
    judged = verdicts(judge(rows[rows["check_code"].isin(_CHECKS)], NOW), KEY)
    return cells[KEY].merge(judged, on=KEY)["verdict"].map(RANK).to_numpy()


def worlds(kind, size=400):
    rng = np.random.default_rng(11)
    n = rng.integers(2, 250, size)
    some = {
        "per": rng.uniform(1, 25, size),
        "rho": rng.choice([0.01, 0.03, 0.1], size),
        # half of the districts are small, of the other half nobody knows the clients
        "clients": np.where(rng.random(size) < 0.5, n + rng.integers(0, 300, size), np.nan),
    }
    if kind == "proportion":
        average = np.concatenate([[0, 1, 0.5, 0.01], rng.random(size - 4)])
        return n, {"average": average} | some
    return n, {"average": 7.0, "deviation": rng.uniform(0, 3, size)} | some


@pytest.mark.parametrize("kind", ["proportion", "mean"])
@pytest.mark.parametrize(("level", "rank"), [("indicative", 1), ("reliable", 2)])
def test_the_number_told_is_enough_and_one_fewer_is_not(kind, level, rank):
    n, about = worlds(kind)
    found = needed(table(kind, n, **about))
    more = found[f"needed_for_{level}"].to_numpy(float)
    assert (more > 0).sum() > 50
    possible = ~(n + more > about["clients"])
    assert (grades(table(kind, n + more, **about))[possible] >= rank).all()
    fewer = possible & (more > 0)
    assert (grades(table(kind, np.maximum(n + more - 1, 2), **about))[fewer] < rank).all()
    # who has enough already needs no more
    assert ((grades(table(kind, n, **about)) >= rank) <= (more == 0)).all()


def test_known_numbers():
    # sixty answers of one each: a share of .5 takes an effective 104, of .9 only 60
    found = needed(table("proportion", [60, 60], [0.5, 0.9]))
    assert found["needed_for_reliable"].tolist() == [44, 0]
    assert found["needed_for_indicative"].tolist() == [0, 0]
    # twenty per interviewer at .03 is a design effect of 1.57
    found = needed(table("proportion", [20], 0.5, per=20))
    assert found["needed_for_indicative"].tolist() == [54]  # 74, or an effective 47


def test_a_small_share_needs_as_many_as_its_own_size_asks():
    found = needed(table("proportion", [100], 0.02))
    # narrow enough for a share of .5 long before, but not for one of .02
    total = 100 + int(found["needed_for_indicative"].iloc[0])
    assert total > 140
    assert found["needed_for_indicative"].equals(found["needed_for_reliable"])


def test_districts_with_too_few_clients():
    # more answers than the register has clients; a district of eight; everybody answered; one answer of three
    cells = table("proportion", [30, 4, 30, 30], 0.5, clients=[25, 8, 30, 500])
    found = needed(cells)
    assert found["limited_by_clients"].tolist() == [True, True, False, False]
    assert found["needed_for_reliable"].tolist()[1:3] == [6, 0]
    assert found["needed_for_reliable"].tolist()[3] > 40


def test_what_cannot_be_said_is_missing():
    found = needed(table("mean", [1, 1], 7, deviation=1.0, clients=[np.nan, 1]))
    assert found["needed_for_reliable"].isna().all()
    assert found["limited_by_clients"].tolist() == [False, True]
    assert found["needed_for_reliable"].dtype == "Int64"


def test_every_figure_keeps_its_keys_and_verdict():
    cells = table("proportion", [30, 40], 0.5)
    own = cells[CELL].assign(verdict=["not_publishable", "indicative"]).iloc[::-1]
    found = further_interviews(cells, cell_precision(cells, 0.95), own, NOW, 0.95)
    assert list(found) == [
        *CELL,
        "target_group",
        "n",
        "verdict",
        "needed_for_indicative",
        "needed_for_reliable",
        "limited_by_clients",
    ]
    assert found["verdict"].tolist() == ["not_publishable", "indicative"]
    nobody = cells.iloc[:0]
    assert further_interviews(nobody, cell_precision(nobody, 0.95), own, NOW, 0.95).empty
