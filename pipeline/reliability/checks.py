"""The suites of ``expectations/reliability/`` as asset checks: were surveys held reliably, and are verdicts whole.

Belongs here: when a suite is run, what it stops, and what of its outcome is told: counts and statistics, never a row.
"""

import dagster as dg

from pipeline.reliability.suites import Suite, SuiteOutcome, blocks, load_suites, rows_of, run_suite
from pipeline.settings import Settings
from pipeline.tables import markdown_table
from pipeline.warehouse.connection import open_warehouse

_GROUPS_TOLD = 40


def build_reliability_checks(settings: Settings) -> list[dg.AssetChecksDefinition]:
    """One asset check per suite; one that is critical stops what comes after its asset.

    Args:
        settings: the installation.
    """
    return [_check(settings, suite) for suite in load_suites()]


def _check(settings: Settings, suite: Suite) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        name=suite.name,
        asset=dg.AssetKey(suite.asset),
        description=f"{suite.title}. {suite.description}",
        blocking=blocks(suite, settings.judging_day),
        pool="warehouse",
    )
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        with open_warehouse(settings, read_only=True) as warehouse:
            frame = rows_of(suite, warehouse)
            thresholds = warehouse.execute("select * from reference.thresholds").df()
        outcome = run_suite(suite, frame, thresholds, settings.judging_day)
        context.log.info("%s: %s", suite.name, "holds" if outcome.success else "does not hold")
        return dg.AssetCheckResult(
            passed=outcome.success,
            severity=dg.AssetCheckSeverity.ERROR if outcome.blocking else dg.AssetCheckSeverity.WARN,
            metadata=_metadata(outcome),
        )

    return check


def _metadata(outcome: SuiteOutcome) -> dict[str, dg.MetadataValue]:
    told = ("statistic", "threshold", "value", "version", "severity", "observed", "n", "judged", "failed", "success")
    expectations = [[found["type"], *(found[name] for name in told)] for found in outcome.statistics]
    groups = [group for found in outcome.statistics for group in found["groups"] if group["verdict"] == 0]
    names = list(dict.fromkeys(name for group in groups for name in group if name != "verdict"))
    rows = [[group.get(name) for name in names] for group in groups[:_GROUPS_TOLD]]
    return {
        "expectations": dg.MetadataValue.md(markdown_table(["expectation", *told], expectations, width=80)),
        "groups_judged": dg.MetadataValue.int(sum(found["judged"] for found in outcome.statistics)),
        "groups_failed": dg.MetadataValue.int(len(groups)),
        "failed": dg.MetadataValue.md(markdown_table(names, rows) if groups else "none"),
    }
