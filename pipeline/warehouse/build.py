"""Running dbt on the warehouse: arguments, environment, and its events one by one.

Belongs here: the dbt command. Does not belong here: Dagster (assets.py) or SQL (dbt_project/).
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.settings import Settings
from pipeline.warehouse.connection import warehouse_lock
from pipeline.warehouse.manifest import dbt_command, dbt_environment, share_parsed

_RESULT_EVENTS = {"LogModelResult", "LogSeedResult", "LogSnapshotResult", "LogTestResult"}


class DbtBuildError(RuntimeError):
    """A model or a blocking test failed; the message names them, without values from the data."""


@dataclass(frozen=True)
class NodeResult:
    """What became of one node.

    Attributes:
        unique_id: dbt's name.
        status: success, pass, warn, fail, error or skipped.
        seconds: execution time.
        failures: number of rows that a test objects to; None for models.
    """

    unique_id: str
    status: str
    seconds: float
    failures: int | None


def build_arguments(select: Sequence[str]) -> list[str]:
    """Arguments of ``dbt build``: models and data tests; unit tests belong to ``make test``.

    Args:
        select: dbt selectors (node names or methods such as ``config.schema:marts``).

    Raises:
        ValueError: when nothing is selected.
    """
    if not select:
        raise ValueError("nothing selected: an empty selection would make dbt build everything")
    # buildable: of a part of the models only the tests whose tables this build makes or reads; with the whole, all
    return ["--exclude-resource-type", "unit_test", "--indirect-selection", "buildable", "--select", *select]


def run_build(settings: Settings, select: Sequence[str]) -> Iterator[NodeResult]:
    """Run ``dbt build`` and yield each node's result when it is there.

    The warehouse is locked for the whole build, because dbt is a process of its own.

    Raises:
        DbtBuildError: at the end, when something failed; dbt has skipped what depends on it.
    """
    settings.dbt_target.mkdir(parents=True, exist_ok=True)
    share_parsed(settings.dbt_target)
    command = [*dbt_command("build", settings.dbt_target), "--log-format", "json", "--log-level", "info"]
    command += build_arguments(select)
    # by its name in the folder where dbt runs: another path would be another profile, which dbt parses anew
    environment = dbt_environment(
        EFFECTMONITOR_WAREHOUSE=settings.warehouse.name,
        EFFECTMONITOR_VAULT=str(settings.vault),
        EFFECTMONITOR_AS_OF=settings.as_of.isoformat() if settings.as_of else "",
    )
    failed: list[str] = []
    messages: list[str] = []
    with warehouse_lock(settings), _process(command, environment, settings.warehouse.parent) as process:
        for line in process.stdout or ():
            event = _event(line)
            if event is None:
                messages.append(line.strip())
                continue
            if event["info"]["level"] == "error":
                messages.append(event["info"]["msg"].split("\n")[0])
            result = _result(event)
            if result is None:
                continue
            if result.status in {"error", "fail"}:
                failed.append(result.unique_id)
            yield result
        process.wait()
    if process.returncode:
        what = ", ".join(failed) or "; ".join(message for message in messages[-5:] if message)
        raise DbtBuildError(f"dbt stopped: {what}. The full log: {settings.dbt_target / 'logs' / 'dbt.log'}")


def _process(command: Sequence[str], environment: dict[str, str], folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, cwd=folder
    )


def _event(line: str) -> dict | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "info" in event else None


def _result(event: dict) -> NodeResult | None:
    if event["info"]["name"] not in _RESULT_EVENTS:
        return None
    data = event["data"]
    node = data["node_info"]
    return NodeResult(
        unique_id=node["unique_id"],
        status=node["node_status"],
        seconds=float(data["execution_time"]),
        failures=int(data.get("num_failures", 0)) if node["resource_type"] == "test" else None,
    )
