"""The receipt as a page: one HTML file that needs nothing else, in plain Dutch.

Belongs here: what stands where on the page, and how lists that are too long for it are cut. Does not belong here: what
is told (``receipts.py``, ``comparison.py``, ``advice.py``). The page's text and dress lie in
``templates/receipt.html.j2``, where everything that comes from a delivery is escaped.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import jinja2

from pipeline.deliveries import dutch
from pipeline.deliveries.advice import CONTENT_RULES, RULES, STATES, STATUS, VERDICTS

_TEMPLATES = Path(__file__).parent / "templates"
_RANGES = 40
_OTHER = ("Andere fouten", "")
_CONSEQUENCE = "unknown_reference"
_SIGNS = {"accepted": "✓", "partially_accepted": "!", "rejected": "✗", "incomplete": "…"}
_SIGNS_OF_STEPS = {"passed": "✓", "failed": "✗", "partial": "–", "not_reached": "–"}


def receipt_page(content: dict[str, Any], findings_file: str) -> str:
    """The page of a receipt.

    Args:
        content: what ``receipts.receipt`` made.
        findings_file: name of the file that lies beside it, with every finding.

    Returns:
        HTML; the same content gives the same page, byte for byte.
    """
    received = content["received_at"]
    half_year = content["previous_half_year"]
    version = content["previous_version"]
    return (
        _environment()
        .get_template("receipt.html.j2")
        .render(
            receipt=content,
            findings_file=findings_file,
            is_trial=received is None,
            sign=_SIGNS[content["status"]],
            period=dutch.half_year(content["period"]) if content["period"] else None,
            received=dutch.moment(datetime.fromisoformat(received)) if received else None,
            created=dutch.moment(datetime.fromisoformat(content["created"])) if content["created"] else None,
            tables=content["tables"],
            totals={
                name: sum(each[name] for each in content["tables"])
                for name in ("rows_received", "rows_accepted", "rows_refused")
            },
            limit=content["maximum_refused_share"],
            steps=[
                step
                | {"sign": _SIGNS_OF_STEPS[step["state"]], "word": STATES[step["state"]]}
                | {"findings": [_shown(content["findings"][place]) for place in step["findings"]]}
                for step in content["technical_check"]
            ],
            reasons=[_shown(each) for each in content["findings"] if each["rule"] in CONTENT_RULES],
            groups=_groups(content["findings"]),
            notices=[_shown(each) for each in content["findings"] if _is_notice(each)],
            titles={rule: title for rule, (title, _) in RULES.items()},
            version=version,
            version_status=STATUS[version["status"]][0].lower() if version else None,
            half_year=half_year,
            half_year_name=dutch.half_year(half_year["period"]) if half_year else None,
            certainty=_certainty(content.get("interviews_needed", [])),
        )
    )


def _groups(findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The refused rows by rule, the rule with most rows first; what only follows from other faults last."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for finding in findings:
        if finding["level"] == "row":
            groups.setdefault(RULES.get(finding["rule"], _OTHER), []).append(finding)
    ordered = sorted(
        groups.items(),
        key=lambda group: (group[0] == RULES[_CONSEQUENCE], -sum(each["count"] for each in group[1])),
    )
    return [
        {"title": title, "advice": advice, "findings": [_shown(each) for each in found]}
        for (title, advice), found in ordered
    ]


def _certainty(rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    """How sure the figures from interviews are; None until ``reliability_note.py`` has told it."""
    if not rows:
        return None
    verdicts = [row["verdict"] for row in rows]
    return {
        "verdicts": [(code, word, meaning, verdicts.count(code)) for code, (word, meaning) in VERDICTS.items()],
        "indicators": [
            {"title": title, "rows": [row | {"word": VERDICTS[row["verdict"]][0]} for row in found]}
            for title, found in groupby(rows, lambda row: row["indicator_nl"])
        ],
        "is_limited": any(row["limited_by_clients"] for row in rows),
        # enough interviews, and still not sure: the cause lies elsewhere
        "has_other_cause": any(
            (row["needed_for_reliable"] == 0 and row["verdict"] != "reliable")
            or (row["needed_for_indicative"] == 0 and row["verdict"] == "not_publishable")
            for row in rows
        ),
        "has_unknown": any(
            row["needed_for_indicative"] is None
            or (row["needed_for_reliable"] is None and not row["limited_by_clients"])
            for row in rows
        ),
    }


def _is_notice(finding: dict[str, Any]) -> bool:
    return finding["level"] == "notice" and finding["rule"] != "incomplete"


def _shown(finding: dict[str, Any]) -> dict[str, Any]:
    """A finding with its row numbers in words, and how many of them fit nowhere."""
    ranges, named = dutch.row_numbers(finding["rows"], _RANGES)
    return finding | {
        "ranges": ranges,
        "left_off": finding["count"] - named if finding["rows"] else 0,
        # the list of rows is itself cut when it is very long
        "unlisted": finding["count"] - len(finding["rows"]) if finding["rows"] else 0,
    }


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "number": dutch.number,
        "percent": dutch.percent,
        "half_year": dutch.half_year,
    }
    environment.globals["change"] = dutch.change
    return environment
