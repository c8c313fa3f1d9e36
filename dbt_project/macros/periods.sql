{#- The calendar of half-years in SQL. A half-year's index is year * 2 for the first half and one more for the second,
    so that the half-year one year earlier is index - 2. -#}

{#- Index of the half-year with this name ('2024-H1'). -#}
{% macro period_index(period) -%}
    (cast(substring({{ period }}, 1, 4) as integer) * 2 + cast(substring({{ period }}, 7, 1) as integer) - 1)
{%- endmacro %}

{#- Index of the half-year in which a day falls. -#}
{% macro period_index_of_day(day) -%}
    (year({{ day }}) * 2 + case when month({{ day }}) > 6 then 1 else 0 end)
{%- endmacro %}

{#- Validity of a state that no later delivery has replaced: after every half-year. -#}
{% macro no_later_period() -%}
    99999
{%- endmacro %}

{#- Whole days from the first day to the second. -#}
{% macro days_between(first_day, second_day) -%}
    {{ return(dbt.datediff(first_day, second_day, "day")) }}
{%- endmacro %}

{#- One row per whole number from first to last, both included, as column `number`; no rows when either is NULL. -#}
{% macro numbers_between(first, last) -%}
    {{ return(adapter.dispatch("numbers_between")(first, last)) }}
{%- endmacro %}

{% macro default__numbers_between(first, last) -%}
    select unnest(generate_series({{ first }}, {{ last }})) as number
{%- endmacro %}

{% macro spark__numbers_between(first, last) -%}
    select explode(sequence({{ first }}, {{ last }})) as number
{%- endmacro %}

{#- Per half-year the value of a threshold that holds at its end; no row without one. -#}
{% macro threshold_per_period(code) -%}
    select
        periods.period,
        max(thresholds.value) as threshold
    from {{ ref("int_periods__list") }} as periods
    inner join {{ ref("thresholds") }} as thresholds
        on
            thresholds.threshold_code = '{{ code }}'
            and periods.ends_on >= thresholds.valid_from
            and periods.ends_on <= coalesce(thresholds.valid_to, periods.ends_on)
    group by periods.period
{%- endmacro %}
