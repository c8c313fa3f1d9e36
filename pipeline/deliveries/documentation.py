"""The delivery contract as a page for those who deliver, in Dutch, made from the contracts.

Belongs here: how a contract is told to people; the template (``template.py``) uses the same words. What the page says
of the tables lies in ``expectations/deliveries/``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pipeline.deliveries.contract import (
    CONTRACT_VERSION,
    Column,
    Contract,
    Scale,
    consortium_name,
    load_contracts,
    threshold,
)

PAGE = "leveringscontract.md"

_KINDS = {
    "identifier": "kenmerk",
    "code": "code",
    "text": "tekst",
    "integer": "heel getal",
    "date": "datum",
    "month": "maand",
    "time": "tijd",
    "boolean": "ja of nee",
}
_MOMENTS = {
    "in_period": "binnen het halfjaar",
    "until_period_end": "uiterlijk de laatste dag van het halfjaar",
    "until_a_year_later": "uiterlijk 365 dagen na het halfjaar",
}
_LISTED = 6

_OPENING = f"""# Leveringscontract, versie {CONTRACT_VERSION}

<!-- Gemaakt uit expectations/deliveries/ en seeds/: verander dit bestand niet met de hand. -->

Twee keer per jaar levert u per halfjaar één map met een bestand per tabel en een beschrijving, `datapackage.json`. Deze
pagina zegt wat er in staat en wat er met een levering gebeurt.

## De map

De map heet `<consortium>/<halfjaar>/<versie>`, bijvoorbeeld `tom/2024-H1/1`. Moet u iets verbeteren, lever dan het hele
halfjaar opnieuw met een hoger versienummer. De hoogste aangenomen versie telt. Een versie die is beoordeeld, ligt vast.

`datapackage.json` heeft de velden `name`, `created`, `consortium`, `period`, `version`, `contract`
(`{CONTRACT_VERSION}`) en `resources`. Elk bestand staat in `resources` met `name` (de tabel), `path`, `bytes` en `hash`
(`sha256:` en de controlesom); `dialect` (met `delimiter`) en `encoding` mogen erbij. Zet `datapackage.json` als laatste
in de map: zolang er bestanden ontbreken of nog niet heel zijn, blijft de levering liggen.

Zodra over het eerste halfjaar van een volgend jaar is geleverd, zijn de cijfers van een halfjaar definitief. Een
correctie daarop spreekt u eerst af met de gemeente; zet dan ook `correction_of_final` op `true` in `datapackage.json`.
Zonder die vermelding wordt zo'n correctie afgewezen.

## De opdrachten

U hoeft `datapackage.json` niet zelf te schrijven. Er zijn vier opdrachten voor u. U gebruikt ze op uw eigen computer;
er wordt niets verstuurd.

1. `effectmonitor deliver template tom` maakt een Excel-werkmap met een blad per tabel. Het eerste blad legt alles uit.
   Gebruik `go` of `boost` voor een ander consortium. Levert u CSV-bestanden uit uw eigen systeem, dan kunt u deze stap
   overslaan.
2. `effectmonitor deliver pack MAP` zoekt de tabellen in uw map en schrijft `datapackage.json`. Heet de map niet
   `tom/2024-H1/1`, geef dan `--consortium`, `--period` en `--version` op. Met `--correction-of-final` zegt u dat u een
   definitief halfjaar verbetert. Verandert u daarna een bestand, geef de opdracht dan opnieuw.
3. `effectmonitor deliver check MAP` beoordeelt de levering zoals de gemeente dat doet en laat het ontvangstbewijs zien.
4. `effectmonitor deliver prepare MAP --to NIEUWE_MAP --key SLEUTEL` vervangt alle kenmerken door een code, vóór u iets
   verstuurt. De gemeente ziet uw kenmerken dan nooit. Een cliënt houdt in elke tabel en elk halfjaar dezelfde code. De
   rijen houden hun nummer: een rijnummer in het ontvangstbewijs wijst ook in uw eigen bestand de goede rij aan. De
   eerste keer maakt u met `--new-key` een sleutel. Bewaar die goed en geef haar aan niemand. Raakt zij kwijt, dan
   worden uw cliënten niet meer herkend. Deze stap is niet verplicht; doet u hem één keer, doe hem dan altijd.

