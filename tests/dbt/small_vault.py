"""A vault for tests: Parquet as the deliveries and monitors rooms write it, from rows written by hand.

Belongs here: folders and types of the vault. Columns come from the contracts in ``expectations/``, so that a renamed
column breaks the models' tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from pipeline.deliveries.vault import LOG_TABLES, LOG_TABLES_SCHEMA
from pipeline.monitors.vault import LOG, LOG_SCHEMA
from pipeline.settings import EXPECTATIONS

Row = Mapping[str, Any]

_TYPES = {"integer": pa.int64(), "number": pa.float64(), "date": pa.date32(), "boolean": pa.bool_()}
_DELIVERY = [("consortium", pa.string()), ("period", pa.string()), ("version", pa.int32())]
_LOG = pa.schema(
    [
        *_DELIVERY,
        ("status", pa.string()),
        ("created", pa.timestamp("us")),
        ("received_at", pa.timestamp("us")),
        ("package_hash", pa.string()),
        ("contract", pa.int32()),
        ("rows_received", pa.int64()),
        ("rows_accepted", pa.int64()),
        ("rows_refused", pa.int64()),
        ("correction_of_final", pa.bool_()),
    ]
)


def _contracts(kind: str) -> dict[str, pa.Schema]:
    schemas = {}
    for path in sorted((EXPECTATIONS / kind).glob("*.yml")):
        columns = yaml.safe_load(path.read_text(encoding="utf-8"))["columns"]
        schemas[path.stem] = pa.schema([(c["name"], _TYPES.get(c["type"], pa.string())) for c in columns])
    return schemas


def delivery_schemas() -> dict[str, pa.Schema]:
    """The vault's schema of every delivered table: the contract's columns and where the row comes from."""
    origin = [pa.field(name, kind) for name, kind in [*_DELIVERY, ("row_number", pa.int64())]]
    return {name: pa.schema([*schema, *origin]) for name, schema in _contracts("deliveries").items()}


class SmallVault:
    """A vault in a folder, empty and typed at first.

    Args:
        folder: where it goes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.deliveries = delivery_schemas()
        self.monitors = _contracts("monitors")
        for name, schema in self.deliveries.items():
            _write(folder / "deliveries" / name / "_empty.parquet", schema, [])
        _write(folder / "deliveries" / "_log" / "_empty.parquet", _LOG, [])
        _write(folder / "deliveries" / LOG_TABLES / "_empty.parquet", LOG_TABLES_SCHEMA, [])
        for name, schema in self.monitors.items():
            _write(folder / "monitors" / name / "_empty.parquet", schema, [])
        _write(folder / "monitors" / LOG / "_empty.parquet", LOG_SCHEMA, [])

    def deliver(
        self,
        consortium: str,
        period: str,
        tables: Mapping[str, Sequence[Row]],
        *,
        version: int = 1,
        status: str = "accepted",
        log_knows_unsound: bool = True,
    ) -> None:
        """Put a judged delivery in the vault; dates are ISO text, columns that are left out are NULL.

        Not ``log_knows_unsound``: with a log of before unsound rows were counted.
        """
        origin = {"consortium": consortium, "period": period, "version": version}
        for name, rows in tables.items():
            numbered = [{**row, **origin, "row_number": number} for number, row in enumerate(rows, start=1)]
            path = self.folder / "deliveries" / name / consortium / period / f"v{version}.parquet"
            _write(path, self.deliveries[name], numbered)
        log = {**origin, "status": status, "received_at": datetime(2030, 1, 1, tzinfo=UTC).replace(tzinfo=None)}
        _write(self.folder / "deliveries" / "_log" / consortium / period / f"v{version}.parquet", _LOG, [log])
        counts = [
            {**origin, "table_name": name, "rows_received": len(rows), "rows_accepted": len(rows), "rows_refused": 0}
            | ({"rows_unsound": 0} if log_knows_unsound else {})
            for name, rows in tables.items()
        ]
        schema = LOG_TABLES_SCHEMA
        if not log_knows_unsound:
            schema = schema.remove(schema.get_field_index("rows_unsound"))
        path = self.folder / "deliveries" / LOG_TABLES / consortium / period / f"v{version}.parquet"
        _write(path, schema, counts)

    def load(self, monitor: str, vintage: str, rows: Sequence[Row]) -> None:
        """Put one vintage of a public monitor in the vault."""
        path = self.folder / "monitors" / monitor / f"{vintage}.parquet"
        _write(path, self.monitors[monitor], [{**row, "vintage": vintage} for row in rows])


def _write(path: Path, schema: pa.Schema, rows: Sequence[Row]) -> None:
    unknown = {column for row in rows for column in row} - set(schema.names)
    if unknown:
        raise KeyError(f"{path.name} has no column {', '.join(sorted(unknown))}")
    columns = [pa.array([_typed(row.get(field.name), field.type) for row in rows], field.type) for field in schema]
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_arrays(columns, schema=schema), path)


def _typed(value: Any, kind: pa.DataType) -> Any:
    return date.fromisoformat(value) if pa.types.is_date(kind) and isinstance(value, str) else value
