"""The surveys in the inbox: which files there are, which of them are new, and which questions nobody has mapped yet.

Belongs here: the folder per monitor and the vintages in order of arrival. Does not belong here: the form of a file
(``survey_files.py``) and what a question is compared with (the warehouse, by ``seeds/monitor_questions.csv``).

A file never stops another one: what is wrong with it is said, it stays where it lies, and what the vault has keeps
counting.
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.monitors.contracts import Contract, load_contract
from pipeline.monitors.suite import check
from pipeline.monitors.survey_files import SurveyFault, read_survey
from pipeline.monitors.vault import EMPTY, ensure_logged, ensure_vault, store
from pipeline.settings import SEEDS, Settings

_VINTAGE = re.compile(r"(\d{4})_([a-z0-9-]+)")
_FILE_ID_SIGNS = 40
_SHOWN_NAME = re.compile(r"[\w .()-]{1,80}")
_NINE_DIGITS = re.compile(r"\d(?:[ .-]?\d){8}")
# a code may be named in the open; a sentence of a file may not
_CODE = re.compile(r"[\w.-]{1,40}")


@dataclass(frozen=True)
class SurveyFile:
    """What became of one file.

    Attributes:
        name: its name, or words in its place when the name could tell about people.
        status: ``new``, ``known`` (the vault had it already) or ``refused``.
        vintage: its vintage in the vault; None when refused.
        rows: its rows; 0 when refused.
        years: the years that it is about.
        problems: why it was refused, as sentences in Dutch, without any text of the file.
        not_mapped: questions that the mapping does not know in that year: codes by name, questions in words by number.
    """

    name: str
    status: str
    vintage: str | None = None
    rows: int = 0
    years: tuple[int, ...] = ()
    problems: tuple[str, ...] = ()
    not_mapped: tuple[str, ...] = ()


def load_surveys(settings: Settings, monitor: str, seeds: Path = SEEDS) -> list[SurveyFile]:
    """Read the files of a monitor in the inbox and put what is new in the vault.

    The same content again, under this name or another, makes no new vintage. Other content under a known name is a
    revision, and the last one counts. The vault keeps all of them.

    Args:
        settings: the installation.
        monitor: ``ceo_wmo``, ``ceo_jeugd`` or ``ipa``.
        seeds: folder of districts and mapping.

    Returns:
        One entry per file, in the order in which they were read: by the time of the last change, then by name.
    """
    ensure_vault(settings)
    folder = settings.monitor_inbox / monitor
    paths = [path for path in folder.glob("*") if not path.name.startswith((".", "~$"))] if folder.is_dir() else []
    taken: set[str] = set()
    outcomes = []
    for path in sorted(paths, key=_arrival):
        if _file_id(path) in taken:
            # each would look like a revision of the other, at every run anew
            sentence = "Een ander bestand in deze map heeft bijna dezelfde naam. Geef dit bestand een eigen naam."
            outcomes.append(SurveyFile(_shown_name(path), "refused", problems=(sentence,)))
            continue
        outcomes.append(_load(settings, monitor, path, seeds))
        if outcomes[-1].status != "refused":
            taken.add(_file_id(path))
    return outcomes


def _arrival(path: Path) -> tuple[int, str]:
    return int(path.lstat().st_mtime), path.name


def _load(settings: Settings, monitor: str, path: Path, seeds: Path) -> SurveyFile:
    name = _shown_name(path)
    try:
        table = read_survey(path, monitor, seeds).assign(file_id=_file_id(path))
    except SurveyFault as fault:
        return SurveyFile(name, "refused", problems=fault.sentences)
    contract = load_contract(monitor)
    vintage, is_new = _vintage(settings.vault / "monitors" / monitor, contract, table)
    if is_new:
        table = table.assign(vintage=vintage)[contract.names]
        result = check(table, contract)
        if not result.success:
            # the reader should have seen it first; the names of expectations hold no values
            problem = f"De cijfers houden zich niet aan het contract van {monitor}: {', '.join(result.failed)}."
            return SurveyFile(name, "refused", problems=(problem,))
        store(settings, monitor, table, origin="file")
    else:
        ensure_logged(settings, monitor, vintage, "file")
    return SurveyFile(
        name,
        "new" if is_new else "known",
        vintage=vintage,
        rows=len(table),
        years=tuple(sorted(map(int, table["year"].unique()))),
        not_mapped=_not_mapped(table, monitor, seeds),
    )


def _vintage(folder: Path, contract: Contract, table: pd.DataFrame) -> tuple[str, bool]:
    """The vintage that holds exactly this already, or the name of the next one; and whether it is new."""
    file_id = table["file_id"].iloc[0]
    vintages = {path: _VINTAGE.fullmatch(path.stem) for path in sorted(folder.glob("*.parquet")) if path.name != EMPTY}
    own = [path for path, name in vintages.items() if name[2] == file_id]
    ordered = table.assign(vintage="").sort_values(list(contract.key), ignore_index=True)[contract.names]
    rows = _content(pa.Table.from_pandas(ordered, contract.schema, preserve_index=False))
    # a file that returns to an earlier content is a change; a copy under a new name is not
    for path in own[-1:] or vintages:
        if _content(pq.read_table(path, partitioning=None)).equals(rows):
            return path.stem, False
    last = max((int(name[1]) for name in vintages.values()), default=0)
    return f"{last + 1:04d}_{file_id}", True


def _content(rows: pa.Table) -> pa.Table:
    return rows.drop_columns(["vintage", "file_id"]).replace_schema_metadata(None)


def _file_id(path: Path) -> str:
    letters = unicodedata.normalize("NFKD", path.stem).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", letters).strip("-")[:_FILE_ID_SIGNS].strip("-")
    return "bestand" if not slug or _NINE_DIGITS.search(slug) else slug


def _shown_name(path: Path) -> str:
    is_safe = _SHOWN_NAME.fullmatch(path.name) and not _NINE_DIGITS.search(path.name)
    return path.name if is_safe else "een bestand met een ongewone naam"


def _not_mapped(table: pd.DataFrame, monitor: str, seeds: Path) -> tuple[str, ...]:
    """Questions without a row in the mapping for their year."""
    mapping = pd.read_csv(seeds / "monitor_questions.csv", dtype={"question": str})
    spans = {
        name: list(zip(rows["valid_from"], rows["valid_to"].fillna(math.inf), strict=True))
        for name, rows in mapping[mapping["monitor"] == monitor].groupby("question")
    }
    unknown: dict[str, list[int]] = {}
    for key, year in sorted(set(zip(table["question_key"], table["year"], strict=True))):
        if not any(first <= year <= last for first, last in spans.get(key, ())):
            unknown.setdefault(key, []).append(year)
    named = [f"{key} ({', '.join(map(str, years))})" for key, years in unknown.items() if _CODE.fullmatch(key)]
    in_words = len(unknown) - len(named)
    return (*named, *([f"{in_words} in words"] if in_words else []))
