{#- Fails on every row where a column has another word than those allowed in it; NULL passes. -#}
{% test only_values(model, words) %}
select {{ words.keys() | join(", ") }}
from {{ model }}
where
    {%- for column, allowed in words.items() %}
    {{ "or " if not loop.first }}{{ column }} not in ('{{ allowed | join("', '") }}')
    {%- endfor %}
{% endtest %}
