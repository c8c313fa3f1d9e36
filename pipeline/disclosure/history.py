"""What has left before, as the protection of a new release needs it.

Belongs here: the reading of the ledger and of the newest release. Does not belong here: what follows from it (protect).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from pipeline.disclosure.counts import INDICATOR, LIFE_DOMAIN, POOLED, Key
from pipeline.disclosure.rules import CATEGORIES

PARTNERS, COUNCIL = "partners", "council"
_FIGURES = ("value", "low_share", "goal_attainment")
# per table (a key without district) its counts by figure, with the number of the release since which they held
Tables = Mapping[Key, Sequence[tuple[int, Mapping[Key, Mapping[str, int]]]]]
SUBJECTS = {"fct_indicator": INDICATOR, "fct_life_domain": LIFE_DOMAIN, "fct_indicator_pooled": POOLED}


@dataclass(frozen=True)
class Shown:
    """A figure as it was last shown.

    Attributes:
        counts: the counts that were shown.
        release_id: the release that brought them.
        at: when that was published (UTC, ISO 8601).
        is_final: whether the half-year was final then.
        figures: what was shown with them: value of an indicator, low_share and goal_attainment of a life domain.
    """

    counts: Mapping[str, int]
    release_id: str
    at: str
    is_final: bool
    figures: Mapping[str, float] = field(default_factory=dict)


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
        ever: per audience and figure the values of each count that were ever told: shown, or told by the statistics
            beside a figure that was too uncertain to show; also of what follows from them: complement, ``others of``.
        told: figures of partners as they were last told, shown or not.
        settled: figures of the newest published release for partners, without those that are pending.
        erased: per consortium when somebody was last erased (UTC, ISO 8601).
        members: the parts of pooled figures that ever left.
        tables: per table (a key without district) its true counts at the releases for partners, as number of the
            release since which they held, and counts by figure; oldest first.
        pooled_told: pooled figures that partners were told: number of the release, figure, counts.
        rounded: figures that partners were ever shown with rounded counts.
        refused: pooled figures that the newest release for partners did not offer because they would have given
            something away (D4), with the counts that this was decided on.
    """

    shown: Mapping[str, dict[Key, Shown]] = field(default_factory=lambda: {PARTNERS: {}, COUNCIL: {}})
    ever: Mapping[str, dict[Key, dict[str, set[int]]]] = field(default_factory=lambda: {PARTNERS: {}, COUNCIL: {}})
    told: dict[Key, Shown] = field(default_factory=dict)
    settled: Mapping[Key, Settled] = field(default_factory=dict)
    erased: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[Key, Sequence[Key]] = field(default_factory=dict)
    tables: Tables = field(default_factory=dict)
    pooled_told: Sequence[tuple[int, Key, Mapping[str, int]]] = ()
    rounded: Collection[Key] = frozenset()
    refused: Mapping[Key, Mapping[str, int]] = field(default_factory=dict)

    def ever_of_partners(self, key: Key, name: str) -> Collection[int]:
        """The values of a count that partners were ever told."""
        return self.ever[PARTNERS].get(key, {}).get(name, ())


def history_of(
    published: pd.DataFrame,
    settled: Mapping[Key, Settled] | None = None,
    erased: Mapping[str, str] | None = None,
    uncertain: pd.DataFrame | None = None,
) -> History:
    """Put together what left.

    Args:
        published: number, release_id, audience, at, table_name, consortium_code, code, district_code, period,
            pooled_over, column_name, value, is_pending, delivery_status, as the ledger gives them; is_rounded, when
            anything ever was.
        settled: of the newest release.
        erased: per consortium when somebody was last erased.
        uncertain: counts of figures that were too uncertain to show, in the same columns.
    """
    lines = [published.assign(is_shown=True)]
    if uncertain is not None and len(uncertain):
        lines.append(uncertain.assign(is_shown=False))
    counts = pd.concat(lines, ignore_index=True)
    counts = counts[counts["column_name"].isin(["n", "numerator", *CATEGORIES, *_FIGURES])]
    counts = counts[counts["table_name"].isin(list(SUBJECTS))].sort_values("number", kind="stable")
    counts = _without_repeats(counts)
    keys = counts[["table_name", "consortium_code", "code", "district_code", "period", "pooled_over"]]
    columns = ["number", "release_id", "audience", "at", "is_pending", "is_shown", "delivery_status"]
    columns += ["column_name", "value"]
    figures: dict[tuple, dict[str, float]] = {}
    for (table, *place), (*release, name, value) in zip(
        keys.itertuples(index=False, name=None), counts[columns].itertuples(index=False, name=None), strict=True
    ):
        figures.setdefault((Key(SUBJECTS[table], *place), *release), {})[name] = value
    pooled_told: list[tuple[int, Key, Mapping[str, int]]] = []
    rounded = keys[counts["is_rounded"].fillna(False).astype(bool)] if "is_rounded" in counts else keys.iloc[:0]
    found = History(
        told={},
        settled=settled or {},
        erased=erased or {},
        pooled_told=pooled_told,
        rounded={Key(SUBJECTS[table], *place) for table, *place in rounded.itertuples(index=False, name=None)},
    )
    # in order of time, so that what comes last stays
    for (key, number, release_id, audience, at, is_pending, is_shown, status), figure in figures.items():
        whole = {name: round(value) for name, value in figure.items() if name not in _FIGURES}
        ever = found.ever[audience].setdefault(key, defaultdict(set))
        for name, value in (whole | _following(whole)).items():
            ever[name].add(value)
        if not is_pending:
            shares = {name: figure[name] for name in _FIGURES if name in figure}
            now = Shown(whole, release_id, str(at), status == "final", shares)
            if audience == PARTNERS:
                found.told[key] = now
            if is_shown:
                found.shown[audience][key] = now
            if key.subject == POOLED and audience == PARTNERS:
                pooled_told.append((number, key, whole))
    return found


