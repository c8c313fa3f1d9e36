with completed as (
    select
        interviews.consortium_code,
        interviews.target_group,
        interviews.district_code,
        interviews.period,
        interviews.interview_key,
        coalesce(interviews.is_independent, false) as is_independent,
        interviews.recheck_of_key is not null as is_recheck,
        {{ interviewer_who_spoke("interviews") }} as interviewer_key
    from {{ ref("stg_deliveries__interviews") }} as interviews
    where interviews.outcome = 'afgerond'
)

select
    completed.consortium_code,
    completed.target_group,
    answers.question_code,
    completed.district_code,
    completed.period,
    completed.is_independent,
    completed.is_recheck,
    completed.interviewer_key,
    answers.answer,
    count(*) as n
from completed
inner join {{ ref("stg_deliveries__answers") }} as answers
    on
        completed.consortium_code = answers.consortium_code
        and completed.period = answers.period
        and completed.interview_key = answers.interview_key
group by
    completed.consortium_code,
    completed.target_group,
    answers.question_code,
    completed.district_code,
    completed.period,
    completed.is_independent,
    completed.is_recheck,
    completed.interviewer_key,
    answers.answer
