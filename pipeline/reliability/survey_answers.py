"""The answers of completed interviews as one wide matrix, for what sums cannot tell.

Belongs here: reading, with little memory. Does not belong here: a statistic. An interview has no name here, and no
interviewer.
"""

from __future__ import annotations

from typing import NamedTuple

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

META = ["consortium_code", "target_group", "period", "district_code", "team"]


class WideAnswers(NamedTuple):
    """Completed interviews, re-interviews not among them.

    Attributes:
        meta: one row per interview with consortium_code, target_group, period, district_code and team (``''`` when it
            is not known), as categories.
        answers: one row per interview and one column per question, 0 for no answer.
        questions: codes of the columns, in the order in which they are asked.
    """

    meta: pd.DataFrame
    answers: NDArray[np.int8]
    questions: list[str]


def wide_answers(connection: duckdb.DuckDBPyConnection) -> WideAnswers:
    """Read the answers from the warehouse, one consortium at a time.

    Ten million answers become ten megabytes. What takes memory is the turning of rows into columns, of which there is
    one consortium's at a time.

    Args:
        connection: to a warehouse with ``staging`` and ``reference``.

    Returns:
        The interviews in no particular order.
    """
    questions = [
        row[0]
        for row in connection.execute("select question_code from reference.questions order by position").fetchall()
    ]
    asked: dict[str, set[str]] = {}
    for consortium, question in connection.execute(
        "select distinct consortium_code, question_code from staging.stg_deliveries__answers order by all"
    ).fetchall():
        asked.setdefault(consortium, set()).add(question)
    meta, answers = [], []
    for consortium, theirs in asked.items():
        columns = [code for code in questions if code in theirs]
        found = connection.execute(_wide_query(len(columns)), [*columns, consortium, consortium]).to_arrow_table()
        matrix = np.zeros((found.num_rows, len(questions)), dtype=np.int8)
        for place, code in enumerate(columns):
            matrix[:, questions.index(code)] = found.column(f"answer_{place}").to_numpy()
        answers.append(matrix)
        meta.append(found.select(META))
    if not meta:
        empty = pd.DataFrame({name: pd.Categorical([]) for name in META})
        return WideAnswers(empty, np.zeros((0, len(questions)), np.int8), questions)
    together = pa.concat_tables(meta)
    encoded = {name: together.column(name).combine_chunks().dictionary_encode() for name in META}
    return WideAnswers(pa.table(encoded).to_pandas(), np.concatenate(answers), questions)


def _wide_query(questions: int) -> str:
    """The interviews of one consortium with a column per question that it asked.

    The parameters are the questions in order of their place, and twice the consortium. Answers are brought together
    before they meet their interview: ten rows become one first.
    """
    columns = "".join(
        f", coalesce(max(case when question_code = ? then answer end), 0)::tinyint as answer_{place}"
        for place in range(questions)
    )
    return f"""
        with wide as (
            select period, interview_key {columns}
            from staging.stg_deliveries__answers
            where consortium_code = ?
            group by period, interview_key
        )

        select interviews.consortium_code, interviews.target_group, interviews.district_code,
            coalesce(interviews.team, '') as team, wide.* exclude (interview_key)
        from wide
        inner join staging.stg_deliveries__interviews as interviews
            on wide.period = interviews.period and wide.interview_key = interviews.interview_key
        where interviews.consortium_code = ?
            and interviews.outcome = 'afgerond' and interviews.recheck_of_key is null
    """
