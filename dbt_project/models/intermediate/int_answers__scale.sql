with items as (
    select * from {{ ref("int_questions__choose") }}
    where items >= 3
),

-- who left a question open has no total
people as (
    select
        answers.consortium_code,
        answers.period,
        answers.interview_key,
        interviews.target_group,
        cast(sum(answers.answer) as integer) as total
    from {{ ref("stg_deliveries__interviews") }} as interviews
    inner join {{ ref("stg_deliveries__answers") }} as answers
        on
            interviews.consortium_code = answers.consortium_code
            and interviews.period = answers.period
            and interviews.interview_key = answers.interview_key
    inner join items
        on
            interviews.consortium_code = items.consortium_code
            and interviews.target_group = items.target_group
            and interviews.period = items.period
            and answers.question_code = items.question_code
    where interviews.outcome = 'afgerond' and interviews.recheck_of_key is null and answers.answer > 0
    group by answers.consortium_code, answers.period, answers.interview_key, interviews.target_group
    having count(*) = max(items.items)
),

-- of all questions, and only then of the items: to choose them among all answers again would take far longer
measured as (
    select
        people.consortium_code,
        people.target_group,
        people.period,
        answers.question_code,
        count(*) as n,
        avg(answers.answer) as item_mean,
        var_samp(answers.answer) as item_variance,
        var_samp(people.total - answers.answer) as rest_variance,
        corr(answers.answer, people.total - answers.answer) as item_rest_correlation,
        avg(people.total) as total_mean,
        var_samp(people.total) as total_variance
    from people
    inner join {{ ref("stg_deliveries__answers") }} as answers
        on
            people.consortium_code = answers.consortium_code
            and people.period = answers.period
            and people.interview_key = answers.interview_key
    group by people.consortium_code, people.target_group, people.period, answers.question_code
)

select
    measured.consortium_code,
    measured.target_group,
    measured.period,
    measured.question_code,
    items.items,
    measured.n,
    measured.item_mean,
    measured.item_variance,
    case when measured.item_variance > 0 and measured.rest_variance > 0 then measured.item_rest_correlation end
        as item_rest_correlation,
    measured.total_mean,
    measured.total_variance
from measured
inner join items
    on
        measured.consortium_code = items.consortium_code
        and measured.target_group = items.target_group
        and measured.period = items.period
        and measured.question_code = items.question_code
where measured.n >= 3
