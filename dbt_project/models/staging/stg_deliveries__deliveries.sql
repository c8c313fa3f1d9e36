with judged as (
    select
        *,
        max(case when status in ('accepted', 'partially_accepted') then version end)
            over (partition by consortium, period)
            as counting_version
    from {{ source("deliveries", "_log") }}
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
    coalesce(version = counting_version, false) as is_counting
from judged
