"""Interviews about the support, taken by the teams themselves: who answered, to whom, and what.

Belongs here: disposition, interviewer and mode effects, independent interviews and re-interviews. Does not belong here:
what is published about them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from pipeline.periods import HalfYear
from pipeline.simulation.chance import (
    MISSING,
    NO_DAY,
    Table,
    as_days,
    day_number,
    half_year_number,
    identifiers,
    pick,
    stream,
)
from pipeline.simulation.districts import Districts
from pipeline.simulation.staff import Staff

OUTCOMES = ("afgerond", "deels", "geweigerd", "niet_bereikt", "overig")
_DONE, _PARTIAL, _NOT_REACHED = 0, 1, 3
MODES = ("huisbezoek", "telefoon", "online", "papier")
_PHONE, _WITHOUT_INTERVIEWER = 1, 2
STAKEHOLDERS = (
    "huisarts",
    "school",
    "woningcorporatie",
    "wijkverpleging",
    "politie",
    "vrijwilligersorganisatie",
    "werkgever",
    "geloofsgemeenschap",
)
_INDEPENDENT_TEAM = "Onafhankelijk bureau"

# Share who agree (4 or 5 of 5) per question; tevredenheid has a scale of its own.
QUESTIONS = {
    "tevredenheid": None,
    "gehoord": 0.83,
    "eigen_regie": 0.71,
    "ceo_vindbaar": 0.74,
    "ceo_snel": 0.73,
    "ceo_serieus": 0.89,
    "ceo_oplossingen": 0.84,
    "ceo_kwaliteit": 0.82,
    "ceo_past": 0.83,
    "ceo_doen": 0.78,
    "ceo_redden": 0.80,
    "ceo_leven": 0.76,
}
_MARK_SHARES = np.array([0.008, 0.007, 0.010, 0.018, 0.035, 0.095, 0.220, 0.370, 0.165, 0.072])  # marks 1 to 10
_MARK_BOUNDS = ndtri(np.cumsum(_MARK_SHARES)[:-1])
# Where 1|2, 2|3 and 4|5 lie from 3|4 on the underlying scale.
_AGREE_BOUNDS = np.array([-1.25, -0.72, 0.0, 1.3])
_LOADING = 0.65  # how much the general opinion weighs in each answer: alpha of about .88
_NO_OPINION = 0.04
_TREND = 0.010  # standard deviations per half-year
_DISTRICT_EFFECT = 0.07
_MODE_EFFECT = np.array([0.0, 0.04, -0.14, -0.14])
_INDEPENDENT_EFFECT = -0.12  # people are kinder about those who ask

_INDEPENDENT = 0.08
_RECHECKED = 0.055
_SAME_ANSWER = 0.82
_RECHECK_RESPONSE = 0.8
_RECHECK_AFTER = (5, 21)  # days

_INTERVIEWS_PER_INTERVIEWER = 9
_INDEPENDENT_INTERVIEWERS = 6
# Appointments per day; an interview with its jitter stays within one of them, so that nobody interviews two at a time.
_APPOINTMENTS = np.array([9 * 60, 10 * 60 + 30, 13 * 60, 14 * 60 + 30, 16 * 60, 19 * 60])
_LONGEST = 70
_NUMBERS_PER_HALF_YEAR = 2_000_000  # room for the identifiers of one half-year


@dataclass(frozen=True)
class SurveyModel:
    """How one consortium asks.

    Attributes:
        consortium: consortium code.
        questions: questions to clients.
        stakeholder_questions: questions to stakeholders.
        response: weights of the outcomes among clients.
        stakeholder_response: the same among stakeholders.
        modes: weights of the modes.
        client_shift, stakeholder_shift: how much better the answers are than usual, in standard deviations.
        minutes: usual length of a completed interview.
    """

    consortium: str
    questions: tuple[str, ...]
    stakeholder_questions: tuple[str, ...]
    response: tuple[float, ...]
    stakeholder_response: tuple[float, ...]
    modes: tuple[float, ...]
    client_shift: float
    stakeholder_shift: float
    minutes: float


TOM = SurveyModel(
    consortium="tom",
    questions=tuple(QUESTIONS),
    stakeholder_questions=("tevredenheid", "gehoord", "ceo_oplossingen"),
    response=(0.375, 0.035, 0.23, 0.33, 0.03),
    stakeholder_response=(0.56, 0.03, 0.12, 0.27, 0.02),
    modes=(0.46, 0.34, 0.11, 0.09),
    client_shift=0.08,
    stakeholder_shift=-0.2,
    minutes=27.0,
)
GO = SurveyModel(
    consortium="go",
    questions=(
        "tevredenheid",
        "gehoord",
        "eigen_regie",
        "ceo_vindbaar",
        "ceo_snel",
        "ceo_serieus",
        "ceo_past",
        "ceo_redden",
    ),
    stakeholder_questions=("tevredenheid", "gehoord"),
    response=(0.31, 0.03, 0.27, 0.36, 0.03),
    stakeholder_response=(0.52, 0.03, 0.13, 0.30, 0.02),
    modes=(0.16, 0.36, 0.42, 0.06),
    client_shift=-0.06,
    stakeholder_shift=-0.25,
    minutes=18.0,
)
BOOST = SurveyModel(
    consortium="boost",
    questions=("tevredenheid", "gehoord", "ceo_vindbaar", "ceo_leven"),
    stakeholder_questions=("tevredenheid",),
    response=(0.46, 0.04, 0.26, 0.21, 0.03),
    stakeholder_response=(0.58, 0.03, 0.10, 0.27, 0.02),
    modes=(0.05, 0.2, 0.35, 0.4),
    client_shift=0.3,
    stakeholder_shift=0.0,
    minutes=9.0,
)


class Survey:
    """The interviews of one consortium, half-year by half-year.

    Args:
        seed: seed of the simulation.
        model: how the consortium asks.
        districts: where people live.
        team_of: team per district.
        staff: the professionals of the teams.
        scale: factor on the number of independent interviewers.
    """

    def __init__(
        self, seed: int, model: SurveyModel, districts: Districts, team_of: np.ndarray, staff: Staff, scale: float
    ) -> None:
        self._seed = seed
        self._model = model
        self._districts = districts
        self._team_of = team_of
        self._staff = staff
        self._independent = Staff(
            seed,
            f"{model.consortium} independent",
            [_INDEPENDENT_TEAM],
            np.array([int(np.ceil(_INDEPENDENT_INTERVIEWERS * max(scale, 1.0)))]),
        )
        self._level = stream(seed, model.consortium, "opinions").normal(0, _DISTRICT_EFFECT, len(districts))

    def advance(self, period: HalfYear) -> None:
        """Go to ``period``: opinions per district shift a little."""
        rng = stream(self._seed, self._model.consortium, "opinions", half_year_number(period))
        self._level = 0.95 * self._level + rng.normal(0, 0.3 * _DISTRICT_EFFECT, len(self._level))
        self._independent.advance(half_year_number(period))

    def tables(self, period: HalfYear, clients: np.ndarray, stakeholders: np.ndarray) -> dict[str, Table]:
        """The tables ``gesprekken`` and ``antwoorden``.

        Args:
            period: the half-year, the same as in the last ``advance``.
            clients: clients approached per district.
            stakeholders: stakeholders approached per district.
        """
        rng = stream(self._seed, self._model.consortium, "interviews", half_year_number(period))
        district = np.concatenate([np.repeat(np.arange(len(clients)), number) for number in (clients, stakeholders)])
        is_client = np.arange(len(district)) < clients.sum()
        count = len(district)
        response = np.where(
            is_client[:, None], np.array(self._model.response), np.array(self._model.stakeholder_response)
        )
        outcome = pick(rng, response)
        mode = pick(rng, np.tile(self._model.modes, (count, 1)))
        independent = rng.random(count) < _INDEPENDENT
        recheck_of = np.full(count, MISSING)
        rechecked = np.flatnonzero((outcome == _DONE) & is_client & ~independent & (rng.random(count) < _RECHECKED))
        # A re-interview follows the first by telephone, by someone of another party.
        answered = rng.random(len(rechecked)) < _RECHECK_RESPONSE
        district = np.concatenate([district, district[rechecked]])
        is_client = np.concatenate([is_client, np.ones(len(rechecked), dtype=bool)])
        outcome = np.concatenate([outcome, np.where(answered, _DONE, _NOT_REACHED)])
        mode = np.concatenate([mode, np.full(len(rechecked), _PHONE)])
        independent = np.concatenate([independent, np.ones(len(rechecked), dtype=bool)])
        recheck_of = np.concatenate([recheck_of, rechecked])
        number, warmth, team = self._interviewers(rng, district, independent)
        day, begins, minutes = self._times(rng, period, number, recheck_of)
        # Where the half-year ended before the re-interview, it did not take place.
        outcome = np.where(day > day_number(period.ends_on), _NOT_REACHED, outcome)
        answers = self._answers(rng, period, district, is_client, mode, independent, warmth, recheck_of)
        numbers = half_year_number(period) * _NUMBERS_PER_HALF_YEAR + rng.permutation(len(district))
        identifier = identifiers(self._seed, self._model.consortium, "I", numbers)
        held = (outcome == _DONE) | (outcome == _PARTIAL)
        spoken = held & (mode < _WITHOUT_INTERVIEWER)
        by_someone = mode < _WITHOUT_INTERVIEWER
        who = np.concatenate([self._staff.identifier, self._independent.identifier])
        clock = np.array([f"{minute // 60:02d}:{minute % 60:02d}" for minute in range(24 * 60)], dtype=object)
        types = np.array(STAKEHOLDERS, dtype=object)[rng.integers(0, len(STAKEHOLDERS), len(district))]
        interviews = {
            "gesprek_id": identifier,
            "wijkcode": self._districts.codes[district],
            "doelgroep": np.where(is_client, "client", "stakeholder").astype(object),
            "stakeholder_type": np.where(is_client, "", types),
            "uitkomst": np.array(OUTCOMES, dtype=object)[outcome],
            "afgenomen_op": np.where(outcome == _NOT_REACHED, NO_DAY, as_days(day)),
            "begonnen_om": np.where(spoken, clock[begins], ""),
            "duur_minuten": np.where(spoken, np.where(outcome == _PARTIAL, minutes * 2 // 3, minutes), MISSING),
            "wijze": np.array(MODES, dtype=object)[mode],
            "team": team,
            "interviewer_id": np.where(by_someone, who[number], ""),
            "onafhankelijk": independent,
            "hercontrole_van": np.append(identifier, "")[recheck_of],
        }
        order = np.argsort(identifier, kind="stable")
        return {
            "gesprekken": {name: values[order] for name, values in interviews.items()},
            "antwoorden": self._answer_rows(rng, identifier, is_client, outcome, answers, order),
        }

    def _interviewers(
        self, rng: np.random.Generator, district: np.ndarray, independent: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Per interview: number of the interviewer, his or her effect, and the name of the team.

        Numbers of independent interviewers follow those of the staff.
        """
        team = self._team_of[district]
        per_team = np.bincount(team, minlength=len(self._staff.teams)) * self._model.response[_DONE]
        at_most = np.maximum(np.ceil(per_team / _INTERVIEWS_PER_INTERVIEWER), 3).astype(int)
        own = self._staff.slots(team, rng.random(len(team)), at_most)
        external = self._independent.slots(np.zeros_like(team), rng.random(len(team)))
        number = np.where(independent, len(self._staff.identifier) + external, own)
        warmth = np.concatenate([self._staff.warmth, self._independent.warmth])[number]
        return number, warmth, np.where(independent, _INDEPENDENT_TEAM, self._staff.teams[team])

    def _times(
        self, rng: np.random.Generator, period: HalfYear, number: np.ndarray, recheck_of: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Day, minute of the day and length in minutes of every interview.

        Each interviewer has a diary of appointments, and no appointment is given away twice before the diary is full.
        """
        days = np.arange(day_number(period.starts_on), day_number(period.ends_on) + 1)
        workdays = days[(days + 3) % 7 < 5]
        slots = len(workdays) * len(_APPOINTMENTS)
        # The n-th appointment of an interviewer: steps through the diary that visit every appointment once.
        order = np.argsort(number, kind="stable")
        position = np.empty(len(number), dtype=np.int64)
        starts = np.flatnonzero(np.r_[True, np.diff(number[order]) > 0])
        position[order] = np.arange(len(number)) - np.repeat(starts, np.diff(np.r_[starts, len(number)]))
        people = int(number.max(initial=-1)) + 1
        steps = np.array([step for step in range(slots // 3, slots) if np.gcd(step, slots) == 1])
        offset, step = rng.integers(0, slots, people), rng.choice(steps, people)
        slot = (offset[number] + position * step[number]) % slots
        day, appointment = workdays[slot // len(_APPOINTMENTS)], slot % len(_APPOINTMENTS)
        self._recheck_times(rng, number, recheck_of, day, appointment)
        begins = _APPOINTMENTS[appointment] + 5 * rng.integers(0, 4, len(number))
        # Lengths differ less than opinions; the shortest still takes more than a third of the usual.
        minutes = self._model.minutes * np.exp(0.28 * rng.standard_normal(len(number)))
        minutes = np.clip(np.rint(minutes), np.ceil(self._model.minutes / 2.5), _LONGEST).astype(np.int64)
        return day, begins, minutes

    @staticmethod
    def _recheck_times(
        rng: np.random.Generator, number: np.ndarray, recheck_of: np.ndarray, day: np.ndarray, appointment: np.ndarray
    ) -> None:
        """Put every re-interview one to three weeks after the first, in a free appointment (changes the last two)."""
        again = recheck_of != MISSING
        taken = set(zip(number[~again].tolist(), day[~again].tolist(), appointment[~again].tolist(), strict=True))
        for recheck in np.flatnonzero(again).tolist():
            later = int(day[recheck_of[recheck]]) + int(rng.integers(*_RECHECK_AFTER))
            weekday = (later + 3) % 7
            later += 7 - weekday if weekday > 4 else 0
            free = int(rng.integers(0, len(_APPOINTMENTS)))
            while (int(number[recheck]), later, free) in taken:
                free = (free + 1) % len(_APPOINTMENTS)
                later += 7 * (free == 0)
            taken.add((int(number[recheck]), later, free))
            day[recheck], appointment[recheck] = later, free

    def _answers(
        self,
        rng: np.random.Generator,
        period: HalfYear,
        district: np.ndarray,
        is_client: np.ndarray,
        mode: np.ndarray,
        independent: np.ndarray,
        warmth: np.ndarray,
        recheck_of: np.ndarray,
    ) -> np.ndarray:
        """Answers of every interview to every question; 0 is no opinion."""
        shift = np.where(is_client, self._model.client_shift, self._model.stakeholder_shift)
        shift = shift + self._level[district] + _TREND * half_year_number(period) - 0.12
        shift = shift + _MODE_EFFECT[mode] + np.where(mode < _WITHOUT_INTERVIEWER, warmth, 0.0)
        shift = shift + _INDEPENDENT_EFFECT * independent
        general = rng.standard_normal((len(district), 1))
        # Clients differ more on independent ground: the very dissatisfied dare say so.
        general = np.where(independent[:, None] & (general < -1.2), general * 1.15, general)
        own = rng.standard_normal((len(district), len(QUESTIONS)))
        opinion = shift[:, None] + _LOADING * general + (1 - _LOADING**2) ** 0.5 * own
        answers = np.empty(opinion.shape, dtype=np.int64)
        for column, agree in enumerate(QUESTIONS.values()):
            bounds = _MARK_BOUNDS if agree is None else _AGREE_BOUNDS - ndtri(agree)
            answers[:, column] = np.searchsorted(bounds, opinion[:, column]) + 1
        answers[rng.random(answers.shape) < _NO_OPINION] = 0
        again = recheck_of != MISSING
        first = answers[recheck_of[again]]
        changed = np.where(first > 0, first + rng.integers(-1, 2, first.shape), first)
        highest = np.where([agree is None for agree in QUESTIONS.values()], 10, 5)
        changed = np.clip(changed, np.minimum(first, 1), highest)
        answers[again] = np.where(rng.random(first.shape) < _SAME_ANSWER, first, changed)
        return answers

    def _answer_rows(
        self,
        rng: np.random.Generator,
        identifier: np.ndarray,
        is_client: np.ndarray,
        outcome: np.ndarray,
        answers: np.ndarray,
        order: np.ndarray,
    ) -> Table:
        """One row per question asked; an interview broken off has only the first questions."""
        names = list(QUESTIONS)
        to_clients = np.isin(names, self._model.questions)
        to_stakeholders = np.isin(names, self._model.stakeholder_questions)
        asked = np.where(is_client[:, None], to_clients, to_stakeholders)
        until = rng.integers(1, np.maximum(asked.sum(axis=1), 2))
        asked &= (outcome == _DONE)[:, None] | (
            (outcome == _PARTIAL)[:, None] & (np.cumsum(asked, axis=1) <= until[:, None])
        )
        interview, question = np.nonzero(asked[order])
        return {
            "gesprek_id": identifier[order][interview],
            "vraag": np.array(names, dtype=object)[question],
            "antwoord": answers[order][interview, question],
        }
