"""Which cells may leave, as assets: one status per cell, with the rule behind it."""

import dagster as dg

from pipeline.settings import Settings
from pipeline.tables import markdown_table
from pipeline.warehouse.connection import open_warehouse

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
_STATUSES = {key.path[-1]: key for key in (INDICATOR_STATUS, LIFE_DOMAIN_STATUS, POOLED_STATUS)}


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
            for key in _STATUSES.values()
        ],
        pool="warehouse",
    )
    def protect_cells(context: dg.AssetExecutionContext):
        from pipeline.disclosure import steps

        with open_warehouse(settings) as warehouse:
            frames = steps.protect_cells(warehouse)
            missing = {name: steps.without_status(warehouse, name) for name in frames}
        for name, frame in frames.items():
            counts = frame["status"].value_counts().to_dict()
            context.log.info("%s: %s", name, counts)
            yield dg.MaterializeResult(
                asset_key=_STATUSES[name],
                metadata={
                    "dagster/row_count": len(frame),
                    **{status: int(count) for status, count in counts.items()},
                    "hidden_by_rule": dg.MetadataValue.md(_rules(frame)),
                },
            )
            yield dg.AssetCheckResult(
                asset_key=_STATUSES[name],
                check_name=_CHECK,
                passed=missing[name] == 0,
                metadata={"cells_without_status": missing[name]},
            )

    return [protect_cells]


def _rules(frame) -> str:
    hidden = frame[frame["status"].str.startswith("suppressed")]
    counts = hidden.groupby(["status", "rule"]).size().reset_index(name="cells")
    return markdown_table(list(counts.columns), counts.values.tolist())
