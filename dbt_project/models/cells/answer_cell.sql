with counted as (
    select * from {{ ref("int_answers__count") }}
),

per_area as (
    select
        counted.consortium_code,
        counted.target_group,
        counted.question_code,
        areas.area_code,
        counted.period,
        sum(counted.asked) as asked,
        sum(counted.n) as n,
        sum(counted.answer_sum) as answer_sum,
        sum(counted.answer_sum_of_squares) as answer_sum_of_squares,
        sum(counted.agree) as agree
    from counted
    inner join {{ ref("int_districts__roll_up") }} as areas
        on counted.district_code = areas.district_code
    group by counted.consortium_code, counted.target_group, counted.question_code, areas.area_code, counted.period
),

asked_at_all as (
    select distinct
        consortium_code,
        target_group,
        question_code,
        period
    from counted
),

grid as (
    select
        asked_at_all.consortium_code,
        asked_at_all.target_group,
        asked_at_all.question_code,
        areas.district_code,
        asked_at_all.period,
        questions.scale_max
    from asked_at_all
    inner join {{ ref("questions") }} as questions
        on asked_at_all.question_code = questions.question_code
    cross join {{ ref("districts") }} as areas
)

select
    grid.consortium_code,
    grid.target_group,
    grid.question_code,
    grid.district_code,
    grid.period,
    cast(coalesce(per_area.asked, 0) as bigint) as asked,
    cast(coalesce(per_area.n, 0) as bigint) as n,
    cast(coalesce(per_area.answer_sum, 0) as bigint) as sum,
    cast(coalesce(per_area.answer_sum_of_squares, 0) as bigint) as sum_of_squares,
    cast(case when grid.scale_max = 5 then coalesce(per_area.agree, 0) end as bigint) as agree
from grid
left join per_area
    on
        grid.consortium_code = per_area.consortium_code
        and grid.target_group = per_area.target_group
        and grid.question_code = per_area.question_code
        and grid.district_code = per_area.area_code
        and grid.period = per_area.period
