select
    delivered.consortium as consortium_code,
    delivered.period,
    delivered.version as delivery_version,
    delivered.table_name,
    delivered.rows_received,
    delivered.rows_accepted,
    delivered.rows_refused,
    delivered.rows_unsound
from {{ source("deliveries", "_log_tables") }} as delivered
inner join {{ ref("stg_deliveries__deliveries") }} as deliveries
    on
        delivered.consortium = deliveries.consortium_code
        and delivered.period = deliveries.period
        and delivered.version = deliveries.delivery_version
where deliveries.is_counting
