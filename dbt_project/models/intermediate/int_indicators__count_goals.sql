select
    goals.consortium_code,
    'go_doel_bereikt' as indicator_code,
    deliveries.period,
    located.district_code,
    count(*) as n,
    sum(case when goals.result = 'gehaald' then 1 else 0 end) as numerator,
    count(distinct goals.client_key) as persons
from {{ ref("int_deliveries__choose") }} as deliveries
inner join {{ ref("int_goals__version") }} as goals
    on
        deliveries.consortium_code = goals.consortium_code
        and deliveries.period_index = {{ period_index_of_day("goals.judged_on") }}
        and deliveries.period_index between goals.valid_from_index and goals.valid_to_index
inner join {{ ref("int_clients__locate") }} as located
    on
        goals.consortium_code = located.consortium_code
        and goals.client_key = located.client_key
        and deliveries.period_index between located.valid_from_index and located.valid_to_index
where goals.result is not null
group by goals.consortium_code, deliveries.period, located.district_code
