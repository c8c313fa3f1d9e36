"""The audit of releases with rounded counts (T1): safe as they should be, and caught when anything in them is not."""

from __future__ import annotations

import pytest
from audit_world import GM, WIJKEN, Archive, Town, changed, districts, domains

from pipeline.disclosure import audit, ledger

HEARD, FINANCES = "tom_gehoord", "financien"
BEFORE, NOW = "2023-H2", "2024-H1"
FIRST = WIJKEN[0]
# by hand: each count less than 5 away, n = numerator + complement, and the districts add up to the municipality
TRUE = [(7, 4), (8, 5), (12, 6), (30, 12)]
SHOWN = [(5, 5), (10, 5), (10, 5), (30, 10)]
OUTCOMES = [(3, 4, 2), (6, 3, 1), (9, 8, 3), (12, 4, 2)]
SHOWN_OUTCOMES = [(10, 5, 5, 0), (10, 5, 5, 0), (20, 10, 5, 5), (15, 10, 5, 0)]


@pytest.fixture
def archive(tmp_path) -> Archive:
    return Archive(tmp_path)


def rounded_town() -> Town:
    """One indicator and one life domain, all of them rounded."""
    here = Town(counts=districts(HEARD, NOW, TRUE), domains=domains(FINANCES, NOW, OUTCOMES))
    for code, shown in ((HEARD, SHOWN), (FINANCES, SHOWN_OUTCOMES)):
        here.rounded |= {(code, place, NOW): each for place, each in zip(WIJKEN, shown, strict=False)}
        here.rounded[code, GM, NOW] = tuple(map(sum, zip(*shown, strict=True)))
    return here


def telling(found: audit.Verdict) -> str:
    return " / ".join(text for text in found.sentences() if "somebody who is counted himself" not in text)


def judged(archive: Archive, town: Town, audience: str = "partners") -> audit.Verdict:
    return audit.audit_release(archive.settings, archive.candidate(town, audience))


def council_of(town: Town) -> Town:
    """The same for the council, which does not get what a rule hides."""
    there = Town(counts=dict(town.counts), domains=dict(town.domains))
    there.hide((FINANCES, GM, NOW), status="suppressed_primary")
    return there


def test_a_rounded_release_is_safe_also_beside_the_councils_multiples(archive):
    here = rounded_town()
    name = archive.candidate(here)
    found = audit.audit_release(archive.settings, name)
    assert telling(found) == ""
    # the counts that break a rule stay protected, now by their rounding
    assert found.is_safe and found.protected >= 10
    archive.publish(name)
    assert telling(judged(archive, council_of(here), "council")) == ""


def test_that_it_was_rounded_stands_in_the_ledger(archive):
    archive.release(rounded_town())
    archive.release(council_of(rounded_town()), "council")
    values = ledger.published_values(archive.settings)
    assert set(values.loc[values["audience"] == "partners", "is_rounded"]) == {True}
    assert set(values.loc[values["audience"] == "council", "is_rounded"]) == {False}


