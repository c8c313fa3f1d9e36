"""How sure each figure is, as an asset: intervals today."""

import dagster as dg

from pipeline.settings import Settings
from pipeline.warehouse.connection import open_warehouse, replace_table

CELLS = dg.AssetKey(["cells", "indicator_cell"])
INDICATORS = dg.AssetKey(["reference", "indicators"])
THRESHOLDS = dg.AssetKey(["reference", "thresholds"])
CELL_INTERVAL = dg.AssetKey(["reliability", "cell_interval"])


def build_reliability_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """The intervals of all cells, with a check that each one holds its figure."""

    @dg.asset(
        key=CELL_INTERVAL,
        deps=[CELLS, INDICATORS, THRESHOLDS],
        group_name="reliability",
        owners=["team:analysis"],
        kinds={"python", "duckdb"},
        pool="warehouse",
        description="95 % interval of every cell: Wilson for shares, Student's t for means, Byar for rates and ratios.",
        check_specs=[
            dg.AssetCheckSpec(
                "interval_holds_its_figure",
                asset=CELL_INTERVAL,
                blocking=True,
                description="No interval excludes the figure that it belongs to, and no bound is reversed.",
            )
        ],
    )
    def cell_interval(context: dg.AssetExecutionContext):
        # scipy takes a second to import and only this step needs it
        from pipeline.reliability.intervals import cell_intervals

        with open_warehouse(settings) as warehouse:
            cells = warehouse.execute("select * from cells.indicator_cell").df()
            indicators = warehouse.execute("select * from reference.indicators").df()
            level = warehouse.execute(
                "select value from reference.thresholds where threshold_code = 'confidence_level' "
                "order by valid_from desc limit 1"
            ).fetchone()
            confidence = float(level[0])
            intervals = cell_intervals(cells, indicators, confidence)
            replace_table(
                warehouse,
                "reliability",
                "cell_interval",
                intervals,
                "Confidence interval of every indicator cell; written by the reliability step",
            )
            wrong = warehouse.execute(
                "select count(*) from cells.indicator_cell c join reliability.cell_interval i "
                "using (consortium_code, indicator_code, district_code, period) "
                "where i.ci_low > c.value + 1e-9 or i.ci_high < c.value - 1e-9 or i.ci_low > i.ci_high"
            ).fetchone()[0]
        methods = intervals["method"].value_counts().to_dict()
        context.log.info("%d intervals", len(intervals))
        yield dg.MaterializeResult(
            asset_key=CELL_INTERVAL,
            metadata={
                "dagster/row_count": len(intervals),
                "confidence_level": confidence,
                **{f"cells_{method}": int(count) for method, count in methods.items()},
            },
        )
        yield dg.AssetCheckResult(
            asset_key=CELL_INTERVAL,
            check_name="interval_holds_its_figure",
            passed=wrong == 0,
            metadata={"intervals_objected_to": wrong},
        )

    return [cell_interval]
