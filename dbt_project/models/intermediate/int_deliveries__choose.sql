select
    deliveries.consortium_code,
    deliveries.period,
    periods.period_index,
    periods.starts_on,
    periods.ends_on,
    periods.baseline_days,
    periods.new_start_days,
    deliveries.delivery_version
from {{ ref("stg_deliveries__deliveries") }} as deliveries
inner join {{ ref("int_periods__list") }} as periods
    on deliveries.period = periods.period
where deliveries.is_counting
