"""The worked example of ``docs/methods/worked_example.md`` is what the product computes.

Answers, sums and results are read from the tables of the page. The answers go through the steps of the reliability
room, disclosure control and the marts, in a made-up municipality of four districts.
"""

from __future__ import annotations

from datetime import date

import duckdb
import jinja2
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from pipeline.disclosure import steps
from pipeline.disclosure.history import History
from pipeline.reliability import tables
from pipeline.reliability.assess import Assessment, assess
from pipeline.reliability.cells import KEY, cell_precision, measure_precision
from pipeline.reliability.interviewers import interviewer_effect_from_sums, pooled_rho, rho_weight
from pipeline.reliability.judgement import judge, verdicts
from pipeline.reliability.precision import clopper_pearson, mean_and_variance
from pipeline.reliability.response import response_rates
from pipeline.reliability.survey_interviewers import within_districts
from pipeline.reliability.thresholds import Thresholds
from pipeline.settings import DBT_PROJECT, PROJECT_ROOT, SEEDS
from pipeline.warehouse.manifest import mart_columns

NOW, BEFORE, DAY = "2024-H1", "2023-H2", date(2026, 1, 1)
MARK, CONFIDENCE = "tom_tevredenheid_clienten", 0.95
GM, NOORD = "GM0001", "WK000101"
CODES = {"Noord": NOORD, "Oost": "WK000102", "Zuid": "WK000103", "West": "WK000104"}
SURVEY = {"consortium_code": "tom", "target_group": "client"}
QUESTION = SURVEY | {"question_code": "tevredenheid", "is_independent": False}
TWO, BESIDE = "two_half_years", "neighbouring_districts"
THRESHOLDS = pd.read_csv(SEEDS / "thresholds.csv")
INDICATORS = pd.read_csv(SEEDS / "indicators.csv").query("indicator_code == @MARK")
DOMAIN_COLUMNS = ["consortium_code", "life_domain_code", "district_code", "period"]
DOMAIN_COLUMNS += ["n", "improved", "stable", "worsened"]
DOMAIN_COLUMNS += ["stable_low", "rated", "low", "goals", "goals_reached", "persons"]
MACROS = "".join((DBT_PROJECT / f"macros/{name}.sql").read_text(encoding="utf-8") for name in ("rounding", "periods"))
CELL, SUMS = KEY[:4], ["n", "answer_sum", "answer_sum_of_squares"]
# The page gives sums of the other districts; these interviewers make them: sum and sum of squares of as many answers.
OTHERS = {
    "Oost": [(22, 166), (24, 196), (20, 142)],
    "Zuid": [(30, 232), (28, 204)],
    "West": [
        (75 + more, round((75 + more) ** 2 / 10) + 16 + place % 5)
        for place, more in enumerate((-11, -8, -6, -4, -2, -1, 0, 0, 1, 2, 3, 4, 6, 7, 9))
    ],
}


