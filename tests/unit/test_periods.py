import time
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.periods import HalfYear, as_utc, between, day_of, last_complete, local_time, parse_moment, today

_DUTCH = ZoneInfo("Europe/Amsterdam")
half_years = st.builds(HalfYear, st.integers(2015, 2100), st.sampled_from([1, 2]))
days = st.dates(date(2015, 1, 1), date(2100, 12, 31))


@given(half_years)
def test_name_and_partition_key_come_back_as_the_same_half_year(period):
    assert HalfYear.parse(str(period)) == period
    assert HalfYear.from_partition_key(period.partition_key) == period


@given(days)
def test_a_day_lies_within_its_half_year(day):
    period = HalfYear.containing(day)
    assert period.starts_on <= day <= period.ends_on


@given(half_years, st.integers(-20, 20))
def test_half_years_follow_each_other_without_gap(period, steps):
    assert period.shift(1).starts_on == period.ends_on + timedelta(days=1)
    assert period.shift(steps).shift(-steps) == period
    assert (period.shift(steps) > period) == (steps > 0)


@pytest.mark.parametrize("text", ["2024", "2024-H3", "2024-h1", "24-H1", "2014-H2", "2024-H1 ", ""])
def test_other_texts_are_refused_with_the_text_in_the_message(text):
    with pytest.raises(ValueError, match=text.strip() or "half-year"):
        HalfYear.parse(text)


def test_last_complete_is_the_one_that_has_ended():
    assert str(last_complete(date(2026, 6, 30))) == "2025-H2"
    assert str(last_complete(date(2026, 7, 1))) == "2026-H1"


def test_the_day_is_that_of_the_municipality():
    # an hour before midnight in UTC the month, the year and the half-year have turned in the Netherlands
    assert day_of(datetime(2026, 12, 31, 22, 59, 59)) == date(2026, 12, 31)
    assert day_of(datetime(2026, 12, 31, 23)) == date(2027, 1, 1)
    assert day_of(datetime(2026, 6, 30, 22)) == date(2026, 7, 1)


@given(days)
def test_the_end_of_a_day_lies_on_that_day(day):
    end = parse_moment(str(day))
    assert (day_of(end), day_of(end + timedelta(microseconds=1))) == (day, day + timedelta(days=1))


def test_a_moment_without_an_offset_is_utc_and_read_on_the_clock_of_the_municipality():
    assert as_utc(datetime.fromisoformat("2024-08-15T14:30:00+02:00")) == datetime(2024, 8, 15, 12, 30)
    assert as_utc(datetime(2024, 8, 15, 12, 30)) == datetime(2024, 8, 15, 12, 30)
    assert f"{local_time(datetime(2024, 8, 15, 12, 30)):%H:%M}" == "14:30"
    assert f"{local_time(datetime(2024, 1, 15, 12, 30)):%H:%M}" == "13:30"


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/Los_Angeles"])
def test_today_is_that_of_the_municipality_wherever_the_machine_stands(zone, monkeypatch):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        before, found, after = datetime.now(_DUTCH).date(), today(), datetime.now(_DUTCH).date()
    finally:
        monkeypatch.undo()
        time.tzset()
    assert found in (before, after)  # a midnight may pass between them


def test_between_includes_both_ends():
    first, last = HalfYear.parse("2023-H2"), HalfYear.parse("2025-H1")
    assert [str(period) for period in between(first, last)] == ["2023-H2", "2024-H1", "2024-H2", "2025-H1"]


def test_a_bare_day_is_its_end_in_the_municipality_in_summer_and_winter():
    assert parse_moment("2024-08-15").isoformat() == "2024-08-15T21:59:59.999999"
    assert parse_moment("2024-12-31").isoformat() == "2024-12-31T22:59:59.999999"
    # the night in which the clock changes
    assert parse_moment("2024-03-30").isoformat() == "2024-03-30T22:59:59.999999"


def test_a_moment_is_utc_or_has_its_offset():
    for text in ("2024-08-15T12:30:00", "2024-08-15T12:30:00Z", "2024-08-15T14:30:00+02:00", "2024-08-15 12:30"):
        assert parse_moment(text) == datetime(2024, 8, 15, 12, 30)


@pytest.mark.parametrize("text", ["", "gisteren", "2024", "2024-02-30", "15-08-2024", "9999-12-31", "2024-08-15T25:00"])
def test_other_moments_are_refused_with_the_right_form(text):
    with pytest.raises(ValueError, match="write it as 2024-08-15"):
        parse_moment(text)
