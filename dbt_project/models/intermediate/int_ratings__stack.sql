-- both instruments in one shape, so that pairing is written once
with rated as (
    select
        consortium_code,
        period,
        'zrm' as instrument,
        zrm_version as edition,
        life_domain_code as scale_code,
        client_key,
        rated_on,
        score,
        goal_score,
        rater_key,
        is_second_rating,
        row_number
    from {{ ref("stg_deliveries__zrm_ratings") }}
    union all
    select
        consortium_code,
        period,
        'ladder' as instrument,
        '' as edition,
        'participation' as scale_code,
        client_key,
        rated_on,
        rung as score,
        goal_rung as goal_score,
        rater_key,
        is_second_rating,
        row_number
    from {{ ref("stg_deliveries__ladder_ratings") }}
)

select
    rated.consortium_code,
    deliveries.period,
    deliveries.period_index,
    deliveries.starts_on,
    deliveries.ends_on,
    deliveries.baseline_days,
    rated.instrument,
    rated.edition,
    rated.scale_code,
    rated.client_key,
    rated.rated_on,
    rated.score,
    rated.goal_score,
    rated.rater_key,
    rated.is_second_rating,
    rated.row_number
from rated
inner join {{ ref("int_deliveries__choose") }} as deliveries
    on rated.consortium_code = deliveries.consortium_code and rated.period = deliveries.period
