{#- Whether something had arrived by the moment as of which the figures are computed (UTC, EFFECTMONITOR_AS_OF); without
    a moment everything has. Which delivery versions there are decides all else: which one counts, which half-years
    there are and how final they are. -#}
{% macro arrived_by_then(column) -%}
    {%- set moment = env_var("EFFECTMONITOR_AS_OF", "") -%}
    {%- if moment -%} {{ column }} <= cast('{{ moment }}' as timestamp) {%- else -%} true {%- endif -%}
{%- endmacro %}
