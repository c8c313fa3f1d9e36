"""The receipt of a delivery: the same content for machines (JSON) and for people (Dutch text).

Belongs here: what a consortium reads about its delivery. It names tables, columns, rules and row numbers; personal data
never.
"""

from __future__ import annotations

import json
import textwrap
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.deliveries.contract import read_seed
from pipeline.deliveries.findings import Finding, Judgement
from pipeline.deliveries.vault import write_text

_ROWS_IN_TEXT = 20
_WIDTH = 100
_STATUS = {
    "accepted": (
        "Aangenomen",
        "Alle rijen zijn aangenomen. U hoeft niets te doen.",
    ),
    "partially_accepted": (
        "Gedeeltelijk aangenomen",
        "De geweigerde rijen tellen niet mee; de andere rijen wel. Verbeter de geweigerde rijen in uw eigen "
        "administratie en lever het halfjaar als geheel opnieuw, met een hoger versienummer.",
    ),
    "rejected": (
        "Afgewezen",
        "De levering telt niet mee. Uw laatste aangenomen levering van dit halfjaar blijft gelden, als die er is. "
        "Verbeter wat hieronder staat en lever het halfjaar als geheel opnieuw, met een hoger versienummer.",
    ),
    "incomplete": (
        "Nog niet compleet",
        "Er is nog niets beoordeeld. Zet alle bestanden in de map, en datapackage.json als laatste.",
    ),
}
_HEADINGS = (
    ("delivery", "Over de levering"),
    ("table", "Waarom de levering is afgewezen"),
    ("row", "Geweigerde rijen"),
    ("notice", "Ter informatie"),
)


def receipt(judgement: Judgement, received_at: datetime | None = None) -> dict[str, Any]:
    """The content of a receipt, ready for JSON.

    Args:
        judgement: what became of the delivery.
        received_at: moment at which it was judged, UTC; None for a trial check.
    """
    title, advice = _STATUS[judgement.status]
    return {
        "consortium": judgement.consortium,
        "period": judgement.period,
        "version": judgement.version,
        "status": judgement.status,
        "status_nl": title,
        "advice_nl": advice,
        "created": _moment(judgement.created),
        "received_at": _moment(received_at),
        "package_hash": judgement.package_hash,
        "tables": [
            {
                "table": table,
                "rows_received": count.received,
                "rows_accepted": count.accepted,
                "rows_refused": count.refused,
            }
            for table, count in judgement.tables.items()
        ],
        "findings": [_finding(finding) for finding in judgement.findings],
    }


def receipt_text(content: dict[str, Any]) -> str:
    """The receipt as text in plain Dutch.

    Args:
        content: what ``receipt`` made.
    """
    lines = [
        "ONTVANGSTBEWIJS VAN EEN LEVERING",
        "",
        f"Consortium  {_consortium(content['consortium'])}",
        f"Halfjaar    {content['period'] or 'onbekend'}",
        f"Versie      {content['version'] or 'onbekend'}",
        *([f"Beoordeeld  {content['received_at'].replace('T', ' ')} (UTC)"] if content["received_at"] else []),
        f"Uitkomst    {content['status_nl']}",
        "",
        *_wrapped(content["advice_nl"], ""),
    ]
    if content["tables"]:
        lines += ["", f"{'Tabel':<18}{'ontvangen':>12}{'aangenomen':>12}{'geweigerd':>12}"]
        lines += [
            f"{each['table']:<18}{each['rows_received']:>12}{each['rows_accepted']:>12}{each['rows_refused']:>12}"
            for each in content["tables"]
        ]
    for level, heading in _HEADINGS:
        found = [finding for finding in content["findings"] if finding["level"] == level]
        if found:
            lines += ["", heading.upper()]
            lines += [line for finding in found for line in _finding_lines(finding)]
    if any(finding["rows"] for finding in content["findings"]):
        lines += ["", "Rij 1 is de eerste rij onder de kolomnamen."]
    return "\n".join(lines) + "\n"


def write_receipt(folder: Path, content: dict[str, Any], stem: str = "receipt") -> Path:
    """Write ``<stem>.txt`` and ``<stem>.json``.

    Args:
        folder: folder of the delivery's receipts.
        content: what ``receipt`` made.
        stem: file name without extension.

    Returns:
        Path of the JSON file.
    """
    path = folder / f"{stem}.json"
    write_text(receipt_text(content), folder / f"{stem}.txt")
    write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", path)
    return path


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "level": finding.level,
        "rule": finding.rule,
        "table": finding.table,
        "column": finding.column,
        "sentence_nl": finding.sentence,
        "count": finding.count,
        "rows": list(finding.rows),
        "examples": list(finding.examples),
    }


def _finding_lines(finding: dict[str, Any]) -> list[str]:
    where = ", ".join(part for part in (finding["table"], finding["column"]) if part)
    lines = [f"- {where}" if where else "-"]
    lines += _wrapped(finding["sentence_nl"], "  ")
    if finding["rows"]:
        shown = ", ".join(str(row) for row in finding["rows"][:_ROWS_IN_TEXT])
        more = finding["count"] - min(len(finding["rows"]), _ROWS_IN_TEXT)
        lines += _wrapped(f"Rijen: {shown}{f' en nog {more}' if more > 0 else ''}.", "  ")
    if finding["examples"]:
        lines += _wrapped(f"Bijvoorbeeld: {', '.join(finding['examples'])}.", "  ")
    return lines


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def _consortium(code: str | None) -> str:
    names = {row["consortium_code"]: row["name"] for row in read_seed("consortia")}
    return f"{names[code]} ({code})" if code in names else "onbekend"


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
