"""Sizes of the districts on which deliveries are simulated, read from the open data of Statistics Netherlands.

Belongs here: how many people of which age live where. Does not belong here: how many of them get help.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.settings import SEEDS

KEY_FIGURES = SEEDS / "open_data" / "cbs_kwb" / "kwb_2022_wijken_GM0484.csv"

# Statistics Netherlands publishes 15-24 and 65+; these parts of them fall in the contract's age groups.
_UNDER_18_OF_15_24 = 0.3
_OVER_80_OF_65_PLUS = 0.24
_USUAL_LOW_INCOME = 36.0


@dataclass(frozen=True)
class DistrictSize:
    """How many people live in a district.

    Attributes:
        district_code: code of Statistics Netherlands, ``WK048401``.
        district_name: name, used for the names of teams.
        population: residents.
        share_0_17, share_18_44, share_45_64, share_65_79, share_80_plus: parts of the population, adding up to 1.
        need: how much more (above 1) or less support is needed than age alone explains.
    """

    district_code: str
    district_name: str
    population: int
    share_0_17: float
    share_18_44: float
    share_45_64: float
    share_65_79: float
    share_80_plus: float
    need: float = 1.0


def read_district_sizes(path: Path = KEY_FIGURES) -> list[DistrictSize]:
    """Read the districts from a table of key figures.

    Args:
        path: CSV with columns code, name, population, pop_0_14 to pop_65plus and income_low (all in per cent). Rows
            other than districts (the municipality) are skipped.

    Raises:
        FileNotFoundError: when the file is not there.
    """
    figures = pd.read_csv(path)
    figures = figures[figures["code"].str.startswith("WK")].sort_values("code")
    sizes = []
    for row in figures.itertuples(index=False):
        young_adults = row.pop_15_24 * (1 - _UNDER_18_OF_15_24)
        shares = np.array(
            [
                row.pop_0_14 + row.pop_15_24 * _UNDER_18_OF_15_24,
                young_adults + row.pop_25_44,
                row.pop_45_64,
                row.pop_65plus * (1 - _OVER_80_OF_65_PLUS),
                row.pop_65plus * _OVER_80_OF_65_PLUS,
            ]
        )
        shares = shares / shares.sum()
        need = 1.0 if np.isnan(row.income_low) else float(row.income_low) / _USUAL_LOW_INCOME
        sizes.append(DistrictSize(row.code, row.name, int(row.population), *map(float, shares), need=need))
    return sizes


class Districts:
    """The districts of a simulation as arrays, in the order given."""

    def __init__(self, sizes: Sequence[DistrictSize]) -> None:
        if len(sizes) == 0:
            raise ValueError("a simulation needs at least one district")
        self.sizes = tuple(sizes)
        self.codes = np.array([size.district_code for size in sizes], dtype=object)
        self.names = [size.district_name for size in sizes]
        self.population = np.array([size.population for size in sizes], dtype=float)
        self.shares = np.array(
            [
                (size.share_0_17, size.share_18_44, size.share_45_64, size.share_65_79, size.share_80_plus)
                for size in sizes
            ]
        )
        self.need = np.array([size.need for size in sizes])

    def __len__(self) -> int:
        return len(self.sizes)

    def youth(self) -> np.ndarray:
        """Residents under 23 per district: all minors and a sixth of those of 18-44."""
        return self.population * (self.shares[:, 0] + self.shares[:, 1] / 6)

    def areas(self, weights: np.ndarray, count: int) -> np.ndarray:
        """Divide the districts, in their order, into ``count`` areas of about equal weight; the area of each."""
        middle = np.cumsum(weights) - weights / 2
        return np.minimum((middle / weights.sum() * count).astype(int), count - 1)
