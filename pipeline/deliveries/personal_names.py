"""Names of people in running text: what follows "mevrouw", "dhr." and the like, and names where an identifier belongs.

Belongs here: how Dutch names are built, and the words that stand in the same place without being one. Does not belong
here: numbers, addresses and dates (``personal_data.py``).
"""

from __future__ import annotations

import re
from collections.abc import Collection


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# "MW" without a point is maatschappelijk werk; "hr" is a person only after an article
_TITLE = re.compile(
    r"(?<![^\W_])(?:(?i:dhr|mevr|mej|de hr)(?:\. ?| )|[Mm]w(?:\. ?| )|MW\. ?|(?i:fam)\. ?"
    r"|(?i:(?:de )?heer|de heren|mevrouw|meneer|mijnheer|mejuffrouw) )"
)
_REACH = 90  # signs behind a title in which a name can stand
_ACADEMIC = _words("dr drs prof mr ir ing ds")
_INITIAL = re.compile(r"(?:[^\W\d_]|Th|Ph|Chr?|IJ|Joh|St|Fr)\.")
_INITIAL_ATTACHED = re.compile(r"(?<![^\W_])([A-ZÀ-Þ]|Th|Ph|Chr?|IJ|Joh)\.(?=[^\W\d_])")
_PREFIXES = _words(
    "van von de den der des 't 's t ten ter vd v d v.d vander vanden la le du di da dos el al ben bin ibn abu"
)
_SURE_PREFIXES = _words("der des 't 's ten ter vd v.d von")
# "mevrouw in Boskoop" is no name; "mevrouw in 't Veld" and "J. uit den Bogaard" are
_PREPOSITIONS = _words("in op uit aan bij onder over voor te")
_AFTER_PREPOSITION = _words("'t den der")
_SURNAME = re.compile(r"(?:[dDoO]'|'t)?[^\W\d_][^\W\d_'-]*(?:['-][^\W\d_]+)*")

# Capitalised words that begin the next sentence: "Gesproken met een mevr. Daarna …", "bij mevrouw K. Samen …".
_SENTENCE_STARTS = _words(
    "aan achteraf al alle alleen allemaal als andere anderen bij binnen binnenkort bovendien buiten daar daarbij "
    "daardoor daarmee daarna daarnaast daarom daarop daaruit daarvoor dan dankzij dat de deze die dinsdag dit doel "
    "donderdag door dus echter een eens eerder eerst elk elke en er ergens even geen gelukkig gezamenlijk haar heeft "
    "heel heer helaas hem het hier hierbij hierdoor hierna hiernaast hij hoe hoewel hun iedere iedereen iemand ik in "
    "inmiddels ja juist maandag maar mede meer meerdere men met mevrouw meneer mijn mits momenteel mogelijk na naar "
    "naast nadat namens natuurlijk nee net niemand niet nog nooit nu of om omdat onder onlangs ons onze ook op over "
    "overigens overleg per pas regelmatig resultaat samen sinds soms sommige steeds straks terwijl tevens tijdens "
    "toch toen tot tussen uit uiteindelijk vaak vanaf vandaag vanuit vanwege vanzelf veel verder via volgens voor "
    "vooral voordat vorig vorige vrijdag waar waarbij waardoor waarna waarom wanneer want was wat we weer wel "
    "wekelijks welke wie wij woensdag worden wordt zaterdag ze zelf zelfs zes zij zijn zo zoals zodat zodra zodoende "
    "zie kijk lees bel mail "
    "zondag zonder zou"
)
# What stands behind a title when the verb comes first: "Zo leert mevrouw Nederlands", "daar bezoekt mevrouw de Inloop".
_THINGS = _words(
    "nederlands nederlandse engels engelse duits duitse frans franse spaans spaanse italiaans italiaanse portugees "
    "portugese pools poolse bulgaars bulgaarse roemeens roemeense hongaars hongaarse russisch russische oekraïens "
    "oekraïense turks turkse koerdisch koerdische arabisch arabische marokkaans marokkaanse berbers tamazight "
    "syrisch syrische iraaks iraakse iraans iraanse perzisch farsi dari afghaans afghaanse somalisch somalische "
    "eritrees eritrese ethiopisch ethiopische tigrinya surinaams surinaamse antilliaans antilliaanse papiaments "
    "hindoestaans hindoestaanse indisch indische indonesisch indonesische moluks molukse chinees chinese "
    "vietnamees vietnamese fries friese vlaams belgisch belgische europees europese afrikaans afrikaanse joodse "
    "islamitische alphens alphense boskoops boskoopse nederland syrië marokko turkije polen oekraïne suriname "
    "eritrea afghanistan iran irak europa duitsland belgië "
    "tom go go4jeugd boost team teams wijkteam buurtteam jeugdteam kernteam stichting gemeente gemeenteloket "
    "serviceplein serviceloket wmo wlz zvw pgb zin ggz ggd uwv svb cak ciz zrm vvt poh wvggz wzd jeugdwet "
    "participatiewet huisarts voedselbank kledingbank humanitas kwadraad participe rijnvicus activite tintelingen "
    "zonnebloem regiotaxi valys digid whatsapp facebook instagram zoom excel word internet google corona covid "
    "alzheimer parkinson korsakov asperger crohn kerst kerstmis pasen pinksteren ramadan suikerfeest sinterklaas "
    "koningsdag prinsjesdag buurthuis wijkcentrum buurtkamer huiskamer inloop inloophuis eetcafé repaircafé "
    "taalhuis taalcafé bibliotheek dagbesteding begeleiding maatwerk huishoudelijke mantelzorg veilig sociaal "
    "algemene jeugdhulp schuldhulp schuldhulpverlening budgetbeheer beschermd centrum leger rode eigen welzijn "
    "januari februari maart april juni juli augustus september oktober november december adhd ptss nah lvb"
)
# An identifier without a digit that is written as a name: "Jansen, P.", "P. Jansen", "Piet de Vries".
_CAPITALISED = r"[A-ZÀ-Þ][a-zà-ÿ]+(?:-[A-ZÀ-Þ][a-zà-ÿ]+)?"
_BETWEEN = r"(?:van|de|den|der|ten|ter|el|'t|v\.d\.)"
_INITIALS = r"(?:(?:[A-ZÀ-Þ]|Th|Chr?|IJ)\. ?){1,5}"
_NAME_AS_IDENTIFIER = re.compile(
    rf"(?:{_BETWEEN} ){{0,3}}{_CAPITALISED}, ?(?:{_INITIALS}|{_CAPITALISED})(?: ?{_BETWEEN}){{0,3}}"
    rf"|{_INITIALS}(?:{_BETWEEN} ){{0,3}}{_CAPITALISED}"
    rf"|{_CAPITALISED} (?:{_BETWEEN} ){{1,3}}{_CAPITALISED}"
)
_NO_FIRST_NAMES = _words(
    "team wijkteam buurtteam jeugdteam bureau stichting huis centrum groep locatie afdeling gemeente regio cluster "
    "dienst medewerker medewerkers begeleider vrijwilliger vrijwilligers stagiair invaller collega coach loket onbekend"
)


