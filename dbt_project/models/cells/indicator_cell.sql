with combined as (
    select * from {{ ref("int_indicators__combine") }}
),

counted as (
    select
        combined.consortium_code,
        combined.indicator_code,
        combined.period,
        areas.area_code,
        sum(combined.n) as n,
        sum(combined.numerator) as numerator,
        sum(combined.persons) as persons,
        sum(combined.sum_of_squares) as sum_of_squares,
        sum(combined.places) as places
    from combined
    inner join {{ ref("int_districts__roll_up") }} as areas
        on combined.district_code = areas.district_code
    group by combined.consortium_code, combined.indicator_code, combined.period, areas.area_code
),

delivered_as_counts as (
    select distinct
        consortium_code,
        indicator_code,
        period
    from combined
    where is_delivered_as_counts
),

grid as (
    select
        deliveries.consortium_code,
        indicators.indicator_code,
        areas.district_code,
        deliveries.period,
        deliveries.delivery_version,
        indicators.kind,
        indicators.scale,
        coalesce(areas.population, 0) as population,
        delivered_as_counts.indicator_code is not null as is_delivered_as_counts
    from {{ ref("int_deliveries__choose") }} as deliveries
    inner join {{ ref("indicators") }} as indicators
        on deliveries.consortium_code = indicators.consortium_code
    cross join {{ ref("int_districts__populate") }} as areas
    left join delivered_as_counts
        on
            deliveries.consortium_code = delivered_as_counts.consortium_code
            and deliveries.period = delivered_as_counts.period
            and indicators.indicator_code = delivered_as_counts.indicator_code
),

cells as (
    select
        grid.consortium_code,
        grid.indicator_code,
        grid.district_code,
        grid.period,
        grid.delivery_version,
        grid.kind,
        grid.scale,
        grid.is_delivered_as_counts,
        case
            when grid.kind = 'rate' and not grid.is_delivered_as_counts then grid.population
            else coalesce(counted.n, 0)
        end as n,
        coalesce(counted.numerator, 0) as numerator,
        coalesce(counted.persons, 0) as persons,
        coalesce(counted.sum_of_squares, 0) as sum_of_squares,
        coalesce(counted.places, 0) as places
    from grid
    left join counted
        on
            grid.consortium_code = counted.consortium_code
            and grid.indicator_code = counted.indicator_code
            and grid.period = counted.period
            and grid.district_code = counted.area_code
)

select
    consortium_code,
    indicator_code,
    district_code,
    period,
    cast(n as bigint) as n,
    cast(numerator as bigint) as numerator,
    case
        when kind = 'count' then cast(numerator as double)
        when n > 0 then scale * cast(numerator as double) / n
    end as value,
    cast(case when kind = 'rate' then n when kind <> 'count' then persons end as bigint) as persons,
    cast(case when kind = 'mean' and not is_delivered_as_counts then sum_of_squares end as bigint) as sum_of_squares,
    cast(case when kind = 'count' and not is_delivered_as_counts then places end as bigint) as places,
    cast(delivery_version as integer) as delivery_version
from cells
