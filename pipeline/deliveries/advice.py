"""What a sender must know and do, in plain Dutch: per outcome, per step of the technical check, per rule and verdict.

Belongs here: sentences that hold for every delivery. Does not belong here: what is wrong with this one, which its
findings say (``judge.py``, ``package.py``, ``reader.py``, ``guard.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.deliveries.findings import Finding, Judgement

# title, and what it means for the rows
STATUS = {
    "accepted": ("Aangenomen", "Alle rijen tellen mee."),
    "partially_accepted": ("Gedeeltelijk aangenomen", "De geweigerde rijen tellen niet mee; alle andere rijen wel."),
    "rejected": (
        "Afgewezen",
        "De levering telt niet mee. Uw laatste aangenomen levering van dit halfjaar blijft gelden, als die er is.",
    ),
    "incomplete": ("Nog niet compleet", "Er is nog niets beoordeeld."),
}

# rule -> what kind of fault it is, and what to do about it
RULES: Mapping[str, tuple[str, str]] = {
    "row_width": (
        "Te weinig of te veel cellen",
        "Staat het scheidingsteken ook in een tekst, zet die tekst dan tussen aanhalingstekens.",
    ),
    "missing_value": (
        "Verplichte cel is leeg",
        "Vul de cel in. Weet u de waarde niet, zoek dan uit waarom zij niet is vastgelegd.",
    ),
    "unknown_code": (
        "Onbekende code",
        "Gebruik een code uit de lijst van het leveringscontract, precies zo geschreven.",
    ),
    "not_an_integer": ("Geen heel getal", "Schrijf alleen cijfers, zonder woorden en zonder eenheid."),
    "not_a_date": (
        "Geen datum",
        "Schrijf de datum voluit, met een jaar van vier cijfers, en controleer of de dag bestaat.",
    ),
    "not_a_month": ("Geen maand", "Schrijf jaar en maand, zoals 2024-01."),
    "not_a_time": ("Geen tijd", "Schrijf uren en minuten, zoals 09:30."),
    "not_a_boolean": ("Geen ja of nee", "Schrijf ja of nee."),
    "out_of_range": ("Getal buiten de grenzen", "Controleer het getal in uw administratie."),
    "out_of_scale": ("Getal past niet bij de schaal", "Controleer of het antwoord bij de goede vraag staat."),
    "outside_period": (
        "Datum buiten het halfjaar",
        "Lever hier alleen wat in dit halfjaar is gebeurd. Hoort het bij een ander halfjaar, lever dan dat opnieuw.",
    ),
    "before_1900": ("Datum te lang geleden", "Controleer het jaar."),
    "after_period": ("Datum te laat", "Controleer het jaar, of laat weg wat nog niet gebeurd was."),
    "before_start": ("Einde ligt voor het begin", "Controleer beide datums; vaak zijn zij verwisseld."),
    "code_does_not_fit": ("Code past niet bij de rij", "Controleer beide kolommen: een van de twee klopt niet."),
    "unknown_reference": (
        "Verwijst naar een rij die er niet is",
        "Vaak is de rij waarnaar wordt verwezen zelf geweigerd: verbeter die eerst. Ontbreekt zij, lever haar dan ook.",
    ),
    "out_of_order": ("Getallen kloppen niet met elkaar", "Controleer beide getallen."),
    "duplicate_key": ("Dubbele rij", "Laat van elke rij er één staan: de juiste."),
    "excel_error": ("Foutmelding van Excel", "Herstel de formule in Excel, of typ de waarde zelf in de cel."),
    "formula_text": (
        "Tekst die een formule lijkt",
        "Haal het teken vooraan weg. Een rekenprogramma zou de tekst anders als formule uitvoeren.",
    ),
    "rounded_identifier": (
        "Kenmerk dat Excel heeft afgerond",
        "Geef de kolom in Excel de opmaak Tekst, en haal het kenmerk opnieuw uit uw administratie.",
    ),
}

# verdict of the reliability step -> its word, and what it means for the sender
VERDICTS = {
    "reliable": ("betrouwbaar", "het cijfer is zeker genoeg om te tonen en te vergelijken."),
    "indicative": ("indicatief", "het cijfer mag worden getoond, met erbij dat het nog onzeker is."),
    "not_publishable": ("niet te tonen", "het cijfer is te onzeker om alleen te worden getoond."),
}

# how a step of the technical check ended
STATES = {
    "passed": "in orde",
    "failed": "niet in orde",
    "partial": "niet geheel beoordeeld",
    "not_reached": "nog niet beoordeeld",
}

# step of the technical check: what it is, and what to tell when it holds
_STEPS = {
    "descriptor": ("De beschrijving", "datapackage.json is te lezen en hoort bij deze map."),
    "files": ("De bestanden", "Alle bestanden zijn er, en zijn precies de bestanden die u beschreef."),
    "form": ("De vorm", "Alle bestanden zijn te lezen."),
    "tables": ("Tabellen en kolommen", "Alle verplichte tabellen en kolommen zijn er."),
    "personal_data": ("Persoonsgegevens", "Er zijn geen persoonsgegevens gevonden die hier niet horen."),
}
_STEP_OF_RULE = {
    "incomplete": "files",
    "hash_mismatch": "files",
    "missing_table": "tables",
    "missing_column": "tables",
}
_REASONS = {
    "final_period": "het halfjaar is al definitief, en volgens datapackage.json is dit geen afgesproken correctie",
    "version_already_delivered": "deze versie is al eerder geleverd, met een andere inhoud",
    "too_many_refused": "van een tabel zijn te veel rijen geweigerd",
    "personal_data": "er staan persoonsgegevens in",
    "descriptor": "datapackage.json klopt niet",
    "files": "een bestand is niet het bestand dat u beschreef",
    "form": "een bestand is niet te lezen",
    "tables": "een verplichte tabel of kolom ontbreekt",
}
# found in the rows, though it rejects the whole delivery
CONTENT_RULES = ("too_many_refused",)
_FAILURE = "technical_failure"
_CONFLICT = "version_already_delivered"


def technical_steps(judgement: Judgement) -> list[dict[str, Any]]:
    """The steps of the technical check, in the order in which they are taken.

    Args:
        judgement: what became of the delivery.

    Returns:
        Per step ``step``, ``title_nl``, ``state`` (``passed``, ``failed``, ``partial`` when a file that could not be
        read may hide more, ``not_reached``), ``sentence_nl`` and ``findings``: the places of its findings among those
        of the judgement.
    """
    found: dict[str, list[int]] = {step: [] for step in _STEPS}
    for place, finding in enumerate(judgement.findings):
        if step := _step(finding):
            found[step].append(place)
    # without a sound descriptor and whole files nothing is read
    stopped = _stopped_at(judgement, found)
    steps = []
    for number, (step, (title, sentence)) in enumerate(_STEPS.items()):
        state = "failed" if found[step] else "not_reached" if number > stopped else "passed"
        if state == "passed" and found["form"] and step in ("tables", "personal_data"):
            state = "partial"
        told = {
            "passed": sentence,
            "failed": "Nog niet alles is er." if judgement.status == "incomplete" else "Dit klopt niet.",
            "partial": "Tot zover niets gevonden, maar niet elk bestand was te lezen.",
            "not_reached": "Nog niet beoordeeld.",
        }[state]
        steps.append({"step": step, "title_nl": title, "state": state, "sentence_nl": told, "findings": found[step]})
    return steps


def _stopped_at(judgement: Judgement, found: Mapping[str, list[int]]) -> int:
    if any(finding.rule == _FAILURE for finding in judgement.findings):
        return -1
    if judgement.tables:
        return len(_STEPS)  # it was read: the fault is not in how it was described
    for number, step in enumerate(("descriptor", "files")):
        if found[step]:
            # no descriptor yet, or files that are still to come: it cannot be told which
            return -1 if judgement.status == "incomplete" else number
    return len(_STEPS)


def _step(finding: Finding) -> str | None:
    if finding.rule.startswith("personal_data"):
        return "personal_data"
    if finding.rule in (*CONTENT_RULES, _FAILURE):
        return None
    if finding.rule in _STEP_OF_RULE:
        return _STEP_OF_RULE[finding.rule]
    return {"delivery": "descriptor", "table": "form"}.get(finding.level)


def reason(judgement: Judgement) -> str | None:
    """Why a delivery is rejected or incomplete, in one sentence; None when it is neither.

    Args:
        judgement: what became of the delivery.
    """
    for finding in judgement.findings:
        if finding.rule in (_FAILURE, "incomplete"):
            return finding.sentence
    if judgement.status != "rejected":
        return None
    fatal = [finding for finding in judgement.findings if finding.is_fatal]
    words = [_REASONS.get(finding.rule) or _REASONS.get(_step(finding) or "") for finding in fatal]
    known = list(dict.fromkeys(word for word in words if word))
    return f"Reden: {'; '.join(known)}." if known else None


def next_steps(judgement: Judgement, *, is_trial: bool, has_questions: bool) -> list[str]:
    """What the sender does now, in order.

    Args:
        judgement: what became of the delivery.
        is_trial: whether it has not been sent yet.
        has_questions: whether the comparison with the half-year before asks something.
    """
    rules = {finding.rule for finding in judgement.findings}
    ask = ["Lees de vragen onder 5. Is het antwoord ergens nee, verbeter dat dan ook."]
    if judgement.status == "incomplete":
        return [
            "Zet alle bestanden die datapackage.json noemt in de map.",
            "Zet datapackage.json als laatste in de map: dan is duidelijk dat alles er is.",
        ]
    if _FAILURE in rules:
        return [
            "Verander niets aan de levering: waarschijnlijk ligt het niet aan u.",
            "Blijft dit zo, laat het dan weten aan de gegevensbeheerder van de gemeente.",
        ]
    if _CONFLICT in rules:
        return ["Was dit een verbetering? Lever haar dan opnieuw, met een hoger versienummer."]
    if judgement.status == "accepted":
        done = (
            "U kunt de levering versturen." if is_trial else "U hoeft niets te verbeteren. Bewaar dit ontvangstbewijs."
        )
        return [
            *(
                ["Lees de vragen onder 5. Is het antwoord ergens nee, lever dan een verbeterde versie."]
                if has_questions
                else []
            ),
            done,
        ]
    if judgement.has_personal_data:
        return [
            "Kijk onder 1 in welke tabel, kolom en rij de persoonsgegevens staan.",
            "Haal ze weg, of vervang ze door uw eigen kenmerk. Verstuur of bewaar de oude bestanden niet langer.",
            *([] if is_trial else ["Vraag uw functionaris gegevensbescherming of u dit als datalek moet melden."]),
            _again(judgement, is_trial),
        ]
    failed = {step["step"] for step in technical_steps(judgement) if step["state"] == "failed"}
    if judgement.status == "partially_accepted":
        look = "Kijk onder 2 welke rijen zijn geweigerd."
    elif any(finding.level == "row" or finding.rule in CONTENT_RULES for finding in judgement.findings):
        look = "Kijk onder 1 en 2 wat er niet klopt." if failed else "Kijk onder 2 wat er niet klopt."
    else:
        look = "Kijk onder 1 wat er niet klopt."
    if failed and failed <= {"descriptor", "files"} and not judgement.tables:
        mend = "Maak de beschrijving opnieuw, bijvoorbeeld met: effectmonitor deliver pack MAP."
    else:
        mend = (
            "Verbeter het in uw eigen administratie of in uw export, en niet alleen in het bestand. Anders komt het "
            "terug."
        )
    return [
        look,
        mend,
        *(ask if has_questions else []),
        _again(judgement, is_trial),
    ]


def _again(judgement: Judgement, is_trial: bool) -> str:
    if is_trial:
        return "Controleer de levering daarna opnieuw. Het versienummer verandert pas als u haar hebt verstuurd."
    number = f", als versie {judgement.version + 1} of hoger" if judgement.version else ", met een hoger versienummer"
    return f"Lever het hele halfjaar opnieuw{number}."
