"""The counts form: `aantallen` instead of records, for indicators that a consortium does not deliver per person.

Belongs here: which tables a delivery may leave out because counts take their place, and what to say when both arrive.
Does not belong here: how counts become figures (the warehouse).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import duckdb

from pipeline.deliveries.contract import Contract, read_seed
from pipeline.deliveries.findings import Finding, TableCount

TABLE = "aantallen"


def counted_indicators(connection: duckdb.DuckDBPyConnection, counts: Mapping[str, TableCount]) -> tuple[str, ...]:
    """Codes of the indicators with at least one accepted row of counts, in order.

    Args:
        connection: holds the judged rows.
        counts: counts per judged table.
    """
    if TABLE not in counts:
        return ()
    rows = connection.execute(f"select distinct indicator from accepted_{TABLE} where indicator is not null order by 1")
    return tuple(code for (code,) in rows.fetchall())


def dispensable_tables(
    contracts: Mapping[str, Contract], delivered: Collection[str], counted: Collection[str]
) -> frozenset[str]:
    """Tables that may stay away: every indicator counted from them arrives as counts, and no delivered table refers to
    them.

    Args:
        contracts: the consortium's contracts.
        delivered: tables of this delivery.
        counted: indicators that arrive as counts.
    """
    needed = {table for code, tables in _sources(contracts).items() if code not in counted for table in tables}
    needed |= {
        column.references[0]
        for table in delivered
        if table in contracts
        for column in contracts[table].columns
        if column.references
    }
    replaced = {table for code, tables in _sources(contracts).items() if code in counted for table in tables}
    return frozenset(replaced - needed)


def replaceable_tables() -> frozenset[str]:
    """Tables that counts could take the place of."""
    return frozenset(table for row in read_seed("indicators") for table in row["counted_from"].split(";"))


def both_forms(
    connection: duckdb.DuckDBPyConnection,
    contracts: Mapping[str, Contract],
    counts: Mapping[str, TableCount],
    counted: Collection[str],
) -> list[Finding]:
    """A notice per delivered table whose rows give the same indicators that arrive as counts.

    Args:
        connection: holds the judged rows.
        contracts: the consortium's contracts.
        counts: counts per judged table.
        counted: indicators that arrive as counts.
    """
    sources = _sources(contracts)
    asked = _questions(connection, counts)
    questions = {row["indicator_code"]: row["question_code"] for row in read_seed("indicators")}
    findings = []
    for table, count in counts.items():
        # the last table of an indicator holds what is counted; those before it tell about whom and where
        twice = [code for code in counted if table == sources[code][-1]]
        twice = [code for code in twice if not questions[code] or questions[code] in asked]
        if twice and count.accepted:
            sentence = (
                f"Deze tabel en aantallen geven allebei cijfers voor {', '.join(twice)}. Voor wat in aantallen staat, "
                "tellen in dit halfjaar alleen de aantallen. Lever liever één van de twee."
            )
            findings.append(Finding("notice", "both_forms", sentence, table))
    return findings


def _questions(connection: duckdb.DuckDBPyConnection, counts: Mapping[str, TableCount]) -> set[str]:
    """Codes of the questions to which there are accepted answers."""
    if "antwoorden" not in counts:
        return set()
    rows = connection.execute("select distinct vraag from accepted_antwoorden where vraag is not null").fetchall()
    return {code for (code,) in rows}


def _sources(contracts: Mapping[str, Contract]) -> dict[str, tuple[str, ...]]:
    """Per indicator of the consortium the tables it is counted from."""
    known = contracts[TABLE].column("indicator").codes.allowed
    return {
        row["indicator_code"]: tuple(row["counted_from"].split(";"))
        for row in read_seed("indicators")
        if row["indicator_code"] in known
    }
