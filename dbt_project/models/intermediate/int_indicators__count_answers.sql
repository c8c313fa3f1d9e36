select
    answers.consortium_code,
    indicators.indicator_code,
    answers.period,
    answers.district_code,
    answers.n,
    case when indicators.kind = 'mean' then answers.answer_sum else answers.agree end as numerator,
    answers.persons,
    case when indicators.kind = 'mean' then answers.answer_sum_of_squares end as sum_of_squares
from {{ ref("int_answers__count") }} as answers
inner join {{ ref("indicators") }} as indicators
    on
        answers.consortium_code = indicators.consortium_code
        and answers.target_group = indicators.target_group
        and answers.question_code = indicators.question_code
