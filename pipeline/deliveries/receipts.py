"""The receipt of a delivery: what it says, as data and as text, and the three files in which it is kept.

Belongs here: what a consortium is told about its delivery. It names tables, columns, rules and row numbers; personal
data never. Does not belong here: standing sentences (``advice.py``) and the page (``receipt_page.py``).
"""

from __future__ import annotations

import csv
import io
import json
import textwrap
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.deliveries import dutch
from pipeline.deliveries.advice import STATES, STATUS, next_steps, reason, technical_steps
from pipeline.deliveries.comparison import Earlier, compare
from pipeline.deliveries.contract import CONTRACT_VERSION, consortium_name
from pipeline.deliveries.findings import Finding, Judgement
from pipeline.deliveries.judge import maximum_refused_share
from pipeline.deliveries.receipt_page import receipt_page
from pipeline.deliveries.vault import write_text
from pipeline.periods import HalfYear

RECEIPT = "receipt"
FINDINGS = "findings"

_CSV_COLUMNS = ("table", "column", "rule", "row_number", "sentence_nl", "level", "examples")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_RANGES_IN_TEXT = 20
_NUMBER_LENGTH = 12
_WIDTH = 100


def receipt(
    judgement: Judgement, received_at: datetime | None = None, earlier: Earlier | None = None
) -> dict[str, Any]:
    """The content of a receipt, ready for JSON.

    Args:
        judgement: what became of the delivery.
        received_at: moment at which it was judged, UTC; None for a trial check.
        earlier: what to compare with; None when there is nothing.
    """
    title, meaning = STATUS[judgement.status]
    comparison = compare(judgement, earlier or Earlier())
    questions = (comparison["previous_half_year"] or {}).get("questions_nl")
    return {
        "consortium": judgement.consortium,
        "consortium_name": consortium_name(judgement.consortium) if judgement.consortium else None,
        "period": judgement.period,
        "version": judgement.version,
        "status": judgement.status,
        "status_nl": title,
        "advice_nl": meaning,
        "reason_nl": reason(judgement),
        "next_steps_nl": next_steps(judgement, is_trial=received_at is None, has_questions=bool(questions)),
        "created": _moment(judgement.created),
        "received_at": _moment(received_at),
        "package_hash": judgement.package_hash,
        "receipt_number": judgement.package_hash[:_NUMBER_LENGTH] if judgement.package_hash else None,
        "contract": judgement.contract or CONTRACT_VERSION,
        "maximum_refused_share": float(maximum_refused_share(HalfYear.parse(judgement.period)))
        if judgement.period
        else None,
        "tables": [
            {
                "table": table,
                "rows_received": count.received,
                "rows_accepted": count.accepted,
                "rows_refused": count.refused,
            }
            for table, count in judgement.tables.items()
        ],
        "technical_check": technical_steps(judgement),
        "findings": [_finding(finding) for finding in judgement.findings],
        **comparison,
    }


def findings_of(content: dict[str, Any]) -> tuple[Finding, ...]:
    """The findings of a receipt that was read back.

    Args:
        content: what ``receipt`` made.
    """
    return tuple(
        Finding(
            level=each["level"],
            rule=each["rule"],
            sentence=each["sentence_nl"],
            table=each["table"],
            column=each["column"],
            count=each["count"],
            rows=tuple(each["rows"]),
            examples=tuple(each["examples"]),
        )
        for each in content["findings"]
    )


def receipt_text(content: dict[str, Any]) -> str:
    """The receipt as text in plain Dutch, the outcome first.

    Args:
        content: what ``receipt`` made.
    """
    period = content["period"]
    received = content["received_at"]
    lines = [
        "ONTVANGSTBEWIJS VAN EEN LEVERING",
        "",
        f"Uitkomst    {content['status_nl']}",
        *([f"Rijen       {_totals(content['tables'])}"] if content["tables"] else []),
        f"Consortium  {_named(content)}",
        f"Halfjaar    {f'{dutch.half_year(period)} ({period})' if period else 'onbekend'}",
        f"Versie      {content['version'] or 'onbekend'}",
        f"Beoordeeld  {dutch.moment(datetime.fromisoformat(received)) if received else 'proef: nog niet verstuurd'}",
        "",
        *_wrapped(" ".join(filter(None, (content["reason_nl"], content["advice_nl"]))), ""),
        "",
        "WAT U NU DOET",
        *(
            line
            for number, step in enumerate(content["next_steps_nl"], start=1)
            for line in _wrapped(step, f"{number}. ", "   ")
        ),
    ]
    if content["tables"]:
        lines += ["", f"{'Tabel':<18}{'ontvangen':>12}{'aangenomen':>12}{'geweigerd':>12}"]
        lines += [
            f"{each['table']:<18}{each['rows_received']:>12}{each['rows_accepted']:>12}{each['rows_refused']:>12}"
            for each in content["tables"]
        ]
    lines += _check_lines(content)
    lines += _comparison_lines(content)
    if any(finding["rows"] for finding in content["findings"]):
        lines += ["", "Rij 1 is de eerste rij onder de kolomnamen."]
    return "\n".join(lines) + "\n"


