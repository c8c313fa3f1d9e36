"""The made-up worlds: they add up, are the same for the same seed, and hold what they say they hold."""

from __future__ import annotations

from itertools import pairwise

import pandas as pd
import pytest
from worlds import (
    CELL,
    DOMAIN_CELL,
    DOMAIN_COLUMNS,
    DOMAIN_COUNTS,
    FIRST,
    GM,
    INDICATOR_COLUMNS,
    RIETVELD,
    WORLDS,
    TrueRelease,
    all_but_one_hidden,
    correction_of_one,
    cumulative_by_one,
    districts,
    equal_people,
    erased_client,
    random_history,
    registry,
    three_clients,
)

PEOPLE = set(registry().loc[~registry()["kind"].isin(["rate", "count"]), "indicator_code"])
RATES = set(registry().loc[registry()["kind"] == "rate", "indicator_code"])


def difference(before: pd.DataFrame, after: pd.DataFrame, key: list[str], counts: list[str]) -> pd.DataFrame:
    """What changed: keys and differences of the cells that are in both."""
    old, new = (frame.set_index(key)[counts] for frame in (before, after))
    both = old.index.intersection(new.index)
    changes = new.loc[both] - old.loc[both]
    return changes[(changes != 0).any(axis=1)].reset_index()


def check(release: TrueRelease) -> None:
    """Districts add up, parts are no larger than the whole, and pooled cells are sums of their members."""
    for frame, key, counts in (
        (release.cells[release.cells["indicator_code"].isin(PEOPLE)], CELL, ["n", "numerator", "persons"]),
        (release.cells[release.cells["indicator_code"].isin(RATES)], CELL, ["numerator"]),
        (release.domains, DOMAIN_CELL, DOMAIN_COUNTS),
    ):
        assert not frame.duplicated(key).any()
        by = [key[1], "period"]
        whole = frame["district_code"] == GM
        sums = frame[~whole].groupby(by)[counts].sum()
        pd.testing.assert_frame_equal(sums, frame[whole].set_index(by)[counts].sort_index(), check_dtype=False)
    domains = release.domains
    assert (domains["n"] == domains[["improved", "stable", "worsened"]].sum(axis=1)).all()
    for small, large in (("n", "rated"), ("low", "rated"), ("goals", "n"), ("goals_reached", "goals")):
        assert (domains[small] <= domains[large]).all()
    assert (domains[DOMAIN_COUNTS] >= 0).all().all()
    shares = set(registry().loc[registry()["kind"] == "proportion", "indicator_code"])
    parts = release.cells[release.cells["indicator_code"].isin(shares)]
    assert ((parts["numerator"] >= 0) & (parts["numerator"] <= parts["n"])).all()
    marks = release.cells[release.cells["indicator_code"].str.contains("tevredenheid")]
    assert ((marks["numerator"] >= marks["n"]) & (marks["numerator"] <= 10 * marks["n"])).all()


@pytest.mark.parametrize("name", WORLDS)
def test_every_world_adds_up_and_is_the_same_again(name: str):
    releases = WORLDS[name]()
    for release, again in zip(releases, WORLDS[name](), strict=True):
        assert list(release.cells.columns) == INDICATOR_COLUMNS
        assert list(release.domains.columns) == DOMAIN_COLUMNS
        check(release)
        pd.testing.assert_frame_equal(release.cells, again.cells)
        pd.testing.assert_frame_equal(release.domains, again.domains)


def test_three_clients_in_every_table():
    (release,) = three_clients()
    own = release.cells[release.cells["indicator_code"].isin(PEOPLE)]
    assert set(own["indicator_code"]) == PEOPLE
    assert set(own.loc[own["district_code"] == RIETVELD, "n"]) == {3}
    assert own.loc[own["district_code"] != RIETVELD, "n"].min() >= 40
    assert set(release.domains.loc[release.domains["district_code"] == RIETVELD, "n"]) == {3}


def test_one_district_has_enough():
    (release,) = all_but_one_hidden()
    own = release.cells[release.cells["indicator_code"].isin(PEOPLE - {"tom_heropende_dossiers"})]
    enough = own.groupby("district_code")["n"].median() >= 15
    assert enough[enough].index.tolist() == [GM, districts()[1]]


@pytest.mark.parametrize(("world", "people"), [(correction_of_one, 1), (erased_client, -1)])
def test_one_client_more_or_fewer_in_district_and_municipality(world, people: int):
    before, after = world()
    changed = difference(before.cells, after.cells, CELL, ["n", "numerator"])
    assert set(changed["n"]) <= {people, 2 * people, 0}
    assert set(changed["indicator_code"]) == PEOPLE | RATES
    assert changed.groupby(["indicator_code", "period"])["district_code"].nunique().eq(2).all()
    outcomes = difference(before.domains, after.domains, DOMAIN_CELL, ["n", "improved", "rated"])
    assert set(outcomes["n"]) == set(outcomes["improved"]) == {people}
    versions = [set(release.cells["delivery_version"]) for release in (before, after)]
    assert versions == ([{1}, {2}] if people > 0 else [{1}, {1}])


def test_cumulative_figures_grow_by_one_somewhere():
    *_, last = cumulative_by_one()
    wide = last.cells.pivot_table(index="district_code", columns="period", values="n").drop(index=GM)
    growth = wide.diff(axis=1).iloc[:, 1:]
    assert (growth.eq(1).sum() >= 5).all()
    assert growth.isin([1, 12]).all().all()


def test_equal_people_are_hidden_in_different_districts():
    (release,) = equal_people()
    n = release.cells.pivot_table(index="district_code", columns="indicator_code", values="n").drop(index=GM)
    assert (n["go_verblijf"] == n["go_uithuisplaatsing"]).all()
    assert (n["tom_zrm_verbeterd"] == n["tom_zrm_verbeterd_of_stabiel"]).all()
    part = release.cells.pivot_table(index="district_code", columns="indicator_code", values="numerator").drop(index=GM)
    small = (n >= 10) & ((part < 5) | (n - part < 5))
    few = {code: set(small.index[small[code]]) for code in small}
    assert few["go_verblijf"] and few["go_uithuisplaatsing"]
    assert few["go_verblijf"].isdisjoint(few["go_uithuisplaatsing"])


def test_a_history_has_late_deliveries_corrections_pooled_cells_and_a_release_taken_back():
    releases = random_history(seed=7, half_years=6)
    for release in releases:
        check(release)
    assert sum(release.is_withdrawn for release in releases) == 1
    assert len(releases[-1].pooled)
    newest = [
        set(release.cells.loc[release.cells["period"] == str(FIRST.shift(at)), "consortium_code"])
        for at, release in enumerate(releases)
    ]
    assert any(len(delivered) < 3 for delivered in newest)
    corrected = [
        difference(before.cells, after.cells, CELL, ["n", "numerator"]) for before, after in pairwise(releases)
    ]
    assert sum(map(len, corrected))
    assert releases[-1].cells["delivery_version"].max() > 1
    sums = releases[-1].members.merge(
        releases[-1]
        .cells[["indicator_code", "district_code", "period", "n"]]
        .add_prefix("member_")
        .rename(columns={"member_indicator_code": "member_indicator", "member_district_code": "member_district"}),
        on=["member_indicator", "member_district", "member_period"],
    )
    together = sums.groupby([*CELL, "pooled_over"])["member_n"].sum()
    pooled = releases[-1].pooled.set_index([*CELL, "pooled_over"])["n"]
    assert (together.reindex(pooled.index) == pooled).all()
