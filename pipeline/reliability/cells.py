"""How precisely each cell is known: design effect, effective number, interval, and the measurements that follow.

Belongs here: what can be said from a cell's own sums. Does not belong here: what holds for a whole survey (surveys.py)
or rating (ratings.py), and what a measurement means (judgement.py).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from pipeline.reliability.arrays import Floats, ratio
from pipeline.reliability.comparison import benjamini_hochberg, dispersed_z, dispersion
from pipeline.reliability.intervals import byar
from pipeline.reliability.interviewers import interviewer_design_effect
from pipeline.reliability.pooling import CELL
from pipeline.reliability.precision import clopper_pearson, half_width, mean_interval, population_n, share_interval

KEY = [*CELL, "pooled_over"]
MEASUREMENT = [*KEY, "check_code", "value", "second_value", "ci_low", "ci_high", "n", "n_eff", "scale_range"]
_RELATIVE_KINDS = ["rate", "ratio"]


def cell_precision(cells: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Effective number and interval of each cell, own or pooled.

    A share or mean of answers counts for n/deff answers, deff = 1 + (m - 1) rho with m = sum(m²)/n, the mean over
    answers of how many their interviewer took: what unequal interviewers do to the variance of a mean (Kish 1965, sums
    of clusters). Where several figures come from one person (pairs, goals, files) persons count, deff = n/persons.
    A finite population narrows statements about these clients in this half-year.

    Args:
        cells: the five keys, kind, scale, n, numerator, persons, sum_of_squares (means), sum_of_squared_sizes (answers:
            sum over interviewers of m²; missing when unknown), rho (missing for what is no survey), population (missing
            when it is not known or does not hold).
        confidence: between 0 and 1.

    Returns:
        The five keys, design_effect, population (only where it narrowed the interval), n_eff (missing for rates,
        ratios and counts; infinite when everybody answered), ci_low, ci_high in the unit of the value (missing when
        there is no interval) and method (``wilson``, ``student_t``, ``byar`` or ``none``).

    Raises:
        ValueError: for sums that cannot be.
    """
    kind = cells["kind"].to_numpy(object)
    n, numerator, persons, squares, sizes, rho, population = (
        _floats(cells, name)
        for name in ("n", "numerator", "persons", "sum_of_squares", "sum_of_squared_sizes", "rho", "population")
    )
    asked = ~np.isnan(rho)
    per_interviewer = np.where(asked, np.nan_to_num(ratio(sizes, n), nan=1.0), 1.0)
    by_interviewers = interviewer_design_effect(per_interviewer, np.where(asked, rho, 0.0))
    by_persons = np.where((persons > 0) & (persons < n) & ~asked, ratio(n, persons), 1.0)
    effect = by_interviewers * by_persons
    # more answers than clients: the register does not hold everybody who was asked
    people = np.where(population >= n, population, np.nan)
    share, mean = kind == "proportion", kind == "mean"
    relative = np.isin(kind, _RELATIVE_KINDS)
    low, high, counts_for = (np.full(len(cells), np.nan) for _ in range(3))
    sampled = share | mean
    counts_for[sampled] = population_n(n[sampled], people[sampled], effect[sampled])
    low[share], high[share] = share_interval(
        numerator[share], n[share], confidence, population=people[share], design_effect=effect[share]
    )
    low[mean], high[mean] = mean_interval(
        n[mean], numerator[mean], squares[mean], confidence, population=people[mean], design_effect=effect[mean]
    )
    scale = _floats(cells, "scale")[relative]
    low[relative], high[relative] = byar(numerator[relative], n[relative], scale, confidence)
    method = np.select([share, mean, relative], ["wilson", "student_t", "byar"], "none")
    return cells[KEY].assign(
        design_effect=np.where(sampled, effect, np.nan),
        population=np.where(sampled, people, np.nan),
        n_eff=counts_for,
        ci_low=low,
        ci_high=high,
        method=np.where(np.isnan(low), "none", method),
    )


