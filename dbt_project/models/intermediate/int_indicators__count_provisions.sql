-- n is the number of residents, which joins in where the cells are made
with busiest_months as (
    select
        consortium_code,
        period,
        district_code,
        provision,
        max(unique_visitors) as unique_visitors,
        max(volunteers) as volunteers
    from {{ ref("stg_deliveries__visits") }}
    group by consortium_code, period, district_code, provision
)

select
    consortium_code,
    'boost_bereik' as indicator_code,
    period,
    district_code,
    sum(unique_visitors) as numerator
from busiest_months
group by consortium_code, period, district_code
union all
select
    consortium_code,
    'boost_vrijwilligers' as indicator_code,
    period,
    district_code,
    sum(volunteers) as numerator
from busiest_months
group by consortium_code, period, district_code
union all
select
    consortium_code,
    'boost_toeleiding_schuldhulp' as indicator_code,
    period,
    district_code,
    sum(referrals) as numerator
from {{ ref("stg_deliveries__referrals") }}
where referred_to = 'schuldhulp'
group by consortium_code, period, district_code
