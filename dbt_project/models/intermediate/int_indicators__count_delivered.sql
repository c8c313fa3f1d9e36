-- a row without category is the total; the categories only count where there is none
with delivered as (
    select
        *,
        case when coalesce(trim(category), '') = '' then 1 else 0 end as is_total
    from {{ ref("stg_deliveries__counts") }}
),

chosen as (
    select
        *,
        max(is_total) over (partition by consortium_code, period, indicator_code, district_code) as has_total
    from delivered
)

select
    chosen.consortium_code,
    chosen.indicator_code,
    chosen.period,
    chosen.district_code,
    -- a count has no denominator of its own
    sum(case when indicators.kind = 'count' then chosen.numerator else chosen.denominator end) as n,
    sum(chosen.numerator) as numerator,
    case when indicators.kind <> 'count' then sum(chosen.denominator) end as persons
from chosen
inner join {{ ref("indicators") }} as indicators
    on chosen.consortium_code = indicators.consortium_code and chosen.indicator_code = indicators.indicator_code
where chosen.is_total = chosen.has_total
group by chosen.consortium_code, chosen.indicator_code, chosen.period, chosen.district_code, indicators.kind
