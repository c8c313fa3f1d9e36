"""The story behind the figures, as a consortium would write it: ordinary Dutch, without figures and without people.

Belongs here: sentences per indicator and how they are combined. A sentence never names a person, a street or a number:
it stands for free text that has been written with care.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.periods import HalfYear
from pipeline.simulation.chance import Table, half_year_number, stream
from pipeline.simulation.districts import Districts

_DISTRICT_STORIES = 6  # about so many stories on one district, per half-year
_TOLD_FROM = 2000  # residents: in smaller districts a story would be about people one knows
_WITHOUT_EXPLANATION = 0.15
_WITHOUT_ACTIONS = 0.1


@dataclass(frozen=True)
class _Story:
    """Sentences for one indicator."""

    stories: tuple[str, ...]
    explanations: tuple[str, ...]
    actions: tuple[str, ...]


STORIES: dict[str, dict[str, _Story]] = {
    "tom": {
        "tom_zrm_verbeterd_of_stabiel": _Story(
            (
                "Veel cliënten houden vast wat zij hebben bereikt.",
                "Bij oudere cliënten is gelijk blijven vaak al een mooi resultaat.",
                "De meeste winst zien wij in de eerste maanden na de start.",
                "Cliënten met lichte vragen kunnen sneller zelf verder.",
            ),
            (
                "De teams komen vroeger in beeld, vaak via de huisarts of de buren.",
                "Er is meer tijd voor gesprekken thuis.",
                "Een deel van de cliënten heeft een ziekte die niet overgaat.",
            ),
            (
                "Wij bespreken elke casus die achteruitgaat in het teamoverleg.",
                "Wij leggen bij elke beoordeling vast wat er is veranderd.",
                "Wij zoeken eerder samenwerking met mantelzorgers.",
            ),
        ),
        "tom_zrm_verbeterd": _Story(
            (
                "Vooruitgang zit vooral in het sociale netwerk en de dagbesteding.",
                "Rond geld gaat het vaak eerst slechter voordat het beter gaat.",
                "Een groep cliënten gaat op één punt vooruit en op een ander achteruit.",
                "Wie vaste hulp heeft, durft meer zelf te doen.",
            ),
            (
                "Schulden werken door op gezondheid en relaties.",
                "Ouder worden weegt mee: lichamelijk gaan mensen langzaam achteruit.",
                "Er zijn wachttijden bij de behandeling van psychische klachten.",
            ),
            (
                "Wij starten een groep voor mensen met geldzorgen.",
                "Wij maken afspraken met de geestelijke gezondheidszorg over overbrugging.",
                "Wij oefenen met cliënten in kleine stappen.",
            ),
        ),
        "tom_participatie_verbeterd_of_stabiel": _Story(
            (
                "Cliënten vinden hun weg naar activiteiten in de buurt.",
                "Vrijwilligerswerk is voor veel mensen een eerste stap.",
                "Voor sommige cliënten is een wekelijks bezoek aan de inloop al veel.",
                "Jongere cliënten zoeken vooral werk of een opleiding.",
            ),
            (
                "Er is meer aanbod overdag, ook voor mensen die weinig geld hebben.",
                "Vervoer blijft een drempel voor wie slecht ter been is.",
                "Werkgevers in de streek zoeken mensen.",
            ),
            (
                "Wij gaan de eerste keer mee naar een activiteit.",
                "Wij breiden de maatjes uit.",
                "Wij spreken met werkgevers over proefplaatsen.",
            ),
        ),
        "tom_heropende_dossiers": _Story(
            (
                "Een heropend dossier is niet altijd terugval: soms is er een nieuwe vraag.",
                "Mensen weten ons weer te vinden als het nodig is.",
                "Vooral na een verhuizing of een ziekenhuisopname komt een vraag terug.",
                "Sommige dossiers zijn achteraf te vroeg gesloten.",
            ),
            (
                "Niet ieder dossier krijgt een nagesprek.",
                "Er komen meer mensen terug met geldzorgen.",
                "De vraag was vaak klein gebleven, maar het netwerk is weggevallen.",
            ),
            (
                "Wij bellen iedereen drie maanden na het sluiten.",
                "Wij sluiten een dossier pas na een gesprek met het netwerk.",
                "Wij bespreken in elk team wat wij leren van heropende dossiers.",
            ),
        ),
        "tom_tevredenheid_clienten": _Story(
            (
                "Cliënten zijn blij met een vast gezicht.",
                "Mensen waarderen dat wij bij hen thuis komen.",
                "Wie ontevreden is, noemt vaak de wachttijd aan het begin.",
                "Cliënten vinden het prettig dat zij hun verhaal één keer hoeven te doen.",
            ),
            (
                "In de zomer waren er meer wisselingen in de teams.",
                "De teams zijn beter bereikbaar.",
                "Nieuwe collega's werken nog mee met ervaren collega's.",
            ),
            (
                "Wij zorgen voor een vaste vervanger per cliënt.",
                "Wij bellen binnen een week na de aanmelding.",
                "Wij bespreken klachten elke maand in het team.",
            ),
        ),
        "tom_tevredenheid_stakeholders": _Story(
            (
                "Partners vinden ons goed bereikbaar.",
                "Huisartsen willen vaker horen hoe het verder is gegaan.",
                "De samenwerking met de woningcorporatie loopt goed.",
                "Partners weten niet altijd wie hun vaste contact is.",
            ),
            (
                "Door wisselingen in de teams zijn contacten verloren gegaan.",
                "Er is nu een vast overleg in de wijk.",
                "Privacy maakt het delen van informatie soms lastig.",
            ),
            (
                "Wij koppelen elke verwijzing terug, met toestemming van de cliënt.",
                "Wij wijzen per huisartsenpraktijk een vast contact aan.",
                "Wij nodigen partners uit voor een leertafel.",
            ),
        ),
        "tom_gehoord": _Story(
            (
                "Cliënten merken dat er naar hen wordt geluisterd.",
                "Mensen vinden het fijn als wij doorvragen zonder te oordelen.",
                "Bij telefonische gesprekken voelen mensen zich soms minder gehoord.",
                "Ook wie geen hulp kreeg, waardeert een goede uitleg.",
            ),
            (
                "De teams zijn geschoold in het voeren van een open gesprek.",
                "Er is niet altijd genoeg tijd voor een tweede gesprek.",
                "Voor mensen die de taal niet goed spreken is een gesprek lastiger.",
            ),
            (
                "Wij plannen meer tijd voor het eerste gesprek.",
                "Wij zetten vaker een tolk in.",
                "Wij luisteren als collega's met elkaar mee.",
            ),
        ),
        "tom_eigen_regie": _Story(
            (
                "Cliënten maken vaker zelf hun plan.",
                "Sommige cliënten willen liever dat wij het voor hen regelen.",
                "Mensen geven aan dat zij zelf de stappen mochten kiezen.",
                "Bij veel hulpverleners tegelijk raakt de cliënt het overzicht kwijt.",
            ),
            (
                "Wij werken met een plan dat de cliënt zelf bewaart.",
                "Bij een crisis neemt de hulpverlener vaker de leiding.",
                "Familie beslist soms mee en dat is niet altijd gewenst.",
            ),
            (
                "Wij spreken per cliënt één aanspreekpunt af.",
                "Wij vragen bij elke evaluatie of het plan nog van de cliënt is.",
                "Wij wijzen op de onafhankelijke cliëntondersteuner.",
            ),
        ),
        "tom_doel_bereikt": _Story(
            (
                "Doelen op het gebied van wonen en dagbesteding lukken het best.",
                "Doelen rond geld kosten meer tijd dan gedacht.",
                "Kleine doelen worden vaker gehaald dan grote.",
                "Bij een deel van de cliënten was het doel achteraf te hoog.",
            ),
            (
                "Er zijn veel mensen met schulden in de wijk.",
                "Doelen worden niet altijd bijgesteld als de situatie verandert.",
                "De wachtlijst voor behandeling houdt doelen tegen.",
            ),
            (
                "Wij stellen doelen vaker bij.",
                "Wij bieden samen met Boost een cursus geldzaken aan.",
                "Wij kiezen met de cliënt één doel tegelijk.",
            ),
        ),
    },
    "go": {
        "go_uitval": _Story(
            (
                "Jongeren die stoppen, doen dat vaak in de eerste weken.",
                "Gezinnen haken soms af omdat er te veel hulpverleners zijn.",
                "Met een vast gezicht blijven jongeren beter aan boord.",
                "Niet iedereen die stopt heeft nog hulp nodig.",
            ),
            (
                "Wachttijd tussen de aanmelding en de start maakt dat de motivatie zakt.",
                "Hulp op school past niet altijd bij het rooster.",
                "Oudere jongeren kiezen vaker zelf om te stoppen.",
            ),
            (
                "Wij bellen elk gezin dat stopt na een maand.",
                "Wij starten met een kennismaking op school of thuis.",
                "Wij bieden een tussenstap aan tijdens het wachten.",
            ),
        ),
        "go_tevredenheid_clienten": _Story(
            (
                "Ouders waarderen korte lijnen met de school.",
                "Jongeren willen vaker zelf kiezen met wie zij praten.",
                "Gezinnen zijn blij dat hulp thuis kan.",
                "Ouders vinden dat zij lang moeten zoeken naar de juiste plek.",
            ),
            (
                "Er is schaarste aan ervaren behandelaren.",
                "De jeugdteams zitten nu in de wijk.",
                "Wisselingen van hulpverlener vallen gezinnen zwaar.",
            ),
            (
                "Wij laten jongeren meepraten over wie hen helpt.",
                "Wij maken de website duidelijker.",
                "Wij evalueren elk half jaar met ouders en jongeren samen.",
            ),
        ),
        "go_doel_bereikt": _Story(
            (
                "Doelen die het gezin zelf opschrijft, worden vaker gehaald.",
                "Rond schoolgang is veel bereikt.",
                "Bij vechtscheidingen blijven doelen vaak liggen.",
                "Deels gehaald is voor gezinnen vaak goed genoeg om zelf verder te gaan.",
            ),
            (
                "Problemen van ouders spelen mee en vragen andere hulp.",
                "De doelen zijn scherper gesteld dan eerst.",
                "Er was weinig plek voor gezinsbehandeling.",
            ),
            (
                "Wij betrekken het netwerk bij het stellen van doelen.",
                "Wij trekken samen op met Tom bij problemen van ouders.",
                "Wij sluiten elk doel af met een gesprek.",
            ),
        ),
        "go_geen_nieuwe_start": _Story(
            (
                "De meeste gezinnen kunnen na de hulp zelf verder.",
                "Een nieuwe start volgt vaak op de overgang naar een andere school.",
                "Gezinnen weten de weg terug en dat is ook goed nieuws.",
                "Bij lange trajecten zien wij vaker een nieuwe vraag.",
            ),
            (
                "Nazorg is niet overal geregeld.",
                "Het netwerk van het gezin is sterker geworden.",
                "Hulp wordt soms gestopt terwijl de situatie nog wankel is.",
            ),
            (
                "Wij bieden een terugkomgesprek aan.",
                "Wij maken met het gezin een plan voor als het weer misgaat.",
                "Wij dragen over aan de jeugdverpleegkundige en de school.",
            ),
        ),
        "go_verblijf": _Story(
            (
                "Wij zoeken eerst naar hulp in het eigen gezin of netwerk.",
                "Voor een kleine groep is verblijf de beste plek.",
                "Kinderen wonen vaker dicht bij hun eigen school.",
                "Uitstroom uit verblijf stokt als er geen woning of pleeggezin is.",
            ),
            (
                "Er is meer hulp aan huis bij gekomen.",
                "De vragen van deze groep zijn zwaar en stapelen zich op.",
                "Het tekort aan pleeggezinnen houdt aan.",
            ),
            (
                "Wij beslissen over verblijf altijd met twee collega's en het gezin.",
                "Wij werven pleeggezinnen in de eigen wijken.",
                "Wij plannen de terugkeer vanaf de eerste dag.",
            ),
        ),
        "go_uithuisplaatsing": _Story(
            (
                "Een uithuisplaatsing is een laatste stap.",
                "Broers en zussen blijven waar het kan bij elkaar.",
                "Plaatsing bij familie lukt vaker dan vroeger.",
                "Achter elke plaatsing zit een verhaal dat wij samen bespreken.",
            ),
            (
                "Veiligheid thuis is de belangrijkste reden.",
                "Er wordt vroeger met het netwerk gesproken.",
                "Besluiten van de rechter bepalen mede het tempo.",
            ),
            (
                "Wij houden altijd eerst een familiegesprek.",
                "Wij zetten crisishulp thuis in.",
                "Wij kijken elk kwartaal of terugkeer mogelijk is.",
            ),
        ),
        "go_ambulant_aandeel": _Story(
            (
                "Steeds meer gezinnen krijgen hulp thuis of op school.",
                "De praktijkondersteuner bij de huisarts vangt veel vragen op.",
                "Niet elke vraag past bij ambulante hulp.",
                "Gezinnen vinden hulp dichtbij minder zwaar.",
            ),
            (
                "De teams zijn geschoold in werken aan huis.",
                "Er zijn afspraken gemaakt met scholen.",
                "Reistijd drukt op het aantal bezoeken.",
            ),
            (
                "Wij breiden hulp op school uit.",
                "Wij bieden hulp in de avond aan.",
                "Wij leren van de wijken waar dit het verst is.",
            ),
        ),
        "go_ambulant_aanbod": _Story(
            (
                "Er is nieuw aanbod gestart dicht bij huis.",
                "Een deel van het aanbod is nog klein en moet groeien.",
                "Scholen vragen om meer van dit aanbod.",
                "Sommige groepen zijn gestopt omdat er te weinig aanmeldingen waren.",
            ),
            (
                "Het vaste budget geeft ruimte om nieuw aanbod te proberen.",
                "Het is moeilijk om personeel te vinden.",
                "Het aanbod is nog niet bij iedereen bekend.",
            ),
            (
                "Wij vertellen huisartsen en scholen wat er is.",
                "Wij bespreken elk half jaar welk aanbod blijft.",
                "Wij ontwikkelen aanbod samen met ouders.",
            ),
        ),
    },
    "boost": {
        "boost_bereik": _Story(
            (
                "De buurthuizen zijn voor veel inwoners een vaste plek.",
                "In de zomer is het rustiger en zijn sommige groepen dicht.",
                "Jongeren komen vooral in de avond.",
                "Nieuwe bezoekers komen vaak mee met buren.",
            ),
            (
                "Het aanbod is beter bekend door de wijkkrant.",
                "Gezelligheid en goedkoop eten trekken mensen.",
                "In kleine kernen zijn minder ruimtes.",
            ),
            (
                "Wij openen vaker in het weekend.",
                "Wij gaan de straat op om inwoners uit te nodigen.",
                "Wij delen ruimtes met verenigingen.",
            ),
        ),
        "boost_tevredenheid_bezoekers": _Story(
            (
                "Bezoekers voelen zich welkom.",
                "Mensen prijzen de vrijwilligers.",
                "Bezoekers vragen om ruimere openingstijden.",
                "Het eten en de sfeer worden vaak genoemd.",
            ),
            (
                "Er is vaak dezelfde gastheer of gastvrouw.",
                "Op drukke dagen is er minder aandacht voor nieuwe mensen.",
                "Ouderen missen soms goed vervoer.",
            ),
            (
                "Wij zetten bij elke inloop iemand bij de deur.",
                "Wij vragen bezoekers mee te denken over het programma.",
                "Wij regelen samen met vrijwilligers vervoer.",
            ),
        ),
        "boost_vrijwilligers": _Story(
            (
                "Vrijwilligers zijn de kracht van de buurt.",
                "Veel vrijwilligers zijn al jaren actief.",
                "Jonge vrijwilligers willen liever een korte klus.",
                "Cliënten van Tom helpen steeds vaker mee.",
            ),
            (
                "Mensen werken langer door en hebben minder tijd.",
                "Wie wordt gevraagd, zegt vaak ja.",
                "Na de zomer komen er nieuwe mensen bij.",
            ),
            (
                "Wij bieden korte klussen aan.",
                "Wij bedanken vrijwilligers met een feest.",
                "Wij leiden vrijwilligers op als maatje.",
            ),
        ),
        "boost_toeleiding_schuldhulp": _Story(
            (
                "Inwoners komen eerder met brieven die zij niet begrijpen.",
                "Bij de formulierenhulp komen geldzorgen aan het licht.",
                "Schaamte houdt mensen nog steeds tegen.",
                "Vooral gezinnen met werk en weinig inkomen weten ons te vinden.",
            ),
            (
                "De kosten van wonen en energie zijn gestegen.",
                "De lijnen met schuldhulpverlening zijn kort.",
                "Vrijwilligers herkennen signalen beter na een training.",
            ),
            (
                "Wij houden spreekuur samen met schuldhulpverlening.",
                "Wij gaan mee naar het eerste gesprek.",
                "Wij trainen nieuwe vrijwilligers in het herkennen van geldzorgen.",
            ),
        ),
    },
}


def narratives(seed: int, consortium: str, period: HalfYear, districts: Districts) -> Table:
    """The table ``duiding``: one story per indicator for the municipality, and some for single districts."""
    rng = stream(seed, consortium, "stories", half_year_number(period))
    indicators = list(STORIES[consortium])
    places = [(indicator, "", "") for indicator in indicators]
    told = np.flatnonzero(districts.population >= _TOLD_FROM)
    every = len(told) * len(indicators)
    chosen = rng.choice(every, size=min(int(rng.poisson(_DISTRICT_STORIES)), every), replace=False)
    for number in sorted(chosen.tolist()):
        district = told[number // len(indicators)]
        places.append((indicators[number % len(indicators)], districts.codes[district], districts.names[district]))
    rows = [(indicator, code, *_tell(rng, STORIES[consortium][indicator], name)) for indicator, code, name in places]
    columns = zip(*rows, strict=True)
    names = ("indicator", "wijkcode", "verhaal", "verklaring", "acties")
    return {name: np.array(column, dtype=object) for name, column in zip(names, columns, strict=True)}


def _tell(rng: np.random.Generator, story: _Story, district_name: str) -> tuple[str, str, str]:
    """Two sentences of story, one of explanation and one or two of action."""
    opening = f"Over {district_name}: " if district_name else ""
    first, second = rng.permutation(len(story.stories))[:2]
    explanation = story.explanations[rng.integers(0, len(story.explanations))]
    actions = [story.actions[number] for number in rng.permutation(len(story.actions))[: rng.integers(1, 3)]]
    told = f"{opening}{story.stories[first]} {story.stories[second]}"
    without_explanation, without_actions = rng.random(2) < (_WITHOUT_EXPLANATION, _WITHOUT_ACTIONS)
    return told, "" if without_explanation else explanation, "" if without_actions else " ".join(actions)
