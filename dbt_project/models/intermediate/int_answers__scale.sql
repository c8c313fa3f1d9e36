with completed as (
    select
        consortium_code,
        target_group,
        period,
        sum(completed) as completed
    from {{ ref("int_interviews__count") }}
    group by consortium_code, target_group, period
),

asked as (
    select
        tally.consortium_code,
        tally.target_group,
        tally.period,
        tally.question_code,
        sum(tally.n) as asked
    from {{ ref("int_answers__tally") }} as tally
    inner join {{ ref("questions") }} as questions
        on tally.question_code = questions.question_code
    where not tally.is_recheck and questions.scale_max = 5
    group by tally.consortium_code, tally.target_group, tally.period, tally.question_code
),

-- what was asked of few people only is no part of the list that everybody got
items as (
    select
        asked.consortium_code,
        asked.target_group,
        asked.period,
        asked.question_code,
        count(*) over (partition by asked.consortium_code, asked.target_group, asked.period) as items
    from asked
    inner join completed
        on
            asked.consortium_code = completed.consortium_code
            and asked.target_group = completed.target_group
            and asked.period = completed.period
    where asked.asked * 2 >= completed.completed
),

answered as (
    select
        interviews.consortium_code,
        interviews.target_group,
        interviews.period,
        interviews.interview_key,
        items.question_code,
        items.items,
        answers.answer
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
    where
        interviews.outcome = 'afgerond'
        and interviews.recheck_of_key is null
        and answers.answer > 0
        and items.items >= 3
),

-- who left a question open has no total
people as (
    select
        consortium_code,
        period,
        interview_key,
        sum(answer) as total
    from answered
    group by consortium_code, period, interview_key, items
    having count(*) = items
)

select
    answered.consortium_code,
    answered.target_group,
    answered.period,
    answered.question_code,
    answered.items,
    count(*) as n,
    avg(answered.answer) as item_mean,
    var_samp(answered.answer) as item_variance,
    case
        when var_samp(answered.answer) > 0 and var_samp(people.total - answered.answer) > 0
            then corr(answered.answer, people.total - answered.answer)
    end as item_rest_correlation,
    avg(people.total) as total_mean,
    var_samp(people.total) as total_variance
from answered
inner join people
    on
        answered.consortium_code = people.consortium_code
        and answered.period = people.period
        and answered.interview_key = people.interview_key
group by
    answered.consortium_code, answered.target_group, answered.period, answered.question_code, answered.items
having count(*) >= 3
