{#- The rows of a delivered table that count: of the highest accepted version per consortium and half-year. -#}
{% macro counting_rows(table_name) -%}
    select delivered.*
    from {{ source("deliveries", table_name) }} as delivered
    inner join {{ ref("stg_deliveries__deliveries") }} as deliveries
        on
            delivered.consortium = deliveries.consortium_code
            and delivered.period = deliveries.period
            and delivered.version = deliveries.delivery_version
    where deliveries.is_counting
{%- endmacro %}

{#- The rows of a monitor that count: of the newest vintage per table and year. As of an earlier moment these are the
    vintages of today: they wait for a log of loads, whose `loaded_at` then goes through arrived_by_then here. -#}
{% macro newest_vintage(monitor, parts) -%}
    select loaded.*
    from {{ source("monitors", monitor) }} as loaded
    inner join (
        select
            {{ parts | join(", ") }},
            max(vintage) as newest
        from {{ source("monitors", monitor) }}
        group by {{ parts | join(", ") }}
    ) as vintages
        on
            loaded.vintage = vintages.newest
            {%- for part in parts %}
            and loaded.{{ part }} = vintages.{{ part }}
            {%- endfor %}
{%- endmacro %}
