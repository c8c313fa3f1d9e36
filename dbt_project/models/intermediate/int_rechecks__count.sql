with interviews as (
    select
        interviews.consortium_code,
        interviews.target_group,
        interviews.period,
        periods.period_index,
        interviews.interview_key,
        interviews.recheck_of_key,
        interviews.outcome
    from {{ ref("stg_deliveries__interviews") }} as interviews
    inner join {{ ref("int_periods__list") }} as periods
        on interviews.period = periods.period
),

-- a re-interview may follow in the next half-year; of an interview that was delivered again the latest state counts
pairs as (
    select
        rechecks.consortium_code,
        rechecks.target_group,
        rechecks.period,
        rechecks.interview_key,
        first_ones.period as first_period,
        first_ones.interview_key as first_key,
        first_ones.outcome as first_outcome,
        row_number() over (
            partition by rechecks.consortium_code, rechecks.period, rechecks.interview_key
            order by first_ones.period_index desc
        ) as latest_first
    from interviews as rechecks
    inner join interviews as first_ones
        on
            rechecks.consortium_code = first_ones.consortium_code
            and rechecks.recheck_of_key = first_ones.interview_key
            and rechecks.period_index >= first_ones.period_index
    where rechecks.outcome = 'afgerond' and rechecks.interview_key <> rechecks.recheck_of_key
),

-- both sides under each other, so that the answers are read once
sides as (
    select
        consortium_code,
        target_group,
        period,
        interview_key as recheck_key,
        first_period as side_period,
        first_key as side_key,
        1 as side
    from pairs
    where latest_first = 1 and first_outcome = 'afgerond'
    union all
    select
        consortium_code,
        target_group,
        period,
        interview_key as recheck_key,
        period as side_period,
        interview_key as side_key,
        2 as side
    from pairs
    where latest_first = 1 and first_outcome = 'afgerond'
),

answered as (
    select
        sides.consortium_code,
        sides.target_group,
        answers.question_code,
        sides.period,
        sides.recheck_key,
        max(case when sides.side = 1 then answers.answer end) as first_answer,
        max(case when sides.side = 2 then answers.answer end) as second_answer
    from sides
    inner join {{ ref("stg_deliveries__answers") }} as answers
        on
            sides.consortium_code = answers.consortium_code
            and sides.side_period = answers.period
            and sides.side_key = answers.interview_key
    where answers.answer > 0
    group by sides.consortium_code, sides.target_group, answers.question_code, sides.period, sides.recheck_key
)

select
    consortium_code,
    target_group,
    question_code,
    period,
    first_answer,
    second_answer,
    count(*) as n
from answered
where first_answer is not null and second_answer is not null
group by consortium_code, target_group, question_code, period, first_answer, second_answer
