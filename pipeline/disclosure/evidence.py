"""From published files to what an attacker knows: the audit's own reading of releases, ledger and truth.

Belongs here: reading what left (files and ledger) and what was true at that moment (sealed), one number per count of
people over all releases, and the system of an audience's attacker made of it. Nothing here comes from the warehouse
or from the code that chooses what to hide. Not here: the attack on the system (witnesses), and faults that can be seen
without one (release_faults).

A count is one unknown in all releases in which its row is as it was: the attacker takes it that nothing changed. Where
anything in a row changed its counts are new unknowns, and so are their changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from pipeline.disclosure.attack import Knowledge, System
from pipeline.disclosure.audit_rules import (
    ABSENT,
    COMPLEMENT,
    COUNCIL,
    COUNTS,
    INDICATOR,
    LIFE_DOMAIN,
    NUMERATOR,
    OUTCOMES,
    PARTNERS,
    POOLED,
    Broken,
    Limits,
    N,
    broken,
    limits,
)
from pipeline.periods import HalfYear
from pipeline.publication.marts_file import MARTS_FILE, attached
from pipeline.settings import SEEDS

Whole = NDArray[np.int64]
Mask = NDArray[np.bool_]
Places = NDArray[np.intp]

KEY = ("subject", "consortium_code", "code", "district_code", "period", "pooled_over")
TABLES = {"fct_indicator": INDICATOR, "fct_indicator_pooled": POOLED, "fct_life_domain": LIFE_DOMAIN}
_CODE = {
    "fct_indicator": "indicator_code",
    "fct_indicator_pooled": "indicator_code",
    "fct_life_domain": "life_domain_code",
}
_COUNTED = ("n", "numerator", "improved", "stable", "worsened")
FIGURES = (*_COUNTED, "value", "low_share", "goal_attainment")
_HIDDEN_TRUTH = ("persons", "rated", "low", "goals", "goals_reached")
PUBLISHED, NO_DATA, UNRELIABLE = "published", "no_data", "unreliable"
_MUNICIPALITY = "GM"


class EvidenceError(RuntimeError):
    """Something that the audit needs is not there; the message says what."""


@dataclass(frozen=True)
class Left:
    """A release that left, or is about to.

    Attributes:
        release_id: its name.
        audience: ``partners`` or ``council``.
        folder: with files/ and sealed/.
        values: what left according to the ledger; None for a candidate, of which the files count.
    """

    release_id: str
    audience: str
    folder: Path
    values: Path | None = None


@dataclass(frozen=True)
class Relation:
    """How two indicators hang together (``seeds/indicator_relations.csv``)."""

    code: str
    kind: str
    other: str


@dataclass
class Reference:
    """Reference data that everybody knows: the registry, thresholds, relations and names.

    Attributes:
        indicators: indicator_code, kind, sensitive_side, scale, name_en, lowest, highest (scores; of means).
        thresholds: as in ``seeds/thresholds.csv``.
        relations: between indicators.
        areas: district_code -> name.
        life_domains: code -> name.
    """

    indicators: pd.DataFrame
    thresholds: pd.DataFrame
    relations: list[Relation]
    areas: dict[str, str]
    life_domains: dict[str, str]

    @classmethod
    @lru_cache(maxsize=1)
    def read(cls, seeds: Path = SEEDS) -> Reference:
        """Read the seeds; once, they do not change while this runs."""
        indicators = pd.read_csv(seeds / "indicators.csv")
        questions = pd.read_csv(seeds / "questions.csv").set_index("question_code")
        of_question = (
            indicators["question_code"].map(questions["scale_min"]),
            indicators["question_code"].map(questions["scale_max"]),
        )
        indicators = indicators.assign(lowest=of_question[0], highest=of_question[1])
        relations = pd.read_csv(seeds / "indicator_relations.csv", keep_default_na=False)
        districts = pd.read_csv(seeds / "districts.csv")
        domains = pd.read_csv(seeds / "life_domains.csv")
        return cls(
            indicators,
            pd.read_csv(seeds / "thresholds.csv"),
            [
                Relation(*each)
                for each in relations[["indicator_code", "relation", "other_code"]].itertuples(index=False, name=None)
            ],
            dict(zip(districts["district_code"], districts["district_name"], strict=True)),
            dict(zip(domains["life_domain_code"], domains["name_en"], strict=True)),
        )


@dataclass(frozen=True)
class Evidence:
    """What left in which release, and the truth at that moment: one line per release, one column per row.

    A row is an indicator, pooled indicator or life domain in an area and half-year. Confidential.

    Attributes:
        releases: in the order in which they left.
        reference: reference data.
        rows: the columns of ``KEY``, kind, sensitive_side, scale, lowest, highest, is_whole (the municipality); in
            order of key.
        true: release x row x count; ``ABSENT`` where there was none.
        hidden_true: per further count (persons, rated, low, goals, goals_reached) release x row.
        figures: per published column release x row, NaN where empty.
        status: release x row; '' where the release has no such row.
        pending: release x row, whether it repeats an earlier figure.
        is_rounded: release x row, whether it shows partners counts that are rounded together (T1).
        final: release x row, whether its half-year was final in that release.
        members: per release places of pooled rows and of their members.
    """

    releases: tuple[Left, ...]
    reference: Reference
    rows: pd.DataFrame
    true: Whole
    hidden_true: dict[str, Whole]
    figures: dict[str, NDArray[np.float64]]
    status: NDArray[np.object_]
    pending: Mask
    is_rounded: Mask
    final: Mask
    members: tuple[tuple[Places, Places], ...]
    _rules: dict[tuple[int, str], Broken] = field(default_factory=dict)

    @cached_property
    def keys(self) -> list[str]:
        """The key of each row as one text."""
        return self.rows["key"].tolist()

    @cached_property
    def limits(self) -> Limits:
        """The thresholds of each row."""
        return limits(self.rows, self.reference.thresholds)

    def rules(self, release: int, audience: str) -> Broken:
        """What the rules say of each row at the moment of a release."""
        if (release, audience) not in self._rules:
            self._rules[release, audience] = broken(
                self.rows, self.true[release], self.hidden_true["persons"][release], self.limits, audience
            )
        return self._rules[release, audience]

    @cached_property
    def shows(self) -> Mask:
        """Release x row: whether figures are shown (also old ones)."""
        return self.status == PUBLISHED

    @cached_property
    def _published_counts(self) -> NDArray[np.float64]:
        """Release x row x count, as published; the complement follows."""
        is_life = (self.rows["subject"] == LIFE_DOMAIN).to_numpy()
        shown = np.full(self.true.shape, np.nan)
        shown[..., N] = self.figures["n"]
        shown[..., 1] = np.where(is_life, self.figures["improved"], self.figures["numerator"])
        has_complement = (self.rows["kind"] == "proportion").to_numpy()
        shown[..., 2] = np.where(
            is_life, self.figures["stable"], np.where(has_complement, shown[..., N] - shown[..., 1], np.nan)
        )
        shown[..., 3] = np.where(is_life, self.figures["worsened"], np.nan)
        return shown

    def published_counts(self, release: int) -> NDArray[np.float64]:
        """Row x count, as published in a release; NaN where nothing is."""
        return self._published_counts[release]

    @cached_property
    def exact(self) -> Mask:
        """Release x row x count: shown to partners, of this moment, true and not rounded."""
        is_told = self.shows & ~self.pending & ~self.is_rounded
        exact = is_told[..., np.newaxis] & (self._published_counts == self.true)
        exact &= np.array([each.audience == PARTNERS for each in self.releases])[:, np.newaxis, np.newaxis]
        return exact

    @cached_property
    def rounded(self) -> Mask:
        """Release x row x count: shown, of this moment, as a multiple as near to the truth as ``within`` says."""
        near = np.abs(self._published_counts - self.true) <= self.within[..., np.newaxis]
        near &= (self.shows & ~self.pending)[..., np.newaxis] & (self.true != ABSENT)
        # nearest multiples need not add up, those that are rounded together do
        adds_up = (self.rows["subject"] == LIFE_DOMAIN).to_numpy() | self.is_rounded
        near[..., COMPLEMENT] &= adds_up
        to_council = np.array([each.audience == COUNCIL for each in self.releases])[:, np.newaxis]
        near &= (to_council | self.is_rounded)[..., np.newaxis]
        return near

    @cached_property
    def within(self) -> Whole:
        """Release x row: how far a rounded count may be from the truth.

        Half a base for the council's nearest multiples; less than a base for partners' multiples that add up.
        """
        return np.where(self.is_rounded, self.limits.base - 1, self.limits.base // 2)

    @cached_property
    def _states(self) -> tuple[Whole, Whole, Whole]:
        """States, and of each state its true value and its row x 4 + count."""
        size = self.true.shape
        # residents may be counted anew while nothing happened to the people who are counted
        counts = self.true.copy()
        counts[:, (self.rows["kind"] == "rate").to_numpy(), N] = 0
        places = np.broadcast_to(np.arange(size[1])[np.newaxis, :, np.newaxis], (*size[:2], 1))
        row_states = np.concatenate([places, counts], axis=2).reshape(-1, 5)
        _, of_row = np.unique(row_states, axis=0, return_inverse=True)
        codes = of_row.reshape(*size[:2], 1) * 4 + np.arange(4)
        has_state = (self.true != ABSENT) & (self.rows["kind"] != "count").to_numpy()[:, np.newaxis]
        states = np.full(size, ABSENT, dtype=np.int64)
        _, first, states[has_state] = np.unique(codes[has_state], return_index=True, return_inverse=True)
        return states, self.true[has_state][first], (places * 4 + np.arange(4))[has_state][first]

    @property
    def states(self) -> Whole:
        """Release x row x count: which state of the count, ``ABSENT`` where there is none.

        A count has one state for as long as nothing changes in its row; an offer that is counted says nothing of people
        and has none.
        """
        return self._states[0]

    @property
    def state_value(self) -> Whole:
        """The true value of each state."""
        return self._states[1]

    @property
    def state_place(self) -> Whole:
        """Row x 4 + count of each state."""
        return self._states[2]

    @cached_property
    def labels(self) -> list[str]:
        """Each row in words: indicator or life domain, area, half-year."""
        rows, areas = self.rows, self.reference.areas
        names = rows["name_en"].where(rows["name_en"].notna(), rows["code"])
        return [
            f"“{name}”{f' pooled over {over}' if over else ''} in {areas.get(area, area)}, {period}".replace("_", " ")
            for name, over, area, period in zip(
                names, rows["pooled_over"], rows["district_code"], rows["period"], strict=True
            )
        ]

    @cached_property
    def count_names(self) -> list[tuple[str, ...]]:
        """What the counts of each row are called."""
        return [
            ("n", "sum of scores") if kind == "mean" else COUNTS[subject]
            for kind, subject in zip(self.rows["kind"], self.rows["subject"], strict=True)
        ]

    def count_name(self, row: int, count: int) -> str:
        """What a count of a row is called."""
        return self.count_names[row][count]


def gather(releases: Sequence[Left], reference: Reference | None = None) -> Evidence:
    """Read releases: what they showed, and the truth at that moment.

    Args:
        releases: in the order in which they left.
        reference: the seeds, unless given.

    Raises:
        EvidenceError: when the sealed truth or the files of a release are not there.
    """
    reference = reference or Reference.read()
    with reader() as connection:
        truths = [_truth(connection, each) for each in releases]
        shown = [_shown(connection, each) for each in releases]
        pools = [_members(connection, each) for each in releases]
    keys = pd.Index(sorted(set().union(*(frame["key"] for frame in (*truths, *shown)))))
    rows = _rows(keys, reference)
    size = (len(releases), len(keys))
    true = np.full((*size, 4), ABSENT, dtype=np.int64)
    hidden_true = {name: np.full(size, ABSENT, dtype=np.int64) for name in _HIDDEN_TRUTH}
    figures = {name: np.full(size, np.nan) for name in FIGURES}
    status = np.full(size, "", dtype=object)
    pending, is_rounded, final = (np.zeros(size, dtype=bool) for _ in range(3))
    is_life = (rows["subject"] == LIFE_DOMAIN).to_numpy()
    has_complement = (rows["kind"] == "proportion").to_numpy()
    period_of, periods = pd.factorize(rows["period"])
    members = []
    for at, (each, truth, figure, pool) in enumerate(zip(releases, truths, shown, pools, strict=True)):
        place = keys.get_indexer(truth["key"])
        life = is_life[place]
        true[at, place, N] = truth["n"]
        true[at, place, 1] = np.where(life, truth["improved"], truth["numerator"])
        rest = np.where(has_complement[place], truth["n"] - truth["numerator"], ABSENT)
        true[at, place, 2] = np.where(life, truth["stable"], rest)
        true[at, place, 3] = np.where(life, truth["worsened"], ABSENT)
        for name, array in hidden_true.items():
            array[at, place] = truth[name]
        place = keys.get_indexer(figure["key"])
        for name, array in figures.items():
            array[at, place] = figure[name]
        status[at, place] = figure["status"]
        pending[at, place] = figure["is_pending"]
        is_rounded[at, place] = figure["is_rounded"].to_numpy(dtype=bool) & (each.audience == PARTNERS)
        ended = np.zeros(len(periods), dtype=bool)
        ended[periods.get_indexer(figure.loc[figure["delivery_status"] == "final", "period"].unique())] = True
        final[at] = ended[period_of]
        pooled, member = keys.get_indexer(pool["pooled"]), keys.get_indexer(pool["member"])
        # a member without a count counts nobody
        there = (pooled >= 0) & (member >= 0)
        members.append((pooled[there], member[there]))
    return Evidence(
        tuple(releases), reference, rows, true, hidden_true, figures, status, pending, is_rounded, final, tuple(members)
    )


def reader() -> duckdb.DuckDBPyConnection:
    """A connection that reads many small files: more threads would only wait for each other."""
    return duckdb.connect(":memory:", config={"threads": 1})


def _truth(connection: duckdb.DuckDBPyConnection, release: Left) -> pd.DataFrame:
    path = release.folder / "sealed" / "true_count.parquet"
    if not path.is_file():
        raise EvidenceError(f"the sealed truth of {release.release_id} is gone: what it hides cannot be audited")
    counts = ", ".join(
        f"coalesce(max(value) filter (where count_name = '{name}'), {ABSENT})::bigint as {name}"
        for name in (*_COUNTED, *_HIDDEN_TRUTH)
    )
    return connection.execute(f"select {_key_sql()} as key, {counts} from read_parquet({_text(path)}) group by 1").df()


def _members(connection: duckdb.DuckDBPyConnection, release: Left) -> pd.DataFrame:
    path = release.folder / "sealed" / "pool_member.parquet"
    if not path.is_file():
        return pd.DataFrame({"pooled": pd.Series(dtype="str"), "member": pd.Series(dtype="str")})
    # of a merger of half-years or areas every district counts once
    return connection.execute(
        f"select distinct concat_ws('|', '{POOLED}', consortium_code, indicator_code, district_code, period, "
        # a part may be another consortium's: the municipality's step takes the same question of all together
        f"pooled_over) as pooled, concat_ws('|', '{INDICATOR}', split_part(member_indicator, '_', 1), "
        "member_indicator, member_district, "
        f"member_period, '') as member from read_parquet({_text(path)}) order by all"
    ).df()


def _shown(connection: duckdb.DuckDBPyConnection, release: Left) -> pd.DataFrame:
    """What a release shows: statuses from its files, and of what left the values of the ledger."""
    path = release.folder / "files" / MARTS_FILE
    if not path.is_file() and release.values is None:
        raise EvidenceError(f"the files of {release.release_id} are gone")
    frame = None
    if path.is_file():
        with attached(connection, path, "seen"):
            frame = connection.execute(_figures_sql(connection)).df()
    if release.values is None:
        return frame
    counts = ", ".join(f"max(value) filter (where column_name = '{name}') as {name}" for name in FIGURES)
    try:
        there = connection.execute(f"describe select * from read_parquet({_text(release.values)})").fetchall()
        # what left before anything was rounded does not say so
        rounded = "bool_or(is_rounded)" if "is_rounded" in {column[0] for column in there} else "false"
    except duckdb.Error:
        raise EvidenceError(f"the values that left with {release.release_id} cannot be read") from None
    subject = "case table_name " + " ".join(f"when '{table}' then '{name}'" for table, name in TABLES.items()) + " end"
    query = (
        f"select {_key_sql(subject)} as key, any_value(period) as period, '{PUBLISHED}' as status, "
        f"bool_or(is_pending) as is_pending, {rounded} as is_rounded, "
        f"any_value(delivery_status) as delivery_status, {counts} "
        f"from read_parquet({_text(release.values)}) group by 1"
    )
    try:
        left = connection.execute(query).df()
    except duckdb.Error:
        raise EvidenceError(f"the values that left with {release.release_id} cannot be read") from None
    if frame is None:
        return left
    rest = frame[~frame["key"].isin(left["key"])].copy()
    # shown in the files and not in the ledger: it was put there after the release left
    rest.loc[rest["status"] == PUBLISHED, "status"] = ""
    return pd.concat([left, rest], ignore_index=True)


def _figures_sql(connection: duckdb.DuckDBPyConnection) -> str:
    there = connection.execute(
        "select table_name, column_name from duckdb_columns() where database_name = 'seen' and schema_name = 'marts'"
    ).fetchall()
    selects = []
    for table, subject in TABLES.items():
        columns = {column for name, column in there if name == table}
        if not columns:
            continue
        figures = ", ".join(f"{f'facts.{name}' if name in columns else 'null'}::double as {name}" for name in FIGURES)
        pooled = "facts.pooled_over" if subject == POOLED else "''"
        marks = ", ".join(
            f"{f'coalesce(facts.{mark}, false)' if mark in columns else 'false'} as {mark}"
            for mark in ("is_pending", "is_rounded")
        )
        selects.append(
            f"select concat_ws('|', '{subject}', facts.consortium_code, facts.{_CODE[table]}, facts.district_code, "
            f"facts.period, {pooled}) as key, facts.period, coalesce(facts.status, 'unknown') as status, "
            f"{marks}, periods.delivery_status, {figures} "
            f"from seen.marts.{table} as facts "
            "left join seen.marts.dim_period as periods on facts.period = periods.period"
        )
    return " union all ".join(selects)


def _key_sql(subject: str = "subject") -> str:
    return f"concat_ws('|', {subject}, consortium_code, code, district_code, period, coalesce(pooled_over, ''))"


def _text(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _rows(keys: pd.Index, reference: Reference) -> pd.DataFrame:
    """The parts of each key, and what the registry says of its indicator."""
    rows = pd.DataFrame([key.split("|") for key in keys], columns=list(KEY))
    rows.insert(0, "key", list(keys))
    registry = reference.indicators.set_index("indicator_code")
    is_life = rows["subject"] == LIFE_DOMAIN
    unknown = sorted(set(rows.loc[~is_life, "code"]) - set(registry.index))
    if unknown:
        raise EvidenceError(f"indicators that the registry does not know: {', '.join(unknown)}")
    for name in ("kind", "sensitive_side", "scale", "lowest", "highest", "name_en"):
        rows[name] = rows["code"].map(registry[name])
    rows.loc[is_life, "kind"] = LIFE_DOMAIN
    rows.loc[is_life, "name_en"] = rows.loc[is_life, "code"].map(reference.life_domains)
    return rows.assign(is_whole=rows["district_code"].str.startswith(_MUNICIPALITY))


@dataclass(frozen=True)
class Told:
    """A system with words for its names.

    Attributes:
        system: what the attacker knows.
        unknowns: per protected unknown what it is, in words.
        facts: per fact, in words.
        changes: protected unknowns that are a change from one release to another.
        newest: protected unknowns of the newest half-year that has any.
        parts: per protected count of one person the protected counts of nobody else: who is alone in a figure knows
            on which side of it he is, and whether he is counted in another figure on the same people.
    """

    system: System
    unknowns: dict[str, str]
    facts: dict[str, str]
    changes: frozenset[str]
    newest: frozenset[str]
    parts: dict[str, frozenset[str]]


def tell(evidence: Evidence, scope: Sequence[int], audience: str) -> Told:
    """What the attacker of an audience knows after some releases.

    Args:
        evidence: all releases.
        scope: places of the releases that left, in their order; those that the audience does not read are passed over.
        audience: ``partners`` (who read the council's as well) or ``council``.

    Returns:
        The system; the same releases give the same system.
    """
    known = [at for at in scope if audience == PARTNERS or evidence.releases[at].audience == COUNCIL]
    return _Teller(evidence, known, audience).told()


# what is known: kind, name, words, places of unknowns, the rest
_Item = tuple[str, str, str, tuple[int, ...], tuple]


class _Teller:
    """Builds one system. Unknowns are places: first the states of the evidence, then what is made here."""

    def __init__(self, evidence: Evidence, scope: list[int], audience: str) -> None:
        self._evidence, self._scope, self._audience = evidence, scope, audience
        rows = evidence.rows
        self._kind = rows["kind"].to_numpy(object)
        self._subject = rows["subject"].to_numpy(object)
        self._value = evidence.state_value
        place = evidence.state_place
        self._row, self._count = place // 4, place % 4
        # Councils' figures are of the municipality; a district is part of a shown whole, which keeps it uncertain.
        mine = np.ones(len(rows), dtype=bool)
        if audience == COUNCIL:
            mine = (rows["is_whole"] & (rows["subject"] != POOLED)).to_numpy()
        tabled = np.isin(self._subject, [INDICATOR, LIFE_DOMAIN])
        if scope:
            tabled = tabled | (evidence.status[scope] != "").any(axis=0)
        self._mine = mine & tabled
        self._states = np.where(self._mine[np.newaxis, :, np.newaxis], evidence.states[scope], ABSENT)
        self._first = np.full(len(self._value), ABSENT)
        for at in range(len(scope) - 1, -1, -1):
            there = self._states[at]
            self._first[there[there != ABSENT]] = at
        self._made: list[tuple[str, str, int | None, int]] = []
        self._items: list[_Item] = []
        self._seen: set[str] = set()
        self._asked: dict[int, tuple[int, int | None]] = {}
        self._changes: set[int] = set()
        self._made_at: dict[str, int] = {}
        # counts of which the people of the second are among those of the first, where no equation says so
        self._within: list[tuple[int, int]] = []
        self._names: dict[int, str] = {}

    def told(self) -> Told:
        """The system."""
        self._figures()
        self._ask()
        self._sides()
        self._districts()
        self._relations()
        self._pools()
        self._growth()
        self._revisions()
        return self._close()

    # what is shown

    def _figures(self) -> None:
        evidence, rows = self._evidence, self._evidence.rows
        size = len(self._value)
        self._known_by = np.full(size, ABSENT)
        self._nobody = np.zeros(size, dtype=bool)
        self._public = np.zeros(size, dtype=bool)
        is_mean = self._kind == "mean"
        self._near: list[tuple[int, int, int, int]] = []
        for at in range(len(self._scope) - 1, -1, -1):
            place, states = self._scope[at], self._states[at]
            exact = evidence.exact[place].copy()
            # beside a figure that is only too uncertain, the statistics that tell its counts are shown
            uncertain = (evidence.status[place] == UNRELIABLE) & (self._subject == INDICATOR)
            uncertain &= evidence.releases[place].audience == PARTNERS
            exact |= uncertain[:, np.newaxis] & ~(is_mean[:, np.newaxis] & (np.arange(4) == NUMERATOR))
            exact &= states != ABSENT
            self._known_by[states[exact]] = at
            nobody = (evidence.true[place][:, N] == 0)[:, np.newaxis] & (states != ABSENT)
            self._nobody[states[nobody]] = True
            of_residents = states[self._kind == "rate", N]
            self._public[of_residents[of_residents != ABSENT]] = True
        self._is_known = (self._known_by != ABSENT) | self._nobody | self._public
        told: set[tuple[int, int, int]] = set()
        for at, place in enumerate(self._scope):
            near = evidence.rounded[place] & (self._states[at] != ABSENT)
            shown = evidence.published_counts(place)
            for row, count in np.argwhere(near):
                state, value = int(self._states[at][row, count]), int(shown[row, count])
                within = int(evidence.within[place, row])
                if not self._is_known[state] and (state, value, within) not in told:
                    told.add((state, value, within))
                    self._add(
                        "figure",
                        f"rounded|{self._release(at)}|{self._name(state)}",
                        f"the rounded {self._words(state)}, in {self._release(at)}",
                        (state,),
                        (value, within),
                    )
            self._means(at, place)
        lowest, highest = rows["lowest"].to_numpy(), rows["highest"].to_numpy()
        for row in np.flatnonzero(is_mean & self._mine):
            low, high = int(lowest[row]), int(highest[row])
            for at in self._moments([row]):
                n, total = self._states[at][row, :2]
                if not self._all_known(n, total):
                    name = f"scale|{self._name(total)}|{self._name(n)}"
                    self._add("scale", name, f"the scale of the scores of {self._where(row)}", (total, n), (low, high))

    def _means(self, at: int, place: int) -> None:
        evidence = self._evidence
        fresh = evidence.shows[place] & ~evidence.pending[place] & self._mine & (self._kind == "mean")
        value = evidence.figures["value"]
        fresh &= ~np.isnan(value[place])
        if at:
            same = (self._states[at] == self._states[at - 1]).all(axis=1) & (value[place] == value[self._scope[at - 1]])
            fresh &= ~(same & ~evidence.pending[self._scope[at - 1]])
        for row in np.flatnonzero(fresh):
            n, total = self._states[at][row, :2]
            if ABSENT in (n, total) or self._all_known(n, total):
                continue
            printed = printed_mean(
                float(evidence.figures["value"][place][row]),
                int(self._value[n]),
                int(self._value[total]),
                published_n=float(evidence.figures["n"][place][row]),
            )
            if printed is not None:
                name = f"mean|{printed}|{self._name(total)}|{self._name(n)}"
                words = f"the mean {self._where(row)}, in {self._release(at)}"
                self._add("quotient", name, words, (total, n), (printed,))

    # what must stay uncertain

    def _ask(self) -> None:
        """The counts that break a rule, in any release; what left before, when it broke none, is out."""
        evidence = self._evidence
        lawful = np.zeros(len(self._value), dtype=bool)
        for at, place in enumerate(self._scope):
            rules = evidence.rules(place, self._audience)
            allowed = (rules.rule == "")[:, np.newaxis] & (self._states[at] != ABSENT)
            shown = evidence.exact[place] | (
                (evidence.status[place] == UNRELIABLE)[:, np.newaxis]
                if evidence.releases[place].audience == PARTNERS
                else False
            )
            lawful[self._states[at][allowed & shown]] = True
        least = np.zeros(len(self._value), dtype=np.int64)
        # that a small count is small is what rounding tells, so it keeps its width only; also when it changed since
        small = np.zeros(len(self._value), dtype=bool)
        for at, place in enumerate(self._scope):
            told = evidence.is_rounded[place][:, np.newaxis] & (self._states[at] != ABSENT)
            small[self._states[at][told]] = True
        for at, place in enumerate(self._scope):
            rules = evidence.rules(place, self._audience)
            asked = np.where(self._states[at] != ABSENT, rules.asked, 0)
            # a pooled figure that no table holds is no figure
            asked[(self._subject == POOLED) & (evidence.status[place] == "")] = 0
            there = asked > 0
            np.maximum.at(least, self._states[at][there], asked[there])
            self._others(at, np.where(self._mine[:, np.newaxis], rules.asked_of_others, 0), small)
        for state in np.flatnonzero((least > 0) & ~lawful & ~self._nobody):
            at_least = int(least[state]) if least[state] > 1 and not small[state] else None
            self._protect(int(state), self._row[state], at_least)

    def _others(self, at: int, asked: Whole, small: Mask) -> None:
        """Everybody in a life domain but those with one outcome; the width is enough beside rounded counts (small)."""
        for row, outcome in np.argwhere(asked > 0):
            n, part = self._states[at][row, N], self._states[at][row, outcome + 1]
            name = COUNTS[LIFE_DOMAIN][outcome + 1]
            other = self._make(
                f"{self._name(n)}|not {name}|{self._name(part)}",
                f"how many are not {name} of {self._where(row)}",
                0,
                int(self._value[n] - self._value[part]),
            )
            self._add(
                "equation",
                f"all|{self._made[other - len(self._value)][0]}",
                f"n is the sum of the outcomes of {self._where(row)}",
                (n, part, other),
                (1, -1, -1),
            )
            self._protect(other, row, None if small[n] and small[part] else int(asked[row, outcome]))
            self._within += [(other, int(self._states[at][row, each])) for each in OUTCOMES if each != outcome + 1]

    def _protect(self, unknown: int, row: int, at_least: int | None) -> None:
        self._asked[unknown] = (int(self._evidence.limits.width[row]), at_least)

    # what adds up

    def _sides(self) -> None:
        """n = numerator + complement, or the sum of the outcomes."""
        proportion = np.flatnonzero((self._kind == "proportion") & self._mine)
        life = np.flatnonzero((self._subject == LIFE_DOMAIN) & self._mine)
        for places, counts, words in (
            (proportion, 3, "n is numerator and complement of"),
            (life, 4, "n is the sum of the outcomes of"),
        ):
            if not len(places):
                continue
            states = self._states[:, places, :counts]
            new = self._is_new(states)
            is_open = (states != ABSENT).all(axis=2) & ~self._is_known[states].all(axis=2)
            for at, row in np.argwhere(new & is_open):
                terms = tuple(states[at, row].tolist())
                name = "sides|" + "|".join(map(self._name, terms))
                self._add("equation", name, f"{words} {self._where(places[row])}", terms, (1, *([-1] * (counts - 1))))

    def _districts(self) -> None:
        """Districts add up to their municipality; people of no district are a number of their own."""
        if self._audience == COUNCIL:
            return
        rows = self._evidence.rows
        tabled = np.flatnonzero(self._mine & (self._subject != POOLED))
        is_whole = rows["is_whole"].to_numpy()
        for members in rows.iloc[tabled].groupby(["subject", "code", "period"], sort=True).indices.values():
            places = tabled[members]
            whole, parts = places[is_whole[places]], places[~is_whole[places]]
            if len(whole) != 1 or not len(parts):
                continue
            for count in self._summed(whole[0]):
                states = self._states[:, [whole[0], *parts], count]
                for at in np.flatnonzero(self._is_new(states[:, np.newaxis, :])[:, 0]):
                    self._district_sum(at, states[at], whole[0], count)

    def _summed(self, row: int) -> tuple[int, ...]:
        kind = self._kind[row]
        if kind == LIFE_DOMAIN:
            return (N, *OUTCOMES)
        return {"rate": (NUMERATOR,), "count": ()}.get(kind, (N, NUMERATOR))

    def _district_sum(self, at: int, states: Whole, row: int, count: int) -> None:
        terms = [int(state) for state in states if state != ABSENT]
        if states[0] == ABSENT or len(terms) < 2 or self._is_known[terms].all():
            return
        rest = int(self._value[terms[0]] - self._value[terms[1:]].sum())
        name = f"districts|{self._name(terms[0])}|{self._release(at)}"
        count_name = self._evidence.count_name(row, count)
        words = f"districts add up: {count_name} of {self._where(row)}"
        factors = [1, *([-1] * (len(terms) - 1))]
        if rest:
            terms.append(self._make(f"{name}|elsewhere", f"people of no district in {words}", min(0, rest), rest))
            factors.append(-1)
        self._add("equation", name, words, tuple(terms), tuple(factors))

    def _relations(self) -> None:
        rows, keys = self._evidence.rows, {key: at for at, key in enumerate(self._evidence.keys)}
        for relation in self._evidence.reference.relations:
            if relation.kind == "cumulative":
                continue
            mine = self._mine & (rows["code"] == relation.code).to_numpy() & (rows["subject"] == INDICATOR).to_numpy()
            for row in np.flatnonzero(mine):
                other = keys.get(self._evidence.keys[row].replace(f"|{relation.code}|", f"|{relation.other}|"))
                if other is None:
                    continue
                count = NUMERATOR if relation.kind == "numerator_within" else N
                states = self._states[:, [row, other], count]
                for at in np.flatnonzero(self._is_new(states[:, np.newaxis, :])[:, 0]):
                    self._related(relation, states[at], row, other, count)
                    if relation.kind == "numerator_within":
                        n, rest = self._states[at][[row, other]][:, [N, COMPLEMENT]].T
                        if ABSENT not in (*n, *rest) and self._value[n[0]] == self._value[n[1]]:
                            self._within.append((int(rest[0]), int(rest[1])))

    def _related(self, relation: Relation, pair: Whole, row: int, other: int, count: int) -> None:
        if (pair == ABSENT).any() or self._all_known(*pair):
            return
        here, there = (int(state) for state in pair)
        name = f"{relation.kind}|{self._name(here)}|{self._name(there)}"
        about = f"{self._where(row)} and {self._where(other)}"
        # counts that were delivered as such may not keep to it, and then nobody reckons with it
        if relation.kind == "same_n" and self._value[here] == self._value[there]:
            self._add("equation", name, f"the same people: {about}", (here, there), (1, -1))
        elif relation.kind in ("numerator_within", "n_within") and self._value[here] <= self._value[there]:
            self._add(
                "limit", name, f"part of the {self._evidence.count_name(other, count)}: {about}", (here, there), ()
            )

    def _pools(self) -> None:
        if self._audience == COUNCIL:
            return
        before: dict[int, tuple] = {}
        for at, place in enumerate(self._scope):
            pooled, member = self._evidence.members[place]
            if not len(pooled):
                continue
            order = np.lexsort((member, pooled))
            pooled, member = pooled[order], member[order]
            starts = np.flatnonzero(np.diff(pooled, prepend=-1))
            for start, end in zip(starts, [*starts[1:], len(pooled)], strict=True):
                row = int(pooled[start])
                if not self._mine[row]:
                    continue
                states = self._states[at][[row, *member[start:end]]]
                if before.get(row) != (seen := states.tobytes()):
                    before[row] = seen
                    for count in self._summed(row):
                        self._pool_sum(at, states[:, count], row, count)

    def _pool_sum(self, at: int, states: Whole, row: int, count: int) -> None:
        terms = [int(state) for state in states if state != ABSENT]
        if states[0] == ABSENT or len(terms) < 2 or self._is_known[terms].all():
            return
        if self._value[terms[0]] != self._value[terms[1:]].sum():
            return
        words = f"pooled: {self._evidence.count_name(row, count)} of {self._where(row)}"
        name = f"pool|{self._name(terms[0])}|{self._release(at)}"
        self._add("equation", name, words, tuple(terms), (1, *([-1] * (len(terms) - 1))))

    def _growth(self) -> None:
        """What a half-year adds to a cumulative indicator is a count too."""
        rows, keys = self._evidence.rows, {key: at for at, key in enumerate(self._evidence.keys)}
        codes = [each.code for each in self._evidence.reference.relations if each.kind == "cumulative"]
        cumulative = self._mine & rows["code"].isin(codes).to_numpy() & (rows["subject"] == INDICATOR).to_numpy()
        periods = rows["period"].to_numpy(object)
        for row in np.flatnonzero(cumulative):
            period = periods[row]
            earlier = keys.get(self._evidence.keys[row].replace(f"|{period}|", f"|{HalfYear.parse(period).shift(-1)}|"))
            if earlier is None:
                continue
            for count in self._summed(row):
                pairs = self._states[:, [row, earlier], count]
                for at in np.flatnonzero(self._is_new(pairs[:, np.newaxis, :])[:, 0]):
                    if (pairs[at] != ABSENT).all():
                        self._grows(pairs[at], row, count)

    def _grows(self, pair: Whole, row: int, count: int) -> None:
        now, before = (int(state) for state in pair)
        growth = int(self._value[now] - self._value[before])
        limit = self._evidence.limits
        sensitive = self._evidence.rows["sensitive_side"].iat[row]
        threshold = int(limit.people[row] if count == N else limit.side[row])
        is_secret = 0 < growth < threshold and (count == N or sensitive in ("numerator", "both"))
        if not is_secret and self._all_known(now, before):
            return
        # People move: a district may lose some. Where none did, the attacker takes it that figures only grow.
        unknown = self._make(
            f"{self._name(now)}|growth|{self._name(before)}",
            f"what the half-year adds to the {self._words(now)}",
            0 if growth >= 0 else None,
            growth,
        )
        words = f"cumulative: {self._evidence.count_name(row, count)} of {self._where(row)}"
        self._add(
            "equation", f"growth|{self._name(now)}|{self._name(before)}", words, (now, before, unknown), (1, -1, -1)
        )
        if is_secret:
            self._protect(unknown, row, threshold)

    def _revisions(self) -> None:
        """A change of a count is a count, until the half-year is final."""
        if not self._scope:
            return
        evidence = self._evidence
        counted = np.zeros(self._states.shape[1:], dtype=bool)
        for kind, counts in {
            "proportion": (N, NUMERATOR, COMPLEMENT),
            "ratio": (N, NUMERATOR),
            "rate": (NUMERATOR,),
            "mean": (N,),
            LIFE_DOMAIN: (N, *OUTCOMES),
        }.items():
            counted[np.ix_(self._kind == kind, counts)] = True
        counted &= (self._mine & ~evidence.final[self._scope[-1]])[:, np.newaxis]
        newest = np.full(counted.shape, ABSENT)
        last_shown = np.full(counted.shape, ABSENT)
        for at, place in enumerate(self._scope):
            now = self._states[at]
            for before in (newest, last_shown):
                differs = counted & (now != ABSENT) & (before != ABSENT) & (now != before)
                change = np.abs(self._value[now] - self._value[before])
                is_small = (change > 0) & (change < evidence.limits.side[:, np.newaxis])
                for row, count in np.argwhere(differs & is_small):
                    self._changed(int(before[row, count]), int(now[row, count]), row)
            is_shown = evidence.shows[place] & ~evidence.pending[place]
            last_shown = np.where(is_shown[:, np.newaxis] & (now != ABSENT), now, last_shown)
            newest = np.where(now != ABSENT, now, newest)

    def _changed(self, old: int, new: int, row: int) -> None:
        if self._first[old] > self._first[new]:
            old, new = new, old
        unknown = self._make(
            f"change|{self._name(old)}|{self._name(new)}",
            f"the change of the {self._words(new)}",
            None,
            int(self._value[new] - self._value[old]),
        )
        words = f"the {self._words(new)} is what it was before and the change"
        self._add("equation", f"change|{self._name(old)}|{self._name(new)}", words, (old, unknown, new), (1, 1, -1))
        self._protect(unknown, row, None)
        self._changes.add(unknown)
        if self._value[new] > self._value[old]:
            self._within.append((new, unknown))

    # putting it together

    def _without_idle_pools(self, is_open: Mask) -> None:
        """Leave out pooled figures that nobody was shown and that hide nothing themselves.

        Each count of such a figure is the sum of its parts and no more is known of it: what is said of it (sides,
        scale, that it is not negative) follows from what is said of the parts.
        """
        pooled = self._subject == POOLED
        figure_of: dict[int, tuple[int, int]] = {}
        busy: set[tuple[int, int]] = set()
        for state in np.flatnonzero(pooled[self._row]).tolist():
            figure_of[state] = figure = (int(self._row[state]), int(self._first[state]))
            if not is_open[state] or state in self._asked:
                busy.add(figure)
        summed: set[int] = set()
        for kind, name, _, terms, _ in self._items:
            figures = {figure_of.get(term) for term in terms}
            whole = figure_of.get(terms[0])
            is_sum = kind == "equation" and name.startswith("pool|") and whole is not None and terms[0] not in summed
            if is_sum and not any(term in figure_of for term in terms[1:]):
                summed.add(terms[0])
            elif len(figures) > 1 or kind not in ("equation", "scale", "limit"):
                busy |= figures - {None}
        idle = {state for state, figure in figure_of.items() if figure not in busy}
        self._items = [item for item in self._items if idle.isdisjoint(item[3])]

    def _close(self) -> Told:
        size = len(self._value) + len(self._made)
        is_open = np.ones(size, dtype=bool)
        is_open[: len(self._value)] = ~self._is_known
        self._without_idle_pools(is_open)
        pairs = []
        for _, _, _, terms, _ in self._items:
            free = [term for term in terms if is_open[term]]
            pairs += [(free[0], term) for term in free[1:]]
        ends = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
        links = sparse.coo_array((np.ones(len(pairs)), tuple(ends)), (size, size))
        _, label = sparse.csgraph.connected_components(links, directed=False)
        wanted = np.zeros(size, dtype=bool)
        asked = sorted(self._asked, key=self._name)
        wanted[label[[term for term in asked if is_open[term]]]] = True
        items = [item for item in self._items if any(is_open[term] and wanted[label[term]] for term in item[3])]
        used = sorted({term for item in items for term in item[3]} | set(asked), key=self._name)

        knowledge, truth, words = Knowledge(), {}, {}
        for term in used:
            name, low, value = self._name(term), self._low(term), self._true(term)
            knowledge.unknown(name, low)
            truth[name] = value
        for term in used:
            if not is_open[term]:
                name, sentence = self._figure(term)
                knowledge.figure(name, self._name(term), self._true(term))
                words[name] = sentence
        for kind, name, sentence, terms, rest in items:
            names = [self._name(term) for term in terms]
            words[name] = sentence
            if kind == "equation":
                knowledge.equation(name, dict(zip(names, rest, strict=True)))
            elif kind == "figure":
                knowledge.figure(name, names[0], *rest)
            elif kind == "limit":
                knowledge.at_most(name, *names)
            elif kind == "scale":
                knowledge.scale(name, *names, *rest)
            else:
                knowledge.quotient(name, *names, *rest, per=1)
        for term in asked:
            width, at_least = self._asked[term]
            knowledge.hide(self._name(term), width, at_least)
        told = {self._name(term): self._words(term) for term in asked}
        changes = frozenset(self._name(term) for term in self._changes)
        # a name starts with the key of its row, but for changes, which count nobody
        periods = {name: name.split("|")[KEY.index("period")] for name in told if name not in changes}
        last = max(periods.values(), default="")
        newest = frozenset(name for name, period in periods.items() if period == last)
        return Told(knowledge.system(truth), told, words, changes, newest, self._parts(asked))

    def _parts(self, asked: Iterable[int]) -> dict[str, frozenset[str]]:
        """Which protected counts lie within each protected count of one person."""
        within: dict[int, set[int]] = {}
        for kind, _, _, terms, rest in self._items:
            if kind == "equation" and rest[0] == 1 and set(rest[1:]) == {-1}:
                within.setdefault(terms[0], set()).update(terms[1:])
                if len(terms) == 2:
                    within.setdefault(terms[1], set()).add(terms[0])
            elif kind in ("limit", "scale"):
                within.setdefault(terms[1], set()).add(terms[0])
        for whole, part in self._within:
            within.setdefault(whole, set()).add(part)
        # files and scores are those of the people in n
        for states in self._states[:, np.isin(self._kind, ["ratio", "mean"])]:
            for n, numerator in states[:, :2].tolist():
                if ABSENT not in (n, numerator):
                    within.setdefault(n, set()).add(numerator)
        found = {}
        for count in asked:
            if self._true(count) == 1:
                reached, queue = {count}, [count]
                while queue:
                    new = within.get(queue.pop(), set()) - reached
                    reached |= new
                    queue += new
                found[self._name(count)] = frozenset(map(self._name, reached & self._asked.keys()))
        return found

    def _figure(self, term: int) -> tuple[str, str]:
        name, words = self._name(term), self._words(term)
        if self._nobody[term]:
            return f"nobody|{name}", f"nobody is counted in the {words}"
        if self._public[term]:
            return f"public|{name}", f"the residents of {self._where(self._row[term])}"
        release = self._release(self._known_by[term])
        return f"shown|{name}", f"the {words}, shown in {release}"

    def _low(self, term: int) -> int | None:
        return 0 if term < len(self._value) else self._made[term - len(self._value)][2]

    def _true(self, term: int) -> int:
        return int(self._value[term]) if term < len(self._value) else self._made[term - len(self._value)][3]

    def _name(self, term: int) -> str:
        name = self._names.get(term)
        if name is None:
            if term >= len(self._value):
                return self._made[term - len(self._value)][0]
            row, count = int(self._row[term]), int(self._count[term])
            release = self._release(self._first[term])
            name = f"{self._evidence.keys[row]}|{COUNTS[self._subject[row]][count]}|{release}"
            self._names[term] = name
        return name

    def _words(self, term: int) -> str:
        if term >= len(self._value):
            return self._made[term - len(self._value)][1]
        row = int(self._row[term])
        return f"{self._evidence.count_name(row, int(self._count[term]))} of {self._where(row)}"

    def _where(self, row: int) -> str:
        return self._evidence.labels[row]

    def _release(self, at: int) -> str:
        return self._evidence.releases[self._scope[at]].release_id

    def _make(self, name: str, words: str, low: int | None, value: int) -> int:
        """An unknown that is no count of a table."""
        if name not in self._made_at:
            self._made_at[name] = len(self._value) + len(self._made)
            self._made.append((name, words, low, value))
        return self._made_at[name]

    def _add(self, kind: str, name: str, words: str, terms: Iterable[int], rest: tuple) -> None:
        if name not in self._seen:
            self._seen.add(name)
            self._items.append((kind, name, words, tuple(int(term) for term in terms), rest))

    def _is_new(self, states: Whole) -> Mask:
        """Release x group: whether anything differs from the release before."""
        new = np.ones(states.shape[:2], dtype=bool)
        new[1:] = (states[1:] != states[:-1]).any(axis=2)
        return new

    def _moments(self, places: list[int]) -> list[int]:
        states = self._states[:, places, :2]
        there = (states != ABSENT).all(axis=(1, 2))
        return np.flatnonzero(
            self._is_new(states.reshape(len(self._scope), 1, states.size // max(1, len(self._scope))))[:, 0] & there
        ).tolist()

    def _all_known(self, *states: int) -> bool:
        return bool(self._is_known[list(states)].all())


def printed_mean(value: float, n: int, total: int, *, published_n: float | None = None) -> str | None:
    """A published mean as it is printed (M1): one decimal below 200 people, else two; None when it is not the mean.

    Args:
        value: as published.
        n: people.
        total: sum of their scores.
        published_n: as published; rounded for the council, which may decide the decimals too.
    """
    near = n if published_n is None or np.isnan(published_n) else int(published_n)
    for decimals in sorted({1 if people < _FINE_MEAN else 2 for people in (n, near)}, reverse=True):
        unit = 10**decimals
        printed = round(value * unit)
        if abs(printed - value * unit) < _NOISE and abs(2 * (printed * n - total * unit)) <= n:
            return f"{printed / unit:.{decimals}f}"
    return None


_FINE_MEAN = 200
_NOISE = 1e-6
