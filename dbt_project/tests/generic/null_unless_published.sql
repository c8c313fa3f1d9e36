{#- Fails on every row that shows a figure while its status is not `published`, or that has no status at all. -#}
{% test null_unless_published(model, columns) %}
select
    status,
    {{ columns | join(", ") }}
from {{ model }}
where
    status is null
    or (
        status <> 'published'
        and coalesce({% for column in columns %}cast({{ column }} as {{ text_type() }}), {% endfor %}null) is not null
    )
{% endtest %}
