"""Words on improvement: by hand, and in worlds where it is known whether anything changed."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import pytest

from pipeline.reliability import change, progress

THRESHOLDS = {
    "interviewer_effect_half_years": 4,
    "minimum_double_ratings": 50,
    "minimum_persons": 10,
    "publishable_effective_n": 30,
    "usual_rating_reliability": 0.7,
}
SCALE = {"consortium_code": "tom", "instrument": "zrm", "edition": "2017", "scale_code": "financien"}
PERIOD = "2024-H1"
DISTRICTS = pd.DataFrame({"district_code": ["GM", "WK1", "WK2"], "municipality_code": "GM"})
POPULATION = [5, 10, 25, 40, 20]  # mean 3.6


def levels(population=POPULATION, period=PERIOD, **other):
    scores = enumerate(population, start=1)
    return pd.DataFrame([{**SCALE, "period": period, **other, "score": score, "n": n} for score, n in scores])


def known(*rows):
    """A reliability per edition (or other key), without second ratings behind it."""
    return pd.DataFrame([{**SCALE, "period": PERIOD, "reliability": r, **other} for r, other in rows])


def counts(*rows, **other):
    columns = ["district_code", "baseline_score", "score", "n"]
    return pd.DataFrame([{**SCALE, "period": PERIOD, **dict(zip(columns, row, strict=True)), **other} for row in rows])


def domain(changes, level, agreement):
    return progress.domain_change(changes, level, agreement, THRESHOLDS, 0.95)


# Life domains


def test_a_domain_by_hand():
    # Intake 2.5 in a population with mean 3.4 and r .7: +0.27 without help. Half up by one: mean .5.
    level = levels([0, 0, 60, 40, 0])
    found = domain(
        counts(("WK1", 2, 2, 10), ("WK1", 2, 3, 10), ("WK1", 3, 3, 10), ("WK1", 3, 4, 10)), level, known((0.7, {}))
    ).iloc[0]
    assert (found["n"], found["mean_start"], found["mean_change"], found["improved_share"]) == (40, 2.5, 0.5, 0.5)
    assert found["expected_change"] == pytest.approx(0.27)
    assert (found["change_low"], found["change_high"]) == (
        pytest.approx(0.33805, abs=1e-5),
        pytest.approx(0.66195, abs=1e-5),
    )
    assert (found["word"], found["word_nl"]) == ("beyond", "meer vooruitgang dan zonder hulp te verwachten is")
    assert (found["worsened_share"], found["floor_share"], found["ceiling_share"]) == (0, 0, 0)
    assert found["life_domain_code"] == "financien"


def test_detectable_change_has_the_spread_and_reliability_of_the_scale():
    # Half at 2 and half at 4: SD 1.
    found = domain(counts(("WK1", 2, 2, 20), ("WK1", 2, 3, 20)), levels([0, 5000, 0, 5000, 0]), known((0.6, {}))).iloc[
        0
    ]
    assert found["detectable_change"] == pytest.approx(1.753, abs=1e-3)
    assert found["detectable_group_change"] == pytest.approx(1.753 / np.sqrt(40), abs=1e-3)


def test_expected_moves_are_those_of_the_start_and_know_the_ceiling():
    found = domain(counts(("WK1", 5, 5, 25), ("WK1", 1, 1, 15), ("WK1", 4, 3, 10)), levels(), known((0.7, {}))).iloc[0]
    moves = change.expected_moves([15, 0, 0, 10, 25], POPULATION, 0.7)
    assert found["expected_improved_share"] == pytest.approx(float(moves.up))
    assert found["expected_worsened_share"] == pytest.approx(float(moves.down))
    assert (found["floor_share"], found["ceiling_share"], found["worsened_share"]) == (0.3, 0.5, 0.2)


def test_editions_keep_their_own_mean_and_reliability_and_weigh_by_pairs():
    agreement = known((0.7, {}), (0.5, {"edition": "2013"}))
    level = pd.concat([levels([0, 0, 60, 40, 0]), levels([0, 50, 50, 0, 0], edition="2013")])
    changes = pd.concat([counts(("WK1", 2, 3, 30)), counts(("WK1", 1, 1, 10), edition="2013")])
    found = domain(changes, level, agreement)
    assert len(found) == 1
    # 30 pairs expect .3 × 1.4, 10 pairs expect .5 × 1.5
    assert found["expected_change"].item() == pytest.approx((30 * 0.42 + 10 * 0.75) / 40)
    assert (found["n"].item(), found["mean_change"].item()) == (40, 0.75)
    errors = [change.detectable_change(np.sqrt(variance), r) for variance, r in ((24 / 99, 0.7), (25 / 99, 0.5))]
    together = np.sqrt((30 * errors[0] ** 2 + 10 * errors[1] ** 2) / 40)
    assert found["detectable_change"].item() == pytest.approx(together)


def test_the_population_is_that_of_four_half_years():
    old, older = levels([100, 0, 0, 0, 0], "2022-H2"), levels([0, 0, 0, 0, 500], "2022-H1")
    found = domain(counts(("WK1", 2, 3, 20), ("WK1", 2, 2, 20)), pd.concat([levels(), old, older]), known((0.7, {})))
    assert found["expected_change"].item() == pytest.approx(0.3 * ((360 + 100) / 200 - 2))


@pytest.mark.parametrize(
    ("moved", "shown", "word"), [((4, 5), False, "unknown"), ((5, 5), True, "unknown"), ((15, 15), True, "beyond")]
)
def test_no_figures_on_few_pairs_and_no_word_on_some_more(moved, shown, word):
    changes = counts(("WK1", 3, 3, moved[0]), ("WK1", 3, 5, moved[1]))
    found = domain(changes, levels(), known((0.7, {}))).iloc[0]
    assert found["n"] == sum(moved)
    assert (found[["mean_start", "mean_change", "expected_change", "improved_share"]].notna() == shown).all()
    assert found["word"] == word
    assert pd.isna(found["word_nl"]) == (word == "unknown")


def test_pairs_that_are_all_alike_get_no_word():
    found = domain(counts(("WK1", 5, 5, 60)), levels([0, 0, 0, 1, 99]), known((0.7, {}))).iloc[0]
    assert (found["mean_change"], found["word"]) == (0, "unknown")
    assert np.isnan(found["change_low"])


def test_a_start_that_nobody_has_now_has_an_expectation():
    found = domain(counts(("WK1", 1, 2, 20), ("WK1", 1, 1, 20)), levels([0, 10, 60, 30, 0]), known((0.7, {}))).iloc[0]
    assert 0.5 < found["expected_improved_share"] < 1


def test_districts_add_up_to_their_municipality():
    found = progress.by_area(counts(("WK1", 1, 2, 3), ("WK2", 1, 2, 4), ("WK2", 1, 1, 5)), DISTRICTS)
    n = found.groupby(["district_code", "score"])["n"].sum().to_dict()
    assert n == {("GM", 1): 5, ("GM", 2): 7, ("WK1", 2): 3, ("WK2", 1): 5, ("WK2", 2): 4}
    empty = progress.by_area(counts(("WK1", 1, 2, 3))[:0], DISTRICTS)
    assert domain(empty, levels()[:0], known((0.7, {}))[:0]).empty


# Indicators


def warehouse(pairs, second=None, levels_too=None):
    """The models on ratings as dbt makes them, from pairs per client."""
    connection = duckdb.connect()
    connection.execute("create schema intermediate")
    connection.execute("create schema reference")
    places = pd.DataFrame(
        {"district_code": ["GM", *sorted(pairs["district_code"].unique())], "municipality_code": "GM"}
    )
    if second is None:
        columns = ["consortium_code", "instrument", "edition", "scale_code", "period"]
        second = pairs[columns].assign(first_score=1, second_score=1, n=1)[:0]
    connection.from_df(places).create("reference.districts")
    connection.from_df(second).create("intermediate.int_ratings__second")
    connection.execute(
        "create table intermediate.int_ratings__pair as select * replace ("
        "baseline_score::integer as baseline_score, baseline_goal_score::integer as baseline_goal_score) from pairs"
    )
    key = "consortium_code, instrument, edition, scale_code, period"
    connection.execute(
        f"create table intermediate.int_ratings__level as select {key}, score, count(*) as n "
        "from intermediate.int_ratings__pair group by all"
    )
    connection.execute(
        f"create table intermediate.int_ratings__change as select {key}, district_code, baseline_score, score, "
        "count(*) as n from intermediate.int_ratings__pair where baseline_score is not null group by all"
    )
    if levels_too is not None:
        connection.execute("insert into intermediate.int_ratings__level by name select * from levels_too")
    return connection


def ratings_of(client, district, *rated, instrument="zrm", edition="2017"):
    columns = ["scale_code", "baseline_score", "score", "baseline_goal_score"]
    fixed = {"consortium_code": "tom", "period": PERIOD, "instrument": instrument, "edition": edition}
    fixed |= {"client_key": client, "district_code": district}
    return [{**fixed, **dict(zip(columns, row, strict=True))} for row in rated]


def test_indicators_by_hand():
    pairs = pd.DataFrame(
        [
            *ratings_of("a", "WK1", ("financien", 2, 3, 4), ("huisvesting", 3, 3, None)),
            *ratings_of("b", "WK1", ("financien", 3, 4, 4), ("huisvesting", 4, 3, 5)),
            *ratings_of("c", "WK2", ("financien", 4, 3, None)),
            *ratings_of("d", "WK2", ("financien", None, 5, None)),
            *ratings_of("e", "WK2", ("participation", 2, 1, 3), instrument="ladder", edition=""),
        ]
    )
    connection = warehouse(pairs)
    tables = progress.change_tables(connection, THRESHOLDS, 0.95)
    assert set(tables) == {"rating_agreement", "domain_change", "indicator_change", "rating_check"}
    found = tables["indicator_change"].set_index(["indicator_code", "district_code"])
    starts, goals = progress.expectations(
        connection.execute("from intermediate.int_ratings__level").df(), tables["rating_agreement"], THRESHOLDS, 0.95
    )
    at = starts.set_index(["scale_code", "baseline_score"])
    a, a2, b, b2 = (at.loc[key] for key in (("financien", 2), ("huisvesting", 3), ("financien", 3), ("huisvesting", 4)))

    kept = found.loc[("tom_zrm_verbeterd_of_stabiel", "WK1")]
    assert (kept["n"], kept["share"], kept["pairs"]) == (2, 1, 4)
    assert kept["expected_share"] == pytest.approx((1 - a.down * a2.down + 1 - b.down * b2.down) / 2)
    improved = found.loc[("tom_zrm_verbeterd", "WK1")]
    expected = [(1 - x.down) * (1 - y.down) - x.same * y.same for x, y in ((a, a2), (b, b2))]
    assert (improved["share"], improved["expected_share"]) == (0.5, pytest.approx(np.mean(expected)))
    assert improved["mean_change"] == 0.25
    assert improved["expected_change"] == pytest.approx(
        (a.expected_change + a2.expected_change + b.expected_change + b2.expected_change) / 4
    )
    goal = found.loc[("tom_doel_bereikt", "WK1")]
    reach = goals.set_index(["scale_code", "baseline_score", "goal_score"])["reached"]
    chances = [reach["financien", 2, 4], reach["financien", 3, 4], reach["huisvesting", 4, 5]]
    assert (goal["n"], goal["persons"], goal["share"]) == (3, 2, pytest.approx(1 / 3))
    assert goal["expected_share"] == pytest.approx(np.mean(chances))
    # The municipality has the pairs of both districts, and the ladder is an indicator of its own.
    assert found.loc[("tom_zrm_verbeterd", "GM")][["n", "share"]].tolist() == [3, pytest.approx(1 / 3)]
    rung = found.loc[("tom_participatie_verbeterd_of_stabiel", "WK2")]
    assert (rung["n"], rung["share"], rung["mean_change"]) == (1, 0, -1)
    assert set(found["word"]) == {"unknown"}
    domains = tables["domain_change"].set_index(["instrument", "life_domain_code", "district_code"])["n"]
    assert domains["zrm", "financien", "GM"] == 3
    assert domains["ladder", "participation", "WK2"] == 1
    assert set(tables["rating_check"]["check_code"]) == {"double_ratings"}


def test_pairs_of_one_client_count_as_one_and_a_goal_below_the_start_is_easily_kept():
    rated = [(code, 3, 3, 1) for code in ("financien", "huisvesting", "justitie")]
    pairs = pd.DataFrame([row for client in range(40) for row in ratings_of(str(client), "WK1", *rated)])
    level = pd.concat([levels(scale_code=code) for code in ("financien", "huisvesting", "justitie")])
    found = progress.change_tables(warehouse(pairs, levels_too=level), THRESHOLDS, 0.95)["indicator_change"]
    goal = found[found["indicator_code"] == "tom_doel_bereikt"].iloc[0]
    assert (goal["n"], goal["persons"], goal["share"], goal["expected_share"]) == (120, 40, 1, pytest.approx(1))
    # Wilson of 40 out of 40
    assert goal["share_low"] == pytest.approx(40 / (40 + 1.959964**2), abs=1e-6)


def test_before_the_first_ratings_the_tables_have_their_columns_and_types():
    filled = pd.DataFrame(ratings_of("a", "WK1", ("financien", 2, 3, 4)))
    schemas = []
    for pairs in (filled, filled[:0]):
        with warehouse(pairs) as connection:
            tables = progress.change_tables(connection, THRESHOLDS, 0.95)
            schemas.append({name: connection.from_df(table).dtypes for name, table in tables.items()})
            unknown = connection.from_df(tables["domain_change"]).filter("mean_change is null and word_nl is null")
            assert len(unknown.fetchall()) == len(tables["domain_change"])
    assert schemas[0] == schemas[1]
    assert tables["rating_check"].empty


# Known worlds

CUTS = {
    "financien": [-1.5, -0.7, 0.0, 1.0],
    "huisvesting": [-2, -1.5, -0.8, 0.2],
    "justitie": [-2.3, -2, -1.7, -1.2],
    "sociaal_netwerk": [-1.2, -0.3, 0.6, 1.6],
}


def worlds(number, *, effect=0.0, reliability=0.7, second_share=0.1, clients=600, districts=6):
    """Clients whose two ratings are one truth with errors, and second ratings of some of the first; one consortium
    per world."""
    pairs, second = [], []
    for seed in range(number):
        rng = np.random.default_rng(seed)
        district = rng.choice([f"WK{i}" for i in range(districts)], clients)
        for scale, cuts in CUTS.items():
            truth = rng.normal(0, np.sqrt(reliability), clients)
            first, again, last = (
                np.searchsorted(cuts, truth + shift + rng.normal(0, np.sqrt(1 - reliability), clients)) + 1
                for shift in (0, 0, effect)
            )
            fixed = {**SCALE, "consortium_code": f"world {seed}", "scale_code": scale, "period": PERIOD}
            rated = pd.DataFrame({"client_key": np.arange(clients), "district_code": district, "score": last})
            rated = rated.assign(baseline_score=first, baseline_goal_score=np.minimum(first + 1, 5), **fixed)
            pairs.append(rated[rng.random(clients) < 0.8])
            double = pd.DataFrame({"first_score": first, "second_score": again}).assign(**fixed)
            second.append(double[rng.random(clients) < second_share])
    counted = pd.concat(second).value_counts().rename("n").reset_index()
    return progress.change_tables(warehouse(pd.concat(pairs), counted), THRESHOLDS, 0.95)


def test_without_effect_words_are_rare_and_the_expected_share_is_the_mean_observed_one():
    tables = worlds(8)
    for name in ("indicator_change", "domain_change"):
        assert tables[name]["word"].isin(["beyond", "below"]).mean() <= 0.05
    found = tables["indicator_change"]
    whole = found[found["district_code"] == "GM"].groupby("indicator_code")[["share", "expected_share"]].mean()
    assert (whole["share"] - whole["expected_share"]).abs().max() < 0.015
    means = tables["domain_change"].groupby("life_domain_code").mean(numeric_only=True)
    assert (means["improved_share"] - means["expected_improved_share"]).abs().max() < 0.03
    assert (means["worsened_share"] - means["expected_worsened_share"]).abs().max() < 0.03


def test_raters_who_are_worse_than_usual_do_not_make_a_word():
    tables = worlds(6, reliability=0.5, second_share=0, clients=3000, districts=1)
    found = tables["indicator_change"]
    assert found["word"].isin(["beyond", "below"]).mean() <= 0.05
    # The shares alone would have said so: the check then says nothing rather than something else.
    by_share = change.change_word((found["share_low"], found["share_high"]), found["expected_share"])
    assert np.isin(by_share, ["beyond", "below"]).mean() > 0.3
    measured = tables["rating_check"].query("check_code == 'group_change'")
    assert len(measured) == (by_share == found["word"]).sum() < len(found)


def test_a_real_effect_is_found():
    tables = worlds(4, effect=0.4)
    found = tables["indicator_change"]
    improved = found[found["indicator_code"] == "tom_zrm_verbeterd"]
    assert (improved[improved["district_code"] == "GM"]["word"] == "beyond").all()
    assert (improved["word"] == "beyond").mean() >= 0.8
    assert not (found["word"] == "below").any()
    domains = tables["domain_change"]
    whole = domains[(domains["district_code"] == "GM") & (domains["life_domain_code"] != "justitie")]
    assert (whole["word"] == "beyond").all()
    rows = tables["rating_check"].query("check_code == 'group_change' and indicator_code == 'tom_zrm_verbeterd'")
    assert (rows["ci_low"] > rows["second_value"]).mean() >= 0.8
