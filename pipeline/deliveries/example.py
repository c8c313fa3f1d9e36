"""The example row of the template: how it is written, and how a forgotten one is kept out of the data.

Belongs here: the mark of that row and the one place where it is set aside. Does not belong here: the workbook
(``template.py``).
"""

from __future__ import annotations

import duckdb

from pipeline.deliveries.contract import Contract
from pipeline.deliveries.findings import Finding
from pipeline.deliveries.parsing import literal, trimmed
from pipeline.deliveries.reader import RawTable

EXAMPLE_MARK = "VOORBEELD"

_ROWS_SHOWN = 1_000
_SENTENCE = (
    f"In deze tabel staat nog de voorbeeldrij van het sjabloon: de eerste cel begint met {EXAMPLE_MARK}. "
    "Die rij telt niet mee. U kunt haar weghalen."
)


def marked(text: str) -> str:
    """A text as the first cell of an example row.

    Args:
        text: the example of the first column.
    """
    return f"{EXAMPLE_MARK} {text}"


def is_marked(value: object) -> bool:
    """Whether a first cell is that of an example row, in any case and with blanks around it.

    Args:
        value: the cell.
    """
    return isinstance(value, str) and value.strip().upper().split(" ")[0] == EXAMPLE_MARK


def set_aside_examples(connection: duckdb.DuckDBPyConnection, contract: Contract, raw: RawTable) -> list[Finding]:
    """Take example rows out of a table as it was read.

    It is a notice and no refusal: in a table of few rows one refused row would cost the whole delivery.

    Args:
        connection: where the table is.
        contract: the contract of the table.
        raw: the table as read; the rows are deleted from it.

    Returns:
        A notice with the row numbers, or nothing.
    """
    places = raw.positions(contract.names)
    first = contract.names[0]
    if first not in places:
        return []
    cell = trimmed(f"c{places[first]}")
    rows = connection.execute(
        f"delete from {raw.relation} where upper(split_part({cell}, ' ', 1)) = {literal(EXAMPLE_MARK)} "
        "returning row_number"
    ).fetchall()
    if not rows:
        return []
    numbers = sorted(number for (number,) in rows)
    return [Finding("notice", "example_row", _SENTENCE, contract.table, first, len(rows), tuple(numbers[:_ROWS_SHOWN]))]
