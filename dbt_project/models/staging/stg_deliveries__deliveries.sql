with judged as (
    select
        *,
        max(case when status in ('accepted', 'partially_accepted') then version end)
            over (partition by consortium, period)
            as counting_version
    from {{ source("deliveries", "_log") }}
    where {{ arrived_by_then("received_at") }}
)

select
    consortium as consortium_code,
    period,
    version as delivery_version,
    status,
    created as created_at,
    received_at,
    package_hash,
    contract as contract_version,
    rows_received,
    rows_accepted,
    rows_refused,
    coalesce(correction_of_final, false) as is_correction_of_final,
    coalesce(version = counting_version, false) as is_counting
from judged
