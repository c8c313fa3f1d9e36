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
        grid.kind,
        grid.is_before_start,
        cells.delivery_version,
        verdicts.verdict,
        verdicts.reason_nl,
        verdicts.threshold_version,
        -- a cell without a status or verdict keeps status NULL, which the contract refuses: it is never shown
        case
            when cells.indicator_code is null then 'no_data'
            when cells.n = 0 and grid.kind <> 'count' then 'no_data'
            when statuses.status <> 'published' then statuses.status
            -- the verdict is on the true counts, and would tell something of them
            when statuses.status = 'published' and rounded.n is not null then 'published'
            when statuses.status = 'published' and verdicts.verdict = 'not_publishable' then 'unreliable'
            when statuses.status = 'published' and verdicts.verdict in ('reliable', 'indicative') then 'published'
        end as status,
        case when statuses.status is null then false else statuses.is_pending end as is_pending,
        coalesce(statuses.status = 'published' and rounded.n is not null, false) as is_rounded,
        rounded.n as rounded_n,
        rounded.numerator as rounded_numerator,
        rounded.value as rounded_value
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
    left join {{ source("reliability", "verdict") }} as verdicts
        on
            verdicts.pooled_over = ''
            and grid.consortium_code = verdicts.consortium_code
            and grid.indicator_code = verdicts.indicator_code
            and grid.district_code = verdicts.district_code
            and grid.period = verdicts.period
    left join {{ source("disclosure", "rounded_indicator") }} as rounded
        on
            grid.consortium_code = rounded.consortium_code
            and grid.indicator_code = rounded.indicator_code
            and grid.district_code = rounded.district_code
            and grid.period = rounded.period
),

rounding_bases as (
    {{ threshold_per_period("rounding_base") }}
),

-- a ladder ends at the first step that may be shown
offered as (
    select
        indicator_code,
        district_code,
        period,
        min(pooled_over) as pooled_over
    from {{ ref("fct_indicator_pooled") }}
    where status = 'published'
    group by indicator_code, district_code, period
)

select
    judged.consortium_code,
    judged.indicator_code,
    judged.district_code,
    judged.period,
    case when judged.is_rounded then judged.rounded_n else shown.n end as n,
    case
        when judged.is_rounded then judged.rounded_numerator
        -- from the sum of the scores a mean follows in more detail than it is shown in
        when judged.kind <> 'mean' then shown.numerator
    end as numerator,
    case
        when judged.is_rounded then judged.rounded_value
        else {{ published_figure("shown.value", "judged.kind", "shown.n") }}
    end as value,
    {{ published_figure("intervals.ci_low", "judged.kind", "shown.n") }} as ci_low,
    {{ published_figure("intervals.ci_high", "judged.kind", "shown.n") }} as ci_high,
    judged.unit,
    -- the verdict on a hidden figure would tell on how many people it is
    case
        when judged.is_rounded and judged.rounded_value is not null then 'indicative'
        when judged.status = 'published' and not judged.is_rounded then judged.verdict
        else 'not_publishable'
    end as verdict,
    case
        when judged.is_rounded and judged.rounded_value is not null
            then 'Aantallen zijn afgerond om personen te beschermen; het cijfer is een aanwijzing.'
        when judged.is_rounded
            then 'Aantallen zijn afgerond om personen te beschermen; het zijn er te weinig voor een cijfer.'
        when judged.status in ('published', 'unreliable') then judged.reason_nl
        when judged.status = 'suppressed_primary' then 'Te weinig personen om te tonen.'
        when judged.status = 'suppressed_secondary' then 'Verborgen om een ander getal te beschermen.'
        when judged.delivery_version is null then 'Er is geen levering over dit halfjaar.'
        else 'Er zijn geen gegevens in dit halfjaar.'
    end as verdict_reason,
    judged.threshold_version,
    judged.status,
    offered.pooled_over,
    -- with the limit the exact number would tell on how many answers a figure is that is not shown
    case
        when judged.status in ('published', 'unreliable')
            then cast(ceil(needed.needed_for_reliable / bases.threshold) * bases.threshold as bigint)
    end as interviews_needed,
    case when judged.status = 'published' then round(changes.expected_share, 2) end as expected_without_change,
    case when judged.status = 'published' then changes.word end as change_word,
    case when judged.status = 'published' then changes.word_nl end as change_reading,
    judged.delivery_version,
    case
        when judged.status = 'published' and periods.delivery_status = 'provisional' then 'P'
        when judged.status = 'published' then 'A'
        when judged.status in ('suppressed_primary', 'suppressed_secondary', 'unreliable') then 'Q'
        -- not delivered; before the start, or with nobody to count, data cannot exist
        when judged.delivery_version is null and not judged.is_before_start then 'L'
        else 'M'
    end as obs_status,
    case
        when judged.status = 'suppressed_primary' then 'A'
        when judged.status = 'suppressed_secondary' then 'D'
        else 'F'
    end as conf_status,
    judged.is_rounded,
    judged.is_pending
from judged
inner join {{ ref("dim_period") }} as periods
    on judged.period = periods.period
left join rounding_bases as bases
    on judged.period = bases.period
-- only what may be shown joins in; beside rounded counts nothing that was computed from the true ones
left join {{ ref("indicator_cell") }} as shown
    on
        judged.status = 'published'
        and not judged.is_rounded
        and judged.consortium_code = shown.consortium_code
        and judged.indicator_code = shown.indicator_code
        and judged.district_code = shown.district_code
        and judged.period = shown.period
left join {{ source("reliability", "cell_interval") }} as intervals
    on
        judged.status = 'published'
        and not judged.is_rounded
        and intervals.pooled_over = ''
        and judged.consortium_code = intervals.consortium_code
        and judged.indicator_code = intervals.indicator_code
        and judged.district_code = intervals.district_code
        and judged.period = intervals.period
left join {{ source("reliability", "interviews_needed") }} as needed
    on
        not judged.is_rounded
        and judged.consortium_code = needed.consortium_code
        and judged.indicator_code = needed.indicator_code
        and judged.district_code = needed.district_code
        and judged.period = needed.period
left join {{ source("reliability", "indicator_change") }} as changes
    on
        not judged.is_rounded
        and judged.consortium_code = changes.consortium_code
        and judged.indicator_code = changes.indicator_code
        and judged.district_code = changes.district_code
        and judged.period = changes.period
left join offered
    on
        judged.status in ('unreliable', 'suppressed_primary', 'suppressed_secondary')
        and judged.indicator_code = offered.indicator_code
        and judged.district_code = offered.district_code
        and judged.period = offered.period
where not coalesce(judged.is_pending, false)
union all
-- a correction that is too small to tell waits: the figure stays as it was last shown
select
    consortium_code,
    indicator_code,
    district_code,
    period,
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
    pooled_over,
    interviews_needed,
    expected_without_change,
    change_word,
    change_reading,
    delivery_version,
    obs_status,
    conf_status,
    coalesce(is_rounded, false) as is_rounded,
    is_pending
from {{ source("disclosure", "kept_indicator") }}
