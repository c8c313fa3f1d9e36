"""Expectations about surveys at their thresholds, what their results hold, and the suites as asset checks.

One file, since importing Great Expectations takes seconds.
"""

from __future__ import annotations

import csv
import json
import re
from datetime import date

import dagster as dg
import duckdb
import great_expectations as gx
import numpy as np
import pandas as pd
import pytest
import yaml

from pipeline.reliability.checks import build_reliability_checks
from pipeline.reliability.consistency import cronbach_alpha, feldt_interval, item_rest_correlations
from pipeline.reliability.expectations import (
    ExpectInterviewsPossible,
    ExpectResponseAccounted,
    ExpectScaleInternallyConsistent,
    ExpectVerdictComplete,
)
from pipeline.reliability.judgement import verdict_version
from pipeline.reliability.suites import SuiteError, blocks, load_suites, rows_of, run_suite
from pipeline.reliability.thresholds import Thresholds
from pipeline.settings import EXPECTATIONS, SEEDS, Settings

TODAY = date(2026, 11, 20)
SUITES = {suite.name: suite for suite in load_suites()}
THRESHOLDS = pd.read_csv(SEEDS / "thresholds.csv")
CURRENT = verdict_version(Thresholds.on(THRESHOLDS, TODAY))
GROUP = {"consortium_code": "tom", "target_group": "client", "period": "2024-H1"}
LIMIT = {"group_by": list(GROUP), "threshold_version": "2015-01-01", "severity": "warning"}
PLANTED = "Pietje Puk 8271"


@pytest.fixture(scope="module")
def source():
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    return context.data_sources.add_pandas("tests")


@pytest.fixture
def whole_result(source):
    """All that Great Expectations keeps of an expectation."""
    asset = source.add_dataframe_asset("rows")
    definition = asset.add_batch_definition_whole_dataframe("all")
    yield lambda expectation, frame: definition.get_batch({"dataframe": frame}).validate(
        gx.ExpectationSuite(name="one", expectations=[expectation]), result_format="COMPLETE"
    )
    source.delete_asset("rows")


@pytest.fixture
def hold(whole_result):
    """Whether an expectation holds, and the details of its result."""

    def validate(expectation, frame):
        result = whole_result(expectation, frame).results[0]
        assert "details" in result.result, result.exception_info
        return result.success, result.result["details"] | {"observed_value": result.result["observed_value"]}

    return validate


# Response


def drawn(*rows: dict) -> pd.DataFrame:
    usual = {**GROUP, "drawn": 0, "completed": 0, "refused": 0}
    return pd.DataFrame([usual | row for row in rows])


def response(threshold: float) -> ExpectResponseAccounted:
    return ExpectResponseAccounted(**LIMIT, threshold=threshold, disposition_columns=["completed", "refused"])


@pytest.mark.parametrize(
    ("known", "threshold", "holds"),
    [(100, 0, True), (99, 0, False), (101, 0, False), (91, 0.1, True), (90, 0.1, True), (89, 0.1, False)],
)
def test_everybody_who_was_drawn_is_accounted_for(hold, known, threshold, holds):
    success, details = hold(response(threshold), drawn({"drawn": 100, "completed": known - 20, "refused": 20}))
    assert success is holds
    group = details["groups"][0]
    assert group["verdict"] == int(holds)
    assert details["observed_value"] == pytest.approx(abs(100 - known) / max(100, known), abs=1e-6)
    assert group["wrong"] == abs(100 - known)


def test_too_few_in_one_district_and_too_many_in_another_do_not_even_out(hold):
    rows = drawn({"drawn": 10, "completed": 9}, {"drawn": 10, "completed": 11}, {"period": "2024-H2"})
    success, details = hold(response(0), rows)
    assert not success
    found = details["groups"][0]
    assert (found["of_which_missing"], found["of_which_too_many"], found["verdict"]) == (1, 1, 0)
    # nobody was drawn in the other half-year: nothing to judge
    assert (details["groups"][1]["n"], details["groups"][1]["verdict"], details["judged"]) == (0, None, 1)


def test_an_unknown_count_is_no_outcome(hold):
    assert not hold(response(0), drawn({"drawn": 10, "completed": 10}, {"drawn": 5, "completed": None}))[0]


# Interviews


def possible(threshold: float = 0.02, **columns) -> ExpectInterviewsPossible:
    return ExpectInterviewsPossible(**LIMIT, threshold=threshold, today="2024-08-01", **columns)


