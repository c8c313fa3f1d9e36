"""Broken and odd deliveries from the outside: each gets the status and the sentence that the contract promises.

All of them lie in one inbox, with sound neighbours. None crashes, leaks, blocks another, or costs what was accepted.
"""

from __future__ import annotations

import csv
import hashlib
import html
import itertools
import json
import logging
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from corpus import workbooks  # noqa: F401  (adds its cases)
from corpus.cases import ACCEPTED, CASES, INCOMPLETE, PARTIAL, REJECTED, Case
from corpus.parcel import BSN, CONSORTIA, KEPT_NOWHERE, SECRETS, Parcel, sound

from pipeline.deliveries.intake import Outcome, find_deliveries, receive
from pipeline.settings import Settings

PERIODS = ("2022-H1", "2022-H2", "2023-H1", "2023-H2", "2024-H1", "2024-H2")
NEIGHBOUR = "a sound neighbour"
TECHNICAL = re.compile(r"Traceback|Error\b|Exception|Errno|None\b|NoneType|\bnull\b|<class|\.py\b|UnicodeDecode")
ENGLISH = re.compile(r"\b(the|is not|invalid|missing|expected|cannot|failed|column|row|file)\b", re.IGNORECASE)

Place = tuple[str, str, int]

# All that is refused unread and every third of the others in the normal suite, the rest where there is more time.
READ = [each for each in CASES if each.is_read]
DAILY = [each for each in CASES if not each.is_read or READ.index(each) % 3 == 0]
REST = [each for each in CASES if each not in DAILY]


def places(chosen: Sequence[Case]) -> dict[str, Place]:
    """Where each case lies in the inbox: spread over half-years, version after version."""
    taken: Counter[tuple[str, str]] = Counter()
    where = {}
    for number, each in enumerate(chosen):
        key = (each.consortium, PERIODS[number % len(PERIODS)])
        taken[key] += 1
        where[each.name] = (*key, taken[key])
    for consortium, period in itertools.product(CONSORTIA, (PERIODS[0], PERIODS[-1])):
        where[f"{NEIGHBOUR}, {consortium} {period}"] = (consortium, period, taken[consortium, period] + 1)
    return where


def fill(inbox: Path, chosen: Sequence[Case] = CASES) -> dict[str, Place]:
    """Put a corpus in an inbox, with a sound delivery of each consortium after the first and the last of it."""
    where = places(chosen)
    cases = {each.name: each for each in CASES}
    for name, (consortium, period, version) in where.items():
        parcel = sound(consortium, period, version)
        if name in cases:
            cases[name].spoil(parcel)
        parcel.write(inbox / consortium / period / str(version))
    return where


