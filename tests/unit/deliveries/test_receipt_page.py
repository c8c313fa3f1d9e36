"""The page of a receipt can be read by everybody, and nothing of a delivery becomes part of its HTML."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from pipeline.deliveries.comparison import Earlier
from pipeline.deliveries.findings import Finding, Judgement, TableCount
from pipeline.deliveries.intake import judge_delivery
from pipeline.deliveries.profile import ColumnProfile, TableProfile
from pipeline.deliveries.receipt_page import receipt_page
from pipeline.deliveries.receipts import receipt

_VOID = {"meta", "rect", "br", "link", "img", "input"}


class Page(HTMLParser):
    """A page, taken apart by a real parser; it fails on a tag that is not closed in its place."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.html = html
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[tuple[int, str]] = []
        self.tables: list[list[str]] = []
        self.text: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "table":
            self.tables.append([])
        elif "table" in self.open:
            self.tables[-1].append(tag)
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append((int(tag[1]), ""))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in _VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" in self.open:
            return
        self.text.append(data)
        if self.open and re.fullmatch(r"h[1-6]", self.open[-1]):
            level, text = self.headings[-1]
            self.headings[-1] = (level, text + data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def page_of(judgement: Judgement, *, sent: bool = True, earlier: Earlier | None = None) -> Page:
    moment = datetime(2024, 7, 11, 8, 30) if sent else None
    return Page(receipt_page(receipt(judgement, moment, earlier), "findings.csv"))


def assert_sound(page: Page) -> None:
    """What holds for every receipt, whatever became of the delivery."""
    assert page.attributes("html") == [{"lang": "nl"}]
    levels = [level for level, _ in page.headings]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all(text.strip() for _, text in page.headings)
    for tags in page.tables:
        assert tags[0] == "caption"
    assert all(attributes.get("scope") in ("col", "row") for attributes in page.attributes("th"))
    assert all(attributes.get("aria-label") for attributes in page.attributes("svg"))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert [attributes["href"] for attributes in page.attributes("a")] == ["#inhoud"]
    assert "inhoud" in ids
    assert not {"script", "link", "img", "iframe", "object", "form"} & {name for name, _ in page.tags}
    assert not re.search(r"https?:|//|url\(|@import", page.html.replace("<!doctype html>", ""))
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]


def rules(count: int = 8) -> tuple[Finding, ...]:
    return tuple(
        Finding("row", f"rule_{number}", f"Zin {number}.", "clienten", f"kolom_{number}", 2, (number + 1, 90))
        for number in range(count)
    )


PROFILE = TableProfile(100, {"client_id": ColumnProfile(0, 100), "uit_zorg_op": ColumnProfile(80)})
PARTIAL = Judgement(
    "tom",
    "2024-H1",
    2,
    "partially_accepted",
    datetime(2024, 7, 10, 7),
    1,
    "ab" * 32,
    {"clienten": TableCount(100, 91, 9)},
    rules(),
    {"clienten": PROFILE},
)
EARLIER = Earlier(
    replace(PARTIAL, version=1, findings=(*rules(3), Finding("row", "old", "Oud.", "clienten", count=1, rows=(1,)))),
    replace(
        PARTIAL,
        period="2023-H2",
        version=3,
        status="accepted",
        tables={"clienten": TableCount(200, 200, 0)},
        profiles={"clienten": TableProfile(200, {"client_id": ColumnProfile(0, 200), "uit_zorg_op": ColumnProfile(4)})},
    ),
)


@pytest.mark.parametrize(
    ("judgement", "earlier", "expected"),
    [
        (replace(PARTIAL, status="accepted", findings=()), None, "Aangenomen"),
        (PARTIAL, EARLIER, "Gedeeltelijk aangenomen"),
        (
            replace(
                PARTIAL,
                status="rejected",
                findings=(Finding("table", "personal_data_bsn", "Haal weg.", "clienten", "kolom 9", 1, (4,)),),
            ),
            EARLIER,
            "Afgewezen",
        ),
        (
            Judgement(
                "tom", "2024-H1", 1, "rejected", findings=(Finding("delivery", "missing_table", "Weg.", "dossiers"),)
            ),
            EARLIER,
            "Afgewezen",
        ),
        (
            Judgement(None, None, None, "incomplete", findings=(Finding("notice", "incomplete", "Nog niet."),)),
            None,
            "Nog niet compleet",
        ),
    ],
)
def test_every_page_is_sound(judgement, earlier, expected):
    for sent in (True, False):
        page = page_of(judgement, sent=sent, earlier=earlier)
        assert_sound(page)
        assert next(text.strip() for level, text in page.headings if level == 2).endswith(expected)
        assert "Wat u nu doet" in [text for _, text in page.headings]


