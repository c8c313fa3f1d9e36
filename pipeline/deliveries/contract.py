"""The delivery contract: one YAML file per table in ``expectations/deliveries/``, read into frozen objects.

Belongs here: what a table must look like. From these objects follow the column types in the vault, the judgement per
row, the Great Expectations suite, the documentation page and the template. Does not belong here: judging
(``judge.py``).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pipeline.settings import CONSORTIA, EXPECTATIONS, SEEDS

CONTRACT_VERSION = 1
EARLIEST_DATE = date(1900, 1, 1)

# Type of a column -> its type in the vault.
SQL_TYPES = {
    "identifier": "VARCHAR",
    "code": "VARCHAR",
    "text": "VARCHAR",
    "month": "VARCHAR",
    "time": "VARCHAR",
    "integer": "BIGINT",
    "date": "DATE",
    "boolean": "BOOLEAN",
}
# What a date may be: within the half-year, up to its end, or up to 365 days after its end.
MOMENTS = ("in_period", "until_period_end", "until_a_year_later")
PAIR_EXPECTATION = "expect_column_pair_values_a_to_be_greater_than_b"

_NAME = re.compile(r"^[a-z][a-z0-9_]*$")
_TABLE_KEYS = {"table", "position", "title", "description", "consortia", "required", "key", "columns", "expectations"}
_COLUMN_KEYS = {
    "name",
    "type",
    "required",
    "description",
    "example",
    "entity",
    "references",
    "moment",
    "not_before",
    "values",
    "scale",
    "minimum",
    "maximum",
    "default",
}


class ContractError(ValueError):
    """A contract contradicts itself or the seeds; the message names the file and the fault."""


@dataclass(frozen=True)
class Codes:
    """The codes that a column may hold.

    Attributes:
        labels: code -> Dutch name (the code itself where the contract lists it without a name).
        depends_on: column that decides which of the codes are allowed, or None.
        per: value of that column -> the codes allowed with it.
        seed: name of the seed the codes come from, or None when the contract lists them.
    """

    labels: Mapping[str, str]
    depends_on: str | None = None
    per: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    seed: str | None = None

    @property
    def allowed(self) -> tuple[str, ...]:
        """All codes, in the order of the seed or the contract."""
        return tuple(self.labels)


@dataclass(frozen=True)
class Scale:
    """Bounds of a number that depend on another column.

    Attributes:
        depends_on: the column that decides.
        bounds: value of that column -> lowest and highest value, both included.
        no_opinion: a value that is allowed on every scale.
    """

    depends_on: str
    bounds: Mapping[str, tuple[int, int]]
    no_opinion: int


@dataclass(frozen=True)
class Column:
    """One column of a delivered table.

    Attributes:
        name: name in the delivery and in the vault.
        type: a key of ``SQL_TYPES``.
        required: whether the column must be there and every row must fill it.
        description, example: for people, in Dutch.
        entity: what an identifier names; it is part of the pseudonym. None: not a pseudonymised column.
        references: table and column of the same delivery in which the value must occur, or None.
        moment: one of ``MOMENTS`` for dates and months, or None.
        not_before: a date column of the same row that this date may not precede, or None.
        codes: the codes allowed, for type ``code``.
        scale: bounds that depend on another column, or None.
        minimum, maximum: bounds of a number, both included.
        default: value of an empty cell as delivered (``nee``), or None.
    """

    name: str
    type: str
    description: str
    example: str
    required: bool = False
    entity: str | None = None
    references: tuple[str, str] | None = None
    moment: str | None = None
    not_before: str | None = None
    codes: Codes | None = None
    scale: Scale | None = None
    minimum: int | None = None
    maximum: int | None = None
    default: str | None = None

    @property
    def sql_type(self) -> str:
        """Type in the vault."""
        return SQL_TYPES[self.type]

    @property
    def is_parsed(self) -> bool:
        """Whether a cell may be no value of its type; an identifier or a text is taken as it is."""
        return self.type not in ("identifier", "text")


@dataclass(frozen=True)
class Pair:
    """Two number columns of a row in order: ``larger`` is not below ``smaller``.

    Attributes:
        larger, smaller: the columns.
        sentence: what to tell when they are not in order, in Dutch.
        only_for: column and the values for which it holds, or None for every row.
    """

    larger: str
    smaller: str
    sentence: str
    only_for: tuple[str, tuple[str, ...]] | None = None


@dataclass(frozen=True)
class Contract:
    """The contract of one table.

    Attributes:
        table: resource name.
        title, description: for people, in Dutch.
        consortia: who deliver it.
        required: whether a delivery without it is rejected.
        key: columns that together name one row.
        columns: in the order of the contract.
        pairs: numbers in order.
    """

    table: str
    title: str
    description: str
    consortia: tuple[str, ...]
    required: bool
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    pairs: tuple[Pair, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            KeyError: when the contract does not have it.
        """
        return {column.name: column for column in self.columns}[name]


