"""The deliveries in the inbox: their form, their versions, and that the same seed gives the same bytes."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest
from simulation_judge import COLUMNS, DELIVERED, descriptor, read

from pipeline.periods import HalfYear
from pipeline.simulation import DistrictSize, SimulationSummary, simulate
from pipeline.simulation.deliveries import has_correction, has_rejected_delivery

TINY = 0.03


def contents(inbox: Path) -> dict[str, bytes]:
    """All files under a folder."""
    return {str(path.relative_to(inbox)): path.read_bytes() for path in sorted(inbox.rglob("*")) if path.is_file()}


def test_every_delivery_follows_the_contract(sent: SimulationSummary) -> None:
    for delivery in sent.deliveries:
        about = descriptor(delivery.folder)
        assert delivery.folder == sent.inbox / delivery.consortium / str(delivery.period) / str(delivery.version)
        assert about["consortium"] == delivery.consortium
        assert about["period"] == str(delivery.period)
        assert about["version"] == delivery.version
        assert about["contract"] == 1
        assert [resource["name"] for resource in about["resources"]] == list(DELIVERED[delivery.consortium])
        tables = read(delivery.folder)  # holds every hash, size and heading
        assert {name: len(rows) for name, rows in tables.items()} == dict(delivery.rows)
        expected = {resource["path"] for resource in about["resources"]} | {"datapackage.json"}
        assert {path.name for path in delivery.folder.iterdir()} == expected


def test_the_summary_adds_up(sent: SimulationSummary) -> None:
    assert set(sent.rows) == set(COLUMNS)
    for name, count in sent.rows.items():
        assert count == sum(delivery.rows.get(name, 0) for delivery in sent.deliveries)


def test_each_consortium_writes_in_its_own_form(sent: SimulationSummary) -> None:
    folders = {delivery.consortium: delivery.folder for delivery in sent.deliveries}
    tom = (folders["tom"] / "clienten.csv").read_bytes()
    assert tom.startswith(b"\xef\xbb\xbfclient_id;wijkcode;")
    assert datetime.strptime(read(folders["tom"])["dossiers"][0]["geopend_op"], "%d-%m-%Y")
    go = (folders["go"] / "clienten.csv").read_bytes()
    assert go.startswith(b"client_id,wijkcode,")
    assert date.fromisoformat(read(folders["go"])["dossiers"][0]["geopend_op"])
    boost = (folders["boost"] / "bezoek.csv").read_bytes()
    assert boost.startswith(b"wijkcode;maand;")
    assert "Repaircafé".encode("windows-1252") in boost
    assert descriptor(folders["boost"])["resources"][0]["encoding"] == "windows-1252"
    with pytest.raises(UnicodeDecodeError):
        boost.decode("utf-8")


def test_deliveries_arrive_five_to_six_weeks_after_the_half_year(sent: SimulationSummary) -> None:
    first = {}
    for delivery in sent.deliveries:
        created = datetime.fromisoformat(descriptor(delivery.folder)["created"]).replace(tzinfo=None)
        assert created == delivery.created
        assert created.weekday() < 5
        wait = (created.date() - delivery.period.ends_on).days
        if delivery.version == 1:
            assert 31 <= wait <= 42
            first[delivery.consortium, delivery.period] = created
        else:
            assert created > first[delivery.consortium, delivery.period]


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    periods = HalfYear(2018, 1), HalfYear(2018, 2)
    for name in ("one", "two"):
        simulate(tmp_path / name, *periods, seed=7, scale=TINY)
    simulate(tmp_path / "other", *periods, seed=8, scale=TINY)
    one, other = contents(tmp_path / "one"), contents(tmp_path / "other")
    assert one == contents(tmp_path / "two")
    assert one.keys() == other.keys()
    assert all(one[path] != other[path] for path in one)


def test_a_half_year_does_not_depend_on_the_range(tmp_path: Path) -> None:
    simulate(tmp_path / "short", HalfYear(2018, 1), HalfYear(2018, 2), scale=TINY)
    simulate(tmp_path / "long", HalfYear(2017, 2), HalfYear(2019, 2), scale=TINY)
    short, long = contents(tmp_path / "short"), contents(tmp_path / "long")
    assert len(short) > 30
    assert short.items() <= long.items()
    assert len(long) > len(short)


def test_nothing_that_lies_there_is_overwritten(tmp_path: Path) -> None:
    only = HalfYear(2019, 1)
    summary = simulate(tmp_path, only, only, scale=TINY)
    before = contents(tmp_path)
    # The same again changes nothing, and completes what has no descriptor yet.
    (summary.deliveries[0].folder / "datapackage.json").unlink()
    again = simulate(tmp_path, only, only, scale=TINY)
    assert contents(tmp_path) == before
    assert again == summary
    with pytest.raises(FileExistsError, match="another delivery"):
        simulate(tmp_path, only, only, scale=TINY, seed=2)
    assert contents(tmp_path) == before


def test_one_delivery_in_eleven_half_years_is_rejected_and_done_well_again() -> None:
    periods = [HalfYear(2021, 1).shift(step) for step in range(11)]
    rejected = [(name, str(period)) for period in periods for name in DELIVERED if has_rejected_delivery(name, period)]
    assert rejected == [("go", "2023-H2")]
    corrected = [(name, period) for period in periods for name in DELIVERED if has_correction(name, period)]
    assert {name for name, _ in corrected} == set(DELIVERED)
    assert 3 <= len(corrected) <= 6


def test_the_rejected_delivery(sent: SimulationSummary) -> None:
    bad, good = [
        delivery for delivery in sent.deliveries if (delivery.consortium, str(delivery.period)) == ("go", "2023-H2")
    ]
    assert (bad.version, bad.status) == (1, "rejected")
    assert 0.07 < len(bad.faults) / bad.rows["trajecten"] < 0.09
    assert (good.version, good.status, good.faults) == (2, "accepted", ())
    before, after = read(bad.folder), read(good.folder)
    changed = [old for old, new in zip(before["trajecten"], after["trajecten"], strict=True) if old != new]
    assert len(changed) == len(bad.faults)
    assert all(before[name] == after[name] for name in before if name != "trajecten")


def test_a_correction_changes_some_rows_and_has_no_faults(sent: SimulationSummary) -> None:
    corrected = [d for d in sent.deliveries if d.version == 2 and has_correction(d.consortium, d.period)]
    assert {delivery.consortium for delivery in corrected} == {"tom", "boost"}
    for delivery in corrected:
        assert delivery.status == "accepted"
        earlier = read(delivery.folder.parent / "1")
        faulty = {
            (fault.table, fault.row_number)
            for d in sent.deliveries
            for fault in d.faults
            if d.version == 1 and (d.consortium, d.period) == (delivery.consortium, delivery.period)
        }
        changed = 0
        for name, rows in read(delivery.folder).items():
            for number, row in enumerate(rows, start=1):
                if (name, number) not in faulty and row != earlier[name][number - 1]:
                    changed += 1
        assert 0 < changed < 0.05 * sum(delivery.rows.values())


def test_without_corrections_each_delivery_is_sent_once(tmp_path: Path) -> None:
    summary = simulate(tmp_path, HalfYear(2018, 1), HalfYear(2018, 1), scale=TINY, corrections=False)
    assert [(d.consortium, d.version) for d in summary.deliveries] == [("tom", 1), ("go", 1), ("boost", 1)]
    assert all(delivery.status != "rejected" for delivery in summary.deliveries)


def test_before_its_start_a_consortium_delivers_nothing(tmp_path: Path) -> None:
    simulate(tmp_path, HalfYear(2015, 1), HalfYear(2015, 1), scale=TINY)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["boost", "tom"]


def test_another_municipality(tmp_path: Path) -> None:
    districts = [
        DistrictSize("WK123401", "Dorp", 8000, 0.2, 0.32, 0.28, 0.15, 0.05),
        DistrictSize("WK123402", "Stad", 24000, 0.2, 0.32, 0.28, 0.15, 0.05),
    ]
    summary = simulate(tmp_path, HalfYear(2018, 2), HalfYear(2018, 2), districts=districts, fault_share=0.0)
    for delivery in summary.deliveries:
        codes = {row["wijkcode"] for rows in read(delivery.folder).values() for row in rows if "wijkcode" in row}
        assert {"WK123401", "WK123402"} <= codes <= {"WK123401", "WK123402", ""}
    clients = read(tmp_path / "tom" / "2018-H2" / "1")["clienten"]
    in_city = sum(row["wijkcode"] == "WK123402" for row in clients) / len(clients)
    assert in_city == pytest.approx(0.75, abs=0.05)


def test_one_district_is_enough(tmp_path: Path) -> None:
    district = DistrictSize("WK123401", "Dorp", 3000, 0.2, 0.32, 0.28, 0.15, 0.05)
    summary = simulate(tmp_path, HalfYear(2018, 1), HalfYear(2018, 2), districts=[district])
    assert all(count > 0 for count in summary.rows.values())


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    summary = simulate(
        tmp_path, HalfYear(2017, 2), HalfYear(2018, 1), scale=TINY, progress=lambda *step: told.append(step)
    )
    total = len(summary.deliveries)
    assert [done for _, done, _ in told] == list(range(total + 1))
    assert {expected for _, _, expected in told} == {total}
    assert told[0][0] == "tom 2017-H2 v1"


@pytest.mark.parametrize(
    ("first", "last", "arguments", "message"),
    [
        (HalfYear(2020, 2), HalfYear(2020, 1), {}, "not a range"),
        (HalfYear(2014, 2), HalfYear(2020, 1), {}, "not a range"),
        (HalfYear(2020, 1), HalfYear(2020, 1), {"fault_share": 0.02}, "share of faulty rows"),
        (HalfYear(2020, 1), HalfYear(2020, 1), {"fault_share": -0.001}, "share of faulty rows"),
        (HalfYear(2020, 1), HalfYear(2020, 1), {"scale": 0.0}, "scale"),
    ],
)
def test_impossible_wishes_are_refused(
    tmp_path: Path, first: HalfYear, last: HalfYear, arguments: dict, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        simulate(tmp_path, first, last, **arguments)
    assert not any(tmp_path.iterdir())