def test_the_checks_come_in_order_and_the_content_last():
    page = page_of(PARTIAL, earlier=EARLIER)
    numbered = [text for _, text in page.headings if re.match(r"\d\. ", text)]
    assert numbered == [
        "1. Technische controle",
        "2. Inhoudelijke controle",
        "3. Ter informatie",
        "4. Wat is er veranderd ten opzichte van versie 1",
        "5. Vergelijking met het tweede halfjaar 2023",
    ]
    assert "Opgelost (1)" in page.words
    assert "Gebleven (3)" in page.words
    assert "Nieuw (5)" in page.words
    assert "Klopt het dat er 50 % minder cliënten in de tabel clienten staan?" in page.words
    assert "Klopt het dat uit_zorg_op in de tabel clienten vaker leeg is? Nu in 80 % van de rijen" in page.words
    assert "te veel" in page.words  # 9 % is above the limit: said by a word, not by a colour alone


def test_nothing_of_a_delivery_becomes_html():
    planted = "<script>alert(1)</script>\"'><b>"
    finding = Finding("row", planted, planted, planted, planted, 1, (1,), (planted,))
    fatal = replace(finding, level="table", rule="unreadable_file")
    judgement = replace(
        PARTIAL,
        tables={planted: TableCount(1, 0, 1)},
        findings=(fatal, finding, replace(finding, level="notice")),
        profiles={planted: PROFILE},
    )
    earlier = Earlier(EARLIER.version, replace(EARLIER.half_year, tables=judgement.tables, profiles=judgement.profiles))
    page = page_of(judgement, earlier=earlier)
    assert_sound(page)
    assert "<script" not in page.html
    assert "<b>" not in page.html
    assert page.words.count("<script>alert(1)</script>") > 8  # as text, where it belongs


def test_an_extra_heading_is_no_html_either(make):
    delivery = make("boost")
    for row in delivery.tables["bezoek"]:
        row["<script>alert(1)</script>"] = "x"
    page = page_of(judge_delivery(delivery.write()))
    assert_sound(page)
    assert "script" not in page.html
    assert "kolom 7" in page.words


def test_a_long_list_stays_readable():
    many = Finding("row", "unknown_code", "Onbekend.", "clienten", "wijkcode", 30_000, tuple(range(2, 20_002, 2)))
    page = page_of(replace(PARTIAL, findings=(many, *rules(60))))
    assert_sound(page)
    assert len(page.html) < 150_000
    assert "78, 80 en nog 29.960 rijen; ook de lijst in findings.csv stopt na 10.000 rijen" in page.words


def test_text_can_be_read_on_its_background():
    html = page_of(PARTIAL).html
    colours = {name: f"#{value}" for name, value in re.findall(r"--(\w+): #(\w{6})", html)}
    pairs = [
        (colours["ink"], colours["paper"]),
        (colours["soft"], colours["paper"]),
        (colours["ink"], colours["shade"]),
    ]
    styles = re.findall(r"\.(\w+) \{ color: #(\w{6}); background: #(\w{6}); \}", html)
    assert {name for name, _, _ in styles} == {"accepted", "partially_accepted", "rejected", "incomplete"}
    pairs += [(f"#{ink}", f"#{paper}") for _, ink, paper in styles]
    pairs += [(colours["ink"], f"#{paper}") for _, _, paper in styles]
    pairs += [("#5c3800", "#fff6e0")]
    words = re.findall(r"\.(?:reliable|indicative|not_publishable) \{ color: (#\w{6});", html)
    assert len(words) == 3
    pairs += [(ink, colours["paper"]) for ink in (*words, "#0b5d2b", "#8c1313")]
    assert min(contrast(*pair) for pair in pairs) >= 4.5


