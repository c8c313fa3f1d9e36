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

{#- The rows of a monitor that count: of the newest vintage per table and year. Newest is what its publisher changed last; a
    vintage of which that moment is not known comes before all others, and names decide between two of those. As of an
    earlier moment only what had been loaded by then counts, and what is bundled with the software. -#}
{% macro newest_vintage(monitor, parts) -%}
    select loaded.*
    from {{ source("monitors", monitor) }} as loaded
    inner join (
        select
            held.*,
            row_number() over (
                partition by {% for part in parts %}held.{{ part }}{{ ", " if not loop.last }}{% endfor %}
                order by
                    case when loads.modified_at is null then 0 else 1 end desc,
                    loads.modified_at desc,
                    held.vintage desc
            ) as newest_first
        from (
            select distinct
                {{ parts | join(", ") }},
                vintage
            from {{ source("monitors", monitor) }}
        ) as held
        left join {{ ref("stg_monitors__loads") }} as loads
            on held.vintage = loads.vintage and loads.monitor = '{{ monitor }}'
        where
            loads.vintage is null
            or loads.origin = 'bundled'
            or {{ arrived_by_then("loads.loaded_at") }}
    ) as vintages
        on
            loaded.vintage = vintages.vintage
            and vintages.newest_first = 1
            {%- for part in parts %}
            and loaded.{{ part }} = vintages.{{ part }}
            {%- endfor %}
{%- endmacro %}
