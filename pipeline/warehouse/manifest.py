"""dbt's manifest as the assets and checks it describes: pure reading, no Dagster.

Belongs here: what a dbt node is called in Dagster, what it depends on, which test guards it. dagster-dbt offers the
same translation, but importing it loads the whole of dbt in every process that only looks at the definitions
(docs/adr/0003-dbt-assets-from-the-manifest.md).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.settings import DBT_PROJECT, PROJECT_ROOT, WAREHOUSE

_ASSET_TYPES = ("model", "seed", "snapshot")
_PARSED = "partial_parse.msgpack"
_WATCHED = ("models", "macros", "tests", "dbt_project.yml", "profiles.yml")


class DbtParseError(RuntimeError):
    """The dbt project cannot be parsed; the message holds dbt's own words."""


@dataclass(frozen=True)
class DbtNode:
    """A model or seed.

    Attributes:
        unique_id: dbt's name, as in ``model.effectmonitor.fct_indicator``.
        key: Dagster asset key, schema first and then the table: ``("marts", "fct_indicator")``.
        name: the model's own name, by which dbt selects it.
        table: name of its table, which two schemas may share.
        upstream: asset keys that it reads.
        columns: column name, type and description, in order.
    """

    unique_id: str
    key: tuple[str, ...]
    resource_type: str
    schema: str
    name: str
    table: str
    description: str
    materialized: str
    owner: str | None
    checksum: str
    path: str
    upstream: tuple[tuple[str, ...], ...]
    columns: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class DbtTest:
    """A data test, attached to the node that it guards; ``blocking`` when its severity is error."""

    unique_id: str
    name: str
    guarded: str
    others: tuple[str, ...]
    description: str
    blocking: bool


@dataclass(frozen=True)
class DbtGraph:
    """All nodes and tests of the project by dbt's unique id."""

    nodes: Mapping[str, DbtNode] = field(default_factory=dict)
    tests: Mapping[str, DbtTest] = field(default_factory=dict)


def manifest_path() -> Path:
    """Where the parsed project lies; made on first use and whenever the project is newer."""
    return DBT_PROJECT / "target" / "manifest.json"


def ensure_manifest() -> Path:
    """Return a manifest that is at least as new as the project, parsing when needed.

    Raises:
        DbtParseError: with dbt's message, when the project does not parse.
    """
    target = manifest_path()
    if not target.exists() or _newest_source() > target.stat().st_mtime:
        _parse(target)
    return target


def _newest_source() -> float:
    files = [DBT_PROJECT / name for name in _WATCHED] + [PROJECT_ROOT / "seeds"]
    newest = 0.0
    for entry in files:
        members = entry.rglob("*") if entry.is_dir() else [entry]
        newest = max([newest, *(member.stat().st_mtime for member in members if member.is_file())])
    return newest


