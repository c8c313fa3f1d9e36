"""What happens to people in the simulated municipality: is it believable, and is it the same each time?"""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from simulation_judge import seed_column

from pipeline.periods import HalfYear, between
from pipeline.simulation import World, read_district_sizes
from pipeline.simulation.boost import REFERRED_TO
from pipeline.simulation.go import CARE_FORMS
from pipeline.simulation.narratives import STORIES
from pipeline.simulation.surveys import QUESTIONS
from pipeline.simulation.tom import LIFE_DOMAINS

History = dict[tuple[str, str], pd.DataFrame]

RESIDENTIAL = seed_column("care_forms", "care_form_code", is_residential="true")
AMBULATORY = seed_column("care_forms", "care_form_code", is_ambulatory="true")


def frames(world: World, consortium: str) -> dict[str, pd.DataFrame]:
    return {name: pd.DataFrame(table) for name, table in world.tables(consortium).items()}


# Size


def test_tom_serves_as_many_people_as_the_districts_make_expect(history: History) -> None:
    clients = history["tom", "clienten"]
    clients = clients[clients["period"] >= "2021-H1"]
    per_half_year = clients.groupby("period").size()
    assert per_half_year.between(2500, 3500).all()
    population = pd.Series({size.district_code: size.population for size in read_district_sizes()})
    rate = 1000 * clients.groupby("wijkcode").size() / clients["period"].nunique() / population
    assert rate[population > 3000].between(18, 42).all()
    # Koudekerk is the oldest of the larger districts, Kerk en Zanen the youngest.
    assert rate["WK048496"] > 1.3 * rate["WK048408"]


def test_go_helps_as_many_young_people_as_were_counted(history: History) -> None:
    clients = history["go", "clienten"]
    per_year = clients[clients["period"] < "2026-H1"].groupby(clients["period"].str[:4])["client_id"].nunique()
    assert per_year.loc["2021":].between(3680 * 0.92, 3680 * 1.08).all()
    assert set(clients["leeftijdsgroep"]) <= {"0-17", "18-44"}
    assert 0.8 < (clients["leeftijdsgroep"] == "0-17").mean() < 0.9


@pytest.mark.parametrize("scale", [0.1, 3.0])
def test_sizes_follow_the_scale_factor(history: History, scale: float) -> None:
    world = World(seed=1, scale=scale)
    world.advance_to(HalfYear(2018, 2))
    for consortium, name, column in (
        ("tom", "clienten", None),
        ("tom", "zelfredzaamheid", None),
        ("go", "trajecten", None),
        ("go", "gesprekken", None),
        ("boost", "bezoek", "bezoeken"),
        ("boost", "toeleiding", "aantal"),
    ):
        full = history[consortium, name]
        full = full[full["period"] == "2018-H2"]
        here = frames(world, consortium)[name]
        ratio = here[column].sum() / full[column].sum() if column else len(here) / len(full)
        assert ratio == pytest.approx(scale, rel=0.2), (consortium, name)


# Clients and files


def test_clients_stay_enter_and_leave(history: History) -> None:
    for consortium in ("tom", "go"):
        clients = history[consortium, "clienten"]
        assert not clients.duplicated(["period", "client_id"]).any()
        sets = clients.groupby("period")["client_id"].agg(set)
        for before, after in pairwise(sets):
            assert 0.5 < len(before & after) / len(before) < 0.95
            assert 0.05 < len(after - before) / len(after) < 0.5
        gone = clients[clients["uit_zorg_op"].notna()]
        ends = pd.to_datetime(gone["period"].map(lambda name: HalfYear.parse(name).ends_on))
        starts = pd.to_datetime(gone["period"].map(lambda name: HalfYear.parse(name).starts_on))
        assert ((gone["uit_zorg_op"] <= ends) & (gone["uit_zorg_op"] >= starts)).all()
        assert (gone["uit_zorg_op"] > gone["in_zorg_sinds"]).all()
        # Files are closed on the last day of a half-year more often than on other days.
        assert (gone["uit_zorg_op"] == ends).mean() > 0.02


def test_about_three_in_a_hundred_clients_move_in_a_year(history: History) -> None:
    clients = history["tom", "clienten"].sort_values("period")
    before = clients.groupby("client_id")["wijkcode"].shift()
    known = before.notna()
    moved = (clients["wijkcode"] != before) & known
    assert 0.02 < 2 * moved.sum() / known.sum() < 0.04