@pytest.mark.parametrize(("faults", "holds"), [(0, True), (19, True), (20, True), (21, False)])
def test_a_share_of_impossible_interviews(hold, faults, holds):
    rows = pd.DataFrame([{**GROUP, "interviews": 500, "hard_faults": f} for f in (faults, 0)])
    success, details = hold(possible(rows_column="interviews", fault_columns=["hard_faults"]), rows)
    assert success is holds
    assert (details["observed_value"], details["n"]) == (faults / 1000, 1000)


def test_what_is_wrong_in_two_ways_is_wrong_once(hold):
    rows = pd.DataFrame([{**GROUP, "answers": 4, "doubled": 3, "outside": 3}, {**GROUP, "answers": 4}])
    columns = {"rows_column": "answers", "fault_columns": ["doubled", "outside"]}
    assert hold(possible(0.5, **columns), rows)[1]["groups"][0]["wrong"] == 4


def test_keys_occur_once(hold):
    rows = pd.DataFrame([{**GROUP, "interview": key, "question": "gehoord"} for key in "abcdda"])
    success, details = hold(possible(4 / 6, key_columns=["interview", "question"]), rows)
    assert success and details["groups"][0]["of_which_doubled"] == 4
    assert not hold(possible(4 / 6 - 1e-6, key_columns=["interview", "question"]), rows)[0]
    assert hold(possible(0, key_columns=["interview", "question"]), rows.drop_duplicates())[0]


@pytest.mark.parametrize(
    ("answer", "highest", "holds"),
    [(0, 5, True), (1, 5, True), (5, 5, True), (6, 5, False), (-1, 5, False), (None, 5, False), (10, 10, True)],
)
def test_answers_lie_on_the_scale_of_their_question(hold, answer, highest, holds):
    rows = pd.DataFrame([{**GROUP, "answer": answer, "low": 1, "high": highest}])
    columns = {"answer_column": "answer", "lowest_column": "low", "highest_column": "high"}
    assert hold(possible(0, **columns), rows)[0] is holds


TIMES = {
    "taken_on_column": "day",
    "started_at_column": "began",
    "duration_column": "minutes",
    "interviewer_column": "who",
}


def taken(*times: tuple) -> pd.DataFrame:
    columns = ["day", "began", "minutes", "who", "target_group"]
    rows = pd.DataFrame([(*time, "client")[:5] for time in times], columns=columns)
    return rows.assign(consortium_code="tom", period="2024-H1", day=pd.to_datetime(rows["day"]))


@pytest.mark.parametrize(
    ("times", "wrong"),
    [
        # one after the other, and beside somebody else
        ([("2024-03-01", "10:00", 30, "a"), ("2024-03-01", "10:30", 30, "a"), ("2024-03-01", "10:15", 30, "b")], 0),
        ([("2024-03-01", "10:00", 31, "a"), ("2024-03-01", "10:30", 30, "a")], 2),
        # nobody took it: online
        ([("2024-03-01", "10:00", 30, None), ("2024-03-01", "10:15", 30, None)], 0),
        # an interviewer speaks with one person at a time, whatever the survey
        ([("2024-03-01", "10:00", 30, "a"), ("2024-03-01", "10:15", 30, "a", "stakeholder")], 2),
        ([("2024-01-01", "10:00", 30, "a"), ("2024-06-30", "10:00", 30, "a")], 0),
        ([("2023-12-31", "10:00", 30, "a"), ("2024-07-01", "10:00", 30, "a")], 2),
        ([("2024-03-01", "23:30", 30, "a")], 0),
        ([("2024-03-01", "23:30", 31, "a")], 1),
        ([("2024-03-01", "10:00", -1, "a")], 1),
        # what was not written down cannot be judged
        ([("2024-03-01", None, 30, "a"), (None, "10:00", None, None)], 0),
    ],
)
def test_times_can_be(hold, times, wrong):
    details = hold(possible(1, **TIMES), taken(*times))[1]
    assert sum(group["of_which_impossible_time"] for group in details["groups"]) == wrong


def test_an_interview_after_today_cannot_be(hold):
    rows = taken(("2024-03-01", "10:00", 30, "a"))
    before = ExpectInterviewsPossible(**LIMIT, threshold=0, today="2024-02-29", **TIMES)
    assert not hold(before, rows)[0]
    assert hold(possible(0, **TIMES), rows)[0]


