with bounds as (
    select
        (select min({{ period_index_of_day("starts_on") }}) from {{ ref("consortia") }}) as first_index,
        (
            select max({{ period_index("period") }})
            from {{ ref("stg_deliveries__deliveries") }}
            where is_counting
        ) as last_index
),

numbers as (
    {{ numbers_between("(select first_index from bounds)", "(select last_index from bounds)") }}
),

halves as (
    select
        cast(number as integer) as period_index,
        cast(floor(number / 2) as integer) as calendar_year,
        cast(number - 2 * floor(number / 2) + 1 as integer) as half
    from numbers
),

periods as (
    select
        concat(calendar_year, '-H', half) as period,
        period_index,
        cast(concat(calendar_year, case when half = 1 then '-01-01' else '-07-01' end) as date) as starts_on,
        cast(concat(calendar_year, case when half = 1 then '-06-30' else '-12-31' end) as date) as ends_on
    from halves
)

select
    periods.period,
    periods.period_index,
    periods.starts_on,
    periods.ends_on,
    cast(max(case when thresholds.threshold_code = 'baseline_days' then thresholds.value end) as integer)
        as baseline_days,
    cast(max(case when thresholds.threshold_code = 'new_start_days' then thresholds.value end) as integer)
        as new_start_days,
    cast(max(case when thresholds.threshold_code = 'second_rating_days' then thresholds.value end) as integer)
        as second_rating_days,
    max(case when thresholds.threshold_code = 'shortest_interview_part' then thresholds.value end)
        as shortest_interview_part,
    cast(max(case when thresholds.threshold_code = 'most_interviews_per_day' then thresholds.value end) as integer)
        as most_interviews_per_day
from periods
left join {{ ref("thresholds") }} as thresholds
    on
        thresholds.threshold_code in (
            'baseline_days',
            'new_start_days',
            'second_rating_days',
            'shortest_interview_part',
            'most_interviews_per_day'
        )
        and periods.ends_on >= thresholds.valid_from
        and periods.ends_on <= coalesce(thresholds.valid_to, periods.ends_on)
group by periods.period, periods.period_index, periods.starts_on, periods.ends_on
