"""Invented files of the client-experience surveys and the IPA measurement, for the demo.

Belongs here: believable outcomes in the form of such files, with the change of questionnaire in 2021. Every row says
that it is invented. Does not belong here: what the consortia deliver (``deliveries.py``), and reading such files.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from pipeline.simulation.chance import stream
from pipeline.simulation.districts import DistrictSize, read_district_sizes

SOURCE = "Verzonnen voor de demonstratie"

_Row = tuple[int, str, str, str, int, str, str, str]

# Level of each question in per cent, and what the new wording of 2021 did to it.
_WMO = {
    "ceo_vindbaar": (72, 4),
    "ceo_snel": (71, 3),
    "ceo_serieus": (88, 3),
    "ceo_oplossingen": (80, 2),
    "ceo_clientondersteuning": (32, 6),
    "ceo_kwaliteit": (81, -2),
    "ceo_past": (82, 2),
    "ceo_doen": (78, 3),
    "ceo_redden": (81, 2),
    "ceo_leven": (76, 4),
}
_WMO_GROUPS = {"tot 65": (0.34, -4), "65+": (0.66, 2)}
_WMO_PRESCRIBED = range(2018, 2021)
_WMO_FREE = range(2021, 2026)
_WMO_NEW = ("wachttijd", 2023, 58)  # a question that nobody has mapped
_WMO_DISTRICTS = ("ceo_kwaliteit", 2024)  # the only one that is given per district
_RESPONDENTS = 460

_YOUTH_YEARS = range(2021, 2026)
_YOUTH = {"mcjo_toegankelijkheid": 66, "mcjo_kwaliteit": 79, "mcjo_zelfredzaamheid": 63, "stelling 7": 70}
_YOUTH_GROUPS = {"jongeren": (55, -3), "ouders": (140, 2)}

_IPA_YEARS = (2019, 2022, 2025)
_IPA = {
    "Mobiliteit": 64,
    "Zelfverzorging": 83,
    "Tijdsbesteding": 58,
    "Sociale relaties": 71,
    "Maatschappelijke participatie": 49,
    "Werk en inkomen": 41,
}


def simulate_surveys(inbox: Path, *, seed: int = 1, districts: Sequence[DistrictSize] | None = None) -> list[Path]:
    """Write invented survey files of 2018 to 2025.

    The same arguments give the same bytes. A file that is already there is left alone.

    Args:
        inbox: folder under which ``monitors/<monitor>/`` is made.
        seed: zero or higher.
        districts: sizes of the districts; default the districts in the project's open data.

    Returns:
        The files, in order of monitor and name.

    Raises:
        FileExistsError: when another file lies where one would be written; nothing is overwritten.
    """
    sizes = read_district_sizes() if districts is None else districts
    # Excel in the Netherlands writes semicolons and Windows-1252; another agency sends UTF-8 with commas
    dutch, english = (";", "windows-1252", ","), (",", "utf-8", ".")
    files = {
        "ceo_jeugd/ceo_jeugd_2021_2025.csv": ("vraag", _youth(seed), english),
        "ceo_wmo/ceo_wmo_2018_2020.csv": ("vraag", _wmo_prescribed(seed), dutch),
        "ceo_wmo/ceo_wmo_2021_2025.csv": ("vraag", _wmo_free(seed, sizes), dutch),
        "ipa/ipa_metingen.csv": ("schaal", _ipa(seed), dutch),
    }
    return [_write(inbox / "monitors" / name, *content) for name, content in files.items()]


def _wmo_prescribed(seed: int) -> Iterator[_Row]:
    """The prescribed list: questions by their number."""
    for year in _WMO_PRESCRIBED:
        levels = {str(number): level for number, (level, _) in enumerate(_WMO.values(), start=1)}
        yield from _answers(seed, "ceo_wmo", year, levels)


def _wmo_free(seed: int, sizes: Sequence[DistrictSize]) -> Iterator[_Row]:
    """The municipality's own list: questions by a code, one of them new, one of them per district."""
    new, since, level = _WMO_NEW
    question, district_year = _WMO_DISTRICTS
    for year in _WMO_FREE:
        levels = {code: level + change for code, (level, change) in _WMO.items()}
        yield from _answers(seed, "ceo_wmo", year, levels | ({new: level} if year >= since else {}))
        if year == district_year:
            rng = stream(seed, "ceo_wmo", "districts", year)
            population = np.array([size.population for size in sizes])
            for size, n in zip(sizes, rng.poisson(_RESPONDENTS * population / population.sum()), strict=True):
                yield _row(year, question, "totaal", size.district_code, *_agreeing(rng, int(n), levels[question]))


def _answers(seed: int, monitor: str, year: int, levels: Mapping[str, int]) -> Iterator[_Row]:
    rng = stream(seed, monitor, year)
    respondents = int(rng.integers(_RESPONDENTS - 60, _RESPONDENTS + 60))
    for question, level in levels.items():
        counts = {
            group: _agreeing(rng, round(respondents * part), level + change)
            for group, (part, change) in _WMO_GROUPS.items()
        }
        everybody = tuple(map(sum, zip(*counts.values(), strict=True)))
        for group, (n, agreed) in {"totaal": everybody, **counts}.items():
            yield _row(year, question, group, "", n, agreed)


def _youth(seed: int) -> Iterator[_Row]:
    for year in _YOUTH_YEARS:
        rng = stream(seed, "ceo_jeugd", year)
        for question, level in _YOUTH.items():
            for group, (usual, change) in _YOUTH_GROUPS.items():
                yield _row(year, question, group, "", *_agreeing(rng, int(rng.poisson(usual)), level + change))


def _ipa(seed: int) -> Iterator[_Row]:
    for year in _IPA_YEARS:
        rng = stream(seed, "ipa", year)
        for scale, level in _IPA.items():
            yield _row(year, scale, "totaal", "", *_agreeing(rng, int(rng.integers(280, 360)), level))


def _agreeing(rng: np.random.Generator, n: int, level: float) -> tuple[int, int]:
    """Respondents, and how many of them agree."""
    return n, int(rng.binomial(n, min(max(level + rng.normal(0, 1.2), 1), 99) / 100))


def _row(year: int, question: str, group: str, area: str, n: int, agreed: int) -> _Row:
    """One outcome, with the 95 % interval of a share."""
    if not n:
        return year, question, group, area, 0, "", "", SOURCE
    share = agreed / n
    margin = 1.96 * (share * (1 - share) / n) ** 0.5
    return year, question, group, area, n, f"{share * 100:.1f}", f"{margin * 100:.1f}", SOURCE


def _write(path: Path, question: str, rows: Iterator[_Row], form: tuple[str, str, str]) -> Path:
    delimiter, encoding, decimal_mark = form
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(("jaar", question, "groep", "gebied", "n", "waarde", "marge", "bron"))
    for *about, value, margin, source in rows:
        writer.writerow((*about, value.replace(".", decimal_mark), margin.replace(".", decimal_mark), source))
    content = text.getvalue().encode(encoding)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        arriving = path.with_name(f".{path.name}.arriving")
        arriving.write_bytes(content)
        arriving.replace(path)
    elif path.read_bytes() != content:
        raise FileExistsError(f"another file lies at {path}; remove it or choose another folder")
    return path