def test_columns_that_belong_together_and_groups_of_people_are_refused():
    with pytest.raises(ValueError, match="together"):
        possible(answer_column="answer")
    with pytest.raises(ValueError, match="period"):
        ExpectInterviewsPossible(**LIMIT | {"group_by": ["consortium_code"]}, threshold=0, **TIMES)
    for keys in (["interviewer"], ["team", "period"], ["district_code"], []):
        with pytest.raises(ValueError, match="groups are made by"):
            ExpectResponseAccounted(**LIMIT | {"group_by": keys}, threshold=0, disposition_columns=["completed"])


# Scales


ITEMS = ["one", "two", "three", "four"]


def answers(n: int = 150, seed: int = 4) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    values = 3 + rng.standard_normal((n, 1)) + rng.standard_normal((n, len(ITEMS)))
    return pd.DataFrame(np.clip(np.rint(values), 1, 5), columns=ITEMS).assign(**GROUP)


def scale(threshold: float, **other) -> ExpectScaleInternallyConsistent:
    usual = {"items": ITEMS, "scale_minimum": 1, "scale_maximum": 5, "confidence": 0.95, "minimum_item_rest": 0}
    return ExpectScaleInternallyConsistent(**LIMIT, threshold=threshold, **usual | other)


def test_a_scale_is_judged_by_the_lower_bound_of_alpha(hold):
    rows = answers()
    alpha = cronbach_alpha(rows[ITEMS])
    low, high = (float(bound) for bound in feldt_interval(alpha, len(rows), len(ITEMS), 0.95))
    for threshold, holds in ((low - 1e-6, True), (low, True), (low + 1e-6, False), (alpha, False)):
        success, details = hold(scale(threshold), rows)
        assert success is holds
    group = details["groups"][0]
    assert (group["value"], group["ci_low"], group["ci_high"]) == pytest.approx((alpha, low, high), abs=1e-6)
    assert group["lowest_item_rest"] == pytest.approx(item_rest_correlations(rows[ITEMS]).min(), abs=1e-6)
    assert (group["n"], group["n_eff"], group["items"], details["observed_value"]) == (150, 150, 4, group["ci_low"])


def test_a_reversed_item_that_was_not_turned_is_seen(hold):
    rows = answers(seed=5)
    usual = hold(scale(0.5), rows)[1]["groups"][0]
    turned = rows.assign(two=6 - rows["two"])
    assert hold(scale(-9), rows)[0]
    success, details = hold(scale(-9), turned)
    assert not success and details["groups"][0]["lowest_item_rest"] < 0
    success, details = hold(scale(0.5, reversed_items=["two"]), turned)
    assert success and details["groups"][0] == usual


def test_item_rest_at_its_threshold(hold):
    rows = answers()
    lowest = float(item_rest_correlations(rows[ITEMS]).min())
    assert hold(scale(0, minimum_item_rest=lowest), rows)[0]
    assert not hold(scale(0, minimum_item_rest=lowest + 1e-6), rows)[0]


def test_no_opinion_and_nonsense_are_no_answers(hold):
    rows = answers().astype(dict.fromkeys(ITEMS, object))
    holes = rows.copy()
    holes.loc[0, "one"], holes.loc[1, "two"], holes.loc[2, "three"], holes.loc[3, "four"] = 0, None, 9, PLANTED
    found = hold(scale(0), holes)[1]["groups"][0]
    assert found == hold(scale(0), rows.iloc[4:])[1]["groups"][0]
    assert found["n"] == 146


def test_few_people_are_not_judged_and_equal_answers_prove_nothing(hold):
    rows = answers(9)
    success, details = hold(scale(0.99, minimum_n=10), rows)
    assert success and details["judged"] == 0 and details["observed_value"] is None
    assert details["groups"] == [{**GROUP, "n": 9, "n_eff": 9, "verdict": None}]
    assert not hold(scale(0.99, minimum_n=9), rows)[0]
    success, details = hold(scale(-9), rows.assign(**dict.fromkeys(ITEMS, 4)))
    assert not success and details["groups"][0]["value"] is None
    # nobody answered: there is nothing to judge
    assert hold(scale(0.99), rows.assign(one=0))[1]["groups"][0]["verdict"] is None


