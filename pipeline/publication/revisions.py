"""Which published figures a release changes: old, new and why, compared with the release before it.

Belongs here: the comparison of two releases and its reasons. It reads what releases show, from their own files, so that
nothing hidden can come back through it. Does not belong here: how a release is made (release.py).

A figure counts from its first publication on: new half-years are no revision, and a figure that was hidden at first and
is shown now is none either. Rows of earlier releases are carried along, so that the newest file tells the whole story.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from pipeline.publication.marts_file import SCHEMA, OwnTable, attached, open_marts

if TYPE_CHECKING:
    from pipeline.publication.release import Release

TABLE = "fct_revision"
DESCRIPTION = (
    "Every change of a published figure of fct_indicator, in value, n or status, from one release to the next. "
    "Primary key release, indicator_code, district_code, period."
)
COLUMNS: Mapping[str, tuple[str, str]] = {
    "release": ("varchar", "The release that brought the change (release.release_id)"),
    "released_at": ("timestamp", "When that release was made, UTC"),
    "consortium_code": ("varchar", "The consortium that the figure is about"),
    "indicator_code": ("varchar", "Indicator"),
    "district_code": ("varchar", "District (WK…), or the municipality as a whole (GM…)"),
    "period": ("varchar", "Half-year that the figure is about, written 2024-H1"),
    "old": ("double", "The figure in the release before; NULL when that did not show it"),
    "new": ("double", "The figure in this release; NULL when it does not show it"),
    "old_n": ("bigint", "Denominator in the release before; NULL when that did not show it"),
    "new_n": ("bigint", "Denominator in this release; NULL when it does not show it"),
    "old_status": ("varchar", "Status in the release before; NULL when the figure did not occur in it"),
    "new_status": ("varchar", "Status in this release; NULL when the figure does not occur in it any more"),
    "old_delivery_version": ("integer", "Version of the half-year's delivery in the release before"),
    "new_delivery_version": ("integer", "Version of the half-year's delivery in this release"),
    "reason": (
        "varchar",
        "correction (a delivery was replaced), later_delivery (a delivery came later), monitor (new data of a public "
        "monitor), method (another way of computing) or protection (shown or hidden to protect people)",
    ),
    "reason_nl": ("varchar", "Why, in Dutch, with the delivery versions"),
}
# the residents behind a rate are those of this monitor
_RATE, _RESIDENTS = "per_1000_residents", "cbs_kwb"
# the same sum in another order is no change
_TOLERANCE = 1e-9
_NOW_NL = {
    "suppressed_primary": "Het cijfer is nu niet zichtbaar, om personen te beschermen.",
    "suppressed_secondary": "Het cijfer is nu niet zichtbaar, om personen te beschermen.",
    "unreliable": "Het cijfer is nu niet zichtbaar, omdat het niet zeker genoeg is.",
    "no_data": "Voor dit cijfer zijn nu geen gegevens.",
    "published": "Het cijfer is nu weer zichtbaar.",
    None: "Het cijfer komt niet meer voor.",
}
_KEY = ("consortium_code", "indicator_code", "district_code", "period")


def revision_table(
    warehouse: duckdb.DuckDBPyConnection, release: Release, before: Release | None, file: Path | None
) -> OwnTable:
    """The table of revisions for a release that is being made.

    Args:
        warehouse: open connection on the warehouse, whose protected marts the release will show.
        release: the release that is being made.
        before: the release before it; None for the first one.
        file: marts file of the release before it.
    """
    rows: list[dict[str, Any]] = []
    if before and file:
        with attached(warehouse, file, "earlier"):
            rows += _carried(warehouse, "earlier")
            changes = _changes(warehouse)
        causes = _Causes.between(before, release)
        made = {"release": release.release_id, "released_at": datetime.fromisoformat(release.created_at)}
        for change in changes:
            reason, sentence = causes.of(change)
            rows.append(made | change | {"reason": reason, "reason_nl": sentence})
    return OwnTable(TABLE, DESCRIPTION, COLUMNS, rows)


def carried_table(file: Path | None) -> OwnTable:
    """The revisions up to a release, as that release tells them.

    Args:
        file: marts file of the release; None when there is none.
    """
    return OwnTable(TABLE, DESCRIPTION, COLUMNS, revisions_in(file) if file else [])


def revisions_in(file: Path, release_id: str | None = None) -> list[dict[str, Any]]:
    """The revisions that a release's file tells; none for a release of before this table.

    Args:
        file: ``marts.duckdb`` of a release.
        release_id: only those that this release brought.
    """
    with open_marts(file) as marts:
        rows = _carried(marts, "effectmonitor")
    return [row for row in rows if release_id in (None, row["release"])]


def _carried(connection: duckdb.DuckDBPyConnection, catalog: str) -> list[dict[str, Any]]:
    if not _has_revisions(connection, catalog):
        return []
    return _rows(connection, f"select {', '.join(COLUMNS)} from {catalog}.{SCHEMA}.{TABLE} order by all")


def _has_revisions(connection: duckdb.DuckDBPyConnection, catalog: str) -> bool:
    found = connection.execute(
        "select count(*) from duckdb_tables() where database_name = ? and table_name = ?", [catalog, TABLE]
    ).fetchone()
    return bool(found and found[0])


def _changes(warehouse: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Figures that were once published and are not what the release before showed."""
    keys = ", ".join(_KEY)
    shown = ", ".join(f"case when status = 'published' then {name} end as {name}" for name in ("value", "n"))
    figures = f"select {keys}, unit, status, delivery_version, {shown} from"
    # what was shown earlier and is hidden in the release before has left its change there
    hidden_since = f"union select {keys} from earlier.{SCHEMA}.{TABLE}" if _has_revisions(warehouse, "earlier") else ""
    return _rows(
        warehouse,
        f"""
        with before as ({figures} earlier.{SCHEMA}.fct_indicator),
        after as ({figures} {SCHEMA}.fct_indicator),
        once_published as (select {keys} from before where status = 'published' {hidden_since})
        select
            {", ".join(f"once_published.{name}" for name in _KEY)},
            coalesce(after.unit, before.unit) as unit,
            before.value as old,
            after.value as new,
            before.n as old_n,
            after.n as new_n,
            before.status as old_status,
            after.status as new_status,
            before.delivery_version as old_delivery_version,
            after.delivery_version as new_delivery_version
        from once_published
        left join before using ({keys})
        left join after using ({keys})
        where before.status is distinct from after.status
            or before.n is distinct from after.n
            or (before.value is null) <> (after.value is null)
            or abs(before.value - after.value) > {_TOLERANCE} * greatest(1, abs(before.value))
        order by all
        """,
    )


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    relation = connection.execute(query)
    names = [column[0] for column in relation.description]
    return [dict(zip(names, row, strict=True)) for row in relation.fetchall()]


