with pairs as (
    select
        consortium_code,
        period,
        instrument,
        client_key,
        district_code,
        case when score > baseline_score then 1 else 0 end as is_improved,
        case when score < baseline_score then 1 else 0 end as is_worsened,
        case when baseline_goal_score is not null then 1 else 0 end as has_goal,
        case when score >= baseline_goal_score then 1 else 0 end as is_goal_reached
    from {{ ref("int_ratings__pair") }}
    where baseline_score is not null
),

clients as (
    select
        consortium_code,
        period,
        instrument,
        client_key,
        district_code,
        max(1 - is_worsened) as has_kept,
        max(is_improved) as has_improved,
        max(is_worsened) as has_worsened,
        sum(has_goal) as goals,
        sum(is_goal_reached) as goals_reached
    from pairs
    group by consortium_code, period, instrument, client_key, district_code
)

select
    consortium_code,
    'tom_zrm_verbeterd_of_stabiel' as indicator_code,
    period,
    district_code,
    count(*) as n,
    sum(has_kept) as numerator,
    count(*) as persons
from clients
where instrument = 'zrm'
group by consortium_code, period, district_code
union all
select
    consortium_code,
    'tom_zrm_verbeterd' as indicator_code,
    period,
    district_code,
    count(*) as n,
    sum(case when has_worsened = 0 then has_improved else 0 end) as numerator,
    count(*) as persons
from clients
where instrument = 'zrm'
group by consortium_code, period, district_code
union all
select
    consortium_code,
    'tom_doel_bereikt' as indicator_code,
    period,
    district_code,
    sum(goals) as n,
    sum(goals_reached) as numerator,
    count(*) as persons
from clients
where instrument = 'zrm' and goals > 0
group by consortium_code, period, district_code
union all
select
    consortium_code,
    'tom_participatie_verbeterd_of_stabiel' as indicator_code,
    period,
    district_code,
    count(*) as n,
    sum(has_kept) as numerator,
    count(*) as persons
from clients
where instrument = 'ladder'
group by consortium_code, period, district_code
