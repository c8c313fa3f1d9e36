with held as (
    select
        interviews.consortium_code,
        interviews.target_group,
        interviews.district_code,
        interviews.period,
        interviews.interview_key,
        coalesce(interviews.team, '') as team,
        coalesce(interviews.mode, '') as mode,
        {{ interviewer_who_spoke("interviews") }} as interviewer_key,
        interviews.taken_on,
        interviews.duration_minutes,
        {{ minute_of_day("interviews.started_at") }} as start_minute,
        periods.starts_on,
        periods.ends_on,
        periods.shortest_interview_part,
        periods.most_interviews_per_day
    from {{ ref("stg_deliveries__interviews") }} as interviews
    inner join {{ ref("int_periods__list") }} as periods
        on interviews.period = periods.period
    where interviews.outcome in ('afgerond', 'deels')
),

timed as (
    select
        *,
        start_minute + duration_minutes as end_minute,
        taken_on is not null and start_minute is not null and duration_minutes is not null as is_timed,
        -- what takes no time shares none
        coalesce(start_minute is not null and duration_minutes > 0, false) as takes_time
    from held
),

-- a visit takes longer than a telephone call
usual as (
    select
        consortium_code,
        target_group,
        period,
        mode,
        {{ median("duration_minutes") }} as median_minutes
    from timed
    where is_timed and duration_minutes > 0
    group by consortium_code, target_group, period, mode
),

beside_others as (
    select
        *,
        -- the latest end so far: a long interview may cover more than the next one
        max(case when takes_time then end_minute end) over (
            partition by consortium_code, period, interviewer_key, taken_on
            order by case when takes_time then 0 else 1 end, start_minute, end_minute, interview_key
            rows between unbounded preceding and 1 preceding
        ) as previous_end,
        lead(case when takes_time then start_minute end) over (
            partition by consortium_code, period, interviewer_key, taken_on
            order by case when takes_time then 0 else 1 end, start_minute, end_minute, interview_key
        ) as next_start,
        count(*) over (partition by consortium_code, period, interviewer_key, taken_on) as that_day
    from timed
),

judged as (
    select
        beside_others.consortium_code,
        beside_others.target_group,
        beside_others.district_code,
        beside_others.period,
        beside_others.team,
        case when beside_others.is_timed then 1 else 0 end as is_timed,
        case
            when
                beside_others.taken_on < beside_others.starts_on or beside_others.taken_on > beside_others.ends_on
                then 1
            else 0
        end as is_outside_half_year,
        case when beside_others.is_timed and beside_others.end_minute > 24 * 60 then 1 else 0 end as is_past_midnight,
        case
            when
                beside_others.is_timed
                and beside_others.takes_time
                and beside_others.interviewer_key is not null
                and (
                    beside_others.previous_end > beside_others.start_minute
                    or beside_others.next_start < beside_others.end_minute
                )
                then 1
            else 0
        end as is_overlapping,
        case
            when
                beside_others.is_timed
                and beside_others.duration_minutes < beside_others.shortest_interview_part * usual.median_minutes
                then 1
            else 0
        end as is_too_short,
        case
            when
                beside_others.taken_on is not null
                and beside_others.interviewer_key is not null
                and beside_others.that_day > beside_others.most_interviews_per_day
                then 1
            else 0
        end as is_too_many_that_day
    from beside_others
    left join usual
        on
            beside_others.consortium_code = usual.consortium_code
            and beside_others.target_group = usual.target_group
            and beside_others.period = usual.period
            and beside_others.mode = usual.mode
)

select
    consortium_code,
    target_group,
    district_code,
    period,
    team,
    count(*) as interviews,
    cast(sum(is_timed) as bigint) as timed,
    cast(sum(is_outside_half_year) as bigint) as outside_half_year,
    cast(sum(is_past_midnight) as bigint) as past_midnight,
    cast(sum(is_overlapping) as bigint) as overlapping,
    cast(sum(greatest(is_outside_half_year, is_past_midnight, is_overlapping)) as bigint) as hard_faults,
    cast(sum(is_too_short) as bigint) as too_short,
    cast(sum(is_too_many_that_day) as bigint) as too_many_that_day
from judged
group by consortium_code, target_group, district_code, period, team
