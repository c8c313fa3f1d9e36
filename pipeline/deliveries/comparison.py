"""How a delivery compares with the version before it, and with the half-year before it.

Belongs here: which earlier delivery to compare with, the differences, and the questions that an odd jump asks of the
sender. Nothing is refused for a difference. Does not belong here: how it looks (``receipt_page.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.deliveries import dutch
from pipeline.deliveries.contract import threshold
from pipeline.deliveries.findings import Finding, Judgement
from pipeline.periods import HalfYear

_NO_TABLES = "De tabellen van deze levering zijn niet beoordeeld; er is niets om te vergelijken."
_NO_TABLES_BEFORE = "De tabellen van die eerdere levering zijn niet beoordeeld; er is niets om te vergelijken."

_Problem = tuple[str, str | None, str | None]


@dataclass(frozen=True)
class Earlier:
    """The deliveries to compare with.

    Attributes:
        version: the version before it of the same half-year, or None.
        half_year: the delivery that counts of the half-year before, or None.
    """

    version: Judgement | None = None
    half_year: Judgement | None = None


def choose_earlier(judgement: Judgement, others: Iterable[Judgement]) -> Earlier:
    """Choose what to compare with: the highest version below it, and the highest accepted one of the half-year before.

    Args:
        judgement: the delivery.
        others: other deliveries, in any order.
    """
    if judgement.period is None or judgement.version is None:
        return Earlier()
    before = str(HalfYear.parse(judgement.period).shift(-1))
    same = [each for each in others if each.consortium == judgement.consortium and each.version is not None]
    versions = [each for each in same if each.period == judgement.period and each.version < judgement.version]
    half_years = [each for each in same if each.period == before and each.is_accepted]
    return Earlier(
        max(versions, key=lambda each: each.version, default=None),
        max(half_years, key=lambda each: each.version, default=None),
    )


def compare(judgement: Judgement, earlier: Earlier) -> dict[str, Any]:
    """The differences, ready for JSON.

    Args:
        judgement: the delivery.
        earlier: what to compare with.

    Returns:
        ``previous_version`` and ``previous_half_year``: each None when there is none, or with ``not_compared_nl`` when
        there is nothing to compare.
    """
    return {
        "previous_version": _previous_version(judgement, earlier.version) if earlier.version else None,
        "previous_half_year": _previous_half_year(judgement, earlier.half_year) if earlier.half_year else None,
    }


def _not_compared(judgement: Judgement, before: Judgement) -> str | None:
    if not judgement.tables:
        return _NO_TABLES
    return None if before.tables else _NO_TABLES_BEFORE


# --- the version before it ---


def _previous_version(judgement: Judgement, before: Judgement) -> dict[str, Any]:
    content: dict[str, Any] = {
        "version": before.version,
        "status": before.status,
        "not_compared_nl": None if judgement.tables else _NO_TABLES,
    }
    if content["not_compared_nl"]:
        return content
    content["tables"] = [
        {
            "table": table,
            "rows_now": now.received if now else None,
            "rows_before": then.received if then else None,
            "rows_refused_now": now.refused if now else None,
            "rows_refused_before": then.refused if then else None,
        }
        for table, now, then in _side_by_side(judgement.tables, before.tables)
    ]
    now, then = _problems(judgement), _problems(before)
    # of a table that could not be read now, nobody can say whether its faults are solved
    told = [key for key in then if key[1] is None or key[1] in judgement.tables or key[0] == "missing_table"]
    content["solved"] = [_told(then[key], 0, then[key].count) for key in told if key not in now]
    content["remaining"] = [_told(now[key], now[key].count, then[key].count) for key in now if key in then]
    content["new"] = [_told(now[key], now[key].count, 0) for key in now if key not in then]
    return content


def _problems(judgement: Judgement) -> dict[_Problem, Finding]:
    return {
        (finding.rule, finding.table, finding.column): finding
        for finding in judgement.findings
        if finding.level != "notice"
    }


def _told(finding: Finding, now: int, before: int) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "table": finding.table,
        "column": finding.column,
        "sentence_nl": finding.sentence,
        "count_now": now,
        "count_before": before,
    }


# --- the half-year before it ---


def _previous_half_year(judgement: Judgement, before: Judgement) -> dict[str, Any]:
    content: dict[str, Any] = {
        "period": before.period,
        "version": before.version,
        "not_compared_nl": _not_compared(judgement, before),
    }
    if content["not_compared_nl"]:
        return content
    limits = _Limits.of(HalfYear.parse(judgement.period))
    tables, columns, questions = [], [], []
    for table, now, then in _side_by_side(judgement.tables, before.tables):
        profile, profile_before = judgement.profiles.get(table), before.profiles.get(table)
        rows, rows_before = now.received if now else 0, then.received if then else 0
        clients = profile.clients if profile else None
        clients_before = profile_before.clients if profile_before else None
        clients_jump = None not in (clients, clients_before) and limits.is_notable(clients, clients_before)
        rows_jump = limits.is_notable(rows, rows_before)
        tables.append(
            {
                "table": table,
                "rows_now": rows,
                "rows_before": rows_before,
                "rows_are_notable": rows_jump,
                "clients_now": clients,
                "clients_before": clients_before,
                "clients_are_notable": clients_jump,
            }
        )
        # fewer clients explain fewer rows: one question for the two
        if clients_jump:
            questions.append(_jump_question(table, "cliënten", clients, clients_before))
        elif rows_jump:
            questions.append(_jump_question(table, "rijen", rows, rows_before))
        if profile and profile_before and profile.rows and profile_before.rows:
            large = min(profile.rows, profile_before.rows) >= limits.minimum
            for name, column in profile.columns.items():
                if name not in profile_before.columns:
                    continue
                missing = column.missing / profile.rows
                missing_before = profile_before.columns[name].missing / profile_before.rows
                if not (missing or missing_before):
                    continue
                is_notable = large and abs(missing - missing_before) >= limits.points
                columns.append(
                    {
                        "table": table,
                        "column": name,
                        "missing_now": round(missing, 6),
                        "missing_before": round(missing_before, 6),
                        "is_notable": is_notable,
                    }
                )
                if is_notable:
                    questions.append(_missing_question(table, name, missing, missing_before))
    return content | {"tables": tables, "columns": columns, "questions_nl": questions}


@dataclass(frozen=True)
class _Limits:
    share: float
    minimum: int
    points: float

    @classmethod
    def of(cls, period: HalfYear) -> _Limits:
        codes = ("notable_change_share", "notable_change_minimum", "notable_missing_points")
        share, minimum, points = (threshold(code, period.ends_on) for code in codes)
        return cls(float(share), int(minimum), float(points))

    def is_notable(self, now: int, before: int) -> bool:
        return max(now, before) >= self.minimum and abs(now - before) >= self.share * before


def _jump_question(table: str, what: str, now: int, before: int) -> str:
    if not now:
        counted = dutch.number(before)
        return f"Klopt het dat er geen {what} in de tabel {table} staan? In het vorige halfjaar waren het er {counted}."
    if not before:
        return (
            f"Klopt het dat er nu {dutch.number(now)} {what} in de tabel {table} staan, en in het vorige halfjaar geen?"
        )
    return (
        f"Klopt het dat er {dutch.change(now, before)} {what} in de tabel {table} staan? "
        f"Nu zijn het er {dutch.number(now)}, in het vorige halfjaar {dutch.number(before)}."
    )


def _missing_question(table: str, column: str, now: float, before: float) -> str:
    return (
        f"Klopt het dat {column} in de tabel {table} {'vaker' if now > before else 'minder vaak'} leeg is? "
        f"Nu in {dutch.percent(now)} van de rijen, in het vorige halfjaar in {dutch.percent(before)}."
    )


def _side_by_side(now: Mapping[str, Any], before: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    return [(table, now.get(table), before.get(table)) for table in dict.fromkeys([*now, *before])]
