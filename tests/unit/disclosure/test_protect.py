"""What leaves, beside what left before: examples of each rule on several figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import pandas as pd
import pytest
from small_figures import MUNICIPALITY, area, frames

from pipeline.disclosure.counts import Key
from pipeline.disclosure.history import History, Settled, history_of
from pipeline.disclosure.steps import decide

HEARD, CONTROL, RATED = "tom_gehoord", "tom_eigen_regie", "tom_tevredenheid_clienten"
BETTER, BETTER_OR_SAME, REOPENED = "tom_zrm_verbeterd", "tom_zrm_verbeterd_of_stabiel", "tom_heropende_dossiers"
NOW = "2024-H1"
WIDE = [(60, 30), (70, 35), (80, 40), (90, 45)]


def statuses(made: Mapping[str, pd.DataFrame], code: str, period: str = NOW) -> dict[str, str]:
    table = made["indicator_status"]
    mine = table[(table["indicator_code"] == code) & (table["period"] == period)]
    return dict(zip(mine["district_code"], mine["rule"].fillna(mine["status"]), strict=True))


def pending(made: Mapping[str, pd.DataFrame], code: str, period: str = NOW) -> set[str]:
    table = made["indicator_status"]
    mine = table[(table["indicator_code"] == code) & (table["period"] == period) & table["is_pending"]]
    return set(mine["district_code"])


def left(cells: pd.DataFrame, *, but: set[tuple[str, str]] = frozenset(), status: str = "revised") -> History:
    """A release for partners that showed these cells but some (indicator, area)."""
    return history_of(values_of(cells, 1, but=but, status=status))


def values_of(
    cells: pd.DataFrame, number: int, *, but: set[tuple[str, str]] = frozenset(), status: str = "revised"
) -> pd.DataFrame:
    """What a release for partners showed, as the ledger has it."""
    lines = []
    for row in cells.itertuples():
        if (row.indicator_code, row.district_code) not in but:
            key = ("fct_indicator", row.consortium_code, row.indicator_code, row.district_code, row.period, "")
            lines += [(*key, name, float(getattr(row, name)), False, status) for name in ("n", "numerator")]
    columns = ["table_name", "consortium_code", "code", "district_code", "period", "pooled_over", "column_name"]
    columns += ["value", "is_pending", "delivery_status"]
    values = pd.DataFrame(lines, columns=columns)
    return values.assign(number=number, release_id=f"partners-{number:04}", audience="partners", at="2024-09-01")


def test_one_small_district_takes_the_cheapest_other_one_with_it():
    made = decide(frames({(HEARD, NOW): [(6, 3), *WIDE]}), History())
    found = statuses(made, HEARD)
    assert found[area(1)] == "P1"
    assert sorted(found.values()) == ["D5", "P1", "published", "published", "published", "published"]
    assert found[MUNICIPALITY] == "published"
    assert found[area(2)] == "D5"


def test_two_hidden_districts_that_are_small_together_need_a_third():
    made = decide(frames({(HEARD, NOW): [(2, 1), (3, 1), *WIDE]}), History())
    assert list(statuses(made, HEARD).values()).count("D5") == 1


def test_a_figure_that_is_too_uncertain_to_show_is_hidden_first():
    verdicts = {(HEARD, area(5), NOW, ""): "not_publishable"}
    made = decide(frames({(HEARD, NOW): [(6, 3), *WIDE]}, verdicts=verdicts), History())
    assert [place for place, rule in statuses(made, HEARD).items() if rule == "D5"] == [area(5)]


def test_figures_on_the_same_people_hide_their_n_together():
    """Each table alone would be safe with the smallest district hidden; only n is small, and n is shared."""
    same = [(9, 5), (30, 15), (40, 20), (50, 25)]
    other = [(9, 4), (30, 4), (40, 18), (50, 22)]
    made = decide(frames({(BETTER_OR_SAME, NOW): same, (BETTER, NOW): other}), History())
    for code in (BETTER_OR_SAME, BETTER):
        hidden = {place for place, rule in statuses(made, code).items() if rule != "published"}
        assert {area(1), area(2)} <= hidden, code


def test_what_was_published_is_out():
    """The district that would be hidden is known from an earlier release, so another one has to go."""
    read = frames({(HEARD, NOW): [(6, 3), *WIDE]})
    known = left(read["cells"], but={(HEARD, area(1)), *((HEARD, area(position)) for position in (3, 4, 5))})
    found = statuses(decide(read, known), HEARD)
    assert found[area(2)] == "published"
    assert [found[area(position)] for position in (3, 4, 5)].count("D5") == 1


def test_a_hidden_district_stays_hidden_as_it_was():
    read = frames({(HEARD, NOW): [(6, 3), *WIDE]})
    before = left(read["cells"], but={(HEARD, area(1)), (HEARD, area(4))})
    settled = {}
    first = decide(read, History())["true_count"]
    for key, counts in first[first["subject"] == "indicator"].groupby(
        ["subject", "consortium_code", "code", "district_code", "period", "pooled_over"]
    ):
        place = Key(*key)
        status = {area(1): "suppressed_primary", area(4): "suppressed_secondary"}.get(place.district_code, "published")
        settled[place] = Settled(status, dict(zip(counts["count_name"], counts["value"], strict=True)))
    history = replace(before, settled=settled)
    found = statuses(decide(read, history), HEARD)
    assert [place for place, rule in found.items() if rule == "D5"] == [area(4)]


def corrected(figures: list[tuple[int, int]], position: int, people: int) -> list[tuple[int, int]]:
    return [
        (n + people, numerator + people) if at == position else (n, numerator)
        for at, (n, numerator) in enumerate(figures, start=1)
    ]


def test_a_correction_of_one_client_waits():
    before = frames({(HEARD, NOW): WIDE})
    after = frames({(HEARD, NOW): corrected(WIDE, 2, 1)})
    made = decide(after, left(before["cells"]))
    # the municipality would tell it; who did not change gives nothing away
    assert pending(made, HEARD) == {area(2), MUNICIPALITY}
    table = made["indicator_status"]
    assert (table["status"] == "published").all()
    assert set(table.loc[table["is_pending"], "kept_from"]) == {"partners-0001"}


def test_a_correction_that_is_large_enough_is_shown():
    before = frames({(HEARD, NOW): WIDE})
    after = frames({(HEARD, NOW): corrected(WIDE, 2, 5)})
    assert pending(decide(after, left(before["cells"])), HEARD) == set()


def test_a_small_change_does_not_follow_from_a_large_one():
    before = frames({(HEARD, NOW): WIDE})
    after = frames({(HEARD, NOW): corrected(corrected(WIDE, 2, 8), 3, 1)})
    waiting = pending(decide(after, left(before["cells"])), HEARD)
    assert area(3) in waiting
    assert waiting & {MUNICIPALITY, area(1), area(2), area(4)}


def test_a_small_change_is_shown_when_the_half_year_has_become_final():
    before = frames({(HEARD, NOW): WIDE})
    after = frames({(HEARD, NOW): corrected(WIDE, 2, 1)}, periods=[NOW, "2025-H1"])
    assert pending(decide(after, left(before["cells"])), HEARD) == set()
    # one that comes after that waits, and so does one after somebody was erased
    assert pending(decide(after, left(before["cells"], status="final")), HEARD)
    erased = left(before["cells"])
    erased = replace(erased, erased={"tom": "2024-10-01"})
    assert pending(decide(after, erased), HEARD)


@pytest.mark.parametrize(("more", "waits"), [(0, False), (7, True), (9, True), (10, False), (-7, True)])
@pytest.mark.parametrize("final", [False, True])
def test_of_two_means_on_nearly_the_same_people_the_first_stays(more, waits, final):
    marks = [(60, 420), (70, 500), (80, 560)]
    before = frames({(RATED, NOW): marks})
    after = frames({(RATED, NOW): [(60 + more, 420 + 6 * more), *marks[1:]]}, periods=[NOW, "2025-H1"][: 1 + final])
    waiting = pending(decide(after, left(before["cells"])), RATED)
    # the municipality has the same people more
    assert waiting == ({area(1), MUNICIPALITY} if waits else set())


def test_a_mean_waits_beside_every_mean_that_was_ever_shown():
    marks = [(60, 420), (70, 500), (80, 560)]
    larger = [(72, 500), *marks[1:]]
    history = history_of(
        pd.concat([values_of(frames({(RATED, NOW): each})["cells"], at) for at, each in enumerate((marks, larger))])
    )
    assert area(1) in pending(decide(frames({(RATED, NOW): [(64, 450), *marks[1:]]}), history), RATED)
    assert pending(decide(frames({(RATED, NOW): marks}), history), RATED) == set()


def test_a_small_change_of_a_hidden_figure_does_not_follow_from_a_large_one():
    """A small district grows by one and another one by eight: the sum of both would tell it."""
    before = frames({(HEARD, NOW): [(8, 4), *WIDE, (6, 2)]})
    first = decide(before, History())
    hidden = {
        (HEARD, row.district_code)
        for row in first["indicator_status"].itertuples()
        if row.status.startswith("suppressed")
    }
    settled = {
        Key("indicator", "tom", HEARD, row.district_code, NOW): Settled(
            "suppressed_primary" if (HEARD, row.district_code) in hidden else "published",
            {"n": row.n, "numerator": row.numerator},
        )
        for row in before["cells"].itertuples()
    }
    history = replace(left(before["cells"], but=hidden), settled=settled)
    after = frames({(HEARD, NOW): [(9, 5), *corrected(WIDE, 2, 8), (6, 2)]})
    made = decide(after, history)
    assert statuses(made, HEARD)[area(1)] == "P1"
    assert pending(made, HEARD) & {MUNICIPALITY, area(3)}
    # as large as the width it may be known
    after = frames({(HEARD, NOW): [(8, 4), *corrected(WIDE, 2, 8), (6, 2)]})
    assert pending(decide(after, history), HEARD) == set()


def test_a_new_district_does_not_give_away_a_small_change():
    """Late figures of a district appear while another one changes by one: together with the sum they would tell it."""
    before = frames({(HEARD, NOW): [*WIDE, (0, 0)]})
    after = frames({(HEARD, NOW): [*corrected(WIDE, 2, 1), (40, 20)]})
    made = decide(after, left(before["cells"], but={(HEARD, area(5))}))
    waiting = pending(made, HEARD)
    found = statuses(made, HEARD)
    assert area(2) in waiting
    assert MUNICIPALITY in waiting or found[area(5)] == "D3" or len(waiting) > 1


def test_growth_of_one_is_hidden_in_a_cumulative_figure():
    grown = {
        (REOPENED, f"202{year}-H{half}"): [(200 + 20 * at, 30 + at if at < 3 else 40), (300 + 30 * at, 60 + 9 * at)]
        for at, (year, half) in enumerate([(2, 1), (2, 2), (3, 1), (3, 2)])
    }
    made = decide(frames(grown), History())
    shown = [
        period
        for (_, period) in grown
        if statuses(made, REOPENED, period)[area(1)] == statuses(made, REOPENED, period)[MUNICIPALITY] == "published"
    ]
    # from half-year to half-year it grew by one twice and then by eight
    assert not {("2022-H1", "2022-H2"), ("2022-H2", "2023-H1")} & set(pairwise(shown))


def test_what_the_statistics_of_an_uncertain_figure_told_is_out_too():
    """One district grows by one: its first figure is known, so the second stays away."""
    first = {(REOPENED, "2023-H2"): [(60, 20), (70, 30), (80, 30), (90, 40)]}
    grown = {(REOPENED, NOW): [(61, 20), (90, 40), (100, 40), (110, 50)]}
    told = values_of(frames(first)["cells"], 1)
    nothing, told = told[:0], told[told["district_code"] == area(1)]
    # nothing else would keep the later figure away: it is worth a little more than the first
    assert statuses(decide(frames(first | grown), History()), REOPENED)[area(1)] == "published"
    found = statuses(decide(frames(first | grown), history_of(nothing, uncertain=told)), REOPENED)
    assert found[area(1)] == "D5"


def test_a_small_change_of_what_was_told_beside_an_uncertain_figure_stays_away():
    told = values_of(frames({(HEARD, NOW): WIDE})["cells"], 1)
    is_second = told["district_code"] == area(2)
    history = history_of(told[~is_second], uncertain=told[is_second])
    found = statuses(decide(frames({(HEARD, NOW): corrected(WIDE, 2, 1)}), history), HEARD)
    # there is no figure that could stay, so the new one does not come
    assert found[area(2)] == "D3"
    assert statuses(decide(frames({(HEARD, NOW): corrected(WIDE, 2, 6)}), history), HEARD)[area(2)] == "published"


def test_a_pooled_figure_is_not_offered_when_it_gives_a_part_away():
    before = "2023-H2"
    figures = {(HEARD, NOW): [(6, 3), *WIDE], (HEARD, before): [*WIDE, (60, 30)]}
    pools = {
        (HEARD, area(1), NOW, "two_half_years"): [(HEARD, area(1), NOW), (HEARD, area(1), before)],
        (HEARD, area(1), NOW, "neighbouring_districts"): [(HEARD, area(1), NOW), (HEARD, area(2), NOW)],
    }
    made = decide(frames(figures, pools=pools), History())
    told = dict(zip(made["pooled_status"]["pooled_over"], made["pooled_status"]["status"], strict=True))
    # the half-year before is shown, so both together would tell this one; the neighbour is hidden too
    assert told == {"two_half_years": "suppressed_secondary", "neighbouring_districts": "published"}


def test_a_pooled_figure_that_was_refused_stays_away_until_it_changes():
    key = (HEARD, area(1), NOW, "neighbouring_districts")
    # the neighbour is hidden too, so today nothing is against it
    read = frames({(HEARD, NOW): [(6, 3), *WIDE]}, pools={key: [(HEARD, area(1), NOW), (HEARD, area(2), NOW)]})
    (pooled,) = read["pooled"].to_dict("records")

    def told(change: int) -> tuple[str, str]:
        counts = {"n": pooled["n"] + change, "numerator": pooled["numerator"]}
        history = History(refused={Key("pooled", "tom", *key): counts})
        (row,) = decide(read, history)["pooled_status"].to_dict("records")
        return row["status"], row["rule"]

    assert told(0) == ("suppressed_secondary", "D4")
    assert told(1)[0] == "published"


@pytest.mark.parametrize(("n", "numerator"), [(500, 250), (502, 251), (498, 253)])
def test_the_council_gets_multiples_of_five(n, numerator):
    made = decide(frames({(HEARD, NOW): [(n - 90, numerator - 40), (90, 40)]}), History())
    (row,) = made["council_indicator"].to_dict("records")
    assert row["district_code"] == MUNICIPALITY
    assert (row["n"], row["numerator"] % 5, row["value"]) == (500, 0, round(row["numerator"] / 500, 2))


def test_the_council_gets_an_interval_only_where_partners_read_the_exact_counts():
    read = frames({(HEARD, NOW): [(6, 3), (61, 30), (72, 35)], (CONTROL, NOW): [(60, 30), (61, 30), (72, 35)]})
    codes = [HEARD, CONTROL]
    read["intervals"] = pd.DataFrame(
        {"consortium_code": "tom", "indicator_code": codes, "district_code": MUNICIPALITY, "period": NOW}
    ).assign(pooled_over="", ci_low=0.4, ci_high=0.6)
    history = left(read["cells"], but={(HEARD, MUNICIPALITY), (HEARD, area(1))})
    made = decide(read, history)
    # both other districts are known, so the municipality hides the small one
    assert statuses(made, HEARD)[MUNICIPALITY] == "D5" and statuses(made, CONTROL)[MUNICIPALITY] == "published"
    told = made["council_indicator"].set_index("indicator_code")
    assert pd.isna(told.loc[HEARD, "ci_low"]) and told.loc[CONTROL, "ci_low"] == 0.4


def test_what_waits_is_for_the_council_as_it_was_with_its_shares():
    outcomes = [(20, 20, 12), (20, 22, 12), (30, 30, 15), (30, 25, 25)]
    key = ("fct_life_domain", "tom", "financien", MUNICIPALITY, NOW, "")
    shown = {"n": 260, "improved": 100, "stable": 95, "worsened": 65, "low_share": 0.31, "goal_attainment": 0.52}
    exact = {"n": 260, "improved": 100, "stable": 96, "worsened": 64}
    columns = ["table_name", "consortium_code", "code", "district_code", "period", "pooled_over", "column_name"]
    values = pd.concat(
        pd.DataFrame([(*key, *each) for each in told.items()], columns=[*columns, "value"]).assign(
            number=number, release_id=f"{audience}-0001", audience=audience, at="", is_pending=False, delivery_status=""
        )
        for number, (audience, told) in enumerate({"partners": exact, "council": shown}.items())
    )
    # one person fewer than partners were told
    (row,) = decide(frames({}, {("financien", NOW): outcomes}), history_of(values))["council_life_domain"].to_dict(
        "records"
    )
    assert row["is_pending"] and {name: row[name] for name in shown} == shown


def test_the_council_gets_no_mean_with_its_sum():
    made = decide(frames({(RATED, NOW): [(100, 751), (90, 640)]}), History())
    (row,) = made["council_indicator"].to_dict("records")
    assert (row["n"], row["value"]) == (190, 7.3)
    assert pd.isna(row["numerator"])


def test_outcomes_of_life_domains_are_protected_like_any_table():
    outcomes = {("financien", NOW): [(20, 20, 2), (20, 22, 12), (30, 30, 15), (30, 25, 25)]}
    made = decide(frames({}, outcomes), History())["life_domain_status"]
    assert made.set_index("district_code")["rule"].to_dict()[area(1)] == "P3"
    assert (made["rule"] == "D5").sum() == 1
    assert made.set_index("district_code")["status"][MUNICIPALITY] == "published"


def test_the_same_figures_in_any_order_give_the_same_pattern():
    read = frames({(HEARD, NOW): [(6, 3), (7, 2), *WIDE], (CONTROL, NOW): [(6, 3), (30, 3), *WIDE]})
    mixed = {name: frame.sample(frac=1, random_state=3) for name, frame in read.items()}
    one, other = (decide(each, History()) for each in (read, mixed))
    for name in ("indicator_status", "life_domain_status", "pooled_status", "council_indicator"):
        pd.testing.assert_frame_equal(one[name], other[name])


def test_what_releases_tell_again_and_again_is_known_as_it_was_last_told_and_with_all_values():
    """A figure told as 30, three times as 31, and as 30 again."""
    key = Key("indicator", "tom", HEARD, area(2), NOW)
    tellings = [
        values_of(frames({(HEARD, NOW): [*WIDE[:1], (60, told), *WIDE[2:]]})["cells"], number)
        for number, told in enumerate([30, 31, 31, 31, 30], start=1)
    ]
    history = history_of(pd.concat(tellings))
    assert history.ever["partners"][key]["numerator"] == {30, 31}
    assert history.shown["partners"][key].counts["numerator"] == 30
    assert history.shown["partners"][key].release_id == tellings[-1]["release_id"].iat[0]
    until_then = history_of(pd.concat(tellings[:4]))
    assert until_then.shown["partners"][key].release_id == tellings[3]["release_id"].iat[0]
