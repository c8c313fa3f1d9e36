"""The delivery contract as a page for those who deliver, in Dutch, made from the contracts.

Belongs here: how a contract is told to people; the template (``template.py``) uses the same words. What the page says
of the tables lies in ``expectations/deliveries/``.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from pipeline.deliveries.contract import CONTRACT_VERSION, Column, Contract, Scale, load_contracts, read_seed

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

## De bestanden

- CSV: gescheiden door `;`, `,` of een tab; in UTF-8, UTF-16 of Windows-1252.
- Of Excel (`.xlsx`, zonder wachtwoord): een werkmap per tabel, of één werkmap met per tabel een blad dat zo heet. In
  `resources` hebben die tabellen dan hetzelfde `path`. Het blad `Uitleg` telt niet mee. Van een formule telt de waarde.
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

## Wat niet mag

In geen enkele kolom, ook niet in vrije tekst, staan persoonsgegevens: geen burgerservicenummer, e-mailadres,
telefoonnummer, rekeningnummer, adres met huisnummer, en geen kolom met namen. Staat er toch iets, dan wordt de hele
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


def consortium_names(contract: Contract) -> str:
    """Who deliver a table, in words."""
    names = {row["consortium_code"]: row["name"] for row in read_seed("consortia")}
    return ", ".join(names[code] for code in contract.consortia)


def _limit() -> str:
    (value,) = (
        row["value"]
        for row in read_seed("thresholds")
        if row["threshold_code"] == "maximum_refused_share" and not row["valid_to"]
    )
    return f"{float(value) * 100:g}".replace(".", ",")


def _overview(contracts: Collection[Contract]) -> str:
    lines = ["## De tabellen", "", "| tabel | van | verplicht | sleutel |", "| --- | --- | --- | --- |"]
    for contract in contracts:
        key = ", ".join(f"`{name}`" for name in contract.key)
        required = "ja" if contract.required else "nee"
        link = f"[{contract.table}](#{contract.table})"
        lines.append(f"| {link} | {consortium_names(contract)} | {required} | {key} |")
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
    shown = set()
    for contract in contracts:
        scales = {column.scale.depends_on: column.scale for column in contract.columns if column.scale}
        for column in contract.columns:
            if column.codes and column.codes.seed and column.name not in shown:
                shown.add(column.name)
                lines += _code_list(column, scales.get(column.name))
    return "\n".join(lines)


def _code_list(column: Column, scale: Scale | None) -> list[str]:
    groups = column.codes.per or {"": column.codes.allowed}
    lines = []
    for value, codes in groups.items():
        lines += [f"### {column.name}" + (f" bij {column.codes.depends_on} {value}" if value else ""), ""]
        lines += [
            "| code | betekenis |" + (" schaal |" if scale else ""),
            "| --- | --- |" + (" --- |" if scale else ""),
        ]
        for code in codes:
            bounds = " {} tot en met {} |".format(*scale.bounds[code]) if scale else ""
            lines.append(f"| `{code}` | {column.codes.labels[code]} |{bounds}")
        lines.append("")
    return lines
