with counted as (
    select
        region_code,
        year as population_year,
        value,
        row_number() over (partition by region_code order by year desc, table_id desc) as newest_first
    from {{ ref("stg_monitors__cbs_kwb") }}
    where measure = 'AantalInwoners' and value is not null
)

select
    districts.district_code,
    districts.district_name,
    districts.district_level,
    districts.municipality_code,
    cast(counted.value as bigint) as population,
    counted.population_year
from {{ ref("districts") }} as districts
left join counted
    on districts.district_code = counted.region_code and counted.newest_first = 1