def measure_precision(cells: pd.DataFrame, precision: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Measurements of each cell's own figure: privacy, effective number, widths, interviewers.

    Args:
        cells: as for ``cell_precision``, with value, scale_range (means: highest minus lowest answer), asked, answered,
            interviewers, at_an_end (largest share of answers at an end of the scale), trend_points and weights_effect;
            the last six missing where they do not apply.
        precision: as ``cell_precision`` gives it, in the same order.
        confidence: between 0 and 1.

    Returns:
        Rows as ``judgement.judge`` takes them: the five keys and MEASUREMENT.
    """
    kind = cells["kind"].to_numpy(object)
    n, numerator, value, persons = (_floats(cells, name) for name in ("n", "numerator", "value", "persons"))
    counts_for, low, high = (_floats(precision, name) for name in ("n_eff", "ci_low", "ci_high"))
    somebody = n > 0
    share, mean = (kind == "proportion") & somebody, (kind == "mean") & somebody
    relative = np.isin(kind, _RELATIVE_KINDS) & somebody
    survey = ~np.isnan(_floats(cells, "rho")) & somebody
    exact = np.full(len(cells), np.nan)
    exact[share] = exact_width(numerator[share] / n[share], counts_for[share], confidence)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative_width = np.where(share, exact / ratio(numerator, n), np.nan)
        relative_width = np.where(share & (numerator == 0), np.inf, relative_width)
        byar_width = np.where(value > 0, (high - low) / value, np.inf)
    asked, answered = _floats(cells, "asked"), _floats(cells, "answered")
    parts = {
        "privacy_minimum": ((kind != "count") & somebody, {"value": np.where(np.isnan(persons), n, persons)}),
        "effective_n": (share | mean, {"value": counts_for}),
        "share_width": (share, {"value": exact, "second_value": relative_width}),
        "rate_width": (relative, {"value": byar_width}),
        "mean_half_width": (mean, {"value": half_width((low, high)), "scale_range": _floats(cells, "scale_range")}),
        "item_nonresponse": (survey & (asked > 0), {"value": ratio(asked - answered, asked), "n": asked}),
        "interviewers": (survey, {"value": np.nan_to_num(_floats(cells, "interviewers"))}),
        "weights_effect": (~np.isnan(_floats(cells, "weights_effect")), {"value": _floats(cells, "weights_effect")}),
        "floor_ceiling": (survey & (answered > 0), {"value": _floats(cells, "at_an_end")}),
        "trend_points": (
            somebody & ~np.isnan(_floats(cells, "trend_points")),
            {"value": _floats(cells, "trend_points")},
        ),
    }
    shared = {"n": n, "n_eff": counts_for, "ci_low": low, "ci_high": high}
    return pd.concat(
        [_rows(cells, code, where, shared | columns) for code, (where, columns) in parts.items()], ignore_index=True
    )


def measure_funnel(cells: pd.DataFrame, precision: pd.DataFrame) -> pd.DataFrame:
    """How far each district's share lies from all districts together, given how many answers it counts for.

    z on the arcsine scale with over-dispersion (Spiegelhalter 2005); p-values are adjusted over all shares of a
    consortium and half-year (Benjamini and Hochberg 1995). Finite populations do not count: this compares.

    Args:
        cells: own cells of districts: the five keys, kind, n and numerator.
        precision: as ``cell_precision`` gives it, in the same order.

    Returns:
        Rows as ``measure_precision`` gives them, with check_code funnel, value z and second_value the adjusted p.
    """
    of_shares = ((cells["kind"] == "proportion") & (cells["n"] > 0)).to_numpy()
    shares = cells[of_shares].reset_index(drop=True)
    if shares.empty:
        return _rows(shares, "funnel", np.zeros(0, dtype=bool), {})
    n = _floats(shares, "n") / _floats(precision[of_shares], "design_effect")
    # the product may end a hair above n
    numerator = np.minimum(n * (_floats(shares, "numerator") / _floats(shares, "n")), n)
    z = np.full(len(shares), np.nan)
    for at in shares.groupby(["indicator_code", "period"], sort=False).indices.values():
        # two districts are each other's only yardstick
        if len(at) > 2:
            spread = dispersion(numerator[at], n[at])
            z[at] = dispersed_z(numerator[at], n[at], spread.target, spread.tau_squared)
    p_value = 2 * stats.norm.sf(np.abs(z))
    family = (shares["consortium_code"] + "/" + shares["period"]).to_numpy(object)
    adjusted = benjamini_hochberg(p_value, family)
    columns = {"value": z, "second_value": adjusted, "n": _floats(shares, "n"), "n_eff": n}
    return _rows(shares, "funnel", ~np.isnan(z), columns)


def exact_width(share: Floats, counts_for: Floats, confidence: float) -> Floats:
    """Width of Clopper and Pearson's interval on the effective number (Korn and Graubard 1998).

    Args:
        share: from 0 to 1.
        counts_for: the effective number; infinite when everybody answered.
        confidence: between 0 and 1.

    Returns:
        Widths, 0 when everybody answered.
    """
    everybody = np.isinf(counts_for)
    size = np.where(everybody, 1.0, counts_for)
    low, high = clopper_pearson(share * size, size, confidence)
    return np.where(everybody, 0.0, high - low)


def _rows(cells: pd.DataFrame, code: str, where: NDArray[np.bool_], columns: Mapping[str, Floats]) -> pd.DataFrame:
    rows = cells.loc[where, KEY].assign(check_code=code)
    for name in MEASUREMENT[len(KEY) + 1 :]:
        rows[name] = columns[name][where] if name in columns else np.nan
    return rows


def _floats(frame: pd.DataFrame, name: str) -> Floats:
    return frame[name].to_numpy(dtype=float, na_value=np.nan)
