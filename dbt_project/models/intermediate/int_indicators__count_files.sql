-- files as they stand per half-year: of each file the latest state known by then
with clients_with_files as (
    select
        deliveries.consortium_code,
        deliveries.period,
        deliveries.period_index,
        files.client_key,
        sum(
            case when files.previous_file_key is not null and files.opened_on >= consortia.starts_on then 1 else 0 end
        ) as reopened_files
    from {{ ref("int_deliveries__choose") }} as deliveries
    inner join {{ ref("consortia") }} as consortia
        on deliveries.consortium_code = consortia.consortium_code
    inner join {{ ref("int_files__version") }} as files
        on
            deliveries.consortium_code = files.consortium_code
            and deliveries.period_index between files.valid_from_index and files.valid_to_index
            and deliveries.ends_on >= files.opened_on
            and coalesce(files.closed_on, deliveries.ends_on) >= consortia.starts_on
    where deliveries.consortium_code = 'tom'
    group by deliveries.consortium_code, deliveries.period, deliveries.period_index, files.client_key
),

closed_files as (
    select
        deliveries.consortium_code,
        deliveries.period,
        deliveries.period_index,
        files.client_key,
        case when reasons.is_dropout then 1 else 0 end as is_dropout
    from {{ ref("int_deliveries__choose") }} as deliveries
    inner join {{ ref("int_files__version") }} as files
        on
            deliveries.consortium_code = files.consortium_code
            and deliveries.period_index = {{ period_index_of_day("files.closed_on") }}
            and deliveries.period_index between files.valid_from_index and files.valid_to_index
    left join {{ ref("closing_reasons") }} as reasons
        on files.closing_reason_code = reasons.closing_reason_code
    where deliveries.consortium_code = 'go'
),

closed_a_year_earlier as (
    select
        deliveries.consortium_code,
        deliveries.period,
        deliveries.period_index,
        deliveries.new_start_days,
        files.client_key,
        files.file_key,
        files.closed_on
    from {{ ref("int_deliveries__choose") }} as deliveries
    inner join {{ ref("int_files__version") }} as files
        on
            deliveries.consortium_code = files.consortium_code
            and deliveries.period_index = {{ period_index_of_day("files.closed_on") }} + 2
            and deliveries.period_index between files.valid_from_index and files.valid_to_index
    where deliveries.consortium_code = 'go'
),

clients_after_closing as (
    select
        closed.consortium_code,
        closed.period,
        closed.period_index,
        closed.client_key,
        max(case when later.file_key is null then 0 else 1 end) as has_new_start
    from closed_a_year_earlier as closed
    left join {{ ref("int_files__version") }} as later
        on
            closed.consortium_code = later.consortium_code
            and closed.client_key = later.client_key
            and closed.period_index between later.valid_from_index and later.valid_to_index
            and {{ days_between("closed.closed_on", "later.opened_on") }} between 1 and closed.new_start_days
    group by closed.consortium_code, closed.period, closed.period_index, closed.client_key
),

counted as (
    select
        consortium_code,
        'tom_heropende_dossiers' as indicator_code,
        period,
        period_index,
        client_key,
        1 as n,
        reopened_files as numerator
    from clients_with_files
    union all
    select
        consortium_code,
        'go_uitval' as indicator_code,
        period,
        period_index,
        client_key,
        1 as n,
        is_dropout as numerator
    from closed_files
    union all
    select
        consortium_code,
        'go_geen_nieuwe_start' as indicator_code,
        period,
        period_index,
        client_key,
        1 as n,
        1 - has_new_start as numerator
    from clients_after_closing
)

select
    counted.consortium_code,
    counted.indicator_code,
    counted.period,
    located.district_code,
    sum(counted.n) as n,
    sum(counted.numerator) as numerator,
    count(distinct counted.client_key) as persons
from counted
inner join {{ ref("int_clients__locate") }} as located
    on
        counted.consortium_code = located.consortium_code
        and counted.client_key = located.client_key
        and counted.period_index between located.valid_from_index and located.valid_to_index
group by counted.consortium_code, counted.indicator_code, counted.period, located.district_code
