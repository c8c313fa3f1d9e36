"""Surveys of known truth as cells: how often the interval of a cell holds what it is about.

Each function draws many cells at once, as the sums that a cell is, and says for each whether its interval held the
truth.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.reliability.cells import KEY, cell_precision

_NUMBERS = ["n", "numerator", "persons", "sum_of_squares", "sum_of_squared_sizes", "rho", "population"]


def cells(kind: str, n, numerator, **more) -> pd.DataFrame:
    """Cells of one kind as ``cell_precision`` reads them; what is not given is missing, persons are n."""
    size = len(np.atleast_1d(n))
    columns = {"n": n, "numerator": numerator, "persons": n} | more
    numbers = {name: np.broadcast_to(np.asarray(columns.get(name, np.nan), float), size) for name in _NUMBERS}
    keys = {"consortium_code": "tom", "district_code": "WK1", "period": "2024-H1", "pooled_over": ""}
    table = pd.DataFrame(keys | {"indicator_code": [f"i{number}" for number in range(size)]})
    return table[KEY].assign(kind=kind, scale=more.get("scale", 1.0), **numbers)


def covered(table: pd.DataFrame, truth) -> np.ndarray:
    """Whether each interval of 95 % holds the truth."""
    found = cell_precision(table, 0.95)
    return ((found["ci_low"] <= truth + 1e-12) & (found["ci_high"] >= truth - 1e-12)).to_numpy()


def shares_of_finite_populations(rng, draws, population, n, share):
    """Clients of a district of whom a part was asked; the truth is the share of these clients.

    As the share of all clients in one world, which would make coverage jump with the few values that a small n can
    give, each draw has a population of its own with that share on average.
    """
    yes = rng.binomial(population, share, draws)
    counted = rng.hypergeometric(yes, population - yes, n)
    table = cells("proportion", np.full(draws, n), counted, rho=0.0, sum_of_squared_sizes=n, population=population)
    return covered(table, yes / population)


def means_of_finite_populations(rng, draws, population, n):
    """Marks from 1 to 10 of clients of whom a part was asked."""
    marks = np.clip(np.round(rng.normal(7.4, 1.4, (draws, population))), 1, 10)
    asked = marks[:, :n]  # the order of independent marks is as good as any
    table = cells(
        "mean",
        np.full(draws, n),
        asked.sum(axis=1),
        sum_of_squares=(asked**2).sum(axis=1),
        rho=0.0,
        sum_of_squared_sizes=n,
        population=population,
    )
    return covered(table, marks.mean(axis=1))


def answers_to_interviewers(rng, draws, kind, rho, sizes, *, share=0.7):
    """Answers of which a part rho of the variance lies between interviewers, who took different numbers.

    Interviewers differ by a normal deviate (means) or by a beta distributed chance (shares).
    """
    sizes = np.asarray(sizes)
    n, squares = int(sizes.sum()), int((sizes**2).sum())
    if kind == "proportion":
        alike = (1 - rho) / rho
        chance = rng.beta(share * alike, (1 - share) * alike, (draws, len(sizes)))
        total, of_squares, truth = rng.binomial(sizes, chance).sum(axis=1), np.nan, share
    else:
        who = np.repeat(np.arange(len(sizes)), sizes)
        answers = np.sqrt(rho) * rng.standard_normal((draws, len(sizes)))[:, who]
        answers = 7 + 1.4 * (answers + np.sqrt(1 - rho) * rng.standard_normal((draws, n)))
        total, of_squares, truth = answers.sum(axis=1), (answers**2).sum(axis=1), 7
    table = cells(kind, np.full(draws, n), total, sum_of_squares=of_squares, rho=rho, sum_of_squared_sizes=squares)
    return covered(table, truth)
