{%- for monitor in ["ceo_wmo", "ceo_jeugd", "ipa"] %}
{{ "union all" if not loop.first }}
select
    '{{ monitor }}' as monitor,
    file_id,
    year,
    question,
    question_key,
    group_code,
    region_code,
    region_level,
    n,
    value,
    margin,
    marker,
    vintage,
    source
from (
    {{ newest_vintage(monitor, ["file_id"]) }}
) as newest_{{ monitor }}
{%- endfor %}
