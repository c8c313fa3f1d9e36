"""A small town whose releases are real files: marts.duckdb, Parquet and CSV, sealed truth, ledger.

The pattern of hidden figures is made by a plain rule of thumb, so that it shares nothing with what is tested.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pandas as pd

from pipeline.disclosure import ledger
from pipeline.periods import HalfYear
from pipeline.settings import SEEDS, Settings

GM = "GM0484"
WIJKEN = ("WK048401", "WK048402", "WK048403", "WK048404", "WK048405", "WK048406")
_SEED = pd.read_csv(SEEDS / "indicators.csv").set_index("indicator_code")
REGISTRY = _SEED[["consortium_code", "kind", "sensitive_side", "scale"]].to_dict("index")
NULL = None
Key = tuple[str, str, str]  # code, area, half-year


@dataclass
class Town:
    """The truth of one moment, and what is hidden of it.

    Attributes:
        counts: (code, area, half-year) -> (n, numerator), of indicators; areas are districts.
        domains: (life domain, area, half-year) -> (improved, stable, worsened).
        hidden: rows that are hidden, with their status; a key of an indicator or life domain, municipality included.
        pending: rows that repeat the figures of another moment.
        pools: (code, area, half-year, step) -> its members.
        hidden_pools: pooled rows that are hidden.
        people: people behind a figure, where they are not n.
        final: half-years that are final.
        rounded: rows that partners get with these rounded counts.
        edits: SQL to run on the marts file before it is copied into Parquet and CSV.
    """

    counts: dict[Key, tuple[int, int]] = field(default_factory=dict)
    domains: dict[Key, tuple[int, int, int]] = field(default_factory=dict)
    hidden: dict[Key, str] = field(default_factory=dict)
    pending: dict[Key, tuple[int, ...]] = field(default_factory=dict)
    pools: dict[tuple[str, str, str, str], list[Key]] = field(default_factory=dict)
    hidden_pools: set[tuple[str, str, str, str]] = field(default_factory=set)
    people: dict[Key, int] = field(default_factory=dict)
    final: set[str] = field(default_factory=set)
    rounded: dict[Key, tuple[int, ...]] = field(default_factory=dict)
    edits: list[str] = field(default_factory=list)

    def rows(self) -> dict[Key, tuple[int, ...]]:
        """All counts, with those of the municipality."""
        rows: dict[Key, tuple[int, ...]] = {}
        for table, lead in ((self.counts, False), (self.domains, True)):
            for (code, area, period), values in table.items():
                row = (sum(values), *values) if lead else values
                rows[code, area, period] = row
                whole = rows.get((code, GM, period), (0,) * len(row))
                if not lead and REGISTRY[code]["kind"] == "rate":
                    whole = (whole[0], whole[1])
                rows[code, GM, period] = tuple(a + b for a, b in zip(whole, row, strict=True))
        return rows

    def hide(self, *keys: Key, status: str = "suppressed_secondary") -> None:
        """Hide rows."""
        self.hidden |= dict.fromkeys(keys, status)


def breaks(town: Town, key: Key, row: tuple[int, ...]) -> str | None:
    """The rule that a row breaks for partners, as the text of the rules says it."""
    code = key[0]
    n = row[0]
    if n == 0:
        return None
    if key in town.domains or key[0] not in REGISTRY:
        sides, alike = row[1:], any(part == n for part in row[1:])
        kind = "life_domain"
    else:
        kind, sensitive = REGISTRY[code]["kind"], REGISTRY[code]["sensitive_side"]
        if kind == "count":
            return None
        sides, alike = [], False
        if sensitive in ("numerator", "both") and kind != "mean":
            sides.append(row[1])
        if sensitive in ("complement", "both") and kind == "proportion":
            sides.append(n - row[1])
        if kind == "proportion" and sensitive != "none":
            alike = row[1] in (0, n)
    if n < 10 or town.people.get(key, n) < 10:
        return "P1"
    if any(0 < side < 5 for side in sides):
        return "P3"
    return "P4" if alike else None


def protect(town: Town) -> None:
    """Hide what breaks a rule, and beside it large figures until there is room."""
    rows = town.rows()
    for code, _, period in sorted({(code, "", period) for code, _, period in rows}):
        areas = [area for (other, area, when) in rows if (other, when) == (code, period)]
        primary = [area for area in areas if breaks(town, (code, area, period), rows[code, area, period])]
        town.hide(*((code, area, period) for area in primary), status="suppressed_primary")
        districts = [area for area in primary if area != GM]
        if not districts or GM in primary:
            continue

        others = [area for area in areas if area not in primary and area != GM]
        # Two figures with much on every side; they can be exchanged for whatever is hidden.
        roomy = sorted(others, key=lambda area, code=code, period=period: -room(rows[code, area, period], code))
        town.hide(*((code, area, period) for area in roomy[:2]))


def room(row: tuple[int, ...], code: str) -> int:
    """How far the counts of a row may fall."""
    return min(row[1:]) if code not in REGISTRY else min(row[1], abs(row[0] - row[1]))


class Archive:
    """Releases under a home, as the pipeline leaves them."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=home, environment="test")

    def candidate(self, town: Town, audience: str = "partners", *, name: str | None = None) -> str:
        """Write a release folder; it has not left yet."""
        number = len(list(self.settings.releases.glob(f"{audience}-*"))) + 1
        name = name or f"{audience}-{number:04d}"
        folder = self.settings.releases / name
        (folder / "files").mkdir(parents=True)
        (folder / "release.json").write_text(json.dumps({"release_id": name, "audience": audience}))
        write_files(town, folder / "files", audience)
        write_sealed(town, folder / "sealed")
        ledger.append(self.settings, "candidate", name, audience, "pipeline")
        return name

    def publish(self, name: str) -> str:
        """It leaves."""
        marts = self.settings.releases / name / "files" / "marts.duckdb"
        ledger.append(self.settings, "published", name, name.split("-")[0], "somebody", marts_file=marts)
        return name

    def release(self, town: Town, audience: str = "partners") -> str:
        """A candidate that leaves at once."""
        return self.publish(self.candidate(town, audience))

    def withdraw(self, name: str) -> None:
        """It is taken back; what left stays known."""
        ledger.append(self.settings, "withdrawn", name, name.split("-")[0], "somebody", reason="a mistake")

    def edit(self, name: str, statement: str, *, everywhere: bool = True) -> None:
        """Change a release's files by hand; everywhere: in all three forms."""
        folder = self.settings.releases / name / "files"
        with duckdb.connect(str(folder / "marts.duckdb")) as marts:
            marts.execute("use marts.marts")
            marts.execute(statement)
            if everywhere:
                copy_out(marts, folder)


