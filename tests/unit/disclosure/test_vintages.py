"""What earlier releases told: their sums, with the counts of today where nothing changed."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
from small_figures import MUNICIPALITY, area, frames
from test_protect import HEARD, NOW, REOPENED, statuses, values_of

from pipeline.disclosure import steps
from pipeline.disclosure.counts import Count, Key
from pipeline.disclosure.history import History, history_of, tables_of
from pipeline.disclosure.protect import _Protection, judged_rows, known_from
from pipeline.processes import Workers

BEFORE = "2023-H2"
WIDE = [(60, 30), (70, 35), (80, 40)]
# of three hidden districts the first was corrected by one since
EARLIER = {(HEARD, BEFORE): [(2, 1), (3, 1), (13, 6), *WIDE], (HEARD, NOW): [(1, 1), (6, 3), (14, 7), *WIDE]}
TODAY = {**EARLIER, (HEARD, NOW): [(2, 1), (6, 3), (14, 7), (63, 33), (71, 35), (81, 40)]}
POOLS = {(HEARD, area(3), NOW, "two_half_years"): [(HEARD, area(3), NOW), (HEARD, area(3), BEFORE)]}


def released(figures: dict, hidden: tuple[int, ...]) -> History:
    """One release that hid some districts."""
    cells = frames(figures)["cells"]
    but = {(HEARD, area(at)) for at in hidden}
    truth = steps.decide(frames(figures), History())["true_count"]
    return replace(history_of(values_of(cells, 1, but=but)), tables=tables_of({1: truth}))


def protection(figures: dict, history: History) -> _Protection:
    """The decision on figures before it is taken."""
    read = frames(figures)
    known = known_from(
        read["indicators"], read["thresholds"], read["relations"], read["members"], read["questions"], frozenset()
    )
    rows = judged_rows(read["cells"], read["domains"], read["pooled"], read["verdicts"], known)
    return _Protection(rows, known, history, {}, 20.0, Workers())


def test_sums_of_before_hold_of_the_counts_of_today_where_these_did_not_change():
    search = protection(TODAY, released(EARLIER, (1, 2, 3)))
    rows = [row for row in search.rows.values() if row.key.period == NOW]
    found = search._earlier.relations(rows)
    value = {Count(row.key, name): count for row in rows for name, count in row.counts.items()}
    value |= {count: derived.value for count, derived in found.derived.items()}
    assert found.sums and all(sum(by * value[count] for count, by in terms.items()) == 0 for terms in found.sums)
    (districts,) = [
        terms for terms in found.sums if len(terms) > 4 and all(count.name.split()[0] == "n" for count in terms)
    ]
    place = {count.key.district_code: count for count in districts}
    assert place[area(2)] == Count(Key("indicator", "tom", HEARD, area(2), NOW), "n")
    first, shown = found.derived[place[area(1)]], found.derived[place[area(4)]]
    assert (first.value, first.is_known, first.need.width) == (1, False, 5)
    assert (shown.value, shown.is_known) == (60, True)
    assert found.derived[place[MUNICIPALITY]].is_known


def test_nothing_is_added_where_nothing_changed():
    search = protection(EARLIER, released(EARLIER, (1, 2, 3)))
    assert search._earlier.relations(list(search.rows.values())).sums == []


def test_a_pooled_figure_is_not_offered_that_tells_too_much_beside_a_sum_of_before():
    """With it four counts that are at least 1 add up to 12, so that none of them can be 10."""
    history = released(EARLIER, (1, 2, 3))
    # final, so that the changes are shown and nothing waits
    read = frames(TODAY, pools=POOLS, periods=[BEFORE, NOW, "2025-H1"])

    def offered(beside: History) -> int:
        return int((steps.decide(read, beside)["pooled_status"]["status"] == "published").sum())

    # beside the sum of today alone one of them still can
    assert (offered(history), offered(replace(history, tables={}))) == (0, 1)


def test_a_table_is_kept_once_for_as_long_as_it_stays():
    truths = [steps.decide(frames(each), History())["true_count"] for each in (EARLIER, EARLIER, TODAY)]
    tables = tables_of(dict(enumerate(truths, start=3)))
    moments = {key.period: [since for since, _ in states] for key, states in tables.items()}
    assert moments == {BEFORE: [3], NOW: [3, 5]}


def test_growth_of_before_is_a_count_too():
    grown = {(REOPENED, BEFORE): [(60, 20), (70, 30)], (REOPENED, NOW): [(63, 21), (90, 40)]}
    later = {**grown, (REOPENED, NOW): [(80, 30), (90, 40)]}
    truth = steps.decide(frames(grown), History())["true_count"]
    none = values_of(frames(grown)["cells"], 1)[:0]
    search = protection(later, replace(history_of(pd.DataFrame(none)), tables=tables_of({1: truth})))
    found = search._earlier.relations(list(search.rows.values()))
    growth = {count: each for count, each in found.derived.items() if "increment" in count.name}
    assert {each.value for each in growth.values()} >= {3, 1}
    assert all(each.need.width == 5 for each in growth.values() if each.value in (1, 3))
    assert statuses(steps.decide(frames(later), History()), REOPENED)[MUNICIPALITY] == "published"
