{#- Fails on every row where the parts do not add up to the total. -#}
{% test adds_up(model, total, parts) %}
select
    {{ total }},
    {{ parts | join(", ") }}
from {{ model }}
where {{ total }} <> {{ parts | join(" + ") }}
{% endtest %}
