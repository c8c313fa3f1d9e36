"""Checks a monitor's long table against its contract, with Great Expectations.

Belongs here: from contract to expectations, and a result that carries no values. Great Expectations takes seconds to
import, so only the function that checks imports it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipeline.monitors.contracts import Contract

if TYPE_CHECKING:
    import great_expectations as gx


@dataclass(frozen=True)
class CheckResult:
    """How a table kept its contract.

    Attributes:
        success: whether every expectation holds.
        rows: rows checked.
        evaluated: expectations checked.
        failed: expectations that do not hold, as ``<type>(<column or columns>)``; never a value.
    """

    success: bool
    rows: int
    evaluated: int
    failed: tuple[str, ...]


def check(table: pd.DataFrame, contract: Contract) -> CheckResult:
    """Check a long table against its contract.

    Args:
        table: the table that a source module read.
        contract: the contract of that monitor.
    """
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("monitors").add_dataframe_asset(contract.monitor)
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": table})
    suite = gx.ExpectationSuite(name=contract.monitor, expectations=_expectations(contract))
    outcome = batch.validate(suite)
    failed = [_name(result.expectation_config) for result in outcome.results if not result.success]
    return CheckResult(
        success=bool(outcome.success), rows=len(table), evaluated=len(outcome.results), failed=tuple(failed)
    )


def _expectations(contract: Contract) -> list[gx.expectations.Expectation]:
    """The expectations that follow from the columns, and those that the contract adds."""
    specifications: list[tuple[str, dict[str, Any]]] = [
        ("expect_table_columns_to_match_ordered_list", {"column_list": contract.names}),
        ("expect_compound_columns_to_be_unique", {"column_list": list(contract.key)}),
    ]
    for column in contract.columns:
        if column.required:
            specifications.append(("expect_column_values_to_not_be_null", {"column": column.name}))
        if column.allowed:
            arguments = {"column": column.name, "value_set": list(column.allowed)}
            specifications.append(("expect_column_values_to_be_in_set", arguments))
        if column.minimum is not None or column.maximum is not None:
            arguments = {"column": column.name, "min_value": column.minimum, "max_value": column.maximum}
            specifications.append(("expect_column_values_to_be_between", arguments))
    for extra in contract.expectations:
        arguments = {name: value for name, value in extra.items() if name not in ("type", "where")}
        if "where" in extra:
            arguments["row_condition"] = _rows(extra["where"])
        specifications.append((extra["type"], arguments))
    return [_expectation(kind, arguments) for kind, arguments in specifications]


def _rows(where: dict[str, Any]) -> gx.expectations.row_conditions.Condition:
    """The rows that keep all of the given conditions."""
    from great_expectations.expectations.row_conditions import Column

    conditions = []
    for column, condition in where.items():
        if isinstance(condition, str):
            conditions.append(getattr(Column(column), condition)())
        else:
            ((method, values),) = condition.items()
            conditions.append(getattr(Column(column), method)(values))
    return reduce(and_, conditions)


def _expectation(kind: str, arguments: dict[str, Any]) -> gx.expectations.Expectation:
    from great_expectations import expectations

    return getattr(expectations, "".join(word.capitalize() for word in kind.split("_")))(**arguments)


def _name(configuration: Any) -> str:
    about = configuration.kwargs.get("column") or ", ".join(configuration.kwargs.get("column_list", []))
    return f"{configuration.type}({about})"
