with latest as (
    select max(period_index) as period_index from {{ ref("int_periods__list") }}
)

select
    periods.period,
    periods.starts_on,
    periods.ends_on,
    case
        -- the first half of the next calendar year makes both halves of a year final
        when latest.period_index >= (year(periods.starts_on) + 1) * 2 then 'final'
        when latest.period_index > periods.period_index then 'revised'
        else 'provisional'
    end as delivery_status
from {{ ref("int_periods__list") }} as periods
cross join latest
