select
    life_domain_code,
    name_nl,
    name_en,
    position_2013,
    position_2017
from {{ ref("dim_life_domain") }}
