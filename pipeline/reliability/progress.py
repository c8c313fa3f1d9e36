"""What changed ratings say of a group: change against what would have been seen without any help, and the word for it.

Belongs here: life domains and the indicators of improvement, from counts and pairs of ratings to tables. The formulas
are in ``change``, the reliability of a rating comes from ``ratings``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pandas as pd

from pipeline.reliability.arrays import Bounds, Floats, ratio
from pipeline.reliability.change import (
    change_word,
    detectable_change,
    expected_by_regression,
    moves,
    second_rating_chances,
)
from pipeline.reliability.precision import mean_and_variance, mean_interval, share_interval
from pipeline.reliability.ratings import (
    SCALE,
    SCORES,
    double_rating_measurements,
    over_half_years,
    rating_agreement,
)

if TYPE_CHECKING:
    from pipeline.reliability.thresholds import Thresholds

WORDS_NL = {
    "beyond": "meer vooruitgang dan zonder hulp te verwachten is",
    "within": "niet te onderscheiden van wat zonder hulp te verwachten is",
    "below": "minder vooruitgang dan zonder hulp te verwachten is",
}
# the figures that come from pairs of ratings, as dbt counts them in int_indicators__count_ratings
INSTRUMENTS = {
    "tom_zrm_verbeterd_of_stabiel": "zrm",
    "tom_zrm_verbeterd": "zrm",
    "tom_participatie_verbeterd_of_stabiel": "ladder",
    "tom_doel_bereikt": "zrm",
}
CELL = ["consortium_code", "indicator_code", "district_code", "period"]

_DOMAIN = ["consortium_code", "instrument", "life_domain_code", "district_code", "period"]
_START = [*SCALE, "baseline_score"]
_STARTS = ["baseline_score", "up", "same", "down", "expected_change", "detectable_change", "is_lowest", "is_highest"]
_GOALS = ["baseline_score", "goal_score", "reached"]
# a score that nobody has had lately can be somebody's start all the same
_NOBODY_COUNTS_AS = 0.5


def change_tables(
    connection: duckdb.DuckDBPyConnection, thresholds: Thresholds, confidence: float
) -> dict[str, pd.DataFrame]:
    """All tables on ratings, from the models of the warehouse.

    Args:
        connection: holds ``intermediate.int_ratings__second``, ``__change``, ``__level`` and ``__pair``, and
            ``reference.districts``.
        thresholds: interviewer_effect_half_years, minimum_double_ratings, minimum_persons, publishable_effective_n,
            usual_rating_reliability.
        confidence: between 0 and 1.

    Returns:
        ``rating_agreement``, ``domain_change``, ``indicator_change`` (see the functions of these names), and
        ``rating_check``: the rows of the checks ``double_ratings`` and ``group_change``.
    """
    second, change, level = (
        connection.execute(f"select * from intermediate.int_ratings__{name} order by all").df()
        for name in ("second", "change", "level")
    )
    districts = connection.execute("select * from reference.districts").df()
    agreement = rating_agreement(second, level, thresholds, confidence)
    indicators = indicator_change(connection, level, agreement, thresholds, confidence)
    cells = indicators[CELL].assign(instrument=indicators["indicator_code"].map(INSTRUMENTS))
    tables = {
        "rating_agreement": agreement,
        "domain_change": domain_change(by_area(change, districts), level, agreement, thresholds, confidence),
        "indicator_change": indicators,
        "rating_check": pd.concat(
            [double_rating_measurements(second, cells, thresholds, confidence), group_change_measurements(indicators)],
            ignore_index=True,
        ),
    }
    # text even where no row is there: a database would make numbers of it
    texts = {*SCALE, *_DOMAIN, *CELL}
    return {name: table.astype(dict.fromkeys(texts & set(table.columns), "str")) for name, table in tables.items()}


def by_area(change_counts: pd.DataFrame, districts: pd.DataFrame) -> pd.DataFrame:
    """The counts of districts, and those of their municipality.

    Args:
        change_counts: district_code, n, and whatever tells counts apart.
        districts: as the seed: district_code, municipality_code.

    Returns:
        The same columns, with district_code a district or the municipality.
    """
    municipality = districts.set_index("district_code")["municipality_code"]
    whole = change_counts.assign(district_code=change_counts["district_code"].map(municipality))
    both = pd.concat([change_counts, whole[whole["district_code"] != change_counts["district_code"]]])
    return both.groupby([name for name in both.columns if name != "n"], as_index=False)["n"].sum()


def expectations(
    level_counts: pd.DataFrame, agreement: pd.DataFrame, thresholds: Thresholds, confidence: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What a second rating would be without any change, for each score that a client can start at.

    The population is everybody of the consortium who was rated on that scale, by the current ratings of this half-year
    and the ones before (``interviewer_effect_half_years`` in all). A score that nobody has counts as half a client,
    so that who starts there has chances too.

    Args:
        level_counts: as ``intermediate.int_ratings__level``: the keys of a scale, score, n.
        agreement: as ``rating_agreement``.
        thresholds: interviewer_effect_half_years.
        confidence: of the change that one client must show.

    Returns:
        Per scale, half-year and baseline_score: up, same, down (chances), expected_change (regression to the mean),
        detectable_change (of one client), is_lowest, is_highest. And per scale, half-year, baseline_score and
        goal_score: reached, the chance of at least that score.
    """
    pooled = over_half_years(level_counts, int(thresholds["interviewer_effect_half_years"]))
    known = agreement[[*SCALE, "reliability"]].merge(level_counts[SCALE].drop_duplicates(), on=SCALE)
    rows, goals = [], []
    counted = {key: counts.set_index("score")["n"] for key, counts in pooled.groupby(SCALE)}
    for place, (*key, reliability) in enumerate(known.itertuples(index=False, name=None)):
        scores = np.array(SCORES[key[1]])
        q = len(scores)
        population = counted[tuple(key)].reindex(scores, fill_value=0).to_numpy(float)
        chances = second_rating_chances(np.where(population == 0, _NOBODY_COUNTS_AS, population), reliability)
        mean, variance = mean_and_variance(population.sum(), population @ scores, population @ scores**2)
        rows.append(
            {
                "place": np.full(q, place),
                "baseline_score": scores,
                **moves(np.eye(q), chances)._asdict(),
                "expected_change": expected_by_regression(scores, mean, reliability),
                "detectable_change": np.full(
                    q, detectable_change(np.sqrt(variance), reliability, confidence=confidence)
                ),
                "is_lowest": scores == scores[0],
                "is_highest": scores == scores[-1],
            }
        )
        at_least = chances[:, ::-1].cumsum(axis=1)[:, ::-1]
        goals.append(
            {
                "place": np.full(q * q, place),
                "baseline_score": np.repeat(scores, q),
                "goal_score": np.tile(scores, q),
                "reached": at_least.ravel(),
            }
        )
    return _stack(known, rows, _STARTS), _stack(known, goals, _GOALS)


