with delivered as (
    select
        clients.consortium_code,
        clients.client_key,
        clients.district_code,
        deliveries.period_index,
        lag(clients.district_code)
            over (partition by clients.consortium_code, clients.client_key order by deliveries.period_index)
            as previous_district_code
    from {{ ref("stg_deliveries__clients") }} as clients
    inner join {{ ref("int_deliveries__choose") }} as deliveries
        on clients.consortium_code = deliveries.consortium_code and clients.period = deliveries.period
),

moves as (
    select *
    from delivered
    where previous_district_code is null or previous_district_code <> district_code
)

select
    consortium_code,
    client_key,
    district_code,
    period_index as valid_from_index,
    coalesce(
        lead(period_index) over (partition by consortium_code, client_key order by period_index) - 1,
        {{ no_later_period() }}
    ) as valid_to_index
from moves
