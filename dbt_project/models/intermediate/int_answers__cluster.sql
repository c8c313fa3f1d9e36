select
    tally.consortium_code,
    tally.target_group,
    tally.question_code,
    tally.district_code,
    tally.period,
    tally.is_independent,
    tally.interviewer_key,
    cast(sum(tally.n) as bigint) as asked,
    -- 0 is "no opinion or not applicable": asked, but not answered
    cast(sum(case when tally.answer > 0 then tally.n else 0 end) as bigint) as n,
    cast(sum(tally.answer * tally.n) as bigint) as answer_sum,
    cast(sum(tally.answer * tally.answer * tally.n) as bigint) as answer_sum_of_squares,
    cast(sum(case when questions.scale_max = 5 then case when tally.answer >= 4 then tally.n else 0 end end) as bigint)
        as agree,
    cast(sum(case when tally.answer > 0 and tally.answer * 2 <= questions.scale_max then tally.n else 0 end) as bigint)
        as negative,
    cast(sum(case when tally.answer = questions.scale_min then tally.n else 0 end) as bigint) as lowest,
    cast(sum(case when tally.answer = questions.scale_max then tally.n else 0 end) as bigint) as highest
from {{ ref("int_answers__tally") }} as tally
inner join {{ ref("questions") }} as questions
    on tally.question_code = questions.question_code
group by
    tally.consortium_code,
    tally.target_group,
    tally.question_code,
    tally.district_code,
    tally.period,
    tally.is_independent,
    tally.interviewer_key
