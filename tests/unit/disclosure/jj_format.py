"""Reads and writes the JJ format in which τ-Argus hands cell-suppression problems to its solvers.

The layout follows what τ-Argus writes (class CJJFormat of libtauargus, EUPL):

    0                                                       always
    4                                                       number of cells
    0 190 10 s 0 380 0 0 0                                  one line for each cell, numbered from 0
    ...
    1                                                       number of equations
    0 4 : 0 (-1) 1 (1) 2 (1) 3 (1)                          constant, number of cells, cell (coefficient) ...

A cell line is: number, value, cost, status, lower and upper bound, lower, upper and sliding protection level. Status: u
must be hidden, m was hidden before, s may be hidden, z is known or must be shown, p must be shown.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal

from pipeline.disclosure.problem import Cell, Equation, Problem, Status

_STATUS = {
    "u": Status.MUST_HIDE,
    "m": Status.MUST_HIDE,
    "s": Status.MAY_HIDE,
    "z": Status.KNOWN,
    "p": Status.MUST_SHOW,
}
_LETTER = {Status.MUST_HIDE: "u", Status.MAY_HIDE: "s", Status.KNOWN: "z", Status.MUST_SHOW: "p"}
_TERM = re.compile(r"(\d+)\s*\(\s*([-+]?\d+)(?:\.0*)?\s*\)")


def read_jj(text: str) -> Problem:
    """Read a problem.

    Args:
        text: contents of a file. Values with decimals are taken in their smallest unit; levels are rounded up to it.

    Returns:
        The problem, its cells named by their number.

    Raises:
        ValueError: when the text is not in the format.
    """
    lines = [line.split() for line in text.splitlines() if line.strip()]
    if len(lines) < 3 or lines[0] != ["0"]:
        raise ValueError("the first line of a JJ file is 0")
    cells = int(lines[1][0])
    rows = lines[2 : 2 + cells]
    if len(rows) < cells or any(len(row) != 9 for row in rows):
        raise ValueError("a cell line of a JJ file has nine parts")
    equations = [" ".join(line) for line in lines[3 + cells : 3 + cells + int(lines[2 + cells][0])]]
    places = max(-Decimal(row[1]).as_tuple().exponent for row in rows)
    unit = Decimal(10) ** max(places, 0)
    made = tuple(_cell(row, unit) for row in rows)
    return Problem(made, tuple(_equation(line, unit) for line in equations))


def write_jj(problem: Problem) -> str:
    """Write a problem whose cells are named 0, 1, 2, ...

    Args:
        problem: cells and equations.

    Returns:
        The contents of a file.
    """
    most = 2 * max(cell.value for cell in problem.cells) + 100
    lines = ["0", str(len(problem.cells))]
    for cell in problem.cells:
        upper = most if cell.upper is None else cell.upper
        levels = f"{cell.lower_level} {cell.upper_level} {cell.sliding_level}"
        lines.append(f"{cell.key} {cell.value} {cell.weight} {_LETTER[cell.status]} {cell.lower} {upper} {levels}")
    lines.append(str(len(problem.equations)))
    for equation in problem.equations:
        terms = " ".join(f"{key} ({coefficient})" for key, coefficient in equation.terms)
        lines.append(f"{equation.constant} {len(equation.terms)} : {terms}")
    return "\n".join(lines) + "\n"


def numbered(problem: Problem) -> Problem:
    """The same problem, its cells named 0, 1, 2, ... in their order."""
    number = {cell.key: at for at, cell in enumerate(problem.cells)}
    cells = tuple(
        Cell(
            number[c.key],
            c.value,
            c.weight,
            c.status,
            c.lower,
            c.upper,
            c.lower_level,
            c.upper_level,
            c.sliding_level,
        )
        for c in problem.cells
    )
    equations = (Equation(tuple((number[key], c) for key, c in e.terms), e.constant) for e in problem.equations)
    return Problem(cells, tuple(equations))


def _cell(row: list[str], unit: Decimal) -> Cell:
    number, value, cost, status, lower, upper, *levels = row
    if status not in _STATUS:
        raise ValueError(f"cell {number} has status {status!r}")
    true = int(Decimal(value) * unit)
    protection = [int((Decimal(level) * unit).to_integral_value(ROUND_CEILING)) for level in levels]
    hides = status == "u"
    return Cell(
        int(number),
        true,
        max(1, int(Decimal(cost))),
        _STATUS[status],
        min(true, int(Decimal(lower) * unit)),
        max(true, int(Decimal(upper) * unit)),
        *(protection if hides else (0, 0, 0)),
    )


def _equation(line: str, unit: Decimal) -> Equation:
    head, found, tail = line.partition(":")
    terms = _TERM.findall(tail)
    if not found or len(terms) != int(head.split()[1]):
        raise ValueError(f"an equation of a JJ file is 'constant cells : cell (coefficient) ...', not {line[:60]!r}")
    constant = int(Decimal(head.split()[0]) * unit)
    return Equation(tuple((int(number), int(coefficient)) for number, coefficient in terms), constant)
