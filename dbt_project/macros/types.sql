{#- The engine's type for text; for NULLs and casts that must have a type. -#}
{% macro text_type() -%}
    {{ return(dbt.type_string()) }}
{%- endmacro %}