@cache
def load_contracts(consortium: str | None = None, folder: Path = EXPECTATIONS / "deliveries") -> Mapping[str, Contract]:
    """Read the contracts of all tables, in an order in which a table comes after those it refers to.

    Args:
        consortium: limit codes that belong to a consortium (its indicators) to this one.
        folder: where the YAML files are.

    Returns:
        Contract per table name.

    Raises:
        ContractError: when a file contradicts itself or the seeds.
    """
    found: list[tuple[int, Contract]] = []
    for path in sorted(folder.glob("*.yml")):
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
            found.append((int(content["position"]), _contract(content, consortium)))
        except (KeyError, TypeError, ValueError, yaml.YAMLError) as error:
            raise ContractError(f"{path.name}: {error}") from error
    ordered = {contract.table: contract for _, contract in sorted(found, key=lambda entry: entry[0])}
    _check_references(ordered)
    return ordered


def contracts_for(consortium: str) -> dict[str, Contract]:
    """The contracts of the tables that one consortium delivers, with its own codes.

    Args:
        consortium: ``tom``, ``go`` or ``boost``.

    Raises:
        ContractError: for another consortium, or when a contract is at fault.
    """
    if consortium not in CONSORTIA:
        raise ContractError(f"unknown consortium {consortium!r}; expected one of {', '.join(CONSORTIA)}")
    contracts = load_contracts(consortium)
    return {table: contract for table, contract in contracts.items() if consortium in contract.consortia}


@cache
def read_seed(name: str) -> tuple[dict[str, str], ...]:
    """The rows of a seed, every cell as text.

    Raises:
        ContractError: when there is no such seed.
    """
    path = SEEDS / f"{name}.csv"
    if not path.is_file():
        raise ContractError(f"there is no seed {path.name}")
    with path.open(encoding="utf-8", newline="") as handle:
        return tuple(csv.DictReader(handle))


def consortium_name(code: str) -> str:
    """The name of a consortium."""
    return {row["consortium_code"]: row["name"] for row in read_seed("consortia")}[code]


def threshold(code: str, day: date) -> Decimal:
    """A threshold of ``seeds/thresholds.csv`` as it held on a day.

    Raises:
        ContractError: when there is none, or more than one.
    """
    found = [
        row["value"]
        for row in read_seed("thresholds")
        if row["threshold_code"] == code
        and row["valid_from"] <= day.isoformat()
        and (not row["valid_to"] or day.isoformat() <= row["valid_to"])
    ]
    if len(found) != 1:
        raise ContractError(f"{len(found)} thresholds {code} on {day}")
    return Decimal(found[0])


def _contract(content: dict[str, Any], consortium: str | None) -> Contract:
    _only(content, _TABLE_KEYS, "the contract")
    columns = tuple(_column(entry, consortium) for entry in content["columns"])
    contract = Contract(
        table=_name(content["table"]),
        title=content["title"],
        description=content["description"],
        consortia=tuple(content["consortia"]),
        required=_boolean(content["required"]),
        key=tuple(content["key"]),
        columns=columns,
        pairs=tuple(_pair(entry, consortium) for entry in content.get("expectations", [])),
    )
    if len(set(contract.names)) != len(columns):
        raise ContractError("a column name occurs twice")
    unknown = set(contract.consortia) - set(CONSORTIA)
    if unknown or not contract.consortia:
        raise ContractError(f"unknown or no consortia: {sorted(unknown)}")
    mentioned = {*contract.key, *_mentioned(contract)}
    if not contract.key or not mentioned <= set(contract.names):
        raise ContractError(f"these columns are mentioned but not there: {sorted(mentioned - set(contract.names))}")
    return contract


def _mentioned(contract: Contract) -> set[str]:
    names = {column.not_before for column in contract.columns}
    names |= {column.codes.depends_on for column in contract.columns if column.codes}
    names |= {column.scale.depends_on for column in contract.columns if column.scale}
    for pair in contract.pairs:
        names |= {pair.larger, pair.smaller, pair.only_for[0] if pair.only_for else None}
    return {name for name in names if name}


