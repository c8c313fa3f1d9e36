"""What is found in a delivery: one shape for every finding, from a broken descriptor to a cell.

Belongs here: the shape of a finding and what of a delivered text may be repeated in one. A finding goes into receipts
and logs: it names tables, columns and row numbers, and never carries an identifier or free text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pipeline.deliveries.profile import TableProfile

_HEADING = re.compile(r"^[A-Za-z][A-Za-z_ -]{0,39}$")
_FULL_NAME = re.compile(r"[A-Z][a-z]+[ _-](?:[a-z]+[ _-]){0,3}[A-Z][a-z]")  # "Piet de Vries" in a first row of data


@dataclass(frozen=True)
class Finding:
    """One finding, or one rule's findings on one column together.

    Attributes:
        level: ``delivery`` or ``table`` (the whole delivery is rejected), ``row`` (the row is refused) or ``notice``
            (nothing is refused).
        rule: code of the rule.
        sentence: what is wrong and what to do, in Dutch.
        table, column: where, or None.
        count: number of rows, 0 when it is not about rows.
        rows: row numbers in the file, 1 is the first row under the heading; the first ones when there are very many.
        examples: values that may be shown, if any.
    """

    level: str
    rule: str
    sentence: str
    table: str | None = None
    column: str | None = None
    count: int = 0
    rows: tuple[int, ...] = ()
    examples: tuple[str, ...] = ()

    @property
    def is_fatal(self) -> bool:
        """Whether the whole delivery is rejected for it."""
        return self.level in ("delivery", "table")


@dataclass(frozen=True)
class TableCount:
    """Rows of one delivered table.

    Attributes:
        received: rows in the file, empty ones not counted.
        accepted: rows that go into the vault; 0 when the delivery is rejected.
        refused: rows that have a finding of their own.
        unsound: refused rows whose key is doubled or that hold a number outside its bounds; None when it was judged
            before they were counted.
    """

    received: int
    accepted: int
    refused: int
    unsound: int | None = None


@dataclass(frozen=True)
class Judgement:
    """What becomes of a delivery, and why. It holds no personal data.

    Attributes:
        consortium, period, version: what is delivered; None when a folder outside the inbox does not tell.
        status: ``accepted``, ``partially_accepted``, ``rejected``, ``incomplete`` (still arriving) or ``unchanged``.
        created: moment at which the consortium made it, UTC; None when it does not say.
        contract: version of the contract it follows; None when it does not say.
        package_hash: hash of its content; None when it is incomplete.
        tables: counts per table that could be read.
        findings: all findings, the fatal ones first.
        profiles: statistics of each table in ``tables``, to compare deliveries with.
    """

    consortium: str | None
    period: str | None
    version: int | None
    status: str
    created: datetime | None = None
    contract: int | None = None
    package_hash: str | None = None
    tables: Mapping[str, TableCount] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    profiles: Mapping[str, TableProfile] = field(default_factory=dict)

    @property
    def is_accepted(self) -> bool:
        """Whether its rows go into the vault, wholly or partly."""
        return self.status in ("accepted", "partially_accepted")

    @property
    def has_personal_data(self) -> bool:
        """Whether the guard found anything."""
        return any(finding.rule.startswith("personal_data") for finding in self.findings)


class DeliveryFault(Exception):
    """A fault that makes further reading pointless; it carries its finding, and no text of the delivery."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.rule)
        self.finding = finding


def shown_heading(heading: str, position: int) -> str:
    """The name of a column that is not in the contract, or its place when the heading could be a value.

    Args:
        heading: heading as delivered.
        position: 1 for the first column.
    """
    return heading if _HEADING.match(heading) and not _FULL_NAME.search(heading) else f"kolom {position}"
