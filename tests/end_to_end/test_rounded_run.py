"""A whole run in which tables of which much would be hidden are rounded instead (T1), and a later one in which not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.publication.marts_file import open_marts

TABLES = {
    "fct_indicator": ("indicator_code", ("n", "numerator")),
    "fct_life_domain": ("life_domain_code", ("n", "improved", "stable", "worsened")),
}


def effectmonitor(home: Path, *arguments: str) -> str:
    """Run the command on an installation and return what it printed."""
    command = [sys.executable, "-m", "pipeline.cli", "--home", str(home), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_rounded_tables_are_published_add_up_and_stay(tmp_path, monkeypatch):
    home = tmp_path / "home"
    monkeypatch.setenv("EFFECTMONITOR_MUCH_HIDDEN", "round")
    effectmonitor(home, "demo", "--from", "2023-H2", "--to", "2024-H1", "--scale", "0.2")
    marts = home / "published" / "partners" / "marts.duckdb"
    rows = "select * from marts.{} where is_rounded order by all"
    with open_marts(marts) as reader:
        for table, (code, counts) in TABLES.items():
            # everybody in the demonstration lives in a district
            sums = ", ".join(f"sum(case when district_code like 'GM%' then {each} else -{each} end)" for each in counts)
            found = reader.execute(
                f"select count(*), {sums} from marts.{table} where is_rounded group by {code}, period"
            ).fetchall()
            assert len(found) >= 5 and all(areas > 10 and not any(rest) for areas, *rest in found)
            uneven = " or ".join(f"{each} % 5 <> 0" for each in counts)
            assert reader.execute(
                f"select count(*) from marts.{table} where is_rounded and ({uneven} or n = 0 or status <> 'published')"
            ).fetchone() == (0,)
        assert reader.execute(
            "select count(*) from marts.fct_indicator where is_rounded and (ci_low is not null or verdict = 'reliable' "
            "or (value is null) <> (verdict = 'not_publishable'))"
        ).fetchone() == (0,)
        assert reader.execute(
            "select count(*) from marts.fct_reliability_check semi join (select * from marts.fct_indicator where "
            "is_rounded) using (indicator_code, district_code, period) where pooled_over is null"
        ).fetchone() == (0,)
        told = {table: reader.execute(rows.format(table)).fetchall() for table in TABLES}
    # every release is attacked, with the council's beside the partners'
    assert "NOT safe" not in effectmonitor(home, "audit")
    monkeypatch.delenv("EFFECTMONITOR_MUCH_HIDDEN")
    effectmonitor(home, "run")
    with open_marts(marts) as reader:
        assert {table: reader.execute(rows.format(table)).fetchall() for table in TABLES} == told
