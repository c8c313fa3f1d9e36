{#- Fails on every row where the column is above the ceiling column; rows where either is NULL pass. -#}
{% test not_above(model, column_name, ceiling) %}
select
    {{ column_name }},
    {{ ceiling }}
from {{ model }}
where {{ column_name }} > {{ ceiling }}
{% endtest %}
