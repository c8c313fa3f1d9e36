"""CSV files of any honest dress give the same table, with headings as people type them; broken ones give a finding."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import duckdb
import pytest
from handmade_deliveries import found
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.deliveries import delimited, headings
from pipeline.deliveries.contract import contracts_for, load_contracts
from pipeline.deliveries.findings import DeliveryFault
from pipeline.deliveries.intake import judge_delivery, receive
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
    numbered = [
        [(row[0], cells) for row, cells in zip(side, tidied, strict=True) if any(cells)]
        for side, tidied in zip((fast, careful), tidy, strict=True)
    ]
    written = [tuple(cell.strip(" \t\n\u00a0") for cell in row) for row in rows]
    assert numbered[0] == numbered[1] == [(n, row) for n, row in enumerate(written, start=1) if any(row)]


def test_short_and_long_rows_are_kept_with_their_number(tmp_path: Path):
    content = b"gesprek_id;vraag;antwoord\na;b;1\nc;d\ne;f;2;;\ng;h;3;x;y\ni;j;4\n"
    rows = read(tmp_path / "file.csv", content)
    assert rows == [
        (1, 3, None, "a", "b", "1"),
        (2, 2, None, "c", "d", None),
        (3, 3, None, "e", "f", "2"),  # empty cells at the end are no surplus
        (4, 5, "x y", "g", "h", "3"),
        (5, 3, None, "i", "j", "4"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("blank", ["", "   ", ";;"])
def test_blank_lines_count_as_rows_so_that_people_find_the_row(tmp_path: Path, encoding, line_end, blank):
    lines = ["gesprek_id;vraag;antwoord", "a;b;1", blank, blank, '"c";d;2', blank, "e;f;3", blank, blank]
    rows = read(tmp_path / "file.csv", line_end.join(lines).encode(encoding))
    assert [(row[0], row[3]) for row in rows if row[3]] == [(1, "a"), (4, "c"), (6, "e")]


def test_blank_lines_are_seen_where_blocks_of_the_file_meet(tmp_path: Path, monkeypatch):
    path = tmp_path / "file.csv"
    for size in range(1, 9):
        monkeypatch.setattr(delimited, "_BLOCK", size)
        rows = read(path, b"gesprek_id;vraag;antwoord\r\na;b;1\r\n\r\nc;d;2\r\n\r\n\r\n")
        assert [(row[0], row[3]) for row in rows] == [(1, "a"), (3, "c")]


def test_blank_lines_before_the_headings_do_not_count(tmp_path: Path):
    assert read(tmp_path / "file.csv", b"\n \ngesprek_id;vraag;antwoord\na;b;1\n") == [(1, 3, None, "a", "b", "1")]


def test_the_descriptor_decides_where_it_tells(tmp_path: Path):
    content = b"gesprek_id,vraag,antwoord\n'a,b',c,\xe9\n"
    (row,) = read(tmp_path / "file.csv", content, delimiter=",", quote="'", encoding="windows-1252")
    assert row[3:] == ("a,b", "c", "é")


@pytest.mark.parametrize("order", ["utf-16-le", "utf-16-be"])
def test_declared_sixteen_bits_need_no_mark(tmp_path: Path, order):
    content = "gesprek_id;vraag;antwoord\na;é;1\n".encode(order)
    (row,) = read(tmp_path / "file.csv", content, encoding="UTF-16")
    assert row[3:] == ("a", "é", "1")


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
        (b"gesprek_id;vraag;antwoord\na;b\0;1\n", {}, "unreadable_file"),
        (b"gesprek_id;vraag;antwoord\na;b;1\n" + b"\0" * 9_000, {}, "unreadable_file"),
        (b"\0" * 9_000, {}, "unreadable_file"),
        (b"gesprek_id;" * 16_385, {}, "unreadable_file"),
        (b"Antwoorden 2024\n\ngesprek_id;vraag;antwoord\na;b;1\n", {}, "title_rows"),
        (b"Antwoorden 2024;;\n;;\ngesprek_id;vraag;antwoord\na;b;1\n", {}, "title_rows"),
        (b"gesprek id;vraag;antwoord;Gesprek-ID *\n", {}, "duplicate_column"),
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


@pytest.mark.parametrize(
    ("content", "last"),
    [
        (b"Antwoorden\ngesprek_id;vraag;antwoord\n", "haal rij 1 weg"),
        (b"\n\nAntwoorden, van januari\n\ngesprek_id,vraag,antwoord\n", "rij 1 tot en met 4 weg"),
    ],
)
def test_title_rows_are_told_with_what_to_take_away(tmp_path: Path, content, last):
    with pytest.raises(DeliveryFault) as fault:
        read(tmp_path / "file.csv", content)
    assert last in fault.value.finding.sentence


@pytest.mark.parametrize("separator", [";", ",", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_the_line_in_which_excel_announces_the_separator_is_used(tmp_path: Path, separator, encoding):
    others = "".join({";", ",", "\t"} - {separator})
    lines = [f"sep={separator}", separator.join(KNOWN), separator.join(("a", f"b{others}", "1"))]
    (row,) = read(tmp_path / "file.csv", "\r\n".join(lines).encode(encoding))
    assert (row[0], row[3], row[5]) == (1, "a", "1")


def test_long_cells_are_read_and_absurd_ones_refused(tmp_path: Path):
    for encoding in ("utf-8", "utf-16"):
        content = f"gesprek_id;vraag;antwoord\na;{'é' * 400_000};1\n".encode(encoding)
        ((_, _, _, _, story, _),) = read(tmp_path / "file.csv", content)
        assert len(story) == 400_000
    with pytest.raises(DeliveryFault) as fault:
        read(tmp_path / "file.csv", f"gesprek_id;vraag;antwoord\nb;c;1\na;{'é' * 1_100_000};1\n".encode("utf-16"))
    assert "rij 2" in fault.value.finding.sentence


def test_a_line_without_end_is_refused(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(delimited, "_LONGEST_LINE", 1_000)
    with pytest.raises(DeliveryFault) as fault:
        read(tmp_path / "file.csv", b"gesprek_id;vraag;antwoord\n\n" + b"a;" * 2_000)
    assert "lang" in fault.value.finding.sentence


def test_thousands_of_columns_are_read_and_searched(make):
    delivery = make("boost")
    lines = delivery.content("bezoek").decode().splitlines()[:10]
    lines = [lines[0] + "".join(f";kolom{n}" for n in range(5_000)), *(line + ";x" * 5_000 for line in lines[1:])]
    lines[7] = lines[7].removesuffix("x") + "jan@voorbeeld.nl"
    delivery.texts["bezoek"] = "\n".join(lines).encode()
    judgement = judge_delivery(delivery.write())
    assert judgement.tables["bezoek"].received == 9
    personal, extra = judgement.findings
    assert (personal.rule, personal.column, personal.rows) == ("personal_data_email", "kolom 5006", (7,))
    assert extra.sentence.endswith("kolom 25, kolom 26 en nog 4.980 andere.")


@pytest.mark.parametrize(
    ("heading", "column"),
    [
        ("Client ID", "client_id"),
        ("cliënt-id", "client_id"),
        ("CLIENTID", "client_id"),
        ("Wijkcode *", "wijkcode"),
        ("Wijkcode:", "wijkcode"),
        ("In zorg sinds", "in_zorg_sinds"),
        ("UIT_ZORG_OP", "uit_zorg_op"),
        ("uit.zorg.op", "uit_zorg_op"),
        ("=client_id", None),
        ("client_id2", None),
        ("client", None),
        ("id client", None),
        ("wijk\u0441ode", None),  # a Cyrillic letter
        ("", None),
    ],
)
def test_headings_are_known_as_people_type_them(heading, column):
    names = contracts_for("tom")["clienten"].names
    assert headings.positions(["iets", heading], names) == ({column: 1} if column else {})


@given(st.sampled_from(sorted({name for each in load_contracts().values() for name in each.names})), st.data())
def test_a_heading_keeps_its_column_whatever_people_vary(name: str, data):
    between = st.sampled_from(["", " ", "_", "-", ".", "  ", "\u00a0", " - "])
    accents = {"e": "ë", "i": "ï", "a": "á", "u": "ü", "o": "ó"}
    typed = ""
    for sign in name:
        if sign == "_":
            typed += data.draw(between)
        else:
            typed += data.draw(st.sampled_from([sign, sign.upper(), accents.get(sign, sign)]))
    typed = (
        data.draw(st.sampled_from(["", " ", "\ufeff"])) + typed + data.draw(st.sampled_from(["", "*", " *", ":", " "]))
    )
    for contract in load_contracts().values():
        assert headings.positions([typed], contract.names) == ({name: 0} if name in contract.names else {})


def test_no_two_columns_of_a_table_look_alike():
    for contract in load_contracts().values():
        assert len({headings.folded(name) for name in contract.names}) == len(contract.names)


def test_a_double_unknown_heading_is_harmless(make, settings):
    delivery = make("boost")
    lines = delivery.content("bezoek").decode().splitlines()
    lines = [lines[0] + ";extra;extra;;", *(line + ";1;2;;" for line in lines[1:])]
    delivery.texts["bezoek"] = "\n".join(lines).encode()
    outcome = receive(delivery.write(), settings)
    assert outcome.status == "accepted"
    assert [finding.rule for finding in outcome.findings] == ["extra_column"]


def test_a_personal_heading_is_found_beside_known_ones(make, settings):
    delivery = make("tom")
    delivery.tables["clienten"] = [
        {"Client-ID *": row.pop("client_id"), **row, "Naam cliënt *": "x"} for row in delivery.tables["clienten"]
    ]
    outcome = receive(delivery.write(), settings)
    assert found(outcome) == {("personal_data_heading", "clienten", "kolom 6"), ("extra_column", "clienten", None)}
    assert "Naam" not in outcome.receipt.read_text()


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
    (finding,) = (each for each in outcome.findings if each.rule == "missing_column")
    assert (finding.table, finding.column) == ("clienten", None)
    assert "kolomnamen" in finding.sentence
    assert "C-000001" not in outcome.receipt.read_text()