def _without_repeats(told: pd.DataFrame) -> pd.DataFrame:
    """Without the figures that the next release of their audience told once more just so: it says all there is to know.

    Pooled figures stay, as what they are made of may have changed.
    """
    figure = told.groupby(
        ["audience", "table_name", "consortium_code", "code", "district_code", "period", "pooled_over"], sort=False
    ).ngroup()
    what = ["column_name", "value", "is_pending", "is_shown", "delivery_status"]
    what += ["is_rounded"] if "is_rounded" in told else []
    marks = pd.util.hash_pandas_object(told[what].astype({"delivery_status": "str"}), index=False)
    mark_of = marks.groupby([figure, told["number"]]).sum()
    figures = mark_of.index.get_level_values(0)
    is_repeated = (mark_of == mark_of.shift(-1)) & (figures == pd.Series(figures, mark_of.index).shift(-1))
    here = pd.MultiIndex.from_arrays([figure, told["number"]])
    is_pooled = told["table_name"].map(SUBJECTS) == POOLED
    return told[is_pooled | ~is_repeated.reindex(here).to_numpy()]


def _following(counts: Mapping[str, int]) -> dict[str, int]:
    """What follows from the counts of one figure."""
    n = counts.get("n", 0)
    following = {f"others of {name}": n - counts[name] for name in CATEGORIES if name in counts}
    return following | ({"complement": n - counts["numerator"]} if {"n", "numerator"} <= counts.keys() else {})


def tables_of(truths: Mapping[int, pd.DataFrame]) -> dict[Key, list[tuple[int, dict[Key, dict[str, int]]]]]:
    """The tables that releases were made of, each once for as long as it stayed the same.

    Args:
        truths: per number of a release, in order of time, its true counts: subject, consortium_code, code,
            district_code, period, count_name, value; pooled figures are passed over.
    """
    table = ["subject", "consortium_code", "code", "period"]
    names = ["n", "numerator", *CATEGORIES]
    found: dict[Key, list[tuple[int, dict[Key, dict[str, int]]]]] = defaultdict(list)
    seen: dict[tuple, int] = {}
    for number, truth in truths.items():
        own = truth[(truth["subject"] != POOLED) & truth["count_name"].isin(names)]
        lines = pd.util.hash_pandas_object(own[[*table, "district_code", "count_name", "value"]], index=False)
        marks = lines.groupby([own[name] for name in table], observed=True).sum()
        new = {place for place, mark in marks.items() if seen.get(place) != mark}
        seen |= marks.to_dict()
        if not new:
            continue
        own = own[pd.MultiIndex.from_frame(own[table]).isin(new)]
        states: dict[Key, dict[Key, dict[str, int]]] = defaultdict(dict)
        for subject, consortium, code, area, period, name, value in own[
            ["subject", "consortium_code", "code", "district_code", "period", "count_name", "value"]
        ].itertuples(index=False, name=None):
            key = Key(subject, consortium, code, area, period)
            states[key._replace(district_code="")].setdefault(key, {})[name] = int(value)
        for place, state in states.items():
            found[place].append((number, state))
    return dict(found)
