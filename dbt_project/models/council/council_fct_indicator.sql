with judged as (
    select
        partners.consortium_code,
        partners.indicator_code,
        partners.district_code,
        partners.period,
        partners.unit,
        partners.verdict_reason,
        partners.delivery_version,
        partners.obs_status,
        verdicts.verdict,
        -- a figure without a status or verdict keeps status NULL, which the contract refuses: it is never shown
        case
            when partners.status = 'no_data' then 'no_data'
            when decided.status <> 'published' then decided.status
            when decided.status = 'published' and verdicts.verdict = 'not_publishable' then 'unreliable'
            when decided.status = 'published' and verdicts.verdict in ('reliable', 'indicative') then 'published'
        end as status,
        coalesce(decided.is_pending, false) as is_pending
    from {{ ref("fct_indicator") }} as partners
    inner join {{ ref("council_dim_district") }} as areas
        on partners.district_code = areas.district_code
    left join {{ source("disclosure", "council_indicator") }} as decided
        on
            partners.consortium_code = decided.consortium_code
            and partners.indicator_code = decided.indicator_code
            and partners.district_code = decided.district_code
            and partners.period = decided.period
    left join {{ source("reliability", "verdict") }} as verdicts
        on
            verdicts.pooled_over = ''
            and partners.consortium_code = verdicts.consortium_code
            and partners.indicator_code = verdicts.indicator_code
            and partners.district_code = verdicts.district_code
            and partners.period = verdicts.period
)

select
    judged.consortium_code,
    judged.indicator_code,
    judged.district_code,
    judged.period,
    shown.n,
    shown.numerator,
    shown.value,
    shown.ci_low,
    shown.ci_high,
    judged.unit,
    -- the verdict on a hidden figure would tell on how many people it is
    case when judged.status = 'published' then judged.verdict else 'not_publishable' end as verdict,
    -- partners' reasons hold numbers that tell more than a rounded figure
    case
        when judged.status = 'published' and judged.verdict = 'reliable'
            then 'Het cijfer is zeker genoeg om te gebruiken.'
        when judged.status = 'published' then 'Het cijfer is een aanwijzing: het kan ook iets hoger of lager zijn.'
        when judged.status = 'unreliable' then 'Het cijfer is te onzeker om te tonen.'
        when judged.status = 'suppressed_primary' then 'Te weinig personen om te tonen.'
        when judged.status = 'suppressed_secondary' then 'Verborgen om een ander getal te beschermen.'
        when judged.status = 'no_data' then judged.verdict_reason
    end as verdict_reason,
    judged.status,
    judged.delivery_version,
    case
        when judged.status = 'published' and periods.delivery_status = 'provisional' then 'P'
        when judged.status = 'published' then 'A'
        when judged.status in ('suppressed_primary', 'suppressed_secondary', 'unreliable') then 'Q'
        when judged.status = 'no_data' then judged.obs_status
    end as obs_status,
    case
        when judged.status = 'suppressed_primary' then 'A'
        when judged.status = 'suppressed_secondary' then 'D'
        else 'F'
    end as conf_status,
    judged.is_pending
from judged
inner join {{ ref("council_dim_period") }} as periods
    on judged.period = periods.period
-- only what may be shown joins in
left join {{ source("disclosure", "council_indicator") }} as shown
    on
        judged.status = 'published'
        and judged.consortium_code = shown.consortium_code
        and judged.indicator_code = shown.indicator_code
        and judged.district_code = shown.district_code
        and judged.period = shown.period
