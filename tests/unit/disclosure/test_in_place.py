"""Files in place that are not those of the release are noticed, and a reader's own are told apart from it."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from pipeline.disclosure import ledger
from pipeline.disclosure.in_place import in_place, published_faults
from pipeline.settings import Settings

NAME = "partners-0001"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(home=tmp_path, environment="test")
    files = made.releases / NAME / "files"
    (files / "csv").mkdir(parents=True)
    with duckdb.connect(str(files / "marts.duckdb")) as marts:
        marts.execute("create schema marts.marts")
        marts.execute(
            "create table marts.marts.fct_indicator as select 'tom' as consortium_code, 'tom_gehoord' as "
            "indicator_code, 'WK048401' as district_code, '2024-H1' as period, 'no_data' as status, null::int as n"
        )
        marts.execute("create table marts.marts.release as select 1 as number")
        marts.execute("create table marts.marts.dim_period as select '2024-H1' as period, 'final' as delivery_status")
    (files / "csv" / "fct_indicator.csv").write_text("indicator_code,n\ntom_gehoord,\n")
    shutil.copytree(files, made.published / "partners")
    ledger.append(made, "candidate", NAME, "partners", "one")
    ledger.append(made, "published", NAME, "partners", "two", marts_file=files / "marts.duckdb")
    return made


def faults(settings: Settings) -> list[str]:
    return published_faults(settings, ledger.entries(settings), "partners")


def change(settings: Settings, statement: str) -> None:
    with duckdb.connect(str(settings.published / "partners" / "marts.duckdb")) as marts:
        marts.execute(statement)


def test_what_was_published_is_in_place(settings):
    assert in_place(ledger.entries(settings), "partners") == NAME
    change(settings, "update marts.marts.release set number = 2")
    assert faults(settings) == []


def test_a_figure_that_was_put_in_by_hand_is_noticed_and_not_repeated(settings):
    change(settings, "update marts.marts.fct_indicator set n = 1234567")
    (told,) = faults(settings)
    assert "rows of table fct_indicator are not as in partners-0001" in told
    assert "1234567" not in told


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("create table marts.marts.more as select 1 as n", "table more is not in partners-0001"),
        ("drop table marts.marts.fct_indicator", "it lacks table fct_indicator of partners-0001"),
        ("alter table marts.marts.fct_indicator add column rest int", "table fct_indicator has other columns"),
    ],
)
def test_another_table_or_column_is_noticed(settings, statement, words):
    change(settings, statement)
    (told,) = faults(settings)
    assert words in told


def test_every_file_is_compared(settings):
    folder = settings.published / "partners"
    (folder / "csv" / "fct_indicator.csv").write_text("indicator_code,n\ntom_gehoord,7\n")
    (folder / "notes.txt").write_text("a reader's own")
    (folder / "marts.duckdb").write_text("no database")
    told = faults(settings)
    assert [word in " ".join(told) for word in ("fct_indicator.csv", "notes.txt", "cannot be opened")] == [True] * 3
    (folder / "marts.duckdb").unlink()
    assert any("marts.duckdb is missing" in text for text in faults(settings))


def test_files_without_a_release_are_noticed(settings):
    ledger.append(settings, "withdrawn", NAME, "partners", "two", reason="wrong")
    assert in_place(ledger.entries(settings), "partners") is None
    assert "no release stands there" in faults(settings)[0]
    shutil.rmtree(settings.published)
    assert faults(settings) == []


def test_a_release_that_was_put_back_stands_there(settings):
    ledger.append(settings, "withdrawn", NAME, "partners", "two", reason="wrong")
    ledger.append(settings, "restored", NAME, "partners", "two")
    assert in_place(ledger.entries(settings), "partners") == NAME
    assert in_place(ledger.entries(settings), "council") is None