def _parse(target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        command = [
            *dbt_command("parse", Path(scratch)),
            "--no-partial-parse",
        ]
        environment = dbt_environment(EFFECTMONITOR_WAREHOUSE=WAREHOUSE)
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        made = Path(scratch) / "manifest.json"
        if done.returncode or not made.exists():
            raise DbtParseError(f"dbt could not parse {DBT_PROJECT}:\n{done.stdout[-4000:]}{done.stderr[-2000:]}")
        # two processes may parse at once: each swaps in a whole file
        (Path(scratch) / _PARSED).replace(target.with_name(_PARSED))
        made.replace(target)
        os.utime(target)


def share_parsed(target: Path) -> None:
    """Put what was parsed for the manifest where dbt looks before it parses, unless it did so there before.

    Parsing anew takes dbt several seconds. It takes over what was parsed when profile and project are the same, and
    parses files that have changed.

    Args:
        target: dbt's target folder of an installation.
    """
    parsed, own = manifest_path().with_name(_PARSED), target / _PARSED
    if parsed.exists() and not own.exists():
        target.mkdir(parents=True, exist_ok=True)
        beside = own.with_name(f".{_PARSED}.{os.getpid()}")
        shutil.copyfile(parsed, beside)
        beside.replace(own)


def dbt_command(verb: str, target: Path) -> list[str]:
    """The dbt command line for this project, with absolute paths and an own target folder."""
    return [
        sys.executable,
        "-m",
        "dbt.cli.main",
        verb,
        "--project-dir",
        str(DBT_PROJECT),
        "--profiles-dir",
        str(DBT_PROJECT),
        "--target-path",
        str(target),
        "--log-path",
        str(target / "logs"),
    ]


def dbt_environment(**extra: str) -> dict[str, str]:
    """The environment for dbt: no telemetry, no version look-up, and what the caller adds."""
    return {**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DBT_VERSION_CHECK": "false", **extra}


def read_graph(path: Path) -> DbtGraph:
    """Read nodes and tests from a manifest.

    Args:
        path: dbt's ``manifest.json``.
    """
    manifest = json.loads(path.read_text())
    keys = {unique_id: _asset_key(node) for unique_id, node in _assets(manifest).items()}
    keys |= {unique_id: _asset_key(source) for unique_id, source in manifest["sources"].items()}
    nodes = {unique_id: _node(node, keys) for unique_id, node in _assets(manifest).items()}
    tests = {}
    for unique_id, node in manifest["nodes"].items():
        if node["resource_type"] != "test":
            continue
        parents = [parent for parent in node["depends_on"]["nodes"] if parent in nodes]
        guarded = _guarded(node, parents)
        if guarded:
            tests[unique_id] = DbtTest(
                unique_id=unique_id,
                name=node["name"],
                guarded=guarded,
                others=tuple(parent for parent in parents if parent != guarded),
                description=node.get("description") or _meta(node).get("description", ""),
                blocking=node["config"]["severity"].lower() == "error",
            )
    return DbtGraph(nodes=nodes, tests=tests)


def mart_columns(model: str) -> list[tuple[str, str]]:
    """Columns of a mart as its contract has them, so that others can make a table of the same shape.

    Args:
        model: dbt's name of the model, such as ``fct_indicator``.

    Returns:
        Name and type of each column, in order.

    Raises:
        KeyError: for a model that is not there.
    """
    by_name = {node.name: node for node in read_graph(ensure_manifest()).nodes.values()}
    return [(name, kind) for name, kind, _ in by_name[model].columns]


def _assets(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {
        unique_id: node
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] in _ASSET_TYPES and node["config"].get("materialized") != "ephemeral"
    }


def _meta(node: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**(node.get("meta") or {}), **((node.get("config") or {}).get("meta") or {})}


def _asset_key(node: Mapping[str, Any]) -> tuple[str, ...]:
    named = _meta(node).get("dagster", {}).get("asset_key")
    return tuple(named) if named else (node["schema"], _table(node))


def _table(node: Mapping[str, Any]) -> str:
    return node.get("alias") or node["name"]


def _node(node: Mapping[str, Any], keys: Mapping[str, tuple[str, ...]]) -> DbtNode:
    upstream = {keys[parent] for parent in node.get("depends_on", {}).get("nodes", []) if parent in keys}
    return DbtNode(
        unique_id=node["unique_id"],
        key=keys[node["unique_id"]],
        resource_type=node["resource_type"],
        schema=node["schema"],
        name=node["name"],
        table=_table(node),
        description=node["description"],
        materialized=node["config"]["materialized"],
        owner=_meta(node).get("owner"),
        checksum=node["checksum"]["checksum"][:12],
        path=node["original_file_path"],
        upstream=tuple(sorted(upstream)),
        columns=tuple(
            (column["name"], column.get("data_type") or "", column.get("description") or "")
            for column in node["columns"].values()
        ),
    )


def _guarded(node: Mapping[str, Any], parents: list[str]) -> str | None:
    attached = node.get("attached_node")
    if attached in parents:
        return attached
    named = _meta(node).get("guards")
    for parent in parents:
        if parent.endswith(f".{named}"):
            return parent
    return parents[0] if parents else None
