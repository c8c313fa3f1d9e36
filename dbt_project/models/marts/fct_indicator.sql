with first_delivery as (
    select min(period_index) as period_index from {{ ref("int_deliveries__choose") }}
),

grid as (
    select
        indicators.consortium_code,
        indicators.indicator_code,
        districts.district_code,
        periods.period,
        indicators.unit,
        indicators.kind,
        coalesce(periods.ends_on < consortia.starts_on, false) as is_before_start
    from {{ ref("indicators") }} as indicators
    inner join {{ ref("consortia") }} as consortia
        on indicators.consortium_code = consortia.consortium_code
    cross join {{ ref("districts") }} as districts
    cross join first_delivery
    inner join {{ ref("int_periods__list") }} as periods
        on first_delivery.period_index <= periods.period_index
),

judged as (
    select
        grid.consortium_code,
        grid.indicator_code,
        grid.district_code,
        grid.period,
        grid.unit,
        grid.is_before_start,
        cells.delivery_version,
        -- a cell without a verdict keeps status NULL, which the contract refuses: it is never shown
        case
            when cells.indicator_code is null then 'no_data'
            when cells.n = 0 and grid.kind <> 'count' then 'no_data'
            else statuses.status
        end as status
    from grid
    left join {{ ref("indicator_cell") }} as cells
        on
            grid.consortium_code = cells.consortium_code
            and grid.indicator_code = cells.indicator_code
            and grid.district_code = cells.district_code
            and grid.period = cells.period
    left join {{ source("disclosure", "indicator_status") }} as statuses
        on
            grid.consortium_code = statuses.consortium_code
            and grid.indicator_code = statuses.indicator_code
            and grid.district_code = statuses.district_code
            and grid.period = statuses.period
)

select
    judged.consortium_code,
    judged.indicator_code,
    judged.district_code,
    judged.period,
    shown.n,
    shown.numerator,
    shown.value,
    intervals.ci_low,
    intervals.ci_high,
    judged.unit,
    cast(null as {{ text_type() }}) as verdict,
    'Nog niet beoordeeld' as verdict_reason,
    judged.status,
    cast(null as {{ text_type() }}) as pooled_over,
    judged.delivery_version,
    case
        when judged.status = 'published' and periods.delivery_status = 'provisional' then 'P'
        when judged.status = 'published' then 'A'
        when judged.status in ('suppressed_primary', 'suppressed_secondary') then 'Q'
        -- not delivered; before the start, or with nobody to count, data cannot exist
        when judged.delivery_version is null and not judged.is_before_start then 'L'
        else 'M'
    end as obs_status,
    case
        when judged.status = 'suppressed_primary' then 'A'
        when judged.status = 'suppressed_secondary' then 'D'
        else 'F'
    end as conf_status
from judged
inner join {{ ref("dim_period") }} as periods
    on judged.period = periods.period
-- only what may be shown joins in
left join {{ ref("indicator_cell") }} as shown
    on
        judged.status = 'published'
        and judged.consortium_code = shown.consortium_code
        and judged.indicator_code = shown.indicator_code
        and judged.district_code = shown.district_code
        and judged.period = shown.period
left join {{ source("reliability", "cell_interval") }} as intervals
    on
        judged.status = 'published'
        and judged.consortium_code = intervals.consortium_code
        and judged.indicator_code = intervals.indicator_code
        and judged.district_code = intervals.district_code
        and judged.period = intervals.period
