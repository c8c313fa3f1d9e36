"""How sure each figure is, as assets: surveys and ratings measured, cells judged, small ones taken together.

Belongs here: what is read and written when, and what of it is told. Does not belong here: any statistic.
"""

from collections.abc import Iterator

import dagster as dg

from pipeline.reliability import tables
from pipeline.settings import Settings
from pipeline.tables import markdown_table
from pipeline.warehouse.connection import open_warehouse

GROUP = "reliability"
_OWNERS = ["team:analysis"]
_KINDS = {"python", "duckdb"}
_POOL = "warehouse"
_HOLDS = "interval_holds_its_figure"
_ONLY_LOWER = "lowerings_only_lower"


def build_reliability_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """The steps of this room: neighbours, surveys, ratings, verdicts.

    Args:
        settings: the installation.
    """
    seed = _key("reference", "thresholds")

    @dg.asset(
        key=_of(tables.NEIGHBOUR),
        deps=[_key("staging", "stg_monitors__districts")],
        group_name=GROUP,
        owners=_OWNERS,
        kinds=_KINDS,
        pool=_POOL,
        description=tables.NEIGHBOUR.description,
    )
    def neighbour() -> dg.MaterializeResult:
        from pipeline.reliability.steps import find_neighbours

        with open_warehouse(settings) as warehouse:
            pairs, alone = find_neighbours(warehouse)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": len(pairs),
                "without_neighbours": ", ".join(alone) or "none",
                "neighbours": dg.MetadataValue.md(
                    markdown_table(
                        ["district", "neighbours"],
                        pairs.groupby("district_code")["neighbour_code"].agg(", ".join).reset_index().values.tolist(),
                    )
                ),
            }
        )

    @dg.multi_asset(
        name="measure_surveys",
        specs=_specs(
            tables.OF_SURVEYS,
            [
                seed,
                _key("reference", "questions"),
                _key("staging", "stg_deliveries__answers"),
                _key("staging", "stg_deliveries__interviews"),
                _key("staging", "stg_deliveries__tables"),
                *(_key("intermediate", name) for name in tables.SURVEY_MODELS),
            ],
        ),
        pool=_POOL,
    )
    def measure_surveys(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        from pipeline.reliability import portraits, steps

        with open_warehouse(settings) as warehouse:
            thresholds = steps.thresholds_of(warehouse, settings.judging_day)
            measured = steps.measure_surveys(warehouse, thresholds)
            pictures = portraits.of_surveys(warehouse, thresholds)
        context.log.info("%d surveys and half-years measured", len(measured[tables.INTERVIEWER_EFFECT.name]))
        yield from _results(measured, pictures, tables.OF_SURVEYS)

    @dg.multi_asset(
        name="measure_ratings",
        specs=_specs(
            tables.OF_RATINGS,
            [
                seed,
                _key("reference", "districts"),
                *(_key("intermediate", name) for name in tables.RATING_MODELS),
            ],
        ),
        pool=_POOL,
    )
    def measure_ratings() -> Iterator[dg.MaterializeResult]:
        from pipeline.reliability import portraits, steps

        with open_warehouse(settings) as warehouse:
            thresholds = steps.thresholds_of(warehouse, settings.judging_day)
            measured = steps.measure_ratings(warehouse, thresholds)
            pictures = portraits.of_ratings(warehouse, thresholds)
        yield from _results(measured, pictures, tables.OF_RATINGS)

    @dg.multi_asset(
        name="judge_cells",
        specs=_specs(
            tables.OF_CELLS,
            [
                seed,
                *(_key("reference", name) for name in ("indicators", "questions", "districts", "verdict_lowerings")),
                _key("cells", "indicator_cell"),
                _key("staging", "stg_deliveries__tables"),
                *(_key("intermediate", name) for name in ("int_answers__cluster", "int_clients__count")),
                _key("intermediate", "int_districts__roll_up"),
                *(
                    _of(table)
                    for table in (
                        tables.NEIGHBOUR,
                        tables.INTERVIEWER_EFFECT,
                        tables.SURVEY_CHECK,
                        tables.RATING_CHECK,
                    )
                ),
            ],
        ),
        check_specs=[
            dg.AssetCheckSpec(
                _HOLDS,
                asset=_of(tables.CELL_INTERVAL),
                blocking=True,
                description="No interval excludes the figure that it belongs to, and no bound is reversed.",
            ),
            dg.AssetCheckSpec(
                _ONLY_LOWER,
                asset=_of(tables.VERDICT),
                description="Every row of seeds/verdict_lowerings.csv can do something: none would raise a verdict, "
                "and none ends before it was signed.",
            ),
        ],
        pool=_POOL,
    )
    def judge_cells(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        from pipeline.reliability import portraits, steps

        with open_warehouse(settings) as warehouse:
            assessment = steps.judge_cells(warehouse, settings.judging_day)
            pictures = portraits.of_verdicts(warehouse, steps.thresholds_of(warehouse, settings.judging_day))
            wrong = steps.intervals_without_their_figure(warehouse)
            idle = steps.lowering_problems(warehouse)
        counts = assessment.verdict.groupby(["pooled_over", "verdict"]).size()
        for (pooled_over, verdict), number in counts.items():
            context.log.info("%s: %d %s", pooled_over or "own figures", number, verdict)
        yield from _results(assessment.tables(), pictures, tables.OF_CELLS)
        yield dg.AssetCheckResult(
            asset_key=_of(tables.CELL_INTERVAL),
            check_name=_HOLDS,
            passed=wrong == 0,
            metadata={"cells": len(assessment.cell_interval), "objections": wrong},
        )
        yield dg.AssetCheckResult(
            asset_key=_of(tables.VERDICT),
            check_name=_ONLY_LOWER,
            passed=not idle,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"rows": "; ".join(idle) or "none"},
        )

    return [neighbour, measure_surveys, measure_ratings, judge_cells]


def _key(*path: str) -> dg.AssetKey:
    return dg.AssetKey(list(path))


def _of(table: tables.Table) -> dg.AssetKey:
    return _key(tables.SCHEMA, table.name)


def _specs(made: tuple[tables.Table, ...], deps: list[dg.AssetKey]) -> list[dg.AssetSpec]:
    return [
        dg.AssetSpec(
            _of(table), deps=deps, description=table.description, group_name=GROUP, owners=_OWNERS, kinds=_KINDS
        )
        for table in made
    ]


def _results(
    measured: dict, pictures: dict[str, str], made: tuple[tables.Table, ...]
) -> Iterator[dg.MaterializeResult]:
    """One result per table: its size, what can be counted of it, and its picture."""
    for table in made:
        frame = measured[table.name]
        metadata = {"dagster/row_count": len(frame)}
        for column in ("verdict", "grade", "word"):
            if column in frame:
                metadata |= {str(name): int(count) for name, count in frame[column].value_counts().items() if name}
        if table.name in pictures:
            metadata["picture"] = dg.MetadataValue.md(pictures[table.name])
        yield dg.MaterializeResult(asset_key=_of(table), metadata=metadata)
