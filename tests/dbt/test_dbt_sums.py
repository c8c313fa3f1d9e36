"""The sums for reliability on a world drawn by chance, recounted in Python from the rows that were delivered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from small_vault import SmallVault

from pipeline.reliability.consistency import cronbach_alpha, cronbach_alpha_from_sums, item_rest_correlations
from pipeline.reliability.fabrication import timing_faults

PERIODS = {"2023-H2": "2023-07-01", "2024-H1": "2024-01-01"}
DISTRICTS = ("WK048401", "WK048402", "WK048403")
QUESTIONS = {"tevredenheid": 10, "gehoord": 5, "eigen_regie": 5, "ceo_snel": 5, "ceo_past": 5}
SELDOM_ASKED = "ceo_past"
MODELS = [
    "int_interviews__count",
    "int_interviews__time",
    "int_answers__cluster",
    "int_answers__distribution",
    "int_answers__scale",
    "int_answers__count",
    "int_rechecks__count",
    "int_ratings__second",
    "int_ratings__change",
    "int_ratings__level",
]
SURVEY = ["consortium_code", "target_group", "period"]


def draw_interviews(rng: np.random.Generator, consortium: str, period: str) -> pd.DataFrame:
    """Interviews of one delivery, busy enough for interviewers to be in two places at once."""
    count = 160
    keys = np.array([f"{period} {number}" for number in range(count)], dtype=object)
    earlier = np.array(
        [f"{other} {number}" for other in PERIODS if other < period for number in range(count)], dtype=object
    )
    retaken = rng.choice(np.append(keys[:100], earlier), count)
    mode = rng.choice(["huisbezoek", "telefoon", "online", "papier"], count, p=[0.4, 0.4, 0.1, 0.1])
    return pd.DataFrame(
        {
            "gesprek_id": keys,
            "wijkcode": rng.choice(DISTRICTS, count),
            "doelgroep": rng.choice(["client", "stakeholder"], count, p=[0.75, 0.25]),
            "uitkomst": rng.choice(
                ["afgerond", "deels", "geweigerd", "niet_bereikt", "overig"], count, p=[0.7, 0.1, 0.1, 0.05, 0.05]
            ),
            "afgenomen_op": pd.Timestamp(PERIODS[period]) + pd.to_timedelta(rng.integers(0, 4, count), "D"),
            "begonnen_om": [
                f"{9 + hour:02d}:{minute:02d}"
                for hour, minute in zip(rng.integers(0, 15, count), rng.integers(0, 60, count), strict=True)
            ],
            "duur_minuten": rng.integers(2, 90, count),
            "wijze": mode,
            "team": rng.choice(["Noord", "Zuid"], count),
            "interviewer_id": rng.choice([f"{consortium} {number}" for number in range(3)], count),
            "onafhankelijk": rng.choice([True, False, None], count),
            "hercontrole_van": np.where(np.arange(count) >= 120, retaken, None),
        }
    )


def draw_answers(rng: np.random.Generator, interviews: pd.DataFrame) -> pd.DataFrame:
    """Answers that hang together, some without an opinion, one question asked of few."""
    leaning = rng.normal(0.6, 0.2, len(interviews))
    parts = []
    for question, highest in QUESTIONS.items():
        answers = np.clip(np.rint((leaning + rng.normal(0, 0.15, len(interviews))) * highest), 1, highest).astype(int)
        answers[rng.random(len(interviews)) < 0.08] = 0
        part = pd.DataFrame({"gesprek_id": interviews["gesprek_id"], "vraag": question, "antwoord": answers})
        parts.append(part[rng.random(len(part)) < (0.3 if question == SELDOM_ASKED else 0.97)])
    answers = pd.concat(parts)
    held = interviews.loc[interviews["uitkomst"].isin(["afgerond", "deels"]), "gesprek_id"]
    return answers[answers["gesprek_id"].isin(held)]


def draw_ratings(rng: np.random.Generator, period: str) -> pd.DataFrame:
    count = 200
    return pd.DataFrame(
        {
            "client_id": rng.choice([f"c{number}" for number in range(20)], count),
            "meetdatum": pd.Timestamp(PERIODS[period]) + pd.to_timedelta(rng.integers(0, 180, count), "D"),
            "zrm_versie": rng.choice(["2013", "2017"], count, p=[0.1, 0.9]),
            "domein": rng.choice(["financien", "huisvesting"], count),
            "score": rng.integers(1, 6, count),
            "beoordelaar_id": rng.choice(["r1", "r2", "r3"], count),
            "tweede_beoordeling": rng.random(count) < 0.3,
        }
    )


def records(frame: pd.DataFrame) -> list[dict]:
    plain = frame.astype(object).where(frame.notna(), None)
    return [
        {name: value.date() if isinstance(value, pd.Timestamp) else value for name, value in row.items()}
        for row in plain.to_dict("records")
    ]


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    """What was delivered, all consortia and half-years together."""
    rng = np.random.default_rng(20240630)
    tables: dict[str, list[pd.DataFrame]] = {"interviews": [], "answers": [], "ratings": []}
    for consortium in ("tom", "go"):
        for period in PERIODS:
            origin = {"consortium_code": consortium, "period": period}
            interviews = draw_interviews(rng, consortium, period)
            tables["interviews"].append(interviews.assign(**origin))
            tables["answers"].append(draw_answers(rng, interviews).assign(**origin))
            if consortium == "tom":
                tables["ratings"].append(draw_ratings(rng, period).assign(**origin))
    return {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}


@pytest.fixture(scope="module")
def counted(
    delivered: dict[str, pd.DataFrame],
    folder: Path,
    rows_without_deliveries: dict[str, int],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The sums, by the SQL that dbt compiled for another vault: another run of dbt would take far longer."""
    vault = SmallVault(tmp_path_factory.mktemp("sums"))
    clients = [{"client_id": f"c{number}", "wijkcode": DISTRICTS[number % 3]} for number in range(20)]
    for consortium, period in delivered["interviews"].groupby(["consortium_code", "period"]).groups:
        names = {"gesprekken": "interviews", "antwoorden": "answers", "zelfredzaamheid": "ratings"}
        tables = {name: records(part(delivered[of], consortium, period)) for name, of in names.items()}
        vault.deliver(consortium, period, {**tables, "clienten": clients})
    nodes = json.loads((folder / "target" / "manifest.json").read_text())["nodes"]
    with duckdb.connect() as connection:
        connection.execute("attach ':memory:' as warehouse")
        connection.execute(f"attach '{folder / 'warehouse.duckdb'}' as compiled (read_only)")
        for schema in ("reference", "staging", "intermediate"):
            connection.execute(f"create schema warehouse.{schema}")
        for name in in_order(nodes, [f"model.effectmonitor.{model}" for model in MODELS]):
            table = f"{nodes[name]['schema']}.{nodes[name]['name']}"
            if nodes[name]["resource_type"] == "seed":
                query = f"from compiled.{table}"
            else:
                path = folder / "target" / "compiled" / "effectmonitor" / nodes[name]["original_file_path"]
                query = path.read_text().replace(str(folder / "vault"), str(vault.folder))
            connection.execute(f"create table warehouse.{table} as {query}")
        connection.execute("use warehouse")
        yield connection