HERE = f"where indicator_code = '{HEARD}' and district_code = '{FIRST}'"
WHOLE = f"where indicator_code = '{HEARD}' and district_code = '{GM}'"
TAMPERED = {
    "exact counts": (
        f"update fct_indicator set n = 7, numerator = 4 {HERE}",
        "called rounded, and is no multiple of the base: “Client feels heard” in Oudshoorn",
    ),
    "one exact count": (
        f"update fct_indicator set numerator = 4 {HERE}",
        "called rounded, and is no multiple of the base: “Client feels heard” in Oudshoorn",
    ),
    "exact counts that do not say that they are": (
        f"update fct_indicator set n = 7, numerator = 4, is_rounded = false {HERE}",
        "shown although P1 hides it: “Client feels heard” in Oudshoorn",
    ),
    "an exact municipality": (
        f"update fct_indicator set n = 57, numerator = 27, value = 0.47, is_rounded = false {WHOLE}",
        "only a part of the table is rounded: “Client feels heard” in Oudshoorn",
    ),
    "another multiple": (
        f"update fct_indicator set n = 10 {HERE}",
        "rounded counts do not add up: “Client feels heard” in",
    ),
    "a multiple too far": (
        f"update fct_indicator set n = 15, numerator = 10 {HERE}",
        "differs from the truth: “Client feels heard” in Oudshoorn",
    ),
    "outcomes that do not add up": (
        f"update fct_life_domain set stable = 0 where district_code = '{FIRST}'",
        "rounded counts do not add up: “Finances” in",
    ),
    "nobody": (
        f"update fct_indicator set n = 0, numerator = 0 {HERE}",
        "rounded to nobody: “Client feels heard” in Oudshoorn",
    ),
    "a share on few": (
        f"update fct_indicator set value = 1, verdict = 'indicative' {HERE}",
        "a share on too few rounded: “Client feels heard” in Oudshoorn",
    ),
    "an interval": (
        f"update fct_indicator set ci_low = 0.3, ci_high = 0.7 {WHOLE}",
        "fct_indicator.ci_high is filled beside rounded counts",
    ),
    "the verdict on the true counts": (
        f"update fct_indicator set verdict = 'reliable' {WHOLE}",
        "the verdict of a rounded figure is on its true counts",
    ),
    "a number in words": (
        f"update fct_indicator set verdict_reason = 'Er zijn 7 personen.' {HERE}",
        "the reason of a rounded figure holds a number",
    ),
    "a share of a life domain": (
        f"update fct_life_domain set low_share = 0.44, low_status = 'published' where district_code = '{GM}'",
        "fct_life_domain.low_share is filled beside rounded counts",
    ),
    "statistics": (
        f"create table fct_reliability_check as select '{HEARD}' as indicator_code, '{GM}' as district_code, "
        f"'{NOW}' as period, '' as pooled_over, 57.0 as value, 57 as n",
        "fct_reliability_check has statistics of hidden figures: tom_gehoord GM0484 2024-H1",
    ),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_what_is_not_rounded_as_it_should_be_is_found(archive, what):
    statement, message = TAMPERED[what]
    here = rounded_town()
    here.edits.append(statement)
    found = judged(archive, here)
    assert not found.is_safe
    assert message in telling(found)


def test_a_second_rounding_of_the_same_counts_narrows_them_down(archive):
    here = rounded_town()
    archive.release(here)
    other = changed(here)
    # 7 is 5 here and 10 there: 6 to 9 are left
    other.rounded |= {(HEARD, FIRST, NOW): (10, 5), (HEARD, WIJKEN[1], NOW): (5, 5)}
    found = judged(archive, other)
    assert not found.faults and not found.is_safe
    assert "n of “Client feels heard” in Oudshoorn, 2024-H1 can be narrowed to 4 values" in telling(found)


def test_an_exact_sum_beside_rounded_counts_is_found(archive):
    here = rounded_town()
    before = [(80, 40), (60, 30), (70, 30), (90, 40)]
    here.counts |= districts(HEARD, BEFORE, before)
    here.pools[HEARD, FIRST, NOW, "two_half_years"] = [(HEARD, FIRST, NOW), (HEARD, FIRST, BEFORE)]
    found = judged(archive, here)
    assert not found.is_safe
    assert "n of “Client feels heard” in Oudshoorn, 2024-H1 can be narrowed to 1 value" in telling(found)


def test_what_stays_and_what_waits_is_safe(archive):
    here = rounded_town()
    archive.release(here)
    assert telling(judged(archive, changed(here))) == ""
    # one client more, or one who moved: the whole of it stays as it was
    for change in ({FIRST: (8, 4)}, {FIRST: (8, 4), WIJKEN[1]: (7, 5)}):
        later = changed(here, counts={(HEARD, place, NOW): figures for place, figures in change.items()})
        later.pending |= {key: counts for key, counts in here.rounded.items() if key[0] == HEARD}
        found = judged(archive, later)
        assert telling(found) == "" and found.is_safe


def test_a_rounded_figure_that_says_after_it_left_that_it_is_not_is_found(archive):
    name = archive.release(rounded_town())
    archive.edit(name, f"update fct_indicator set is_rounded = false {WHOLE}")
    [found] = audit.audit_history(archive.settings)
    assert "the files are not what left according to the ledger: “Client feels heard”" in telling(found)
