"""The deliveries of the vault with which a new one is compared.

Belongs here: reading an earlier judgement back, from the log, the profiles and the receipt. No row is read again. Does
not belong here: choosing and comparing (``comparison.py``).
"""

from __future__ import annotations

import json
from dataclasses import replace

from pipeline.deliveries.comparison import Earlier, choose_earlier
from pipeline.deliveries.findings import Judgement, TableCount
from pipeline.deliveries.receipts import RECEIPT, findings_of
from pipeline.deliveries.vault import judged_versions, read_log, read_profiles, receipt_folder
from pipeline.periods import HalfYear
from pipeline.settings import Settings


def earlier_deliveries(settings: Settings, judgement: Judgement) -> Earlier:
    """What the vault has to compare a delivery with.

    Args:
        settings: the installation.
        judgement: the delivery, of which consortium, period and version are known.
    """
    before = str(HalfYear.parse(judgement.period).shift(-1))
    logged = [
        _logged(settings, judgement.consortium, period, version)
        for period in (judgement.period, before)
        for version in judged_versions(settings, judgement.consortium, period)
    ]
    chosen = choose_earlier(judgement, logged)
    version, half_year = chosen.version, chosen.half_year
    return Earlier(
        version=_with_findings(settings, version) if version else None,
        half_year=_with_profiles(settings, half_year) if half_year else None,
    )


def _logged(settings: Settings, consortium: str, period: str, version: int) -> Judgement:
    entry = read_log(settings, consortium, period, version)
    tables = {table: TableCount(*counts) for table, counts in entry.tables.items()}
    return Judgement(consortium, period, version, status=entry.status, tables=tables)


def _with_profiles(settings: Settings, judgement: Judgement) -> Judgement:
    place = (judgement.consortium, judgement.period, judgement.version)
    return replace(judgement, profiles=read_profiles(settings, *place))


def _with_findings(settings: Settings, judgement: Judgement) -> Judgement | None:
    """None when its receipt was moved away: without it nobody can say which faults are solved."""
    path = receipt_folder(settings, judgement.consortium, judgement.period, judgement.version) / f"{RECEIPT}.json"
    try:
        return replace(judgement, findings=findings_of(json.loads(path.read_text(encoding="utf-8"))))
    except (OSError, ValueError, KeyError, TypeError):
        return None