def domain_change(
    change_counts: pd.DataFrame,
    level_counts: pd.DataFrame,
    agreement: pd.DataFrame,
    thresholds: Thresholds,
    confidence: float,
) -> pd.DataFrame:
    """Change per life domain, area and half-year, against what was to be expected without any.

    A pair counts in its own edition: with the mean, the spread and the reliability of that edition. Editions then weigh
    as many as they have pairs.

    Args:
        change_counts: as ``intermediate.int_ratings__change``, with the municipality (``by_area``).
        level_counts: as ``intermediate.int_ratings__level``.
        agreement: as ``rating_agreement``.
        thresholds: interviewer_effect_half_years, minimum_persons, publishable_effective_n.
        confidence: between 0 and 1.

    Returns:
        consortium_code, instrument, life_domain_code (``participation`` for the ladder), district_code, period, n
        (pairs); in points mean_start, mean_change, change_low, change_high, expected_change (regression to the mean),
        detectable_change (of one client), detectable_group_change; shares improved_share, expected_improved_share,
        worsened_share, expected_worsened_share, floor_share, ceiling_share (of the baseline); word (``beyond``,
        ``within``, ``below``, ``unknown``) and word_nl (None when unknown). All but n is NaN on fewer pairs than
        minimum_persons; the word is unknown on fewer than publishable_effective_n, and when all changes are equal:
        then the interval knows no spread.
    """
    starts, _ = expectations(level_counts, agreement, thresholds, confidence)
    pairs = change_counts.merge(starts, on=_START, how="left").rename(columns={"scale_code": "life_domain_code"})
    n, moved = pairs["n"], pairs["score"] - pairs["baseline_score"]
    each = {
        "n": 1,
        "start": pairs["baseline_score"],
        "change": moved,
        "square": moved**2,
        "expected": pairs["expected_change"],
        "detectable": pairs["detectable_change"] ** 2,
        "improved": moved > 0,
        "up": pairs["up"],
        "worsened": moved < 0,
        "down": pairs["down"],
        "lowest": pairs["is_lowest"].eq(True),
        "highest": pairs["is_highest"].eq(True),
    }
    # an unknown expectation of some makes the whole unknown
    sums = pairs[_DOMAIN].assign(**{name: n * value for name, value in each.items()})
    sums = sums.groupby(_DOMAIN, as_index=False).sum(skipna=False)
    count = sums["n"].to_numpy(float)
    shown = count >= thresholds["minimum_persons"]

    def mean(name: str) -> Floats:
        return np.where(shown, ratio(sums[name], count), np.nan)

    bounds = _with_width(mean_interval(count, sums["change"], sums["square"], confidence))
    words = change_word(bounds, ratio(sums["expected"], count))
    words = np.where(count >= thresholds["publishable_effective_n"], words, "unknown")
    return sums[[*_DOMAIN, "n"]].assign(
        mean_start=mean("start"),
        mean_change=mean("change"),
        change_low=np.where(shown, bounds[0], np.nan),
        change_high=np.where(shown, bounds[1], np.nan),
        expected_change=mean("expected"),
        detectable_change=np.sqrt(mean("detectable")),
        detectable_group_change=np.sqrt(ratio(mean("detectable"), count)),
        improved_share=mean("improved"),
        expected_improved_share=mean("up"),
        worsened_share=mean("worsened"),
        expected_worsened_share=mean("down"),
        floor_share=mean("lowest"),
        ceiling_share=mean("highest"),
        word=words,
        word_nl=pd.Series(words, index=sums.index, dtype="str").map(WORDS_NL),
    )


