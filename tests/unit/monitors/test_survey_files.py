"""Survey files in the forms in which people send them, and the sentences about those that cannot be used."""

from __future__ import annotations

import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as rounds
from hypothesis import strategies as st

from pipeline.monitors.contracts import SURVEYS, load_contract
from pipeline.monitors.suite import check
from pipeline.monitors.survey_files import SurveyFault, question_key, read_survey

HEADING = "jaar;vraag;groep;gebied;n;waarde;marge"


def write(folder: Path, text: str, encoding: str = "utf-8", name: str = "ceo.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def refusal(path: Path, monitor: str = "ceo_wmo") -> list[str]:
    with pytest.raises(SurveyFault) as fault:
        read_survey(path, monitor)
    return list(fault.value.sentences)


def workbook(path: Path, rows: list[list], sheets: dict[str, list[list]] | None = None, percent: bool = False) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    if percent:
        for row in book.active.iter_rows(min_row=2):
            for cell in row[5:7]:
                cell.number_format = "0.0%"
    for title, content in (sheets or {}).items():
        sheet = book.create_sheet(title)
        for row in content:
            sheet.append(row)
    book.save(path)
    return path


# ---- forms --------------------------------------------------------------------------------------------------------


def test_a_file_becomes_a_long_table_that_keeps_its_contract(tmp_path):
    rows = ["2024;Ik werd snel geholpen.;totaal;;468;83,4;3,4", "2024;ceo_snel2;65+;wk048401;12;50;", "2023;x;;;;.;"]
    table = read_survey(write(tmp_path, "\n".join([HEADING, *rows, ";;;;;;", ""])), "ceo_wmo")
    assert table[["year", "question", "question_key", "group_code", "region_code", "region_level"]].values.tolist() == [
        [2024, "Ik werd snel geholpen.", "ik werd snel geholpen", "", "GM0484", "municipality"],
        [2024, "ceo_snel2", "ceo_snel2", "65+", "WK048401", "district"],
        [2023, "x", "x", "", "GM0484", "municipality"],
    ]
    figures = table[["n", "value", "margin", "marker"]].astype(object).where(table.notna(), None)
    assert figures.values.tolist() == [[468, 83.4, 3.4, None], [12, 50.0, None, None], [None, None, None, "secret"]]
    assert set(table["source"]) == {"Cliëntervaringsonderzoek Wmo, gemeente"}
    contract = load_contract("ceo_wmo")
    complete = table.assign(file_id="ceo", vintage="0001_ceo")[contract.names]
    assert check(complete, contract).failed == ()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "windows-1252", "utf-16"])
@pytest.mark.parametrize(("delimiter", "decimal"), [(";", ","), (";", "."), (",", "."), ("\t", ",")])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_encodings_separators_and_decimal_marks(tmp_path, encoding, delimiter, decimal, line_end):
    heading = HEADING.replace(";", delimiter)
    row = delimiter.join(["2024", "Cliëntondersteuner?", "", "", "468", f"83{decimal}4", f"3{decimal}1"])
    table = read_survey(write(tmp_path, line_end.join([heading, row, ""]), encoding), "ceo_wmo")
    assert table.loc[0, ["question_key", "value", "margin"]].tolist() == ["cliëntondersteuner", 83.4, 3.1]


def test_headings_as_people_type_them_and_columns_that_nobody_asked_for(tmp_path):
    text = '"JAAR ";Schaal;Opmerking;N;"Wáarde";Bron\n2024;Mobiliteit;niet lezen;300;64 %;Bureau A\n'
    table = read_survey(write(tmp_path, text), "ipa")
    assert table.loc[0, ["question", "n", "value", "group_code", "source"]].tolist() == [
        "Mobiliteit",
        300,
        64.0,
        "",
        "Bureau A",
    ]
    assert "niet lezen" not in table.to_string()


def test_excel_with_numbers_text_and_per_cents(tmp_path):
    heading = HEADING.split(";")
    plain = workbook(tmp_path / "a.xlsx", [heading, [2024, 1, "totaal", None, 468, 83.4, "3,4"], [None], [2023, 1]])
    figures = read_survey(plain, "ceo_wmo")[["year", "question", "n", "value", "margin", "marker"]].astype(object)
    assert figures.where(figures.notna(), None).values.tolist() == [
        [2024, "1", 468, 83.4, 3.4, None],
        [2023, "1", None, None, None, "not_available"],
    ]
    cents = workbook(tmp_path / "b.xlsx", [heading, [2024, 1, "", "GM0484", 468, 0.834, 0.034]], percent=True)
    assert read_survey(cents, "ceo_wmo").loc[0, ["value", "margin"]].tolist() == [83.4, 3.4]
    empty_sheet = workbook(tmp_path / "c.xlsx", [heading, [2024, 1, "", "", 468, 83.4]], {"leeg": []})
    assert len(read_survey(empty_sheet, "ceo_wmo")) == 1


