"""Own team against others: do re-interviews agree, and does another party hear other answers?

Belongs here: per question and survey, from counts of pairs and of answers. Coefficients are in ``agreement``,
differences in ``comparison``. Who works in which district is not known here: a team's own district may differ from the
others, so a difference is a reason to talk.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.reliability.agreement import agreement_within, gwet_of_pairs
from pipeline.reliability.arrays import Floats, ratio
from pipeline.reliability.comparison import (
    against_margin,
    benjamini_hochberg,
    detectable_difference,
    own_against_independent,
)
from pipeline.reliability.survey_rows import CONSORTIUM, SURVEY, check_rows, is_independent

_QUESTION = [*SURVEY, "question_code"]
# keys of questions, counts by two axes, the scale
Counted = tuple[pd.DataFrame, Floats, Floats]


def backchecks(pairs: pd.DataFrame, questions: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Agreement of re-interviews with the interviews that they repeat: Gwet's AC2 with quadratic weights.

    Each question counts on its own full scale. For the survey as a whole the coefficients are averaged by their number
    of pairs. Answers of one interview are no independent evidence, and counts per question do not tell which belong
    together; so the bounds are averaged like the coefficients. That is the interval if all questions of an interview
    agreed or differed together, and at most too wide. Where a question has too few pairs for an interval its bounds
    are the ends, -1 and 1.

    Args:
        pairs: as ``int_rechecks__count``.
        questions: question_code, scale_min, scale_max.
        confidence: between 0 and 1.

    Returns:
        One row per survey, half-year and question, and one with question_code '' for the survey as a whole: pairs (of
        the survey: of the question with most of them, which is a number of interviews), agreement, agreement_low,
        agreement_high, exact_agreement.
    """
    found = []
    for keys, counts, _ in _counted(pairs, questions, ["first_answer", "second_answer"]):
        ac2 = gwet_of_pairs(counts, "quadratic", confidence=confidence)
        found.append(
            keys.assign(
                pairs=counts.sum(axis=(-2, -1)),
                agreement=ac2.coefficient,
                agreement_low=ac2.low,
                agreement_high=ac2.high,
                exact_agreement=agreement_within(counts),
            )
        )
    columns = ["pairs", "agreement", "agreement_low", "agreement_high", "exact_agreement"]
    if not found:
        return pd.DataFrame(columns=[*_QUESTION, *columns]).astype(dict.fromkeys(columns, float))
    each = pd.concat(found).sort_values(_QUESTION, ignore_index=True)
    careful = each.assign(
        agreement_low=each["agreement_low"].fillna(-1.0), agreement_high=each["agreement_high"].fillna(1.0)
    )
    whole = _weighted(careful, "pairs", columns[1:])
    whole = whole.merge(each.groupby(SURVEY, observed=True)["pairs"].max().reset_index(), on=SURVEY)
    return pd.concat([each, whole.assign(question_code="")], ignore_index=True)[[*_QUESTION, *columns]]


def backcheck_checks(agreement: pd.DataFrame) -> pd.DataFrame:
    """The check ``backcheck_agreement``, with exact agreement beside it, per question and for the survey."""
    return check_rows(
        agreement,
        "backcheck_agreement",
        agreement["agreement"],
        second_value=agreement["exact_agreement"],
        ci_low=agreement["agreement_low"],
        ci_high=agreement["agreement_high"],
        n=agreement["pairs"],
    )