## De bestanden

- De naam van het bestand is de naam van de tabel, bijvoorbeeld `clienten.csv` of `clienten.xlsx`. Het mag ook één
  Excel-werkmap zijn met een blad per tabel; dan heet elk blad zoals de tabel en heet de werkmap zoals u wilt. In
  `resources` hebben die tabellen dan hetzelfde `path`.
- CSV: gescheiden door `;`, `,` of een tab; in UTF-8, UTF-16 of Windows-1252.
- Excel: een `.xlsx`-bestand zonder wachtwoord. De bladen `Uitleg` en `codes` horen bij het sjabloon en worden niet
  gelezen. Andere bladen horen er niet in. Van een formule telt de waarde.
- De voorbeeldrij van het sjabloon begint met `VOORBEELD`. Haal haar weg; blijft zij staan, dan telt zij niet mee.
- De eerste rij bevat de kolomnamen, zonder titel erboven. De volgorde van de kolommen, hoofdletters, accenten, spaties
  en streepjes in de namen maken niet uit, en een `*` of `:` erachter ook niet.
- Rij 1 is de eerste rij onder de kolomnamen. Lege rijen tellen mee in de nummers: rij 1 is in Excel rij 2.
- Datums als `31-12-2024`, `31.12.2024` of `2024-12-31`, zonder tijd; tijden als `09:30`; maanden als `2024-01`,
  `01-2024` of `jan 2024`. Het jaar heeft vier cijfers.
- Hele getallen, met of zonder `,0` erachter, en zonder punt voor duizendtallen.
- `ja` of `nee`; ook `j`, `n`, `true`, `false`, `waar`, `onwaar`, `1` en `0` zijn goed.
- Een code die Excel haar eerste nul heeft afgenomen (`2` voor `02`) is goed, zolang zij maar één code kan zijn.
- Geen tekst die als een formule begint (`=`, `@`, of `+` en `-` zonder gewone zin of gewoon getal erachter).
- Kolommen die hier niet staan, worden niet overgenomen.
- Een verplichte tabel waarin u niets te melden hebt, levert u met alleen de kolomnamen.
- Wilt u voor een indicator geen rijen per persoon leveren, lever dan `aantallen`. Kies per indicator één van beide.

## Wat niet mag

In geen enkele kolom, ook niet in vrije tekst, staan persoonsgegevens: geen burgerservicenummer, e-mailadres,
telefoonnummer, rekeningnummer, adres met huisnummer, geboortedatum of naam (zoals: mevr. en dan een achternaam), en
geen kolom met zulke gegevens. Een voorletter of "mevrouw" alleen mag. Staat er toch iets, dan wordt de hele
levering afgewezen. Zo'n gegeven wordt nergens opgeschreven: u krijgt alleen tabel, kolom en rijnummers. Uw kenmerken
van cliënten en medewerkers worden bij aankomst vervangen door een code waaruit ze niet terug te halen zijn.

## Wat er met een levering gebeurt

- Een rij met een fout wordt geweigerd; de andere rijen tellen mee. Het ontvangstbewijs noemt rijnummer, kolom en reden.
- Is van een tabel meer dan {{limit}} procent van de rijen geweigerd, ontbreekt een verplichte tabel of kolom, of is
  een bestand niet te lezen, dan wordt de hele levering afgewezen. Uw laatste aangenomen levering van dat halfjaar
  blijft dan gelden.
- Komt een sleutel twee keer voor, dan telt de eerste goede rij.
- Een rij over een cliënt of gesprek zonder goede rij in `clienten` of `gesprekken` wordt geweigerd.
- Datums liggen niet vóór 1 januari 1900.
"""


@dataclass(frozen=True)
class CodeGroup:
    """Codes of one column that are told together.

    Attributes:
        column: the column they are for.
        codes: code -> Dutch name.
        depends_on, value: the column that decides whether these are the codes, and its value; None when none does.
        scale: bounds of the answers to each code, or None.
    """

    column: str
    codes: Mapping[str, str]
    depends_on: str | None = None
    value: str | None = None
    scale: Scale | None = None


def write_documentation(folder: Path) -> Path:
    """Write the page.

    Args:
        folder: where ``leveringscontract.md`` is made or replaced.

    Returns:
        Path of the page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / PAGE
    path.write_text(documentation(), encoding="utf-8")
    return path


