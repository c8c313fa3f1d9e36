{#- Who took the interview; NULL where nobody did: on paper and online people answer by themselves. -#}
{% macro interviewer_who_spoke(interviews) -%}
    case when coalesce({{ interviews }}.mode, '') not in ('online', 'papier') then {{ interviews }}.interviewer_key end
{%- endmacro %}

{#- Minutes since midnight of a time written HH:MM. -#}
{% macro minute_of_day(time) -%}
    (cast(substring({{ time }}, 1, 2) as integer) * 60 + cast(substring({{ time }}, 4, 2) as integer))
{%- endmacro %}