def source_differences(
    distribution: pd.DataFrame,
    questions: pd.DataFrame,
    designs: pd.DataFrame,
    thresholds: Mapping[str, float],
) -> pd.DataFrame:
    """Answers given to the own teams against those given to another party.

    Means may agree while strongly negative answers go to the other party only, so both the mean and the share of
    negative answers (at most 2 of 5, 5 of 10) are compared, with the design effect of the interviewers on either side.
    A mean counts as a part of its scale's range, so that questions on different scales can be laid beside each other
    and the margin is the same.

    ``in_line``: both intervals lie within ± ``mode_margin``. ``deviates``: one lies wholly outside, and its p-value
    of no difference holds at ``conversation_level`` after adjustment over all comparisons of the consortium's half-year
    (Benjamini and Hochberg 1995). Else ``undecided``. For the survey as a whole questions are averaged by the precision
    that their numbers allow, n1 n2/(n1 + n2), bounds like differences: answers of one interview are no independent
    evidence, so the interval is that of questions that move together, and at most too wide.

    Args:
        distribution: as ``int_answers__distribution``.
        questions: question_code, scale_min, scale_max.
        designs: as ``survey_interviewers.question_designs``.
        thresholds: confidence_level, mode_margin, conversation_level.

    Returns:
        One row per survey, half-year and question that both asked, and one with question_code '' for the survey:
        own_n, independent_n, own_n_eff, independent_n_eff (of the survey: of the question with most), and for mean and
        negative: _difference, _difference_low, _difference_high, _p_value (none for the survey), _p_adjusted (of the
        survey: the smallest of its questions); outcome; and detectable, the smallest difference in negative answers
        that would be found with 80 % power.
    """
    confidence, margin = thresholds["confidence_level"], thresholds["mode_margin"]
    answers = distribution.assign(is_independent=is_independent(distribution))
    designs = designs.assign(is_independent=is_independent(designs))
    found = []
    for asked, tables, scale in _counted(answers, questions, ["is_independent", "answer"]):
        both = (tables.sum(axis=-1) > 0).all(axis=1)
        keys, counts = asked[both].reset_index(drop=True), tables[both]
        effects = [
            keys.merge(designs[designs["is_independent"].eq(side)], on=_QUESTION, how="left")["design_effect"]
            .fillna(1.0)
            .to_numpy(float)
            for side in (False, True)
        ]
        found.append(_compared(keys, counts, scale, effects, confidence))
    if not any(map(len, found)):
        return pd.DataFrame(columns=[*_QUESTION, *_NUMBERS, "outcome"]).astype(dict.fromkeys(_NUMBERS, float))
    each = pd.concat(found).sort_values(_QUESTION, ignore_index=True)
    family = each[CONSORTIUM].agg("|".join, axis=1).to_list()
    adjusted = benjamini_hochberg(
        np.concatenate([each["mean_p_value"], each["negative_p_value"]]), [*family, *family]
    ).reshape(2, -1)
    each["mean_p_adjusted"], each["negative_p_adjusted"] = adjusted
    together = each.assign(weight=each["own_n"] * each["independent_n"] / (each["own_n"] + each["independent_n"]))
    whole = _weighted(together, "weight", [*_DIFFERENCES, "detectable"])
    of_survey = each.groupby(SURVEY, observed=True).agg(dict.fromkeys(_SIZES, "max") | dict.fromkeys(_ADJUSTED, "min"))
    whole = whole.merge(of_survey.reset_index(), on=SURVEY).assign(question_code="")
    result = pd.concat([each, whole], ignore_index=True)
    return result.assign(outcome=_outcome(result, margin, thresholds["conversation_level"]))[
        [*_QUESTION, *_NUMBERS, "outcome"]
    ]


def source_checks(differences: pd.DataFrame) -> pd.DataFrame:
    """The check ``own_against_independent``: the difference in the share of negative answers, own minus independent.

    second_value is the smallest difference that would be found with 80 % power.
    """
    return check_rows(
        differences,
        "own_against_independent",
        differences["negative_difference"],
        second_value=differences["detectable"],
        ci_low=differences["negative_difference_low"],
        ci_high=differences["negative_difference_high"],
        n=differences["own_n"] + differences["independent_n"],
        n_eff=differences["own_n_eff"] + differences["independent_n_eff"],
    )


_DIFFERENCES = [f"{what}_difference{bound}" for what in ("mean", "negative") for bound in ("", "_low", "_high")]
_SIZES = ["own_n", "independent_n", "own_n_eff", "independent_n_eff"]
_ADJUSTED = ["mean_p_adjusted", "negative_p_adjusted"]
_NUMBERS = [
    *_SIZES,
    *_DIFFERENCES,
    "mean_p_value",
    "mean_p_adjusted",
    "negative_p_value",
    "negative_p_adjusted",
    "detectable",
]


