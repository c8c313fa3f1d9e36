"""Controlled rounding: counts to multiples of a base such that all sums still hold (rule T1).

Belongs here: finding the closest additive rounding of cells that hang together. Does not belong here: when rounding is
chosen instead of hiding, and what a reader may conclude from a rounded figure (the audit).

A zero-restricted rounding (Cox & Ernst 1982, INFOR 20, 423-432) takes each count to a multiple that lies less than the
base away, so that a multiple stays what it is. Tables of one or two dimensions always have one; of three they need not
(Causey, Cox & Ernst 1985, JASA 80, 903-909). Where there is none, the next multiples are allowed too: less than twice
the base away. In both cases the total distance is minimal. Which of the two it was shows from the distances.

The closest rounding tells more than that: who knows this program and sees 0 knows that 3 would as a rule have become 5.
With lots each count is drawn up or down instead, and the rounding is the one that keeps most of the draws. Every table
less than the base away from what is shown could then have led to it, by some lots.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Ints = NDArray[np.int64]


class NoRounding(Exception):
    """No additive rounding lies within twice the base of every count."""


def rounded(
    problem_cells: Sequence[tuple[Hashable, int]],
    equations: Sequence[Mapping[Hashable, int]],
    base: int,
    *,
    lots: Mapping[Hashable, float] | None = None,
    first: Collection[Hashable] = (),
    somebody: Collection[Hashable] = (),
) -> dict[Hashable, int]:
    """Round counts to multiples of a base, keeping every equation, as close to the counts as possible.

    Args:
        problem_cells: pairs of a cell's key and its count; keys can be sorted. A cell that occurs in several tables is
            one cell here, and so gets one value.
        equations: for each, coefficients by key; coefficient x count adds up to 0.
        base: at least 2.
        lots: for each key a number from 0 up to 1: a count goes up when its lot lies below its distance from the
            multiple below, in bases. All counts then stay less than the base away. Closest when None.
        first: keys of which the draw counts for more than those of all others together.
        somebody: keys that become no 0 unless they are 0.

    Returns:
        The multiple for each key; none is negative for a count that is not. The order of cells and equations does not
        matter.

    Raises:
        NoRounding: when none exists, even with the next multiples where these are allowed.
        ValueError: for a key that occurs twice or has no lot, an equation that names no cell or does not hold on the
            counts, or a base below 2. No count is shown.
    """
    if base < 2:
        raise ValueError("a base is at least 2")
    counts = dict(problem_cells)
    if len(counts) < len(problem_cells):
        raise ValueError(f"{len(problem_cells) - len(counts)} keys occur more than once")
    keys = sorted(counts)
    values = np.array([counts[key] for key in keys], dtype=np.int64)
    matrix = _matrix(keys, equations)
    if (matrix @ values).any():
        raise ValueError("an equation does not hold on the counts")
    if not keys:
        return {}
    lower, rest = np.divmod(values, base)
    costs = base - 2 * rest
    if lots is not None:
        if lacking := sum(key not in lots for key in keys):
            raise ValueError(f"{lacking} keys have no lot")
        costs = np.array([-1 if lots[key] * base < left else 1 for key, left in zip(keys, rest, strict=True)])
        costs *= np.where([key in first for key in keys], len(keys), 1)
    must_rise = np.array([key in somebody for key in keys]) & (lower == 0) & (rest > 0)
    for next_too in (False,) if lots is not None else (False, True):
        steps = _closest(matrix, lower, rest, costs, must_rise, base, next_too)
        if steps is not None:
            return {key: int(base * each) for key, each in zip(keys, lower + steps, strict=True)}
    raise NoRounding(f"no additive rounding to {base} of these {len(keys)} cells")


def _matrix(keys: list[Hashable], equations: Sequence[Mapping[Hashable, int]]) -> sparse.csr_array:
    """Equations x cells, in an order of their own and without repeats."""
    place = {key: at for at, key in enumerate(keys)}
    strange = {key for terms in equations for key in terms} - set(place)
    if strange:
        raise ValueError(f"equations name {len(strange)} cells that do not exist")
    rows = sorted({tuple(sorted((place[key], int(c)) for key, c in terms.items() if c)) for terms in equations} - {()})
    entries = np.array([(at, column, c) for at, row in enumerate(rows) for column, c in row], dtype=np.int64)
    at, columns, coefficients = entries.reshape(-1, 3).T
    return sparse.csr_array((coefficients, (at, columns)), shape=(len(rows), len(keys)), dtype=np.int64)


def _closest(
    matrix: sparse.csr_array,
    lower: Ints,
    rest: Ints,
    costs: Ints,
    must_rise: NDArray[np.bool_],
    base: int,
    next_too: bool,
) -> Ints | None:
    """How many multiples each cell goes up from the one below it, at the least total cost; None when none fits.

    The distance is convex in the number of multiples, so that it is a sum over three yes-or-no steps: one up, one
    further up, one down.
    """
    import highspy

    from pipeline.disclosure.attacker import new_solver, run

    further = next_too & (rest > 0)
    up = next_too | (rest > 0)
    down = next_too & (lower != 0)
    signed = sparse.hstack([matrix, matrix, -matrix], format="csr")
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = signed.shape[1], signed.shape[0]
    model.col_cost_ = np.concatenate([costs, np.full(2 * len(rest), base)]).astype(float)
    model.col_lower_ = np.concatenate([must_rise, np.zeros(2 * len(rest))]).astype(float)
    model.col_upper_ = np.concatenate([up, further, down]).astype(float)
    model.row_lower_ = model.row_upper_ = -(matrix @ lower).astype(float)
    model.integrality_ = [highspy.HighsVarType.kInteger] * signed.shape[1]
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_ = signed.indptr.astype(np.int32)
    model.a_matrix_.index_ = signed.indices.astype(np.int32)
    model.a_matrix_.value_ = signed.data.astype(float)
    solver = new_solver(mip_rel_gap=0.0)
    solver.passModel(model)
    if run(solver) == highspy.HighsModelStatus.kInfeasible:
        return None
    taken = np.rint(solver.getSolution().col_value).astype(np.int64).reshape(3, -1)
    # no solver is trusted with the sums
    steps = taken[0] + taken[1] - taken[2]
    is_within = (taken >= 0).all() and (taken <= [up, further, down]).all() and (taken[0] >= must_rise).all()
    if not is_within or (matrix @ (lower + steps)).any():
        raise RuntimeError("HiGHS returned a rounding that does not add up")
    return steps
