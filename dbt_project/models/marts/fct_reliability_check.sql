with statuses as (
    select
        consortium_code,
        indicator_code,
        district_code,
        period,
        '' as pooled_over,
        status
    from {{ source("disclosure", "indicator_status") }}
    union all
    select
        consortium_code,
        indicator_code,
        district_code,
        period,
        pooled_over,
        status
    from {{ source("disclosure", "pooled_status") }}
),

minimum as (
    select
        periods.period,
        max(thresholds.value) as persons
    from {{ ref("int_periods__list") }} as periods
    inner join {{ ref("thresholds") }} as thresholds
        on
            thresholds.threshold_code = 'minimum_persons'
            and periods.ends_on >= thresholds.valid_from
            and periods.ends_on <= coalesce(thresholds.valid_to, periods.ends_on)
    group by periods.period
),

measured as (
    select
        checks.*,
        case
            -- persons behind a figure are never shown
            when checks.check_code = 'privacy_minimum' then false
            -- of a district the share at an end of the scale, or without an opinion, would count the few
            when checks.check_code in ('floor_ceiling', 'item_nonresponse') then areas.district_level <> 'district'
            -- these are not measured on people
            when checks.check_code in ('fabrication_signal', 'interviewer_effect', 'delivery_integrity') then true
            else coalesce(checks.n >= minimum.persons, true)
        end as may_show_values,
        -- of a figure that is too uncertain to show, the bounds would tell the figure
        coalesce(verdicts.verdict <> 'not_publishable', false) as may_show_figure
    from {{ source("reliability", "check") }} as checks
    inner join minimum
        on checks.period = minimum.period
    inner join {{ ref("districts") }} as areas
        on checks.district_code = areas.district_code
    inner join {{ source("reliability", "verdict") }} as verdicts
        on
            checks.consortium_code = verdicts.consortium_code
            and checks.indicator_code = verdicts.indicator_code
            and checks.district_code = verdicts.district_code
            and checks.period = verdicts.period
            and checks.pooled_over = verdicts.pooled_over
    -- of a hidden figure its measurements would tell what is hidden
    inner join statuses
        on
            statuses.status = 'published'
            and checks.consortium_code = statuses.consortium_code
            and checks.indicator_code = statuses.indicator_code
            and checks.district_code = statuses.district_code
            and checks.period = statuses.period
            and checks.pooled_over = statuses.pooled_over
)

select
    consortium_code,
    indicator_code,
    district_code,
    period,
    case when pooled_over <> '' then pooled_over end as pooled_over,
    check_code,
    -- a rate of nobody is infinitely wide, and everybody asked counts for infinitely many: neither is a number
    case
        when may_show_values and value < 1e12 and (may_show_figure or check_code <> 'group_change') then round(value, 4)
    end as value,
    case
        when may_show_values and may_show_figure and second_value < 1e12 then round(second_value, 4)
    end as second_value,
    case when may_show_values and may_show_figure then round(ci_low, 4) end as ci_low,
    case when may_show_values and may_show_figure then round(ci_high, 4) end as ci_high,
    case when may_show_values then cast(round(n) as bigint) end as n,
    case when may_show_values and n_eff < 1e12 then round(n_eff, 1) end as n_eff,
    threshold_reliable,
    threshold_indicative,
    threshold_version,
    grade,
    counts_as,
    case
        when may_show_values and (may_show_figure or check_code <> 'group_change') then reason_nl
    end as reason
from measured
