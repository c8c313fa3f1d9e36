{#- measured on the answers that the figure itself is on; all others on a whole survey or delivery -#}
{%- set of_the_figure = [
    "effective_n", "share_width", "mean_half_width", "rate_width", "floor_ceiling", "funnel", "group_change",
    "interviewers", "trend_points", "weights_effect"
] -%}
with statuses as (
    select
        decided.consortium_code,
        decided.indicator_code,
        decided.district_code,
        decided.period,
        '' as pooled_over,
        -- measurements would tell the counts behind rounded ones
        case when rounded.n is null then decided.status end as status,
        decided.is_pending
    from {{ source("disclosure", "indicator_status") }} as decided
    left join {{ source("disclosure", "rounded_indicator") }} as rounded
        on
            decided.consortium_code = rounded.consortium_code
            and decided.indicator_code = rounded.indicator_code
            and decided.district_code = rounded.district_code
            and decided.period = rounded.period
    union all
    select
        consortium_code,
        indicator_code,
        district_code,
        period,
        pooled_over,
        status,
        is_pending
    from {{ source("disclosure", "pooled_status") }}
),

minimum as (
    {{ threshold_per_period("minimum_persons") }}
),

rounding_bases as (
    {{ threshold_per_period("rounding_base") }}
),

measured as (
    select
        checks.*,
        indicators.kind,
        bases.threshold as rounding_base,
        areas.district_level = 'municipality' as is_municipality,
        checks.check_code in (
            {%- for code in of_the_figure %}
            '{{ code }}'{{ "," if not loop.last }}
            {%- endfor %}
        ) as is_of_the_figure,
        case
            -- persons behind a figure are never shown
            when checks.check_code = 'privacy_minimum' then false
            -- of a district the share at an end of the scale, or without an opinion, would count the few
            when checks.check_code in ('floor_ceiling', 'item_nonresponse') then areas.district_level <> 'district'
            -- these are not measured on people
            when checks.check_code in ('fabrication_signal', 'interviewer_effect', 'delivery_integrity') then true
            else coalesce(checks.n >= minimum.threshold, true)
        end as may_show_values,
        -- of a figure that is too uncertain to show, the bounds would tell the figure
        coalesce(verdicts.verdict <> 'not_publishable', false) as may_show_figure
    from {{ source("reliability", "check") }} as checks
    inner join minimum
        on checks.period = minimum.period
    left join rounding_bases as bases
        on checks.period = bases.period
    inner join {{ ref("districts") }} as areas
        on checks.district_code = areas.district_code
    inner join {{ ref("indicators") }} as indicators
        on checks.indicator_code = indicators.indicator_code
    inner join {{ source("reliability", "verdict") }} as verdicts
        on
            checks.consortium_code = verdicts.consortium_code
            and checks.indicator_code = verdicts.indicator_code
            and checks.district_code = verdicts.district_code
            and checks.period = verdicts.period
            and checks.pooled_over = verdicts.pooled_over
    -- measurements of a hidden figure would tell what is hidden, of one that waits with a correction the correction
    inner join statuses
        on
            statuses.status = 'published'
            and not statuses.is_pending
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
        when not may_show_values or value >= 1e12 then null
        when not may_show_figure and check_code = 'group_change' then null
        when check_code = 'effective_n' then {{ nearest_multiple("value", "rounding_base") }}
        -- of rows and of interviewers, where small parts matter
        when check_code in ('delivery_integrity', 'interviewer_effect') then round(value, 3)
        else round(value, 2)
    end as value,
    case
        when not may_show_values or not may_show_figure or second_value >= 1e12 then null
        when check_code = 'independent_part' then {{ nearest_multiple("second_value", "rounding_base") }}
        else round(second_value, 2)
    end as second_value,
    {% for bound in ["ci_low", "ci_high"] -%}
    case
        when not may_show_values or not may_show_figure then null
        -- the bounds of the figure itself, in no more detail than the figure
        when is_of_the_figure then {{ published_figure(bound, "kind", "n") }}
        else round({{ bound }}, 2)
    end as {{ bound }},
    {% endfor -%}
    case
        when may_show_values and (is_municipality or is_of_the_figure)
            then cast({{ nearest_multiple("n", "rounding_base") }} as bigint)
    end as n,
    case
        when may_show_values and (is_municipality or is_of_the_figure) and n_eff < 1e12
            then {{ nearest_multiple("n_eff", "rounding_base") }}
    end as n_eff,
    threshold_reliable,
    threshold_indicative,
    threshold_version,
    grade,
    counts_as,
    case
        when may_show_values and (may_show_figure or check_code <> 'group_change') then reason_nl
    end as reason
from measured
