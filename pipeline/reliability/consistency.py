"""Whether the items of a scale measure the same thing: alpha, omega, item-rest correlations.

Belongs here: statistics from variances and covariances of items, and thin functions that make those from the answers.
Respondents with a gap are left out as a whole: alpha of a total is about people who have one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

from pipeline.reliability.arrays import (
    Bounds,
    Floats,
    check_confidence,
    complete_rows,
    floats,
    or_nan,
    quantile,
    ratio,
    refuse,
)

# R's factanal keeps uniquenesses above this part of an item's variance; a solution at the edge is none.
_LEAST_UNIQUENESS = 0.005


def cronbach_alpha(answers: ArrayLike) -> float:
    """Cronbach's alpha (1951) of answers, with respondents who answered everything.

    Args:
        answers: one row per respondent, one column per item, reversed items already turned; NaN is no answer.

    Returns:
        Alpha; NaN with fewer than two items or respondents, or when all totals are equal.
    """
    covariance = _covariance(answers)
    return float(cronbach_alpha_from_sums(len(covariance), np.trace(covariance), covariance.sum()))


def cronbach_alpha_from_sums(items: ArrayLike, item_variances: ArrayLike, total_variance: ArrayLike) -> Floats:
    """Cronbach's alpha, k/(k - 1) (1 - sum of item variances / variance of the total).

    Args:
        items: k, number of items.
        item_variances: the sum of the items' sample variances.
        total_variance: the sample variance of the respondents' totals, over the same respondents.

    Returns:
        Alpha, at most 1 and possibly negative; NaN for one item or totals that do not differ.

    Raises:
        ValueError: for a negative variance.
    """
    items, item_variances, total_variance = floats(items, item_variances, total_variance)
    refuse((item_variances < 0) | (total_variance < 0), "scales have a negative variance")
    several = or_nan(items, items >= 2)
    return several / (several - 1) * (1 - ratio(item_variances, total_variance))


def feldt_interval(alpha: ArrayLike, n: ArrayLike, items: ArrayLike, confidence: float) -> Bounds:
    """Feldt's interval of alpha (Feldt, Woodruff and Salih 1987): F with n - 1 and (n - 1)(k - 1) degrees of freedom.

    A variant with n(k - 1) circulates (the R package statpsych); it differs in the fourth decimal.

    Args:
        alpha: Cronbach's alpha.
        n: number of respondents.
        items: k, number of items.
        confidence: between 0 and 1.

    Returns:
        Lower and upper bound; NaN with fewer than two respondents or items.

    Raises:
        ValueError: for an alpha above 1, or a confidence outside 0..1.
    """
    alpha, n, items = _alpha(alpha, n, items)
    check_confidence(confidence)
    usable = (n >= 2) & (items >= 2)
    first, second = or_nan(n - 1, usable), or_nan((n - 1) * (items - 1), usable)
    return tuple(
        1 - (1 - alpha) * stats.f.ppf(at, first, second) for at in ((1 + confidence) / 2, (1 - confidence) / 2)
    )


def bonett_interval(alpha: ArrayLike, n: ArrayLike, items: ArrayLike, confidence: float) -> Bounds:
    """Bonett's interval of alpha (2002): 1 - exp(ln(1 - alpha) ± z sqrt(2k/((k - 1)(n - 2)))).

    Args:
        alpha: Cronbach's alpha.
        n: number of respondents.
        items: k, number of items.
        confidence: between 0 and 1.

    Returns:
        Lower and upper bound; NaN with fewer than three respondents or two items.

    Raises:
        ValueError: for an alpha above 1, or a confidence outside 0..1.
    """
    alpha, n, items = _alpha(alpha, n, items)
    z = quantile(confidence)
    usable = (n >= 3) & (items >= 2)
    half = z * np.sqrt(2 * or_nan(items, usable) / (or_nan(items - 1, usable) * or_nan(n - 2, usable)))
    return 1 - (1 - alpha) * np.exp(half), 1 - (1 - alpha) * np.exp(-half)


def item_rest_correlations(answers: ArrayLike) -> Floats:
    """The correlation of each item with the total of the others, over respondents who answered everything.

    Args:
        answers: one row per respondent, one column per item; NaN is no answer.

    Returns:
        One correlation per item; NaN where the item or the rest does not vary.
    """
    covariance = _covariance(answers)
    return item_rest_from_sums(np.diag(covariance), covariance.sum(axis=0), covariance.sum())


def item_rest_from_sums(
    item_variance: ArrayLike, item_total_covariance: ArrayLike, total_variance: ArrayLike
) -> Floats:
    """The corrected item-rest correlation (Nunnally and Bernstein 1994): that of an item with the total without it.

    (cov(item, total) - var(item)) / sqrt(var(item) (var(total) + var(item) - 2 cov(item, total))).

    Args:
        item_variance: sample variance of the item.
        item_total_covariance: its sample covariance with the total, itself included.
        total_variance: sample variance of the total.

    Returns:
        From -1 to 1; NaN where the item or the rest does not vary.

    Raises:
        ValueError: for a negative variance.
    """
    own, shared, total = floats(item_variance, item_total_covariance, total_variance)
    refuse((own < 0) | (total < 0), "items have a negative variance")
    rest = total + own - 2 * shared
    # What is left of a rest that does not vary is rounding.
    rest = np.where(rest > 1e-12 * (total + own), rest, 0.0)
    return np.clip(ratio(shared - own, np.sqrt(own * rest)), -1, 1)


def omega_total(answers: ArrayLike) -> float:
    """McDonald's omega of answers under one factor, over respondents who answered everything.

    Args:
        answers: one row per respondent, one column per item; NaN is no answer.

    Returns:
        Omega, or NaN as ``omega_total_from_covariance``.
    """
    covariance = _covariance(answers)
    return float(omega_total_from_covariance(covariance)) if len(covariance) else np.nan


def omega_total_from_covariance(covariance: ArrayLike) -> Floats:
    """McDonald's omega (1999): (sum of loadings)² / ((sum of loadings)² + sum of unique variances), one factor.

    Loadings by maximum likelihood, as Jöreskog (1967): for given unique variances the best loadings follow from the
    first eigenvector, and the unique variances are then searched.

    Args:
        covariance: one or more k × k sample covariance matrices, shape (..., k, k).

    Returns:
        One omega per matrix. NaN with fewer than three items, with an item that does not vary, when items are linear
        combinations of each other, when the search does not converge, or when it ends where an item has no variance of
        its own (a Heywood case, no proper solution).

    Raises:
        ValueError: for anything but square matrices.
    """
    matrices = np.asarray(covariance, dtype=float)
    if matrices.ndim < 2 or matrices.shape[-1] != matrices.shape[-2]:
        raise ValueError("covariances form square matrices")
    flat = matrices.reshape(-1, *matrices.shape[-2:])
    return np.array([_omega(one) for one in flat], dtype=float).reshape(matrices.shape[:-2])


def _omega(covariance: Floats) -> float:
    items = len(covariance)
    variance = np.diag(covariance)
    if items < 3 or not np.isfinite(covariance).all() or (variance <= 0).any():
        return np.nan
    deviation = np.sqrt(variance)
    correlation = covariance / np.outer(deviation, deviation)
    if np.linalg.eigvalsh(correlation)[0] < 1e-10:
        return np.nan

    def misfit(unique: Floats) -> tuple[float, Floats]:
        scale = 1 / np.sqrt(unique)
        values, vectors = np.linalg.eigh(correlation * np.outer(scale, scale))
        loadings = vectors[:, -1] * np.sqrt(max(values[-1] - 1, 0)) / scale
        fitted_less_seen = np.outer(loadings, loadings) + np.diag(unique) - correlation
        return float(np.sum(values[:-1] - np.log(values[:-1]) - 1)), np.diag(fitted_less_seen) / unique**2

    start = np.clip(1 / np.diag(np.linalg.inv(correlation)) * (1 - 0.5 / items), 2 * _LEAST_UNIQUENESS, 1)
    found = optimize.minimize(
        misfit,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(_LEAST_UNIQUENESS, 1.0)] * items,
        options={"maxiter": 1000, "ftol": 1e-15, "gtol": 1e-9},
    )
    unique = found.x
    # Near the optimum the line search may give up on rounding; the gradient says whether it had arrived.
    if np.abs(misfit(unique)[1]).max() > 1e-4 or (unique <= _LEAST_UNIQUENESS * 1.01).any():
        return np.nan
    scale = 1 / np.sqrt(unique)
    values, vectors = np.linalg.eigh(correlation * np.outer(scale, scale))
    loadings = vectors[:, -1] * np.sqrt(max(values[-1] - 1, 0)) / scale * deviation
    common = loadings.sum() ** 2
    return float(common / (common + (unique * variance).sum()))


def _covariance(answers: ArrayLike) -> Floats:
    values = complete_rows(answers, "answers")
    if len(values) < 2:
        return np.full((values.shape[1],) * 2, np.nan)
    return np.atleast_2d(np.cov(values, rowvar=False)) if values.shape[1] else np.empty((0, 0))


def _alpha(alpha: ArrayLike, n: ArrayLike, items: ArrayLike) -> list[Floats]:
    alpha, n, items = floats(alpha, n, items)
    refuse(alpha > 1, "alphas are above 1")
    return [alpha, n, items]