def test_reopened_files_name_an_earlier_file_of_the_same_client(history: History) -> None:
    files = history["tom", "dossiers"].drop_duplicates("dossier_id", keep="last").set_index("dossier_id")
    reopened = files[files["vorig_dossier_id"].isin(files.index)]
    previous = files.loc[reopened["vorig_dossier_id"]]
    assert len(reopened) > 200
    assert (previous["client_id"].to_numpy() == reopened["client_id"].to_numpy()).all()
    assert (previous["gesloten_op"].to_numpy() < reopened["geopend_op"].to_numpy()).all()
    assert not (previous["reden_sluiting"] == "02").any()
    # Some come back twice: the file before theirs was itself a reopened one.
    assert (previous["vorig_dossier_id"] != "").sum() > 10
    assert reopened["vorig_dossier_id"].is_unique


def test_a_file_is_closed_only_by_its_closing_date(history: History) -> None:
    for consortium in ("tom", "go"):
        files = history[consortium, "dossiers"]
        assert ((files["reden_sluiting"] != "") == files["gesloten_op"].notna()).all()
        last = files.groupby("dossier_id")["period"].transform("max")
        seen = files.groupby("dossier_id")["period"].agg(["min", "max", "nunique"])
        index = {str(period): number for number, period in enumerate(between(HalfYear(2018, 1), HalfYear(2026, 1)))}
        skipped = seen["max"].map(index) - seen["min"].map(index) + 1 - seen["nunique"]
        # Some running files are left out of a delivery and come back in the next.
        assert skipped.sum() > 20
        closed = files[files["gesloten_op"].notna()]
        assert (closed["period"] == last[closed.index]).all()


def test_every_row_is_about_a_client_of_the_same_delivery(history: History) -> None:
    for consortium, names in (
        ("tom", ("dossiers", "zelfredzaamheid", "participatie")),
        ("go", ("dossiers", "trajecten", "doelen")),
    ):
        clients = set(map(tuple, history[consortium, "clienten"][["period", "client_id"]].to_numpy()))
        for name in names:
            assert set(map(tuple, history[consortium, name][["period", "client_id"]].to_numpy())) <= clients


# Ratings


def test_the_editions_of_the_matrix_change_in_one_half_year(history: History) -> None:
    ratings = history["tom", "zelfredzaamheid"]
    editions = ratings.groupby("period")["zrm_versie"].agg(set)
    assert (editions[:"2021-H1"].map(lambda found: found == {"2013"})).all()
    assert editions["2021-H2"] == {"2013", "2017"}
    assert (editions["2022-H1":].map(lambda found: found == {"2017"})).all()
    for version, codes in ratings.groupby("zrm_versie")["domein"].agg(set).items():
        assert codes == seed_column("life_domains", "life_domain_code", zrm_version=version)


def test_the_switch_is_a_parameter() -> None:
    world = World(seed=1, scale=0.1, zrm_switch=HalfYear(2017, 2))
    world.advance_to(HalfYear(2017, 2))
    assert set(world.tables("tom")["zelfredzaamheid"]["zrm_versie"]) == {"2013", "2017"}
    world.advance()
    assert set(world.tables("tom")["zelfredzaamheid"]["zrm_versie"]) == {"2017"}


def test_clients_are_rated_about_twice_a_year_on_some_domains(history: History) -> None:
    ratings = history["tom", "zelfredzaamheid"]
    ratings = ratings[~ratings["tweede_beoordeling"] & (ratings["zrm_versie"] == "2017")]
    moments = ratings.groupby(["period", "client_id", "meetdatum"]).size()
    clients = history["tom", "clienten"].groupby("period").size()
    per_client = moments.groupby("period").size()["2022-H1":] / clients["2022-H1":]
    assert per_client.between(0.8, 1.2).all()
    assert moments.mean() < 8
    assert moments.min() >= 1
    assert (moments <= 2).mean() > 0.1
    care = ratings.merge(history["tom", "clienten"], on=["period", "client_id"])
    assert (care["meetdatum"] >= care["in_zorg_sinds"]).all()
    assert (care["uit_zorg_op"].isna() | (care["meetdatum"] <= care["uit_zorg_op"])).all()


def pairs(ratings: pd.DataFrame) -> pd.DataFrame:
    """First and last rating of each client and domain within one edition, at least 30 days apart."""
    ratings = ratings[~ratings["tweede_beoordeling"]].sort_values("meetdatum")
    groups = ratings.groupby(["client_id", "zrm_versie", "domein"])[["meetdatum", "score", "doelscore", "period"]]
    both = groups.first().add_suffix("_first").join(groups.last().add_suffix("_last"))
    return both[(both["meetdatum_last"] - both["meetdatum_first"]).dt.days >= 30]


