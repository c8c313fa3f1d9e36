"""The public monitors as assets: each load becomes a vintage in the vault, and keeps its contract or stops there."""

import time
from collections.abc import Iterator
from importlib import import_module

import dagster as dg

from pipeline.monitors.registry import tables_of
from pipeline.periods import today
from pipeline.settings import Settings
from pipeline.tables import markdown_table

GROUP = "monitors"
# a run with this tag looks at the sources; all others make do with what is in the vault and what is bundled
FETCH_TAG = "effectmonitor/fetch_monitors"
_CHECK = "contract"
_FRESH = "is_fresh"
_PREVIEW_ROWS = 5
# monitor: the kinds that tell its form, and what it is
_MONITORS = {
    "cbs_kwb": (
        {"csv", "parquet"},
        "CBS, Kerncijfers wijken en buurten: residents and context per area; 2020 and 2022 are bundled.",
    ),
    "ggd_gezondheid": (
        {"csv", "parquet"},
        "RIVM, GGDs and CBS, Gezondheid per wijk en buurt; 2012, 2016 and 2020 are bundled: modelled estimates, "
        "context and never a sample.",
    ),
    "cbs_wijken": ({"geojson", "parquet"}, "CBS and Kadaster, boundaries of the districts, 2022 (RD, EPSG:28992)."),
}
# files that the municipality puts in inbox/monitors/<monitor>/
_SURVEYS = {
    "ceo_wmo": "Client-experience survey Wmo: prescribed questions through 2020, free since.",
    "ceo_jeugd": "Client-experience survey youth help: a free questionnaire.",
    "ipa": "IPA measurement: impact on participation and autonomy, as clients report it.",
}


def build_monitor_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """One asset per monitor, with its contract as a blocking check.

    Those that can be fetched also say whether they are fresh, which blocks nothing. A monitor is not partitioned by
    half-year: it has years of its own, and each load is a vintage.
    """
    monitors = [_monitor(settings, name, kinds, text) for name, (kinds, text) in _MONITORS.items()]
    return monitors + [_survey(settings, name, text) for name, text in _SURVEYS.items()]


def _monitor(settings: Settings, name: str, kinds: set[str], description: str) -> dg.AssetsDefinition:
    key = dg.AssetKey(["monitors", name])
    is_fetched = bool(tables_of(name, today()))
    checks = [
        dg.AssetCheckSpec(
            _CHECK,
            asset=key,
            blocking=True,
            description=f"Great Expectations suite of expectations/monitors/{name}.yml.",
        )
    ]
    if is_fetched:
        checks.append(
            dg.AssetCheckSpec(
                _FRESH,
                asset=key,
                description="Whether every table is its publisher's last one; only a run that looks there can tell.",
            )
        )

    @dg.multi_asset(
        name=f"monitors__{name}",
        specs=[
            dg.AssetSpec(
                key,
                group_name=GROUP,
                owners=["team:data-engineering"],
                kinds=kinds,
                description=description,
            )
        ],
        check_specs=checks,
        # a run that stays off the network gives no verdict on how fresh the tables are
        can_subset=True,
    )
    def load_monitor(context: dg.AssetExecutionContext):
        # pandas, shapely and Great Expectations are needed when a monitor is loaded, not when definitions are
        from pipeline.monitors.contracts import load_contract
        from pipeline.monitors.source_files import modified_at
        from pipeline.monitors.suite import check
        from pipeline.monitors.vault import ensure_vault, store

        started = time.perf_counter()
        ensure_vault(settings)
        table = import_module(f"pipeline.monitors.{name}").read()
        result = check(table, load_contract(name))
        # a load that breaks its contract does not enter the vault: earlier vintages keep serving
        vintages = store(settings, name, table, modified_at=modified_at(name)) if result.success else []
        for vintage in vintages:
            context.log.info(
                "%s %s: %d rows%s", name, vintage.vintage, vintage.rows, "" if vintage.is_new else " (known)"
            )
        looks = context.run.tags.get(FETCH_TAG) == "true"
        outcomes = list(_tables(context, settings, name, looks)) if is_fetched else []
        shown = [column for column in table.columns if column not in {"geometry_wkt", "source"}]
        metadata = {
            "dagster/row_count": len(table),
            "vintages": ", ".join(vintage.vintage for vintage in vintages),
            "new_vintages": sum(vintage.is_new for vintage in vintages)
            + sum(outcome.status == "fetched" for outcome in outcomes),
            "years": ", ".join(str(year) for year in sorted(table["year"].unique())),
            "source": "bundled with the software",
            "seconds": time.perf_counter() - started,
            "preview": dg.MetadataValue.md(
                markdown_table(shown, table[shown].head(_PREVIEW_ROWS).values.tolist(), width=24)
            ),
        }
        if outcomes:
            statuses = [outcome.status for outcome in outcomes]
            metadata["source"] = ", ".join(f"{statuses.count(each)} {each}" for each in dict.fromkeys(statuses))
            metadata["tables"] = dg.MetadataValue.md(
                markdown_table(
                    ["table", "year", "status", "reason", "vintage", "rows"],
                    [[o.table_id, o.year or "", o.status, o.reason, o.vintage or "", o.rows] for o in outcomes],
                    width=120,
                )
            )
        yield dg.MaterializeResult(asset_key=key, metadata=metadata)
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name=_CHECK,
            passed=result.success,
            metadata={
                "rows": result.rows,
                "expectations": result.evaluated,
                "not_met": ", ".join(result.failed) or "none",
            },
        )
        if is_fetched and looks:
            late = [f"{o.table_id}: {o.reason}" for o in outcomes if o.reason]
            yield dg.AssetCheckResult(
                asset_key=key,
                check_name=_FRESH,
                passed=not late,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"tables": len(outcomes), "not_fresh": "; ".join(late) or "none"},
            )

    return load_monitor


