"""Running the project's dbt in a process of its own, as the pipeline does, on a warehouse and vault of the test."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pipeline.warehouse.manifest import dbt_command, dbt_environment, share_parsed

_PROTECTED = ("path:models/marts", "path:models/council")
UNTIL_CELLS = ("--exclude", *_PROTECTED)
MARTS = ("--select", *_PROTECTED)


@dataclass(frozen=True)
class Outcome:
    """What a dbt command did.

    Attributes:
        returncode: 0 when all went well.
        output: what it printed.
        failures: per unique id of a node: status, and number of rows that a test objects to.
    """

    returncode: int
    output: str
    failures: dict[str, tuple[str, int | None]]


def run_dbt(verb: str, *arguments: str, folder: Path, project: Path | None = None) -> Outcome:
    """Run dbt with vault and warehouse in ``folder``.

    Args:
        verb: dbt command, such as ``build``.
        arguments: its further arguments.
        folder: holds ``vault/`` and ``warehouse.duckdb``.
        project: another dbt project than the product's.
    """
    command = [*dbt_command(verb, folder / "target"), "--no-use-colors", *arguments]
    if project is not None:
        command += ["--project-dir", str(project), "--profiles-dir", str(project)]
    environment = dbt_environment(EFFECTMONITOR_WAREHOUSE="warehouse.duckdb", EFFECTMONITOR_VAULT=str(folder / "vault"))
    if project is None:
        share_parsed(folder / "target")
    results = folder / "target" / "run_results.json"
    results.unlink(missing_ok=True)
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, cwd=folder)
    nodes = json.loads(results.read_text())["results"] if results.exists() else []
    return Outcome(
        returncode=done.returncode,
        output=done.stdout + done.stderr,
        failures={node["unique_id"]: (node["status"], node["failures"]) for node in nodes},
    )
