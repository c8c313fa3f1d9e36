"""The faults that are put in on purpose: they are what the contract refuses, all of it, and nothing else."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation_judge import descriptor, read, refused

from pipeline.periods import HalfYear
from pipeline.simulation import SimulationSummary, simulate
from pipeline.simulation import faults as kinds
from pipeline.simulation.faults import with_slips


def truth(delivery) -> set[tuple[str, int]]:
    return {(fault.table, fault.row_number) for fault in delivery.faults}


def test_what_is_noted_is_what_the_contract_refuses(sent: SimulationSummary) -> None:
    for delivery in sent.deliveries:
        assert refused(delivery.folder) == truth(delivery), (delivery.consortium, delivery.period, delivery.version)
        assert len(delivery.faults) == len(truth(delivery))


def test_every_kind_of_fault_occurs(sent: SimulationSummary) -> None:
    found = Counter(fault.rule for delivery in sent.deliveries for fault in delivery.faults)
    assert set(found) == {
        kinds.DUPLICATE,
        kinds.UNKNOWN_CLIENT,
        kinds.REFUSED_CLIENT,
        kinds.MISSING_VALUE,
        kinds.OUTSIDE_MUNICIPALITY,
        kinds.UNKNOWN_CODE,
        kinds.OUT_OF_SCALE,
        kinds.OUT_OF_REASON,
    }


def test_faults_stay_below_the_bound_in_every_table(sent: SimulationSummary) -> None:
    for delivery in sent.deliveries:
        per_table = Counter(fault.table for fault in delivery.faults)
        if delivery.status == "rejected":
            assert max(count / delivery.rows[name] for name, count in per_table.items()) > 0.02
            continue
        assert all(count <= 0.008 * delivery.rows[name] for name, count in per_table.items())
        assert delivery.status == ("partially_accepted" if per_table else "accepted")
        # Tables of fewer than 125 rows have no place for a fault below 0.8 %.
        assert all(delivery.rows[name] >= 125 for name in per_table)


def test_the_noted_cell_is_the_faulty_one(sent: SimulationSummary) -> None:
    delivery = next(each for each in sent.deliveries if each.consortium == "tom" and each.version == 1)
    tables = read(delivery.folder)
    for fault in delivery.faults:
        row = tables[fault.table][fault.row_number - 1]
        if fault.rule == kinds.MISSING_VALUE:
            assert row[fault.column] == ""
        elif fault.rule == kinds.DUPLICATE:
            assert tables[fault.table].index(row) < fault.row_number - 1
        else:
            assert row[fault.column] != ""


def test_a_clean_delivery_has_nothing_to_refuse(tmp_path: Path) -> None:
    summary = simulate(tmp_path, HalfYear(2021, 1), HalfYear(2021, 2), scale=0.1, fault_share=0.0, corrections=False)
    for delivery in summary.deliveries:
        assert delivery.status == "accepted"
        assert refused(delivery.folder) == set()


@settings(max_examples=25, deadline=None)
@given(chance=st.integers(0, 2**32), share=st.floats(0.0, 0.01))
def test_whatever_the_chance_no_table_gets_too_many(sent: SimulationSummary, chance: int, share: float) -> None:
    folder = next(each.folder for each in sent.deliveries if each.consortium == "tom" and each.version == 2)
    clean = {name: {column: [row[column] for row in rows] for column in rows[0]} for name, rows in read(folder).items()}
    before = {name: {column: list(cells) for column, cells in table.items()} for name, table in clean.items()}
    tables, faults = with_slips(clean, share, {"WK048402"}, np.random.default_rng(chance))
    assert clean == before
    per_table = Counter(fault.table for fault in faults)
    added = Counter(fault.table for fault in faults if fault.rule == kinds.DUPLICATE)
    for name, table in tables.items():
        rows = len(next(iter(clean[name].values())))
        assert per_table[name] <= share * rows
        assert {len(cells) for cells in table.values()} == {rows + added[name]}
        spoiled = {
            fault.row_number - 1 for fault in faults if fault.table == name and fault.rule != kinds.REFUSED_CLIENT
        }
        differs = {
            row for row in range(rows) if any(table[column][row] != clean[name][column][row] for column in table)
        }
        assert differs == {row for row in spoiled if row < rows}
    assert len({(fault.table, fault.row_number) for fault in faults}) == len(faults)


def test_the_truth_is_written_beside_the_inbox(sent: SimulationSummary, tmp_path: Path) -> None:
    path = tmp_path / "truth" / "faults.csv"
    sent.write_truth(path)
    with path.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert list(rows[0]) == ["consortium", "period", "version", "table", "row_number", "column", "rule"]
    assert len(rows) == sum(len(delivery.faults) for delivery in sent.deliveries)
    first = sent.deliveries[0]
    about = descriptor(first.folder)
    noted = {
        (row["table"], int(row["row_number"]))
        for row in rows
        if (row["consortium"], row["period"], row["version"]) == (about["consortium"], about["period"], "1")
    }
    assert noted == truth(first)


def test_the_truth_does_not_go_into_the_inbox(sent: SimulationSummary) -> None:
    with pytest.raises(ValueError, match="inbox"):
        sent.write_truth(sent.inbox / "tom" / "faults.csv")
    assert not (sent.inbox / "tom" / "faults.csv").exists()
