"""What has left before, as the protection of a new release needs it.

Belongs here: the reading of the ledger and of the newest release. Does not belong here: what follows from it (protect).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from pipeline.disclosure.counts import INDICATOR, LIFE_DOMAIN, POOLED, Key

PARTNERS, COUNCIL = "partners", "council"
SUBJECTS = {"fct_indicator": INDICATOR, "fct_life_domain": LIFE_DOMAIN, "fct_indicator_pooled": POOLED}


@dataclass(frozen=True)
class Shown:
    """A figure as it was last shown.

    Attributes:
        counts: the counts that were shown.
        release_id: the release that brought them.
        at: when that was published (UTC, ISO 8601).
        is_final: whether the half-year was final then.
        value: the figure that was shown with them; None when there was none.
    """

    counts: Mapping[str, int]
    release_id: str
    at: str
    is_final: bool
    value: float | None = None


@dataclass(frozen=True)
class Settled:
    """What the newest release made of a figure: its status, and the true counts that it was decided on."""

    status: str
    counts: Mapping[str, int]


@dataclass(frozen=True)
class History:
    """Everything that left.

    Attributes:
        shown: per audience and figure how it was last shown.
        ever: per audience and figure the values of each count that were ever shown.
        settled: figures of the newest published release for partners, without those that are pending.
        erased: per consortium when somebody was last erased (UTC, ISO 8601).
        members: the parts of pooled figures that ever left.
        rounded: figures that partners were ever shown with rounded counts.
    """

    shown: Mapping[str, Mapping[Key, Shown]] = field(default_factory=lambda: {PARTNERS: {}, COUNCIL: {}})
    ever: Mapping[str, Mapping[Key, Mapping[str, set[int]]]] = field(
        default_factory=lambda: {PARTNERS: {}, COUNCIL: {}}
    )
    settled: Mapping[Key, Settled] = field(default_factory=dict)
    erased: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[Key, Sequence[Key]] = field(default_factory=dict)
    rounded: Collection[Key] = frozenset()


def history_of(
    published: pd.DataFrame, settled: Mapping[Key, Settled] | None = None, erased: Mapping[str, str] | None = None
) -> History:
    """Put together what left.

    Args:
        published: number, release_id, audience, at, table_name, consortium_code, code, district_code, period,
            pooled_over, column_name, value, is_pending, delivery_status, as the ledger gives them; is_rounded, when
            anything ever was.
        settled: of the newest release.
        erased: per consortium when somebody was last erased.
    """
    shown: dict[str, dict[Key, Shown]] = {PARTNERS: {}, COUNCIL: {}}
    ever: dict[str, dict[Key, dict[str, set[int]]]] = {
        PARTNERS: defaultdict(lambda: defaultdict(set)),
        COUNCIL: defaultdict(lambda: defaultdict(set)),
    }
    counts = published[published["column_name"].isin(["n", "numerator", "improved", "stable", "worsened", "value"])]
    counts = counts[counts["table_name"].isin(list(SUBJECTS))].sort_values("number", kind="stable")
    newest: dict[tuple[str, Key], tuple[int, dict[str, float], str, str, bool]] = {}
    keys = counts[["table_name", "consortium_code", "code", "district_code", "period", "pooled_over"]]
    columns = ["number", "release_id", "audience", "at", "column_name", "value", "is_pending", "delivery_status"]
    for (table, *place), (number, release, audience, at, name, value, pending, status) in zip(
        keys.itertuples(index=False, name=None), counts[columns].itertuples(index=False, name=None), strict=True
    ):
        key = Key(SUBJECTS[table], *place)
        if name != "value":
            ever[audience][key][name].add(round(value))
        if pending:
            continue
        found = newest.get((audience, key))
        if found is None or found[0] != number:
            found = newest[audience, key] = (number, {}, release, str(at), status == "final")
        found[1][name] = value
    for (audience, key), (_, figures, release, at, is_final) in newest.items():
        values = {name: round(value) for name, value in figures.items() if name != "value"}
        shown[audience][key] = Shown(values, release, at, is_final, figures.get("value"))
    rounded = keys[counts["is_rounded"].astype(bool)] if "is_rounded" in counts else keys.iloc[:0]
    return History(
        shown,
        ever,
        settled or {},
        erased or {},
        rounded={Key(SUBJECTS[table], *place) for table, *place in rounded.itertuples(index=False, name=None)},
    )
