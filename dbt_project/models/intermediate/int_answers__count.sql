select
    interviews.consortium_code,
    interviews.period,
    interviews.district_code,
    interviews.target_group,
    answers.question_code,
    count(*) as asked,
    -- 0 is "no opinion or not applicable": asked, but not answered
    sum(case when answers.answer > 0 then 1 else 0 end) as n,
    sum(answers.answer) as answer_sum,
    sum(answers.answer * answers.answer) as answer_sum_of_squares,
    sum(case when questions.scale_max = 5 then case when answers.answer >= 4 then 1 else 0 end end) as agree,
    count(
        distinct case
            when answers.answer > 0 then coalesce(interviews.recheck_of_key, interviews.interview_key)
        end
    ) as persons
from {{ ref("stg_deliveries__interviews") }} as interviews
inner join {{ ref("stg_deliveries__answers") }} as answers
    on
        interviews.consortium_code = answers.consortium_code
        and interviews.period = answers.period
        and interviews.interview_key = answers.interview_key
inner join {{ ref("questions") }} as questions
    on answers.question_code = questions.question_code
where interviews.outcome = 'afgerond'
group by
    interviews.consortium_code,
    interviews.period,
    interviews.district_code,
    interviews.target_group,
    answers.question_code
