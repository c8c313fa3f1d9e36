{%- set rates = [
    "response_rate_1", "response_rate_2", "response_rate_3", "response_rate_4", "response_rate_5", "response_rate_6",
    "cooperation_rate", "refusal_rate", "item_nonresponse"
] -%}
with minimum as (
    {{ threshold_per_period("minimum_persons") }}
),

rounding_bases as (
    {{ threshold_per_period("rounding_base") }}
),

surveys as (
    select
        surveys.survey_code,
        surveys.consortium_code,
        surveys.target_group,
        surveys.team_group,
        surveys.district_code,
        surveys.period,
        surveys.completed,
        surveys.scale_n,
        surveys.recheck_pairs,
        coalesce(districts.district_level = 'municipality', false) as is_municipality,
        -- without a minimum nothing is shown
        coalesce(minimum.threshold, 999999999) as minimum_persons,
        bases.threshold as rounding_base
    from {{ source("reliability", "survey") }} as surveys
    left join {{ ref("districts") }} as districts
        on surveys.district_code = districts.district_code
    left join minimum
        on surveys.period = minimum.period
    left join rounding_bases as bases
        on surveys.period = bases.period
),

hidden_figures as (
    select distinct
        indicators.consortium_code,
        indicators.target_group,
        statuses.district_code,
        statuses.period
    from {{ source("disclosure", "indicator_status") }} as statuses
    inner join {{ ref("indicators") }} as indicators
        on
            statuses.consortium_code = indicators.consortium_code
            and statuses.indicator_code = indicators.indicator_code
    left join {{ source("disclosure", "rounded_indicator") }} as rounded
        on
            statuses.consortium_code = rounded.consortium_code
            and statuses.indicator_code = rounded.indicator_code
            and statuses.district_code = rounded.district_code
            and statuses.period = rounded.period
    where
        indicators.target_group is not null
        -- beside rounded counts as little is told as beside hidden ones
        and (statuses.status like 'suppressed%' or rounded.n is not null)
),

parties as (
    select
        survey_code,
        period,
        -- one party on few people follows from the other one and all together
        max(case when completed > 0 and completed < minimum_persons then 1 else 0 end) as has_small_party,
        min(case when completed >= minimum_persons then 1 else 0 end) as is_comparable
    from surveys
    where team_group in ('own', 'independent')
    group by survey_code, period
),

judged as (
    select
        surveys.survey_code,
        surveys.consortium_code,
        surveys.target_group,
        surveys.team_group,
        surveys.district_code,
        surveys.period,
        surveys.is_municipality,
        surveys.rounding_base,
        case
            when coalesce(surveys.completed, 0) < surveys.minimum_persons then true
            when not surveys.is_municipality then hidden_figures.period is not null
            when surveys.team_group <> 'all' then coalesce(parties.has_small_party, 1) = 1
            else false
        end as is_hidden,
        coalesce(surveys.scale_n, 0) >= surveys.minimum_persons as shows_scale,
        coalesce(surveys.recheck_pairs, 0) >= surveys.minimum_persons as shows_rechecks,
        coalesce(parties.is_comparable, 0) = 1 as shows_parties
    from surveys
    left join hidden_figures
        on
            surveys.consortium_code = hidden_figures.consortium_code
            and surveys.target_group = hidden_figures.target_group
            and surveys.district_code = hidden_figures.district_code
            and surveys.period = hidden_figures.period
    left join parties
        on
            surveys.survey_code = parties.survey_code
            and surveys.period = parties.period
)

select
    judged.survey_code,
    judged.consortium_code,
    judged.target_group,
    judged.team_group,
    judged.district_code,
    judged.period,
    -- whole per cents and multiples of a base: a correction of one person does not show
    {% for count in ["drawn", "completed"] -%}
    cast(
        case when judged.is_municipality then {{ nearest_multiple("shown." ~ count, "judged.rounding_base") }} end
        as bigint
    ) as {{ count }},
    {% endfor -%}
    {% for rate in rates -%}
    round(shown.{{ rate }}, 2) as {{ rate }},
    {% endfor -%}
    {% for figure in ["r_indicator", "propensity_cv"] -%}
    case when judged.is_municipality then round(shown.{{ figure }}, 2) end as {{ figure }},
    {% endfor -%}
    cast(case when judged.is_municipality then shown.items end as bigint) as items,
    cast(
        case when judged.is_municipality then {{ nearest_multiple("shown.scale_n", "judged.rounding_base") }} end
        as bigint
    ) as scale_n,
    {% for figure in ["alpha", "alpha_low", "alpha_high", "omega", "lowest_item_rest"] -%}
    case when judged.is_municipality and judged.shows_scale then round(shown.{{ figure }}, 2) end as {{ figure }},
    {% endfor -%}
    cast(case when judged.is_municipality then shown.interviewers end as bigint) as interviewers,
    {% for figure in ["rho", "rho_se"] -%}
    case when judged.is_municipality then round(shown.{{ figure }}, 3) end as {{ figure }},
    {% endfor -%}
    case when judged.is_municipality then round(shown.design_effect, 2) end as design_effect,
    case when judged.is_municipality then {{ nearest_multiple("shown.n_eff", "judged.rounding_base") }} end as n_eff,
    round(shown.independent_share, 2) as independent_share,
    {% for count in ["independent_interviews", "recheck_pairs"] -%}
    cast(
        case when judged.is_municipality then {{ nearest_multiple("shown." ~ count, "judged.rounding_base") }} end
        as bigint
    ) as {{ count }},
    {% endfor -%}
    {% for figure in ["backcheck_agreement", "backcheck_low", "backcheck_high"] -%}
    case when judged.is_municipality and judged.shows_rechecks then round(shown.{{ figure }}, 2) end as {{ figure }},
    {% endfor -%}
    {% for figure in [
        "mean_difference", "mean_difference_low", "mean_difference_high",
        "negative_difference", "negative_difference_low", "negative_difference_high"
    ] -%}
    case when judged.is_municipality and judged.shows_parties then round(shown.{{ figure }}, 2) end as {{ figure }},
    {% endfor -%}
    case when judged.is_municipality and judged.shows_parties then shown.source_outcome end as source_outcome,
    cast(case when judged.is_municipality then shown.teams_with_signal end as bigint) as teams_with_signal,
    shown.verdict,
    case
        when judged.is_hidden then 'Niet getoond om personen te beschermen' else shown.reason
    end as reason
from judged
-- only what may be shown joins in
left join {{ source("reliability", "survey") }} as shown
    on
        not judged.is_hidden
        and judged.survey_code = shown.survey_code
        and judged.team_group = shown.team_group
        and judged.district_code = shown.district_code
        and judged.period = shown.period
