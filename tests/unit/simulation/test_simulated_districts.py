"""Sizes of the districts from the open data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.simulation import read_district_sizes
from pipeline.simulation.districts import Districts


def test_the_real_districts_are_read() -> None:
    sizes = {size.district_code: size for size in read_district_sizes()}
    assert len(sizes) == 16
    assert all(code.startswith("WK0484") for code in sizes)
    assert sizes["WK048402"].population == 13585
    assert sizes["WK048402"].district_name == "Ridderveld"
    assert 111_000 < sum(size.population for size in sizes.values()) < 114_000


def test_age_groups_add_up_and_follow_the_published_ones() -> None:
    districts = Districts(read_district_sizes())
    assert districts.shares.sum(axis=1) == pytest.approx(np.ones(16))
    codes = districts.codes.tolist()
    old = districts.shares[:, 3:].sum(axis=1)
    # 28 % of Koudekerk and 15 % of Kerk en Zanen is 65 or older.
    assert old[codes.index("WK048496")] == pytest.approx(0.28, abs=0.01)
    assert old[codes.index("WK048408")] == pytest.approx(0.15, abs=0.01)
    minors = districts.shares[:, 0] @ districts.population / districts.population.sum()
    assert 0.17 < minors < 0.22


def test_a_district_without_income_figures_has_usual_need() -> None:
    sizes = {size.district_code: size for size in read_district_sizes()}
    assert sizes["WK048409"].need == 1.0
    assert sizes["WK048404"].need > 1.05 > 0.95 > sizes["WK048408"].need


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_district_sizes(tmp_path / "nothing.csv")


def test_areas_are_of_about_equal_weight() -> None:
    districts = Districts(read_district_sizes())
    areas = districts.areas(districts.population, 4)
    assert sorted(set(areas)) == [0, 1, 2, 3]
    assert (np.diff(areas) >= 0).all()
    weights = np.bincount(areas, weights=districts.population)
    assert weights.max() < 2 * weights.min()
