"""Verdicts from sums: at, just under and just over every threshold, the ladder, lowered and judged again."""

from __future__ import annotations

from datetime import date
from itertools import count

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import optimize
from small_warehouse import DAY, DISTRICTS, GOOD, KEYS, MUNICIPALITY, THRESHOLDS, World, changed, verdict_of

from pipeline.reliability.assess import NO_CHECKS, NO_DATA
from pipeline.reliability.intervals import byar
from pipeline.reliability.precision import clopper_pearson, mean_interval

SHARE, MEAN, RATING = "tom_gehoord", "tom_tevredenheid_clienten", "tom_zrm_verbeterd"
RATE, COUNT = "boost_toeleiding_schuldhulp", "go_ambulant_aanbod"
HERE, NEXT, FAR = DISTRICTS[:3]
TWENTY = [20] * 20  # 400 answers, twenty per interviewer
GRADES = {"reliable", "indicative", "not_publishable"}


def by_step(table, column, *cell):
    """A column of one figure, by the step of its ladder."""
    of = (table[KEYS[:3]] == list(cell)).all(axis=1)
    return table[of].set_index("pooled_over")[column].to_dict()


class Cases:
    """Cells that differ from a reliable one in one thing, each in a half-year of its own."""

    def __init__(self) -> None:
        self.world, self.expected = World(), {}
        self._years = count(2015)

    def period(self) -> str:
        return f"{next(self._years)}-H1"

    def share(self, name, verdict, *, numerator=360, sizes=TWENTY, rho=0.01, unanswered=0, at_the_end=0, **checks):
        period = self.period()
        self.world.survey(period, rho, **checks)
        self.world.asked(SHARE, HERE, period, numerator, sizes, unanswered=unanswered, at_the_end=at_the_end)
        self.expected[(SHARE, HERE, period, "")] = (name, verdict)

    def mean(self, name, verdict, rho):
        period = self.period()
        self.world.survey(period, rho)
        self.world.asked(MEAN, HERE, period, 2400, TWENTY, sum_of_squares=SQUARES)
        self.expected[(MEAN, HERE, period, "")] = (name, verdict)

    def rating(self, name, verdict, **row):
        period = self.period()
        self.world.cell(RATING, HERE, period, 400, 360)
        self.world.delivered("tom", period, "clienten", 1000, 0)
        if row:
            self.world.rated(RATING, HERE, period, **row)
        self.expected[(RATING, HERE, period, "")] = (name, verdict)

    def rate(self, name, verdict, numerator, residents=9000):
        period = self.period()
        self.world.cell(RATE, HERE, period, residents, numerator)
        self.expected[(RATE, HERE, period, "")] = (name, verdict)

    def delivery(self, name, verdict, unsound):
        period = self.period()
        self.world.cell(RATING, HERE, period, 400, 360)
        self.world.delivered("tom", period, "clienten", 4000, 0)
        self.world.delivered("tom", period, "zelfredzaamheid", 6000, unsound)
        self.expected[(RATING, HERE, period, "")] = (name, verdict)


SQUARES = 2400**2 // 400 + 9 * 399  # a variance of 9 on the scale from 1 to 10


def rho_for_width(share, width):
    """The interviewer effect that gives 400 answers, twenty per interviewer, an exact interval this wide."""

    def distance(rho):
        n = 400 / (1 + 19 * rho)
        low, high = clopper_pearson(share * n, n, 0.95)
        return float(high - low) - width

    return optimize.brentq(distance, 0, 1, xtol=1e-14)


def rho_for_half_width(half):
    def distance(rho):
        low, high = mean_interval(400, 2400, SQUARES, 0.95, design_effect=1 + 19 * rho)
        return float(high - low) / 2 - half

    return optimize.brentq(distance, 0, 1, xtol=1e-14)


def rate_around(width):
    """The last count whose interval is too wide, and the first whose interval is not."""
    counts = np.arange(1, 400)
    low, high = byar(counts, 9000, 1, 0.95)
    fits = (high - low) * 9000 / counts <= width
    return int(counts[fits][0]) - 1, int(counts[fits][0])