def indicator_change(
    connection: duckdb.DuckDBPyConnection,
    level_counts: pd.DataFrame,
    agreement: pd.DataFrame,
    thresholds: Thresholds,
    confidence: float,
) -> pd.DataFrame:
    """The indicators of improvement against the share that would count as improved when nobody changed.

    A client's chance comes from the scores that the client started at: the product over the rated scales, whose
    second ratings are taken to be independent given the first ones. That share depends strongly on how reliable a
    rating is, and the mean change hardly does. So a word other than ``within`` takes both: the interval of the share
    leaves out the expected share, and the clients' mean excess (change minus what regression to the mean gives, per
    scale of the client) lies on the same side of 0 with its whole interval.

    Args:
        connection: holds ``intermediate.int_ratings__pair`` and ``reference.districts``.
        level_counts: as ``intermediate.int_ratings__level``.
        agreement: as ``rating_agreement``.
        thresholds: interviewer_effect_half_years, publishable_effective_n.
        confidence: between 0 and 1.

    Returns:
        consortium_code, indicator_code, district_code, period; n, persons, share, share_low, share_high (Wilson; pairs
        of one client count as one), expected_share; pairs, mean_change and expected_change over them in points;
        excess_low and excess_high, Student's over clients; word and word_nl as ``domain_change``, unknown with fewer
        persons than publishable_effective_n.
    """
    starts, goals = expectations(level_counts, agreement, thresholds, confidence)
    connection.register("_starts", starts)
    connection.register("_goals", goals)
    try:
        counts = connection.execute(_COUNT_PAIRS).df()
    finally:
        connection.unregister("_starts")
        connection.unregister("_goals")
    n, persons = counts["n"].to_numpy(float), counts["persons"].to_numpy(float)
    bounds = share_interval(counts["numerator"], n, confidence, design_effect=n / persons)
    expected = ratio(counts["expected_numerator"], n)
    excess = _with_width(mean_interval(persons, counts["excess"], counts["excess_square"], confidence))
    words = change_word(bounds, expected)
    words = np.where((words == "unknown") | (words == change_word(excess, 0)), words, "within")
    words = np.where(persons >= thresholds["publishable_effective_n"], words, "unknown")
    return counts[[*CELL, "n", "persons"]].assign(
        share=ratio(counts["numerator"], n),
        share_low=bounds[0],
        share_high=bounds[1],
        expected_share=expected,
        pairs=counts["pairs"],
        mean_change=ratio(counts["change"], counts["pairs"]),
        expected_change=ratio(counts["expected_change"], counts["pairs"]),
        excess_low=excess[0],
        excess_high=excess[1],
        word=words,
        word_nl=pd.Series(words, dtype="str").map(WORDS_NL),
    )