def test_unequal_weights_make_the_interval_wider(hold):
    rows = answers()
    equal = hold(scale(0, weight_column="weight"), rows.assign(weight=2.5))[1]["groups"][0]
    assert equal == hold(scale(0), rows)[1]["groups"][0]
    unequal = rows.assign(weight=np.where(np.arange(len(rows)) % 2, 1.0, 3.0))
    found = hold(scale(0, weight_column="weight"), unequal)[1]["groups"][0]
    assert found["n_eff"] == pytest.approx(150 * 4 / 5)  # n (sum w)²/(n sum w²)
    assert found["ci_low"] < equal["ci_low"]
    # nobody counts twice as much as three of the same
    thrice = pd.concat([unequal[unequal["weight"] == 1], *[unequal[unequal["weight"] == 3]] * 3])
    assert found["value"] == pytest.approx(cronbach_alpha(thrice[ITEMS]), abs=0.01)


def sums(rows: pd.DataFrame, **key: str) -> pd.DataFrame:
    """As ``int_answers__scale``."""
    total = rows[ITEMS].sum(axis=1)
    return pd.DataFrame(
        {
            **GROUP,
            **key,
            "question_code": ITEMS,
            "items": len(ITEMS),
            "n": len(rows),
            "item_mean": rows[ITEMS].mean().to_numpy(),
            "item_variance": rows[ITEMS].var(ddof=1).to_numpy(),
            "item_rest_correlation": [rows[item].corr(total - rows[item]) for item in ITEMS],
            "total_mean": total.mean(),
            "total_variance": total.var(ddof=1),
        }
    )


def test_sums_give_what_the_answers_give(hold):
    rows = answers()
    of_answers = hold(scale(0.6), rows)[1]["groups"][0]
    of_sums = hold(scale(0.6, items=[]), sums(rows))[1]["groups"][0]
    assert of_sums == pytest.approx(of_answers)
    # with an item left out alpha would come out too high, and two scales are not one
    assert not hold(scale(-9, items=[]), sums(rows).iloc[1:])[0]
    both = pd.concat([sums(rows), sums(answers(seed=6))])
    assert not hold(scale(-9, items=[]), both)[0]


def test_answers_need_their_full_scale():
    with pytest.raises(ValueError, match="full scale"):
        scale(0, scale_maximum=None)
    with pytest.raises(ValueError, match="reversed"):
        scale(0, reversed_items=["five"])


# Verdicts


def cells(*rows: tuple) -> pd.DataFrame:
    columns = ["district_code", "verdict", "threshold_version", "is_shown"]
    return pd.DataFrame(rows, columns=columns).assign(consortium_code="tom", period="2024-H1")


def complete(threshold: float = 0, **other) -> ExpectVerdictComplete:
    keys = {"key_columns": ["consortium_code", "district_code", "period"], "verdict_version": "v2"}
    limit = LIMIT | {"group_by": ["consortium_code", "period"]}
    return ExpectVerdictComplete(**limit, threshold=threshold, **keys | {"shown_column": "is_shown"} | other)


GOOD = ("WK1", "reliable", "v2", True)


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        (("WK2", "indicative", "v2", True), None),
        (("WK2", "not_publishable", "v2", False), None),
        (("WK2", "not_publishable", "v2", None), None),
        (("WK2", "not_publishable", "v2", True), "shown_not_publishable"),
        (("WK2", None, None, True), "without"),
        (("WK2", "goed", "v2", True), "without"),
        (("WK2", "reliable", "v1", True), "outdated"),
        (("WK2", "reliable", None, True), "outdated"),
        (("WK1", "reliable", "v2", True), "several"),
        (("WK1", "not_publishable", "v1", True), None),  # judged again since
    ],
)
def test_one_verdict_of_today_per_cell(hold, row, wrong):
    success, details = hold(complete(), cells(GOOD, row))
    assert success is (wrong is None)
    parts = {name: value for name, value in details["groups"][0].items() if name.startswith("of_which_")}
    assert {name for name, value in parts.items() if value} == ({f"of_which_{wrong}"} if wrong else set())
    assert details["n"] == len({GOOD[0], row[0]})


def test_a_share_of_incomplete_verdicts(hold):
    rows = cells(*[(f"WK{number}", "reliable" if number else None, "v2", True) for number in range(4)])
    assert hold(complete(0.25), rows)[0]
    assert not hold(complete(0.249), rows)[0]
    # without a column that tells it every row is of a cell that is shown
    hidden = cells(("WK2", "not_publishable", "v2", False))
    assert hold(complete(), hidden)[0] and not hold(complete(shown_column=None), hidden)[0]