def has_name(text: str) -> bool:
    """Whether a name stands behind a title such as "mevr." or "de heer".

    Args:
        text: a text without double spaces.
    """
    return any(_starts_with_name(text[match.end() : match.end() + _REACH]) for match in _TITLE.finditer(text))


def is_name(identifier: str) -> bool:
    """Whether an identifier is written as somebody's name. A single word passes: it may be the name of a team.

    Args:
        identifier: the cell, without blanks around it.
    """
    if not _NAME_AS_IDENTIFIER.fullmatch(identifier):
        return False
    return not {word.lower() for word in re.findall(r"\w+", identifier)} & _NO_FIRST_NAMES


def _starts_with_name(text: str) -> bool:
    words = _INITIAL_ATTACHED.sub(r"\1. ", text).split()
    has_initials = False
    no_surnames = _SENTENCE_STARTS | _THINGS
    for word, following in zip(words, [*words, ""][1:], strict=True):
        bare = word.removeprefix("(").rstrip("),;:!?")
        lowered = bare.lower().rstrip(".")
        if _INITIAL.fullmatch(bare) and bare[0].isupper():
            has_initials, no_surnames = True, _SENTENCE_STARTS
        elif lowered in _PREPOSITIONS and (has_initials or following.lower() in _AFTER_PREPOSITION):
            no_surnames = frozenset()
        elif lowered in _PREFIXES:
            no_surnames = frozenset() if has_initials or lowered in _SURE_PREFIXES else no_surnames & _THINGS
        elif len(word) == 1 and word.isupper():
            has_initials, no_surnames = True, _SENTENCE_STARTS  # an initial without its point
        elif not (lowered in _ACADEMIC and bare[0].islower()) and not (has_initials and word.startswith("(")):
            return _is_surname(bare, no_surnames)
        if word[-1] in ",;:!?":
            return False  # another part of the sentence follows
    return False


def _is_surname(word: str, no_surnames: Collection[str]) -> bool:
    match = _SURNAME.match(word.removesuffix("'s"))
    if not match:
        return False
    surname = match[0]
    first = surname.split("-")[0]  # of "Wmo-consulent" the first part tells
    if not re.search(r"[A-ZÀ-ÖØ-ÞĀ-Ž]", surname[:3]) or len(surname) < 2:
        return False
    if not {surname.lower(), first.lower()}.isdisjoint(no_surnames):
        return False
    return not first.isupper() or len(first) > 3  # three capitals are an abbreviation
