{#- Fails on every row where one of the columns is NULL. -#}
{% test filled(model, columns) %}
select *
from {{ model }}
where {{ columns | join(" is null or ") }} is null
{% endtest %}
