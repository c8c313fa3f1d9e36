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
_SURVEY_MODELS = (
    "int_interviews__count",
    "int_interviews__time",
    "int_answers__cluster",
    "int_answers__distribution",
    "int_answers__scale",
    "int_rechecks__count",
    "int_clients__count",
    "int_districts__roll_up",
)
_RATING_MODELS = ("int_ratings__second", "int_ratings__change", "int_ratings__level", "int_ratings__pair")


def build_reliability_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """The steps of this room: neighbours, surveys, ratings, verdicts.

    Args:
        settings: the installation.
    """
    thresholds = _key("reference", "thresholds")

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
        from pipeline.reliability.neighbours import neighbouring_districts

        with open_warehouse(settings) as warehouse:
            districts = warehouse.execute(
                "select region_code, geometry_wkt from staging.stg_monitors__districts "
                "where region_level = 'district' qualify year = max(year) over ()"
            ).df()
            pairs = neighbouring_districts(districts)
            tables.write_table(warehouse, tables.NEIGHBOUR, pairs)
        alone = sorted(set(districts["region_code"]) - set(pairs["district_code"]))
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": len(pairs),
                "districts": len(districts),
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
            (tables.SURVEY, tables.SURVEY_CHECK, tables.INTERVIEWER_EFFECT),
            [
                thresholds,
                _key("reference", "questions"),
                _key("staging", "stg_deliveries__answers"),
                _key("staging", "stg_deliveries__interviews"),
                _key("staging", "stg_deliveries__tables"),
                *(_key("intermediate", name) for name in _SURVEY_MODELS),
            ],
        ),
        pool=_POOL,
    )
    def measure_surveys(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        from pipeline.reliability import portraits
        from pipeline.reliability.survey_answers import wide_answers
        from pipeline.reliability.surveys import survey_tables
        from pipeline.reliability.thresholds import Thresholds

        with open_warehouse(settings) as warehouse:
            frames = {name: warehouse.execute(f"select * from intermediate.{name}").df() for name in _SURVEY_MODELS}
            frames["questions"] = warehouse.execute("select * from reference.questions").df()
            frames["delivered_rows"] = warehouse.execute("select * from staging.stg_deliveries__tables").df()
            held = Thresholds.on(warehouse.execute("select * from reference.thresholds").df(), settings.judging_day)
            wide = wide_answers(warehouse)
            context.log.info("%d interviews with answers", len(wide.meta))
            measured = survey_tables(frames, wide, held)
            for table in (tables.SURVEY, tables.SURVEY_CHECK, tables.INTERVIEWER_EFFECT):
                tables.write_table(warehouse, table, measured[table.name])
            pictures = portraits.of_surveys(warehouse, held)
        yield from _results(measured, pictures, (tables.SURVEY, tables.SURVEY_CHECK, tables.INTERVIEWER_EFFECT))

    @dg.multi_asset(
        name="measure_ratings",
        specs=_specs(
            (tables.RATING_AGREEMENT, tables.RATING_CHECK, tables.DOMAIN_CHANGE, tables.INDICATOR_CHANGE),
            [
                thresholds,
                _key("reference", "districts"),
                *(_key("intermediate", name) for name in _RATING_MODELS),
            ],
        ),
        pool=_POOL,
    )
    def measure_ratings() -> Iterator[dg.MaterializeResult]:
        from pipeline.reliability import portraits
        from pipeline.reliability.progress import change_tables
        from pipeline.reliability.thresholds import Thresholds

        mine = (tables.RATING_AGREEMENT, tables.RATING_CHECK, tables.DOMAIN_CHANGE, tables.INDICATOR_CHANGE)
        with open_warehouse(settings) as warehouse:
            held = Thresholds.on(warehouse.execute("select * from reference.thresholds").df(), settings.judging_day)
            measured = change_tables(warehouse, held, held["confidence_level"])
            for table in mine:
                tables.write_table(warehouse, table, measured[table.name])
            pictures = portraits.of_ratings(warehouse, held)
        yield from _results(measured, pictures, mine)

    judged = (
        tables.CELL_INTERVAL,
        tables.POOLED_CELL,
        tables.POOLED_MEMBER,
        tables.CHECK,
        tables.VERDICT,
        tables.INTERVIEWS_NEEDED,
    )

    @dg.multi_asset(
        name="judge_cells",
        specs=_specs(
            judged,
            [
                thresholds,
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
            )
        ],
        pool=_POOL,
    )
    def judge_cells(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        from pipeline.reliability import portraits
        from pipeline.reliability.assess import assess
        from pipeline.reliability.thresholds import Thresholds

        with open_warehouse(settings) as warehouse:
            thresholds_seed = warehouse.execute("select * from reference.thresholds").df()
            lowerings = warehouse.execute("select * from reference.verdict_lowerings").df()
            assessment = assess(warehouse, thresholds_seed, lowerings, settings.judging_day)
            measured = {table.name: getattr(assessment, table.name) for table in judged}
            for table in judged:
                tables.write_table(warehouse, table, measured[table.name])
            held = Thresholds.on(thresholds_seed, settings.judging_day)
            pictures = portraits.of_verdicts(warehouse, held)
            wrong = warehouse.execute(
                """
                select count(*)
                from reliability.cell_interval as i
                join (
                    select * exclude (delivery_version, places), '' as pooled_over from cells.indicator_cell
                    union all by name
                    select * exclude (members) from reliability.pooled_cell
                ) as c using (consortium_code, indicator_code, district_code, period, pooled_over)
                where i.ci_low > c.value + 1e-9 or i.ci_high < c.value - 1e-9 or i.ci_low > i.ci_high
                """
            ).fetchone()[0]
        counts = assessment.verdict.groupby(["pooled_over", "verdict"]).size()
        for (pooled_over, verdict), number in counts.items():
            context.log.info("%s: %d %s", pooled_over or "own figures", number, verdict)
        yield from _results(measured, pictures, judged)
        yield dg.AssetCheckResult(
            asset_key=_of(tables.CELL_INTERVAL),
            check_name=_HOLDS,
            passed=wrong == 0,
            metadata={"cells": len(assessment.cell_interval), "objections": wrong},
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
