"""Which figures may leave, for all tables together and beside everything that left before.

Belongs here: the decision per figure. Primary rules come from ``rules``, relations from ``counts``, and the cheapest
safe pattern from ``pattern``; this puts them together, half-year for half-year as far as these do not hang together:

1. levels   Figures that break a rule are hidden; others besides, so that no hidden count can be worked out from what is
            shown now or was ever shown (D1, D2, D5, P7).
2. rounding Where that hides much of a table, all counts of what hangs together are rounded instead, when that is chosen
            (T1). What was rounded once stays as it was shown.
3. changes  A count that changed by 1 up to the width since it was last shown keeps showing the old figure, and so do
            others from which that change would follow (D3). Of two means on nearly the same people the first stays
            (M2).
4. pooled   Of each ladder the first figure that is certain enough and gives nothing away (D4).

Does not belong here: reading and writing tables (steps), what the public gets (council).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import isqrt

import pandas as pd

from pipeline.disclosure.counts import (
    INDICATOR,
    LIFE_DOMAIN,
    POOLED,
    Count,
    Key,
    Relations,
    Row,
    indicator_rows,
    life_domain_rows,
    relations_between,
)
from pipeline.disclosure.history import COUNCIL, PARTNERS, History, Settled, Shown
from pipeline.disclosure.pattern import Pattern, cheapest_pattern
from pipeline.disclosure.problem import Cell, Equation, Problem, Status, protection_levels
from pipeline.disclosure.rounding import KINDS, Counts, Lot, is_much_hidden, rounded_counts
from pipeline.disclosure.rules import (
    NO_DATA,
    PRIMARY,
    PUBLISHED,
    SECONDARY,
    Judgement,
    Limits,
    Need,
    judge_categories,
    judge_indicator,
    limits_of,
)
from pipeline.disclosure.vintages import Earlier
from pipeline.processes import Workers

UNRELIABLE = "unreliable"
NOT_OFFERED = "not_offered"
JOINT, POOL, CHANGE = "D5", "D4", "D3"

# What a figure is worth. Hiding one that is too uncertain to show costs next to nothing, the municipality's is dear,
# and so is what readers had before; the rest decides between figures that would otherwise be equal.
_WORTH = 100
_WORTH_UNRELIABLE = 20
_WORTH_MUNICIPALITY = 2000
_WORTH_OF_HAVING = 100
_WORTH_OF_SIZE = 50
_CHEAP_IN_A_HIDDEN_DISTRICT = 40
# In the pattern of changes: that a figure stays old, that a new one stays away.
_STALE, _AWAY = 200, 300
_POOLED_WORTH = 40


@dataclass
class Decided:
    """What is decided about one figure.

    Attributes:
        status: published, suppressed_primary, suppressed_secondary, no_data; of a pooled figure also unreliable or
            not_offered.
        rule: behind a hidden figure.
        is_pending: whether it shows what was shown before.
    """

    status: str
    rule: str = ""
    is_pending: bool = False


@dataclass(frozen=True)
class Effort:
    """What a pattern cost: the half-years that it covers, weight hidden, lower bound of that, seconds."""

    periods: tuple[str, ...]
    objective: int
    bound: int
    seconds: float


@dataclass
class Decisions:
    """Everything that is decided for partners.

    Attributes:
        rows: all figures with data, by key.
        decided: per figure.
        efforts: of the patterns.
        withheld: figures that the council would have got, were they not to tell too much of districts.
        rounded: counts of figures that are shown rounded, and do not wait.
    """

    rows: dict[Key, Row]
    decided: dict[Key, Decided]
    efforts: list[Effort] = field(default_factory=list)
    withheld: Collection[Key] = ()
    rounded: Counts = field(default_factory=dict)


@dataclass(frozen=True)
class Known:
    """What is known beside the figures.

    Attributes:
        kinds: kind per indicator.
        sensitive: sensitive side per indicator.
        relations: ``seeds/indicator_relations.csv``.
        limits: thresholds by half-year.
        members: the parts of each pooled figure.
        final: half-years that are final now.
        scores: lowest and highest score per indicator that is a mean.
    """

    kinds: Mapping[str, str]
    sensitive: Mapping[str, str]
    relations: pd.DataFrame
    limits: Callable[[str], Limits]
    members: Mapping[Key, Sequence[Key]]
    final: Collection[str]
    scores: Mapping[str, tuple[int, int]]


def known_from(
    indicators: pd.DataFrame,
    thresholds: pd.DataFrame,
    relations: pd.DataFrame,
    members: pd.DataFrame,
    questions: pd.DataFrame,
    final: Collection[str] = (),
) -> Known:
    """Put together what is known beside the figures.

    Args:
        indicators: indicator_code, consortium_code, kind, sensitive_side, question_code.
        thresholds: as in ``seeds/thresholds.csv``.
        relations: as in ``seeds/indicator_relations.csv``.
        members: as in ``reliability.pooled_member``.
        questions: question_code, scale_min, scale_max.
        final: half-years that are final now.
    """
    consortium = dict(zip(indicators["indicator_code"], indicators["consortium_code"], strict=True))
    ends = {
        question: (int(lowest), int(highest))
        for question, lowest, highest in questions[["question_code", "scale_min", "scale_max"]].itertuples(
            index=False, name=None
        )
    }
    parts: dict[Key, list[Key]] = defaultdict(list)
    columns = ["consortium_code", "indicator_code", "district_code", "period", "pooled_over"]
    columns += ["member_indicator", "member_district", "member_period"]
    for *pool, code, area, period in members[columns].itertuples(index=False, name=None):
        parts[Key(POOLED, *pool)].append(Key(INDICATOR, consortium[code], code, area, period))
    return Known(
        kinds=dict(zip(indicators["indicator_code"], indicators["kind"], strict=True)),
        sensitive=dict(zip(indicators["indicator_code"], indicators["sensitive_side"], strict=True)),
        relations=relations,
        limits=limits_of(thresholds),
        members=parts,
        final=frozenset(final),
        scores={
            code: ends[question]
            for code, kind, question in indicators[["indicator_code", "kind", "question_code"]].itertuples(
                index=False, name=None
            )
            if kind == "mean"
        },
    )


def judged_rows(
    cells: pd.DataFrame, domains: pd.DataFrame, pooled: pd.DataFrame, verdicts: pd.DataFrame, known: Known
) -> list[Row]:
    """All figures with what the rules on one figure and reliability say of them, ordered by key.

    Args:
        cells: as in ``cells.indicator_cell``.
        domains: as in ``cells.life_domain_cell``.
        pooled: as in ``reliability.pooled_cell``.
        verdicts: consortium_code, indicator_code, district_code, period, pooled_over, verdict.
        known: what is known besides.
    """
    said = {
        Key(POOLED if key[4] else INDICATOR, *key): verdict
        for *key, verdict in verdicts[
            ["consortium_code", "indicator_code", "district_code", "period", "pooled_over", "verdict"]
        ].itertuples(index=False, name=None)
    }
    rows = indicator_rows(cells, known.kinds) + life_domain_rows(domains)
    rows += indicator_rows(pooled, known.kinds, POOLED)
    for row in rows:
        limits = known.limits(row.key.period)
        if row.kind == "categories":
            row.judgement = judge_categories(row.counts, row.persons, limits)
        else:
            row.judgement = judge_indicator(
                row.kind,
                known.sensitive[row.key.code],
                row.counts,
                row.persons,
                limits,
                scores=known.scores.get(row.key.code),
            )
        row.verdict = said.get(row.key)
    return sorted(rows, key=lambda row: row.key)


def protect(
    rows: Sequence[Row],
    ladders: Sequence[Key],
    known: Known,
    history: History,
    public: Mapping[Key, Mapping[str, int]],
    report: Callable[[str, int, int], None] = lambda what, done, of: None,
    seconds: float = 20.0,
    lot: Lot | None = None,
) -> Decisions:
    """Decide for each figure.

    Args:
        rows: as ``judged_rows`` gives them.
        ladders: keys of pooled figures, those of one ladder in the order in which they are offered.
        known: what is known besides.
        history: what has left.
        public: counts of municipality figures that the council gets, as rounded to the base.
        report: told what is being done, how far, and of how many.
        seconds: for the proof that a pattern is the cheapest, per part that hangs together.
        lot: by which counts are rounded where much would be hidden; then everything is hidden when None.
    """
    with Workers() as workers:
        search = _Protection(rows, known, history, public, seconds, workers)
        search.levels(report)
        if lot is not None:
            search.rounding(lot)
        search.changes(report)
        search.pooled(ladders, report)
    return Decisions(search.rows, search.decided, search.efforts, search.withheld, search.rounded)


class _Protection:
    def __init__(
        self,
        rows: Sequence[Row],
        known: Known,
        history: History,
        public: Mapping[Key, Mapping[str, int]],
        seconds: float,
        workers: Workers,
    ) -> None:
        self._workers = workers
        self.rows = {row.key: row for row in rows}
        self.decided: dict[Key, Decided] = {}
        self.efforts: list[Effort] = []
        self.rounded: Counts = {}
        self._known, self._history, self._public, self._seconds = known, history, public, seconds
        self._shown = history.shown[PARTNERS]
        self._ever, self._told = history.ever[PARTNERS], history.told
        self._units = self._connected()
        self._relations: dict[int, Relations] = {}
        self._earlier = Earlier(
            history,
            self._judged,
            list(known.relations[["indicator_code", "relation", "other_code"]].itertuples(index=False, name=None)),
            lambda code: known.sensitive[code] in ("numerator", "both"),
            known.limits,
            known.members,
            known.final,
        )
        self._past: set[Count] = set()
        self._unit_of = {key: at for at, unit in enumerate(self._units) for key in unit}
        self._round = {at for at, unit in enumerate(self._units) if any(key in history.rounded for key in unit)}
        self._waiting: set[int] = set()
        self._staying: set[Key] = set()
        self._withheld: set[Key] = set()
        hidden = defaultdict(list)
        for row in rows:
            if row.key.subject != POOLED and row.has_data:
                hidden[row.key.district_code].append(bool(row.judgement.rule))
        self._hidden_share = {area: sum(each) / len(each) for area, each in hidden.items()}

    @property
    def withheld(self) -> Collection[Key]:
        """Figures that the council does not get for the sake of districts."""
        return frozenset(self._withheld)

    # ---- levels

    def levels(self, report: Callable[[str, int, int], None]) -> None:
        """Hide what breaks a rule, and what would give it away."""
        posed: list[tuple[list[Row], Problem | None]] = []
        for at, unit in enumerate(self._units):
            rows = [self.rows[key] for key in unit]
            for row in rows:
                if row.key.subject == POOLED:
                    continue
                if not row.has_data:
                    self.decided[row.key] = Decided(NO_DATA)
                else:
                    rule = row.judgement.rule
                    self.decided[row.key] = Decided(PRIMARY, rule) if rule else Decided(PUBLISHED)
            if at in self._round:
                self._stay_rounded(rows)
            elif not self._as_before(rows):
                posed.append((rows, self._problem(rows, self._beside_earlier(rows), self._level)))
        again: list[tuple[list[Row], Problem | None]] = []
        for rows, pattern in self._solved(posed, partial(report, "levels")):
            changed = {row.key for row in rows if self._has_moved(row)}
            public = {row.key for row in rows if row.key in self._public}
            if self._lost(pattern) and (changed or public):
                # What left before cannot be hidden any more. So what is new in these figures stays away altogether, and
                # the council does without a total that tells too much of its districts.
                self._staying |= changed
                self._withheld |= public
                again.append((rows, self._problem(rows, self._beside_earlier(rows), self._level)))
            else:
                self._take(rows, pattern)
        for rows, pattern in self._solved(again, partial(report, "levels")):
            self._take(rows, pattern)

    def _take(self, rows: Sequence[Row], pattern: Pattern | None) -> None:
        hidden = _hidden_rows(pattern)
        if pattern is not None and any(row.key in self._shown for row in rows):
            # What cannot be protected beside what has left is not published: new figures of that half-year stay away.
            lost = {count.key.period for count in self._lost(pattern)}
            hidden |= {row.key for row in rows if row.key.period in lost and row.key not in self._shown}
        for key in hidden:
            if key.subject != POOLED and self.decided[key].status == PUBLISHED:
                self.decided[key] = Decided(SECONDARY, JOINT)
        self._spent(rows, pattern)

    def _level(self, row: Row, name: str, value: int) -> dict:
        """How one count stands in the pattern of levels."""
        if row.key in self._staying:
            return {"status": Status.MUST_HIDE, **_levels(row.judgement.needs.get(name), value)}
        if not row.has_data or self._is_out(row.key, name, value) or row.key.subject == POOLED:
            return {"status": Status.KNOWN}
        known = None if row.key in self._withheld else self._public.get(row.key, {}).get(name)
        # where nobody is counted the status says so
        bounds = {"lower": min(value, 1)} if name == "n" else {}
        if known is not None and abs(value - known) <= self._half_base(row):
            bounds = {
                "lower": max(bounds.get("lower", 0), known - self._half_base(row)),
                "upper": known + self._half_base(row),
            }
        if row.judgement.rule:
            return {"status": Status.MUST_HIDE, **_levels(row.judgement.needs.get(name), value), **bounds}
        return {"status": Status.MAY_HIDE, "weight": self._worth(row), **bounds}

    def _half_base(self, row: Row) -> int:
        return self._known.limits(row.key.period).base // 2

    def _is_out(self, key: Key, name: str, value: int) -> bool:
        """Whether a count was ever told with a value that tells the present one as closely as P7 forbids."""
        near = self._known.limits(key.period).width - 1
        if name == "numerator" and self.rows[key].kind == "mean":
            # the sum of scores left with its n, as closely as the mean was rounded
            name, value = "n", self.rows[key].counts["n"]
        return any(abs(value - each) <= near for each in self._ever.get(key, {}).get(name, ()))

    def _worth(self, row: Row) -> int:
        if row.verdict == "not_publishable":
            return _WORTH_UNRELIABLE
        worth = _WORTH + min(_WORTH_OF_SIZE, isqrt(row.counts["n"]))
        worth += _WORTH_MUNICIPALITY if row.is_municipality else 0
        before = self._history.settled.get(row.key)
        worth += _WORTH_OF_HAVING if before is not None and before.status == PUBLISHED else 0
        return worth - int(_CHEAP_IN_A_HIDDEN_DISTRICT * self._hidden_share.get(row.key.district_code, 0.0))

    def _as_before(self, rows: Sequence[Row]) -> bool:
        """Keep what the newest release decided where nothing has changed since (D2); False when something has."""
        before = {}
        of_council = self._history.shown[COUNCIL]
        if any(row.key in self._public and row.key not in of_council for row in rows):
            # a total that the council did not get may have been kept from it for the sake of districts
            return False
        for row in rows:
            if row.key.subject == POOLED:
                continue
            settled = self._history.settled.get(row.key)
            if settled is None or any(settled.counts.get(name) != now for name, now in row.stored_counts.items()):
                return False
            before[row.key] = PUBLISHED if settled.status == UNRELIABLE else settled.status
            if (before[row.key] == PRIMARY) != (self.decided[row.key].status == PRIMARY):
                return False
        for key, status in before.items():
            if status == SECONDARY:
                self.decided[key] = Decided(SECONDARY, JOINT)
        return True

    # ---- rounding

    def rounding(self, lot: Lot) -> None:
        """Round what hangs together where much of a table of it is hidden."""
        limits = self._known.limits
        hidden = {key for key, each in self.decided.items() if each.status in (PRIMARY, SECONDARY)}
        for at, unit in enumerate(self._units):
            rows = [self.rows[key] for key in unit]
            if at in self._round or not is_much_hidden(rows, hidden, limits) or not self._may_be_rounded(rows):
                continue
            counts = rounded_counts(rows, self._relate, limits, lot)
            if counts is not None:
                self._round.add(at)
                self.rounded |= counts
                self._withheld -= counts.keys()
                self.decided |= {key: Decided(PUBLISHED) for key in counts}

    def _may_be_rounded(self, rows: Sequence[Row]) -> bool:
        """Whether nothing of it has left, and it is as a whole sure enough for shares."""
        return all(
            row.kind in KINDS
            and row.key.subject != POOLED
            and not any(row.key in self._history.ever[audience] for audience in (PARTNERS, COUNCIL))
            # beside a figure that was too uncertain its statistics left
            and self._history.settled.get(row.key, _NOTHING).status == NO_DATA
            and not (row.is_municipality and row.verdict == "not_publishable")
            for row in rows
            if row.has_data
        )

    def _stay_rounded(self, rows: Sequence[Row]) -> None:
        """Show again what was shown: a second rounding beside the first one would narrow both down.

        Where a count has changed, all that hangs together waits with its correction.
        """
        before = self._history.settled
        has_changed = any(
            row.key not in before
            or any(before[row.key].counts.get(name) != now for name, now in row.stored_counts.items())
            for row in rows
        )
        for row in rows:
            shown = self._shown.get(row.key)
            if not has_changed and not row.counts["n"]:
                continue  # nobody is shown as nobody
            if shown is None:
                if row.has_data:
                    self.decided[row.key] = Decided(SECONDARY, CHANGE)
            elif has_changed or row.key not in self._history.rounded:
                self.decided[row.key] = Decided(PUBLISHED, is_pending=True)
            else:
                self.decided[row.key] = Decided(PUBLISHED)
                self.rounded[row.key] = dict(shown.counts)

    # ---- changes

    def changes(self, report: Callable[[str, int, int], None]) -> None:
        """Let small changes wait, and what would give them away."""
        posed, of_unit = [], []
        for at, unit in enumerate(self._units):
            rows = [self.rows[key] for key in unit]
            if at not in self._round and any(self._keeps(row) or self._hides_a_small_change(row) for row in rows):
                posed.append((rows, self._problem(rows, self._related(at), self._change, changes=True)))
                of_unit.append(at)
        for at, (rows, pattern) in zip(of_unit, self._solved(posed, partial(report, "changes")), strict=True):
            waiting = {row.key for row in rows if self._keeps(row)}
            waiting |= _hidden_rows(pattern)
            if pattern is not None and pattern.unprotectable:
                waiting |= {row.key for row in rows if self._is_shown(row.key)}
            self._waiting.add(at)
            for key in waiting:
                if key in self._shown:
                    self.decided[key] = Decided(PUBLISHED, is_pending=True)
                elif key.subject != POOLED and self._is_shown(key):
                    self.decided[key] = Decided(SECONDARY, CHANGE)
            self._spent(rows, pattern)

    def _change(self, row: Row, name: str, value: int) -> dict:
        """How one count stands in the pattern of changes: hidden means here that its new value is not told."""
        if not row.has_data and row.key not in self._shown:
            return {"status": Status.KNOWN}
        width = self._known.limits(row.key.period).width
        if self._keeps(row):
            need = Need(width) if name in self._small_changes(row) else None
            return {"status": Status.MUST_HIDE, **_levels(need, value)}
        if not self._is_shown(row.key):
            change = self._change_of_hidden(row)
            if row.key in self._history.settled and not change:
                # nobody sees a change there, so a reader takes it that there is none
                return {"status": Status.KNOWN}
            need = Need(width) if 0 < abs(change.get(name, 0)) < width else None
            return {"status": Status.MUST_HIDE, **_levels(need, value)}
        if row.key not in self._shown:
            return {"status": Status.MAY_HIDE, "weight": _AWAY}
        # that a figure looks as if it waits protects nothing from who guesses that it did not change
        return {"status": Status.MAY_HIDE, "weight": _STALE} if self._has_moved(row) else {"status": Status.KNOWN}

    def _change_of_hidden(self, row: Row) -> dict[str, int]:
        """By how much the counts of a hidden figure changed since the newest release."""
        before = self._history.settled.get(row.key)
        if before is None:
            return {}
        then = dict(before.counts)
        if "complement" in row.counts:
            then["complement"] = then["n"] - then["numerator"]
        names = [name for name in row.secret_counts if name in then]
        return {name: row.counts[name] - then[name] for name in names if row.counts[name] != then[name]}

    def _hides_a_small_change(self, row: Row) -> bool:
        """Whether a hidden figure changed by so little that nobody may know it; until the half-year is final."""
        if self._is_shown(row.key) or row.key.period in self._known.final:
            return False
        width = self._known.limits(row.key.period).width
        return any(abs(change) < width for change in self._change_of_hidden(row).values())

    def _keeps(self, row: Row) -> bool:
        """Whether a figure certainly stays as it was shown."""
        return bool(self._small_changes(row)) or self._is_same_mean(row) or row.key in self._staying

    def _is_same_mean(self, row: Row) -> bool:
        """Whether a mean was shown of almost the same people: both together would tell the scores of the few (M2)."""
        if row.kind != "mean":
            return False
        few = self._known.limits(row.key.period).persons
        return any(0 < abs(row.counts["n"] - each) < few for each in self._ever.get(row.key, {}).get("n", ()))

    def _has_moved(self, row: Row) -> bool:
        """Whether a figure is not what was last told of it."""
        base = self._told.get(row.key)
        return base is not None and any(row.counts[name] != count for name, count in base.counts.items())

    def _small_changes(self, row: Row) -> set[str]:
        """Counts that changed a little since they were last told, unless the half-year became final since."""
        base = self._told.get(row.key)
        if base is None or self._became_final(row.key, base):
            return set()
        width = self._known.limits(row.key.period).width
        old = dict(base.counts)
        if "complement" in row.counts and "numerator" in old:
            old["complement"] = old["n"] - old["numerator"]
        return {name for name, now in row.secret_counts.items() if name in old and 0 < abs(now - old[name]) < width}

    def _became_final(self, key: Key, base: Shown) -> bool:
        """A change after the half-year became final, or by an erasure, waits until it is large enough."""
        erased = self._history.erased.get(key.consortium_code, "")
        return key.period in self._known.final and not base.is_final and not erased > base.at

    def _is_shown(self, key: Key) -> bool:
        if key.subject == POOLED and key not in self.decided:
            return key in self._shown
        return self.decided[key].status == PUBLISHED

    # ---- pooled figures

    def pooled(self, ladders: Sequence[Key], report: Callable[[str, int, int], None]) -> None:
        """Offer of each ladder the first figure that gives nothing away."""
        steps: dict[Key, list[Key]] = defaultdict(list)
        for key in ladders:
            steps[key._replace(pooled_over="")].append(key)
        open_ladders = sorted(steps)
        offered: set[Key] = set()
        while open_ladders:
            candidates = []
            for ladder in open_ladders:
                for key in steps[ladder]:
                    if key not in self.decided or self.decided[key].is_pending:
                        self.decided[key] = self._first_view(key)
                    if self.decided[key].status == PUBLISHED:
                        candidates.append(key)
                        break
            refused = self._refused(candidates, offered, partial(report, "pooled"))
            for key in candidates:
                if key in refused:
                    self.decided[key] = Decided(SECONDARY, POOL)
                else:
                    offered.add(key)
            open_ladders = sorted({key._replace(pooled_over="") for key in refused})
        for ladder in steps.values():
            shown = False
            for key in ladder:
                if shown or key not in self.decided:
                    self.decided[key] = Decided(NOT_OFFERED)
                shown |= self.decided[key].status == PUBLISHED

    def _first_view(self, key: Key) -> Decided:
        """What is to be said of a pooled figure by itself."""
        row = self.rows[key]
        if any(self._unit_of.get(part) in self._round for part in self._known.members.get(key, ())):
            # its sum would hold an exact count beside rounded ones
            return Decided(NOT_OFFERED)
        if row.verdict == "not_publishable":
            return Decided(UNRELIABLE)
        if row.judgement.rule:
            return Decided(PRIMARY, row.judgement.rule)
        if not row.has_data:
            return Decided(NO_DATA)
        touched = any(self._unit_of.get(part) in self._waiting for part in self._known.members.get(key, ()))
        changed = key in self._shown and any(
            self._shown[key].counts.get(name) not in (None, row.counts[name]) for name in row.secret_counts
        )
        if touched or self._keeps(row):
            if key in self._shown:
                return Decided(PUBLISHED, is_pending=changed or touched)
            return Decided(SECONDARY, CHANGE)
        return Decided(PUBLISHED)

    def _refused(
        self, candidates: Sequence[Key], offered: Collection[Key], report: Callable[[int, int], None]
    ) -> set[Key]:
        """Candidates that would give something away."""
        new = [key for key in candidates if not self.decided[key].is_pending and not self._is_told(key)]
        # Refused once is refused for as long as the figure is the same (D2), which also need not be settled again.
        refused = {key for key in new if self._history.refused.get(key) == self.rows[key].stored_counts}
        new = [key for key in new if key not in refused]
        if not new:
            return refused
        groups = _Groups(range(len(self._units)))
        told = [key for key in self.rows if key.subject == POOLED and (key in offered or key in self._ever)]
        for key in [*new, *told]:
            groups.join([self._unit_of[part] for part in self._known.members.get(key, ()) if part in self._unit_of])
        pools: dict[int, list[Key]] = defaultdict(list)
        for key in [*new, *told]:
            parts = [self._unit_of[part] for part in self._known.members.get(key, ()) if part in self._unit_of]
            if parts:
                pools[groups.root(parts[0])].append(key)
        units: dict[int, list[Key]] = defaultdict(list)
        for at, unit in enumerate(self._units):
            units[groups.root(at)] += [key for key in unit if key.subject != POOLED]
        fresh = set(new)
        posed = []
        for root, keys in sorted(pools.items()):
            if fresh & set(keys):
                rows = [self.rows[key] for key in sorted({*units[root], *keys})]
                level = partial(self._pool_level, fresh=fresh)
                posed.append((rows, self._problem(rows, self._beside_earlier(rows), level)))
        for rows, pattern in self._solved(posed, report):
            refused |= _hidden_rows(pattern) & fresh
            self._spent([row for row in rows if row.key in fresh], pattern)
        return refused

    def _is_told(self, key: Key) -> bool:
        """Whether exactly this pooled figure has been shown before."""
        row, shown = self.rows[key], self._shown.get(key)
        return shown is not None and all(
            shown.counts.get(name) in (None, row.counts[name]) for name in row.secret_counts
        )

    def _pool_level(self, row: Row, name: str, value: int, *, fresh: Collection[Key]) -> dict:
        if row.key in fresh:
            return {"status": Status.MAY_HIDE, "weight": _POOLED_WORTH + min(20, isqrt(row.counts["n"]))}
        if row.key.subject == POOLED:
            return {"status": Status.KNOWN}
        level = self._level(row, name, value)
        if level["status"] is Status.MAY_HIDE:
            is_hidden = self.decided[row.key].status == SECONDARY
            bounds = {each: level[each] for each in ("lower", "upper") if each in level}
            return {"status": Status.MUST_HIDE if is_hidden else Status.KNOWN, **bounds}
        return level

    # ---- what they share

    def _connected(self) -> list[list[Key]]:
        """Figures that hang together, as sorted lists of keys; pooled figures that were ever shown tie them too."""
        codes = _Groups(self._known.kinds)
        cumulative = set()
        for code, relation, other in self._known.relations[["indicator_code", "relation", "other_code"]].itertuples(
            index=False, name=None
        ):
            if relation == "cumulative":
                cumulative.add(code)
            else:
                codes.join([code, other])
        units: dict[tuple, list[Key]] = defaultdict(list)
        for key in self.rows:
            if key.subject == LIFE_DOMAIN:
                units[LIFE_DOMAIN, key.consortium_code, key.code, key.period].append(key)
            elif key.subject == INDICATOR:
                group = codes.root(key.code)
                over_time = any(codes.root(each) == group for each in cumulative)
                units[INDICATOR, "", group, "" if over_time else key.period].append(key)
        names = sorted(units)
        place = {key: at for at, name in enumerate(names) for key in units[name]}
        joined = _Groups(range(len(names)))
        told = [key for key in self.rows if key.subject == POOLED and key in self._ever]
        for key in told:
            joined.join([place[part] for part in self._known.members.get(key, ()) if part in place])
        found: dict[int, list[Key]] = defaultdict(list)
        for at, name in enumerate(names):
            found[joined.root(at)] += units[name]
        for key in told:
            parts = [place[part] for part in self._known.members.get(key, ()) if part in place]
            if parts:
                found[joined.root(parts[0])].append(key)
        return [sorted(found[at]) for at in sorted(found)]

    def _related(self, at: int) -> Relations:
        if at not in self._relations:
            self._relations[at] = self._relate([self.rows[key] for key in self._units[at]])
        return self._relations[at]

    def _beside_earlier(self, rows: Sequence[Row]) -> Relations:
        """The relations of today, and what earlier releases told of counts that are as they were."""
        today, before = self._relate(rows), self._earlier.relations(rows)
        self._past |= before.derived.keys()
        return Relations([*today.sums, *before.sums], today.derived | before.derived)

    def _lost(self, pattern: Pattern | None) -> list[Count]:
        """Counts of today that nothing protects; what earlier releases gave away of earlier counts cannot be mended."""
        return [] if pattern is None else [each.key for each in pattern.unprotectable if each.key not in self._past]

    def _judged(self, row: Row, counts: Mapping[str, int]) -> Judgement:
        """What the rules say of earlier counts of a figure."""
        known, limits = self._known, self._known.limits(row.key.period)
        if row.kind == "categories":
            return judge_categories(counts, counts["n"], limits)
        scores = known.scores.get(row.key.code)
        sensitive = known.sensitive[row.key.code]
        return judge_indicator(row.kind, sensitive, {"numerator": 0, **counts}, counts["n"], limits, scores=scores)

    def _relate(self, rows: Sequence[Row]) -> Relations:
        known = self._known
        return relations_between(rows, known.relations, known.sensitive, known.limits, known.members, known.scores)

    def _problem(
        self, rows: Sequence[Row], relations: Relations, level: Callable[..., dict], *, changes: bool = False
    ) -> Problem | None:
        """The problem of these figures; None when there is nothing to protect."""
        cells, needed = [], False
        used = {count for terms in relations.sums for count in terms}
        for row in rows:
            first = True
            for name, value in row.all_counts.items():
                if Count(row.key, name) not in used:
                    continue
                stands = level(row, name, value)
                if stands["status"] is Status.MAY_HIDE:
                    # a figure is hidden as a whole, so its worth is told once
                    stands["weight"] = stands["weight"] if first else 0
                    first = False
                needed |= any(stands.get(each, 0) for each in _LEVELS)
                row_name = None if stands["status"] is Status.KNOWN else row.key
                cells.append(Cell(Count(row.key, name), value, row=row_name, **stands))
        for derived in relations.derived.values():
            # how fast something grew, or what it lies below, says nothing about what a correction changed
            lower = -_ANYTHING if changes or derived.lower is None else derived.lower
            levels = {} if changes else _levels(derived.need, derived.value)
            needed |= any(levels.values())
            status = Status.KNOWN if derived.is_known else Status.MUST_HIDE
            cells.append(Cell(derived.count, derived.value, 1, status, lower, **levels))
        if not needed:
            return None
        return Problem(tuple(cells), tuple(Equation(tuple(terms.items())) for terms in relations.sums))

    def _solved(
        self, posed: Sequence[tuple[list[Row], Problem | None]], report: Callable[[int, int], None]
    ) -> Iterable[tuple[list[Row], Pattern | None]]:
        """The figures of each problem with its pattern; None where there was no problem."""
        problems = [problem for _, problem in posed if problem is not None]
        solve = partial(cheapest_pattern, seconds_per_component=self._seconds)
        # what may be hidden is what takes time
        sizes = [1 + sum(cell.status is Status.MAY_HIDE for cell in problem.cells) for problem in problems]
        patterns = iter(self._workers.spread(solve, problems, sizes, report))
        return [(rows, None if problem is None else next(patterns)) for rows, problem in posed]

    def _spent(self, rows: Sequence[Row], pattern: Pattern | None) -> None:
        if pattern is not None:
            periods = tuple(sorted({row.key.period for row in rows}))
            self.efforts.append(Effort(periods, pattern.objective, pattern.bound, pattern.seconds))


# of a figure that no release had
_NOTHING = Settled(NO_DATA, {})
# below every count that people can have
_ANYTHING = 1_000_000
_LEVELS = ("lower_level", "upper_level", "sliding_level")


def _hidden_rows(pattern: Pattern | None) -> set[Key]:
    """Figures hidden to protect others."""
    return set() if pattern is None else {count.key for count in pattern.secondary}


class _Groups:
    """Names that belong together (union and find)."""

    def __init__(self, names: Iterable) -> None:
        self._parent = {name: name for name in names}

    def root(self, name):
        while self._parent[name] != name:
            self._parent[name] = self._parent[self._parent[name]]
            name = self._parent[name]
        return name

    def join(self, names: Sequence) -> None:
        for name in names[1:]:
            one, other = sorted((self.root(names[0]), self.root(name)))
            self._parent[other] = one


def _levels(need: Need | None, value: int) -> dict[str, int]:
    return protection_levels(value, need.width, need.at_least) if need else {}
