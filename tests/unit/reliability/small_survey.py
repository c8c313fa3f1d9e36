"""Surveys of known truth, as the frames that the reliability of surveys is computed from.

Interviews are drawn as arrays; the frames follow from them by counting, as the models of dbt do it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.reliability.survey_answers import META, WideAnswers

CODES = ["tevredenheid", *(f"vraag_{number}" for number in range(1, 10))]
QUESTIONS = pd.DataFrame({"question_code": CODES, "scale_min": 1, "scale_max": [10] + [5] * 9})
MUNICIPALITY = "GM0484"
SURVEY = ["consortium_code", "target_group", "period"]
PLACE = [*SURVEY, "district_code"]


def world(
    seed=0,
    *,
    periods=("2023-H1", "2023-H2", "2024-H1", "2024-H2"),
    consortia=("tom",),
    teams=13,
    per_team=60,
    interviewers=4,
    independent=0.15,
    rechecks=0.05,
    open_answers=0.03,
    rho=0.03,
    own_is_kinder=0.0,
    copying=0,
):
    """One row per completed interview, its answers, and who did not take part.

    Args:
        seed: of chance.
        periods: half-years.
        consortia: that each survey their clients.
        teams: as many districts, each with a team.
        per_team: completed interviews per team and half-year.
        interviewers: of each own team; the other party has as many as there are teams.
        independent: share of interviews by another party.
        rechecks: share of interviews that are repeated.
        open_answers: share of questions without an answer.
        rho: correlation of answers within an interviewer, of one question.
        own_is_kinder: by how much answers to the own team are better, on the latent scale.
        copying: so many teams (the first) copy 30 % of their interviews, one answer changed.

    Returns:
        interviews (frame) and answers (int8, a column per question).
    """
    rng = np.random.default_rng(seed)
    interviews, answers = [], []
    for consortium in consortia:
        for period in periods:
            n = teams * per_team
            district = np.repeat(np.arange(teams), per_team)
            by_other = rng.random(n) < independent
            who = np.where(
                by_other, 10_000 + rng.integers(0, teams, n), district * 100 + rng.integers(0, interviewers, n)
            )
            hand = np.sqrt(rho) * rng.standard_normal(20_000)
            latent = 0.6 * rng.standard_normal(n) + own_is_kinder * ~by_other
            values = latent[:, None] + hand[who][:, None] + np.sqrt(0.64 - rho) * rng.standard_normal((n, len(CODES)))
            given = np.column_stack(
                [
                    np.digitize(values[:, 0], np.linspace(-2.2, 1.4, 9)) + 1,
                    *(np.digitize(values[:, item], (-1.75, -1.1, -0.45, 0.45)) + 1 for item in range(1, len(CODES))),
                ]
            ).astype(np.int8)
            given[rng.random(given.shape) < open_answers] = 0
            for team in range(copying):
                rows = np.flatnonzero((district == team) & ~by_other)
                copies, originals = rows[: len(rows) * 3 // 10], rows[len(rows) * 3 // 10 :]
                given[copies] = given[rng.choice(originals, len(copies))]
                given[copies, 1 + rng.integers(0, 9, len(copies))] = rng.integers(1, 6, len(copies))
            interviews.append(
                pd.DataFrame(
                    {
                        "consortium_code": consortium,
                        "target_group": "client",
                        "period": period,
                        "district_code": np.array([f"WK0484{number:02}" for number in range(teams)])[district],
                        "team": np.where(by_other, "other party", [f"team {number:02}" for number in district]),
                        # one in twenty is filled in online
                        "interviewer_key": np.where(rng.random(n) < 0.05, None, [f"i{number:05}" for number in who]),
                        "is_independent": by_other,
                        "rechecked": rng.random(n) < rechecks,
                    }
                )
            )
            answers.append(given)
    return pd.concat(interviews, ignore_index=True), np.concatenate(answers)


def wide(interviews, answers):
    """As ``wide_answers`` reads it."""
    return WideAnswers(interviews[META].astype("category"), answers, CODES)


def frames(interviews, answers):
    """As the models of dbt count them."""
    rng = np.random.default_rng(1)
    per = interviews.groupby(PLACE)
    counts = per.agg(
        completed=("team", "size"),
        completed_independent=("is_independent", "sum"),
        rechecks_completed=("rechecked", "sum"),
    ).reset_index()
    counts = counts.assign(
        partial=0,
        refused=counts["completed"],
        not_contacted=counts["completed"],
        other=0,
        drawn=counts["completed"] * 3,
    )
    times = interviews.groupby([*PLACE, "team"]).size().rename("interviews").reset_index()
    times = times.assign(
        timed=times["interviews"], outside_half_year=0, past_midnight=0, overlapping=0, hard_faults=0, too_short=0,
        too_many_that_day=0,
    )  # fmt: skip
    long = interviews.loc[np.repeat(interviews.index, len(CODES))].reset_index(drop=True)
    long = long.assign(question_code=np.tile(CODES, len(interviews)), answer=answers.ravel().astype(int))
    long["top"] = long["question_code"].map(QUESTIONS.set_index("question_code")["scale_max"])
    long = long.assign(
        n=(long["answer"] > 0).astype(int),
        squares=long["answer"] ** 2,
        agree=((long["answer"] >= 4) & (long["top"] == 5)).astype(int),
        negative=((long["answer"] > 0) & (2 * long["answer"] <= long["top"])).astype(int),
        lowest=(long["answer"] == 1).astype(int),
        highest=(long["answer"] == long["top"]).astype(int),
    )
    clusters = (
        long.groupby([*SURVEY, "question_code", "district_code", "is_independent", "interviewer_key"], dropna=False)
        .agg(
            asked=("n", "size"),
            n=("n", "sum"),
            answer_sum=("answer", "sum"),
            answer_sum_of_squares=("squares", "sum"),
            agree=("agree", "sum"),
            negative=("negative", "sum"),
            lowest=("lowest", "sum"),
            highest=("highest", "sum"),
        )
        .reset_index()
    )
    given = long[long["n"] > 0]
    distribution = (
        given.groupby([*SURVEY, "question_code", "is_independent", "answer"]).size().rename("n").reset_index()
    )
    again = given[given["rechecked"]]
    # One answer in ten changes by a step; downwards where it can.
    second = np.where((rng.random(len(again)) < 0.1) & (again["answer"] > 1), again["answer"] - 1, again["answer"])
    rechecks = again.assign(first_answer=again["answer"], second_answer=second)
    rechecks = (
        rechecks.groupby([*SURVEY, "question_code", "first_answer", "second_answer"]).size().rename("n").reset_index()
    )
    districts = sorted(interviews["district_code"].unique())
    received = interviews.groupby(["consortium_code", "period"]).size().rename("rows_received").reset_index()
    return {
        "int_interviews__count": counts,
        "int_interviews__time": times,
        "int_answers__cluster": clusters,
        "int_answers__distribution": distribution,
        "int_answers__scale": scale(interviews, answers),
        "int_rechecks__count": rechecks,
        "int_clients__count": counts.assign(clients=200)[["consortium_code", "district_code", "period", "clients"]],
        "int_districts__roll_up": pd.DataFrame(
            {"district_code": districts * 2, "area_code": [*districts, *[MUNICIPALITY] * len(districts)]}
        ),
        "questions": QUESTIONS,
        "delivered_rows": received.assign(table_name="gesprekken", rows_refused=0, rows_unsound=0),
    }


def scale(interviews, answers):
    """Sums of the five-point questions, over people who answered all of them."""
    found = []
    for key, rows in interviews.groupby(SURVEY).indices.items():
        five = answers[rows][:, 1:].astype(float)
        five = five[(five > 0).all(axis=1)]
        total = five.sum(axis=1)
        for item, code in enumerate(CODES[1:]):
            found.append(
                dict(zip(SURVEY, key, strict=True))
                | {
                    "question_code": code,
                    "items": five.shape[1],
                    "n": len(five),
                    "item_mean": five[:, item].mean(),
                    "item_variance": five[:, item].var(ddof=1),
                    "item_rest_correlation": np.corrcoef(five[:, item], total - five[:, item])[0, 1],
                    "total_mean": total.mean(),
                    "total_variance": total.var(ddof=1),
                }
            )
    return pd.DataFrame(found)