# What a result holds


@pytest.mark.parametrize("kind", ["response", "interviews", "scale", "sums", "verdicts"])
@pytest.mark.parametrize("broken", [False, True])
def test_no_result_holds_a_value_of_a_row(whole_result, monkeypatch, kind, broken):
    raw = taken(("2024-03-01", "10:00", 30, PLANTED), ("2024-03-01", PLANTED, PLANTED, PLANTED))
    raw = raw.assign(interview=PLANTED, answer=PLANTED, low=1, high=5, target_group=["client", PLANTED])
    scales = {"answer_column": "answer", "lowest_column": "low", "highest_column": "high"}
    sum_rows = sums(answers()).astype(object).assign(question_code=PLANTED)
    sum_rows.iloc[0, sum_rows.columns.get_loc("item_variance")] = PLANTED
    expectation, rows = {
        "response": (response(0), drawn({"drawn": PLANTED, "completed": 3}, {"target_group": PLANTED, "drawn": 2})),
        "interviews": (possible(0, key_columns=["interview"], **scales, **TIMES), raw),
        "scale": (scale(2), answers().astype(object).replace(1.0, PLANTED)),
        "sums": (scale(2, items=[]), sum_rows),
        "verdicts": (complete(), cells(("WK2", PLANTED, PLANTED, True), (PLANTED, None, None, True))),
    }[kind]
    if broken:

        def fail(*_, **__):
            raise KeyError(PLANTED)

        monkeypatch.setattr("pipeline.reliability.expectations._by_group", fail)
    outcome = whole_result(expectation, rows)
    assert not outcome.success
    result = outcome.results[0]
    assert ("details" in result.result) is not broken
    for text in (json.dumps(outcome.to_json_dict(), default=str), str(outcome), repr(result), outcome.describe()):
        assert PLANTED not in text and "Pietje" not in text
    if broken:
        assert "ends in KeyError" in str(result.exception_info)
    else:
        assert {type(value) for group in result.result["details"]["groups"] for value in group.values()} <= {
            int,
            float,
            str,
            type(None),
        }


# Suites


def test_suites_name_thresholds_with_a_severity_and_hold_no_number():
    with (SEEDS / "thresholds.csv").open(encoding="utf-8", newline="") as handle:
        seed = {row["threshold_code"]: row["severity"] for row in csv.DictReader(handle)}
    used = {expected.threshold for suite in SUITES.values() for expected in suite.expectations}
    assert {code: seed[code] for code in used} == {
        "unaccounted_response": "critical",
        "impossible_interviews": "warning",
        "publishable_alpha": "warning",
        "incomplete_verdicts": "critical",
    }
    assert {code for code, severity in seed.items() if severity} == used
    numbers = {code for suite in SUITES.values() for each in suite.expectations for code in each.numbers.values()}
    assert numbers <= seed.keys()
    for path in (EXPECTATIONS / "reliability").glob("*.yml"):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert content.pop("position") and content["suite"] == path.stem
        assert not re.search(r"\d", json.dumps(content["expectations"])), path.name
    assert {type_ for suite in SUITES.values() for type_ in [each.type for each in suite.expectations]} == {
        "expect_response_accounted",
        "expect_interviews_possible",
        "expect_scale_internally_consistent",
        "expect_verdict_complete",
    }


def test_a_threshold_without_severity_or_value_is_refused():
    rows = drawn({"drawn": 1, "completed": 1}).assign(partial=0, not_contacted=0, other=0)
    with pytest.raises(SuiteError, match="unaccounted_response has no severity"):
        run_suite(SUITES["response"], rows, THRESHOLDS.assign(severity=None), TODAY)
    with pytest.raises(ValueError, match="unaccounted_response"):
        run_suite(SUITES["response"], rows, THRESHOLDS, date(2014, 12, 31))


def test_the_severity_of_the_day_blocks():
    rows = drawn({"drawn": 2, "completed": 1}).assign(partial=0, not_contacted=0, other=0)
    outcome = run_suite(SUITES["response"], rows, THRESHOLDS, TODAY)
    assert (outcome.success, outcome.blocking, outcome.rows) == (False, True, 1)
    softer = THRESHOLDS.replace({"severity": {"critical": "warning"}})
    assert not run_suite(SUITES["response"], rows, softer, TODAY).blocking
    assert {name for name, suite in SUITES.items() if blocks(suite, TODAY)} == {"response", "verdicts", "shown_figures"}


