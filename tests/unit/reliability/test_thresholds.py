"""Which thresholds hold on a day, and what their version is called."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from pipeline.periods import today
from pipeline.reliability.judgement import CHECKS
from pipeline.reliability.thresholds import ThresholdError, Thresholds
from pipeline.settings import SEEDS

COLUMNS = ["threshold_code", "value", "valid_from", "valid_to"]
FRAME = pd.DataFrame(
    [
        ("width", 0.2, "2015-01-01", "2023-12-31"),
        ("width", 0.25, "2024-01-01", None),
        ("people", 10, "2015-01-01", None),
        ("new", 3, "2024-07-01", None),
    ],
    columns=COLUMNS,
)


def on(day: str, frame: pd.DataFrame = FRAME) -> Thresholds:
    return Thresholds.on(frame, date.fromisoformat(day))


@pytest.mark.parametrize(
    ("day", "value"), [("2015-01-01", 0.2), ("2023-12-31", 0.2), ("2024-01-01", 0.25), ("2030-01-01", 0.25)]
)
def test_the_value_is_that_of_the_day_first_and_last_days_included(day, value):
    assert on(day)["width"] == value


def test_a_threshold_that_does_not_hold_yet_is_an_error_for_who_asks_for_it_only():
    assert on("2024-06-30")["people"] == 10
    with pytest.raises(ThresholdError, match="no value of new holds on 2024-06-30"):
        on("2024-06-30")["new"]


def test_several_values_on_one_day_are_an_error_that_names_the_threshold():
    overlapping = pd.concat([FRAME, pd.DataFrame([("people", 12, "2020-01-01", None)], columns=COLUMNS)])
    assert on("2019-12-31", overlapping)["people"] == 10
    with pytest.raises(ThresholdError, match="several values hold on 2020-01-01 of people"):
        on("2020-01-01", overlapping)


def test_an_empty_value_is_an_error_that_names_the_threshold():
    with pytest.raises(ThresholdError, match="no value is given for people"):
        on("2020-01-01", FRAME.assign(value=[0.2, 0.25, None, 3]))


def test_the_version_is_the_newest_first_day_and_six_digits_of_the_values():
    day, digits = on("2024-01-01").version(["people", "width"]).rsplit("-", 1)
    assert day == "2024-01-01"
    assert len(digits) == 6
    assert int(digits, 16) >= 0
    assert on("2024-01-01").version(["people"]).startswith("2015-01-01-")


def test_the_version_changes_with_its_own_values_only():
    assert on("2023-12-31").version(["people"]) == on("2024-01-01").version(["people"])
    assert on("2023-12-31").version(["people", "width"]) != on("2024-01-01").version(["people", "width"])
    assert on("2024-01-01").version(["people", "width"]) == on("2024-01-01").version(["width", "people", "width"])
    corrected = FRAME.assign(value=[0.2, 0.24, 10, 3])
    assert on("2024-01-01", corrected).version(["width"]) != on("2024-01-01").version(["width"])
    assert on("2024-01-01").version([]) == ""
    with pytest.raises(ThresholdError, match="new"):
        on("2024-01-01").version(["new"])


@pytest.mark.parametrize("of", ["text", "day", "moment"])
def test_days_may_come_from_the_file_or_from_the_warehouse(of):
    frame = FRAME.copy()
    for column in ("valid_from", "valid_to"):
        moments = pd.to_datetime(frame[column])
        frame[column] = {"text": frame[column], "day": moments.dt.date, "moment": moments}[of]
    assert on("2023-12-31", frame).version(["people", "width"]) == on("2023-12-31").version(["people", "width"])


def test_the_seed_has_every_threshold_of_every_check_with_owner_reason_and_source():
    seed = pd.read_csv(SEEDS / "thresholds.csv")
    held = Thresholds.on(seed, today())
    assert all(held.version(check.thresholds) or check.code == "dispositions_complete" for check in CHECKS.values())
    assert seed[["unit", "owner", "reason", "source"]].notna().all(axis=None)
    assert seed["reason"].is_unique
