select
    district_code,
    district_code as area_code
from {{ ref("districts") }}
union all
select
    district_code,
    municipality_code as area_code
from {{ ref("districts") }}
where district_level = 'district'
