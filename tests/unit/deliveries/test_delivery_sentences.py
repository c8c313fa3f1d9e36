"""The guard against two lists of sentences: it finds all that is planted, and lets what professionals write pass."""

from __future__ import annotations

import random
import re
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import iban
from stdnum.nl import bsn

from pipeline.deliveries.guard import find_personal_data
from pipeline.deliveries.reader import RawTable

HERE = Path(__file__).parent
CHANCES = st.integers(0, 10**9).map(random.Random)
DISGUISES = ("", "\u00ad", "\u200b", "\u2060", "\ufeff")


def lines(name: str) -> list[str]:
    return [
        line for line in (HERE / name).read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")
    ]


def citizen_number(chance: random.Random) -> str:
    while True:
        number = f"{chance.randrange(1_000_000, 1_000_000_000):09d}"
        if bsn.is_valid(number):
            return number


def account(chance: random.Random) -> str:
    number = f"ABNA{chance.randrange(10**9, 10**10)}"
    return f"NL{iban.calc_check_digits(f'NL00{number}')}{number}"


NUMBERS = {
    "bsn": citizen_number,
    "iban": account,
    "mobile": lambda chance: f"06{subscriber(chance)}",
    "subscriber": lambda chance: subscriber(chance),
    "landline": lambda chance: f"0172{local(chance)}",
    "local": lambda chance: local(chance),
}


def subscriber(chance: random.Random) -> str:
    return f"{chance.choice('123458')}{chance.randrange(10**7):07d}"


def local(chance: random.Random) -> str:
    return str(chance.randrange(200_000, 1_000_000))


def filled(template: str, chance: random.Random) -> str:
    """A planted text with its numbers and its invisible signs."""

    def number(match: re.Match[str]) -> str:
        signs = iter(NUMBERS[match[1]](chance))
        written = re.sub("#", lambda _: next(signs), match[2]) if match[2] else "".join(signs)
        assert next(signs, None) is None, f"the mask of {template} is too short"
        return written

    text = re.sub(r"\\u([0-9a-f]{4})", lambda match: chr(int(match[1], 16)), template)
    return re.sub(r"\{(" + "|".join(NUMBERS) + r")(?::([^}]*))?\}", number, text)


ORDINARY = lines("ordinary_sentences.txt")
PLANTED = [tuple(line.split("|", 1)) for line in lines("planted_sentences.txt")]


def searched(texts: list[str], heading: str = "verhaal") -> dict[int, set[str]]:
    """What the guard finds in a column of texts: kinds per row."""
    connection = duckdb.connect()
    connection.execute("create table raw (row_number bigint, cells integer, surplus varchar, c0 varchar)")
    connection.executemany("insert into raw values (?, 1, null, ?)", list(enumerate(texts)))
    found: dict[int, set[str]] = {}
    for finding in find_personal_data(connection, "duiding", RawTable("raw", (heading,)), ("verhaal",)):
        for row in finding.rows:
            found.setdefault(row, set()).add(finding.rule.removeprefix("personal_data_"))
    return found


def test_the_lists_are_long_enough_to_mean_something():
    assert len(set(ORDINARY)) >= 150
    assert len(set(PLANTED)) >= 150


@pytest.mark.parametrize("heading", ["verhaal", "client_id"])
def test_ordinary_sentences_pass(heading):
    found = searched(ORDINARY, heading)
    assert {ORDINARY[row]: kinds for row, kinds in found.items()} == {}


def test_ordinary_sentences_pass_together():
    """What ends one sentence and begins the next makes no number, address or name of the two."""
    chance = random.Random(7)
    texts = [" ".join(chance.sample(ORDINARY, 5)) for _ in range(300)]
    assert {texts[row]: kinds for row, kinds in searched(texts).items()} == {}


@pytest.mark.parametrize("seed", range(5))
def test_all_that_is_planted_is_found(seed):
    chance = random.Random(seed)
    texts = [filled(template, chance) for _, template in PLANTED]
    found = searched(texts)
    missed = [texts[row] for row, (kind, _) in enumerate(PLANTED) if kind not in found.get(row, ())]
    assert missed == []