def write_sealed(town: Town, folder: Path) -> None:
    """The true counts and the members of pools."""
    folder.mkdir(parents=True)
    long = []
    for (code, area, period), row in town.rows().items():
        is_domain = code not in REGISTRY
        consortium = "tom" if is_domain else REGISTRY[code]["consortium_code"]
        names = ("n", "improved", "stable", "worsened") if is_domain else ("n", "numerator")
        people = town.people.get((code, area, period), row[0])
        values = [*zip(names, row, strict=True), ("persons", people)]
        if is_domain:
            values += [("rated", row[0]), ("low", row[0] // 2), ("goals", row[0]), ("goals_reached", row[0] // 2)]
        subject = "life_domain" if is_domain else "indicator"
        long += [(subject, consortium, code, area, period, "", name, value) for name, value in values]
    rows = town.rows()
    members = []
    for (code, area, period, step), parts in town.pools.items():
        consortium = REGISTRY[code]["consortium_code"]
        total = [sum(rows[part][at] for part in parts) for at in (0, 1)]
        for name, value in (("n", total[0]), ("numerator", total[1]), ("persons", total[0])):
            long.append(("pooled", consortium, code, area, period, step, name, value))
        members += [(consortium, code, area, period, step, *part) for part in parts]
    columns = ["subject", "consortium_code", "code", "district_code", "period", "pooled_over", "count_name", "value"]
    pd.DataFrame(long, columns=columns).to_parquet(folder / "true_count.parquet")
    names = ["consortium_code", "indicator_code", "district_code", "period", "pooled_over"]
    names += ["member_indicator", "member_district", "member_period"]
    pd.DataFrame(members, columns=names).astype("str").to_parquet(folder / "pool_member.parquet")


def figures(code: str, n: int, numerator: int, rounded: int = 1) -> dict[str, object]:
    """n, numerator and value as they are published."""
    kind, scale = REGISTRY[code]["kind"], REGISTRY[code]["scale"]

    def near(value: int) -> int:
        return (value + rounded // 2) // rounded * rounded

    shown_n, shown = near(n), near(numerator)
    if kind == "mean":
        return {"n": shown_n, "numerator": NULL, "value": half_up(numerator / n, 1 if n < 200 else 2)}
    if kind == "count":
        return {"n": shown_n, "numerator": shown, "value": float(numerator)}
    places = {"proportion": (2, 3), "ratio": (0, 1), "rate": (1, 1)}[kind][shown_n >= 1000]
    return {"n": shown_n, "numerator": shown, "value": half_up(scale * shown / shown_n, places)}


def rounded_row(key: Key, counts: tuple[int, ...]) -> str:
    """SQL that puts rounded counts in a row, with a share from 30 people on."""
    code, area, period = key
    where = f"district_code = '{area}' and period = '{period}'"
    if code not in REGISTRY:
        told = zip(("n", "improved", "stable", "worsened"), counts, strict=True)
        return (
            f"update fct_life_domain set {', '.join(f'{name} = {value}' for name, value in told)}, low_share = null, "
            "goal_attainment = null, low_status = 'suppressed_secondary', goal_status = 'suppressed_secondary', "
            f"status = 'published', is_rounded = true where life_domain_code = '{code}' and {where}"
        )
    n, numerator = counts
    value, verdict = (half_up(numerator / n, 2), "indicative") if n >= 30 else ("null", "not_publishable")
    return (
        f"update fct_indicator set n = {n}, numerator = {numerator}, value = {value}, verdict = '{verdict}', "
        f"verdict_reason = 'afgerond', status = 'published', is_rounded = true "
        f"where indicator_code = '{code}' and {where}"
    )


def half_up(value: float, places: int) -> float:
    """Rounded as DuckDB does."""
    return int(value * 10**places + 0.5 + 1e-9) / 10**places


def write_files(town: Town, folder: Path, audience: str) -> None:
    """marts.duckdb, parquet/ and csv/."""
    council = audience == "council"
    indicator, domain, pooled = [], [], []
    rows = town.rows()
    for key in sorted(rows):
        code, area, period = key
        if council and area != GM:
            continue
        row, status = rows[key], town.hidden.get(key)
        is_pending = key in town.pending
        row = town.pending.get(key, row)
        is_domain = code not in REGISTRY
        if is_domain:
            n = row[0]
            status = status or ("published" if n else "no_data")
            base = 5 if council else 1
            values = [(value + base // 2) // base * base for value in row] if status == "published" else [NULL] * 4
            share = half_up((n // 2) / n, 2) if status == "published" and n // 2 >= 5 else NULL
            shown = "suppressed_primary" if share is None else "published"
            domain.append(("tom", code, area, period, *values, share, share, status, 1, is_pending, shown, shown))
            continue
        status = status or ("published" if row[0] else "no_data")
        told = figures(code, *row, 5 if council else 1) if status == "published" else {}
        reason = "Te weinig personen om te tonen." if status == "suppressed_primary" else NULL
        indicator.append(
            (
                REGISTRY[code]["consortium_code"],
                code,
                area,
                period,
                told.get("n"),
                told.get("numerator"),
                told.get("value"),
                NULL,
                NULL,
                "share",
                "reliable",
                reason,
                status,
                NULL,
                1,
                is_pending,
            )
        )
    for key, parts in ({} if council else town.pools).items():
        code, area, period, step = key
        is_hidden = key in town.hidden_pools
        total = [sum(rows[part][at] for part in parts) for at in (0, 1)]
        told = {} if is_hidden else figures(code, *total)
        status = "suppressed_secondary" if is_hidden else "published"
        consortium = REGISTRY[code]["consortium_code"]
        pooled.append(
            (
                consortium,
                code,
                area,
                period,
                step,
                told.get("n"),
                told.get("numerator"),
                told.get("value"),
                status,
                False,
            )
        )
    periods = sorted({key[2] for key in rows})
    # what nobody delivered is there as well
    for codes, table, width in ((town.counts, indicator, 16), (town.domains, domain, 15)):
        areas = [GM] if council else sorted({key[1] for key in rows})
        for code in sorted({key[0] for key in codes}):
            for area in areas:
                for period in (each for each in periods if (code, area, each) not in rows):
                    consortium = "tom" if table is domain else REGISTRY[code]["consortium_code"]
                    empty = [consortium, code, area, period, *([NULL] * (width - 4))]
                    empty[10 if table is domain else 12] = "no_data"
                    table.append(tuple(empty))
    times = [
        (
            each,
            HalfYear.parse(each).starts_on,
            HalfYear.parse(each).ends_on,
            "final" if each in town.final else "revised",
        )
        for each in periods
    ]
    tables = {
        "fct_indicator": (
            indicator,
            "consortium_code varchar, indicator_code varchar, district_code varchar, period varchar, n bigint, "
            "numerator bigint, value double, ci_low double, ci_high double, unit varchar, verdict varchar, "
            "verdict_reason varchar, status varchar, pooled_over varchar, delivery_version integer, is_pending boolean",
        ),
        "fct_life_domain": (
            domain,
            "consortium_code varchar, life_domain_code varchar, district_code varchar, period varchar, n bigint, "
            "improved bigint, stable bigint, worsened bigint, low_share double, goal_attainment double, "
            "status varchar, delivery_version integer, is_pending boolean, low_status varchar, goal_status varchar",
        ),
        "fct_indicator_pooled": (
            pooled,
            "consortium_code varchar, indicator_code varchar, district_code varchar, period varchar, "
            "pooled_over varchar, n bigint, numerator bigint, value double, status varchar, is_pending boolean",
        ),
        "dim_period": (times, "period varchar, starts_on date, ends_on date, delivery_status varchar"),
        "dim_indicator": (
            [(code, REGISTRY[code]["kind"]) for code in sorted({key[0] for key in town.counts})],
            "indicator_code varchar, kind varchar",
        ),
    }
    if council:
        del tables["fct_indicator_pooled"]
    with duckdb.connect(str(folder / "marts.duckdb")) as marts:
        marts.execute("create schema marts.marts")
        marts.execute("use marts.marts")
        for name, (values, columns) in tables.items():
            marts.execute(f"create table {name} ({columns})")
            if values:
                names = [each.split()[0] for each in columns.split(", ")]
                marts.register("given", pd.DataFrame(values, columns=names, dtype=object))
                marts.execute(f"insert into {name} select {', '.join(names)} from given")
                marts.unregister("given")
        if town.rounded and not council:
            for table in ("fct_indicator", "fct_life_domain"):
                marts.execute(f"alter table {table} add column is_rounded boolean default false")
            for key, counts in town.rounded.items():
                marts.execute(rounded_row(key, counts))
        for statement in town.edits:
            marts.execute(statement)
        copy_out(marts, folder)


def copy_out(marts: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """The tables as Parquet and CSV."""
    for kind in ("parquet", "csv"):
        shutil.rmtree(folder / kind, ignore_errors=True)
        (folder / kind).mkdir()
    names = marts.execute("select table_name from duckdb_tables() order by 1").fetchall()
    for (name,) in names:
        for kind in ("parquet", "csv"):
            header = ", header" if kind == "csv" else ""
            marts.execute(f"copy {name} to '{folder / kind / name}.{kind}' (format {kind}{header})")


def districts(code: str, period: str, values: Iterable[tuple[int, int]]) -> dict[Key, tuple[int, int]]:
    """Counts of one indicator in the first districts."""
    return {(code, area, period): value for area, value in zip(WIJKEN, values, strict=False)}


def domains(code: str, period: str, values: Iterable[tuple[int, int, int]]) -> dict[Key, tuple[int, int, int]]:
    """Outcomes of one life domain in the first districts."""
    return {(code, area, period): value for area, value in zip(WIJKEN, values, strict=False)}


def changed(town: Town, **parts: Mapping) -> Town:
    """A later moment: the same truth with some changes."""
    later = Town(dict(town.counts), dict(town.domains), dict(town.hidden), dict(town.pending), dict(town.pools))
    later.hidden_pools, later.people, later.final = set(town.hidden_pools), dict(town.people), set(town.final)
    later.rounded = dict(town.rounded)
    for name, change in parts.items():
        getattr(later, name).update(change)
    return later
