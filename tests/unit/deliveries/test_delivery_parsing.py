"""Texts become values: SQL against plain Python, over many texts."""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.deliveries import parsing
from pipeline.deliveries.contract import load_contracts

CONNECTION = duckdb.connect()


def value(expression: str, text: str | None) -> Any:
    return CONNECTION.execute(f"select {expression} from (select ?::varchar as cell)", [text]).fetchone()[0]


def values(expression: str, texts: list[str]) -> list[Any]:
    rows = CONNECTION.execute(f"select {expression} from (select unnest(?::varchar[]) as cell)", [texts]).fetchall()
    return [row[0] for row in rows]


@settings(deadline=None)
@given(st.dates(date(1, 1, 1), date(9999, 12, 31)))
def test_dates_are_read_in_every_form(day: date):
    year = f"{day.year:04d}"
    texts = [
        f"{year}-{day.month:02d}-{day.day:02d}",
        f"{year}-{day.month:02d}-{day.day:02d}T00:00:00",
        f"{year}-{day.month:02d}-{day.day:02d} 00:00:00.000",
        f"{day.day:02d}-{day.month:02d}-{year}",
        f"{day.day}-{day.month}-{year}",
        f"{day.day}/{day.month}/{year}",
        f"{day.day:02d}/{day.month:02d}/{year}",
        f"{day.day}.{day.month}.{year}",
        f"{day.day:02d}-{day.month:02d}-{year} 00:00:00",
        f"{day.day}-{day.month}-{year} 0:00",
    ]
    assert values(parsing.date("cell"), texts) == [day] * len(texts)


@given(st.from_regex(r"[0-9]{1,4}[-/. ][0-9]{1,2}[-/. ][0-9]{1,4}", fullmatch=True))
@example("31-02-2024")
@example("29-02-2023")
@example("2024-13-01")
@example("12-31-2024")
@example("1-7/2024")
@example("1.7-2024")
@example("1-7-24")
@example("2024-01-01 09:30:00")
def test_what_is_no_date_is_not_read_as_one(text: str):
    read = value(parsing.date("cell"), text)
    if read is None:
        return
    parts = text.replace("/", "-").replace(".", "-").split("-")
    year, month, day = map(int, parts if len(parts[0]) == 4 else reversed(parts))
    assert read == date(year, month, day)


@pytest.mark.parametrize(
    "text",
    [
        "31-02-2024",
        "2024-13-01",
        "1-7/2024",
        "1.7-2024",
        "2024.12.31",
        "1-7-24",
        "1-7-2024 9:30",
        "45657",
        "gisteren",
        "",
    ],
)
def test_these_are_no_dates(text):
    assert value(parsing.date("cell"), text) is None


@given(st.integers(-(10**17), 10**17), st.sampled_from(["", ",0", ".0", ",00", ".00"]))
def test_whole_numbers_are_read(number: int, decimals: str):
    assert value(parsing.integer("cell"), f"{number}{decimals}") == number


@pytest.mark.parametrize("text", ["1.000", "1,5", "1e3", "vijf", "1 000", "--1", "", "0x10", "1_000", None, "9" * 19])
def test_these_are_no_whole_numbers(text):
    assert value(parsing.integer("cell"), text) is None


@given(st.sampled_from(["ja", "j", "true", "waar", "1", "nee", "n", "false", "onwaar", "0"]), st.randoms())
def test_yes_and_no_are_read_in_any_case(word: str, random):
    text = "".join(random.choice((sign.upper(), sign)) for sign in word)
    assert value(parsing.boolean("cell"), text) is (word in ("ja", "j", "true", "waar", "1"))


@pytest.mark.parametrize("text", ["yes", "2", "misschien", "", None])
def test_these_are_neither_yes_nor_no(text):
    assert value(parsing.boolean("cell"), text) is None


@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99), st.booleans(), st.booleans())
def test_times_become_hours_and_minutes(hour: int, minute: int, second: int, with_seconds: bool, padded: bool):
    text = f"{hour:02d}:{minute:02d}" if padded else f"{hour}:{minute:02d}"
    text += f":{second:02d}" if with_seconds else ""
    is_time = hour < 24 and minute < 60 and (second < 60 or not with_seconds)
    assert value(parsing.time("cell"), text) == (f"{hour:02d}:{minute:02d}" if is_time else None)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 9999), st.integers(0, 99), st.randoms())
