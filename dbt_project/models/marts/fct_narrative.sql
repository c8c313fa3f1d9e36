select
    narratives.consortium_code,
    narratives.indicator_code,
    -- a story without a district is about the municipality as a whole
    coalesce(narratives.district_code, municipalities.district_code) as district_code,
    narratives.period,
    narratives.story,
    narratives.explanation,
    narratives.actions,
    cast(narratives.delivery_version as integer) as delivery_version
from {{ ref("stg_deliveries__narratives") }} as narratives
cross join {{ ref("districts") }} as municipalities
where municipalities.district_level = 'municipality'
