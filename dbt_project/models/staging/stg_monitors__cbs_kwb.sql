with newest as (
    {{ newest_vintage("cbs_kwb", ["table_id", "year"]) }}
)

select
    table_id,
    year,
    region_code,
    region_name,
    region_level,
    measure,
    unit,
    value,
    value_text,
    marker,
    status,
    vintage,
    source
from newest
