"""The contract of each monitor's long table, read from ``expectations/monitors/<monitor>.yml``.

Belongs here: what a contract says, and the Arrow types that follow from it. Does not belong here: checking
(``suite.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from pipeline.settings import EXPECTATIONS

MONITORS = ("cbs_kwb", "ggd_gezondheid", "cbs_wijken")
# come as files that the municipality puts in the inbox; their long tables have the same columns
SURVEYS = ("ceo_wmo", "ceo_jeugd", "ipa")

_ARROW_TYPES = {"text": pa.string(), "integer": pa.int32(), "number": pa.float64()}


@dataclass(frozen=True)
class Column:
    """One column of a contract.

    Attributes:
        name: column name.
        type: ``text``, ``integer`` or ``number``.
        required: whether every row has a value.
        description: what the column means.
        allowed: the only values it may have, or empty.
        minimum, maximum: bounds of a number, both included.
    """

    name: str
    type: str
    required: bool
    description: str
    allowed: tuple[Any, ...] = ()
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class Contract:
    """What a monitor's long table promises.

    Attributes:
        monitor: name of the monitor and of its vault folder.
        title, description, source, licence: for people.
        key: columns that together name one row.
        columns: in the order of the table.
        expectations: further Great Expectations expectations: a type, its arguments, and with ``where`` the rows it is
            about, as column to condition (``is_null``, ``is_not_null``, ``is_in`` or ``is_not_in`` with values).
    """

    monitor: str
    title: str
    description: str
    source: str
    licence: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    expectations: tuple[dict[str, Any], ...]

    @property
    def names(self) -> list[str]:
        """Names of the columns, in order."""
        return [column.name for column in self.columns]

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema: the columns in order, with their types and descriptions."""
        return pa.schema(
            [
                pa.field(
                    column.name,
                    _ARROW_TYPES[column.type],
                    nullable=not column.required,
                    metadata={"description": column.description},
                )
                for column in self.columns
            ]
        )


@cache
def load_contract(monitor: str, folder: Path = EXPECTATIONS / "monitors") -> Contract:
    """Read the contract of a monitor.

    Args:
        monitor: name of the monitor.
        folder: folder of the contracts.

    Raises:
        FileNotFoundError: when there is no such contract.
        KeyError, TypeError: when the contract misses a part or has one that nobody reads.
    """
    raw = yaml.safe_load((folder / f"{monitor}.yml").read_text(encoding="utf-8"))
    columns = []
    for column in raw.pop("columns"):
        bounds = {"minimum": column.pop("min", None), "maximum": column.pop("max", None)}
        columns.append(Column(**column | {"allowed": tuple(column.get("allowed", ()))} | bounds))
    return Contract(
        monitor=monitor,
        key=tuple(raw.pop("key")),
        columns=tuple(columns),
        expectations=tuple(raw.pop("expectations")),
        **raw,
    )