def read_page() -> dict[str, list[dict[str, str]]]:
    """The table under each heading of the page, row by row, without backticks and bold."""
    found: dict[str, list[dict[str, str]]] = {}
    heading, names = "", []
    for line in (PROJECT_ROOT / "docs/methods/worked_example.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif line.startswith("|"):
            cells = [cell.strip().strip("`*") for cell in line.strip("|").split("|")]
            if heading not in found:
                found[heading], names = [], cells
            elif set("".join(cells)) - set("-: "):
                found[heading].append(dict(zip(names, cells, strict=True)))
    return found


PAGE = read_page()


def number(text: str) -> float:
    return float(text.replace(",", "").replace("−", "-"))


def given(heading: str) -> dict[str, float]:
    return {row["what"]: number(row["value"]) for row in PAGE[heading]}


def agree(text: str, value: float) -> bool:
    """Whether the page tells this value, with as many decimals as the page has."""
    return f"{value:.{len(text.partition('.')[2])}f}" == text.replace(",", "").replace("−", "-")


def compare(heading: str, computed: dict[str, float | str]) -> None:
    """Every row under the heading, and no other, is what was computed."""
    told = {row["what"]: row["value"] for row in PAGE[heading]}
    assert set(told) == set(computed)
    wrong = {
        what: (told[what], value)
        for what, value in computed.items()
        if not (told[what] == value if isinstance(value, str) else agree(told[what], value))
    }
    assert wrong == {}


def cluster_rows() -> pd.DataFrame:
    """As ``int_answers__cluster``: both half-years of Noord, and the other districts."""
    rows = []
    for row in PAGE["The answers"]:
        each = [int(answer) for answer in row["answers"].split()]
        squares = sum(answer**2 for answer in each)
        opened = int(row["no opinion"])
        rows.append((NOORD, NOW, row["interviewer"], len(each) + opened, len(each), sum(each), squares))
        rows[-1] += (each.count(1), each.count(10))
    for name, interviewers in OTHERS.items():
        each = {"Oost": 3, "Zuid": 4, "West": 10}[name]
        for place, (total, squares) in enumerate(interviewers):
            rows.append((CODES[name], NOW, f"{name}-{place}", each, each, total, squares, 0, 0))
    before = given("The half-year before")
    for who, share in (("1", "interviews by 1"), ("2", "interviews by 2"), ("3", "interviews by 3")):
        whole = who == "1"
        m = int(before[share])
        rows.append((NOORD, BEFORE, who, m, m, before["sum"] * whole, before["sum of squares"] * whole, 0, 0))
    names = ["district_code", "period", "interviewer_key", "asked", *SUMS, "lowest", "highest"]
    return pd.DataFrame(rows, columns=names).assign(**QUESTION)


def cell_rows(clusters: pd.DataFrame) -> pd.DataFrame:
    """As ``cells.indicator_cell``: districts and municipality, both half-years."""
    per = clusters.groupby(["district_code", "period"])[SUMS].sum()
    every = pd.MultiIndex.from_product([CODES.values(), sorted(clusters["period"].unique())], names=per.index.names)
    per = per.reindex(every, fill_value=0)
    # nobody else was asked in the half-year before, but for many in West
    if BEFORE in every.get_level_values("period"):
        per.loc[(CODES["West"], BEFORE)] = [140, 1050, 8200]
    whole = per.groupby("period").sum().assign(district_code=GM).set_index("district_code", append=True)
    table = pd.concat([per.reset_index(), whole.reset_index()], ignore_index=True)
    table = table.rename(columns={"answer_sum": "numerator", "answer_sum_of_squares": "sum_of_squares"})
    value = table["numerator"] / table["n"].where(table["n"] > 0)
    return table.assign(consortium_code="tom", indicator_code=MARK, value=value, persons=table["n"])[
        [*CELL, "n", "numerator", "value", "persons", "sum_of_squares"]
    ].assign(delivery_version=1, places=0)


def pooled_effect(clusters: pd.DataFrame) -> dict[str, float]:
    """The interviewer effect, from the answers of this half-year and what the page gives of the other estimates."""
    sums = within_districts(clusters[clusters["period"] == NOW]).iloc[0]
    sizes = sums[["interviewers", "n", "sum_of_squared_sizes", "sum_of_cubed_sizes"]].astype(float)
    spread, explained = float(sums["sum_of_squares"]), float(sums["explained"])
    found = interviewer_effect_from_sums(*sizes, 0.0, spread, explained)
    weight = float(rho_weight(*sizes))
    other = given("The interviewer effect")
    rho = pooled_rho([float(found.rho), other["rho of the others"]], [weight, other["weight of the others"]])
    k, n = sizes["interviewers"], sizes["n"]
    return {
        "MSB": explained / (k - 1),
        "MSW": (spread - explained) / (n - k),
        "n0": float(found.per_interviewer),
        "rho of this question": float(found.rho),
        "weight of this question": weight,
        "rho of the others": other["rho of the others"],
        "weight of the others": other["weight of the others"],
        "rho": float(rho),
    }


def survey_checks() -> pd.DataFrame:
    names = ["value", "second_value", "ci_low", "ci_high", "n"]
    rows = [
        {"check_code": row["check"], **{name: number(row[name]) if row[name] else np.nan for name in names}}
        for row in PAGE["What holds for the whole survey"]
    ]
    table = pd.DataFrame(rows).assign(**SURVEY, period=NOW, district_code="", n_eff=np.nan)
    return table.assign(question_code=table["check_code"].map({"backcheck_agreement": "tevredenheid"}).fillna(""))


class Judged:
    """What the product makes of the example: the tables of the rooms, and the marts."""

    def __init__(self, *, half_year_before: bool = True) -> None:
        clusters = cluster_rows()
        if not half_year_before:
            clusters = clusters[clusters["period"] == NOW]
        self.cells = cell_rows(clusters)
        districts = pd.DataFrame(
            [(GM, "municipality", GM), *((code, "district", GM) for code in CODES.values())],
            columns=["district_code", "district_level", "municipality_code"],
        )
        clients = {CODES[row["district"]]: int(row["clients"]) for row in PAGE["The municipality"]}
        areas = [(code, code) for code in (GM, *CODES.values())] + [(GM, code) for code in CODES.values()]
        frames = {
            "cells.indicator_cell": self.cells,
            "reference.districts": districts,
            "intermediate.int_answers__cluster": clusters,
            "intermediate.int_districts__roll_up": pd.DataFrame(areas, columns=["area_code", "district_code"]),
            "intermediate.int_clients__count": pd.DataFrame(
                [("tom", code, NOW, number) for code, number in clients.items()],
                columns=["consortium_code", "district_code", "period", "clients"],
            ),
            "reliability.neighbour": pd.DataFrame(
                [(NOORD, CODES["Oost"], 900.0), (CODES["Oost"], NOORD, 900.0)],
                columns=["district_code", "neighbour_code", "shared_boundary"],
            ),
            "reliability.interviewer_effect": pd.DataFrame(
                [SURVEY | {"period": NOW, "rho": pooled_effect(clusters)["rho"]}]
            ),
            "reliability.survey_check": survey_checks(),
        }
        self.warehouse = duckdb.connect()
        for schema in ("cells", "reference", "intermediate", "staging", "reliability", "disclosure", "marts"):
            self.warehouse.execute(f"create schema {schema}")
        for seed in ("indicators", "questions", "consortia"):
            self.warehouse.execute(f"create table reference.{seed} as from read_csv('{SEEDS / seed}.csv')")
        self.warehouse.execute(f"delete from reference.indicators where indicator_code <> '{MARK}'")
        self.warehouse.execute(
            "create table reference.thresholds as "
            f"from read_csv('{SEEDS}/thresholds.csv', types={{'valid_to': 'DATE'}})"
        )
        self.warehouse.execute(
            "create table staging.stg_deliveries__tables (consortium_code varchar, period varchar, table_name varchar, "
            "rows_received bigint, rows_refused bigint, rows_unsound bigint)"
        )
        for table in tables.TABLES:
            if f"reliability.{table.name}" not in frames:
                tables.write_table(self.warehouse, table, pd.DataFrame(columns=list(table.columns)))
        self._write(frames)
        lowerings = pd.read_csv(SEEDS / "verdict_lowerings.csv")
        self.assessment: Assessment = assess(self.warehouse, THRESHOLDS, lowerings, DAY)
        for name in ("cell_interval", "pooled_cell", "check", "verdict", "interviews_needed"):
            table = {table.name: table for table in tables.TABLES}[name]
            tables.write_table(self.warehouse, table, getattr(self.assessment, name))
        self._protect()
        self._publish()

    def of(self, table: str, pooled_over: str = "") -> pd.DataFrame:
        """The rows of the assessment about Noord."""
        frame = getattr(self.assessment, table)
        mine = (frame["district_code"] == NOORD) & (frame["period"] == NOW)
        if "pooled_over" in frame:
            mine &= frame["pooled_over"] == pooled_over
        return frame[mine]

    def mart(self, name: str) -> list[dict]:
        """The rows of a mart about Noord; what is missing is None."""
        found = self.warehouse.execute(
            f"select * from marts.{name} where district_code = ? and period = ?", [NOORD, NOW]
        )
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def _write(self, frames: dict[str, pd.DataFrame]) -> None:
        for name, frame in frames.items():
            self.warehouse.register("_frame", frame)
            self.warehouse.execute(f"create or replace table {name} as from _frame")
            self.warehouse.unregister("_frame")

    def _protect(self) -> None:
        made = steps.decide(
            {
                "cells": self.cells,
                "domains": pd.DataFrame(columns=DOMAIN_COLUMNS),
                "pooled": self.assessment.pooled_cell,
                "members": self.assessment.pooled_member,
                "verdicts": self.assessment.verdict,
                "intervals": self.assessment.cell_interval,
                "indicators": INDICATORS,
                "thresholds": THRESHOLDS,
                "relations": pd.read_csv(SEEDS / "indicator_relations.csv").iloc[:0],
                "questions": pd.read_csv(SEEDS / "questions.csv"),
                "periods": pd.DataFrame({"period": sorted(set(self.cells["period"]))}),
            },
            History(),
        )
        self._write({f"disclosure.{name}": made[name] for name in ("indicator_status", "pooled_status")})
        for name, mart in steps.KEPT_TABLES.items():
            columns = ", ".join(f'"{column}" {kind}' for column, kind in mart_columns(mart))
            self.warehouse.execute(f"create table disclosure.{name} ({columns})")

    def _publish(self) -> None:
        self.warehouse.execute(
            """
            create table intermediate.int_periods__list as
            select * from (values ('2023-H2', 4047, date '2023-12-31'), ('2024-H1', 4048, date '2024-06-30'))
                as periods (period, period_index, ends_on);
            create table intermediate.int_deliveries__choose as select 4047 as period_index;
            create table marts.dim_period as
            select period, 'provisional' as delivery_status from intermediate.int_periods__list
            """
        )
        made = {"indicator_cell": "cells", "dim_period": "marts", "fct_indicator_pooled": "marts"}
        seeds = dict.fromkeys(("indicators", "districts", "consortia", "thresholds"), "reference")
        rooms = made | seeds
        for name in ("fct_indicator_pooled", "fct_indicator", "fct_reliability_check"):
            text = (DBT_PROJECT / "models/marts" / f"{name}.sql").read_text(encoding="utf-8")
            select = jinja2.Template(MACROS + text).render(
                ref=lambda model: f"{rooms.get(model, 'intermediate')}.{model}",
                source=lambda room, table: f"{room}.{table}",
            )
            self.warehouse.execute(f"create table marts.{name} as {select}")


@pytest.fixture(scope="module")
def judged() -> Judged:
    return Judged()


def step(judged: Judged, pooled_over: str = "") -> dict[str, float | str]:
    """What was computed of Noord or of a step of its ladder, by the names of the page."""
    interval = judged.of("cell_interval", pooled_over).iloc[0]
    if pooled_over:
        sums = judged.of("pooled_cell", pooled_over).iloc[0]
    else:
        cells = judged.cells
        sums = cells[(cells["district_code"] == NOORD) & (cells["period"] == NOW)].iloc[0]
    mean, variance = mean_and_variance(sums["n"], sums["numerator"], sums["sum_of_squares"])
    half = (interval["ci_high"] - interval["ci_low"]) / 2
    return {
        "n": sums["n"],
        "sum": sums["numerator"],
        "sum of squares": sums["sum_of_squares"],
        "mean": float(mean),
        "variance": float(variance),
        "deff": interval["design_effect"],
        "n_eff": interval["n_eff"],
        "half-width": half,
        "ci_low": interval["ci_low"],
        "ci_high": interval["ci_high"],
        "verdict": judged.of("verdict", pooled_over)["verdict"].iloc[0],
    }


def only(computed: dict, *names: str) -> dict:
    return {name: computed[name] for name in names}


def test_the_table_of_districts_is_that_of_the_answers():
    clusters = cluster_rows()
    for code, own in clusters[clusters["period"] == NOW].groupby("district_code"):
        row = next(row for row in PAGE["The municipality"] if CODES[row["district"]] == code)
        n, total, squares = (int(own[name].sum()) for name in SUMS)
        explained = (own["answer_sum"] ** 2 / own["n"]).sum()
        assert [row["answers"], row["sum"], row["sum of squares"]] == [str(n), str(total), str(squares)]
        assert row["interviewers"] == str(len(own))
        assert row["answers each"] == ", ".join(map(str, own["n"].unique()))
        assert agree(row["between"], explained - total**2 / n)
        assert agree(row["within"], squares - explained)


def test_response_follows_from_the_dispositions():
    counts = given("The dispositions")
    rates = response_rates(*counts.values())
    computed = {"RR1": rates.rr1, "RR2": rates.rr2, "COOP1": rates.coop1, "REF1": rates.ref1}
    compare("Response", {name: float(rate) for name, rate in computed.items()})
    assert counts["completed (I)"] == sum(
        len(row["answers"].split()) + int(row["no opinion"]) for row in PAGE["The answers"]
    )


def test_the_interviewer_effect_follows_from_the_answers():
    compare("The interviewer effect", pooled_effect(cluster_rows()))


def test_the_figure_and_its_interval_follow(judged):
    found = step(judged)
    compare("Sums", only(found, "n", "sum", "sum of squares", "mean", "variance"))
    sizes = cluster_rows().query("district_code == @NOORD and period == @NOW")["n"]
    effective = found["n"] / found["deff"]
    compare(
        "What the answers count for",
        only(found, "deff", "n_eff") | {"m": (sizes**2).sum() / sizes.sum(), "n/deff": effective},
    )
    t = stats.t.ppf((1 + CONFIDENCE) / 2, effective - 1)
    compare(
        "The interval",
        only(found, "half-width", "ci_low", "ci_high") | {"t": t, "standard error": found["half-width"] / t},
    )


def test_every_check_has_its_grade_and_effect(judged):
    checks = judged.of("check").set_index("check_code")
    told = {row["check"]: row for row in PAGE["The checks"]}
    assert set(told) == set(checks.index)
    for code, row in told.items():
        assert agree(row["value"], checks.loc[code, "value"]), code
        assert (row["grade"], row["counts as"]) == tuple(checks.loc[code, ["grade", "counts_as"]]), code
        for limit, column in (("reliable", "threshold_reliable"), ("indicative", "threshold_indicative")):
            numbers = [part for part in row[limit].split() if part[0] in ".0123456789"]
            # the page leaves out a limit that says nothing further
            assert not numbers or float(numbers[0]) == pytest.approx(checks.loc[code, column]), code


def test_the_verdict_and_the_interviews_needed(judged):
    verdict = judged.of("verdict").iloc[0]
    told = {"verdict": "verdict", "deciding": "deciding", "reason": "reason_nl"}
    compare("The verdict", {name: verdict[column] for name, column in told.items()})
    needed = judged.of("interviews_needed").iloc[0]
    compare(
        "How many more interviews",
        {"for indicative": needed["needed_for_indicative"], "for reliable": needed["needed_for_reliable"]},
    )


def status(judged: Judged, pooled_over: str) -> dict[str, str]:
    row = judged.warehouse.execute(
        "select status, rule from disclosure.pooled_status where district_code = ? and period = ? and pooled_over = ?",
        [NOORD, NOW, pooled_over],
    ).fetchone()
    return {"disclosure": row[0], "rule": row[1]}


def size(found: dict, rho: float) -> float:
    """m, from deff = 1 + (m - 1) rho."""
    return (found["deff"] - 1) / rho + 1


def test_the_first_step_of_the_ladder_is_shown(judged):
    rho = pooled_effect(cluster_rows())["rho"]
    found = step(judged, TWO)
    compare("The first step", found | {"m": size(found, rho)} | only(status(judged, TWO), "disclosure"))
    assert status(judged, BESIDE)["disclosure"] == "not_offered"


def test_without_the_half_year_before_a_hidden_neighbour_would_follow():
    judged = Judged(half_year_before=False)
    found = step(judged, BESIDE)
    computed = only(found, "n", "deff", "n_eff", "verdict") | status(judged, BESIDE)
    compare("Without that half-year", computed | {"m": size(found, pooled_effect(cluster_rows())["rho"])})
    assert [row["pooled_over"] for row in judged.mart("fct_indicator")] == ["consortium"]


def test_the_marts_show_what_the_page_says(judged):
    for mart in ("fct_indicator", "fct_indicator_pooled"):
        (row,) = judged.mart(mart)
        for told in PAGE[mart]:
            value = row[told["column"]]
            if isinstance(value, (int, float)):
                assert agree(told["value"], value), told
            else:
                assert told["value"] == (value or ""), told
    checks = judged.mart("fct_reliability_check")
    assert [sum(row["pooled_over"] == step for row in checks) for step in (None, TWO)] == [15, 14]
    found = {(row["check_code"], row["pooled_over"] or ""): row for row in checks}
    for told in PAGE["fct_reliability_check"]:
        row = found[told["check_code"], told["pooled_over"]]
        for name, text in told.items():
            value = row[name]
            assert agree(text, value) if isinstance(value, (int, float)) else text == (value or ""), (told, name)


def test_a_share_is_shown_with_wilson_and_judged_by_clopper_and_pearson():
    thresholds = Thresholds.on(THRESHOLDS, DAY)
    rho = pooled_effect(cluster_rows())["rho"]
    cell = {"consortium_code": "tom", "indicator_code": "tom_gehoord", "district_code": NOORD, "period": NOW}
    cell |= {"pooled_over": "", "kind": "proportion", "scale": 1.0, "n": 60, "numerator": 45, "value": 0.75}
    cell |= {"persons": 60, "sum_of_squared_sizes": 10 * 6**2, "rho": rho, "population": 200, "interviewers": 10}
    missing = ("sum_of_squares", "scale_range", "asked", "answered", "at_an_end", "trend_points", "weights_effect")
    cells = pd.DataFrame([cell | dict.fromkeys(missing, np.nan)])
    precision = cell_precision(cells, CONFIDENCE)
    checks = judge(measure_precision(cells, precision, CONFIDENCE), thresholds)
    verdict, found = verdicts(checks, KEY).iloc[0], precision.iloc[0]
    width = checks.set_index("check_code").loc["share_width"]
    low, high = clopper_pearson(0.75 * found["n_eff"], found["n_eff"], CONFIDENCE)
    compare(
        "Heard in another district",
        {
            "share": 0.75,
            "deff": found["design_effect"],
            "n_eff": found["n_eff"],
            "ci_low": found["ci_low"],
            "ci_high": found["ci_high"],
            "exact low": float(low),
            "exact high": float(high),
            "share_width": width["value"],
            "relative width": width["second_value"],
            "verdict": verdict["verdict"],
            "reason": verdict["reason_nl"],
        },
    )
