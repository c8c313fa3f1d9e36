with clients as (
    select
        trajectories.consortium_code,
        deliveries.period,
        deliveries.period_index,
        trajectories.client_key,
        max(case when forms.is_ambulatory then 1 else 0 end) as has_ambulatory,
        -- what ended on the last day does not run at the end
        max(case when coalesce(trajectories.ended_on > deliveries.ends_on, true) then 1 else 0 end) as runs_at_end,
        max(
            case
                when coalesce(trajectories.ended_on > deliveries.ends_on, true) and forms.is_residential then 1
                else 0
            end
        ) as is_residential_at_end,
        max(
            case
                when coalesce(trajectories.ended_on > deliveries.ends_on, true) and trajectories.is_out_of_home then 1
                else 0
            end
        ) as is_out_of_home_at_end
    from {{ ref("stg_deliveries__trajectories") }} as trajectories
    inner join {{ ref("int_deliveries__choose") }} as deliveries
        on
            trajectories.consortium_code = deliveries.consortium_code
            and trajectories.period = deliveries.period
            and trajectories.started_on <= deliveries.ends_on
            and coalesce(trajectories.ended_on, deliveries.ends_on) >= deliveries.starts_on
    left join {{ ref("care_forms") }} as forms
        on trajectories.care_form_code = forms.care_form_code
    group by trajectories.consortium_code, deliveries.period, deliveries.period_index, trajectories.client_key
),

counted as (
    select
        consortium_code,
        'go_verblijf' as indicator_code,
        period,
        period_index,
        client_key,
        is_residential_at_end as numerator
    from clients
    where runs_at_end = 1
    union all
    select
        consortium_code,
        'go_uithuisplaatsing' as indicator_code,
        period,
        period_index,
        client_key,
        is_out_of_home_at_end as numerator
    from clients
    where runs_at_end = 1
    union all
    select
        consortium_code,
        'go_ambulant_aandeel' as indicator_code,
        period,
        period_index,
        client_key,
        has_ambulatory as numerator
    from clients
)

select
    counted.consortium_code,
    counted.indicator_code,
    counted.period,
    located.district_code,
    count(*) as n,
    sum(counted.numerator) as numerator,
    count(*) as persons
from counted
inner join {{ ref("int_clients__locate") }} as located
    on
        counted.consortium_code = located.consortium_code
        and counted.client_key = located.client_key
        and counted.period_index between located.valid_from_index and located.valid_to_index
group by counted.consortium_code, counted.indicator_code, counted.period, located.district_code
