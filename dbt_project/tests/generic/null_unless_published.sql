{#- Fails on every row that shows a figure while its status is not `published`, that has no status at all, or that is
    published without what a published one always has. -#}
{% test null_unless_published(model, columns, always=[]) %}
select
    status,
    {{ columns | join(", ") }}
from {{ model }}
where
    status is null
    {%- for column in always %}
    or (status = 'published' and {{ column }} is null)
    {%- endfor %}
    or (
        status <> 'published'
        and coalesce({% for column in columns %}cast({{ column }} as {{ text_type() }}), {% endfor %}null) is not null
    )
{% endtest %}
