select
    consortium_code,
    target_group,
    question_code,
    period,
    is_independent,
    answer,
    cast(sum(n) as bigint) as n
from {{ ref("int_answers__tally") }}
where not is_recheck and answer > 0
group by consortium_code, target_group, question_code, period, is_independent, answer
