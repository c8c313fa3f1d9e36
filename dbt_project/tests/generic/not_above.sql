{#- Fails on every row where a column is above its ceiling, another column; where either is NULL passes. -#}
{% test not_above(model, ceilings) %}
select *
from {{ model }}
where
    {%- for column, ceiling in ceilings.items() %}
    {{ "or " if not loop.first }}{{ column }} > {{ ceiling }}
    {%- endfor %}
{% endtest %}
