"""The suites of ``expectations/reliability/``: read, given their thresholds, and held against rows of the warehouse.

Belongs here: from file to expectations, the rows that a suite is about, and an outcome without rows. Does not belong
here: the expectations (``expectations.py``), a number (``seeds/thresholds.csv``). Great Expectations takes seconds to
import, so only ``run_suite`` imports it.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import yaml

from pipeline.settings import EXPECTATIONS, SEEDS

if TYPE_CHECKING:
    import duckdb
    import pandas as pd


CRITICAL, WARNING = "critical", "warning"
_SUITE_KEYS = {"suite", "position", "title", "description", "asset", "tables", "expectations"}

# The rows of suites that are about more than one table. What has millions of rows is counted here: an expectation gets
# a small frame.
_ROWS = {
    "answers": """
        with questions as (
            select *, row_number() over (order by question_code) - 1 as bit from reference.questions
        ),

        -- first per interview: a tenth of the rows to join, and a doubled question is one bit too few (64 are enough)
        answers as (
            select
                answers.consortium_code,
                answers.period,
                answers.interview_key,
                count(*) as answers,
                count(*) filter (
                    where (answers.answer = 0 or answers.answer between questions.scale_min and questions.scale_max)
                    is not true
                ) as outside_scale,
                count(questions.bit)
                - coalesce(bit_count(bit_or(1::ubigint << questions.bit::ubigint)), 0) as doubled
            from staging.stg_deliveries__answers as answers
            left join questions using (question_code)
            group by all
        ),

        interviews as (
            select
                consortium_code,
                period,
                interview_key,
                any_value(target_group) as target_group,
                count(*) as copies
            from staging.stg_deliveries__interviews
            group by all
        )

        select
            answers.consortium_code,
            interviews.target_group,
            answers.period,
            sum(answers.answers) as answers,
            sum(case when interviews.copies is null then answers.answers else 0 end) as without_interview,
            sum(answers.outside_scale) as outside_scale,
            sum(case when interviews.copies > 1 then answers.answers else answers.doubled end) as doubled
        from answers
        left join interviews using (consortium_code, period, interview_key)
        group by all
    """,
    "verdicts": """
        with figures as (
            select consortium_code, indicator_code, district_code, period, '' as pooled_over
            from cells.indicator_cell
            where n > 0
            union
            select consortium_code, indicator_code, district_code, period, pooled_over from reliability.verdict
        )

        select figures.*, verdicts.verdict, verdicts.threshold_version, false as is_shown
        from figures
        left join reliability.verdict as verdicts
            using (consortium_code, indicator_code, district_code, period, pooled_over)
    """,
    "shown_figures": """
        with figures as (
            select consortium_code, indicator_code, district_code, period, '' as pooled_over, status
            from marts.fct_indicator
            -- the verdict is on the true counts, of which nothing is shown
            where not is_rounded
            union all
            select consortium_code, indicator_code, district_code, period, pooled_over, status
            from marts.fct_indicator_pooled
        )

        select figures.* exclude (status), verdicts.verdict, verdicts.threshold_version
        from figures
        left join reliability.verdict as verdicts
            using (consortium_code, indicator_code, district_code, period, pooled_over)
        where figures.status = 'published'
    """,
}


class SuiteError(ValueError):
    """A suite cannot be read or run; the message names suite and expectation and holds no value of a row."""


@dataclass(frozen=True)
class Expected:
    """One expectation of a suite.

    Attributes:
        type: name of the expectation, for example ``expect_verdict_complete``.
        threshold: code of the threshold that it is held against; that one's severity is the expectation's.
        parameters: columns and groups.
        numbers: threshold code per parameter that is a number.
    """

    type: str
    threshold: str
    parameters: Mapping[str, Any]
    numbers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Suite:
    """A suite as its file has it.

    Attributes:
        name: also that of the asset check.
        title: what it is about, in a few words.
        description: what it expects, and why.
        asset: key of the asset after which it is run.
        tables: tables of the warehouse that it is about, as ``schema.table``.
        expectations: one or more.
    """

    name: str
    title: str
    description: str
    asset: tuple[str, ...]
    tables: tuple[str, ...]
    expectations: tuple[Expected, ...]


@dataclass(frozen=True)
class SuiteOutcome:
    """How rows kept a suite.

    Attributes:
        suite: name of the suite.
        success: whether every expectation holds.
        blocking: whether one with severity critical does not.
        rows: number of rows that were held against it.
        statistics: per expectation type, success, severity, threshold (code), value (of the threshold), version,
            observed (the worst group's), n, judged, failed (groups), statistic (what it is) and groups: a list with
            the statistics per consortium, target group and half-year. Never a row.
    """

    suite: str
    success: bool
    blocking: bool
    rows: int
    statistics: tuple[dict[str, Any], ...]


def load_suites() -> tuple[Suite, ...]:
    """All suites, in their order.

    Raises:
        SuiteError: when a file has other keys than it should.
    """
    contents = [
        yaml.safe_load(path.read_text(encoding="utf-8")) for path in (EXPECTATIONS / "reliability").glob("*.yml")
    ]
    return tuple(_suite(content) for content in sorted(contents, key=lambda content: content["position"]))


def blocks(suite: Suite, day: date) -> bool:
    """Whether a suite has an expectation whose threshold is critical on a day, by the seed.

    Args:
        suite: the suite.
        day: the day.

    Raises:
        SuiteError: when a threshold of the suite has no severity on that day.
    """
    with (SEEDS / "thresholds.csv").open(encoding="utf-8", newline="") as handle:
        severities = _severities(csv.DictReader(handle), day)
    return CRITICAL in {_severity(suite, expected, severities) for expected in suite.expectations}


def rows_of(suite: Suite, warehouse: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """The rows that a suite is about: its table, or counts from its tables.

    Args:
        suite: the suite.
        warehouse: with the tables of the suite.
    """
    return warehouse.execute(_ROWS.get(suite.name) or f"select * from {suite.tables[0]}").df()


def run_suite(suite: Suite, frame: pd.DataFrame, thresholds: pd.DataFrame, day: date) -> SuiteOutcome:
    """Hold rows against a suite.

    Args:
        suite: the suite.
        frame: as from ``rows_of``.
        thresholds: rows of ``seeds/thresholds.csv``, severity among them.
        day: the thresholds that hold on this day are used, for all half-years.

    Raises:
        SuiteError: when a threshold or a column is missing, or an expectation cannot be computed.
    """
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx

    expectations = _expectations(suite, thresholds, day)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("warehouse").add_dataframe_asset(suite.name)
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    outcome = batch.validate(gx.ExpectationSuite(name=suite.name, expectations=expectations))
    # Great Expectations gives the results in an order of its own
    results = {result.expectation_config.type: result for result in outcome.results}
    statistics = tuple(
        _statistics(suite, expected, made, results[expected.type])
        for expected, made in zip(suite.expectations, expectations, strict=True)
    )
    failed = {found["severity"] for found in statistics if not found["success"]}
    return SuiteOutcome(suite.name, not failed, CRITICAL in failed, len(frame), statistics)


def _expectations(suite: Suite, thresholds: pd.DataFrame, day: date) -> list[Any]:
    from pipeline.reliability import expectations
    from pipeline.reliability.judgement import verdict_version
    from pipeline.reliability.thresholds import Thresholds

    holding = Thresholds.on(thresholds, day)
    severities = _severities(thresholds.to_dict("records"), day)
    made = []
    for expected in suite.expectations:
        kind = getattr(expectations, "".join(word.capitalize() for word in expected.type.split("_")), None)
        if kind is None:
            raise SuiteError(f"{suite.name}: there is no {expected.type}")
        parameters = {**expected.parameters, **{name: holding[code] for name, code in expected.numbers.items()}}
        if "verdict_version" in kind.__fields__:
            parameters["verdict_version"] = verdict_version(holding)
        made.append(
            kind(
                **parameters,
                threshold=holding[expected.threshold],
                threshold_version=holding.version([expected.threshold]),
                severity=_severity(suite, expected, severities),
            )
        )
    return made


def _severities(rows: Iterable[Mapping[str, Any]], day: date) -> dict[str, Any]:
    """Severity per threshold that holds on a day; days are dates or text, and "" or nothing when there is none."""
    found = {}
    for row in rows:
        starts, ends = (str(row[name])[:10] for name in ("valid_from", "valid_to"))
        if starts <= day.isoformat() and (not ends[:1].isdigit() or day.isoformat() <= ends):
            found[row["threshold_code"]] = row["severity"]
    return found


def _severity(suite: Suite, expected: Expected, severities: Mapping[str, Any]) -> str:
    severity = severities.get(expected.threshold)
    if severity not in (CRITICAL, WARNING):
        raise SuiteError(f"{suite.name}: {expected.threshold} has no severity in the thresholds of today")
    return severity


def _statistics(suite: Suite, expected: Expected, made: Any, result: Any) -> dict[str, Any]:
    details = result.result.get("details")
    if details is None:
        raise SuiteError(f"{suite.name}: {expected.type} cannot be computed; {_why(result.exception_info)}")
    return {
        "type": expected.type,
        "success": bool(result.success),
        "severity": made.severity.value,
        "threshold": expected.threshold,
        "value": made.threshold,
        "version": made.threshold_version,
        "observed": result.result["observed_value"],
        **{name: details[name] for name in ("statistic", "n", "judged", "failed", "groups")},
    }


def _why(exception: Mapping[str, Any]) -> str:
    """What Great Expectations caught; the metrics see to it that the text holds no value."""
    messages = {found["exception_message"] for found in exception.values() if isinstance(found, Mapping)}
    return "; ".join(sorted(str(message) for message in messages)) or "Great Expectations gives no reason"


def _suite(content: Mapping[str, Any]) -> Suite:
    name = content.get("suite", "a suite")
    if set(content) != _SUITE_KEYS:
        raise SuiteError(f"{name} has other keys than {', '.join(sorted(_SUITE_KEYS))}")
    for entry in content["expectations"]:
        if not {"type", "threshold", "parameters"} <= set(entry) <= {"type", "threshold", "parameters", "numbers"}:
            raise SuiteError(f"{name}: an expectation has type, threshold, parameters and perhaps numbers")
    return Suite(
        name=name,
        title=content["title"],
        description=content["description"],
        asset=tuple(content["asset"].split("/")),
        tables=tuple(content["tables"]),
        expectations=tuple(Expected(**entry) for entry in content["expectations"]),
    )
