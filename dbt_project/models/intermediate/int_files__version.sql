select
    files.consortium_code,
    files.file_key,
    files.client_key,
    files.opened_on,
    files.closed_on,
    files.closing_reason_code,
    files.previous_file_key,
    deliveries.period_index as valid_from_index,
    coalesce(
        lead(deliveries.period_index)
            over (partition by files.consortium_code, files.file_key order by deliveries.period_index)
        - 1,
        {{ no_later_period() }}
    ) as valid_to_index
from {{ ref("stg_deliveries__files") }} as files
inner join {{ ref("int_deliveries__choose") }} as deliveries
    on files.consortium_code = deliveries.consortium_code and files.period = deliveries.period