def in_order(nodes: dict, wanted: list[str]) -> list[str]:
    """Models and what they read, what is read first."""
    found: list[str] = []
    for name in wanted:
        if name in nodes:
            before = in_order(nodes, nodes[name]["depends_on"].get("nodes", []))
            found += [each for each in [*before, name] if each not in found]
    return found


def part(frame: pd.DataFrame, consortium: str, period: str) -> pd.DataFrame:
    rows = frame[(frame["consortium_code"] == consortium) & (frame["period"] == period)]
    return rows.drop(columns=["consortium_code", "period"])


@pytest.fixture(scope="module")
def interviews(delivered: dict[str, pd.DataFrame]) -> pd.DataFrame:
    named = {"wijkcode": "district_code", "doelgroep": "target_group", "hercontrole_van": "recheck_of"}
    frame = delivered["interviews"].rename(columns=named)
    frame["is_independent"] = frame["onafhankelijk"].eq(True)
    frame["interviewer_key"] = frame["interviewer_id"].where(~frame["wijze"].isin(["online", "papier"]))
    return frame


@pytest.fixture(scope="module")
def answers(delivered: dict[str, pd.DataFrame], interviews: pd.DataFrame) -> pd.DataFrame:
    """Answers of completed interviews."""
    completed = interviews[interviews["uitkomst"] == "afgerond"]
    frame = delivered["answers"].merge(completed, on=["consortium_code", "period", "gesprek_id"])
    return frame.rename(columns={"vraag": "question_code", "antwoord": "answer"})


