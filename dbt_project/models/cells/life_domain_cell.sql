with rated as (
    select
        consortium_code,
        scale_code as life_domain_code,
        district_code,
        period,
        client_key,
        case when baseline_score is not null then 1 else 0 end as is_pair,
        case when score > baseline_score then 1 else 0 end as is_improved,
        case when score = baseline_score then 1 else 0 end as is_stable,
        case when score < baseline_score then 1 else 0 end as is_worsened,
        case when score <= 2 then 1 else 0 end as is_low,
        case when baseline_goal_score is not null then 1 else 0 end as has_goal,
        case when score >= baseline_goal_score then 1 else 0 end as is_goal_reached
    from {{ ref("int_ratings__pair") }}
    where instrument = 'zrm'
),

counted as (
    select
        consortium_code,
        life_domain_code,
        district_code,
        period,
        sum(is_pair) as n,
        sum(is_improved) as improved,
        sum(is_stable) as stable,
        sum(is_worsened) as worsened,
        sum(is_stable * is_low) as stable_low,
        count(*) as rated,
        sum(is_low) as low,
        sum(has_goal) as goals,
        sum(is_goal_reached) as goals_reached,
        count(distinct case when is_pair = 1 then client_key end) as persons
    from rated
    group by consortium_code, life_domain_code, district_code, period
),

per_area as (
    select
        areas.area_code,
        counted.consortium_code,
        counted.life_domain_code,
        counted.period,
        sum(counted.n) as n,
        sum(counted.improved) as improved,
        sum(counted.stable) as stable,
        sum(counted.worsened) as worsened,
        sum(counted.stable_low) as stable_low,
        sum(counted.rated) as rated,
        sum(counted.low) as low,
        sum(counted.goals) as goals,
        sum(counted.goals_reached) as goals_reached,
        sum(counted.persons) as persons
    from counted
    inner join {{ ref("int_districts__roll_up") }} as areas
        on counted.district_code = areas.district_code
    group by areas.area_code, counted.consortium_code, counted.life_domain_code, counted.period
),

life_domains as (
    select distinct life_domain_code from {{ ref("life_domains") }}
),

grid as (
    select
        deliveries.consortium_code,
        life_domains.life_domain_code,
        areas.district_code,
        deliveries.period,
        deliveries.delivery_version
    from {{ ref("int_deliveries__choose") }} as deliveries
    cross join life_domains
    cross join {{ ref("districts") }} as areas
    where deliveries.consortium_code = 'tom'
)

select
    grid.consortium_code,
    grid.life_domain_code,
    grid.district_code,
    grid.period,
    cast(coalesce(per_area.n, 0) as bigint) as n,
    cast(coalesce(per_area.improved, 0) as bigint) as improved,
    cast(coalesce(per_area.stable, 0) as bigint) as stable,
    cast(coalesce(per_area.worsened, 0) as bigint) as worsened,
    cast(coalesce(per_area.stable_low, 0) as bigint) as stable_low,
    cast(coalesce(per_area.rated, 0) as bigint) as rated,
    cast(coalesce(per_area.low, 0) as bigint) as low,
    cast(coalesce(per_area.goals, 0) as bigint) as goals,
    cast(coalesce(per_area.goals_reached, 0) as bigint) as goals_reached,
    cast(coalesce(per_area.persons, 0) as bigint) as persons,
    cast(grid.delivery_version as integer) as delivery_version
from grid
left join per_area
    on
        grid.consortium_code = per_area.consortium_code
        and grid.life_domain_code = per_area.life_domain_code
        and grid.district_code = per_area.area_code
        and grid.period = per_area.period
