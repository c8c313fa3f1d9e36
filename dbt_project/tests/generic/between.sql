{#- Fails on every row with a value outside its column's bounds, which are included; NULL passes. -#}
{% test between(model, bounds) %}
select {{ bounds.keys() | join(", ") }}
from {{ model }}
where
    {%- for column, (lowest, highest) in bounds.items() %}
    {{ "or " if not loop.first }}{{ column }} < {{ lowest }} or {{ column }} > {{ highest }}
    {%- endfor %}
{% endtest %}