def same(found: duckdb.DuckDBPyConnection, expected: pd.DataFrame, table: str) -> None:
    """Compare a table with its recount, whatever the order of columns and rows; no interviewer is an empty one."""
    actual = found.execute(f"select * from intermediate.{table}").df()
    assert len(actual) > 0
    assert sorted(actual.columns) == sorted(expected.columns)
    numbers = [name for name in actual if pd.api.types.is_numeric_dtype(actual[name]) and actual[name].dtype != bool]
    texts = [name for name in actual if name not in numbers]
    frames = [
        frame[texts + numbers].fillna(dict.fromkeys(texts, "")).astype(dict.fromkeys(numbers, float))
        for frame in (actual, expected)
    ]
    pd.testing.assert_frame_equal(
        *(frame.sort_values(texts + numbers, ignore_index=True) for frame in frames), check_dtype=False, rtol=1e-12
    )


def test_interviews_by_outcome(counted, interviews: pd.DataFrame) -> None:
    drawn, again = interviews["recheck_of"].isna(), interviews["recheck_of"].notna()
    done = interviews["uitkomst"] == "afgerond"
    marks = {
        "drawn": drawn,
        "completed": drawn & done,
        "partial": drawn & (interviews["uitkomst"] == "deels"),
        "refused": drawn & (interviews["uitkomst"] == "geweigerd"),
        "not_contacted": drawn & (interviews["uitkomst"] == "niet_bereikt"),
        "other": drawn & (interviews["uitkomst"] == "overig"),
        "completed_independent": drawn & done & interviews["is_independent"],
        "rechecks_completed": again & done,
    }
    expected = interviews.assign(**marks).groupby([*SURVEY, "district_code"], as_index=False)[list(marks)].sum()
    same(counted, expected, "int_interviews__count")


def test_times_of_interviews_are_judged_as_python_does(counted, interviews: pd.DataFrame) -> None:
    held = interviews[interviews["uitkomst"].isin(["afgerond", "deels"])].copy()
    held["started_at"] = pd.to_datetime(held["afgenomen_op"].dt.strftime("%Y-%m-%d ") + held["begonnen_om"])
    held["ended_at"] = held["started_at"] + pd.to_timedelta(held["duur_minuten"], "min")
    frame = held.rename(columns={"afgenomen_op": "taken_on"}).assign(interviewer=held["interviewer_key"])
    days = {
        period: (pd.Timestamp(first), pd.Timestamp(first) + pd.DateOffset(months=6, days=-1))
        for period, first in PERIODS.items()
    }
    judged = []
    for (_, period), those in frame.groupby(["consortium_code", "period"]):
        faults = timing_faults(those, *days[period], pd.Timestamp("2030-01-01"))
        # what is short depends on who is asked and how
        faults["too_short"] = False
        for _, alike in those.groupby(["target_group", "wijze"]):
            short = timing_faults(alike, *days[period], pd.Timestamp("2030-01-01"), shortest_part=0.3333)["too_short"]
            faults.loc[alike.index, "too_short"] = short
        judged.append(faults)
    held = held.join(pd.concat(judged)).rename(columns={"overlaps": "overlapping"})
    held["past_midnight"] = held["ended_at"] > held["started_at"].dt.normalize() + pd.Timedelta(days=1)
    held["hard_faults"] = held[["outside_half_year", "past_midnight", "overlapping"]].any(axis=1)
    held = held.assign(interviews=1, timed=1)
    hard = ["outside_half_year", "past_midnight", "overlapping", "hard_faults"]
    marks = ["interviews", "timed", *hard, "too_short", "too_many_that_day"]
    expected = held.groupby([*SURVEY, "district_code", "team"], as_index=False)[marks].sum()
    assert (expected[["past_midnight", "overlapping", "too_short", "too_many_that_day"]].sum() > 0).all()
    assert (expected["overlapping"] < expected["interviews"]).any()
    same(counted, expected, "int_interviews__time")


