{#- Schemas carry exactly the name that the folder has in dbt_project.yml, without the target's schema before it. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ target.schema if custom_schema_name is none else custom_schema_name | trim }}
{%- endmacro %}
