with asked_by as (
    select
        'tom' as consortium_code,
        'client' as target_group,
        'tevredenheid' as question_code,
        'tom_tevredenheid_clienten' as indicator_code
    union all
    select
        'tom' as consortium_code,
        'stakeholder' as target_group,
        'tevredenheid' as question_code,
        'tom_tevredenheid_stakeholders' as indicator_code
    union all
    select
        'tom' as consortium_code,
        'client' as target_group,
        'gehoord' as question_code,
        'tom_gehoord' as indicator_code
    union all
    select
        'tom' as consortium_code,
        'client' as target_group,
        'eigen_regie' as question_code,
        'tom_eigen_regie' as indicator_code
    union all
    select
        'go' as consortium_code,
        'client' as target_group,
        'tevredenheid' as question_code,
        'go_tevredenheid_clienten' as indicator_code
    union all
    select
        'boost' as consortium_code,
        'client' as target_group,
        'tevredenheid' as question_code,
        'boost_tevredenheid_bezoekers' as indicator_code
)

select
    answers.consortium_code,
    asked_by.indicator_code,
    answers.period,
    answers.district_code,
    answers.n,
    case when indicators.kind = 'mean' then answers.answer_sum else answers.agree end as numerator,
    answers.persons,
    case when indicators.kind = 'mean' then answers.answer_sum_of_squares end as sum_of_squares
from {{ ref("int_answers__count") }} as answers
inner join asked_by
    on
        answers.consortium_code = asked_by.consortium_code
        and answers.target_group = asked_by.target_group
        and answers.question_code = asked_by.question_code
inner join {{ ref("indicators") }} as indicators
    on asked_by.indicator_code = indicators.indicator_code