def files_of(folder: Path) -> dict[Path, str]:
    return {
        path: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


@dataclass
class Answers:
    """What the product made of the corpus."""

    cases: Sequence[Case]
    settings: Settings
    outcomes: dict[str, Outcome]
    log: str
    lost: list[str]

    def told(self, name: str) -> list[dict]:
        """The findings of a receipt; of a delivery without one, those of the outcome."""
        outcome = self.outcomes[name]
        if outcome.receipt is None:
            return [{"rule": each.rule, "sentence_nl": each.sentence} for each in outcome.findings]
        return json.loads(outcome.receipt.read_text(encoding="utf-8"))["findings"]


@pytest.fixture(scope="module", params=["daily", pytest.param("rest", marks=pytest.mark.slow)])
def answers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """A part of the corpus, received as one inbox."""
    chosen = DAILY if request.param == "daily" else REST
    settings = Settings(home=tmp_path_factory.mktemp("corpus") / "home", environment="test")
    names = {place: name for name, place in fill(settings.inbox, chosen).items()}
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append
    logging.getLogger().addHandler(handler)
    outcomes, lost, kept = {}, [], {}
    try:
        for folder in find_deliveries(settings):
            name = names[folder.consortium, folder.period, folder.version]
            outcomes[name] = receive(folder, settings)
            if outcomes[name].status in (ACCEPTED, PARTIAL):
                mine = [*settings.vault.rglob(f"{folder.consortium}/{folder.period}/v{folder.version}.parquet")]
                kept |= {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in mine}
    finally:
        logging.getLogger().removeHandler(handler)
    now = files_of(settings.vault)
    lost = [str(path) for path, digest in kept.items() if now.get(path) != digest]
    log = "\n".join(f"{record.getMessage()} {record.exc_text or ''}" for record in records)
    return Answers(chosen, settings, outcomes, log, lost)


def test_each_delivery_gets_what_the_contract_says(answers: Answers, subtests: pytest.Subtests):
    for case in answers.cases:
        with subtests.test(case.name):
            _hold(answers, case)


def _hold(answers: Answers, case: Case) -> None:
    outcome = answers.outcomes[case.name]
    findings = answers.told(case.name)
    rules = {finding["rule"] for finding in findings}
    assert (outcome.status, rules) == (case.status, set(case.rules)), [each["sentence_nl"] for each in findings]
    if case.says:
        assert any(case.says.lower() in finding["sentence_nl"].lower() for finding in findings), findings
    if case.refused is not None:
        assert sum(count.refused for count in outcome.tables.values()) == case.refused


def test_every_delivery_of_the_corpus_is_answered(answers: Answers):
    assert len({each.name for each in CASES}) == len(CASES) >= 80
    assert {each.name for each in answers.cases} == {name for name in answers.outcomes if NEIGHBOUR not in name}


def test_sound_neighbours_are_accepted(answers: Answers):
    neighbours = {name: each for name, each in answers.outcomes.items() if name.startswith(NEIGHBOUR)}
    assert {name: each.status for name, each in neighbours.items()} == dict.fromkeys(neighbours, ACCEPTED)
    assert all(each.findings == () for each in neighbours.values())


def test_nothing_that_was_accepted_is_lost(answers: Answers):
    assert answers.lost == []


def test_no_receipt_or_log_repeats_what_was_delivered(answers: Answers):
    receipts = [path for path in answers.settings.receipts.rglob("*") if path.is_file()]
    texts = {str(path): path.read_text(encoding="utf-8") for path in receipts} | {"log": answers.log}
    leaks = {
        (name, secret)
        for name, text in texts.items()
        for secret in SECRETS
        if secret.lower() in html.unescape(text).lower()
    }
    assert leaks == set()


def test_personal_data_is_kept_nowhere(answers: Answers):
    outside = [
        path for folder in (answers.settings.vault, answers.settings.quarantine) for path in folder.rglob("*.parquet")
    ]
    connection = duckdb.connect()
    for path in outside:
        text = str(connection.execute("select * from read_parquet(?)", [str(path)]).fetchall())
        assert not [secret for secret in KEPT_NOWHERE if secret.lower() in text.lower()], path


def test_every_receipt_is_dutch_that_a_data_manager_understands(answers: Answers):
    for name in answers.outcomes:
        for finding in answers.told(name):
            sentence = finding["sentence_nl"]
            assert finding["rule"] != "technical_failure", name
            assert re.match("[A-Z]|datapackage.json ", sentence) and sentence.endswith("."), sentence
            assert not TECHNICAL.search(sentence) and not ENGLISH.search(sentence), sentence
            # a list of columns may be long
            assert finding["rule"] == "extra_column" or max(map(len, re.split(r"[.;:] ", sentence))) < 200, sentence


def test_every_judged_delivery_has_a_whole_receipt(answers: Answers):
    for name, outcome in answers.outcomes.items():
        if outcome.status == INCOMPLETE:
            assert outcome.receipt is None, name
            continue
        folder = outcome.receipt.parent
        page = (folder / "receipt.html").read_text(encoding="utf-8")
        assert json.loads(outcome.receipt.read_text(encoding="utf-8"))["status"] == outcome.status, name
        assert page.lower().startswith("<!doctype html>") and "</html>" in page, name
        with (folder / "findings.csv").open(encoding="utf-8-sig", newline="") as handle:
            cells = [cell for row in csv.reader(handle, delimiter=";") for cell in row]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t"))], name


def test_texts_survive_every_encoding(answers: Answers):
    stories = {
        name: duckdb.execute("select verhaal from read_parquet(?)", [str(path)]).fetchone()[0]
        for name in ("windows_1252_with_accent_and_euro", "separators_quotes_and_lines_in_a_cell")
        if name in answers.outcomes
        for path in [vault_file(answers.settings, "duiding", answers.outcomes[name])]
    }
    for name, story in stories.items():
        euro = "De prijs van één kop koffie is €2 in het café."
        assert story == euro if name.startswith("windows") else story.startswith('Men zegt: "het is druk; te druk".\n')
    for name, outcome in answers.outcomes.items():
        if outcome.consortium == "boost" and outcome.status == ACCEPTED and "bezoek" in outcome.tables:
            path = vault_file(answers.settings, "bezoek", outcome)
            names = {
                row[0] for row in duckdb.execute("select voorziening from read_parquet(?)", [str(path)]).fetchall()
            }
            assert "Café d'Oude Sluis" in names, name


def test_row_numbers_are_those_of_the_file(answers: Answers):
    for name, row in (("blank_lines_keep_the_row_numbers", 5), ("empty_rows_between", 5), ("duplicate_key", 61)):
        if name not in answers.outcomes:
            continue
        finding = next(each for each in answers.told(name) if each["rule"] != "unknown_reference")
        assert finding["rows"] == [row], name


def vault_file(settings: Settings, table: str, outcome: Outcome) -> Path:
    place = f"{outcome.consortium}/{outcome.period}/v{outcome.version}.parquet"
    return settings.vault / "deliveries" / table / place


# --- the whole product ---


@pytest.mark.slow
def test_one_run_takes_the_whole_corpus(tmp_path: Path):
    home = tmp_path / "home"
    names = {place: name for name, place in fill(home / "inbox").items()}
    command = [sys.executable, "-m", "pipeline.cli", "--home", str(home), "run"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
    statuses = {
        names[path.parts[-4], path.parts[-3], int(path.parts[-2][1:])]: json.loads(path.read_text("utf-8"))["status"]
        for path in (home / "receipts").glob("*/*/*/receipt.json")
    }
    expected = {name: ACCEPTED for name in names.values() if name.startswith(NEIGHBOUR)}
    expected |= {each.name: each.status for each in CASES if each.status != INCOMPLETE}
    assert statuses == expected
    assert (home / "published" / "partners" / "marts.duckdb").is_file()
    printed = (done.stdout + done.stderr).lower()
    assert not [secret for secret in SECRETS if secret.lower() in printed]
    texts = [path for path in (home / "dagster").rglob("*") if path.is_file()]
    told = b"".join(path.read_bytes() for path in texts).lower()
    assert not [secret for secret in SECRETS if secret.lower().encode() in told]


# --- several in a row ---


@pytest.fixture
def send(settings: Settings) -> Callable[..., Outcome]:
    """Put a delivery in the inbox and receive it."""

    def deliver(parcel: Parcel) -> Outcome:
        folder = settings.inbox / parcel.consortium / parcel.period / str(parcel.version)
        if not folder.exists():
            parcel.write(folder)
        return again(settings, parcel)

    return deliver


def again(settings: Settings, parcel: Parcel) -> Outcome:
    key = (parcel.consortium, parcel.period, parcel.version)
    (folder,) = [each for each in find_deliveries(settings) if (each.consortium, each.period, each.version) == key]
    return receive(folder, settings)


def rules(outcome: Outcome) -> set[str]:
    return {finding.rule for finding in outcome.findings}


def test_a_folder_that_fills_slowly_waits_and_is_then_accepted(settings: Settings):
    parcel = sound("boost", "2024-H1")
    ready = parcel.write(settings.home / "elsewhere")
    folder = settings.inbox / "boost" / "2024-H1" / "1"
    folder.mkdir(parents=True)
    description = (ready / "datapackage.json").read_bytes()
    tables = {path.name: path.read_bytes() for path in ready.glob("*.csv")}
    steps: list[tuple[str, bytes]] = [("datapackage.json", b"")]
    # the descriptor grows at any place: between two entries, inside a text, a number and a sign of two bytes
    description = description.replace(b'"name": "boost', '"name": "één boost'.encode(), 1)
    cuts = [1, description.index("één".encode()) + 1, description.index(b'"version": 1') + 12]
    cuts += [description.index(b"}") + 1, description.index(b"sha256") + 9, len(description) - 3, len(description) - 1]
    steps += [("datapackage.json", description[:cut]) for cut in cuts]
    steps += [("datapackage.json", description)]
    for name, content in tables.items():
        steps += [(name, b""), (name, content[: len(content) // 2]), (name, content)]
    for name, content in steps[:-1]:
        (folder / name).write_bytes(content)
        outcome = again(settings, parcel)
        assert (outcome.status, rules(outcome)) == (INCOMPLETE, {"incomplete"}), (name, content[-40:])
    name, content = steps[-1]
    (folder / name).write_bytes(content)
    assert again(settings, parcel).status == ACCEPTED
    assert again(settings, parcel).status == "unchanged"


def test_the_same_version_with_other_content_changes_nothing(settings: Settings, send):
    first = sound("boost", "2024-H1")
    assert send(first).status == ACCEPTED
    before = files_of(settings.vault)
    second = sound("boost", "2024-H1")
    second.tables["bezoek"][0]["bezoeken"] = 999
    for path in sorted((settings.inbox / "boost/2024-H1/1").iterdir()):
        path.unlink()
    (settings.inbox / "boost/2024-H1/1").rmdir()
    outcome = send(second)
    assert (outcome.status, rules(outcome)) == (REJECTED, {"version_already_delivered"})
    assert files_of(settings.vault) == before
    first_receipt = json.loads((settings.receipts / "boost/2024-H1/v1/receipt.json").read_text(encoding="utf-8"))
    assert first_receipt["status"] == ACCEPTED
    (finding,) = outcome.findings
    assert "hoger versienummer" in finding.sentence


def test_versions_may_come_together_and_in_any_order(settings: Settings, send):
    assert send(sound("boost", "2024-H1", 3)).status == ACCEPTED
    kept = files_of(settings.vault)
    assert send(sound("boost", "2024-H1", 2)).status == ACCEPTED
    spoiled = sound("boost", "2024-H1", 4)
    spoiled.tables["antwoorden"][0]["antwoord"] = BSN
    assert send(spoiled).status == REJECTED
    now = files_of(settings.vault)
    assert {path: now[path] for path in kept} == kept


def test_a_final_half_year_is_corrected_only_with_the_flag(settings: Settings, send):
    assert send(sound("boost", "2022-H1", 1)).status == ACCEPTED
    assert send(sound("boost", "2022-H2", 1)).status == ACCEPTED
    assert send(sound("boost", "2022-H1", 2)).status == ACCEPTED  # only revised: nothing is final yet
    assert send(sound("boost", "2023-H1", 1)).status == ACCEPTED
    kept = files_of(settings.vault)
    outcome = send(sound("boost", "2022-H2", 2))
    assert (outcome.status, rules(outcome)) == (REJECTED, {"final_period"})
    assert "correction_of_final" in outcome.findings[0].sentence
    flagged = sound("boost", "2022-H2", 3)
    flagged.descriptor["correction_of_final"] = True
    assert send(flagged).status == ACCEPTED
    needless = sound("boost", "2023-H1", 2)
    needless.descriptor["correction_of_final"] = True
    outcome = send(needless)
    assert (outcome.status, rules(outcome)) == (ACCEPTED, {"final_period_flag"})
    now = files_of(settings.vault)
    assert {path: now[path] for path in kept} == kept


def test_a_half_year_that_has_not_begun_is_refused(settings: Settings, send):
    # 2042 for 2024: accepted, it would make every earlier half-year final
    outcome = send(sound("boost", "2042-H1"))
    assert (outcome.status, rules(outcome)) == (REJECTED, {"future_period"})
    assert "2042-H1" in outcome.findings[0].sentence
    assert send(sound("boost", "2022-H1", 1)).status == ACCEPTED
    assert send(sound("boost", "2022-H1", 2)).status == ACCEPTED


def test_what_lies_beside_deliveries_in_the_inbox_harms_nothing(settings: Settings, send):
    inbox = settings.inbox
    (inbox / "tom" / "2024-H1").mkdir(parents=True)
    (inbox / "tom" / "2024-H1" / "1").write_text("een bestand met de naam van een versie", encoding="utf-8")
    (inbox / "tom" / "2024-H1" / "versie 2").mkdir()
    (inbox / "boost").write_text("een bestand met de naam van een consortium", encoding="utf-8")
    (inbox / "go" / "2024-H1" / "01").mkdir(parents=True)
    (inbox / "go" / "2024-H3" / "1").mkdir(parents=True)
    (inbox / "Thumbs.db").write_bytes(b"\0")
    (inbox / "go" / "kring").symlink_to(inbox / "go")
    outcome = send(sound("go", "2024-H1", 1))
    assert outcome.status == ACCEPTED
    assert len(find_deliveries(settings)) == 1
