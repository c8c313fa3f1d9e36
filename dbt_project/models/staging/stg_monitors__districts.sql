with newest as (
    {{ newest_vintage("cbs_wijken", ["year"]) }}
)

select
    year,
    region_code,
    region_name,
    region_level,
    geometry_wkt,
    vintage,
    source
from newest