def _compared(
    keys: pd.DataFrame, counts: Floats, scale: Floats, effects: list[Floats], confidence: float
) -> pd.DataFrame:
    """The two differences of questions on one scale; counts are questions × side × answers, own side first."""
    # Half of the scale counts as negative, the middle of an odd one does not: 2 of 5, 5 of 10.
    negative_up_to = scale[0] - 1 + len(scale) // 2
    result = own_against_independent(
        counts[:, 0],
        counts[:, 1],
        scale,
        negative_up_to,
        confidence,
        own_design_effect=effects[0],
        independent_design_effect=effects[1],
    )
    n = counts.sum(axis=-1)
    n_eff = n / np.stack(effects, axis=1)
    negative = (counts * (scale <= negative_up_to)).sum(axis=(1, 2)) / n.sum(axis=1)
    reach = scale[-1] - scale[0]
    frame = keys.assign(own_n=n[:, 0], independent_n=n[:, 1], own_n_eff=n_eff[:, 0], independent_n_eff=n_eff[:, 1])
    for what, found, unit in (("mean", result.means, reach), ("negative", result.negative_shares, 1.0)):
        frame[f"{what}_difference"] = found.difference / unit
        frame[f"{what}_difference_low"], frame[f"{what}_difference_high"] = found.low / unit, found.high / unit
        frame[f"{what}_p_value"] = found.p_value
    frame["detectable"] = detectable_difference(n_eff[:, 0], n_eff[:, 1], share=negative, confidence=confidence)
    return frame


def _outcome(frame: pd.DataFrame, margin: float, level: float) -> NDArray[np.str_]:
    words = []
    for what in ("mean", "negative"):
        word = against_margin((frame[f"{what}_difference_low"], frame[f"{what}_difference_high"]), margin)
        unsure = frame[f"{what}_p_adjusted"].to_numpy() > level
        words.append(np.where((word == "deviates") & unsure, "undecided", word))
    means, negatives = words
    return np.select(
        [(means == "deviates") | (negatives == "deviates"), (means == "in_line") & (negatives == "in_line")],
        ["deviates", "in_line"],
        "undecided",
    )


def _weighted(frame: pd.DataFrame, weight: str, columns: list[str]) -> pd.DataFrame:
    """Means of columns over the questions of each survey, over those that have the figure."""
    groups = frame[SURVEY].groupby(SURVEY, observed=True)
    number = groups.ngroup().to_numpy()
    keys = frame[SURVEY].drop_duplicates().sort_values(SURVEY, ignore_index=True)
    weights = frame[weight].to_numpy(float)
    result = {}
    for name in columns:
        values = frame[name].to_numpy(float)
        counts = np.where(np.isnan(values), 0.0, weights)
        above = np.bincount(number, counts * np.nan_to_num(values), len(keys))
        result[name] = ratio(above, np.bincount(number, counts, len(keys)))
    return keys.assign(**result)


def _counted(counts: pd.DataFrame, questions: pd.DataFrame, axes: list[str]) -> Iterator[Counted]:
    """Per scale the keys of its questions, their counts by two axes, and the scale.

    Args:
        counts: of answers or pairs, with n.
        questions: question_code, scale_min, scale_max.
        axes: columns with places from 0, or with answers (``answer`` in the name).
    """
    known = counts.merge(questions[["question_code", "scale_min", "scale_max"]], on="question_code", how="left")
    if known["scale_max"].isna().any():
        unknown = sorted(set(known["question_code"][known["scale_max"].isna()]))
        raise ValueError(f"answers to unknown questions: {', '.join(unknown)}")
    for (lowest, highest), group in known.groupby(["scale_min", "scale_max"]):
        scale = np.arange(lowest, highest + 1, dtype=float)
        keys = group[_QUESTION].drop_duplicates().sort_values(_QUESTION, ignore_index=True)
        row = group.groupby(_QUESTION, observed=True).ngroup().to_numpy()
        shape = [len(scale) if "answer" in axis else 2 for axis in axes]
        places = [group[axis].to_numpy(int) - (int(lowest) if "answer" in axis else 0) for axis in axes]
        table = np.zeros((len(keys), *shape))
        np.add.at(table, (row, *places), group["n"].to_numpy(float))
        yield keys, table, scale
