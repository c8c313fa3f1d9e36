with steps as (
    select
        verdicts.consortium_code,
        verdicts.indicator_code,
        verdicts.district_code,
        verdicts.period,
        verdicts.pooled_over,
        verdicts.verdict,
        verdicts.reason_nl,
        verdicts.threshold_version,
        -- a step without a status keeps NULL, which the contract refuses: it is never shown
        statuses.status,
        statuses.is_pending
    from {{ source("reliability", "verdict") }} as verdicts
    left join {{ source("disclosure", "pooled_status") }} as statuses
        on
            verdicts.consortium_code = statuses.consortium_code
            and verdicts.indicator_code = statuses.indicator_code
            and verdicts.district_code = statuses.district_code
            and verdicts.period = statuses.period
            and verdicts.pooled_over = statuses.pooled_over
    -- a ladder ends at the first step that is shown
    where verdicts.pooled_over <> '' and coalesce(statuses.status, '') <> 'not_offered'
)

select
    steps.consortium_code,
    steps.indicator_code,
    steps.district_code,
    steps.period,
    steps.pooled_over,
    case steps.pooled_over
        when 'two_half_years' then 1
        when 'neighbouring_districts' then 2
        when 'consortium' then 3
        when 'municipality' then 4
    end as step,
    shown.n,
    case when indicators.kind <> 'mean' then shown.numerator end as numerator,
    {{ published_figure("shown.value", "indicators.kind", "shown.n") }} as value,
    {{ published_figure("intervals.ci_low", "indicators.kind", "shown.n") }} as ci_low,
    {{ published_figure("intervals.ci_high", "indicators.kind", "shown.n") }} as ci_high,
    indicators.unit,
    case when steps.status = 'published' then steps.verdict else 'not_publishable' end as verdict,
    case
        when steps.status in ('published', 'unreliable') then steps.reason_nl
        when steps.status = 'suppressed_primary' then 'Te weinig personen om te tonen.'
        else 'Verborgen om een ander getal te beschermen.'
    end as verdict_reason,
    steps.threshold_version,
    steps.status,
    steps.is_pending
from steps
inner join {{ ref("indicators") }} as indicators
    on steps.indicator_code = indicators.indicator_code
-- only what may be shown joins in
left join {{ source("reliability", "pooled_cell") }} as shown
    on
        steps.status = 'published'
        and steps.consortium_code = shown.consortium_code
        and steps.indicator_code = shown.indicator_code
        and steps.district_code = shown.district_code
        and steps.period = shown.period
        and steps.pooled_over = shown.pooled_over
left join {{ source("reliability", "cell_interval") }} as intervals
    on
        steps.status = 'published'
        and steps.consortium_code = intervals.consortium_code
        and steps.indicator_code = intervals.indicator_code
        and steps.district_code = intervals.district_code
        and steps.period = intervals.period
        and steps.pooled_over = intervals.pooled_over
where not coalesce(steps.is_pending, false)
union all
select
    consortium_code,
    indicator_code,
    district_code,
    period,
    pooled_over,
    step,
    n,
    numerator,
    value,
    ci_low,
    ci_high,
    unit,
    verdict,
    verdict_reason,
    threshold_version,
    status,
    is_pending
from {{ source("disclosure", "kept_indicator_pooled") }}
