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
)

-- what was asked of few people only is no part of the list that everybody got
select
    asked.consortium_code,
    asked.target_group,
    asked.period,
    asked.question_code,
    cast(count(*) over (partition by asked.consortium_code, asked.target_group, asked.period) as integer) as items
from asked
inner join completed
    on
        asked.consortium_code = completed.consortium_code
        and asked.target_group = completed.target_group
        and asked.period = completed.period
where asked.asked * 2 >= completed.completed
