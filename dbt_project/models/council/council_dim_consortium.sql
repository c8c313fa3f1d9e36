select
    consortium_code,
    name,
    description_nl,
    description_en,
    starts_on
from {{ ref("dim_consortium") }}
