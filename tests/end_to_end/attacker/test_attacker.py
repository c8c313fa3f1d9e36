"""The attacker itself: he finds what is there to be found, and sees nothing where there is nothing."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from attacker import Outcome, attack, explain, read_curiously
from attacker_facts import COUNCIL, LABELS, UNCHANGED, WIDTH, Facts, Indicator, Release, Truth, collect

INDICATORS = {
    "tom_zrm_verbeterd_of_stabiel": Indicator("proportion", "both", 1),
    "tom_zrm_verbeterd": Indicator("proportion", "both", 1),
    "tom_tevredenheid_clienten": Indicator("mean", "none", 1),
    "tom_heropende_dossiers": Indicator("ratio", "numerator", 100),
    "boost_toeleiding_schuldhulp": Indicator("rate", "numerator", 1000),
}
STABLE, BETTER, MARK, AGAIN, DEBT = INDICATORS
GM, A, B, C = "GM1", "WK1", "WK2", "WK3"
RESIDENTS = {GM: 9000, A: 3000, B: 3000, C: 3000}
NOW, NEXT = "2024-H1", "2024-H2"
TWO = "two_half_years"

Counts = dict[tuple[str, str], dict[str, tuple[int, int]]]


def counts(**areas: tuple[int, int]) -> dict[str, tuple[int, int]]:
    """n and numerator per district, by the letters a, b, c, and of the municipality."""
    named = {{"a": A, "b": B, "c": C}[letter]: both for letter, both in areas.items()}
    return {**named, GM: tuple(sum(each[at] for each in named.values()) for at in (0, 1))}


def release(
    true: Counts,
    hidden: dict[tuple[str, str, str], str] | None = None,
    pending: dict[tuple[str, str, str], tuple[int, int]] | None = None,
    pooled: dict[tuple[str, str], list[tuple[str, str]]] | None = None,
    council: tuple[str, ...] = (),
) -> Release:
    """A release with what is true and what is shown of it.

    Args:
        true: (indicator, period) -> counts per area.
        hidden: (indicator, area, period) -> primary or secondary.
        pending: (indicator, area, period) -> the figures that are kept.
        pooled: (indicator, area) -> members (area, period) of a pooled figure of NEXT that is shown.
        council: indicators that the council sees for the municipality.
    """
    hidden, pending, pooled = hidden or {}, pending or {}, pooled or {}
    cells, shown, rounded = [], [], []
    for (code, period), areas in true.items():
        for area, (n, numerator) in areas.items():
            key = {"indicator_code": code, "district_code": area, "period": period}
            cells.append({**key, "n": n, "numerator": numerator, "persons": n})
            why = hidden.get((code, area, period))
            kept = pending.get((code, area, period))
            row = figures(code, *(kept or (n, numerator)))
            status = "published" if why is None else f"suppressed_{why}"
            if n == 0:
                status = "no_data"
            if status != "published":
                row = dict.fromkeys(row)
            shown.append({**key, **row, "status": status, "is_pending": kept is not None})
            if area == GM and code in council:
                row = {**figures(code, n, numerator), "n": 5 * round(n / 5), "numerator": 5 * round(numerator / 5)}
                rounded.append({**key, **row, "status": "published"})
    members, together = [], []
    for (code, area), parts in pooled.items():
        key = {"indicator_code": code, "district_code": area, "period": NEXT, "pooled_over": TWO}
        sums = [sum(true[code, period][place][at] for place, period in parts) for at in (0, 1)]
        together.append({**key, **figures(code, *sums), "persons": sums[0], "status": "published", "is_pending": False})
        for place, period in parts:
            member = {"member_indicator": code, "member_district": place, "member_period": period}
            members.append({**key, **member})
    domains = pd.DataFrame(columns=["life_domain_code", "district_code", "period"])
    truth = Truth(pd.DataFrame(cells), domains, pd.DataFrame(together), pd.DataFrame(members))
    partners = {"fct_indicator": pd.DataFrame(shown), "fct_indicator_pooled": pd.DataFrame(together)}
    return Release(truth, {"partners": partners, "council": {"fct_indicator": pd.DataFrame(rounded)}})


def figures(code: str, n: int, numerator: int) -> dict[str, float | None]:
    """What a shown row says."""
    indicator = INDICATORS[code]
    decimals = {"proportion": 2, "mean": 1, "ratio": 0, "rate": 1}[indicator.kind]
    value = round(indicator.scale * numerator / n, decimals) if n else None
    return {"n": n, "numerator": None if indicator.kind == "mean" else numerator, "value": value}


def found(*history: Release, reader: str = "partners", supposing: tuple[str, ...] = ()) -> Outcome:
    facts = collect(history, INDICATORS, RESIDENTS, reader, supposing)
    assert facts.false == []
    return attack(facts)


def names(outcome: Outcome) -> set[str]:
    return {leak.secret.name for leak in outcome.leaks}


def hide(code: str, why: str, *areas: str, period: str = NOW) -> dict[tuple[str, str, str], str]:
    return {(code, area, period): why for area in areas}


# ---- the search, held against every world that is possible ------------------------------------------------------------


def small_system(seed: int) -> tuple[Facts, list[tuple[int, ...]]]:
    """A few counts with random sums, rounded shares and a choice, and all worlds that agree with them."""
    generator = np.random.default_rng(seed)
    facts = Facts()
    size = int(generator.integers(3, 6))
    truth = [int(value) for value in generator.integers(0, 7, size=size)]
    for at, value in enumerate(truth):
        facts.unknown(("count", at), value)
        facts.know({at: 1}, 0, 9, "bounds")
    for _ in range(int(generator.integers(1, 4))):
        chosen = generator.choice(size, size=int(generator.integers(2, size + 1)), replace=False)
        terms = {int(at): int(generator.choice([1, 1, 1, -1, 2])) for at in chosen}
        value = facts.value(terms)
        slack = int(generator.choice([0, 0, 1, 3]))
        facts.know(terms, value - slack, value + int(generator.integers(0, slack + 1)), "sum")
    part, whole = (int(at) for at in generator.choice(size, size=2, replace=False))
    if truth[whole]:
        percent = round(100 * truth[part] / truth[whole])
        facts.know({part: 200, whole: 1 - 2 * percent}, 0, None, "share")
        facts.know({part: -200, whole: 1 + 2 * percent}, 0, None, "share")
    if generator.random() < 0.5:
        one, other = (int(at) for at in generator.choice(size, size=2, replace=False))
        options = [[({one: 1}, 0, 2)], [({other: 1}, 1, 4), ({one: 1}, 3, None)]]
        facts.choose(options, "choice")
    for at in range(size):
        facts.hide(f"count {at}", {at: 1}, "P1", [None, 5, 8][int(generator.integers(3))], "partners")
    facts.hide("sum", {0: 1, 1: -1}, "D3", None, "partners")
    worlds = [world for world in product(range(10), repeat=size) if _agrees(facts, world)]
    return facts, worlds


def _agrees(facts: Facts, world: tuple[int, ...]) -> bool:
    def holds(fact) -> bool:
        value = sum(c * world[at] for at, c in fact.terms.items())
        return (fact.low is None or value >= fact.low) and (fact.high is None or value <= fact.high)

    return all(map(holds, facts.facts)) and all(
        any(all(map(holds, option)) for option in choice.options) for choice in facts.choices
    )


@pytest.mark.parametrize("seed", range(12))
def test_what_is_found_is_what_all_possible_worlds_have_in_common(seed: int):
    facts, worlds = small_system(seed)
    outcome = attack(facts)
    expected = {}
    for secret in facts.secrets:
        values = [sum(c * world[at] for at, c in secret.terms.items()) for world in worlds]
        is_small = secret.at_least is not None and max(values) < secret.at_least
        if max(values) - min(values) + 1 < WIDTH or is_small:
            expected[secret.name] = (min(values), max(values))
    assert outcome.undecided == []
    assert names(outcome) == set(expected)
    for leak in outcome.leaks:
        low, high = expected[leak.secret.name]
        # bounds that were found without trying whole people may lie further out, never further in
        assert leak.low <= low or leak.why == "small"
        assert high <= leak.high
    assert names(read_curiously(facts)) <= set(expected)


# ---- planted leaks ----------------------------------------------------------------------------------------------------


def test_one_hidden_district_follows_by_subtraction():
    true = {(STABLE, NOW): counts(a=(7, 5), b=(40, 20), c=(50, 30))}
    history = [release(true, hide(STABLE, "primary", A))]
    outcome = found(*history)
    assert f"n of {STABLE} {A} {NOW} (release 1)" in names(outcome)
    assert {(leak.low, leak.high) for leak in outcome.leaks if leak.secret.name.startswith("n of")} == {(7, 7)}
    assert names(read_curiously(collect(history, INDICATORS, RESIDENTS))) == names(outcome)


def test_two_hidden_districts_with_enough_between_them_stay_hidden():
    true = {(STABLE, NOW): counts(a=(7, 5), b=(40, 20), c=(50, 30))}
    assert found(release(true, hide(STABLE, "primary", A) | hide(STABLE, "secondary", B))).leaks == []


def test_two_small_districts_are_known_to_be_small_together():
    true = {(MARK, NOW): counts(a=(5, 35), b=(4, 30), c=(50, 350))}
    outcome = found(release(true, hide(MARK, "primary", A, B)))
    assert {leak.why for leak in outcome.leaks if leak.secret.name.startswith("n of")} == {"small"}


def test_the_same_people_under_another_indicator():
    true = {
        (STABLE, NOW): counts(a=(7, 5), b=(40, 30), c=(50, 45)),
        (BETTER, NOW): counts(a=(7, 5), b=(40, 20), c=(50, 30)),
    }
    safe = {**hide(STABLE, "primary", A), **hide(BETTER, "primary", A), **hide(STABLE, "secondary", B)}
    assert found(release(true, safe | hide(BETTER, "secondary", B))).leaks == []
    outcome = found(release(true, safe | hide(BETTER, "secondary", C)))
    leak = next(leak for leak in outcome.leaks if leak.secret.name.startswith("n of"))
    assert (leak.low, leak.high) == (7, 7)
    facts = collect([release(true, safe | hide(BETTER, "secondary", C))], INDICATORS, RESIDENTS)
    assert any("the same people" in line for line in explain(facts, leak))


def test_who_improved_is_among_who_was_improved_or_stable():
    true = {
        (STABLE, NOW): counts(a=(20, 6), b=(20, 5), c=(50, 30)),
        (BETTER, NOW): counts(a=(20, 3), b=(20, 5), c=(50, 25)),
    }
    hidden = hide(BETTER, "primary", A) | hide(BETTER, "secondary", B)
    outcome = found(release(true, hidden))
    assert [(leak.low, leak.high) for leak in outcome.leaks] == [(3, 6)]


def test_growth_of_a_cumulative_figure():
    true = {(AGAIN, NOW): counts(a=(40, 20), b=(40, 20), c=(40, 20))}
    true |= {(AGAIN, NEXT): counts(a=(41, 20), b=(60, 30), c=(60, 30))}
    assert names(found(release(true))) == {f"growth of n of {AGAIN} {A} {NEXT} (release 1)"}
    hidden = hide(AGAIN, "secondary", A, B, period=NEXT)
    assert found(release(true, hidden)).leaks == []


def test_a_correction_that_is_shown():
    before = {(STABLE, NOW): counts(a=(30, 15), b=(40, 20), c=(50, 30))}
    after = {(STABLE, NOW): counts(a=(31, 16), b=(40, 20), c=(50, 30))}
    outcome = found(release(before), release(after))
    # of district and municipality
    assert len(outcome.leaks) == 4
    assert {leak.low for leak in outcome.leaks} == {1}


def test_a_correction_that_waits():
    before = {(STABLE, NOW): counts(a=(30, 15), b=(40, 20), c=(50, 30))}
    after = {(STABLE, NOW): counts(a=(31, 16), b=(40, 20), c=(50, 30))}
    kept = {(STABLE, A, NOW): (30, 15), (STABLE, GM, NOW): (120, 65)}
    assert found(release(before), release(after, pending=kept)).leaks == []


def test_a_correction_that_waits_in_vain():
    before = {(STABLE, NOW): counts(a=(30, 15), b=(40, 20), c=(50, 30))}
    after = {(STABLE, NOW): counts(a=(31, 16), b=(52, 26), c=(50, 30))}
    outcome = found(release(before), release(after, pending={(STABLE, A, NOW): (30, 15)}))
    assert names(outcome) == {f"change of {name} of {STABLE} {A} {NOW} (release 2)" for name in ("n", "numerator")}


def test_a_correction_of_a_final_half_year_is_no_secret():
    later = {(STABLE, "2025-H1"): counts(a=(40, 20), b=(40, 20), c=(50, 30))}
    before = {(STABLE, NOW): counts(a=(30, 15), b=(40, 20), c=(50, 30)), **later}
    after = {(STABLE, NOW): counts(a=(31, 16), b=(40, 20), c=(50, 30)), **later}
    assert found(release(before), release(after)).leaks == []


def test_a_pooled_figure_less_its_other_half_year():
    true = {(STABLE, NOW): counts(a=(7, 5), b=(40, 20), c=(50, 30))}
    true |= {(STABLE, NEXT): counts(a=(30, 20), b=(40, 20), c=(50, 30))}
    hidden = hide(STABLE, "primary", A) | hide(STABLE, "secondary", B)
    assert found(release(true, hidden)).leaks == []
    outcome = found(release(true, hidden, pooled={(STABLE, A): [(A, NOW), (A, NEXT)]}))
    assert f"n of {STABLE} {A} {NOW} (release 1)" in names(outcome)


def test_what_was_withdrawn_is_still_known():
    true = {(STABLE, NOW): counts(a=(7, 5), b=(40, 20), c=(50, 30))}
    small = hide(STABLE, "primary", A)
    one, other = release(true, small | hide(STABLE, "secondary", B)), release(true, small | hide(STABLE, "secondary", C))
    assert found(one).leaks == found(other).leaks == []
    assert f"n of {STABLE} {A} {NOW} (release 1)" in names(found(one, other))


def test_the_councils_rounded_municipality_beside_the_partners_districts():
    true = {(MARK, NOW): counts(a=(6, 42), b=(40, 270), c=(50, 350))}
    hidden = hide(MARK, "primary", A) | hide(MARK, "secondary", GM)
    assert found(release(true, hidden)).leaks == []
    outcome = found(release(true, hidden, council=(MARK,)))
    leak = next(leak for leak in outcome.leaks if leak.secret.name == f"n of {MARK} {A} {NOW} (release 1)")
    assert (leak.low, leak.high, leak.why) == (3, 7, "small")
    assert found(release(true, hidden, council=(MARK,)), reader=COUNCIL).leaks == []


def test_a_mean_at_the_end_of_its_scale_tells_what_everybody_said():
    true = {(MARK, NOW): counts(a=(10, 100), b=(40, 270), c=(50, 350))}
    assert names(found(release(true))) == {f"points from the highest score of {MARK} {A} {NOW} (release 1)"}


def test_residents_are_known_and_referrals_of_one_district_follow():
    true = {(DEBT, NOW): {A: (3000, 2), B: (3000, 9), C: (3000, 12), GM: (9010, 23)}}
    assert len(found(release(true, hide(DEBT, "primary", A))).leaks) == 1
    assert found(release(true, hide(DEBT, "primary", A) | hide(DEBT, "secondary", B))).leaks == []


def test_labels_tell_who_knows_the_rules():
    true = {(MARK, NOW): counts(a=(9, 60), b=(9, 61), c=(50, 350))}
    history = release(true, hide(MARK, "primary", A, B))
    assert found(history).leaks == []
    # together 18 and each fewer than 10
    assert {leak.low for leak in found(history, supposing=(LABELS,)).leaks if leak.secret.name[0] == "n"} == {9}


def test_what_is_not_seen_changing_may_be_guessed():
    before = {(MARK, NOW): counts(a=(7, 42), b=(40, 270), c=(50, 350))}
    after = {(MARK, NOW): counts(a=(7, 42), b=(60, 400), c=(50, 350))}
    small = hide(MARK, "primary", A)
    history = [release(before, small | hide(MARK, "secondary", C)), release(after, small | hide(MARK, "secondary", B))]
    assert found(*history).leaks == []
    assert found(*history, supposing=(UNCHANGED,)).leaks != []


def test_a_figure_that_is_not_true_is_told():
    true = {(STABLE, NOW): counts(a=(30, 15), b=(40, 20), c=(50, 30))}
    history = release(true)
    history.published["partners"]["fct_indicator"].loc[0, "n"] = 31
    assert collect([history], INDICATORS, RESIDENTS).false == [f"{STABLE} {A} {NOW}: n"]


def test_sealed_counts_are_read_as_the_truth():
    sealed = [
        ("indicator", "tom", STABLE, A, NOW, "", "n", 12),
        ("indicator", "tom", STABLE, A, NOW, "", "numerator", 6),
        ("indicator", "tom", STABLE, A, NOW, "", "persons", 12),
        ("life_domain", "tom", "financien", A, NOW, "", "n", 8),
        ("pooled", "tom", STABLE, A, NOW, TWO, "n", 20),
    ]
    columns = ["subject", "consortium_code", "code", "district_code", "period", "pooled_over", "count_name", "value"]
    truth = Truth.from_counts(pd.DataFrame(sealed, columns=columns), pd.DataFrame())
    assert truth.cells[["indicator_code", "n", "numerator"]].to_numpy().tolist() == [[STABLE, 12, 6]]
    assert truth.domains["n"].tolist() == [8]
    assert truth.pooled[["pooled_over", "n"]].to_numpy().tolist() == [[TWO, 20]]
