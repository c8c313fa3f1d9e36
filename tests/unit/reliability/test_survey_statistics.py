"""Surveys as a whole: hand-made counts, honest and copied teams, and that the order of rows does not matter."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
import small_survey

from pipeline.reliability import survey_fabrication, survey_interviewers, survey_items, survey_response, survey_sources
from pipeline.reliability.agreement import gwet_of_pairs
from pipeline.reliability.consistency import cronbach_alpha, feldt_interval
from pipeline.reliability.interviewers import interviewer_effect
from pipeline.reliability.response import representativity
from pipeline.reliability.survey_answers import wide_answers
from pipeline.reliability.surveys import FRAMES, SURVEY_KEY, survey_tables
from pipeline.reliability.thresholds import Thresholds

THRESHOLDS = Thresholds.on(pd.read_csv(Path(__file__).parents[3] / "seeds" / "thresholds.csv"), date(2026, 1, 1))
TOM = {"consortium_code": "tom", "target_group": "client", "period": "2024-H1"}
AREAS = pd.DataFrame({"district_code": ["WK1", "WK2", "WK1", "WK2"], "area_code": ["WK1", "WK2", "GM1", "GM1"]})
QUESTIONS = small_survey.QUESTIONS


def counts(*rows, **every):
    """Counts of interviews per district; what is not given is 0."""
    names = ["partial", "refused", "not_contacted", "other", "completed_independent", "rechecks_completed"]
    table = pd.DataFrame([{**TOM, **every, **row} for row in rows])
    table = table.reindex(columns=[*dict.fromkeys([*table.columns, *names])], fill_value=0)
    table[names] = table[names].fillna(0)
    parts = table[["completed", "partial", "refused", "not_contacted", "other"]]
    return table.assign(drawn=parts.sum(axis=1))


def clusters(*rows):
    """Answers of interviewers: district, interviewer, the answers, whether independent."""
    made = []
    for district, who, answers, independent in rows:
        given = np.array([answer for answer in answers if answer])
        made.append(
            {
                **TOM,
                "question_code": "vraag_1",
                "district_code": district,
                "is_independent": independent,
                "interviewer_key": who,
                "asked": len(answers),
                "n": len(given),
                "answer_sum": given.sum(),
                "answer_sum_of_squares": (given**2).sum(),
                "lowest": (given == 1).sum(),
                "highest": (given == 5).sum(),
            }
        )
    return pd.DataFrame(made)


@pytest.fixture(scope="module")
def tables():
    """Surveys of two half-years in six districts, in which the first team copied."""
    interviews, answers = small_survey.world(
        teams=6, copying=1, rechecks=0.2, consortia=("go", "tom"), periods=("2023-H1", "2023-H2")
    )
    interviews["team"] = interviews["team"].where(interviews["consortium_code"] == "tom", "")
    frames = small_survey.frames(interviews, answers)
    return interviews, answers, frames, survey_tables(frames, small_survey.wide(interviews, answers), THRESHOLDS)


# Response


def test_r_indicator_by_hand():
    # p = .5 and .3 of 100 each: S² = 200/199 (.01 - .5 * .5 * (.25/99 + .21/99)) = .008883
    found = representativity([50, 30], [100, 100])
    deviation = np.sqrt(200 / 199 * (0.01 - (0.25 * 0.25 / 99 + 0.25 * 0.21 / 99) * 1))
    assert found.mean == pytest.approx(0.4)
    assert found.deviation == pytest.approx(deviation, abs=1e-12)
    assert found.r_indicator == pytest.approx(1 - 2 * deviation)
    assert found.variation == pytest.approx(deviation / 0.4)


def test_r_indicator_does_not_take_chance_for_selection():
    rng = np.random.default_rng(0)
    drawn = np.full((4000, 13), 40)
    alike = representativity(rng.binomial(drawn, 0.4), drawn)
    # Truth: half of the districts .3, the other half .5.
    apart = representativity(rng.binomial(drawn, np.where(np.arange(13) < 6, 0.3, 0.5)), drawn)
    truth = np.sqrt(6 / 13 * 7 / 13) * 0.2
    assert np.mean(alike.deviation == 0) > 0.5
    assert np.sqrt(np.mean(apart.deviation**2)) == pytest.approx(truth, rel=0.02)


def test_r_indicator_of_one_group_or_nobody_is_unknown():
    found = representativity([[5, 0], [0, 0], [0, 0]], [[9, 0], [0, 0], [8, 8]])
    assert np.isnan(found.r_indicator[:2]).all()
    assert found.r_indicator[2] == 1
    assert np.isnan(found.variation[2])
    with pytest.raises(ValueError, match="more responses than people"):
        representativity([3], [2])


def test_rates_per_district_and_for_the_municipality():
    table = counts(
        {"district_code": "WK1", "completed": 40, "partial": 10, "refused": 20, "not_contacted": 25, "other": 5},
        {"district_code": "WK2", "completed": 20, "partial": 0, "refused": 60, "not_contacted": 20, "other": 0},
    )
    found = survey_response.response_by_area(table, AREAS, 10).set_index("district_code")
    assert found["drawn"].to_dict() == {"GM1": 200, "WK1": 100, "WK2": 100}
    assert found["response_rate_1"].to_dict() == {"GM1": 0.3, "WK1": 0.4, "WK2": 0.2}
    assert found["response_rate_2"].to_dict() == {"GM1": 0.35, "WK1": 0.5, "WK2": 0.2}
    assert found["cooperation_rate"]["WK1"] == pytest.approx(40 / 75)
    assert found["refusal_rate"]["GM1"] == 0.4


@pytest.mark.parametrize(
    ("row", "complete"),
    [
        ({"completed": 9, "refused": 1}, True),
        ({"completed": 9, "other": 1}, True),
        ({"completed": 9, "partial": 1}, False),
        ({"completed": 10}, False),
        ({"completed": 8, "partial": 1}, True),
        ({"completed": 9}, False),
    ],
)
def test_dispositions_are_complete_when_people_who_did_not_take_part_are_told(row, complete):
    table = counts(dict(district_code="WK1", **row))
    assert survey_response.dispositions_complete(table, 10)["dispositions_complete"].to_list() == [complete]
    rate = survey_response.response_by_area(table, AREAS, 10)["response_rate_1"]
    assert rate.notna().all() == complete


def test_the_independent_part_is_the_consortiums():
    table = pd.concat(
        [
            counts({"district_code": "WK1", "completed": 150, "completed_independent": 10, "rechecks_completed": 5}),
            counts({"district_code": "WK1", "completed": 50, "completed_independent": 5}, target_group="stakeholder"),
        ]
    )
    found = survey_response.independent_parts(table)
    assert found["independent_share"].to_list() == [0.1, 0.1]
    assert found["independent_interviews"].to_list() == [20, 20]


def test_weighting_to_the_register_costs_what_kish_says():
    table = counts({"district_code": "WK1", "completed": 10}, {"district_code": "WK2", "completed": 30})
    clients = pd.DataFrame([{**TOM, "district_code": code, "clients": 100} for code in ("WK1", "WK2")])
    found = survey_response.weights_effects(table, clients.drop(columns="target_group"))
    # weights 10 and 3.33: 40 * (10 * 100 + 30 * 11.11) / 200²
    assert found["weights_effect"].to_list() == [pytest.approx(40 * (100**2 / 10 + 100**2 / 30) / 200**2)]


# Interviewers


# effects between surveys differ so much that the usual one says nothing
AS_ESTIMATED = {**THRESHOLDS.values, "usual_interviewer_effect_spread": 1e9}


def test_one_district_gives_the_interviewer_effect_of_its_answers():
    rng = np.random.default_rng(3)
    rows = [("WK1", f"i{who}", rng.integers(1, 6, 5 + 3 * who), False) for who in range(6)]
    sums = survey_interviewers.within_districts(clusters(*rows))
    answers = np.concatenate([row[2] for row in rows])
    direct = interviewer_effect(answers, np.repeat(np.arange(6), [len(row[2]) for row in rows]))
    found = survey_interviewers.interviewer_effects(clusters(*rows), {**AS_ESTIMATED, "least_interviewer_effect": -1})
    assert found["rho"][0] == pytest.approx(float(direct.rho), abs=1e-12)
    assert sums[["interviewers", "n", "sum_of_squared_sizes"]].to_numpy().tolist() == [
        [6, len(answers), sum(len(row[2]) ** 2 for row in rows)]
    ]


def test_interviewers_are_compared_within_their_district():
    # By hand: around district means 2 and 4; interviewers differ by 1 around them.
    rows = [
        ("WK1", "a", [1, 1, 2, 2], False),
        ("WK1", "b", [2, 2, 3, 3], False),
        ("WK2", "c", [3, 3, 4, 4], False),
        ("WK2", "d", [4, 4, 5, 5], False),
    ]
    # SSB = 4 * 4 * .25 = 4 with 4 - 2 df; SSW = 4 * 1 with 16 - 4 df; n0 = 4
    between, within = 4 / 2, 4 / 12
    found = survey_interviewers.interviewer_effects(clusters(*rows), AS_ESTIMATED)
    assert found["rho"][0] == pytest.approx((between - within) / (between + 3 * within))
    # The same answers, with another level in the second district.
    higher = [(d, w, [answer - 2 * (d == "WK2") for answer in given], i) for d, w, given, i in rows]
    again = survey_interviewers.interviewer_effects(clusters(*higher), AS_ESTIMATED)
    assert again["rho"][0] == pytest.approx(found["rho"][0])
    assert found["team_rho"][0] > 0.5 > again["team_rho"][0]


def test_few_interviews_leave_the_effect_near_the_usual_one():
    rows = [("WK1", "a", [1, 1, 2, 2], False), ("WK1", "b", [4, 4, 5, 5], False)]
    found = survey_interviewers.interviewer_effects(clusters(*rows), THRESHOLDS).iloc[0]
    says = 0.05**2 / (0.05**2 + found["rho_se"] ** 2)
    estimate = survey_interviewers.interviewer_effects(clusters(*rows), AS_ESTIMATED)["rho"][0]
    assert found["rho"] == pytest.approx(0.03 + says * (estimate - 0.03))
    assert 0.03 < found["rho"] < estimate / 2


def test_the_other_party_and_what_nobody_took_tell_nothing_of_interviewers():
    rows = [("WK1", "a", [1, 1, 1], True), ("WK1", "b", [5, 5, 5], True), ("WK1", None, [1, 5, 3], False)]
    found = survey_interviewers.interviewer_effects(clusters(*rows), THRESHOLDS)
    assert found[["rho", "estimates", "is_default"]].to_numpy().tolist() == [[0.03, 0, True]]
    assert np.isnan(found["rho_se"][0])


def test_equal_answers_give_the_usual_effect():
    rows = [(district, f"{district}{who}", [4] * 7, False) for district in ("WK1", "WK2") for who in range(3)]
    assert survey_interviewers.interviewer_effects(clusters(*rows), THRESHOLDS)["is_default"].to_list() == [True]


def test_estimates_are_pooled_over_four_half_years_of_the_calendar():
    one = clusters(("WK1", "a", [1, 2, 2, 3], False), ("WK1", "b", [2, 3, 4, 4], False))
    periods = ["2021-H1", "2022-H1", "2022-H2", "2023-H2", "2024-H1"]
    found = survey_interviewers.interviewer_effects(
        pd.concat([one.assign(period=period) for period in periods]), THRESHOLDS
    )
    assert dict(zip(found["period"], found["estimates"], strict=True)) == {
        "2021-H1": 1,
        "2022-H1": 2,
        "2022-H2": 3,
        "2023-H2": 3,
        "2024-H1": 3,
    }


def test_the_pooled_effect_is_the_true_one():
    found = []
    for seed in range(4):
        interviews, answers = small_survey.world(seed, rho=0.10, open_answers=0, teams=13, per_team=80)
        frame = small_survey.frames(interviews, answers)["int_answers__cluster"]
        found.append(survey_interviewers.interviewer_effects(frame, THRESHOLDS)[["rho", "rho_se"]].iloc[-1].to_numpy())
    rho, error = np.mean(found, axis=0)
    # Cutting the latent answers into five takes a little off.
    assert 0.075 < rho < 0.105
    assert np.std([one[0] for one in found]) < 2 * error


def test_design_effect_is_exact_for_unequal_interviewers():
    table = clusters(
        ("WK1", "a", [3] * 30, False), ("WK1", "b", [3, 0] * 5, False), ("WK2", "c", [3] * 20, True),
        ("WK2", None, [3] * 4, True),
    )  # fmt: skip
    effects = pd.DataFrame([{**TOM, "rho": 0.05}])
    found = survey_interviewers.survey_designs(table, effects, AREAS).set_index(["district_code", "team_group"])
    assert found["interviewers"].to_dict() == {
        ("GM1", "all"): 3, ("GM1", "independent"): 1, ("GM1", "own"): 2, ("WK1", "all"): 2, ("WK1", "own"): 2,
        ("WK2", "all"): 1, ("WK2", "independent"): 1,
    }  # fmt: skip
    assert found["design_effect"]["WK1", "own"] == pytest.approx(1 + ((900 + 100) / 40 - 1) * 0.05)
    assert found["design_effect"]["GM1", "independent"] == pytest.approx(1 + ((400 + 4) / 24 - 1) * 0.05)


# Questions


def test_alpha_is_that_of_the_people_who_answered_everything(tables):
    _, answers, frames, _ = tables
    found = survey_items.scales(frames["int_answers__scale"], 0.95)
    interviews = tables[0]
    rows = ((interviews["consortium_code"] == "go") & (interviews["period"] == "2023-H1")).to_numpy()
    five = np.where(answers[rows][:, 1:] > 0, answers[rows][:, 1:], np.nan)
    assert found["alpha"][0] == pytest.approx(cronbach_alpha(five))
    low, high = feldt_interval(found["alpha"][0], found["scale_n"][0], 9, 0.95)
    assert (found["alpha_low"][0], found["alpha_high"][0]) == (pytest.approx(float(low)), pytest.approx(float(high)))


def test_questions_left_open_and_answers_at_an_end():
    table = clusters(("WK1", "a", [5, 5, 5, 0, 1], False), ("WK2", "b", [3, 2, 1, 0, 0], True))
    found = survey_items.item_checks(table, AREAS)
    missing = found[found["check_code"] == "item_nonresponse"].set_index(["question_code", "district_code"])["value"]
    assert missing.to_dict() == {
        ("vraag_1", "GM1"): 0.3, ("vraag_1", "WK1"): 0.2, ("vraag_1", "WK2"): 0.4,
        ("", "WK1"): 0.2, ("", "WK2"): 0.4, ("", ""): 0.3,
    }  # fmt: skip
    ends = found[found["check_code"] == "floor_ceiling"].set_index("district_code")
    assert ends["value"].to_dict() == {"GM1": pytest.approx(3 / 7), "WK1": 0.75, "WK2": pytest.approx(1 / 3)}
    assert ends["second_value"]["GM1"] == pytest.approx(2 / 7)


# Re-interviews and the other party


def pairs(question, table):
    """Pairs of a question from a table of counts, first answer in rows."""
    places = np.argwhere(np.asarray(table) > 0)
    return pd.DataFrame(
        [
            {**TOM, "question_code": question, "first_answer": x + 1, "second_answer": y + 1, "n": table[x][y]}
            for x, y in places
        ]
    )


def test_agreement_of_reinterviews_on_the_full_scale():
    small = np.zeros((5, 5))
    small[4, 4], small[4, 3], small[3, 3], small[2, 3] = 20, 4, 10, 2
    wide = np.zeros((10, 10))
    wide[7, 7], wide[7, 8], wide[9, 9] = 9, 3, 6
    both = pd.concat([pairs("vraag_1", small), pairs("tevredenheid", wide)])
    found = survey_sources.backchecks(both, QUESTIONS, 0.95).set_index("question_code")
    for code, table in (("vraag_1", small), ("tevredenheid", wide)):
        direct = gwet_of_pairs(table, "quadratic")
        assert found["agreement"][code] == pytest.approx(float(direct.coefficient))
        assert found["agreement_low"][code] == pytest.approx(float(direct.low))
    assert found["exact_agreement"]["vraag_1"] == pytest.approx(30 / 36)
    # The survey: by number of pairs, and as many pairs as its most answered question.
    for name in ("agreement", "agreement_low", "agreement_high", "exact_agreement"):
        assert found[name][""] == pytest.approx((36 * found[name]["vraag_1"] + 18 * found[name]["tevredenheid"]) / 54)
    assert found["pairs"][""] == 36


def test_one_pair_that_differs_leaves_agreement_open():
    table = np.zeros((5, 5))
    table[0, 4] = 1
    found = survey_sources.backchecks(pairs("vraag_1", table), QUESTIONS, 0.95).set_index("question_code")
    assert np.isnan(found["agreement_low"]["vraag_1"])
    assert found[["agreement_low", "agreement_high"]].loc[""].to_list() == [-1, 1]


def distribution(**per_side):
    """Counts of answers 1 to 5 of ``own`` and ``independent``, the same for some questions."""
    return pd.DataFrame(
        [
            {**TOM, "question_code": f"vraag_{item}", "is_independent": side == "independent", "answer": answer, "n": n}
            for item in range(1, 4)
            for side, numbers in per_side.items()
            for answer, n in enumerate(numbers, start=1)
        ]
    )


NO_DESIGN = pd.DataFrame(columns=[*TOM, "question_code", "is_independent", "design_effect"])


@pytest.mark.parametrize(
    ("own", "independent", "outcome"),
    [
        ([200, 200, 400, 800, 400], [200, 200, 400, 800, 400], "in_line"),
        ([10, 10, 100, 500, 380], [200, 150, 150, 300, 200], "deviates"),
        ([2, 2, 10, 20, 10], [3, 3, 9, 18, 11], "undecided"),
        # The same mean and another share of negative answers.
        ([0, 0, 1000, 0, 0], [300, 100, 50, 450, 100], "deviates"),
    ],
)
def test_own_against_independent_within_a_margin(own, independent, outcome):
    found = survey_sources.source_differences(
        distribution(own=own, independent=independent), QUESTIONS, NO_DESIGN, THRESHOLDS
    )
    assert set(found["outcome"]) == {outcome}
    assert found["question_code"].to_list() == ["vraag_1", "vraag_2", "vraag_3", ""]
    shares = [sum(side[:2]) / sum(side) for side in (own, independent)]
    assert found["negative_difference"].to_list() == pytest.approx([shares[0] - shares[1]] * 4)
    means = [np.average(range(1, 6), weights=side) for side in (own, independent)]
    assert found["mean_difference"].to_list() == pytest.approx([(means[0] - means[1]) / 4] * 4)
    # Three questions alike: the careful interval of the survey is that of each.
    assert np.ptp(found["negative_difference_low"]) == pytest.approx(0, abs=1e-12)


def test_interviewers_make_a_difference_less_certain():
    answers = distribution(own=[5, 10, 30, 80, 40], independent=[8, 9, 12, 20, 10])
    sides = [(item, side) for item in range(1, 4) for side in (False, True)]
    design = pd.DataFrame(
        [
            {**TOM, "question_code": f"vraag_{item}", "is_independent": side, "design_effect": 2.0}
            for item, side in sides
        ]
    )
    plain, widened = (
        survey_sources.source_differences(answers, QUESTIONS, table, THRESHOLDS) for table in (NO_DESIGN, design)
    )
    assert (widened["own_n_eff"] == plain["own_n_eff"] / 2).all()
    for what in ("mean", "negative"):
        width = [table[f"{what}_difference_high"] - table[f"{what}_difference_low"] for table in (plain, widened)]
        assert (width[1] > 1.3 * width[0]).all()
    assert (widened["detectable"] > plain["detectable"]).all()


def test_a_question_that_one_party_asked_is_not_compared():
    answers = distribution(own=[1, 2, 3, 4, 5], independent=[0, 0, 0, 0, 0])
    assert survey_sources.source_differences(answers, QUESTIONS, NO_DESIGN, THRESHOLDS).empty


# Signals


def test_honest_teams_get_no_signal_and_copying_ones_do():
    found = []
    for seed in range(2):
        interviews, answers = small_survey.world(seed, copying=2, per_team=70, teams=12)
        frames = small_survey.frames(interviews, answers)
        found.append(
            survey_fabrication.fabrication_signals(
                small_survey.wide(interviews, answers), frames["int_interviews__time"], QUESTIONS, THRESHOLDS
            )
        )
    signals = pd.concat(found)
    copied = signals["team"].isin(["team 00", "team 01"])
    assert signals.loc[copied, "signal"].mean() >= 0.9
    assert signals.loc[~copied, "signal"].mean() <= 0.02
    assert (signals.loc[copied, "district_code"] == "WK0484" + signals.loc[copied, "team"].str[-2:]).all()


def times(**odd):
    """Twelve teams of 60 timed interviews; the first one has so many odd ones, the others two short ones."""
    return pd.DataFrame(
        [
            {
                **TOM,
                "district_code": f"WK{number}",
                "team": f"team {number}" if number else "",
                "interviews": 60,
                "timed": 60,
                "too_short": 2,
                "too_many_that_day": 0,
                **(odd if number == 0 else {}),
            }
            for number in range(12)
        ]
    )


@pytest.mark.parametrize(
    ("odd", "signal"),
    [
        ({"too_short": 4}, False),
        ({"too_short": 25}, True),
        ({"too_many_that_day": 13}, False),
        ({"too_many_that_day": 60}, True),
    ],
)
def test_odd_times_are_compared_with_peers(odd, signal):
    empty = small_survey.wide(*(part[:0] for part in small_survey.world(teams=1, per_team=1, periods=["2024-H1"])))
    found = survey_fabrication.fabrication_signals(empty, times(**odd), QUESTIONS, THRESHOLDS).set_index("team")
    # A team without a name is its district.
    assert found["signal"]["WK0"] == signal
    assert found["signal"].drop("WK0").sum() == 0


def test_long_runs_and_hardly_any_variation():
    interviews, answers = small_survey.world(periods=["2024-H1"], open_answers=0, independent=0)
    rows = np.flatnonzero(interviews["team"] == "team 03")[:20]
    answers[rows, 1:] = np.random.default_rng(0).integers(1, 6, (20, 1))
    frames = small_survey.frames(interviews, answers)
    found = survey_fabrication.fabrication_signals(
        small_survey.wide(interviews, answers), frames["int_interviews__time"], QUESTIONS, THRESHOLDS
    ).set_index("team")
    assert (found.loc["team 03", ["long_string", "little_variation"]] < 0.01).all()
    assert found["signal"].drop("team 03").sum() == 0


def test_signals_are_counted_per_consortium_and_placed_in_a_district():
    other = TOM | {"target_group": "stakeholder"}
    signals = pd.DataFrame(
        [
            {**TOM, "team": "a", "district_code": "WK1", "interviews": 30.0, "signal": True},
            {**other, "team": "a", "district_code": "WK2", "interviews": 40.0, "signal": False},
            {**TOM, "team": "b", "district_code": "WK1", "interviews": 50.0, "signal": False},
        ]
    )  # fmt: skip
    surveys = signals[list(TOM)].drop_duplicates()
    found = survey_fabrication.fabrication_checks(signals, surveys)
    assert len(found) == 6
    client = found[found["target_group"] == "client"].set_index("district_code")
    assert client["value"].to_dict() == {"": 1, "WK1": 0, "WK2": 1}
    assert client["n"][""] == 2


# All together


def test_one_row_per_survey_team_group_district_and_half_year(tables):
    survey = tables[3]["survey"]
    assert not survey.duplicated(SURVEY_KEY).any()
    assert len(survey) == 2 * 2 * (6 + 3)
    assert set(survey.loc[survey["district_code"] != "GM0484", "team_group"]) == {"all"}
    whole = survey[(survey["team_group"] == "all") & (survey["district_code"] == "GM0484")]
    missing = whole.columns[whole.isna().any()].to_list()
    assert missing == []
    assert (whole["completed"] == 360).all()
    assert (whole["design_effect"] * whole["n_eff"]).to_numpy(float) == pytest.approx(360)


def test_the_verdict_is_the_worst_that_the_checks_allow(tables):
    interviews, answers, frames, result = tables
    survey = result["survey"].query("team_group == 'all' and district_code == 'GM0484'")
    assert set(survey["verdict"]) == {"reliable"}
    only_completed = frames["int_interviews__count"].assign(refused=0, not_contacted=0)
    only_completed["drawn"] = only_completed["completed"]
    spoilt = frames["delivered_rows"].assign(rows_refused=9, rows_unsound=9)
    wide = small_survey.wide(interviews[:0], answers[:0])
    frames = {**frames, "int_interviews__count": only_completed}
    capped = survey_tables(frames, wide, THRESHOLDS)["survey"]
    assert set(capped["verdict"]) <= {"indicative", "not_publishable"}
    assert set(capped.query("team_group == 'all'")["verdict"]) == {"indicative"}
    assert capped["response_rate_1"].isna().all()
    blocked = survey_tables({**frames, "delivered_rows": spoilt}, wide, THRESHOLDS)["survey"]
    assert set(blocked["verdict"]) == {"not_publishable"}


def test_the_order_of_rows_does_not_matter(tables):
    interviews, answers, frames, result = tables
    rng = np.random.default_rng(9)
    shuffled = {
        name: frame.sample(frac=1, random_state=5).reset_index(drop=True) if len(frame) else frame
        for name, frame in frames.items()
    }
    order = rng.permutation(len(interviews))
    again = survey_tables(
        shuffled, small_survey.wide(interviews.iloc[order].reset_index(drop=True), answers[order]), THRESHOLDS
    )
    for name, table in result.items():
        pd.testing.assert_frame_equal(table, again[name], check_exact=False, rtol=1e-9, atol=1e-12)


def test_no_interviewer_and_no_team_in_any_table(tables):
    names = {*tables[0]["interviewer_key"].dropna(), *tables[0]["team"]} - {""}
    for table in tables[3].values():
        text = table.select_dtypes(["object", "str"])
        assert not text.isin(names).any().any()


def test_nothing_delivered_gives_empty_tables(tables):
    frames = {name: tables[2][name].iloc[:0] if name != "questions" else QUESTIONS for name in FRAMES}
    wide = small_survey.wide(tables[0].iloc[:0], tables[1][:0])
    result = survey_tables(frames, wide, THRESHOLDS)
    for name, table in result.items():
        assert len(table) == 0
        assert list(table.columns) == list(tables[3][name].columns)


def test_answers_become_a_matrix():
    warehouse = duckdb.connect()
    warehouse.execute("create schema staging; create schema reference")
    warehouse.execute(
        "create table reference.questions as from (values ('b', 2), ('a', 1), ('c', 3)) t (question_code, position)"
    )
    warehouse.execute(
        """
        create table staging.stg_deliveries__interviews as from (values
            ('tom', '2024-H1', 'x', 'WK1', 'client', 'afgerond', null, 'north'),
            ('tom', '2024-H1', 'y', 'WK1', 'client', 'afgerond', 'x', 'north'),
            ('tom', '2024-H1', 'z', 'WK1', 'client', 'deels', null, 'north'),
            ('tom', '2024-H2', 'x', 'WK2', 'client', 'afgerond', null, null),
            ('go', '2024-H1', 'x', 'WK3', 'stakeholder', 'afgerond', null, 'south'))
        t (consortium_code, period, interview_key, district_code, target_group, outcome, recheck_of_key, team);
        create table staging.stg_deliveries__answers as from (values
            ('tom', '2024-H1', 'x', 'a', 8), ('tom', '2024-H1', 'x', 'b', 0), ('tom', '2024-H1', 'y', 'a', 7),
            ('tom', '2024-H1', 'z', 'a', 1), ('tom', '2024-H2', 'x', 'c', 5), ('go', '2024-H1', 'x', 'c', 3))
        t (consortium_code, period, interview_key, question_code, answer)
        """
    )
    wide = wide_answers(warehouse)
    assert wide.questions == ["a", "b", "c"]
    assert wide.answers.dtype == np.int8
    rows = {
        (*map(str, meta), *answers) for meta, answers in zip(wide.meta.to_numpy(), wide.answers.tolist(), strict=True)
    }
    assert rows == {
        ("tom", "client", "2024-H1", "WK1", "north", 8, 0, 0),
        ("tom", "client", "2024-H2", "WK2", "", 0, 0, 5),
        ("go", "stakeholder", "2024-H1", "WK3", "south", 0, 0, 3),
    }
    warehouse.execute("delete from staging.stg_deliveries__interviews")
    assert wide_answers(warehouse).answers.shape == (0, 3)
