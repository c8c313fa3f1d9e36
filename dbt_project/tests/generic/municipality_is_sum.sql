{#- Fails on every group where a column of the municipality's row is not the sum over its districts, and on every group of
    districts without a municipality. `districts` is the table that knows which code is which. -#}
{% test municipality_is_sum(model, group_by, columns, districts) %}
with cells as (
    select * from {{ model }}
),

levels as (
    select
        {% for column in group_by %}cells.{{ column }}, {% endfor %}
        areas.district_level,
        {% for column in columns %}cells.{{ column }}{{ ", " if not loop.last }}{% endfor %}
    from cells
    inner join {{ districts }} as areas on cells.district_code = areas.district_code
),

sums as (
    select
        {{ group_by | join(", ") }},
        sum(case when district_level = 'municipality' then 1 else 0 end) as municipalities
        {%- for column in columns %},
        coalesce(sum(case when district_level = 'municipality' then {{ column }} end), 0) as whole_{{ column }},
        coalesce(sum(case when district_level = 'district' then {{ column }} end), 0) as sum_{{ column }}
        {%- endfor %}
    from levels
    group by {{ group_by | join(", ") }}
)

select *
from sums
where
    municipalities <> 1
    {%- for column in columns %}
    or whole_{{ column }} <> sum_{{ column }}
    {%- endfor %}
{% endtest %}