def test_a_missing_column_is_named():
    with pytest.raises(SuiteError, match="response: expect_response_accounted cannot be computed; the table has no"):
        run_suite(SUITES["response"], drawn({"drawn": 1}), THRESHOLDS, TODAY)


# In the warehouse


@pytest.fixture
def warehouse(settings: Settings) -> Settings:
    """A warehouse with all that the suites read, in which everything holds."""
    settings.home.mkdir(parents=True)
    scale_rows = sums(answers())  # noqa: F841 - read by DuckDB
    thresholds = THRESHOLDS  # noqa: F841 - read by DuckDB
    with duckdb.connect(str(settings.warehouse)) as connection:
        for schema in ("reference", "staging", "intermediate", "cells", "reliability", "marts"):
            connection.execute(f"create schema {schema}")
        connection.execute(f"""
            create table reference.thresholds as select * from thresholds;
            create table reference.questions as
            select *
            from (values ('tevredenheid', 1, 10), ('gehoord', 1, 5)) as t (question_code, scale_min, scale_max);
            create table intermediate.int_interviews__count as
            select 'tom' as consortium_code, 'client' as target_group, 'WK1' as district_code, '2024-H1' as period,
                12 as drawn, 8 as completed, 1 as partial, 1 as refused, 1 as not_contacted, 1 as other;
            create table intermediate.int_interviews__time as
            select 'tom' as consortium_code, 'client' as target_group, 'WK1' as district_code, '2024-H1' as period,
                '{PLANTED}' as team, 9 as interviews, 0 as hard_faults;
            create table staging.stg_deliveries__interviews as
            select 'tom' as consortium_code, '2024-H1' as period, '{PLANTED}' || number as interview_key,
                'client' as target_group
            from range(100) as t (number);
            create table staging.stg_deliveries__answers as
            select consortium_code, period, interview_key, question_code, 4 as answer
            from staging.stg_deliveries__interviews cross join reference.questions;
            create table intermediate.int_answers__scale as select * from scale_rows;
            create table cells.indicator_cell as
            select 'tom' as consortium_code, 'tom_gehoord' as indicator_code, district_code, '2024-H1' as period, n
            from (values ('WK1', 40), ('WK2', 12), ('WK3', 0)) as t (district_code, n);
            create table reliability.verdict as
            select 'tom' as consortium_code, 'tom_gehoord' as indicator_code, district_code, '2024-H1' as period,
                pooled_over, verdict, '{CURRENT}' as threshold_version
            from (values
                ('WK1', '', 'reliable'),
                ('WK2', '', 'not_publishable'),
                ('WK2', 'consortium', 'indicative')
            ) as t (district_code, pooled_over, verdict);
            create table marts.fct_indicator as
            select 'tom' as consortium_code, 'tom_gehoord' as indicator_code, district_code, '2024-H1' as period,
                status, false as is_rounded
            from (values ('WK1', 'published'), ('WK2', 'unreliable'), ('WK3', 'no_data')) as t (district_code, status);
            create table marts.fct_indicator_pooled as
            select 'tom' as consortium_code, 'tom_gehoord' as indicator_code, 'WK2' as district_code,
                '2024-H1' as period, 'consortium' as pooled_over, 'published' as status;
        """)
    return settings


BREAKS = {
    "response": "update intermediate.int_interviews__count set completed = 7",
    "interviews": "update intermediate.int_interviews__time set hard_faults = 1",
    "answers": "update staging.stg_deliveries__answers set answer = 6 where question_code = 'gehoord'",
    "scales": "update intermediate.int_answers__scale set item_rest_correlation = -0.1 where question_code = 'two'",
    "verdicts": "delete from reliability.verdict where district_code = 'WK1'",
    "shown_figures": "update marts.fct_indicator set status = 'published' where district_code = 'WK2'",
}


def test_every_suite_finds_its_rows_and_its_fault(warehouse):
    assert BREAKS.keys() == SUITES.keys()
    with duckdb.connect(str(warehouse.warehouse)) as connection:
        for name, suite in SUITES.items():
            frame = rows_of(suite, connection)
            outcome = run_suite(suite, frame, THRESHOLDS, TODAY)
            assert outcome.success and outcome.rows == len(frame) > 0, (name, outcome)
            tables = {f"{schema}.{table}" for schema, table in _tables(connection)}
            assert set(suite.tables) <= tables, name
        pooled = ("shown_figures", "update marts.fct_indicator_pooled set pooled_over = 'municipality'")
        for name, sentence in [*BREAKS.items(), pooled]:
            connection.execute("begin")
            connection.execute(sentence)
            outcome = run_suite(SUITES[name], rows_of(SUITES[name], connection), THRESHOLDS, TODAY)
            connection.execute("rollback")
            assert not outcome.success, name
            assert outcome.blocking is (outcome.statistics[0]["severity"] == "critical"), name
            assert PLANTED not in repr(outcome)


