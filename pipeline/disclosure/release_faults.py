"""What is wrong with the files of a release, as far as it can be seen without an attack.

Belongs here: what the files show held against the sealed truth, the rules and themselves. Sentences name the figure,
never its value. Not here: what follows from several figures together (evidence, witnesses).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from pipeline.disclosure.audit_rules import (
    ABSENT,
    COMPLEMENT,
    COUNCIL,
    INDICATOR,
    LIFE_DOMAIN,
    NUMERATOR,
    POOLED,
    N,
)
from pipeline.disclosure.evidence import NO_DATA, PUBLISHED, TABLES, UNRELIABLE, Evidence, printed_mean, reader
from pipeline.publication.marts_file import MARTS_FILE, attached

STATUSES = (PUBLISHED, "suppressed_primary", "suppressed_secondary", UNRELIABLE, NO_DATA)
_HIDDEN = ("suppressed_primary", "suppressed_secondary")
# of each kind of fault so many figures are named
_NAMED = 5
_KEYS = {
    "fct_indicator": ("consortium_code", "indicator_code", "district_code", "period"),
    "fct_indicator_pooled": ("consortium_code", "indicator_code", "district_code", "period", "pooled_over"),
    "fct_life_domain": ("consortium_code", "life_domain_code", "district_code", "period"),
}
# what a hidden row may say
_HARMLESS = {
    "unit", "verdict", "threshold_version", "status", "low_status", "goal_status", "rule", "step", "delivery_version",
    "obs_status", "conf_status", "is_pending", "is_rounded", "pooled_over",
}  # fmt: skip
# what a row of rounded counts may say besides
_ROUNDED = {"n", "numerator", "value", "improved", "stable", "worsened"}
# what it may say when no number of its own stands in it
_TEXTS = {"verdict_reason", "reason"}
_TELLING_CHECKS = ("value", "second_value", "ci_low", "ci_high", "n", "n_eff")
_DECIMALS = {"proportion": (2, 3), "ratio": (0, 1), "rate": (1, 1)}
_FINE = 1000
_NOISE = 1e-6


def release_faults(own: Evidence, left: Evidence, at: int, scope: list[int]) -> list[str]:
    """Hold a release's files against the truth and the rules.

    Args:
        own: this release alone, as its files have it.
        left: all releases, as they left.
        at: this release's place in ``left``.
        scope: places in ``left`` of what the audience had seen by then, this release last.

    Returns:
        Sentences without values; empty when all is well.
    """
    release = own.releases[0]
    path = release.folder / "files" / MARTS_FILE
    with reader() as connection, attached(connection, path, "seen"):
        tables = _tables(connection)
        faults = _forms(connection, path.parent, tables)
        faults += [
            f"table {name} is missing"
            for name in ("fct_indicator", "fct_life_domain", "dim_period")
            if name not in tables
        ]
        for table in TABLES.keys() & tables.keys():
            faults += _statuses(connection, table, tables[table])
            faults += _expected_keys(connection, table, own)
            faults += _beside_hidden(connection, table, tables[table], own)
            faults += _beside_rounded(connection, table, tables[table])
        faults += _checks_of_hidden(connection, tables)
        faults += _decimals_of_intervals(connection, tables)
        faults += _intervals_of_hidden(connection, tables, left, at, scope)
    judge = _Judge(own, release.audience)
    faults += judge.faults()
    faults += _pending(left, at, scope)
    faults += _two_means(left, at, scope)
    faults += _since_it_left(own, left, at)
    return faults


class _Judge:
    """Figures against truth and rules."""

    def __init__(self, own: Evidence, audience: str) -> None:
        self._own, self._audience = own, audience
        self._kind = own.rows["kind"].to_numpy(object)
        self._shown = own.shows[0]
        self._now = self._shown & ~own.pending[0]
        self._figures = {name: values[0] for name, values in own.figures.items()}
        self._is_life = (own.rows["subject"] == LIFE_DOMAIN).to_numpy()

    def faults(self) -> list[str]:
        """All that is wrong."""
        own, truth = self._own, self._own.true[0]
        rules = own.rules(0, self._audience)
        # of a figure that is only too uncertain the statistics tell the counts
        seen = self._now | ((own.status[0] == UNRELIABLE) & (own.rows["subject"] == INDICATOR).to_numpy())
        # rounding stands in the place of hiding (T1)
        seen &= ~own.is_rounded[0]
        faults = []
        for rule in ("P1", "P3", "P4"):
            faults += self._named(f"shown although {rule} hides it", seen & (rules.rule == rule))
        faults += self._named("shown without a true count", self._now & (truth[:, N] == ABSENT))
        has_n = ~np.isnan(self._figures["n"])
        faults += self._named("shown without n", self._shown & ~has_n)
        mean = self._kind == "mean"
        faults += self._named("a numerator is shown for a mean", mean & ~np.isnan(self._figures["numerator"]))
        faults += self._counts(truth, has_n)
        faults += self._values(truth, has_n)
        faults += self._share("low_share", "low", "rated")
        faults += self._share("goal_attainment", "goals_reached", "goals")
        if self._audience == COUNCIL:
            there = own.status[0] != ""
            faults += self._named("a district in the council's table", there & ~own.rows["is_whole"].to_numpy())
        return faults

    def _counts(self, truth, has_n) -> list[str]:
        own = self._own
        published = own.published_counts(0)
        told = self._now[:, np.newaxis] & (truth != ABSENT) & has_n[:, np.newaxis]
        told[self._kind == "mean", NUMERATOR] = False
        if self._audience != COUNCIL:
            rounded = own.is_rounded[0][:, np.newaxis]
            wrong = (told & ~rounded & (published != truth)).any(axis=1)
            return self._named("differs from the truth", wrong) + self._rounded(truth, published, told & rounded)
        base = own.limits.base[:, np.newaxis]
        told[~self._is_life, 2] = False
        public = np.zeros(told.shape, dtype=bool)
        public[self._kind == "rate", N] = True
        public[self._kind == "count"] = True
        public &= published == truth
        far = told & ~public & ~(np.abs(published - truth) <= base // 2)
        uneven = told & ~public & (published % base != 0)
        return self._named("differs from the truth", far.any(axis=1)) + self._named(
            "not rounded for the council", uneven.any(axis=1) & ~far.any(axis=1)
        )

    def _rounded(self, truth, published, told) -> list[str]:
        """Rounded counts are multiples less than a base from the truth, add up, and give no share on few people."""
        own, rows = self._own, self._own.rows
        base, here = own.limits.base[:, np.newaxis], told.any(axis=1)
        shown = np.where(told, published, 0)
        whole_parts = np.where(self._is_life, shown[:, 1:].sum(axis=1), shown[:, NUMERATOR] + shown[:, COMPLEMENT])
        wrong_sum = here & (whole_parts != shown[:, N])
        in_part = np.zeros(len(rows), dtype=bool)
        for places in rows.groupby(["subject", "code", "period"], sort=True).indices.values():
            if not here[places].any():
                continue
            with_data = places[truth[places, N] > 0]
            in_part[with_data] |= not here[with_data].all()
            sign = np.where(rows["is_whole"].to_numpy()[with_data], 1, -1)[:, np.newaxis]
            # people of no known district are rounded as well
            rest, true_rest = ((sign * table[with_data]).sum(axis=0) for table in (shown, truth))
            off = (np.abs(rest - true_rest) >= base[with_data[0]]) | ((true_rest == 0) & (rest != 0))
            wrong_sum[with_data] |= sign.max() > 0 and bool((off & told[with_data].all(axis=0)).any())
        value = self._figures["value"]
        return (
            self._named("differs from the truth", (told & ~(np.abs(published - truth) < base)).any(axis=1))
            + self._named(
                "called rounded, and is no multiple of the base", (told & (published % base != 0)).any(axis=1)
            )
            + self._named("rounded counts do not add up", wrong_sum)
            + self._named("only a part of the table is rounded", in_part & here)
            # another status says that nobody is counted
            + self._named("rounded to nobody", told[:, N] & (shown[:, N] == 0))
            + self._named("cannot be rounded", here & ~self._is_life & (self._kind != "proportion"))
            + self._named("a share on too few rounded", here & ~np.isnan(value) & (shown[:, N] < own.limits.people))
        )

    def _values(self, truth, has_n) -> list[str]:
        """Shares follow from their published counts (R1), means from the truth (M1)."""
        value, n, numerator = (self._figures[name] for name in ("value", "n", "numerator"))
        scale = self._own.rows["scale"].to_numpy(dtype=float)
        wrong = np.zeros(len(value), dtype=bool)
        of_mean = wrong.copy()
        told = self._shown & has_n & ~self._is_life & ~np.isnan(value)
        for row in np.flatnonzero(told & np.isin(self._kind, list(_DECIMALS))):
            if not np.isnan(numerator[row]):
                near = {n[row]} | ({float(truth[row, N])} if self._audience == COUNCIL else set())
                wrong[row] = not any(
                    _follows(value[row], numerator[row], n[row], scale[row], decimals(self._kind[row], people))
                    for people in near
                )
        # Without its counts a share is a figure that nobody can check.
        wrong |= told & np.isin(self._kind, list(_DECIMALS)) & np.isnan(numerator)
        for row in np.flatnonzero(told & self._now & (self._kind == "mean") & (truth[:, NUMERATOR] != ABSENT)):
            total = int(truth[row, NUMERATOR])
            of_mean[row] = printed_mean(value[row], int(truth[row, N]), total, published_n=n[row]) is None
        count = told & self._now & (self._kind == "count") & (truth[:, NUMERATOR] != ABSENT)
        return (
            self._named("the share does not follow from the published counts (R1)", wrong)
            + self._named("the mean is not the rounded mean (M1)", of_mean)
            + self._named("differs from the truth", count & (value != truth[:, NUMERATOR]))
        )

    def _share(self, name: str, part: str, whole: str) -> list[str]:
        """A share of a life domain of which the counts are not shown."""
        own, value = self._own, self._figures[name]
        told = ~np.isnan(value)
        part_of, people = own.hidden_true[part][0], own.hidden_true[whole][0]
        limit = own.limits
        small = (people < limit.people) | (part_of < limit.side) | (people - part_of < limit.side)
        now = told & self._now
        wrong = now & ~small & ~(np.abs(value * 100 - np.round(value * 100)) < _NOISE)
        off = now & ~small & (np.abs(value * people - part_of) > people * (0.005 + _NOISE))
        words = name.replace("_", " ")
        return (
            self._named(f"{words} shown although its own counts are too small", now & small)
            + self._named(f"{words} is not in whole per cents (R1)", wrong)
            + self._named(f"{words} differs from the truth", off)
            + self._named(f"{words} shown in a row that is not", told & ~self._shown)
        )

    def _named(self, what: str, rows) -> list[str]:
        return named(what, (self._own.labels[row] for row in np.flatnonzero(rows)))


def named(what: str, labels: Iterable[str]) -> list[str]:
    """One sentence for a fault of several figures, with the first ones named."""
    labels = list(labels)
    if not labels:
        return []
    more = f" and {len(labels) - _NAMED} more" if len(labels) > _NAMED else ""
    return [f"{what}: {'; '.join(labels[:_NAMED])}{more}"]


def decimals(kind: str, n: float) -> int:
    """Decimals of a published share, ratio or rate on n people (R1)."""
    return _DECIMALS[kind][int(n >= _FINE)]


def _follows(value: float, numerator: float, n: float, scale: float, places: int) -> bool:
    """Whether a value is the rounded quotient; a tie may go either way."""
    unit = 10**places
    printed = round(value * unit)
    return abs(printed - value * unit) < _NOISE and abs(2 * (printed * n - scale * numerator * unit)) <= n


def _tables(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    rows = connection.execute(
        "select table_name, column_name, data_type from duckdb_columns() "
        "where database_name = 'seen' and schema_name = 'marts' order by table_name, column_index"
    ).fetchall()
    tables: dict[str, dict[str, str]] = {}
    for table, column, kind in rows:
        tables.setdefault(table, {})[column] = kind
    return tables


def _forms(connection: duckdb.DuckDBPyConnection, folder: Path, tables: dict[str, dict[str, str]]) -> list[str]:
    """DuckDB, Parquet and CSV say the same."""
    faults = []
    for table, columns in sorted(tables.items()):
        # an empty text and an absent one look alike in CSV
        listed = ", ".join(f'coalesce(cast("{name}" as varchar), \'\') as "{name}"' for name in columns)
        kinds = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
        for kind in ("parquet", "csv"):
            path = folder / kind / f"{table}.{kind}"
            text = "'" + str(path).replace("'", "''") + "'"
            if not path.is_file():
                faults.append(f"{kind}/{path.name} is missing")
                continue
            source = (
                f"read_parquet({text})"
                if kind == "parquet"
                else f"read_csv({text}, header = true, auto_detect = false, delim = ',', quote = '\"', escape = '\"', "
                f"columns = {{{kinds}}}, max_line_size = 100000000)"
            )
            here, there = f'select {listed} from seen.marts."{table}"', f"select {listed} from {source}"
            try:
                # as many rows, and each of one among those of the other: then they are the same
                different = connection.execute(
                    f"select (select count(*) from ({here} except all {there})) "
                    f"+ abs((select count(*) from ({here})) - (select count(*) from ({there})))"
                ).fetchone()
            except duckdb.Error:
                faults.append(f"{kind}/{path.name} cannot be read as the table in {MARTS_FILE}")
                continue
            if different and different[0]:
                faults.append(f"{kind}/{path.name} does not say the same as the table in {MARTS_FILE}")
    return faults


def _statuses(connection: duckdb.DuckDBPyConnection, table: str, columns: dict[str, str]) -> list[str]:
    faults = []
    known = ", ".join(f"'{status}'" for status in STATUSES)
    for status in ("status", "low_status", "goal_status"):
        if status not in columns:
            faults += [f"column {table}.status is missing"] if status == "status" else []
            continue
        bad = connection.execute(
            f"select {', '.join(_KEYS[table])} from seen.marts.{table} "
            f"where coalesce({status}, '') not in ({known}) order by all"
        ).fetchall()
        # the second and third say something of rows that are there
        if status == "status":
            faults += named(f"rows of {table} without a status", [" ".join(map(str, row)) for row in bad])
        else:
            faults += _half_shown(connection, table, status)
    if not faults:
        empty = connection.execute(
            f"select {', '.join(_KEYS[table])} from seen.marts.{table} where status = '{PUBLISHED}' and n is null"
        ).fetchall()
        faults += named(f"rows of {table} are empty and called published", [" ".join(map(str, row)) for row in empty])
    return faults


def _half_shown(connection: duckdb.DuckDBPyConnection, table: str, status: str) -> list[str]:
    figure = "low_share" if status == "low_status" else "goal_attainment"
    rows = connection.execute(
        f"select {', '.join(_KEYS[table])} from seen.marts.{table} "
        f"where {figure} is not null and {status} is distinct from '{PUBLISHED}' order by all"
    ).fetchall()
    return named(f"{figure} is shown in rows where {status} hides it", [" ".join(map(str, row)) for row in rows])


def _expected_keys(connection: duckdb.DuckDBPyConnection, table: str, own: Evidence) -> list[str]:
    """Every row that there should be is there, once."""
    subject, keys = TABLES[table], ", ".join(_KEYS[table])
    twice = connection.execute(
        f"select {keys} from seen.marts.{table} group by all having count(*) > 1 order by all"
    ).fetchall()
    faults = named(f"keys that occur more than once in {table}", [" ".join(map(str, row)) for row in twice])
    if subject == POOLED:
        return faults
    rows = own.rows
    mine = (rows["subject"] == subject).to_numpy()
    if own.releases[0].audience == COUNCIL:
        mine = mine & rows["is_whole"].to_numpy()
    missing = mine & (own.status[0] == "") & (own.true[0][:, N] != ABSENT)
    faults += named(f"missing in {table}", (own.labels[row] for row in np.flatnonzero(missing)))
    # What nobody delivered is there too, as no data: an absent row would tell that it was taken away.
    there = own.rows[mine & (own.status[0] != "")]
    things, areas, periods = (there[name].unique() for name in ("code", "district_code", "period"))
    full = len(things) * len(areas) * len(periods)
    if not missing.any() and len(there) != full:
        faults.append(f"{full - len(there)} rows are missing in {table}: not every combination is there")
    return faults


def _beside_hidden(
    connection: duckdb.DuckDBPyConnection, table: str, columns: dict[str, str], own: Evidence
) -> list[str]:
    """Nothing in the row of a hidden figure tells it."""
    if "status" not in columns:
        return []
    hidden = ", ".join(f"'{status}'" for status in _HIDDEN)
    faults = []
    for column in columns.keys() - set(_KEYS[table]) - _HARMLESS - _TEXTS:
        if column in ("low_share", "goal_attainment"):
            continue
        rows = connection.execute(
            f"select {', '.join(_KEYS[table])} from seen.marts.{table} "
            f'where status in ({hidden}) and "{column}" is not null order by all'
        ).fetchall()
        faults += named(f"{table}.{column} is filled where the figure is hidden", [" ".join(map(str, r)) for r in rows])
    texts = sorted(columns.keys() & _TEXTS)
    if not texts:
        return sorted(faults)
    told = " || ' ' || ".join(f"coalesce({column}, '')" for column in texts)
    numbers = connection.execute(
        f"select concat_ws('|', '{TABLES[table]}', {', '.join(_KEYS[table])}"
        f"{'' if table == 'fct_indicator_pooled' else ', ' + repr('')}) as key, "
        f"regexp_extract_all({told}, '[0-9]+') as numbers from seen.marts.{table} "
        f"where status in ({hidden}) and regexp_matches({told}, '[0-9]')"
    ).fetchall()
    place = {key: at for at, key in enumerate(own.keys)}
    telling = [
        own.labels[row]
        for key, found in sorted(numbers)
        if (row := place.get(key)) is not None
        and {int(number) for number in found} & {int(count) for count in own.true[0][row] if count != ABSENT}
    ]
    return sorted(faults) + named("the reason of a hidden figure tells a count of it", telling)


def _beside_rounded(connection: duckdb.DuckDBPyConnection, table: str, columns: dict[str, str]) -> list[str]:
    """Whatever stands beside rounded counts and was computed from the true ones would tell these."""
    if "is_rounded" not in columns:
        return []
    faults = []
    for column in sorted(columns.keys() - set(_KEYS[table]) - _HARMLESS - _ROUNDED - _TEXTS):
        rows = connection.execute(
            f"select {', '.join(_KEYS[table])} from seen.marts.{table} "
            f'where is_rounded and "{column}" is not null order by all'
        ).fetchall()
        faults += named(f"{table}.{column} is filled beside rounded counts", [" ".join(map(str, r)) for r in rows])
    if "verdict" in columns:
        rows = connection.execute(
            f"select {', '.join(_KEYS[table])} from seen.marts.{table} where is_rounded and verdict is distinct from "
            "case when value is null then 'not_publishable' else 'indicative' end order by all"
        ).fetchall()
        faults += named("the verdict of a rounded figure is on its true counts", [" ".join(map(str, r)) for r in rows])
    told = " || ' ' || ".join(f"coalesce({column}, '')" for column in sorted(columns.keys() & _TEXTS))
    if told:
        rows = connection.execute(
            f"select {', '.join(_KEYS[table])} from seen.marts.{table} "
            f"where is_rounded and regexp_matches({told}, '[0-9]') order by all"
        ).fetchall()
        faults += named("the reason of a rounded figure holds a number", [" ".join(map(str, row)) for row in rows])
    return faults


def _checks_of_hidden(connection: duckdb.DuckDBPyConnection, tables: dict[str, dict[str, str]]) -> list[str]:
    """The statistics behind a verdict tell the counts of a figure, so a hidden or rounded figure has none."""
    table = "fct_reliability_check"
    if table not in tables or "fct_indicator" not in tables:
        return []
    telling = [name for name in _TELLING_CHECKS if name in tables[table]]
    filled = " or ".join(f"checks.{name} is not null" for name in telling) or "false"
    hidden = f"status in ({', '.join(repr(status) for status in _HIDDEN)})"
    hidden += " or is_rounded" if "is_rounded" in tables["fct_indicator"] else ""
    rows = connection.execute(
        f"select distinct indicator_code, district_code, period from seen.marts.{table} as checks "
        f"semi join (select * from seen.marts.fct_indicator where {hidden}) as facts "
        f"using (indicator_code, district_code, period) "
        f"where coalesce(checks.pooled_over, '') = '' and ({filled}) order by all"
    ).fetchall()
    return named(f"{table} has statistics of hidden figures", [" ".join(row) for row in rows])


def _decimals_of_intervals(connection: duckdb.DuckDBPyConnection, tables: dict[str, dict[str, str]]) -> list[str]:
    """Bounds of an interval are rounded as their figure; finer ones would tell the counts."""
    faults = []
    for table in ("fct_indicator", "fct_indicator_pooled"):
        if not {"ci_low", "ci_high", "n"} <= tables.get(table, {}).keys() or "dim_indicator" not in tables:
            continue
        frame = connection.execute(
            f"select {', '.join('facts.' + name for name in _KEYS[table])}, kind, n, ci_low, ci_high "
            f"from seen.marts.{table} as facts join seen.marts.dim_indicator using (indicator_code) "
            "where ci_low is not null and n is not null order by all"
        ).df()
        frame = frame[frame["kind"].isin([*_DECIMALS, "mean"])]
        places = np.array(
            [
                (2 if n >= 195 else 1) if kind == "mean" else decimals(kind, n + 5)
                for kind, n in zip(frame["kind"], frame["n"], strict=True)
            ],
            dtype=float,
        )
        bounds = frame[["ci_low", "ci_high"]].to_numpy(dtype=float) * 10 ** places.reshape(-1, 1)
        fine = (np.abs(bounds - np.round(bounds)) > _NOISE).any(axis=1)
        rows = frame.loc[fine, list(_KEYS[table])]
        faults += named(
            f"bounds in {table} are finer than their figure", [" ".join(map(str, row)) for row in rows.to_numpy()]
        )
    return faults


def _intervals_of_hidden(
    connection: duckdb.DuckDBPyConnection, tables: dict[str, dict[str, str]], left: Evidence, at: int, scope: list[int]
) -> list[str]:
    """The bounds of an interval come from exact counts; the council has them only where partners read these."""
    of_partners = [place for place in scope if left.releases[place].audience != COUNCIL]
    if left.releases[at].audience != COUNCIL or not of_partners or "ci_low" not in tables.get("fct_indicator", {}):
        return []
    told = connection.execute(
        f"select concat_ws('|', '{INDICATOR}', {', '.join(_KEYS['fct_indicator'])}, '') "
        "from seen.marts.fct_indicator where ci_low is not null or ci_high is not null order by 1"
    ).fetchall()
    place = pd.Index(left.keys).get_indexer([key for (key,) in told])
    last = of_partners[-1]
    # what partners were not told of at all may come in the release that waits for its second person
    is_hidden = np.isin(left.status[last], _HIDDEN) | left.is_rounded[last] | left.pending[last]
    hidden = place[is_hidden[place]]
    return named("an interval of counts that partners do not read", (left.labels[row] for row in sorted(hidden)))


def _pending(left: Evidence, at: int, scope: list[int]) -> list[str]:
    """A figure that waits repeats what its audience saw last."""
    waits = left.pending[at] & left.shows[at]
    audience = left.releases[at].audience
    earlier = [place for place in scope[:-1] if left.releases[place].audience == audience]
    wrong = np.zeros(len(waits), dtype=bool)
    for row in np.flatnonzero(waits):
        last = next((place for place in reversed(earlier) if left.shows[place, row]), None)
        wrong[row] = last is None or any(
            not _same(figure[at, row], figure[last, row]) for figure in left.figures.values()
        )
    return named("waits, and is not what was shown before", (left.labels[row] for row in np.flatnonzero(wrong)))


def _two_means(left: Evidence, at: int, scope: list[int]) -> list[str]:
    """Two means on nearly the same people tell the scores of those who are in one of them only (M2)."""
    if left.releases[at].audience == COUNCIL:
        # its n is a multiple of the base, so that nobody can tell by how many two groups differ
        return []
    fresh = left.shows & ~left.pending & (left.rows["kind"] == "mean").to_numpy()
    wrong = np.zeros(fresh.shape[1], dtype=bool)
    for place in scope[:-1]:
        if left.releases[place].audience != COUNCIL:
            apart = np.abs(left.true[at][:, N] - left.true[place][:, N])
            wrong |= fresh[at] & fresh[place] & (apart > 0) & (apart < left.limits.people)
    return named("two means on nearly the same people (M2)", (left.labels[row] for row in np.flatnonzero(wrong)))


def _since_it_left(own: Evidence, left: Evidence, at: int) -> list[str]:
    """What left according to the ledger is what the files say."""
    if left.releases[at].values is None:
        return []
    place = pd.Index(left.keys).get_indexer(own.keys)
    wrong = np.zeros(len(place), dtype=bool)
    for name, figure in own.figures.items():
        here, there = figure[0], left.figures[name][at][place]
        shown = own.shows[0] | left.shows[at][place]
        wrong |= shown & ~((here == there) | (np.isnan(here) & np.isnan(there)))
    wrong |= own.is_rounded[0] != left.is_rounded[at][place]
    return named(
        "the files are not what left according to the ledger", (own.labels[row] for row in np.flatnonzero(wrong))
    )


def _same(one: float, other: float) -> bool:
    return one == other or (np.isnan(one) and np.isnan(other))
