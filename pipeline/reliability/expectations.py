"""Four expectations of Great Expectations about how reliably a survey was held, of which it has none itself.

Belongs here: the expectations and their metrics on the pandas engine. Does not belong here: which table is held against
which threshold (``expectations/reliability/*.yml``, ``suites.py``), or a verdict on a figure: those are made once, from
the same statistics, in tables.

A result holds statistics per consortium, target group and half-year, and never a row or a value from one: the built-in
expectations put what they object to in their result. Great Expectations takes seconds to import, so only ``suites.py``
imports this module, when a suite is run.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from great_expectations.compatibility import pydantic
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

from pipeline import periods
from pipeline.periods import HalfYear
from pipeline.reliability.consistency import cronbach_alpha_from_sums, feldt_interval, item_rest_from_sums
from pipeline.reliability.fabrication import timing_faults
from pipeline.reliability.interviewers import effective_n, weights_design_effect
from pipeline.reliability.judgement import GRADES
from pipeline.settings import CONSORTIA

# What a result may name, and what each may be called; anything else is "?", since it could be a person.
GROUP_KEYS = {
    "consortium_code": "|".join(CONSORTIA),
    "target_group": "client|stakeholder",
    "period": r"20(?:1[5-9]|[2-9]\d)-H[12]",
}
_UNKNOWN = "?"
_SUMS = ["items", "n", "item_variance", "item_rest_correlation", "total_variance"]
_HARD_FAULTS = ["ends_before_start", "in_future", "outside_half_year", "overlaps"]

Group = dict[str, Any]


class _ReliabilityExpectation(BatchExpectation):
    """What the four share: groups, a threshold with its version, and a result of numbers only.

    Args:
        group_by: the statistic is taken per group; at most consortium_code, target_group and period.
        threshold: what the statistic is held against.
        threshold_version: first day on which that threshold held; for the result.
        minimum_n: of groups with fewer only their number is told.
    """

    group_by: tuple[str, ...]
    threshold: float
    threshold_version: str
    minimum_n: int = 0

    runtime_keys: ClassVar[tuple[str, ...]] = ("result_format",)
    statistic: ClassVar[str]

    @pydantic.validator("group_by")
    def _names_no_person(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or set(value) - GROUP_KEYS.keys():
            raise ValueError(f"groups are made by one or more of {', '.join(GROUP_KEYS)}")
        return value

    @abstractmethod
    def _judge(self, group: Group) -> tuple[dict[str, Any], bool]:
        """The statistics of a group (value, ci_low and ci_high first) and whether they will do."""

    @abstractmethod
    def _worst(self, groups: Sequence[Group]) -> float | None:
        """The figure of the groups that is furthest on the wrong side of the threshold."""

    def _validate(self, metrics: dict, runtime_configuration: Any = None, execution_engine: Any = None) -> dict:
        groups = []
        for group in metrics[self.metric_dependencies[0]]:
            told = {name: group[name] for name in (*self.group_by, "n", "n_eff")}
            if group["n"] > 0 and group["n"] >= self.minimum_n:
                statistics, holds = self._judge(group)
                groups.append({**told, **statistics, "verdict": int(holds)})
            else:
                groups.append({**told, "verdict": None})
        judged = [group for group in groups if group["verdict"] is not None]
        return {
            "success": all(group["verdict"] for group in judged),
            "result": {
                "observed_value": _number(self._worst(judged)) if judged else None,
                "details": {
                    "statistic": self.statistic,
                    "threshold": self.threshold,
                    "threshold_version": self.threshold_version,
                    "n": _number(sum(group["n"] for group in groups)),
                    "judged": len(judged),
                    "failed": sum(not group["verdict"] for group in judged),
                    "groups": [{name: _number(value) for name, value in group.items()} for group in groups],
                },
            },
        }


class _ShareExpectation(_ReliabilityExpectation):
    """A share of what was delivered that is wrong. All of it is counted, so the interval is the share itself."""

    def _judge(self, group: Group) -> tuple[dict[str, Any], bool]:
        share = group["wrong"] / group["n"]
        parts = {name: value for name, value in group.items() if name.startswith("of_which_")}
        # a share of whole numbers, so what differs in the last digit is equal
        holds = share <= self.threshold + 1e-12
        return {"value": share, "ci_low": share, "ci_high": share, "wrong": group["wrong"], **parts}, holds

    def _worst(self, groups: Sequence[Group]) -> float | None:
        return max(group["value"] for group in groups)


class ExpectResponseAccounted(_ShareExpectation):
    """Everybody who was drawn ended as something: I + P + R + NC + O + U = drawn (AAPOR, Standard Definitions).

    Args:
        drawn_column: how many were drawn.
        disposition_columns: how many of them ended as what; unknown eligibility is one of these.
        threshold: highest share of those drawn that may be missing, or be there too often.

    Result: per group the share unaccounted; rows with too few and rows with too many do not even out.
    """

    drawn_column: str = "drawn"
    disposition_columns: tuple[str, ...]

    metric_dependencies = ("table.reliability.unaccounted",)
    success_keys = ("group_by", "drawn_column", "disposition_columns")
    statistic = "share of those drawn without an outcome"


class ExpectInterviewsPossible(_ShareExpectation):
    """Interviews that can have been held: keys that occur once, answers within their scale, times that can be.

    Rows are either the interviews or answers themselves, or counts of them. Name the columns that there are.

    Args:
        key_columns: together unique; all rows of a key that occurs more often are wrong.
        answer_column: an answer; with lowest_column and highest_column, the scale of its question. 0 is no opinion.
        lowest_column: lowest answer of the question.
        highest_column: highest answer of the question.
        taken_on_column: day of the interview; with the next three, and with period in group_by.
        started_at_column: time at which it began, HH:MM.
        duration_column: minutes that it took.
        interviewer_column: who took it.
        today: day after which an interview lies in the future, as 2024-06-30; today when it is not given.
        rows_column: how many a row stands for; 1 when it is not given.
        fault_columns: how many of them are wrong; what is counted in several is wrong once at most.
        threshold: highest share that may be wrong.
    """

    key_columns: tuple[str, ...] = ()
    answer_column: str | None = None
    lowest_column: str | None = None
    highest_column: str | None = None
    taken_on_column: str | None = None
    started_at_column: str | None = None
    duration_column: str | None = None
    interviewer_column: str | None = None
    today: str | None = None
    rows_column: str | None = None
    fault_columns: tuple[str, ...] = ()

    metric_dependencies = ("table.reliability.impossible",)
    success_keys = (
        "group_by",
        "key_columns",
        "answer_column",
        "lowest_column",
        "highest_column",
        "taken_on_column",
        "started_at_column",
        "duration_column",
        "interviewer_column",
        "today",
        "rows_column",
        "fault_columns",
    )
    statistic = "share that cannot be"

    @pydantic.root_validator(skip_on_failure=True)
    def _columns_that_belong_together(cls, values: dict[str, Any]) -> dict[str, Any]:
        for names in (
            ("answer_column", "lowest_column", "highest_column"),
            ("taken_on_column", "started_at_column", "duration_column", "interviewer_column"),
        ):
            if len({values[name] is None for name in names}) > 1:
                raise ValueError(f"{', '.join(names)} are given together or not at all")
        if values["taken_on_column"] and "period" not in values["group_by"]:
            raise ValueError("times are judged by half-year: group_by lacks period")
        return values


class ExpectScaleInternallyConsistent(_ReliabilityExpectation):
    """The items of a scale measure the same: Feldt's lower bound of Cronbach's alpha, and the item-rest correlations.

    Rows are respondents with a column per item, or the sums per item as in ``int_answers__scale``.

    Args:
        items: columns with answers; none when the rows are sums (period, items, n, item_variance,
            item_rest_correlation and total_variance, one row per item).
        reversed_items: items where the highest answer is the worst one; they are turned.
        scale_minimum: lowest answer of all items; what lies outside the scale is no answer.
        scale_maximum: highest answer of all items.
        weight_column: weight of a respondent.
        confidence: of Feldt's interval.
        minimum_item_rest: no item correlates less than this with the others; below 0 an item was not turned.
        threshold: on the lower bound, not on alpha itself.
    """

    items: tuple[str, ...] = ()
    reversed_items: tuple[str, ...] = ()
    scale_minimum: float | None = None
    scale_maximum: float | None = None
    weight_column: str | None = None
    confidence: float
    minimum_item_rest: float

    metric_dependencies = ("table.reliability.consistency",)
    success_keys = ("group_by", "items", "reversed_items", "scale_minimum", "scale_maximum", "weight_column")
    statistic = "Cronbach's alpha, judged by Feldt's lower bound"

    @pydantic.root_validator(skip_on_failure=True)
    def _scale_is_known(cls, values: dict[str, Any]) -> dict[str, Any]:
        if values["items"] and (values["scale_minimum"] is None or values["scale_maximum"] is None):
            raise ValueError("answers need the full scale: scale_minimum and scale_maximum")
        if set(values["reversed_items"]) - set(values["items"]):
            raise ValueError("a reversed item is none of the items")
        return values

    def _judge(self, group: Group) -> tuple[dict[str, Any], bool]:
        low, high = feldt_interval(group["alpha"], group["n_eff"], group["items"], self.confidence)
        lowest = group["lowest_item_rest"]
        statistics = {"value": group["alpha"], "ci_low": float(low), "ci_high": float(high)}
        # an alpha that cannot be computed is no proof of a scale
        holds = float(low) >= self.threshold and not lowest < self.minimum_item_rest
        return {**statistics, "items": group["items"], "lowest_item_rest": lowest}, holds

    def _worst(self, groups: Sequence[Group]) -> float | None:
        bounds = [group["ci_low"] for group in groups]
        return math.nan if any(math.isnan(bound) for bound in bounds) else min(bounds)


class ExpectVerdictComplete(_ShareExpectation):
    """Every cell has exactly one verdict under the thresholds of today, and none that is shown is not publishable.

    Rows are cells with their verdicts: a cell without one has a row without a verdict, a cell with two has two.

    Args:
        key_columns: key of a cell.
        verdict_column: reliable, indicative, not_publishable, or nothing.
        version_column: version of the thresholds that the verdict was made under.
        verdict_version: the version of today; verdicts of earlier ones may stand beside it, and do not count.
        shown_column: whether the cell is shown; all are when it is not given.
        threshold: highest share of cells that may lack it.
    """

    key_columns: tuple[str, ...]
    verdict_column: str = "verdict"
    version_column: str = "threshold_version"
    verdict_version: str
    shown_column: str | None = None

    metric_dependencies = ("table.reliability.verdicts",)
    success_keys = (
        "group_by",
        "key_columns",
        "verdict_column",
        "version_column",
        "verdict_version",
        "shown_column",
    )
    statistic = "share of cells without one verdict of today, or shown in spite of it"


class _GroupMetric(TableMetricProvider):
    """A metric that is a list of groups, each with n, n_eff and its sums.

    Attributes:
        _groups: of each metric: the groups of a frame, given the parameters of its expectation by name.
    """

    _groups: ClassVar[Callable[..., list[Group]]]

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(
        cls,
        execution_engine: PandasExecutionEngine,
        metric_domain_kwargs: dict,
        metric_value_kwargs: dict,
        metrics: dict[str, Any],
        runtime_configuration: dict,
    ) -> list[Group]:
        frame, _, _ = execution_engine.get_compute_domain(metric_domain_kwargs, domain_type=MetricDomainTypes.TABLE)
        # pandas takes a tuple for the name of one column
        parameters = {
            name: list(value) if isinstance(value, tuple) else value for name, value in metric_value_kwargs.items()
        }
        missing = sorted(cls._named(parameters) - set(frame.columns))
        if missing:
            raise ValueError(f"the table has no {', '.join(missing)}")
        try:
            return cls._groups(frame.reset_index(drop=True), **parameters)
        except Exception as error:
            # Great Expectations keeps the text of an exception in its result, and a text may hold a value
            raise RuntimeError(f"{cls.metric_name} ends in {type(error).__name__}") from None

    @classmethod
    def _named(cls, parameters: dict[str, Any]) -> set[str]:
        """The columns that the parameters name."""
        single = {value for name, value in parameters.items() if name.endswith("_column") and value}
        lists = [value for name, value in parameters.items() if name.endswith(("_columns", "items", "group_by"))]
        return single.union(*lists)


class _Unaccounted(_GroupMetric):
    metric_name = "table.reliability.unaccounted"
    value_keys = ExpectResponseAccounted.success_keys

    @classmethod
    def _groups(
        cls, frame: pd.DataFrame, group_by: list[str], drawn_column: str, disposition_columns: list[str]
    ) -> list[Group]:
        drawn = _numbers(frame[drawn_column]).fillna(0)
        ended = frame[disposition_columns].apply(_numbers).fillna(0).sum(axis=1)
        counts = pd.DataFrame(
            {
                # of more outcomes than people, some are wrong too
                "n": np.maximum(drawn, ended),
                "of_which_missing": (drawn - ended).clip(lower=0),
                "of_which_too_many": (ended - drawn).clip(lower=0),
            }
        )
        return [
            _share_group(key, rows, rows["of_which_missing"] + rows["of_which_too_many"])
            for key, rows in _by_group(frame, group_by, counts)
        ]


class _Impossible(_GroupMetric):
    metric_name = "table.reliability.impossible"
    value_keys = ExpectInterviewsPossible.success_keys

    @classmethod
    def _groups(
        cls,
        frame: pd.DataFrame,
        group_by: list[str],
        key_columns: list[str],
        answer_column: str | None,
        lowest_column: str | None,
        highest_column: str | None,
        taken_on_column: str | None,
        started_at_column: str | None,
        duration_column: str | None,
        interviewer_column: str | None,
        today: str | None,
        rows_column: str | None,
        fault_columns: list[str],
    ) -> list[Group]:
        n = _numbers(frame[rows_column]).fillna(0) if rows_column else pd.Series(1.0, index=frame.index)
        counts = pd.DataFrame({"n": n})
        if key_columns:
            counts["of_which_doubled"] = n * frame.duplicated(key_columns, keep=False)
        if answer_column:
            answer, low, high = (_numbers(frame[name]) for name in (answer_column, lowest_column, highest_column))
            counts["of_which_outside_scale"] = n * ~((answer == 0) | answer.between(low, high))
        if taken_on_column:
            names = [taken_on_column, started_at_column, duration_column, interviewer_column]
            times = frame[names].set_axis(["taken_on", "started_at", "minutes", "interviewer"], axis=1)
            counts["of_which_impossible_time"] = n * _impossible_times(times, _label(frame, "period"), today)
        for name in fault_columns:
            counts[f"of_which_{name}"] = _numbers(frame[name]).fillna(0)
        parts = counts.drop(columns="n")
        # what is wrong in two ways is wrong once
        counts["wrong"] = np.minimum(n, parts.sum(axis=1))
        return [_share_group(key, rows, rows["wrong"]) for key, rows in _by_group(frame, group_by, counts)]


class _Consistency(_GroupMetric):
    metric_name = "table.reliability.consistency"
    value_keys = ExpectScaleInternallyConsistent.success_keys

    @classmethod
    def _named(cls, parameters: dict[str, Any]) -> set[str]:
        return super()._named(parameters) | set([] if parameters["items"] else _SUMS)

    @classmethod
    def _groups(
        cls,
        frame: pd.DataFrame,
        group_by: list[str],
        items: list[str],
        reversed_items: list[str],
        scale_minimum: float | None,
        scale_maximum: float | None,
        weight_column: str | None,
    ) -> list[Group]:
        if not items:
            return [{**key, **_scale_of_sums(rows)} for key, rows in _by_group(frame, group_by, frame)]
        answers = frame[items].apply(_numbers)
        answers = answers.where((answers >= scale_minimum) & (answers <= scale_maximum))
        answers[reversed_items] = scale_minimum + scale_maximum - answers[reversed_items]
        weights = _numbers(frame[weight_column]) if weight_column else pd.Series(1.0, index=frame.index)
        known = answers.notna().all(axis=1) & (weights > 0)
        # a group of which nobody answered everything still is a group
        return [
            {**key, **_scale_of_answers(rows.loc[known[rows.index]], weights)}
            for key, rows in _by_group(frame, group_by, answers)
        ]


class _Verdicts(_GroupMetric):
    metric_name = "table.reliability.verdicts"
    value_keys = ExpectVerdictComplete.success_keys

    @classmethod
    def _groups(
        cls,
        frame: pd.DataFrame,
        group_by: list[str],
        key_columns: list[str],
        verdict_column: str,
        version_column: str,
        verdict_version: str,
        shown_column: str | None,
    ) -> list[Group]:
        verdict = frame[verdict_column].astype("string")
        given = verdict.isin(GRADES)
        current = given & (frame[version_column].astype("string") == verdict_version).fillna(False)
        shown = frame[shown_column].astype("boolean").fillna(False) if shown_column else True
        rows = frame[key_columns].assign(
            _given=given, _current=current, _hidden=current & shown & (verdict == "not_publishable")
        )
        first = ~frame.duplicated(key_columns)
        cells = rows.groupby(key_columns, dropna=False, sort=False)[["_given", "_current", "_hidden"]].sum()
        cells = cells.set_axis(frame.index[first], axis=0)
        counts = pd.DataFrame(
            {
                "n": 1,
                "of_which_without": cells["_given"] == 0,
                "of_which_outdated": (cells["_given"] > 0) & (cells["_current"] == 0),
                "of_which_several": cells["_current"] > 1,
                "of_which_shown_not_publishable": cells["_hidden"] > 0,
            }
        )
        counts["wrong"] = counts.drop(columns="n").any(axis=1)
        groups = _by_group(frame[first], group_by, counts.astype(int))
        return [_share_group(key, rows, rows["wrong"]) for key, rows in groups]


def _label(frame: pd.DataFrame, name: str) -> pd.Series:
    text = frame[name].astype("string")
    return text.where(text.str.fullmatch(GROUP_KEYS[name]).fillna(False).astype(bool), _UNKNOWN).astype(object)


def _by_group(frame: pd.DataFrame, group_by: list[str], rows: pd.DataFrame) -> Iterator[tuple[Group, pd.DataFrame]]:
    labels = [_label(frame, name) for name in group_by]
    for key, part in rows.groupby(labels, sort=True):
        yield dict(zip(group_by, key, strict=True)), part


def _share_group(key: Group, rows: pd.DataFrame, wrong: pd.Series) -> Group:
    n = float(rows["n"].sum())
    parts = {name: float(rows[name].sum()) for name in rows.columns if name.startswith("of_which_")}
    return {**key, "n": n, "n_eff": n, "wrong": float(wrong.sum()), **parts}


def _scale_of_answers(answers: pd.DataFrame, weights: pd.Series) -> Group:
    n, items = answers.shape
    weight = weights[answers.index].to_numpy(dtype=float)
    if n < 2:
        return {"n": n, "n_eff": n, "items": items, "alpha": math.nan, "lowest_item_rest": math.nan}
    covariance = np.atleast_2d(np.cov(answers.to_numpy(dtype=float), rowvar=False, aweights=weight))
    item_rest = item_rest_from_sums(np.diag(covariance), covariance.sum(axis=1), covariance.sum())
    return {
        "n": n,
        "n_eff": float(effective_n(n, weights_design_effect(n, weight.sum(), (weight**2).sum()))),
        "items": items,
        "alpha": float(cronbach_alpha_from_sums(items, np.trace(covariance), covariance.sum())),
        "lowest_item_rest": _lowest(item_rest),
    }


def _scale_of_sums(rows: pd.DataFrame) -> Group:
    numbers = rows[_SUMS].apply(_numbers)
    items, n, total = (float(numbers[name].max()) for name in ("items", "n", "total_variance"))
    # without the variance of every item alpha would come out too high
    complete = len(numbers) == items and (numbers[["items", "n", "total_variance"]].nunique() <= 1).all()
    alpha = cronbach_alpha_from_sums(items, numbers["item_variance"].sum(skipna=False), total)
    return {
        "n": n,
        "n_eff": n,
        "items": items,
        "alpha": float(alpha) if complete else math.nan,
        "lowest_item_rest": _lowest(numbers["item_rest_correlation"].to_numpy(dtype=float)),
    }


def _lowest(values: np.ndarray) -> float:
    """The lowest known one; an item that does not vary correlates with nothing."""
    known = values[~np.isnan(values)]
    return float(known.min()) if len(known) else math.nan


def _impossible_times(times: pd.DataFrame, period: pd.Series, today: str | None) -> pd.Series:
    day = pd.to_datetime(times["taken_on"], errors="coerce")
    started = day + pd.to_timedelta(times["started_at"].astype("string") + ":00", errors="coerce")
    ended = started + pd.to_timedelta(_numbers(times["minutes"]), unit="min")
    moments = times[["interviewer"]].assign(taken_on=day, started_at=started, ended_at=ended)
    until = pd.Timestamp(today or periods.today())
    found = ended > day + pd.Timedelta(days=1)
    for name, rows in moments.groupby(period):
        if name != _UNKNOWN:
            half = HalfYear.parse(name)
            faults = timing_faults(rows, pd.Timestamp(half.starts_on), pd.Timestamp(half.ends_on), until)
            found[rows.index] |= faults[_HARD_FAULTS].any(axis=1)
    return found


def _numbers(values: pd.Series) -> pd.Series:
    """As numbers, without a word about what is none: a message could hold an answer."""
    return pd.to_numeric(values, errors="coerce").astype(float)


def _number(value: Any) -> Any:
    """As it goes into the result: whole numbers whole, and nothing for what is unknown."""
    if isinstance(value, float | np.floating):
        return None if not math.isfinite(value) else int(value) if float(value).is_integer() else round(float(value), 6)
    return value
