"""The two doors to the audit: the asset check and the command."""

from __future__ import annotations

import dagster as dg
import pytest
from audit_world import GM, WIJKEN, Archive, Town, districts
from click.testing import CliRunner

from pipeline.cli import main
from pipeline.disclosure.checks import CHECK, build_disclosure_checks

HEARD, NOW = "tom_gehoord", "2024-H1"


@pytest.fixture
def archive(tmp_path, monkeypatch) -> Archive:
    monkeypatch.setenv("EFFECTMONITOR_ENVIRONMENT", "test")
    return Archive(tmp_path)


def town(*, open_total: bool = False) -> Town:
    here = Town(counts=districts(HEARD, NOW, [(1200, 711), (900, 613), (437, 4)]))
    here.hide((HEARD, WIJKEN[2], NOW), status="suppressed_primary")
    if not open_total:
        here.hide((HEARD, GM, NOW))
    return here


def run_check(archive: Archive, audience: str) -> dg.AssetCheckEvaluation:
    @dg.asset(key=["publication", f"{audience}_candidate"])
    def candidate() -> None:
        pass

    [check] = [
        each for each in build_disclosure_checks(archive.settings) if audience in str(each.check_specs_by_output_name)
    ]
    result = dg.materialize([candidate, check], raise_on_error=False)
    [evaluation] = result.get_asset_check_evaluations()
    return evaluation


def test_the_check_stops_what_is_not_safe_and_tells_no_value(archive):
    archive.candidate(town(open_total=True))
    found = run_check(archive, "partners")
    assert found.check_name == CHECK and found.blocking and not found.passed
    assert found.severity == dg.AssetCheckSeverity.ERROR
    text = " ".join(str(value.value) for value in found.metadata.values())
    assert "can be narrowed to 1 value, by" in text
    assert "437" not in text and "433" not in text
    assert found.metadata["too_closely_known"].value == 1


def test_the_check_passes_what_is_safe(archive):
    archive.candidate(town())
    archive.candidate(town(), "council")
    for audience in ("partners", "council"):
        found = run_check(archive, audience)
        assert found.passed and found.metadata["release"].value == f"{audience}-0001"


def test_the_command_says_which_release_is_not_safe(archive):
    name = archive.release(town(open_total=True))
    run = CliRunner().invoke(main, ["--home", str(archive.settings.home), "audit"])
    assert run.exit_code == 1
    assert "not safe" in run.output and f"{name}: the numerator of “Client feels heard” in Zegersloot" in run.output
    assert "437" not in run.output


def test_the_command_is_content_with_a_safe_history(archive):
    archive.release(town())
    archive.candidate(town(), "council")
    home = ["--home", str(archive.settings.home)]
    run = CliRunner().invoke(main, [*home, "audit"])
    assert run.exit_code == 0, run.output
    assert "partners-0001" in run.output and "council-0001" in run.output
    run = CliRunner().invoke(main, [*home, "audit", "--release", "partners-0001"])
    assert run.exit_code == 0 and "somebody who is counted himself" in run.output
    assert CliRunner().invoke(main, [*home, "audit", "--release", "partners-0009"]).exit_code == 1
    assert CliRunner().invoke(main, [*home, "audit", "--release", "x", "--audience", "council"]).exit_code == 2