def documentation() -> str:
    """The page as Markdown."""
    contracts = load_contracts()
    parts = [_OPENING.replace("{limit}", _limit()), _overview(contracts.values())]
    parts += [_table(contract) for contract in contracts.values()]
    parts.append(_code_lists(contracts.values()))
    return "\n".join(parts)


def explanation(column: Column) -> str:
    """What a column may hold, in Dutch: its kind, its bounds and what it refers to."""
    parts = [_KINDS[column.type]]
    if column.codes:
        codes = column.codes.allowed
        listed = ", ".join(f"`{code}`" for code in codes)
        parts = [f"code: {listed}" if not column.codes.seed and len(codes) <= _LISTED else "code, zie de codelijsten"]
    if column.scale:
        parts.append(f"de schaal hangt af van {column.scale.depends_on}; {column.scale.no_opinion} = geen mening")
    if column.minimum is not None:
        parts.append(
            f"{column.minimum} tot en met {column.maximum}"
            if column.maximum is not None
            else f"{column.minimum} of meer"
        )
    if column.moment:
        parts.append(_MOMENTS[column.moment])
    if column.not_before:
        parts.append(f"niet vóór {column.not_before}")
    if column.references:
        parts.append(f"staat ook in {column.references[0]}")
    if column.default:
        parts.append(f"leeg = {column.default}")
    return "; ".join(parts)


def code_groups(contracts: Collection[Contract]) -> list[CodeGroup]:
    """The code lists that come from a seed, each once; a list that depends on another column is one per value of it.

    Args:
        contracts: the tables, in the order in which their lists are told.
    """
    groups: dict[str, list[CodeGroup]] = {}
    for contract in contracts:
        scales = {column.scale.depends_on: column.scale for column in contract.columns if column.scale}
        for column in contract.columns:
            codes = column.codes
            if not codes or not codes.seed or column.name in groups:
                continue
            groups[column.name] = [
                CodeGroup(
                    column=column.name,
                    codes={code: codes.labels[code] for code in allowed},
                    depends_on=codes.depends_on,
                    value=value,
                    scale=scales.get(column.name),
                )
                for value, allowed in (codes.per or {None: codes.allowed}).items()
            ]
    return [group for of_column in groups.values() for group in of_column]


def _limit() -> str:
    # the one that holds until further notice: the page is the same on every day
    return f"{float(threshold('maximum_refused_share', date.max)) * 100:g}".replace(".", ",")


def _overview(contracts: Collection[Contract]) -> str:
    lines = ["## De tabellen", "", "| tabel | van | verplicht | sleutel |", "| --- | --- | --- | --- |"]
    for contract in contracts:
        key = ", ".join(f"`{name}`" for name in contract.key)
        required = "ja" if contract.required else "nee"
        names = ", ".join(consortium_name(code) for code in contract.consortia)
        link = f"[{contract.table}](#{contract.table})"
        lines.append(f"| {link} | {names} | {required} | {key} |")
    return "\n".join([*lines, ""])


def _table(contract: Contract) -> str:
    lines = [f"### {contract.table}", "", contract.description, ""]
    lines += ["| kolom | verplicht | inhoud | uitleg | voorbeeld |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| `{column.name}` | {'ja' if column.required else ''} | {explanation(column)} | {column.description.strip()} "
        f"| {column.example} |"
        for column in contract.columns
    ]
    lines += [f"\nGeweigerd wordt ook: {pair.sentence[0].lower()}{pair.sentence[1:]}" for pair in contract.pairs]
    return "\n".join([*lines, ""])


def _code_lists(contracts: Collection[Contract]) -> str:
    lines = ["## Codelijsten", ""]
    for group in code_groups(contracts):
        lines += [f"### {group.column}" + (f" bij {group.depends_on} {group.value}" if group.depends_on else ""), ""]
        lines += [
            "| code | betekenis |" + (" schaal |" if group.scale else ""),
            "| --- | --- |" + (" --- |" if group.scale else ""),
        ]
        for code, label in group.codes.items():
            bounds = " {} tot en met {} |".format(*group.scale.bounds[code]) if group.scale else ""
            lines.append(f"| `{code}` | {label} |{bounds}")
        lines.append("")
    return "\n".join(lines)