def contrast(one: str, other: str) -> float:
    """Contrast ratio as WCAG 2.2 defines it."""

    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


# --- how sure the figures are ---

_NEEDED = {
    "indicator_code": "tom_gehoord",
    "indicator_nl": "Cliënt voelt zich gehoord",
    "target_group": "client",
    "district_code": "GM0484",
    "district_name": "Alphen aan den Rijn",
    "district_level": "municipality",
    "n": 1203,
    "verdict": "reliable",
    "needed_for_indicative": 0,
    "needed_for_reliable": 0,
    "limited_by_clients": False,
}
_DISTRICT = _NEEDED | {"district_name": "Zwammerdam", "district_level": "district"}


def certainty_of(*rows: dict) -> Page:
    content = receipt(PARTIAL, datetime(2024, 7, 11, 8, 30), EARLIER)
    page = Page(receipt_page(content | {"interviews_needed": list(rows)}, "findings.csv"))
    assert_sound(page)
    return page


def test_before_it_is_known_nothing_is_said_of_how_sure_the_figures_are():
    assert "Hoe zeker" not in page_of(PARTIAL, earlier=EARLIER).html
    assert certainty_of().html == page_of(PARTIAL, earlier=EARLIER).html


def test_the_page_says_how_many_more_interviews_each_figure_needs():
    few = _DISTRICT | {"n": 41, "verdict": "not_publishable", "needed_for_indicative": 4, "needed_for_reliable": 1053}
    some = few | {"indicator_nl": "Tevredenheid", "verdict": "indicative", "needed_for_indicative": 0}
    page = certainty_of(_NEEDED, few, some)
    assert (2, "6. Hoe zeker zijn uw cijfers?") in page.headings
    assert page.headings[-3:-1] == [(3, "Cliënt voelt zich gehoord"), (3, "Tevredenheid")]
    assert "Betrouwbaar (1 cijfer)" in page.words
    assert "Alphen aan den Rijn (hele gemeente) betrouwbaar 1.203 genoeg genoeg" in page.words
    assert "Zwammerdam niet te tonen 41 nog 4 nog 1.053" in page.words
    assert "Zwammerdam indicatief 41 genoeg nog 1.053" in page.words
    # what occurs nowhere is not explained
    for words in ("te weinig cliënten", "niet te zeggen", "oordeel toch lager"):
        assert words not in page.words


@pytest.mark.parametrize(
    ("changes", "shown", "explained"),
    [
        (
            {"verdict": "indicative", "needed_for_reliable": 88, "limited_by_clients": True},
            "indicatief 1.203 genoeg nog 88 te weinig cliënten",
            "dan zijn daar niet genoeg cliënten voor een betrouwbaar cijfer. Kijk daar naar het cijfer over twee",
        ),
        (
            {"verdict": "indicative", "needed_for_reliable": None, "limited_by_clients": True},
            "indicatief 1.203 genoeg te weinig cliënten",
            "dan zijn daar niet genoeg cliënten",
        ),
        (
            {"verdict": "not_publishable", "needed_for_indicative": None, "needed_for_reliable": None},
            "niet te tonen 1.203 niet te zeggen niet te zeggen",
            "dan is het met de antwoorden van nu niet uit te rekenen",
        ),
        ({"verdict": "indicative"}, "indicatief 1.203 genoeg genoeg", "dan ligt dat niet aan het aantal gesprekken"),
        (
            {"verdict": "not_publishable", "needed_for_reliable": 5},
            "niet te tonen 1.203 genoeg nog 5",
            "dan ligt dat niet aan het aantal gesprekken",
        ),
    ],
)
def test_what_more_interviews_cannot_mend_is_explained(changes, shown, explained):
    page = certainty_of(_DISTRICT | changes)
    assert f"Zwammerdam {shown}" in page.words
    assert page.words.count(explained) == 1


def test_no_name_in_it_becomes_html():
    planted = "<script>alert(1)</script>"
    page = certainty_of(_NEEDED | {"indicator_nl": planted, "district_name": planted})
    assert "<script" not in page.html