def test_people_improve_slowly_and_some_get_worse(history: History) -> None:
    both = pairs(history["tom", "zelfredzaamheid"])
    change = both["score_last"] - both["score_first"]
    assert 0.25 < (change > 0).mean() < 0.5
    assert 0.10 < (change < 0).mean() < 0.25
    assert 0.05 < change.mean() < 0.5
    # Who starts low improves more: regression to the mean.
    low, high = change[both["score_first"] <= 2].mean(), change[both["score_first"] >= 4].mean()
    assert low > 0.3
    assert high < 0
    goals = both[both["doelscore_first"] > 0]
    assert 0.3 < len(goals) / len(both) < 0.8
    assert 0.35 < (goals["score_last"] >= goals["doelscore_first"]).mean() < 0.7


def test_second_ratings_agree_well_but_not_always(history: History) -> None:
    ratings = history["tom", "zelfredzaamheid"]
    second = ratings[ratings["tweede_beoordeling"]]
    assert 0.06 < len(second) / len(ratings) < 0.1
    assert (second["doelscore"] == -1).all()
    both = second.merge(
        ratings[~ratings["tweede_beoordeling"]],
        on=["period", "client_id", "domein", "zrm_versie"],
        suffixes=("", "_main"),
    )
    both = both[(both["meetdatum"] - both["meetdatum_main"]).dt.days.between(0, 6)]
    assert (both["beoordelaar_id"] != both["beoordelaar_id_main"]).all()
    # Quadratic weighted kappa.
    x, y = both["score"].astype(float), both["score_main"].astype(float)
    kappa = 1 - ((x - y) ** 2).mean() / (x.var(ddof=0) + y.var(ddof=0) + (x.mean() - y.mean()) ** 2)
    assert 0.7 < kappa < 0.9


def test_now_and_then_a_client_is_rated_twice_on_one_day(history: History) -> None:
    ratings = history["tom", "zelfredzaamheid"]
    ratings = ratings[~ratings["tweede_beoordeling"]]
    per_day = ratings.groupby(["client_id", "meetdatum"])["beoordelaar_id"].nunique()
    assert 0.001 < (per_day == 2).mean() < 0.02
    assert per_day.max() == 2


def test_the_ladder_is_climbed_slowly(history: History) -> None:
    ladder = history["tom", "participatie"]
    assert set(ladder["trede"]) == {1, 2, 3, 4, 5, 6}
    ladder = ladder[~ladder["tweede_beoordeling"]].sort_values("meetdatum")
    groups = ladder.groupby("client_id")["trede"]
    change = (groups.last() - groups.first())[groups.size() > 1]
    assert change.mean() > 0.05
    assert (change < 0).mean() > 0.05


# Youth help


def test_residence_gives_way_to_help_at_home(history: History) -> None:
    trajectories = history["go", "trajecten"]
    running = trajectories[trajectories["geeindigd_op"].isna()]

    def share(rows: pd.DataFrame, forms: set[str], periods: list[str]) -> float:
        rows = rows[rows["period"].isin(periods)]
        return rows[rows["vorm"].isin(forms)].groupby("period")["client_id"].nunique().sum() / (
            rows.groupby("period")["client_id"].nunique().sum()
        )

    early, late = ["2018-H1", "2018-H2", "2019-H1"], ["2025-H1", "2025-H2", "2026-H1"]
    assert 0.06 < share(running, RESIDENTIAL, early) < 0.11
    assert share(running, RESIDENTIAL, late) < share(running, RESIDENTIAL, early) - 0.01
    assert share(trajectories, AMBULATORY, late) > share(trajectories, AMBULATORY, early) + 0.04
    placed = running[running["uithuisplaatsing"]]
    assert set(placed["vorm"]) <= RESIDENTIAL
    assert 0.5 < len(placed) / running["vorm"].isin(RESIDENTIAL).sum() < 0.9
    offers = history["go", "aanbod"]
    offers = offers[offers["gestopt_op"].isna()].groupby("period").size()
    assert offers["2026-H1"] > 1.4 * offers["2018-H1"]


