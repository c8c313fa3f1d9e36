with answered as (
    select
        consortium_code,
        period,
        district_code,
        target_group,
        question_code,
        cast(sum(asked) as bigint) as asked,
        cast(sum(n) as bigint) as n,
        cast(sum(answer_sum) as bigint) as answer_sum,
        cast(sum(answer_sum_of_squares) as bigint) as answer_sum_of_squares,
        cast(sum(agree) as bigint) as agree
    from {{ ref("int_answers__cluster") }}
    group by consortium_code, period, district_code, target_group, question_code
),

people as (
    select
        consortium_code,
        period,
        district_code,
        target_group,
        interview_key,
        coalesce(recheck_of_key, interview_key) as person_key,
        count(*) over (partition by consortium_code, period, coalesce(recheck_of_key, interview_key)) as interviews
    from {{ ref("stg_deliveries__interviews") }}
    where outcome = 'afgerond'
),

-- only who was interviewed again can stand behind more than one answer to a question
repeated as (
    select
        people.consortium_code,
        people.period,
        people.district_code,
        people.target_group,
        answers.question_code,
        count(*) - count(distinct people.person_key) as repeats
    from people
    inner join {{ ref("stg_deliveries__answers") }} as answers
        on
            people.consortium_code = answers.consortium_code
            and people.period = answers.period
            and people.interview_key = answers.interview_key
    where people.interviews > 1 and answers.answer > 0
    group by
        people.consortium_code, people.period, people.district_code, people.target_group, answers.question_code
)

select
    answered.consortium_code,
    answered.period,
    answered.district_code,
    answered.target_group,
    answered.question_code,
    answered.asked,
    answered.n,
    answered.answer_sum,
    answered.answer_sum_of_squares,
    answered.agree,
    answered.n - coalesce(repeated.repeats, 0) as persons
from answered
left join repeated
    on
        answered.consortium_code = repeated.consortium_code
        and answered.period = repeated.period
        and answered.district_code = repeated.district_code
        and answered.target_group = repeated.target_group
        and answered.question_code = repeated.question_code
