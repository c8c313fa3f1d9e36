with ordered as (
    select
        consortium_code,
        period,
        period_index,
        baseline_days,
        instrument,
        edition,
        scale_code,
        client_key,
        rated_on,
        score,
        -- every rating is dated in the half-year of its delivery, so the first one is known in every later half-year;
        -- where it lies too close to the current rating, all others lie closer
        first_value(rated_on) over by_day as first_rated_on,
        first_value(score) over by_day as first_score,
        first_value(goal_score) over by_day as first_goal_score,
        -- the last rating of a half-year is followed by one of another half-year, or by none
        coalesce(lead(period_index) over by_day <> period_index, true) as is_current
    from {{ ref("int_ratings__stack") }}
    where not is_second_rating
    window by_day as (
        partition by consortium_code, instrument, edition, scale_code, client_key
        order by rated_on, row_number
    )
),

current_ratings as (
    select
        *,
        {{ days_between("first_rated_on", "rated_on") }} >= baseline_days as has_baseline
    from ordered
    where is_current
)

select
    current_ratings.consortium_code,
    current_ratings.period,
    current_ratings.instrument,
    current_ratings.edition,
    current_ratings.scale_code,
    current_ratings.client_key,
    located.district_code,
    current_ratings.rated_on,
    current_ratings.score,
    case when current_ratings.has_baseline then current_ratings.first_rated_on end as baseline_rated_on,
    case when current_ratings.has_baseline then current_ratings.first_score end as baseline_score,
    case when current_ratings.has_baseline then current_ratings.first_goal_score end as baseline_goal_score
from current_ratings
inner join {{ ref("int_clients__locate") }} as located
    on
        current_ratings.consortium_code = located.consortium_code
        and current_ratings.client_key = located.client_key
        and current_ratings.period_index between located.valid_from_index and located.valid_to_index
