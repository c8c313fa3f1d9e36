with loaded as (
    select
        'cbs_kwb' as monitor,
        table_id,
        measure,
        year,
        '' as group_code,
        region_code,
        region_level,
        value,
        unit,
        marker,
        case when status = 'provisional' then 'P' else 'A' end as obs_status_of_value,
        cast(null as integer) as n,
        cast(null as double) as margin,
        cast(null as {{ text_type() }}) as comparable_kind,
        cast(null as {{ text_type() }}) as comparable_code,
        cast(null as {{ text_type() }}) as comparability,
        cast(null as {{ text_type() }}) as series_id,
        false as is_series_break,
        source,
        vintage
    from {{ ref("stg_monitors__cbs_kwb") }}
    union all
    select
        'ggd_gezondheid' as monitor,
        table_id,
        measure,
        year,
        age_group as group_code,
        region_code,
        region_level,
        value,
        '%' as unit,
        marker,
        -- below the municipality these figures are estimates of a model
        case when region_level in ('district', 'neighbourhood') then 'E' else 'A' end as obs_status_of_value,
        cast(null as integer) as n,
        cast(null as double) as margin,
        cast(null as {{ text_type() }}) as comparable_kind,
        cast(null as {{ text_type() }}) as comparable_code,
        cast(null as {{ text_type() }}) as comparability,
        cast(null as {{ text_type() }}) as series_id,
        false as is_series_break,
        source,
        vintage
    from {{ ref("stg_monitors__ggd_health") }}
    where margin = 'value'
    union all
    select
        monitor,
        file_id as table_id,
        measure,
        year,
        group_code,
        region_code,
        region_level,
        value,
        '%' as unit,
        marker,
        'A' as obs_status_of_value,
        n,
        margin,
        comparable_kind,
        comparable_code,
        comparability,
        series_id,
        is_series_break,
        source,
        vintage
    from {{ ref("int_surveys__map") }}
),

figures as (
    select
        *,
        -- a successor of a table repeats earlier years
        row_number()
            over (
                partition by monitor, measure, year, group_code, region_code
                order by table_id desc
            )
            as newest_first
    from loaded
    -- a measure in words has neither value nor marker and is no figure
    where value is not null or marker is not null
)

select
    monitor,
    measure,
    cast(year as integer) as year,
    group_code,
    region_code as district_code,
    region_level,
    value,
    unit,
    marker,
    cast(n as integer) as n,
    margin,
    comparable_kind,
    comparable_code,
    comparability,
    series_id,
    is_series_break,
    case
        -- where one flag must do, a break goes before a missing value (SDMX guideline on OBS_STATUS, 2019)
        when is_series_break then 'B'
        when value is not null then obs_status_of_value
        when marker in ('secret', 'too_few', 'protecting') then 'Q'
        when marker = 'not_asked' then 'L'
        else 'O'
    end as obs_status,
    source,
    vintage
from figures
where newest_first = 1
