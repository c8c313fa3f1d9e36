select
    goals.consortium_code,
    goals.goal_key,
    goals.client_key,
    goals.judged_on,
    goals.result,
    deliveries.period_index as valid_from_index,
    coalesce(
        lead(deliveries.period_index)
            over (partition by goals.consortium_code, goals.goal_key order by deliveries.period_index)
        - 1,
        {{ no_later_period() }}
    ) as valid_to_index
from {{ ref("stg_deliveries__goals") }} as goals
inner join {{ ref("int_deliveries__choose") }} as deliveries
    on goals.consortium_code = deliveries.consortium_code and goals.period = deliveries.period