@given(
    n=st.integers(1, 99_999),
    value=st.decimals(0, 100, places=2),
    margin=st.none() | st.decimals(0, 50, places=1),
    comma=st.booleans(),
)
@rounds(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_figures_come_out_as_they_went_in(tmp_path, n, value, margin, comma):
    def written(number: object) -> str:
        text = "" if number is None else str(number)
        return text.replace(".", ",") if comma else text

    rows = f"{HEADING}\n2024;a;;;{n};{written(value)};{written(margin)}\n2024;b;;;9;50;\n"
    figure = read_survey(write(tmp_path, rows), "ceo_wmo").iloc[0]
    assert (figure["n"], figure["value"]) == (n, float(value))
    assert pd.isna(figure["margin"]) if margin is None else figure["margin"] == float(margin)


@pytest.mark.parametrize(
    ("question", "key"),
    [(" Ik werd  snel geholpen. ", "ik werd snel geholpen"), ("CEO_Snel", "ceo_snel"), ("Wist u dat?", "wist u dat")],
)
def test_questions_are_compared_without_case_spaces_and_closing_mark(question, key):
    assert question_key(question) == key


# ---- what cannot be used ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("24;a;;;9;50;", "kolom jaar is geen jaartal vanaf 2010. Schrijf het jaar als 2024."),
        ("2009;a;;;9;50;", "kolom jaar is geen jaartal vanaf 2010. Schrijf het jaar als 2024."),
        ("2024;?;;;9;50;", "de vraag of schaal ontbreekt. Vul haar in."),
        (
            "2024;a;;WK999901;9;50;",
            "kolom gebied is geen gebied van deze gemeente. Gebruik GM0484, een WK-code, of laat leeg.",
        ),
        ("2024;a;;;9;100,1;", "kolom waarde is geen percentage van 0 tot en met 100."),
        ("2024;a;;;9;-5;", "kolom waarde is geen percentage van 0 tot en met 100."),
        ("2024;a;;;9;n.b.;", "kolom waarde is geen percentage van 0 tot en met 100."),
        (
            "2024;a;;;9;50;veel",
            "kolom marge is geen aantal procentpunten van 0 tot en met 100. Laat leeg wat er niet is.",
        ),
        (
            "2024;a;;;;50;",
            "kolom n is geen heel getal. Geef het aantal mensen dat antwoord gaf, zonder punt of komma.",
        ),
        (
            "2024;a;;;1.234;50;",
            "kolom n is geen heel getal. Geef het aantal mensen dat antwoord gaf, zonder punt of komma.",
        ),
        ("2024;a 123456782;;;9;50;", "kolom vraag lijkt een persoonsgegeven te bevatten. Haal het weg."),
        ("2024;a;j@x.nl;;9;50;", "kolom groep lijkt een persoonsgegeven te bevatten. Haal het weg."),
        (
            "2024;=1+1;;;9;50;",
            "kolom vraag begint met een teken dat Excel als formule leest. Haal dat teken weg.",
        ),
        (f"2024;{'a' * 201};;;9;50;", "kolom vraag heeft meer dan 200 tekens. Maak de tekst korter."),
        (
            "2024;a;;;9;50;;1",
            "meer cellen dan kolomnamen. Staat er een komma in een getal of tekst? Scheid de kolommen met ;",
        ),
    ],
)
def test_a_wrong_row_is_told_by_line_and_column(tmp_path, row, sentence):
    path = write(tmp_path, f"{HEADING}\n2023;goed;;;99;60;\n{row}\n")
    assert refusal(path) == [f"Regel 3: {sentence}"]


def test_double_figures_are_told_by_their_lines(tmp_path):
    rows = "\n".join(["2024;Snel?;totaal;;9;50;", "2024;x;;;9;50;", "2024;snel;;GM0484;9;51;"])
    assert refusal(write(tmp_path, f"{HEADING}\n{rows}\n")) == [
        "Regels 2 en 4: zelfde jaar, vraag, groep en gebied als een andere regel. Laat er één staan."
    ]


def test_many_wrong_rows_make_one_sentence(tmp_path):
    rows = "\n".join(f"2024;a{number};;;9;veel;" for number in range(9))
    assert refusal(write(tmp_path, f"{HEADING}\n{rows}\n")) == [
        "Regels 2, 3, 4, 5, 6 en nog 4 andere: kolom waarde is geen percentage van 0 tot en met 100."
    ]


