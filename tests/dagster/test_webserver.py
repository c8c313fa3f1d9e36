"""The real Dagster webserver and daemon, started as `make dev` does, and used through their GraphQL API."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from pipeline.periods import HalfYear
from pipeline.settings import Settings
from pipeline.simulation import simulate

_START_SECONDS = 180
_RUN_SECONDS = 240

_LAUNCH = """
mutation($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""
_STATUS = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
_STATS = """
query($key: AssetKeyInput!) {
  assetNodeOrError(assetKey: $key) { ... on AssetNode { partitionStats { numMaterialized numFailed } } }
}
"""
_CHECKS = """
query($key: AssetKeyInput!) {
  assetChecksOrError: assetNodeOrError(assetKey: $key) {
    ... on AssetNode {
      partitionDefinition { name }
      assetMaterializations(limit: 1) { metadataEntries { label } }
      assetChecksOrError {
        ... on AssetChecks { checks { name blocking executionForLatestMaterialization { status } } }
      }
    }
  }
}
"""


class Server:
    """A running UI, asked over HTTP."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/graphql"

    def ask(self, query: str, **variables: object) -> dict:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            content = json.loads(answer.read())
        assert "errors" not in content, content["errors"]
        return content["data"]


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("webserver") / "home"
    simulate(folder / "inbox", HalfYear(2023, 2), HalfYear(2024, 1), scale=0.1)
    return folder


@pytest.fixture(scope="module")
def server(home):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "pipeline.cli", "--home", str(home), "dev", "--port", str(port)]
    log = (home / "dev.log").open("w")
    # the public monitors are asked at a port where nobody answers
    environment = os.environ | {"EFFECTMONITOR_ODATA": "http://127.0.0.1:9"}
    # its own process group: the UI starts daemon and code server as children
    process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True, env=environment)
    server = Server(port)
    deadline = time.monotonic() + _START_SECONDS
    try:
        while True:
            try:
                server.ask("{ version }")
                break
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                assert process.poll() is None, (home / "dev.log").read_text()[-3000:]
                assert time.monotonic() < deadline, (home / "dev.log").read_text()[-3000:]
                time.sleep(1)
        yield server
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        log.close()


def _launch(server: Server, job: str, tags: dict[str, str], assets: list[dict] | None = None) -> str:
    answer = server.ask(
        _LAUNCH,
        params={
            "selector": {
                "repositoryLocationName": "effectmonitor",
                "repositoryName": "__repository__",
                "jobName": job,
                **({"assetSelection": assets, "assetCheckSelection": []} if assets else {}),
            },
            "runConfigData": "{}",
            "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
        },
    )["launchRun"]
    assert answer["__typename"] == "LaunchRunSuccess", answer
    return answer["run"]["runId"]


def _wait(server: Server, run_id: str) -> str:
    deadline = time.monotonic() + _RUN_SECONDS
    while time.monotonic() < deadline:
        status = server.ask(_STATUS, id=run_id)["runOrError"]["status"]
        if status in {"SUCCESS", "FAILURE", "CANCELED"}:
            return status
        time.sleep(1)
    raise AssertionError("the run did not end in time")


@pytest.mark.slow
def test_many_half_years_run_as_one_and_their_checks_are_there(server, home):
    # what "single run" in the UI's dialogue for a range of partitions sends
    whole = {"dagster/asset_partition_range_start": "2023-07", "dagster/asset_partition_range_end": "2024-01"}
    assert _wait(server, _launch(server, "half_yearly_run", whole)) == "SUCCESS"
    assert (Settings(home=home).published / "partners" / "marts.duckdb").is_file()

    for path, check in (
        (["deliveries", "clienten"], "contract"),
        (["publication", "partners_candidate"], "release_is_safe_and_complete"),
        (["disclosure", "indicator_status"], "every_cell_has_a_status"),
    ):
        node = server.ask(_CHECKS, key={"path": path})["assetChecksOrError"]
        checks = {each["name"]: each for each in node["assetChecksOrError"]["checks"]}
        assert checks[check]["blocking"]
        assert checks[check]["executionForLatestMaterialization"]["status"] == "SUCCEEDED"
        assert node["assetMaterializations"][0]["metadataEntries"]

    node = server.ask(_CHECKS, key={"path": ["marts", "fct_indicator"]})["assetChecksOrError"]
    checks = node["assetChecksOrError"]["checks"]
    assert len(checks) >= 3
    assert {each["executionForLatestMaterialization"]["status"] for each in checks} == {"SUCCEEDED"}
    labels = {entry["label"] for entry in node["assetMaterializations"][0]["metadataEntries"]}
    assert {"dagster/row_count", "preview", "seconds"} <= labels
    node = server.ask(_CHECKS, key={"path": ["deliveries", "clienten"]})["assetChecksOrError"]
    labels = {entry["label"] for entry in node["assetMaterializations"][0]["metadataEntries"]}
    assert {"rows_received", "rows_accepted", "rows_refused", "periods", "versions", "seconds", "preview"} <= labels
    stats = server.ask(_STATS, key={"path": ["deliveries", "clienten"]})["assetNodeOrError"]["partitionStats"]
    assert stats == {"numMaterialized": 2, "numFailed": 0}


@pytest.mark.slow
def test_a_part_of_the_models_can_be_materialised_alone(server):
    # its relations to tables that are not part of it must not be asked for
    selection = [
        {"path": ["marts", "fct_narrative"]},
        {"path": ["reference", "goals"]},
        {"path": ["marts", "dim_goal"]},
    ]
    run_id = _launch(server, "__ASSET_JOB", {}, selection)
    assert _wait(server, run_id) == "SUCCESS"


@pytest.mark.slow
def test_monitors_are_refreshed_without_touching_the_deliveries(server, home):
    def vault(part: str) -> dict[str, int]:
        folder = home / "vault" / part
        return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*.parquet")}

    before = vault("deliveries"), vault("monitors")
    assert _wait(server, _launch(server, "monitors_refresh", {})) == "SUCCESS"
    assert (vault("deliveries"), vault("monitors")) == before
    # nobody answered: the bundled figures serve, and the asset says so without stopping anything
    node = server.ask(_CHECKS, key={"path": ["monitors", "cbs_kwb"]})["assetChecksOrError"]
    checks = {each["name"]: each for each in node["assetChecksOrError"]["checks"]}
    assert not checks["is_fresh"]["blocking"]
    assert checks["is_fresh"]["executionForLatestMaterialization"]["status"] == "FAILED"
    assert checks["contract"]["executionForLatestMaterialization"]["status"] == "SUCCEEDED"
