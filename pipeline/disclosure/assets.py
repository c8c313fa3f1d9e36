"""Which cells may leave, as assets: one status per cell, with the rule behind it."""

import dagster as dg

from pipeline.settings import Settings
from pipeline.tables import markdown_table
from pipeline.warehouse.connection import open_warehouse, replace_table

INDICATOR_CELL = dg.AssetKey(["cells", "indicator_cell"])
LIFE_DOMAIN_CELL = dg.AssetKey(["cells", "life_domain_cell"])
INDICATORS = dg.AssetKey(["reference", "indicators"])
THRESHOLDS = dg.AssetKey(["reference", "thresholds"])
INDICATOR_STATUS = dg.AssetKey(["disclosure", "indicator_status"])
LIFE_DOMAIN_STATUS = dg.AssetKey(["disclosure", "life_domain_status"])
POOLED_STATUS = dg.AssetKey(["disclosure", "pooled_status"])
POOLED_CELL = dg.AssetKey(["reliability", "pooled_cell"])
POOLED_MEMBER = dg.AssetKey(["reliability", "pooled_member"])
VERDICT = dg.AssetKey(["reliability", "verdict"])
_CHECK = "every_cell_has_a_status"
_AREA = "district_code, period"
_TABLES = {
    INDICATOR_STATUS: (
        "indicator_status",
        "cells.indicator_cell",
        f"consortium_code, indicator_code, {_AREA}",
    ),
    LIFE_DOMAIN_STATUS: (
        "life_domain_status",
        "cells.life_domain_cell",
        f"consortium_code, life_domain_code, {_AREA}",
    ),
    POOLED_STATUS: (
        "pooled_status",
        "reliability.pooled_cell",
        f"consortium_code, indicator_code, {_AREA}, pooled_over",
    ),
}


def build_disclosure_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """The status of indicator, life-domain and pooled cells, each with a blocking completeness check."""
    shared = {"group_name": "disclosure", "owners": ["team:privacy"], "kinds": {"python", "duckdb"}}

    @dg.multi_asset(
        name="protect_cells",
        specs=[
            dg.AssetSpec(
                INDICATOR_STATUS,
                deps=[INDICATOR_CELL, INDICATORS, THRESHOLDS],
                description="May this figure be shown: published, suppressed_primary, suppressed_secondary or no_data, "
                "with the rule that decided.",
                **shared,
            ),
            dg.AssetSpec(
                LIFE_DOMAIN_STATUS,
                deps=[LIFE_DOMAIN_CELL, THRESHOLDS],
                description="The same for the outcomes per life domain.",
                **shared,
            ),
            dg.AssetSpec(
                POOLED_STATUS,
                deps=[POOLED_CELL, POOLED_MEMBER, VERDICT, INDICATOR_CELL, INDICATORS, THRESHOLDS],
                description="May this pooled figure be shown beside the figures that it is pooled from: published, "
                "suppressed_primary, suppressed_secondary, or unreliable when its verdict keeps it back.",
                **shared,
            ),
        ],
        check_specs=[
            dg.AssetCheckSpec(
                _CHECK, asset=key, blocking=True, description="A cell without a status would have to be guessed at."
            )
            for key in _TABLES
        ],
        pool="warehouse",
    )
    def protect_cells(context: dg.AssetExecutionContext):
        from pipeline.disclosure.first_protection import protect_indicators, protect_life_domains
        from pipeline.disclosure.pooled_figures import protect_pooled

        with open_warehouse(settings) as warehouse:
            thresholds = warehouse.execute("select * from reference.thresholds").df()
            indicators = warehouse.execute("select * from reference.indicators").df()
            cells = warehouse.execute("select * from cells.indicator_cell").df()
            domains = warehouse.execute("select * from cells.life_domain_cell").df()
            of_cells = protect_indicators(cells, indicators, thresholds)
            pooled = protect_pooled(
                warehouse.execute("select * from reliability.pooled_cell").df(),
                warehouse.execute("select * from reliability.pooled_member").df(),
                cells,
                of_cells,
                warehouse.execute("select * from reliability.verdict").df(),
                indicators,
                thresholds,
            )
            frames = {
                INDICATOR_STATUS: of_cells,
                LIFE_DOMAIN_STATUS: protect_life_domains(domains, thresholds),
                POOLED_STATUS: pooled,
            }
            for key, frame in frames.items():
                table, source, cell = _TABLES[key]
                replace_table(
                    warehouse, "disclosure", table, frame, f"Status of every row of {source}; written by disclosure"
                )
                missing = warehouse.execute(
                    f"select count(*) from {source} c left join disclosure.{table} s "
                    f"using ({cell}) where s.status is null"
                ).fetchone()[0]
                counts = frame["status"].value_counts().to_dict()
                context.log.info("%s: %s", table, counts)
                yield dg.MaterializeResult(
                    asset_key=key,
                    metadata={
                        "dagster/row_count": len(frame),
                        **{status: int(count) for status, count in counts.items()},
                        "hidden_by_rule": dg.MetadataValue.md(_rules(frame)),
                    },
                )
                yield dg.AssetCheckResult(
                    asset_key=key, check_name=_CHECK, passed=missing == 0, metadata={"cells_without_status": missing}
                )

    return [protect_cells]


def _rules(frame) -> str:
    hidden = frame[frame["status"].str.startswith("suppressed")]
    counts = hidden.groupby(["status", "rule"]).size().reset_index(name="cells")
    return markdown_table(list(counts.columns), counts.values.tolist())
