with judged as (
    select
        partners.consortium_code,
        partners.life_domain_code,
        partners.district_code,
        partners.period,
        partners.delivery_version,
        -- a row without a status keeps NULL, which the contract refuses: it is never shown
        case when partners.status = 'no_data' then 'no_data' else decided.status end as status,
        coalesce(decided.is_pending, false) as is_pending
    from {{ ref("fct_life_domain") }} as partners
    inner join {{ ref("council_dim_district") }} as areas
        on partners.district_code = areas.district_code
    left join {{ source("disclosure", "council_life_domain") }} as decided
        on
            partners.consortium_code = decided.consortium_code
            and partners.life_domain_code = decided.life_domain_code
            and partners.district_code = decided.district_code
            and partners.period = decided.period
)

select
    judged.consortium_code,
    judged.life_domain_code,
    judged.district_code,
    judged.period,
    shown.n,
    shown.improved,
    shown.stable,
    shown.worsened,
    shown.low_share,
    shown.goal_attainment,
    judged.status,
    judged.delivery_version,
    judged.is_pending
from judged
-- only what may be shown joins in
left join {{ source("disclosure", "council_life_domain") }} as shown
    on
        judged.status = 'published'
        and judged.consortium_code = shown.consortium_code
        and judged.life_domain_code = shown.life_domain_code
        and judged.district_code = shown.district_code
        and judged.period = shown.period
