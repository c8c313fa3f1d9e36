"""Personal data in a text: numbers, e-mail addresses, addresses with a house number, dates of birth and names.

Belongs here: how each of them is written, also in groups, with invisible signs in between or disguised against
robots, and what only looks like it. Does not belong here: tables and findings (``guard.py``), how names are built
(``personal_names.py``).
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from functools import cache

from stdnum import iban
from stdnum.nl import bsn, postcode

from pipeline.deliveries.contract import read_seed
from pipeline.deliveries.personal_names import has_name
from pipeline.periods import today

# An underscore belongs to a word for ``\b`` and ``\w``, but not in client_111222333_jansen.
_START = r"(?<![^\W_])"
_END = r"(?![^\W_])"

_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−"), "-") | dict.fromkeys(map(ord, "‘’‛´`′"), "'")
# Signs that take no room: soft hyphens, zero-width spaces, marks of direction, variation selectors.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)

_MONTH_NAMES = (
    "januari|februari|maart|april|mei|juni|juli|augustus|september|oktober|november|december|"
    "jan|feb|mrt|apr|jun|jul|aug|sept?|okt|nov|dec"
)

# --- what the cells of a table are searched for first (RE2: no look-around) ---

_STREETS = "straat|laan|gracht|kade|singel|steeg|dreef|plantsoen|boulevard|passage|straatje|laantje"
_CAPITALISED_STREETS = rf"{_STREETS}|weg|plein|dijk|hof|pad|park|markt|vliet|gaarde|oever|wetering|zoom|str\.?"
_AREA_CODES = (
    # three digits and seven behind them, then four digits and six
    r"(?:1[035]|2[0346]|3[03568]|4[0356]|5[0358]|7\d|8[4578])",
    r"(?:11[1-8]|16[1-8]|17[24]|18[0-7]|22[2-9]|25[125]|29[479]|31[3-8]|32[01]|34[1-8]"
    r"|41[1-8]|47[58]|48[15-8]|49[2-57-9]|51[1-9]|52[1-9]|54[1-8]|56[126]|57[0-8]|59[1-9])",
)
# Most cells are a code, a number or a date: a small pattern lets them pass several times faster than the large one.
HARMLESS_SHAPES = (
    r"[A-Za-z_-]*[0-9]{0,7}|[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{1,2}[-/][0-9]{1,2}[-/][0-9]{4}"
    r"|[0-9]{1,2}([-+:.,][0-9]{0,2})?"
)
PREFILTER = "|".join(
    (
        # signs that an ordinary text does not have: look at it after they have been made plain
        r"[^ -~À-ſ‘’“”…€•°²³½]|  |&#|&[a-z]{2,8};",
        r"@|(?i:[\[({<_] ?(at|apenstaart)|apenstaart| at (gmail|hotmail|outlook|live|icloud|yahoo|ziggo|kpn|xs4all))",
        # nine digits, but no serial number with leading zeros
        r"(^|[^0-9])(00[1-9]|0[1-9][0-9]|[1-9][0-9]{2})[0-9]{6}([^0-9]|$)",
        r"[0-9]{3}[ ./_-][0-9]{3}[ ./_-][0-9]{3}|[0-9]{2}[ .][0-9]{2}[ .]([0-9]{2}[ .])?[0-9]{3}",
        r"(?i:bsn|b\.s\.n|burgerservice|sofi-?nummer)",
        rf"(^|[^0-9])0\)?[ ./-]{{0,3}}(6|{_AREA_CODES[0]}|{_AREA_CODES[1]})([ ()./-]{{0,3}}[0-9]){{6}}",
        r"(\+|(^|[^0-9])00) ?31|\+(32|33|44|48|49|90|212|380)[ ./-]",
        r"\+[1-9][0-9]{9}|\b316[0-9]{8}\b|(?i:tel|mob|gsm|whatsapp)[a-z]*[^a-z0-9]{0,3}6[0-9]{8}",
        r"[A-Za-z]{2}[ .-]?[0-9]{2}[ .-]?[A-Za-z0-9]{4}[ .-]?[A-Za-z0-9]{4}[ .-]?[A-Za-z0-9]{3}",
        rf"(?i:({_CAPITALISED_STREETS}|laan van [^0-9]+)[ ,]+((op |huis)?(nr|nummer))?[. ]*[0-9])",
        r"(?i:(woont|wonen|woonachtig|woonde|adres)[^0-9]+[0-9])",
        r"(?i:[1-9][0-9]{3} ?[a-z]{2}[ ,-]*((huis)?(nr|nummer)[. :]*)?[0-9])",
        r"[0-9][A-Za-z]?[ ,]+[1-9][0-9]{3} ?[A-Z]{2}\b",
        r"(?i:\bgeb[^a-z]|geboren|geboorte|gebdat|\bg\.d\.)|[(][^()]*[0-9]{2}[)]",
        r"(?i:\b(mw|dhr|mevr|mej|fam|hr|heer|heren|mevrouw|meneer|mijnheer|mejuffrouw)\b|(voor|achter|roep)naam)",
    )
)

# --- what is then looked for in the cells that remain ---

# Lengths are bounded throughout: a cell of a hundred thousand signs must not keep the search busy for minutes.
_PROVIDERS = "gmail|hotmail|outlook|live|icloud|yahoo|ziggo|kpnmail|kpnplanet|xs4all"
_AT = re.compile(
    r" ?@ ?| ?[\[({<] ?(?:at|apenstaart(?:je)?|@) ?[\])}>] ?|_at_| apenstaart(?:je)? "
    rf"| at (?=(?:{_PROVIDERS})(?:\.| punt | dot ))",
    re.IGNORECASE,
)
_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_DOT = r"(?:\.| ?[\[({<] ?(?:dot|punt|\.) ?[\])}>] ?| punt | dot )"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.){{1,8}}[A-Za-z]{{2,}}")
_DISGUISED_DOMAIN = re.compile(rf"(?:{_LABEL}{_DOT}){{1,8}}[A-Za-z]{{2,}}", re.IGNORECASE)
_LONGEST_DOMAIN = 253
# "via Instagram @tom.indebuurt" is a handle
_HANDLE = re.compile(r"\b(?:op|via|account|instagram|facebook|twitter|tiktok|linkedin)$", re.IGNORECASE)
_ENDS_IN_COUNTRY = re.compile(r"\.(?:nl|com|net|org|eu|be|de)\b", re.IGNORECASE)

_BSN = re.compile(
    rf"(?:{_START}|(?<=bsn)|(?<=nummer)|(?<=bsnr))(?<!\d[.,])(?<!€)(?<!€ )"
    r"(\d{9}|\d{3}([ ./_-])\d{3}\2\d{3}|\d{4}([ .])\d{2}\3\d{3}|\d{2}([ .-])\d{2}\4\d{2}\4\d{3})"
    rf"{_END}(?![.,](?!00?{_END})\d)(?! (?:euro|miljoen|inwoners))",
    re.IGNORECASE,
)
# Behind the word BSN any grouping is one, and a spreadsheet may have dropped a zero in front.
_BSN_NAMED = re.compile(
    r"(?:bsn|b\.s\.n\.|burgerservice-?\s?n(?:umme)?r|sofi-?\s?n(?:umme)?r)[^\d]{0,15}(\d(?:[ ./_-]{0,2}\d){7,8})(?!\d)",
    re.IGNORECASE,
)
_IBAN_START = re.compile(rf"(?:{_START}|(?<=iban))[A-Za-z]{{2}}[ .-]?\d{{2}}", re.IGNORECASE)
_IBAN_LENGTHS = (15, 34)
_WORD = re.compile(r"[A-Za-z0-9]+")
_WORDS = re.compile(r"[A-Za-z0-9]+(?:[ .-][A-Za-z0-9]+)*")

_GAP = r"(?: ?[-./] ?| )?"
_NATIONAL = (
    rf"(?:\(?6\)?{_GAP}[1-58](?:{_GAP}\d){{7}}|{_AREA_CODES[0]}\)?{_GAP}[1-9](?:{_GAP}\d){{6}}"
    rf"|{_AREA_CODES[1]}\)?{_GAP}[1-9](?:{_GAP}\d){{5}})"
)
_PHONE = re.compile(
    rf"(?:(?<![^\W_])(?<![+-])(?<!\d[.,])|(?<=tel)|(?<=mob)|(?<=tel[-.])|(?<=mob[-.])|(?<=nummer)|(?<=nummer-))"
    rf"\(?(?:0(?![.,])\)?{_GAP}|(?:\+ ?|00)31\)?{_GAP}(?:\(?0\)?{_GAP})?){_NATIONAL}{_END}(?![.-]\d)",
    re.IGNORECASE,
)
_PHONE_OTHERWISE = re.compile(
    # foreign, mobile without its plus, or the zero lost in a spreadsheet
    rf"\+[1-9]\d{{9,13}}(?!\d)|{_START}316[1-58]\d{{7}}{_END}"
    rf"|\+(?:32|33|44|48|49|90|212|380)(?! ?(?:19|20)\d\d\b)(?:{_GAP}\d){{8,11}}(?!\d)"
    rf"|(?:tel|telefoon|mob|mobiel|gsm|whatsapp|06-?nummer)[a-z]{{0,8}}[^\w]{{0,3}}6[1-58]\d{{7}}{_END}",
    re.IGNORECASE,
)
# A number counts as a house number when it is no year, and when nothing that can be counted comes after it.
_COUNTED = (
    "keer|maal|procent|euro|uur|uren|minuten|dagen|dag|weken|week|maanden|maand|jaar|jaren|kwartalen|mensen|personen|"
    "inwoners|bewoners|cli.nten|gezinnen|kinderen|jongeren|ouders|ouderen|senioren|mannen|vrouwen|leden|buren|"
    "deelnemers|bezoekers|vrijwilligers|bezoeken|gesprekken|groepen|plekken|plaatsen|activiteiten|nieuwe|extra|andere|"
    "huishoudens|woningen|huizen|panden|flats|adressen|organisaties|teams|klachten|vragen|aanvragen|verschillende|meter|"
    r"kilometer|km|m2|stuks|trajecten|locaties|(?:van de|tot|of|à) \d+|\w{2,30}(?:ingen|ers|aars|eurs|enten|isten|"
    rf"sters|jarigen)|{_MONTH_NAMES}"
)
_NUMBER_WORD = r"(?:(?:op |huis)?(?:nr\.? ?|nummer |n[ro]\. ?))?"
_HOUSE = rf"(?!(?:19|20)\d\d\b)\d{{1,4}}(?:[ -]?[A-Za-z]\b|-\d+)?(?![^\W_]|%|[.,:]\d|\s+(?i:{_COUNTED})\b)"
# Words that end like a street and are none.
_NO_STREETS = (
    "test|prik|vaccinatie|was|winkel|leer|groei|ontwikkel|speel|skate|jongeren|banen|informatie|arbeids|vrijwilligers|"
    "rommel|kerst|week|zomer|gerechts|woning|huizen|vakantie|pret|on?der|half|ont|ver|stappen"
)
_STREET = re.compile(
    rf"{_START}(?!(?i:{_NO_STREETS})(?:{_CAPITALISED_STREETS})\b)"
    rf"(?:(?i:[a-zà-ÿ'.-]{{2,40}}(?:{_STREETS}))"
    rf"|[A-ZÀ-Þ][\w'.-]{{1,40}}(?:{_CAPITALISED_STREETS})"
    rf"|[Ll]aan van (?:de[rn]? |het )?[A-ZÀ-Þ]\w{{1,40}})[ ,]+{_NUMBER_WORD}{_HOUSE}"
)
# A street without such an ending betrays itself by the words before it: "woont op Hoorn 12", "adres: De Schans 4".
_LIVES = re.compile(
    rf"{_START}(?:(?i:woont|wonen|woonachtig|woonde) (?:\w+ ){{0,2}}(?:op|aan) |(?i:adres)(?: is)? ?:? )"
    rf"(?:(?:de|het|De|Het|'t) )?(?:[A-ZÀ-Þ][\w'.-]{{2,40}} ){{1,3}}{_NUMBER_WORD}{_HOUSE}"
)
# "2015 EN 3" is a year and "2024GO123" a mark; with a space only behind the letters it is a postcode.
_POSTCODE = r"(?!20[0-3]\d(?: |[A-Z]{2}\d))[1-9]\d{3} ?[A-Z]{2}"
# In small letters and with a space it may be a number and a word: "1200 in 2023", "1500 km 3".
_SMALL_WORDS = (
    "aan|al|bv|ca|cm|de|dd|eg|en|er|eu|ex|ga|ha|ik|in|is|je|kg|km|me|mg|ml|mm|na|nr|nu|of|om|op|pa|pp|st|te|tm|ts|uu|va|vs|"
    "we|ze|zo|m2|mw"
)
_POSTCODE_THEN_HOUSE = re.compile(
    rf"{_START}({_POSTCODE}|[1-9]\d{{3}}[a-z]{{2}}"
    rf"|(?!(?:19|20)\d\d )[1-9]\d{{3}} (?!(?i:{_SMALL_WORDS})\b)[A-Za-z]{{2}})"
    rf"(?:[ ,-]+{_NUMBER_WORD}(?!\d{{4}} ?[A-Z]{{2}}\b)(?!(?:19|20)\d\d\b)\d{{1,5}}(?![\d%]|\s+(?i:{_COUNTED})\b)"
    r"|(?<=[A-Z])\d{1,5}(?!\d)|(?: ?(?:huis)?(?:nr|nummer)[. :]*)\d{1,5}(?!\d))"
)
_HOUSE_THEN_POSTCODE = re.compile(rf"{_START}(?<!\d[.,])\d{{1,3}} ?[A-Za-z]?(?:-\d+)?[ ,]+({_POSTCODE}){_END}")

_NUMERIC_DATE = (
    r"(?:(?P<{0}day>\d{{1,2}}) ?[-/. ] ?(?P<{0}month>\d{{1,2}}) ?[-/. ] ?(?P<{0}year>\d{{4}}|'?\d{{2}})"
    r"|(?P<{0}iso_year>\d{{4}})[-/](?P<{0}iso_month>\d{{1,2}})[-/](?P<{0}iso_day>\d{{1,2}})"
    r"|(?P<{0}named_day>\d{{1,2}})(?:e|ste|de)? ?-?(?:" + _MONTH_NAMES + r")\.? ?-?(?P<{0}named_year>\d{{4}}|'?\d{{2}})"
    r"|(?P<{0}whole>\d{{8}}))(?![\d])"
)
_BORN = (
    r"(?:geboren|geboorte ?_?-?(?:datum|dag|dt)|gebdatum|geb\.? ?-?_?(?:datum|dat\.?|dd\.?)|geb\.?|g\.d\.|"
    r"dob|date of birth|d\.o\.b\.)"
)
_TO_DATE = (
    r"(?:[\s:=(,_-]|op |de |dd\.? ?|d\.d\. ?|is |was |(?:maan|dins|woens|donder|vrij|zater|zon)dag |"
    r"(?:te|in) [^\W\d_][\w'-]{1,30}(?: aan den Rijn| aan de Rijn|,)? ?){0,6}"
)
_BIRTH_DATES = (
    re.compile(rf"{_START}{_BORN}{_TO_DATE}{_NUMERIC_DATE.format('')}", re.IGNORECASE),
    re.compile(rf"(?<!\d){_NUMERIC_DATE.format('')},? (?:te \w{{2,30}} |in \w{{2,30}} )?geboren\b", re.IGNORECASE),
)
_IN_BRACKETS = re.compile(
    r"(?:(?P<person>\b(?:zoon|dochter|kind|baby|jongen|meisje|moeder|vader|broer|broertje|zus|zusje|partner|man|vrouw|"
    r"mevrouw|meneer|heer|cli[eë]nt|bewoner|bewoonster|inwoner|inwoonster|oma|opa|kleinkind|jongere|jeugdige|leerling)"
    r"(?: [^\W\d_]\.?)?) ?)?"
    rf"\((?:\* ?)?{_NUMERIC_DATE.format('')}\)",
    re.IGNORECASE,
)
# Of later dates in brackets most are those of meetings, laws and letters; of the first of a month all but a few.
_ADULT_BORN_BEFORE = 2013
_FIRST_BIRTH_YEAR = 1900

_NAMED = re.compile(r"(?i:voornaam|achternaam|roepnaam|cli[eë]ntnaam) ?(?:[:=]|is) ?[A-ZÀ-Þ][a-zà-ÿ]")

# Digits that belong together in another way; they would make numbers with their neighbours.
_UUID = re.compile(r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b")
_HARMLESS = re.compile(
    r"\b\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?"
    r"|\b\d{1,2}([-/.])\d{1,2}\1\d{4}\b(?: \d{1,2}:\d{2}(?::\d{2})?)?"
    r"|\b\d{1,2}-\d{1,2}-\d{2} \d{1,2}[.:]\d{2}(?= ?u\b| ?uur)"
    r"|\b\d{1,2}[.:]\d{2} ?(?:-|tot|t/m) ?\d{1,2}[.:]\d{2}(?= ?u\b| ?uur)"
)


def kinds_in(text: str) -> tuple[str, ...]:
    """The kinds of personal data in a text, out of address, birth_date, bsn, email, iban, name, phone.

    Args:
        text: any text.
    """
    plain = _UUID.sub("#", plain_text(text))
    kinds = set()
    if _has_email(plain):
        kinds.add("email")
    if has_name(plain) or _NAMED.search(plain):
        kinds.add("name")
    if re.search(r"\d", plain):
        kinds.update(_kinds_with_digits(plain))
    return tuple(sorted(kinds))


def _kinds_with_digits(text: str) -> Iterator[str]:
    for number in _ibans(text):
        yield "iban"
        text = text.replace(number, "#")  # its digits are no telephone number
    if _has_birth_date(text):
        yield "birth_date"
    text = _HARMLESS.sub("#", text)
    if any(_is_bsn(match[1]) for pattern in (_BSN, _BSN_NAMED) for match in pattern.finditer(text)):
        yield "bsn"
    if _PHONE.search(text) or _PHONE_OTHERWISE.search(text):
        yield "phone"
    if _has_address(text):
        yield "address"


def plain_text(text: str) -> str:
    """A text as it looks to a reader: full-width signs made ordinary, invisible ones gone, single spaces.

    Args:
        text: any text.
    """
    if "&" in text:
        text = html.unescape(text)  # what a web page leaves behind
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).translate(_DASHES)
    return " ".join(text.split())


def _has_email(text: str) -> bool:
    # from each @ outwards: a search from the left would try every sign of a long text as a beginning
    for at in _AT.finditer(text):
        before, after = text[max(0, at.start() - 20) : at.start()], text[at.end() : at.end() + _LONGEST_DOMAIN]
        if not re.search(r"[\w%+.-]$", before):
            continue
        if not (domain := (_DOMAIN if at[0] == " @ " else _DISGUISED_DOMAIN).match(after)):
            continue
        if at[0] != " @" or (not _HANDLE.search(before) and _ENDS_IN_COUNTRY.search(domain[0])):
            return True
    return False


def _ibans(text: str) -> Iterator[str]:
    # it may stand in groups, and words before and behind look like a group: try each start with each end of a word
    for start in _IBAN_START.finditer(text):
        for word in _WORD.finditer(text, start.start()):
            candidate = text[start.start() : word.end()]
            length = sum(map(str.isalnum, candidate))
            if length > _IBAN_LENGTHS[1] or not _WORDS.fullmatch(candidate):
                break
            if length >= _IBAN_LENGTHS[0] and iban.is_valid(candidate):
                yield candidate
                break


def _is_bsn(text: str) -> bool:
    # numbers below 1,000,000 do not occur as BSN, but do as serial numbers with leading zeros
    digits = re.sub(r"\D", "", text)
    return bsn.is_valid(digits) and not bsn.compact(digits).startswith("000")


def _has_birth_date(text: str) -> bool:
    if any(_birth_year(match) for pattern in _BIRTH_DATES for match in pattern.finditer(text)):
        return True
    for match in _IN_BRACKETS.finditer(text) if "(" in text else ():
        year, day = _birth_year(match), _date_parts(match)[0]
        if year and (match["person"] or (year < _ADULT_BORN_BEFORE and day != 1)):
            return True
    return False


def _date_parts(match: re.Match[str]) -> tuple[int, int, int]:
    found = match.groupdict()
    if whole := found["whole"]:
        parts = (whole[6:], whole[4:6], whole[:4]) if whole[:2] in ("19", "20") else (whole[:2], whole[2:4], whole[4:])
    elif found["iso_year"]:
        parts = (found["iso_day"], found["iso_month"], found["iso_year"])
    elif found["named_year"]:
        parts = (found["named_day"], "1", found["named_year"])
    else:
        parts = (found["day"], found["month"], found["year"])
    day, month, year = (int(part.lstrip("'")) for part in parts)
    if len(parts[2].lstrip("'")) == 2:
        year += 2000 if year <= today().year % 100 else 1900
    return day, month, year


def _birth_year(match: re.Match[str]) -> int | None:
    """The year, when somebody who lives now can have been born on that day."""
    day, month, year = _date_parts(match)
    return year if 1 <= day <= 31 and 1 <= month <= 12 and _FIRST_BIRTH_YEAR <= year <= today().year else None


def _has_address(text: str) -> bool:
    if any(postcode.is_valid(match[1]) for match in _POSTCODE_THEN_HOUSE.finditer(text)):
        return True
    if any(postcode.is_valid(match[1]) for match in _HOUSE_THEN_POSTCODE.finditer(text)):
        return True
    for name in _place_names():
        text = text.replace(name, "#")
    return bool(_STREET.search(text) or _LIVES.search(text))


@cache
def _place_names() -> tuple[str, ...]:
    """District names that end like a street: "in Hazerswoude-Rijndijk 12 deelnemers" is no address."""
    names = (row["district_name"] for row in read_seed("districts"))
    return tuple(name for name in names if re.search(f"({_CAPITALISED_STREETS})$", name))
