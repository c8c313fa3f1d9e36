"""The rules as the audit reads them, and the decimals by which figures are printed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.disclosure.audit_rules import ABSENT, COUNCIL, PARTNERS, broken, limits
from pipeline.disclosure.evidence import printed_mean
from pipeline.disclosure.release_faults import decimals
from pipeline.settings import SEEDS

THRESHOLDS = pd.read_csv(SEEDS / "thresholds.csv")


def judge(kind: str, sensitive: str | None, counts: tuple[int, ...], audience: str = PARTNERS, people: int = ABSENT):
    """Rule, what is asked per count, and of everybody else."""
    subject = "life_domain" if kind == "life_domain" else "indicator"
    rows = pd.DataFrame({"subject": [subject], "kind": [kind], "sensitive_side": [sensitive], "period": ["2024-H1"]})
    full = np.array([[*counts, *([ABSENT] * (4 - len(counts)))]])
    found = broken(rows, full, np.array([people]), limits(rows, THRESHOLDS), audience)
    return found.rule[0], found.asked[0].tolist(), found.asked_of_others[0].tolist()


@pytest.mark.parametrize(
    ("kind", "sensitive", "counts", "rule", "asked"),
    [
        # n, numerator, complement: 10 stays possible for n, the others keep their width
        ("proportion", "both", (9, 4, 5), "P1", [10, 1, 1, 0]),
        ("proportion", "both", (10, 5, 5), "", [0, 0, 0, 0]),
        ("proportion", "both", (30, 4, 26), "P3", [0, 5, 0, 0]),
        ("proportion", "both", (30, 26, 4), "P3", [0, 0, 5, 0]),
        ("proportion", "both", (10, 4, 6), "P3", [0, 5, 0, 0]),
        ("proportion", "both", (30, 0, 30), "P4", [0, 5, 0, 0]),
        ("proportion", "both", (30, 30, 0), "P4", [0, 0, 5, 0]),
        ("proportion", "numerator", (30, 26, 4), "", [0, 0, 0, 0]),
        ("proportion", "numerator", (30, 30, 0), "P4", [0, 0, 5, 0]),
        ("proportion", "none", (30, 30, 0), "", [0, 0, 0, 0]),
        ("ratio", "numerator", (30, 3), "P3", [0, 5, 0, 0]),
        ("ratio", "numerator", (30, 0), "", [0, 0, 0, 0]),
        ("rate", "numerator", (9000, 3), "P3", [0, 5, 0, 0]),
        ("rate", "none", (9000, 3), "", [0, 0, 0, 0]),
        ("rate", "numerator", (8, 3), "P1", [0, 1, 0, 0]),
        ("mean", "none", (9, 71), "P1", [10, 1, 0, 0]),
        ("mean", "none", (10, 71), "", [0, 0, 0, 0]),
        ("count", "none", (3, 3), "", [0, 0, 0, 0]),
        ("proportion", "both", (0, 0, 0), "", [0, 0, 0, 0]),
        # n, improved, stable, worsened
        ("life_domain", None, (9, 3, 3, 3), "P1", [10, 1, 1, 1]),
        ("life_domain", None, (20, 5, 15, 0), "", [0, 0, 0, 0]),
        ("life_domain", None, (20, 4, 15, 1), "P3", [0, 5, 0, 5]),
        ("life_domain", None, (20, 0, 20, 0), "P4", [0, 0, 0, 0]),
    ],
)
def test_what_may_not_be_known(kind, sensitive, counts, rule, asked):
    assert judge(kind, sensitive, counts)[:2] == (rule, asked)


def test_persons_behind_a_figure_count_too():
    assert judge("proportion", "both", (40, 20, 20), people=9)[:2] == ("P1", [10, 1, 1, 0])
    assert judge("proportion", "both", (40, 20, 20), people=10)[0] == ""


def test_everybody_with_one_outcome_keeps_the_others_secret():
    assert judge("life_domain", None, (20, 0, 20, 0))[2] == [0, 5, 0]
    assert judge("life_domain", None, (9, 0, 9, 0))[2] == [0, 0, 0]


def test_for_the_council_nine_in_ten_of_a_small_group_is_everybody():
    assert judge("proportion", "numerator", (49, 45, 4), COUNCIL)[:2] == ("P4", [0, 0, 5, 0])
    assert judge("proportion", "numerator", (49, 45, 4), PARTNERS)[0] == ""
    assert judge("proportion", "numerator", (50, 46, 4), COUNCIL)[0] == ""
    assert judge("proportion", "numerator", (49, 44, 5), COUNCIL)[0] == ""


def test_a_threshold_holds_at_the_end_of_the_half_year():
    rows = pd.DataFrame({"period": ["2019-H2", "2024-H1"]})
    changed = pd.concat(
        [
            THRESHOLDS[THRESHOLDS["threshold_code"] != "minimum_persons"],
            pd.DataFrame(
                {
                    "threshold_code": "minimum_persons",
                    "value": ["5", "10"],
                    "valid_from": ["2015-01-01", "2020-01-01"],
                    "valid_to": ["2019-12-31", None],
                }
            ),
        ]
    )
    assert limits(rows, changed).people.tolist() == [5, 10]
    with pytest.raises(ValueError, match="0 values of threshold minimum_persons hold at the end of 2019-H2"):
        limits(rows, changed[changed["value"] != "5"])


@pytest.mark.parametrize(
    ("kind", "n", "expected"),
    [("proportion", 999, 2), ("proportion", 1000, 3), ("ratio", 999, 0), ("ratio", 1000, 1), ("rate", 40, 1)],
)
def test_decimals_follow_from_the_number_of_people(kind, n, expected):
    assert decimals(kind, n) == expected


@pytest.mark.parametrize(
    ("value", "n", "total", "expected"),
    [
        (7.3, 30, 218, "7.3"),
        (7.27, 30, 218, None),
        (7.2, 30, 218, None),
        (7.27, 300, 2180, "7.27"),
        (7.3, 20, 145, "7.3"),  # 7.25 may go either way
        (7.2, 20, 145, "7.2"),
    ],
)
def test_a_mean_is_printed_in_as_many_decimals_as_its_people_allow(value, n, total, expected):
    assert printed_mean(value, n, total) == expected