def _tables(context: dg.AssetExecutionContext, settings: Settings, name: str, looks: bool) -> Iterator:
    """What became of each table that can be fetched, told as soon as it is known."""
    # requests is needed by the run that looks
    from pipeline.monitors.odata import ODataClient
    from pipeline.monitors.refresh import refresh, without_looking

    if not looks:
        yield from without_looking(settings, name)
        return
    with ODataClient(settings.odata_base) as client:
        for outcome in refresh(settings, name, client):
            reason = f", {outcome.reason}" if outcome.reason else ""
            told = context.log.warning if outcome.reason else context.log.info
            told("%s %s: %s%s, %d rows", name, outcome.table_id, outcome.status, reason, outcome.rows)
            yield outcome


def _survey(settings: Settings, name: str, description: str) -> dg.AssetsDefinition:
    key = dg.AssetKey(["monitors", name])

    @dg.asset(
        key=key,
        group_name=GROUP,
        owners=["team:data-engineering"],
        kinds={"csv", "excel", "parquet"},
        description=f"{description} Files in inbox/monitors/{name}/; a refused one stays out of the vault, and what "
        "the vault has keeps counting.",
        check_specs=[
            dg.AssetCheckSpec(
                _CHECK,
                asset=key,
                description=f"Every file keeps the contract of expectations/monitors/{name}.yml. A warning: a refused "
                "file stops nothing.",
            )
        ],
    )
    def load_survey(context: dg.AssetExecutionContext):
        from pipeline.monitors.surveys import load_surveys

        started = time.perf_counter()
        files = load_surveys(settings, name)
        refused = [file for file in files if file.status == "refused"]
        context.log.info("%s: %d files, %d refused", name, len(files), len(refused))
        rows = [(file.name, file.status, file.vintage, file.rows, ", ".join(map(str, file.years))) for file in files]
        yield dg.MaterializeResult(
            asset_key=key,
            metadata={
                "dagster/row_count": sum(file.rows for file in files),
                "files": dg.MetadataValue.md(
                    markdown_table(["file", "status", "vintage", "rows", "years"], rows, width=60)
                ),
                "new_vintages": sum(file.status == "new" for file in files),
                "not_mapped": ", ".join(question for file in files for question in file.not_mapped) or "none",
                "source": f"inbox/monitors/{name}/",
                "seconds": time.perf_counter() - started,
            },
        )
        problems = [f"- **{file.name}**: {problem}" for file in refused for problem in file.problems]
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name=_CHECK,
            passed=not refused,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={
                "files": len(files),
                "refused": len(refused),
                "problems": dg.MetadataValue.md("\n".join(problems) or "none"),
            },
        )

    return load_survey
