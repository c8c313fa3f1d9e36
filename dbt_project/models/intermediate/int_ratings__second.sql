with ratings as (
    select * from {{ ref("int_ratings__stack") }}
),

nearest as (
    select
        seconds.consortium_code,
        seconds.instrument,
        seconds.edition,
        seconds.scale_code,
        seconds.period,
        firsts.score as first_score,
        seconds.score as second_score,
        -- of two equally near the earlier one, of two on one day the later row
        row_number() over (
            partition by
                seconds.consortium_code,
                seconds.instrument,
                seconds.edition,
                seconds.scale_code,
                seconds.period,
                seconds.row_number
            order by
                abs({{ days_between("firsts.rated_on", "seconds.rated_on") }}), firsts.rated_on, firsts.row_number desc
        ) as nearest_first
    from ratings as seconds
    inner join {{ ref("int_periods__list") }} as periods
        on seconds.period = periods.period
    inner join ratings as firsts
        on
            seconds.consortium_code = firsts.consortium_code
            and seconds.instrument = firsts.instrument
            and seconds.edition = firsts.edition
            and seconds.scale_code = firsts.scale_code
            and seconds.client_key = firsts.client_key
            and seconds.rater_key <> firsts.rater_key
    where
        seconds.is_second_rating
        and not firsts.is_second_rating
        and abs({{ days_between("firsts.rated_on", "seconds.rated_on") }}) <= periods.second_rating_days
)

select
    consortium_code,
    instrument,
    edition,
    scale_code,
    period,
    first_score,
    second_score,
    count(*) as n
from nearest
where nearest_first = 1
group by consortium_code, instrument, edition, scale_code, period, first_score, second_score
