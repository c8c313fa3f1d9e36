with newest as (
    {{ newest_vintage("ggd_gezondheid", ["table_id", "year", "age_group"]) }}
)

select
    table_id,
    year,
    age_group,
    margin,
    region_code,
    region_name,
    region_level,
    measure,
    value,
    value_text,
    marker,
    vintage,
    source
from newest