def with_marks(answers: pd.DataFrame) -> pd.DataFrame:
    answer, highest = answers["answer"], answers["question_code"].map(QUESTIONS)
    return answers.assign(
        asked=1,
        n=answer > 0,
        answer_sum=answer,
        answer_sum_of_squares=answer**2,
        agree=(answer >= 4).astype(float).where(highest == 5),
        negative=(answer > 0) & (answer <= np.where(highest == 5, 2, 5)),
        lowest=answer == 1,
        highest=answer == highest,
    )


SUMS = ["asked", "n", "answer_sum", "answer_sum_of_squares", "negative", "lowest", "highest"]


def test_answers_per_interviewer(counted, answers: pd.DataFrame) -> None:
    key = [*SURVEY, "question_code", "district_code", "is_independent", "interviewer_key"]
    groups = with_marks(answers.assign(interviewer_key=answers["interviewer_key"].fillna(""))).groupby(key)
    expected = groups[SUMS].sum().join(groups["agree"].sum(min_count=1)).reset_index()
    same(counted, expected, "int_answers__cluster")
    assert (expected["interviewer_key"] == "").any()


def test_answers_per_district_and_the_persons_behind_them(counted, answers: pd.DataFrame) -> None:
    key = [*SURVEY, "question_code", "district_code"]
    marked = with_marks(answers)
    groups = marked.groupby(key)
    marked["person"] = marked["recheck_of"].fillna(marked["gesprek_id"])
    persons = marked[marked["n"]].groupby(key)["person"].nunique().rename("persons")
    sums = groups[["asked", "n", "answer_sum", "answer_sum_of_squares"]].sum().join(groups["agree"].sum(min_count=1))
    expected = sums.join(persons).fillna({"persons": 0}).reset_index()
    assert (expected["persons"] < expected["n"]).any()
    same(counted, expected, "int_answers__count")


def test_answers_over_the_scale(counted, answers: pd.DataFrame) -> None:
    given = answers[answers["recheck_of"].isna() & (answers["answer"] > 0)]
    key = [*SURVEY, "question_code", "is_independent", "answer"]
    same(counted, given.groupby(key).size().rename("n").reset_index(), "int_answers__distribution")