def test_trajectories_and_goals_keep_their_identity(history: History) -> None:
    trajectories = history["go", "trajecten"]
    assert not trajectories.duplicated(["period", "traject_id"]).any()
    for column in ("client_id", "vorm", "gestart_op", "uithuisplaatsing"):
        assert (trajectories.groupby("traject_id")[column].nunique() == 1).all()
    goals = history["go", "doelen"]
    assert ((goals["resultaat"] != "") == goals["beoordeeld_op"].notna()).all()
    # Agreed in one half-year, judged in a later one: the later row replaces the earlier.
    twice = goals.groupby("doel_id")["resultaat"].agg(list)
    twice = twice[twice.map(len) == 2]
    assert len(twice) > 1000
    assert twice.map(lambda results: results[0] == "" and results[1] != "").all()


def test_fewer_young_people_drop_out(history: History) -> None:
    files = history["go", "dossiers"]
    closed = files[files["gesloten_op"].notna()]
    dropped = (closed["reden_sluiting"] == "32").groupby(closed["period"]).mean()
    assert 0.10 < dropped[:"2019-H2"].mean() < 0.16
    assert dropped["2025-H1":].mean() < dropped[:"2019-H2"].mean() - 0.02


def test_some_young_people_come_back_within_a_year(history: History) -> None:
    files = history["go", "dossiers"].drop_duplicates("dossier_id", keep="last")
    closed = files[(files["gesloten_op"] >= "2021-01-01") & (files["gesloten_op"] < "2024-01-01")]
    both = closed.merge(files, on="client_id", suffixes=("", "_next"))
    gap = (both["geopend_op_next"] - both["gesloten_op"]).dt.days
    back = both[(gap > 0) & (gap <= 365)]["client_id"].nunique() / closed["client_id"].nunique()
    assert 0.08 < back < 0.2


def test_offers_are_for_a_district_or_for_all(history: History) -> None:
    offers = history["go", "aanbod"]
    assert 0.2 < (offers["wijkcode"] == "").mean() < 0.6
    assert (offers["plaatsen"] > 0).all()


# Provisions


def test_august_is_quiet_and_december_has_a_closing_week(history: History) -> None:
    visits = history["boost", "bezoek"]
    months = visits[visits["period"] > "2022"].groupby("maand")["bezoeken"].sum()
    by_month = months.groupby(months.index.str[5:]).mean()
    assert by_month["08"] < 0.5 * by_month["10"]
    assert by_month["12"] < 0.85 * by_month["11"]
    rows = visits.groupby("maand").size()
    assert rows["2023-08"] < rows["2023-07"]
    assert (visits["unieke_bezoekers"] <= visits["bezoeken"]).all()
    assert not visits.duplicated(["wijkcode", "maand", "voorziening"]).any()


def test_provisions_follow_the_size_of_the_district(history: History) -> None:
    visits = history["boost", "bezoek"]
    kinds = visits[visits["period"] == "2026-H1"].groupby("wijkcode")["voorziening"].nunique()
    assert kinds["WK048408"] >= 7
    assert kinds["WK048445"] <= 3
    assert "WK048409" not in kinds  # Rietveld has 40 residents


def test_more_people_find_debt_relief(history: History) -> None:
    referrals = history["boost", "toeleiding"]
    assert set(referrals["naar"]) == {"schuldhulp", "wmo", "jeugd", "werk", "overig"}
    per_period = referrals[referrals["naar"] == "schuldhulp"].groupby("period")["aantal"].sum()
    assert per_period["2024-H1":].mean() > 1.1 * per_period[:"2020-H1"].mean()
    population = pd.Series({size.district_code: size.population for size in read_district_sizes()})
    rate = referrals[referrals["naar"] == "schuldhulp"].groupby("wijkcode")["aantal"].sum() / population
    assert rate["WK048402"] > 1.2 * rate["WK048408"]  # more people with a low income


# Interviews


def completed(history: History, consortium: str) -> pd.DataFrame:
    interviews = history[consortium, "gesprekken"]
    return interviews[interviews["uitkomst"] == "afgerond"]


@pytest.mark.parametrize("consortium", ["tom", "go", "boost"])
def test_response_is_as_in_the_field(history: History, consortium: str) -> None:
    interviews = history[consortium, "gesprekken"]
    clients = interviews[interviews["doelgroep"] == "client"]
    shares = clients["uitkomst"].value_counts(normalize=True)
    assert set(shares.index) == {"afgerond", "deels", "geweigerd", "niet_bereikt", "overig"}
    assert 0.28 < shares["afgerond"] < 0.5
    assert shares["geweigerd"] > 0.1
    assert not interviews.duplicated("gesprek_id").any()
    assert (interviews["stakeholder_type"] != "").equals(interviews["doelgroep"] == "stakeholder")
    assert interviews[interviews["uitkomst"] == "niet_bereikt"]["afgenomen_op"].isna().all()


