"""What the public gets: the municipality's figures, with counts as multiples of the base.

Belongs here: the rules for the council's edition, its rounding, and its tables. From rounded counts no change of one
person shows, nothing is shown for districts, and a figure that is hidden is hidden as a whole; so one figure is hidden
for another only where a total would tell too much of districts. Does not belong here: what partners get (protect).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from pipeline.disclosure.counts import INDICATOR, LIFE_DOMAIN, Key, Row
from pipeline.disclosure.history import COUNCIL, History
from pipeline.disclosure.protect import CHANGE, JOINT, UNRELIABLE, Decided, Known
from pipeline.disclosure.rules import (
    CATEGORIES,
    NO_DATA,
    PRIMARY,
    PUBLISHED,
    SECONDARY,
    judge_categories,
    judge_indicator,
    judge_share,
)

INDICATOR_COLUMNS = [
    "consortium_code",
    "indicator_code",
    "district_code",
    "period",
    "status",
    "rule",
    "is_pending",
    "n",
    "numerator",
    "value",
    "ci_low",
    "ci_high",
]
LIFE_DOMAIN_COLUMNS = [
    "consortium_code",
    "life_domain_code",
    "district_code",
    "period",
    "status",
    "rule",
    "is_pending",
    "n",
    *CATEGORIES,
    "low_share",
    "goal_attainment",
]
# a whole per cent below this many people, a tenth from there (rule R1)
_FINE = 1000
_FINE_MEAN = 200


@dataclass(frozen=True)
class Edition:
    """The council's edition.

    Attributes:
        decided: per figure of the municipality.
        counts: rounded counts of those that are shown; residents are public and stay as they are.
    """

    decided: Mapping[Key, Decided]
    counts: Mapping[Key, Mapping[str, int]]


def edition(rows: Sequence[Row], known: Known) -> Edition:
    """Decide which figures of the municipality the public gets.

    Args:
        rows: as ``judged_rows`` gives them.
        known: what is known besides.
    """
    decided: dict[Key, Decided] = {}
    counts: dict[Key, dict[str, int]] = {}
    for row in rows:
        if not row.is_municipality or row.key.subject not in (INDICATOR, LIFE_DOMAIN):
            continue
        limits = known.limits(row.key.period)
        if row.kind == "categories":
            judgement = judge_categories(row.counts, row.persons, limits, public=True)
        else:
            sensitive = known.sensitive[row.key.code]
            scores = known.scores.get(row.key.code)
            judgement = judge_indicator(row.kind, sensitive, row.counts, row.persons, limits, True, scores)
        if not row.has_data:
            decided[row.key] = Decided(NO_DATA)
        elif judgement.rule:
            decided[row.key] = Decided(PRIMARY, judgement.rule)
        elif row.verdict == "not_publishable":
            decided[row.key] = Decided(UNRELIABLE)
        else:
            decided[row.key] = Decided(PUBLISHED)
            counts[row.key] = {
                name: _nearest(count, limits.base) if name in row.secret_counts else count
                for name, count in row.counts.items()
                # of a mean the public gets n, and no sum of scores
                if name != "complement" and not (row.kind == "mean" and name == "numerator")
            }
    return Edition(decided, counts)


def waiting(made: Edition, decided: Mapping[Key, Decided], history: History, withheld: Collection[Key] = ()) -> Edition:
    """The edition without what tells too much of districts (D5), in which figures wait for which partners wait (D3).

    Args:
        made: as ``edition`` gives it.
        decided: for partners.
        history: what has left.
        withheld: figures that tell too much of districts.
    """
    late = [key for key, each in decided.items() if each.is_pending and made.decided.get(key, each).status == PUBLISHED]
    of_council = history.shown[COUNCIL]
    changed = {
        key: replace(made.decided[key], is_pending=True) if key in of_council else Decided(SECONDARY, CHANGE)
        for key in late
        if key in made.decided
    }
    changed |= {key: Decided(SECONDARY, JOINT) for key in withheld if key not in changed}
    counts = {key: each for key, each in made.counts.items() if key not in changed}
    counts |= {key: of_council[key].counts for key, each in changed.items() if each.is_pending}
    return Edition({**made.decided, **changed}, counts)


def indicator_table(
    made: Edition,
    rows: Mapping[Key, Row],
    indicators: pd.DataFrame,
    intervals: pd.DataFrame,
    cells: pd.DataFrame,
    history: History,
    exact: Collection[Key],
) -> pd.DataFrame:
    """The council's indicator figures, values computed from the rounded counts.

    An interval comes from the exact counts and tells them: the council gets it only where partners read these counts.

    Args:
        made: the edition.
        rows: figures by key.
        indicators: indicator_code, kind, scale.
        intervals: indicator_code, district_code, period, pooled_over, ci_low, ci_high.
        cells: indicator_code, district_code, period, value.
        history: what has left; a figure that waits is as it was shown.
        exact: figures of which partners read the exact counts.

    Returns:
        ``INDICATOR_COLUMNS``, one row per municipality figure; counts and values are missing unless it is published.
    """
    scale = dict(zip(indicators["indicator_code"], indicators["scale"], strict=True))
    own = intervals[intervals["pooled_over"] == ""]
    bounds = {
        tuple(key): tuple(ends)
        for *key, low, high in own[["indicator_code", "district_code", "period", "ci_low", "ci_high"]].itertuples(
            index=False, name=None
        )
        for ends in [(low, high)]
    }
    values = {
        tuple(key): value
        for *key, value in cells[["indicator_code", "district_code", "period", "value"]].itertuples(
            index=False, name=None
        )
    }
    table = []
    for key, each in sorted(made.decided.items()):
        if key.subject != INDICATOR:
            continue
        line = [key.consortium_code, key.code, key.district_code, key.period, each.status, each.rule or None]
        line.append(each.is_pending)
        counts = made.counts.get(key)
        if each.status != PUBLISHED or counts is None:
            table.append([*line, None, None, None, None, None])
            continue
        if each.is_pending:
            value = history.shown[COUNCIL][key].figures.get("value")
            table.append([*line, counts["n"], counts.get("numerator"), value, None, None])
            continue
        kind, place = rows[key].kind, (key.code, key.district_code, key.period)
        digits = decimals(kind, counts["n"])
        if kind in ("mean", "count"):
            value = values[place]
        else:
            value = counts["numerator"] / counts["n"] * float(scale[key.code]) if counts["n"] else None
        low, high = bounds.get(place, (None, None)) if key in exact else (None, None)
        numerator = None if kind == "mean" else counts["numerator"]
        table.append([*line, counts["n"], numerator, *(_rounded(number, digits) for number in (value, low, high))])
    return _typed(table, INDICATOR_COLUMNS, ("n", "numerator"), ("value", "ci_low", "ci_high"))


def life_domain_table(made: Edition, domains: pd.DataFrame, known: Known, history: History) -> pd.DataFrame:
    """The council's outcomes per life domain.

    Args:
        made: the edition.
        domains: as in ``cells.life_domain_cell``.
        known: what is known besides.
        history: what has left; a figure that waits is as it was shown.

    Returns:
        ``LIFE_DOMAIN_COLUMNS``, one row per municipality figure.
    """
    columns = [
        "consortium_code",
        "life_domain_code",
        "district_code",
        "period",
        "low",
        "rated",
        "goals_reached",
        "goals",
    ]
    parts = {Key(LIFE_DOMAIN, *each[:4]): each[4:] for each in domains[columns].itertuples(index=False, name=None)}
    table = []
    for key, each in sorted(made.decided.items()):
        if key.subject != LIFE_DOMAIN:
            continue
        line = [key.consortium_code, key.code, key.district_code, key.period, each.status, each.rule or None]
        line.append(each.is_pending)
        counts = made.counts.get(key)
        if each.status != PUBLISHED or counts is None:
            table.append([*line, *[None] * 6])
            continue
        low, rated, reached, goals = parts[key]
        limits = known.limits(key.period)
        shares = [
            None if judge_share(part, whole, limits) else round(part / whole, 2)
            for part, whole in ((low, rated), (reached, goals))
        ]
        if each.is_pending:
            before = history.shown[COUNCIL][key].figures
            shares = [before.get(name) for name in ("low_share", "goal_attainment")]
        table.append(
            [
                *line,
                counts["n"],
                *(counts[name] for name in CATEGORIES),
                *shares,
            ]
        )
    return _typed(table, LIFE_DOMAIN_COLUMNS, ("n", *CATEGORIES), ("low_share", "goal_attainment"))


def decimals(kind: str, n: int) -> int:
    """How many decimals a figure is shown with (rules R1 and M1).

    Args:
        kind: of the indicator; a proportion is a share of 1, a ratio is per 100, a rate per 1,000.
        n: how many it is about.
    """
    if kind == "mean":
        return 1 if n < _FINE_MEAN else 2
    if kind == "rate":
        return 1
    return {"proportion": 2, "ratio": 0, "count": 0}[kind] + (n >= _FINE and kind != "count")


def _nearest(count: int, base: int) -> int:
    return (count + base // 2) // base * base


def _rounded(number: float | None, digits: int) -> float | None:
    return None if number is None or pd.isna(number) else round(float(number), digits)


def _typed(table: list[list], columns: list[str], counts: Sequence[str], values: Sequence[str]) -> pd.DataFrame:
    frame = pd.DataFrame(table, columns=columns)
    texts = {name: "bool" if name == "is_pending" else "str" for name in columns if name not in (*counts, *values)}
    return frame.astype(texts | dict.fromkeys(counts, "Int64") | dict.fromkeys(values, "float64"))
