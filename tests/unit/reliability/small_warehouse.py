"""A small warehouse with the tables that cells are judged from, filled by hand with what a test is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd

from pipeline.reliability import tables
from pipeline.reliability.assess import Assessment, assess

SEEDS = Path(__file__).parents[3] / "seeds"
INDICATORS = pd.read_csv(SEEDS / "indicators.csv").set_index("indicator_code")
QUESTIONS = pd.read_csv(SEEDS / "questions.csv").set_index("question_code")
THRESHOLDS = pd.read_csv(SEEDS / "thresholds.csv").astype({"valid_to": "object"})
MUNICIPALITY = "GM0484"
DISTRICTS = [f"WK0484{number:02}" for number in range(1, 10)]
DAY = date(2026, 9, 1)
LOWERING = ["indicator_code", "district_code", "period", "verdict", "reason", "signed_by", "signed_on", "valid_to"]
KEYS = ["indicator_code", "district_code", "period", "pooled_over"]
# a survey with nothing to be said against it
GOOD = {
    "dispositions_complete": {"value": 1},
    "independent_part": {"value": 0.2, "second_value": 40},
    "backcheck_agreement": {"value": 0.95, "ci_low": 0.9, "n": 50},
    "delivery_integrity": {"value": 0},
}
_MODELS = {
    "cells.indicator_cell": "consortium_code varchar, indicator_code varchar, district_code varchar, period varchar, "
    "n bigint, numerator bigint, value double, persons bigint, sum_of_squares bigint, places bigint, "
    "delivery_version integer",
    "intermediate.int_answers__cluster": "consortium_code varchar, target_group varchar, question_code varchar, "
    "district_code varchar, period varchar, is_independent boolean, interviewer_key varchar, asked bigint, n bigint, "
    "answer_sum bigint, answer_sum_of_squares bigint, agree bigint, negative bigint, lowest bigint, highest bigint",
    "intermediate.int_clients__count": "consortium_code varchar, district_code varchar, period varchar, clients bigint",
    "staging.stg_deliveries__tables": "consortium_code varchar, period varchar, delivery_version integer, "
    "table_name varchar, rows_received bigint, rows_accepted bigint, rows_refused bigint, rows_unsound bigint",
}


class World:
    """What the tables hold; every method adds to them."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict]] = {name: [] for name in _MODELS}
        self.survey_checks: list[dict] = []
        self.rating_checks: list[dict] = []
        self.effects: list[dict] = []
        self.neighbours: list[tuple[str, str]] = []

    def cell(
        self, indicator: str, district: str, period: str, n: int, numerator: int, *, persons: int | None = None, **more
    ) -> None:
        """One figure, as it stands in the cells."""
        known = INDICATORS.loc[indicator]
        value = numerator if known["kind"] == "count" else known["scale"] * numerator / n if n else None
        if known["kind"] != "count":
            more["persons"] = n if persons is None else persons
        self.rows["cells.indicator_cell"].append(
            {
                "consortium_code": known["consortium_code"],
                "indicator_code": indicator,
                "district_code": district,
                "period": period,
                "n": n,
                "numerator": numerator,
                "value": value,
                "delivery_version": 1,
            }
            | more
        )

    def clusters(
        self,
        indicator: str,
        district: str,
        period: str,
        sizes: Iterable[int] | dict[str | None, int],
        *,
        unanswered: int = 0,
        at_the_end: int = 0,
    ) -> None:
        """Answers per interviewer: a list for interviewers of this cell only, or by name (None: nobody took them)."""
        known = INDICATORS.loc[indicator]
        if not isinstance(sizes, dict):
            sizes = {f"{indicator} {district} {period} {number}": size for number, size in enumerate(sizes)}
        for number, (name, size) in enumerate(sizes.items()):
            self.rows["intermediate.int_answers__cluster"].append(
                {
                    "consortium_code": known["consortium_code"],
                    "target_group": known["target_group"],
                    "question_code": known["question_code"],
                    "district_code": district,
                    "period": period,
                    "is_independent": False,
                    "interviewer_key": name,
                    "asked": size + unanswered * (number == 0),
                    "n": size,
                    "lowest": 0,
                    "highest": at_the_end * (number == 0),
                }
            )

    def asked(
        self,
        indicator: str,
        district: str,
        period: str,
        numerator: int,
        sizes: Sequence[int] | dict[str | None, int],
        *,
        unanswered: int = 0,
        at_the_end: int = 0,
        **more,
    ) -> None:
        """One figure of a survey with the answers behind it."""
        n = sum(sizes.values() if isinstance(sizes, dict) else sizes)
        self.cell(indicator, district, period, n, numerator, **more)
        self.clusters(indicator, district, period, sizes, unanswered=unanswered, at_the_end=at_the_end)

    def survey(
        self, period: str, rho: float | None = 0.01, consortium: str = "tom", target: str = "client", **changed
    ) -> None:
        """A survey; of a check that is None there is no row."""
        key = {"consortium_code": consortium, "target_group": target, "period": period}
        for code, row in (GOOD | changed).items():
            if row is not None:
                self.survey_checks.append({**key, "question_code": "", "district_code": "", "check_code": code} | row)
        if rho is not None:
            self.effects.append(key | {"rho": rho, "is_default": False})

    def clients(self, consortium: str, district: str, period: str, number: int) -> None:
        """Clients in care."""
        self.rows["intermediate.int_clients__count"].append(
            {"consortium_code": consortium, "district_code": district, "period": period, "clients": number}
        )

    def delivered(self, consortium: str, period: str, table: str, rows: int, unsound: int | None) -> None:
        """One table of a delivery."""
        self.rows["staging.stg_deliveries__tables"].append(
            {
                "consortium_code": consortium,
                "period": period,
                "table_name": table,
                "rows_received": rows,
                "rows_refused": unsound,
                "rows_unsound": unsound,
            }
        )

    def rated(self, indicator: str, district: str, period: str, check_code: str = "double_ratings", **row) -> None:
        """A measurement of ratings."""
        self.rating_checks.append(
            {
                "consortium_code": INDICATORS.loc[indicator, "consortium_code"],
                "indicator_code": indicator,
                "district_code": district,
                "period": period,
                "check_code": check_code,
            }
            | row
        )

    @contextmanager
    def warehouse(self, thresholds: pd.DataFrame = THRESHOLDS, seed: int | None = None):
        """The tables in a database of their own; with a seed their rows are shuffled."""
        with duckdb.connect() as connection:
            for schema in ("cells", "intermediate", "reference", "reliability", "staging"):
                connection.execute(f"create schema {schema}")
            for name in ("indicators", "questions", "districts", "consortia", "life_domains"):
                connection.execute(f"create table reference.{name} as from read_csv('{SEEDS / name}.csv')")
            connection.register("_frame", thresholds)
            connection.execute("create table reference.thresholds as from _frame")
            connection.execute(
                "create table intermediate.int_districts__roll_up as "
                "select district_code, district_code as area_code from reference.districts union all "
                "select district_code, municipality_code from reference.districts where district_level = 'district'"
            )
            for name, columns in _MODELS.items():
                connection.execute(f"create table {name} ({columns})")
                _fill(connection, name, _shuffled(pd.DataFrame(self.rows[name]), seed))
            pairs = [*self.neighbours, *((other, one) for one, other in self.neighbours)]
            for table, frame in (
                (tables.NEIGHBOUR, pd.DataFrame(pairs, columns=["district_code", "neighbour_code"])),
                (tables.INTERVIEWER_EFFECT, pd.DataFrame(self.effects)),
                (tables.SURVEY_CHECK, pd.DataFrame(self.survey_checks)),
                (tables.RATING_CHECK, pd.DataFrame(self.rating_checks)),
            ):
                complete = _shuffled(frame, seed).reindex(columns=list(table.columns))
                tables.write_table(connection, table, complete)
            yield connection

    def assess(
        self,
        thresholds: pd.DataFrame = THRESHOLDS,
        lowerings: Iterable[Sequence] = (),
        day: date = DAY,
        seed: int | None = None,
    ) -> Assessment:
        """The cells, judged."""
        with self.warehouse(thresholds, seed) as connection:
            signed = pd.DataFrame(lowerings, columns=LOWERING)
            return assess(connection, thresholds, signed, day)


def changed(code: str, value: float, since: str, until: str) -> pd.DataFrame:
    """The seed of thresholds with a new value of one of them since a day; the old one held until the day before."""
    seed = THRESHOLDS.copy()
    at = seed["threshold_code"] == code
    assert at.sum() == 1
    newer = seed[at].assign(value=value, valid_from=since)
    seed.loc[at, "valid_to"] = until
    return pd.concat([seed, newer], ignore_index=True)


def verdict_of(assessment: Assessment) -> dict[tuple, str]:
    """Verdict by indicator, district, period and step."""
    return assessment.verdict.set_index(KEYS)["verdict"].to_dict()


def _shuffled(frame: pd.DataFrame, seed: int | None) -> pd.DataFrame:
    return frame if seed is None or frame.empty else frame.sample(frac=1, random_state=seed)


def _fill(connection: duckdb.DuckDBPyConnection, name: str, frame: pd.DataFrame) -> None:
    if not frame.empty:
        connection.register("_frame", frame)
        connection.execute(f"insert into {name} by name from _frame")