@pytest.mark.parametrize("consortium", ["tom", "go", "boost"])
def test_a_tenth_is_independent_and_some_are_done_again(history: History, consortium: str) -> None:
    done = completed(history, consortium)
    independent = done.groupby("period")["onafhankelijk"].agg(["sum", "mean"])
    assert (independent["sum"] >= 20).all()
    assert 0.07 < done["onafhankelijk"].mean() < 0.15
    interviews = history[consortium, "gesprekken"]
    again = interviews[(interviews["hercontrole_van"] != "") & (interviews["uitkomst"] == "afgerond")]
    first = interviews.set_index("gesprek_id").loc[again["hercontrole_van"]]
    assert len(again) > 100
    assert again["onafhankelijk"].all()
    assert not first["onafhankelijk"].any()
    assert (again["wijkcode"].to_numpy() == first["wijkcode"].to_numpy()).all()
    assert (again["period"].to_numpy() == first["period"].to_numpy()).all()
    wait = again["afgenomen_op"].to_numpy() - first["afgenomen_op"].to_numpy()
    assert (wait >= np.timedelta64(5, "D")).all()
    answers = history[consortium, "antwoorden"].set_index(["gesprek_id", "vraag"])["antwoord"]
    second = answers[answers.index.get_level_values(0).isin(again["gesprek_id"])]
    origin = again.set_index("gesprek_id")["hercontrole_van"]
    keys = [(origin[interview], question) for interview, question in second.index]
    agreement = (answers.loc[keys].to_numpy() == second.to_numpy()).mean()
    assert 0.8 < agreement < 0.98


@pytest.mark.parametrize("consortium", ["tom", "go", "boost"])
def test_nobody_interviews_two_people_at_a_time(history: History, consortium: str) -> None:
    held = history[consortium, "gesprekken"]
    held = held[held["begonnen_om"] != ""].copy()
    clock = held["begonnen_om"].str.split(":", expand=True).astype(int)
    held["begin"] = clock[0] * 60 + clock[1]
    held["end"] = held["begin"] + held["duur_minuten"]
    assert (held["duur_minuten"] > 0).all()
    assert (held["interviewer_id"] != "").all()
    held = held.sort_values(["interviewer_id", "afgenomen_op", "begin"])
    same = (held["interviewer_id"] == held["interviewer_id"].shift()) & (
        held["afgenomen_op"] == held["afgenomen_op"].shift()
    )
    assert same.any()
    assert not (same & (held["begin"] < held["end"].shift())).any()


def rho(answers: pd.DataFrame) -> float:
    """Intraclass correlation of answers within interviewers."""
    groups = answers.groupby("interviewer_id")["antwoord"]
    sizes, total = groups.size(), len(answers)
    between_groups = (sizes * (groups.mean() - answers["antwoord"].mean()) ** 2).sum() / (len(sizes) - 1)
    within_groups = ((answers["antwoord"] - groups.transform("mean")) ** 2).sum() / (total - len(sizes))
    usual = (total - (sizes**2).sum() / total) / (len(sizes) - 1)
    return (between_groups - within_groups) / (between_groups + (usual - 1) * within_groups)


def test_answers_behave_like_answers(history: History) -> None:
    interviews = completed(history, "tom")
    answers = history["tom", "antwoorden"].merge(interviews, on="gesprek_id")
    assert 0.03 < (answers["antwoord"] == 0).mean() < 0.05
    clients = answers[(answers["doelgroep"] == "client") & (answers["antwoord"] > 0)]
    marks = clients[clients["vraag"] == "tevredenheid"]["antwoord"]
    assert marks.between(1, 10).all()
    assert 7.2 < marks.mean() < 8.0
    assert 1.1 < marks.std() < 1.8
    statements = clients[clients["vraag"] != "tevredenheid"]
    assert statements["antwoord"].between(1, 5).all()
    agree = (statements["antwoord"] >= 4).groupby(statements["vraag"]).mean()
    assert agree.between(0.65, 0.95).all()
    assert agree["ceo_serieus"] > agree["ceo_snel"] + 0.05
    wide = statements.pivot(index="gesprek_id", columns="vraag", values="antwoord").dropna()
    items = wide.shape[1]
    alpha = items / (items - 1) * (1 - wide.var().sum() / wide.sum(axis=1).var())
    assert 0.8 < alpha < 0.93
    own = statements[~statements["onafhankelijk"] & (statements["interviewer_id"] != "")]
    effects = [rho(group) for _, group in own.groupby(["vraag", "period_x"])]
    assert 0.015 < np.mean(effects) < 0.045
    stakeholders = answers[(answers["doelgroep"] == "stakeholder") & (answers["vraag"] == "tevredenheid")]
    assert stakeholders["antwoord"].mean() < marks.mean()


