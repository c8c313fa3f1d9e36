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
    pairs += [("#5c3800", "#fff6e0"), ("#0b5d2b", colours["paper"]), ("#8c1313", colours["paper"])]
    assert min(contrast(*pair) for pair in pairs) >= 4.5


def contrast(one: str, other: str) -> float:
    """Contrast ratio as WCAG 2.2 defines it."""

    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
