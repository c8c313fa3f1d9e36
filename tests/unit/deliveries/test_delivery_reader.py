"""CSV files of any honest dress give the same table; broken ones give a finding."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import duckdb
import pytest
from handmade_deliveries import found
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.deliveries.findings import DeliveryFault
from pipeline.deliveries.intake import receive
from pipeline.deliveries.package import Resource
from pipeline.deliveries.reader import read_table

KNOWN = ("gesprek_id", "vraag", "antwoord")


def read(path: Path, content: bytes, **declared: str | None) -> list[tuple]:
    """Row numbers, number of cells, surplus and cells, as read."""
    path.write_bytes(content)
    dialect = {"delimiter": None, "quote": None, "encoding": None} | declared
    connection = duckdb.connect()
    raw = read_table(connection, Resource("antwoorden", path, "", **dialect), "raw", KNOWN)
    assert raw.positions(KNOWN) == {name: number for number, name in enumerate(KNOWN)}
    return connection.execute("select * from raw order by row_number").fetchall()


@pytest.mark.parametrize("separator", [";", ",", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_encodings_and_separators_are_recognised(tmp_path: Path, separator, encoding, line_end):
    lines = [" Gesprek_ID ", '"VRAAG"', "antwoord"], ["é1", '"a;b,c\td ""e"""', ""], ["€2", " x ", "3"]
    content = line_end.join(separator.join(line) for line in lines).encode(encoding)
    rows = read(tmp_path / "file.csv", content)
    assert [row[:3] for row in rows] == [(1, 3, None), (2, 3, None)]
    assert rows[0][3:] == ("é1", 'a;b,c\td "e"', None)
    assert [cell.strip() for cell in rows[1][3:]] == ["€2", "x", "3"]


@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_whole_deliveries_in_every_dress_are_accepted(make, settings, separator, vault_rows):
    seen = []
    for version, encoding in enumerate(("utf-8-sig", "utf-16", "cp1252"), start=1):
        delivery = make("boost", version=version, separator=separator, encoding=encoding, line_end="\r\n")
        delivery.tables["duiding"][0]["verhaal"] = "Één keer per week, ‘s avonds; € 3"
        assert receive(delivery.write(), settings).status == "accepted"
        seen.append([{**row, "version": 0} for row in vault_rows("duiding", "boost", version=version)])
    assert seen[0] == seen[1] == seen[2]
    assert seen[0][0]["verhaal"] == "Één keer per week, ‘s avonds; € 3"


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.lists(st.text(st.sampled_from("ab ;,\t\"\n'é€\u00a0\\#")), min_size=3, max_size=3), min_size=1, max_size=6
    ),
    st.sampled_from(";,\t"),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_the_fast_way_and_the_careful_way_read_the_same(tmp_path_factory, rows, separator, quoting, line_end):
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=separator, quoting=quoting, lineterminator=line_end)
    writer.writerows([KNOWN, *rows])
    path = tmp_path_factory.mktemp("reader") / "file.csv"
    fast = read(path, buffer.getvalue().encode())
    careful = read(path, buffer.getvalue().encode("utf-16"))
    tidy = [[tuple((cell or "").strip(" \t\n\u00a0") for cell in row[3:]) for row in side] for side in (fast, careful)]
    filled = [[row for row in side if any(row)] for side in tidy]
    written = [tuple(cell.strip(" \t\n\u00a0") for cell in row) for row in rows]
    assert filled[0] == filled[1] == [row for row in written if any(row)]
    assert [row[0] for row in fast] == [row[0] for row in careful]


def test_short_and_long_rows_are_kept_with_their_number(tmp_path: Path):
    content = b"gesprek_id;vraag;antwoord\na;b;1\nc;d\n\ne;f;2;;\ng;h;3;x;y\n   \ni;j;4\n"
    rows = read(tmp_path / "file.csv", content)
    assert rows == [
        (1, 3, None, "a", "b", "1"),
        (2, 2, None, "c", "d", None),
        (3, 3, None, "e", "f", "2"),  # empty cells at the end are no surplus
        (4, 5, "x y", "g", "h", "3"),
        (5, 3, None, "i", "j", "4"),
    ]


def test_blank_lines_before_the_headings_do_not_count(tmp_path: Path):
    assert read(tmp_path / "file.csv", b"\n \ngesprek_id;vraag;antwoord\na;b;1\n") == [(1, 3, None, "a", "b", "1")]


def test_the_descriptor_decides_where_it_tells(tmp_path: Path):
    content = b"gesprek_id,vraag,antwoord\n'a,b',c,\xe9\n"
    (row,) = read(tmp_path / "file.csv", content, delimiter=",", quote="'", encoding="windows-1252")
    assert row[3:] == ("a,b", "c", "é")