def test_clients_are_kinder_to_their_own_team(history: History) -> None:
    answers = history["tom", "antwoorden"].merge(completed(history, "tom"), on="gesprek_id")
    marks = answers[
        (answers["doelgroep"] == "client") & (answers["antwoord"] > 0) & (answers["vraag"] == "tevredenheid")
    ]
    marks = marks[marks["wijze"].isin(["huisbezoek", "telefoon"])]
    means = marks.groupby("onafhankelijk")["antwoord"].mean()
    assert 0.05 < means[False] - means[True] < 0.6


def test_an_interview_that_was_broken_off_has_the_first_answers_only(history: History) -> None:
    interviews = history["tom", "gesprekken"]
    clients = interviews[interviews["doelgroep"] == "client"].set_index("gesprek_id")
    answers = history["tom", "antwoorden"]
    counts = answers.groupby("gesprek_id").size().reindex(clients.index, fill_value=0)
    assert (counts[clients["uitkomst"] == "afgerond"] == len(QUESTIONS)).all()
    assert counts[clients["uitkomst"] == "deels"].between(1, len(QUESTIONS) - 1).all()
    assert (counts[~clients["uitkomst"].isin(["afgerond", "deels"])] == 0).all()


# Stories


def test_stories_are_ordinary_dutch_about_the_own_indicators(history: History) -> None:
    for consortium, indicators in STORIES.items():
        assert set(indicators) == seed_column("indicators", "indicator_code", consortium_code=consortium)
        told = history[consortium, "duiding"]
        assert not told.duplicated(["period", "indicator", "wijkcode"]).any()
        for _, rows in told.groupby("period"):
            assert set(rows[rows["wijkcode"] == ""]["indicator"]) == set(indicators)
        assert (told["wijkcode"] != "").any()
        assert told["verhaal"].nunique() > 0.25 * len(told)
        text = " ".join(told[["verhaal", "verklaring", "acties"]].to_numpy().ravel())
        assert not re.search(r"\d|@|\bNL\b", text)
        assert told["verhaal"].str.endswith(".").all()
        text.encode("windows-1252")


def test_codes_are_those_of_the_seeds() -> None:
    for version, codes in LIFE_DOMAINS.items():
        assert set(codes) == seed_column("life_domains", "life_domain_code", zrm_version=version)
    assert set(CARE_FORMS) <= seed_column("care_forms", "care_form_code")
    assert set(QUESTIONS) == seed_column("questions", "question_code")
    assert "schuldhulp" in REFERRED_TO


# Time


def test_a_half_year_does_not_depend_on_what_was_read_before() -> None:
    read_all, read_last = World(seed=5, scale=0.05), World(seed=5, scale=0.05)
    for period in between(HalfYear(2017, 1), HalfYear(2018, 2)):
        read_all.advance_to(period)
        for consortium in read_all.delivering():
            read_all.tables(consortium)
    read_last.advance_to(HalfYear(2018, 2))
    for consortium in ("tom", "go", "boost"):
        once, again = read_all.tables(consortium), read_last.tables(consortium)
        for name, table in once.items():
            assert pd.DataFrame(table).equals(pd.DataFrame(again[name]))


def test_a_consortium_delivers_from_its_own_start() -> None:
    world = World(scale=0.01)
    assert world.delivering() == ()
    world.advance_to(HalfYear(2017, 2))
    assert world.delivering() == ("tom", "boost")
    with pytest.raises(ValueError, match="go does not deliver over 2017-H2"):
        world.tables("go")
    world.advance()
    assert world.delivering() == ("tom", "go", "boost")


def test_time_does_not_go_back() -> None:
    world = World(scale=0.01)
    world.advance_to(HalfYear(2016, 1))
    with pytest.raises(ValueError, match="cannot go back to 2015-H2"):
        world.advance_to(HalfYear(2015, 2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"seed": -1}, "seed"), ({"scale": 0.0}, "scale"), ({"scale": -1.0}, "scale"), ({"districts": []}, "district")],
)
def test_a_world_that_cannot_be_is_refused(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        World(**arguments)