def constructed():
    cases = Cases()
    cases.share("nothing against it", "reliable")
    # effective number: one interviewer took two, and answers to one interviewer are this much alike
    pair = [2, *[1] * 59]
    cases.share("n_eff 60", "reliable", numerator=60, sizes=[1] * 60)
    cases.share("n_eff 59.9", "indicative", numerator=61, sizes=pair, rho=(61 / 59.9 - 1) / (2 / 61))
    cases.share("n_eff 30", "indicative", numerator=30, sizes=[1] * 30)
    cases.share("n_eff 29.9", "not_publishable", numerator=31, sizes=pair[:30], rho=(31 / 29.9 - 1) / (2 / 31))
    # width of a share of .7, and of small ones
    for width, verdict in (
        (0.2 - 1e-6, "reliable"),
        (0.2, "reliable"),
        (0.2 + 1e-6, "indicative"),
        (0.3 - 1e-6, "indicative"),
        (0.3, "not_publishable"),
        (0.3 + 1e-6, "not_publishable"),
    ):
        cases.share(f"width {width}", verdict, numerator=280, rho=rho_for_width(0.7, width))
    for width, verdict in ((0.065 - 1e-6, "reliable"), (0.065, "reliable"), (0.065 + 1e-6, "not_publishable")):
        cases.share(f"width {width} of .05", verdict, numerator=20, rho=rho_for_width(0.05, width))
    for width, verdict in ((0.05 - 1e-6, "reliable"), (0.05, "reliable"), (0.05 + 1e-6, "not_publishable")):
        cases.share(f"width {width} of .01", verdict, numerator=4, rho=rho_for_width(0.01, width))
    cases.share("nobody of 60", "not_publishable", numerator=0, sizes=[1] * 60)
    cases.share("nobody of 400", "reliable", numerator=0, sizes=[1] * 400)
    # half-width of a mean on 1 to 10: .20 and .40 of a scale from 1 to 5
    for half, verdict in (
        (0.45 - 1e-6, "reliable"),
        (0.45, "reliable"),
        (0.45 + 1e-6, "indicative"),
        (0.9 - 1e-6, "indicative"),
        (0.9, "indicative"),
        (0.9 + 1e-6, "not_publishable"),
    ):
        cases.mean(f"half-width {half}", verdict, rho_for_half_width(half))
    # answers missing
    for answered, verdict in ((381, "reliable"), (380, "indicative"), (320, "indicative"), (319, "not_publishable")):
        sizes = [answered - 380, *[20] * 19] if answered > 380 else [answered // 20] * 19
        sizes = [*sizes, answered - sum(sizes)]
        cases.share(f"{answered} of 400 answered", verdict, numerator=answered, sizes=sizes, unanswered=400 - answered)
    # interviewers
    cases.share("1 interviewer", "indicative", sizes=[400])
    cases.share("2 interviewers", "reliable", sizes=[200, 200])
    cases.share("8 interviewers", "reliable", sizes=[50] * 8)
    cases.share("9 interviewers", "reliable", sizes=[45] * 8 + [40])
    cases.share("nobody knows who interviewed", "indicative", sizes={None: 400})
    # the survey
    cases.share("no outcomes", "indicative", dispositions_complete={"value": 0})
    for part, number, verdict in (
        (0.1, 20, "reliable"),
        (0.0999, 20, "indicative"),
        (0.1, 19, "indicative"),
        (0.1001, 21, "reliable"),
    ):
        cases.share(f"independent {part} {number}", verdict, independent_part={"value": part, "second_value": number})
    for bound, pairs, verdict in (
        (0.8001, 20, "reliable"),
        (0.8, 20, "reliable"),
        (0.7999, 20, "indicative"),
        (0.667, 20, "indicative"),
        (0.6669, 20, "not_publishable"),
        (0.9, 19, "indicative"),
        (0.1, 19, "indicative"),
    ):
        row = {"value": 0.95, "ci_low": bound, "n": pairs}
        cases.share(f"back-checks {bound} of {pairs}", verdict, backcheck_agreement=row)
    for part, verdict in (
        (0, "reliable"),
        (0.0001, "indicative"),
        (0.02, "indicative"),
        (0.0201, "not_publishable"),
    ):
        cases.share(f"faults {part}", verdict, delivery_integrity={"value": part})
    for missing in ("dispositions_complete", "independent_part", "backcheck_agreement"):
        cases.share(f"no row of {missing}", "indicative", **{missing: None})
    # what never lowers
    cases.share("alpha", "reliable", scale_consistency={"value": 0.1, "second_value": -0.5})
    cases.share("uneven response", "reliable", response_propensity={"value": 0.9})
    cases.share("signals", "reliable", fabrication_signal={"value": 5})
    cases.share("interviewer effect", "reliable", interviewer_effect={"value": 0.4})
    cases.share("sources", "reliable", own_against_independent={"value": 0.5, "ci_low": 0.4, "ci_high": 0.6})
    cases.share("ceiling", "reliable", at_the_end=390)
    # ratings
    for kappa, ac2, pairs, verdict in (
        (0.7, 0.7, 50, "reliable"),
        (0.6999, 0.7, 50, "indicative"),
        (0.7, 0.6999, 50, "indicative"),
        (0.5, 0.4999, 50, "indicative"),
        (0.4999, 0.5, 50, "indicative"),
        (0.4999, 0.4999, 50, "not_publishable"),
        (0.9, 0.9, 49, "indicative"),
        (0.4999, 0.4999, 49, "not_publishable"),
        (None, None, 0, "indicative"),
    ):
        cases.rating(f"raters {kappa} {ac2} {pairs}", verdict, value=kappa, second_value=ac2, n=pairs)
    # deliveries: of ten thousand rows
    for unsound, verdict in ((0, "reliable"), (1, "indicative"), (200, "indicative"), (201, "not_publishable")):
        cases.delivery(f"{unsound} unsound rows", verdict, unsound)
    # rates
    for limit, worse, better in ((0.65, "indicative", "reliable"), (1.6, "not_publishable", "indicative")):
        short, enough = rate_around(limit)
        cases.rate(f"{short} referrals", worse, short)
        cases.rate(f"{enough} referrals", better, enough)
    cases.rate("no referrals", "not_publishable", 0)
    cases.rate("10 residents", "reliable", 200, residents=10)
    cases.rate("9 residents", "not_publishable", 200, residents=9)
    return cases


@pytest.fixture(scope="module")
def cases():
    found = constructed()
    found.assessment = found.world.assess()
    return found


def test_a_verdict_at_just_under_and_just_over_every_threshold(cases):
    found = verdict_of(cases.assessment)
    assert {name: found[key] for key, (name, _) in cases.expected.items()} == dict(cases.expected.values())
    assert len(cases.expected) == len({name for name, _ in cases.expected.values()}) > 70


def test_a_check_and_its_cell_stand_once_and_every_cell_has_a_verdict(cases):
    key = ["consortium_code", *KEYS]
    assert not cases.assessment.check.duplicated([*key, "check_code"]).any()
    for table in (cases.assessment.verdict, cases.assessment.cell_interval):
        assert not table.duplicated(key).any()
        assert set(cases.expected) <= set(table[KEYS].itertuples(index=False, name=None))
    assert set(cases.assessment.verdict["verdict"]) <= GRADES
    assert cases.assessment.verdict["reason_nl"].str.len().min() > 10
    assert cases.assessment.verdict["threshold_version"].nunique() == 1


def test_n_eff_is_reckoned_from_interviewers_and_told_by_the_check(cases):
    by_name = {name: key for key, (name, _) in cases.expected.items()}
    intervals = cases.assessment.cell_interval.set_index(KEYS)
    assert intervals.loc[by_name["n_eff 60"], "n_eff"] == 60
    assert intervals.loc[by_name["n_eff 59.9"], "n_eff"] == pytest.approx(59.9)
    # 1 + (20 - 1) x .01
    assert intervals.loc[by_name["nothing against it"], "design_effect"] == pytest.approx(1.19)
    checks = cases.assessment.check.set_index([*KEYS, "check_code"])
    told = checks.loc[(*by_name["n_eff 59.9"], "effective_n")]
    assert told["value"] == told["n_eff"] == pytest.approx(59.9)
    assert (told["n"], told["threshold_reliable"], told["threshold_indicative"]) == (61, 60, 30)


def ladder():
    """Small cells of two consortia, over two half-years and four districts; everybody interviews alone."""
    world = World()
    now, before = "2024-H1", "2023-H2"
    world.neighbours = [(HERE, NEXT)]
    for period in (before, now):
        world.survey(period)
        world.survey(period, consortium="go")
        for consortium, codes in (("tom", (SHARE, MEAN)), ("go", ("go_tevredenheid_clienten",))):
            for code in codes:
                parts = {HERE: 12, NEXT: 12, FAR: 40} if consortium == "tom" else {FAR: 500}
                if consortium == "tom" and period == before:
                    parts = {HERE: 12, FAR: 14}
                total = 0
                for district, n in parts.items():
                    names = {f"{consortium} {district} {number}": 1 for number in range(n)}
                    squares = {} if code == SHARE else {"sum_of_squares": 64 * n + n}
                    world.asked(code, district, period, n if code == SHARE else 8 * n, names, **squares)
                    total += n
                squares = {} if code == SHARE else {"sum_of_squares": 65 * total}
                world.cell(code, MUNICIPALITY, period, total, total if code == SHARE else 8 * total, **squares)
    return world


@pytest.fixture(scope="module")
def steps():
    return ladder().assess()


def test_a_ladder_ends_at_the_first_step_that_may_be_shown(steps):
    found = steps
    # 12; with the half-year before 24; with the next district 24; all 64
    assert by_step(found.verdict, "verdict", SHARE, HERE, "2024-H1") == {
        "": "not_publishable",
        "two_half_years": "not_publishable",
        "neighbouring_districts": "not_publishable",
        "consortium": "reliable",
    }
    assert by_step(found.pooled_cell, "n", SHARE, HERE, "2024-H1") == {
        "two_half_years": 24,
        "neighbouring_districts": 24,
        "consortium": 64,
    }
    # of the half-year before all districts together are 26: the other consortium asks another question
    assert by_step(found.pooled_cell, "n", SHARE, HERE, "2023-H2") == {"consortium": 26}
    # the mark is asked by both, so the municipality is a step for it
    assert by_step(found.pooled_cell, "n", MEAN, HERE, "2023-H2") == {"consortium": 26, "municipality": 526}
    # an own figure that may be shown has no ladder
    assert by_step(found.pooled_cell, "n", SHARE, FAR, "2024-H1") == {}
    keys = [set(table[KEYS].itertuples(index=False, name=None)) for table in (found.pooled_cell, found.pooled_member)]
    assert keys[0] == keys[1] <= set(found.verdict[KEYS].itertuples(index=False, name=None))


@pytest.fixture(scope="module")
def worlds():
    """Several small worlds in one, each in half-years of its own."""
    world = World()
    world.neighbours = [(HERE, NEXT)]
    # interviewers who work in two districts and half-years
    for period in ("2015-H2", "2016-H1"):
        world.survey(period, rho=0.1)
    world.asked(SHARE, HERE, "2015-H2", 10, {"a": 10})
    world.asked(SHARE, HERE, "2016-H1", 12, {"a": 8, None: 4})
    world.asked(SHARE, NEXT, "2016-H1", 10, {"a": 5, "b": 5})
    # a half-year that came as counts, beside one with interviews
    for period in ("2017-H1", "2017-H2"):
        world.survey(period, rho=0.1)
    world.cell(SHARE, HERE, "2017-H1", 15, 15)
    world.asked(SHARE, HERE, "2017-H2", 10, {"a": 10})
    # counts only
    world.survey("2018-H2", rho=None, **dict.fromkeys(GOOD))
    world.cell(SHARE, HERE, "2018-H2", 400, 360)
    # nobody
    world.cell(SHARE, HERE, "2019-H2", 0, 0)
    world.cell(RATING, HERE, "2019-H2", 0, 0)
    world.rated(RATING, HERE, "2019-H2", value=0.9, second_value=0.9, n=60)
    world.cell(COUNT, HERE, "2019-H2", 0, 0)
    world.cell(COUNT, NEXT, "2019-H2", 3, 3)
    world.delivered("go", "2019-H2", "aanbod", 100, 3)
    # a half-year and a consortium that back-checks refuted
    bad = {"backcheck_agreement": {"value": 0.5, "ci_low": 0.3, "n": 60}}
    world.survey("2020-H2", **bad)
    world.survey("2021-H1")
    world.survey("2021-H1", consortium="go", **bad)
    for period in ("2020-H2", "2021-H1"):
        world.asked(SHARE, HERE, period, 28, [1] * 29)
    for district in (HERE, MUNICIPALITY):
        world.asked(MEAN, district, "2021-H1", 8 * 29, [1] * 29, sum_of_squares=65 * 29)
    world.asked("go_tevredenheid_clienten", MUNICIPALITY, "2021-H1", 8 * 900, [9] * 100, sum_of_squares=65 * 900)
    # raters who do not agree, and a delivery with many unsound rows before a sound one
    for district in (HERE, NEXT):
        world.cell(RATING, district, "2022-H2", 29, 29)
        world.rated(RATING, district, "2022-H2", value=0.1, second_value=0.1, n=80)
    for period, unsound in (("2022-H1", 90), ("2022-H2", 0)):
        world.cell("go_uitval", HERE, period, 25, 24)
        world.delivered("go", period, "dossiers", 1000, unsound)
    # clients of three districts
    world.survey("2024-H1")
    for district, clients, n in ((HERE, 100, 12), (NEXT, 60, 8), (FAR, 500, 5)):
        world.clients("tom", district, "2024-H1", clients)
        world.asked(SHARE, district, "2024-H1", n // 2, [1] * n)
    world.cell(SHARE, MUNICIPALITY, "2024-H1", 25, 12)
    # a figure in all half-years but one
    for year in range(2020, 2023):
        for half in (1, 2):
            world.cell(RATE, HERE, f"{year}-H{half}", 0 if (year, half) == (2020, 2) else 9000, 50)
    return world.assess()


def test_one_interviewer_in_two_districts_or_half_years_is_one_in_a_pool(worlds):
    checks = worlds.check[worlds.check["check_code"] == "interviewers"]
    assert by_step(checks, "value", SHARE, HERE, "2016-H1") == {"": 1, "two_half_years": 1, "neighbouring_districts": 2}
    # 1 + (sum of squares / n - 1) x .1; who answered alone adds 1 each
    assert by_step(worlds.cell_interval, "design_effect", SHARE, HERE, "2016-H1") == pytest.approx(
        {
            "": 1 + ((64 + 4) / 12 - 1) * 0.1,
            "two_half_years": 1 + ((18**2 + 4) / 22 - 1) * 0.1,
            "neighbouring_districts": 1 + ((13**2 + 5**2 + 4) / 22 - 1) * 0.1,
        }
    )


def test_answers_that_came_as_counts_stand_alone_in_a_pool(worlds):
    effect = worlds.cell_interval.set_index(KEYS)["design_effect"]
    assert effect[(SHARE, HERE, "2017-H2", "two_half_years")] == pytest.approx(1 + ((100 + 15) / 25 - 1) * 0.1)
    assert effect[(SHARE, HERE, "2017-H1", "")] == 1


def test_figures_delivered_as_counts_are_capped_and_have_no_checks_on_answers(worlds):
    assert by_step(worlds.verdict, "verdict", SHARE, HERE, "2018-H2") == {"": "indicative"}
    checks = worlds.check[worlds.check["period"] == "2018-H2"].set_index("check_code")
    assert not {"item_nonresponse", "floor_ceiling"} & set(checks.index)
    capping = checks.index[checks["counts_as"] == "indicative"]
    assert set(capping) == {"interviewers", "dispositions_complete", "independent_part", "backcheck_agreement"}


def test_without_data_or_as_a_count_a_cell_still_has_a_verdict(worlds):
    found = worlds.verdict[worlds.verdict["period"] == "2019-H2"].set_index(KEYS[:2])
    assert found.loc[(SHARE, HERE), ["verdict", "reason_nl"]].tolist() == ["not_publishable", NO_DATA]
    assert found.loc[(RATING, HERE), ["verdict", "reason_nl"]].tolist() == ["not_publishable", NO_DATA]
    assert found.loc[(COUNT, HERE), ["verdict", "reason_nl"]].tolist() == ["reliable", NO_CHECKS]
    # a count has no interval, but its delivery may be unsound
    assert found.loc[(COUNT, NEXT), ["verdict", "deciding"]].tolist() == ["not_publishable", "delivery_integrity"]


def test_what_a_pool_rests_on_counts_for_it_whatever_company_it_is_in(worlds):
    verdicts = worlds.verdict.set_index(KEYS)
    # the half-year before is not to be relied on, nor is the other consortium
    for key in ((SHARE, HERE, "2021-H1", "two_half_years"), (MEAN, HERE, "2021-H1", "municipality")):
        assert verdicts.loc[key, "verdict"] == "not_publishable"
        assert verdicts.loc[key, "deciding"] == "backcheck_agreement"
    bounds = worlds.check[worlds.check["check_code"] == "backcheck_agreement"]
    assert by_step(bounds, "ci_low", SHARE, HERE, "2021-H1") == {"": 0.9, "two_half_years": 0.3}


def test_a_pool_of_ratings_keeps_the_agreement_of_raters_and_one_of_deliveries_the_worst(worlds):
    verdicts = worlds.verdict.set_index(KEYS)
    assert verdicts.loc[(RATING, HERE, "2022-H2", "neighbouring_districts"), "deciding"] == "double_ratings"
    assert verdicts.loc[(RATING, HERE, "2022-H2", "neighbouring_districts"), "verdict"] == "not_publishable"
    assert verdicts.loc[("go_uitval", HERE, "2022-H2", "two_half_years"), "deciding"] == "delivery_integrity"


def test_pools_of_one_moment_are_part_of_their_clients(worlds):
    assert by_step(worlds.cell_interval, "n_eff", SHARE, HERE, "2024-H1") == pytest.approx(
        {"": 12 * 99 / 88, "neighbouring_districts": 20 * 159 / 140, "consortium": 25 * 659 / 635}
    )


def test_trend_points_count_half_years_with_a_figure(worlds):
    points = worlds.check[(worlds.check["check_code"] == "trend_points") & (worlds.check["indicator_code"] == RATE)]
    assert points.set_index("period")["value"].to_dict() == {
        "2020-H1": 1,
        "2021-H1": 2,
        "2021-H2": 3,
        "2022-H1": 4,
        "2022-H2": 5,
    }


def test_what_is_measured_of_the_question_or_the_district_goes_before_what_holds_for_all():
    world = World()
    world.survey("2024-H1", fabrication_signal={"value": 3})
    key = {"consortium_code": "tom", "target_group": "client", "period": "2024-H1"}
    one = {"value": 0.7, "ci_low": 0.69, "n": 30, "check_code": "backcheck_agreement"}
    world.survey_checks += [
        key | one | {"question_code": "gehoord", "district_code": ""},
        key | one | {"question_code": "eigen_regie", "district_code": "", "ci_low": 0.1},
        key | {"question_code": "", "district_code": HERE, "check_code": "fabrication_signal", "value": 0},
        key | {"question_code": "", "district_code": NEXT, "check_code": "fabrication_signal", "value": 1},
    ]
    for code in (SHARE, MEAN):
        for district in (HERE, NEXT, FAR):
            more = {"sum_of_squares": 65 * 400} if code == MEAN else {}
            world.asked(code, district, "2024-H1", 400 if code == SHARE else 3200, TWENTY, **more)
    checks = world.assess(seed=1).check.set_index(["indicator_code", "district_code", "check_code"])
    assert checks.loc[(SHARE, HERE, "backcheck_agreement"), "ci_low"] == 0.69
    assert checks.loc[(MEAN, HERE, "backcheck_agreement"), "ci_low"] == 0.9
    signals = [checks.loc[(SHARE, district, "fabrication_signal"), "value"] for district in (HERE, NEXT, FAR)]
    assert signals == [0, 1, 3]


def test_clients_narrow_an_interval_only_where_they_are_the_population():
    world = World()
    now, before = "2024-H1", "2023-H2"
    world.neighbours = [(HERE, NEXT)]
    stakeholders = "tom_tevredenheid_stakeholders"
    for period in (before, now):
        world.survey(period)
    world.survey(now, target="stakeholder")
    for district, clients, n in ((HERE, 40, 20), (NEXT, 35, 20), (FAR, 20, 21)):
        world.clients("tom", district, now, clients)
        world.clients("tom", district, before, clients)
        world.asked(SHARE, district, now, n - 8, [1] * n)
        world.asked(SHARE, district, before, n - 8, [1] * n)
    world.cell(SHARE, MUNICIPALITY, now, 61, 37)
    world.clusters(SHARE, MUNICIPALITY, now, [])
    world.asked(stakeholders, HERE, now, 160, [1] * 20, sum_of_squares=65 * 20)
    found = world.assess()
    n_eff = found.cell_interval.set_index(KEYS)["n_eff"]
    # n (N - 1)/(N - n)
    assert n_eff[(SHARE, HERE, now, "")] == pytest.approx(20 * 39 / 20)
    # more answers than clients, and half-years together, are no part of one known population
    assert n_eff[(SHARE, FAR, now, "")] == 21
    assert n_eff[(SHARE, FAR, now, "two_half_years")] == 42
    assert n_eff[(stakeholders, HERE, now, "")] == 20
    limited = found.interviews_needed.set_index(KEYS[:3])["limited_by_clients"]
    assert limited[(SHARE, FAR, now)] and not limited[(SHARE, HERE, now)]


def test_uneven_answers_cost_what_kish_says_and_cap_the_verdict_above_the_limit():
    world, effects = World(), {}
    parts = (
        ((500, 500), (400, 400), "reliable"),
        ((1000, 10), (400, 400), "reliable"),
        ((9000, 1000, 1000), (300, 340, 260), "indicative"),
    )
    for year, (clients, answers, verdict) in enumerate(parts, start=2020):
        period = f"{year}-H1"
        world.survey(period)
        for district, number, n in zip(DISTRICTS, clients, answers, strict=False):
            world.clients("tom", district, period, number)
            world.asked(SHARE, district, period, n, [20] * (n // 20))
        total = sum(answers)
        world.cell(SHARE, MUNICIPALITY, period, total, total)
        squares = sum(number**2 / n for number, n in zip(clients, answers, strict=True))
        effects[period] = (total * squares / sum(clients) ** 2, verdict)
    found = world.assess()
    checks = found.check.set_index(["district_code", "period", "check_code"])
    for period, (by_hand, verdict) in effects.items():
        row = checks.loc[(MUNICIPALITY, period, "weights_effect")]
        assert row["value"] == pytest.approx(by_hand)
        assert (by_hand > 2) == (verdict == "indicative") == (row["counts_as"] == "indicative")
        assert verdict_of(found)[(SHARE, MUNICIPALITY, period, "")] == verdict
        assert (HERE, period, "weights_effect") not in checks.index
    assert [effect for effect, _ in effects.values()] == pytest.approx([1, 1.9606, 2.1], abs=0.1)


def test_a_changed_threshold_judges_history_again_and_says_so_only_where_it_mattered():
    world = World()
    world.cell(COUNT, HERE, "2018-H1", 5, 5)
    world.cell(SHARE, FAR, "2018-H1", 0, 0)
    for period in ("2018-H1", "2022-H1"):
        world.survey(period)
        world.asked(SHARE, HERE, period, 80, [1] * 80)
        world.asked(SHARE, NEXT, period, 180, [1] * 200)
    seed = changed("reliable_effective_n", 100, "2021-01-01", "2020-12-31")
    # on a day before the change the old one holds
    then, now = world.assess(seed, day=date(2020, 6, 1)), world.assess(seed)
    verdicts = now.verdict[now.verdict["pooled_over"] == ""].set_index(KEYS[:3])
    assert verdicts["verdict"].to_dict() == {
        (COUNT, HERE, "2018-H1"): "reliable",
        (SHARE, FAR, "2018-H1"): "not_publishable",
        (SHARE, HERE, "2018-H1"): "indicative",
        (SHARE, NEXT, "2018-H1"): "reliable",
        (SHARE, HERE, "2022-H1"): "indicative",
        (SHARE, NEXT, "2022-H1"): "reliable",
    }
    said = verdicts.index[verdicts["reason_nl"].str.contains("Onder de drempels van")]
    assert said.tolist() == [(SHARE, HERE, "2018-H1")]
    assert verdicts.loc[said[0], "reason_nl"].endswith("Onder de drempels van 30-06-2018 was dit betrouwbaar.")
    assert set(now.verdict["threshold_version"]).isdisjoint(then.verdict["threshold_version"])
    assert not then.verdict["reason_nl"].str.contains("Onder de drempels van").any()
    assert {verdict_of(then)[(SHARE, HERE, period, "")] for period in ("2018-H1", "2022-H1")} == {"reliable"}


def test_another_confidence_is_a_changed_threshold_too():
    world = World()
    world.survey("2018-H1")
    # of 80 answers: at 95 % 20.7 points wide
    world.asked(SHARE, HERE, "2018-H1", 56, [1] * 80)
    found = world.assess(changed("confidence_level", 0.9, "2021-01-01", "2020-12-31")).verdict
    assert found["verdict"].tolist() == ["reliable"]
    assert found["reason_nl"].str.endswith("Onder de drempels van 30-06-2018 was dit indicatief.").all()


def test_half_years_from_before_a_threshold_have_no_earlier_verdict():
    world = World()
    world.survey("2018-H1")
    world.asked(SHARE, HERE, "2018-H1", 80, [1] * 80)
    seed = THRESHOLDS.copy()
    seed.loc[seed["threshold_code"] == "reliable_effective_n", ["value", "valid_from"]] = [100, "2021-01-01"]
    found = world.assess(seed).verdict
    assert found["verdict"].tolist() == ["indicative"]
    assert not found["reason_nl"].str.contains("Onder de drempels").any()


def test_the_usual_interviewer_effect_is_that_of_the_day_of_judging():
    world = World()
    world.survey("2024-H1", rho=None)
    world.asked(SHARE, HERE, "2024-H1", 380, TWENTY)
    seed = changed("usual_interviewer_effect", 0.06, "2030-01-01", "2029-12-31")
    assert world.assess(seed).cell_interval["design_effect"].tolist() == pytest.approx([1 + 19 * 0.03])
    assert world.assess(seed, day=date(2030, 1, 1)).cell_interval["design_effect"].tolist() == pytest.approx(
        [1 + 19 * 0.06]
    )


def test_a_lowering_reaches_what_is_pooled_and_never_raises(steps):
    signed, now = ("A. Name", date(2026, 1, 1), date(2026, 12, 31)), "2024-H1"
    lowerings = [
        (SHARE, HERE, now, "not_publishable", "reason", *signed),
        # a publishable figure that somebody takes back is offered a ladder, which is taken back too
        (SHARE, FAR, "", "not_publishable", "reason", *signed),
        # neither can raise
        (MEAN, HERE, "", "reliable", "reason", *signed),
        (SHARE, NEXT, "", "indicative", "reason", *signed),
    ]
    lowered = ladder().assess(lowerings=lowerings)
    plain, found = verdict_of(steps), verdict_of(lowered)
    names = ("", "two_half_years", "neighbouring_districts", "consortium")
    assert {found[(SHARE, HERE, now, name)] for name in names} == {"not_publishable"}
    assert plain[(SHARE, HERE, now, "consortium")] == "reliable"
    far = lowered.verdict[(lowered.verdict["indicator_code"] == SHARE) & (lowered.verdict["district_code"] == FAR)]
    assert len(far[far["period"] == now]) > 1 and set(far["verdict"]) == {"not_publishable"}
    lower = far[far["deciding"] == "lowered"]
    told = set(lower[["period", "pooled_over"]].itertuples(index=False, name=None))
    assert {(now, ""), (now, "consortium")} <= told
    assert lower["reason_nl"].str.startswith("Verlaagd door A. Name op 01-01-2026: reason.").all()
    order = ["reliable", "indicative", "not_publishable"]
    assert all(order.index(found[key]) >= order.index(verdict) for key, verdict in plain.items())
    touched = {(SHARE, HERE, now), (SHARE, FAR, now), (SHARE, FAR, "2023-H2")}
    others = {key: verdict for key, verdict in plain.items() if key[:3] not in touched and key[:2] != (SHARE, NEXT)}
    assert {key: found[key] for key in others} == others
    # the only thing that the third and fourth could do is make a reliable pooled figure indicative
    assert {found[(SHARE, NEXT, now, "")], found[(MEAN, HERE, now, "")]} == {"not_publishable"}
    assert (plain[(SHARE, NEXT, now, "consortium")], found[(SHARE, NEXT, now, "consortium")]) == (
        "reliable",
        "indicative",
    )


@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_rows_does_not_matter(steps, seed):
    first, second = steps, ladder().assess(seed=seed)
    for name in ("cell_interval", "pooled_cell", "pooled_member", "check", "verdict", "interviews_needed"):
        tables = [getattr(found, name) for found in (first, second)]
        by = [column for column in tables[0] if tables[0][column].dtype.kind not in "fbi"]
        plain = [table.sort_values(by, ignore_index=True) for table in tables]
        pd.testing.assert_frame_equal(*plain)


def test_nothing_delivered_gives_empty_tables():
    found = World().assess(day=DAY)
    for table in vars(found).values():
        assert table.empty