@dataclass(frozen=True)
class _Replaced:
    """A consortium's half-year whose counting version differs between two releases; None when there was none."""

    consortium: str
    period: str
    old: int | None
    new: int | None

    @property
    def sentence(self) -> str:
        name = f"Levering {self.consortium} {self.period}"
        if self.new is None:
            return f"{name} versie {self.old} telt niet meer mee."
        if self.old is None:
            return f"{name} versie {self.new} kwam later binnen."
        return f"{name} versie {self.new} verving versie {self.old}."


@dataclass(frozen=True)
class _Causes:
    """What differs between the inputs of two releases.

    Attributes:
        deliveries: half-years of which another version counts, in order.
        vintages: new vintages of the monitor behind the numbers of residents.
        software: versions of the software.
    """

    deliveries: tuple[_Replaced, ...]
    vintages: tuple[str, ...]
    software: tuple[str, str]

    @classmethod
    def between(cls, before: Release, after: Release) -> _Causes:
        old, new = _versions(before), _versions(after)
        replaced = (_Replaced(*key, old.get(key), new.get(key)) for key in sorted({*old, *new}))
        known = set(before.inputs_by_kind()["monitors"])
        return cls(
            deliveries=tuple(each for each in replaced if each.old != each.new),
            vintages=tuple(
                name
                for name in after.inputs_by_kind()["monitors"]
                if name not in known and name.split("/")[0] == _RESIDENTS
            ),
            software=(before.code_version, after.code_version),
        )

    def of(self, change: Mapping[str, Any]) -> tuple[str, str]:
        """The reason for a change, as a code and as a sentence."""
        reason, sentence = self._cause(change)
        if change["old_status"] == change["new_status"]:
            return reason, sentence
        return reason, f"{sentence} {_NOW_NL[change['new_status']]}"

    def _cause(self, change: Mapping[str, Any]) -> tuple[str, str]:
        is_rate = change["unit"] == _RATE
        # a figure uses its own half-year and, unless it is a rate, may use earlier ones; never a later one
        mine = [
            each
            for each in self.deliveries
            if each.consortium == change["consortium_code"] and each.period <= change["period"]
        ]
        used = [each for each in mine if each.period == change["period"]] or ([] if is_rate else mine)
        if used:
            is_new = all(each.old is None for each in used)
            return "later_delivery" if is_new else "correction", " ".join(each.sentence for each in used)
        if is_rate and self.vintages:
            return "monitor", f"Het aantal inwoners komt uit nieuwe gegevens: {', '.join(self.vintages)}."
        statuses = {str(change["old_status"]), str(change["new_status"])}
        if len(statuses) > 1 and any(status.startswith("suppressed") for status in statuses):
            return "protection", "Er is opnieuw bepaald welke cijfers getoond mogen worden."
        if self.software[0] == self.software[1]:
            return "method", "De berekening of haar referentiegegevens zijn veranderd."
        return "method", f"De berekening is veranderd: softwareversie {self.software[1]} verving {self.software[0]}."


def _versions(release: Release) -> dict[tuple[str, str], int]:
    """Counting version per consortium and half-year."""
    names = (name.split("/") for name in release.inputs_by_kind()["deliveries"])
    return {(consortium, period): int(version.removeprefix("v")) for consortium, period, version in names}