def test_scale_is_that_of_everybody_who_answered_all_items(
    counted, interviews: pd.DataFrame, answers: pd.DataFrame
) -> None:
    first = answers[answers["recheck_of"].isna() & (answers["question_code"] != "tevredenheid")]
    completed = (
        interviews[interviews["recheck_of"].isna() & (interviews["uitkomst"] == "afgerond")].groupby(SURVEY).size()
    )
    expected, alphas = [], {}
    for survey, those in first.groupby(SURVEY):
        table = those.pivot(index="gesprek_id", columns="question_code", values="answer")
        asked = table.notna().sum()
        items = [question for question in table if asked[question] * 2 >= completed[survey]]
        assert SELDOM_ASKED not in items
        people = table[items].replace(0, np.nan).dropna()
        alphas[survey] = cronbach_alpha(people)
        expected.append(
            pd.DataFrame(
                {
                    **dict(zip(SURVEY, survey, strict=True)),
                    "question_code": items,
                    "items": len(items),
                    "n": len(people),
                    "item_mean": people.mean().to_numpy(),
                    "item_variance": people.var().to_numpy(),
                    "item_rest_correlation": item_rest_correlations(people),
                    "total_mean": people.sum(axis=1).mean(),
                    "total_variance": people.sum(axis=1).var(),
                }
            )
        )
    same(counted, pd.concat(expected), "int_answers__scale")
    sums = counted.execute(
        f"select {', '.join(SURVEY)}, items, sum(item_variance) as item_variances, total_variance "
        "from intermediate.int_answers__scale group by all"
    ).df()
    found = cronbach_alpha_from_sums(sums["items"], sums["item_variances"], sums["total_variance"])
    assert dict(zip(sums[SURVEY].itertuples(index=False, name=None), found, strict=True)) == pytest.approx(alphas)


def test_reinterviews_beside_the_first_interview(counted, answers: pd.DataFrame) -> None:
    given = answers[answers["answer"] > 0]
    columns = ["consortium_code", "gesprek_id", "question_code", "answer"]
    firsts = given[columns].rename(columns={"gesprek_id": "recheck_of", "answer": "first_answer"})
    pairs = given[given["recheck_of"] != given["gesprek_id"]].merge(
        firsts, on=["consortium_code", "recheck_of", "question_code"]
    )
    assert (pairs["recheck_of"].str[:7] < pairs["period"]).any()
    pairs = pairs.rename(columns={"answer": "second_answer"})
    key = [*SURVEY, "question_code", "first_answer", "second_answer"]
    same(counted, pairs.groupby(key).size().rename("n").reset_index(), "int_rechecks__count")


def test_second_ratings_beside_the_nearest_first(counted, delivered: dict[str, pd.DataFrame]) -> None:
    ratings = delivered["ratings"].reset_index(names="row_number")  # later rows have higher numbers
    firsts = ratings[~ratings["tweede_beoordeling"]]
    found = []
    for second in ratings[ratings["tweede_beoordeling"]].to_dict("records"):
        others = firsts[
            (firsts["client_id"] == second["client_id"])
            & (firsts["zrm_versie"] == second["zrm_versie"])
            & (firsts["domein"] == second["domein"])
            & (firsts["beoordelaar_id"] != second["beoordelaar_id"])
        ]
        apart = (others["meetdatum"] - second["meetdatum"]).dt.days.abs()
        others = others.assign(apart=apart, last_row=-others["row_number"])[apart <= 14]
        if len(others):
            nearest = others.sort_values(["apart", "meetdatum", "last_row"]).iloc[0]
            found.append(second | {"first_score": nearest["score"], "second_score": second["score"]})
    pairs = (
        pd.DataFrame(found).rename(columns={"zrm_versie": "edition", "domein": "scale_code"}).assign(instrument="zrm")
    )
    key = ["consortium_code", "instrument", "edition", "scale_code", "period", "first_score", "second_score"]
    assert 10 < len(pairs) < ratings["tweede_beoordeling"].sum()
    same(counted, pairs.groupby(key).size().rename("n").reset_index(), "int_ratings__second")


def test_ratings_by_score_add_up_to_the_pairs(counted) -> None:
    for table, condition in (("int_ratings__level", "true"), ("int_ratings__change", "baseline_score is not null")):
        summed, scores = counted.execute(f"select sum(n), sum(n * score) from intermediate.{table}").fetchone()
        pairs = f"select count(*), sum(score) from intermediate.int_ratings__pair where {condition}"
        assert (summed, scores) == counted.execute(pairs).fetchone()
        assert summed > 0
