"""Jobs, schedules, the inbox sensor, the half-year partitions, and running a job from the command line.

Belongs here: when something runs and for which half-years. Does not belong here: what it does (each room's assets.py).
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

import dagster as dg

from pipeline.deliveries.assets import RETENTION
from pipeline.deliveries.package import DeliveryFolder, find_deliveries, has_arrived
from pipeline.monitors.assets import FETCH_TAG
from pipeline.periods import FIRST_YEAR, TIMEZONE, HalfYear
from pipeline.settings import PROJECT_ROOT, Settings

HALF_YEARS = dg.TimeWindowPartitionsDefinition(
    start=datetime(FIRST_YEAR, 1, 1), fmt="%Y-%m", cron_schedule="0 0 1 1,7 *", timezone=TIMEZONE
)
HALF_YEARLY_RUN = "half_yearly_run"
MONITORS_REFRESH = "monitors_refresh"
AS_OF_RUN = "as_of_run"
RETENTION_JOB = "retention"

# deliveries are due six weeks after the half-year; a week later the run takes what has come
_HALF_YEARLY_CRON = "0 6 20 2,8 *"
# CBS adds figures every quarter
_MONITORS_CRON = "0 5 5 1,4,7,10 *"
_RETENTION_CRON = "0 4 1 * *"
_SENSOR_SECONDS = 30
_RANGE_START = "dagster/asset_partition_range_start"
_RANGE_END = "dagster/asset_partition_range_end"
_POLL_SECONDS = 0.3
_STEP_EVENTS = {dg.DagsterEventType.STEP_START, dg.DagsterEventType.STEP_SUCCESS, dg.DagsterEventType.STEP_FAILURE}


def build_jobs(settings: Settings) -> list:
    """The job for one or many half-years, the one that fetches what is new at the monitors, and that of retention.

    For an earlier moment there is one more, from the vault as it was to the protected marts.
    """
    # what is past its term is removed by a job of its own
    everything = dg.AssetSelection.all() - dg.AssetSelection.assets(RETENTION)
    as_of_run = dg.define_asset_job(
        AS_OF_RUN,
        selection=everything - dg.AssetSelection.groups("deliveries", "monitors", "publication"),
        description="Computes the figures as they could be computed at an earlier moment, in a place of their own.",
    )
    return [
        *([as_of_run] if settings.as_of else []),
        dg.define_asset_job(
            HALF_YEARLY_RUN,
            selection=everything,
            description="Takes the deliveries of the chosen half-years, rebuilds the warehouse and publishes.",
        ),
        dg.define_asset_job(
            MONITORS_REFRESH,
            selection=everything - dg.AssetSelection.groups("deliveries"),
            description="Fetches what is new at the public monitors, rebuilds the warehouse and publishes.",
            # no other run goes to the network
            tags={FETCH_TAG: "true"},
        ),
        dg.define_asset_job(
            RETENTION_JOB,
            selection=dg.AssetSelection.assets(RETENTION),
            description="Removes what is past its term, and tells what comes next.",
        ),
    ]


def build_schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """The half-yearly run, the quarterly look at the monitors, and the monthly retention.

    Only production runs by the clock: elsewhere the schedules are there to look at, and stopped.
    """
    status = (
        dg.DefaultScheduleStatus.RUNNING if settings.environment == "production" else dg.DefaultScheduleStatus.STOPPED
    )

    @dg.schedule(
        name="half_yearly",
        job_name=HALF_YEARLY_RUN,
        cron_schedule=_HALF_YEARLY_CRON,
        execution_timezone=TIMEZONE,
        default_status=status,
        description="20 February and 20 August, for the half-year that ended.",
    )
    def half_yearly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        period = HalfYear.containing(context.scheduled_execution_time.date()).shift(-1)
        return dg.RunRequest(run_key=str(period), partition_key=period.partition_key)

    monitors = dg.ScheduleDefinition(
        name="monitors_quarterly",
        job_name=MONITORS_REFRESH,
        cron_schedule=_MONITORS_CRON,
        execution_timezone=TIMEZONE,
        default_status=status,
        description="The fifth of each quarter's first month.",
    )
    retention = dg.ScheduleDefinition(
        name="retention_monthly",
        job_name=RETENTION_JOB,
        cron_schedule=_RETENTION_CRON,
        execution_timezone=TIMEZONE,
        default_status=status,
        description="The first of each month.",
    )
    return [half_yearly, monitors, retention]


def build_inbox_sensor(settings: Settings) -> dg.SensorDefinition:
    """The sensor that starts a run for each delivery version once it is complete, and never twice for the same one."""

    @dg.sensor(
        name="inbox",
        job_name=HALF_YEARLY_RUN,
        minimum_interval_seconds=_SENSOR_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING
        if settings.environment == "production"
        else dg.DefaultSensorStatus.STOPPED,
        description="Looks in the inbox for complete deliveries that have not been judged yet.",
    )
    def inbox(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        waiting = waiting_deliveries(settings)
        known = HALF_YEARS.get_partition_keys()
        requests = [
            dg.RunRequest(
                run_key=f"{delivery.consortium}/{delivery.period}/v{delivery.version}",
                partition_key=HalfYear.parse(delivery.period).partition_key,
                tags={"consortium": delivery.consortium, "delivery_version": str(delivery.version)},
            )
            for delivery in waiting
            if HalfYear.parse(delivery.period).partition_key in known
        ]
        if not requests:
            return dg.SkipReason("no complete delivery is waiting")
        return dg.SensorResult(run_requests=requests)

    return inbox


def waiting_deliveries(settings: Settings) -> list[DeliveryFolder]:
    """Complete deliveries in the inbox that have not been judged yet, by consortium, half-year and version."""
    # the vault's module brings Arrow, which the definitions can do without
    from pipeline.deliveries.vault import is_judged

    return [
        folder
        for folder in find_deliveries(settings)
        if not is_judged(settings, folder.consortium, folder.period, folder.version) and has_arrived(folder)
    ]


@dataclass(frozen=True)
class RunProgress:
    """How far a run is: steps done of all, and what it last said."""

    done: int
    total: int
    message: str


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended: its id in the Dagster instance and what failed, as sentences."""

    success: bool
    run_id: str
    failures: tuple[str, ...]