def _tables(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    return connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()


@pytest.mark.parametrize(
    ("sentence", "fault", "number"),
    [
        ("insert into {answers} values ('tom', '2024-H1', 'x', 'gehoord', 4)", "without_interview", 1),
        ("update {answers} set answer = null where question_code = 'gehoord'", "outside_scale", 100),
        ("update {answers} set question_code = 'anders'", "outside_scale", 200),
        ("insert into {answers} from {answers} limit 3", "doubled", 3),
        ("insert into {answers} select * replace (5 as answer) from {answers} limit 3", "doubled", 3),
        ("insert into {interviews} from {interviews} limit 1", "doubled", 2),
    ],
)
def test_answers_are_counted_as_what_is_wrong_with_them(warehouse, sentence, fault, number):
    with duckdb.connect(str(warehouse.warehouse)) as connection:
        staging = {name: f"staging.stg_deliveries__{name}" for name in ("answers", "interviews")}
        connection.execute(sentence.format(**staging))
        outcome = run_suite(SUITES["answers"], rows_of(SUITES["answers"], connection), THRESHOLDS, TODAY)
    assert sum(group.get(f"of_which_{fault}", 0) for group in outcome.statistics[0]["groups"]) == number


def _run(settings: Settings) -> dg.ExecuteInProcessResult:
    def stub(key: str, *deps: str) -> dg.AssetsDefinition:
        @dg.asset(key=key.split("/"), deps=[dep.split("/") for dep in deps])
        def made() -> None: ...

        return made

    assets = [
        stub("intermediate/int_interviews__count"),
        stub("reliability/survey", "intermediate/int_interviews__count"),
        stub("reliability/verdict", "reliability/survey"),
        stub("marts/fct_indicator", "reliability/verdict"),
        stub("publication/partners", "marts/fct_indicator"),
    ]
    definitions = dg.Definitions(
        assets=assets,
        asset_checks=build_reliability_checks(settings),
        jobs=[dg.define_asset_job("everything", dg.AssetSelection.all(), executor_def=dg.in_process_executor)],
    )
    with dg.DagsterInstance.ephemeral() as instance:
        return definitions.resolve_job_def("everything").execute_in_process(instance=instance, raise_on_error=False)


def test_checks_tell_counts_and_statistics(warehouse):
    result = _run(warehouse)
    assert result.success
    found = {each.check_name: each for each in result.get_asset_check_evaluations()}
    assert found.keys() == SUITES.keys()
    assert all(each.passed for each in found.values())
    assert {each.asset_key.to_user_string() for each in found.values()} == {
        "intermediate/int_interviews__count",
        "reliability/survey",
        "reliability/verdict",
        "marts/fct_indicator",
    }
    told = found["scales"].metadata
    assert told["groups_judged"].value == 1
    assert re.search(
        r"\| publishable_alpha \| 0\.6 \| 2015-01-01-[0-9a-f]{6} \| warning \|", told["expectations"].value
    )
    assert PLANTED not in repr([each.metadata for each in found.values()])


def test_a_warning_is_told_and_a_critical_fault_stops_what_comes_after(warehouse):
    with duckdb.connect(str(warehouse.warehouse)) as connection:
        for name in ("interviews", "scales", "verdicts"):
            connection.execute(BREAKS[name])
    result = _run(warehouse)
    assert not result.success
    found = {each.check_name: each for each in result.get_asset_check_evaluations()}
    failed = {name: each.severity.value for name, each in found.items() if not each.passed}
    assert failed == {"interviews": "WARN", "scales": "WARN", "verdicts": "ERROR"}
    assert "shown_figures" not in found
    made = {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()}
    assert "reliability/verdict" in made and "marts/fct_indicator" not in made
    assert "| tom | client | 2024-H1 | 9 |" in found["interviews"].metadata["failed"].value
    assert PLANTED not in repr([each.metadata for each in found.values()])
