"""The corpus: broken and odd deliveries as other people make them, each with what the contract says of it.

Belongs here: one delivery at a time. What needs several in a row (half-uploaded folders, corrections, versions) is in
``test_corpus.py``.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from corpus.parcel import ADDRESS, BSN, DISTRICTS, EMAIL, IBAN, IDENTIFIER, MARK, PHONE, SURNAME, Parcel, sound

ACCEPTED, PARTIAL, REJECTED, INCOMPLETE = "accepted", "partially_accepted", "rejected", "incomplete"


@dataclass(frozen=True)
class Case:
    """One delivery and what becomes of it.

    Attributes:
        name: what it is.
        spoil: what its maker does to a sound delivery.
        status: expected outcome.
        rules: codes of the findings, all of them and no others.
        says: words that stand in the sentence of a finding.
        refused: how many rows are refused in all, None when it does not matter.
        consortium: whose delivery it is.
    """

    name: str
    spoil: Callable[[Parcel], None]
    status: str
    rules: frozenset[str]
    says: str
    refused: int | None
    consortium: str

    @property
    def is_read(self) -> bool:
        """Whether its tables are read: that is what takes time."""
        return not self.rules or not self.rules <= _UNREAD


_UNREAD = frozenset(
    (
        "descriptor_unreadable",
        "descriptor_field",
        "consortium_mismatch",
        "period_mismatch",
        "version_mismatch",
        "contract_version",
        "unsafe_path",
        "hash_mismatch",
        "incomplete",
    )
)

CASES: list[Case] = []


def case(status: str, *rules: str, says: str = "", refused: int | None = None, by: str = "boost"):
    """Put a delivery in the corpus."""

    def put(spoil: Callable[[Parcel], None]) -> Callable[[Parcel], None]:
        CASES.append(Case(spoil.__name__, spoil, status, frozenset(rules), says, refused, by))
        return spoil

    return put


def each_table(parcel: Parcel, encoding: str, prefix: bytes = b"", **how) -> None:
    for table in parcel.tables:
        parcel.put(table, prefix + parcel.csv(table, **how).encode(encoding))


def set_cell(parcel: Parcel, table: str, column: str, value: object, row: int = 1) -> None:
    """Row 1 is the first one under the column names."""
    for place, each in enumerate(parcel.tables[table], start=1):
        each.setdefault(column, "")
        if place == row:
            each[column] = value


def set_column(parcel: Parcel, table: str, column: str, values: list) -> None:
    for place, each in enumerate(parcel.tables[table]):
        each[column] = values[place % len(values)]


# --- encodings ---


@case(ACCEPTED)
def utf8_with_mark(parcel: Parcel) -> None:
    each_table(parcel, "utf-8-sig")


@case(ACCEPTED)
def utf16_little_endian(parcel: Parcel) -> None:
    each_table(parcel, "utf-16-le", b"\xff\xfe")


@case(ACCEPTED)
def utf16_big_endian(parcel: Parcel) -> None:
    each_table(parcel, "utf-16-be", b"\xfe\xff")


@case(ACCEPTED)
def utf16_little_endian_without_mark(parcel: Parcel) -> None:
    each_table(parcel, "utf-16-le")


@case(ACCEPTED)
def utf16_big_endian_without_mark(parcel: Parcel) -> None:
    each_table(parcel, "utf-16-be")


@case(ACCEPTED)
def windows_1252_with_accent_and_euro(parcel: Parcel) -> None:
    set_cell(parcel, "duiding", "verhaal", "De prijs van één kop koffie is €2 in het café.")
    each_table(parcel, "cp1252")


@case(REJECTED, "unreadable_file", says="UTF-8")
def two_encodings_in_one_file(parcel: Parcel) -> None:
    sound_half, other_half = parcel.csv("bezoek").split("WK048402", 1)
    parcel.put("bezoek", sound_half.encode("utf-8") + ("WK048402" + other_half).encode("cp1252"))


@case(REJECTED, "unreadable_file", says="UTF-8")
def bytes_of_no_encoding(parcel: Parcel) -> None:
    parcel.put("bezoek", parcel.csv("bezoek").encode("cp1252").replace(b"Buurthuis", b"Buurt\x81\x8dhuis"))


@case(REJECTED, "unreadable_file", says="codering")
def declared_utf8_but_windows_1252(parcel: Parcel) -> None:
    parcel.put("bezoek", parcel.csv("bezoek"), "cp1252")
    parcel.entry("bezoek")["encoding"] = "utf-8"


@case(REJECTED, "unreadable_file", says="codering")
def declared_windows_1252_but_utf8(parcel: Parcel) -> None:
    parcel.put("bezoek", parcel.csv("bezoek"), "utf-8")
    parcel.entry("bezoek")["encoding"] = "windows-1252"


@case(REJECTED, "unreadable_file", says="codering")
def declared_encoding_that_does_not_exist(parcel: Parcel) -> None:
    parcel.entry("bezoek")["encoding"] = "klingon"


@case(REJECTED, "unreadable_file")
def utf32(parcel: Parcel) -> None:
    each_table(parcel, "utf-32")
    for table in [name for name in parcel.tables if name != "bezoek"]:
        parcel.put(table, parcel.csv(table))


# --- separators, quotes, lines ---


@case(ACCEPTED)
def commas(parcel: Parcel) -> None:
    set_cell(parcel, "duiding", "verhaal", "Drukker, voller, en beter.")
    each_table(parcel, "utf-8", separator=",")


@case(ACCEPTED)
def tabs(parcel: Parcel) -> None:
    each_table(parcel, "utf-8", separator="\t")


@case(ACCEPTED)
def every_cell_quoted(parcel: Parcel) -> None:
    each_table(parcel, "utf-8", quoted=True, ending="\r\n")


@case(REJECTED, "unreadable_file", says="puntkomma")
def bars(parcel: Parcel) -> None:
    parcel.put("bezoek", parcel.csv("bezoek", separator="|"))


@case(REJECTED, "descriptor_field", says="delimiter")
def bars_in_the_dialect(parcel: Parcel) -> None:
    parcel.put("bezoek", parcel.csv("bezoek", separator="|"))
    parcel.entry("bezoek")["dialect"] = {"delimiter": "|"}


@case(ACCEPTED)
def excel_separator_line(parcel: Parcel) -> None:
    parcel.put("bezoek", "sep=;\r\n" + parcel.csv("bezoek", ending="\r\n"))


@case(ACCEPTED)
def separators_quotes_and_lines_in_a_cell(parcel: Parcel) -> None:
    set_cell(parcel, "duiding", "verhaal", 'Men zegt: "het is druk; te druk".\nDat klopt.\r\n\r\nEcht.')


@case(REJECTED, "unreadable_file", says="aanhalingsteken")
def quote_that_is_never_closed(parcel: Parcel) -> None:
    parcel.put("bezoek", parcel.csv("bezoek").replace("Buurthuis 1", '"Buurthuis 1', 1))


@case(ACCEPTED)
def carriage_returns_alone(parcel: Parcel) -> None:
    each_table(parcel, "utf-8", ending="\r")


@case(ACCEPTED)
def separators_behind_every_line(parcel: Parcel) -> None:
    each_table(parcel, "utf-8", ending=";;;\r\n")


@case(PARTIAL, "not_an_integer", "unknown_reference", refused=2)
def blank_lines_keep_the_row_numbers(parcel: Parcel) -> None:
    set_cell(parcel, "gesprekken", "duur_minuten", "kort", row=3)
    lines = parcel.csv("gesprekken").split("\n")
    parcel.put("gesprekken", "\n".join([*lines[:2], "", ";;;;;;;;", *lines[2:]]) + "\n\n\n")


@case(PARTIAL, "row_width", "unknown_reference", refused=2)
def row_with_a_cell_too_many(parcel: Parcel) -> None:
    text = parcel.csv("gesprekken")
    parcel.put("gesprekken", text.replace("Team Ridderveld", "Team Ridderveld; locatie Noord", 1))


# --- cells ---


@case(ACCEPTED)
def every_form_of_a_date(parcel: Parcel) -> None:
    year, month, _ = parcel.day.split("-")
    forms = [f"09-{month}-{year}", f"9-{month}-{year}", f"09/{month}/{year}", f"9.{int(month)}.{year}", parcel.day]
    set_column(parcel, "gesprekken", "afgenomen_op", forms)


@case(ACCEPTED)
def every_form_of_a_month(parcel: Parcel) -> None:
    names = ["jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec"]
    for place, row in enumerate(parcel.tables["toeleiding"]):
        year, month = row["maand"].split("-")
        row["maand"] = [f"{month}-{year}", f"{names[int(month) - 1]} {year}", row["maand"]][place % 3]


@case(PARTIAL, "not_a_date", "unknown_reference", says="twee cijfers", refused=2)
def year_of_two_digits(parcel: Parcel) -> None:
    set_cell(parcel, "gesprekken", "afgenomen_op", "09-04-24")


@case(PARTIAL, "not_a_date", "unknown_reference", says="bestaande datum", refused=2)
def thirtieth_of_february(parcel: Parcel) -> None:
    set_cell(parcel, "gesprekken", "afgenomen_op", "30-02-2024")


@case(PARTIAL, "not_a_date", "unknown_reference", says="bestaande datum", refused=2)
def american_date(parcel: Parcel) -> None:
    set_cell(parcel, "gesprekken", "afgenomen_op", "04/29/2024")


@case(PARTIAL, "not_a_date", "unknown_reference", says="Excel", refused=2)
def number_of_a_day(parcel: Parcel) -> None:
    set_cell(parcel, "gesprekken", "afgenomen_op", "45391")


@case(PARTIAL, "not_a_date", "unknown_reference", says="31-12-2024", refused=2)
def date_in_words(parcel: Parcel) -> None:
    set_cell(parcel, "gesprekken", "afgenomen_op", "negen april jl.")


@case(PARTIAL, "before_1900", refused=1, by="tom")
def date_before_1900(parcel: Parcel) -> None:
    # a participation row stands for its client, so take a client who is nowhere else
    row = dict(parcel.tables["clienten"][0], client_id="C-999999", in_zorg_sinds="01-01-0203")
    parcel.tables["clienten"].append(row)


@case(PARTIAL, "after_period", refused=1, by="tom")
def open_end_as_the_year_9999(parcel: Parcel) -> None:
    row = dict(parcel.tables["clienten"][0], client_id="C-999999", uit_zorg_op="9999-12-31")
    parcel.tables["clienten"].append(row)


@case(PARTIAL, "before_start", refused=1, by="go")
def end_before_the_start(parcel: Parcel) -> None:
    set_cell(parcel, "trajecten", "geeindigd_op", "2019-01-01")


@case(ACCEPTED)
def whole_numbers_with_decimals(parcel: Parcel) -> None:
    set_column(parcel, "bezoek", "bezoeken", ["410,0", "410.0", "410"])


@case(PARTIAL, "not_an_integer", refused=1)
def half_a_visit(parcel: Parcel) -> None:
    set_cell(parcel, "bezoek", "bezoeken", "410,5")


@case(PARTIAL, "not_an_integer", says="1000", refused=1)
def thousand_with_a_point(parcel: Parcel) -> None:
    set_cell(parcel, "bezoek", "bezoeken", "1.000")


@case(PARTIAL, "not_an_integer", "out_of_order", "out_of_range", refused=3)
def numbers_that_are_none(parcel: Parcel) -> None:
    rows = parcel.tables["bezoek"]
    rows += [dict(row, voorziening=name) for name in ("Speeltuin", "Moestuin") for row in rows[:48]]
    set_cell(parcel, "bezoek", "bezoeken", "veel", row=1)
    set_cell(parcel, "bezoek", "bezoeken", "3", row=2)
    set_cell(parcel, "bezoek", "vrijwilligers", "-4", row=3)


@case(PARTIAL, "excel_error", "not_an_integer", "not_a_time", "not_a_date", refused=4)
def words_for_nothing(parcel: Parcel) -> None:
    more = [dict(row, gesprek_id=f"H-{place:06d}") for place, row in enumerate(parcel.tables["gesprekken"] * 4)]
    parcel.tables["gesprekken"] += more
    set_cell(parcel, "gesprekken", "duur_minuten", "#N/B", row=100)
    set_cell(parcel, "gesprekken", "duur_minuten", "NULL", row=101)
    set_cell(parcel, "gesprekken", "begonnen_om", "n.v.t.", row=102)
    set_cell(parcel, "gesprekken", "afgenomen_op", "NA", row=103)


@case(PARTIAL, "missing_value", says="ingevuld", refused=1)
def blanks_that_look_empty(parcel: Parcel) -> None:
    set_cell(parcel, "bezoek", "voorziening", " \u00a0\t")


@case(PARTIAL, "unknown_code", refused=1)
def district_of_another_municipality(parcel: Parcel) -> None:
    set_cell(parcel, "toeleiding", "wijkcode", "WK036300")


@case(PARTIAL, "out_of_scale", says="schaal", refused=1)
def answer_outside_its_scale(parcel: Parcel) -> None:
    set_cell(parcel, "antwoorden", "antwoord", 11)


@case(PARTIAL, "duplicate_key", refused=1)
def duplicate_key(parcel: Parcel) -> None:
    parcel.tables["gesprekken"].append(dict(parcel.tables["gesprekken"][0]))


@case(PARTIAL, "unknown_reference", says="gesprekken", refused=1)
def answer_without_an_interview(parcel: Parcel) -> None:
    set_cell(parcel, "antwoorden", "gesprek_id", f"G-{IDENTIFIER}")


@case(REJECTED, "outside_period", "too_many_refused", says="halfjaar")
def rows_of_another_half_year(parcel: Parcel) -> None:
    for row in parcel.tables["bezoek"]:
        row["maand"] = row["maand"].replace(row["maand"][:4], "2016")


@case(REJECTED, "not_an_integer", "too_many_refused", says="2 procent")
def two_hundred_thousand_refused_rows(parcel: Parcel) -> None:
    head, first, _ = parcel.csv("bezoek").split("\n", 2)
    first = first.replace("400", "vierhonderd")
    parcel.put("bezoek", head + "\n" + "".join(f"{first.replace('Café', f'C{n}')}\n" for n in range(200_000)))


@case(ACCEPTED)
def cell_of_nearly_a_million_signs(parcel: Parcel) -> None:
    set_cell(parcel, "duiding", "verhaal", "Het is drukker. " * 60_000)


@case(REJECTED, "unreadable_file", says="miljoen tekens")
def cell_of_more_than_a_million_signs(parcel: Parcel) -> None:
    set_cell(parcel, "duiding", "verhaal", "Het is drukker. " * 70_000)


@case(REJECTED, "unreadable_file", says="beschadigd")
def nul_bytes(parcel: Parcel) -> None:
    parcel.put("bezoek", parcel.csv("bezoek").replace("Buurthuis", "Buurt\0huis"))


# --- formulas ---


@case(PARTIAL, "formula_text", says="formule", refused=4)
def formulas(parcel: Parcel) -> None:
    more = [dict(row, gesprek_id=f"H-{place:06d}") for place, row in enumerate(parcel.tables["gesprekken"] * 4)]
    parcel.tables["gesprekken"] += more
    link = f'=HYPERLINK("http://{MARK}.example";"Team")'
    for row, text in enumerate((link, "@SUM(A1)", "=cmd|' /C calc'!A0", "+A1"), start=100):
        set_cell(parcel, "gesprekken", "team", text, row=row)


@case(PARTIAL, "formula_text", refused=1)
def formula_as_an_identifier(parcel: Parcel) -> None:
    row = dict(parcel.tables["gesprekken"][0], gesprek_id=f"=1+1|{IDENTIFIER}")
    parcel.tables["gesprekken"].append(row)


@case(ACCEPTED)
def sentences_that_begin_with_a_sign(parcel: Parcel) -> None:
    set_cell(parcel, "duiding", "verhaal", "- Het is drukker dan vorig jaar.")
    set_cell(parcel, "duiding", "verklaring", "+ 5 procent meer bezoek.")


# --- files and tables ---


@case(REJECTED, "unreadable_file", says="leeg")
def file_of_no_bytes(parcel: Parcel) -> None:
    parcel.put("bezoek", "")


@case(REJECTED, "unreadable_file", says="leeg")
def file_of_blank_lines(parcel: Parcel) -> None:
    parcel.put("bezoek", "\n\n  \n")


@case(ACCEPTED)
def only_column_names(parcel: Parcel) -> None:
    parcel.put("toeleiding", "wijkcode;maand;naar;aantal\n")
    parcel.put("duiding", "indicator;wijkcode;verhaal")


@case(REJECTED, "missing_column")
def data_without_column_names(parcel: Parcel) -> None:
    parcel.put("bezoek", parcel.csv("bezoek").split("\n", 1)[1])


@case(ACCEPTED, "extra_column")
def five_thousand_columns(parcel: Parcel) -> None:
    names = ";".join(f"meting{chr(97 + n % 26)}{chr(97 + n // 26 % 26)}{chr(97 + n // 676)}" for n in range(5_000))
    head, *rows = parcel.csv("bezoek").rstrip("\n").split("\n")
    parcel.put("bezoek", "\n".join([f"{head};{names}", *(row + ";1" * 5_000 for row in rows)]))


@case(REJECTED, "missing_column")
def one_column(parcel: Parcel) -> None:
    parcel.put("bezoek", "wijkcode\nWK048401\n")


@case(REJECTED, "duplicate_column", says="twee keer")
def same_column_twice(parcel: Parcel) -> None:
    parcel.put("bezoek", re.sub("vrijwilligers", "vrijwilligers;Vrijwilligers ", parcel.csv("bezoek"), count=1))


@case(ACCEPTED)
def nameless_empty_column(parcel: Parcel) -> None:
    head, *rows = parcel.csv("bezoek").rstrip("\n").split("\n")
    parcel.put("bezoek", "\n".join([f";{head}", *(f";{row}" for row in rows)]))


@case(ACCEPTED)
def column_names_as_people_type_them(parcel: Parcel) -> None:
    head = "Wijk Code;MAAND:;Voorziéning;Bezoeken*; Unieke bezoekers ;VRIJWILLIGERS *"
    parcel.put("bezoek", head + "\n" + parcel.csv("bezoek").split("\n", 1)[1])
    head = "Gesprek-ID*;Vraag;Antwoord"
    parcel.put("antwoorden", head + "\n" + parcel.csv("antwoorden").split("\n", 1)[1])


@case(REJECTED, "title_rows", says="titel")
def title_above_the_column_names(parcel: Parcel) -> None:
    parcel.put("bezoek", "Bezoek basisvoorzieningen;;;;;\n;;;;;\n" + parcel.csv("bezoek"))


@case(REJECTED, "missing_table", says="bezoek")
def required_table_missing(parcel: Parcel) -> None:
    del parcel.tables["bezoek"]


@case(ACCEPTED, "extra_column", says="opmerking")
def extra_columns(parcel: Parcel) -> None:
    set_column(parcel, "bezoek", "opmerking", ["geen", "", MARK])
    set_column(parcel, "bezoek", "naam voorziening", ["De Sluis"])


@case(ACCEPTED, "extra_table")
def extra_table(parcel: Parcel) -> None:
    parcel.put("werkblad", f"a;b\n1;{MARK}\n")


@case(REJECTED, "missing_table", "extra_table", says="consortium")
def tables_of_another_consortium(parcel: Parcel) -> None:
    tables = sound("tom", parcel.period).tables
    parcel.tables = {name: tables[name] for name in ("clienten", "dossiers", "participatie")}


@case(ACCEPTED)
def counts_for_all_that_a_table_gives(parcel: Parcel) -> None:
    del parcel.tables["bezoek"]
    counts = ("boost_bereik", "boost_vrijwilligers")
    parcel.tables["aantallen"] = [
        {"indicator": code, "wijkcode": district, "categorie": "", "noemer": 9000, "teller": 400}
        for code in counts
        for district in DISTRICTS
    ]


@case(REJECTED, "missing_table", says="aantallen")
def counts_for_half_of_what_a_table_gives(parcel: Parcel) -> None:
    counts_for_all_that_a_table_gives(parcel)
    parcel.tables["aantallen"] = parcel.tables["aantallen"][: len(DISTRICTS)]


@case(ACCEPTED, "both_forms", says="aantallen")
def counts_and_records(parcel: Parcel) -> None:
    tables = dict(parcel.tables)
    counts_for_all_that_a_table_gives(parcel)
    parcel.tables |= tables


# --- the descriptor ---


def descriptor(status: str, *rules: str, says: str = "", case_name: str, **fields: object) -> None:
    def spoil(parcel: Parcel) -> None:
        parcel.descriptor |= fields

    spoil.__name__ = case_name
    case(status, *rules, says=says)(spoil)


descriptor(REJECTED, "consortium_mismatch", says="boost", case_name="consortium_of_another", consortium="go")
descriptor(REJECTED, "period_mismatch", says="halfjaar", case_name="period_of_another_folder", period="2019-H2")
descriptor(REJECTED, "version_mismatch", says="versie", case_name="version_of_another_folder", version=99)
descriptor(REJECTED, "version_mismatch", says="versie", case_name="version_as_text", version="1")
descriptor(REJECTED, "contract_version", says="versie 1", case_name="another_contract", contract=2)
descriptor(REJECTED, "contract_version", says="versie 1", case_name="no_contract", contract=None)
descriptor(REJECTED, "descriptor_field", says="created", case_name="created_is_no_moment", created="vorige week")
descriptor(REJECTED, "descriptor_field", says="created", case_name="created_is_a_number", created=20240131)
descriptor(REJECTED, "descriptor_field", says="name", case_name="name_is_a_list", name=["boost"])
descriptor(REJECTED, "descriptor_field", says="resources", case_name="resources_is_an_object", resources={"bezoek": 1})
descriptor(REJECTED, "descriptor_field", says="resources", case_name="resources_of_texts", resources=["bezoek.csv"])
descriptor(REJECTED, "descriptor_field", says="true", case_name="flag_as_text", correction_of_final="ja")
descriptor(ACCEPTED, case_name="unknown_fields", title=MARK, licenses=[{"name": MARK}], contributors=[{"title": EMAIL}])


@case(ACCEPTED)
def descriptor_with_a_mark(parcel: Parcel) -> None:
    _sealed(parcel)
    parcel.raw_descriptor = b"\xef\xbb\xbf" + parcel.described()


@case(REJECTED, "descriptor_unreadable", says="UTF-8")
def descriptor_in_utf16(parcel: Parcel) -> None:
    _sealed(parcel)
    parcel.raw_descriptor = parcel.described().decode().encode("utf-16")


@case(REJECTED, "descriptor_unreadable", says="JSON")
def descriptor_is_a_list(parcel: Parcel) -> None:
    _sealed(parcel)
    parcel.raw_descriptor = b"[" + parcel.described() + b"]"


@case(REJECTED, "descriptor_unreadable", says="JSON")
def descriptor_is_a_story(parcel: Parcel) -> None:
    parcel.raw_descriptor = f"Beste gemeente, hierbij de levering. Groet, mw. {SURNAME}".encode()


@case(REJECTED, "descriptor_unreadable", says="JSON")
def descriptor_with_nan(parcel: Parcel) -> None:
    _sealed(parcel)
    parcel.raw_descriptor = re.sub(rb'"bytes": \d+', b'"bytes": NaN', parcel.described())


@case(REJECTED, "descriptor_unreadable", says="twee keer")
def descriptor_with_a_field_twice(parcel: Parcel) -> None:
    _sealed(parcel)
    parcel.raw_descriptor = parcel.described().replace(b'{\n "name"', b'{\n "resources": [], "name"', 1)


@case(REJECTED, "descriptor_unreadable", says="JSON")
def descriptor_nested_deeply(parcel: Parcel) -> None:
    parcel.raw_descriptor = b'{"name": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"


@case(REJECTED, "descriptor_unreadable", says="groot")
def descriptor_of_ten_megabytes(parcel: Parcel) -> None:
    _sealed(parcel)
    parcel.raw_descriptor = parcel.described()[:-2] + b', "title": "' + b"x" * 10_000_000 + b'"}'


@case(REJECTED, "descriptor_unreadable", says="JSON")
def descriptor_with_an_endless_number(parcel: Parcel) -> None:
    _sealed(parcel)
    parcel.raw_descriptor = re.sub(rb'"version": \d+', b'"version": ' + b"9" * 6_000, parcel.described())


@case(REJECTED, "descriptor_field", says="één keer")
def table_twice_in_the_descriptor(parcel: Parcel) -> None:
    _sealed(parcel)
    entries = parcel.description(parcel.files)["resources"]
    parcel.resources = [*entries, entries[0]]


@case(REJECTED, "descriptor_field", says="hetzelfde bestand")
def two_tables_in_one_csv(parcel: Parcel) -> None:
    parcel.paths["toeleiding"] = "bezoek.csv"


@case(REJECTED, "descriptor_field", says="100")
def thousand_files_in_the_descriptor(parcel: Parcel) -> None:
    empty = hashlib.sha256(b"").hexdigest()
    parcel.resources = [{"name": f"t{n}", "path": f"t{n}.csv", "bytes": 0, "hash": empty} for n in range(1_000)]


def entry_fault(status: str, *rules: str, says: str, name: str, **fields: object) -> None:
    def spoil(parcel: Parcel) -> None:
        parcel.entry("bezoek").update(fields)

    spoil.__name__ = name
    case(status, *rules, says=says)(spoil)


entry_fault(REJECTED, "descriptor_field", says="bytes", name="size_as_text", bytes="1000")
entry_fault(REJECTED, "descriptor_field", says="bytes", name="size_below_zero", bytes=-1)
entry_fault(REJECTED, "descriptor_field", says="hash", name="hash_of_another_kind", hash="md5:" + "0" * 32)
entry_fault(REJECTED, "descriptor_field", says="hash", name="hash_missing", hash=None)
entry_fault(REJECTED, "hash_mismatch", says="controlesom", name="hash_of_another_file", hash="sha256:" + "0" * 64)
entry_fault(REJECTED, "hash_mismatch", says="beschrijft", name="size_too_small", bytes=3)
entry_fault(INCOMPLETE, "incomplete", says="bezoek", name="size_too_large", bytes=10**9)


@case(ACCEPTED)
def hash_in_capitals(parcel: Parcel) -> None:
    _sealed(parcel)
    parcel.entry("bezoek")["hash"] = "SHA256:" + hashlib.sha256(parcel.files["bezoek.csv"]).hexdigest().upper()


@case(ACCEPTED)
def hash_without_its_kind(parcel: Parcel) -> None:
    _sealed(parcel)
    parcel.entry("bezoek")["hash"] = hashlib.sha256(parcel.files["bezoek.csv"]).hexdigest()


# --- paths ---


def path_fault(path: str, says: str, name: str) -> None:
    def spoil(parcel: Parcel) -> None:
        parcel.entry("bezoek")["path"] = path

    spoil.__name__ = name
    case(REJECTED, "unsafe_path", says=says)(spoil)


path_fault("../../../../etc/passwd", "buiten de map", "path_upwards")
path_fault("data/../../bezoek.csv", "buiten de map", "path_upwards_from_a_folder")
path_fault("/etc/passwd", "buiten de map", "path_from_the_root")
path_fault("/dev/zero", "buiten de map", "path_of_a_device")
path_fault("..\\bezoek.csv", "buiten de map", "path_upwards_on_windows")
path_fault("C:\\Users\\boost\\bezoek.csv", "buiten de map", "path_of_a_drive")
path_fault("file:///etc/passwd", "map", "path_of_a_link")
path_fault(f"bezoek\n{MARK}.csv", "tekens die niet te zien zijn", "path_with_a_line_end")
path_fault("bezoek\0.csv", "tekens die niet te zien zijn", "path_with_a_nul")
path_fault("b" * 300 + ".csv", "te lang", "path_too_long")
path_fault(".", "map", "path_of_the_folder_itself")


@case(REJECTED, "unsafe_path", says="is een verwijzing")
def file_is_a_symbolic_link(parcel: Parcel) -> None:
    parcel.afterwards = lambda folder: _replace_by_link(folder / "bezoek.csv", folder)


@case(REJECTED, "unsafe_path", says="is een verwijzing")
def folder_of_a_file_is_a_symbolic_link(parcel: Parcel) -> None:
    parcel.put("bezoek", parcel.csv("bezoek"), path="data/bezoek.csv")
    parcel.afterwards = lambda folder: _replace_by_link(folder / "data", folder)


@case(REJECTED, "unsafe_path", says="verwijzing")
def delivery_is_a_symbolic_link(parcel: Parcel) -> None:
    parcel.afterwards = lambda folder: _replace_by_link(folder, folder)


@case(REJECTED, "unsafe_path", says="verwijzing")
def descriptor_is_a_symbolic_link(parcel: Parcel) -> None:
    parcel.afterwards = lambda folder: _replace_by_link(folder / "datapackage.json", folder)


@case(REJECTED, "unsafe_path", says="gewoon bestand")
def file_is_a_pipe(parcel: Parcel) -> None:
    def pipe(folder: Path) -> None:
        (folder / "bezoek.csv").unlink()
        os.mkfifo(folder / "bezoek.csv")

    parcel.afterwards = pipe


@case(INCOMPLETE, "incomplete", says="datapackage.json")
def descriptor_is_a_pipe(parcel: Parcel) -> None:
    def pipe(folder: Path) -> None:
        (folder / "datapackage.json").unlink()
        os.mkfifo(folder / "datapackage.json")

    parcel.afterwards = pipe


@case(ACCEPTED)
def file_in_a_folder_with_a_strange_name(parcel: Parcel) -> None:
    parcel.put("bezoek", parcel.csv("bezoek"), path=f"definitief (2) 😀/bezoek van {SURNAME} [nieuw]*.csv")


# --- personal data ---


def personal(kind: str, table: str, column: str, value: str, name: str, also: str = "", by: str = "boost") -> None:
    def spoil(parcel: Parcel) -> None:
        set_cell(parcel, table, column, value, row=1)

    spoil.__name__ = name
    case(REJECTED, f"personal_data_{kind}", *also.split(), says="Persoonsgegevens", by=by)(spoil)


personal("bsn", "antwoorden", "antwoord", BSN, "bsn_as_an_answer", "out_of_scale")
personal("bsn", "clienten", "client_id", BSN, "bsn_as_an_identifier", "unknown_reference", by="tom")
personal("phone", "duiding", "verhaal", f"Bel de coördinator op {PHONE} voor meer.", "phone_in_a_story")
personal("email", "duiding", "acties", f"Mail naar {EMAIL}.", "email_in_a_story")
personal("iban", "bezoek", "voorziening", f"Buurthuis {IBAN}", "iban_as_a_provision")
personal("address", "gesprekken", "team", ADDRESS, "address_as_a_team")
personal("birth_date", "duiding", "verklaring", "Cliënt, geboren op 3 mei 1961, kwam terug.", "birth_date_in_a_story")
personal("name", "duiding", "verhaal", f"Volgens mevr. {SURNAME} is het beter.", "name_in_a_story")


@case(REJECTED, "personal_data_heading", "extra_column", says="Persoonsgegevens")
def column_of_names(parcel: Parcel) -> None:
    set_column(parcel, "gesprekken", "achternaam", [SURNAME])


@case(REJECTED, "personal_data_email", "extra_column", says="Persoonsgegevens")
def address_in_a_column_outside_the_contract(parcel: Parcel) -> None:
    set_column(parcel, "gesprekken", "bijzonderheden", ["", EMAIL])


@case(REJECTED, "personal_data_bsn", "extra_table", says="Persoonsgegevens")
def number_in_a_table_outside_the_contract(parcel: Parcel) -> None:
    parcel.put("werkblad", f"a;b\n1;{BSN}\n")


@case(REJECTED, "personal_data_phone", "row_width", "unknown_reference", says="Persoonsgegevens")
def number_beyond_the_last_column(parcel: Parcel) -> None:
    parcel.put("gesprekken", parcel.csv("gesprekken").replace(";nee\n", f";nee;{PHONE}\n", 1))


@case(REJECTED, "personal_data_heading", "missing_column", "extra_column", says="Persoonsgegevens")
def number_as_a_heading(parcel: Parcel) -> None:
    parcel.put("bezoek", parcel.csv("bezoek").replace("vrijwilligers", BSN, 1))


@case(REJECTED, "personal_data_email", "not_an_integer", says="Persoonsgegevens")
def address_in_a_refused_row(parcel: Parcel) -> None:
    set_cell(parcel, "bezoek", "bezoeken", EMAIL)


def _sealed(parcel: Parcel) -> None:
    """Fix the bytes of every table, so that the descriptor can be written before the folder."""
    for table in parcel.tables:
        parcel.put(table, parcel.csv(table))


def _replace_by_link(path: Path, folder: Path) -> None:
    """Move a file or folder of a delivery out of the inbox, and leave a link to it."""
    elsewhere = folder.parents[3] / "elsewhere" / "-".join((*folder.parts[-3:], path.name))
    elsewhere.parent.mkdir(exist_ok=True)
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
