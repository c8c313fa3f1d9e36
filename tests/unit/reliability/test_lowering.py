"""What a person may do to a verdict: lower it, with a name, a reason and an end; never raise it."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.reliability.judgement import GRADES
from pipeline.reliability.lowering import LoweringError, lower, problems
from pipeline.settings import SEEDS

R, I, N = GRADES  # noqa: E741
DAY = date(2025, 3, 1)
COLUMNS = ["indicator_code", "district_code", "period", "verdict", "reason", "signed_by", "signed_on", "valid_to"]
SIGNED = {
    "indicator_code": "tom_gehoord",
    "district_code": "WK1",
    "period": "2024-H1",
    "verdict": "indicative",
    "reason": "Het team was ziek",
    "signed_by": "de contractmanager",
    "signed_on": "2025-02-03",
    "valid_to": "2025-12-31",
}
VERDICTS = pd.DataFrame(
    [
        ("tom_gehoord", "WK1", "2024-H1", None, R, "Goed.", ""),
        ("tom_gehoord", "WK1", "2024-H1", "two_half_years", R, "Goed.", ""),
        ("tom_gehoord", "WK2", "2024-H1", None, N, "Te weinig.", "effective_n"),
        ("tom_gehoord", "WK1", "2023-H2", None, R, "Goed.", ""),
        ("tom_eigen_regie", "WK1", "2024-H1", None, R, "Goed.", ""),
    ],
    columns=["indicator_code", "district_code", "period", "pooled_over", "verdict", "reason_nl", "deciding"],
)
SENTENCE = "Verlaagd door de contractmanager op 03-02-2025: Het team was ziek. Goed."


def signed(*rows: dict) -> pd.DataFrame:
    return pd.DataFrame([{**SIGNED, **row} for row in rows], columns=COLUMNS)


def lowered(*rows: dict, day: date = DAY) -> list[str]:
    return lower(VERDICTS, signed(*rows), day)["verdict"].tolist()


def test_a_lowering_changes_verdict_reason_and_what_decides_of_its_cell_own_and_pooled():
    found = lower(VERDICTS, signed({}), DAY)
    assert found["verdict"].tolist() == [I, I, N, R, R]
    assert found["reason_nl"].tolist() == [SENTENCE, SENTENCE, "Te weinig.", "Goed.", "Goed."]
    assert found["deciding"].tolist() == ["lowered", "lowered", "effective_n", "", ""]
    pd.testing.assert_frame_equal(found[VERDICTS.columns[:4]], VERDICTS[VERDICTS.columns[:4]])


@pytest.mark.parametrize("empty", ["", None, float("nan")])
def test_an_empty_district_or_period_means_all(empty):
    assert lowered({"district_code": empty, "verdict": N}) == [N, N, N, R, R]
    assert lowered({"period": empty}) == [I, I, N, I, R]
    assert lowered({"district_code": empty, "period": empty}) == [I, I, N, I, R]


@pytest.mark.parametrize(
    ("day", "works"),
    [("2025-02-02", False), ("2025-02-03", True), ("2025-12-31", True), ("2026-01-01", False)],
)
def test_it_works_from_signing_up_to_and_including_its_last_day(day, works):
    assert (lowered({}, day=date.fromisoformat(day))[0] == I) is works


def test_nobody_can_raise():
    rows = signed({"district_code": "WK2"}, {"verdict": "reliable"})
    pd.testing.assert_frame_equal(lower(VERDICTS, rows, DAY), VERDICTS, check_dtype=False)
    assert problems(rows) == ["row 2 asks for reliable, which could only raise a verdict; it changes nothing"]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.fixed_dictionaries({"verdict": st.sampled_from(GRADES), "district_code": st.sampled_from(["", "WK1"])}))
)
def test_whatever_is_signed_no_verdict_gets_better(rows):
    after = lower(VERDICTS, signed(*rows), DAY)["verdict"].map(GRADES.index)
    assert (after >= VERDICTS["verdict"].map(GRADES.index)).all()


def test_of_several_the_lowest_counts_whatever_their_order():
    rows = [{"verdict": N, "reason": "Vragen verwisseld!"}, {"reason": "Later", "signed_on": "2025-02-20"}]
    for order in (rows, rows[::-1]):
        found = lower(VERDICTS, signed(*order), DAY).iloc[0]
        assert found["verdict"] == N
        assert found["reason_nl"] == "Verlaagd door de contractmanager op 03-02-2025: Vragen verwisseld! Goed."


def test_of_equal_ones_the_last_signed_gives_the_reason():
    rows = signed({"reason": "Later", "signed_on": "2025-02-20"}, {})
    assert lower(VERDICTS, rows, DAY)["reason_nl"][0].startswith(
        "Verlaagd door de contractmanager op 20-02-2025: Later."
    )


@pytest.mark.parametrize("column", ["signed_by", "signed_on", "reason", "valid_to", "indicator_code"])
@pytest.mark.parametrize("empty", [None, "", " "])
def test_without_name_date_reason_or_end_nothing_runs(column, empty):
    if column in ("signed_on", "valid_to") and empty == " ":
        empty = pd.NaT
    rows = signed({}, {column: empty})
    with pytest.raises(LoweringError, match=f"^row 2 has no {column}$"):
        lower(VERDICTS, rows, DAY)
    assert problems(rows) == [f"row 2 has no {column}"]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({"verdict": "not_publisable"}, "row 1 has a verdict other than indicative or not_publishable"),
        ({"verdict": None}, "row 1 has a verdict other than indicative or not_publishable"),
        ({"period": "2024H1"}, "row 1 has a period that is no half-year such as 2024-H1"),
    ],
)
def test_what_is_unclear_is_refused(row, fault):
    with pytest.raises(LoweringError, match=fault):
        lower(VERDICTS, signed(row), DAY)
    assert problems(signed(row)) == [fault]


def test_a_row_that_ends_before_it_was_signed_is_listed():
    row = {"valid_to": "2025-02-02"}
    assert lowered(row) == VERDICTS["verdict"].tolist()
    assert problems(signed(row)) == ["row 1 ends before it was signed; it changes nothing"]


def test_the_seed_has_no_problems_and_the_columns_that_are_read():
    seed = pd.read_csv(SEEDS / "verdict_lowerings.csv", dtype=str)
    assert list(seed.columns) == COLUMNS
    assert problems(seed) == []
    assert lower(VERDICTS, seed, DAY).shape == VERDICTS.shape
