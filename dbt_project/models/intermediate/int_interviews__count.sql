with counted as (
    select
        consortium_code,
        target_group,
        district_code,
        period,
        outcome,
        case when recheck_of_key is null then 1 else 0 end as is_drawn,
        case when coalesce(is_independent, false) then 1 else 0 end as is_independent
    from {{ ref("stg_deliveries__interviews") }}
)

select
    consortium_code,
    target_group,
    district_code,
    period,
    cast(sum(is_drawn) as bigint) as drawn,
    cast(sum(case when outcome = 'afgerond' then is_drawn else 0 end) as bigint) as completed,
    cast(sum(case when outcome = 'deels' then is_drawn else 0 end) as bigint) as partial,
    cast(sum(case when outcome = 'geweigerd' then is_drawn else 0 end) as bigint) as refused,
    cast(sum(case when outcome = 'niet_bereikt' then is_drawn else 0 end) as bigint) as not_contacted,
    cast(sum(case when outcome = 'overig' then is_drawn else 0 end) as bigint) as other,
    cast(sum(case when outcome = 'afgerond' then is_drawn * is_independent else 0 end) as bigint)
        as completed_independent,
    cast(sum(case when outcome = 'afgerond' then 1 - is_drawn else 0 end) as bigint) as rechecks_completed
from counted
group by consortium_code, target_group, district_code, period
