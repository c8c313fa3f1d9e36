select
    district_code,
    district_name,
    district_level,
    population,
    geometry,
    vintage
from {{ ref("dim_district") }}
where district_level = 'municipality'
