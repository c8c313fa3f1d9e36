select
    consortium_code,
    district_code,
    period,
    count(*) as clients
from {{ ref("stg_deliveries__clients") }}
group by consortium_code, district_code, period
