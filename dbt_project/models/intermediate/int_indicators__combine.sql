{%- set measures = ["n", "numerator", "persons", "sum_of_squares", "places"] -%}
{%- set families = {
    "int_indicators__count_ratings": ["n", "numerator", "persons"],
    "int_indicators__count_files": ["n", "numerator", "persons"],
    "int_indicators__count_goals": ["n", "numerator", "persons"],
    "int_indicators__count_trajectories": ["n", "numerator", "persons"],
    "int_indicators__count_offers": ["n", "numerator", "places"],
    "int_indicators__count_provisions": ["numerator"],
    "int_indicators__count_answers": ["n", "numerator", "persons", "sum_of_squares"],
} -%}
with recorded as (
    {%- for family, counted in families.items() %}
    select
        consortium_code,
        indicator_code,
        period,
        district_code,
        {%- for measure in measures %}
        cast({{ measure if measure in counted else "null" }} as bigint) as {{ measure }},
        {%- endfor %}
        false as is_delivered_as_counts
    from {{ ref(family) }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

delivered as (
    select
        consortium_code,
        indicator_code,
        period,
        district_code,
        cast(n as bigint) as n,
        cast(numerator as bigint) as numerator,
        cast(persons as bigint) as persons
    from {{ ref("int_indicators__count_delivered") }}
),

replaced as (
    select distinct
        consortium_code,
        indicator_code,
        period
    from delivered
)

select
    recorded.consortium_code,
    recorded.indicator_code,
    recorded.period,
    recorded.district_code,
    recorded.n,
    recorded.numerator,
    recorded.persons,
    recorded.sum_of_squares,
    recorded.places,
    recorded.is_delivered_as_counts
from recorded
left join replaced
    on
        recorded.consortium_code = replaced.consortium_code
        and recorded.indicator_code = replaced.indicator_code
        and recorded.period = replaced.period
where replaced.indicator_code is null
union all
select
    consortium_code,
    indicator_code,
    period,
    district_code,
    n,
    numerator,
    persons,
    cast(null as bigint) as sum_of_squares,
    cast(null as bigint) as places,
    true as is_delivered_as_counts
from delivered
