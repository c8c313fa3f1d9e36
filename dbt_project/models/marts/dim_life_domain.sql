select
    life_domain_code,
    max(name_nl) as name_nl,
    max(name_en) as name_en,
    cast(max(case when zrm_version = '2013' then position end) as integer) as position_2013,
    cast(max(case when zrm_version = '2017' then position end) as integer) as position_2017
from {{ ref("life_domains") }}
group by life_domain_code