def test_shares_instead_of_per_cents_are_refused(tmp_path):
    path = write(tmp_path, f"{HEADING}\n2024;a;;;9;0,84;\n2024;b;;;9;1;\n")
    assert refusal(path) == ["Alle waarden liggen tussen 0 en 1. Geef ze in procenten: 84 in plaats van 0,84."]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "De eerste regel is leeg. Zet daar de kolomnamen."),
        (f"\n{HEADING}\n2024;a;;;9;50;\n", "De eerste regel is leeg. Zet daar de kolomnamen."),
        (f"{HEADING}\n", "Het bestand heeft geen regels onder de kolomnamen."),
        (f"{HEADING};n\n2024;a;;;9;50;;9\n", "De kolom n staat er twee keer. Laat er één staan."),
        (f"{HEADING};schaal\n", "De kolom schaal staat er twee keer. Laat er één staan."),
        (
            f"Uitkomsten 2024\n{HEADING}\n2024;a;;;9;50;\n",
            "Deze kolommen ontbreken: jaar, vraag, n, waarde. Zet op de eerste regel de kolomnamen: jaar, vraag, "
            "groep, gebied, n, waarde, marge.",
        ),
        (
            f'{HEADING}\n2024;"a;;;9;50;\n',
            "De aanhalingstekens in het bestand kloppen niet, of een cel is te lang. Bewaar het opnieuw als CSV.",
        ),
        ("jaar;\0", "Het bestand is geen leesbare tekst. Bewaar het opnieuw als CSV (UTF-8)."),
        (";" * 41 + "jaar\n", "De eerste regel heeft meer dan 40 kolommen. Lever alleen de gevraagde."),
        (
            HEADING + "\n" * 20_001,
            "Het bestand heeft meer dan 20000 regels. Lever alleen de tabel met uitkomsten.",
        ),
        ("x" * 5_000_001, "Het bestand is groter dan 5 MB. Lever alleen de tabel met uitkomsten."),
    ],
)
def test_a_wrong_file_is_told_in_a_sentence(tmp_path, text, sentence):
    assert refusal(write(tmp_path, text)) == [sentence]


def test_a_scale_is_asked_for_by_its_own_name(tmp_path):
    (sentence,) = refusal(write(tmp_path, "jaar;n;waarde\n"), "ipa")
    assert sentence.startswith("Deze kolommen ontbreken: schaal. ")


def test_a_cut_off_file_is_refused(tmp_path):
    whole = f"{HEADING}\n2024;a;;;99;60;2\n2024;b;;;99;61,5;2\n"
    assert len(read_survey(write(tmp_path, whole), "ceo_wmo")) == 2
    sentence = "Regel 3: minder cellen dan kolomnamen. Is het bestand heel aangekomen?"
    assert refusal(write(tmp_path, whole[: whole.rindex(";61")])) == [sentence]


def test_broken_and_odd_workbooks(tmp_path):
    unreadable = ["Het bestand is niet te lezen als Excel-werkmap. Open het in Excel en bewaar het opnieuw."]
    assert refusal(write(tmp_path, "geen werkmap", name="a.xlsx")) == unreadable
    with zipfile.ZipFile(tmp_path / "b.xlsx", "w") as archive:
        archive.writestr("[Content_Types].xml", "<x/>")
    assert refusal(tmp_path / "b.xlsx") == unreadable
    with zipfile.ZipFile(tmp_path / "c.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", b"0" * 60_000_000)
    assert refusal(tmp_path / "c.xlsx") == [
        "De Excel-werkmap is uitgepakt te groot. Lever alleen de tabel met uitkomsten."
    ]
    heading = HEADING.split(";")
    two = workbook(tmp_path / "d.xlsx", [heading, [2024, "a", "", "", 9, 50]], {"nog een": [["iets"]]})
    assert refusal(two) == [
        "De Excel-werkmap heeft meer dan één gevuld blad, misschien verborgen. Laat alleen de uitkomsten staan."
    ]
    far = workbook(tmp_path / "e.xlsx", [heading, [2024, "a", "", "", 9, 50]])
    book = openpyxl.load_workbook(far)
    book.active["XFD1048576"] = "ver weg"
    book.save(far)
    assert len(read_survey(far, "ceo_wmo")) == 1


def test_other_files_and_links_are_refused(tmp_path):
    kind = "Dit soort bestand wordt niet gelezen. Lever de cijfers als .csv of .xlsx."
    assert refusal(write(tmp_path, "x", name="rapport.pdf")) == [kind]
    link = tmp_path / "link.csv"
    link.symlink_to(write(tmp_path, f"{HEADING}\n2024;a;;;9;50;\n"))
    (tmp_path / "map.csv").mkdir()
    for path in (link, tmp_path / "map.csv"):
        assert refusal(path) == [
            "Dit is geen gewoon bestand, maar een map of een verwijzing. Zet het bestand zelf in de map."
        ]


@given(content=st.binary(max_size=300))
@rounds(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_bytes_are_read_or_refused(tmp_path, content):
    for name in ("a.csv", "a.xlsx"):
        path = tmp_path / name
        path.write_bytes(HEADING.encode() + b"\n" + content if name == "a.csv" else content)
        try:
            read_survey(path, "ceo_wmo")
        except SurveyFault as fault:
            assert fault.sentences


def test_the_surveys_have_the_same_columns():
    schemas = [load_contract(monitor).schema.remove_metadata() for monitor in SURVEYS]
    assert [schema.names for schema in schemas] == [schemas[0].names] * 3
    assert {load_contract(monitor).key for monitor in SURVEYS} == {load_contract("ceo_wmo").key}
    assert {str(load_contract(monitor).expectations) for monitor in SURVEYS} == {
        str(load_contract("ceo_wmo").expectations)
    }
    assert all(column.description.endswith(".") for each in SURVEYS for column in load_contract(each).columns)