def prepare_instance(settings: Settings) -> dg.DagsterInstance:
    """Dagster's own folder under the installation's home, with this project's instance settings."""
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(PROJECT_ROOT / "dagster.yaml", settings.dagster_home / "dagster.yaml")
    return dg.DagsterInstance.from_config(str(settings.dagster_home))


def run_half_years(
    definitions: dg.Definitions,
    settings: Settings,
    periods: Sequence[HalfYear],
    report: Callable[[RunProgress], None],
) -> RunOutcome:
    """Run the half-yearly job for a range of half-years, as one run of the Dagster instance.

    Args:
        definitions: all that Dagster loads.
        settings: the installation.
        periods: consecutive half-years.
        report: called with the progress while the run goes on.
    """
    tags = {_RANGE_START: min(periods).partition_key, _RANGE_END: max(periods).partition_key}
    return _run_job(definitions.resolve_job_def(HALF_YEARLY_RUN), settings, tags, report)


def refresh_monitors(
    definitions: dg.Definitions, settings: Settings, report: Callable[[RunProgress], None]
) -> RunOutcome:
    """Run the job that looks at the public monitors, as one run of the Dagster instance.

    Args:
        definitions: all that Dagster loads.
        settings: the installation.
        report: called with the progress while the run goes on.
    """
    return _run_job(definitions.resolve_job_def(MONITORS_REFRESH), settings, {}, report)


def run_as_of(definitions: dg.Definitions, settings: Settings, report: Callable[[RunProgress], None]) -> RunOutcome:
    """Compute the figures of an earlier moment, in its own warehouse and its own Dagster instance.

    Args:
        definitions: all that Dagster loads, built for the same settings.
        settings: the installation at an earlier moment (``Settings.at``).
        report: called with the progress while the run goes on.
    """
    tags = {"as_of": settings.as_of.isoformat()}
    return _run_job(definitions.resolve_job_def(AS_OF_RUN), settings, tags, report)


def _run_job(
    job: dg.JobDefinition, settings: Settings, tags: Mapping[str, str], report: Callable[[RunProgress], None]
) -> RunOutcome:
    run_id = str(uuid4())
    total = len(job.nodes)
    with prepare_instance(settings) as instance, ThreadPoolExecutor(1) as pool:
        future = pool.submit(
            job.execute_in_process,
            instance=instance,
            run_id=run_id,
            raise_on_error=False,
            tags=tags,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
        done, cursor, failures = 0, -1, []
        while True:
            finished = wait([future], timeout=_POLL_SECONDS).done
            for entry in instance.logs_after(run_id, cursor) if instance.has_run(run_id) else ():
                cursor += 1
                kind = entry.dagster_event.event_type if entry.dagster_event else None
                done += kind == dg.DagsterEventType.STEP_SUCCESS
                failures += _failure(entry)
                if kind is None or kind in _STEP_EVENTS:
                    report(RunProgress(done, total, entry.user_message or entry.step_key or ""))
            if finished:
                return RunOutcome(future.result().success, run_id, tuple(failures))


def _failure(entry: dg.EventLogEntry) -> list[str]:
    event = entry.dagster_event
    if event is None:
        return []
    if event.event_type == dg.DagsterEventType.STEP_FAILURE:
        error = event.step_failure_data.error
        cause = error.cause or error if error else None
        return [f"{event.step_key}: {cause.message.strip() if cause else 'failed'}"]
    if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
        check = event.asset_check_evaluation_data
        if not check.passed and check.severity == dg.AssetCheckSeverity.ERROR:
            return [f"check {check.check_name} of {check.asset_key.to_user_string()} failed"]
    return []
