"""Great Expectations over what was accepted: a second pair of eyes on the vault, from the same contract.

Belongs here: from contract to expectations, and a result that carries no values. Great Expectations takes seconds to
import, so only these functions import it. The judgement per row (``judge.py``) has its own SQL: what one overlooks, the
other sees.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipeline.deliveries.contract import EARLIEST_DATE, Column, Contract
from pipeline.deliveries.vault import vault_schema

if TYPE_CHECKING:
    import great_expectations as gx

_PSEUDONYM = r"^[0-9a-f]{64}$"
_MONTH = r"^\d{4}-(?:0[1-9]|1[0-2])$"
_TIME = r"^(?:[01]\d|2[0-3]):[0-5]\d$"


@dataclass(frozen=True)
class SuiteResult:
    """How accepted rows keep their contract.

    Attributes:
        success: whether every expectation holds.
        rows: rows checked.
        evaluated: number of expectations.
        successful: how many of them hold.
        failed: type and columns of those that do not, as ``expect_…(column)``; never a value.
    """

    success: bool
    rows: int
    evaluated: int
    successful: int
    failed: tuple[str, ...]


def build_suite(contract: Contract) -> gx.ExpectationSuite:
    """The expectations that follow from a contract.

    Args:
        contract: of one table.
    """
    gx = _great_expectations()
    return gx.ExpectationSuite(name=contract.table, expectations=list(_expectations(contract, gx)))


def validate_accepted(contract: Contract, frame: pd.DataFrame) -> SuiteResult:
    """Hold rows from the vault against their contract.

    Args:
        contract: of the table; the one of the rows' consortium, or of all consortia.
        frame: rows as in the vault, of any number of deliveries.
    """
    gx = _great_expectations()
    dates = {column.name for column in contract.columns if column.type == "date"} & set(frame.columns)
    ready = frame.assign(**{name: pd.to_datetime(frame[name]) for name in dates})
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("vault").add_dataframe_asset(contract.table)
    batch = asset.add_batch_definition_whole_dataframe("accepted").get_batch({"dataframe": ready})
    outcome = batch.validate(build_suite(contract), result_format="BOOLEAN_ONLY")
    failed = sorted(_name(result.expectation_config) for result in outcome.results if not result.success)
    evaluated = len(outcome.results)
    return SuiteResult(bool(outcome.success), len(frame), evaluated, evaluated - len(failed), tuple(failed))


def _great_expectations() -> Any:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx

    return gx


def _expectations(contract: Contract, gx: Any) -> Iterator[Any]:
    expect = gx.expectations
    yield expect.ExpectTableColumnsToMatchSet(column_set=list(vault_schema(contract).names), exact_match=True)
    yield expect.ExpectCompoundColumnsToBeUnique(
        column_list=["consortium", "period", "version", *contract.key], ignore_row_if="never"
    )
    for name in ("consortium", "period", "version", "row_number"):
        yield expect.ExpectColumnValuesToNotBeNull(column=name)
    for column in contract.columns:
        yield from _of_column(column, gx)
    for pair in contract.pairs:
        yield _in_order(expect, pair.larger, pair.smaller, _only(*pair.only_for) if pair.only_for else None)


def _of_column(column: Column, gx: Any) -> Iterator[Any]:
    expect, name = gx.expectations, column.name
    if column.required or column.default:
        yield expect.ExpectColumnValuesToNotBeNull(column=name)
    if column.codes:
        yield expect.ExpectColumnValuesToBeInSet(column=name, value_set=list(column.codes.allowed))
        for value, codes in column.codes.per.items():
            yield expect.ExpectColumnValuesToBeInSet(
                column=name, value_set=list(codes), row_condition=_only(column.codes.depends_on, (value,))
            )
    if column.scale:
        for value, (low, high) in column.scale.bounds.items():
            yield expect.ExpectColumnValuesToBeInSet(
                column=name,
                value_set=[column.scale.no_opinion, *range(low, high + 1)],
                row_condition=_only(column.scale.depends_on, (value,)),
            )
    if column.minimum is not None:
        yield expect.ExpectColumnValuesToBeBetween(column=name, min_value=column.minimum, max_value=column.maximum)
    if column.type == "date":
        yield expect.ExpectColumnValuesToBeBetween(column=name, min_value=pd.Timestamp(EARLIEST_DATE).to_pydatetime())
    if column.not_before:
        yield _in_order(expect, name, column.not_before, None)
    for is_meant, pattern in (
        (column.entity is not None, _PSEUDONYM),
        (column.type == "month", _MONTH),
        (column.type == "time", _TIME),
    ):
        if is_meant:
            yield expect.ExpectColumnValuesToMatchRegex(column=name, regex=pattern)


def _in_order(expect: Any, larger: str, smaller: str, condition: Any) -> Any:
    return expect.ExpectColumnPairValuesAToBeGreaterThanB(
        column_A=larger,
        column_B=smaller,
        or_equal=True,
        ignore_row_if="either_value_is_missing",
        row_condition=condition,
    )


def _only(column: str, values: tuple[str, ...]) -> Any:
    from great_expectations.expectations.row_conditions import Column as Condition

    return Condition(column).is_in(list(values))


def _name(configuration: Any) -> str:
    kwargs = configuration.kwargs
    columns = [kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs]
    columns += [name for name in kwargs.get("column_list", []) if name not in ("consortium", "period", "version")]
    return f"{configuration.type}({', '.join(columns)})"
