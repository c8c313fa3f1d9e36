"""The ledger with real files: what it keeps, and that no change of it goes unseen."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from pipeline.disclosure.ledger import (
    BEGINNING,
    LedgerError,
    append,
    entries,
    pattern_hash,
    published_values,
    verify,
)
from pipeline.settings import Settings

COLUMNS = ["table_name", "consortium_code", "code", "district_code", "period", "pooled_over", "column_name", "value"]


@pytest.fixture
def marts_file(tmp_path) -> Callable[..., Path]:
    """Write a small marts file; ``n`` is that of the shown figure, ``is_pending`` of all."""

    def write(name: str = "one", n: int = 20, is_pending: bool | None = False, status: str = "published") -> Path:
        path = tmp_path / name / "marts.duckdb"
        path.parent.mkdir()
        waits = "" if is_pending is None else f", {is_pending} as is_pending"
        with duckdb.connect() as made:
            made.execute(f"attach '{path}' as made")
            made.execute(
                f"""
                use made; create schema marts; use made.marts;
                create table dim_period as select '2024-H1' as period, 'revised' as delivery_status;
                create table fct_indicator as select 'tom' as consortium_code, 'tom_gehoord' as indicator_code,
                    'WK1' as district_code, '2024-H1' as period, {n}::bigint as n, 12::bigint as numerator,
                    0.6 as value, 'two_half_years' as pooled_over, '{status}' as status {waits}
                    union all select 'tom', 'tom_gehoord', 'WK2', '2024-H1', null, null, null, null,
                    'suppressed_primary' {waits};
                create table fct_life_domain as select 'go' as consortium_code, 'wonen' as life_domain_code,
                    'WK1' as district_code, '2024-H1' as period, 40::bigint as n, 20::bigint as improved,
                    15::bigint as stable, 5::bigint as worsened, 0.25 as low_share, null::double as goal_attainment,
                    'published' as status, 'published' as low_status, 'suppressed_primary' as goal_status {waits};
                create table fct_indicator_pooled as select 'tom' as consortium_code, 'tom_gehoord' as indicator_code,
                    'WK2' as district_code, '2024-H1' as period, 'two_half_years' as pooled_over, 11::bigint as n,
                    6::bigint as numerator, 0.55 as value, 'published' as status {waits};
                """
            )
        return path

    return write


def test_of_a_published_release_every_value_is_kept_and_nothing_hidden(settings, marts_file):
    append(settings, "candidate", "partners-0001", "partners", "els", marts_file=(file := marts_file()))
    assert published_values(settings).empty
    entry = append(settings, "published", "partners-0001", "partners", "els", marts_file=file)
    values = published_values(settings)
    assert [tuple(row) for row in values[COLUMNS].itertuples(index=False)] == [
        ("fct_indicator", "tom", "tom_gehoord", "WK1", "2024-H1", "", "n", 20.0),
        ("fct_indicator", "tom", "tom_gehoord", "WK1", "2024-H1", "", "numerator", 12.0),
        ("fct_indicator", "tom", "tom_gehoord", "WK1", "2024-H1", "", "value", 0.6),
        ("fct_indicator_pooled", "tom", "tom_gehoord", "WK2", "2024-H1", "two_half_years", "n", 11.0),
        ("fct_indicator_pooled", "tom", "tom_gehoord", "WK2", "2024-H1", "two_half_years", "numerator", 6.0),
        ("fct_indicator_pooled", "tom", "tom_gehoord", "WK2", "2024-H1", "two_half_years", "value", 0.55),
        ("fct_life_domain", "go", "wonen", "WK1", "2024-H1", "", "improved", 20.0),
        ("fct_life_domain", "go", "wonen", "WK1", "2024-H1", "", "low_share", 0.25),
        ("fct_life_domain", "go", "wonen", "WK1", "2024-H1", "", "n", 40.0),
        ("fct_life_domain", "go", "wonen", "WK1", "2024-H1", "", "stable", 15.0),
        ("fct_life_domain", "go", "wonen", "WK1", "2024-H1", "", "worsened", 5.0),
    ]
    assert set(values["delivery_status"]) == {"revised"}
    assert set(values["is_pending"]) == {False}
    assert set(zip(values["number"], values["release_id"], values["audience"], values["at"], strict=True)) == {
        (2, "partners-0001", "partners", entry.at)
    }
    assert entry.values_file == "partners-0001.parquet"
    assert verify(settings) == []


def test_what_left_stays_when_it_is_withdrawn_and_can_be_asked_per_audience(settings, marts_file):
    append(settings, "published", "partners-0001", "partners", "els", marts_file=marts_file("a", is_pending=True))
    append(settings, "withdrawn", "partners-0001", "partners", "els", "een fout\u2028in de\nbron")
    append(settings, "published", "council-0001", "council", "els", marts_file=marts_file("b", is_pending=None))
    values = published_values(settings)
    assert values.groupby("release_id")["is_pending"].agg(["size", "all"]).to_dict("index") == {
        "council-0001": {"size": 11, "all": False},
        "partners-0001": {"size": 11, "all": True},
    }
    assert set(published_values(settings, ["council"])["number"]) == {3}
    assert published_values(settings, ["nobody"]).columns.tolist() == values.columns.tolist()
    assert [each.reason for each in entries(settings)] == [None, "een fout\u2028in de\nbron", None]


def test_each_line_holds_the_hash_of_the_one_before(settings, marts_file):
    file = marts_file()
    made = [
        append(settings, "candidate", "partners-0001", "partners", "els", marts_file=file),
        append(settings, "approved", "partners-0001", "partners", "jan"),
        append(settings, "published", "partners-0001", "partners", "jan", marts_file=file),
    ]
    assert made == entries(settings)
    assert [each.number for each in made] == [1, 2, 3]
    assert [each.previous for each in made] == [BEGINNING, made[0].hash, made[1].hash]
    assert [each.pattern_hash for each in made] == [pattern_hash(file), None, pattern_hash(file)]


def test_the_pattern_tells_what_is_hidden_or_waits_and_no_figure(marts_file):
    first = pattern_hash(marts_file("a"))
    assert pattern_hash(marts_file("b", n=21)) == first
    assert pattern_hash(marts_file("c", status="suppressed_secondary")) != first
    assert pattern_hash(marts_file("d", is_pending=True)) != first


def _history(settings: Settings, marts_file: Callable[..., Path]) -> Path:
    for number in (1, 2):
        append(settings, "candidate", f"partners-000{number}", "partners", "els")
        append(
            settings,
            "published",
            f"partners-000{number}",
            "partners",
            "jan",
            marts_file=marts_file(str(number), 20 + number),
        )
    assert verify(settings) == []
    return settings.ledger / "chain.jsonl"


def _edit(lines: list[str]) -> list[str]:
    return [*lines[:1], lines[1].replace('"by": "jan"', '"by": "els"'), *lines[2:]]


def _edit_with_its_hash(lines: list[str]) -> list[str]:
    import hashlib

    line = json.loads(lines[1]) | {"by": "els"}
    line.pop("hash")
    text = json.dumps(line, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    line["hash"] = hashlib.sha256(text.encode()).hexdigest()
    return [*lines[:1], json.dumps(line), *lines[2:]]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_edit, "line 2 of the ledger (partners-0001, published) was changed"),
        (_edit_with_its_hash, "line 3 of the ledger does not follow on the line before it"),
        (lambda lines: [lines[0], *lines[2:]], "line 2 of the ledger says that it is number 3: a line was removed"),
        (lambda lines: [lines[1], lines[0], *lines[2:]], "line 1 of the ledger says that it is number 2"),
        (lambda lines: [*lines, lines[-1]], "line 5 of the ledger says that it is number 4"),
        (lambda lines: [lines[0], "{}", *lines[2:]], "cannot be read: it was changed"),
        (lambda lines: [lines[0], lines[1][:-1] + ', "more": 1}', *lines[2:]], "cannot be read: it was changed"),
    ],
)
def test_a_changed_line_is_found(settings, marts_file, change, sentence):
    chain = _history(settings, marts_file)
    chain.write_text("\n".join(change(chain.read_text().splitlines())) + "\n")
    assert any(sentence in problem for problem in verify(settings)), verify(settings)


def test_changed_or_removed_values_are_found_and_never_used(settings, marts_file):
    _history(settings, marts_file)
    path = settings.ledger / "values" / "partners-0001.parquet"
    frame = pd.read_parquet(path)
    frame.loc[0, "value"] = 21.0
    frame.to_parquet(path)
    assert verify(settings) == [
        f"the values that left with partners-0001 were changed: put {path} back from a copy",
    ]
    with pytest.raises(LedgerError, match="were changed"):
        published_values(settings)
    path.unlink()
    assert "are gone" in verify(settings)[0]


def test_lines_removed_at_the_end_show_by_the_release_and_signature_they_left_behind(settings, marts_file):
    chain = _history(settings, marts_file)
    record = settings.releases / "partners-0002" / "release.json"
    record.parent.mkdir(parents=True)
    record.write_text("{}")
    settings.approvals.mkdir()
    (settings.approvals / "partners-0001.json").write_text("{}")
    chain.write_text("\n".join(chain.read_text().splitlines()[:2]) + "\n")
    found = verify(settings)
    assert "does not know partners-0002" in found[0]
    assert "does not know that partners-0001 was approved, but it is signed" in found[1]
    chain.unlink()
    assert "does not know partners-0002" in verify(settings)[0]


def test_a_line_that_was_cut_off_stops_everything_with_a_clear_word(settings, marts_file):
    chain = _history(settings, marts_file)
    whole = chain.read_bytes()
    chain.write_bytes(whole + whole[: len(whole) // 8])
    assert "was cut off while it was written" in verify(settings)[0]
    for use in (entries, published_values, lambda each: append(each, "candidate", "partners-0003", "partners", "els")):
        with pytest.raises(LedgerError, match="remove that line"):
            use(settings)
    chain.write_bytes(whole)
    assert append(settings, "candidate", "partners-0003", "partners", "els").number == 5


def test_values_without_a_line_count_for_nothing_and_are_written_anew(settings, marts_file):
    left = settings.ledger / "values" / "partners-0001.parquet"
    left.parent.mkdir(parents=True)
    left.write_text("half a file")
    assert (verify(settings), published_values(settings).empty) == ([], True)
    append(settings, "published", "partners-0001", "partners", "els", marts_file=marts_file())
    assert verify(settings) == []
    assert len(published_values(settings)) == 11
    assert [path.name for path in left.parent.iterdir()] == [left.name]


def test_a_release_leaves_once_and_with_its_figures(settings, marts_file):
    with pytest.raises(LedgerError, match="without its marts file"):
        append(settings, "published", "partners-0001", "partners", "els")
    append(settings, "published", "partners-0001", "partners", "els", marts_file=marts_file("a"))
    with pytest.raises(LedgerError, match="has been published before"):
        append(settings, "published", "partners-0001", "partners", "els", marts_file=marts_file("b", 27))
    assert set(published_values(settings).query("column_name == 'n'")["value"]) == {20.0, 11.0, 40.0}


def test_an_earlier_moment_knows_what_had_left_by_then_and_adds_nothing(settings, marts_file):
    append(settings, "published", "partners-0001", "partners", "els", marts_file=marts_file())
    before = settings.at(datetime(2020, 1, 1))
    assert (entries(before), published_values(before).empty) == ([], True)
    assert len(entries(settings.at(datetime(2100, 1, 1)))) == 1
    with pytest.raises(LedgerError, match="earlier moment"):
        append(before, "candidate", "partners-0002", "partners", "els")


def _add(settings: Settings, name: str) -> None:
    for _ in range(10):
        append(settings, "candidate", name, "partners", "els")


def test_two_programs_write_one_chain(settings):
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_add, args=(settings, f"partners-000{number}")) for number in (1, 2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert verify(settings) == []
    assert len(entries(settings)) == 20
