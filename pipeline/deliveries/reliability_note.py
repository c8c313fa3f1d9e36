"""How many more interviews a consortium needs: from the warehouse into the receipts that were already written.

Belongs here: reading the table of the reliability step, which receipt tells it, and adding it to that receipt. Only the
version that counts is told; one that was rejected or replaced keeps the receipt that it got. Does not belong here: the
numbers (``pipeline/reliability``) and how they look (``receipt_page.py``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import jinja2

from pipeline.deliveries.contract import read_seed
from pipeline.deliveries.receipts import RECEIPT, write_pages
from pipeline.deliveries.vault import receipt_folder
from pipeline.settings import Settings

KEY = "interviews_needed"
UPDATED, UNCHANGED, SKIPPED = "updated", "unchanged", "skipped"

_MUNICIPALITY = "municipality"
# what a receipt that is gone, or one of an older version of this software, may come to
_NOT_OURS = (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError, jinja2.UndefinedError)


@dataclass(frozen=True)
class Needed:
    """What there is to tell about the delivery that counts of a consortium and half-year.

    Attributes:
        consortium, period, version: the delivery.
        rows: one per survey indicator and district, with the columns of ``reliability.interviews_needed``.
    """

    consortium: str
    period: str
    version: int
    rows: tuple[Mapping[str, Any], ...]


def read_needed(warehouse: duckdb.DuckDBPyConnection) -> list[Needed] | None:
    """What the reliability step found, for every delivery that counts.

    Args:
        warehouse: connection that may read.

    Returns:
        By consortium and half-year, also where there is nothing to tell; None when the step has not run yet.
    """
    is_there = warehouse.execute(
        "select count(*) from information_schema.tables "
        "where table_schema = 'reliability' and table_name = 'interviews_needed'"
    ).fetchone()
    if is_there == (0,):
        return None
    found = warehouse.execute(
        "select consortium_code, period, target_group, indicator_code, district_code, cast(n as bigint) as n, verdict, "
        "cast(needed_for_indicative as bigint) as needed_for_indicative, "
        "cast(needed_for_reliable as bigint) as needed_for_reliable, "
        "coalesce(limited_by_clients, false) as limited_by_clients from reliability.interviews_needed"
    )
    names = [column[0] for column in found.description]
    rows: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for values in found.fetchall():
        row = dict(zip(names, values, strict=True))
        rows.setdefault((row["consortium_code"], row["period"]), []).append(row)
    counting = warehouse.execute(
        "select consortium_code, period, delivery_version from staging.stg_deliveries__deliveries "
        "where is_counting order by consortium_code, period"
    ).fetchall()
    return [Needed(*place, tuple(rows.get(place[:2], ()))) for place in counting]


def tell_needed(settings: Settings, needed: Iterable[Needed]) -> list[str]:
    """Add the interviews needed to the receipts; what is already there in the same words is not touched.

    Args:
        settings: the installation.
        needed: per delivery what there is to tell.

    Returns:
        In the same order ``updated``, ``unchanged``, or ``skipped`` for a receipt that is gone or was made by an older
        version of this software.
    """
    outcomes = []
    for each in needed:
        place = (each.consortium, each.period, each.version)
        path = receipt_folder(settings, *place) / f"{RECEIPT}.json"
        rows = note(each.rows)
        try:
            outcomes.append(_tell(path, rows))
        except _NOT_OURS:
            outcomes.append(SKIPPED)
    return outcomes


def note(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows as they stand in the receipt: with names, indicators in order, the municipality before its districts.

    Args:
        rows: with the columns of ``reliability.interviews_needed``, in any order.
    """
    indicators, districts = _by_code("indicators", "indicator_code"), _by_code("districts", "district_code")

    def order(row: Mapping[str, Any]) -> tuple[int, str, bool, str, str]:
        district = districts[row["district_code"]]
        is_part = district["district_level"] != _MUNICIPALITY
        position = int(indicators[row["indicator_code"]]["position"])
        return position, row["target_group"], is_part, district["district_name"], row["district_code"]

    return [
        {
            "indicator_code": row["indicator_code"],
            "indicator_nl": indicators[row["indicator_code"]]["name_nl"],
            "target_group": row["target_group"],
            "district_code": row["district_code"],
            "district_name": districts[row["district_code"]]["district_name"],
            "district_level": districts[row["district_code"]]["district_level"],
            **{
                name: row[name]
                for name in ("n", "verdict", "needed_for_indicative", "needed_for_reliable", "limited_by_clients")
            },
        }
        for row in sorted(rows, key=order)
    ]


def _tell(path: Path, rows: list[dict[str, Any]]) -> str:
    if not rows and not path.is_file():
        return UNCHANGED
    content = json.loads(path.read_text(encoding="utf-8"))
    if content.get(KEY, []) == rows:
        return UNCHANGED
    others = {name: value for name, value in content.items() if name != KEY}
    write_pages(path, others | ({KEY: rows} if rows else {}))
    return UPDATED


@cache
def _by_code(seed: str, code: str) -> dict[str, dict[str, str]]:
    return {row[code]: row for row in read_seed(seed)}
