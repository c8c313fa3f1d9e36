"""The judgement per row: from the contract to SQL, with every finding of every refused row.

Belongs here: the rules, their sentences, and the DuckDB tables in which typed rows and findings lie. Does not belong
here: files (``reader.py``, ``vault.py``) and what becomes of the delivery as a whole (``intake.py``).

For each table ``t`` a connection then holds ``typed_t`` (all rows), ``accepted_t`` and ``refused_t``, and for all
tables together ``row_findings`` (table_name, check_number, row_number, value).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import duckdb

from pipeline.deliveries import dutch
from pipeline.deliveries.contract import EARLIEST_DATE, Column, Contract, threshold
from pipeline.deliveries.findings import Finding, TableCount
from pipeline.deliveries.parsing import (
    is_excel_error,
    is_formula,
    is_rounded,
    literal,
    trimmed,
    trimmed_slowly,
    typed,
)
from pipeline.deliveries.personal_data import kinds_in
from pipeline.deliveries.reader import RawTable
from pipeline.periods import HalfYear

_ROWS_PER_FINDING = 10_000
_EXAMPLES = 5
_DAYS_AFTER_PERIOD = 365
_CODES_LISTED = 25
# Faults that say of a delivery that its figures may be wrong; other refusals only say that a row is missing.
UNSOUND = ("duplicate_key", "out_of_range", "out_of_scale")
_NOT_OF_TYPE = {
    "integer": ("not_an_integer", "Dit is geen heel getal."),
    "date": ("not_a_date", "Dit is geen bestaande datum. Schrijf 31-12-2024 of 2024-12-31."),
    "month": ("not_a_month", "Dit is geen maand. Schrijf 2024-01."),
    "time": ("not_a_time", "Dit is geen tijd. Schrijf 09:30."),
    "boolean": ("not_a_boolean", "Schrijf ja of nee."),
}
_TEXT_FORMAT = "Geef de kolom in Excel eerst de opmaak Tekst"
# What goes wrong most often with a type: the form of the cell, and what to tell instead of the general sentence.
_SLIPS = {
    "integer": (
        (r"[+-]?\d{1,3}([.,]\d{3})+", "Dit kan duizend of één betekenen. Schrijf 1000, zonder punt of komma."),
    ),
    "date": (
        (r"\d{1,2}[-/.]\d{1,2}[-/.]\d{2}", "Het jaar heeft maar twee cijfers. Schrijf 31-12-2024 of 2024-12-31."),
        (r"[1-6]\d{4}", "Dit lijkt het getal waarmee Excel een datum bewaart. Geef de kolom in Excel de opmaak Datum."),
        (r"[0-9./-]{8,10}[T ].*\d:\d\d.*", "Bij deze datum staat een tijd. Lever alleen de datum, als 31-12-2024."),
    ),
    "month": (
        (r"[A-Za-z]{3,9}[ -]\d{2}", f"Het jaar heeft maar twee cijfers. {_TEXT_FORMAT} en schrijf 2024-01."),
        (r"[1-6]\d{4}", f"Dit lijkt het getal waarmee Excel een datum bewaart. {_TEXT_FORMAT} en schrijf 2024-01."),
    ),
    "time": (
        (r"0?[.,]\d+", "Dit lijkt het getal waarmee Excel een tijd bewaart. Geef de kolom in Excel de opmaak Tijd."),
    ),
    "code": (
        (
            r"\d{1,2}-[A-Za-z]{3}|[A-Za-z]{3}-\d{2}|\d{4}-\d{2}-\d{2}|\d{1,2}-\d{1,2}-\d{4}",
            f"Excel heeft van deze code een datum gemaakt. {_TEXT_FORMAT} en schrijf de code opnieuw.",
        ),
    ),
}
_EXCEL_ERROR = (
    "Hier staat een foutmelding van Excel, zoals #N/B. Vul de waarde zelf in, of laat de cel leeg als dat mag."
)
_FORMULA = "Deze cel begint als een formule, met =, +, - of @. Lever de uitkomst, of begin de zin met een woord."
_ROUNDED = f"Excel heeft dit kenmerk afgerond; de laatste cijfers zijn weg. {_TEXT_FORMAT} en lever het hele kenmerk."
_DATE_LIKE = re.compile(r"^\d{1,4}([-/.:]\d{1,4}){1,2}$")
_FORMULA_LIKE = re.compile(r"^(=|@|[+-](?!\d))")  # where somebody opens the list of findings
_NUMBER_LIKE = re.compile(r"^[+-]?\d{1,3}([.,]\d{1,3})?$")


@dataclass(frozen=True)
class _Check:
    """One rule on one column: which rows break it, and what to tell.

    Attributes:
        condition: SQL that is true for a row that breaks it.
        column: column to name, None for the row as a whole.
        value: SQL of the text that may be shown, if it may be.
        join: further SQL between FROM and WHERE.
    """

    rule: str
    sentence: str
    condition: str
    column: Column | None = None
    value: str = "null"
    join: str = ""


def judge_rows(
    connection: duckdb.DuckDBPyConnection,
    raws: Mapping[str, RawTable],
    contracts: Mapping[str, Contract],
    period: HalfYear,
) -> tuple[dict[str, TableCount], list[Finding]]:
    """Type and judge all rows of a delivery.

    Args:
        connection: holds the tables as read; they are replaced by typed ones.
        raws: the tables as read.
        contracts: the consortium's contracts, each table after those it refers to.
        period: the half-year that is delivered.

    Returns:
        Counts per table, and the findings: one per rule and column.
    """
    connection.execute(
        "create or replace table row_findings "
        "(table_name varchar, check_number integer, row_number bigint, value varchar)"
    )
    counts: dict[str, TableCount] = {}
    findings: list[Finding] = []
    present = {table: set(raws[table].positions(contracts[table].names)) for table in contracts if table in raws}
    for table, columns in present.items():
        contract = contracts[table]
        missing = [column for column in contract.columns if column.required and column.name not in columns]
        if columns:
            findings.extend(_missing_column(table, column) for column in missing)
        else:
            findings.append(_no_headings(table))
        _type_rows(connection, contract, raws[table])
        checks = list(_checks(contract, columns, period, present))
        _apply(connection, table, checks)
        if not set(contract.key) & {column.name for column in missing}:
            checks.append(_duplicate_check(contract))
            _find_duplicates(connection, contract, len(checks) - 1)
        _split(connection, table)
        counts[table] = _count(connection, table, checks)
        findings.extend(_summaries(connection, table, checks))
        if (limit := _too_many(counts[table], period)) is not None:
            findings.append(_too_many_refused(table, counts[table], limit))
    return counts, findings


def vault_rows(contract: Contract, relation: str, *, consortium: str, period: str, version: int) -> str:
    """SQL of a table's rows as they are kept: identifiers pseudonymised, with where they came from, in order.

    Every identifier is hashed where it stands: a list of millions of identifiers would take far more memory than it
    saves time.

    Args:
        contract: the table.
        relation: ``accepted_<table>`` or ``refused_<table>``.
        consortium, period, version: of the delivery.
    """
    return _kept(contract, relation, [], consortium, period, version)


def _kept(contract: Contract, relation: str, others: list[str], consortium: str, period: str, version: int) -> str:
    columns = [
        f'pseudonym({literal(column.entity)}, "{column.name}") as "{column.name}"'
        if column.entity
        else f'"{column.name}"'
        for column in contract.columns
    ]
    # sorted before they are hashed: pseudonyms are long
    return (
        f"select {', '.join(columns)}, {literal(consortium)}::varchar as consortium, "
        f"{literal(period)}::varchar as period, {version}::integer as version, {', '.join(['row_number', *others])} "
        f"from (select * from {relation} order by row_number)"
    )


def quarantine_rows(contract: Contract, *, consortium: str, period: str, version: int) -> str:
    """SQL of a table's refused rows: as in the vault, without the cells that could not be read, and with their
    findings.

    A cell that is not of its type stays out: it may be an identifier or a name in the wrong place. The consortium's own
    file has it, under the same row number.
    """
    relation = f"(select * from refused_{contract.table} join said_{contract.table} using (row_number))"
    return _kept(contract, relation, ["findings"], consortium, period, version)


def maximum_refused_share(period: HalfYear) -> Decimal:
    """The share of refused rows above which a delivery is rejected, as it held at the end of a half-year."""
    return threshold("maximum_refused_share", period.ends_on)


# --- typing ---


def _type_rows(connection: duckdb.DuckDBPyConnection, contract: Contract, raw: RawTable) -> None:
    places = raw.positions(contract.names)
    width = len(raw.headings)
    cells = [f"c{position}" for position in places.values()]
    # what lies outside the contract only tells that a row is not empty; rows of very wide tables never are
    others = [f"c{position}" for position in range(width) if position not in places.values()]
    rest = trimmed_slowly(f"concat({', '.join(['surplus', *others])})") if not raw.is_wide else "'filled'"
    # per column of the contract: its value, and for what is no plain text the cell that could not be read
    values, kept = [], []
    for column in contract.columns:
        text = f"c{places[column.name]}" if column.name in places else "null::varchar"
        value = typed(text, column)
        if column.default:
            value = f"case when {text} is null then {typed(literal(column.default), column)} else {value} end"
        values.append(f'{value} as "{column.name}"')
        kept.append(f'"{column.name}"')
        if column.is_parsed:
            kept.append(f'case when "{column.name}" is null then {text} end as "{column.name}__text"')
    trimmed_cells = [f"{trimmed(cell)} as {cell}" for cell in cells]
    # cells of a row that is too short or too long may be in the wrong place: none of them is taken
    sound_cells = [f"case when cells = {width} then {cell} end as {cell}" for cell in cells]
    connection.execute(
        f"""
        create or replace table typed_{contract.table} as
        select row_number, is_malformed, {", ".join(kept)}
        from (
            select *, {", ".join(values)}
            from (
                select {", ".join(["row_number", f"cells <> {width} as is_malformed", *sound_cells])}
                from (
                    select {", ".join(["row_number", "cells", f"{rest} as rest", *trimmed_cells])} from {raw.relation}
                )
                where coalesce({", ".join([*cells, "rest"])}) is not null
            )
        )
        """
    )
    raw.drop(connection)


# --- the rules ---


def _checks(
    contract: Contract, columns: Collection[str], period: HalfYear, present: Mapping[str, Collection[str]]
) -> Iterator[_Check]:
    yield _Check(
        "row_width",
        "De rij heeft te weinig of te veel cellen. Controleer het scheidingsteken en de aanhalingstekens.",
        "is_malformed",
    )
    for column in contract.columns:
        if column.name in columns:
            yield from _cell_checks(column)
            yield from _date_checks(column, period)
            yield from _dependent_checks(column)
            yield from _reference_checks(column, present)
    for pair in contract.pairs:
        only = f'"{pair.only_for[0]}" in ({_literals(pair.only_for[1])}) and ' if pair.only_for else ""
        yield _Check(
            "out_of_order",
            pair.sentence,
            f'{only}"{pair.larger}" < "{pair.smaller}"',
            contract.column(pair.smaller),
        )


def _cell_checks(column: Column) -> Iterator[_Check]:
    name = f'"{column.name}"'
    text = f'"{column.name}__text"' if column.is_parsed else "null"
    if column.required:
        yield _Check("missing_value", "Deze cel moet ingevuld zijn.", f"{name} is null and {text} is null", column)
    yield from _spreadsheet_checks(column)
    if column.codes:
        allowed = column.codes.allowed
        known = f" Toegestaan: {', '.join(allowed)}." if len(allowed) <= _CODES_LISTED else ""
        yield from _type_checks(column, "unknown_code", f"Deze code staat niet in de lijst.{known}")
    elif column.type in _NOT_OF_TYPE:
        yield from _type_checks(column, *_NOT_OF_TYPE[column.type])
    if column.minimum is not None:
        low, high = column.minimum, column.maximum
        words = f"van {low} tot en met {high}" if high is not None else f"{low} of hoger"
        bounds = [f"{name} < {low}"] + ([f"{name} > {high}"] if high is not None else [])
        yield _Check("out_of_range", f"Het getal moet {words} zijn.", " or ".join(bounds), column, f"{name}::varchar")


def _spreadsheet_checks(column: Column) -> Iterator[_Check]:
    """What a spreadsheet leaves behind in a cell, or would run when somebody opens the file."""
    text = f'"{column.name}__text"' if column.is_parsed else f'"{column.name}"'
    yield _Check("excel_error", _EXCEL_ERROR, is_excel_error(text), column)
    if column.type in ("identifier", "text", "code"):
        yield _Check("formula_text", _FORMULA, is_formula(text), column)
    if column.type == "identifier":
        yield _Check("rounded_identifier", _ROUNDED, is_rounded(text), column)


def _type_checks(column: Column, rule: str, sentence: str) -> Iterator[_Check]:
    """A cell that is not of its type: the usual slips with a sentence of their own, then all others."""
    text = f'"{column.name}__text"'
    remains = f"{text} is not null and not {is_excel_error(text)}"
    if column.codes:
        remains += f" and not {is_formula(text)}"
    for form, told in _SLIPS.get(column.type, ()):
        matches = f"regexp_full_match({text}, {literal(form)})"
        yield _Check(rule, told, f"{remains} and {matches}", column, text)
        remains += f" and not {matches}"
    yield _Check(rule, sentence, remains, column, text)


def _date_checks(column: Column, period: HalfYear) -> Iterator[_Check]:
    name = f'"{column.name}"'
    first, last = period.starts_on, period.ends_on
    value = f"{name}::varchar"
    if column.type == "month":
        condition = f"{name} not between '{first:%Y-%m}' and '{last:%Y-%m}'"
        sentence = f"De maand ligt buiten het halfjaar van deze levering ({period})."
        yield _Check("outside_period", sentence, condition, column, value)
        return
    if column.type != "date":
        return
    yield _Check(
        "before_1900",
        f"De datum ligt vóór {dutch.day(EARLIEST_DATE)}.",
        f"{name} < {_day(EARLIEST_DATE)}",
        column,
        value,
    )
    if column.moment == "in_period":
        days = f"{dutch.day(first)} tot en met {dutch.day(last)}"
        sentence = f"De datum ligt buiten het halfjaar van deze levering ({days})."
        condition = f"{name} >= {_day(EARLIEST_DATE)} and {name} not between {_day(first)} and {_day(last)}"
        yield _Check("outside_period", sentence, condition, column, value)
    elif column.moment == "until_period_end":
        sentence = f"De datum ligt na het einde van het halfjaar ({dutch.day(last)})."
        yield _Check("after_period", sentence, f"{name} > {_day(last)}", column, value)
    else:
        latest = last + timedelta(days=_DAYS_AFTER_PERIOD)
        sentence = f"De datum ligt te ver na het einde van het halfjaar (uiterlijk {dutch.day(latest)})."
        yield _Check("after_period", sentence, f"{name} > {_day(latest)}", column, value)
    if column.not_before:
        sentence = f"De datum ligt vóór {column.not_before}."
        yield _Check("before_start", sentence, f'{name} < "{column.not_before}"', column, value)


def _dependent_checks(column: Column) -> Iterator[_Check]:
    name = f'"{column.name}"'
    if column.codes and column.codes.depends_on:
        other = column.codes.depends_on
        fits = " ".join(
            f"when {literal(value)} then {name} in ({_literals(codes)})" for value, codes in column.codes.per.items()
        )
        sentence = f"Deze code past niet bij de waarde van {other}."
        yield _Check(
            "code_does_not_fit", sentence, f'{name} is not null and not case "{other}" {fits} end', column, name
        )
    if column.scale:
        other = column.scale.depends_on
        fits = " ".join(
            f"when {literal(value)} then {name} between {low} and {high}"
            for value, (low, high) in column.scale.bounds.items()
        )
        sentence = (
            f"Het getal past niet bij de schaal van deze {other}. "
            f"{column.scale.no_opinion} betekent geen mening of niet van toepassing."
        )
        condition = f'{name} <> {column.scale.no_opinion} and not case "{other}" {fits} end'
        yield _Check("out_of_scale", sentence, condition, column, f"{name}::varchar")


def _reference_checks(column: Column, present: Mapping[str, Collection[str]]) -> Iterator[_Check]:
    if not column.references:
        return
    table, referred = column.references
    if referred not in present.get(table, ()):
        return  # the table or its key is missing: that is a finding of its own
    yield _Check(
        "unknown_reference",
        f"Dit kenmerk heeft in {table} van deze levering geen rij, of die rij is geweigerd.",
        f'"{column.name}" is not null',
        column,
        join=f'anti join accepted_{table} as referred on t."{column.name}" = referred."{referred}"',
    )


def _apply(connection: duckdb.DuckDBPyConnection, table: str, checks: list[_Check]) -> None:
    selects = []
    for number, check in enumerate(checks):
        # cells of a row with too few or too many of them may be in the wrong place
        sound = "" if check.rule == "row_width" else "not is_malformed and "
        selects.append(
            f"select {literal(table)}, {number}, row_number, {check.value} "
            f"from typed_{table} as t {check.join} where {sound}({check.condition})"
        )
    connection.execute(f"insert into row_findings {' union all '.join(selects)}")


def _duplicate_check(contract: Contract) -> _Check:
    key = contract.key
    words = f"dezelfde combinatie van {', '.join(key[:-1])} en {key[-1]}" if len(key) > 1 else f"hetzelfde {key[0]}"
    return _Check("duplicate_key", f"Een andere rij heeft {words}; alleen die andere rij telt mee.", "")


def _find_duplicates(connection: duckdb.DuckDBPyConnection, contract: Contract, number: int) -> None:
    """The first row of a key that is sound in itself stays; all others with that key are refused."""
    columns = [contract.column(name) for name in contract.key]
    usable = ["not is_malformed"]
    usable += [f'"{column.name}" is not null' for column in columns if column.required]
    usable += [f'"{column.name}__text" is null' for column in columns if column.is_parsed and not column.required]
    key = ", ".join(f'"{name}"' for name in contract.key)
    same = " and ".join(f'usable."{name}" is not distinct from repeated."{name}"' for name in contract.key)
    in_usable = ", ".join(f'usable."{name}"' for name in contract.key)
    connection.execute(
        f"""
        insert into row_findings
        with usable as (select row_number, {key} from typed_{contract.table} where {" and ".join(usable)}),
        repeated as (select {key} from usable group by {key} having count(*) > 1),
        refused as (select distinct row_number from row_findings where table_name = {literal(contract.table)}),
        ranked as (
            select
                usable.row_number,
                row_number() over (
                    partition by {in_usable} order by refused.row_number is not null, usable.row_number
                ) as place
            from usable
            inner join repeated on {same}
            left join refused on usable.row_number = refused.row_number
        )
        select {literal(contract.table)}, {number}, row_number, null from ranked where place > 1
        """
    )


# --- the outcome ---


def _split(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    connection.execute(
        f"create or replace table refused_rows_{table} as "
        f"select distinct row_number from row_findings where table_name = {literal(table)}"
    )
    for name, join in (("accepted", "anti"), ("refused", "semi")):
        connection.execute(
            f"create or replace view {name}_{table} as "
            f"select * from typed_{table} {join} join refused_rows_{table} using (row_number)"
        )


def _count(connection: duckdb.DuckDBPyConnection, table: str, checks: list[_Check]) -> TableCount:
    unsound_checks = [number for number, check in enumerate(checks) if check.rule in UNSOUND]
    received, refused, unsound = connection.execute(
        f"""
        select
            (select count(*) from typed_{table}),
            (select count(*) from refused_rows_{table}),
            (
                select count(distinct row_number) from row_findings
                where table_name = {literal(table)} and list_contains(?::integer[], check_number)
            )
        """,
        [unsound_checks],
    ).fetchone()
    return TableCount(received, received - refused, refused, unsound)


def _summaries(connection: duckdb.DuckDBPyConnection, table: str, checks: list[_Check]) -> list[Finding]:
    """One finding per check, and for the quarantine what each row has."""
    groups = connection.execute(
        f"""
        select check_number, count(*), min(row_number, {_ROWS_PER_FINDING})
        from row_findings where table_name = ? group by check_number order by check_number
        """,
        [table],
    ).fetchall()
    findings = []
    for number, count, rows in groups:
        check = checks[number]
        findings.append(
            Finding(
                level="row",
                rule=check.rule,
                sentence=check.sentence,
                table=table,
                column=check.column.name if check.column else None,
                count=count,
                rows=tuple(rows),
                examples=_examples(connection, table, number, check),
            )
        )
    names = [f"{check.column.name}: {check.rule}" if check.column else check.rule for check in checks]
    listed = ", ".join(literal(name) for name in names)
    # a bit per check: lists of texts would have to stay in memory when millions of rows are refused
    connection.execute(
        f"""
        create or replace view said_{table} as
        select row_number, array_to_string(
            list_transform(
                list_filter(range({len(names)}), lambda place: (broken >> place::integer) & 1 = 1),
                lambda place: [{listed}][place + 1]
            ), '; '
        ) as findings
        from (
            select row_number, bit_or(1::hugeint << check_number) as broken
            from row_findings where table_name = {literal(table)} group by row_number
        )
        """
    )
    return findings


def _examples(connection: duckdb.DuckDBPyConnection, table: str, number: int, check: _Check) -> tuple[str, ...]:
    if check.value == "null":
        return ()
    values = connection.execute(
        "select distinct value from row_findings where table_name = ? and check_number = ? and value is not null "
        "order by value limit 200",
        [table, number],
    ).fetchall()
    return tuple(value for (value,) in values if may_be_shown(value, check.column))[:_EXAMPLES]


def may_be_shown(value: str, column: Column) -> bool:
    """Whether a refused value may be repeated: only if it can be no name and no identifier in the wrong column.

    Args:
        value: the cell, trimmed.
        column: where it stood.
    """
    if kinds_in(value) or _FORMULA_LIKE.match(value):
        return False
    if column.type in ("date", "month", "time"):
        return bool(_DATE_LIKE.match(value))
    if column.type == "integer":
        return bool(_NUMBER_LIKE.match(value))
    if column.codes:
        # a code of another year or municipality, or a slip of the pen
        known = {code.lower() for code in column.codes.allowed}
        shapes = {_shape(code) for code in known if any(sign.isdigit() for sign in code)}
        return _shape(value.lower()) in shapes or bool(difflib.get_close_matches(value.lower(), known, 1, 0.75))
    return False


def _shape(code: str) -> str:
    return re.sub(r"\d", "9", code)


def _too_many(count: TableCount, period: HalfYear) -> Decimal | None:
    limit = maximum_refused_share(period)
    return limit if count.refused > limit * count.received else None


def _too_many_refused(table: str, count: TableCount, limit: Decimal) -> Finding:
    share = f"{limit * 100:f}".rstrip("0").rstrip(".").replace(".", ",")
    sentence = (
        f"Van de {count.received} rijen zijn er {count.refused} geweigerd. Dat is meer dan {share} procent en wijst op "
        "een fout in de hele tabel; daarom is de hele levering afgewezen."
    )
    return Finding("table", "too_many_refused", sentence, table)


def _missing_column(table: str, column: Column) -> Finding:
    sentence = "Deze verplichte kolom ontbreekt, of heeft een andere naam dan in het leveringscontract."
    return Finding("table", "missing_column", sentence, table, column.name)


def _no_headings(table: str) -> Finding:
    sentence = (
        "De eerste rij bevat geen enkele kolomnaam van het leveringscontract. Zet daar de kolomnamen, en de gegevens "
        "eronder."
    )
    return Finding("table", "missing_column", sentence, table)


def _literals(values: Collection[str]) -> str:
    return ", ".join(literal(value) for value in values)


def _day(day: date) -> str:
    return f"date '{day.isoformat()}'"