def test_all_that_is_planted_is_found_between_ordinary_sentences():
    chance = random.Random(11)
    texts = [
        f"{chance.choice(ORDINARY)} Het gaat om {filled(template, chance)} en verder niets. {chance.choice(ORDINARY)}"
        for _, template in PLANTED
    ]
    found = searched(texts)
    assert [texts[row] for row, (kind, _) in enumerate(PLANTED) if kind not in found.get(row, ())] == []


def grouped(digits: str, sizes: tuple[int, ...], separator: str) -> str:
    signs = iter(digits)
    return separator.join("".join(next(signs) for _ in range(size)) for size in sizes)


@settings(max_examples=30, deadline=None)
@given(
    CHANCES,
    st.sampled_from(
        [((9,), ""), *(((3, 3, 3), sign) for sign in ". -/_\u00a0\u2011"), ((4, 2, 3), "."), ((4, 2, 3), " ")]
    ),
    st.sampled_from(["", "BSN ", "bsn:", "C-", "client_", "(", '"']),
    st.sampled_from(["", ".", ",", " is", ")", "_x", ".0"]),
    st.sampled_from(DISGUISES),
)
def test_any_bsn_in_any_dress_is_found(chance, form, before, after, disguise):
    sizes, separator = form
    number = grouped(citizen_number(chance), sizes, separator)
    assert "bsn" in searched([f"{before}{number[:4]}{disguise}{number[4:]}{after}"])[0]


@settings(max_examples=30, deadline=None)
@given(
    CHANCES,
    st.sampled_from(["", " ", "-", ".", "\u00a0"]),
    st.booleans(),
    st.sampled_from(["", "IBAN ", "rekening_", "t.n.v. "]),
    st.sampled_from(DISGUISES),
)
def test_any_iban_in_any_dress_is_found(chance, separator, small, before, disguise):
    number = grouped(account(chance), (4, 4, 4, 4, 2), separator)
    number = number.lower() if small else number
    assert "iban" in searched([f"{before}{number[:6]}{disguise}{number[6:]}."])[0]


@settings(max_examples=30, deadline=None)
@given(
    CHANCES,
    st.sampled_from(
        ["06", "06-", "06 ", "06 - ", "+316", "+31 6 ", "+31 (0)6 ", "+31(0)6-", "(+31) 6 ", "00316", "0031 6 "]
    ),
    st.sampled_from([((8,), ""), ((4, 4), " "), ((2, 2, 2, 2), " "), ((2, 2, 2, 2), "."), ((3, 3, 2), "\u00a0")]),
    st.sampled_from(DISGUISES),
)
def test_any_mobile_number_in_any_dress_is_found(chance, start, form, disguise):
    number = grouped(subscriber(chance), *form)
    assert "phone" in searched([f"bel {start}{number[:2]}{disguise}{number[2:]} na vijven"])[0]


def test_ordinary_identifiers_pass():
    starts = ("", "C-", "D", "M_", "T-2024-", "cl ", "GO/", "ab", "2024GO")
    numbers = [f"{number:0{width}d}" for width in (1, 4, 6, 8) for number in range(1, 1_000_000, 33_331)]
    assert searched([f"{start}{number}" for start in starts for number in numbers], "client_id") == {}


@pytest.mark.parametrize(
    "name", ["Jansen, P.", "P. Jansen", "P.J. van den Berg", "Jansen, Piet", "Piet de Vries", "Berg, P. van den"]
)
def test_a_name_for_an_identifier_is_found(name):
    assert searched([name], "client_id") == {0: {"name"}}
    assert searched([name], "verhaal") == {}


@pytest.mark.parametrize(
    "text",
    [
        "Jansen",
        "Team Noord",
        "Team van Noord",
        "Bureau Extern",
        "onbekend",
        "n.v.t.",
        "niet bekend",
        "AB",
        "noord / zuid",
    ],
)
def test_what_may_be_an_identifier_passes(text):
    assert searched([text], "interviewer_id") == {}