def _column(entry: dict[str, Any], consortium: str | None) -> Column:
    name = _name(entry["name"])
    _only(entry, _COLUMN_KEYS, name)
    kind, moment = entry["type"], entry.get("moment")
    if kind not in SQL_TYPES:
        raise ContractError(f"{name} has the unknown type {kind!r}")
    if (kind == "code") != ("values" in entry):
        raise ContractError(f"{name}: a code has values, another type has none")
    if (kind in ("date", "month")) != (moment is not None) or moment not in (None, *MOMENTS):
        raise ContractError(f"{name}: a date or month has a moment out of {', '.join(MOMENTS)}, another type has none")
    if "maximum" in entry and "minimum" not in entry:
        raise ContractError(f"{name} has a maximum and no minimum")
    table, _, referred = entry.get("references", "").partition(".")
    codes = _codes(entry["values"], consortium) if "values" in entry else None
    return Column(
        name=name,
        type=kind,
        description=entry["description"],
        # the code of another consortium is no example for this one
        example=entry["example"] if codes is None or entry["example"] in codes.allowed else codes.allowed[0],
        required=_boolean(entry.get("required", False)),
        entity=entry.get("entity"),
        references=(table, referred) if table else None,
        moment=moment,
        not_before=entry.get("not_before"),
        codes=codes,
        scale=_scale(entry["scale"]) if "scale" in entry else None,
        minimum=entry.get("minimum"),
        maximum=entry.get("maximum"),
        default=entry.get("default"),
    )


def _codes(values: list[str] | dict[str, Any], consortium: str | None) -> Codes:
    if isinstance(values, list):
        if not all(isinstance(value, str) for value in values):
            raise ContractError(f"write the codes {values} as text, between quotes")
        return Codes({value: value for value in values})
    _only(values, {"seed", "column", "label", "where", "per", "of_consortium"}, "values")
    rows = _seed_rows(values)
    if consortium and "of_consortium" in values:
        rows = [row for row in rows if row[values["of_consortium"]] == consortium]
    labels = {row[values["column"]]: row[values.get("label", values["column"])] for row in rows}
    if not labels:
        raise ContractError(f"no codes in seed {values['seed']}")
    depends_on, per = None, {}
    if "per" in values:
        ((depends_on, decides),) = values["per"].items()
        for row in rows:
            per[row[decides]] = (*per.get(row[decides], ()), row[values["column"]])
    return Codes(labels, depends_on, per, values["seed"])


def _scale(entry: dict[str, Any]) -> Scale:
    _only(entry, {"seed", "per", "minimum", "maximum", "no_opinion"}, "scale")
    ((depends_on, decides),) = entry["per"].items()
    lowest, highest = entry["minimum"], entry["maximum"]
    bounds = {row[decides]: (int(row[lowest]), int(row[highest])) for row in read_seed(entry["seed"])}
    return Scale(depends_on, bounds, int(entry["no_opinion"]))


def _pair(entry: dict[str, Any], consortium: str | None) -> Pair:
    _only(entry, {"type", "column_A", "column_B", "or_equal", "only_for", "sentence"}, "expectations")
    if entry["type"] != PAIR_EXPECTATION or entry["or_equal"] is not True:
        raise ContractError(f"only {PAIR_EXPECTATION} with or_equal can also be judged per row")
    only_for = None
    if "only_for" in entry:
        only_for = (entry["only_for"]["column"], _codes(entry["only_for"]["values"], consortium).allowed)
    return Pair(entry["column_A"], entry["column_B"], entry["sentence"], only_for)


def _seed_rows(values: dict[str, Any]) -> list[dict[str, str]]:
    conditions = values.get("where", {})
    return [row for row in read_seed(values["seed"]) if all(row[name] == value for name, value in conditions.items())]


def _check_references(contracts: Mapping[str, Contract]) -> None:
    seen: dict[str, Contract] = {}
    for contract in contracts.values():
        for column in contract.columns:
            if column.references and column.references[0] not in seen:
                raise ContractError(f"{contract.table}.{column.name} refers to a table that does not come before it")
            if column.references and seen[column.references[0]].key != (column.references[1],):
                raise ContractError(f"{contract.table}.{column.name} must refer to the key of its table")
        seen[contract.table] = contract


def _name(value: Any) -> str:
    # names become part of SQL and of paths
    if not isinstance(value, str) or not _NAME.match(value):
        raise ContractError(f"{value!r} is not a name of lower-case letters, digits and underscores")
    return value


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ContractError(f"expected true or false, found {value!r}")
    return value


def _only(entry: dict[str, Any], known: set[str], place: str) -> None:
    if unknown := set(entry) - known:
        raise ContractError(f"{place} has unknown keys: {', '.join(sorted(unknown))}")
