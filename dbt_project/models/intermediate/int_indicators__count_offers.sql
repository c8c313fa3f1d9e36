with running as (
    select
        offers.consortium_code,
        offers.period,
        -- an offer without a district is for the municipality as a whole
        coalesce(offers.district_code, municipalities.district_code) as district_code,
        offers.places
    from {{ ref("stg_deliveries__offers") }} as offers
    inner join {{ ref("int_deliveries__choose") }} as deliveries
        on
            offers.consortium_code = deliveries.consortium_code
            and offers.period = deliveries.period
            and offers.started_on <= deliveries.ends_on
    inner join {{ ref("districts") }} as municipalities
        on municipalities.district_level = 'municipality'
    where coalesce(offers.stopped_on > deliveries.ends_on, true)
)

select
    consortium_code,
    'go_ambulant_aanbod' as indicator_code,
    period,
    district_code,
    count(*) as n,
    count(*) as numerator,
    sum(places) as places
from running
group by consortium_code, period, district_code
