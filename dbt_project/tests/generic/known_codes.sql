{#- Fails on every row with a code that the table of that code does not have, under the same name; NULL passes. -#}
{% test known_codes(model, tables) %}
with coded as (
    select * from {{ model }}
)

select coded.*
from coded
{%- for column, table in tables.items() %}
left join {{ table }} as table_{{ loop.index }} on coded.{{ column }} = table_{{ loop.index }}.{{ column }}
{%- endfor %}
where
    {%- for column, table in tables.items() %}
    {{ "or " if not loop.first }}(coded.{{ column }} is not null and table_{{ loop.index }}.{{ column }} is null)
    {%- endfor %}
{% endtest %}