def test_months_are_read_in_every_form(year: int, month: int, random):
    texts = [f"{year:04d}-{month:02d}", f"{year:04d}/{month:02d}", f"{month:02d}-{year:04d}", f"{month:02d}/{year:04d}"]
    if month < 10:
        texts += [f"{year:04d}-{month}", f"{month}-{year:04d}"]
    is_month = 1 <= month <= 12
    if is_month:
        name = random.choice([parsing.MONTHS[month - 1], parsing.MONTHS[month - 1].title()])
        texts += [f"{name} {year:04d}", f"{name[:3]}-{year:04d}", f"1-{month}-{year:04d}", f"{year:04d}-{month:02d}-01"]
    expected = f"{year:04d}-{month:02d}" if is_month else None
    assert values(parsing.month("cell"), texts) == [expected] * len(texts)


def test_march_may_be_shortened_as_the_dutch_do():
    assert value(parsing.month("cell"), "mrt 2024") == "2024-03"


@pytest.mark.parametrize(
    "text", ["jan-24", "01-24", "2024", "2024-13", "13-2024", "2-1-2024", "2024-01-31", "okta 2024", ""]
)
def test_these_are_no_months(text):
    assert value(parsing.month("cell"), text) is None


@given(st.text(), st.text(alphabet=" \t\r\n\u00a0", max_size=3), st.text(alphabet=" \t\u00a0\ufeff", max_size=3))
@example("", " ", "")
@example("'; drop table x; --", "", "")
def test_blanks_around_a_cell_do_not_count(text: str, before: str, after: str):
    text = text.replace("\0", "")
    expected = text.strip(" \t\r\n\u00a0\ufeff")
    assert value(parsing.trimmed("cell"), before + text + after) == (expected or None)


def test_codes_are_written_as_the_list_writes_them():
    column = load_contracts()["clienten"].column("wijkcode")
    assert value(parsing.typed("cell", column), "wk048401") == "WK048401"
    assert value(parsing.typed("cell", column), "WK999999") is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("02", "02"),
        ("2", "02"),
        ("2.0", "02"),
        ("2,0", "02"),
        ("32.0", "32"),
        ("002", None),
        ("0", None),
        ("2.5", None),
    ],
)
def test_codes_may_have_lost_their_zeros(text, code):
    column = load_contracts()["dossiers"].column("reden_sluiting")
    assert value(parsing.typed("cell", column), text) == code


def test_a_code_without_its_zeros_is_only_taken_when_it_can_be_one():
    assert value(parsing.code("cell", ("01", "001", "1x")), "1") is None
    assert value(parsing.code("cell", ("01", "1")), "1") == "1"


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "=",
        "=> meer",
        "＝1",
        "+A1",
        "-A1+A2",
        "@SUM(A1)",
        "-2+3+cmd|' /C calc'!A0",
        "- SOM(A1:A2)",
        "+cmd|x y",
        "@jan",
    ],
)
def test_these_would_run_as_a_formula(text):
    assert value(parsing.is_formula("cell"), text) is True


@pytest.mark.parametrize(
    "text",
    [
        "- Meer inwoners weten ons te vinden.",
        "-meer bezoek dan vorig jaar",
        "+ 3 plekken, met cliënt(en) en hun netwerk",
        "+3 procent",
        "-5",
        "-5,5%",
        "+31 612345678",
        "-",
        "-/-",
        "a=b",
        "C-000123",
        "'=1",
        "",
    ],
)
def test_sentences_and_numbers_are_no_formulas(text):
    assert value(parsing.is_formula("cell"), text) is False


@pytest.mark.parametrize("text", ["#N/A", "#N/B", "#VERW!", "#DEEL/0!", "#NAAM?"])
def test_errors_of_excel_are_known(text):
    assert value(parsing.is_excel_error("cell"), text) is True
    assert value(parsing.is_excel_error("cell"), text + " ") is False


@pytest.mark.parametrize(
    ("text", "is_rounded"),
    [("1,23457E+17", True), ("1.2e+08", True), ("1E+05", True), ("C1E+05", False), ("E-12", False)],
)
def test_rounded_identifiers_are_known(text, is_rounded):
    assert value(parsing.is_rounded("cell"), text) is is_rounded


@given(st.text())
def test_a_literal_is_the_text_itself(text: str):
    text = text.replace("\0", "")
    assert CONNECTION.execute(f"select {parsing.literal(text)}").fetchone()[0] == text
