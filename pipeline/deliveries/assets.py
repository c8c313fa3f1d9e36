"""Delivered tables as assets: one per contract, partitioned by half-year, filled by one intake step.

A delivery is judged as a whole, so one step takes all tables of the chosen half-years. A later one adds to the receipts
what only the whole run can tell.
"""

import time
from collections.abc import Iterator

import dagster as dg

from pipeline.deliveries.contract import load_contracts
from pipeline.periods import HalfYear, today
from pipeline.settings import Settings
from pipeline.tables import markdown_table
from pipeline.warehouse.connection import open_warehouse, warehouse_lock

GROUP = "deliveries"
LOG = dg.AssetKey([GROUP, "delivery_log"])
RETENTION = dg.AssetKey([GROUP, "retention"])
RECEIPT_INTERVIEWS_NEEDED = dg.AssetKey([GROUP, "receipt_interviews_needed"])
INTERVIEWS_NEEDED = dg.AssetKey(["reliability", "interviews_needed"])
DELIVERIES = dg.AssetKey(["staging", "stg_deliveries__deliveries"])
_CONTRACT = "contract"
_ACCEPTED = "no_delivery_rejected"
_LOG_COLUMNS = ("period", "consortium", "version", "status", "received", "accepted", "refused", "seconds", "receipt")
_TABLE_COLUMNS = ("period", "consortium", "version", "received", "accepted", "refused")
_VERDICTS = ("reliable", "indicative", "not_publishable")
_COMING_ROWS = 40  # of what retention removes next, as many as a page can hold
_NEEDED_COLUMNS = ("period", "consortium", "version", "figures", *_VERDICTS, "receipt")