def test_a_file_name_may_look_like_a_pattern(tmp_path: Path):
    assert read(tmp_path / "file[1]*.csv", b"gesprek_id;vraag;antwoord\na;b;1\n") == [(1, 3, None, "a", "b", "1")]


@pytest.mark.parametrize(
    ("content", "declared", "rule"),
    [
        (b"", {}, "unreadable_file"),
        (b"\n \n", {}, "unreadable_file"),
        (b"\xef\xbb\xbf", {}, "unreadable_file"),
        (b'gesprek_id;vraag;antwoord\na;"b;1\nc;d;2\n', {}, "unreadable_file"),
        (b'gesprek_id;vraag;antwoord\na;"b" c;1\n', {}, "unreadable_file"),
        (b'"gesprek_id;vraag;antwoord\n', {}, "unreadable_file"),
        (b"gesprek_id;vraag;antwoord\n\xe9;b;1\n", {"encoding": "utf-8"}, "unreadable_file"),
        (b"gesprek_id;vraag;antwoord\n\x81;b;1\n", {}, "unreadable_file"),
        (b"gesprek_id;vraag;antwoord\na;b;1\n", {"encoding": "ebcdic"}, "unreadable_file"),
        (b"\xff\xfea", {}, "unreadable_file"),
        (b"gesprek_id;vraag;Antwoord;antwoord\n", {}, "duplicate_column"),
        (b"PK\x03\x04 a workbook", {}, "workbook"),
        (b"\xd0\xcf\x11\xe0 an old workbook", {}, "workbook"),
    ],
)
def test_files_that_cannot_be_read_give_a_finding(tmp_path: Path, content, declared, rule):
    with pytest.raises(DeliveryFault) as fault:
        read(tmp_path / "file.csv", content, **declared)
    assert fault.value.finding.rule == rule
    assert fault.value.finding.table == "antwoorden"


def test_a_broken_quote_is_told_with_its_row(tmp_path: Path):
    rows = "".join(f"a{number};b;1\n" for number in range(25_000))
    content = f'gesprek_id;vraag;antwoord\n{rows}x;"y;1\n'.encode()
    with pytest.raises(DeliveryFault) as fault:
        read(tmp_path / "file.csv", content)
    assert "rij 25001" in fault.value.finding.sentence


def test_row_numbers_follow_the_file_when_it_is_large(tmp_path: Path):
    lines = "".join(f"{number};b;1\n" for number in range(1, 300_001))
    path = tmp_path / "file.csv"
    path.write_text(f"gesprek_id;vraag;antwoord\n{lines}")
    connection = duckdb.connect()
    for number, encoding in enumerate((None, "windows-1252")):  # the fast way, the careful way
        read_table(connection, Resource("antwoorden", path, "", None, None, encoding), f"raw_{number}", KNOWN)
        wrong = f"select count(*), count(*) filter (c0::bigint <> row_number) from raw_{number}"
        assert connection.execute(wrong).fetchone() == (300_000, 0)


def test_a_workbook_is_rejected_with_what_to_do(make, settings):
    outcome = receive(make("boost", texts={"bezoek": b"PK\x03\x04"}).write(), settings)
    assert outcome.status == "rejected"
    assert found(outcome) == {("workbook", "bezoek", None)}
    assert "CSV" in outcome.findings[0].sentence


def test_empty_rows_at_the_end_do_not_count(make, settings):
    delivery = make("boost")
    delivery.texts["bezoek"] = delivery.content("bezoek") + b";;;;;\n" * 30 + b"\n\n"
    outcome = receive(delivery.write(), settings)
    assert outcome.status == "accepted"
    assert outcome.tables["bezoek"].received == 60


def test_extra_columns_are_named_and_ignored(make, settings, vault_rows):
    delivery = make("boost")
    for row in delivery.tables["bezoek"]:
        row |= {"opmerking": "druk", "": "", "x1=2": "3"}
    outcome = receive(delivery.write(), settings)
    assert outcome.status == "accepted"
    (finding,) = outcome.findings
    assert (finding.level, finding.rule, finding.table) == ("notice", "extra_column", "bezoek")
    assert finding.sentence.endswith(": opmerking, kolom 9.")
    assert "opmerking" not in vault_rows("bezoek", "boost")[0]


def test_a_file_without_headings_repeats_none_of_its_first_row(make, settings):
    delivery = make("tom")
    delivery.texts["clienten"] = delivery.content("clienten").split(b"\n", 1)[1]
    outcome = receive(delivery.write(), settings)
    assert outcome.status == "rejected"
    assert ("missing_column", "clienten", "client_id") in found(outcome)
    assert "C-000001" not in outcome.receipt.read_text()
