with boundaries as (
    select
        region_code,
        geometry_wkt,
        row_number() over (partition by region_code order by year desc) as newest_first
    from {{ ref("stg_monitors__districts") }}
)

select
    areas.district_code,
    areas.district_name,
    areas.district_level,
    areas.population,
    boundaries.geometry_wkt as geometry,
    cast(areas.population_year as {{ text_type() }}) as vintage
from {{ ref("int_districts__populate") }} as areas
left join boundaries
    on areas.district_code = boundaries.region_code and boundaries.newest_first = 1