def build_delivery_assets(settings: Settings, half_years: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """The intake of deliveries, and what is added to their receipts afterwards.

    Args:
        settings: the installation.
        half_years: partitions, with the keys of ``pipeline.periods``.
    """
    contracts = load_contracts()
    keys = {name: dg.AssetKey([GROUP, name]) for name in contracts}
    shared = {"group_name": GROUP, "partitions_def": half_years, "owners": ["team:data-engineering"]}

    @dg.multi_asset(
        name="receive_deliveries",
        specs=[
            *(
                dg.AssetSpec(
                    keys[name],
                    description=f"{contract.title}: {contract.description}",
                    kinds={"csv", "excel", "parquet"},
                    metadata={
                        "from": ", ".join(contract.consortia),
                        "dagster/column_schema": dg.TableSchema(
                            columns=[
                                dg.TableColumn(column.name, column.type, column.description)
                                for column in contract.columns
                            ]
                        ),
                    },
                    **shared,
                )
                for name, contract in contracts.items()
            ),
            dg.AssetSpec(
                LOG,
                description="Every judged delivery version: when it came, what became of it, how many rows.",
                kinds={"parquet"},
                **shared,
            ),
        ],
        check_specs=[
            *(
                dg.AssetCheckSpec(
                    _CONTRACT,
                    asset=key,
                    blocking=True,
                    description="Great Expectations suite of the contract, on the accepted rows in the vault: what the "
                    "intake let through must keep the contract whole.",
                )
                for key in keys.values()
            ),
            dg.AssetCheckSpec(
                _ACCEPTED,
                asset=LOG,
                description="No delivery of these half-years was rejected. A rejected one stops nobody: the last "
                "accepted version keeps counting, and the receipt tells the consortium what to mend.",
            ),
        ],
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool="warehouse",
    )
    def receive_deliveries(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        # reading and judging need DuckDB, Great Expectations and pandas; the definitions do not
        from pipeline.deliveries.inbox import finish_replacements
        from pipeline.deliveries.intake import find_deliveries, receive
        from pipeline.deliveries.vault import ensure_vault

        started = time.perf_counter()
        periods = {str(HalfYear.from_partition_key(key)) for key in context.partition_keys}
        ensure_vault(settings)
        outcomes = []
        # nobody is erased, and nothing is removed, while deliveries are taken
        with warehouse_lock(settings):
            finish_replacements(settings)
            # as they were sent: a correction of a half-year comes before what makes that half-year final
            chosen = sorted(
                (folder for folder in find_deliveries(settings) if folder.period in periods),
                key=lambda folder: (folder.period, folder.version, folder.consortium),
            )
            for number, folder in enumerate(chosen, start=1):
                outcome = receive(folder, settings)
                outcomes.append(outcome)
                context.log.info(
                    "delivery %d of %d: %s %s v%d: %s",
                    number,
                    len(chosen),
                    outcome.consortium,
                    outcome.period,
                    outcome.version,
                    outcome.status,
                )
        yield from _tables(outcomes, keys, periods, time.perf_counter() - started)
        yield from _log(outcomes, settings, time.perf_counter() - started)
        yield from _contracts(context, settings, contracts, keys, periods)

    return [receive_deliveries, _receipt_interviews_needed(settings), _retention(settings)]


def _retention(settings: Settings) -> dg.AssetsDefinition:
    @dg.asset(
        key=RETENTION,
        group_name=GROUP,
        owners=["team:privacy"],
        kinds={"python"},
        pool="warehouse",
        description="What is past its term in inbox, vault, quarantine, receipts and releases is removed, as "
        "`seeds/retention.csv` says; what comes next is told. `effectmonitor retention --dry-run` says it beforehand.",
    )
    def retention(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        from pipeline.deliveries.retention import COLUMNS, apply_retention, as_rows

        report = apply_retention(settings, today())
        for each in report.removed:
            context.log.info("removed %s: %s", each.rule.dataset, each.place)
        return dg.MaterializeResult(
            metadata={
                "removed": len(report.removed),
                "next": str(min((each.due for each in report.coming), default="nothing waits")),
                "removed_now": dg.MetadataValue.md(markdown_table(COLUMNS, as_rows(report.removed))),
                "coming": dg.MetadataValue.md(markdown_table(COLUMNS, as_rows(report.coming)[:_COMING_ROWS])),
            }
        )

    return retention


def _receipt_interviews_needed(settings: Settings) -> dg.AssetsDefinition:
    @dg.asset(
        key=RECEIPT_INTERVIEWS_NEEDED,
        deps=[INTERVIEWS_NEEDED, DELIVERIES],
        group_name=GROUP,
        owners=["team:data-engineering"],
        kinds={"python", "html"},
        pool="warehouse",
        description="In the receipt of every delivery that counts: how sure its survey figures are, and how many more "
        "interviews each district needs. A receipt that already says so is not touched.",
    )
    def receipt_interviews_needed(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        # the pages need Jinja and the vault Arrow; the definitions do not
        from pipeline.deliveries.reliability_note import SKIPPED, UNCHANGED, UPDATED, read_needed, tell_needed

        needed = None
        if settings.warehouse.exists():
            with open_warehouse(settings, read_only=True) as warehouse:
                needed = read_needed(warehouse)
        if needed is None:
            return dg.MaterializeResult(metadata={"receipts_updated": 0, "rows": 0, "preview": "nothing to tell yet"})
        # two runs would write the same temporary file
        with warehouse_lock(settings):
            outcomes = tell_needed(settings, needed)
        rows = []
        for each, outcome in zip(needed, outcomes, strict=True):
            place = (each.period, each.consortium, each.version)
            if outcome == SKIPPED:
                context.log.warning("receipt of %s %s v%d is gone or of an older version: left as it is", *place)
            verdicts = [row["verdict"] for row in each.rows]
            if verdicts or outcome != UNCHANGED:
                counts = (verdicts.count(verdict) for verdict in _VERDICTS)
                rows.append((*place, len(verdicts), *counts, outcome))
        return dg.MaterializeResult(
            metadata={
                "receipts_updated": outcomes.count(UPDATED),
                "receipts_skipped": outcomes.count(SKIPPED),
                "rows": sum(len(each.rows) for each in needed),
                "receipts": dg.MetadataValue.path(settings.receipts),
                # counts of figures: how many people answered is for the consortium alone
                "preview": dg.MetadataValue.md(markdown_table(_NEEDED_COLUMNS, rows)),
            },
        )

    return receipt_interviews_needed


def _tables(
    outcomes: list, keys: dict[str, dg.AssetKey], periods: set[str], seconds: float
) -> Iterator[dg.MaterializeResult]:
    for name, key in keys.items():
        rows = [
            (each.period, each.consortium, each.version, counts.received, counts.accepted, counts.refused)
            for each in outcomes
            if (counts := each.tables.get(name))
        ]
        yield dg.MaterializeResult(
            asset_key=key,
            metadata={
                "rows_received": sum(row[3] for row in rows),
                "rows_accepted": sum(row[4] for row in rows),
                "rows_refused": sum(row[5] for row in rows),
                "periods": ", ".join(sorted(periods)),
                "versions": ", ".join(f"{row[1]} {row[0]} v{row[2]}" for row in rows) or "nothing new",
                "seconds": seconds,
                # per delivery, because rows of people never reach this page
                "preview": dg.MetadataValue.md(markdown_table(_TABLE_COLUMNS, rows)),
            },
        )


def _log(outcomes: list, settings: Settings, seconds: float) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    rows = [
        (
            each.period,
            each.consortium,
            each.version,
            each.status,
            sum(counts.received for counts in each.tables.values()),
            sum(counts.accepted for counts in each.tables.values()),
            sum(counts.refused for counts in each.tables.values()),
            round(each.seconds, 2),
            str(each.receipt.with_suffix(".html").relative_to(settings.receipts)) if each.receipt else "",
        )
        for each in outcomes
    ]
    statuses = [each.status for each in outcomes]
    yield dg.MaterializeResult(
        asset_key=LOG,
        metadata={
            **{f"deliveries_{status}": statuses.count(status) for status in sorted(set(statuses))},
            "rows_received": sum(row[4] for row in rows),
            "rows_accepted": sum(row[5] for row in rows),
            "rows_refused": sum(row[6] for row in rows),
            "seconds": seconds,
            "receipts": dg.MetadataValue.path(settings.receipts),
            "deliveries": dg.MetadataValue.md(markdown_table(_LOG_COLUMNS, rows)),
        },
    )
    rejected = [f"{each.consortium} {each.period} v{each.version}" for each in outcomes if each.status == "rejected"]
    yield dg.AssetCheckResult(
        asset_key=LOG,
        check_name=_ACCEPTED,
        passed=not rejected,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"rejected": ", ".join(rejected) or "none"},
    )


def _contracts(
    context: dg.AssetExecutionContext,
    settings: Settings,
    contracts: dict,
    keys: dict[str, dg.AssetKey],
    periods: set[str],
) -> Iterator[dg.AssetCheckResult]:
    from pipeline.deliveries.suite import validate_accepted
    from pipeline.deliveries.vault import read_accepted

    for name, contract in contracts.items():
        frame = read_accepted(settings, name, periods)
        result = validate_accepted(contract, frame)
        context.log.info("contract of %s: %d of %d expectations met", name, result.successful, result.evaluated)
        yield dg.AssetCheckResult(
            asset_key=keys[name],
            check_name=_CONTRACT,
            passed=result.success,
            metadata={
                "rows": len(frame),
                "expectations": result.evaluated,
                "met": result.successful,
                "not_met": ", ".join(result.failed) or "none",
            },
        )