# the same clients and numerators as int_indicators__count_ratings, with each one's chance beside it
_COUNT_PAIRS = """
with pairs as (
    select
        pair.consortium_code, pair.period, pair.instrument, pair.client_key, pair.district_code,
        pair.score, pair.baseline_score, pair.baseline_goal_score,
        starts.up, starts.same, starts.down, starts.expected_change, goals.reached
    from intermediate.int_ratings__pair as pair
    left join _starts as starts
        using (consortium_code, instrument, edition, scale_code, period, baseline_score)
    left join _goals as goals
        on goals.consortium_code = pair.consortium_code and goals.instrument = pair.instrument
        and goals.edition = pair.edition and goals.scale_code = pair.scale_code and goals.period = pair.period
        and goals.baseline_score = pair.baseline_score and goals.goal_score = pair.baseline_goal_score
    where pair.baseline_score is not null
),
clients as (
    select
        consortium_code, period, instrument, district_code,
        bool_or(score >= baseline_score) as has_kept,
        bool_or(score > baseline_score) and not bool_or(score < baseline_score) as has_improved,
        1 - product(down) as keeps,
        product(1 - down) - product(same) as improves,
        count(*) as pairs,
        sum(score - baseline_score) as change,
        sum(expected_change) as expected_change,
        count(baseline_goal_score) as goals,
        count(*) filter (score >= baseline_goal_score) as reached,
        sum(reached) as reaches,
        sum(score - baseline_score) filter (baseline_goal_score is not null) as goal_change,
        sum(expected_change) filter (baseline_goal_score is not null) as expected_goal_change
    from pairs
    group by consortium_code, period, instrument, district_code, client_key
),
figures as (
    select
        consortium_code, district_code, period,
        case instrument when 'zrm' then 'tom_zrm_verbeterd_of_stabiel' else 'tom_participatie_verbeterd_of_stabiel' end
            as indicator_code,
        1 as n, has_kept::integer as numerator, keeps as expected_numerator, pairs, change, expected_change
    from clients
    union all
    select
        consortium_code, district_code, period, 'tom_zrm_verbeterd' as indicator_code,
        1 as n, has_improved::integer as numerator, improves as expected_numerator, pairs, change, expected_change
    from clients
    where instrument = 'zrm'
    union all
    select
        consortium_code, district_code, period, 'tom_doel_bereikt' as indicator_code,
        goals as n, reached as numerator, reaches as expected_numerator, goals as pairs,
        goal_change as change, expected_goal_change as expected_change
    from clients
    where instrument = 'zrm' and goals > 0
),
counted as (
    select
        consortium_code, indicator_code, district_code, period,
        sum(n) as n, count(*) as persons, sum(numerator) as numerator, sum(expected_numerator) as expected_numerator,
        sum(pairs) as pairs, sum(change) as change, sum(expected_change) as expected_change,
        sum((change - expected_change) / pairs) as excess,
        sum(((change - expected_change) / pairs) ** 2) as excess_square
    from figures
    group by all
),
areas as (
    select district_code, district_code as area_code from reference.districts
    union
    select district_code, municipality_code as area_code from reference.districts
)
select
    consortium_code, indicator_code, area_code as district_code, period,
    sum(n)::bigint as n, sum(persons)::bigint as persons, sum(numerator)::bigint as numerator,
    sum(expected_numerator) as expected_numerator,
    sum(pairs)::bigint as pairs, sum(change)::double as change, sum(expected_change) as expected_change,
    sum(excess) as excess, sum(excess_square) as excess_square
from counted
join areas using (district_code)
group by all
order by all
"""


def group_change_measurements(indicators: pd.DataFrame) -> pd.DataFrame:
    """Measurements of check ``group_change``: the share against the one expected without any change.

    Args:
        indicators: as ``indicator_change``.

    Returns:
        The four keys of a cell, check_code, value (share), second_value (expected share), ci_low, ci_high, n and n_eff
        (persons). Cells without a word have no row, nor have those whose share says other than their word: the mean
        change contradicts it, and nothing can be said.
    """
    by_share = change_word((indicators["share_low"], indicators["share_high"]), indicators["expected_share"])
    known = indicators[(indicators["word"] != "unknown") & (indicators["word"] == by_share)]
    return known[CELL].assign(
        check_code="group_change",
        value=known["share"],
        second_value=known["expected_share"],
        ci_low=known["share_low"],
        ci_high=known["share_high"],
        n=known["n"].astype(float),
        n_eff=known["persons"].astype(float),
    )


def _with_width(bounds: Bounds) -> Bounds:
    """The interval, NaN where all values are equal: the formula then knows no spread, which is not certainty."""
    low, high = bounds
    return tuple(np.where(high > low, bound, np.nan) for bound in (low, high))


def _stack(scales: pd.DataFrame, parts: list[dict[str, np.ndarray]], names: list[str]) -> pd.DataFrame:
    """One frame of what was computed per scale, by the place of each scale."""
    columns = {
        name: np.concatenate([part[name] for part in parts]) if parts else np.empty(0) for name in ("place", *names)
    }
    place = columns.pop("place").astype(int)
    return scales[SCALE].iloc[place].reset_index(drop=True).assign(**columns)