def findings_csv(content: dict[str, Any]) -> str:
    """The findings as a table for Excel: one line per finding and row, or one for a finding that is not about rows.

    Args:
        content: what ``receipt`` made.
    """
    buffer = io.StringIO(newline="")
    buffer.write("\ufeff")  # without it Excel reads the file as Windows-1252
    writer = csv.writer(buffer, delimiter=";", lineterminator="\r\n")
    writer.writerow(_CSV_COLUMNS)
    for each in content["findings"]:
        examples = ", ".join(each["examples"])
        for row in each["rows"] or [None]:
            cells = (each["table"], each["column"], each["rule"], row, each["sentence_nl"], each["level"], examples)
            writer.writerow([_inert(cell) for cell in cells])
    return buffer.getvalue()


def write_receipt(folder: Path, content: dict[str, Any], suffix: str = "") -> Path:
    """Write ``receipt.json`` for machines, ``receipt.html`` for people and ``findings.csv`` for Excel.

    Args:
        folder: folder of the delivery's receipts.
        content: what ``receipt`` made.
        suffix: what stands before the extension of each name, ``-conflict``.

    Returns:
        Path of the JSON file.
    """
    path = folder / f"{RECEIPT}{suffix}.json"
    write_text(findings_csv(content), _findings_file(path))
    write_pages(path, content)
    return path


def write_pages(path: Path, content: dict[str, Any]) -> None:
    """Write a receipt without its list of findings, the JSON last: what it tells, the page tells too.

    Args:
        path: the JSON file.
        content: what ``receipt`` made, or what was read back with more added.
    """
    write_text(receipt_page(content, _findings_file(path).name), path.with_suffix(".html"))
    write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", path)


def _findings_file(path: Path) -> Path:
    return path.with_name(f"{path.stem.replace(RECEIPT, FINDINGS, 1)}.csv")


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


def _inert(cell: object) -> object:
    # Excel would take such a text for a formula
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


# --- the text ---


def _totals(tables: list[dict[str, Any]]) -> str:
    received, accepted, refused = (
        dutch.number(sum(each[f"rows_{name}"] for each in tables)) for name in ("received", "accepted", "refused")
    )
    return f"{received} ontvangen, {accepted} aangenomen, {refused} geweigerd"


def _check_lines(content: dict[str, Any]) -> list[str]:
    findings = content["findings"]
    lines = ["", "1. TECHNISCHE CONTROLE"]
    technical: set[int] = set()
    for step in content["technical_check"]:
        lines.append(f"{step['title_nl'] + ':':<24}{STATES[step['state']]}")
        lines += [line for place in step["findings"] for line in _finding_lines(findings[place])]
        technical.update(step["findings"])
    others = [finding for place, finding in enumerate(findings) if place not in technical]
    for heading, is_notice in (("2. INHOUDELIJKE CONTROLE", False), ("3. TER INFORMATIE", True)):
        found = [finding for finding in others if (finding["level"] == "notice") is is_notice]
        if found:
            lines += ["", heading]
            lines += [line for finding in found for line in _finding_lines(finding)]
    return lines


def _finding_lines(finding: dict[str, Any]) -> list[str]:
    where = ", ".join(part for part in (finding["table"], finding["column"]) if part)
    lines = [f"- {where}" if where else "-"]
    lines += _wrapped(finding["sentence_nl"], "  ")
    if finding["rows"]:
        lines += _wrapped(f"Rijen: {dutch.rows_and_more(finding['rows'], finding['count'], _RANGES_IN_TEXT)}.", "  ")
    if finding["examples"]:
        lines += _wrapped(f"Bijvoorbeeld: {', '.join(finding['examples'])}.", "  ")
    return lines


def _comparison_lines(content: dict[str, Any]) -> list[str]:
    lines = []
    version = content["previous_version"]
    if version and "solved" in version:
        counts = f"{len(version['solved'])} opgelost, {len(version['remaining'])} gebleven, {len(version['new'])} nieuw"
        lines += ["", f"4. TEN OPZICHTE VAN VERSIE {version['version']}", f"Fouten: {counts}."]
    half_year = content["previous_half_year"]
    if half_year and half_year.get("questions_nl"):
        lines += ["", f"5. OPVALLEND TEN OPZICHTE VAN HET {dutch.half_year(half_year['period']).upper()}"]
        lines += [line for question in half_year["questions_nl"] for line in _wrapped(question, "- ", "  ")]
    return lines


def _wrapped(text: str, indent: str, further: str | None = None) -> list[str]:
    further = indent if further is None else further
    return textwrap.wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=further, break_on_hyphens=False)


def _named(content: dict[str, Any]) -> str:
    name = content["consortium_name"]
    return f"{name} ({content['consortium']})" if name else "onbekend"


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
