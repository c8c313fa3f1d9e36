with first_delivery as (
    select min(period_index) as period_index from {{ ref("int_deliveries__choose") }}
),

grid as (
    select
        'tom' as consortium_code,
        life_domains.life_domain_code,
        districts.district_code,
        periods.period
    from {{ ref("dim_life_domain") }} as life_domains
    cross join {{ ref("districts") }} as districts
    cross join first_delivery
    inner join {{ ref("int_periods__list") }} as periods
        on first_delivery.period_index <= periods.period_index
),

judged as (
    select
        grid.consortium_code,
        grid.life_domain_code,
        grid.district_code,
        grid.period,
        cells.delivery_version,
        -- a cell without a verdict keeps status NULL, which the contract refuses: it is never shown
        case
            when coalesce(cells.rated, 0) = 0 then 'no_data'
            else statuses.status
        end as status,
        case when coalesce(cells.rated, 0) = 0 then 'no_data' else statuses.low_status end as low_status,
        case when coalesce(cells.rated, 0) = 0 then 'no_data' else statuses.goal_status end as goal_status,
        case when statuses.status is null then false else statuses.is_pending end as is_pending,
        coalesce(statuses.status = 'published' and rounded.n is not null, false) as is_rounded,
        rounded.n as rounded_n,
        rounded.improved as rounded_improved,
        rounded.stable as rounded_stable,
        rounded.worsened as rounded_worsened
    from grid
    left join {{ ref("life_domain_cell") }} as cells
        on
            grid.consortium_code = cells.consortium_code
            and grid.life_domain_code = cells.life_domain_code
            and grid.district_code = cells.district_code
            and grid.period = cells.period
    left join {{ source("disclosure", "life_domain_status") }} as statuses
        on
            grid.consortium_code = statuses.consortium_code
            and grid.life_domain_code = statuses.life_domain_code
            and grid.district_code = statuses.district_code
            and grid.period = statuses.period
    left join {{ source("disclosure", "rounded_life_domain") }} as rounded
        on
            grid.consortium_code = rounded.consortium_code
            and grid.life_domain_code = rounded.life_domain_code
            and grid.district_code = rounded.district_code
            and grid.period = rounded.period
)

select
    judged.consortium_code,
    judged.life_domain_code,
    judged.district_code,
    judged.period,
    {% for count in ["n", "improved", "stable", "worsened"] -%}
    case when judged.is_rounded then judged.rounded_{{ count }} else shown.{{ count }} end as {{ count }},
    {% endfor -%}
    -- whole per cents, of which the counts are not shown: they would tell a small side
    case when judged.low_status = 'published' then round(cast(shown.low as double) / shown.rated, 2) end as low_share,
    case
        when judged.goal_status = 'published' then round(cast(shown.goals_reached as double) / shown.goals, 2)
    end as goal_attainment,
    {% for mean in [
        "mean_start", "mean_change", "change_low", "change_high", "expected_change", "detectable_change"
    ] -%}
    {{ published_mean("changed." ~ mean, "shown.n") }} as {{ mean }},
    {% endfor -%}
    round(changed.expected_improved_share, 2) as improved_expected_share,
    cast(case when changed.word <> 'unknown' then changed.word end as {{ text_type() }}) as change_word,
    cast(changed.word_nl as {{ text_type() }}) as change_reading_nl,
    judged.status,
    judged.low_status,
    judged.goal_status,
    judged.delivery_version,
    judged.is_rounded,
    judged.is_pending
from judged
-- only what may be shown joins in; beside rounded counts nothing that was computed from the true ones
left join {{ ref("life_domain_cell") }} as shown
    on
        judged.status = 'published'
        and not judged.is_rounded
        and judged.consortium_code = shown.consortium_code
        and judged.life_domain_code = shown.life_domain_code
        and judged.district_code = shown.district_code
        and judged.period = shown.period
left join {{ source("reliability", "domain_change") }} as changed
    on
        judged.status = 'published'
        and not judged.is_rounded
        and changed.instrument = 'zrm'
        and judged.consortium_code = changed.consortium_code
        and judged.life_domain_code = changed.life_domain_code
        and judged.district_code = changed.district_code
        and judged.period = changed.period
where not coalesce(judged.is_pending, false)
union all
-- a correction that is too small to tell waits: the row stays as it was last shown
select
    consortium_code,
    life_domain_code,
    district_code,
    period,
    n,
    improved,
    stable,
    worsened,
    low_share,
    goal_attainment,
    mean_start,
    mean_change,
    change_low,
    change_high,
    expected_change,
    detectable_change,
    improved_expected_share,
    change_word,
    change_reading_nl,
    status,
    low_status,
    goal_status,
    delivery_version,
    coalesce(is_rounded, false) as is_rounded,
    is_pending
from {{ source("disclosure", "kept_life_domain") }}
