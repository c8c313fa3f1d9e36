"""All that Dagster loads: assembly only.

Belongs here: putting the rooms' assets, jobs, schedules and sensors together. Does not belong here: any of them.
"""

from __future__ import annotations

import dagster as dg

from pipeline.automation import HALF_YEARS, build_inbox_sensor, build_jobs, build_schedules
from pipeline.deliveries.assets import build_delivery_assets
from pipeline.disclosure.assets import build_disclosure_assets
from pipeline.disclosure.checks import build_disclosure_checks
from pipeline.monitors.assets import build_monitor_assets
from pipeline.publication.assets import build_publication_assets
from pipeline.publication.release import WAREHOUSE_SCHEMAS
from pipeline.reliability.assets import build_reliability_assets
from pipeline.reliability.checks import build_reliability_checks
from pipeline.settings import Settings, load_settings
from pipeline.warehouse.assets import build_dbt_assets
from pipeline.warehouse.manifest import ensure_manifest, read_graph


def build_definitions(settings: Settings) -> dg.Definitions:
    """Assemble everything for one installation.

    Args:
        settings: folders and environment; tests pass their own.
    """
    graph = read_graph(ensure_manifest())
    tables = {
        audience: [dg.AssetKey(node.key) for node in graph.nodes.values() if node.schema == schema]
        for audience, schema in WAREHOUSE_SCHEMAS.items()
    }
    return dg.Definitions(
        assets=[
            *build_delivery_assets(settings, HALF_YEARS),
            *build_monitor_assets(settings),
            *build_dbt_assets(settings, graph),
            *build_reliability_assets(settings),
            *build_disclosure_assets(settings),
            *build_publication_assets(settings, tables),
        ],
        asset_checks=[*build_reliability_checks(settings), *build_disclosure_checks(settings)],
        jobs=build_jobs(settings),
        schedules=build_schedules(settings),
        sensors=[build_inbox_sensor(settings)],
        # steps are short and share one warehouse file: a process for each would cost more than it brings
        executor=dg.in_process_executor,
    )


defs = build_definitions(load_settings())
