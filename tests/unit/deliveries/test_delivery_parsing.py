"""Texts become values: SQL against plain Python, over many texts."""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.deliveries import parsing
from pipeline.deliveries.contract import load_contracts

CONNECTION = duckdb.connect()


def value(expression: str, text: str | None) -> Any:
    return CONNECTION.execute(f"select {expression} from (select ?::varchar as cell)", [text]).fetchone()[0]


@given(st.dates(date(1, 1, 1), date(9999, 12, 31)))
def test_dates_are_read_in_every_form(day: date):
    year = f"{day.year:04d}"
    for text in (
        f"{year}-{day.month:02d}-{day.day:02d}",
        f"{year}-{day.month:02d}-{day.day:02d}T00:00:00",
        f"{year}-{day.month:02d}-{day.day:02d} 00:00:00.000",
        f"{day.day:02d}-{day.month:02d}-{year}",
        f"{day.day}-{day.month}-{year}",
        f"{day.day}/{day.month}/{year}",
        f"{day.day:02d}/{day.month:02d}/{year}",
    ):
        assert value(parsing.date("cell"), text) == day, text


@given(st.from_regex(r"[0-9]{1,4}[-/. ][0-9]{1,2}[-/. ][0-9]{1,4}", fullmatch=True))
@example("31-02-2024")
@example("29-02-2023")
@example("2024-13-01")
@example("12-31-2024")
@example("1-7/2024")
@example("31.12.2024")
@example("1-7-24")
@example("2024-01-01 09:30:00")
def test_what_is_no_date_is_not_read_as_one(text: str):
    read = value(parsing.date("cell"), text)
    if read is None:
        return
    numbers = [int(part) for part in text.replace("/", "-").split("-")]
    year, month, day = numbers if len(text.replace("/", "-").split("-")[0]) == 4 else reversed(numbers)
    assert read == date(year, month, day)


@pytest.mark.parametrize("text", ["31-02-2024", "2024-13-01", "1-7/2024", "31.12.2024", "1-7-24", "gisteren", "", None])
def test_these_are_no_dates(text):
    assert value(parsing.date("cell"), text) is None


@given(st.integers(-(10**17), 10**17), st.sampled_from(["", ",0", ".0", ",00", ".00"]))
def test_whole_numbers_are_read(number: int, decimals: str):
    assert value(parsing.integer("cell"), f"{number}{decimals}") == number


@pytest.mark.parametrize("text", ["1.000", "1,5", "1e3", "vijf", "1 000", "--1", "", "0x10", "1_000", None, "9" * 19])
def test_these_are_no_whole_numbers(text):
    assert value(parsing.integer("cell"), text) is None


@given(st.sampled_from(["ja", "j", "true", "1", "nee", "n", "false", "0"]), st.randoms())
def test_yes_and_no_are_read_in_any_case(word: str, random):
    text = "".join(random.choice((sign.upper(), sign)) for sign in word)
    assert value(parsing.boolean("cell"), text) is (word in ("ja", "j", "true", "1"))


@pytest.mark.parametrize("text", ["yes", "2", "misschien", "", None])
def test_these_are_neither_yes_nor_no(text):
    assert value(parsing.boolean("cell"), text) is None


@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99), st.booleans(), st.booleans())
def test_times_become_hours_and_minutes(hour: int, minute: int, second: int, with_seconds: bool, padded: bool):
    text = f"{hour:02d}:{minute:02d}" if padded else f"{hour}:{minute:02d}"
    text += f":{second:02d}" if with_seconds else ""
    is_time = hour < 24 and minute < 60 and (second < 60 or not with_seconds)
    assert value(parsing.time("cell"), text) == (f"{hour:02d}:{minute:02d}" if is_time else None)


@given(st.integers(0, 9999), st.integers(0, 99))
def test_months_are_year_and_month(year: int, month: int):
    text = f"{year:04d}-{month:02d}"
    assert value(parsing.month("cell"), text) == (text if 1 <= month <= 12 else None)


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


@given(st.text())
def test_a_literal_is_the_text_itself(text: str):
    text = text.replace("\0", "")
    assert CONNECTION.execute(f"select {parsing.literal(text)}").fetchone()[0] == text
