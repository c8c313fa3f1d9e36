select
    period,
    starts_on,
    ends_on,
    delivery_status
from {{ ref("dim_period") }}
