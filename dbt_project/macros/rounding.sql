{#- With how many decimals figures leave. From a share in more detail its numerator follows, from a mean its sum of scores:
    whole per cents and tenths of a point below a number of people, one decimal more from there (rules R1 and M1 of
    disclosure control). Bounds of an interval are rounded as the figure that they belong to. -#}

{#- A value or bound of an indicator, in its unit. -#}
{% macro published_figure(figure, kind, n) -%}
    case
        when {{ kind }} = 'proportion' and {{ n }} < 1000 then round({{ figure }}, 2)
        when {{ kind }} = 'proportion' then round({{ figure }}, 3)
        when {{ kind }} = 'ratio' and {{ n }} < 1000 then round({{ figure }}, 0)
        when {{ kind }} in ('ratio', 'rate') then round({{ figure }}, 1)
        when {{ kind }} = 'mean' then {{ published_mean(figure, n) }}
        when {{ kind }} = 'count' then {{ figure }}
    end
{%- endmacro %}

{#- A mean of scores, in points. -#}
{% macro published_mean(mean, n) -%}
    case when {{ n }} < 200 then round({{ mean }}, 1) else round({{ mean }}, 2) end
{%- endmacro %}

{#- The nearest multiple: from it nobody can tell whether one person was added. NULL without a base. -#}
{% macro nearest_multiple(count, base) -%}
    (round({{ count }} / {{ base }}) * {{ base }})
{%- endmacro %}
