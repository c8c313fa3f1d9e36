"""A correction of a half-year whose figures are final needs a flag; nothing else does."""

from __future__ import annotations

import shutil
from datetime import datetime
from itertools import permutations

import pyarrow.parquet as pq
import pytest
from handmade_deliveries import found

from pipeline import periods
from pipeline.deliveries.intake import judge_delivery, receive
from pipeline.deliveries.vault import read_log, table_path
from pipeline.deliveries.versions import first_arrival, made_final_by
from pipeline.periods import HalfYear, day_of

_REFUSED = {("final_period", None, None)}
_DATED = ("maand", "meetdatum", "afgenomen_op")


@pytest.fixture
def deliver(make, settings):
    """Deliver boost, or another, for a half-year, in one row per table; another story makes another content."""

    def send(period, version=1, consortium="boost", story="Rustig.", **descriptor):
        delivery = make(consortium, period=period, version=version, descriptor=descriptor)
        month = f"{HalfYear.parse(period).starts_on:%Y-%m}"
        for table, (first, *_) in delivery.tables.items():
            delivery.tables[table] = [first | {name: month + first[name][7:] for name in _DATED if name in first}]
        delivery.tables["duiding"][0]["verhaal"] = story
        return receive(delivery.write(), settings)

    return send


def test_a_correction_of_a_final_half_year_is_refused_until_the_flag_is_set(deliver, settings):
    assert deliver("2023-H1").status == "accepted"
    assert deliver("2024-H1").status == "accepted"
    refused = deliver("2023-H1", version=2, story="Drukker.")
    assert (refused.status, found(refused)) == ("rejected", _REFUSED)
    came_on = day_of(read_log(settings, "boost", "2024-H1", 1).received_at)
    sentence = refused.findings[0].sentence
    arrival = f"boost over 2024-H1 (versie 1, ontvangen op {came_on:%d-%m-%Y})"
    for words in ("definitief", arrival, "gemeente", "correction_of_final"):
        assert words in sentence
    assert not table_path(settings, "bezoek", "boost", "2023-H1", 2).exists()
    # the flag is part of what was judged: the same version with it is another delivery
    conflict = deliver("2023-H1", version=2, story="Drukker.", correction_of_final=True)
    assert found(conflict) == {("version_already_delivered", None, None)}
    agreed = deliver("2023-H1", version=3, story="Drukker.", correction_of_final=True)
    assert (agreed.status, agreed.findings) == ("accepted", ())
    assert read_log(settings, "boost", "2023-H1", 3).correction_of_final
    assert not read_log(settings, "boost", "2023-H1", 1).correction_of_final
    # what is sent again as it was is unchanged
    assert deliver("2023-H1", version=3, story="Drukker.", correction_of_final=True).status == "unchanged"


def test_false_is_the_same_as_nothing(deliver):
    assert deliver("2023-H1").status == "accepted"
    assert deliver("2023-H1", correction_of_final=False).status == "unchanged"


@pytest.mark.parametrize("value", ["true", 1, None, {}])
def test_a_flag_that_is_no_true_or_false_is_a_fault_of_the_descriptor(deliver, value):
    outcome = deliver("2023-H1", correction_of_final=value)
    assert (outcome.status, found(outcome)) == ("rejected", {("descriptor_field", None, None)})
    assert "true of false" in outcome.findings[0].sentence


def test_another_consortium_makes_a_half_year_final_and_the_second_half_does_not(deliver):
    deliver("2023-H1")
    deliver("2023-H2", consortium="tom")
    assert deliver("2023-H1", version=2, story="Drukker.").status == "accepted"
    deliver("2024-H1", consortium="tom")
    assert found(deliver("2023-H1", version=3, story="Drukst.")) == _REFUSED


def test_both_halves_become_final_together_and_a_gap_does_not_matter(deliver):
    deliver("2023-H2")
    deliver("2024-H2", consortium="tom")  # 2024-H1 never comes
    assert found(deliver("2023-H2", version=2, story="Drukker.")) == _REFUSED


def test_a_rejected_delivery_makes_nothing_final_and_is_no_earlier_version(deliver, make, settings):
    broken = make("tom", period="2024-H1")
    del broken.tables["clienten"]
    assert receive(broken.write(), settings).status == "rejected"
    assert deliver("2023-H1").status == "accepted"
    assert deliver("2023-H1", version=2, story="Drukker.").status == "accepted"


def test_the_first_delivery_of_an_old_half_year_needs_no_flag_and_neither_do_its_corrections(deliver):
    deliver("2024-H1")
    first = deliver("2023-H1")
    second = deliver("2023-H1", version=2, story="Drukker.")
    assert [(each.status, each.findings) for each in (first, second)] == [("accepted", ())] * 2


def test_a_flag_before_the_half_year_is_final_is_told_and_no_more(deliver):
    deliver("2023-H1")
    outcome = deliver("2023-H1", version=2, story="Drukker.", correction_of_final=True)
    assert outcome.status == "accepted"
    assert [finding.level for finding in outcome.findings] == ["notice"]
    assert found(outcome) == {("final_period_flag", None, None)}


def test_a_history_received_again_in_any_order_of_half_years_needs_no_flag(deliver, settings):
    for order in permutations(("2023-H1", "2024-H1")):
        shutil.rmtree(settings.vault, ignore_errors=True)
        for period in order:
            assert deliver(period).status == "accepted", order
            assert deliver(period, version=2, story="Drukker.").status == "accepted", order


def test_the_desk_of_the_consortium_judges_without_the_vault(deliver, make):
    deliver("2023-H1")
    deliver("2024-H1")
    correction = make("boost", version=2, descriptor={"correction_of_final": True})
    assert judge_delivery(correction.write()).status == "accepted"


def test_a_log_of_before_the_flag_can_be_read(deliver, settings):
    deliver("2023-H1")
    path = table_path(settings, "_log", "boost", "2023-H1", 1)
    pq.write_table(pq.read_table(path, partitioning=None).drop_columns("correction_of_final"), path)
    assert read_log(settings, "boost", "2023-H1", 1).correction_of_final is False
    assert deliver("2023-H1").status == "unchanged"


def test_moments_are_those_of_accepted_deliveries(deliver, make, settings):
    assert first_arrival(settings) is None
    broken = make("boost", period="2024-H1")
    del broken.tables["bezoek"]
    receive(broken.write(), settings)
    assert first_arrival(settings) is None
    deliver("2024-H1", version=2)
    deliver("2025-H1")
    assert first_arrival(settings) == read_log(settings, "boost", "2024-H1", 2).received_at
    assert made_final_by(settings, HalfYear(2024, 1)).period == "2025-H1"
    assert made_final_by(settings, HalfYear(2023, 2)).period == "2024-H1"
    assert made_final_by(settings, HalfYear(2025, 1)) is None


def test_a_half_year_begins_when_it_begins_in_the_municipality(deliver, monkeypatch):
    monkeypatch.setattr(periods, "now", lambda: datetime(2042, 6, 30, 21, 59))
    assert found(deliver("2042-H2")) == {("future_period", None, None)}
    monkeypatch.setattr(periods, "now", lambda: datetime(2042, 6, 30, 22))
    assert deliver("2042-H2", version=2).status == "accepted"
